#include <dirent.h>

#include "ipc/mp/value.h"
#include "tests/ipc/mp_fixture.h"

enum {
	MANY = 4,
	TURNS = 20000,
	LARGE = 100 * 1000 /* doubles: more than a page */
};

struct numbers {
	struct mp_value_i64 *i64;
	struct mp_value_f64 *f64;
};

static void
add_up(struct mp_context *ctx, void *arg)
{
	struct numbers *n = arg;

	(void)ctx;
	for (int i = 0; i < TURNS; i++) {
		mp_value_i64_add(n->i64, 1);
		mp_value_f64_add(n->f64, 0.5);
	}
}

START_TEST(what_many_add_is_all_there)
{
	struct mp_context *ctx = context_new();
	struct numbers n;
	pid_t child[MANY];

	ck_assert_int_eq(mp_value_i64_open(ctx, NULL, -7, &n.i64), 0);
	ck_assert_int_eq(mp_value_f64_open(ctx, NULL, 0.25, &n.f64), 0);
	for (int i = 0; i < MANY; i++)
		child[i] = child_start(ctx, add_up, &n);
	for (int i = 0; i < MANY; i++)
		child_ok(child[i]);
	ck_assert_int_eq(mp_value_i64_get(n.i64), MANY * TURNS - 7);
	ck_assert_double_eq(mp_value_f64_get(n.f64), MANY * TURNS / 2 + 0.25);
	mp_value_i64_close(n.i64);
	mp_value_f64_close(n.f64);
	mp_context_close(ctx);
}
END_TEST

START_TEST(a_value_is_set_added_to_and_exchanged)
{
	struct mp_context *ctx = context_new();
	struct mp_value_i64 *i64 = NULL;
	struct mp_value_f64 *f64 = NULL;
	int64_t i = 5;
	double f = -0.0;

	ck_assert_int_eq(mp_value_i64_open(ctx, NULL, INT64_MAX, &i64), 0);
	ck_assert_int_eq(mp_value_i64_add(i64, 1), INT64_MIN);
	mp_value_i64_set(i64, 4);
	ck_assert(!mp_value_i64_compare_exchange(i64, &i, 9));
	ck_assert_int_eq(i, 4);
	ck_assert(mp_value_i64_compare_exchange(i64, &i, 9));
	ck_assert_int_eq(mp_value_i64_get(i64), 9);

	ck_assert_int_eq(mp_value_f64_open(ctx, NULL, 0.0, &f64), 0);
	ck_assert(!mp_value_f64_compare_exchange(f64, &f, 1.5));
	ck_assert(mp_value_f64_compare_exchange(f64, &f, 1.5));
	ck_assert_double_eq(mp_value_f64_add(f64, 0.25), 1.75);
	mp_value_f64_set(f64, -2);
	ck_assert_double_eq(mp_value_f64_get(f64), -2);
	mp_value_i64_close(i64);
	mp_value_i64_close(NULL);
	mp_value_f64_close(f64);
	mp_value_f64_close(NULL);
	mp_context_close(ctx);
}
END_TEST

START_TEST(a_value_is_found_by_its_name_its_type_and_what_it_was_at_first)
{
	struct mp_context *ctx = context_new();
	struct mp_value_i64 *one = NULL, *same = NULL;
	struct mp_value_f64 *other = NULL;

	ck_assert_int_eq(mp_value_i64_open(ctx, "total", 0, &one), 0);
	mp_value_i64_set(one, 3);
	ck_assert_int_eq(mp_value_i64_open(ctx, "total", 0, &same), 0);
	ck_assert_int_eq(mp_value_i64_get(same), 3);
	mp_value_i64_close(same);
	ck_assert_int_eq(mp_value_i64_open(ctx, "total", 1, &same), MP_EINVAL);
	ck_assert_int_eq(mp_value_f64_open(ctx, "total", 0, &other), MP_EINVAL);
	mp_value_i64_unlink(one);
	mp_value_i64_close(one);
	ck_assert_int_eq(mp_value_f64_open(ctx, "total", 1, &other), 0);
	ck_assert_double_eq(mp_value_f64_get(other), 1);
	mp_value_f64_unlink(other);
	mp_value_f64_close(other);
	mp_context_close(ctx);
}
END_TEST

/* --- arrays --------------------------------------------------------------- */

static size_t
names_left(const char *name)
{
	DIR *dir = opendir("/dev/shm");
	struct dirent *entry;
	size_t n = 0;

	while ((entry = readdir(dir)) != NULL)
		n += strstr(entry->d_name, name + 1) != NULL;
	closedir(dir);
	return n;
}

static void
fill(struct mp_context *ctx, void *array)
{
	double *data = mp_array_data(array);

	(void)ctx;
	EXPECT(mp_array_lock(array, -1) == 0);
	for (size_t i = 0; i < mp_array_len(array); i++)
		data[i] = (double)i;
	EXPECT(mp_array_unlock(array) == 0);
}

static void
is_shared_by_fork(struct mp_context *ctx, size_t n)
{
	struct mp_array *array = NULL;
	double *data;
	bool right = true;

	ck_assert_int_eq(mp_array_open(ctx, NULL, sizeof(double), n, &array),
	    0);
	ck_assert_uint_eq(mp_array_len(array), n);
	ck_assert_uint_eq(mp_array_elem_size(array), sizeof(double));
	data = mp_array_data(array);
	ck_assert_uint_eq((uintptr_t)data % alignof(max_align_t), 0);
	for (size_t i = 0; i < n; i++)
		right &= data[i] == 0;
	ck_assert(right);
	child_ok(child_start(ctx, fill, array));
	for (size_t i = 0; i < n; i++)
		right &= data[i] == (double)i;
	ck_assert(right);
	mp_array_close(array);
}

START_TEST(an_array_small_or_large_is_shared_with_children)
{
	struct mp_context *ctx = context_new();

	is_shared_by_fork(ctx, 0);
	is_shared_by_fork(ctx, 3);
	is_shared_by_fork(ctx, 448); /* to the last byte of the page */
	is_shared_by_fork(ctx, 449);
	is_shared_by_fork(ctx, LARGE);
	mp_context_close(ctx);
}
END_TEST

START_TEST(a_large_array_of_a_context_with_a_name_is_found_and_goes_with_it)
{
	const char *name = test_unique_name();
	struct mp_context *ctx = NULL;
	struct mp_array *one = NULL, *same = NULL, *small = NULL;
	size_t before;

	ck_assert_int_eq(mp_context_open(name, NULL, &ctx), 0);
	before = names_left(name);
	ck_assert_int_eq(mp_array_open(ctx, "field", 8, LARGE, &one), 0);
	ck_assert_int_eq(mp_array_open(ctx, "field", 8, LARGE, &same), 0);
	ck_assert_int_eq(mp_array_open(ctx, "field", 8, 3, &small), MP_EINVAL);
	ck_assert_ptr_ne(mp_array_data(one), mp_array_data(same));
	((double *)mp_array_data(one))[LARGE - 1] = 4.5;
	ck_assert_double_eq(((double *)mp_array_data(same))[LARGE - 1], 4.5);
	ck_assert_uint_eq(names_left(name), before + 1);
	mp_array_close(same);
	mp_array_unlink(one);
	mp_array_close(one);
	ck_assert_uint_eq(names_left(name), before);

	ck_assert_int_eq(mp_array_open(ctx, "field", 8, 3, &small), 0);
	ck_assert_int_eq(mp_array_open(ctx, "another", 1, 1 << 20, &one), 0);
	mp_array_close(small);
	mp_array_close(one);
	mp_array_close(NULL);
	mp_context_close(ctx);
	ck_assert_uint_eq(names_left(name), 0);
}
END_TEST

START_TEST(the_arrays_of_a_dead_context_go_when_its_name_is_taken)
{
	const char *name = test_unique_name();
	struct mp_context *ctx = NULL;
	struct mp_array *array = NULL;
	pid_t child = fork();

	if (child == 0) {
		EXPECT(mp_context_open(name, NULL, &ctx) == 0);
		EXPECT(mp_array_open(ctx, "field", 8, LARGE, &array) == 0);
		memset(mp_array_data(array), 1, 8 * LARGE);
		raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_int_eq(mp_context_open(name, NULL, &ctx), 0);
	ck_assert_int_eq(mp_array_open(ctx, "field", 8, LARGE, &array), 0);
	ck_assert_double_eq(*(double *)mp_array_data(array), 0);
	mp_array_close(array);
	mp_context_close(ctx);
	ck_assert_uint_eq(names_left(name), 0);
}
END_TEST

START_TEST(a_large_array_of_a_context_without_a_name_is_had_by_its_handle_only)
{
	struct mp_context *ctx = context_new();
	struct mp_array *one = NULL, *other = NULL;

	ck_assert_int_eq(mp_array_open(ctx, "field", 8, LARGE, &one), 0);
	ck_assert_int_eq(mp_array_open(ctx, "field", 8, LARGE, &other),
	    MP_EINVAL);
	ck_assert_int_eq(mp_array_open(ctx, "small", 8, 2, &other), 0);
	mp_array_close(other);
	ck_assert_int_eq(mp_array_open(ctx, "small", 8, 2, &other), 0);
	mp_array_close(other);
	ck_assert_int_eq(mp_array_open(ctx, NULL, 0, 2, &other), MP_EINVAL);
	ck_assert_int_eq(mp_array_open(ctx, NULL, SIZE_MAX, 2, &other),
	    MP_EINVAL);
	mp_array_unlink(one);
	mp_array_close(one);
	mp_context_close(ctx);
}
END_TEST

static void
take_it_twice(struct mp_context *ctx, void *array)
{
	(void)ctx;
	EXPECT(mp_array_lock(array, 0) == 0);
	EXPECT(mp_array_lock(array, 0) == 0);
	*(char *)mp_array_data(array) = 1;
}

START_TEST(who_finds_the_lock_of_the_dead_is_told_that_it_may_be_half_done)
{
	struct mp_context *ctx = context_new();
	struct mp_array *array = NULL;

	ck_assert_int_eq(mp_array_open(ctx, NULL, 1, 10, &array), 0);
	kill_and_reap(holder_start(ctx, take_it_twice, array));
	ck_assert_int_eq(mp_array_lock(array, -1), MP_OWNERDEAD);
	ck_assert_int_eq(mp_array_consistent(array), 0);
	ck_assert_int_eq(mp_array_unlock(array), 0);
	ck_assert_int_eq(mp_array_unlock(array), MP_EPERM);
	child_ok(child_start(ctx, take_it_twice, array));
	mp_array_close(array);
	mp_context_close(ctx);
}
END_TEST

START_TEST(what_does_not_fit_into_shared_memory_is_refused_whole)
{
	const char *name = test_unique_name();
	struct mp_context *ctx = NULL;
	struct mp_array *array = NULL;
	size_t before;

	if (!test_small_shm(16 << 20))
		return;
	ck_assert_int_eq(mp_context_open(name, NULL, &ctx), 0);
	before = names_left(name);
	ck_assert_int_eq(mp_array_open(ctx, "field", 1, 64 << 20, &array),
	    MP_ENOSPC);
	ck_assert_uint_eq(names_left(name), before);
	ck_assert_int_eq(mp_array_open(ctx, "field", 1, 1 << 20, &array), 0);
	mp_array_close(array);
	mp_context_close(ctx);
}
END_TEST

TEST_MAIN("mp_value", what_many_add_is_all_there,
    a_value_is_set_added_to_and_exchanged,
    a_value_is_found_by_its_name_its_type_and_what_it_was_at_first,
    an_array_small_or_large_is_shared_with_children,
    a_large_array_of_a_context_with_a_name_is_found_and_goes_with_it,
    the_arrays_of_a_dead_context_go_when_its_name_is_taken,
    a_large_array_of_a_context_without_a_name_is_had_by_its_handle_only,
    who_finds_the_lock_of_the_dead_is_told_that_it_may_be_half_done,
    what_does_not_fit_into_shared_memory_is_refused_whole)
