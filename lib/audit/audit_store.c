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
	r = audit_host_read(audit, site, host, cursors[BY_HOSTS].value, own);
	if (r == 0)
		r = judge_robots(audit, site, &cursors[BY_ROBOTS]);
	if (r == 0)
		r = judge_urls(audit, site, &cursors[BY_URLS], record);
	if (r == 0)
		r = judge_queue(audit, site, &cursors[BY_QUEUE]);
	if (r == 0)
		r = audit_host_judge(audit, site, host);
	/* Both are counted at one stroke: what the host says holds here. */
	audit->fetched += bounds_hold(site->host.fetched, site->fetched);
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
		r = audit_meta(audit);
	if (r == 0)
		r = audit_sitemaps(audit);
	if (r == 0)
		r = audit_names(audit);
	if (r == 0)
		r = look_at_quarantine(audit);
	if (r < 0)
		return r;
	audit_next_seq(audit);
	audit_totals(audit);
	return 0;
}
