/*
 * A queue is two of the conveyor's: its pool, and itself.  An unbounded one
 * takes its cells from MP_FREE and gives them back there.  A bounded one has as
 * many as its bound, taken out of MP_FREE when it is made: they go round
 * between pool, queue and takers, so the bound is how many there are, and
 * nothing has to be counted.
 *
 * A cell belongs to a bounded queue as long as its head says so and it stands
 * in neither MP_FREE nor MP_DEAD.  That changes only under the context's lock,
 * so mp_queues_mend() can count, and replace those that went to MP_DEAD.
 */
#include "ipc/mp/queue.h"

#include <string.h>
#include <time.h>

#include "ipc/gate_impl.h"
#include "ipc/mp/queue_impl.h"
#include "ipc/roster.h"

enum {
	/* What a sleep and a wake-up cost: to spin longer is a loss. */
	SPIN_MOST_NS = 50 * 1000,
	SPIN_LEAST_NS = 1000,
	SPIN_LOOKS = 16, /* between two looks at the clock */
	JOIN_LOOKS = 100
};

struct queue_body {
	_Atomic uint64_t place;    /* k: its queues are 2 + 2k and 3 + 2k */
	_Atomic uint64_t attempts; /* deaths, then it goes to `dead` */
	_Atomic uint64_t dead;
	_Atomic uint64_t shut;
	/* Rises after each put.  mp_queue_join() */
	alignas(MP_LINE) _Atomic uint64_t puts;
};

static_assert(sizeof(struct queue_body) <=
		  sizeof(((struct mp_object *)0)->body),
    "fits in an object");

/* Of what one thread got and has not done: cell + 1, 0: none. */
struct taken {
	uint32_t first, last;
};

struct mp_queue {
	struct mp_context *ctx;
	struct mp_object *object;
	uint64_t word; /* the object's: with another one it was unlinked */
	uint8_t pool, number;
	bool bounded, joinable, spins;
	_Atomic uint32_t spin_ns;
	struct taken taken[MP_SEAT_IDS];
};

static struct queue_body *
body_of(struct mp_object *object)
{
	return (struct queue_body *)object->body;
}

static struct mp_msg_head *
head_of(struct conveyor *cv, uint32_t cell)
{
	return conveyor_order(cv, cell);
}

static uint32_t
places(const struct mp_context *ctx)
{
	return (ctx->cv->shape.queues - MP_FIRST_QUEUE) / 2;
}

static uint8_t
pool_at(uint64_t place)
{
	return (uint8_t)(MP_FIRST_QUEUE + 2 * place);
}

static uint8_t
queue_at(uint64_t place)
{
	return (uint8_t)(MP_FIRST_QUEUE + 2 * place + 1);
}

/* --- which places are whose, under the lock ------------------------------- */

/* The queue object `i`, and its place; NULL: it is none. */
static struct mp_object *
queue_object(const struct mp_context *ctx, uint32_t i, uint64_t *place)
{
	struct mp_object *object = mp_object_at(ctx, i);

	if (mp_object_kind(object) != MP_KIND_QUEUE)
		return NULL;
	*place = atomic_load(&body_of(object)->place);
	return *place < places(ctx) ? object : NULL;
}

static uint32_t
objects_used(const struct mp_context *ctx)
{
	uint64_t n = atomic_load(&ctx->shared->used);

	return n < ctx->shared->objects ? (uint32_t)n : ctx->shared->objects;
}

static uint32_t
places_taken(const struct mp_context *ctx)
{
	uint32_t taken = 0;
	uint64_t place;

	for (uint32_t i = 0; i < objects_used(ctx); i++)
		if (queue_object(ctx, i, &place) != NULL)
			taken |= UINT32_C(1) << place;
	return taken;
}

/* What was taken and not finished comes again, with those whom it was taken
 * from; cells that were being filled are free, and so is all of a queue that
 * is nobody's. */
void
mp_queue_routes(const struct mp_context *ctx, struct conveyor_routes *routes)
{
	uint64_t place;

	for (unsigned q = 0; q < CONVEYOR_QUEUES; q++)
		routes->queue[q] = (struct conveyor_route){ .target = MP_FREE };
	routes->queue[MP_DEAD] = (struct conveyor_route){ .target = MP_DEAD };
	for (uint32_t i = 0; i < objects_used(ctx); i++) {
		struct mp_object *object = queue_object(ctx, i, &place);
		uint64_t attempts, dead;

		if (object == NULL)
			continue;
		attempts = atomic_load(&body_of(object)->attempts);
		dead = atomic_load(&body_of(object)->dead);
		routes->queue[pool_at(place)].target = atomic_load(
							   &object->attr[0]) !=
							       0
							   ? pool_at(place)
							   : MP_FREE;
		routes->queue[queue_at(place)] = (struct conveyor_route){
			.target = queue_at(place),
			.blames = attempts <= CELL_BLAMES ? (uint8_t)attempts
							  : CELL_BLAMES,
			.dead = dead < ctx->cv->shape.queues ? (uint8_t)dead
							     : MP_DEAD
		};
	}
}

static uint64_t
home_in(const struct mp_context *ctx, const struct mp_object *object,
    uint32_t incarnation)
{
	return (uint64_t)incarnation << 32 |
	       ((uint64_t)(object - mp_object_at(ctx, 0)) + 1);
}

/* Where a cell goes when it is free. */
static uint8_t
home_of(const struct mp_context *ctx, const struct mp_msg_head *head)
{
	uint64_t home = atomic_load_explicit(&head->home, memory_order_relaxed);
	uint32_t i = (uint32_t)home - 1;
	struct mp_object *object;
	uint64_t place;

	if (home == 0 || i >= objects_used(ctx))
		return MP_FREE;
	object = queue_object(ctx, i, &place);
	/* Gone since, and maybe another's by now. */
	if (object == NULL || atomic_load(&object->word) >> 32 != home >> 32)
		return MP_FREE;
	return pool_at(place);
}

/* Cells of queues that nobody has, back to MP_FREE. */
static int
sweep(struct mp_context *ctx, struct conveyor *cv)
{
	uint32_t taken = places_taken(ctx);
	size_t moved;
	int r = 0;

	for (uint32_t k = 0; k < places(ctx) && r == 0; k++) {
		if (taken >> k & 1)
			continue;
		r = conveyor_drain(cv, pool_at(k), MP_FREE, &moved);
		if (r == 0)
			r = conveyor_drain(cv, queue_at(k), MP_FREE, &moved);
	}
	return r;
}

/* One more for the pool. */
static int
set_aside(struct conveyor *cv, uint8_t pool, uint64_t home)
{
	uint32_t cell;
	int r = conveyor_pop(cv, MP_FREE, &cell);

	if (r <= 0)
		return r < 0 ? r : MP_ENOSPC;
	r = conveyor_prepare(cv, cell);
	if (r == 0)
		atomic_store(&head_of(cv, cell)->home, home);
	/* Home before it leaves MP_FREE: from then on it is counted. */
	if (r == 0)
		return conveyor_push(cv, pool, cell);
	(void)!conveyor_push(cv, MP_FREE, cell);
	return r;
}

static uint64_t
count_set_aside(struct conveyor *cv, uint64_t home)
{
	uint64_t n = 0;

	for (uint32_t c = 0; c < cv->shape.cells; c++) {
		uint8_t queue = conveyor_word(cv, c).queue;

		n += queue != MP_FREE && queue != MP_DEAD &&
		     conveyor_is_prepared(cv, c) &&
		     atomic_load(&head_of(cv, c)->home) == home;
	}
	return n;
}

void
mp_queues_mend(struct mp_context *ctx)
{
	struct conveyor *cv = mp_view(ctx) != NULL ? mp_view(ctx) : ctx->cv;
	uint64_t place;

	if (sweep(ctx, cv) < 0)
		return; /* who uses it is told */
	for (uint32_t i = 0; i < objects_used(ctx); i++) {
		struct mp_object *object = queue_object(ctx, i, &place);
		uint64_t home, n, most;

		if (object == NULL)
			continue;
		most = atomic_load(&object->attr[0]);
		if (most == 0)
			continue;
		home = home_in(ctx, object,
		    (uint32_t)(atomic_load(&object->word) >> 32));
		for (n = count_set_aside(cv, home);
		     n < most && n < cv->shape.cells; n++)
			if (set_aside(cv, pool_at(place), home) < 0)
				break; /* the next time there is one */
	}
}

/* --- making --------------------------------------------------------------- */

/* A place that no cell stands in, not even in somebody's hand: what comes back
 * from there would come into the new queue.  -1: none. */
static int
find_place(const struct mp_context *ctx)
{
	uint64_t taken = places_taken(ctx);
	const struct conveyor *cv = ctx->cv;

	for (uint32_t c = 0; c < cv->shape.cells; c++) {
		uint8_t queue = conveyor_word(cv, c).queue;

		if (queue >= MP_FIRST_QUEUE && queue < CONVEYOR_QUEUES)
			taken |= UINT64_C(1) << (queue - MP_FIRST_QUEUE) / 2;
	}
	for (uint32_t k = 0; k < places(ctx); k++)
		if ((taken >> k & 1) == 0)
			return (int)k;
	return -1;
}

static int
make(struct mp_context *ctx, struct mp_object *object)
{
	struct conveyor *cv = mp_view(ctx);
	struct queue_body *body = body_of(object);
	uint32_t next = (uint32_t)(atomic_load(&object->word) >> 32) + 1;
	uint64_t most = atomic_load(&object->attr[0]);
	uint64_t home = home_in(ctx, object, next);
	int place, r;

	r = sweep(ctx, cv);
	if (r < 0)
		return r;
	place = find_place(ctx);
	if (place < 0)
		return MP_ENOSPC;
	atomic_store(&body->place, (uint64_t)place);
	atomic_store(&body->attempts, ctx->shared->attempts);
	atomic_store(&body->dead, MP_DEAD);
	for (uint64_t i = 0; i < most && r == 0; i++)
		r = set_aside(cv, pool_at((uint64_t)place), home);
	if (r < 0)
		(void)!sweep(ctx, cv);
	return r;
}

static void
unmake(struct mp_context *ctx, struct mp_object *object)
{
	struct conveyor *cv = mp_view(ctx) != NULL ? mp_view(ctx) : ctx->cv;
	uint64_t place = atomic_load(&body_of(object)->place);

	(void)!sweep(ctx, cv);
	if (place >= places(ctx))
		return;
	conveyor_wake(cv, pool_at(place));
	conveyor_wake(cv, queue_at(place));
	mp_wake(ctx, &object->waiters, UINT32_MAX);
}

static int
msgs_make(struct mp_context *ctx)
{
	int r = 0;

	pthread_mutex_lock(&ctx->mutex);
	if (ctx->msgs == NULL)
		ctx->msgs = calloc(ctx->cv->shape.cells, sizeof(*ctx->msgs));
	if (ctx->msgs == NULL)
		r = -ENOMEM;
	pthread_mutex_unlock(&ctx->mutex);
	return r;
}

int
mp_queue_open(struct mp_context *ctx, const char *name,
    const struct mp_queue_attr *attr, struct mp_queue **out)
{
	const struct mp_queue_attr none = { 0 };
	struct mp_queue *q;
	uint64_t place;
	int r;

	if (attr == NULL)
		attr = &none;
	if (mp_view(ctx) == NULL)
		return MP_EPERM;
	if (attr->maxsize > ctx->cv->shape.cells)
		return MP_ENOSPC;
	q = calloc(1, sizeof(*q));
	r = q == NULL ? -ENOMEM : msgs_make(ctx);
	if (r == 0)
		r = mp_object_open(ctx, MP_KIND_QUEUE, name,
		    (uint64_t[4]){ attr->maxsize, attr->joinable }, make,
		    &q->object);
	if (r < 0)
		goto done;
	place = atomic_load(&body_of(q->object)->place);
	r = MP_ECORRUPT;
	if (place >= places(ctx))
		goto done;
	q->ctx = ctx;
	q->word = atomic_load(&q->object->word);
	q->number = queue_at(place);
	q->bounded = attr->maxsize != 0;
	q->pool = q->bounded ? pool_at(place) : MP_FREE;
	q->joinable = attr->joinable;
	q->spins = mp_cpu_count() > 1;
	atomic_store(&q->spin_ns, SPIN_MOST_NS);
	*out = q;
	q = NULL;
	r = 0;
done:
	free(q);
	return r;
}

void
mp_queue_close(struct mp_queue *q)
{
	free(q);
}

static bool
is_gone(const struct mp_queue *q)
{
	return atomic_load(&q->object->word) != q->word;
}

static bool
is_shut(const struct mp_queue *q)
{
	/* seq_cst: pairs with mp_queue_shut(), see take(). */
	return atomic_load(&body_of(q->object)->shut) != 0 || is_gone(q);
}

void
mp_queue_unlink(struct mp_queue *q)
{
	if (!is_gone(q))
		mp_object_free(q->ctx, q->object, unmake);
}

int
mp_queue_shut(struct mp_queue *q)
{
	struct conveyor *cv = mp_view(q->ctx);

	if (cv == NULL)
		return MP_EPERM;
	if (is_gone(q))
		return MP_ECLOSED;
	atomic_store(&body_of(q->object)->shut, 1);
	conveyor_wake(cv, q->number);
	conveyor_wake(cv, q->pool);
	return 0;
}

void
mp_queue_give_up_to(struct mp_queue *q, unsigned attempts,
    const struct mp_queue *to)
{
	atomic_store(&body_of(q->object)->attempts, attempts);
	atomic_store(&body_of(q->object)->dead, to->number);
}

/* --- taking a cell, and waiting for one ----------------------------------- */

static int64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void
relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* Awake for as long as a sleep would cost, while that has been worth it. */
static bool
spin(struct mp_queue *q, struct conveyor *cv, uint8_t from, int64_t began)
{
	int64_t until;

	if (!q->spins)
		return false;
	until = began + atomic_load_explicit(&q->spin_ns, memory_order_relaxed);
	do {
		for (int i = 0; i < SPIN_LOOKS; i++) {
			if (ring_has_entry(cv, from))
				return true;
			relax();
		}
	} while (now_ns() < until);
	return false;
}

/* `began`: when it was first looked for.  Had all of it been spent awake, would
 * that have been a gain?  That says how long to spin the next time. */
static void
nap(struct mp_queue *q, struct conveyor *cv, uint8_t from, int64_t began,
    struct mp_deadline deadline)
{
	int left = mp_deadline_left_ms(deadline);
	uint32_t spin_ns;
	int r = 0;

	if (left < 0 || left > MP_LOOK_MS)
		left = MP_LOOK_MS;
	gate_enter(cv, from);
	if (!gate_work(cv, from, false) && !is_shut(q))
		r = gate_sleep(cv, from, left);
	gate_leave(cv, from);
	if (r == -ETIMEDOUT) {
		mp_tend_sometimes(q->ctx);
		return;
	}
	spin_ns = atomic_load_explicit(&q->spin_ns, memory_order_relaxed);
	if (now_ns() - began < SPIN_MOST_NS)
		spin_ns = SPIN_MOST_NS;
	else if (spin_ns > SPIN_LEAST_NS)
		spin_ns /= 2;
	atomic_store_explicit(&q->spin_ns, spin_ns, memory_order_relaxed);
}

/* A cell from the queue itself or its pool: 0 and *cell; `nothing`: not in
 * time; MP_ECLOSED. */
static int
take(struct mp_queue *q, uint8_t from, uint32_t *cell, int timeout_ms,
    int nothing)
{
	struct conveyor *cv = mp_view(q->ctx);
	struct mp_deadline deadline = { 0 };
	bool waited = false;
	int64_t began;

	if (cv == NULL)
		return MP_EPERM;
	for (;;) {
		/* Before the look: what was put before it was shut is found. */
		bool shut = is_shut(q);
		bool over = timeout_ms == 0 ||
			    (waited && mp_deadline_over(deadline));
		int r;

		if (shut && (from == q->pool || is_gone(q)))
			return MP_ECLOSED;
		r = conveyor_pop(cv, from, cell);
		if (r != 0)
			return r < 0 ? r : 0;
		if (shut)
			return MP_ECLOSED;
		if (over)
			return nothing;
		if (!waited)
			deadline = mp_deadline_in(timeout_ms);
		waited = true;
		began = now_ns();
		if (!spin(q, cv, from, began))
			nap(q, cv, from, began, deadline);
	}
}

/* --- messages ------------------------------------------------------------- */

/* The view of the thread that has `m`; NULL: it is not the caller's. */
static struct conveyor *
holder(const struct mp_msg *m)
{
	struct conveyor *cv = mp_view(m->ctx);
	struct cell_word w;

	if (cv == NULL)
		return NULL;
	w = conveyor_word(cv, m->cell);
	return w.state == CELL_HELD && w.owner == cv->me ? cv : NULL;
}

static uint64_t
room_of(struct conveyor *cv, uint32_t cell, uint64_t len)
{
	return (len & MP_MSG_BODY) != 0 ? conveyor_body_room(cv, cell)
					: cv->shape.inline_size;
}

static char *
bytes_of(struct conveyor *cv, uint32_t cell, uint64_t len)
{
	return (len & MP_MSG_BODY) != 0 ? conveyor_body(cv, cell)
					: conveyor_inline(cv, cell);
}

static uint64_t
len_of(struct conveyor *cv, uint32_t cell)
{
	return atomic_load_explicit(&head_of(cv, cell)->len,
	    memory_order_relaxed);
}

/* A cell that we hold as a message: 0, MP_ECORRUPT. */
static int
as_message(struct mp_context *ctx, struct conveyor *cv, uint32_t cell,
    struct mp_object *from, struct mp_msg **out)
{
	struct mp_msg *m = &ctx->msgs[cell];
	uint64_t len;

	if (!conveyor_is_prepared(cv, cell))
		return MP_ECORRUPT;
	len = len_of(cv, cell);
	if ((len & ~MP_MSG_BODY) > room_of(cv, cell, len))
		return MP_ECORRUPT;
	*m = (struct mp_msg){ .ctx = ctx, .from = from, .cell = cell };
	*out = m;
	return 0;
}

/* Free, and whoever waits for the queue it was of is told. */
static int
give_back(const struct mp_msg *m, struct conveyor *cv)
{
	uint64_t memory = m->ctx->shared->memory;
	/* Once it is free another thread may take it, and say so in `m`. */
	struct mp_object *from = m->from;
	int r;

	/* Half of the memory may lie about in free cells, as it will be wanted
	 * again; what is above it is given back. */
	if (conveyor_committed(cv) > memory / 2)
		conveyor_shrink(cv, m->cell, memory / cv->shape.cells / 2);
	r = conveyor_push(cv, home_of(m->ctx, head_of(cv, m->cell)), m->cell);
	if (from != NULL)
		mp_wake(m->ctx, &from->waiters, UINT32_MAX);
	return r;
}

int
mp_msg_alloc(struct mp_queue *q, struct mp_msg **out, int timeout_ms)
{
	struct conveyor *cv = mp_view(q->ctx);
	struct mp_msg_head *head;
	uint32_t cell;
	int r;

	r = take(q, q->pool, &cell, timeout_ms, MP_EFULL);
	if (r < 0)
		return r;
	r = conveyor_prepare(cv, cell);
	if (r < 0) {
		(void)!conveyor_push(cv, q->pool, cell);
		return r;
	}
	head = head_of(cv, cell);
	if (!q->bounded)
		atomic_store_explicit(&head->home, 0, memory_order_relaxed);
	atomic_store_explicit(&head->len, 0, memory_order_relaxed);
	if (conveyor_word(cv, cell).attempts != 0)
		conveyor_set_attempts(cv, cell, 0);
	return as_message(q->ctx, cv, cell, NULL, out);
}

void *
mp_msg_data(const struct mp_msg *m)
{
	struct conveyor *cv = mp_view(m->ctx);

	/* What it dies of from now on. */
	if (cv != NULL && m->from != NULL)
		roster_set_current(cv, m->cell);
	return bytes_of(m->ctx->cv, m->cell, len_of(m->ctx->cv, m->cell));
}

size_t
mp_msg_room(const struct mp_msg *m)
{
	struct conveyor *cv = m->ctx->cv;

	return room_of(cv, m->cell, len_of(cv, m->cell));
}

size_t
mp_msg_len(const struct mp_msg *m)
{
	uint64_t len = len_of(m->ctx->cv, m->cell);
	uint64_t room = room_of(m->ctx->cv, m->cell, len);

	len &= ~MP_MSG_BODY;
	return len < room ? len : room;
}

/* Memory that idle cells keep, back: somebody needs it. */
static void
reclaim(struct conveyor *cv)
{
	for (unsigned q = 0; q < cv->shape.queues; q += 2) {
		uint32_t n = conveyor_length(cv, (uint8_t)q), cell;

		for (; n > 0 && conveyor_pop(cv, (uint8_t)q, &cell) > 0; n--) {
			conveyor_shrink(cv, cell, 0);
			(void)!conveyor_push(cv, (uint8_t)q, cell);
		}
	}
	conveyor_recount(cv);
}

static int
grow(struct mp_msg *m, struct conveyor *cv, size_t bytes,
    int (*half)(struct conveyor *, uint32_t, uint64_t, uint64_t))
{
	uint64_t memory = m->ctx->shared->memory;
	int r = half(cv, m->cell, bytes, memory);

	if (r != MP_ENOSPC)
		return r;
	reclaim(cv);
	return half(cv, m->cell, bytes, memory);
}

int
mp_msg_grow_output(struct mp_msg *m, size_t bytes)
{
	struct conveyor *cv = holder(m);

	return cv == NULL ? MP_EINVAL
			  : grow(m, cv, bytes, conveyor_grow_output);
}

int
mp_msg_reserve(struct mp_msg *m, size_t bytes)
{
	struct conveyor *cv = holder(m);
	uint64_t len;
	int r;

	if (cv == NULL)
		return MP_EINVAL;
	len = len_of(cv, m->cell);
	if (bytes <= room_of(cv, m->cell, len))
		return 0;
	r = grow(m, cv, bytes, conveyor_grow_body);
	if (r < 0 || (len & MP_MSG_BODY) != 0)
		return r;
	if (len > cv->shape.inline_size)
		return MP_ECORRUPT;
	memcpy(conveyor_body(cv, m->cell), conveyor_inline(cv, m->cell), len);
	/* Killed here, it is free, or comes again with the same bytes in
	 * either place. */
	atomic_store_explicit(&head_of(cv, m->cell)->len, len | MP_MSG_BODY,
	    memory_order_release);
	return 0;
}

int
mp_msg_set_len(struct mp_msg *m, size_t len)
{
	struct conveyor *cv = holder(m);
	uint64_t old;

	if (cv == NULL)
		return MP_EINVAL;
	old = len_of(cv, m->cell);
	if (len > room_of(cv, m->cell, old))
		return MP_EINVAL;
	atomic_store_explicit(&head_of(cv, m->cell)->len,
	    len | (old & MP_MSG_BODY), memory_order_relaxed);
	return 0;
}

unsigned
mp_msg_attempts(const struct mp_msg *m)
{
	return conveyor_word(m->ctx->cv, m->cell).attempts & CELL_BLAMES;
}

int
mp_msg_ack(struct mp_msg *m)
{
	struct conveyor *cv = holder(m);

	return cv == NULL ? MP_EINVAL : give_back(m, cv);
}

int
mp_msg_nack(struct mp_msg *m)
{
	struct conveyor *cv = holder(m);
	uint8_t queue;

	if (cv == NULL)
		return MP_EINVAL;
	queue = conveyor_word(cv, m->cell).queue;
	if (queue == MP_FREE || queue % 2 == 0)
		return give_back(m, cv); /* it was in no queue */
	return conveyor_push(cv, queue, m->cell);
}

/* --- putting -------------------------------------------------------------- */

/* Whether `m` is ours to put.  One that was out of attempts begins anew. */
static int
before_push(struct mp_queue *q, struct mp_msg *m, struct conveyor **out)
{
	struct conveyor *cv = holder(m);

	if (cv == NULL || m->ctx != q->ctx)
		return mp_view(q->ctx) == NULL ? MP_EPERM : MP_EINVAL;
	if (is_shut(q))
		return MP_ECLOSED;
	if (conveyor_word(cv, m->cell).queue == MP_DEAD)
		conveyor_set_attempts(cv, m->cell, 0);
	*out = cv;
	return 0;
}

static void
after_push(struct mp_queue *q, struct mp_object *from)
{
	atomic_fetch_add(&body_of(q->object)->puts, 1);
	if (from != NULL && from != q->object)
		mp_wake(q->ctx, &from->waiters, UINT32_MAX);
}

int
mp_queue_push(struct mp_queue *q, struct mp_msg *m)
{
	struct mp_object *from = m->from;
	struct conveyor *cv;
	int r = before_push(q, m, &cv);

	if (r == 0)
		r = conveyor_push(cv, q->number, m->cell);
	if (r == 0)
		after_push(q, from);
	return r;
}

int
mp_msg_forward(struct mp_msg *m, struct mp_queue *q)
{
	return mp_queue_push(q, m);
}

enum {
	MANY = 64 /* cells at once, on the stack */
};

int
mp_queue_push_many(struct mp_queue *q, struct mp_msg *const *msgs, size_t n)
{
	struct conveyor *cv = NULL;
	uint32_t cells[MANY];
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = before_push(q, msgs[i], &cv);
	for (size_t done = 0; done < n && r == 0;) {
		size_t some = n - done < MANY ? n - done : MANY;
		struct mp_object *from = msgs[done]->from;

		for (size_t i = 0; i < some; i++)
			cells[i] = msgs[done + i]->cell;
		r = conveyor_push_many(cv, q->number, cells, some);
		if (r == 0)
			after_push(q, from);
		done += some;
	}
	return r;
}

int
mp_queue_put(struct mp_queue *q, const void *buf, size_t len, int timeout_ms)
{
	struct mp_msg *m;
	int r;

	if (len > q->ctx->cv->shape.body_size)
		return MP_EMSGSIZE;
	r = mp_msg_alloc(q, &m, timeout_ms);
	if (r < 0)
		return r;
	r = mp_msg_reserve(m, len);
	if (r == 0) {
		if (len > 0)
			memcpy(mp_msg_data(m), buf, len);
		r = mp_msg_set_len(m, len);
	}
	if (r == 0)
		r = mp_queue_push(q, m);
	if (r < 0)
		mp_msg_ack(m);
	return r;
}

int
mp_queue_try_put(struct mp_queue *q, const void *buf, size_t len)
{
	return mp_queue_put(q, buf, len, 0);
}

/* --- taking --------------------------------------------------------------- */

int
mp_queue_pop(struct mp_queue *q, struct mp_msg **out, int timeout_ms)
{
	uint32_t cell;
	int r = take(q, q->number, &cell, timeout_ms, MP_EEMPTY);

	if (r < 0)
		return r;
	return as_message(q->ctx, mp_view(q->ctx), cell, q->object, out);
}

int
mp_queue_pop_many(struct mp_queue *q, struct mp_msg **out, size_t max,
    int timeout_ms)
{
	struct conveyor *cv = mp_view(q->ctx);
	uint32_t cells[MANY];
	size_t n = 1;
	int r;

	if (max == 0)
		return 0;
	r = mp_queue_pop(q, &out[0], timeout_ms);
	while (r >= 0 && n < max) {
		size_t some = max - n < MANY ? max - n : MANY;
		int got = conveyor_pop_many(cv, q->number, cells, some);

		r = got;
		for (int i = 0; i < got && r >= 0; i++)
			r = as_message(q->ctx, cv, cells[i], q->object,
			    &out[n++]);
		if (got < (int)some)
			break;
	}
	return r < 0 ? r : (int)n;
}

static struct taken *
taken_of(struct mp_queue *q, const struct conveyor *cv)
{
	return &q->taken[cv->me];
}

static void
take_note(struct mp_queue *q, const struct conveyor *cv, struct mp_msg *m)
{
	struct taken *taken = taken_of(q, cv);

	m->next = 0;
	m->gen = conveyor_word(cv, m->cell).gen;
	if (taken->first == 0)
		taken->first = m->cell + 1;
	else
		q->ctx->msgs[taken->last - 1].next = m->cell + 1;
	taken->last = m->cell + 1;
}

int
mp_queue_get(struct mp_queue *q, void *buf, size_t cap, size_t *len,
    int timeout_ms)
{
	struct conveyor *cv = mp_view(q->ctx);
	struct mp_msg *m;
	size_t n;
	int r = mp_queue_pop(q, &m, timeout_ms);

	if (r < 0)
		return r;
	n = mp_msg_len(m);
	*len = n;
	if (n > cap) {
		r = mp_msg_nack(m);
		return r < 0 ? r : MP_EMSGSIZE;
	}
	if (n > 0)
		memcpy(buf, bytes_of(cv, m->cell, len_of(cv, m->cell)), n);
	if (!q->joinable)
		return mp_msg_ack(m);
	roster_set_current(cv, m->cell);
	take_note(q, cv, m);
	return 0;
}

int
mp_queue_try_get(struct mp_queue *q, void *buf, size_t cap, size_t *len)
{
	return mp_queue_get(q, buf, cap, len, 0);
}

int
mp_dead_pop(struct mp_context *ctx, struct mp_msg **out)
{
	struct conveyor *cv = mp_view(ctx);
	uint32_t cell;
	int r;

	if (cv == NULL)
		return MP_EPERM;
	r = msgs_make(ctx);
	if (r == 0)
		r = conveyor_pop(cv, MP_DEAD, &cell);
	if (r <= 0)
		return r < 0 ? r : MP_EEMPTY;
	r = as_message(ctx, cv, cell, NULL, out);
	/* Its queue has had another in place of it. */
	if (r == 0)
		atomic_store(&head_of(cv, cell)->home, 0);
	return r;
}

/* --- JoinableQueue -------------------------------------------------------- */

int
mp_queue_task_done(struct mp_queue *q)
{
	struct conveyor *cv = mp_view(q->ctx);
	struct taken *taken;

	if (cv == NULL)
		return MP_EPERM;
	taken = taken_of(q, cv);
	while (taken->first != 0) {
		struct mp_msg *m = &q->ctx->msgs[taken->first - 1];
		struct cell_word w = conveyor_word(cv, taken->first - 1);

		/* Acked already; or what another thread left, whose seat this
		 * was, before a fork too: the list is nobody's. */
		if (w.state != CELL_HELD || w.owner != cv->me ||
		    w.gen != m->gen || w.queue != q->number) {
			taken->first = m->gen == w.gen ? m->next : 0;
			continue;
		}
		taken->first = m->next;
		return mp_msg_ack(m);
	}
	return MP_EINVAL;
}

size_t
mp_queue_unfinished(const struct mp_queue *q)
{
	const struct conveyor *cv = q->ctx->cv;
	size_t n = 0;

	for (uint32_t c = 0; c < cv->shape.cells; c++)
		n += conveyor_word(cv, c).queue == q->number;
	return n;
}

/*
 * Messages are looked at one by one, and one that was not there may come while
 * another goes that it follows from.  Then its put was over before that other
 * was done, and has counted: so no put during a look that finds none.
 */
static int
all_done(struct mp_context *ctx, void *arg)
{
	struct mp_queue *q = arg;
	_Atomic uint64_t *puts = &body_of(q->object)->puts;

	(void)ctx;
	for (int i = 0; i < JOIN_LOOKS; i++) {
		uint64_t before = atomic_load(puts);

		if (is_gone(q))
			return MP_ECLOSED;
		if (mp_queue_unfinished(q) != 0)
			return -EAGAIN;
		if (atomic_load(puts) == before)
			return 0;
	}
	return -EAGAIN;
}

int
mp_queue_join(struct mp_queue *q, int timeout_ms)
{
	int r;

	if (mp_view(q->ctx) == NULL)
		return MP_EPERM;
	r = all_done(q->ctx, q);
	if (r == -EAGAIN && timeout_ms == 0)
		return MP_ETIMEDOUT;
	if (r == -EAGAIN)
		r = mp_wait(q->ctx, &q->object->waiters,
		    mp_deadline_in(timeout_ms), all_done, q);
	return r;
}

/* --- how many ------------------------------------------------------------- */

size_t
mp_queue_size(const struct mp_queue *q)
{
	return conveyor_length(q->ctx->cv, q->number);
}

bool
mp_queue_empty(const struct mp_queue *q)
{
	return !ring_has_entry(q->ctx->cv, q->number);
}

bool
mp_queue_full(const struct mp_queue *q)
{
	return !ring_has_entry(q->ctx->cv, q->pool);
}
