/*
 * scheduler - what to fetch next, when, and what is done: the frontier's only
 * process, the only politeness clock, the only commit.
 *
 * A turn: host slots whose fetch has ended, cells that were recorded, a
 * commit when one is due, orders out, counters out.
 */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "cmd/log.h"
#include "cmd/loop.h"
#include "cmd/now.h"
#include "cmd/role/lineup.h"
#include "cmd/role/role.h"
#include "lib/message/output.h"

enum {
	SETTLED_BATCH = 64,
	COMMIT_CELLS = 512,     /* settled cells of one commit at the most */
	COMMIT_BYTES = 8 << 20, /* of the store's batch */
	COMMIT_REST = 4,        /* a sync may cost a quarter of the time */
	COMMIT_LEAST_US = 5000, /* a commit is CPU, however fast the disk */
	LOOK_MS = 100,          /* at all leases for a lost fetched bit */
	NAP_MS = 100,
	ROOM_LOOK_MS = 1000,
	BACKLOG_PER_PARSER = 64,    /* pages that wait for a parser */
	KEEP_BYTES = CONVEYOR_STEP, /* of body and output, in a free cell */
	ORDERS_TURN = 512,
};

/* One per cell: what this process knows of the lease.  The order itself is in
 * the cell's order part, which nobody else writes. */
struct lease {
	bool active;
	bool slot;    /* holds a host's slot: its fetch has not ended */
	bool suspect; /* ordered alone */
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

static int
read_order(struct scheduler *s, uint32_t cell, struct order *out)
{
	return order_read(conveyor_order(s->cv, cell), s->shape.order_size,
	    out);
}

/* --- cells --------------------------------------------------------------- */

/* Back on the stack, counted as taken from FREE; what is large is given back
 * to the system, all of it when memory runs short. */
static int
keep_free(struct scheduler *s, uint32_t cell)
{
	uint64_t committed = conveyor_committed(s->cv);
	int r;

	conveyor_shrink(s->cv, cell,
	    committed > s->config->shm_budget / 2 ? 0 : KEEP_BYTES);
	s->n_active -= s->leases[cell].active;
	s->leases[cell] = (struct lease){ 0 };
	r = conveyor_retake(s->cv, QUEUE_FREE, cell);
	if (r == 0)
		s->free[s->n_free++] = cell;
	return r;
}

static void
end_slot(struct scheduler *s, uint32_t cell)
{
	struct lease *lease = &s->leases[cell];

	if (!lease->slot)
		return;
	lease->slot = false;
	s->n_slots--;
	if (lease->suspect)
		s->suspect_out = false;
}

/* The fetch has ended when the capture carries the lease's lap: the host's
 * clock runs from there, long before the URL is committed. */
static int
look_at_fetch(struct scheduler *s, uint32_t cell, int64_t now)
{
	struct capture capture;
	struct order order;
	int r;

	if (!s->leases[cell].active || !s->leases[cell].slot)
		return 0;
	r = read_order(s, cell, &order);
	if (r == 0)
		r = capture_read(conveyor_capture(s->cv, cell),
		    s->shape.capture_size, order.lap, &capture);
	if (r <= 0)
		return r;
	end_slot(s, cell);
	frontier_slot_end(s->frontier, &order, &capture, now);
	return 0;
}

static int
take_fetched(struct scheduler *s, int64_t now)
{
	uint32_t cells[SETTLED_BATCH];
	size_t n;
	int r = 0;

	do {
		n = conveyor_take_fetched(s->cv, cells, SETTLED_BATCH);
		for (size_t i = 0; r == 0 && i < n; i++)
			r = look_at_fetch(s, cells[i], now);
	} while (r == 0 && n == SETTLED_BATCH);
	if (r < 0 || now - s->look_ms < LOOK_MS)
		return r;
	s->look_ms = now;
	for (uint32_t i = 0; r == 0 && s->n_slots > 0 && i < s->shape.cells;
	     i++)
		r = look_at_fetch(s, i, now);
	return r;
}

/* --- settlements --------------------------------------------------------- */

/*
 * A crawler was short of memory or descriptors.  From here on one fetch at a
 * time, since an order that is short twice is cut; then one more with each
 * page that goes well, up to half of what was too much, and from there one
 * more with each whole window of them.
 */
static void
narrow(struct scheduler *s)
{
	if (s->window > 1)
		s->calm = (s->n_slots + 1) / 2;
	s->window = 1;
	s->widen = 0;
}

static void
widen(struct scheduler *s)
{
	uint32_t pages = s->window < s->calm ? 1 : s->window;

	if (s->window < s->config->max_inflight && ++s->widen >= pages) {
		s->widen = 0;
		s->window++;
	}
}

/*
 * An order come back (seq 0): nothing was recorded, nothing goes to the
 * store.  Its attempts are the word's, where recovery puts the blame.
 */
static int
come_back(struct scheduler *s, uint32_t cell, int64_t now)
{
	struct order order;
	int r = look_at_fetch(s, cell, now);

	if (r == 0)
		r = read_order(s, cell, &order);
	if (r < 0)
		return r;
	order.attempts = conveyor_word(s->cv, cell).attempts;
	if (capture_lap(conveyor_capture(s->cv, cell)) == ~order.lap) {
		if (order.is_short < UINT8_MAX)
			order.is_short++;
		narrow(s);
	}
	end_slot(s, cell);
	frontier_come_back(s->frontier, &order, now);
	return keep_free(s, cell);
}

static int
offer_links(struct scheduler *s, const struct order *order, uint32_t cell,
    int64_t now)
{
	struct output_reader output;
	struct output_item item;
	uint32_t n = 0;
	int r = 0;

	if (output_open(&output, conveyor_output(s->cv, cell),
		conveyor_output_room(s->cv, cell), order->lap) != 1)
		return 0;
	/* max_links again: the parser's word is not enough. */
	while (r >= 0 && n < s->config->max_links &&
	       output_next(&output, &item) == 1) {
		if (item.tag != OUTPUT_LINK)
			continue;
		n++;
		if (item.link_kind == LINK_SEED || item.link_kind >= LINK_KINDS)
			continue;
		r = frontier_offer(s->frontier, order, item.bytes,
		    item.link_kind, item.link_flags, now);
	}
	return r < 0 ? r : 0;
}

static struct span
find_rules(struct scheduler *s, const struct order *order, uint32_t cell)
{
	struct output_reader output;
	struct output_item item;

	if (output_open(&output, conveyor_output(s->cv, cell),
		conveyor_output_room(s->cv, cell), order->lap) != 1)
		return SPAN_NONE;
	while (output_next(&output, &item) == 1) {
		if (item.tag == OUTPUT_RULES)
			return item.bytes;
	}
	return SPAN_NONE;
}

/* One cell of the contiguous run: everything that follows from it goes into
 * the batch.  The verdict is the recorder's: the record is written. */
static int
settle(struct scheduler *s, uint32_t cell, int64_t now)
{
	struct conveyor_settle *part = conveyor_settle(s->cv, cell);
	uint64_t word = atomic_load(&part->verdict);
	struct decision decision = { (uint8_t)word, (uint8_t)(word >> 8) };
	struct capture capture;
	struct order order;
	bool blamed = (conveyor_word(s->cv, cell).attempts & CELL_BLAMES) >= 3;
	int r, has_capture;

	r = look_at_fetch(s, cell, now);
	if (r == 0)
		r = read_order(s, cell, &order);
	if (r < 0)
		return r;
	has_capture = capture_read(conveyor_capture(s->cv, cell),
	    s->shape.capture_size, order.lap, &capture);
	if (has_capture < 0 || decision.verdict >= VERDICTS)
		return -EBADMSG;
	end_slot(s, cell);
	if (order.kind == ORDER_ROBOTS)
		return frontier_settle_robots(s->frontier, &order,
		    has_capture ? &capture : NULL,
		    blamed ? SPAN_NONE : find_rules(s, &order, cell), now);
	/* A page that killed the scheduler is committed without its links. */
	if (decision.verdict == VERDICT_REDIRECTED && has_capture)
		r = frontier_offer(s->frontier, &order, capture.location,
		    LINK_REDIRECT, 0, now);
	else if (decision.verdict == VERDICT_DONE && !blamed)
		r = offer_links(s, &order, cell, now);
	if (r < 0)
		return r;
	return frontier_settle(s->frontier, &order,
	    has_capture ? &capture : NULL, decision, now);
}

static int
collect(struct scheduler *s, int64_t now)
{
	uint32_t cells[SETTLED_BATCH];
	int n, r = 0;

	do {
		n = conveyor_pop_many(s->cv, QUEUE_SETTLED, cells,
		    SETTLED_BATCH);
		if (n > 0)
			roster_took_work(s->cv);
		for (int i = 0; r == 0 && i < n; i++) {
			uint64_t seq = atomic_load(
			    &conveyor_settle(s->cv, cells[i])->seq);

			if (seq == 0)
				r = come_back(s, cells[i], now);
			else if (seq <= s->cut.seq)
				r = keep_free(s, cells[i]); /* committed */
			else
				r = lineup_put(&s->lineup, seq, cells[i]);
		}
	} while (r == 0 && n == SETTLED_BATCH);
	return n < 0 ? n : r;
}

/* Move the contiguous run from the lineup into the batch. */
static int
advance(struct scheduler *s, int64_t now)
{
	uint32_t cell;
	int r = 0;

	while (r == 0 && s->n_batch < COMMIT_CELLS &&
	       frontier_batch_bytes(s->frontier) < COMMIT_BYTES &&
	       lineup_take(&s->lineup, &cell)) {
		struct conveyor_settle *part = conveyor_settle(s->cv, cell);

		if (s->n_batch == 0)
			s->batch_us = now_mono_us();
		roster_set_current(s->cv, cell);
		widen(s);
		r = settle(s, cell, now);
		roster_clear_current(s->cv);
		s->next = (struct frontier_cut){ atomic_load(&part->seq),
			atomic_load(&part->end) };
		s->batch[s->n_batch++] = cell;
	}
	return r;
}

/* How long the batch may still grow, in µs; 0: commit now. */
static int64_t
patience(const struct scheduler *s)
{
	int64_t now = now_mono_us();
	int64_t sync = COMMIT_REST * s->sync_us;
	int64_t rest = s->commit_us +
		       (sync < COMMIT_LEAST_US ? COMMIT_LEAST_US : sync) - now;
	int64_t most = s->batch_us + s->config->commit_interval_ms * 1000 - now;

	if (s->n_batch >= COMMIT_CELLS ||
	    frontier_batch_bytes(s->frontier) >= COMMIT_BYTES ||
	    s->n_free < s->shape.cells / 4)
		return 0;
	return rest < most ? (rest > 0 ? rest : 0) : (most > 0 ? most : 0);
}

/* Durable, then published, and only then are the cells free (protocol.md 5). */
static int
commit(struct scheduler *s, int64_t now)
{
	int64_t start = now_mono_us();
	int r = frontier_commit(s->frontier, s->next, now);

	if (r < 0)
		return r;
	s->commit_us = now_mono_us();
	s->sync_us = s->commit_us - start;
	s->cut = s->next;
	s->snap.commits++;
	s->snap.sync_us = (uint64_t)s->sync_us;
	roster_count(s->cv, COUNTER_SYNCS, 1);
	roster_count(s->cv, COUNTER_JOBS, s->n_batch);
	conveyor_publish_out(s->cv, s->cut.seq, s->cut.end);
	for (uint32_t i = 0; r == 0 && i < s->n_batch; i++)
		r = keep_free(s, s->batch[i]);
	s->n_batch = 0;
	return r;
}

/* --- orders -------------------------------------------------------------- */

/* Rendezvous hashing over the crawlers that take orders: a host stays with
 * its crawler, and moves only when that one is gone.  -1: none is bound. */
static int
crawler_of(struct scheduler *s, uint64_t site64)
{
	uint64_t best = 0;
	int found = -1;

	for (uint32_t k = 0; k < s->crawl->crawlers; k++) {
		uint64_t h = (site64 ^ (k + 1) * 0x9E3779B97F4A7C15u);

		h = (h ^ h >> 32) * 0xD6E8FEB86659FD93u;
		h ^= h >> 32;
		if (conveyor_bound(s->cv, k) && (found < 0 || h > best)) {
			best = h;
			found = (int)k;
		}
	}
	return found;
}

static int
hand_out(struct scheduler *s, uint32_t cell, struct order *order, int k)
{
	struct conveyor_settle *part = conveyor_settle(s->cv, cell);
	void *slot = conveyor_order(s->cv, cell);
	size_t moved;
	int r;

	atomic_store(&part->seq, 0);
	atomic_store(&part->end, 0);
	order->lap = order_lap(slot) + 1;
	r = order_write(slot, s->shape.order_size, order);
	if (r < 0)
		return r; /* longer than max_url_length let it be: a bug */
	conveyor_set_attempts(s->cv, cell, order->attempts);
	s->n_active++;
	s->leases[cell] = (struct lease){ .active = true,
		.slot = order->reason == REASON_NONE,
		.suspect = order->attempts & CELL_SUSPECT };
	if (order->reason != REASON_NONE)
		return conveyor_push(s->cv, QUEUE_RECORDS, cell);
	s->n_slots++;
	s->suspect_out |= s->leases[cell].suspect;
	r = conveyor_push(s->cv, (uint8_t)(QUEUE_ORDERS + k), cell);
	/* The mark again, after the push: unbound meanwhile, nobody would
	 * empty the queue but us (protocol.md 1). */
	if (r == 0 && !conveyor_bound(s->cv, (uint32_t)k))
		r = conveyor_drain(s->cv, (uint8_t)(QUEUE_ORDERS + k),
		    QUEUE_SETTLED, &moved);
	return r;
}

static bool
any_bound(const struct scheduler *s)
{
	for (uint32_t k = 0; k < s->crawl->crawlers; k++) {
		if (conveyor_bound(s->cv, k))
			return true;
	}
	return false; /* the crawl is ending, or every crawler rests */
}

/*
 * With half of the budget in use nothing more is ordered: what is under way
 * has to give its memory back first, or would be cut for want of it.  Nor
 * without room for the parts of the cell that is next.
 */
static bool
has_memory(const struct scheduler *s)
{
	bool some = s->n_active == 0 ||
		    conveyor_committed(s->cv) < s->config->shm_budget / 2;

	return some && conveyor_prepare(s->cv, s->free[s->n_free - 1]) == 0;
}

static bool
may_order(const struct scheduler *s)
{
	uint32_t backlog = conveyor_length(s->cv, QUEUE_PAGES);

	return s->n_free > 0 && s->n_slots < s->window && !s->no_room &&
	       s->snap.phase != PHASE_LIMIT && !s->suspect_out &&
	       (!s->has_aside || s->n_slots == 0) &&
	       backlog < BACKLOG_PER_PARSER * s->crawl->parsers &&
	       has_memory(s) && any_bound(s);
}

/* The next order: the one laid aside, else the frontier's.  1, 0 none. */
static int
next_order(struct scheduler *s, int64_t now, struct order *order)
{
	int r;

	if (s->has_aside) {
		s->has_aside = false;
		r = order_read(s->aside, s->shape.order_size, order);
		return r < 0 ? r : 1;
	}
	r = frontier_next(s->frontier, now, order);
	if (r == 1 && order->reason == REASON_NONE &&
	    (order->attempts & CELL_SUSPECT) && s->n_slots > 0) {
		r = order_write(s->aside, s->shape.order_size, order);
		s->has_aside = r == 0;
	}
	return r;
}

static int
give_orders(struct scheduler *s, int64_t now)
{
	struct order order;
	int r = 0;

	for (int i = 0; r == 0 && i < ORDERS_TURN && may_order(s); i++) {
		uint32_t cell = s->free[s->n_free - 1];
		int k;

		r = next_order(s, now, &order);
		if (r <= 0)
			return r;
		k = crawler_of(s, order.site64);
		if (k < 0) { /* the last one was unbound just now */
			frontier_come_back(s->frontier, &order, now);
			return 0;
		}
		order.ordered_ms = now;
		r = hand_out(s, cell, &order, k);
		if (r == 0)
			s->n_free--;
	}
	return r;
}

/* --- counters ------------------------------------------------------------ */

static void
publish(struct scheduler *s)
{
	uint64_t one = 1;
	ssize_t n;

	s->snap.free_cells = s->n_free;
	s->snap.fetching = s->n_slots;
	frontier_totals(s->frontier, &s->snap.totals);
	conveyor_publish_snapshot(s->cv, (const uint64_t *)&s->snap,
	    SNAPSHOT_WORDS);
	if (s->snap.phase == s->published)
		return;
	/* After the snapshot, which it tells the supervisor to look at. */
	s->published = s->snap.phase;
	n = write(s->crawl->notice_fd, &one, sizeof(one));
	(void)n;
}

/* Where the time of this turn went: were slots idle only because cells wait
 * for the recorder's sync or our commit? */
static void
account(struct scheduler *s)
{
	int64_t now = now_mono_us();
	uint64_t passed = (uint64_t)(now - s->turn_us);
	bool uncommitted = s->n_batch > 0 || lineup_count(&s->lineup) > 0 ||
			   conveyor_length(s->cv, QUEUE_RECORDS) > 0 ||
			   conveyor_length(s->cv, QUEUE_SETTLED) > 0;

	s->turn_us = now;
	if (s->n_slots == 0 && !uncommitted)
		return;
	s->snap.busy_us += passed;
	if (uncommitted && s->n_slots < s->config->max_inflight &&
	    conveyor_length(s->cv, QUEUE_PAGES) == 0 &&
	    (s->n_free == 0 || s->snap.totals.queued == 0))
		s->snap.starved_us += passed;
}

static void
look_at_room(struct scheduler *s, int64_t now)
{
	uint64_t need = crawl_reserve(s->crawl);
	char note[ROSTER_NOTE];
	bool no_room;

	if (now - s->room_ms < ROOM_LOOK_MS)
		return;
	s->room_ms = now;
	no_room = crawl_disk_free(s->crawl) < need;
	if (no_room == s->no_room)
		return;
	s->no_room = no_room;
	if (no_room) {
		snprintf(note, sizeof(note),
		    "paused: %llu MiB free under %.60s, %llu MiB wanted "
		    "(disk_reserve)",
		    (unsigned long long)crawl_disk_free(s->crawl) >> 20,
		    s->crawl->dir, (unsigned long long)need >> 20);
		log_warn("%s; it goes on by itself", note);
		roster_note(s->cv, note);
	} else {
		log_info("there is room again, going on");
		roster_note(s->cv, "");
	}
}

static void
judge(struct scheduler *s, int64_t now)
{
	const char *limit = frontier_limit(s->frontier, now);
	bool idle = s->n_batch == 0 && lineup_count(&s->lineup) == 0;

	look_at_room(s, now);
	if (frontier_finished(s->frontier) && idle)
		s->snap.phase = PHASE_FINISHED;
	else if (limit != NULL)
		s->snap.phase = PHASE_LIMIT;
	else
		s->snap.phase = s->no_room ? PHASE_WAITING_ROOM
					   : PHASE_CRAWLING;
	s->snap.limit = limit ? crawl_limit_code(limit) : 0;
}

/* --- life ---------------------------------------------------------------- */

static int
turn(struct scheduler *s)
{
	int64_t now = now_unix_ms();
	int r;

	roster_beat(s->cv, now_mono_ms());
	r = take_fetched(s, now);
	if (r == 0)
		r = collect(s, now);
	if (r == 0)
		r = advance(s, now);
	if (r == 0 && s->n_batch > 0 && patience(s) == 0)
		r = commit(s, now);
	if (r == 0)
		r = give_orders(s, now);
	if (r < 0)
		return r;
	account(s);
	judge(s, now);
	publish(s);
	return 0;
}

/* Until when nothing can happen but a ring of the bell, in ms. */
static int
nap(struct scheduler *s)
{
	int64_t now = now_unix_ms();
	int64_t ms = NAP_MS;

	if (s->n_batch > 0) {
		int64_t left = (patience(s) + 999) / 1000;

		ms = left < ms ? left : ms;
	}
	if (may_order(s)) {
		int64_t due = frontier_due_ms(s->frontier, now) - now;

		ms = due < ms ? due : ms;
	}
	return ms < 0 ? 0 : (int)ms;
}

static void
on_bell(void *arg, int fd, uint32_t events)
{
	uint64_t rings;
	ssize_t n = read(fd, &rings, sizeof(rings));

	(void)arg, (void)events, (void)n; /* the next turn looks anyway */
}

/*
 * Take over what is on the conveyor: the store is open, so publish its cut,
 * take the leases of every cell that is not in FREE, and only then order
 * (protocol.md 6).
 */
static int
adopt(struct scheduler *s, int64_t now)
{
	struct order order;
	uint32_t cell;
	size_t moved;
	int r = 0;

	s->cut = s->next = frontier_cut(s->frontier);
	lineup_start(&s->lineup, s->cut.seq + 1);
	conveyor_publish_out(s->cv, s->cut.seq, s->cut.end);
	conveyor_recount(s->cv);
	for (cell = 0; r == 0 && cell < s->shape.cells; cell++) {
		uint64_t seq;

		if (conveyor_word(s->cv, cell).queue == QUEUE_FREE)
			continue;
		seq = atomic_load(&conveyor_settle(s->cv, cell)->seq);
		if (seq > 0 && seq <= s->cut.seq)
			continue; /* committed: freed when it comes by */
		r = read_order(s, cell, &order);
		if (r == 0)
			r = frontier_adopt(s->frontier, &order, now);
		s->n_active++;
		s->leases[cell] = (struct lease){ .active = true,
			.slot = order.reason == REASON_NONE };
		if (s->leases[cell].slot)
			s->n_slots++;
	}
	while (r == 0 && conveyor_pop(s->cv, QUEUE_FREE, &cell) == 1)
		s->free[s->n_free++] = cell;
	for (uint32_t k = 0; r == 0 && k < s->shape.bound_slots; k++) {
		if (!conveyor_bound(s->cv, k))
			r = conveyor_drain(s->cv, (uint8_t)(QUEUE_ORDERS + k),
			    QUEUE_SETTLED, &moved);
	}
	return r;
}

static int
open_all(struct scheduler *s, struct err *err)
{
	sigset_t signals = role_signals();
	char dir[PATH_MAX];
	int r;

	s->leases = calloc(s->shape.cells, sizeof(*s->leases));
	s->free = calloc(s->shape.cells, sizeof(*s->free));
	s->batch = calloc(COMMIT_CELLS, sizeof(*s->batch));
	s->aside = calloc(1, s->shape.order_size);
	if (!s->leases || !s->free || !s->batch || !s->aside)
		return -ENOMEM;
	r = lineup_init(&s->lineup, s->shape.cells);
	if (r == 0)
		r = crawl_path(s->crawl, "frontier", dir, err);
	if (r == 0)
		r = frontier_open(dir, s->config, s->crawl->id, now_unix_ms(),
		    &s->frontier, err);
	if (r == 0)
		r = frontier_begin(s->frontier, err);
	if (r == 0)
		r = loop_init(&s->loop, &signals);
	if (r == 0)
		r = conveyor_bell_new(s->cv, QUEUE_SETTLED, true, &s->bell);
	if (r == 0)
		r = loop_watch(&s->loop, conveyor_bell_fd(s->bell), EPOLLIN,
		    on_bell, s);
	if (r == 0)
		r = adopt(s, now_unix_ms());
	return r;
}

static int
run(struct scheduler *s)
{
	int r = 0;

	s->turn_us = now_mono_us();
	while (r == 0 && !role_stopping()) {
		r = turn(s);
		if (r == 0 && lineup_ready(&s->lineup) == 0) {
			conveyor_bell_arm(s->bell);
			r = loop_turn(&s->loop, nap(s));
			r = r < 0 ? r : 0;
		}
	}
	/* The last commit: all that was recorded. */
	while (r == 0) {
		r = collect(s, now_unix_ms());
		if (r == 0)
			r = advance(s, now_unix_ms());
		if (r < 0 || s->n_batch == 0)
			break;
		r = commit(s, now_unix_ms());
	}
	if (r == 0)
		publish(s);
	return r;
}

int
scheduler_main(struct worker *worker)
{
	struct scheduler s = { .worker = worker,
		.crawl = worker->crawl,
		.cv = worker->cv,
		.config = &worker->crawl->config,
		.shape = *conveyor_shape(worker->cv),
		.window = worker->crawl->config.max_inflight,
		.loop.epoll_fd = -1 };
	struct err err = ERR_NONE;
	int r;

	if (role_wait_for_room(worker) < 0)
		return WORKER_DONE;
	r = open_all(&s, &err);
	if (r == 0)
		r = run(&s);
	/* Cells on the stack are FREE in all but name: put them back. */
	while (r == 0 && s.n_free > 0)
		r = conveyor_push(s.cv, QUEUE_FREE, s.free[--s.n_free]);
	frontier_close(s.frontier);
	lineup_fini(&s.lineup);
	loop_fini(&s.loop);
	free(s.leases);
	free(s.free);
	free(s.batch);
	free(s.aside);
	return r < 0 ? role_failed(r, err.text[0] ? err.text : "scheduling")
		     : WORKER_DONE;
}
