/*
 * How a view of the segment begins and ends.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "ipc/gate_impl.h"
#include "ipc/roster_impl.h"

static_assert(sizeof(struct conveyor_shape) == 6 * 4 + 3 * 8,
    "compared byte by byte: no padding");

static int
name_check(const char *name)
{
	if (name[0] != '/' || name[1] == '\0' || strchr(name + 1, '/') != NULL)
		return -EINVAL;
	return strlen(name) > LAYOUT_NAME_MAX ? -ENAMETOOLONG : 0;
}

/* A queue's gate sleeps at itself: no chains. */
static int
gates_check(const struct conveyor_gates *gates, uint32_t queues)
{
	for (uint32_t q = 0; q < queues; q++)
		if (gates->at[q] >= queues ||
		    gates->at[gates->at[q]] != gates->at[q])
			return -EINVAL;
	return 0;
}

/* Takes the segment over, with success and without. */
static int
view_new(struct segment *segment, const char *name,
    const struct conveyor_shape *shape, const struct layout *layout,
    const struct conveyor_gates *gates, struct conveyor **out)
{
	struct conveyor *cv = calloc(1, sizeof(*cv));

	if (cv == NULL) {
		segment_detach(segment);
		return -ENOMEM;
	}
	cv->segment = *segment;
	*segment = SEGMENT_NONE;
	if (name != NULL)
		memcpy(cv->name, name, strlen(name) + 1);
	cv->shape = *shape;
	cv->layout = *layout;
	if (gates != NULL)
		cv->gates = *gates;
	cv->belt_ms = GATE_BELT_MS;
	cv->slot_mask = layout->slots - 1;
	cv->slot_shift = (unsigned)__builtin_ctz(layout->slots);
	*out = cv;
	return 0;
}

void
conveyor_detach(struct conveyor *cv)
{
	if (cv == NULL)
		return;
	if (!cv->borrowed) {
		gates_close(cv);
		segment_detach(&cv->segment);
	}
	free(cv);
}

void
conveyor_unlink(const char *name)
{
	if (name_check(name) < 0)
		return;
	(void)!segment_unlink(name);
	gates_unlink(name);
}

/* Every cell into `free_queue`; nobody else has seen the segment yet. */
static int
fill(struct conveyor *cv, uint8_t free_queue)
{
	int r = 0;

	for (uint32_t c = 0; c < cv->shape.cells && r == 0; c++) {
		struct cell_word w = { .gen = 1,
			.queue = free_queue,
			.state = CELL_QUEUED };

		atomic_store_explicit(word_of(cv, c), cell_pack(w),
		    memory_order_relaxed);
		r = ring_insert(cv, free_queue, c, w.gen);
	}
	return r;
}

int
conveyor_create(const char *name, const struct conveyor_shape *shape,
    const uint8_t crawl_id[16], uint8_t free_queue,
    const struct conveyor_gates *gates, struct conveyor **out, uint64_t *need)
{
	struct segment segment = SEGMENT_NONE;
	struct conveyor_header *header;
	struct conveyor *cv = NULL;
	struct layout layout;
	int r;

	r = name_check(name);
	if (r == 0)
		r = layout_make(shape, &layout);
	if (r == 0)
		r = gates_check(gates, shape->queues);
	if (r == 0 && free_queue >= shape->queues)
		r = -EINVAL;
	if (r < 0)
		return r;
	r = segment_create(name, layout.size, &segment);
	if (r < 0)
		return r; /* not ours: another may be using that name */
	r = segment_grow(&segment, 0, layout.parts);
	if (r == -ENOSPC)
		*need = layout.parts;
	if (r == 0)
		r = view_new(&segment, name, shape, &layout, gates, &cv);
	if (r < 0)
		goto done;

	header = header_of(cv);
	header->hash = layout_hash(shape, &layout);
	header->page_size = layout.page;
	header->size = layout.size;
	memcpy(header->crawl_id, crawl_id, sizeof(header->crawl_id));
	header->shape = *shape;
	atomic_store(&header->epoch, 1);
	r = gates_open(cv);
	if (r == 0)
		r = fill(cv, free_queue);
	if (r < 0)
		goto done;
	/* From here on it is a conveyor.  Pairs with layout_check(). */
	atomic_store_explicit(&header->magic, LAYOUT_MAGIC,
	    memory_order_release);
	*out = cv;
	cv = NULL;
done:
	if (r < 0)
		conveyor_unlink(name);
	segment_detach(&segment);
	conveyor_detach(cv);
	return r;
}

/* Whether the segment is one of this shape and of this crawl. */
static int
is_of(const struct segment *segment, const struct conveyor_shape *shape,
    const uint8_t crawl_id[16], struct layout *layout)
{
	struct conveyor_header header;
	int r = layout_check(segment, &header, layout);

	if (r == 0 && (memcmp(&header.shape, shape, sizeof(*shape)) != 0 ||
			  memcmp(header.crawl_id, crawl_id,
			      sizeof(header.crawl_id)) != 0))
		r = -EBADMSG;
	return r;
}

int
conveyor_attach(const char *name, const struct conveyor_shape *shape,
    const uint8_t crawl_id[16], const struct conveyor_gates *gates,
    const struct conveyor_routes *routes, uint8_t ordered_queue,
    struct conveyor **out)
{
	struct segment segment = SEGMENT_NONE;
	struct conveyor *cv = NULL;
	struct layout layout;
	int r;

	r = name_check(name);
	if (r == 0)
		r = gates_check(gates, shape->queues);
	if (r == 0)
		r = segment_attach(name, &segment);
	if (r < 0)
		return r;
	r = is_of(&segment, shape, crawl_id, &layout);
	if (r == 0)
		r = view_new(&segment, name, shape, &layout, gates, &cv);
	/* Words first: what is not usable is left as it was found. */
	if (r == 0)
		r = conveyor_rebuild(cv, routes, ordered_queue);
	if (r == 0) {
		atomic_fetch_add(&header_of(cv)->epoch, 1);
		r = gates_open(cv);
	}
	if (r == 0) {
		*out = cv;
		cv = NULL;
	}
	segment_detach(&segment);
	conveyor_detach(cv);
	return r;
}

int
conveyor_join(const char *name, const struct conveyor_shape *shape,
    const uint8_t crawl_id[16], const struct conveyor_gates *gates,
    struct conveyor **out)
{
	struct segment segment = SEGMENT_NONE;
	struct layout layout;
	struct conveyor *cv = NULL;
	int r;

	r = name_check(name);
	if (r == 0)
		r = gates_check(gates, shape->queues);
	if (r == 0)
		r = segment_attach(name, &segment);
	if (r < 0)
		return r;
	r = is_of(&segment, shape, crawl_id, &layout);
	if (r == 0)
		r = view_new(&segment, name, shape, &layout, gates, &cv);
	if (r == 0)
		r = gates_join(cv);
	if (r == 0) {
		*out = cv;
		cv = NULL;
	}
	segment_detach(&segment);
	conveyor_detach(cv);
	return r;
}

int
conveyor_watch(const char *name, struct conveyor **out)
{
	struct segment segment = SEGMENT_NONE;
	struct conveyor_header header;
	struct layout layout;
	int r;

	r = name_check(name);
	if (r == 0)
		r = segment_watch(name, &segment);
	if (r < 0)
		return r;
	r = layout_check(&segment, &header, &layout);
	if (r == 0)
		r = view_new(&segment, name, &header.shape, &layout, NULL, out);
	segment_detach(&segment);
	return r;
}

int
conveyor_protect(struct conveyor *cv, unsigned writes)
{
	const struct layout *l = &cv->layout;
	const size_t own = l->roster + cv->me * l->page;
	const size_t events = l->events + cv->me * l->page;
	/* Each begins on a page; the supervisor's are nobody else's. */
	const struct {
		unsigned part;
		size_t from, to;
	} arrays[] = {
		{ 0, 0, l->ledger },
		{ CONVEYOR_LEDGER, l->ledger, l->roster },
		{ 0, l->roster, own },
		{ 0, own + l->page, l->words },
		{ CONVEYOR_ORDER, l->order, l->capture },
		{ CONVEYOR_CAPTURE, l->capture, l->inlines },
		{ CONVEYOR_SETTLE, l->settle, l->committed },
		{ CONVEYOR_INLINE, l->inlines, l->regions },
		{ CONVEYOR_FETCHED, l->fetched, l->bound },
		{ 0, l->bound, l->parts },
		{ 0, l->events, events },
		{ 0, events + l->page, l->size },
	};

	for (size_t i = 0; i < ARRAY_LEN(arrays); i++)
		if ((writes & arrays[i].part) == 0 &&
		    mprotect(conveyor_at(cv, arrays[i].from),
			arrays[i].to - arrays[i].from, PROT_READ) < 0)
			return -errno;
	return 0;
}

int
conveyor_clone(const struct conveyor *cv, uint8_t me, struct conveyor **out)
{
	struct conveyor *clone = malloc(sizeof(*clone));

	if (clone == NULL)
		return -ENOMEM;
	*clone = *cv;
	clone->borrowed = true;
	clone->me = me;
	*out = clone;
	return 0;
}

int
conveyor_over(const struct conveyor *like, void *base,
    sem_t *const sems[CONVEYOR_QUEUES], struct conveyor **out)
{
	int r = conveyor_clone(like, 0, out);

	if (r < 0)
		return r;
	(*out)->segment = (struct segment){ .fd = -1,
		.base = base,
		.size = like->layout.regions };
	memcpy((*out)->sems, sems, sizeof((*out)->sems));
	return 0;
}
