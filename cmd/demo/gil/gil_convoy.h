/*
 * gil_convoy - what a lock that is given up every 5 ms does to a thread that
 * has little to do, but often: it waits behind one that computes, each time.
 */
#ifndef CMD_DEMO_GIL_CONVOY_H
#define CMD_DEMO_GIL_CONVOY_H

#include "cmd/demo/gil/gil_run.h"

enum {
	GIL_REQUESTS_MAX = 100,
	GIL_CONVOYS = 3,
};

struct gil_convoy {
	long interval_us;
	size_t n;
	/* From the answer's arrival until its thread had the lock. */
	double ms[GIL_REQUESTS_MAX]; /* in order of size */
	double median_ms;
};

/* Up to `requests` of 1 ms, for `limit_ms`, beside a thread that parses. */
MUST_USE int gil_convoy(const struct gil_pages *pages, long interval_us,
    size_t requests, int limit_ms, struct gil_convoy *out);

#endif
