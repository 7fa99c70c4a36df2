#include <ctype.h>
#include <string.h>

#include "ipc/mp/value.h"
#include "tests/ipc/python_parity/parity.h"

static struct mp_array *array;
static int64_t *a; /* its elements */

static void
array_new(struct mp_context *ctx, size_t n)
{
	must(mp_array_open(ctx, NULL, sizeof(*a), n, &array));
	a = mp_array_data(array);
}

static void
say_all(void)
{
	items();
	for (size_t i = 0; i < mp_array_len(array); i++)
		item("%lld", (long long)a[i]);
}

SCENARIO(it_begins_with_zeros)
{
	array_new(ctx, 4);
	say_all();
	say("%zu", mp_array_len(array));
}

SCENARIO(it_begins_with_what_was_given)
{
	static const int64_t given[3] = { 3, 1, 2 };

	array_new(ctx, 3); /* C fills it itself */
	memcpy(a, given, sizeof(given));
	say("%zu", mp_array_len(array));
	say_all();
}

CHILD(squares)
{
	for (int i = 0; i < 5; i++)
		a[i] *= a[i];
	return 0;
}

SCENARIO(a_child_changes_it)
{
	array_new(ctx, 5);
	for (int i = 0; i < 5; i++)
		a[i] = i;
	say("%d", ends(go(ctx, squares, NULL)));
	say_all();
}

CHILD(adds_to_its_own)
{
	for (int i = 0; i < 50; i++)
		a[(intptr_t)arg] += (intptr_t)arg;
	return 0;
}

SCENARIO(each_child_has_its_own_element)
{
	struct mp_process *ps[4];

	array_new(ctx, 4);
	for (int i = 0; i < 4; i++)
		ps[i] = go(ctx, adds_to_its_own, number(i));
	say_ends(ps, 4);
	say_all();
}

CHILD(adds)
{
	for (int i = 0; i < 50; i++) {
		must(mp_array_lock(array, -1));
		a[0]++;
		a[1] = a[0] * 2;
		must(mp_array_unlock(array));
	}
	return 0;
}

SCENARIO(additions_under_its_lock_are_all_there)
{
	struct mp_process *ps[4];

	array_new(ctx, 2);
	for (int i = 0; i < 4; i++)
		ps[i] = go(ctx, adds, NULL);
	say_ends(ps, 4);
	say_all();
}

CHILD(sets_under_the_lock)
{
	must(mp_array_lock(array, -1));
	a[0] = 1;
	must(mp_array_unlock(array));
	flag_up(GOT, 1);
	return 0;
}

SCENARIO(its_lock_keeps_others_out)
{
	struct mp_process *p;

	array_new(ctx, 1);
	must(mp_array_lock(array, -1));
	p = go(ctx, sets_under_the_lock, NULL);
	say("%s", yes(flag_seen(GOT, SHORT_MS)));
	must(mp_array_unlock(array));
	say("%d", ends(p));
	say("%d", (int)a[0]);
}

CHILD(adds_fractions)
{
	double *d = mp_array_data(array);

	d[1] = d[0] + d[1];
	return 0;
}

SCENARIO(elements_may_be_fractions)
{
	double *d;

	must(mp_array_open(ctx, NULL, sizeof(*d), 2, &array));
	d = mp_array_data(array);
	d[0] = 0.25;
	d[1] = -1.5;
	say("%d", ends(go(ctx, adds_fractions, NULL)));
	say("%g,%g", d[0], d[1]);
}

CHILD(begins_large)
{
	char *text = mp_array_data(array);

	text[0] = (char)toupper(text[0]);
	return 0;
}

SCENARIO(elements_may_be_bytes)
{
	must(mp_array_open(ctx, NULL, 1, 8, &array));
	memcpy(mp_array_data(array), "hello", 5);
	say("%d", ends(go(ctx, begins_large, NULL)));
	say("%.5s", (const char *)mp_array_data(array));
}

CHILD(sets_every_100th)
{
	for (int i = 0; i < 10000; i += 100)
		a[i] = i;
	return 0;
}

SCENARIO(ten_thousand_elements)
{
	int64_t sum = 0;

	array_new(ctx, 10000);
	say("%d", ends(go(ctx, sets_every_100th, NULL)));
	for (int i = 0; i < 10000; i++)
		sum += a[i];
	say("%d", (int)sum);
	say("%d", (int)a[9900]);
	say("%d", (int)a[9901]);
}
