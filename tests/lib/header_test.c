#include "lib/fetch/header.h"

#include <curl/curl.h>
#include <errno.h>

#include "lib/fetch/badcert.h"
#include "lib/fetch/watchdog.h"
#include "tests/harness.h"

/* Feed a text line by line, line ends included. */
static void
feed(struct header *header, const char *text)
{
	while (*text != '\0') {
		const char *end = strchr(text, '\n');
		size_t len = end ? (size_t)(end - text) + 1 : strlen(text);

		ck_assert_int_eq(header_add(header, span_of(text, len)), 0);
		text += len;
	}
}

#define ck_assert_span_eq(s, text)                                             \
	ck_assert_msg(span_eq(s, span_from(text)), "got \"%.*s\"", SPAN_ARG(s))

START_TEST(header_keeps_the_lines_of_the_final_answer)
{
	struct header h;

	header_init(&h);
	feed(&h, "HTTP/1.1 100 Continue\r\nX-First: 1\r\n\r\n");
	ck_assert_uint_eq(header_status(&h), 0);
	feed(&h, "HTTP/1.1 404 Not Found\r\nContent-TYPE:  text/html \r\n");
	ck_assert_uint_eq(header_status(&h), 0);
	feed(&h, "X-Empty:\r\n\r\n");
	ck_assert_uint_eq(header_status(&h), 404);
	feed(&h, "X-Trailer: no\r\nHTTP/1.1 200 OK\r\n\r\n");
	ck_assert_uint_eq(header_status(&h), 404);
	ck_assert_span_eq(buf_span(&h.lines),
	    "content-type: text/html\nx-empty: \n");
	header_clear(&h);
	ck_assert_uint_eq(header_status(&h), 0);
	feed(&h, "HTTP/2 204 \r\n\r\n");
	ck_assert_uint_eq(header_status(&h), 204);
	ck_assert_uint_eq(h.lines.len, 0);
	header_fini(&h);
}
END_TEST

START_TEST(header_lines_cannot_be_forged_by_control_characters)
{
	const char line[] = "X-A: one\rb: two\x1b[31m\tthree\x7f\x00!";
	struct header h;

	header_init(&h);
	feed(&h, "HTTP/1.1 200 OK\r\n");
	ck_assert_int_eq(header_add(&h, span_of(line, sizeof(line) - 1)), 0);
	feed(&h, "no colon\r\n: no name\r\nbad name: x\r\nbad\x01: x\r\n\r\n");
	ck_assert_span_eq(buf_span(&h.lines), "x-a: oneb: two[31m three!\n");
	header_fini(&h);
}
END_TEST

START_TEST(header_joins_folded_lines)
{
	struct header h;

	header_init(&h);
	feed(&h, "HTTP/1.1 200 OK\r\n  lost\r\nA: 1\r\n\t 2\r\n 3\r\n"
		 "bad\r\n lost\r\nB: 4\r\n\r\n");
	ck_assert_span_eq(buf_span(&h.lines), "a: 1 2 3\nb: 4\n");
	header_fini(&h);
}
END_TEST

START_TEST(header_that_is_too_long_keeps_what_a_crawl_needs)
{
	static char cookie[3100] = "Set-Cookie: ";
	struct header h;

	memset(cookie + 12, 'x', 3000);
	memcpy(cookie + 3012, "\r\n", 3);
	header_init(&h);
	feed(&h, "HTTP/1.1 302 Found\r\n");
	for (int i = 0; i < 10; i++)
		feed(&h, cookie);
	feed(&h, "X-Other: small\r\nLocation: /there\r\n\r\n");
	ck_assert_uint_le(h.lines.len, HEADER_KEPT_MAX);
	ck_assert_span_eq(header_find(buf_span(&h.lines), SPAN("location")),
	    "/there");
	ck_assert_uint_eq(header_status(&h), 302);
	header_fini(&h);
}
END_TEST

START_TEST(header_that_never_ends_is_refused)
{
	struct header h;
	int r = 0;

	header_init(&h);
	for (size_t i = 0; i <= HEADER_WIRE_MAX / 12 && r == 0; i++)
		r = header_add(&h, SPAN("HTTP/1.1 103\n"));
	ck_assert_int_eq(r, -EMSGSIZE);
	header_fini(&h);
}
END_TEST

START_TEST(header_garbage_gives_no_status)
{
	static const char *const bad[] = { "", "HTTP/1.1\r\n", "HTTP/1.1 \r\n",
		"HTTP/1.1 2\r\n", "HTTP/1.1 2x0 OK\r\n", "ICY 200 OK\r\n",
		"HTTP/1.1 000 no\r\n", "HTTP/1.1 099 no\r\n" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct header h;

		header_init(&h);
		feed(&h, bad[i]);
		feed(&h, "\r\n");
		ck_assert_msg(header_status(&h) == 0, "%s", bad[i]);
		header_fini(&h);
	}
}
END_TEST

START_TEST(header_find_gives_the_last_of_a_name)
{
	struct span lines = SPAN("a: 1\nab: 2\na: 3\nb:4");

	ck_assert_span_eq(header_find(lines, SPAN("a")), "3");
	ck_assert_span_eq(header_find(lines, SPAN("b")), "4");
	ck_assert_uint_eq(header_find(lines, SPAN("c")).len, 0);
	ck_assert_uint_eq(header_find(SPAN_NONE, SPAN("c")).len, 0);
}
END_TEST

START_TEST(header_reads_retry_after_in_every_form)
{
	const int64_t day = HEADER_RETRY_AFTER_MAX_MS;
	const int64_t now = 784111717000; /* Sun, 06 Nov 1994 08:48:37 GMT */
	/* clang-format off */
	static const struct {
		const char *lines;
		int64_t ms;
	} cases[] = {
		{ "retry-after: 120\n",                           120000 },
		{ "retry-after: 0\n",                             0 },
		{ "retry-after: 99999999999999999999999999\n",    86400000 },
		{ "retry-after: Sun, 06 Nov 1994 08:49:37 GMT\n", 60000 },
		{ "retry-after: Sunday, 06-Nov-94 08:49:37 GMT\n", 60000 },
		{ "retry-after: Sun Nov  6 08:49:37 1994\n",      60000 },
		{ "retry-after: Sun, 06 Nov 1994 08:40:00 GMT\n", 0 },
		{ "retry-after: Fri, 06 Nov 2093 08:40:00 GMT\n", 86400000 },
		/* the site's clock is an hour ahead */
		{ "date: Sun, 06 Nov 1994 09:48:37 GMT\n"
		  "retry-after: Sun, 06 Nov 1994 09:49:07 GMT\n", 30000 },
		{ "retry-after: soon\n",                          -1 },
		{ "retry-after: -5\n",                            -1 },
		{ "retry-after: \n",                              -1 },
		{ "x: y\n",                                       -1 },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		ck_assert_msg(header_retry_after(span_from(cases[i].lines),
				  now) == cases[i].ms,
		    "%s", cases[i].lines);
	ck_assert_int_eq(day, 86400000);
}
END_TEST

START_TEST(watchdog_finds_the_late_ones_in_order)
{
	struct watchdog slow, never, other;
	struct watched a = { 0 }, b = { 0 };

	watchdog_init(&slow, 100);
	watchdog_init(&other, 50);
	watchdog_init(&never, 0);
	ck_assert_int_eq(watchdog_due_ms(&slow), WATCHDOG_NEVER);
	watchdog_watch(&slow, &a, 1000);
	watchdog_watch(&slow, &b, 1010);
	ck_assert_int_eq(watchdog_due_ms(&slow), 1100);
	ck_assert_ptr_null(watchdog_late(&slow, 1099));
	ck_assert_ptr_eq(watchdog_late(&slow, 1100), &a);

	/* once more from the start; then by another */
	watchdog_watch(&slow, &a, 1020);
	ck_assert_ptr_eq(watchdog_late(&slow, 1110), &b);
	watchdog_watch(&other, &b, 1020);
	ck_assert_int_eq(watchdog_due_ms(&slow), 1120);
	ck_assert_ptr_eq(watchdog_late(&other, 1070), &b);

	watchdog_watch(&never, &b, 1020);
	ck_assert_int_eq(watchdog_due_ms(&never), WATCHDOG_NEVER);
	watchdog_forget(&a);
	watchdog_forget(&a);
	ck_assert_int_eq(watchdog_due_ms(&slow), WATCHDOG_NEVER);
}
END_TEST

START_TEST(badcert_remembers_an_origin_for_a_while)
{
	static struct badcert bad;

	badcert_add(&bad, SPAN("https://a.test:8443/x?y"), 5);
	ck_assert(badcert_has(&bad, SPAN("https://a.test:8443/other"), 6));
	ck_assert(badcert_has(&bad, SPAN("https://a.test:8443"), 6));
	ck_assert(!badcert_has(&bad, SPAN("https://a.test/x?y"), 6));
	ck_assert(
	    !badcert_has(&bad, SPAN("https://a.test:8443/"), 5 + BADCERT_MS));
}
END_TEST

TEST_MAIN("header", header_keeps_the_lines_of_the_final_answer,
    header_lines_cannot_be_forged_by_control_characters,
    header_joins_folded_lines, header_that_is_too_long_keeps_what_a_crawl_needs,
    header_that_never_ends_is_refused, header_garbage_gives_no_status,
    header_find_gives_the_last_of_a_name,
    header_reads_retry_after_in_every_form,
    watchdog_finds_the_late_ones_in_order,
    badcert_remembers_an_origin_for_a_while)
