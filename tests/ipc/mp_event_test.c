#include "ipc/mp/event.h"
#include "tests/ipc/mp_fixture.h"

enum {
	MANY = 4
};

static struct mp_event *
event_new(struct mp_context *ctx)
{
	struct mp_event *event = NULL;

	ck_assert_int_eq(mp_event_open(ctx, NULL, &event), 0);
	return event;
}

static void
wait_for_it(struct mp_context *ctx, void *event)
{
	(void)ctx;
	EXPECT(mp_event_wait(event, -1) == 0);
}

static void
set_it(struct mp_context *ctx, void *event)
{
	(void)ctx;
	EXPECT(mp_event_set(event) == 0);
}

START_TEST(an_event_is_set_until_it_is_cleared)
{
	struct mp_context *ctx = context_new();
	struct mp_event *event = event_new(ctx);

	ck_assert(!mp_event_is_set(event));
	ck_assert_int_eq(mp_event_wait(event, 0), MP_ETIMEDOUT);
	ck_assert_int_eq(mp_event_wait(event, 2), MP_ETIMEDOUT);
	ck_assert_int_eq(mp_event_set(event), 0);
	ck_assert_int_eq(mp_event_set(event), 0);
	ck_assert(mp_event_is_set(event));
	ck_assert_int_eq(mp_event_wait(event, 0), 0);
	ck_assert_int_eq(mp_event_wait(event, -1), 0);
	ck_assert_int_eq(mp_event_clear(event), 0);
	ck_assert_int_eq(mp_event_clear(event), 0);
	ck_assert(!mp_event_is_set(event));
	ck_assert_int_eq(mp_event_wait(event, 0), MP_ETIMEDOUT);
	mp_event_close(event);
	mp_event_close(NULL);
	mp_context_close(ctx);
}
END_TEST

START_TEST(an_event_is_found_by_its_name)
{
	struct mp_context *ctx = context_new();
	struct mp_event *one = NULL, *same = NULL;

	ck_assert_int_eq(mp_event_open(ctx, "go", &one), 0);
	ck_assert_int_eq(mp_event_open(ctx, "go", &same), 0);
	ck_assert_int_eq(mp_event_set(one), 0);
	ck_assert(mp_event_is_set(same));
	mp_event_close(same);
	mp_event_unlink(one);
	mp_event_close(one);
	ck_assert_int_eq(mp_event_open(ctx, "go", &one), 0);
	ck_assert(!mp_event_is_set(one));
	mp_event_close(one);
	mp_context_close(ctx);
}
END_TEST

static void
all_stand_and_wait(struct mp_context *ctx, struct mp_event *event,
    pid_t waiting[MANY])
{
	const struct mp_waiters *waiters = &mp_object_at(ctx, 0)->waiters;

	for (int i = 0; i < MANY; i++)
		waiting[i] = child_start(ctx, wait_for_it, event);
	AWAIT(sleepers(waiters) == MANY);
	/* Between two sleeps one has no bit. */
	do {
		for (int i = 0; i < MANY; i++)
			ck_assert_int_eq(kill(waiting[i], SIGCONT), 0);
		for (int i = 0; i < MANY; i++)
			stop(waiting[i]);
	} while (sleepers(waiters) != MANY);
}

START_TEST(all_who_wait_when_it_is_set_go_on_though_it_is_cleared_at_once)
{
	struct mp_context *ctx = context_new();
	struct mp_event *event = event_new(ctx);
	pid_t waiting[MANY];

	all_stand_and_wait(ctx, event, waiting);
	ck_assert_int_eq(mp_event_set(event), 0);
	ck_assert_uint_eq(sleepers(&mp_object_at(ctx, 0)->waiters), 0);
	ck_assert_int_eq(mp_event_clear(event), 0);
	for (int i = 0; i < MANY; i++)
		ck_assert_int_eq(kill(waiting[i], SIGCONT), 0);
	for (int i = 0; i < MANY; i++)
		child_ok(waiting[i]);
	mp_event_close(event);
	mp_context_close(ctx);
}
END_TEST

START_TEST(those_killed_while_they_wait_take_nobody_along)
{
	struct mp_context *ctx = context_new();
	struct mp_event *event = event_new(ctx);
	pid_t waiting[MANY];

	all_stand_and_wait(ctx, event, waiting);
	kill_and_reap(waiting[0]);
	ck_assert_int_eq(mp_context_tend(ctx), 1);
	ck_assert_uint_eq(sleepers(&mp_object_at(ctx, 0)->waiters), MANY - 1);
	ck_assert_int_eq(mp_event_set(event), 0);
	kill_and_reap(waiting[1]); /* woken, and not come so far */
	for (int i = 2; i < MANY; i++)
		ck_assert_int_eq(kill(waiting[i], SIGCONT), 0);
	for (int i = 2; i < MANY; i++)
		child_ok(waiting[i]);
	mp_event_close(event);
	mp_context_close(ctx);
}
END_TEST

START_TEST(what_the_dead_set_is_set)
{
	struct mp_context *ctx = context_new();
	struct mp_event *event = event_new(ctx);

	kill_and_reap(holder_start(ctx, set_it, event));
	ck_assert_int_eq(mp_context_tend(ctx), 1);
	ck_assert_int_eq(mp_event_wait(event, 0), 0);
	mp_event_close(event);
	mp_context_close(ctx);
}
END_TEST

static void *
without_a_seat(void *event)
{
	return (void *)(intptr_t)(mp_event_wait(event, 0) == MP_EPERM &&
				  mp_event_set(event) == MP_EPERM &&
				  mp_event_clear(event) == MP_EPERM);
}

START_TEST(who_has_no_seat_neither_sets_nor_waits)
{
	struct mp_context *ctx = context_new();
	struct mp_event *event = event_new(ctx);
	pthread_t thread;
	void *refused = NULL;

	ck_assert_int_eq(pthread_create(&thread, NULL, without_a_seat, event),
	    0);
	ck_assert_int_eq(pthread_join(thread, &refused), 0);
	ck_assert_ptr_nonnull(refused);
	mp_event_close(event);
	mp_context_close(ctx);
}
END_TEST

TEST_MAIN("mp_event", an_event_is_set_until_it_is_cleared,
    an_event_is_found_by_its_name,
    all_who_wait_when_it_is_set_go_on_though_it_is_cleared_at_once,
    those_killed_while_they_wait_take_nobody_along, what_the_dead_set_is_set,
    who_has_no_seat_neither_sets_nor_waits)
