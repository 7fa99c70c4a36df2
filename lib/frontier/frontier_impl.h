/*
 * frontier_impl - the frontier's insides, shared by frontier*.c.
 */
#ifndef LIB_FRONTIER_FRONTIER_IMPL_H
#define LIB_FRONTIER_FRONTIER_IMPL_H

#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/frontier/address.h"
#include "lib/frontier/alias.h"
#include "lib/frontier/block.h"
#include "lib/frontier/frontier.h"
#include "lib/frontier/host.h"
#include "lib/frontier/lease.h"
#include "lib/frontier/outage.h"
#include "lib/frontier/rows.h"
#include "lib/frontier/seen.h"
#include "lib/frontier/store.h"
#include "lib/frontier/trap.h"
#include "lib/url/canon.h"
#include "lib/url/scope.h"
#include "lib/url/url.h"

enum {
	TEXTS = 8192,        /* slots of the cache of links as written */
	RULES = 256,         /* slots of the cache of robots rules */
	SWEEP = 256,         /* waiting URLs that one sweep moves */
	SCAN_OPEN = 1 << 14, /* keys read into the front cache at open … */
	SCAN_STEP = 4096,    /* … and then at each commit */
	RULES_BYTES = 8 << 20,
	RULES_MAX = 2 << 20, /* bytes of one site's rules */
	VALUE_MAX = 4 << 20, /* bytes of any row */
	ROBOTS_HOPS_MAX = 5,
	HOST_LONGEST = 255, /* of DNS; a longer one cannot be fetched */
	NEWS = 16,
};

/* Patterns of too many URLs, with those of the link at hand. */
enum {
	TRAPS_MAX = 10000,
	TRAP_SLOTS = 1 << 15,
	TRAP_BODIES = 64,   /* digests of one that are remembered … */
	TRAP_PAGES = 100,   /* … of so many pages before they mean anything */
	TRAP_EXAMPLE = 500, /* bytes of one */
	TRAP_KEY = sizeof("trap.") + 16, /* of its row, and a NUL */
};
struct trap;
struct traps {
	struct trap **slots; /* TRAP_SLOTS, by id; NULL: there is none */
	size_t n;
	struct trap *changed; /* rows that the commit writes */
	struct trap_counts *counts;
	struct trap_pattern views[TRAP_VIEWS];
	uint64_t ids[TRAP_VIEWS];
	size_t n_views, worst;
};

struct frontier {
	const struct config *config;
	struct store *store;
	struct hosts hosts;
	struct servers servers;
	struct addresses addresses;
	struct outage outage;
	struct leases leases;
	struct lease *settled; /* linked by .after */

	/* what is known, and what belongs to the crawl */
	struct seen seen;
	struct aliases aliases;
	struct store_scan *scan; /* of `u` into seen; NULL: all is read */
	struct scope *scope;
	struct blocks blocks;
	struct traps traps;
	/* URLs of blocked hosts may wait in `d`: none of them before … */
	bool blocked_waiting;
	int64_t blocked_from_ms;
	struct canon canon;
	struct span *params; /* canon.extra */
	/*
	 * Links as they were written, by a seeded hash, with what became of
	 * them in the low bits: most links of a page were on the page before.
	 */
	uint64_t texts[TEXTS];
	uint64_t texts_key;
	struct {
		uint64_t site64;
		char *ptr; /* owned; NULL: free slot */
		size_t len;
	} rules[RULES];
	size_t rules_bytes;

	/*
	 * Counters: `live` has the batch in it, `shown` is of the last commit.
	 * live.queued counts rows of `u` that have not ended and have no
	 * lease out; live.in_flight page leases that are out or settled.
	 */
	struct frontier_totals live, shown;
	uint64_t fetched, shown_fetched; /* URLs ended with a fetch */
	uint64_t fetching;               /* page leases out to be fetched … */
	uint64_t unsettled;              /* … and those not yet committed */
	uint64_t parked; /* URLs not ended of hosts that used their budget */
	bool asleep;     /* some parked host is not in the heap */
	uint64_t batch;  /* number of this batch, from 1 */
	uint64_t young;  /* URLs admitted in it … */
	uint64_t young_in_flight; /* … and those of them in live.in_flight */

	uint64_t maps_open;    /* sitemaps to be read, leased ones included */
	struct listing listed; /* of the URL that is being offered */

	struct frontier_cut cut;
	uint64_t next_seq;
	uint64_t committed_seq; /* next_seq of the last commit */
	bool is_past_young; /* seeds of this run have numbers of their own */

	int64_t opened_ms, now_ms;
	bool is_new;        /* nobody has ordered from this store before */
	int64_t elapsed_ms; /* before it was opened */
	/* Rows of `d`: none is before due_from_ms, none that is committed and
	 * free to be moved before due_ms. */
	int64_t due_from_ms, due_ms;

	/* What a person should hear of, the oldest first. */
	char *news[NEWS];
	size_t n_news;
	uint64_t news_missed;

	/* scratch */
	struct url url, other;
	struct buf site, page;       /* of canon_hash() */
	struct buf row, value;       /* one being read, one being written */
	struct buf href, via, chain; /* out's spans, … */
	struct buf name;             /* … and a host's name */
	struct buf sibling;          /* a row of another origin of one */
};

/* --- shared by the parts ------------------------------------------------- */

static inline void
count(uint64_t *counter, uint64_t n)
{
	*counter = *counter > UINT64_MAX - n ? UINT64_MAX : *counter + n;
}

/* Is its URL new in this batch? */
static inline bool
lease_is_young(const struct frontier *f, const struct lease *lease)
{
	return lease->young == f->batch;
}

/* URLs that have not ended, as the batch has it. */
static inline uint64_t
frontier_unended(const struct frontier *f)
{
	const struct frontier_totals *t = &f->live;

	return t->admitted - t->done - t->failed - t->excluded - t->quarantined;
}

/* A limit that stops orders, leases out included: so it is never exceeded. */
bool frontier_stops(const struct frontier *f, int64_t now_ms);
/* How long the crawl was open, in this run and in those before. */
int64_t frontier_elapsed_ms(const struct frontier *f, int64_t now_ms);

/* For frontier_news(). */
void frontier_tell(struct frontier *f, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* frontier_hosts.c */

/* In memory, or from its row.  1, 0 no such host, -EIO, -ENOMEM. */
MUST_USE int frontier_host_load(struct frontier *f, uint64_t site64,
    struct host **out);
/* The same; made with the name of `url` when there is none.  0 or error. */
MUST_USE int frontier_host(struct frontier *f, uint64_t site64,
    const struct url *url, struct host **out);
/* When its next URL may be looked at, as far as it depends on this origin
 * alone; INT64_MAX: something else must happen first. */
int64_t frontier_host_due_ms(const struct frontier *f, const struct host *host,
    int64_t now_ms);
/* The same with its clock and its slots. */
int64_t frontier_host_next_ms(const struct frontier *f, const struct host *host,
    int64_t now_ms);
/* Put it where it belongs: in the heap until it is due, then in its server's
 * line; or out of both. */
void frontier_schedule(struct frontier *f, struct host *host, int64_t now_ms);
/* Why all its URLs are recorded without a fetch, or REASON_NONE. */
enum reason frontier_host_reason(const struct frontier *f,
    const struct host *host);
/* Is there a URL of it that may be fetched, by what it may have at all? */
bool frontier_host_has_pages(const struct host *host);
/* It is idle, and not changed. */
void frontier_host_free(struct frontier *f, struct host *host);
/* Its row into the batch. */
MUST_USE int frontier_put_host(struct frontier *f, struct host *host);
/* All that is left belongs to parked hosts: time to record it so. */
bool frontier_drains(const struct frontier *f);
void frontier_wake_parked(struct frontier *f, int64_t now_ms);

/* frontier_server.c */

/* That of an origin, in memory or put together from rows; without an origin
 * yet when it was not in memory.  0, -EIO, -ENOMEM. */
MUST_USE int frontier_server(struct frontier *f, struct span origin,
    struct server **out);
/* What one of its origins did may let the others go on. */
void frontier_server_wake(struct frontier *f, struct server *server,
    int64_t now_ms);
/* Has it used a budget up?  Then nothing more is fetched from it; or has it
 * not, any more?  It has an origin in memory. */
void frontier_judge_budgets(struct frontier *f, struct server *server);
/* An origin's settings: its budgets are the name's. */
void frontier_server_bind(struct server *server,
    const struct config_host *config);
/* Another fetch would be one too many, if all those under way end well. */
bool frontier_budget_is_taken(const struct server *server);
struct budgets frontier_budget_used(const struct frontier *f,
    const struct server *server);

/* frontier_block.c */

/* Sets host->blocked. */
void frontier_block_look(struct frontier *f, struct host *host);
MUST_USE int frontier_blocks_open(struct frontier *f);
MUST_USE int frontier_block_sweep(struct frontier *f, int64_t now_ms);

/* frontier_trap.c */

MUST_USE int frontier_traps_open(struct frontier *f);
void frontier_traps_fini(struct frontier *f);
/* Into the batch; and when that is there. */
MUST_USE int frontier_traps_put(struct frontier *f);
void frontier_traps_committed(struct frontier *f);
MUST_USE int frontier_trap_key_read(struct span key, uint64_t *id);
/* What the shape of a link's path makes of it, by its host's settings. */
enum trap_shape frontier_shape(const struct frontier *f, const struct url *url);
/* A link that is new: what its patterns make of it. */
enum trap_sentence {
	TRAP_PASSES,
	TRAP_LATE, /* behind all else of its host */
	TRAP_REFUSED,
};
enum trap_sentence frontier_trap_judge(struct frontier *f, uint64_t site64,
    const struct url *url);
/* Of the link that was judged last: it was refused, or admitted. */
void frontier_trap_refused(struct frontier *f);
void frontier_trap_count(struct frontier *f, const struct host *host,
    const struct url *url);

/* frontier_offer.c */

/* Refusals that are the same whichever page a link is on, but for rules on
 * depth, or REFUSALS. */
enum refusal frontier_refuses_link(const struct frontier *f,
    const struct url *url, unsigned depth);

/* Of a link that carries these flags (enum link_flag), on a page of a host with
 * these settings: the first asking that is obeyed, or REFUSALS. */
enum refusal frontier_refuses_asked(const struct config_host *config,
    unsigned flags);

/* What the frontier can take at all, whatever the scope says: REFUSALS, or why
 * not.  `r` is what url_parse() said. */
enum refusal frontier_refuses(const struct frontier *f, const struct url *url,
    int r);
MUST_USE int frontier_hash(struct frontier *f, const struct url *url,
    struct canon_hash *out);
/* A new URL into the batch: rows, counters, its host's queue. */
struct admission {
	struct canon_hash hash;
	const struct url *url;
	uint64_t place;
	uint64_t via_site64, via_url64;
	struct span chain;
	uint16_t depth, hops;
	uint8_t found;
	struct listing listed;
};
MUST_USE int frontier_admit(struct frontier *f, const struct admission *a,
    bool leased, int64_t now_ms, struct host **out);
MUST_USE int frontier_add_scope(struct frontier *f, const struct url *url,
    struct err *err);
uint8_t frontier_prio(unsigned depth);
uint8_t frontier_row_prio(const struct url_row *row);
/* Its text into the row of a URL of this host, borrowed. */
void frontier_row_text(const struct host *host, const struct url *url,
    struct url_row *row);
/* Of an order's redirects and itself: the chain of where it was sent to, in
 * f->chain.  0, -ENOMEM. */
MUST_USE int frontier_chain(struct frontier *f, struct span chain,
    uint16_t status, struct span url);

/* frontier_alias.c */

/* Those of the store, into memory. */
MUST_USE int frontier_alias_restore(struct frontier *f);
/* f->url is of the host `site64`: 1 it is of another host now, for which that
 * one is an alias; 0 it is none; -ENOMEM. */
MUST_USE int frontier_alias_apply(struct frontier *f, uint64_t site64);
/* A page of a host was sent to another, or was served: 0 or an error. */
MUST_USE int frontier_alias_learn(struct frontier *f, const struct order *from,
    const struct capture *capture);
MUST_USE int frontier_alias_doubt(struct frontier *f, const struct host *host);

/* frontier_next.c */

/* Which page led here, into f->via; none when it cannot be read. */
void frontier_fill_via(struct frontier *f, const struct host *host,
    const struct url_row *child);

/* A key of `d`. */
struct due_key {
	uint64_t due_ms, site64, url64;
};
/* It is queued again. */
MUST_USE int frontier_sweep_one(struct frontier *f, const struct due_key *due,
    int64_t now_ms);
/* Waiting URLs whose time has come, back into their queues. */
MUST_USE int frontier_sweep(struct frontier *f, int64_t now_ms);
/* A row of `u`: 1, 0 none, -EIO.  Its text lies in f->row. */
MUST_USE int frontier_url_row(struct frontier *f, uint64_t site64,
    uint64_t url64, struct url_row *out);
MUST_USE int frontier_put_url(struct frontier *f, uint64_t site64,
    uint64_t url64, const struct url_row *row);
/* Move a row from `d` to `q`. */
MUST_USE int frontier_requeue(struct frontier *f, uint64_t site64,
    uint64_t url64, struct url_row *row, uint64_t place);

/* frontier_robots.c */

/* A request for the site's robots.txt, as an errand.  0, -EMSGSIZE, -ENOMEM. */
MUST_USE int frontier_robots_ask(struct frontier *f, struct host *host);
/* Its first errand as an order.  1, 0 nothing came of it, -ENOMEM. */
MUST_USE int frontier_robots_order(struct frontier *f, struct host *host,
    int64_t now_ms, struct order *out);
/*
 * Are the host's rules in the store, and can they be read?  If not (a disk, a
 * program of another version) they are forgotten, to be asked for again:
 * rules that cannot be read deny nothing.  0, -EIO, -ENOMEM.
 */
MUST_USE int frontier_robots_check(struct frontier *f, struct host *host);
/* 1 the rules allow it, 0 they do not, -EIO, -ENOMEM. */
MUST_USE int frontier_robots_allow(struct frontier *f, struct host *host,
    struct span target);
void frontier_robots_come_back(struct frontier *f, struct lease *lease,
    const struct order *order);
MUST_USE int frontier_robots_adopt(struct frontier *f,
    const struct order *order, int64_t now_ms);
/* Is a request for `asker`'s robots.txt to this site answered, but not yet
 * committed?  Then there is no other: no two of them are on the conveyor. */
bool frontier_robots_settled(const struct frontier *f, uint64_t site64,
    uint64_t asker);
/* The rules of a site that has a block of them; borrowed until the next load.
 * 1, 0 there are none that can be read, -EIO. */
MUST_USE int frontier_rules_load(struct frontier *f, uint64_t site64,
    struct span *out);
void frontier_rules_forget(struct frontier *f, uint64_t site64);
/* Sitemaps that the host's rules name, if they are there.  0, -EIO, -ENOMEM. */
MUST_USE int frontier_robots_sitemaps(struct frontier *f, struct host *host,
    int64_t now_ms);

/* frontier_sitemap.c */

/* Those that a site's robots.txt names.  0, -EIO, -ENOMEM. */
MUST_USE int frontier_sitemaps_of_rules(struct frontier *f, struct host *asker,
    struct span rules, int64_t now_ms);
/* May `from`, a sitemap, list this URL?  1, 0, -ENOMEM. */
MUST_USE int frontier_sitemap_covers(struct frontier *f,
    const struct order *from, const struct url *url, uint64_t site64);
/* So many bands of the queue behind its depth is it put. */
unsigned frontier_listed_bands(const struct listing *listed);
/* Its text into f->via. */
void frontier_sitemap_via(struct frontier *f, uint64_t site64, uint64_t url64);
/* The host's next sitemap as an order; with a `reason`, none of them is ever
 * asked for.  1, 0 nothing came of it, -EIO, -ENOMEM. */
MUST_USE int frontier_sitemap_order(struct frontier *f, struct host *host,
    enum reason reason, int64_t now_ms, struct order *out);
void frontier_sitemap_come_back(struct frontier *f, struct lease *lease,
    const struct order *order);
MUST_USE int frontier_sitemap_adopt(struct frontier *f,
    const struct order *order, int64_t now_ms);
MUST_USE int frontier_open_sitemaps(struct frontier *f);

/* frontier_lease.c */

/* Before the try that follows the n-th, from 0. */
int64_t frontier_retry_delay_ms(const struct config_host *config, unsigned n);

/* Its lease ends with the commit. */
void frontier_lease_settled(struct frontier *f, struct lease *lease);

/* frontier_clock.c */

/* The clock of its address, when that is known and has one. */
void frontier_host_address(struct frontier *f, struct host *host);
/* It lets go of its address, before it is freed. */
void frontier_host_leave(struct host *host);
/* False: our own network is out, and no probe of it is due. */
bool frontier_may_order(struct frontier *f, int64_t now_ms);
/* A fetch leaves: its slot, and its host's and its address's clocks. */
void frontier_slot_take(struct frontier *f, struct lease *lease,
    int64_t now_ms);
/* The same of one that had left before the start. */
void frontier_slot_adopt(struct frontier *f, struct lease *lease);
/* A fetch has ended; `capture` NULL: nobody knows how. */
void frontier_slot_free(struct frontier *f, struct lease *lease,
    const struct capture *capture, int64_t now_ms);
/* Its next request is a fetch from it, not only something to record. */
bool frontier_host_fetches(const struct frontier *f, const struct host *host);
/* Its turn has come in one line, but it must stand in the other now, that of its
 * server or of its address. */
bool frontier_host_waits(struct frontier *f, struct host *host, int64_t now_ms);
/* What its next request waits for, its address included. */
struct polite_why frontier_host_clock(const struct host *host, int64_t now_ms);

#endif
