#include "cmd/flight.h"

#include <inttypes.h>
#include <stdbool.h>

#include "cmd/now.h"
#include "lib/base/attr.h"

/* clang-format off */
static const struct {
	const char *name, *unit;
	bool is_name; /* the value counts nothing: "queue 2", not "2 queue" */
} kinds[] = {
	[FLIGHT_NONE]        = { "?",                         "" },
	[FLIGHT_STARTED]     = { "started",                   "incarnation", true },
	[FLIGHT_WAITS_ROOM]  = { "waits for room on the disk", "bytes" },
	[FLIGHT_WAITS_OUT]   = { "waits for the scheduler",   "" },
	[FLIGHT_WAITS_WORK]  = { "waits for work",            "" },
	[FLIGHT_OPENS]       = { "opens its files",           "" },
	[FLIGHT_OPENED]      = { "opened its files",          "" },
	[FLIGHT_STOPS]       = { "was asked to stop",         "" },
	[FLIGHT_FAILED]      = { "failed",                    "errno", true },
	[FLIGHT_TOOK]        = { "took from its queue",       "cells" },
	[FLIGHT_READS]       = { "reads the order",           "" },
	[FLIGHT_PUSHED]      = { "passed on",                 "queue", true },
	[FLIGHT_LIMIT]       = { "met a limit",               "bytes" },
	[FLIGHT_FETCHES]     = { "fetches",                   "inflight" },
	[FLIGHT_GREW]        = { "body grows",                "bytes" },
	[FLIGHT_FETCHED]     = { "fetched",                   "status", true },
	[FLIGHT_NO_ANSWER]   = { "got no answer",             "reason", true },
	[FLIGHT_SENT_BACK]   = { "sent back",                 "" },
	[FLIGHT_PARSES]      = { "parses",                    "bytes" },
	[FLIGHT_PARSED]      = { "parsed",                    "bytes" },
	[FLIGHT_RECORDS]     = { "records",                   "" },
	[FLIGHT_QUARANTINES] = { "quarantines",               "blames" },
	[FLIGHT_RECORDED]    = { "recorded",                  "bytes" },
	[FLIGHT_SYNCS]       = { "syncs a group",             "cells" },
	[FLIGHT_SYNCED]      = { "synced",                    "us" },
	[FLIGHT_ADOPTED]     = { "adopted",                   "cells" },
	[FLIGHT_ORDERED]     = { "ordered",                   "crawler", true },
	[FLIGHT_CAME_BACK]   = { "came back",                 "attempts" },
	[FLIGHT_SETTLES]     = { "settles",                   "seq", true },
	[FLIGHT_COMMITS]     = { "commits",                   "cells" },
	[FLIGHT_COMMITTED]   = { "committed",                 "us" },
};
/* clang-format on */
static_assert(ARRAY_LEN(kinds) == FLIGHT_KINDS, "a row for each kind");

void
flight(struct conveyor *cv, enum flight_kind kind, int64_t cell, uint64_t value)
{
	roster_event(cv, now_mono_us(), (uint8_t)kind, cell, value);
}

const char *
flight_name(unsigned kind)
{
	return kinds[kind < FLIGHT_KINDS ? kind : FLIGHT_NONE].name;
}

const char *
flight_unit(unsigned kind)
{
	return kinds[kind < FLIGHT_KINDS ? kind : FLIGHT_NONE].unit;
}

void
flight_describe(const struct roster_event *event, char out[FLIGHT_TEXT])
{
	const char *unit = flight_unit(event->kind);
	char cell[32] = "", value[48] = "";

	if (event->cell >= 0)
		snprintf(cell, sizeof(cell), ", cell %" PRId64, event->cell);
	if (unit[0] != '\0' && kinds[event->kind].is_name)
		snprintf(value, sizeof(value), ", %s %" PRIu64, unit,
		    event->value);
	else if (unit[0] != '\0')
		snprintf(value, sizeof(value), ", %" PRIu64 " %s", event->value,
		    unit);
	snprintf(out, FLIGHT_TEXT, "%s%s%s", flight_name(event->kind), cell,
	    value);
}
