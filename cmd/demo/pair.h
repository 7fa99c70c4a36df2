/*
 * pair - two processes at once, in memory that they share.
 */
#ifndef CMD_DEMO_PAIR_H
#define CMD_DEMO_PAIR_H

#include <stdatomic.h>

#include "cmd/demo/demo.h"
#include "ipc/mp/process.h"

/* `size` bytes of zeros that children of a fork share.  NULL: no memory. */
void *pair_memory(size_t size);
void pair_memory_free(void *memory, size_t size);

/* Both got here: how a race is made to happen each time, and not one time in a
 * million.  Waits for the other, but so long at most: one that is kept out by a
 * lock cannot come. */
struct pair_meeting {
	atomic_uint came;
};
void pair_meet(struct pair_meeting *meeting, int patience_ms);

/* Run both with `arg`, each in a process; codes[] are how they ended.
 * `second` may be NULL. */
MUST_USE int pair_run(struct mp_context *ctx, mp_target *first,
    mp_target *second, void *arg, int codes[2]);
/* The same in two threads, each with a seat. */
MUST_USE int pair_run_threads(struct mp_context *ctx, mp_target *first,
    mp_target *second, void *arg);
/* In a new context, as demo_step says. */
MUST_USE int pair_steps(demo_step *const *steps);

#endif
