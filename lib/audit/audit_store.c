#include <dirent.h>
#include <errno.h>

#include "lib/audit/audit_impl.h"
#include "lib/frontier/frontier_impl.h"
#include "lib/robots/robots.h"

enum {
	BATCH = 4 << 20 /* bytes, then a commit */
};

static const char letters[STORE_TABLES] = {
	[STORE_URLS] = 'u',
	[STORE_QUEUE] = 'q',
	[STORE_DUE] = 'd',
	[STORE_HOSTS] = 'h',
	[STORE_ROBOTS] = 'r',
	[STORE_META] = 'm',
	[STORE_SITEMAPS] = 's',
	[STORE_NAMES] = 'n',
};

/* --- writing ------------------------------------------------------------- */

int
audit_commit(struct audit *audit)
{
	int r;

	if (audit->crawl_changed) {
		buf_clear(&audit->value);
		if (crawl_row_write(&audit->crawl, &audit->value) < 0)
			return audit_fail(audit, -ENOMEM, "the crawl's row");
		store_put(audit->store, STORE_META, SPAN("state"),
		    buf_span(&audit->value));
	}
	/* First the copies of what is removed. */
	r = lost_sync(audit->lost, audit->err);
	return r < 0 ? r : store_commit(audit->store, audit->err);
}

static int
commit_if_large(struct audit *audit)
{
	return store_batch_bytes(audit->store) > BATCH ? audit_commit(audit)
						       : 0;
}

int
audit_put(struct audit *audit, enum store_table table, struct row_key key,
    struct span value)
{
	store_put(audit->store, table, row_key_span(&key), value);
	return commit_if_large(audit);
}

int
audit_delete(struct audit *audit, enum store_table table, struct span key)
{
	store_delete(audit->store, table, key);
	return commit_if_large(audit);
}

int
audit_remove(struct audit *audit, enum store_table table, struct span key,
    struct span value)
{
	int r = lost_row(audit->lost, letters[table], key, value, audit->err);

	return r < 0 ? r : audit_delete(audit, table, key);
}

/* --- a table that is sorted by site -------------------------------------- */

struct cursor {
	enum store_table table;
	size_t numbers; /* in its keys */
	struct store_scan *scan;
	bool live;      /* there is a row */
	uint64_t at[2]; /* its key: site, and what follows */
	struct span value;
};

static int
bad_key(struct audit *audit, const struct cursor *c, struct span key,
    struct span value)
{
	static const enum audit_kind kinds[STORE_TABLES] = {
		[STORE_URLS] = AUDIT_URL_ROW,
		[STORE_QUEUE] = AUDIT_QUEUE_STRAY,
		[STORE_DUE] = AUDIT_DUE_STRAY,
		[STORE_HOSTS] = AUDIT_HOST_ROW,
		[STORE_ROBOTS] = AUDIT_ROBOTS_STRAY,
	};
	int r;

	audit_problem(audit, kinds[c->table], "a key of %zu bytes in table %c",
	    key.len, letters[c->table]);
	if (!audit->mends)
		return 0;
	audit->changes++;
	r = audit_remove(audit, c->table, key, value);
	if (r == 0)
		audit_repaired(audit, kinds[c->table],
		    "a row without a right key is in lost+found instead");
	return r;
}

static int
advance(struct audit *audit, struct cursor *c)
{
	struct span key, value;
	int r;

	c->live = false;
	while ((r = store_scan_next(c->scan, &key, &value)) == 1) {
		if (row_key_read(key, c->numbers, c->at) == 0) {
			c->value = value;
			c->live = true;
			return 0;
		}
		r = bad_key(audit, c, key, value);
		if (r < 0)
			return r;
	}
	return r < 0 ? audit_fail(audit, r, "frontier") : 0;
}

static int
cursor_open(struct audit *audit, struct cursor *c)
{
	/* Of what is committed: what is mended meanwhile is not met. */
	int r = store_scan_open(audit->store, c->table, SPAN_NONE, SPAN_NONE,
	    false, &c->scan);

	return r < 0 ? audit_fail(audit, r, "frontier") : advance(audit, c);
}

static bool
stands_at(const struct cursor *c, uint64_t site64)
{
	return c->live && c->at[0] == site64;
}

/* --- the host ------------------------------------------------------------ */

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

static int
read_host(struct audit *audit, struct audit_site *site, struct cursor *hosts,
    const struct trio *record)
{
	bool there = stands_at(hosts, site->site64);
	int r = 0;

	if (there) {
		r = host_is_right(audit, site, hosts->value);
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

static uint64_t
within(uint64_t n, struct bounds bounds)
{
	if (n < bounds.least)
		return bounds.least;
	return n > bounds.most ? bounds.most : n;
}

static bool
judge_counters(struct audit *audit, struct audit_site *site)
{
	struct host_row *host = &site->host;
	bool right = host->admitted == site->admitted &&
		     host->queued == site->queued &&
		     host->errors == site->errors &&
		     within(host->fetched, site->fetched) == host->fetched;

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
		    (unsigned long long)within(host->fetched, site->fetched),
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

static int
judge_host(struct audit *audit, struct audit_site *site, bool there)
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
	site->host.fetched = within(site->host.fetched, site->fetched);
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

/* --- the queue ----------------------------------------------------------- */

static int
stray(struct audit *audit, enum audit_kind kind, enum store_table table,
    struct span key)
{
	int r;

	audit_problem(audit, kind,
	    "a row of table %c that belongs to no URL which is there",
	    letters[table]);
	if (!audit->mends)
		return 0;
	r = audit_remove(audit, table, key, SPAN_NONE);
	if (r == 0)
		audit_repaired(audit, kind, "a row of table %c is removed",
		    letters[table]);
	return r;
}

/* A URL that is queued, and nothing says so in its queue. */
static int
missing(struct audit *audit, enum audit_kind kind, enum store_table table,
    struct row_key key, uint64_t site64, uint64_t url64, struct span value)
{
	int r;

	audit_problem(audit, kind,
	    "%016llx %016llx has no row in table %c, so it would never be "
	    "fetched",
	    (unsigned long long)site64, (unsigned long long)url64,
	    letters[table]);
	if (!audit->mends)
		return 0;
	r = audit_put(audit, table, key, value);
	if (r == 0)
		audit_repaired(audit, kind, "%016llx %016llx has its row again",
		    (unsigned long long)site64, (unsigned long long)url64);
	return r;
}

/* A place that no URL can have: it gets another. */
static int
misplaced(struct audit *audit, struct audit_site *site, uint64_t url64)
{
	struct row_key key = row_key2(site->site64, url64);
	struct url_row row;
	int r;

	audit_problem(audit, AUDIT_PLACE,
	    "%016llx %016llx is queued at a place that is not its own",
	    (unsigned long long)site->site64, (unsigned long long)url64);
	if (!audit->mends)
		return 0;
	site->changed = true;
	r = store_get(audit->store, STORE_URLS, row_key_span(&key),
	    &audit->text);
	if (r < 1 || url_row_read(buf_span(&audit->text), &row) < 0)
		return audit_fail(audit, -EIO, "a URL's row");
	r = audit_queue_again(audit, site->site64, url64, &row);
	if (r == 0)
		audit_repaired(audit, AUDIT_PLACE,
		    "%016llx %016llx has a place",
		    (unsigned long long)site->site64,
		    (unsigned long long)url64);
	return r;
}

/* Numbers are believed by half their range: there is always a next one. */
static bool
place_can_be(uint64_t place)
{
	return place_seq(place) <= PLACE_SEQ_MAX / 2;
}

/* The URLs of the site that are queued against the rows of its queue. */
static int
judge_queue(struct audit *audit, struct audit_site *site, struct cursor *queue)
{
	struct trio *places = site->places.at;
	size_t i = 0, n = site->places.n;
	int r = 0;

	trios_sort(&site->places);
	for (size_t k = 0; k < n; k++) {
		if (place_can_be(places[k].a) &&
		    place_seq(places[k].a) > audit->last_seq)
			audit->last_seq = place_seq(places[k].a);
	}
	while (r == 0 && (i < n || stands_at(queue, site->site64))) {
		bool row = stands_at(queue, site->site64);
		uint64_t place = row ? queue->at[1] : 0, url64 = 0;
		struct row_key key;

		/* A row in front of the next URL, or of another one. */
		if (row && row_key_read(queue->value, 1, &url64) < 0)
			url64 = 0;
		if (row &&
		    (i == n || place < places[i].a ||
			(place == places[i].a && url64 != places[i].b))) {
			key = row_key2(site->site64, place);
			r = stray(audit, AUDIT_QUEUE_STRAY, STORE_QUEUE,
			    row_key_span(&key));
			if (r == 0)
				r = advance(audit, queue);
			continue;
		}
		if ((i > 0 && places[i].a == places[i - 1].a) ||
		    !place_can_be(places[i].a)) {
			r = misplaced(audit, site, places[i].b);
		} else if (!row || place > places[i].a) {
			struct row_key value = row_key1(places[i].b);

			r = missing(audit, AUDIT_QUEUE_MISSING, STORE_QUEUE,
			    row_key2(site->site64, places[i].a), site->site64,
			    places[i].b, row_key_span(&value));
		}
		if (r == 0 && row && place == places[i].a)
			r = advance(audit, queue);
		i++;
	}
	return r;
}

/* --- by site ------------------------------------------------------------- */

static int
judge_robots(struct audit *audit, struct audit_site *site,
    struct cursor *robots)
{
	struct row_key key = row_key1(site->site64);
	int r = 0;

	if (!stands_at(robots, site->site64))
		return 0;
	site->has_rules = robots_valid(robots->value);
	if (!site->known) {
		r = stray(audit, AUDIT_ROBOTS_STRAY, STORE_ROBOTS,
		    row_key_span(&key));
	} else if (!site->has_rules) {
		audit_problem(audit, AUDIT_ROBOTS_ROW,
		    "%.*s: the rules of its robots.txt cannot be read",
		    AUDIT_URL(buf_span(&audit->name)));
		if (audit->mends) {
			r = audit_remove(audit, STORE_ROBOTS,
			    row_key_span(&key), robots->value);
			if (r == 0)
				audit_repaired(audit, AUDIT_ROBOTS_ROW,
				    "%.*s: it is asked for again",
				    AUDIT_URL(buf_span(&audit->name)));
		}
	}
	return r < 0 ? r : advance(audit, robots);
}

/* The rows of `u` and the records of the site, by URL. */
static int
judge_urls(struct audit *audit, struct audit_site *site, struct cursor *urls,
    size_t *record)
{
	const struct trio *records = audit->records.at;
	size_t n_records = audit->records.n;
	int r = 0;

	while (r == 0) {
		bool row = stands_at(urls, site->site64);
		bool rec = *record < n_records &&
			   records[*record].a == site->site64;
		size_t first = *record, n = 0;
		uint64_t url64;

		if (!row && !rec)
			break;
		url64 = row ? urls->at[1] : records[first].b;
		if (rec && records[first].b < url64)
			url64 = records[first].b;
		row = row && urls->at[1] == url64;
		while (first + n < n_records &&
		       records[first + n].a == site->site64 &&
		       records[first + n].b == url64)
			n++;
		*record += n;
		/* An empty value is no row that could be read, either. */
		r = audit_url(audit, site, url64,
		    !row                  ? SPAN_NONE
		    : urls->value.len > 0 ? urls->value
					  : SPAN("?"),
		    records + first, n);
		if (r == 0 && row)
			r = advance(audit, urls);
	}
	return r;
}

enum {
	BY_URLS,
	BY_QUEUE,
	BY_HOSTS,
	BY_ROBOTS,
	CURSORS
};

static int
judge_site(struct audit *audit, struct audit_site *site, struct cursor *cursors,
    size_t *record)
{
	bool host = stands_at(&cursors[BY_HOSTS], site->site64);
	const struct trio *own = NULL;
	int r;

	if (*record < audit->records.n &&
	    audit->records.at[*record].a == site->site64)
		own = &audit->records.at[*record];
	r = read_host(audit, site, &cursors[BY_HOSTS], own);
	if (r == 0)
		r = judge_robots(audit, site, &cursors[BY_ROBOTS]);
	if (r == 0)
		r = judge_urls(audit, site, &cursors[BY_URLS], record);
	if (r == 0)
		r = judge_queue(audit, site, &cursors[BY_QUEUE]);
	if (r == 0)
		r = judge_host(audit, site, host);
	/* Both are counted at one stroke: what the host says holds here. */
	audit->fetched += within(site->host.fetched, site->fetched);
	if (r == 0 && host)
		r = advance(audit, &cursors[BY_HOSTS]);
	return r;
}

static int
judge_sites(struct audit *audit)
{
	struct cursor cursors[CURSORS] = {
		[BY_URLS] = { .table = STORE_URLS, .numbers = 2 },
		[BY_QUEUE] = { .table = STORE_QUEUE, .numbers = 2 },
		[BY_HOSTS] = { .table = STORE_HOSTS, .numbers = 1 },
		[BY_ROBOTS] = { .table = STORE_ROBOTS, .numbers = 1 },
	};
	struct audit_site site = { .places = TRIOS_NONE };
	struct trios places = TRIOS_NONE;
	size_t record = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < CURSORS; i++)
		r = cursor_open(audit, &cursors[i]);
	while (r == 0) {
		bool any = record < audit->records.n;
		uint64_t next = any ? audit->records.at[record].a : 0;

		for (size_t i = 0; i < CURSORS; i++) {
			if (!cursors[i].live)
				continue;
			if (!any || cursors[i].at[0] < next)
				next = cursors[i].at[0];
			any = true;
		}
		if (!any)
			break;
		site = (struct audit_site){ .site64 = next,
			.first = PLACE_NONE,
			.places = places };
		r = judge_site(audit, &site, cursors, &record);
		places = site.places;
		trios_clear(&places);
	}
	for (size_t i = 0; i < CURSORS; i++)
		store_scan_close(cursors[i].scan);
	trios_fini(&places);
	return r;
}

/* --- URLs that wait ------------------------------------------------------ */

static int
order_of(const struct trio *x, const uint64_t y[3])
{
	if (x->a != y[0])
		return x->a < y[0] ? -1 : 1;
	if (x->b != y[1])
		return x->b < y[1] ? -1 : 1;
	return x->c < y[2] ? -1 : x->c > y[2];
}

/* URLs that wait and have no row in front of this one. */
static int
missing_before(struct audit *audit, size_t *i, const uint64_t *before)
{
	const struct trio *at = audit->waiting.at;
	int r = 0;

	while (r == 0 && *i < audit->waiting.n &&
	       (before == NULL || order_of(&at[*i], before) < 0)) {
		r = missing(audit, AUDIT_DUE_MISSING, STORE_DUE,
		    row_key3(at[*i].a, at[*i].b, at[*i].c), at[*i].b, at[*i].c,
		    SPAN_NONE);
		(*i)++;
	}
	return r;
}

static int
judge_due(struct audit *audit)
{
	struct store_scan *scan;
	struct span key, value;
	uint64_t due[3];
	size_t i = 0;
	int r;

	trios_sort(&audit->waiting);
	r = store_scan_open(audit->store, STORE_DUE, SPAN_NONE, SPAN_NONE,
	    false, &scan);
	if (r < 0)
		return audit_fail(audit, r, "frontier");
	while (r == 0 && (r = store_scan_next(scan, &key, &value)) == 1) {
		if (row_key_read(key, 3, due) < 0) {
			r = stray(audit, AUDIT_DUE_STRAY, STORE_DUE, key);
			continue;
		}
		r = missing_before(audit, &i, due);
		if (r < 0)
			break;
		if (i < audit->waiting.n &&
		    order_of(&audit->waiting.at[i], due) == 0)
			i++;
		else
			r = stray(audit, AUDIT_DUE_STRAY, STORE_DUE, key);
	}
	store_scan_close(scan);
	if (r < 0)
		return audit->err->text[0] != '\0'
			   ? r
			   : audit_fail(audit, r, "frontier");
	return missing_before(audit, &i, NULL);
}

/* --- seeds and totals ---------------------------------------------------- */

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

static void
judge_one(struct audit *audit, const char *name, uint64_t *stored,
    struct bounds counted)
{
	uint64_t right = within(*stored, counted);

	if (right == *stored)
		return;
	audit_problem(audit, AUDIT_TOTALS, "%s: %llu, and the rows say %llu",
	    name, (unsigned long long)*stored, (unsigned long long)right);
	if (!audit->mends || audit->changes > 0)
		return;
	*stored = right;
	audit->crawl_changed = true;
	audit_repaired(audit, AUDIT_TOTALS, "%s: %llu", name,
	    (unsigned long long)right);
}

static struct bounds
exactly(uint64_t n)
{
	return (struct bounds){ n, n };
}

/* Each URL that ended has one answer, be it none; so what the rows leave open
 * is bounded by the sum, too. */
static void
judge_answers(struct audit *audit)
{
	struct frontier_totals *t = &audit->crawl.totals;
	const struct frontier_totals *c = &audit->totals;
	uint64_t ended = c->done + c->failed + c->excluded + c->quarantined;
	struct bounds *bounds = audit->statuses;
	uint64_t right[ARRAY_LEN(t->statuses)], sum = 0;
	char name[64];

	for (size_t i = 0; i < ARRAY_LEN(right); i++) {
		right[i] = within(t->statuses[i], bounds[i]);
		sum += right[i];
	}
	for (size_t i = 0; i < ARRAY_LEN(right); i++) {
		while (sum > ended && right[i] > bounds[i].least) {
			right[i]--;
			sum--;
		}
		while (sum < ended && right[i] < bounds[i].most) {
			right[i]++;
			sum++;
		}
		snprintf(name, sizeof(name), "answers %zuxx", i);
		judge_one(audit, name, &t->statuses[i], exactly(right[i]));
	}
}

static void
judge_totals(struct audit *audit)
{
	struct frontier_totals *t = &audit->crawl.totals;
	const struct frontier_totals *c = &audit->totals;
	uint64_t parts = t->done + t->failed + t->excluded + t->quarantined +
			 t->queued;

	if (t->admitted != parts)
		audit_problem(audit, AUDIT_SUM,
		    "%llu admitted, and done + failed + excluded + "
		    "quarantined + queued are %llu",
		    (unsigned long long)t->admitted, (unsigned long long)parts);
	judge_one(audit, "admitted", &t->admitted, exactly(c->admitted));
	judge_one(audit, "done", &t->done, exactly(c->done));
	judge_one(audit, "failed", &t->failed, exactly(c->failed));
	judge_one(audit, "excluded", &t->excluded, exactly(c->excluded));
	judge_one(audit, "quarantined", &t->quarantined,
	    exactly(c->quarantined));
	judge_one(audit, "queued", &t->queued, exactly(c->queued));
	judge_one(audit, "redirected", &t->redirected, exactly(c->redirected));
	judge_one(audit, "gone", &t->gone, exactly(c->gone));
	judge_one(audit, "hosts", &t->hosts, exactly(c->hosts));
	judge_one(audit, "late", &t->late, exactly(c->late));
	for (unsigned i = 1; i < BUDGETS; i++)
		judge_one(audit, budget_key(i), &t->spent[i],
		    exactly(c->spent[i]));
	judge_one(audit, "fetched", &audit->crawl.fetched,
	    exactly(audit->fetched));
	for (unsigned i = 1; i < REASONS; i++)
		judge_one(audit, reason_name(i), &t->reasons[i],
		    exactly(c->reasons[i]));
	judge_answers(audit);
}

/* The next place is behind all that are taken. */
static void
judge_next_seq(struct audit *audit)
{
	if (audit->last_seq < audit->crawl.next_seq)
		return;
	audit_problem(audit, AUDIT_PLACE,
	    "the next number in the queues is %llu, and %llu is given out",
	    (unsigned long long)audit->crawl.next_seq,
	    (unsigned long long)audit->last_seq);
	if (!audit->mends)
		return;
	audit->crawl.next_seq = audit->last_seq + 1;
	audit->crawl_changed = true;
	audit_repaired(audit, AUDIT_PLACE, "the next number is %llu",
	    (unsigned long long)audit->crawl.next_seq);
}

/* --- the folders of the quarantine --------------------------------------- */

/* 1 it is the folder of a URL that is quarantined. */
static int
folder_belongs(struct audit *audit, const char *name)
{
	unsigned long long site64, url64;
	struct row_key key;
	struct url_row row;
	int end = 0, r;

	if (sscanf(name, "%16llx-%16llx%n", &site64, &url64, &end) != 2 ||
	    name[end] != '\0')
		return 0;
	key = row_key2(site64, url64);
	r = store_get(audit->store, STORE_URLS, row_key_span(&key),
	    &audit->text);
	if (r < 0)
		return audit_fail(audit, r, "frontier");
	return r == 1 && url_row_read(buf_span(&audit->text), &row) == 0 &&
	       row.state == URL_ENDED && row.verdict == VERDICT_QUARANTINED;
}

/* Only noted: a page that killed the recorder, too, has no folder; and one
 * that was tried again, by a person or after a power cut, may have one. */
static int
look_at_quarantine(struct audit *audit)
{
	uint64_t belong = 0, others = 0;
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *folder;
	int r = 0;

	if (snprintf(path, sizeof(path), "%s/quarantine",
		audit->options->dir) >= (int)sizeof(path))
		return 0;
	folder = opendir(path);
	if (folder == NULL && errno != ENOENT)
		return err_set(audit->err, errno == ENOMEM ? -ENOMEM : -EIO,
		    "%s: %s", path, strerror(errno));
	while (folder != NULL && r >= 0 && (entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		r = folder_belongs(audit, entry->d_name);
		belong += r == 1;
		others += r == 0;
	}
	if (folder != NULL)
		closedir(folder);
	if (r < 0)
		return r;
	if (audit->totals.quarantined > belong)
		audit_note(audit, AUDIT_QUARANTINE,
		    "%llu URLs are quarantined without a folder of their own",
		    (unsigned long long)(audit->totals.quarantined - belong));
	if (others > 0)
		audit_note(audit, AUDIT_QUARANTINE,
		    "%llu folders in quarantine/ are of no URL that is "
		    "quarantined",
		    (unsigned long long)others);
	return 0;
}

int
audit_walk_store(struct audit *audit)
{
	int r;

	audit->last_seq = 0;
	audit->totals = (struct frontier_totals){ .admitted = 0 };
	memset(audit->statuses, 0, sizeof(audit->statuses));
	audit->fetched = 0;
	r = judge_sites(audit);
	if (r == 0)
		r = judge_due(audit);
	if (r == 0)
		r = judge_names(audit, SPAN("seed."), SPAN("seed/"), AUDIT_SEED,
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
	if (r == 0)
		r = audit_sitemaps(audit);
	if (r == 0)
		r = audit_names(audit);
	if (r == 0)
		r = look_at_quarantine(audit);
	if (r < 0)
		return r;
	judge_next_seq(audit);
	judge_totals(audit);
	return 0;
}
