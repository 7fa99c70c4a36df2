#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "ipc/mp/process.h"
#include "ipc/mp/process_impl.h"
#include "tests/ipc/fixture.h"

/* Seen by all processes of a test. */
struct board {
	_Atomic int starts, value;
	_Atomic pid_t pid, other;
	int pipe[2]; /* a byte: go on */
	char text[64];
};

static struct mp_context *
context_new(void)
{
	struct mp_context *ctx = NULL;

	ck_assert_int_eq(mp_context_open(NULL, NULL, &ctx), 0);
	return ctx;
}

static struct board *
board_new(void)
{
	struct board *b = mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(b, MAP_FAILED);
	ck_assert_int_eq(pipe(b->pipe), 0);
	return b;
}

static void
board_wait(struct board *b)
{
	char byte;

	if (read(b->pipe[0], &byte, 1) != 1)
		_exit(99);
}

static void
board_go(struct board *b)
{
	ck_assert_int_eq(write(b->pipe[1], "", 1), 1);
}

static struct mp_process *
start(struct mp_context *ctx, const struct mp_process_attr *attr, mp_target *fn,
    void *arg)
{
	struct mp_process *p = NULL;

	ck_assert_int_eq(mp_process_create(ctx, attr, fn, arg, &p), 0);
	ck_assert_int_eq(mp_process_start(p), 0);
	return p;
}

static int
code_of(struct mp_process *p)
{
	int code = -1000;

	ck_assert_int_eq(mp_process_join(p, -1), 0);
	ck_assert(mp_process_exitcode(p, &code));
	return code;
}

static int
return_arg(struct mp_context *ctx, void *arg)
{
	(void)ctx;
	return *(int *)arg;
}

static int
wait_for_go(struct mp_context *ctx, void *arg)
{
	struct board *b = arg;

	(void)ctx;
	b->pid = getpid();
	b->starts++;
	board_wait(b);
	return 0;
}

static int
wait_for_ever(struct mp_context *ctx, void *arg)
{
	struct board *b = arg;

	(void)ctx;
	b->pid = getpid();
	b->starts++;
	for (;;)
		pause();
	return 0;
}

static void
until(_Atomic int *value, int at_least)
{
	while (*value < at_least)
		usleep(200);
}

START_TEST(a_child_has_a_seat_and_its_code_is_what_it_returns)
{
	struct mp_context *ctx = context_new();
	struct board *b = board_new();
	struct mp_process *p = NULL;
	struct rusage usage;
	int code;

	ck_assert_int_eq(mp_process_create(ctx, NULL, wait_for_go, b, &p), 0);
	ck_assert(!mp_process_is_alive(p));
	ck_assert_int_eq(mp_process_pid(p), 0);
	ck_assert_int_eq(mp_process_join(p, 0), MP_EINVAL);
	ck_assert_int_eq(mp_process_sentinel(p), MP_EINVAL);
	ck_assert_int_eq(mp_process_kill(p), MP_EINVAL);

	ck_assert_int_eq(mp_process_start(p), 0);
	until(&b->starts, 1);
	ck_assert_int_eq(mp_process_start(p), MP_EINVAL);
	ck_assert_int_eq(mp_process_pid(p), b->pid);
	ck_assert_int_eq(mp_process_seat(p), 2);
	ck_assert_uint_eq(mp_process_incarnation(p), 1);
	ck_assert_uint_eq(mp_context_seats(ctx), 2);
	ck_assert(mp_process_is_alive(p));
	ck_assert(!mp_process_exitcode(p, &code));
	ck_assert_int_eq(mp_process_rusage(p, &usage), MP_EINVAL);
	ck_assert_int_eq(mp_process_join(p, 0), MP_ETIMEDOUT);
	ck_assert_int_eq(mp_process_join(p, 5), MP_ETIMEDOUT);
	ck_assert_int_eq(mp_process_close(p), MP_EINVAL);

	board_go(b);
	ck_assert_int_eq(code_of(p), 0);
	ck_assert(!mp_process_is_alive(p));
	ck_assert_int_eq(mp_process_rusage(p, &usage), 0);
	ck_assert_int_gt(usage.ru_maxrss, 0);
	ck_assert_uint_eq(mp_context_seats(ctx), 1);
	ck_assert_int_eq(mp_process_join(p, 0), 0);
	ck_assert_int_eq(mp_process_kill(p), 0);
	ck_assert_int_eq(mp_process_close(p), 0);
	ck_assert_int_eq(mp_process_close(NULL), 0);
	mp_context_close(ctx);
}
END_TEST

START_TEST(exit_codes_have_eight_bits)
{
	static const int codes[][2] = { { 0, 0 }, { 7, 7 }, { 255, 255 },
		{ 256, 0 }, { -1, 255 } };
	struct mp_context *ctx = context_new();

	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		int code = codes[i][0];
		struct mp_process *p = start(ctx, NULL, return_arg, &code);

		ck_assert_int_eq(code_of(p), codes[i][1]);
		ck_assert_int_eq(mp_process_close(p), 0);
	}
	mp_context_close(ctx);
}
END_TEST

static int
raise_arg(struct mp_context *ctx, void *arg)
{
	(void)ctx;
	prctl(PR_SET_DUMPABLE, 0); /* no core */
	signal(*(int *)arg, SIG_DFL);
	raise(*(int *)arg);
	return 0;
}

START_TEST(one_that_a_signal_ended_has_its_negative_number)
{
	static int signals[] = { SIGTERM, SIGKILL, SIGSEGV, SIGUSR1 };
	struct mp_context *ctx = context_new();

	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		struct mp_process *p = start(ctx, NULL, raise_arg, &signals[i]);

		ck_assert_int_eq(code_of(p), -signals[i]);
		ck_assert_int_eq(mp_process_close(p), 0);
	}
	mp_context_close(ctx);
}
END_TEST

START_TEST(terminate_and_kill_end_it)
{
	struct mp_context *ctx = context_new();
	struct board *b = board_new();
	struct mp_process *p = start(ctx, NULL, wait_for_ever, b);

	ck_assert_int_eq(mp_process_terminate(p), 0);
	ck_assert_int_eq(code_of(p), -SIGTERM);
	p = start(ctx, NULL, wait_for_ever, b);
	ck_assert_int_eq(mp_process_kill(p), 0);
	ck_assert_int_eq(code_of(p), -SIGKILL);
	mp_context_close(ctx);
}
END_TEST

START_TEST(the_sentinel_is_readable_when_it_has_ended)
{
	struct mp_context *ctx = context_new();
	struct board *b = board_new();
	struct mp_process *p = start(ctx, NULL, wait_for_go, b);
	struct pollfd end = { .fd = mp_process_sentinel(p), .events = POLLIN };

	ck_assert_int_eq(poll(&end, 1, 0), 0);
	board_go(b);
	ck_assert_int_eq(poll(&end, 1, -1), 1);
	ck_assert_int_eq(code_of(p), 0);
	mp_context_close(ctx);
}
END_TEST

static int
hold_a_cell(struct mp_context *ctx, void *arg)
{
	uint32_t cell;

	if (conveyor_pop(mp_view(ctx), MP_FREE, &cell) != 1)
		return 1;
	return wait_for_ever(ctx, arg);
}

START_TEST(what_a_killed_child_held_is_back_when_it_is_joined)
{
	struct mp_context *ctx = context_new();
	struct board *b = board_new();
	struct mp_process *p = start(ctx, NULL, hold_a_cell, b);

	until(&b->starts, 1);
	ck_assert_int_eq(conveyor_word(ctx->cv, 0).state, CELL_HELD);
	ck_assert_int_eq(kill(mp_process_pid(p), SIGKILL), 0);
	ck_assert_int_eq(mp_process_join(p, -1), 0);
	ck_assert_int_eq(conveyor_word(ctx->cv, 0).state, CELL_QUEUED);
	ck_assert_uint_eq(mp_context_seats(ctx), 1);
	mp_context_close(ctx);
}
END_TEST

static int
hold_a_cell_and_end(struct mp_context *ctx, void *arg)
{
	uint32_t cell;

	if (conveyor_pop(mp_view(ctx), MP_FREE, &cell) != 1)
		return 1;
	if (arg != NULL)
		_exit(0);
	return 0;
}

START_TEST(who_returns_is_not_blamed_and_who_breaks_off_is)
{
	struct mp_context *ctx = context_new();
	uint32_t blames = 0;
	int yes = 1;

	ck_assert_int_eq(code_of(start(ctx, NULL, hold_a_cell_and_end, NULL)),
	    0);
	for (uint32_t c = 0; c < ctx->shared->shape.cells; c++)
		blames += conveyor_word(ctx->cv, c).attempts;
	ck_assert_uint_eq(blames, 0);
	ck_assert_int_eq(code_of(start(ctx, NULL, hold_a_cell_and_end, &yes)),
	    0);
	for (uint32_t c = 0; c < ctx->shared->shape.cells; c++)
		blames += conveyor_word(ctx->cv, c).attempts;
	ck_assert_uint_eq(blames, 1);
	mp_context_close(ctx);
}
END_TEST

static int
tell_names(struct mp_context *ctx, void *arg)
{
	struct board *b = arg;
	struct mp_process *p = NULL;

	if (mp_process_create(ctx, NULL, tell_names, b, &p) != 0)
		return 1;
	snprintf(b->text, sizeof(b->text), "%s %d %s", mp_current_process(ctx),
	    mp_current_daemon(ctx), mp_process_name(p));
	b->other = mp_parent_process(ctx);
	return 0;
}

START_TEST(names_are_given_and_counted_as_in_python)
{
	const struct mp_process_attr named = { .name = "craw0",
		.daemon = true };
	const struct mp_process_attr too_long = {
		.name =
		    "a name of more than forty-seven bytes, which is one too "
		    "long"
	};
	struct mp_context *ctx = context_new();
	struct board *b = board_new();
	struct mp_process *p = NULL;

	ck_assert_str_eq(mp_current_process(ctx), "MainProcess");
	ck_assert_int_eq(mp_parent_process(ctx), 0);
	p = start(ctx, NULL, tell_names, b);
	ck_assert_str_eq(mp_process_name(p), "Process-1");
	ck_assert_int_eq(code_of(p), 0);
	ck_assert_str_eq(b->text, "Process-1 0 Process-1:1");
	ck_assert_int_eq(b->other, getpid());

	p = start(ctx, &named, tell_names, b);
	ck_assert_str_eq(mp_process_name(p), "craw0");
	ck_assert(mp_process_daemon(p));
	ck_assert_int_eq(code_of(p), 0);
	ck_assert_str_eq(b->text, "craw0 1 Process-2:1");
	ck_assert_int_eq(mp_process_create(ctx, &too_long, tell_names, b, &p),
	    MP_EINVAL);
	mp_context_close(ctx);
}
END_TEST

static int
start_a_child(struct mp_context *ctx, void *arg)
{
	struct mp_process *p = NULL;

	if (mp_process_create(ctx, NULL, wait_for_ever, arg, &p) != 0)
		return 100;
	return -mp_process_start(p);
}

START_TEST(a_daemon_has_no_children)
{
	const struct mp_process_attr daemon = { .daemon = true };
	struct mp_context *ctx = context_new();
	struct mp_process *p = start(ctx, &daemon, start_a_child, board_new());

	ck_assert_int_eq(code_of(p), EINVAL);
	mp_context_close(ctx);
}
END_TEST

START_TEST(active_children_are_those_that_live)
{
	struct mp_context *ctx = context_new();
	struct board *b = board_new();
	struct mp_process *p = start(ctx, NULL, wait_for_go, b);
	struct mp_process *q = start(ctx, NULL, wait_for_ever, b);
	struct mp_process *live[4] = { NULL };

	ck_assert_uint_eq(mp_active_children(ctx, live, 1), 2);
	ck_assert(live[0] == p || live[0] == q);
	ck_assert_ptr_null(live[1]);
	until(&b->starts, 2);
	board_go(b);
	ck_assert_int_eq(code_of(p), 0);
	ck_assert_uint_eq(mp_active_children(ctx, live, 4), 1);
	ck_assert_ptr_eq(live[0], q);
	ck_assert_int_eq(mp_process_kill(q), 0);
	/* It joins those that have ended. */
	while (mp_active_children(ctx, live, 4) != 0)
		usleep(200);
	ck_assert_uint_eq(mp_context_seats(ctx), 1);
	mp_context_close(ctx);
}
END_TEST

static int
fail_twice(struct mp_context *ctx, void *arg)
{
	struct board *b = arg;

	(void)ctx;
	if (++b->starts < 3)
		raise(SIGKILL);
	return 0;
}

START_TEST(one_that_fails_is_started_again_until_it_does_not)
{
	const struct mp_process_attr attr = { .restart = MP_RESTART_ON_FAILURE,
		.backoff_ms = 1 };
	struct mp_context *ctx = context_new();
	struct board *b = board_new();
	struct mp_process *p = start(ctx, &attr, fail_twice, b);

	ck_assert_int_eq(code_of(p), 0);
	ck_assert_int_eq(b->starts, 3);
	ck_assert_uint_eq(mp_process_incarnation(p), 3);
	ck_assert_uint_eq(mp_context_seats(ctx), 1);
	mp_context_close(ctx);
}
END_TEST

static int
fail_always(struct mp_context *ctx, void *arg)
{
	struct board *b = arg;

	(void)ctx;
	b->starts++;
	return 3;
}

START_TEST(restarts_in_a_row_come_to_an_end)
{
	const struct mp_process_attr attr = { .restart = MP_RESTART_ALWAYS,
		.max_restarts = 4,
		.backoff_ms = 1 };
	struct mp_context *ctx = context_new();
	struct board *b = board_new();
	struct mp_process *p = start(ctx, &attr, fail_always, b);

	ck_assert_int_eq(code_of(p), 3);
	ck_assert_int_eq(b->starts, 5);
	mp_context_close(ctx);
}
END_TEST

START_TEST(one_that_rests_is_alive_and_can_be_ended)
{
	const struct mp_process_attr attr = { .restart = MP_RESTART_ALWAYS,
		.backoff_ms = 1000 * 1000 };
	struct mp_context *ctx = context_new();
	struct board *b = board_new();
	struct mp_process *p = start(ctx, &attr, fail_always, b);
	struct pollfd end = { .fd = mp_process_sentinel(p), .events = POLLIN };
	int code;

	ck_assert_int_eq(poll(&end, 1, -1), 1);
	ck_assert_int_eq(mp_process_join(p, 1), MP_ETIMEDOUT);
	ck_assert(mp_process_is_alive(p));
	ck_assert(!mp_process_exitcode(p, &code));
	ck_assert_uint_eq(mp_active_children(ctx, NULL, 0), 1);
	ck_assert_int_eq(mp_process_terminate(p), 0);
	ck_assert_int_eq(code_of(p), 3);
	ck_assert_int_eq(b->starts, 1);
	mp_context_close(ctx);
}
END_TEST

START_TEST(who_joins_one_child_restarts_the_others)
{
	const struct mp_process_attr attr = { .restart = MP_RESTART_ON_FAILURE,
		.backoff_ms = 1 };
	struct mp_context *ctx = context_new();
	struct board *a = board_new(), *b = board_new();
	struct mp_process *p, *q;

	p = start(ctx, &attr, wait_for_ever, a);
	until(&a->starts, 1);
	ck_assert_int_eq(kill(a->pid, SIGKILL), 0);
	q = start(ctx, NULL, wait_for_go, b);
	while (a->starts < 2)
		ck_assert_int_eq(mp_process_join(q, 10), MP_ETIMEDOUT);
	/* By us: not again. */
	ck_assert_int_eq(mp_process_kill(p), 0);
	ck_assert_int_eq(code_of(p), -SIGKILL);
	ck_assert_uint_eq(mp_process_incarnation(p), 2);
	board_go(b);
	ck_assert_int_eq(code_of(q), 0);
	mp_context_close(ctx);
}
END_TEST

static int
ignore_sigterm(struct mp_context *ctx, void *arg)
{
	signal(SIGTERM, SIG_IGN);
	return wait_for_ever(ctx, arg);
}

START_TEST(closing_ends_daemons_and_waits_for_the_others)
{
	const struct mp_process_attr daemon = { .daemon = true };
	struct mp_context *ctx = context_new();
	struct board *b = board_new(), *c = board_new();

	start(ctx, NULL, wait_for_go, b);
	start(ctx, &daemon, wait_for_ever, c);
	start(ctx, &daemon, ignore_sigterm, c);
	until(&c->starts, 2);
	board_go(b);
	mp_context_close(ctx);
	ck_assert_int_eq(b->starts, 1);
	/* None is left, not even to be waited for. */
	ck_assert_int_eq(waitpid(-1, NULL, 0), -1);
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

static int
leave_children(struct mp_context *ctx, void *arg)
{
	const struct mp_process_attr daemon = { .daemon = true };
	struct board *b = arg;
	struct mp_process *p = NULL;

	if (mp_process_create(ctx, &daemon, wait_for_ever, b, &p) != 0 ||
	    mp_process_start(p) != 0)
		return 1;
	until(&b->starts, 1);
	b->other = b->pid;
	if (mp_process_create(ctx, NULL, wait_for_go, b, &p) != 0 ||
	    mp_process_start(p) != 0)
		return 2;
	return 0;
}

START_TEST(a_child_that_returns_ends_its_own_children)
{
	struct mp_context *ctx = context_new();
	struct board *b = board_new();
	struct mp_process *p = start(ctx, NULL, leave_children, b);

	until(&b->starts, 2);
	ck_assert_int_eq(mp_process_join(p, 0), MP_ETIMEDOUT);
	board_go(b); /* what it waits for */
	ck_assert_int_eq(code_of(p), 0);
	ck_assert_int_eq(kill(b->other, 0), -1);
	ck_assert_int_eq(errno, ESRCH);
	ck_assert_int_eq(mp_context_tend(ctx), 0);
	ck_assert_uint_eq(mp_context_seats(ctx), 1);
	mp_context_close(ctx);
}
END_TEST

static int
start_and_pause(struct mp_context *ctx, void *arg)
{
	struct mp_process *p = NULL;

	if (mp_process_create(ctx, NULL, hold_a_cell, arg, &p) != 0 ||
	    mp_process_start(p) != 0)
		return 1;
	for (;;)
		pause();
	return 0;
}

START_TEST(a_child_dies_with_a_parent_that_is_killed)
{
	struct mp_context *ctx = context_new();
	struct board *b = board_new();
	struct mp_process *p = start(ctx, NULL, start_and_pause, b);

	/* It comes to us, not to init, so that its end can be waited for. */
	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	until(&b->starts, 1);
	ck_assert_int_eq(mp_process_kill(p), 0);
	ck_assert_int_eq(code_of(p), -SIGKILL);
	ck_assert_int_eq(waitpid(b->pid, NULL, 0), b->pid);
	ck_assert_int_eq(mp_context_tend(ctx), 1);
	ck_assert_uint_eq(mp_context_seats(ctx), 1);
	ck_assert_int_eq(conveyor_word(ctx->cv, 0).state, CELL_QUEUED);
	mp_context_close(ctx);
}
END_TEST

static struct mp_process *inherited;

static int
use_inherited(struct mp_context *ctx, void *arg)
{
	int code;

	(void)ctx, (void)arg;
	return mp_process_join(inherited, -1) == MP_EINVAL &&
		       mp_process_kill(inherited) == MP_EINVAL &&
		       mp_process_close(inherited) == MP_EINVAL &&
		       mp_process_start(inherited) == MP_EINVAL &&
		       !mp_process_is_alive(inherited) &&
		       !mp_process_exitcode(inherited, &code) &&
		       mp_active_children(ctx, NULL, 0) == 0
		   ? 0
		   : 1;
}

START_TEST(a_handle_is_its_process_s_and_no_child_s)
{
	struct mp_context *ctx = context_new();
	struct board *b = board_new();

	inherited = start(ctx, NULL, wait_for_ever, b);
	ck_assert_int_eq(code_of(start(ctx, NULL, use_inherited, NULL)), 0);
	ck_assert(mp_process_is_alive(inherited));
	ck_assert_int_eq(mp_process_kill(inherited), 0);
	mp_context_close(ctx);
}
END_TEST

START_TEST(no_seat_no_child)
{
	const struct mp_context_opts opts = { .seats = 2 };
	struct mp_context *ctx = NULL;
	struct board *b = board_new();
	struct mp_process *p = NULL, *q;
	pid_t child;

	ck_assert_int_eq(mp_context_open(NULL, &opts, &ctx), 0);
	q = start(ctx, NULL, wait_for_ever, b);
	ck_assert_int_eq(mp_process_create(ctx, NULL, wait_for_go, b, &p), 0);
	ck_assert_int_eq(mp_process_start(p), MP_ENOSPC);
	ck_assert(!mp_process_is_alive(p));
	ck_assert_int_eq(mp_process_kill(q), 0);
	ck_assert_int_eq(code_of(q), -SIGKILL);
	ck_assert_int_eq(mp_process_start(p), 0); /* it was not started */
	board_go(b);
	ck_assert_int_eq(code_of(p), 0);

	child = fork();
	if (child == 0) { /* by a plain fork: it has none itself */
		if (mp_process_create(ctx, NULL, wait_for_go, b, &p) != 0)
			_exit(1);
		_exit(mp_process_start(p) == MP_EPERM ? 0 : 2);
	}
	ck_child_ok(child);
	mp_context_close(ctx);
}
END_TEST

static void
wrong_atexit(void)
{
	(void)!write(STDOUT_FILENO, "atexit", 6);
}

static int
print_line(struct mp_context *ctx, void *arg)
{
	(void)ctx;
	printf("%s", (const char *)arg);
	return 0;
}

START_TEST(stdout_is_written_once_and_no_atexit_handler_runs)
{
	struct mp_context *ctx = context_new();
	int saved = dup(STDOUT_FILENO), to[2];
	struct mp_process *p;
	char text[64];
	ssize_t len;

	fflush(stdout);
	ck_assert_int_eq(pipe(to), 0);
	ck_assert_int_eq(dup2(to[1], STDOUT_FILENO), STDOUT_FILENO);
	ck_assert_int_eq(atexit(wrong_atexit), 0);
	printf("parent ");
	p = start(ctx, NULL, print_line, (char[]){ "child" });
	ck_assert_int_eq(code_of(p), 0);
	fflush(stdout);
	ck_assert_int_eq(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
	close(to[1]);
	len = read(to[0], text, sizeof(text) - 1);
	ck_assert_int_gt(len, 0);
	text[len] = '\0';
	ck_assert_str_eq(text, "parent child");
	mp_context_close(ctx);
	_exit(0); /* so that ours does not run either */
}
END_TEST

static int
copy_is(struct mp_context *ctx, void *arg)
{
	(void)ctx;
	return strcmp(arg, "a copy");
}

START_TEST(a_copied_argument_is_that_of_the_moment)
{
	struct mp_context *ctx = context_new();
	char text[] = "a copy";
	struct mp_process *p = NULL;

	ck_assert_int_eq(mp_process_create(ctx, NULL, copy_is, NULL, &p), 0);
	ck_assert_int_eq(mp_process_set_spawn_arg(p, text, sizeof(text)), 0);
	memset(text, 'x', sizeof(text));
	ck_assert_int_eq(mp_process_start(p), 0);
	ck_assert_int_eq(mp_process_set_spawn_arg(p, text, 1), MP_EINVAL);
	ck_assert_int_eq(code_of(p), 0);
	mp_context_close(ctx);
}
END_TEST

/* --- spawned -------------------------------------------------------------- */

static int
spawned(struct mp_context *ctx, void *arg)
{
	uint32_t cell;

	if (strcmp(mp_current_process(ctx), "again") != 0 ||
	    mp_context_seat(ctx) != 2 || mp_parent_process(ctx) != getppid())
		return 10;
	if (arg == NULL)
		return conveyor_pop(mp_view(ctx), MP_FREE, &cell) == 1 ? 42
								       : 11;
	if (strcmp(arg, "die") == 0 &&
	    conveyor_pop(mp_view(ctx), MP_FREE, &cell) == 1)
		raise(SIGKILL);
	return strcmp(arg, "bytes") == 0 ? 43 : 12;
}

static const struct mp_function functions[] = { { "spawned", spawned },
	{ NULL, NULL } };

static struct mp_context *
spawn_context_new(void)
{
	const struct mp_context_opts opts = { .start = MP_START_SPAWN };
	struct mp_context *ctx = NULL;

	ck_assert_int_eq(mp_context_open(test_unique_name(), &opts, &ctx), 0);
	return ctx;
}

static int
spawn(struct mp_context *ctx, const char *arg)
{
	const struct mp_process_attr attr = { .name = "again" };
	struct mp_process *p = NULL;
	int code;

	ck_assert_int_eq(mp_process_create(ctx, &attr, spawned, NULL, &p), 0);
	if (arg != NULL)
		ck_assert_int_eq(mp_process_set_spawn_arg(p, arg,
				     strlen(arg) + 1),
		    0);
	ck_assert_int_eq(mp_process_start(p), 0);
	code = code_of(p);
	ck_assert_int_eq(mp_process_close(p), 0);
	return code;
}

START_TEST(a_spawned_child_begins_anew_and_takes_part)
{
	struct mp_context *ctx = spawn_context_new();

	ck_assert_int_eq(spawn(ctx, NULL), 42);
	ck_assert_int_eq(conveyor_word(ctx->cv, 0).state, CELL_QUEUED);
	ck_assert_int_eq(spawn(ctx, "bytes"), 43);
	ck_assert_int_eq(spawn(ctx, "die"), -SIGKILL);
	for (uint32_t c = 0; c < ctx->shared->shape.cells; c++)
		ck_assert_int_eq(conveyor_word(ctx->cv, c).state, CELL_QUEUED);
	ck_assert_uint_eq(mp_context_seats(ctx), 1);
	mp_context_close(ctx);
}
END_TEST

START_TEST(what_cannot_be_spawned_is_refused)
{
	struct mp_context *ctx = spawn_context_new();
	struct mp_process *p = NULL;
	int code = 0;

	ck_assert_int_eq(mp_process_create(ctx, NULL, return_arg, &code, &p),
	    0);
	ck_assert_int_eq(mp_process_start(p), MP_EINVAL);
	ck_assert_int_eq(mp_process_set_spawn_arg(p, "", MP_SPAWN_ARG_MAX + 1),
	    MP_EINVAL);
	ck_assert_uint_eq(mp_context_seats(ctx), 1);

	/* Another context has that name by then: no seat in it is ours. */
	ck_assert_int_eq(mp_process_create(ctx, NULL, spawned, NULL, &p), 0);
	memcpy(ctx->name, "/mpct-none", sizeof("/mpct-none"));
	ctx->owns_name = false;
	ck_assert_int_eq(mp_process_start(p), 0);
	ck_assert_int_eq(code_of(p), 1);
	mp_context_close(ctx);
}
END_TEST

/* --- threads -------------------------------------------------------------- */

static void *
join_it(void *p)
{
	return mp_process_join(p, -1) == 0 ? p : NULL;
}

START_TEST(several_threads_may_join_one)
{
	struct mp_context *ctx = context_new();
	struct board *b = board_new();
	struct mp_process *p = start(ctx, NULL, wait_for_go, b);
	pthread_t threads[4];
	void *joined;

	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, join_it, p),
		    0);
	board_go(b);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		ck_assert_int_eq(pthread_join(threads[i], &joined), 0);
		ck_assert_ptr_eq(joined, p);
	}
	mp_context_close(ctx);
}
END_TEST

int
main(int argc, char **argv)
{
	const TTest *const tests[] = {
		a_child_has_a_seat_and_its_code_is_what_it_returns,
		exit_codes_have_eight_bits,
		one_that_a_signal_ended_has_its_negative_number,
		terminate_and_kill_end_it,
		the_sentinel_is_readable_when_it_has_ended,
		what_a_killed_child_held_is_back_when_it_is_joined,
		who_returns_is_not_blamed_and_who_breaks_off_is,
		names_are_given_and_counted_as_in_python,
		a_daemon_has_no_children,
		active_children_are_those_that_live,
		one_that_fails_is_started_again_until_it_does_not,
		restarts_in_a_row_come_to_an_end,
		one_that_rests_is_alive_and_can_be_ended,
		who_joins_one_child_restarts_the_others,
		closing_ends_daemons_and_waits_for_the_others,
		a_child_that_returns_ends_its_own_children,
		a_child_dies_with_a_parent_that_is_killed,
		a_handle_is_its_process_s_and_no_child_s,
		no_seat_no_child,
		stdout_is_written_once_and_no_atexit_handler_runs,
		a_copied_argument_is_that_of_the_moment,
		a_spawned_child_begins_anew_and_takes_part,
		what_cannot_be_spawned_is_refused,
		several_threads_may_join_one,
	};

	mp_spawn_main(argc, argv, functions);
	return test_main("mp_process", tests, ARRAY_LEN(tests));
}
