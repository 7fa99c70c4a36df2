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
	SCOPE_DOMAIN, /* the seeds' registrable domains (libpsl), any port; a host
	                 without one (an address, "localhost") counts for itself */
	SCOPE_PREFIX, /* the seeds' URLs up to the last '/' of their paths; the
	                 part in front of the path is compared as SCOPE_HOST does */
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

/* The longest glob, in bytes, and the most of them. */
#define SCOPE_GLOB_MAX  1024
#define SCOPE_RULES_MAX 10000

/*
 * A glob over the whole URL without its fragment: '*' any run, '?' one
 * character, '\\' takes the next as it is.  No backtracking beyond the last
 * star: time is linear in the URL, times at most the longest text between two
 * stars of the glob.  The rule added last is looked at first.
 * 0, -EINVAL for an empty or too long pattern, a trailing '\\' or one rule too
 * many (with `err` filled), -ENOMEM.
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
