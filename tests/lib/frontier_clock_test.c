/* The clocks of addresses, and the terms of a host's delay, in a frontier. */
#include <time.h>

#include "lib/frontier/why.h"
#include "tests/lib/frontier_fixture.h"

static void
begin(struct fixture *x)
{
	fixture_init(x);
	x->config.host.delay_factor = 0;
	fixture_open(x);
}

/* The fetch ends here and now, and is settled. */
static void
ends_at(struct fixture *x, const struct order *order, const char *ip,
    int32_t total_ms)
{
	struct capture c = fixture_capture(x, 200);

	c.ip = span_from(ip);
	c.total_ms = total_ms;
	frontier_slot_end(x->f, order, &c, x->now);
	ck_assert_int_eq(frontier_settle(x->f, order, &c,
			     fixture_decide(x, order, &c), x->now),
	    0);
	fixture_balances(x);
}

/* One page of it was fetched, from there. */
static void
meet(struct fixture *x, const char *url, const char *ip)
{
	struct order o;

	fixture_seed(x, url);
	o = fixture_expect(x, url);
	ends_at(x, &o, ip, 0);
	fixture_commit(x);
}

static void
seed(struct fixture *x, const char *host, int pages)
{
	char url[64];

	for (int i = 1; i <= pages; i++) {
		snprintf(url, sizeof(url), "http://%s/%d", host, i);
		fixture_seed(x, url);
	}
}

START_TEST(two_hosts_on_one_address_share_its_clock)
{
	struct fixture x;
	struct order a, b;

	begin(&x);
	meet(&x, "http://a.test/", "8.8.8.8");
	meet(&x, "http://b.test/", "8.8.8.8");
	meet(&x, "http://c.test/", "9.9.9.9");
	seed(&x, "a.test", 1);
	seed(&x, "b.test", 1);
	seed(&x, "c.test", 1);
	/* Their own clocks have all run out. */
	x.now += 5000;
	a = fixture_expect(&x, "http://a.test/1");
	b = fixture_expect(&x, "http://c.test/1");
	fixture_expect_none(&x);
	ck_assert_int_eq(frontier_due_ms(x.f, x.now), x.now + 250);
	ends_at(&x, &b, "9.9.9.9", 0);
	x.now += 100;
	ends_at(&x, &a, "8.8.8.8", 0);
	x.now += 249;
	fixture_expect_none(&x);
	x.now++;
	fixture_expect(&x, "http://b.test/1");
	fixture_fini(&x);
}
END_TEST

START_TEST(an_address_has_two_requests_at_once_and_no_third)
{
	struct fixture x;
	struct order a, b;

	begin(&x);
	meet(&x, "http://a.test/", "8.8.8.8");
	meet(&x, "http://b.test/", "8.8.8.8");
	meet(&x, "http://c.test/", "8.8.8.8");
	seed(&x, "a.test", 1);
	seed(&x, "b.test", 1);
	seed(&x, "c.test", 1);
	x.now += 5000;
	ck_assert(fixture_next(&x, &a));
	x.now += 250;
	ck_assert(fixture_next(&x, &b));
	x.now += 3600000;
	fixture_expect_none(&x);
	ck_assert_int_eq(frontier_due_ms(x.f, x.now), INT64_MAX);
	ends_at(&x, &a, "8.8.8.8", 0);
	x.now += 250;
	ck_assert(fixture_next(&x, &a));
	fixture_fini(&x);
}
END_TEST

START_TEST(a_host_moves_with_its_address)
{
	struct fixture x;
	struct order o;

	begin(&x);
	meet(&x, "http://a.test/", "8.8.8.8");
	meet(&x, "http://b.test/", "9.9.9.9");
	seed(&x, "a.test", 3);
	x.now += 5000;
	o = fixture_expect(&x, "http://a.test/1");
	ends_at(&x, &o, "9.9.9.9", 0);
	fixture_commit(&x);
	seed(&x, "b.test", 1);
	fixture_expect_none(&x);
	x.now += 250;
	o = fixture_expect(&x, "http://b.test/1");
	x.now += 750;
	/* b is still under way, and has one of two slots. */
	o = fixture_expect(&x, "http://a.test/2");
	ends_at(&x, &o, "9.9.9.9", 0);
	fixture_fini(&x);
}
END_TEST

START_TEST(an_address_is_known_after_a_restart)
{
	struct fixture x;
	struct order a;

	begin(&x);
	meet(&x, "http://a.test/", "8.8.8.8");
	meet(&x, "http://b.test/", "8.8.8.8");
	seed(&x, "a.test", 1);
	seed(&x, "b.test", 1);
	fixture_commit(&x);
	x.now += 5000;
	a = fixture_expect(&x, "http://a.test/1");
	fixture_reopen(&x);
	ck_assert_int_eq(frontier_adopt(x.f, &a, x.now), 0);
	x.now += 1000;
	/* With the one that was adopted it is the second request. */
	fixture_expect(&x, "http://b.test/1");
	fixture_close(&x);
	fixture_open(&x);
	x.now += 999;
	fixture_expect_none(&x);
	x.now++;
	ck_assert(fixture_next(&x, &a));
	fixture_expect_none(&x);
	x.now += 250;
	ck_assert(fixture_next(&x, &a));
	fixture_fini(&x);
}
END_TEST

/* Requests that left just before the end are not in the store. */
START_TEST(an_address_waits_one_delay_after_a_restart)
{
	struct fixture x;

	fixture_init(&x);
	x.config.host.delay_factor = 0;
	x.config.ip_delay_ms = 5000;
	fixture_open(&x);
	meet(&x, "http://a.test/", "8.8.8.8");
	seed(&x, "a.test", 1);
	fixture_commit(&x);
	x.now += 60000;
	fixture_reopen(&x);
	x.now += 4999;
	fixture_expect_none(&x);
	x.now++;
	fixture_expect(&x, "http://a.test/1");
	fixture_fini(&x);
}
END_TEST

START_TEST(host_delay_0_and_private_addresses_go_without_that_clock)
{
	struct fixture x;

	fixture_init(&x);
	x.config.host.delay_factor = 0;
	ck_assert_int_eq(config_set(&x.config, "host",
			     "mine.test: host_delay = 0", NULL),
	    0);
	fixture_open(&x);
	meet(&x, "http://a.test/", "8.8.8.8");
	meet(&x, "http://mine.test/", "8.8.8.8");
	meet(&x, "http://l.test/", "127.0.0.1");
	meet(&x, "http://m.test/", "127.0.0.1");
	seed(&x, "a.test", 1);
	seed(&x, "mine.test", 1);
	seed(&x, "l.test", 1);
	seed(&x, "m.test", 1);
	x.now += 5000;
	for (int i = 0; i < 4; i++) {
		struct order o;

		ck_assert(fixture_next(&x, &o));
	}
	fixture_fini(&x);
}
END_TEST

/* Their rows tell of it; but what is asked now is the proxy. */
START_TEST(a_run_with_a_proxy_does_not_go_by_addresses_of_one_without)
{
	struct fixture x;
	struct order o;

	begin(&x);
	meet(&x, "http://a.test/", "8.8.8.8");
	meet(&x, "http://b.test/", "8.8.8.8");
	seed(&x, "a.test", 1);
	seed(&x, "b.test", 1);
	fixture_commit(&x);
	fixture_close(&x);
	ck_assert_int_eq(config_set(&x.config, "proxy", "http://p.test:3128",
			     NULL),
	    0);
	fixture_open(&x);
	x.now += 5000;
	ck_assert(fixture_next(&x, &o));
	ck_assert(fixture_next(&x, &o));
	fixture_fini(&x);
}
END_TEST

/* What they were connected to is the proxy, which is none of theirs: not for
 * a clock, and not as the one place where all of them fail. */
START_TEST(hosts_behind_a_proxy_do_not_have_its_address)
{
	struct order o[5];
	struct fixture x;
	char text[32];

	fixture_init(&x);
	x.config.host.delay_factor = 0;
	ck_assert_int_eq(config_set(&x.config, "proxy", "http://p.test:3128",
			     NULL),
	    0);
	fixture_open(&x);
	for (int i = 0; i < 5; i++) {
		snprintf(text, sizeof(text), "http://h%d.test/", i);
		meet(&x, text, "8.8.8.8");
		snprintf(text, sizeof(text), "h%d.test", i);
		seed(&x, text, 1);
	}
	x.now += 5000;
	for (int i = 0; i < 5; i++)
		ck_assert(fixture_next(&x, &o[i]));
	for (int i = 0; i < 5; i++)
		fixture_settle(&x, &o[i], 0);
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).outages, 1);
	fixture_fini(&x);
}
END_TEST

START_TEST(what_is_only_recorded_does_not_wait_for_an_address)
{
	struct fixture x;
	struct order o;

	fixture_init(&x);
	x.config.host.delay_factor = 0;
	x.config.host.retry_delay.ms[0] = 0;
	x.config.host.host_give_up_ms = 0;
	fixture_open(&x);
	meet(&x, "http://a.test/", "8.8.8.8");
	meet(&x, "http://b.test/", "8.8.8.8");
	seed(&x, "a.test", 10);
	for (int i = 0; i < 6; i++) {
		x.now += 5000;
		ck_assert(fixture_next(&x, &o));
		fixture_settle(&x, &o, 0);
	}
	fixture_commit(&x);
	/* a is down; once b is under way their address is busy for 250 ms. */
	seed(&x, "b.test", 1);
	x.now += 250;
	do
		ck_assert(fixture_next(&x, &o));
	while (o.reason == REASON_HOST_DOWN);
	ck_assert(span_eq(o.url, SPAN("http://b.test/1")));
	ck_assert(fixture_next(&x, &o));
	ck_assert_int_eq(o.reason, REASON_HOST_DOWN);
	fixture_fini(&x);
}
END_TEST

START_TEST(a_slow_answer_makes_the_next_request_wait)
{
	struct fixture x;
	struct order o;

	fixture_init(&x);
	fixture_open(&x);
	seed(&x, "a.test", 4);
	o = fixture_expect(&x, "http://a.test/1");
	ck_assert_uint_eq(o.delay_ms, 1000);
	ends_at(&x, &o, "8.8.8.8", 7000);
	x.now += 6999;
	fixture_expect_none(&x);
	x.now++;
	o = fixture_expect(&x, "http://a.test/2");
	ck_assert_uint_eq(o.delay_ms, 7000);
	ends_at(&x, &o, "8.8.8.8", 20000);
	fixture_commit(&x);
	/* Also after a restart. */
	fixture_reopen(&x);
	x.now += 19999;
	fixture_expect_none(&x);
	x.now++;
	o = fixture_expect(&x, "http://a.test/3");
	ck_assert_uint_eq(o.delay_ms, 20000);
	ends_at(&x, &o, "8.8.8.8", 100);
	x.now += 1000;
	fixture_expect(&x, "http://a.test/4");
	fixture_fini(&x);
}
END_TEST

/* --- why ------------------------------------------------------------------ */

/* What the host of that page waits for, and the moment. */
static unsigned
waits_for(struct fixture *x, const char *url, int64_t *ready_ms,
    int64_t *since_ms)
{
	struct err err = ERR_NONE;
	struct why why;
	unsigned term;

	ck_assert_int_eq(frontier_why(x->f, span_from(url), x->now, &why, &err),
	    0);
	ck_assert(why.host_known);
	*ready_ms = why.clock.ready_ms;
	*since_ms = why.since_ms;
	term = why.clock.term;
	why_fini(&why);
	return term;
}

START_TEST(why_names_the_term_that_decides_and_its_moments)
{
	int64_t ready_ms, since_ms;
	struct capture c;
	struct fixture x;
	struct order o;

	fixture_init(&x);
	fixture_open(&x);
	seed(&x, "a.test", 4);
	o = fixture_expect(&x, "http://a.test/1");
	ends_at(&x, &o, "8.8.8.8", 100);
	ck_assert_uint_eq(waits_for(&x, "http://a.test/2", &ready_ms,
			      &since_ms),
	    POLITE_HOST_DELAY);
	ck_assert_int_eq(ready_ms, x.now + 1000);
	ck_assert_int_eq(since_ms, x.now);
	x.now += 1000;
	o = fixture_expect(&x, "http://a.test/2");
	ends_at(&x, &o, "8.8.8.8", 7000);
	ck_assert_uint_eq(waits_for(&x, "http://a.test/3", &ready_ms,
			      &since_ms),
	    POLITE_LATENCY);
	ck_assert_int_eq(ready_ms, x.now + 7000);
	ck_assert_int_eq(since_ms, x.now);
	x.now += 7000;
	o = fixture_expect(&x, "http://a.test/3");
	c = fixture_capture(&x, 503);
	c.retry_after_ms = 90000;
	frontier_slot_end(x.f, &o, &c, x.now);
	ck_assert_uint_eq(waits_for(&x, "http://a.test/4", &ready_ms,
			      &since_ms),
	    POLITE_RETRY_AFTER);
	ck_assert_int_eq(ready_ms, x.now + 90000);
	ck_assert_int_eq(since_ms, x.now);
	/* Another host of its address, which has asked last. */
	x.now += 90000;
	meet(&x, "http://b.test/", "8.8.8.8");
	ck_assert_uint_eq(waits_for(&x, "http://a.test/4", &ready_ms,
			      &since_ms),
	    POLITE_IP);
	ck_assert_int_eq(ready_ms, x.now + x.config.ip_delay_ms);
	ck_assert_int_eq(since_ms, 0);
	fixture_fini(&x);
}
END_TEST

/* --- an outage of our own network ---------------------------------------- */

enum {
	OUT_HOSTS = 8
};

/* Hosts that have answered, each on an address of its own, with two pages
 * left. */
static void
begin_outage(struct fixture *x)
{
	char text[64], ip[32];

	fixture_init(x);
	x->config.host.delay_factor = 0;
	x->config.host.retries = 1;
	fixture_open(x);
	for (int i = 0; i < OUT_HOSTS; i++) {
		snprintf(text, sizeof(text), "http://h%d.test/", i);
		snprintf(ip, sizeof(ip), "8.8.8.%d", i + 1);
		meet(x, text, ip);
		snprintf(text, sizeof(text), "h%d.test", i);
		seed(x, text, 2);
	}
	fixture_commit(x);
	x->now += 5000;
}

/* All that is due is ordered, and none of it reaches a host.  How many. */
static int
nobody_answers(struct fixture *x)
{
	struct order o[OUT_HOSTS];
	int n = 0;

	while (n < OUT_HOSTS && fixture_next(x, &o[n]))
		n++;
	for (int i = 0; i < n; i++) {
		struct capture c = fixture_capture(x, 0);

		frontier_slot_end(x->f, &o[i], &c, x->now);
	}
	for (int i = 0; i < n; i++)
		fixture_settle(x, &o[i], 0);
	fixture_commit(x);
	return n;
}

START_TEST(an_outage_of_our_own_network_pauses_and_uses_up_no_try)
{
	char news[FRONTIER_NEWS];
	struct fixture x;
	struct order o;
	int probes = 0;

	begin_outage(&x);
	ck_assert_int_eq(nobody_answers(&x), OUT_HOSTS);
	ck_assert(frontier_news(x.f, news));
	ck_assert_ptr_nonnull(strstr(news, "our own network seems to be out"));
	ck_assert_uint_eq(fixture_totals(&x).outages, 1);
	/* Six hours of it, with nothing but probes. */
	while (x.now < FIXTURE_START + 6 * 3600 * 1000) {
		int64_t due_ms = frontier_due_ms(x.f, x.now);

		ck_assert_int_ge(due_ms, x.now);
		ck_assert_int_lt(due_ms, x.now + 120000);
		x.now = due_ms + 1;
		probes += nobody_answers(&x);
	}
	ck_assert_int_gt(probes, 360);
	ck_assert_int_lt(probes, 4 * 400);
	ck_assert_uint_gt(fixture_totals(&x).outage_ms, 5 * 3600 * 1000);
	ck_assert_uint_eq(fixture_totals(&x).failed, 0);
	ck_assert(!frontier_news(x.f, news));
	/* One answers: all goes on, and every page is fetched. */
	x.now = frontier_due_ms(x.f, x.now);
	for (int i = 0; i < 2 * OUT_HOSTS;) {
		if (!fixture_next(&x, &o)) {
			fixture_commit(&x);
			ck_assert_int_lt(frontier_due_ms(x.f, x.now),
			    x.now + 120000);
			x.now = frontier_due_ms(x.f, x.now);
			continue;
		}
		fixture_settle(&x, &o, 200);
		i++;
	}
	fixture_commit(&x);
	ck_assert(frontier_news(x.f, news));
	ck_assert_ptr_nonnull(strstr(news, "the network is back"));
	ck_assert_uint_eq(fixture_totals(&x).outage_ms, 0);
	ck_assert(frontier_finished(x.f));
	ck_assert_uint_eq(fixture_totals(&x).done, 3 * OUT_HOSTS);
	fixture_fini(&x);
}
END_TEST

START_TEST(a_crawl_without_a_network_ends)
{
	char news[FRONTIER_NEWS];
	struct fixture x;

	begin_outage(&x);
	while (!frontier_finished(x.f)) {
		int64_t due_ms = frontier_due_ms(x.f, x.now);

		nobody_answers(&x);
		if (frontier_finished(x.f))
			break;
		due_ms = frontier_due_ms(x.f, x.now);
		ck_assert_int_lt(due_ms, x.now + 3600 * 1000);
		x.now = due_ms > x.now ? due_ms : x.now + 1;
	}
	ck_assert_int_gt(x.now, FIXTURE_START + x.config.outage_give_up_ms);
	ck_assert_int_lt(x.now,
	    FIXTURE_START + x.config.outage_give_up_ms + 12 * 3600 * 1000);
	ck_assert(frontier_news(x.f, news) && frontier_news(x.f, news));
	ck_assert_ptr_nonnull(strstr(news, "going on without it"));
	ck_assert_uint_eq(fixture_totals(&x).failed, 2 * OUT_HOSTS);
	fixture_fini(&x);
}
END_TEST

START_TEST(a_probe_that_fails_after_the_outage_is_spared)
{
	struct order first, late, o;
	char url[64];
	struct fixture x;

	begin_outage(&x);
	ck_assert_int_eq(nobody_answers(&x), OUT_HOSTS);
	x.now = frontier_due_ms(x.f, x.now) + 1;
	ck_assert(fixture_next(&x, &first));
	ck_assert(fixture_next(&x, &late));
	snprintf(url, sizeof(url), "%.*s", SPAN_ARG(late.url));
	fixture_settle(&x, &first, 200);
	ck_assert_uint_eq(fixture_totals(&x).outage_ms, 0);
	fixture_settle(&x, &late, 0);
	fixture_commit(&x);
	for (int i = 0; i < 4 * OUT_HOSTS; i++) {
		x.now = frontier_due_ms(x.f, x.now) + 1;
		if (!fixture_next(&x, &o)) {
			fixture_commit(&x);
			continue;
		}
		if (span_eq(o.url, span_from(url)))
			break;
		fixture_settle(&x, &o, 200);
		fixture_commit(&x);
	}
	ck_assert(span_eq(o.url, span_from(url)));
	ck_assert_uint_eq(o.tries, 0);
	fixture_fini(&x);
}
END_TEST

/* There somebody was: the network is not out. */
START_TEST(failures_of_tls_are_no_outage)
{
	struct order o[OUT_HOSTS];
	struct fixture x;

	begin_outage(&x);
	for (int i = 0; i < OUT_HOSTS; i++)
		ck_assert(fixture_next(&x, &o[i]));
	for (int i = 0; i < OUT_HOSTS; i++) {
		struct capture c = fixture_capture(&x, 0);

		c.reason = REASON_TLS_FAIL;
		frontier_slot_end(x.f, &o[i], &c, x.now);
		ck_assert_int_eq(frontier_settle(x.f, &o[i], &c,
				     fixture_decide(&x, &o[i], &c), x.now),
		    0);
	}
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).outages, 0);
	fixture_fini(&x);
}
END_TEST

START_TEST(one_server_that_goes_down_with_its_hosts_is_no_outage)
{
	struct fixture x;
	struct order o;
	char text[64];

	fixture_init(&x);
	x.config.host.delay_factor = 0;
	x.config.ip_concurrency = 0;
	x.config.ip_delay_ms = 0;
	fixture_open(&x);
	for (int i = 0; i < 20; i++) {
		snprintf(text, sizeof(text), "http://h%d.test/", i);
		meet(&x, text, "8.8.8.8");
		snprintf(text, sizeof(text), "h%d.test", i);
		seed(&x, text, 2);
	}
	x.now += 5000;
	for (int i = 0; i < 20; i++) {
		ck_assert(fixture_next(&x, &o));
		fixture_settle(&x, &o, 0);
	}
	ck_assert_uint_eq(fixture_totals(&x).outage_ms, 0);
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).outages, 0);
	fixture_fini(&x);
}
END_TEST

START_TEST(robots_that_cannot_be_had_in_an_outage_are_asked_for_again)
{
	struct fixture x;
	struct order o[OUT_HOSTS], robots;
	char text[64], ip[32];

	fixture_init(&x);
	x.config.host.delay_factor = 0;
	x.config.host.robots_give_up_ms = 0;
	ck_assert_int_eq(config_set(&x.config, "host", "r.test: robots = obey",
			     NULL),
	    0);
	fixture_open(&x);
	for (int i = 0; i < OUT_HOSTS; i++) {
		snprintf(text, sizeof(text), "http://h%d.test/", i);
		snprintf(ip, sizeof(ip), "8.8.8.%d", i + 1);
		meet(&x, text, ip);
		snprintf(text, sizeof(text), "h%d.test", i);
		seed(&x, text, 1);
	}
	x.now += 5000;
	for (int i = 0; i < OUT_HOSTS; i++)
		ck_assert(fixture_next(&x, &o[i]));
	for (int i = 0; i < OUT_HOSTS; i++)
		fixture_settle(&x, &o[i], 0);
	fixture_commit(&x);
	fixture_seed(&x, "http://r.test/");
	/* More often than would be the end of it. */
	for (int i = 0; i < 20;) {
		x.now += 60000;
		while (fixture_next(&x, &robots)) {
			ck_assert(robots.is_probe);
			if (robots.kind != ORDER_ROBOTS) {
				fixture_settle(&x, &robots, 0);
				continue;
			}
			fixture_settle_robots(&x, &robots, 0, "");
			i++;
		}
		fixture_commit(&x);
	}
	/* Now it can be had, and its page. */
	for (int i = 0; i < 2;) {
		x.now += 60000;
		while (i < 2 && fixture_next(&x, &robots)) {
			if (!span_starts(robots.url, SPAN("http://r.test/"))) {
				fixture_settle(&x, &robots, 0);
				continue;
			}
			i++;
			if (robots.kind == ORDER_ROBOTS)
				fixture_settle_robots(&x, &robots, 404, "");
		}
		fixture_commit(&x);
	}
	ck_assert_int_eq(robots.kind, ORDER_PAGE);
	ck_assert_int_eq(robots.reason, REASON_NONE);
	fixture_fini(&x);
}
END_TEST

/* CPU time of `n` orders, none of which may be sooner than its address allows,
 * among `hosts` hosts on one address. */
static double
cost_us(int hosts, int n)
{
	struct timespec from, to;
	struct fixture x;
	struct order o, *out;
	char url[64];

	fixture_init(&x);
	x.config.host.delay_factor = 0;
	x.config.ip_delay_ms = 1;
	x.config.ip_concurrency = 1;
	fixture_open(&x);
	out = calloc((size_t)hosts, sizeof(*out));
	for (int i = 0; i < hosts; i++) {
		struct err err;

		for (int j = 0; j < 2; j++) {
			snprintf(url, sizeof(url), "http://h%d.test/%d", i, j);
			ck_assert_int_eq(frontier_seed(x.f, span_from(url),
					     x.now, &err),
			    1);
		}
	}
	for (int i = 0; i < hosts; i++) {
		ck_assert_int_eq(frontier_next(x.f, x.now, &o), 1);
		out[i] = fixture_keep(&x, &o);
	}
	for (int i = 0; i < hosts; i++)
		ends_at(&x, &out[i], "8.8.8.8", 0);
	fixture_commit(&x);
	x.now += 100000;
	ck_assert_int_eq(frontier_next(x.f, x.now, &o), 1);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	for (int i = 0; i < n; i++) {
		struct capture c = fixture_capture(&x, 200);
		struct order next;

		ck_assert_int_eq(frontier_next(x.f, x.now, &next), 0);
		c.ip = SPAN("8.8.8.8");
		frontier_slot_end(x.f, &o, &c, x.now);
		ck_assert_int_eq(frontier_next(x.f, x.now, &next), 0);
		x.now++;
		ck_assert_int_eq(frontier_next(x.f, x.now, &o), 1);
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	free(out);
	fixture_fini(&x);
	return ((double)(to.tv_sec - from.tv_sec) * 1e9 +
		   (double)(to.tv_nsec - from.tv_nsec)) /
	       1e3 / n;
}

START_TEST(ten_thousand_hosts_on_one_address_cost_what_a_hundred_do)
{
	double few = cost_us(100, 90), many = cost_us(10000, 5000);

	printf("figure: an order, one address: %.1f us with 100 hosts, %.1f us "
	       "with 10,000\n",
	    few, many);
	/* A scan of them would be a hundred times as much. */
	ck_assert_msg(many < few * 20 + 50, "%f and %f us", few, many);
}
END_TEST

TEST_MAIN("frontier_clock", two_hosts_on_one_address_share_its_clock,
    an_address_has_two_requests_at_once_and_no_third,
    a_host_moves_with_its_address, an_address_is_known_after_a_restart,
    an_address_waits_one_delay_after_a_restart,
    host_delay_0_and_private_addresses_go_without_that_clock,
    a_run_with_a_proxy_does_not_go_by_addresses_of_one_without,
    hosts_behind_a_proxy_do_not_have_its_address,
    what_is_only_recorded_does_not_wait_for_an_address,
    a_slow_answer_makes_the_next_request_wait,
    why_names_the_term_that_decides_and_its_moments,
    an_outage_of_our_own_network_pauses_and_uses_up_no_try,
    a_crawl_without_a_network_ends,
    a_probe_that_fails_after_the_outage_is_spared,
    failures_of_tls_are_no_outage,
    one_server_that_goes_down_with_its_hosts_is_no_outage,
    robots_that_cannot_be_had_in_an_outage_are_asked_for_again,
    ten_thousand_hosts_on_one_address_cost_what_a_hundred_do)
