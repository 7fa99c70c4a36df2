/*
 * serve_impl - what the files of serve share: connections, and requests that
 * are being answered.
 */
#ifndef TESTS_SITE_SERVE_IMPL_H
#define TESTS_SITE_SERVE_IMPL_H

#include <openssl/ssl.h>

#include "lib/base/buf.h"
#include "lib/frontier/heap.h"
#include "tests/site/answer.h"
#include "tests/site/serve.h"

struct serve_also {
	bool (*ready)(void *arg, int fd);
	void *arg;
};

struct serve {
	struct serve_hooks hooks;
	int epoll;
	bool stops;
	struct serve_ca *ca;
	struct heap timers;
	size_t n_exchanges;
	uint64_t connections, requests;
	struct serve_host **hosts; /* by name */
	size_t n_hosts, hosts_room;
	struct serve_host *any_host;
	/* By descriptor: a peer, a listener's port, or something else. */
	struct serve_peer **peers;
	uint16_t *listeners;
	struct serve_also *also;
	int fds;
	struct serve_peer *gone;
};

struct serve_host {
	const char *name;
	struct serve_table *table;
	unsigned *asked; /* how often, for each row that is the first of its
			    path; NULL: not at all yet */
	enum site_tls tls;
	X509 *certificate; /* NULL: not needed yet */
	enum site_tls certified;
};

enum serve_speaks {
	SERVE_NOTHING_YET,
	SERVE_SHAKES_HANDS,
	SERVE_HTTP1,
	SERVE_HTTP2,
};

struct serve_peer {
	struct serve *serve;
	int fd; /* -1: gone, freed at the end of the turn */
	uint64_t number;
	enum serve_speaks speaks;
	uint32_t watched;
	char ip[16];
	uint16_t port;
	SSL *ssl; /* NULL: plain */
	struct serve_h2 *h2;
	struct buf in;
	struct serve_exchange *exchanges;
	struct serve_peer *next_gone;
};

struct serve_exchange {
	struct heap_node timer; /* first: the heap gives this back */
	struct serve_peer *peer;
	struct serve_exchange *next;
	const struct site_page *page;
	const struct site_answer *answer;
	struct site_answer own;
	uint64_t number;
	int32_t stream;
	size_t sent; /* of answer->bytes */
	size_t end;  /* where they end: a HEAD has no body */
	int64_t due_ms;
	int64_t sent_us; /* before the last bytes were sent; 0: none were */
};

int64_t serve_now_us(void);
int64_t serve_now_ms(void);

/* It is closed at once, freed later: callers may look at peer->fd. */
void serve_drop(struct serve_peer *peer, bool reset);

/* How many bytes were taken, 0: none now, -EPIPE: the peer is gone, -EAGAIN
 * (of recv): nothing is there. */
ssize_t serve_send(struct serve_peer *peer, const void *bytes, size_t len);
void serve_watch(struct serve_peer *peer, uint32_t events);

struct serve_heard {
	struct span method, target, authority, headers, raw;
	int32_t stream;
};

/* A request has come; its exchange, or NULL when the peer is gone. */
struct serve_exchange *serve_request(struct serve_peer *peer,
    const struct serve_heard *heard);
void serve_ended(struct serve_exchange *exchange, bool whole);

/* It goes on when it is due. */
void serve_wait(struct serve_exchange *exchange);

/* How many bytes may be sent now; 0: its timer is set, or there is nothing
 * left. */
size_t serve_allowance(struct serve_exchange *exchange);
void serve_has_sent(struct serve_exchange *exchange, size_t n);

/* --- serve_host.c --------------------------------------------------------- */

/* One that is unknown: the host of "*", or NULL. */
struct serve_host *serve_find(struct serve *serve, struct span name);

/* The row whose turn it is, or NULL; *n: how often its path was asked for. */
const struct site_page *serve_page(struct serve_host *host, struct span path,
    unsigned *n);
/* Its answer, made once: it is the same for everybody. */
const struct site_answer *serve_fixed(struct serve_host *host,
    const struct site_page *page, const struct site_ask *ask);

/* --- serve_http1.c -------------------------------------------------------- */

/* Send what may be sent now; the peer may be gone afterwards. */
void serve_http1_go(struct serve_exchange *exchange);
/* Begin the answer to the request that is complete; true: there may be
 * another one. */
bool serve_http1_next(struct serve_peer *peer);

/* --- serve_tls.c ---------------------------------------------------------- */

struct serve_ca;
struct serve_ca *serve_ca_new(struct serve *serve, const char *path);
SSL *serve_ca_accept(struct serve_ca *ca, struct serve_peer *peer);

/* --- serve_h2.c ----------------------------------------------------------- */

struct serve_h2 *serve_h2_new(struct serve_peer *peer);
void serve_h2_free(struct serve_h2 *h2);
/* Bytes have come; negative: they are not HTTP/2. */
int serve_h2_take(struct serve_h2 *h2, const void *bytes, size_t len);
/* An exchange has something to send. */
void serve_h2_go(struct serve_h2 *h2, struct serve_exchange *exchange);
/* Send what is ready. */
void serve_h2_flush(struct serve_h2 *h2);

#endif
