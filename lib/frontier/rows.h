/*
 * rows - keys and values of the store's tables: bytes to structs and back.
 *
 * The disk is input too: every length is bounded, and a row that is not one
 * is -EBADMSG, never a guess.
 */
#ifndef LIB_FRONTIER_ROWS_H
#define LIB_FRONTIER_ROWS_H

#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/frontier/address.h"
#include "lib/frontier/frontier.h"
#include "lib/frontier/store.h"

/* Number of this layout, in `m` under "layout".  +1 with each change that an
 * older mpcrawl would misread. */
#define ROWS_LAYOUT 2

/* --- keys ---------------------------------------------------------------- */

struct row_key {
	char bytes[STORE_KEY];
	size_t len;
};

static inline struct span
row_key_span(const struct row_key *key)
{
	return (struct span){ key->bytes, key->len };
}

/* One to three numbers, in order. */
struct row_key row_key1(uint64_t a);
struct row_key row_key2(uint64_t a, uint64_t b);
struct row_key row_key3(uint64_t a, uint64_t b, uint64_t c);
/* The i-th number of a key that has `n`; -EBADMSG when it has not. */
MUST_USE int row_key_read(struct span key, size_t n, uint64_t *out);

/* Where a URL stands in its site's queue: priority first, then sequence. */
#define PLACE_SEQ_BITS 56
#define PLACE_SEQ_MAX  ((UINT64_C(1) << PLACE_SEQ_BITS) - 1)
/* Of what comes after all else of its host: a trap's. */
#define PRIO_LATE UINT8_MAX
/* Behind every place: "nothing there that is not in memory". */
#define PLACE_NONE UINT64_MAX

static inline uint64_t
place_of(uint8_t prio, uint64_t seq)
{
	return (uint64_t)prio << PLACE_SEQ_BITS | (seq & PLACE_SEQ_MAX);
}

static inline uint8_t
place_prio(uint64_t place)
{
	return (uint8_t)(place >> PLACE_SEQ_BITS);
}

static inline uint64_t
place_seq(uint64_t place)
{
	return place & PLACE_SEQ_MAX;
}

/* --- a URL --------------------------------------------------------------- */

enum url_state {
	URL_QUEUED = 1, /* has a row in `q` at .place */
	URL_WAITING,    /* has a row in `d` at .place, a time in ms */
	URL_ENDED,      /* .verdict says how */
	URL_STATES
};

struct url_row {
	uint8_t state;
	uint8_t verdict; /* enum verdict */
	uint8_t reason;  /* enum reason */
	uint8_t found;   /* enum link_kind */
	bool late;       /* of a trap: behind all others of its host */
	bool whole; /* text is the whole URL, not what follows the host's name:
	               the URL has a password, or another form of the name */
	uint16_t depth, hops, tries, waits;
	uint16_t status;
	uint64_t place;
	uint64_t via_site64, via_url64; /* 0: none */
	int64_t at_ms;                  /* of the last fetch */
	struct listing listed;          /* stored when found is LINK_SITEMAP */
	struct span chain;  /* the redirects that led here (chain.h) */
	struct span target; /* where it was redirected to, once ended so */
	struct span text;
};

MUST_USE int url_row_write(const struct url_row *row, struct buf *out);
/* Did it end as an error, for host_max_errors?  Failed for a reason of its
 * own, or answered with 4xx or 5xx. */
bool row_is_error(const struct url_row *row);

/* The spans point into `bytes`.  0 or -EBADMSG. */
MUST_USE int url_row_read(struct span bytes, struct url_row *out);

/* --- a sitemap ----------------------------------------------------------- */

enum map_state {
	MAP_PENDING = 1, /* to be read, perhaps once more */
	MAP_READ,
	MAP_FAILED,
	MAP_STATES
};

struct map_row {
	uint8_t state;
	bool asked;    /* by a person: the scope alone judges what it lists */
	uint8_t level; /* indexes above it */
	uint16_t hops, tries, waits;
	int64_t due_ms;   /* of another try; 0: at once */
	struct span text; /* the whole URL */
};

MUST_USE int map_row_write(const struct map_row *row, struct buf *out);
MUST_USE int map_row_read(struct span bytes, struct map_row *out);

/* --- a host -------------------------------------------------------------- */

struct host_row {
	uint64_t admitted; /* URLs ever */
	uint64_t queued;   /* of them not ended */
	uint64_t fetched;  /* of them ended with a fetch */
	uint64_t head;     /* no row of `q` is before this place */
	/* budgets */
	uint64_t bytes;    /* of pages, as received */
	uint64_t errors;   /* URLs of which row_is_error() is true */
	int64_t since_ms;  /* the crawl's open time at its first page; -1 */
	uint32_t sitemaps; /* ever found for it, max_sitemaps at the most */
	/* the pace of its host name, as it was when this was written: of the
	 * rows of its origins the one that was asked last knows it */
	int64_t next_ms, blocked_ms;
	uint8_t backoffs;
	uint8_t blocked_by;  /* enum polite_term: why .blocked_ms */
	int32_t response_ms; /* of the last answer; -1: none */
	/* politeness */
	int64_t trouble_ms, first_fail_ms;
	uint16_t fails;
	uint8_t trouble_by; /* enum polite_term: why .trouble_ms */
	bool down;
	struct address_ip ip; /* of the last fetch; all 0: not known */
	/* robots.txt */
	uint8_t robots; /* enum rulebook_state */
	bool robots_block;
	uint16_t robots_fails;
	int64_t robots_since_ms, robots_at_ms;
	int64_t crawl_delay_ms;
	struct span name; /* "https://example.org:8443" */
};

MUST_USE int host_row_write(const struct host_row *row, struct buf *out);
MUST_USE int host_row_read(struct span bytes, struct host_row *out);

/* --- a pattern of too many URLs ------------------------------------------ */

struct trap_row {
	uint64_t site64;
	uint64_t urls;    /* admitted, as far as they were counted */
	uint64_t refused; /* past trap_pattern_cap */
	uint64_t fetched; /* pages since it has a row … */
	uint64_t same;    /* … and those whose bytes another of them had */
	bool released;    /* a person says that it is no trap */
	struct span host, pattern, example;
};

MUST_USE int trap_row_write(const struct trap_row *row, struct buf *out);
/* The spans point into `bytes`. */
MUST_USE int trap_row_read(struct span bytes, struct trap_row *out);

/* --- the crawl ----------------------------------------------------------- */

struct crawl_row {
	struct frontier_cut cut;
	uint64_t next_seq;
	int64_t elapsed_ms; /* that the crawl was open */
	uint64_t fetched;   /* ended with a fetch */
	/* in_flight is 0 here: leases are not on disk */
	struct frontier_totals totals;
};

MUST_USE int crawl_row_write(const struct crawl_row *row, struct buf *out);
MUST_USE int crawl_row_read(struct span bytes, struct crawl_row *out);

#endif
