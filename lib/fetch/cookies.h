/*
 * cookies - what servers ask to be told again (RFC 6265bis), host by host.
 *
 * A cookie goes back to the host that set it and to no other, not even to one
 * below it: Domain may name the host or what it ends with, and is heard no
 * further.  So no list of public suffixes decides who learns what.  Scripts
 * and other sites do not exist here: HttpOnly and SameSite say nothing.
 *
 * In memory alone, and little of it: a host keeps its COOKIES_PER_HOST newest,
 * and the host that was asked longest ago is forgotten as a whole.
 */
#ifndef LIB_FETCH_COOKIES_H
#define LIB_FETCH_COOKIES_H

#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/url/url.h"

#define COOKIES_PER_HOST 50
/* Of one cookie's name and value (RFC 6265bis, 5.6). */
#define COOKIES_PAIR_MAX 4096
/* Of one request's header; servers refuse larger ones. */
#define COOKIES_HEADER_MAX 8190
/* No cookie lives longer (RFC 6265bis, 5.5). */
#define COOKIES_AGE_MAX_MS (INT64_C(400) * 24 * 3600 * 1000)

struct cookies;

/* `limit`: bytes of all hosts together.  0, -ENOMEM. */
MUST_USE int cookies_new(size_t limit, struct cookies **out);
void cookies_free(struct cookies *jar);

/*
 * Hear the set-cookie lines of an answer to `url` (a parsed http(s) URL);
 * `lines` as header.h has them, `now_ms` unix.  Returns how many were taken,
 * or took one away; what memory does not suffice for is not taken.
 */
unsigned cookies_take(struct cookies *jar, const struct url *url,
    struct span lines, int64_t now_ms);

/* Append what a request of `url` says: "a=1; b=2", or nothing.
 * 0, -EMSGSIZE past out's limit, -ENOMEM. */
MUST_USE int cookies_give(struct cookies *jar, const struct url *url,
    int64_t now_ms, struct buf *out);

/* Bytes that are kept now. */
size_t cookies_bytes(const struct cookies *jar);

#endif
