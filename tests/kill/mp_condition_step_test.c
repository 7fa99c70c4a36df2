/*
 * Condition: killed while one waits, comes back, and notifies.  Whoever else
 * waits is notified if the dead one was, or was about to; the lock can be had.
 */
#include <sys/mman.h>

#include "ipc/mp/sync_impl.h"
#include "tests/kill/mp_crew.h"

static struct mp_cond *cond;
static struct mp_rlock *lock;
static uint32_t our_count;
static volatile int *notified; /* by the child, in memory of both */

static void
expect(int r, int wanted)
{
	if (r != wanted)
		_exit(1);
}

static struct mp_cond_body *
body_of_cond(struct mp_context *ctx)
{
	return (struct mp_cond_body *)mp_object_at(ctx, 1)->body;
}

/* Notified after everybody else, and asleep. */
static void
we_wait(struct mp_context *ctx)
{
	struct mp_cond_body *body = body_of_cond(ctx);

	expect(mp_cond_acquire(cond, 0), 0);
	body->ticket = 1000;
	our_count = mp_cond_stand(cond);
	body->ticket = 0;
	mp_wait_enter(ctx, &mp_object_at(ctx, 1)->waiters);
	*notified = 0;
}

static void
stage_own(struct mp_context *ctx)
{
	lock = NULL;
	expect(mp_rlock_open(ctx, NULL, &lock), 0);
	expect(mp_cond_open(ctx, NULL, NULL, &cond), 0);
	we_wait(ctx);
}

static void
stage_given(struct mp_context *ctx)
{
	expect(mp_rlock_open(ctx, NULL, &lock), 0);
	expect(mp_cond_open(ctx, NULL, lock, &cond), 0);
	we_wait(ctx);
}

static void
run_wait(struct mp_context *ctx)
{
	(void)ctx;
	expect(mp_cond_acquire(cond, 0), 0);
	expect(mp_cond_wait(cond, 1), MP_ETIMEDOUT);
	expect(mp_cond_release(cond), 0);
}

static void
run_notify(struct mp_context *ctx)
{
	(void)ctx;
	expect(mp_cond_acquire(cond, 0), 0);
	expect(mp_cond_notify(cond, 1), 0);
	*notified = 1;
	expect(mp_cond_release(cond), 0);
}

/* It is notified, by itself, for nobody else runs here. */
static void
run_notified(struct mp_context *ctx)
{
	uint32_t count;

	(void)ctx;
	expect(mp_cond_acquire(cond, 0), 0);
	expect(mp_cond_acquire(cond, 0), 0);
	count = mp_cond_stand(cond);
	expect(mp_cond_acquire(cond, 0), 0);
	expect(mp_cond_notify(cond, 1), 0);
	*notified = 1;
	expect(mp_cond_release(cond), 0);
	expect(mp_cond_come_back(cond, count), 0);
	*notified = 0;
	expect(mp_cond_release(cond), 0);
	expect(mp_cond_release(cond), 0);
}

static bool
goes_on(struct mp_context *ctx, const char *when)
{
	struct mp_cond_body *body = body_of_cond(ctx);
	struct mp_waiters *waiters = &mp_object_at(ctx, 1)->waiters;
	bool told = (body->wait[ctx->cv->me] & 3) == MP_COND_NOTIFIED;
	int credit = 0, r;

	sem_getvalue(ctx->sems[ctx->cv->me], &credit);
	mp_wait_leave(ctx, waiters);
	for (unsigned i = 0; i < MP_SEAT_IDS; i++)
		if (!check(i == ctx->cv->me || body->wait[i] == 0,
			"%s: the dead is in line", when))
			return false;
	if (!check(waiters->word[0] == 0 && body->lock.waiters.word[0] == 0,
		"%s: the dead still waits", when) ||
	    !check(told || !*notified, "%s: not notified", when) ||
	    !check(credit > 0 || !told, "%s: notified and asleep", when))
		return false;
	r = mp_cond_come_back(cond, our_count);
	return check(r == MP_OWNERDEAD || r == (told ? 0 : MP_ETIMEDOUT),
		   "%s: came back with %d", when, r) &&
	       check(told || r != MP_OWNERDEAD,
		   "%s: dead with the lock, and nobody told", when) &&
	       check(mp_cond_consistent(cond) == 0 &&
			 mp_cond_notify_all(cond) == 0 &&
			 mp_cond_release(cond) == 0 &&
			 mp_cond_release(cond) == MP_EPERM &&
			 mp_cond_acquire(cond, 0) == 0,
		   "%s: not to be used", when);
}

static const struct mp_scenario scenarios_mp[] = {
	{ "wait", stage_own, run_wait, goes_on, 8 },
	{ "notify, lock given", stage_given, run_notify, goes_on, 5 },
	{ "notified", stage_own, run_notified, goes_on, 12 },
	{ "notified, lock given", stage_given, run_notified, goes_on, 12 },
};

int
main(void)
{
	notified = mmap(NULL, sizeof(*notified), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	need(notified != MAP_FAILED, "memory");
	for (size_t i = 0; i < ARRAY_LEN(scenarios_mp); i++)
		mp_step_scenario(&scenarios_mp[i]);
	return mp_crew_done("conditions");
}
