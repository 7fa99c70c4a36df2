/*
 * patrol - shows each worker to its watchdog, and kills what hangs.
 *
 * Everything is read from shared memory and from the kernel; no worker is
 * asked, and none is waited for.  What is killed here is buried, recovered and
 * started again like any other that died of its own fault.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/now.h"
#include "cmd/supervisor/supervisor_impl.h"

enum {
	CELLS_LOOK_MS = 2500, /* at all words: 16384 of them take 0.1 ms */
	SILENT_MS = 1000,     /* only then is the kernel asked for its state */
};

void
patrol_forget(struct supervisor *sup)
{
	for (size_t i = 0; i < sup->n_slots; i++)
		watchdog_forgive(&sup->slots[i].dog);
	free(sup->patrol.cells);
	sup->patrol.cells = NULL;
	memset(sup->patrol.held_ms, 0, sizeof(sup->patrol.held_ms));
}

static void
look_at_cells(struct supervisor *sup, int64_t now)
{
	struct patrol *patrol = &sup->patrol;
	const struct conveyor *cv = sup->crawl->cv;

	if (now - patrol->cells_ms < CELLS_LOOK_MS)
		return;
	patrol->cells_ms = now;
	if (patrol->cells == NULL)
		patrol->cells = calloc(conveyor_shape(cv)->cells,
		    sizeof(*patrol->cells));
	if (patrol->cells != NULL) /* else the other deadlines remain */
		watchdog_look_at_cells(cv, patrol->cells, now, patrol->held_ms);
}

/* In the kernel's words: D, not to be interrupted, is a disk (or an NFS). */
static bool
is_uninterrupted(pid_t pid)
{
	char path[40], text[400];
	const char *state;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	/* Behind the name, which may hold anything. */
	state = strrchr(text, ')');
	return state != NULL && strncmp(state, ") D", 3) == 0;
}

static bool
says_that_it_waits(const struct slot *slot)
{
	char note[ROSTER_NOTE];

	roster_read_note(slot->sup->crawl->cv, slot->id, note);
	return note[0] != '\0';
}

/* Without a recorder at work the scheduler's cells may wait for one that was
 * recorded before them. */
static bool
waits_for_the_recorder(const struct supervisor *sup)
{
	for (size_t i = 0; i < sup->n_slots; i++) {
		const struct slot *slot = &sup->slots[i];

		if (slot->role == ROLE_RECORDER)
			return slot->child.state != CHILD_UP ||
			       says_that_it_waits(slot);
	}
	return false;
}

static bool
queue_waits(const struct slot *slot)
{
	const struct conveyor *cv = slot->sup->crawl->cv;

	switch (slot->role) {
	case ROLE_RECORDER:
		return conveyor_length(cv, QUEUE_RECORDS) > 0 ||
		       conveyor_length(cv, QUEUE_DEAD) > 0;
	case ROLE_SCHEDULER:
		return conveyor_length(cv, QUEUE_SETTLED) > 0;
	default:
		return false; /* theirs has no deadline */
	}
}

static struct watchdog_facts
facts_of(const struct slot *slot, int64_t now)
{
	struct supervisor *sup = slot->sup;
	const struct conveyor *cv = sup->crawl->cv;
	struct watchdog_facts facts = {
		.beat_ms = roster_last_beat(cv, slot->id),
		.events = roster_events_seen(cv, slot->id),
		.has_page = roster_current(cv, slot->id) >= 0,
		.turn = roster_turns(cv, slot->id),
		.waits = says_that_it_waits(slot),
		.queue_waits = queue_waits(slot),
		.cell_ms = sup->patrol.held_ms[slot->id],
		.cpu_ms = (int64_t)(report_cpu_us(slot->pid) / 1000),
	};

	if (slot->role == ROLE_SCHEDULER)
		facts.waits = facts.waits || waits_for_the_recorder(sup);
	if (slot->dog.begun && now - slot->dog.alive_ms > SILENT_MS)
		facts.uninterrupted = is_uninterrupted(slot->pid);
	return facts;
}

static void
show(struct slot *slot, int64_t now)
{
	struct watchdog_deadlines deadlines = watchdog_deadlines(slot->role,
	    &slot->sup->crawl->config);
	struct watchdog_facts facts = facts_of(slot, now);
	enum watchdog_verdict verdict = watchdog_step(&slot->dog, &deadlines,
	    &facts, now);

	if (verdict == WATCHDOG_FINE)
		return;
	watchdog_describe(verdict, &deadlines, slot->hung);
	/* As a person's kill; bury() tells them apart. */
	supervisor_event(slot, CHILD_KILL);
}

void
patrol_tick(struct supervisor *sup)
{
	struct patrol *patrol = &sup->patrol;
	int64_t now = now_mono_ms();
	int64_t passed = now - patrol->look_ms;

	if (passed < WATCHDOG_LOOK_MS)
		return;
	patrol->look_ms = now;
	/* A stop has its own patience.  And when it was us who slept, the
	 * workers' silence says nothing. */
	if (sup->stop != STOP_NOT || sup->corrupt || sup->crawl->cv == NULL ||
	    passed > WATCHDOG_GAP_MS) {
		patrol_forget(sup);
		return;
	}
	look_at_cells(sup, now);
	for (size_t i = 0; i < sup->n_slots; i++) {
		struct slot *slot = &sup->slots[i];

		if (slot->child.state != CHILD_UP || !slot_running(slot))
			watchdog_forgive(&slot->dog);
		else if (slot->hung[0] == '\0')
			show(slot, now);
	}
}
