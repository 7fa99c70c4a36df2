/*
 * What each kind guards is plain memory here, and its users are threads, so
 * that TSan can say whether one saw what another wrote before.
 */
#include "ipc/mp/barrier.h"
#include "ipc/mp/condition.h"
#include "ipc/mp/event.h"
#include "ipc/mp/lock.h"
#include "ipc/mp/semaphore.h"
#include "ipc/mp/value.h"
#include "tests/ipc/mp_fixture.h"

enum {
	THREADS = 4,
	TURNS = 2000
};

struct scene {
	struct mp_context *ctx;
	struct mp_lock *lock;
	struct mp_sem *sem;
	struct mp_cond *cond;
	struct mp_barrier *barrier;
	struct mp_event *event;
	struct mp_array *array;
	long total, items, taken;
	long part[THREADS];
	void (*run)(struct scene *s, int me);
};

struct thread {
	struct scene *scene;
	int me;
	pthread_t id;
	bool ok;
};

static void *
thread_run(void *arg)
{
	struct thread *t = arg;

	if (mp_thread_attach(t->scene->ctx) != 0)
		return NULL;
	t->scene->run(t->scene, t->me);
	mp_thread_detach(t->scene->ctx);
	t->ok = true;
	return NULL;
}

static void
run_all(struct scene *s, void (*run)(struct scene *s, int me))
{
	struct thread threads[THREADS] = { { 0 } };

	s->run = run;
	for (int i = 0; i < THREADS; i++) {
		threads[i].scene = s;
		threads[i].me = i;
		ck_assert_int_eq(pthread_create(&threads[i].id, NULL,
				     thread_run, &threads[i]),
		    0);
	}
	for (int i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(threads[i].id, NULL), 0);
		ck_assert(threads[i].ok);
	}
}

static struct scene
scene_new(void)
{
	struct scene s = { .ctx = context_new() };

	ck_assert_int_eq(mp_lock_open(s.ctx, NULL, &s.lock), 0);
	ck_assert_int_eq(mp_sem_open(s.ctx, NULL, 1, &s.sem), 0);
	ck_assert_int_eq(mp_cond_open(s.ctx, NULL, NULL, &s.cond), 0);
	ck_assert_int_eq(mp_barrier_open(s.ctx, NULL, THREADS, NULL,
			     &s.barrier),
	    0);
	ck_assert_int_eq(mp_event_open(s.ctx, NULL, &s.event), 0);
	ck_assert_int_eq(mp_array_open(s.ctx, NULL, sizeof(long), 4, &s.array),
	    0);
	return s;
}

static void
scene_free(struct scene *s)
{
	mp_lock_close(s->lock);
	mp_sem_close(s->sem);
	mp_cond_close(s->cond);
	mp_barrier_close(s->barrier);
	mp_event_close(s->event);
	mp_array_close(s->array);
	mp_context_close(s->ctx);
}

static void
by_lock(struct scene *s, int me)
{
	(void)me;
	for (int i = 0; i < TURNS; i++) {
		EXPECT(mp_lock_acquire(s->lock, -1) == 0);
		s->total++;
		EXPECT(mp_lock_release(s->lock) == 0);
	}
}

static void
by_semaphore(struct scene *s, int me)
{
	(void)me;
	for (int i = 0; i < TURNS; i++) {
		EXPECT(mp_sem_acquire(s->sem, -1) == 0);
		s->total++;
		EXPECT(mp_sem_release(s->sem) == 0);
	}
}

static void
by_array_lock(struct scene *s, int me)
{
	long *data = mp_array_data(s->array);

	(void)me;
	for (int i = 0; i < TURNS; i++) {
		EXPECT(mp_array_lock(s->array, -1) == 0);
		EXPECT(data[0] == data[3]);
		data[0]++;
		data[3]++;
		EXPECT(mp_array_unlock(s->array) == 0);
	}
}

START_TEST(locks_semaphores_and_arrays_let_in_one_at_a_time)
{
	struct scene s = scene_new();

	run_all(&s, by_lock);
	run_all(&s, by_semaphore);
	run_all(&s, by_array_lock);
	ck_assert_int_eq(s.total, 2 * THREADS * TURNS);
	ck_assert_int_eq(((long *)mp_array_data(s.array))[3], THREADS * TURNS);
	scene_free(&s);
}
END_TEST

static bool
has_items(void *arg)
{
	return ((struct scene *)arg)->items > 0;
}

static void
by_condition(struct scene *s, int me)
{
	for (int i = 0; i < TURNS; i++) {
		EXPECT(mp_cond_acquire(s->cond, -1) == 0);
		if (me % 2 == 0) {
			s->items++;
			EXPECT(mp_cond_notify(s->cond, 1) == 0);
		} else {
			EXPECT(
			    mp_cond_wait_for(s->cond, has_items, s, -1) == 0);
			s->items--;
			s->taken++;
		}
		EXPECT(mp_cond_release(s->cond) == 0);
	}
}

START_TEST(what_was_put_before_a_notification_is_taken_after_it)
{
	struct scene s = scene_new();

	run_all(&s, by_condition);
	ck_assert_int_eq(s.items, 0);
	ck_assert_int_eq(s.taken, THREADS / 2 * TURNS);
	scene_free(&s);
}
END_TEST

static void
by_barrier(struct scene *s, int me)
{
	for (int i = 0; i < TURNS / 4; i++) {
		long sum = 0;

		s->part[me] = i;
		EXPECT(mp_barrier_wait(s->barrier, -1, NULL) == 0);
		for (int other = 0; other < THREADS; other++)
			sum += s->part[other];
		EXPECT(sum == (long)i * THREADS);
		EXPECT(mp_barrier_wait(s->barrier, -1, NULL) == 0);
	}
}

START_TEST(what_was_written_before_a_barrier_is_read_behind_it)
{
	struct scene s = scene_new();

	run_all(&s, by_barrier);
	scene_free(&s);
}
END_TEST

static void
by_event(struct scene *s, int me)
{
	if (me == 0) {
		s->total = TURNS;
		EXPECT(mp_event_set(s->event) == 0);
		return;
	}
	EXPECT(mp_event_wait(s->event, -1) == 0);
	EXPECT(s->total == TURNS);
}

START_TEST(what_was_written_before_an_event_was_set_is_read_behind_it)
{
	struct scene s = scene_new();

	run_all(&s, by_event);
	scene_free(&s);
}
END_TEST

TEST_MAIN("mp_sync_threads", locks_semaphores_and_arrays_let_in_one_at_a_time,
    what_was_put_before_a_notification_is_taken_after_it,
    what_was_written_before_a_barrier_is_read_behind_it,
    what_was_written_before_an_event_was_set_is_read_behind_it)
