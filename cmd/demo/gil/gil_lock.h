/*
 * gil_lock - CPython's global interpreter lock, by the same protocol.
 *
 * One thread runs at a time, whoever holds the lock.  One that wants it waits
 * for an interval (5 ms); when nobody else was given it meanwhile, it asks the
 * holder to drop it.  The holder looks at that wish at safe points, between
 * two instructions of the interpreter, gives the lock away and waits until
 * another has it.  Round input and output it is given up unasked.
 *
 * After take_gil() and drop_gil() of CPython 3.11, Python/ceval_gil.h.
 */
#ifndef CMD_DEMO_GIL_LOCK_H
#define CMD_DEMO_GIL_LOCK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"

enum {
	GIL_INTERVAL_US = 5000, /* sys.getswitchinterval() */
};

struct gil_count {
	uint64_t switches;  /* another thread had it before */
	uint64_t forced;    /* dropped because another asked */
	uint64_t voluntary; /* dropped for input or output, or at the end */
	int64_t held_ns;    /* of all holds together */
	int64_t longest_ns; /* wait for it */
	int64_t waited_ns;  /* of all threads together */
	uint64_t together;  /* times that two held it at once: 0 */
};

struct gil {
	pthread_mutex_t mutex;
	pthread_cond_t cond; /* it is free */
	bool locked;
	atomic_int last_holder; /* 0: nobody yet */
	uint64_t switch_number;
	long interval_us;
	atomic_bool drop_request; /* also the interpreter's "eval breaker" */

	/* FORCE_SWITCHING */
	pthread_mutex_t switch_mutex;
	pthread_cond_t switch_cond; /* the holder is another */

	int64_t taken_ns;
	int inside;
	struct gil_count count;
};

MUST_USE int gil_init(struct gil *gil, long interval_us);
void gil_fini(struct gil *gil);

/* `thread` is above 0, another for each. */
void gil_take(struct gil *gil, int thread);
void gil_drop(struct gil *gil, int thread);

/* Does somebody ask for it?  For safe points: one load. */
static inline bool
gil_asked(struct gil *gil)
{
	return atomic_load_explicit(&gil->drop_request, memory_order_relaxed);
}

#endif
