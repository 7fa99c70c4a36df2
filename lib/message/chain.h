/*
 * chain - the redirects that led to a URL, oldest first: "301 URL\n" each.
 *
 * It lies in the store's row of the URL that it led to, and in the order, so
 * it outlives every process.  A serialised http(s) URL has neither blanks nor
 * newlines, so the text is read back as it was written.
 */
#ifndef LIB_MESSAGE_CHAIN_H
#define LIB_MESSAGE_CHAIN_H

#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/base/span.h"

/* Bytes of a chain, at the most: ten hops of usual length many times over.
 * The oldest hops make room for the last ones. */
#define CHAIN_MAX 8192

struct chain_hop {
	uint16_t status;
	struct span url;
};

/*
 * Append a hop to `out`, whose limit is at least CHAIN_MAX.  Hops in front
 * are dropped until it fits; one that never fits, or whose URL is not a
 * serialised one, is left out.  0, -ENOMEM.
 */
MUST_USE int chain_add(struct buf *out, uint16_t status, struct span url);

/* Take the first hop off *chain.  1; 0 the end; -EBADMSG this is no chain. */
int chain_next(struct span *chain, struct chain_hop *out);

/* As much of the end as fits in `room`: whole hops. */
struct span chain_tail(struct span chain, size_t room);

/* Did it pass this URL? */
bool chain_has(struct span chain, struct span url);

/* Nothing but hops. */
bool chain_is_whole(struct span chain);

#endif
