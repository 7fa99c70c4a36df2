#include "lib/archive/jsonl.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/utf8.h"
#include "tests/harness.h"

/* Nothing in the line that ends it early or moves a cursor. */
static bool
is_one_line(struct span line)
{
	for (size_t i = 0; i + 1 < line.len; i++) {
		if ((uint8_t)line.ptr[i] < 0x20 || line.ptr[i] == 0x7F)
			return false;
	}
	return line.len > 0 && line.ptr[line.len - 1] == '\n';
}

/* The line as another program reads it; the caller gives it back. */
static json_t *
read_back(const struct buf *buf)
{
	json_error_t error;
	json_t *line;

	ck_assert(is_one_line(buf_span(buf)));
	line = json_loadb(buf->ptr, buf->len, JSON_ALLOW_NUL, &error);
	ck_assert_msg(line != NULL, "%s at %d: %.*s", error.text,
	    error.position, (int)(buf->len < 400 ? buf->len : 400), buf->ptr);
	return line;
}

/* What a WHATWG decoder makes of the bytes. */
static void
repair(struct span s, struct buf *out)
{
	while (s.len > 0) {
		size_t len;
		uint32_t cp = utf8_decode(s, &len, NULL);
		char *room = buf_room(out, 4);

		must(room != NULL); /* Check's asserts are too slow in here */
		out->len += utf8_encode(cp, room);
		s = span_from_at(s, len);
	}
}

/* Write `text`, read it back, compare with the repaired text. */
static void
check_text(struct span text)
{
	struct buf out, want;
	struct jsonl json;
	json_t *line, *value;

	buf_init(&out, 1 << 24);
	buf_init(&want, 1 << 24);
	repair(text, &want);
	jsonl_begin(&json, &out);
	jsonl_text(&json, "t", text);
	ck_assert_int_eq(jsonl_end(&json), 0);
	ck_assert_uint_eq(utf8_valid_prefix(buf_span(&out)), out.len);
	line = read_back(&out);
	value = json_object_get(line, "t");
	ck_assert(json_is_string(value));
	ck_assert_uint_eq(json_string_length(value), want.len);
	ck_assert(span_eq(buf_span(&want),
	    span_of(json_string_value(value), json_string_length(value))));
	json_decref(line);
	buf_fini(&out);
	buf_fini(&want);
}

START_TEST(jsonl_writes_every_kind_of_value)
{
	struct buf out;
	struct jsonl json;

	buf_init(&out, 4096);
	jsonl_begin(&json, &out);
	jsonl_text(&json, "text", SPAN("a\"b\\c\n\x01\x7F"));
	jsonl_text(&json, "empty", SPAN_NONE);
	jsonl_int(&json, "int", INT64_MIN);
	jsonl_uint(&json, "uint", UINT64_MAX);
	jsonl_bool(&json, "yes", true);
	jsonl_open(&json, "list", '[');
	jsonl_uint(&json, NULL, 0);
	jsonl_open(&json, NULL, '{');
	jsonl_bool(&json, "no", false);
	jsonl_close(&json, '}');
	jsonl_int(&json, NULL, -7);
	jsonl_close(&json, ']');
	jsonl_base64(&json, "b", SPAN("foob"));
	ck_assert_int_eq(jsonl_end(&json), 0);
	jsonl_begin(&json, &out);
	ck_assert_int_eq(jsonl_end(&json), 0);
	ck_assert_int_eq(buf_add_char(&out, '\0'), 0);
	ck_assert_str_eq(out.ptr,
	    "{\"text\":\"a\\\"b\\\\c\\n\\u0001\\u007f\",\"empty\":\"\","
	    "\"int\":-9223372036854775808,\"uint\":18446744073709551615,"
	    "\"yes\":true,\"list\":[0,{\"no\":false},-7],\"b\":\"Zm9vYg==\"}\n"
	    "{}\n");
	buf_fini(&out);
}
END_TEST

START_TEST(jsonl_time_is_rfc_3339_or_absent)
{
	static const struct {
		int64_t ms;
		const char *line;
	} cases[] = {
		{ 0, "{\"t\":\"1970-01-01T00:00:00.000Z\"}\n" },
		{ 1795401682123, "{\"t\":\"2026-11-23T02:41:22.123Z\"}\n" },
		{ 951782400999, "{\"t\":\"2000-02-29T00:00:00.999Z\"}\n" },
		{ JSONL_TIME_MAX, "{\"t\":\"9999-12-31T23:59:59.999Z\"}\n" },
		{ JSONL_TIME_MAX + 1, "{}\n" },
		{ INT64_MAX, "{}\n" },
		{ -1, "{}\n" },
		{ INT64_MIN, "{}\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out;
		struct jsonl json;

		buf_init(&out, 100);
		jsonl_begin(&json, &out);
		jsonl_time(&json, "t", cases[i].ms);
		ck_assert_int_eq(jsonl_end(&json), 0);
		ck_assert_int_eq(buf_add_char(&out, '\0'), 0);
		ck_assert_str_eq(out.ptr, cases[i].line);
		buf_fini(&out);
	}
}
END_TEST

START_TEST(jsonl_text_keeps_every_code_point)
{
	static char text[4 * 5000];

	/* Blocks longer than what is worked on at once. */
	for (uint32_t cp = 0; cp <= 0x10FFFF;) {
		size_t len = 0;

		for (int i = 0; i < 5000 && cp <= 0x10FFFF; i++, cp++)
			len += utf8_encode(cp, text + len);
		check_text(span_of(text, len));
	}
}
END_TEST

START_TEST(jsonl_text_hides_what_ends_lines_for_others)
{
	struct buf out;
	struct jsonl json;

	buf_init(&out, 4096);
	jsonl_begin(&json, &out);
	jsonl_text(&json, "t",
	    SPAN("\xE2\x80\xA8\xE2\x80\xA9\xC2\x85\xC2\x9B\xC2\xA0"));
	ck_assert_int_eq(jsonl_end(&json), 0);
	ck_assert(span_eq(buf_span(&out),
	    SPAN("{\"t\":\"\\u2028\\u2029\\u0085\\u009b\xC2\xA0\"}\n")));
	buf_fini(&out);
}
END_TEST

START_TEST(jsonl_text_repairs_random_bytes)
{
	/* Pieces that meet at every kind of edge. */
	static const struct span pieces[] = {
		{ "plain text, more than eight", 27 },
		{ "\"", 1 },
		{ "\\", 1 },
		{ "\0", 1 },
		{ "\xC3\xA9", 2 },
		{ "\xE2\x82\xAC", 3 },
		{ "\xF0\x9F\x98\x80", 4 },
		{ "\xF0\x9F", 2 },
		{ "\xED\xA0\x80", 3 },
		{ "\xC0", 1 },
		{ "\x80", 1 },
		{ "\xFF", 1 },
		{ "\xE2\x80\xA8", 3 },
	};
	uint64_t state = test_seed();

	for (int run = 0; run < 3000; run++) {
		size_t want = run % 3 ? test_random(&state) % 64
				      : 4060 + test_random(&state) % 4300;
		struct buf text;

		buf_init(&text, 1 << 16);
		while (text.len < want) {
			uint64_t pick = test_random(&state);
			char byte = (char)(pick >> 32);
			struct span piece =
			    pieces[(pick >> 8) % ARRAY_LEN(pieces)];

			if (pick % 4 == 0)
				piece = span_of(&byte, 1);
			must(buf_add_span(&text, piece) == 0);
		}
		check_text(buf_span(&text));
		buf_fini(&text);
	}
}
END_TEST

static atomic_bool scribbling;

static void *
scribble(void *arg)
{
	volatile char *text = arg;

	while (scribbling) {
		for (size_t i = 0; i < 4096; i += 2)
			text[i] = text[i] == 'a' ? '"' : 'a';
	}
	return NULL;
}

START_TEST(jsonl_text_that_changes_meanwhile_cannot_leave_its_string)
{
	static char text[4096];
	pthread_t thread;

	memset(text, 'a', sizeof(text));
	scribbling = true;
	ck_assert_int_eq(pthread_create(&thread, NULL, scribble, text), 0);
	for (int run = 0; run < 2000; run++) {
		struct buf out;
		struct jsonl json;
		json_t *line;

		buf_init(&out, 1 << 16);
		jsonl_begin(&json, &out);
		jsonl_text(&json, "t", span_of(text, sizeof(text)));
		ck_assert_int_eq(jsonl_end(&json), 0);
		line = read_back(&out);
		ck_assert_uint_eq(json_object_size(line), 1);
		json_decref(line);
		buf_fini(&out);
	}
	scribbling = false;
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

START_TEST(jsonl_base64_is_that_of_rfc_4648)
{
	static const struct {
		struct span bytes;
		const char *coded;
	} cases[] = {
		{ { "", 0 }, "" },
		{ { "f", 1 }, "Zg==" },
		{ { "fo", 2 }, "Zm8=" },
		{ { "foo", 3 }, "Zm9v" },
		{ { "fooba", 5 }, "Zm9vYmE=" },
		{ { "foobar", 6 }, "Zm9vYmFy" },
		{ { "\xFB\xFF\xBF", 3 }, "+/+/" },
	};
	static char zeros[3072 + 1];

	for (size_t i = 0; i <= ARRAY_LEN(cases); i++) {
		bool last = i == ARRAY_LEN(cases);
		struct buf out;
		struct jsonl json;
		json_t *line;
		const char *got;

		buf_init(&out, 1 << 16);
		jsonl_begin(&json, &out);
		jsonl_base64(&json, "b",
		    last ? span_of(zeros, sizeof(zeros)) : cases[i].bytes);
		ck_assert_int_eq(jsonl_end(&json), 0);
		line = read_back(&out);
		got = json_string_value(json_object_get(line, "b"));
		if (!last) {
			ck_assert_str_eq(got, cases[i].coded);
		} else {
			/* Padding at the very end, and nowhere else. */
			ck_assert_uint_eq(strlen(got), 4100);
			ck_assert_uint_eq(strspn(got, "A"), 4098);
			ck_assert_str_eq(got + 4098, "==");
		}
		json_decref(line);
		buf_fini(&out);
	}
}
END_TEST

START_TEST(jsonl_over_the_limit_leaves_no_part_of_a_line)
{
	int r = -1;

	for (size_t limit = 6; r < 0; limit++) {
		struct buf out;
		struct jsonl json;

		ck_assert_uint_lt(limit, 100);
		buf_init(&out, limit);
		ck_assert_int_eq(buf_add(&out, "first\n", 6), 0);
		jsonl_begin(&json, &out);
		jsonl_text(&json, "t", SPAN("four\n"));
		jsonl_open(&json, "a", '[');
		jsonl_base64(&json, NULL, SPAN("x"));
		jsonl_close(&json, ']');
		r = jsonl_end(&json);
		if (r < 0) {
			ck_assert_int_eq(r, -EMSGSIZE);
			ck_assert(span_eq(buf_span(&out), SPAN("first\n")));
		} else {
			ck_assert_uint_eq(out.len, limit);
		}
		buf_fini(&out);
	}
}
END_TEST

static void
key_in_an_array(struct jsonl *json)
{
	jsonl_open(json, "a", '[');
	jsonl_uint(json, "key", 1);
}

static void
value_without_a_key(struct jsonl *json)
{
	jsonl_uint(json, NULL, 1);
}

static void
wrong_bracket(struct jsonl *json)
{
	jsonl_open(json, "a", '[');
	jsonl_close(json, '}');
}

static void
end_inside_an_array(struct jsonl *json)
{
	jsonl_open(json, "a", '[');
	ck_assert_int_eq(jsonl_end(json), 0);
}

static void
end_inside_an_object(struct jsonl *json)
{
	jsonl_open(json, "o", '{');
	ck_assert_int_eq(jsonl_end(json), 0);
}

static void
too_deep(struct jsonl *json)
{
	for (int i = 0; i < 8; i++)
		jsonl_open(json, "a", '{');
}

START_TEST(jsonl_misused_aborts_rather_than_write_what_is_no_json)
{
	static void (*const misuses[])(struct jsonl *) = { key_in_an_array,
		value_without_a_key, wrong_bracket, end_inside_an_array,
		end_inside_an_object, too_deep };

	for (size_t i = 0; i < ARRAY_LEN(misuses); i++) {
		pid_t pid = fork();
		int status;

		ck_assert_int_ge(pid, 0);
		if (pid == 0) {
			struct jsonl json;
			struct buf out;

			signal(SIGABRT, SIG_DFL);
			/* What it says there is expected: not for the log. */
			close(STDERR_FILENO);
			buf_init(&out, 4096);
			jsonl_begin(&json, &out);
			misuses[i](&json);
			_exit(0);
		}
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_msg(WIFSIGNALED(status) &&
				  WTERMSIG(status) == SIGABRT,
		    "misuse %zu went through", i);
	}
}
END_TEST

TEST_MAIN("jsonl", jsonl_writes_every_kind_of_value,
    jsonl_time_is_rfc_3339_or_absent, jsonl_text_keeps_every_code_point,
    jsonl_text_hides_what_ends_lines_for_others,
    jsonl_text_repairs_random_bytes,
    jsonl_text_that_changes_meanwhile_cannot_leave_its_string,
    jsonl_base64_is_that_of_rfc_4648,
    jsonl_over_the_limit_leaves_no_part_of_a_line,
    jsonl_misused_aborts_rather_than_write_what_is_no_json)
