#include <errno.h>
#include <stdint.h>

#include "lib/url/url_host_impl.h"
#include "lib/url/url_idna_impl.h"
#include "lib/url/url_percent_impl.h"

enum {
	IPV6_PIECES = 8,
	IPV4_PARTS = 4,
};

/* Larger than any number that an address can hold, and sticky. */
#define IPV4_HUGE ((uint64_t)1 << 40)

static bool
all_digits(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
	}
	return s.len > 0;
}

/* 12, 014, 0xC; false: not a number.  *out is cut at IPV4_HUGE. */
static bool
ipv4_number(struct span s, uint64_t *out)
{
	int radix = 10;
	uint64_t value = 0;

	if (s.len == 0)
		return false;
	if (s.len >= 2 && s.ptr[0] == '0') {
		radix = (s.ptr[1] | 0x20) == 'x' ? 16 : 8;
		s = span_from_at(s, radix == 16 ? 2 : 1);
	}
	for (size_t i = 0; i < s.len; i++) {
		int digit = url_hex(s.ptr[i]);

		if (digit < 0 || digit >= radix)
			return false;
		value = value * (uint64_t)radix + (uint64_t)digit;
		if (value > IPV4_HUGE)
			value = IPV4_HUGE;
	}
	*out = value;
	return true;
}

/* The label behind the last dot of `domain`, which has no dot at its end. */
static struct span
last_label(struct span domain)
{
	const char *dot = memrchr(domain.ptr, '.', domain.len);

	if (dot == NULL)
		return domain;
	return span_from_at(domain, (size_t)(dot + 1 - domain.ptr));
}

static struct span
without_last_dot(struct span domain)
{
	if (domain.len > 1 && domain.ptr[domain.len - 1] == '.')
		domain.len--;
	return domain;
}

/* Such a domain is an IPv4 address, or nothing. */
static bool
ends_in_number(struct span domain)
{
	struct span last;
	uint64_t ignored;

	domain = without_last_dot(domain);
	/* Nearly every name ends in a letter that is no hex digit or 'x'. */
	if (url_hex(domain.ptr[domain.len - 1]) < 0 &&
	    (domain.ptr[domain.len - 1] | 0x20) != 'x')
		return false;
	last = last_label(domain);
	return all_digits(last) || ipv4_number(last, &ignored);
}

static int
ipv4_parse(struct span s, uint32_t *out)
{
	uint64_t address = 0, part = 0;
	unsigned parts = 0;

	s = without_last_dot(s);
	for (;;) {
		const char *dot = memchr(s.ptr, '.', s.len);
		size_t len = dot ? (size_t)(dot - s.ptr) : s.len;

		if (parts++ == IPV4_PARTS ||
		    !ipv4_number(span_of(s.ptr, len), &part))
			return -EINVAL;
		if (dot == NULL)
			break;
		if (part > 255)
			return -EINVAL;
		address = address << 8 | part;
		s = span_from_at(s, len + 1);
	}
	/* The last number fills all the bytes that are left. */
	if (part >= (uint64_t)1 << 8 * (IPV4_PARTS + 1 - parts))
		return -EINVAL;
	*out = (uint32_t)(address << 8 * (IPV4_PARTS + 1 - parts) | part);
	return 0;
}

/* The dotted end of an IPv6 address: exactly four bytes, no leading zeros. */
static int
ipv6_dotted(struct span s, uint16_t pieces[2])
{
	unsigned bytes[IPV4_PARTS] = { 0 };
	size_t at = 0;

	for (unsigned i = 0; i < IPV4_PARTS; i++) {
		size_t start;

		if (i > 0 && (at == s.len || s.ptr[at++] != '.'))
			return -EINVAL;
		start = at;
		while (at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9') {
			if (at > start && bytes[i] == 0)
				return -EINVAL;
			bytes[i] = bytes[i] * 10 + (unsigned)(s.ptr[at] - '0');
			if (bytes[i] > 255)
				return -EINVAL;
			at++;
		}
		if (at == start)
			return -EINVAL;
	}
	if (at != s.len)
		return -EINVAL;
	pieces[0] = (uint16_t)(bytes[0] << 8 | bytes[1]);
	pieces[1] = (uint16_t)(bytes[2] << 8 | bytes[3]);
	return 0;
}

static int
ipv6_parse(struct span s, uint16_t pieces[IPV6_PIECES])
{
	unsigned n = 0, squeezed = 0;
	bool squeeze = false; /* "::" was seen, in front of piece `squeezed` */
	size_t at = 0;

	memset(pieces, 0, IPV6_PIECES * sizeof(pieces[0]));
	if (span_starts(s, SPAN(":"))) {
		if (!span_starts(s, SPAN("::")))
			return -EINVAL;
		at = 2;
		squeeze = true;
	}
	while (at < s.len) {
		unsigned value = 0;
		size_t start = at;

		if (n == IPV6_PIECES)
			return -EINVAL;
		if (s.ptr[at] == ':') {
			if (squeeze)
				return -EINVAL;
			at++;
			squeeze = true;
			squeezed = n;
			continue;
		}
		while (at < s.len && at - start < 4 && url_hex(s.ptr[at]) >= 0)
			value = value << 4 | (unsigned)url_hex(s.ptr[at++]);
		if (at < s.len && s.ptr[at] == '.') {
			if (n > IPV6_PIECES - 2 ||
			    ipv6_dotted(span_from_at(s, start), pieces + n) < 0)
				return -EINVAL;
			n += 2;
			break;
		}
		if (at == start)
			return -EINVAL;
		if (at < s.len && (s.ptr[at] != ':' || ++at == s.len))
			return -EINVAL;
		pieces[n++] = (uint16_t)value;
	}
	if (!squeeze)
		return n == IPV6_PIECES ? 0 : -EINVAL;
	/* What stands behind the "::" moves to the end, zeros in between. */
	memmove(pieces + IPV6_PIECES - (n - squeezed), pieces + squeezed,
	    (n - squeezed) * sizeof(pieces[0]));
	memset(pieces + squeezed, 0, (IPV6_PIECES - n) * sizeof(pieces[0]));
	return 0;
}

static int
ipv6_write(const uint16_t pieces[IPV6_PIECES], struct buf *out)
{
	char text[sizeof("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]")];
	unsigned best = 0, longest = 1; /* one zero is not worth a "::" */
	size_t len = 0;

	for (unsigned i = 0; i < IPV6_PIECES; i++) {
		unsigned end = i;

		while (end < IPV6_PIECES && pieces[end] == 0)
			end++;
		if (end - i > longest) {
			best = i;
			longest = end - i;
		}
	}
	text[len++] = '[';
	for (unsigned i = 0; i < IPV6_PIECES;) {
		if (longest > 1 && i == best) {
			text[len++] = ':';
			if (i == 0)
				text[len++] = ':';
			i += longest;
			continue;
		}
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%x",
		    pieces[i]);
		if (++i < IPV6_PIECES)
			text[len++] = ':';
	}
	text[len++] = ']';
	return buf_add(out, text, len);
}

/* In lower case; returns what classes were seen. */
static unsigned
lower(struct buf *out, size_t at)
{
	unsigned seen = 0;

	for (size_t i = at; i < out->len; i++) {
		seen |= url_class_of(out->ptr[i]);
		out->ptr[i] = span_lower(out->ptr[i]);
	}
	return seen;
}

/*
 * The Standard's "domain to ASCII" (beStrict false) on the bytes of `out`
 * from `at` on, in place.  A domain that is all ASCII becomes lower case,
 * whatever its "xn--" labels may decode to; the tables of Unicode are asked
 * about any other.  What is forbidden is looked for in what comes out.
 */
static int
domain_to_ascii(struct buf *out, size_t at)
{
	unsigned seen = lower(out, at);
	int r = 0;

	if (seen & URL_NON_ASCII) {
		r = url_idna_to_ascii(out, at);
		seen = lower(out, at);
	}
	if (r == 0 && (seen & URL_BAD_DOMAIN || out->len == at))
		r = -EINVAL;
	return r;
}

static int
domain_parse(struct span s, struct buf *out)
{
	size_t at = out->len;
	struct span domain;
	uint32_t address;
	int r;

	if (memchr(s.ptr, '%', s.len) == NULL)
		r = buf_add_span(out, s);
	else
		r = url_percent_decode(out, s);
	if (r == 0)
		r = domain_to_ascii(out, at);
	if (r < 0)
		return r;
	domain = span_from_at(buf_span(out), at);
	if (!ends_in_number(domain))
		return 0;
	r = ipv4_parse(domain, &address);
	if (r < 0)
		return r;
	out->len = at;
	return buf_printf(out, "%u.%u.%u.%u", address >> 24,
	    address >> 16 & 255, address >> 8 & 255, address & 255);
}

static int
opaque_parse(struct span s, struct buf *out)
{
	for (size_t i = 0; i < s.len; i++) {
		if (url_class_of(s.ptr[i]) & URL_BAD_HOST)
			return -EINVAL;
	}
	return url_percent_encode(out, s, URL_IN_C0);
}

int
url_host_parse(struct span s, bool special, struct buf *out)
{
	uint16_t pieces[IPV6_PIECES];
	int r;

	if (s.ptr[0] != '[')
		return special ? domain_parse(s, out) : opaque_parse(s, out);
	if (s.len < 2 || s.ptr[s.len - 1] != ']')
		return -EINVAL;
	r = ipv6_parse(span_of(s.ptr + 1, s.len - 2), pieces);
	return r < 0 ? r : ipv6_write(pieces, out);
}
