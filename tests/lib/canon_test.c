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
		{ "http://h/(S(lit3py55t21z5v55vlm25s55))/a.aspx?b", "/a.aspx?b" },
		{ "http://h/x/(A(1)S(2))/(S(3))/y", "/x/y" },
		{ "http://h/(S(x))", "/(S(x))" },
		{ "http://h/(S())/a", "/(S())/a" },
		{ "http://h/(S(x)/a", "/(S(x)/a" },
		{ "http://h/(Sx)/a;jsessionid=1", "/(Sx)/a" },
		{ "http://h/(S(1));jsessionid=2/p", "/p" },
		{ "http://h/.;jsessionid=1/p", "/p" },
		{ "http://h/a/%2E;jsessionid=1/p", "/a/p" },
		{ "http://h/a/..;jsessionid=1/p", "/p" },
		{ "http://h/a/b/.%2e;jsessionid=1", "/a/" },
		{ "http://h/a/.;jsessionid=1", "/a/" },
		{ "http://h/..;jsessionid=1", "/" },
		{ "http://h/..;jsessionid=1/..;jsessionid=2/p", "/p" },
		{ "http://h/a//..;jsessionid=1/p", "/a/p" },
		{ "http://h/(S(1))/.;jsessionid=2", "/" },
		{ "http://h/...;jsessionid=1/p", "/.../p" },
		{ "http://h/?CFID=1&CFTOKEN=2&ASPSESSIONIDABC=3&cf=4", "/?cf=4" },
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
	static const char text[] = "http://u@www.a.org/(S(1))/x;jsessionid=1"
				   "/index.html?b=1&&gclid=2&a=3&phpsessid=4#f";
	/* clang-format off */
	static const struct {
		const char *rule, *site, *page;
	} cases[] = {
		{ "", "http://www.a.org",
		  "/(S(1))/x;jsessionid=1/index.html?b=1&&gclid=2&a=3&phpsessid=4" },
		{ "sort_query", "http://www.a.org",
		  "/(S(1))/x;jsessionid=1/index.html?&a=3&b=1&gclid=2&phpsessid=4" },
		{ "drop_empty", "http://www.a.org",
		  "/(S(1))/x;jsessionid=1/index.html?b=1&gclid=2&a=3&phpsessid=4" },
		{ "drop_tracking", "http://www.a.org",
		  "/(S(1))/x;jsessionid=1/index.html?b=1&&a=3&phpsessid=4" },
		{ "drop_session", "http://www.a.org",
		  "/x/index.html?b=1&&gclid=2&a=3" },
		{ "drop_index", "http://www.a.org",
		  "/(S(1))/x;jsessionid=1/?b=1&&gclid=2&a=3&phpsessid=4" },
		{ "fold_slash", "http://www.a.org",
		  "/(S(1))/x;jsessionid=1/index.html?b=1&&gclid=2&a=3&phpsessid=4" },
		{ "fold_www", "http://a.org",
		  "/(S(1))/x;jsessionid=1/index.html?b=1&&gclid=2&a=3&phpsessid=4" },
		{ "fold_scheme", "http://www.a.org",
		  "/(S(1))/x;jsessionid=1/index.html?b=1&&gclid=2&a=3&phpsessid=4" },
	};
	/* clang-format on */
	static const struct canon none = { 0 };
	static const struct canon drop = { .rules = CANON_DROP_TRACKING };
	unsigned all = 0;

	setup(NULL);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct canon canon = { canon_rule_of(
		    span_from(cases[i].rule)) };

		ck_assert_int_eq(canon.rules != 0, i > 0);
		all |= canon.rules;
		key_is(&canon, text, cases[i].site, cases[i].page);
	}
	/* Each rule was there, and its name is that of its bit. */
	for (unsigned i = 0; canon_rule_name(i) != NULL; i++) {
		ck_assert_uint_eq(canon_rule_of(span_from(canon_rule_name(i))),
		    1u << i);
		ck_assert(all & 1u << i);
		all &= ~(1u << i);
	}
	ck_assert_uint_eq(all, 0);
	key_is(&none, "http://h/?", "http://h", "/?");
	key_is(&drop, "http://h/?", "http://h", "/?");
	key_is(&drop, "http://h/?gclid", "http://h", "/");
	teardown();
}
END_TEST

START_TEST(canon_folds_more_where_it_is_told_to)
{
	static const struct canon index = { .rules = CANON_DROP_INDEX };
	static const struct canon slash = { .rules = CANON_FOLD_SLASH };
	static const struct canon both = { .rules = CANON_DROP_INDEX |
						    CANON_FOLD_SLASH };
	static const struct canon www = { .rules = CANON_FOLD_WWW };
	static const struct canon scheme = { .rules = CANON_FOLD_SCHEME };
	static const struct canon sites = { .rules = CANON_OF_SITE };

	setup(NULL);
	key_is(&index, "http://h/Index.HTM", "http://h", "/");
	key_is(&index, "http://h/a/default.aspx?b", "http://h", "/a/?b");
	key_is(&index, "http://h/myindex.html", "http://h", "/myindex.html");
	key_is(&index, "http://h/index.html/x", "http://h", "/index.html/x");
	key_is(&index, "http://h/index", "http://h", "/index");
	key_is(&slash, "http://h/", "http://h", "/");
	key_is(&slash, "http://h/a/", "http://h", "/a");
	key_is(&slash, "http://h/a//?b", "http://h", "/a/?b");
	key_is(&both, "http://h/a/index.php", "http://h", "/a");
	key_is(&both, "http://h/index.php", "http://h", "/");
	key_is(&www, "https://WWW.a.co.uk:81/", "https://a.co.uk:81", "/");
	key_is(&www, "http://www.co.uk/", "http://www.co.uk", "/");
	key_is(&www, "http://www.org/", "http://www.org", "/");
	key_is(&www, "http://www2.a.org/", "http://www2.a.org", "/");
	key_is(&scheme, "https://h/", "http://h", "/");
	key_is(&scheme, "https://h:80/", "https://h:80", "/");
	key_is(&scheme, "http://h:443/", "http://h:443", "/");
	key_is(&sites, "https://u:p@www.a.org/x", "http://a.org", "/x");
	teardown();
}
END_TEST

/* The site64 that a URL without any folding has. */
static uint64_t
site_of(const char *text)
{
	static const struct canon none = { 0 };
	struct canon_hash hash;
	struct url own;

	url_init(&own);
	ck_assert_int_eq(url_parse(span_from(text), NULL, &own), 0);
	ck_assert_int_eq(canon_hash(&none, &own, &site, &page, &hash), 0);
	url_fini(&own);
	return hash.site64;
}

START_TEST(canon_names_the_sites_that_are_one)
{
	static const struct {
		unsigned rules;
		const char *url, *sites[CANON_SIBLINGS];
	} cases[] = {
		{ 0, "http://www.a.org/", { NULL } },
		{ CANON_DEFAULT, "http://www.a.org/", { NULL } },
		{ CANON_FOLD_WWW, "http://www.a.org/", { "http://a.org/" } },
		{ CANON_FOLD_WWW, "https://a.org:81/x",
		    { "https://www.a.org:81/" } },
		{ CANON_FOLD_WWW, "http://co.uk/", { NULL } },
		{ CANON_FOLD_WWW, "http://127.0.0.1/", { NULL } },
		{ CANON_FOLD_SCHEME, "http://a.org/", { "https://a.org/" } },
		{ CANON_FOLD_SCHEME, "https://127.0.0.1/",
		    { "http://127.0.0.1/" } },
		{ CANON_FOLD_SCHEME, "https://a.org:80/", { NULL } },
		{ CANON_OF_SITE, "https://a.org/",
		    { "http://a.org/", "http://www.a.org/",
			"https://www.a.org/" } },
		{ CANON_OF_SITE, "http://www.a.org:8080/",
		    { "http://a.org:8080/" } },
	};

	setup(NULL);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct canon canon = { cases[i].rules };
		uint64_t sites[CANON_SIBLINGS];
		struct canon_hash own;
		int n, expected = 0;

		ck_assert_int_eq(url_parse(span_from(cases[i].url), NULL, &url),
		    0);
		n = canon_siblings(&canon, &url, &site, sites);
		while (expected < CANON_SIBLINGS && cases[i].sites[expected])
			expected++;
		ck_assert_msg(n == expected, "%s: %d", cases[i].url, n);
		for (int k = 0; k < n; k++)
			ck_assert_uint_eq(sites[k], site_of(cases[i].sites[k]));
		/* Its own is what it is, whatever these rules say. */
		ck_assert_int_eq(canon_hash(&canon, &url, &site, &page, &own),
		    0);
		ck_assert_uint_eq(own.site64, site_of(cases[i].url));
	}
	teardown();
}
END_TEST

static void
described(unsigned rules, const struct span *extra, size_t n,
    const char *expected)
{
	struct canon canon = { rules, extra, n }, back;
	struct span names[8];
	struct buf text;

	buf_init(&text, 1000);
	ck_assert_int_eq(canon_describe(&canon, &text), 0);
	ck_assert_msg(span_eq(buf_span(&text), span_from(expected)), "%.*s",
	    SPAN_ARG(buf_span(&text)));
	ck_assert_int_eq(canon_read(buf_span(&text), names, 8, &back), 0);
	ck_assert_uint_eq(back.rules, rules & ~(unsigned)CANON_OF_SITE);
	buf_clear(&text);
	ck_assert_int_eq(canon_describe(&back, &text), 0);
	ck_assert(span_eq(buf_span(&text), span_from(expected)));
	buf_fini(&text);
}

START_TEST(canon_tells_what_its_keys_depend_on)
{
	static const struct span extra[] = { { "x-*", 3 }, { "ref", 3 },
		{ "x-*", 3 } };
	struct span names[2];
	struct canon canon;

	described(0, NULL, 0, "");
	described(CANON_DEFAULT, NULL, 0,
	    "sort_query drop_empty drop_tracking drop_session");
	described(CANON_FOLD_SLASH | CANON_OF_SITE, NULL, 0, "fold_slash");
	/* In whatever order they are given, and once. */
	described(CANON_DROP_TRACKING, extra, 3, "drop_tracking;ref x-*");
	/* They are not looked at without their rule. */
	described(CANON_SORT_QUERY, extra, 3, "sort_query");
	ck_assert_int_eq(canon_read(SPAN("sort_query;a b"), names, 2, &canon),
	    0);
	ck_assert_int_eq(canon_read(SPAN("sort_query;a b c"), names, 2, &canon),
	    -EINVAL);
	ck_assert_int_eq(canon_read(SPAN("sort_quer"), names, 2, &canon),
	    -EINVAL);
	ck_assert_int_eq(canon_read(SPAN("sort_query  drop_index"), names, 2,
			     &canon),
	    -EINVAL);
	ck_assert_int_eq(canon_read(SPAN("\0"), names, 2, &canon), -EINVAL);
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
		"&gclid", "&b&a", ";jsessionid=", "/;", "/(", "/(S(1))",
		"/(S(1)", "/(S(" };
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
    canon_rules_can_be_switched_off, canon_folds_more_where_it_is_told_to,
    canon_names_the_sites_that_are_one, canon_tells_what_its_keys_depend_on,
    canon_ignores_what_the_user_names,
    canon_keeps_the_order_of_an_endless_query,
    canon_takes_the_longest_url_in_its_stride, canon_hashes_stay_what_they_are)
