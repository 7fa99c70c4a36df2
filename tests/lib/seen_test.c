#include "lib/frontier/seen.h"

#include "tests/harness.h"

START_TEST(seen_knows_what_was_added_and_grows)
{
	struct seen seen;
	uint64_t seed = test_seed();
	uint64_t random = seed;

	ck_assert_int_eq(seen_init(&seen, 16 << 20), 0);
	for (int i = 0; i < 500000; i++)
		seen_add(&seen, seen_print(test_random(&random), i));
	ck_assert(!seen.overflowed);
	random = seed;
	for (int i = 0; i < 500000; i++) {
		uint64_t site = test_random(&random);

		ck_assert(seen_has(&seen, seen_print(site, i)));
		ck_assert(!seen_has(&seen, seen_print(site, i + 1)));
	}
	ck_assert_uint_le(seen.used, (seen.mask + 1) * 4 / 5 + 1);
	seen_fini(&seen);
}
END_TEST

START_TEST(seen_starts_small)
{
	struct seen seen;

	ck_assert_int_eq(seen_init(&seen, 256 << 20), 0);
	ck_assert_uint_eq((seen.mask + 1) * 8, 1 << 20);
	seen_fini(&seen);
}
END_TEST

START_TEST(seen_at_its_limit_says_so_and_prefers_the_newest)
{
	struct seen seen;
	uint64_t random = test_seed();
	uint64_t print = 0, hits = 0;

	ck_assert_int_eq(seen_init(&seen, 1 << 20), 0);
	for (int i = 0; i < 1 << 20; i++)
		seen_add(&seen, seen_print(test_random(&random), i));
	ck_assert(seen.overflowed);
	ck_assert_uint_eq((seen.mask + 1) * 8, 1 << 20);
	/* Some slots stay free: each look ends. */
	ck_assert_uint_le(seen.used, (seen.mask + 1) * 4 / 5 + 1);
	for (int i = 0; i < 1000; i++) {
		print = seen_print(test_random(&random), i);
		seen_add(&seen, print);
		hits += seen_has(&seen, print);
	}
	ck_assert_uint_gt(hits, 700);
	seen_fini(&seen);
}
END_TEST

START_TEST(seen_tells_a_pair_from_its_swap)
{
	uint64_t random = test_seed();

	for (int i = 0; i < 1000; i++) {
		uint64_t a = test_random(&random), b = test_random(&random);

		ck_assert_uint_ne(seen_print(a, b), seen_print(b, a));
		ck_assert_uint_ne(seen_print(a, b), 0);
	}
}
END_TEST

TEST_MAIN("seen", seen_knows_what_was_added_and_grows, seen_starts_small,
    seen_at_its_limit_says_so_and_prefers_the_newest,
    seen_tells_a_pair_from_its_swap)
