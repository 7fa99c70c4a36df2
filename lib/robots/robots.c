#include "lib/robots/robots.h"

#include "lib/robots/robots_impl.h"

enum {
	/*
	 * What one question may cost, in bytes looked at: 9 ms at the worst
	 * that was found.  Tens of thousands of patterns with stars against a
	 * URL of thousands of bytes would otherwise hold up the scheduler, and
	 * with it every other host.  Enough for 500 such patterns against a
	 * URL of 4 KB, or 7,000 against one of 300 bytes.
	 */
	STEPS_MAX = 2 << 20,
	/* A target up to this long is decoded on the stack. */
	TARGET_ON_STACK = 4096
};

struct rule {
	bool allow, anchored;
	uint32_t line;
	struct span pattern;
};

static uint32_t
load(const char *ptr)
{
	uint32_t word;

	memcpy(&word, ptr, sizeof(word));
	return word;
}

/*
 * The head, when the lengths that it names fit the block.  Every length is
 * read once, into *out: the block may lie where somebody else can write.
 */
static bool
read_head(struct span block, struct robots_head *out)
{
	if (block.len < sizeof(*out))
		return false;
	memcpy(out, block.ptr, sizeof(*out));
	if (out->magic != ROBOTS_MAGIC || out->len != block.len)
		return false;
	if (out->delay_ms != ROBOTS_NO_DELAY &&
	    out->delay_ms > ROBOTS_DELAY_MAX_MS)
		return false;
	return (uint64_t)sizeof(*out) + out->rules_len +
		   (uint64_t)out->n_sitemaps * ROBOTS_WORD <=
	       block.len;
}

static struct span
rules_of(struct span block, const struct robots_head *head)
{
	return span_of(block.ptr + sizeof(*head), head->rules_len);
}

/* Take the next rule off `rules`; false: there is none, or it does not fit. */
static bool
next_rule(struct span *rules, struct rule *out)
{
	uint32_t word;
	size_t len;

	if (rules->len < ROBOTS_RULE_HEAD)
		return false;
	word = load(rules->ptr);
	len = word >> ROBOTS_RULE_BITS;
	if (len == 0 || len > rules->len - ROBOTS_RULE_HEAD)
		return false;
	out->allow = (word & ROBOTS_RULE_ALLOW) != 0;
	out->anchored = (word & ROBOTS_RULE_ANCHORED) != 0;
	out->line = robots_line_get(rules->ptr + ROBOTS_WORD);
	out->pattern = span_of(rules->ptr + ROBOTS_RULE_HEAD, len);
	*rules = span_from_at(*rules, ROBOTS_RULE_HEAD + len);
	return true;
}

/* Where the ends of the Sitemap URLs stand, and their text. */
static struct span
sitemaps_of(struct span block, const struct robots_head *head,
    struct span *text)
{
	struct span rest = span_from_at(block, sizeof(*head) + head->rules_len);
	size_t len = (size_t)head->n_sitemaps * ROBOTS_WORD;

	*text = span_from_at(rest, len);
	return span_of(rest.ptr, len);
}

bool
robots_valid(struct span block)
{
	struct robots_head head;
	struct span rules, ends, text;
	struct rule rule;
	uint32_t n = 0, from = 0;

	if (!read_head(block, &head))
		return false;
	rules = rules_of(block, &head);
	while (next_rule(&rules, &rule)) {
		if (rule.line == 0)
			return false;
		n++;
	}
	if (rules.len != 0 || n != head.n_rules)
		return false;
	ends = sitemaps_of(block, &head, &text);
	for (; ends.len > 0; ends = span_from_at(ends, ROBOTS_WORD)) {
		uint32_t end = load(ends.ptr);

		if (end <= from || end > text.len)
			return false;
		from = end;
	}
	return from == text.len;
}

/*
 * Each piece between two stars is looked for from where the one before it
 * ended, leftmost first: a match further to the right could only leave less
 * for the pieces behind it, so there is nothing to go back to.  *steps counts
 * down.
 */
static bool
matches(const struct rule *rule, struct span target, uint64_t *steps)
{
	const char *star = memchr(rule->pattern.ptr, ROBOTS_STAR,
	    rule->pattern.len);
	struct span rest = rule->pattern, piece;

	piece = star ? span_of(rest.ptr, (size_t)(star - rest.ptr)) : rest;
	if (!span_starts(target, piece))
		return false;
	target = span_from_at(target, piece.len);
	if (star == NULL)
		return !rule->anchored || target.len == 0;

	for (;;) {
		const char *found;
		uint64_t looked, cost;

		rest = span_from_at(rest, piece.len + 1);
		star = rest.len > 0 ? memchr(rest.ptr, ROBOTS_STAR, rest.len)
				    : NULL;
		piece = star ? span_of(rest.ptr, (size_t)(star - rest.ptr))
			     : rest;
		if (star == NULL && rule->anchored)
			return span_ends(target, piece);
		if (piece.len > 0) {
			found = memmem(target.ptr, target.len, piece.ptr,
			    piece.len);
			looked = found ? (size_t)(found - target.ptr)
				       : target.len;
			/* memmem() may compare a short needle anew at each
			 * place. */
			cost = (looked + piece.len) * (1 + piece.len / 16);
			*steps -= cost < *steps ? cost : *steps;
			if (found == NULL)
				return false;
			target = span_from_at(target, looked + piece.len);
		}
		if (star == NULL)
			return true;
	}
}

/* Ask the rules; `target` is in the form in which it is compared. */
static struct robots_ruling
rules_ask(struct span rules, struct span target)
{
	struct robots_ruling none = { .allowed = true };
	uint64_t steps = STEPS_MAX;
	struct rule rule;

	if (span_eq(target, SPAN("/robots.txt"))) {
		none.ground = ROBOTS_ITSELF;
		return none;
	}
	/* The strongest comes first: the first match decides. */
	while (next_rule(&rules, &rule)) {
		if (matches(&rule, target, &steps))
			return (struct robots_ruling){
				.allowed = rule.allow,
				.ground = ROBOTS_RULE,
				.line = rule.line,
				.anchored = rule.anchored,
				.pattern = rule.pattern,
			};
		/* We do not know; who asks so much meant to keep us out. */
		if (steps == 0)
			return (struct robots_ruling){
				.ground = ROBOTS_TOO_COSTLY
			};
	}
	return none;
}

struct robots_ruling
robots_explain(struct span block, struct span target)
{
	struct robots_ruling ruling = { .allowed = true };
	char on_stack[TARGET_ON_STACK];
	char *bytes = on_stack;
	struct robots_head head;
	struct span rules;
	size_t len = 0;

	if (!robots_valid(block) || !read_head(block, &head))
		return ruling;
	rules = rules_of(block, &head);
	if (target.len == 0)
		target = SPAN("/");
	/* Without escapes it is in its form already. */
	if (memchr(target.ptr, '%', target.len) == NULL)
		return rules_ask(rules, target);

	if (target.len > sizeof(on_stack)) {
		bytes = malloc(target.len);
		if (bytes == NULL) {
			/* Not without having asked. */
			ruling.allowed = false;
			ruling.ground = ROBOTS_TOO_COSTLY;
			return ruling;
		}
	}
	while (target.len > 0) {
		unsigned octets;
		char out[3];
		size_t n = robots_path_next(&target, out, &octets);

		memcpy(bytes + len, out, n);
		len += n;
	}
	ruling = rules_ask(rules, span_of(bytes, len));
	if (bytes != on_stack)
		free(bytes);
	return ruling;
}

bool
robots_allows(struct span block, struct span target)
{
	return robots_explain(block, target).allowed;
}

/* Would these bytes of a compiled pattern, read as text, be others? */
static bool
reads_as_escape(struct span rest)
{
	struct span after = rest;
	unsigned octets;
	char out[3];
	size_t n = robots_path_next(&after, out, &octets);

	return rest.len - after.len == 3 &&
	       (n != 3 || memcmp(out, rest.ptr, 3) != 0);
}

int
robots_ruling_write(const struct robots_ruling *ruling, struct buf *out)
{
	struct span rest = ruling->pattern;
	bool escape = false;
	int r;

	r = buf_add_span(out,
	    ruling->allowed ? SPAN("Allow: ") : SPAN("Disallow: "));
	for (; r == 0 && rest.len > 0; rest = span_from_at(rest, 1)) {
		unsigned char c = (unsigned char)rest.ptr[0];

		if (c == (unsigned char)ROBOTS_STAR)
			r = buf_add_char(out, '*');
		else if (escape || c <= ' ' || c >= 0x7f || c == '*' ||
			 c == '#' || (c == '$' && rest.len == 1))
			r = buf_printf(out, "%%%02X", c);
		else
			r = buf_add_char(out, (char)c);
		escape = c == '%' && reads_as_escape(rest);
	}
	if (r == 0 && ruling->anchored)
		r = buf_add_char(out, '$');
	return r;
}

int64_t
robots_crawl_delay_ms(struct span block)
{
	struct robots_head head;

	if (!read_head(block, &head) || head.delay_ms == ROBOTS_NO_DELAY)
		return -1;
	return head.delay_ms;
}

bool
robots_sitemap(struct span block, size_t i, struct span *out)
{
	struct robots_head head;
	struct span ends, text;
	uint32_t from, end;

	if (!read_head(block, &head) || i >= head.n_sitemaps)
		return false;
	ends = sitemaps_of(block, &head, &text);
	from = i > 0 ? load(ends.ptr + (i - 1) * ROBOTS_WORD) : 0;
	end = load(ends.ptr + i * ROBOTS_WORD);
	if (from >= end || end > text.len)
		return false;
	*out = span_of(text.ptr + from, end - from);
	return true;
}

enum robots_meaning
robots_meaning(int status)
{
	if (status >= 200 && status <= 299)
		return ROBOTS_USE_BODY;
	if (status >= 300 && status <= 399)
		return ROBOTS_FOLLOW;
	/* 429 is about us, not about the file: it will be there later. */
	if (status >= 400 && status <= 499 && status != 429)
		return ROBOTS_ALLOW_ALL;
	return ROBOTS_UNREACHABLE;
}
