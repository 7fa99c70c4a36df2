#include "lib/frontier/address.h"

#include "tests/harness.h"

static struct addresses all;

static struct address_ip
ip(const char *text)
{
	return address_ip(span_from(text));
}

static struct address *
hold(const char *text)
{
	struct address_ip key = ip(text);

	return address_hold(&all, &key, 0);
}

static void
start(int64_t delay_ms, uint32_t concurrency)
{
	ck_assert_int_eq(addresses_init(&all, delay_ms, concurrency), 0);
}

/* Whose turn it is, out of the line. */
static struct line_spot *
next(int64_t now_ms)
{
	struct line_spot *spot = addresses_next(&all, now_ms);

	if (spot != NULL)
		line_leave(spot);
	return spot;
}

START_TEST(address_private_ones_and_our_own_have_no_clock)
{
	static const char *const none[] = { "", "127.0.0.1", "127.9.8.7",
		"10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.1.1", "::1",
		"fc00::1", "fe80::1", "::ffff:127.0.0.1", "0.0.0.0",
		"::", "100.64.0.1", "not an address", "8.8.8.8:80",
		"[2a00::1]" };

	start(250, 2);
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		ck_assert_msg(hold(none[i]) == NULL, "%s", none[i]);
	ck_assert_uint_eq(all.all.n, 0);
	ck_assert_ptr_nonnull(hold("8.8.8.8"));
	ck_assert_ptr_nonnull(hold("2a00:1450::1"));
	addresses_fini(&all);
	/* Nor has any when both settings are off. */
	start(0, 0);
	ck_assert_ptr_null(hold("8.8.8.8"));
	addresses_fini(&all);
}
END_TEST

START_TEST(address_is_one_however_it_is_written)
{
	struct address *a;

	start(250, 2);
	a = hold("8.8.8.8");
	ck_assert_ptr_eq(a, hold("8.8.8.8"));
	ck_assert_ptr_eq(a, hold("::ffff:8.8.8.8"));
	ck_assert_ptr_ne(a, hold("8.8.8.9"));
	a = hold("2a00:1450:1:2::1");
	ck_assert_ptr_eq(a, hold("2a00:1450:1:2:ffff::9"));
	ck_assert_ptr_ne(a, hold("2a00:1450:1:3::1"));
	addresses_fini(&all);
}
END_TEST

START_TEST(address_clock_runs_from_start_and_from_end)
{
	struct address *a;

	start(250, 0);
	a = hold("8.8.8.8");
	ck_assert(address_is_ready(&all, a, 0));
	address_started(&all, a, 1000);
	ck_assert(!address_is_ready(&all, a, 1249));
	ck_assert(address_is_ready(&all, a, 1250));
	address_ended(&all, a, 5000);
	ck_assert(!address_is_ready(&all, a, 5249));
	ck_assert(address_is_ready(&all, a, 5250));
	/* An end that is told late does not set it back. */
	address_started(&all, a, 9000);
	address_ended(&all, a, 100);
	ck_assert(!address_is_ready(&all, a, 9249));
	ck_assert(address_is_ready(&all, NULL, 0));
	addresses_fini(&all);
}
END_TEST

START_TEST(address_has_no_more_requests_than_its_slots)
{
	struct address *a;

	start(0, 2);
	a = hold("8.8.8.8");
	address_started(&all, a, 0);
	ck_assert(address_is_ready(&all, a, 0));
	address_started(&all, a, 0);
	ck_assert(!address_is_ready(&all, a, INT64_MAX));
	address_ended(&all, a, 10);
	ck_assert(address_is_ready(&all, a, 10));
	addresses_fini(&all);
}
END_TEST

START_TEST(address_serves_those_who_wait_in_their_order)
{
	struct line_spot w[4] = { { .line = NULL } };
	struct address *a, *b;

	start(100, 1);
	a = hold("8.8.8.8");
	b = hold("9.9.9.9");
	address_started(&all, a, 0);
	for (int i = 0; i < 3; i++)
		line_join(&a->line, &w[i], 1);
	line_join(&b->line, &w[3], 1);
	ck_assert_ptr_eq(next(50), &w[3]);
	/* The only slot is taken: no time brings the next. */
	ck_assert_int_eq(lines_due_ms(&all.due), INT64_MAX);
	ck_assert_ptr_null(next(1000000));
	address_ended(&all, a, 500);
	ck_assert_int_eq(lines_due_ms(&all.due), 600);
	ck_assert_ptr_null(next(599));
	ck_assert_ptr_eq(next(600), &w[0]);
	ck_assert_ptr_null(w[0].line);
	/* It did not go after all: the next may. */
	line_leave(&w[2]);
	ck_assert_ptr_eq(next(600), &w[1]);
	ck_assert_ptr_null(next(600));
	addresses_fini(&all);
}
END_TEST

START_TEST(address_is_forgotten_when_nobody_is_left_and_its_clock_has_run_out)
{
	struct address *a;

	start(250, 2);
	for (int i = 0; i < 1000; i++) {
		char text[32];

		snprintf(text, sizeof(text), "8.8.%d.%d", i / 250, i % 250 + 1);
		a = hold(text);
		address_started(&all, a, i);
		address_release(a);
		address_ended(&all, a, i);
	}
	ck_assert_uint_eq(all.all.n, 1000);
	ck_assert_ptr_null(next(250 + 499));
	ck_assert_uint_eq(all.all.n, 500);
	/* Not while a request is under way. */
	a = hold("8.8.8.8");
	address_started(&all, a, 0);
	address_release(a);
	ck_assert_ptr_null(next(1000000));
	ck_assert_uint_eq(all.all.n, 1);
	address_ended(&all, a, 1000000);
	/* Who comes back in time finds the clock as it was. */
	ck_assert(!address_is_ready(&all, hold("8.8.8.8"), 1000249));
	addresses_fini(&all);
}
END_TEST

TEST_MAIN("address", address_private_ones_and_our_own_have_no_clock,
    address_is_one_however_it_is_written,
    address_clock_runs_from_start_and_from_end,
    address_has_no_more_requests_than_its_slots,
    address_serves_those_who_wait_in_their_order,
    address_is_forgotten_when_nobody_is_left_and_its_clock_has_run_out)
