/*
 * table - what is found by a hash of 64 bits.
 *
 * The nodes live inside their owners.  Several may have one hash: who looks
 * for one of them goes on with table_again().  It grows by itself; without
 * memory for that its chains become longer, so putting in never fails.
 */
#ifndef LIB_BASE_TABLE_H
#define LIB_BASE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

struct table_node {
	struct table_node *chain;
	uint64_t hash;
};

struct table {
	struct table_node **slots;
	size_t mask;
	size_t n;
};

/* 0 or -ENOMEM. */
MUST_USE int table_init(struct table *table);
/* Whoever is in it is not touched, and need not be taken out before.  One of
 * zeros is allowed. */
void table_fini(struct table *table);

/* One of this hash, and another one of the same; NULL: there is none. */
struct table_node *table_find(const struct table *table, uint64_t hash);
struct table_node *table_again(const struct table_node *node);

void table_add(struct table *table, struct table_node *node, uint64_t hash);
void table_remove(struct table *table, struct table_node *node);

/* Each once, in no order: the one after `node`, from NULL to NULL.  Nothing is
 * put in meanwhile; the one before may be taken out. */
struct table_node *table_each(const struct table *table,
    const struct table_node *node);

#endif
