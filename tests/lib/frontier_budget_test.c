/*
 * Budgets of one host: each parks it, says so once, and lets it go again when
 * a later run has a larger one.
 */
#include "lib/frontier/budget.h"
#include "lib/frontier/frontier.h"
#include "tests/lib/frontier_fixture.h"

START_TEST(the_first_budget_that_is_used_up_is_named)
{
	struct budgets none = { { 0 } }, used = { { 0, 5, 5, 5, 5 } };
	struct budgets limits = { { 0, 6, 5, 5, 0 } };

	ck_assert_int_eq(budget_spent(&none, &used), BUDGET_NONE);
	ck_assert_int_eq(budget_spent(&limits, &used), BUDGET_BYTES);
	limits.of[BUDGET_PAGES] = 5;
	ck_assert_int_eq(budget_spent(&limits, &used), BUDGET_PAGES);
	for (unsigned i = 0; i < BUDGETS; i++)
		ck_assert_str_ne(budget_key(i), "?");
	ck_assert_str_eq(budget_key(BUDGETS), "?");
}
END_TEST

/* A host with five URLs, ready at once, and another whose page may always
 * bring more. */
static void
begin(struct fixture *x)
{
	char url[64];

	x->config.host.host_delay_ms = 0;
	x->config.host.retries = 0;
	fixture_open(x);
	for (int i = 0; i < 5; i++) {
		snprintf(url, sizeof(url), "http://a.test/%d", i);
		fixture_seed(x, url);
	}
	fixture_commit(x);
}

static void
fetch(struct fixture *x, int status)
{
	struct order o;

	ck_assert(fixture_next(x, &o));
	ck_assert_int_eq(o.reason, REASON_NONE);
	fixture_settle(x, &o, status);
	fixture_commit(x);
}

static void
is_parked(struct fixture *x, enum budget budget)
{
	struct frontier_totals t = fixture_totals(x);
	char line[FRONTIER_NEWS];

	for (unsigned i = 0; i < BUDGETS; i++)
		ck_assert_uint_eq(t.spent[i], i == budget);
	ck_assert(frontier_news(x->f, line));
	ck_assert_msg(strstr(line, budget_key(budget)) != NULL, "%s", line);
	ck_assert_msg(strncmp(line, "a.test is parked", 16) == 0, "%s", line);
	ck_assert(!frontier_news(x->f, line));
}

/* All that is left is recorded as excluded, in any order. */
static void
is_excluded(struct fixture *x, int n)
{
	struct order o;

	for (int i = 0; i < n; i++) {
		ck_assert(fixture_next(x, &o));
		ck_assert_int_eq(o.reason, REASON_BUDGET);
		fixture_settle(x, &o, 0);
	}
	fixture_commit(x);
	ck_assert(frontier_finished(x->f));
	ck_assert_uint_eq(fixture_totals(x).reasons[REASON_BUDGET], n);
}

START_TEST(received_bytes_park_a_host)
{
	struct fixture x;

	fixture_init(&x);
	x.config.host.host_max_bytes = 25; /* a page has 10 */
	begin(&x);
	fetch(&x, 200);
	fetch(&x, 200);
	ck_assert_uint_eq(fixture_totals(&x).spent[BUDGET_BYTES], 0);
	fetch(&x, 200);
	is_parked(&x, BUDGET_BYTES);
	is_excluded(&x, 2);
	fixture_fini(&x);
}
END_TEST

START_TEST(errors_park_a_host_and_good_answers_do_not)
{
	struct fixture x;

	fixture_init(&x);
	x.config.host.host_max_errors = 3;
	begin(&x);
	fetch(&x, 200);
	fetch(&x, 404);
	fetch(&x, 500);
	ck_assert_uint_eq(fixture_totals(&x).spent[BUDGET_ERRORS], 0);
	fetch(&x, 403);
	is_parked(&x, BUDGET_ERRORS);
	is_excluded(&x, 1);
	fixture_fini(&x);
}
END_TEST

START_TEST(time_parks_a_host_and_stops_do_not_count)
{
	struct fixture x;
	struct order o;

	fixture_init(&x);
	x.config.host.host_max_time_ms = 60000;
	begin(&x);
	x.now += 50000; /* before its first page: not yet */
	fetch(&x, 200);
	x.now += 40000;
	fetch(&x, 200);
	fixture_close(&x);
	x.now += 3600000;
	fixture_open(&x);
	fetch(&x, 200);
	ck_assert_uint_eq(fixture_totals(&x).spent[BUDGET_TIME], 0);
	x.now += 20000;
	ck_assert(fixture_next(&x, &o));
	ck_assert_int_eq(o.reason, REASON_BUDGET);
	fixture_settle(&x, &o, 0);
	fixture_commit(&x);
	is_parked(&x, BUDGET_TIME);
	ck_assert(fixture_next(&x, &o));
	ck_assert_int_eq(o.reason, REASON_BUDGET);
	fixture_settle(&x, &o, 0);
	fixture_commit(&x);
	ck_assert(frontier_finished(x.f));
	fixture_fini(&x);
}
END_TEST

START_TEST(a_larger_budget_in_the_next_run_goes_on)
{
	struct fixture x;
	struct order o;

	fixture_init(&x);
	x.config.host.host_max_bytes = 10;
	begin(&x);
	fetch(&x, 200);
	is_parked(&x, BUDGET_BYTES);
	fixture_close(&x);
	x.config.host.host_max_bytes = 30;
	fixture_open(&x);
	x.now += 10;
	fetch(&x, 200);
	ck_assert_uint_eq(fixture_totals(&x).spent[BUDGET_BYTES], 0);
	fetch(&x, 200);
	is_parked(&x, BUDGET_BYTES);
	ck_assert(fixture_next(&x, &o));
	ck_assert_int_eq(o.reason, REASON_BUDGET);
	fixture_fini(&x);
}
END_TEST

/* A parked host is told of by the counters of every run, by a line in one. */
START_TEST(a_host_that_was_parked_stays_so_after_a_restart)
{
	struct fixture x;
	char line[FRONTIER_NEWS];

	fixture_init(&x);
	x.config.host.host_max_errors = 1;
	begin(&x);
	fetch(&x, 404);
	is_parked(&x, BUDGET_ERRORS);
	fixture_reopen(&x);
	ck_assert_uint_eq(fixture_totals(&x).spent[BUDGET_ERRORS], 1);
	ck_assert(!frontier_news(x.f, line));
	is_excluded(&x, 4);
	ck_assert_uint_eq(fixture_totals(&x).spent[BUDGET_ERRORS], 1);
	fixture_fini(&x);
}
END_TEST

/* A kill before the commit takes the pages back, and what they had used. */
START_TEST(what_was_not_committed_used_no_budget)
{
	struct fixture x;
	struct order o;

	fixture_init(&x);
	x.config.host.host_max_bytes = 10;
	begin(&x);
	ck_assert(fixture_next(&x, &o));
	fixture_settle(&x, &o, 200);
	fixture_reopen(&x);
	ck_assert_uint_eq(fixture_totals(&x).spent[BUDGET_BYTES], 0);
	x.now += 10;
	fetch(&x, 200);
	is_parked(&x, BUDGET_BYTES);
	is_excluded(&x, 4);
	fixture_fini(&x);
}
END_TEST

TEST_MAIN("frontier_budget", the_first_budget_that_is_used_up_is_named,
    received_bytes_park_a_host, errors_park_a_host_and_good_answers_do_not,
    time_parks_a_host_and_stops_do_not_count,
    a_larger_budget_in_the_next_run_goes_on,
    a_host_that_was_parked_stays_so_after_a_restart,
    what_was_not_committed_used_no_budget)
