#include <errno.h>
#include <inttypes.h>

#include "lib/config/config_impl.h"

/* clang-format off */
static const struct unit {
	const char *name;
	uint64_t ms;
} times[] = {
	{ "ms", 1 },
	{ "s", 1000 },
	{ "m", 60 * 1000 },
	{ "h", 60 * 60 * 1000 },
	{ "d", 24 * 60 * 60 * 1000 },
};
/* clang-format on */

static const char powers[] = "KMG";

/* The digits in front of `text`, which is moved behind them. */
static int
digits(struct span *text, uint64_t *out)
{
	uint64_t value = 0;
	size_t i = 0;

	for (; i < text->len && text->ptr[i] >= '0' && text->ptr[i] <= '9';
	     i++) {
		if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
		    __builtin_add_overflow(value,
			(uint64_t)(text->ptr[i] - '0'), &value))
			return -ERANGE;
	}
	if (i == 0)
		return -EINVAL;
	*text = span_trim(span_from_at(*text, i));
	*out = value;
	return 0;
}

int
config_value_number(struct span text, uint64_t kilo, uint64_t *out)
{
	uint64_t value, factor = 1;
	const char *power;
	int r;

	text = span_trim(text);
	r = digits(&text, &value);
	if (r < 0)
		return r;
	if (text.len > 1)
		return -EINVAL;
	if (text.len == 1) {
		power = memchr(powers, text.ptr[0] & ~0x20, 3);
		if (power == NULL)
			return -EINVAL;
		for (const char *p = powers; p <= power; p++)
			factor *= kilo;
	}
	if (__builtin_mul_overflow(value, factor, &value))
		return -ERANGE;
	*out = value;
	return 0;
}

int
config_value_decimal(struct span text, uint64_t *out)
{
	uint64_t whole, part = 0;
	struct span rest;
	int r;

	text = span_trim(text);
	r = digits(&text, &whole);
	if (r < 0)
		return r;
	if (text.len > 0) {
		if (text.ptr[0] != '.' || text.len > 4)
			return -EINVAL;
		rest = span_from_at(text, 1);
		r = digits(&rest, &part);
		if (r < 0 || rest.len > 0)
			return -EINVAL;
		for (size_t i = text.len; i < 4; i++)
			part *= 10;
	}
	if (__builtin_mul_overflow(whole, (uint64_t)1000, &whole) ||
	    __builtin_add_overflow(whole, part, &whole))
		return -ERANGE;
	*out = whole;
	return 0;
}

int
config_value_time(struct span text, int64_t *out_ms)
{
	uint64_t value;
	int r;

	text = span_trim(text);
	r = digits(&text, &value);
	if (r < 0)
		return r;
	if (text.len == 0) {
		/* Seconds or milliseconds?  Guessing hurts somebody. */
		if (value != 0)
			return -EINVAL;
		*out_ms = 0;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		if (!span_eq(text, span_from(times[i].name)))
			continue;
		if (__builtin_mul_overflow(value, times[i].ms, &value) ||
		    value > INT64_MAX)
			return -ERANGE;
		*out_ms = (int64_t)value;
		return 0;
	}
	return -EINVAL;
}

struct config_shown
config_show(const struct config_row *row, uint64_t value)
{
	struct config_shown shown;
	uint64_t kilo = row->type == CONFIG_BYTES ? 1024 : 1000;
	const char *name = "";
	size_t i = 0;

	if (row->type == CONFIG_TIME) {
		if (value != 0) {
			i = ARRAY_LEN(times) - 1;
			while (value % times[i].ms != 0)
				i--;
			value /= times[i].ms;
			name = times[i].name;
		}
		snprintf(shown.text, sizeof(shown.text), "%" PRIu64 "%s", value,
		    name);
		return shown;
	}
	if (row->type == CONFIG_DECIMAL) {
		int places = value % 1000 == 0  ? 0
			     : value % 100 == 0 ? 1
			     : value % 10 == 0  ? 2
						: 3;

		snprintf(shown.text, sizeof(shown.text), "%.*f", places,
		    (double)value / 1000);
		return shown;
	}
	while (i < 3 && value != 0 && value % kilo == 0) {
		value /= kilo;
		i++;
	}
	snprintf(shown.text, sizeof(shown.text), "%" PRIu64 "%.*s", value,
	    i > 0 ? 1 : 0, i > 0 ? &powers[i - 1] : "");
	return shown;
}

bool
config_next_word(struct span *list, struct span *word)
{
	size_t from = 0, to;

	while (from < list->len && memchr(", \t", list->ptr[from], 3) != NULL)
		from++;
	to = from;
	while (to < list->len && memchr(", \t", list->ptr[to], 3) == NULL)
		to++;
	*word = span_of(list->ptr + from, to - from);
	*list = span_from_at(*list, to);
	return word->len > 0;
}
