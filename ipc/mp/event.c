/*
 * One word: how often it was set, and whether it is (bit 0).  Who waits
 * remembers the number, so one that was set and cleared is not slept through.
 */
#include "ipc/mp/event.h"

#include "ipc/mp/context_impl.h"

#define IS_SET UINT64_C(1)
#define ONE    UINT64_C(2) /* of the number */

struct mp_event {
	struct mp_context *ctx;
	struct mp_object *object;
};

struct event_wait {
	_Atomic uint64_t *word;
	uint64_t seen;
};

static _Atomic uint64_t *
event_word(const struct mp_event *event)
{
	return (_Atomic uint64_t *)event->object->body;
}

int
mp_event_open(struct mp_context *ctx, const char *name, struct mp_event **out)
{
	const uint64_t attr[4] = { 0 };
	struct mp_event *event = malloc(sizeof(*event));
	int r = -ENOMEM;

	if (event == NULL)
		goto done;
	event->ctx = ctx;
	r = mp_object_open(ctx, MP_KIND_EVENT, name, attr, NULL,
	    &event->object);
	if (r < 0)
		goto done;
	*out = event;
	event = NULL;
done:
	free(event);
	return r;
}

void
mp_event_close(struct mp_event *event)
{
	free(event);
}

void
mp_event_unlink(struct mp_event *event)
{
	mp_object_free(event->ctx, event->object, NULL);
}

int
mp_event_set(struct mp_event *event)
{
	_Atomic uint64_t *word = event_word(event);
	uint64_t old = atomic_load(word);

	if (mp_view(event->ctx) == NULL)
		return MP_EPERM;
	/* Set already: whoever did that wakes them, or its undertaker. */
	while ((old & IS_SET) == 0)
		if (atomic_compare_exchange_weak(word, &old,
			(old + ONE) | IS_SET)) {
			mp_wake(event->ctx, &event->object->waiters,
			    MP_SEAT_IDS);
			break;
		}
	return 0;
}

int
mp_event_clear(struct mp_event *event)
{
	if (mp_view(event->ctx) == NULL)
		return MP_EPERM;
	atomic_fetch_and(event_word(event), ~IS_SET);
	return 0;
}

bool
mp_event_is_set(const struct mp_event *event)
{
	return (atomic_load(event_word(event)) & IS_SET) != 0;
}

/* seq_cst: pairs with mp_event_set(), which looks for sleepers afterwards. */
static int
attempt(struct mp_context *ctx, void *arg)
{
	const struct event_wait *w = arg;
	uint64_t now = atomic_load(w->word);

	(void)ctx;
	return (now & IS_SET) != 0 || now != w->seen ? 0 : -EAGAIN;
}

int
mp_event_wait(struct mp_event *event, int timeout_ms)
{
	struct event_wait w = { .word = event_word(event) };
	int r;

	if (mp_view(event->ctx) == NULL)
		return MP_EPERM;
	w.seen = atomic_load(w.word);
	r = attempt(event->ctx, &w);
	if (r == -EAGAIN && timeout_ms == 0)
		return MP_ETIMEDOUT;
	if (r == -EAGAIN)
		r = mp_wait(event->ctx, &event->object->waiters,
		    mp_deadline_in(timeout_ms), attempt, &w);
	return r;
}
