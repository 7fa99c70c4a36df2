/*
 * A queue is two rings of the conveyor: the pool, where its free cells stand,
 * and the queue itself.  A message is a cell; whoever has taken it holds it,
 * and what becomes of it when the holder dies is the conveyor's (queue.md 2).
 */
#include "ipc/mp/queue.h"

#include <string.h>

#include "ipc/gate_impl.h"
#include "ipc/mp/queue_impl.h"
#include "ipc/roster.h"

enum {
	SPINS_MOST = 4096, /* looks, a few ns each: less than a sleep takes */
	SPINS_LEAST = 16,
	MANY = 64 /* cells moved by one call of the conveyor */
};

/* The body of the object; everything but `shut` is written by who makes it. */
struct queue_body {
	_Atomic uint64_t pair; /* number of its two rings, from 0 */
	_Atomic uint64_t dead; /* ring for what is out of attempts */
	_Atomic uint64_t shut;
};

static struct queue_body *
body_of(const struct mp_object *object)
{
	return (struct queue_body *)object->body;
}

static uint8_t
pool_of(unsigned pair)
{
	return (uint8_t)(MP_FIRST_QUEUE + 2 * pair);
}

static unsigned
pairs(const struct mp_context *ctx)
{
	return (ctx->shared->shape.queues - MP_FIRST_QUEUE) / 2;
}

/* As the segment says, and bounded. */
static unsigned
pair_of(const struct mp_context *ctx, const struct mp_object *object)
{
	uint64_t pair = atomic_load(&body_of(object)->pair);

	return pair < pairs(ctx) ? (unsigned)pair : 0;
}

/* Calls `each` for every queue that there is. */
static void
each_queue(const struct mp_context *ctx,
    void (*each)(const struct mp_context *, const struct mp_object *, void *),
    void *arg)
{
	uint64_t used = atomic_load(&ctx->shared->used);

	for (uint32_t i = 0; i < used && i < ctx->shared->objects; i++) {
		const struct mp_object *object = mp_object_at(ctx, i);

		if (mp_object_kind(object) == MP_KIND_QUEUE)
			each(ctx, object, arg);
	}
}

static void
add_route(const struct mp_context *ctx, const struct mp_object *object,
    void *arg)
{
	struct conveyor_routes *routes = arg;
	uint64_t dead = atomic_load(&body_of(object)->dead);

	if (dead < ctx->shared->shape.queues)
		routes->queue[pool_of(pair_of(ctx, object)) + 1].dead =
		    (uint8_t)dead;
}

/* What was taken and not finished comes again, to those whom it was taken
 * from; cells that were being filled are free. */
void
mp_queue_routes(const struct mp_context *ctx, struct conveyor_routes *routes)
{
	const uint8_t attempts = ctx->shared->attempts <= CELL_BLAMES
				     ? (uint8_t)ctx->shared->attempts
				     : CELL_BLAMES;

	routes->queue[MP_FREE] = (struct conveyor_route){ .target = MP_FREE };
	routes->queue[MP_DEAD] = (struct conveyor_route){ .target = MP_DEAD };
	for (unsigned q = MP_FIRST_QUEUE; q < CONVEYOR_QUEUES; q += 2) {
		routes->queue[q] = (struct conveyor_route){
			.target = (uint8_t)q
		};
		routes->queue[q + 1] = (struct conveyor_route){
			.target = (uint8_t)(q + 1),
			.blames = attempts,
			.dead = MP_DEAD
		};
	}
	each_queue(ctx, add_route, routes);
}

/* --- opening -------------------------------------------------------------- */

static void
mark_taken(const struct mp_context *ctx, const struct mp_object *object,
    void *arg)
{
	bool *taken = arg;

	taken[pair_of(ctx, object)] = true;
}

/* Cells that a queue left which is no more, or one that was half made. */
static int
drain_pair(struct mp_context *ctx, unsigned pair)
{
	size_t n;
	int r;

	r = conveyor_drain(mp_view(ctx), pool_of(pair), MP_FREE, &n);
	if (r == 0)
		r = conveyor_drain(mp_view(ctx), pool_of(pair) + 1, MP_FREE,
		    &n);
	return r;
}

/* A pair that is nobody's, emptied.  Under the lock. */
static int
find_pair(struct mp_context *ctx)
{
	bool taken[MP_QUEUES_MAX] = { false };
	int found = MP_ENOSPC;

	each_queue(ctx, mark_taken, taken);
	for (unsigned i = 0; i < pairs(ctx); i++) {
		int r = taken[i] ? 0 : drain_pair(ctx, i);

		if (r < 0)
			return r;
		if (!taken[i] && found < 0)
			found = (int)i;
	}
	return found;
}

/* Killed in here, what it holds is free, and what stands in the pool of a
 * queue that nobody knows is drained by the next who makes one. */
static int
fill_pool(struct mp_context *ctx, unsigned pair, uint64_t n)
{
	struct conveyor *view = mp_view(ctx);
	int r = 1;

	for (uint64_t i = 0; i < n && r == 1; i++) {
		uint32_t cell;

		r = conveyor_pop(view, MP_FREE, &cell);
		if (r == 1) {
			int pushed = conveyor_push(view, pool_of(pair), cell);

			r = pushed < 0 ? pushed : 1;
		}
	}
	if (r == 0) {
		r = drain_pair(ctx, pair);
		return r < 0 ? r : MP_ENOSPC;
	}
	return r < 0 ? r : 0;
}

static int
make(struct mp_context *ctx, struct mp_object *object)
{
	struct queue_body *body = body_of(object);
	int pair = find_pair(ctx), r;

	if (pair < 0)
		return pair;
	atomic_store(&body->pair, (uint64_t)pair);
	atomic_store(&body->dead, MP_DEAD);
	r = fill_pool(ctx, (unsigned)pair, atomic_load(&object->attr[0]));
	return r;
}

static void
unmake(struct mp_context *ctx, struct mp_object *object)
{
	(void)!drain_pair(ctx, pair_of(ctx, object));
}

/* One a cell, the same in every process. */
static int
msgs_make(struct mp_context *ctx)
{
	uint32_t n = ctx->shared->shape.cells;
	struct mp_msg *msgs;

	pthread_mutex_lock(&ctx->mutex);
	msgs = ctx->msgs != NULL ? ctx->msgs : calloc(n, sizeof(*msgs));
	for (uint32_t i = 0; msgs != NULL && ctx->msgs == NULL && i < n; i++)
		msgs[i] = (struct mp_msg){ .ctx = ctx, .cell = i };
	ctx->msgs = msgs;
	pthread_mutex_unlock(&ctx->mutex);
	return msgs == NULL ? -ENOMEM : 0;
}

int
mp_queue_open(struct mp_context *ctx, const char *name,
    const struct mp_queue_attr *attr, struct mp_queue **out)
{
	const struct mp_queue_attr given = attr != NULL
					       ? *attr
					       : (struct mp_queue_attr){ 0 };
	const uint64_t attrs[4] = { given.maxsize, given.joinable };
	struct mp_queue *q;
	int r;

	if (given.maxsize > ctx->shared->shape.cells)
		return MP_ENOSPC;
	q = calloc(1, sizeof(*q));
	r = q == NULL ? -ENOMEM : msgs_make(ctx);
	if (r == 0)
		r = mp_object_open(ctx, MP_KIND_QUEUE, name, attrs, make,
		    &q->object);
	if (r == 0) {
		q->ctx = ctx;
		q->word = atomic_load(&q->object->word);
		q->queue = pool_of(pair_of(ctx, q->object)) + 1;
		q->pool = given.maxsize > 0 ? q->queue - 1 : MP_FREE;
		q->maxsize = given.maxsize;
		q->joinable = given.joinable;
		q->spins = mp_cpu_count() > 1 ? SPINS_MOST : 0;
		pthread_mutex_init(&q->mutex, NULL);
		*out = q;
		q = NULL;
	}
	free(q);
	return r;
}

void
mp_queue_close(struct mp_queue *q)
{
	if (q == NULL)
		return;
	pthread_mutex_destroy(&q->mutex);
	free(q->taken);
	free(q);
}

void
mp_queue_unlink(struct mp_queue *q)
{
	mp_object_free(q->ctx, q->object, unmake);
}

void
mp_queue_set_dead(struct mp_queue *q, const struct mp_queue *to)
{
	atomic_store(&body_of(q->object)->dead, to->queue);
}

size_t
mp_queue_size(const struct mp_queue *q)
{
	return conveyor_length(q->ctx->cv, q->queue);
}

bool
mp_queue_empty(const struct mp_queue *q)
{
	return !ring_has_entry(q->ctx->cv, q->queue);
}

bool
mp_queue_full(const struct mp_queue *q)
{
	return !ring_has_entry(q->ctx->cv, q->pool);
}

/* Shut, or unlinked. */
static bool
is_shut(const struct mp_queue *q)
{
	return atomic_load(&body_of(q->object)->shut) != 0 ||
	       atomic_load(&q->object->word) != q->word;
}

int
mp_queue_shut(struct mp_queue *q)
{
	struct conveyor *view = mp_view(q->ctx);

	if (view == NULL)
		return MP_EPERM;
	if (is_shut(q))
		return 0;
	/* Before the wake-ups: pairs with wait_for_cell(). */
	atomic_store(&body_of(q->object)->shut, 1);
	conveyor_wake(view, q->queue);
	conveyor_wake(view, q->pool);
	return 0;
}

/* --- waiting -------------------------------------------------------------- */

static inline void
pause_a_little(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#endif
}

/* 1 and the cell; 0: none came meanwhile.  Looks as long as that has paid. */
static int
spin_for_cell(struct mp_queue *q, struct conveyor *view, uint8_t ring,
    uint32_t *cell)
{
	unsigned spins = q->spins;

	for (unsigned i = 0; i < spins; i++) {
		int r;

		if (!ring_has_entry(view, ring)) {
			pause_a_little();
			continue;
		}
		r = conveyor_pop(view, ring, cell);
		if (r != 0) {
			q->spins = spins * 2 < SPINS_MOST ? spins * 2
							  : SPINS_MOST;
			return r;
		}
	}
	if (spins > SPINS_LEAST)
		q->spins = spins / 2;
	return 0;
}

/* Asleep until something may be in the ring, the queue is shut, or it is time
 * to look for the dead. */
static void
sleep_for_cell(struct mp_queue *q, struct conveyor *view, uint8_t ring,
    struct mp_deadline deadline)
{
	int left = mp_deadline_left_ms(deadline);

	if (left < 0 || left > MP_LOOK_MS)
		left = MP_LOOK_MS;
	gate_enter(view, ring);
	if (!ring_has_entry(view, ring) && !is_shut(q) &&
	    gate_sleep(view, ring, left) == -ETIMEDOUT)
		mp_tend_sometimes(q->ctx);
	gate_leave(view, ring);
}

/* A cell from the pool or the queue: 0, -ETIMEDOUT, MP_ECLOSED, MP_EPERM,
 * MP_ECORRUPT. */
static int
wait_for_cell(struct mp_queue *q, bool from_pool, uint32_t *cell,
    int timeout_ms)
{
	struct conveyor *view = mp_view(q->ctx);
	uint8_t ring = from_pool ? q->pool : q->queue;
	struct mp_deadline deadline;
	bool over = false, timed = false;

	if (view == NULL)
		return MP_EPERM;
	for (;;) {
		bool shut = is_shut(q); /* before the last look */
		int r;

		if (from_pool && shut)
			return MP_ECLOSED;
		r = conveyor_pop(view, ring, cell);
		if (r == 0 && timeout_ms != 0 && !shut)
			r = spin_for_cell(q, view, ring, cell);
		if (r != 0)
			return r < 0 ? r : 0;
		if (shut)
			return MP_ECLOSED;
		if (timeout_ms == 0 || over)
			return -ETIMEDOUT;
		if (!timed)
			deadline = mp_deadline_in(timeout_ms);
		timed = true;
		sleep_for_cell(q, view, ring, deadline);
		over = mp_deadline_over(deadline); /* and look once more */
	}
}

/* --- a message ------------------------------------------------------------ */

struct mp_msg *
mp_msg_of(struct mp_context *ctx, uint32_t cell)
{
	return &ctx->msgs[cell];
}

struct mp_msg_head *
mp_msg_head(const struct mp_msg *m)
{
	return conveyor_order(m->ctx->cv, m->cell);
}

static uint64_t
room_of(const struct mp_msg *m, const struct mp_msg_head *head)
{
	return head->in_body ? conveyor_body_room(m->ctx->cv, m->cell)
			     : m->ctx->shared->shape.inline_size;
}

void *
mp_msg_data(const struct mp_msg *m)
{
	return mp_msg_head(m)->in_body
		   ? (void *)conveyor_body(m->ctx->cv, m->cell)
		   : conveyor_inline(m->ctx->cv, m->cell);
}

/* What its sender wrote; more than is there cannot be read. */
size_t
mp_msg_len(const struct mp_msg *m)
{
	const struct mp_msg_head *head = mp_msg_head(m);
	uint64_t room = room_of(m, head);

	return head->len < room ? head->len : room;
}

size_t
mp_msg_room(const struct mp_msg *m)
{
	return room_of(m, mp_msg_head(m));
}

/* Is it in the calling thread's hand?  Its view, or NULL and *r. */
static struct conveyor *
view_of_holder(const struct mp_msg *m, int *r)
{
	struct conveyor *view = mp_view(m->ctx);
	struct cell_word w = conveyor_word(m->ctx->cv, m->cell);

	*r = view == NULL ? MP_EPERM : MP_EINVAL;
	if (view == NULL || w.state != CELL_HELD || w.owner != view->me)
		return NULL;
	*r = 0;
	return view;
}

unsigned
mp_msg_attempts(const struct mp_msg *m)
{
	return conveyor_word(m->ctx->cv, m->cell).attempts & CELL_BLAMES;
}

/* Cells that nobody uses keep their pages, until half of the memory is in
 * them: then each gives back what is above its share. */
static void
shrink(struct mp_context *ctx, struct conveyor *view, uint32_t cell)
{
	uint64_t share = ctx->shared->memory / ctx->shared->shape.cells / 2;

	if (conveyor_committed(view) <= ctx->shared->memory / 2)
		return;
	conveyor_shrink(view, cell, share / CONVEYOR_STEP * CONVEYOR_STEP);
}

int
mp_msg_reserve(struct mp_msg *m, size_t bytes)
{
	struct mp_msg_head *head = mp_msg_head(m);
	const struct mp_shared *shared = m->ctx->shared;
	size_t len = mp_msg_len(m);
	struct conveyor *view;
	int r;

	view = view_of_holder(m, &r);
	if (view == NULL)
		return r;
	if (bytes <= room_of(m, head))
		return 0;
	r = conveyor_grow_body(view, m->cell, bytes, shared->memory);
	if (r < 0)
		return r; /* -EMSGSIZE and -ENOSPC are ours, too */
	if (!head->in_body) {
		memcpy(conveyor_body(view, m->cell),
		    conveyor_inline(view, m->cell), len);
		head->in_body = 1;
	}
	return 0;
}

int
mp_msg_set_len(struct mp_msg *m, size_t len)
{
	struct mp_msg_head *head = mp_msg_head(m);

	if (len > room_of(m, head))
		return MP_EINVAL;
	head->len = len;
	return 0;
}

int
mp_msg_alloc(struct mp_queue *q, struct mp_msg **out, int timeout_ms)
{
	struct conveyor *view = mp_view(q->ctx);
	uint32_t cell;
	int r;

	r = wait_for_cell(q, true, &cell, timeout_ms);
	if (r < 0)
		return r == -ETIMEDOUT ? MP_EFULL : r;
	r = conveyor_prepare(view, cell);
	if (r < 0) {
		(void)!conveyor_push(view, q->pool, cell);
		return r;
	}
	conveyor_set_attempts(view, cell, 0);
	*mp_msg_head(
	    mp_msg_of(q->ctx, cell)) = (struct mp_msg_head){ .home = q->pool };
	*out = mp_msg_of(q->ctx, cell);
	return 0;
}

int
mp_msg_ack(struct mp_msg *m)
{
	struct conveyor *view;
	uint8_t home;
	int r;

	view = view_of_holder(m, &r);
	if (view == NULL)
		return r;
	home = mp_msg_head(m)->home;
	if (home >= m->ctx->shared->shape.queues || home % 2 != 0)
		home = MP_FREE;
	shrink(m->ctx, view, m->cell);
	return conveyor_push(view, home, m->cell);
}

int
mp_msg_nack(struct mp_msg *m)
{
	struct conveyor *view;
	int r;

	view = view_of_holder(m, &r);
	if (view == NULL)
		return r;
	return conveyor_push(view, conveyor_word(view, m->cell).queue, m->cell);
}

int
mp_msg_forward(struct mp_msg *m, struct mp_queue *to)
{
	return mp_queue_push(to, m);
}

int
mp_queue_push(struct mp_queue *q, struct mp_msg *m)
{
	struct conveyor *view;
	int r;

	view = view_of_holder(m, &r);
	if (view == NULL)
		return r;
	if (is_shut(q))
		return MP_ECLOSED;
	return conveyor_push(view, q->queue, m->cell);
}

int
mp_queue_push_many(struct mp_queue *q, struct mp_msg *const *m, size_t n)
{
	struct conveyor *view = mp_view(q->ctx);
	uint32_t cells[MANY];
	int r = 0;

	if (view == NULL)
		return MP_EPERM;
	if (is_shut(q))
		return MP_ECLOSED;
	for (size_t i = 0; i < n; i++)
		if (view_of_holder(m[i], &r) == NULL)
			return r;
	while (n > 0 && r == 0) {
		size_t now = n < MANY ? n : MANY;

		for (size_t i = 0; i < now; i++)
			cells[i] = m[i]->cell;
		r = conveyor_push_many(view, q->queue, cells, now);
		m += now;
		n -= now;
	}
	return r;
}

/* Its taker may die of it: that is then held against this one. */
static void
taken(struct conveyor *view, uint32_t cell)
{
	roster_set_current(view, cell);
}

int
mp_queue_pop(struct mp_queue *q, struct mp_msg **out, int timeout_ms)
{
	uint32_t cell;
	int r = wait_for_cell(q, false, &cell, timeout_ms);

	if (r < 0)
		return r == -ETIMEDOUT ? MP_EEMPTY : r;
	taken(mp_view(q->ctx), cell);
	*out = mp_msg_of(q->ctx, cell);
	return 0;
}

int
mp_queue_pop_many(struct mp_queue *q, struct mp_msg **out, size_t max,
    int timeout_ms)
{
	struct conveyor *view = mp_view(q->ctx);
	uint32_t cells[MANY];
	size_t want = max < MANY ? max : MANY;
	int r, n = 1;

	if (max == 0)
		return MP_EINVAL;
	r = wait_for_cell(q, false, &cells[0], timeout_ms);
	if (r < 0)
		return r == -ETIMEDOUT ? MP_EEMPTY : r;
	if (want > 1) {
		/* What is wrong with the ring the next call will say, too. */
		r = conveyor_pop_many(view, q->queue, cells + 1, want - 1);
		n += r > 0 ? r : 0;
	}
	taken(view, cells[0]);
	for (int i = 0; i < n; i++)
		out[i] = mp_msg_of(q->ctx, cells[i]);
	return n;
}

int
mp_dead_pop(struct mp_context *ctx, struct mp_msg **out)
{
	struct conveyor *view = mp_view(ctx);
	uint32_t cell;
	int r;

	if (view == NULL)
		return MP_EPERM;
	r = msgs_make(ctx);
	if (r == 0)
		r = conveyor_pop(view, MP_DEAD, &cell);
	if (r <= 0)
		return r < 0 ? r : MP_EEMPTY;
	*out = mp_msg_of(ctx, cell);
	return 0;
}

/* --- put and get ---------------------------------------------------------- */

int
mp_queue_put(struct mp_queue *q, const void *bytes, size_t len, int timeout_ms)
{
	struct mp_msg *m;
	int r;

	if (len > q->ctx->shared->shape.body_size)
		return MP_EMSGSIZE;
	r = mp_msg_alloc(q, &m, timeout_ms);
	if (r < 0)
		return r;
	r = mp_msg_reserve(m, len);
	if (r == 0) {
		if (len > 0)
			memcpy(mp_msg_data(m), bytes, len);
		mp_msg_head(m)->len = len;
		r = mp_queue_push(q, m);
	}
	if (r < 0)
		(void)!mp_msg_ack(m);
	return r;
}

static int
remember(struct mp_queue *q, const struct mp_msg *m)
{
	int r = 0;

	pthread_mutex_lock(&q->mutex);
	if (q->n_taken == q->room_taken) {
		size_t room = q->room_taken * 2 + 8;
		struct mp_taken *more = reallocarray(q->taken, room,
		    sizeof(*more));

		if (more == NULL)
			r = -ENOMEM;
		else {
			q->taken = more;
			q->room_taken = room;
		}
	}
	if (r == 0)
		q->taken[q->n_taken++] = (struct mp_taken){ .cell = m->cell,
			.seat = mp_view(q->ctx)->me };
	pthread_mutex_unlock(&q->mutex);
	return r;
}

int
mp_queue_get(struct mp_queue *q, void *bytes, size_t cap, size_t *len,
    int timeout_ms)
{
	struct mp_msg *m;
	size_t is;
	int r;

	r = mp_queue_pop(q, &m, timeout_ms);
	if (r < 0)
		return r;
	is = mp_msg_len(m);
	if (is > cap)
		r = MP_EMSGSIZE;
	else if (q->joinable)
		r = remember(q, m);
	if (r < 0) {
		(void)!mp_msg_nack(m);
		if (r == MP_EMSGSIZE)
			*len = is;
		return r;
	}
	if (is > 0)
		memcpy(bytes, mp_msg_data(m), is);
	*len = is;
	if (q->joinable)
		return 0;
	r = mp_msg_ack(m);
	/* Whoever joins; by mp_msg_ack() alone it sees that at its next look. */
	mp_wake(q->ctx, &q->object->waiters, UINT32_MAX);
	return r;
}

int
mp_queue_try_put(struct mp_queue *q, const void *bytes, size_t len)
{
	return mp_queue_put(q, bytes, len, 0);
}

int
mp_queue_try_get(struct mp_queue *q, void *bytes, size_t cap, size_t *len)
{
	return mp_queue_get(q, bytes, cap, len, 0);
}

/* --- joining -------------------------------------------------------------- */

int
mp_queue_task_done(struct mp_queue *q)
{
	const struct conveyor *view = mp_view(q->ctx);
	int r = MP_EINVAL;

	if (view == NULL)
		return MP_EPERM;
	pthread_mutex_lock(&q->mutex);
	for (size_t i = 0; i < q->n_taken && r == MP_EINVAL; i++) {
		uint32_t cell = q->taken[i].cell;

		/* A fork's memory has those of its parent, too. */
		if (q->taken[i].seat != view->me)
			continue;
		memmove(&q->taken[i], &q->taken[i + 1],
		    (--q->n_taken - i) * sizeof(*q->taken));
		r = mp_msg_ack(mp_msg_of(q->ctx, cell));
	}
	pthread_mutex_unlock(&q->mutex);
	if (r == 0)
		mp_wake(q->ctx, &q->object->waiters, UINT32_MAX);
	return r;
}

/* By the words, each the truth about its cell. */
size_t
mp_queue_unfinished(const struct mp_queue *q)
{
	size_t n = 0;

	for (uint32_t c = 0; c < q->ctx->shared->shape.cells; c++)
		n += conveyor_word(q->ctx->cv, c).queue == q->queue;
	return n;
}

static int
nothing_is_left(struct mp_context *ctx, void *arg)
{
	(void)ctx;
	return mp_queue_unfinished(arg) == 0 ? 0 : -EAGAIN;
}

int
mp_queue_join(struct mp_queue *q, int timeout_ms)
{
	if (mp_view(q->ctx) == NULL)
		return MP_EPERM;
	return mp_wait(q->ctx, &q->object->waiters, mp_deadline_in(timeout_ms),
	    nothing_is_left, q);
}
