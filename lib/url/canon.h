/*
 * canon - when two URLs are one page: the key by which "seen" is asked.
 *
 * The URL that is fetched is the one the page wrote; only this key is folded:
 * no fragment, no user and password, no tracking parameters, the query's
 * other parameters sorted (stable: of equal names the order is kept).
 */
#ifndef LIB_URL_CANON_H
#define LIB_URL_CANON_H

#include "lib/url/url.h"

/* Rules, each a bit; CANON_DEFAULT is what a crawl uses. */
enum canon_rule {
	CANON_SORT_QUERY = 1 << 0, /* and drop its empty parameters: "&&" */
	CANON_DROP_TRACKING = 1 << 1,
};
#define CANON_DEFAULT (CANON_SORT_QUERY | CANON_DROP_TRACKING)

/* A query of more parameters keeps its order: no page needs it, and the work
 * for a hostile one stays small. */
#define CANON_PARAMS_MAX 256

/*
 * CANON_DROP_TRACKING takes out the parameters that name the visitor, not the
 * page: a table in canon.c, and `extra`, the user's own (ignore_params).  A
 * name ends with '*' to mean every name that starts so; compared without case.
 * ";jsessionid=..." goes from the path, too.  Where a rule leaves nothing of
 * a query its '?' goes as well.
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

#endif
