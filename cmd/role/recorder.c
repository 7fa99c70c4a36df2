/*
 * recorder - records in, files out: the only writer of outputs.
 *
 * A group: pop, append, make durable, and only then vouch, by forwarding each
 * cell in the order of its seq (protocol.md 5).
 */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "cmd/flight.h"
#include "cmd/log.h"
#include "cmd/now.h"
#include "cmd/role/poison.h"
#include "cmd/role/quarantine.h"
#include "cmd/role/role.h"
#include "lib/archive/record.h"
#include "lib/archive/sink.h"

enum {
	RECORDER_GROUP = 512, /* cells of one sync at the most */
	RECORDER_NAP_MS = 250,
	/* A sync may cost a quarter of the time, no more. */
	SYNC_REST = 4,
	GROUP_LEAST_US = 5000,
	/* DEAD cells are blamed up to here for the bundle, then only named. */
	DEAD_NO_BUNDLE = 6,
	DEAD_CORRUPT = 9,
};

struct held {
	uint32_t cell;
	uint64_t end;
	struct decision decision;
};

struct recorder {
	struct worker *worker;
	struct conveyor *cv;
	const struct config *config;
	struct record_options options;
	struct sink *sink;
	struct err err; /* of the outputs: which file, and what */
	struct buf lines;
	uint64_t seq; /* the last one given */
	struct held held[RECORDER_GROUP];
	size_t n_held;
	int64_t group_us; /* when the open group got its first cell */
	int64_t sync_us;  /* what the last sync took */
	int64_t synced_us;
	bool idle; /* and has said so */
};

/* --- the cut ------------------------------------------------------------- */

/* What this cell vouches for, when its word names SETTLED; read until the
 * word is the same before and after. */
static bool
vouches(struct conveyor *cv, uint32_t cell, uint64_t *seq, uint64_t *end)
{
	struct conveyor_settle *settle = conveyor_settle(cv, cell);

	for (;;) {
		struct cell_word before = conveyor_word(cv, cell);
		struct cell_word after;

		*seq = atomic_load(&settle->seq);
		*end = atomic_load(&settle->end);
		after = conveyor_word(cv, cell);
		if (cell_pack(before) == cell_pack(after))
			return before.queue == QUEUE_SETTLED && *seq > 0;
	}
}

/*
 * The cells first, then header.out: a cell that leaves SETTLED in between is
 * covered by header.out, never the other way round.
 */
static int
find_cut(struct recorder *rec, uint64_t *end)
{
	uint64_t seq = 0, out_seq, out_end;

	roster_note(rec->cv, "waits for the scheduler to open the store");
	flight(rec->cv, FLIGHT_WAITS_OUT, FLIGHT_NO_CELL, 0);
	while (!conveyor_read_out(rec->cv, &out_seq, &out_end)) {
		if (role_stopping())
			return -EINTR;
		roster_beat(rec->cv, now_mono_ms());
		conveyor_wait(rec->cv, QUEUE_RECORDS, 20);
	}
	roster_note(rec->cv, "");
	*end = 0;
	for (uint32_t i = 0; i < conveyor_shape(rec->cv)->cells; i++) {
		uint64_t cell_seq, cell_end;

		if (vouches(rec->cv, i, &cell_seq, &cell_end) &&
		    cell_seq > seq) {
			seq = cell_seq;
			*end = cell_end;
		}
	}
	if (!conveyor_read_out(rec->cv, &out_seq, &out_end))
		return -EBADMSG;
	if (out_seq >= seq) {
		seq = out_seq;
		*end = out_end;
	}
	rec->seq = seq;
	return 0;
}

static int
open_sink(struct recorder *rec)
{
	struct err *err = &rec->err;
	struct err why = ERR_NONE;
	char dir[PATH_MAX];
	uint64_t end = 0, out_seq, out_end;
	int r;

	r = crawl_path(rec->worker->crawl, "out", dir, err);
	if (r == 0)
		r = find_cut(rec, &end);
	if (r == 0)
		flight(rec->cv, FLIGHT_OPENS, FLIGHT_NO_CELL, 0);
	if (r == 0)
		r = sink_open(dir, end, rec->config->output_size, &rec->sink,
		    &why);
	if (r != -ENODATA)
		return r < 0 ? err_set(err, r, "%s",
				   why.text[0] ? why.text : err->text)
			     : 0;
	/* Shorter than what the conveyor vouches for: then the conveyor is
	 * not to be trusted, and the store decides.  Shorter than that too is
	 * for a person. */
	if (conveyor_read_out(rec->cv, &out_seq, &out_end) && out_end != end)
		return -EBADMSG;
	return err_set(err, -ENODATA,
	    "%s; restore it, or let `mpcrawl fsck --dir %s --repair` queue "
	    "again what is gone",
	    why.text, rec->worker->crawl->dir);
}

/* --- a group ------------------------------------------------------------- */

/* The record of one cell, into rec->lines.  Kinds without a record and
 * retries add nothing. */
static int
write_record(struct recorder *rec, const struct order *order,
    const struct capture *capture, struct decision decision,
    struct output_reader *output)
{
	buf_clear(&rec->lines);
	if (order->kind != ORDER_PAGE || decision.verdict == VERDICT_RETRY)
		return 0;
	return record_write(&rec->lines, &rec->options, order, capture,
	    decision, output);
}

/* The parser found no room: the record says so. */
static struct decision
heed_output(struct decision decision, struct output_reader *output)
{
	struct output_reader look = *output;
	struct output_item item;

	while (output_next(&look, &item) == 1) {
		if (item.tag == OUTPUT_REASON && item.bytes.len == 1 &&
		    decision.reason == REASON_NONE)
			decision.reason = (uint8_t)item.bytes.ptr[0];
	}
	if (decision.reason >= REASONS)
		decision.reason = REASON_TOO_LARGE;
	return decision;
}

static bool
find_output(struct recorder *rec, uint32_t cell, uint64_t lap,
    struct output_reader *output)
{
	return output_open(output, conveyor_output(rec->cv, cell),
		   conveyor_output_room(rec->cv, cell), lap) == 1 ||
	       output_open(output, conveyor_inline(rec->cv, cell),
		   conveyor_shape(rec->cv)->inline_size, lap) == 1;
}

static int
take(struct recorder *rec, uint32_t cell, bool dead)
{
	const struct conveyor_shape *shape = conveyor_shape(rec->cv);
	struct conveyor_settle *settle = conveyor_settle(rec->cv, cell);
	struct output_reader output;
	struct capture capture;
	struct order order;
	struct verdict_limits limits;
	struct decision decision;
	char cause[80];
	bool has_output, has_capture;
	uint8_t blames = conveyor_word(rec->cv, cell).attempts & CELL_BLAMES;
	uint64_t end = sink_end(rec->sink);
	int r;

	atomic_store(&settle->seq, 0);
	roster_set_current(rec->cv, cell);
	if (dead)
		flight(rec->cv, FLIGHT_QUARANTINES, cell, blames);
	else
		flight(rec->cv, FLIGHT_RECORDS, cell, 0);
	r = order_read(conveyor_order(rec->cv, cell), shape->order_size,
	    &order);
	if (r < 0)
		return r;
	if (dead && blames >= DEAD_CORRUPT)
		return -EBADMSG;
	poison_look(ROLE_RECORDER, blames, order.url);
	/* A cell that kills its readers is named by its order alone. */
	has_capture = false;
	has_output = false;
	if (!dead || blames < DEAD_NO_BUNDLE) {
		r = capture_read(conveyor_capture(rec->cv, cell),
		    shape->capture_size, order.lap, &capture);
		if (r < 0)
			return r;
		has_capture = r == 1;
	}
	if (has_capture &&
	    capture.body_len <= conveyor_body_room(rec->cv, cell))
		poison_look(ROLE_RECORDER, blames,
		    span_of(conveyor_body(rec->cv, cell),
			(size_t)capture.body_len));
	if (dead) {
		decision = (struct decision){ VERDICT_QUARANTINED,
			REASON_QUARANTINED };
		if (blames < DEAD_NO_BUNDLE && order.kind == ORDER_PAGE) {
			r = quarantine_write(rec->worker, cell, &order,
			    has_capture ? &capture : NULL, &rec->err);
			if (r < 0)
				return r;
		}
		crawl_describe_cause(conveyor_cause(rec->cv, cell), cause);
		log_warn("%.*s is quarantined: %s, the last of %u that died "
			 "of it",
		    SPAN_ARG(order.url), cause, blames);
	} else {
		limits = crawl_verdict_limits(rec->worker->crawl, order.url);
		decision = verdict_decide(&limits, &order,
		    has_capture ? &capture : NULL);
		has_output = find_output(rec, cell, order.lap, &output);
		if (has_output)
			decision = heed_output(decision, &output);
	}
	r = write_record(rec, &order, has_capture ? &capture : NULL, decision,
	    has_output ? &output : NULL);
	/* The disk's errors are not the page's. */
	roster_clear_current(rec->cv);
	if (r == 0 && rec->lines.len > 0)
		r = sink_append(rec->sink, buf_span(&rec->lines), &end,
		    &rec->err);
	if (r < 0)
		return r;
	roster_count(rec->cv, COUNTER_BYTES, rec->lines.len);
	flight(rec->cv, FLIGHT_RECORDED, cell, rec->lines.len);
	if (rec->n_held == 0)
		rec->group_us = now_mono_us();
	rec->held[rec->n_held++] = (struct held){ cell, end, decision };
	return 0;
}

/* Durable first; then the vouching, in the order of seq. */
static int
close_group(struct recorder *rec)
{
	uint32_t cells[RECORDER_GROUP];
	int64_t start = now_mono_us();
	int r;

	if (rec->n_held == 0)
		return 0;
	flight(rec->cv, FLIGHT_SYNCS, FLIGHT_NO_CELL, rec->n_held);
	/* After an error the kernel may think the pages clean: nothing of this
	 * group is vouched for, the successor cuts it. */
	r = sink_sync(rec->sink, &rec->err);
	if (r < 0)
		return r;
	rec->synced_us = now_mono_us();
	rec->sync_us = rec->synced_us - start;
	flight(rec->cv, FLIGHT_SYNCED, FLIGHT_NO_CELL, (uint64_t)rec->sync_us);
	for (size_t i = 0; i < rec->n_held; i++) {
		struct held *held = &rec->held[i];
		struct conveyor_settle *settle = conveyor_settle(rec->cv,
		    held->cell);

		atomic_store(&settle->end, held->end);
		atomic_store(&settle->verdict,
		    (uint64_t)held->decision.verdict |
			(uint64_t)held->decision.reason << 8);
		atomic_store(&settle->seq, ++rec->seq);
		cells[i] = held->cell;
	}
	roster_count(rec->cv, COUNTER_JOBS, rec->n_held);
	roster_count(rec->cv, COUNTER_SYNCS, 1);
	r = conveyor_push_many(rec->cv, QUEUE_SETTLED, cells, rec->n_held);
	flight(rec->cv, FLIGHT_PUSHED, FLIGHT_NO_CELL, QUEUE_SETTLED);
	rec->n_held = 0;
	return r;
}

/* How long the group may stay open for more, in ms; 0: close it now. */
static int
patience(const struct recorder *rec)
{
	int64_t now = now_mono_us();
	int64_t sync = SYNC_REST * rec->sync_us;
	int64_t rest, left;
	int64_t most = rec->group_us + rec->config->commit_interval_ms * 1000 -
		       now;

	/* With more on its way a larger group costs nobody time. */
	if (sync < GROUP_LEAST_US && conveyor_length(rec->cv, QUEUE_PAGES) > 0)
		sync = GROUP_LEAST_US;
	rest = rec->synced_us + sync - now;
	left = rest < most ? rest : most;

	return left <= 0 ? 0 : (int)(left / 1000 + 1);
}

static int
turn(struct recorder *rec)
{
	static const uint8_t queues[] = { QUEUE_RECORDS, QUEUE_DEAD };
	uint32_t cell;
	bool any = false;
	int r, wait_ms;

	roster_beat(rec->cv, now_mono_ms());
	for (size_t q = 0; q < ARRAY_LEN(queues); q++) {
		while (rec->n_held < RECORDER_GROUP) {
			r = conveyor_pop(rec->cv, queues[q], &cell);
			if (r == 0)
				break;
			if (r == 1) {
				roster_took_work(rec->cv);
				r = take(rec, cell, queues[q] == QUEUE_DEAD);
			}
			if (r < 0)
				return r;
			any = true;
		}
	}
	if (rec->n_held == RECORDER_GROUP)
		return close_group(rec);
	if (any || rec->n_held > 0)
		rec->idle = false;
	if (any)
		return 0; /* look again: more may have come meanwhile */
	if (rec->n_held == 0 && !rec->idle) {
		flight(rec->cv, FLIGHT_WAITS_WORK, FLIGHT_NO_CELL, 0);
		rec->idle = true;
	}
	wait_ms = rec->n_held > 0 ? patience(rec) : RECORDER_NAP_MS;
	if (wait_ms == 0)
		return close_group(rec);
	if (rec->n_held > 0 && conveyor_length(rec->cv, QUEUE_PAGES) > 0) {
		/* The group stays open that long whatever comes: not to sleep
		 * at the gate spares every parser a wake-up with each page. */
		struct timespec pause = { 0, GROUP_LEAST_US * 1000L };

		if (wait_ms < GROUP_LEAST_US / 1000)
			pause.tv_nsec = wait_ms * 1000000L;
		nanosleep(&pause, NULL);
		return 0;
	}
	r = conveyor_wait(rec->cv, QUEUE_RECORDS, wait_ms);
	return r == -EBADMSG ? r : 0;
}

int
recorder_main(struct worker *worker)
{
	const struct config *config = &worker->crawl->config;
	/* A group of cells is too large for the stack of a role to be sure. */
	static struct recorder rec;
	int r;

	rec = (struct recorder){ .worker = worker,
		.cv = worker->cv,
		.config = config,
		.options = { .links = config->field_links,
		    .body = config->field_body } };
	for (size_t i = 0; i < sizeof(worker->crawl->id); i++)
		snprintf(rec.options.crawl_id + 2 * i, 3, "%02x",
		    worker->crawl->id[i]);
	/* A record is at most the output part, escaped; longer ones go
	 * without body and links. */
	buf_init(&rec.lines, 16 << 20);

	r = role_wait_for_room(worker, &rec.err);
	if (r == 0)
		r = open_sink(&rec);
	if (r == 0)
		flight(rec.cv, FLIGHT_OPENED, FLIGHT_NO_CELL, 0);
	if (r == -EINTR)
		return WORKER_DONE;
	while (r == 0 && !role_stopping())
		r = turn(&rec);
	if (r == 0) {
		flight(rec.cv, FLIGHT_STOPS, FLIGHT_NO_CELL, 0);
		r = close_group(&rec);
	}
	sink_close(rec.sink);
	buf_fini(&rec.lines);
	return r < 0 ? role_failed_on_disk(r, &rec.err, "recording")
		     : WORKER_DONE;
}
