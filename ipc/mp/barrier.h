/*
 * barrier - Barrier of Python's multiprocessing: nobody goes on before all
 * are there.
 *
 * Who has waited once is a member.  A member that dies, in wait() or outside,
 * breaks the barrier, or makes it one smaller: as it was opened.  So nobody
 * waits for the dead.  One that leaves the context in order is no member any
 * more, and changes nothing: others may come in its place.
 */
#ifndef MPIPC_BARRIER_H
#define MPIPC_BARRIER_H

#include "ipc/mp/context.h"

struct mp_barrier; /* a process's handle; children of a fork inherit it */

enum mp_on_death {
	MP_BARRIER_BREAK,
	MP_BARRIER_SHRINK
};

struct mp_barrier_attr {
	/* Run by one of the parties when all are there, before any is let go.
	 * 0, or a negative number: it failed, and the barrier is broken.  NULL:
	 * nothing to do.  If that one dies of it and the barrier shrinks,
	 * another runs it again.  The calling process's own. */
	int (*action)(void *arg);
	void *arg;
	enum mp_on_death on_death; /* the same for all who open it */
};

MP_BEGIN

/* For `parties` to wait at, 1 ... MP_SEATS_MAX, the same for all who open it.
 * `name` as for locks; `attr` NULL: no action, break.
 * 0, MP_EINVAL, MP_EPERM: no seat, MP_ENOSPC, -ENOMEM. */
MP_API MP_MUST_USE int mp_barrier_open(struct mp_context *ctx, const char *name,
    unsigned parties, const struct mp_barrier_attr *attr,
    struct mp_barrier **out);
/* Free the handle.  NULL is fine. */
MP_API void mp_barrier_close(struct mp_barrier *barrier);
/* The barrier itself goes, for everybody: when nobody needs it any more. */
MP_API void mp_barrier_unlink(struct mp_barrier *barrier);

/*
 * Until all are there.  *index, unless NULL, tells them apart: 0 and up, in no
 * order, without a gap.
 * 0; MP_EBROKEN: it is or was broken, reset, or the time is over, which breaks
 * it for all, but not once all are there; what the action said, to the one who
 * ran it; MP_EPERM: no seat.
 */
MP_API MP_MUST_USE int mp_barrier_wait(struct mp_barrier *barrier,
    int timeout_ms, unsigned *index);
/* Empty and whole again; who waits gets MP_EBROKEN.  What it shrank it stays.
 * 0; MP_EPERM: no seat. */
MP_API int mp_barrier_reset(struct mp_barrier *barrier);
/* Broken: who waits or comes gets MP_EBROKEN, until it is reset. */
MP_API int mp_barrier_abort(struct mp_barrier *barrier);

MP_API unsigned mp_barrier_parties(const struct mp_barrier *barrier);
MP_API unsigned mp_barrier_n_waiting(const struct mp_barrier *barrier);
MP_API bool mp_barrier_broken(const struct mp_barrier *barrier);

MP_END

#endif
