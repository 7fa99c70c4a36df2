/*
 * robots - robots.txt after RFC 9309: compile once, match many times.
 *
 * Hostile text is parsed in the parser process into one position-independent
 * block of bytes; that block travels through the conveyor into the store, and
 * the scheduler only matches against it.  So matching trusts nothing: every
 * offset and length in the block is bounded, a broken block denies nothing
 * and says so through robots_valid().
 */
#ifndef LIB_ROBOTS_ROBOTS_H
#define LIB_ROBOTS_ROBOTS_H

#include <stdint.h>

#include "lib/base/buf.h"

/* Longest text; the caller cuts far earlier, at robots_max_bytes. */
#define ROBOTS_TEXT_MAX (16u << 20)

/* A block is at most so much longer than the text it was compiled from: with
 * that much room robots_compile() does not say -EMSGSIZE. */
#define ROBOTS_BLOCK_OVERHEAD 24

/*
 * Compile `text` (as received; BOM, NUL, CR line ends, malformed UTF-8 and
 * UTF-16 are allowed) for the product token `agent`: the merged group of that token,
 * else that of "*" (RFC 9309, 2.2.1).  Appends the block to `out`.
 * 0, -EMSGSIZE when the rules do not fit out's limit (the caller treats the
 * file as cut there: nothing is appended) or the text is over its maximum,
 * -ENOMEM.
 */
MUST_USE int robots_compile(struct span text, struct span agent,
    struct buf *out);

/*
 * A text that was cut at a limit, without its last line, unless that one is
 * whole: of "Allow: /public" could be left an "Allow: /".
 */
struct span robots_whole_lines(struct span text);

/* Is this a block that robots_compile() could have made? */
bool robots_valid(struct span block);

/*
 * May `target` (path and query as in url_target(), "/" at least) be fetched?
 * Longest match wins, allow at a tie, no match allows (2.2.2); "/robots.txt"
 * itself is always allowed.  Percent-encoding is compared as 2.2.2 says.
 * An invalid or empty block allows all.  The time is bounded (9 ms measured
 * for the worst 512 KiB): rules too costly to decide count as a disallow.
 */
bool robots_allows(struct span block, struct span target);

/*
 * The same answer, with what it stands on: for people who ask why.  Asked of
 * the same rules, so the two cannot differ.
 */
enum robots_ground {
	ROBOTS_NO_RULE,   /* none matches, or there are none: allowed */
	ROBOTS_RULE,      /* .line, .pattern and .anchored say which */
	ROBOTS_ITSELF,    /* it is /robots.txt: allowed */
	ROBOTS_TOO_COSTLY /* the rules could not be asked: denied */
};

struct robots_ruling {
	bool allowed;
	bool anchored; /* the pattern ended with '$' */
	enum robots_ground ground;
	uint32_t line;       /* of the text, from 1; of the same rule twice the
	                      * first.  0: no rule decided */
	struct span pattern; /* as compiled, for robots_ruling_write(); it
	                      * points into the block */
};
struct robots_ruling robots_explain(struct span block, struct span target);

/*
 * Append the rule that decided: "Disallow: /private*end$".  Not as it was
 * written but as it is matched, so escapes may differ; what it appends is
 * printable ASCII, and read again means the same.
 * 0, -EMSGSIZE, -ENOMEM.
 */
MUST_USE int robots_ruling_write(const struct robots_ruling *ruling,
    struct buf *out);

/* Crawl-delay of the agents that it stands under (of several the longest), in
 * the group that applies, in ms; -1: none.  Past a day counts as a day. */
int64_t robots_crawl_delay_ms(struct span block);

/* Sitemap lines, of all groups, in file order: fills *out with the i-th and
 * returns true, or false past the last. */
bool robots_sitemap(struct span block, size_t i, struct span *out);

/*
 * What the answer to a request for robots.txt means (RFC 9309, 2.3.1).
 * `status` 0: no answer at all.
 */
enum robots_meaning {
	ROBOTS_USE_BODY,   /* 2xx */
	ROBOTS_FOLLOW,     /* 3xx: another request, five at the most */
	ROBOTS_ALLOW_ALL,  /* 4xx, 429 apart */
	ROBOTS_UNREACHABLE /* 5xx, 429 and no answer: disallow, try again */
};
enum robots_meaning robots_meaning(int status);

#endif
