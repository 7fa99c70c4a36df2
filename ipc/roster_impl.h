/*
 * Layout of a worker's page: see roster.h.  For ipc/ only.
 */
#ifndef IPC_ROSTER_IMPL_H
#define IPC_ROSTER_IMPL_H

#include <stdalign.h>

#include "ipc/ring_impl.h"
#include "ipc/roster.h"

enum {
	ROSTER_PAGES = 256,
	ROSTER_NOTE_WORDS = ROSTER_NOTE / 8
};

static_assert((int)ROSTER_PAGES > (int)CONVEYOR_WORKERS, "a page per worker");
static_assert(ROSTER_NOTE % 8 == 0, "notes are whole words");

struct roster_page {
	/* Writer: the supervisor, before the fork; `pid` last at assign
	 * (release) and alone at recovery.  Pairs with roster_read(). */
	_Atomic int64_t pid;
	_Atomic uint64_t role, index, incarnation;
	_Atomic int64_t started_ms;

	/* Writer: the worker; the supervisor when nobody has the id. */
	alignas(RING_LINE) _Atomic uint64_t current; /* 0 or cell + 1 */
	_Atomic uint64_t turns;                      /* times it was set */
	_Atomic int64_t beat_ms;
	_Atomic int64_t worked_us; /* 0, or when it first took work */
	/* Events written; 0 again, by the supervisor, at assign.  Release:
	 * pairs with roster_events(). */
	_Atomic uint64_t events;
	_Atomic uint64_t counters[ROSTER_COUNTERS];
	_Atomic uint64_t note_turn; /* twin.h */
	_Atomic uint64_t note[2][ROSTER_NOTE_WORDS];
};

static_assert(sizeof(struct roster_page) <= 4096, "a page is a page");

/*
 * An event, in a page of the worker's own behind the regions; writer: the
 * worker.
 *
 *   head: time:48 | kind:8 | lap:8      body: cell + 1:17 | value:47
 *
 * The head is 0 while the body is written: a kill in between, and a reader
 * that comes by, find no event.  The lap, of the ring, tells it from the one
 * that stood there before.
 */
struct roster_mark {
	_Atomic uint64_t head, body;
};

static_assert(ROSTER_EVENTS * sizeof(struct roster_mark) <= 4096,
    "events fill a page");

/* R4: nobody has this id any more. */
void roster_release(struct conveyor *cv, uint8_t id);

#endif
