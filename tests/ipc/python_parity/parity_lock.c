#include "ipc/mp/lock.h"
#include "tests/ipc/python_parity/parity.h"

static struct mp_lock *lock, *other;

static struct mp_lock *
lock_new(struct mp_context *ctx)
{
	struct mp_lock *made;

	must(mp_lock_open(ctx, NULL, &made));
	return made;
}

SCENARIO(one_has_it_at_a_time)
{
	lock = lock_new(ctx);
	say("%s", taken(mp_lock_acquire(lock, -1)));
	say("%s", taken(mp_lock_acquire(lock, 0)));
	say("%s", word(mp_lock_release(lock)));
	say("%s", taken(mp_lock_acquire(lock, 0)));
}

SCENARIO(it_is_not_recursive)
{
	lock = lock_new(ctx);
	must(mp_lock_acquire(lock, -1));
	say("%s", taken(mp_lock_acquire(lock, SHORT_MS)));
}

SCENARIO(timeout_of_one_that_is_held)
{
	int64_t begun;

	lock = lock_new(ctx);
	must(mp_lock_acquire(lock, -1));
	begun = now_ms();
	say("%s", taken(mp_lock_acquire(lock, SHORT_MS)));
	say("%s", yes(now_ms() - begun >= SHORT_MS));
}

SCENARIO(timeout_is_not_waited_for_when_it_is_free)
{
	say("%s", taken(mp_lock_acquire(lock_new(ctx), PATIENCE_MS)));
}

SCENARIO(no_time_is_a_try)
{
	lock = lock_new(ctx);
	say("%s", taken(mp_lock_acquire(lock, 0)));
	say("%s", taken(mp_lock_acquire(lock, 0)));
}

SCENARIO(release_of_one_that_is_free)
{
	say("%s", word(mp_lock_release(lock_new(ctx))));
}

SCENARIO(release_twice)
{
	lock = lock_new(ctx);
	must(mp_lock_acquire(lock, -1));
	say("%s", word(mp_lock_release(lock)));
	say("%s", word(mp_lock_release(lock)));
}

CHILD(tries)
{
	count[0] = mp_lock_acquire(lock, 0) == 0;
	return 0;
}

SCENARIO(another_process_cannot_have_it)
{
	lock = lock_new(ctx);
	must(mp_lock_acquire(lock, -1));
	ends(go(ctx, tries, NULL));
	say("%s", yes(count[0]));
	must(mp_lock_release(lock));
	ends(go(ctx, tries, NULL));
	say("%s", yes(count[0]));
}

CHILD(releases)
{
	return -mp_lock_release(lock);
}

SCENARIO(another_process_may_release_it)
{
	lock = lock_new(ctx);
	must(mp_lock_acquire(lock, -1));
	say("%d", ends(go(ctx, releases, NULL)));
	say("%s", taken(mp_lock_acquire(lock, 0)));
}

CHILD(takes_and_tells)
{
	flag_up(BEGUN, 1);
	must(mp_lock_acquire(lock, -1));
	flag_up(GOT, 1);
	return -mp_lock_release(lock);
}

SCENARIO(acquire_waits_for_release)
{
	struct mp_process *p;

	lock = lock_new(ctx);
	must(mp_lock_acquire(lock, -1));
	p = go(ctx, takes_and_tells, NULL);
	flag_wait(BEGUN, 1);
	say("%s", yes(flag_seen(GOT, SHORT_MS)));
	must(mp_lock_release(lock));
	flag_wait(GOT, 1);
	say("%d", ends(p));
	say("%s", taken(mp_lock_acquire(lock, PATIENCE_MS)));
}

CHILD(takes_in_time)
{
	flag_up(BEGUN, 1);
	count[0] = mp_lock_acquire(lock, PATIENCE_MS) == 0;
	return 0;
}

SCENARIO(acquire_with_time_is_woken_in_time)
{
	struct mp_process *p;

	lock = lock_new(ctx);
	must(mp_lock_acquire(lock, -1));
	p = go(ctx, takes_in_time, NULL);
	flag_wait(BEGUN, 1);
	must(mp_lock_release(lock));
	say("%d", ends(p));
	say("%s", yes(count[0]));
}

CHILD(counts)
{
	for (int i = 0; i < 100; i++) {
		must(mp_lock_acquire(lock, -1));
		count[0]++;
		must(mp_lock_release(lock));
	}
	return 0;
}

SCENARIO(four_processes_count_to_400)
{
	struct mp_process *ps[4];

	lock = lock_new(ctx);
	for (int i = 0; i < 4; i++)
		ps[i] = go(ctx, counts, NULL);
	say_ends(ps, 4);
	say("%d", (int)count[0]);
}

CHILD(withdraws)
{
	must(mp_lock_acquire(lock, -1));
	if (count[0] >= 800) {
		count[0] -= 800;
		count[1 + (intptr_t)arg] = 1;
	}
	return -mp_lock_release(lock);
}

SCENARIO(two_withdrawals_by_two_processes)
{
	struct mp_process *ps[2];

	lock = lock_new(ctx);
	count[0] = 1000;
	for (int i = 0; i < 2; i++)
		ps[i] = go(ctx, withdraws, number(i));
	for (int i = 0; i < 2; i++)
		ends(ps[i]);
	say("%d", (int)count[0]);
	say("%d", (int)(count[1] + count[2]));
}

/* count[0] letters are there, in count[1] and on. */
CHILD(turns)
{
	const char *text = arg;
	bool first = text[0] == 'a';

	for (; *text != '\0'; text++) {
		must(mp_lock_acquire(first ? lock : other, -1));
		count[1 + count[0]] = *text;
		count[0]++;
		must(mp_lock_release(first ? other : lock));
	}
	/* A lock that it has taken, and the other is to release, would be let
	 * go when it ends. */
	flag_up(GOT, 1);
	flag_wait(ON, 1);
	return 0;
}

SCENARIO(two_take_turns_by_two_locks)
{
	struct mp_process *ps[2];
	char text[27] = "";

	lock = lock_new(ctx);
	other = lock_new(ctx);
	must(mp_lock_acquire(other, -1));
	ps[0] = go(ctx, turns, "abcdefghijklm");
	ps[1] = go(ctx, turns, "ABCDEFGHIJKLM");
	flag_wait(GOT, 2);
	flag_up(ON, 2);
	say_ends(ps, 2);
	for (int i = 0; i < 26; i++)
		text[i] = (char)count[1 + i];
	say("%s", text);
}

SCENARIO(two_locks_do_not_mix)
{
	lock = lock_new(ctx);
	other = lock_new(ctx);
	must(mp_lock_acquire(lock, -1));
	say("%s", taken(mp_lock_acquire(other, 0)));
	say("%s", taken(mp_lock_acquire(lock, 0)));
	say("%s", word(mp_lock_release(lock)));
	say("%s", taken(mp_lock_acquire(other, 0)));
}

CHILD(counts_once)
{
	flag_up(BEGUN, 1);
	must(mp_lock_acquire(lock, -1));
	count[0]++;
	return -mp_lock_release(lock);
}

SCENARIO(five_that_wait_all_get_it)
{
	struct mp_process *ps[5];

	lock = lock_new(ctx);
	must(mp_lock_acquire(lock, -1));
	for (int i = 0; i < 5; i++)
		ps[i] = go(ctx, counts_once, NULL);
	flag_wait(BEGUN, 5);
	must(mp_lock_release(lock));
	say_ends(ps, 5);
	say("%d", (int)count[0]);
}
