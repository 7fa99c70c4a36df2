/*
 * buf - growing bytes with a hard limit.
 *
 * The limit is given once, at init, so that no path can forget it.  After a
 * refused add the buffer is as it was before.
 */
#ifndef LIB_BASE_BUF_H
#define LIB_BASE_BUF_H

#include "lib/base/attr.h"
#include "lib/base/span.h"

struct buf {
	char *ptr; /* NULL until the first add; not NUL-terminated */
	size_t len;
	size_t cap;
	size_t limit;
};

/* No memory is taken before the first add.  `limit` is in bytes. */
void buf_init(struct buf *buf, size_t limit);
void buf_fini(struct buf *buf);

/* Forget the bytes, keep the memory. */
static inline void
buf_clear(struct buf *buf)
{
	buf->len = 0;
}

static inline struct span
buf_span(const struct buf *buf)
{
	return (struct span){ buf->ptr, buf->len };
}

/*
 * Make room for `len` more bytes behind buf->len and return where they go;
 * the caller raises buf->len by what it wrote.
 * NULL: over the limit, or no memory.
 */
MUST_USE char *buf_room(struct buf *buf, size_t len);

/* 0, -EMSGSIZE over the limit, -ENOMEM. */
MUST_USE int buf_add(struct buf *buf, const void *bytes, size_t len);
MUST_USE int buf_printf(struct buf *buf, const char *fmt, ...)
    PRINTF_LIKE(2, 3);

static inline MUST_USE int
buf_add_span(struct buf *buf, struct span s)
{
	return buf_add(buf, s.ptr, s.len);
}

static inline MUST_USE int
buf_add_char(struct buf *buf, char c)
{
	if (LIKELY(buf->len < buf->cap)) {
		buf->ptr[buf->len++] = c;
		return 0;
	}
	return buf_add(buf, &c, 1);
}

#endif
