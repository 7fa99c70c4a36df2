/*
 * Layout of the segment, and what a process keeps of it; for ipc/ and its
 * tests only.
 *
 * The segment is arrays by writer, each beginning on a page, so that a role
 * may take from itself the right to write what is not its to write.  Offsets
 * only, no pointers: every process may map it where it likes.
 */
#ifndef IPC_CONVEYOR_IMPL_H
#define IPC_CONVEYOR_IMPL_H

#include <semaphore.h>
#include <stdalign.h>
#include <stdatomic.h>

#include "ipc/cell.h"
#include "ipc/conveyor.h"
#include "ipc/ring_impl.h"
#include "ipc/segment.h"

/* "mpcrawl\1"; another meaning of any byte below raises LAYOUT_VERSION. */
#define LAYOUT_MAGIC   UINT64_C(0x016c77617263706d)
#define LAYOUT_VERSION 2

enum {
	/* Leaves room for "sem.", a queue and an epoch. */
	LAYOUT_NAME_MAX = 200
};

/* Writer: the supervisor, at create and attach. */
struct conveyor_header {
	/* Written last, when all else is in place: a segment without it is
	 * half made.  Pairs with layout_check(). */
	_Atomic uint64_t magic;
	uint64_t hash; /* of version, shape and every offset */
	uint64_t page_size;
	uint64_t size; /* of the object */
	uint8_t crawl_id[16];
	struct conveyor_shape shape;
	/* +1 at each attach; part of the semaphores' names. */
	_Atomic uint64_t epoch;
};

/* Writer: the scheduler; the supervisor unsets `out_turn` at attach. */
struct conveyor_ledger {
	_Atomic uint64_t out_turn; /* twin.h */
	_Atomic uint64_t out[2][2];
	alignas(RING_LINE) _Atomic uint64_t snapshot_turn; /* twin.h */
	_Atomic uint64_t snapshot[2][CONVEYOR_SNAPSHOT];
	/* Parts of these cells are allocated; conveyor_prepare(). */
	_Atomic uint8_t prepared[CONVEYOR_CELLS_MAX / CONVEYOR_CHUNK];
};

/* Writers: see cell.h; each transition is a CAS, or a store by the one who
 * holds the cell.  A line each. */
struct conveyor_word {
	alignas(64) _Atomic uint64_t word;
	/* Writer: the supervisor, before the CAS that adds a blame.  Means
	 * nothing while the word carries none. */
	_Atomic uint64_t cause;
};

struct conveyor_settle_line {
	alignas(64) struct conveyor_settle settle;
};

/*
 * Writer: the holder of the cell; the scheduler when it gives it back.  Bytes
 * from the region's beginning.  `claimed` is raised before the pages are
 * allocated and lowered after they are given back; `ready` is raised after and
 * lowered before: a kill between leaves too much counted and too little
 * usable, never the other way round.
 */
struct region_use {
	_Atomic uint64_t claimed;
	_Atomic uint64_t ready;
};

struct conveyor_use {
	struct region_use body, output;
};

struct conveyor_committed {
	/* Sum of `claimed`: holders add, the scheduler sets it right. */
	_Atomic uint64_t total;
	alignas(RING_LINE) struct conveyor_use use[];
};

/* Offsets of the arrays. */
struct layout {
	size_t page, ledger, roster, words, rings, order, capture, settle,
	    inlines, committed, fetched, bound, parts, regions, events;
	size_t ring_stride, region_stride;
	size_t size; /* of all; up to `parts` it is allocated at once, `events`
	                a page at a time (roster.h) */
	uint32_t slots;
};

/* 0, or -EINVAL: no such shape. */
MUST_USE int layout_make(const struct conveyor_shape *shape,
    struct layout *out);
uint64_t layout_hash(const struct conveyor_shape *shape,
    const struct layout *layout);
/* Read with pread(), as an object that is half made must not be touched.
 * 0, or -EBADMSG: no header that this program could have written. */
MUST_USE int layout_check(const struct segment *segment,
    struct conveyor_header *header, struct layout *layout);

struct conveyor {
	struct segment segment;
	char name[LAYOUT_NAME_MAX + 1];
	bool borrowed; /* another view owns segment and semaphores */
	uint8_t me;
	struct conveyor_shape shape;
	struct conveyor_gates gates;
	struct layout layout;
	uint32_t slot_mask;
	unsigned slot_shift;
	int belt_ms; /* GATE_BELT_MS; the soak tests take it off */
	sem_t *sems[CONVEYOR_QUEUES]; /* NULL: sleeps at another's gate */
	bool keeps_events[CONVEYOR_WORKERS]; /* their pages are allocated */
};

static inline void *
conveyor_at(const struct conveyor *cv, size_t offset)
{
	return cv->segment.base + offset;
}

static inline struct conveyor_header *
header_of(const struct conveyor *cv)
{
	return conveyor_at(cv, 0);
}

static inline struct conveyor_ledger *
ledger_of(const struct conveyor *cv)
{
	return conveyor_at(cv, cv->layout.ledger);
}

static inline struct ring *
ring_of(const struct conveyor *cv, uint8_t queue)
{
	return conveyor_at(cv,
	    cv->layout.rings + queue * cv->layout.ring_stride);
}

static inline _Atomic uint64_t *
word_of(const struct conveyor *cv, uint32_t cell)
{
	struct conveyor_word *words = conveyor_at(cv, cv->layout.words);

	return &words[cell].word;
}

static inline _Atomic uint64_t *
cause_of(const struct conveyor *cv, uint32_t cell)
{
	struct conveyor_word *words = conveyor_at(cv, cv->layout.words);

	return &words[cell].cause;
}

static inline struct conveyor_committed *
committed_of(const struct conveyor *cv)
{
	return conveyor_at(cv, cv->layout.committed);
}

static inline _Atomic uint64_t *
fetched_of(const struct conveyor *cv)
{
	return conveyor_at(cv, cv->layout.fetched);
}

static inline uint32_t
fetched_words(const struct conveyor *cv)
{
	return (cv->shape.cells + 63) / 64;
}

/* Whether a word is one that this code could have written. */
static inline bool
word_possible(const struct conveyor *cv, struct cell_word w)
{
	return w.state >= CELL_QUEUED && w.state <= CELL_SENDING &&
	       w.queue < cv->shape.queues && w.owner < CONVEYOR_WORKERS &&
	       (w.state != CELL_QUEUED || w.owner == 0);
}

/* P5: the last step of a push, recovery's too. */
void conveyor_say_queued(struct conveyor *cv, uint8_t queue, uint32_t cell);

/* --- rebuilding (conveyor_recover.c) -------------------------------------- */

/* What conveyor_attach() does to the contents: protocol.md 8. */
MUST_USE int conveyor_rebuild(struct conveyor *cv,
    const struct conveyor_routes *routes, uint8_t ordered_queue);

/* --- views (conveyor_open.c) ---------------------------------------------- */

/* Another worker's view of the same mapping, for threads. */
MUST_USE int conveyor_clone(const struct conveyor *cv, uint8_t me,
    struct conveyor **out);

/*
 * A view over a copy of the fixed part, for the tests that look at every
 * instruction.  `base` and the semaphores stay the caller's; the view looks
 * like `like` otherwise, as the supervisor.
 */
MUST_USE int conveyor_over(const struct conveyor *like, void *base,
    sem_t *const sems[CONVEYOR_QUEUES], struct conveyor **out);

#endif
