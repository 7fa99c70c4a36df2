/*
 * lock - Lock and RLock of Python's multiprocessing, and what becomes of them
 * when their holder dies.
 *
 * A lock whose holder died is given to the next one as MP_OWNERDEAD: taken,
 * and what it guards may be half done.  Repair it, then mp_lock_consistent();
 * released without it, the next one is told again, and nobody is ever stuck.
 * So it is with one that a participant held who left the context.
 */
#ifndef MPIPC_LOCK_H
#define MPIPC_LOCK_H

#include "ipc/mp/context.h"

struct mp_lock;  /* a process's handle; children of a fork inherit it */
struct mp_rlock; /* the same, for a lock that its holder may take again */

MP_BEGIN

/* `name` NULL: a new one, for those who inherit the handle; else the one of
 * that name in the context.  0, MP_EINVAL, MP_ENOSPC, -ENOMEM. */
MP_API MP_MUST_USE int mp_lock_open(struct mp_context *ctx, const char *name,
    struct mp_lock **out);
/* Free the handle; the lock stays until the context ends, or
 * mp_lock_unlink().  NULL is fine. */
MP_API void mp_lock_close(struct mp_lock *lock);
/* The lock itself goes, for everybody: when nobody needs it any more. */
MP_API void mp_lock_unlink(struct mp_lock *lock);

/* 0 or MP_OWNERDEAD: taken.  MP_ETIMEDOUT; MP_EPERM: no seat; MP_ECORRUPT.  Not
 * recursive: its holder waits as everybody does. */
MP_API MP_MUST_USE int mp_lock_acquire(struct mp_lock *lock, int timeout_ms);
/* By any participant, as in Python: two can take turns by two locks.  0;
 * MP_EINVAL: it is not taken. */
MP_API int mp_lock_release(struct mp_lock *lock);
/* What the lock guards is whole again; by its holder.  MP_EPERM. */
MP_API int mp_lock_consistent(struct mp_lock *lock);
/* The seat that has it, 0: nobody. */
MP_API int mp_lock_owner(const struct mp_lock *lock);

MP_API MP_MUST_USE int mp_rlock_open(struct mp_context *ctx, const char *name,
    struct mp_rlock **out);
MP_API void mp_rlock_close(struct mp_rlock *lock);
MP_API void mp_rlock_unlink(struct mp_rlock *lock);
/* As above, and again by its holder.  MP_EINVAL: 2^24 - 1 times is enough. */
MP_API MP_MUST_USE int mp_rlock_acquire(struct mp_rlock *lock, int timeout_ms);
/* By its holder, as often as it was taken: MP_EPERM else. */
MP_API int mp_rlock_release(struct mp_rlock *lock);
MP_API int mp_rlock_consistent(struct mp_rlock *lock);
MP_API int mp_rlock_owner(const struct mp_rlock *lock);

MP_END

#endif
