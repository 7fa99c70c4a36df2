#include "lib/html/linkheader.h"

/* A parameter's value at the front of *s, in quotes or not; taken off.  What
 * is escaped in it stays so: no rel needs that. */
static struct span
linkheader_value(struct span *s)
{
	struct span value;
	size_t len = 0;

	*s = span_trim(*s);
	if (s->len > 0 && s->ptr[0] == '"') {
		for (len = 1; len < s->len && s->ptr[len] != '"'; len++) {
			if (s->ptr[len] == '\\')
				len++;
		}
		if (len > s->len)
			len = s->len;
		value = span_of(s->ptr + 1, len - 1);
		*s = span_from_at(*s, len + 1);
		return value;
	}
	while (len < s->len && s->ptr[len] != ';' && s->ptr[len] != ',')
		len++;
	value = span_trim(span_of(s->ptr, len));
	*s = span_from_at(*s, len);
	return value;
}

static struct span
linkheader_name(struct span *s)
{
	size_t len = 0;
	struct span name;

	while (len < s->len && s->ptr[len] != ';' && s->ptr[len] != ',' &&
	       s->ptr[len] != '=')
		len++;
	name = span_trim(span_of(s->ptr, len));
	*s = span_from_at(*s, len);
	return name;
}

bool
linkheader_next(struct span *value, struct span *url, struct span *rel)
{
	struct span s = *value;
	bool found = false;

	while (!found) {
		bool anchored = false, rel_seen = false;
		const char *open = s.len ? memchr(s.ptr, '<', s.len) : NULL;
		const char *close;

		if (open == NULL)
			break;
		s = span_from_at(s, (size_t)(open + 1 - s.ptr));
		close = s.len ? memchr(s.ptr, '>', s.len) : NULL;
		if (close == NULL)
			break;
		*url = span_of(s.ptr, (size_t)(close - s.ptr));
		*rel = SPAN_NONE;
		s = span_trim(span_from_at(s, url->len + 1));
		while (s.len > 0 && s.ptr[0] != ',') {
			struct span name, text = SPAN_NONE;

			s = span_from_at(s, 1); /* ';', or what is wrong */
			name = linkheader_name(&s);
			if (s.len > 0 && s.ptr[0] == '=') {
				s = span_from_at(s, 1);
				text = linkheader_value(&s);
			}
			s = span_trim(s);
			if (span_eq_nocase(name, SPAN("anchor")))
				anchored = true;
			if (!rel_seen && span_eq_nocase(name, SPAN("rel"))) {
				*rel = text;
				rel_seen = true;
			}
		}
		found = !anchored;
	}
	*value = found ? s : SPAN_NONE;
	return found;
}
