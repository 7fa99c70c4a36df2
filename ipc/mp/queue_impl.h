/*
 * What is in a message's header, and how the pool goes about messages.
 */
#ifndef MPIPC_QUEUE_IMPL_H
#define MPIPC_QUEUE_IMPL_H

#include "ipc/mp/context_impl.h"
#include "ipc/mp/queue.h"

/* In the order part of a cell; writer: who holds it. */
struct mp_msg_head {
	uint64_t len;
	uint8_t home;    /* conveyor queue that it is freed to */
	uint8_t in_body; /* else in the inline part */
	/* Free for what is built on queues: pool.c. */
	uint8_t kind;
	uint8_t spare[5];
	uint64_t tag[6];
};

static_assert(sizeof(struct mp_msg_head) == 64, "the order part of a cell");

struct mp_msg {
	struct mp_context *ctx;
	uint32_t cell;
};

struct mp_queue {
	struct mp_context *ctx;
	struct mp_object *object;
	uint64_t word;       /* of the object: another, and the queue is gone */
	uint8_t pool, queue; /* of the conveyor */
	uint32_t maxsize;
	bool joinable;
	unsigned spins; /* looks before sleeping: as long as it pays */
	/* Of a joinable one: what was taken and is not done, oldest first. */
	pthread_mutex_t mutex;
	struct mp_taken {
		uint32_t cell;
		uint8_t seat;
	} * taken;
	size_t n_taken, room_taken;
};

/* The head of a message that this participant holds. */
struct mp_msg_head *mp_msg_head(const struct mp_msg *m);
struct mp_msg *mp_msg_of(struct mp_context *ctx, uint32_t cell);

/* What a queue's dead messages go to instead of MP_DEAD, from now on: a
 * conveyor queue.  Under no lock; by who made the queue, before it is used. */
void mp_queue_set_dead(struct mp_queue *q, const struct mp_queue *to);

#endif
