#include "lib/archive/record_read.h"

#include "lib/base/utf8.h"

enum {
	LEVELS = 64
};

/* Keys of the line itself that are kept. */
enum key {
	KEY_V,
	KEY_CRAWL_ID,
	KEY_ID,
	KEY_URL,
	KEY_METHOD,
	KEY_STATUS,
	KEY_REASON,
	KEY_LOCATION,
	KEY_DEPTH,
	KEY_SEED,
	KEYS
};

static const char *const keys[KEYS] = {
	[KEY_V] = "v",
	[KEY_CRAWL_ID] = "crawl_id",
	[KEY_ID] = "id",
	[KEY_URL] = "url",
	[KEY_METHOD] = "method",
	[KEY_STATUS] = "status",
	[KEY_REASON] = "reason",
	[KEY_LOCATION] = "location",
	[KEY_DEPTH] = "depth",
	[KEY_SEED] = "seed",
};

const char *
record_fault_text(enum record_fault fault)
{
	static const char *const texts[] = {
		[RECORD_GOOD] = "",
		[RECORD_NOT_UTF8] = "is not UTF-8",
		[RECORD_NOT_JSON] = "is not a JSON object",
		[RECORD_NOT_OURS] = "is no record: v, id or url is missing "
				    "or wrong",
		[RECORD_NO_MEMORY] = "cannot be read: no memory",
	};

	return texts[fault];
}

/* --- JSON ---------------------------------------------------------------- */

struct scan {
	const char *at, *end;
	uint64_t objects; /* a bit for each level: it is one */
	unsigned depth;
	/* As they stand in the line, strings with their quotes. */
	struct span found[KEYS];
	bool twice;
};

static void
skip_space(struct scan *s)
{
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' ||
				     *s->at == '\r' || *s->at == '\n'))
		s->at++;
}

static bool
is_hex(char c)
{
	return (c >= '0' && c <= '9') ||
	       ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* At an opening quote; to behind the closing one. */
static bool
scan_string(struct scan *s)
{
	if (s->at == s->end || *s->at++ != '"')
		return false;
	while (s->at < s->end) {
		unsigned char c = (unsigned char)*s->at++;

		if (c == '"')
			return true;
		if (c < 0x20)
			return false;
		if (c != '\\')
			continue;
		if (s->at == s->end)
			return false;
		c = (unsigned char)*s->at++;
		if (c == 'u') {
			if (s->end - s->at < 4)
				return false;
			for (int i = 0; i < 4; i++) {
				if (!is_hex(*s->at++))
					return false;
			}
		} else if (memchr("\"\\/bfnrt", c, 8) == NULL) {
			return false;
		}
	}
	return false;
}

static bool
scan_digits(struct scan *s)
{
	const char *start = s->at;

	while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
		s->at++;
	return s->at > start;
}

static bool
scan_number(struct scan *s)
{
	if (s->at < s->end && *s->at == '-')
		s->at++;
	if (s->at < s->end && *s->at == '0')
		s->at++;
	else if (!scan_digits(s))
		return false;
	if (s->at < s->end && *s->at == '.') {
		s->at++;
		if (!scan_digits(s))
			return false;
	}
	if (s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
		s->at++;
		if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
			s->at++;
		return scan_digits(s);
	}
	return true;
}

static bool
scan_word(struct scan *s, struct span word)
{
	if (!span_starts(span_of(s->at, (size_t)(s->end - s->at)), word))
		return false;
	s->at += word.len;
	return true;
}

static bool
scan_scalar(struct scan *s)
{
	switch (*s->at) {
	case '"':
		return scan_string(s);
	case 't':
		return scan_word(s, SPAN("true"));
	case 'f':
		return scan_word(s, SPAN("false"));
	case 'n':
		return scan_word(s, SPAN("null"));
	default:
		return scan_number(s);
	}
}

/* A key and its colon; which of ours it is, or KEYS. */
static bool
scan_key(struct scan *s, unsigned *key)
{
	const char *start = s->at;
	struct span name;

	*key = KEYS;
	if (!scan_string(s))
		return false;
	name = span_of(start + 1, (size_t)(s->at - start) - 2);
	if (s->depth == 1) {
		for (unsigned i = 0; i < KEYS; i++) {
			if (span_eq(name, span_from(keys[i])))
				*key = i;
		}
	}
	skip_space(s);
	if (s->at == s->end || *s->at++ != ':')
		return false;
	skip_space(s);
	return true;
}

static void
keep(struct scan *s, unsigned key, const char *start)
{
	if (key == KEYS)
		return;
	s->twice |= s->found[key].ptr != NULL;
	s->found[key] = span_of(start, (size_t)(s->at - start));
}

/* The line is one JSON object.  No recursion: `objects` is the stack. */
static bool
scan_line(struct scan *s)
{
	unsigned key = KEYS;
	bool open = true; /* a bracket was opened just now */

	if (s->at == s->end || *s->at++ != '{')
		return false;
	s->objects = 1;
	s->depth = 1;
	while (s->depth > 0) {
		bool object = s->objects >> (s->depth - 1) & 1;
		const char *start;

		skip_space(s);
		if (s->at == s->end)
			return false;
		if (*s->at == (object ? '}' : ']')) {
			s->at++;
			s->depth--;
			open = false;
			continue;
		}
		if (!open) {
			if (*s->at++ != ',')
				return false;
			skip_space(s);
		}
		if (object && !scan_key(s, &key))
			return false;
		if (s->at == s->end)
			return false;
		start = s->at;
		open = *s->at == '{' || *s->at == '[';
		if (open) {
			if (s->depth == LEVELS)
				return false;
			s->objects &= ~(UINT64_C(1) << s->depth);
			s->objects |= (uint64_t)(*s->at++ == '{') << s->depth;
			s->depth++;
		} else if (!scan_scalar(s)) {
			return false;
		}
		if (object)
			keep(s, open ? KEYS : key, start);
	}
	skip_space(s);
	return s->at == s->end;
}

/* --- what it says -------------------------------------------------------- */

/* A whole number that is not negative: false when the value is none. */
static bool
read_number(struct span value, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;

	if (value.len == 0 || value.len > 9)
		return false;
	for (size_t i = 0; i < value.len; i++) {
		unsigned digit = (unsigned)(uint8_t)value.ptr[i] - '0';

		if (digit > 9)
			return false;
		n = n * 10 + digit;
	}
	*out = n;
	return n <= max;
}

/* The bytes between the quotes; SPAN_NONE when it is no string. */
static struct span
quoted(struct span value)
{
	if (value.len < 2 || value.ptr[0] != '"')
		return SPAN_NONE;
	return span_of(value.ptr + 1, value.len - 2);
}

static unsigned
hex_digit(char c)
{
	return c <= '9' ? (unsigned)(c - '0')
			: (unsigned)((c | 0x20) - 'a') + 10;
}

static uint64_t
read_hex(const char *at, size_t n)
{
	uint64_t value = 0;

	for (size_t i = 0; i < n; i++)
		value = value << 4 | hex_digit(at[i]);
	return value;
}

static bool
all_hex(struct span s, size_t n)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!is_hex(s.ptr[i]))
			return false;
	}
	return s.len == n;
}

/* The text that a string (between its quotes, checked) stands for. */
static int
unescape(struct span s, struct buf *out)
{
	static const char plain[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
	int r = 0;

	while (s.len > 0 && r == 0) {
		const char *slash = memchr(s.ptr, '\\', s.len);
		size_t n = slash != NULL ? (size_t)(slash - s.ptr) : s.len;
		char encoded[4];
		uint32_t cp;

		r = buf_add(out, s.ptr, n);
		s = span_from_at(s, n);
		if (s.len == 0 || r < 0)
			break;
		if (s.ptr[1] != 'u') {
			const char *which = strchr(plain, s.ptr[1]);

			r = buf_add_char(out, means[which - plain]);
			s = span_from_at(s, 2);
			continue;
		}
		cp = (uint32_t)read_hex(s.ptr + 2, 4);
		s = span_from_at(s, 6);
		if (cp >= 0xD800 && cp < 0xDC00 &&
		    span_starts(s, SPAN("\\u"))) {
			uint32_t low = (uint32_t)read_hex(s.ptr + 2, 4);

			if (low >= 0xDC00 && low < 0xE000) {
				cp = 0x10000 + ((cp - 0xD800) << 10) + low -
				     0xDC00;
				s = span_from_at(s, 6);
			}
		}
		r = buf_add(out, encoded, utf8_encode(cp, encoded));
	}
	return r;
}

static uint8_t
read_reason(struct span value)
{
	struct span name = quoted(value);

	for (unsigned i = 1; i < REASONS; i++) {
		if (span_eq(name, span_from(reason_name(i))))
			return (uint8_t)i;
	}
	return REASON_NONE;
}

enum record_fault
record_read(struct span line, struct buf *url, struct record_facts *out)
{
	struct scan s = { .at = line.ptr, .end = line.ptr + line.len };
	struct record_facts facts = { .site64 = 0 };
	uint64_t version = 0, number = 0;
	struct span id, crawl, text;

	if (utf8_valid_prefix(line) != line.len)
		return RECORD_NOT_UTF8;
	if (!scan_line(&s))
		return RECORD_NOT_JSON;
	id = quoted(s.found[KEY_ID]);
	text = quoted(s.found[KEY_URL]);
	if (s.twice || !read_number(s.found[KEY_V], 1, &version) ||
	    version != 1 || !all_hex(id, 32) || text.len == 0)
		return RECORD_NOT_OURS;
	facts.site64 = read_hex(id.ptr, 16);
	facts.url64 = read_hex(id.ptr + 16, 16);
	crawl = quoted(s.found[KEY_CRAWL_ID]);
	if (all_hex(crawl, 32))
		memcpy(facts.crawl_id, crawl.ptr, crawl.len);
	/* Every line has a status, a reason, or both. */
	facts.reason = read_reason(s.found[KEY_REASON]);
	if (read_number(s.found[KEY_STATUS], 999, &number))
		facts.status = (uint16_t)number;
	if (facts.status == 0 && facts.reason == REASON_NONE)
		return RECORD_NOT_OURS;
	if (read_number(s.found[KEY_DEPTH], UINT16_MAX, &number))
		facts.depth = (uint16_t)number;
	facts.fetched = s.found[KEY_METHOD].len > 0;
	facts.located = s.found[KEY_LOCATION].len > 0;
	facts.seed = s.found[KEY_SEED].len > 0;
	buf_clear(url);
	if (unescape(text, url) < 0)
		return RECORD_NO_MEMORY;
	facts.url = buf_span(url);
	*out = facts;
	return RECORD_GOOD;
}

uint8_t
record_verdict(const struct record_facts *facts)
{
	if (facts->reason == REASON_QUARANTINED)
		return VERDICT_QUARANTINED;
	if (!facts->fetched)
		return facts->reason == REASON_HOST_DOWN ? VERDICT_FAILED
							 : VERDICT_EXCLUDED;
	if (facts->status != 0 && facts->reason == REASON_RULE)
		return VERDICT_EXCLUDED; /* by its headers */
	if (facts->status == 0 || facts->status == 408 ||
	    facts->status == 429 || facts->status >= 500)
		return VERDICT_FAILED;
	if (facts->status >= 300 && facts->status < 400 && facts->located)
		return facts->reason == REASON_TOO_MANY_REDIRECTS
			   ? VERDICT_FAILED
			   : VERDICT_REDIRECTED;
	if (facts->status == 404 || facts->status == 410)
		return VERDICT_GONE;
	return VERDICT_DONE;
}
