#include <errno.h>

#include "lib/robots/robots_impl.h"

/* Whom a group names, as bits. */
enum {
	NAMES_US = 1,
	NAMES_ALL = 2
};

/* A rule on its way: its pattern is in compiler.patterns. */
struct found {
	uint32_t at, len;
	uint32_t strength; /* octets of the pattern (RFC 9309, 2.2.2) */
	uint32_t line;     /* from 1 */
	uint8_t bits;      /* enum robots_rule */
	uint8_t names;
};

struct compiler {
	struct span agent;
	struct buf patterns;
	struct buf rules;    /* of struct found */
	struct buf sitemaps; /* their text */
	struct buf ends;     /* words: where each one ends */
	uint32_t delay_us_ms, delay_all_ms;
	uint32_t line; /* the one being read, from 1 */

	unsigned ever; /* whom any group named */
	unsigned group;
	bool group_closed; /* by a rule: the next user-agent begins another */
	/*
	 * A Crawl-delay belongs to the agents right above it.  It does not
	 * close the group for rules, but "user-agent: slow / crawl-delay: 60 /
	 * user-agent: * / disallow: /x" is not meant to slow down everybody.
	 */
	unsigned delay_group;
	bool delay_group_closed;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct span
trim(struct span s)
{
	while (s.len > 0 && is_blank(s.ptr[0]))
		s = span_from_at(s, 1);
	while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

static bool
has_control(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

/* The product token that `s` begins with (2.2.1). */
static struct span
token(struct span s)
{
	size_t n = 0;

	while (n < s.len) {
		char c = span_lower(s.ptr[n]);

		if ((c < 'a' || c > 'z') && c != '-' && c != '_')
			break;
		n++;
	}
	return span_of(s.ptr, n);
}

/* The next line, ended by CR, LF or both; numbers as an editor shows them. */
static bool
next_line(struct span *text, struct span *line)
{
	size_t n = 0;

	if (text->len == 0)
		return false;
	while (n < text->len && text->ptr[n] != '\n' && text->ptr[n] != '\r')
		n++;
	*line = span_of(text->ptr, n);
	if (n + 1 < text->len && text->ptr[n] == '\r' &&
	    text->ptr[n + 1] == '\n')
		n++;
	*text = span_from_at(*text, n + 1);
	return true;
}

/*
 * "key: value # comment".  A colon that was forgotten between two words is
 * understood: whoever writes "disallow /x" means it.
 */
static bool
split_line(struct span line, struct span *key, struct span *value)
{
	const char *at;
	size_t n = 0;

	at = line.len > 0 ? memchr(line.ptr, '#', line.len) : NULL;
	if (at != NULL)
		line.len = (size_t)(at - line.ptr);
	line = trim(line);
	at = line.len > 0 ? memchr(line.ptr, ':', line.len) : NULL;
	if (at != NULL) {
		*key = trim(span_of(line.ptr, (size_t)(at - line.ptr)));
		*value = trim(span_from_at(line, (size_t)(at - line.ptr) + 1));
		return true;
	}
	while (n < line.len && !is_blank(line.ptr[n]))
		n++;
	*key = span_of(line.ptr, n);
	*value = trim(span_from_at(line, n));
	for (size_t i = 0; i < value->len; i++) {
		if (is_blank(value->ptr[i]))
			return false;
	}
	return value->len > 0;
}

static void
take_agent(struct compiler *c, struct span value)
{
	struct span name = token(value);
	unsigned names = 0;

	if (name.len > 0 && span_eq_nocase(name, c->agent))
		names = NAMES_US;
	else if (span_starts(value, SPAN("*")) &&
		 (value.len == 1 || is_blank(value.ptr[1])))
		names = NAMES_ALL;

	if (c->group_closed)
		c->group = 0;
	if (c->group_closed || c->delay_group_closed)
		c->delay_group = 0;
	c->group_closed = false;
	c->delay_group_closed = false;
	c->group |= names;
	c->delay_group |= names;
	c->ever |= names;
}

/* Append the compiled form of a pattern to c->patterns. */
static int
take_pattern(struct compiler *c, struct span value, struct found *rule)
{
	size_t from = c->patterns.len;
	bool after_star = false;
	int r = 0;

	rule->at = (uint32_t)from;
	if (span_ends(value, SPAN("$"))) {
		rule->bits |= ROBOTS_RULE_ANCHORED;
		rule->strength++;
		value.len--;
	}
	while (r == 0 && value.len > 0) {
		unsigned octets;
		char out[3];
		size_t n;

		if (value.ptr[0] == '*') {
			value = span_from_at(value, 1);
			rule->strength++;
			/* Many in a row match what one does. */
			if (!after_star)
				r = buf_add_char(&c->patterns, ROBOTS_STAR);
			after_star = true;
			continue;
		}
		n = robots_path_next(&value, out, &octets);
		r = buf_add(&c->patterns, out, n);
		rule->strength += octets;
		after_star = false;
	}
	rule->len = (uint32_t)(c->patterns.len - from);
	return r;
}

static int
take_rule(struct compiler *c, bool allow, struct span value)
{
	struct found rule = {
		.bits = allow ? ROBOTS_RULE_ALLOW : 0,
		.names = (uint8_t)c->group,
		.line = c->line,
	};
	int r;

	c->group_closed = true;
	/*
	 * An empty pattern matches nothing; nor does one that begins like no
	 * path, or holds what the grammar excludes (control characters).
	 */
	if (c->group == 0 || value.len == 0 ||
	    (value.ptr[0] != '/' && value.ptr[0] != '*') || has_control(value))
		return 0;
	r = take_pattern(c, value, &rule);
	if (r == 0)
		r = buf_add(&c->rules, &rule, sizeof(rule));
	return r;
}

/* Seconds, with a fraction perhaps, in ms, rounded up; false: no number. */
static bool
read_delay(struct span value, uint32_t *out_ms)
{
	uint64_t ms = 0, unit = 1000;
	bool in_fraction = false, any = false;

	for (size_t i = 0; i < value.len; i++) {
		char digit = value.ptr[i];

		if (digit == '.' && !in_fraction) {
			in_fraction = true;
			continue;
		}
		if (digit < '0' || digit > '9')
			return false;
		any = true;
		if (!in_fraction) {
			ms = ms * 10 + (uint64_t)(digit - '0') * 1000;
			if (ms > ROBOTS_DELAY_MAX_MS)
				ms = ROBOTS_DELAY_MAX_MS;
		} else if (unit > 1) {
			unit /= 10;
			ms += (uint64_t)(digit - '0') * unit;
		} else if (unit == 1 && digit != '0') {
			ms++; /* less than a millisecond: a whole one */
			unit = 0;
		}
	}
	*out_ms = (uint32_t)(ms < ROBOTS_DELAY_MAX_MS ? ms
						      : ROBOTS_DELAY_MAX_MS);
	return any;
}

/* Of several, the longest. */
static void
raise_delay(uint32_t *delay_ms, uint32_t ms)
{
	if (*delay_ms == ROBOTS_NO_DELAY || ms > *delay_ms)
		*delay_ms = ms;
}

static void
take_delay(struct compiler *c, struct span value)
{
	uint32_t ms;

	c->delay_group_closed = true;
	if (!read_delay(value, &ms))
		return;
	if (c->delay_group & NAMES_US)
		raise_delay(&c->delay_us_ms, ms);
	if (c->delay_group & NAMES_ALL)
		raise_delay(&c->delay_all_ms, ms);
}

static int
take_sitemap(struct compiler *c, struct span value)
{
	uint32_t end;
	int r;

	if (value.len == 0 || has_control(value))
		return 0;
	r = buf_add_span(&c->sitemaps, value);
	end = (uint32_t)c->sitemaps.len;
	if (r == 0)
		r = buf_add(&c->ends, &end, sizeof(end));
	return r;
}

static int
take_line(struct compiler *c, struct span line)
{
	struct span key, value;

	if (!split_line(line, &key, &value))
		return 0;
	if (span_eq_nocase(key, SPAN("user-agent")))
		take_agent(c, value);
	else if (span_eq_nocase(key, SPAN("allow")))
		return take_rule(c, true, value);
	else if (span_eq_nocase(key, SPAN("disallow")))
		return take_rule(c, false, value);
	else if (span_eq_nocase(key, SPAN("sitemap")))
		return take_sitemap(c, value);
	else if (span_eq_nocase(key, SPAN("crawl-delay")))
		take_delay(c, value);
	return 0;
}

/* The strongest first; of two as strong, allow; then any fixed order, and of
 * the same rule twice its first line. */
static int
by_strength(const void *left, const void *right, void *arg)
{
	const struct found *a = left, *b = right;
	const char *patterns = arg;
	int r;
	int a_allow = a->bits & ROBOTS_RULE_ALLOW;
	int b_allow = b->bits & ROBOTS_RULE_ALLOW;

	if (a->strength != b->strength)
		return a->strength > b->strength ? -1 : 1;
	if (a_allow != b_allow)
		return b_allow - a_allow;
	if (a->len != b->len)
		return a->len > b->len ? -1 : 1;
	r = memcmp(patterns + a->at, patterns + b->at, a->len);
	return r != 0 ? r : (a->line > b->line) - (a->line < b->line);
}

static bool
same_rule(const struct compiler *c, const struct found *a,
    const struct found *b)
{
	return a->bits == b->bits && a->len == b->len &&
	       memcmp(c->patterns.ptr + a->at, c->patterns.ptr + b->at,
		   a->len) == 0;
}

/* Keep the rules of the groups that apply, sorted, each once: how many. */
static size_t
choose_rules(struct compiler *c, unsigned names)
{
	struct found *rules = (struct found *)(void *)c->rules.ptr;
	size_t n = c->rules.len / sizeof(*rules);
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (rules[i].names & names)
			rules[kept++] = rules[i];
	}
	if (kept < 2)
		return kept;
	qsort_r(rules, kept, sizeof(*rules), by_strength, c->patterns.ptr);
	n = kept;
	kept = 1;
	for (size_t i = 1; i < n; i++) {
		if (!same_rule(c, &rules[i], &rules[kept - 1]))
			rules[kept++] = rules[i];
	}
	return kept;
}

static char *
put(char *to, const void *from, size_t len)
{
	if (len > 0)
		memcpy(to, from, len);
	return to + len;
}

/* Append the block to `out`. */
static int
emit(struct compiler *c, struct buf *out)
{
	unsigned names = c->ever & NAMES_US ? NAMES_US : NAMES_ALL;
	size_t n = choose_rules(c, names);
	const struct found *rules = (const struct found *)(void *)c->rules.ptr;
	struct robots_head head = {
		.magic = ROBOTS_MAGIC,
		.delay_ms = names == NAMES_US ? c->delay_us_ms
					      : c->delay_all_ms,
		.n_rules = (uint32_t)n,
		.n_sitemaps = (uint32_t)(c->ends.len / ROBOTS_WORD),
	};
	size_t len;
	char *to;

	for (size_t i = 0; i < n; i++)
		head.rules_len += ROBOTS_RULE_HEAD + rules[i].len;
	len = sizeof(head) + head.rules_len + c->ends.len + c->sitemaps.len;
	head.len = (uint32_t)len;
	if (len > out->limit - out->len)
		return -EMSGSIZE;
	to = buf_room(out, len);
	if (to == NULL)
		return -ENOMEM;

	to = put(to, &head, sizeof(head));
	for (size_t i = 0; i < n; i++) {
		uint32_t word = rules[i].len << ROBOTS_RULE_BITS |
				rules[i].bits;
		char line[ROBOTS_LINE];

		robots_line_put(line, rules[i].line);
		to = put(to, &word, sizeof(word));
		to = put(to, line, sizeof(line));
		to = put(to, c->patterns.ptr + rules[i].at, rules[i].len);
	}
	to = put(to, c->ends.ptr, c->ends.len);
	put(to, c->sitemaps.ptr, c->sitemaps.len);
	out->len += len;
	return 0;
}

int
robots_compile(struct span text, struct span agent, struct buf *out)
{
	struct compiler c = {
		.agent = token(agent),
		.delay_us_ms = ROBOTS_NO_DELAY,
		.delay_all_ms = ROBOTS_NO_DELAY,
	};
	struct span line;
	struct buf utf8;
	int r;

	/* Lengths are kept in 30 bits. */
	if (text.len > ROBOTS_TEXT_MAX)
		return -EMSGSIZE;
	/* None can grow past the text; a rule takes 8 bytes of it at least. */
	buf_init(&c.patterns, text.len);
	buf_init(&c.rules, text.len * sizeof(struct found));
	buf_init(&c.sitemaps, text.len);
	buf_init(&c.ends, text.len);
	buf_init(&utf8, text.len);

	r = robots_as_utf8(text, &utf8, &text);
	while (r == 0 && next_line(&text, &line)) {
		if (c.line < ROBOTS_LINE_MAX)
			c.line++;
		r = take_line(&c, line);
	}
	must(r != -EMSGSIZE);
	if (r == 0)
		r = emit(&c, out);

	buf_fini(&c.patterns);
	buf_fini(&c.rules);
	buf_fini(&c.sitemaps);
	buf_fini(&c.ends);
	buf_fini(&utf8);
	return r;
}
