#include "cmd/demo/turns.h"

#include <errno.h>

#include "cmd/demo/pair.h"
#include "ipc/mp/condition.h"
#include "ipc/mp/queue.h"
#include "ipc/mp/semaphore.h"

struct turns {
	enum turns_way way;
	struct mp_lock *lock[2];
	struct mp_sem *sem[2];
	struct mp_queue *queue[2];
	struct mp_cond *cond;
	int *whose; /* shared; under the condition's lock */
};

/* Nobody dies here, and all have a seat: waiting cannot fail. */
static void
lock_wait(struct turns *t, int me)
{
	must(mp_lock_acquire(t->lock[me], -1) == 0);
}

static void
lock_give(struct turns *t, int other)
{
	const int r = mp_lock_release(t->lock[other]);

	/* The last turn is given to one that may have left: what it had taken
	 * came free with it. */
	must(r == 0 || r == MP_EINVAL);
}

static void
sem_pass(struct turns *t, int me)
{
	must(mp_sem_acquire(t->sem[me], -1) == 0);
}

static void
sem_give(struct turns *t, int other)
{
	must(mp_sem_release(t->sem[other]) == 0);
}

static void
cond_pass(struct turns *t, int me)
{
	must(mp_cond_acquire(t->cond, -1) == 0);
	while (*t->whose != me)
		must(mp_cond_wait(t->cond, -1) == 0);
	mp_cond_release(t->cond);
}

static void
cond_give(struct turns *t, int other)
{
	must(mp_cond_acquire(t->cond, -1) == 0);
	*t->whose = other;
	mp_cond_notify(t->cond, 1);
	mp_cond_release(t->cond);
}

static void
queue_pass(struct turns *t, int me)
{
	char token;
	size_t len;

	must(mp_queue_get(t->queue[me], &token, 1, &len, -1) == 0);
}

static void
queue_give(struct turns *t, int other)
{
	must(mp_queue_put(t->queue[other], "", 1, -1) == 0);
}

static const struct {
	const char *name;
	void (*wait)(struct turns *t, int me);
	void (*give)(struct turns *t, int other);
} ways[TURNS_WAYS] = {
	[TURNS_LOCKS] = { "by two locks", lock_wait, lock_give },
	[TURNS_SEMAPHORES] = { "by two semaphores", sem_pass, sem_give },
	[TURNS_CONDITION] = { "by a condition", cond_pass, cond_give },
	[TURNS_QUEUES] = { "by a queue to each", queue_pass, queue_give },
};

const char *
turns_name(enum turns_way way)
{
	return ways[way].name;
}

int
turns_open(struct mp_context *ctx, enum turns_way way, struct turns **out)
{
	struct turns *t = calloc(1, sizeof(*t));
	int r = 0;

	if (t == NULL)
		return -ENOMEM;
	t->way = way;
	t->whose = pair_memory(sizeof(*t->whose));
	if (t->whose == NULL)
		r = -ENOMEM;
	for (int i = 0; r == 0 && i < 2; i++) {
		r = mp_lock_open(ctx, NULL, &t->lock[i]);
		if (r == 0)
			r = mp_sem_open(ctx, NULL, i == 0, &t->sem[i]);
		if (r == 0)
			r = mp_queue_open(ctx, NULL, NULL, &t->queue[i]);
	}
	if (r == 0)
		r = mp_cond_open(ctx, NULL, NULL, &t->cond);
	/* Only 0 can go through at first. */
	if (r == 0)
		r = mp_lock_acquire(t->lock[1], 0);
	if (r == 0)
		r = mp_queue_put(t->queue[0], "", 1, 0);
	if (r == 0)
		*out = t;
	else
		turns_close(t);
	return r;
}

void
turns_close(struct turns *t)
{
	for (int i = 0; i < 2; i++) {
		mp_lock_close(t->lock[i]);
		mp_sem_close(t->sem[i]);
		if (t->queue[i] != NULL)
			mp_queue_unlink(t->queue[i]);
		mp_queue_close(t->queue[i]);
	}
	mp_cond_close(t->cond);
	pair_memory_free(t->whose, sizeof(*t->whose));
	free(t);
}

void
turns_wait(struct turns *t, int me)
{
	ways[t->way].wait(t, me);
}

void
turns_give(struct turns *t, int other)
{
	ways[t->way].give(t, other);
}
