/*
 * Killed at every instruction.
 *
 * A child is stepped through one operation.  After each step that changed the
 * segment or a semaphore, a copy is recovered in the two ways there are, beside
 * the living and by a new supervisor, and everything is checked.  All state
 * is in the segment, so the copy is what a kill would have left.  A sample is
 * killed in earnest.
 */
#include <sys/mman.h>

#include "tests/kill/crew.h"
#include "tests/kill/stepper.h"

enum {
	CELLS = 8,
	WORKER = 1,    /* is stepped */
	VICTIM = 2,    /* was dead before, in the tests of recovery */
	SLEEPER = 100, /* flagged at every gate, and never woken for real */
	KILLS = 25,    /* in earnest, a scenario */
	/* Each begins at the first instruction: fewer where that is far. */
	KILL_STEPS = 30000,
	STEPS_MAX = 1000000
};

struct scenario {
	const char *name;
	void (*prepare)(struct conveyor *);
	void (*run)(struct conveyor *); /* in the child */
	uint8_t me;
	/* What may have become of a cell that is not where it was. */
	uint32_t places;
	/* Gates at which it must have woken the sleeper, when not killed. */
	uint32_t wakes;
	/* Writes that the protocol needs; fewer were not stepped through. */
	int writes;
};

/* What of the segment is compared: all that queues and recovery write. */
struct image {
	char *base;
	size_t size;
	int credit[CONVEYOR_QUEUES];
};

static struct image last, scratch;
static uint8_t before[CELLS];
static long points, steps_all, kills;

/* ---- what is stepped ------------------------------------------------------ */

static uint32_t
take(struct conveyor *cv, uint8_t queue)
{
	uint32_t cell = 0;

	if (conveyor_pop(cv, queue, &cell) != 1)
		_exit(1);
	return cell;
}

static void
give(struct conveyor *cv, uint8_t queue, uint32_t cell)
{
	if (conveyor_push(cv, queue, cell) != 0)
		_exit(1);
}

/* Three messages in PAGES and one in SETTLED, the rest free. */
static void
prepare_pages(struct conveyor *cv)
{
	for (uint64_t i = 1; i <= 4; i++) {
		uint32_t cell = take(cv, Q_FREE);

		message_write(conveyor_order(cv, cell), i);
		give(cv, i == 4 ? Q_SETTLED : Q_PAGES, cell);
	}
}

static void
run_push(struct conveyor *cv)
{
	uint32_t cell = take(cv, Q_FREE);

	message_write(conveyor_order(cv, cell), 77);
	give(cv, Q_PAGES, cell);
}

static void
run_push_many(struct conveyor *cv)
{
	uint32_t cells[3];

	if (conveyor_pop_many(cv, Q_FREE, cells, 3) != 3)
		_exit(1);
	for (int i = 0; i < 3; i++)
		message_write(conveyor_order(cv, cells[i]), 77 + (uint64_t)i);
	if (conveyor_push_many(cv, Q_PAGES, cells, 3) != 0)
		_exit(1);
}

static void
run_pop(struct conveyor *cv)
{
	take(cv, Q_PAGES);
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

	conveyor_set_attempts(cv, cell, 0);
	if (conveyor_retake(cv, Q_FREE, cell) != 0)
		_exit(1);
	message_write(conveyor_order(cv, cell), 88);
	give(cv, Q_ORDERS, cell);
}

static void
run_drain(struct conveyor *cv)
{
	size_t n;

	if (conveyor_drain(cv, Q_PAGES, Q_SETTLED, &n) != 0 || n != 3)
		_exit(1);
}

static void
run_wait(struct conveyor *cv)
{
	(void)!conveyor_wait(cv, Q_PAGES, 0);
	(void)!conveyor_wait(cv, Q_RECORDS, 0);
}

/* A dead worker with cells in every stage of every step. */
static void
prepare_dead(struct conveyor *cv)
{
	uint32_t cell;
	struct cell_word w;

	prepare_pages(cv);
	conveyor_become(cv, VICTIM);
	roster_set_current(cv, take(cv, Q_PAGES)); /* HELD from PAGES */
	for (int inserted = 0; inserted < 2; inserted++) {
		cell = take(cv, Q_PAGES); /* SENDING to RECORDS */
		message_write(conveyor_capture(cv, cell),
		    ((struct message *)conveyor_order(cv, cell))->id);
		w = conveyor_word(cv, cell);
		w.gen++, w.state = CELL_SENDING, w.queue = Q_RECORDS;
		atomic_store(word_of(cv, cell), cell_pack(w));
		if (inserted && ring_insert(cv, Q_RECORDS, cell, w.gen) != 0)
			_exit(1);
	}
	take(cv, Q_SETTLED); /* HELD from SETTLED */
	take(cv, Q_FREE);    /* and from FREE */
	gate_enter(cv, Q_PAGES);
}

static void
run_recover(struct conveyor *cv)
{
	size_t n;

	if (conveyor_recover(cv, VICTIM, &routes, &a_fault, &n) != 0 || n != 5)
		_exit(1);
}

static void
run_rebuild(struct conveyor *cv)
{
	if (conveyor_rebuild(cv, &routes, Q_SETTLED) != 0)
		_exit(1);
}

#define AT(queue) (1u << (queue))

/* clang-format off */
static const struct scenario scenarios[] = {
	{ "push", prepare_pages, run_push, WORKER,
	    AT(Q_FREE) | AT(Q_PAGES), AT(Q_PAGES), 9 },
	{ "push_many", prepare_pages, run_push_many, WORKER,
	    AT(Q_FREE) | AT(Q_PAGES), AT(Q_PAGES), 22 },
	{ "pop", prepare_pages, run_pop, WORKER,
	    AT(Q_PAGES), 0, 3 },
	{ "forward", prepare_pages, run_forward, WORKER,
	    AT(Q_PAGES) | AT(Q_RECORDS), AT(Q_RECORDS), 9 },
	{ "forward_many", prepare_pages, run_forward_many, WORKER,
	    AT(Q_PAGES) | AT(Q_RECORDS), AT(Q_RECORDS), 22 },
	{ "retake", prepare_pages, run_retake, WORKER,
	    AT(Q_SETTLED) | AT(Q_FREE) | AT(Q_ORDERS), AT(Q_ORDERS), 11 },
	{ "drain", prepare_pages, run_drain, WORKER,
	    AT(Q_PAGES) | AT(Q_SETTLED), AT(Q_SETTLED), 22 },
	{ "wait", prepare_pages, run_wait, WORKER, 0, 0, 4 },
	{ "recover", prepare_dead, run_recover, 0,
	    AT(Q_PAGES) | AT(Q_RECORDS) | AT(Q_SETTLED) | AT(Q_FREE),
	    AT(Q_PAGES) | AT(Q_RECORDS) | AT(Q_SETTLED) | AT(Q_FREE), 20 },
	{ "rebuild", prepare_dead, run_rebuild, 0,
	    AT(Q_PAGES) | AT(Q_RECORDS) | AT(Q_SETTLED) | AT(Q_FREE), 0, 20 },
};
/* clang-format on */

/* ---- what must hold ------------------------------------------------------- */

static int
credit_of(const struct conveyor *cv, unsigned queue)
{
	int value = 0;

	sem_getvalue(cv->sems[queue], &value);
	return value;
}

/* A flagged sleeper beside work has a credit that will wake it. */
static bool
check_sleepers(const struct conveyor *cv, const char *when)
{
	bool ok = true;

	for (unsigned q = 0; q < Q_COUNT; q++)
		if (cv->gates.at[q] == q && gate_work(cv, (uint8_t)q, false) &&
		    (ring_of(cv, (uint8_t)q)->waiters[SLEEPER / 64] >>
			    SLEEPER % 64 &
			1) != 0)
			ok &= check(credit_of(cv, q) > 0,
			    "%s: a sleeper at queue %u beside work", when, q);
	return ok;
}

static bool
check_woken(const struct conveyor *cv, const struct scenario *scenario)
{
	bool ok = true;

	for (unsigned q = 0; q < Q_COUNT; q++)
		if ((scenario->wakes & AT(q)) != 0)
			ok &= check(credit_of(cv, q) > 0,
			    "%s: nobody woken at queue %u", scenario->name, q);
	return ok;
}

/* Everything that is true once recovery is through. */
static bool
check_recovered(struct conveyor *cv, const struct scenario *scenario,
    const char *when)
{
	uint8_t seen[CELLS] = { 0 };
	uint32_t blames = 0, cell;
	char why[128] = "";
	int r;

	if (!check(conveyor_check(cv, why, sizeof(why)) == 0, "%s: %s", when,
		why))
		return false;
	for (uint32_t c = 0; c < CELLS; c++) {
		struct cell_word w = conveyor_word(cv, c);

		blames += w.attempts & CELL_BLAMES;
		if (!check(w.state == CELL_QUEUED, "%s: cell %u is held by %u",
			when, c, w.owner) ||
		    !check(w.queue == before[c] ||
			       (AT(w.queue) & scenario->places) != 0,
			"%s: cell %u went from %u to %u", when, c, before[c],
			w.queue))
			return false;
		if (!check(w.queue == Q_FREE ||
			       message_whole(conveyor_order(cv, c)),
			"%s: cell %u is torn in queue %u", when, c, w.queue) ||
		    !check(w.queue != Q_RECORDS ||
			       message_whole(conveyor_capture(cv, c)),
			"%s: cell %u is half done in RECORDS", when, c))
			return false;
	}
	if (!check(blames <= 1, "%s: %u blames for one death", when, blames))
		return false;
	/* And by the road that everybody takes: each cell comes once. */
	for (uint8_t q = 0; q < Q_COUNT; q++) {
		while ((r = conveyor_pop(cv, q, &cell)) == 1) {
			if (!check(conveyor_word(cv, cell).queue == q &&
				       seen[cell]++ == 0,
				"%s: cell %u comes twice", when, cell))
				return false;
		}
		if (!check(r == 0, "%s: pop of %u: %d", when, q, r))
			return false;
	}
	for (uint32_t c = 0; c < CELLS; c++)
		if (!check(seen[c] == 1, "%s: cell %u is lost", when, c))
			return false;
	return true;
}

/* A view over the scratch copy of `image`, with semaphores of its value. */
static struct conveyor *
image_open(const struct conveyor *live, const struct image *image)
{
	static sem_t sems[CONVEYOR_QUEUES];
	sem_t *each[CONVEYOR_QUEUES] = { NULL };
	struct conveyor *copy;

	memcpy(scratch.base, image->base, image->size);
	for (unsigned q = 0; q < Q_COUNT; q++) {
		if (live->sems[q] == NULL)
			continue;
		sem_init(&sems[q], 0, (unsigned)image->credit[q]);
		each[q] = &sems[q];
	}
	need(conveyor_over(live, scratch.base, each, &copy) == 0, "view");
	return copy;
}

/* A kill at this point, and what each kind of successor makes of it. */
static bool
check_point(const struct conveyor *live, const struct scenario *scenario,
    const struct image *image, long step)
{
	struct conveyor *copy;
	bool ok = true;
	char when[80];
	size_t n;

	points++;
	if (scenario->me != 0) {
		copy = image_open(live, image);
		snprintf(when, sizeof(when), "%s, step %ld, recovered",
		    scenario->name, step);
		ok &= check(conveyor_recover(copy, scenario->me, &routes,
				&a_fault, &n) == 0,
		    "%s: refused", when);
		ok = ok && check_sleepers(copy, when);
		/* Again finds nothing. */
		ok = ok && check(conveyor_recover(copy, scenario->me, &routes,
				     &a_fault, &n) == 0 &&
				     n == 0,
			       "%s: %zu found by the second", when, n);
		for (uint8_t q = 0; ok && q < Q_COUNT; q++)
			ok &= check((ring_of(copy, q)->waiters[0] &
					1u << scenario->me) == 0,
			    "%s: the dead still waits at %u", when, q);
		ok = ok && check_recovered(copy, scenario, when);
		conveyor_detach(copy);
	}
	copy = image_open(live, image);
	snprintf(when, sizeof(when), "%s, step %ld, rebuilt", scenario->name,
	    step);
	ok = ok && check(conveyor_rebuild(copy, &routes, Q_SETTLED) == 0,
		       "%s: refused", when);
	ok = ok && check_recovered(copy, scenario, when);
	conveyor_detach(copy);
	return ok;
}

/* ---- stepping ------------------------------------------------------------- */

static struct conveyor *
stage(const struct scenario *scenario, char name[64], bool keep_name)
{
	struct conveyor *cv = crew_new(CELLS, name, keep_name);

	scenario->prepare(cv);
	conveyor_become(cv, SLEEPER);
	for (uint8_t q = 0; q < Q_COUNT; q++)
		gate_enter(cv, q);
	conveyor_become(cv, 0);
	for (uint32_t c = 0; c < CELLS; c++) {
		struct cell_word w = conveyor_word(cv, c);

		before[c] = w.state == CELL_HELD ? routes.queue[w.queue].target
						 : w.queue;
	}
	return cv;
}

/* Whether anything changed since the last look; `last` is then the new. */
static bool
look(const struct conveyor *cv)
{
	size_t skip = cv->layout.words; /* header, ledger and roster */
	bool changed = memcmp(last.base + skip, cv->segment.base + skip,
			   last.size - skip) != 0;

	for (unsigned q = 0; q < Q_COUNT; q++) {
		int value = cv->sems[q] ? credit_of(cv, q) : 0;

		changed |= value != last.credit[q];
		last.credit[q] = value;
	}
	if (changed)
		memcpy(last.base, cv->segment.base, last.size);
	return changed;
}

/* Every instruction of one operation; the number of steps, 0: failed. */
static long
sweep(struct conveyor *cv, const struct scenario *scenario)
{
	pid_t child = child_start(cv, scenario->run, scenario->me);
	long steps = 0;
	int writes = 0, r;

	memset(last.base, 0, last.size);
	look(cv);
	while ((r = child_step(child)) > 0 && ++steps < STEPS_MAX) {
		if (!look(cv))
			continue;
		writes++;
		if (!check_point(cv, scenario, &last, steps))
			break;
	}
	child_kill(child);
	steps_all += steps;
	check(r <= 0 || steps == STEPS_MAX, "%s: stopped at step %ld",
	    scenario->name, steps);
	if (!check(r == 0, "%s: the child did not finish", scenario->name) ||
	    !check(writes >= scenario->writes,
		"%s: %d writes seen, the protocol needs %d", scenario->name,
		writes, scenario->writes) ||
	    !check_woken(cv, scenario))
		return 0;
	printf("%-14s %6ld instructions, %3d writes\n", scenario->name, steps,
	    writes);
	return steps;
}

/* In earnest: SIGKILL after `at` steps, then the real successors. */
static bool
kill_at(const struct scenario *scenario, long at)
{
	char name[64], when[80];
	struct conveyor *cv = stage(scenario, name, true), *again = NULL;
	pid_t child = child_start(cv, scenario->run, scenario->me);
	bool ok;
	size_t n;

	for (long i = 0; i < at && child_step(child) > 0; i++)
		;
	child_kill(child);
	kills++;
	snprintf(when, sizeof(when), "%s, killed after %ld", scenario->name,
	    at);
	ok = scenario->me == 0 ||
	     check(conveyor_recover(cv, scenario->me, &routes, NULL, &n) == 0,
		 "%s: refused", when);
	conveyor_detach(cv);
	ok = ok && check(crew_attach(name, CELLS, &again) == 0,
		       "%s: not attached", when);
	ok = ok && check_recovered(again, scenario, when);
	conveyor_detach(again);
	conveyor_unlink(name);
	return ok;
}

static void
step_scenario(const struct scenario *scenario)
{
	char name[64];
	struct conveyor *cv = stage(scenario, name, false);
	int failed = crew_failed;
	long steps = sweep(cv, scenario), sample = KILLS;

	conveyor_detach(cv);
	if (steps * sample / 2 > KILL_STEPS)
		sample = 2 * KILL_STEPS / steps;
	for (long i = 0; i < sample && crew_failed == failed; i++)
		kill_at(scenario, steps * i / sample);
	if (crew_failed == failed)
		crew_passed++;
}

/* ---- two deaths ----------------------------------------------------------- */

static void
run_recover_worker(struct conveyor *cv)
{
	size_t n;

	if (conveyor_recover(cv, WORKER, &routes, NULL, &n) != 0)
		_exit(1);
}

/*
 * A worker dies at one of its writes, and then the supervisor at each of those
 * of the recovery; a new supervisor finds both.
 */
static void
double_kill(const struct scenario *first)
{
	struct scenario second = { .run = run_recover_worker,
		.places = first->places };
	struct image died = { .size = last.size };
	char title[64], name[64];
	struct conveyor *cv = stage(first, name, false);
	pid_t child = child_start(cv, first->run, first->me);
	int failed = crew_failed, deaths = 0;

	died.base = malloc(last.size);
	need(died.base != NULL, "malloc");
	snprintf(title, sizeof(title), "%s, then recovery", first->name);
	second.name = title;
	memset(last.base, 0, last.size);
	look(cv);
	while (crew_failed == failed && child_step(child) > 0) {
		pid_t supervisor;
		long step = 0;

		if (!look(cv))
			continue;
		deaths++;
		/* Keep the worker's work, let recovery have it, put it back. */
		memcpy(died.base, cv->segment.base, died.size);
		supervisor = child_start(cv, second.run, 0);
		while (child_step(supervisor) > 0 && crew_failed == failed)
			if (step++, look(cv))
				check_point(cv, &second, &last, step);
		child_kill(supervisor);
		memcpy(cv->segment.base, died.base, died.size);
		look(cv);
	}
	child_kill(child);
	check(deaths >= first->writes - 2, "%s: %d deaths", title, deaths);
	free(died.base);
	conveyor_detach(cv);
	printf("%-14s %d deaths of the worker, each with the supervisor's\n",
	    first->name, deaths);
	if (crew_failed == failed)
		crew_passed++;
}

int
main(void)
{
	struct conveyor_shape shape = crew_shape(CELLS);
	struct layout layout;

	need(layout_make(&shape, &layout) == 0, "shape");
	last.size = scratch.size = layout.regions;
	last.base = malloc(last.size);
	scratch.base = mmap(NULL, scratch.size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	need(last.base != NULL && scratch.base != MAP_FAILED, "memory");

	for (size_t i = 0; i < ARRAY_LEN(scenarios); i++)
		step_scenario(&scenarios[i]);
	for (size_t i = 0; i < ARRAY_LEN(scenarios); i++)
		if (scenarios[i].run == run_push ||
		    scenarios[i].run == run_forward ||
		    scenarios[i].run == run_forward_many)
			double_kill(&scenarios[i]);
	printf("%ld instructions stepped, %ld kill points recovered, %ld "
	       "killed in earnest\n",
	    steps_all, points, kills);
	free(last.base);
	munmap(scratch.base, scratch.size);
	return crew_done();
}
