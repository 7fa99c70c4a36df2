#include "cmd/role/parser_limits.h"

#include <stdlib.h>
#include <time.h>

#include "tests/harness.h"

static struct parser_limits
limits_of(const char *memory, const char *cpu)
{
	struct config config;
	struct parser_limits limits;

	ck_assert_int_eq(config_init(&config), 0);
	ck_assert_int_eq(config_set(&config, "parse_memory", memory, NULL), 0);
	ck_assert_int_eq(config_set(&config, "parse_cpu_hard", cpu, NULL), 0);
	parser_limits_init(&limits, &config);
	config_fini(&config);
	return limits;
}

static double
cpu_used(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

START_TEST(each_page_has_the_processor_time_of_a_page)
{
	struct parser_limits limits = limits_of("1M", "3s");
	struct rlimit before, now;

	getrlimit(RLIMIT_CPU, &before);
	for (int i = 0; i < 3; i++) {
		double used = cpu_used();

		parser_limits_page(&limits);
		getrlimit(RLIMIT_CPU, &now);
		ck_assert(now.rlim_max == before.rlim_max);
		ck_assert(now.rlim_cur != RLIM_INFINITY);
		ck_assert((double)now.rlim_cur >= used + 3);
		ck_assert((double)now.rlim_cur <= cpu_used() + 4);
		while (cpu_used() < used + 0.6)
			;
	}
}
END_TEST

START_TEST(a_limit_of_the_shell_is_not_passed)
{
	struct rlimit shell = { 2, 2 }, now;
	struct parser_limits limits;

	ck_assert_int_eq(setrlimit(RLIMIT_CPU, &shell), 0);
	limits = limits_of("1M", "10s");
	parser_limits_page(&limits);
	getrlimit(RLIMIT_CPU, &now);
	ck_assert(now.rlim_cur == 2 && now.rlim_max == 2);
}
END_TEST

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
START_TEST(a_page_has_its_memory_and_no_more)
{
	struct parser_limits limits = limits_of("32M", "10s");
	uint64_t may = page_limits_memory(&limits.page);
	char *block;

	ck_assert_int_eq(parser_limits_apply(&limits), 0);
	block = malloc(may);
	ck_assert_ptr_nonnull(block);
	/* Twice, and what is added for malloc and the rest. */
	ck_assert_ptr_null(malloc(may + (128 << 20)));
	free(block);
}
END_TEST
#else
START_TEST(a_page_has_its_memory_and_no_more)
{
	struct parser_limits limits = limits_of("32M", "10s");

	ck_assert_int_eq(parser_limits_apply(&limits), 0);
}
END_TEST
#endif

TEST_MAIN("parser_limits", each_page_has_the_processor_time_of_a_page,
    a_limit_of_the_shell_is_not_passed, a_page_has_its_memory_and_no_more)
