#include "ipc/mp/value.h"
#include "tests/ipc/python_parity/parity.h"

static struct mp_value_i64 *value;
static struct mp_value_f64 *fraction;

static struct mp_value_i64 *
value_new(struct mp_context *ctx, int64_t first)
{
	struct mp_value_i64 *made;

	must(mp_value_i64_open(ctx, NULL, first, &made));
	return made;
}

static void
say_value(struct mp_value_i64 *v)
{
	say("%lld", (long long)mp_value_i64_get(v));
}

SCENARIO(it_begins_with_what_was_given)
{
	say_value(value_new(ctx, 42));
	say_value(value_new(ctx, 0));
	say_value(value_new(ctx, INT64_MIN));
}

CHILD(sets)
{
	mp_value_i64_set(value, -7);
	return 0;
}

SCENARIO(a_child_changes_it)
{
	value = value_new(ctx, 1);
	say("%d", ends(go(ctx, sets, NULL)));
	say_value(value);
}

CHILD(divides)
{
	mp_value_f64_set(fraction, mp_value_f64_get(fraction) / 4);
	return 0;
}

SCENARIO(a_fraction_is_kept_whole)
{
	must(mp_value_f64_open(ctx, NULL, 0.5, &fraction));
	say("%d", ends(go(ctx, divides, NULL)));
	say("%g", mp_value_f64_get(fraction));
}

CHILD(adds)
{
	for (int i = 0; i < 100; i++)
		mp_value_i64_add(value, 1);
	return 0;
}

SCENARIO(additions_of_all_are_there)
{
	struct mp_process *ps[4];

	value = value_new(ctx, 0);
	for (int i = 0; i < 4; i++)
		ps[i] = go(ctx, adds, NULL);
	say_ends(ps, 4);
	say_value(value);
}

SCENARIO(two_values_do_not_mix)
{
	struct mp_value_i64 *b;

	value = value_new(ctx, 1);
	b = value_new(ctx, 2);
	mp_value_i64_set(value, 10);
	say_value(value);
	say_value(b);
}
