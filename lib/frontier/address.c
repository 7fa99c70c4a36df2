#include "lib/frontier/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <xxhash.h>

#include "lib/fetch/addrguard.h"

enum {
	ADDRESSES_START = 256,
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

int
addresses_init(struct addresses *addresses, int64_t delay_ms,
    uint32_t concurrency)
{
	*addresses = (struct addresses){
		.mask = ADDRESSES_START - 1,
		.delay_ms = delay_ms,
		.concurrency = concurrency,
	};
	heap_init(&addresses->due);
	addresses->slots = calloc(ADDRESSES_START, sizeof(struct address *));
	return addresses->slots == NULL ? -ENOMEM : 0;
}

void
addresses_fini(struct addresses *addresses)
{
	if (addresses == NULL || addresses->slots == NULL)
		return;
	for (size_t i = 0; i <= addresses->mask; i++) {
		struct address *address = addresses->slots[i], *chain;

		for (; address != NULL; address = chain) {
			chain = address->chain;
			free(address);
		}
	}
	heap_fini(&addresses->due);
	free(addresses->slots);
	addresses->slots = NULL;
}

static struct address *
address_of_line(struct line *line)
{
	return (
	    struct address *)((char *)line - offsetof(struct address, line));
}

static struct address **
slot_of(const struct addresses *addresses, const struct address_ip *ip)
{
	return &addresses->slots[XXH3_64bits(ip->bytes, sizeof(ip->bytes)) &
				 addresses->mask];
}

/* Longer chains are slow, not wrong: no memory is no error. */
static void
grow(struct addresses *addresses)
{
	struct addresses larger = { .mask = addresses->mask * 2 + 1 };

	larger.slots = calloc(larger.mask + 1, sizeof(struct address *));
	if (larger.slots == NULL)
		return;
	for (size_t i = 0; i <= addresses->mask; i++) {
		struct address *address = addresses->slots[i], *chain;

		for (; address != NULL; address = chain) {
			struct address **slot = slot_of(&larger, &address->ip);

			chain = address->chain;
			address->chain = *slot;
			*slot = address;
		}
	}
	free(addresses->slots);
	addresses->slots = larger.slots;
	addresses->mask = larger.mask;
}

static struct address *
make(struct addresses *addresses, const struct address_ip *ip, int64_t next_ms)
{
	struct address *address, **slot;

	if (addresses->n >= ADDRESSES_MAX ||
	    heap_reserve(&addresses->due, addresses->n + 1) < 0)
		return NULL;
	address = calloc(1, sizeof(*address));
	if (address == NULL)
		return NULL;
	if (addresses->n > addresses->mask)
		grow(addresses);
	address->ip = *ip;
	address->line.heap = &addresses->due;
	address->line.due_ms = next_ms;
	slot = slot_of(addresses, ip);
	address->chain = *slot;
	*slot = address;
	addresses->n++;
	return address;
}

static void
forget(struct addresses *addresses, struct address *address)
{
	struct address **slot = slot_of(addresses, &address->ip);

	must(address->line.first == NULL && address->line.slots == 0);
	while (*slot != address)
		slot = &(*slot)->chain;
	*slot = address->chain;
	addresses->n--;
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
	address = *slot_of(addresses, &key);
	while (address != NULL && !address_ip_eq(&address->ip, &key))
		address = address->chain;
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
		forget(addresses, address_of_line(line));
	return line != NULL ? line->first : NULL;
}
