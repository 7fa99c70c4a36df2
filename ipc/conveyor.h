/*
 * conveyor - one shared segment per crawl: a fixed number of cells, the
 * queues they stand in, and the parts that travel with them.
 *
 * A worker pops a cell, works in the cell's parts, and forwards the same cell.
 * Any process may be killed at any instruction; after conveyor_recover() every
 * cell is in exactly one place.  Design and proof: queue.md and protocol.md;
 * README.md of this folder has the rules in short.
 *
 * The conveyor knows nothing of what the parts hold.  Queue numbers, sizes
 * and what recovery does with each queue are given as data.
 */
#ifndef IPC_CONVEYOR_H
#define IPC_CONVEYOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipc/attr.h"
#include "ipc/cell.h"
#include "ipc/segment.h"

enum {
	CONVEYOR_WORKERS = 255, /* ids 1 … 254; 0 is the supervisor */
	CONVEYOR_QUEUES = 64,
	CONVEYOR_CELLS_MAX = 1 << 16,
	CONVEYOR_SNAPSHOT = 128, /* counters in the published snapshot */
	CONVEYOR_CHUNK = 64,     /* cells whose parts are allocated together */
	CONVEYOR_STEP = 64 << 10 /* regions grow in steps of this */
};

/* What a segment is made of; the same at attach, or it is another layout. */
struct conveyor_shape {
	uint32_t cells;
	uint32_t queues;
	uint32_t bound_slots;  /* words for `bound`: crawlers */
	uint32_t order_size;   /* bytes per cell, a multiple of 64 */
	uint32_t capture_size; /* likewise */
	uint32_t inline_size;  /* likewise */
	uint64_t body_size;    /* region: wire body; a multiple of the step */
	uint64_t output_size;  /* region: output behind it; likewise */
	uint64_t version;      /* of what the caller keeps in the parts */
};

/* For each queue: where recovery sends a cell that a dead worker held from
 * it, and how many blames send it to `dead` instead (0: never). */
struct conveyor_route {
	uint8_t target;
	uint8_t blames;
	uint8_t dead;
};

struct conveyor_routes {
	struct conveyor_route queue[CONVEYOR_QUEUES];
};

/* Sleeping: a queue whose consumers wait at another queue's gate (DEAD at
 * RECORDS') names it; most name themselves. */
struct conveyor_gates {
	uint8_t at[CONVEYOR_QUEUES];
};

struct conveyor; /* a process's view; one per process, made before fork */

/*
 * Allocate everything but regions and parts, every cell QUEUED in queue `free`.
 * `name` is that of the segment ("/mpc.<16 hex>"); semaphores are named after
 * it, queue and epoch.  0, -EEXIST, -ENOSPC (with *need the bytes that the
 * fixed part takes), or -errno.
 */
MUST_USE int conveyor_create(const char *name,
    const struct conveyor_shape *shape, const uint8_t crawl_id[16],
    uint8_t free_queue, const struct conveyor_gates *gates,
    struct conveyor **out, uint64_t *need);

/*
 * Attach what a dead supervisor left: header checked (magic, version, layout
 * hash, crawl_id, sizes), epoch raised, fresh semaphores, header.out unset,
 * every worker's cells recovered without blame by `routes`, rings rebuilt from
 * the words; cells of `ordered_queue` in the order of their seq.
 * The caller holds the crawl's lock and knows that nobody else is alive.
 * 0; -ENOENT none; -EBADMSG not usable (the caller unlinks it and starts from
 * the store); -errno.
 */
MUST_USE int conveyor_attach(const char *name,
    const struct conveyor_shape *shape, const uint8_t crawl_id[16],
    const struct conveyor_gates *gates, const struct conveyor_routes *routes,
    uint8_t ordered_queue, struct conveyor **out);

/*
 * Take part in one that others are working at, from a process that was not
 * forked from one of them; conveyor_become() comes next, with an id that is
 * nobody's.  0; -ENOENT none; -EBADMSG not of this shape; -errno.
 */
MUST_USE int conveyor_join(const char *name, const struct conveyor_shape *shape,
    const uint8_t crawl_id[16], const struct conveyor_gates *gates,
    struct conveyor **out);

/* Look only, for `status`: maps the segment read-only, checks the header.
 * Nothing but conveyor_snapshot(), conveyor_length() and roster_*() reads may
 * be called on it. */
MUST_USE int conveyor_watch(const char *name, struct conveyor **out);

/* Unmap; NULL is fine.  The names stay. */
void conveyor_detach(struct conveyor *cv);
/* Remove the segment and every semaphore of that name, of any epoch. */
void conveyor_unlink(const char *name);

/* After fork: this process is worker `me` from now on. */
void conveyor_become(struct conveyor *cv, uint8_t me);
uint8_t conveyor_me(const struct conveyor *cv);
const struct conveyor_shape *conveyor_shape(const struct conveyor *cv);

/* Parts that not every role writes. */
enum conveyor_part {
	CONVEYOR_ORDER = 1 << 0,
	CONVEYOR_CAPTURE = 1 << 1,
	CONVEYOR_SETTLE = 1 << 2,
	CONVEYOR_INLINE = 1 << 3,
	CONVEYOR_LEDGER = 1 << 4, /* header.out and the snapshot */
	CONVEYOR_FETCHED = 1 << 5
};

/*
 * In a worker, after conveyor_become(): it writes the parts named in `writes`
 * (or'ed), the words, rings, regions and its own roster pages, and nothing
 * else from here on; a stray store there is SIGSEGV.  Not to be undone.
 */
MUST_USE int conveyor_protect(struct conveyor *cv, unsigned writes);

/* --- queues -------------------------------------------------------------- */

/* All of these: -EBADMSG means that the segment holds an impossible value;
 * the process exits with status 76 and the segment is discarded. */

/* Put a cell that this process holds into `queue`; wakes a sleeper there.
 * Never blocks: a ring holds every cell. */
MUST_USE int conveyor_push(struct conveyor *cv, uint8_t queue, uint32_t cell);
/* The SENDING stores are made in the order given; one wake. */
MUST_USE int conveyor_push_many(struct conveyor *cv, uint8_t queue,
    const uint32_t *cells, size_t n);

/* 1 and *cell, now held by this process; 0 empty. */
MUST_USE int conveyor_pop(struct conveyor *cv, uint8_t queue, uint32_t *cell);
/* Up to `max`; the number, 0 when empty. */
MUST_USE int conveyor_pop_many(struct conveyor *cv, uint8_t queue,
    uint32_t *cells, size_t max);

/* Say that a cell held by this process now counts as taken from `queue`
 * (recovery will treat it so), without passing through its ring.  Only for
 * queues of which this process is the only consumer. */
MUST_USE int conveyor_retake(struct conveyor *cv, uint8_t queue, uint32_t cell);

/* Blames and suspicion that the cell carries; set by the scheduler between
 * FREE and the first push (`attempts` belongs to the URL). */
void conveyor_set_attempts(struct conveyor *cv, uint32_t cell,
    uint8_t attempts);

/* The word as it is now (seq_cst). */
struct cell_word conveyor_word(const struct conveyor *cv, uint32_t cell);

/* How many stand in the ring, stale entries included: a hint. */
uint32_t conveyor_length(const struct conveyor *cv, uint8_t queue);

/*
 * Sleep until something may be in `queue` (or at its gate), `timeout_ms` at
 * the most, never longer than 250 ms.  0: look again; -EINTR.
 */
int conveyor_wait(struct conveyor *cv, uint8_t queue, int timeout_ms);

/* Wake whoever sleeps at the queue's gate, without a cell. */
void conveyor_wake(struct conveyor *cv, uint8_t queue);

/*
 * For roles that live in epoll: a helper thread that sleeps at the gate of
 * `queue` for them and writes to an eventfd.  Started after the fork.  The
 * thread never touches a cell.  With `marks`, a set bit of fetched[] counts as
 * work too.
 */
struct conveyor_bell;
MUST_USE int conveyor_bell_new(struct conveyor *cv, uint8_t queue, bool marks,
    struct conveyor_bell **out);
int conveyor_bell_fd(const struct conveyor_bell *bell); /* read 8 bytes */
/* Ask for one ring: called when a pop said EMPTY, before sleeping. */
void conveyor_bell_arm(struct conveyor_bell *bell);
/* Ends the thread, within 250 ms; NULL is fine. */
void conveyor_bell_free(struct conveyor_bell *bell);

/* --- parts --------------------------------------------------------------- */

/*
 * Before a cell is used for the first time its order, capture and inline parts
 * are allocated, with those of its neighbours: most crawls use a few hundred
 * cells of thousands.  Scheduler only.  0, also when they are there already;
 * -ENOSPC: this cell cannot be used now.
 */
MUST_USE int conveyor_prepare(struct conveyor *cv, uint32_t cell);
/* Whether they are there to be read: the scheduler's word, whatever the cell's
 * own says. */
bool conveyor_is_prepared(const struct conveyor *cv, uint32_t cell);
void *conveyor_order(struct conveyor *cv, uint32_t cell);
void *conveyor_capture(struct conveyor *cv, uint32_t cell);
void *conveyor_inline(struct conveyor *cv, uint32_t cell);

/* The recorder's part: two words, and a byte for its verdict. */
struct conveyor_settle {
	_Atomic uint64_t seq;     /* 0: not recorded */
	_Atomic uint64_t end;     /* segment:24, byte:40 */
	_Atomic uint64_t verdict; /* the caller's */
};
struct conveyor_settle *conveyor_settle(struct conveyor *cv, uint32_t cell);

/* --- regions (protocol.md 3) --------------------------------------------- */

char *conveyor_body(struct conveyor *cv, uint32_t cell);
char *conveyor_output(struct conveyor *cv, uint32_t cell);
/* Bytes that may be touched now. */
uint64_t conveyor_body_room(struct conveyor *cv, uint32_t cell);
uint64_t conveyor_output_room(struct conveyor *cv, uint32_t cell);
/*
 * Make the first `len` bytes of the body (output) touchable.  `committed` is
 * raised before the allocation.  0; -EMSGSIZE: more than the region has;
 * -ENOSPC: over `budget` (all committed bytes of all cells together), or
 * tmpfs is full.
 */
MUST_USE int conveyor_grow_body(struct conveyor *cv, uint32_t cell,
    uint64_t len, uint64_t budget);
MUST_USE int conveyor_grow_output(struct conveyor *cv, uint32_t cell,
    uint64_t len, uint64_t budget);
/* Scheduler, before it gives a cell back: punch what is over `keep` bytes of
 * body and of output. */
void conveyor_shrink(struct conveyor *cv, uint32_t cell, uint64_t keep);
/* Committed bytes of all cells: a hint; the scheduler sets it right. */
uint64_t conveyor_committed(const struct conveyor *cv);
void conveyor_recount(struct conveyor *cv);

/* --- words of the header ------------------------------------------------- */

/* {seq, end}: written by the scheduler only, read by the recorder; a reader
 * never sees half of it.  false: unset. */
void conveyor_publish_out(struct conveyor *cv, uint64_t seq, uint64_t end);
bool conveyor_read_out(const struct conveyor *cv, uint64_t *seq, uint64_t *end);

/* Counters of the crawl, one writer (the scheduler); a reader gets a whole
 * snapshot or, when the writer was killed in the middle, the one before. */
void conveyor_publish_snapshot(struct conveyor *cv, const uint64_t *values,
    size_t n);
void conveyor_snapshot(const struct conveyor *cv, uint64_t *values, size_t n);

/* A bit per cell: "its fetch has ended".  Set by crawlers, which then wake
 * the scheduler; taken word-wise by the scheduler: calls back nothing, fills
 * `cells` (room for `max`) and returns how many; call again while it is max. */
void conveyor_mark_fetched(struct conveyor *cv, uint32_t cell);
size_t conveyor_take_fetched(struct conveyor *cv, uint32_t *cells, size_t max);

/* bound[k]: the supervisor's word whether crawler k takes orders (seq_cst). */
void conveyor_bind(struct conveyor *cv, uint32_t k, bool bound);
bool conveyor_bound(const struct conveyor *cv, uint32_t k);

/* --- recovery: after the worker was reaped, by one at a time --------------- */

/* A death that is held against a cell. */
struct conveyor_fault {
	bool suspects;  /* none in particular: all it held become suspect */
	uint32_t cause; /* stays at the cell that is blamed; the caller's code,
	                   never 0 */
};

/*
 * Everything that the dead worker `id` held goes where `routes` says.  With a
 * `fault` (it died by its own; NULL: nobody is to blame) the cell it was
 * working on (roster `current`) gets one blame; a worker that held exactly one
 * cell blames that.
 * Idempotent, killable, safe beside live workers; in a crawl it is the
 * supervisor that does it, any other id may.  *n is how many cells moved.
 */
MUST_USE int conveyor_recover(struct conveyor *cv, uint8_t id,
    const struct conveyor_routes *routes, const struct conveyor_fault *fault,
    size_t *n);

/* The cause of the last blame that the cell carries; 0: it carries none. */
uint32_t conveyor_cause(const struct conveyor *cv, uint32_t cell);

/* Empty `from` into `to` (ORDERS[k] of an unbound crawler into SETTLED). */
MUST_USE int conveyor_drain(struct conveyor *cv, uint8_t from, uint8_t to,
    size_t *n);

/* For tests and fsck: 0, or -EBADMSG and in `why` what is wrong: every cell in
 * exactly one place, entries for every QUEUED word.  Nobody else may be
 * running. */
MUST_USE int conveyor_check(struct conveyor *cv, char *why, size_t why_size);

#endif
