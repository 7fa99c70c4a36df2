#include "lib/frontier/lease.h"

#include <errno.h>

enum {
	LEASES_START = 256
};

int
leases_init(struct leases *leases)
{
	*leases = (struct leases){ .mask = LEASES_START - 1 };
	leases->slots = calloc(LEASES_START, sizeof(struct lease *));
	return leases->slots == NULL ? -ENOMEM : 0;
}

void
leases_fini(struct leases *leases)
{
	if (leases == NULL || leases->slots == NULL)
		return;
	for (size_t i = 0; i <= leases->mask; i++) {
		while (leases->slots[i] != NULL)
			lease_free(leases, leases->slots[i]);
	}
	free(leases->slots);
	leases->slots = NULL;
}

static struct lease **
lease_slot(const struct leases *leases, uint64_t site64, uint64_t url64)
{
	uint64_t hash = (site64 ^ url64) * UINT64_C(0x9E3779B97F4A7C15);

	return &leases->slots[(hash >> 32) & leases->mask];
}

struct lease *
lease_find(const struct leases *leases, uint64_t site64, uint64_t url64,
    uint8_t kind)
{
	struct lease *lease = *lease_slot(leases, site64, url64);

	while (lease != NULL &&
	       (lease->url64 != url64 || lease->site64 != site64 ||
		   lease->kind != kind))
		lease = lease->chain;
	return lease;
}

/* Longer chains are slow, not wrong: no memory is no error. */
static void
leases_grow(struct leases *leases)
{
	struct leases larger = { .mask = leases->mask * 2 + 1 };

	larger.slots = calloc(larger.mask + 1, sizeof(struct lease *));
	if (larger.slots == NULL)
		return;
	for (size_t i = 0; i <= leases->mask; i++) {
		struct lease *lease = leases->slots[i], *chain;

		for (; lease != NULL; lease = chain) {
			struct lease **slot = lease_slot(&larger, lease->site64,
			    lease->url64);

			chain = lease->chain;
			lease->chain = *slot;
			*slot = lease;
		}
	}
	free(leases->slots);
	leases->slots = larger.slots;
	leases->mask = larger.mask;
}

struct lease *
lease_new(struct leases *leases, uint64_t site64, uint64_t url64, uint8_t kind)
{
	struct lease *lease = calloc(1, sizeof(*lease)), **slot;

	if (lease == NULL)
		return NULL;
	if (leases->n > leases->mask)
		leases_grow(leases);
	slot = lease_slot(leases, site64, url64);
	lease->site64 = site64;
	lease->url64 = url64;
	lease->kind = kind;
	lease->chain = *slot;
	*slot = lease;
	leases->n++;
	return lease;
}

void
lease_free(struct leases *leases, struct lease *lease)
{
	struct lease **slot = lease_slot(leases, lease->site64, lease->url64);

	while (*slot != lease)
		slot = &(*slot)->chain;
	*slot = lease->chain;
	leases->n--;
	free(lease);
}
