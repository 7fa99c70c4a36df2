/*
 * bundle - a page that killed its workers, kept as a folder for a person.
 *
 *     D/quarantine/<site>-<url>/about.txt   "key: value" lines, an empty one,
 *                                           the headers of the answer
 *     D/quarantine/<site>-<url>/body        as received
 *
 * The name is the URL's in the store, and its record's `id` with a dash.  A
 * bundle may come from somebody else's crawl: what is read back is bounded, no
 * link is followed, and whoever prints it escapes it.
 */
#ifndef CMD_BUNDLE_H
#define CMD_BUNDLE_H

#include <stdint.h>
#include <stdio.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

enum {
	BUNDLE_NAME = 34 /* 16 hex digits, a dash, 16 hex digits, NUL */
};

enum bundle_field {
	BUNDLE_URL,
	BUNDLE_CAUSE,       /* what its last worker died of */
	BUNDLE_BLAMED,      /* how many did */
	BUNDLE_QUARANTINED, /* when: 2026-11-23T14:00:00Z */
	BUNDLE_FETCHED,     /* when; empty: never, and so is all below */
	BUNDLE_STATUS,
	BUNDLE_TYPE,
	BUNDLE_ENCODING,
	BUNDLE_TRUNCATED,
	BUNDLE_AGAIN, /* the command that reproduces it */
	BUNDLE_RETRY, /* the one that queues it again */
	BUNDLE_FIELDS
};

struct bundle {
	char name[BUNDLE_NAME];
	struct span field[BUNDLE_FIELDS];
	struct span headers; /* "name: value\n", names in lower case */
	uint64_t bytes;      /* of body */
	struct buf text;     /* of a bundle that was read: the spans' */
};

/* "content-type" */
const char *bundle_key(enum bundle_field field);

void bundle_name(uint64_t site64, uint64_t url64, char out[BUNDLE_NAME]);
/* False: not such a name, nor any path. */
bool bundle_name_read(const char *name, uint64_t *site64, uint64_t *url64);

/*
 * Write it into the folder `dir`, which is made when missing: beside its place
 * and then renamed, durable when this returns.  One of that name is replaced.
 * 0 or -errno.
 */
MUST_USE int bundle_write(const char *dir, const struct bundle *bundle,
    struct span body);

/* The names in `dir`, in order of when they were quarantined: the caller
 * free()s.  A folder that is not there has none.  0, -ENOMEM, -errno. */
MUST_USE int bundle_list(const char *dir, char (**names)[BUNDLE_NAME],
    size_t *n);

/* 0: bundle_fini() it; -ENOENT, -EBADMSG no bundle, -ENOMEM, -errno. */
MUST_USE int bundle_read(const char *dir, const char *name, struct bundle *out);
void bundle_fini(struct bundle *bundle);

/* Its body into `out`, which has a limit: -EMSGSIZE. */
MUST_USE int bundle_read_body(const char *dir, const char *name,
    struct buf *out);

/* 0, also when it is gone; -ENOTEMPTY: something else is in the folder, which
 * stays there; -errno. */
MUST_USE int bundle_remove(const char *dir, const char *name);

/* For a terminal: UTF-8 as it is, control bytes and all else as \xNN. */
void bundle_print(FILE *out, struct span text);

#endif
