#include "lib/frontier/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <xxhash.h>

#include "lib/fetch/addrguard.h"

enum {
	V6_NET = 8 /* bytes of a /64 */
};

static const uint8_t v4_mapped[12] = { [10] = 0xff, [11] = 0xff };

/* --- what an address is -------------------------------------------------- */

struct address_ip
address_ip(struct span text)
{
	struct address_ip ip = { { 0 } };
	char copy[INET6_ADDRSTRLEN];

	if (text.len == 0 || text.len >= sizeof(copy))
		return ip;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	if (inet_pton(AF_INET, copy, ip.bytes + sizeof(v4_mapped)) == 1) {
		memcpy(ip.bytes, v4_mapped, sizeof(v4_mapped));
		return ip;
	}
	if (inet_pton(AF_INET6, copy, ip.bytes) != 1)
		ip = (struct address_ip){ { 0 } };
	return ip;
}

bool
address_ip_eq(const struct address_ip *a, const struct address_ip *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool
address_ip_is_known(const struct address_ip *ip)
{
	static const struct address_ip none;

	return !address_ip_eq(ip, &none);
}

static bool
is_v4(const struct address_ip *ip)
{
	return memcmp(ip->bytes, v4_mapped, sizeof(v4_mapped)) == 0;
}

bool
address_ip_is_public(const struct address_ip *ip)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

	if (is_v4(ip)) {
		memcpy(&v4.sin_addr, ip->bytes + sizeof(v4_mapped),
		    sizeof(v4.sin_addr));
		return addrguard_refuses((const struct sockaddr *)&v4) == NULL;
	}
	memcpy(&v6.sin6_addr, ip->bytes, sizeof(v6.sin6_addr));
	return addrguard_refuses((const struct sockaddr *)&v6) == NULL;
}

/* --- the table ----------------------------------------------------------- */

static struct address *
address_of(const struct table_node *node)
{
	return node != NULL ? OWNER_OF(node, struct address, by_ip) : NULL;
}

int
addresses_init(struct addresses *addresses, int64_t delay_ms,
    uint32_t concurrency)
{
	*addresses = (struct addresses){
		.delay_ms = delay_ms,
		.concurrency = concurrency,
	};
	heap_init(&addresses->due);
	return table_init(&addresses->all);
}

void
addresses_fini(struct addresses *addresses)
{
	struct table_node *node = table_each(&addresses->all, NULL), *next;

	for (; node != NULL; node = next) {
		next = table_each(&addresses->all, node);
		free(address_of(node));
	}
	heap_fini(&addresses->due);
	table_fini(&addresses->all);
}

static uint64_t
hash_of(const struct address_ip *ip)
{
	return XXH3_64bits(ip->bytes, sizeof(ip->bytes));
}

static struct address *
find(const struct addresses *addresses, const struct address_ip *ip)
{
	struct table_node *node = table_find(&addresses->all, hash_of(ip));

	while (node != NULL && !address_ip_eq(&address_of(node)->ip, ip))
		node = table_again(node);
	return address_of(node);
}

static struct address *
make(struct addresses *addresses, const struct address_ip *ip, int64_t next_ms)
{
	struct address *address;

	if (addresses->all.n >= ADDRESSES_MAX ||
	    heap_reserve(&addresses->due, addresses->all.n + 1) < 0)
		return NULL;
	address = calloc(1, sizeof(*address));
	if (address == NULL)
		return NULL;
	address->ip = *ip;
	address->line.heap = &addresses->due;
	address->line.due_ms = next_ms;
	table_add(&addresses->all, &address->by_ip, hash_of(ip));
	return address;
}

static void
forget(struct addresses *addresses, struct address *address)
{
	must(address->line.first == NULL && address->line.slots == 0);
	table_remove(&addresses->all, &address->by_ip);
	heap_drop(&addresses->due, &address->line.node);
	free(address);
}

/* --- the clock ----------------------------------------------------------- */

struct address *
address_hold(struct addresses *addresses, const struct address_ip *ip,
    int64_t next_ms)
{
	struct address_ip key = *ip;
	struct address *address;

	if ((addresses->delay_ms == 0 && addresses->concurrency == 0) ||
	    !address_ip_is_known(ip) || !address_ip_is_public(ip))
		return NULL;
	if (!is_v4(&key))
		memset(key.bytes + V6_NET, 0, sizeof(key.bytes) - V6_NET);
	address = find(addresses, &key);
	if (address == NULL)
		address = make(addresses, &key, next_ms);
	if (address != NULL)
		line_hold(&address->line);
	return address;
}

void
address_release(struct address *address)
{
	if (address != NULL)
		line_release(&address->line);
}

bool
address_is_ready(const struct addresses *addresses,
    const struct address *address, int64_t now_ms)
{
	return address == NULL ||
	       line_is_ready(&address->line, addresses->concurrency, now_ms);
}

void
address_started(struct addresses *addresses, struct address *address,
    int64_t now_ms)
{
	if (address == NULL)
		return;
	line_take(&address->line);
	line_not_before(&address->line, now_ms + addresses->delay_ms);
}

void
address_ended(struct addresses *addresses, struct address *address,
    int64_t end_ms)
{
	if (address == NULL)
		return;
	line_give(&address->line);
	address_met(addresses, address, end_ms);
}

void
address_met(struct addresses *addresses, struct address *address,
    int64_t end_ms)
{
	if (address != NULL)
		line_not_before(&address->line, end_ms + addresses->delay_ms);
}

struct line_spot *
addresses_next(struct addresses *addresses, int64_t now_ms)
{
	struct line *line;

	while ((line = lines_first(&addresses->due, now_ms)) != NULL &&
	       line->first == NULL)
		forget(addresses, OWNER_OF(line, struct address, line));
	return line != NULL ? line->first : NULL;
}
