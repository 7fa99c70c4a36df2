/*
 * header - the header block of a response: "name: value\n" each, names
 * lower-cased, control characters removed, so that it can be stored and
 * printed as it is.
 *
 * Fed with lines as they come from the wire.  Informational answers (1xx) are
 * forgotten, trailers are not taken: what stays is the block of the final
 * status.
 */
#ifndef LIB_FETCH_HEADER_H
#define LIB_FETCH_HEADER_H

#include <stdint.h>

#include "lib/base/buf.h"

/* As much is kept; beyond it lines are left out, the rest still looked at. */
#define HEADER_KEPT_MAX (16u << 10)
/* As much is listened to, 1xx and trailers included. */
#define HEADER_WIRE_MAX (256u << 10)
/* The longest pause that a site may ask for. */
#define HEADER_RETRY_AFTER_MAX_MS (24 * 3600 * 1000)

struct header {
	struct buf lines;
	size_t wire;     /* bytes heard */
	uint16_t status; /* of the block that is being heard; 0 none */
	uint8_t state;   /* header.c */
	bool foldable;   /* the line before was kept */
};

void header_init(struct header *header);
void header_fini(struct header *header);
void header_clear(struct header *header);

/*
 * The next line, with or without its line end; an empty one ends a block.
 * 0; -EMSGSIZE: over HEADER_WIRE_MAX; -ENOMEM.
 */
MUST_USE int header_add(struct header *header, struct span line);

/* The final status once its block is complete, else 0. */
uint16_t header_status(const struct header *header);

/* Walk "name: value\n" lines: false at the end, else *name and *value. */
bool header_next(struct span *lines, struct span *name, struct span *value);

/* The value of the last line of this (lower-cased) name; empty: none. */
struct span header_find(struct span lines, struct span name);

/*
 * Retry-After in milliseconds from now; -1: none that can be read.  A date is
 * measured against the site's own Date, since its clock may be wrong; without
 * one against `now_ms` (unix).
 */
int64_t header_retry_after(struct span lines, int64_t now_ms);

#endif
