/*
 * What process.c, spawn.c, pipe.c and context.c share of a child.
 */
#ifndef MPIPC_PROCESS_IMPL_H
#define MPIPC_PROCESS_IMPL_H

#include "ipc/mp/context_impl.h"
#include "ipc/mp/process.h"

enum {
	MP_SPAWN_ARG_MAX = 1 << 20,
	MP_NUMBER_ROOM = 32
};

enum process_state {
	PROCESS_NEW,
	PROCESS_BEGINNING, /* by one thread, which has not told yet */
	PROCESS_RUNNING,
	PROCESS_RESTING, /* until `due`, then again */
	PROCESS_ENDED
};

struct mp_process {
	struct mp_context *ctx;
	struct mp_process *next; /* of ctx->children */
	pid_t owner;             /* whose handle it is, and whose child */
	mp_target *fn;
	void *arg;
	void *copy; /* of mp_process_set_spawn_arg(); NULL: arg */
	size_t copy_len;
	char name[MP_NAME_MAX + 1];
	char number[MP_NUMBER_ROOM]; /* "2:1": first child of the second */
	bool daemon;
	enum mp_restart restart;
	unsigned max_restarts, backoff_ms;
	/* Under ctx->children_mutex: */
	enum process_state state;
	int stopped; /* the signal that we ended it by; 0 */
	pid_t pid;
	int pidfd;
	uint8_t seat;
	uint32_t seat_incarnation;
	unsigned incarnation;
	unsigned row; /* restarts without a minute of work in between */
	struct mp_deadline started, due;
	int code;
	struct rusage usage;
};

/* Those whose rest is over begin again.  How long until somebody should ask
 * again, in ms; -1: nothing will come. */
int mp_children_restart(struct mp_context *ctx);
/* Daemons are ended, others waited for, none restarted; all handles freed. */
void mp_children_end(struct mp_context *ctx);

/* 0: it has ended for good, and is buried; -EAGAIN, and in *fd what to poll
 * meanwhile, -1: nothing; MP_EINVAL: never started; -errno. */
MUST_USE int mp_process_look(struct mp_process *p, int *fd);

/* In the child.  The second: from its seat to its end. */
void mp_process_bind_to(pid_t parent);
_Noreturn void mp_process_run(struct mp_context *ctx, struct mp_process *self,
    uint8_t seat, uint32_t incarnation);

/* A process that begins anew and takes that seat: its pid, or as
 * mp_process_start(). */
MUST_USE int mp_spawn(struct mp_process *p, uint8_t seat, uint32_t incarnation);

#endif
