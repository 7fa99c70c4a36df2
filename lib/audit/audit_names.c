/*
 * The rows by host name: without its row an origin would be asked by a clock of
 * its own after the next start, beside the others of its name.
 */
#include <errno.h>

#include "lib/audit/audit_impl.h"
#include "lib/frontier/server.h"

/* --- each origin has its row ---------------------------------------------- */

/* The name of an origin's row; empty: that row is judged with its site. */
static int
name_of(struct audit *audit, struct span key, struct span value,
    struct host_row *row)
{
	struct canon_hash hash;
	uint64_t site64;
	int r;

	if (row_key_read(key, 1, &site64) < 0 || host_row_read(value, row) < 0)
		return 0;
	r = audit_hash(audit, row->name, &hash);
	return r < 0 ? r : r == 1 && hash.site64 == site64;
}

static int
judge_listed(struct audit *audit, uint64_t site64, struct span name)
{
	struct row_key key = row_key2(server_name64(name), site64);
	int r = store_get(audit->store, STORE_NAMES, row_key_span(&key), NULL);

	if (r != 0)
		return r < 0 ? audit_fail(audit, r, "frontier") : 0;
	audit_problem(audit, AUDIT_NAME_MISSING,
	    "%.*s has no row in table n, so it would share no clock with the "
	    "others of its name",
	    AUDIT_URL(name));
	if (!audit->mends)
		return 0;
	r = audit_put(audit, STORE_NAMES, key, SPAN_NONE);
	if (r == 0)
		audit_repaired(audit, AUDIT_NAME_MISSING,
		    "%.*s has its row again", AUDIT_URL(name));
	return r;
}

static int
judge_origins(struct audit *audit)
{
	struct store_scan *scan;
	struct span key, value;
	struct host_row row;
	uint64_t site64;
	int r, is;

	r = store_scan_open(audit->store, STORE_HOSTS, SPAN_NONE, SPAN_NONE,
	    false, &scan);
	if (r < 0)
		return audit_fail(audit, r, "frontier");
	while (r == 0 && (r = store_scan_next(scan, &key, &value)) == 1) {
		is = name_of(audit, key, value, &row);
		r = is < 0 ? is : 0;
		if (is == 1 && row_key_read(key, 1, &site64) == 0)
			r = judge_listed(audit, site64, row.name);
	}
	store_scan_close(scan);
	return r < 0 && audit->err->text[0] == '\0'
		   ? audit_fail(audit, r, "frontier")
		   : r;
}

/* --- each row has its origin ---------------------------------------------- */

/* 1 it is right; 0 not, *why says it. */
static int
is_right(struct audit *audit, struct span key, struct span value,
    const char **why)
{
	struct row_key host_key;
	struct host_row row;
	uint64_t ids[2];
	int r;

	if (row_key_read(key, 1, ids) == 0) {
		*why = "it names no budget";
		return value.len == 1 && value.ptr[0] > BUDGET_NONE &&
		       value.ptr[0] < BUDGETS;
	}
	*why = "its key is none";
	if (row_key_read(key, 2, ids) < 0)
		return 0;
	*why = "its host has no row";
	host_key = row_key1(ids[1]);
	r = store_get(audit->store, STORE_HOSTS, row_key_span(&host_key),
	    &audit->text);
	if (r <= 0)
		return r < 0 ? audit_fail(audit, r, "frontier") : 0;
	*why = "its host has another name";
	return host_row_read(buf_span(&audit->text), &row) == 0 &&
	       server_name64(row.name) == ids[0];
}

static int
judge_row(struct audit *audit, struct span key, struct span value)
{
	const char *why;
	int r = is_right(audit, key, value, &why);

	if (r < 0)
		return r;
	if (r == 1) {
		if (value.len == 1)
			audit->totals.spent[(uint8_t)value.ptr[0]]++;
		return 0;
	}
	audit_problem(audit, AUDIT_NAME_STRAY, "a row of table n: %s", why);
	if (!audit->mends)
		return 0;
	audit->changes++;
	r = audit_remove(audit, STORE_NAMES, key, value);
	if (r == 0)
		audit_repaired(audit, AUDIT_NAME_STRAY,
		    "it is in lost+found instead");
	return r;
}

int
audit_names(struct audit *audit)
{
	struct store_scan *scan;
	struct span key, value;
	int r = judge_origins(audit);

	if (r < 0)
		return r;
	r = store_scan_open(audit->store, STORE_NAMES, SPAN_NONE, SPAN_NONE,
	    false, &scan);
	if (r < 0)
		return audit_fail(audit, r, "frontier");
	while (r == 0 && (r = store_scan_next(scan, &key, &value)) == 1)
		r = judge_row(audit, key, value);
	store_scan_close(scan);
	return r < 0 && audit->err->text[0] == '\0'
		   ? audit_fail(audit, r, "frontier")
		   : r;
}
