/* What the origins of one host name share: clock, slots, pauses, budgets. */
#include "lib/frontier/server.h"
#include "lib/frontier/why.h"
#include "tests/lib/frontier_fixture.h"

static const char *const origins[] = { "http://a.test", "https://a.test",
	"http://a.test:8080", "https://a.test.:444" };

static void
seed(struct fixture *x, const char *origin, int from, int n)
{
	char url[64];

	for (int i = from; i < from + n; i++) {
		snprintf(url, sizeof(url), "%s/%d", origin, i);
		fixture_seed(x, url);
	}
}

static void
begin(struct fixture *x)
{
	fixture_init(x);
	x->config.host.delay_factor = 0;
	fixture_open(x);
}

/* The fetch ends here and now. */
static void
ends(struct fixture *x, const struct order *order, int status,
    int64_t retry_after_ms, const char *ip)
{
	struct capture c = fixture_capture(x, status);

	c.retry_after_ms = retry_after_ms;
	c.ip = span_from(ip);
	frontier_slot_end(x->f, order, &c, x->now);
	ck_assert_int_eq(frontier_settle(x->f, order, &c,
			     fixture_decide(x, order, &c), x->now),
	    0);
	fixture_balances(x);
}

START_TEST(a_name_is_one_whatever_scheme_port_and_root)
{
	uint64_t name64 = server_name64(SPAN("http://a.test"));

	for (size_t i = 0; i < ARRAY_LEN(origins); i++)
		ck_assert_uint_eq(server_name64(span_from(origins[i])), name64);
	ck_assert_uint_ne(server_name64(SPAN("http://b.test")), name64);
	ck_assert_uint_ne(server_name64(SPAN("http://www.a.test")), name64);
	ck_assert_uint_eq(server_name64(SPAN("http://[::1]:81")),
	    server_name64(SPAN("https://[::1]")));
	ck_assert_uint_ne(server_name64(SPAN("http://[::1]")),
	    server_name64(SPAN("http://[::2]")));
}
END_TEST

START_TEST(the_origins_of_one_name_are_asked_in_turns_by_one_clock)
{
	struct fixture x;
	struct order o;

	begin(&x);
	for (size_t i = 0; i < ARRAY_LEN(origins); i++)
		seed(&x, origins[i], 0, 3);
	for (int page = 0; page < 3; page++) {
		for (size_t i = 0; i < ARRAY_LEN(origins); i++) {
			char url[64];

			snprintf(url, sizeof(url), "%s/%d", origins[i], page);
			o = fixture_expect(&x, url);
			fixture_expect_none(&x);
			x.now += 300;
			ends(&x, &o, 200, -1, "");
			x.now += 999;
			fixture_expect_none(&x);
			ck_assert_int_eq(frontier_due_ms(x.f, x.now),
			    page == 2 && i == 3 ? INT64_MAX : x.now + 1);
			x.now++;
		}
	}
	fixture_commit(&x);
	ck_assert(frontier_finished(x.f));
	fixture_fini(&x);
}
END_TEST

START_TEST(the_origins_of_one_name_have_its_slots_together)
{
	struct fixture x;
	struct order o[3];

	begin(&x);
	x.config.host.host_concurrency = 2;
	for (size_t i = 0; i < 3; i++)
		seed(&x, origins[i], 0, 1);
	o[0] = fixture_expect(&x, "http://a.test/0");
	x.now += 1000;
	o[1] = fixture_expect(&x, "https://a.test/0");
	x.now += 3600000;
	fixture_expect_none(&x);
	ck_assert_int_eq(frontier_due_ms(x.f, x.now), INT64_MAX);
	ends(&x, &o[0], 200, -1, "");
	fixture_expect_none(&x);
	x.now += 1000;
	o[2] = fixture_expect(&x, "http://a.test:8080/0");
	ends(&x, &o[1], 200, -1, "");
	ends(&x, &o[2], 200, -1, "");
	fixture_fini(&x);
}
END_TEST

START_TEST(a_pause_that_one_origin_asks_for_holds_for_all)
{
	static const struct {
		int status;
		int64_t retry_after_ms, pause_ms;
	} cases[] = { { 429, 60000, 60000 }, { 503, -1, 30000 },
		{ 503, 90000, 90000 }, { 200, 70000, 70000 } };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fixture x;
		struct order o;

		begin(&x);
		x.config.host.backoff_ms = 30000;
		seed(&x, "http://a.test", 0, 1);
		seed(&x, "https://a.test", 0, 1);
		seed(&x, "http://b.test", 0, 1);
		o = fixture_expect(&x, "http://a.test/0");
		ends(&x, &o, cases[i].status, cases[i].retry_after_ms, "");
		o = fixture_expect(&x, "http://b.test/0");
		ends(&x, &o, 200, -1, "");
		x.now += cases[i].pause_ms - 1;
		fixture_expect_none(&x);
		x.now++;
		fixture_expect(&x, "https://a.test/0");
		fixture_fini(&x);
	}
}
END_TEST

START_TEST(one_origin_that_cannot_be_reached_stops_no_other)
{
	struct fixture x;
	struct order o;

	begin(&x);
	seed(&x, "http://a.test:8080", 0, 2);
	seed(&x, "https://a.test", 0, 2);
	o = fixture_expect(&x, "http://a.test:8080/0");
	ends(&x, &o, 0, -1, "");
	/* Asked it was, all the same. */
	x.now += 999;
	fixture_expect_none(&x);
	x.now++;
	o = fixture_expect(&x, "https://a.test/0");
	ends(&x, &o, 200, -1, "");
	x.now += 1000;
	o = fixture_expect(&x, "https://a.test/1");
	ends(&x, &o, 200, -1, "");
	/* retry_delay, from the failure. */
	x.now += 27999;
	fixture_expect_none(&x);
	x.now++;
	fixture_expect(&x, "http://a.test:8080/1");
	fixture_fini(&x);
}
END_TEST

START_TEST(a_crawl_delay_spares_its_name_and_is_of_its_origin)
{
	struct fixture x;
	struct order o;

	fixture_init(&x);
	x.config.host.delay_factor = 0;
	x.config.host.robots = CONFIG_ROBOTS_OBEY;
	fixture_open(&x);
	seed(&x, "http://a.test", 0, 2);
	o = fixture_expect(&x, "http://a.test/robots.txt");
	fixture_settle_robots(&x, &o, 200, "User-agent: *\nCrawl-delay: 10\n");
	seed(&x, "https://a.test", 0, 2);
	x.now += 9999;
	fixture_expect_none(&x);
	x.now++;
	o = fixture_expect(&x, "http://a.test/0");
	ends(&x, &o, 200, -1, "");
	x.now += 9999;
	fixture_expect_none(&x);
	x.now++;
	o = fixture_expect(&x, "https://a.test/robots.txt");
	fixture_settle_robots(&x, &o, 404, "");
	x.now += 1000;
	fixture_expect(&x, "http://a.test/1");
	fixture_fini(&x);
}
END_TEST

START_TEST(a_pause_of_one_origin_holds_for_another_after_a_restart)
{
	for (int cut = 0; cut < 2; cut++) {
		struct fixture x;
		struct order o;

		begin(&x);
		x.config.host.retries = 0;
		seed(&x, "http://a.test", 0, 1);
		o = fixture_expect(&x, "http://a.test/0");
		ends(&x, &o, 404, 3600000, "");
		/* Nothing is left of that one in memory. */
		fixture_commit(&x);
		if (cut)
			fixture_reopen(&x);
		seed(&x, "https://a.test", 0, 1);
		x.now += 3599999;
		fixture_expect_none(&x);
		x.now++;
		fixture_expect(&x, "https://a.test/0");
		fixture_fini(&x);
	}
}
END_TEST

START_TEST(a_name_keeps_its_clock_when_the_origin_that_was_asked_is_forgotten)
{
	struct fixture x;
	struct order o;

	begin(&x);
	seed(&x, "http://a.test", 0, 1);
	o = fixture_expect(&x, "http://a.test/0");
	ends(&x, &o, 200, -1, "");
	fixture_commit(&x);
	seed(&x, "https://a.test", 0, 1);
	x.now += 999;
	fixture_expect_none(&x);
	x.now++;
	fixture_expect(&x, "https://a.test/0");
	fixture_fini(&x);
}
END_TEST

/* Something may have been sent until it came back. */
START_TEST(what_comes_back_late_has_its_name_wait_from_then)
{
	struct fixture x;
	struct order o;

	begin(&x);
	seed(&x, "http://a.test", 0, 1);
	seed(&x, "https://a.test", 0, 1);
	o = fixture_expect(&x, "http://a.test/0");
	frontier_slot_end(x.f, &o, NULL, x.now);
	x.now += 900;
	frontier_come_back(x.f, &o, x.now);
	x.now += 999;
	fixture_expect_none(&x);
	x.now++;
	fixture_expect(&x, "https://a.test/0");
	fixture_fini(&x);
}
END_TEST

START_TEST(a_name_waits_one_delay_after_a_restart_for_all_its_origins)
{
	struct fixture x;
	struct order o;

	begin(&x);
	x.config.host.host_delay_ms = 5000;
	for (size_t i = 0; i < 3; i++)
		seed(&x, origins[i], 0, 2);
	o = fixture_expect(&x, "http://a.test/0");
	ends(&x, &o, 200, -1, "");
	fixture_commit(&x);
	x.now += 60000;
	fixture_reopen(&x);
	for (int i = 0; i < 5; i++) {
		x.now += 4999;
		fixture_expect_none(&x);
		x.now++;
		ck_assert(fixture_next(&x, &o));
		ends(&x, &o, 200, -1, "");
	}
	fixture_commit(&x);
	ck_assert(frontier_finished(x.f));
	fixture_fini(&x);
}
END_TEST

/* --- budgets --------------------------------------------------------------- */

static void
fetch(struct fixture *x, int n)
{
	struct order o;

	for (int i = 0; i < n; i++) {
		ck_assert(fixture_next(x, &o));
		ck_assert_int_eq(o.reason, REASON_NONE);
		ends(x, &o, 200, -1, "");
		x->now += 1000;
	}
	fixture_commit(x);
}

static void
no_news(struct fixture *x)
{
	char line[FRONTIER_NEWS];

	ck_assert_msg(!frontier_news(x->f, line), "%s", line);
}

START_TEST(a_budget_is_of_the_name_and_told_once)
{
	struct fixture x;
	char line[FRONTIER_NEWS];
	struct order o;

	begin(&x);
	x.config.host.host_max_pages = 3;
	seed(&x, "http://a.test", 0, 3);
	seed(&x, "https://a.test", 0, 3);
	fetch(&x, 3);
	ck_assert_uint_eq(fixture_totals(&x).spent[BUDGET_PAGES], 1);
	ck_assert(frontier_news(x.f, line));
	ck_assert_msg(strstr(line,
			  "a.test is parked: it has used up "
			  "host_max_pages (3 of 3); 3 of its URLs") == line,
	    "%s", line);
	no_news(&x);
	/* In the next run it is known, whichever origin is met first. */
	x.config.outage_give_up_ms = 0;
	fixture_reopen(&x);
	x.now += 60000;
	no_news(&x);
	ck_assert_uint_eq(fixture_totals(&x).spent[BUDGET_PAGES], 1);
	/* A larger one goes on, to its last page. */
	fixture_close(&x);
	x.config.host.host_max_pages = 5;
	fixture_open(&x);
	x.now += 60000;
	fetch(&x, 2);
	ck_assert(frontier_news(x.f, line));
	no_news(&x);
	ck_assert_uint_eq(fixture_totals(&x).spent[BUDGET_PAGES], 1);
	ck_assert(fixture_next(&x, &o));
	ck_assert_int_eq(o.reason, REASON_BUDGET);
	fixture_settle(&x, &o, 0);
	fixture_commit(&x);
	ck_assert(frontier_finished(x.f));
	/* Nothing of it is left in memory, and it is known all the same. */
	seed(&x, "http://a.test:8080", 0, 1);
	ck_assert(fixture_next(&x, &o));
	ck_assert_int_eq(o.reason, REASON_BUDGET);
	fixture_fini(&x);
}
END_TEST

START_TEST(the_last_page_of_a_budget_that_comes_back_is_anothers)
{
	struct fixture x;
	struct order o;

	begin(&x);
	x.config.host.host_max_pages = 1;
	x.config.host.host_concurrency = 2;
	seed(&x, "http://a.test", 0, 1);
	seed(&x, "https://a.test", 0, 1);
	o = fixture_expect(&x, "http://a.test/0");
	x.now += 60000;
	fixture_expect_none(&x);
	ends(&x, &o, 500, -1, ""); /* waits for another try */
	fixture_commit(&x);
	x.now += 1000;
	fixture_expect(&x, "https://a.test/0");
	fixture_fini(&x);
}
END_TEST

START_TEST(of_two_budgets_of_one_name_the_smaller_counts)
{
	static const char *const orders[2][2] = { { "http://a.test",
						      "http://a.test:8080" },
		{ "http://a.test:8080", "http://a.test" } };

	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		struct fixture x;
		struct order o[2];
		char line[FRONTIER_NEWS];

		fixture_init(&x);
		x.config.host.delay_factor = 0;
		x.config.host.host_concurrency = 3;
		ck_assert_int_eq(config_set(&x.config, "host",
				     "a.test:8080: host_max_pages = 2", NULL),
		    0);
		fixture_open(&x);
		seed(&x, orders[i][0], 0, 3);
		seed(&x, orders[i][1], 0, 3);
		for (int k = 0; k < 2; k++) {
			ck_assert(fixture_next(&x, &o[k]));
			x.now += 1000;
		}
		/* The budget is taken, whoever's slot is free. */
		fixture_expect_none(&x);
		ends(&x, &o[0], 500, -1, "");
		x.now += 1000;
		/* It will be tried again: another may have its page. */
		ck_assert(fixture_next(&x, &o[0]));
		ends(&x, &o[0], 200, -1, "");
		ends(&x, &o[1], 200, -1, "");
		fixture_commit(&x);
		ck_assert(frontier_news(x.f, line));
		no_news(&x);
		ck_assert_uint_eq(fixture_totals(&x).spent[BUDGET_PAGES], 1);
		/* Whichever of them is met first in the next run. */
		fixture_reopen(&x);
		no_news(&x);
		ck_assert_uint_eq(fixture_totals(&x).spent[BUDGET_PAGES], 1);
		fixture_fini(&x);
	}
}
END_TEST

START_TEST(a_budget_binds_when_the_origin_that_has_it_is_forgotten)
{
	struct fixture x;
	char line[FRONTIER_NEWS];

	fixture_init(&x);
	x.config.host.delay_factor = 0;
	ck_assert_int_eq(config_set(&x.config, "host",
			     "a.test:8080: host_max_pages = 2", NULL),
	    0);
	fixture_open(&x);
	seed(&x, "http://a.test:8080", 0, 1);
	fetch(&x, 1);
	fixture_reopen(&x);
	x.now += 1000;
	seed(&x, "http://a.test", 0, 3);
	fetch(&x, 1);
	ck_assert(frontier_news(x.f, line));
	ck_assert_uint_eq(fixture_totals(&x).spent[BUDGET_PAGES], 1);
	fixture_fini(&x);
}
END_TEST

/* --- with addresses, at random --------------------------------------------- */

START_TEST(a_host_that_stands_at_its_address_lets_another_origin_go)
{
	struct fixture x;
	struct order o;

	begin(&x);
	for (int i = 0; i < 3; i++) {
		seed(&x, i == 0 ? "http://b.test" : origins[i - 1], 0, 1);
		ck_assert(fixture_next(&x, &o));
		ends(&x, &o, 200, -1, "8.8.8.8");
		x.now += 1000;
	}
	seed(&x, "http://b.test", 1, 1);
	seed(&x, origins[0], 1, 2);
	seed(&x, origins[1], 1, 1);
	x.now += 60000;
	o = fixture_expect(&x, "http://b.test/1");
	ends(&x, &o, 200, -1, "8.8.8.8");
	fixture_expect_none(&x);
	x.now += 250;
	o = fixture_expect(&x, "http://a.test/1");
	ends(&x, &o, 200, -1, "8.8.8.8");
	/* The other two stood at the address, and go by their name's clock. */
	x.now += 999;
	fixture_expect_none(&x);
	x.now++;
	o = fixture_expect(&x, "https://a.test/1");
	ends(&x, &o, 200, -1, "8.8.8.8");
	x.now += 1000;
	fixture_expect(&x, "http://a.test/2");
	fixture_fini(&x);
}
END_TEST

enum {
	NAMES = 5,
	PORTS = 4,
	PAGES = 6,
	SLOTS = 2
};

struct town {
	struct fixture x;
	uint64_t random;
	struct order out[NAMES * SLOTS];
	int n;
	int64_t free_ms[NAMES]; /* no request to it before */
	int under_way[NAMES];
	int done;
};

static int
name_of(const struct order *o)
{
	struct span name = server_name(o->url);

	return name.ptr[0] - '0';
}

static void
town_orders(struct town *t)
{
	struct order o;

	while (t->n < NAMES * SLOTS && fixture_next(&t->x, &o)) {
		int name = name_of(&o);

		ck_assert_int_eq(o.reason, REASON_NONE);
		ck_assert_msg(t->x.now >= t->free_ms[name],
		    "%.*s %lld ms too early", SPAN_ARG(o.url),
		    (long long)(t->free_ms[name] - t->x.now));
		t->free_ms[name] = t->x.now + 1000;
		ck_assert_int_le(++t->under_way[name], SLOTS);
		t->out[t->n++] = o;
	}
}

/* One of those under way: it ends well or badly, or is given back. */
static void
town_ends(struct town *t)
{
	static const char *const ips[] = { "8.8.8.8", "9.9.9.9", "127.0.0.1" };
	int i = (int)(test_random(&t->random) % (uint64_t)t->n);
	struct order o = t->out[i];
	int name = name_of(&o), how = (int)(test_random(&t->random) % 20);

	t->out[i] = t->out[--t->n];
	t->under_way[name]--;
	t->free_ms[name] = t->x.now + 1000;
	if (how == 0) {
		frontier_come_back(t->x.f, &o, t->x.now);
		return;
	}
	if (how == 1)
		t->free_ms[name] = t->x.now + 7000;
	else
		t->done++;
	ends(&t->x, &o, how == 1 ? 429 : 200, how == 1 ? 7000 : -1,
	    ips[(size_t)name % ARRAY_LEN(ips)]);
}

/* Killed, with what is under way on the conveyor still, or lost. */
static void
town_reopens(struct town *t)
{
	bool lost = test_random(&t->random) % 2;

	fixture_commit(&t->x);
	fixture_reopen(&t->x);
	for (int i = 0; i < NAMES; i++) {
		t->free_ms[i] = t->x.now + 1000;
		if (lost)
			t->under_way[i] = 0;
	}
	for (int i = 0; !lost && i < t->n; i++)
		ck_assert_int_eq(frontier_adopt(t->x.f, &t->out[i], t->x.now),
		    0);
	if (lost)
		t->n = 0;
}

START_TEST(no_two_requests_to_one_name_are_too_close_whatever_happens)
{
	struct town t = { .random = test_seed() };
	uint64_t start = t.random;
	struct fixture *x = &t.x;

	begin(x);
	x->config.host.host_concurrency = SLOTS;
	for (int name = 0; name < NAMES; name++) {
		for (int port = 0; port < PORTS; port++) {
			char origin[64];

			snprintf(origin, sizeof(origin),
			    port % 2 ? "https://%d.test:%d"
				     : "http://%d.test:%d",
			    name, 1000 + port);
			seed(x, origin, 0, PAGES);
		}
	}
	fixture_commit(x);
	for (int step = 0; !frontier_finished(x->f); step++) {
		ck_assert_msg(step < 100000, "no end, seed %llu",
		    (unsigned long long)start);
		town_orders(&t);
		if (t.n > 0 && test_random(&t.random) % 3)
			town_ends(&t);
		else
			x->now += (int64_t)(test_random(&t.random) % 700);
		if (test_random(&t.random) % 50 == 0)
			town_reopens(&t);
		else if (test_random(&t.random) % 10 == 0)
			fixture_commit(x);
	}
	ck_assert_int_eq(t.done, NAMES * PORTS * PAGES);
	fixture_fini(x);
}
END_TEST

TEST_MAIN("frontier_server", a_name_is_one_whatever_scheme_port_and_root,
    the_origins_of_one_name_are_asked_in_turns_by_one_clock,
    the_origins_of_one_name_have_its_slots_together,
    a_pause_that_one_origin_asks_for_holds_for_all,
    one_origin_that_cannot_be_reached_stops_no_other,
    a_crawl_delay_spares_its_name_and_is_of_its_origin,
    a_pause_of_one_origin_holds_for_another_after_a_restart,
    a_name_keeps_its_clock_when_the_origin_that_was_asked_is_forgotten,
    what_comes_back_late_has_its_name_wait_from_then,
    a_name_waits_one_delay_after_a_restart_for_all_its_origins,
    a_budget_is_of_the_name_and_told_once,
    the_last_page_of_a_budget_that_comes_back_is_anothers,
    of_two_budgets_of_one_name_the_smaller_counts,
    a_budget_binds_when_the_origin_that_has_it_is_forgotten,
    a_host_that_stands_at_its_address_lets_another_origin_go,
    no_two_requests_to_one_name_are_too_close_whatever_happens)
