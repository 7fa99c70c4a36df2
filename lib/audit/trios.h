/*
 * trios - a great many triples of numbers, to be sorted: 24 bytes each, and
 * none besides.
 */
#ifndef LIB_AUDIT_TRIOS_H
#define LIB_AUDIT_TRIOS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

struct trio {
	uint64_t a, b, c;
};

struct trios {
	struct trio *at;
	size_t n, room;
};

#define TRIOS_NONE ((struct trios){ .at = NULL })

void trios_fini(struct trios *trios);
/* 0 or -ENOMEM. */
MUST_USE int trios_add(struct trios *trios, uint64_t a, uint64_t b, uint64_t c);
/* By a, then b, then c; in place. */
void trios_sort(struct trios *trios);
/* Forget them, keep the memory. */
static inline void
trios_clear(struct trios *trios)
{
	trios->n = 0;
}

#endif
