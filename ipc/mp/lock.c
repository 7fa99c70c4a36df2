/*
 * One word says who has it, how often, and whether a holder died:
 *
 *   count:24 | died:8 | owner:8        (at bits 16, 8, 0)
 *
 * So claim and owner are one store, and there is no moment at which a lock is
 * taken by nobody.  Lock and RLock differ in who may release, and in that the
 * holder of an RLock counts up.
 *
 * The word is seq_cst throughout: who sleeps sets its bit and looks at the
 * word, who releases writes the word and looks for bits (wait.c).
 */
#include "ipc/mp/lock.h"

#include "ipc/mp/lock_impl.h"

enum {
	COUNT_MAX = (1 << 24) - 1,
	/* Looks at a lock before sleeping for it: some µs.  And how often one
	 * sleeps without, when they were of no use. */
	LOOKS = 100,
	REST = 100
};

struct lock_word {
	uint32_t count;
	uint8_t died;
	uint8_t owner; /* seat; 0: free */
};

struct mp_lock {
	struct mp_latch latch;
	struct mp_object *object;
};

struct mp_rlock {
	struct mp_lock base;
};

static uint64_t
lock_pack(struct lock_word w)
{
	return (uint64_t)w.count << 16 | (uint64_t)w.died << 8 | w.owner;
}

static struct lock_word
lock_unpack(uint64_t word)
{
	return (struct lock_word){ .count = (uint32_t)(word >> 16) & COUNT_MAX,
		.died = (uint8_t)(word >> 8),
		.owner = (uint8_t)word };
}

_Atomic uint64_t *
mp_lock_word(struct mp_object *object)
{
	return (_Atomic uint64_t *)object->body;
}

struct mp_latch
mp_latch_in(struct mp_context *ctx, struct mp_latch_body *body, bool recursive)
{
	return (struct mp_latch){ .ctx = ctx,
		.word = &body->word,
		.waiters = &body->waiters,
		.looks = LOOKS,
		.recursive = recursive };
}

struct mp_latch
mp_rlock_latch(const struct mp_rlock *lock)
{
	return lock->base.latch;
}

struct mp_object *
mp_rlock_object(const struct mp_rlock *lock)
{
	return lock->base.object;
}

/* --- taking --------------------------------------------------------------- */

static int
attempt(struct mp_context *ctx, void *arg)
{
	const struct mp_latch *latch = arg;
	uint64_t old = atomic_load(latch->word);
	struct lock_word w;

	do {
		w = lock_unpack(old);
		if (w.owner > ctx->shared->seats)
			return MP_ECORRUPT; /* nobody would ever release it */
		if (w.owner != 0)
			return -EAGAIN;
		w.owner = mp_view(ctx)->me;
		w.count = 1;
	} while (
	    !atomic_compare_exchange_weak(latch->word, &old, lock_pack(w)));
	return w.died ? MP_OWNERDEAD : 0;
}

/* Once more by its holder: nobody else writes it meanwhile. */
static int
take_deeper(const struct mp_latch *latch, struct lock_word w)
{
	if (w.count == COUNT_MAX)
		return MP_EINVAL;
	w.count++;
	atomic_store(latch->word, lock_pack(w));
	return w.died ? MP_OWNERDEAD : 0;
}

static bool
has_cores(void)
{
	static _Atomic unsigned cores;
	unsigned n = atomic_load_explicit(&cores, memory_order_relaxed);

	if (n == 0) {
		n = mp_cpu_count();
		atomic_store_explicit(&cores, n, memory_order_relaxed);
	}
	return n > 1;
}

static inline void
pause_a_little(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#endif
}

/*
 * Whoever has it may be about to let it go: that is sooner than to be woken.
 * Or it does not even run, and each look is lost: as many as have been of use,
 * and, after some that were of none, none at all for a while.
 */
static int
spin(struct mp_latch *latch)
{
	int looks = atomic_load_explicit(&latch->looks, memory_order_relaxed);
	int next = looks < 0 ? looks + 1 : looks / 2, r = -EAGAIN;

	if (next == 0)
		next = looks < 0 ? LOOKS : -REST;
	for (int i = 0; i < looks && r == -EAGAIN; i++) {
		if (mp_latch_owner(latch->word) == 0)
			r = attempt(latch->ctx, latch);
		else
			pause_a_little();
	}
	if (r != -EAGAIN)
		next = LOOKS;
	atomic_store_explicit(&latch->looks, next, memory_order_relaxed);
	return r;
}

int
mp_latch_acquire(struct mp_latch *latch, int timeout_ms)
{
	const struct conveyor *view = mp_view(latch->ctx);
	uint64_t old = 0;
	struct lock_word w;
	int r;

	if (view == NULL)
		return MP_EPERM;
	/* Mostly it is free, and nobody died. */
	if (atomic_compare_exchange_strong(latch->word, &old,
		lock_pack((struct lock_word){ .count = 1, .owner = view->me })))
		return 0;
	w = lock_unpack(old);
	if (latch->recursive && w.owner == view->me)
		return take_deeper(latch, w);
	r = attempt(latch->ctx, latch);
	if (r == -EAGAIN && timeout_ms == 0)
		return MP_ETIMEDOUT;
	if (r == -EAGAIN && has_cores())
		r = spin(latch);
	if (r == -EAGAIN)
		r = mp_wait(latch->ctx, latch->waiters,
		    mp_deadline_in(timeout_ms), attempt, latch);
	return r;
}

/* --- giving --------------------------------------------------------------- */

bool
mp_latch_is_mine(const struct mp_latch *latch)
{
	const struct conveyor *view = mp_view(latch->ctx);

	return view != NULL &&
	       lock_unpack(atomic_load(latch->word)).owner == view->me;
}

int
mp_latch_release(const struct mp_latch *latch)
{
	const struct conveyor *view = mp_view(latch->ctx);
	uint64_t old = atomic_load(latch->word);
	struct lock_word w;

	if (view == NULL ||
	    (latch->recursive && lock_unpack(old).owner != view->me))
		return MP_EPERM;
	/* A Lock may be released by another at the same moment, or its holder
	 * be found dead. */
	do {
		w = lock_unpack(old);
		if (w.owner == 0 || w.count == 0)
			return MP_EINVAL;
		if (--w.count == 0)
			w.owner = 0;
	} while (
	    !atomic_compare_exchange_weak(latch->word, &old, lock_pack(w)));
	if (w.owner == 0)
		mp_wake(latch->ctx, latch->waiters, 1);
	return 0;
}

int
mp_latch_consistent(const struct mp_latch *latch)
{
	uint64_t old = atomic_load(latch->word);
	struct lock_word w;

	do {
		w = lock_unpack(old);
		if (mp_view(latch->ctx) == NULL ||
		    w.owner != mp_view(latch->ctx)->me)
			return MP_EPERM;
		w.died = 0;
	} while (
	    !atomic_compare_exchange_weak(latch->word, &old, lock_pack(w)));
	return 0;
}

uint32_t
mp_latch_give_up(const struct mp_latch *latch)
{
	struct lock_word w = lock_unpack(atomic_load(latch->word));
	uint32_t count = w.count;

	w.owner = 0;
	w.count = 0;
	atomic_store(latch->word, lock_pack(w));
	mp_wake(latch->ctx, latch->waiters, 1);
	return count;
}

int
mp_latch_take_again(struct mp_latch *latch, uint32_t count)
{
	int r = mp_latch_acquire(latch, -1);
	struct lock_word w;

	if (r < 0)
		return r;
	w = lock_unpack(atomic_load(latch->word));
	w.count = count;
	atomic_store(latch->word, lock_pack(w));
	return r;
}

/* --- death ---------------------------------------------------------------- */

/* Free, and marked.  Nobody else writes the word of a lock that is taken but a
 * releaser: then it is not the dead one's. */
static void
forget(_Atomic uint64_t *word, uint8_t seat)
{
	uint64_t old = atomic_load(word);
	struct lock_word w = { .died = 1 };

	if (lock_unpack(old).owner == seat)
		(void)!atomic_compare_exchange_strong(word, &old, lock_pack(w));
}

void
mp_lock_forget(struct mp_context *ctx, struct mp_object *object, uint8_t seat)
{
	(void)ctx;
	forget(mp_lock_word(object), seat);
}

void
mp_latch_forget(struct mp_latch_body *body, uint8_t seat)
{
	mp_waiters_forget(&body->waiters, seat);
	forget(&body->word, seat);
}

uint8_t
mp_latch_owner(const _Atomic uint64_t *word)
{
	return lock_unpack(atomic_load(word)).owner;
}

/* --- Lock ----------------------------------------------------------------- */

static int
open_lock(struct mp_context *ctx, const char *name, bool recursive,
    struct mp_lock *out)
{
	const uint64_t attr[4] = { recursive };
	struct mp_object *object;
	int r;

	r = mp_object_open(ctx, MP_KIND_LOCK, name, attr, NULL, &object);
	if (r < 0)
		return r;
	out->object = object;
	out->latch = (struct mp_latch){ .ctx = ctx,
		.word = mp_lock_word(object),
		.waiters = &object->waiters,
		.looks = LOOKS,
		.recursive = recursive };
	return 0;
}

int
mp_lock_open(struct mp_context *ctx, const char *name, struct mp_lock **out)
{
	struct mp_lock *lock = malloc(sizeof(*lock));
	int r = lock == NULL ? -ENOMEM : open_lock(ctx, name, false, lock);

	if (r == 0) {
		*out = lock;
		lock = NULL;
	}
	free(lock);
	return r;
}

void
mp_lock_close(struct mp_lock *lock)
{
	free(lock);
}

void
mp_lock_unlink(struct mp_lock *lock)
{
	mp_object_free(lock->latch.ctx, lock->object, NULL);
}

int
mp_lock_acquire(struct mp_lock *lock, int timeout_ms)
{
	return mp_latch_acquire(&lock->latch, timeout_ms);
}

int
mp_lock_release(struct mp_lock *lock)
{
	return mp_latch_release(&lock->latch);
}

int
mp_lock_consistent(struct mp_lock *lock)
{
	return mp_latch_consistent(&lock->latch);
}

int
mp_lock_owner(const struct mp_lock *lock)
{
	return mp_latch_owner(lock->latch.word);
}

/* --- RLock ---------------------------------------------------------------- */

int
mp_rlock_open(struct mp_context *ctx, const char *name, struct mp_rlock **out)
{
	struct mp_rlock *lock = malloc(sizeof(*lock));
	int r = lock == NULL ? -ENOMEM
			     : open_lock(ctx, name, true, &lock->base);

	if (r == 0) {
		*out = lock;
		lock = NULL;
	}
	free(lock);
	return r;
}

void
mp_rlock_close(struct mp_rlock *lock)
{
	free(lock);
}

void
mp_rlock_unlink(struct mp_rlock *lock)
{
	mp_lock_unlink(&lock->base);
}

int
mp_rlock_acquire(struct mp_rlock *lock, int timeout_ms)
{
	return mp_latch_acquire(&lock->base.latch, timeout_ms);
}

int
mp_rlock_release(struct mp_rlock *lock)
{
	return mp_latch_release(&lock->base.latch);
}

int
mp_rlock_consistent(struct mp_rlock *lock)
{
	return mp_latch_consistent(&lock->base.latch);
}

int
mp_rlock_owner(const struct mp_rlock *lock)
{
	return mp_lock_owner(&lock->base);
}
