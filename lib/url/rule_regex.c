#define PCRE2_CODE_UNIT_WIDTH 8
#include <errno.h>
#include <pcre2.h>

#include "lib/url/rule_impl.h"

/*
 * Of one question.  A pattern of people's meets hostile URLs: whatever it is,
 * it costs some milliseconds at the most.  The interpreter, not the JIT, whose
 * stack and steps know other limits.
 */
enum {
	STEPS = 2000000,    /* over all places where a match may begin … */
	STEPS_LEAST = 1000, /* … and from one of them … */
	STEPS_MOST = 200000,
	DEPTH = 20000,
	HEAP_KB = 4096,
};

struct regex {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *limits;
	bool anchored; /* a match may begin in one place */
};

static void *
take(size_t size, void *arg)
{
	(void)arg;
	return malloc(size);
}

static void
give(void *ptr, void *arg)
{
	(void)arg;
	free(ptr);
}

static void
regex_free(void *compiled)
{
	struct regex *regex = compiled;

	pcre2_code_free(regex->code);
	pcre2_match_data_free(regex->data);
	pcre2_match_context_free(regex->limits);
	free(regex);
}

static int
refuse(int code, size_t at, struct err *err)
{
	PCRE2_UCHAR text[200];

	if (code == PCRE2_ERROR_HEAP_FAILED)
		return -ENOMEM;
	if (pcre2_get_error_message(code, text, sizeof(text)) < 0)
		text[0] = '\0';
	return err_set(err, -EINVAL, "%s, at offset %zu of the regex",
	    (const char *)text, at);
}

/* PCRE2 keeps what `memory` says about malloc, not the object. */
static int
prepare(struct regex *regex, struct span text, pcre2_general_context *memory,
    struct err *err)
{
	pcre2_compile_context *context = pcre2_compile_context_create(memory);
	uint32_t options = 0;
	size_t at;
	int code;

	regex->data = pcre2_match_data_create(1, memory);
	regex->limits = pcre2_match_context_create(memory);
	if (context == NULL || regex->data == NULL || regex->limits == NULL) {
		pcre2_compile_context_free(context);
		return -ENOMEM;
	}
	/* URLs are ASCII: bytes are characters. */
	regex->code = pcre2_compile((PCRE2_SPTR)text.ptr, text.len,
	    PCRE2_NEVER_UTF | PCRE2_NEVER_UCP, &code, &at, context);
	pcre2_compile_context_free(context);
	if (regex->code == NULL)
		return refuse(code, at, err);
	pcre2_pattern_info(regex->code, PCRE2_INFO_ALLOPTIONS, &options);
	regex->anchored = options & PCRE2_ANCHORED;
	pcre2_set_depth_limit(regex->limits, DEPTH);
	pcre2_set_heap_limit(regex->limits, HEAP_KB);
	return 0;
}

static int
regex_compile(struct span text, void **out, struct err *err)
{
	pcre2_general_context *memory = pcre2_general_context_create(take, give,
	    NULL);
	struct regex *regex = calloc(1, sizeof(*regex));
	int r = -ENOMEM;

	if (memory != NULL && regex != NULL)
		r = prepare(regex, text, memory, err);
	pcre2_general_context_free(memory);
	if (r < 0 && regex != NULL)
		regex_free(regex);
	if (r == 0)
		*out = regex;
	return r;
}

static enum rule_match
regex_match(const void *compiled, const struct scope_subject *subject)
{
	const struct regex *regex = compiled;
	struct span s = url_href_bare(subject->url);
	size_t steps = regex->anchored ? STEPS_MOST : STEPS / (s.len + 1);
	int n;

	/* PCRE2 counts anew from each place. */
	if (steps < STEPS_LEAST)
		steps = STEPS_LEAST;
	if (steps > STEPS_MOST)
		steps = STEPS_MOST;
	pcre2_set_match_limit(regex->limits, (uint32_t)steps);
	n = pcre2_match(regex->code, (PCRE2_SPTR)s.ptr, s.len, 0, 0,
	    regex->data, regex->limits);

	if (n >= 0)
		return RULE_MATCHES;
	return n == PCRE2_ERROR_NOMATCH ? RULE_MISSES : RULE_GAVE_UP;
}

const struct rule_kind rule_regex = { "regex", regex_compile, regex_match,
	regex_free };
