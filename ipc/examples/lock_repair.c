/*
 * lock_repair - the holder of a lock is killed in the middle of a transfer, and
 * the next one repairs the books.
 */
#include <mpipc/mpipc.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static struct mp_lock *lock;
static struct mp_array *books; /* two accounts; together they are 1000 */

static void
need(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, mp_strerror(r));
	_exit(1); /* not exit(): in a child that would end the parent's files */
}

/* Take the lock; what its holder left half done is put right first. */
static void
take(void)
{
	int64_t *account = mp_array_data(books);
	int r = mp_lock_acquire(lock, -1);

	need(r, "acquire");
	if (r != MP_OWNERDEAD)
		return;
	printf("the holder died; the books say %d + %d\n", (int)account[0],
	    (int)account[1]);
	account[1] = 1000 - account[0]; /* right however often it is done */
	need(mp_lock_consistent(lock), "consistent");
}

static int
transfer(struct mp_context *ctx, void *arg)
{
	int64_t *account = mp_array_data(books);

	(void)ctx;
	take();
	account[0] -= 300;
	if (arg != NULL)
		kill(getpid(), SIGKILL); /* or the kernel, or an operator */
	account[1] += 300;
	return mp_lock_release(lock);
}

static void
run(struct mp_context *ctx, void *arg)
{
	struct mp_process *child;
	int64_t *account = mp_array_data(books);
	int code;

	need(mp_process_create(ctx, NULL, transfer, arg, &child), "create");
	need(mp_process_start(child), "start");
	need(mp_process_join(child, -1), "join");
	if (mp_process_exitcode(child, &code))
		printf("exit code %d: %d + %d\n", code, (int)account[0],
		    (int)account[1]);
	mp_process_close(child);
}

int
main(void)
{
	struct mp_context *ctx;
	int64_t *account;

	setvbuf(stdout, NULL, _IOLBF, 0); /* lines of all, in their order */
	need(mp_context_open(NULL, NULL, &ctx), "context");
	need(mp_lock_open(ctx, NULL, &lock), "lock");
	need(mp_array_open(ctx, NULL, sizeof(*account), 2, &books), "array");
	account = mp_array_data(books);
	account[0] = 1000;

	run(ctx, NULL);     /* a transfer */
	run(ctx, "killed"); /* one that is killed half way */
	run(ctx, NULL);     /* one that finds what that left */

	mp_array_close(books);
	mp_lock_close(lock);
	mp_context_close(ctx);
	return 0;
}
