/*
 * roster - who works at the conveyor: one page per worker id.
 *
 * The supervisor assigns an id before it forks; the worker then writes its own
 * page and no other.  An id is used again only after its recovery.
 */
#ifndef IPC_ROSTER_H
#define IPC_ROSTER_H

#include <sys/types.h>

#include "ipc/conveyor.h"

enum {
	ROSTER_NONE = 0, /* `current`: no cell; else cell + 1 */
	ROSTER_COUNTERS = 32,
	ROSTER_NOTE = 160,
	ROSTER_EVENTS = 256 /* the last so many of each worker */
};

/* What the supervisor writes at the fork. */
struct roster_entry {
	pid_t pid; /* 0: free */
	uint8_t role;
	uint8_t index;
	uint32_t incarnation;
	int64_t started_ms;
};

void roster_assign(struct conveyor *cv, uint8_t id,
    const struct roster_entry *entry);
void roster_read(const struct conveyor *cv, uint8_t id,
    struct roster_entry *out);

/* By the worker itself: the cell whose bytes it works on from now on. */
void roster_set_current(struct conveyor *cv, uint32_t cell);
void roster_clear_current(struct conveyor *cv);
/* -1 none, else the cell. */
int64_t roster_current(const struct conveyor *cv, uint8_t id);
/* How often it has set one: the same number, the same piece of work. */
uint64_t roster_turns(const struct conveyor *cv, uint8_t id);

/* By the worker: a beat at each turn (monotonic ms), whether it has taken work
 * since its start, one line on what it waits for ("" nothing). */
void roster_beat(struct conveyor *cv, int64_t now_ms);
void roster_took_work(struct conveyor *cv);
void roster_note(struct conveyor *cv, const char *note);
int64_t roster_last_beat(const struct conveyor *cv, uint8_t id);
bool roster_has_worked(const struct conveyor *cv, uint8_t id);
/* When it first took work, monotonic µs; 0: not yet. */
int64_t roster_worked_us(const struct conveyor *cv, uint8_t id);
void roster_read_note(const struct conveyor *cv, uint8_t id,
    char out[ROSTER_NOTE]);

/* Counters of one worker: one writer, relaxed.  They go on when the id is
 * assigned to the same role and index again, and begin at 0 otherwise. */
void roster_count(struct conveyor *cv, unsigned counter, uint64_t add);
uint64_t roster_counter(const struct conveyor *cv, uint8_t id,
    unsigned counter);

/* --- events: what a worker did last; they outlive it ---------------------- */

struct roster_event {
	int64_t at_us; /* monotonic */
	uint8_t kind;  /* the caller's; never 0 */
	int64_t cell;  /* -1: none */
	uint64_t value;
};

/*
 * By the supervisor, before the worker's first fork: a page for the events of
 * `id`.  Without it they are not kept, and nothing else is different.  0,
 * -ENOSPC.
 */
MUST_USE int roster_keep_events(struct conveyor *cv, uint8_t id);

/* By the worker: one more, in place of the oldest.  No system call; not from a
 * signal handler.  A value of 2^47 or more is kept as 2^47 - 1. */
void roster_event(struct conveyor *cv, int64_t now_us, uint8_t kind,
    int64_t cell, uint64_t value);

/*
 * The last events of `id`, oldest first; how many.  What its writer has not
 * finished, or is writing over meanwhile, is left out.  They stay after its
 * death until the id is assigned again.  Everything in them is the worker's
 * word, a spoiled page included: bounded, and nothing else.
 */
size_t roster_events(const struct conveyor *cv, uint8_t id,
    struct roster_event out[ROSTER_EVENTS]);
/* How many there were since the id was assigned; grows with each. */
uint64_t roster_events_seen(const struct conveyor *cv, uint8_t id);

#endif
