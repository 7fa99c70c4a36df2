#include "lib/base/buf.h"

#include <errno.h>
#include <stdarg.h>

enum {
	BUF_FIRST = 256
};

void
buf_init(struct buf *buf, size_t limit)
{
	*buf = (struct buf){ .limit = limit };
}

void
buf_fini(struct buf *buf)
{
	if (buf == NULL)
		return;
	free(buf->ptr);
	*buf = (struct buf){ .limit = buf->limit };
}

/* 0, or why `len` more bytes do not fit. */
static int
buf_grow(struct buf *buf, size_t len)
{
	size_t cap = buf->cap;
	char *ptr;

	if (len > buf->limit || buf->len > buf->limit - len)
		return -EMSGSIZE;
	if (buf->len + len <= cap)
		return 0;
	if (cap < BUF_FIRST)
		cap = BUF_FIRST;
	while (cap < buf->len + len)
		cap *= 2;
	if (cap > buf->limit)
		cap = buf->limit;
	ptr = realloc(buf->ptr, cap);
	if (ptr == NULL)
		return -ENOMEM;
	buf->ptr = ptr;
	buf->cap = cap;
	return 0;
}

char *
buf_room(struct buf *buf, size_t len)
{
	/* An empty room is still a place: grow at least one byte's worth. */
	if (buf_grow(buf, len ? len : 1) < 0)
		return NULL;
	return buf->ptr + buf->len;
}

int
buf_add(struct buf *buf, const void *bytes, size_t len)
{
	int r;

	if (len == 0)
		return 0;
	r = buf_grow(buf, len);
	if (r < 0)
		return r;
	memcpy(buf->ptr + buf->len, bytes, len);
	buf->len += len;
	return 0;
}

int
buf_printf(struct buf *buf, const char *fmt, ...)
{
	va_list ap;
	int len, r;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0)
		return -EINVAL;
	/* One more: vsnprintf insists on its NUL, which is not counted. */
	r = buf_grow(buf, (size_t)len + 1);
	if (r < 0)
		return r;
	va_start(ap, fmt);
	vsnprintf(buf->ptr + buf->len, (size_t)len + 1, fmt, ap);
	va_end(ap);
	buf->len += (size_t)len;
	return 0;
}
