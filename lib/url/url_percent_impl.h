/*
 * url_percent - what each byte means to the parser, and percent-encoding.
 *
 * Private to lib/url.  One table answers every question that is asked per
 * byte, so that a part of a URL is scanned once and copied in runs.
 */
#ifndef LIB_URL_URL_PERCENT_IMPL_H
#define LIB_URL_URL_PERCENT_IMPL_H

#include <stdint.h>

#include "lib/base/buf.h"

enum url_class {
	/* The percent-encode sets of the Standard, section 1.3. */
	URL_IN_C0 = 1 << 0,
	URL_IN_FRAGMENT = 1 << 1,
	URL_IN_QUERY = 1 << 2,
	URL_IN_SPECIAL_QUERY = 1 << 3,
	URL_IN_PATH = 1 << 4,
	URL_IN_USERINFO = 1 << 5,
	/* What no host may hold: an opaque one, and a domain (3.1). */
	URL_BAD_HOST = 1 << 6,
	URL_BAD_DOMAIN = 1 << 7,
	URL_STOP = 1 << 8,       /* '/' '?' '#': ends authority and segment */
	URL_BACKSLASH = 1 << 9,  /* a '/' in special URLs */
	URL_SCHEME = 1 << 10,    /* letters, digits, '+' '-' '.' */
	URL_NON_ASCII = 1 << 11, /* 0x80 and above */
};

extern const uint16_t url_class[256];

static inline unsigned
url_class_of(char c)
{
	return url_class[(uint8_t)c];
}

/* The value of a hex digit; -1: it is none. */
static inline int
url_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * Append `s`, with the characters of `set` (one URL_IN_*) percent-encoded as
 * UTF-8; a malformed byte comes out as an encoded U+FFFD.
 * 0, -EMSGSIZE, -ENOMEM: as buf_add().
 */
MUST_USE int url_percent_encode(struct buf *out, struct span s, unsigned set);

/* Append `s` with every %XX decoded; a '%' without two digits stays. */
MUST_USE int url_percent_decode(struct buf *out, struct span s);

#endif
