/*
 * refresh - the text of a <meta http-equiv=refresh> or a Refresh header:
 * "5; url=/next".
 */
#ifndef LIB_HTML_REFRESH_H
#define LIB_HTML_REFRESH_H

#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/span.h"

struct refresh {
	int32_t delay_s;
	bool has_url;    /* false: the page itself */
	struct span url; /* as written; borrowed */
};

/* The HTML Standard's "shared declarative refresh steps".  False: it is none,
 * and *out is as it was. */
bool refresh_parse(struct span text, struct refresh *out);

#endif
