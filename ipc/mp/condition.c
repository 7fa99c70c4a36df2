/*
 * A word a seat: ticket:62 | state:2.  Who waits is WAITING, with a ticket that
 * says for how long; who is notified becomes NOTIFIED in the same word, by one
 * CAS, so there is no moment at which a notification is with nobody.  It ends
 * when the waiter, with the lock in hand again, takes its word back.
 *
 * The words of others are changed by who holds the lock, and by the undertaker.
 */
#include "ipc/mp/condition.h"

#include "ipc/mp/sync_impl.h"

enum {
	STATE_BITS = 2
};

static_assert(sizeof(struct mp_cond_body) <=
		  sizeof(((struct mp_object *)0)->body),
    "fits in an object");

struct mp_cond {
	struct mp_context *ctx;
	struct mp_object *object;
	struct mp_latch latch;
};

static struct mp_cond_body *
body_of(struct mp_object *object)
{
	return (struct mp_cond_body *)object->body;
}

static enum mp_cond_state
state_of(uint64_t word)
{
	return (enum mp_cond_state)(word & ((1 << STATE_BITS) - 1));
}

static uint64_t
with_state(uint64_t word, enum mp_cond_state state)
{
	return word >> STATE_BITS << STATE_BITS | state;
}

/* --- opening -------------------------------------------------------------- */

/* attr[0]: the number of the lock's object, plus 1; 0: its own. */
static uint64_t
lock_number(const struct mp_context *ctx, const struct mp_rlock *lock)
{
	if (lock == NULL)
		return 0;
	return (uint64_t)(mp_rlock_object(lock) - mp_object_at(ctx, 0)) + 1;
}

int
mp_cond_open(struct mp_context *ctx, const char *name, struct mp_rlock *lock,
    struct mp_cond **out)
{
	const uint64_t attr[4] = { lock_number(ctx, lock) };
	struct mp_cond *cond = malloc(sizeof(*cond));
	int r = -ENOMEM;

	if (cond == NULL)
		goto done;
	cond->ctx = ctx;
	r = MP_EINVAL;
	if (lock != NULL && mp_rlock_latch(lock).ctx != ctx)
		goto done;
	r = mp_object_open(ctx, MP_KIND_CONDITION, name, attr, NULL,
	    &cond->object);
	if (r < 0)
		goto done;
	cond->latch = lock != NULL ? mp_rlock_latch(lock)
				   : mp_latch_in(ctx,
					 &body_of(cond->object)->lock, true);
	*out = cond;
	cond = NULL;
done:
	free(cond);
	return r;
}

void
mp_cond_close(struct mp_cond *cond)
{
	free(cond);
}

void
mp_cond_unlink(struct mp_cond *cond)
{
	mp_object_free(cond->ctx, cond->object, NULL);
}

int
mp_cond_acquire(struct mp_cond *cond, int timeout_ms)
{
	return mp_latch_acquire(&cond->latch, timeout_ms);
}

int
mp_cond_release(struct mp_cond *cond)
{
	return mp_latch_release(&cond->latch);
}

int
mp_cond_consistent(struct mp_cond *cond)
{
	return mp_latch_consistent(&cond->latch);
}

/* --- waiting -------------------------------------------------------------- */

/* seq_cst: pairs with notify_one(), after which a sleeper is looked for. */
static int
attempt(struct mp_context *ctx, void *arg)
{
	const _Atomic uint64_t *wait = arg;

	(void)ctx;
	return state_of(atomic_load(wait)) == MP_COND_WAITING ? -EAGAIN : 0;
}

uint32_t
mp_cond_stand(struct mp_cond *cond)
{
	struct mp_cond_body *body = body_of(cond->object);
	uint64_t ticket = atomic_fetch_add(&body->ticket, 1);

	atomic_store(&body->wait[mp_view(cond->ctx)->me],
	    with_state(ticket << STATE_BITS, MP_COND_WAITING));
	return mp_latch_give_up(&cond->latch);
}

/* How it ended, the word says: also to one whose time is over, and who was
 * notified before it had the lock. */
int
mp_cond_come_back(struct mp_cond *cond, uint32_t count)
{
	struct mp_cond_body *body = body_of(cond->object);
	int r = mp_latch_take_again(&cond->latch, count);
	uint64_t word = atomic_exchange(&body->wait[mp_view(cond->ctx)->me],
	    MP_COND_IDLE);

	if (r == 0 && state_of(word) != MP_COND_NOTIFIED)
		r = MP_ETIMEDOUT;
	return r;
}

int
mp_cond_wait(struct mp_cond *cond, int timeout_ms)
{
	struct mp_cond_body *body = body_of(cond->object);
	uint32_t count;

	if (!mp_latch_is_mine(&cond->latch))
		return MP_EPERM;
	count = mp_cond_stand(cond);
	(void)!mp_wait(cond->ctx, &cond->object->waiters,
	    mp_deadline_in(timeout_ms), attempt,
	    &body->wait[mp_view(cond->ctx)->me]);
	return mp_cond_come_back(cond, count);
}

int
mp_cond_wait_for(struct mp_cond *cond, mp_predicate *predicate, void *arg,
    int timeout_ms)
{
	struct mp_deadline deadline = mp_deadline_in(timeout_ms);
	int r = 0;

	if (!mp_latch_is_mine(&cond->latch))
		return MP_EPERM;
	while (!predicate(arg)) {
		if (r == MP_ETIMEDOUT)
			return r;
		r = mp_cond_wait(cond, mp_deadline_left_ms(deadline));
		if (r != 0 && r != MP_ETIMEDOUT)
			return r;
	}
	return 0;
}

/* --- notifying ------------------------------------------------------------ */

/* The seat that has waited longest; 0: nobody waits. */
static unsigned
longest(const struct mp_cond_body *body)
{
	uint64_t least = UINT64_MAX;
	unsigned seat = 0;

	for (unsigned i = 1; i <= MP_SEATS_MAX; i++) {
		uint64_t word = atomic_load(&body->wait[i]);

		if (state_of(word) == MP_COND_WAITING && word < least) {
			least = word;
			seat = i;
		}
	}
	return seat;
}

/* False: it waits no more. */
static bool
notify_seat(struct mp_cond_body *body, unsigned seat)
{
	uint64_t word = atomic_load(&body->wait[seat]);

	return state_of(word) == MP_COND_WAITING &&
	       atomic_compare_exchange_strong(&body->wait[seat], &word,
		   with_state(word, MP_COND_NOTIFIED));
}

/* The seat it was, or 0. */
static unsigned
notify_one(struct mp_cond_body *body)
{
	unsigned seat;

	do
		seat = longest(body);
	while (seat != 0 && !notify_seat(body, seat));
	return seat;
}

int
mp_cond_notify(struct mp_cond *cond, unsigned n)
{
	unsigned seat;

	if (!mp_latch_is_mine(&cond->latch))
		return MP_EPERM;
	while (n-- > 0 && (seat = notify_one(body_of(cond->object))) != 0)
		mp_wake_seat(cond->ctx, &cond->object->waiters, seat);
	return 0;
}

int
mp_cond_notify_all(struct mp_cond *cond)
{
	return mp_cond_notify(cond, MP_SEATS_MAX);
}

/* --- death ---------------------------------------------------------------- */

/* Before that of any lock: else nobody knows who held it. */
void
mp_cond_forget(struct mp_context *ctx, struct mp_object *object, uint8_t seat)
{
	struct mp_cond_body *body = body_of(object);
	uint64_t number = atomic_load(&object->attr[0]);
	const _Atomic uint64_t *lock = &body->lock.word;

	if (number > ctx->shared->objects ||
	    number > atomic_load(&ctx->shared->used))
		return; /* impossible, and nothing that could be mended */
	if (number != 0)
		lock = mp_lock_word(mp_object_at(ctx, (uint32_t)number - 1));
	/* It died with the lock, and what it would have notified them of
	 * may never come. */
	if (mp_latch_owner(lock) == seat)
		for (unsigned i = 1; i <= MP_SEATS_MAX; i++)
			if (i != seat)
				notify_seat(body, i);
	/* It was told instead of another.  Twice, if an undertaker dies here:
	 * that one finds nothing and waits again. */
	if (state_of(atomic_load(&body->wait[seat])) == MP_COND_NOTIFIED)
		notify_one(body);
	atomic_store(&body->wait[seat], MP_COND_IDLE);
	mp_latch_forget(&body->lock, seat);
}
