/*
 * One word says how many are there and what was done last; a word a seat, who
 * is a member and has arrived.  As with semaphores (see there) what was done
 * last is first done to that seat's word by whoever changes the main word next.
 *
 *   generation:20 | history:8 | count:8 | parties:8 | seat:8 | seq:8 |
 *   op:2 | broken:1
 *
 * A generation ends when all have gone on, or by reset; history says of the
 * last ones which it was (bit 0: the last; 1: reset), for those who come late
 * to see it.  When all are there one of them claims to be the runner, runs the
 * action, gives out the indices and ends the generation.
 */
#include "ipc/mp/barrier.h"

#include "ipc/mp/sync_impl.h"

enum barrier_op {
	OP_NONE,
	OP_ARRIVE,
	OP_FORGET
};

enum {
	GENERATIONS = 1 << 20,
	HISTORY = 8,
	/* An attempt says: all are there, and it is ours to let them go. */
	RUN = 1
};

struct barrier_word {
	uint32_t generation;
	uint8_t history, count, parties, seat, seq;
	enum barrier_op op;
	bool broken;
};

struct arrival_word {
	uint32_t generation; /* of the op that wrote it, and seq */
	uint8_t seq;
	bool member; /* and in that generation it arrived */
};

struct barrier_body {
	_Atomic uint64_t word;
	/* generation:20 | seat:8, by who claims it, and the undertaker */
	alignas(MP_LINE) _Atomic uint64_t runner;
	alignas(MP_LINE) _Atomic uint64_t arrival[MP_SEAT_IDS];
	/* generation:20 | index:8, by the runner before it ends that one */
	_Atomic uint32_t index[MP_SEAT_IDS];
};

static_assert(sizeof(struct barrier_body) <=
		  sizeof(((struct mp_object *)0)->body),
    "fits in an object");

struct mp_barrier {
	struct mp_context *ctx;
	struct mp_object *object;
	struct barrier_body *body;
	int (*action)(void *arg);
	void *arg;
};

struct barrier_wait {
	struct mp_barrier *barrier;
	uint32_t generation; /* that it arrived, or arrives in */
};

static uint64_t
barrier_pack(struct barrier_word w)
{
	return (uint64_t)(w.generation % GENERATIONS) << 43 |
	       (uint64_t)w.history << 35 | (uint64_t)w.count << 27 |
	       (uint64_t)w.parties << 19 | (uint64_t)w.seat << 11 |
	       (uint64_t)w.seq << 3 | (uint64_t)w.op << 1 | w.broken;
}

static struct barrier_word
barrier_unpack(uint64_t word)
{
	return (struct barrier_word){ .generation = (uint32_t)(word >> 43) %
						    GENERATIONS,
		.history = (uint8_t)(word >> 35),
		.count = (uint8_t)(word >> 27),
		.parties = (uint8_t)(word >> 19),
		.seat = (uint8_t)(word >> 11),
		.seq = (uint8_t)(word >> 3),
		.op = (enum barrier_op)(word >> 1 & 3),
		.broken = word & 1 };
}

static uint64_t
arrival_pack(struct arrival_word a)
{
	return (uint64_t)a.generation << 9 | (uint64_t)a.seq << 1 | a.member;
}

static struct arrival_word
arrival_unpack(uint64_t word)
{
	return (struct arrival_word){ .generation = (uint32_t)(word >> 9) %
						    GENERATIONS,
		.seq = (uint8_t)(word >> 1),
		.member = word & 1 };
}

static struct barrier_body *
body_of(struct mp_object *object)
{
	return (struct barrier_body *)object->body;
}

/* --- the main word -------------------------------------------------------- */

/* As settle() of semaphore.c. */
static void
settle(struct barrier_body *body, uint64_t word)
{
	struct barrier_word w = barrier_unpack(word);
	uint64_t seen = atomic_load(&body->arrival[w.seat]);
	struct arrival_word a = arrival_unpack(seen);

	if (w.op == OP_NONE || atomic_load(&body->word) != word ||
	    (a.generation == w.generation && a.seq == w.seq))
		return;
	a = (struct arrival_word){ .generation = w.generation,
		.seq = w.seq,
		.member = w.op == OP_ARRIVE };
	(void)!atomic_compare_exchange_strong(&body->arrival[w.seat], &seen,
	    arrival_pack(a));
}

static uint64_t
look(struct barrier_body *body, struct barrier_word *out)
{
	uint64_t word = atomic_load(&body->word);

	settle(body, word);
	*out = barrier_unpack(word);
	return word;
}

/* seq_cst, for those who sleep: pairs with mp_wait_enter(). */
static bool
change(struct barrier_body *body, uint64_t from, struct barrier_word to)
{
	to.seq++;
	return atomic_compare_exchange_strong(&body->word, &from,
	    barrier_pack(to));
}

static bool
is_full(struct barrier_word w)
{
	return !w.broken && w.count > 0 && w.count >= w.parties;
}

static bool
has_arrived(const struct barrier_body *body, unsigned seat, uint32_t generation)
{
	struct arrival_word a = arrival_unpack(
	    atomic_load(&body->arrival[seat]));

	return a.member && a.generation == generation;
}

static void
break_it(struct barrier_word *w)
{
	w->broken = true;
	w->count = 0;
	w->op = OP_NONE;
}

static void
next_generation(struct barrier_word *w, bool reset)
{
	w->generation = (w->generation + 1) % GENERATIONS;
	w->history = (uint8_t)(w->history << 1 | reset);
	w->count = 0;
	w->broken = false;
	w->op = OP_NONE;
}

static void
wake_all(struct mp_barrier *barrier)
{
	mp_wake(barrier->ctx, &barrier->object->waiters, MP_SEAT_IDS);
}

/* How a generation that is over ended. */
static int
outcome(struct barrier_word w, uint32_t generation)
{
	uint32_t ago = (w.generation - generation) % GENERATIONS;

	/* So late that nobody knows: others have come and gone instead. */
	if (ago > HISTORY)
		return MP_EBROKEN;
	return (w.history >> (ago - 1) & 1) != 0 ? MP_EBROKEN : 0;
}

/* --- opening -------------------------------------------------------------- */

static int
make(struct mp_context *ctx, struct mp_object *object)
{
	struct barrier_word w = { .parties = (uint8_t)object->attr[0] };

	(void)ctx;
	atomic_store(&body_of(object)->word, barrier_pack(w));
	return 0;
}

int
mp_barrier_open(struct mp_context *ctx, const char *name, unsigned parties,
    const struct mp_barrier_attr *given, struct mp_barrier **out)
{
	const struct mp_barrier_attr a = given != NULL
					     ? *given
					     : (struct mp_barrier_attr){ 0 };
	const uint64_t attr[4] = { parties, a.on_death };
	struct mp_barrier *barrier;
	int r;

	if (parties == 0 || parties > MP_SEATS_MAX ||
	    a.on_death > MP_BARRIER_SHRINK)
		return MP_EINVAL;
	barrier = malloc(sizeof(*barrier));
	if (barrier == NULL)
		return -ENOMEM;
	r = mp_object_open(ctx, MP_KIND_BARRIER, name, attr, make,
	    &barrier->object);
	if (r == 0) {
		barrier->ctx = ctx;
		barrier->body = body_of(barrier->object);
		barrier->action = a.action;
		barrier->arg = a.arg;
		*out = barrier;
		barrier = NULL;
	}
	free(barrier);
	return r;
}

void
mp_barrier_close(struct mp_barrier *barrier)
{
	free(barrier);
}

void
mp_barrier_unlink(struct mp_barrier *barrier)
{
	mp_object_free(barrier->ctx, barrier->object, NULL);
}

/* --- the runner ----------------------------------------------------------- */

/* The only one of a generation that is full; of many until one dies. */
static bool
claim(struct mp_barrier *barrier, struct barrier_word w)
{
	uint64_t seen = atomic_load(&barrier->body->runner);
	uint64_t mine = (uint64_t)w.generation << 8 | mp_view(barrier->ctx)->me;

	if ((seen & 0xff) != 0 && seen >> 8 == w.generation)
		return seen == mine;
	return atomic_compare_exchange_strong(&barrier->body->runner, &seen,
	    mine);
}

/* Nobody reads them before the generation ends, which it does only if `word`
 * still stands; of a later one, nothing is written. */
static void
give_indices(struct barrier_body *body, uint64_t word, uint32_t generation)
{
	uint32_t next = 0;

	for (unsigned i = 1; i <= MP_SEATS_MAX; i++) {
		uint32_t seen = atomic_load(&body->index[i]);

		if (!has_arrived(body, i, generation))
			continue;
		if (atomic_load(&body->word) != word)
			return;
		(void)!atomic_compare_exchange_strong(&body->index[i], &seen,
		    generation << 8 | next);
		next++;
	}
}

/* All are there: run the action, and let them go. */
static int
run(struct mp_barrier *barrier, uint32_t generation)
{
	int r = barrier->action != NULL ? barrier->action(barrier->arg) : 0;
	struct barrier_word w;
	uint64_t word;

	do {
		word = look(barrier->body, &w);
		if (w.generation != generation || w.broken)
			return r < 0 ? r : MP_EBROKEN;
		if (r < 0) {
			break_it(&w);
		} else {
			give_indices(barrier->body, word, generation);
			next_generation(&w, false);
		}
	} while (!change(barrier->body, word, w));
	wake_all(barrier);
	return r < 0 ? r : 0;
}

/* --- waiting -------------------------------------------------------------- */

static int
try_arrive(struct mp_context *ctx, void *arg)
{
	struct barrier_wait *wait = arg;
	struct barrier_body *body = wait->barrier->body;
	struct barrier_word w;
	uint64_t word;

	do {
		word = look(body, &w);
		if (w.broken)
			return MP_EBROKEN;
		if (is_full(w))
			return -EAGAIN; /* they are about to go */
		w.count++;
		w.op = OP_ARRIVE;
		w.seat = mp_view(ctx)->me;
	} while (!change(body, word, w));
	wait->generation = w.generation;
	return 0;
}

static int
try_pass(struct mp_context *ctx, void *arg)
{
	struct barrier_wait *wait = arg;
	struct barrier_word w;

	(void)ctx;
	for (;;) {
		look(wait->barrier->body, &w);
		if (w.generation != wait->generation)
			return outcome(w, wait->generation);
		if (w.broken)
			return MP_EBROKEN;
		if (!is_full(w) || !claim(wait->barrier, w))
			return -EAGAIN;
		/* As long as ours stands nobody else claims it. */
		look(wait->barrier->body, &w);
		if (w.generation == wait->generation && is_full(w))
			return RUN;
	}
}

/* The time is over: true, it is broken, by us or another.  false: all are
 * there or have gone. */
static bool
break_unless_full(struct mp_barrier *barrier, uint32_t generation)
{
	struct barrier_word w;
	uint64_t word;

	do {
		word = look(barrier->body, &w);
		if (w.generation != generation || is_full(w))
			return false;
		if (w.broken)
			return true;
		break_it(&w);
	} while (!change(barrier->body, word, w));
	wake_all(barrier);
	return true;
}

int
mp_barrier_arrive(struct mp_barrier *barrier, uint32_t *generation)
{
	struct barrier_wait wait = { .barrier = barrier };
	int r;

	if (mp_view(barrier->ctx) == NULL)
		return MP_EPERM;
	r = mp_wait(barrier->ctx, &barrier->object->waiters, mp_deadline_in(-1),
	    try_arrive, &wait);
	if (r == 0)
		*generation = wait.generation;
	return r;
}

static int
pass_until(struct mp_barrier *barrier, uint32_t generation, int timeout_ms)
{
	struct barrier_wait wait = { barrier, generation };

	return mp_wait(barrier->ctx, &barrier->object->waiters,
	    mp_deadline_in(timeout_ms), try_pass, &wait);
}

int
mp_barrier_pass(struct mp_barrier *barrier, uint32_t generation, int timeout_ms,
    unsigned *index)
{
	uint8_t me = mp_view(barrier->ctx)->me;
	int r = pass_until(barrier, generation, timeout_ms);

	if (r == MP_ETIMEDOUT)
		r = break_unless_full(barrier, generation)
			? MP_EBROKEN
			: pass_until(barrier, generation, -1);
	if (r == RUN)
		r = run(barrier, generation);
	if (r == 0 && index != NULL)
		*index = atomic_load(&barrier->body->index[me]) & 0xff;
	return r;
}

int
mp_barrier_wait(struct mp_barrier *barrier, int timeout_ms, unsigned *index)
{
	uint32_t generation;
	int r = mp_barrier_arrive(barrier, &generation);

	if (r == 0)
		r = mp_barrier_pass(barrier, generation, timeout_ms, index);
	return r;
}

int
mp_barrier_reset(struct mp_barrier *barrier)
{
	struct barrier_word w;
	uint64_t word;

	if (mp_view(barrier->ctx) == NULL)
		return MP_EPERM;
	do {
		word = look(barrier->body, &w);
		if (!w.broken && w.count == 0)
			return 0;
		next_generation(&w, true);
	} while (!change(barrier->body, word, w));
	wake_all(barrier);
	return 0;
}

int
mp_barrier_abort(struct mp_barrier *barrier)
{
	struct barrier_word w;
	uint64_t word;

	if (mp_view(barrier->ctx) == NULL)
		return MP_EPERM;
	do {
		word = look(barrier->body, &w);
		if (w.broken)
			return 0;
		break_it(&w);
	} while (!change(barrier->body, word, w));
	wake_all(barrier);
	return 0;
}

unsigned
mp_barrier_parties(const struct mp_barrier *barrier)
{
	return barrier_unpack(atomic_load(&barrier->body->word)).parties;
}

unsigned
mp_barrier_n_waiting(const struct mp_barrier *barrier)
{
	return barrier_unpack(atomic_load(&barrier->body->word)).count;
}

bool
mp_barrier_broken(const struct mp_barrier *barrier)
{
	return barrier_unpack(atomic_load(&barrier->body->word)).broken;
}

/* --- death ---------------------------------------------------------------- */

void
mp_barrier_forget(struct mp_context *ctx, struct mp_object *object,
    uint8_t seat)
{
	struct barrier_body *body = body_of(object);
	bool shrinks = atomic_load(&object->attr[1]) == MP_BARRIER_SHRINK;
	bool left = mp_seat_left(ctx, seat);
	struct barrier_word w;
	uint64_t word, runner;

	do {
		bool in;

		word = look(body, &w);
		if (!arrival_unpack(atomic_load(&body->arrival[seat])).member)
			break;
		in = !w.broken && has_arrived(body, seat, w.generation);
		if (shrinks && (in || !left)) {
			w.count -= in && w.count > 0;
			w.parties -= w.parties > 0;
		} else if (in || !left) {
			break_it(&w);
		}
		w.op = OP_FORGET;
		w.seat = seat;
	} while (!change(body, word, w));
	/* Afterwards: or another would run the action of one that is to be
	 * broken. */
	runner = atomic_load(&body->runner);
	if ((runner & 0xff) == seat)
		(void)!atomic_compare_exchange_strong(&body->runner, &runner,
		    0);
}
