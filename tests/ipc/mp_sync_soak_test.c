/*
 * Everything at once, and somebody is killed every few milliseconds: those who
 * are left go on, and at the end nothing is missing.
 */
#include "ipc/mp/barrier.h"
#include "ipc/mp/condition.h"
#include "ipc/mp/event.h"
#include "ipc/mp/lock.h"
#include "ipc/mp/semaphore.h"
#include "tests/ipc/mp_fixture.h"

enum {
	WORKERS = 4,
	PARTIES = 3, /* more of them, at a barrier */
	ALL = WORKERS + PARTIES,
	KILLS = 300,
	CREDITS = 2
};

struct shared {
	_Atomic bool stop;
	_Atomic long progress[ALL];
	long guarded, copy; /* the same, unless one died in between */
	long items;
};

struct scene {
	struct mp_lock *lock;
	struct mp_cond *cond;
	struct mp_bsem *sem;
	struct mp_event *event;
	struct mp_barrier *barrier;
	struct shared *shared;
	uint64_t seed;
	int slot;
};

static void
use_lock(struct scene *s)
{
	int r = mp_lock_acquire(s->lock, -1);

	EXPECT(r == 0 || r == MP_OWNERDEAD);
	EXPECT(r == MP_OWNERDEAD || s->shared->guarded == s->shared->copy);
	if (r == MP_OWNERDEAD) {
		s->shared->copy = s->shared->guarded;
		EXPECT(mp_lock_consistent(s->lock) == 0);
	}
	s->shared->guarded++;
	atomic_signal_fence(memory_order_seq_cst);
	s->shared->copy++;
	EXPECT(mp_lock_release(s->lock) == 0);
}

static void
mend(struct scene *s, int r)
{
	EXPECT(r == 0 || r == MP_OWNERDEAD || r == MP_ETIMEDOUT);
	if (r == MP_OWNERDEAD)
		EXPECT(mp_cond_consistent(s->cond) == 0);
}

static void
put(struct scene *s)
{
	mend(s, mp_cond_acquire(s->cond, -1));
	s->shared->items++;
	EXPECT(mp_cond_notify(s->cond, 1) == 0);
	EXPECT(mp_cond_release(s->cond) == 0);
}

static void
take(struct scene *s)
{
	mend(s, mp_cond_acquire(s->cond, -1));
	if (s->shared->items == 0)
		mend(s, mp_cond_wait(s->cond, 3));
	if (s->shared->items > 0)
		s->shared->items--;
	EXPECT(mp_cond_release(s->cond) == 0);
}

static void
use_semaphore(struct scene *s)
{
	EXPECT(mp_bsem_acquire(s->sem, -1) == 0);
	EXPECT(mp_bsem_value(s->sem) <= CREDITS - 1);
	EXPECT(mp_bsem_release(s->sem) == 0);
}

static void
use_event(struct scene *s)
{
	int r = mp_event_wait(s->event, 1);

	EXPECT(r == 0 || r == MP_ETIMEDOUT);
	EXPECT(
	    (r == 0 ? mp_event_clear(s->event) : mp_event_set(s->event)) == 0);
}

static void
work(struct mp_context *ctx, void *arg)
{
	static void (*const uses[])(
	    struct scene *) = { use_lock, put, take, use_semaphore, use_event };
	struct scene *s = arg;

	(void)ctx;
	while (!s->shared->stop) {
		uses[test_random(&s->seed) % (sizeof(uses) / sizeof(*uses))](s);
		s->shared->progress[s->slot]++;
	}
}

static void
meet(struct mp_context *ctx, void *arg)
{
	struct scene *s = arg;

	(void)ctx;
	while (!s->shared->stop) {
		int r = mp_barrier_wait(s->barrier, -1, NULL);

		EXPECT(r == 0 || r == MP_EBROKEN);
		if (r == MP_EBROKEN && !s->shared->stop)
			EXPECT(mp_barrier_reset(s->barrier) == 0);
		s->shared->progress[s->slot] += r == 0;
	}
}

static pid_t
start(struct mp_context *ctx, struct scene *s, int slot)
{
	s->seed = test_random(&s->seed);
	s->slot = slot;
	return child_start(ctx, slot < WORKERS ? work : meet, s);
}

/* From now on, each of them. */
static void
all_go_on(struct scene *s)
{
	long before[ALL];

	for (int i = 0; i < ALL; i++)
		before[i] = s->shared->progress[i];
	for (int i = 0; i < ALL; i++)
		AWAIT(s->shared->progress[i] > before[i]);
}

static bool
has_ended(pid_t child)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) ==
		   0 &&
	       info.si_pid == child;
}

START_TEST(whoever_is_killed_the_others_go_on_and_nothing_is_missing)
{
	struct mp_context *ctx = context_new();
	struct scene s = { .shared = shared_new(sizeof(*s.shared)),
		.seed = test_seed() };
	pid_t child[ALL];

	ck_assert_int_eq(mp_lock_open(ctx, NULL, &s.lock), 0);
	ck_assert_int_eq(mp_cond_open(ctx, NULL, NULL, &s.cond), 0);
	ck_assert_int_eq(mp_bsem_open(ctx, NULL, CREDITS, &s.sem), 0);
	ck_assert_int_eq(mp_event_open(ctx, NULL, &s.event), 0);
	ck_assert_int_eq(mp_barrier_open(ctx, NULL, PARTIES, NULL, &s.barrier),
	    0);
	for (int i = 0; i < ALL; i++)
		child[i] = start(ctx, &s, i);
	for (int i = 0; i < KILLS; i++) {
		int victim = (int)(test_random(&s.seed) % ALL);

		nanosleep(&(struct timespec){ .tv_nsec = (long)(test_random(
								    &s.seed) %
								4000000) },
		    NULL);
		kill_and_reap(child[victim]);
		/* Or whoever waits for the dead finds out. */
		if (i % 3 != 0)
			ck_assert_int_ge(mp_context_tend(ctx), 0);
		child[victim] = start(ctx, &s, victim);
		if (i % 50 == 0)
			all_go_on(&s);
	}
	all_go_on(&s);
	s.shared->stop = true;
	for (int i = 0; i < ALL; i++) {
		while (!has_ended(child[i]))
			ck_assert_int_eq(mp_barrier_abort(s.barrier), 0);
		child_ok(child[i]);
	}
	ck_assert_int_ge(mp_context_tend(ctx), 0);
	ck_assert_uint_eq(mp_context_seats(ctx), 1);
	ck_assert_uint_eq(mp_bsem_value(s.sem), CREDITS);
	ck_assert_int_ge(mp_lock_acquire(s.lock, 0), 0);
	ck_assert_int_ge(mp_cond_acquire(s.cond, 0), 0);
	mp_lock_close(s.lock);
	mp_cond_close(s.cond);
	mp_bsem_close(s.sem);
	mp_event_close(s.event);
	mp_barrier_close(s.barrier);
	mp_context_close(ctx);
}
END_TEST

TEST_MAIN("mp_sync_soak",
    whoever_is_killed_the_others_go_on_and_nothing_is_missing)
