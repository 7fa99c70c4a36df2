#include "lib/base/arena.h"

enum {
	ARENA_FIRST = 256 << 10, /* a chunk; each is twice the one before */
	ARENA_LARGEST = 4 << 20, /* but for a block that needs more */
	ARENA_KEEP = 8 << 20,    /* held from page to page */
};

struct arena_chunk {
	struct arena_chunk *next;
	size_t size; /* with this head */
	char bytes[];
};
static_assert(sizeof(struct arena_chunk) % ARENA_ALIGN == 0,
    "the first block is aligned");

void
arena_init(struct arena *arena, size_t limit)
{
	*arena = (struct arena){ .limit = limit };
}

/* Free all chunks behind `link`. */
static void
arena_drop(struct arena *arena, struct arena_chunk **link)
{
	struct arena_chunk *chunk = *link;

	*link = NULL;
	while (chunk != NULL) {
		struct arena_chunk *next = chunk->next;

		arena->held -= chunk->size;
		ARENA_UNPOISON(chunk, chunk->size);
		free(chunk);
		chunk = next;
	}
}

void
arena_fini(struct arena *arena)
{
	if (arena == NULL)
		return;
	arena_drop(arena, &arena->first);
	arena_init(arena, arena->limit);
}

static void
arena_use(struct arena *arena, struct arena_chunk *chunk)
{
	arena->used = chunk;
	arena->at = chunk->bytes;
	arena->end = (char *)chunk + chunk->size;
	ARENA_POISON(chunk->bytes, chunk->size - sizeof(*chunk));
}

void
arena_reset(struct arena *arena)
{
	struct arena_chunk **link = &arena->first;
	size_t kept = 0;

	/* One large page must not cost its memory for ever. */
	while (*link != NULL && kept + (*link)->size <= ARENA_KEEP) {
		kept += (*link)->size;
		link = &(*link)->next;
	}
	arena_drop(arena, link);
	arena->at = arena->end = NULL;
	arena->used = NULL;
	/* Poison even what the next page will not get to. */
	for (struct arena_chunk *c = arena->first; c != NULL; c = c->next)
		ARENA_POISON(c->bytes, c->size - sizeof(*c));
}

/* A chunk for a block of `size` bytes, linked at `link`. */
static struct arena_chunk *
arena_grow(struct arena *arena, size_t size, struct arena_chunk **link)
{
	size_t want = arena->used ? arena->used->size * 2 : ARENA_FIRST;
	size_t room = arena->limit - arena->held;
	struct arena_chunk *chunk;

	if (want > ARENA_LARGEST)
		want = ARENA_LARGEST;
	if (want > room)
		want = room & ~(size_t)(ARENA_ALIGN - 1);
	if (want < size)
		want = size;
	if (want > room)
		return NULL;
	chunk = malloc(want);
	if (chunk == NULL)
		return NULL;
	*chunk = (struct arena_chunk){ .size = want };
	arena->held += want;
	*link = chunk;
	return chunk;
}

void *
arena_more(struct arena *arena, size_t size)
{
	struct arena_chunk **link;
	struct arena_chunk *chunk;
	size_t need;

	if (size > arena->limit)
		return NULL;
	/* One more step, because arena_alloc() leaves the last one free. */
	need = (size + ARENA_GAP + 2 * ARENA_ALIGN - 1) &
	       ~(size_t)(ARENA_ALIGN - 1);
	need += sizeof(struct arena_chunk);

	link = arena->used ? &arena->used->next : &arena->first;
	chunk = *link;
	if (chunk != NULL && chunk->size < need) {
		/* A kept chunk that is too small for this page's block. */
		arena_drop(arena, link);
		chunk = NULL;
	}
	if (chunk == NULL)
		chunk = arena_grow(arena, need, link);
	if (chunk == NULL)
		return NULL;
	arena_use(arena, chunk);
	return arena_alloc(arena, size);
}
