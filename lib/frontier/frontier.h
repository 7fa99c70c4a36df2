/*
 * frontier - what to fetch next, when, and what is done.
 *
 * A RocksDB store of URL states and host queues, with what must be quick in
 * memory: the front cache of known URLs, the hosts with their clocks in a
 * heap.  One process owns it; it starts no process and reads no clock: `now`
 * is given.
 *
 * Nothing of a lease is on disk: a URL that was not settled is simply still
 * queued.  Settlements gather in one batch; frontier_commit() makes the batch
 * durable together with the outputs' cut, and only then do the counters show
 * it.  So after any stop the store holds whole settlements and nothing else.
 */
#ifndef LIB_FRONTIER_FRONTIER_H
#define LIB_FRONTIER_FRONTIER_H

#include <stdint.h>

#include "lib/base/err.h"
#include "lib/config/config.h"
#include "lib/frontier/budget.h"
#include "lib/frontier/trap.h"
#include "lib/message/capture.h"
#include "lib/message/order.h"
#include "lib/message/reason.h"
#include "lib/message/verdict.h"
#include "lib/url/url.h"

struct frontier;

/*
 * Open or make the store in `dir`.  `config` is borrowed for the frontier's
 * life.  `crawl_id` (16 bytes) is written into a new store, and must equal
 * that of an old one.
 *
 * 0, or -EINVAL max_url_length is less than the crawl has had, or its keys are
 * made by other rules (canon, ignore_params),
 * -EEXIST the store is another crawl's, -EPROTO of a newer layout,
 * -ENOSPC, -EIO, -ENOMEM; `err` says it in words.
 */
MUST_USE int frontier_open(const char *dir, const struct config *config,
    const uint8_t crawl_id[16], int64_t now_ms, struct frontier **out,
    struct err *err);

/*
 * The same, to be looked at only: nothing is made or written, so nothing may
 * be committed.  -ENOENT there is none.
 */
MUST_USE int frontier_open_to_read(const char *dir, const struct config *config,
    const uint8_t crawl_id[16], int64_t now_ms, struct frontier **out,
    struct err *err);

/*
 * Orders will be handed out from here on: made durable at once, so that
 * whoever opens the store after a kill waits a delay before it asks any host
 * again.  Seeding does not say it.  Called before anything is in the batch.
 */
MUST_USE int frontier_begin(struct frontier *frontier, struct err *err);

/*
 * What the disk said when a call without an `err` returned -EIO or -ENOSPC,
 * with the file's name; "": nothing.  NULL is allowed; until the close.
 */
const char *frontier_trouble(const struct frontier *frontier);

/* Without a commit: what was not committed is queued again. */
void frontier_close(struct frontier *frontier);

/* The outputs' cut as of the last commit: {seq, end}; 0, 0 in a new store. */
struct frontier_cut {
	uint64_t seq;
	uint64_t end;
};
struct frontier_cut frontier_cut(const struct frontier *frontier);

/* As it was opened: nobody has called frontier_begin() on this store, so no
 * output can belong to it. */
bool frontier_is_new(const struct frontier *frontier);

/* --- what comes in ------------------------------------------------------- */

/*
 * Add a seed to scope and queue (in the batch).  A seed that is known already
 * changes nothing; one that is new gives a host that was given up another
 * chance.
 * 1 new, 0 known or refused by an exclude rule (counted), -EINVAL not an
 * http(s) URL, too long, with a password in it, or of a blocked host (`err`
 * says so), -EIO …
 */
MUST_USE int frontier_seed(struct frontier *frontier, struct span text,
    int64_t now_ms, struct err *err);

/*
 * A sitemap that a person asks for, in the batch: its URLs are seeds in all
 * but the scope, which its own URL measures.  A known one is not read again,
 * unless it could not be had.
 * 1 new, 0 known, -EINVAL as for a seed, -EIO ...
 */
MUST_USE int frontier_sitemap(struct frontier *frontier, struct span text,
    int64_t now_ms, struct err *err);

/*
 * The seeds of former runs whose hosts have URLs that have not ended, each up
 * to its last '/', one after the other until `judge` returns an error.
 * Before anything is in the batch.
 * 0, that error, -EIO, -ENOMEM.
 */
typedef int frontier_judge_fn(void *arg, const struct url *seed);
MUST_USE int frontier_judge_seeds(struct frontier *frontier,
    frontier_judge_fn *judge, void *arg);

/*
 * Offer a link that `from` (an order of kind page) led to; `url` is hostile
 * text that ought to be a serialised URL: it is parsed, freed of user and
 * password, measured against the
 * scope, the depth and the limits here.  What is new may be ordered before the
 * commit.
 * 1 new, 0 known or refused (counted by reason), -EIO, -ENOMEM.
 */
MUST_USE int frontier_offer(struct frontier *frontier, const struct order *from,
    struct span url, uint8_t link_kind, uint8_t link_flags, int64_t now_ms);

/*
 * Offer the target of a redirect (capture->location), which `from` was answered
 * with: a link of kind LINK_REDIRECT, of the same depth, with hops + 1 and the
 * chain that led to it.  A host whose pages are all sent to another for good
 * becomes an alias of that (alias.h).  Answers and errors as above.
 */
MUST_USE int frontier_redirect(struct frontier *frontier,
    const struct order *from, const struct capture *capture, int64_t now_ms);

/*
 * What a sitemap lists: `from` is its order.  A URL is measured as a link is,
 * with depth 0 when a person asked for the sitemap, else 1, as if the site's
 * first page led to it; and may be of another site than the one that it is
 * read for only where sitemap_covers() says so.  Of an index: another sitemap
 * on its host, or its asker's.
 * 1 new, 0 known or refused (counted by reason), -EIO, -ENOMEM.
 */
MUST_USE int frontier_offer_listed(struct frontier *frontier,
    const struct order *from, struct span url, const struct listing *listed,
    int64_t now_ms);
MUST_USE int frontier_offer_sitemap(struct frontier *frontier,
    const struct order *from, struct span url, int64_t now_ms);

/* --- orders out ---------------------------------------------------------- */

/*
 * The next thing to do: fetch a page, fetch a robots.txt, or record a URL as
 * excluded (order.reason set; takes no host slot).  out's spans are borrowed
 * until the next call that changes the frontier; out->lap is the caller's.
 * 1 an order: the lease and, for a fetch, the host's slot are taken;
 * 0 nothing now; -EIO, -ENOSPC, -ENOMEM.
 */
MUST_USE int frontier_next(struct frontier *frontier, int64_t now_ms,
    struct order *out);

/* When frontier_next() may have something, if nothing settles before:
 * unix ms, or INT64_MAX: only a settlement, or its commit, can bring work. */
int64_t frontier_due_ms(struct frontier *frontier, int64_t now_ms);

/* The order could not be handed out after all, or came back unfetched
 * (protocol.md 1): the lease ends, its slot too unless that had ended
 * before; the host's clock restarts at now; the URL goes to the front of its
 * queue with order's attempts and is_short. */
void frontier_come_back(struct frontier *frontier, const struct order *order,
    int64_t now_ms);

/* --- leases back --------------------------------------------------------- */

/*
 * At start, before all else: this order is on the conveyor; take its lease again, and its
 * host's slot when it is a fetch.  A URL that the store does not know at all
 * was ordered before the commit of the batch it was new in: it is admitted
 * here, when its hashes are those of its text.
 * 0, -EBADMSG: the store does not have it as queued with these tries (unless
 * seq says it was committed: the caller looks first), -EIO.
 */
MUST_USE int frontier_adopt(struct frontier *frontier,
    const struct order *order, int64_t now_ms);

/* The fetch has ended (the capture carries the order's lap): free the host's
 * slot; the clock runs from capture->fetch_end_ms, Retry-After, back-off and
 * Crawl-delay included.  Calling it again for the same lease does nothing. */
void frontier_slot_end(struct frontier *frontier, const struct order *order,
    const struct capture *capture, int64_t now_ms);

/*
 * A page is done: its state, queue row and counters go into the batch.  A
 * retry that was answered with a redirect to the same page (canon.h) is asked
 * for in that form, as another hop and not another try.  Offer its links first
 * or after, before the commit.  The lease stays counted as in
 * flight until the commit.  `capture` NULL: none.
 * 0, -EBADMSG: no such lease is out, or no such decision; -EIO, -ENOMEM.
 */
MUST_USE int frontier_settle(struct frontier *frontier,
    const struct order *order, const struct capture *capture,
    struct decision decision, int64_t now_ms);

/* A robots.txt is answered: `rules` is the compiled block (empty: none).
 * Errors as above. */
MUST_USE int frontier_settle_robots(struct frontier *frontier,
    const struct order *order, const struct capture *capture, struct span rules,
    int64_t now_ms);

/* --- hosts that are closed ------------------------------------------------ */

/*
 * Close the hosts of a pattern (block.h has its forms; it was block_read()):
 * no request to them is ordered from here on, robots.txt included, what they
 * have queued is recorded as excluded, links to them are refused.  A fetch
 * that is under way ends.  In the batch: it holds after the commit.
 * 1, 0 it was closed already, -ENOSPC too many, -ENOMEM.
 */
MUST_USE int frontier_block(struct frontier *frontier, struct span pattern,
    int64_t now_ms);
/* Open it again, for what comes from here on.  1, 0 it was not closed. */
MUST_USE int frontier_unblock(struct frontier *frontier, struct span pattern,
    int64_t now_ms);
/* The i-th pattern; NULL past the last. */
const char *frontier_blocked(const struct frontier *frontier, size_t i);
/* The pattern that closes this host, or NULL. */
const char *frontier_blocks_host(const struct frontier *frontier,
    struct span host);
/* What a pattern means now: hosts with something to do, their URLs that have
 * not ended, requests under way. */
struct frontier_blocking {
	uint64_t hosts, queued, under_way;
};
struct frontier_blocking frontier_blocking(const struct frontier *frontier,
    struct span pattern);

/* --- patterns of too many URLs -------------------------------------------- */

/*
 * A host that has trap_pattern_max URLs of one pattern may be a trap: further
 * ones come after all else that it has, and past trap_pattern_cap, or when its
 * pages are the same again and again (trap_pattern_same), they are refused (trap.h, of which this counts; docs there).
 */
enum trap_closed {
	TRAP_OPEN,
	TRAP_CLOSED_CAP,
	TRAP_CLOSED_SAME,
};
/* "trap_pattern_cap"; "" for TRAP_OPEN. */
const char *frontier_trap_closed_key(unsigned closed);

struct frontier_trap {
	uint64_t id;
	bool released;  /* a person says that it is none */
	uint8_t closed; /* enum trap_closed: what refuses more of its URLs */
	uint64_t urls, refused;
	uint64_t fetched, same; /* pages, and those that were as another one */
	struct span host, pattern, example;
};
/* The page of this order was fetched whole; `digest` says which bytes it had.
 * Before its settlement. */
void frontier_digest(struct frontier *frontier, const struct order *order,
    struct span digest);
/* They are numbered with gaps, from 0: the first from `from` on, and where the
 * next look begins; 0: there is none.  Spans live as long as the frontier. */
size_t frontier_traps(const struct frontier *frontier, size_t from,
    struct frontier_trap *out);
/* In the batch.  1 and *out, 0 it was so already, -ENOENT no such id. */
MUST_USE int frontier_trap_set(struct frontier *frontier, uint64_t id,
    bool released, struct frontier_trap *out);
/* Those that this URL is of; how many. */
size_t frontier_traps_of(struct frontier *frontier, uint64_t site64,
    const struct url *url, struct frontier_trap out[TRAP_VIEWS]);

/*
 * A sitemap is done, or to be tried again (`decision`): into the batch, with
 * what was offered of it.  `outcome` NULL: nothing of it could be read.
 * Errors as above.
 */
struct sitemap_outcome {
	bool broken;      /* not all of it could be read */
	uint32_t dropped; /* entries without a URL that can be fetched */
	char words[500];  /* what a person should know of it, or "" */
};
MUST_USE int frontier_settle_sitemap(struct frontier *frontier,
    const struct order *order, const struct capture *capture,
    struct decision decision, const struct sitemap_outcome *outcome,
    int64_t now_ms);

/* --- out of quarantine ---------------------------------------------------- */

/*
 * Queue a quarantined URL again, in the batch, as if it had never been tried;
 * a host that was given up gets another chance.  It has no lease, and its end
 * is counted no longer, but for its bytes.  Its record stays in the outputs:
 * another one will follow it.
 * 1 queued, 0 it is not quarantined (any more), -ENOENT no such URL, -EIO,
 * -ENOMEM.
 */
MUST_USE int frontier_release(struct frontier *frontier, uint64_t site64,
    uint64_t url64, int64_t now_ms);
/* 1, 0, -ENOENT no such URL, -EIO. */
MUST_USE int frontier_is_quarantined(struct frontier *frontier, uint64_t site64,
    uint64_t url64);

/* --- the commit ---------------------------------------------------------- */

/*
 * Make the batch and the cut durable, in one synced write.  0, -ENOSPC, -EIO:
 * then the frontier must be closed.  After an error the batch is in the store
 * whole or not at all (a sync that fails does not say which): who opens it
 * again learns by its cut.
 */
MUST_USE int frontier_commit(struct frontier *frontier, struct frontier_cut cut,
    int64_t now_ms);

/* Bytes waiting in the batch: a caller commits before they grow large. */
size_t frontier_batch_bytes(const struct frontier *frontier);

/* --- what it knows ------------------------------------------------------- */

/* The host that this one is an alias of, "https://example.org:8443"; empty:
 * none.  Until the next call that changes the frontier. */
struct span frontier_alias(const struct frontier *frontier, uint64_t site64);

/* As of the last commit, but for in_flight and queued, which follow the
 * leases: admitted = done + failed + excluded + quarantined + queued +
 * in_flight, always. */
struct frontier_totals {
	uint64_t admitted, done, failed, excluded, quarantined;
	uint64_t queued, in_flight;
	uint64_t redirected, gone; /* parts of done */
	uint64_t retried;
	uint64_t bytes; /* wire, of settled pages */
	uint64_t reasons[REASONS];
	uint64_t statuses[6]; /* [2] = 2xx …; [0]: none */
	uint64_t refused[REFUSALS];
	uint64_t hosts; /* known */
	uint64_t robots_fetched;
	uint64_t spent[BUDGETS]; /* hosts that used it up */
	uint64_t aliased;        /* links taken for those to another host */
	uint64_t late;  /* URLs put last, being of a pattern of too many */
	uint64_t traps; /* such patterns, as of now … */
	uint64_t traps_closed; /* … and those of them that are closed */
	uint64_t blocked;      /* hosts that are blocked, as of now */
	uint64_t outages;      /* of our own network … */
	uint64_t outage_ms;    /* … and how long this one lasts; 0: none */
	uint64_t sitemaps_waiting; /* to be read, as of now */
	uint64_t sitemaps;         /* read, broken ones included */
	uint64_t sitemap_urls;     /* admitted because one lists them */
	uint64_t sitemaps_broken;  /* of which a part could not be read */
	uint64_t sitemaps_failed;  /* could not be had, or may not be */
};
void frontier_totals(const struct frontier *frontier,
    struct frontier_totals *out);

/*
 * What a person should hear of: a host that used a budget up, a pattern that
 * became a trap; a line each, the oldest first.  False: there is none.  More
 * than wait for it at once are only counted.
 */
enum {
	FRONTIER_NEWS = 1024
};
bool frontier_news(struct frontier *frontier, char out[FRONTIER_NEWS]);

/* A limit of the whole crawl that stops it now, by its key ("max_pages"), or
 * NULL. */
const char *frontier_limit(const struct frontier *frontier, int64_t now_ms);

/* Nothing queued, nothing in flight, nothing parked that is not yet
 * excluded, no sitemap to be read. */
bool frontier_finished(const struct frontier *frontier);

#endif
