#include "ipc/mp/lock.h"
#include "tests/ipc/python_parity/parity.h"

static struct mp_rlock *lock;

static void
lock_new(struct mp_context *ctx)
{
	must(mp_rlock_open(ctx, NULL, &lock));
}

SCENARIO(its_holder_may_have_it_again)
{
	lock_new(ctx);
	say("%s", taken(mp_rlock_acquire(lock, -1)));
	say("%s", taken(mp_rlock_acquire(lock, -1)));
	say("%s", taken(mp_rlock_acquire(lock, 0)));
	say("%s", taken(mp_rlock_acquire(lock, SHORT_MS)));
}

CHILD(tries)
{
	count[0] = mp_rlock_acquire(lock, 0) == 0;
	if (count[0])
		must(mp_rlock_release(lock));
	return 0;
}

SCENARIO(it_is_free_after_as_many_releases)
{
	lock_new(ctx);
	for (int i = 0; i < 3; i++)
		must(mp_rlock_acquire(lock, -1));
	items();
	for (int i = 0; i < 3; i++) {
		ends(go(ctx, tries, NULL));
		item("%s", yes(count[0]));
		must(mp_rlock_release(lock));
	}
	ends(go(ctx, tries, NULL));
	say("%s", yes(count[0]));
}

SCENARIO(release_of_one_that_is_free)
{
	lock_new(ctx);
	say("%s", word(mp_rlock_release(lock)));
}

SCENARIO(release_once_too_often)
{
	lock_new(ctx);
	must(mp_rlock_acquire(lock, -1));
	must(mp_rlock_acquire(lock, -1));
	for (int i = 0; i < 3; i++)
		say("%s", word(mp_rlock_release(lock)));
}

CHILD(releases)
{
	count[0] = mp_rlock_release(lock);
	return 0;
}

SCENARIO(release_by_another_process)
{
	lock_new(ctx);
	must(mp_rlock_acquire(lock, -1));
	say("%d", ends(go(ctx, releases, NULL)));
	say("%s", word((int)count[0]));
	say("%s", word(mp_rlock_release(lock)));
}

CHILD(waits_a_while)
{
	count[0] = mp_rlock_acquire(lock, SHORT_MS) == 0;
	return 0;
}

SCENARIO(another_waits_in_vain)
{
	lock_new(ctx);
	must(mp_rlock_acquire(lock, -1));
	say("%d", ends(go(ctx, waits_a_while, NULL)));
	say("%s", yes(count[0]));
}

CHILD(takes_and_tells)
{
	flag_up(BEGUN, 1);
	must(mp_rlock_acquire(lock, -1));
	flag_up(GOT, 1);
	return -mp_rlock_release(lock);
}

SCENARIO(acquire_waits_for_the_last_release)
{
	struct mp_process *p;

	lock_new(ctx);
	must(mp_rlock_acquire(lock, -1));
	must(mp_rlock_acquire(lock, -1));
	p = go(ctx, takes_and_tells, NULL);
	flag_wait(BEGUN, 1);
	must(mp_rlock_release(lock));
	say("%s", yes(flag_seen(GOT, SHORT_MS)));
	must(mp_rlock_release(lock));
	flag_wait(GOT, 1);
	say("%d", ends(p));
	say("%s", taken(mp_rlock_acquire(lock, PATIENCE_MS)));
}

SCENARIO(a_child_does_not_inherit_what_its_parent_holds)
{
	lock_new(ctx);
	must(mp_rlock_acquire(lock, -1));
	ends(go(ctx, tries, NULL));
	say("%s", yes(count[0]));
}

static void
add(void)
{
	must(mp_rlock_acquire(lock, -1));
	count[0]++;
	must(mp_rlock_release(lock));
}

CHILD(counts)
{
	for (int i = 0; i < 100; i++) {
		must(mp_rlock_acquire(lock, -1));
		add();
		must(mp_rlock_release(lock));
	}
	return 0;
}

SCENARIO(three_processes_count_to_300_twice_inside)
{
	struct mp_process *ps[3];

	lock_new(ctx);
	for (int i = 0; i < 3; i++)
		ps[i] = go(ctx, counts, NULL);
	say_ends(ps, 3);
	say("%d", (int)count[0]);
}
