#include "lib/html/refresh.h"

static bool
refresh_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

static struct span
refresh_skip_space(struct span s)
{
	while (s.len > 0 && refresh_space(s.ptr[0]))
		s = span_from_at(s, 1);
	return s;
}

static bool
refresh_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Past "url =", in any case and with white space in it.  When only a part of
 * that is there, then it is a part of the URL. */
static void
refresh_skip_name(struct span *s)
{
	struct span at = *s;

	if (at.len < 3 || !span_eq_nocase(span_of(at.ptr, 3), SPAN("url")))
		return;
	at = refresh_skip_space(span_from_at(at, 3));
	if (at.len > 0 && at.ptr[0] == '=')
		*s = refresh_skip_space(span_from_at(at, 1));
}

bool
refresh_parse(struct span text, struct refresh *out)
{
	struct span s = refresh_skip_space(text);
	struct refresh refresh = { 0 };

	if (s.len == 0 || (!refresh_digit(s.ptr[0]) && s.ptr[0] != '.'))
		return false;
	for (; s.len > 0 && refresh_digit(s.ptr[0]); s = span_from_at(s, 1)) {
		int64_t delay = refresh.delay_s * INT64_C(10) + s.ptr[0] - '0';

		refresh.delay_s = delay > INT32_MAX ? INT32_MAX
						    : (int32_t)delay;
	}
	while (s.len > 0 && (refresh_digit(s.ptr[0]) || s.ptr[0] == '.'))
		s = span_from_at(s, 1);
	if (s.len > 0 && s.ptr[0] != ';' && s.ptr[0] != ',' &&
	    !refresh_space(s.ptr[0]))
		return false;
	s = refresh_skip_space(s);
	if (s.len > 0 && (s.ptr[0] == ';' || s.ptr[0] == ','))
		s = refresh_skip_space(span_from_at(s, 1));
	if (s.len > 0) {
		refresh.has_url = true;
		refresh_skip_name(&s);
		if (s.len > 0 && (s.ptr[0] == '"' || s.ptr[0] == '\'')) {
			const char *end = memchr(s.ptr + 1, s.ptr[0],
			    s.len - 1);

			s = span_from_at(s, 1);
			if (end != NULL)
				s.len = (size_t)(end - s.ptr);
		}
		refresh.url = s;
	}
	*out = refresh;
	return true;
}
