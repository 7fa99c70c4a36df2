/*
 * scope - which URLs belong to the crawl.
 *
 * A kind, the seeds it is measured by, then ordered include and exclude rules
 * of which the last match wins.  The same answer for links, redirects,
 * sitemaps and seeds.
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

/* The longest rule, in bytes, and the most of them. */
#define SCOPE_RULE_MAX  1024
#define SCOPE_RULES_MAX 10000

/*
 * A rule is KIND:VALUE, or a glob as it is.  The one added last is looked at
 * first.
 *
 *   host:img.example.org    that name, on any port; "host:a.org:8080": on that
 *   domain:example.org      that name and all below it
 *   surt:org,example,)/x    URLs whose SURT (the host from the right: "http://
 *                           (org,example,www,)/path?query") starts so; without
 *                           "http://(" or "https://(" of either scheme
 *   glob:*.pdf, *.pdf       over the whole URL without its fragment: '*' any
 *                           run, '?' one character, '\\' takes the next as it
 *                           is.  Linear in the URL, times at most the longest
 *                           text between two stars
 *   regex:/[0-9]{4}/        PCRE2, found anywhere in the same text, within
 *                           limits on steps, depth and memory
 *   depth:>5                links from a seed: > >= < <= = or a range, 2-4
 *   type:image/ *           media type (without the blank): the response's; of
 *                           a link what the extension of its path says, if it
 *                           says anything
 *
 * 0, -EINVAL for a rule that means nothing or one too many (`err` names key,
 * value and what would be right), -ENOMEM.
 */
MUST_USE int scope_add_rule(struct scope *scope, bool include, struct span rule,
    struct err *err);

/* What is asked about.  Spans and pointers are borrowed for the call. */
struct scope_subject {
	const struct url *url;
	uint32_t depth;   /* links from a seed */
	struct span type; /* Content-Type of the response; empty: none yet */
};

/* A rule that matches decides; else the kind and the seeds do. */
enum scope_answer {
	SCOPE_IN,
	SCOPE_OUT_KIND, /* not measured by any seed */
	SCOPE_OUT_RULE, /* an exclude rule matched last */
};

/* What decided. */
struct scope_why {
	size_t rule;  /* from 1, as they were added; 0: none, kind and seeds */
	bool include; /* that rule's key */
	bool
	    gave_up; /* a regex ran into a limit: that rule's, or a later one */
	const char *text; /* that rule, as written; borrowed from the scope */
};

/*
 * A regex that runs into a limit decides for the safe side: as an exclude it
 * matches, as an include it does not.  `why` may be NULL.
 */
enum scope_answer scope_ask(struct scope *scope,
    const struct scope_subject *subject, struct scope_why *why);

/* Is there a rule whose answer depends on depth, or on the media type?  Then
 * that of one link holds for no other, or is asked again at the response. */
bool scope_has_depth(const struct scope *scope);
bool scope_has_type(const struct scope *scope);

/* How often a regex ran into a limit, in all questions so far. */
uint64_t scope_gave_up(const struct scope *scope);

#endif
