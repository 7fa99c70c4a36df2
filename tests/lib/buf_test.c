#include "lib/base/buf.h"

#include <errno.h>

#include "lib/base/utf8.h"
#include "tests/harness.h"

START_TEST(buf_keeps_what_was_added)
{
	struct buf buf;

	buf_init(&buf, 1 << 20);
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(buf_printf(&buf, "%d,", i), 0);
	ck_assert_uint_eq(buf.len, 10 * 2 + 90 * 3 + 900 * 4);
	ck_assert(span_starts(buf_span(&buf), SPAN("0,1,2,")));
	ck_assert(span_ends(buf_span(&buf), SPAN(",998,999,")));
	buf_fini(&buf);
}
END_TEST

START_TEST(buf_over_its_limit_is_refused_and_unchanged)
{
	struct buf buf;

	buf_init(&buf, 10);
	ck_assert_int_eq(buf_add(&buf, "12345678", 8), 0);
	ck_assert_int_eq(buf_add(&buf, "abc", 3), -EMSGSIZE);
	ck_assert_int_eq(buf_add(&buf, "abc", (size_t)-1), -EMSGSIZE);
	ck_assert(span_eq(buf_span(&buf), SPAN("12345678")));
	ck_assert_int_eq(buf_add(&buf, "ab", 2), 0);
	ck_assert_int_eq(buf_add_char(&buf, 'c'), -EMSGSIZE);
	buf_fini(&buf);
}
END_TEST

START_TEST(utf8_replaces_a_maximal_subpart)
{
	/* Unicode 15, table 3-8 and beyond: bytes -> how they are cut. */
	static const struct {
		const char *bytes;
		size_t n, len;
		uint32_t cp;
		bool ok;
	} cases[] = {
		{ "\xC3\xA9", 2, 2, 0xE9, true },
		{ "\xF0\x9F\x98\x80", 4, 4, 0x1F600, true },
		{ "\xC0\x80", 2, 1, UTF8_REPLACEMENT, false },
		{ "\xED\xA0\x80", 3, 1, UTF8_REPLACEMENT, false },
		{ "\xF0\x9F\x98", 3, 3, UTF8_REPLACEMENT, false },
		{ "\xE2\x82\x41", 3, 2, UTF8_REPLACEMENT, false },
		{ "\xF5\x80\x80\x80", 4, 1, UTF8_REPLACEMENT, false },
		{ "\xEF\xBF\xBD", 3, 3, UTF8_REPLACEMENT, true },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t len;
		bool ok;
		uint32_t cp = utf8_decode(span_of(cases[i].bytes, cases[i].n),
		    &len, &ok);

		ck_assert_uint_eq(cp, cases[i].cp);
		ck_assert_uint_eq(len, cases[i].len);
		ck_assert_int_eq(ok, cases[i].ok);
	}
}
END_TEST

START_TEST(utf8_decodes_what_it_encoded)
{
	for (uint32_t cp = 0; cp <= 0x10FFFF; cp++) {
		char bytes[4];
		size_t len, got;
		bool same, ok;

		if (cp >= 0xD800 && cp <= 0xDFFF)
			continue;
		len = utf8_encode(cp, bytes);
		same = utf8_decode(span_of(bytes, len), &got, &ok) == cp;
		if (!same || !ok || got != len ||
		    utf8_valid_prefix(span_of(bytes, len)) != len)
			ck_abort_msg("U+%04X", cp);
	}
	ck_assert_uint_eq(utf8_valid_prefix(SPAN("12345678abcd\xFFzz")), 12);
}
END_TEST

TEST_MAIN("base", buf_keeps_what_was_added,
    buf_over_its_limit_is_refused_and_unchanged,
    utf8_replaces_a_maximal_subpart, utf8_decodes_what_it_encoded)
