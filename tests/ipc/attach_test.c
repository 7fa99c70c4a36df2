#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "tests/ipc/fixture.h"

START_TEST(attach_puts_every_cell_where_its_word_says)
{
	const char *name;
	struct conveyor *cv = fixture_new(32, &name), *again;
	struct conveyor *a = worker(cv, 1), *b = worker(cv, 200);
	uint32_t held[Q_COUNT], queued[Q_COUNT], sent, drained, left;
	struct cell_word w;

	for (uint8_t q = 0; q < Q_COUNT; q++) {
		held[q] = hold_from(q % 2 ? a : b, q);
		queued[q] = hold_from(a, q);
		conveyor_set_attempts(a, queued[q], 2);
	}
	/* A parser killed in a push; a supervisor killed in a drain. */
	sent = hold_from(a, Q_PAGES);
	w = conveyor_word(cv, sent);
	w.gen++, w.state = CELL_SENDING, w.queue = Q_RECORDS;
	atomic_store(word_of(cv, sent), cell_pack(w));
	drained = hold_from(cv, Q_ORDERS);
	for (uint8_t q = 0; q < Q_COUNT; q++)
		push(a, q, queued[q]);
	left = conveyor_length(cv, Q_FREE);
	conveyor_detach(a);
	conveyor_detach(b);
	conveyor_detach(cv);

	ck_assert_int_eq(fixture_attach(name, 32, &again), 0);
	ck_sound(again);
	for (uint8_t q = 0; q < Q_COUNT; q++) {
		ck_word(again, held[q], CELL_QUEUED, routes.queue[q].target, 0);
		ck_assert_uint_eq(conveyor_word(again, held[q]).attempts, 0);
		ck_word(again, queued[q], CELL_QUEUED, q, 0);
		ck_assert_uint_eq(conveyor_word(again, queued[q]).attempts, 2);
	}
	ck_word(again, sent, CELL_QUEUED, Q_RECORDS, 0);
	ck_word(again, drained, CELL_QUEUED, Q_SETTLED, 0);
	/* No stale entries, and none missing. */
	ck_assert_uint_ge(conveyor_length(again, Q_FREE), left);
	for (uint8_t q = 0; q < Q_COUNT; q++) {
		uint32_t cells[32], n = conveyor_length(again, q);

		ck_assert_int_eq(conveyor_pop_many(again, q, cells, 32), n);
	}
	conveyor_detach(again);
}
END_TEST

START_TEST(attach_orders_the_settled_by_seq)
{
	/* clang-format off */
	static const uint64_t seqs[] = { 9, 0, 7, UINT64_MAX, 8, 0, 1u << 31 };
	static const uint64_t sorted[] = { 0, 0, 7, 8, 9, 1u << 31,
		UINT64_MAX };
	/* clang-format on */
	const char *name;
	struct conveyor *cv = fixture_new(16, &name), *again;

	for (size_t i = 0; i < ARRAY_LEN(seqs); i++) {
		uint32_t cell = pop(cv, Q_FREE);

		atomic_store(&conveyor_settle(cv, cell)->seq, seqs[i]);
		push(cv, Q_SETTLED, cell);
	}
	pop(cv, Q_SETTLED); /* one of them in the dead scheduler's hand */
	conveyor_detach(cv);
	ck_assert_int_eq(fixture_attach(name, 16, &again), 0);
	for (size_t i = 0; i < ARRAY_LEN(sorted); i++)
		ck_assert_uint_eq(conveyor_settle(again, pop(again, Q_SETTLED))
				      ->seq,
		    sorted[i]);
	ck_empty(again, Q_SETTLED);
	conveyor_detach(again);
}
END_TEST

START_TEST(attach_begins_with_nobody)
{
	const char *name;
	struct conveyor *cv = fixture_new(8, &name), *again;
	struct conveyor *a = worker(cv, 9);
	struct roster_entry entry = { .pid = 1234, .role = 2 };
	uint64_t seq, end, value;
	struct stat st;
	char *old = NULL, *new = NULL;

	roster_assign(cv, 9, &entry);
	roster_set_current(a, 3);
	gate_enter(a, Q_PAGES);
	conveyor_bind(cv, 1, true);
	conveyor_publish_out(cv, 5, 50);
	conveyor_publish_snapshot(cv, (uint64_t[]){ 77 }, 1);
	conveyor_mark_fetched(cv, 6);
	sem_post(cv->sems[Q_PAGES]);
	conveyor_detach(a);
	conveyor_detach(cv);

	ck_assert_int_eq(fixture_attach(name, 8, &again), 0);
	roster_read(again, 9, &entry);
	ck_assert_int_eq(entry.pid, 0);
	ck_assert_int_eq(roster_current(again, 9), -1);
	ck_assert_uint_eq(ring_of(again, Q_PAGES)->waiters[0], 0);
	ck_assert(!conveyor_bound(again, 1));
	ck_assert(!conveyor_read_out(again, &seq, &end));
	ck_assert_int_eq(credit(again, Q_PAGES), 0);
	/* What status last saw stays until there is something newer. */
	conveyor_snapshot(again, &value, 1);
	ck_assert_uint_eq(value, 77);
	ck_assert_uint_eq(header_of(again)->epoch, 2);
	ck_assert(asprintf(&old, "/dev/shm/sem.%s.2.1", name + 1) > 0);
	ck_assert(asprintf(&new, "/dev/shm/sem.%s.2.2", name + 1) > 0);
	ck_assert_int_lt(stat(old, &st), 0);
	ck_assert_int_eq(stat(new, &st), 0);
	free(old);
	free(new);
	conveyor_detach(again);
}
END_TEST

START_TEST(attach_refuses_another_layout)
{
	const char *name;
	struct conveyor *cv = fixture_new(8, &name), *again = NULL;
	struct conveyor_shape shape = fixture_shape(8);
	uint8_t other_id[16] = "another crawl";
	int fd;

	ck_assert_int_eq(conveyor_attach("/mpct.none", &shape, crawl_id, &gates,
			     &routes, Q_SETTLED, &again),
	    -ENOENT);
	ck_assert_int_eq(conveyor_attach(name, &shape, other_id, &gates,
			     &routes, Q_SETTLED, &again),
	    -EBADMSG);
	shape.version++;
	ck_assert_int_eq(conveyor_attach(name, &shape, crawl_id, &gates,
			     &routes, Q_SETTLED, &again),
	    -EBADMSG);
	shape = fixture_shape(9);
	ck_assert_int_eq(conveyor_attach(name, &shape, crawl_id, &gates,
			     &routes, Q_SETTLED, &again),
	    -EBADMSG);
	header_of(cv)->hash ^= 1;
	ck_assert_int_eq(fixture_attach(name, 8, &again), -EBADMSG);
	ck_assert_int_eq(conveyor_watch(name, &again), -EBADMSG);
	header_of(cv)->hash ^= 1;
	/* A header that lies about how much there is. */
	header_of(cv)->shape.cells = 1 << 16;
	ck_assert_int_eq(conveyor_watch(name, &again), -EBADMSG);
	header_of(cv)->shape.cells = 8;
	/* One that its creator did not live to finish. */
	header_of(cv)->magic = 0;
	ck_assert_int_eq(fixture_attach(name, 8, &again), -EBADMSG);
	header_of(cv)->magic = LAYOUT_MAGIC;
	fd = shm_open(name, O_RDWR, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)cv->layout.size - 4096), 0);
	ck_assert_int_eq(fixture_attach(name, 8, &again), -EBADMSG);
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	ck_assert_int_eq(fixture_attach(name, 8, &again), -EBADMSG);
	close(fd);
	conveyor_detach(cv);
	/* And then it goes, and a new one can be made. */
	conveyor_unlink(name);
	ck_assert_int_eq(fixture_attach(name, 8, &again), -ENOENT);
}
END_TEST

START_TEST(create_refuses_what_cannot_be)
{
	const struct conveyor_shape good = fixture_shape(8);
	struct conveyor_shape bad[10];
	struct conveyor_gates chain = { { 1, 2, 2 } };
	struct conveyor *cv;
	const char *name;
	uint64_t need;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		bad[i] = good;
	bad[0].cells = 0;
	bad[1].cells = CONVEYOR_CELLS_MAX + 1;
	bad[2].queues = 0;
	bad[3].queues = CONVEYOR_QUEUES + 1;
	bad[4].order_size = 65;
	bad[5].inline_size = 2u << 20;
	bad[6].body_size = 4096;
	bad[7].output_size = UINT64_MAX;
	bad[8].bound_slots = 256;
	bad[9].capture_size = UINT32_MAX;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_int_eq(conveyor_create(test_unique_name(), &bad[i],
				     crawl_id, Q_FREE, &gates, &cv, &need),
		    -EINVAL);
	ck_assert_int_eq(conveyor_create(test_unique_name(), &good, crawl_id,
			     Q_FREE, &chain, &cv, &need),
	    -EINVAL);
	ck_assert_int_eq(conveyor_create(test_unique_name(), &good, crawl_id,
			     Q_COUNT, &gates, &cv, &need),
	    -EINVAL);
	ck_assert_int_eq(conveyor_create("no slash", &good, crawl_id, Q_FREE,
			     &gates, &cv, &need),
	    -EINVAL);
	cv = fixture_new(8, &name);
	ck_assert_int_eq(conveyor_create(name, &good, crawl_id, Q_FREE, &gates,
			     &cv, &need),
	    -EEXIST);
	/* The one that was there is unharmed by the attempt. */
	ck_sound(cv);
	conveyor_detach(cv);
	ck_assert_int_eq(fixture_attach(name, 8, &cv), 0);
	conveyor_detach(cv);
}
END_TEST

START_TEST(attach_works_in_the_largest_shape)
{
	const char *name = test_unique_name();
	struct conveyor_shape shape = fixture_shape(CONVEYOR_CELLS_MAX);
	struct conveyor *cv;
	uint64_t need;

	ck_assert_int_eq(conveyor_create(name, &shape, crawl_id, Q_FREE, &gates,
			     &cv, &need),
	    0);
	ck_assert_uint_eq(conveyor_length(cv, Q_FREE), CONVEYOR_CELLS_MAX);
	for (uint32_t i = 0; i < CONVEYOR_CELLS_MAX; i++)
		push(cv, Q_PAGES, pop(cv, Q_FREE));
	ck_sound(cv);
	conveyor_detach(cv);
	ck_assert_int_eq(conveyor_attach(name, &shape, crawl_id, &gates,
			     &routes, Q_SETTLED, &cv),
	    0);
	ck_sound(cv);
	ck_assert_uint_eq(conveyor_length(cv, Q_PAGES), CONVEYOR_CELLS_MAX);
	conveyor_unlink(name);
	conveyor_detach(cv);
}
END_TEST

START_TEST(who_joins_works_with_those_who_are_there)
{
	const char *name;
	struct conveyor_shape shape = fixture_shape(4), other;
	struct conveyor *cv = fixture_new(4, &name), *joined = NULL;
	uint8_t others_id[16] = { 1 };
	uint32_t cell;

	ck_assert_int_eq(conveyor_join(name, &shape, crawl_id, &gates, &joined),
	    0);
	conveyor_become(joined, 5);
	cell = hold_from(cv, Q_PAGES);
	/* One place to sleep, not two of the same name. */
	gate_enter(joined, Q_PAGES);
	push(cv, Q_PAGES, cell);
	ck_assert_int_eq(credit(joined, Q_PAGES), 1);
	gate_leave(joined, Q_PAGES);
	ck_assert_uint_eq(pop(joined, Q_PAGES), cell);
	ck_word(cv, cell, CELL_HELD, Q_PAGES, 5);
	conveyor_detach(joined);

	other = shape;
	other.inline_size += 64;
	ck_assert_int_eq(conveyor_join(name, &other, crawl_id, &gates, &joined),
	    -EBADMSG);
	ck_assert_int_eq(conveyor_join(name, &shape, others_id, &gates,
			     &joined),
	    -EBADMSG);
	conveyor_unlink(name);
	ck_assert_int_eq(conveyor_join(name, &shape, crawl_id, &gates, &joined),
	    -ENOENT);
	conveyor_detach(cv);
}
END_TEST

TEST_MAIN("attach", attach_puts_every_cell_where_its_word_says,
    attach_orders_the_settled_by_seq, attach_begins_with_nobody,
    attach_refuses_another_layout, create_refuses_what_cannot_be,
    attach_works_in_the_largest_shape, who_joins_works_with_those_who_are_there)
