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

#include "cmd/flight.h"
#include "cmd/log.h"
#include "cmd/now.h"
#include "cmd/role/scheduler_impl.h"

enum {
	NAP_MS = 100,
	EASE_MS = 2,
	EASE_PER_PARSER = 16, /* pages waiting: nobody needs us at once */
	ROOM_LOOK_MS = 1000,
};

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
		flight(s->cv, FLIGHT_WAITS_ROOM, FLIGHT_NO_CELL, need);
	} else {
		log_info("there is room again, going on");
		roster_note(s->cv, "");
	}
}

static void
pass_news_on(struct scheduler *s)
{
	char line[FRONTIER_NEWS];

	while (frontier_news(s->frontier, line))
		log_warn("%s", line);
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
	r = scheduler_take_fetched(s, now);
	if (r == 0)
		r = scheduler_collect(s, now);
	if (r == 0)
		r = scheduler_advance(s, now);
	if (r == 0 && scheduler_commit_is_due(s))
		r = scheduler_commit(s, now);
	if (r == 0)
		r = scheduler_answer(s, now);
	if (r == 0)
		r = scheduler_give_orders(s, now);
	if (r < 0)
		return r;
	pass_news_on(s);
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
		int64_t left = (scheduler_patience(s) + 999) / 1000;

		ms = left < ms ? left : ms;
	}
	if (scheduler_may_order(s)) {
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

static void
on_channel(void *arg, int fd, uint32_t events)
{
	(void)arg, (void)fd, (void)events;
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
		uint8_t queue = conveyor_word(s->cv, cell).queue;

		if (queue == QUEUE_FREE)
			continue;
		/* Elsewhere an old seq says nothing: a recorder that was
		 * killed while it vouched left it in what went back to
		 * RECORDS, and its successor gave the same to others. */
		if (queue == QUEUE_SETTLED && scheduler_has_committed(s, cell))
			continue; /* freed when it comes by */
		r = scheduler_read_order(s, cell, &order);
		if (r == 0)
			r = frontier_adopt(s->frontier, &order, now);
		s->n_active++;
		s->leases[cell] = (struct lease){ .active = true,
			.slot = order.reason == REASON_NONE,
			.suspect = order.attempts & CELL_SUSPECT };
		if (s->leases[cell].slot) {
			s->n_slots++;
			s->suspect_out |= s->leases[cell].suspect;
		}
	}
	while (r == 0 && (r = conveyor_pop(s->cv, QUEUE_FREE, &cell)) == 1)
		r = scheduler_put_spare(s, cell);
	for (uint32_t k = 0; r == 0 && k < s->shape.bound_slots; k++) {
		if (!conveyor_bound(s->cv, k))
			r = conveyor_drain(s->cv, (uint8_t)(QUEUE_ORDERS + k),
			    QUEUE_SETTLED, &moved);
	}
	flight(s->cv, FLIGHT_ADOPTED, FLIGHT_NO_CELL, s->n_active);
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
	/* The next turn looks at it anyway; this ends the sleep. */
	if (r == 0 && s->channel >= 0)
		r = loop_watch(&s->loop, s->channel, EPOLLIN, on_channel, s);
	if (r == 0)
		r = adopt(s, now_unix_ms());
	return r;
}

/*
 * Until something happens.  With pages enough for the parsers nothing that
 * happens in the next moment matters: not to sleep at the gate then spares
 * crawlers and recorder a wake-up with every page, which cost as much as the
 * work itself.
 */
static int
sleep_well(struct scheduler *s)
{
	uint32_t backlog = conveyor_length(s->cv, QUEUE_PAGES);

	if (backlog < EASE_PER_PARSER * s->crawl->parsers) {
		conveyor_bell_arm(s->bell);
		return loop_turn(&s->loop, nap(s));
	}
	return loop_turn(&s->loop, EASE_MS);
}

static int
run(struct scheduler *s)
{
	int r = 0;

	s->turn_us = now_mono_us();
	while (r == 0 && !role_stopping()) {
		r = turn(s);
		if (r == 0 && lineup_ready(&s->lineup) == 0) {
			r = sleep_well(s);
			r = r < 0 ? r : 0;
		}
	}
	if (r == 0)
		flight(s->cv, FLIGHT_STOPS, FLIGHT_NO_CELL, 0);
	/* The last commit: all that was recorded. */
	while (r == 0) {
		r = scheduler_collect(s, now_unix_ms());
		if (r == 0)
			r = scheduler_advance(s, now_unix_ms());
		if (r < 0 || (s->n_batch == 0 && !lineup_ready(&s->lineup)))
			break;
		r = scheduler_commit(s, now_unix_ms());
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
		.channel = worker->crawl->channel_fd,
		.loop.epoll_fd = -1 };
	struct err err = ERR_NONE;
	int r;

	r = role_wait_for_room(worker, &err);
	if (r == -EINTR)
		return WORKER_DONE;
	if (r == 0) {
		roster_note(s.cv, "opens the store");
		flight(s.cv, FLIGHT_OPENS, FLIGHT_NO_CELL, 0);
		r = open_all(&s, &err);
		roster_note(s.cv, "");
	}
	if (r == 0)
		flight(s.cv, FLIGHT_OPENED, FLIGHT_NO_CELL, 0);
	if (r == 0)
		r = run(&s);
	/* Cells on the stack are FREE in all but name: put them back. */
	while (r == 0 && s.n_free > 0)
		r = conveyor_push(s.cv, QUEUE_FREE, s.free[--s.n_free]);
	if (r < 0 && err.text[0] == '\0')
		err_set(&err, r, "%s", frontier_trouble(s.frontier));
	/* After a failed write RocksDB aborts the process rather than write to
	 * that file again, as a close does: it is left as it is. */
	if (r != -EIO && r != -ENOSPC)
		frontier_close(s.frontier);
	lineup_fini(&s.lineup);
	loop_fini(&s.loop);
	free(s.leases);
	free(s.free);
	free(s.batch);
	free(s.aside);
	return r < 0 ? role_failed_on_disk(r, &err, "scheduling") : WORKER_DONE;
}
