/*
 * politeness - one host's clock: when may the next request leave.
 *
 * The clock runs from the end of a fetch.  What a site asks for (Crawl-delay,
 * Retry-After) only ever makes it later.  Pure: time is passed in.
 */
#ifndef LIB_FRONTIER_POLITENESS_H
#define LIB_FRONTIER_POLITENESS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/config/config.h"
#include "lib/message/capture.h"

enum {
	/* A longer Retry-After counts as this: every wait is bounded. */
	POLITE_LONGEST_MS = 24 * 60 * 60 * 1000,
	POLITE_FAILS_LEAST = 6, /* before a host is given up */
};

struct polite {
	int64_t next_ms;    /* fetch end + delay */
	int64_t blocked_ms; /* Retry-After, back-off, trouble */
	int64_t ended_ms;   /* of the last fetch, in this run */
	/* Answers to requests that left before this are old news: of 32
	 * requests that fail together only the first counts. */
	int64_t counted_ms;
	int64_t first_fail_ms;  /* of the failures in a row */
	uint16_t fails;         /* in a row, to reach the host at all */
	uint8_t backoffs;       /* 429 and 503 in a row */
	bool down;              /* given up */
	int64_t crawl_delay_ms; /* of robots.txt; -1: none */
};

void polite_init(struct polite *polite);

/* The effective delay: host_delay, or more when robots.txt wants more. */
int64_t polite_delay_ms(const struct polite *polite,
    const struct config_host *config);

/* When the next request may leave. */
int64_t polite_ready_ms(const struct polite *polite);

/* A request leaves. */
void polite_started(struct polite *polite, const struct config_host *config,
    int64_t now_ms);

/* A request that left at `ordered_ms` has ended; `capture` NULL: nobody
 * knows how. */
void polite_ended(struct polite *polite, const struct config_host *config,
    int64_t ordered_ms, const struct capture *capture, int64_t now_ms);

/* robots.txt has a Crawl-delay, or has none (-1): it counts from the last
 * fetch, which is that of robots.txt itself. */
void polite_crawl_delay(struct polite *polite, const struct config_host *config,
    int64_t crawl_delay_ms);

/* Read from a store that was opened at `opened_ms`: requests that left before
 * may not all be in it. */
void polite_restarted(struct polite *polite, const struct config_host *config,
    int64_t opened_ms, int64_t now_ms);

/* A person asks for the host again. */
void polite_forgive(struct polite *polite);

#endif
