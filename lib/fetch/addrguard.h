/*
 * addrguard - may a crawler connect to this address?
 *
 * Asked of the address that is connected to, never of a name: a name can
 * change its mind between two look-ups.
 */
#ifndef LIB_FETCH_ADDRGUARD_H
#define LIB_FETCH_ADDRGUARD_H

#include <sys/socket.h>

/*
 * NULL: yes.  Else the name of the range it lies in ("loopback", "private",
 * "link-local", "carrier-grade NAT", …), of the special-purpose registries
 * (RFC 6890 and updates); IPv4 inside IPv6 (mapped, 6to4, NAT64, Teredo) is
 * judged as IPv4 too.
 */
const char *addrguard_refuses(const struct sockaddr *addr);

#endif
