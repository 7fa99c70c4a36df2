/*
 * Children: started, watched by a pidfd, buried as soon as they are reaped.
 *
 * A child's seat is taken before the fork and named STARTING, with its
 * parent's seat beside: whichever of the two is killed in between, the seat is
 * found and freed.  What a handle says of its child changes under
 * ctx->children_mutex; nobody forks with it.
 */
#include "ipc/mp/process.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipc/mp/process_impl.h"

enum {
	PROCESS_ROW_S = 60,        /* restarts within it are of one row */
	PROCESS_REST_MS = 30000,   /* between two, at most */
	PROCESS_GRACE_MS = 2000,   /* of a daemon, from SIGTERM to SIGKILL */
	PROCESS_CODE_UNKNOWN = 255 /* somebody else reaped it */
};

/* Names count from 1 in each process, as Python's do. */
static _Atomic unsigned created;

/* --- handles -------------------------------------------------------------- */

static void
children_lock(struct mp_context *ctx)
{
	pthread_mutex_lock(&ctx->children_mutex);
}

static void
children_unlock(struct mp_context *ctx)
{
	pthread_mutex_unlock(&ctx->children_mutex);
}

static bool
is_ours(const struct mp_process *p)
{
	return p->owner == getpid();
}

/* "Process-2", and its children "Process-2:1" ... */
static int
name_make(struct mp_process *p, const char *name)
{
	unsigned n = atomic_fetch_add(&created, 1) + 1;
	const struct mp_process *self = p->ctx->self;

	/* Nested as deep as that, it begins anew. */
	if (self == NULL || snprintf(p->number, sizeof(p->number), "%s:%u",
				self->number, n) >= (int)sizeof(p->number))
		snprintf(p->number, sizeof(p->number), "%u", n);
	if (name == NULL)
		snprintf(p->name, sizeof(p->name), "Process-%s", p->number);
	else if (strlen(name) > MP_NAME_MAX)
		return MP_EINVAL;
	else
		memcpy(p->name, name, strlen(name) + 1);
	return 0;
}

int
mp_process_create(struct mp_context *ctx, const struct mp_process_attr *given,
    mp_target *fn, void *arg, struct mp_process **out)
{
	struct mp_process_attr attr = { 0 };
	struct mp_process *p;
	int r;

	if (given != NULL)
		attr = *given;
	if (fn == NULL || attr.restart > MP_RESTART_ALWAYS)
		return MP_EINVAL;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return MP_ENOMEM;
	p->ctx = ctx;
	p->owner = getpid();
	p->fn = fn;
	p->arg = arg;
	p->daemon = attr.daemon;
	p->restart = attr.restart;
	p->max_restarts = attr.max_restarts != 0 ? attr.max_restarts : 10;
	p->backoff_ms = attr.backoff_ms != 0 ? attr.backoff_ms : 100;
	p->pidfd = -1;
	r = name_make(p, attr.name);
	if (r < 0) {
		free(p);
		return r;
	}
	children_lock(ctx);
	p->next = ctx->children;
	ctx->children = p;
	children_unlock(ctx);
	*out = p;
	return 0;
}

static void
process_free(struct mp_process *p)
{
	if (p->pidfd >= 0)
		close(p->pidfd);
	free(p->copy);
	free(p);
}

int
mp_process_set_spawn_arg(struct mp_process *p, const void *arg, size_t len)
{
	void *copy;

	if (len > MP_SPAWN_ARG_MAX || p->state != PROCESS_NEW || !is_ours(p))
		return MP_EINVAL;
	copy = malloc(len != 0 ? len : 1);
	if (copy == NULL)
		return MP_ENOMEM;
	if (len != 0)
		memcpy(copy, arg, len);
	free(p->copy);
	p->copy = copy;
	p->copy_len = len;
	return 0;
}

/* --- in the child --------------------------------------------------------- */

/*
 * To die with the thread that started us.  It may have died before this said
 * so; then our parent is another by now.  And to end when we are told to: a
 * handler that our parent has for that is about our parent.
 */
void
mp_process_bind_to(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		raise(SIGKILL);
	signal(SIGTERM, SIG_DFL);
}

_Noreturn void
mp_process_run(struct mp_context *ctx, struct mp_process *self, uint8_t seat,
    uint32_t incarnation)
{
	int code = 1;

	atomic_store(&created, 0);
	if (mp_context_become(ctx, seat, incarnation) == 0) {
		ctx->self = self;
		code = self->fn(ctx,
		    self->copy != NULL ? self->copy : self->arg);
		mp_children_end(ctx);
		/* In order: a message that it still has is blamed on nobody.
		 * Our parent buries us. */
		mp_seat_resign(ctx, seat, incarnation);
	}
	/* No others: they are flushed by whoever opened them, and a parent's
	 * would be written twice. */
	fflush(stdout);
	fflush(stderr);
	_exit(code & 0xff);
}

/* --- starting ------------------------------------------------------------- */

static int
process_fork(struct mp_process *p, uint8_t seat, uint32_t incarnation)
{
	sigset_t before, blocked, open;
	pid_t pid;
	int r;

	/* Else the child has what is in the buffers as well. */
	fflush(stdout);
	fflush(stderr);
	/* What comes for the child before it has no handler of ours waits. */
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	blocked = open = before;
	sigaddset(&blocked, SIGTERM);
	sigdelset(&open, SIGTERM);
	pthread_sigmask(SIG_SETMASK, &blocked, NULL);
	pid = fork();
	if (pid == 0) {
		mp_process_bind_to(p->owner);
		pthread_sigmask(SIG_SETMASK, &open, NULL);
		mp_process_run(p->ctx, p, seat, incarnation);
	}
	r = pid < 0 ? -errno : pid;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

static int
seat_for_child(struct mp_context *ctx, uint32_t *incarnation)
{
	int seat, r = mp_context_lock(ctx);

	if (r < 0)
		return r;
	seat = mp_seat_take(ctx, mp_view(ctx)->me, incarnation);
	mp_context_unlock(ctx);
	return seat;
}

/* By the one thread that made it BEGINNING. */
static int
begin(struct mp_process *p)
{
	struct mp_context *ctx = p->ctx;
	uint32_t incarnation;
	int seat, pid, fd;

	seat = seat_for_child(ctx, &incarnation);
	if (seat < 0)
		return seat;
	if (ctx->shared->start == MP_START_SPAWN)
		pid = mp_spawn(p, (uint8_t)seat, incarnation);
	else
		pid = process_fork(p, (uint8_t)seat, incarnation);
	fd = pid < 0 ? pid : pidfd_open(pid, 0);
	if (fd < 0) {
		int r = pid < 0 ? pid : -errno;

		/* There is no room for a descriptor. */
		if (pid > 0) {
			kill(pid, SIGKILL);
			while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
				;
		}
		(void)!mp_seat_bury(ctx, (uint8_t)seat, incarnation);
		return r;
	}
	children_lock(ctx);
	if (p->pidfd >= 0)
		close(p->pidfd);
	p->pid = pid;
	p->pidfd = fd;
	p->seat = (uint8_t)seat;
	p->seat_incarnation = incarnation;
	p->started = mp_deadline_in(0);
	p->incarnation++;
	p->state = PROCESS_RUNNING;
	/* Ended by us while it began. */
	if (p->stopped != 0)
		pidfd_send_signal(fd, p->stopped, NULL, 0);
	children_unlock(ctx);
	return 0;
}

int
mp_process_start(struct mp_process *p)
{
	struct mp_context *ctx = p->ctx;
	int r = 0;

	if (!is_ours(p) || (ctx->self != NULL && ctx->self->daemon))
		return MP_EINVAL;
	if (mp_view(ctx) == NULL)
		return MP_EPERM;
	children_lock(ctx);
	if (p->state != PROCESS_NEW)
		r = MP_EINVAL;
	else
		p->state = PROCESS_BEGINNING;
	children_unlock(ctx);
	if (r < 0)
		return r;
	r = begin(p);
	if (r < 0) {
		children_lock(ctx);
		p->state = PROCESS_NEW;
		children_unlock(ctx);
	}
	return r;
}

/* --- ending --------------------------------------------------------------- */

/* It has ended, and is buried: again, or for good? */
static void
ended(struct mp_process *p)
{
	uint64_t rest = p->backoff_ms;

	if (mp_deadline_over((struct mp_deadline){
		p->started.at_ns + PROCESS_ROW_S * INT64_C(1000000000) }))
		p->row = 0;
	if (p->stopped != 0 || p->restart == MP_RESTART_NEVER ||
	    (p->restart == MP_RESTART_ON_FAILURE && p->code == 0) ||
	    p->row >= p->max_restarts) {
		p->state = PROCESS_ENDED;
		return;
	}
	for (unsigned i = 0; i < p->row && rest < PROCESS_REST_MS; i++)
		rest *= 2;
	if (rest > PROCESS_REST_MS)
		rest = PROCESS_REST_MS;
	p->row++;
	p->due = mp_deadline_in((int)rest);
	p->state = PROCESS_RESTING;
}

/* Reap and bury it, if it has ended.  Under the mutex. */
static int
look(struct mp_process *p)
{
	siginfo_t info = { .si_pid = 0 };
	long r;

	if (p->state != PROCESS_RUNNING)
		return 0;
	do /* the system call: libc's does not tell what it used */
		r = syscall(SYS_waitid, P_PIDFD, p->pidfd, &info,
		    WEXITED | WNOHANG, &p->usage);
	while (r < 0 && errno == EINTR);
	if (r < 0 && errno == ECHILD)
		p->code = PROCESS_CODE_UNKNOWN;
	else if (r < 0)
		return -errno;
	else if (info.si_pid == 0)
		return 0;
	else if (info.si_code == CLD_EXITED)
		p->code = info.si_status;
	else
		p->code = -info.si_status;
	ended(p);
	return mp_seat_bury(p->ctx, p->seat, p->seat_incarnation);
}

/* One whose rest is over, BEGINNING now; NULL, and in *look_ms how long until
 * somebody should ask again, -1: nothing will come. */
static struct mp_process *
next_due(struct mp_context *ctx, int *look_ms)
{
	struct mp_process *due = NULL;

	*look_ms = -1;
	children_lock(ctx);
	for (struct mp_process *p = ctx->children; p != NULL && due == NULL;
	     p = p->next) {
		if (p->restart == MP_RESTART_NEVER)
			continue;
		(void)!look(p);
		if (p->state == PROCESS_RESTING && mp_deadline_over(p->due)) {
			p->state = PROCESS_BEGINNING;
			due = p;
		} else if (p->state == PROCESS_RESTING) {
			int left = mp_deadline_left_ms(p->due);

			if (*look_ms < 0 || left < *look_ms)
				*look_ms = left;
		} else if (p->state != PROCESS_NEW &&
			   p->state != PROCESS_ENDED && *look_ms < 0) {
			*look_ms = MP_LOOK_MS;
		}
	}
	children_unlock(ctx);
	if (*look_ms > MP_LOOK_MS)
		*look_ms = MP_LOOK_MS;
	return due;
}

int
mp_children_restart(struct mp_context *ctx)
{
	struct mp_process *p;
	int look_ms;

	/* It would have no seat to take theirs from. */
	if (mp_view(ctx) == NULL)
		return MP_LOOK_MS;
	while ((p = next_due(ctx, &look_ms)) != NULL) {
		if (begin(p) == 0)
			continue;
		/* As if it had been started, and died at once. */
		children_lock(ctx);
		p->started = mp_deadline_in(0);
		ended(p);
		children_unlock(ctx);
	}
	return look_ms;
}

int
mp_process_look(struct mp_process *p, int *fd)
{
	int r;

	children_lock(p->ctx);
	r = look(p);
	*fd = p->state == PROCESS_RUNNING ? p->pidfd : -1;
	if (p->state == PROCESS_NEW)
		r = MP_EINVAL;
	else if (r == 0 && p->state != PROCESS_ENDED)
		r = -EAGAIN;
	children_unlock(p->ctx);
	return r;
}

int
mp_process_join(struct mp_process *p, int timeout_ms)
{
	struct mp_deadline deadline = mp_deadline_in(timeout_ms);

	if (!is_ours(p))
		return MP_EINVAL;
	for (;;) {
		struct pollfd end = { .events = POLLIN };
		int look_ms = mp_children_restart(p->ctx);
		int r = mp_process_look(p, &end.fd);
		int left = mp_deadline_left_ms(deadline);

		if (r != -EAGAIN)
			return r;
		if (left == 0)
			return MP_ETIMEDOUT;
		/* Resting, or begun by another thread: the time alone. */
		if (end.fd < 0 && look_ms < 0)
			look_ms = MP_LOOK_MS;
		if (left < 0 || (look_ms >= 0 && look_ms < left))
			left = look_ms;
		if (poll(&end, 1, left) < 0 && errno != EINTR)
			return -errno;
	}
}

/* --- what is said of it --------------------------------------------------- */

bool
mp_process_is_alive(struct mp_process *p)
{
	bool alive;

	if (!is_ours(p))
		return false;
	children_lock(p->ctx);
	(void)!look(p);
	alive = p->state != PROCESS_NEW && p->state != PROCESS_ENDED;
	children_unlock(p->ctx);
	return alive;
}

bool
mp_process_exitcode(struct mp_process *p, int *code)
{
	bool known;

	if (!is_ours(p))
		return false;
	children_lock(p->ctx);
	(void)!look(p);
	known = p->state == PROCESS_ENDED;
	if (known)
		*code = p->code;
	children_unlock(p->ctx);
	return known;
}

int
mp_process_rusage(struct mp_process *p, struct rusage *out)
{
	int r = MP_EINVAL;

	if (!is_ours(p))
		return MP_EINVAL;
	children_lock(p->ctx);
	(void)!look(p);
	if (p->state == PROCESS_ENDED || p->state == PROCESS_RESTING) {
		*out = p->usage;
		r = 0;
	}
	children_unlock(p->ctx);
	return r;
}

/* A consistent copy of what another thread may be changing. */
static struct mp_process
seen(const struct mp_process *p)
{
	struct mp_process copy;

	children_lock(p->ctx);
	copy = *p;
	children_unlock(p->ctx);
	return copy;
}

pid_t
mp_process_pid(const struct mp_process *p)
{
	return seen(p).pid;
}

unsigned
mp_process_incarnation(const struct mp_process *p)
{
	return seen(p).incarnation;
}

int
mp_process_seat(const struct mp_process *p)
{
	return seen(p).seat;
}

int
mp_process_sentinel(const struct mp_process *p)
{
	int fd = seen(p).pidfd;

	return fd >= 0 ? fd : MP_EINVAL;
}

const char *
mp_process_name(const struct mp_process *p)
{
	return p->name;
}

bool
mp_process_daemon(const struct mp_process *p)
{
	return p->daemon;
}

/* --- ending it ------------------------------------------------------------ */

/* Under the mutex. */
static void
stop(struct mp_process *p, int signal)
{
	if (p->stopped != SIGKILL)
		p->stopped = signal;
	if (p->state == PROCESS_RESTING)
		p->state = PROCESS_ENDED;
	if (p->state == PROCESS_RUNNING)
		pidfd_send_signal(p->pidfd, signal, NULL, 0);
}

static int
stop_by(struct mp_process *p, int signal)
{
	int r = 0;

	if (!is_ours(p))
		return MP_EINVAL;
	children_lock(p->ctx);
	if (p->state == PROCESS_NEW)
		r = MP_EINVAL;
	else
		stop(p, signal);
	children_unlock(p->ctx);
	return r;
}

int
mp_process_terminate(struct mp_process *p)
{
	return stop_by(p, SIGTERM);
}

int
mp_process_kill(struct mp_process *p)
{
	return stop_by(p, SIGKILL);
}

int
mp_process_close(struct mp_process *p)
{
	struct mp_process **at;

	if (p == NULL)
		return 0;
	if (!is_ours(p) || mp_process_is_alive(p))
		return MP_EINVAL;
	children_lock(p->ctx);
	for (at = &p->ctx->children; *at != NULL; at = &(*at)->next)
		if (*at == p) {
			*at = p->next;
			break;
		}
	children_unlock(p->ctx);
	process_free(p);
	return 0;
}

void
mp_children_end(struct mp_context *ctx)
{
	struct mp_deadline grace = mp_deadline_in(PROCESS_GRACE_MS);
	struct mp_process *p, *next;

	children_lock(ctx);
	for (p = ctx->children; p != NULL; p = p->next) {
		p->restart = MP_RESTART_NEVER;
		if (p->state == PROCESS_RESTING)
			p->state = PROCESS_ENDED;
		if (p->daemon && p->state != PROCESS_NEW)
			stop(p, SIGTERM);
	}
	p = ctx->children;
	ctx->children = NULL;
	children_unlock(ctx);
	/* Daemons first: the others may wait for them to let go. */
	for (next = p; next != NULL; next = next->next) {
		if (!next->daemon || next->state == PROCESS_NEW)
			continue;
		if (mp_process_join(next, mp_deadline_left_ms(grace)) ==
		    MP_ETIMEDOUT)
			mp_process_kill(next);
		(void)!mp_process_join(next, -1);
	}
	for (; p != NULL; p = next) {
		next = p->next;
		if (p->state != PROCESS_NEW)
			(void)!mp_process_join(p, -1);
		process_free(p);
	}
}

/* --- of this process ------------------------------------------------------ */

const char *
mp_current_process(const struct mp_context *ctx)
{
	return ctx->self != NULL ? ctx->self->name : "MainProcess";
}

bool
mp_current_daemon(const struct mp_context *ctx)
{
	return ctx->self != NULL && ctx->self->daemon;
}

pid_t
mp_parent_process(const struct mp_context *ctx)
{
	return ctx->self != NULL ? ctx->self->owner : 0;
}

size_t
mp_active_children(struct mp_context *ctx, struct mp_process **out, size_t max)
{
	size_t n = 0;

	(void)mp_children_restart(ctx);
	children_lock(ctx);
	for (struct mp_process *p = ctx->children; p != NULL; p = p->next) {
		(void)!look(p);
		if (p->state == PROCESS_NEW || p->state == PROCESS_ENDED)
			continue;
		if (n < max)
			out[n] = p;
		n++;
	}
	children_unlock(ctx);
	return n;
}
