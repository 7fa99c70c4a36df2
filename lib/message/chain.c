#include "lib/message/chain.h"

#include <errno.h>

enum {
	CHAIN_URL = 4 /* where the URL begins in a line: "301 " */
};

struct span
chain_tail(struct span chain, size_t room)
{
	const char *newline;
	size_t from;

	if (chain.len <= room)
		return chain;
	/* The cut itself may be the end of a line. */
	from = chain.len - room - 1;
	newline = memchr(chain.ptr + from, '\n', chain.len - from);
	if (newline == NULL)
		return SPAN_NONE;
	return span_from_at(chain, (size_t)(newline - chain.ptr) + 1);
}

int
chain_add(struct buf *out, uint16_t status, struct span url)
{
	size_t len = CHAIN_URL + url.len + 1;
	struct span kept;
	int r;

	if (len > CHAIN_MAX || url.len == 0 || status < 100 || status > 999 ||
	    memchr(url.ptr, '\n', url.len) != NULL ||
	    memchr(url.ptr, ' ', url.len) != NULL)
		return 0;
	kept = chain_tail(buf_span(out), CHAIN_MAX - len);
	if (kept.len > 0)
		memmove(out->ptr, kept.ptr, kept.len);
	out->len = kept.len;
	r = buf_printf(out, "%u ", status);
	if (r == 0)
		r = buf_add_span(out, url);
	if (r == 0)
		r = buf_add_char(out, '\n');
	return r;
}

int
chain_next(struct span *chain, struct chain_hop *out)
{
	const char *newline;
	size_t len;
	uint16_t status = 0;

	if (chain->len == 0)
		return 0;
	newline = memchr(chain->ptr, '\n', chain->len);
	len = newline ? (size_t)(newline - chain->ptr) : 0;
	if (len <= CHAIN_URL || chain->ptr[CHAIN_URL - 1] != ' ')
		return -EBADMSG;
	for (size_t i = 0; i < CHAIN_URL - 1; i++) {
		char c = chain->ptr[i];

		if (c < '0' || c > '9')
			return -EBADMSG;
		status = (uint16_t)(status * 10 + (c - '0'));
	}
	out->status = status;
	out->url = span_of(chain->ptr + CHAIN_URL, len - CHAIN_URL);
	*chain = span_from_at(*chain, len + 1);
	return 1;
}

bool
chain_has(struct span chain, struct span url)
{
	struct chain_hop hop;

	while (chain_next(&chain, &hop) == 1) {
		if (span_eq(hop.url, url))
			return true;
	}
	return false;
}

bool
chain_is_whole(struct span chain)
{
	struct chain_hop hop;
	int r;

	while ((r = chain_next(&chain, &hop)) == 1)
		continue;
	return r == 0;
}
