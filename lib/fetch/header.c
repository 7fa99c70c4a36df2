#include "lib/fetch/header.h"

#include <curl/curl.h>
#include <errno.h>

/*
 * Left free for the names that a crawl decides by: a site that sends 16 KB of
 * cookies first still gets its redirect followed and its robots tag heard.
 */
#define HEADER_RESERVE (4u << 10)

enum header_state {
	HEADER_BETWEEN, /* a status line comes next */
	HEADER_INSIDE,
	HEADER_COMPLETE,
};

static const struct span needed[] = {
	{ "content-encoding", 16 },
	{ "content-type", 12 },
	{ "date", 4 },
	{ "etag", 4 },
	{ "last-modified", 13 },
	{ "link", 4 },
	{ "location", 8 },
	{ "retry-after", 11 },
	{ "x-robots-tag", 12 },
};

void
header_init(struct header *header)
{
	*header = (struct header){ 0 };
	buf_init(&header->lines, HEADER_KEPT_MAX);
}

void
header_fini(struct header *header)
{
	buf_fini(&header->lines);
}

void
header_clear(struct header *header)
{
	buf_clear(&header->lines);
	header->wire = 0;
	header->status = 0;
	header->state = HEADER_BETWEEN;
	header->foldable = false;
}

/* RFC 9110, 5.6.2 */
static bool
header_token_char(char c)
{
	if ((c >= '0' && c <= '9') ||
	    (span_lower(c) >= 'a' && span_lower(c) <= 'z'))
		return true;
	return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

/* "HTTP/1.1 200 OK" → 200; 0: no status line. */
static uint16_t
header_status_line(struct span line)
{
	const char *space;
	uint16_t status = 0;
	size_t at;

	if (!span_starts(line, SPAN("HTTP/")))
		return 0;
	space = memchr(line.ptr, ' ', line.len);
	if (space == NULL)
		return 0;
	at = (size_t)(space - line.ptr) + 1;
	for (size_t i = at; i < at + 3; i++) {
		if (i >= line.len || line.ptr[i] < '0' || line.ptr[i] > '9')
			return 0;
		status = (uint16_t)(status * 10 + (line.ptr[i] - '0'));
	}
	return status;
}

static bool
header_is_needed(struct span name)
{
	for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
		if (span_eq_nocase(name, needed[i]))
			return true;
	}
	return false;
}

/* Copy without control characters; returns the end. */
static char *
header_clean(char *out, struct span value)
{
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.ptr[i];

		if (c == '\t')
			c = ' ';
		if (c >= 0x20 && c != 0x7f)
			*out++ = (char)c;
	}
	return out;
}

static int
header_add_field(struct header *header, struct span line)
{
	const char *colon = memchr(line.ptr, ':', line.len);
	struct span name, value;
	size_t most;
	char *out;

	header->foldable = false;
	if (colon == NULL || colon == line.ptr)
		return 0;
	name = span_of(line.ptr, (size_t)(colon - line.ptr));
	for (size_t i = 0; i < name.len; i++) {
		if (!header_token_char(name.ptr[i]))
			return 0;
	}
	value = span_trim(span_from_at(line, name.len + 1));
	most = header->lines.len + name.len + value.len + 3;
	if (most > HEADER_KEPT_MAX ||
	    (most > HEADER_KEPT_MAX - HEADER_RESERVE &&
		!header_is_needed(name)))
		return 0;
	out = buf_room(&header->lines, name.len + value.len + 3);
	if (out == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < name.len; i++)
		*out++ = span_lower(name.ptr[i]);
	*out++ = ':';
	*out++ = ' ';
	out = header_clean(out, value);
	*out++ = '\n';
	header->lines.len = (size_t)(out - header->lines.ptr);
	header->foldable = true;
	return 0;
}

/* A line that begins with white space goes on where the last one ended. */
static int
header_add_folded(struct header *header, struct span line)
{
	struct span value = span_trim(line);
	char *out;

	if (!header->foldable || header->lines.len + value.len + 1 >
				     HEADER_KEPT_MAX - HEADER_RESERVE)
		return 0;
	if (buf_room(&header->lines, value.len + 1) == NULL)
		return -ENOMEM;
	out = header->lines.ptr + header->lines.len;
	out[-1] = ' '; /* it was the line end */
	out = header_clean(out, value);
	*out++ = '\n';
	header->lines.len = (size_t)(out - header->lines.ptr);
	return 0;
}

int
header_add(struct header *header, struct span line)
{
	header->wire += line.len;
	if (header->wire > HEADER_WIRE_MAX)
		return -EMSGSIZE;
	while (line.len > 0 && (line.ptr[line.len - 1] == '\n' ||
				   line.ptr[line.len - 1] == '\r'))
		line.len--;

	switch ((enum header_state)header->state) {
	case HEADER_BETWEEN:
		header->status = header_status_line(line);
		if (header->status == 0)
			return 0;
		buf_clear(&header->lines);
		header->foldable = false;
		header->state = HEADER_INSIDE;
		return 0;
	case HEADER_INSIDE:
		if (line.len == 0) {
			header->state = header->status >= 200 ? HEADER_COMPLETE
							      : HEADER_BETWEEN;
			return 0;
		}
		if (line.ptr[0] == ' ' || line.ptr[0] == '\t')
			return header_add_folded(header, line);
		return header_add_field(header, line);
	case HEADER_COMPLETE:
		break; /* trailers */
	}
	return 0;
}

uint16_t
header_status(const struct header *header)
{
	return header->state == HEADER_COMPLETE ? header->status : 0;
}

bool
header_next(struct span *lines, struct span *name, struct span *value)
{
	while (lines->len > 0) {
		const char *end = memchr(lines->ptr, '\n', lines->len);
		size_t len = end ? (size_t)(end - lines->ptr) : lines->len;
		struct span line = span_of(lines->ptr, len);
		const char *colon = memchr(line.ptr, ':', line.len);

		*lines = span_from_at(*lines, len + 1);
		if (colon == NULL)
			continue; /* not a line of ours: skip it */
		*name = span_of(line.ptr, (size_t)(colon - line.ptr));
		*value = span_trim(span_from_at(line, name->len + 1));
		return true;
	}
	return false;
}

struct span
header_find(struct span lines, struct span name)
{
	struct span found = SPAN_NONE, each, value;

	while (header_next(&lines, &each, &value)) {
		if (span_eq(each, name))
			found = value;
	}
	return found;
}

/* Seconds since 1970 of an HTTP-date in any of its three forms; -1: none. */
static int64_t
header_date(struct span value)
{
	char text[64];

	if (value.len == 0 || value.len >= sizeof(text))
		return -1;
	memcpy(text, value.ptr, value.len);
	text[value.len] = '\0';
	return curl_getdate(text, NULL);
}

int64_t
header_retry_after(struct span lines, int64_t now_ms)
{
	const int64_t most = HEADER_RETRY_AFTER_MAX_MS / 1000;
	struct span value = header_find(lines, SPAN("retry-after"));
	int64_t seconds = 0, date, from;
	size_t i = 0;

	if (value.len == 0)
		return -1;
	for (; i < value.len && value.ptr[i] >= '0' && value.ptr[i] <= '9';
	     i++) {
		seconds = seconds * 10 + (value.ptr[i] - '0');
		if (seconds > most)
			seconds = most;
	}
	if (i < value.len) {
		date = header_date(value);
		from = header_date(header_find(lines, SPAN("date")));
		if (date < 0)
			return -1;
		if (from < 0)
			from = now_ms / 1000;
		seconds = date > from ? date - from : 0;
	}
	if (seconds > most)
		seconds = most;
	return seconds * 1000;
}
