/*
 * Patterns of very many URLs: they come last, none is lost, a person may say
 * that it is no trap.
 */
#include "lib/frontier/frontier.h"
#include "tests/lib/frontier_fixture.h"

/* A page of a.test that may link to anything, for good. */
static struct order
begin(struct fixture *x)
{
	x->config.host.host_delay_ms = 0;
	x->config.host.host_concurrency = 2;
	x->config.max_depth = 100;
	fixture_open(x);
	fixture_seed(x, "http://a.test/");
	return fixture_expect(x, "http://a.test/");
}

/* How many of `n` links, made by a format that takes a number, are new. */
static int
offer_many(struct fixture *x, const struct order *from, const char *fmt, int n)
{
	int fresh = 0;

	for (int i = 0; i < n; i++) {
		char url[200];
		int r;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(url, sizeof(url), fmt, i, i, i);
#pragma GCC diagnostic pop
		r = frontier_offer(x->f, from, span_from(url), LINK_A, 0,
		    x->now);
		ck_assert_int_ge(r, 0);
		fresh += r;
	}
	fixture_balances(x);
	return fresh;
}

static struct frontier_trap
only_trap(struct fixture *x)
{
	struct frontier_trap trap;
	size_t next = frontier_traps(x->f, 0, &trap);

	ck_assert_uint_gt(next, 0);
	ck_assert_uint_eq(frontier_traps(x->f, next, &trap), 0);
	return trap;
}

START_TEST(links_of_a_trapped_shape_are_refused_and_counted)
{
	struct fixture x;
	struct order o;

	fixture_init(&x);
	o = begin(&x);
	ck_assert_int_eq(fixture_offer(&x, &o, "http://a.test/x/x/x"), 0);
	ck_assert_int_eq(fixture_offer(&x, &o, "http://a.test/x/x/x"), 0);
	ck_assert_int_eq(frontier_offer(x.f, &o, SPAN("http://a.test/y/y/y"),
			     LINK_REDIRECT, 0, x.now),
	    0);
	ck_assert_int_eq(fixture_offer(&x, &o,
			     "http://a.test/1/2/3/4/5/6/7/8/9/10/11/12/13/14/"
			     "15/16/17/18/19/20/21"),
	    0);
	ck_assert_int_eq(fixture_offer(&x, &o, "http://a.test/x/x"), 1);
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).refused[REFUSED_TRAP], 4);
	/* A person's own is none. */
	fixture_seed(&x, "http://a.test/z/z/z");
	fixture_fini(&x);
}
END_TEST

/* Shapes of real traps, each without end: all else of the host comes first. */
START_TEST(more_urls_of_a_pattern_come_last)
{
	static const char *const traps[] = {
		"http://a.test/cal?date=2024-01-%d",
		"http://a.test/%d/01/02/",
		"http://a.test/view;sid=%08d",
		"http://a.test/p?sid=ab0123456789abcdef%d",
		"http://a.test/list?a=%d&b=%d&c=%d",
		"http://a.test/item%d.html",
	};

	for (size_t i = 0; i < ARRAY_LEN(traps); i++) {
		struct fixture x;
		struct frontier_trap trap;
		char line[FRONTIER_NEWS];
		struct order o;

		fixture_init(&x);
		x.config.host.trap_pattern_max = 50;
		o = begin(&x);
		ck_assert_int_eq(offer_many(&x, &o, traps[i], 60), 60);
		ck_assert_int_eq(fixture_offer(&x, &o, "http://a.test/word"),
		    1);
		fixture_commit(&x);
		ck_assert_msg(fixture_totals(&x).late == 10, "%s: %d late",
		    traps[i], (int)fixture_totals(&x).late);
		ck_assert(frontier_news(x.f, line));
		ck_assert_ptr_nonnull(strstr(line, "http://a.test"));
		frontier_traps(x.f, 0, &trap);
		ck_assert_uint_ge(trap.urls, 60);
		/* 50, the word, and only then the last ten. */
		for (int k = 0; k < 61; k++) {
			ck_assert(fixture_next(&x, &o));
			if (k == 50)
				ck_assert(
				    span_eq(o.url, SPAN("http://a.test/word")));
			ck_assert_int_eq(o.prio == 255, k > 50);
			fixture_settle(&x, &o, 200);
		}
		fixture_commit(&x);
		fixture_fini(&x);
	}
}
END_TEST

/* Parameters that are left out and added: each set of names is another
 * pattern, all of them are one more. */
START_TEST(permutations_of_a_query_are_one_pattern)
{
	struct fixture x;
	struct order o;
	int fresh = 0;

	fixture_init(&x);
	x.config.host.trap_pattern_max = 50;
	o = begin(&x);
	for (unsigned set = 1; set < 1 << 8; set++) {
		char url[200] = "http://a.test/shop?";

		for (unsigned i = 0; i < 8; i++) {
			if (set & 1u << i)
				sprintf(url + strlen(url), "&%c=1", 'a' + i);
		}
		fresh += fixture_offer(&x, &o, url);
	}
	ck_assert_int_eq(fresh, 255);
	fixture_commit(&x);
	/* Eight of them have one parameter only. */
	ck_assert_uint_eq(fixture_totals(&x).late, 255 - 8 - 50);
	fixture_fini(&x);
}
END_TEST

/* A session in every link of a site, whatever its pages are called. */
START_TEST(a_session_in_every_link_is_one_pattern)
{
	struct fixture x;
	struct order o;

	fixture_init(&x);
	x.config.host.trap_pattern_max = 50;
	o = begin(&x);
	for (int i = 0; i < 100; i++) {
		char url[200];

		snprintf(url, sizeof(url),
		    "http://a.test/%c%c/page?s=0123456789abcdef%04x",
		    'a' + i % 26, 'a' + i / 26, i);
		ck_assert_int_eq(fixture_offer(&x, &o, url), 1);
	}
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).late, 50);
	ck_assert(span_eq(only_trap(&x).pattern, SPAN("*?s=X")));
	fixture_fini(&x);
}
END_TEST

START_TEST(a_large_honest_site_loses_nothing)
{
	struct fixture x;
	struct order o;
	int n = 0;

	fixture_init(&x);
	x.config.host.host_max_pages = 0;
	o = begin(&x);
	ck_assert_int_eq(offer_many(&x, &o, "http://a.test/article/%d", 5000),
	    5000);
	ck_assert_int_eq(offer_many(&x, &o, "http://a.test/list?page=%d", 3000),
	    3000);
	fixture_settle(&x, &o, 200);
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).refused[REFUSED_TRAP], 0);
	ck_assert_uint_eq(fixture_totals(&x).late, 4000 + 2000);
	ck_assert_uint_eq(fixture_totals(&x).traps, 2);
	for (; n < 8000 && frontier_next(x.f, x.now, &o) == 1; n++) {
		struct capture capture = fixture_capture(&x, 200);

		o = fixture_keep(&x, &o);
		frontier_slot_end(x.f, &o, &capture, x.now);
		ck_assert_int_eq(frontier_settle(x.f, &o, &capture,
				     (struct decision){ VERDICT_DONE, 0 },
				     x.now),
		    0);
		if (n % 500 == 0)
			fixture_commit(&x);
	}
	fixture_commit(&x);
	ck_assert_int_eq(n, 8000);
	ck_assert(frontier_finished(x.f));
	fixture_fini(&x);
}
END_TEST

START_TEST(the_cap_ends_a_pattern_and_nothing_else)
{
	struct fixture x;
	struct order o;

	fixture_init(&x);
	x.config.host.trap_pattern_max = 10;
	x.config.host.trap_pattern_cap = 30;
	o = begin(&x);
	ck_assert_int_eq(offer_many(&x, &o, "http://a.test/n/%d", 100), 30);
	ck_assert_int_eq(offer_many(&x, &o, "http://a.test/m/%d", 5), 5);
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).refused[REFUSED_TRAP], 70);
	ck_assert_uint_eq(only_trap(&x).refused, 70);
	ck_assert_uint_eq(only_trap(&x).urls, 30);
	fixture_fini(&x);
}
END_TEST

/* The news of a closed pattern, of one that comes last alone left out. */
static int
told_closed(struct fixture *x, uint64_t urls)
{
	char line[FRONTIER_NEWS], has[40];
	int n = 0;

	snprintf(has, sizeof(has), "http://a.test has %d URLs", (int)urls);
	while (frontier_news(x->f, line)) {
		if (strstr(line, "trap_pattern_cap") == NULL)
			continue;
		n++;
		ck_assert_ptr_nonnull(strstr(line, has));
		ck_assert_ptr_nonnull(strstr(line, "/n/N"));
		ck_assert_ptr_nonnull(strstr(line, "trap --release "));
	}
	return n;
}

START_TEST(a_pattern_that_reaches_its_cap_is_closed_and_told_of_once)
{
	static const uint64_t most[] = { 10, 30, 0 };

	for (size_t i = 0; i < ARRAY_LEN(most); i++) {
		struct fixture x;
		struct frontier_trap trap;
		struct order o;

		fixture_init(&x);
		x.config.host.trap_pattern_max = most[i];
		x.config.host.trap_pattern_cap = 30;
		o = begin(&x);
		offer_many(&x, &o, "http://a.test/n/%d", 29);
		ck_assert_int_eq(told_closed(&x, 0), 0);
		offer_many(&x, &o, "http://a.test/n/%d", 30);
		ck_assert_int_eq(told_closed(&x, 30), 1);
		offer_many(&x, &o, "http://a.test/n/%d", 40);
		ck_assert_int_eq(told_closed(&x, 30), 0);
		fixture_commit(&x);
		ck_assert_uint_eq(only_trap(&x).closed, TRAP_CLOSED_CAP);
		ck_assert_uint_eq(fixture_totals(&x).traps_closed, 1);
		ck_assert_int_eq(frontier_trap_set(x.f, only_trap(&x).id, true,
				     &trap),
		    1);
		ck_assert_uint_eq(trap.closed, TRAP_OPEN);
		fixture_commit(&x);
		ck_assert_uint_eq(fixture_totals(&x).traps_closed, 0);
		ck_assert_int_eq(frontier_trap_set(x.f, trap.id, false, &trap),
		    1);
		ck_assert_uint_eq(trap.closed, TRAP_CLOSED_CAP);
		fixture_commit(&x);
		fixture_reopen(&x);
		ck_assert_uint_eq(fixture_totals(&x).traps_closed, 1);
		ck_assert_int_eq(told_closed(&x, 30), 0);
		fixture_fini(&x);
	}
}
END_TEST

START_TEST(a_cap_that_is_lowered_between_runs_is_told_of)
{
	struct fixture x;
	struct order o;

	fixture_init(&x);
	x.config.host.trap_pattern_max = 10;
	o = begin(&x);
	offer_many(&x, &o, "http://a.test/n/%d", 30);
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).traps_closed, 0);
	x.config.host.trap_pattern_cap = 20;
	fixture_reopen(&x);
	ck_assert_int_eq(told_closed(&x, 30), 1);
	ck_assert_uint_eq(only_trap(&x).closed, TRAP_CLOSED_CAP);
	fixture_fini(&x);
}
END_TEST

START_TEST(a_pattern_is_remembered_and_released_for_good)
{
	struct fixture x;
	struct frontier_trap trap;
	struct order o;
	uint64_t id;

	fixture_init(&x);
	x.config.host.trap_pattern_max = 10;
	x.config.host.trap_pattern_cap = 30;
	o = begin(&x);
	ck_assert_int_eq(offer_many(&x, &o, "http://a.test/n/%d", 30), 30);
	fixture_commit(&x);
	fixture_reopen(&x);
	ck_assert_int_eq(frontier_adopt(x.f, &o, x.now), 0);
	trap = only_trap(&x);
	id = trap.id;
	ck_assert_uint_eq(trap.urls, 30);
	ck_assert(span_eq(trap.pattern, SPAN("/n/N")));
	ck_assert(span_eq(trap.host, SPAN("http://a.test")));
	ck_assert(span_eq(trap.example, SPAN("http://a.test/n/9")));
	ck_assert_uint_eq(fixture_totals(&x).traps, 1);
	ck_assert_int_eq(fixture_offer(&x, &o, "http://a.test/n/100"), 0);

	ck_assert_int_eq(frontier_trap_set(x.f, id + 1, true, &trap), -ENOENT);
	ck_assert_int_eq(frontier_trap_set(x.f, id, true, &trap), 1);
	ck_assert_int_eq(frontier_trap_set(x.f, id, true, &trap), 0);
	ck_assert_int_eq(fixture_offer(&x, &o, "http://a.test/n/100"), 1);
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).traps, 0);
	ck_assert_uint_eq(fixture_totals(&x).late, 20);
	fixture_reopen(&x);
	ck_assert_int_eq(frontier_adopt(x.f, &o, x.now), 0);
	ck_assert(only_trap(&x).released);
	ck_assert_int_eq(fixture_offer(&x, &o, "http://a.test/n/101"), 1);
	ck_assert_int_eq(frontier_trap_set(x.f, id, false, &trap), 1);
	ck_assert_int_eq(fixture_offer(&x, &o, "http://a.test/n/102"), 0);
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).traps, 1);
	fixture_fini(&x);
}
END_TEST

/* A session in each link: the pages are the same, so no more are wanted. */
START_TEST(a_pattern_whose_pages_are_the_same_is_closed)
{
	struct fixture x;
	struct frontier_trap trap;
	char line[FRONTIER_NEWS];
	struct order o, page = { .lap = 0 };

	fixture_init(&x);
	x.config.host.trap_pattern_max = 10;
	o = begin(&x);
	ck_assert_int_eq(offer_many(&x, &o, "http://a.test/p?s=%d", 10), 10);
	ck_assert_int_eq(offer_many(&x, &o, "http://a.test/q?n=%d", 10), 10);
	while (frontier_news(x.f, line))
		;
	page.site64 = o.site64;
	for (int i = 0; i < 110; i++) {
		char digest[32];

		page.url = SPAN("http://a.test/p?s=1");
		snprintf(digest, sizeof(digest), "sha1:%d", i % 7 ? 1 : i);
		ck_assert(!frontier_news(x.f, line) || i > 100);
		frontier_digest(x.f, &page, span_from(digest));
		/* Of the other each page is another. */
		page.url = SPAN("http://a.test/q?n=1");
		snprintf(digest, sizeof(digest), "sha1:%d", i);
		frontier_digest(x.f, &page, span_from(digest));
	}
	ck_assert_int_eq(fixture_offer(&x, &o, "http://a.test/p?s=a"), 1);
	x.config.host.trap_pattern_same = 60;
	ck_assert_int_eq(fixture_offer(&x, &o, "http://a.test/p?s=b"), 0);
	ck_assert_int_eq(fixture_offer(&x, &o, "http://a.test/q?n=b"), 1);
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).refused[REFUSED_TRAP], 1);
	/* After a restart as well, until a person says otherwise. */
	fixture_reopen(&x);
	ck_assert_int_eq(frontier_adopt(x.f, &o, x.now), 0);
	ck_assert_int_eq(fixture_offer(&x, &o, "http://a.test/p?s=c"), 0);
	for (size_t i = 0; (i = frontier_traps(x.f, i, &trap)) > 0;)
		ck_assert_int_eq(frontier_trap_set(x.f, trap.id, true, &trap),
		    1);
	ck_assert_int_eq(fixture_offer(&x, &o, "http://a.test/p?s=c"), 1);
	fixture_fini(&x);
}
END_TEST

START_TEST(a_pattern_that_is_closed_is_told_of_once)
{
	struct fixture x;
	char line[FRONTIER_NEWS];
	struct order o, page = { .url = SPAN("http://a.test/p?s=1") };
	int told = 0;

	fixture_init(&x);
	x.config.host.trap_pattern_max = 10;
	o = begin(&x);
	offer_many(&x, &o, "http://a.test/p?s=%d", 10);
	ck_assert(frontier_news(x.f, line));
	page.site64 = o.site64;
	for (int i = 0; i < 300; i++) {
		frontier_digest(x.f, &page, SPAN("sha1:the same"));
		if (frontier_news(x.f, line)) {
			told++;
			ck_assert_int_eq(i, 99);
			ck_assert_ptr_nonnull(strstr(line, "/p?s"));
		}
	}
	ck_assert_int_eq(told, 1);
	ck_assert_uint_eq(only_trap(&x).closed, TRAP_CLOSED_SAME);
	/* Pages that differ may open it, and others close it again. */
	for (int i = 0; i < 60; i++) {
		char digest[32];

		snprintf(digest, sizeof(digest), "sha1:%d", i);
		frontier_digest(x.f, &page, span_from(digest));
	}
	ck_assert_uint_eq(only_trap(&x).closed, TRAP_OPEN);
	for (int i = 0; i < 500; i++)
		frontier_digest(x.f, &page, SPAN("sha1:the same"));
	ck_assert_uint_eq(only_trap(&x).closed, TRAP_CLOSED_SAME);
	ck_assert(!frontier_news(x.f, line));
	fixture_fini(&x);
}
END_TEST

/* A larger number in the next run, or for one host, makes it one of many. */
START_TEST(the_number_is_a_setting_of_each_host)
{
	struct fixture x;
	struct order o;

	fixture_init(&x);
	x.config.host.trap_pattern_max = 10;
	o = begin(&x);
	ck_assert_int_eq(offer_many(&x, &o, "http://a.test/n/%d", 15), 15);
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).late, 5);
	fixture_close(&x);
	x.config.host.trap_pattern_max = 20;
	fixture_open(&x);
	ck_assert_int_eq(frontier_adopt(x.f, &o, x.now), 0);
	ck_assert_int_eq(offer_many(&x, &o, "http://a.test/n/1%03d", 15), 15);
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).late, 5 + 10);
	fixture_close(&x);
	ck_assert_int_eq(config_set(&x.config, "host",
			     "a.test: trap_pattern_max = 0", NULL),
	    0);
	ck_assert_int_eq(config_set(&x.config, "host",
			     "a.test: max_path_repeat = 0", NULL),
	    0);
	fixture_open(&x);
	ck_assert_int_eq(frontier_adopt(x.f, &o, x.now), 0);
	ck_assert_int_eq(offer_many(&x, &o, "http://a.test/n/2%03d", 15), 15);
	ck_assert_int_eq(fixture_offer(&x, &o, "http://a.test/x/x/x"), 1);
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).late, 15);
	fixture_fini(&x);
}
END_TEST

/* Last stays last: after a retry, and when an order is adopted. */
START_TEST(a_url_that_comes_last_does_so_after_a_retry)
{
	struct fixture x;
	struct order o, late;

	fixture_init(&x);
	x.config.host.trap_pattern_max = 1;
	o = begin(&x);
	ck_assert_int_eq(offer_many(&x, &o, "http://a.test/n/%d", 2), 2);
	fixture_settle(&x, &o, 200);
	o = fixture_expect(&x, "http://a.test/n/0");
	fixture_settle(&x, &o, 200);
	late = fixture_expect(&x, "http://a.test/n/1");
	ck_assert_int_eq(late.prio, 255);
	fixture_commit(&x);
	fixture_reopen(&x);
	ck_assert_int_eq(frontier_adopt(x.f, &late, x.now), 0);
	fixture_settle(&x, &late, 500);
	fixture_commit(&x);
	x.now += 60000;
	late = fixture_expect(&x, "http://a.test/n/1");
	ck_assert_int_eq(late.prio, 255);
	ck_assert_uint_eq(fixture_totals(&x).late, 1);
	fixture_fini(&x);
}
END_TEST

TEST_MAIN("frontier_trap",
    a_pattern_that_reaches_its_cap_is_closed_and_told_of_once,
    a_cap_that_is_lowered_between_runs_is_told_of,
    links_of_a_trapped_shape_are_refused_and_counted,
    more_urls_of_a_pattern_come_last, permutations_of_a_query_are_one_pattern,
    a_session_in_every_link_is_one_pattern, a_large_honest_site_loses_nothing,
    the_cap_ends_a_pattern_and_nothing_else,
    a_pattern_is_remembered_and_released_for_good,
    a_pattern_whose_pages_are_the_same_is_closed,
    a_pattern_that_is_closed_is_told_of_once,
    the_number_is_a_setting_of_each_host,
    a_url_that_comes_last_does_so_after_a_retry)
