/*
 * linkset - links in the order they came, none twice with one kind.
 *
 * Texts are borrowed; the list and its index lie in an arena, and go with it.
 */
#ifndef LIB_HTML_LINKSET_H
#define LIB_HTML_LINKSET_H

#include "lib/base/arena.h"
#include "lib/html/page.h"

struct linkset_slot;

struct linkset {
	struct arena *arena;
	struct page_link *links;
	uint32_t n, cap;
	struct linkset_slot *slots; /* twice as many as links, a power of 2 */
	uint64_t seed;
};

/* `seed` should not be known to who writes pages: it keeps them from choosing
 * URLs that fall together. */
void linkset_begin(struct linkset *set, struct arena *arena, uint64_t seed);

/* The link of this URL and kind; NULL: none. */
struct page_link *linkset_find(const struct linkset *set, struct span url,
    unsigned kind);

/*
 * Add one that linkset_find() does not find.  False: no room.
 */
MUST_USE bool linkset_add(struct linkset *set, struct page_link link);

#endif
