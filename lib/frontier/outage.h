/*
 * outage - is it the hosts that cannot be reached, or is it we?
 *
 * When one host after the other fails to be reached and none answers in
 * between, our own network is out, and going on would only use up the tries
 * of URLs.  Then nothing is ordered but a few probes now and then; the first
 * answer of any host ends it.  After outage_give_up the hosts' own rules
 * decide again, so that a crawl ends without a network, too.
 *
 * What counts, all within WINDOW_MS and each place (an address, or a name when
 * that is all there is) once: a host that has answered before, WEIGHT_KNOWN;
 * one that never has, WEIGHT_NEW, for lists of dead names exist.  A host that
 * was in trouble already does not count.  So one server that goes down with a
 * thousand hosts is one place, and a crawl of fewer than five hosts is never
 * out: there the host's back-off and host_give_up do what they do.
 *
 * A state table; pure: time is passed in.  In memory only: a crawl that is
 * started without a network finds out again.
 */
#ifndef LIB_FRONTIER_OUTAGE_H
#define LIB_FRONTIER_OUTAGE_H

#include <stdbool.h>
#include <stdint.h>

enum {
	OUTAGE_WINDOW_MS = 5 * 60 * 1000,
	OUTAGE_WEIGHT_KNOWN = 8,
	OUTAGE_WEIGHT_NEW = 1,
	OUTAGE_WEIGHT = 40, /* five hosts that we know, or forty new ones */
	OUTAGE_PLACES = OUTAGE_WEIGHT,
	/* Probes: so many orders at a time, and how long until the next. */
	OUTAGE_PROBES = 4,
	OUTAGE_PROBE_MS = 5 * 1000, /* doubles … */
	OUTAGE_PROBE_MAX_MS = 60 * 1000,
};

enum outage_state {
	OUTAGE_NONE,
	OUTAGE_DOUBT,   /* some have failed in a row */
	OUTAGE_ON,      /* only probes leave */
	OUTAGE_ENDURED, /* given up: all goes on as if it were none */
	OUTAGE_STATES
};

enum outage_event {
	OUTAGE_FAILURE, /* of a place that had not failed in this row */
	OUTAGE_ENOUGH,  /* … and that was one too many */
	OUTAGE_ANSWER,  /* of any host, whatever its status */
	OUTAGE_OLD,     /* the first failure of the row is too long ago */
	OUTAGE_GIVE_UP, /* it has lasted for outage_give_up */
	OUTAGE_EVENTS
};

struct outage {
	uint8_t state;      /* enum outage_state */
	int64_t since_ms;   /* of the first failure in the row */
	int64_t give_up_ms; /* the setting; 0: off */
	unsigned weight;
	unsigned n;
	uint64_t places[OUTAGE_PLACES];
	int64_t probe_ms; /* when the next may leave */
	int64_t between_ms;
	unsigned probes; /* that may still leave now */
};

void outage_init(struct outage *outage, int64_t give_up_ms);

/*
 * A host could not be reached (no name, no connection), or has answered.
 * `is_known`: it has answered before; `was_in_trouble`: its last fetch failed
 * so, too.  True: the state has changed to or from OUTAGE_ON.
 */
bool outage_failed(struct outage *outage, uint64_t place, bool is_known,
    bool was_in_trouble, int64_t now_ms);
bool outage_answered(struct outage *outage);

/* Do failures count against the one who failed? */
static inline bool
outage_is_on(const struct outage *outage)
{
	return outage->state == OUTAGE_ON;
}

/* May an order leave?  Looks at the clock: true in *changed when that has
 * ended the outage. */
bool outage_allows(struct outage *outage, int64_t now_ms, bool *changed);
/* One has left. */
void outage_probed(struct outage *outage);
/* When outage_allows() may say yes. */
int64_t outage_due_ms(const struct outage *outage, int64_t now_ms);

#endif
