/*
 * serve_h2 - one HTTP/2 connection, by libnghttp2.
 *
 * What a row does to a connection of HTTP/1 it does to its stream here, where
 * a stream has it: half a body ends in a reset of the stream.
 */
#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <stdlib.h>

#include "tests/site/serve_impl.h"

#define HEADERS_MAX 65536
#define FIELDS_MAX  100

struct h2_stream;

struct serve_h2 {
	nghttp2_session *session;
	struct serve_peer *peer;
	struct buf out; /* what the socket did not take */
	struct h2_stream *streams;
};

/* What is heard of one stream; its answer, once there is one. */
struct h2_stream {
	struct buf method, target, authority, headers;
	struct serve_exchange *exchange;
	bool submitted;
	struct h2_stream *next, **at; /* among those of the connection */
};

static void
stream_free(struct h2_stream *stream)
{
	*stream->at = stream->next;
	if (stream->next != NULL)
		stream->next->at = stream->at;
	buf_fini(&stream->method);
	buf_fini(&stream->target);
	buf_fini(&stream->authority);
	buf_fini(&stream->headers);
	free(stream);
}

static int
on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame,
    void *arg)
{
	struct h2_stream *stream;
	struct serve_h2 *h2 = arg;

	if (frame->hd.type != NGHTTP2_HEADERS ||
	    frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	stream = calloc(1, sizeof(*stream));
	must(stream != NULL);
	buf_init(&stream->method, HEADERS_MAX);
	buf_init(&stream->target, HEADERS_MAX);
	buf_init(&stream->authority, HEADERS_MAX);
	buf_init(&stream->headers, HEADERS_MAX);
	stream->next = h2->streams;
	stream->at = &h2->streams;
	if (stream->next != NULL)
		stream->next->at = &stream->next;
	h2->streams = stream;
	return nghttp2_session_set_stream_user_data(session,
	    frame->hd.stream_id, stream);
}

static int
on_header(nghttp2_session *session, const nghttp2_frame *frame,
    const uint8_t *name, size_t name_len, const uint8_t *value,
    size_t value_len, uint8_t flags, void *arg)
{
	struct h2_stream *stream = nghttp2_session_get_stream_user_data(session,
	    frame->hd.stream_id);
	struct span key = span_of((const char *)name, name_len);
	struct span text = span_of((const char *)value, value_len);
	int r;

	(void)flags, (void)arg;
	if (stream == NULL)
		return 0;
	if (span_eq(key, SPAN(":method")))
		r = buf_add_span(&stream->method, text);
	else if (span_eq(key, SPAN(":path")))
		r = buf_add_span(&stream->target, text);
	else if (span_eq(key, SPAN(":authority")))
		r = buf_add_span(&stream->authority, text);
	else if (span_starts(key, SPAN(":")))
		r = 0;
	else
		r = buf_printf(&stream->headers, "%.*s: %.*s\r\n",
		    SPAN_ARG(key), SPAN_ARG(text));
	return r < 0 ? NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE : 0;
}

static ssize_t
read_body(nghttp2_session *session, int32_t id, uint8_t *room, size_t len,
    uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct serve_exchange *exchange = source->ptr;
	size_t n;

	(void)session, (void)id, (void)arg;
	if (exchange->sent < exchange->end) {
		n = serve_allowance(exchange);
		if (n == 0)
			return NGHTTP2_ERR_DEFERRED;
		if (n > len)
			n = len;
		exchange->sent_us = serve_now_us();
		memcpy(room, exchange->answer->bytes.ptr + exchange->sent, n);
		serve_has_sent(exchange, n);
	} else {
		n = 0;
	}
	if (exchange->sent == exchange->end) {
		if (exchange->page->how == SITE_HALF)
			return n > 0 ? (ssize_t)n
				     : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	}
	return (ssize_t)n;
}

/* Headers that belong to a connection of HTTP/1. */
static bool
is_of_connection(struct span name)
{
	return span_eq_nocase(name, SPAN("connection")) ||
	       span_eq_nocase(name, SPAN("keep-alive")) ||
	       span_eq_nocase(name, SPAN("transfer-encoding"));
}

/* The head's lines as fields; names in lower case, which is written into
 * `text`, a copy of it. */
static size_t
take_fields(char *text, size_t len, nghttp2_nv *fields)
{
	struct span rest = span_of(text, len);
	size_t n = 0;

	while (rest.len > 2 && n < FIELDS_MAX) {
		const char *end = memmem(rest.ptr, rest.len, "\r\n", 2);
		size_t line = end ? (size_t)(end - rest.ptr) : rest.len;
		const char *colon = memchr(rest.ptr, ':', line);
		struct span value;

		if (n == 0 && colon == NULL) {
			must(false);
		} else if (colon != NULL) {
			size_t name = (size_t)(colon - rest.ptr);
			char *first = text + (rest.ptr - text);

			value = span_trim(span_of(colon + 1, line - name - 1));
			for (size_t i = 0; i < name; i++)
				first[i] = span_lower(first[i]);
			if (!is_of_connection(span_of(first, name)))
				fields[n++] = (nghttp2_nv){ (uint8_t *)first,
					(uint8_t *)value.ptr, name, value.len,
					NGHTTP2_NV_FLAG_NONE };
		}
		rest = span_from_at(rest, line + 2);
	}
	return n;
}

static void
submit(struct serve_h2 *h2, struct h2_stream *stream)
{
	struct serve_exchange *exchange = stream->exchange;
	const struct site_answer *answer = exchange->answer;
	nghttp2_data_provider body = { { .ptr = exchange }, read_body };
	nghttp2_nv fields[FIELDS_MAX + 1];
	char status[16], *text;
	const char *line;
	size_t n, skip;
	int len;

	/* Bytes that are no answer of HTTP/2 either, or none at all. */
	if (answer->head_len == 0) {
		if (answer->bytes.len > 0)
			(void)serve_send(h2->peer, answer->bytes.ptr,
			    answer->bytes.len);
		serve_drop(h2->peer, answer->resets);
		return;
	}
	stream->submitted = true;
	exchange->sent = answer->head_at + answer->head_len;
	len = snprintf(status, sizeof(status), "%d", answer->status);
	fields[0] = (nghttp2_nv){ (uint8_t *)":status", (uint8_t *)status, 7,
		(size_t)len, NGHTTP2_NV_FLAG_NONE };
	text = malloc(answer->head_len);
	must(text != NULL);
	memcpy(text, answer->bytes.ptr + answer->head_at, answer->head_len);
	line = memmem(text, answer->head_len, "\r\n", 2);
	skip = (size_t)(line - text) + 2;
	n = 1 + take_fields(text + skip, answer->head_len - skip, fields + 1);
	must(nghttp2_submit_response(h2->session, exchange->stream, fields, n,
		 exchange->sent < exchange->end ||
			 exchange->page->how == SITE_HALF
		     ? &body
		     : NULL) == 0);
	free(text);
}

/* Without a flush: libnghttp2 sends nothing from within its callbacks. */
static void
begin(struct serve_h2 *h2, struct serve_exchange *exchange)
{
	struct h2_stream *stream =
	    nghttp2_session_get_stream_user_data(h2->session, exchange->stream);

	if (exchange->answer->silent || stream == NULL)
		return;
	if (!stream->submitted && exchange->due_ms > serve_now_ms()) {
		serve_wait(exchange);
		return;
	}
	if (stream->submitted)
		nghttp2_session_resume_data(h2->session, exchange->stream);
	else
		submit(h2, stream);
}

void
serve_h2_go(struct serve_h2 *h2, struct serve_exchange *exchange)
{
	begin(h2, exchange);
	serve_h2_flush(h2);
}

static int
on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct h2_stream *stream = nghttp2_session_get_stream_user_data(session,
	    frame->hd.stream_id);
	struct serve_h2 *h2 = arg;
	struct serve_heard heard = { .stream = frame->hd.stream_id };

	if (stream == NULL || stream->exchange != NULL ||
	    !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM) || h2->peer->fd < 0)
		return 0;
	heard.method = buf_span(&stream->method);
	heard.target = buf_span(&stream->target);
	heard.authority = buf_span(&stream->authority);
	heard.headers = buf_span(&stream->headers);
	stream->exchange = serve_request(h2->peer, &heard);
	begin(h2, stream->exchange);
	return 0;
}

static int
on_close(nghttp2_session *session, int32_t id, uint32_t error, void *arg)
{
	struct h2_stream *stream = nghttp2_session_get_stream_user_data(session,
	    id);
	struct serve_h2 *h2 = arg;

	if (stream == NULL)
		return 0;
	/* After a drop its exchange is gone already. */
	if (stream->exchange != NULL && h2->peer->fd >= 0)
		serve_ended(stream->exchange,
		    error == NGHTTP2_NO_ERROR &&
			stream->exchange->sent == stream->exchange->end);
	stream_free(stream);
	return nghttp2_session_set_stream_user_data(session, id, NULL);
}

struct serve_h2 *
serve_h2_new(struct serve_peer *peer)
{
	const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 100 },
	};
	struct serve_h2 *h2 = calloc(1, sizeof(*h2));
	nghttp2_session_callbacks *callbacks;

	must(h2 != NULL && nghttp2_session_callbacks_new(&callbacks) == 0);
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks,
	    on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks,
	    on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks,
	    on_close);
	h2->peer = peer;
	buf_init(&h2->out, 64u << 20);
	must(nghttp2_session_server_new(&h2->session, callbacks, h2) == 0);
	nghttp2_session_callbacks_del(callbacks);
	must(nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, settings,
		 ARRAY_LEN(settings)) == 0);
	return h2;
}

void
serve_h2_free(struct serve_h2 *h2)
{
	if (h2 == NULL)
		return;
	nghttp2_session_del(h2->session);
	/* It reports no end of those that are open. */
	while (h2->streams != NULL)
		stream_free(h2->streams);
	buf_fini(&h2->out);
	free(h2);
}

int
serve_h2_take(struct serve_h2 *h2, const void *bytes, size_t len)
{
	if (nghttp2_session_mem_recv(h2->session, bytes, len) < 0)
		return -EPROTO;
	serve_h2_flush(h2);
	return 0;
}

void
serve_h2_flush(struct serve_h2 *h2)
{
	struct serve_peer *peer = h2->peer;

	while (peer->fd >= 0) {
		const uint8_t *bytes;
		ssize_t n;

		while (h2->out.len > 0) {
			n = serve_send(peer, h2->out.ptr, h2->out.len);
			if (n == 0)
				return;
			if (n < 0) {
				serve_drop(peer, false);
				return;
			}
			memmove(h2->out.ptr, h2->out.ptr + n,
			    h2->out.len - (size_t)n);
			h2->out.len -= (size_t)n;
		}
		n = nghttp2_session_mem_send(h2->session, &bytes);
		if (n < 0 ||
		    (n == 0 && !nghttp2_session_want_read(h2->session) &&
			!nghttp2_session_want_write(h2->session))) {
			serve_drop(peer, false);
			return;
		}
		if (n == 0)
			return;
		must(buf_add(&h2->out, bytes, (size_t)n) == 0);
	}
}
