/*
 * doc - gumbo's tree of a page, made under limits.
 *
 * gumbo has none of its own: 100,000 nested elements take it half a minute,
 * because each new one looks down the whole stack of open elements.  It is
 * stopped from its allocator, by longjmp: the arena is all that it holds.
 *
 * What was built until then is a tree, too: gumbo links a node into it when
 * the node is complete, and copies a vector before it drops the old one, and
 * an arena's memory stays.  Links that stand in front of what is hostile are
 * found.
 *
 * This is the one place in lib/html that reads a clock: the CPU time of the
 * calling thread, once per DOC_LOOK blocks of gumbo's.
 */
#ifndef LIB_HTML_DOC_H
#define LIB_HTML_DOC_H

#include <gumbo.h>

#include "lib/base/arena.h"

/* Every so many blocks the clock is read: at most some ms of work. */
#define DOC_LOOK 512

struct doc_limits {
	uint32_t depth;  /* of nested elements; stopped by twice that */
	uint64_t memory; /* bytes of the arena */
	int64_t cpu_ms;  /* from doc_begin() on */
};

enum doc_end {
	DOC_WHOLE,
	DOC_DEEP,
	DOC_SLOW,
	DOC_LARGE,
};

struct doc;
struct doc *doc_new(const struct doc_limits *limits);
void doc_free(struct doc *doc);

/* A new page: the clock starts. */
void doc_begin(struct doc *doc);

/*
 * Parse UTF-8.  *root is the document's node, whole or as far as it came, or
 * NULL when there was not even memory for that.  It lives until the next call,
 * and points into `text`.
 */
enum doc_end doc_parse(struct doc *doc, struct span text,
    const GumboNode **root);

/* Is gumbo's stack of open elements watched?  (For a test: a gumbo of which
 * this cannot be learnt is stopped by its memory and time alone.) */
bool doc_watches_depth(const struct doc *doc);

#endif
