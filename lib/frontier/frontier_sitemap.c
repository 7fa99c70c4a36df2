/*
 * Sitemaps: found in robots.txt, in an index, or asked for by a person; asked
 * for in the turns of the host that they lie on; what they list is offered.
 *
 * Each is a row until the crawl ends, written in the batch that found it, and
 * settled in the batch that has its URLs: so a kill loses none of them, and
 * none is asked for again.  A sitemap is read for one site, its asker: for
 * that site's URLs it may speak wherever it lies, because the robots.txt there
 * names it; for others as sitemap_covers() says.
 */
#include <errno.h>

#include "lib/base/plural.h"
#include "lib/fetch/addrguard.h"
#include "lib/frontier/frontier_impl.h"
#include "lib/robots/robots.h"
#include "lib/sitemap/sitemap.h"

enum {
	LEVELS_MAX = 3, /* of indexes above a sitemap */
	DUE_MAX_MS = 24 * 3600 *
		     1000, /* no time of the store is believed past it */
};

/* The text of a row for "%.*s". */
#define SHOWN(s) (int)((s).len < 300 ? (s).len : 300), (s).ptr

/* --- rows ---------------------------------------------------------------- */

static int
get_row(struct frontier *f, const struct row_key *key, struct map_row *out)
{
	int r = store_get(f->store, STORE_SITEMAPS, row_key_span(key), &f->row);

	if (r == 1 && map_row_read(buf_span(&f->row), out) < 0)
		r = -EIO;
	return r;
}

static int
put_row(struct frontier *f, const struct row_key *key,
    const struct map_row *row)
{
	int r;

	buf_clear(&f->value);
	r = map_row_write(row, &f->value);
	if (r == 0)
		store_put(f->store, STORE_SITEMAPS, row_key_span(key),
		    buf_span(&f->value));
	return r;
}

/* It is read, or given up. */
static int
end_row(struct frontier *f, const struct row_key *key, struct map_row *row,
    uint8_t state)
{
	row->state = state;
	row->due_ms = 0;
	f->maps_open--;
	if (state == MAP_FAILED)
		count(&f->live.sitemaps_failed, 1);
	return put_row(f, key, row);
}

/* --- finding them -------------------------------------------------------- */

/* Whether this site may have one more; it is counted. */
static bool
has_room(struct frontier *f, struct host *asker)
{
	uint32_t most = f->config->max_sitemaps;

	if (asker->sitemaps > most)
		return false;
	host_changed(&f->hosts, asker);
	if (asker->sitemaps++ < most)
		return true;
	frontier_tell(f,
	    "%.*s: no more than %u sitemap%s read for a site (max_sitemaps), "
	    "the others are left out",
	    SPAN_ARG(host_name(asker)), most, plural_of(most, " is", "s are"));
	return false;
}

/*
 * f->url is one to be read for `asker`; `like` says how.  A known one is
 * nothing new, unless a person asks again for one that failed.
 * 1 new, 0 not, -EIO, -ENOMEM.
 */
static int
add(struct frontier *f, struct map_row like, uint64_t asker64, int64_t now_ms)
{
	struct host *host, *asker;
	struct canon_hash hash;
	struct map_row old;
	struct row_key key;
	struct map map = { .asker64 = asker64 };
	int r;

	/* What a site tells all the world is no password of ours. */
	url_drop_credentials(&f->url);
	r = frontier_hash(f, &f->url, &hash);
	if (r < 0)
		return r;
	key = row_key3(hash.site64, hash.url64, asker64);
	r = get_row(f, &key, &old);
	if (r < 0 || (r == 1 && !(like.asked && old.state == MAP_FAILED)))
		return r < 0 ? r : 0;
	if (r == 0) {
		r = frontier_host_load(f, asker64, &asker);
		if (r < 0 || (r == 1 && !has_room(f, asker)))
			return r < 0 ? r : 0;
	}
	r = frontier_host(f, hash.site64, &f->url, &host);
	if (r < 0)
		return r;
	map.url64 = hash.url64;
	r = maps_add(&host->maps, &map, false);
	if (r < 0)
		return r;
	f->maps_open++;
	like.state = MAP_PENDING;
	like.text = url_href_bare(&f->url);
	r = put_row(f, &key, &like);
	if (r < 0)
		return r;
	frontier_schedule(f, host, now_ms);
	return 1;
}

/*
 * What may not be asked for, as for any URL; but a site's sitemap need not lie
 * where its pages do: on the host of `near`, which names it, only an exclude
 * rule keeps it out, and none on media types, which are those of pages.  `r` is
 * that of url_parse() into f->url.
 */
static enum refusal
refuse_map(const struct frontier *f, int r, const struct url *near)
{
	enum refusal refusal = frontier_refuses(f, &f->url, r);
	struct scope_subject subject = { .url = &f->url };
	struct scope_why why;
	enum scope_answer answer;

	if (refusal != REFUSALS)
		return refusal;
	if (blocks_match(&f->blocks, url_host(&f->url)) != NULL)
		return REFUSED_BLOCKED;
	if (f->config->contact == NULL &&
	    !addrguard_host_is_loopback(url_host(&f->url)))
		return REFUSED_CONTACT;
	answer = scope_ask(f->scope, &subject, &why);
	if (answer == SCOPE_OUT_RULE &&
	    !span_starts(span_from(why.text), SPAN("type:")))
		return REFUSED_RULE;
	if (answer != SCOPE_IN && !span_eq(url_host(&f->url), url_host(near)))
		return REFUSED_SCOPE;
	return REFUSALS;
}

int
frontier_sitemap(struct frontier *f, struct span text, int64_t now_ms,
    struct err *err)
{
	struct map_row row = { .asked = true };
	char shown[URL_SHOWN];
	struct canon_hash hash;
	struct host *host;
	int r;

	f->now_ms = now_ms;
	r = url_parse(text, NULL, &f->url);
	if (r == -ENOMEM)
		return r;
	if (frontier_refuses(f, &f->url, r) != REFUSALS)
		return err_set(err, -EINVAL,
		    "%s: not a URL that starts with http:// or https://, or "
		    "longer than max_url_length (%u)",
		    url_shown(text, shown), f->config->max_url_length);
	if (url_has_credentials(&f->url)) {
		url_drop_credentials(&f->url);
		return err_set(err, -EINVAL,
		    "%.*s: a sitemap has no user and no password in its URL; "
		    "they are given by auth, in the file mpcrawl.conf",
		    SHOWN(url_href_bare(&f->url)));
	}
	r = frontier_add_scope(f, &f->url, err);
	if (r == 0)
		r = frontier_hash(f, &f->url, &hash);
	if (r == 0)
		r = frontier_host(f, hash.site64, &f->url, &host);
	if (r < 0)
		return r;
	/* What was out of scope may be in now. */
	memset(f->texts, 0, sizeof(f->texts));
	return add(f, row, hash.site64, now_ms);
}

int
frontier_sitemaps_of_rules(struct frontier *f, struct host *asker,
    struct span rules, int64_t now_ms)
{
	size_t most = (size_t)f->config->max_sitemaps + 1;
	struct map_row row = { .level = 0 };
	struct span text;
	int r;

	/* Of a site that is asked only for what others need, nothing else. */
	if (!f->config->sitemaps || asker->admitted == 0 || rules.len == 0)
		return 0;
	buf_clear(&f->name);
	r = buf_add_span(&f->name, host_name(asker));
	if (r == 0)
		r = buf_add_span(&f->name, SPAN("/robots.txt"));
	if (r == 0)
		r = url_parse(buf_span(&f->name), NULL, &f->other);
	for (size_t i = 0; r >= 0 && i < most; i++) {
		enum refusal refusal;

		if (!robots_sitemap(rules, i, &text))
			break;
		r = url_parse(text, &f->other, &f->url);
		if (r == -ENOMEM)
			break;
		refusal = refuse_map(f, r, &f->other);
		r = 0;
		if (refusal == REFUSALS)
			r = add(f, row, asker->site64, now_ms);
		else
			count(&f->live.refused[refusal], 1);
	}
	return r < 0 ? r : 0;
}

/* Does f->url lie on the host of the index, or on that of the asker?  An index
 * names those of its own site only (sitemaps.org). */
static int
is_near(struct frontier *f, const struct order *from)
{
	struct host *asker;
	int r = url_parse(from->url, NULL, &f->other);

	if (r == 0 && span_eq(url_host(&f->other), url_host(&f->url)))
		return 1;
	if (r == 0)
		r = frontier_host_load(f, from->for_site64, &asker);
	if (r == 1)
		r = url_parse(host_name(asker), NULL, &f->other);
	else if (r == 0)
		return 0;
	if (r == -ENOMEM || r == -EIO)
		return r;
	return r == 0 && span_eq(url_host(&f->other), url_host(&f->url));
}

int
frontier_offer_sitemap(struct frontier *f, const struct order *from,
    struct span text, int64_t now_ms)
{
	struct map_row row = { .level = (uint8_t)(from->depth + 1),
		.asked = from->found == LINK_SEED };
	enum refusal refusal;
	int r;

	f->now_ms = now_ms;
	r = url_parse(text, NULL, &f->url);
	if (r == -ENOMEM)
		return r;
	refusal = refuse_map(f, r, &f->url); /* whose host is_near() judges */
	if (refusal == REFUSALS && from->depth >= LEVELS_MAX)
		refusal = REFUSED_DEPTH;
	r = refusal == REFUSALS ? is_near(f, from) : 1;
	if (r < 0)
		return r;
	if (r == 0)
		refusal = REFUSED_LOCATION;
	if (refusal != REFUSALS) {
		count(&f->live.refused[refusal], 1);
		return 0;
	}
	/* is_near() has left f->url alone. */
	return add(f, row, from->for_site64, now_ms);
}

/* --- what they list ------------------------------------------------------ */

int
frontier_sitemap_covers(struct frontier *f, const struct order *from,
    const struct url *url, uint64_t site64)
{
	int r;

	/* A person wants what it lists; its site's robots.txt says so. */
	if (from->found == LINK_SEED || site64 == from->for_site64)
		return 1;
	r = url_parse(from->url, NULL, &f->other);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	return sitemap_covers(&f->other, url);
}

int
frontier_offer_listed(struct frontier *f, const struct order *from,
    struct span url, const struct listing *listed, int64_t now_ms)
{
	int r;

	if (from->kind != ORDER_SITEMAP || !listing_valid(listed))
		return 0;
	f->listed = *listed;
	r = frontier_offer(f, from, url, LINK_SITEMAP, 0, now_ms);
	f->listed = (struct listing){ .lastmod_s = 0 };
	return r;
}

/*
 * In the order of their priorities, and behind what links near the seeds lead
 * to: many sitemaps list a site from its oldest page on.
 */
unsigned
frontier_listed_bands(const struct listing *listed)
{
	unsigned priority = listed->priority > 0 ? listed->priority - 1u
						 : LISTING_PRIORITY_ONE / 2;

	return (LISTING_PRIORITY_ONE - priority) / 25;
}

void
frontier_sitemap_via(struct frontier *f, uint64_t site64, uint64_t url64)
{
	struct row_key from = row_key2(site64, url64);
	struct row_key below = row_key2(site64, url64 + 1);
	struct store_scan *scan;
	struct span key, value;
	struct map_row row;

	if (url64 == UINT64_MAX ||
	    store_scan_open(f->store, STORE_SITEMAPS, row_key_span(&from),
		row_key_span(&below), true, &scan) < 0)
		return;
	/* Whichever site it was read for: the text is the same. */
	if (store_scan_next(scan, &key, &value) == 1 &&
	    map_row_read(value, &row) == 0 &&
	    buf_add_span(&f->via, row.text) < 0)
		buf_clear(&f->via);
	store_scan_close(scan);
}

/* --- asking for them ----------------------------------------------------- */

/* None of this host's is asked for: why is its own. */
static int
drop_all(struct frontier *f, struct host *host, enum reason reason)
{
	uint32_t n = 0;
	struct map map;
	int r = 0;

	while (r >= 0 && maps_take(&host->maps, INT64_MAX, &map)) {
		struct row_key key = row_key3(host->site64, map.url64,
		    map.asker64);
		struct map_row row;

		r = get_row(f, &key, &row);
		if (r == 1)
			r = end_row(f, &key, &row, MAP_FAILED);
		else if (r == 0)
			f->maps_open--;
		n++;
	}
	host_changed(&f->hosts, host);
	frontier_tell(f, "%.*s: %u of its sitemaps %s not read: %s",
	    SPAN_ARG(host_name(host)), n, plural_of(n, "is", "are"),
	    reason_name(reason));
	return r < 0 ? r : 0;
}

/* 1 it may be asked for; 0 not, `why` says it in words. */
static int
may_ask(struct frontier *f, struct host *host, const struct map *map,
    struct span text, const char **why)
{
	struct host *asker;
	int r = frontier_host_load(f, map->asker64, &asker);

	if (r < 0)
		return r;
	/* What it lists would only be recorded as too much. */
	if (host_is_parked(host) || (r == 1 && host_is_parked(asker))) {
		*why = "the site's budget is used up";
		return 0;
	}
	if (host->config->robots == CONFIG_ROBOTS_IGNORE)
		return 1;
	r = url_parse(text, NULL, &f->other);
	if (r < 0)
		return r == -ENOMEM ? r : -EIO;
	*why = "robots.txt does not allow it";
	return frontier_robots_allow(f, host, url_target(&f->other));
}

static void
fill_order(struct frontier *f, const struct lease *lease, const struct map *map,
    const struct map_row *row, int64_t now_ms, struct order *out)
{
	const struct host *host = lease->host;

	*out = (struct order){
		.site64 = host->site64,
		.url64 = map->url64,
		.kind = ORDER_SITEMAP,
		.is_probe = lease->probe,
		.found = row->asked ? LINK_SEED : LINK_SITEMAP,
		.is_short = map->is_short,
		.attempts = map->attempts,
		.depth = row->level,
		.hops = row->hops,
		.tries = row->tries,
		.waits = row->waits,
		.delay_ms = (uint32_t)polite_delay_ms(&host->polite,
		    host->config),
		.ordered_ms = now_ms,
		.for_site64 = map->asker64,
		.url = buf_span(&f->href),
	};
}

static struct lease *
lease_add(struct frontier *f, struct host *host, uint64_t url64,
    uint64_t asker64, int64_t ordered_ms)
{
	struct lease *lease = lease_new(&f->leases, host->site64, url64,
	    ORDER_SITEMAP);

	if (lease == NULL)
		return NULL;
	lease->place = asker64;
	lease->ordered_ms = ordered_ms;
	lease->slot = true;
	lease->fetch = true;
	host_lease_link(host, lease);
	host->maps.out = true;
	return lease;
}

int
frontier_sitemap_order(struct frontier *f, struct host *host,
    enum reason reason, int64_t now_ms, struct order *out)
{
	const char *why = "";
	struct lease *lease;
	struct row_key key;
	struct map_row row;
	struct map map;
	int r;

	host->maps.was_last = true;
	if (reason != REASON_NONE)
		return drop_all(f, host, reason);
	if (!maps_take(&host->maps, now_ms, &map))
		return 0;
	key = row_key3(host->site64, map.url64, map.asker64);
	r = get_row(f, &key, &row);
	if (r <= 0 || row.state != MAP_PENDING)
		return r < 0 ? r : -EIO;
	buf_clear(&f->href);
	r = buf_add_span(&f->href, row.text);
	if (r == 0)
		r = may_ask(f, host, &map, buf_span(&f->href), &why);
	if (r < 0)
		return r;
	row.text = buf_span(&f->href); /* f->row has been used since */
	if (r == 0) {
		frontier_tell(f, "sitemap %.*s is not read: %s",
		    SHOWN(row.text), why);
		host_changed(&f->hosts, host);
		return end_row(f, &key, &row, MAP_FAILED);
	}
	lease = lease_add(f, host, map.url64, map.asker64, now_ms);
	if (lease == NULL)
		return -ENOMEM;
	frontier_slot_take(f, lease, now_ms);
	fill_order(f, lease, &map, &row, now_ms, out);
	return 1;
}

void
frontier_sitemap_come_back(struct frontier *f, struct lease *lease,
    const struct order *order)
{
	struct map map = { .url64 = lease->url64,
		.asker64 = lease->place,
		.attempts = order->attempts,
		.is_short = order->is_short };
	struct host *host = lease->host;

	/* Without memory for it: its row is there, and the next start asks. */
	if (maps_add(&host->maps, &map, true) < 0)
		f->maps_open--;
	host->maps.out = false;
	host_lease_unlink(lease);
	lease_free(&f->leases, lease);
}

/*
 * On the conveyor, when the scheduler died.  One that the store does not know
 * was found in a batch that is lost; what led to it will be settled again.
 */
int
frontier_sitemap_adopt(struct frontier *f, const struct order *order,
    int64_t now_ms)
{
	struct row_key key = row_key3(order->site64, order->url64,
	    order->for_site64);
	struct canon_hash hash;
	struct map_row row;
	struct lease *lease;
	struct host *host;
	int r;

	r = url_parse(order->url, NULL, &f->url);
	if (r == -ENOMEM)
		return r;
	if (frontier_refuses(f, &f->url, r) != REFUSALS ||
	    order->depth > LEVELS_MAX ||
	    lease_find(&f->leases, order->site64, order->url64, ORDER_SITEMAP))
		return -EBADMSG;
	r = frontier_hash(f, &f->url, &hash);
	if (r == 0 &&
	    (hash.site64 != order->site64 || hash.url64 != order->url64))
		r = -EBADMSG;
	if (r == 0)
		r = frontier_host(f, order->site64, &f->url, &host);
	if (r == 0)
		r = get_row(f, &key, &row);
	if (r < 0)
		return r;
	if (r == 1 &&
	    (row.state != MAP_PENDING || row.tries != order->tries ||
		row.waits != order->waits ||
		!maps_remove(&host->maps, order->url64, order->for_site64)))
		return -EBADMSG;
	if (r == 0) {
		if (order->tries > 0 || order->waits > 0)
			return -EBADMSG;
		row = (struct map_row){ .state = MAP_PENDING,
			.asked = order->found == LINK_SEED,
			.level = (uint8_t)order->depth,
			.hops = order->hops,
			.text = url_href_bare(&f->url) };
		f->maps_open++;
		r = put_row(f, &key, &row);
		if (r < 0)
			return r;
	}
	lease = lease_add(f, host, order->url64, order->for_site64,
	    order->ordered_ms < now_ms ? order->ordered_ms : now_ms);
	if (lease == NULL)
		return -ENOMEM;
	lease->probe = order->is_probe;
	frontier_slot_adopt(f, lease);
	host_changed(&f->hosts, host);
	frontier_schedule(f, host, now_ms);
	return 0;
}

/* --- what came of it ----------------------------------------------------- */

/* A redirect's target takes its place, wherever it lies. */
static int
follow(struct frontier *f, const struct order *order, struct span location,
    int64_t now_ms)
{
	struct map_row row = { .asked = order->found == LINK_SEED,
		.level = (uint8_t)order->depth,
		.hops = (uint16_t)(order->hops + 1) };
	enum refusal refusal;
	int r;

	if (url_parse(order->url, NULL, &f->other) < 0)
		return -ENOMEM; /* it was one when it was ordered */
	r = url_parse(location, NULL, &f->url);
	if (r == -ENOMEM)
		return r;
	refusal = refuse_map(f, r, &f->other);
	if (refusal == REFUSALS)
		return add(f, row, order->for_site64, now_ms);
	count(&f->live.refused[refusal], 1);
	return 0;
}

/* Another try, later. */
static int
again(struct frontier *f, const struct lease *lease, const struct row_key *key,
    struct map_row *row, const struct order *order,
    const struct capture *capture, int64_t now_ms)
{
	struct map map = { .url64 = order->url64,
		.asker64 = order->for_site64,
		.due_ms = now_ms };
	struct host *host = lease->host;
	int r;

	if (lease->spared) {
		; /* it was our own network: it asks for the host's clock */
	} else if (capture != NULL && verdict_is_wait(capture)) {
		if (row->waits < UINT16_MAX)
			row->waits++;
		if (polite_ready_ms(&host->polite) > now_ms)
			map.due_ms = polite_ready_ms(&host->polite);
	} else {
		map.due_ms += frontier_retry_delay_ms(host->config, row->tries);
		if (row->tries < UINT16_MAX)
			row->tries++;
	}
	row->due_ms = map.due_ms;
	r = put_row(f, key, row);
	return r < 0 ? r : maps_add(&host->maps, &map, false);
}

static void
tell_failure(struct frontier *f, const struct order *order,
    const struct capture *capture, struct decision decision)
{
	const char *name = reason_name(decision.reason);
	const char *key = reason_key(decision.reason);
	char status[32] = "it could not be read";

	if (decision.reason != REASON_NONE &&
	    decision.reason != REASON_QUARANTINED)
		snprintf(status, sizeof(status), "%s", name);
	else if (capture != NULL && capture->status >= 300)
		snprintf(status, sizeof(status), "status %u", capture->status);
	frontier_tell(f, "sitemap %.*s is not read: %s%s%s%s",
	    SHOWN(order->url), status, key[0] ? " (" : "", key,
	    key[0] ? ")" : "");
}

int
frontier_settle_sitemap(struct frontier *f, const struct order *order,
    const struct capture *capture, struct decision decision,
    const struct sitemap_outcome *outcome, int64_t now_ms)
{
	struct lease *lease = lease_find(&f->leases, order->site64,
	    order->url64, ORDER_SITEMAP);
	struct row_key key = row_key3(order->site64, order->url64,
	    order->for_site64);
	struct map_row row;
	struct host *host;
	int r;

	f->now_ms = now_ms;
	if (lease == NULL || lease->state != LEASE_OUT ||
	    lease->place != order->for_site64 ||
	    decision.verdict == VERDICT_NONE || decision.verdict >= VERDICTS ||
	    decision.reason >= REASONS)
		return -EBADMSG;
	host = lease->host;
	frontier_slot_free(f, lease, capture, now_ms);
	frontier_lease_settled(f, lease);
	if (decision.verdict == VERDICT_REDIRECTED && capture != NULL) {
		r = follow(f, order, capture->location, now_ms);
		if (r < 0)
			return r;
	}
	r = get_row(f, &key, &row);
	if (r <= 0 || row.state != MAP_PENDING)
		return r < 0 ? r : -EBADMSG;
	if (decision.verdict == VERDICT_RETRY) {
		r = again(f, lease, &key, &row, order, capture, now_ms);
	} else if (decision.verdict == VERDICT_REDIRECTED) {
		r = end_row(f, &key, &row, MAP_READ);
	} else if (outcome == NULL) {
		tell_failure(f, order, capture, decision);
		r = end_row(f, &key, &row, MAP_FAILED);
	} else {
		count(&f->live.sitemaps, 1);
		count(&f->live.sitemaps_broken, outcome->broken);
		count(&f->live.refused[REFUSED_ENTRY], outcome->dropped);
		if (outcome->words[0] != '\0')
			frontier_tell(f, "sitemap %.*s: %s", SHOWN(order->url),
			    outcome->words);
		r = end_row(f, &key, &row, MAP_READ);
	}
	if (r < 0)
		return r;
	frontier_schedule(f, host, now_ms);
	return 0;
}

/* --- at open ------------------------------------------------------------- */

/* Those that were not read yet: each with the host that it lies on. */
int
frontier_open_sitemaps(struct frontier *f)
{
	int64_t latest = f->now_ms + DUE_MAX_MS;
	struct store_scan *scan;
	struct span key, value;
	uint64_t ids[3];
	int r;

	r = store_scan_open(f->store, STORE_SITEMAPS, SPAN_NONE, SPAN_NONE,
	    false, &scan);
	if (r < 0)
		return r;
	while ((r = store_scan_next(scan, &key, &value)) == 1) {
		struct map_row row;
		struct host *host;
		struct map map;

		if (row_key_read(key, 3, ids) < 0 ||
		    map_row_read(value, &row) < 0) {
			r = -EIO;
			break;
		}
		if (row.state != MAP_PENDING)
			continue;
		r = url_parse(row.text, NULL, &f->url);
		if (r == -EINVAL || r == -EMSGSIZE)
			r = -EIO;
		if (r == 0)
			r = frontier_host(f, ids[0], &f->url, &host);
		if (r < 0)
			break;
		map = (struct map){ .url64 = ids[1],
			.asker64 = ids[2],
			.due_ms = row.due_ms < latest ? row.due_ms : latest };
		r = maps_add(&host->maps, &map, false);
		if (r < 0)
			break;
		f->maps_open++;
		frontier_schedule(f, host, f->now_ms);
	}
	store_scan_close(scan);
	return r;
}
