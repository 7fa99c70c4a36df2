#include "cmd/supervisor/watchdog.h"

#include <string.h>

enum {
	/* Above the kernel's limit (parser_limits.c), which ends a parser with
	 * a signal of its own: for one that could hold that off. */
	PAGE_CPU_MORE_MS = 5000,
};

/* What a deadline is made of. */
enum term {
	NEVER,
	STALL,
	PAGE_WALL,
	PAGE_CPU, /* a little more than parse_cpu_hard */
	TRANSFER, /* total_timeout and half of stall_timeout */
	GROUP,    /* stall_timeout and the time that a group stays open */
	TERMS
};

/* clang-format off */
/*
 * A parser's cells wait behind the page at hand, so no deadline is theirs.  A
 * crawler's transfers end by their own limits, a group of the recorder's or a
 * batch of the scheduler's by theirs: who holds a cell longer has lost it.
 * ORDERS may stand while every slot of a crawler is taken, PAGES while a
 * colleague works on them.  The streamer waits for whoever reads standard
 * output, for as long as that takes.
 */
static const struct {
	enum term silent, page_wall, page_cpu, cell, queue;
} terms[ROLES] = {
	/*                   silent     page_wall  page_cpu  cell      queue */
	[ROLE_SCHEDULER] = { STALL,     NEVER,     NEVER,    GROUP,    STALL },
	[ROLE_RECORDER]  = { STALL,     NEVER,     NEVER,    GROUP,    STALL },
	[ROLE_STREAMER]  = { NEVER,     NEVER,     NEVER,    NEVER,    NEVER },
	[ROLE_CRAWLER]   = { STALL,     NEVER,     NEVER,    TRANSFER, NEVER },
	[ROLE_PARSER]    = { PAGE_WALL, PAGE_WALL, PAGE_CPU, NEVER,    NEVER },
};

/* The setting that a person would change. */
static const char *const keys[TERMS] = {
	[NEVER]     = "",
	[STALL]     = "stall_timeout",
	[PAGE_WALL] = "parse_wall",
	[PAGE_CPU]  = "parse_cpu_hard",
	[TRANSFER]  = "total_timeout",
	[GROUP]     = "stall_timeout",
};

static const char *const words[WATCHDOG_VERDICTS] = {
	[WATCHDOG_FINE]      = "",
	[WATCHDOG_PAGE_WALL] = "one page for",
	[WATCHDOG_PAGE_CPU]  = "computed on one page for",
	[WATCHDOG_CELL]      = "held one page for",
	[WATCHDOG_QUEUE]     = "took no work for",
	[WATCHDOG_SILENT]    = "no sign of life for",
};
/* clang-format on */

static int64_t
ms_of(enum term term, const struct config *config)
{
	switch (term) {
	case STALL:
		return config->stall_timeout_ms;
	case PAGE_WALL:
		return config->parse_wall_ms;
	case PAGE_CPU:
		return config->parse_cpu_hard_ms + PAGE_CPU_MORE_MS;
	case TRANSFER:
		return config->total_timeout_ms + config->stall_timeout_ms / 2;
	case GROUP:
		return config->stall_timeout_ms +
		       2 * config->commit_interval_ms;
	case NEVER:
	case TERMS:
		break;
	}
	return 0;
}

struct watchdog_deadlines
watchdog_deadlines(enum role_id role, const struct config *config)
{
	const enum term by_verdict[WATCHDOG_VERDICTS] = {
		[WATCHDOG_PAGE_WALL] = terms[role].page_wall,
		[WATCHDOG_PAGE_CPU] = terms[role].page_cpu,
		[WATCHDOG_CELL] = terms[role].cell,
		[WATCHDOG_QUEUE] = terms[role].queue,
		[WATCHDOG_SILENT] = terms[role].silent,
	};
	struct watchdog_deadlines deadlines;

	for (int v = 0; v < WATCHDOG_VERDICTS; v++) {
		deadlines.ms[v] = ms_of(by_verdict[v], config);
		deadlines.keys[v] = keys[by_verdict[v]];
	}
	return deadlines;
}

void
watchdog_forgive(struct watchdog *dog)
{
	*dog = (struct watchdog){ .begun = false };
}

static void
begin(struct watchdog *dog, const struct watchdog_facts *facts, int64_t now)
{
	*dog = (struct watchdog){ .begun = true,
		.last = *facts,
		.look_ms = now,
		.alive_ms = now,
		.effort_ms = now,
		.page_ms = now,
		.page_cpu_ms = facts->cpu_ms,
		.queue_ms = now,
		.waits_ms = now };
}

/* Whatever changed since the last look starts its deadline anew. */
static void
observe(struct watchdog *dog, const struct watchdog_facts *facts, int64_t now)
{
	const struct watchdog_facts *last = &dog->last;
	bool moved = facts->events != last->events;

	if (moved || facts->beat_ms != last->beat_ms)
		dog->alive_ms = now;
	if (facts->uninterrupted ||
	    (facts->cpu_ms - last->cpu_ms) * WATCHDOG_EFFORT >
		now - dog->look_ms)
		dog->effort_ms = now;
	if (!facts->has_page || !last->has_page || facts->turn != last->turn) {
		dog->page_ms = now;
		dog->page_cpu_ms = facts->cpu_ms;
	}
	if (facts->waits)
		dog->waits_ms = now;
	if (moved || facts->waits || !facts->queue_waits)
		dog->queue_ms = now;
	dog->last = *facts;
	dog->look_ms = now;
}

/*
 * How long it has been silent for no reason.  While it says that it waits, or
 * is seen to work, most of the time is forgiven and never all: a loop that
 * goes nowhere is work, too.
 */
static int64_t
silence(const struct watchdog *dog, int64_t now)
{
	int64_t all = now - dog->alive_ms;
	int64_t idle = now - dog->effort_ms;
	int64_t quiet = now - dog->waits_ms;
	int64_t least = all / WATCHDOG_PATIENCE;

	if (quiet < idle)
		idle = quiet;
	if (all < idle)
		idle = all;
	return idle > least ? idle : least;
}

enum watchdog_verdict
watchdog_step(struct watchdog *dog, const struct watchdog_deadlines *deadlines,
    const struct watchdog_facts *facts, int64_t now_ms)
{
	int64_t passed[WATCHDOG_VERDICTS] = { 0 };
	int64_t waited;

	if (!dog->begun)
		begin(dog, facts, now_ms);
	observe(dog, facts, now_ms);
	waited = now_ms - dog->waits_ms;
	passed[WATCHDOG_PAGE_WALL] = now_ms - dog->page_ms;
	passed[WATCHDOG_PAGE_CPU] = facts->cpu_ms - dog->page_cpu_ms;
	passed[WATCHDOG_CELL] = waited < facts->cell_ms ? waited
							: facts->cell_ms;
	passed[WATCHDOG_QUEUE] = now_ms - dog->queue_ms;
	passed[WATCHDOG_SILENT] = silence(dog, now_ms);
	for (int v = WATCHDOG_FINE + 1; v < WATCHDOG_VERDICTS; v++) {
		if (deadlines->ms[v] > 0 && passed[v] >= deadlines->ms[v])
			return (enum watchdog_verdict)v;
	}
	return WATCHDOG_FINE;
}

void
watchdog_describe(enum watchdog_verdict verdict,
    const struct watchdog_deadlines *deadlines, char out[WATCHDOG_WHY])
{
	if (verdict == WATCHDOG_FINE)
		out[0] = '\0';
	else
		snprintf(out, WATCHDOG_WHY, "%s %g s (%s)", words[verdict],
		    (double)deadlines->ms[verdict] / 1000,
		    deadlines->keys[verdict]);
}

/* --- cells ---------------------------------------------------------------- */

void
watchdog_look_at_cells(const struct conveyor *cv, struct watchdog_cell *cells,
    int64_t now_ms, int64_t held_ms[CONVEYOR_WORKERS])
{
	uint32_t n = conveyor_shape(cv)->cells;

	memset(held_ms, 0, CONVEYOR_WORKERS * sizeof(held_ms[0]));
	for (uint32_t c = 0; c < n; c++) {
		struct cell_word w = conveyor_word(cv, c);
		struct watchdog_cell *cell = &cells[c];

		if (w.state != CELL_HELD || w.queue == QUEUE_FREE ||
		    w.owner >= CONVEYOR_WORKERS) {
			cell->word = 0;
			continue;
		}
		if (cell->word != cell_pack(w)) {
			cell->word = cell_pack(w);
			cell->since_ms = now_ms;
		}
		if (now_ms - cell->since_ms > held_ms[w.owner])
			held_ms[w.owner] = now_ms - cell->since_ms;
	}
}
