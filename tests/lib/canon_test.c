#include "lib/url/canon.h"

#include <errno.h>

#include "tests/harness.h"

static struct url url;
static struct buf site, page;

static void
setup(const char *text)
{
	url_init(&url);
	buf_init(&site, URL_MAX);
	buf_init(&page, URL_MAX);
	if (text != NULL)
		ck_assert_int_eq(url_parse(span_from(text), NULL, &url), 0);
}

static void
teardown(void)
{
	url_fini(&url);
	buf_fini(&site);
	buf_fini(&page);
}

static void
key_is(const struct canon *canon, const char *text, const char *site_expected,
    const char *page_expected)
{
	ck_assert_int_eq(url_parse(span_from(text), NULL, &url), 0);
	ck_assert_int_eq(canon_key(canon, &url, &site, &page), 0);
	ck_assert_msg(span_eq(buf_span(&site), span_from(site_expected)),
	    "%s: %.*s, not %s", text, SPAN_ARG(buf_span(&site)), site_expected);
	ck_assert_msg(span_eq(buf_span(&page), span_from(page_expected)),
	    "%s: %.*s, not %s", text, SPAN_ARG(buf_span(&page)), page_expected);
}

START_TEST(canon_folds_what_is_one_page)
{
	static const struct canon canon = { .rules = CANON_DEFAULT };
	/* clang-format off */
	static const struct {
		const char *url, *page;
	} cases[] = {
		{ "http://h", "/" },
		{ "http://h/?", "/" },
		{ "http://h/a#b", "/a" },
		{ "http://h/a?b=2&a=1", "/a?a=1&b=2" },
		{ "http://h/a?b=2&a=1&b=1&a=0", "/a?a=1&a=0&b=2&b=1" },
		{ "http://h/?ab=1&a=2&a-=3&A=4", "/?A=4&a=2&a-=3&ab=1" },
		{ "http://h/?b&a&c=", "/?a&b&c=" },
		{ "http://h/?&&b=1&&a=1&", "/?a=1&b=1" },
		{ "http://h/?=2&=1", "/?=2&=1" },
		{ "http://h/?utm_source=x&UTM_Medium=y&a=1", "/?a=1" },
		{ "http://h/?utm_source=x", "/" },
		{ "http://h/?utm=x&gclid=1&gclidx=2", "/?gclidx=2&utm=x" },
		{ "http://h/?GCLID&fbclid=&dclid=1&msclkid=1&yclid=1", "/" },
		{ "http://h/?mc_cid=1&mc_eid=1&igshid=1&_ga=1&_gl=1", "/" },
		{ "http://h/?PHPSESSID=a&sid=b", "/?sid=b" },
		{ "http://h/?JSESSIONID=a&jsessionid", "/" },
		{ "http://h/a;jsessionid=AB!12?q=1", "/a?q=1" },
		{ "http://h/a;JSessionID=AB;v=1/b;v=2;jsessionid=", "/a;v=1/b;v=2" },
		{ "http://h/a;jsessionid", "/a;jsessionid" },
		{ "http://h/a;jsessionid=1;jsessionid=2;v", "/a;v" },
		{ "http://h/a;jsessionidx=1;x", "/a;jsessionidx=1;x" },
		{ "http://h/;jsessionid=1/;/;", "//;/;" },
		{ "http://h/a;utm_source=1", "/a;utm_source=1" },
		{ "http://h/?a=%41&a=b+c", "/?a=%41&a=b+c" },
	};
	/* clang-format on */

	setup(NULL);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		key_is(&canon, cases[i].url, "http://h", cases[i].page);
	key_is(&canon, "HTTPS://u:p@ExAmple.ORG:443/X?Y", "https://example.org",
	    "/X?Y");
	key_is(&canon, "https://[::0:1]:8443", "https://[::1]:8443", "/");
	teardown();
}
END_TEST

START_TEST(canon_rules_can_be_switched_off)
{
	static const struct canon none = { 0 };
	static const struct canon sort = { .rules = CANON_SORT_QUERY };
	static const struct canon drop = { .rules = CANON_DROP_TRACKING };
	const char *text = "http://u@h/a;jsessionid=1?b=1&&gclid=2&a=3#f";

	setup(NULL);
	key_is(&none, text, "http://h", "/a;jsessionid=1?b=1&&gclid=2&a=3");
	key_is(&sort, text, "http://h", "/a;jsessionid=1?a=3&b=1&gclid=2");
	key_is(&drop, text, "http://h", "/a?b=1&&a=3");
	key_is(&none, "http://h/?", "http://h", "/?");
	key_is(&drop, "http://h/?", "http://h", "/?");
	key_is(&drop, "http://h/?gclid", "http://h", "/");
	teardown();
}
END_TEST

START_TEST(canon_ignores_what_the_user_names)
{
	static const struct span extra[] = {
		{ "Ref", 3 },
		{ "x-*", 3 },
		{ "", 0 },
	};
	static const struct canon canon = { CANON_DEFAULT, extra,
		ARRAY_LEN(extra) };
	static const struct span all[] = { { "*", 1 } };
	static const struct canon nothing = { CANON_DEFAULT, all, 1 };

	setup(NULL);
	key_is(&canon, "http://h/?ref=1&X-y&refs=2&x=3&x-", "http://h",
	    "/?refs=2&x=3");
	key_is(&canon, "http://h/?=1&a", "http://h", "/?a");
	key_is(&nothing, "http://h/p?a=1&b", "http://h", "/p");
	teardown();
}
END_TEST

START_TEST(canon_keeps_the_order_of_an_endless_query)
{
	static const struct canon canon = { .rules = CANON_DEFAULT };
	struct buf text, expected;

	setup(NULL);
	buf_init(&text, URL_MAX);
	buf_init(&expected, URL_MAX);
	for (int n = CANON_PARAMS_MAX; n <= CANON_PARAMS_MAX + 1; n++) {
		bool sorts = n == CANON_PARAMS_MAX;

		buf_clear(&text);
		buf_clear(&expected);
		ck_assert_int_eq(buf_printf(&text, "http://h/?gclid=1"), 0);
		for (int i = 0; i < n; i++) {
			ck_assert_int_eq(buf_printf(&text, "&%03d", n - i), 0);
			ck_assert_int_eq(buf_printf(&expected, "%s%03d",
					     i ? "&" : "/?",
					     sorts ? i + 1 : n - i),
			    0);
		}
		ck_assert_int_eq(url_parse(buf_span(&text), NULL, &url), 0);
		ck_assert_int_eq(canon_key(&canon, &url, &site, &page), 0);
		ck_assert(span_eq(buf_span(&page), buf_span(&expected)));
	}
	buf_fini(&text);
	buf_fini(&expected);
	teardown();
}
END_TEST

START_TEST(canon_takes_the_longest_url_in_its_stride)
{
	static const struct canon canon = { .rules = CANON_DEFAULT };
	static const char *const fills[] = { ";", "&", ";jsessionid=1",
		"&gclid", "&b&a", ";jsessionid=", "/;" };
	static char text[URL_MAX];

	setup(NULL);
	for (size_t i = 0; i < ARRAY_LEN(fills); i++) {
		size_t step = strlen(fills[i]), len = 10;

		memcpy(text, fills[i][0] == '&' ? "http://h/?" : "http://h//",
		    len);
		for (; len + step <= sizeof(text); len += step)
			memcpy(text + len, fills[i], step);
		ck_assert_int_eq(url_parse(span_of(text, len), NULL, &url), 0);
		ck_assert_int_eq(canon_key(&canon, &url, &site, &page), 0);
		ck_assert_uint_le(page.len, url_target(&url).len);
	}
	buf_fini(&page);
	buf_init(&page, 3);
	ck_assert_int_eq(url_parse(SPAN("http://h/abc?d"), NULL, &url), 0);
	ck_assert_int_eq(canon_key(&canon, &url, &site, &page), -EMSGSIZE);
	teardown();
}
END_TEST

START_TEST(canon_hashes_stay_what_they_are)
{
	/* They are written in every store: a change is a change of format. */
	static const struct canon canon = { .rules = CANON_DEFAULT };
	struct canon_hash one, two;

	setup("https://example.org/a?c=1&b=2#x");
	ck_assert_int_eq(canon_hash(&canon, &url, &site, &page, &one), 0);
	ck_assert_uint_eq(one.site64, 0xfb2d80c6f2e5a5d7);
	ck_assert_uint_eq(one.url64, 0xeafb258eae12a10c);
	teardown();
	setup("https://u@EXAMPLE.org:443/a?gclid=3&b=2&c=1");
	ck_assert_int_eq(canon_hash(&canon, &url, &site, &page, &two), 0);
	ck_assert_uint_eq(one.site64, two.site64);
	ck_assert_uint_eq(one.url64, two.url64);
	teardown();
}
END_TEST

TEST_MAIN("canon", canon_folds_what_is_one_page,
    canon_rules_can_be_switched_off, canon_ignores_what_the_user_names,
    canon_keeps_the_order_of_an_endless_query,
    canon_takes_the_longest_url_in_its_stride, canon_hashes_stay_what_they_are)
