/*
 * sink - the numbered output files of a crawl: out/pages-000001.jsonl, …
 *
 * A position is one number, segment << 40 | byte, as it stands in the cells
 * and in the store.  The sink appends, syncs in groups, rotates by size, and
 * cuts to a position at start.
 */
#ifndef LIB_ARCHIVE_SINK_H
#define LIB_ARCHIVE_SINK_H

#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

#define SINK_SEGMENT(end)     ((uint32_t)((end) >> 40))
#define SINK_BYTE(end)        ((end) & ((UINT64_C(1) << 40) - 1))
#define SINK_END(segment, at) ((uint64_t)(segment) << 40 | (uint64_t)(at))

struct sink;

/* The name of a segment, and the number in a name: from 1; 0: it is not the
 * name of one. */
enum {
	SINK_NAME = 32, /* "pages-16777215.jsonl" */
	SINK_SEGMENT_MAX = (1 << 24) - 1,
};
void sink_name(uint32_t segment, char name[SINK_NAME]);
uint32_t sink_number(const char *name);

/*
 * Open the outputs in `dir` (made when missing) and cut them to `end`:
 * the segment of `end` is truncated to its byte, later ones are removed; 0
 * removes all that the name pattern covers.  A file shorter than the cut is
 * never extended.
 *
 * 0; -ENODATA: shorter than the cut, nothing was changed; -ENOSPC, -EIO,
 * -ENOMEM; `err` says which file.
 */
MUST_USE int sink_open(const char *dir, uint64_t end, uint64_t rotate_bytes,
    struct sink **out, struct err *err);
void sink_close(struct sink *sink);

/*
 * Append whole lines; *end is the position after them.  Written through at
 * once with write(2), durable only after sink_sync().  Rotates before the
 * write when the segment has reached its size.
 * 0, -ENOSPC, -EIO: then the file was cut back to what it was.
 */
MUST_USE int sink_append(struct sink *sink, struct span lines, uint64_t *end,
    struct err *err);

/* fdatasync, and fsync of the folder after a new segment.  After an error
 * the kernel may think the pages clean: the caller must exit and let the
 * next one cut (protocol.md 5). */
MUST_USE int sink_sync(struct sink *sink, struct err *err);

uint64_t sink_end(const struct sink *sink);

#endif
