/*
 * executor - futures over a pool of processes: ProcessPoolExecutor of Python's
 * concurrent.futures.
 *
 * What pool.h says of functions, of killed workers and of who may call holds
 * here: the executor, its futures and iterators belong to the thread that
 * created it, callbacks are called by it, and things go on inside the calls of
 * this header.  A killed worker costs, out of attempts, its own future and no
 * other.
 */
#ifndef MPIPC_EXECUTOR_H
#define MPIPC_EXECUTOR_H

#include "ipc/mp/pool.h"

struct mp_executor;
struct mp_future;
struct mp_as_completed;

enum mp_wait_for {
	MP_FIRST_COMPLETED,
	MP_FIRST_EXCEPTION, /* or all; cancelled is no exception */
	MP_ALL_COMPLETED
};

/* By the executor's thread, when the future is done or cancelled; it may
 * submit more, and must neither wait nor free it. */
typedef void mp_future_fn(struct mp_future *future, void *arg);

MP_BEGIN

/* As mp_pool_create(); `processes` is max_workers. */
MP_API MP_MUST_USE int mp_executor_create(struct mp_context *ctx,
    const struct mp_pool_attr *attr, const struct mp_task_function *functions,
    struct mp_executor **out);
/*
 * No more tasks: MP_ECLOSED.  With `cancel_futures` those that no worker has
 * begun are cancelled.  With `wait` until the others are done and the workers
 * have ended; without, mp_executor_free() does that.  0, MP_EBROKEN.
 */
MP_API int mp_executor_shutdown(struct mp_executor *ex, bool wait,
    bool cancel_futures);
/* Shut down and waited for, then freed, after its futures and iterators and
 * before the context is closed.  NULL is fine. */
MP_API void mp_executor_free(struct mp_executor *ex);
/* Its workers, as mp_pool_processes(), mp_pool_pid(). */
MP_API unsigned mp_executor_processes(const struct mp_executor *ex);
MP_API pid_t mp_executor_pid(const struct mp_executor *ex, unsigned i);

/* 0 and *out, freed by mp_future_free(); else as what submits in pool.h. */
MP_API MP_MUST_USE int mp_executor_submit(struct mp_executor *ex, mp_task *fn,
    const void *args, size_t len, struct mp_future **out);
/* In order of items, as mp_pool_imap(): mp_imap_next(), mp_imap_free(). */
MP_API MP_MUST_USE int mp_executor_map(struct mp_executor *ex, mp_task *fn,
    const struct mp_bytes *items, size_t n, size_t chunksize,
    struct mp_imap **out);

/* --- futures -------------------------------------------------------------- */

/* Wait.  0 and *out, which stays until mp_future_free(); MP_ETIMEDOUT: it is
 * not done; MP_ECANCELLED; else its error.  `out` may be NULL. */
MP_API MP_MUST_USE int mp_future_result(struct mp_future *f, int timeout_ms,
    struct mp_bytes *out);
/* exception(): wait, and in *error 0 or its error.  0; MP_ETIMEDOUT;
 * MP_ECANCELLED. */
MP_API MP_MUST_USE int mp_future_error(struct mp_future *f, int timeout_ms,
    int *error);
/* true: it is cancelled, and no worker has begun it nor will. */
MP_API bool mp_future_cancel(struct mp_future *f);
MP_API bool mp_future_cancelled(const struct mp_future *f);
/* A worker has begun it, and it is not done. */
MP_API bool mp_future_running(struct mp_future *f);
/* Done or cancelled.  Fetches what there is, and does not wait. */
MP_API bool mp_future_done(struct mp_future *f);
/* `fn` when it is done; at once if it is.  In the order in which they were
 * added.  -ENOMEM. */
MP_API MP_MUST_USE int mp_future_on_done(struct mp_future *f, mp_future_fn *fn,
    void *arg);
/* Of one that is done: workers that took it, 1 if none died of it; the signal
 * that the last of the dead died of, 0: none did, or by an exit of its own. */
MP_API unsigned mp_future_attempts(const struct mp_future *f);
MP_API int mp_future_last_signal(const struct mp_future *f);
/* Not while an iterator has it.  What is not done will be, for nobody: its
 * callbacks are not called.  NULL is fine. */
MP_API void mp_future_free(struct mp_future *f);

/* --- many futures, of one executor (MP_EINVAL else) ------------------------ */

/* An iterator over `n` futures, each given once, as they get done. */
MP_API MP_MUST_USE int mp_as_completed_new(struct mp_future *const *futures,
    size_t n, struct mp_as_completed **out);
/* 1 and *out; 0: that was all; MP_ETIMEDOUT. */
MP_API MP_MUST_USE int mp_as_completed_next(struct mp_as_completed *it,
    int timeout_ms, struct mp_future **out);
MP_API void mp_as_completed_free(struct mp_as_completed *it);

/* wait(): until what `what` says, or for so long.  How many are done. */
MP_API MP_MUST_USE int mp_wait_futures(struct mp_future *const *futures,
    size_t n, enum mp_wait_for what, int timeout_ms);

MP_END

#endif
