/*
 * cookie_date - the dates of Expires (RFC 6265bis, 5.1.1), which are read in
 * whatever order their parts come.
 */
#ifndef LIB_FETCH_COOKIE_DATE_H
#define LIB_FETCH_COOKIE_DATE_H

#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/span.h"

/* Unix ms.  0; -EINVAL: no date, *out_ms is left alone. */
MUST_USE int cookie_date(struct span text, int64_t *out_ms);

#endif
