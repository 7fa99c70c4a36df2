/*
 * frontier_fixture - a frontier in a temporary folder, with a clock of its
 * own, and orders that live longer than the next call.
 */
#ifndef TESTS_LIB_FRONTIER_FIXTURE_H
#define TESTS_LIB_FRONTIER_FIXTURE_H

#include <errno.h>
#include <stdlib.h>

#include "lib/frontier/frontier.h"
#include "lib/robots/robots.h"
#include "tests/harness.h"

static const uint8_t fixture_id[16] = "a crawl of tests";

#define FIXTURE_START INT64_C(1700000000000)

struct fixture {
	const char *dir;
	struct config config;
	struct frontier *f;
	int64_t now;
	struct frontier_cut cut;
	struct fixture_text *texts; /* of the orders that were kept */
};

struct fixture_text {
	struct fixture_text *next;
	char text[];
};

static inline void
fixture_open(struct fixture *x)
{
	struct err err = ERR_NONE;
	int r = frontier_open(x->dir, &x->config, fixture_id, x->now, &x->f,
	    &err);

	ck_assert_msg(r == 0, "%d: %s", r, err.text);
	ck_assert_int_eq(frontier_begin(x->f, &err), 0);
	x->cut = frontier_cut(x->f);
}

static inline void
fixture_close(struct fixture *x)
{
	frontier_close(x->f);
	x->f = NULL;
}

/* A power cut: what was not committed is gone. */
static inline void
fixture_reopen(struct fixture *x)
{
	fixture_close(x);
	fixture_open(x);
}

/* Not yet open, so that a test can change the configuration. */
static inline void
fixture_init(struct fixture *x)
{
	*x = (struct fixture){
		.dir = test_temp_dir(),
		.now = FIXTURE_START,
	};
	ck_assert_int_eq(config_init(&x->config), 0);
	ck_assert_int_eq(config_set(&x->config, "contact", "me@example.org",
			     NULL),
	    0);
	x->config.host.robots = CONFIG_ROBOTS_IGNORE;
	x->config.host.delay_jitter = 0; /* tests count milliseconds */
	x->config.seen_cache = 1 << 20;
	x->config.db_cache = 8 << 20;
}

static inline void
fixture_fini(struct fixture *x)
{
	frontier_close(x->f);
	config_fini(&x->config);
	while (x->texts != NULL) {
		struct fixture_text *text = x->texts;

		x->texts = text->next;
		free(text);
	}
}

static inline void
fixture_balances(const struct fixture *x)
{
	struct frontier_totals t;
	uint64_t statuses = 0;

	frontier_totals(x->f, &t);
	ck_assert_uint_eq(t.admitted, t.done + t.failed + t.excluded +
					  t.quarantined + t.queued +
					  t.in_flight);
	for (size_t i = 0; i < ARRAY_LEN(t.statuses); i++)
		statuses += t.statuses[i];
	ck_assert_uint_eq(statuses,
	    t.done + t.failed + t.excluded + t.quarantined);
}

static inline struct frontier_totals
fixture_totals(const struct fixture *x)
{
	struct frontier_totals t;

	frontier_totals(x->f, &t);
	return t;
}

static inline void
fixture_seed(struct fixture *x, const char *url)
{
	struct err err = ERR_NONE;

	ck_assert_msg(frontier_seed(x->f, span_from(url), x->now, &err) == 1,
	    "%s: %s", url, err.text);
	fixture_balances(x);
}

static inline void
fixture_commit(struct fixture *x)
{
	x->cut.seq++;
	x->cut.end += 100;
	ck_assert_int_eq(frontier_commit(x->f, x->cut, x->now), 0);
	fixture_balances(x);
}

/* A copy whose spans live as long as the fixture. */
static inline struct order
fixture_keep(struct fixture *x, const struct order *order)
{
	struct order kept = *order;
	struct fixture_text *keep = calloc(1, sizeof(*keep) + order->url.len +
						  order->via.len +
						  order->chain.len + 1);
	char *text = keep->text;

	ck_assert_ptr_nonnull(keep);
	keep->next = x->texts;
	x->texts = keep;
	memcpy(text, order->url.ptr, order->url.len);
	if (order->via.len > 0)
		memcpy(text + order->url.len, order->via.ptr, order->via.len);
	kept.url.ptr = text;
	kept.via.ptr = text + order->url.len;
	if (order->chain.len > 0)
		memcpy(text + order->url.len + order->via.len, order->chain.ptr,
		    order->chain.len);
	kept.chain.ptr = text + order->url.len + order->via.len;
	return kept;
}

static inline bool
fixture_next(struct fixture *x, struct order *out)
{
	struct order order;
	int r = frontier_next(x->f, x->now, &order);

	ck_assert_int_ge(r, 0);
	if (r == 1)
		*out = fixture_keep(x, &order);
	fixture_balances(x);
	return r == 1;
}

/* An order of this URL, and no other. */
static inline struct order
fixture_expect(struct fixture *x, const char *url)
{
	struct order order = { .lap = 0 };

	ck_assert_msg(fixture_next(x, &order), "no order, not %s", url);
	ck_assert_msg(span_eq(order.url, span_from(url)), "%.*s, not %s",
	    SPAN_ARG(order.url), url);
	return order;
}

static inline void
fixture_expect_none(struct fixture *x)
{
	struct order order;

	if (fixture_next(x, &order))
		ck_abort_msg("an order: %.*s", SPAN_ARG(order.url));
}

static inline struct capture
fixture_capture(const struct fixture *x, int status)
{
	return (struct capture){
		.status = (uint16_t)status,
		.reason = status == 0 ? REASON_CONNECT_FAIL : REASON_NONE,
		.fetch_end_ms = x->now,
		.retry_after_ms = -1,
		.body_len = 10,
	};
}

static inline struct decision
fixture_decide(const struct fixture *x, const struct order *order,
    const struct capture *capture)
{
	struct verdict_limits limits = { x->config.host.retries,
		x->config.max_redirects, 10 };

	return verdict_decide(&limits, order, capture);
}

/* The fetch ends with this status, and is settled. */
static inline void
fixture_settle(struct fixture *x, const struct order *order, int status)
{
	struct capture capture = fixture_capture(x, status);
	const struct capture *c = order->reason == 0 ? &capture : NULL;

	if (c != NULL)
		frontier_slot_end(x->f, order, c, x->now);
	ck_assert_int_eq(frontier_settle(x->f, order, c,
			     fixture_decide(x, order, c), x->now),
	    0);
	fixture_balances(x);
}

static inline int
fixture_offer(struct fixture *x, const struct order *from, const char *url)
{
	int r = frontier_offer(x->f, from, span_from(url), LINK_A, 0, x->now);

	fixture_balances(x);
	return r;
}

static inline void
fixture_settle_robots(struct fixture *x, const struct order *order, int status,
    const char *text)
{
	struct capture capture = fixture_capture(x, status);
	struct buf rules;

	buf_init(&rules, 1 << 20);
	ck_assert_int_eq(robots_compile(span_from(text), SPAN("mpcrawl"),
			     &rules),
	    0);
	frontier_slot_end(x->f, order, &capture, x->now);
	ck_assert_int_eq(frontier_settle_robots(x->f, order, &capture,
			     buf_span(&rules), x->now),
	    0);
	buf_fini(&rules);
	fixture_balances(x);
}

#endif
