/*
 * The parts that travel with a cell, and the words that belong to no cell.
 */
#include <string.h>

#include "ipc/conveyor_impl.h"
#include "ipc/twin.h"

static void *
part_at(struct conveyor *cv, size_t array, size_t size, uint32_t cell)
{
	must(cell < cv->shape.cells);
	return conveyor_at(cv, array + cell * size);
}

/* The pages of one array that hold the parts of `n` cells from `first` on. */
static int
prepare_array(struct conveyor *cv, size_t array, size_t size, uint32_t first,
    uint32_t n)
{
	return segment_grow(&cv->segment, array + first * size, n * size);
}

int
conveyor_prepare(struct conveyor *cv, uint32_t cell)
{
	_Atomic uint8_t *done = &ledger_of(cv)->prepared[cell / CONVEYOR_CHUNK];
	uint32_t first = cell - cell % CONVEYOR_CHUNK;
	uint32_t n = cv->shape.cells - first;
	int r;

	must(cell < cv->shape.cells);
	if (atomic_load_explicit(done, memory_order_relaxed))
		return 0;
	if (n > CONVEYOR_CHUNK)
		n = CONVEYOR_CHUNK;
	r = prepare_array(cv, cv->layout.order, cv->shape.order_size, first, n);
	if (r == 0)
		r = prepare_array(cv, cv->layout.capture,
		    cv->shape.capture_size, first, n);
	if (r == 0)
		r = prepare_array(cv, cv->layout.inlines, cv->shape.inline_size,
		    first, n);
	/* Last: a kill before it costs asking again for what is there. */
	if (r == 0)
		atomic_store_explicit(done, 1, memory_order_release);
	return r;
}

bool
conveyor_is_prepared(const struct conveyor *cv, uint32_t cell)
{
	must(cell < cv->shape.cells);
	/* Pairs with conveyor_prepare(). */
	return atomic_load_explicit(&ledger_of(cv)
					 ->prepared[cell / CONVEYOR_CHUNK],
		   memory_order_acquire) != 0;
}

void *
conveyor_order(struct conveyor *cv, uint32_t cell)
{
	return part_at(cv, cv->layout.order, cv->shape.order_size, cell);
}

void *
conveyor_capture(struct conveyor *cv, uint32_t cell)
{
	return part_at(cv, cv->layout.capture, cv->shape.capture_size, cell);
}

void *
conveyor_inline(struct conveyor *cv, uint32_t cell)
{
	return part_at(cv, cv->layout.inlines, cv->shape.inline_size, cell);
}

struct conveyor_settle *
conveyor_settle(struct conveyor *cv, uint32_t cell)
{
	return part_at(cv, cv->layout.settle,
	    sizeof(struct conveyor_settle_line), cell);
}

void
conveyor_publish_out(struct conveyor *cv, uint64_t seq, uint64_t end)
{
	struct conveyor_ledger *ledger = ledger_of(cv);

	twin_write(&ledger->out_turn, ledger->out[0], 2,
	    (uint64_t[]){ seq, end });
}

bool
conveyor_read_out(const struct conveyor *cv, uint64_t *seq, uint64_t *end)
{
	const struct conveyor_ledger *ledger = ledger_of(cv);
	uint64_t pair[2];

	if (!twin_read(&ledger->out_turn, ledger->out[0], 2, pair))
		return false;
	*seq = pair[0];
	*end = pair[1];
	return true;
}

void
conveyor_publish_snapshot(struct conveyor *cv, const uint64_t *values, size_t n)
{
	struct conveyor_ledger *ledger = ledger_of(cv);
	uint64_t all[CONVEYOR_SNAPSHOT] = { 0 };

	must(n <= CONVEYOR_SNAPSHOT);
	memcpy(all, values, n * sizeof(*values));
	twin_write(&ledger->snapshot_turn, ledger->snapshot[0],
	    CONVEYOR_SNAPSHOT, all);
}

void
conveyor_snapshot(const struct conveyor *cv, uint64_t *values, size_t n)
{
	const struct conveyor_ledger *ledger = ledger_of(cv);
	uint64_t all[CONVEYOR_SNAPSHOT];

	must(n <= CONVEYOR_SNAPSHOT);
	if (!twin_read(&ledger->snapshot_turn, ledger->snapshot[0],
		CONVEYOR_SNAPSHOT, all))
		memset(all, 0, sizeof(all));
	memcpy(values, all, n * sizeof(*values));
}

void
conveyor_mark_fetched(struct conveyor *cv, uint32_t cell)
{
	must(cell < cv->shape.cells);
	/* seq_cst, before the caller's wake: pairs with gate_work(). */
	atomic_fetch_or(&fetched_of(cv)[cell / 64], UINT64_C(1) << cell % 64);
}

size_t
conveyor_take_fetched(struct conveyor *cv, uint32_t *cells, size_t max)
{
	_Atomic uint64_t *words = fetched_of(cv);
	size_t n = 0;

	for (uint32_t i = 0; i < fetched_words(cv) && n < max; i++) {
		uint64_t bits = atomic_load(&words[i]), taken = 0;

		/* As many as there is room for, each taken by this one RMW. */
		for (size_t room = max - n; bits != 0 && room > 0; room--) {
			taken |= bits & -bits;
			bits &= bits - 1;
		}
		if (taken != 0)
			taken &= atomic_fetch_and(&words[i], ~taken);
		for (; taken != 0; taken &= taken - 1) {
			uint32_t cell = i * 64 +
					(uint32_t)__builtin_ctzll(taken);

			/* A bit past the last cell is somebody's scribble. */
			if (cell < cv->shape.cells)
				cells[n++] = cell;
		}
	}
	return n;
}

static _Atomic uint64_t *
bound_of(const struct conveyor *cv, uint32_t k)
{
	_Atomic uint64_t *bound = conveyor_at(cv, cv->layout.bound);

	must(k < cv->shape.bound_slots);
	return &bound[k];
}

void
conveyor_bind(struct conveyor *cv, uint32_t k, bool bound)
{
	/* seq_cst, before the queue is emptied; the scheduler looks after its
	 * push.  One of the two finds the cell. */
	atomic_store(bound_of(cv, k), bound);
}

bool
conveyor_bound(const struct conveyor *cv, uint32_t k)
{
	return atomic_load(bound_of(cv, k)) != 0;
}
