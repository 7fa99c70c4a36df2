#include "lib/url/site.h"

#include <jansson.h>

#include "tests/harness.h"

enum {
	PSL_CASES = 78
};

START_TEST(site_agrees_with_the_public_suffix_list)
{
	size_t len, run = 0;
	char *text = test_data("psl/psl.jsonl", &len);
	struct span rest = { text, len };

	while (rest.len > 0) {
		const char *end = memchr(rest.ptr, '\n', rest.len);
		size_t line = end ? (size_t)(end - rest.ptr) : rest.len;
		json_t *object = json_loadb(rest.ptr, line, 0, NULL);
		const char *domain, *expected;
		struct span got = SPAN_NONE;
		bool found;

		ck_assert_ptr_nonnull(object);
		domain = json_string_value(json_object_get(object, "domain"));
		expected = json_string_value(
		    json_object_get(object, "registrable"));
		found = site_registrable(span_from(domain), &got);
		ck_assert_msg(found == (expected != NULL), "%s: %.*s, not %s",
		    domain, SPAN_ARG(got), expected);
		if (found)
			ck_assert_msg(span_eq_nocase(got, span_from(expected)),
			    "%s: %.*s, not %s", domain, SPAN_ARG(got),
			    expected);
		run++;
		json_decref(object);
		rest = span_from_at(rest, line + 1);
	}
	printf("psl/psl.jsonl: %zu run\n", run);
	ck_assert_uint_eq(run, PSL_CASES);
	free(text);
}
END_TEST

START_TEST(site_answers_with_a_slice_of_the_host)
{
	struct span host = SPAN("WWW.Example.CO.UK."), got;

	ck_assert(site_registrable(host, &got));
	ck_assert_ptr_eq(got.ptr, host.ptr + 4);
	ck_assert_uint_eq(got.len, sizeof("Example.CO.UK") - 1);
}
END_TEST

START_TEST(site_refuses_what_is_no_name)
{
	static char longest[2000];
	static const struct span hosts[] = {
		{ "", 0 },
		{ ".", 1 },
		{ "..", 2 },
		{ "a..com", 6 },
		{ "a.com..", 7 },
		{ "127.0.0.1", 9 },
		{ "127.0.0.1.", 10 },
		{ "[2001:db8::1.com]", 17 },
		{ "localhost", 9 },
		{ "a.b\0.com", 8 },
		{ "\xFF.com", 5 },
		{ NULL, 0 },
	};
	struct span got = SPAN_NONE;

	for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
		ck_assert_msg(!site_registrable(hosts[i], &got), "%zu: %.*s", i,
		    SPAN_ARG(got));
	memset(longest, 'a', sizeof(longest));
	memcpy(longest + sizeof(longest) - 4, ".com", 4);
	ck_assert(!site_registrable(span_of(longest, sizeof(longest)), &got));
	ck_assert_ptr_null(got.ptr);
}
END_TEST

TEST_MAIN("site", site_agrees_with_the_public_suffix_list,
    site_answers_with_a_slice_of_the_host, site_refuses_what_is_no_name)
