/*
 * What becomes of what the dead held, kind by kind: rows of object.c.  And
 * what is inside some, for their kill tests.
 */
#ifndef MPIPC_SYNC_IMPL_H
#define MPIPC_SYNC_IMPL_H

#include "ipc/mp/barrier.h"
#include "ipc/mp/condition.h"
#include "ipc/mp/lock_impl.h"

mp_forget_fn mp_sem_forget;
mp_forget_fn mp_cond_forget;
mp_forget_fn mp_barrier_forget;
mp_forget_fn mp_array_forget;

/* --- array.c -------------------------------------------------------------- */

/* The segments of arrays of the context of that name; none lives any more. */
void mp_arrays_unlink(const char *name);

/* --- condition.c ---------------------------------------------------------- */

enum mp_cond_state {
	MP_COND_IDLE,
	MP_COND_WAITING,
	MP_COND_NOTIFIED
};

struct mp_cond_body {
	struct mp_latch_body lock; /* used unless one was given */
	alignas(MP_LINE) _Atomic uint64_t ticket; /* of who comes next */
	/* ticket:62 | state:2; the seat's own, or of who holds the lock, or of
	 * the undertaker: by CAS */
	_Atomic uint64_t wait[MP_SEAT_IDS];
};

/* The halves of mp_cond_wait(): in line, and without the lock, however often it
 * had been taken; and, slept or not, back with it. */
uint32_t mp_cond_stand(struct mp_cond *cond);
MUST_USE int mp_cond_come_back(struct mp_cond *cond, uint32_t count);

/* --- barrier.c ------------------------------------------------------------ */

/* The halves of mp_barrier_wait(): one of those who are there, in this
 * generation; and on with it. */
MUST_USE int mp_barrier_arrive(struct mp_barrier *barrier,
    uint32_t *generation);
MUST_USE int mp_barrier_pass(struct mp_barrier *barrier, uint32_t generation,
    int timeout_ms, unsigned *index);

#endif
