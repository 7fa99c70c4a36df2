/*
 * block - the hosts that a person has closed, by name.
 *
 * A pattern is a host's name as URLs have it, and stands for every scheme and
 * port of it: "example.org", "[::1]"; "*.example.org" for all names below
 * that one, ".example.org" for it and all below.
 */
#ifndef LIB_FRONTIER_BLOCK_H
#define LIB_FRONTIER_BLOCK_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

enum {
	BLOCKS_MAX = 100000, /* patterns */
	BLOCK_LONGEST = 300, /* bytes of one */
};

struct blocks {
	char **items; /* owned, sorted */
	size_t n, room;
};

#define BLOCKS_NONE ((struct blocks){ NULL, 0, 0 })

void blocks_fini(struct blocks *blocks);

/*
 * What a person wrote as a pattern: lower case, punycode, no dot at the end.
 * A whole URL stands for its host.  Appended to `out`, which is cleared.
 * 0, -EINVAL with `err`, -ENOMEM.
 */
MUST_USE int block_read(struct span text, struct buf *out, struct err *err);

/* The name in an origin, "example.org" of "https://example.org:8443", as it is
 * looked up; it points into `origin`. */
struct span block_host(struct span origin);

/* 1 it is new, 0 it is there already, -ENOSPC BLOCKS_MAX are, -ENOMEM. */
MUST_USE int blocks_add(struct blocks *blocks, struct span pattern);
/* Was it there? */
bool blocks_remove(struct blocks *blocks, struct span pattern);
/* The pattern that closes the host of this name; NULL: none does.  It lives
 * until the next change. */
const char *blocks_match(const struct blocks *blocks, struct span host);

#endif
