#include "ipc/conveyor.h"

#include <signal.h>
#include <sys/resource.h>

#include "tests/ipc/fixture.h"

START_TEST(conveyor_delivers_in_the_order_of_pushing)
{
	struct conveyor *cv = fixture_new(32, NULL);
	struct conveyor *a = worker(cv, 1), *b = worker(cv, 2);
	uint32_t cells[32];

	ck_assert_int_eq(conveyor_pop_many(a, Q_FREE, cells, 99), 32);
	ck_empty(a, Q_FREE);
	for (int i = 0; i < 16; i++)
		push(a, Q_PAGES, cells[i]);
	ck_assert_int_eq(conveyor_push_many(a, Q_PAGES, cells + 16, 16), 0);
	ck_assert_uint_eq(conveyor_length(b, Q_PAGES), 32);
	for (int i = 0; i < 32; i++)
		ck_assert_uint_eq(pop(b, Q_PAGES), cells[i]);
	ck_empty(b, Q_PAGES);
	ck_assert_uint_eq(conveyor_length(b, Q_PAGES), 0);
	conveyor_detach(a);
	conveyor_detach(b);
	conveyor_detach(cv);
}
END_TEST

START_TEST(conveyor_goes_round_more_often_than_a_ring_has_slots)
{
	struct conveyor *cv = fixture_new(4, NULL);
	struct conveyor *a = worker(cv, 1);

	for (uint32_t i = 0; i < 10 * cv->layout.slots; i++) {
		uint32_t cell = hold_from(a, Q_PAGES);

		*(uint32_t *)conveyor_order(a, cell) = i;
		push(a, Q_SETTLED, cell);
		ck_assert_uint_eq(pop(a, Q_SETTLED), cell);
		ck_assert_uint_eq(*(uint32_t *)conveyor_order(a, cell), i);
		push(a, Q_FREE, cell);
	}
	ck_sound(cv);
	conveyor_detach(a);
	conveyor_detach(cv);
}
END_TEST

START_TEST(conveyor_refuses_to_push_what_is_not_held)
{
	struct conveyor *cv = fixture_new(4, NULL);
	struct conveyor *a = worker(cv, 1), *b = worker(cv, 2);
	uint32_t cell = pop(a, Q_FREE);

	ck_assert_int_eq(conveyor_push(b, Q_PAGES, cell), -EBADMSG);
	ck_assert_int_eq(conveyor_push(a, Q_PAGES, 3), -EBADMSG);
	ck_assert_int_eq(conveyor_push(a, Q_PAGES, 4), -EBADMSG);
	ck_assert_int_eq(conveyor_push(a, Q_PAGES, UINT32_MAX), -EBADMSG);
	ck_assert_int_eq(conveyor_retake(b, Q_PAGES, cell), -EBADMSG);
	push(a, Q_PAGES, cell);
	ck_assert_int_eq(conveyor_push(a, Q_PAGES, cell), -EBADMSG);
	ck_sound(cv);
	conveyor_detach(a);
	conveyor_detach(b);
	conveyor_detach(cv);
}
END_TEST

START_TEST(conveyor_retaken_cell_counts_as_taken_from_the_other_queue)
{
	struct conveyor *cv = fixture_new(4, NULL);
	struct conveyor *scheduler = worker(cv, 1);
	uint32_t cell = hold_from(scheduler, Q_SETTLED);
	struct cell_word before = conveyor_word(cv, cell);
	size_t n;

	conveyor_set_attempts(scheduler, cell, 2);
	ck_assert_int_eq(conveyor_retake(scheduler, Q_FREE, cell), 0);
	ck_word(cv, cell, CELL_HELD, Q_FREE, 1);
	ck_assert_uint_eq(conveyor_word(cv, cell).gen, before.gen + 1);
	ck_assert_uint_eq(conveyor_word(cv, cell).attempts, 2);
	ck_sound(cv);
	ck_assert_int_eq(conveyor_recover(cv, 1, &routes, NULL, &n), 0);
	ck_word(cv, cell, CELL_QUEUED, Q_FREE, 0);
	ck_sound(cv);
	conveyor_detach(scheduler);
	conveyor_detach(cv);
}
END_TEST

START_TEST(conveyor_drain_moves_all_that_stands)
{
	struct conveyor *cv = fixture_new(8, NULL);
	struct conveyor *a = worker(cv, 1);
	size_t n;

	for (int i = 0; i < 5; i++)
		push(a, Q_ORDERS, pop(a, Q_FREE));
	ck_assert_int_eq(conveyor_drain(cv, Q_ORDERS, Q_SETTLED, &n), 0);
	ck_assert_uint_eq(n, 5);
	ck_empty(a, Q_ORDERS);
	ck_assert_uint_eq(conveyor_length(cv, Q_SETTLED), 5);
	ck_sound(cv);
	conveyor_detach(a);
	conveyor_detach(cv);
}
END_TEST

START_TEST(conveyor_fetched_bits_come_once_and_in_portions)
{
	struct conveyor *cv = fixture_new(200, NULL);
	uint32_t cells[200], sum = 0;
	size_t n, all = 0;

	for (uint32_t c = 0; c < 200; c += 3)
		conveyor_mark_fetched(cv, c);
	conveyor_mark_fetched(cv, 0);
	while ((n = conveyor_take_fetched(cv, cells, 5)) > 0) {
		ck_assert_uint_le(n, 5);
		for (size_t i = 0; i < n; i++)
			sum += cells[i];
		all += n;
	}
	ck_assert_uint_eq(all, 67);
	ck_assert_uint_eq(sum, 66 * 67 / 2 * 3);
	/* Past the last cell: a scribble, not an index. */
	atomic_store(&fetched_of(cv)[3], UINT64_MAX);
	ck_assert_uint_eq(conveyor_take_fetched(cv, cells, 200), 8);
	ck_assert_uint_eq(conveyor_take_fetched(cv, cells, 200), 0);
	conveyor_detach(cv);
}
END_TEST

START_TEST(conveyor_bound_words_stand_alone)
{
	struct conveyor *cv = fixture_new(4, NULL);

	conveyor_bind(cv, 2, true);
	ck_assert(conveyor_bound(cv, 2));
	ck_assert(!conveyor_bound(cv, 1) && !conveyor_bound(cv, 3));
	conveyor_bind(cv, 2, false);
	ck_assert(!conveyor_bound(cv, 2));
	conveyor_detach(cv);
}
END_TEST

START_TEST(conveyor_parts_do_not_overlap)
{
	struct conveyor *cv = fixture_new(5, NULL);

	for (uint32_t c = 0; c < 5; c++) {
		memset(conveyor_order(cv, c), 'o', 64);
		memset(conveyor_capture(cv, c), 'c', 128);
		memset(conveyor_inline(cv, c), 'i', 64);
		atomic_store(&conveyor_settle(cv, c)->seq, UINT64_MAX);
		atomic_store(&conveyor_settle(cv, c)->end, UINT64_MAX);
		atomic_store(&conveyor_settle(cv, c)->verdict, UINT64_MAX);
		roster_set_current(cv, c);
		conveyor_mark_fetched(cv, c);
	}
	for (uint32_t k = 0; k < 4; k++)
		conveyor_bind(cv, k, true);
	for (uint32_t c = 0; c < 5; c++) {
		const char *order = conveyor_order(cv, c);
		const char *capture = conveyor_capture(cv, c);

		ck_assert(order[0] == 'o' && order[63] == 'o');
		ck_assert(capture[0] == 'c' && capture[127] == 'c');
	}
	ck_assert_uint_eq(conveyor_committed(cv), 0);
	ck_sound(cv);
	conveyor_detach(cv);
}
END_TEST

START_TEST(conveyor_out_is_unset_until_published)
{
	struct conveyor *cv = fixture_new(4, NULL);
	uint64_t seq, end;

	ck_assert(!conveyor_read_out(cv, &seq, &end));
	conveyor_publish_out(cv, 0, 0); /* a fresh store: set all the same */
	ck_assert(conveyor_read_out(cv, &seq, &end));
	ck_assert_uint_eq(seq, 0);
	for (uint64_t i = 1; i < 5; i++) {
		conveyor_publish_out(cv, i, 1000 * i);
		ck_assert(conveyor_read_out(cv, &seq, &end));
		ck_assert_uint_eq(seq, i);
		ck_assert_uint_eq(end, 1000 * i);
	}
	conveyor_detach(cv);
}
END_TEST

START_TEST(conveyor_snapshot_survives_a_writer_killed_half_way)
{
	struct conveyor *cv = fixture_new(4, NULL);
	struct conveyor_ledger *ledger = ledger_of(cv);
	uint64_t values[CONVEYOR_SNAPSHOT], got[CONVEYOR_SNAPSHOT];

	conveyor_snapshot(cv, got, CONVEYOR_SNAPSHOT);
	ck_assert_uint_eq(got[0], 0);
	for (uint64_t round = 1; round < 6; round++) {
		uint64_t turn;

		for (int i = 0; i < CONVEYOR_SNAPSHOT; i++)
			values[i] = round * 1000 + (uint64_t)i;
		conveyor_publish_snapshot(cv, values, CONVEYOR_SNAPSHOT);
		/* A successor that dies at half of its copy. */
		turn = atomic_load(&ledger->snapshot_turn);
		for (int i = 0; i < CONVEYOR_SNAPSHOT / 2; i++)
			atomic_store(&ledger->snapshot[(turn + 1) & 1][i], 13);
		conveyor_snapshot(cv, got, CONVEYOR_SNAPSHOT);
		ck_assert_mem_eq(got, values, sizeof(values));
	}
	/* Fewer than before: the rest is nothing, not the old. */
	conveyor_publish_snapshot(cv, values, 2);
	conveyor_snapshot(cv, got, 4);
	ck_assert_uint_eq(got[1], values[1]);
	ck_assert_uint_eq(got[2], 0);
	conveyor_detach(cv);
}
END_TEST

START_TEST(conveyor_watch_reads_from_another_process)
{
	const char *name;
	struct conveyor *cv = fixture_new(8, &name);
	struct conveyor *a = worker(cv, 3);
	pid_t child;

	conveyor_publish_snapshot(cv, (uint64_t[]){ 11, 22 }, 2);
	push(a, Q_PAGES, pop(a, Q_FREE));
	roster_beat(a, 4711);
	child = fork();
	if (child == 0) {
		struct conveyor *watch;
		uint64_t values[2];
		bool ok = conveyor_watch(name, &watch) == 0;

		if (ok) {
			conveyor_snapshot(watch, values, 2);
			ok = values[1] == 22 &&
			     conveyor_length(watch, Q_PAGES) == 1 &&
			     conveyor_shape(watch)->cells == 8 &&
			     roster_last_beat(watch, 3) == 4711;
			conveyor_detach(watch);
		}
		_exit(ok ? 0 : 1);
	}
	ck_child_ok(child);
	ck_assert_int_eq(conveyor_watch("/mpct.none", &a), -ENOENT);
	conveyor_detach(a);
	conveyor_detach(cv);
}
END_TEST

/* Whether worker 5, which may write `writes`, may store into `at`. */
static bool
may_write(struct conveyor *cv, unsigned writes, volatile void *at)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		struct rlimit none = { 0, 0 };

		setrlimit(RLIMIT_CORE, &none);
		conveyor_become(cv, 5);
		/* A report of a sanitizer is no signal. */
		signal(SIGSEGV, SIG_DFL);
		if (conveyor_protect(cv, writes) != 0)
			_exit(2);
		*(volatile uint64_t *)at = 0;
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(status == 0 || WTERMSIG(status) == SIGSEGV);
	return status == 0;
}

START_TEST(conveyor_protects_what_is_not_the_roles_to_write)
{
	struct conveyor *cv = fixture_new(3, NULL);
	struct {
		unsigned part;
		volatile void *at;
	} parts[] = {
		{ CONVEYOR_ORDER, conveyor_order(cv, 2) },
		{ CONVEYOR_CAPTURE, conveyor_capture(cv, 2) },
		{ CONVEYOR_SETTLE, conveyor_settle(cv, 2) },
		{ CONVEYOR_INLINE, conveyor_inline(cv, 2) },
		{ CONVEYOR_LEDGER, &ledger_of(cv)->snapshot[1] },
		{ CONVEYOR_FETCHED, fetched_of(cv) },
	};
	size_t page = cv->layout.page, roster = cv->layout.roster;
	size_t events = cv->layout.events;

	ck_assert_int_eq(roster_keep_events(cv, 5), 0);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		ck_assert(may_write(cv, parts[i].part, parts[i].at));
		ck_assert(!may_write(cv, ~parts[i].part, parts[i].at));
	}
	ck_assert(!may_write(cv, ~0u, header_of(cv)));
	ck_assert(!may_write(cv, ~0u, conveyor_at(cv, cv->layout.bound)));
	ck_assert(!may_write(cv, ~0u, conveyor_at(cv, roster + 4 * page)));
	ck_assert(!may_write(cv, ~0u, conveyor_at(cv, roster + 6 * page)));
	ck_assert(may_write(cv, 0, conveyor_at(cv, roster + 5 * page)));
	ck_assert(!may_write(cv, ~0u, conveyor_at(cv, events + 4 * page)));
	ck_assert(!may_write(cv, ~0u, conveyor_at(cv, events + 6 * page)));
	ck_assert(may_write(cv, 0, conveyor_at(cv, events + 5 * page)));
	ck_assert(may_write(cv, 0, committed_of(cv)));
	ck_assert(may_write(cv, 0, word_of(cv, 2)));
	ck_assert_int_eq(conveyor_grow_body(cv, 2, 8, 1 << 20), 0);
	ck_assert(may_write(cv, 0, conveyor_body(cv, 2)));
	conveyor_detach(cv);
}
END_TEST

/* ---- what no honest process writes ---------------------------------------- */

START_TEST(conveyor_refuses_impossible_words)
{
	/* clang-format off */
	static const struct cell_word bad[] = {
		{ .gen = 1, .state = 0, .queue = Q_FREE },
		{ .gen = 1, .state = CELL_SENDING + 1, .queue = Q_FREE },
		{ .gen = 1, .state = CELL_QUEUED, .queue = Q_COUNT },
		{ .gen = 1, .state = CELL_QUEUED, .queue = Q_FREE, .owner = 1 },
		{ .gen = 1, .state = CELL_HELD, .queue = 255, .owner = 1 },
		{ .gen = 1, .state = CELL_HELD, .queue = Q_FREE, .owner = 255 },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const char *name;
		struct conveyor *cv = fixture_new(4, &name), *again;
		struct conveyor_fault a_fault = { true, 11 };
		uint32_t cell;
		char why[100];
		size_t n;

		atomic_store(word_of(cv, 0), cell_pack(bad[i]));
		ck_assert_int_eq(conveyor_pop(cv, Q_FREE, &cell), -EBADMSG);
		ck_assert_int_eq(conveyor_recover(cv, 1, &routes, &a_fault, &n),
		    -EBADMSG);
		ck_assert_int_eq(conveyor_check(cv, why, sizeof(why)),
		    -EBADMSG);
		conveyor_detach(cv);
		ck_assert_int_eq(fixture_attach(name, 4, &again), -EBADMSG);
	}
}
END_TEST

START_TEST(conveyor_refuses_impossible_entries)
{
	struct conveyor *cv = fixture_new(4, NULL);
	struct ring *ring = ring_of(cv, Q_PAGES);
	uint32_t cell, held = pop(cv, Q_FREE);

	/* A cell that is not there. */
	atomic_store(&ring->slot[0], 1 << 16 | 5);
	ck_assert_int_eq(conveyor_pop(cv, Q_PAGES, &cell), -EBADMSG);
	/* A head whose slot has never been reached. */
	atomic_store(&ring->head, cv->layout.slots * 7);
	ck_assert_int_eq(conveyor_pop(cv, Q_PAGES, &cell), -EBADMSG);
	/* A tail gone round once without being emptied: full. */
	ring_clear(cv, Q_PAGES);
	atomic_store(&ring->tail, cv->layout.slots);
	ck_assert_int_eq(conveyor_push(cv, Q_PAGES, held), -EBADMSG);
	/* And never moved on: that would bury what stands there. */
	ck_assert_uint_eq(ring->tail, cv->layout.slots);
	conveyor_detach(cv);
}
END_TEST

START_TEST(conveyor_loops_end_whatever_the_ring_holds)
{
	uint64_t random = test_seed();

	/* Noise in all of a ring: any answer, no hang, no wild access. */
	for (int round = 0; round < 200; round++) {
		struct conveyor *cv = fixture_new(4, NULL);
		struct ring *ring = ring_of(cv, Q_PAGES);
		uint32_t cell, held = pop(cv, Q_FREE);
		uint64_t near = test_random(&random) % 3;
		char why[100];

		for (uint32_t i = 0; i < cv->layout.slots; i++)
			ring->slot[i] = near
					    ? (test_random(&random) % 3) << 36 |
						  test_random(&random) % 6
					    : test_random(&random);
		ring->head = test_random(&random) % (near * 1024 + 1);
		ring->tail = test_random(&random) % (near * 1024 + 1);
		for (int i = 0; i < 20; i++)
			(void)!conveyor_pop(cv, Q_PAGES, &cell);
		(void)!conveyor_push(cv, Q_PAGES, held);
		(void)!conveyor_check(cv, why, sizeof(why));
		ck_assert_uint_le(conveyor_length(cv, Q_PAGES),
		    cv->layout.slots);
		conveyor_unlink(cv->name);
		conveyor_detach(cv);
	}
}
END_TEST

TEST_MAIN("conveyor", conveyor_delivers_in_the_order_of_pushing,
    conveyor_goes_round_more_often_than_a_ring_has_slots,
    conveyor_refuses_to_push_what_is_not_held,
    conveyor_retaken_cell_counts_as_taken_from_the_other_queue,
    conveyor_drain_moves_all_that_stands,
    conveyor_fetched_bits_come_once_and_in_portions,
    conveyor_bound_words_stand_alone, conveyor_parts_do_not_overlap,
    conveyor_out_is_unset_until_published,
    conveyor_snapshot_survives_a_writer_killed_half_way,
    conveyor_watch_reads_from_another_process,
    conveyor_protects_what_is_not_the_roles_to_write,
    conveyor_refuses_impossible_words, conveyor_refuses_impossible_entries,
    conveyor_loops_end_whatever_the_ring_holds)
