/*
 * inflate - the bytes of a body whose Content-Encoding is gzip or deflate.
 *
 * A bomb is stopped by two measures: the bytes that come out, and how many of
 * them one byte in may become.  A stream that ends early or is broken gives
 * what was readable of it.
 */
#ifndef LIB_BASE_INFLATE_H
#define LIB_BASE_INFLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/span.h"

/* What a Content-Encoding asks for, "identity" left out. */
enum inflate_coding {
	INFLATE_NONE,
	INFLATE_GZIP, /* gzip, x-gzip */
	INFLATE_DEFLATE,
	INFLATE_UNKNOWN, /* another, or several on top of each other */
};
enum inflate_coding inflate_coding(struct span content_encoding);

enum inflate_end {
	INFLATE_WHOLE,
	INFLATE_LIMIT,  /* `max` or `ratio`: there is more */
	INFLATE_BROKEN, /* it ends early, or is no such stream from here on */
};

/*
 * Output up to this many bytes is not measured by its ratio: blank pages of
 * that size are honest, and harm nobody.
 */
#define INFLATE_RATIO_FROM (1u << 20)

/* zlib's state and the output's memory, used again.  NULL: no memory. */
struct inflate;
struct inflate *inflate_new(void);
void inflate_free(struct inflate *inflate);

/*
 * Undo `coding`; INFLATE_NONE and INFLATE_UNKNOWN give `body` itself, up to
 * `max` bytes.  A body that says gzip and does not begin as one is such a
 * body, too: servers label files that they did not compress.  deflate is
 * zlib's format, or what many send instead, without its head.
 *
 * At most `max` bytes and, past INFLATE_RATIO_FROM, `ratio` bytes for each one
 * of the body (0: not measured).  *out is borrowed until the next call, or from `body`.
 * 0, -ENOMEM.
 */
MUST_USE int inflate_body(struct inflate *inflate, enum inflate_coding coding,
    struct span body, uint64_t max, uint32_t ratio, struct span *out,
    enum inflate_end *end);

/*
 * The same for gzip in pieces, for what is read as it comes and never whole:
 * members that follow each other are one stream, what follows them is padding.
 * 0, -ENOMEM.
 */
MUST_USE int inflate_begin(struct inflate *inflate);

/*
 * What comes of the beginning of *piece, which is shortened by what was used:
 * *n bytes, at most `size`, at `out`.  With *n == 0 and nothing left of the
 * piece, the next one is wanted.
 * 1; 0 the stream has ended, the rest is padding; -EBADMSG it is broken from
 * here on, *n bytes came before that; -ENOMEM.
 */
MUST_USE int inflate_step(struct inflate *inflate, struct span *piece,
    char *out, size_t size, size_t *n);

/* Was all that inflate_step() has used so far one or more whole members? */
bool inflate_is_whole(const struct inflate *inflate);

#endif
