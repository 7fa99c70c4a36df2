/*
 * tape - the output files of a crawl read as one, line by line, up to a cut.
 *
 * Files may be missing, cut anywhere or full of anything: a tape tells what is
 * there and changes nothing.
 */
#ifndef LIB_ARCHIVE_TAPE_H
#define LIB_ARCHIVE_TAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

enum {
	/* The longest line that a recorder writes (16 MiB), and some more. */
	TAPE_LINE_MAX = (16 << 20) + 4096
};

struct tape;

/*
 * `end` is the cut (SINK_END of sink.h): what lies behind it is the tail.  A
 * folder that is not there holds no files.  0, -EIO, -ENOMEM with `err`.
 */
MUST_USE int tape_open(const char *dir, uint64_t end, struct tape **out,
    struct err *err);
void tape_close(struct tape *tape);

struct tape_line {
	uint32_t segment;
	uint64_t at;      /* of its first byte */
	uint64_t len;     /* with its newline */
	struct span text; /* without; empty when it is too long */
	bool torn;        /* the file, or the cut, ends inside it */
	bool too_long;    /* past TAPE_LINE_MAX */
};

/* 1 and the next line in front of the cut, its text borrowed until the next
 * call; 0 the end; -EIO, -ENOMEM with `err`. */
MUST_USE int tape_next(struct tape *tape, struct tape_line *line,
    struct err *err);

/* The line that begins there, whole: 1; 0 it is not there any more; -EIO,
 * -ENOMEM.  Into `out` (limit: twice the longest line), which is cleared
 * first, without its newline. */
MUST_USE int tape_read(struct tape *tape, uint32_t segment, uint64_t at,
    struct buf *out, struct err *err);

/* The files by number, the first first; 0: no more. */
uint32_t tape_segment(const struct tape *tape, size_t i);
/* Bytes in this file, as it was when the tape was opened; 0: it is not there. */
uint64_t tape_size(const struct tape *tape, uint32_t segment);
/* A name of ours that is no regular file ("pages-000003.jsonl"), or NULL. */
const char *tape_stranger(const struct tape *tape);

/* Bytes and newlines behind the cut, in how many files. */
struct tape_tail {
	uint64_t bytes, lines, files;
};
MUST_USE int tape_tail(struct tape *tape, struct tape_tail *out,
    struct err *err);

#endif
