#include "tests/harness.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
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

static bool
write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 &&
		  write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* Be able to mount, seen by nobody else. */
static bool
own_mounts(void)
{
	bool root = geteuid() == 0;
	char user[32], group[32];

	snprintf(user, sizeof(user), "0 %u 1", (unsigned)geteuid());
	snprintf(group, sizeof(group), "0 %u 1", (unsigned)getegid());
	if (unshare(CLONE_NEWNS | (root ? 0 : CLONE_NEWUSER)) < 0)
		return false;
	/* Without both names a file cannot be made there. */
	if (!root && (!write_text("/proc/self/setgroups", "deny") ||
			 !write_text("/proc/self/uid_map", user) ||
			 !write_text("/proc/self/gid_map", group)))
		return false;
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

bool
test_tmpfs(const char *dir, const char *options)
{
	const char *ci = getenv("CI");
	bool mounted = own_mounts() &&
		       mount("tmpfs", dir, "tmpfs", 0, options) == 0;

	ck_assert_msg(mounted || ci == NULL || strcmp(ci, "true") != 0,
	    "no small file system in %s: %m", dir);
	if (!mounted)
		printf("not checked, no mount namespace here: %s\n", dir);
	return mounted;
}

bool
test_small_shm(size_t bytes)
{
	char options[32];

	snprintf(options, sizeof(options), "size=%zu", bytes);
	return test_tmpfs("/dev/shm", options);
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
