/*
 * Queues and messages, by one who is killed at each change: what was in a
 * queue comes once and whole, what was being put comes whole or not at all,
 * each place is free again, and the bound is what it was.
 */
#include "ipc/mp/queue.h"
#include "tests/kill/mp_crew.h"

enum {
	MAX = 3,     /* of the queue with a maximum */
	NUMBERS = 12 /* messages are 1 ... */
};

static struct mp_queue *q, *other;

static void
expect(int r, int wanted)
{
	if (r != wanted)
		_exit(1);
}

static struct mp_queue *
open_one(struct mp_context *ctx, const char *name, uint32_t maxsize,
    bool joinable)
{
	const struct mp_queue_attr attr = { maxsize, joinable };
	struct mp_queue *opened = NULL;

	expect(mp_queue_open(ctx, name, &attr, &opened), 0);
	return opened;
}

static void
put(struct mp_queue *to, uint64_t number)
{
	struct message message;

	message_write(&message, number);
	expect(mp_queue_try_put(to, (void *)&message, sizeof(message)), 0);
}

static struct mp_msg *
filled(struct mp_queue *from, uint64_t number)
{
	struct mp_msg *m = NULL;

	expect(mp_msg_alloc(from, &m, 0), 0);
	message_write(mp_msg_data(m), number);
	expect(mp_msg_set_len(m, sizeof(struct message)), 0);
	return m;
}

static struct mp_msg *
pop(struct mp_queue *from)
{
	struct mp_msg *m = NULL;

	expect(mp_queue_pop(from, &m, 0), 0);
	return m;
}

/* Empties it; counts what is whole, by number. */
static bool
count(struct mp_queue *from, int found[NUMBERS], const char *when)
{
	struct message message;
	size_t len;

	while (mp_queue_try_get(from, (void *)&message, sizeof(message),
		   &len) == 0) {
		if (!check(len == sizeof(message) && message_whole(&message) &&
			       message.id < NUMBERS,
			"%s: a torn message", when))
			return false;
		found[message.id]++;
		(void)!mp_queue_task_done(from); /* of a joinable one */
	}
	return true;
}

/* 1 and 2 were there and must be; whatever else there is, is there once; all
 * places are free again. */
static bool
holds(struct mp_context *ctx, const char *when)
{
	int found[NUMBERS] = { 0 };
	char why[128] = "";
	bool ok = count(q, found, when) && count(other, found, when);

	for (int i = 1; ok && i < NUMBERS; i++)
		ok = check(found[i] <= 1 && (i > 2 || found[i] == 1),
		    "%s: message %d is there %d times", when, i, found[i]);
	for (int i = 0; ok && i < MAX; i++)
		ok = check(mp_queue_try_put(q, "x", 1) == 0,
		    "%s: place %d is gone", when, i);
	ok = ok && check(mp_queue_try_put(q, "x", 1) == MP_EFULL,
		       "%s: a place too many", when);
	for (uint32_t i = MAX; ok && i < ctx->shared->shape.cells; i++)
		ok = check(mp_queue_try_put(other, "x", 1) == 0,
		    "%s: message %u of the context is gone", when, i);
	return ok && check(conveyor_check(ctx->cv, why, sizeof(why)) == 0,
			 "%s: %s", when, why);
}

static void
stage(struct mp_context *ctx)
{
	q = open_one(ctx, NULL, MAX, false);
	other = open_one(ctx, NULL, 0, true);
	put(q, 1);
	put(other, 2);
}

static void
run_put(struct mp_context *ctx)
{
	(void)ctx;
	put(q, 3);
	put(other, 4);
}

/* What is got and copied is done with: it was given, to one who died. */
static void
run_get(struct mp_context *ctx)
{
	struct message message;
	size_t len;

	(void)ctx;
	put(q, 3);
	expect(mp_queue_try_get(q, (void *)&message, sizeof(message), &len), 0);
	put(q, 1); /* to be there again */
}

static bool
holds_but_1(struct mp_context *ctx, const char *when)
{
	int found[NUMBERS] = { 0 };
	bool ok = count(q, found, when);

	ok = ok && check(found[1] <= 1, "%s: message 1 twice", when);
	if (ok)
		put(q, 1);
	return ok && holds(ctx, when);
}

static void
run_hand_on(struct mp_context *ctx)
{
	(void)ctx;
	expect(mp_msg_nack(pop(q)), 0);
	expect(mp_msg_forward(pop(q), other), 0);
	expect(mp_msg_nack(pop(other)), 0);
	expect(mp_msg_ack(filled(q, 5)), 0);
}

static void
run_many(struct mp_context *ctx)
{
	struct mp_msg *m[4];

	(void)ctx;
	for (int i = 0; i < 3; i++)
		m[i] = filled(other, (uint64_t)(6 + i));
	expect(mp_queue_push_many(other, m, 3), 0);
	expect(mp_queue_pop_many(other, m, 4, 0), 4);
	expect(mp_queue_push_many(other, m, 4), 0);
}

static void
run_done(struct mp_context *ctx)
{
	struct message message;
	size_t len;

	(void)ctx;
	put(other, 9);
	expect(mp_queue_try_get(other, (void *)&message, sizeof(message), &len),
	    0);
	expect(mp_queue_task_done(other), 0);
	put(other, message.id);
}

static bool
holds_and_is_done(struct mp_context *ctx, const char *when)
{
	int found[NUMBERS] = { 0 };
	bool ok = count(other, found, when);

	/* Done, and killed before it was put again. */
	ok = ok && check(found[2] <= 1, "%s: message 2 twice", when) &&
	     check(mp_queue_join(other, 0) == 0, "%s: never done", when);
	if (ok)
		put(other, 2);
	return ok && holds(ctx, when);
}

static void
run_open(struct mp_context *ctx)
{
	open_one(ctx, "third", 4, false);
}

/* It is there with all its places, or can be made so. */
static bool
third_holds(struct mp_context *ctx, const char *when)
{
	struct mp_queue *third = open_one(ctx, "third", 4, false);
	bool ok = true;

	for (int i = 0; ok && i < 4; i++)
		ok = check(mp_queue_try_put(third, "x", 1) == 0,
		    "%s: place %d is missing", when, i);
	ok = ok && check(mp_queue_try_put(third, "x", 1) == MP_EFULL,
		       "%s: a place too many", when);
	mp_queue_unlink(third);
	return ok && holds(ctx, when);
}

static void
stage_unlink(struct mp_context *ctx)
{
	struct mp_queue *third;

	stage(ctx);
	third = open_one(ctx, "third", 4, false);
	put(third, 10);
}

static void
run_unlink(struct mp_context *ctx)
{
	mp_queue_unlink(open_one(ctx, "third", 4, false));
}

/* What a half unlinked one left is found by the next that is made. */
static bool
unlinked_holds(struct mp_context *ctx, const char *when)
{
	struct mp_queue *third = open_one(ctx, "third", 4, false);

	while (mp_msg_ack(pop(third)) == 0 && !mp_queue_empty(third))
		;
	return third_holds(ctx, when);
}

static bool
third_or_nothing(struct mp_context *ctx, const char *when)
{
	struct mp_queue *third = open_one(ctx, "third", 4, false);

	return mp_queue_empty(third) ? third_holds(ctx, when)
				     : unlinked_holds(ctx, when);
}

static void
run_shut(struct mp_context *ctx)
{
	struct mp_queue *third = open_one(ctx, "third", 4, false);

	expect(mp_queue_shut(third), 0);
}

/* Shut or not; never half: who takes gets what is there, then the end. */
static bool
shut_holds(struct mp_context *ctx, const char *when)
{
	struct mp_queue *third = open_one(ctx, "third", 4, false);
	char bytes[64];
	size_t len;
	int r;

	while ((r = mp_queue_try_get(third, bytes, sizeof(bytes), &len)) == 0)
		;
	if (!check(r == MP_EEMPTY || r == MP_ECLOSED, "%s: %d", when, r))
		return false;
	mp_queue_unlink(third);
	return holds(ctx, when);
}

static const struct mp_scenario scenarios_mp[] = {
	{ "put", stage, run_put, holds, 10 },
	{ "get", stage, run_get, holds_but_1, 15 },
	{ "nack, forward, ack", stage, run_hand_on, holds, 20 },
	{ "push_many, pop_many", stage, run_many, holds, 30 },
	{ "task_done", stage, run_done, holds_and_is_done, 15 },
	{ "open", stage, run_open, third_holds, 20 },
	{ "unlink", stage_unlink, run_unlink, third_or_nothing, 15 },
	{ "shut", stage_unlink, run_shut, shut_holds, 1 },
};

int
main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(scenarios_mp); i++)
		mp_step_scenario(&scenarios_mp[i]);
	return mp_crew_done("messages");
}
