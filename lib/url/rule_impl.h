/*
 * rule_impl - one include or exclude of a scope: read, and asked.
 *
 * Private to lib/url.  A kind of rule is one row of the table in rule.c; each
 * has what it reads its text into, and a question.
 */
#ifndef LIB_URL_RULE_IMPL_H
#define LIB_URL_RULE_IMPL_H

#include "lib/base/err.h"
#include "lib/url/scope.h"

enum rule_match {
	RULE_MISSES,
	RULE_MATCHES,
	RULE_GAVE_UP, /* a limit of a regex came first */
};

struct rule_kind {
	const char *name; /* in front of the ':' */
	/*
	 * Compile `text`, which is not empty, into *out, of one malloc().
	 * 0; -EINVAL with `err`: what is wrong, without key and value;
	 * -ENOMEM.
	 */
	int (*compile)(struct span text, void **out, struct err *err);
	enum rule_match (
	    *match)(const void *compiled, const struct scope_subject *subject);
	void (*free)(void *compiled); /* NULL: free() */
};

struct rule {
	bool include;
	const struct rule_kind *kind;
	void *compiled;
	char *text; /* as it was written, with its kind; NUL-terminated */
};

/* 0; -EINVAL with `err`, which names key and value; -ENOMEM. */
MUST_USE int rule_init(struct rule *rule, bool include, struct span text,
    struct err *err);
void rule_fini(struct rule *rule);

static inline enum rule_match
rule_ask(const struct rule *rule, const struct scope_subject *subject)
{
	return rule->kind->match(rule->compiled, subject);
}

/* Those whose answer takes more than the URL. */
extern const struct rule_kind rule_depth, rule_type;
extern const struct rule_kind rule_glob, rule_regex;
extern const struct rule_kind rule_host, rule_domain, rule_surt;

#endif
