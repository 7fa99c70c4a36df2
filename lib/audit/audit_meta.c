/*
 * The rows of `m` that stand for something by their keys: seeds, aliases,
 * blocked hosts, patterns of traps.
 */
#include <errno.h>

#include "lib/audit/audit_impl.h"
#include "lib/frontier/frontier_impl.h"

/* Is it an origin, as the store has them? */
static int
is_origin(struct audit *audit, struct span text)
{
	struct canon_hash hash;
	int r = audit_hash(audit, text, &hash);

	if (r <= 0)
		return r;
	buf_clear(&audit->text);
	if (url_origin(&audit->url, &audit->text) < 0)
		return audit_fail(audit, -ENOMEM, "an alias");
	return span_eq(buf_span(&audit->text), text);
}

/* 1 a row of `m` is right, 0 it is not, or an error. */
static int
judge_seed(struct audit *audit, struct span name, struct span value)
{
	struct canon_hash hash;

	(void)value;
	return audit_hash(audit, name, &hash);
}

static int
judge_alias(struct audit *audit, struct span name, struct span value)
{
	int r = is_origin(audit, name);

	return r == 1 && value.len > 0 ? is_origin(audit, value) : r;
}

/* The rows of `m` whose keys begin so, and are below `below`. */
static int
judge_names(struct audit *audit, struct span begin, struct span below,
    enum audit_kind kind,
    int (*judge)(struct audit *audit, struct span name, struct span value))
{
	struct store_scan *scan;
	struct span key, value;
	int r, is;

	r = store_scan_open(audit->store, STORE_META, begin, below, false,
	    &scan);
	if (r < 0)
		return audit_fail(audit, r, "frontier");
	while (r == 0 && (r = store_scan_next(scan, &key, &value)) == 1) {
		is = judge(audit, span_from_at(key, begin.len), value);
		r = is < 0 ? is : 0;
		if (is != 0)
			continue;
		audit_problem(audit, kind, "%.*s is no URL",
		    AUDIT_URL(span_from_at(key, begin.len)));
		if (!audit->mends)
			continue;
		r = audit_remove(audit, STORE_META, key, value);
		if (r == 0)
			audit_repaired(audit, kind,
			    "it is in lost+found instead");
	}
	store_scan_close(scan);
	return r < 0 && audit->err->text[0] == '\0'
		   ? audit_fail(audit, r, "frontier")
		   : r;
}

/* Is it a pattern as a person's is read? */
static int
block_is_right(struct audit *audit, struct span key, struct span value)
{
	struct span pattern = span_from_at(key, 6);
	int r = block_read(pattern, &audit->text, NULL);

	(void)value;
	if (r == -ENOMEM)
		return audit_fail(audit, r, "a blocked host");
	return r == 0 && span_eq(buf_span(&audit->text), pattern);
}

static int
trap_is_right(struct audit *audit, struct span key, struct span value)
{
	struct trap_row row;
	uint64_t id;

	(void)audit;
	return frontier_trap_key_read(key, &id) == 0 &&
	       trap_row_read(value, &row) == 0;
}

/* Rows of `m` that stand for themselves: right, or not there. */
static int
judge_words(struct audit *audit, enum audit_kind kind, struct span from,
    struct span below,
    int (*is_right)(struct audit *audit, struct span key, struct span value))
{
	struct store_scan *scan;
	struct span key, value;
	int r, is;

	r = store_scan_open(audit->store, STORE_META, from, below, false,
	    &scan);
	if (r < 0)
		return audit_fail(audit, r, "frontier");
	while (r == 0 && (r = store_scan_next(scan, &key, &value)) == 1) {
		is = is_right(audit, key, value);
		r = is < 0 ? is : 0;
		if (is != 0)
			continue;
		audit_problem(audit, kind, "%.*s cannot be read",
		    AUDIT_URL(key));
		if (!audit->mends)
			continue;
		r = audit_remove(audit, STORE_META, key, value);
		if (r == 0)
			audit_repaired(audit, kind,
			    "it is in lost+found instead");
	}
	store_scan_close(scan);
	return r < 0 && audit->err->text[0] == '\0'
		   ? audit_fail(audit, r, "frontier")
		   : r;
}

int
audit_meta(struct audit *audit)
{
	int r = judge_names(audit, SPAN("seed."), SPAN("seed/"), AUDIT_SEED,
	    judge_seed);

	if (r == 0)
		r = judge_names(audit, SPAN("alias."), SPAN("alias/"),
		    AUDIT_ALIAS, judge_alias);
	if (r == 0)
		r = judge_words(audit, AUDIT_BLOCK, SPAN("block."),
		    SPAN("block/"), block_is_right);
	if (r == 0)
		r = judge_words(audit, AUDIT_TRAP, SPAN("trap."), SPAN("trap/"),
		    trap_is_right);
	return r;
}
