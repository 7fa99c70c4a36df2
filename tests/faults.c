#include "tests/faults.h"

#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <iconv.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <zlib.h>

#include "tests/harness.h"

/* --- the calls ----------------------------------------------------------- */

static _Thread_local struct {
	bool armed, lasting;
	size_t left; /* calls that still succeed */
	size_t came;
} fault;

void
faults_arm(size_t nth, bool lasting)
{
	fault.armed = true;
	fault.lasting = lasting;
	fault.left = nth - 1;
	fault.came = 0;
}

size_t
faults_disarm(void)
{
	size_t came = fault.came;

	fault.armed = false;
	fault.came = 0;
	return came;
}

static bool
fails(void)
{
	if (!fault.armed)
		return false;
	if (fault.left > 0) {
		fault.left--;
		return false;
	}
	if (fault.came > 0 && !fault.lasting)
		return false;
	fault.came++;
	errno = ENOMEM;
	return true;
}

/* clang-format off */
/* Weak: a test of ipc/ links without the libraries of lib/. */
#define WRAP(type, name, failure, parameters, ...)                             \
	__attribute__((weak)) type __real_##name parameters;                   \
	type __wrap_##name parameters;                                         \
	type __wrap_##name parameters                                          \
	{                                                                      \
		return fails() ? failure : __real_##name(__VA_ARGS__);         \
	}
/* clang-format on */

WRAP(void *, malloc, NULL, (size_t size), size)
WRAP(void *, calloc, NULL, (size_t n, size_t size), n, size)
WRAP(void *, realloc, NULL, (void *ptr, size_t size), ptr, size)
WRAP(void *, reallocarray, NULL, (void *ptr, size_t n, size_t size), ptr, n,
    size)
WRAP(void *, aligned_alloc, NULL, (size_t align, size_t size), align, size)
WRAP(char *, strdup, NULL, (const char *text), text)
WRAP(char *, strndup, NULL, (const char *text, size_t n), text, n)
WRAP(DIR *, opendir, NULL, (const char *name), name)
WRAP(DIR *, fdopendir, NULL, (int fd), fd)
WRAP(FILE *, fopen, NULL, (const char *path, const char *mode), path, mode)
WRAP(iconv_t, iconv_open, (iconv_t)-1, (const char *to, const char *from), to,
    from)
WRAP(void *, mmap, MAP_FAILED,
    (void *at, size_t size, int protection, int flags, int fd, off_t offset),
    at, size, protection, flags, fd, offset)

WRAP(CURL *, curl_easy_init, NULL, (void))
WRAP(CURLM *, curl_multi_init, NULL, (void))
WRAP(CURLU *, curl_url, NULL, (void))
WRAP(struct curl_slist *, curl_slist_append, NULL,
    (struct curl_slist * list, const char *text), list, text)
WRAP(int, inflateInit2_, Z_MEM_ERROR,
    (z_streamp stream, int window, const char *version, int size), stream,
    window, version, size)

/* Those with `...`, as they are called here. */
sem_t *__real_sem_open(const char *name, int flags, ...);
sem_t *__wrap_sem_open(const char *name, int flags, mode_t mode,
    unsigned value);
int __wrap_asprintf(char **out, const char *format, ...);
int __wrap___asprintf_chk(char **out, int flag, const char *format, ...);

sem_t *
__wrap_sem_open(const char *name, int flags, mode_t mode, unsigned value)
{
	return fails() ? SEM_FAILED : __real_sem_open(name, flags, mode, value);
}

static int
print(char **out, const char *format, va_list ap)
{
	*out = NULL; /* glibc does not promise it: nobody may rely on it */
	return fails() ? -1 : vasprintf(out, format, ap);
}

int
__wrap_asprintf(char **out, const char *format, ...)
{
	va_list ap;
	int len;

	va_start(ap, format);
	len = print(out, format, ap);
	va_end(ap);
	return len;
}

/* What asprintf() becomes with _FORTIFY_SOURCE. */
int
__wrap___asprintf_chk(char **out, int flag, const char *format, ...)
{
	va_list ap;
	int len;

	(void)flag;
	va_start(ap, format);
	len = print(out, format, ap);
	va_end(ap);
	return len;
}

/* --- trying -------------------------------------------------------------- */

enum {
	MOST_CALLS = 10000
};

static struct {
	size_t nth;
	bool lasting;
	size_t came;
} plan;

void
faults_begin(void)
{
	faults_arm(plan.nth, plan.lasting);
}

void
faults_end(void)
{
	plan.came += faults_disarm();
}

/* One more call than the last time succeeds; false: none was left to fail. */
static bool
try_once(const struct faults_subject *subject)
{
	int r;

	plan.came = 0;
	r = subject->run();
	if (plan.came == 0) {
		ck_assert_msg(r == 0, "%s: %s with all the memory it wanted",
		    subject->names, strerror(-r));
		return false;
	}
	ck_assert_msg(subject->habit != FAULTS_NEEDS_NONE,
	    "%s: asks for memory", subject->names);
	ck_assert_msg(r == -ENOMEM ||
			  (r == 0 && subject->habit == FAULTS_FORGIVES),
	    "%s: says %d (%s) when call %zu for memory fails%s", subject->names,
	    r, strerror(-r), plan.nth,
	    plan.lasting ? ", and all after it" : "");
	return true;
}

size_t
faults_try_one(const struct faults_subject *subject)
{
	size_t failed = 0;

	for (int lasting = 0; lasting < 2; lasting++) {
		plan.lasting = lasting;
		for (plan.nth = 1; try_once(subject); plan.nth++) {
			failed += plan.came;
			ck_assert(plan.nth < MOST_CALLS);
		}
	}
	ck_assert_msg(failed > 0 || subject->habit == FAULTS_NEEDS_NONE,
	    "%s: never asked for memory", subject->names);
	return failed;
}

void
faults_try(const char *layer, const struct faults_subject *subjects, size_t n)
{
	size_t total = 0;

	for (size_t i = 0; i < n; i++) {
		size_t failed;

		/* Before, so that a crash is known by its name. */
		printf("    %s:", subjects[i].names);
		fflush(stdout);
		failed = faults_try_one(&subjects[i]);
		printf(" %zu\n", failed);
		total += failed;
	}
	printf("figure: allocations failed in %s: %zu\n", layer, total);
}

/* --- is each in the table? ----------------------------------------------- */

static bool
in_name(char c)
{
	return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

static bool
makes_something(const char *name, size_t len)
{
	static const char *const endings[] = { "_new", "_init", "_open",
		"_create", "_attach", "_clone" };

	/* frontier_is_new() asks. */
	if (len > 7 && memcmp(name + len - 7, "_is_new", 7) == 0)
		return false;
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		size_t n = strlen(endings[i]);

		if (len > n && memcmp(name + len - n, endings[i], n) == 0)
			return true;
	}
	return false;
}

static bool
is_named(const struct faults_subject *subjects, size_t n, const char *name,
    size_t len)
{
	for (size_t i = 0; i < n; i++) {
		const char *at = subjects[i].names;

		while ((at = strstr(at, name)) != NULL) {
			if ((at == subjects[i].names || at[-1] == ' ') &&
			    !in_name(at[len]))
				return true;
			at += len;
		}
	}
	return false;
}

static void
cover_header(const char *path, const struct faults_subject *subjects, size_t n)
{
	char text[1 << 16], name[128];
	FILE *file = fopen(path, "r");
	size_t len;

	ck_assert_ptr_nonnull(file);
	len = fread(text, 1, sizeof(text) - 1, file);
	ck_assert(feof(file));
	fclose(file);
	text[len] = '\0';
	for (char *at = text; *at != '\0'; at++) {
		size_t word = 0;

		if (strncmp(at, "/*", 2) == 0) {
			at = strstr(at + 2, "*/");
			ck_assert_ptr_nonnull(at);
			at++;
			continue;
		}
		while (in_name(at[word]))
			word++;
		if (word == 0)
			continue;
		if (at[word] == '(' && makes_something(at, word)) {
			snprintf(name, sizeof(name), "%.*s", (int)word, at);
			ck_assert_msg(is_named(subjects, n, name, word),
			    "%s: %s() is tried by no subject", path, name);
		}
		at += word - 1;
	}
}

void
faults_cover(const char *const *folders, size_t n_folders,
    const struct faults_subject *subjects, size_t n)
{
	for (size_t i = 0; i < n_folders; i++) {
		DIR *folder = opendir(folders[i]);
		struct dirent *entry;
		size_t headers = 0;

		ck_assert_msg(folder != NULL, "%s: %s", folders[i],
		    strerror(errno));
		while ((entry = readdir(folder)) != NULL) {
			char path[512];
			size_t len = strlen(entry->d_name);

			if (len < 2 ||
			    strcmp(entry->d_name + len - 2, ".h") != 0)
				continue;
			snprintf(path, sizeof(path), "%s/%s", folders[i],
			    entry->d_name);
			cover_header(path, subjects, n);
			headers++;
		}
		closedir(folder);
		ck_assert_msg(headers > 0, "%s: no header", folders[i]);
	}
}
