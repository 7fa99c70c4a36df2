#include "lib/frontier/lease.h"

static struct lease *
lease_of(const struct table_node *node)
{
	return node != NULL ? OWNER_OF(node, struct lease, by_id) : NULL;
}

/* Not the one ^ the other: of a site that asks for its own robots.txt both are
 * the same. */
static uint64_t
hash_of(uint64_t site64, uint64_t url64)
{
	return site64 * 31 + url64;
}

int
leases_init(struct leases *leases)
{
	return table_init(&leases->all);
}

void
leases_fini(struct leases *leases)
{
	struct table_node *node = table_each(&leases->all, NULL), *next;

	for (; node != NULL; node = next) {
		next = table_each(&leases->all, node);
		free(lease_of(node));
	}
	table_fini(&leases->all);
}

struct lease *
lease_find(const struct leases *leases, uint64_t site64, uint64_t url64,
    uint8_t kind)
{
	struct table_node *node = table_find(&leases->all,
	    hash_of(site64, url64));

	for (; node != NULL; node = table_again(node)) {
		struct lease *lease = lease_of(node);

		if (lease->url64 == url64 && lease->site64 == site64 &&
		    lease->kind == kind)
			return lease;
	}
	return NULL;
}

struct lease *
lease_new(struct leases *leases, uint64_t site64, uint64_t url64, uint8_t kind)
{
	struct lease *lease = calloc(1, sizeof(*lease));

	if (lease == NULL)
		return NULL;
	lease->site64 = site64;
	lease->url64 = url64;
	lease->kind = kind;
	table_add(&leases->all, &lease->by_id, hash_of(site64, url64));
	return lease;
}

void
lease_free(struct leases *leases, struct lease *lease)
{
	table_remove(&leases->all, &lease->by_id);
	free(lease);
}
