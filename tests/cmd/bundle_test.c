#include "cmd/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/harness.h"

static const char name[] = "00000000000000ab-ffffffffffffffff";

static struct bundle
example(const char *when)
{
	struct bundle b = { .headers = SPAN("server: x\ncontent-type: y\n") };

	bundle_name(0xab, UINT64_MAX, b.name);
	b.field[BUNDLE_URL] = SPAN("http://a.test/x");
	b.field[BUNDLE_CAUSE] = SPAN("parser died of signal 11");
	b.field[BUNDLE_QUARANTINED] = span_from(when);
	b.field[BUNDLE_TYPE] = SPAN("text/html\nurl: http://forged.test/");
	return b;
}

START_TEST(what_is_written_is_read_back)
{
	const char *dir = test_temp_dir();
	struct bundle b = example("2026-01-01T00:00:00Z"), got;
	struct buf body;
	char path[4096];

	snprintf(path, sizeof(path), "%s/quarantine", dir);
	ck_assert_int_eq(bundle_write(path, &b, SPAN("<b>\0x")), 0);
	ck_assert_int_eq(bundle_read(path, name, &got), 0);
	ck_assert_str_eq(got.name, name);
	ck_assert_uint_eq(got.bytes, 5);
	ck_assert(span_eq(got.field[BUNDLE_URL], SPAN("http://a.test/x")));
	ck_assert(span_eq(got.field[BUNDLE_CAUSE], b.field[BUNDLE_CAUSE]));
	ck_assert(span_eq(got.field[BUNDLE_TYPE],
	    SPAN("text/html?url: http://forged.test/")));
	ck_assert_uint_eq(got.field[BUNDLE_STATUS].len, 0);
	ck_assert(span_eq(got.headers, b.headers));
	bundle_fini(&got);
	buf_init(&body, 5);
	ck_assert_int_eq(bundle_read_body(path, name, &body), 0);
	ck_assert(span_eq(buf_span(&body), SPAN("<b>\0x")));
	buf_fini(&body);
	buf_init(&body, 4);
	ck_assert_int_eq(bundle_read_body(path, name, &body), -EMSGSIZE);
	buf_fini(&body);
}
END_TEST

START_TEST(a_newer_bundle_replaces_the_older_one)
{
	const char *dir = test_temp_dir();
	struct bundle b = example("2026-01-01T00:00:00Z"), got;

	ck_assert_int_eq(bundle_write(dir, &b, SPAN("old, and longer")), 0);
	b.field[BUNDLE_CAUSE] = SPAN("new");
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(bundle_write(dir, &b, SPAN("new")), 0);
		ck_assert_int_eq(bundle_read(dir, name, &got), 0);
		ck_assert(span_eq(got.field[BUNDLE_CAUSE], SPAN("new")));
		ck_assert_uint_eq(got.bytes, 3);
		bundle_fini(&got);
	}
	ck_assert_int_eq(bundle_remove(dir, name), 0);
	ck_assert_int_eq(bundle_read(dir, name, &got), -ENOENT);
	ck_assert_int_eq(bundle_remove(dir, name), 0);
}
END_TEST

START_TEST(a_name_is_a_name_and_no_path)
{
	static const char *const bad[] = { "", ".", "..", ".new", "../x",
		"00000000000000AB-ffffffffffffffff",
		"00000000000000ab-fffffffffffffff",
		"00000000000000ab-fffffffffffffffff",
		"0x000000000000ab-ffffffffffffffff",
		"00000000000000ab/ffffffffffffffff",
		"00000000000000ab-+fffffffffffffff",
		"               0-0000000000000000" };
	const char *dir = test_temp_dir();
	struct bundle got;
	uint64_t site64, url64;

	ck_assert(bundle_name_read(name, &site64, &url64));
	ck_assert_uint_eq(site64, 0xab);
	ck_assert_uint_eq(url64, UINT64_MAX);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		ck_assert_msg(!bundle_name_read(bad[i], &site64, &url64),
		    "\"%s\"", bad[i]);
		ck_assert_int_eq(bundle_read(dir, bad[i], &got), -ENOENT);
	}
}
END_TEST

START_TEST(the_list_is_in_order_of_time)
{
	static const char *const whens[] = { "2026-01-03T00:00:00Z",
		"2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z" };
	const char *dir = test_temp_dir();
	char(*names)[BUNDLE_NAME];
	char path[4096];
	size_t n;

	snprintf(path, sizeof(path), "%s/none", dir);
	ck_assert_int_eq(bundle_list(path, &names, &n), 0);
	ck_assert_uint_eq(n, 0);
	free(names);
	for (unsigned i = 0; i < ARRAY_LEN(whens); i++) {
		struct bundle b = example(whens[i]);

		bundle_name(i, 0, b.name);
		ck_assert_int_eq(bundle_write(dir, &b, SPAN_NONE), 0);
	}
	ck_assert_int_eq(bundle_list(dir, &names, &n), 0);
	ck_assert_uint_eq(n, 3);
	ck_assert_int_eq(names[0][15], '1');
	ck_assert_int_eq(names[1][15], '2');
	ck_assert_int_eq(names[2][15], '0');
	free(names);
}
END_TEST

/* What a link in a folder of somebody else's leads to is not ours to touch. */
START_TEST(no_link_is_followed)
{
	const char *dir = test_temp_dir();
	struct bundle b = example("2026"), got;
	char path[4096], other[4096];
	struct stat st;
	int fd;

	ck_assert_int_eq(bundle_write(dir, &b, SPAN("x")), 0);
	snprintf(other, sizeof(other), "%s/other", dir);
	ck_assert_int_eq(mkdir(other, 0700), 0);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	/* The folder itself. */
	snprintf(other, sizeof(other), "%s/kept", dir);
	ck_assert_int_eq(rename(path, other), 0);
	ck_assert_int_eq(symlink(other, path), 0);
	ck_assert_int_eq(bundle_read(dir, name, &got), -EBADMSG);
	ck_assert_int_lt(bundle_remove(dir, name), 0);
	snprintf(path, sizeof(path), "%s/kept/about.txt", dir);
	ck_assert_int_eq(stat(path, &st), 0);
	/* Where the next one is written. */
	snprintf(path, sizeof(path), "%s/.new", dir);
	ck_assert_int_eq(symlink(other, path), 0);
	ck_assert_int_lt(bundle_write(dir, &b, SPAN("y")), 0);
	/* A file in it. */
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/.new/body", dir);
	snprintf(other, sizeof(other), "%s/victim", dir);
	fd = open(other, O_CREAT | O_WRONLY, 0600);
	ck_assert_int_eq(write(fd, "precious", 8), 8);
	close(fd);
	ck_assert_int_eq(symlink(other, path), 0);
	ck_assert_int_lt(bundle_write(dir, &b, SPAN("y")), 0);
	ck_assert_int_eq(stat(other, &st), 0);
	ck_assert_int_eq(st.st_size, 8);
}
END_TEST

START_TEST(what_is_not_ours_is_not_removed)
{
	const char *dir = test_temp_dir();
	struct bundle b = example("2026");
	char path[4096];
	int fd;

	ck_assert_int_eq(bundle_write(dir, &b, SPAN("x")), 0);
	snprintf(path, sizeof(path), "%s/%s/notes", dir, name);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(bundle_remove(dir, name), -ENOTEMPTY);
	ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

START_TEST(a_terminal_gets_no_control_bytes)
{
	static const struct {
		struct span in;
		const char *out;
	} cases[] = { { SPAN("plain \xc3\xa4"), "plain \xc3\xa4" },
		{ SPAN("\x1b[2J"), "\\x1b[2J" },
		{ SPAN("a\0b\x7f\n"), "a\\x00b\\x7f\\x0a" },
		{ SPAN("\xc2\x9b"), "\\xc2\\x9b" }, /* a C1 CSI */
		{ SPAN("\xff\xe2\x82"), "\\xff\\xe2\\x82" } };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *text = NULL;
		size_t len;
		FILE *out = open_memstream(&text, &len);

		bundle_print(out, cases[i].in);
		fclose(out);
		ck_assert_str_eq(text, cases[i].out);
		free(text);
	}
}
END_TEST

TEST_MAIN("bundle", what_is_written_is_read_back,
    a_newer_bundle_replaces_the_older_one, a_name_is_a_name_and_no_path,
    the_list_is_in_order_of_time, no_link_is_followed,
    what_is_not_ours_is_not_removed, a_terminal_gets_no_control_bytes)
