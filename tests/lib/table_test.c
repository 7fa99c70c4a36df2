#include "lib/base/table.h"

#include "tests/harness.h"

enum {
	OWNERS = 3000,
	HASHES = 1000 /* three owners of each */
};

struct owner {
	char before[7];
	struct table_node node;
	bool in, met;
};

static struct owner owners[OWNERS];

static bool
finds(const struct table *table, const struct owner *owner, uint64_t hash)
{
	struct table_node *node = table_find(table, hash);

	while (node != NULL && OWNER_OF(node, struct owner, node) != owner) {
		ck_assert_uint_eq(node->hash, hash);
		node = table_again(node);
	}
	return node != NULL;
}

/* Hashes that differ in their low bits only, and in their high bits only. */
static uint64_t
hash_of(int i)
{
	uint64_t n = (uint64_t)i % HASHES;

	return n % 2 ? n : n << 54;
}

START_TEST(a_table_has_what_was_put_in_and_not_what_was_taken_out)
{
	uint64_t random = test_seed();
	struct table table;

	ck_assert_int_eq(table_init(&table), 0);
	for (int step = 0; step < 20 * OWNERS; step++) {
		int i = (int)(test_random(&random) % OWNERS);

		ck_assert(
		    finds(&table, &owners[i], hash_of(i)) == owners[i].in);
		if (owners[i].in)
			table_remove(&table, &owners[i].node);
		else
			table_add(&table, &owners[i].node, hash_of(i));
		owners[i].in = !owners[i].in;
	}
	for (int i = 0; i < OWNERS; i++)
		ck_assert(
		    finds(&table, &owners[i], hash_of(i)) == owners[i].in);
	table_fini(&table);
}
END_TEST

START_TEST(each_of_a_table_is_met_once_and_may_be_taken_out)
{
	struct table_node *node, *next;
	struct table table;

	ck_assert_int_eq(table_init(&table), 0);
	ck_assert_ptr_null(table_each(&table, NULL));
	for (int i = 0; i < OWNERS; i++)
		table_add(&table, &owners[i].node, hash_of(i));
	ck_assert_uint_eq(table.n, OWNERS);
	for (node = table_each(&table, NULL); node != NULL; node = next) {
		struct owner *owner = OWNER_OF(node, struct owner, node);

		next = table_each(&table, node);
		ck_assert(!owner->met);
		owner->met = true;
		table_remove(&table, node);
	}
	for (int i = 0; i < OWNERS; i++)
		ck_assert(owners[i].met);
	ck_assert_uint_eq(table.n, 0);
	table_fini(&table);
	/* Of one that never was. */
	ck_assert_ptr_null(table_each(&table, NULL));
	table_fini(&table);
}
END_TEST

TEST_MAIN("table", a_table_has_what_was_put_in_and_not_what_was_taken_out,
    each_of_a_table_is_met_once_and_may_be_taken_out)
