#include "lib/archive/jsonl.h"

#include <errno.h>
#include <time.h>

#include "lib/base/utf8.h"

enum {
	/*
	 * Text is worked on in a copy of this size, never where it lies: that
	 * may be shared memory, and a byte that becomes a quote between the
	 * look at it and its copying would end the string from within.
	 */
	JSONL_CHUNK = 4096,
	JSONL_BASE64 = 3 * 1024 /* a multiple of 3: no padding in between */
};

/* How a byte of text is written. */
enum {
	PLAIN = 0,
	HIGH = 1,  /* part of a longer character: look at all of it */
	HEX = 'u', /* \u00XX; any other letter: \ and that letter */
};

/* clang-format off */
static const uint8_t escapes[256] = {
	[0x00 ... 0x07] = HEX, ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n',
	[0x0B] = HEX, ['\f'] = 'f', ['\r'] = 'r', [0x0E ... 0x1F] = HEX,
	['"'] = '"', ['\\'] = '\\',
	[0x7F] = HEX, /* JSON allows it, terminals do not like it */
	[0x80 ... 0xFF] = HIGH,
};
/* clang-format on */

static void
jsonl_add(struct jsonl *json, const void *bytes, size_t len)
{
	if (json->status == 0)
		json->status = buf_add(json->out, bytes, len);
}

static void
jsonl_hex(struct jsonl *json, uint32_t unit)
{
	static const char hex[] = "0123456789abcdef";
	const char text[6] = { '\\', 'u', hex[unit >> 12 & 15],
		hex[unit >> 8 & 15], hex[unit >> 4 & 15], hex[unit & 15] };

	jsonl_add(json, text, sizeof(text));
}

/*
 * Fit for JSON, but not for whom it meets next: C1 controls move a terminal's
 * cursor, and the two separators end a line for JavaScript and for readers
 * that split by Unicode's rules.
 */
static bool
breaks_readers(uint32_t cp)
{
	return (cp >= 0x80 && cp <= 0x9F) || cp == 0x2028 || cp == 0x2029;
}

/* Does one of these eight bytes need more than copying? */
static inline bool
any_special(uint64_t word)
{
	const uint64_t ones = 0x0101010101010101u, tops = ones * 0x80;
	uint64_t quote = word ^ ones * '"', slash = word ^ ones * '\\';
	uint64_t del = word ^ ones * 0x7F;

	/* x - ones borrows into the top bit of a byte that is 0; word less
	 * 0x20s into that of a control character. */
	return ((word | (word - ones * 0x20) | (quote - ones) | (slash - ones) |
		    (del - ones)) &
		   tops) != 0;
}

/* How many leading bytes of `s` can be copied as they are. */
static size_t
plain_prefix(struct span s)
{
	size_t at = 0;

	while (at < s.len) {
		uint64_t word;
		uint32_t cp;
		size_t len;
		bool ok;

		while (s.len - at >= sizeof(word)) {
			memcpy(&word, s.ptr + at, sizeof(word));
			if (any_special(word))
				break;
			at += sizeof(word);
		}
		while (at < s.len && escapes[(uint8_t)s.ptr[at]] == PLAIN)
			at++;
		if (at == s.len || escapes[(uint8_t)s.ptr[at]] != HIGH)
			break;
		cp = utf8_decode(span_from_at(s, at), &len, &ok);
		if (!ok || breaks_readers(cp))
			break;
		at += len;
	}
	return at;
}

/* Write the character at `s`, which is not plain; returns its length. */
static size_t
jsonl_escape(struct jsonl *json, struct span s)
{
	uint8_t how = escapes[(uint8_t)s.ptr[0]];
	const char pair[2] = { '\\', (char)how };
	size_t len = 1;
	uint32_t cp;
	bool ok;

	if (how == HEX) {
		jsonl_hex(json, (uint8_t)s.ptr[0]);
	} else if (how != HIGH) {
		jsonl_add(json, pair, sizeof(pair));
	} else {
		cp = utf8_decode(s, &len, &ok);
		if (ok)
			jsonl_hex(json, cp);
		else
			jsonl_add(json, "\xEF\xBF\xBD", 3);
	}
	return len;
}

/* A comma when one is due, and the key. */
static void
jsonl_key(struct jsonl *json, const char *key)
{
	unsigned level = json->depth - 1;

	must(json->depth > 0 && (key != NULL) == (json->closer[level] == '}'));
	if (json->comma[level])
		jsonl_add(json, ",", 1);
	json->comma[level] = true;
	if (key == NULL)
		return;
	jsonl_add(json, "\"", 1);
	jsonl_add(json, key, strlen(key));
	jsonl_add(json, "\":", 2);
}

void
jsonl_open(struct jsonl *json, const char *key, char bracket)
{
	must(json->depth < ARRAY_LEN(json->comma));
	must(bracket == '{' || bracket == '[');
	if (json->depth > 0)
		jsonl_key(json, key);
	jsonl_add(json, &bracket, 1);
	json->comma[json->depth] = false;
	json->closer[json->depth] = bracket == '{' ? '}' : ']';
	json->depth++;
}

void
jsonl_close(struct jsonl *json, char bracket)
{
	must(json->depth > 0 && json->closer[json->depth - 1] == bracket);
	json->depth--;
	jsonl_add(json, &bracket, 1);
}

void
jsonl_begin(struct jsonl *json, struct buf *out)
{
	*json = (struct jsonl){ .out = out, .start = out->len };
	jsonl_open(json, NULL, '{');
}

int
jsonl_end(struct jsonl *json)
{
	must(json->depth == 1);
	jsonl_close(json, '}');
	jsonl_add(json, "\n", 1);
	if (json->status < 0)
		json->out->len = json->start;
	return json->status;
}

/* The length of a chunk that ends between characters: a first byte never
 * continues a character, so in front of one is always such a place. */
static size_t
whole_characters(const char *chunk, size_t len)
{
	for (size_t back = 1; back < 4; back++) {
		if ((uint8_t)chunk[len - back] >= 0xC0)
			return len - back;
	}
	return len;
}

void
jsonl_text(struct jsonl *json, const char *key, struct span text)
{
	char copy[JSONL_CHUNK];

	jsonl_key(json, key);
	jsonl_add(json, "\"", 1);
	while (text.len > 0 && json->status == 0) {
		struct span s = span_of(copy, text.len);

		if (s.len > sizeof(copy))
			s.len = sizeof(copy);
		memcpy(copy, text.ptr, s.len);
		if (s.len < text.len)
			s.len = whole_characters(copy, s.len);
		text = span_from_at(text, s.len);
		while (s.len > 0) {
			size_t n = plain_prefix(s);

			jsonl_add(json, s.ptr, n);
			s = span_from_at(s, n);
			if (s.len > 0)
				s = span_from_at(s, jsonl_escape(json, s));
		}
	}
	jsonl_add(json, "\"", 1);
}

/* RFC 4648, section 4.  Returns how much was written. */
static size_t
base64(const uint8_t *in, size_t len, char *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t n = 0;

	for (size_t i = 0; i < len; i += 3) {
		size_t left = len - i;
		uint32_t three = (uint32_t)in[i] << 16;

		if (left > 1)
			three |= (uint32_t)in[i + 1] << 8;
		if (left > 2)
			three |= in[i + 2];
		out[n++] = digits[three >> 18];
		out[n++] = digits[three >> 12 & 63];
		out[n++] = left > 1 ? digits[three >> 6 & 63] : '=';
		out[n++] = left > 2 ? digits[three & 63] : '=';
	}
	return n;
}

void
jsonl_base64(struct jsonl *json, const char *key, struct span bytes)
{
	char coded[JSONL_BASE64 / 3 * 4];

	jsonl_key(json, key);
	jsonl_add(json, "\"", 1);
	while (bytes.len > 0 && json->status == 0) {
		size_t len = bytes.len < JSONL_BASE64 ? bytes.len
						      : JSONL_BASE64;

		jsonl_add(json, coded,
		    base64((const uint8_t *)bytes.ptr, len, coded));
		bytes = span_from_at(bytes, len);
	}
	jsonl_add(json, "\"", 1);
}

static void
jsonl_digits(struct jsonl *json, uint64_t value)
{
	char text[20];
	size_t at = sizeof(text);

	do
		text[--at] = (char)('0' + value % 10);
	while ((value /= 10) > 0);
	jsonl_add(json, text + at, sizeof(text) - at);
}

void
jsonl_uint(struct jsonl *json, const char *key, uint64_t value)
{
	jsonl_key(json, key);
	jsonl_digits(json, value);
}

void
jsonl_int(struct jsonl *json, const char *key, int64_t value)
{
	jsonl_key(json, key);
	if (value < 0)
		jsonl_add(json, "-", 1);
	/* Negated as unsigned: INT64_MIN has no positive. */
	jsonl_digits(json, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void
jsonl_hundredths(struct jsonl *json, const char *key, unsigned value)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u.%02u", value / 100,
	    value % 100);

	if (value % 10 == 0)
		len--; /* 0.8, and 1.0 */
	jsonl_key(json, key);
	jsonl_add(json, text, (size_t)len);
}

void
jsonl_bool(struct jsonl *json, const char *key, bool value)
{
	jsonl_key(json, key);
	jsonl_add(json, value ? "true" : "false", value ? 4 : 5);
}

void
jsonl_time(struct jsonl *json, const char *key, int64_t unix_ms)
{
	time_t seconds = (time_t)(unix_ms / 1000);
	char text[64];
	struct tm tm;
	int len;

	if (unix_ms < 0 || unix_ms > JSONL_TIME_MAX)
		return;
	must(gmtime_r(&seconds, &tm) != NULL);
	len = snprintf(text, sizeof(text),
	    "\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\"", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
	    (int)(unix_ms % 1000));
	jsonl_key(json, key);
	jsonl_add(json, text, (size_t)len);
}
