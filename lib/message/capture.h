/*
 * capture - the fetch part of a cell: what came of a request.
 *
 * Written by the crawler that holds the cell.  The lap is stored last, with
 * release: a reader that finds another lap than the order's has found no
 * capture, whatever the other bytes say.
 */
#ifndef LIB_MESSAGE_CAPTURE_H
#define LIB_MESSAGE_CAPTURE_H

#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/span.h"

enum protocol {
	PROTOCOL_NONE,
	PROTOCOL_HTTP_1_0,
	PROTOCOL_HTTP_1_1,
	PROTOCOL_HTTP_2,
	PROTOCOLS
};
/* "http/1.1", "h2" */
const char *protocol_name(unsigned protocol);

enum tls_state {
	TLS_NONE,
	TLS_GOOD,
	TLS_BAD_CERT, /* tls_verify = record: went on all the same */
	TLS_STATES
};

/* What a redirect's target is to the URL that was asked. */
enum redirect {
	REDIRECT_OTHER, /* another page */
	REDIRECT_SAME,  /* the same page by its key (canon.h), to be asked
	                   for in this other form, or with a cookie */
	REDIRECTS
};

struct capture {
	uint64_t lap;
	uint16_t status;   /* 0: no answer; then reason says why */
	uint8_t reason;    /* enum reason */
	uint8_t truncated; /* enum truncated */
	uint8_t protocol;
	uint8_t tls;
	uint8_t redirect; /* enum redirect, when there is a location */
	uint8_t proxied;  /* not 0: ip and port are not known */
	uint16_t port;
	int64_t started_ms;     /* unix */
	int64_t fetch_end_ms;   /* unix */
	int64_t retry_after_ms; /* a wish of the site; -1: none */
	int32_t dns_ms, connect_ms, tls_ms, ttfb_ms,
	    total_ms;      /* -1: not got to */
	uint64_t body_len; /* bytes in the region, as received */
	struct span ip;
	struct span tls_version, tls_cipher; /* as OpenSSL names them */
	struct span content_type;
	struct span content_encoding;
	struct span location; /* resolved target of a redirect, or empty */
	/* "name: value\n" each, names lower-cased, as many as fit */
	struct span headers;
};

size_t capture_slot_size(size_t max_url);

/* Encode, lap last (release).  What does not fit: headers are cut at a line,
 * a location is left out.  Never fails. */
void capture_write(void *slot, size_t size, const struct capture *capture);

/*
 * Decode against the order's lap; spans point into `slot`.
 * 1 there is a capture; 0 none (another lap); -EBADMSG broken.
 */
MUST_USE int capture_read(const void *slot, size_t size, uint64_t lap,
    struct capture *out);

/* The lap alone (acquire): has this lease been fetched? */
uint64_t capture_lap(const void *slot);

#endif
