#include <sys/stat.h>

#include "tests/harness.h"
#include "tests/ipc/fixture.h"

enum {
	STEP = CONVEYOR_STEP,
	PLENTY = 1 << 30
};

static size_t
resident(const struct conveyor *cv)
{
	struct stat st;

	ck_assert_int_eq(fstat(cv->segment.fd, &st), 0);
	return (size_t)st.st_blocks * 512;
}

START_TEST(parts_are_allocated_with_their_neighbours_and_once)
{
	struct conveyor *cv = fixture_new(2 * CONVEYOR_CHUNK, NULL);
	size_t none = resident(cv), some;

	ck_assert_int_eq(conveyor_prepare(cv, CONVEYOR_CHUNK), 0);
	some = resident(cv);
	ck_assert_uint_gt(some, none);
	for (uint32_t c = CONVEYOR_CHUNK; c < 2 * CONVEYOR_CHUNK; c++) {
		ck_assert_int_eq(conveyor_prepare(cv, c), 0);
		memset(conveyor_order(cv, c), 'o', cv->shape.order_size);
		memset(conveyor_capture(cv, c), 'c', cv->shape.capture_size);
		memset(conveyor_inline(cv, c), 'i', cv->shape.inline_size);
	}
	/* All that was touched had been there before. */
	ck_assert_uint_eq(resident(cv), some);
	conveyor_detach(cv);
}
END_TEST

START_TEST(parts_without_room_are_an_error_not_a_signal)
{
	struct conveyor_shape shape = fixture_shape(4 * CONVEYOR_CHUNK);
	struct layout layout;
	struct conveyor *cv;
	uint64_t need;
	int r = 0;

	ck_assert_int_eq(layout_make(&shape, &layout), 0);
	if (!test_small_shm(
		layout.parts + 8 * 4096 + (layout.regions - layout.parts) / 2))
		return;
	ck_assert_int_eq(conveyor_create(test_unique_name(), &shape, crawl_id,
			     Q_FREE, &gates, &cv, &need),
	    0);
	for (uint32_t c = 0; c < shape.cells && r == 0; c++) {
		r = conveyor_prepare(cv, c);
		if (r == 0)
			memset(conveyor_order(cv, c), 'o', shape.order_size);
	}
	ck_assert_int_eq(r, -ENOSPC);
	conveyor_detach(cv);
}
END_TEST

START_TEST(region_grows_in_steps_and_is_counted)
{
	struct conveyor *cv = fixture_new(4, NULL);
	size_t fixed = resident(cv);

	ck_assert_uint_eq(fixed, cv->layout.parts);
	ck_assert_uint_eq(conveyor_body_room(cv, 1), 0);
	ck_assert_int_eq(conveyor_grow_body(cv, 1, 0, 0), 0);
	ck_assert_int_eq(conveyor_grow_body(cv, 1, 1, PLENTY), 0);
	ck_assert_uint_eq(conveyor_body_room(cv, 1), STEP);
	ck_assert_int_eq(conveyor_grow_body(cv, 1, STEP + 1, PLENTY), 0);
	ck_assert_uint_eq(conveyor_body_room(cv, 1), 2 * STEP);
	ck_assert_int_eq(conveyor_grow_body(cv, 1, 100, 0), 0); /* is there */
	ck_assert_int_eq(conveyor_grow_output(cv, 1, 2 * STEP, PLENTY), 0);
	ck_assert_uint_eq(conveyor_committed(cv), 4 * STEP);
	ck_assert_uint_eq(resident(cv), fixed + 4 * STEP);
	memset(conveyor_body(cv, 1), 'b', 2 * STEP);
	memset(conveyor_output(cv, 1), 'o', 2 * STEP);
	ck_assert_uint_eq(resident(cv), fixed + 4 * STEP);
	ck_assert_int_eq(conveyor_body(cv, 1)[2 * STEP - 1], 'b');
	/* The neighbours' are their own. */
	ck_assert_uint_eq(conveyor_body_room(cv, 0), 0);
	ck_assert_uint_eq(conveyor_output_room(cv, 2), 0);
	ck_assert_int_eq(conveyor_grow_body(cv, 2, STEP, PLENTY), 0);
	ck_assert_int_eq(conveyor_body(cv, 2)[0], 0);
	conveyor_detach(cv);
}
END_TEST

START_TEST(region_has_an_end)
{
	struct conveyor *cv = fixture_new(4, NULL);

	ck_assert_int_eq(conveyor_grow_body(cv, 0, 4 * STEP + 1, PLENTY),
	    -EMSGSIZE);
	ck_assert_int_eq(conveyor_grow_output(cv, 0, UINT64_MAX, PLENTY),
	    -EMSGSIZE);
	ck_assert_uint_eq(conveyor_committed(cv), 0);
	ck_assert_int_eq(conveyor_grow_body(cv, 0, 4 * STEP, PLENTY), 0);
	conveyor_detach(cv);
}
END_TEST

START_TEST(region_over_budget_is_refused_and_uncounted)
{
	struct conveyor *cv = fixture_new(4, NULL);

	ck_assert_int_eq(conveyor_grow_body(cv, 0, 2 * STEP, 3 * STEP), 0);
	ck_assert_int_eq(conveyor_grow_body(cv, 1, 2 * STEP, 3 * STEP),
	    -ENOSPC);
	ck_assert_uint_eq(conveyor_committed(cv), 2 * STEP);
	ck_assert_uint_eq(conveyor_body_room(cv, 1), 0);
	ck_assert_int_eq(conveyor_grow_body(cv, 1, STEP, 3 * STEP), 0);
	ck_assert_int_eq(conveyor_grow_body(cv, 2, 1, 3 * STEP), -ENOSPC);
	/* Nobody's budget is a huge number. */
	ck_assert_int_eq(conveyor_grow_output(cv, 2, 1, UINT64_MAX), 0);
	conveyor_detach(cv);
}
END_TEST

START_TEST(region_shrinks_to_what_is_kept)
{
	struct conveyor *cv = fixture_new(4, NULL);
	size_t fixed = resident(cv);

	ck_assert_int_eq(conveyor_grow_body(cv, 3, 4 * STEP, PLENTY), 0);
	ck_assert_int_eq(conveyor_grow_output(cv, 3, STEP, PLENTY), 0);
	memset(conveyor_body(cv, 3), 'x', 4 * STEP);
	conveyor_shrink(cv, 3, STEP - 5); /* kept in whole steps */
	ck_assert_uint_eq(conveyor_body_room(cv, 3), STEP);
	ck_assert_uint_eq(conveyor_output_room(cv, 3), STEP);
	ck_assert_uint_eq(conveyor_committed(cv), 2 * STEP);
	ck_assert_uint_eq(resident(cv), fixed + 2 * STEP);
	conveyor_shrink(cv, 3, 0);
	ck_assert_uint_eq(conveyor_committed(cv), 0);
	ck_assert_uint_eq(resident(cv), fixed);
	ck_assert_int_eq(conveyor_grow_body(cv, 3, 1, PLENTY), 0);
	ck_assert_int_eq(conveyor_body(cv, 3)[0], 0);
	conveyor_detach(cv);
}
END_TEST

START_TEST(region_after_a_kill_counts_too_much_and_offers_too_little)
{
	struct conveyor *cv = fixture_new(4, NULL);
	struct conveyor_use *use = &committed_of(cv)->use[1];
	size_t fixed = resident(cv);

	/* Counted and not allocated. */
	committed_of(cv)->total = 2 * STEP;
	use->body.claimed = 2 * STEP;
	ck_assert_uint_eq(conveyor_body_room(cv, 1), 0);
	ck_assert_int_eq(conveyor_grow_body(cv, 1, 2 * STEP, 2 * STEP), 0);
	ck_assert_uint_eq(conveyor_committed(cv), 2 * STEP);
	ck_assert_uint_eq(resident(cv), fixed + 2 * STEP);
	/* Added to the sum, and not to the cell's: until the recount. */
	committed_of(cv)->total += 7 * STEP;
	conveyor_recount(cv);
	ck_assert_uint_eq(conveyor_committed(cv), 2 * STEP);
	/* Shrinking, before the pages went back. */
	use->body.ready = 0;
	conveyor_shrink(cv, 1, 0);
	ck_assert_uint_eq(resident(cv), fixed);
	ck_assert_uint_eq(conveyor_committed(cv), 0);
	/* A scribble is bounded by the region. */
	use->body.ready = UINT64_MAX;
	use->output.claimed = UINT64_MAX;
	ck_assert_uint_eq(conveyor_body_room(cv, 1), 4 * STEP);
	conveyor_recount(cv);
	ck_assert_uint_eq(conveyor_committed(cv), 2 * STEP);
	conveyor_detach(cv);
}
END_TEST

START_TEST(conveyor_that_does_not_fit_says_how_much_it_needs)
{
	struct conveyor_shape shape = fixture_shape(4);
	const char *name = test_unique_name();
	struct conveyor *cv;
	uint64_t need = 0;

	if (!test_small_shm(1 << 20))
		return;
	ck_assert_int_eq(conveyor_create(name, &shape, crawl_id, Q_FREE, &gates,
			     &cv, &need),
	    -ENOSPC);
	ck_assert_uint_gt(need, 1 << 20);
	ck_assert_uint_lt(need, 2 << 20);
	/* Nothing is left behind. */
	ck_assert_uint_eq(segment_space(), 1 << 20);
	ck_assert_int_eq(conveyor_watch(name, &cv), -ENOENT);
}
END_TEST

START_TEST(region_on_a_full_tmpfs_is_an_error_and_no_signal)
{
	struct conveyor_shape shape = fixture_shape(8);
	struct layout layout;
	struct conveyor *cv;
	uint64_t need;
	int r = 0;

	ck_assert_int_eq(layout_make(&shape, &layout), 0);
	/* Room for the fixed part, a page per semaphore, five steps. */
	if (!test_small_shm(layout.parts + 8 * 4096 + 5 * STEP))
		return;
	ck_assert_int_eq(conveyor_create(test_unique_name(), &shape, crawl_id,
			     Q_FREE, &gates, &cv, &need),
	    0);
	for (uint32_t c = 0; c < 8; c++) {
		r = conveyor_grow_body(cv, c, 2 * STEP, PLENTY);
		memset(conveyor_body(cv, c), 'x', conveyor_body_room(cv, c));
		if (r < 0)
			break;
	}
	ck_assert_int_eq(r, -ENOSPC);
	/* What was refused is not counted, and its half was given back. */
	ck_assert_uint_eq(conveyor_committed(cv), 4 * STEP);
	ck_assert_uint_eq(resident(cv), layout.parts + 4 * STEP);
	ck_assert_int_eq(conveyor_grow_output(cv, 7, STEP, PLENTY), 0);
	ck_assert_int_eq(conveyor_grow_output(cv, 7, 2 * STEP, PLENTY),
	    -ENOSPC);
	ck_assert_uint_eq(conveyor_output_room(cv, 7), STEP);
	/* Everything else goes on. */
	push(cv, Q_PAGES, pop(cv, Q_FREE));
	conveyor_shrink(cv, 0, 0);
	ck_assert_int_eq(conveyor_grow_output(cv, 7, 2 * STEP, PLENTY), 0);
	ck_sound(cv);
	conveyor_detach(cv);
}
END_TEST

TEST_MAIN("region", parts_are_allocated_with_their_neighbours_and_once,
    parts_without_room_are_an_error_not_a_signal,
    region_grows_in_steps_and_is_counted, region_has_an_end,
    region_over_budget_is_refused_and_uncounted, region_shrinks_to_what_is_kept,
    region_after_a_kill_counts_too_much_and_offers_too_little,
    conveyor_that_does_not_fit_says_how_much_it_needs,
    region_on_a_full_tmpfs_is_an_error_and_no_signal)
