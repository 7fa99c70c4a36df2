/*
 * blog - a blog to fetch from: list pages of about 14 KB, made up but shaped
 * like real ones, and a server on loopback that takes its time.
 *
 * Page n is at "/?page=n", page 1 at "/"; each has BLOG_POSTS posts, with
 * their titles in <a class="post-item-title">.
 */
#ifndef CMD_DEMO_BLOG_H
#define CMD_DEMO_BLOG_H

#include <stdint.h>
#include <sys/types.h>

#include "lib/base/buf.h"

enum {
	BLOG_POSTS = 20,
	BLOG_PAGE_MAX = 1 << 16,
};

/* The HTML of page n, the same in every run. */
MUST_USE int blog_page(unsigned n, struct buf *out);

struct blog {
	pid_t pid; /* of its process; 0: none */
	unsigned short port;
};

/* A process that serves it on 127.0.0.1, each answer `wait_ms` after its
 * question.  It dies with its parent.  Call it before there are threads. */
MUST_USE int blog_open(int wait_ms, struct blog *out);
void blog_close(struct blog *blog);

/* A connection; `flags` as of socket(2): with SOCK_NONBLOCK it is not there
 * yet.  The descriptor or a negative errno. */
MUST_USE int blog_connect(const struct blog *blog, int flags);
/* Send the question for `path`; it fits into any socket.  0, -errno. */
MUST_USE int blog_ask(int fd, const char *path);
/* The body of an answer; empty: none. */
struct span blog_body(struct span answer);

/* All of it, waiting.  *answer is as received. */
MUST_USE int blog_fetch(const struct blog *blog, const char *path,
    struct buf *answer);

/* Of ways.h, `blog` in `arg`: fetch page i + 1; the length of its body. */
uint64_t blog_task(const void *arg, unsigned i);

#endif
