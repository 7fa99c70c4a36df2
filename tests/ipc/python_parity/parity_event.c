#include "ipc/mp/event.h"
#include "tests/ipc/python_parity/parity.h"

static struct mp_event *event, *answer_event;

static struct mp_event *
event_new(struct mp_context *ctx)
{
	struct mp_event *made;

	must(mp_event_open(ctx, NULL, &made));
	return made;
}

static void
say_set(void)
{
	say("%s", yes(mp_event_is_set(event)));
}

SCENARIO(it_begins_as_not_set)
{
	event = event_new(ctx);
	say_set();
	say("%s", taken(mp_event_wait(event, 0)));
}

SCENARIO(set_and_clear)
{
	event = event_new(ctx);
	must(mp_event_set(event));
	say_set();
	must(mp_event_clear(event));
	say_set();
}

SCENARIO(set_twice_is_set)
{
	event = event_new(ctx);
	must(mp_event_set(event));
	must(mp_event_set(event));
	say_set();
	must(mp_event_clear(event));
	say_set();
}

SCENARIO(wait_gives_up_after_its_timeout)
{
	int64_t begun = now_ms();

	say("%s", taken(mp_event_wait(event_new(ctx), SHORT_MS)));
	say("%s", yes(now_ms() - begun >= SHORT_MS));
}

SCENARIO(wait_for_one_that_is_set)
{
	event = event_new(ctx);
	must(mp_event_set(event));
	say("%s", taken(mp_event_wait(event, -1)));
	say("%s", taken(mp_event_wait(event, PATIENCE_MS)));
	say_set();
}

CHILD(waits)
{
	flag_up(BEGUN, 1);
	must(mp_event_wait(event, -1));
	flag_up(GOT, 1);
	return 0;
}

SCENARIO(set_wakes_all)
{
	struct mp_process *ps[4];

	event = event_new(ctx);
	for (int i = 0; i < 4; i++)
		ps[i] = go(ctx, waits, NULL);
	flag_wait(BEGUN, 4);
	say("%s", yes(flag_seen(GOT, SHORT_MS)));
	must(mp_event_set(event));
	flag_wait(GOT, 4);
	say_ends(ps, 4);
}

CHILD(sets)
{
	return -mp_event_set(event);
}

SCENARIO(a_child_sets_it)
{
	struct mp_process *p;

	event = event_new(ctx);
	p = go(ctx, sets, NULL);
	say("%s", taken(mp_event_wait(event, PATIENCE_MS)));
	say("%d", ends(p));
}

CHILD(clears)
{
	return -mp_event_clear(event);
}

SCENARIO(a_child_clears_it)
{
	event = event_new(ctx);
	must(mp_event_set(event));
	say("%d", ends(go(ctx, clears, NULL)));
	say_set();
}

SCENARIO(it_stays_set_for_those_who_come_later)
{
	struct mp_process *ps[2];

	event = event_new(ctx);
	must(mp_event_set(event));
	for (int i = 0; i < 2; i++)
		ps[i] = go(ctx, waits, NULL);
	say_ends(ps, 2);
	flag_wait(GOT, 2);
	say_set();
}

SCENARIO(cleared_it_is_waited_for_again)
{
	struct mp_process *p;

	event = event_new(ctx);
	must(mp_event_set(event));
	must(mp_event_clear(event));
	p = go(ctx, waits, NULL);
	flag_wait(BEGUN, 1);
	say("%s", yes(flag_seen(GOT, SHORT_MS)));
	must(mp_event_set(event));
	say("%d", ends(p));
}

CHILD(answers)
{
	for (int i = 0; i < 20; i++) {
		must(mp_event_wait(event, -1));
		must(mp_event_clear(event));
		must(mp_event_set(answer_event));
	}
	return 0;
}

SCENARIO(two_take_turns_by_two_events)
{
	struct mp_process *p;
	int turns = 0;

	event = event_new(ctx);
	answer_event = event_new(ctx);
	p = go(ctx, answers, NULL);
	for (int i = 0; i < 20; i++) {
		must(mp_event_set(event));
		turns += mp_event_wait(answer_event, PATIENCE_MS) == 0;
		must(mp_event_clear(answer_event));
	}
	say("%d", turns);
	say("%d", ends(p));
}
