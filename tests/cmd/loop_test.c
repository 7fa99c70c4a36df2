#include "cmd/loop.h"

#include <unistd.h>

#include "tests/harness.h"

struct seen {
	struct loop *loop;
	int calls;
	int forget; /* a descriptor to forget from within the handler */
};

static void
on_ready(void *arg, int fd, uint32_t events)
{
	struct seen *seen = arg;
	char byte;

	(void)events;
	seen->calls++;
	ck_assert_int_eq(read(fd, &byte, 1), 1);
	if (seen->forget >= 0)
		loop_forget(seen->loop, seen->forget);
}

START_TEST(loop_calls_who_is_ready_and_nobody_else)
{
	struct loop loop;
	int a[2], b[2];
	struct seen seen_a = { &loop, 0, -1 }, seen_b = { &loop, 0, -1 };

	ck_assert_int_eq(loop_init(&loop, NULL), 0);
	ck_assert_int_eq(pipe(a), 0);
	ck_assert_int_eq(pipe(b), 0);
	ck_assert_int_eq(loop_watch(&loop, a[0], EPOLLIN, on_ready, &seen_a),
	    0);
	ck_assert_int_eq(loop_watch(&loop, b[0], EPOLLIN, on_ready, &seen_b),
	    0);
	ck_assert_int_eq(write(b[1], "x", 1), 1);
	ck_assert_int_eq(loop_turn(&loop, 1000), 1);
	ck_assert_int_eq(seen_a.calls, 0);
	ck_assert_int_eq(seen_b.calls, 1);
	loop_fini(&loop);
}
END_TEST

START_TEST(loop_drops_an_event_of_a_descriptor_forgotten_meanwhile)
{
	struct loop loop;
	int a[2], b[2];
	struct seen seen_a = { &loop, 0, -1 }, seen_b = { &loop, 0, -1 };

	ck_assert_int_eq(loop_init(&loop, NULL), 0);
	ck_assert_int_eq(pipe(a), 0);
	ck_assert_int_eq(pipe(b), 0);
	seen_a.forget = b[0];
	seen_b.forget = a[0];
	ck_assert_int_eq(loop_watch(&loop, a[0], EPOLLIN, on_ready, &seen_a),
	    0);
	ck_assert_int_eq(loop_watch(&loop, b[0], EPOLLIN, on_ready, &seen_b),
	    0);
	ck_assert_int_eq(write(a[1], "x", 1), 1);
	ck_assert_int_eq(write(b[1], "x", 1), 1);
	ck_assert_int_eq(loop_turn(&loop, 1000), 2);
	ck_assert_int_eq(seen_a.calls + seen_b.calls, 1);
	loop_fini(&loop);
}
END_TEST

static volatile sig_atomic_t signalled;

static void
on_signal(int n)
{
	(void)n;
	signalled = 1;
}

START_TEST(loop_never_sleeps_through_a_signal_that_came_before_the_wait)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct loop loop;
	sigset_t set;

	sigaction(SIGTERM, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	ck_assert_int_eq(loop_init(&loop, &set), 0);
	ck_assert_int_eq(kill(getpid(), SIGTERM), 0);
	ck_assert_int_eq(signalled, 0);
	/* Blocked until now: the wait must end at once, not in a minute. */
	ck_assert_int_eq(loop_turn(&loop, 60000), 0);
	ck_assert_int_eq(signalled, 1);
	loop_fini(&loop);
}
END_TEST

TEST_MAIN("loop", loop_calls_who_is_ready_and_nobody_else,
    loop_drops_an_event_of_a_descriptor_forgotten_meanwhile,
    loop_never_sleeps_through_a_signal_that_came_before_the_wait)
