#include "lib/archive/tape.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/archive/sink.h"
#include "tests/harness.h"

static const char *
path_of(const char *dir, uint32_t segment)
{
	static char path[4096];
	char name[SINK_NAME];

	sink_name(segment, name);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void
write_file(const char *dir, uint32_t segment, const char *bytes, size_t len)
{
	FILE *file = fopen(path_of(dir, segment), "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, len, file), len);
	fclose(file);
}

static struct tape *
open_tape(const char *dir, uint64_t end)
{
	struct err err = ERR_NONE;
	struct tape *tape;

	ck_assert_msg(tape_open(dir, end, &tape, &err) == 0, "%s", err.text);
	return tape;
}

static bool
next(struct tape *tape, struct tape_line *line)
{
	struct err err = ERR_NONE;
	int r = tape_next(tape, line, &err);

	ck_assert_msg(r >= 0, "%s", err.text);
	return r == 1;
}

START_TEST(tape_of_no_folder_has_no_lines)
{
	char dir[4096];
	struct tape_line line;
	struct tape_tail tail;
	struct tape *tape;

	snprintf(dir, sizeof(dir), "%s/none", test_temp_dir());
	tape = open_tape(dir, SINK_END(3, 100));
	ck_assert(!next(tape, &line));
	ck_assert_int_eq(tape_tail(tape, &tail, NULL), 0);
	ck_assert_uint_eq(tail.files, 0);
	ck_assert_uint_eq(tape_segment(tape, 0), 0);
	tape_close(tape);
}
END_TEST

START_TEST(tape_ends_at_the_cut_and_tells_what_lies_behind)
{
	const char *dir = test_temp_dir();
	struct tape_line line;
	struct tape_tail tail;
	struct tape *tape;
	struct buf text;

	write_file(dir, 1, "a\nbc\n", 5);
	write_file(dir, 3, "def\nlate\nlate\n", 14);
	write_file(dir, 4, "later\n", 6);
	ck_assert_int_eq(mkdir(path_of(dir, 7), 0700), 0);
	tape = open_tape(dir, SINK_END(3, 6));
	ck_assert(next(tape, &line) && span_eq(line.text, SPAN("a")));
	ck_assert(next(tape, &line) && span_eq(line.text, SPAN("bc")));
	ck_assert_uint_eq(line.at, 2);
	ck_assert_uint_eq(line.len, 3);
	ck_assert(next(tape, &line) && span_eq(line.text, SPAN("def")));
	ck_assert_uint_eq(line.segment, 3);
	ck_assert(!line.torn);
	ck_assert(next(tape, &line) && span_eq(line.text, SPAN("la")));
	ck_assert(line.torn);
	ck_assert(!next(tape, &line));

	ck_assert_int_eq(tape_tail(tape, &tail, NULL), 0);
	ck_assert_uint_eq(tail.bytes, 8 + 6);
	ck_assert_uint_eq(tail.lines, 3);
	ck_assert_uint_eq(tail.files, 2);
	ck_assert_str_eq(tape_stranger(tape), "pages-000007.jsonl");
	ck_assert_uint_eq(tape_segment(tape, 1), 3);
	ck_assert_uint_eq(tape_size(tape, 3), 14);
	ck_assert_uint_eq(tape_size(tape, 2), 0);

	buf_init(&text, 2 * TAPE_LINE_MAX);
	ck_assert_int_eq(tape_read(tape, 1, 2, &text, NULL), 1);
	ck_assert(span_eq(buf_span(&text), SPAN("bc")));
	ck_assert_int_eq(tape_read(tape, 1, 5, &text, NULL), 0);
	buf_fini(&text);
	tape_close(tape);
}
END_TEST

START_TEST(tape_holds_no_line_that_is_longer_than_any)
{
	static const size_t lengths[] = { TAPE_LINE_MAX - 1, TAPE_LINE_MAX,
		TAPE_LINE_MAX + (2 << 20), 3 * (size_t)TAPE_LINE_MAX };
	const char *dir = test_temp_dir();
	char *bytes = malloc(lengths[3] + 16);
	struct tape_line line;
	struct tape *tape;

	ck_assert_ptr_nonnull(bytes);
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		size_t n = lengths[i];

		memset(bytes, 'x', n);
		memcpy(bytes + n, "\nend\n", 5);
		write_file(dir, 1, bytes, n + 5);
		tape = open_tape(dir, SINK_END(1, n + 5));
		ck_assert(next(tape, &line));
		ck_assert_uint_eq(line.len, n + 1);
		ck_assert_int_eq(line.too_long, i >= 2);
		ck_assert(!line.torn);
		ck_assert(next(tape, &line));
		ck_assert_uint_eq(line.at, n + 1);
		ck_assert(span_eq(line.text, SPAN("end")));
		ck_assert(!next(tape, &line));
		tape_close(tape);

		tape = open_tape(dir, SINK_END(1, n));
		ck_assert(next(tape, &line) && line.torn);
		ck_assert_uint_eq(line.len, n);
		ck_assert(!next(tape, &line));
		tape_close(tape);
	}
	free(bytes);
}
END_TEST

/* Whatever lies there: the lines, put together, are the bytes before the cut. */
START_TEST(tape_gives_every_byte_once)
{
	static const size_t lengths[] = { 0, 1, 30, 4096, 300000 };
	uint64_t random = test_seed();

	for (int round = 0; round < 40; round++) {
		const char *dir = test_temp_dir();
		static char bytes[3][2 << 20];
		size_t len[3], at = 0;
		uint32_t cut_in = (uint32_t)(test_random(&random) % 3);
		struct tape_line line;
		struct tape *tape;
		bool same = true;
		uint64_t cut;

		for (uint32_t k = 0; k < 3; k++) {
			len[k] = 0;
			while (test_random(&random) % 6 > 0 &&
			       len[k] < sizeof(bytes[0]) - 400000) {
				size_t n = lengths[test_random(&random) % 5];

				memset(bytes[k] + len[k], 'a' + (int)(n % 7),
				    n);
				len[k] += n;
				bytes[k][len[k]++] = '\n';
			}
			write_file(dir, k + 1, bytes[k], len[k]);
		}
		cut = test_random(&random) % (len[cut_in] + 1);
		tape = open_tape(dir, SINK_END(cut_in + 1, cut));
		for (uint32_t k = 0; k <= cut_in; k++) {
			size_t end = k == cut_in ? cut : len[k];

			for (at = 0; at < end; at += line.len) {
				ck_assert(next(tape, &line));
				same = same && line.segment == k + 1 &&
				       line.at == at &&
				       line.len == line.text.len + !line.torn &&
				       memcmp(line.text.ptr, bytes[k] + at,
					   line.text.len) == 0 &&
				       line.torn ==
					   (bytes[k][at + line.len - 1] !=
					       '\n');
			}
			same = same && at == end;
		}
		ck_assert(same);
		ck_assert(!next(tape, &line));
		tape_close(tape);
	}
}
END_TEST

TEST_MAIN("tape", tape_of_no_folder_has_no_lines,
    tape_ends_at_the_cut_and_tells_what_lies_behind,
    tape_holds_no_line_that_is_longer_than_any, tape_gives_every_byte_once)
