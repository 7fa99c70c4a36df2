#include "lib/frontier/heap.h"

#include <errno.h>

enum {
	WAYS = 4
};

void
heap_init(struct heap *heap)
{
	*heap = (struct heap){ .nodes = NULL };
}

void
heap_fini(struct heap *heap)
{
	if (heap == NULL)
		return;
	free(heap->nodes);
	*heap = (struct heap){ .nodes = NULL };
}

static uint32_t
parent(uint32_t at)
{
	return (at - 2) / WAYS + 1;
}

/* Of four; 64 bits wide: the last ones of a huge heap would wrap. */
static uint64_t
first_child(uint32_t at)
{
	return (uint64_t)(at - 1) * WAYS + 2;
}

static void
place(struct heap *heap, struct heap_node *node, uint32_t at)
{
	heap->nodes[at] = node;
	node->at = at;
}

static void
rise(struct heap *heap, struct heap_node *node)
{
	uint32_t at = node->at;

	while (at > 1 && heap->nodes[parent(at)]->due_ms > node->due_ms) {
		place(heap, heap->nodes[parent(at)], at);
		at = parent(at);
	}
	place(heap, node, at);
}

static void
sink(struct heap *heap, struct heap_node *node)
{
	uint32_t at = node->at;

	for (;;) {
		uint64_t child = first_child(at), end = child + WAYS, least;

		if (child > heap->n)
			break;
		if (end > (uint64_t)heap->n + 1)
			end = (uint64_t)heap->n + 1;
		least = child;
		while (++child < end) {
			if (heap->nodes[child]->due_ms <
			    heap->nodes[least]->due_ms)
				least = child;
		}
		if (heap->nodes[least]->due_ms >= node->due_ms)
			break;
		place(heap, heap->nodes[least], at);
		at = (uint32_t)least;
	}
	place(heap, node, at);
}

int
heap_reserve(struct heap *heap, size_t n)
{
	size_t room = heap->room ? heap->room : 64;
	struct heap_node **nodes;

	if (n < heap->room)
		return 0;
	while (room <= n)
		room *= 2;
	if (room > UINT32_MAX)
		return -ENOMEM;
	nodes = realloc(heap->nodes, room * sizeof(*nodes));
	if (nodes == NULL)
		return -ENOMEM;
	heap->nodes = nodes;
	heap->room = (uint32_t)room;
	return 0;
}

void
heap_set(struct heap *heap, struct heap_node *node, int64_t due_ms)
{
	if (node->at == 0) {
		must(heap->n + 1 < heap->room);
		place(heap, node, ++heap->n);
	}
	node->due_ms = due_ms;
	rise(heap, node);
	sink(heap, node);
}

void
heap_drop(struct heap *heap, struct heap_node *node)
{
	struct heap_node *last;

	if (node->at == 0)
		return;
	last = heap->nodes[heap->n--];
	if (last != node) {
		place(heap, last, node->at);
		rise(heap, last);
		sink(heap, last);
	}
	node->at = 0;
}

static uint32_t
count_due(const struct heap *heap, uint64_t at, int64_t now_ms)
{
	uint32_t n = 1;

	if (at > heap->n || heap->nodes[at]->due_ms > now_ms)
		return 0;
	for (uint64_t i = 0; i < WAYS; i++)
		n += count_due(heap, first_child((uint32_t)at) + i, now_ms);
	return n;
}

uint32_t
heap_count_due(const struct heap *heap, int64_t now_ms)
{
	return count_due(heap, 1, now_ms);
}
