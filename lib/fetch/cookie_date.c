#include "lib/fetch/cookie_date.h"

#include <errno.h>
#include <time.h>

static bool
is_delimiter(char c)
{
	unsigned char u = (unsigned char)c;

	return u == 0x09 || (u >= 0x20 && u <= 0x2f) ||
	       (u >= 0x3b && u <= 0x40) || (u >= 0x5b && u <= 0x60) ||
	       (u >= 0x7b && u <= 0x7e);
}

/* `least` to `most` digits in front of something else; they are cut off. */
static bool
digits(struct span *text, size_t least, size_t most, int *out)
{
	size_t n = 0;

	*out = 0;
	while (n < text->len && text->ptr[n] >= '0' && text->ptr[n] <= '9') {
		if (n == most)
			return false;
		*out = *out * 10 + (text->ptr[n++] - '0');
	}
	*text = span_from_at(*text, n);
	return n >= least;
}

static bool
colon(struct span *text)
{
	if (!span_starts(*text, SPAN(":")))
		return false;
	*text = span_from_at(*text, 1);
	return true;
}

static bool
read_time(struct span token, struct tm *tm)
{
	int h, m, s;

	if (!digits(&token, 1, 2, &h) || !colon(&token) ||
	    !digits(&token, 1, 2, &m) || !colon(&token) ||
	    !digits(&token, 1, 2, &s))
		return false;
	tm->tm_hour = h;
	tm->tm_min = m;
	tm->tm_sec = s;
	return true;
}

static bool
read_month(struct span token, struct tm *tm)
{
	static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";

	for (int i = 0; token.len >= 3 && i < 12; i++) {
		if (span_eq_nocase(span_of(token.ptr, 3),
			span_of(names + (size_t)i * 3, 3))) {
			tm->tm_mon = i;
			return true;
		}
	}
	return false;
}

int
cookie_date(struct span text, int64_t *out_ms)
{
	bool has_time = false, has_day = false, has_month = false;
	bool has_year = false;
	struct tm tm = { .tm_isdst = 0 }, made;
	int year = 0;
	time_t when;

	while (text.len > 0) {
		struct span token = text, rest;
		size_t n = 0;

		while (n < text.len && !is_delimiter(text.ptr[n]))
			n++;
		token.len = n;
		text = span_from_at(text, n + 1);
		if (!has_time && read_time(token, &tm)) {
			has_time = true;
			continue;
		}
		rest = token;
		if (!has_day && digits(&rest, 1, 2, &tm.tm_mday)) {
			has_day = true;
			continue;
		}
		if (!has_month && read_month(token, &tm)) {
			has_month = true;
			continue;
		}
		rest = token;
		if (!has_year && digits(&rest, 2, 4, &year))
			has_year = true;
	}
	if (year >= 70 && year <= 99)
		year += 1900;
	else if (year <= 69)
		year += 2000;
	if (!has_time || !has_day || !has_month || !has_year || year < 1601 ||
	    tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 59)
		return -EINVAL;
	tm.tm_year = year - 1900;
	made = tm;
	when = timegm(&made);
	if (made.tm_mday != tm.tm_mday || made.tm_mon != tm.tm_mon)
		return -EINVAL; /* there is no such day */
	*out_ms = (int64_t)when * 1000;
	return 0;
}
