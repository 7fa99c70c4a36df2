/*
 * jsonl - one JSON object a line: a writer that cannot make invalid JSON.
 *
 * Text is copied first, then checked as UTF-8 (what is not becomes U+FFFD) and
 * escaped: it may lie in shared memory and change meanwhile, the line stays
 * JSON.  Errors stick: a line is built without checks in between, and
 * jsonl_end() tells whether it is whole.
 *
 * Keys are our own literals and need no escaping.  A key where none belongs,
 * or brackets that do not match, are a bug of the caller.
 */
#ifndef LIB_ARCHIVE_JSONL_H
#define LIB_ARCHIVE_JSONL_H

#include <stdint.h>

#include "lib/base/buf.h"

struct jsonl {
	struct buf *out; /* the caller's; lines are appended */
	size_t start;    /* of this line */
	int status;      /* the first error */
	unsigned depth;
	bool comma[8];  /* of each level: is one due before the next? */
	char closer[8]; /* of each level: '}' or ']' */
};

void jsonl_begin(struct jsonl *json, struct buf *out);
void jsonl_text(struct jsonl *json, const char *key, struct span text);
void jsonl_base64(struct jsonl *json, const char *key, struct span bytes);
void jsonl_int(struct jsonl *json, const char *key, int64_t value);
void jsonl_uint(struct jsonl *json, const char *key, uint64_t value);
/* In hundredths: 80 is 0.8. */
void jsonl_hundredths(struct jsonl *json, const char *key, unsigned value);
void jsonl_bool(struct jsonl *json, const char *key, bool value);
/* Unix ms as RFC 3339 in UTC: "2026-11-23T02:41:22.123Z".  A time before 1970
 * or past the year 9999 is not written at all. */
#define JSONL_TIME_MAX INT64_C(253402300799999)
void jsonl_time(struct jsonl *json, const char *key, int64_t unix_ms);
/* Key NULL: an element of an array.  Open with '{' or '[', close with '}' or
 * ']'; at most 8 levels, the line's own included. */
void jsonl_open(struct jsonl *json, const char *key, char bracket);
void jsonl_close(struct jsonl *json, char bracket);

/* Close the object, add the newline.  0, or the first error (-EMSGSIZE,
 * -ENOMEM): then the line is gone and `out` is as at jsonl_begin(). */
MUST_USE int jsonl_end(struct jsonl *json);

#endif
