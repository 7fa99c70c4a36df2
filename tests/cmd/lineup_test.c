#include "cmd/role/lineup.h"

#include <errno.h>

#include "tests/harness.h"

START_TEST(lineup_gives_the_contiguous_run_only)
{
	struct lineup lineup;
	uint32_t cell;

	ck_assert_int_eq(lineup_init(&lineup, 8), 0);
	lineup_start(&lineup, 101);
	ck_assert_int_eq(lineup_put(&lineup, 103, 3), 0);
	ck_assert_int_eq(lineup_put(&lineup, 102, 2), 0);
	ck_assert(!lineup_ready(&lineup));
	ck_assert(!lineup_take(&lineup, &cell));
	ck_assert_int_eq(lineup_put(&lineup, 101, 1), 0);
	for (uint32_t i = 1; i <= 3; i++) {
		ck_assert(lineup_take(&lineup, &cell));
		ck_assert_uint_eq(cell, i);
	}
	ck_assert(!lineup_take(&lineup, &cell));
	ck_assert_uint_eq(lineup_count(&lineup), 0);
	lineup_fini(&lineup);
}
END_TEST

START_TEST(lineup_refuses_a_seq_that_cannot_be)
{
	struct lineup lineup;

	ck_assert_int_eq(lineup_init(&lineup, 4), 0);
	lineup_start(&lineup, 10);
	ck_assert_int_eq(lineup_put(&lineup, 9, 0), -EBADMSG);
	ck_assert_int_eq(lineup_put(&lineup, 14, 0), -EBADMSG);
	ck_assert_int_eq(lineup_put(&lineup, 13, 0), 0);
	ck_assert_int_eq(lineup_put(&lineup, 13, 1), -EBADMSG);
	lineup_fini(&lineup);
}
END_TEST

START_TEST(lineup_in_any_order_comes_out_in_order)
{
	enum {
		N = 1000,
		WINDOW = 64
	};
	uint64_t state = test_seed();
	struct lineup lineup;
	uint64_t in[WINDOW], next_in = 1, next_out = 1;
	uint32_t cell;
	size_t n = 0;

	ck_assert_int_eq(lineup_init(&lineup, WINDOW), 0);
	lineup_start(&lineup, 1);
	while (next_out <= N) {
		while (n < WINDOW && next_in < next_out + WINDOW)
			in[n++] = next_in++;
		while (n > 0) {
			size_t i = test_random(&state) % n;

			ck_assert_int_eq(lineup_put(&lineup, in[i],
					     (uint32_t)in[i]),
			    0);
			in[i] = in[--n];
		}
		while (lineup_take(&lineup, &cell))
			ck_assert_uint_eq(cell, next_out++);
	}
	lineup_fini(&lineup);
}
END_TEST

TEST_MAIN("lineup", lineup_gives_the_contiguous_run_only,
    lineup_refuses_a_seq_that_cannot_be, lineup_in_any_order_comes_out_in_order)
