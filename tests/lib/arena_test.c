#include "lib/base/arena.h"

#include "tests/harness.h"

START_TEST(arena_blocks_do_not_overlap_and_are_aligned)
{
	struct arena arena;
	uint64_t state = test_seed();
	struct {
		unsigned char *ptr;
		size_t len;
	} blocks[2000];

	arena_init(&arena, 64 << 20);
	for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
		size_t len = test_random(&state) % 3000;

		if (i % 500 == 7)
			len += 700000; /* more than a first chunk */
		blocks[i].ptr = arena_alloc(&arena, len);
		blocks[i].len = len;
		ck_assert_ptr_nonnull(blocks[i].ptr);
		ck_assert_uint_eq((uintptr_t)blocks[i].ptr % ARENA_ALIGN, 0);
		memset(blocks[i].ptr, (int)(i & 0xFF), len);
	}
	for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
		bool whole = true;

		for (size_t j = 0; j < blocks[i].len; j++)
			whole &= blocks[i].ptr[j] == (i & 0xFF);
		ck_assert_msg(whole, "block %zu", i);
	}
	arena_fini(&arena);
	arena_fini(&arena);
	arena_fini(NULL);
}
END_TEST

START_TEST(arena_never_holds_more_than_its_limit)
{
	static const size_t limits[] = { 0, 1, 40, 1000, 300000, 5000001 };

	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		struct arena arena;
		size_t taken = 0;

		arena_init(&arena, limits[i]);
		for (int page = 0; page < 3; page++) {
			size_t most = 0;

			taken = 0;
			while (arena_alloc(&arena, 100) != NULL) {
				taken += 100;
				most = arena.held > most ? arena.held : most;
			}
			ck_assert_uint_le(most, limits[i]);
			/* Refused, and not broken: asking again is refused. */
			ck_assert_ptr_null(arena_alloc(&arena, 100));
			arena_reset(&arena);
		}
		ck_assert_uint_le(taken, limits[i]);
		/* Most of a limit that is worth having can be used. */
		if (limits[i] > 100000)
			ck_assert_uint_ge(taken, limits[i] / 10 * 8);
		ck_assert_ptr_null(arena_alloc(&arena, (size_t)-1));
		ck_assert_ptr_null(arena_alloc(&arena, (size_t)-9));
		ck_assert_ptr_null(arena_alloc(&arena, limits[i]));
		arena_fini(&arena);
	}
}
END_TEST

START_TEST(arena_uses_its_memory_again)
{
	struct arena arena;
	void *first;
	size_t held;

	arena_init(&arena, 64 << 20);
	first = arena_alloc(&arena, 1000);
	for (int i = 0; i < 1000; i++)
		ck_assert_ptr_nonnull(arena_alloc(&arena, 1000));
	held = arena.held;
	for (int page = 0; page < 10; page++) {
		arena_reset(&arena);
		ck_assert_ptr_eq(arena_alloc(&arena, 1000), first);
		for (int i = 0; i < 1000; i++)
			ck_assert_ptr_nonnull(arena_alloc(&arena, 1000));
		ck_assert_uint_eq(arena.held, held);
	}
	arena_fini(&arena);
}
END_TEST

START_TEST(arena_gives_back_what_one_large_page_took)
{
	struct arena arena;

	arena_init(&arena, 256 << 20);
	ck_assert_ptr_nonnull(arena_alloc(&arena, 100));
	for (int i = 0; i < 100; i++)
		ck_assert_ptr_nonnull(arena_alloc(&arena, 1 << 20));
	ck_assert_uint_ge(arena.held, 100 << 20);
	arena_reset(&arena);
	ck_assert_uint_le(arena.held, 8 << 20);
	/* A kept chunk that is too small gives way to a block that is not. */
	ck_assert_ptr_nonnull(arena_alloc(&arena, 200 << 20));
	ck_assert_uint_le(arena.held, 256 << 20);
	arena_fini(&arena);
}
END_TEST

START_TEST(arena_copy_is_a_copy)
{
	struct arena arena;
	char text[] = "abc";
	struct span copy, empty;

	arena_init(&arena, 1 << 20);
	ck_assert(arena_copy(&arena, span_from(text), &copy));
	ck_assert(arena_copy(&arena, SPAN_NONE, &empty));
	text[0] = 'x';
	ck_assert(span_eq(copy, SPAN("abc")));
	ck_assert_ptr_nonnull(empty.ptr);
	ck_assert_uint_eq(empty.len, 0);
	arena_fini(&arena);
}
END_TEST

TEST_MAIN("arena", arena_blocks_do_not_overlap_and_are_aligned,
    arena_never_holds_more_than_its_limit, arena_uses_its_memory_again,
    arena_gives_back_what_one_large_page_took, arena_copy_is_a_copy)
