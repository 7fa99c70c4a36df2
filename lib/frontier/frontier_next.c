#include <errno.h>

#include "lib/frontier/frontier_impl.h"

/* --- rows ---------------------------------------------------------------- */

int
frontier_url_row(struct frontier *f, uint64_t site64, uint64_t url64,
    struct url_row *out)
{
	struct row_key key = row_key2(site64, url64);
	int r = store_get(f->store, STORE_URLS, row_key_span(&key), &f->row);

	if (r == 1 && url_row_read(buf_span(&f->row), out) < 0)
		r = -EIO;
	return r;
}

static void
delete_queued(struct frontier *f, uint64_t site64, uint64_t place)
{
	struct row_key key = row_key2(site64, place);

	store_delete(f->store, STORE_QUEUE, row_key_span(&key));
}

int
frontier_requeue(struct frontier *f, uint64_t site64, uint64_t url64,
    struct url_row *row, uint64_t place)
{
	struct row_key due = row_key3(row->place, site64, url64);
	struct row_key key = row_key2(site64, place);
	struct row_key url_key = row_key1(url64);

	store_delete(f->store, STORE_DUE, row_key_span(&due));
	store_put(f->store, STORE_QUEUE, row_key_span(&key),
	    row_key_span(&url_key));
	row->state = URL_QUEUED;
	row->place = place;
	return frontier_put_url(f, site64, url64, row);
}

/* --- waiting URLs -------------------------------------------------------- */

int
frontier_sweep_one(struct frontier *f, const struct due_key *due,
    int64_t now_ms)
{
	struct row_key key = row_key3(due->due_ms, due->site64, due->url64);
	struct url_row row;
	struct host *host;
	uint64_t place;
	int r;

	/* Settled as a retry in this very batch: the commit will tell when. */
	if (lease_find(&f->leases, due->site64, due->url64, ORDER_PAGE))
		return 0;
	r = frontier_url_row(f, due->site64, due->url64, &row);
	if (r < 0)
		return r;
	if (r == 0 || row.state != URL_WAITING || row.place != due->due_ms) {
		store_delete(f->store, STORE_DUE, row_key_span(&key));
		return 0;
	}
	place = place_of(frontier_row_prio(&row), f->next_seq++);
	r = frontier_requeue(f, due->site64, due->url64, &row, place);
	if (r == 0)
		r = frontier_host_load(f, due->site64, &host);
	if (r <= 0)
		return r < 0 ? r : -EIO; /* a URL without its host */
	host_changed(&f->hosts, host);
	host_queue_add(&f->hosts, host, place, due->url64);
	frontier_schedule(f, host, now_ms);
	return 0;
}

int
frontier_sweep(struct frontier *f, int64_t now_ms)
{
	struct row_key from = row_key1((uint64_t)f->due_from_ms);
	struct due_key due[SWEEP];
	struct store_scan *scan;
	struct span key, value;
	size_t n = 0;
	int r;

	if (now_ms < f->due_ms)
		return 0;
	/* From where the last sweep ended: what it deleted is not read again.
	 */
	r = store_scan_open(f->store, STORE_DUE, row_key_span(&from), SPAN_NONE,
	    true, &scan);
	if (r < 0)
		return r;
	while (n < SWEEP && (r = store_scan_next(scan, &key, &value)) == 1) {
		if (row_key_read(key, 3, &due[n].due_ms) < 0) {
			r = -EIO;
			break;
		}
		if ((int64_t)due[n].due_ms > now_ms)
			break;
		n++;
	}
	if (n == SWEEP) /* there may be more: come again at once */
		f->due_ms = now_ms;
	else if (r == 1)
		f->due_ms = (int64_t)due[n].due_ms;
	else
		f->due_ms = INT64_MAX;
	store_scan_close(scan);
	if (n > 0)
		f->due_from_ms = (int64_t)due[n - 1].due_ms;
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = frontier_sweep_one(f, &due[i], now_ms);
	return r < 0 ? r : 0;
}

/* --- the next URL of a host ---------------------------------------------- */

/* More of the host's queue into its buffer. */
static int
host_refill(struct frontier *f, struct host *host)
{
	struct row_key from = row_key2(host->site64, host->cursor);
	struct row_key below = row_key2(host->site64, PLACE_NONE);
	struct store_scan *scan;
	struct span key, value;
	int r;

	r = store_scan_open(f->store, STORE_QUEUE, row_key_span(&from),
	    row_key_span(&below), true, &scan);
	if (r < 0)
		return r;
	for (;;) {
		uint64_t at[2], url64;

		r = store_scan_next(scan, &key, &value);
		if (r == 0)
			host->cursor = PLACE_NONE;
		if (r <= 0)
			break;
		if (row_key_read(key, 2, at) < 0 ||
		    row_key_read(value, 1, &url64) < 0) {
			r = -EIO;
			break;
		}
		/* Full: it has set the cursor. */
		r = host_queue_append(&f->hosts, host, at[1], url64);
		if (r <= 0)
			break;
	}
	store_scan_close(scan);
	return r;
}

/*
 * The next URL that may be leased, with its row; its lease when it is a come
 * back.  1, 0 there is none, -EIO, -ENOMEM.
 */
static int
host_take(struct frontier *f, struct host *host, struct queued_url *out,
    struct url_row *row, struct lease **back)
{
	struct lease *lease = host->back;
	int r;

	*back = lease;
	if (lease != NULL) {
		out->place = lease->place;
		out->url64 = lease->url64;
		r = frontier_url_row(f, host->site64, out->url64, row);
		if (r == 1)
			host->back = lease->after;
		return r == 0 ? -EIO : r;
	}
	for (;;) {
		if (host->buffer == NULL) {
			if (host->cursor == PLACE_NONE)
				return 0;
			r = host_refill(f, host);
			if (r < 0)
				return r;
		}
		if (!host_queue_pop(&f->hosts, host, out))
			continue;
		/* Adopted, or settled: its row is there until the commit. */
		if (lease_find(&f->leases, host->site64, out->url64,
			ORDER_PAGE))
			continue;
		r = frontier_url_row(f, host->site64, out->url64, row);
		if (r < 0)
			return r;
		if (r == 1 && row->state == URL_QUEUED &&
		    row->place == out->place)
			return 1;
		/* A place that its URL has left. */
		delete_queued(f, host->site64, out->place);
		host_changed(&f->hosts, host);
	}
}

/* --- the order ----------------------------------------------------------- */

/* The URL of a row, appended to `out`, which is cleared.  0, -EIO, -ENOMEM. */
static int
row_url(const struct url_row *row, struct span name, struct buf *out)
{
	int r = 0;

	buf_clear(out);
	if (!row->whole)
		r = buf_add_span(out, name);
	if (r == 0)
		r = buf_add_span(out, row->text);
	return r == -EMSGSIZE ? -EIO : r;
}

/* Without it an order is as good: what cannot be read is left out. */
void
frontier_fill_via(struct frontier *f, const struct host *host,
    const struct url_row *child)
{
	uint64_t site64 = child->via_site64, url64 = child->via_url64;
	struct span name = host_name(host);
	struct row_key key = row_key1(site64);
	struct host_row site;
	struct url_row row;

	buf_clear(&f->via);
	if (url64 == 0)
		return;
	if (child->found == LINK_SITEMAP) {
		frontier_sitemap_via(f, site64, url64);
		return;
	}
	if (site64 != host->site64) {
		const struct host *other = host_find(&f->hosts, site64);

		if (other != NULL)
			name = host_name(other);
		else if (store_get(f->store, STORE_HOSTS, row_key_span(&key),
			     &f->value) == 1 &&
			 host_row_read(buf_span(&f->value), &site) == 0)
			name = site.name;
		else
			return;
	}
	if (frontier_url_row(f, site64, url64, &row) != 1 ||
	    row_url(&row, name, &f->via) < 0)
		buf_clear(&f->via);
}

/*
 * What was in the scope when it was queued may be out by now: who starts a
 * crawl again with another exclude means what is queued, too.  Its URL is in
 * f->href.
 */
static int
scope_reason(struct frontier *f, const struct url_row *row, enum reason *out)
{
	struct scope_subject subject = { .url = &f->other,
		.depth = row->depth };
	int r = url_parse(buf_span(&f->href), NULL, &f->other);

	if (r < 0)
		return r == -ENOMEM ? r : -EIO;
	switch (scope_ask(f->scope, &subject, NULL)) {
	case SCOPE_OUT_KIND:
		*out = REASON_OUT_OF_SCOPE;
		break;
	case SCOPE_OUT_RULE:
		*out = REASON_RULE;
		break;
	case SCOPE_IN:
		break;
	}
	return 0;
}

/* Do the rules of robots.txt allow it?  Its URL is in f->href. */
static int
rules_allow(struct frontier *f, struct host *host, const struct url_row *row)
{
	struct span target = row->text;

	if (host->config->robots == CONFIG_ROBOTS_IGNORE)
		return 1;
	if (row->whole) {
		if (url_parse(row->text, NULL, &f->other) < 0)
			return -EIO;
		target = url_target(&f->other);
	}
	return frontier_robots_allow(f, host, target);
}

static bool
place_is_young(const struct frontier *f, uint64_t place,
    const struct url_row *row)
{
	/* A retry has a new place, too, but was tried. */
	return place_seq(place) >= f->committed_seq && row->tries == 0 &&
	       row->waits == 0;
}

/* Lease the URL.  `lease` is that of a come back, or NULL. */
static int
order_url(struct frontier *f, struct host *host, const struct queued_url *url,
    const struct url_row *row, struct lease *lease, enum reason reason,
    int64_t now_ms, struct order *out)
{
	if (lease == NULL) {
		lease = lease_new(&f->leases, host->site64, url->url64,
		    ORDER_PAGE);
		if (lease == NULL)
			return -ENOMEM;
		lease->place = url->place;
		lease->tries = row->tries;
		lease->waits = row->waits;
		if (place_is_young(f, url->place, row))
			lease->young = f->batch;
		host_lease_link(host, lease);
	}
	lease->state = LEASE_OUT;
	lease->ordered_ms = now_ms;
	lease->slot = lease->fetch = reason == REASON_NONE;
	f->live.queued--;
	f->live.in_flight++;
	f->young_in_flight += lease_is_young(f, lease);
	if (lease->fetch) {
		frontier_slot_take(f, lease, now_ms);
		host->server->fetches++;
		f->fetching++;
		f->unsettled++;
		if (host->since_ms < 0)
			host->since_ms = frontier_elapsed_ms(f, now_ms);
		if (host->server->since_ms < 0)
			host->server->since_ms = host->since_ms;
	}
	*out = (struct order){
		.site64 = host->site64,
		.url64 = url->url64,
		.qseq = place_seq(url->place),
		.prio = place_prio(url->place),
		.kind = ORDER_PAGE,
		.reason = (uint8_t)reason,
		.found = row->found,
		.is_short = lease->is_short,
		.attempts = lease->attempts,
		.is_probe = lease->probe,
		.depth = row->depth,
		.hops = row->hops,
		.tries = row->tries,
		.waits = row->waits,
		.delay_ms = (uint32_t)polite_delay_ms(&host->polite,
		    host->config),
		.ordered_ms = now_ms,
		.listed = row->listed,
		.url = buf_span(&f->href),
	};
	buf_clear(&f->chain);
	if (buf_add_span(&f->chain, row->chain) == 0)
		out->chain = buf_span(&f->chain);
	frontier_fill_via(f, host, row); /* the last: it reads into f->row */
	out->via = buf_span(&f->via);
	return 1;
}

/* The host's next URL as an order. */
static int
order_page(struct frontier *f, struct host *host, enum reason reason,
    int64_t now_ms, struct order *out)
{
	struct queued_url url;
	struct url_row row;
	struct lease *back;
	int r = host_take(f, host, &url, &row, &back);

	if (r == 1) {
		r = row_url(&row, host_name(host), &f->href);
		r = r < 0 ? r : 1;
	}
	if (r == 1 && reason == REASON_NONE) {
		r = scope_reason(f, &row, &reason);
		if (r < 0)
			return r;
		r = 1;
	}
	if (r == 1 && reason == REASON_NONE) {
		r = rules_allow(f, host, &row);
		if (r < 0)
			return r;
		if (r == 0)
			reason = REASON_ROBOTS_DENIED;
		r = 1;
	}
	if (r == 1)
		r = order_url(f, host, &url, &row, back, reason, now_ms, out);
	return r;
}

/*
 * As order_page(), before robots.txt is there: only what is out of the scope,
 * for which it need not be asked.  0 and *fetches: something else comes first.
 */
static int
order_excluded(struct frontier *f, struct host *host, int64_t now_ms,
    bool *fetches, struct order *out)
{
	enum reason reason = REASON_NONE;
	struct queued_url url;
	struct url_row row;
	struct lease *back;
	int r = host_take(f, host, &url, &row, &back);

	*fetches = false;
	if (r <= 0)
		return r;
	r = row_url(&row, host_name(host), &f->href);
	if (r == 0)
		r = scope_reason(f, &row, &reason);
	if (r < 0)
		return r;
	if (reason != REASON_NONE)
		return order_url(f, host, &url, &row, back, reason, now_ms,
		    out);
	*fetches = true;
	if (back != NULL)
		host->back = back;
	else
		host_queue_add(&f->hosts, host, url.place, url.url64);
	return 0;
}

/* A sitemap or a page, in turns: sitemaps first would keep the pages of a large
 * site waiting, pages first would find its new ones last. */
static int
order_fetch(struct frontier *f, struct host *host, int64_t now_ms,
    struct order *out)
{
	bool pages = frontier_host_has_pages(host);

	if (maps_due_ms(&host->maps) <= now_ms &&
	    !(pages && host->maps.was_last))
		return frontier_sitemap_order(f, host, REASON_NONE, now_ms,
		    out);
	host->maps.was_last = false;
	return pages ? order_page(f, host, REASON_NONE, now_ms, out) : 0;
}

/* Whoever is to be looked at next: its turn has come in the line where it
 * stands, or it is due in the heap.  NULL: nobody. */
static struct host *
first_due(struct frontier *f, int64_t now_ms)
{
	struct heap_node *node = heap_first(&f->hosts.ready);
	struct line_spot *spot = addresses_next(&f->addresses, now_ms);
	struct line *line = lines_first(&f->servers.due, now_ms);

	if (spot != NULL)
		return host_of_spot(spot);
	if (line != NULL && (node == NULL || line->due_ms <= node->due_ms))
		return host_of_spot(line->first);
	return node != NULL && node->due_ms <= now_ms ? host_of_node(node)
						      : NULL;
}

/* May it order, now that it is the first?  If not, it is elsewhere. */
static bool
host_is_due(struct frontier *f, struct host *host, int64_t now_ms)
{
	const struct line *line = host->spot.line;

	/* What it waits for may have changed with the time alone. */
	frontier_schedule(f, host, now_ms);
	if (host->spot.line != line)
		return false;
	if (line == NULL)
		return host->node.at != 0 && host->node.due_ms <= now_ms;
	if (frontier_host_waits(f, host, now_ms))
		return false;
	line_leave(&host->spot); /* it goes behind those who stood there */
	return true;
}

/* The host of first_due().  1 an order; 0 not this time: it is elsewhere. */
static int
host_order(struct frontier *f, struct host *host, int64_t now_ms,
    struct order *out)
{
	enum reason reason;
	bool fetches;
	int r;

	if (!host_is_due(f, host, now_ms))
		return 0;
	reason = frontier_host_reason(f, host);
	if (host->errands != NULL)
		r = frontier_robots_order(f, host, now_ms, out);
	else if (reason != REASON_NONE && maps_due_ms(&host->maps) != INT64_MAX)
		r = frontier_sitemap_order(f, host, reason, now_ms, out);
	else if (reason != REASON_NONE)
		r = order_page(f, host, reason, now_ms, out);
	else if (host->config->robots == CONFIG_ROBOTS_IGNORE)
		r = order_fetch(f, host, now_ms, out);
	else if ((r = frontier_robots_check(f, host)) < 0)
		; /* an error */
	else if (rulebook_need(&host->rulebook, now_ms) != RULEBOOK_FETCH)
		r = order_fetch(f, host, now_ms, out);
	else if ((r = order_excluded(f, host, now_ms, &fetches, out)) == 0 &&
		 (fetches || maps_due_ms(&host->maps) <= now_ms)) {
		r = frontier_robots_ask(f, host);
		if (r == 0 && host->errands != NULL)
			r = frontier_robots_order(f, host, now_ms, out);
	}
	/* After an error, too: a host with work is in the heap or in a line. */
	frontier_schedule(f, host, now_ms);
	return r;
}

int
frontier_next(struct frontier *f, int64_t now_ms, struct order *out)
{
	int r;

	f->now_ms = now_ms;
	if (frontier_stops(f, now_ms))
		return 0;
	if (!frontier_may_order(f, now_ms))
		return 0;
	r = frontier_sweep(f, now_ms);
	if (r == 0)
		r = frontier_block_sweep(f, now_ms);
	frontier_wake_parked(f, now_ms);
	while (r == 0) {
		struct host *host = first_due(f, now_ms);

		if (host == NULL)
			return 0;
		r = host_order(f, host, now_ms, out);
	}
	return r;
}

int64_t
frontier_due_ms(struct frontier *f, int64_t now_ms)
{
	const struct heap_node *node = heap_first(&f->hosts.ready);
	int64_t due_ms = f->due_ms;

	if (frontier_stops(f, now_ms))
		return INT64_MAX;
	if (f->blocked_waiting || (f->asleep && frontier_drains(f)))
		return now_ms;
	if (node != NULL && node->due_ms < due_ms)
		due_ms = node->due_ms;
	if (lines_due_ms(&f->servers.due) < due_ms)
		due_ms = lines_due_ms(&f->servers.due);
	if (lines_due_ms(&f->addresses.due) < due_ms)
		due_ms = lines_due_ms(&f->addresses.due);
	if (outage_is_on(&f->outage) &&
	    outage_due_ms(&f->outage, now_ms) > due_ms)
		due_ms = outage_due_ms(&f->outage, now_ms);
	return due_ms;
}
