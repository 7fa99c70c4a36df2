/*
 * turns - two take turns: each waits for its own, and gives the other's.
 *
 * Between threads that have a seat, and between processes, by what libmpipc
 * has to wait for.  The first turn is that of 0.
 */
#ifndef CMD_DEMO_TURNS_H
#define CMD_DEMO_TURNS_H

#include "ipc/mp/context.h"
#include "lib/base/attr.h"

enum turns_way {
	TURNS_LOCKS, /* two, each released by the other side */
	TURNS_SEMAPHORES,
	TURNS_CONDITION,
	TURNS_QUEUES, /* one to each */
	TURNS_WAYS
};

struct turns; /* children of a fork inherit it */

const char *turns_name(enum turns_way way);
MUST_USE int turns_open(struct mp_context *ctx, enum turns_way way,
    struct turns **out);
void turns_close(struct turns *turns);

/* `me` and `other` are 0 and 1. */
void turns_wait(struct turns *turns, int me);
void turns_give(struct turns *turns, int other);

#endif
