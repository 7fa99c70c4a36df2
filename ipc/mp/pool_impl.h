/*
 * What executor.c needs of a pool: jobs.
 *
 * A job is items for one function, sent in chunks; AsyncResult is one, and so
 * is what stands behind a future or an iterator.  The owner's memory alone.
 */
#ifndef MPIPC_POOL_IMPL_H
#define MPIPC_POOL_IMPL_H

#include "ipc/attr.h"
#include "ipc/mp/pool.h"

struct mp_outcome {
	const char *data; /* in one of job->blocks */
	uint32_t len;
	int error;
};

struct mp_result {
	struct mp_pool *pool;
	struct mp_result *next; /* of those that are not all sent */
	bool pending;           /* among those */
	bool abandoned;         /* freed when it is done */
	bool cancelled;         /* one of its items, and no worker began it */
	uint32_t function;
	size_t n, chunk;
	/* Chunks: how many, sent, and done, in which order. */
	size_t chunks, sent, done;
	uint32_t *finished;
	bool *ready; /* each chunk */
	struct mp_outcome *outcomes;
	void **blocks; /* replies, one a chunk, or NULL */
	/* Arguments as they are sent, and where those of each chunk begin; and
	 * the end. */
	char *args;
	size_t *at;
	/* Of the last chunk: slot + 1 while it is under way. */
	uint32_t slot;
	unsigned attempts;
	int last_signal;
	/* Called once, when all is done; it may free the job. */
	void (*hook)(struct mp_result *job, void *arg);
	void *hook_arg;
};

MUST_USE int mp_pool_submit(struct mp_pool *pool, mp_task *fn,
    const struct mp_bytes *items, size_t n, size_t chunksize,
    struct mp_result **out);
/* MP_EPERM: not the thread whose pool it is. */
MUST_USE int mp_pool_is_ours(const struct mp_pool *pool);
/* Send, fetch and mend once, asleep for so long if there was nothing. */
MUST_USE int mp_pool_pump(struct mp_pool *pool, int timeout_ms);
/* Until `ready` says so: 0, MP_ETIMEDOUT, MP_EPERM, MP_ECORRUPT. */
MUST_USE int mp_pool_await(struct mp_pool *pool, bool (*ready)(void *),
    void *arg, int timeout_ms);
/* What no worker has begun is done, MP_ECANCELLED: of a job of one item
 * (whether it was), of all. */
bool mp_job_cancel(struct mp_result *job);
void mp_pool_cancel(struct mp_pool *pool);
bool mp_job_is_running(const struct mp_result *job);
bool mp_job_is_done(const struct mp_result *job);

#endif
