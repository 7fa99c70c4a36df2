/*
 * What is inside Lock, RLock, Condition and Array: one word, and who sleeps
 * for it.
 */
#ifndef MPIPC_LOCK_IMPL_H
#define MPIPC_LOCK_IMPL_H

#include "ipc/mp/context_impl.h"
#include "ipc/mp/lock.h"

struct mp_latch {
	struct mp_context *ctx;
	_Atomic uint64_t *word; /* lock.c */
	struct mp_waiters *waiters;
	bool recursive;
	/* Before sleeping, the next time; negative: none.  This process's. */
	_Atomic int looks;
};

/* In the body of an object that is more than a lock. */
struct mp_latch_body {
	alignas(MP_LINE) _Atomic uint64_t word;
	struct mp_waiters waiters;
};

struct mp_latch mp_latch_in(struct mp_context *ctx, struct mp_latch_body *body,
    bool recursive);
struct mp_latch mp_rlock_latch(const struct mp_rlock *lock);
struct mp_object *mp_rlock_object(const struct mp_rlock *lock);
/* The word of a lock that is an object of its own. */
_Atomic uint64_t *mp_lock_word(struct mp_object *object);

MUST_USE int mp_latch_acquire(struct mp_latch *latch, int timeout_ms);
int mp_latch_release(const struct mp_latch *latch);
int mp_latch_consistent(const struct mp_latch *latch);
bool mp_latch_is_mine(const struct mp_latch *latch);
/* By its holder: away with it, however often it was taken (which this gives);
 * and back, as often.  0 or MP_OWNERDEAD. */
uint32_t mp_latch_give_up(const struct mp_latch *latch);
MUST_USE int mp_latch_take_again(struct mp_latch *latch, uint32_t count);

/* Rows of object.c, and of what has a latch in its body. */
void mp_lock_forget(struct mp_context *ctx, struct mp_object *object,
    uint8_t seat);
void mp_latch_forget(struct mp_latch_body *body, uint8_t seat);
uint8_t mp_latch_owner(const _Atomic uint64_t *word);

#endif
