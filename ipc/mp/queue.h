/*
 * queue - Queue, SimpleQueue and JoinableQueue of Python's multiprocessing, and
 * messages that are not copied.
 *
 * A message is bytes in shared memory, and always in one place: in a queue,
 * with the one who took it, or free.  put is done when it returns; there is no
 * thread behind it and nothing to flush.
 *
 * When a participant is killed here: what it was putting was put whole, or not
 * at all; what it had taken and not finished comes again, behind what is in the
 * queue by then, at most as often as the context's `attempts` says; then it is
 * for mp_dead_pop().  A death is held against the only message that the dead had,
 * or the one whose bytes it asked for last (mp_msg_data(), get of a joinable
 * queue).  A bound stays what it was.  Nobody is ever stuck.
 *
 * Any participant.  Handles and messages may be used by all threads that have a
 * seat; a message by the one that took or allocated it (MP_EINVAL else).
 *
 * All that fill, take or wait give, besides what they say:
 *   MP_EPERM     the calling thread has no seat
 *   MP_ECORRUPT  shared memory holds the impossible: the context is lost
 */
#ifndef MPIPC_QUEUE_H
#define MPIPC_QUEUE_H

#include "ipc/mp/context.h"

struct mp_queue; /* a process's handle; children of a fork inherit it */
struct mp_msg;   /* borrowed from the context, until ack, push, forward, nack */

/* 0, and NULL in place of it: SimpleQueue(). */
struct mp_queue_attr {
	/* Messages in it at once, which are set aside for it; 0: as many as
	 * the context has. */
	uint32_t maxsize;
	/* What get took stays taken until task_done, and keeps its place of
	 * `maxsize` (in Python it does not). */
	bool joinable;
};

MP_BEGIN

/*
 * `name` NULL: a new one, for those who inherit the handle; else the one of
 * that name, made with the same `attr`.  0 and *out; MP_EINVAL; MP_ENOSPC: no
 * queue is left, or not `maxsize` messages; -ENOMEM.
 */
MP_API MP_MUST_USE int mp_queue_open(struct mp_context *ctx, const char *name,
    const struct mp_queue_attr *attr, struct mp_queue **out);
/* Free the handle; the queue stays until the context ends, or
 * mp_queue_unlink().  Others go on.  NULL is fine. */
MP_API void mp_queue_close(struct mp_queue *q);
/* The queue itself goes, with what is in it, for everybody: when nobody needs
 * it any more.  Other handles give MP_ECLOSED from then on. */
MP_API void mp_queue_unlink(struct mp_queue *q);

/*
 * No more puts, by anybody, for ever.  Takers get what is left in it and then
 * MP_ECLOSED: so end those that loop for ever.  What a taker that is killed
 * later gives back is found by whoever takes again.  Call it when all putters
 * are done: a put at the same time may come behind the last look of a taker.
 */
MP_API int mp_queue_shut(struct mp_queue *q);

/*
 * Copy `len` bytes in.  0;
 *   MP_EFULL     no place, or no message of the context, came free in time
 *   MP_ECLOSED   shut or unlinked
 *   MP_EMSGSIZE  above the context's `message_max`
 *   MP_ENOSPC    the context's `memory` is in use by messages under way
 */
MP_API MP_MUST_USE int mp_queue_put(struct mp_queue *q, const void *buf,
    size_t len, int timeout_ms);
MP_API MP_MUST_USE int mp_queue_try_put(struct mp_queue *q, const void *buf,
    size_t len);
/*
 * Copy the oldest out, `cap` bytes at the most, and its length into *len.  0;
 *   MP_EEMPTY    nothing came in time
 *   MP_ECLOSED   shut and empty, or unlinked
 *   MP_EMSGSIZE  it has *len bytes; it is back, at the end of the queue
 */
MP_API MP_MUST_USE int mp_queue_get(struct mp_queue *q, void *buf, size_t cap,
    size_t *len, int timeout_ms);
MP_API MP_MUST_USE int mp_queue_try_get(struct mp_queue *q, void *buf,
    size_t cap, size_t *len);

/* As it was a moment ago; after a death one that is gone may count until
 * somebody takes.  What counts for sure is mp_queue_unfinished(). */
MP_API size_t mp_queue_size(const struct mp_queue *q);
MP_API bool mp_queue_empty(const struct mp_queue *q);
/* A put would wait. */
MP_API bool mp_queue_full(const struct mp_queue *q);

/* Of a joinable one: the oldest that this thread got by this handle is done.
 * MP_EINVAL: it has none. */
MP_API int mp_queue_task_done(struct mp_queue *q);
/* Until all that was put is done: those in it and those taken are counted
 * anew, so no crash makes it wrong.  Of any queue.  0, MP_ETIMEDOUT. */
MP_API MP_MUST_USE int mp_queue_join(struct mp_queue *q, int timeout_ms);
/* How many are not done. */
MP_API size_t mp_queue_unfinished(const struct mp_queue *q);

/* --- messages, without a copy --------------------------------------------- */

/* One to be filled, empty, of the places of `q`.  0, MP_EFULL, MP_ECLOSED. */
MP_API MP_MUST_USE int mp_msg_alloc(struct mp_queue *q, struct mp_msg **out,
    int timeout_ms);
/* Its bytes, aligned to 64: mp_msg_room() of them may be written by who has
 * it.  Another place after mp_msg_reserve(). */
MP_API void *mp_msg_data(const struct mp_msg *m);
MP_API size_t mp_msg_len(const struct mp_msg *m);
MP_API size_t mp_msg_room(const struct mp_msg *m);
/* Room for `bytes` at least; what is in it stays.  0, MP_EMSGSIZE,
 * MP_ENOSPC. */
MP_API MP_MUST_USE int mp_msg_reserve(struct mp_msg *m, size_t bytes);
/* MP_EINVAL: above the room. */
MP_API MP_MUST_USE int mp_msg_set_len(struct mp_msg *m, size_t len);

/* Into the queue; `m` is gone.  Never waits.  MP_ECLOSED: `m` is still ours. */
MP_API MP_MUST_USE int mp_queue_push(struct mp_queue *q, struct mp_msg *m);
/* The oldest, ours until ack, nack, forward or push.  0, MP_EEMPTY,
 * MP_ECLOSED. */
MP_API MP_MUST_USE int mp_queue_pop(struct mp_queue *q, struct mp_msg **out,
    int timeout_ms);
/* In the order given, and one wake; all or none. */
MP_API MP_MUST_USE int mp_queue_push_many(struct mp_queue *q,
    struct mp_msg *const *msgs, size_t n);
/* Those that are there, `max` at the most; waits for the first.  How many, or
 * as mp_queue_pop(). */
MP_API MP_MUST_USE int mp_queue_pop_many(struct mp_queue *q,
    struct mp_msg **out, size_t max, int timeout_ms);

/* Of one that was taken: on to the next queue, in one step that no kill comes
 * between.  Never waits; its place in a bounded queue goes with it. */
MP_API MP_MUST_USE int mp_msg_forward(struct mp_msg *m, struct mp_queue *q);
/* Done with; also of one that was allocated and is not wanted. */
MP_API int mp_msg_ack(struct mp_msg *m);
/* Back into the queue that it was taken from, behind the others. */
MP_API int mp_msg_nack(struct mp_msg *m);
/* How many died that had taken it. */
MP_API unsigned mp_msg_attempts(const struct mp_msg *m);

/* One that is out of attempts, of any queue; to be acked or forwarded.
 * 0, MP_EEMPTY: at once. */
MP_API MP_MUST_USE int mp_dead_pop(struct mp_context *ctx, struct mp_msg **out);

MP_END

#endif
