/*
 * attr - what we ask of the compiler, for lib/.
 *
 * ipc/ has its own copy: the layers share nothing, so either can be lifted
 * out of this tree alone.
 */
#ifndef LIB_BASE_ATTR_H
#define LIB_BASE_ATTR_H

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define MUST_USE          __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define ARRAY_LEN(a)      (sizeof(a) / sizeof((a)[0]))
#define LIKELY(x)         __builtin_expect(!!(x), 1)
#define UNLIKELY(x)       __builtin_expect(!!(x), 0)

/* Of a node inside it. */
#define OWNER_OF(node, type, member)                                           \
	((type *)(void *)((char *)(node)-offsetof(type, member)))

/* For what only a bug of our own can break; input is checked and refused. */
#define must(x)                                                                \
	do {                                                                   \
		if (UNLIKELY(!(x))) {                                          \
			fprintf(stderr, "%s:%d: bug: %s\n", __FILE__,          \
			    __LINE__, #x);                                     \
			abort();                                               \
		}                                                              \
	} while (0)

#endif
