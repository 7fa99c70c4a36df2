#include "lib/fetch/addrguard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/attr.h"

/* clang-format off */

/*
 * IANA IPv4 special-purpose registry, less the few blocks in it that are
 * globally reachable (AS112, AMT), plus multicast.  First match names it.
 */
static const struct {
	uint8_t base[4];
	uint8_t bits;
	const char *name;
} ranges4[] = {
	{ { 0, 0, 0, 0 },          8, "this network" },
	{ { 10, 0, 0, 0 },         8, "private" },
	{ { 100, 64, 0, 0 },      10, "carrier-grade NAT" },
	{ { 127, 0, 0, 0 },        8, "loopback" },
	{ { 169, 254, 0, 0 },     16, "link-local" },
	{ { 172, 16, 0, 0 },      12, "private" },
	{ { 192, 0, 0, 0 },       24, "protocol assignments" },
	{ { 192, 0, 2, 0 },       24, "documentation" },
	{ { 192, 88, 99, 0 },     24, "6to4 relay" },
	{ { 192, 168, 0, 0 },     16, "private" },
	{ { 198, 18, 0, 0 },      15, "benchmarking" },
	{ { 198, 51, 100, 0 },    24, "documentation" },
	{ { 203, 0, 113, 0 },     24, "documentation" },
	{ { 224, 0, 0, 0 },        4, "multicast" },
	{ { 255, 255, 255, 255 }, 32, "broadcast" },
	{ { 240, 0, 0, 0 },        4, "reserved" },
};

/* Bytes left out are 0. */
static const struct {
	uint8_t base[16];
	uint8_t bits;
	const char *name;
} ranges6[] = {
	{ { 0 },                                  128, "unspecified" },
	{ { [15] = 1 },                           128, "loopback" },
	{ { 0 },                                   96, "IPv4-compatible" },
	{ { 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01 },  48, "local NAT64" },
	{ { 0x01, 0x00 },                          64, "discard" },
	{ { 0x20, 0x01, 0x00, 0x02, 0x00, 0x00 },  48, "benchmarking" },
	{ { 0x20, 0x01, 0x00, 0x10 },              28, "ORCHID" },
	{ { 0x20, 0x01, 0x0d, 0xb8 },              32, "documentation" },
	{ { 0x3f, 0xff },                          20, "documentation" },
	{ { 0x5f, 0x00 },                          16, "segment routing" },
	{ { 0xfc, 0x00 },                           7, "private" },
	{ { 0xfe, 0x80 },                          10, "link-local" },
	{ { 0xfe, 0xc0 },                          10, "site-local" },
	{ { 0xff, 0x00 },                           8, "multicast" },
};

/*
 * Where an IPv4 address lies inside an IPv6 one.  What is inside is where the
 * packets end up, or where they may be turned back to.
 */
static const struct {
	uint8_t base[16];
	uint8_t bits;
	uint8_t at;     /* offset of the IPv4 address */
	uint8_t invert; /* Teredo writes the client's address inverted */
} embedded[] = {
	{ { [10] = 0xff, [11] = 0xff },            96, 12, 0x00 }, /* mapped */
	{ { [8] = 0xff, [9] = 0xff },              96, 12, 0x00 }, /* SIIT */
	{ { 0x00, 0x64, 0xff, 0x9b },              96, 12, 0x00 }, /* NAT64 */
	{ { 0x20, 0x01, 0x00, 0x00 },              32,  4, 0x00 }, /* Teredo: */
	{ { 0x20, 0x01, 0x00, 0x00 },              32, 12, 0xff }, /* server, client */
	{ { 0x20, 0x02 },                          16,  2, 0x00 }, /* 6to4 */
};

/* clang-format on */

static bool
addrguard_within(const uint8_t *addr, const uint8_t *base, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(addr, base, whole) != 0)
		return false;
	return rest == 0 || (addr[whole] ^ base[whole]) >> (8 - rest) == 0;
}

static const char *
addrguard_refuses4(const uint8_t *addr)
{
	for (size_t i = 0; i < ARRAY_LEN(ranges4); i++) {
		if (addrguard_within(addr, ranges4[i].base, ranges4[i].bits))
			return ranges4[i].name;
	}
	return NULL;
}

static const char *
addrguard_refuses6(const uint8_t *addr)
{
	static const uint8_t global[16] = { 0x20 };
	bool carries_ipv4 = false;

	for (size_t i = 0; i < ARRAY_LEN(ranges6); i++) {
		if (addrguard_within(addr, ranges6[i].base, ranges6[i].bits))
			return ranges6[i].name;
	}
	for (size_t i = 0; i < ARRAY_LEN(embedded); i++) {
		uint8_t inner[4];
		const char *name;

		if (!addrguard_within(addr, embedded[i].base, embedded[i].bits))
			continue;
		for (size_t k = 0; k < sizeof(inner); k++)
			inner[k] = addr[embedded[i].at + k] ^
				   embedded[i].invert;
		name = addrguard_refuses4(inner);
		if (name != NULL)
			return name;
		carries_ipv4 = true;
	}
	/* Nobody was given an address outside 2000::/3 yet. */
	if (!carries_ipv4 && !addrguard_within(addr, global, 3))
		return "not global unicast";
	return NULL;
}

const char *
addrguard_refuses(const struct sockaddr *addr)
{
	/* Copied: a sockaddr promises no more than its own alignment. */
	if (addr->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, addr, sizeof(in));
		return addrguard_refuses4((const uint8_t *)&in.sin_addr);
	}
	if (addr->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, addr, sizeof(in6));
		return addrguard_refuses6(in6.sin6_addr.s6_addr);
	}
	return "not an internet address";
}

const char *
addrguard_refuses_host(struct span host)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	char text[INET6_ADDRSTRLEN];

	if (span_eq(host, SPAN("localhost")) ||
	    span_ends(host, SPAN(".localhost")))
		return "loopback";
	if (span_starts(host, SPAN("[")) && span_ends(host, SPAN("]")))
		host = span_of(host.ptr + 1, host.len - 2);
	if (host.len >= sizeof(text))
		return NULL;
	memcpy(text, host.ptr, host.len);
	text[host.len] = '\0';
	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		return addrguard_refuses((struct sockaddr *)&v4);
	if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
		return addrguard_refuses((struct sockaddr *)&v6);
	return NULL;
}

bool
addrguard_host_is_loopback(struct span host)
{
	const char *range = addrguard_refuses_host(host);

	return range != NULL && strcmp(range, "loopback") == 0;
}
