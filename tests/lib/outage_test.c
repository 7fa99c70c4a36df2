#include "lib/frontier/outage.h"

#include "lib/base/attr.h"
#include "tests/harness.h"

static const int64_t hour = 3600 * 1000;

static struct outage
fresh(void)
{
	struct outage o;

	outage_init(&o, 24 * hour);
	return o;
}

/* `n` hosts that we know fail, one a millisecond. */
static void
hosts_fail(struct outage *o, int n, int64_t now_ms)
{
	for (int i = 0; i < n; i++)
		outage_failed(o, (uint64_t)i, true, false, now_ms + i);
}

START_TEST(outage_is_five_known_hosts_in_a_row)
{
	struct outage o = fresh();
	bool changed;

	hosts_fail(&o, 4, 1000);
	ck_assert(!outage_is_on(&o));
	ck_assert(outage_allows(&o, 2000, &changed));
	/* An answer in between, be it of whom it may, starts anew. */
	ck_assert(!outage_answered(&o));
	hosts_fail(&o, 4, 3000);
	ck_assert(!outage_is_on(&o));
	ck_assert(outage_failed(&o, 99, true, false, 4000));
	ck_assert(outage_is_on(&o));
	ck_assert(!outage_failed(&o, 100, true, false, 4000));
}
END_TEST

START_TEST(outage_is_not_one_server_or_one_host_however_often)
{
	struct outage o = fresh();

	for (int i = 0; i < 1000; i++)
		ck_assert(!outage_failed(&o, 7, true, false, i));
	/* Nor hosts that were in trouble before. */
	for (int i = 0; i < 1000; i++)
		ck_assert(!outage_failed(&o, (uint64_t)i, true, true, i));
	ck_assert(!outage_is_on(&o));
}
END_TEST

START_TEST(outage_of_hosts_that_never_answered_needs_forty)
{
	struct outage o = fresh();

	for (uint64_t i = 0; i < 39; i++)
		ck_assert(!outage_failed(&o, i, false, false, 0));
	ck_assert(outage_failed(&o, 39, false, false, 0));
}
END_TEST

START_TEST(outage_failures_that_are_far_apart_are_none)
{
	struct outage o = fresh();

	for (uint64_t i = 0; i < 100; i++)
		ck_assert(!outage_failed(&o, i, true, false,
		    (int64_t)i * (OUTAGE_WINDOW_MS / 4 + 1)));
}
END_TEST

START_TEST(outage_lets_probes_leave_ever_more_rarely)
{
	static const int64_t gaps[] = { 5000, 5000, 10000, 20000, 40000, 60000,
		60000, 60000 };
	struct outage o = fresh();
	int64_t now = 0;
	bool changed;

	hosts_fail(&o, 4, 0);
	ck_assert(outage_failed(&o, 4, true, false, 0));
	for (size_t i = 0; i < ARRAY_LEN(gaps); i++) {
		ck_assert_int_eq(outage_due_ms(&o, now), now + gaps[i]);
		ck_assert(!outage_allows(&o, now + gaps[i] - 1, &changed));
		now += gaps[i];
		for (int p = 0; p < OUTAGE_PROBES; p++) {
			ck_assert(outage_allows(&o, now, &changed));
			ck_assert_int_eq(outage_due_ms(&o, now), now);
			outage_probed(&o);
		}
		ck_assert(!outage_allows(&o, now, &changed));
	}
	/* The first answer ends it, and nothing of it is left. */
	ck_assert(outage_answered(&o));
	ck_assert(outage_allows(&o, now, &changed));
	hosts_fail(&o, 4, now);
	ck_assert(!outage_is_on(&o));
}
END_TEST

START_TEST(outage_is_given_up_and_then_not_looked_for_until_an_answer)
{
	struct outage o = fresh();
	bool changed;

	hosts_fail(&o, 5, 0);
	ck_assert(outage_is_on(&o));
	outage_allows(&o, 24 * hour - 1, &changed);
	ck_assert(!changed);
	ck_assert(outage_allows(&o, 24 * hour, &changed));
	ck_assert(changed);
	hosts_fail(&o, 30, 25 * hour);
	ck_assert(!outage_is_on(&o));
	ck_assert(!outage_answered(&o));
	hosts_fail(&o, 5, 26 * hour);
	ck_assert(outage_is_on(&o));
}
END_TEST

START_TEST(outage_give_up_0_switches_it_off)
{
	struct outage o;

	outage_init(&o, 0);
	for (uint64_t i = 0; i < 1000; i++)
		ck_assert(!outage_failed(&o, i, true, false, 0));
}
END_TEST

TEST_MAIN("outage", outage_is_five_known_hosts_in_a_row,
    outage_is_not_one_server_or_one_host_however_often,
    outage_of_hosts_that_never_answered_needs_forty,
    outage_failures_that_are_far_apart_are_none,
    outage_lets_probes_leave_ever_more_rarely,
    outage_is_given_up_and_then_not_looked_for_until_an_answer,
    outage_give_up_0_switches_it_off)
