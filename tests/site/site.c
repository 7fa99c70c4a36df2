#include "tests/site/site.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/buf.h"

#define SITE_PEERS   4096
#define SITE_REQUEST 16384

/* Written by the child, read by the parent. */
struct site_shared {
	atomic_uint connections;
	atomic_uint requests;
	char last_request[SITE_REQUEST];
};

struct site {
	struct site_shared *shared;
	pid_t pid;
	uint16_t port;
};

/* What a page sends, made ready. */
struct site_answer {
	const struct site_page *page;
	struct buf bytes;
	size_t drip_from;
	bool closes;
};

struct site_peer {
	const struct site_answer *answer; /* NULL: waiting for a request */
	size_t sent;
	int64_t due_ms; /* the next byte; 0: as fast as it is taken */
	uint32_t watched;
	size_t request_len;
	char request[SITE_REQUEST];
};

/* Of the child. */
static struct site_answer *answers, nowhere;
static size_t n_answers;
static struct site_peer *peers[SITE_PEERS];
static struct site_shared *shared;
static int site_epoll, site_listener;

static int64_t
site_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
site_add_body(struct buf *out, const struct site_page *page, size_t size)
{
	size_t unit = page->body ? strlen(page->body) : 0;

	for (size_t at = 0; at < size; at += unit) {
		size_t part = size - at < unit ? size - at : unit;

		must(buf_add(out, page->body, part) == 0);
	}
}

static void
site_make(struct site_answer *answer, const struct site_page *page)
{
	size_t unit = page->body ? strlen(page->body) : 0;
	size_t size = unit ? page->size ? page->size : unit : 0;
	struct buf *out = &answer->bytes;

	buf_init(out, 256u << 20);
	answer->page = page;
	answer->closes = page->how == SITE_CLOSE || page->how == SITE_HALF ||
			 page->how == SITE_RAW || page->how == SITE_HANG_UP;
	if (page->how == SITE_HANG_UP || page->how == SITE_SILENT)
		return;
	if (page->how == SITE_RAW) {
		site_add_body(out, page, size);
		return;
	}
	if (page->informs)
		must(buf_printf(out,
			 "HTTP/1.1 100 Continue\r\n\r\n"
			 "HTTP/1.1 103 Early Hints\r\n"
			 "Link: </s.css>; rel=preload\r\n\r\n") == 0);
	must(buf_printf(out, "HTTP/1.1 %d Site\r\n%s",
		 page->status ? page->status : 200,
		 page->headers ? page->headers : "") == 0);
	if (page->how == SITE_CHUNKED)
		must(buf_printf(out, "Transfer-Encoding: chunked\r\n") == 0);
	else if (page->how == SITE_CLOSE)
		must(buf_printf(out, "Connection: close\r\n") == 0);
	else
		must(buf_printf(out, "Content-Length: %zu\r\n",
			 page->how == SITE_LONGER ? size / 2 : size) == 0);
	must(buf_printf(out, "\r\n") == 0);
	answer->drip_from = out->len + page->burst;
	if (page->how == SITE_CHUNKED && size > 0)
		must(buf_printf(out, "%zx\r\n", size) == 0);
	site_add_body(out, page, page->how == SITE_HALF ? size / 2 : size);
	if (page->how == SITE_CHUNKED)
		must(buf_printf(out, "%s0\r\nX-Trailer: late\r\n\r\n",
			 size > 0 ? "\r\n" : "") == 0);
}

static void
site_drop(int fd)
{
	free(peers[fd]);
	peers[fd] = NULL;
	close(fd);
}

static void
site_watch(int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	if (peers[fd]->watched == events)
		return;
	peers[fd]->watched = events;
	must(epoll_ctl(site_epoll, EPOLL_CTL_MOD, fd, &event) == 0);
}

/* Send what may be sent now; the peer may be gone afterwards. */
static void
site_send(int fd)
{
	struct site_peer *peer = peers[fd];
	const struct site_answer *answer = peer->answer;

	while (peer->sent < answer->bytes.len) {
		size_t len = answer->bytes.len - peer->sent;
		ssize_t n;

		if (peer->due_ms > site_now_ms())
			return;
		if (answer->page->drip_ms > 0) {
			if (peer->sent < answer->drip_from)
				len = answer->drip_from - peer->sent;
			else
				len = 1;
		}
		n = send(fd, answer->bytes.ptr + peer->sent, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN) {
			site_watch(fd, EPOLLIN | EPOLLOUT);
			return;
		}
		if (n < 0) {
			site_drop(fd);
			return;
		}
		peer->sent += (size_t)n;
		if (answer->page->drip_ms > 0 &&
		    peer->sent >= answer->drip_from)
			peer->due_ms = site_now_ms() + answer->page->drip_ms;
	}
	if (answer->closes) {
		site_drop(fd);
		return;
	}
	if (answer->page->how == SITE_SILENT) {
		peer->due_ms = INT64_MAX;
		return;
	}
	peer->answer = NULL;
	site_watch(fd, EPOLLIN);
}

static const struct site_answer *
site_find(const char *path, size_t len)
{
	for (size_t i = 0; i < n_answers; i++) {
		const char *mine = answers[i].page->path;

		if (mine == NULL ||
		    (strlen(mine) == len && memcmp(mine, path, len) == 0))
			return &answers[i];
	}
	return &nowhere;
}

/* Answer the request that is complete, if one is. */
static void
site_answer(int fd)
{
	struct site_peer *peer = peers[fd];
	char *end, *path, *space;
	size_t len;

	end = memmem(peer->request, peer->request_len, "\r\n\r\n", 4);
	if (end == NULL) {
		if (peer->request_len == SITE_REQUEST)
			site_drop(fd);
		return;
	}
	len = (size_t)(end - peer->request) + 4;
	memcpy(shared->last_request, peer->request, len);
	shared->last_request[len - 1] = '\0';
	atomic_fetch_add(&shared->requests, 1);

	path = memchr(peer->request, ' ', len);
	path = path ? path + 1 : peer->request;
	space = memchr(path, ' ', (size_t)(end - path));
	peer->answer = site_find(path, space ? (size_t)(space - path) : 0);
	peer->sent = 0;
	peer->due_ms = peer->answer->page->delay_ms
			   ? site_now_ms() + peer->answer->page->delay_ms
			   : 0;
	memmove(peer->request, peer->request + len, peer->request_len - len);
	peer->request_len -= len;
	site_send(fd);
}

static void
site_read(int fd)
{
	struct site_peer *peer = peers[fd];
	ssize_t n = recv(fd, peer->request + peer->request_len,
	    SITE_REQUEST - peer->request_len, 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		site_drop(fd);
		return;
	}
	peer->request_len += (size_t)n;
	if (peer->answer == NULL)
		site_answer(fd);
}

static void
site_accept(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fd, one = 1;

	while ((fd = accept4(site_listener, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		must(fd < SITE_PEERS);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		peers[fd] = calloc(1, sizeof(*peers[fd]));
		must(peers[fd] != NULL);
		peers[fd]->watched = EPOLLIN;
		event.data.fd = fd;
		must(epoll_ctl(site_epoll, EPOLL_CTL_ADD, fd, &event) == 0);
		atomic_fetch_add(&shared->connections, 1);
	}
}

/* How long nobody waits for a byte that is due; -1: for ever. */
static int
site_patience_ms(void)
{
	int64_t first = INT64_MAX, now = site_now_ms();

	for (int fd = 0; fd < SITE_PEERS; fd++) {
		if (peers[fd] != NULL && peers[fd]->answer != NULL &&
		    peers[fd]->due_ms > 0 && peers[fd]->due_ms < first)
			first = peers[fd]->due_ms;
	}
	if (first == INT64_MAX)
		return -1;
	return first > now ? (int)(first - now) : 0;
}

static bool
site_has_slow_pages(void)
{
	for (size_t i = 0; i < n_answers; i++) {
		if (answers[i].page->delay_ms || answers[i].page->drip_ms)
			return true;
	}
	return false;
}

static void __attribute__((noreturn))
site_serve(const struct site_page *pages, size_t n)
{
	static const struct site_page missing = { .status = 404,
		.headers = "Content-Type: text/plain\r\n",
		.body = "not here\n" };
	struct epoll_event event = { .events = EPOLLIN }, events[64];
	bool slow;

	answers = calloc(n ? n : 1, sizeof(*answers));
	must(answers != NULL);
	n_answers = n;
	for (size_t i = 0; i < n; i++)
		site_make(&answers[i], &pages[i]);
	site_make(&nowhere, &missing);
	slow = site_has_slow_pages();

	site_epoll = epoll_create1(EPOLL_CLOEXEC);
	event.data.fd = site_listener;
	must(site_epoll >= 0 &&
	     epoll_ctl(site_epoll, EPOLL_CTL_ADD, site_listener, &event) == 0);
	for (;;) {
		int ready = epoll_wait(site_epoll, events,
		    (int)ARRAY_LEN(events), slow ? site_patience_ms() : -1);

		for (int i = 0; i < ready; i++) {
			int fd = events[i].data.fd;

			if (fd == site_listener)
				site_accept();
			else if (events[i].events & EPOLLOUT)
				site_send(fd);
			else
				site_read(fd);
		}
		for (int fd = 0; slow && fd < SITE_PEERS; fd++) {
			if (peers[fd] != NULL && peers[fd]->answer != NULL &&
			    peers[fd]->due_ms > 0)
				site_send(fd);
		}
	}
}

static int
site_listen(uint16_t *port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	int r,
	    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(fd, 1024) < 0 ||
	    getsockname(fd, (struct sockaddr *)&addr, &len) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	*port = ntohs(addr.sin_port);
	return fd;
}

int
site_start(const struct site_page *pages, size_t n, struct site **out)
{
	struct site *site = calloc(1, sizeof(*site));
	pid_t parent = getpid();

	if (site == NULL)
		return -ENOMEM;
	site_listener = site_listen(&site->port);
	if (site_listener < 0) {
		free(site);
		return site_listener;
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(shared != MAP_FAILED);
	site->shared = shared;
	site->pid = fork();
	must(site->pid >= 0);
	if (site->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		site_serve(pages, n);
	}
	close(site_listener);
	*out = site;
	return 0;
}

void
site_stop(struct site *site)
{
	if (site == NULL)
		return;
	kill(site->pid, SIGKILL);
	while (waitpid(site->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	munmap(site->shared, sizeof(*site->shared));
	free(site);
}

uint16_t
site_port(const struct site *site)
{
	return site->port;
}

unsigned
site_connections(const struct site *site)
{
	return atomic_load(&site->shared->connections);
}

unsigned
site_requests(const struct site *site)
{
	return atomic_load(&site->shared->requests);
}

const char *
site_last_request(const struct site *site)
{
	return site->shared->last_request;
}
