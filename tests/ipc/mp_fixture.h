/*
 * mp_fixture - a context, and participants that hold, wait and are killed: for
 * the tests of ipc/mp/.
 */
#ifndef TESTS_IPC_MP_FIXTURE_H
#define TESTS_IPC_MP_FIXTURE_H

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ipc/mp/context_impl.h"
#include "tests/harness.h"

/* In a child: it ends, and its test with it. */
#define EXPECT(condition)                                                      \
	do {                                                                   \
		if (!(condition)) {                                            \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__,     \
			    #condition);                                       \
			_exit(1);                                              \
		}                                                              \
	} while (0)

__attribute__((unused)) static struct mp_context *
context_new(void)
{
	struct mp_context *ctx = NULL;

	ck_assert_int_eq(mp_context_open(NULL, NULL, &ctx), 0);
	return ctx;
}

/* Memory that all see, and nothing guards. */
__attribute__((unused)) static void *
shared_new(size_t size)
{
	void *shared = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(shared, MAP_FAILED);
	return shared;
}

/* A child with a seat of its own, that ends with 0 if `run` comes back. */
__attribute__((unused)) static pid_t
child_start(struct mp_context *ctx, void (*run)(struct mp_context *, void *),
    void *arg)
{
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		EXPECT(mp_context_join(ctx) == 0);
		run(ctx, arg);
		mp_context_close(ctx);
		_exit(0);
	}
	return child;
}

__attribute__((unused)) static void
child_ok(pid_t child)
{
	int status;

	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	    "child: status %#x", (unsigned)status);
}

/* The same, back when `run` is through; it then stays until it is killed. */
__attribute__((unused)) static pid_t
holder_start(struct mp_context *ctx, void (*run)(struct mp_context *, void *),
    void *arg)
{
	int said[2];
	pid_t child;
	char byte = 'y';

	ck_assert_int_eq(pipe(said), 0);
	child = fork();
	if (child == 0) {
		EXPECT(mp_context_join(ctx) == 0);
		run(ctx, arg);
		EXPECT(write(said[1], &byte, 1) == 1);
		pause();
		_exit(1);
	}
	close(said[1]);
	ck_assert_int_eq(read(said[0], &byte, 1), 1);
	close(said[0]);
	return child;
}

__attribute__((unused)) static void
kill_and_reap(pid_t child)
{
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
}

/* Back when it stands still. */
__attribute__((unused)) static void
stop(pid_t child)
{
	int status;

	ck_assert_int_eq(kill(child, SIGSTOP), 0);
	ck_assert_int_eq(waitpid(child, &status, WUNTRACED), child);
	ck_assert(WIFSTOPPED(status));
}

/* Until `condition` holds; the test's own time limit ends it. */
#define AWAIT(condition)                                                       \
	while (!(condition))                                                   \
	nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL)

__attribute__((unused)) static unsigned
sleepers(const struct mp_waiters *waiters)
{
	unsigned n = 0;

	for (size_t i = 0; i < MP_SEAT_IDS / 64; i++)
		n += (unsigned)__builtin_popcountll(
		    atomic_load(&waiters->word[i]));
	return n;
}

#endif
