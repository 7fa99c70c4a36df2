/*
 * gil_cost - what processes cost, beside threads.
 */
#ifndef CMD_DEMO_GIL_COST_H
#define CMD_DEMO_GIL_COST_H

#include "cmd/demo/gil/gil_run.h"

/* Medians. */
struct gil_cost {
	double thread_us;   /* to start one and join it */
	double fork_us;     /* to fork, and wait for the child's end */
	double process_us;  /* to start and join one of libmpipc's */
	double process_kib; /* memory that a worker has for itself alone */
	double small_us;    /* 64 bytes to another process and back, halved */
	double page_us;     /* a page, likewise */
};

MUST_USE int gil_cost(const struct gil_pages *pages, struct gil_cost *out);

#endif
