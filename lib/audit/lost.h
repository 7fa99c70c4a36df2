/*
 * lost - D/lost+found: what was taken out of a crawl, so that nothing is gone
 * for good.  Two files a run, made when there is something to keep:
 *
 *   NUMBER.lines  lines of the outputs, as they were
 *   NUMBER.rows   rows of the store: table, key and value in hex, a line each
 */
#ifndef LIB_AUDIT_LOST_H
#define LIB_AUDIT_LOST_H

#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/span.h"

struct lost;

MUST_USE int lost_new(const char *dir, int64_t number, struct lost **out);
void lost_free(struct lost *lost);

/* 0, -ENOSPC, -EIO with `err`. */
MUST_USE int lost_bytes(struct lost *lost, struct span bytes, struct err *err);
MUST_USE int lost_row(struct lost *lost, char table, struct span key,
    struct span value, struct err *err);
/* Durable: before what was copied is removed. */
MUST_USE int lost_sync(struct lost *lost, struct err *err);

#endif
