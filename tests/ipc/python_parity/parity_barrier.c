#include <stdlib.h>
#include <unistd.h>

#include "ipc/mp/barrier.h"
#include "tests/ipc/python_parity/parity.h"

static struct mp_barrier *barrier;

static void
barrier_new(struct mp_context *ctx, unsigned parties)
{
	must(mp_barrier_open(ctx, NULL, parties, NULL, &barrier));
}

/* The index that wait() gave, or what was wrong. */
static int
waited(int timeout_ms)
{
	unsigned index = 0;
	int r = mp_barrier_wait(barrier, timeout_ms, &index);

	return r < 0 ? r : (int)index;
}

static const char *
outcome(int r)
{
	static const char *const numbers[] = { "0", "1", "2", "3" };

	return r < 0 ? word(r) : r < 4 ? numbers[r] : "many";
}

/* Party `arg`: count[arg] is what it was told. */
CHILD(waits)
{
	count[(intptr_t)arg] = waited(-1);
	flag_up(GOT, 1);
	return 0;
}

/* n of them; the first is told in count[first]. */
static void
parties(struct mp_context *ctx, struct mp_process **ps, int first, int n)
{
	for (int i = 0; i < n; i++)
		ps[i] = go(ctx, waits, number(first + i));
}

static int
by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* What n parties were told, when all of them have been. */
static void
say_told(int first, int n)
{
	qsort(&count[first], (size_t)n, sizeof(count[0]), by_value);
	items();
	for (int i = 0; i < n; i++)
		item("%s", outcome((int)count[first + i]));
}

SCENARIO(each_gets_another_index)
{
	struct mp_process *ps[3];

	barrier_new(ctx, 3);
	parties(ctx, ps, 0, 3);
	flag_wait(GOT, 3);
	say_told(0, 3);
	say_ends(ps, 3);
}

SCENARIO(parties_and_who_waits)
{
	struct mp_process *ps[2];
	unsigned before;

	barrier_new(ctx, 3);
	before = mp_barrier_n_waiting(barrier);
	parties(ctx, ps, 0, 2);
	UNTIL(mp_barrier_n_waiting(barrier) == 2);
	count[2] = waited(-1);
	flag_wait(GOT, 2);
	say("%u", mp_barrier_parties(barrier));
	say("%u", before);
	say_told(0, 3);
	say_ends(ps, 2);
	say("%u", mp_barrier_n_waiting(barrier));
	say("%s", yes(mp_barrier_broken(barrier)));
}

SCENARIO(alone_it_lets_through)
{
	barrier_new(ctx, 1);
	say("%s", outcome(waited(-1)));
	say("%s", outcome(waited(-1)));
	say("%s", yes(mp_barrier_broken(barrier)));
}

SCENARIO(none_goes_on_before_the_last)
{
	struct mp_process *ps[3];

	barrier_new(ctx, 3);
	parties(ctx, ps, 0, 2);
	UNTIL(mp_barrier_n_waiting(barrier) == 2);
	say("%s", yes(flag_seen(GOT, 0)));
	parties(ctx, ps + 2, 2, 1);
	say_ends(ps, 3);
	say_told(0, 3);
}

CHILD(waits_five_times)
{
	for (int i = 0; i < 5; i++) {
		must(waited(-1));
		count[(intptr_t)arg]++;
		must(waited(-1));
	}
	return 0;
}

static void
say_numbers(int n)
{
	items();
	for (int i = 0; i < n; i++)
		item("%d", (int)count[i]);
}

SCENARIO(it_is_used_again)
{
	struct mp_process *ps[3];

	barrier_new(ctx, 3);
	for (int i = 0; i < 3; i++)
		ps[i] = go(ctx, waits_five_times, number(i));
	say_ends(ps, 3);
	say_numbers(3);
}

/* Its round is in count[2 + me], what was wrong in count[me]. */
CHILD(compares_rounds)
{
	intptr_t me = (intptr_t)arg;

	for (int i = 0; i < 10; i++) {
		count[2 + me] = i;
		must(waited(-1));
		count[me] += count[2 + 1 - me] != i;
		must(waited(-1));
	}
	return 0;
}

SCENARIO(rounds_do_not_overtake_each_other)
{
	struct mp_process *ps[2];

	barrier_new(ctx, 2);
	for (int i = 0; i < 2; i++)
		ps[i] = go(ctx, compares_rounds, number(i));
	say_ends(ps, 2);
	say_numbers(2);
}

SCENARIO(a_timeout_breaks_it)
{
	barrier_new(ctx, 2);
	say("%s", outcome(waited(SHORT_MS)));
	say("%s", yes(mp_barrier_broken(barrier)));
	say("%s", outcome(waited(-1)));
	say("%u", mp_barrier_n_waiting(barrier));
}

SCENARIO(a_timeout_breaks_it_for_those_who_wait)
{
	struct mp_process *ps[1];

	barrier_new(ctx, 3);
	parties(ctx, ps, 0, 1);
	UNTIL(mp_barrier_n_waiting(barrier) == 1);
	say("%s", outcome(waited(SHORT_MS)));
	flag_wait(GOT, 1);
	say_told(0, 1);
	say_ends(ps, 1);
	say("%s", yes(mp_barrier_broken(barrier)));
}

SCENARIO(a_timeout_of_all_its_waits)
{
	barrier_new(ctx, 2); /* C has a timeout of each wait alone */
	say("%s", outcome(waited(SHORT_MS)));
	say("%s", yes(mp_barrier_broken(barrier)));
}

SCENARIO(abort_breaks_it)
{
	struct mp_process *ps[2];

	barrier_new(ctx, 3);
	parties(ctx, ps, 0, 2);
	UNTIL(mp_barrier_n_waiting(barrier) == 2);
	must(mp_barrier_abort(barrier));
	flag_wait(GOT, 2);
	for (int i = 0; i < 2; i++)
		say("%s", outcome((int)count[i]));
	say_ends(ps, 2);
	say("%s", yes(mp_barrier_broken(barrier)));
	say("%s", outcome(waited(-1)));
}

SCENARIO(abort_of_one_where_nobody_waits)
{
	barrier_new(ctx, 2);
	must(mp_barrier_abort(barrier));
	say("%s", yes(mp_barrier_broken(barrier)));
	say("%s", outcome(waited(-1)));
}

SCENARIO(reset_mends_a_broken_one)
{
	struct mp_process *ps[2];

	barrier_new(ctx, 2);
	must(mp_barrier_abort(barrier));
	must(mp_barrier_reset(barrier));
	say("%s", yes(!mp_barrier_broken(barrier)));
	parties(ctx, ps, 0, 2);
	flag_wait(GOT, 2);
	say_told(0, 2);
	say_ends(ps, 2);
}

SCENARIO(reset_breaks_it_for_those_who_wait)
{
	struct mp_process *ps[3];

	barrier_new(ctx, 3);
	parties(ctx, ps, 0, 2);
	UNTIL(mp_barrier_n_waiting(barrier) == 2);
	must(mp_barrier_reset(barrier));
	flag_wait(GOT, 2);
	say_told(0, 2);
	say_ends(ps, 2);
	say("%s", yes(mp_barrier_broken(barrier)));
	parties(ctx, ps, 0, 3);
	flag_wait(GOT, 3);
	say_told(0, 3);
	say_ends(ps, 3);
}

SCENARIO(reset_of_one_where_nobody_waits)
{
	struct mp_process *ps[2];

	barrier_new(ctx, 2);
	must(mp_barrier_reset(barrier));
	parties(ctx, ps, 0, 2);
	flag_wait(GOT, 2);
	say("%s", yes(mp_barrier_broken(barrier)));
	say_told(0, 2);
	say_ends(ps, 2);
}

static int
adds(void *arg)
{
	(void)arg;
	count[0]++;
	return 0;
}

CHILD(waits_four_times)
{
	for (int i = 0; i < 4; i++)
		must(waited(-1));
	return 0;
}

SCENARIO(its_action_is_done_once_a_round)
{
	struct mp_barrier_attr attr = { .action = adds };
	struct mp_process *ps[3];

	must(mp_barrier_open(ctx, NULL, 3, &attr, &barrier));
	for (int i = 0; i < 3; i++)
		ps[i] = go(ctx, waits_four_times, NULL);
	say_ends(ps, 3);
	say("%d", (int)count[0]);
}

static int
sets_to_7(void *arg)
{
	(void)arg;
	count[2] = 7;
	return 0;
}

CHILD(copies)
{
	must(waited(-1));
	count[(intptr_t)arg] = count[2];
	return 0;
}

SCENARIO(its_action_is_done_before_they_go_on)
{
	struct mp_barrier_attr attr = { .action = sets_to_7 };
	struct mp_process *ps[2];

	must(mp_barrier_open(ctx, NULL, 2, &attr, &barrier));
	for (int i = 0; i < 2; i++)
		ps[i] = go(ctx, copies, number(i));
	say_ends(ps, 2);
	say_numbers(2);
}
