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
	PUT(page_of(cv, cv->me)->current, (uint64_t)cell + 1);
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
