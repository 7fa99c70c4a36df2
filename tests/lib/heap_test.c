#include "lib/frontier/heap.h"

#include <stdbool.h>

#include "tests/harness.h"

enum {
	NODES = 2000
};

START_TEST(heap_gives_in_order_of_time_whatever_is_moved)
{
	static struct heap_node nodes[NODES];
	static bool in[NODES];
	struct heap heap;
	uint64_t random = test_seed();
	uint32_t n = 0;
	int64_t last = INT64_MIN;

	heap_init(&heap);
	ck_assert_int_eq(heap_reserve(&heap, NODES), 0);
	for (int step = 0; step < 50000; step++) {
		unsigned i = (unsigned)(test_random(&random) % NODES);

		if (test_random(&random) % 3 != 0) {
			n += !in[i];
			in[i] = true;
			heap_set(&heap, &nodes[i],
			    (int64_t)(test_random(&random) % 1000));
		} else {
			n -= in[i];
			in[i] = false;
			heap_drop(&heap, &nodes[i]);
		}
		ck_assert_uint_eq(heap.n, n);
	}
	for (int64_t now = -1; now < 1000; now += 100) {
		uint32_t due = 0;

		for (unsigned i = 0; i < NODES; i++)
			due += in[i] && nodes[i].due_ms <= now;
		ck_assert_uint_eq(heap_count_due(&heap, now), due);
	}
	while (heap_first(&heap) != NULL) {
		struct heap_node *node = heap_first(&heap);

		ck_assert_int_ge(node->due_ms, last);
		last = node->due_ms;
		ck_assert(in[node - nodes]);
		in[node - nodes] = false;
		heap_drop(&heap, node);
		ck_assert_uint_eq(node->at, 0);
	}
	for (unsigned i = 0; i < NODES; i++)
		ck_assert(!in[i]);
	heap_fini(&heap);
}
END_TEST

TEST_MAIN("heap", heap_gives_in_order_of_time_whatever_is_moved)
