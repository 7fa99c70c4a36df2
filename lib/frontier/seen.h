/*
 * seen - the front cache: which URLs are known, in 8 bytes each.
 *
 * Open addressing over 64-bit fingerprints.  It starts small and doubles up
 * to its limit; there, new fingerprints overwrite old ones and the cache is
 * no longer complete: a hit still means known, a miss means ask the store.
 * A false hit has odds of (URLs known) / 2^64.
 */
#ifndef LIB_FRONTIER_SEEN_H
#define LIB_FRONTIER_SEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"

struct seen {
	uint64_t *slots; /* 0: free */
	size_t mask;
	size_t used;
	size_t max_slots;
	bool overflowed; /* something was overwritten or left out */
};

/* `limit` in bytes; the start is 1 MiB, or less when the limit is.
 * 0 or -ENOMEM. */
MUST_USE int seen_init(struct seen *seen, uint64_t limit);
void seen_fini(struct seen *seen);

/* Of a URL by its two hashes; never 0. */
uint64_t seen_print(uint64_t site64, uint64_t url64);

bool seen_has(const struct seen *seen, uint64_t print);
/* No error: what finds no room makes the cache incomplete. */
void seen_add(struct seen *seen, uint64_t print);

#endif
