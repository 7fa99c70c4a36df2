/*
 * url_impl - what the parser (url_parse.c) and the parts (url.c) share.
 *
 * Private to lib/url.
 */
#ifndef LIB_URL_URL_IMPL_H
#define LIB_URL_URL_IMPL_H

#include "lib/url/url.h"

/* Where a query or a fragment starts that is not there. */
#define URL_NOWHERE UINT32_MAX

/* A scheme that the Standard calls special. */
struct url_scheme_entry {
	struct span name;
	int32_t port; /* -1: it has none */
};

/* NULL: not special.  `name` is in lower case. */
const struct url_scheme_entry *url_special_scheme(struct span name);

/* Of a segment of a path: 1 for "." and 2 for "..", written with "%2e" or not;
 * else 0. */
int url_dots(struct span segment);

/* As after url_init(), but for the memory, which is kept. */
void url_reset(struct url *url);

/* Offsets of href: in front of the '#', and of the '?'. */
uint32_t url_bare_end(const struct url *url);
uint32_t url_path_end(const struct url *url);
/* Behind host and port, in front of the "/." that some paths need. */
uint32_t url_authority_end(const struct url *url);

#endif
