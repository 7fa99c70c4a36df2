/*
 * canon - when two URLs are one page: the key by which "seen" is asked.
 *
 * The URL that is fetched is the one the page wrote; only this key is folded:
 * no fragment, no user and password, and what the rules say.
 */
#ifndef LIB_URL_CANON_H
#define LIB_URL_CANON_H

#include "lib/url/url.h"

/* Rules, each a bit; canon.c has a row for each. */
enum canon_rule {
	/* Parameters of the query in order; of equal names as they came. */
	CANON_SORT_QUERY = 1 << 0,
	/* No empty parameters ("&&"), and no '?' with nothing behind it. */
	CANON_DROP_EMPTY = 1 << 1,
	/* No parameters that say how a visitor came here, by a table in
	 * canon.c, and none of `extra`. */
	CANON_DROP_TRACKING = 1 << 2,
	/* No sessions: PHPSESSID and its like in the query, ";jsessionid=..."
	 * and a segment "(S(...))" in the path. */
	CANON_DROP_SESSION = 1 << 3,
	/* "/a/index.html" is "/a/". */
	CANON_DROP_INDEX = 1 << 4,
	/* "/a/" is "/a". */
	CANON_FOLD_SLASH = 1 << 5,
	/* "www.a.org" is "a.org", where that is a domain that one can own. */
	CANON_FOLD_WWW = 1 << 6,
	/* https is http, each on its own port. */
	CANON_FOLD_SCHEME = 1 << 7,
};
/* What a crawl uses: what no known site takes amiss. */
#define CANON_DEFAULT                                                          \
	(CANON_SORT_QUERY | CANON_DROP_EMPTY | CANON_DROP_TRACKING |           \
	    CANON_DROP_SESSION)
/* Those that make two sites one: robots.txt and clocks are a site's own, so
 * the frontier keeps the sites apart and asks for each (canon_siblings()). */
#define CANON_OF_SITE (CANON_FOLD_WWW | CANON_FOLD_SCHEME)

/* "sort_query" of the i-th bit; NULL: there is none. */
const char *canon_rule_name(unsigned i);
/* The bit of a name, 0: no rule is called so. */
unsigned canon_rule_of(struct span name);

/* A query of more parameters keeps its order: no page needs it, and the work
 * for a hostile one stays small. */
#define CANON_PARAMS_MAX 256

/*
 * `extra` are the user's own (ignore_params).  A name of parameters ends with
 * '*' to mean every name that starts so; compared without case.  Where a rule
 * leaves nothing of a query its '?' goes as well.
 */
struct canon {
	unsigned rules;
	const struct span *extra;
	size_t n_extra;
};

/*
 * Write the key into `site` ("https://example.org:8443") and `page`
 * ("/a?b=c"), which are cleared first.  `url` is a parsed http(s) URL.
 * 0, -EMSGSIZE, -ENOMEM.
 */
MUST_USE int canon_key(const struct canon *canon, const struct url *url,
    struct buf *site, struct buf *page);

/* xxh3-64 of the two parts: site64 and url64 of the store.  Never 0. */
struct canon_hash {
	uint64_t site64;
	uint64_t url64;
};
MUST_USE int canon_hash(const struct canon *canon, const struct url *url,
    struct buf *scratch_site, struct buf *scratch_page, struct canon_hash *out);

/*
 * The other sites that CANON_OF_SITE rules make one with this URL's: the same
 * page may be known as one of theirs.  Their site64, at most three; returns
 * how many, or -EMSGSIZE, -ENOMEM.
 */
#define CANON_SIBLINGS 3
MUST_USE int canon_siblings(const struct canon *canon, const struct url *url,
    struct buf *scratch, uint64_t out[CANON_SIBLINGS]);

/*
 * The rules that make a key what it is, as text: "sort_query drop_empty;ref
 * x-*".  Two canons of one description give each URL the same hashes: it is
 * what a store has to remember.  0, -EMSGSIZE, -ENOMEM.
 */
MUST_USE int canon_describe(const struct canon *canon, struct buf *out);

/*
 * Back from that text, which is borrowed by *out as `extra` is, a room for
 * `max` names.  0; -EINVAL: not such a text, or of more names.
 */
MUST_USE int canon_read(struct span text, struct span *extra, size_t max,
    struct canon *out);

#endif
