/*
 * ring - positions in which cell numbers stand, in the shared segment.
 *
 *   slot = turn:28 | gen:16 | cell+1:20        (cell part 0: empty)
 *
 * Position p lives in slot p mod RN, in turn p / RN.  A slot goes from
 * {turn, empty} to {turn, gen, cell} by ring_insert() and on to {turn + 1,
 * empty} by ring_claim(), each by one CAS; so `head` and `tail` are hints that
 * anyone may move on.  Entries are hints too: one counts only while the cell's
 * word is claimable, names this queue, and has the entry's generation.
 *
 * RN is the power of two >= 2 * cells + workers: at most one valid and one
 * stale entry per cell, and one per consumer that has claimed and not yet
 * cleared.  A full ring is corruption, and is never waited for.
 */
#ifndef IPC_RING_IMPL_H
#define IPC_RING_IMPL_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "ipc/conveyor.h"

enum {
	/* x86 fetches lines in pairs, and some ARM lines are this long. */
	RING_LINE = 128,
	RING_WAITER_WORDS = 4 /* a bit per worker id: 0 … 255 */
};

static_assert(RING_WAITER_WORDS * 64 > CONVEYOR_WORKERS, "a bit per worker");
static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "a lock would die with its holder");

/* All of it: any worker, by CAS (head, tail, slots) or by fetch_or/fetch_and
 * of its own bit (waiters; the supervisor clears those of the dead). */
struct ring {
	/* First position not known to be taken; ring_claim() with itself. */
	alignas(RING_LINE) _Atomic uint64_t head;
	/* First position not known to be filled; ring_insert() with itself. */
	alignas(RING_LINE) _Atomic uint64_t tail;
	/* Who sleeps at this queue's gate: gate_enter() with gate_wake(). */
	alignas(RING_LINE) _Atomic uint64_t waiters[RING_WAITER_WORDS];
	/* ring_insert() (CAS, seq_cst) with ring_claim() and gate_work(). */
	alignas(RING_LINE) _Atomic uint64_t slot[];
};

/* Slots of a ring for so many cells. */
uint32_t ring_slots(uint32_t cells);

/* P2, P3: put `cell`, at the generation of its word, behind the tail.
 * 0, -EBADMSG: the ring is full, or never still. */
MUST_USE int ring_insert(struct conveyor *cv, uint8_t queue, uint32_t cell,
    uint32_t gen);

/* C1 … C5.  1 and *cell, whose word says HELD by this process; 0 empty. */
MUST_USE int ring_claim(struct conveyor *cv, uint8_t queue, uint32_t *cell);

/* Whether a claim might find something (seq_cst); a stale entry counts. */
bool ring_has_entry(const struct conveyor *cv, uint8_t queue);

/* As when new, waiters too.  Nobody else may be running. */
void ring_clear(struct conveyor *cv, uint8_t queue);

/* For conveyor_check(): the entry at position `at`.  false: none. */
bool ring_entry_at(const struct conveyor *cv, uint8_t queue, uint64_t at,
    uint32_t *cell, uint16_t *gen);

#endif
