/*
 * harness - what every test program shares, on the Check library.
 *
 * Each test runs in a process of its own with a time limit.  What a test made
 * by test_unique_name() and test_temp_dir() is removed when the program ends,
 * however the test ended.
 */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How long one test may take, in seconds, on a machine that others use, too:
 * only a hang is longer. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TEST_SECONDS 480
#else
#define TEST_SECONDS 240
#endif

/* A name for shm_open() or sem_open(), new with each call: "/mpct…".  Valid
 * for the life of the process. */
const char *test_unique_name(void);

/* A new empty folder, removed with all in it at the end. */
const char *test_temp_dir(void);

/*
 * The seed of this run: TEST_SEED from the environment, else the clock.
 * Printed at the start of the program, so that any run can be repeated.
 */
uint64_t test_seed(void);

/* A pseudo-random sequence; never 0 as state. */
uint64_t test_random(uint64_t *state);

/* A file under tests/data, whole and NUL-terminated; *len without the NUL.
 * The test fails when it cannot be read.  The caller frees. */
char *test_data(const char *path, size_t *len);

/*
 * A file system of this test's own in `dir`, with tmpfs `options` ("size=8m");
 * it is gone with the process.  An ordinary user is root in a user namespace
 * of its own, where the kernel allows that.  False: it does not; with CI=true
 * that fails the test, as a check that is never run checks nothing.
 */
bool test_tmpfs(const char *dir, const char *options);
/* The same for /dev/shm, of so many bytes. */
bool test_small_shm(size_t bytes);

int test_main(const char *suite, const TTest *const *tests, size_t n);

/* The main of a test program: TEST_MAIN("ring", test_a, test_b) */
#define TEST_MAIN(suite, ...)                                                  \
	int main(void)                                                         \
	{                                                                      \
		const TTest *const tests[] = { __VA_ARGS__ };                  \
		return test_main(suite, tests,                                 \
		    sizeof(tests) / sizeof(tests[0]));                         \
	}

#endif
