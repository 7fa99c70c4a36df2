/*
 * Barrier: killed while one arrives, lets the others go, gives up and resets.
 * Whoever else is there goes on or is told that it is broken, and it can be
 * used again.
 */
#include <sys/mman.h>

#include "ipc/mp/sync_impl.h"
#include "tests/kill/mp_crew.h"

static struct mp_barrier *barrier;
static uint32_t generation; /* that we have arrived in */
static volatile int *ran;   /* the action, in memory of both */

static void
expect(int r, int wanted)
{
	if (r != wanted)
		_exit(1);
}

static int
count_up(void *none)
{
	(void)none;
	++*ran;
	return 0;
}

static void
barrier_new(struct mp_context *ctx, unsigned parties, enum mp_on_death on_death)
{
	const struct mp_barrier_attr attr = { .action = count_up,
		.on_death = on_death };

	*ran = 0;
	expect(mp_barrier_open(ctx, NULL, parties, &attr, &barrier), 0);
}

static void
stage_one(struct mp_context *ctx)
{
	barrier_new(ctx, 1, MP_BARRIER_BREAK);
}

/* We are there, the child is the other. */
static void
stage_break(struct mp_context *ctx)
{
	barrier_new(ctx, 2, MP_BARRIER_BREAK);
	expect(mp_barrier_arrive(barrier, &generation), 0);
	mp_wait_enter(ctx, &mp_object_at(ctx, 0)->waiters);
}

static void
stage_shrink(struct mp_context *ctx)
{
	barrier_new(ctx, 2, MP_BARRIER_SHRINK);
	expect(mp_barrier_arrive(barrier, &generation), 0);
	mp_wait_enter(ctx, &mp_object_at(ctx, 0)->waiters);
}

/* And another is missing. */
static void
stage_three(struct mp_context *ctx)
{
	barrier_new(ctx, 3, MP_BARRIER_SHRINK);
	expect(mp_barrier_arrive(barrier, &generation), 0);
	mp_wait_enter(ctx, &mp_object_at(ctx, 0)->waiters);
}

static void
run_wait(struct mp_context *ctx)
{
	(void)ctx;
	expect(mp_barrier_wait(barrier, -1, NULL), 0);
}

static void
run_give_up(struct mp_context *ctx)
{
	(void)ctx;
	expect(mp_barrier_wait(barrier, 1, NULL), MP_EBROKEN);
}

static void
run_abort_and_reset(struct mp_context *ctx)
{
	(void)ctx;
	expect(mp_barrier_abort(barrier), 0);
	expect(mp_barrier_reset(barrier), 0);
}

static bool
nobody_waits(struct mp_context *ctx, const char *when)
{
	struct mp_waiters *waiters = &mp_object_at(ctx, 0)->waiters;

	mp_wait_leave(ctx, waiters); /* ours */
	return check(waiters->word[0] == 0, "%s: the dead still waits", when);
}

/* Anew, by ourselves alone: for as many as are wanted now, all of them us. */
static bool
can_be_used(const char *when)
{
	unsigned parties = mp_barrier_parties(barrier), index = 99;
	int before, r;

	check(mp_barrier_reset(barrier) == 0, "%s: not reset", when);
	if (!check(!mp_barrier_broken(barrier) &&
		       mp_barrier_n_waiting(barrier) == 0,
		"%s: not whole after a reset", when))
		return false;
	before = *ran;
	r = mp_barrier_wait(barrier, 0, &index);
	if (parties > 1)
		return check(r == MP_EBROKEN && *ran == before,
		    "%s: alone, and not alone: %d", when, r);
	return check(r == 0 && index == 0 && *ran == before + 1,
	    "%s: alone: %d, index %u", when, r, index);
}

static bool
one_holds(struct mp_context *ctx, const char *when)
{
	return nobody_waits(ctx, when) &&
	       check(mp_barrier_n_waiting(barrier) == 0, "%s: %u wait", when,
		   mp_barrier_n_waiting(barrier)) &&
	       can_be_used(when);
}

/* We were there, and are let go, or told; and, unless the dead one never came,
 * not by our own time. */
static bool
we_are_told(struct mp_context *ctx, const char *when)
{
	unsigned n = mp_barrier_n_waiting(barrier), index = 99;
	unsigned parties = mp_barrier_parties(barrier);
	int credit = 0, r;

	sem_getvalue(ctx->sems[ctx->cv->me], &credit);
	if (!nobody_waits(ctx, when) ||
	    !check(n <= 1, "%s: %u wait, and only we live", when, n) ||
	    !check(n == 1 || credit > 0, "%s: over, and we sleep", when))
		return false;
	r = mp_barrier_pass(barrier, generation, 0, &index);
	return check(r == 0 || r == MP_EBROKEN, "%s: %d", when, r) &&
	       check(r != 0 || (*ran >= 1 && index < 2),
		   "%s: passed, action ran %d times, index %u", when, *ran,
		   index) &&
	       check(n == 0 || parties > 1 || r == 0,
		   "%s: all who are left, and %d", when, r) &&
	       can_be_used(when);
}

static const struct mp_scenario scenarios_mp[] = {
	{ "one", stage_one, run_wait, one_holds, 4 },
	{ "two, break", stage_break, run_wait, we_are_told, 7 },
	{ "two, shrink", stage_shrink, run_wait, we_are_told, 7 },
	{ "gives up", stage_three, run_give_up, we_are_told, 6 },
	{ "abort and reset", stage_break, run_abort_and_reset, we_are_told, 4 },
};

int
main(void)
{
	ran = mmap(NULL, sizeof(*ran), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	need(ran != MAP_FAILED, "memory");
	for (size_t i = 0; i < ARRAY_LEN(scenarios_mp); i++)
		mp_step_scenario(&scenarios_mp[i]);
	return mp_crew_done("barriers");
}
