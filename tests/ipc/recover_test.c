#include "tests/ipc/fixture.h"

static size_t
recover(struct conveyor *cv, uint8_t id, bool guilty, bool suspects)
{
	struct conveyor_fault fault = { .suspects = suspects, .cause = 11 };
	size_t n = SIZE_MAX;

	ck_assert_int_eq(conveyor_recover(cv, id, &routes,
			     guilty ? &fault : NULL, &n),
	    0);
	return n;
}

/* What a push is after P1, or after P3, at the moment of a kill. */
static void
half_push(struct conveyor *cv, uint8_t queue, uint32_t cell, bool inserted)
{
	struct cell_word w = conveyor_word(cv, cell);

	w.gen++;
	w.queue = queue;
	w.state = CELL_SENDING;
	atomic_store(word_of(cv, cell), cell_pack(w));
	if (inserted)
		ck_assert_int_eq(ring_insert(cv, queue, cell, w.gen), 0);
}

/* What a pop is between C3 and C4: the cell is taken, its entry stands. */
static bool
half_pop(struct conveyor *cv, uint8_t queue)
{
	uint64_t head = atomic_load(&ring_of(cv, queue)->head);
	struct cell_word w;
	uint32_t cell;
	uint16_t gen;

	if (!ring_entry_at(cv, queue, head, &cell, &gen))
		return false;
	w = conveyor_word(cv, cell);
	if (w.state == CELL_HELD || w.queue != queue || (uint16_t)w.gen != gen)
		return false;
	w.gen++;
	w.owner = cv->me;
	w.state = CELL_HELD;
	atomic_store(word_of(cv, cell), cell_pack(w));
	return true;
}

START_TEST(recovery_sends_each_cell_where_the_table_says)
{
	struct conveyor *cv = fixture_new(16, NULL);
	struct conveyor *dead = worker(cv, 1), *live = worker(cv, 2);
	uint32_t cells[Q_COUNT], kept = hold_from(live, Q_PAGES);

	for (uint8_t q = 0; q < Q_COUNT; q++)
		cells[q] = hold_from(dead, q);
	ck_assert_uint_eq(recover(cv, 1, false, false), Q_COUNT);
	for (uint8_t q = 0; q < Q_COUNT; q++) {
		ck_word(cv, cells[q], CELL_QUEUED, routes.queue[q].target, 0);
		ck_assert_uint_eq(conveyor_word(cv, cells[q]).attempts, 0);
	}
	ck_word(cv, kept, CELL_HELD, Q_PAGES, 2);
	ck_sound(cv);
	ck_assert_uint_eq(recover(cv, 1, true, true), 0);
	conveyor_detach(dead);
	conveyor_detach(live);
	conveyor_detach(cv);
}
END_TEST

START_TEST(recovery_delivers_what_was_on_its_way)
{
	for (int inserted = 0; inserted < 2; inserted++) {
		struct conveyor *cv = fixture_new(4, NULL);
		struct conveyor *dead = worker(cv, 1), *live = worker(cv, 2);
		uint32_t cell = hold_from(dead, Q_ORDERS);

		half_push(dead, Q_PAGES, cell, inserted);
		/* Forwarded, so not held: it cannot be to blame. */
		roster_set_current(dead, cell);
		ck_assert_uint_eq(recover(cv, 1, true, true), 1);
		ck_assert_uint_eq(conveyor_word(cv, cell).attempts, 0);
		ck_sound(cv);
		ck_assert_uint_eq(pop(live, Q_PAGES), cell);
		/* Once, although it may stand there twice. */
		ck_empty(live, Q_PAGES);
		ck_sound(cv);
		conveyor_detach(dead);
		conveyor_detach(live);
		conveyor_detach(cv);
	}
}
END_TEST

START_TEST(recovery_leaves_a_cell_that_was_claimed_before_it_was_settled)
{
	struct conveyor *cv = fixture_new(4, NULL);
	struct conveyor *dead = worker(cv, 1), *live = worker(cv, 2);
	uint32_t cell = hold_from(dead, Q_ORDERS);

	half_push(dead, Q_PAGES, cell, true);
	ck_assert_uint_eq(pop(live, Q_PAGES), cell);
	ck_assert_uint_eq(recover(cv, 1, false, false), 0);
	ck_word(cv, cell, CELL_HELD, Q_PAGES, 2);
	push(live, Q_RECORDS, cell);
	ck_sound(cv);
	conveyor_detach(dead);
	conveyor_detach(live);
	conveyor_detach(cv);
}
END_TEST

START_TEST(recovery_makes_the_entry_before_it_stale)
{
	struct conveyor *cv = fixture_new(4, NULL);
	struct conveyor *dead = worker(cv, 1), *live = worker(cv, 2);
	uint32_t first = pop(dead, Q_FREE), second = pop(dead, Q_FREE);

	/* [first] stands, its sender dies, [second] comes after it: the entry
	 * made by recovery is behind, and the old one delivers nothing. */
	half_push(dead, Q_PAGES, first, true);
	conveyor_become(dead, 3);
	half_push(dead, Q_PAGES, pop(dead, Q_FREE), true);
	push(live, Q_PAGES, pop(live, Q_FREE));
	ck_assert_uint_eq(conveyor_length(cv, Q_PAGES), 3);
	ck_assert_uint_eq(recover(cv, 1, false, false), 2);
	ck_word(cv, second, CELL_QUEUED, Q_FREE, 0);
	ck_assert_uint_eq(conveyor_length(cv, Q_PAGES), 4);
	ck_assert_uint_ne(pop(live, Q_PAGES), first);
	ck_assert_uint_ne(pop(live, Q_PAGES), first);
	ck_assert_uint_eq(pop(live, Q_PAGES), first);
	ck_empty(live, Q_PAGES);
	conveyor_detach(dead);
	conveyor_detach(live);
	conveyor_detach(cv);
}
END_TEST

START_TEST(recovery_blames_by_the_rules)
{
	enum {
		NONE = -1,
		STRANGER = -2
	};
	/* clang-format off */
	static const struct {
		int held;       /* cells in hand, from PAGES */
		int current;    /* which of them, NONE, or one not its own */
		bool guilty, suspects;
		int blamed;     /* which of them */
		bool suspect;   /* all of them */
	} cases[] = {
		{ 3, 1,        true,  false, 1,    false },
		{ 3, 1,        true,  true,  1,    false },
		{ 3, 1,        false, true,  NONE, false },
		{ 3, NONE,     true,  false, NONE, false },
		{ 3, NONE,     true,  true,  NONE, true  },
		{ 3, STRANGER, true,  true,  NONE, true  },
		{ 3, STRANGER, true,  false, NONE, false },
		{ 1, 0,        true,  true,  0,    false },
		{ 1, NONE,     true,  true,  0,    false },
		{ 1, STRANGER, true,  false, 0,    false },
		{ 1, 0,        false, false, NONE, false },
		{ 0, STRANGER, true,  true,  NONE, false },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct conveyor *cv = fixture_new(8, NULL);
		struct conveyor *dead = worker(cv, 1), *live = worker(cv, 2);
		uint32_t other = hold_from(live, Q_PAGES), cells[8];

		for (int c = 0; c < cases[i].held; c++)
			cells[c] = hold_from(dead, Q_PAGES);
		if (cases[i].current >= 0)
			roster_set_current(dead, cells[cases[i].current]);
		else if (cases[i].current == STRANGER)
			roster_set_current(dead, other);
		ck_assert_int_eq(recover(cv, 1, cases[i].guilty,
				     cases[i].suspects),
		    cases[i].held);
		for (int c = 0; c < cases[i].held; c++) {
			uint8_t got = conveyor_word(cv, cells[c]).attempts;

			ck_assert_msg((got & CELL_BLAMES) ==
					      (c == cases[i].blamed) &&
					  !!(got & CELL_SUSPECT) ==
					      cases[i].suspect,
			    "case %zu, cell %d: attempts %#x", i, c, got);
			ck_assert_uint_eq(conveyor_cause(cv, cells[c]),
			    c == cases[i].blamed ? 11 : 0);
		}
		ck_assert_uint_eq(conveyor_word(cv, other).attempts, 0);
		ck_assert_int_eq(roster_current(cv, 1), -1);
		conveyor_detach(dead);
		conveyor_detach(live);
		conveyor_detach(cv);
	}
}
END_TEST

START_TEST(recovery_sends_to_dead_at_the_third_blame)
{
	/* clang-format off */
	static const struct { uint8_t from, ends; } cases[] = {
		{ Q_ORDERS, Q_DEAD }, { Q_PAGES, Q_DEAD },
		{ Q_RECORDS, Q_DEAD }, { Q_SETTLED, Q_SETTLED },
		{ Q_DEAD, Q_DEAD },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct conveyor *cv = fixture_new(4, NULL);
		struct conveyor *dead = worker(cv, 1);
		uint8_t from = cases[i].from, now = from;
		uint32_t cell = pop(dead, Q_FREE);

		conveyor_set_attempts(dead, cell, CELL_SUSPECT);
		push(dead, from, cell);
		for (int blames = 1; blames <= 3; blames++) {
			if (now != from) { /* an order come back */
				ck_assert_uint_eq(pop(dead, now), cell);
				push(dead, from, cell);
			}
			ck_assert_uint_eq(pop(dead, from), cell);
			recover(cv, 1, true, false);
			now = conveyor_word(cv, cell).queue;
			ck_assert_uint_eq(conveyor_word(cv, cell).attempts,
			    CELL_SUSPECT | blames);
			ck_assert_uint_eq(now, blames < 3
						   ? routes.queue[from].target
						   : cases[i].ends);
		}
		ck_sound(cv);
		conveyor_detach(dead);
		conveyor_detach(cv);
	}
}
END_TEST

START_TEST(recovery_counts_no_further_than_127)
{
	struct conveyor *cv = fixture_new(4, NULL);
	struct conveyor *dead = worker(cv, 1);
	uint32_t cell = hold_from(dead, Q_SETTLED);

	conveyor_set_attempts(dead, cell, CELL_BLAMES);
	recover(cv, 1, true, false);
	ck_assert_uint_eq(conveyor_word(cv, cell).attempts, CELL_BLAMES);
	conveyor_detach(dead);
	conveyor_detach(cv);
}
END_TEST

/*
 * A life of deaths: workers that die in the middle of a pop or a push, at
 * random, in queues that others do and do not read.
 */
START_TEST(recovery_never_fills_a_ring)
{
	enum {
		CELLS = 12,
		DEATHS = 20000
	};
	struct conveyor *cv = fixture_new(CELLS, NULL);
	struct conveyor *w = worker(cv, 1);
	uint64_t random = test_seed();
	uint32_t most = 0;

	for (int death = 0; death < DEATHS; death++) {
		uint8_t from = (uint8_t)(test_random(&random) % Q_COUNT);
		uint8_t to = (uint8_t)(test_random(&random) % Q_COUNT);
		uint32_t cell;

		conveyor_become(w, (uint8_t)(1 + test_random(&random) % 254));
		switch (test_random(&random) % 4) {
		case 0:
			half_pop(w, from);
			break;
		case 1:
		case 2:
			if (conveyor_pop(w, from, &cell) > 0)
				half_push(w, to, cell, death % 2);
			break;
		default:
			/* One that lives, and moves a few on. */
			for (int i = 0; i < 3; i++)
				if (conveyor_pop(w, from, &cell) > 0)
					push(w, to, cell);
		}
		recover(cv, w->me, death % 3 == 0, death % 5 == 0);
		for (uint8_t q = 0; q < Q_COUNT; q++)
			if (conveyor_length(cv, q) > most)
				most = conveyor_length(cv, q);
		if (death % 16 == 0)
			ck_sound(cv);
	}
	ck_sound(cv);
	ck_assert_uint_le(most, 2 * CELLS);
	conveyor_detach(w);
	conveyor_detach(cv);
}
END_TEST

/* A queue at rest, and one cell whose sender dies again and again: without a
 * generation in the entry, each recovery adds one for ever. */
START_TEST(recovery_leaves_two_entries_a_cell_in_a_queue_at_rest)
{
	struct conveyor *cv = fixture_new(4, NULL);
	struct conveyor *w = worker(cv, 1);

	push(w, Q_PAGES, pop(w, Q_FREE)); /* rests at the head */
	push(w, Q_PAGES, pop(w, Q_FREE));
	for (int death = 0; death < 5000; death++) {
		ck_assert(half_pop(w, Q_PAGES));
		recover(cv, 1, false, false);
		ck_assert_uint_le(conveyor_length(cv, Q_PAGES), 4);
		pop(w, Q_PAGES);
		recover(cv, 1, false, false);
	}
	ck_sound(cv);
	conveyor_detach(w);
	conveyor_detach(cv);
}
END_TEST

START_TEST(recovery_clears_the_dead_ones_bit_and_wakes_the_others)
{
	struct conveyor *cv = fixture_new(4, NULL);
	struct conveyor *dead = worker(cv, 70), *live = worker(cv, 71);

	gate_enter(dead, Q_PAGES);
	gate_enter(live, Q_PAGES);
	gate_enter(live, Q_RECORDS);
	recover(cv, 70, false, false);
	ck_assert_uint_eq(ring_of(cv, Q_PAGES)->waiters[1], 1u << 7);
	/* Whatever credit there was: the dead one may have swallowed it. */
	ck_assert_int_eq(credit(cv, Q_PAGES), 1);
	ck_assert_int_eq(credit(cv, Q_RECORDS), 1);
	ck_assert_int_eq(credit(cv, Q_FREE), 0);
	recover(cv, 70, false, false);
	ck_assert_int_eq(credit(cv, Q_PAGES), 2);
	conveyor_detach(dead);
	conveyor_detach(live);
	conveyor_detach(cv);
}
END_TEST

START_TEST(recovery_that_a_worker_did_half_is_done_by_who_recovers_that_worker)
{
	struct conveyor *cv = fixture_new(4, NULL);
	struct conveyor *dead = worker(cv, 2), *second = worker(cv, 3);
	struct conveyor *third = worker(cv, 4);
	uint32_t cell = hold_from(dead, Q_PAGES);
	struct cell_word w;
	size_t n;

	/* As far as the word, and killed. */
	w = conveyor_word(cv, cell);
	w.state = CELL_SENDING;
	w.owner = 3;
	w.gen++;
	atomic_store(word_of(cv, cell), cell_pack(w));
	ck_assert_int_eq(conveyor_recover(second, 2, &routes, NULL, &n), 0);
	ck_assert_uint_eq(n, 0);
	ck_assert_int_eq(conveyor_recover(third, 3, &routes, NULL, &n), 0);
	ck_assert_uint_eq(n, 1);
	ck_word(cv, cell, CELL_QUEUED, Q_PAGES, 0);
	ck_assert_uint_eq(pop(cv, Q_PAGES), cell);
	conveyor_detach(third);
	conveyor_detach(second);
	conveyor_detach(dead);
	conveyor_detach(cv);
}
END_TEST

TEST_MAIN("recover", recovery_sends_each_cell_where_the_table_says,
    recovery_delivers_what_was_on_its_way,
    recovery_leaves_a_cell_that_was_claimed_before_it_was_settled,
    recovery_makes_the_entry_before_it_stale, recovery_blames_by_the_rules,
    recovery_sends_to_dead_at_the_third_blame,
    recovery_counts_no_further_than_127, recovery_never_fills_a_ring,
    recovery_leaves_two_entries_a_cell_in_a_queue_at_rest,
    recovery_clears_the_dead_ones_bit_and_wakes_the_others,
    recovery_that_a_worker_did_half_is_done_by_who_recovers_that_worker)
