/*
 * coro - functions that take turns in one thread: each has a stack, and gives
 * the thread away where it would wait.
 */
#ifndef CMD_DEMO_CORO_H
#define CMD_DEMO_CORO_H

#include "lib/base/attr.h"

enum {
	CORO_MAX = 64
};

struct coro_count {
	unsigned switches;     /* given away to wait */
	unsigned most_waiting; /* at once */
};

/* Run fn(arg, 0) ... fn(arg, n - 1), n at most CORO_MAX, until all have
 * returned.  0, -errno. */
MUST_USE int coro_run(void (*fn)(void *arg, unsigned i), void *arg, unsigned n,
    struct coro_count *count);

/* By one of them: the others run until there is something to read. */
void coro_wait_readable(int fd);

#endif
