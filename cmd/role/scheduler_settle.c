/*
 * scheduler_settle - what comes back: fetches that have ended, orders that
 * were not fetched, cells that were recorded, and the one commit.
 */
#include <errno.h>
#include <stdatomic.h>

#include "cmd/flight.h"
#include "cmd/now.h"
#include "cmd/role/poison.h"
#include "cmd/role/scheduler_impl.h"
#include "lib/message/output.h"
#include "lib/robots/robots.h"

enum {
	SETTLED_BATCH = 64,
	COMMIT_BYTES = 8 << 20,     /* of the store's batch */
	COMMIT_REST = 4,            /* a sync may cost a quarter of the time */
	COMMIT_LEAST_US = 5000,     /* a commit is CPU, however fast the disk */
	LOOK_MS = 100,              /* at all leases for a lost fetched bit */
	KEEP_BYTES = CONVEYOR_STEP, /* of body and output, in a free cell */
};

int
scheduler_read_order(struct scheduler *s, uint32_t cell, struct order *out)
{
	return order_read(conveyor_order(s->cv, cell), s->shape.order_size,
	    out);
}

/* --- cells --------------------------------------------------------------- */

int
scheduler_put_spare(struct scheduler *s, uint32_t cell)
{
	if (s->leases[cell].spare)
		return -EBADMSG;
	conveyor_shrink(s->cv, cell, scheduler_is_tight(s) ? 0 : KEEP_BYTES);
	s->leases[cell] = (struct lease){ .spare = true };
	s->free[s->n_free++] = cell;
	return 0;
}

/* Its lease has ended: back on the stack, counted as taken from FREE. */
static int
keep_free(struct scheduler *s, uint32_t cell)
{
	int r = conveyor_retake(s->cv, QUEUE_FREE, cell);

	if (r < 0)
		return r;
	s->n_active -= s->leases[cell].active;
	return scheduler_put_spare(s, cell);
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
	r = scheduler_read_order(s, cell, &order);
	if (r == 0)
		r = capture_read(conveyor_capture(s->cv, cell),
		    s->shape.capture_size, order.lap, &capture);
	if (r <= 0)
		return r;
	end_slot(s, cell);
	frontier_slot_end(s->frontier, &order, &capture, now);
	return 0;
}

int
scheduler_take_fetched(struct scheduler *s, int64_t now)
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
 * An order come back (seq 0): nothing was recorded, nothing goes to the
 * store.  Its attempts are the word's, where recovery puts the blame.
 */
static int
come_back(struct scheduler *s, uint32_t cell, int64_t now)
{
	struct order order;
	int r = look_at_fetch(s, cell, now);

	if (r == 0)
		r = scheduler_read_order(s, cell, &order);
	if (r < 0)
		return r;
	order.attempts = conveyor_word(s->cv, cell).attempts;
	flight(s->cv, FLIGHT_CAME_BACK, cell, order.attempts);
	if (capture_lap(conveyor_capture(s->cv, cell)) == ~order.lap) {
		if (order.is_short < UINT8_MAX)
			order.is_short++;
		scheduler_narrow(s);
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

	poison_look(ROLE_SCHEDULER,
	    conveyor_word(s->cv, cell).attempts & CELL_BLAMES, order->url);
	if (output_open(&output, conveyor_output(s->cv, cell),
		conveyor_output_room(s->cv, cell), order->lap) != 1)
		return 0;
	/* max_links again: the parser's word is not enough. */
	while (r >= 0 && n < s->config->max_links &&
	       output_next(&output, &item) == 1) {
		if (item.tag == OUTPUT_DIGEST)
			frontier_digest(s->frontier, order, item.bytes);
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

static bool
find_rules(struct scheduler *s, const struct order *order, uint32_t cell,
    struct span *rules)
{
	struct output_reader output;
	struct output_item item;

	if (output_open(&output, conveyor_output(s->cv, cell),
		conveyor_output_room(s->cv, cell), order->lap) != 1)
		return false;
	while (output_next(&output, &item) == 1) {
		if (item.tag == OUTPUT_RULES) {
			*rules = item.bytes;
			return true;
		}
	}
	return false;
}

static int
settle_robots(struct scheduler *s, const struct order *order,
    const struct capture *capture, bool blamed, uint32_t cell, int64_t now)
{
	struct span rules = SPAN_NONE;

	/* One that nobody could read (it killed its parsers, or memory was
	 * short) allows nothing: as if it had not been answered. */
	if (capture != NULL &&
	    robots_meaning(capture->status) == ROBOTS_USE_BODY &&
	    (blamed || !find_rules(s, order, cell, &rules)))
		capture = NULL;
	return frontier_settle_robots(s->frontier, order, capture, rules, now);
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
		r = scheduler_read_order(s, cell, &order);
	if (r < 0)
		return r;
	has_capture = capture_read(conveyor_capture(s->cv, cell),
	    s->shape.capture_size, order.lap, &capture);
	if (has_capture < 0 || decision.verdict >= VERDICTS)
		return -EBADMSG;
	end_slot(s, cell);
	if (order.kind == ORDER_ROBOTS)
		return settle_robots(s, &order, has_capture ? &capture : NULL,
		    blamed, cell, now);
	if (order.kind == ORDER_SITEMAP)
		return scheduler_settle_sitemap(s, &order,
		    has_capture ? &capture : NULL, decision, blamed, cell, now);
	/* A page that killed the scheduler is committed without its links. */
	if (decision.verdict == VERDICT_REDIRECTED && has_capture)
		r = frontier_redirect(s->frontier, &order, &capture, now);
	else if (decision.verdict == VERDICT_DONE && !blamed)
		r = offer_links(s, &order, cell, now);
	if (r < 0)
		return r;
	return frontier_settle(s->frontier, &order,
	    has_capture ? &capture : NULL, decision, now);
}

bool
scheduler_has_committed(struct scheduler *s, uint32_t cell)
{
	uint64_t seq = atomic_load(&conveyor_settle(s->cv, cell)->seq);

	return seq > 0 && seq <= s->cut.seq;
}

int
scheduler_collect(struct scheduler *s, int64_t now)
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

/*
 * `end` is read before seq: a cell that the recorder got once more, by a
 * forged word, has another seq by then, and no cut is made of it.
 */
int
scheduler_advance(struct scheduler *s, int64_t now)
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
		flight(s->cv, FLIGHT_SETTLES, cell, s->next.seq + 1);
		scheduler_widen(s);
		r = settle(s, cell, now);
		roster_clear_current(s->cv);
		s->next.seq++;
		s->next.end = atomic_load(&part->end);
		if (r == 0 && atomic_load(&part->seq) != s->next.seq)
			r = -EBADMSG;
		s->batch[s->n_batch++] = cell;
	}
	return r;
}

int64_t
scheduler_patience(const struct scheduler *s)
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

/* Waiting URLs that are swept into their queues fill the batch too, and without
 * a settled cell. */
bool
scheduler_commit_is_due(const struct scheduler *s)
{
	return frontier_batch_bytes(s->frontier) >= COMMIT_BYTES ||
	       (s->n_batch > 0 && scheduler_patience(s) == 0);
}

int
scheduler_commit(struct scheduler *s, int64_t now)
{
	int64_t start = now_mono_us();
	int r;

	flight(s->cv, FLIGHT_COMMITS, FLIGHT_NO_CELL, s->n_batch);
	r = frontier_commit(s->frontier, s->next, now);
	if (r < 0)
		return r;
	s->commit_us = now_mono_us();
	s->sync_us = s->commit_us - start;
	flight(s->cv, FLIGHT_COMMITTED, FLIGHT_NO_CELL, (uint64_t)s->sync_us);
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
