/*
 * address - one clock for each IP address: its hosts share it.
 *
 * A request to a host whose address is known needs two tokens, its host's and
 * this one: `delay_ms` between two requests to an address, and so many at once.
 * A host that is due by its own clock while its address is busy stands in the
 * address's line.
 *
 * Pure: time is passed in.  Not every address has a clock: what only we ourselves can reach (loopback,
 * private, whatever lib/fetch/addrguard.h refuses) has none.  An IPv6 address
 * counts with its /64: one machine has all of it.
 */
#ifndef LIB_FRONTIER_ADDRESS_H
#define LIB_FRONTIER_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/span.h"
#include "lib/base/table.h"
#include "lib/frontier/line.h"

enum {
	ADDRESS_BYTES = 16,
	/* Beyond so many (about 100 bytes each) a host goes by its own clock
	 * alone. */
	ADDRESSES_MAX = 1 << 20,
};

/* As IPv6, an IPv4 address mapped; all 0: not known. */
struct address_ip {
	uint8_t bytes[ADDRESS_BYTES];
};

/* From its text, as the crawler reports it.  All 0: it is none. */
struct address_ip address_ip(struct span text);
bool address_ip_is_known(const struct address_ip *ip);
bool address_ip_eq(const struct address_ip *a, const struct address_ip *b);
/* Is it one that may have a clock? */
bool address_ip_is_public(const struct address_ip *ip);

struct address {
	struct table_node by_ip;
	struct line line;
	struct address_ip ip;
};

struct addresses {
	struct table all;
	struct heap due;
	int64_t delay_ms;
	uint32_t concurrency; /* 0: no limit */
};

/* 0 or -ENOMEM. */
MUST_USE int addresses_init(struct addresses *addresses, int64_t delay_ms,
    uint32_t concurrency);
/* With all addresses in it; whoever holds one does not let go of it after. */
void addresses_fini(struct addresses *addresses);

/*
 * The address, held until address_release(); made when it is new, with
 * `next_ms` for its clock.  NULL: it has no clock, or there is no memory for
 * it, or too many.
 */
struct address *address_hold(struct addresses *addresses,
    const struct address_ip *ip, int64_t next_ms);
/* It is forgotten when nobody holds it, no request is under way and its clock
 * has run out.  NULL is allowed. */
void address_release(struct address *address);

/* May a request leave?  NULL: of an address without a clock. */
bool address_is_ready(const struct addresses *addresses,
    const struct address *address, int64_t now_ms);

/* A request leaves; one has ended.  NULL is allowed. */
void address_started(struct addresses *addresses, struct address *address,
    int64_t now_ms);
void address_ended(struct addresses *addresses, struct address *address,
    int64_t end_ms);
/* One has ended that nobody knew to go there: it took no slot. */
void address_met(struct addresses *addresses, struct address *address,
    int64_t end_ms);

/* The host whose turn it is, still in its line; NULL: none. */
struct line_spot *addresses_next(struct addresses *addresses, int64_t now_ms);

#endif
