#include "lib/frontier/rows.h"
#include "tests/lib/frontier_fixture.h"

static void
robots_init(struct fixture *x)
{
	fixture_init(x);
	x->config.host.robots = CONFIG_ROBOTS_OBEY;
}

/* To the moment at which something is due; the test fails when nothing is. */
static void
wait_for_it(struct fixture *x)
{
	int64_t due = frontier_due_ms(x->f, x->now);

	ck_assert_int_ne(due, INT64_MAX);
	if (due > x->now)
		x->now = due;
}

START_TEST(robots_come_first_and_are_obeyed)
{
	struct fixture x;
	struct order o;

	robots_init(&x);
	x.config.host.host_concurrency = 4;
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/private/1");
	fixture_seed(&x, "http://a.test/2");
	o = fixture_expect(&x, "http://a.test/robots.txt");
	ck_assert_int_eq(o.kind, ORDER_ROBOTS);
	ck_assert_uint_eq(o.for_site64, o.site64);
	/* Nothing else before its answer, be there slots or not. */
	x.now += 100000;
	fixture_expect_none(&x);
	ck_assert_int_eq(frontier_due_ms(x.f, x.now), INT64_MAX);
	fixture_settle_robots(&x, &o, 200,
	    "User-agent: *\nDisallow: /private\nCrawl-delay: 7\n");
	/* Its own fetch counts, with the delay that it asks for. */
	x.now += 6999;
	fixture_expect_none(&x);
	x.now += 1;
	o = fixture_expect(&x, "http://a.test/private/1");
	ck_assert_int_eq(o.reason, REASON_ROBOTS_DENIED);
	/* That was no request: it takes no slot, and no time. */
	o = fixture_expect(&x, "http://a.test/2");
	ck_assert_int_eq(o.reason, REASON_NONE);
	ck_assert_uint_eq(o.delay_ms, 7000);
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).robots_fetched, 1);
	/* Robots orders are not of the sum. */
	ck_assert_uint_eq(fixture_totals(&x).admitted, 2);
	fixture_fini(&x);
}
END_TEST

START_TEST(robots_limits_are_those_of_the_rfc)
{
	struct fixture x;
	struct err err = ERR_NONE;

	robots_init(&x);
	/* RFC 9309, 2.4: no longer than 24 hours; 2.5: 500 KiB at the least. */
	ck_assert_int_eq(x.config.host.robots_ttl_ms, 24 * 3600 * 1000);
	ck_assert_int_eq(config_set(&x.config, "robots_ttl", "25h", &err),
	    -ERANGE);
	ck_assert_uint_eq(x.config.robots_max_bytes, 512 << 10);
	ck_assert_int_eq(config_set(&x.config, "robots_max_bytes", "499K",
			     &err),
	    -ERANGE);
	fixture_fini(&x);
}
END_TEST

START_TEST(rules_are_kept_until_they_expire)
{
	struct fixture x;
	struct order o;

	robots_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/no");
	o = fixture_expect(&x, "http://a.test/robots.txt");
	fixture_settle_robots(&x, &o, 200, "User-agent: *\nDisallow: /no\n");
	fixture_commit(&x);
	fixture_reopen(&x);
	x.now += 1000;
	o = fixture_expect(&x, "http://a.test/no");
	ck_assert_int_eq(o.reason, REASON_ROBOTS_DENIED);
	fixture_settle(&x, &o, 0);
	fixture_commit(&x);
	fixture_seed(&x, "http://a.test/no2");
	x.now += x.config.host.robots_ttl_ms;
	o = fixture_expect(&x, "http://a.test/robots.txt");
	/* An outage: the old rules stand. */
	fixture_settle_robots(&x, &o, 500, "");
	x.now += 1000;
	o = fixture_expect(&x, "http://a.test/no2");
	ck_assert_int_eq(o.reason, REASON_ROBOTS_DENIED);
	fixture_settle(&x, &o, 0);
	fixture_seed(&x, "http://a.test/no3");
	fixture_commit(&x);
	x.now += 30000;
	o = fixture_expect(&x, "http://a.test/robots.txt");
	fixture_settle_robots(&x, &o, 404, "");
	x.now += 1000;
	o = fixture_expect(&x, "http://a.test/no3");
	ck_assert_int_eq(o.reason, REASON_NONE);
	fixture_fini(&x);
}
END_TEST

START_TEST(rules_that_change_are_the_new_ones)
{
	struct fixture x;
	struct order o;

	robots_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/no/1");
	o = fixture_expect(&x, "http://a.test/robots.txt");
	fixture_settle_robots(&x, &o, 200, "User-agent: *\nDisallow: /no\n");
	fixture_commit(&x);
	x.now += 1000;
	o = fixture_expect(&x, "http://a.test/no/1");
	ck_assert_int_eq(o.reason, REASON_ROBOTS_DENIED);
	x.now += x.config.host.robots_ttl_ms;
	fixture_seed(&x, "http://a.test/no/2");
	fixture_seed(&x, "http://a.test/yes");
	o = fixture_expect(&x, "http://a.test/robots.txt");
	fixture_settle_robots(&x, &o, 200, "User-agent: *\nDisallow: /yes\n");
	x.now += 1000;
	o = fixture_expect(&x, "http://a.test/no/2");
	ck_assert_int_eq(o.reason, REASON_NONE);
	fixture_settle(&x, &o, 200);
	x.now += 1000;
	o = fixture_expect(&x, "http://a.test/yes");
	ck_assert_int_eq(o.reason, REASON_ROBOTS_DENIED);
	fixture_fini(&x);
}
END_TEST

START_TEST(a_site_without_an_answer_is_given_up)
{
	struct fixture x;
	struct order o;
	int asked = 0;

	robots_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/1");
	fixture_seed(&x, "http://a.test/2");
	for (;;) {
		wait_for_it(&x);
		if (!fixture_next(&x, &o))
			continue;
		if (o.kind == ORDER_PAGE)
			break;
		asked++;
		fixture_settle_robots(&x, &o, 500, "");
		fixture_commit(&x);
		if (asked == 2)
			fixture_reopen(&x);
	}
	/* At 0, 30 s, 5.5 min, 35.5 min, 65.5 min. */
	ck_assert_int_eq(asked, 5);
	ck_assert_int_eq(x.now - FIXTURE_START, 3930000);
	ck_assert_int_eq(o.reason, REASON_ROBOTS_UNREACHABLE);
	fixture_settle(&x, &o, 0);
	o = fixture_expect(&x, "http://a.test/2");
	ck_assert_int_eq(o.reason, REASON_ROBOTS_UNREACHABLE);
	fixture_settle(&x, &o, 0);
	fixture_commit(&x);
	ck_assert(frontier_finished(x.f));
	ck_assert_uint_eq(fixture_totals(&x).excluded, 2);
	/* A seed that is new asks again. */
	x.now += 3600000;
	fixture_seed(&x, "http://a.test/3");
	fixture_expect(&x, "http://a.test/robots.txt");
	fixture_fini(&x);
}
END_TEST

static void
redirect_robots(struct fixture *x, const struct order *o, const char *to)
{
	struct capture c = fixture_capture(x, 301);

	c.location = span_from(to);
	frontier_slot_end(x->f, o, &c, x->now);
	ck_assert_int_eq(frontier_settle_robots(x->f, o, &c, SPAN_NONE, x->now),
	    0);
	/* The next may be of the same site: not before the commit. */
	fixture_commit(x);
}

START_TEST(robots_follow_redirects_by_the_clock_of_each_host)
{
	struct fixture x;
	struct order o, page;
	uint64_t asker;

	robots_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/no");
	fixture_seed(&x, "http://b.test/");
	o = fixture_expect(&x, "http://a.test/robots.txt");
	asker = o.site64;
	page = fixture_expect(&x, "http://b.test/robots.txt");
	x.now += 100;
	/* What the redirect says to all the world is no password of ours. */
	redirect_robots(&x, &o, "http://me:secret@b.test/r.txt");
	/* The slot of b is taken; then its delay runs. */
	x.now += 5000;
	fixture_expect_none(&x);
	fixture_settle_robots(&x, &page, 404, "");
	x.now += 999;
	fixture_expect_none(&x);
	x.now += 1;
	o = fixture_expect(&x, "http://b.test/r.txt");
	ck_assert_uint_eq(o.for_site64, asker);
	ck_assert_uint_ne(o.site64, asker);
	ck_assert_int_eq(o.hops, 1);
	fixture_settle_robots(&x, &o, 200, "User-agent: *\nDisallow: /no\n");
	o = fixture_expect(&x, "http://a.test/no");
	ck_assert_int_eq(o.reason, REASON_ROBOTS_DENIED);
	fixture_fini(&x);
}
END_TEST

/* The answer to `o`, as it stands in `capture`, with these rules. */
static void
answer_robots(struct fixture *x, const struct order *o,
    const struct capture *capture, const char *text)
{
	struct buf rules;

	buf_init(&rules, 1 << 20);
	ck_assert_int_eq(robots_compile(span_from(text), SPAN("mpcrawl"),
			     &rules),
	    0);
	frontier_slot_end(x->f, o, capture, x->now);
	ck_assert_int_eq(frontier_settle_robots(x->f, o, capture,
			     buf_span(&rules), x->now),
	    0);
	buf_fini(&rules);
	fixture_commit(x);
}

START_TEST(redirected_robots_answer_for_the_asker_alone)
{
	struct fixture x;
	struct order o;

	robots_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/x");
	o = fixture_expect(&x, "http://a.test/robots.txt");
	redirect_robots(&x, &o, "http://c.test/robots.txt");
	o = fixture_expect(&x, "http://c.test/robots.txt");
	redirect_robots(&x, &o, "http://b.test/robots.txt");
	o = fixture_expect(&x, "http://b.test/robots.txt");
	fixture_settle_robots(&x, &o, 200, "User-agent: *\nDisallow: /\n");
	fixture_commit(&x);
	/* It was b's own file; and yet b is asked on its own account. */
	x.now += 1000;
	o = fixture_expect(&x, "http://a.test/x");
	ck_assert_int_eq(o.reason, REASON_ROBOTS_DENIED);
	fixture_settle(&x, &o, 0);
	fixture_seed(&x, "http://b.test/x");
	x.now += 1000;
	o = fixture_expect(&x, "http://b.test/robots.txt");
	ck_assert_uint_eq(o.for_site64, o.site64);
	fixture_settle_robots(&x, &o, 404, "");
	x.now += 1000;
	o = fixture_expect(&x, "http://b.test/x");
	ck_assert_int_eq(o.reason, REASON_NONE);
	/* Other rules for another port, another scheme. */
	fixture_seed(&x, "https://a.test/x");
	fixture_seed(&x, "http://a.test:8080/x");
	o = fixture_expect(&x, "https://a.test/robots.txt");
	fixture_settle_robots(&x, &o, 404, "");
	x.now += 1000;
	fixture_expect(&x, "http://a.test:8080/robots.txt");
	fixture_fini(&x);
}
END_TEST

START_TEST(robots_redirects_to_nowhere_are_as_if_not_there)
{
	static const char *const targets[] = { "", "nonsense", "ftp://a.test/r",
		"mailto:a@b", "http://" };

	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		struct fixture x;
		struct order o;

		robots_init(&x);
		fixture_open(&x);
		fixture_seed(&x, "http://a.test/x");
		o = fixture_expect(&x, "http://a.test/robots.txt");
		redirect_robots(&x, &o, targets[i]);
		wait_for_it(&x);
		o = fixture_expect(&x, "http://a.test/x");
		ck_assert_int_eq(o.reason, REASON_NONE);
		fixture_fini(&x);
	}
}
END_TEST

START_TEST(robots_mean_what_their_status_says)
{
	static const struct {
		int status;
		bool allowed, asked_again;
	} cases[] = { { 200, false, false }, { 203, false, false },
		{ 206, false, false }, { 304, true, false },
		{ 400, true, false }, { 401, true, false },
		{ 403, true, false }, { 404, true, false },
		{ 410, true, false }, { 451, true, false },
		{ 429, false, true }, { 500, false, true },
		{ 503, false, true }, { 0, false, true } };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fixture x;
		struct capture c;
		struct order o;

		robots_init(&x);
		fixture_open(&x);
		fixture_seed(&x, "http://a.test/no");
		o = fixture_expect(&x, "http://a.test/robots.txt");
		c = fixture_capture(&x, cases[i].status);
		answer_robots(&x, &o, &c, "User-agent: *\nDisallow: /no\n");
		wait_for_it(&x);
		if (cases[i].asked_again) {
			fixture_expect(&x, "http://a.test/robots.txt");
		} else {
			o = fixture_expect(&x, "http://a.test/no");
			ck_assert_msg((o.reason == REASON_NONE) ==
					  cases[i].allowed,
			    "%d", cases[i].status);
		}
		fixture_fini(&x);
	}
}
END_TEST

START_TEST(robots_that_were_interrupted_are_asked_for_again)
{
	/* clang-format off */
	static const struct {
		enum truncated truncated;
		bool asked_again;
	} cases[] = {
		{ TRUNCATED_LENGTH, false },    /* robots_max_bytes */
		{ TRUNCATED_DECODED, false },
		{ TRUNCATED_DISCONNECT, true },
		{ TRUNCATED_TIME, true },
		{ TRUNCATED_MEMORY, true },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fixture x;
		struct capture c;
		struct order o;

		robots_init(&x);
		fixture_open(&x);
		fixture_seed(&x, "http://a.test/x");
		o = fixture_expect(&x, "http://a.test/robots.txt");
		c = fixture_capture(&x, 200);
		c.truncated = cases[i].truncated;
		/* "Disallow: /x" did not get through. */
		answer_robots(&x, &o, &c, "User-agent: *\n");
		wait_for_it(&x);
		o = fixture_expect(&x, cases[i].asked_again
					   ? "http://a.test/robots.txt"
					   : "http://a.test/x");
		fixture_fini(&x);
	}
}
END_TEST

START_TEST(robots_wait_as_long_as_their_host_asks)
{
	struct fixture x;
	struct capture c;
	struct order o;

	robots_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/x");
	o = fixture_expect(&x, "http://a.test/robots.txt");
	c = fixture_capture(&x, 429);
	c.retry_after_ms = 3600 * 1000;
	answer_robots(&x, &o, &c, "");
	x.now += 3600 * 1000 - 1;
	fixture_expect_none(&x);
	/* Jitter goes upwards, and a little of it may be on top. */
	wait_for_it(&x);
	ck_assert_int_ge(x.now, FIXTURE_START + 3600 * 1000);
	o = fixture_expect(&x, "http://a.test/robots.txt");
	fixture_settle_robots(&x, &o, 200, "");
	wait_for_it(&x);
	o = fixture_expect(&x, "http://a.test/x");
	ck_assert_int_eq(o.reason, REASON_NONE);
	fixture_fini(&x);
}
END_TEST

START_TEST(robots_redirects_end_after_five)
{
	struct fixture x;
	struct order o = { .lap = 0 };

	robots_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	for (int i = 0; i <= 5; i++) {
		wait_for_it(&x);
		ck_assert(fixture_next(&x, &o));
		ck_assert_int_eq(o.kind, ORDER_ROBOTS);
		ck_assert_int_eq(o.hops, i);
		redirect_robots(&x, &o,
		    i % 2 ? "http://a.test/robots.txt" : "http://c.test/x");
	}
	/* Then it counts as not there. */
	wait_for_it(&x);
	o = fixture_expect(&x, "http://a.test/");
	ck_assert_int_eq(o.reason, REASON_NONE);
	fixture_fini(&x);
}
END_TEST

START_TEST(broken_rules_and_lost_answers_allow_nothing)
{
	struct fixture x;
	struct order o;
	struct capture c;

	robots_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	o = fixture_expect(&x, "http://a.test/robots.txt");
	c = fixture_capture(&x, 200);
	ck_assert_int_eq(frontier_settle_robots(x.f, &o, &c,
			     SPAN("not a block of rules"), x.now),
	    0);
	x.now += 30000;
	/* Never two of one site on the conveyor. */
	fixture_expect_none(&x);
	fixture_commit(&x);
	o = fixture_expect(&x, "http://a.test/robots.txt");
	ck_assert_int_eq(frontier_settle_robots(x.f, &o, NULL, SPAN_NONE,
			     x.now),
	    0);
	fixture_commit(&x);
	x.now += 299999;
	fixture_expect_none(&x);
	x.now += 1;
	/* One that comes back is asked for again. */
	o = fixture_expect(&x, "http://a.test/robots.txt");
	o.attempts = 2;
	frontier_come_back(x.f, &o, x.now);
	fixture_balances(&x);
	fixture_expect_none(&x);
	x.now += 1000;
	o = fixture_expect(&x, "http://a.test/robots.txt");
	ck_assert_int_eq(o.attempts, 2);
	fixture_settle_robots(&x, &o, 200, "");
	x.now += 1000;
	fixture_expect(&x, "http://a.test/");
	fixture_fini(&x);
}
END_TEST

/* The site's rules in the store, spoilt in their first byte or taken away. */
static void
spoil_rules(struct fixture *x, uint64_t site64, bool take_away)
{
	struct row_key key = row_key1(site64);
	struct err err = ERR_NONE;
	struct store *store;
	struct buf rules;

	fixture_close(x);
	ck_assert_int_eq(store_open(x->dir, 8 << 20, &store, &err), 0);
	buf_init(&rules, 1 << 20);
	ck_assert_int_eq(store_get(store, STORE_ROBOTS, row_key_span(&key),
			     &rules),
	    1);
	rules.ptr[0] ^= 1;
	if (take_away)
		store_delete(store, STORE_ROBOTS, row_key_span(&key));
	else
		store_put(store, STORE_ROBOTS, row_key_span(&key),
		    buf_span(&rules));
	ck_assert_int_eq(store_commit(store, &err), 0);
	buf_fini(&rules);
	store_close(store);
	fixture_open(x);
}

START_TEST(rules_that_cannot_be_read_are_asked_for_again)
{
	for (int take_away = 0; take_away < 2; take_away++) {
		struct fixture x;
		struct order o;

		robots_init(&x);
		fixture_open(&x);
		fixture_seed(&x, "http://a.test/no/1");
		o = fixture_expect(&x, "http://a.test/robots.txt");
		fixture_settle_robots(&x, &o, 200,
		    "User-agent: *\nDisallow: /no\n");
		fixture_commit(&x);
		spoil_rules(&x, o.site64, take_away);
		/* Not the page: nobody knows whether it may be fetched. */
		x.now += 1000;
		o = fixture_expect(&x, "http://a.test/robots.txt");
		fixture_settle_robots(&x, &o, 200,
		    "User-agent: *\nDisallow: /no\n");
		x.now += 1000;
		o = fixture_expect(&x, "http://a.test/no/1");
		ck_assert_int_eq(o.reason, REASON_ROBOTS_DENIED);
		fixture_settle(&x, &o, 0);
		fixture_commit(&x);
		fixture_fini(&x);
	}
}
END_TEST

START_TEST(rules_outlive_the_delay_of_their_host)
{
	struct fixture x;
	struct order o;
	int asked = 0, pages = 0;

	/* Answered once, then out: the old rules serve page after page. */
	robots_init(&x);
	x.config.host.host_delay_ms = 2 * 3600 * 1000;
	x.config.host.robots_ttl_ms = 60 * 1000;
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/1");
	fixture_seed(&x, "http://a.test/2");
	fixture_seed(&x, "http://a.test/3");
	while (!frontier_finished(x.f)) {
		wait_for_it(&x);
		x.now += 50; /* late, as in life */
		if (!fixture_next(&x, &o))
			continue;
		if (o.kind == ORDER_ROBOTS) {
			fixture_settle_robots(&x, &o, asked++ ? 500 : 404, "");
		} else {
			ck_assert_int_eq(o.reason, REASON_NONE);
			fixture_settle(&x, &o, 200);
			pages++;
		}
		fixture_commit(&x);
	}
	ck_assert_int_eq(pages, 3);
	ck_assert_int_eq(asked, 3);
	fixture_fini(&x);
}
END_TEST

START_TEST(a_guarded_site_is_asked_once_a_run)
{
	struct fixture x;
	struct order o;
	struct capture c;
	int asked = 0, pages = 0;

	robots_init(&x);
	x.config.host.host_delay_ms = 5000;
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/1");
	fixture_seed(&x, "http://a.test/2");
	while (!frontier_finished(x.f)) {
		wait_for_it(&x);
		if (!fixture_next(&x, &o))
			continue;
		c = fixture_capture(&x, 0);
		c.reason = REASON_BLOCKED_SSRF;
		frontier_slot_end(x.f, &o, &c, x.now);
		if (o.kind == ORDER_ROBOTS) {
			ck_assert_int_eq(++asked, 1);
			ck_assert_int_eq(frontier_settle_robots(x.f, &o, &c,
					     SPAN_NONE, x.now),
			    0);
		} else {
			pages++;
			ck_assert_int_eq(frontier_settle(x.f, &o, &c,
					     fixture_decide(&x, &o, &c), x.now),
			    0);
		}
		fixture_commit(&x);
	}
	ck_assert_int_eq(pages, 2);
	/* In another run the setting may be another. */
	fixture_seed(&x, "http://a.test/3");
	fixture_commit(&x);
	fixture_reopen(&x);
	x.now += 5000;
	fixture_expect(&x, "http://a.test/robots.txt");
	fixture_fini(&x);
}
END_TEST

START_TEST(a_robots_order_is_adopted)
{
	struct fixture x;
	struct order o;

	robots_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/no");
	fixture_commit(&x);
	o = fixture_expect(&x, "http://a.test/robots.txt");
	fixture_reopen(&x);
	ck_assert_int_eq(frontier_adopt(x.f, &o, x.now), 0);
	ck_assert_int_eq(frontier_adopt(x.f, &o, x.now), -EBADMSG);
	x.now += 5000;
	fixture_expect_none(&x);
	fixture_settle_robots(&x, &o, 200, "User-agent: *\nDisallow: /no\n");
	x.now += 1000;
	o = fixture_expect(&x, "http://a.test/no");
	ck_assert_int_eq(o.reason, REASON_ROBOTS_DENIED);
	fixture_fini(&x);

	/* The same when the page was new in the batch that is lost, and its
	 * order has been adopted or not. */
	robots_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	o = fixture_expect(&x, "http://a.test/robots.txt");
	fixture_reopen(&x);
	ck_assert_int_eq(frontier_adopt(x.f, &o, x.now), 0);
	fixture_seed(&x, "http://a.test/");
	x.now += 5000;
	fixture_expect_none(&x);
	fixture_settle_robots(&x, &o, 404, "");
	x.now += 1000;
	fixture_expect(&x, "http://a.test/");
	fixture_fini(&x);
}
END_TEST

/* The news, as far as they are of a delay; how many. */
static int
told_delay(struct fixture *x, const char *seconds)
{
	char line[FRONTIER_NEWS];
	int n = 0;

	while (frontier_news(x->f, line)) {
		ck_assert_ptr_nonnull(strstr(line, "http://a.test:81: "));
		ck_assert_ptr_nonnull(strstr(line, seconds));
		ck_assert_ptr_nonnull(strstr(line, "crawl_delay = ignore"));
		ck_assert_ptr_nonnull(strstr(line, "[host \"a.test:81\"]"));
		n++;
	}
	return n;
}

static void
answer_with_delay(struct fixture *x, const char *delay)
{
	char text[100];
	struct order o;

	wait_for_it(x);
	o = fixture_expect(x, "http://a.test:81/robots.txt");
	snprintf(text, sizeof(text), "User-agent: *\nCrawl-delay: %s\n", delay);
	fixture_settle_robots(x, &o, 200, text);
	fixture_commit(x);
	/* Its rules hold from the end of the delay on, for a day. */
	x->now += 2 * INT64_C(24) * 3600 * 1000;
}

START_TEST(a_long_crawl_delay_is_kept_and_told_of_once)
{
	struct fixture x;

	robots_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test:81/1");
	answer_with_delay(&x, "300");
	ck_assert_int_eq(told_delay(&x, ""), 0);
	answer_with_delay(&x, "301");
	ck_assert_int_eq(told_delay(&x, " 301 s"), 1);
	answer_with_delay(&x, "301");
	ck_assert_int_eq(told_delay(&x, ""), 0);
	/* A restart knows it, too. */
	fixture_reopen(&x);
	answer_with_delay(&x, "301");
	ck_assert_int_eq(told_delay(&x, ""), 0);
	answer_with_delay(&x, "90000");
	ck_assert_int_eq(told_delay(&x, " 86400 s"), 1);
	/* Nothing to tell of what is ours, or what we do not keep. */
	x.config.host.host_delay_ms = 500 * 1000;
	answer_with_delay(&x, "400");
	x.config.host.host_delay_ms = 0;
	x.config.host.crawl_delay = 1; /* ignore */
	answer_with_delay(&x, "350");
	ck_assert_int_eq(told_delay(&x, ""), 0);
	fixture_fini(&x);
}
END_TEST

TEST_MAIN("frontier_robots", a_long_crawl_delay_is_kept_and_told_of_once,
    robots_come_first_and_are_obeyed, robots_limits_are_those_of_the_rfc,
    rules_are_kept_until_they_expire, rules_that_change_are_the_new_ones,
    a_site_without_an_answer_is_given_up,
    robots_follow_redirects_by_the_clock_of_each_host,
    redirected_robots_answer_for_the_asker_alone,
    robots_redirects_to_nowhere_are_as_if_not_there,
    robots_mean_what_their_status_says,
    robots_that_were_interrupted_are_asked_for_again,
    robots_wait_as_long_as_their_host_asks, robots_redirects_end_after_five,
    broken_rules_and_lost_answers_allow_nothing,
    rules_that_cannot_be_read_are_asked_for_again,
    rules_outlive_the_delay_of_their_host, a_guarded_site_is_asked_once_a_run,
    a_robots_order_is_adopted)
