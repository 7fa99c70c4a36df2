#include "lib/message/listing.h"

#include "lib/base/attr.h"
#include "tests/harness.h"

static uint32_t
lastmod(const char *text)
{
	return listing_of(span_from(text), SPAN_NONE, SPAN_NONE).lastmod_s;
}

START_TEST(a_date_is_read_in_every_form_of_the_w3c)
{
	static const struct {
		const char *text;
		uint32_t unix_s;
	} cases[] = {
		{ "1970-01-01T00:00:01Z", 1 },
		{ "2000-03-01", 951868800 }, /* behind a leap day */
		{ "2000-02-29", 951782400 },
		{ "2001-03-01", 983404800 },
		{ "2024", 1704067200 },
		{ "2024-05", 1714521600 },
		{ "2024-05-01", 1714521600 },
		{ "2024-05-01T12:00Z", 1714564800 },
		{ "2024-05-01T12:00:00+02:00", 1714557600 },
		{ "2024-05-01T12:00:00-0930", 1714599000 },
		{ "2024-05-01T12:00:00.123456Z", 1714564800 },
		{ "2024-05-01 12:00:00", 1714564800 },
		{ " 2024-05-01\n", 1714521600 },
		{ "2100-03-01", 4107542400 }, /* no leap year */
		{ "2105-12-31T23:59:59Z", 4291747199 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		ck_assert_msg(lastmod(cases[i].text) == cases[i].unix_s,
		    "%s: %u, not %u", cases[i].text, lastmod(cases[i].text),
		    cases[i].unix_s);
}
END_TEST

START_TEST(what_is_no_date_was_not_said)
{
	static const char *const cases[] = { "", "yesterday", "24-05-01",
		"1969-12-31", "2106-01-01", "2024-13-01", "2024-00-01",
		"2024-05-32", "2024-05-01T", "2024-05-01T25:00Z",
		"2024-05-01T12:60Z", "2024-05-01T12:00:00+2:00",
		"2024-05-01T12:00:00 PST", "2024-05-01x", "20240501",
		"Sun, 19 May 2002 15:21:36 GMT" };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		ck_assert_msg(lastmod(cases[i]) == 0, "%s: %u", cases[i],
		    lastmod(cases[i]));
}
END_TEST

START_TEST(a_priority_is_hundredths_and_one_more)
{
	static const struct {
		const char *text;
		unsigned value;
	} cases[] = { { "0.0", 1 }, { "0", 1 }, { "0.5", 51 }, { ".5", 51 },
		{ "1", 101 }, { "1.0", 101 }, { " 0.85 ", 86 },
		{ "0.8500", 86 }, { "0.859", 86 }, { "1.01", 0 }, { "2", 0 },
		{ "-0.5", 0 }, { "high", 0 }, { "", 0 }, { "0,5", 0 },
		{ "10", 0 } };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct listing l = listing_of(SPAN_NONE,
		    span_from(cases[i].text), SPAN_NONE);

		ck_assert_msg(l.priority == cases[i].value, "%s: %u",
		    cases[i].text, l.priority);
		ck_assert(listing_valid(&l));
	}
}
END_TEST

START_TEST(a_changefreq_is_one_of_the_list)
{
	for (unsigned i = 1; i < CHANGEFREQS; i++) {
		struct listing l = listing_of(SPAN_NONE, SPAN_NONE,
		    span_from(changefreq_name(i)));

		ck_assert_uint_eq(l.changefreq, i);
	}
	ck_assert_uint_eq(listing_of(SPAN_NONE, SPAN_NONE, SPAN(" Daily "))
			      .changefreq,
	    CHANGEFREQ_DAILY);
	ck_assert_uint_eq(listing_of(SPAN_NONE, SPAN_NONE, SPAN("often"))
			      .changefreq,
	    0);
}
END_TEST

TEST_MAIN("listing", a_date_is_read_in_every_form_of_the_w3c,
    what_is_no_date_was_not_said, a_priority_is_hundredths_and_one_more,
    a_changefreq_is_one_of_the_list)
