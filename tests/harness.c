#include "tests/harness.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Of the whole program, given before the tests are forked. */
static char prefix[64];
static char folder[96];
static uint64_t seed;

static unsigned
test_serial(void)
{
	static unsigned serial;

	return ++serial;
}

/* What is handed out is valid to the end, and must be seen to be reachable:
 * a leak check runs at the end of every test. */
static char *
keep(char *text)
{
	static struct kept {
		struct kept *next;
		char *text;
	} * all;
	struct kept *kept = malloc(sizeof(*kept));

	ck_assert_ptr_nonnull(kept);
	*kept = (struct kept){ .next = all, .text = text };
	all = kept;
	return text;
}

const char *
test_unique_name(void)
{
	char *name = NULL;

	ck_assert(asprintf(&name, "/%s.%d.%u", prefix, (int)getpid(),
		      test_serial()) > 0);
	return keep(name);
}

const char *
test_temp_dir(void)
{
	char *path = NULL;

	ck_assert(asprintf(&path, "%s/XXXXXX", folder) > 0);
	ck_assert_ptr_nonnull(mkdtemp(path));
	return keep(path);
}

uint64_t
test_seed(void)
{
	return seed;
}

uint64_t
test_random(uint64_t *state)
{
	/* splitmix64: any state is a good one. */
	uint64_t z = (*state += 0x9E3779B97F4A7C15u);

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
	z = (z ^ z >> 27) * 0x94D049BB133111EBu;
	return z ^ z >> 31;
}

char *
test_data(const char *path, size_t *len)
{
	char full[512];
	char *text;
	FILE *file;
	long size;

	snprintf(full, sizeof(full), "tests/data/%s", path);
	file = fopen(full, "rb");
	ck_assert_msg(file != NULL, "%s: run from the top of the tree", full);
	ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
	size = ftell(file);
	ck_assert_int_ge(size, 0);
	rewind(file);
	text = malloc((size_t)size + 1);
	ck_assert_ptr_nonnull(text);
	ck_assert_uint_eq(fread(text, 1, (size_t)size, file), (size_t)size);
	text[size] = '\0';
	fclose(file);
	if (len != NULL)
		*len = (size_t)size;
	return text;
}

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path) == 0 ? 0 : -1;
}

static void
remove_shared(void)
{
	DIR *dir = opendir("/dev/shm");
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		char path[300];

		if (strstr(entry->d_name, prefix) == NULL)
			continue;
		snprintf(path, sizeof(path), "/dev/shm/%s", entry->d_name);
		unlink(path);
	}
	if (dir != NULL)
		closedir(dir);
}

int
test_main(const char *name, const TTest *const *tests, size_t n)
{
	const char *only = getenv("ONLY");
	const char *given = getenv("TEST_SEED");
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner;
	int run, failed;

	seed = given ? strtoull(given, NULL, 0)
		     : (uint64_t)time(NULL) * 1000003u + (uint64_t)getpid();
	printf("%s: TEST_SEED=%llu\n", name, (unsigned long long)seed);
	snprintf(prefix, sizeof(prefix), "mpct%d", (int)getpid());
	snprintf(folder, sizeof(folder), "/tmp/mpcrawl-test.XXXXXX");
	if (mkdtemp(folder) == NULL) {
		perror(folder);
		return 1;
	}
	fflush(stdout);

	tcase_set_timeout(tcase, TEST_SECONDS);
	for (size_t i = 0; i < n; i++) {
		if (only && *only && !strstr(tests[i]->name, only) &&
		    !strstr(name, only))
			continue;
		tcase_add_test(tcase, tests[i]);
	}
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	run = srunner_ntests_run(runner);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);

	remove_shared();
	nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	printf("%d passed, %d failed\n", run - failed, failed);
	return failed > 0;
}
