#include "tests/site/serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/site/serve_impl.h"

enum {
	REQUEST_MAX = 65536,
	BACKLOG = 4096,
	TURN = 256
};

int64_t
serve_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000) + ts.tv_nsec / 1000;
}

int64_t
serve_now_ms(void)
{
	return serve_now_us() / 1000;
}

/* --- connections ---------------------------------------------------------- */

static void
exchange_free(struct serve_exchange *exchange)
{
	heap_drop(&exchange->peer->serve->timers, &exchange->timer);
	exchange->peer->serve->n_exchanges--;
	site_answer_fini(&exchange->own);
	free(exchange);
}

void
serve_ended(struct serve_exchange *exchange, bool whole)
{
	struct serve_peer *peer = exchange->peer;
	struct serve_exchange **at = &peer->exchanges;
	const struct serve_hooks *hooks = &peer->serve->hooks;

	while (*at != exchange)
		at = &(*at)->next;
	*at = exchange->next;
	if (hooks->ended != NULL)
		hooks->ended(hooks->arg, exchange->number,
		    whole && exchange->sent_us ? exchange->sent_us
					       : serve_now_us(),
		    exchange->answer->status, exchange->sent, whole);
	exchange_free(exchange);
}

void
serve_drop(struct serve_peer *peer, bool reset)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };
	struct serve *serve = peer->serve;

	if (peer->fd < 0)
		return;
	while (peer->exchanges != NULL)
		serve_ended(peer->exchanges, false);
	if (reset)
		setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &linger,
		    sizeof(linger));
	serve->peers[peer->fd] = NULL;
	close(peer->fd);
	peer->fd = -1;
	peer->next_gone = serve->gone;
	serve->gone = peer;
}

static void
free_gone(struct serve *serve)
{
	struct serve_peer *peer;

	while ((peer = serve->gone) != NULL) {
		serve->gone = peer->next_gone;
		serve_h2_free(peer->h2);
		SSL_free(peer->ssl);
		buf_fini(&peer->in);
		free(peer);
	}
}

void
serve_watch(struct serve_peer *peer, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = peer->fd };

	if (peer->fd < 0 || peer->watched == events)
		return;
	peer->watched = events;
	must(epoll_ctl(peer->serve->epoll, EPOLL_CTL_MOD, peer->fd, &event) ==
	     0);
}

/* What TLS says after a call that gave `r`. */
static ssize_t
tls_result(struct serve_peer *peer, int r)
{
	switch (SSL_get_error(peer->ssl, r)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
	case SSL_ERROR_WANT_X509_LOOKUP: /* SITE_TLS_SILENT */
		return -EAGAIN;
	default:
		return -EPIPE;
	}
}

ssize_t
serve_send(struct serve_peer *peer, const void *bytes, size_t len)
{
	ssize_t n;

	if (peer->fd < 0)
		return -EPIPE;
	if (len == 0)
		return 0;
	if (peer->ssl != NULL) {
		ERR_clear_error();
		n = SSL_write(peer->ssl, bytes,
		    (int)(len < INT32_MAX ? len : INT32_MAX));
		if (n <= 0)
			n = tls_result(peer, (int)n);
	} else {
		n = send(peer->fd, bytes, len, MSG_NOSIGNAL);
		if (n < 0)
			n = errno == EAGAIN || errno == EINTR ? -EAGAIN
							      : -EPIPE;
	}
	if (n == -EAGAIN) {
		serve_watch(peer, EPOLLIN | EPOLLOUT);
		return 0;
	}
	return n;
}

static ssize_t
peer_recv(struct serve_peer *peer, void *room, size_t len)
{
	ssize_t n;

	if (peer->fd < 0)
		return -EPIPE;
	if (peer->ssl != NULL) {
		ERR_clear_error();
		n = SSL_read(peer->ssl, room, (int)len);
		return n > 0 ? n : tls_result(peer, (int)n);
	}
	n = recv(peer->fd, room, len, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? -EAGAIN : -EPIPE;
	return n == 0 ? -EPIPE : n;
}

static const struct site_page missing = { .status = 404,
	.headers = "Content-Type: text/plain\r\n",
	.body = "not here\n" };

/* --- requests ------------------------------------------------------------- */

void
serve_wait(struct serve_exchange *exchange)
{
	heap_set(&exchange->peer->serve->timers, &exchange->timer,
	    exchange->due_ms);
}

size_t
serve_allowance(struct serve_exchange *exchange)
{
	size_t left = exchange->end - exchange->sent;

	if (exchange->answer->silent)
		return 0;
	if (exchange->due_ms > serve_now_ms()) {
		serve_wait(exchange);
		return 0;
	}
	if (left > 0 && exchange->page->drip_ms > 0) {
		if (exchange->sent < exchange->answer->drip_from)
			left = exchange->answer->drip_from - exchange->sent;
		else
			left = 1;
		if (left > exchange->end - exchange->sent)
			left = exchange->end - exchange->sent;
	}
	return left;
}

void
serve_has_sent(struct serve_exchange *exchange, size_t n)
{
	exchange->sent += n;
	if (exchange->page->drip_ms > 0 &&
	    exchange->sent >= exchange->answer->drip_from)
		exchange->due_ms = serve_now_ms() + exchange->page->drip_ms;
}

static void
exchange_go(struct serve_exchange *exchange)
{
	if (exchange->peer->speaks == SERVE_HTTP2)
		serve_h2_go(exchange->peer->h2, exchange);
	else
		serve_http1_go(exchange);
}

static struct span
without_port(struct span authority)
{
	for (size_t i = authority.len; i > 0; i--) {
		char c = authority.ptr[i - 1];

		if (c == ':')
			return span_of(authority.ptr, i - 1);
		if (c < '0' || c > '9')
			break;
	}
	return authority;
}

struct serve_exchange *
serve_request(struct serve_peer *peer, const struct serve_heard *heard)
{
	struct serve *serve = peer->serve;
	struct span host = without_port(heard->authority);
	struct site_ask ask = { .target = heard->target,
		.tls = peer->ssl != NULL,
		.h2 = peer->speaks == SERVE_HTTP2,
		.port = peer->port };
	struct serve_exchange *exchange = calloc(1, sizeof(*exchange));
	struct serve_host *found;
	const struct site_page *page = NULL;

	must(exchange != NULL &&
	     heap_reserve(&serve->timers, ++serve->n_exchanges) == 0);
	if (host.len == 0)
		host = span_from(peer->ip);
	ask.host = host;
	found = serve_find(serve, host);
	if (found != NULL)
		page = serve_page(found, heard->target, &ask.n);
	if (page == NULL)
		page = &missing;
	exchange->peer = peer;
	exchange->page = page;
	exchange->number = ++serve->requests;
	exchange->stream = heard->stream;
	if (!ask.h2 && page != &missing && site_answer_is_fixed(page)) {
		exchange->answer = serve_fixed(found, page, &ask);
	} else {
		site_answer_make(&exchange->own, page, &ask);
		exchange->answer = &exchange->own;
	}
	exchange->end = exchange->answer->bytes.len;
	if (span_eq(heard->method, SPAN("HEAD")))
		exchange->end = exchange->answer->head_at +
				exchange->answer->head_len;
	if (page->delay_ms > 0)
		exchange->due_ms = serve_now_ms() + page->delay_ms + 1;
	exchange->next = peer->exchanges;
	peer->exchanges = exchange;
	if (serve->hooks.arrived != NULL) {
		struct serve_arrival arrival = { .number = exchange->number,
			.connection = peer->number,
			.ip = peer->ip,
			.host = host,
			.method = heard->method,
			.target = heard->target,
			.headers = heard->headers,
			.raw = heard->raw,
			.tls = ask.tls,
			.resumed = ask.tls &&
				   SSL_session_reused(peer->ssl) == 1,
			.h2 = ask.h2 };

		serve->hooks.arrived(serve->hooks.arg, &arrival);
	}
	return exchange;
}

static void
peer_read(struct serve_peer *peer)
{
	for (;;) {
		char *room = buf_room(&peer->in, 16384);
		ssize_t n;

		if (room == NULL) {
			serve_drop(peer, false);
			return;
		}
		n = peer_recv(peer, room, 16384);
		if (n == -EAGAIN)
			return;
		if (n < 0) {
			serve_drop(peer, false);
			return;
		}
		if (peer->speaks == SERVE_HTTP2) {
			if (serve_h2_take(peer->h2, room, (size_t)n) < 0)
				serve_drop(peer, false);
			if (peer->fd < 0)
				return;
		} else {
			peer->in.len += (size_t)n;
			while (
			    peer->exchanges == NULL && serve_http1_next(peer))
				continue;
			if (peer->fd < 0)
				return;
			if (peer->in.len == 0)
				buf_fini(&peer->in);
		}
		if (peer->ssl == NULL || SSL_pending(peer->ssl) == 0)
			return;
	}
}

static void
shake_hands(struct serve_peer *peer)
{
	const unsigned char *name = NULL;
	unsigned len = 0;
	char c;
	int r;

	/* One that is suspended for ever says so at each call. */
	if (SSL_want_x509_lookup(peer->ssl)) {
		if (recv(peer->fd, &c, 1, MSG_PEEK) == 0)
			serve_drop(peer, false);
		return;
	}
	ERR_clear_error();
	r = SSL_accept(peer->ssl);
	if (r != 1) {
		if (tls_result(peer, r) != -EAGAIN)
			serve_drop(peer, false);
		return;
	}
	SSL_get0_alpn_selected(peer->ssl, &name, &len);
	peer->speaks = SERVE_HTTP1;
	if (len == 2 && memcmp(name, "h2", 2) == 0) {
		peer->speaks = SERVE_HTTP2;
		peer->h2 = serve_h2_new(peer);
		serve_h2_flush(peer->h2);
	}
	if (peer->fd >= 0)
		peer_read(peer);
}

static void
peer_ready(struct serve_peer *peer, uint32_t events)
{
	char first;

	if (peer->speaks == SERVE_NOTHING_YET) {
		ssize_t n = recv(peer->fd, &first, 1, MSG_PEEK);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			serve_drop(peer, false);
			return;
		}
		peer->speaks = SERVE_HTTP1;
		if (first == 0x16 && peer->serve->ca != NULL) {
			peer->speaks = SERVE_SHAKES_HANDS;
			peer->ssl = serve_ca_accept(peer->serve->ca, peer);
		}
	}
	if (peer->speaks == SERVE_SHAKES_HANDS) {
		shake_hands(peer);
		return;
	}
	if (events & EPOLLOUT) {
		serve_watch(peer, EPOLLIN);
		if (peer->speaks == SERVE_HTTP2)
			serve_h2_flush(peer->h2);
		else if (peer->exchanges != NULL)
			serve_http1_go(peer->exchanges);
		while (peer->fd >= 0 && peer->speaks == SERVE_HTTP1 &&
		       peer->exchanges == NULL && serve_http1_next(peer))
			continue;
	}
	if (peer->fd >= 0 && events & ~(uint32_t)EPOLLOUT)
		peer_read(peer);
}

static void
peer_accept(struct serve *serve, int listener)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct sockaddr_in addr;
	int fd, one = 1;

	while ((fd = accept4(listener, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct serve_peer *peer;
		socklen_t len = sizeof(addr);

		if (getsockname(fd, (struct sockaddr *)&addr, &len) < 0 ||
		    ntohl(addr.sin_addr.s_addr) >> 24 != 127) {
			close(fd);
			continue;
		}
		must(fd < serve->fds);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		peer = calloc(1, sizeof(*peer));
		must(peer != NULL);
		peer->serve = serve;
		peer->fd = fd;
		peer->number = ++serve->connections;
		peer->watched = EPOLLIN;
		peer->port = serve->listeners[listener];
		inet_ntop(AF_INET, &addr.sin_addr, peer->ip, sizeof(peer->ip));
		buf_init(&peer->in, REQUEST_MAX);
		serve->peers[fd] = peer;
		event.data.fd = fd;
		must(epoll_ctl(serve->epoll, EPOLL_CTL_ADD, fd, &event) == 0);
		if (serve->hooks.connected != NULL)
			serve->hooks.connected(serve->hooks.arg,
			    &(struct serve_connection){ peer->number,
				peer->ip });
	}
	must(errno != EMFILE);
}

/* --- the server ----------------------------------------------------------- */

struct serve *
serve_new(const struct serve_hooks *hooks)
{
	struct serve *serve = calloc(1, sizeof(*serve));
	struct rlimit files;

	must(serve != NULL && getrlimit(RLIMIT_NOFILE, &files) == 0);
	if (files.rlim_max > 1 << 20)
		files.rlim_max = 1 << 20;
	files.rlim_cur = files.rlim_max;
	must(setrlimit(RLIMIT_NOFILE, &files) == 0);
	serve->fds = (int)files.rlim_cur;
	serve->hooks = *hooks;
	serve->peers = calloc((size_t)serve->fds, sizeof(*serve->peers));
	serve->listeners = calloc((size_t)serve->fds,
	    sizeof(*serve->listeners));
	serve->also = calloc((size_t)serve->fds, sizeof(*serve->also));
	must(serve->peers && serve->listeners && serve->also);
	heap_init(&serve->timers);
	serve->epoll = epoll_create1(EPOLL_CLOEXEC);
	must(serve->epoll >= 0);
	return serve;
}

int
serve_listen(struct serve *serve, const char *address, uint16_t *port)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_port = htons(*port) };
	socklen_t len = sizeof(addr);
	int r,
	    one = 1,
	    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	/* All of 127.0.0.0/8 is any address, of the loopback device alone. */
	if (strcmp(address, "127.0.0.0") == 0)
		setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3);
	else
		must(inet_pton(AF_INET, address, &addr.sin_addr) == 1);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(fd, BACKLOG) < 0 ||
	    getsockname(fd, (struct sockaddr *)&addr, &len) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	*port = ntohs(addr.sin_port);
	serve->listeners[fd] = *port;
	event.data.fd = fd;
	must(epoll_ctl(serve->epoll, EPOLL_CTL_ADD, fd, &event) == 0);
	return 0;
}

int
serve_tls(struct serve *serve, const char *ca)
{
	serve->ca = serve_ca_new(serve, ca);
	return serve->ca != NULL ? 0 : -EIO;
}

void
serve_also(struct serve *serve, int fd, bool (*ready)(void *arg, int fd),
    void *arg)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	must(fd >= 0 && fd < serve->fds);
	serve->also[fd] = (struct serve_also){ ready, arg };
	/* A file is always ready, and epoll takes none. */
	if (epoll_ctl(serve->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		must(errno == EPERM);
}

/* How long nobody waits for a byte that is due; -1: for ever. */
static int
patience_ms(struct serve *serve)
{
	struct heap_node *first = heap_first(&serve->timers);
	int64_t now = serve_now_ms();

	if (first == NULL)
		return -1;
	if (first->due_ms <= now)
		return 0;
	return first->due_ms - now < 60000 ? (int)(first->due_ms - now) : 60000;
}

void
serve_run(struct serve *serve)
{
	struct epoll_event events[TURN];

	while (!serve->stops) {
		int n = epoll_wait(serve->epoll, events, TURN,
		    patience_ms(serve));
		struct heap_node *first;

		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;

			if (serve->peers[fd] != NULL)
				peer_ready(serve->peers[fd], events[i].events);
			else if (serve->listeners[fd] != 0)
				peer_accept(serve, fd);
			else if (serve->also[fd].ready != NULL &&
				 !serve->also[fd].ready(serve->also[fd].arg,
				     fd))
				serve->stops = true;
		}
		while ((first = heap_first(&serve->timers)) != NULL &&
		       first->due_ms <= serve_now_ms()) {
			heap_drop(&serve->timers, first);
			exchange_go((struct serve_exchange *)first);
		}
		free_gone(serve);
	}
}
