/*
 * scope: a rule that a person wrote against URLs that a page wrote.
 *
 *     a byte: the depth
 *     rule NUL media type NUL seed NUL url
 */
#include <errno.h>

#include "lib/url/scope.h"
#include "tests/fuzz/fuzz.h"

static const enum scope_kind kinds[] = { SCOPE_HOST, SCOPE_DOMAIN, SCOPE_PREFIX,
	SCOPE_ANY };

/* Of the question, beside its URL. */
static uint32_t depth;
static struct span type;

static enum scope_answer
answer(struct scope *scope, const struct url *url, struct scope_why *why)
{
	struct scope_subject subject = {
		.url = url,
		.depth = depth,
		.type = type,
	};

	return scope_ask(scope, &subject, why);
}

static void
ask(enum scope_kind kind, struct span rule, const struct url *seed,
    const struct url *url)
{
	struct scope *scope = scope_new(kind);
	struct err err = ERR_NONE;
	enum scope_answer without, with;
	struct scope_why why;
	int r;

	fuzz_holds(scope != NULL);
	r = scope_add_seed(scope, seed);
	fuzz_holds(r == 0 || r == -EINVAL);
	if (r == 0 && kind != SCOPE_PREFIX)
		fuzz_holds(answer(scope, seed, NULL) == SCOPE_IN);
	without = answer(scope, url, NULL);
	fuzz_holds(kind != SCOPE_ANY || without == SCOPE_IN);
	r = scope_add_rule(scope, false, rule, &err);
	fuzz_holds(r == 0 || (r == -EINVAL && err.text[0] != '\0'));
	if (r == 0) {
		with = answer(scope, url, &why);
		fuzz_holds(with == without || with == SCOPE_OUT_RULE);
		fuzz_holds(!why.gave_up || with == SCOPE_OUT_RULE);
		/* What decided is named, and is what was added. */
		fuzz_holds((with == SCOPE_OUT_RULE) == (why.rule == 1));
		fuzz_holds(why.rule == 0 || span_eq(span_from(why.text), rule));
		/* The last rule wins, unless it gives up. */
		fuzz_holds(scope_add_rule(scope, true, rule, &err) == 0);
		fuzz_holds(
		    answer(scope, url, NULL) ==
		    (with == SCOPE_OUT_RULE && !why.gave_up ? SCOPE_IN : with));
	}
	scope_free(scope);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = fuzz_input(data, size);
	struct span rule, seed_text;
	struct url seed, url;

	depth = fuzz_byte(&in);
	rule = fuzz_part(&in);
	type = fuzz_part(&in);
	seed_text = fuzz_part(&in);
	url_init(&seed);
	url_init(&url);
	if (url_parse(seed_text, NULL, &seed) == 0 && url_fetchable(&seed) &&
	    url_parse(in.left, &seed, &url) == 0 && url_fetchable(&url)) {
		for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
			ask(kinds[i], rule, &seed, &url);
	}
	url_fini(&seed);
	url_fini(&url);
	return 0;
}
