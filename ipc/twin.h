/*
 * twin - a few words that are written together and read together.
 *
 * Two copies and a turn counter; the low bit of the counter says which copy
 * is in force, 0 that none was ever written.  One writer at a time.  A writer
 * killed in the middle leaves the copy in force as it was, and the next writer
 * fills the idle one again.
 */
#ifndef IPC_TWIN_H
#define IPC_TWIN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/* A reader is overtaken only by two whole writes during one of its
	 * copies; so many times in a row means a counter gone mad. */
	TWIN_TRIES = 10000
};

/* `words` has room for two copies of `n`. */
static inline void
twin_write(_Atomic uint64_t *turn, _Atomic uint64_t *words, size_t n,
    const uint64_t *values)
{
	uint64_t next = atomic_load_explicit(turn, memory_order_relaxed) + 1;
	_Atomic uint64_t *idle = words + (next & 1) * n;

	/* Release, each: whoever sees one of these also sees that the turn
	 * before has begun, and with it that its copy is being written over.
	 * Pairs with the acquire loads of twin_read(). */
	for (size_t i = 0; i < n; i++)
		atomic_store_explicit(&idle[i], values[i],
		    memory_order_release);
	/* Pairs with the first load of twin_read(). */
	atomic_store_explicit(turn, next, memory_order_release);
}

/* false: never written, or never still; `values` is then undefined. */
static inline bool
twin_read(const _Atomic uint64_t *turn, const _Atomic uint64_t *words, size_t n,
    uint64_t *values)
{
	uint64_t seen = atomic_load_explicit(turn, memory_order_acquire);

	for (int tries = 0; seen != 0 && tries < TWIN_TRIES; tries++) {
		const _Atomic uint64_t *copy = words + (seen & 1) * n;
		uint64_t now;

		for (size_t i = 0; i < n; i++)
			values[i] = atomic_load_explicit(&copy[i],
			    memory_order_acquire);
		now = atomic_load_explicit(turn, memory_order_acquire);
		if (now == seen)
			return true;
		seen = now;
	}
	return false;
}

#endif
