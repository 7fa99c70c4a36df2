/*
 * plural - "1 URL", "2 URLs": what a person reads agrees with its number.
 *
 *     printf("%u URL%s", n, plural(n))
 */
#ifndef LIB_BASE_PLURAL_H
#define LIB_BASE_PLURAL_H

#include <stdint.h>

static inline const char *
plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/* Of another word than one that takes an "s": plural_of(n, "is", "are"). */
static inline const char *
plural_of(uint64_t n, const char *one, const char *many)
{
	return n == 1 ? one : many;
}

#endif
