#include "ipc/conveyor.h"

#include <errno.h>

#include "ipc/gate_impl.h"

void
conveyor_become(struct conveyor *cv, uint8_t me)
{
	must(me < CONVEYOR_WORKERS);
	cv->me = me;
}

uint8_t
conveyor_me(const struct conveyor *cv)
{
	return cv->me;
}

const struct conveyor_shape *
conveyor_shape(const struct conveyor *cv)
{
	return &cv->shape;
}

struct cell_word
conveyor_word(const struct conveyor *cv, uint32_t cell)
{
	must(cell < cv->shape.cells);
	return cell_unpack(atomic_load(word_of(cv, cell)));
}

/* The word of a cell that this process holds; nobody else writes it then. */
static int
held_by_me(const struct conveyor *cv, uint32_t cell, struct cell_word *out)
{
	struct cell_word w;

	if (cell >= cv->shape.cells)
		return -EBADMSG;
	w = cell_unpack(
	    atomic_load_explicit(word_of(cv, cell), memory_order_relaxed));
	if (w.state != CELL_HELD || w.owner != cv->me)
		return -EBADMSG;
	*out = w;
	return 0;
}

/* P1.  Release: pairs with C2 in ring_claim(); what was written into the
 * parts before it is seen by whoever claims the cell. */
static int
say_sending(struct conveyor *cv, uint8_t queue, uint32_t cell, uint32_t *gen)
{
	struct cell_word w;
	int r = held_by_me(cv, cell, &w);

	if (r < 0)
		return r;
	w.gen++;
	w.queue = queue;
	w.state = CELL_SENDING;
	atomic_store_explicit(word_of(cv, cell), cell_pack(w),
	    memory_order_release);
	*gen = w.gen;
	return 0;
}

/*
 * P5.  The generation stays: the entry carries it, and with another one the
 * cell would be lost.  Nobody but us writes SENDING(us), so a word that says
 * so is the one of P1; any other was claimed already, and that is fine.
 */
void
conveyor_say_queued(struct conveyor *cv, uint8_t queue, uint32_t cell)
{
	_Atomic uint64_t *word = word_of(cv, cell);
	uint64_t old = atomic_load_explicit(word, memory_order_relaxed);
	struct cell_word w = cell_unpack(old);

	if (w.state != CELL_SENDING || w.owner != cv->me || w.queue != queue)
		return;
	w.state = CELL_QUEUED;
	w.owner = 0;
	atomic_compare_exchange_strong(word, &old, cell_pack(w));
}

int
conveyor_push(struct conveyor *cv, uint8_t queue, uint32_t cell)
{
	uint32_t gen;
	int r;

	must(queue < cv->shape.queues);
	r = say_sending(cv, queue, cell, &gen);
	if (r == 0)
		r = ring_insert(cv, queue, cell, gen);
	if (r < 0)
		return r;
	gate_wake(cv, queue, 1);
	conveyor_say_queued(cv, queue, cell);
	return 0;
}

int
conveyor_push_many(struct conveyor *cv, uint8_t queue, const uint32_t *cells,
    size_t n)
{
	uint32_t gen;
	int r = 0;

	must(queue < cv->shape.queues);
	for (size_t i = 0; i < n && r == 0; i++)
		r = say_sending(cv, queue, cells[i], &gen);
	for (size_t i = 0; i < n && r == 0; i++) {
		/* Without an entry of this generation nobody can have claimed
		 * it: the word is still the one of P1. */
		gen = cell_unpack(atomic_load_explicit(word_of(cv, cells[i]),
				      memory_order_relaxed))
			  .gen;
		r = ring_insert(cv, queue, cells[i], gen);
	}
	if (r < 0)
		return r;
	gate_wake(cv, queue, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		conveyor_say_queued(cv, queue, cells[i]);
	return 0;
}

int
conveyor_pop(struct conveyor *cv, uint8_t queue, uint32_t *cell)
{
	must(queue < cv->shape.queues);
	return ring_claim(cv, queue, cell);
}

int
conveyor_pop_many(struct conveyor *cv, uint8_t queue, uint32_t *cells,
    size_t max)
{
	size_t n = 0;
	int r = 1;

	must(queue < cv->shape.queues);
	if (max > cv->shape.cells)
		max = cv->shape.cells;
	while (n < max && (r = ring_claim(cv, queue, &cells[n])) > 0)
		n++;
	return r < 0 ? r : (int)n;
}

/*
 * One release store by the sole holder.  Safe at every instruction: before it
 * the word says HELD(me, from the old queue), after it HELD(me, from `queue`),
 * and recovery knows both.  A HELD word is never claimed (C3), so no other
 * process has a reason to write it.  The generation rises, so no entry that
 * still stands anywhere is of this one, and the next P1 raises it again before
 * a new entry is made.  And as nobody else takes from `queue`, nobody can be
 * asleep for want of the cell that passed its ring by.
 */
int
conveyor_retake(struct conveyor *cv, uint8_t queue, uint32_t cell)
{
	struct cell_word w;
	int r;

	must(queue < cv->shape.queues);
	r = held_by_me(cv, cell, &w);
	if (r < 0)
		return r;
	w.gen++;
	w.queue = queue;
	atomic_store_explicit(word_of(cv, cell), cell_pack(w),
	    memory_order_release);
	return 0;
}

void
conveyor_set_attempts(struct conveyor *cv, uint32_t cell, uint8_t attempts)
{
	struct cell_word w;

	if (held_by_me(cv, cell, &w) < 0)
		return; /* the push that follows says so */
	w.attempts = attempts;
	atomic_store_explicit(word_of(cv, cell), cell_pack(w),
	    memory_order_release);
}

uint32_t
conveyor_length(const struct conveyor *cv, uint8_t queue)
{
	const struct ring *ring;
	uint64_t head, tail;

	must(queue < cv->shape.queues);
	ring = ring_of(cv, queue);
	head = atomic_load(&ring->head);
	tail = atomic_load(&ring->tail);
	if (tail <= head)
		return 0; /* either may lag behind a dead worker */
	return tail - head < cv->layout.slots ? (uint32_t)(tail - head)
					      : cv->layout.slots;
}

int
conveyor_wait(struct conveyor *cv, uint8_t queue, int timeout_ms)
{
	int r = 0;

	must(queue < cv->shape.queues);
	gate_enter(cv, queue);
	if (!gate_work(cv, queue, false))
		r = gate_sleep(cv, queue, timeout_ms);
	gate_leave(cv, queue);
	return r == -EINTR ? r : 0;
}

void
conveyor_wake(struct conveyor *cv, uint8_t queue)
{
	must(queue < cv->shape.queues);
	gate_wake(cv, queue, UINT32_MAX);
}

int
conveyor_drain(struct conveyor *cv, uint8_t from, uint8_t to, size_t *n)
{
	size_t moved = 0;
	int r;

	/* More than there are cells: somebody pushes as fast as we drain, and
	 * whoever pushes to a queue that is being emptied looks again. */
	while (moved < 2 * (size_t)cv->shape.cells) {
		uint32_t cell;

		r = conveyor_pop(cv, from, &cell);
		if (r == 0)
			break;
		if (r > 0)
			r = conveyor_push(cv, to, cell);
		if (r < 0)
			return r;
		moved++;
	}
	*n = moved;
	return 0;
}
