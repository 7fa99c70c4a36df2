/*
 * fetch_rig - a site and a visitor of it, for the tests of fetch.
 */
#ifndef TESTS_LIB_FETCH_RIG_H
#define TESTS_LIB_FETCH_RIG_H

#include <signal.h>
#include <time.h>

#include "lib/fetch/fetch.h"
#include "lib/message/reason.h"
#include "tests/harness.h"
#include "tests/site/site.h"
#include "tests/site/visitor.h"

static struct visitor visitor;
static struct site *site;

static inline void
open_site(const struct site_page *pages, size_t n,
    const struct fetch_options *options)
{
	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(site_start(pages, n, &site), 0);
	ck_assert_int_eq(visitor_init(&visitor, options), 0);
}

static inline void
close_site(void)
{
	visitor_fini(&visitor);
	site_stop(site);
}

/* The URL of a path of the site; valid until the next call. */
static inline const char *
at(const char *path)
{
	static char url[4096];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", site_port(site),
	    path);
	return url;
}

/* Fetch one thing to its end.  The caller ends the visit. */
static inline struct visit
fetch(const char *url)
{
	struct visit visit = { 0 };

	ck_assert_int_eq(visitor_start(&visitor, url, &visit), 0);
	visitor_run(&visitor);
	ck_assert(visit.done);
	return visit;
}

static inline int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

#define ck_assert_span_eq(s, text)                                             \
	ck_assert_msg(span_eq(s, span_from(text)), "got \"%.*s\"", SPAN_ARG(s))

#define ck_assert_reason(visit, r)                                             \
	do {                                                                   \
		ck_assert_str_eq(reason_name((visit).capture.reason),          \
		    reason_name(r));                                           \
		ck_assert_uint_eq((visit).capture.status, 0);                  \
	} while (0)

#define ck_assert_truncated(visit, t)                                          \
	ck_assert_str_eq(truncated_name((visit).capture.truncated),            \
	    truncated_name(t))

#endif
