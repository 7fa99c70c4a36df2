#include "cmd/demo/blog.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/demo/demo.h"

static const char *const words[] = { "threads", "processes", "a queue",
	"the lock", "memory", "waiting", "a page", "the kernel", "the parser",
	"two cores", "a server", "the crawl", "an answer", "the interpreter" };

static const char *
word(unsigned n)
{
	/* Any mixing will do: the text has to look written, not be random. */
	return words[(n * 2654435761u >> 16) % ARRAY_LEN(words)];
}

static int
add_post(unsigned n, struct buf *out)
{
	return buf_printf(out,
	    "<article class=\"post-item\" data-post-id=\"%u\">\n"
	    "<section class=\"post-item-body\"><div class=\"post-item-text\">\n"
	    "<a class=\"post-item-title\" href=\"/post/%u.html\" "
	    "target=\"_blank\">On %s and %s, part %u</a>\n"
	    "<p class=\"post-item-summary\"><a href=\"/author/%u/\">"
	    "<img src=\"/avatar/%u.png\" class=\"avatar\" alt=\"\"></a>\n"
	    "What %s has to do with %s &amp; why <em>%s</em> comes first: "
	    "a note on %s, with figures, and on %s.</p></div>\n"
	    "<footer class=\"post-item-foot\"><a class=\"post-item-author\" "
	    "href=\"/author/%u/\"><span>writer %u</span></a>\n"
	    "<span class=\"post-meta-item\">2026-11-%02u</span> <a "
	    "href=\"/post/%u.html#comments\"><svg width=\"16\"><use "
	    "href=\"#icon_comment\"></use></svg>%u</a></footer>\n"
	    "</section></article>\n",
	    n, n, word(n), word(n + 7), n % 9 + 1, n % 40, n % 40, word(n + 1),
	    word(n + 2), word(n + 3), word(n + 4), word(n + 5), n % 40, n % 40,
	    n % 28 + 1, n, n % 17);
}

int
blog_page(unsigned n, struct buf *out)
{
	int r = buf_printf(out,
	    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	    "<title>The blog - page %u</title>\n<link rel=\"stylesheet\" "
	    "href=\"/style.css\"></head>\n<body><nav><ul>"
	    "<li><a href=\"/\">Home</a></li><li><a href=\"/about\">About</a>"
	    "</li></ul></nav>\n<main id=\"post_list\">\n",
	    n);

	for (unsigned i = 0; r == 0 && i < BLOG_POSTS; i++)
		r = add_post(n * BLOG_POSTS + i, out);
	if (r == 0)
		r = buf_printf(out,
		    "</main><table class=\"archive\"><tbody>\n");
	for (unsigned i = 1; r == 0 && i <= 12; i++)
		r = buf_printf(out,
		    "<tr><td><a href=\"/archive/2026/%02u\">Month %u</a></td>"
		    "<td>%u posts</td></tr>\n",
		    i, i, 10 + n % 7 + i);
	if (r == 0)
		r = buf_printf(out,
		    "</tbody></table>\n<div class=\"pager\"><a "
		    "href=\"/?page=%u\">next</a></div></body></html>\n",
		    n + 1);
	return r;
}

static int blog_wait_ms; /* of the server's process */

static void
answer(int fd, const char *question)
{
	struct buf page, head;
	unsigned n = 1;

	buf_init(&page, BLOG_PAGE_MAX);
	buf_init(&head, BLOG_PAGE_MAX);
	sscanf(question, "GET /?page=%5u", &n);
	must(blog_page(n, &page) == 0 &&
	     buf_printf(&head,
		 "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
		 "Content-Length: %zu\r\nConnection: close\r\n\r\n",
		 page.len) == 0 &&
	     buf_add_span(&head, buf_span(&page)) == 0);
	demo_wait_ms(blog_wait_ms);
	for (size_t at = 0; at < head.len;) {
		ssize_t sent = send(fd, head.ptr + at, head.len - at,
		    MSG_NOSIGNAL);

		if (sent <= 0)
			break; /* it does not want it any more */
		at += (size_t)sent;
	}
	buf_fini(&page);
	buf_fini(&head);
}

static void *
serve_one(void *arg)
{
	const int fd = (int)(intptr_t)arg;
	char question[1024];
	size_t len = 0;
	ssize_t got;

	do {
		got = read(fd, question + len, sizeof(question) - 1 - len);
		len += got > 0 ? (size_t)got : 0;
		question[len] = '\0';
	} while (got > 0 && strstr(question, "\r\n\r\n") == NULL);
	if (got > 0)
		answer(fd, question);
	close(fd);
	return NULL;
}

static _Noreturn void
serve(int listener)
{
	for (;;) {
		pthread_t thread;
		const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			continue;
		if (pthread_create(&thread, NULL, serve_one,
			(void *)(intptr_t)fd) != 0)
			close(fd);
		else
			pthread_detach(thread);
	}
}

int
blog_open(int wait_ms, struct blog *out)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const pid_t parent = getpid();
	pid_t pid = -1;

	if (listener >= 0 &&
	    bind(listener, (struct sockaddr *)&at, sizeof(at)) == 0 &&
	    listen(listener, 64) == 0 &&
	    getsockname(listener, (struct sockaddr *)&at, &len) == 0)
		pid = fork();
	if (pid < 0) {
		const int r = -errno;

		close(listener);
		return r;
	}
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(0);
		blog_wait_ms = wait_ms;
		serve(listener);
	}
	close(listener);
	*out = (struct blog){ .pid = pid, .port = ntohs(at.sin_port) };
	return 0;
}

void
blog_close(struct blog *blog)
{
	if (blog->pid == 0)
		return;
	kill(blog->pid, SIGKILL);
	while (waitpid(blog->pid, NULL, 0) < 0 && errno == EINTR)
		;
	blog->pid = 0;
}

int
blog_connect(const struct blog *blog, int flags)
{
	const struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_port = htons(blog->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 &&
	    errno != EINPROGRESS)
		r = -errno;
	if (r < 0)
		close(fd);
	return r < 0 ? r : fd;
}

int
blog_ask(int fd, const char *path)
{
	char question[256];
	const int len = snprintf(question, sizeof(question),
	    "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", path);

	if (len < 0 || (size_t)len >= sizeof(question))
		return -EMSGSIZE;
	return send(fd, question, (size_t)len, MSG_NOSIGNAL) == len ? 0 : -EIO;
}

struct span
blog_body(struct span received)
{
	const char *end = received.len == 0 ? NULL
					    : memmem(received.ptr, received.len,
						  "\r\n\r\n", 4);

	if (end == NULL)
		return SPAN_NONE;
	return span_from_at(received, (size_t)(end + 4 - received.ptr));
}

int
blog_fetch(const struct blog *blog, const char *path, struct buf *received)
{
	const int fd = blog_connect(blog, 0);
	ssize_t got = 1;
	int r;

	if (fd < 0)
		return fd;
	buf_clear(received);
	r = blog_ask(fd, path);
	while (r == 0 && got > 0) {
		char *room = buf_room(received, 4096);

		if (room == NULL) {
			r = -EMSGSIZE;
			break;
		}
		got = read(fd, room, 4096);
		if (got < 0)
			r = -errno;
		else
			received->len += (size_t)got;
	}
	close(fd);
	return r;
}

uint64_t
blog_task(const void *blog, unsigned i)
{
	struct buf received;
	char path[32];
	uint64_t len = 0;

	buf_init(&received, 2 * BLOG_PAGE_MAX);
	snprintf(path, sizeof(path), "/?page=%u", i + 1);
	if (blog_fetch(blog, path, &received) == 0)
		len = blog_body(buf_span(&received)).len;
	buf_fini(&received);
	return len;
}
