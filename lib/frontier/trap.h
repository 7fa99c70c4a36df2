/*
 * trap - shapes of URLs of which there may be no end.
 *
 * Two kinds.  A path that is too deep, or in which the same segments come
 * again and again, is a trap by its shape alone.  A *pattern* is what is left
 * of a URL when all that a machine counts is taken out: "/archive/N/N?page".
 * Of a pattern with very many URLs nobody can tell by the URLs whether it is a
 * trap (a calendar, a session in each link) or a large honest site (articles
 * with numbers); but its URLs can come last.  Pure.
 */
#ifndef LIB_FRONTIER_TRAP_H
#define LIB_FRONTIER_TRAP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/span.h"

enum trap_shape {
	TRAP_NO,
	TRAP_DEEP,    /* max_path_depth */
	TRAP_REPEATS, /* max_path_repeat */
};

/*
 * `path` begins with '/'.  More than `max_depth` segments are deep; a run of
 * segments that comes `max_repeat` times in a row repeats: /x/x/x,
 * /a/b/a/b/a/b.  0: not asked for; of a repeat the least is 2.
 */
enum trap_shape trap_shape_of(struct span path, uint32_t max_depth,
    uint32_t max_repeat);

enum {
	TRAP_VIEWS = 3,
	TRAP_LONGEST = 256,  /* bytes of a pattern; a longer one is cut */
	TRAP_SEGMENTS = 256, /* that are looked at, from the end of a path */
	TRAP_NAMES = 32,     /* of a query; more are one pattern */
};

struct trap_pattern {
	char text[TRAP_LONGEST];
	size_t len;
};

/*
 * The patterns of a URL, how many.  None: it is the only URL of its kind, made
 * of words alone.
 *
 *   /cal/N/N?d&m   digits are N, dates D, names that a machine made X;
 *                  of a query its parameters' names, sorted
 *   /cal/N/N?*     when it has several: any of them, since each may be left
 *                  out or added
 *   *?sid=X        whatever the path, when a value looks as made by a machine:
 *   /s/X/ *        one that is in every link of a site; or what follows such
 *                  a segment of the path (without the blank)
 */
size_t trap_patterns(struct span path, struct span query,
    struct trap_pattern out[TRAP_VIEWS]);

/*
 * How often each was counted, in memory of a fixed size: 65,536 keys, eight
 * to a place.  Where more come than there is room, the rarest is counted less
 * than it was: never one more than it was.
 */
struct trap_counts;
struct trap_counts *trap_counts_new(void); /* NULL: no memory */
void trap_counts_free(struct trap_counts *counts);
/* One more; its number now. */
uint32_t trap_counts_add(struct trap_counts *counts, uint64_t key);

#endif
