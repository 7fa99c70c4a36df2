#include "lib/html/charset.h"

#include "lib/base/utf8.h"
#include "lib/html/charset_impl.h"

enum {
	CHARSET_PRESCAN = 1024, /* bytes: the HTML Standard, 13.2.3.2 */
	CHARSET_LONGEST_LABEL = 32,
};

const char *
charset_name(enum charset charset)
{
	return charset < CHARSETS ? charset_rows[charset].name : NULL;
}

const char *
charset_from_name(enum charset_from from)
{
	static const char *const names[] = {
		[CHARSET_FROM_BOM] = "bom",
		[CHARSET_FROM_HEADER] = "header",
		[CHARSET_FROM_META] = "meta",
		[CHARSET_FROM_GUESS] = "guess",
		[CHARSET_FROM_DEFAULT] = "default",
	};

	must(from < ARRAY_LEN(names));
	return names[from];
}

static int
charset_label_cmp(const void *key, const void *row)
{
	return strcmp(key, ((const struct charset_label *)row)->label);
}

enum charset
charset_of_label(struct span label)
{
	char lower[CHARSET_LONGEST_LABEL + 1];
	const struct charset_label *row;

	label = span_trim(label);
	if (label.len == 0 || label.len > CHARSET_LONGEST_LABEL ||
	    memchr(label.ptr, '\0', label.len) != NULL)
		return CHARSET_NONE;
	for (size_t i = 0; i < label.len; i++)
		lower[i] = span_lower(label.ptr[i]);
	lower[label.len] = '\0';
	row = bsearch(lower, charset_labels, charset_n_labels,
	    sizeof(charset_labels[0]), charset_label_cmp);
	return row ? row->charset : CHARSET_NONE;
}

enum charset
charset_by_meta(enum charset charset)
{
	switch (charset) {
	case CHARSET_UTF_16BE:
	case CHARSET_UTF_16LE:
		return CHARSET_UTF_8;
	case CHARSET_X_USER_DEFINED:
		return CHARSET_WINDOWS_1252;
	default:
		return charset;
	}
}

/* The white space of HTML. */
static bool
charset_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

static struct span
charset_skip_space(struct span s)
{
	while (s.len > 0 && charset_space(s.ptr[0]))
		s = span_from_at(s, 1);
	return s;
}

/* Up to the first of the bytes in `set`. */
static struct span
charset_until(struct span s, const char *set)
{
	size_t len = 0;

	while (len < s.len && (s.ptr[len] == '\0' || !strchr(set, s.ptr[len])))
		len++;
	return span_of(s.ptr, len);
}

static bool
charset_starts_nocase(struct span s, struct span prefix)
{
	return s.len >= prefix.len &&
	       span_eq_nocase(span_of(s.ptr, prefix.len), prefix);
}

/* The HTML Standard, 2.5.3: "extracting a character encoding". */
enum charset
charset_of_meta_content(struct span content)
{
	for (; content.len > 0; content = span_from_at(content, 1)) {
		struct span s;

		if (!charset_starts_nocase(content, SPAN("charset")))
			continue;
		s = charset_skip_space(span_from_at(content, 7));
		if (s.len == 0 || s.ptr[0] != '=')
			continue;
		s = charset_skip_space(span_from_at(s, 1));
		if (s.len > 0 && (s.ptr[0] == '"' || s.ptr[0] == '\'')) {
			const char *end = memchr(s.ptr + 1, s.ptr[0],
			    s.len - 1);

			if (end == NULL)
				return CHARSET_NONE;
			s = span_of(s.ptr + 1, (size_t)(end - s.ptr - 1));
		} else {
			s = charset_until(s, "; \t\n\f\r");
		}
		return charset_of_label(s);
	}
	return CHARSET_NONE;
}

/*
 * The prescan reads bytes from the front of `left`.  Running out of them ends
 * it, wherever it is: `out_of_bytes` is then set, and nothing that was begun
 * counts.
 */
struct prescan {
	struct span left;
	bool out_of_bytes;
};

static char
prescan_peek(struct prescan *scan)
{
	if (scan->left.len > 0)
		return scan->left.ptr[0];
	scan->out_of_bytes = true;
	return '\0';
}

static void
prescan_skip(struct prescan *scan, size_t n)
{
	scan->left = span_from_at(scan->left, n);
}

/* Everything up to a byte of `set`, which stays in front. */
static struct span
prescan_until(struct prescan *scan, const char *set)
{
	struct span s = charset_until(scan->left, set);

	prescan_skip(scan, s.len);
	prescan_peek(scan);
	return s;
}

static void
prescan_skip_space(struct prescan *scan)
{
	while (charset_space(prescan_peek(scan)))
		prescan_skip(scan, 1);
}

/* 13.2.3.2, "get an attribute".  False: there is none, or no more bytes. */
static bool
prescan_attribute(struct prescan *scan, struct span *name, struct span *value)
{
	const char *start;
	char c;

	while (charset_space(prescan_peek(scan)) || prescan_peek(scan) == '/')
		prescan_skip(scan, 1);
	if (scan->out_of_bytes || prescan_peek(scan) == '>')
		return false;
	*value = SPAN_NONE;
	/* A '=' that comes first is a part of the name. */
	start = scan->left.ptr;
	prescan_skip(scan, 1);
	prescan_until(scan, "= \t\n\f\r/>");
	*name = span_of(start, (size_t)(scan->left.ptr - start));
	prescan_skip_space(scan);
	if (prescan_peek(scan) != '=')
		return !scan->out_of_bytes;
	prescan_skip(scan, 1);
	prescan_skip_space(scan);
	c = prescan_peek(scan);
	if (c == '"' || c == '\'') {
		prescan_skip(scan, 1);
		*value = prescan_until(scan, c == '"' ? "\"" : "'");
		prescan_skip(scan, 1);
	} else if (c != '>') {
		*value = prescan_until(scan, " \t\n\f\r>");
	}
	return !scan->out_of_bytes;
}

/* What the attributes of a meta say, or CHARSET_NONE. */
static enum charset
prescan_meta(struct prescan *scan)
{
	bool pragma = false, content_seen = false, charset_seen = false;
	bool pragma_seen = false;
	enum {
		NEED_UNKNOWN,
		NEED_NO,
		NEED_YES
	} need = NEED_UNKNOWN;
	enum charset charset = CHARSET_NONE;
	struct span name, value;

	/* Of two attributes with one name the first counts. */
	while (prescan_attribute(scan, &name, &value)) {
		if (span_eq_nocase(name, SPAN("http-equiv"))) {
			if (!pragma_seen)
				pragma = span_eq_nocase(value,
				    SPAN("content-type"));
			pragma_seen = true;
		} else if (span_eq_nocase(name, SPAN("content"))) {
			enum charset found = charset_of_meta_content(value);

			if (!content_seen && !charset_seen &&
			    found != CHARSET_NONE) {
				charset = found;
				need = NEED_YES;
			}
			content_seen = true;
		} else if (span_eq_nocase(name, SPAN("charset"))) {
			if (!charset_seen) {
				charset = charset_of_label(value);
				need = NEED_NO;
			}
			charset_seen = true;
		}
	}
	if (scan->out_of_bytes || need == NEED_UNKNOWN ||
	    (need == NEED_YES && !pragma))
		return CHARSET_NONE;
	return charset_by_meta(charset);
}

static bool
charset_alpha(char c)
{
	return span_lower(c) >= 'a' && span_lower(c) <= 'z';
}

/* In front of `left` is '<': go past the tag, or what looks like one. */
static void
prescan_tag(struct prescan *scan)
{
	size_t slash = span_starts(scan->left, SPAN("</")) ? 1 : 0;
	struct span name, value;

	if (scan->left.len > 1 + slash &&
	    charset_alpha(scan->left.ptr[1 + slash])) {
		prescan_until(scan, " \t\n\f\r>");
		while (prescan_attribute(scan, &name, &value))
			continue;
	} else if (slash || span_starts(scan->left, SPAN("<!")) ||
		   span_starts(scan->left, SPAN("<?"))) {
		prescan_until(scan, ">");
	}
	prescan_skip(scan, 1);
}

/* A comment: its "-->" may share the dashes of "<!--". */
static void
prescan_comment(struct prescan *scan)
{
	const char *end = memmem(scan->left.ptr + 2, scan->left.len - 2, "-->",
	    3);

	if (end == NULL)
		scan->out_of_bytes = true;
	else
		prescan_skip(scan, (size_t)(end + 3 - scan->left.ptr));
}

static enum charset
charset_prescan(struct span bytes)
{
	struct prescan scan = { bytes, false };

	while (!scan.out_of_bytes) {
		struct span left;
		const char *lt = NULL;

		if (scan.left.len > 0)
			lt = memchr(scan.left.ptr, '<', scan.left.len);
		if (lt == NULL)
			break;
		prescan_skip(&scan, (size_t)(lt - scan.left.ptr));
		left = scan.left;
		if (span_starts(left, SPAN("<!--"))) {
			prescan_comment(&scan);
		} else if (left.len > 5 &&
			   charset_starts_nocase(left, SPAN("<meta")) &&
			   (charset_space(left.ptr[5]) || left.ptr[5] == '/')) {
			enum charset found;

			prescan_skip(&scan, 5);
			found = prescan_meta(&scan);
			if (found != CHARSET_NONE)
				return found;
		} else {
			prescan_tag(&scan);
		}
	}
	return CHARSET_NONE;
}

/* <?xml … encoding="…"?>: what is looked at last (13.2.3.2). */
static enum charset
charset_of_xml(struct span bytes)
{
	struct span s = bytes;
	const char *end, *quote;

	if (!span_starts(s, SPAN("<?xml")))
		return CHARSET_NONE;
	end = memchr(s.ptr, '>', s.len);
	if (end == NULL)
		return CHARSET_NONE;
	s.len = (size_t)(end - s.ptr);
	s.ptr = memmem(s.ptr, s.len, "encoding", 8);
	if (s.ptr == NULL)
		return CHARSET_NONE;
	s = span_of(s.ptr + 8, (size_t)(end - s.ptr - 8));
	while (s.len > 0 && (unsigned char)s.ptr[0] <= ' ')
		s = span_from_at(s, 1);
	if (s.len == 0 || s.ptr[0] != '=')
		return CHARSET_NONE;
	s = span_from_at(s, 1);
	while (s.len > 0 && (unsigned char)s.ptr[0] <= ' ')
		s = span_from_at(s, 1);
	if (s.len == 0 || (s.ptr[0] != '"' && s.ptr[0] != '\''))
		return CHARSET_NONE;
	quote = memchr(s.ptr + 1, s.ptr[0], s.len - 1);
	if (quote == NULL)
		return CHARSET_NONE;
	s = span_of(s.ptr + 1, (size_t)(quote - s.ptr - 1));
	return charset_by_meta(charset_of_label(s));
}

static enum charset
charset_of_markup(struct span bytes)
{
	enum charset found;

	if (bytes.len > CHARSET_PRESCAN)
		bytes.len = CHARSET_PRESCAN;
	if (span_starts(bytes, span_of("<\0?\0x\0", 6)))
		return CHARSET_UTF_16LE;
	if (span_starts(bytes, span_of("\0<\0?\0x", 6)))
		return CHARSET_UTF_16BE;
	found = charset_prescan(bytes);
	return found != CHARSET_NONE ? found : charset_of_xml(bytes);
}

/* UTF-8, and not by way of being ASCII.  A character that the end of the
 * bytes cuts may be one that a limit of ours has cut. */
static bool
charset_looks_utf8(struct span bytes)
{
	size_t valid = utf8_valid_prefix(bytes);
	struct span tail = span_from_at(bytes, valid);
	size_t len;

	for (size_t i = 0; i < valid; i++) {
		if (bytes.ptr[i] & 0x80)
			break;
		if (i + 1 == valid)
			return false;
	}
	if (valid == 0 || tail.len == 0)
		return valid > 0;
	utf8_decode(tail, &len, NULL);
	return tail.len < 4 && len == tail.len &&
	       (unsigned char)tail.ptr[0] >= 0xC2;
}

struct charset_sniffed
charset_sniff(struct span bytes, struct span label, bool html)
{
	enum charset found;

	if (span_starts(bytes, SPAN("\xEF\xBB\xBF")))
		return (struct charset_sniffed){ CHARSET_UTF_8,
			CHARSET_FROM_BOM, 3 };
	if (span_starts(bytes, SPAN("\xFE\xFF")))
		return (struct charset_sniffed){ CHARSET_UTF_16BE,
			CHARSET_FROM_BOM, 2 };
	if (span_starts(bytes, SPAN("\xFF\xFE")))
		return (struct charset_sniffed){ CHARSET_UTF_16LE,
			CHARSET_FROM_BOM, 2 };
	found = charset_of_label(label);
	if (found != CHARSET_NONE)
		return (
		    struct charset_sniffed){ found, CHARSET_FROM_HEADER, 0 };
	found = html ? charset_of_markup(bytes) : CHARSET_NONE;
	if (found != CHARSET_NONE)
		return (struct charset_sniffed){ found, CHARSET_FROM_META, 0 };
	if (charset_looks_utf8(bytes))
		return (struct charset_sniffed){ CHARSET_UTF_8,
			CHARSET_FROM_GUESS, 0 };
	return (struct charset_sniffed){ CHARSET_WINDOWS_1252,
		CHARSET_FROM_DEFAULT, 0 };
}
