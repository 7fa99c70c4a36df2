#include <errno.h>
#include <stddef.h>
#include <unistd.h>

#include "ipc/conveyor_impl.h"
#include "ipc/roster_impl.h"

enum {
	LAYOUT_PART_MAX = 1 << 20,  /* bytes of a part, per cell */
	LAYOUT_REGION_MAX = 1 << 30 /* of a body, or an output */
};

static bool
part_size_ok(uint32_t size)
{
	return size % 64 == 0 && size <= LAYOUT_PART_MAX;
}

static bool
region_size_ok(uint64_t size)
{
	return size % CONVEYOR_STEP == 0 && size <= LAYOUT_REGION_MAX;
}

static size_t
round_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

/* The next array: begins on a page. */
static size_t
layout_add(struct layout *layout, size_t len)
{
	size_t at = layout->size;

	layout->size = round_up(at + len, layout->page);
	return at;
}

int
layout_make(const struct conveyor_shape *shape, struct layout *out)
{
	size_t n = shape->cells;
	struct layout l = { .page = (size_t)sysconf(_SC_PAGESIZE) };

	if (n == 0 || n > CONVEYOR_CELLS_MAX || shape->queues == 0 ||
	    shape->queues > CONVEYOR_QUEUES ||
	    shape->bound_slots > CONVEYOR_WORKERS ||
	    !part_size_ok(shape->order_size) ||
	    !part_size_ok(shape->capture_size) ||
	    !part_size_ok(shape->inline_size) ||
	    !region_size_ok(shape->body_size) ||
	    !region_size_ok(shape->output_size))
		return -EINVAL;

	l.slots = ring_slots(shape->cells);
	l.ring_stride = round_up(sizeof(struct ring) +
				     l.slots * sizeof(_Atomic uint64_t),
	    RING_LINE);
	l.region_stride = shape->body_size + shape->output_size;

	layout_add(&l, sizeof(struct conveyor_header));
	l.ledger = layout_add(&l, sizeof(struct conveyor_ledger));
	l.roster = layout_add(&l, ROSTER_PAGES * l.page);
	l.words = layout_add(&l, n * sizeof(struct conveyor_word));
	l.rings = layout_add(&l, shape->queues * l.ring_stride);
	l.settle = layout_add(&l, n * sizeof(struct conveyor_settle_line));
	l.committed = layout_add(&l, sizeof(struct conveyor_committed) +
					 n * sizeof(struct conveyor_use));
	l.fetched = layout_add(&l, (n + 63) / 64 * sizeof(uint64_t));
	l.bound = layout_add(&l, shape->bound_slots * sizeof(uint64_t));
	l.parts = l.size;
	l.order = layout_add(&l, n * shape->order_size);
	l.capture = layout_add(&l, n * shape->capture_size);
	l.inlines = layout_add(&l, n * shape->inline_size);
	l.regions = layout_add(&l, n * l.region_stride);
	l.events = layout_add(&l, ROSTER_PAGES * l.page);
	*out = l;
	return 0;
}

static uint64_t
hash_word(uint64_t hash, uint64_t word)
{
	/* FNV-1a, a byte at a time. */
	for (int i = 0; i < 8; i++)
		hash = (hash ^ (word >> 8 * i & 0xff)) * 0x100000001b3;
	return hash;
}

uint64_t
layout_hash(const struct conveyor_shape *shape, const struct layout *layout)
{
	const uint64_t words[] = { LAYOUT_VERSION, shape->version, shape->cells,
		shape->queues, shape->bound_slots, shape->order_size,
		shape->capture_size, shape->inline_size, shape->body_size,
		shape->output_size, layout->page, layout->ledger,
		layout->roster, layout->words, layout->rings, layout->order,
		layout->capture, layout->settle, layout->inlines,
		layout->committed, layout->fetched, layout->bound,
		layout->regions, layout->events, layout->ring_stride,
		layout->region_stride, layout->size, layout->slots,
		sizeof(struct conveyor_header), sizeof(struct conveyor_ledger),
		sizeof(struct roster_page),
		offsetof(struct conveyor_ledger, snapshot),
		offsetof(struct roster_page, counters),
		offsetof(struct roster_page, note_turn), ROSTER_EVENTS };
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		hash = hash_word(hash, words[i]);
	return hash;
}

int
layout_check(const struct segment *segment, struct conveyor_header *header,
    struct layout *layout)
{
	/*
	 * Read, not touched: the pages may not be there yet, and a page that
	 * cannot be had is SIGBUS.  With the magic in place all of the fixed
	 * part is allocated.  Pairs with the last store of conveyor_create().
	 */
	if (pread(segment->fd, header, sizeof(*header), 0) !=
	    (ssize_t)sizeof(*header))
		return -EBADMSG;
	if (header->magic != LAYOUT_MAGIC ||
	    layout_make(&header->shape, layout) < 0 ||
	    header->page_size != layout->page || header->size != layout->size ||
	    segment->size != layout->size ||
	    header->hash != layout_hash(&header->shape, layout))
		return -EBADMSG;
	return 0;
}
