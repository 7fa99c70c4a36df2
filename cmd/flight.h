/*
 * flight - what workers write into their roster's ring of events, and what it
 * means: the story that a crash report tells.
 */
#ifndef CMD_FLIGHT_H
#define CMD_FLIGHT_H

#include "ipc/roster.h"

enum {
	FLIGHT_NO_CELL = -1,
	FLIGHT_TEXT = 96 /* bytes of one in words */
};

/* Each stands in the table of flight.c.  Chosen for a story: what is under way
 * is an event of its own, so that the last one says where a worker died. */
enum flight_kind {
	FLIGHT_NONE, /* no event is of this kind */
	/* life */
	FLIGHT_STARTED,
	FLIGHT_WAITS_ROOM,
	FLIGHT_WAITS_OUT,
	FLIGHT_WAITS_WORK,
	FLIGHT_OPENS,
	FLIGHT_OPENED,
	FLIGHT_STOPS,
	FLIGHT_FAILED,
	/* every role that works on cells */
	FLIGHT_TOOK,
	FLIGHT_READS,
	FLIGHT_PUSHED,
	FLIGHT_LIMIT,
	/* crawler */
	FLIGHT_FETCHES,
	FLIGHT_GREW,
	FLIGHT_FETCHED,
	FLIGHT_NO_ANSWER,
	FLIGHT_SENT_BACK,
	/* parser */
	FLIGHT_PARSES,
	FLIGHT_PARSED,
	/* recorder */
	FLIGHT_RECORDS,
	FLIGHT_QUARANTINES,
	FLIGHT_RECORDED,
	FLIGHT_SYNCS,
	FLIGHT_SYNCED,
	/* scheduler */
	FLIGHT_ADOPTED,
	FLIGHT_ORDERED,
	FLIGHT_CAME_BACK,
	FLIGHT_SETTLES,
	FLIGHT_COMMITS,
	FLIGHT_COMMITTED,
	FLIGHT_KINDS
};

/* In a worker, as of now. */
void flight(struct conveyor *cv, enum flight_kind kind, int64_t cell,
    uint64_t value);

/* "parses"; "?" for what is no kind: it may come from a spoiled page. */
const char *flight_name(unsigned kind);
/* What the value counts ("bytes"), one word; "" when it means nothing. */
const char *flight_unit(unsigned kind);
/* "parses, cell 17, 13812 bytes" */
void flight_describe(const struct roster_event *event, char out[FLIGHT_TEXT]);

#endif
