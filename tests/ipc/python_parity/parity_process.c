#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "ipc/mp/pipe.h"
#include "ipc/mp/process.h"
#include "tests/ipc/python_parity/parity.h"

CHILD(exits)
{
	return (int)(intptr_t)arg;
}

CHILD(exits_at_once)
{
	_exit((int)(intptr_t)arg);
}

CHILD(waits)
{
	flag_wait(ON, 1);
	return 0;
}

static void
say_code(struct mp_process *p)
{
	int code;

	if (mp_process_exitcode(p, &code))
		say("%d", code);
	else
		say("none");
}

SCENARIO(exitcode_of_one_that_returns)
{
	say("%d", ends(go(ctx, exits, number(0))));
}

SCENARIO(exitcode_of_exit_3)
{
	say("%d", ends(go(ctx, exits, number(3))));
}

SCENARIO(exitcode_of_underscore_exit)
{
	say("%d", ends(go(ctx, exits_at_once, number(7))));
}

SCENARIO(exitcode_of_255)
{
	say("%d", ends(go(ctx, exits, number(255))));
}

SCENARIO(exitcode_of_one_that_is_killed)
{
	struct mp_process *p = go(ctx, sleeps, NULL);

	must(mp_process_kill(p));
	say("%d", ends(p));
}

SCENARIO(exitcode_of_one_that_is_terminated)
{
	struct mp_process *p = go(ctx, sleeps, NULL);

	must(mp_process_terminate(p));
	say("%d", ends(p));
}

CHILD(signals_itself)
{
	kill(getpid(), (int)(intptr_t)arg);
	return 0;
}

SCENARIO(exitcode_of_a_signal_is_its_negative)
{
	struct mp_process *ps[2];

	ps[0] = go(ctx, signals_itself, number(SIGUSR1));
	ps[1] = go(ctx, signals_itself, number(SIGALRM));
	say_ends(ps, 2);
}

SCENARIO(exitcode_is_none_until_it_has_ended)
{
	struct mp_process *p = make(ctx, waits, NULL);

	say_code(p);
	must(mp_process_start(p));
	say_code(p);
	flag_up(ON, 1);
	waits_for(p);
	say_code(p);
}

SCENARIO(exitcodes_of_ten_at_once)
{
	struct mp_process *ps[10];

	for (int i = 0; i < 10; i++)
		ps[i] = go(ctx, exits, number(i));
	say_ends(ps, 10);
}

SCENARIO(is_alive_before_while_and_after)
{
	struct mp_process *p = make(ctx, waits, NULL);

	say("%s", yes(mp_process_is_alive(p)));
	must(mp_process_start(p));
	say("%s", yes(mp_process_is_alive(p)));
	flag_up(ON, 1);
	waits_for(p);
	say("%s", yes(mp_process_is_alive(p)));
}

SCENARIO(is_alive_sees_the_end_without_join)
{
	struct mp_process *p = go(ctx, exits, number(4));

	UNTIL(!mp_process_is_alive(p));
	say("%s", yes(mp_process_is_alive(p)));
	say_code(p);
}

SCENARIO(join_gives_up_after_its_timeout)
{
	struct mp_process *p = go(ctx, waits, NULL);

	must_be(mp_process_join(p, SHORT_MS) == MP_ETIMEDOUT, "a timeout");
	say("%s", yes(mp_process_is_alive(p)));
	flag_up(ON, 1);
	say("%d", ends(p));
}

SCENARIO(join_without_time_only_looks)
{
	struct mp_process *p = go(ctx, waits, NULL);

	must_be(mp_process_join(p, 0) == MP_ETIMEDOUT, "a timeout");
	say("%s", yes(mp_process_is_alive(p)));
	flag_up(ON, 1);
	say("%d", ends(p));
}

SCENARIO(join_twice_is_fine)
{
	struct mp_process *p = go(ctx, exits, number(2));

	must(mp_process_join(p, -1));
	say("%s", word(mp_process_join(p, -1)));
	say_code(p);
}

SCENARIO(join_before_start)
{
	say("%s", word(mp_process_join(make(ctx, exits, NULL), -1)));
}

SCENARIO(start_twice)
{
	struct mp_process *p = go(ctx, waits, NULL);

	say("%s", word(mp_process_start(p)));
	flag_up(ON, 1);
	say("%d", ends(p));
}

SCENARIO(start_again_after_the_end)
{
	struct mp_process *p = go(ctx, exits, NULL);

	waits_for(p);
	say("%s", word(mp_process_start(p)));
}

SCENARIO(close_of_a_live_one)
{
	struct mp_process *p = go(ctx, waits, NULL);

	say("%s", word(mp_process_close(p)));
	flag_up(ON, 1);
	say("%d", waits_for(p));
	say("%s", word(mp_process_close(p)));
}

SCENARIO(close_of_one_never_started)
{
	say("%s", word(mp_process_close(make(ctx, exits, NULL))));
}

SCENARIO(terminate_and_kill_after_the_end)
{
	struct mp_process *p = go(ctx, exits, number(5));

	waits_for(p);
	say("%s", word(mp_process_terminate(p)));
	say("%s", word(mp_process_kill(p)));
	say_code(p);
}

static void
caught(int signum)
{
	(void)signum;
	flag_up(GOT, 1);
}

CHILD(catches)
{
	signal(SIGTERM, caught);
	flag_up(BEGUN, 1);
	return sleeps(ctx, arg);
}

SCENARIO(terminate_can_be_caught_and_kill_cannot)
{
	struct mp_process *p = go(ctx, catches, NULL);

	flag_wait(BEGUN, 1);
	must(mp_process_terminate(p));
	flag_wait(GOT, 1);
	say("%s", yes(mp_process_is_alive(p)));
	must(mp_process_kill(p));
	say("%d", ends(p));
	say("%d", (int)count[0]);
}

SCENARIO(name_by_default)
{
	for (int i = 0; i < 3; i++)
		say("%s", mp_process_name(make(ctx, exits, NULL)));
}

static struct mp_process *
make_as(struct mp_context *ctx, const char *name, bool daemon, mp_target *fn,
    const void *arg)
{
	struct mp_process_attr attr = { .name = name, .daemon = daemon };
	struct mp_process *p;

	must(mp_process_create(ctx, &attr, fn, (void *)(uintptr_t)arg, &p));
	return p;
}

static struct mp_process *
go_as(struct mp_context *ctx, const char *name, bool daemon, mp_target *fn,
    const void *arg)
{
	struct mp_process *p = make_as(ctx, name, daemon, fn, arg);

	must(mp_process_start(p));
	return p;
}

SCENARIO(name_that_was_given)
{
	say("%s", mp_process_name(make_as(ctx, "parse0", false, exits, NULL)));
	say("%s", mp_process_name(make(ctx, exits, NULL)));
}

CHILD(compares_its_name)
{
	count[0] = strcmp(mp_current_process(ctx), arg) == 0;
	return 0;
}

SCENARIO(name_seen_by_itself)
{
	ends(go_as(ctx, "craw7", false, compares_its_name, "craw7"));
	say("%s", yes(count[0]));
}

SCENARIO(name_of_the_one_that_began)
{
	say("%s", mp_current_process(ctx));
}

SCENARIO(daemon_is_no_unless_asked_for)
{
	say("%s", yes(mp_process_daemon(make(ctx, exits, NULL))));
	say("%s",
	    yes(mp_process_daemon(make_as(ctx, NULL, true, exits, NULL))));
}

SCENARIO(parent_of_the_one_that_began)
{
	say("%s", yes(mp_parent_process(ctx) == 0));
}

CHILD(compares_its_parent)
{
	count[0] = mp_parent_process(ctx) == (pid_t)(intptr_t)arg;
	return 0;
}

SCENARIO(parent_of_a_child)
{
	ends(go(ctx, compares_its_parent, number(getpid())));
	say("%s", yes(count[0]));
}

CHILD(tells_its_pid)
{
	count[0] = getpid();
	return 0;
}

SCENARIO(pid_before_and_after_start)
{
	struct mp_process *p = make(ctx, tells_its_pid, NULL);

	say("%s", mp_process_pid(p) == 0 ? "none" : "some");
	must(mp_process_start(p));
	waits_for(p);
	say("%s", yes(mp_process_pid(p) == count[0]));
}

static size_t
children(struct mp_context *ctx)
{
	return mp_active_children(ctx, NULL, 0);
}

SCENARIO(active_children_are_those_that_live)
{
	struct mp_process *ps[3];

	say("%zu", children(ctx));
	for (int i = 0; i < 3; i++)
		ps[i] = go(ctx, waits, NULL);
	say("%zu", children(ctx));
	flag_up(ON, 1);
	UNTIL(children(ctx) == 2);
	flag_up(ON, 2);
	UNTIL(children(ctx) == 0);
	say_ends(ps, 3);
}

SCENARIO(active_children_joins_those_that_ended)
{
	struct mp_process *p = go(ctx, exits, number(6));

	UNTIL(children(ctx) == 0);
	say_code(p);
}

CHILD(counts_its_children)
{
	struct mp_process *p;

	count[0] = (int64_t)children(ctx);
	p = go(ctx, sleeps, NULL);
	count[1] = (int64_t)children(ctx);
	must(mp_process_kill(p));
	ends(p);
	return 0;
}

SCENARIO(active_children_are_a_process_s_own)
{
	struct mp_process *ps[2];

	for (int i = 0; i < 2; i++)
		ps[i] = go(ctx, waits, NULL);
	ends(go(ctx, counts_its_children, NULL));
	flag_up(ON, 2);
	for (int i = 0; i < 2; i++)
		ends(ps[i]);
	say("%d", (int)count[0]);
	say("%d", (int)count[1]);
}

static bool
is_ready(struct mp_process *p, int timeout_ms)
{
	struct pollfd fd = { .fd = must(mp_process_sentinel(p)),
		.events = POLLIN };

	return poll(&fd, 1, timeout_ms) == 1;
}

SCENARIO(sentinel_is_ready_when_it_has_ended)
{
	struct mp_process *p = go(ctx, waits, NULL);

	say("%s", yes(is_ready(p, 0)));
	flag_up(ON, 1);
	say("%s", yes(is_ready(p, PATIENCE_MS)));
	say("%d", ends(p));
}

CHILD(waits_for_its_own)
{
	flag_wait(FLAG_A + (int)(intptr_t)arg, 1);
	return 0;
}

SCENARIO(sentinels_are_waited_for_together)
{
	struct mp_wait_item items_of[3] = { { 0 } };
	struct mp_process *ps[3];
	bool ready[3];

	for (int i = 0; i < 3; i++) {
		ps[i] = go(ctx, waits_for_its_own, number(i));
		items_of[i].process = ps[i];
	}
	say("%d", mp_wait_any(items_of, 3, SHORT_MS, ready));
	flag_up(FLAG_A + 1, 1);
	must_be(mp_wait_any(items_of, 3, -1, ready) == 1, "one is ready");
	say("%d", ready[0] ? 0 : ready[1] ? 1 : 2);
	flag_up(FLAG_A, 1);
	flag_up(FLAG_A + 2, 1);
	say_ends(ps, 3);
}

struct terms {
	int64_t *sum;
	int term[3];
};

CHILD(adds)
{
	struct terms *terms = arg;

	*terms->sum = terms->term[0] + terms->term[1] + terms->term[2];
	return 0;
}

SCENARIO(arguments_arrive)
{
	struct terms terms = { count, { 40, 1, 1 } };

	ends(go(ctx, adds, &terms));
	say("%d", (int)count[0]);
}

static int private = 1;

CHILD(changes_private)
{
	count[0] = ++private;
	return 0;
}

SCENARIO(memory_is_not_shared)
{
	ends(go(ctx, changes_private, NULL));
	say("%d", private);
	say("%d", (int)count[0]);
}

CHILD(copies_private)
{
	count[0] = private;
	return 0;
}

SCENARIO(memory_is_copied_when_it_starts)
{
	struct mp_process *p = make(ctx, copies_private, NULL);

	private = 5;
	must(mp_process_start(p));
	ends(p);
	say("%d", (int)count[0]);
}

CHILD(starts_another)
{
	count[0] = ends(go(ctx, exits, number(9)));
	return 8;
}

SCENARIO(child_of_a_child)
{
	say("%d", ends(go(ctx, starts_another, NULL)));
	say("%d", (int)count[0]);
}

static int ends_of[2];

CHILD(holds)
{
	flag_wait(ON, 1);
	return write(ends_of[1], "done", 4) == 4 ? 0 : 1;
}

CHILD(leaves_behind)
{
	go_as(ctx, NULL, arg != NULL, holds, NULL);
	return 0;
}

static void
say_left(void)
{
	char text[16] = "";
	ssize_t n;

	close(ends_of[1]);
	n = read(ends_of[0], text, sizeof(text) - 1);
	say("%s", n > 0 ? text : "nothing");
}

SCENARIO(daemon_is_ended_with_its_parent)
{
	must(pipe(ends_of));
	say("%d", ends(go(ctx, leaves_behind, number(1))));
	say_left();
}

CHILD(starts_one)
{
	struct mp_process *p = make(ctx, exits, NULL);

	count[0] = mp_process_start(p);
	return 0;
}

SCENARIO(a_daemon_may_have_no_children)
{
	int code = ends(go_as(ctx, NULL, true, starts_one, NULL));

	say("%s", word((int)count[0]));
	say("%d", code);
}

CHILD(tells_whether_daemon)
{
	count[0] = mp_current_daemon(ctx);
	return 0;
}

SCENARIO(a_daemon_knows_it)
{
	say("%s", yes(mp_current_daemon(ctx)));
	ends(go_as(ctx, NULL, true, tells_whether_daemon, NULL));
	say("%s", yes(count[0]));
	ends(go(ctx, tells_whether_daemon, NULL));
	say("%s", yes(count[0]));
}

SCENARIO(other_children_are_waited_for_at_the_end)
{
	struct mp_process *p;

	must(pipe(ends_of));
	p = go(ctx, leaves_behind, NULL);
	must_be(mp_process_join(p, SHORT_MS) == MP_ETIMEDOUT, "a timeout");
	say("%s", yes(mp_process_is_alive(p)));
	flag_up(ON, 1);
	say("%d", ends(p));
	say_left();
}
