/*
 * fetch - many transfers at once over libcurl's multi interface, as a state
 * machine that somebody else's event loop drives.
 *
 * What one host is given (a password, its cookies, headers) is in no request
 * to another: each transfer begins from nothing.
 *
 * It opens sockets and reads the clock of libcurl, no other; what it wants
 * watched it says through two hooks.  Redirects are not followed, bodies are
 * handed on as received (chunking removed, content encoding kept).
 *
 * The process ignores SIGPIPE: a peer that is gone is an error here.
 */
#ifndef LIB_FETCH_FETCH_H
#define LIB_FETCH_FETCH_H

#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/span.h"
#include "lib/message/capture.h"
#include "lib/url/canon.h"

struct fetch_pool;

enum fetch_event {
	FETCH_IN = 1,
	FETCH_OUT = 2,
};

/* Called from within any function here; call none of them from a hook. */
struct fetch_hooks {
	/* Watch `fd` for these events from now on; 0: no more. */
	void (*watch)(void *arg, int fd, unsigned events);
	/* Call fetch_timeout() in `ms`; -1: not at all. */
	void (*timer)(void *arg, int64_t ms);
	/*
	 * `len` more bytes of the body of the transfer of `user`.
	 * 0 taken; anything else: there is no room, the transfer ends with
	 * what was taken so far, TRUNCATED_MEMORY.
	 */
	int (*body)(void *arg, void *user, const void *bytes, size_t len);
	void *arg;
	/*
	 * The headers of an answer are there, its body is not yet: is it
	 * wanted?  False: the transfer ends with its status, no body, and
	 * REASON_RULE.  NULL: all are.
	 */
	bool (*wants)(void *arg, void *user, unsigned status,
	    struct span content_type);
};

/* What holds for every transfer of the pool. */
struct fetch_options {
	const char *user_agent;
	const char *accept_encoding; /* "gzip" */
	int64_t connect_timeout_ms, first_byte_timeout_ms, total_timeout_ms;
	uint64_t low_speed_bytes; /* a second */
	int64_t low_speed_ms;
	int64_t dns_cache_ms;
	int http;       /* 1: HTTP/1.1 alone; 2: HTTP/2 where TLS offers it */
	int tls_verify; /* enum config_tls: 0 refuse, 1 record, 2 off */
	const char *ca_file; /* whom TLS trusts; NULL: the system's list */
	bool allow_private;
	int ip_version;      /* 0: any; 4 or 6: addresses of no other */
	size_t cookie_bytes; /* for the cookies of all hosts */
	/* When a redirect's target is the same page; its spans are borrowed. */
	struct canon canon;
	/* Kept open, at the most.  Fewer than transfers in flight, and each is
	 * closed to make room for the next: a fetch then costs three times. */
	uint32_t max_connections;
};

/*
 * libcurl is initialised by the first pool of a process: after the fork.
 * Timeouts of 0 are none (to connect: 300 s).
 *
 * 0, -ENOMEM, -EINVAL; *err says more.
 */
MUST_USE int fetch_pool_new(const struct fetch_options *options,
    const struct fetch_hooks *hooks, struct fetch_pool **out, struct err *err);
void fetch_pool_free(struct fetch_pool *pool);

/*
 * The texts are NULL where there is none, and borrowed until fetch_start()
 * returns.
 *
 * Through a proxy the address that is connected to is the proxy's, which may
 * be private: who runs this named it.  Names are looked up by the proxy, and
 * what they lead to is its business; a URL whose host is a private address by
 * itself is refused as without one.
 */
struct fetch_request {
	struct span url; /* a serialised http(s) URL */
	uint64_t max_body;
	void *user;        /* not NULL; given back with the result */
	const char *proxy; /* "http://", "https://", "socks5h://" … */
	/* An IP address (IPv6 in brackets) to connect to instead of those of
	 * the host's name; nothing to who goes through a proxy. */
	const char *resolve;
	const char *headers; /* "Name: value\n" each */
	const char *auth;    /* "user:password", for Basic */
	bool cookies;        /* those of its host go along, new ones are kept */
};

/*
 * Start.  0; -EMFILE or -ENOMEM: not started, nothing will be reported;
 * -EINVAL: libcurl does not take this URL.
 */
MUST_USE int fetch_start(struct fetch_pool *pool,
    const struct fetch_request *request);

/* Something happened on `fd`; the time that was asked for has come.
 * `now_ms` (unix) is what results are dated with. */
void fetch_ready(struct fetch_pool *pool, int fd, unsigned events,
    int64_t now_ms);
void fetch_timeout(struct fetch_pool *pool, int64_t now_ms);

/*
 * A finished transfer: 1 and *user, *out (its spans borrowed until the next
 * call of any function here); 0 none.  out->lap is left 0; out->reason is
 * REASON_CONNECT_FAIL with *short_fd true when this process ran out of
 * descriptors or memory, which is not the host's fault.
 *
 * dns_ms, connect_ms, tls_ms and ttfb_ms (from request to answer) are each a
 * phase of its own; -1 where a connection was re-used and there was none.
 */
int fetch_finished(struct fetch_pool *pool, void **user, struct capture *out,
    bool *short_fd);

/* End it now, report nothing.  `user` is that of the request. */
void fetch_cancel(struct fetch_pool *pool, void *user);

size_t fetch_inflight(const struct fetch_pool *pool);

#endif
