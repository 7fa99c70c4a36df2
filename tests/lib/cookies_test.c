#include "lib/fetch/cookies.h"

#include <errno.h>

#include "lib/fetch/cookie_date.h"
#include "lib/fetch/header.h"
#include "tests/harness.h"

#define NOW INT64_C(1700000000000)
#define DAY (INT64_C(24) * 3600 * 1000)

static struct cookies *jar;
static struct url url;
static struct buf told;

static void
open_jar(size_t limit)
{
	ck_assert_int_eq(cookies_new(limit, &jar), 0);
	url_init(&url);
	buf_init(&told, 1 << 20);
}

static void
close_jar(void)
{
	cookies_free(jar);
	url_fini(&url);
	buf_fini(&told);
}

static unsigned
take_at(const char *from, const char *cookie, int64_t now_ms)
{
	char line[8192];

	ck_assert_int_eq(url_parse(span_from(from), NULL, &url), 0);
	snprintf(line, sizeof(line), "server: x\nset-cookie: %s\n", cookie);
	return cookies_take(jar, &url, span_from(line), now_ms);
}

static struct span
give_at(const char *to, int64_t now_ms)
{
	ck_assert_int_eq(url_parse(span_from(to), NULL, &url), 0);
	buf_clear(&told);
	ck_assert_int_eq(cookies_give(jar, &url, now_ms, &told), 0);
	return buf_span(&told);
}

#define ck_assert_told(to, want)                                               \
	do {                                                                   \
		struct span got = give_at(to, NOW);                            \
		ck_assert_msg(span_eq(got, span_from(want)),                   \
		    "%s is told \"%.*s\", not \"%s\"", to, SPAN_ARG(got),      \
		    want);                                                     \
	} while (0)

/* One cookie into an empty jar, and what a request is told then. */
START_TEST(cookies_go_where_the_standard_sends_them)
{
	/* clang-format off */
	static const struct {
		const char *from, *cookie, *to, *want;
	} cases[] = {
		{ "http://a.test/", "k=v", "http://a.test/x", "k=v" },
		{ "http://a.test/", "k=v", "http://a.test:8080/x", "k=v" },
		{ "http://a.test/", "k=v", "https://a.test/x", "k=v" },
		{ "http://a.test/", " k = v w ; x", "http://a.test/", "k=v w" },
		{ "http://a.test/", "k=a=b", "http://a.test/", "k=a=b" },
		{ "http://a.test/", "v", "http://a.test/", "v" },
		{ "http://a.test/", "=v", "http://a.test/", "v" },
		{ "http://a.test/", "k=", "http://a.test/", "k=" },
		{ "http://a.test/", "", "http://a.test/", "" },
		{ "http://a.test/", ";Path=/", "http://a.test/", "" },

		/* never another host */
		{ "http://a.test/", "k=v", "http://b.test/", "" },
		{ "http://a.test/", "k=v", "http://x.a.test/", "" },
		{ "http://x.a.test/", "k=v; Domain=a.test", "http://a.test/", "" },
		{ "http://x.a.test/", "k=v; Domain=a.test", "http://y.a.test/", "" },
		{ "http://x.a.test/", "k=v; Domain=.A.TEST", "http://x.a.test/", "k=v" },
		{ "http://a.test/", "k=v; Domain=a.test", "http://x.a.test/", "" },
		{ "http://a.test/", "k=v; Domain=", "http://a.test/", "k=v" },
		{ "http://a.test/", "k=v; Domain=b.test", "http://a.test/", "" },
		{ "http://a.test/", "k=v; Domain=x.a.test", "http://a.test/", "" },
		{ "http://xa.test/", "k=v; Domain=a.test", "http://xa.test/", "" },
		{ "http://127.0.0.1/", "k=v; Domain=0.0.1", "http://127.0.0.1/", "" },
		{ "http://127.0.0.1/", "k=v; Domain=127.0.0.1", "http://127.0.0.1/", "k=v" },
		{ "http://[::1]/", "k=v", "http://[::1]/", "k=v" },

		/* paths */
		{ "http://a.test/d/e", "k=v", "http://a.test/d/f", "k=v" },
		{ "http://a.test/d/e", "k=v", "http://a.test/d", "k=v" },
		{ "http://a.test/d/e", "k=v", "http://a.test/de", "" },
		{ "http://a.test/d/e", "k=v", "http://a.test/", "" },
		{ "http://a.test/d/e", "k=v; Path=/", "http://a.test/", "k=v" },
		{ "http://a.test/d/e", "k=v; Path=x", "http://a.test/d/", "k=v" },
		{ "http://a.test/", "k=v; Path=/d/", "http://a.test/d/e", "k=v" },
		{ "http://a.test/", "k=v; Path=/d/", "http://a.test/d", "" },

		/* who may hear it */
		{ "https://a.test/", "k=v; Secure", "https://a.test/", "k=v" },
		{ "https://a.test/", "k=v; Secure", "http://a.test/", "" },
		{ "http://a.test/", "k=v; Secure", "https://a.test/", "" },
		{ "https://a.test/", "__Secure-k=v; secure", "https://a.test/", "__Secure-k=v" },
		{ "https://a.test/", "__secure-k=v", "https://a.test/", "" },
		{ "https://a.test/", "=__Secure-k=v", "https://a.test/", "" },
		{ "https://a.test/", "__Host-k=v; Secure; Path=/", "https://a.test/", "__Host-k=v" },
		{ "https://a.test/", "__Host-k=v; Secure; Path=/; Domain=a.test", "https://a.test/", "" },
		{ "https://a.test/", "__Host-k=v; Secure; Path=/d", "https://a.test/d", "" },
		{ "https://a.test/", "k=v; HttpOnly; SameSite=Strict", "https://a.test/", "k=v" },

		/* for how long */
		{ "http://a.test/", "k=v; Max-Age=1", "http://a.test/", "k=v" },
		{ "http://a.test/", "k=v; Max-Age=0", "http://a.test/", "" },
		{ "http://a.test/", "k=v; Max-Age=-5", "http://a.test/", "" },
		{ "http://a.test/", "k=v; Max-Age=-", "http://a.test/", "k=v" },
		{ "http://a.test/", "k=v; Max-Age=1x", "http://a.test/", "k=v" },
		{ "http://a.test/", "k=v; Max-Age=99999999999999999999999", "http://a.test/", "k=v" },
		{ "http://a.test/", "k=v; Expires=Wed, 21 Oct 2015 07:28:00 GMT", "http://a.test/", "" },
		{ "http://a.test/", "k=v; Expires=Wed, 21 Oct 2037 07:28:00 GMT", "http://a.test/", "k=v" },
		{ "http://a.test/", "k=v; Expires=Thu, 01-Jan-70 00:00:10 GMT", "http://a.test/", "" },
		{ "http://a.test/", "k=v; Expires=some day", "http://a.test/", "k=v" },
		{ "http://a.test/", "k=v; Max-Age=9; Expires=Wed, 21 Oct 2015 07:28:00 GMT", "http://a.test/", "k=v" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct span got;

		open_jar(1 << 20);
		(void)take_at(cases[i].from, cases[i].cookie, NOW);
		got = give_at(cases[i].to, NOW);
		ck_assert_msg(span_eq(got, span_from(cases[i].want)),
		    "case %zu, %s: \"%.*s\"", i, cases[i].cookie,
		    SPAN_ARG(got));
		close_jar();
	}
}
END_TEST

START_TEST(cookie_dates_are_read_as_the_standard_reads_them)
{
	/* clang-format off */
	static const struct {
		const char *text;
		int64_t s; /* -1: none */
	} cases[] = {
		{ "Wed, 21 Oct 2015 07:28:00 GMT", 1445412480 },
		{ "Wednesday, 21-Oct-15 07:28:00 GMT", 1445412480 },
		{ "Wed Oct 21 07:28:00 2015", 1445412480 },
		{ "2015 oct 21 7:28:0", 1445412480 },
		{ "07:28:00 21 OCTOBER 2015 +0200", 1445412480 },
		{ "Thu, 01-Jan-1970 00:00:10 GMT", 10 },
		{ "Thu, 01-Jan-70 00:00:10 GMT", 10 },
		{ "1 Jan 69 00:00:00", 3124224000 },
		{ "29 Feb 2024 00:00:00", 1709164800 },
		{ "29 Feb 2023 00:00:00", -1 },
		{ "31 Apr 2023 00:00:00", -1 },
		{ "0 Apr 2023 00:00:00", -1 },
		{ "21 Oct 2015", -1 },
		{ "21 Oct 2015 24:00:00", -1 },
		{ "21 Oct 2015 07:60:00", -1 },
		{ "21 Oct 1600 07:28:00", -1 },
		{ "21 Okt 2015 07:28:00", -1 },
		{ "21 Oct 20155 07:28:00", -1 },
		{ "0", -1 },
		{ "", -1 },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t ms = -1000;
		int r = cookie_date(span_from(cases[i].text), &ms);

		ck_assert_msg(ms == cases[i].s * 1000, "%s: %lld",
		    cases[i].text, (long long)ms);
		ck_assert_int_eq(r, cases[i].s < 0 ? -EINVAL : 0);
	}
}
END_TEST

START_TEST(cookies_are_told_in_the_order_of_the_standard)
{
	open_jar(1 << 20);
	ck_assert_uint_eq(take_at("http://a.test/d/e", "c=1; Path=/", NOW), 1);
	ck_assert_uint_eq(take_at("http://a.test/d/e", "b=2; Path=/", NOW), 1);
	ck_assert_uint_eq(take_at("http://a.test/d/e", "a=3; Path=/d", NOW), 1);
	ck_assert_told("http://a.test/d/e", "a=3; c=1; b=2");
	/* A new value keeps the place, another path is another cookie. */
	ck_assert_uint_eq(take_at("http://a.test/d/e", "c=4; Path=/", NOW), 1);
	ck_assert_uint_eq(take_at("http://a.test/d/e", "c=5", NOW), 1);
	ck_assert_told("http://a.test/d/e", "a=3; c=5; c=4; b=2");
	ck_assert_uint_eq(take_at("http://a.test/", "b=; Max-Age=0", NOW), 1);
	ck_assert_uint_eq(take_at("http://a.test/", "b=; Max-Age=0", NOW), 0);
	ck_assert_told("http://a.test/", "c=4");
	close_jar();
}
END_TEST

START_TEST(cookies_end)
{
	open_jar(1 << 20);
	(void)take_at("http://a.test/", "short=1; Max-Age=10", NOW);
	(void)take_at("http://a.test/", "long=1; Max-Age=999999999", NOW);
	(void)take_at("http://a.test/", "session=1", NOW);
	ck_assert(span_eq(give_at("http://a.test/", NOW + 9999),
	    SPAN("short=1; long=1; session=1")));
	ck_assert(span_eq(give_at("http://a.test/", NOW + 10000),
	    SPAN("long=1; session=1")));
	ck_assert(span_eq(give_at("http://a.test/", NOW + 400 * DAY),
	    SPAN("session=1")));
	close_jar();
}
END_TEST

START_TEST(cookies_that_are_secure_are_left_alone_by_plain_http)
{
	open_jar(1 << 20);
	(void)take_at("https://a.test/", "k=good; Secure; Path=/login", NOW);
	ck_assert_uint_eq(take_at("http://a.test/", "k=bad; Path=/login", NOW),
	    0);
	ck_assert_uint_eq(take_at("http://a.test/", "k=bad; Path=/login/x",
			      NOW),
	    0);
	ck_assert_uint_eq(take_at("http://a.test/", "k=other; Path=/", NOW), 1);
	ck_assert_told("https://a.test/login", "k=good; k=other");
	close_jar();
}
END_TEST

START_TEST(cookies_of_one_host_are_few)
{
	static char big[COOKIES_PAIR_MAX + 2];
	char text[64];
	struct span got;

	open_jar(1 << 20);
	for (int i = 0; i < 500; i++) {
		snprintf(text, sizeof(text), "k%d=v", i);
		ck_assert_uint_eq(take_at("http://a.test/", text, NOW), 1);
	}
	got = give_at("http://a.test/", NOW);
	ck_assert(span_starts(got, SPAN("k450=v; ")));
	ck_assert(span_ends(got, SPAN("; k499=v")));
	ck_assert_uint_lt(cookies_bytes(jar), 50 * 200);

	memset(big, 'b', sizeof(big) - 1);
	big[1] = '=';
	ck_assert_uint_eq(take_at("http://b.test/", big, NOW), 1);
	big[1] = 'b';
	big[sizeof(big) - 1] = '\0';
	ck_assert_uint_eq(take_at("http://b.test/", big, NOW), 0);
	/* a request says no more than servers hear */
	for (int i = 0; i < 5; i++) {
		big[0] = (char)('b' + i);
		big[1] = '=';
		(void)take_at("http://b.test/", big, NOW);
	}
	got = give_at("http://b.test/", NOW);
	ck_assert_uint_le(got.len, COOKIES_HEADER_MAX);
	ck_assert_uint_gt(got.len, COOKIES_HEADER_MAX / 3);
	close_jar();
}
END_TEST

START_TEST(cookies_of_the_host_asked_longest_ago_are_forgotten)
{
	char host[64];

	open_jar(20000);
	(void)take_at("http://kept.test/", "k=v", NOW);
	for (int i = 0; i < 1000; i++) {
		snprintf(host, sizeof(host), "http://h%d.test/", i);
		(void)take_at(host, "a=b", NOW);
		ck_assert_uint_le(cookies_bytes(jar), 20000);
		ck_assert_told("http://kept.test/", "k=v");
	}
	ck_assert_told("http://h0.test/", "");
	ck_assert_told("http://h999.test/", "a=b");
	/* a limit that nothing fits into */
	close_jar();
	open_jar(10);
	(void)take_at("http://a.test/", "k=v", NOW);
	ck_assert_told("http://a.test/", "");
	ck_assert_uint_eq(cookies_bytes(jar), 0);
	close_jar();
}
END_TEST

START_TEST(cookies_of_several_lines_are_all_heard)
{
	open_jar(1 << 20);
	ck_assert_int_eq(url_parse(SPAN("http://a.test/"), NULL, &url), 0);
	ck_assert_uint_eq(cookies_take(jar, &url,
			      SPAN("set-cookie: a=1\nx: y\nset-cookie: b=2\n"
				   "set-cookie2: c=3\nset-cookie: ;\n"),
			      NOW),
	    2);
	ck_assert_told("http://a.test/", "a=1; b=2");
	close_jar();
}
END_TEST

START_TEST(cookies_of_garbage_are_bounded)
{
	static const char alphabet[] =
	    "=;; ,pPdDmM-AatTgGeEhHoOiInNsS/.0915\xff";
	uint64_t state = test_seed();
	char line[300];
	bool fine = true;

	open_jar(50000);
	for (int i = 0; i < 20000; i++) {
		size_t len = test_random(&state) % (sizeof(line) - 1);

		for (size_t k = 0; k < len; k++)
			line[k] = alphabet[test_random(&state) %
					   (sizeof(alphabet) - 1)];
		line[len] = '\0';
		(void)take_at(i % 2 ? "https://a.test/p" : "http://b.test/",
		    line, NOW);
		fine = fine &&
		       give_at("https://a.test/p", NOW).len <=
			   COOKIES_HEADER_MAX &&
		       cookies_bytes(jar) <= 50000;
	}
	ck_assert(fine);
	close_jar();
}
END_TEST

TEST_MAIN("cookies", cookies_go_where_the_standard_sends_them,
    cookie_dates_are_read_as_the_standard_reads_them,
    cookies_are_told_in_the_order_of_the_standard, cookies_end,
    cookies_that_are_secure_are_left_alone_by_plain_http,
    cookies_of_one_host_are_few,
    cookies_of_the_host_asked_longest_ago_are_forgotten,
    cookies_of_several_lines_are_all_heard, cookies_of_garbage_are_bounded)
