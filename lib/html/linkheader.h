/*
 * linkheader - the links of a Link header (RFC 8288, section 3):
 * `<https://example.org/>; rel="canonical", </2>; rel=next`.
 */
#ifndef LIB_HTML_LINKHEADER_H
#define LIB_HTML_LINKHEADER_H

#include "lib/base/attr.h"
#include "lib/base/span.h"

/*
 * Take the next link off the front of *value.  *rel is empty without one; of
 * two the first counts.  A link with an anchor, which speaks of another page,
 * is left out.  False: no more.
 */
bool linkheader_next(struct span *value, struct span *url, struct span *rel);

#endif
