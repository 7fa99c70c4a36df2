/*
 * srcset - the images of a srcset attribute: "/a.png 1x, /b,c.png 2x".
 *
 * https://html.spec.whatwg.org/#parse-a-srcset-attribute: a comma ends a URL
 * only at its end, so "a,b.png" is one.
 */
#ifndef LIB_HTML_SRCSET_H
#define LIB_HTML_SRCSET_H

#include "lib/base/attr.h"
#include "lib/base/span.h"

/* Take the next URL off the front of *list.  False: no more. */
bool srcset_next(struct span *list, struct span *url);

#endif
