#include <errno.h>
#include <sys/stat.h>

#include "lib/config/config.h"
#include "tests/harness.h"

static struct config config;
static struct err err;

/* Read a file of these bytes into fresh settings. */
static int
reads_bytes(const void *bytes, size_t len)
{
	static const char *dir;
	char *path = NULL;
	FILE *file;
	int r;

	if (dir == NULL)
		dir = test_temp_dir();
	ck_assert(asprintf(&path, "%s/mpcrawl.conf", dir) > 0);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, len, file), len);
	ck_assert_int_eq(fclose(file), 0);
	err = ERR_NONE;
	ck_assert_int_eq(config_init(&config), 0);
	r = config_read(&config, path, &err);
	free(path);
	return r;
}

static int
reads(const char *text)
{
	return reads_bytes(text, strlen(text));
}

static void
refused(int got, int r, const char *words)
{
	ck_assert_int_eq(got, r);
	ck_assert_msg(strstr(err.text, words) != NULL, "\"%s\" lacks \"%s\"",
	    err.text, words);
	config_fini(&config);
}

START_TEST(config_file_takes_keys_comments_and_any_line_end)
{
	int r = reads("\xEF\xBB\xBF# a comment\r\n"
		      "; another\n"
		      "\n"
		      "host_delay = 2s\r\n"
		      "max_pages=3\n"
		      "  contact : me@example.org  \n"
		      "user_agent = a;b #c ; d\n"
		      "detach_not_here");

	/* The last line is no setting; what stood before it was set. */
	ck_assert_int_eq(r, -EINVAL);
	ck_assert_int_eq(config.host.host_delay_ms, 2000);
	ck_assert_uint_eq(config.max_pages, 3);
	ck_assert_str_eq(config.contact, "me@example.org");
	ck_assert_str_eq(config.user_agent, "a;b #c ; d");
	refused(r, -EINVAL, "mpcrawl.conf:8: neither \"key = value\"");
}
END_TEST

START_TEST(config_file_lines_are_longer_than_two_hundred_bytes)
{
	char line[500];
	size_t len = sizeof(line);

	memset(line, 'x', len);
	memcpy(line, "include = ", 10);
	line[len - 1] = '\n';
	ck_assert_msg(reads_bytes(line, len) == 0, "%s", err.text);
	ck_assert_uint_eq(config.n_rules, 1);
	ck_assert_uint_eq(strlen(config.rules[0].text), len - 11);
	config_fini(&config);
}
END_TEST

START_TEST(config_file_an_indented_line_is_a_setting_of_its_own)
{
	ck_assert_msg(reads("log = warn\n  max_pages = 4\n") == 0, "%s",
	    err.text);
	ck_assert_uint_eq(config.max_pages, 4);
	ck_assert_int_eq(config.log, 1);
	config_fini(&config);
}
END_TEST

START_TEST(config_file_errors_name_file_and_line)
{
	refused(reads("\n\nhost_dealy = 1s\n"), -EINVAL,
	    "/mpcrawl.conf:3: host_dealy: there is no such setting; did you "
	    "mean host_delay?");
	refused(reads("host_delay = 5\n"), -EINVAL,
	    "/mpcrawl.conf:1: host_delay = 5: a time is");
	refused(reads("host_delay = 2d\n"), -ERANGE,
	    ":1: host_delay = 2d: allowed are 0 to 1d");
	refused(reads("log = info\ndir = x\n"), -EINVAL,
	    ":2: dir is not a setting of a file");
	/* The first of several. */
	refused(reads("a = 1\nb = 2\n"), -EINVAL, ":1: a: ");
	/* What stands behind it is not read. */
	ck_assert_int_eq(reads("log\nmax_pages = 3\n"), -EINVAL);
	ck_assert_uint_eq(config.max_pages, 0);
	refused(-EINVAL, -EINVAL, ":1: neither");
	refused(reads("= info\n"), -EINVAL, ":1: : there is no such");
}
END_TEST

START_TEST(config_file_refuses_sections_but_those_of_hosts)
{
	/* Even one that holds no key, of which libinih does not tell. */
	refused(reads("log = info\n[crawl]\n"), -EINVAL,
	    ":2: [crawl]: there is no such section");
	refused(reads("\xEF\xBB\xBF[x]\n"), -EINVAL, "no such section");
	refused(reads("  [x\n"), -EINVAL, ":1: a section, and no ]");
}
END_TEST

START_TEST(config_file_refuses_what_is_no_text)
{
	static const char nul[] = "log = info\nmax_pages = 1\0"
				  "0\n";
	char *big;
	size_t len = (1 << 20) + 1;

	refused(reads_bytes(nul, sizeof(nul) - 1), -EINVAL, ":2: a NUL byte");
	big = malloc(len);
	ck_assert_ptr_nonnull(big);
	memset(big, '#', len);
	refused(reads_bytes(big, len), -EINVAL, "larger than 1M");
	refused(reads_bytes(big, 70000), -EINVAL, ":1: a line is longer");
	/* The longest line that is allowed, with and without its end. */
	ck_assert_int_eq(reads_bytes(big, 65536), 0);
	config_fini(&config);
	big[65535] = '\n';
	ck_assert_int_eq(reads_bytes(big, 65537), 0);
	config_fini(&config);
	free(big);
}
END_TEST

START_TEST(config_file_missing_is_told_apart_from_a_bad_one)
{
	static const char *dir;
	char *path = NULL;

	dir = test_temp_dir();
	ck_assert_int_eq(config_init(&config), 0);
	ck_assert_int_eq(config_read(&config, "/nonexistent/x", &err), -ENOENT);
	ck_assert_int_eq(config_read(&config, dir, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "not a file"));
	/* Opening a FIFO must not wait for its writer. */
	ck_assert(asprintf(&path, "%s/fifo", dir) > 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(config_read(&config, path, &err), -EINVAL);
	free(path);
	config_fini(&config);
	ck_assert_int_eq(reads(""), 0);
	config_fini(&config);
}
END_TEST

START_TEST(config_file_of_noise_never_breaks)
{
	uint64_t state = test_seed();
	char text[400];

	static const char *const bits[] = { "host_delay", "=", ":", "\n", "\r",
		"[", "]", ";", "#", " ", "\t", "1s", "include", "*",
		"[host \"a.b\"]\n", "\xEF\xBB", "\xBF", "log", "info", "0",
		"\x01" };

	for (int round = 0; round < 300; round++) {
		size_t len = 0;

		while (len < sizeof(text) - 16 && test_random(&state) % 60) {
			const char *bit =
			    bits[test_random(&state) % ARRAY_LEN(bits)];

			memcpy(text + len, bit, strlen(bit));
			len += strlen(bit);
		}
		if (reads_bytes(text, len) < 0)
			ck_assert_ptr_nonnull(strstr(err.text, ".conf:"));
		config_fini(&config);
	}
}
END_TEST

TEST_MAIN("config_file", config_file_takes_keys_comments_and_any_line_end,
    config_file_lines_are_longer_than_two_hundred_bytes,
    config_file_an_indented_line_is_a_setting_of_its_own,
    config_file_errors_name_file_and_line,
    config_file_refuses_sections_but_those_of_hosts,
    config_file_refuses_what_is_no_text,
    config_file_missing_is_told_apart_from_a_bad_one,
    config_file_of_noise_never_breaks)
