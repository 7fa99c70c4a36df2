#include "lib/base/base64.h"

#include <errno.h>

#include "tests/harness.h"

START_TEST(base64_decodes_the_vectors_of_the_rfc)
{
	/* RFC 4648, section 10, and bytes past ASCII. */
	static const struct {
		const char *text, *bytes;
		size_t len;
	} cases[] = {
		{ "", "", 0 },
		{ "Zg==", "f", 1 },
		{ "Zm8=", "fo", 2 },
		{ "Zm9v", "foo", 3 },
		{ "Zm9vYg==", "foob", 4 },
		{ "Zm9vYmE=", "fooba", 5 },
		{ "Zm9vYmFy", "foobar", 6 },
		{ "Zm9vYmE", "fooba", 5 }, /* padding left out */
		{ "AP/+gA==", "\0\xFF\xFE\x80", 4 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out;

		buf_init(&out, 100);
		ck_assert_int_eq(base64_decode(span_from(cases[i].text), &out),
		    0);
		ck_assert(span_eq(buf_span(&out),
		    span_of(cases[i].bytes, cases[i].len)));
		buf_fini(&out);
	}
}
END_TEST

START_TEST(base64_refuses_what_is_none_and_appends_nothing)
{
	static const char *const bad[] = { "Z", "Zm9vY", "Zm 9", "Zm9v\n",
		"Zg=", "Z===", "=", "Zg==Zg==", "Zm9-", "\xC3\xA9zz" };
	struct buf out;

	buf_init(&out, 7);
	ck_assert_int_eq(buf_add(&out, "ab", 2), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(base64_decode(span_from(bad[i]), &out) == -EINVAL,
		    "%s", bad[i]);
	ck_assert_int_eq(base64_decode(SPAN("Zm9vYmFy"), &out), -EMSGSIZE);
	ck_assert(span_eq(buf_span(&out), SPAN("ab")));
	ck_assert_int_eq(base64_decode(SPAN("Zm9v"), &out), 0);
	ck_assert(span_eq(buf_span(&out), SPAN("abfoo")));
	buf_fini(&out);
}
END_TEST

TEST_MAIN("base64", base64_decodes_the_vectors_of_the_rfc,
    base64_refuses_what_is_none_and_appends_nothing)
