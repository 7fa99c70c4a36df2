/*
 * lease - the URLs that are somewhere on their way, by their two hashes.
 *
 * A lease begins with an order and ends with the commit of its settlement.
 * Between, the URL's row is still in the store's queue: who reads that queue
 * skips what has a lease.
 */
#ifndef LIB_FRONTIER_LEASE_H
#define LIB_FRONTIER_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/table.h"

struct address;
struct host;

enum lease_state {
	LEASE_OUT,     /* ordered */
	LEASE_BACK,    /* came back unfetched: first in its host's queue */
	LEASE_SETTLED, /* in the batch, not yet committed */
};

struct lease {
	struct table_node by_id;       /* site64 and url64 */
	struct lease *previous, *next; /* of host->leases */
	struct lease *after;           /* of host->back, or of the settled */
	struct host *host;
	struct address *address; /* whose slot it holds, besides the host's */
	uint64_t site64;
	uint64_t url64; /* of a robots.txt: the site that asks for it */
	uint64_t place;
	uint64_t young; /* the batch that its URL is new in; 0: none */
	int64_t ordered_ms;
	uint16_t tries, waits;
	uint8_t kind;  /* enum order_kind */
	uint8_t state; /* enum lease_state */
	uint8_t attempts, is_short;
	bool slot;   /* holds one of its host's slots */
	bool fetch;  /* ordered to be fetched, not only to be recorded */
	bool probe;  /* order.is_probe */
	bool spared; /* its failure was ours: it uses no try up */
	bool again;  /* settled as a retry: queued once more by the commit */
};

struct leases {
	struct table all;
};

MUST_USE int leases_init(struct leases *leases);
void leases_fini(struct leases *leases); /* with all leases in it */

struct lease *lease_find(const struct leases *leases, uint64_t site64,
    uint64_t url64, uint8_t kind);
/* A zeroed one, in the table; it must not be there yet.  NULL: no memory. */
struct lease *lease_new(struct leases *leases, uint64_t site64, uint64_t url64,
    uint8_t kind);
void lease_free(struct leases *leases, struct lease *lease);

#endif
