#include "lib/frontier/frontier.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <xxhash.h>

#include "lib/frontier/frontier_impl.h"

static void
frontier_free(struct frontier *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < f->n_news; i++)
		free(f->news[i]);
	store_scan_close(f->scan);
	leases_fini(&f->leases);
	hosts_fini(&f->hosts);
	servers_fini(&f->servers);
	addresses_fini(&f->addresses);
	seen_fini(&f->seen);
	aliases_fini(&f->aliases);
	scope_free(f->scope);
	blocks_fini(&f->blocks);
	frontier_traps_fini(f);
	free(f->params);
	for (size_t i = 0; i < RULES; i++)
		free(f->rules[i].ptr);
	store_close(f->store);
	url_fini(&f->url);
	url_fini(&f->other);
	buf_fini(&f->site);
	buf_fini(&f->page);
	buf_fini(&f->row);
	buf_fini(&f->value);
	buf_fini(&f->href);
	buf_fini(&f->via);
	buf_fini(&f->chain);
	buf_fini(&f->name);
	buf_fini(&f->sibling);
	free(f);
}

void
frontier_close(struct frontier *f)
{
	frontier_free(f);
}

/* --- open ---------------------------------------------------------------- */

static struct frontier *
frontier_alloc(const struct config *config, const uint8_t crawl_id[16],
    int64_t now_ms)
{
	struct frontier *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->config = config;
	f->texts_key = XXH3_64bits(crawl_id, 16);
	f->opened_ms = f->now_ms = now_ms;
	f->due_ms = INT64_MAX;
	outage_init(&f->outage, config->outage_give_up_ms);
	f->batch = 1;
	aliases_init(&f->aliases);
	url_init(&f->url);
	url_init(&f->other);
	buf_init(&f->site, URL_MAX);
	buf_init(&f->page, URL_MAX);
	buf_init(&f->row, VALUE_MAX);
	buf_init(&f->value, VALUE_MAX);
	buf_init(&f->href, VALUE_MAX);
	buf_init(&f->via, VALUE_MAX);
	buf_init(&f->chain, VALUE_MAX);
	buf_init(&f->name, VALUE_MAX);
	buf_init(&f->sibling, VALUE_MAX);
	f->canon.rules = config->canon;
	f->params = calloc(config->ignore_params.n + 1, sizeof(*f->params));
	f->scope = scope_new((enum scope_kind)config->scope);
	if (f->params == NULL || f->scope == NULL ||
	    leases_init(&f->leases) < 0 || hosts_init(&f->hosts) < 0 ||
	    servers_init(&f->servers) < 0 ||
	    addresses_init(&f->addresses, config->ip_delay_ms,
		config->ip_concurrency) < 0 ||
	    seen_init(&f->seen, config->seen_cache) < 0) {
		frontier_free(f);
		return NULL;
	}
	for (size_t i = 0; i < config->ignore_params.n; i++)
		f->params[i] = span_from(config->ignore_params.items[i]);
	f->canon.extra = f->params;
	f->canon.n_extra = config->ignore_params.n;
	return f;
}

static int
open_rules(struct frontier *f, struct err *err)
{
	for (size_t i = 0; i < f->config->n_rules; i++) {
		const struct config_rule *rule = &f->config->rules[i];
		int r = scope_add_rule(f->scope, rule->include,
		    span_from(rule->text), err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int
get_meta(struct frontier *f, struct span key)
{
	return store_get(f->store, STORE_META, key, &f->row);
}

int
frontier_begin(struct frontier *f, struct err *err)
{
	store_put(f->store, STORE_META, SPAN("begun"), SPAN("1"));
	return store_commit(f->store, err);
}

/* A new store says whose it is before anything else is in it. */
static int
open_new(struct frontier *f, const uint8_t crawl_id[16], struct err *err)
{
	static const char layout[] = { ROWS_LAYOUT, 0, 0, 0 };
	struct crawl_row row = { .next_seq = 1 };
	int r;

	buf_clear(&f->value);
	r = crawl_row_write(&row, &f->value);
	if (r < 0)
		return r;
	store_put(f->store, STORE_META, SPAN("layout"),
	    span_of(layout, sizeof(layout)));
	store_put(f->store, STORE_META, SPAN("crawl"),
	    span_of((const char *)crawl_id, 16));
	store_put(f->store, STORE_META, SPAN("state"), buf_span(&f->value));
	return store_commit(f->store, err);
}

/*
 * The longest URL that this store may hold.  Orders are written into slots of
 * that size: with a smaller one a URL that is queued could not be handed out.
 */
static int
open_longest(struct frontier *f, struct err *err)
{
	uint32_t mine = f->config->max_url_length, longest = 0;
	int r = get_meta(f, SPAN("longest"));

	if (r == 1 && f->row.len == sizeof(longest))
		memcpy(&longest, f->row.ptr, sizeof(longest));
	if (r < 0 || longest == mine)
		return r < 0 ? r : 0;
	if (mine < longest)
		return err_set(err, -EINVAL,
		    "max_url_length: %u is less than the %u that this crawl "
		    "has had; it cannot be made smaller",
		    mine, longest);
	store_put(f->store, STORE_META, SPAN("longest"),
	    span_of((const char *)&mine, sizeof(mine)));
	return store_commit(f->store, err);
}

/*
 * By which rules its keys were made.  By others what is known would be met as
 * new, and fetched again.
 */
static int
open_canon(struct frontier *f, struct err *err)
{
	int r;

	buf_clear(&f->name);
	r = canon_describe(&f->canon, &f->name);
	if (r == 0)
		r = get_meta(f, SPAN("canon"));
	if (r < 0)
		return r;
	if (r == 1 && span_eq(buf_span(&f->row), buf_span(&f->name)))
		return 0;
	if (r == 1)
		return err_set(err, -EINVAL,
		    "canon and ignore_params: this crawl knows its URLs by "
		    "\"%.*s\", not by \"%.*s\"; they cannot be changed (but "
		    "for fold_www and fold_scheme)",
		    (int)(f->row.len < 150 ? f->row.len : 150), f->row.ptr,
		    (int)(f->name.len < 150 ? f->name.len : 150), f->name.ptr);
	store_put(f->store, STORE_META, SPAN("canon"), buf_span(&f->name));
	return store_commit(f->store, err);
}

/* Whose it is, and where it stands. */
static int
open_meta(struct frontier *f, const char *dir, const uint8_t crawl_id[16],
    struct err *err)
{
	struct crawl_row row;
	int r = get_meta(f, SPAN("layout"));

	if (r == 0) {
		r = open_new(f, crawl_id, err);
		if (r == 0)
			r = get_meta(f, SPAN("layout"));
	}
	if (r < 0)
		return r;
	/* Little-endian, and at most 255 for a long time. */
	if (f->row.len != 4 || (uint8_t)f->row.ptr[0] != ROWS_LAYOUT ||
	    memcmp(f->row.ptr + 1, "\0\0\0", 3) != 0)
		return err_set(err, -EPROTO,
		    "%s: made by another version of mpcrawl (layout %u, this "
		    "one reads %u)",
		    dir, f->row.len > 0 ? (unsigned)(uint8_t)f->row.ptr[0] : 0,
		    ROWS_LAYOUT);
	r = get_meta(f, SPAN("crawl"));
	if (r == 1 &&
	    (f->row.len != 16 || memcmp(f->row.ptr, crawl_id, 16) != 0))
		return err_set(err, -EEXIST,
		    "%s: belongs to another crawl than the folder it is in",
		    dir);
	if (r == 1)
		r = get_meta(f, SPAN("state"));
	if (r <= 0 || crawl_row_read(buf_span(&f->row), &row) < 0)
		return r < 0
			   ? r
			   : err_set(err, -EIO, "%s: its state is broken", dir);
	r = open_longest(f, err);
	if (r == 0)
		r = open_canon(f, err);
	if (r < 0)
		return r;
	r = get_meta(f, SPAN("begun"));
	if (r < 0)
		return r;
	f->is_new = r == 0;
	f->cut = row.cut;
	f->next_seq = f->committed_seq = row.next_seq;
	f->elapsed_ms = row.elapsed_ms;
	f->fetched = f->shown_fetched = row.fetched;
	f->live = row.totals;
	f->shown = row.totals;
	return 0;
}

/* The seeds of all runs: the scope is measured by them. */
static int
add_to_scope(void *arg, const struct url *seed)
{
	struct frontier *f = arg;

	return scope_add_seed(f->scope, seed);
}

static int
each_seed(struct frontier *f, frontier_judge_fn *fn, void *arg)
{
	struct store_scan *scan;
	struct span key, value;
	int r;

	r = store_scan_open(f->store, STORE_META, SPAN("seed."), SPAN("seed/"),
	    false, &scan);
	if (r < 0)
		return r;
	while ((r = store_scan_next(scan, &key, &value)) == 1) {
		r = url_parse(span_from_at(key, 5), NULL, &f->url);
		if (r == -EINVAL || r == -EMSGSIZE)
			r = -EIO;
		if (r == 0)
			r = fn(arg, &f->url);
		if (r < 0)
			break;
	}
	store_scan_close(scan);
	return r;
}

struct judging {
	struct frontier *f;
	frontier_judge_fn *judge;
	void *arg;
};

static int
judge_unended(void *arg, const struct url *seed)
{
	struct judging *j = arg;
	struct canon_hash hash;
	struct host *host;
	int r = frontier_hash(j->f, seed, &hash);

	if (r < 0)
		return r;
	host = host_find(&j->f->hosts, hash.site64);
	return host != NULL && host->queued > 0 ? j->judge(j->arg, seed) : 0;
}

int
frontier_judge_seeds(struct frontier *f, frontier_judge_fn *judge, void *arg)
{
	struct judging j = { f, judge, arg };

	return each_seed(f, judge_unended, &j);
}

/* Hosts that have URLs which have not ended. */
static int
open_hosts(struct frontier *f)
{
	struct store_scan *scan;
	struct span key, value;
	struct host_row row;
	struct host *host;
	uint64_t site64;
	int r;

	r = store_scan_open(f->store, STORE_HOSTS, SPAN_NONE, SPAN_NONE, false,
	    &scan);
	if (r < 0)
		return r;
	while ((r = store_scan_next(scan, &key, &value)) == 1) {
		if (row_key_read(key, 1, &site64) < 0 ||
		    host_row_read(value, &row) < 0) {
			r = -EIO;
			break;
		}
		if (row.queued == 0)
			continue;
		r = frontier_host_load(f, site64, &host);
		if (r < 0)
			break;
		frontier_schedule(f, host, f->now_ms);
	}
	store_scan_close(scan);
	return r;
}

/* When the first of the waiting URLs is due. */
static int
open_due(struct frontier *f)
{
	struct store_scan *scan;
	struct span key, value;
	uint64_t due[3];
	int r;

	r = store_scan_open(f->store, STORE_DUE, SPAN_NONE, SPAN_NONE, false,
	    &scan);
	if (r < 0)
		return r;
	r = store_scan_next(scan, &key, &value);
	if (r == 1) {
		r = row_key_read(key, 3, due) < 0 ? -EIO : 0;
		f->due_ms = f->due_from_ms = (int64_t)due[0];
	}
	store_scan_close(scan);
	return r;
}

/* Read some more of the known URLs into the front cache. */
static int
seen_fill(struct frontier *f, size_t keys)
{
	struct span key, value;
	uint64_t ids[2];
	int r = 1;

	while (f->scan != NULL && keys-- > 0) {
		r = store_scan_next(f->scan, &key, &value);
		if (r < 0)
			return r;
		if (r == 1 && row_key_read(key, 2, ids) < 0)
			return -EIO;
		if (r == 1)
			seen_add(&f->seen, seen_print(ids[0], ids[1]));
		/* When it cannot become complete, the rest is for nothing. */
		if (r == 0 || f->seen.overflowed) {
			store_scan_close(f->scan);
			f->scan = NULL;
			return 0;
		}
	}
	return 0;
}

typedef int opener(const char *dir, uint64_t cache_bytes, struct store **out,
    struct err *err);

static int
open_by(opener *open, const char *dir, const struct config *config,
    const uint8_t crawl_id[16], int64_t now_ms, struct frontier **out,
    struct err *err)
{
	struct frontier *f = frontier_alloc(config, crawl_id, now_ms);
	int r;

	if (f == NULL)
		return err_set(err, -ENOMEM, "%s: no memory", dir);
	r = open(dir, config->db_cache, &f->store, err);
	if (r < 0)
		goto done;
	r = open_meta(f, dir, crawl_id, err);
	if (r == 0)
		r = open_rules(f, err);
	if (r < 0)
		goto done;
	r = each_seed(f, add_to_scope, f);
	if (r == -EINVAL)
		r = -EIO;
	if (r == 0)
		r = frontier_alias_restore(f);
	if (r == 0)
		r = frontier_blocks_open(f);
	if (r == 0)
		r = frontier_traps_open(f);
	if (r == 0)
		r = open_hosts(f);
	if (r == 0)
		r = frontier_open_sitemaps(f);
	if (r == 0)
		r = open_due(f);
	if (r == 0)
		r = store_scan_open(f->store, STORE_URLS, SPAN_NONE, SPAN_NONE,
		    false, &f->scan);
	if (r == 0)
		r = seen_fill(f, SCAN_OPEN);
	if (r < 0 && frontier_trouble(f)[0] == '\0')
		err_set(err, r, "%s: %s", dir,
		    r == -ENOMEM ? "no memory" : "the store is damaged");
done:
	if (r < 0 && frontier_trouble(f)[0] != '\0')
		err_set(err, r, "%s", frontier_trouble(f));
	if (r == 0) {
		*out = f;
		f = NULL;
	}
	frontier_free(f);
	return r;
}

int
frontier_open(const char *dir, const struct config *config,
    const uint8_t crawl_id[16], int64_t now_ms, struct frontier **out,
    struct err *err)
{
	return open_by(store_open, dir, config, crawl_id, now_ms, out, err);
}

int
frontier_open_to_read(const char *dir, const struct config *config,
    const uint8_t crawl_id[16], int64_t now_ms, struct frontier **out,
    struct err *err)
{
	int r = open_by(store_open_to_read, dir, config, crawl_id, now_ms, out,
	    err);

	return r == -ENOENT ? err_set(err, r, "%s: there is no store", dir) : r;
}

/* --- commit -------------------------------------------------------------- */

int64_t
frontier_elapsed_ms(const struct frontier *f, int64_t now_ms)
{
	int64_t open_ms = now_ms - f->opened_ms;

	/* A clock that was set back has stood still. */
	return f->elapsed_ms + (open_ms > 0 ? open_ms : 0);
}

static int
put_hosts(struct frontier *f)
{
	int r = 0;

	for (struct host *host = f->hosts.changed; r == 0 && host != NULL;
	     host = host->next_changed)
		r = frontier_put_host(f, host);
	return r;
}

static int
put_state(struct frontier *f, struct frontier_cut cut, int64_t now_ms)
{
	struct crawl_row row = {
		.cut = cut,
		.next_seq = f->next_seq,
		.elapsed_ms = frontier_elapsed_ms(f, now_ms),
		.fetched = f->fetched,
		.totals = f->live,
	};
	int r;

	/* Leases are not on disk: what has not ended is queued. */
	row.totals.queued = frontier_unended(f);
	row.totals.in_flight = 0;
	buf_clear(&f->value);
	r = crawl_row_write(&row, &f->value);
	if (r == 0)
		store_put(f->store, STORE_META, SPAN("state"),
		    buf_span(&f->value));
	return r;
}

/* A page's: what the commit changes in the counters. */
static void
end_page(struct frontier *f, const struct lease *lease)
{
	int64_t due_ms = (int64_t)lease->place;

	f->live.in_flight--;
	f->unsettled -= lease->fetch;
	if (!lease->again)
		return;
	f->live.queued++;
	if (due_ms < f->due_ms)
		f->due_ms = due_ms;
	if (due_ms < f->due_from_ms)
		f->due_from_ms = due_ms;
}

/* The batch is there: settled leases end. */
static void
end_leases(struct frontier *f)
{
	struct lease *lease = f->settled, *after;

	for (f->settled = NULL; lease != NULL; lease = after) {
		struct host *host = lease->host, *asker;
		bool robots = lease->kind == ORDER_ROBOTS;
		bool page = lease->kind == ORDER_PAGE;

		after = lease->after;
		asker = robots ? host_find(&f->hosts, lease->url64) : NULL;
		if (page)
			end_page(f, lease);
		if (lease->kind == ORDER_SITEMAP)
			host->maps.out = false;
		host_lease_unlink(lease);
		lease_free(&f->leases, lease);
		/* Another robots.txt, or sitemap, may have waited for this. */
		if (!page)
			frontier_schedule(f, host, f->now_ms);
		if (asker != NULL)
			frontier_schedule(f, asker, f->now_ms);
	}
}

/* The rows are there: a host with nothing to do needs no memory. */
static void
end_changes(struct frontier *f)
{
	struct host *host = f->hosts.changed, *next;

	for (f->hosts.changed = NULL; host != NULL; host = next) {
		next = host->next_changed;
		host->changed = false;
		if (!host_is_idle(host))
			continue;
		frontier_host_free(f, host);
	}
}

const char *
frontier_trouble(const struct frontier *f)
{
	return f != NULL && f->store != NULL ? store_trouble(f->store) : "";
}

int
frontier_commit(struct frontier *f, struct frontier_cut cut, int64_t now_ms)
{
	int r;

	f->now_ms = now_ms;
	r = put_hosts(f);
	if (r == 0)
		r = frontier_traps_put(f);
	if (r == 0)
		r = put_state(f, cut, now_ms);
	if (r == 0)
		r = store_commit(f->store, NULL);
	if (r < 0)
		return r;
	f->cut = cut;
	end_leases(f);
	end_changes(f);
	frontier_traps_committed(f);
	f->batch++;
	f->young = f->young_in_flight = 0;
	f->committed_seq = f->next_seq;
	f->shown = f->live;
	f->shown_fetched = f->fetched;
	/* The batch is there, whatever comes of this: without the rest the
	 * cache is not complete, and the store is asked. */
	if (seen_fill(f, SCAN_STEP) < 0) {
		store_scan_close(f->scan);
		f->scan = NULL;
		f->seen.overflowed = true;
	}
	return 0;
}

size_t
frontier_batch_bytes(const struct frontier *f)
{
	return store_batch_bytes(f->store);
}

struct frontier_cut
frontier_cut(const struct frontier *f)
{
	return f->cut;
}

bool
frontier_is_new(const struct frontier *f)
{
	return f->is_new;
}

/* --- what it knows ------------------------------------------------------- */

void
frontier_tell(struct frontier *f, const char *fmt, ...)
{
	char *text = f->n_news < NEWS ? malloc(FRONTIER_NEWS) : NULL;
	va_list ap;

	if (text == NULL) {
		count(&f->news_missed, 1);
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, FRONTIER_NEWS, fmt, ap);
	va_end(ap);
	f->news[f->n_news++] = text;
}

bool
frontier_news(struct frontier *f, char out[FRONTIER_NEWS])
{
	if (f->n_news == 0) {
		if (f->news_missed == 0)
			return false;
		snprintf(out, FRONTIER_NEWS, "%llu more like these",
		    (unsigned long long)f->news_missed);
		f->news_missed = 0;
		return true;
	}
	memcpy(out, f->news[0], FRONTIER_NEWS);
	free(f->news[0]);
	memmove(f->news, f->news + 1, --f->n_news * sizeof(f->news[0]));
	return true;
}

void
frontier_totals(const struct frontier *f, struct frontier_totals *out)
{
	*out = f->shown;
	/* A URL that is new in the batch is not yet admitted to the eye. */
	out->in_flight = f->live.in_flight - f->young_in_flight;
	out->outages = f->live.outages;
	out->outage_ms = outage_is_on(&f->outage) &&
				 f->now_ms > f->outage.since_ms
			     ? (uint64_t)(f->now_ms - f->outage.since_ms)
			     : 0;
	out->queued = f->live.queued - (f->young - f->young_in_flight);
	out->sitemaps_waiting = f->maps_open;
}

bool
frontier_stops(const struct frontier *f, int64_t now_ms)
{
	const struct config *c = f->config;

	return (c->max_pages > 0 && f->fetched + f->fetching >= c->max_pages) ||
	       (c->max_bytes > 0 && f->live.bytes >= c->max_bytes) ||
	       (c->max_time_ms > 0 &&
		   frontier_elapsed_ms(f, now_ms) >= c->max_time_ms);
}

const char *
frontier_limit(const struct frontier *f, int64_t now_ms)
{
	const struct config *c = f->config;

	if (c->max_pages > 0 && f->shown_fetched >= c->max_pages)
		return "max_pages";
	if (c->max_bytes > 0 && f->shown.bytes >= c->max_bytes)
		return "max_bytes";
	if (c->max_time_ms > 0 &&
	    frontier_elapsed_ms(f, now_ms) >= c->max_time_ms)
		return "max_time";
	return NULL;
}

bool
frontier_finished(const struct frontier *f)
{
	return f->live.queued == 0 && f->live.in_flight == 0 &&
	       f->maps_open == 0;
}
