/*
 * Semaphore and BoundedSemaphore: killed while one acquires, releases its own
 * or another's, waits, and leaves.  All credits are there again, none is twice.
 */
#include "ipc/mp/semaphore.h"
#include "tests/kill/mp_crew.h"

enum {
	CREDITS = 3
};

static struct mp_sem *sem;
static struct mp_bsem *bounded;

static void
expect(int r, int wanted)
{
	if (r != wanted)
		_exit(1);
}

static void
stage_both(struct mp_context *ctx)
{
	expect(mp_sem_open(ctx, NULL, CREDITS, &sem), 0);
	expect(mp_bsem_open(ctx, NULL, CREDITS, &bounded), 0);
}

/* Two of each are ours, so it releases one of ours. */
static void
stage_ours(struct mp_context *ctx)
{
	stage_both(ctx);
	for (int i = 0; i < 2; i++) {
		expect(mp_sem_acquire(sem, 0), 0);
		expect(mp_bsem_acquire(bounded, 0), 0);
	}
}

static void
stage_empty(struct mp_context *ctx)
{
	stage_ours(ctx);
	expect(mp_sem_acquire(sem, 0), 0);
	expect(mp_bsem_acquire(bounded, 0), 0);
}

static void
run_in_and_out(struct mp_context *ctx)
{
	(void)ctx;
	expect(mp_sem_acquire(sem, 0), 0);
	expect(mp_sem_acquire(sem, 0), 0);
	expect(mp_sem_release(sem), 0);
	expect(mp_sem_release(sem), 0);
	expect(mp_bsem_acquire(bounded, 0), 0);
	expect(mp_bsem_release(bounded), 0);
	expect(mp_bsem_release(bounded), MP_EINVAL);
}

static void
run_release_ours(struct mp_context *ctx)
{
	(void)ctx;
	expect(mp_sem_release(sem), 0);
	expect(mp_bsem_release(bounded), 0);
}

static void
run_wait(struct mp_context *ctx)
{
	(void)ctx;
	expect(mp_sem_acquire(sem, 1), MP_ETIMEDOUT);
	expect(mp_bsem_acquire(bounded, 1), MP_ETIMEDOUT);
}

static void
run_acquire(struct mp_context *ctx)
{
	(void)ctx;
	for (int i = 0; i < CREDITS; i++)
		expect(mp_sem_acquire(sem, 0), 0);
	expect(mp_bsem_acquire(bounded, 0), 0);
}

static void
run_leave(struct mp_context *ctx)
{
	expect(mp_sem_acquire(sem, 0), 0);
	mp_seat_leave(ctx, ctx->cv->me, ctx->incarnation);
}

/* From `least` to `most`, and of the bounded one no more than there are. */
static bool
are_there(const char *when, unsigned least, unsigned most)
{
	unsigned n = mp_sem_value(sem), b = mp_bsem_value(bounded);

	return check(n >= least && n <= most, "%s: %u credits", when, n) &&
	       check(b >= least && b <= CREDITS, "%s: %u bounded credits", when,
		   b);
}

static bool
nobody_waits(struct mp_context *ctx, const char *when)
{
	for (uint32_t i = 0; i < 2; i++)
		if (!check(mp_object_at(ctx, i)->waiters.word[0] == 0,
			"%s: the dead still waits", when))
			return false;
	return true;
}

static bool
all_are_there(struct mp_context *ctx, const char *when)
{
	if (!are_there(when, CREDITS, CREDITS) || !nobody_waits(ctx, when))
		return false;
	for (int i = 0; i < CREDITS; i++)
		if (!check(mp_sem_acquire(sem, 0) == 0 &&
			       mp_bsem_acquire(bounded, 0) == 0,
			"%s: not acquired", when))
			return false;
	return check(mp_sem_acquire(sem, 0) == MP_ETIMEDOUT, "%s: one more",
	    when);
}

/* We have two, or one once it is released, and nobody else has any. */
static bool
ours_are_ours(struct mp_context *ctx, const char *when)
{
	unsigned n = mp_sem_value(sem), b = mp_bsem_value(bounded);

	return are_there(when, 1, 2) && nobody_waits(ctx, when) &&
	       check(b <= n, "%s: out of turn", when) &&
	       (n == 2 || check(mp_sem_release(sem) == 0, "%s", when)) &&
	       (b == 2 || check(mp_bsem_release(bounded) == 0, "%s", when)) &&
	       check(mp_sem_release(sem) == 0 && mp_bsem_release(bounded) == 0,
		   "%s: not released", when) &&
	       all_are_there(ctx, when);
}

static bool
none_is_there(struct mp_context *ctx, const char *when)
{
	if (!are_there(when, 0, 0) || !nobody_waits(ctx, when))
		return false;
	for (int i = 0; i < CREDITS; i++)
		if (!check(mp_sem_release(sem) == 0 &&
			       mp_bsem_release(bounded) == 0,
			"%s: not released", when))
			return false;
	return all_are_there(ctx, when);
}

/* Used up if it got so far as to leave. */
static bool
all_or_all_but_one(struct mp_context *ctx, const char *when)
{
	return are_there(when, CREDITS - 1, CREDITS) && nobody_waits(ctx, when);
}

static const struct mp_scenario scenarios_mp[] = {
	{ "in and out", stage_both, run_in_and_out, all_are_there, 10 },
	{ "acquire", stage_both, run_acquire, all_are_there, 6 },
	{ "release ours", stage_ours, run_release_ours, ours_are_ours, 4 },
	{ "wait", stage_empty, run_wait, none_is_there, 6 },
	{ "leave", stage_both, run_leave, all_or_all_but_one, 2 },
};

int
main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(scenarios_mp); i++)
		mp_step_scenario(&scenarios_mp[i]);
	return mp_crew_done("semaphores");
}
