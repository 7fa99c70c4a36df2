/*
 * What becomes of the cells of the dead.
 *
 * conveyor_recover() works beside live workers, on one dead one's cells, by
 * CAS alone.  conveyor_rebuild() works when nobody else is alive: the words
 * decide, the rings are made anew.
 */
#include <errno.h>

#include "ipc/gate_impl.h"
#include "ipc/roster_impl.h"

/* Whom a death is held against. */
struct verdict {
	int64_t blamed; /* cell, -1: none */
	bool suspect;   /* each cell it held */
	uint32_t cause;
};

/* Where a cell goes that a dead worker left in `w`; not QUEUED. */
static struct cell_word
reroute(const struct conveyor_routes *routes, struct cell_word w, uint8_t owner)
{
	const struct conveyor_route *route = &routes->queue[w.queue];

	/* It had let go of a cell in SENDING: the message is complete. */
	if (w.state == CELL_HELD) {
		w.queue = route->target;
		if (route->blames != 0 &&
		    (w.attempts & CELL_BLAMES) >= route->blames)
			w.queue = route->dead;
	}
	w.owner = owner;
	w.gen++;
	return w;
}

static void
routes_must_fit(const struct conveyor *cv, const struct conveyor_routes *routes)
{
	for (uint32_t q = 0; q < cv->shape.queues; q++)
		must(routes->queue[q].target < cv->shape.queues &&
		     routes->queue[q].dead < cv->shape.queues);
}

/*
 * A cell that it had in hand: exactly one, and it was that; else the one it
 * said it was working on.  Killed after this and before the end, we are not
 * the ones who come back: the next supervisor rebuilds, and blames nobody.
 */
static struct verdict
judge(const struct conveyor *cv, uint8_t id, const struct conveyor_fault *fault)
{
	int64_t current = roster_current(cv, id);
	int64_t last = -1, working_on = -1;
	size_t held = 0;

	for (uint32_t c = 0; c < cv->shape.cells; c++) {
		struct cell_word w = conveyor_word(cv, c);

		if (w.state != CELL_HELD || w.owner != id)
			continue;
		held++;
		last = c;
		if (c == current)
			working_on = c;
	}
	if (held == 1)
		working_on = last;
	return (struct verdict){ .blamed = working_on,
		.suspect = fault->suspects && working_on < 0,
		.cause = fault->cause };
}

static uint8_t
charge(uint8_t attempts, uint32_t cell, const struct verdict *verdict)
{
	uint8_t suspect = attempts & CELL_SUSPECT;
	uint8_t blames = attempts & CELL_BLAMES;

	if (verdict->blamed == (int64_t)cell && blames < CELL_BLAMES)
		blames++;
	if (verdict->suspect)
		suspect = CELL_SUSPECT;
	return suspect | blames;
}

/* R2 for one cell.  1 moved, 0 not its, -EBADMSG. */
static int
recover_cell(struct conveyor *cv, uint32_t cell, uint8_t id,
    const struct conveyor_routes *routes, const struct verdict *verdict)
{
	_Atomic uint64_t *word = word_of(cv, cell);
	struct cell_word w;
	uint64_t old;
	int r;

	old = atomic_load(word);
	do {
		w = cell_unpack(old);
		if (!word_possible(cv, w))
			return -EBADMSG;
		if (w.state == CELL_QUEUED || w.owner != id)
			return 0;
		if (w.state == CELL_HELD) {
			w.attempts = charge(w.attempts, cell, verdict);
			/* Before the word, which says that there is one. */
			if (verdict->blamed == (int64_t)cell)
				atomic_store(cause_of(cv, cell),
				    verdict->cause);
		}
		w = reroute(routes, w, cv->me);
		w.state = CELL_SENDING;
		/* Fails only if the cell was SENDING and a live worker has
		 * claimed it, and then it is not the dead one's: so twice. */
	} while (!atomic_compare_exchange_strong(word, &old, cell_pack(w)));
	r = ring_insert(cv, w.queue, cell, w.gen);
	if (r < 0)
		return r;
	conveyor_say_queued(cv, w.queue, cell);
	return 1;
}

int
conveyor_recover(struct conveyor *cv, uint8_t id,
    const struct conveyor_routes *routes, const struct conveyor_fault *fault,
    size_t *n)
{
	struct verdict verdict = { .blamed = -1 };
	size_t moved = 0;

	/* The words will say SENDING(me); if we die, they are found with what
	 * else is ours, by our successor or by whoever recovers us. */
	must(id != cv->me && id != 0 && id < CONVEYOR_WORKERS);
	routes_must_fit(cv, routes);
	gates_forget(cv, id); /* R1 */
	if (fault != NULL)
		verdict = judge(cv, id, fault);
	for (uint32_t c = 0; c < cv->shape.cells; c++) {
		int r = recover_cell(cv, c, id, routes, &verdict);

		if (r < 0)
			return r;
		moved += (size_t)r;
	}
	gates_wake_all(cv);     /* R3 */
	roster_release(cv, id); /* R4 */
	*n = moved;
	return 0;
}

uint32_t
conveyor_cause(const struct conveyor *cv, uint32_t cell)
{
	if ((conveyor_word(cv, cell).attempts & CELL_BLAMES) == 0)
		return 0;
	return (uint32_t)atomic_load(cause_of(cv, cell));
}

/* Of a cell in the ordered queue. */
struct ordered {
	uint64_t seq;
	uint32_t cell;
};

static int
ordered_compare(const void *a, const void *b)
{
	const struct ordered *x = a, *y = b;

	if (x->seq != y->seq)
		return x->seq < y->seq ? -1 : 1;
	return x->cell < y->cell ? -1 : x->cell > y->cell;
}

/* Into the emptied rings, each cell where its word says. */
static int
insert_all(struct conveyor *cv, uint8_t ordered_queue, struct ordered *ordered)
{
	size_t n = 0;
	int r = 0;

	for (uint32_t c = 0; c < cv->shape.cells && r == 0; c++) {
		struct cell_word w = conveyor_word(cv, c);

		if (w.queue == ordered_queue)
			ordered[n++] = (struct ordered){ .cell = c,
				.seq = atomic_load(
				    &conveyor_settle(cv, c)->seq) };
		else
			r = ring_insert(cv, w.queue, c, w.gen);
	}
	qsort(ordered, n, sizeof(*ordered), ordered_compare);
	for (size_t i = 0; i < n && r == 0; i++)
		r = ring_insert(cv, ordered_queue, ordered[i].cell,
		    conveyor_word(cv, ordered[i].cell).gen);
	return r;
}

/*
 * Nobody else is alive, so stores will do.  Killed in the middle, the words
 * are right at each instruction, and the next one begins anew: what the rings
 * hold is not looked at.
 */
int
conveyor_rebuild(struct conveyor *cv, const struct conveyor_routes *routes,
    uint8_t ordered_queue)
{
	struct ordered *ordered;
	int r;

	routes_must_fit(cv, routes);
	must(ordered_queue < cv->shape.queues);
	for (uint32_t c = 0; c < cv->shape.cells; c++)
		if (!word_possible(cv, conveyor_word(cv, c)))
			return -EBADMSG;
	ordered = calloc(cv->shape.cells, sizeof(*ordered));
	if (ordered == NULL)
		return -ENOMEM;

	for (uint32_t c = 0; c < cv->shape.cells; c++) {
		struct cell_word w = conveyor_word(cv, c);

		if (w.state == CELL_QUEUED)
			continue;
		w = reroute(routes, w, 0);
		w.state = CELL_QUEUED;
		atomic_store(word_of(cv, c), cell_pack(w));
	}
	for (uint32_t q = 0; q < cv->shape.queues; q++)
		ring_clear(cv, (uint8_t)q); /* and its waiters */
	r = insert_all(cv, ordered_queue, ordered);
	free(ordered);

	for (unsigned id = 0; id < CONVEYOR_WORKERS; id++)
		roster_release(cv, (uint8_t)id);
	for (uint32_t k = 0; k < cv->shape.bound_slots; k++)
		conveyor_bind(cv, k, false);
	atomic_store(&ledger_of(cv)->out_turn, 0); /* unset */
	return r;
}
