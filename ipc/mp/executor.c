/*
 * A future is a job of one item, and what is to be done when that is done.
 */
#include "ipc/mp/executor.h"

#include "ipc/mp/context_impl.h"
#include "ipc/mp/pool_impl.h"

struct mp_executor {
	struct mp_pool *pool;
};

struct callback {
	struct callback *next;
	mp_future_fn *fn;
	void *arg;
};

/* A future of an iterator. */
struct watch {
	struct mp_as_completed *it;
	struct watch *next;      /* of the future */
	struct watch *next_done; /* of the iterator */
	struct mp_future *future;
};

struct mp_future {
	struct mp_result *job;
	struct callback *callbacks, **last_callback;
	struct watch *watches;
};

struct mp_as_completed {
	struct mp_pool *pool;
	size_t n, given;
	struct watch *done, **last_done; /* and not given yet */
	struct watch watches[];
};

/* --- the executor --------------------------------------------------------- */

int
mp_executor_create(struct mp_context *ctx, const struct mp_pool_attr *attr,
    const struct mp_task_function *functions, struct mp_executor **out)
{
	struct mp_executor *ex = calloc(1, sizeof(*ex));
	int r = ex == NULL ? -ENOMEM
			   : mp_pool_create(ctx, attr, functions, &ex->pool);

	if (r == 0) {
		*out = ex;
		ex = NULL;
	}
	free(ex);
	return r;
}

int
mp_executor_shutdown(struct mp_executor *ex, bool wait, bool cancel_futures)
{
	int r = mp_pool_close(ex->pool);

	if (r == 0 && cancel_futures)
		mp_pool_cancel(ex->pool);
	if (r == 0 && wait)
		r = mp_pool_join(ex->pool, -1);
	return r;
}

void
mp_executor_free(struct mp_executor *ex)
{
	if (ex == NULL)
		return;
	(void)mp_executor_shutdown(ex, true, false);
	mp_pool_free(ex->pool);
	free(ex);
}

unsigned
mp_executor_processes(const struct mp_executor *ex)
{
	return mp_pool_processes(ex->pool);
}

pid_t
mp_executor_pid(const struct mp_executor *ex, unsigned i)
{
	return mp_pool_pid(ex->pool, i);
}

int
mp_executor_map(struct mp_executor *ex, mp_task *fn,
    const struct mp_bytes *items, size_t n, size_t chunksize,
    struct mp_imap **out)
{
	return mp_pool_imap(ex->pool, fn, items, n, chunksize, out);
}

/* --- futures -------------------------------------------------------------- */

static void
tell(struct watch *watch)
{
	struct mp_as_completed *it = watch->it;

	watch->next_done = NULL;
	*it->last_done = watch;
	it->last_done = &watch->next_done;
}

/* Its job is done.  A callback may add another, which then comes at once. */
static void
future_done(struct mp_result *job, void *arg)
{
	struct mp_future *f = arg;
	struct callback *callback;

	(void)job;
	for (struct watch *w = f->watches; w != NULL; w = w->next)
		tell(w);
	while ((callback = f->callbacks) != NULL) {
		f->callbacks = callback->next;
		callback->fn(f, callback->arg);
		free(callback);
	}
	f->last_callback = &f->callbacks;
}

int
mp_executor_submit(struct mp_executor *ex, mp_task *fn, const void *args,
    size_t len, struct mp_future **out)
{
	const struct mp_bytes item = { args, len };
	struct mp_future *f = calloc(1, sizeof(*f));
	int r = f == NULL ? -ENOMEM
			  : mp_pool_submit(ex->pool, fn, &item, 1, 1, &f->job);

	if (r < 0) {
		free(f);
		return r;
	}
	f->last_callback = &f->callbacks;
	f->job->hook = future_done;
	f->job->hook_arg = f;
	*out = f;
	return 0;
}

static int
await(struct mp_future *f, int timeout_ms)
{
	int r = mp_result_wait(f->job, timeout_ms);

	return r == 0 && f->job->cancelled ? MP_ECANCELLED : r;
}

int
mp_future_result(struct mp_future *f, int timeout_ms, struct mp_bytes *out)
{
	int r = await(f, timeout_ms);

	return r < 0 ? r : mp_result_get(f->job, 0, out);
}

int
mp_future_error(struct mp_future *f, int timeout_ms, int *error)
{
	int r = await(f, timeout_ms);

	if (r == 0)
		*error = f->job->outcomes[0].error;
	return r;
}

bool
mp_future_cancel(struct mp_future *f)
{
	if (mp_pool_is_ours(f->job->pool) < 0)
		return false;
	return f->job->cancelled || mp_job_cancel(f->job);
}

bool
mp_future_cancelled(const struct mp_future *f)
{
	return f->job->cancelled;
}

bool
mp_future_done(struct mp_future *f)
{
	return mp_result_ready(f->job);
}

bool
mp_future_running(struct mp_future *f)
{
	return !mp_future_done(f) && mp_job_is_running(f->job);
}

int
mp_future_on_done(struct mp_future *f, mp_future_fn *fn, void *arg)
{
	struct callback *callback;

	if (mp_job_is_done(f->job)) {
		fn(f, arg);
		return 0;
	}
	callback = malloc(sizeof(*callback));
	if (callback == NULL)
		return -ENOMEM;
	*callback = (struct callback){ .fn = fn, .arg = arg };
	*f->last_callback = callback;
	f->last_callback = &callback->next;
	return 0;
}

unsigned
mp_future_attempts(const struct mp_future *f)
{
	return f->job->attempts;
}

int
mp_future_last_signal(const struct mp_future *f)
{
	return f->job->last_signal;
}

void
mp_future_free(struct mp_future *f)
{
	struct callback *callback;

	if (f == NULL)
		return;
	while ((callback = f->callbacks) != NULL) {
		f->callbacks = callback->next;
		free(callback);
	}
	f->job->hook = NULL;
	mp_result_free(f->job);
	free(f);
}

/* --- many of them --------------------------------------------------------- */

int
mp_as_completed_new(struct mp_future *const *futures, size_t n,
    struct mp_as_completed **out)
{
	struct mp_as_completed *it;

	for (size_t i = 1; i < n; i++)
		if (futures[i]->job->pool != futures[0]->job->pool)
			return MP_EINVAL;
	it = calloc(1, sizeof(*it) + n * sizeof(it->watches[0]));
	if (it == NULL)
		return -ENOMEM;
	it->pool = n > 0 ? futures[0]->job->pool : NULL;
	it->n = n;
	it->last_done = &it->done;
	for (size_t i = 0; i < n; i++) {
		struct watch *watch = &it->watches[i];
		struct mp_future *f = futures[i];

		watch->it = it;
		watch->future = f;
		watch->next = f->watches;
		f->watches = watch;
		if (mp_job_is_done(f->job))
			tell(watch);
	}
	*out = it;
	return 0;
}

static bool
has_done(void *arg)
{
	const struct mp_as_completed *it = arg;

	return it->done != NULL;
}

int
mp_as_completed_next(struct mp_as_completed *it, int timeout_ms,
    struct mp_future **out)
{
	struct watch *watch;
	int r;

	if (it->given == it->n)
		return 0;
	r = mp_pool_await(it->pool, has_done, it, timeout_ms);
	if (r < 0)
		return r;
	watch = it->done;
	it->done = watch->next_done;
	if (it->done == NULL)
		it->last_done = &it->done;
	it->given++;
	*out = watch->future;
	return 1;
}

void
mp_as_completed_free(struct mp_as_completed *it)
{
	if (it == NULL)
		return;
	for (size_t i = 0; i < it->n; i++) {
		struct watch *watch = &it->watches[i];
		struct watch **at = &watch->future->watches;

		while (*at != NULL && *at != watch)
			at = &(*at)->next;
		if (*at != NULL)
			*at = watch->next;
	}
	free(it);
}

static bool
failed(const struct mp_future *f)
{
	return !f->job->cancelled && f->job->outcomes[0].error < 0;
}

static int
count_done(struct mp_future *const *futures, size_t n)
{
	int done = 0;

	for (size_t i = 0; i < n; i++)
		done += mp_job_is_done(futures[i]->job);
	return done;
}

int
mp_wait_futures(struct mp_future *const *futures, size_t n,
    enum mp_wait_for what, int timeout_ms)
{
	struct mp_deadline deadline = mp_deadline_in(timeout_ms);
	struct mp_as_completed *it;
	struct mp_future *f;
	int r = mp_as_completed_new(futures, n, &it);

	if (r < 0)
		return r;
	do
		r = mp_as_completed_next(it, mp_deadline_left_ms(deadline), &f);
	while (r == 1 && what != MP_FIRST_COMPLETED &&
	       !(what == MP_FIRST_EXCEPTION && failed(f)));
	mp_as_completed_free(it);
	if (r < 0 && r != MP_ETIMEDOUT)
		return r;
	return count_done(futures, n);
}
