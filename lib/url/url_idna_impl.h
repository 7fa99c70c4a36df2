/*
 * url_idna - host names that are not ASCII (UTS #46, by ICU).
 *
 * Private to lib/url.
 */
#ifndef LIB_URL_URL_IDNA_IMPL_H
#define LIB_URL_URL_IDNA_IMPL_H

#include "lib/base/buf.h"

/*
 * Replace the domain that `out` holds from `at` on by what the Standard's
 * "domain to ASCII" (beStrict false) makes of it; malformed UTF-8 counts as
 * U+FFFD, which no domain may hold.  Whether the result is a domain is not
 * asked here: it may be empty, or hold forbidden code points.
 *
 * 0; -EINVAL: not a domain; -EMSGSIZE: longer than URL_IDNA_MAX, or than ICU
 * or `out` takes; -ENOMEM.  After an error `out` may hold anything behind `at`.
 */
MUST_USE int url_idna_to_ascii(struct buf *out, size_t at);

#endif
