/*
 * ways - the same tasks one after another, by threads, by processes.
 */
#ifndef CMD_DEMO_WAYS_H
#define CMD_DEMO_WAYS_H

#include <stdint.h>

#include "lib/base/attr.h"

enum {
	WAYS_THREADS_MAX = 64
};

struct ways_job {
	uint64_t (*task)(const void *arg, unsigned i);
	const void *arg;
	unsigned items;
};

struct ways_done {
	uint64_t sum; /* of what the tasks returned */
	double ms;
};

MUST_USE int ways_sequence(const struct ways_job *job, struct ways_done *out);
/* Each takes the next task until there is none. */
MUST_USE int ways_threads(const struct ways_job *job, unsigned threads,
    struct ways_done *out);
/* The same; the processes are there, as those of a pool, before the clock
 * starts. */
MUST_USE int ways_processes(const struct ways_job *job, unsigned processes,
    struct ways_done *out);

/* A task: some ms of work that nothing can shorten. */
uint64_t ways_sum(const void *arg, unsigned i);

#endif
