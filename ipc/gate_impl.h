/*
 * gate - where processes sleep until something is in a queue.
 *
 * One named semaphore per queue, "<segment>.<queue>.<epoch>".  It is a
 * sleeping place and no more: a mask of worker ids in the segment says who
 * sleeps, the rings say whether there is work.  Nobody posts unless the mask
 * names somebody; whoever reaps a dead worker clears its bit and posts again.
 */
#ifndef IPC_GATE_IMPL_H
#define IPC_GATE_IMPL_H

#include "ipc/conveyor_impl.h"

enum {
	/* The longest sleep.  A belt: what wakes a sleeper is a post; this is
	 * for a poster that was stopped (not killed) half way. */
	GATE_BELT_MS = 250
};

/* Fresh semaphores of the header's epoch, those of other epochs unlinked. */
MUST_USE int gates_open(struct conveyor *cv);
/* Those of the header's epoch, made by another.  -ENOENT: they are gone. */
MUST_USE int gates_join(struct conveyor *cv);
void gates_close(struct conveyor *cv);
/* The names of every epoch. */
void gates_unlink(const char *name);

/* W1, W4: this process's bit in the mask of the gate of `queue`. */
void gate_enter(struct conveyor *cv, uint8_t queue);
void gate_leave(struct conveyor *cv, uint8_t queue);

/* W2: whether any queue of that gate has an entry; with `marks`, or fetched[]
 * a bit. */
bool gate_work(const struct conveyor *cv, uint8_t queue, bool marks);

/* W3.  0, -ETIMEDOUT, -EINTR. */
int gate_sleep(struct conveyor *cv, uint8_t queue, int timeout_ms);

/* P4, for `k` cells: wake as many as there is work for. */
void gate_wake(struct conveyor *cv, uint8_t queue, uint32_t k);

/* R1: the bits of a dead worker, at every gate. */
void gates_forget(struct conveyor *cv, uint8_t id);
/* R3: every sleeper once, at every gate: a credit that a dead one swallowed,
 * or did not come to post, is given again. */
void gates_wake_all(struct conveyor *cv);

#endif
