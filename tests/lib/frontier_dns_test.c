/*
 * A host whose name is not found for some minutes, with the settings that a
 * crawl has when nobody gives any: when it is asked again, and what that costs
 * its URLs.
 */
#include "tests/lib/frontier_fixture.h"

enum {
	MINUTE = 60,
	GONE_S = 10 * MINUTE,
	FOR_EVER_S = INT32_MAX,
	ATTEMPTS = 64,
};

/* What was asked for, by the second after the start. */
struct attempts {
	size_t n;
	struct {
		int64_t at_s;
		bool robots;
		uint32_t tries;
	} each[ATTEMPTS];
};

static struct capture
answer_of(const struct fixture *x, const struct order *o, int64_t gone_s)
{
	struct capture c = fixture_capture(x,
	    o->kind == ORDER_ROBOTS ? 404 : 200);

	if (x->now - FIXTURE_START < gone_s * 1000) {
		c.status = 0;
		c.reason = REASON_DNS_FAIL;
	}
	return c;
}

static void
settle(struct fixture *x, const struct order *o, const struct capture *capture)
{
	const struct capture *c = o->reason == REASON_NONE ? capture : NULL;
	int r;

	if (c != NULL)
		frontier_slot_end(x->f, o, c, x->now);
	if (o->kind == ORDER_ROBOTS)
		r = frontier_settle_robots(x->f, o, c, SPAN_NONE, x->now);
	else
		r = frontier_settle(x->f, o, c, fixture_decide(x, o, c),
		    x->now);
	ck_assert_int_eq(r, 0);
	fixture_commit(x);
}

/* To its end, by the frontier's clock; the names are gone for `gone_s`. */
static struct attempts
crawl(struct fixture *x, int64_t gone_s)
{
	struct attempts a = { .n = 0 };
	struct order o;

	while (!frontier_finished(x->f)) {
		struct capture c;

		if (!fixture_next(x, &o)) {
			x->now = frontier_due_ms(x->f, x->now);
			ck_assert_int_lt(x->now, INT64_MAX);
			continue;
		}
		c = answer_of(x, &o, gone_s);
		if (o.reason == REASON_NONE) {
			ck_assert_uint_lt(a.n, ATTEMPTS);
			a.each[a.n].at_s = (x->now - FIXTURE_START) / 1000;
			a.each[a.n].tries = o.tries;
			a.each[a.n++].robots = o.kind == ORDER_ROBOTS;
		}
		settle(x, &o, &c);
	}
	return a;
}

static void
begin(struct fixture *x, int robots, int pages)
{
	char url[64];

	fixture_init(x);
	x->config.host.robots = robots;
	fixture_open(x);
	for (int i = 0; i < pages; i++) {
		snprintf(url, sizeof(url), "http://a.test/%d", i);
		fixture_seed(x, url);
	}
}

/* dns_negative_ttl, which doubles up to max_dns_negative_ttl. */
static const int64_t asked_s[] = { 0, 1 * MINUTE, 3 * MINUTE, 7 * MINUTE,
	15 * MINUTE, 30 * MINUTE, 45 * MINUTE, 60 * MINUTE };

static void
asked_as_expected(const struct attempts *a, size_t n)
{
	ck_assert_uint_ge(a->n, n);
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(a->each[i].at_s, asked_s[i]);
}

static void
no_try_was_used_up(const struct attempts *a)
{
	for (size_t i = 0; i < a->n; i++)
		ck_assert_uint_eq(a->each[i].tries, 0);
}

START_TEST(a_page_whose_host_has_no_name_for_ten_minutes_has_all_its_tries)
{
	struct fixture x;
	struct attempts a;

	begin(&x, CONFIG_ROBOTS_IGNORE, 1);
	a = crawl(&x, GONE_S);
	asked_as_expected(&a, 5);
	ck_assert_uint_eq(a.n, 5);
	no_try_was_used_up(&a);
	ck_assert_uint_eq(fixture_totals(&x).done, 1);
	fixture_fini(&x);
}
END_TEST

START_TEST(pages_of_a_host_without_a_name_wait_for_it_one_after_the_other)
{
	struct fixture x;
	struct attempts a;

	begin(&x, CONFIG_ROBOTS_IGNORE, 12);
	a = crawl(&x, GONE_S);
	asked_as_expected(&a, 5);
	/* From the fifth on, one a second; four come once more. */
	ck_assert_uint_eq(a.n, 12 + 4);
	ck_assert_int_eq(a.each[a.n - 1].at_s, 15 * MINUTE + 11);
	no_try_was_used_up(&a);
	ck_assert_uint_eq(fixture_totals(&x).done, 12);
	fixture_fini(&x);
}
END_TEST

START_TEST(robots_of_a_host_without_a_name_are_asked_for_when_that_has_expired)
{
	struct fixture x;
	struct attempts a;

	begin(&x, CONFIG_ROBOTS_OBEY, 3);
	a = crawl(&x, GONE_S);
	asked_as_expected(&a, 5);
	ck_assert_uint_eq(a.n, 5 + 3);
	for (size_t i = 0; i < a.n; i++)
		ck_assert_int_eq(a.each[i].robots, i < 5);
	ck_assert_int_eq(a.each[5].at_s, 15 * MINUTE + 1);
	no_try_was_used_up(&a);
	ck_assert_uint_eq(fixture_totals(&x).done, 3);
	fixture_fini(&x);
}
END_TEST

/* The clock of the host that is not found says when, not that of the asker,
 * which is there. */
START_TEST(robots_behind_a_redirect_to_no_name_wait_for_that_name)
{
	struct fixture x;
	struct order o;
	struct capture c;

	begin(&x, CONFIG_ROBOTS_OBEY, 1);
	o = fixture_expect(&x, "http://a.test/robots.txt");
	c = fixture_capture(&x, 301);
	c.location = SPAN("http://b.test/robots.txt");
	settle(&x, &o, &c);
	o = fixture_expect(&x, "http://b.test/robots.txt");
	c = answer_of(&x, &o, GONE_S);
	settle(&x, &o, &c);
	x.now += MINUTE * 1000 - 1;
	fixture_expect_none(&x);
	x.now += 1;
	fixture_expect(&x, "http://a.test/robots.txt");
	fixture_fini(&x);
}
END_TEST

START_TEST(a_host_whose_name_never_comes_is_given_up_after_an_hour)
{
	static const int robots[] = { CONFIG_ROBOTS_IGNORE,
		CONFIG_ROBOTS_OBEY };

	for (size_t i = 0; i < ARRAY_LEN(robots); i++) {
		struct frontier_totals t;
		struct fixture x;
		struct attempts a;

		begin(&x, robots[i], 1);
		a = crawl(&x, FOR_EVER_S);
		asked_as_expected(&a, ARRAY_LEN(asked_s));
		ck_assert_uint_eq(a.n, ARRAY_LEN(asked_s));
		t = fixture_totals(&x);
		ck_assert_uint_eq(t.reasons[REASON_HOST_DOWN] +
				      t.reasons[REASON_ROBOTS_UNREACHABLE],
		    1);
		fixture_fini(&x);
	}
}
END_TEST

START_TEST(where_no_retries_are_wanted_a_missing_name_is_the_end)
{
	struct fixture x;
	struct attempts a;

	begin(&x, CONFIG_ROBOTS_IGNORE, 1);
	x.config.host.retries = 0;
	a = crawl(&x, GONE_S);
	ck_assert_uint_eq(a.n, 1);
	ck_assert_uint_eq(fixture_totals(&x).reasons[REASON_DNS_FAIL], 1);
	fixture_fini(&x);
}
END_TEST

TEST_MAIN("frontier_dns",
    a_page_whose_host_has_no_name_for_ten_minutes_has_all_its_tries,
    pages_of_a_host_without_a_name_wait_for_it_one_after_the_other,
    robots_of_a_host_without_a_name_are_asked_for_when_that_has_expired,
    robots_behind_a_redirect_to_no_name_wait_for_that_name,
    a_host_whose_name_never_comes_is_given_up_after_an_hour,
    where_no_retries_are_wanted_a_missing_name_is_the_end)
