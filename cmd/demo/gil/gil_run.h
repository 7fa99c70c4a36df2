/*
 * gil_run - the same work in four ways: one after another, by threads that
 * share CPython's lock, by threads without it, by processes and a queue.
 */
#ifndef CMD_DEMO_GIL_RUN_H
#define CMD_DEMO_GIL_RUN_H

#include "cmd/demo/gil/gil_lock.h"
#include "lib/base/arena.h"

enum gil_way {
	GIL_SEQUENCE,
	GIL_LOCKED,
	GIL_FREE,
	GIL_PROCESSES,
	GIL_WAYS
};

/* What a worker was at, and from when on: a lane of the picture. */
enum gil_state {
	GIL_STATE_RUN,
	GIL_STATE_WAIT, /* for the lock; a process: for the queue */
	GIL_STATE_IO,
	GIL_STATE_END
};

enum {
	GIL_WORKERS_MAX = 16,
	GIL_MARKS = 8192,
	GIL_PAGES = 32, /* different ones; taken in turn */
};

struct gil_mark {
	int64_t at_ns;
	enum gil_state state;
};

struct gil_lane {
	uint32_t n;
	struct gil_mark marks[GIL_MARKS];
};

/* Of one run; shared memory, so that processes can write into it, too. */
struct gil_trace {
	int64_t start_ns;
	struct gil_lane lanes[GIL_WORKERS_MAX];
};

struct gil_pages {
	struct span page[GIL_PAGES];
	size_t n;
};

struct gil_job {
	const struct gil_pages *pages;
	unsigned items;   /* pages to parse */
	int wait_ms;      /* before each, as for a server; 0: none */
	unsigned workers; /* 1 ... GIL_WORKERS_MAX */
	long interval_us;
	struct gil_trace *trace; /* written if not NULL */
};

struct gil_result {
	int64_t wall_ns;
	int64_t cpu_ns; /* of all threads and processes */
	uint64_t links; /* found: the same by all ways */
	struct gil_count gil;
	const struct gil_trace *trace; /* the job's */
};

MUST_USE int gil_run(const struct gil_job *job, enum gil_way way,
    struct gil_result *out);

/* By gil_run() and gil_convoy(): one who works. */
struct gil_worker {
	struct gil *gil;       /* NULL: needs none */
	int id;                /* 1 ... */
	struct gil_lane *lane; /* NULL: nobody looks */
	struct arena arena;    /* of the page at hand */
};

void gil_worker_init(struct gil_worker *w, struct gil *gil, int id,
    struct gil_trace *trace);
/* Ends the lane. */
void gil_worker_fini(struct gil_worker *w);
void gil_worker_take(struct gil_worker *w);
void gil_worker_drop(struct gil_worker *w, enum gil_state next);
/* Parse one page, holding the lock if there is one; links in it. */
unsigned gil_worker_parse(struct gil_worker *w, struct span page);
/* Wait, the lock given up meanwhile. */
void gil_worker_wait(struct gil_worker *w, int ms);

#endif
