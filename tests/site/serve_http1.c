/*
 * serve_http1 - requests out of the bytes of a connection of HTTP/1, one at a
 * time, and answers into it.
 */
#include <sys/epoll.h>

#include "tests/site/serve_impl.h"

void
serve_http1_go(struct serve_exchange *exchange)
{
	struct serve_peer *peer = exchange->peer;
	const struct site_answer *answer = exchange->answer;

	while (exchange->sent < exchange->end) {
		size_t len = serve_allowance(exchange);
		ssize_t n;

		if (len == 0)
			return;
		exchange->sent_us = serve_now_us();
		n = serve_send(peer, answer->bytes.ptr + exchange->sent, len);
		if (n == 0)
			return;
		if (n < 0) {
			serve_drop(peer, false);
			return;
		}
		serve_has_sent(exchange, (size_t)n);
	}
	if (answer->silent)
		return;
	if (exchange->sent == 0 && exchange->due_ms > serve_now_ms()) {
		serve_wait(exchange);
		return;
	}
	if (answer->closes) {
		bool resets = answer->resets;

		serve_ended(exchange, true);
		if (peer->ssl != NULL && !resets)
			SSL_shutdown(peer->ssl);
		serve_drop(peer, resets);
		return;
	}
	serve_ended(exchange, true);
	serve_watch(peer, EPOLLIN);
}

/* "Host" among "Name: value\r\n" lines. */
static struct span
find_host(struct span headers)
{
	while (headers.len > 0) {
		const char *end = memmem(headers.ptr, headers.len, "\r\n", 2);
		size_t len = end ? (size_t)(end - headers.ptr) : headers.len;

		if (len > 5 &&
		    span_eq_nocase(span_of(headers.ptr, 5), SPAN("host:")))
			return span_trim(span_of(headers.ptr + 5, len - 5));
		headers = span_from_at(headers, len + 2);
	}
	return SPAN_NONE;
}

/* A target with its origin, as a proxy is asked: keep the path alone. */
static void
take_origin(struct serve_heard *heard)
{
	const char *slash;
	struct span rest;

	if (!span_starts(heard->target, SPAN("http://")))
		return;
	rest = span_from_at(heard->target, 7);
	slash = memchr(rest.ptr, '/', rest.len);
	if (slash == NULL)
		return;
	heard->authority = span_of(rest.ptr, (size_t)(slash - rest.ptr));
	heard->target = span_from_at(rest, heard->authority.len);
}

bool
serve_http1_next(struct serve_peer *peer)
{
	struct span in = buf_span(&peer->in);
	const char *end = in.len ? memmem(in.ptr, in.len, "\r\n\r\n", 4) : NULL;
	const char *line_end, *space;
	struct serve_heard heard = { .stream = 0 };
	struct serve_exchange *exchange;
	size_t len;

	if (end == NULL)
		return false;
	len = (size_t)(end - in.ptr) + 4;
	heard.raw = span_of(in.ptr, len);
	line_end = memmem(in.ptr, len, "\r\n", 2);
	heard.headers = span_of(line_end + 2,
	    len - 2 - (size_t)(line_end + 2 - in.ptr));
	space = memchr(in.ptr, ' ', (size_t)(line_end - in.ptr));
	if (space != NULL) {
		heard.method = span_of(in.ptr, (size_t)(space - in.ptr));
		heard.target = span_of(space + 1,
		    (size_t)(line_end - space) - 1);
		space = memchr(heard.target.ptr, ' ', heard.target.len);
		if (space != NULL)
			heard.target.len = (size_t)(space - heard.target.ptr);
	}
	heard.authority = find_host(heard.headers);
	take_origin(&heard);
	exchange = serve_request(peer, &heard);
	memmove(peer->in.ptr, peer->in.ptr + len, peer->in.len - len);
	peer->in.len -= len;
	serve_http1_go(exchange);
	return peer->fd >= 0 && peer->exchanges == NULL;
}
