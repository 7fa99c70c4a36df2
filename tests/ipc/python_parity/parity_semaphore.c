#include "ipc/mp/lock.h"
#include "ipc/mp/semaphore.h"
#include "tests/ipc/python_parity/parity.h"

static struct mp_sem *sem, *second;
static struct mp_bsem *bounded;
static struct mp_lock *lock;

static struct mp_sem *
sem_new(struct mp_context *ctx, unsigned value)
{
	struct mp_sem *made;

	must(mp_sem_open(ctx, NULL, value, &made));
	return made;
}

static void
bounded_new(struct mp_context *ctx, unsigned value)
{
	must(mp_bsem_open(ctx, NULL, value, &bounded));
}

SCENARIO(it_has_as_many_as_it_began_with)
{
	sem = sem_new(ctx, 3);
	items();
	for (int i = 0; i < 4; i++)
		item("%s", taken(mp_sem_acquire(sem, 0)));
}

SCENARIO(one_is_what_it_has_by_default)
{
	sem = sem_new(ctx, 1); /* C has no defaults */
	say("%s", taken(mp_sem_acquire(sem, 0)));
	say("%s", taken(mp_sem_acquire(sem, 0)));
}

SCENARIO(none_to_begin_with)
{
	int64_t begun = now_ms();

	say("%s", taken(mp_sem_acquire(sem_new(ctx, 0), SHORT_MS)));
	say("%s", yes(now_ms() - begun >= SHORT_MS));
}

SCENARIO(fewer_than_none)
{
	say("%s", word(mp_sem_open(ctx, NULL, (unsigned)-1, &sem)));
}

SCENARIO(get_value_counts)
{
	sem = sem_new(ctx, 2);
	items();
	item("%u", mp_sem_value(sem));
	for (int i = 0; i < 2; i++) {
		must(mp_sem_acquire(sem, 0));
		item("%u", mp_sem_value(sem));
	}
	must(mp_sem_release(sem));
	say("%u", mp_sem_value(sem));
}

SCENARIO(release_may_go_above_where_it_began)
{
	sem = sem_new(ctx, 1);
	must(mp_sem_release(sem));
	must(mp_sem_release(sem));
	say("%u", mp_sem_value(sem));
	items();
	for (int i = 0; i < 4; i++)
		item("%s", taken(mp_sem_acquire(sem, 0)));
}

CHILD(releases)
{
	return -mp_sem_release(sem);
}

SCENARIO(another_process_may_release_it)
{
	sem = sem_new(ctx, 0);
	say("%d", ends(go(ctx, releases, NULL)));
	say("%s", taken(mp_sem_acquire(sem, 0)));
	say("%s", taken(mp_sem_acquire(sem, 0)));
}

CHILD(takes_and_tells)
{
	flag_up(BEGUN, 1);
	must(mp_sem_acquire(sem, -1));
	flag_up(GOT, 1);
	/* What it has taken would be given back when it ends. */
	flag_wait(ON, 1);
	return 0;
}

SCENARIO(acquire_waits_for_a_release)
{
	struct mp_process *p;

	sem = sem_new(ctx, 0);
	p = go(ctx, takes_and_tells, NULL);
	flag_wait(BEGUN, 1);
	say("%s", yes(flag_seen(GOT, SHORT_MS)));
	must(mp_sem_release(sem));
	flag_wait(GOT, 1);
	flag_up(ON, 1);
	say("%d", ends(p));
}

SCENARIO(as_many_go_on_as_are_released)
{
	struct mp_process *ps[4];

	sem = sem_new(ctx, 0);
	for (int i = 0; i < 4; i++)
		ps[i] = go(ctx, takes_and_tells, NULL);
	flag_wait(BEGUN, 4);
	must(mp_sem_release(sem));
	must(mp_sem_release(sem));
	flag_wait(GOT, 2);
	say("%s", yes(flag_seen(GOT, SHORT_MS)));
	must(mp_sem_release(sem));
	must(mp_sem_release(sem));
	flag_wait(GOT, 2);
	flag_up(ON, 4);
	say_ends(ps, 4);
}

static void
inside(int by)
{
	must(mp_lock_acquire(lock, -1));
	count[0] += by;
	if (by > 0 && count[0] > count[1])
		count[1] = count[0];
	if (by < 0)
		count[2]++;
	must(mp_lock_release(lock));
}

CHILD(goes_in_and_out)
{
	for (int i = 0; i < 20; i++) {
		must(mp_sem_acquire(sem, -1));
		inside(1);
		inside(-1);
		must(mp_sem_release(sem));
	}
	return 0;
}

SCENARIO(no_more_than_two_are_inside)
{
	struct mp_process *ps[4];

	sem = sem_new(ctx, 2);
	must(mp_lock_open(ctx, NULL, &lock));
	for (int i = 0; i < 4; i++)
		ps[i] = go(ctx, goes_in_and_out, NULL);
	say_ends(ps, 4);
	say("%s", yes(count[1] <= 2));
	say("%d", (int)count[2]);
}

CHILD(turns)
{
	const char *text = arg;
	bool first = text[0] == 'a';

	for (; *text != '\0'; text++) {
		must(mp_sem_acquire(first ? sem : second, -1));
		count[1 + count[0]] = *text;
		count[0]++;
		must(mp_sem_release(first ? second : sem));
	}
	return 0;
}

SCENARIO(two_take_turns_by_two_semaphores)
{
	struct mp_process *ps[2];
	char text[21] = "";

	sem = sem_new(ctx, 1);
	second = sem_new(ctx, 0);
	ps[0] = go(ctx, turns, "abcdefghij");
	ps[1] = go(ctx, turns, "0123456789");
	say_ends(ps, 2);
	for (int i = 0; i < 20; i++)
		text[i] = (char)count[1 + i];
	say("%s", text);
}

SCENARIO(a_bounded_one_refuses_one_too_many)
{
	bounded_new(ctx, 2);
	say("%s", word(mp_bsem_release(bounded)));
	say("%u", mp_bsem_value(bounded));
}

SCENARIO(a_bounded_one_goes_back_to_its_bound)
{
	bounded_new(ctx, 2);
	items();
	for (int i = 0; i < 3; i++)
		item("%s", taken(mp_bsem_acquire(bounded, 0)));
	for (int i = 0; i < 3; i++)
		say("%s", word(mp_bsem_release(bounded)));
	say("%u", mp_bsem_value(bounded));
}

CHILD(releases_bounded)
{
	return -mp_bsem_release(bounded);
}

SCENARIO(a_bounded_one_is_released_by_another)
{
	bounded_new(ctx, 1);
	must(mp_bsem_acquire(bounded, 0));
	say("%d", ends(go(ctx, releases_bounded, NULL)));
	say("%s", taken(mp_bsem_acquire(bounded, 0)));
}

SCENARIO(a_bounded_one_is_waited_for_in_vain)
{
	bounded_new(ctx, 1);
	say("%s", taken(mp_bsem_acquire(bounded, -1)));
	say("%s", taken(mp_bsem_acquire(bounded, SHORT_MS)));
}
