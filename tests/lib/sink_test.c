#include "lib/archive/sink.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/harness.h"

/*
 * What the sink asks of the kernel to make things durable, one letter a call:
 * 'd' fdatasync, 'f' fsync of a folder.  The program's own functions win over
 * libc's, so a test sees every call and may let one fail.
 */
static char calls[64];
static int fail_sync;  /* errno for the next syncs; 0: none */
static bool fail_cuts; /* ftruncate() fails */

static void
note(char call)
{
	size_t n = strlen(calls);

	if (n + 1 < sizeof(calls))
		calls[n] = call;
}

static void
forget_calls(void)
{
	memset(calls, 0, sizeof(calls));
}

int
fdatasync(int fd)
{
	note('d');
	if (fail_sync != 0) {
		errno = fail_sync;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

int
fsync(int fd)
{
	struct stat st;

	note(fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) ? 'f' : '?');
	if (fail_sync != 0) {
		errno = fail_sync;
		return -1;
	}
	return (int)syscall(SYS_fsync, fd);
}

int
ftruncate(int fd, off_t size)
{
	if (fail_cuts) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_ftruncate, fd, size);
}

static const char *
path_of(const char *dir, const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void
put(const char *dir, const char *name, const char *text)
{
	FILE *file = fopen(path_of(dir, name), "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

/* The text of a file, at most 8 KiB; "(none)" when it is not there. */
static const char *
get(const char *dir, const char *name)
{
	static char text[8192];
	FILE *file = fopen(path_of(dir, name), "r");

	if (file == NULL)
		return "(none)";
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	return text;
}

static int
count_entries(const char *dir)
{
	DIR *folder = opendir(dir);
	int n = -2; /* "." and ".." */

	ck_assert_ptr_nonnull(folder);
	while (readdir(folder) != NULL)
		n++;
	closedir(folder);
	return n;
}

static struct sink *
open_at(const char *dir, uint64_t end, uint64_t rotate)
{
	struct sink *sink = NULL;
	struct err err = ERR_NONE;
	int r = sink_open(dir, end, rotate, &sink, &err);

	ck_assert_msg(r == 0, "%s", err.text);
	ck_assert_uint_eq(sink_end(sink), end);
	return sink;
}

static uint64_t
append(struct sink *sink, const char *lines)
{
	struct err err = ERR_NONE;
	uint64_t end = 0;
	int r = sink_append(sink, span_from(lines), &end, &err);

	ck_assert_msg(r == 0, "%s", err.text);
	ck_assert_uint_eq(end, sink_end(sink));
	return end;
}

static void
sync_now(struct sink *sink)
{
	struct err err = ERR_NONE;
	int r = sink_sync(sink, &err);

	ck_assert_msg(r == 0, "%s", err.text);
}

/* Opening fails with `want`, the sentence names `word`, *out is left alone. */
static void
refuse(const char *dir, uint64_t end, int want, const char *word)
{
	struct sink *sink = (void *)&fail_cuts;
	struct err err = ERR_NONE;

	ck_assert_int_eq(sink_open(dir, end, 100, &sink, &err), want);
	ck_assert_ptr_eq(sink, (void *)&fail_cuts);
	ck_assert_msg(strstr(err.text, word) != NULL, "%s", err.text);
}

START_TEST(sink_numbers_its_files_and_rotates_by_size)
{
	const char *dir = path_of(test_temp_dir(), "out");
	char *folder = strdup(dir);
	struct sink *sink = open_at(folder, 0, 10);

	/* The folder is made, a file is not: there may never be a record. */
	ck_assert_int_eq(count_entries(folder), 0);
	ck_assert_uint_eq(append(sink, ""), 0);
	ck_assert_uint_eq(append(sink, "1234\n"), SINK_END(1, 5));
	ck_assert_uint_eq(append(sink, "678\n"), SINK_END(1, 9));
	ck_assert_uint_eq(append(sink, "the last\n"), SINK_END(1, 18));
	ck_assert_uint_eq(append(sink, ""), SINK_END(1, 18));
	ck_assert_uint_eq(append(sink, "longer than 10\n"), SINK_END(2, 15));
	ck_assert_uint_eq(append(sink, "x\n"), SINK_END(3, 2));
	sink_close(sink);
	ck_assert_str_eq(get(folder, "pages-000001.jsonl"),
	    "1234\n678\nthe last\n");
	ck_assert_str_eq(get(folder, "pages-000002.jsonl"), "longer than 10\n");
	ck_assert_str_eq(get(folder, "pages-000003.jsonl"), "x\n");
	ck_assert_int_eq(count_entries(folder), 3);

	/* And goes on where it was. */
	sink = open_at(folder, SINK_END(3, 2), 10);
	ck_assert_uint_eq(append(sink, "y\n"), SINK_END(3, 4));
	sink_close(sink);
	ck_assert_str_eq(get(folder, "pages-000003.jsonl"), "x\ny\n");
	free(folder);
}
END_TEST

START_TEST(sink_cuts_a_torn_tail_and_what_came_later)
{
	const char *dir = test_temp_dir();
	struct sink *sink;

	put(dir, "pages-000001.jsonl", "one\n");
	put(dir, "pages-000002.jsonl", "two\ntorn");
	put(dir, "pages-000003.jsonl", "three\n");
	put(dir, "pages-000007.jsonl", "a gap is no reason to keep it\n");
	sink = open_at(dir, SINK_END(2, 4), 100);
	ck_assert_str_eq(get(dir, "pages-000001.jsonl"), "one\n");
	ck_assert_str_eq(get(dir, "pages-000002.jsonl"), "two\n");
	ck_assert_int_eq(count_entries(dir), 2);
	append(sink, "new\n");
	sink_close(sink);
	ck_assert_str_eq(get(dir, "pages-000002.jsonl"), "two\nnew\n");

	/* To the start of a file, and to the start of all. */
	sink_close(open_at(dir, SINK_END(2, 0), 100));
	ck_assert_str_eq(get(dir, "pages-000002.jsonl"), "");
	sink_close(open_at(dir, SINK_END(3, 0), 100));
	ck_assert_str_eq(get(dir, "pages-000003.jsonl"), "");
	ck_assert_int_eq(count_entries(dir), 3);
	sink_close(open_at(dir, 0, 100));
	ck_assert_int_eq(count_entries(dir), 0);
}
END_TEST

START_TEST(sink_leaves_other_files_alone)
{
	static const char *const names[] = { "pages-000000.jsonl",
		"pages-00002.jsonl", "pages-0000002.jsonl",
		"pages-000002.jsonl~", "pages-000002.json",
		"pages-000002.jsonl.gz", "pages-.jsonl", "pages-00000x.jsonl",
		"pages-16777216.jsonl", "pages-4294967298.jsonl",
		"pages-18446744073709551618.jsonl", "xpages-000002.jsonl",
		"pages--00002.jsonl", "notes" };
	const char *dir = test_temp_dir();

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		put(dir, names[i], "mine\n");
	put(dir, "pages-16777215.jsonl", "the last number\n");
	ck_assert_int_eq(mkdir(path_of(dir, "pages-000001"), 0755), 0);
	sink_close(open_at(dir, 0, 100));
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		ck_assert_str_eq(get(dir, names[i]), "mine\n");
	ck_assert_int_eq(count_entries(dir), (int)ARRAY_LEN(names) + 1);
}
END_TEST

START_TEST(sink_shorter_than_the_cut_is_refused_and_unchanged)
{
	const char *dir = test_temp_dir();
	char *gone = strdup(path_of(dir, "gone"));

	put(dir, "pages-000001.jsonl", "123\n");
	put(dir, "pages-000003.jsonl", "later\n");
	refuse(dir, SINK_END(1, 5), -ENODATA, "pages-000001.jsonl");
	refuse(dir, SINK_END(2, 1), -ENODATA, "pages-000002.jsonl");
	refuse(dir, 7, -ENODATA, "position");
	ck_assert_str_eq(get(dir, "pages-000001.jsonl"), "123\n");
	ck_assert_str_eq(get(dir, "pages-000003.jsonl"), "later\n");
	ck_assert_int_eq(count_entries(dir), 2);
	refuse(gone, SINK_END(1, 4), -ENODATA, "gone");
	ck_assert_int_eq(access(gone, F_OK), -1);
	refuse(path_of(dir, "pages-000001.jsonl"), 0, -EIO, "directory");
	free(gone);
}
END_TEST

START_TEST(sink_refuses_what_is_no_file_in_the_place_of_one)
{
	const char *outside = test_temp_dir();
	char *target = strdup(path_of(outside, "target"));
	const char *dir = test_temp_dir();
	struct err err = ERR_NONE;
	struct sink *sink;
	uint64_t end = 42;

	put(outside, "target", "precious\n");
	put(dir, "pages-000002.jsonl", "later\n");
	ck_assert_int_eq(symlink(target, path_of(dir, "pages-000001.jsonl")),
	    0);
	refuse(dir, SINK_END(1, 3), -EIO, "symbolic link");
	refuse(dir, 0, -EIO, "pages-000001.jsonl");
	ck_assert_int_eq(unlink(path_of(dir, "pages-000001.jsonl")), 0);

	ck_assert_int_eq(mkdir(path_of(dir, "pages-000001.jsonl"), 0755), 0);
	refuse(dir, SINK_END(1, 0), -EIO, "pages-000001.jsonl");
	refuse(dir, 0, -EIO, "pages-000001.jsonl");
	ck_assert_int_eq(rmdir(path_of(dir, "pages-000001.jsonl")), 0);

	/* Opening a FIFO must not wait for its other end either. */
	ck_assert_int_eq(mkfifo(path_of(dir, "pages-000001.jsonl"), 0600), 0);
	refuse(dir, SINK_END(1, 0), -EIO, "regular");
	ck_assert_int_eq(unlink(path_of(dir, "pages-000001.jsonl")), 0);
	/* All those refusals changed nothing. */
	ck_assert_str_eq(get(dir, "pages-000002.jsonl"), "later\n");

	/* One that comes to lie there later, where the next file goes. */
	sink = open_at(dir, 0, 4);
	append(sink, "first\n");
	ck_assert_int_eq(symlink(target, path_of(dir, "pages-000002.jsonl")),
	    0);
	ck_assert_int_eq(sink_append(sink, SPAN("second\n"), &end, &err), -EIO);
	ck_assert_ptr_nonnull(strstr(err.text, "pages-000002.jsonl"));
	ck_assert_uint_eq(end, 42);
	ck_assert_uint_eq(sink_end(sink), SINK_END(1, 6));
	ck_assert_int_eq(unlink(path_of(dir, "pages-000002.jsonl")), 0);
	ck_assert_uint_eq(append(sink, "second\n"), SINK_END(2, 7));
	sink_close(sink);
	ck_assert_str_eq(get(outside, "target"), "precious\n");
	free(target);
}
END_TEST

START_TEST(sink_goes_on_past_six_digits)
{
	const char *dir = test_temp_dir();
	struct sink *sink;
	struct err err = ERR_NONE;
	uint64_t end;

	put(dir, "pages-999999.jsonl", "full\n");
	sink = open_at(dir, SINK_END(999999, 5), 5);
	ck_assert_uint_eq(append(sink, "next\n"), SINK_END(1000000, 5));
	sink_close(sink);
	ck_assert_str_eq(get(dir, "pages-1000000.jsonl"), "next\n");
	sink_close(open_at(dir, SINK_END(999999, 5), 5));
	ck_assert_int_eq(count_entries(dir), 1);

	/* The last number there is. */
	put(dir, "pages-16777215.jsonl", "full\n");
	sink = open_at(dir, SINK_END(16777215, 5), 5);
	ck_assert_int_eq(sink_append(sink, SPAN("x\n"), &end, &err), -EIO);
	ck_assert_ptr_nonnull(strstr(err.text, "numbers"));
	sink_close(sink);
}
END_TEST

START_TEST(sink_syncs_what_changed_and_no_more)
{
	const char *dir = test_temp_dir();
	struct sink *sink = open_at(dir, 0, 10);

	forget_calls();
	sync_now(sink);
	ck_assert_str_eq(calls, "");
	append(sink, "one\n");
	append(sink, "two\n");
	ck_assert_str_eq(calls, "");
	sync_now(sink);
	ck_assert_str_eq(calls, "df"); /* a new file: its name as well */
	sync_now(sink);
	ck_assert_str_eq(calls, "df");
	append(sink, "three\n");
	sync_now(sink);
	ck_assert_str_eq(calls, "dfd");
	/* Nobody comes back to a file that is full: synced when left. */
	append(sink, "four\n");
	ck_assert_str_eq(calls, "dfd");
	sync_now(sink);
	ck_assert_str_eq(calls, "dfddf");
	append(sink, "five and more\n");
	append(sink, "six\n");
	ck_assert_str_eq(calls, "dfddfd");
	sync_now(sink);
	ck_assert_str_eq(calls, "dfddfddf");
	sink_close(sink);

	/* A cut is a change, of the file and of the folder. */
	forget_calls();
	sink = open_at(dir, SINK_END(1, 4), 10);
	forget_calls();
	sync_now(sink);
	ck_assert_str_eq(calls, "df");
	sink_close(sink);
}
END_TEST

/* Its folder lies in another one, which has the name: a recorder that was
 * killed between making and syncing leaves the sync to the next. */
START_TEST(sink_whose_maker_was_killed_survives_a_power_cut)
{
	const char *dir = test_temp_dir();
	char *folder = strdup(path_of(dir, "new"));

	for (int i = 0; i < 2; i++) {
		forget_calls();
		sink_close(open_at(folder, 0, 10));
		ck_assert_str_eq(calls, "f");
	}
	free(folder);
}
END_TEST

START_TEST(sink_that_could_not_sync_takes_nothing_more)
{
	static const int errors[][2] = { { EIO, -EIO }, { ENOSPC, -ENOSPC } };

	for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
		const char *dir = test_temp_dir();
		struct sink *sink = open_at(dir, 0, 100);
		struct err err = ERR_NONE;
		uint64_t end = 0;

		append(sink, "one\n");
		fail_sync = errors[i][0];
		ck_assert_int_eq(sink_sync(sink, &err), errors[i][1]);
		ck_assert_ptr_nonnull(strstr(err.text, "pages-000001.jsonl"));
		/* The kernel would say yes now, about pages that it lost. */
		fail_sync = 0;
		ck_assert_int_eq(sink_sync(sink, &err), -EIO);
		ck_assert_int_eq(sink_append(sink, SPAN("two\n"), &end, &err),
		    -EIO);
		ck_assert_ptr_nonnull(strstr(err.text, "doubt"));
		ck_assert_str_eq(get(dir, "pages-000001.jsonl"), "one\n");
		sink_close(sink);
	}
}
END_TEST

START_TEST(sink_that_could_not_sync_its_folder_takes_nothing_more)
{
	const char *dir = test_temp_dir();
	struct sink *sink;
	struct err err = ERR_NONE;
	uint64_t end = 0;

	put(dir, "pages-000001.jsonl", "one\n");
	put(dir, "pages-000002.jsonl", "two\n");
	sink = open_at(dir, SINK_END(1, 4), 100);
	fail_sync = EIO;
	ck_assert_int_eq(sink_sync(sink, &err), -EIO);
	fail_sync = 0;
	ck_assert_int_eq(sink_append(sink, SPAN("x\n"), &end, &err), -EIO);
	sink_close(sink);
}
END_TEST

/* --- a disk that fills up ------------------------------------------------ */

START_TEST(sink_on_a_full_disk_keeps_whole_lines)
{
	const char *dir = test_temp_dir();
	struct err err = ERR_NONE;
	struct sink *sink;
	struct stat st;
	uint64_t end = 42;
	char *lines;

	if (!test_tmpfs(dir, "size=256k"))
		return;
	lines = malloc(200 * 1024);
	ck_assert_ptr_nonnull(lines);
	memset(lines, 'x', 200 * 1024);
	sink = open_at(dir, 0, 1 << 30);
	append(sink, "first\n");
	ck_assert_int_eq(sink_append(sink, span_of(lines, 200 * 1024), &end,
			     &err),
	    0);
	/* Half of it has room: the kernel takes that half, then refuses. */
	end = 42;
	ck_assert_int_eq(sink_append(sink, span_of(lines, 200 * 1024), &end,
			     &err),
	    -ENOSPC);
	ck_assert_ptr_nonnull(strstr(err.text, "pages-000001.jsonl"));
	ck_assert_uint_eq(end, 42);
	ck_assert_uint_eq(sink_end(sink), SINK_END(1, 6 + 200 * 1024));
	ck_assert_int_eq(stat(path_of(dir, "pages-000001.jsonl"), &st), 0);
	ck_assert_int_eq(st.st_size, 6 + 200 * 1024);
	/* What fits goes on; so does the large one, when there is room. */
	append(sink, "small\n");
	sync_now(sink);
	ck_assert_int_eq(mount("tmpfs", dir, "tmpfs", MS_REMOUNT, "size=1m"),
	    0);
	ck_assert_int_eq(sink_append(sink, span_of(lines, 200 * 1024), &end,
			     &err),
	    0);
	ck_assert_uint_eq(end, SINK_END(1, 12 + 400 * 1024));
	sink_close(sink);
	free(lines);
}
END_TEST

START_TEST(sink_on_a_full_disk_makes_no_half_of_a_new_file)
{
	const char *dir = test_temp_dir();
	struct err err = ERR_NONE;
	struct sink *sink;
	uint64_t end = 42;
	char *lines;

	if (!test_tmpfs(dir, "size=256k,nr_inodes=8"))
		return;
	lines = malloc(300 * 1024);
	ck_assert_ptr_nonnull(lines);
	memset(lines, 'x', 300 * 1024);
	sink = open_at(dir, 0, 4);
	/* Not even the first one. */
	ck_assert_int_eq(sink_append(sink, span_of(lines, 300 * 1024), &end,
			     &err),
	    -ENOSPC);
	ck_assert_uint_eq(sink_end(sink), 0);
	ck_assert_int_eq(count_entries(dir), 0);
	append(sink, "first\n");
	ck_assert_int_eq(sink_append(sink, span_of(lines, 300 * 1024), &end,
			     &err),
	    -ENOSPC);
	ck_assert_uint_eq(end, 42);
	ck_assert_uint_eq(sink_end(sink), SINK_END(1, 6));
	ck_assert_int_eq(count_entries(dir), 1);
	/* No room for so much as a name. */
	for (int i = 0; i < 8; i++) {
		char name[8] = { (char)('a' + i) };
		int fd = open(path_of(dir, name), O_WRONLY | O_CREAT, 0600);

		if (fd >= 0)
			close(fd);
	}
	ck_assert_int_eq(sink_append(sink, SPAN("second\n"), &end, &err),
	    -ENOSPC);
	ck_assert_int_eq(unlink(path_of(dir, "a")), 0);
	ck_assert_uint_eq(append(sink, "second\n"), SINK_END(2, 7));
	sink_close(sink);
	ck_assert_str_eq(get(dir, "pages-000001.jsonl"), "first\n");
	ck_assert_str_eq(get(dir, "pages-000002.jsonl"), "second\n");
	free(lines);
}
END_TEST

START_TEST(sink_that_could_not_cut_back_takes_nothing_more)
{
	const char *dir = test_temp_dir();
	struct err err = ERR_NONE;
	struct sink *sink;
	uint64_t end;
	char *lines;

	if (!test_tmpfs(dir, "size=64k"))
		return;
	lines = calloc(1, 80 * 1024);
	ck_assert_ptr_nonnull(lines);
	sink = open_at(dir, 0, 1 << 30);
	append(sink, "first\n");
	fail_cuts = true;
	ck_assert_int_eq(sink_append(sink, span_of(lines, 80 * 1024), &end,
			     &err),
	    -ENOSPC);
	ck_assert_int_eq(sink_append(sink, SPAN("x\n"), &end, &err), -EIO);
	ck_assert_int_eq(sink_sync(sink, &err), -EIO);
	sink_close(sink);
	/* The next one cuts, and goes on. */
	fail_cuts = false;
	sink = open_at(dir, SINK_END(1, 6), 1 << 30);
	append(sink, "second\n");
	sink_close(sink);
	ck_assert_str_eq(get(dir, "pages-000001.jsonl"), "first\nsecond\n");
	free(lines);
}
END_TEST

/* --- any order of things -------------------------------------------------
 */

/* All segments in order, as one text. */
static size_t
read_all(const char *dir, char *text, size_t size)
{
	size_t len = 0;

	for (uint32_t i = 1;; i++) {
		char name[40];
		FILE *file;

		snprintf(name, sizeof(name), "pages-%06u.jsonl", i);
		file = fopen(path_of(dir, name), "r");
		if (file == NULL)
			return len;
		len += fread(text + len, 1, size - len, file);
		fclose(file);
	}
}

START_TEST(sink_holds_what_was_vouched_for_after_any_stop)
{
	static char model[1 << 16], found[1 << 16];
	uint64_t state = test_seed();
	const char *dir = test_temp_dir();

	for (int run = 0; run < 30; run++) {
		/* Positions that somebody may vouch for, and how long the
		 * text is up to each of them. */
		uint64_t ends[400] = { 0 };
		size_t lens[400] = { 0 };
		size_t n = 1;
		struct sink *sink = open_at(dir, 0, 40);

		for (int step = 0; step < 200; step++) {
			uint64_t pick = test_random(&state);
			size_t len = (pick >> 8) % 60;

			if (pick % 8 == 0) {
				/* Stopped; the next one starts at a position
				 * that was vouched for, never mind the tail. */
				size_t keep = (pick >> 16) % n;

				sink_close(sink);
				sink = open_at(dir, ends[keep], 40);
				n = keep + 1;
				continue;
			}
			for (size_t i = 0; i < len; i++)
				model[lens[n - 1] + i] =
				    (char)('a' + test_random(&state) % 26);
			must(
			    sink_append(sink, span_of(model + lens[n - 1], len),
				&ends[n], NULL) == 0);
			lens[n] = lens[n - 1] + len;
			n++;
		}
		sink_close(sink);
		ck_assert_uint_eq(read_all(dir, found, sizeof(found)),
		    lens[n - 1]);
		ck_assert_int_eq(memcmp(found, model, lens[n - 1]), 0);
	}
}
END_TEST

TEST_MAIN("sink", sink_numbers_its_files_and_rotates_by_size,
    sink_cuts_a_torn_tail_and_what_came_later, sink_leaves_other_files_alone,
    sink_shorter_than_the_cut_is_refused_and_unchanged,
    sink_refuses_what_is_no_file_in_the_place_of_one,
    sink_goes_on_past_six_digits, sink_syncs_what_changed_and_no_more,
    sink_that_could_not_sync_takes_nothing_more,
    sink_that_could_not_sync_its_folder_takes_nothing_more,
    sink_whose_maker_was_killed_survives_a_power_cut,
    sink_on_a_full_disk_keeps_whole_lines,
    sink_on_a_full_disk_makes_no_half_of_a_new_file,
    sink_that_could_not_cut_back_takes_nothing_more,
    sink_holds_what_was_vouched_for_after_any_stop)
