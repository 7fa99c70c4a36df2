/*
 * directives - what a page asks of robots: meta robots and X-Robots-Tag.
 *
 * Both add up; what is asked of another crawler is not asked of us.
 */
#ifndef LIB_HTML_DIRECTIVES_H
#define LIB_HTML_DIRECTIVES_H

#include "lib/base/attr.h"
#include "lib/base/span.h"

/*
 * Bits of enum page_robots, of the content of a <meta name=robots>.  *after,
 * unless it is NULL, becomes the date of an unavailable_after as it is written,
 * borrowed; it is left alone when there is none.
 */
unsigned directives_of_meta(struct span content, struct span *after);

/* Likewise of the value of an X-Robots-Tag header.  A part "name: …" is for
 * the crawler of that name, as are the parts behind it. */
unsigned directives_of_header(struct span value, struct span agent,
    struct span *after);

/* Is a meta of this name for `agent`? */
bool directives_meet(struct span name, struct span agent);

#endif
