/*
 * resolve - a link as its document means it: against a base, with the query
 * in the document's own encoding (the URL Standard's "encoding" argument).
 *
 * The one way from a link's text to its URL: of pages and of the line filter.
 */
#ifndef LIB_HTML_RESOLVE_H
#define LIB_HTML_RESOLVE_H

#include "lib/html/charset.h"
#include "lib/url/url.h"

/*
 * As url_parse(), but for characters of the query that are not ASCII: those of
 * a special URL, ws and wss apart, come out as percent-encoded bytes of
 * `charset`, or UTF-8 where the Standard says so (CHARSET_NONE, UTF-16,
 * replacement).  `dec` and `scratch` are used for nothing else meanwhile.
 * Returns what url_parse() returns.
 */
MUST_USE int resolve_link(struct charset_decoder *dec, enum charset charset,
    struct span text, const struct url *base, struct buf *scratch,
    struct url *out);

#endif
