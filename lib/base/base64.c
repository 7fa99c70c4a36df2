#include "lib/base/base64.h"

#include <errno.h>
#include <stdint.h>

static int
digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

int
base64_decode(struct span text, struct buf *out)
{
	size_t padding = 0, len, n = 0;
	uint32_t bits = 0;
	char *to;

	while (padding < 2 && span_ends(text, SPAN("="))) {
		text.len--;
		padding++;
	}
	/* One digit alone is less than a byte; padding fills a group of four. */
	if (text.len % 4 == 1 || (padding > 0 && (text.len + padding) % 4 != 0))
		return -EINVAL;
	len = text.len / 4 * 3 + text.len % 4 * 3 / 4;
	if (len > out->limit - out->len)
		return -EMSGSIZE;
	if (len == 0)
		return 0;
	to = buf_room(out, len);
	if (to == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < text.len; i++) {
		int value = digit(text.ptr[i]);

		if (value < 0)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)value;
		if (i % 4 != 0) {
			unsigned unused = 6 - 2 * (i % 4);

			to[n++] = (char)(bits >> unused);
		}
	}
	out->len += len;
	return 0;
}
