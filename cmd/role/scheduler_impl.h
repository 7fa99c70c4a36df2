/*
 * scheduler_impl - the scheduler's state, shared by its files.
 *
 *   scheduler.c         a turn, its counters, adoption, life
 *   scheduler_settle.c  what comes back: fetches ended, records, the commit
 *   scheduler_sitemap.c the same of a sitemap
 *   scheduler_order.c   what goes out, and how much of it at once
 *   scheduler_answer.c  what a person asks
 */
#ifndef CMD_ROLE_SCHEDULER_IMPL_H
#define CMD_ROLE_SCHEDULER_IMPL_H

#include "cmd/loop.h"
#include "cmd/role/lineup.h"
#include "cmd/role/role.h"

/* One per cell: what this process knows of the lease.  The order itself is in
 * the cell's order part, which nobody else writes. */
struct lease {
	bool active;
	bool slot;    /* holds a host's slot: its fetch has not ended */
	bool suspect; /* ordered alone */
	bool spare;   /* on the stack of free cells */
};

struct scheduler {
	struct worker *worker;
	struct crawl *crawl;
	struct conveyor *cv;
	const struct config *config;
	struct conveyor_shape shape;
	struct frontier *frontier;
	struct loop loop;
	struct conveyor_bell *bell;
	int channel; /* to the supervisor; -1: none */

	struct lease *leases; /* by cell */
	uint32_t *free;       /* cells taken from FREE: a stack, so that the
	                         warm ones are used first */
	uint32_t n_free;
	uint32_t n_active;    /* leases … */
	uint32_t n_slots;     /* … and those with a slot */
	uint32_t window;      /* most of them: max_inflight, or less while
				 memory or descriptors are short */
	uint32_t calm;        /* half of what was too much once */
	uint32_t widen;       /* pages settled since it was last widened */
	struct lineup lineup; /* recorded cells, waiting for their turn */
	uint32_t *batch;      /* settled, not yet committed */
	uint32_t n_batch;
	struct frontier_cut cut;  /* committed */
	struct frontier_cut next; /* end of the batch */

	int64_t batch_us;  /* when the batch got its first cell */
	int64_t commit_us; /* when the last commit ended, and … */
	int64_t sync_us;   /* … what it took */
	int64_t look_ms;   /* the last look at all leases */
	int64_t room_ms;   /* the last look at the disk */
	int64_t turn_us;   /* the last turn, for the account of time */
	bool no_room;

	/* A suspect is ordered when nothing else is out, and nothing else is
	 * while it is (protocol.md 7): until then its order lies here. */
	void *aside;
	bool has_aside, suspect_out;
	struct snapshot snap;
	uint64_t published; /* the phase as it was told last */
};

/* All of these: 0 or more, or -errno; then the process ends. */

/* The order part of a cell that is a lease. */
MUST_USE int scheduler_read_order(struct scheduler *s, uint32_t cell,
    struct order *out);

/*
 * On the stack, as warm as memory allows.  Free cells alone never make it
 * tight: nobody would give anything back then.  -EBADMSG: it lies there
 * already, its word was forged.
 */
MUST_USE int scheduler_put_spare(struct scheduler *s, uint32_t cell);

/* Host slots of fetches that have ended: by their bits, and all 100 ms by a
 * look at every lease. */
MUST_USE int scheduler_take_fetched(struct scheduler *s, int64_t now);
/* Cells out of SETTLED: orders come back, and recorded ones into the lineup. */
MUST_USE int scheduler_collect(struct scheduler *s, int64_t now);
/* The contiguous run, from the lineup into the batch. */
MUST_USE int scheduler_advance(struct scheduler *s, int64_t now);
/* Of a cell in SETTLED, and of no other: was it committed already? */
bool scheduler_has_committed(struct scheduler *s, uint32_t cell);
bool scheduler_commit_is_due(const struct scheduler *s);
/* How long the batch may still grow, in µs; 0: commit now. */
int64_t scheduler_patience(const struct scheduler *s);
/* Durable, then published, and only then are the cells free (protocol.md 5). */
MUST_USE int scheduler_commit(struct scheduler *s, int64_t now);
/* Cells of one commit, at the most. */
enum {
	COMMIT_CELLS = 512
};

/* What a person asked, by way of the supervisor; what changes something is
 * committed first. */
MUST_USE int scheduler_answer(struct scheduler *s, int64_t now);
/* Offer what a sitemap lists, and settle it, into the batch. */
MUST_USE int scheduler_settle_sitemap(struct scheduler *s,
    const struct order *order, const struct capture *capture,
    struct decision decision, bool blamed, uint32_t cell, int64_t now);

/* Half of the memory budget is in use. */
bool scheduler_is_tight(const struct scheduler *s);
/* Would an order be handed out now, if the frontier had one? */
bool scheduler_may_order(const struct scheduler *s);
MUST_USE int scheduler_give_orders(struct scheduler *s, int64_t now);

/* Fewer fetches at once after a shortage, and more again (scheduler_order.c). */
void scheduler_narrow(struct scheduler *s);
void scheduler_widen(struct scheduler *s);

#endif
