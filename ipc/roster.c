#include "ipc/roster.h"

#include <string.h>
#include <time.h>

#include "ipc/conveyor_impl.h"
#include "ipc/roster_impl.h"
#include "ipc/twin.h"

static struct roster_page *
page_of(const struct conveyor *cv, uint8_t id)
{
	must(id < CONVEYOR_WORKERS);
	return conveyor_at(cv, cv->layout.roster + id * cv->layout.page);
}

/* Each field stands for itself: a reader needs no order between them. */
#define PUT(field, value)                                                      \
	atomic_store_explicit(&(field), (value), memory_order_relaxed)
#define GET(field) atomic_load_explicit(&(field), memory_order_relaxed)

static void
write_note(struct roster_page *page, const char *note)
{
	uint64_t words[ROSTER_NOTE_WORDS] = { 0 };

	memcpy(words, note, strnlen(note, ROSTER_NOTE - 1));
	twin_write(&page->note_turn, page->note[0], ROSTER_NOTE_WORDS, words);
}

void
roster_assign(struct conveyor *cv, uint8_t id, const struct roster_entry *entry)
{
	struct roster_page *page = page_of(cv, id);

	/* A worker's successor counts on from where it was; another worker
	 * begins at nothing. */
	if (GET(page->role) != entry->role || GET(page->index) != entry->index)
		for (size_t i = 0; i < ROSTER_COUNTERS; i++)
			PUT(page->counters[i], 0);
	PUT(page->current, ROSTER_NONE);
	PUT(page->beat_ms, 0);
	PUT(page->worked_us, 0);
	PUT(page->events, 0);
	write_note(page, "");
	PUT(page->role, entry->role);
	PUT(page->index, entry->index);
	PUT(page->incarnation, entry->incarnation);
	PUT(page->started_ms, entry->started_ms);
	/* Last: pairs with roster_read(). */
	atomic_store_explicit(&page->pid, entry->pid, memory_order_release);
}

void
roster_read(const struct conveyor *cv, uint8_t id, struct roster_entry *out)
{
	const struct roster_page *page = page_of(cv, id);

	/* First: pairs with roster_assign(). */
	out->pid = (pid_t)atomic_load_explicit(&page->pid,
	    memory_order_acquire);
	out->role = (uint8_t)GET(page->role);
	out->index = (uint8_t)GET(page->index);
	out->incarnation = (uint32_t)GET(page->incarnation);
	out->started_ms = GET(page->started_ms);
}

void
roster_release(struct conveyor *cv, uint8_t id)
{
	struct roster_page *page = page_of(cv, id);

	PUT(page->current, ROSTER_NONE);
	atomic_store_explicit(&page->pid, 0, memory_order_release);
}

void
roster_set_current(struct conveyor *cv, uint32_t cell)
{
	struct roster_page *page = page_of(cv, cv->me);

	PUT(page->turns, GET(page->turns) + 1);
	PUT(page->current, (uint64_t)cell + 1);
}

void
roster_clear_current(struct conveyor *cv)
{
	PUT(page_of(cv, cv->me)->current, ROSTER_NONE);
}

int64_t
roster_current(const struct conveyor *cv, uint8_t id)
{
	uint64_t current = GET(page_of(cv, id)->current);

	/* What names no cell is no cell: the page is the worker's to spoil. */
	if (current == ROSTER_NONE || current > cv->shape.cells)
		return -1;
	return (int64_t)current - 1;
}

uint64_t
roster_turns(const struct conveyor *cv, uint8_t id)
{
	return GET(page_of(cv, id)->turns);
}

void
roster_beat(struct conveyor *cv, int64_t now_ms)
{
	PUT(page_of(cv, cv->me)->beat_ms, now_ms);
}

void
roster_took_work(struct conveyor *cv)
{
	struct roster_page *page = page_of(cv, cv->me);
	struct timespec now;

	if (GET(page->worked_us) != 0)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	/* Never 0, however young the machine is. */
	PUT(page->worked_us,
	    (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000 + 1);
}

void
roster_note(struct conveyor *cv, const char *note)
{
	write_note(page_of(cv, cv->me), note);
}

int64_t
roster_last_beat(const struct conveyor *cv, uint8_t id)
{
	return GET(page_of(cv, id)->beat_ms);
}

bool
roster_has_worked(const struct conveyor *cv, uint8_t id)
{
	return roster_worked_us(cv, id) != 0;
}

int64_t
roster_worked_us(const struct conveyor *cv, uint8_t id)
{
	return GET(page_of(cv, id)->worked_us);
}

void
roster_read_note(const struct conveyor *cv, uint8_t id, char out[ROSTER_NOTE])
{
	const struct roster_page *page = page_of(cv, id);
	uint64_t words[ROSTER_NOTE_WORDS];

	if (!twin_read(&page->note_turn, page->note[0], ROSTER_NOTE_WORDS,
		words))
		words[0] = 0;
	memcpy(out, words, ROSTER_NOTE);
	out[ROSTER_NOTE - 1] = '\0';
	/* It goes to a terminal, from a process that reads hostile pages. */
	for (char *c = out; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
}

void
roster_count(struct conveyor *cv, unsigned counter, uint64_t add)
{
	_Atomic uint64_t *n;

	must(counter < ROSTER_COUNTERS);
	n = &page_of(cv, cv->me)->counters[counter];
	PUT(*n, GET(*n) + add); /* one writer: no read-modify-write needed */
}

uint64_t
roster_counter(const struct conveyor *cv, uint8_t id, unsigned counter)
{
	must(counter < ROSTER_COUNTERS);
	return GET(page_of(cv, id)->counters[counter]);
}

/* --- events --------------------------------------------------------------- */

enum {
	EVENT_TIME_SHIFT = 16,
	EVENT_KIND_SHIFT = 8,
	EVENT_VALUE_BITS = 47
};

static struct roster_mark *
marks_of(const struct conveyor *cv, uint8_t id)
{
	must(id < CONVEYOR_WORKERS);
	return conveyor_at(cv, cv->layout.events + id * cv->layout.page);
}

/* The `n`th of all: its lap of the ring. */
static uint8_t
lap_of(uint64_t n)
{
	return (uint8_t)(n / ROSTER_EVENTS);
}

int
roster_keep_events(struct conveyor *cv, uint8_t id)
{
	int r;

	must(id < CONVEYOR_WORKERS);
	if (cv->keeps_events[id])
		return 0;
	r = segment_grow(&cv->segment, cv->layout.events + id * cv->layout.page,
	    cv->layout.page);
	/* In the view, not in the segment: no worker's word makes anybody
	 * touch a page that is not there. */
	cv->keeps_events[id] = r == 0;
	return r;
}

void
roster_event(struct conveyor *cv, int64_t now_us, uint8_t kind, int64_t cell,
    uint64_t value)
{
	const uint64_t most = (UINT64_C(1) << EVENT_VALUE_BITS) - 1;
	struct roster_page *page = page_of(cv, cv->me);
	uint64_t n = GET(page->events);
	struct roster_mark *mark;

	must(kind != 0 && cell < CONVEYOR_CELLS_MAX);
	if (!cv->keeps_events[cv->me])
		return;
	mark = &marks_of(cv, cv->me)[n % ROSTER_EVENTS];
	if (value > most)
		value = most;
	PUT(mark->head, 0);
	/* Release, each: who sees the new body sees the 0 or the new head, who
	 * sees the new head sees the new body, who sees the number sees both.
	 * Pair with the loads of read_mark() and roster_events(). */
	atomic_store_explicit(&mark->body,
	    (uint64_t)(cell + 1) << EVENT_VALUE_BITS | value,
	    memory_order_release);
	atomic_store_explicit(&mark->head,
	    (uint64_t)now_us << EVENT_TIME_SHIFT |
		(uint64_t)kind << EVENT_KIND_SHIFT | lap_of(n),
	    memory_order_release);
	atomic_store_explicit(&page->events, n + 1, memory_order_release);
}

static bool
read_mark(const struct conveyor *cv, const struct roster_mark *mark,
    uint8_t lap, struct roster_event *out)
{
	uint64_t head = atomic_load_explicit(&mark->head, memory_order_acquire);
	uint64_t body = atomic_load_explicit(&mark->body, memory_order_acquire);

	if (GET(mark->head) != head || (uint8_t)head != lap)
		return false;
	*out = (struct roster_event){ .at_us = (int64_t)(head >>
							 EVENT_TIME_SHIFT),
		.kind = (uint8_t)(head >> EVENT_KIND_SHIFT),
		.cell = (int64_t)(body >> EVENT_VALUE_BITS) - 1,
		.value = body & ((UINT64_C(1) << EVENT_VALUE_BITS) - 1) };
	if (out->cell >= (int64_t)cv->shape.cells)
		out->cell = -1;
	return out->kind != 0;
}

size_t
roster_events(const struct conveyor *cv, uint8_t id,
    struct roster_event out[ROSTER_EVENTS])
{
	const struct roster_mark *marks = marks_of(cv, id);
	uint64_t end = roster_events_seen(cv, id);
	uint64_t kept = end < ROSTER_EVENTS ? end : ROSTER_EVENTS;
	size_t n = 0;

	if (!cv->keeps_events[id])
		return 0;
	for (uint64_t i = end - kept; i != end; i++)
		n += read_mark(cv, &marks[i % ROSTER_EVENTS], lap_of(i),
		    &out[n]);
	return n;
}

uint64_t
roster_events_seen(const struct conveyor *cv, uint8_t id)
{
	return atomic_load_explicit(&page_of(cv, id)->events,
	    memory_order_acquire);
}
