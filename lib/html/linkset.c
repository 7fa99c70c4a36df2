#include "lib/html/linkset.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
	LINKSET_FIRST = 64, /* links that there is room for at first */
};

struct linkset_slot {
	uint32_t hash;
	uint32_t number; /* of the link, from 1; 0: free */
};

void
linkset_begin(struct linkset *set, struct arena *arena, uint64_t seed)
{
	*set = (struct linkset){ .arena = arena, .seed = seed };
}

static uint32_t
linkset_hash(const struct linkset *set, struct span url, unsigned kind)
{
	return (
	    uint32_t)XXH3_64bits_withSeed(url.ptr, url.len, set->seed + kind);
}

/* The slot of the link, or the free one where it belongs. */
static struct linkset_slot *
linkset_slot(const struct linkset *set, uint32_t hash, struct span url,
    unsigned kind)
{
	uint32_t mask = set->cap * 2 - 1;

	for (uint32_t i = hash & mask;; i = (i + 1) & mask) {
		struct linkset_slot *slot = &set->slots[i];
		const struct page_link *link;

		if (slot->number == 0)
			return slot;
		link = &set->links[slot->number - 1];
		if (slot->hash == hash && link->kind == kind &&
		    span_eq(link->url, url))
			return slot;
	}
}

struct page_link *
linkset_find(const struct linkset *set, struct span url, unsigned kind)
{
	struct linkset_slot *slot;

	if (set->n == 0)
		return NULL;
	slot = linkset_slot(set, linkset_hash(set, url, kind), url, kind);
	return slot->number ? &set->links[slot->number - 1] : NULL;
}

static bool
linkset_grow(struct linkset *set)
{
	uint32_t cap = set->cap ? set->cap * 2 : LINKSET_FIRST;
	struct linkset_slot *slots;
	struct page_link *links;

	if (cap > UINT32_MAX / 4)
		return false;
	links = arena_alloc(set->arena, cap * sizeof(*links));
	slots = arena_alloc(set->arena, cap * 2 * sizeof(*slots));
	if (links == NULL || slots == NULL)
		return false;
	if (set->n > 0)
		memcpy(links, set->links, set->n * sizeof(*links));
	memset(slots, 0, cap * 2 * sizeof(*slots));
	for (uint32_t i = 0; i < set->cap * 2; i++) {
		const struct linkset_slot *old = &set->slots[i];
		uint32_t at = old->hash & (cap * 2 - 1);

		if (old->number == 0)
			continue;
		while (slots[at].number != 0)
			at = (at + 1) & (cap * 2 - 1);
		slots[at] = *old;
	}
	set->links = links;
	set->slots = slots;
	set->cap = cap;
	return true;
}

bool
linkset_add(struct linkset *set, struct page_link link)
{
	uint32_t hash = linkset_hash(set, link.url, link.kind);
	struct linkset_slot *slot;

	if (set->n == set->cap && !linkset_grow(set))
		return false;
	slot = linkset_slot(set, hash, link.url, link.kind);
	must(slot->number == 0);
	set->links[set->n++] = link;
	*slot = (struct linkset_slot){ hash, set->n };
	return true;
}
