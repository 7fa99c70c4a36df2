#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipc/mp/context.h"
#include "ipc/mp/context_impl.h"
#include "tests/ipc/fixture.h"

static struct mp_context *
context_new(const char *name)
{
	struct mp_context *ctx = NULL;

	ck_assert_int_eq(mp_context_open(name, NULL, &ctx), 0);
	return ctx;
}

/* A child of a plain fork, with a seat of its own, that stays until killed. */
static pid_t
participant_start(struct mp_context *ctx, void (*hold)(struct mp_context *))
{
	int said[2];
	pid_t child;
	char byte;

	ck_assert_int_eq(pipe(said), 0);
	child = fork();
	if (child == 0) {
		byte = mp_context_join(ctx) == 0 ? 'y' : 'n';
		if (hold != NULL)
			hold(ctx);
		(void)!write(said[1], &byte, 1);
		pause();
		_exit(1);
	}
	close(said[1]);
	ck_assert_int_eq(read(said[0], &byte, 1), 1);
	ck_assert_int_eq(byte, 'y');
	close(said[0]);
	return child;
}

static void
kill_and_reap(pid_t child)
{
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
}

static size_t
names_left(const char *name)
{
	DIR *dir = opendir("/dev/shm");
	struct dirent *entry;
	size_t n = 0;

	while ((entry = readdir(dir)) != NULL)
		n += strstr(entry->d_name, name + 1) != NULL;
	closedir(dir);
	return n;
}

START_TEST(a_context_without_a_name_leaves_nothing_that_could_be_left)
{
	struct mp_context *ctx = context_new(NULL);

	ck_assert_str_eq(ctx->name, "");
	ck_assert_int_eq(mp_context_seat(ctx), 1);
	ck_assert_uint_eq(mp_context_seats(ctx), 1);
	mp_context_close(ctx);
	mp_context_close(NULL);
}
END_TEST

START_TEST(the_child_of_a_plain_fork_takes_part_only_with_a_seat_of_its_own)
{
	struct mp_context *ctx = context_new(NULL);
	pid_t child = fork();

	if (child == 0) {
		if (mp_context_seat(ctx) != MP_EPERM ||
		    mp_context_tend(ctx) != MP_EPERM ||
		    mp_context_join(ctx) != 0 || mp_context_seat(ctx) != 2 ||
		    mp_context_join(ctx) != MP_EINVAL)
			_exit(1);
		mp_context_close(ctx);
		_exit(0);
	}
	ck_child_ok(child);
	/* It left, and whoever looks next gives its seat free. */
	ck_assert_int_eq(mp_context_tend(ctx), 1);
	ck_assert_uint_eq(mp_context_seats(ctx), 1);
	mp_context_close(ctx);
}
END_TEST

START_TEST(who_was_killed_is_found_dead_before_and_after_it_is_reaped)
{
	struct mp_context *ctx = context_new(NULL);
	pid_t child = participant_start(ctx, NULL);
	siginfo_t info;

	ck_assert_int_eq(mp_context_tend(ctx), 0);
	ck_assert_uint_eq(mp_context_seats(ctx), 2);
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT),
	    0);
	ck_assert_int_eq(mp_context_tend(ctx), 1);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);

	kill_and_reap(participant_start(ctx, NULL));
	ck_assert_int_eq(mp_context_tend(ctx), 1);
	ck_assert_uint_eq(mp_context_seats(ctx), 1);
	mp_context_close(ctx);
}
END_TEST

START_TEST(who_started_after_the_seat_was_taken_is_another_of_that_pid)
{
	struct mp_context *ctx = context_new(NULL);
	pid_t child = participant_start(ctx, NULL);

	ck_assert_int_eq(mp_context_tend(ctx), 0);
	/* As if the seat were older than the process. */
	atomic_store(&ctx->shared->seat[2].since_ns, 1);
	ck_assert_int_eq(mp_context_tend(ctx), 1);
	ck_assert_uint_eq(mp_context_seats(ctx), 1);
	kill_and_reap(child);
	mp_context_close(ctx);
}
END_TEST

START_TEST(a_seat_taken_anew_has_no_wake_up_of_the_one_before)
{
	struct mp_context *ctx = context_new(NULL);
	pid_t child = participant_start(ctx, NULL);
	int credit;

	sem_post(ctx->sems[2]);
	kill_and_reap(child);
	ck_assert_int_eq(mp_context_tend(ctx), 1);
	child = participant_start(ctx, NULL);
	ck_assert_int_eq(sem_getvalue(ctx->sems[2], &credit), 0);
	ck_assert_int_eq(credit, 0);
	kill_and_reap(child);
	mp_context_close(ctx);
}
END_TEST

static void
hold_a_cell(struct mp_context *ctx)
{
	uint32_t cell;

	if (conveyor_pop(mp_view(ctx), MP_FREE, &cell) != 1)
		_exit(1);
}

START_TEST(what_the_dead_held_is_back_when_it_was_buried)
{
	struct mp_context *ctx = context_new(NULL);
	char why[128] = "";

	kill_and_reap(participant_start(ctx, hold_a_cell));
	ck_assert_int_eq(conveyor_word(ctx->cv, 0).state, CELL_HELD);
	ck_assert_int_eq(mp_context_tend(ctx), 1);
	ck_assert_int_eq(conveyor_word(ctx->cv, 0).state, CELL_QUEUED);
	ck_assert_msg(conveyor_check(ctx->cv, why, sizeof(why)) == 0, "%s",
	    why);
	mp_context_close(ctx);
}
END_TEST

START_TEST(a_seat_that_nobody_needs_is_taken_again)
{
	const struct mp_context_opts opts = { .seats = 2 };
	struct mp_context *ctx = NULL;
	pid_t child;

	ck_assert_int_eq(mp_context_open(NULL, &opts, &ctx), 0);
	for (int i = 0; i < 5; i++)
		/* Nobody tends: the next one finds the dead by itself. */
		kill_and_reap(participant_start(ctx, NULL));
	participant_start(ctx, NULL);
	child = fork();
	if (child == 0)
		_exit(mp_context_join(ctx) == MP_ENOSPC ? 0 : 1);
	ck_child_ok(child);
	mp_context_close(ctx);
}
END_TEST

START_TEST(a_name_in_use_is_refused_and_that_of_the_dead_is_taken)
{
	const char *name = test_unique_name();
	struct mp_context *ctx = NULL, *other = NULL;
	pid_t child = fork();

	if (child == 0) {
		if (mp_context_open(name, NULL, &ctx) != 0)
			_exit(1);
		raise(SIGKILL); /* its names stay */
	}
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_uint_gt(names_left(name), 2);
	ck_assert_int_eq(mp_context_attach(name, &other), MP_ECORRUPT);

	ck_assert_int_eq(mp_context_open(name, NULL, &ctx), 0);
	ck_assert_int_eq(mp_context_open(name, NULL, &other), -EEXIST);
	mp_context_close(ctx);
	ck_assert_uint_eq(names_left(name), 0);
	ck_assert_int_eq(mp_context_attach(name, &other), -ENOENT);
}
END_TEST

/* Opens, says how that went, stays until told to go. */
static pid_t
opener_start(const char *name, int go, int said, int end)
{
	struct mp_context *ctx = NULL;
	pid_t child = fork();
	char byte;

	if (child != 0)
		return child;
	(void)!read(go, &byte, 1);
	byte = mp_context_open(name, NULL, &ctx) == 0 ? 'y' : 'n';
	(void)!write(said, &byte, 1);
	(void)!read(end, &byte, 1);
	mp_context_close(ctx);
	_exit(0);
}

START_TEST(of_many_that_want_the_name_of_the_dead_one_gets_it)
{
	enum {
		OPENERS = 4,
		TURNS = 50
	};
	const char *name = test_unique_name();

	for (int turn = 0; turn < TURNS; turn++) {
		struct mp_context *ctx = NULL;
		int go[2], said[2], end[2], won = 0;
		char bytes[OPENERS] = "";
		pid_t child = fork(), openers[OPENERS];

		if (child == 0) {
			if (mp_context_open(name, NULL, &ctx) == 0)
				raise(SIGKILL);
			_exit(1);
		}
		ck_assert_int_eq(waitpid(child, NULL, 0), child);
		ck_assert_int_eq(pipe(go), 0);
		ck_assert_int_eq(pipe(said), 0);
		ck_assert_int_eq(pipe(end), 0);
		for (int i = 0; i < OPENERS; i++)
			openers[i] = opener_start(name, go[0], said[1], end[0]);
		ck_assert_int_eq(write(go[1], bytes, OPENERS), OPENERS);
		for (int i = 0; i < OPENERS; i++) {
			ck_assert_int_eq(read(said[0], bytes, 1), 1);
			won += bytes[0] == 'y';
		}
		ck_assert_int_eq(won, 1);
		ck_assert_int_eq(mp_context_attach(name, &ctx), 0);
		mp_context_close(ctx);
		ck_assert_int_eq(write(end[1], bytes, OPENERS), OPENERS);
		for (int i = 0; i < OPENERS; i++)
			ck_child_ok(openers[i]);
		for (int i = 0; i < 2; i++)
			close(go[i]), close(said[i]), close(end[i]);
	}
}
END_TEST

START_TEST(another_program_attaches_by_name)
{
	const char *name = test_unique_name();
	int go[2];
	struct mp_context *ctx = NULL, *other = NULL;
	char byte = 0;
	pid_t child;

	/* Forked before there is a context: nothing of it is inherited. */
	ck_assert_int_eq(pipe(go), 0);
	child = fork();
	if (child == 0) {
		uint32_t cell;

		if (read(go[0], &byte, 1) != 1 ||
		    mp_context_attach(name, &other) != 0 ||
		    mp_context_seat(other) != 2 ||
		    conveyor_pop(mp_view(other), MP_FREE, &cell) != 1)
			_exit(1);
		raise(SIGKILL);
	}
	ck_assert_int_eq(mp_context_open(name, NULL, &ctx), 0);
	ck_assert_int_eq(write(go[1], &byte, 1), 1);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_int_eq(mp_context_tend(ctx), 1);
	ck_assert_int_eq(conveyor_word(ctx->cv, 0).state, CELL_QUEUED);
	mp_context_close(ctx);
}
END_TEST

struct thread {
	struct mp_context *ctx;
	int before, attached, seat;
};

static void *
thread_run(void *arg)
{
	struct thread *t = arg;

	t->before = mp_context_seat(t->ctx);
	t->attached = mp_thread_attach(t->ctx);
	t->seat = mp_context_seat(t->ctx);
	mp_thread_detach(t->ctx);
	return NULL;
}

START_TEST(a_thread_has_a_seat_of_its_own_once_it_attaches)
{
	struct thread t = { .ctx = context_new(NULL) };
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, thread_run, &t), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(t.before, MP_EPERM);
	ck_assert_int_eq(t.attached, 0);
	ck_assert_int_eq(t.seat, 2);
	ck_assert_uint_eq(mp_context_seats(t.ctx), 1);
	mp_context_close(t.ctx);
}
END_TEST

START_TEST(what_makes_no_sense_is_refused)
{
	const struct mp_context_opts bad[] = {
		{ .start = (enum mp_start)7 },
		{ .seats = MP_SEATS_MAX + 1 },
		{ .queues = MP_QUEUES_MAX + 1 },
		{ .objects = MP_OBJECTS_MAX + 1 },
		{ .messages = MP_MESSAGES_MAX + 1 },
		{ .message_max = UINT64_C(1) << 31 },
		{ .attempts = 200 },
	};
	struct mp_context *ctx = NULL;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_int_eq(mp_context_open(NULL, &bad[i], &ctx),
		    MP_EINVAL);
	ck_assert_int_eq(mp_context_open("no-slash", NULL, &ctx), MP_EINVAL);
	ck_assert_int_eq(mp_context_open("/", NULL, &ctx), MP_EINVAL);
	ck_assert_int_eq(mp_context_open("/a/b", NULL, &ctx), MP_EINVAL);
	ck_assert_ptr_null(ctx);
}
END_TEST

START_TEST(every_error_has_a_sentence)
{
	ck_assert_str_eq(mp_strerror(MP_EFULL), "the queue is full");
	ck_assert_str_eq(mp_strerror(-EACCES), strerror(EACCES));
	ck_assert_uint_ge(mp_cpu_count(), 1);
}
END_TEST

TEST_MAIN("mp_context",
    a_context_without_a_name_leaves_nothing_that_could_be_left,
    the_child_of_a_plain_fork_takes_part_only_with_a_seat_of_its_own,
    who_was_killed_is_found_dead_before_and_after_it_is_reaped,
    who_started_after_the_seat_was_taken_is_another_of_that_pid,
    a_seat_taken_anew_has_no_wake_up_of_the_one_before,
    what_the_dead_held_is_back_when_it_was_buried,
    a_seat_that_nobody_needs_is_taken_again,
    a_name_in_use_is_refused_and_that_of_the_dead_is_taken,
    of_many_that_want_the_name_of_the_dead_one_gets_it,
    another_program_attaches_by_name,
    a_thread_has_a_seat_of_its_own_once_it_attaches,
    what_makes_no_sense_is_refused, every_error_has_a_sentence)
