/*
 * robots_impl - what a compiled block looks like, and the form in which
 * patterns and targets are compared.
 *
 *     struct robots_head
 *     rules       one after the other, the strongest first:
 *                 a word (enum robots_rule), the number of its line in three
 *                 bytes, the lowest first, then the pattern's bytes
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

#define ROBOTS_MAGIC    UINT32_C(0x32746272) /* "rbt2" */
#define ROBOTS_NO_DELAY UINT32_MAX

enum {
	ROBOTS_DELAY_MAX_MS = 24 * 60 * 60 * 1000,
	ROBOTS_WORD = sizeof(uint32_t),
	ROBOTS_LINE =
	    3, /* bytes: one more, and a block could outgrow its text */
	ROBOTS_LINE_MAX = 0xffffff,
	ROBOTS_RULE_HEAD = ROBOTS_WORD + ROBOTS_LINE
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

/* A rule's line, where it stands behind the word. */
static inline void
robots_line_put(char *to, uint32_t line)
{
	to[0] = (char)(line & 0xff);
	to[1] = (char)(line >> 8 & 0xff);
	to[2] = (char)(line >> 16 & 0xff);
}

static inline uint32_t
robots_line_get(const char *from)
{
	return (uint32_t)(unsigned char)from[0] |
	       (uint32_t)(unsigned char)from[1] << 8 |
	       (uint32_t)(unsigned char)from[2] << 16;
}

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

/*
 * The text as UTF-8, without a byte order mark: `text` itself, or UTF-16
 * decoded into `scratch`; what goes past its limit is cut off with its line.
 * 0, -ENOMEM.
 */
MUST_USE int robots_as_utf8(struct span text, struct buf *scratch,
    struct span *out);

#endif
