/*
 * process - a function that runs in a process of its own: Process of Python's
 * multiprocessing.
 *
 * A child has a seat in the context before its function runs, and dies with
 * the thread that started it (PR_SET_PDEATHSIG), so no orphan works on.  To
 * kill one is safe at any instruction: whoever joins it gives back what it
 * held, and so does any participant that waits.
 *
 * A handle belongs to the process that started the child.
 */
#ifndef MPIPC_PROCESS_H
#define MPIPC_PROCESS_H

#include <sys/resource.h>

#include "ipc/mp/context.h"

struct mp_process;

/* What it returns is the exit code, 0 ... 255. */
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
	unsigned
	    max_restarts; /* in a row, each within a minute of its start: 10 */
	unsigned backoff_ms; /* before the first, doubled each time: 100 */
};

/* A function that a spawned process can find: by name, in both programs. */
struct mp_function {
	const char *name;
	mp_target *fn;
};

MP_BEGIN

/* Not started yet.  `attr` NULL: defaults.  0 and *out, to be closed. */
MP_API MP_MUST_USE int mp_process_create(struct mp_context *ctx,
    const struct mp_process_attr *attr, mp_target *fn, void *arg,
    struct mp_process **out);

/* 0; MP_EINVAL: started before; MP_ENOSPC: no seat is free; -errno of fork. */
MP_API MP_MUST_USE int mp_process_start(struct mp_process *p);

/*
 * Wait until it has ended for good (restarts included, which happen in here
 * and in mp_wait_any()), and bury it.  0; MP_ETIMEDOUT; MP_EINVAL: never
 * started, or not a child of this process.
 */
MP_API MP_MUST_USE int mp_process_join(struct mp_process *p, int timeout_ms);

MP_API bool mp_process_is_alive(struct mp_process *p);
/* 0: not started. */
MP_API pid_t mp_process_pid(const struct mp_process *p);
MP_API const char *mp_process_name(const struct mp_process *p);
MP_API bool mp_process_daemon(const struct mp_process *p);
/* 1 at first, one more with each restart; 0: not started. */
MP_API unsigned mp_process_incarnation(const struct mp_process *p);
/* Its seat in the context; 0: not started. */
MP_API int mp_process_seat(const struct mp_process *p);
/* true and *code: it has ended, -N by signal N.  false: it runs, or never did:
 * None. */
MP_API bool mp_process_exitcode(struct mp_process *p, int *code);
/* A pidfd, readable when it has ended; owned by the handle, another with each
 * incarnation.  MP_EINVAL: not started. */
MP_API int mp_process_sentinel(const struct mp_process *p);
/* What it used, once it has ended: MP_EINVAL before. */
MP_API MP_MUST_USE int mp_process_rusage(struct mp_process *p,
    struct rusage *out);

/* SIGTERM, SIGKILL; it is not started again.  0, also of one that has ended;
 * MP_EINVAL: never started. */
MP_API int mp_process_terminate(struct mp_process *p);
MP_API int mp_process_kill(struct mp_process *p);

/* Free the handle.  MP_EINVAL: it is alive, and the handle stays.  NULL is
 * fine. */
MP_API int mp_process_close(struct mp_process *p);

/* The calling process: its name ("MainProcess"), whether it is a daemon; its
 * parent's pid, 0 in the one that began. */
MP_API const char *mp_current_process(const struct mp_context *ctx);
MP_API pid_t mp_parent_process(const struct mp_context *ctx);
/* Fills up to `max` live children of this process; how many there are.  Those
 * that have ended are joined on the way, as in Python. */
MP_API size_t mp_active_children(struct mp_context *ctx,
    struct mp_process **out, size_t max);

/*
 * MP_START_SPAWN: a process that begins anew, by exec of this program, and
 * attaches to the context by name.  The first thing in main(), in both: in a
 * spawned process it runs the function and does not return.  `functions` ends
 * with a NULL name; `arg` of a spawned one is a copy of the `arg_len` bytes
 * given to mp_process_set_spawn_arg(), for memory is not shared.
 */
MP_API void mp_spawn_main(int argc, char **argv,
    const struct mp_function *functions);
MP_API MP_MUST_USE int mp_process_set_spawn_arg(struct mp_process *p,
    const void *arg, size_t arg_len);

MP_END

#endif
