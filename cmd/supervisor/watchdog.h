/*
 * watchdog - when a worker hangs: a table of deadlines, and a pure step over
 * what was observed of one worker.
 *
 * It is looked at every half second.  Nothing is believed but changes: each
 * deadline counts, on the supervisor's own clock, from the look at which
 * something last changed.  So a worker cannot set a clock wrong, and time in
 * which nobody looked is nobody's fault (watchdog_forgive()).
 */
#ifndef CMD_SUPERVISOR_WATCHDOG_H
#define CMD_SUPERVISOR_WATCHDOG_H

#include "cmd/crawl.h"

enum watchdog_verdict {
	/* Where several hold, the first is told: it explains the others. */
	WATCHDOG_FINE,
	WATCHDOG_PAGE_WALL, /* one page for too long … */
	WATCHDOG_PAGE_CPU,  /* … or for too much processor time */
	WATCHDOG_CELL,      /* holds one and the same cell */
	WATCHDOG_QUEUE,     /* beats, but does not take what waits for it */
	WATCHDOG_SILENT,    /* neither beat nor event */
	WATCHDOG_VERDICTS
};

enum {
	WATCHDOG_LOOK_MS = 500,
	WATCHDOG_GAP_MS = 5000, /* nobody looked for so long: start anew */
	/* A worker that says that it waits, or that the kernel says is at
	 * work, may be silent so many times longer. */
	WATCHDOG_PATIENCE = 10,
	WATCHDOG_EFFORT = 20, /* 1/20 of a core is work, not a nap's clock */
	WATCHDOG_WHY = 80
};

/* Of one role, by verdict. */
struct watchdog_deadlines {
	int64_t ms[WATCHDOG_VERDICTS];       /* 0: never */
	const char *keys[WATCHDOG_VERDICTS]; /* the setting behind it */
};

struct watchdog_deadlines watchdog_deadlines(enum role_id role,
    const struct config *config);

/* What is seen of a worker, at one look. */
struct watchdog_facts {
	int64_t beat_ms;    /* roster: any value, only its change counts */
	uint64_t events;    /* roster: likewise */
	bool has_page;      /* roster `current` is set … */
	uint64_t turn;      /* … for the so-manyth time */
	bool waits;         /* says, in its note, that it waits */
	bool queue_waits;   /* something stands in its queue */
	int64_t cell_ms;    /* it has held one and the same cell for so long */
	int64_t cpu_ms;     /* of the process, by the kernel */
	bool uninterrupted; /* in the kernel, waiting for a disk */
};

/* What is remembered of it; all zeroes: nothing yet. */
struct watchdog {
	bool begun;
	struct watchdog_facts last;
	int64_t look_ms;   /* of `last` */
	int64_t alive_ms;  /* beat or event */
	int64_t effort_ms; /* it used a processor, or a disk */
	int64_t page_ms, page_cpu_ms;
	int64_t queue_ms; /* its queue was empty, or it did something */
	int64_t waits_ms; /* it said so */
};

/* One look, at `now_ms` (monotonic). */
enum watchdog_verdict watchdog_step(struct watchdog *dog,
    const struct watchdog_deadlines *deadlines,
    const struct watchdog_facts *facts, int64_t now_ms);

/* Every deadline counts from the next look on. */
void watchdog_forgive(struct watchdog *dog);

/* "one page for 30 s (parse_wall)"; "" for WATCHDOG_FINE. */
void watchdog_describe(enum watchdog_verdict verdict,
    const struct watchdog_deadlines *deadlines, char out[WATCHDOG_WHY]);

/* --- cells ---------------------------------------------------------------- */

/* Since when each cell is held as it is. */
struct watchdog_cell {
	uint64_t word; /* 0: not held */
	int64_t since_ms;
};

/*
 * Look at all words.  `cells` has a place for each, zeroes at first; *held_ms
 * one for each worker id: how long it has held the cell that it holds longest,
 * 0 when it holds none.  Free cells are the scheduler's to keep.
 */
void watchdog_look_at_cells(const struct conveyor *cv,
    struct watchdog_cell *cells, int64_t now_ms,
    int64_t held_ms[CONVEYOR_WORKERS]);

#endif
