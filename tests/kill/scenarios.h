/*
 * scenarios - operations of the queues, each with a conveyor to begin from and
 * what may have become of it when the operation was killed.
 */
#ifndef TESTS_KILL_SCENARIOS_H
#define TESTS_KILL_SCENARIOS_H

#include "ipc/roster_impl.h"
#include "tests/kill/crew.h"

enum {
	CELLS = 8,
	WORKER = 1,    /* is stepped */
	VICTIM = 2,    /* was dead before */
	SLEEPER = 100, /* flagged at every gate, and never woken for real */
	OLD = 4,       /* messages there from the beginning: 1 … OLD */
	NEW = 77       /* and from here on those that a scenario makes */
};

struct scenario {
	const char *name;
	void (*prepare)(struct conveyor *);
	void (*run)(struct conveyor *); /* in the child */
	uint8_t me;
	/* Queues in which a cell may be that is not where it was. */
	uint32_t places;
	/* Gates at which it must have woken the sleeper, when not killed. */
	uint32_t wakes;
	/* The message that it ends, 0: none. */
	uint64_t ends;
	/* What else is so at each instruction, and after recovery. */
	bool (*holds)(struct conveyor *, const char *when);
};

enum {
	EVENTS = ROSTER_EVENTS + 10
};

/* Where each cell is when nothing is done to it but recovery. */
static uint8_t before[CELLS];

/* In the child that is stepped: it ends.  While the stage is set: all does. */
static void
cannot(const char *what)
{
	if (getpid() != crew_pid)
		_exit(1);
	need(false, what);
}

static uint32_t
take(struct conveyor *cv, uint8_t queue)
{
	uint32_t cell = 0;

	if (conveyor_pop(cv, queue, &cell) != 1)
		cannot("pop");
	return cell;
}

static void
give(struct conveyor *cv, uint8_t queue, uint32_t cell)
{
	if (conveyor_push(cv, queue, cell) != 0)
		cannot("push");
}

/* ---- to begin from -------------------------------------------------------- */

/* Three messages in PAGES and one in SETTLED, the rest free. */
static void
prepare_pages(struct conveyor *cv)
{
	for (uint64_t i = 1; i <= OLD; i++) {
		uint32_t cell = take(cv, Q_FREE);

		message_write(conveyor_order(cv, cell), i);
		give(cv, i == OLD ? Q_SETTLED : Q_PAGES, cell);
	}
}

/* Head and tail lag: somebody died between C4 and C5, and P2 and P3. */
static void
prepare_lagging(struct conveyor *cv)
{
	prepare_pages(cv);
	atomic_fetch_sub(&ring_of(cv, Q_FREE)->head, 1);
	atomic_fetch_sub(&ring_of(cv, Q_PAGES)->tail, 1);
}

/* The next entry but one stands in the first slot again. */
static void
prepare_wrapped(struct conveyor *cv)
{
	static const uint8_t queues[] = { Q_PAGES, Q_RECORDS };

	for (size_t i = 0; i < ARRAY_LEN(queues); i++)
		for (uint32_t n = 0; n < cv->layout.slots - 2; n++) {
			give(cv, queues[i], take(cv, Q_FREE));
			give(cv, Q_FREE, take(cv, queues[i]));
		}
	prepare_pages(cv);
}

/* As after P1, or P2 too. */
static void
half_push(struct conveyor *cv, uint8_t queue, uint32_t cell, bool inserted)
{
	struct cell_word w = conveyor_word(cv, cell);

	w.gen++, w.state = CELL_SENDING, w.queue = queue;
	atomic_store(word_of(cv, cell), cell_pack(w));
	if (inserted && ring_insert(cv, queue, cell, w.gen) != 0)
		cannot("set the stage");
}

/* As after C3: held, and its entry still there. */
static void
half_pop(struct conveyor *cv, uint8_t queue)
{
	uint64_t head = atomic_load(&ring_of(cv, queue)->head);
	struct cell_word w;
	uint32_t cell;
	uint16_t gen;

	if (!ring_entry_at(cv, queue, head, &cell, &gen))
		cannot("set the stage");
	w = conveyor_word(cv, cell);
	w.gen++, w.state = CELL_HELD, w.owner = conveyor_me(cv);
	atomic_store(word_of(cv, cell), cell_pack(w));
}

/* A dead worker with cells in every stage of every step. */
static void
prepare_dead(struct conveyor *cv)
{
	prepare_pages(cv);
	conveyor_become(cv, VICTIM);
	roster_set_current(cv, take(cv, Q_PAGES)); /* HELD from PAGES */
	for (int inserted = 0; inserted < 2; inserted++) {
		uint32_t cell = take(cv, Q_PAGES); /* SENDING to RECORDS */

		message_write(conveyor_capture(cv, cell),
		    ((struct message *)conveyor_order(cv, cell))->id);
		half_push(cv, Q_RECORDS, cell, inserted != 0);
	}
	take(cv, Q_SETTLED);  /* HELD from SETTLED */
	take(cv, Q_FREE);     /* and from FREE, */
	half_pop(cv, Q_FREE); /* the entry cleared or not */
	gate_enter(cv, Q_PAGES);
}

/* Entries that say nothing any more, before and among those that do. */
static void
prepare_stale(struct conveyor *cv)
{
	size_t n;

	prepare_pages(cv);
	conveyor_become(cv, VICTIM);
	half_push(cv, Q_PAGES, take(cv, Q_PAGES), true);
	half_pop(cv, Q_PAGES);
	conveyor_become(cv, 0);
	if (conveyor_recover(cv, VICTIM, &routes, NULL, &n) != 0 || n != 2)
		cannot("set the stage");
}

/* Of every word that belongs to no cell, one before this one. */
static void
prepare_words(struct conveyor *cv)
{
	uint64_t values[CONVEYOR_SNAPSHOT];

	prepare_pages(cv);
	for (size_t i = 0; i < ARRAY_LEN(values); i++)
		values[i] = 1;
	conveyor_publish_snapshot(cv, values, ARRAY_LEN(values));
	conveyor_publish_out(cv, 1, ~UINT64_C(1));
	conveyor_bind(cv, 0, true);
	conveyor_mark_fetched(cv, 1);
	conveyor_mark_fetched(cv, 5);
	conveyor_become(cv, WORKER);
	roster_note(cv, "aaaaaaaaaaaaaaaaaaaa");
	roster_count(cv, 0, 1);
	/* Not by roster_took_work(): two runs of a clock end otherwise. */
	((struct roster_page *)conveyor_at(cv,
	     cv->layout.roster + WORKER * cv->layout.page))
	    ->worked_us = 1;
	conveyor_become(cv, 0);
}

/* ---- what is stepped ------------------------------------------------------ */

static void
run_push(struct conveyor *cv)
{
	uint32_t cell = take(cv, Q_FREE);

	message_write(conveyor_order(cv, cell), NEW);
	give(cv, Q_PAGES, cell);
}

static void
run_push_many(struct conveyor *cv)
{
	uint32_t cells[3];

	if (conveyor_pop_many(cv, Q_FREE, cells, 3) != 3)
		_exit(1);
	for (int i = 0; i < 3; i++)
		message_write(conveyor_order(cv, cells[i]), NEW + (uint64_t)i);
	if (conveyor_push_many(cv, Q_PAGES, cells, 3) != 0)
		_exit(1);
}

/* Its consumers sleep at another queue's gate. */
static void
run_push_dead(struct conveyor *cv)
{
	give(cv, Q_DEAD, take(cv, Q_PAGES));
}

static void
run_pop(struct conveyor *cv)
{
	take(cv, Q_PAGES);
}

/* More than there are: to the end, and one look in vain. */
static void
run_pop_many(struct conveyor *cv)
{
	uint32_t cells[CELLS];

	if (conveyor_pop_many(cv, Q_PAGES, cells, CELLS) != 3)
		_exit(1);
}

static void
run_forward(struct conveyor *cv)
{
	uint32_t cell = take(cv, Q_PAGES);
	struct message *order = conveyor_order(cv, cell);

	message_write(conveyor_capture(cv, cell), order->id);
	give(cv, Q_RECORDS, cell);
}

static void
run_forward_many(struct conveyor *cv)
{
	uint32_t cells[3];

	if (conveyor_pop_many(cv, Q_PAGES, cells, 3) != 3)
		_exit(1);
	for (int i = 0; i < 3; i++) {
		struct message *order = conveyor_order(cv, cells[i]);

		message_write(conveyor_capture(cv, cells[i]), order->id);
	}
	if (conveyor_push_many(cv, Q_RECORDS, cells, 3) != 0)
		_exit(1);
}

static void
run_retake(struct conveyor *cv)
{
	uint32_t cell = take(cv, Q_SETTLED);

	conveyor_set_attempts(cv, cell, CELL_SUSPECT);
	if (conveyor_retake(cv, Q_FREE, cell) != 0)
		_exit(1);
	message_write(conveyor_order(cv, cell), NEW);
	give(cv, Q_ORDERS, cell);
}

static void
run_drain(struct conveyor *cv)
{
	size_t n;

	if (conveyor_drain(cv, Q_PAGES, Q_SETTLED, &n) != 0 || n != 3)
		_exit(1);
}

/* Of a crawler: "a fetch has ended", without a cell. */
static void
run_wake(struct conveyor *cv)
{
	conveyor_mark_fetched(cv, 3);
	conveyor_wake(cv, Q_SETTLED);
}

static void
run_recover(struct conveyor *cv)
{
	size_t n;

	if (conveyor_recover(cv, VICTIM, &routes, &a_fault, &n) != 0 || n != 6)
		_exit(1);
}

static void
run_rebuild(struct conveyor *cv)
{
	if (conveyor_rebuild(cv, &routes, Q_SETTLED) != 0)
		_exit(1);
}

/* ---- words that belong to no cell ------------------------------------------ */

static void
run_publish(struct conveyor *cv)
{
	uint64_t values[CONVEYOR_SNAPSHOT];

	for (size_t i = 0; i < ARRAY_LEN(values); i++)
		values[i] = 2;
	conveyor_publish_snapshot(cv, values, ARRAY_LEN(values));
	conveyor_publish_out(cv, 2, ~UINT64_C(2));
}

/* Whole, this one or the one before; `out` is unset by a new supervisor. */
static bool
holds_publish(struct conveyor *cv, const char *when)
{
	uint64_t values[CONVEYOR_SNAPSHOT], seq = 0, end = 0;
	bool whole = true;

	conveyor_snapshot(cv, values, ARRAY_LEN(values));
	for (size_t i = 1; i < ARRAY_LEN(values); i++)
		whole &= values[i] == values[0];
	return check(whole && (values[0] == 1 || values[0] == 2),
		   "%s: half a snapshot", when) &&
	       check(!conveyor_read_out(cv, &seq, &end) ||
			 (end == ~seq && (seq == 1 || seq == 2)),
		   "%s: half of header.out", when);
}

/* Two of one's own, and one more that there is no room for; each is a hint. */
static void
run_fetched(struct conveyor *cv)
{
	uint32_t cells[2];

	conveyor_mark_fetched(cv, 3);
	if (conveyor_take_fetched(cv, cells, 2) != 2 || cells[0] != 1 ||
	    cells[1] != 3)
		_exit(1);
	if (conveyor_take_fetched(cv, cells, 2) != 1 || cells[0] != 5)
		_exit(1);
}

static bool
holds_fetched(struct conveyor *cv, const char *when)
{
	uint64_t bits = atomic_load(fetched_of(cv));

	/* In their order, and never one that was not marked. */
	return check(bits == 042 || bits == 052 || bits == 040 || bits == 0,
	    "%s: fetched[] is %#llo", when, (unsigned long long)bits);
}

static void
run_bind(struct conveyor *cv)
{
	conveyor_bind(cv, 0, false);
	conveyor_bind(cv, 0, true);
}

/* The worker's own page. */
static void
run_roster(struct conveyor *cv)
{
	roster_took_work(cv);
	roster_beat(cv, 12345);
	roster_set_current(cv, 3);
	roster_note(cv, "bbbbbbbbbbbbbbbbbbbb");
	roster_count(cv, 0, 1);
	roster_clear_current(cv);
}

static bool
holds_roster(struct conveyor *cv, const char *when)
{
	int64_t current = roster_current(cv, WORKER);
	uint64_t count = roster_counter(cv, WORKER, 0);
	char note[ROSTER_NOTE];

	roster_read_note(cv, WORKER, note);
	return check(strcmp(note, "aaaaaaaaaaaaaaaaaaaa") == 0 ||
			 strcmp(note, "bbbbbbbbbbbbbbbbbbbb") == 0,
		   "%s: note: %s", when, note) &&
	       check(current == -1 || current == 3, "%s: current", when) &&
	       check(count == 1 || count == 2, "%s: count", when);
}

/* The ring of events is full, so each takes the place of another. */
static void
prepare_events(struct conveyor *cv)
{
	prepare_words(cv);
	conveyor_become(cv, WORKER);
	for (uint64_t i = 1; i <= EVENTS; i++)
		roster_event(cv, (int64_t)i, 1, (int64_t)(i % CELLS), i);
	conveyor_become(cv, 0);
}

static void
run_event(struct conveyor *cv)
{
	for (uint64_t i = EVENTS + 1; i <= EVENTS + 2; i++)
		roster_event(cv, (int64_t)i, 1, (int64_t)(i % CELLS), i);
}

/* The last ones, each whole; one less while one is written. */
static bool
holds_event(struct conveyor *cv, const char *when)
{
	struct roster_event events[ROSTER_EVENTS];
	size_t n;
	bool whole = true;

	/* As the next supervisor does, whose view knows of no page yet. */
	need(roster_keep_events(cv, WORKER) == 0, "a page for events");
	n = roster_events(cv, WORKER, events);
	for (size_t i = 0; i < n; i++)
		whole = whole && (uint64_t)events[i].at_us == events[i].value &&
			events[i].cell == (int64_t)(events[i].value % CELLS) &&
			events[i].value + n ==
			    roster_events_seen(cv, WORKER) + 1 + i;
	return check(n >= ROSTER_EVENTS - 1, "%s: %zu events", when, n) &&
	       check(whole, "%s: a torn event", when) && holds_roster(cv, when);
}

/* By the supervisor, before it forks; a pid only with what belongs to it. */
static void
run_assign(struct conveyor *cv)
{
	struct roster_entry entry = { .pid = 9,
		.role = 9,
		.index = 9,
		.incarnation = 9,
		.started_ms = 9 };

	roster_assign(cv, 3, &entry);
}

static bool
holds_assign(struct conveyor *cv, const char *when)
{
	struct roster_entry entry;

	roster_read(cv, 3, &entry);
	return check(entry.pid == 0 ||
			 (entry.pid == 9 && entry.role == 9 &&
			     entry.index == 9 && entry.incarnation == 9 &&
			     entry.started_ms == 9),
	    "%s: half a roster line", when);
}

/* Whoever only looks changes nothing. */
static void
run_look(struct conveyor *cv)
{
	uint64_t values[CONVEYOR_SNAPSHOT], seq, end, sum = 0;
	struct roster_event events[ROSTER_EVENTS];
	struct roster_entry entry;
	char note[ROSTER_NOTE];

	for (uint8_t q = 0; q < Q_COUNT; q++)
		sum += conveyor_length(cv, q);
	for (uint32_t c = 0; c < CELLS; c++)
		sum += conveyor_word(cv, c).gen + conveyor_cause(cv, c) +
		       conveyor_body_room(cv, c) + conveyor_output_room(cv, c) +
		       (conveyor_body(cv, c) < conveyor_output(cv, c)) +
		       ((struct message *)conveyor_order(cv, c))->id +
		       ((struct message *)conveyor_capture(cv, c))->id +
		       (conveyor_inline(cv, c) != NULL) +
		       conveyor_settle(cv, c)->seq;
	conveyor_snapshot(cv, values, ARRAY_LEN(values));
	roster_read(cv, WORKER, &entry);
	roster_read_note(cv, WORKER, note);
	sum += conveyor_read_out(cv, &seq, &end) + conveyor_bound(cv, 0) +
	       conveyor_committed(cv) + conveyor_me(cv) +
	       conveyor_shape(cv)->cells + segment_space() +
	       (uint64_t)roster_current(cv, WORKER) +
	       (uint64_t)roster_last_beat(cv, WORKER) +
	       roster_has_worked(cv, WORKER) +
	       (uint64_t)roster_worked_us(cv, WORKER) +
	       roster_counter(cv, WORKER, 0) + roster_turns(cv, WORKER) +
	       roster_events_seen(cv, WORKER) +
	       roster_events(cv, WORKER, events) + conveyor_is_prepared(cv, 0);
	if (conveyor_protect(cv, 0) != 0 || sum == 0)
		_exit(1);
}

#define AT(queue) (1u << (queue))

/* clang-format off */
static const struct scenario scenarios[] = {
	{ "push", prepare_pages, run_push, WORKER,
	    AT(Q_FREE) | AT(Q_PAGES), AT(Q_PAGES) },
	{ "push_many", prepare_pages, run_push_many, WORKER,
	    AT(Q_FREE) | AT(Q_PAGES), AT(Q_PAGES) },
	{ "push_lagging", prepare_lagging, run_push, WORKER,
	    AT(Q_FREE) | AT(Q_PAGES), AT(Q_PAGES) },
	{ "push_dead", prepare_pages, run_push_dead, WORKER,
	    AT(Q_PAGES) | AT(Q_DEAD), AT(Q_RECORDS) },
	{ "pop", prepare_pages, run_pop, WORKER, AT(Q_PAGES) },
	{ "pop_many", prepare_pages, run_pop_many, WORKER, AT(Q_PAGES) },
	{ "pop_many_stale", prepare_stale, run_pop_many, WORKER, AT(Q_PAGES) },
	{ "forward", prepare_pages, run_forward, WORKER,
	    AT(Q_PAGES) | AT(Q_RECORDS), AT(Q_RECORDS) },
	{ "forward_many", prepare_pages, run_forward_many, WORKER,
	    AT(Q_PAGES) | AT(Q_RECORDS), AT(Q_RECORDS) },
	{ "forward_wrapped", prepare_wrapped, run_forward_many, WORKER,
	    AT(Q_PAGES) | AT(Q_RECORDS), AT(Q_RECORDS) },
	{ "retake", prepare_pages, run_retake, WORKER,
	    AT(Q_SETTLED) | AT(Q_FREE) | AT(Q_ORDERS), AT(Q_ORDERS), OLD },
	{ "drain", prepare_pages, run_drain, WORKER,
	    AT(Q_PAGES) | AT(Q_SETTLED), AT(Q_SETTLED) },
	{ "wake", prepare_pages, run_wake, WORKER, 0, AT(Q_SETTLED) },
	{ "recover", prepare_dead, run_recover, 0,
	    AT(Q_PAGES) | AT(Q_RECORDS) | AT(Q_SETTLED) | AT(Q_FREE),
	    AT(Q_PAGES) | AT(Q_RECORDS) | AT(Q_SETTLED) | AT(Q_FREE) },
	{ "rebuild", prepare_dead, run_rebuild, 0,
	    AT(Q_PAGES) | AT(Q_RECORDS) | AT(Q_SETTLED) | AT(Q_FREE) },
	{ "publish", prepare_words, run_publish, WORKER,
	    .holds = holds_publish },
	{ "fetched", prepare_words, run_fetched, WORKER,
	    .holds = holds_fetched },
	{ "bind", prepare_words, run_bind, 0, .holds = holds_publish },
	{ "roster", prepare_words, run_roster, WORKER, .holds = holds_roster },
	{ "event", prepare_events, run_event, WORKER, .holds = holds_event },
	{ "assign", prepare_words, run_assign, 0, .holds = holds_assign },
	{ "look", prepare_words, run_look, WORKER, .holds = holds_roster },
};
/* clang-format on */

static void
note_before(struct conveyor *cv)
{
	for (uint32_t c = 0; c < CELLS; c++) {
		struct cell_word w = conveyor_word(cv, c);

		before[c] = w.state == CELL_HELD ? routes.queue[w.queue].target
						 : w.queue;
	}
}

/* What it took to get here woke nobody: what follows has to. */
static inline void
credits_take(struct conveyor *cv)
{
	for (uint8_t q = 0; q < Q_COUNT; q++)
		while (cv->sems[q] != NULL && sem_trywait(cv->sems[q]) == 0)
			;
}

/* A conveyor as it is before `scenario`, a sleeper flagged at every gate. */
static inline struct conveyor *
stage(const struct scenario *scenario, char name[64], bool keep_name)
{
	struct roster_entry entry = { .pid = 4711, .role = 1 };
	struct conveyor *cv = crew_new(CELLS, name, keep_name);

	need(roster_keep_events(cv, WORKER) == 0, "a page for events");
	roster_assign(cv, WORKER, &entry);
	roster_assign(cv, VICTIM, &entry);
	scenario->prepare(cv);
	conveyor_become(cv, SLEEPER);
	for (uint8_t q = 0; q < Q_COUNT; q++)
		gate_enter(cv, q);
	conveyor_become(cv, 0);
	credits_take(cv);
	note_before(cv);
	return cv;
}

#endif
