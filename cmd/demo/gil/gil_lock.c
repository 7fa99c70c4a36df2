#include "cmd/demo/gil/gil_lock.h"

#include <errno.h>
#include <time.h>

#include "cmd/demo/demo.h"

int
gil_init(struct gil *gil, long interval_us)
{
	pthread_condattr_t attr;
	int r = -pthread_condattr_init(&attr);

	if (r < 0)
		return r;
	*gil = (struct gil){ .interval_us = interval_us };
	r = -pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (r == 0)
		r = -pthread_mutex_init(&gil->mutex, NULL);
	if (r == 0)
		r = -pthread_mutex_init(&gil->switch_mutex, NULL);
	if (r == 0)
		r = -pthread_cond_init(&gil->cond, &attr);
	if (r == 0)
		r = -pthread_cond_init(&gil->switch_cond, &attr);
	pthread_condattr_destroy(&attr);
	return r;
}

void
gil_fini(struct gil *gil)
{
	pthread_cond_destroy(&gil->switch_cond);
	pthread_cond_destroy(&gil->cond);
	pthread_mutex_destroy(&gil->switch_mutex);
	pthread_mutex_destroy(&gil->mutex);
}

/* Wait until it may be free, an interval at most.  False: that passed. */
static bool
wait_an_interval(struct gil *gil)
{
	const int64_t end = demo_now_ns() + gil->interval_us * 1000;
	const struct timespec until = { .tv_sec = end / 1000000000,
		.tv_nsec = end % 1000000000 };

	return pthread_cond_timedwait(&gil->cond, &gil->mutex, &until) !=
	       ETIMEDOUT;
}

static void
drop_request(struct gil *gil, bool wanted)
{
	atomic_store_explicit(&gil->drop_request, wanted, memory_order_relaxed);
}

void
gil_take(struct gil *gil, int thread)
{
	const int64_t asked = demo_now_ns();
	int64_t waited;

	pthread_mutex_lock(&gil->mutex);
	while (gil->locked) {
		const uint64_t seen = gil->switch_number;

		/* Whoever else was given it meanwhile has an interval of its
		 * own: only a holder who kept it through ours is asked. */
		if (!wait_an_interval(gil) && gil->locked &&
		    gil->switch_number == seen)
			drop_request(gil, true);
	}
	pthread_mutex_lock(&gil->switch_mutex);
	gil->locked = true;
	if (gil->last_holder != thread) {
		gil->last_holder = thread;
		gil->switch_number++;
		gil->count.switches++;
	}
	pthread_cond_signal(&gil->switch_cond);
	pthread_mutex_unlock(&gil->switch_mutex);
	drop_request(gil, false);

	if (gil->inside++ != 0)
		gil->count.together++;
	gil->taken_ns = demo_now_ns();
	waited = gil->taken_ns - asked;
	gil->count.waited_ns += waited;
	if (waited > gil->count.longest_ns)
		gil->count.longest_ns = waited;
	pthread_mutex_unlock(&gil->mutex);
}

void
gil_drop(struct gil *gil, int thread)
{
	const bool forced = gil_asked(gil);

	pthread_mutex_lock(&gil->mutex);
	gil->inside--;
	gil->count.held_ns += demo_now_ns() - gil->taken_ns;
	if (forced)
		gil->count.forced++;
	else
		gil->count.voluntary++;
	gil->last_holder = thread;
	gil->locked = false;
	pthread_cond_signal(&gil->cond);
	pthread_mutex_unlock(&gil->mutex);

	if (!forced)
		return;
	/* Somebody waits for it: do not come back for it before they woke,
	 * which a holder that runs already would always be in time for. */
	pthread_mutex_lock(&gil->switch_mutex);
	if (gil->last_holder == thread) {
		drop_request(gil, false);
		pthread_cond_wait(&gil->switch_cond, &gil->switch_mutex);
	}
	pthread_mutex_unlock(&gil->switch_mutex);
}
