/*
 * rel - what a rel attribute says of its link.
 *
 * https://html.spec.whatwg.org/#linkTypes and the names in use beside it.
 */
#ifndef LIB_HTML_REL_H
#define LIB_HTML_REL_H

#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/span.h"

struct rel {
	uint32_t kinds;     /* bit 1 << enum link_kind for each page it names */
	uint8_t flags;      /* enum link_flag */
	bool resource;      /* a stylesheet, an icon: no page, whatever else */
	uint32_t resources; /* which, as bits like those of kinds */
};

/* Keywords are parted by white space, and have no case. */
struct rel rel_parse(struct span text);

#endif
