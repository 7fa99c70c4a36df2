#include "tests/site/proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/attr.h"

#define HEAD 8192

/* Written by the child, read by the parent. */
struct proxy_shared {
	atomic_uint requests;
	char last[HEAD];
};

struct proxy {
	struct proxy_shared *shared;
	pid_t pid;
	uint16_t port;
};

/* Of the child. */
static struct proxy_shared *shared;
static enum proxy_how how;

static void
note(const char *text, size_t len)
{
	if (len > HEAD - 1)
		len = HEAD - 1;
	memcpy(shared->last, text, len);
	shared->last[len] = '\0';
	atomic_fetch_add(&shared->requests, 1);
}

static bool
put(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len > 0) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

static bool
get(int fd, void *bytes, size_t len)
{
	return recv(fd, bytes, len, MSG_WAITALL) == (ssize_t)len;
}

/* Whatever its name, it is here. */
static int
dial(uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void
relay(int a, int b)
{
	struct pollfd fds[2] = { { a, POLLIN, 0 }, { b, POLLIN, 0 } };
	char bytes[16384];

	while (poll(fds, 2, -1) > 0) {
		for (int i = 0; i < 2; i++) {
			ssize_t n;

			if (fds[i].revents == 0)
				continue;
			n = recv(fds[i].fd, bytes, sizeof(bytes), 0);
			if (n <= 0 || !put(fds[!i].fd, bytes, (size_t)n))
				return;
		}
	}
}

static void
say(int fd, int status, const char *more)
{
	char text[256];
	int n = snprintf(text, sizeof(text),
	    "HTTP/1.1 %d Proxy\r\n%sContent-Length: 0\r\n\r\n", status, more);

	(void)put(fd, text, (size_t)n);
}

/* "name:port" at `at`; the port, 80 without one. */
static uint16_t
port_of(const char *at, const char *end)
{
	const char *colon = memchr(at, ':', (size_t)(end - at));

	return colon ? (uint16_t)atoi(colon + 1) : 80;
}

/* One request of a connection; the site is asked with "Connection: close". */
static bool
serve_http(int fd, char *head, size_t len)
{
	char *url = strchr(head, ' ') + 1, *end = strchr(url, ' '), *path;
	bool tunnel = strncmp(head, "CONNECT ", 8) == 0;
	uint16_t port;
	int site;

	note(head, len);
	if (how == PROXY_REFUSES ||
	    (how == PROXY_ASKS_WHO &&
		strcasestr(head, "Proxy-Authorization:") == NULL)) {
		say(fd, how == PROXY_REFUSES ? 403 : 407,
		    "Proxy-Authenticate: Basic realm=x\r\n");
		return true;
	}
	if (!tunnel)
		url += 7; /* http:// */
	path = tunnel ? end : memchr(url, '/', (size_t)(end - url));
	port = port_of(url, path);
	site = dial(port);
	if (site < 0) {
		say(fd, 502, "");
		return true;
	}
	if (tunnel) {
		say(fd, 200, "X-Proxy: tunnel\r\n");
	} else {
		/* The origin form, and no more requests behind it. */
		(void)put(site, "GET ", 4);
		(void)put(site, path, len - (size_t)(path - head) - 2);
		(void)put(site, "Connection: close\r\n\r\n", 21);
	}
	relay(fd, site);
	close(site);
	return false;
}

static bool
serve_socks(int fd)
{
	unsigned char b[600], name[256] = "", user[256] = "", pass[256] = "";
	static const unsigned char none[] = { 5, 0 }, ask[] = { 5, 2 },
				   nothing[] = { 5, 0xff }, fine[] = { 1, 0 };
	unsigned char answer[10] = { 5, 0, 0, 1, 127, 0, 0, 1, 0, 0 };
	char text[HEAD];
	uint16_t port;
	int site, n;

	if (!get(fd, b, 2) || !get(fd, b + 2, b[1]))
		return false;
	if (how == PROXY_ASKS_WHO && memchr(b + 2, 2, b[1]) == NULL) {
		(void)put(fd, nothing, 2);
		return false;
	}
	if (how == PROXY_ASKS_WHO) {
		if (!put(fd, ask, 2) || !get(fd, b, 2) ||
		    !get(fd, user, b[1]) || !get(fd, b, 1) ||
		    !get(fd, pass, b[0]) || !put(fd, fine, 2))
			return false;
	} else if (!put(fd, none, 2)) {
		return false;
	}
	if (!get(fd, b, 4))
		return false;
	if (b[3] == 3) {
		if (!get(fd, b, 1) || !get(fd, name, b[0]))
			return false;
	} else if (b[3] == 1) {
		if (!get(fd, b, 4))
			return false;
		inet_ntop(AF_INET, b, (char *)name, sizeof(name));
	} else {
		return false;
	}
	if (!get(fd, b, 2))
		return false;
	port = (uint16_t)(b[0] << 8 | b[1]);
	n = snprintf(text, sizeof(text), "SOCKS5 %s %u %s %s", name, port, user,
	    pass);
	note(text, (size_t)n);
	site = how == PROXY_REFUSES ? -1 : dial(port);
	if (site < 0)
		answer[1] = how == PROXY_REFUSES ? 2 : 5;
	if (put(fd, answer, sizeof(answer)) && site >= 0)
		relay(fd, site);
	if (site >= 0)
		close(site);
	return false;
}

static void *
serve(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char head[HEAD];
	size_t len = 0;
	bool again = true;

	if (recv(fd, head, 1, MSG_PEEK) == 1 && head[0] == 5)
		again = serve_socks(fd);
	while (again && len < HEAD - 1 && recv(fd, head + len, 1, 0) == 1) {
		head[++len] = '\0';
		if (len > 4 && memcmp(head + len - 4, "\r\n\r\n", 4) == 0) {
			again = serve_http(fd, head, len);
			len = 0;
		}
	}
	close(fd);
	return NULL;
}

static void __attribute__((noreturn)) proxy_run(int listener)
{
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		pthread_t thread;

		if (fd < 0)
			continue;
		must(pthread_create(&thread, NULL, serve,
			 (void *)(intptr_t)fd) == 0);
		pthread_detach(thread);
	}
}

int
proxy_start(enum proxy_how what, struct proxy **out)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	struct proxy *proxy = calloc(1, sizeof(*proxy));
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t parent = getpid();

	must(proxy != NULL && fd >= 0);
	must(bind(fd, (struct sockaddr *)&addr, len) == 0 &&
	     listen(fd, 128) == 0 &&
	     getsockname(fd, (struct sockaddr *)&addr, &len) == 0);
	proxy->port = ntohs(addr.sin_port);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(shared != MAP_FAILED);
	proxy->shared = shared;
	how = what;
	proxy->pid = fork();
	must(proxy->pid >= 0);
	if (proxy->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		proxy_run(fd);
	}
	close(fd);
	*out = proxy;
	return 0;
}

void
proxy_stop(struct proxy *proxy)
{
	if (proxy == NULL)
		return;
	kill(proxy->pid, SIGKILL);
	while (waitpid(proxy->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	munmap(proxy->shared, sizeof(*proxy->shared));
	free(proxy);
}

uint16_t
proxy_port(const struct proxy *proxy)
{
	return proxy->port;
}

unsigned
proxy_requests(const struct proxy *proxy)
{
	return atomic_load(&proxy->shared->requests);
}

const char *
proxy_last(const struct proxy *proxy)
{
	return proxy->shared->last;
}
