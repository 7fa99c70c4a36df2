/*
 * politeness - the clock: when may the next request leave.
 *
 * A host name has one pace, whatever scheme and port a request goes to; what
 * is true of one origin alone (it cannot be reached, its robots.txt asks for
 * a delay) is in struct polite.
 *
 * The clock runs from the end of a fetch.  The effective delay is the longest
 * of what we set (host_delay), what robots.txt asks for (Crawl-delay) and
 * delay_factor times as long as the last answer took; jitter comes on top.
 * Pauses (Retry-After, back-off, trouble) are moments, and the later of
 * the two counts.  What a site asks for only ever makes it later.  Pure: time
 * is passed in.
 *
 * The answer that counts is the last one alone, as in Heritrix: a host
 * that becomes slow is spared with its next request, and one that was slow
 * once is forgiven with it; a mean would be late for both.  Its time is all
 * of it but the look-up of the name: a large body keeps a server busy too.
 *
 * A host_delay of 0 says that the host is ours, or does not mind: no delay_factor,
 * no jitter.  Crawl-delay, Retry-After and back-off stay.
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

/* What decides; numbers are stored. */
enum polite_term {
	POLITE_NOTHING,
	POLITE_HOST_DELAY,  /* the setting */
	POLITE_CRAWL_DELAY, /* of robots.txt */
	POLITE_LATENCY,     /* delay_factor */
	POLITE_RETRY_AFTER,
	POLITE_BACKOFF, /* 429 or 503 without a Retry-After */
	POLITE_TROUBLE, /* it could not be reached */
	POLITE_DNS,     /* its name was not found */
	POLITE_RESTART, /* one delay after the start */
	POLITE_IP,      /* its address waits for other hosts of it */
	POLITE_TERMS
};
/* "crawl_delay", "retry_after" … */
const char *polite_term_name(unsigned term);

/* Of a host name: all its origins go by it. */
struct pace {
	int64_t next_ms;    /* fetch end + delay + jitter */
	int64_t blocked_ms; /* Retry-After, back-off */
	int64_t ended_ms;   /* of the last fetch, in this run */
	/* Answers to requests that left before this are old news: of 32
	 * requests that fail together only the first counts. */
	int64_t counted_ms;
	uint8_t backoffs;    /* 429 and 503 in a row */
	uint8_t blocked_by;  /* enum polite_term: why .blocked_ms */
	bool restarted;      /* no fetch has ended since */
	int32_t response_ms; /* of the last answer; -1: it has given none */
	uint32_t draws;      /* of jitter */
	uint64_t seed;       /* of jitter: of two hosts not the same */
};

/* Of an origin. */
struct polite {
	struct pace *pace;      /* of its host name */
	int64_t trouble_ms;     /* it could not be reached: not before this */
	int64_t first_fail_ms;  /* of the failures in a row */
	int64_t counted_ms;     /* as of the pace */
	int64_t crawl_delay_ms; /* of robots.txt; -1: none */
	uint16_t fails;         /* in a row, to reach it at all */
	uint8_t trouble_by;     /* enum polite_term: why .trouble_ms */
	bool down;              /* given up */
};

/* The same seed draws the same jitter. */
void pace_init(struct pace *pace, uint64_t seed);
void polite_init(struct polite *polite, struct pace *pace);

/* The effective delay, without jitter. */
int64_t polite_delay_ms(const struct polite *polite,
    const struct config_host *config);

/* When the next request may leave: to any origin of the name, to this one. */
int64_t pace_ready_ms(const struct pace *pace);
int64_t polite_ready_ms(const struct polite *polite);

/* What is waited for until then, and the effective delay with what it is of. */
struct polite_why {
	uint8_t term;       /* enum polite_term, of .ready_ms */
	uint8_t delay_term; /* of .delay_ms */
	int64_t ready_ms;
	int64_t delay_ms;
};
struct polite_why polite_explain(const struct polite *polite,
    const struct config_host *config);

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
