/*
 * Event: killed while it is set, cleared and waited for.  It is set or not,
 * nobody sleeps beside one that is, and the next can set it again.
 */
#include "ipc/mp/event.h"
#include "tests/kill/mp_crew.h"

static struct mp_event *event;

static void
expect(int r, int wanted)
{
	if (r != wanted)
		_exit(1);
}

static void
stage_clear(struct mp_context *ctx)
{
	expect(mp_event_open(ctx, NULL, &event), 0);
}

/* We sleep, whoever sets it wakes us. */
static void
stage_waited_for(struct mp_context *ctx)
{
	stage_clear(ctx);
	mp_wait_enter(ctx, &mp_object_at(ctx, 0)->waiters);
}

static void
run_set(struct mp_context *ctx)
{
	(void)ctx;
	expect(mp_event_set(event), 0);
}

static void
run_set_and_clear(struct mp_context *ctx)
{
	(void)ctx;
	expect(mp_event_set(event), 0);
	expect(mp_event_clear(event), 0);
}

static void
run_wait(struct mp_context *ctx)
{
	(void)ctx;
	expect(mp_event_wait(event, 1), MP_ETIMEDOUT);
}

static bool
works(struct mp_context *ctx, const char *when)
{
	struct mp_waiters *waiters = &mp_object_at(ctx, 0)->waiters;

	mp_wait_leave(ctx, waiters); /* ours */
	return check(waiters->word[0] == 0, "%s: the dead still waits", when) &&
	       check(mp_event_set(event) == 0 && mp_event_is_set(event) &&
			 mp_event_wait(event, 0) == 0,
		   "%s: not set", when) &&
	       check(mp_event_clear(event) == 0 &&
			 mp_event_wait(event, 0) == MP_ETIMEDOUT,
		   "%s: not cleared", when);
}

/* Who is stopped between his look and his sleep has something to wake him. */
static bool
nobody_oversleeps(struct mp_context *ctx, const char *when)
{
	int credit = 0;

	sem_getvalue(ctx->sems[ctx->cv->me], &credit);
	return check(credit > 0, "%s: asleep", when) && works(ctx, when);
}

static const struct mp_scenario scenarios_mp[] = {
	{ "set", stage_waited_for, run_set, nobody_oversleeps, 3 },
	{ "set and clear", stage_clear, run_set_and_clear, works, 2 },
	{ "wait", stage_clear, run_wait, works, 2 },
};

int
main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(scenarios_mp); i++)
		mp_step_scenario(&scenarios_mp[i]);
	return mp_crew_done("events");
}
