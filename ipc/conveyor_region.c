/*
 * Regions: [wire body][output of the parser], sparse, one per cell.
 *
 *   grow    claimed up, pages allocated, ready up
 *   shrink  ready down, pages given back, claimed down
 *
 * So a kill anywhere leaves `ready` too low at worst (nobody touches a page
 * that is not there) and `claimed` too high at worst (the budget is kept).
 */
#include <errno.h>

#include "ipc/conveyor_impl.h"

/* One of the two halves of a cell's region. */
struct half {
	struct region_use *use;
	size_t at;     /* in the segment */
	uint64_t size; /* at most */
};

static struct conveyor_use *
use_of(const struct conveyor *cv, uint32_t cell)
{
	must(cell < cv->shape.cells);
	return &committed_of(cv)->use[cell];
}

static struct half
body_half(const struct conveyor *cv, uint32_t cell)
{
	return (struct half){ .use = &use_of(cv, cell)->body,
		.at = cv->layout.regions + cell * cv->layout.region_stride,
		.size = cv->shape.body_size };
}

static struct half
output_half(const struct conveyor *cv, uint32_t cell)
{
	struct half body = body_half(cv, cell);

	return (struct half){ .use = &use_of(cv, cell)->output,
		.at = body.at + body.size,
		.size = cv->shape.output_size };
}

/* Never more than there is, whatever the word says. */
static uint64_t
bounded(const _Atomic uint64_t *word, const struct half *half)
{
	uint64_t n = atomic_load_explicit(word, memory_order_relaxed);

	return n < half->size ? n : half->size;
}

char *
conveyor_body(struct conveyor *cv, uint32_t cell)
{
	return conveyor_at(cv, body_half(cv, cell).at);
}

char *
conveyor_output(struct conveyor *cv, uint32_t cell)
{
	return conveyor_at(cv, output_half(cv, cell).at);
}

uint64_t
conveyor_body_room(struct conveyor *cv, uint32_t cell)
{
	struct half half = body_half(cv, cell);

	return bounded(&half.use->ready, &half);
}

uint64_t
conveyor_output_room(struct conveyor *cv, uint32_t cell)
{
	struct half half = output_half(cv, cell);

	return bounded(&half.use->ready, &half);
}

static uint64_t
steps_up(uint64_t len)
{
	return (len + CONVEYOR_STEP - 1) / CONVEYOR_STEP * CONVEYOR_STEP;
}

/* The holder alone writes the cell's words: relaxed; the next holder is
 * ordered behind us by the cell's word. */
static void
set(_Atomic uint64_t *word, uint64_t n)
{
	atomic_store_explicit(word, n, memory_order_relaxed);
}

/* Count `n` more bytes, or say that the budget has no room for them. */
static int
claim(struct conveyor *cv, uint64_t n, uint64_t budget)
{
	_Atomic uint64_t *total = &committed_of(cv)->total;
	/* RMW, relaxed: it is a count, and orders nothing. */
	uint64_t before = atomic_fetch_add_explicit(total, n,
	    memory_order_relaxed);

	if (before <= budget && n <= budget - before)
		return 0;
	atomic_fetch_sub_explicit(total, n, memory_order_relaxed);
	return -ENOSPC;
}

static void
unclaim(struct conveyor *cv, uint64_t n)
{
	atomic_fetch_sub_explicit(&committed_of(cv)->total, n,
	    memory_order_relaxed);
}

static int
grow(struct conveyor *cv, const struct half *half, uint64_t len,
    uint64_t budget)
{
	uint64_t ready = bounded(&half->use->ready, half);
	uint64_t claimed = bounded(&half->use->claimed, half);
	uint64_t want;
	int r = 0;

	if (len > half->size)
		return -EMSGSIZE;
	if (len <= ready)
		return 0;
	want = steps_up(len);
	/* After a kill `claimed` may cover it already. */
	if (want > claimed)
		r = claim(cv, want - claimed, budget);
	if (r < 0)
		return r;
	if (want > claimed)
		set(&half->use->claimed, want);
	r = segment_grow(&cv->segment, half->at + ready, want - ready);
	if (r == 0) {
		set(&half->use->ready, want);
		return 0;
	}
	/* Some of it may have been had: back to where we were. */
	if (claimed < want)
		claimed = want;
	if (segment_punch(&cv->segment, half->at + ready, claimed - ready) ==
	    0) {
		set(&half->use->claimed, ready);
		unclaim(cv, claimed - ready);
	}
	return r;
}

int
conveyor_grow_body(struct conveyor *cv, uint32_t cell, uint64_t len,
    uint64_t budget)
{
	struct half half = body_half(cv, cell);

	return grow(cv, &half, len, budget);
}

int
conveyor_grow_output(struct conveyor *cv, uint32_t cell, uint64_t len,
    uint64_t budget)
{
	struct half half = output_half(cv, cell);

	return grow(cv, &half, len, budget);
}

static void
shrink(struct conveyor *cv, const struct half *half, uint64_t keep)
{
	uint64_t ready = bounded(&half->use->ready, half);
	uint64_t claimed = bounded(&half->use->claimed, half);

	if (ready > claimed)
		claimed = ready; /* a scribble; give back all there may be */
	if (claimed <= keep)
		return;
	if (ready > keep)
		set(&half->use->ready, keep);
	/* Failing that, the pages stay ours and stay counted. */
	if (segment_punch(&cv->segment, half->at + keep, claimed - keep) < 0)
		return;
	set(&half->use->claimed, keep);
	unclaim(cv, claimed - keep);
}

void
conveyor_shrink(struct conveyor *cv, uint32_t cell, uint64_t keep)
{
	struct half body = body_half(cv, cell);
	struct half output = output_half(cv, cell);

	keep = steps_up(keep);
	shrink(cv, &body, keep);
	shrink(cv, &output, keep);
}

uint64_t
conveyor_committed(const struct conveyor *cv)
{
	return atomic_load_explicit(&committed_of(cv)->total,
	    memory_order_relaxed);
}

void
conveyor_recount(struct conveyor *cv)
{
	uint64_t sum = 0;

	for (uint32_t c = 0; c < cv->shape.cells; c++) {
		struct half body = body_half(cv, c);
		struct half output = output_half(cv, c);

		sum += bounded(&body.use->claimed, &body) +
		       bounded(&output.use->claimed, &output);
	}
	set(&committed_of(cv)->total, sum);
}
