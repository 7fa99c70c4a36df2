#include "lib/fetch/addrguard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/un.h>

#include "lib/base/attr.h"
#include "tests/harness.h"

/* The answer for an address in its written form. */
static const char *
judge(const char *text)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		return addrguard_refuses((struct sockaddr *)&in);
	ck_assert_msg(inet_pton(AF_INET6, text, &in6.sin6_addr) == 1, "%s",
	    text);
	return addrguard_refuses((struct sockaddr *)&in6);
}

START_TEST(addrguard_names_each_special_range_at_both_ends)
{
	/* clang-format off */
	static const struct {
		const char *first, *last, *name;
	} ranges[] = {
		{ "0.0.0.0",         "0.255.255.255",   "this network" },
		{ "10.0.0.0",        "10.255.255.255",  "private" },
		{ "100.64.0.0",      "100.127.255.255", "carrier-grade NAT" },
		{ "127.0.0.0",       "127.255.255.255", "loopback" },
		{ "169.254.169.254", "169.254.255.255", "link-local" },
		{ "172.16.0.0",      "172.31.255.255",  "private" },
		{ "192.0.0.0",       "192.0.0.255",     "protocol assignments" },
		{ "192.0.2.0",       "192.0.2.255",     "documentation" },
		{ "192.168.0.0",     "192.168.255.255", "private" },
		{ "198.18.0.0",      "198.19.255.255",  "benchmarking" },
		{ "198.51.100.0",    "198.51.100.255",  "documentation" },
		{ "203.0.113.0",     "203.0.113.255",   "documentation" },
		{ "224.0.0.0",       "239.255.255.255", "multicast" },
		{ "240.0.0.0",       "255.255.255.254", "reserved" },
		{ "255.255.255.255", "255.255.255.255", "broadcast" },
		{ "::",              "::",              "unspecified" },
		{ "::1",             "::1",             "loopback" },
		{ "::2",             "::ffff:ffff",     "IPv4-compatible" },
		{ "64:ff9b:1::",     "64:ff9b:1:ffff::1", "local NAT64" },
		{ "100::",           "100::ffff:ffff:ffff:ffff", "discard" },
		{ "2001:db8::",      "2001:db8:ffff::1", "documentation" },
		{ "3fff::",          "3fff:fff::1",     "documentation" },
		{ "fc00::",          "fdff:ffff::1",    "private" },
		{ "fe80::",          "febf:ffff::1",    "link-local" },
		{ "fec0::",          "feff:ffff::1",    "site-local" },
		{ "ff00::",          "ff02::1",         "multicast" },
		{ "4000::",          "fbff:ffff::1",    "not global unicast" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
		ck_assert_pstr_eq(judge(ranges[i].first), ranges[i].name);
		ck_assert_pstr_eq(judge(ranges[i].last), ranges[i].name);
	}
}
END_TEST

START_TEST(addrguard_lets_neighbours_of_special_ranges_pass)
{
	static const char *const good[] = { "1.0.0.0", "9.255.255.255",
		"11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
		"128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255",
		"172.32.0.0", "192.0.1.0", "192.0.3.0", "192.167.255.255",
		"192.169.0.0", "198.17.255.255", "198.20.0.0", "203.0.112.255",
		"203.0.114.0", "223.255.255.255", "8.8.8.8",
		"2606:2800:220:1::1", "2001:4860:4860::8888", "2a00::1",
		"3fff:1000::1", "2001:db9::1" };

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		ck_assert_msg(judge(good[i]) == NULL, "%s: %s", good[i],
		    judge(good[i]));
}
END_TEST

START_TEST(addrguard_judges_ipv4_inside_ipv6)
{
	/* clang-format off */
	static const struct {
		const char *addr, *name;
	} cases[] = {
		{ "::ffff:127.0.0.1",       "loopback" },
		{ "::ffff:169.254.169.254", "link-local" },
		{ "::ffff:8.8.8.8",         NULL },
		{ "::ffff:7f00:1",          "loopback" },
		{ "::ffff:10.0.0.1",        "private" },
		{ "::ffff:0:10.0.0.1",      "private" },
		{ "64:ff9b::192.168.1.1",   "private" },
		{ "64:ff9b::8.8.8.8",       NULL },
		{ "2002:7f00:0001::1",      "loopback" },
		{ "2002:0808:0808::1",      NULL },
		/* Teredo: its server, then its client (inverted) */
		{ "2001:0:7f00:1:0:0:f7f7:f7f7", "loopback" },
		{ "2001:0:808:808:0:0:80ff:fffe", "loopback" },
		{ "2001:0:808:808:0:0:f7f7:f7f7", NULL },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		ck_assert_pstr_eq(judge(cases[i].addr), cases[i].name);
}
END_TEST

START_TEST(a_host_is_judged_as_far_as_it_tells)
{
	static const struct {
		const char *host, *range;
	} cases[] = { { "localhost", "loopback" },
		{ "a.localhost", "loopback" }, { "127.1.2.3", "loopback" },
		{ "[::1]", "loopback" }, { "10.1.2.3", "private" },
		{ "[::ffff:192.168.0.1]", "private" },
		{ "[::ffff:7f00:1]", "loopback" },
		{ "[::ffff:a00:1]", "private" }, { "[::ffff:808:808]", NULL },
		{ "192.0.0.9.test", NULL }, { "localhost.example.org", NULL },
		{ "93.184.215.14", NULL }, { "", NULL } };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct span host = span_from(cases[i].host);
		const char *range = addrguard_refuses_host(host);

		ck_assert_pstr_eq(range, cases[i].range);
		ck_assert_int_eq(addrguard_host_is_loopback(host),
		    range != NULL && strcmp(range, "loopback") == 0);
	}
}
END_TEST

START_TEST(addrguard_refuses_what_is_no_internet_address)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	ck_assert_ptr_nonnull(addrguard_refuses((struct sockaddr *)&un));
}
END_TEST

TEST_MAIN("addrguard", addrguard_names_each_special_range_at_both_ends,
    addrguard_lets_neighbours_of_special_ranges_pass,
    addrguard_judges_ipv4_inside_ipv6,
    addrguard_refuses_what_is_no_internet_address,
    a_host_is_judged_as_far_as_it_tells)
