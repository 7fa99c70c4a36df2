/*
 * pool - processes that wait for work: Pool of Python's multiprocessing.
 *
 * A task is a function of a table, and bytes.  The function returns 0, or a
 * negative number that is the task's error, and writes what it finds out into
 * its reply.
 *
 * When a worker is killed: another takes its place, and its task comes again
 * with the same bytes, `attempts` times in all; then that task alone fails,
 * MP_EWORKERDIED.  Other tasks notice nothing.  With the owner of the pool its
 * workers die.  MP_EBROKEN only when workers die in a row and no task gets
 * done, or their initializer fails.
 *
 * A pool, its results and iterators belong to the thread that created it
 * (MP_EPERM else).  There is no thread behind it: tasks are sent out, results
 * fetched and workers replaced inside the calls of this header, so what is to
 * be worked at needs somebody who waits for it now and then.
 */
#ifndef MPIPC_POOL_H
#define MPIPC_POOL_H

#include "ipc/mp/context.h"

struct mp_pool;
struct mp_result; /* AsyncResult, of one task or of a map */
struct mp_imap;   /* results of many tasks, one after another */
struct mp_reply;  /* what a function says */

/* Called in a worker.  `args` are borrowed, aligned to 8. */
typedef int mp_task(const void *args, size_t len, struct mp_reply *reply);

/* The functions of a pool; ends with a NULL name, and stays. */
struct mp_task_function {
	const char *name;
	mp_task *fn;
};

struct mp_bytes {
	const void *data;
	size_t len;
};

/* 0 takes what is said behind it. */
struct mp_pool_attr {
	unsigned processes; /* mp_cpu_count() */
	/* In each worker, before its first task; not 0: it ends, and a pool
	 * whose workers all do is broken. */
	int (*initializer)(struct mp_context *ctx, void *arg);
	void *arg;
	unsigned maxtasksperchild; /* for ever */
	unsigned attempts;         /* the context's */
};

MP_BEGIN

/* --- in a worker ---------------------------------------------------------- */

/* Append to the reply.  0, MP_EMSGSIZE, MP_ENOSPC. */
MP_API MP_MUST_USE int mp_reply_write(struct mp_reply *reply, const void *data,
    size_t len);
/* In which context, for locks and queues. */
MP_API struct mp_context *mp_reply_context(const struct mp_reply *reply);
/* Which try this is: 1 at first. */
MP_API unsigned mp_reply_attempt(const struct mp_reply *reply);
/* The arguments of a starmap: argument `i`.  false: there are not so many. */
MP_API bool mp_unpack(const void *args, size_t len, size_t i,
    struct mp_bytes *out);

/* --- the pool ------------------------------------------------------------- */

/*
 * Start the workers, daemons, by fork: whatever is in memory now is there for
 * them.  Takes two queues of the context.  0 and *out; MP_EINVAL: too many, or
 * a context of MP_START_SPAWN; MP_ENOSPC: no queue or seat is free; as
 * mp_process_start().
 */
MP_API MP_MUST_USE int mp_pool_create(struct mp_context *ctx,
    const struct mp_pool_attr *attr, const struct mp_task_function *functions,
    struct mp_pool **out);
/* No more tasks.  Those that there are will be done. */
MP_API int mp_pool_close(struct mp_pool *pool);
/* End the workers now, by SIGKILL; tasks that are not done fail,
 * MP_ECANCELLED. */
MP_API int mp_pool_terminate(struct mp_pool *pool);
/* After one of those: until all is done and the workers have ended.  0;
 * MP_ETIMEDOUT; MP_EINVAL: still running; MP_EBROKEN. */
MP_API MP_MUST_USE int mp_pool_join(struct mp_pool *pool, int timeout_ms);
/* Terminate if need be, and free, before the context is closed.  Results and
 * iterators are closed before it.  NULL is fine. */
MP_API void mp_pool_free(struct mp_pool *pool);

/* Workers that there are; the pid of one (0: none), for those who kill. */
MP_API unsigned mp_pool_processes(const struct mp_pool *pool);
MP_API pid_t mp_pool_pid(const struct mp_pool *pool, unsigned i);
/* How many were started in place of others. */
MP_API unsigned long mp_pool_restarts(const struct mp_pool *pool);

/*
 * All that submit: 0, or
 *   MP_ECLOSED   closed or terminated
 *   MP_EBROKEN   see above
 *   MP_EINVAL    not a function of the table
 *   MP_EMSGSIZE  arguments above the context's `message_max`
 *   -ENOMEM
 * Arguments are copied.  Nothing waits for room: what cannot be sent yet is
 * kept in the owner's memory.
 */

/* One task, and wait.  The function's error, or 0 and its reply in `buf`;
 * MP_EMSGSIZE: *len says how long it is. */
MP_API MP_MUST_USE int mp_pool_apply(struct mp_pool *pool, mp_task *fn,
    const void *args, size_t args_len, void *buf, size_t cap, size_t *len);
MP_API MP_MUST_USE int mp_pool_apply_async(struct mp_pool *pool, mp_task *fn,
    const void *args, size_t len, struct mp_result **out);
/*
 * A task for each of `n` items, `chunksize` of them in one message; 0: as
 * Python, a quarter of the workers' share.  mp_pool_map() waits until all are
 * done and gives the first error there was, by order of items; *out is there
 * to be looked at nevertheless, unless submitting failed (then NULL).
 */
MP_API MP_MUST_USE int mp_pool_map(struct mp_pool *pool, mp_task *fn,
    const struct mp_bytes *items, size_t n, size_t chunksize,
    struct mp_result **out);
MP_API MP_MUST_USE int mp_pool_map_async(struct mp_pool *pool, mp_task *fn,
    const struct mp_bytes *items, size_t n, size_t chunksize,
    struct mp_result **out);
/* Each item is `argc` arguments, one behind the other in `args`; the function
 * finds them by mp_unpack(). */
MP_API MP_MUST_USE int mp_pool_starmap(struct mp_pool *pool, mp_task *fn,
    const struct mp_bytes *args, size_t argc, size_t n, size_t chunksize,
    struct mp_result **out);
MP_API MP_MUST_USE int mp_pool_starmap_async(struct mp_pool *pool, mp_task *fn,
    const struct mp_bytes *args, size_t argc, size_t n, size_t chunksize,
    struct mp_result **out);
/* Chunks of 0 are of 1, as in Python. */
MP_API MP_MUST_USE int mp_pool_imap(struct mp_pool *pool, mp_task *fn,
    const struct mp_bytes *items, size_t n, size_t chunksize,
    struct mp_imap **out);
MP_API MP_MUST_USE int mp_pool_imap_unordered(struct mp_pool *pool, mp_task *fn,
    const struct mp_bytes *items, size_t n, size_t chunksize,
    struct mp_imap **out);

/* --- results -------------------------------------------------------------- */

/* 0: it is ready; MP_ETIMEDOUT. */
MP_API MP_MUST_USE int mp_result_wait(struct mp_result *r, int timeout_ms);
/* Wait, and the first error there was, by order of items; 0: *out is the
 * (first) reply, which stays until mp_result_free().  `out` may be NULL. */
MP_API MP_MUST_USE int mp_result_get(struct mp_result *r, int timeout_ms,
    struct mp_bytes *out);
/* Of one that is ready (MP_EINVAL else): how many; and item `i`, its error or
 * 0 and *out. */
MP_API size_t mp_result_count(const struct mp_result *r);
MP_API MP_MUST_USE int mp_result_item(const struct mp_result *r, size_t i,
    struct mp_bytes *out);
/* Fetches what there is, and does not wait. */
MP_API bool mp_result_ready(struct mp_result *r);
/* Ready, and no error. */
MP_API bool mp_result_successful(struct mp_result *r);
/* Free the handle; what is not done will be, for nobody.  NULL is fine. */
MP_API void mp_result_free(struct mp_result *r);

/* The next: 1 and *out, which stays until mp_imap_free(), and in *index (may be
 * NULL) whose it is; 0: that was all; MP_ETIMEDOUT: it is still to come.  Else
 * it is the error of that item, and the call after it gives the next. */
MP_API MP_MUST_USE int mp_imap_next(struct mp_imap *it, int timeout_ms,
    struct mp_bytes *out, size_t *index);
MP_API void mp_imap_free(struct mp_imap *it);

MP_END

#endif
