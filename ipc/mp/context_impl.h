/*
 * What the parts of libmpipc share: layout of the second segment, seats,
 * objects, and how to sleep.  For ipc/mp/ and its tests.
 *
 * Messages and queues live in the conveyor ("<name>"), everything else in
 * "<name>.o": a header, a seat per participant, and an object per page.
 * Offsets and numbers only, no pointers.
 */
#ifndef MPIPC_CONTEXT_IMPL_H
#define MPIPC_CONTEXT_IMPL_H

#include <pthread.h>
#include <semaphore.h>
#include <stdalign.h>
#include <stdatomic.h>

#include "ipc/conveyor_impl.h"
#include "ipc/mp/context.h"

enum {
	MP_PAGE = 4096,
	MP_LINE = 128,
	MP_SEAT_IDS = 256,
	/* Conveyor queues: two that are always there, then two a queue. */
	MP_FREE = 0,
	MP_DEAD = 1,
	MP_FIRST_QUEUE = 2
};

/* --- seats ---------------------------------------------------------------- */

enum mp_seat_state {
	MP_SEAT_FREE,
	MP_SEAT_STARTING, /* `parent` forks; holds nothing */
	MP_SEAT_LIVE,
	MP_SEAT_LEFT /* in order; to be buried by the next who looks */
};

/*
 *   word: incarnation:32 | parent:8 | state:8
 *
 * Taken and freed under the context's lock; STARTING becomes LIVE by a CAS of
 * the starting process, so a seat that was freed meanwhile refuses it.
 */
struct mp_seat {
	alignas(MP_LINE) _Atomic uint64_t word;
	/* Who it is, by the kernel's word; the process itself, before LIVE. */
	_Atomic int64_t pid;
	/* When it sat down, ns since boot: what has its pid and started later
	 * is another.  0: not yet. */
	_Atomic uint64_t since_ns;
	/* To sleep at.  Here, and not a named one: each of those is a mapping
	 * that every fork copies. */
	sem_t sem;
};

/* --- objects -------------------------------------------------------------- */

enum mp_kind {
	MP_KIND_NONE,
	MP_KIND_LOCK,
	MP_KIND_SEMAPHORE,
	MP_KIND_CONDITION,
	MP_KIND_EVENT,
	MP_KIND_BARRIER,
	MP_KIND_VALUE,
	MP_KIND_ARRAY,
	MP_KIND_QUEUE,
	MP_KINDS
};

/* Who sleeps at something: a bit per seat. */
struct mp_waiters {
	alignas(MP_LINE) _Atomic uint64_t word[MP_SEAT_IDS / 64];
};

struct mp_object {
	/* incarnation:32 | kind:8; written last.  Kind NONE: free.  Under the
	 * context's lock. */
	_Atomic uint64_t word;
	char name[MP_NAME_MAX + 1];
	/* What the kind was made with; never changes while it lives. */
	_Atomic uint64_t attr[4];
	struct mp_waiters waiters;
	/* The kind's own; see its file. */
	alignas(MP_LINE) unsigned char body[MP_PAGE - 2 * MP_LINE];
};

static_assert(sizeof(struct mp_object) == MP_PAGE, "an object is a page");

struct mp_shared {
	_Atomic uint64_t magic; /* written last */
	uint64_t hash;          /* of sizes and version: context.c */
	uint64_t size;
	struct conveyor_shape shape;
	uint8_t id[16];
	uint32_t seats, objects;
	uint32_t attempts, start;
	uint64_t memory;
	/* Objects [0, used) have had their pages allocated: grows only. */
	alignas(MP_LINE) _Atomic uint64_t used;
	/* When somebody last looked for the dead, monotonic ms. */
	_Atomic int64_t tended_ms;
	struct mp_seat seat[MP_SEAT_IDS];
	/* Of the conveyor's queues but the first. */
	sem_t gate[CONVEYOR_QUEUES];
};

/* --- a process's view ----------------------------------------------------- */

struct mp_context {
	struct conveyor *cv; /* of the thread that opened, attached, joined */
	struct segment segment;
	struct mp_shared *shared;
	char name[LAYOUT_NAME_MAX + 1]; /* "": its names are gone already */
	bool owns_name;
	bool forked;              /* or attached: no seat yet */
	pthread_t thread;         /* that cv belongs to */
	uint32_t incarnation;     /* of its seat */
	pthread_mutex_t mutex;    /* threads of this process, beside the lock */
	sem_t *sems[MP_SEAT_IDS]; /* of seats that there are; else NULL */
	/* process.c; before `mutex` where both are taken. */
	pthread_mutex_t children_mutex;
	struct mp_process *children;
	struct mp_process *self; /* process.c; NULL: not made by one */
	struct mp_msg *msgs;     /* queue.c: one a cell, or NULL */
	struct mp_context *next; /* of this process */
};

/* The conveyor as the calling thread's seat; NULL: it has none. */
struct conveyor *mp_view(const struct mp_context *ctx);

/* mp_context_attach() but for the seat. */
MUST_USE int mp_context_attach_view(const char *name, struct mp_context **out);

/* In a process that has just been forked or attached: `seat` (STARTING) is its
 * own, and the calling thread the one whose it is. */
MUST_USE int mp_context_become(struct mp_context *ctx, uint8_t seat,
    uint32_t incarnation);

/* --- the lock of the context: seats, objects, recovery -------------------- */

/* By the kernel: gone with its holder.  Not to be nested. */
MUST_USE int mp_context_lock(struct mp_context *ctx);
void mp_context_unlock(struct mp_context *ctx);

/* --- seats (seat.c) ------------------------------------------------------- */

/* Under the lock: one that is free, for a child to be of the calling thread
 * (STARTING) or for the caller itself.  The seat, or MP_ENOSPC. */
MUST_USE int mp_seat_take(struct mp_context *ctx, uint8_t parent,
    uint32_t *incarnation);
/* In the process that shall have it.  0, MP_EPERM: it is not ours any more. */
MUST_USE int mp_seat_sit(struct mp_context *ctx, uint8_t seat,
    uint32_t incarnation);
/*
 * Of one whose process is known to be gone (it was reaped), or that gives it
 * up: everything it held is given back, and the seat is free.  Takes the lock.
 * Nothing when the seat has another incarnation by now.
 */
MUST_USE int mp_seat_bury(struct mp_context *ctx, uint8_t seat,
    uint32_t incarnation);
/* By its own process or thread, which goes on without it. */
void mp_seat_leave(struct mp_context *ctx, uint8_t seat, uint32_t incarnation);
/* The same without the lock, and nobody is told: its process is about to end,
 * and whoever reaps it buries it. */
void mp_seat_resign(struct mp_context *ctx, uint8_t seat, uint32_t incarnation);
uint32_t mp_seat_incarnation(const struct mp_context *ctx, uint8_t seat);
/* It is being forgotten because it left in order, not because it died. */
bool mp_seat_left(const struct mp_context *ctx, uint8_t seat);
/* Whether a seat is taken by somebody alive.  Looks at a copy, too. */
bool mp_seats_anyone(const struct mp_shared *shared);
/* Look for the dead and bury them: how many, or an error.  Under the lock; and
 * without it, when nobody of the context has for MP_LOOK_MS. */
int mp_tend_locked(struct mp_context *ctx);
void mp_tend_sometimes(struct mp_context *ctx);

/* --- objects (object.c) --------------------------------------------------- */

/*
 * Find the object of that kind and name, or make one: `name` NULL always makes
 * one.  `attr` are the kind's numbers: an object that is there must have been
 * made with the same (MP_EINVAL).  `make` fills the zeroed body, under the
 * lock, before anybody can see it; NULL: zeros will do.
 * The object's number, or MP_ENOSPC, MP_EINVAL, -errno.
 */
MUST_USE int mp_object_open(struct mp_context *ctx, enum mp_kind kind,
    const char *name, const uint64_t attr[4],
    int (*make)(struct mp_context *ctx, struct mp_object *object),
    struct mp_object **out);
/* Free it: by whoever made it, when nobody needs it any more. */
void mp_object_free(struct mp_context *ctx, struct mp_object *object,
    void (*unmake)(struct mp_context *ctx, struct mp_object *object));
/* Object `i` below shared->used; its kind may be NONE. */
struct mp_object *mp_object_at(const struct mp_context *ctx, uint32_t i);
enum mp_kind mp_object_kind(const struct mp_object *object);

/*
 * What each kind does when the participant `seat` has died: give back what it
 * held.  Under the lock, beside the living; may be killed at any instruction
 * and is then done again, by another.  Waking is the caller's: afterwards
 * every living seat is posted once.  One row a kind in object.c.
 */
typedef void mp_forget_fn(struct mp_context *ctx, struct mp_object *object,
    uint8_t seat);
/* Of all objects. */
void mp_objects_forget(struct mp_context *ctx, uint8_t seat);

/* Where recovery sends what stands in each queue of the conveyor (queue.c). */
void mp_queue_routes(const struct mp_context *ctx,
    struct conveyor_routes *routes);

/* --- sleeping (wait.c) ---------------------------------------------------- */

struct mp_deadline {
	int64_t at_ns; /* monotonic; INT64_MAX: never */
};

struct mp_deadline mp_deadline_in(int timeout_ms);
bool mp_deadline_over(struct mp_deadline deadline);
/* Left until then, rounded up; -1 for ever. */
int mp_deadline_left_ms(struct mp_deadline deadline);

/*
 * Call `attempt` until it says something else than -EAGAIN, asleep in between;
 * its answer, or MP_ETIMEDOUT.  Before sleeping the seat's bit is set in
 * `waiters`, then it is tried again; after the deadline it is tried once more,
 * for a wake-up that was meant for us must not be lost on us.
 */
MUST_USE int mp_wait(struct mp_context *ctx, struct mp_waiters *waiters,
    struct mp_deadline deadline, int (*attempt)(struct mp_context *ctx, void *),
    void *arg);

/* The parts of it, for those that cannot be written so. */
void mp_wait_enter(struct mp_context *ctx, struct mp_waiters *waiters);
/* Was it still set?  false: a waker took it, and has posted or will. */
bool mp_wait_leave(struct mp_context *ctx, struct mp_waiters *waiters);
/* Sleep until posted, the deadline or the next look for the dead, which it
 * then takes.  Whatever the reason: look again. */
void mp_wait_sleep(struct mp_context *ctx, struct mp_deadline deadline);

/*
 * Take up to `n` bits from the mask and post those seats' semaphores.  After
 * what they wait for has been stored (seq_cst): pairs with mp_wait_enter().
 */
void mp_wake(struct mp_context *ctx, struct mp_waiters *waiters, unsigned n);
/* The same for one of them; false: it does not sleep here. */
bool mp_wake_seat(struct mp_context *ctx, struct mp_waiters *waiters,
    unsigned seat);
void mp_waiters_forget(struct mp_waiters *waiters, uint8_t seat);

#endif
