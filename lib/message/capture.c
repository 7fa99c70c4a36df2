#include "lib/message/capture.h"

#include <errno.h>
#include <stdatomic.h>

#include "lib/message/reason.h"

enum capture_text {
	TEXT_IP,
	TEXT_TLS_VERSION,
	TEXT_TLS_CIPHER,
	TEXT_TYPE,
	TEXT_ENCODING,
	TEXT_LOCATION,
	TEXT_HEADERS, /* last: cut to what is left */
	TEXTS
};

/* As it lies in shared memory; a change of it is a new layout of the segment
 * (MESSAGE_VERSION). */
struct capture_slot {
	_Atomic uint64_t
	    lap; /* release in capture_write(), acquire in readers */
	int64_t started_ms;
	int64_t fetch_end_ms;
	int64_t retry_after_ms;
	uint64_t body_len;
	int32_t dns_ms, connect_ms, tls_ms, ttfb_ms, total_ms;
	uint32_t len[TEXTS];
	uint16_t status;
	uint16_t port;
	uint8_t reason;
	uint8_t truncated;
	uint8_t protocol;
	uint8_t tls;
	uint8_t redirect;
	uint8_t proxied;
	char text[];
};

enum {
	CAPTURE_TEXT = 2048 /* headers of a usual answer, beside a location */
};

size_t
capture_slot_size(size_t max_url)
{
	return (sizeof(struct capture_slot) + max_url + CAPTURE_TEXT + 63) &
	       ~(size_t)63;
}

const char *
protocol_name(unsigned protocol)
{
	static const char *const names[PROTOCOLS] = {
		[PROTOCOL_NONE] = "",
		[PROTOCOL_HTTP_1_0] = "http/1.0",
		[PROTOCOL_HTTP_1_1] = "http/1.1",
		[PROTOCOL_HTTP_2] = "h2",
	};

	return protocol < PROTOCOLS ? names[protocol] : "?";
}

/* As many whole lines as fit in `room`. */
static size_t
whole_lines(struct span lines, size_t room)
{
	const char *end;

	if (lines.len <= room)
		return lines.len;
	end = room > 0 ? memrchr(lines.ptr, '\n', room) : NULL;
	return end ? (size_t)(end - lines.ptr) + 1 : 0;
}

void
capture_write(void *slot, size_t size, const struct capture *capture)
{
	struct capture_slot *s = slot;
	const struct span text[TEXTS] = {
		[TEXT_IP] = capture->ip,
		[TEXT_TLS_VERSION] = capture->tls_version,
		[TEXT_TLS_CIPHER] = capture->tls_cipher,
		[TEXT_TYPE] = capture->content_type,
		[TEXT_ENCODING] = capture->content_encoding,
		[TEXT_LOCATION] = capture->location,
		[TEXT_HEADERS] = capture->headers,
	};
	size_t room = size - sizeof(*s);
	char *to = s->text;

	must(size >= sizeof(*s));
	s->started_ms = capture->started_ms;
	s->fetch_end_ms = capture->fetch_end_ms;
	s->retry_after_ms = capture->retry_after_ms;
	s->body_len = capture->body_len;
	s->dns_ms = capture->dns_ms;
	s->connect_ms = capture->connect_ms;
	s->tls_ms = capture->tls_ms;
	s->ttfb_ms = capture->ttfb_ms;
	s->total_ms = capture->total_ms;
	s->status = capture->status;
	s->port = capture->port;
	s->reason = capture->reason;
	s->truncated = capture->truncated;
	s->protocol = capture->protocol;
	s->tls = capture->tls;
	s->redirect = capture->redirect;
	s->proxied = capture->proxied;
	for (size_t i = 0; i < TEXTS; i++) {
		size_t len = text[i].len;

		if (i == TEXT_HEADERS)
			len = whole_lines(text[i], room);
		else if (len > room)
			len = 0; /* half a URL is another URL */
		if (len > 0)
			memcpy(to, text[i].ptr, len);
		s->len[i] = (uint32_t)len;
		to += len;
		room -= len;
	}
	atomic_store_explicit(&s->lap, capture->lap, memory_order_release);
}

uint64_t
capture_lap(const void *slot)
{
	const struct capture_slot *s = slot;

	return atomic_load_explicit(&s->lap, memory_order_acquire);
}

int
capture_read(const void *slot, size_t size, uint64_t lap, struct capture *out)
{
	const struct capture_slot *s = slot;
	struct span text[TEXTS];
	size_t room = size - sizeof(*s);
	const char *from = s->text;
	struct capture c;

	must(size >= sizeof(*s));
	if (capture_lap(slot) != lap)
		return 0;
	for (size_t i = 0; i < TEXTS; i++) {
		size_t len = s->len[i];

		if (len > room)
			return -EBADMSG;
		text[i] = span_of(from, len);
		from += len;
		room -= len;
	}
	/* Either an answer, or a reason why there was none. */
	if (s->reason >= REASONS || (s->status == 0 && s->reason == 0))
		return -EBADMSG;
	c = (struct capture){
		.lap = lap,
		.status = s->status,
		.reason = s->reason,
		.truncated = s->truncated,
		.protocol = s->protocol,
		.tls = s->tls,
		.redirect = s->redirect,
		.proxied = s->proxied,
		.port = s->port,
		.started_ms = s->started_ms,
		.fetch_end_ms = s->fetch_end_ms,
		.retry_after_ms = s->retry_after_ms,
		.dns_ms = s->dns_ms,
		.connect_ms = s->connect_ms,
		.tls_ms = s->tls_ms,
		.ttfb_ms = s->ttfb_ms,
		.total_ms = s->total_ms,
		.body_len = s->body_len,
		.ip = text[TEXT_IP],
		.tls_version = text[TEXT_TLS_VERSION],
		.tls_cipher = text[TEXT_TLS_CIPHER],
		.content_type = text[TEXT_TYPE],
		.content_encoding = text[TEXT_ENCODING],
		.location = text[TEXT_LOCATION],
		.headers = text[TEXT_HEADERS],
	};
	*out = c;
	return 1;
}
