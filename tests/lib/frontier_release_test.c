/*
 * Out of quarantine: counters, queue and budget are as if the URL had never
 * been tried.
 */
#include "lib/frontier/frontier.h"
#include "tests/lib/frontier_fixture.h"

static const struct decision quarantined = { VERDICT_QUARANTINED,
	REASON_QUARANTINED };

/* A seed that killed its parsers; status 0: its crawlers. */
static struct order
quarantine(struct fixture *x, const char *url, int status)
{
	struct order o = fixture_expect(x, url);
	struct capture capture = fixture_capture(x, status);
	const struct capture *c = status != 0 ? &capture : NULL;

	if (c != NULL)
		frontier_slot_end(x->f, &o, c, x->now);
	ck_assert_int_eq(frontier_settle(x->f, &o, c, quarantined, x->now), 0);
	fixture_commit(x);
	x->now += 1000;
	return o;
}

START_TEST(a_released_url_is_ordered_again_and_counted_once)
{
	struct fixture x;
	struct order o, again;

	fixture_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	o = quarantine(&x, "http://a.test/", 200);
	fixture_reopen(&x);
	ck_assert(frontier_finished(x.f));
	ck_assert_uint_eq(fixture_totals(&x).quarantined, 1);
	ck_assert_int_eq(frontier_is_quarantined(x.f, o.site64, o.url64), 1);

	ck_assert_int_eq(frontier_release(x.f, o.site64, o.url64, x.now), 1);
	fixture_balances(&x);
	ck_assert_uint_eq(fixture_totals(&x).quarantined, 1);
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).quarantined, 0);
	ck_assert_uint_eq(fixture_totals(&x).queued, 1);
	ck_assert_uint_eq(fixture_totals(&x).reasons[REASON_QUARANTINED], 0);
	ck_assert_int_eq(frontier_is_quarantined(x.f, o.site64, o.url64), 0);

	fixture_reopen(&x);
	ck_assert(!frontier_finished(x.f));
	x.now += 1000;
	again = fixture_expect(&x, "http://a.test/");
	ck_assert_int_eq(again.found, LINK_SEED);
	ck_assert_int_eq(again.attempts, 0);
	fixture_expect_none(&x);
	fixture_settle(&x, &again, 200);
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).admitted, 1);
	ck_assert_uint_eq(fixture_totals(&x).done, 1);
	ck_assert_uint_eq(fixture_totals(&x).statuses[2], 1);
	ck_assert(frontier_finished(x.f));
	fixture_fini(&x);
}
END_TEST

START_TEST(a_released_url_may_be_ordered_before_the_commit)
{
	struct fixture x;
	struct order o, again;

	fixture_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	o = quarantine(&x, "http://a.test/", 200);
	ck_assert_int_eq(frontier_release(x.f, o.site64, o.url64, x.now), 1);
	again = fixture_expect(&x, "http://a.test/");
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).in_flight, 1);
	fixture_settle(&x, &again, 200);
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).done, 1);
	fixture_fini(&x);
}
END_TEST

START_TEST(a_release_that_is_not_committed_never_was)
{
	struct fixture x;
	struct order o;

	fixture_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	o = quarantine(&x, "http://a.test/", 200);
	ck_assert_int_eq(frontier_release(x.f, o.site64, o.url64, x.now), 1);
	fixture_reopen(&x);
	ck_assert_int_eq(frontier_is_quarantined(x.f, o.site64, o.url64), 1);
	ck_assert_uint_eq(fixture_totals(&x).quarantined, 1);
	ck_assert(frontier_finished(x.f));
	fixture_balances(&x);
	fixture_fini(&x);
}
END_TEST

START_TEST(only_what_is_quarantined_is_released)
{
	struct fixture x;
	struct order done, leased, o;

	fixture_init(&x);
	x.config.host.host_concurrency = 8;
	x.config.host.host_delay_ms = 0;
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/1");
	fixture_seed(&x, "http://a.test/2");
	fixture_seed(&x, "http://a.test/3");
	done = fixture_expect(&x, "http://a.test/1");
	leased = fixture_expect(&x, "http://a.test/2");
	fixture_settle(&x, &done, 200);
	o = quarantine(&x, "http://a.test/3", 200);
	ck_assert_int_eq(frontier_release(x.f, done.site64, done.url64, x.now),
	    0);
	ck_assert_int_eq(frontier_release(x.f, leased.site64, leased.url64,
			     x.now),
	    0);
	ck_assert_int_eq(frontier_release(x.f, o.site64, o.url64 + 1, x.now),
	    -ENOENT);
	ck_assert_int_eq(frontier_release(x.f, o.site64, o.url64, x.now), 1);
	ck_assert_int_eq(frontier_release(x.f, o.site64, o.url64, x.now), 0);
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).queued, 1);
	ck_assert_uint_eq(fixture_totals(&x).done, 1);
	fixture_fini(&x);
}
END_TEST

/* The status of a try before it is not what its end was counted under. */
START_TEST(what_was_never_fetched_at_last_is_counted_back_as_such)
{
	struct fixture x;
	struct order o;

	fixture_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	o = fixture_expect(&x, "http://a.test/");
	fixture_settle(&x, &o, 500); /* to be tried again */
	fixture_commit(&x);
	x.now += 60000;
	o = quarantine(&x, "http://a.test/", 0);
	ck_assert_uint_eq(fixture_totals(&x).statuses[0], 1);
	ck_assert_int_eq(frontier_release(x.f, o.site64, o.url64, x.now), 1);
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).statuses[0], 0);
	ck_assert_uint_eq(fixture_totals(&x).statuses[5], 0);
	fixture_fini(&x);
}
END_TEST

START_TEST(a_released_url_does_not_use_a_budget_twice)
{
	struct fixture x;
	struct order o;

	fixture_init(&x);
	x.config.host.host_max_pages = 1;
	x.config.max_pages = 1;
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	o = quarantine(&x, "http://a.test/", 200);
	fixture_reopen(&x);
	ck_assert_str_eq(frontier_limit(x.f, x.now), "max_pages");
	ck_assert_int_eq(frontier_release(x.f, o.site64, o.url64, x.now), 1);
	fixture_commit(&x);
	ck_assert_ptr_null(frontier_limit(x.f, x.now));
	fixture_reopen(&x);
	x.now += 1000;
	o = fixture_expect(&x, "http://a.test/");
	ck_assert_int_eq(o.reason, REASON_NONE);
	fixture_settle(&x, &o, 200);
	fixture_commit(&x);
	ck_assert_str_eq(frontier_limit(x.f, x.now), "max_pages");
	fixture_fini(&x);
}
END_TEST

START_TEST(a_released_page_gives_its_budget_to_any_origin_of_its_name)
{
	struct fixture x;
	struct order first, o;

	fixture_init(&x);
	x.config.host.host_max_pages = 2;
	x.config.host.retries = 0;
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	fixture_seed(&x, "http://a.test/1");
	first = quarantine(&x, "http://a.test/", 200);
	o = fixture_expect(&x, "http://a.test/1");
	fixture_settle(&x, &o, 0); /* cannot be reached: half a minute */
	fixture_seed(&x, "https://a.test/");
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).spent[BUDGET_PAGES], 1);
	x.now += 1000;
	ck_assert_int_eq(frontier_release(x.f, first.site64, first.url64,
			     x.now),
	    1);
	fixture_expect(&x, "https://a.test/");
	fixture_fini(&x);
}
END_TEST

TEST_MAIN("frontier_release",
    a_released_page_gives_its_budget_to_any_origin_of_its_name,
    a_released_url_is_ordered_again_and_counted_once,
    a_released_url_may_be_ordered_before_the_commit,
    a_release_that_is_not_committed_never_was,
    only_what_is_quarantined_is_released,
    what_was_never_fetched_at_last_is_counted_back_as_such,
    a_released_url_does_not_use_a_budget_twice)
