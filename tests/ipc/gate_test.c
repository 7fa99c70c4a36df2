#include <poll.h>
#include <sys/stat.h>

#include "ipc/gate_impl.h"
#include "tests/ipc/fixture.h"

START_TEST(gate_posts_nothing_when_nobody_sleeps)
{
	struct conveyor *cv = fixture_new(8, NULL);

	for (int i = 0; i < 5; i++)
		push(cv, Q_PAGES, pop(cv, Q_FREE));
	conveyor_wake(cv, Q_PAGES);
	ck_assert_int_eq(credit(cv, Q_PAGES), 0);
	ck_assert_int_eq(credit(cv, Q_FREE), 0);
	conveyor_detach(cv);
}
END_TEST

START_TEST(gate_posts_as_many_as_there_is_work_for)
{
	struct conveyor *cv = fixture_new(16, NULL);
	uint32_t cells[16];

	ck_assert_int_eq(conveyor_pop_many(cv, Q_FREE, cells, 16), 16);
	for (uint8_t id = 1; id <= 4; id++) {
		struct conveyor *sleeper = worker(cv, id);

		gate_enter(sleeper, Q_PAGES);
		conveyor_detach(sleeper);
	}
	/* Two items before any of the four has run: two credits, not one. */
	push(cv, Q_PAGES, cells[0]);
	ck_assert_int_eq(credit(cv, Q_PAGES), 1);
	push(cv, Q_PAGES, cells[1]);
	ck_assert_int_eq(credit(cv, Q_PAGES), 2);
	/* A batch: one wake, up to the number of sleepers. */
	ck_assert_int_eq(conveyor_push_many(cv, Q_PAGES, cells + 2, 9), 0);
	ck_assert_int_eq(credit(cv, Q_PAGES), 4);
	push(cv, Q_PAGES, cells[11]);
	ck_assert_int_eq(credit(cv, Q_PAGES), 4);
	conveyor_detach(cv);
}
END_TEST

START_TEST(gate_knows_130_workers)
{
	struct conveyor *cv = fixture_new(8, NULL);
	struct conveyor *view = worker(cv, 1);
	uint32_t cells[8];

	for (uint8_t id = 1; id <= 130; id++) {
		conveyor_become(view, id);
		gate_enter(view, Q_PAGES);
	}
	ck_assert_int_eq(conveyor_pop_many(cv, Q_FREE, cells, 8), 8);
	push(cv, Q_PAGES, cells[0]);
	ck_assert_int_eq(credit(cv, Q_PAGES), 1);
	ck_assert_int_eq(conveyor_push_many(cv, Q_PAGES, cells + 1, 7), 0);
	ck_assert_int_eq(credit(cv, Q_PAGES), 8);
	conveyor_wake(cv, Q_PAGES);
	ck_assert_int_eq(credit(cv, Q_PAGES), 130);
	/* One leaves, one dies: each in a word of its own. */
	conveyor_become(view, 128);
	gate_leave(view, Q_PAGES);
	gates_forget(cv, 64);
	ck_assert_uint_eq(ring_of(cv, Q_PAGES)->waiters[2], 6);
	ck_assert_uint_eq(ring_of(cv, Q_PAGES)->waiters[1], UINT64_MAX - 1);
	ck_assert_uint_eq(ring_of(cv, Q_PAGES)->waiters[0], UINT64_MAX - 1);
	gates_wake_all(cv);
	ck_assert_int_eq(credit(cv, Q_PAGES), 130 + 128);
	conveyor_detach(view);
	conveyor_detach(cv);
}
END_TEST

START_TEST(gate_of_another_queue_is_woken_and_looked_at)
{
	struct conveyor *cv = fixture_new(4, NULL);
	struct conveyor *recorder = worker(cv, 1);

	ck_assert(!gate_work(recorder, Q_RECORDS, false));
	gate_enter(recorder, Q_RECORDS);
	push(cv, Q_DEAD, pop(cv, Q_FREE));
	ck_assert_int_eq(credit(cv, Q_RECORDS), 1);
	ck_assert(gate_work(recorder, Q_RECORDS, false));
	ck_assert_ptr_null(cv->sems[Q_DEAD]);
	conveyor_detach(recorder);
	conveyor_detach(cv);
}
END_TEST

START_TEST(gate_does_not_sleep_beside_work)
{
	struct conveyor *cv = fixture_new(4, NULL);
	int64_t start = clock_ms();

	push(cv, Q_PAGES, pop(cv, Q_FREE));
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(conveyor_wait(cv, Q_PAGES, -1), 0);
	/* A hundred belts would be 25 s. */
	ck_assert_int_lt(clock_ms() - start, 5000);
	for (int i = 0; i < RING_WAITER_WORDS; i++)
		ck_assert_uint_eq(ring_of(cv, Q_PAGES)->waiters[i], 0);
	conveyor_detach(cv);
}
END_TEST

START_TEST(gate_sleeps_no_longer_than_asked_or_than_the_belt)
{
	struct conveyor *cv = fixture_new(4, NULL);
	int64_t start = clock_ms();

	ck_assert_int_eq(conveyor_wait(cv, Q_PAGES, 0), 0);
	ck_assert_int_eq(conveyor_wait(cv, Q_PAGES, 30), 0);
	ck_assert_int_ge(clock_ms() - start, 29);
	ck_assert_int_eq(conveyor_wait(cv, Q_PAGES, 3600 * 1000), 0);
	ck_assert_int_ge(clock_ms() - start, 29 + GATE_BELT_MS - 1);
	ck_assert_int_lt(clock_ms() - start, 10000);
	conveyor_detach(cv);
}
END_TEST

/* Two processes that answer each other, each asleep while the other works:
 * with every wake-up lost a round takes a belt. */
START_TEST(gate_wakes_a_sleeping_process)
{
	enum {
		ROUNDS = 200
	};
	struct conveyor *cv = fixture_new(1, NULL);
	int64_t start = clock_ms();
	uint32_t cell = pop(cv, Q_FREE);
	pid_t child = fork();
	uint8_t in = child ? Q_PAGES : Q_ORDERS;
	uint8_t out = child ? Q_ORDERS : Q_PAGES;

	if (child == 0) {
		conveyor_become(cv, 1);
	} else {
		push(cv, out, cell);
	}
	for (int i = 0; i < ROUNDS; i++) {
		int r;

		while ((r = conveyor_pop(cv, in, &cell)) == 0)
			conveyor_wait(cv, in, -1);
		if (r < 0 || (i + 1 < ROUNDS || child == 0
				     ? conveyor_push(cv, out, cell) < 0
				     : false))
			_exit(1);
	}
	if (child == 0)
		_exit(0);
	ck_child_ok(child);
	ck_assert_int_lt(clock_ms() - start, ROUNDS * GATE_BELT_MS / 4);
	conveyor_detach(cv);
}
END_TEST

static bool
rings_within(struct conveyor_bell *bell, int ms)
{
	struct pollfd wait = { .fd = conveyor_bell_fd(bell), .events = POLLIN };
	uint64_t n;

	return poll(&wait, 1, ms) == 1 && read(wait.fd, &n, sizeof(n)) == 8;
}

START_TEST(bell_rings_once_for_each_asking)
{
	struct conveyor *cv = fixture_new(4, NULL);
	struct conveyor *role = worker(cv, 1);
	struct conveyor_bell *bell;
	int64_t start;

	ck_assert_int_eq(conveyor_bell_new(role, Q_SETTLED, true, &bell), 0);
	ck_assert(!rings_within(bell, 20)); /* not armed */
	/* Work is there already. */
	push(cv, Q_SETTLED, pop(cv, Q_FREE));
	conveyor_bell_arm(bell);
	ck_assert(rings_within(bell, 5000));
	ck_assert(!rings_within(bell, 20));
	/* Work that comes while it sleeps. */
	pop(role, Q_SETTLED);
	for (int i = 0; i < 20; i++) {
		conveyor_bell_arm(bell);
		conveyor_bell_arm(bell);
		push(cv, Q_SETTLED, pop(cv, Q_FREE));
		ck_assert(rings_within(bell, 5000));
		push(role, Q_FREE, pop(role, Q_SETTLED));
	}
	/* A mark is work too. */
	start = clock_ms();
	for (int i = 0; i < 20; i++) {
		uint32_t cells[4];

		conveyor_bell_arm(bell);
		conveyor_mark_fetched(cv, 3);
		conveyor_wake(cv, Q_SETTLED);
		ck_assert(rings_within(bell, 5000));
		ck_assert_uint_eq(conveyor_take_fetched(role, cells, 4), 1);
	}
	ck_assert_int_lt(clock_ms() - start, 20 * GATE_BELT_MS / 2);
	/* Nothing: the belt. */
	conveyor_bell_arm(bell);
	ck_assert(rings_within(bell, 5000));
	conveyor_bell_free(bell);
	conveyor_detach(role);
	conveyor_detach(cv);
}
END_TEST

START_TEST(gate_names_of_other_segments_are_left_alone)
{
	const char *name;
	struct conveyor *cv = fixture_new(4, &name), *other;
	struct conveyor_shape shape = fixture_shape(4);
	char longer[100], sem[120];
	struct stat st;
	uint64_t need;

	/* "<name>.7" is another segment, and its semaphores are not ours. */
	snprintf(longer, sizeof(longer), "%s.7", name);
	ck_assert_int_eq(conveyor_create(longer, &shape, crawl_id, Q_FREE,
			     &gates, &other, &need),
	    0);
	conveyor_unlink(name);
	snprintf(sem, sizeof(sem), "/dev/shm/sem.%s.0.1", name + 1);
	ck_assert_int_lt(stat(sem, &st), 0);
	snprintf(sem, sizeof(sem), "/dev/shm/sem.%s.0.1", longer + 1);
	ck_assert_int_eq(stat(sem, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	conveyor_unlink(longer);
	ck_assert_int_lt(stat(sem, &st), 0);
	conveyor_detach(cv);
	conveyor_detach(other);
}
END_TEST

TEST_MAIN("gate", gate_posts_nothing_when_nobody_sleeps,
    gate_posts_as_many_as_there_is_work_for, gate_knows_130_workers,
    gate_of_another_queue_is_woken_and_looked_at,
    gate_does_not_sleep_beside_work,
    gate_sleeps_no_longer_than_asked_or_than_the_belt,
    gate_wakes_a_sleeping_process, bell_rings_once_for_each_asking,
    gate_names_of_other_segments_are_left_alone)
