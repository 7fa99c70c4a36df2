/*
 * audit_impl - the audit's insides, shared by audit*.c.
 */
#ifndef LIB_AUDIT_AUDIT_IMPL_H
#define LIB_AUDIT_AUDIT_IMPL_H

#include <limits.h>

#include "lib/archive/record_read.h"
#include "lib/archive/tape.h"
#include "lib/audit/audit.h"
#include "lib/audit/lost.h"
#include "lib/audit/trios.h"
#include "lib/frontier/rows.h"
#include "lib/frontier/store.h"
#include "lib/url/canon.h"

enum audit_kind {
	AUDIT_OUTPUT_FILE,
	AUDIT_OUTPUT_SHORT,
	AUDIT_OUTPUT_MISSING,
	AUDIT_LINE,
	AUDIT_CUT,
	AUDIT_RECORD_FOREIGN,
	AUDIT_RECORD_KEY,
	AUDIT_RECORD_TWICE,
	AUDIT_RECORD_MISSING,
	AUDIT_RECORD_EARLY,
	AUDIT_RECORD_UNKNOWN,
	AUDIT_VERDICT,
	AUDIT_URL_ROW,
	AUDIT_URL_KEY,
	AUDIT_HOST_ROW,
	AUDIT_HOST_MISSING,
	AUDIT_HOST_COUNTERS,
	AUDIT_HOST_HEAD,
	AUDIT_QUEUE_STRAY,
	AUDIT_QUEUE_MISSING,
	AUDIT_DUE_STRAY,
	AUDIT_DUE_MISSING,
	AUDIT_PLACE,
	AUDIT_ROBOTS_STRAY,
	AUDIT_ROBOTS_MISSING,
	AUDIT_ROBOTS_ROW,
	AUDIT_SEED,
	AUDIT_ALIAS,
	AUDIT_BLOCK,
	AUDIT_TRAP,
	AUDIT_SITEMAP_ROW,
	AUDIT_NAME_MISSING,
	AUDIT_NAME_STRAY,
	AUDIT_SUM,
	AUDIT_TOTALS,
	/* Notes only. */
	AUDIT_TAIL,
	AUDIT_KEYS,
	AUDIT_QUARANTINE,
	AUDIT_NEW,
	AUDIT_KINDS
};

/* Counters of the store, and what they may be: two bounds where the rows do
 * not tell it to the unit. */
struct bounds {
	uint64_t least, most;
};

/* The number itself, or the bound that it is beyond. */
static inline uint64_t
bounds_hold(uint64_t n, struct bounds bounds)
{
	if (n < bounds.least)
		return bounds.least;
	return n > bounds.most ? bounds.most : n;
}

struct audit {
	const struct audit_options *options;
	struct err *err;
	bool mends;
	uint64_t said[AUDIT_KINDS][AUDIT_NOTE + 1];
	uint64_t found;   /* problems in this pass */
	uint64_t mended;  /* in all passes */
	uint64_t changes; /* of URLs' rows and records, in this pass */

	struct store *store;
	struct tape *tape;
	struct lost *lost;
	char out_dir[PATH_MAX];
	struct canon canon;
	struct span *params; /* canon.extra, CONFIG_WORDS_MAX of them */
	struct buf rules;    /* the store's word on canon */
	bool knows_canon;    /* it said it */

	/* The crawl as the store says it; .next_seq as this pass uses it. */
	struct crawl_row crawl;
	bool crawl_changed;

	/* The records: site64, url64, where (record_where()). */
	struct trios records;
	/* Lines to be taken out: SINK_END of its begin, length. */
	struct trios drops;
	uint64_t n_records, record_bytes;
	bool is_short;    /* the outputs end before the cut */
	uint64_t missing; /* URLs that ended without a record */

	/* Counted from the rows. */
	struct trios waiting; /* due_ms, site64, url64 */
	struct frontier_totals totals;
	struct bounds statuses[6];
	uint64_t fetched; /* as the hosts say */
	uint64_t odd_keys;
	uint64_t last_seq; /* the highest of a queue */

	/* Scratch. */
	struct url url;
	struct buf site, page, text, record_url, line, value, name;
};

/* --- saying it (audit.c) ------------------------------------------------- */

void audit_problem(struct audit *audit, enum audit_kind kind, const char *fmt,
    ...) PRINTF_LIKE(3, 4);
void audit_repaired(struct audit *audit, enum audit_kind kind, const char *fmt,
    ...) PRINTF_LIKE(3, 4);
void audit_note(struct audit *audit, enum audit_kind kind, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* For "%.*s": what of a URL fits a line. */
#define AUDIT_URL(s) (int)((s).len < 300 ? (s).len : 300), (s).ptr

/* 0 or an error that ends the audit, with audit->err filled. */
MUST_USE int audit_fail(struct audit *audit, int r, const char *what);

/* The hash of a text that ought to be a URL.  1; 0 it is none; -ENOMEM.
 * audit->url is that URL afterwards. */
MUST_USE int audit_hash(struct audit *audit, struct span text,
    struct canon_hash *out);
/* Is a key that is not of these hashes explained by settings that the store
 * has forgotten? */
bool audit_key_may_differ(const struct audit *audit);

/* --- the outputs (audit_outputs.c) --------------------------------------- */

/* Where a record lies and whether it says `quarantined`, in one number that
 * sorts by the place: no line begins behind 2^39. */
static inline uint64_t
record_where(uint32_t segment, uint64_t at, bool quarantined)
{
	return (uint64_t)segment << 40 | at << 1 | quarantined;
}

static inline uint32_t
where_segment(uint64_t where)
{
	return (uint32_t)(where >> 40);
}

static inline uint64_t
where_at(uint64_t where)
{
	return (where & ((UINT64_C(1) << 40) - 1)) >> 1;
}

static inline bool
where_quarantined(uint64_t where)
{
	return where & 1;
}

MUST_USE int audit_read_outputs(struct audit *audit);
/* The record that lies there, once more.  0 or an error. */
MUST_USE int audit_read_record(struct audit *audit, uint64_t where,
    struct record_facts *out);
/* A line is to be taken out. */
MUST_USE int audit_drop(struct audit *audit, uint32_t segment, uint64_t at,
    uint64_t len);
/* After the store was gone through: a file that is not there is a problem
 * only when a record is not there either. */
void audit_judge_gaps(struct audit *audit);
/* Write what was dropped to lost+found, the files without it, cut them, and
 * set the cut of audit->crawl. */
MUST_USE int audit_mend_outputs(struct audit *audit);

/* --- the store (audit_store.c) ------------------------------------------- */

MUST_USE int audit_walk_store(struct audit *audit);
/* Into the batch, which is committed when it has grown. */
MUST_USE int audit_put(struct audit *audit, enum store_table table,
    struct row_key key, struct span value);
MUST_USE int audit_delete(struct audit *audit, enum store_table table,
    struct span key);
/* The same, and the row goes to lost+found. */
MUST_USE int audit_remove(struct audit *audit, enum store_table table,
    struct span key, struct span value);
/* All of the batch and the crawl's row, now. */
MUST_USE int audit_commit(struct audit *audit);

/* Tables and rows of their own: audit_meta.c, audit_sitemaps.c, audit_names.c.
 * The last after the sites: a host whose row is mended has its name by then. */
MUST_USE int audit_meta(struct audit *audit);
MUST_USE int audit_sitemaps(struct audit *audit);
MUST_USE int audit_names(struct audit *audit);

/* When all rows were counted (audit_totals.c): the next place is behind all that
 * are taken, and the totals are those of the rows. */
void audit_next_seq(struct audit *audit);
void audit_totals(struct audit *audit);

/* --- one URL (audit_url.c) ----------------------------------------------- */

/* One site, as it is gone through. */
struct audit_site {
	uint64_t site64;
	bool known;           /* its host has a row that can be read */
	struct host_row host; /* its name lies in audit->name */
	bool nameless;        /* and no name can be found for it */
	bool changed;         /* its URLs were changed in this pass */
	bool has_rules;
	uint64_t admitted, queued, errors;
	struct bounds fetched;
	uint64_t first;      /* place of the first that is queued */
	struct trios places; /* place, url64 */
};

/* Its host's row, if it is `there`, into .host and audit->name; `record`: one
 * of its URLs, or NULL (audit_host.c). */
MUST_USE int audit_host_read(struct audit *audit, struct audit_site *site,
    bool there, struct span value, const struct trio *record);
/* When its URLs were counted. */
MUST_USE int audit_host_judge(struct audit *audit, struct audit_site *site,
    bool there);

/* A URL's row and its records against each other.  `value` is the row, or
 * empty where there is none. */
MUST_USE int audit_url(struct audit *audit, struct audit_site *site,
    uint64_t url64, struct span value, const struct trio *records, size_t n);
/* Its row, anew: queued, at a place of its own. */
MUST_USE int audit_queue_again(struct audit *audit, uint64_t site64,
    uint64_t url64, const struct url_row *row);

#endif
