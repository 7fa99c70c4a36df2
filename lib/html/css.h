/*
 * css - the URLs of a style: url(…) and @import "…".
 *
 * After the CSS Syntax Module's tokens, as far as they decide what is a URL:
 * comments and other strings are passed over.  A URL with an escape in it is
 * left out.
 */
#ifndef LIB_HTML_CSS_H
#define LIB_HTML_CSS_H

#include "lib/base/attr.h"
#include "lib/base/span.h"

/* Take the next URL off the front of *text.  False: no more. */
bool css_next(struct span *text, struct span *url);

#endif
