/*
 * url - the URL parser, resolver and serialiser of the WHATWG URL Standard
 * (https://url.spec.whatwg.org/, sections 3 and 4.3 to 4.5, edition of 2026).
 *
 * A parsed URL is its serialisation and offsets into it, as in the Standard's
 * "URL record": no part is allocated on its own, and parsing into a url that
 * was used before allocates nothing.
 */
#ifndef LIB_URL_URL_H
#define LIB_URL_URL_H

#include <stdint.h>

#include "lib/base/buf.h"

/*
 * scheme : // username : password @ host : port  path  ? query  # fragment
 *
 * Offsets into href; a part that is absent is empty.  What is between two
 * offsets is told by url_scheme() and its fellows, not by hand.
 */
struct url {
	struct buf href;
	struct buf scratch; /* the parser's: input freed of tabs and newlines */
	uint32_t scheme_end;   /* at the ':' */
	uint32_t username_end; /* behind the user name */
	uint32_t host_start; /* at the '@', or at the host when there is none */
	uint32_t host_end;   /* at the ':' of the port, or at the path */
	uint32_t path_start;
	uint32_t query_start;    /* at the '?'; UINT32_MAX: no query */
	uint32_t fragment_start; /* at the '#'; UINT32_MAX: no fragment */
	int32_t port;            /* -1: none, or the scheme's own */
	bool special;            /* ftp file http https ws wss */
	bool opaque_path;        /* mailto:x: cannot be a base */
	bool has_host;           /* a host, be it empty, was there */
};

/* Longest input and longest result; beyond them url_parse() refuses. */
#define URL_MAX (2u << 20)
/*
 * Longest host name of a special URL that is not all ASCII, in bytes of UTF-8:
 * 253 characters are what DNS can take, and what Unicode asks for (order of
 * marks, Punycode) takes time that grows with the square.
 */
#define URL_IDNA_MAX 1024

void url_init(struct url *url);
void url_fini(struct url *url);

/*
 * Parse `input` (UTF-8; malformed bytes count as U+FFFD) against `base`,
 * which is NULL or a parsed url, and may not be `out`; nor may `input` be a
 * part of `out`.  Characters of the query that are not ASCII are
 * percent-encoded as UTF-8.
 *
 * Returns 0; -EINVAL: not a URL (the Standard's "failure"); -EMSGSIZE: longer
 * than URL_MAX, or its host than URL_IDNA_MAX; -ENOMEM.  After an error *out is
 * empty, and may be used again.
 */
MUST_USE int url_parse(struct span input, const struct url *base,
    struct url *out);

/* The serialisation, with and without its fragment.  Borrowed from `url`. */
struct span url_href(const struct url *url);
struct span url_href_bare(const struct url *url);

/* Parts of it, without their delimiters; borrowed from `url`. */
struct span url_scheme(const struct url *url);
struct span url_host(const struct url *url); /* [::1] with its brackets */
struct span url_path(const struct url *url);
struct span url_query(const struct url *url);
/* Path, and query with its '?': what a request line carries. */
struct span url_target(const struct url *url);
/* "https://host:port": all in front of the path, less user and password.
 * Appended to `out`.  0, -EMSGSIZE, -ENOMEM. */
MUST_USE int url_origin(const struct url *url, struct buf *out);

/* http or https: what a crawler fetches. */
bool url_fetchable(const struct url *url);
/* The port that is connected to: the given one or the scheme's. */
uint16_t url_port(const struct url *url);
bool url_has_credentials(const struct url *url);
/* Take them out of it; nothing is allocated. */
void url_drop_credentials(struct url *url);

/*
 * A text that a person took for a URL, for a message: cut, and without what
 * stands before its last '@', which may be a password.  Returns `out`.
 */
#define URL_SHOWN 264
const char *url_shown(struct span text, char out[URL_SHOWN]);

#endif
