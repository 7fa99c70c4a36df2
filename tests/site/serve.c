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

static const struct site_page missing = { .status = 404,
	.headers = "Content-Type: text/plain\r\n",
	.body = "not here\n" };

int64_t
serve_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* --- tables --------------------------------------------------------------- */

struct serve_table {
	const struct site_page *pages;
	size_t n;
	struct site_answer *ready; /* made when it is first asked for */
	bool *has_ready;
	/* Rows: the exact ones by path, then the prefixes, long ones first. */
	size_t *order;
	size_t n_exact, n_ordered;
	const struct site_page *any;
};

static bool
is_prefix(const char *path)
{
	size_t len = strlen(path);

	return len > 0 && path[len - 1] == '*';
}

static int
row_compare(const void *a, const void *b, void *arg)
{
	const struct site_page *pages = arg;
	size_t i = *(const size_t *)a, k = *(const size_t *)b;
	const char *p = pages[i].path, *q = pages[k].path;
	int r;

	if (is_prefix(p) != is_prefix(q))
		return is_prefix(p) ? 1 : -1;
	if (is_prefix(p) && strlen(p) != strlen(q))
		return strlen(p) > strlen(q) ? -1 : 1;
	r = strcmp(p, q);
	return r ? r : i < k ? -1 : i > k;
}

struct serve_table *
serve_table(const struct site_page *pages, size_t n)
{
	struct serve_table *table = calloc(1, sizeof(*table));

	must(table != NULL);
	table->pages = pages;
	table->n = n;
	table->ready = calloc(n + 1, sizeof(*table->ready));
	table->has_ready = calloc(n + 1, sizeof(*table->has_ready));
	table->order = calloc(n + 1, sizeof(*table->order));
	must(table->ready && table->has_ready && table->order);
	for (size_t i = 0; i < n; i++) {
		if (pages[i].path == NULL) {
			table->any = &pages[i];
			continue;
		}
		table->order[table->n_ordered++] = i;
		table->n_exact += !is_prefix(pages[i].path);
	}
	qsort_r(table->order, table->n_ordered, sizeof(*table->order),
	    row_compare, (void *)pages);
	return table;
}

static const char *
ordered_path(const struct serve_table *table, size_t at)
{
	return table->pages[table->order[at]].path;
}

static int
span_compare(struct span a, struct span b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int r = len ? memcmp(a.ptr, b.ptr, len) : 0;

	return r ? r : a.len < b.len ? -1 : a.len > b.len;
}

/* Where in the order the first row of this path is; n_ordered: nowhere. */
static size_t
find_rows(const struct serve_table *table, struct span path)
{
	size_t low = 0, high = table->n_exact;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (span_compare(span_from(ordered_path(table, mid)), path) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < table->n_exact &&
	    span_eq(span_from(ordered_path(table, low)), path))
		return low;
	for (size_t i = table->n_exact; i < table->n_ordered; i++) {
		const char *prefix = ordered_path(table, i);

		if (span_starts(path, span_of(prefix, strlen(prefix) - 1)))
			return i;
	}
	return table->n_ordered;
}

/* The row whose turn it is; *n: how often its path was asked for. */
static const struct site_page *
find_page(struct serve_host *host, struct span path, unsigned *n)
{
	struct serve_table *table = host->table;
	size_t at = find_rows(table, path), turn = 0;
	const char *name;

	if (host->asked == NULL)
		host->asked = calloc(table->n + 1, sizeof(*host->asked));
	must(host->asked != NULL);
	if (at == table->n_ordered) {
		*n = ++host->asked[table->n];
		return table->any;
	}
	*n = ++host->asked[table->order[at]];
	name = ordered_path(table, at);
	while (turn + 1 < *n && at + 1 < table->n_ordered &&
	       strcmp(ordered_path(table, at + 1), name) == 0) {
		at++;
		turn++;
	}
	return &table->pages[table->order[at]];
}

/* --- hosts ---------------------------------------------------------------- */

/* Where it is, or where it belongs. */
static size_t
host_place(const struct serve *serve, struct span name)
{
	size_t low = 0, high = serve->n_hosts;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (span_compare(span_from(serve->hosts[mid]->name), name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct serve_host *
serve_find(struct serve *serve, struct span name)
{
	size_t at = host_place(serve, name);

	if (at < serve->n_hosts &&
	    span_eq(span_from(serve->hosts[at]->name), name))
		return serve->hosts[at];
	return serve->any_host;
}

void
serve_host(struct serve *serve, const char *name, struct serve_table *table,
    enum site_tls tls)
{
	bool any = strcmp(name, "*") == 0;
	size_t at = host_place(serve, span_from(name));
	struct serve_host *host = serve->any_host;

	if (!any)
		host = at < serve->n_hosts &&
			       strcmp(serve->hosts[at]->name, name) == 0
			   ? serve->hosts[at]
			   : NULL;
	if (host == NULL) {
		host = calloc(1, sizeof(*host));
		must(host != NULL);
		host->name = strdup(name);
		must(host->name != NULL);
		if (any) {
			serve->any_host = host;
		} else {
			if (serve->n_hosts == serve->hosts_room) {
				serve->hosts_room = serve->hosts_room
							? serve->hosts_room * 2
							: 64;
				serve->hosts = reallocarray(serve->hosts,
				    serve->hosts_room, sizeof(*serve->hosts));
				must(serve->hosts != NULL);
			}
			memmove(&serve->hosts[at + 1], &serve->hosts[at],
			    (serve->n_hosts - at) * sizeof(*serve->hosts));
			serve->hosts[at] = host;
			serve->n_hosts++;
		}
	}
	host->table = table;
	host->tls = tls;
	free(host->asked);
	host->asked = NULL;
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

/* Send what may be sent now; the peer may be gone afterwards. */
static void
http1_go(struct serve_exchange *exchange)
{
	struct serve_peer *peer = exchange->peer;
	const struct site_answer *answer = exchange->answer;

	while (exchange->sent < exchange->end) {
		size_t len = serve_allowance(exchange);
		ssize_t n;

		if (len == 0)
			return;
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

static void
exchange_go(struct serve_exchange *exchange)
{
	if (exchange->peer->speaks == SERVE_HTTP2)
		serve_h2_go(exchange->peer->h2, exchange);
	else
		http1_go(exchange);
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
		page = find_page(found, heard->target, &ask.n);
	if (page == NULL)
		page = &missing;
	exchange->peer = peer;
	exchange->page = page;
	exchange->number = ++serve->requests;
	exchange->stream = heard->stream;
	if (!ask.h2 && found != NULL && page != &missing &&
	    site_answer_is_fixed(page)) {
		struct serve_table *table = found->table;
		size_t i = (size_t)(page - table->pages);

		if (!table->has_ready[i])
			site_answer_make(&table->ready[i], page, &ask);
		table->has_ready[i] = true;
		exchange->answer = &table->ready[i];
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

/* Begin the answer to the request that is complete, if one is. */
static bool
http1_request(struct serve_peer *peer)
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
	http1_go(exchange);
	return peer->fd >= 0 && peer->exchanges == NULL;
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
			while (peer->exchanges == NULL && http1_request(peer))
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
			http1_go(peer->exchanges);
		while (peer->fd >= 0 && peer->speaks == SERVE_HTTP1 &&
		       peer->exchanges == NULL && http1_request(peer))
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
