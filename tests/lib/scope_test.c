#include "lib/url/scope.h"

#include <errno.h>
#include <malloc.h>

#include "tests/harness.h"

static struct url url;

static struct scope *
setup(enum scope_kind kind, const char *const *seeds)
{
	struct scope *scope = scope_new(kind);

	ck_assert_ptr_nonnull(scope);
	url_init(&url);
	for (size_t i = 0; seeds != NULL && seeds[i] != NULL; i++) {
		ck_assert_int_eq(url_parse(span_from(seeds[i]), NULL, &url), 0);
		ck_assert_int_eq(scope_add_seed(scope, &url), 0);
		ck_assert_int_eq(scope_add_seed(scope, &url), 0);
	}
	return scope;
}

static void
teardown(struct scope *scope)
{
	scope_free(scope);
	url_fini(&url);
}

static void
answers(const struct scope *scope, const char *text, enum scope_answer expected)
{
	enum scope_answer got;

	ck_assert_int_eq(url_parse(span_from(text), NULL, &url), 0);
	got = scope_ask(scope, &url);
	ck_assert_msg(got == expected, "%s: %d, not %d", text, got, expected);
}

START_TEST(scope_host_is_a_name_and_a_port)
{
	static const char *const seeds[] = { "http://a.org/x",
		"https://b.org:8443/", "http://127.0.0.1:8080/", NULL };
	struct scope *scope = setup(SCOPE_HOST, seeds);

	answers(scope, "http://a.org/y?z", SCOPE_IN);
	answers(scope, "https://A.ORG:443/", SCOPE_IN);
	answers(scope, "https://u:p@a.org./", SCOPE_IN);
	answers(scope, "http://a.org:8080/", SCOPE_OUT_KIND);
	answers(scope, "http://a.org:443/", SCOPE_OUT_KIND);
	answers(scope, "http://www.a.org/", SCOPE_OUT_KIND);
	answers(scope, "http://b.org/", SCOPE_OUT_KIND);
	answers(scope, "http://b.org:8443/", SCOPE_IN);
	answers(scope, "http://127.0.0.1:8080/", SCOPE_IN);
	answers(scope, "http://127.0.0.1:8081/", SCOPE_OUT_KIND);
	answers(scope, "http://127.0.0.1/", SCOPE_OUT_KIND);
	answers(scope, "mailto:a.org", SCOPE_OUT_KIND);
	teardown(scope);
}
END_TEST

START_TEST(scope_domain_is_what_one_owner_holds)
{
	static const char *const seeds[] = { "http://www.a.co.uk:81/x",
		"http://127.0.0.1:8080/", "http://localhost/", NULL };
	struct scope *scope = setup(SCOPE_DOMAIN, seeds);

	answers(scope, "https://a.co.uk/", SCOPE_IN);
	answers(scope, "https://x.y.a.co.uk.:99/", SCOPE_IN);
	answers(scope, "http://ba.co.uk/", SCOPE_OUT_KIND);
	answers(scope, "http://b.co.uk/", SCOPE_OUT_KIND);
	answers(scope, "http://co.uk/", SCOPE_OUT_KIND);
	answers(scope, "http://127.0.0.1/", SCOPE_IN);
	answers(scope, "http://127.0.0.2/", SCOPE_OUT_KIND);
	answers(scope, "http://localhost:1/", SCOPE_IN);
	answers(scope, "http://a.localhost/", SCOPE_OUT_KIND);
	teardown(scope);
}
END_TEST

START_TEST(scope_prefix_ends_at_the_last_slash)
{
	static const char *const seeds[] = { "http://a.org/x/y.html?q=/z/",
		"http://b.org:81", "http://c.org/p//q/", NULL };
	struct scope *scope = setup(SCOPE_PREFIX, seeds);

	answers(scope, "https://a.org/x/", SCOPE_IN);
	answers(scope, "http://a.org/x/z/w?v", SCOPE_IN);
	answers(scope, "http://a.org/x", SCOPE_OUT_KIND);
	answers(scope, "http://a.org/xy/", SCOPE_OUT_KIND);
	answers(scope, "http://a.org/X/", SCOPE_OUT_KIND);
	answers(scope, "http://a.org/?/x/", SCOPE_OUT_KIND);
	answers(scope, "http://a.org:81/x/", SCOPE_OUT_KIND);
	answers(scope, "http://b.org:81/any", SCOPE_IN);
	answers(scope, "http://b.org/any", SCOPE_OUT_KIND);
	answers(scope, "http://c.org/p//q/r", SCOPE_IN);
	answers(scope, "http://c.org/p/q/r", SCOPE_OUT_KIND);
	teardown(scope);
}
END_TEST

START_TEST(scope_any_is_everything)
{
	struct scope *scope = setup(SCOPE_ANY, NULL);

	answers(scope, "http://a.org/", SCOPE_IN);
	answers(scope, "mailto:x", SCOPE_IN);
	teardown(scope);
}
END_TEST

START_TEST(scope_refuses_a_seed_without_a_host)
{
	static const enum scope_kind kinds[] = { SCOPE_HOST, SCOPE_DOMAIN,
		SCOPE_PREFIX };

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct scope *scope = setup(kinds[i], NULL);

		ck_assert_int_eq(url_parse(SPAN("file:///x"), NULL, &url), 0);
		ck_assert_int_eq(scope_add_seed(scope, &url), -EINVAL);
		answers(scope, "file:///x", SCOPE_OUT_KIND);
		answers(scope, "http://a.org/", SCOPE_OUT_KIND);
		teardown(scope);
	}
	scope_free(NULL);
}
END_TEST

START_TEST(scope_rule_added_last_decides)
{
	static const char *const seeds[] = { "http://a.org/", NULL };
	struct scope *scope = setup(SCOPE_HOST, seeds);

	ck_assert_int_eq(scope_add_rule(scope, true, SPAN("http://b.org/*"),
			     NULL),
	    0);
	ck_assert_int_eq(scope_add_rule(scope, false, SPAN("*.pdf"), NULL), 0);
	ck_assert_int_eq(scope_add_rule(scope, true, SPAN("*/keep/*.pdf"),
			     NULL),
	    0);
	answers(scope, "http://a.org/x", SCOPE_IN);
	answers(scope, "http://b.org/x", SCOPE_IN);
	answers(scope, "http://c.org/x", SCOPE_OUT_KIND);
	answers(scope, "http://a.org/x.pdf", SCOPE_OUT_RULE);
	answers(scope, "http://a.org/x.pdf#y", SCOPE_OUT_RULE);
	answers(scope, "http://a.org/x.pdf?y", SCOPE_IN);
	answers(scope, "http://b.org/x.pdf", SCOPE_OUT_RULE);
	answers(scope, "http://c.org/keep/x.pdf", SCOPE_IN);
	teardown(scope);
}
END_TEST

START_TEST(scope_globs_match_the_whole_url)
{
	/* clang-format off */
	static const struct {
		const char *glob, *url;
		bool matches;
	} cases[] = {
		{ "*", "http://a/", true },
		{ "**", "http://a/", true },
		{ "http://a/", "http://a/", true },
		{ "http://a/", "http://a/b", false },
		{ "ttp://a/", "http://a/", false },
		{ "http://?/", "http://a/", true },
		{ "http://?\?/", "http://a/", false },
		{ "*?", "http://a/", true },
		{ "http://a/?", "http://a/", false },
		{ "http://a/*", "http://a/", true },
		{ "http://a/\\?b", "http://a/?b", true },
		{ "http://a/\\?b", "http://a/cb", false },
		{ "http://a/\\*", "http://a/*", true },
		{ "http://a/\\*", "http://a/b", false },
		{ "http://a/\\b\\\\", "http://a/b\\", false },
		{ "*/aab*c", "http://a/aaab/aab/c", true },
		{ "*aab*aab*c", "http://a/aaab", false },
		{ "*a*b*c*", "http://x/c/b/a", false },
		{ "*a*b*c*", "http://x/a/b/c", true },
		{ "*.html", "http://a/.htm.html", true },
		{ "*ab", "http://h/abab", true },
		{ "*abc", "http://h/ababc", true },
		{ "*A*", "http://h/a", false },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct scope *scope = setup(SCOPE_HOST, NULL);

		ck_assert_int_eq(scope_add_rule(scope, true,
				     span_from(cases[i].glob), NULL),
		    0);
		answers(scope, cases[i].url,
		    cases[i].matches ? SCOPE_IN : SCOPE_OUT_KIND);
		teardown(scope);
	}
}
END_TEST

/* What a glob means, said by the definition; exponential. */
static bool
plain_match(const char *glob, struct span s)
{
	if (*glob == '\0')
		return s.len == 0;
	if (*glob == '*')
		return plain_match(glob + 1, s) ||
		       (s.len > 0 && plain_match(glob, span_from_at(s, 1)));
	return s.len > 0 && (*glob == '?' || *glob == s.ptr[0]) &&
	       plain_match(glob + 1, span_from_at(s, 1));
}

START_TEST(scope_globs_agree_with_their_definition)
{
	uint64_t state = test_seed();
	int matched = 0;

	for (int i = 0; i < 20000; i++) {
		struct scope *scope = setup(SCOPE_HOST, NULL);
		char glob[32] = "http://h/", text[32] = "http://h/";
		size_t n = 9 + 1 + test_random(&state) % 8;
		bool expected;

		for (size_t k = 9; k < n; k++)
			glob[k] = "aab*?*"[test_random(&state) % 6];
		n = 9 + test_random(&state) % 10;
		for (size_t k = 9; k < n; k++)
			text[k] = "aab"[test_random(&state) % 3];
		expected = plain_match(glob, span_from(text));
		matched += expected;
		ck_assert_int_eq(scope_add_rule(scope, true, span_from(glob),
				     NULL),
		    0);
		ck_assert_int_eq(url_parse(span_from(text), NULL, &url), 0);
		ck_assert_msg((scope_ask(scope, &url) == SCOPE_IN) == expected,
		    "%s %s", glob, text);
		teardown(scope);
	}
	ck_assert_int_gt(matched, 1000);
}
END_TEST

START_TEST(scope_refuses_globs_it_cannot_mean)
{
	struct scope *scope = setup(SCOPE_HOST, NULL);
	char longest[SCOPE_GLOB_MAX + 1];
	struct err err = ERR_NONE;

	ck_assert_int_eq(scope_add_rule(scope, true, SPAN(""), &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "empty"));
	ck_assert_int_eq(scope_add_rule(scope, true, SPAN("a\\"), &err),
	    -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "'a\\'"));
	memset(longest, 'a', sizeof(longest));
	ck_assert_int_eq(scope_add_rule(scope, true,
			     span_of(longest, sizeof(longest)), &err),
	    -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "longer than 1024"));
	ck_assert_int_eq(scope_add_rule(scope, true,
			     span_of(longest, sizeof(longest) - 1), NULL),
	    0);
	for (int i = 1; i < SCOPE_RULES_MAX; i++)
		ck_assert_int_eq(scope_add_rule(scope, true, SPAN("x"), &err),
		    0);
	ck_assert_int_eq(scope_add_rule(scope, true, SPAN("x"), &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "more than 10000"));
	teardown(scope);
}
END_TEST

START_TEST(scope_holds_its_seeds_in_forty_bytes_each)
{
	struct scope *scope = setup(SCOPE_HOST, NULL);
	const size_t n = 200000; /* just after the set has grown */
	struct mallinfo2 before = mallinfo2(), after;
	char text[64];

	for (size_t i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "http://h%zu.org/", i);
		ck_assert_int_eq(url_parse(span_from(text), NULL, &url), 0);
		ck_assert_int_eq(scope_add_seed(scope, &url), 0);
	}
	after = mallinfo2();
	ck_assert_uint_le(after.uordblks + after.hblkhd,
	    before.uordblks + before.hblkhd + 40 * n);
	answers(scope, "http://h0.org/", SCOPE_IN);
	answers(scope, "http://h199999.org/", SCOPE_IN);
	answers(scope, "http://h200000.org/", SCOPE_OUT_KIND);
	teardown(scope);
}
END_TEST

START_TEST(scope_takes_the_longest_url_in_its_stride)
{
	static const char *const seeds[] = { "http://a/x/", NULL };
	static char text[URL_MAX];
	struct scope *scope = setup(SCOPE_PREFIX, seeds);
	char glob[64];

	memset(text, '/', sizeof(text));
	memcpy(text, "http://a", 8);
	ck_assert_int_eq(url_parse(span_of(text, sizeof(text)), NULL, &url), 0);
	ck_assert_int_eq(scope_ask(scope, &url), SCOPE_OUT_KIND);
	memset(text + 9, 'a', sizeof(text) - 9);
	memset(glob, 'a', sizeof(glob));
	glob[0] = glob[10] = glob[40] = '*';
	glob[sizeof(glob) - 1] = 'b';
	ck_assert_int_eq(scope_add_rule(scope, true,
			     span_of(glob, sizeof(glob)), NULL),
	    0);
	ck_assert_int_eq(url_parse(span_of(text, sizeof(text)), NULL, &url), 0);
	ck_assert_int_eq(scope_ask(scope, &url), SCOPE_OUT_KIND);
	teardown(scope);
}
END_TEST

TEST_MAIN("scope", scope_host_is_a_name_and_a_port,
    scope_domain_is_what_one_owner_holds, scope_prefix_ends_at_the_last_slash,
    scope_any_is_everything, scope_refuses_a_seed_without_a_host,
    scope_rule_added_last_decides, scope_globs_match_the_whole_url,
    scope_globs_agree_with_their_definition, scope_refuses_globs_it_cannot_mean,
    scope_holds_its_seeds_in_forty_bytes_each,
    scope_takes_the_longest_url_in_its_stride)
