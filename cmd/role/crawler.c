/*
 * crawler - orders in, bytes out.  libcurl on our epoll loop; no parsing.
 */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cmd/flight.h"
#include "cmd/log.h"
#include "cmd/loop.h"
#include "cmd/now.h"
#include "cmd/role/poison.h"
#include "cmd/role/role.h"
#include "lib/fetch/fetch.h"
#include "lib/url/scope.h"

enum {
	CRAWLER_BATCH = 64,
	CRAWLER_NAP_MS = 250, /* a beat in the roster at least that often */
	COMPLAINTS = 5,       /* about the web, in each window of … */
	COMPLAINT_MS = 10000,
	COOKIE_BYTES = 8 << 20,
	SHORT_MOST = 2, /* times an order goes back for want of memory */
	CONNECTIONS_KEPT = 4096,
};

/* One per cell; `user` of its transfer. */
struct transfer {
	bool active;
	uint64_t lap;
	uint64_t body_len;
	bool robots;
	bool page;
	uint8_t is_short;
};

struct crawler {
	struct worker *worker;
	struct conveyor *cv;
	const struct config *config;
	struct loop loop;
	struct fetch_pool *pool;
	struct span *params; /* of canon: ignore_params */
	struct conveyor_bell *bell;
	struct transfer *transfers; /* by cell */
	/* The rules, when some are on media types: a response is measured by
	 * them before its body is read.  NULL: none are. */
	struct scope *scope;
	struct url url;
	uint8_t queue;
	uint32_t slots;   /* transfers at once */
	int64_t timer_ms; /* monotonic, of the pool; INT64_MAX: none */
	int64_t told_ms;  /* monotonic, when the window of complaints began */
	unsigned told;    /* in that window … */
	uint64_t untold;  /* … and those left out since */
	int status;       /* the first error */
};

static uint32_t
cell_of(const struct crawler *c, const struct transfer *t)
{
	return (uint32_t)(t - c->transfers);
}

static void
fail(struct crawler *c, int r)
{
	if (r < 0 && c->status == 0)
		c->status = r;
}

/* --- hooks of the pool --------------------------------------------------- */

static void
on_socket(void *arg, int fd, uint32_t events)
{
	struct crawler *c = arg;
	unsigned ready = 0;

	/* An error is reported as both: libcurl finds out which it is. */
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		ready |= FETCH_IN;
	if (events & (EPOLLOUT | EPOLLERR))
		ready |= FETCH_OUT;
	fetch_ready(c->pool, fd, ready, now_unix_ms());
}

static void
want_watch(void *arg, int fd, unsigned events)
{
	struct crawler *c = arg;
	uint32_t mask = 0;

	if (events == 0) {
		loop_forget(&c->loop, fd);
		return;
	}
	if (events & FETCH_IN)
		mask |= EPOLLIN;
	if (events & FETCH_OUT)
		mask |= EPOLLOUT;
	fail(c, loop_watch(&c->loop, fd, mask, on_socket, c));
}

static void
want_timer(void *arg, int64_t ms)
{
	struct crawler *c = arg;

	c->timer_ms = ms < 0 ? INT64_MAX : now_mono_ms() + ms;
}

/* Into the cell's region, as received.  A crawler may use three quarters of
 * the budget, so that parsers always find room for their output. */
static int
take_body(void *arg, void *user, const void *bytes, size_t len)
{
	struct crawler *c = arg;
	struct transfer *t = user;
	uint32_t cell = cell_of(c, t);
	uint64_t end = t->body_len + len;

	if (end > conveyor_body_room(c->cv, cell)) {
		int r = conveyor_grow_body(c->cv, cell, end,
		    c->config->shm_budget / 4 * 3);

		flight(c->cv, r < 0 ? FLIGHT_LIMIT : FLIGHT_GREW, cell, end);
		if (r < 0)
			return r;
	}
	memcpy(conveyor_body(c->cv, cell) + t->body_len, bytes, len);
	t->body_len = end;
	return 0;
}

/*
 * Is a page of this media type one of the crawl's?  What the scheduler could
 * know it has asked already: it remains what only the response says.
 */
static bool
wants(void *arg, void *user, unsigned status, struct span content_type)
{
	struct crawler *c = arg;
	const struct transfer *t = user;
	struct scope_subject subject = { .url = &c->url, .type = content_type };
	struct order order;

	if (!t->page || status < 200 || status > 299 ||
	    order_read(conveyor_order(c->cv, cell_of(c, t)),
		conveyor_shape(c->cv)->order_size, &order) < 0 ||
	    url_parse(order.url, NULL, &c->url) < 0)
		return true;
	subject.depth = order.depth;
	return scope_ask(c->scope, &subject, NULL) == SCOPE_IN;
}

/* --- cells --------------------------------------------------------------- */

/*
 * The order goes back unfetched: seq is 0 since the scheduler took the cell
 * from FREE.  For want of memory or descriptors the capture says so under the
 * order's lap inverted: not a capture to anybody, but a word to the scheduler.
 */
static int
send_back(struct crawler *c, struct transfer *t, bool is_short)
{
	uint32_t cell = cell_of(c, t);

	if (is_short) {
		struct capture capture = { .lap = ~t->lap };

		capture_write(conveyor_capture(c->cv, cell),
		    conveyor_shape(c->cv)->capture_size, &capture);
	}
	t->active = false;
	flight(c->cv, FLIGHT_SENT_BACK, cell, 0);
	return conveyor_push(c->cv, QUEUE_SETTLED, cell);
}

/*
 * A fetch without an answer may be tried for an hour before a record says so,
 * and a robots.txt has none: whoever watches must not have to guess why
 * nothing happens.  A few at once, then a few in a while, with the number of
 * those in between.
 */
static void
complain(struct crawler *c, const struct transfer *t, uint32_t cell,
    const struct capture *capture)
{
	bool no_rules = t->robots && capture->status >= 500;
	const char *key = reason_key(capture->reason);
	int64_t now = now_mono_ms();
	char what[80], more[80] = "";
	struct order order;

	if ((capture->reason == REASON_NONE ||
		capture->reason == REASON_RULE) &&
	    !no_rules)
		return;
	if (now - c->told_ms >= COMPLAINT_MS) {
		c->told_ms = now;
		c->told = 0;
	}
	if (c->told >= COMPLAINTS) {
		c->untold++;
		return;
	}
	if (order_read(conveyor_order(c->cv, cell),
		conveyor_shape(c->cv)->order_size, &order) < 0)
		return; /* the next who reads it deals with that */
	if (capture->reason != REASON_NONE)
		snprintf(what, sizeof(what), "%s%s%s%s",
		    reason_name(capture->reason), key[0] ? " (" : "", key,
		    key[0] ? ")" : "");
	else
		snprintf(what, sizeof(what), "status %u", capture->status);
	if (c->untold > 0)
		snprintf(more, sizeof(more),
		    "; %llu more since the last such line",
		    (unsigned long long)c->untold);
	log_warn("%.*s: %s%s%s",
	    (int)(order.url.len < 300 ? order.url.len : 300), order.url.ptr,
	    what,
	    t->robots ? "; without it no page of the host is asked for "
			"(robots_give_up)"
		      : "",
	    more);
	c->told++;
	c->untold = 0;
}

static int
finish(struct crawler *c, struct transfer *t, struct capture *capture,
    bool short_fd)
{
	uint32_t cell = cell_of(c, t);
	bool want = short_fd || capture->truncated == TRUNCATED_MEMORY;
	int r;

	if (want && t->is_short < SHORT_MOST)
		return send_back(c, t, true);
	complain(c, t, cell, capture);
	capture->lap = t->lap;
	capture->body_len = t->body_len;
	roster_set_current(c->cv, cell);
	if (capture->status != 0)
		flight(c->cv, FLIGHT_FETCHED, cell, capture->status);
	else
		flight(c->cv, FLIGHT_NO_ANSWER, cell, capture->reason);
	capture_write(conveyor_capture(c->cv, cell),
	    conveyor_shape(c->cv)->capture_size, capture);
	t->active = false;
	/* The parser starts with a clean record but for real blames. */
	conveyor_set_attempts(c->cv, cell,
	    conveyor_word(c->cv, cell).attempts & CELL_BLAMES);
	r = conveyor_push(c->cv, QUEUE_PAGES, cell);
	if (r < 0)
		return r;
	roster_clear_current(c->cv);
	flight(c->cv, FLIGHT_PUSHED, cell, QUEUE_PAGES);
	conveyor_mark_fetched(c->cv, cell);
	conveyor_wake(c->cv, QUEUE_SETTLED);
	roster_count(c->cv, COUNTER_JOBS, 1);
	roster_count(c->cv, COUNTER_BYTES, capture->body_len);
	return 0;
}

static void
reap(struct crawler *c)
{
	struct capture capture;
	bool short_fd;
	void *user;

	while (c->status == 0 &&
	       fetch_finished(c->pool, &user, &capture, &short_fd) == 1)
		fail(c, finish(c, user, &capture, short_fd));
}

/* A sitemap that was found when there was more room for them is cut. */
static uint64_t
max_body(const struct crawler *c, uint8_t kind)
{
	uint64_t most = c->config->max_body;

	if (kind == ORDER_ROBOTS)
		most = c->config->robots_max_bytes;
	else if (kind == ORDER_SITEMAP)
		most = c->config->sitemap_max_bytes;
	return most < conveyor_shape(c->cv)->body_size
		   ? most
		   : conveyor_shape(c->cv)->body_size;
}

static int
start(struct crawler *c, uint32_t cell)
{
	const struct conveyor_shape *shape = conveyor_shape(c->cv);
	struct transfer *t = &c->transfers[cell];
	struct fetch_request request = { .user = t };
	const struct config_host *host;
	struct order order;
	int r;

	r = order_read(conveyor_order(c->cv, cell), shape->order_size, &order);
	if (r < 0)
		return r;
	if (t->active || order.reason != REASON_NONE)
		return -EBADMSG;
	*t = (struct transfer){ .active = true,
		.lap = order.lap,
		.robots = order.kind == ORDER_ROBOTS,
		.page = order.kind == ORDER_PAGE,
		.is_short = order.is_short };
	poison_look(ROLE_CRAWLER,
	    conveyor_word(c->cv, cell).attempts & CELL_BLAMES, order.url);
	request.url = order.url;
	request.max_body = max_body(c, order.kind);
	host = config_host(c->config, order.url);
	if (host == NULL)
		return send_back(c, t, true);
	request.proxy = host->proxy;
	request.resolve = host->resolve;
	request.headers = host->headers;
	request.cookies = host->cookies;
	request.auth = config_auth(c->config, order.url);
	flight(c->cv, FLIGHT_FETCHES, cell, fetch_inflight(c->pool));
	r = fetch_start(c->pool, &request);
	if (r == 0)
		return 0;
	if (r == -EINVAL || t->is_short >= SHORT_MOST) {
		/* What libcurl does not take, another try will not make it
		 * take: an answer like any other. */
		struct capture capture = { .reason = REASON_CONNECT_FAIL,
			.started_ms = now_unix_ms(),
			.fetch_end_ms = now_unix_ms(),
			.retry_after_ms = -1,
			.dns_ms = -1,
			.connect_ms = -1,
			.tls_ms = -1,
			.ttfb_ms = -1,
			.total_ms = -1 };

		return finish(c, t, &capture, false);
	}
	return send_back(c, t, true);
}

/* Orders in, as many as there are slots.  A suspect is ordered alone, so a
 * crawler that gets one holds nothing else. */
static void
take_orders(struct crawler *c)
{
	uint32_t cells[CRAWLER_BATCH];

	for (;;) {
		size_t room = c->slots - fetch_inflight(c->pool);
		int n;

		if (c->status < 0 || fetch_inflight(c->pool) >= c->slots)
			return; /* a finished transfer brings us back here */
		if (room > CRAWLER_BATCH)
			room = CRAWLER_BATCH;
		n = conveyor_pop_many(c->cv, c->queue, cells, room);
		if (n <= 0) {
			fail(c, n);
			conveyor_bell_arm(c->bell);
			return;
		}
		roster_took_work(c->cv);
		flight(c->cv, FLIGHT_TOOK, FLIGHT_NO_CELL, (uint64_t)n);
		for (int i = 0; i < n; i++)
			fail(c, start(c, cells[i]));
	}
}

static void
on_bell(void *arg, int fd, uint32_t events)
{
	uint64_t rings;
	ssize_t n = read(fd, &rings, sizeof(rings));

	(void)arg, (void)events, (void)n; /* take_orders() follows each turn */
}

static int
nap(const struct crawler *c)
{
	int64_t ms = c->timer_ms - now_mono_ms();

	return ms < 0 ? 0 : ms < CRAWLER_NAP_MS ? (int)ms : CRAWLER_NAP_MS;
}

/* All that is under way goes back; the queue's rest is the supervisor's. */
static void
hand_back(struct crawler *c)
{
	for (uint32_t i = 0; i < conveyor_shape(c->cv)->cells; i++) {
		struct transfer *t = &c->transfers[i];

		if (!t->active)
			continue;
		fetch_cancel(c->pool, t);
		fail(c, send_back(c, t, false));
	}
}

/*
 * Connections to keep: of hosts that wait for their clocks, too, so that their
 * next request finds one.  As many as in flight at the least, half of the
 * descriptors at the most; and not more than 4096, for libcurl looks at all of
 * them at the end of each transfer.
 */
static uint32_t
connections_kept(const struct crawler *c)
{
	uint64_t most = CONNECTIONS_KEPT;
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur / 2 < most)
		most = files.rlim_cur / 2;
	return most > c->slots ? (uint32_t)most : c->slots;
}

/* 0, and no scope where no rule is on media types. */
static int
open_scope(struct crawler *c, struct err *err)
{
	const struct config *config = c->config;
	int r = 0;

	c->scope = scope_new(SCOPE_ANY);
	if (c->scope == NULL)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < config->n_rules; i++)
		r = scope_add_rule(c->scope, config->rules[i].include,
		    span_from(config->rules[i].text), err);
	if (r == 0 && !scope_has_type(c->scope)) {
		scope_free(c->scope);
		c->scope = NULL;
	}
	return r;
}

static int
open_pool(struct crawler *c, struct err *err)
{
	const struct config *config = c->config;
	struct fetch_options options = {
		.user_agent = config->user_agent,
		.accept_encoding = "gzip",
		.connect_timeout_ms = config->connect_timeout_ms,
		.first_byte_timeout_ms = config->first_byte_timeout_ms,
		.total_timeout_ms = config->total_timeout_ms,
		.low_speed_bytes = config->low_speed_bytes,
		.low_speed_ms = config->low_speed_ms,
		.dns_cache_ms = config->dns_cache_ms,
		.http = config->http,
		.tls_verify = config->tls_verify,
		.allow_private = config->allow_private,
		.ip_version = config->ip_version == 0   ? 0
			      : config->ip_version == 1 ? 4
							: 6,
		.cookie_bytes = COOKIE_BYTES,
		.max_connections = connections_kept(c),
	};
	struct fetch_hooks hooks = { want_watch, want_timer, take_body, c,
		c->scope ? wants : NULL };

	c->params = calloc(config->ignore_params.n + 1, sizeof(*c->params));
	if (c->params == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < config->ignore_params.n; i++)
		c->params[i] = span_from(config->ignore_params.items[i]);
	options.canon = (struct canon){ .rules = config->canon,
		.extra = c->params,
		.n_extra = config->ignore_params.n };
	return fetch_pool_new(&options, &hooks, &c->pool, err);
}

static void
run(struct crawler *c)
{
	while (c->status == 0 && !role_stopping()) {
		int r;

		take_orders(c);
		reap(c);
		roster_beat(c->cv, now_mono_ms());
		r = loop_turn(&c->loop, nap(c));
		fail(c, r < 0 ? r : 0);
		if (now_mono_ms() >= c->timer_ms) {
			c->timer_ms = INT64_MAX;
			fetch_timeout(c->pool, now_unix_ms());
		}
		reap(c);
	}
	if (c->status == 0) {
		flight(c->cv, FLIGHT_STOPS, FLIGHT_NO_CELL, 0);
		hand_back(c);
	}
}

int
crawler_main(struct worker *worker)
{
	const struct config *config = &worker->crawl->config;
	struct crawler c = { .worker = worker,
		.cv = worker->cv,
		.config = config,
		.queue = (uint8_t)(QUEUE_ORDERS + worker->index),
		.timer_ms = INT64_MAX,
		.loop.epoll_fd = -1 };
	sigset_t signals = role_signals();
	struct err err = ERR_NONE;
	int r;

	c.slots = (config->max_inflight + worker->crawl->crawlers - 1) /
		  worker->crawl->crawlers;
	c.transfers = calloc(conveyor_shape(c.cv)->cells, sizeof(*c.transfers));
	r = c.transfers ? loop_init(&c.loop, &signals) : -ENOMEM;
	url_init(&c.url);
	if (r == 0)
		r = open_scope(&c, &err);
	if (r == 0)
		r = open_pool(&c, &err);
	if (r == 0)
		r = conveyor_bell_new(c.cv, c.queue, false, &c.bell);
	if (r == 0)
		r = loop_watch(&c.loop, conveyor_bell_fd(c.bell), EPOLLIN,
		    on_bell, &c);
	if (r < 0)
		return role_failed(r, err.text[0] ? err.text : "starting");
	run(&c);
	fetch_pool_free(c.pool);
	scope_free(c.scope);
	url_fini(&c.url);
	loop_fini(&c.loop);
	free(c.transfers);
	free(c.params);
	return c.status < 0 ? role_failed(c.status, "fetching") : WORKER_DONE;
}
