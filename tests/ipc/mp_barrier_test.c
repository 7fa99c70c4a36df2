#include "ipc/mp/barrier.h"
#include "tests/ipc/mp_fixture.h"

enum {
	MANY = 4,
	ROUNDS = 200
};

struct shared {
	_Atomic int arrived, ran, passed, broken, failed;
	_Atomic int index[MANY];
};

struct scene {
	struct mp_barrier *barrier;
	struct shared *shared;
	int rounds;
};

static int
count_up(void *arg)
{
	struct shared *shared = arg;

	shared->ran++;
	return 0;
}

static int
go_wrong(void *arg)
{
	struct shared *shared = arg;

	shared->ran++;
	return -EIO;
}

/* Until we say so. */
static int
take_long(void *arg)
{
	struct shared *shared = arg;

	shared->ran++;
	AWAIT(shared->arrived > 0);
	return 0;
}

/* Only the first of all who run it dies of it. */
static int
die_once(void *arg)
{
	struct shared *shared = arg;

	if (shared->ran++ == 0)
		raise(SIGKILL);
	return 0;
}

static struct scene
scene_new(struct mp_context *ctx, unsigned parties, int (*action)(void *),
    enum mp_on_death on_death)
{
	struct scene s = { .shared = shared_new(sizeof(*s.shared)),
		.rounds = 1 };
	const struct mp_barrier_attr attr = { action, s.shared, on_death };

	ck_assert_int_eq(mp_barrier_open(ctx, NULL, parties, &attr, &s.barrier),
	    0);
	return s;
}

static void
wait_rounds(struct mp_context *ctx, void *arg)
{
	struct scene *s = arg;
	unsigned index = MANY;

	(void)ctx;
	for (int i = 0; i < s->rounds; i++) {
		int r = mp_barrier_wait(s->barrier, -1, &index);

		s->shared->passed += r == 0;
		s->shared->broken += r == MP_EBROKEN;
		s->shared->failed += r == -EIO;
		EXPECT(r == 0 || r == MP_EBROKEN || r == -EIO);
		if (r == 0 && index < MANY)
			s->shared->index[index]++;
	}
}

/* `n` that wait. */
static void
waiters_start(struct mp_context *ctx, struct scene *s, pid_t *child, unsigned n)
{
	unsigned before = mp_barrier_n_waiting(s->barrier);

	for (unsigned i = 0; i < n; i++) {
		child[i] = child_start(ctx, wait_rounds, s);
		AWAIT(mp_barrier_n_waiting(s->barrier) == before + i + 1);
	}
}

static void
all_ok(const pid_t *child, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		child_ok(child[i]);
}

START_TEST(nobody_goes_on_before_all_are_there)
{
	struct mp_context *ctx = context_new();
	struct scene s = scene_new(ctx, MANY, NULL, MP_BARRIER_BREAK);
	pid_t child[MANY];
	unsigned index = MANY;

	ck_assert_uint_eq(mp_barrier_parties(s.barrier), MANY);
	ck_assert_uint_eq(mp_barrier_n_waiting(s.barrier), 0);
	waiters_start(ctx, &s, child, MANY - 1);
	ck_assert_int_eq(s.shared->passed, 0);
	ck_assert_int_eq(mp_barrier_wait(s.barrier, -1, &index), 0);
	all_ok(child, MANY - 1);
	ck_assert_int_eq(s.shared->passed, MANY - 1);
	ck_assert_uint_lt(index, MANY);
	s.shared->index[index]++;
	for (int i = 0; i < MANY; i++)
		ck_assert_int_eq(s.shared->index[i], 1);
	ck_assert_uint_eq(mp_barrier_n_waiting(s.barrier), 0);
	/* They have left in order. */
	ck_assert_int_eq(mp_context_tend(ctx), MANY - 1);
	ck_assert(!mp_barrier_broken(s.barrier));
	mp_barrier_close(s.barrier);
	mp_barrier_close(NULL);
	mp_context_close(ctx);
}
END_TEST

static void
keep_step(struct mp_context *ctx, void *arg)
{
	struct scene *s = arg;
	unsigned index;

	(void)ctx;
	for (int i = 0; i < ROUNDS; i++) {
		s->shared->arrived++;
		EXPECT(mp_barrier_wait(s->barrier, -1, &index) == 0);
		EXPECT(index < MANY);
		s->shared->index[index]++;
		EXPECT(s->shared->arrived >= (i + 1) * MANY);
		EXPECT(s->shared->ran == 2 * i + 1);
		EXPECT(mp_barrier_wait(s->barrier, -1, NULL) == 0);
	}
}

START_TEST(round_after_round_the_action_runs_once_and_indices_differ)
{
	struct mp_context *ctx = context_new();
	struct scene s = scene_new(ctx, MANY, count_up, MP_BARRIER_BREAK);
	pid_t child[MANY];

	for (int i = 0; i < MANY; i++)
		child[i] = child_start(ctx, keep_step, &s);
	all_ok(child, MANY);
	for (int i = 0; i < MANY; i++)
		ck_assert_int_eq(s.shared->index[i], ROUNDS);
	mp_barrier_close(s.barrier);
	mp_context_close(ctx);
}
END_TEST

START_TEST(an_action_that_fails_breaks_it_and_says_why_to_one)
{
	struct mp_context *ctx = context_new();
	struct scene s = scene_new(ctx, 3, go_wrong, MP_BARRIER_BREAK);
	pid_t child[3];

	for (int i = 0; i < 3; i++)
		child[i] = child_start(ctx, wait_rounds, &s);
	all_ok(child, 3);
	ck_assert_int_eq(s.shared->ran, 1);
	ck_assert_int_eq(s.shared->failed, 1);
	ck_assert_int_eq(s.shared->broken, 2);
	ck_assert(mp_barrier_broken(s.barrier));
	ck_assert_int_eq(mp_barrier_wait(s.barrier, -1, NULL), MP_EBROKEN);
	mp_barrier_close(s.barrier);
	mp_context_close(ctx);
}
END_TEST

START_TEST(who_comes_while_the_action_runs_is_the_first_of_the_next)
{
	struct mp_context *ctx = context_new();
	struct scene s = scene_new(ctx, 2, take_long, MP_BARRIER_BREAK);
	struct scene none = { s.barrier, s.shared, 0 };
	struct mp_waiters *waiters = &mp_object_at(ctx, 0)->waiters;
	pid_t child[3];

	for (int i = 0; i < 2; i++)
		child[i] = child_start(ctx, wait_rounds, &s);
	AWAIT(s.shared->ran == 1);
	AWAIT(sleepers(waiters) == 1);
	/* A stranger's death wakes the other, which runs nothing. */
	kill_and_reap(holder_start(ctx, wait_rounds, &none));
	ck_assert_int_eq(mp_context_tend(ctx), 1);
	child[2] = child_start(ctx, wait_rounds, &s);
	AWAIT(sleepers(waiters) == 2);
	ck_assert_uint_eq(mp_barrier_n_waiting(s.barrier), 2);
	s.shared->arrived = 1;
	all_ok(child, 2);
	AWAIT(mp_barrier_n_waiting(s.barrier) == 1);
	ck_assert_int_eq(mp_barrier_wait(s.barrier, -1, NULL), 0);
	child_ok(child[2]);
	ck_assert_int_eq(s.shared->ran, 2);
	mp_barrier_close(s.barrier);
	mp_context_close(ctx);
}
END_TEST

START_TEST(one_whose_time_is_over_breaks_it_for_all)
{
	struct mp_context *ctx = context_new();
	struct scene s = scene_new(ctx, 3, NULL, MP_BARRIER_BREAK);
	pid_t child[2];

	waiters_start(ctx, &s, child, 1);
	ck_assert_int_eq(mp_barrier_wait(s.barrier, 2, NULL), MP_EBROKEN);
	child_ok(child[0]);
	ck_assert_int_eq(s.shared->broken, 1);
	ck_assert(mp_barrier_broken(s.barrier));
	ck_assert_uint_eq(mp_barrier_n_waiting(s.barrier), 0);

	ck_assert_int_eq(mp_barrier_reset(s.barrier), 0);
	ck_assert(!mp_barrier_broken(s.barrier));
	waiters_start(ctx, &s, child, 2);
	ck_assert_int_eq(mp_barrier_wait(s.barrier, 60000, NULL), 0);
	all_ok(child, 2);
	mp_barrier_close(s.barrier);
	mp_context_close(ctx);
}
END_TEST

START_TEST(who_waits_when_it_is_reset_gets_nothing_and_the_next_do)
{
	struct mp_context *ctx = context_new();
	struct scene s = scene_new(ctx, 3, NULL, MP_BARRIER_BREAK);
	pid_t child[3];

	ck_assert_int_eq(mp_barrier_reset(s.barrier), 0);
	waiters_start(ctx, &s, child, 2);
	stop(child[0]);
	ck_assert_int_eq(mp_barrier_reset(s.barrier), 0);
	ck_assert(!mp_barrier_broken(s.barrier));
	child_ok(child[1]);
	/* It looks when others have come and gone. */
	for (int i = 0; i < 2; i++) {
		waiters_start(ctx, &s, child + 1, 2);
		ck_assert_int_eq(mp_barrier_wait(s.barrier, -1, NULL), 0);
		all_ok(child + 1, 2);
	}
	ck_assert_int_eq(kill(child[0], SIGCONT), 0);
	child_ok(child[0]);
	ck_assert_int_eq(s.shared->broken, 2);
	ck_assert_int_eq(s.shared->passed, 4);
	mp_barrier_close(s.barrier);
	mp_context_close(ctx);
}
END_TEST

START_TEST(one_that_looks_late_has_passed)
{
	struct mp_context *ctx = context_new();
	struct scene s = scene_new(ctx, 2, NULL, MP_BARRIER_BREAK);
	pid_t late, child;

	waiters_start(ctx, &s, &late, 1);
	stop(late);
	ck_assert_int_eq(mp_barrier_wait(s.barrier, -1, NULL), 0);
	for (int i = 0; i < 3; i++) {
		waiters_start(ctx, &s, &child, 1);
		ck_assert_int_eq(mp_barrier_wait(s.barrier, -1, NULL), 0);
		child_ok(child);
	}
	waiters_start(ctx, &s, &child, 1);
	ck_assert_int_eq(mp_barrier_reset(s.barrier), 0);
	child_ok(child);
	ck_assert_int_eq(kill(late, SIGCONT), 0);
	child_ok(late);
	ck_assert_int_eq(s.shared->passed, 4);
	ck_assert_int_eq(s.shared->broken, 1);
	mp_barrier_close(s.barrier);
	mp_context_close(ctx);
}
END_TEST

START_TEST(aborted_it_is_broken_for_who_waits_and_who_comes)
{
	struct mp_context *ctx = context_new();
	struct scene s = scene_new(ctx, 3, NULL, MP_BARRIER_BREAK);
	pid_t child[2];

	waiters_start(ctx, &s, child, 2);
	ck_assert_int_eq(mp_barrier_abort(s.barrier), 0);
	all_ok(child, 2);
	ck_assert_int_eq(s.shared->broken, 2);
	ck_assert_int_eq(mp_barrier_wait(s.barrier, -1, NULL), MP_EBROKEN);
	mp_barrier_close(s.barrier);
	mp_context_close(ctx);
}
END_TEST

START_TEST(a_death_while_waiting_breaks_it)
{
	struct mp_context *ctx = context_new();
	struct scene s = scene_new(ctx, 3, NULL, MP_BARRIER_BREAK);
	pid_t child[2];

	waiters_start(ctx, &s, child, 2);
	kill_and_reap(child[0]);
	/* Nobody tends: who waits finds out. */
	child_ok(child[1]);
	ck_assert_int_eq(s.shared->broken, 1);
	ck_assert(mp_barrier_broken(s.barrier));
	mp_barrier_close(s.barrier);
	mp_context_close(ctx);
}
END_TEST

START_TEST(a_death_of_one_who_waited_before_breaks_it_and_of_a_stranger_not)
{
	struct mp_context *ctx = context_new();
	struct scene s = scene_new(ctx, 2, NULL, MP_BARRIER_BREAK);
	struct scene none = { s.barrier, s.shared, 0 };
	struct scene one = { NULL, s.shared, 1 };

	kill_and_reap(holder_start(ctx, wait_rounds, &none));
	ck_assert_int_eq(mp_context_tend(ctx), 1);
	ck_assert(!mp_barrier_broken(s.barrier));

	/* Alone at one of one party, and it stays. */
	ck_assert_int_eq(mp_barrier_open(ctx, NULL, 1, NULL, &one.barrier), 0);
	kill_and_reap(holder_start(ctx, wait_rounds, &one));
	ck_assert_int_eq(mp_context_tend(ctx), 1);
	ck_assert(mp_barrier_broken(one.barrier));
	ck_assert(!mp_barrier_broken(s.barrier));
	mp_barrier_close(one.barrier);
	mp_barrier_close(s.barrier);
	mp_context_close(ctx);
}
END_TEST

START_TEST(made_to_shrink_those_who_are_left_go_on)
{
	struct mp_context *ctx = context_new();
	struct scene s = scene_new(ctx, 4, count_up, MP_BARRIER_SHRINK);
	pid_t child[3];

	waiters_start(ctx, &s, child, 3);
	kill_and_reap(child[0]);
	ck_assert_int_eq(mp_context_tend(ctx), 1);
	ck_assert_uint_eq(mp_barrier_parties(s.barrier), 3);
	ck_assert_uint_eq(mp_barrier_n_waiting(s.barrier), 2);
	ck_assert_int_eq(mp_barrier_wait(s.barrier, -1, NULL), 0);
	all_ok(child + 1, 2);
	ck_assert_int_eq(s.shared->passed, 2);
	ck_assert_int_eq(s.shared->ran, 1);
	ck_assert(!mp_barrier_broken(s.barrier));
	mp_barrier_close(s.barrier);
	mp_context_close(ctx);
}
END_TEST

START_TEST(the_last_one_missing_dies_and_the_others_are_all)
{
	struct mp_context *ctx = context_new();
	struct scene s = scene_new(ctx, 3, count_up, MP_BARRIER_SHRINK);
	struct scene twice = { s.barrier, s.shared, 2 };
	pid_t child[2], first = child_start(ctx, wait_rounds, &twice);

	/* Once with all three. */
	AWAIT(mp_barrier_n_waiting(s.barrier) == 1);
	waiters_start(ctx, &s, child, 1);
	ck_assert_int_eq(mp_barrier_wait(s.barrier, -1, NULL), 0);
	child_ok(child[0]);
	AWAIT(mp_barrier_n_waiting(s.barrier) == 1);
	/* One has left in order: another in its place, and ours dies. */
	waiters_start(ctx, &s, child, 1);
	ck_assert_uint_eq(mp_barrier_parties(s.barrier), 3);
	kill_and_reap(first);
	ck_assert_int_ge(mp_context_tend(ctx), 1);
	ck_assert_uint_eq(mp_barrier_parties(s.barrier), 2);
	ck_assert_int_eq(mp_barrier_wait(s.barrier, -1, NULL), 0);
	child_ok(child[0]);
	ck_assert_int_eq(s.shared->ran, 2);
	mp_barrier_close(s.barrier);
	mp_context_close(ctx);
}
END_TEST

START_TEST(of_a_runner_that_died_another_runs_the_action_or_it_is_broken)
{
	for (int shrink = 0; shrink < 2; shrink++) {
		struct mp_context *ctx = context_new();
		struct scene s = scene_new(ctx, 3, die_once,
		    shrink ? MP_BARRIER_SHRINK : MP_BARRIER_BREAK);
		int status, dead = 0;
		pid_t child[3];

		for (int i = 0; i < 3; i++)
			child[i] = child_start(ctx, wait_rounds, &s);
		for (int i = 0; i < 3; i++) {
			ck_assert_int_eq(waitpid(child[i], &status, 0),
			    child[i]);
			dead += WIFSIGNALED(status);
		}
		ck_assert_int_eq(dead, 1);
		ck_assert_int_eq(s.shared->ran, 1 + shrink);
		ck_assert_int_eq(s.shared->passed, 2 * shrink);
		ck_assert_int_eq(s.shared->index[0], shrink);
		ck_assert_int_eq(s.shared->index[1], shrink);
		ck_assert_int_eq(s.shared->broken, 2 - 2 * shrink);
		mp_barrier_close(s.barrier);
		mp_context_close(ctx);
	}
}
END_TEST

static void *
without_a_seat(void *barrier)
{
	return (
	    void *)(intptr_t)(mp_barrier_wait(barrier, 0, NULL) == MP_EPERM &&
			      mp_barrier_reset(barrier) == MP_EPERM &&
			      mp_barrier_abort(barrier) == MP_EPERM);
}

START_TEST(what_makes_no_sense_is_refused)
{
	struct mp_context *ctx = context_new();
	const struct mp_barrier_attr shrink = { .on_death = MP_BARRIER_SHRINK };
	const struct mp_barrier_attr bad = { .on_death = (enum mp_on_death)9 };
	struct mp_barrier *barrier = NULL, *other = NULL;
	pthread_t thread;
	void *refused = NULL;

	ck_assert_int_eq(mp_barrier_open(ctx, NULL, 0, NULL, &barrier),
	    MP_EINVAL);
	ck_assert_int_eq(mp_barrier_open(ctx, NULL, MP_SEATS_MAX + 1, NULL,
			     &barrier),
	    MP_EINVAL);
	ck_assert_int_eq(mp_barrier_open(ctx, NULL, 1, &bad, &barrier),
	    MP_EINVAL);
	ck_assert_int_eq(mp_barrier_open(ctx, "start", 1, NULL, &barrier), 0);
	ck_assert_int_eq(mp_barrier_open(ctx, "start", 2, NULL, &other),
	    MP_EINVAL);
	ck_assert_int_eq(mp_barrier_open(ctx, "start", 1, &shrink, &other),
	    MP_EINVAL);
	ck_assert_int_eq(mp_barrier_open(ctx, "start", 1, NULL, &other), 0);
	ck_assert_int_eq(mp_barrier_wait(other, 0, NULL), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, without_a_seat, barrier),
	    0);
	ck_assert_int_eq(pthread_join(thread, &refused), 0);
	ck_assert_ptr_nonnull(refused);
	mp_barrier_close(other);
	mp_barrier_unlink(barrier);
	mp_barrier_close(barrier);
	ck_assert_int_eq(mp_barrier_open(ctx, "start", 2, NULL, &other), 0);
	mp_barrier_close(other);
	mp_context_close(ctx);
}
END_TEST

TEST_MAIN("mp_barrier", nobody_goes_on_before_all_are_there,
    round_after_round_the_action_runs_once_and_indices_differ,
    an_action_that_fails_breaks_it_and_says_why_to_one,
    who_comes_while_the_action_runs_is_the_first_of_the_next,
    one_whose_time_is_over_breaks_it_for_all,
    who_waits_when_it_is_reset_gets_nothing_and_the_next_do,
    one_that_looks_late_has_passed,
    aborted_it_is_broken_for_who_waits_and_who_comes,
    a_death_while_waiting_breaks_it,
    a_death_of_one_who_waited_before_breaks_it_and_of_a_stranger_not,
    made_to_shrink_those_who_are_left_go_on,
    the_last_one_missing_dies_and_the_others_are_all,
    of_a_runner_that_died_another_runs_the_action_or_it_is_broken,
    what_makes_no_sense_is_refused)
