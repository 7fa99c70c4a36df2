#include "ipc/mp/condition.h"
#include "tests/ipc/python_parity/parity.h"

static struct mp_cond *cond;
static struct mp_rlock *lock;

static void
cond_new(struct mp_context *ctx)
{
	must(mp_cond_open(ctx, NULL, NULL, &cond));
}

static void
take(void)
{
	must(mp_cond_acquire(cond, -1));
}

static void
give(void)
{
	must(mp_cond_release(cond));
}

CHILD(waits)
{
	take();
	flag_up(BEGUN, 1);
	must(mp_cond_wait(cond, -1));
	give();
	flag_up(GOT, 1);
	return 0;
}

/* Children that wait at the condition; GOT is up once for each that goes on. */
static void
waiters(struct mp_context *ctx, struct mp_process **ps, int n)
{
	for (int i = 0; i < n; i++)
		ps[i] = go(ctx, waits, NULL);
	flag_wait(BEGUN, n);
	take(); /* all are in wait() now */
	give();
}

static void
notify(unsigned n)
{
	take();
	must(mp_cond_notify(cond, n));
	give();
}

SCENARIO(wait_gives_up_after_its_timeout)
{
	cond_new(ctx);
	take();
	say("%s", taken(mp_cond_wait(cond, SHORT_MS)));
}

CHILD(waits_in_time)
{
	take();
	flag_up(BEGUN, 1);
	count[0] = mp_cond_wait(cond, PATIENCE_MS) == 0;
	give();
	return 0;
}

SCENARIO(wait_says_yes_when_it_was_notified)
{
	struct mp_process *p;

	cond_new(ctx);
	p = go(ctx, waits_in_time, NULL);
	flag_wait(BEGUN, 1);
	notify(1);
	say("%d", ends(p));
	say("%s", yes(count[0]));
}

SCENARIO(notify_wakes_one)
{
	struct mp_process *ps[3];

	cond_new(ctx);
	waiters(ctx, ps, 3);
	items();
	for (int i = 0; i < 3; i++) {
		notify(1);
		flag_wait(GOT, 1);
		item("%s", yes(flag_seen(GOT, SHORT_MS)));
	}
	say_ends(ps, 3);
}

SCENARIO(notify_two_wakes_two)
{
	struct mp_process *ps[3];

	cond_new(ctx);
	waiters(ctx, ps, 3);
	notify(2);
	flag_wait(GOT, 2);
	say("%s", yes(flag_seen(GOT, SHORT_MS)));
	notify(1);
	say_ends(ps, 3);
}

SCENARIO(notify_more_than_there_are)
{
	struct mp_process *ps[2];

	cond_new(ctx);
	waiters(ctx, ps, 2);
	notify(10);
	say_ends(ps, 2);
}

SCENARIO(notify_all_wakes_all)
{
	struct mp_process *ps[4];

	cond_new(ctx);
	waiters(ctx, ps, 4);
	take();
	must(mp_cond_notify_all(cond));
	give();
	say_ends(ps, 4);
}

SCENARIO(notify_is_not_kept_for_later)
{
	cond_new(ctx);
	take();
	must(mp_cond_notify(cond, 1));
	must(mp_cond_notify_all(cond));
	say("%s", taken(mp_cond_wait(cond, SHORT_MS)));
}

SCENARIO(wait_without_the_lock)
{
	cond_new(ctx);
	say("%s", word(mp_cond_wait(cond, SHORT_MS)));
}

SCENARIO(notify_without_the_lock)
{
	cond_new(ctx);
	say("%s", word(mp_cond_notify(cond, 1)));
	say("%s", word(mp_cond_notify_all(cond)));
}

SCENARIO(release_without_the_lock)
{
	cond_new(ctx);
	say("%s", word(mp_cond_release(cond)));
}

SCENARIO(wait_gives_the_lock_back)
{
	struct mp_process *ps[1];

	cond_new(ctx);
	waiters(ctx, ps, 1);
	say("%s", taken(mp_cond_acquire(cond, PATIENCE_MS)));
	must(mp_cond_notify(cond, 1));
	say("%s", yes(flag_seen(GOT, SHORT_MS)));
	give();
	say_ends(ps, 1);
}

CHILD(waits_and_holds)
{
	take();
	flag_up(BEGUN, 1);
	must(mp_cond_wait(cond, -1));
	flag_up(GOT, 1);
	flag_wait(ON, 1);
	give();
	return 0;
}

SCENARIO(wait_has_the_lock_again_when_it_returns)
{
	struct mp_process *p;

	cond_new(ctx);
	p = go(ctx, waits_and_holds, NULL);
	flag_wait(BEGUN, 1);
	notify(1);
	flag_wait(GOT, 1);
	say("%s", taken(mp_cond_acquire(cond, 0)));
	flag_up(ON, 1);
	say("%d", ends(p));
	say("%s", taken(mp_cond_acquire(cond, PATIENCE_MS)));
}

CHILD(tries)
{
	count[0] = mp_cond_acquire(cond, 0) == 0;
	if (count[0])
		give();
	return 0;
}

SCENARIO(wait_has_the_lock_again_after_its_timeout)
{
	cond_new(ctx);
	take();
	must_be(mp_cond_wait(cond, SHORT_MS) == MP_ETIMEDOUT, "a timeout");
	say("%d", ends(go(ctx, tries, NULL)));
	say("%s", yes(count[0]));
	say("%s", word(mp_cond_release(cond)));
}

static bool
is_so(void *arg)
{
	return arg != NULL;
}

SCENARIO(wait_for_what_is_true_already)
{
	cond_new(ctx);
	take();
	say("%s", taken(mp_cond_wait_for(cond, is_so, number(1), SHORT_MS)));
}

SCENARIO(wait_for_what_never_comes)
{
	cond_new(ctx);
	take();
	say("%s", taken(mp_cond_wait_for(cond, is_so, NULL, SHORT_MS)));
}

static bool
there_are_two(void *arg)
{
	(void)arg;
	return count[0] >= 2;
}

CHILD(waits_for_two)
{
	take();
	flag_up(BEGUN, 1);
	must(mp_cond_wait_for(cond, there_are_two, NULL, -1));
	flag_up(GOT, 1);
	give();
	return 0;
}

SCENARIO(wait_for_sleeps_on_until_it_is_true)
{
	struct mp_process *p;

	cond_new(ctx);
	p = go(ctx, waits_for_two, NULL);
	flag_wait(BEGUN, 1);
	items();
	for (int i = 0; i < 2; i++) {
		item("%s", yes(flag_seen(GOT, SHORT_MS)));
		take();
		count[0]++;
		must(mp_cond_notify_all(cond));
		give();
	}
	say("%d", ends(p));
}

static bool
is_my_turn(void *arg)
{
	return count[0] % 2 == (intptr_t)arg;
}

CHILD(turns)
{
	const char *text = arg;
	void *me = number(text[0] != 'a');

	for (; *text != '\0'; text++) {
		take();
		must(mp_cond_wait_for(cond, is_my_turn, me, -1));
		count[1 + count[0]] = *text;
		count[0]++;
		must(mp_cond_notify(cond, 1));
		give();
	}
	return 0;
}

SCENARIO(two_take_turns)
{
	struct mp_process *ps[2];
	char text[21] = "";

	cond_new(ctx);
	ps[0] = go(ctx, turns, "abcdefghij");
	ps[1] = go(ctx, turns, "0123456789");
	say_ends(ps, 2);
	for (int i = 0; i < 20; i++)
		text[i] = (char)count[1 + i];
	say("%s", text);
}

CHILD(tries_the_lock)
{
	count[0] = mp_rlock_acquire(lock, 0) == 0;
	return 0;
}

SCENARIO(a_lock_of_ours_is_its_lock)
{
	must(mp_rlock_open(ctx, NULL, &lock));
	must(mp_cond_open(ctx, NULL, lock, &cond));
	take();
	ends(go(ctx, tries_the_lock, NULL));
	say("%s", yes(count[0]));
	give();
	ends(go(ctx, tries_the_lock, NULL));
	say("%s", yes(count[0]));
}

CHILD(adds_and_notifies)
{
	take();
	count[0]++;
	must(mp_cond_notify(cond, 1));
	give();
	return 0;
}

CHILD(exits_with_taken)
{
	return mp_cond_acquire(cond, 0) == 0;
}

SCENARIO(wait_gives_it_back_however_often_it_was_taken)
{
	struct mp_process *p;

	cond_new(ctx);
	for (int i = 0; i < 3; i++)
		take();
	p = go(ctx, adds_and_notifies, NULL);
	say("%s", taken(mp_cond_wait(cond, PATIENCE_MS)));
	ends(p);
	say("%d", (int)count[0]);
	say("%d", ends(go(ctx, exits_with_taken, NULL)));
	for (int i = 0; i < 3; i++)
		give();
	say("%s", word(mp_cond_release(cond)));
}
