/*
 * context - the shared memory that processes work in together, and who takes
 * part in it: get_context() of Python's multiprocessing.
 *
 * Each process, and each thread that attaches itself, has a seat: a number
 * that says in shared memory whose a lock or a message is.  Any participant may
 * be killed at any instruction; the others notice, and what it held is given
 * back by the rules of each kind.  Death is known from the kernel, never
 * guessed from a clock.
 *
 * A participant that waits looks for the dead now and then (MP_LOOK_MS), a
 * parent that joins a child at once; mp_context_tend() does it when asked.
 */
#ifndef MPIPC_CONTEXT_H
#define MPIPC_CONTEXT_H

#include "ipc/mp/base.h"

enum {
	MP_SEATS_MAX = 254,
	MP_QUEUES_MAX = 31,
	MP_OBJECTS_MAX = 1 << 16,
	MP_MESSAGES_MAX = 1 << 16,
	MP_NAME_MAX = 47, /* of contexts, processes and objects */
	/* A wait that lasts looks for dead participants this often. */
	MP_LOOK_MS = 100
};

enum mp_start {
	MP_START_FORK,
	MP_START_SPAWN
};

/* 0 takes what is said behind it. */
struct mp_context_opts {
	enum mp_start start;
	uint32_t seats;       /* processes and threads at once: 64 */
	uint32_t queues;      /* MP_QUEUES_MAX */
	uint32_t objects;     /* locks, events, queues ...: 1024 */
	uint32_t messages;    /* under way at once, of all queues: 1024 */
	uint32_t attempts;    /* takers of a message that may die: 3 */
	uint64_t message_max; /* bytes of one: 16 MiB */
	uint64_t memory;      /* resident bytes of all: 256 MiB */
};

struct mp_context;

MP_BEGIN

/*
 * Make a context and take a seat in it.  `name` NULL: reached by fork alone,
 * its names are gone from the system before this returns, so nothing of it can
 * be left behind; only with MP_START_SPAWN they stay until it is closed.  With a name ("/jobs") others may mp_context_attach(); what a
 * dead context of that name left is removed first.  `opts` NULL: defaults.
 *
 * 0 and *out, which the caller closes; -EEXIST: that name is in use by the
 * living; MP_EINVAL, MP_ENOSPC (the filesystem of shared memory), -errno.
 */
MP_API MP_MUST_USE int mp_context_open(const char *name,
    const struct mp_context_opts *opts, struct mp_context **out);

/* Take part in a context made by another process of the same user, one that
 * this process was not forked from.  0; -ENOENT; MP_ECORRUPT: made by another
 * version, or nobody in it is alive; MP_ENOSPC: no seat is free. */
MP_API MP_MUST_USE int mp_context_attach(const char *name,
    struct mp_context **out);

/*
 * Give the seat up and unmap.  What it still holds goes the way of the dead.
 * Who made the context removes its name too.  Handles of the context are
 * closed before it; children of this process are ended first: daemons get
 * SIGTERM, and SIGKILL if they are there 2 s later, the others are waited for,
 * none is started again, and their handles are gone.  NULL is fine.
 */
MP_API void mp_context_close(struct mp_context *ctx);

/* After a plain fork(), in the child: a seat of its own.  Until then every call
 * with this context gives MP_EPERM.  mp_process_start() does it by itself. */
MP_API MP_MUST_USE int mp_context_join(struct mp_context *ctx);

/* A thread other than the one that opened, attached or joined: its own seat;
 * given up by detach, by the thread itself, before it ends. */
MP_API MP_MUST_USE int mp_thread_attach(struct mp_context *ctx);
MP_API void mp_thread_detach(struct mp_context *ctx);

/* Look for dead participants now and give back what they held.  How many. */
MP_API int mp_context_tend(struct mp_context *ctx);

/* The seat of the calling thread, 1 ... 254; MP_EPERM. */
MP_API int mp_context_seat(const struct mp_context *ctx);
/* How many seats are taken. */
MP_API unsigned mp_context_seats(const struct mp_context *ctx);

MP_END

#endif
