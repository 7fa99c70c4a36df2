/*
 * semaphore - Semaphore and BoundedSemaphore of Python's multiprocessing, and
 * what becomes of the credits of those who die.
 *
 * Shared memory says how many each participant has acquired and not released.
 * When one dies, exactly those are released; when one leaves the context in
 * order, none, as in Python: what it acquired it has used up.  A release by one
 * who has acquired none is counted for another who has: so where one side
 * acquires and the other releases, as with signals, each has at most what it
 * acquired last, and a signal whose taker died comes again.  One that is
 * released while nobody has acquired any simply adds one, and stays.
 *
 * Killed in acquire or release: it was done, or not at all.
 */
#ifndef MPIPC_SEMAPHORE_H
#define MPIPC_SEMAPHORE_H

#include "ipc/mp/context.h"

enum {
	MP_SEM_MAX = (1 << 20) - 1
};

struct mp_sem;  /* a process's handle; children of a fork inherit it */
struct mp_bsem; /* the same, for one that is never above where it began */

MP_BEGIN

/* `name` NULL: a new one, for those who inherit the handle; else the one of
 * that name in the context.  `value` at first, 0 ... MP_SEM_MAX, the same for
 * all who open it.  0, MP_EINVAL, MP_EPERM: no seat, MP_ENOSPC, -ENOMEM. */
MP_API MP_MUST_USE int mp_sem_open(struct mp_context *ctx, const char *name,
    unsigned value, struct mp_sem **out);
/* Free the handle; the semaphore stays until the context ends, or
 * mp_sem_unlink().  NULL is fine. */
MP_API void mp_sem_close(struct mp_sem *sem);
/* The semaphore itself goes, for everybody: when nobody needs it any more. */
MP_API void mp_sem_unlink(struct mp_sem *sem);

/* One less, once there is one.  0; MP_ETIMEDOUT; MP_EPERM: no seat. */
MP_API MP_MUST_USE int mp_sem_acquire(struct mp_sem *sem, int timeout_ms);
/* One more, by any participant.  0; MP_EINVAL: above MP_SEM_MAX, or of a
 * bounded one above its first value; MP_EPERM. */
MP_API int mp_sem_release(struct mp_sem *sem);
/* As it was a moment ago. */
MP_API unsigned mp_sem_value(const struct mp_sem *sem);

MP_API MP_MUST_USE int mp_bsem_open(struct mp_context *ctx, const char *name,
    unsigned value, struct mp_bsem **out);
MP_API void mp_bsem_close(struct mp_bsem *sem);
MP_API void mp_bsem_unlink(struct mp_bsem *sem);
MP_API MP_MUST_USE int mp_bsem_acquire(struct mp_bsem *sem, int timeout_ms);
MP_API int mp_bsem_release(struct mp_bsem *sem);
MP_API unsigned mp_bsem_value(const struct mp_bsem *sem);

MP_END

#endif
