#include "lib/html/xhtml.h"

static bool
xhtml_ends_name(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '/' ||
	       c == '>';
}

/* The name of the element whose tag is at `s`, when its content would be raw
 * text. */
static struct span
xhtml_raw_name(struct span s)
{
	static const struct span names[] = {
		SPAN("title"),
		SPAN("script"),
		SPAN("style"),
		SPAN("textarea"),
		SPAN("iframe"),
		SPAN("noframes"),
		SPAN("noembed"),
		SPAN("xmp"),
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		size_t len = names[i].len;

		if (s.len > len + 1 && xhtml_ends_name(s.ptr[len + 1]) &&
		    span_eq_nocase(span_of(s.ptr + 1, len), names[i]))
			return names[i];
	}
	return SPAN_NONE;
}

/* How long the tag at `s` is, its '>' included; 0: it does not end. */
static size_t
xhtml_tag_len(struct span s)
{
	char quote = '\0';

	for (size_t i = 1; i < s.len; i++) {
		char c = s.ptr[i];

		if (quote != '\0') {
			if (c == quote)
				quote = '\0';
		} else if (c == '"' || c == '\'') {
			quote = c;
		} else if (c == '>') {
			return i + 1;
		}
	}
	return 0;
}

/* Up to behind `end`, or all. */
static size_t
xhtml_until(struct span s, struct span end)
{
	const char *at = memmem(s.ptr, s.len, end.ptr, end.len);

	return at ? (size_t)(at - s.ptr) + end.len : s.len;
}

/* In front is '<': how many bytes belong together, and the name of an element
 * that is to be written out behind them. */
static size_t
xhtml_step(struct span s, struct span *name)
{
	size_t len;

	*name = SPAN_NONE;
	if (span_starts(s, SPAN("<!--")))
		return xhtml_until(s, SPAN("-->"));
	if (span_starts(s, SPAN("<![CDATA[")))
		return xhtml_until(s, SPAN("]]>"));
	*name = xhtml_raw_name(s);
	if (name->len == 0)
		return 1;
	len = xhtml_tag_len(s);
	if (len < 2 || s.ptr[len - 2] != '/')
		*name = SPAN_NONE;
	return len > 0 ? len : s.len;
}

int
xhtml_write_out(struct span text, struct buf *scratch, struct span *out)
{
	struct span s = text;
	size_t done = 0; /* bytes of text that are in scratch */
	int r = 0;

	buf_clear(scratch);
	while (s.len > 0 && r == 0) {
		const char *lt = memchr(s.ptr, '<', s.len);
		struct span name;
		size_t to;

		if (lt == NULL)
			break;
		s = span_from_at(s, (size_t)(lt - s.ptr));
		s = span_from_at(s, xhtml_step(s, &name));
		if (name.len == 0)
			continue;
		/* All but the "/>" of the tag. */
		to = (size_t)(s.ptr - text.ptr);
		r = buf_add(scratch, text.ptr + done, to - 2 - done);
		if (r == 0)
			r = buf_add_span(scratch, SPAN("></"));
		if (r == 0)
			r = buf_add_span(scratch, name);
		if (r == 0)
			r = buf_add_char(scratch, '>');
		done = to;
	}
	if (done == 0 && r == 0) {
		*out = text;
		return 0;
	}
	if (r == 0)
		r = buf_add(scratch, text.ptr + done, text.len - done);
	if (r == 0)
		*out = buf_span(scratch);
	return r;
}
