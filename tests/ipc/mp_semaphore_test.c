#include "ipc/mp/semaphore.h"
#include "tests/ipc/mp_fixture.h"

enum {
	MANY = 4,
	TURNS = 3000
};

static struct mp_sem *
sem_new(struct mp_context *ctx, unsigned value)
{
	struct mp_sem *sem = NULL;

	ck_assert_int_eq(mp_sem_open(ctx, NULL, value, &sem), 0);
	return sem;
}

static struct mp_bsem *
bsem_new(struct mp_context *ctx, unsigned value)
{
	struct mp_bsem *sem = NULL;

	ck_assert_int_eq(mp_bsem_open(ctx, NULL, value, &sem), 0);
	return sem;
}

static void
take_two(struct mp_context *ctx, void *sem)
{
	(void)ctx;
	EXPECT(mp_sem_acquire(sem, 0) == 0);
	EXPECT(mp_sem_acquire(sem, 0) == 0);
}

static void
take_none(struct mp_context *ctx, void *none)
{
	(void)ctx, (void)none;
}

START_TEST(as_many_get_in_as_there_are_credits)
{
	struct mp_context *ctx = context_new();
	struct mp_sem *sem = sem_new(ctx, 2);

	ck_assert_uint_eq(mp_sem_value(sem), 2);
	ck_assert_int_eq(mp_sem_acquire(sem, -1), 0);
	ck_assert_int_eq(mp_sem_acquire(sem, 0), 0);
	ck_assert_int_eq(mp_sem_acquire(sem, 0), MP_ETIMEDOUT);
	ck_assert_int_eq(mp_sem_acquire(sem, 2), MP_ETIMEDOUT);
	ck_assert_uint_eq(mp_sem_value(sem), 0);
	ck_assert_int_eq(mp_sem_release(sem), 0);
	ck_assert_int_eq(mp_sem_acquire(sem, 0), 0);
	mp_sem_close(sem);
	mp_context_close(ctx);
}
END_TEST

START_TEST(a_bounded_one_is_never_above_where_it_began)
{
	struct mp_context *ctx = context_new();
	struct mp_bsem *bounded = bsem_new(ctx, 1);
	struct mp_sem *sem = sem_new(ctx, 1);

	ck_assert_int_eq(mp_bsem_release(bounded), MP_EINVAL);
	ck_assert_int_eq(mp_bsem_acquire(bounded, 0), 0);
	ck_assert_int_eq(mp_bsem_release(bounded), 0);
	ck_assert_int_eq(mp_bsem_release(bounded), MP_EINVAL);
	ck_assert_uint_eq(mp_bsem_value(bounded), 1);
	ck_assert_int_eq(mp_sem_release(sem), 0);
	ck_assert_uint_eq(mp_sem_value(sem), 2);
	mp_bsem_close(bounded);
	mp_sem_close(sem);
	mp_context_close(ctx);
}
END_TEST

START_TEST(a_semaphore_is_found_by_its_name_and_its_first_value)
{
	struct mp_context *ctx = context_new();
	struct mp_sem *one = NULL, *same = NULL, *other = NULL;
	struct mp_bsem *bounded = NULL;

	ck_assert_int_eq(mp_sem_open(ctx, "slots", 3, &one), 0);
	ck_assert_int_eq(mp_sem_open(ctx, "slots", 3, &same), 0);
	ck_assert_int_eq(mp_sem_open(ctx, "slots", 4, &other), MP_EINVAL);
	ck_assert_int_eq(mp_bsem_open(ctx, "slots", 3, &bounded), MP_EINVAL);
	ck_assert_int_eq(mp_sem_open(ctx, "more", MP_SEM_MAX + 1, &other),
	    MP_EINVAL);
	ck_assert_int_eq(mp_sem_open(ctx, "most", MP_SEM_MAX, &other), 0);
	ck_assert_int_eq(mp_sem_release(other), MP_EINVAL);
	ck_assert_int_eq(mp_sem_acquire(one, 0), 0);
	ck_assert_uint_eq(mp_sem_value(same), 2);
	mp_sem_close(same);
	mp_sem_unlink(one);
	mp_sem_close(one);
	ck_assert_int_eq(mp_sem_open(ctx, "slots", 4, &one), 0);
	ck_assert_uint_eq(mp_sem_value(one), 4);
	mp_sem_close(one);
	mp_sem_close(other);
	mp_sem_close(NULL);
	mp_context_close(ctx);
}
END_TEST

START_TEST(the_credits_of_the_dead_come_back_and_no_others)
{
	struct mp_context *ctx = context_new();
	struct mp_sem *sem = sem_new(ctx, 5);

	ck_assert_int_eq(mp_sem_acquire(sem, 0), 0);
	kill_and_reap(holder_start(ctx, take_two, sem));
	ck_assert_uint_eq(mp_sem_value(sem), 2);
	ck_assert_int_eq(mp_context_tend(ctx), 1);
	ck_assert_uint_eq(mp_sem_value(sem), 4);
	/* The seat is another's now. */
	kill_and_reap(holder_start(ctx, take_two, sem));
	ck_assert_int_eq(mp_context_tend(ctx), 1);
	ck_assert_uint_eq(mp_sem_value(sem), 4);
	mp_sem_close(sem);
	mp_context_close(ctx);
}
END_TEST

START_TEST(who_waits_gets_the_credit_of_the_dead)
{
	struct mp_context *ctx = context_new();
	struct mp_sem *sem = sem_new(ctx, 2);

	kill_and_reap(holder_start(ctx, take_two, sem));
	ck_assert_int_eq(mp_sem_acquire(sem, -1), 0);
	ck_assert_int_eq(mp_sem_acquire(sem, 0), 0);
	ck_assert_int_eq(mp_sem_acquire(sem, 0), MP_ETIMEDOUT);
	mp_sem_close(sem);
	mp_context_close(ctx);
}
END_TEST

START_TEST(what_one_acquired_who_left_in_order_is_used_up)
{
	struct mp_context *ctx = context_new();
	struct mp_sem *sem = sem_new(ctx, 2);

	child_ok(child_start(ctx, take_two, sem));
	ck_assert_int_eq(mp_context_tend(ctx), 1);
	ck_assert_uint_eq(mp_sem_value(sem), 0);
	/* Nor is it the next one's in that seat. */
	kill_and_reap(holder_start(ctx, take_none, NULL));
	ck_assert_int_eq(mp_context_tend(ctx), 1);
	ck_assert_uint_eq(mp_sem_value(sem), 0);
	mp_sem_close(sem);
	mp_context_close(ctx);
}
END_TEST

/* A signal: one side acquires, the other releases. */
START_TEST(of_signals_the_dead_gives_back_only_the_last)
{
	struct mp_context *ctx = context_new();
	struct mp_sem *sem = sem_new(ctx, 2);

	ck_assert_int_eq(mp_sem_release(sem), 0); /* nobody has any */
	ck_assert_uint_eq(mp_sem_value(sem), 3);
	kill_and_reap(holder_start(ctx, take_two, sem));
	ck_assert_int_eq(mp_sem_release(sem), 0); /* for one it has */
	ck_assert_uint_eq(mp_sem_value(sem), 2);
	ck_assert_int_eq(mp_context_tend(ctx), 1);
	ck_assert_uint_eq(mp_sem_value(sem), 3);
	mp_sem_close(sem);
	mp_context_close(ctx);
}
END_TEST

static void
take_two_release_one(struct mp_context *ctx, void *sem)
{
	take_two(ctx, sem);
	EXPECT(mp_sem_release(sem) == 0);
}

START_TEST(who_has_acquired_releases_its_own)
{
	struct mp_context *ctx = context_new();
	struct mp_sem *sem = sem_new(ctx, 5);

	ck_assert_int_eq(mp_sem_acquire(sem, 0), 0);
	kill_and_reap(holder_start(ctx, take_two_release_one, sem));
	ck_assert_uint_eq(mp_sem_value(sem), 3);
	ck_assert_int_eq(mp_context_tend(ctx), 1);
	ck_assert_uint_eq(mp_sem_value(sem), 4);
	mp_sem_close(sem);
	mp_context_close(ctx);
}
END_TEST

static void
wait_for_one(struct mp_context *ctx, void *sem)
{
	(void)ctx;
	EXPECT(mp_sem_acquire(sem, -1) == 0);
}

START_TEST(one_killed_after_it_was_woken_takes_no_credit_along)
{
	struct mp_context *ctx = context_new();
	struct mp_sem *sem = sem_new(ctx, 0);
	pid_t waiting[MANY];

	for (int i = 0; i < MANY; i++)
		waiting[i] = child_start(ctx, wait_for_one, sem);
	AWAIT(sleepers(&mp_object_at(ctx, 0)->waiters) == MANY);
	for (int i = 0; i < MANY; i++)
		stop(waiting[i]);
	for (int i = 0; i < MANY / 2; i++)
		ck_assert_int_eq(mp_sem_release(sem), 0);
	for (int i = 0; i < MANY / 2; i++)
		kill_and_reap(waiting[i]);
	for (int i = MANY / 2; i < MANY; i++)
		ck_assert_int_eq(kill(waiting[i], SIGCONT), 0);
	for (int i = MANY / 2; i < MANY; i++)
		child_ok(waiting[i]);
	mp_sem_close(sem);
	mp_context_close(ctx);
}
END_TEST

struct turns {
	struct mp_sem *mine, *theirs;
};

static void
take_turns(struct mp_context *ctx, void *arg)
{
	struct turns *t = arg;

	(void)ctx;
	for (int i = 0; i < TURNS; i++) {
		EXPECT(mp_sem_acquire(t->mine, -1) == 0);
		EXPECT(mp_sem_value(t->mine) == 0);
		EXPECT(mp_sem_release(t->theirs) == 0);
	}
}

START_TEST(two_take_turns_by_two_semaphores)
{
	struct mp_context *ctx = context_new();
	struct turns a = { sem_new(ctx, 1), sem_new(ctx, 0) };
	struct turns b = { a.theirs, a.mine };
	pid_t one = child_start(ctx, take_turns, &a);
	pid_t two = child_start(ctx, take_turns, &b);

	child_ok(one);
	child_ok(two);
	ck_assert_uint_eq(mp_sem_value(a.mine), 1);
	ck_assert_uint_eq(mp_sem_value(a.theirs), 0);
	mp_sem_close(a.mine);
	mp_sem_close(a.theirs);
	mp_context_close(ctx);
}
END_TEST

static void
in_and_out(struct mp_context *ctx, void *sem)
{
	(void)ctx;
	for (int i = 0; i < TURNS; i++) {
		EXPECT(mp_bsem_acquire(sem, -1) == 0);
		EXPECT(mp_bsem_release(sem) == 0);
	}
}

/* Whatever each was about when it died. */
START_TEST(all_credits_are_there_when_all_who_worked_were_killed)
{
	struct mp_context *ctx = context_new();
	struct mp_bsem *sem = bsem_new(ctx, 2);
	uint64_t random = test_seed();

	for (int turn = 0; turn < 20; turn++) {
		pid_t child[MANY];

		for (int i = 0; i < MANY; i++)
			child[i] = child_start(ctx, in_and_out, sem);
		nanosleep(&(struct timespec){ .tv_nsec = (long)(test_random(
								    &random) %
								3000000) },
		    NULL);
		for (int i = 0; i < MANY; i++)
			kill_and_reap(child[i]);
		ck_assert_int_ge(mp_context_tend(ctx), 0);
		ck_assert_uint_eq(mp_bsem_value(sem), 2);
	}
	mp_bsem_close(sem);
	mp_context_close(ctx);
}
END_TEST

static void *
without_a_seat(void *sem)
{
	return (void *)(intptr_t)(mp_sem_acquire(sem, 0) == MP_EPERM &&
				  mp_sem_release(sem) == MP_EPERM);
}

START_TEST(who_has_no_seat_has_no_credit)
{
	struct mp_context *ctx = context_new();
	struct mp_sem *sem = sem_new(ctx, 1);
	pthread_t thread;
	void *refused = NULL;

	ck_assert_int_eq(pthread_create(&thread, NULL, without_a_seat, sem), 0);
	ck_assert_int_eq(pthread_join(thread, &refused), 0);
	ck_assert_ptr_nonnull(refused);
	mp_sem_close(sem);
	mp_context_close(ctx);
}
END_TEST

TEST_MAIN("mp_semaphore", as_many_get_in_as_there_are_credits,
    a_bounded_one_is_never_above_where_it_began,
    a_semaphore_is_found_by_its_name_and_its_first_value,
    the_credits_of_the_dead_come_back_and_no_others,
    who_waits_gets_the_credit_of_the_dead,
    what_one_acquired_who_left_in_order_is_used_up,
    who_has_acquired_releases_its_own,
    of_signals_the_dead_gives_back_only_the_last,
    one_killed_after_it_was_woken_takes_no_credit_along,
    two_take_turns_by_two_semaphores,
    all_credits_are_there_when_all_who_worked_were_killed,
    who_has_no_seat_has_no_credit)
