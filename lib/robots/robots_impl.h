/*
 * robots_impl - what a compiled block looks like, and the form in which
 * patterns and targets are compared.
 *
 *     struct robots_head
 *     rules       one after the other, the strongest first:
 *                 a word (struct robots_rule), then the pattern's bytes
 *     ends        n_sitemaps words: where in `text` each Sitemap URL ends
 *     text        the Sitemap URLs, one after the other
 *
 * Words are 32 bits in the byte order of the machine, at any address.  No
 * pointers, so it may lie anywhere; and a block is never longer than the text
 * it was made of by more than ROBOTS_BLOCK_OVERHEAD: each line costs more in
 * the text than here.
 */
#ifndef LIB_ROBOTS_ROBOTS_IMPL_H
#define LIB_ROBOTS_ROBOTS_IMPL_H

#include "lib/robots/robots.h"

#define ROBOTS_MAGIC    UINT32_C(0x31746272) /* "rbt1" */
#define ROBOTS_NO_DELAY UINT32_MAX

enum {
	ROBOTS_DELAY_MAX_MS = 60 * 60 * 1000,
	ROBOTS_WORD = sizeof(uint32_t)
};

struct robots_head {
	uint32_t magic;
	uint32_t len;      /* of the whole block */
	uint32_t delay_ms; /* ROBOTS_NO_DELAY: none */
	uint32_t rules_len;
	uint32_t n_rules;
	uint32_t n_sitemaps;
};
static_assert(sizeof(struct robots_head) == ROBOTS_BLOCK_OVERHEAD,
    "lengths of blocks are promised in robots.h");

/* The word in front of a pattern: its length and these two. */
enum robots_rule {
	ROBOTS_RULE_ALLOW = 1,
	ROBOTS_RULE_ANCHORED = 2, /* it ended with '$' */
	ROBOTS_RULE_BITS = 2
};

/* In a compiled pattern: any run of bytes.  No other byte of one is 0, since
 * %00 stays as it is. */
#define ROBOTS_STAR '\0'

/*
 * Take the next character of a path, plain or percent-encoded, off `rest`
 * (which is not empty) and write the form in which it is compared to `out`:
 * 1 or 3 bytes, never more than were taken.  Returns how many.  *octets is
 * its length as RFC 9309 2.2.2 counts it, all encoded that has to be.
 *
 * The RFC compares encoded text; here all is decoded that can be without
 * changing what equals what: then nothing grows, and a '*' or '$' that was
 * written %2A or %24 is a plain byte.
 */
size_t robots_path_next(struct span *rest, char out[3], unsigned *octets);

#endif
