/*
 * gil_processes - the fourth way: each worker is a process, the pages come to
 * it through a queue, and what it found goes back through another.
 */
#ifndef CMD_DEMO_GIL_PROCESSES_H
#define CMD_DEMO_GIL_PROCESSES_H

#include "cmd/demo/gil/gil_run.h"

/* *start_ns: when all were there, as those of a pool are, and got the first
 * page.  What it takes to get there is told by gil_cost(). */
MUST_USE int gil_run_processes(const struct gil_job *job, uint64_t *links,
    int64_t *start_ns);

#endif
