/*
 * Every cell in exactly one place: for tests, and for fsck.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "ipc/conveyor_impl.h"

struct check {
	struct conveyor *cv;
	uint8_t *entries; /* per cell: valid ones, in any ring */
	char *why;
	size_t why_size;
};

PRINTF_LIKE(2, 3)
static int
complain(const struct check *check, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(check->why, check->why_size, fmt, ap);
	va_end(ap);
	return -EBADMSG;
}

static int
check_ring(const struct check *check, uint8_t queue)
{
	const struct conveyor *cv = check->cv;
	uint64_t head = atomic_load(&ring_of(cv, queue)->head);
	uint32_t slots = cv->layout.slots, n = 0, cell;
	uint16_t gen;

	/* A position that was taken, and its head not moved on. */
	if (!ring_entry_at(cv, queue, head, &cell, &gen))
		head++;
	while (n < slots && ring_entry_at(cv, queue, head + n, &cell, &gen)) {
		struct cell_word w;

		n++;
		if (cell >= cv->shape.cells)
			return complain(check, "queue %u: an entry for cell %u",
			    queue, cell);
		w = conveyor_word(cv, cell);
		if (w.state != CELL_HELD && w.queue == queue &&
		    (uint16_t)w.gen == gen && check->entries[cell] < 2)
			check->entries[cell]++;
	}
	/* Behind the last entry nothing may stand. */
	for (uint32_t i = n; i < slots; i++)
		if (ring_entry_at(cv, queue, head + i, &cell, &gen))
			return complain(check,
			    "queue %u: cell %u stands %u behind the tail",
			    queue, cell, i - n);
	if (n > 2 * cv->shape.cells + CONVEYOR_WORKERS)
		return complain(check, "queue %u: %u entries", queue, n);
	return 0;
}

static int
check_cell(const struct check *check, uint32_t cell)
{
	struct cell_word w = conveyor_word(check->cv, cell);

	if (!word_possible(check->cv, w))
		return complain(check, "cell %u: impossible word %016llx", cell,
		    (unsigned long long)cell_pack(w));
	if (w.state == CELL_SENDING)
		return complain(check, "cell %u: on its way, by worker %u",
		    cell, w.owner);
	if (w.state == CELL_QUEUED && check->entries[cell] != 1)
		return complain(check, "cell %u: %u entries in queue %u", cell,
		    check->entries[cell], w.queue);
	return 0;
}

int
conveyor_check(struct conveyor *cv, char *why, size_t why_size)
{
	struct check check = { .cv = cv, .why = why, .why_size = why_size };
	int r = 0;

	check.entries = calloc(cv->shape.cells, 1);
	if (check.entries == NULL)
		return -ENOMEM;
	for (unsigned q = 0; q < cv->shape.queues && r == 0; q++)
		r = check_ring(&check, (uint8_t)q);
	for (uint32_t c = 0; c < cv->shape.cells && r == 0; c++)
		r = check_cell(&check, c);
	free(check.entries);
	return r;
}
