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

static enum scope_answer
ask(struct scope *scope, struct scope_why *why)
{
	struct scope_subject subject = { .url = &url };

	return scope_ask(scope, &subject, why);
}

static void
answers(struct scope *scope, const char *text, enum scope_answer expected)
{
	enum scope_answer got;

	ck_assert_int_eq(url_parse(span_from(text), NULL, &url), 0);
	got = ask(scope, NULL);
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
		{ "glob:ttp://a/", "http://a/", false },
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
		ck_assert_msg((ask(scope, NULL) == SCOPE_IN) == expected,
		    "%s %s", glob, text);
		teardown(scope);
	}
	ck_assert_int_gt(matched, 1000);
}
END_TEST

START_TEST(scope_refuses_globs_it_cannot_mean)
{
	struct scope *scope = setup(SCOPE_HOST, NULL);
	char longest[SCOPE_RULE_MAX + 1];
	struct err err = ERR_NONE;

	ck_assert_int_eq(scope_add_rule(scope, true, SPAN(""), &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "empty"));
	ck_assert_int_eq(scope_add_rule(scope, true, SPAN("a\\"), &err),
	    -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "include = a\\: "));
	memset(longest, 'a', sizeof(longest));
	ck_assert_int_eq(scope_add_rule(scope, true,
			     span_of(longest, sizeof(longest)), &err),
	    -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "1024 bytes at the most"));
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

/* clang-format off */
static const struct {
	const char *rule, *url;
	bool matches;
} places[] = {
	/* host: the name, and the port when it is given. */
	{ "host:img.a.org", "http://img.a.org/x", true },
	{ "host:img.a.org", "https://IMG.a.org.:8443/", true },
	{ "host:IMG.A.org.", "http://img.a.org/", true },
	{ "host:img.a.org", "http://b.img.a.org/", false },
	{ "host:img.a.org", "http://a.org/?img.a.org", false },
	{ "host:a.org:8080", "http://a.org:8080/", true },
	{ "host:a.org:8080", "http://a.org/", false },
	{ "host:a.org:80", "http://a.org/", true },
	{ "host:a.org:443", "https://a.org/", true },
	{ "host:a.org:443", "http://a.org/", false },
	{ "host:b\u00fccher.example", "http://xn--bcher-kva.example/", true },
	{ "host:0x7f.1", "http://127.0.0.1:8080/", true },
	{ "host:[0::1]", "http://[::1]:99/", true },
	{ "host:[::1]:99", "http://[::1]:99/", true },
	{ "host:[::1]:99", "http://[::1]/", false },
	/* domain: and all below. */
	{ "domain:example.org", "http://example.org/", true },
	{ "domain:example.org", "https://a.b.example.org.:81/", true },
	{ "domain:example.org", "http://badexample.org/", false },
	{ "domain:example.org", "http://example.org.uk/", false },
	{ "domain:org", "http://example.org/", true },
	{ "domain:0.0.1", "http://127.0.0.1/", false },
	{ "domain:127.0.0.1", "http://127.0.0.1/", true },
	{ "domain:4", "http://1.2.3.4/", false },
	{ "domain:B\u00dcCHER.example", "http://x.xn--bcher-kva.example/", true },
	/* surt: the host from the right. */
	{ "surt:org,example,", "http://example.org/", true },
	{ "surt:org,example,", "http://www.example.org/x", true },
	{ "surt:org,example,", "http://examples.org/", false },
	{ "surt:org,example", "http://examples.org/", true },
	{ "surt:org,example,)", "http://www.example.org/", false },
	{ "surt:org,example,)/", "https://example.org./x?y", true },
	{ "surt:org,example,)/private", "http://example.org/private/x", true },
	{ "surt:org,example,)/private", "http://example.org/privateer", true },
	{ "surt:org,example,)/private", "http://example.org/Private", false },
	{ "surt:org,example,)/private", "http://example.org/x/private", false },
	{ "surt:ORG,Example,)/a?b=", "http://example.org/a?b=c", true },
	{ "surt:org,example,)/", "http://example.org:8080/", false },
	{ "surt:org,example,:8080)/", "http://example.org:8080/", true },
	{ "surt:org,example,:8080)/", "http://example.org/", false },
	{ "surt:http://(org,example,", "http://u:p@example.org/", true },
	{ "surt:http://(org,example,", "https://example.org/", false },
	{ "surt:https://(org,example,)/x", "https://example.org/x", true },
	{ "surt:127.0.0.1)/", "http://127.0.0.1/x", true },
	{ "surt:127.0.0.1)/", "http://127.0.0.12/x", false },
	{ "surt:127.0.0.1:81)/x", "http://127.0.0.1:81/x", true },
	{ "surt:[::1])/", "http://[::1]/", true },
	/* glob: the word may be there, and URLs begin like a kind. */
	{ "glob:*.pdf", "http://a/x.pdf", true },
	{ "glob:regex:*", "http://a/regex:", false },
	{ "http://a/*", "http://a/b", true },
	{ "https:*", "https://a/", true },
	{ "https:*", "http://a/", false },
	/* regex: anywhere, of the same text. */
	{ "regex:/[0-9]{4}/[0-9]{2}/", "http://a/2026/11/x", true },
	{ "regex:/[0-9]{4}/[0-9]{2}/", "http://a/2026/x", false },
	{ "regex:^https?://[^/]+/calendar/", "https://a:1/calendar/", true },
	{ "regex:^https?://[^/]+/calendar/", "https://a/x/calendar/", false },
	{ "regex:(?i)\\.JPE?G$", "http://a/x.jpg#y", true },
	{ "regex:/([^/]+)/\\1/\\1/", "http://a/x/y/y/y/", true },
	{ "regex:/([^/]+)/\\1/\\1/", "http://a/x/y/x/y/", false },
	{ "regex:^ftp:", "http://a/", false },
	/* type: of a link, by the extension of its path. */
	{ "type:image/*", "http://a/x.png", true },
	{ "type:image/*", "http://a/b.c/x.JPEG?y.html", true },
	{ "type:image/*", "http://a/x?y.png", false },
	{ "type:image/*", "http://a/x.png/", false },
	{ "type:image/*", "http://a/x", false },
	{ "type:image/*", "http://a/wiki/File:X.png", false },
	{ "type:image/*", "http://a.png/", false },
	{ "type:application/pdf", "http://a/x.pdf", true },
	{ "type:Application/PDF", "http://a/x.pdf", true },
	{ "type:application/pdf", "http://a/x.zip", false },
	{ "type:*/*", "http://a/x.zip", true },
	{ "type:*/*", "http://a/x.php", false },
};
/* clang-format on */

START_TEST(scope_rules_say_where_a_url_is)
{
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		struct scope *scope = setup(SCOPE_ANY, NULL);
		enum scope_answer got;
		struct scope_why why;

		ck_assert_int_eq(scope_add_rule(scope, false,
				     span_from(places[i].rule), NULL),
		    0);
		ck_assert_int_eq(url_parse(span_from(places[i].url), NULL,
				     &url),
		    0);
		got = ask(scope, &why);
		ck_assert_msg((got == SCOPE_OUT_RULE) == places[i].matches,
		    "%s %s", places[i].rule, places[i].url);
		ck_assert_uint_eq(why.rule, places[i].matches);
		ck_assert_str_eq(why.text,
		    places[i].matches ? places[i].rule : "");
		teardown(scope);
	}
}
END_TEST

START_TEST(scope_rules_say_how_deep_a_url_is)
{
	static const struct {
		const char *rule;
		uint32_t from, to;
	} cases[] = { { "depth:>5", 6, UINT16_MAX },
		{ "depth:>=5", 5, UINT16_MAX }, { "depth:<5", 0, 4 },
		{ "depth:<=5", 0, 5 }, { "depth:5", 5, 5 },
		{ "depth:=5", 5, 5 }, { "depth:2-4", 2, 4 },
		{ "depth:0", 0, 0 }, { "depth:<=0", 0, 0 } };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct scope *scope = setup(SCOPE_ANY, NULL);

		ck_assert(!scope_has_depth(scope));
		ck_assert_int_eq(scope_add_rule(scope, false,
				     span_from(cases[i].rule), NULL),
		    0);
		ck_assert(scope_has_depth(scope));
		ck_assert_int_eq(url_parse(SPAN("http://a/"), NULL, &url), 0);
		for (uint32_t depth = 0; depth < 10; depth++) {
			struct scope_subject subject = { &url, depth };

			ck_assert_msg((scope_ask(scope, &subject, NULL) ==
					  SCOPE_OUT_RULE) ==
					  (depth >= cases[i].from &&
					      depth <= cases[i].to),
			    "%s %u", cases[i].rule, depth);
		}
		teardown(scope);
	}
}
END_TEST

START_TEST(scope_believes_the_response_more_than_the_extension)
{
	static const struct {
		const char *url, *type;
		enum scope_answer answer;
	} cases[] = {
		{ "http://a/x.png", "", SCOPE_OUT_RULE },
		{ "http://a/x.png", "image/png", SCOPE_OUT_RULE },
		{ "http://a/x.png", "text/html; charset=utf-8", SCOPE_IN },
		{ "http://a/x", "", SCOPE_IN },
		{ "http://a/x", "text/html", SCOPE_IN },
		{ "http://a/x", "TEXT/HTML;x", SCOPE_IN },
		{ "http://a/x", " Image/GIF ;q=1", SCOPE_OUT_RULE },
		{ "http://a/x", "nonsense", SCOPE_IN },
		{ "http://a/x.gif", "nonsense", SCOPE_OUT_RULE },
	};
	struct scope *scope = setup(SCOPE_ANY, NULL);

	ck_assert(!scope_has_type(scope));
	ck_assert_int_eq(scope_add_rule(scope, false, SPAN("type:*/*"), NULL),
	    0);
	ck_assert_int_eq(scope_add_rule(scope, true, SPAN("type:text/html"),
			     NULL),
	    0);
	ck_assert(scope_has_type(scope));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct scope_subject subject = { &url, 0,
			span_from(cases[i].type) };

		ck_assert_int_eq(url_parse(span_from(cases[i].url), NULL, &url),
		    0);
		ck_assert_msg(scope_ask(scope, &subject, NULL) ==
				  cases[i].answer,
		    "%s %s", cases[i].url, cases[i].type);
	}
	teardown(scope);
}
END_TEST

START_TEST(scope_says_which_rule_decided)
{
	static const char *const seeds[] = { "http://a.org/", NULL };
	struct scope *scope = setup(SCOPE_HOST, seeds);
	struct scope_why why = { 0 };

	ck_assert_int_eq(scope_add_rule(scope, false, SPAN("regex:/x/"), NULL),
	    0);
	ck_assert_int_eq(scope_add_rule(scope, true, SPAN("*keep*"), NULL), 0);
	answers(scope, "http://a.org/x/keep", SCOPE_IN);
	ck_assert_int_eq(ask(scope, &why), SCOPE_IN);
	ck_assert_uint_eq(why.rule, 2);
	ck_assert(why.include && !why.gave_up);
	ck_assert_str_eq(why.text, "*keep*");
	answers(scope, "http://a.org/x/", SCOPE_OUT_RULE);
	ck_assert_int_eq(ask(scope, &why), SCOPE_OUT_RULE);
	ck_assert_uint_eq(why.rule, 1);
	ck_assert(!why.include);
	ck_assert_str_eq(why.text, "regex:/x/");
	answers(scope, "http://b.org/", SCOPE_OUT_KIND);
	ck_assert_int_eq(ask(scope, &why), SCOPE_OUT_KIND);
	ck_assert_uint_eq(why.rule, 0);
	teardown(scope);
}
END_TEST

START_TEST(scope_regex_without_end_gives_up_for_the_safe_side)
{
	/* Each takes longer than the world with such a URL. */
	static const char *const rules[] = { "regex:^(.*)(.*)(.*)(.*)(.*)[!?]$",
		"regex:(a+)+[!?]$" };
	struct buf text;

	buf_init(&text, URL_MAX);
	ck_assert_int_eq(buf_printf(&text, "http://a.org/%0500d", 0), 0);
	memset(text.ptr + 13, 'a', 500);
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		struct scope *out = setup(SCOPE_ANY, NULL);
		struct scope *in = scope_new(SCOPE_HOST);
		struct scope_why why = { 0 };

		ck_assert_ptr_nonnull(in);
		ck_assert_int_eq(url_parse(buf_span(&text), NULL, &url), 0);
		ck_assert_int_eq(scope_add_rule(out, false, span_from(rules[i]),
				     NULL),
		    0);
		ck_assert_msg(ask(out, &why) == SCOPE_OUT_RULE, "%s", rules[i]);
		ck_assert(why.gave_up && why.rule == 1);
		ck_assert_uint_eq(scope_gave_up(out), 1);
		ck_assert_int_eq(scope_add_rule(in, true, span_from(rules[i]),
				     NULL),
		    0);
		ck_assert_int_eq(ask(in, &why), SCOPE_OUT_KIND);
		ck_assert(why.gave_up && why.rule == 0);
		/* The next URL is asked about as if nothing had been. */
		answers(out, "http://a.org/a!", SCOPE_OUT_RULE);
		ck_assert_uint_eq(scope_gave_up(out), 1);
		scope_free(in);
		teardown(out);
	}
	buf_fini(&text);
}
END_TEST

START_TEST(scope_rules_that_mean_nothing_are_told_so)
{
	/* clang-format off */
	static const struct {
		const char *rule, *says;
	} cases[] = {
		{ "hots:a.org", "exclude = hots:a.org: the kinds of rules are" },
		{ "mailto:x", "the kinds of rules are host, domain," },
		{ "host:", "nothing behind the ':'" },
		{ "host:http://a.org/", "nothing else of a URL" },
		{ "host:*.a.org", "domain:NAME" },
		{ "host:a.org:", "nothing else of a URL" },
		{ "host:a.org:x", "nothing else of a URL" },
		{ "host:a b", "nothing else of a URL" },
		{ "host:u@a.org", "nothing else of a URL" },
		{ "domain:a.org:80", "a domain has no port" },
		{ "domain:a.org/x", "nothing else of a URL" },
		{ "surt:example.org", "from the right" },
		{ "surt:http://example.org/", "from the right" },
		{ "surt:http://(", "from the right" },
		{ "surt:)/x", "from the right" },
		{ "glob:a\\", "backslash" },
		{ "regex:(a", "exclude = regex:(a: missing closing parenthesis, "
			      "at offset 2 of the regex" },
		{ "regex:[z-a]", "at offset 3" },
		{ "regex:*a", "at offset 0" },
		{ "regex:(*UTF)a", "at offset" },
		{ "depth:x", "a depth is >5" },
		{ "depth:", "nothing behind" },
		{ "depth:<0", "a depth is" },
		{ "depth:4-2", "a depth is" },
		{ "depth:>=", "a depth is" },
		{ "depth:5 ", "a depth is" },
		{ "depth:99999999999", "a depth is" },
		{ "type:image", "TYPE/SUBTYPE" },
		{ "type:image/", "TYPE/SUBTYPE" },
		{ "type:image/x*", "TYPE/SUBTYPE" },
		{ "type:*/html", "TYPE/SUBTYPE" },
		{ "type:text/html; charset=x", "TYPE/SUBTYPE" },
		{ "", "an empty rule" },
	};
	/* clang-format on */
	struct scope *scope = setup(SCOPE_ANY, NULL);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_NONE;

		ck_assert_int_eq(scope_add_rule(scope, false,
				     span_from(cases[i].rule), &err),
		    -EINVAL);
		ck_assert_msg(strstr(err.text, cases[i].says) != NULL, "%s: %s",
		    cases[i].rule, err.text);
	}
	answers(scope, "http://a.org/", SCOPE_IN);
	teardown(scope);
}
END_TEST

START_TEST(scope_takes_any_bytes_for_a_rule)
{
	static const char *const words[] = { "host:", "domain:", "surt:",
		"regex:", "depth:", "type:", "glob:", "http:", "(", ")", "[",
		"]", "*", ",", ".", ":", "/", "\\", "?", "+", "-", "<", "a",
		"org", "\xFF", "\xC3\xA9", "1", "127.0.0.1", "{", "}" };
	uint64_t state = test_seed();
	size_t taken = 0;

	for (int i = 0; i < 5000; i++) {
		struct scope *scope = setup(SCOPE_ANY, NULL);
		char text[128] = "";
		size_t len = 0, n = 1 + test_random(&state) % 8;
		struct err err = ERR_NONE;
		int r;

		for (size_t k = 0; k < n; k++) {
			const char *word =
			    words[test_random(&state) % ARRAY_LEN(words)];

			memcpy(text + len, word, strlen(word));
			len += strlen(word);
		}
		r = scope_add_rule(scope, false, span_of(text, len), &err);
		ck_assert(r == 0 || (r == -EINVAL && err.text[0] != '\0'));
		taken += r == 0;
		ck_assert_int_eq(url_parse(SPAN("http://a.org:81/a.b?a"), NULL,
				     &url),
		    0);
		(void)ask(scope, NULL);
		teardown(scope);
	}
	ck_assert_uint_gt(taken, 500);
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
	ck_assert_int_eq(ask(scope, NULL), SCOPE_OUT_KIND);
	memset(text + 9, 'a', sizeof(text) - 9);
	memset(glob, 'a', sizeof(glob));
	glob[0] = glob[10] = glob[40] = '*';
	glob[sizeof(glob) - 1] = 'b';
	ck_assert_int_eq(scope_add_rule(scope, true,
			     span_of(glob, sizeof(glob)), NULL),
	    0);
	ck_assert_int_eq(url_parse(span_of(text, sizeof(text)), NULL, &url), 0);
	ck_assert_int_eq(ask(scope, NULL), SCOPE_OUT_KIND);
	teardown(scope);
}
END_TEST

TEST_MAIN("scope", scope_host_is_a_name_and_a_port,
    scope_domain_is_what_one_owner_holds, scope_prefix_ends_at_the_last_slash,
    scope_any_is_everything, scope_refuses_a_seed_without_a_host,
    scope_rule_added_last_decides, scope_globs_match_the_whole_url,
    scope_globs_agree_with_their_definition, scope_refuses_globs_it_cannot_mean,
    scope_rules_say_where_a_url_is, scope_rules_say_how_deep_a_url_is,
    scope_believes_the_response_more_than_the_extension,
    scope_says_which_rule_decided,
    scope_regex_without_end_gives_up_for_the_safe_side,
    scope_rules_that_mean_nothing_are_told_so, scope_takes_any_bytes_for_a_rule,
    scope_holds_its_seeds_in_forty_bytes_each,
    scope_takes_the_longest_url_in_its_stride)
