/*
 * Killed with the lock, or while it is taken or signed; and at the ends of a
 * socket.  What is there is the kernel's, so there is nothing to copy: always
 * in earnest.  In the long form at every instruction, in the short one before
 * and behind each system call, and at some in between.
 */
#include <poll.h>
#include <sys/socket.h>

#include "ipc/channel.h"
#include "ipc/lock.h"
#include "tests/kill/stepper.h"

enum {
	STEPS_MAX = 20000,
	BETWEEN = 5 /* more, evenly, in the short form */
};

struct subject {
	const char *name;
	void (*prepare)(void);
	void (*run)(struct conveyor *);
	void (*living)(pid_t child); /* holds at every instruction, or NULL */
	void (*after)(const char *when); /* holds after the kill */
};

static char folder[] = "/tmp/mpct.lock.XXXXXX";
static char lock_path[64], socket_path[64];
static int lock_fd = -1, listener = -1, client = -1;
static long kills, kills_planned, steps_all, syscalls_all;

static void
close_all(void)
{
	int *fds[] = { &lock_fd, &listener, &client };

	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
	unlink(lock_path);
	unlink(socket_path);
}

/* ---- the lock -------------------------------------------------------------- */

static void
prepare_nothing(void)
{
	close_all();
}

/* A file of one who held it before. */
static void
prepare_left(void)
{
	FILE *file;

	close_all();
	file = fopen(lock_path, "w");
	need(file != NULL && fputs("1 1\n", file) >= 0, lock_path);
	fclose(file);
}

static void
prepare_held(void)
{
	pid_t holder;

	close_all();
	need(lock_take(lock_path, 0, &lock_fd, &holder) == 0, lock_path);
}

static void
run_take(struct conveyor *none)
{
	pid_t holder;
	int fd;

	(void)none;
	if (lock_take(lock_path, 0, &fd, &holder) != 0)
		_exit(1);
}

static void
run_sign(struct conveyor *none)
{
	(void)none;
	lock_sign(lock_fd);
}

static void
run_holder(struct conveyor *none)
{
	pid_t holder;

	(void)none;
	if (lock_holder(lock_path, &holder) != 0 || holder != getppid())
		_exit(1);
}

/* Whoever asks gets nobody, "not said yet", or the name of one who holds it:
 * the child's, or ours before it signed.  Never half of a name. */
static void
living_holder(pid_t child)
{
	pid_t holder = -1;
	int r = lock_holder(lock_path, &holder);
	bool named = holder == 0 || holder == child || holder == getpid();

	/* A file that was left names one who holds it no more: until the
	 * child has signed. */
	check(r == -EBUSY || (r == 0 && (named || holder == 1)),
	    "lock_holder: %d, pid %d", r, (int)holder);
}

/* Free for the next one, who then stands in it. */
static void
after_free(const char *when)
{
	pid_t holder = -1;
	int r = lock_holder(lock_path, &holder);

	check(r == 0 && holder == 0, "%s: held by %d (%d)", when, (int)holder,
	    r);
	r = lock_take(lock_path, 0, &lock_fd, &holder);
	check(r == 0, "%s: not to be had: %d", when, r);
	r = lock_holder(lock_path, &holder);
	check(r == 0 && holder == getpid(), "%s: not ours: %d", when,
	    (int)holder);
}

/* Still ours: a child's death gives nothing away. */
static void
after_held(const char *when)
{
	pid_t holder = -1;
	int r = lock_holder(lock_path, &holder), fd;

	check(r == -EBUSY || (r == 0 && holder != 0), "%s: it is free", when);
	lock_sign(lock_fd);
	r = lock_holder(lock_path, &holder);
	check(r == 0 && holder == getpid(), "%s: not ours: %d", when,
	    (int)holder);
	close(lock_fd);
	lock_fd = -1;
	r = lock_take(lock_path, 0, &fd, &holder);
	check(r == 0, "%s: still held", when);
	lock_fd = fd;
}

/* ---- sockets ----------------------------------------------------------------- */

static void
prepare_listener(void)
{
	close_all();
	need(channel_listen(socket_path, &listener) == 0, socket_path);
}

static void
prepare_client(void)
{
	prepare_listener();
	need(channel_connect(socket_path, 1000, &client) == 0, socket_path);
}

/* A socket that a dead one left. */
static void
prepare_stale(void)
{
	prepare_listener();
	close(listener);
	listener = -1;
}

static void
run_listen(struct conveyor *none)
{
	int fd;

	(void)none;
	if (channel_listen(socket_path, &fd) != 0)
		_exit(1);
}

static void
run_connect(struct conveyor *none)
{
	int fd;

	(void)none;
	close(listener); /* else who answers would live on in us */
	if (channel_connect(socket_path, 1000, &fd) != 0)
		_exit(1);
}

static void
run_accept(struct conveyor *none)
{
	int fd;

	(void)none;
	if (channel_accept(listener, &fd) != 0)
		_exit(1);
}

/* A client comes, is let in, and is heard. */
static void
serve_one(const char *when)
{
	int from = -1, to = -1, r;
	char byte = 0;

	r = channel_connect(socket_path, 1000, &from);
	check(r == 0, "%s: no connection: %d", when, r);
	/* Before it in the row may stand one that is dead. */
	for (int i = 0; i < 2 && byte != 'x'; i++) {
		r = channel_accept(listener, &to);
		check(r == 0, "%s: nobody let in: %d", when, r);
		if (i == 0)
			check(write(from, "x", 1) == 1, "%s: not written",
			    when);
		(void)!read(to, &byte, 1);
		close(to);
	}
	check(byte == 'x', "%s: not heard", when);
	close(from);
}

static void
after_listen(const char *when)
{
	int r = channel_listen(socket_path, &listener);

	check(r == 0, "%s: no socket: %d", when, r);
	if (r == 0)
		serve_one(when);
}

static void
after_accept(const char *when)
{
	struct pollfd told = { .fd = client, .events = POLLIN };
	char byte;
	int fd;

	/* The one that was being let in is told, or is let in now. */
	if (channel_accept(listener, &fd) == 0)
		close(fd);
	check(poll(&told, 1, 10000) == 1 && read(client, &byte, 1) <= 0,
	    "%s: the client hangs", when);
	serve_one(when);
}

/* clang-format off */
static const struct subject subjects[] = {
	{ "lock_take",       prepare_nothing,  run_take,    living_holder, after_free },
	{ "lock_take left",  prepare_left,     run_take,    living_holder, after_free },
	{ "lock_sign",       prepare_held,     run_sign,    living_holder, after_held },
	{ "lock_holder",     prepare_held,     run_holder,  living_holder, after_held },
	{ "channel_listen",  prepare_nothing,  run_listen,  NULL,          after_listen },
	{ "channel_listen stale", prepare_stale, run_listen, NULL,         after_listen },
	{ "channel_connect", prepare_listener, run_connect, NULL,          serve_one },
	{ "channel_accept",  prepare_client,   run_accept,  NULL,          after_accept },
};
/* clang-format on */

/* ---- stepping --------------------------------------------------------------- */

static bool
kill_at(const struct subject *subject, long at)
{
	enum child_step r = STEP_DONE;
	int failed = crew_failed;
	char when[80];
	pid_t child;

	subject->prepare();
	child = child_start(NULL, subject->run, 0);
	for (long i = 0; i < at && r == STEP_DONE; i++)
		r = child_step(child);
	snprintf(when, sizeof(when), "%s, killed after %ld", subject->name, at);
	check(child_kill(child), "%s: it was gone", when);
	kills++;
	subject->after(when);
	return crew_failed == failed;
}

static void
step_subject(const struct subject *subject)
{
	static bool kill_here[STEPS_MAX];
	int failed = crew_failed;
	long steps = 0, syscalls = 0, kills_before = kills;
	enum child_step r = STEP_DONE;
	pid_t child;

	memset(kill_here, 0, sizeof(kill_here));
	subject->prepare();
	child = child_start(NULL, subject->run, 0);
	for (;;) {
		bool in_kernel = child_at_syscall(child);

		need(steps + 1 < STEPS_MAX, "steps");
		kill_here[steps] |= in_kernel || crew_long();
		r = child_step(child);
		if (r != STEP_DONE || crew_failed != failed)
			break;
		steps++;
		syscalls += in_kernel;
		kill_here[steps] |= in_kernel;
		if (subject->living != NULL)
			subject->living(child);
	}
	check(r == STEP_THROUGH, "%s: did not finish", subject->name);
	child_kill(child);
	for (long i = 0; i < BETWEEN; i++)
		kill_here[steps * i / BETWEEN] = true;
	for (long i = 0; i <= steps; i++)
		kills_planned += kill_here[i];
	for (long i = 0; i <= steps && crew_failed == failed; i++)
		if (kill_here[i])
			kill_at(subject, i);
	check(kills - kills_before >= syscalls, "%s: %ld kills, %ld calls",
	    subject->name, kills - kills_before, syscalls);
	steps_all += steps;
	syscalls_all += syscalls;
	printf("%-20s %5ld instructions, %2ld system calls, %ld killed\n",
	    subject->name, steps, syscalls, kills - kills_before);
	if (crew_failed == failed)
		crew_passed++;
}

static void
remove_all(void)
{
	close_all();
	rmdir(folder);
}

int
main(void)
{
	need(mkdtemp(folder) != NULL && atexit(remove_all) == 0, folder);
	snprintf(lock_path, sizeof(lock_path), "%s/lock", folder);
	snprintf(socket_path, sizeof(socket_path), "%s/socket", folder);
	for (size_t i = 0; i < ARRAY_LEN(subjects); i++)
		step_subject(&subjects[i]);
	check(kills == kills_planned && kills > syscalls_all,
	    "%ld kills of %ld", kills, kills_planned);
	figure("lock and sockets: instructions stepped", steps_all);
	figure("lock and sockets: SIGKILLs in earnest", kills);
	return crew_done();
}
