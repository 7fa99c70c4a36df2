#include "ipc/mp/condition.h"
#include "tests/ipc/mp_fixture.h"

enum {
	MANY = 4,
	ROOM = 2,
	TURNS = 500
};

struct shared {
	int n; /* guarded by the lock */
	int taken, next;
};

struct scene {
	struct mp_cond *cond, *other;
	struct shared *shared;
};

static struct mp_cond *
cond_new(struct mp_context *ctx)
{
	struct mp_cond *cond = NULL;

	ck_assert_int_eq(mp_cond_open(ctx, NULL, NULL, &cond), 0);
	return cond;
}

/* Of the only object. */
static struct mp_waiters *
waiters_of(struct mp_context *ctx)
{
	return &mp_object_at(ctx, 0)->waiters;
}

static void
wait_once(struct mp_context *ctx, void *cond)
{
	(void)ctx;
	EXPECT(mp_cond_acquire(cond, -1) == 0);
	EXPECT(mp_cond_wait(cond, -1) == 0);
	EXPECT(mp_cond_release(cond) == 0);
}

/* One that waits already. */
static pid_t
waiter_start(struct mp_context *ctx, struct mp_cond *cond)
{
	unsigned before = sleepers(waiters_of(ctx));
	pid_t child = child_start(ctx, wait_once, cond);

	AWAIT(sleepers(waiters_of(ctx)) > before);
	return child;
}

static void
notify(struct mp_cond *cond, unsigned n)
{
	ck_assert_int_eq(mp_cond_acquire(cond, -1), 0);
	ck_assert_int_eq(mp_cond_notify(cond, n), 0);
	ck_assert_int_eq(mp_cond_release(cond), 0);
}

static bool
still_runs(pid_t child)
{
	return waitpid(child, NULL, WNOHANG) == 0;
}

START_TEST(without_the_lock_nobody_waits_or_notifies)
{
	struct mp_context *ctx = context_new();
	struct mp_cond *cond = cond_new(ctx);

	ck_assert_int_eq(mp_cond_wait(cond, 0), MP_EPERM);
	ck_assert_int_eq(mp_cond_wait_for(cond, NULL, NULL, 0), MP_EPERM);
	ck_assert_int_eq(mp_cond_notify(cond, 1), MP_EPERM);
	ck_assert_int_eq(mp_cond_notify_all(cond), MP_EPERM);
	ck_assert_int_eq(mp_cond_release(cond), MP_EPERM);
	notify(cond, 1); /* nobody: it is not kept for later */
	ck_assert_int_eq(mp_cond_acquire(cond, 0), 0);
	ck_assert_int_eq(mp_cond_wait(cond, 1), MP_ETIMEDOUT);
	ck_assert_int_eq(mp_cond_release(cond), 0);
	ck_assert_int_eq(mp_cond_release(cond), MP_EPERM);
	mp_cond_close(cond);
	mp_cond_close(NULL);
	mp_context_close(ctx);
}
END_TEST

START_TEST(who_waits_longest_is_notified_first)
{
	struct mp_context *ctx = context_new();
	struct mp_cond *cond = cond_new(ctx);
	pid_t waiting[MANY];

	for (int i = 0; i < MANY; i++)
		waiting[i] = waiter_start(ctx, cond);
	for (int i = 0; i < MANY; i++) {
		notify(cond, 1);
		child_ok(waiting[i]);
		for (int left = i + 1; left < MANY; left++)
			ck_assert(still_runs(waiting[left]));
	}
	mp_cond_close(cond);
	mp_context_close(ctx);
}
END_TEST

START_TEST(as_many_are_notified_as_was_said_or_all)
{
	struct mp_context *ctx = context_new();
	struct mp_cond *cond = cond_new(ctx);
	pid_t waiting[MANY];

	for (int i = 0; i < MANY; i++)
		waiting[i] = waiter_start(ctx, cond);
	notify(cond, 2);
	child_ok(waiting[0]);
	child_ok(waiting[1]);
	ck_assert(still_runs(waiting[2]));
	ck_assert_int_eq(mp_cond_acquire(cond, -1), 0);
	ck_assert_int_eq(mp_cond_notify_all(cond), 0);
	ck_assert_int_eq(mp_cond_release(cond), 0);
	child_ok(waiting[2]);
	child_ok(waiting[3]);
	mp_cond_close(cond);
	mp_context_close(ctx);
}
END_TEST

START_TEST(who_is_notified_is_woken_and_no_other)
{
	struct mp_context *ctx = context_new();
	struct mp_cond *cond = cond_new(ctx);
	pid_t first = waiter_start(ctx, cond);
	pid_t waiting[2] = { waiter_start(ctx, cond), 0 };

	/* A seat in front of the one that waits longest. */
	notify(cond, 1);
	child_ok(first);
	ck_assert_int_eq(mp_context_tend(ctx), 1);
	waiting[1] = waiter_start(ctx, cond);
	/* Between two sleeps one has no bit. */
	do {
		for (int i = 0; i < 2; i++)
			ck_assert_int_eq(kill(waiting[i], SIGCONT), 0);
		for (int i = 0; i < 2; i++)
			stop(waiting[i]);
	} while (sleepers(waiters_of(ctx)) != 2);
	notify(cond, 1);
	ck_assert_uint_eq(waiters_of(ctx)->word[0], 1u << 2);
	notify(cond, 1);
	ck_assert_uint_eq(sleepers(waiters_of(ctx)), 0);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(kill(waiting[i], SIGCONT), 0);
	for (int i = 0; i < 2; i++)
		child_ok(waiting[i]);
	mp_cond_close(cond);
	mp_context_close(ctx);
}
END_TEST

static void
notify_one(struct mp_context *ctx, void *cond)
{
	(void)ctx;
	EXPECT(mp_cond_acquire(cond, -1) == 0);
	EXPECT(mp_cond_notify(cond, 1) == 0);
	EXPECT(mp_cond_release(cond) == 0);
}

START_TEST(a_lock_taken_three_times_is_given_up_wholly_and_had_again)
{
	struct mp_context *ctx = context_new();
	struct mp_rlock *lock = NULL;
	struct mp_cond *cond = NULL;
	pid_t child;

	ck_assert_int_eq(mp_rlock_open(ctx, NULL, &lock), 0);
	ck_assert_int_eq(mp_cond_open(ctx, NULL, lock, &cond), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(mp_cond_acquire(cond, 0), 0);
	child = child_start(ctx, notify_one, cond);
	ck_assert_int_eq(mp_cond_wait(cond, -1), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(mp_rlock_owner(lock), mp_context_seat(ctx));
		ck_assert_int_eq(mp_cond_release(cond), 0);
	}
	ck_assert_int_eq(mp_rlock_owner(lock), 0);
	child_ok(child);
	mp_cond_close(cond);
	mp_rlock_close(lock);
	mp_context_close(ctx);
}
END_TEST

START_TEST(a_condition_is_found_by_its_name_and_its_lock)
{
	struct mp_context *ctx = context_new(), *elsewhere = context_new();
	struct mp_rlock *lock = NULL, *another = NULL, *foreign = NULL;
	struct mp_cond *one = NULL, *same = NULL, *other = NULL;

	ck_assert_int_eq(mp_rlock_open(ctx, NULL, &another), 0);
	ck_assert_int_eq(mp_rlock_open(ctx, NULL, &lock), 0);
	ck_assert_int_eq(mp_rlock_open(elsewhere, NULL, &foreign), 0);
	ck_assert_int_eq(mp_cond_open(ctx, "room", lock, &one), 0);
	ck_assert_int_eq(mp_cond_open(ctx, "room", lock, &same), 0);
	ck_assert_int_eq(mp_cond_open(ctx, "room", another, &other), MP_EINVAL);
	ck_assert_int_eq(mp_cond_open(ctx, "room", NULL, &other), MP_EINVAL);
	ck_assert_int_eq(mp_cond_open(ctx, NULL, foreign, &other), MP_EINVAL);
	ck_assert_int_eq(mp_cond_acquire(one, 0), 0);
	ck_assert_int_eq(mp_rlock_owner(lock), mp_context_seat(ctx));
	ck_assert_int_eq(mp_cond_acquire(same, 0), 0);
	ck_assert_int_eq(mp_cond_release(same), 0);
	ck_assert_int_eq(mp_cond_release(one), 0);
	mp_cond_close(same);
	mp_cond_unlink(one);
	mp_cond_close(one);
	ck_assert_int_eq(mp_cond_open(ctx, "room", NULL, &one), 0);
	mp_cond_close(one);
	mp_rlock_close(lock);
	mp_rlock_close(another);
	mp_rlock_close(foreign);
	mp_context_close(elsewhere);
	mp_context_close(ctx);
}
END_TEST

static bool
is_full(void *arg)
{
	return ((struct scene *)arg)->shared->n == ROOM;
}

static bool
is_not_full(void *arg)
{
	return ((struct scene *)arg)->shared->n < ROOM;
}

static bool
is_not_empty(void *arg)
{
	return ((struct scene *)arg)->shared->n > 0;
}

START_TEST(what_is_waited_for_has_come_or_the_time_is_over)
{
	struct mp_context *ctx = context_new();
	struct scene s = { cond_new(ctx), NULL, shared_new(sizeof(*s.shared)) };

	ck_assert_int_eq(mp_cond_acquire(s.cond, 0), 0);
	ck_assert_int_eq(mp_cond_wait_for(s.cond, is_not_full, &s, 0), 0);
	ck_assert_int_eq(mp_cond_wait_for(s.cond, is_full, &s, 0),
	    MP_ETIMEDOUT);
	ck_assert_int_eq(mp_cond_wait_for(s.cond, is_full, &s, 3),
	    MP_ETIMEDOUT);
	ck_assert_int_eq(mp_cond_release(s.cond), 0);
	mp_cond_close(s.cond);
	mp_context_close(ctx);
}
END_TEST

static void
produce(struct mp_context *ctx, void *arg)
{
	struct scene *s = arg;

	(void)ctx;
	for (int i = 0; i < TURNS; i++) {
		EXPECT(mp_cond_acquire(s->cond, -1) == 0);
		EXPECT(mp_cond_wait_for(s->cond, is_not_full, s, -1) == 0);
		s->shared->n++;
		EXPECT(mp_cond_notify(s->other, 1) == 0);
		EXPECT(mp_cond_release(s->cond) == 0);
	}
}

static void
consume(struct mp_context *ctx, void *arg)
{
	struct scene *s = arg;

	(void)ctx;
	for (int i = 0; i < TURNS; i++) {
		EXPECT(mp_cond_acquire(s->other, -1) == 0);
		EXPECT(mp_cond_wait_for(s->other, is_not_empty, s, -1) == 0);
		EXPECT(s->shared->n <= ROOM);
		s->shared->n--;
		s->shared->taken++;
		EXPECT(mp_cond_notify(s->cond, 1) == 0);
		EXPECT(mp_cond_release(s->other) == 0);
	}
}

START_TEST(two_conditions_of_one_lock_make_a_bounded_queue)
{
	struct mp_context *ctx = context_new();
	struct scene s = { .shared = shared_new(sizeof(*s.shared)) };
	struct mp_rlock *lock = NULL;
	pid_t child[MANY];

	ck_assert_int_eq(mp_rlock_open(ctx, NULL, &lock), 0);
	ck_assert_int_eq(mp_cond_open(ctx, "room", lock, &s.cond), 0);
	ck_assert_int_eq(mp_cond_open(ctx, "items", lock, &s.other), 0);
	for (int i = 0; i < MANY; i++)
		child[i] = child_start(ctx, i % 2 == 0 ? produce : consume, &s);
	for (int i = 0; i < MANY; i++)
		child_ok(child[i]);
	ck_assert_int_eq(s.shared->n, 0);
	ck_assert_int_eq(s.shared->taken, MANY / 2 * TURNS);
	mp_cond_close(s.cond);
	mp_cond_close(s.other);
	mp_rlock_close(lock);
	mp_context_close(ctx);
}
END_TEST

START_TEST(of_one_killed_after_it_was_notified_the_next_is_notified)
{
	struct mp_context *ctx = context_new();
	struct mp_cond *cond = cond_new(ctx);
	pid_t first = waiter_start(ctx, cond);
	pid_t second = waiter_start(ctx, cond);
	pid_t third = waiter_start(ctx, cond);

	stop(first);
	notify(cond, 1);
	kill_and_reap(first);
	child_ok(second);
	ck_assert(still_runs(third));
	notify(cond, 1);
	child_ok(third);
	mp_cond_close(cond);
	mp_context_close(ctx);
}
END_TEST

START_TEST(one_killed_while_it_waits_is_not_notified)
{
	struct mp_context *ctx = context_new();
	struct mp_cond *cond = cond_new(ctx);
	pid_t first = waiter_start(ctx, cond);
	pid_t second = waiter_start(ctx, cond);

	kill_and_reap(first);
	ck_assert_int_eq(mp_context_tend(ctx), 1);
	ck_assert(still_runs(second));
	notify(cond, 1);
	child_ok(second);
	mp_cond_close(cond);
	mp_context_close(ctx);
}
END_TEST

static void
take_it(struct mp_context *ctx, void *cond)
{
	(void)ctx;
	EXPECT(mp_cond_acquire(cond, -1) == 0);
}

static void
wait_and_mend(struct mp_context *ctx, void *arg)
{
	struct scene *s = arg;
	int r;

	(void)ctx;
	EXPECT(mp_cond_acquire(s->cond, -1) == 0);
	r = mp_cond_wait(s->cond, -1);
	EXPECT(r == (s->shared->n++ == 0 ? MP_OWNERDEAD : 0));
	EXPECT(r == 0 || mp_cond_consistent(s->cond) == 0);
	EXPECT(mp_cond_release(s->cond) == 0);
}

static void
all_are_told_of_the_death(struct mp_rlock *lock, struct mp_context *ctx,
    uint32_t object)
{
	struct scene s = { .shared = shared_new(sizeof(*s.shared)) };
	pid_t child[MANY];

	ck_assert_int_eq(mp_cond_open(ctx, NULL, lock, &s.cond), 0);
	for (int i = 0; i < MANY; i++)
		child[i] = child_start(ctx, wait_and_mend, &s);
	AWAIT(sleepers(&mp_object_at(ctx, object)->waiters) == MANY);
	kill_and_reap(holder_start(ctx, take_it, s.cond));
	/* Nobody tends: those who wait find out. */
	for (int i = 0; i < MANY; i++)
		child_ok(child[i]);
	ck_assert_int_eq(mp_cond_acquire(s.cond, 0), 0);
	mp_cond_close(s.cond);
}

START_TEST(when_one_dies_with_the_lock_all_who_wait_are_told_and_one_mends)
{
	struct mp_context *ctx = context_new();

	all_are_told_of_the_death(NULL, ctx, 0);
	mp_context_close(ctx);
}
END_TEST

START_TEST(so_they_are_when_the_lock_was_given)
{
	struct mp_context *ctx = context_new();
	struct mp_rlock *lock = NULL;

	ck_assert_int_eq(mp_rlock_open(ctx, NULL, &lock), 0);
	all_are_told_of_the_death(lock, ctx, 1);
	mp_rlock_close(lock);
	mp_context_close(ctx);
}
END_TEST

TEST_MAIN("mp_condition", without_the_lock_nobody_waits_or_notifies,
    who_waits_longest_is_notified_first,
    as_many_are_notified_as_was_said_or_all,
    who_is_notified_is_woken_and_no_other,
    a_lock_taken_three_times_is_given_up_wholly_and_had_again,
    a_condition_is_found_by_its_name_and_its_lock,
    what_is_waited_for_has_come_or_the_time_is_over,
    two_conditions_of_one_lock_make_a_bounded_queue,
    of_one_killed_after_it_was_notified_the_next_is_notified,
    one_killed_while_it_waits_is_not_notified,
    when_one_dies_with_the_lock_all_who_wait_are_told_and_one_mends,
    so_they_are_when_the_lock_was_given)
