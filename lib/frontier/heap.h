/*
 * heap - what is due first.
 *
 * A 4-ary heap of nodes that live inside their owners; a node knows where it
 * is, so it can be moved or taken out at any time.
 */
#ifndef LIB_FRONTIER_HEAP_H
#define LIB_FRONTIER_HEAP_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

struct heap_node {
	int64_t due_ms;
	uint32_t at; /* place in the heap, from 1; 0: not in it */
};

struct heap {
	struct heap_node **nodes; /* [0] is not used */
	uint32_t n;
	uint32_t room;
};

void heap_init(struct heap *heap);
void heap_fini(struct heap *heap);

/* Room for `n` nodes, so that putting them in cannot fail.  0 or -ENOMEM. */
MUST_USE int heap_reserve(struct heap *heap, size_t n);

/* Put in, or move to another time.  Room was reserved. */
void heap_set(struct heap *heap, struct heap_node *node, int64_t due_ms);
/* Nothing happens when it is not in it. */
void heap_drop(struct heap *heap, struct heap_node *node);

/* The one due first; NULL: empty. */
static inline struct heap_node *
heap_first(const struct heap *heap)
{
	return heap->n > 0 ? heap->nodes[1] : NULL;
}

/* How many are due at `now_ms`: looks at those and their neighbours only. */
uint32_t heap_count_due(const struct heap *heap, int64_t now_ms);

#endif
