/*
 * image - what a kill leaves: a copy of the segment and of its semaphores.
 *
 * All state is in them, so a copy taken between two instructions is what a
 * kill there would have left, and recovering the copy is recovering from that
 * kill.  And what must hold after it.
 */
#ifndef TESTS_KILL_IMAGE_H
#define TESTS_KILL_IMAGE_H

#include <sys/mman.h>

#include "tests/kill/scenarios.h"

enum {
	IMAGE_PARTS = 3,
	/* Roster pages that anybody in these tests writes. */
	IMAGE_WORKERS = 4
};

struct image {
	char *base; /* as long as the segment; only image_parts of it is used */
	sem_t sems[CONVEYOR_QUEUES];
};

static struct image_part {
	size_t at, len;
} image_parts[IMAGE_PARTS]; /* of the segment: all that anybody writes */

static char *image_scratch; /* the copy that is recovered */
static size_t image_size;
static uint32_t image_ring_most; /* entries that any ring needed */

static inline char *
image_memory(void)
{
	char *base = mmap(NULL, image_size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	need(base != MAP_FAILED, "memory");
	return base;
}

static inline struct image
image_new(void)
{
	return (struct image){ .base = image_memory() };
}

static inline void
image_free(struct image *image)
{
	munmap(image->base, image_size);
}

static inline void
images_init(void)
{
	struct conveyor_shape shape = crew_shape(CELLS);
	struct layout l;

	need(layout_make(&shape, &l) == 0, "shape");
	image_size = l.size;
	image_parts[0] = (struct image_part){ 0,
		l.roster + IMAGE_WORKERS * l.page };
	image_parts[1] = (struct image_part){ l.words, l.regions - l.words };
	image_parts[2] = (struct image_part){ l.events + WORKER * l.page,
		l.page };
	image_scratch = image_memory();
}

/* Whether anything changed since the last look; `image` is then the new. */
static inline bool
image_look(const struct conveyor *cv, struct image *image)
{
	bool changed = false;

	for (int i = 0; i < IMAGE_PARTS; i++) {
		const struct image_part *part = &image_parts[i];

		if (memcmp(image->base + part->at, cv->segment.base + part->at,
			part->len) == 0)
			continue;
		memcpy(image->base + part->at, cv->segment.base + part->at,
		    part->len);
		changed = true;
	}
	for (unsigned q = 0; q < Q_COUNT; q++)
		if (cv->sems[q] != NULL &&
		    memcmp(&image->sems[q], cv->sems[q], sizeof(sem_t)) != 0) {
			memcpy(&image->sems[q], cv->sems[q], sizeof(sem_t));
			changed = true;
		}
	return changed;
}

static inline void
image_restore(struct conveyor *cv, const struct image *image)
{
	for (int i = 0; i < IMAGE_PARTS; i++)
		memcpy(cv->segment.base + image_parts[i].at,
		    image->base + image_parts[i].at, image_parts[i].len);
	for (unsigned q = 0; q < Q_COUNT; q++)
		if (cv->sems[q] != NULL)
			memcpy(cv->sems[q], &image->sems[q], sizeof(sem_t));
}

/* A view over a copy of `image`, until the next. */
static inline struct conveyor *
image_open(const struct conveyor *live, const struct image *image)
{
	static sem_t sems[CONVEYOR_QUEUES];
	sem_t *each[CONVEYOR_QUEUES] = { NULL };
	struct conveyor *copy;

	for (int i = 0; i < IMAGE_PARTS; i++)
		memcpy(image_scratch + image_parts[i].at,
		    image->base + image_parts[i].at, image_parts[i].len);
	memcpy(sems, image->sems, sizeof(sems));
	for (unsigned q = 0; q < Q_COUNT; q++)
		if (live->sems[q] != NULL)
			each[q] = &sems[q];
	need(conveyor_over(live, image_scratch, each, &copy) == 0, "view");
	return copy;
}

static inline int
sem_credit(sem_t *sem)
{
	int value = 0;

	sem_getvalue(sem, &value);
	return value;
}

/*
 * The fewest changes that lead from one to the other, and each of them is an
 * instruction between which and the next one can be killed.  Every word that
 * differs is one; a cell's word one for each generation and one for QUEUED
 * (P5), head and tail one for each position, a semaphore one for each credit.
 */
static inline long
image_least(const struct conveyor *cv, const struct image *from,
    struct image *to)
{
	size_t ring = cv->layout.rings, words = cv->layout.words;
	long least = 0;

	for (int i = 0; i < IMAGE_PARTS; i++)
		for (size_t at = image_parts[i].at;
		     at < image_parts[i].at + image_parts[i].len; at += 8)
			least += memcmp(from->base + at, to->base + at, 8) != 0;
	for (uint32_t c = 0; c < CELLS; c++) {
		size_t at = words + c * sizeof(struct conveyor_word);
		struct cell_word a, b;

		a = cell_unpack(*(uint64_t *)(from->base + at));
		b = cell_unpack(*(uint64_t *)(to->base + at));
		/* In one store, from HELD to QUEUED: rebuilding does that. */
		if (b.gen > a.gen + 1)
			least += b.gen - a.gen - 1;
		if (b.gen > a.gen + 1 && b.state == CELL_QUEUED)
			least++;
	}
	for (unsigned q = 0; q < Q_COUNT; q++, ring += cv->layout.ring_stride) {
		const struct ring *a = (void *)(from->base + ring);
		const struct ring *b = (void *)(to->base + ring);

		if (b->head > a->head + 1)
			least += (long)(b->head - a->head - 1);
		if (b->tail > a->tail + 1)
			least += (long)(b->tail - a->tail - 1);
		if (cv->sems[q] != NULL)
			least += sem_credit(&to->sems[q]) -
				 sem_credit((sem_t *)&from->sems[q]);
	}
	return least;
}

/* ---- what must hold ------------------------------------------------------- */

/* A flagged sleeper beside work has a credit that will wake it. */
static inline bool
check_sleepers(const struct conveyor *cv, const char *when)
{
	bool ok = true;

	for (unsigned q = 0; q < Q_COUNT; q++)
		if (cv->gates.at[q] == q && gate_work(cv, (uint8_t)q, false) &&
		    (ring_of(cv, (uint8_t)q)->waiters[SLEEPER / 64] >>
			    SLEEPER % 64 &
			1) != 0)
			ok &= check(sem_credit(cv->sems[q]) > 0,
			    "%s: a sleeper at queue %u beside work", when, q);
	return ok;
}

static inline bool
check_woken(const struct conveyor *cv, const struct scenario *scenario)
{
	bool ok = true;

	for (unsigned q = 0; q < Q_COUNT; q++)
		if ((scenario->wakes & AT(q)) != 0)
			ok &= check(sem_credit(cv->sems[q]) > 0,
			    "%s: nobody woken at queue %u", scenario->name, q);
	return ok;
}

/* Where it belongs, and whole. */
static inline bool
check_cell(struct conveyor *cv, const struct scenario *scenario,
    const char *when, uint32_t c)
{
	struct cell_word w = conveyor_word(cv, c);

	return check(w.state == CELL_QUEUED, "%s: cell %u is held by %u", when,
		   c, w.owner) &&
	       check(w.queue == before[c] ||
			 (AT(w.queue) & scenario->places) != 0,
		   "%s: cell %u went from %u to %u", when, c, before[c],
		   w.queue) &&
	       check(w.queue == Q_FREE || message_whole(conveyor_order(cv, c)),
		   "%s: cell %u is torn in queue %u", when, c, w.queue) &&
	       check(w.queue != Q_RECORDS ||
			 message_whole(conveyor_capture(cv, c)),
		   "%s: cell %u is half done in RECORDS", when, c);
}

static inline bool
check_messages(struct conveyor *cv, const struct scenario *scenario,
    const char *when)
{
	int found[NEW + CELLS] = { 0 };
	bool ok = true;

	for (uint32_t c = 0; c < CELLS; c++) {
		const struct message *message = conveyor_order(cv, c);

		if (conveyor_word(cv, c).queue == Q_FREE)
			continue;
		if (!check(message->id < ARRAY_LEN(found), "%s: message %llu",
			when, (unsigned long long)message->id))
			return false;
		found[message->id]++;
	}
	for (uint64_t id = 1; id < ARRAY_LEN(found); id++) {
		bool must_be = id <= OLD && id != scenario->ends;

		ok &= check(found[id] <= 1 && (found[id] == 1 || !must_be),
		    "%s: message %llu is there %d times", when,
		    (unsigned long long)id, found[id]);
	}
	return ok;
}

/* By the road that everybody takes: each cell comes once, from where its word
 * says. */
static inline bool
check_pops(struct conveyor *cv, const char *when, uint8_t seen[CELLS])
{
	uint32_t cell;
	int r;

	for (uint8_t q = 0; q < Q_COUNT; q++) {
		while ((r = conveyor_pop(cv, q, &cell)) == 1)
			if (!check(conveyor_word(cv, cell).queue == q &&
				       seen[cell]++ == 0,
				"%s: cell %u comes twice", when, cell))
				return false;
		if (!check(r == 0, "%s: pop of %u: %d", when, q, r))
			return false;
	}
	return true;
}

/* Everything that is true once recovery is through; takes all cells. */
static inline bool
check_recovered(struct conveyor *cv, const struct scenario *scenario,
    const char *when)
{
	uint8_t seen[CELLS] = { 0 };
	uint32_t blames = 0, most = ring_need_most(cv);
	char why[128] = "";

	if (!check(conveyor_check(cv, why, sizeof(why)) == 0, "%s: %s", when,
		why))
		return false;
	if (most > image_ring_most)
		image_ring_most = most;
	for (uint32_t c = 0; c < CELLS; c++) {
		blames += conveyor_word(cv, c).attempts & CELL_BLAMES;
		if (!check_cell(cv, scenario, when, c))
			return false;
	}
	if (!check(blames <= 1, "%s: %u blames for one death", when, blames) ||
	    !check_messages(cv, scenario, when) || !check_pops(cv, when, seen))
		return false;
	for (uint32_t c = 0; c < CELLS; c++)
		if (!check(seen[c] == 1, "%s: cell %u is lost", when, c))
			return false;
	return scenario->holds == NULL || scenario->holds(cv, when);
}

/* The worker's death found beside the living. */
static inline bool
check_recovers(struct conveyor *cv, const struct scenario *scenario,
    const struct conveyor_fault *fault, const char *when)
{
	size_t n;
	bool ok = check(conveyor_recover(cv, scenario->me, &routes, fault,
			    &n) == 0,
	    "%s: refused", when);

	ok = ok && check_sleepers(cv, when);
	/* Again finds nothing. */
	ok = ok && check(conveyor_recover(cv, scenario->me, &routes, fault,
			     &n) == 0 &&
			     n == 0,
		       "%s: %zu found by the second", when, n);
	for (uint8_t q = 0; ok && q < Q_COUNT; q++)
		ok &= check((ring_of(cv, q)->waiters[0] & 1u << scenario->me) ==
				0,
		    "%s: the dead still waits at %u", when, q);
	return ok && check_recovered(cv, scenario, when);
}

/* And by a new supervisor, with nobody else alive. */
static inline bool
check_rebuilds(struct conveyor *cv, const struct scenario *scenario,
    const char *when)
{
	return check(conveyor_rebuild(cv, &routes, Q_SETTLED) == 0,
		   "%s: refused", when) &&
	       check_recovered(cv, scenario, when);
}

#endif
