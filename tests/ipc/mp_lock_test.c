#include "ipc/mp/lock_impl.h"
#include "tests/ipc/mp_fixture.h"

enum {
	MANY = 4,
	TURNS = 5000
};

static struct mp_lock *
lock_new(struct mp_context *ctx)
{
	struct mp_lock *lock = NULL;

	ck_assert_int_eq(mp_lock_open(ctx, NULL, &lock), 0);
	return lock;
}

static struct mp_rlock *
rlock_new(struct mp_context *ctx)
{
	struct mp_rlock *lock = NULL;

	ck_assert_int_eq(mp_rlock_open(ctx, NULL, &lock), 0);
	return lock;
}

/* Of the only lock. */
static struct mp_waiters *
waiters_of(struct mp_context *ctx)
{
	return &mp_object_at(ctx, 0)->waiters;
}

static void
take(struct mp_context *ctx, void *lock)
{
	(void)ctx;
	EXPECT(mp_lock_acquire(lock, 0) == 0);
}

static void
take_twice(struct mp_context *ctx, void *lock)
{
	(void)ctx;
	EXPECT(mp_rlock_acquire(lock, 0) == 0);
	EXPECT(mp_rlock_acquire(lock, 0) == 0);
}

static void
cannot_take(struct mp_context *ctx, void *lock)
{
	EXPECT(mp_lock_acquire(lock, 0) == MP_ETIMEDOUT);
	EXPECT(mp_lock_acquire(lock, 2) == MP_ETIMEDOUT);
	EXPECT(sleepers(waiters_of(ctx)) == 0);
}

START_TEST(a_lock_that_is_taken_is_had_by_nobody_else)
{
	struct mp_context *ctx = context_new();
	struct mp_lock *lock = lock_new(ctx);

	ck_assert_int_eq(mp_lock_owner(lock), 0);
	ck_assert_int_eq(mp_lock_acquire(lock, -1), 0);
	ck_assert_int_eq(mp_lock_owner(lock), mp_context_seat(ctx));
	ck_assert_int_eq(mp_lock_acquire(lock, 0), MP_ETIMEDOUT);
	child_ok(child_start(ctx, cannot_take, lock));
	ck_assert_int_eq(mp_lock_release(lock), 0);
	ck_assert_int_eq(mp_lock_owner(lock), 0);
	ck_assert_int_eq(mp_lock_acquire(lock, 0), 0);
	mp_lock_close(lock);
	mp_context_close(ctx);
}
END_TEST

static void
release(struct mp_context *ctx, void *lock)
{
	(void)ctx;
	EXPECT(mp_lock_release(lock) == 0);
}

static void
cannot_release_r(struct mp_context *ctx, void *lock)
{
	(void)ctx;
	EXPECT(mp_rlock_release(lock) == MP_EPERM);
	EXPECT(mp_rlock_consistent(lock) == MP_EPERM);
	EXPECT(mp_rlock_acquire(lock, 0) == MP_ETIMEDOUT);
}

START_TEST(a_lock_may_be_released_by_another_and_an_rlock_by_its_holder_only)
{
	struct mp_context *ctx = context_new();
	struct mp_lock *lock = lock_new(ctx);
	struct mp_rlock *rlock = rlock_new(ctx);

	ck_assert_int_eq(mp_lock_release(lock), MP_EINVAL);
	ck_assert_int_eq(mp_lock_acquire(lock, 0), 0);
	child_ok(child_start(ctx, release, lock));
	ck_assert_int_eq(mp_lock_acquire(lock, 0), 0);

	ck_assert_int_eq(mp_rlock_release(rlock), MP_EPERM);
	ck_assert_int_eq(mp_rlock_acquire(rlock, 0), 0);
	child_ok(child_start(ctx, cannot_release_r, rlock));
	ck_assert_int_eq(mp_rlock_release(rlock), 0);
	mp_lock_close(lock);
	mp_rlock_close(rlock);
	mp_context_close(ctx);
}
END_TEST

START_TEST(an_rlock_is_released_as_often_as_it_was_taken)
{
	struct mp_context *ctx = context_new();
	struct mp_rlock *lock = rlock_new(ctx);

	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(mp_rlock_acquire(lock, 0), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(mp_rlock_owner(lock), mp_context_seat(ctx));
		ck_assert_int_eq(mp_rlock_release(lock), 0);
	}
	ck_assert_int_eq(mp_rlock_owner(lock), 0);
	child_ok(child_start(ctx, take_twice, lock));
	mp_rlock_close(lock);
	mp_context_close(ctx);
}
END_TEST

START_TEST(an_rlock_is_not_taken_more_often_than_it_can_count)
{
	struct mp_context *ctx = context_new();
	struct mp_rlock *lock = rlock_new(ctx);

	ck_assert_int_eq(mp_rlock_acquire(lock, 0), 0);
	atomic_fetch_or(mp_lock_word(mp_object_at(ctx, 0)), 0xffffffull << 16);
	ck_assert_int_eq(mp_rlock_acquire(lock, 0), MP_EINVAL);
	ck_assert_int_eq(mp_rlock_release(lock), 0);
	ck_assert_int_eq(mp_rlock_acquire(lock, 0), 0);
	mp_rlock_close(lock);
	mp_context_close(ctx);
}
END_TEST

START_TEST(a_lock_is_found_by_its_name)
{
	struct mp_context *ctx = context_new();
	struct mp_lock *one = NULL, *same = NULL, *other = NULL;
	struct mp_rlock *rlock = NULL;

	ck_assert_int_eq(mp_lock_open(ctx, "door", &one), 0);
	ck_assert_int_eq(mp_lock_open(ctx, "door", &same), 0);
	ck_assert_int_eq(mp_lock_open(ctx, "window", &other), 0);
	ck_assert_int_eq(mp_rlock_open(ctx, "door", &rlock), MP_EINVAL);
	ck_assert_int_eq(mp_lock_open(ctx, "", &other), MP_EINVAL);
	ck_assert_int_eq(mp_lock_acquire(one, 0), 0);
	ck_assert_int_eq(mp_lock_acquire(same, 0), MP_ETIMEDOUT);
	ck_assert_int_eq(mp_lock_acquire(other, 0), 0);
	mp_lock_close(same);
	mp_lock_unlink(one);
	mp_lock_close(one);
	ck_assert_int_eq(mp_lock_open(ctx, "door", &one), 0);
	ck_assert_int_eq(mp_lock_acquire(one, 0), 0);
	mp_lock_close(one);
	mp_lock_close(other);
	mp_lock_close(NULL);
	mp_context_close(ctx);
}
END_TEST

START_TEST(the_lock_of_a_dead_holder_is_had_and_says_so_until_it_is_mended)
{
	struct mp_context *ctx = context_new();
	struct mp_lock *lock = lock_new(ctx);

	kill_and_reap(holder_start(ctx, take, lock));
	/* Nobody tends: who waits finds the dead by itself. */
	ck_assert_int_eq(mp_lock_acquire(lock, -1), MP_OWNERDEAD);
	ck_assert_int_eq(mp_lock_release(lock), 0);
	ck_assert_int_eq(mp_lock_acquire(lock, 0), MP_OWNERDEAD);
	ck_assert_int_eq(mp_lock_consistent(lock), 0);
	ck_assert_int_eq(mp_lock_release(lock), 0);
	ck_assert_int_eq(mp_lock_consistent(lock), MP_EPERM);
	ck_assert_int_eq(mp_lock_acquire(lock, 0), 0);
	mp_lock_close(lock);
	mp_context_close(ctx);
}
END_TEST

START_TEST(an_rlock_that_was_held_twice_by_the_dead_is_free)
{
	struct mp_context *ctx = context_new();
	struct mp_rlock *lock = rlock_new(ctx);

	kill_and_reap(holder_start(ctx, take_twice, lock));
	ck_assert_int_eq(mp_context_tend(ctx), 1);
	ck_assert_int_eq(mp_rlock_owner(lock), 0);
	ck_assert_int_eq(mp_rlock_acquire(lock, 0), MP_OWNERDEAD);
	ck_assert_int_eq(mp_rlock_acquire(lock, 0), MP_OWNERDEAD);
	ck_assert_int_eq(mp_rlock_consistent(lock), 0);
	ck_assert_int_eq(mp_rlock_release(lock), 0);
	ck_assert_int_eq(mp_rlock_acquire(lock, 0), 0);
	mp_rlock_close(lock);
	mp_context_close(ctx);
}
END_TEST

START_TEST(what_another_holds_stays_its_own_when_one_dies)
{
	struct mp_context *ctx = context_new();
	struct mp_lock *mine = lock_new(ctx), *theirs = lock_new(ctx);

	ck_assert_int_eq(mp_lock_acquire(mine, 0), 0);
	kill_and_reap(holder_start(ctx, take, theirs));
	ck_assert_int_eq(mp_context_tend(ctx), 1);
	ck_assert_int_eq(mp_lock_owner(mine), mp_context_seat(ctx));
	ck_assert_int_eq(mp_lock_release(mine), 0);
	ck_assert_int_eq(mp_lock_acquire(mine, 0), 0);
	mp_lock_close(mine);
	mp_lock_close(theirs);
	mp_context_close(ctx);
}
END_TEST

static void
wait_for_it(struct mp_context *ctx, void *lock)
{
	(void)ctx;
	EXPECT(mp_lock_acquire(lock, -1) == 0);
	EXPECT(mp_lock_release(lock) == 0);
}

/* It would find out by itself, when it looks for the dead: so it cannot. */
START_TEST(a_release_wakes_one_of_those_who_wait)
{
	struct mp_context *ctx = context_new();
	struct mp_lock *lock = lock_new(ctx);
	pid_t waiting[2];

	ck_assert_int_eq(mp_lock_acquire(lock, 0), 0);
	for (int i = 0; i < 2; i++)
		waiting[i] = child_start(ctx, wait_for_it, lock);
	AWAIT(sleepers(waiters_of(ctx)) == 2);
	/* Between two sleeps it has no bit. */
	do {
		for (int i = 0; i < 2; i++)
			ck_assert_int_eq(kill(waiting[i], SIGCONT), 0);
		for (int i = 0; i < 2; i++)
			stop(waiting[i]);
	} while (sleepers(waiters_of(ctx)) != 2);
	ck_assert_int_eq(mp_lock_release(lock), 0);
	ck_assert_uint_eq(sleepers(waiters_of(ctx)), 1);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(kill(waiting[i], SIGCONT), 0);
	for (int i = 0; i < 2; i++)
		child_ok(waiting[i]);
	mp_lock_close(lock);
	mp_context_close(ctx);
}
END_TEST

/* Whichever of the sleepers the release chooses. */
START_TEST(one_killed_while_it_waits_takes_nobody_along)
{
	struct mp_context *ctx = context_new();
	struct mp_lock *lock = lock_new(ctx);
	pid_t waiting[MANY];

	ck_assert_int_eq(mp_lock_acquire(lock, 0), 0);
	for (int i = 0; i < MANY; i++)
		waiting[i] = child_start(ctx, wait_for_it, lock);
	AWAIT(sleepers(waiters_of(ctx)) == MANY);
	stop(waiting[0]);
	stop(waiting[1]);
	ck_assert_int_eq(mp_lock_release(lock), 0);
	kill_and_reap(waiting[0]);
	kill_and_reap(waiting[1]);
	for (int i = 2; i < MANY; i++)
		child_ok(waiting[i]);
	mp_lock_close(lock);
	mp_context_close(ctx);
}
END_TEST

struct work {
	struct mp_lock *lock;
	long *total;
};

static void
add_up(struct mp_context *ctx, void *arg)
{
	struct work *w = arg;

	(void)ctx;
	for (int i = 0; i < TURNS; i++) {
		EXPECT(mp_lock_acquire(w->lock, -1) == 0);
		*(volatile long *)w->total = *(volatile long *)w->total + 1;
		EXPECT(mp_lock_release(w->lock) == 0);
	}
}

START_TEST(what_a_lock_guards_is_changed_by_one_at_a_time)
{
	struct mp_context *ctx = context_new();
	struct work work = { lock_new(ctx), shared_new(sizeof(long)) };
	pid_t child[MANY];

	for (int i = 0; i < MANY; i++)
		child[i] = child_start(ctx, add_up, &work);
	for (int i = 0; i < MANY; i++)
		child_ok(child[i]);
	ck_assert_int_eq(*work.total, MANY * TURNS);
	mp_lock_close(work.lock);
	mp_context_close(ctx);
}
END_TEST

START_TEST(a_holder_that_cannot_be_is_not_waited_for)
{
	struct mp_context *ctx = context_new();
	struct mp_lock *lock = lock_new(ctx);

	atomic_store(mp_lock_word(mp_object_at(ctx, 0)), 1 << 16 | 200);
	ck_assert_int_eq(mp_lock_acquire(lock, -1), MP_ECORRUPT);
	mp_lock_close(lock);
	mp_context_close(ctx);
}
END_TEST

static void *
without_a_seat(void *lock)
{
	return (void *)(intptr_t)(mp_lock_acquire(lock, 0) == MP_EPERM &&
				  mp_lock_release(lock) == MP_EPERM &&
				  mp_lock_consistent(lock) == MP_EPERM);
}

START_TEST(who_has_no_seat_takes_no_lock)
{
	struct mp_context *ctx = context_new();
	struct mp_lock *lock = lock_new(ctx);
	pthread_t thread;
	void *refused = NULL;

	ck_assert_int_eq(pthread_create(&thread, NULL, without_a_seat, lock),
	    0);
	ck_assert_int_eq(pthread_join(thread, &refused), 0);
	ck_assert_ptr_nonnull(refused);
	mp_lock_close(lock);
	mp_context_close(ctx);
}
END_TEST

TEST_MAIN("mp_lock", a_lock_that_is_taken_is_had_by_nobody_else,
    a_lock_may_be_released_by_another_and_an_rlock_by_its_holder_only,
    an_rlock_is_released_as_often_as_it_was_taken,
    an_rlock_is_not_taken_more_often_than_it_can_count,
    a_lock_is_found_by_its_name,
    the_lock_of_a_dead_holder_is_had_and_says_so_until_it_is_mended,
    an_rlock_that_was_held_twice_by_the_dead_is_free,
    what_another_holds_stays_its_own_when_one_dies,
    a_release_wakes_one_of_those_who_wait,
    one_killed_while_it_waits_takes_nobody_along,
    what_a_lock_guards_is_changed_by_one_at_a_time,
    a_holder_that_cannot_be_is_not_waited_for, who_has_no_seat_takes_no_lock)
