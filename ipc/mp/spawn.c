/*
 * Children that begin anew: this program again, told by a memory file which
 * seat is its own and which function to run.
 */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipc/mp/process_impl.h"

/* "mpspawn" and a version. */
#define SPAWN_MAGIC UINT64_C(0x016e77617073706d)

#define SPAWN_OPTION "--mpipc-spawn"

/* In the file; the bytes of the argument behind it. */
struct spawn_order {
	uint64_t magic;
	uint64_t size; /* of this */
	int32_t parent;
	uint32_t incarnation;
	uint8_t seat;
	bool daemon;
	bool has_arg;
	char context[LAYOUT_NAME_MAX + 1];
	char function[MP_NAME_MAX + 1];
	char name[MP_NAME_MAX + 1];
	char number[MP_NUMBER_ROOM];
	uint32_t arg_len;
};

/* What mp_spawn_main() was told. */
static const struct mp_function *functions;

static const struct mp_function *
function_of(mp_target *fn)
{
	const struct mp_function *f = functions;

	while (f != NULL && f->name != NULL && f->fn != fn)
		f++;
	return f != NULL && f->name != NULL ? f : NULL;
}

static mp_target *
function_called(const char *name)
{
	const struct mp_function *f = functions;

	while (f != NULL && f->name != NULL && strcmp(f->name, name) != 0)
		f++;
	return f != NULL && f->name != NULL ? f->fn : NULL;
}

/* --- in the parent -------------------------------------------------------- */

static int
write_all(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int
order_write(const struct mp_process *p, const struct spawn_order *order,
    int *out)
{
	int fd = memfd_create("mpipc-spawn", MFD_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = write_all(fd, order, sizeof(*order));
	if (r == 0)
		r = write_all(fd, p->copy, p->copy_len);
	if (r == 0)
		*out = fd;
	else
		close(fd);
	return r;
}

int
mp_spawn(struct mp_process *p, uint8_t seat, uint32_t incarnation)
{
	struct spawn_order order = { .magic = SPAWN_MAGIC,
		.size = sizeof(order),
		.parent = p->owner,
		.incarnation = incarnation,
		.seat = seat,
		.daemon = p->daemon,
		.has_arg = p->copy != NULL,
		.arg_len = (uint32_t)p->copy_len };
	const struct mp_function *function = function_of(p->fn);
	char number[16], *argv[] = { program_invocation_name,
		(char[]){ SPAWN_OPTION }, number, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t mask;
	pid_t pid;
	int fd = -1, r;

	if (function == NULL || strlen(function->name) > MP_NAME_MAX)
		return MP_EINVAL;
	snprintf(order.context, sizeof(order.context), "%s", p->ctx->name);
	snprintf(order.function, sizeof(order.function), "%s", function->name);
	memcpy(order.name, p->name, sizeof(order.name));
	memcpy(order.number, p->number, sizeof(order.number));
	r = order_write(p, &order, &fd);
	if (r < 0)
		return r;
	snprintf(number, sizeof(number), "%d", fd);
	fflush(stdout);
	fflush(stderr);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	sigdelset(&mask, SIGTERM); /* as after a fork */
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &mask);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	/* The same number: it is kept open over the exec. */
	r = -posix_spawn_file_actions_adddup2(&actions, fd, fd);
	if (r == 0)
		r = -posix_spawn(&pid, "/proc/self/exe", &actions, &attr, argv,
		    environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	close(fd);
	return r < 0 ? r : pid;
}

/* --- in the child --------------------------------------------------------- */

static bool
ends(const char *text, size_t room)
{
	return memchr(text, '\0', room) != NULL;
}

/* Nobody but us has written it; a program of another version may have. */
static bool
order_is_whole(const struct spawn_order *o)
{
	return o->magic == SPAWN_MAGIC && o->size == sizeof(*o) &&
	       o->arg_len <= MP_SPAWN_ARG_MAX && o->seat != 0 &&
	       ends(o->context, sizeof(o->context)) &&
	       ends(o->function, sizeof(o->function)) &&
	       ends(o->name, sizeof(o->name)) &&
	       ends(o->number, sizeof(o->number));
}

static int
order_read(int fd, struct spawn_order *order, void **arg)
{
	void *bytes;

	if (pread(fd, order, sizeof(*order), 0) != (ssize_t)sizeof(*order) ||
	    !order_is_whole(order))
		return MP_ECORRUPT;
	if (!order->has_arg)
		return 0;
	bytes = malloc(order->arg_len + 1);
	if (bytes == NULL)
		return MP_ENOMEM;
	if (pread(fd, bytes, order->arg_len, sizeof(*order)) !=
	    (ssize_t)order->arg_len) {
		free(bytes);
		return MP_ECORRUPT;
	}
	*arg = bytes;
	return 0;
}

/* What is wrong, or it does not return. */
static const char *
obey(int fd)
{
	struct mp_process *self = calloc(1, sizeof(*self));
	struct spawn_order order;
	int r;

	if (self == NULL)
		return mp_strerror(MP_ENOMEM);
	r = order_read(fd, &order, &self->copy);
	close(fd);
	if (r < 0)
		return mp_strerror(r);
	mp_process_bind_to(order.parent);
	self->fn = function_called(order.function);
	if (self->fn == NULL)
		return "this program has no such function";
	self->owner = order.parent;
	self->daemon = order.daemon;
	self->pidfd = -1;
	memcpy(self->name, order.name, sizeof(self->name));
	memcpy(self->number, order.number, sizeof(self->number));
	r = mp_context_attach_view(order.context, &self->ctx);
	if (r < 0)
		return mp_strerror(r);
	mp_process_run(self->ctx, self, order.seat, order.incarnation);
}

void
mp_spawn_main(int argc, char **argv, const struct mp_function *given)
{
	const char *wrong;
	char *end;
	long fd;

	functions = given;
	if (argc != 3 || strcmp(argv[1], SPAWN_OPTION) != 0)
		return;
	fd = strtol(argv[2], &end, 10);
	wrong = end == argv[2] || *end != '\0' || fd < 0 || fd > INT32_MAX
		    ? "no order"
		    : obey((int)fd);
	fprintf(stderr, "%s: cannot begin as a child: %s\n", argv[0], wrong);
	_exit(1);
}
