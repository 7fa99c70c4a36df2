/*
 * The row of a host: its name, its counters, where its queue is read from.
 */
#include <errno.h>

#include "lib/audit/audit_impl.h"
#include "lib/frontier/host.h"

/* --- its row, and its name ------------------------------------------------ */

/* The origin of this URL, when it is of the site, into audit->name. */
static int
try_name(struct audit *audit, uint64_t site64, struct span url)
{
	struct canon_hash hash;
	int r = audit_hash(audit, url, &hash);

	if (r <= 0 || hash.site64 != site64)
		return r < 0 ? r : 0;
	buf_clear(&audit->name);
	if (url_origin(&audit->url, &audit->name) < 0)
		return audit_fail(audit, -ENOMEM, "a host's name");
	return 1;
}

static int
name_by_record(struct audit *audit, uint64_t site64, const struct trio *record)
{
	struct record_facts facts;
	int r;

	if (record == NULL)
		return 0;
	r = audit_read_record(audit, record->c, &facts);
	return r < 0 ? r : try_name(audit, site64, facts.url);
}

/* Rows of `table` from `from`, until one has the name. */
static int
name_by_rows(struct audit *audit, uint64_t site64, enum store_table table,
    struct span from, struct span below)
{
	struct span key, value;
	struct store_scan *scan;
	struct url_row row;
	int r, found = 0;

	r = store_scan_open(audit->store, table, from, below, false, &scan);
	while (r == 0 && found == 0 &&
	       (r = store_scan_next(scan, &key, &value)) == 1) {
		r = 0;
		if (table == STORE_META)
			found = try_name(audit, site64, span_from_at(key, 5));
		else if (url_row_read(value, &row) == 0 && row.whole)
			found = try_name(audit, site64, row.text);
	}
	store_scan_close(scan);
	return r < 0 ? audit_fail(audit, r, "frontier") : found;
}

/* The name of a host without a row: 1 in audit->name, 0 nobody knows it. */
static int
find_name(struct audit *audit, uint64_t site64, const struct trio *record)
{
	struct row_key from = row_key1(site64), below = row_key1(site64 + 1);
	int r = name_by_record(audit, site64, record);

	if (r == 0)
		r = name_by_rows(audit, site64, STORE_META, SPAN("seed."),
		    SPAN("seed/"));
	if (r == 0)
		r = name_by_rows(audit, site64, STORE_URLS, row_key_span(&from),
		    site64 == UINT64_MAX ? SPAN_NONE : row_key_span(&below));
	return r;
}

/* Is it a row that the frontier takes, of the site's own name?  1, 0. */
static int
host_is_right(struct audit *audit, struct audit_site *site, struct span value)
{
	int r;

	if (host_row_read(value, &site->host) < 0 ||
	    site->host.name.len > HOST_ORIGIN_MAX)
		return 0;
	buf_clear(&audit->text);
	r = buf_add_span(&audit->text, site->host.name);
	if (r == 0)
		r = try_name(audit, site->site64, buf_span(&audit->text));
	if (r < 0)
		return r;
	return r == 1 && span_eq(buf_span(&audit->name), site->host.name);
}

int
audit_host_read(struct audit *audit, struct audit_site *site, bool there,
    struct span value, const struct trio *record)
{
	int r = 0;

	if (there) {
		r = host_is_right(audit, site, value);
		if (r < 0)
			return r;
		site->known = r == 1;
	}
	if (there && !site->known)
		audit_problem(audit, AUDIT_HOST_ROW,
		    "%016llx cannot be read, or is of another host",
		    (unsigned long long)site->site64);
	if (site->known)
		return 0;
	buf_clear(&audit->name);
	r = find_name(audit, site->site64, record);
	if (r < 0)
		return r;
	site->nameless = r == 0;
	site->host = (struct host_row){ .robots = RULEBOOK_UNKNOWN,
		.since_ms = -1 };
	return 0;
}

static int
write_host(struct audit *audit, struct audit_site *site)
{
	site->host.name = buf_span(&audit->name);
	buf_clear(&audit->value);
	if (host_row_write(&site->host, &audit->value) < 0)
		return audit_fail(audit, -ENOMEM, "a host's row");
	return audit_put(audit, STORE_HOSTS, row_key1(site->site64),
	    buf_span(&audit->value));
}

/* A site with URLs, or a row, and no host. */
static int
mend_host(struct audit *audit, struct audit_site *site, bool there)
{
	struct row_key key = row_key1(site->site64);
	int r;

	audit->changes++;
	if (site->admitted > 0 && !site->nameless) {
		site->host.admitted = site->admitted;
		site->host.queued = site->queued;
		site->host.fetched = site->fetched.least;
		site->host.errors = site->errors;
		r = write_host(audit, site);
		if (r == 0)
			audit_repaired(audit, AUDIT_HOST_MISSING,
			    "%.*s has a row again",
			    AUDIT_URL(buf_span(&audit->name)));
		return r;
	}
	if (!there)
		return 0;
	r = audit_delete(audit, STORE_HOSTS, row_key_span(&key));
	if (r == 0)
		audit_repaired(audit, AUDIT_HOST_ROW, "%016llx is removed",
		    (unsigned long long)site->site64);
	return r;
}

/* --- against its URLs ----------------------------------------------------- */

static bool
judge_counters(struct audit *audit, struct audit_site *site)
{
	struct host_row *host = &site->host;
	bool right = host->admitted == site->admitted &&
		     host->queued == site->queued &&
		     host->errors == site->errors &&
		     bounds_hold(host->fetched, site->fetched) == host->fetched;

	if (!right)
		audit_problem(audit, AUDIT_HOST_COUNTERS,
		    "%.*s: %llu URLs, %llu to be fetched, %llu fetched, %llu "
		    "errors; its rows say %llu, %llu, %llu, %llu",
		    AUDIT_URL(buf_span(&audit->name)),
		    (unsigned long long)host->admitted,
		    (unsigned long long)host->queued,
		    (unsigned long long)host->fetched,
		    (unsigned long long)host->errors,
		    (unsigned long long)site->admitted,
		    (unsigned long long)site->queued,
		    (unsigned long long)bounds_hold(host->fetched,
			site->fetched),
		    (unsigned long long)site->errors);
	return right;
}

static bool
judge_head(struct audit *audit, const struct audit_site *site)
{
	if (site->host.head <= site->first)
		return true;
	audit_problem(audit, AUDIT_HOST_HEAD,
	    "%.*s: its queue is read from %llx, and begins at %llx",
	    AUDIT_URL(buf_span(&audit->name)),
	    (unsigned long long)site->host.head,
	    (unsigned long long)site->first);
	return false;
}

static bool
judge_rules(struct audit *audit, const struct audit_site *site)
{
	if (site->host.robots >= RULEBOOK_STATES) {
		audit_problem(audit, AUDIT_HOST_ROW,
		    "%.*s: its robots.txt is in no state that there is",
		    AUDIT_URL(buf_span(&audit->name)));
		return false;
	}
	if (!site->host.robots_block || site->has_rules)
		return true;
	audit_problem(audit, AUDIT_ROBOTS_MISSING,
	    "%.*s: the rules of its robots.txt are gone",
	    AUDIT_URL(buf_span(&audit->name)));
	return false;
}

int
audit_host_judge(struct audit *audit, struct audit_site *site, bool there)
{
	bool counters, head, rules;
	int r;

	if (!site->known) {
		if (site->admitted > 0 && !there)
			audit_problem(audit, AUDIT_HOST_MISSING,
			    "%016llx %.*s: %llu URLs, and no row",
			    (unsigned long long)site->site64,
			    AUDIT_URL(buf_span(&audit->name)),
			    (unsigned long long)site->admitted);
		return audit->mends ? mend_host(audit, site, there) : 0;
	}
	audit->totals.hosts += site->host.admitted > 0;
	counters = judge_counters(audit, site);
	head = judge_head(audit, site);
	rules = judge_rules(audit, site);
	/* What was changed is counted by the next pass. */
	if (!audit->mends || site->changed || (counters && head && rules))
		return 0;
	site->host.admitted = site->admitted;
	site->host.queued = site->queued;
	site->host.errors = site->errors;
	site->host.fetched = bounds_hold(site->host.fetched, site->fetched);
	if (!head)
		site->host.head = site->first;
	if (!rules) {
		/* Asked for once more. */
		site->host.robots = RULEBOOK_UNKNOWN;
		site->host.robots_block = false;
	}
	audit->changes++;
	r = write_host(audit, site);
	if (r == 0)
		audit_repaired(audit,
		    !counters ? AUDIT_HOST_COUNTERS
		    : !head   ? AUDIT_HOST_HEAD
			      : AUDIT_ROBOTS_MISSING,
		    "%.*s: its row is right again",
		    AUDIT_URL(buf_span(&audit->name)));
	return r;
}
