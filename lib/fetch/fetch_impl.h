/*
 * fetch_impl - what fetch.c (the pool) and transfer.c (one transfer) share.
 */
#ifndef LIB_FETCH_FETCH_IMPL_H
#define LIB_FETCH_FETCH_IMPL_H

#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/queue.h>

#include "lib/fetch/badcert.h"
#include "lib/fetch/cookies.h"
#include "lib/fetch/fetch.h"
#include "lib/fetch/fetch_table.h"
#include "lib/fetch/header.h"
#include "lib/fetch/watchdog.h"
#include "lib/url/url.h"

/*
 * libcurl remembers eight TLS sessions for all who share them.  So hosts are
 * spread over as many shares as make that enough: the next connection to a
 * host of which one is remembered skips half of the handshake, and the
 * signatures in it.
 */
#define POOL_SHARES 64

enum transfer_phase {
	TRANSFER_CONNECTING, /* look-up, connect, TLS */
	TRANSFER_SENT,       /* the request is under way */
	TRANSFER_ANSWERED,   /* a first line of an answer came */
};

/* What is of one run; zeroed at its start. */
struct transfer_run {
	void *user;
	uint64_t max_body;
	uint64_t taken;  /* bytes of the body that the hook took */
	uint64_t window; /* bytes since the low-speed watchdog last looked */
	uint8_t phase;   /* enum transfer_phase */
	uint8_t end;     /* enum fetch_end */
	bool is_tls;
	bool sweeps;      /* drops old names; see transfer_set_dns_age() */
	bool unverified;  /* TLS without looking at the certificate */
	bool proxied;     /* its peer is a proxy */
	bool amended;     /* has what transfer_reset() takes off the handle */
	bool is_secret;   /* has a password, or cookies */
	bool cookies;     /* hears of new ones */
	bool refused;     /* the guard refused an address … */
	bool allowed;     /* … or let one pass */
	bool asked;       /* whether the answer is wanted */
	bool starved;     /* no descriptor, or no memory for a socket */
	int32_t spent_ms; /* by the first try, when this is the second */
	uint16_t port;
	char ip[INET6_ADDRSTRLEN];
	const char *tls_version, *tls_cipher; /* static; or NULL */

	/* at the end */
	CURLcode code;
	int64_t end_unix_ms;
};

/* An easy handle and what belongs to it, from one transfer to the next. */
struct transfer {
	struct fetch_pool *pool;
	CURL *easy;
	TAILQ_ENTRY(transfer) link; /* in one of the pool's queues */
	struct watched watched;
	struct buf url; /* NUL-terminated */
	struct header header;
	/* Of this run, or NULL. */
	struct curl_slist *headers, *connect_to;
	struct transfer_run run;
};

TAILQ_HEAD(transfer_queue, transfer);

struct fetch_pool {
	CURLM *multi;
	CURLU *checker; /* parses a URL only to see that libcurl takes it */
	struct curl_slist *headers;
	CURLSH *shares[POOL_SHARES]; /* NULL until one is needed */
	struct cookies *cookies;
	struct fetch_options options; /* its strings are copies */
	struct fetch_hooks hooks;
	/*
	 * Two clocks: results are dated with unix_ms as it was given; limits
	 * are measured by clock_ms, which never goes back and is not carried
	 * away when somebody sets the clock (pool_tick()).
	 */
	int64_t unix_ms;
	int64_t clock_ms;
	int64_t curl_due_ms;  /* when libcurl wants to be called */
	int64_t told_due_ms;  /* what hooks.timer was last told */
	int64_t sweep_due_ms; /* when a transfer drops old names again */
	struct watchdog first_byte, low_speed;
	struct badcert badcert;
	struct transfer_queue live;  /* in the multi */
	struct transfer_queue done;  /* ended, not reported */
	struct transfer_queue idle;  /* last in, first out: warm memory */
	struct transfer *reported;   /* its spans are out there */
	size_t n_inflight;           /* live and done */
	struct url base, target;     /* to resolve a Location … */
	struct buf text, site, page; /* … and to compare it */
};

/* 0, -ENOMEM, or -EINVAL: this libcurl lacks an option that we need. */
MUST_USE int transfer_new(struct fetch_pool *pool, struct transfer **out);
void transfer_free(struct transfer *t);

/* Make ready for this request.  0, -EINVAL, -ENOMEM. */
MUST_USE int transfer_begin(struct transfer *t,
    const struct fetch_request *request);

/*
 * It failed with `code`: is it a certificate that tls_verify = record lets
 * pass?  Then it is ready to be started again, unverified.
 */
bool transfer_retries_unverified(struct transfer *t, CURLcode code);

/* Nothing is to be asked: the URL's host is refused as it stands. */
bool transfer_is_refused(const struct transfer *t);

/* It ended: note what is asked of libcurl, and of this moment. */
void transfer_end(struct transfer *t, CURLcode code);

/* Back to what a new transfer is. */
void transfer_reset(struct transfer *t);

/*
 * Where a redirect leads (location.c): out->location and out->redirect, from
 * out->status and out->headers.  Nothing where it leads nowhere.
 */
void transfer_location(struct transfer *t, struct capture *out);

/* What this host alone is given, onto the handle and off it (amend.c).
 * 0, -EINVAL, -ENOMEM: then it may be half done, and is taken off. */
MUST_USE int transfer_amend(struct transfer *t,
    const struct fetch_request *request);
void transfer_restore(struct transfer *t);

bool transfer_is_slow(const struct transfer *t);

/* Spans point into `t` and into the pool. */
void transfer_capture(struct transfer *t, struct capture *out, bool *short_fd);

#endif
