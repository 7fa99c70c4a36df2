#include "lib/fetch/badcert.h"

#include <xxhash.h>

/* "https://user@host:port/path" up to the path; never 0. */
static uint64_t
badcert_origin64(struct span url)
{
	size_t len = strlen("https://");

	while (len < url.len && memchr("/?#", url.ptr[len], 3) == NULL)
		len++;
	return XXH3_64bits(url.ptr, len < url.len ? len : url.len) | 1;
}

void
badcert_add(struct badcert *bad, struct span url, int64_t now_ms)
{
	uint64_t origin64 = badcert_origin64(url);
	size_t at = (origin64 >> 1) % BADCERT_SLOTS;

	bad->slots[at].origin64 = origin64;
	bad->slots[at].until_ms = now_ms + BADCERT_MS;
}

bool
badcert_has(const struct badcert *bad, struct span url, int64_t now_ms)
{
	uint64_t origin64 = badcert_origin64(url);
	size_t at = (origin64 >> 1) % BADCERT_SLOTS;

	return bad->slots[at].origin64 == origin64 &&
	       now_ms < bad->slots[at].until_ms;
}
