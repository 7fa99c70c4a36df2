/*
 * maps - the sitemaps that a host is to be asked for.
 *
 * Only who they are and when: the rest is in their rows.  Those that may be
 * asked for at once stand in the order in which they were found, those that
 * wait for another try by their time.
 */
#ifndef LIB_FRONTIER_MAPS_H
#define LIB_FRONTIER_MAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"

struct map {
	struct map *next;
	uint64_t url64;
	uint64_t asker64; /* the site that it is read for */
	int64_t due_ms;   /* of another try; 0: at once */
	uint8_t attempts, is_short;
};

/* All zeros: none. */
struct maps {
	struct map *first, *last; /* at once */
	struct map *waiting;      /* by due_ms */
	/* One has been ordered, and its settlement is not yet committed: no
	 * other is until then. */
	bool out;
	bool was_last; /* the host's last order was one: pages have a turn */
};

void maps_fini(struct maps *maps);

static inline bool
maps_are_none(const struct maps *maps)
{
	return maps->first == NULL && maps->waiting == NULL;
}

/* A copy, at the end, by its time, or in front of all.  0, -ENOMEM. */
MUST_USE int maps_add(struct maps *maps, const struct map *like, bool in_front);

/* When one may be asked for: 0 at once; INT64_MAX there is none, or one is
 * out. */
int64_t maps_due_ms(const struct maps *maps);

/* The next one that is due, taken out.  False: none is. */
bool maps_take(struct maps *maps, int64_t now_ms, struct map *out);

/* This one, taken out.  False: it is not there. */
bool maps_remove(struct maps *maps, uint64_t url64, uint64_t asker64);

#endif
