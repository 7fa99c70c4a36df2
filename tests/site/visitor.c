#include "tests/site/visitor.h"

#include <errno.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

const struct fetch_options visitor_options = {
	.user_agent = "visitor/1",
	.accept_encoding = "gzip",
	.connect_timeout_ms = 10000,
	.first_byte_timeout_ms = 10000,
	.total_timeout_ms = 20000,
	.low_speed_bytes = 0,
	.low_speed_ms = 0,
	.dns_cache_ms = 60000,
	.http = 2,
	.tls_verify = 0,
	.allow_private = true,
	.max_connections = 64,
	.cookie_bytes = 1 << 20,
};

static int64_t
visitor_clock_ms(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t
visitor_unix_ms(const struct visitor *v)
{
	return visitor_clock_ms(CLOCK_REALTIME) + v->skew_ms;
}

static void
visitor_watch(void *arg, int fd, unsigned events)
{
	struct visitor *v = arg;
	struct epoll_event event = { .data.fd = fd };

	if (events & FETCH_IN)
		event.events |= EPOLLIN;
	if (events & FETCH_OUT)
		event.events |= EPOLLOUT;
	if (events == 0)
		epoll_ctl(v->epoll, EPOLL_CTL_DEL, fd, NULL);
	else if (epoll_ctl(v->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		must(errno == EEXIST &&
		     epoll_ctl(v->epoll, EPOLL_CTL_MOD, fd, &event) == 0);
}

static void
visitor_timer(void *arg, int64_t ms)
{
	struct visitor *v = arg;

	v->timers++;
	v->due_ms = ms < 0 ? -1 : visitor_clock_ms(CLOCK_MONOTONIC) + ms;
}

static int
visitor_body(void *arg, void *user, const void *bytes, size_t len)
{
	struct visit *visit = user;

	(void)arg;
	if (visit->discards)
		return 0;
	if (visit->room > 0 && visit->body.len + len > visit->room) {
		visit->refusals++;
		return -ENOSPC;
	}
	return buf_add(&visit->body, bytes, len);
}

static bool
visitor_wants(void *arg, void *user, unsigned status, struct span content_type)
{
	struct visit *visit = user;

	(void)arg, (void)status;
	visit->asked++;
	return visit->unwanted == NULL ||
	       !span_eq(content_type, span_from(visit->unwanted));
}

int
visitor_init(struct visitor *v, const struct fetch_options *options)
{
	const struct fetch_hooks hooks = { visitor_watch, visitor_timer,
		visitor_body, v, visitor_wants };
	struct err err = ERR_NONE;
	int r;

	*v = (struct visitor){ .due_ms = -1 };
	v->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (v->epoll < 0)
		return -errno;
	r = fetch_pool_new(options, &hooks, &v->pool, &err);
	if (r < 0) {
		fprintf(stderr, "%s\n", err.text);
		close(v->epoll);
	}
	return r;
}

void
visitor_fini(struct visitor *v)
{
	fetch_pool_free(v->pool);
	close(v->epoll);
}

int
visitor_start(struct visitor *v, const char *url, struct visit *visit)
{
	struct fetch_request request = { .url = span_from(url),
		.max_body = visit->max_body ? visit->max_body : 1 << 20,
		.user = visit,
		.proxy = visit->proxy,
		.resolve = visit->resolve,
		.headers = visit->headers,
		.auth = visit->auth,
		.cookies = visit->cookies };

	buf_init(&visit->body, 64u << 20);
	buf_init(&visit->text, 1 << 20);
	return fetch_start(v->pool, &request);
}

void
visit_fini(struct visit *visit)
{
	buf_fini(&visit->body);
	buf_fini(&visit->text);
}

/* The capture's spans die with the next call: keep copies. */
static void
visit_keep(struct visit *visit, const struct capture *capture)
{
	struct capture *mine = &visit->capture;
	struct span *spans[] = { &mine->ip, &mine->tls_version,
		&mine->tls_cipher, &mine->content_type, &mine->content_encoding,
		&mine->location, &mine->headers };
	size_t at = 0;

	*mine = *capture;
	for (size_t i = 0; i < ARRAY_LEN(spans); i++)
		must(buf_add_span(&visit->text, *spans[i]) == 0);
	for (size_t i = 0; i < ARRAY_LEN(spans); i++) {
		spans[i]->ptr = visit->text.ptr + at;
		at += spans[i]->len;
	}
}

static void
visitor_collect(struct visitor *v)
{
	struct capture capture;
	bool short_fd;
	void *user;

	while (fetch_finished(v->pool, &user, &capture, &short_fd) == 1) {
		struct visit *visit = user;

		must(!visit->done);
		if (!visit->discards)
			visit_keep(visit, &capture);
		else
			visit->capture.status = capture.status;
		visit->short_fd = short_fd;
		visit->done = true;
		v->done++;
	}
}

void
visitor_step(struct visitor *v, int ms)
{
	struct epoll_event events[64];
	int n, wait = ms;

	if (v->due_ms >= 0) {
		int64_t left = v->due_ms - visitor_clock_ms(CLOCK_MONOTONIC);

		if (left < 0)
			left = 0;
		if (wait < 0 || left < wait)
			wait = (int)left;
	}
	n = epoll_wait(v->epoll, events, (int)ARRAY_LEN(events), wait);
	for (int i = 0; i < n; i++) {
		unsigned flags = 0;

		if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
			flags |= FETCH_IN;
		if (events[i].events & (EPOLLOUT | EPOLLERR))
			flags |= FETCH_OUT;
		fetch_ready(v->pool, events[i].data.fd, flags,
		    visitor_unix_ms(v));
	}
	if (v->due_ms >= 0 && v->due_ms <= visitor_clock_ms(CLOCK_MONOTONIC)) {
		v->due_ms = -1;
		fetch_timeout(v->pool, visitor_unix_ms(v));
	}
	visitor_collect(v);
}

void
visitor_run(struct visitor *v)
{
	while (fetch_inflight(v->pool) > 0)
		visitor_step(v, -1);
}
