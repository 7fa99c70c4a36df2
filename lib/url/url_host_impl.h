/*
 * url_host - the host parser and serialiser (the Standard's section 3).
 *
 * Private to lib/url.
 */
#ifndef LIB_URL_URL_HOST_IMPL_H
#define LIB_URL_URL_HOST_IMPL_H

#include "lib/base/buf.h"

/*
 * Append the serialised host of `s`, which is not empty: a domain, an IPv4 or
 * IPv6 address, or, for a URL that is not special, an opaque host.
 * 0; -EINVAL: not a host; -EMSGSIZE, -ENOMEM.  After an error there may be
 * some of it in `out`.
 */
MUST_USE int url_host_parse(struct span s, bool special, struct buf *out);

#endif
