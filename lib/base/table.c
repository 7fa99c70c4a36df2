#include "lib/base/table.h"

#include <errno.h>

enum {
	TABLE_START = 256 /* slots */
};

int
table_init(struct table *table)
{
	*table = (struct table){ .mask = TABLE_START - 1 };
	table->slots = calloc(TABLE_START, sizeof(struct table_node *));
	return table->slots == NULL ? -ENOMEM : 0;
}

void
table_fini(struct table *table)
{
	free(table->slots);
	*table = (struct table){ .slots = NULL };
}

/* Some hashes are hashes in their upper bits only, so all are mixed. */
static size_t
slot_of(const struct table *table, uint64_t hash)
{
	return (size_t)(hash * UINT64_C(0x9E3779B97F4A7C15) >> 32) &
	       table->mask;
}

static struct table_node *
with_hash(struct table_node *node, uint64_t hash)
{
	while (node != NULL && node->hash != hash)
		node = node->chain;
	return node;
}

struct table_node *
table_find(const struct table *table, uint64_t hash)
{
	return with_hash(table->slots[slot_of(table, hash)], hash);
}

struct table_node *
table_again(const struct table_node *node)
{
	return with_hash(node->chain, node->hash);
}

static void
put(struct table *table, struct table_node *node)
{
	struct table_node **slot = &table->slots[slot_of(table, node->hash)];

	node->chain = *slot;
	*slot = node;
}

static void
grow(struct table *table)
{
	struct table larger = { .mask = table->mask * 2 + 1, .n = table->n };

	larger.slots = calloc(larger.mask + 1, sizeof(struct table_node *));
	if (larger.slots == NULL)
		return;
	for (size_t i = 0; i <= table->mask; i++) {
		struct table_node *node = table->slots[i], *chain;

		for (; node != NULL; node = chain) {
			chain = node->chain;
			put(&larger, node);
		}
	}
	free(table->slots);
	*table = larger;
}

void
table_add(struct table *table, struct table_node *node, uint64_t hash)
{
	if (table->n > table->mask)
		grow(table);
	node->hash = hash;
	put(table, node);
	table->n++;
}

void
table_remove(struct table *table, struct table_node *node)
{
	struct table_node **slot = &table->slots[slot_of(table, node->hash)];

	while (*slot != node)
		slot = &(*slot)->chain;
	*slot = node->chain;
	table->n--;
}

struct table_node *
table_each(const struct table *table, const struct table_node *node)
{
	size_t i = 0;

	if (node != NULL && node->chain != NULL)
		return node->chain;
	if (node != NULL)
		i = slot_of(table, node->hash) + 1;
	for (; table->slots != NULL && i <= table->mask; i++) {
		if (table->slots[i] != NULL)
			return table->slots[i];
	}
	return NULL;
}
