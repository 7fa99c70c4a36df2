/*
 * What queue.c and pool.c share of a message: how it lies in its cell.
 *
 * The order part has its head; its bytes are the inline part, or the body where
 * that is too small.  Capture and output are pool.c's.
 */
#ifndef MPIPC_QUEUE_IMPL_H
#define MPIPC_QUEUE_IMPL_H

#include "ipc/mp/context_impl.h"
#include "ipc/mp/queue.h"

/* Written by the holder of the cell; `home` by whoever puts the cell into a
 * pool, and read by all who count (queue.c). */
struct mp_msg_head {
	/* Where it goes when it is free: incarnation:32 | object + 1:32 of a
	 * bounded queue, 0: MP_FREE. */
	_Atomic uint64_t home;
	_Atomic uint64_t len; /* and MP_MSG_BODY */
};

#define MP_MSG_BODY (UINT64_C(1) << 63)

/* One a cell, in each process; used by who holds the cell. */
struct mp_msg {
	struct mp_context *ctx;
	struct mp_object *from; /* the queue it was taken from; NULL */
	uint32_t cell;
	/* Of what get took from a joinable queue and is not done: the next of
	 * the thread, cell + 1; and the word's generation, which says whether
	 * it still is. */
	uint32_t next, gen;
};

/* Those that this queue gives up go to `to`, after `attempts` deaths; before
 * anybody takes from it. */
void mp_queue_give_up_to(struct mp_queue *q, unsigned attempts,
    const struct mp_queue *to);

/* The output of a cell, by its holder: 0, MP_EMSGSIZE, MP_ENOSPC. */
MUST_USE int mp_msg_grow_output(struct mp_msg *m, size_t bytes);

/* Under the lock, when somebody has died: cells that stand in queues that
 * nobody has are free, and bounded queues have all of theirs. */
void mp_queues_mend(struct mp_context *ctx);

#endif
