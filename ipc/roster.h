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
	ROSTER_NOTE = 160
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

#endif
