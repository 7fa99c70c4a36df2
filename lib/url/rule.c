#include <errno.h>

#include "lib/url/media.h"
#include "lib/url/rule_impl.h"

static const struct rule_kind *const kinds[] = { &rule_host, &rule_domain,
	&rule_surt, &rule_glob, &rule_regex, &rule_depth, &rule_type };

/* --- depth --------------------------------------------------------------- */

struct depth {
	uint32_t from, to; /* both included */
};

/* Takes a number off the front of *s. */
static bool
take_number(struct span *s, uint32_t *out)
{
	uint32_t value = 0;
	size_t i = 0;

	for (; i < s->len && s->ptr[i] >= '0' && s->ptr[i] <= '9'; i++) {
		if (value > UINT16_MAX)
			return false;
		value = value * 10 + (uint32_t)(s->ptr[i] - '0');
	}
	*s = span_from_at(*s, i);
	*out = value;
	return i > 0;
}

static bool
read_depth(struct span s, struct depth *out)
{
	struct depth depth = { .to = UINT32_MAX };
	char sign = s.ptr[0];
	bool equal;
	uint32_t n;

	if (sign == '>' || sign == '<' || sign == '=')
		s = span_from_at(s, 1);
	equal = (sign == '>' || sign == '<') && span_starts(s, SPAN("="));
	s = span_from_at(s, equal ? 1 : 0);
	if (!take_number(&s, &n))
		return false;
	switch (sign) {
	case '>':
		depth.from = equal ? n : n + 1;
		break;
	case '<':
		if (n == 0 && !equal)
			return false; /* nothing is below 0 */
		depth.to = equal ? n : n - 1;
		break;
	default:
		depth.from = depth.to = n;
		if (sign != '=' && span_starts(s, SPAN("-"))) {
			s = span_from_at(s, 1);
			if (!take_number(&s, &depth.to) || depth.to < n)
				return false;
		}
	}
	*out = depth;
	return s.len == 0;
}

static int
depth_compile(struct span text, void **out, struct err *err)
{
	struct depth *depth, read;

	if (!read_depth(text, &read))
		return err_set(err, -EINVAL,
		    "a depth is >5, >=5, <5, <=5, 5 or a range as in 2-4");
	depth = malloc(sizeof(*depth));
	if (depth == NULL)
		return -ENOMEM;
	*depth = read;
	*out = depth;
	return 0;
}

static enum rule_match
depth_match(const void *compiled, const struct scope_subject *subject)
{
	const struct depth *depth = compiled;

	return subject->depth >= depth->from && subject->depth <= depth->to
		   ? RULE_MATCHES
		   : RULE_MISSES;
}

const struct rule_kind rule_depth = { "depth", depth_compile, depth_match,
	NULL };

/* --- media type ---------------------------------------------------------- */

struct type {
	size_t len;
	char pattern[]; /* in lower case */
};

static int
type_compile(struct span text, void **out, struct err *err)
{
	struct type *type;

	if (!media_is_pattern(text))
		return err_set(err, -EINVAL,
		    "a media type is TYPE/SUBTYPE, and '*' for either is all "
		    "of them, as in image/*");
	type = malloc(sizeof(*type) + text.len);
	if (type == NULL)
		return -ENOMEM;
	type->len = text.len;
	for (size_t i = 0; i < text.len; i++)
		type->pattern[i] = span_lower(text.ptr[i]);
	*out = type;
	return 0;
}

static enum rule_match
type_match(const void *compiled, const struct scope_subject *subject)
{
	const struct type *type = compiled;
	struct span is = media_essence(subject->type);

	/* Nobody has said it yet, or says it. */
	if (is.len == 0)
		is = media_of_path(url_path(subject->url));
	return is.len > 0 &&
		       media_matches(is, span_of(type->pattern, type->len))
		   ? RULE_MATCHES
		   : RULE_MISSES;
}

const struct rule_kind rule_type = { "type", type_compile, type_match, NULL };

/* --- a rule's text ------------------------------------------------------- */

/* The word in front of the first ':', if it is one. */
static struct span
kind_word(struct span text)
{
	size_t len = 0;

	while (len < text.len && text.ptr[len] >= 'a' && text.ptr[len] <= 'z')
		len++;
	return len > 0 && len < text.len && text.ptr[len] == ':'
		   ? span_of(text.ptr, len)
		   : SPAN_NONE;
}

static const struct rule_kind *
kind_of(struct span word)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (span_eq(word, span_from(kinds[i]->name)))
			return kinds[i];
	}
	return NULL;
}

/* Which kind; *value is the rest.  NULL: a word that is no kind. */
static const struct rule_kind *
read_kind(struct span text, struct span *value)
{
	struct span word = kind_word(text);

	*value = text;
	/* URLs begin so: a glob. */
	if (word.len == 0 || span_eq(word, SPAN("http")) ||
	    span_eq(word, SPAN("https")))
		return &rule_glob;
	*value = span_from_at(text, word.len + 1);
	return kind_of(word);
}

/* "exclude = depth:>x: why". */
static int
refuse(bool include, struct span text, const char *why, struct err *err)
{
	bool cut = text.len > 100;

	return err_set(err, -EINVAL, "%s = %.*s%s: %s",
	    include ? "include" : "exclude", cut ? 100 : (int)text.len,
	    text.ptr, cut ? "..." : "", why);
}

static int
compile(struct rule *rule, struct span text, struct err *err)
{
	struct err why = ERR_NONE;
	struct span value;
	int r;

	if (text.len == 0)
		return refuse(rule->include, text,
		    "an empty rule: '*' is every URL", err);
	if (text.len > SCOPE_RULE_MAX)
		return refuse(rule->include, text,
		    "a rule is 1024 bytes at the most", err);
	rule->kind = read_kind(text, &value);
	if (rule->kind == NULL)
		return refuse(rule->include, text,
		    "the kinds of rules are host, domain, surt, glob, regex, "
		    "depth and type; a glob of URLs begins with http or '*'",
		    err);
	if (value.len == 0)
		return refuse(rule->include, text, "nothing behind the ':'",
		    err);
	r = rule->kind->compile(value, &rule->compiled, &why);
	if (r == -EINVAL)
		refuse(rule->include, text, why.text, err);
	return r;
}

int
rule_init(struct rule *rule, bool include, struct span text, struct err *err)
{
	int r;

	static_assert(SCOPE_RULE_MAX == 1024, "said in words");
	*rule = (struct rule){ .include = include };
	r = compile(rule, text, err);
	if (r == 0) {
		rule->text = strndup(text.ptr, text.len);
		if (rule->text == NULL)
			r = -ENOMEM;
	}
	if (r < 0)
		rule_fini(rule);
	return r;
}

void
rule_fini(struct rule *rule)
{
	if (rule->compiled != NULL && rule->kind->free != NULL)
		rule->kind->free(rule->compiled);
	else
		free(rule->compiled);
	free(rule->text);
	*rule = (struct rule){ 0 };
}
