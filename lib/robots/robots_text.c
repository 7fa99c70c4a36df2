/*
 * What RFC 9309 wants is UTF-8.  Editors that call UTF-16 "Unicode" write
 * that, and whoever saved "Disallow: /" in one of them meant it.
 */
#include <errno.h>

#include "lib/base/utf8.h"
#include "lib/robots/robots_impl.h"

enum form {
	FORM_UTF_8,
	FORM_UTF_16LE,
	FORM_UTF_16BE
};

/* By a byte order mark, which *bom counts; without one by its first character,
 * which is ASCII in any file with rules. */
static enum form
form_of(struct span text, size_t *bom)
{
	*bom = 0;
	if (span_starts(text, SPAN("\xEF\xBB\xBF")))
		*bom = 3;
	else if (span_starts(text, SPAN("\xFF\xFE")) ||
		 span_starts(text, SPAN("\xFE\xFF")))
		*bom = 2;
	if (*bom == 2)
		return text.ptr[0] == '\xFF' ? FORM_UTF_16LE : FORM_UTF_16BE;
	if (*bom == 0 && text.len >= 4) {
		if (text.ptr[0] != '\0' && text.ptr[1] == '\0' &&
		    text.ptr[2] != '\0' && text.ptr[3] == '\0')
			return FORM_UTF_16LE;
		if (text.ptr[0] == '\0' && text.ptr[1] != '\0' &&
		    text.ptr[2] == '\0' && text.ptr[3] != '\0')
			return FORM_UTF_16BE;
	}
	return FORM_UTF_8;
}

static uint32_t
unit(struct span text, size_t at, enum form form)
{
	unsigned char first = (unsigned char)text.ptr[at];
	unsigned char second = (unsigned char)text.ptr[at + 1];

	return form == FORM_UTF_16BE ? (uint32_t)(first << 8 | second)
				     : (uint32_t)(second << 8 | first);
}

struct span
robots_whole_lines(struct span text)
{
	size_t bom;
	enum form form = form_of(text, &bom);

	if (form == FORM_UTF_8) {
		while (text.len > 0 && text.ptr[text.len - 1] != '\n' &&
		       text.ptr[text.len - 1] != '\r')
			text.len--;
		return text;
	}
	text.len -= text.len % 2;
	while (text.len > 0) {
		uint32_t last = unit(text, text.len - 2, form);

		if (last == '\n' || last == '\r')
			break;
		text.len -= 2;
	}
	return text;
}

int
robots_as_utf8(struct span text, struct buf *scratch, struct span *out)
{
	size_t bom;
	enum form form = form_of(text, &bom);
	int r = 0;

	text = span_from_at(text, bom);
	if (form == FORM_UTF_8) {
		*out = text;
		return 0;
	}
	for (size_t at = 0; r == 0 && at + 2 <= text.len; at += 2) {
		uint32_t cp = unit(text, at, form);
		char utf8[4];

		if (cp >= 0xD800 && cp <= 0xDBFF && at + 4 <= text.len) {
			uint32_t low = unit(text, at + 2, form);

			if (low >= 0xDC00 && low <= 0xDFFF) {
				cp = 0x10000 + ((cp - 0xD800) << 10) +
				     (low - 0xDC00);
				at += 2;
			}
		}
		r = buf_add(scratch, utf8, utf8_encode(cp, utf8));
	}
	*out = buf_span(scratch);
	if (r == -EMSGSIZE) {
		*out = robots_whole_lines(*out);
		r = 0;
	}
	return r;
}
