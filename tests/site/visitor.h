/*
 * visitor - drives a fetch pool by an epoll loop of its own, for tests and
 * benchmarks.
 */
#ifndef TESTS_SITE_VISITOR_H
#define TESTS_SITE_VISITOR_H

#include "lib/base/buf.h"
#include "lib/fetch/fetch.h"

struct visit {
	uint64_t max_body; /* 0: 1 MB */
	size_t room;       /* the body hook says no beyond it; 0: never */
	bool discards;     /* the body is counted, not kept */
	/* Of the request (fetch.h). */
	const char *proxy, *resolve, *headers, *auth;
	bool cookies;
	const char *unwanted; /* Content-Type of an answer that is refused */
	unsigned asked;       /* whether it is wanted */

	bool done;
	bool short_fd;
	unsigned refusals;      /* of the body hook */
	struct capture capture; /* spans into `text` */
	struct buf body;
	struct buf text;
};

struct visitor {
	struct fetch_pool *pool;
	int epoll;
	int64_t due_ms;  /* on the monotonic clock; -1: no timer */
	int64_t skew_ms; /* added to the unix time that the pool is told */
	size_t done;
	unsigned timers; /* calls of the timer hook */
};

/* Limits that no healthy loopback meets; private addresses allowed. */
extern const struct fetch_options visitor_options;

int visitor_init(struct visitor *v, const struct fetch_options *options);
void visitor_fini(struct visitor *v);

/* *visit is the caller's until it is done. */
int visitor_start(struct visitor *v, const char *url, struct visit *visit);
void visit_fini(struct visit *visit);

/* Wait for something to happen, `ms` at most (-1: for ever), deal with it. */
void visitor_step(struct visitor *v, int ms);

/* Step until nothing is in flight. */
void visitor_run(struct visitor *v);

#endif
