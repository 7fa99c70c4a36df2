/*
 * badcert - which servers showed a certificate that does not hold, so that
 * the handshake which is bound to fail is not made for every page of theirs.
 *
 * A memory of fixed size that forgets: a slot is overwritten by whoever needs
 * it, and after BADCERT_MS the certificate is looked at again.
 */
#ifndef LIB_FETCH_BADCERT_H
#define LIB_FETCH_BADCERT_H

#include <stdint.h>

#include "lib/base/span.h"

#define BADCERT_SLOTS 512
#define BADCERT_MS    (10 * 60 * 1000)

struct badcert {
	struct {
		uint64_t origin64; /* 0: free */
		int64_t until_ms;
	} slots[BADCERT_SLOTS];
};

/* `url` is a serialised https URL; its scheme, host and port count. */
void badcert_add(struct badcert *bad, struct span url, int64_t now_ms);
bool badcert_has(const struct badcert *bad, struct span url, int64_t now_ms);

#endif
