/*
 * crash - what is told of a worker that died and was not asked to.
 *
 * A report is one JSON object on a line of D/crashes.jsonl, where `mpcrawl
 * status --crashes` finds it when everything hangs or has ended.  Past a
 * megabyte the file becomes crashes.1.jsonl.  What cannot be written is said
 * once and stops nothing.
 */
#ifndef CMD_SUPERVISOR_CRASH_H
#define CMD_SUPERVISOR_CRASH_H

#include "cmd/crawl.h"
#include "cmd/flight.h"

#define CRASH_FILE "crashes.jsonl"
#define CRASH_OLD  "crashes.1.jsonl"

enum {
	CRASH_BYTES = 1 << 20, /* of a file, before it is put aside */
	CRASH_URL = 2048,
	CRASH_WINDOW_MS = 10 * 1000,
	CRASH_SHORT_MOST = 5, /* reports in a window … */
	CRASH_FULL_MOST = 20
};

/* One death: what is there to see before the recovery, and what was decided. */
struct crash {
	/* crash_look() */
	const char *worker;
	uint8_t id;
	uint32_t incarnation;
	pid_t pid;
	int64_t died_us; /* monotonic */
	int64_t cell;    /* that it worked on, or the only one it held; -1 */
	uint8_t blames;
	char url[CRASH_URL]; /* of that; printable; "" */
	size_t n_events;
	struct roster_event events[ROSTER_EVENTS];
	/* the caller */
	bool full;     /* its own fault, or ours: with events */
	int status;    /* of wait4() */
	char end[160]; /* in words */
	bool hung;
	size_t recovered;
	bool blamed; /* crash_was_blamed() */
};

/* Before recovery: it lets go of everything. */
void crash_look(struct conveyor *cv, uint8_t id, struct crash *out);
/* After it: did the cell get a blame? */
bool crash_was_blamed(const struct conveyor *cv, const struct crash *crash);
/* "http://… (parses, cell 17, 13812 bytes, 3 ms before)"; for the log. */
void crash_describe(const struct crash *crash, char *out, size_t size);

/* What is written, and what is left out so that a storm of deaths does not
 * fill the disk. */
struct crash_book {
	struct crash_window {
		int64_t began_ms;
		unsigned n;
	} windows[2];     /* [full] */
	uint64_t skipped; /* since the last that was written */
	bool failed;      /* and that was said */
};

void crash_write(struct crash_book *book, const struct crawl *crawl,
    const struct crash *crash);
/* At the end of the crawl: how many were left out since. */
void crash_close(struct crash_book *book, const struct crawl *crawl);

#endif
