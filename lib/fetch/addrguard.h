/*
 * addrguard - may a crawler connect to this address?
 *
 * Asked of the address that is connected to, never of a name: a name can
 * change its mind between two look-ups.
 */
#ifndef LIB_FETCH_ADDRGUARD_H
#define LIB_FETCH_ADDRGUARD_H

#include <stdbool.h>
#include <sys/socket.h>

#include "lib/base/span.h"

/*
 * NULL: yes.  Else the name of the range it lies in ("loopback", "private",
 * "link-local", "carrier-grade NAT", …), of the special-purpose registries
 * (RFC 6890 and updates); IPv4 inside IPv6 (mapped, 6to4, NAT64, Teredo) is
 * judged as IPv4 too.
 */
const char *addrguard_refuses(const struct sockaddr *addr);

/*
 * The same of a URL's host, as far as it tells without a look-up: an address,
 * or a name of localhost.  NULL for any other name, which may still lead
 * anywhere.
 */
const char *addrguard_refuses_host(struct span host);

/* Is it surely this machine?  Whoever owns any other has to find out who we
 * are. */
bool addrguard_host_is_loopback(struct span host);

#endif
