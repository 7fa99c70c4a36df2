/*
 * Processes: a child killed between its fork and its end, and a parent killed
 * while it starts and joins one, behind each change of shared memory and
 * around each system call.  The other of the two, or whoever is left, finds
 * every seat free again and every cell in its place.
 */
#include <sys/prctl.h>

#include "ipc/mp/process.h"
#include "tests/kill/mp_crew.h"

enum {
	SPREAD = 12, /* kills between those points */
	CODE = 7     /* of a child that ends: not 0, which no event says */
};

/* The next child of a fork stands still and is ours to step. */
static bool stand_still;

static void
in_child(void)
{
	if (!stand_still)
		return;
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
}

static bool
all_is_free(struct mp_context *ctx, const char *when)
{
	char why[128] = "";
	uint32_t incarnation;
	unsigned n = 0;
	int seat;

	mp_points++;
	if (!check(mp_context_seats(ctx) == 1, "%s: %u seats are taken", when,
		mp_context_seats(ctx)) ||
	    !check(conveyor_check(ctx->cv, why, sizeof(why)) == 0, "%s: %s",
		when, why))
		return false;
	need(mp_context_lock(ctx) == 0, "lock");
	while ((seat = mp_seat_take(ctx, 0, &incarnation)) > 0)
		n++;
	mp_context_unlock(ctx);
	return check(n == ctx->shared->seats - 1, "%s: %u seats are free", when,
	    n);
}

/* --- the child is killed -------------------------------------------------- */

static int
hold_and_return(struct mp_context *ctx, void *arg)
{
	uint32_t cell;

	(void)arg;
	return conveyor_pop(mp_view(ctx), MP_FREE, &cell) == 1 ? CODE : 1;
}

static struct mp_process *
start_still(struct mp_context *ctx, pid_t *child)
{
	struct mp_process *p = NULL;
	int status;

	need(mp_process_create(ctx, NULL, hold_and_return, NULL, &p) == 0,
	    "mp_process_create");
	fflush(stdout);
	stand_still = true;
	need(mp_process_start(p) == 0, "mp_process_start");
	stand_still = false;
	*child = mp_process_pid(p);
	need(waitpid(*child, &status, 0) == *child && WIFSTOPPED(status),
	    "the child does not stop");
	need(ptrace(PTRACE_SETOPTIONS, *child, NULL,
		 PTRACE_O_EXITKILL | PTRACE_O_TRACEEXIT) == 0,
	    "ptrace");
	return p;
}

/* STEP_THROUGH: it is about to be gone. */
static enum child_step
step_to_exit(pid_t child)
{
	enum child_step r = child_step(child);
	unsigned long message = 0;

	if (r == STEP_DONE)
		need(ptrace(PTRACE_GETEVENTMSG, child, NULL, &message) == 0,
		    "ptrace");
	return message != 0 ? STEP_THROUGH : r;
}

/* The points of a child that `step` takes from where it stands to its end. */
static int
points_of(struct mp_context *ctx, pid_t child, enum child_step (*step)(pid_t),
    long at[MP_CHANGES_MAX])
{
	struct mp_picture picture;
	enum child_step r = STEP_DONE;
	long steps = 0, last = 0;
	int n = 0;

	mp_picture_init(&picture, ctx);
	mp_picture_look(&picture, ctx);
	while (n + 2 < MP_CHANGES_MAX && steps < MP_STEPS_MAX) {
		bool in_kernel = child_at_syscall(child);

		if (in_kernel && last != steps)
			at[n++] = steps;
		r = step(child);
		if (r != STEP_DONE)
			break;
		steps++;
		if (mp_picture_look(&picture, ctx) || in_kernel || crew_long())
			at[n++] = last = steps;
	}
	mp_steps += steps;
	mp_picture_fini(&picture);
	for (int i = 1; i < SPREAD && n < MP_CHANGES_MAX; i++)
		at[n++] = steps * i / SPREAD;
	return r == STEP_THROUGH ? n : -1;
}

static bool
kill_child_at(const struct mp_context_opts *opts, long steps)
{
	struct mp_context *ctx = NULL;
	struct mp_process *p;
	char when[80];
	pid_t child;
	int code = 0;
	bool ok;

	need(mp_context_open(NULL, opts, &ctx) == 0, "mp_context_open");
	p = start_still(ctx, &child);
	for (long i = 0; i < steps && step_to_exit(child) == STEP_DONE; i++)
		;
	/* Else it would stand still once more, to tell of its end. */
	ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_EXITKILL);
	need(kill(child, SIGKILL) == 0, "kill");
	mp_kills++;
	snprintf(when, sizeof(when), "child, killed after %ld", steps);
	ok = check(mp_process_join(p, -1) == 0 &&
		       mp_process_exitcode(p, &code) && code == -SIGKILL,
		 "%s: code %d", when, code) &&
	     all_is_free(ctx, when);
	mp_context_close(ctx);
	return ok;
}

static void
step_child(const struct mp_context_opts *opts)
{
	static long at[MP_CHANGES_MAX];
	struct mp_context *ctx = NULL;
	pid_t child;
	bool ok;
	int n;

	need(mp_context_open(NULL, opts, &ctx) == 0, "mp_context_open");
	start_still(ctx, &child);
	n = points_of(ctx, child, step_to_exit, at);
	/* Its pid, the clock, LIVE, the cell and its ring, LEFT. */
	ok = check(n - SPREAD >= 6, "child: %d points", n);
	ptrace(PTRACE_DETACH, child, NULL, NULL);
	mp_context_close(ctx); /* which waits for it */
	for (int i = 0; ok && i < n; i++)
		ok = kill_child_at(opts, at[i]);
	printf("child: %d points\n", n);
	crew_passed += ok;
}

/* --- the parent is killed ------------------------------------------------- */

static int
stay(struct mp_context *ctx, void *arg)
{
	(void)ctx, (void)arg;
	for (;;)
		pause();
	return 0;
}

static void
run_start(struct mp_context *ctx)
{
	struct mp_process *p = NULL;

	if (mp_process_create(ctx, NULL, stay, NULL, &p) != 0 ||
	    mp_process_start(p) != 0)
		_exit(1);
}

static void
run_start_and_join(struct mp_context *ctx)
{
	struct mp_process *p = NULL;

	if (mp_process_create(ctx, NULL, hold_and_return, NULL, &p) != 0 ||
	    mp_process_start(p) != 0 || mp_process_join(p, -1) != 0 ||
	    mp_process_close(p) != 0)
		_exit(1);
}

/* What it started dies with it: that comes to us. */
static void
reap_all(void)
{
	while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR)
		;
}

static bool
kill_parent_at(const struct mp_context_opts *opts, const char *name,
    void (*run)(struct mp_context *), long steps)
{
	struct mp_context *ctx = NULL;
	char when[80];
	bool ok;

	need(mp_context_open(NULL, opts, &ctx) == 0, "mp_context_open");
	snprintf(when, sizeof(when), "%s, killed after %ld", name, steps);
	ok = check(mp_die_at(ctx, run, steps), "%s: it was gone", when);
	reap_all();
	ok = ok && check(mp_context_tend(ctx) >= 1, "%s: nobody died", when) &&
	     all_is_free(ctx, when);
	mp_context_close(ctx);
	return ok;
}

static void
step_parent(const struct mp_context_opts *opts, const char *name,
    void (*run)(struct mp_context *), int least)
{
	static long at[MP_CHANGES_MAX];
	struct mp_context *ctx = NULL;
	pid_t child;
	bool ok;
	int n;

	need(mp_context_open(NULL, opts, &ctx) == 0, "mp_context_open");
	child = mp_child_start(ctx, run);
	n = points_of(ctx, child, child_step, at);
	child_kill(child);
	reap_all();
	ok = check(n - SPREAD >= least, "%s: %d points", name, n);
	mp_context_close(ctx);
	for (int i = 0; ok && i < n; i++)
		ok = kill_parent_at(opts, name, run, at[i]);
	printf("%s: %d points\n", name, n);
	crew_passed += ok;
}

int
main(void)
{
	const struct mp_context_opts opts = { .seats = 6,
		.queues = 1,
		.objects = 4,
		.messages = 16,
		.message_max = CONVEYOR_STEP };
	struct mp_context *first = NULL;
	sigset_t chld;

	/* A stepped parent would stop to be asked about each. */
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	need(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0, "subreaper");
	/* Handlers of forks run in the order in which they were registered:
	 * ours behind that of contexts. */
	need(mp_context_open(NULL, &opts, &first) == 0, "mp_context_open");
	mp_context_close(first);
	need(pthread_atfork(NULL, NULL, in_child) == 0, "pthread_atfork");
	stepper_pin();
	step_child(&opts);
	step_parent(&opts, "start", run_start, 8);
	step_parent(&opts, "start and join", run_start_and_join, 12);
	return mp_crew_done("process");
}
