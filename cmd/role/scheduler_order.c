/*
 * scheduler_order - what goes out: to which crawler, and how much at once.
 */
#include <errno.h>
#include <stdatomic.h>

#include "cmd/flight.h"
#include "cmd/role/scheduler_impl.h"

enum {
	BACKLOG_PER_PARSER = 64, /* pages that wait for a parser */
	ORDERS_TURN = 512,
};

/*
 * A crawler was short of memory or descriptors.  From here on one fetch at a
 * time, since an order that is short twice is cut; then one more with each
 * page that goes well, up to half of what was too much, and from there one
 * more with each whole window of them.
 */
void
scheduler_narrow(struct scheduler *s)
{
	if (s->window > 1)
		s->calm = (s->n_slots + 1) / 2;
	s->window = 1;
	s->widen = 0;
}

void
scheduler_widen(struct scheduler *s)
{
	uint32_t pages = s->window < s->calm ? 1 : s->window;

	if (s->window < s->config->max_inflight && ++s->widen >= pages) {
		s->widen = 0;
		s->window++;
	}
}

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
	flight(s->cv, FLIGHT_ORDERED, cell, (uint64_t)k);
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

bool
scheduler_is_tight(const struct scheduler *s)
{
	return conveyor_committed(s->cv) >= s->config->shm_budget / 2;
}

/*
 * With half of the budget in use nothing more is ordered: what is under way
 * has to give its memory back first, or would be cut for want of it.  Nor
 * without room for the parts of the cell that is next.
 */
static bool
has_memory(const struct scheduler *s)
{
	return (s->n_active == 0 || !scheduler_is_tight(s)) &&
	       conveyor_prepare(s->cv, s->free[s->n_free - 1]) == 0;
}

bool
scheduler_may_order(const struct scheduler *s)
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

int
scheduler_give_orders(struct scheduler *s, int64_t now)
{
	struct order order;
	int r = 0;

	for (int i = 0; r == 0 && i < ORDERS_TURN && scheduler_may_order(s);
	     i++) {
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
