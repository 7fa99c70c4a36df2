/*
 * Objects: a page each, found by kind and name.
 */
#include <string.h>

#include "ipc/mp/context_impl.h"
#include "ipc/mp/queue_impl.h"
#include "ipc/mp/sync_impl.h"

/* A kind without a row has nothing that is anybody's. */
static mp_forget_fn *const forget[MP_KINDS] = {
	[MP_KIND_LOCK] = mp_lock_forget,
	[MP_KIND_SEMAPHORE] = mp_sem_forget,
	[MP_KIND_CONDITION] = mp_cond_forget,
	[MP_KIND_BARRIER] = mp_barrier_forget,
	[MP_KIND_ARRAY] = mp_array_forget,
};

struct mp_object *
mp_object_at(const struct mp_context *ctx, uint32_t i)
{
	size_t head = ctx->segment.size -
		      (size_t)ctx->shared->objects * MP_PAGE;

	return (
	    struct mp_object *)(ctx->segment.base + head + (size_t)i * MP_PAGE);
}

enum mp_kind
mp_object_kind(const struct mp_object *object)
{
	uint64_t kind = atomic_load(&object->word) & 0xff;

	return kind < MP_KINDS ? (enum mp_kind)kind : MP_KIND_NONE;
}

static uint32_t
used(const struct mp_context *ctx)
{
	uint64_t n = atomic_load(&ctx->shared->used);

	return n < ctx->shared->objects ? (uint32_t)n : ctx->shared->objects;
}

static bool
is_called(const struct mp_object *object, enum mp_kind kind, const char *name)
{
	return mp_object_kind(object) == kind &&
	       strncmp(object->name, name, sizeof(object->name)) == 0;
}

/* A page that is nobody's, allocated; NULL and *r. */
static struct mp_object *
find_room(struct mp_context *ctx, int *r)
{
	uint32_t n = used(ctx);

	for (uint32_t i = 0; i < n; i++)
		if (mp_object_kind(mp_object_at(ctx, i)) == MP_KIND_NONE)
			return mp_object_at(ctx, i);
	*r = MP_ENOSPC;
	if (n == ctx->shared->objects)
		return NULL;
	*r = segment_grow(&ctx->segment,
	    (size_t)((char *)mp_object_at(ctx, n) - ctx->segment.base),
	    MP_PAGE);
	if (*r < 0)
		return NULL;
	/* After the page is there: everybody looks at all below it. */
	atomic_store(&ctx->shared->used, n + 1);
	return mp_object_at(ctx, n);
}

static int
make_in(struct mp_context *ctx, struct mp_object *object, enum mp_kind kind,
    const char *name, const uint64_t attr[4],
    int (*make)(struct mp_context *ctx, struct mp_object *object))
{
	uint64_t next = (atomic_load(&object->word) >> 32) + 1;
	int r = 0;

	memset((char *)object + sizeof(object->word), 0,
	    sizeof(*object) - sizeof(object->word));
	if (name != NULL)
		memcpy(object->name, name, strlen(name) + 1);
	for (int i = 0; i < 4; i++)
		atomic_store(&object->attr[i], attr[i]);
	if (make != NULL)
		r = make(ctx, object);
	/* A kill before this leaves a page that is nobody's. */
	if (r == 0)
		atomic_store(&object->word, next << 32 | kind);
	return r;
}

static int
open_locked(struct mp_context *ctx, enum mp_kind kind, const char *name,
    const uint64_t attr[4],
    int (*make)(struct mp_context *ctx, struct mp_object *object),
    struct mp_object **out)
{
	struct mp_object *object;
	int r = 0;

	for (uint32_t i = 0; name != NULL && i < used(ctx); i++) {
		object = mp_object_at(ctx, i);
		if (!is_called(object, kind, name))
			continue;
		for (int a = 0; a < 4; a++)
			if (atomic_load(&object->attr[a]) != attr[a])
				return MP_EINVAL;
		*out = object;
		return 0;
	}
	object = find_room(ctx, &r);
	if (object == NULL)
		return r;
	r = make_in(ctx, object, kind, name, attr, make);
	if (r == 0)
		*out = object;
	return r;
}

int
mp_object_open(struct mp_context *ctx, enum mp_kind kind, const char *name,
    const uint64_t attr[4],
    int (*make)(struct mp_context *ctx, struct mp_object *object),
    struct mp_object **out)
{
	int r;

	if (mp_view(ctx) == NULL)
		return MP_EPERM;
	if (name != NULL && (name[0] == '\0' || strlen(name) > MP_NAME_MAX))
		return MP_EINVAL;
	r = mp_context_lock(ctx);
	if (r < 0)
		return r;
	r = open_locked(ctx, kind, name, attr, make, out);
	mp_context_unlock(ctx);
	return r;
}

void
mp_object_free(struct mp_context *ctx, struct mp_object *object,
    void (*unmake)(struct mp_context *ctx, struct mp_object *object))
{
	uint64_t word;

	if (mp_context_lock(ctx) < 0)
		return; /* it stays until the context ends */
	word = atomic_load(&object->word);
	/* First: what is half unmade is nobody's. */
	atomic_store(&object->word, word & ~UINT64_C(0xff));
	if (unmake != NULL)
		unmake(ctx, object);
	mp_context_unlock(ctx);
}

/* Locks, or all else. */
static void
forget_some(struct mp_context *ctx, uint8_t seat, bool locks)
{
	for (uint32_t i = 0; i < used(ctx); i++) {
		struct mp_object *object = mp_object_at(ctx, i);
		enum mp_kind kind = mp_object_kind(object);

		if (kind == MP_KIND_NONE || (kind == MP_KIND_LOCK) != locks)
			continue;
		mp_waiters_forget(&object->waiters, seat);
		if (forget[kind] != NULL)
			forget[kind](ctx, object, seat);
	}
}

void
mp_objects_forget(struct mp_context *ctx, uint8_t seat)
{
	/* Locks last: a condition asks whether the dead held its lock. */
	forget_some(ctx, seat, false);
	forget_some(ctx, seat, true);
	mp_queues_mend(ctx);
}
