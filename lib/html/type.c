#include "lib/html/type.h"

enum {
	TYPE_SNIFF = 1445, /* bytes that are looked at: the Standard, 5.1 */
};

struct span
type_essence(struct span content_type)
{
	const char *end = NULL;

	if (content_type.len > 0)
		end = memchr(content_type.ptr, ';', content_type.len);
	if (end != NULL)
		content_type.len = (size_t)(end - content_type.ptr);
	return span_trim(content_type);
}

/* Up to the ';' that ends a parameter, which one in quotes does not. */
static size_t
type_parameter_len(struct span s)
{
	bool quoted = false;
	size_t i;

	for (i = 0; i < s.len && (quoted || s.ptr[i] != ';'); i++) {
		if (s.ptr[i] == '"')
			quoted = !quoted;
		else if (s.ptr[i] == '\\' && quoted)
			i++;
	}
	return i < s.len ? i : s.len;
}

struct span
type_parameter(struct span content_type, struct span name)
{
	struct span essence = type_essence(content_type);
	struct span s = content_type;

	if (essence.len == 0)
		return SPAN_NONE;
	s = span_from_at(s, (size_t)(essence.ptr + essence.len - s.ptr));
	while (s.len > 0) {
		const char *semicolon = memchr(s.ptr, ';', s.len);
		const char *equals;
		struct span part;

		if (semicolon == NULL)
			break;
		s = span_from_at(s, (size_t)(semicolon + 1 - s.ptr));
		part = span_of(s.ptr, type_parameter_len(s));
		s = span_from_at(s, part.len);
		equals = part.len ? memchr(part.ptr, '=', part.len) : NULL;
		if (equals == NULL ||
		    !span_eq_nocase(span_trim(span_of(part.ptr,
					(size_t)(equals - part.ptr))),
			name))
			continue;
		part = span_trim(
		    span_from_at(part, (size_t)(equals + 1 - part.ptr)));
		if (part.len > 0 && part.ptr[0] == '"') {
			const char *end;

			part = span_from_at(part, 1);
			end = part.len ? memchr(part.ptr, '"', part.len) : NULL;
			if (end != NULL)
				part.len = (size_t)(end - part.ptr);
		}
		return part;
	}
	return SPAN_NONE;
}

/* What no text begins with.  `skip`: bytes of any value in front. */
static const char *
type_by_signature(struct span body)
{
	/* clang-format off */
	static const struct {
		struct span bytes;
		const char *mime;
	} signatures[] = {
		{ SPAN("%PDF-"),                        "application/pdf" },
		{ SPAN("%!PS-Adobe-"),                  "application/postscript" },
		{ SPAN("\x89PNG\r\n\x1A\n"),            "image/png" },
		{ SPAN("GIF87a"),                       "image/gif" },
		{ SPAN("GIF89a"),                       "image/gif" },
		{ SPAN("\xFF\xD8\xFF"),                 "image/jpeg" },
		{ SPAN("OggS\0"),                       "application/ogg" },
		{ SPAN("ID3\x03"),                      "audio/mpeg" },
		{ SPAN("ID3\x04"),                      "audio/mpeg" },
		{ SPAN("\x1A\x45\xDF\xA3"),             "video/webm" },
		{ SPAN("\x1F\x8B\x08"),                 "application/gzip" },
		{ SPAN("PK\x03\x04"),                   "application/zip" },
		{ SPAN("Rar!\x1A\x07"),                 "application/x-rar-compressed" },
		{ SPAN("7z\xBC\xAF\x27\x1C"),           "application/x-7z-compressed" },
		{ SPAN("wOFF"),                         "font/woff" },
		{ SPAN("wOF2"),                         "font/woff2" },
		{ SPAN("\x7F" "ELF"),                   "application/x-elf" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(signatures); i++) {
		if (span_starts(body, signatures[i].bytes))
			return signatures[i].mime;
	}
	if (span_starts(body, SPAN("RIFF")) && body.len >= 12) {
		if (memcmp(body.ptr + 8, "WEBP", 4) == 0)
			return "image/webp";
		if (memcmp(body.ptr + 8, "WAVE", 4) == 0)
			return "audio/wave";
		if (memcmp(body.ptr + 8, "AVI ", 4) == 0)
			return "video/avi";
	}
	if (body.len >= 12 && memcmp(body.ptr + 4, "ftyp", 4) == 0)
		return "video/mp4";
	return NULL;
}

/* A tag that pages begin with, and its end: the Standard, 7.1. */
static bool
type_is_tag(struct span s)
{
	static const struct span tags[] = {
		SPAN("<!doctype html"),
		SPAN("<html"),
		SPAN("<head"),
		SPAN("<script"),
		SPAN("<iframe"),
		SPAN("<h1"),
		SPAN("<div"),
		SPAN("<font"),
		SPAN("<table"),
		SPAN("<a"),
		SPAN("<style"),
		SPAN("<title"),
		SPAN("<b"),
		SPAN("<body"),
		SPAN("<br"),
		SPAN("<p"),
	};

	for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
		size_t len = tags[i].len;

		if (s.len > len && memchr(" \t\n\f\r>", s.ptr[len], 6) &&
		    span_eq_nocase(span_of(s.ptr, len), tags[i]))
			return true;
	}
	return false;
}

static struct span
type_skip_space(struct span s)
{
	while (s.len > 0 && memchr(" \t\n\f\r", s.ptr[0], 5) != NULL)
		s = span_from_at(s, 1);
	return s;
}

static bool
type_is_html(struct span body)
{
	struct span s = body;

	if (span_starts(s, SPAN("\xEF\xBB\xBF")))
		s = span_from_at(s, 3);
	if (s.len > TYPE_SNIFF)
		s.len = TYPE_SNIFF;
	s = type_skip_space(s);
	/* A comment is HTML, unless what follows is XML's. */
	return type_is_tag(s) || span_starts(s, SPAN("<!--"));
}

static bool
type_is_xml(struct span body)
{
	if (span_starts(body, SPAN("\xEF\xBB\xBF")))
		body = span_from_at(body, 3);
	return span_starts(type_skip_space(body), SPAN("<?xml"));
}

static bool
type_has_bom(struct span s)
{
	return span_starts(s, SPAN("\xEF\xBB\xBF")) ||
	       span_starts(s, SPAN("\xFE\xFF")) ||
	       span_starts(s, SPAN("\xFF\xFE"));
}

/* Bytes that no text has: the Standard, 3, "binary data byte". */
static bool
type_is_binary(struct span s)
{
	if (type_has_bom(s))
		return false;
	if (s.len > TYPE_SNIFF)
		s.len = TYPE_SNIFF;
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if (c < 0x20 && c != '\t' && c != '\n' && c != '\f' &&
		    c != '\r' && c != 0x1B)
			return true;
	}
	return false;
}

static struct type
type_unknown(struct span body)
{
	if (type_is_binary(body))
		return (struct type){ TYPE_BINARY, NULL };
	if (type_is_html(body))
		return (struct type){ TYPE_HTML, "text/html" };
	if (type_is_xml(body))
		return (struct type){ TYPE_TEXT, "text/xml" };
	return (struct type){ TYPE_TEXT, "text/plain" };
}

/* Types of text, by name or by the end of the name. */
static bool
type_is_text(struct span essence)
{
	static const struct span names[] = {
		SPAN("application/json"),
		SPAN("application/ld+json"),
		SPAN("application/xml"),
		SPAN("application/javascript"),
		SPAN("application/ecmascript"),
		SPAN("application/x-javascript"),
	};

	if (essence.len > 5 &&
	    span_eq_nocase(span_of(essence.ptr, 5), SPAN("text/")))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (span_eq_nocase(essence, names[i]))
			return true;
	}
	return essence.len > 4 &&
	       (span_eq_nocase(span_from_at(essence, essence.len - 4),
		    SPAN("+xml")) ||
		   (essence.len > 5 &&
		       span_eq_nocase(span_from_at(essence, essence.len - 5),
			   SPAN("+json"))));
}

/* Types that say nothing. */
static bool
type_is_nothing(struct span essence)
{
	return memchr(essence.len ? essence.ptr : "x", '/',
		   essence.len ? essence.len : 1) == NULL ||
	       span_eq_nocase(essence, SPAN("unknown/unknown")) ||
	       span_eq_nocase(essence, SPAN("application/unknown")) ||
	       span_eq(essence, SPAN("*/*"));
}

struct type
type_decide(struct span content_type, struct span body)
{
	struct span essence = type_essence(content_type);
	const char *mime = type_by_signature(body);

	if (mime != NULL)
		return (struct type){ TYPE_BINARY, mime };
	if (type_is_nothing(essence))
		return type_unknown(body);
	if (span_eq_nocase(essence, SPAN("text/html")))
		return (struct type){ TYPE_HTML, "text/html" };
	if (span_eq_nocase(essence, SPAN("application/xhtml+xml")))
		return (struct type){ TYPE_HTML, "application/xhtml+xml" };
	if (!type_is_text(essence) || type_is_binary(body))
		return (struct type){ TYPE_BINARY, NULL };
	return (struct type){ TYPE_TEXT,
		type_is_xml(body) ? "text/xml" : "text/plain" };
}
