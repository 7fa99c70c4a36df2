/*
 * arena - memory of one page: taken by moving a pointer, given back at once.
 *
 * arena_reset() forgets everything that was taken and keeps the memory for the
 * next page, up to a measure.  There is no free of one block.
 */
#ifndef LIB_BASE_ARENA_H
#define LIB_BASE_ARENA_H

#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/span.h"

/*
 * Under AddressSanitizer what is not taken is poisoned, with a gap behind
 * each block: so that a read past a block, or of the page before, is found as
 * if every block came from malloc().
 */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define ARENA_GAP            16
#define ARENA_POISON(p, n)   ASAN_POISON_MEMORY_REGION(p, n)
#define ARENA_UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
#define ARENA_GAP            0
#define ARENA_POISON(p, n)   ((void)0)
#define ARENA_UNPOISON(p, n) ((void)0)
#endif

/* Blocks lie on this; enough for pointers and 64-bit numbers. */
#define ARENA_ALIGN 8

struct arena_chunk;

struct arena {
	char *at;  /* the next block */
	char *end; /* of the chunk in use; a multiple of ARENA_ALIGN from at */
	struct arena_chunk *first;
	struct arena_chunk *used; /* what `at` points into; NULL: none yet */
	size_t held;              /* bytes of all chunks, kept ones included */
	size_t limit;
};

/* No memory is taken before the first block.  The arena never holds more than
 * `limit` bytes. */
void arena_init(struct arena *arena, size_t limit);
void arena_fini(struct arena *arena);

/* Forget all blocks. */
void arena_reset(struct arena *arena);

/* The slow half of arena_alloc(). */
void *arena_more(struct arena *arena, size_t size);

/*
 * `size` bytes, not cleared, valid until arena_reset(); size 0 is a place,
 * too.  NULL: over the limit, or no memory; a smaller block may still fit.
 */
static inline MUST_USE void *
arena_alloc(struct arena *arena, size_t size)
{
	char *block = arena->at;

	/* `>=`, so that an arena without a chunk (both NULL) has no room. */
	if (UNLIKELY(size + ARENA_GAP >= (size_t)(arena->end - block) ||
		     size > SIZE_MAX / 2))
		return arena_more(arena, size);
	arena->at += (size + ARENA_GAP + ARENA_ALIGN - 1) &
		     ~(size_t)(ARENA_ALIGN - 1);
	ARENA_UNPOISON(block, size);
	return block;
}

/* A copy of `bytes`.  False: no room. */
static inline MUST_USE bool
arena_copy(struct arena *arena, struct span bytes, struct span *out)
{
	char *copy = arena_alloc(arena, bytes.len);

	if (copy == NULL)
		return false;
	if (bytes.len > 0)
		memcpy(copy, bytes.ptr, bytes.len);
	*out = span_of(copy, bytes.len);
	return true;
}

#endif
