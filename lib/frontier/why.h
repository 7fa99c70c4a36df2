/*
 * why - all that decides about one URL, as it stands now: for a person who
 * asks.
 *
 * Gathered by the same functions that decide; nothing is changed by it.
 */
#ifndef LIB_FRONTIER_WHY_H
#define LIB_FRONTIER_WHY_H

#include "lib/frontier/budget.h"
#include "lib/frontier/frontier.h"
#include "lib/frontier/lease.h"
#include "lib/frontier/politeness.h"
#include "lib/frontier/rows.h"
#include "lib/frontier/rulebook.h"
#include "lib/frontier/trap.h"
#include "lib/robots/robots.h"
#include "lib/url/scope.h"

enum {
	WHY_COUNT = 10000, /* URLs in front of it that are counted */
	WHY_ASKINGS = 5,   /* enum link_flag */
	WHY_MAPS = 4,   /* sites that it is a sitemap of; more are left out */
	WHY_SITE = 512, /* "https://", the longest name, a port */
};

/* It is a sitemap, that is read for this site. */
struct why_map {
	char asker[WHY_SITE]; /* "https://example.org:8443"; "": not known */
	struct map_row row;   /* its text is that of the URL */
	bool leased;
	enum lease_state lease;
	int64_t ordered_ms;
};

/* Spans and pointers are borrowed from the frontier until its next call, but
 * for `line`, which is the holder's: why_fini(). */
struct why {
	struct span url;        /* as it would be fetched */
	struct span site, page; /* its key, the site's name and what follows */
	uint64_t site64, url64; /* the hashes of these: its id */

	/* Were it a link on a page: */
	enum refusal refusal; /* REFUSALS: it would be admitted */
	enum scope_answer scope;
	struct scope_why rule; /* what in the scope decided */
	enum trap_shape shape;
	struct span alias;   /* the host that its host has moved to, or empty */
	const char *blocked; /* the pattern that closes its host, or NULL */
	/* What refuses it where the link or its page asks for that. */
	enum refusal asked[WHY_ASKINGS];
	size_t n_asked;
	size_t n_traps; /* patterns that have too many URLs */
	struct frontier_trap traps[TRAP_VIEWS];

	/* Its row, if it has one. */
	bool known;
	struct url_row row;
	struct span via; /* the page that led to it, or empty */
	bool leased;
	enum lease_state lease;
	int64_t ordered_ms;
	uint64_t before; /* of its host's queue; WHY_COUNT: that or more */

	/* What else it may be, a page or not. */
	size_t n_maps;
	struct why_map maps[WHY_MAPS];
	bool is_robots; /* "/robots.txt" */

	const char *limit; /* of the whole crawl, that stops it now, or NULL */

	/* Its host, if it has a row. */
	bool host_known;
	uint64_t admitted, queued, fetched;
	uint64_t slots; /* requests under way, to any origin of its name */
	bool is_busy;   /* no more of them at once (host_concurrency) */
	bool down;
	enum budget parked;
	struct budgets limits, used;
	enum reason
	    host_reason; /* why all its URLs are excluded now, or NONE */
	int64_t due_ms;  /* when its next URL may be looked at; INT64_MAX: when
	                     something else has happened */
	struct polite_why clock; /* when the next request may leave, and what
	                            decides that: host and address */
	int64_t since_ms;        /* it has been waited for that; 0: not known */
	bool in_line;     /* it is due, and waits for its address's turn */
	struct pace pace; /* of its name */
	struct polite polite;
	int64_t outage_ms; /* how long our own network has been out; 0: it is
	                      not */

	/* robots.txt */
	bool robots_ignored; /* by the setting */
	enum rulebook_state robots;
	enum rulebook_need need;
	int64_t robots_at_ms; /* until when, or when it is asked for again */
	int64_t
	    robots_since_ms; /* rules hold, or it cannot be had; 0: neither */
	int64_t
	    robots_asked_ms;   /* the request left that is under way; 0: none */
	unsigned robots_fails; /* in a row */
	bool has_rules;
	struct robots_ruling ruling;
	struct buf line; /* "Disallow: /private" */
};

void why_fini(struct why *why);

/*
 * Of a text that a person wrote.  0, -EINVAL it is no http(s) URL (`err` says
 * it), -EIO, -ENOMEM.  why_fini() in either case.
 */
MUST_USE int frontier_why(struct frontier *frontier, struct span text,
    int64_t now_ms, struct why *out, struct err *err);

#endif
