/*
 * Closed hosts: from the next order on, for good, each of their URLs recorded
 * once.
 */
#include "lib/frontier/block.h"
#include "lib/frontier/frontier.h"
#include "tests/lib/frontier_fixture.h"

/* --- patterns ------------------------------------------------------------ */

static void
reads(const char *text, const char *pattern)
{
	struct err err = ERR_NONE;
	struct buf out;
	int r;

	buf_init(&out, 1000);
	r = block_read(span_from(text), &out, &err);
	if (pattern == NULL)
		ck_assert_msg(r == -EINVAL && err.text[0] != '\0', "%s: %d",
		    text, r);
	else
		ck_assert_msg(r == 0 &&
				  span_eq(buf_span(&out), span_from(pattern)),
		    "%s: %d %.*s", text, r, SPAN_ARG(buf_span(&out)));
	buf_fini(&out);
}

START_TEST(a_pattern_is_a_host_as_urls_have_it)
{
	reads("example.org", "example.org");
	reads(" EXAMPLE.org. ", "example.org");
	reads("*.Example.org", "*.example.org");
	reads(".example.org", ".example.org");
	reads("https://example.org:8443/a?b", "example.org");
	reads("127.0.0.1", "127.0.0.1");
	reads("0x7f.1", "127.0.0.1");
	reads("[::1]", "[::1]");
	reads("localhost", "localhost");
	for (const char **bad = (const char *[]){ "", " ", "*", "*.", ".",
		 "a b", "example.org:80", "example.org:8080", "example.org/a",
		 "a@b", "example.org?x", "ftp://example.org", "ex*mple.org",
		 "http://ex*mple.org/", "a..%", "a..", NULL };
	     *bad != NULL; bad++)
		reads(*bad, NULL);
}
END_TEST

START_TEST(a_pattern_closes_what_it_says_and_no_other)
{
	static const struct {
		const char *pattern, *origin;
		bool closed;
	} cases[] = {
		{ "a.test", "http://a.test", true },
		{ "a.test", "https://a.test:8443", true },
		{ "a.test", "http://a.test.", true },
		{ "a.test", "http://b.a.test", false },
		{ "a.test", "http://ba.test", false },
		{ "a.test", "http://test", false },
		{ "*.a.test", "http://a.test", false },
		{ "*.a.test", "http://b.a.test", true },
		{ "*.a.test", "http://c.b.a.test:81", true },
		{ "*.a.test", "http://ba.test", false },
		{ ".a.test", "http://a.test", true },
		{ ".a.test", "http://c.b.a.test", true },
		{ ".a.test", "http://ba.test", false },
		{ "[::1]", "http://[::1]:8080", true },
		{ "[::1]", "http://[::1]", true },
		{ "[::1]", "http://[::11]", false },
		{ "10.0.0.1", "http://10.0.0.1:80", true },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct blocks blocks = BLOCKS_NONE;
		const char *found;

		ck_assert_int_eq(blocks_add(&blocks, SPAN("other.test")), 1);
		ck_assert_int_eq(blocks_add(&blocks,
				     span_from(cases[i].pattern)),
		    1);
		ck_assert_int_eq(blocks_add(&blocks,
				     span_from(cases[i].pattern)),
		    0);
		found = blocks_match(&blocks,
		    block_host(span_from(cases[i].origin)));
		ck_assert_msg((found != NULL) == cases[i].closed, "%s %s",
		    cases[i].pattern, cases[i].origin);
		ck_assert(blocks_remove(&blocks, span_from(cases[i].pattern)));
		ck_assert(!blocks_remove(&blocks, span_from(cases[i].pattern)));
		ck_assert_ptr_null(blocks_match(&blocks,
		    block_host(span_from(cases[i].origin))));
		blocks_fini(&blocks);
	}
}
END_TEST

/* --- a crawl ------------------------------------------------------------- */

static void
block(struct fixture *x, const char *pattern)
{
	ck_assert_int_eq(frontier_block(x->f, span_from(pattern), x->now), 1);
	fixture_balances(x);
}

/* The next order records that its host is closed. */
static struct order
expect_blocked(struct fixture *x, const char *url)
{
	struct order o = fixture_expect(x, url);

	ck_assert_int_eq(o.reason, REASON_HOST_BLOCKED);
	return o;
}

START_TEST(a_closed_hosts_urls_are_excluded_at_once_each_once)
{
	struct fixture x;
	struct order under_way, o;

	fixture_init(&x);
	x.config.host.host_concurrency = 2;
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/1");
	fixture_seed(&x, "http://a.test/2");
	fixture_seed(&x, "https://a.test:444/3");
	under_way = fixture_expect(&x, "http://a.test/1");
	x.now += 1000; /* one clock for both */
	o = fixture_expect(&x, "https://a.test:444/3");
	fixture_settle(&x, &o, 500); /* waits for another try */
	fixture_seed(&x, "http://b.test/");
	fixture_commit(&x);
	block(&x, "a.test");
	ck_assert_int_eq(frontier_due_ms(x.f, x.now), x.now);
	/* No clock, no wait: all of it now, and all else as it was. */
	for (int i = 0; i < 3; i++) {
		bool other;

		ck_assert(fixture_next(&x, &o));
		other = span_eq(o.url, SPAN("http://b.test/"));
		ck_assert_int_eq(o.reason,
		    other ? REASON_NONE : REASON_HOST_BLOCKED);
		fixture_settle(&x, &o, 200);
	}
	fixture_expect_none(&x);
	fixture_settle(&x, &under_way, 200);
	fixture_commit(&x);
	ck_assert(frontier_finished(x.f));
	ck_assert_uint_eq(fixture_totals(&x).done, 2);
	ck_assert_uint_eq(fixture_totals(&x).reasons[REASON_HOST_BLOCKED], 2);
	ck_assert_uint_eq(fixture_totals(&x).blocked, 1);
	fixture_fini(&x);
}
END_TEST

START_TEST(a_closed_host_stays_closed_after_a_kill)
{
	struct fixture x;
	struct order o;

	fixture_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/1");
	fixture_seed(&x, "http://a.test/2");
	fixture_commit(&x);
	block(&x, ".test");
	fixture_reopen(&x); /* before its commit: never said, never was */
	ck_assert_ptr_null(frontier_blocked(x.f, 0));
	block(&x, ".test");
	fixture_commit(&x);
	fixture_reopen(&x);
	ck_assert_str_eq(frontier_blocked(x.f, 0), ".test");
	ck_assert_ptr_null(frontier_blocked(x.f, 1));
	o = expect_blocked(&x, "http://a.test/1");
	/* On the conveyor when the next kill comes. */
	fixture_reopen(&x);
	ck_assert_int_eq(frontier_adopt(x.f, &o, x.now), 0);
	fixture_settle(&x, &o, 0);
	o = expect_blocked(&x, "http://a.test/2");
	fixture_settle(&x, &o, 0);
	fixture_commit(&x);
	ck_assert(frontier_finished(x.f));
	ck_assert_uint_eq(fixture_totals(&x).excluded, 2);
	fixture_fini(&x);
}
END_TEST

START_TEST(what_waits_for_a_closed_host_does_not_wait_after_a_kill_either)
{
	struct fixture x;
	struct order o;

	fixture_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	fixture_seed(&x, "http://b.test/");
	o = fixture_expect(&x, "http://a.test/");
	fixture_settle(&x, &o, 500);
	o = fixture_expect(&x, "http://b.test/");
	fixture_settle(&x, &o, 500);
	fixture_commit(&x);
	block(&x, "a.test");
	fixture_commit(&x);
	fixture_reopen(&x);
	o = expect_blocked(&x, "http://a.test/");
	fixture_settle(&x, &o, 0);
	/* The other one's wait is not cut short. */
	fixture_expect_none(&x);
	ck_assert_int_gt(frontier_due_ms(x.f, x.now), x.now);
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).queued, 1);
	fixture_fini(&x);
}
END_TEST

/* One that was under way when the host was closed is not tried again. */
START_TEST(no_retry_goes_to_a_closed_host)
{
	struct fixture x;
	struct order o;

	fixture_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	o = fixture_expect(&x, "http://a.test/");
	block(&x, "a.test");
	fixture_expect_none(&x); /* what waits has been looked for */
	fixture_settle(&x, &o, 500);
	fixture_commit(&x);
	o = expect_blocked(&x, "http://a.test/");
	fixture_settle(&x, &o, 0);
	fixture_commit(&x);
	ck_assert(frontier_finished(x.f));
	fixture_fini(&x);
}
END_TEST

START_TEST(an_order_of_a_closed_host_that_comes_back_is_not_given_again)
{
	struct fixture x;
	struct order o;

	fixture_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	o = fixture_expect(&x, "http://a.test/");
	block(&x, "a.test");
	frontier_come_back(x.f, &o, x.now);
	o = expect_blocked(&x, "http://a.test/");
	fixture_settle(&x, &o, 0);
	fixture_commit(&x);
	ck_assert(frontier_finished(x.f));
	fixture_fini(&x);
}
END_TEST

START_TEST(links_and_seeds_of_a_closed_host_are_refused_until_it_is_opened)
{
	struct fixture x;
	struct err err = ERR_NONE;
	struct order o;

	fixture_init(&x);
	x.config.scope = SCOPE_ANY;
	fixture_open(&x);
	fixture_seed(&x, "http://b.test/");
	o = fixture_expect(&x, "http://b.test/");
	ck_assert_int_eq(fixture_offer(&x, &o, "http://a.test/1"), 1);
	block(&x, "a.test");
	ck_assert_int_eq(fixture_offer(&x, &o, "http://a.test/2"), 0);
	ck_assert_int_eq(fixture_offer(&x, &o, "http://a.test/2"), 0);
	ck_assert_int_eq(frontier_offer(x.f, &o, SPAN("http://a.test/r"),
			     LINK_REDIRECT, 0, x.now),
	    0);
	ck_assert_int_eq(frontier_seed(x.f, SPAN("http://a.test/3"), x.now,
			     &err),
	    -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "unblock"));
	/* One that is known is no error: a start with the same words. */
	ck_assert_int_eq(frontier_seed(x.f, SPAN("http://a.test/1"), x.now,
			     &err),
	    0);
	/* What became of a link is remembered: not for longer than it holds. */
	ck_assert_int_eq(fixture_offer(&x, &o, "http://a.test/2"), 0);
	fixture_settle(&x, &o, 200);
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).refused[REFUSED_BLOCKED], 4);
	ck_assert_int_eq(frontier_unblock(x.f, SPAN("a.test"), x.now), 1);
	ck_assert_int_eq(frontier_unblock(x.f, SPAN("a.test"), x.now), 0);
	ck_assert_int_eq(fixture_offer(&x, &o, "http://a.test/2"), 1);
	o = fixture_expect(&x, "http://a.test/1");
	ck_assert_int_eq(o.reason, REASON_NONE);
	fixture_commit(&x);
	fixture_reopen(&x);
	ck_assert_ptr_null(frontier_blocked(x.f, 0));
	fixture_fini(&x);
}
END_TEST

/* Nor robots.txt, be it its own or that of a site that redirects there. */
START_TEST(no_robots_txt_is_asked_of_a_closed_host)
{
	struct fixture x;
	struct capture capture;
	struct order o;

	fixture_init(&x);
	x.config.host.robots = CONFIG_ROBOTS_OBEY;
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	fixture_seed(&x, "http://b.test/");
	block(&x, "a.test");
	o = fixture_expect(&x, "http://b.test/robots.txt");
	capture = fixture_capture(&x, 301);
	capture.location = SPAN("http://a.test/robots.txt");
	frontier_slot_end(x.f, &o, &capture, x.now);
	ck_assert_int_eq(frontier_settle_robots(x.f, &o, &capture, SPAN_NONE,
			     x.now),
	    0);
	fixture_commit(&x);
	x.now += 2000;
	o = expect_blocked(&x, "http://a.test/");
	fixture_settle(&x, &o, 0);
	fixture_expect_none(&x);
	/* b has no rules as yet, and asks once more in time. */
	x.now += 60000;
	fixture_expect(&x, "http://b.test/robots.txt");
	fixture_fini(&x);
}
END_TEST

TEST_MAIN("frontier_block", a_pattern_is_a_host_as_urls_have_it,
    a_pattern_closes_what_it_says_and_no_other,
    a_closed_hosts_urls_are_excluded_at_once_each_once,
    a_closed_host_stays_closed_after_a_kill,
    what_waits_for_a_closed_host_does_not_wait_after_a_kill_either,
    no_retry_goes_to_a_closed_host,
    an_order_of_a_closed_host_that_comes_back_is_not_given_again,
    links_and_seeds_of_a_closed_host_are_refused_until_it_is_opened,
    no_robots_txt_is_asked_of_a_closed_host)
