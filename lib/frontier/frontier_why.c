#include <errno.h>
#include <stdio.h>

#include "lib/frontier/frontier_impl.h"
#include "lib/frontier/why.h"

enum {
	LINE_MAX_BYTES = 16 << 10
};

void
why_fini(struct why *why)
{
	buf_fini(&why->line);
}

/* --- its place ----------------------------------------------------------- */

/* URLs of the host's queue in front of this place. */
static int
count_before(struct frontier *f, const struct host *host, uint64_t place,
    uint64_t *out)
{
	struct row_key from = row_key2(host->site64, host_queue_head(host));
	struct row_key below = row_key2(host->site64, place);
	struct store_scan *scan;
	struct span key, value;
	uint64_t n = 0;
	int r;

	r = store_scan_open(f->store, STORE_QUEUE, row_key_span(&from),
	    row_key_span(&below), true, &scan);
	if (r < 0)
		return r;
	while (n < WHY_COUNT && (r = store_scan_next(scan, &key, &value)) == 1)
		n++;
	store_scan_close(scan);
	if (r < 0)
		return r;
	*out = n;
	return 0;
}

static int
tell_row(struct frontier *f, const struct host *host, struct why *out)
{
	const struct lease *lease = lease_find(&f->leases, out->site64,
	    out->url64, ORDER_PAGE);
	size_t chain = out->row.chain.len;
	int r;

	/* Copied, for the page that led to it is read into the same place. */
	buf_clear(&f->chain);
	r = buf_add_span(&f->chain, out->row.chain);
	if (r == 0)
		r = buf_add_span(&f->chain, out->row.target);
	if (r < 0)
		return r;
	out->row.chain = span_of(f->chain.ptr, chain);
	out->row.target = span_from_at(buf_span(&f->chain), chain);
	if (lease != NULL) {
		out->leased = true;
		out->lease = (enum lease_state)lease->state;
		out->ordered_ms = lease->ordered_ms;
	}
	if (host != NULL && out->row.state == URL_QUEUED && lease == NULL &&
	    host_queue_head(host) < out->row.place)
		r = count_before(f, host, out->row.place, &out->before);
	if (host != NULL)
		frontier_fill_via(f, host, &out->row);
	else
		buf_clear(&f->via);
	out->via = buf_span(&f->via);
	/* It read into f->row; the text is not asked for. */
	out->row.text = SPAN_NONE;
	return r;
}

/* --- a sitemap ----------------------------------------------------------- */

/* The site's name, wherever that stands; empty: it has no row. */
static void
site_name(struct frontier *f, uint64_t site64, char out[WHY_SITE])
{
	const struct host *host = host_find(&f->hosts, site64);
	struct row_key key = row_key1(site64);
	struct span name = SPAN_NONE;
	struct host_row row;

	if (host != NULL)
		name = host_name(host);
	else if (store_get(f->store, STORE_HOSTS, row_key_span(&key),
		     &f->value) == 1 &&
		 host_row_read(buf_span(&f->value), &row) == 0)
		name = row.name;
	snprintf(out, WHY_SITE, "%.*s", (int)name.len,
	    name.len > 0 ? name.ptr : "");
}

static int
tell_map(struct frontier *f, uint64_t asker64, struct span value,
    struct why *out)
{
	struct why_map *map = &out->maps[out->n_maps];
	const struct lease *lease = lease_find(&f->leases, out->site64,
	    out->url64, ORDER_SITEMAP);

	*map = (struct why_map){ .leased = false };
	if (map_row_read(value, &map->row) < 0)
		return -EIO;
	map->row.text = SPAN_NONE; /* the scan's */
	site_name(f, asker64, map->asker);
	if (lease != NULL && lease->place == asker64) {
		map->leased = true;
		map->lease = (enum lease_state)lease->state;
		map->ordered_ms = lease->ordered_ms;
	}
	out->n_maps++;
	return 0;
}

/* Its rows, one for each site that it is read for. */
static int
tell_maps(struct frontier *f, struct why *out)
{
	struct row_key from = row_key2(out->site64, out->url64);
	struct row_key below = row_key2(out->site64, out->url64 + 1);
	struct store_scan *scan;
	struct span key, value;
	int r;

	if (out->url64 == UINT64_MAX)
		return 0; /* there is no key below which its rows are */
	r = store_scan_open(f->store, STORE_SITEMAPS, row_key_span(&from),
	    row_key_span(&below), true, &scan);
	if (r < 0)
		return r;
	while (out->n_maps < WHY_MAPS &&
	       (r = store_scan_next(scan, &key, &value)) == 1) {
		uint64_t ids[3];

		r = row_key_read(key, 3, ids) < 0
			? -EIO
			: tell_map(f, ids[2], value, out);
		if (r < 0)
			break;
	}
	store_scan_close(scan);
	return r < 0 ? r : 0;
}

/* --- its host ------------------------------------------------------------ */

static int
tell_robots(struct frontier *f, struct host *host, const struct url *url,
    int64_t now_ms, struct why *out)
{
	const struct lease *lease = lease_find(&f->leases, host->site64,
	    host->site64, ORDER_ROBOTS);
	struct span rules = SPAN_NONE;
	int r = 0;

	if (lease != NULL)
		out->robots_asked_ms = lease->ordered_ms;
	out->robots_since_ms = host->rulebook.since_ms;
	out->robots_fails = host->rulebook.fails;
	out->robots = (enum rulebook_state)host->rulebook.state;
	out->need = rulebook_need(&host->rulebook, now_ms);
	out->robots_at_ms = host->rulebook.at_ms;
	if (!host->rulebook.block)
		return 0;
	r = frontier_rules_load(f, host->site64, &rules);
	if (r <= 0)
		return r;
	r = 0;
	out->has_rules = true;
	out->ruling = robots_explain(rules, url_target(url));
	if (out->ruling.ground == ROBOTS_RULE)
		r = robots_ruling_write(&out->ruling, &out->line);
	/* A line that is too long to be shown has its number. */
	return r == -EMSGSIZE ? 0 : r;
}

/* Its clock runs from the end of its last fetch; trouble has its own start,
 * and what other hosts of its address have done is not kept. */
static int64_t
since_ms(const struct why *why)
{
	switch ((enum polite_term)why->clock.term) {
	case POLITE_TROUBLE:
	case POLITE_DNS:
		return why->polite.first_fail_ms;
	case POLITE_IP:
		return 0;
	default:
		return why->pace.ended_ms;
	}
}

static int
tell_host(struct frontier *f, struct host *host, const struct url *url,
    int64_t now_ms, struct why *out)
{
	out->host_known = true;
	out->admitted = host->admitted;
	out->queued = host->queued;
	out->fetched = host->fetched;
	out->slots = host->server->line.slots;
	out->is_busy = out->slots >= host->config->host_concurrency;
	out->down = host->polite.down;
	out->parked = host->server->spent;
	out->limits = host->server->limits;
	out->used = frontier_budget_used(f, host->server);
	out->host_reason = frontier_host_reason(f, host);
	out->due_ms = frontier_host_next_ms(f, host, now_ms);
	out->clock = frontier_host_clock(host, now_ms);
	out->in_line = host->address != NULL &&
		       host->spot.line == &host->address->line;
	out->polite = host->polite;
	out->pace = host->server->pace;
	out->polite.pace = &out->pace;
	out->since_ms = since_ms(out);
	if (outage_is_on(&f->outage) && now_ms > f->outage.since_ms)
		out->outage_ms = now_ms - f->outage.since_ms;
	return tell_robots(f, host, url, now_ms, out);
}

/* --- all of it ----------------------------------------------------------- */

/* Which askings are obeyed on pages of a host with these settings. */
static void
tell_askings(const struct config_host *config, struct why *out)
{
	for (unsigned i = 0; i < WHY_ASKINGS; i++) {
		enum refusal refusal = frontier_refuses_asked(config, 1u << i);

		if (refusal != REFUSALS)
			out->asked[out->n_asked++] = refusal;
	}
}

static int
tell_admission(struct frontier *f, const struct url *url, struct why *out)
{
	/* Of one that is not known: as if a seed linked to it. */
	struct scope_subject subject = { .url = url,
		.depth = out->known ? out->row.depth : 1 };
	const struct config_host *config = config_host(f->config,
	    url_href_bare(url));

	out->scope = scope_ask(f->scope, &subject, &out->rule);
	if (f->config->aliases == CONFIG_ALIASES_LEARN)
		out->alias = alias_of(&f->aliases, out->site64);
	out->blocked = blocks_match(&f->blocks, url_host(url));
	out->shape = frontier_shape(f, url);
	out->n_traps = frontier_traps_of(f, out->site64, url, out->traps);
	out->refusal = frontier_refuses_link(f, url, subject.depth);
	if (out->refusal == REFUSALS &&
	    frontier_trap_judge(f, out->site64, url) == TRAP_REFUSED)
		out->refusal = REFUSED_TRAP;
	if (config == NULL)
		return -ENOMEM;
	tell_askings(config, out);
	out->robots_ignored = config->robots == CONFIG_ROBOTS_IGNORE;
	return 0;
}

/* A whole http(s) URL into f->url, without the password that a link may have
 * that was pasted. */
static int
read_url(struct frontier *f, struct span text, struct err *err)
{
	char shown[URL_SHOWN];
	int r = url_parse(text, NULL, &f->url);

	if (r == -ENOMEM)
		return r;
	if (r < 0 || !url_fetchable(&f->url))
		return err_set(err, -EINVAL,
		    "%s: not a whole URL, with https:// or http:// in front",
		    url_shown(text, shown));
	url_drop_credentials(&f->url);
	return 0;
}

int
frontier_why(struct frontier *f, struct span text, int64_t now_ms,
    struct why *out, struct err *err)
{
	struct canon_hash hash;
	struct host *host = NULL;
	int r;

	*out = (struct why){ .due_ms = INT64_MAX };
	buf_init(&out->line, LINE_MAX_BYTES);
	f->now_ms = now_ms;
	r = read_url(f, text, err);
	if (r == 0)
		r = frontier_hash(f, &f->url, &hash);
	if (r < 0)
		return r;
	out->site64 = hash.site64;
	out->url64 = hash.url64;
	out->url = url_href_bare(&f->url);
	out->site = buf_span(&f->site);
	out->page = buf_span(&f->page);
	out->is_robots = span_eq(url_target(&f->url), SPAN("/robots.txt"));
	out->limit = frontier_limit(f, now_ms);
	r = frontier_url_row(f, hash.site64, hash.url64, &out->row);
	if (r < 0)
		return r;
	out->known = r == 1;
	r = tell_admission(f, &f->url, out);
	if (r >= 0)
		r = frontier_host_load(f, hash.site64, &host);
	if (r == 1)
		r = tell_host(f, host, &f->url, now_ms, out);
	if (r == 0 && out->known)
		r = tell_row(f, host, out);
	if (r == 0)
		r = tell_maps(f, out);
	/* Loaded for this alone. */
	if (host != NULL && !host->changed && host_is_idle(host))
		frontier_host_free(f, host);
	return r;
}
