/*
 * queue - Queue, SimpleQueue and JoinableQueue of Python's multiprocessing,
 * and messages that are handed on without being copied.
 *
 * A message is in exactly one place: in a queue, or held by one participant.
 * put() is done when it returns: there is no thread that has yet to send it,
 * so nothing that was put is lost with whoever put it.  Messages of one
 * producer come in order.
 *
 * Killed here: in put(), the message is in the queue, or never was, and the
 * place it took is free.  In get(), it has been copied, or is in the queue
 * still.  With a message in hand (mp_queue_pop(), or get() of a joinable queue
 * before task_done()): it comes again, to another, behind those that are in
 * the queue; after `attempts` such deaths (mp_context_opts) it is put aside,
 * see mp_dead_pop().  Nothing is given twice, torn, or blocks others.
 */
#ifndef MPIPC_QUEUE_H
#define MPIPC_QUEUE_H

#include "ipc/mp/context.h"

struct mp_queue; /* a process's handle; children of a fork inherit it */
struct mp_msg;   /* a message in this participant's hand */

struct mp_queue_attr {
	/* Messages at most; 0: as many as the context has (`messages`, shared
	 * by all queues without a maximum). */
	uint32_t maxsize;
	/* get() keeps the message until mp_queue_task_done(). */
	bool joinable;
};

MP_BEGIN

/*
 * `name` NULL: a new one, for those who inherit the handle; else the one of
 * that name in the context, made with the same `attr` (NULL: no maximum, not
 * joinable).  One with a maximum takes so many of the context's messages for
 * itself.  0; MP_EINVAL; MP_ENOSPC: no queue, object or messages are left;
 * MP_EPERM: no seat; -ENOMEM.
 */
MP_API MP_MUST_USE int mp_queue_open(struct mp_context *ctx, const char *name,
    const struct mp_queue_attr *attr, struct mp_queue **out);
/* Free the handle; the queue stays.  NULL is fine. */
MP_API void mp_queue_close(struct mp_queue *q);
/* The queue goes, with what is in it: when nobody needs it any more. */
MP_API void mp_queue_unlink(struct mp_queue *q);

/*
 * A copy of `len` bytes.  0; MP_EFULL: no room came in time (`timeout_ms` 0:
 * put_nowait()); MP_ECLOSED: shut; MP_EMSGSIZE: longer than `message_max`;
 * MP_ENOSPC: over the context's `memory`; MP_EPERM: no seat; MP_ECORRUPT.
 */
MP_API MP_MUST_USE int mp_queue_put(struct mp_queue *q, const void *bytes,
    size_t len, int timeout_ms);
/*
 * The next message, into `cap` bytes; *len what it has.  0; MP_EEMPTY: none
 * came in time; MP_ECLOSED: shut, and nothing is left; MP_EMSGSIZE: it does not
 * fit, and is in the queue again, behind the others, *len what it takes;
 * MP_EPERM; MP_ECORRUPT.
 */
MP_API MP_MUST_USE int mp_queue_get(struct mp_queue *q, void *bytes, size_t cap,
    size_t *len, int timeout_ms);
MP_API MP_MUST_USE int mp_queue_try_put(struct mp_queue *q, const void *bytes,
    size_t len);
MP_API MP_MUST_USE int mp_queue_try_get(struct mp_queue *q, void *bytes,
    size_t cap, size_t *len);

/* As it was a moment ago. */
MP_API size_t mp_queue_size(const struct mp_queue *q);
MP_API bool mp_queue_empty(const struct mp_queue *q);
MP_API bool mp_queue_full(const struct mp_queue *q);
MP_API uint32_t mp_queue_maxsize(const struct mp_queue *q);

/* For everybody: nothing is put any more, and who gets takes what is left and
 * is then told MP_ECLOSED.  So consumers end without a message that says so. */
MP_API int mp_queue_shut(struct mp_queue *q);
MP_API bool mp_queue_is_shut(const struct mp_queue *q);

/* Of a joinable queue, by who took it: the oldest message that this thread has
 * taken is done.  MP_EINVAL: it has none, or the queue is not joinable. */
MP_API int mp_queue_task_done(struct mp_queue *q);
/*
 * Until nothing is in the queue or held from it.  Counted from the messages
 * themselves, so no death can make the count wrong; those that were put aside
 * are done.  In a queue with a maximum a message keeps its place until it is
 * done.  0; MP_ETIMEDOUT; MP_EINVAL: not joinable; MP_EPERM.
 */
MP_API MP_MUST_USE int mp_queue_join(struct mp_queue *q, int timeout_ms);

/* --- messages that are not copied ---------------------------------------- */

/* An empty message to be filled, with a place of `q`; errors of put().  It is
 * pushed, or given back by mp_msg_ack(). */
MP_API MP_MUST_USE int mp_msg_alloc(struct mp_queue *q, struct mp_msg **out,
    int timeout_ms);
/* In shared memory, aligned for anything; borrowed as long as the message is
 * held and not reserved anew. */
MP_API void *mp_msg_data(struct mp_msg *m);
MP_API size_t mp_msg_len(const struct mp_msg *m);
/* Room for `bytes` in all, what is there kept: 0, MP_EMSGSIZE, MP_ENOSPC. */
MP_API MP_MUST_USE int mp_msg_reserve(struct mp_msg *m, size_t bytes);
/* How many of the reserved bytes count.  MP_EINVAL: more. */
MP_API int mp_msg_set_len(struct mp_msg *m, size_t len);
/* Takers that died with it in hand. */
MP_API unsigned mp_msg_attempts(const struct mp_msg *m);

/* Into the queue; never waits, for the message has its place already.  The
 * caller has it no more.  0; MP_ECLOSED: it stays the caller's; MP_ECORRUPT. */
MP_API MP_MUST_USE int mp_queue_push(struct mp_queue *q, struct mp_msg *m);
/* Errors of get(). */
MP_API MP_MUST_USE int mp_queue_pop(struct mp_queue *q, struct mp_msg **out,
    int timeout_ms);
/* One wake-up for all. */
MP_API MP_MUST_USE int mp_queue_push_many(struct mp_queue *q,
    struct mp_msg *const *m, size_t n);
/* Up to `max` that are there, at least one: how many, or an error of get(). */
MP_API MP_MUST_USE int mp_queue_pop_many(struct mp_queue *q,
    struct mp_msg **out, size_t max, int timeout_ms);
/* As push, of one that was taken from another queue: the same bytes go on.  It
 * keeps the place it has there, and none is taken in `to`. */
MP_API MP_MUST_USE int mp_msg_forward(struct mp_msg *m, struct mp_queue *to);
/* Done with it: its place is free. */
MP_API int mp_msg_ack(struct mp_msg *m);
/* Back into the queue it was taken from, for others, behind those there. */
MP_API int mp_msg_nack(struct mp_msg *m);

/* One that was put aside, of any queue without a place of its own for these:
 * 0, MP_EEMPTY.  Give it back by mp_msg_ack(), or push it. */
MP_API MP_MUST_USE int mp_dead_pop(struct mp_context *ctx, struct mp_msg **out);

MP_END

#endif
