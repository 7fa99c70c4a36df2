/*
 * scope - which URLs belong to the crawl.
 *
 * A kind, the seeds it is measured by, then ordered include and exclude globs
 * of which the last match wins.  The same answer for links, redirects and
 * seeds.
 */
#ifndef LIB_URL_SCOPE_H
#define LIB_URL_SCOPE_H

#include "lib/base/err.h"
#include "lib/url/url.h"

enum scope_kind {
	SCOPE_HOST,   /* the seeds' hosts: same host name, any scheme and port
	                 of theirs: "host:port" pairs, http and https on their
	                 own ports counting as one */
	SCOPE_DOMAIN, /* the seeds' registrable domains (libpsl) */
	SCOPE_PREFIX, /* the seeds' URLs up to the last '/' of their paths */
	SCOPE_ANY,
};

struct scope;

/* Heap; NULL: no memory.  Holds copies of everything it is given. */
struct scope *scope_new(enum scope_kind kind);
void scope_free(struct scope *scope);

/*
 * Measure by this seed too.  Adding one that is there already is quick and
 * changes nothing.  Millions of seeds: the memory is some 40 bytes each at
 * the most.
 * 0, -EINVAL when the URL has no host that can be measured, -ENOMEM.
 */
MUST_USE int scope_add_seed(struct scope *scope, const struct url *seed);

/*
 * A glob over the whole URL without its fragment: '*' any run, '?' one
 * character, '\\' takes the next as it is.  Matched in linear time (no
 * backtracking beyond the last star).  The rule added last is looked at first.
 * 0, -EINVAL for an empty pattern or a trailing '\\' (with `err` filled),
 * -ENOMEM.
 */
MUST_USE int scope_add_rule(struct scope *scope, bool include, struct span glob,
    struct err *err);

/* A rule that matches decides; else the kind and the seeds do. */
enum scope_answer {
	SCOPE_IN,
	SCOPE_OUT_KIND, /* not measured by any seed */
	SCOPE_OUT_RULE, /* an exclude glob matched last */
};
enum scope_answer scope_ask(const struct scope *scope, const struct url *url);

#endif
