#include "lib/html/css.h"

static bool
css_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

static struct span
css_skip_space(struct span s)
{
	while (s.len > 0 && css_space(s.ptr[0]))
		s = span_from_at(s, 1);
	return s;
}

/* Of a name: then "url(" behind it is its end, and no URL. */
static bool
css_name(char c)
{
	char lower = span_lower(c);

	return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || (c & 0x80);
}

static bool
css_starts(struct span s, struct span word)
{
	return s.len >= word.len &&
	       span_eq_nocase(span_of(s.ptr, word.len), word);
}

/* In front is a quote: the string, taken off.  A line ends it, broken. */
static struct span
css_string(struct span *s)
{
	char quote = s->ptr[0];
	struct span string = span_from_at(*s, 1);
	size_t len = 0;

	while (len < string.len && string.ptr[len] != quote &&
	       string.ptr[len] != '\n') {
		if (string.ptr[len] == '\\')
			len++;
		len++;
	}
	if (len > string.len)
		len = string.len;
	*s = span_from_at(string, len + 1);
	return span_of(string.ptr, len);
}

/* Behind "url(": the URL, with its parenthesis taken off. */
static struct span
css_url(struct span *s)
{
	struct span url;
	size_t len = 0;

	*s = css_skip_space(*s);
	if (s->len > 0 && (s->ptr[0] == '"' || s->ptr[0] == '\''))
		return css_string(s);
	while (len < s->len && s->ptr[len] != ')')
		len++;
	url = span_of(s->ptr, len);
	*s = span_from_at(*s, len + 1);
	while (url.len > 0 && css_space(url.ptr[url.len - 1]))
		url.len--;
	return url;
}

bool
css_next(struct span *text, struct span *url)
{
	struct span s = *text;
	bool import = false; /* the next string is a URL */
	char before = ' ';

	*url = SPAN_NONE;
	while (s.len > 0 && url->len == 0) {
		char c = s.ptr[0];

		if (span_starts(s, SPAN("/*"))) {
			const char *end = memmem(s.ptr + 2, s.len - 2, "*/", 2);

			s = end ? span_from_at(s, (size_t)(end + 2 - s.ptr))
				: SPAN_NONE;
			c = ' ';
		} else if (c == '"' || c == '\'') {
			struct span string = css_string(&s);

			if (import)
				*url = string;
			import = false;
		} else if (!css_name(before) && css_starts(s, SPAN("url("))) {
			s = span_from_at(s, 4);
			*url = css_url(&s);
			import = false;
			c = ')';
		} else if (css_starts(s, SPAN("@import"))) {
			s = span_from_at(s, 7);
			import = true;
		} else {
			if (c == ';' || c == '{')
				import = false;
			s = span_from_at(s, 1);
		}
		before = c;
		/* What is escaped would have to be copied; few URLs are. */
		if (url->len > 0 && memchr(url->ptr, '\\', url->len) != NULL)
			*url = SPAN_NONE;
	}
	*text = s;
	return url->len > 0;
}
