/*
 * The same rings with threads instead of processes: what ThreadSanitizer can
 * judge.  Each thread is a worker with a view of its own; payloads are plain
 * memory, so a missing acquire or release is a data race.
 */
#include <poll.h>
#include <pthread.h>

#include "tests/ipc/fixture.h"

enum {
	CELLS = 24,
	PRODUCERS = 2,
	CONSUMERS = 2,
	EACH = 20000
};

struct payload {
	uint64_t producer, n, sum;
};

struct actor {
	pthread_t thread;
	struct conveyor *cv;
	_Atomic size_t *consumed; /* of all consumers */
	uint64_t last[PRODUCERS];
	size_t deaths;
};

static void
actor_start(struct actor *actor, const struct conveyor *cv, uint8_t me,
    void *(*run)(void *))
{
	actor->cv = worker(cv, me);
	ck_assert_int_eq(pthread_create(&actor->thread, NULL, run, actor), 0);
}

static void
actor_join(struct actor *actor)
{
	ck_assert_int_eq(pthread_join(actor->thread, NULL), 0);
	conveyor_detach(actor->cv);
}

static uint32_t
wait_pop(struct conveyor *cv, uint8_t queue)
{
	uint32_t cell;
	int r;

	while ((r = conveyor_pop(cv, queue, &cell)) == 0)
		conveyor_wait(cv, queue, -1);
	must(r == 1);
	return cell;
}

static void *
produce(void *arg)
{
	struct actor *actor = arg;
	uint64_t me = actor->cv->me - 1u;

	for (uint64_t n = 1; n <= EACH; n++) {
		uint32_t cell = wait_pop(actor->cv, Q_FREE);
		struct payload *payload = conveyor_order(actor->cv, cell);

		payload->producer = me;
		payload->n = n;
		payload->sum = ~(me ^ n);
		if (n % 7 == 0)
			must(conveyor_push_many(actor->cv, Q_PAGES, &cell, 1) ==
			     0);
		else
			must(conveyor_push(actor->cv, Q_PAGES, cell) == 0);
	}
	return NULL;
}

static void *
consume(void *arg)
{
	struct actor *actor = arg;
	struct conveyor *cv = actor->cv;

	while (atomic_load(actor->consumed) < PRODUCERS * EACH) {
		uint32_t cells[4];
		int n = conveyor_pop_many(cv, Q_PAGES, cells, 4);

		must(n >= 0);
		if (n == 0)
			conveyor_wait(cv, Q_PAGES, 20);
		for (int i = 0; i < n; i++) {
			struct payload *payload = conveyor_order(cv, cells[i]);

			must(payload->sum == ~(payload->producer ^ payload->n));
			/* By position: what one pushed comes in its order. */
			must(payload->n > actor->last[payload->producer]);
			actor->last[payload->producer] = payload->n;
			memset(payload, 0, sizeof(*payload));
		}
		if (n > 0)
			must(conveyor_push_many(cv, Q_FREE, cells, (size_t)n) ==
			     0);
		atomic_fetch_add(actor->consumed, (size_t)n);
	}
	return NULL;
}

START_TEST(threads_deliver_each_message_once_whole_and_in_order)
{
	struct conveyor *cv = fixture_new(CELLS, NULL);
	struct actor actors[PRODUCERS + CONSUMERS] = { 0 };
	_Atomic size_t consumed = 0;

	/* Without the belt a lost wake-up is a hang, not a delay. */
	cv->belt_ms = 60 * 60 * 1000;
	for (uint8_t i = 0; i < ARRAY_LEN(actors); i++) {
		actors[i].consumed = &consumed;
		actor_start(&actors[i], cv, i + 1,
		    i < PRODUCERS ? produce : consume);
	}
	for (size_t i = 0; i < ARRAY_LEN(actors); i++)
		actor_join(&actors[i]);
	ck_assert_uint_eq(consumed, PRODUCERS * EACH);
	ck_assert_uint_eq(conveyor_length(cv, Q_FREE), CELLS);
	ck_sound(cv);
	conveyor_detach(cv);
}
END_TEST

/* Takes pages and drops dead with one in hand, or half way into a push. */
static void *
die(void *arg)
{
	struct actor *actor = arg;
	struct conveyor *cv = actor->cv;
	uint32_t cell = wait_pop(cv, Q_PAGES);
	struct cell_word w = conveyor_word(cv, cell);
	struct payload *payload = conveyor_order(cv, cell);

	must(payload->sum == ~(payload->producer ^ payload->n));
	if (actor->deaths % 3 == 0)
		return NULL;
	w.gen++;
	w.state = CELL_SENDING;
	atomic_store(word_of(cv, cell), cell_pack(w));
	if (actor->deaths % 3 == 1)
		must(ring_insert(cv, Q_PAGES, cell, w.gen) == 0);
	return NULL;
}

static void *
pass_on(void *arg)
{
	struct actor *actor = arg;

	while (atomic_load(actor->consumed) == 0) {
		uint32_t cell;
		int r = conveyor_pop(actor->cv, Q_PAGES, &cell);
		struct payload *payload;

		must(r >= 0);
		if (r == 0) {
			conveyor_wait(actor->cv, Q_PAGES, 20);
			continue;
		}
		payload = conveyor_order(actor->cv, cell);
		must(payload->sum == ~(payload->producer ^ payload->n));
		payload->n++;
		payload->sum = ~(payload->producer ^ payload->n);
		must(conveyor_push(actor->cv, Q_PAGES, cell) == 0);
	}
	return NULL;
}

START_TEST(threads_recovery_works_beside_live_workers)
{
	struct conveyor *cv = fixture_new(CELLS, NULL);
	struct actor live[2] = { 0 }, dead = { 0 };
	_Atomic size_t stop = 0;

	for (uint32_t i = 0; i < CELLS; i++) {
		uint32_t cell = pop(cv, Q_FREE);
		struct payload *payload = conveyor_order(cv, cell);

		*payload = (struct payload){ .sum = ~UINT64_C(0) };
		push(cv, Q_PAGES, cell);
	}
	for (uint8_t i = 0; i < 2; i++) {
		live[i].consumed = &stop;
		actor_start(&live[i], cv, i + 1, pass_on);
	}
	for (dead.deaths = 0; dead.deaths < 300; dead.deaths++) {
		size_t n;

		actor_start(&dead, cv, 3, die);
		actor_join(&dead);
		ck_assert_int_eq(conveyor_recover(cv, 3, &routes, NULL, &n), 0);
		ck_assert_uint_le(n, 1);
	}
	atomic_store(&stop, 1);
	for (size_t i = 0; i < 2; i++)
		actor_join(&live[i]);
	ck_sound(cv);
	for (uint32_t c = 0; c < CELLS; c++)
		ck_word(cv, c, CELL_QUEUED, Q_PAGES, 0);
	conveyor_detach(cv);
}
END_TEST

static void *
publish(void *arg)
{
	struct actor *actor = arg;

	for (uint64_t n = 1; n <= EACH; n++) {
		uint64_t values[CONVEYOR_SNAPSHOT];
		char note[32];

		for (size_t i = 0; i < ARRAY_LEN(values); i++)
			values[i] = n;
		conveyor_publish_snapshot(actor->cv, values, ARRAY_LEN(values));
		conveyor_publish_out(actor->cv, n, ~n);
		memset(note, 'a' + (int)(n % 26), sizeof(note) - 1);
		note[sizeof(note) - 1] = '\0';
		roster_note(actor->cv, note);
	}
	atomic_store(actor->consumed, 1);
	return NULL;
}

START_TEST(threads_read_whole_snapshots)
{
	struct conveyor *cv = fixture_new(CELLS, NULL);
	struct actor writer = { 0 };
	_Atomic size_t stop = 0;
	uint64_t before = 0;

	writer.consumed = &stop;
	actor_start(&writer, cv, 1, publish);
	while (atomic_load(&stop) == 0) {
		uint64_t values[CONVEYOR_SNAPSHOT], seq, end;
		char note[ROSTER_NOTE];

		conveyor_snapshot(cv, values, ARRAY_LEN(values));
		for (size_t i = 1; i < ARRAY_LEN(values); i++)
			ck_assert_uint_eq(values[i], values[0]);
		ck_assert_uint_ge(values[0], before);
		before = values[0];
		if (conveyor_read_out(cv, &seq, &end))
			ck_assert_uint_eq(end, ~seq);
		roster_read_note(cv, 1, note);
		for (size_t i = 1; note[i] != '\0'; i++)
			ck_assert_int_eq(note[i], note[0]);
	}
	actor_join(&writer);
	conveyor_detach(cv);
}
END_TEST

START_TEST(threads_bell_rings_beside_the_loop_that_arms_it)
{
	struct conveyor *cv = fixture_new(CELLS, NULL);
	struct conveyor *role = worker(cv, 9);
	struct actor producer = { 0 };
	struct conveyor_bell *bell;
	uint64_t got = 0;

	ck_assert_int_eq(conveyor_bell_new(role, Q_PAGES, true, &bell), 0);
	actor_start(&producer, cv, 1, produce);
	while (got < EACH) {
		struct pollfd wait = { .fd = conveyor_bell_fd(bell),
			.events = POLLIN };
		uint32_t cell;
		uint64_t n;

		while (conveyor_pop(role, Q_PAGES, &cell) == 1) {
			got++;
			push(role, Q_FREE, cell);
		}
		if (got == EACH)
			break;
		conveyor_bell_arm(bell);
		ck_assert_int_eq(poll(&wait, 1, 10000), 1);
		ck_assert_int_eq(read(wait.fd, &n, sizeof(n)), 8);
	}
	actor_join(&producer);
	conveyor_bell_free(bell);
	conveyor_detach(role);
	conveyor_detach(cv);
}
END_TEST

TEST_MAIN("conveyor_threads",
    threads_deliver_each_message_once_whole_and_in_order,
    threads_recovery_works_beside_live_workers, threads_read_whole_snapshots,
    threads_bell_rings_beside_the_loop_that_arms_it)
