/*
 * process - a function that runs in a process of its own: Process of Python's
 * multiprocessing.
 *
 * A child has a seat in the context before its function runs.  To kill one is
 * safe at any instruction: whoever joins it gives back what it held, and so
 * does any participant that waits.  It dies, by SIGKILL, with the thread that
 * started it (PR_SET_PDEATHSIG), so no orphan works on: start children from a
 * thread that stays.
 *
 * A handle belongs to the process that created it; in any other MP_EINVAL.
 * Threads of that process may use it at once, but for mp_process_close().
 */
#ifndef MPIPC_PROCESS_H
#define MPIPC_PROCESS_H

#include <sys/resource.h>

#include "ipc/mp/context.h"

struct mp_process;

/*
 * What it returns is the exit code, of which 8 bits are kept.  After it the
 * child's own children are ended as mp_context_close() says, stdout and stderr
 * are flushed, and no atexit() handler runs: they are its parent's.  So it
 * returns or calls _exit(), not exit().
 */
typedef int mp_target(struct mp_context *ctx, void *arg);

enum mp_restart {
	MP_RESTART_NEVER,
	MP_RESTART_ON_FAILURE, /* not after exit code 0, nor after terminate
				  or kill of ours */
	MP_RESTART_ALWAYS
};

/* 0 takes what is said behind it. */
struct mp_process_attr {
	const char *name; /* "Process-N"; copied */
	bool daemon;      /* ended, not waited for, when its parent ends */
	enum mp_restart restart;
	/* In a row, each within a minute of its start: 10. */
	unsigned max_restarts;
	/* Before the first of a row, doubled each time, 30 s at most: 100. */
	unsigned backoff_ms;
};

/* A function that a spawned process can find: by name, in both programs. */
struct mp_function {
	const char *name;
	mp_target *fn;
};

MP_BEGIN

/* Not started yet.  `attr` NULL: defaults.  0 and *out, to be closed before
 * the context is; MP_EINVAL: a name that is too long; MP_ENOMEM. */
MP_API MP_MUST_USE int mp_process_create(struct mp_context *ctx,
    const struct mp_process_attr *attr, mp_target *fn, void *arg,
    struct mp_process **out);

/*
 * By a participant.  Forks; the child has the caller's memory as it is now, but
 * none of its seats or children, and SIGTERM ends it, whatever it does to the
 * caller.  0: it has a pid and a seat.
 * MP_EINVAL: started before; by a daemon, which may have no children, as in
 * Python; MP_START_SPAWN and `fn` is not among the functions of
 * mp_spawn_main().  MP_EPERM: no seat; MP_ENOSPC: none is free; -errno of fork.
 * Killed in here, the caller leaves no child behind that would run on.
 */
MP_API MP_MUST_USE int mp_process_start(struct mp_process *p);

/*
 * Wait until it has ended for good, and bury it: what it held is given back
 * when this returns 0.  Restarts of it, and of the process's other children,
 * happen in here, in mp_wait_any() and in mp_active_children(), and nowhere
 * else.  0; MP_ETIMEDOUT; MP_EINVAL: never started, or not a child of this
 * process.
 */
MP_API MP_MUST_USE int mp_process_join(struct mp_process *p, int timeout_ms);

/* Running, or resting before a restart. */
MP_API bool mp_process_is_alive(struct mp_process *p);
/* Of the latest incarnation; 0: not started. */
MP_API pid_t mp_process_pid(const struct mp_process *p);
MP_API const char *mp_process_name(const struct mp_process *p);
MP_API bool mp_process_daemon(const struct mp_process *p);
/* 1 at first, one more with each restart; 0: not started. */
MP_API unsigned mp_process_incarnation(const struct mp_process *p);
/* Its seat in the context; 0: not started. */
MP_API int mp_process_seat(const struct mp_process *p);
/* true and *code: it has ended for good, -N by signal N.  false: it runs, or
 * never did: None. */
MP_API bool mp_process_exitcode(struct mp_process *p, int *code);
/* A pidfd, readable when it has ended; owned by the handle, another with each
 * incarnation.  MP_EINVAL: not started. */
MP_API int mp_process_sentinel(const struct mp_process *p);
/* What its last incarnation used, once that was joined: MP_EINVAL before. */
MP_API MP_MUST_USE int mp_process_rusage(struct mp_process *p,
    struct rusage *out);

/* SIGTERM, SIGKILL; it is not started again.  0, also of one that has ended;
 * MP_EINVAL: never started. */
MP_API int mp_process_terminate(struct mp_process *p);
MP_API int mp_process_kill(struct mp_process *p);

/* Free the handle.  MP_EINVAL: it is alive, or of another process, and the
 * handle stays.  NULL is fine. */
MP_API int mp_process_close(struct mp_process *p);

/* The calling process: its name ("MainProcess"), whether it is a daemon; the
 * pid of the one that started it, 0: none did. */
MP_API const char *mp_current_process(const struct mp_context *ctx);
MP_API bool mp_current_daemon(const struct mp_context *ctx);
MP_API pid_t mp_parent_process(const struct mp_context *ctx);
/* Fills up to `max` live children of this process; how many there are.  Those
 * that have ended are joined on the way, as in Python. */
MP_API size_t mp_active_children(struct mp_context *ctx,
    struct mp_process **out, size_t max);

/*
 * MP_START_SPAWN: a process that begins anew, by exec of this program, and
 * attaches to the context by name.  The first thing in main(), in both: in a
 * spawned process it runs the function and does not return; in others it notes
 * `functions`, which end with a NULL name and stay.  Where the program was
 * replaced by one of another layout, or without that function, the child ends
 * with exit code 1 and says so on stderr.
 */
MP_API void mp_spawn_main(int argc, char **argv,
    const struct mp_function *functions);

/* What the function gets as `arg`: a copy of these bytes, as memory is not
 * shared with a spawned process (which gets NULL without this).  In a forked
 * one the same.  Before the start; copied.  MP_EINVAL: started, above 1 MiB. */
MP_API MP_MUST_USE int mp_process_set_spawn_arg(struct mp_process *p,
    const void *arg, size_t arg_len);

MP_END

#endif
