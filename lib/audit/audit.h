/*
 * audit - is a crawl that lies still sound: store, outputs, and the one
 * against the other?  And what is not, mended where that can be done.
 *
 * Everything is read once, in the order in which it lies.  Memory: 24 bytes
 * for each record, 24 for each URL that waits, 24 for each that is queued on
 * the host that has the most of them; db_cache; two of the longest lines.
 *
 * The caller holds the crawl's lock, and has thrown the shared segment away
 * before anything is mended: its cells speak of the outputs as they were.
 */
#ifndef LIB_AUDIT_AUDIT_H
#define LIB_AUDIT_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/config/config.h"

enum audit_level {
	AUDIT_PROBLEM,
	AUDIT_REPAIRED,
	AUDIT_NOTE, /* worth to be known, and as it may be */
};

/* `what` is one word of ours ("queue-missing"), `details` one line of
 * printable ASCII. */
typedef void audit_say_fn(void *arg, enum audit_level level, const char *what,
    const char *details);

struct audit_options {
	const char *dir; /* the crawl's folder */
	const struct config *config;
	uint8_t crawl_id[16];
	int64_t now_ms; /* names what is put into D/lost+found */
	audit_say_fn *say;
	void *arg;
};

struct audit_result {
	uint64_t urls, records;
	uint64_t bytes; /* of records */
	uint64_t problems, repaired;
	struct {
		uint64_t bytes, lines, files;
	} tail; /* of the outputs, behind the store's cut */
};

/*
 * Look, change nothing.  0 whatever was found; an error: it cannot be looked
 * at, `err` says why and what a person can do: -EEXIST the store is another
 * crawl's, -EPROTO of a newer layout, -EIO, -ENOMEM.
 */
MUST_USE int audit_look(const struct audit_options *options,
    struct audit_result *out, struct err *err);

/*
 * Mend what can be mended, the tail included, and look again until nothing is
 * left to mend; each step is said.  What is taken out of store and outputs
 * lies in D/lost+found afterwards.  out->problems is what is left.
 * Ended in the middle by a kill, the next one finishes.
 * 0 or an error, as above, or -ENOSPC.
 */
MUST_USE int audit_mend(const struct audit_options *options,
    struct audit_result *out, struct err *err);

#endif
