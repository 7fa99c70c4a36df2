#include <errno.h>

#include "lib/frontier/frontier_impl.h"

/* One that is not in memory, with its settings and its server.  0 or error. */
static int
host_make(struct frontier *f, uint64_t site64, struct span name,
    struct host **out)
{
	const struct config_host *config = config_host(f->config, name);
	struct server *server;
	struct host *host;
	int r;

	if (config == NULL)
		return -ENOMEM;
	r = frontier_server(f, name, &server);
	if (r < 0)
		return r;
	host = host_new(&f->hosts, site64, name);
	if (host == NULL) {
		if (server->origins == NULL)
			server_free(&f->servers, server);
		return -ENOMEM;
	}
	host->config = config;
	server_join(server, host);
	frontier_server_bind(server, config);
	*out = host;
	return 0;
}

/* Its row may have been in a batch that a kill has taken. */
static void
host_restarted(struct frontier *f, struct host *host)
{
	if (!f->is_new)
		polite_restarted(&host->polite, host->config, f->opened_ms,
		    f->now_ms);
	server_keep_pace(host->server);
}

/* A row of `h` into memory. */
static int
host_restore(struct frontier *f, uint64_t site64, struct span bytes,
    struct host **out)
{
	struct host_row row;
	struct host *host;
	int r;

	if (host_row_read(bytes, &row) < 0 || row.robots >= RULEBOOK_STATES)
		return -EIO;
	r = host_make(f, site64, row.name, &host);
	if (r < 0)
		return r;
	host_from_row(host, &row);
	host->listed = true;
	frontier_block_look(f, host);
	frontier_host_address(f, host);
	host_restarted(f, host);
	/* As for the clocks: no time of the store is believed too far. */
	if (host->rulebook.at_ms > f->now_ms + host->config->robots_ttl_ms)
		host->rulebook.at_ms = f->now_ms + host->config->robots_ttl_ms;
	if (host_is_parked(host))
		count(&f->parked, host->queued);
	frontier_judge_budgets(f, host->server);
	*out = host;
	return 1;
}

int
frontier_host_load(struct frontier *f, uint64_t site64, struct host **out)
{
	struct row_key key = row_key1(site64);
	struct host *host = host_find(&f->hosts, site64);
	int r = 1;

	if (host == NULL) {
		r = store_get(f->store, STORE_HOSTS, row_key_span(&key),
		    &f->value);
		if (r == 1)
			r = host_restore(f, site64, buf_span(&f->value), &host);
	}
	if (r == 1)
		*out = host;
	return r;
}

int
frontier_host(struct frontier *f, uint64_t site64, const struct url *url,
    struct host **out)
{
	int r = frontier_host_load(f, site64, out);

	if (r != 0)
		return r < 0 ? r : 0;
	buf_clear(&f->name);
	r = url_origin(url, &f->name);
	if (r == 0)
		r = host_make(f, site64, buf_span(&f->name), out);
	if (r < 0)
		return r;
	frontier_block_look(f, *out);
	host_restarted(f, *out);
	return 0;
}

void
frontier_host_free(struct frontier *f, struct host *host)
{
	frontier_host_leave(host);
	server_part(&f->servers, host);
	host_free(&f->hosts, host);
}

int
frontier_put_host(struct frontier *f, struct host *host)
{
	struct row_key key = row_key1(host->site64);
	struct row_key listed = row_key2(host->server->name64, host->site64);
	struct host_row row;
	int r;

	host_to_row(host, &row);
	buf_clear(&f->value);
	r = host_row_write(&row, &f->value);
	if (r < 0)
		return r;
	store_put(f->store, STORE_HOSTS, row_key_span(&key),
	    buf_span(&f->value));
	if (!host->listed)
		store_put(f->store, STORE_NAMES, row_key_span(&listed),
		    SPAN_NONE);
	host->listed = true;
	return 0;
}

enum reason
frontier_host_reason(const struct frontier *f, const struct host *host)
{
	if (host->blocked)
		return REASON_HOST_BLOCKED;
	if (host->polite.down)
		return REASON_HOST_DOWN;
	if (host->config->robots != CONFIG_ROBOTS_IGNORE &&
	    host->rulebook.state == RULEBOOK_GIVEN_UP)
		return REASON_ROBOTS_UNREACHABLE;
	if (host_is_parked(host) && frontier_drains(f))
		return REASON_BUDGET;
	return REASON_NONE;
}

bool
frontier_host_has_pages(const struct host *host)
{
	return host_has_urls(host) && !frontier_budget_is_taken(host->server);
}

int64_t
frontier_host_due_ms(const struct frontier *f, const struct host *host,
    int64_t now_ms)
{
	int64_t ready_ms = host->polite.trouble_ms;
	int64_t map_ms = maps_due_ms(&host->maps);

	if (host->errands != NULL &&
	    frontier_robots_settled(f, host->site64, host->errands->for_site64))
		return INT64_MAX;
	if (host->errands != NULL)
		return host->polite.down || host->blocked ? now_ms : ready_ms;
	if (!host_has_urls(host) && map_ms == INT64_MAX)
		return INT64_MAX;
	/* Behind those that have been waiting: nobody is kept back. */
	if (frontier_host_reason(f, host) != REASON_NONE)
		return now_ms;
	if (!frontier_host_has_pages(host)) {
		if (map_ms == INT64_MAX)
			return INT64_MAX;
		if (map_ms > ready_ms)
			ready_ms = map_ms;
	}
	if (host->config->robots == CONFIG_ROBOTS_IGNORE)
		return ready_ms;
	switch (rulebook_need(&host->rulebook, now_ms)) {
	case RULEBOOK_WAIT:
		return INT64_MAX;
	case RULEBOOK_LATER:
		return host->rulebook.at_ms > ready_ms ? host->rulebook.at_ms
						       : ready_ms;
	case RULEBOOK_FETCH:
		if (frontier_robots_settled(f, host->site64, host->site64))
			return INT64_MAX;
		break;
	case RULEBOOK_GO:
	case RULEBOOK_REFUSE:
		break;
	}
	return ready_ms;
}

int64_t
frontier_host_next_ms(const struct frontier *f, const struct host *host,
    int64_t now_ms)
{
	int64_t due_ms = frontier_host_due_ms(f, host, now_ms);
	int64_t ready_ms = pace_ready_ms(&host->server->pace);

	if (due_ms == INT64_MAX || !frontier_host_fetches(f, host))
		return due_ms;
	if (host->server->line.slots >= host->config->host_concurrency)
		return INT64_MAX;
	return ready_ms > due_ms ? ready_ms : due_ms;
}

void
frontier_schedule(struct frontier *f, struct host *host, int64_t now_ms)
{
	int64_t due_ms, ready_ms = pace_ready_ms(&host->server->pace);
	bool fetches;

	/* The only one that is used up by waiting. */
	if (!host_is_parked(host) && host->server->since_ms >= 0 &&
	    host->server->limits.of[BUDGET_TIME] > 0)
		frontier_judge_budgets(f, host->server);
	due_ms = frontier_host_due_ms(f, host, now_ms);
	fetches = frontier_host_fetches(f, host);
	if (due_ms <= now_ms && fetches) {
		heap_drop(&f->hosts.ready, &host->node);
		/* In the line where it stands it keeps its place. */
		if (host->spot.line == NULL)
			line_join(&host->server->line, &host->spot,
			    host->config->host_concurrency);
		return;
	}
	line_leave(&host->spot);
	if (due_ms == INT64_MAX) {
		heap_drop(&f->hosts.ready, &host->node);
		if (host_is_parked(host))
			f->asleep = true;
		return;
	}
	/* Before the clock allows it nothing would come of it. */
	if (fetches && ready_ms > due_ms)
		due_ms = ready_ms;
	heap_set(&f->hosts.ready, &host->node, due_ms);
}

bool
frontier_drains(const struct frontier *f)
{
	/* A page that was fetched may still bring links, until its commit; so may
	 * a sitemap. */
	return f->parked > 0 && f->unsettled == 0 && f->maps_open == 0 &&
	       frontier_unended(f) == f->parked;
}

void
frontier_wake_parked(struct frontier *f, int64_t now_ms)
{
	if (!f->asleep || !frontier_drains(f))
		return;
	for (struct host *host = hosts_each(&f->hosts, NULL); host != NULL;
	     host = hosts_each(&f->hosts, host)) {
		if (host_is_parked(host))
			frontier_schedule(f, host, now_ms);
	}
	/* Those that are still not in it have no URL, or one that waits. */
	f->asleep = false;
}
