#include "lib/message/listing.h"

#include <stdbool.h>

#include "lib/base/attr.h"

/* clang-format off */
static const char *const changefreqs[CHANGEFREQS] = {
	[CHANGEFREQ_NONE]    = "",
	[CHANGEFREQ_ALWAYS]  = "always",
	[CHANGEFREQ_HOURLY]  = "hourly",
	[CHANGEFREQ_DAILY]   = "daily",
	[CHANGEFREQ_WEEKLY]  = "weekly",
	[CHANGEFREQ_MONTHLY] = "monthly",
	[CHANGEFREQ_YEARLY]  = "yearly",
	[CHANGEFREQ_NEVER]   = "never",
};
/* clang-format on */

const char *
changefreq_name(unsigned changefreq)
{
	return changefreq < CHANGEFREQS ? changefreqs[changefreq] : "";
}

/* --- W3C date and time --------------------------------------------------- */

/* `n` digits off the front; -1: they are not there. */
static int
digits(struct span *left, size_t n)
{
	int value = 0;

	if (left->len < n)
		return -1;
	for (size_t i = 0; i < n; i++) {
		char c = left->ptr[i];

		if (c < '0' || c > '9')
			return -1;
		value = value * 10 + (c - '0');
	}
	*left = span_from_at(*left, n);
	return value;
}

static bool
skip(struct span *left, char c)
{
	if (left->len == 0 || left->ptr[0] != c)
		return false;
	*left = span_from_at(*left, 1);
	return true;
}

/* Days from 1970-01-01 to a date of the Gregorian calendar; years from 1970. */
static int64_t
days_to(int year, int month, int day)
{
	static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243,
		273, 304, 334 };
	int past = month > 2 ? year : year - 1; /* whose leap day is over */

	return (int64_t)(year - 1970) * 365 + past / 4 - 1969 / 4 -
	       (past / 100 - 1969 / 100) + past / 400 - 1969 / 400 +
	       before[month - 1] + day - 1;
}

/* "hh:mm", seconds, their fraction, and the zone, in seconds of the day. */
static bool
time_of_day(struct span *left, int64_t *out)
{
	int hour = digits(left, 2), minute, second = 0, away, away_minute;
	bool east;

	if (hour < 0 || hour > 24 || !skip(left, ':'))
		return false;
	minute = digits(left, 2);
	if (minute < 0 || minute > 59)
		return false;
	if (skip(left, ':')) {
		second = digits(left, 2);
		if (second < 0 || second > 60)
			return false;
		if (skip(left, '.')) {
			while (digits(left, 1) >= 0)
				;
		}
	}
	*out = (int64_t)hour * 3600 + minute * 60 + second;
	/* Without a zone, as many write it: as if it were UTC. */
	if (left->len == 0 || skip(left, 'Z') || skip(left, 'z'))
		return true;
	east = skip(left, '+');
	if (!east && !skip(left, '-'))
		return false;
	away = digits(left, 2);
	skip(left, ':');
	away_minute = digits(left, 2);
	if (away < 0 || away > 23 || away_minute < 0 || away_minute > 59)
		return false;
	away = away * 3600 + away_minute * 60;
	*out += east ? -away : away;
	return true;
}

static uint32_t
lastmod_of(struct span text)
{
	struct span left = span_trim(text);
	int year = digits(&left, 4), month = 1, day = 1;
	int64_t seconds = 0;

	if (year < 1970 || year > 2105)
		return 0;
	if (skip(&left, '-')) {
		month = digits(&left, 2);
		if (month < 1 || month > 12)
			return 0;
		if (skip(&left, '-')) {
			day = digits(&left, 2);
			if (day < 1 || day > 31)
				return 0;
		}
	}
	if ((skip(&left, 'T') || skip(&left, ' ')) &&
	    !time_of_day(&left, &seconds))
		return 0;
	if (left.len > 0)
		return 0;
	seconds += days_to(year, month, day) * 86400;
	return seconds > 0 ? (uint32_t)seconds : 0;
}

/* --- the others ---------------------------------------------------------- */

/* "0.8", ".8", "1": what lies between is rounded down. */
static uint8_t
priority_of(struct span text)
{
	struct span left = span_trim(text);
	int whole = digits(&left, 1), tenth = 0, hundredth = 0;

	if (whole < 0 && (left.len < 2 || left.ptr[0] != '.'))
		return 0;
	if (skip(&left, '.')) {
		tenth = digits(&left, 1);
		if (tenth >= 0)
			hundredth = digits(&left, 1);
		while (digits(&left, 1) >= 0)
			;
	}
	if (left.len > 0)
		return 0;
	whole = (whole > 0 ? whole * LISTING_PRIORITY_ONE : 0) +
		(tenth > 0 ? tenth * 10 : 0) + (hundredth > 0 ? hundredth : 0);
	return whole > LISTING_PRIORITY_ONE ? 0 : (uint8_t)(whole + 1);
}

static uint8_t
changefreq_of(struct span text)
{
	text = span_trim(text);
	for (unsigned i = 1; i < CHANGEFREQS; i++) {
		if (span_eq_nocase(text, span_from(changefreqs[i])))
			return (uint8_t)i;
	}
	return CHANGEFREQ_NONE;
}

struct listing
listing_of(struct span lastmod, struct span priority, struct span changefreq)
{
	return (struct listing){ .lastmod_s = lastmod_of(lastmod),
		.priority = priority_of(priority),
		.changefreq = changefreq_of(changefreq) };
}

bool
listing_valid(const struct listing *listing)
{
	return listing->priority <= LISTING_PRIORITY_ONE + 1 &&
	       listing->changefreq < CHANGEFREQS;
}
