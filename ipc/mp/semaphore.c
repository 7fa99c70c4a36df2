/*
 * One word says how many there are, and what was done last:
 *
 *   value:20 | seq:34 | op:2 | seat:8        (at bits 44, 10, 8, 0)
 *
 * and a word a seat how many it has acquired: count:20 | seq:34.  Two words
 * are not written at once, so before anybody changes the first, what was done
 * last is also done to the credits of its seat, by whoever comes: a kill
 * between the two loses nothing.  The seq of the op that a credit word has seen
 * says whether it is still to do.
 *
 * So all credits are exact while the main word stands still, and a CAS of it
 * that succeeds is proof that it did.
 */
#include "ipc/mp/semaphore.h"

#include "ipc/mp/sync_impl.h"

enum sem_op {
	OP_NONE,
	OP_TAKE,  /* one more for the seat */
	OP_GIVE,  /* one less */
	OP_FORGET /* none any more */
};

enum {
	SEQ_BITS = 34
};

#define SEQ_MASK ((UINT64_C(1) << SEQ_BITS) - 1)

struct sem_word {
	uint32_t value;
	enum sem_op op;
	uint8_t seat;
	uint64_t seq;
};

struct credit_word {
	uint32_t count;
	uint64_t seq;
};

struct sem_body {
	_Atomic uint64_t word;
	alignas(MP_LINE) _Atomic uint64_t credit[MP_SEAT_IDS];
};

static_assert(sizeof(struct sem_body) <= sizeof(((struct mp_object *)0)->body),
    "fits in an object");

struct mp_sem {
	struct mp_context *ctx;
	struct mp_object *object;
	uint32_t most;
};

struct mp_bsem {
	struct mp_sem base;
};

static uint64_t
sem_pack(struct sem_word w)
{
	return (uint64_t)w.value << (SEQ_BITS + 10) | (w.seq & SEQ_MASK) << 10 |
	       (uint64_t)w.op << 8 | w.seat;
}

static struct sem_word
sem_unpack(uint64_t word)
{
	return (struct sem_word){ .value = (uint32_t)(word >> (SEQ_BITS + 10)),
		.seq = word >> 10 & SEQ_MASK,
		.op = (enum sem_op)(word >> 8 & 3),
		.seat = (uint8_t)word };
}

static uint64_t
credit_pack(struct credit_word w)
{
	return (uint64_t)w.count << SEQ_BITS | (w.seq & SEQ_MASK);
}

static struct credit_word
credit_unpack(uint64_t word)
{
	return (struct credit_word){ .count = (uint32_t)(word >> SEQ_BITS) &
					      MP_SEM_MAX,
		.seq = word & SEQ_MASK };
}

static struct sem_body *
body_of(struct mp_object *object)
{
	return (struct sem_body *)object->body;
}

/* --- the two words -------------------------------------------------------- */

/*
 * What `word` says was done last, done to its seat's credits as well.  If the
 * main word is another by now, nothing: whoever changed it settled this one,
 * and the caller's CAS will fail.
 */
static void
settle(struct sem_body *body, uint64_t word)
{
	struct sem_word w = sem_unpack(word);
	uint64_t seen = atomic_load(&body->credit[w.seat]);
	struct credit_word c = credit_unpack(seen);

	/* The credits of that word's time, or it would be done to those that
	 * have seen later ones. */
	if (w.op == OP_NONE || atomic_load(&body->word) != word ||
	    c.seq == w.seq)
		return;
	c.seq = w.seq;
	if (w.op == OP_TAKE && c.count < MP_SEM_MAX)
		c.count++;
	else if (w.op == OP_GIVE && c.count > 0)
		c.count--;
	else if (w.op == OP_FORGET)
		c.count = 0;
	/* If this fails another has done it. */
	(void)!atomic_compare_exchange_strong(&body->credit[w.seat], &seen,
	    credit_pack(c));
}

/* The main word, settled: all credits are exact as long as it stays. */
static uint64_t
look(struct sem_body *body, struct sem_word *out)
{
	uint64_t word = atomic_load(&body->word);

	settle(body, word);
	*out = sem_unpack(word);
	return word;
}

/* seq_cst, for those who sleep: pairs with mp_wait_enter(). */
static bool
change(struct sem_body *body, uint64_t from, struct sem_word to)
{
	to.seq++;
	return atomic_compare_exchange_strong(&body->word, &from, sem_pack(to));
}

static uint32_t
credits_of(const struct sem_body *body, unsigned seat)
{
	return credit_unpack(atomic_load(&body->credit[seat])).count;
}

/* Whose credit goes when `me` releases: 0, nobody has any. */
static uint8_t
giver(const struct sem_body *body, uint8_t me)
{
	if (credits_of(body, me) > 0)
		return me;
	for (unsigned i = 1; i <= MP_SEATS_MAX; i++)
		if (credits_of(body, i) > 0)
			return (uint8_t)i;
	return 0;
}

/* Of the dead: back.  Of one who left: used up.  Killed after the CAS: whoever comes next settles it. */
void
mp_sem_forget(struct mp_context *ctx, struct mp_object *object, uint8_t seat)
{
	struct sem_body *body = body_of(object);
	bool left = mp_seat_left(ctx, seat);
	struct sem_word w;
	uint64_t word;

	do {
		uint32_t n;

		word = look(body, &w);
		n = credits_of(body, seat);
		if (n == 0)
			return;
		if (!left)
			w.value = n < MP_SEM_MAX - w.value ? w.value + n
							   : MP_SEM_MAX;
		w.op = OP_FORGET;
		w.seat = seat;
	} while (!change(body, word, w));
}

/* --- both kinds ----------------------------------------------------------- */

static int
make(struct mp_context *ctx, struct mp_object *object)
{
	struct sem_word w = { .value = (uint32_t)object->attr[0] };

	(void)ctx;
	atomic_store(&body_of(object)->word, sem_pack(w));
	return 0;
}

static int
open_sem(struct mp_context *ctx, const char *name, unsigned value, bool bounded,
    struct mp_sem *out)
{
	const uint64_t attr[4] = { value, bounded };

	if (value > MP_SEM_MAX)
		return MP_EINVAL;
	out->ctx = ctx;
	out->most = bounded ? value : MP_SEM_MAX;
	return mp_object_open(ctx, MP_KIND_SEMAPHORE, name, attr, make,
	    &out->object);
}

static int
attempt(struct mp_context *ctx, void *arg)
{
	struct sem_body *body = arg;
	struct sem_word w;
	uint64_t word;

	do {
		word = look(body, &w);
		if (w.value == 0)
			return -EAGAIN;
		w.value--;
		w.op = OP_TAKE;
		w.seat = mp_view(ctx)->me;
	} while (!change(body, word, w));
	return 0;
}

int
mp_sem_acquire(struct mp_sem *sem, int timeout_ms)
{
	struct sem_body *body = body_of(sem->object);
	int r;

	if (mp_view(sem->ctx) == NULL)
		return MP_EPERM;
	r = attempt(sem->ctx, body);
	if (r == -EAGAIN && timeout_ms == 0)
		return MP_ETIMEDOUT;
	if (r == -EAGAIN)
		r = mp_wait(sem->ctx, &sem->object->waiters,
		    mp_deadline_in(timeout_ms), attempt, body);
	return r;
}

int
mp_sem_release(struct mp_sem *sem)
{
	const struct conveyor *view = mp_view(sem->ctx);
	struct sem_body *body = body_of(sem->object);
	struct sem_word w;
	uint64_t word;

	if (view == NULL)
		return MP_EPERM;
	do {
		word = look(body, &w);
		if (w.value >= sem->most)
			return MP_EINVAL;
		w.value++;
		w.seat = giver(body, view->me);
		w.op = w.seat != 0 ? OP_GIVE : OP_NONE;
	} while (!change(body, word, w));
	mp_wake(sem->ctx, &sem->object->waiters, 1);
	return 0;
}

unsigned
mp_sem_value(const struct mp_sem *sem)
{
	return sem_unpack(atomic_load(&body_of(sem->object)->word)).value;
}

/* --- Semaphore ------------------------------------------------------------ */

int
mp_sem_open(struct mp_context *ctx, const char *name, unsigned value,
    struct mp_sem **out)
{
	struct mp_sem *sem = malloc(sizeof(*sem));
	int r = sem == NULL ? -ENOMEM : open_sem(ctx, name, value, false, sem);

	if (r == 0) {
		*out = sem;
		sem = NULL;
	}
	free(sem);
	return r;
}

void
mp_sem_close(struct mp_sem *sem)
{
	free(sem);
}

void
mp_sem_unlink(struct mp_sem *sem)
{
	mp_object_free(sem->ctx, sem->object, NULL);
}

/* --- BoundedSemaphore ----------------------------------------------------- */

int
mp_bsem_open(struct mp_context *ctx, const char *name, unsigned value,
    struct mp_bsem **out)
{
	struct mp_bsem *sem = malloc(sizeof(*sem));
	int r = sem == NULL ? -ENOMEM
			    : open_sem(ctx, name, value, true, &sem->base);

	if (r == 0) {
		*out = sem;
		sem = NULL;
	}
	free(sem);
	return r;
}

void
mp_bsem_close(struct mp_bsem *sem)
{
	free(sem);
}

void
mp_bsem_unlink(struct mp_bsem *sem)
{
	mp_sem_unlink(&sem->base);
}

int
mp_bsem_acquire(struct mp_bsem *sem, int timeout_ms)
{
	return mp_sem_acquire(&sem->base, timeout_ms);
}

int
mp_bsem_release(struct mp_bsem *sem)
{
	return mp_sem_release(&sem->base);
}

unsigned
mp_bsem_value(const struct mp_bsem *sem)
{
	return mp_sem_value(&sem->base);
}
