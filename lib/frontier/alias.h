/*
 * alias - hosts that have moved to another for good: each page of theirs was
 * answered 301 or 308, to the same path and query there.
 *
 * Learned from ALIAS_PROOFS pages, so that links to the old host can be taken
 * for links to the new one, without a request for each.  A host that serves
 * but one page itself was no alias, and is never taken for one again.
 *
 * This is the memory of it; what was learned lies in the store as well, and
 * is put back by alias_restore().  A host is "https://example.org:8443".
 */
#ifndef LIB_FRONTIER_ALIAS_H
#define LIB_FRONTIER_ALIAS_H

#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/span.h"

enum {
	ALIAS_PROOFS = 3,
	ALIAS_HOSTS = 1 << 16, /* that are remembered; more are not learned */
	ALIAS_SLOTS = 1 << 14,
	ALIAS_MAYBE = 1 << 10, /* hosts of which some pages have moved */
};

struct alias {
	struct alias *chain;
	uint64_t site64; /* the old host */
	size_t len;
	char to[]; /* the new one; empty: it is none, and never will be */
};

struct aliases {
	struct alias **slots; /* NULL until there is one */
	size_t n;
	/* Overwritten by whoever needs the slot: it is only learned later. */
	struct alias_maybe {
		uint64_t site64, to64;
		unsigned proofs;
	} maybe[ALIAS_MAYBE];
};

void aliases_init(struct aliases *aliases);
void aliases_fini(struct aliases *aliases);

/* Where the host has moved to; empty: nowhere. */
struct span alias_of(const struct aliases *aliases, uint64_t site64);

/* As it was told before.  0, -ENOMEM; what is too much is forgotten. */
MUST_USE int alias_restore(struct aliases *aliases, uint64_t site64,
    struct span to);

/* Another page of `site64` has moved to the host `to`, whose hash is to64.
 * 1 now it is an alias, 0 not yet, already or never, -ENOMEM. */
MUST_USE int alias_proof(struct aliases *aliases, uint64_t site64,
    uint64_t to64, struct span to);

/* A page was served by the host itself.  True: it was an alias, and now is
 * one no more. */
bool alias_doubt(struct aliases *aliases, uint64_t site64);

#endif
