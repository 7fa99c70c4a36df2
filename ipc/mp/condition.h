/*
 * condition - Condition of Python's multiprocessing: wait, with a lock given
 * up meanwhile, until somebody who holds that lock notifies.
 *
 * Who waits longest is notified first.  When one who was notified dies before
 * it has come back from wait(), the next is notified in its place.  When one
 * dies who holds the lock, everybody who waits is notified: what they wait for
 * may be half done, and the first to have the lock again is told so by
 * MP_OWNERDEAD.  So wait() may come back with nothing done: ask again what was
 * waited for, or use mp_cond_wait_for().
 */
#ifndef MPIPC_CONDITION_H
#define MPIPC_CONDITION_H

#include "ipc/mp/lock.h"

struct mp_cond; /* a process's handle; children of a fork inherit it */

/* Whether what is waited for has come.  Called with the lock held. */
typedef bool mp_predicate(void *arg);

MP_BEGIN

/* `name` as for locks.  `lock` NULL: one of its own, else that one, the same
 * for all who open it; its handle stays the caller's.
 * 0, MP_EINVAL, MP_EPERM: no seat, MP_ENOSPC, -ENOMEM. */
MP_API MP_MUST_USE int mp_cond_open(struct mp_context *ctx, const char *name,
    struct mp_rlock *lock, struct mp_cond **out);
/* Free the handle.  NULL is fine. */
MP_API void mp_cond_close(struct mp_cond *cond);
/* The condition goes, for everybody: when nobody needs it any more.  A lock
 * that was given stays. */
MP_API void mp_cond_unlink(struct mp_cond *cond);

/* The lock, as mp_rlock_acquire(), _release() and _consistent(). */
MP_API MP_MUST_USE int mp_cond_acquire(struct mp_cond *cond, int timeout_ms);
MP_API int mp_cond_release(struct mp_cond *cond);
MP_API int mp_cond_consistent(struct mp_cond *cond);

/*
 * Give the lock up, however often it was taken, wait to be notified, and take
 * it again as often; that takes as long as it takes, whatever the timeout.
 * The lock is held afterwards, unless MP_EPERM: it was not held.
 * 0: notified; MP_ETIMEDOUT; MP_OWNERDEAD: either of these, and a holder of
 * the lock died meanwhile (see lock.h).
 */
MP_API MP_MUST_USE int mp_cond_wait(struct mp_cond *cond, int timeout_ms);
/* Until the predicate says so: 0.  Else as above; MP_OWNERDEAD comes at once,
 * whatever the predicate would say. */
MP_API MP_MUST_USE int mp_cond_wait_for(struct mp_cond *cond,
    mp_predicate *predicate, void *arg, int timeout_ms);

/* Up to `n` of those who wait; they go on once the lock is released.  Killed in
 * here: see above.  0; MP_EPERM: the lock is not held. */
MP_API int mp_cond_notify(struct mp_cond *cond, unsigned n);
MP_API int mp_cond_notify_all(struct mp_cond *cond);

MP_END

#endif
