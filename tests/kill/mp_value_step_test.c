/*
 * Value and Array: killed while one is opened, changed, locked and unlocked.  A
 * value is what it was or what it was to be; what an array's lock guards is
 * whole, unless the next one is told.
 */
#include "ipc/mp/lock_impl.h"
#include "ipc/mp/value.h"
#include "tests/kill/mp_crew.h"

enum {
	ELEMENTS = 8,
	LARGE = 8192 /* bytes: more than a page */
};

static struct mp_value_i64 *i64;
static struct mp_value_f64 *f64;
static struct mp_array *array;

static void
expect(int r, int wanted)
{
	if (r != wanted)
		_exit(1);
}

static void
stage_values(struct mp_context *ctx)
{
	expect(mp_value_i64_open(ctx, NULL, 1, &i64), 0);
	expect(mp_value_f64_open(ctx, NULL, 1, &f64), 0);
}

static void
stage_array(struct mp_context *ctx)
{
	expect(mp_array_open(ctx, NULL, sizeof(int), ELEMENTS, &array), 0);
}

static void
run_values(struct mp_context *ctx)
{
	int64_t i = 2;
	double f = 2;

	(void)ctx;
	mp_value_i64_set(i64, 2);
	mp_value_f64_set(f64, 2);
	if (!mp_value_i64_compare_exchange(i64, &i, 3) ||
	    !mp_value_f64_compare_exchange(f64, &f, 3))
		_exit(1);
	mp_value_i64_add(i64, 1);
	mp_value_f64_add(f64, 1);
}

static bool
values_hold(struct mp_context *ctx, const char *when)
{
	int64_t i = mp_value_i64_get(i64);
	double f = mp_value_f64_get(f64);

	(void)ctx;
	/* The second is changed behind the first, each time. */
	return check(i >= 1 && i <= 4 &&
			 ((double)i == f || (double)(i - 1) == f),
	    "%s: %lld and %g", when, (long long)i, f);
}

static void
write_all(int n)
{
	volatile int *data = mp_array_data(array);

	for (int i = 0; i < ELEMENTS; i++)
		data[i] = n;
}

static void
run_array(struct mp_context *ctx)
{
	(void)ctx;
	for (int turn = 1; turn <= 2; turn++) {
		expect(mp_array_lock(array, 0), 0);
		expect(mp_array_lock(array, 0), 0);
		write_all(turn);
		expect(mp_array_unlock(array), 0);
		expect(mp_array_unlock(array), 0);
	}
}

static bool
array_holds(struct mp_context *ctx, const char *when)
{
	const int *data = mp_array_data(array);
	int r = mp_array_lock(array, 0);
	bool whole = true;

	(void)ctx;
	for (int i = 1; i < ELEMENTS; i++)
		whole &= data[i] == data[0];
	return check(r == 0 || r == MP_OWNERDEAD, "%s: lock: %d", when, r) &&
	       check(whole || r == MP_OWNERDEAD, "%s: torn, and not told",
		   when) &&
	       check(mp_array_consistent(array) == 0 &&
			 mp_array_unlock(array) == 0 &&
			 mp_array_lock(array, 0) == 0,
		   "%s: not mended", when);
}

static void
run_open(struct mp_context *ctx)
{
	expect(mp_array_open(ctx, "small", 1, 100, &array), 0);
	expect(mp_array_open(ctx, NULL, 1, LARGE, &array), 0);
	mp_array_unlink(array);
}

static bool
can_be_opened(struct mp_context *ctx, const char *when)
{
	struct mp_array *small = NULL, *large = NULL;
	bool ok = check(mp_array_open(ctx, "small", 1, 100, &small) == 0,
		      "%s: the small one", when) &&
		  check(mp_array_open(ctx, NULL, 1, LARGE, &large) == 0,
		      "%s: the large one", when);

	mp_array_close(small);
	mp_array_close(large);
	return ok;
}

static const struct mp_scenario scenarios_mp[] = {
	{ "values", stage_values, run_values, values_hold, 6 },
	{ "array", stage_array, run_array, array_holds, 8 + 8 },
	{ "arrays opened", NULL, run_open, can_be_opened, 8 },
};

int
main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(scenarios_mp); i++)
		mp_step_scenario(&scenarios_mp[i]);
	return mp_crew_done("values and arrays");
}
