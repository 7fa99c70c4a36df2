/*
 * Seats and objects of a context: taken, left, made and freed by one who is
 * killed at each change.  No seat is lost, no object is half made, no cell is
 * gone, and the next one can do the same again.
 */
#include "tests/kill/mp_crew.h"

static const uint64_t no_attr[4];
static struct mp_object *object;

static void
expect(int r, int wanted)
{
	if (r != wanted)
		_exit(1);
}

static int
fill_body(struct mp_context *ctx, struct mp_object *made)
{
	(void)ctx;
	memset(made->body, 0x5a, 64);
	return 0;
}

static struct mp_object *
open_one(struct mp_context *ctx, const char *name)
{
	struct mp_object *made = NULL;

	expect(mp_object_open(ctx, MP_KIND_VALUE, name, no_attr, fill_body,
		   &made),
	    0);
	return made;
}

/* What is there is whole, and all of the table can still be used. */
static bool
objects_hold(struct mp_context *ctx, const char *when)
{
	struct mp_object *made = NULL;
	uint32_t n = 0;
	int r;

	for (uint32_t i = 0; i < ctx->shared->used; i++) {
		struct mp_object *o = mp_object_at(ctx, i);

		if (mp_object_kind(o) != MP_KIND_NONE &&
		    !check(o->body[0] == 0x5a && o->body[63] == 0x5a,
			"%s: object %u is half made", when, i))
			return false;
	}
	do {
		r = mp_object_open(ctx, MP_KIND_VALUE, NULL, no_attr, fill_body,
		    &made);
		n += r == 0;
	} while (r == 0);
	/* `first` may be there or not; nothing else was made. */
	return check(r == MP_ENOSPC, "%s: %d", when, r) &&
	       check(n >= ctx->shared->objects - 1, "%s: %u objects fit", when,
		   n);
}

static void
run_open(struct mp_context *ctx)
{
	open_one(ctx, "first");
	open_one(ctx, "first"); /* there already */
}

static void
stage_free(struct mp_context *ctx)
{
	object = open_one(ctx, "first");
}

static void
run_free(struct mp_context *ctx)
{
	mp_object_free(ctx, object, NULL);
}

static bool
seats_hold(struct mp_context *ctx, const char *when)
{
	uint32_t incarnation;
	unsigned n = 0;
	int seat;

	expect(mp_context_lock(ctx), 0);
	while ((seat = mp_seat_take(ctx, 1, &incarnation)) > 0)
		n++;
	mp_context_unlock(ctx);
	return check(n == ctx->shared->seats - 1, "%s: %u seats are free", when,
	    n);
}

/* As a child that takes a seat for a child of its own, and that one sits. */
static void
run_seat(struct mp_context *ctx)
{
	uint8_t me = ctx->cv->me;
	uint32_t incarnation;
	int seat;

	expect(mp_context_lock(ctx), 0);
	seat = mp_seat_take(ctx, me, &incarnation);
	mp_context_unlock(ctx);
	if (seat < 1)
		_exit(1);
	expect(mp_seat_sit(ctx, (uint8_t)seat, incarnation), 0);
	expect(mp_seat_bury(ctx, (uint8_t)seat, incarnation), 0);
	/* Another's by now, for all we know. */
	expect(mp_seat_bury(ctx, (uint8_t)seat, incarnation), 0);
}

static void
run_leave(struct mp_context *ctx)
{
	mp_seat_leave(ctx, ctx->cv->me, ctx->incarnation);
}

static struct mp_waiters *
waiters_of_first(void)
{
	return &object->waiters;
}

static int
never(struct mp_context *ctx, void *arg)
{
	(void)ctx, (void)arg;
	return -EAGAIN;
}

static void
run_wait(struct mp_context *ctx)
{
	expect(mp_wait(ctx, waiters_of_first(), mp_deadline_in(1), never, NULL),
	    MP_ETIMEDOUT);
}

static void
stage_wake(struct mp_context *ctx)
{
	stage_free(ctx);
	mp_wait_enter(ctx, waiters_of_first()); /* we sleep, it wakes */
}

static void
run_wake(struct mp_context *ctx)
{
	mp_wake(ctx, waiters_of_first(), 1);
}

static bool
nobody_waits(struct mp_context *ctx, const char *when)
{
	(void)ctx;
	for (size_t i = 0; i < ARRAY_LEN(object->waiters.word); i++)
		if (!check(object->waiters.word[i] == 0,
			"%s: the dead still waits", when))
			return false;
	return true;
}

/* Its bit taken or not: who sleeps beside a dead waker has a credit. */
static bool
sleeper_is_woken(struct mp_context *ctx, const char *when)
{
	int credit = 0;

	sem_getvalue(ctx->sems[ctx->cv->me], &credit);
	return check(credit > 0, "%s: asleep for ever", when);
}

static const struct mp_scenario scenarios_mp[] = {
	{ "object_open", NULL, run_open, objects_hold, 8 },
	{ "object_free", stage_free, run_free, objects_hold, 1 },
	{ "seat", NULL, run_seat, seats_hold, 6 },
	{ "leave", NULL, run_leave, seats_hold, 1 },
	{ "wait", stage_free, run_wait, nobody_waits, 2 },
	{ "wake", stage_wake, run_wake, sleeper_is_woken, 2 },
};

int
main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(scenarios_mp); i++)
		mp_step_scenario(&scenarios_mp[i]);
	return mp_crew_done("context");
}
