#include "ipc/mp/context.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipc/mp/process_impl.h"
#include "ipc/mp/sync_impl.h"

/* "mpipc" and a version; another meaning of any byte in the segment raises
 * the version. */
#define MP_MAGIC UINT64_C(0x000002006370696d)

enum {
	MP_SUFFIX_ROOM = 2, /* ".o" */
	MP_ORDER = 64,      /* bytes of a message's header, queue.c */
	MP_CAPTURE = 64,    /* of a result's, pool.c */
	MP_INLINE = 4096
};

static_assert((int)MP_SEAT_IDS > (int)MP_SEATS_MAX, "a line per seat");
static_assert((int)MP_FIRST_QUEUE + 2 * (int)MP_QUEUES_MAX ==
		  (int)CONVEYOR_QUEUES,
    "each queue has a pool of cells beside it");

static const struct mp_context_opts defaults = {
	.start = MP_START_FORK,
	.seats = 64,
	.queues = MP_QUEUES_MAX,
	.objects = 1024,
	.messages = 1024,
	.attempts = 3,
	.message_max = 16 << 20,
	.memory = 256 << 20,
};

/* All contexts of this process, for the fork handlers. */
static struct mp_context *contexts;
static pthread_mutex_t contexts_mutex = PTHREAD_MUTEX_INITIALIZER;

/* The seat of a thread that attached itself: one at a time. */
static _Thread_local struct {
	const struct mp_context *ctx;
	struct conveyor *view;
	uint32_t incarnation;
} here;

struct conveyor *
mp_view(const struct mp_context *ctx)
{
	if (here.ctx == ctx)
		return here.view;
	if (ctx->forked || !pthread_equal(pthread_self(), ctx->thread))
		return NULL;
	return ctx->cv;
}

int
mp_context_seat(const struct mp_context *ctx)
{
	const struct conveyor *view = mp_view(ctx);

	return view == NULL ? MP_EPERM : view->me;
}

/* --- forks ---------------------------------------------------------------- */

static void
before_fork(void)
{
	pthread_mutex_lock(&contexts_mutex);
	for (struct mp_context *c = contexts; c != NULL; c = c->next) {
		pthread_mutex_lock(&c->children_mutex);
		pthread_mutex_lock(&c->mutex);
	}
}

static void
after_fork(void)
{
	for (struct mp_context *c = contexts; c != NULL; c = c->next) {
		pthread_mutex_unlock(&c->mutex);
		pthread_mutex_unlock(&c->children_mutex);
	}
	pthread_mutex_unlock(&contexts_mutex);
}

/* The child of a plain fork has its parent's memory and must not pass for it:
 * two with one seat would be taken for one. */
static void
after_fork_in_child(void)
{
	here.ctx = NULL;
	for (struct mp_context *c = contexts; c != NULL; c = c->next) {
		c->forked = true;
		c->owns_name = false;
		c->children = NULL; /* its parent's */
		c->self = NULL;
	}
	after_fork();
}

static void
watch_forks(void)
{
	pthread_atfork(before_fork, after_fork, after_fork_in_child);
}

static void
contexts_add(struct mp_context *ctx)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, watch_forks);
	pthread_mutex_lock(&contexts_mutex);
	ctx->next = contexts;
	contexts = ctx;
	pthread_mutex_unlock(&contexts_mutex);
}

static void
contexts_remove(struct mp_context *ctx)
{
	struct mp_context **at = &contexts;

	pthread_mutex_lock(&contexts_mutex);
	while (*at != NULL && *at != ctx)
		at = &(*at)->next;
	if (*at != NULL)
		*at = ctx->next;
	pthread_mutex_unlock(&contexts_mutex);
}

/* --- the lock ------------------------------------------------------------- */

/*
 * A record lock belongs to the process and to no child of it, and goes with
 * its death.  It does not keep threads of one process apart: the mutex does.
 */
static int
lock_whole(int fd, short type)
{
	struct flock lock = { .l_type = type,
		.l_whence = SEEK_SET,
		.l_len = 1 };
	int r;

	do
		r = fcntl(fd, F_SETLKW, &lock);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

int
mp_context_lock(struct mp_context *ctx)
{
	int r;

	pthread_mutex_lock(&ctx->mutex);
	r = lock_whole(ctx->segment.fd, F_WRLCK);
	if (r < 0)
		pthread_mutex_unlock(&ctx->mutex);
	return r;
}

void
mp_context_unlock(struct mp_context *ctx)
{
	(void)!lock_whole(ctx->segment.fd, F_UNLCK);
	pthread_mutex_unlock(&ctx->mutex);
}

/* --- making and finding the segments -------------------------------------- */

static void
objects_name(char out[LAYOUT_NAME_MAX + MP_SUFFIX_ROOM + 1], const char *name)
{
	snprintf(out, LAYOUT_NAME_MAX + MP_SUFFIX_ROOM + 1, "%s.o", name);
}

static void
names_unlink(const char *name)
{
	char objects[LAYOUT_NAME_MAX + MP_SUFFIX_ROOM + 1];

	/* Last, what keeps others from using the name. */
	objects_name(objects, name);
	conveyor_unlink(name);
	mp_arrays_unlink(name);
	(void)!segment_unlink(objects);
}

static size_t
objects_offset(void)
{
	return (sizeof(struct mp_shared) + MP_PAGE - 1) / MP_PAGE * MP_PAGE;
}

static size_t
shared_size(uint32_t objects)
{
	return objects_offset() + (size_t)objects * MP_PAGE;
}

static uint64_t
shared_hash(void)
{
	return sizeof(struct mp_shared) << 40 ^ sizeof(struct mp_seat) << 20 ^
	       sizeof(struct mp_object) ^ MP_KINDS << 8;
}

/* Read, not touched: see layout_check(). */
static int
shared_check(const struct segment *segment, struct mp_shared *out)
{
	if (pread(segment->fd, out, sizeof(*out), 0) != (ssize_t)sizeof(*out) ||
	    out->magic != MP_MAGIC || out->hash != shared_hash() ||
	    out->size != segment->size ||
	    out->size != shared_size(out->objects) || out->seats == 0 ||
	    out->seats > MP_SEATS_MAX || out->objects > MP_OBJECTS_MAX ||
	    out->used > out->objects)
		return MP_ECORRUPT;
	return 0;
}

/* By its path: to open it and close it again would drop this process's lock
 * on it. */
static bool
is_still_named(int fd, const char *objects)
{
	char path[sizeof("/dev/shm") + LAYOUT_NAME_MAX + MP_SUFFIX_ROOM];
	struct stat ours, named;

	snprintf(path, sizeof(path), "/dev/shm%s", objects);
	return fstat(fd, &ours) == 0 && stat(path, &named) == 0 &&
	       ours.st_ino == named.st_ino;
}

/* Under the lock of what has the name now: removed, unless somebody in it is
 * alive. */
static int
remove_unless_alive(const struct segment *segment, const char *name)
{
	struct mp_shared *seen = malloc(sizeof(*seen));
	int r = 0;

	if (seen == NULL)
		return -ENOMEM;
	if (shared_check(segment, seen) == 0 && mp_seats_anyone(seen))
		r = -EEXIST;
	else
		names_unlink(name);
	free(seen);
	return r;
}

/* What a context of that name left, when nobody in it is alive: removed.
 * 0: try again to make one; -EEXIST: in use. */
static int
remove_dead(const char *name, const char *objects)
{
	struct segment segment = SEGMENT_NONE;
	struct stat st;
	int r;

	segment.fd = shm_open(objects, O_RDWR, 0);
	if (segment.fd < 0)
		return errno == ENOENT ? 0 : -errno;
	r = lock_whole(segment.fd, F_WRLCK); /* whoever makes it has that */
	if (r == 0 && fstat(segment.fd, &st) < 0)
		r = -errno;
	if (r == 0 && st.st_uid != geteuid())
		r = -EACCES;
	/* Else another was here before us, and the name may be that of the
	 * living already. */
	if (r == 0 && is_still_named(segment.fd, objects)) {
		segment.size = (size_t)st.st_size;
		r = remove_unless_alive(&segment, name);
	}
	segment_detach(&segment); /* and the lock with it */
	return r;
}

static int
name_random(char out[LAYOUT_NAME_MAX + 1])
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -errno;
	snprintf(out, LAYOUT_NAME_MAX + 1, "/mpc.%016llx",
	    (unsigned long long)number);
	return 0;
}

static int
name_take(const char *name, char out[LAYOUT_NAME_MAX + 1])
{
	size_t len = strlen(name);

	if (name[0] != '/' || len < 2 || len > MP_NAME_MAX ||
	    strchr(name + 1, '/') != NULL)
		return MP_EINVAL;
	memcpy(out, name, len + 1);
	return 0;
}

static int
opts_take(const struct mp_context_opts *given, struct mp_context_opts *out)
{
	struct mp_context_opts o = given != NULL ? *given : defaults;

	if (o.seats == 0)
		o.seats = defaults.seats;
	if (o.queues == 0)
		o.queues = defaults.queues;
	if (o.objects == 0)
		o.objects = defaults.objects;
	if (o.messages == 0)
		o.messages = defaults.messages;
	if (o.attempts == 0)
		o.attempts = defaults.attempts;
	if (o.message_max == 0)
		o.message_max = defaults.message_max;
	if (o.memory == 0)
		o.memory = defaults.memory;
	if (o.start > MP_START_SPAWN || o.seats > MP_SEATS_MAX ||
	    o.queues > MP_QUEUES_MAX || o.objects > MP_OBJECTS_MAX ||
	    o.messages > MP_MESSAGES_MAX || o.attempts > CELL_BLAMES ||
	    o.message_max > 1 << 30)
		return MP_EINVAL;
	*out = o;
	return 0;
}

static struct conveyor_shape
shape_of(const struct mp_context_opts *opts)
{
	/* Whatever fits goes into the inline part: pages of a region are had
	 * one step at a time. */
	uint64_t region = (opts->message_max + CONVEYOR_STEP - 1) /
			  CONVEYOR_STEP * CONVEYOR_STEP;

	return (struct conveyor_shape){ .cells = opts->messages,
		.queues = MP_FIRST_QUEUE + 2 * opts->queues,
		.order_size = MP_ORDER,
		.capture_size = MP_CAPTURE,
		.inline_size = MP_INLINE,
		.body_size = region,
		.output_size = region,
		.version = MP_MAGIC };
}

/* --- the view ------------------------------------------------------------- */

static void
view_free(struct mp_context *ctx)
{
	if (ctx == NULL)
		return;
	/* They are not the conveyor's: see gates_move(). */
	for (size_t q = 1; ctx->cv != NULL && q < CONVEYOR_QUEUES; q++)
		ctx->cv->sems[q] = NULL;
	conveyor_detach(ctx->cv);
	segment_detach(&ctx->segment);
	pthread_mutex_destroy(&ctx->mutex);
	pthread_mutex_destroy(&ctx->children_mutex);
	free(ctx->msgs);
	free(ctx);
}

static int
view_new(struct segment *segment, const char *name, struct mp_context **out)
{
	struct mp_context *ctx = calloc(1, sizeof(*ctx));

	if (ctx == NULL)
		return -ENOMEM;
	ctx->segment = *segment;
	*segment = SEGMENT_NONE;
	ctx->shared = (struct mp_shared *)ctx->segment.base;
	memcpy(ctx->name, name, strlen(name) + 1);
	pthread_mutex_init(&ctx->mutex, NULL);
	pthread_mutex_init(&ctx->children_mutex, NULL);
	*out = ctx;
	return 0;
}

/* What the conveyor is made with and found by: one gate, as each is a named
 * semaphore, and that a mapping which every fork copies. */
static const struct conveyor_gates one_gate;

/* A gate for each queue; but for the first, which has a name, they are in our
 * segment. */
static void
gates_move(struct mp_context *ctx)
{
	for (unsigned q = 1; q < ctx->cv->shape.queues; q++) {
		ctx->cv->gates.at[q] = (uint8_t)q;
		ctx->cv->sems[q] = &ctx->shared->gate[q];
	}
}

static void
sems_find(struct mp_context *ctx)
{
	for (unsigned i = 1; i <= ctx->shared->seats && i < MP_SEAT_IDS; i++)
		ctx->sems[i] = &ctx->shared->seat[i].sem;
}

/* A seat for the calling thread, which from now on is the context's. */
static int
sit(struct mp_context *ctx)
{
	uint32_t incarnation;
	int seat, r;

	r = mp_context_lock(ctx);
	if (r < 0)
		return r;
	seat = mp_seat_take(ctx, 0, &incarnation);
	mp_context_unlock(ctx);
	if (seat < 0)
		return seat;
	return mp_context_become(ctx, (uint8_t)seat, incarnation);
}

int
mp_context_become(struct mp_context *ctx, uint8_t seat, uint32_t incarnation)
{
	int r = mp_seat_sit(ctx, seat, incarnation);

	if (r < 0)
		return r;
	conveyor_become(ctx->cv, seat);
	ctx->incarnation = incarnation;
	ctx->thread = pthread_self();
	ctx->forked = false;
	return 0;
}

/* Under the lock of the new segment: what others see once the magic is in. */
static int
fill(struct mp_context *ctx, const struct mp_context_opts *opts)
{
	struct mp_shared *shared = ctx->shared;
	uint64_t need;
	int r;

	shared->shape = shape_of(opts);
	shared->hash = shared_hash();
	shared->size = ctx->segment.size;
	shared->seats = opts->seats;
	shared->objects = opts->objects;
	shared->attempts = opts->attempts;
	shared->start = opts->start;
	shared->memory = opts->memory;
	if (getrandom(shared->id, sizeof(shared->id), 0) != sizeof(shared->id))
		return -errno;
	conveyor_unlink(ctx->name); /* we have the name: it is a dead one's */
	r = conveyor_create(ctx->name, &shared->shape, shared->id, MP_FREE,
	    &one_gate, &ctx->cv, &need);
	if (r < 0)
		return r;
	for (unsigned q = 0; q < CONVEYOR_QUEUES; q++)
		sem_init(&shared->gate[q], 1, 0);
	gates_move(ctx);
	sems_find(ctx);
	return 0;
}

/* A new pair of segments, locked and without the magic.  -EEXIST. */
static int
make(const char *name, const struct mp_context_opts *opts,
    struct mp_context **out)
{
	char objects[LAYOUT_NAME_MAX + MP_SUFFIX_ROOM + 1];
	struct segment segment = SEGMENT_NONE;
	struct mp_context *ctx = NULL;
	int r;

	objects_name(objects, name);
	r = segment_create(objects, shared_size(opts->objects), &segment);
	if (r < 0)
		return r;
	r = lock_whole(segment.fd, F_WRLCK);
	/* Somebody came between and took us for dead. */
	if (r == 0 && !is_still_named(segment.fd, objects)) {
		segment_detach(&segment);
		return -EAGAIN;
	}
	if (r == 0)
		r = segment_grow(&segment, 0, objects_offset());
	if (r == 0)
		r = view_new(&segment, name, &ctx);
	if (r == 0)
		r = fill(ctx, opts);
	if (r == 0) {
		*out = ctx;
		ctx = NULL;
	} else {
		names_unlink(name);
	}
	view_free(ctx);
	segment_detach(&segment);
	return r;
}

int
mp_context_open(const char *name, const struct mp_context_opts *given,
    struct mp_context **out)
{
	char full[LAYOUT_NAME_MAX + 1],
	    objects[LAYOUT_NAME_MAX + MP_SUFFIX_ROOM + 1];
	struct mp_context_opts opts;
	struct mp_context *ctx = NULL;
	uint32_t incarnation;
	int seat, r;

	r = opts_take(given, &opts);
	if (r == 0)
		r = name != NULL ? name_take(name, full) : name_random(full);
	if (r < 0)
		return r;
	objects_name(objects, full);
	do {
		r = make(full, &opts, &ctx);
		if (r == -EEXIST) {
			r = remove_dead(full, objects);
			if (r == 0)
				r = -EAGAIN;
		}
	} while (r == -EAGAIN);
	if (r < 0)
		return r;

	/* Nobody else is here: without the lock of the context, which is a
	 * lock of this process already. */
	seat = mp_seat_take(ctx, 0, &incarnation);
	r = mp_context_become(ctx, (uint8_t)seat, incarnation);
	/* From here on others may find it, when the lock is let go. */
	atomic_store_explicit(&ctx->shared->magic, MP_MAGIC,
	    memory_order_release);
	(void)!lock_whole(ctx->segment.fd, F_UNLCK);
	ctx->owns_name = name != NULL && r == 0;
	/* Spawned processes come by name: then it stays until the end. */
	if (name == NULL && opts.start == MP_START_SPAWN && r == 0)
		ctx->owns_name = true;
	if (!ctx->owns_name) {
		names_unlink(full);
		ctx->name[0] = '\0';
	}
	if (r == 0) {
		contexts_add(ctx);
		*out = ctx;
		ctx = NULL;
	}
	view_free(ctx);
	return r;
}

int
mp_context_attach_view(const char *name, struct mp_context **out)
{
	char full[LAYOUT_NAME_MAX + 1],
	    objects[LAYOUT_NAME_MAX + MP_SUFFIX_ROOM + 1];
	struct segment segment = SEGMENT_NONE;
	struct mp_shared *seen = malloc(sizeof(*seen));
	struct mp_context *ctx = NULL;
	int r;

	if (seen == NULL)
		return -ENOMEM;
	r = name_take(name, full);
	if (r < 0)
		goto done;
	objects_name(objects, full);
	r = segment_attach(objects, &segment);
	if (r == 0) /* whoever is making it has the lock */
		r = lock_whole(segment.fd, F_WRLCK);
	if (r < 0)
		goto done;
	r = shared_check(&segment, seen);
	if (r == 0 && !mp_seats_anyone(seen))
		r = MP_ECORRUPT;
	(void)!lock_whole(segment.fd, F_UNLCK);
	if (r == 0)
		r = view_new(&segment, full, &ctx);
	if (r < 0)
		goto done;
	r = conveyor_join(full, &seen->shape, seen->id, &one_gate, &ctx->cv);
	if (r == 0) {
		gates_move(ctx);
		sems_find(ctx);
		ctx->forked = true; /* no seat yet, as after a fork */
		contexts_add(ctx);
		*out = ctx;
		ctx = NULL;
	}
done:
	view_free(ctx);
	segment_detach(&segment);
	free(seen);
	return r;
}

int
mp_context_attach(const char *name, struct mp_context **out)
{
	struct mp_context *ctx;
	int r = mp_context_attach_view(name, &ctx);

	if (r < 0)
		return r;
	r = sit(ctx);
	if (r == 0)
		*out = ctx;
	else
		mp_context_close(ctx);
	return r;
}

int
mp_context_join(struct mp_context *ctx)
{
	return ctx->forked ? sit(ctx) : MP_EINVAL;
}

void
mp_context_close(struct mp_context *ctx)
{
	if (ctx == NULL)
		return;
	mp_children_end(ctx);
	contexts_remove(ctx);
	/* The name first: without us nobody in it may be alive, and another may
	 * take it. */
	if (ctx->owns_name)
		names_unlink(ctx->name);
	if (!ctx->forked)
		mp_seat_leave(ctx, ctx->cv->me, ctx->incarnation);
	view_free(ctx);
}

int
mp_thread_attach(struct mp_context *ctx)
{
	struct conveyor *view = NULL;
	uint32_t incarnation;
	int seat, r;

	if (mp_view(ctx) != NULL)
		return 0;
	if (here.ctx != NULL)
		return MP_EINVAL; /* one at a time */
	if (ctx->forked)
		return MP_EPERM;
	r = mp_context_lock(ctx);
	if (r < 0)
		return r;
	seat = mp_seat_take(ctx, 0, &incarnation);
	mp_context_unlock(ctx);
	r = seat < 0 ? seat : conveyor_clone(ctx->cv, (uint8_t)seat, &view);
	if (r == 0)
		r = mp_seat_sit(ctx, (uint8_t)seat, incarnation);
	if (r == 0) {
		here.ctx = ctx;
		here.view = view;
		here.incarnation = incarnation;
		view = NULL;
	}
	conveyor_detach(view);
	return r;
}

void
mp_thread_detach(struct mp_context *ctx)
{
	if (here.ctx != ctx)
		return;
	here.ctx = NULL;
	mp_seat_leave(ctx, here.view->me, here.incarnation);
	conveyor_detach(here.view);
}
