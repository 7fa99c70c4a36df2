#include <errno.h>

#include "lib/base/plural.h"
#include "lib/frontier/frontier_impl.h"

/*
 * What the origins of one host name share (server.h): put together from their
 * rows when the first of them comes into memory, and its budgets.
 */

/* --- from the rows of its origins ---------------------------------------- */

void
frontier_server_bind(struct server *server, const struct config_host *config)
{
	struct budgets limits = { {
	    [BUDGET_PAGES] = config->host_max_pages,
	    [BUDGET_BYTES] = config->host_max_bytes,
	    [BUDGET_ERRORS] = config->host_max_errors,
	    [BUDGET_TIME] = (uint64_t)config->host_max_time_ms,
	} };

	budgets_bind(&server->limits, &limits);
}

static void
server_add_row(struct server *server, const struct host_row *row)
{
	struct pace *pace = &server->pace;

	count(&server->fetched, row->fetched);
	count(&server->bytes, row->bytes);
	count(&server->errors, row->errors);
	if (row->since_ms >= 0 &&
	    (server->since_ms < 0 || row->since_ms < server->since_ms))
		server->since_ms = row->since_ms;
	/* The one that was asked last knows how it went. */
	if (row->next_ms >= pace->next_ms) {
		pace->next_ms = row->next_ms;
		pace->response_ms = row->response_ms;
		pace->backoffs = row->backoffs;
	}
	if (row->blocked_ms > pace->blocked_ms) {
		pace->blocked_ms = row->blocked_ms;
		pace->blocked_by = row->blocked_by;
	}
}

/* One row of `n`: an origin, or the budget that is used up. */
static int
server_add(struct frontier *f, struct server *server, struct span key,
    struct span value)
{
	const struct config_host *config;
	struct row_key host_key;
	struct host_row row;
	uint64_t ids[2];
	int r;

	if (row_key_read(key, 1, ids) == 0) {
		if (value.len != 1 || (uint8_t)value.ptr[0] >= BUDGETS)
			return -EIO;
		server->spent = (enum budget)value.ptr[0];
		return 0;
	}
	if (row_key_read(key, 2, ids) < 0)
		return -EIO;
	host_key = row_key1(ids[1]);
	r = store_get(f->store, STORE_HOSTS, row_key_span(&host_key),
	    &f->sibling);
	if (r <= 0)
		return r; /* its row is gone: it knows nothing */
	if (host_row_read(buf_span(&f->sibling), &row) < 0)
		return -EIO;
	server_add_row(server, &row);
	/* Its budget binds whether or not it comes into memory. */
	config = config_host(f->config, row.name);
	if (config == NULL)
		return -ENOMEM;
	frontier_server_bind(server, config);
	return 0;
}

static int
server_restore(struct frontier *f, struct server *server)
{
	struct row_key from = row_key1(server->name64);
	struct row_key below = row_key1(server->name64 + 1);
	bool is_last = server->name64 == UINT64_MAX;
	struct span key, value;
	struct store_scan *scan;
	int r;

	r = store_scan_open(f->store, STORE_NAMES, row_key_span(&from),
	    is_last ? SPAN_NONE : row_key_span(&below), true, &scan);
	if (r < 0)
		return r;
	while ((r = store_scan_next(scan, &key, &value)) == 1) {
		r = server_add(f, server, key, value);
		if (r < 0)
			break;
	}
	store_scan_close(scan);
	return r;
}

int
frontier_server(struct frontier *f, struct span origin, struct server **out)
{
	uint64_t name64 = server_name64(origin);
	struct server *server = server_find(&f->servers, name64);
	int r = 0;

	if (server == NULL) {
		server = server_new(&f->servers, name64);
		if (server == NULL)
			return -ENOMEM;
		r = server_restore(f, server);
	}
	if (r < 0)
		server_free(&f->servers, server);
	else
		*out = server;
	return r;
}

/* --- budgets ------------------------------------------------------------- */

struct budgets
frontier_budget_used(const struct frontier *f, const struct server *server)
{
	int64_t time_ms = 0;

	if (server->since_ms >= 0)
		time_ms = frontier_elapsed_ms(f, f->now_ms) - server->since_ms;
	return (struct budgets){ {
	    [BUDGET_PAGES] = server->fetched,
	    [BUDGET_BYTES] = server->bytes,
	    [BUDGET_ERRORS] = server->errors,
	    [BUDGET_TIME] = time_ms > 0 ? (uint64_t)time_ms : 0,
	} };
}

static uint64_t
queued_of(const struct server *server)
{
	uint64_t n = 0;

	for (const struct host *host = server->origins; host != NULL;
	     host = host->next_origin)
		n += host->queued;
	return n;
}

/* The next run tells nobody twice. */
static void
put_spent(struct frontier *f, const struct server *server)
{
	struct row_key key = row_key1(server->name64);
	char spent = (char)server->spent;

	if (server->spent == BUDGET_NONE)
		store_delete(f->store, STORE_NAMES, row_key_span(&key));
	else
		store_put(f->store, STORE_NAMES, row_key_span(&key),
		    span_of(&spent, 1));
}

bool
frontier_budget_is_taken(const struct server *server)
{
	uint64_t most = server->limits.of[BUDGET_PAGES];

	return most > 0 && server->fetched + server->fetches >= most;
}

void
frontier_server_wake(struct frontier *f, struct server *server, int64_t now_ms)
{
	for (struct host *host = server->origins; host != NULL;
	     host = host->next_origin)
		frontier_schedule(f, host, now_ms);
}

void
frontier_judge_budgets(struct frontier *f, struct server *server)
{
	struct budgets used = frontier_budget_used(f, server);
	enum budget spent = budget_spent(&server->limits, &used);
	uint64_t queued;

	if (server->spent == spent)
		return;
	queued = queued_of(server);
	if (server->spent != BUDGET_NONE) {
		f->parked -= queued;
		f->live.spent[server->spent]--;
	}
	server->spent = spent;
	put_spent(f, server);
	if (spent == BUDGET_NONE) {
		frontier_server_wake(f, server, f->now_ms);
		return;
	}
	count(&f->parked, queued);
	count(&f->live.spent[spent], 1);
	f->asleep = true;
	frontier_tell(f,
	    "%.*s is parked: it has used up %s (%llu of %llu%s); %llu of its "
	    "URLs %s left, a start with a larger one goes on with them",
	    SPAN_ARG(server_name(host_name(server->origins))),
	    budget_key(spent), (unsigned long long)used.of[spent],
	    (unsigned long long)server->limits.of[spent],
	    spent == BUDGET_TIME    ? " ms"
	    : spent == BUDGET_BYTES ? " bytes"
				    : "",
	    (unsigned long long)queued, plural_of(queued, "is", "are"));
}
