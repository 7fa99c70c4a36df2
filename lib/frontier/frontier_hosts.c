#include <errno.h>

#include "lib/frontier/frontier_impl.h"

/* One that is not in memory, with its settings.  NULL: no memory. */
static struct host *
host_make(struct frontier *f, uint64_t site64, struct span name)
{
	const struct config_host *config = config_host(f->config, name);
	struct host *host = NULL;

	if (config != NULL)
		host = host_new(&f->hosts, site64, name);
	if (host != NULL)
		host->config = config;
	return host;
}

/* A row of `h` into memory. */
static int
host_restore(struct frontier *f, uint64_t site64, struct span bytes,
    struct host **out)
{
	struct host_row row;
	struct host *host;

	if (host_row_read(bytes, &row) < 0 || row.robots >= RULEBOOK_STATES)
		return -EIO;
	host = host_make(f, site64, row.name);
	if (host == NULL)
		return -ENOMEM;
	host_from_row(host, &row);
	frontier_block_look(f, host);
	frontier_host_address(f, host);
	if (!f->is_new)
		polite_restarted(&host->polite, host->config, f->opened_ms,
		    f->now_ms);
	/* As for the clocks: no time of the store is believed too far. */
	if (host->rulebook.at_ms > f->now_ms + host->config->robots_ttl_ms)
		host->rulebook.at_ms = f->now_ms + host->config->robots_ttl_ms;
	if (host->parked)
		count(&f->parked, host->queued);
	frontier_judge_budgets(f, host);
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
	if (r < 0)
		return r;
	*out = host_make(f, site64, buf_span(&f->name));
	if (*out == NULL)
		return -ENOMEM;
	frontier_block_look(f, *out);
	/* Its row may have been in a batch that a kill has taken. */
	if (!f->is_new)
		polite_restarted(&(*out)->polite, (*out)->config, f->opened_ms,
		    f->now_ms);
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
	if (host->parked && frontier_drains(f))
		return REASON_BUDGET;
	return REASON_NONE;
}

/* Another fetch would be one too many, if all those under way end well. */
static bool
host_budget_is_taken(const struct host *host)
{
	uint64_t most = host->config->host_max_pages;

	return most > 0 && host->fetched + host->fetches >= most;
}

bool
frontier_host_has_pages(const struct host *host)
{
	return host_has_urls(host) && !host_budget_is_taken(host);
}

int64_t
frontier_host_due_ms(const struct frontier *f, const struct host *host,
    int64_t now_ms)
{
	int64_t ready_ms = polite_ready_ms(&host->polite);
	int64_t map_ms = maps_due_ms(&host->maps);

	if (host->errands != NULL &&
	    frontier_robots_settled(f, host->site64, host->errands->for_site64))
		return INT64_MAX;
	if (host->errands != NULL && (host->polite.down || host->blocked))
		return now_ms;
	if (host->errands != NULL)
		return host->slots < host->config->host_concurrency ? ready_ms
								    : INT64_MAX;
	if (!host_has_urls(host) && map_ms == INT64_MAX)
		return INT64_MAX;
	/* Behind those that have been waiting: nobody is kept back. */
	if (frontier_host_reason(f, host) != REASON_NONE)
		return now_ms;
	if (host->slots >= host->config->host_concurrency)
		return INT64_MAX;
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

void
frontier_schedule(struct frontier *f, struct host *host, int64_t now_ms)
{
	int64_t due_ms;

	/* The only one that is used up by waiting. */
	if (!host->parked && host->since_ms >= 0 &&
	    host->config->host_max_time_ms > 0)
		frontier_judge_budgets(f, host);
	due_ms = frontier_host_due_ms(f, host, now_ms);
	/* Still to go, and still where it would go: it keeps its place in
	 * the queue of its address. */
	if (host->spot.line != NULL && due_ms <= now_ms &&
	    frontier_host_fetches(f, host))
		return;
	line_leave(&host->spot);
	if (due_ms == INT64_MAX) {
		heap_drop(&f->hosts.ready, &host->node);
		if (host->parked)
			f->asleep = true;
		return;
	}
	heap_set(&f->hosts.ready, &host->node, due_ms);
}

/* --- budgets ------------------------------------------------------------- */

struct budgets
frontier_budget_limits(const struct host *host)
{
	const struct config_host *c = host->config;

	return (struct budgets){ {
	    [BUDGET_PAGES] = c->host_max_pages,
	    [BUDGET_BYTES] = c->host_max_bytes,
	    [BUDGET_ERRORS] = c->host_max_errors,
	    [BUDGET_TIME] = (uint64_t)c->host_max_time_ms,
	} };
}

struct budgets
frontier_budget_used(const struct frontier *f, const struct host *host)
{
	int64_t time_ms = 0;

	if (host->since_ms >= 0)
		time_ms = frontier_elapsed_ms(f, f->now_ms) - host->since_ms;
	return (struct budgets){ {
	    [BUDGET_PAGES] = host->fetched,
	    [BUDGET_BYTES] = host->bytes,
	    [BUDGET_ERRORS] = host->errors,
	    [BUDGET_TIME] = time_ms > 0 ? (uint64_t)time_ms : 0,
	} };
}

void
frontier_judge_budgets(struct frontier *f, struct host *host)
{
	struct budgets limits = frontier_budget_limits(host);
	struct budgets used = frontier_budget_used(f, host);
	enum budget spent = budget_spent(&limits, &used);

	if (host->parked == spent)
		return;
	if (host->parked) {
		f->parked -= host->queued;
		f->live.spent[host->parked]--;
	}
	host->parked = (uint8_t)spent;
	host_changed(&f->hosts, host);
	if (spent == BUDGET_NONE)
		return;
	count(&f->parked, host->queued);
	count(&f->live.spent[spent], 1);
	f->asleep = true;
	frontier_tell(f,
	    "%.*s is parked: it has used up %s (%llu of %llu%s); %llu of its "
	    "URLs are left, a start with a larger one goes on with them",
	    SPAN_ARG(host_name(host)), budget_key(spent),
	    (unsigned long long)used.of[spent],
	    (unsigned long long)limits.of[spent],
	    spent == BUDGET_TIME    ? " ms"
	    : spent == BUDGET_BYTES ? " bytes"
				    : "",
	    (unsigned long long)host->queued);
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
	for (size_t i = 0; i <= f->hosts.mask; i++) {
		struct host *host = f->hosts.slots[i];

		for (; host != NULL; host = host->chain) {
			if (host->parked)
				frontier_schedule(f, host, now_ms);
		}
	}
	/* Those that are still not in it have no URL, or one that waits. */
	f->asleep = false;
}
