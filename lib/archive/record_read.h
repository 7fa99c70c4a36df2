/*
 * record_read - a line of the outputs back to what it says of its URL.
 *
 * The line is hostile: a disk, an editor or another program may have made it
 * anything.  The JSON is checked whole (RFC 8259, 64 levels, no key of ours
 * twice); only what tells which URL ended, and how, is kept.
 */
#ifndef LIB_ARCHIVE_RECORD_READ_H
#define LIB_ARCHIVE_RECORD_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/message/reason.h"

enum record_fault {
	RECORD_GOOD,
	RECORD_NOT_UTF8,
	RECORD_NOT_JSON,
	RECORD_NOT_OURS, /* JSON, but no record of schema v1 with id and url */
	RECORD_NO_MEMORY,
};
/* "is not UTF-8": what is wrong with the line; "" for RECORD_GOOD. */
const char *record_fault_text(enum record_fault fault);

struct record_facts {
	uint64_t site64, url64; /* of its id */
	char crawl_id[33];      /* "" when it has none that could be one */
	uint16_t status;        /* 0: no answer */
	uint16_t depth;
	uint8_t reason; /* enum reason */
	bool fetched;   /* a request was to be made */
	bool located;   /* it says where a redirect points */
	bool seed;
	struct span url; /* in the caller's buffer */
};

/* `url` is cleared first and holds out->url; *out is written on RECORD_GOOD
 * only. */
MUST_USE enum record_fault record_read(struct span line, struct buf *url,
    struct record_facts *out);

/* How the journey ended that this is the record of: the enum verdict that
 * record_write() was given. */
uint8_t record_verdict(const struct record_facts *facts);

#endif
