/*
 * Deaths at every phase of a batch, one after the other on the same conveyor,
 * whose rings are never emptied: what each leaves behind adds up.  A ring is
 * made with room for 2 x cells + workers entries and must never need more; else
 * a push could find it full.
 *
 * A worker moves three cells on, from any queue of the circle that has three,
 * and gets SIGKILL behind its k-th change of the segment; each k in turn, in
 * random order, until each has had its share.
 */
#include "tests/kill/image.h"
#include "tests/kill/stepper.h"

enum {
	BATCH = 3,
	SHARE = 12, /* deaths, each phase */
	SHARE_LONG = 200,
	PHASES_MAX = 64
};

static const uint8_t circle[] = { Q_FREE, Q_PAGES, Q_RECORDS };

static struct image last;
static uint64_t random_state;
static uint8_t batch_from, batch_to;
static uint32_t most;

static uint64_t
random_next(void)
{
	/* xorshift64*: never 0. */
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * UINT64_C(0x2545f4914f6cdd1d);
}

static void
run_batch(struct conveyor *cv)
{
	uint32_t cells[BATCH];

	if (conveyor_pop_many(cv, batch_from, cells, BATCH) != BATCH ||
	    conveyor_push_many(cv, batch_to, cells, BATCH) != 0)
		_exit(1);
}

/* Eight cells in three queues: one has three. */
static void
choose_batch(const struct conveyor *cv)
{
	size_t at = random_next() % ARRAY_LEN(circle);

	for (;; at = (at + 1) % ARRAY_LEN(circle)) {
		int n = 0;

		for (uint32_t c = 0; c < CELLS; c++)
			n += conveyor_word(cv, c).queue == circle[at];
		if (n >= BATCH)
			break;
	}
	batch_from = circle[at];
	batch_to = circle[(at + 1) % ARRAY_LEN(circle)];
}

static bool
check_rings(const struct conveyor *cv, const char *when)
{
	uint32_t needed = ring_need_most(cv);

	most = needed > most ? needed : most;
	/* One worker at a time. */
	return check(needed <= 2 * CELLS + 1, "%s: a ring of %u entries", when,
	    needed);
}

/* The changes that a batch takes: of one that nobody touches. */
static long
batch_phases(struct conveyor *cv)
{
	struct image from = image_new(), to = image_new();
	long least;

	choose_batch(cv);
	credits_take(cv);
	image_look(cv, &from);
	conveyor_become(cv, WORKER);
	run_batch(cv);
	conveyor_become(cv, 0);
	image_look(cv, &to);
	least = image_least(cv, &from, &to);
	image_free(&from);
	image_free(&to);
	return least;
}

/* A worker that dies behind its `phase`-th change, and is recovered. */
static bool
die_at(struct conveyor *cv, long phase, long *steps)
{
	long changes = 0;
	char when[80], why[128] = "";
	pid_t child;
	size_t n;

	choose_batch(cv);
	credits_take(cv);
	image_look(cv, &last);
	child = child_start(cv, run_batch, WORKER);
	while (changes < phase && child_step(child) == STEP_DONE) {
		++*steps;
		changes += image_look(cv, &last);
	}
	snprintf(when, sizeof(when), "phase %ld of %u to %u", phase, batch_from,
	    batch_to);
	return check(child_kill(child) && changes == phase,
		   "%s: through after %ld", when, changes) &&
	       check_rings(cv, when) &&
	       check(conveyor_recover(cv, WORKER, &routes, NULL, &n) == 0 &&
			 n <= BATCH,
		   "%s: refused", when) &&
	       check_rings(cv, when) &&
	       check(conveyor_check(cv, why, sizeof(why)) == 0, "%s: %s", when,
		   why) &&
	       check_sleepers(cv, when);
}

/* Whatever became of them, all are there and whole. */
static void
check_end(struct conveyor *cv)
{
	uint8_t seen[CELLS] = { 0 };

	for (uint32_t c = 0; c < CELLS; c++) {
		const struct message *message = conveyor_order(cv, c);

		check(message_whole(message) && message->id == c + 1,
		    "cell %u is torn", c);
	}
	if (check_pops(cv, "end", seen))
		for (uint32_t c = 0; c < CELLS; c++)
			check(seen[c] == 1, "cell %u is lost", c);
}

static void
prepare_messages(struct conveyor *cv)
{
	for (uint32_t c = 0; c < CELLS; c++)
		message_write(conveyor_order(cv, c), c + 1);
}

int
main(void)
{
	static const struct scenario batches = { .name = "batch",
		.prepare = prepare_messages };
	const char *given = getenv("TEST_SEED");
	long share = crew_long() ? SHARE_LONG : SHARE, deaths = 0, steps = 0;
	long died[PHASES_MAX] = { 0 }, phases, left;
	struct conveyor *cv;
	char name[64];

	random_state = given ? strtoull(given, NULL, 0)
			     : (uint64_t)time(NULL) * 1000003 +
				   (uint64_t)getpid();
	random_state |= 1;
	printf("batch_deaths: TEST_SEED=%llu\n",
	    (unsigned long long)random_state);
	images_init();
	last = image_new();
	cv = stage(&batches, name, false);
	phases = batch_phases(cv);
	/* A cell: three of its word, two of either ring; and the wake-up. */
	check(phases == 7 * BATCH + 1 && phases < PHASES_MAX, "%ld phases",
	    phases);
	for (left = phases * share; left > 0 && crew_failed == 0; left--) {
		long phase = (long)(random_next() % (uint64_t)phases);

		while (died[phase] == share)
			phase = (phase + 1) % phases;
		if (!die_at(cv, phase + 1, &steps))
			break;
		died[phase]++;
		deaths++;
	}
	check(deaths == phases * share, "%ld deaths", deaths);
	check_end(cv);
	conveyor_detach(cv);
	figure("batch: phases", phases);
	figure("batch: SIGKILLs in earnest, on one conveyor", deaths);
	figure("batch: instructions stepped", steps);
	figure("batch: most entries a ring needed", most);
	figure("batch: of so many that it may", 2 * CELLS + 1);
	image_free(&last);
	if (crew_failed == 0)
		crew_passed++;
	return crew_done();
}
