/*
 * Two queues: tasks and results.  A task is a message; the worker that takes it
 * writes the reply beside the arguments, into the same cell, and forwards that
 * to the results, so a kill anywhere leaves a task that can be done again or a
 * result that is whole.  What is out of attempts comes to the results as well.
 */
#include "ipc/mp/pool.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ipc/mp/pool_impl.h"
#include "ipc/mp/process.h"
#include "ipc/mp/queue_impl.h"

enum {
	SLOTS_MOST = 256, /* tasks under way at once */
	TICK_MS = 20,     /* the dead are looked for so often */
	DEATHS_MORE = 8,  /* in a row, before a pool is broken: a few */
	TAKERS = 4,
	SHARE = 8, /* of the memory, for arguments: replies need some, too */
	ALIGN = 8
};

enum task_state {
	TASK_WAITING,
	TASK_RUNNING,
	TASK_DONE,
	TASK_CANCELLED /* by the owner, while it waited */
};

/* In the capture part.  Writer: who holds the cell, but for `state`, which the
 * owner may make CANCELLED of WAITING, by a CAS, while the cell is queued. */
struct task {
	_Atomic uint64_t id; /* turn:32 | slot:32 of the owner's table */
	_Atomic uint32_t function;
	_Atomic uint32_t items;
	_Atomic uint32_t state;
	/* Where the reply is: offset in the inline part, or REPLY_OUTPUT. */
	_Atomic uint32_t reply_at;
	_Atomic uint64_t reply_len;
	/* pids of the last that took it, for the signals that they died of. */
	_Atomic uint32_t taker[TAKERS];
};

#define REPLY_OUTPUT UINT32_MAX

/* Before each reply of an item; and before each argument of several. */
struct record {
	uint32_t len;
	int32_t error;
};

static_assert(sizeof(struct record) % ALIGN == 0, "what follows is aligned");

struct mp_reply {
	struct mp_context *ctx;
	struct mp_msg *m;
	char *bytes;
	size_t len, room;
	bool in_output;
	int error;
	unsigned attempt;
};

/* A message under way. */
struct slot {
	struct mp_result *job; /* NULL: nobody waits for it any more */
	size_t chunk, memory;
	uint32_t cell, turn;
	int last_signal;
	unsigned signal_of; /* which of its takers, from 0 */
	bool used;
};

enum pool_state {
	POOL_RUNNING,
	POOL_CLOSED,
	POOL_ENDING, /* closed, all done, the workers were told */
	POOL_TERMINATED,
	POOL_BROKEN
};

struct mp_pool {
	struct mp_context *ctx;
	struct mp_pool_attr attr;
	const struct mp_task_function *functions;
	uint32_t n_functions;
	struct mp_queue *tasks, *results;
	pid_t owner;
	int seat;
	enum pool_state state;
	unsigned deaths; /* in a row */
	unsigned long restarts;
	struct mp_deadline look;        /* for the dead again */
	struct mp_result *first, *last; /* not all sent */
	uint32_t n_slots, n_free, under_way;
	size_t memory_out; /* of arguments */
	struct slot *slots;
	uint32_t *free;
	struct mp_process *workers[]; /* NULL: it could not be started */
};

static struct task *
task_of(const struct mp_context *ctx, uint32_t cell)
{
	return conveyor_capture(ctx->cv, cell);
}

static size_t
aligned(size_t n)
{
	return (n + ALIGN - 1) / ALIGN * ALIGN;
}

/* A page fault costs more than all else that a small task does: of what is
 * about to be written, all at once.  Where the kernel cannot, they come one by
 * one. */
static void
touch(void *bytes, size_t len)
{
	char *from = (char *)((uintptr_t)bytes & ~(uintptr_t)(MP_PAGE - 1));

	if (len >= 2 * (size_t)MP_PAGE)
		(void)madvise(from, (size_t)((char *)bytes + len - from),
		    MADV_POPULATE_WRITE);
}

/* --- several things in one message ---------------------------------------- */

/* The record at *at, which moves on.  false: there is none. */
static bool
next_record(const char *bytes, size_t len, size_t *at, struct record *record,
    const char **data)
{
	if (*at > len || len - *at < sizeof(*record))
		return false;
	memcpy(record, bytes + *at, sizeof(*record));
	if (record->len > len - *at - sizeof(*record))
		return false;
	*data = bytes + *at + sizeof(*record);
	*at += sizeof(*record) + aligned(record->len);
	return true;
}

static size_t
put_record(char *bytes, size_t at, const void *data, size_t len)
{
	const struct record record = { .len = (uint32_t)len };

	memcpy(bytes + at, &record, sizeof(record));
	if (len > 0)
		memcpy(bytes + at + sizeof(record), data, len);
	return at + sizeof(record) + aligned(len);
}

bool
mp_unpack(const void *args, size_t len, size_t i, struct mp_bytes *out)
{
	struct record record;
	const char *data;
	size_t at = 0;

	do {
		if (!next_record(args, len, &at, &record, &data))
			return false;
	} while (i-- > 0);
	*out = (struct mp_bytes){ data, record.len };
	return true;
}

/* --- the worker ----------------------------------------------------------- */

/* The first `room` bytes of the reply may be written. */
static int
reply_grow(struct mp_reply *reply, size_t room)
{
	char *output = conveyor_output(reply->ctx->cv, reply->m->cell);
	uint64_t most = reply->ctx->shared->shape.output_size;
	int r;

	/* Not step by step, while there is plenty. */
	if (room > CONVEYOR_STEP && room < most / 2 &&
	    conveyor_committed(reply->ctx->cv) + 2 * room <
		reply->ctx->shared->memory / 2)
		room *= 2;
	r = mp_msg_grow_output(reply->m, room);
	if (r < 0)
		return r;
	if (!reply->in_output && reply->len > 0)
		memcpy(output, reply->bytes, reply->len);
	reply->bytes = output;
	reply->in_output = true;
	reply->room = conveyor_output_room(reply->ctx->cv, reply->m->cell);
	touch(output + reply->len, reply->room - reply->len);
	return 0;
}

int
mp_reply_write(struct mp_reply *reply, const void *data, size_t len)
{
	int r = reply->error;

	if (r == 0 && len > UINT32_MAX / 2)
		r = MP_EMSGSIZE;
	/* And the padding behind it. */
	if (r == 0 && reply->len + aligned(len) > reply->room)
		r = reply_grow(reply, reply->len + aligned(len));
	if (r == 0 && len > 0)
		memcpy(reply->bytes + reply->len, data, len);
	if (r == 0)
		reply->len += len;
	reply->error = r;
	return r;
}

struct mp_context *
mp_reply_context(const struct mp_reply *reply)
{
	return reply->ctx;
}

unsigned
mp_reply_attempt(const struct mp_reply *reply)
{
	return reply->attempt;
}

static void
run_item(mp_task *fn, struct mp_reply *reply, const char *args, size_t len)
{
	struct record record = { 0 };
	size_t at = reply->len;
	int error = 0;

	reply->error = 0;
	if (mp_reply_write(reply, &record, sizeof(record)) == 0)
		error = fn(args, len, reply);
	if (reply->error != 0) {
		error = reply->error;
		reply->len = at + sizeof(record);
	}
	/* Not even that had room: the owner finds too few, and says so. */
	if (at + sizeof(record) > reply->room) {
		reply->len = at;
		return;
	}
	record.len = (uint32_t)(reply->len - at - sizeof(record));
	record.error = error < 0 ? error : 0;
	memcpy(reply->bytes + at, &record, sizeof(record));
	reply->len = aligned(reply->len);
}

static void
run_items(struct mp_pool *pool, struct task *task, struct mp_reply *reply)
{
	uint32_t function = atomic_load(&task->function);
	uint32_t items = atomic_load(&task->items);
	const char *args = mp_msg_data(reply->m), *data;
	size_t len = mp_msg_len(reply->m), at = 0;
	struct record record;
	mp_task *fn;

	if (function >= pool->n_functions)
		return;
	fn = pool->functions[function].fn;
	if (items == 1)
		run_item(fn, reply, args, len);
	for (uint32_t i = 0; items > 1 && i < items; i++) {
		if (!next_record(args, len, &at, &record, &data))
			return;
		run_item(fn, reply, data, record.len);
	}
}

static void
run(struct mp_pool *pool, struct mp_msg *m)
{
	struct conveyor *cv = pool->ctx->cv;
	struct task *task = task_of(pool->ctx, m->cell);
	uint32_t state = TASK_WAITING;
	size_t len = mp_msg_len(m), at;
	struct mp_reply reply = { .ctx = pool->ctx, .m = m };

	/* Or one that was killed had begun, or was through with it. */
	if (!atomic_compare_exchange_strong(&task->state, &state,
		TASK_RUNNING) &&
	    state != TASK_RUNNING)
		return;
	reply.attempt = mp_msg_attempts(m) + 1;
	atomic_store(&task->taker[(reply.attempt - 1) % TAKERS],
	    (uint32_t)getpid());
	/* Beside the arguments, that they stay as they are. */
	at = len <= cv->shape.inline_size ? aligned(len) : 0;
	if (mp_msg_data(m) != conveyor_inline(cv, m->cell))
		at = 0;
	reply.bytes = (char *)conveyor_inline(cv, m->cell) + at;
	reply.room = cv->shape.inline_size - at;
	run_items(pool, task, &reply);
	atomic_store(&task->reply_at,
	    reply.in_output ? REPLY_OUTPUT : (uint32_t)at);
	atomic_store(&task->reply_len, reply.len);
	atomic_store(&task->state, TASK_DONE);
}

static int
work(struct mp_context *ctx, void *arg)
{
	struct mp_pool *pool = arg;
	const struct mp_pool_attr *attr = &pool->attr;
	struct mp_msg *m;
	int r = 0;

	if (attr->initializer != NULL && attr->initializer(ctx, attr->arg) != 0)
		return 1;
	for (unsigned n = 0;
	     attr->maxtasksperchild == 0 || n < attr->maxtasksperchild; n++) {
		r = mp_queue_pop(pool->tasks, &m, -1);
		if (r < 0)
			break;
		run(pool, m);
		r = mp_msg_forward(m, pool->results);
		if (r < 0)
			break;
	}
	return r == 0 || r == MP_ECLOSED ? 0 : 1;
}

/* --- jobs ----------------------------------------------------------------- */

bool
mp_job_is_done(const struct mp_result *job)
{
	return job->done == job->chunks;
}

static void
job_free(struct mp_result *job)
{
	for (size_t i = 0; i < job->chunks; i++)
		free(job->blocks[i]);
	free(job);
}

static size_t
first_of(const struct mp_result *job, size_t chunk)
{
	return chunk * job->chunk;
}

static size_t
count_of(const struct mp_result *job, size_t chunk)
{
	size_t left = job->n - first_of(job, chunk);

	return left < job->chunk ? left : job->chunk;
}

/* Every item of the chunk has its outcome. */
static void
chunk_done(struct mp_result *job, size_t chunk)
{
	job->ready[chunk] = true;
	job->finished[job->done++] = (uint32_t)chunk;
	if (!mp_job_is_done(job))
		return;
	if (job->hook != NULL)
		job->hook(job, job->hook_arg);
	else if (job->abandoned && !job->pending)
		job_free(job);
}

static void
chunk_failed(struct mp_result *job, size_t chunk, int error)
{
	size_t first = first_of(job, chunk), n = count_of(job, chunk);

	for (size_t i = 0; i < n; i++)
		job->outcomes[first + i] = (struct mp_outcome){
			.error = error
		};
	chunk_done(job, chunk);
}

/* `block` is ours, whatever is in it. */
static void
chunk_replied(struct mp_result *job, size_t chunk, char *block, size_t len)
{
	size_t first = first_of(job, chunk), n = count_of(job, chunk), at = 0;
	struct record record;
	const char *data;

	job->blocks[chunk] = block;
	for (size_t i = 0; i < n; i++) {
		struct mp_outcome *out = &job->outcomes[first + i];

		*out = (struct mp_outcome){ .error = MP_ENOSPC };
		if (!next_record(block, len, &at, &record, &data))
			continue;
		out->data = data;
		out->len = record.len;
		out->error = record.error < 0 ? record.error : 0;
	}
	chunk_done(job, chunk);
}

/* The next chunk of the first of those that are not all sent; what has been
 * cancelled is passed by. */
static struct mp_result *
next_to_send(struct mp_pool *pool)
{
	struct mp_result *job;

	while ((job = pool->first) != NULL && job->sent == job->chunks) {
		pool->first = job->next;
		if (pool->first == NULL)
			pool->last = NULL;
		job->next = NULL;
		job->pending = false;
		if (job->abandoned && mp_job_is_done(job))
			job_free(job);
	}
	return job;
}

/* --- sending and fetching ------------------------------------------------- */

/* What is sent of a chunk: its records, or the bytes of its only item. */
static struct mp_bytes
chunk_args(const struct mp_result *job, size_t chunk)
{
	const char *from = job->args + job->at[chunk];
	struct record record;

	if (count_of(job, chunk) > 1)
		return (struct mp_bytes){ from,
			job->at[chunk + 1] - job->at[chunk] };
	memcpy(&record, from, sizeof(record));
	return (struct mp_bytes){ from + sizeof(record), record.len };
}

static int
fill(struct mp_msg *m, const struct mp_bytes *args)
{
	int r = mp_msg_reserve(m, args->len);
	char *data;

	if (r < 0)
		return r;
	data = mp_msg_data(m);
	touch(data, args->len);
	if (args->len > 0)
		memcpy(data, args->data, args->len);
	return mp_msg_set_len(m, args->len);
}

/* Of the context's, for arguments so long. */
static size_t
memory_for(const struct mp_pool *pool, size_t len)
{
	return len <= pool->ctx->shared->shape.inline_size
		   ? 0
		   : (len + CONVEYOR_STEP - 1) / CONVEYOR_STEP * CONVEYOR_STEP;
}

/* 0; -EAGAIN: when something has come back; else the chunk's error. */
static int
send_chunk(struct mp_pool *pool, struct mp_result *job, size_t chunk)
{
	const struct mp_bytes args = chunk_args(job, chunk);
	size_t memory = memory_for(pool, args.len);
	uint32_t at = pool->free[pool->n_free - 1];
	struct slot *slot = &pool->slots[at];
	struct task *task;
	struct mp_msg *m;
	int r;

	if (pool->under_way > 0 &&
	    pool->memory_out + memory > pool->ctx->shared->memory / SHARE)
		return -EAGAIN;
	r = mp_msg_alloc(pool->tasks, &m, 0);
	if (r == MP_EFULL)
		return -EAGAIN;
	if (r < 0)
		return r;
	r = fill(m, &args);
	if (r < 0) {
		mp_msg_ack(m);
		return r == MP_ENOSPC && pool->under_way > 0 ? -EAGAIN : r;
	}
	*slot = (struct slot){ .job = job,
		.chunk = chunk,
		.memory = memory,
		.cell = m->cell,
		.turn = slot->turn + 1,
		.used = true };
	task = task_of(pool->ctx, m->cell);
	atomic_store(&task->id, (uint64_t)slot->turn << 32 | at);
	atomic_store(&task->function, job->function);
	atomic_store(&task->items, (uint32_t)count_of(job, chunk));
	atomic_store(&task->reply_len, 0);
	for (int i = 0; i < TAKERS; i++)
		atomic_store(&task->taker[i], 0);
	atomic_store(&task->state, TASK_WAITING);
	r = mp_queue_push(pool->tasks, m);
	if (r < 0) {
		mp_msg_ack(m);
		slot->used = false;
		return r;
	}
	job->slot = at + 1;
	pool->n_free--;
	pool->under_way++;
	pool->memory_out += memory;
	return 0;
}

static void
send_some(struct mp_pool *pool)
{
	struct mp_result *job;

	while (pool->n_free > 0 && (job = next_to_send(pool)) != NULL) {
		size_t chunk = job->sent;
		int r = send_chunk(pool, job, chunk);

		if (r == -EAGAIN)
			return;
		job->sent++;
		if (r < 0)
			chunk_failed(job, chunk, r);
	}
}

/* The slot of a message that came back; NULL: none of ours. */
static struct slot *
slot_of(struct mp_pool *pool, const struct mp_msg *m)
{
	uint64_t id = atomic_load(&task_of(pool->ctx, m->cell)->id);
	uint32_t at = (uint32_t)id;

	if (at >= pool->n_slots || !pool->slots[at].used ||
	    pool->slots[at].turn != id >> 32 || pool->slots[at].cell != m->cell)
		return NULL;
	return &pool->slots[at];
}

static void
slot_release(struct mp_pool *pool, struct slot *slot)
{
	slot->used = false;
	slot->job = NULL;
	pool->free[pool->n_free++] = (uint32_t)(slot - pool->slots);
	pool->under_way--;
	pool->memory_out -= slot->memory;
}

/* The reply, in memory of our own, where nobody changes it any more. */
static int
copy_reply(struct mp_pool *pool, const struct mp_msg *m, char **block,
    size_t *len)
{
	struct conveyor *cv = pool->ctx->cv;
	const struct task *task = task_of(pool->ctx, m->cell);
	uint32_t at = atomic_load(&task->reply_at);
	uint64_t n = atomic_load(&task->reply_len);
	const char *from;

	if (at == REPLY_OUTPUT) {
		if (n > conveyor_output_room(cv, m->cell))
			return MP_ECORRUPT;
		from = conveyor_output(cv, m->cell);
	} else {
		if (at > cv->shape.inline_size ||
		    n > cv->shape.inline_size - at)
			return MP_ECORRUPT;
		from = (char *)conveyor_inline(cv, m->cell) + at;
	}
	*block = malloc(n > 0 ? n : 1);
	if (*block == NULL)
		return -ENOMEM;
	touch(*block, n);
	memcpy(*block, from, n);
	*len = n;
	return 0;
}

static void look_for_dead(struct mp_pool *pool);

static int
finish(struct mp_pool *pool, struct mp_msg *m)
{
	uint32_t state = atomic_load(&task_of(pool->ctx, m->cell)->state);
	unsigned deaths = mp_msg_attempts(m);
	struct slot *slot = slot_of(pool, m);
	struct mp_result *job;
	char *block = NULL;
	size_t len = 0, chunk;
	int r = 0;

	if (slot == NULL)
		return mp_msg_ack(m);
	/* Who buried them may not have been us. */
	if (deaths > 0)
		look_for_dead(pool);
	pool->deaths = 0;
	job = slot->job;
	chunk = slot->chunk;
	if (state != TASK_DONE)
		r = state == TASK_CANCELLED ? MP_ECANCELLED : MP_EWORKERDIED;
	else if (job != NULL)
		r = copy_reply(pool, m, &block, &len);
	if (job != NULL) {
		job->slot = 0;
		job->attempts = deaths + (state == TASK_DONE);
		job->last_signal = slot->last_signal;
	}
	slot_release(pool, slot);
	if (mp_msg_ack(m) == MP_ECORRUPT) {
		free(block);
		r = MP_ECORRUPT;
	}
	if (job != NULL && r < 0)
		chunk_failed(job, chunk, r);
	else if (job != NULL)
		chunk_replied(job, chunk, block, len);
	return r == MP_ECORRUPT ? r : 0;
}

/* 0 also when nothing came. */
static int
fetch(struct mp_pool *pool, int timeout_ms, size_t *n)
{
	struct mp_msg *m;
	int r;

	for (;;) {
		r = mp_queue_pop(pool->results, &m, timeout_ms);
		if (r < 0)
			return r == MP_EEMPTY ? 0 : r;
		r = finish(pool, m);
		if (r < 0)
			return r;
		(*n)++;
		timeout_ms = 0;
	}
}

/* All that is not done is done now, with that error. */
static void
fail_all(struct mp_pool *pool, int error)
{
	struct mp_result *job;

	for (uint32_t i = 0; i < pool->n_slots; i++) {
		struct slot *slot = &pool->slots[i];
		size_t chunk = slot->chunk;

		if (!slot->used)
			continue;
		job = slot->job;
		slot_release(pool, slot);
		if (job != NULL) {
			job->slot = 0;
			chunk_failed(job, chunk, error);
		}
	}
	while ((job = next_to_send(pool)) != NULL)
		chunk_failed(job, job->sent++, error);
}

static unsigned
deaths_of(const struct mp_pool *pool, const struct slot *slot)
{
	return conveyor_word(pool->ctx->cv, slot->cell).attempts & CELL_BLAMES;
}

/* --- the workers ---------------------------------------------------------- */

static int
worker_start(struct mp_pool *pool, struct mp_process **out)
{
	const struct mp_process_attr attr = { .name = "PoolWorker",
		.daemon = true };
	struct mp_process *p = NULL;
	int r = mp_process_create(pool->ctx, &attr, work, pool, &p);

	if (r < 0)
		return r;
	r = mp_process_start(p);
	if (r < 0)
		mp_process_close(p);
	else
		*out = p;
	return r;
}

/* It is buried: what it died of is noted at the task that it had, unless
 * another has died of that since.  Taker `deaths`, counted from 0, lives. */
static void
note_signal(struct mp_pool *pool, pid_t pid, int code)
{
	for (uint32_t i = 0; i < pool->n_slots; i++) {
		struct slot *slot = &pool->slots[i];
		const struct task *task = task_of(pool->ctx, slot->cell);
		unsigned deaths = slot->used ? deaths_of(pool, slot) : 0;

		for (unsigned t = slot->signal_of; t < deaths; t++) {
			if (deaths - t > TAKERS - 1 ||
			    atomic_load(&task->taker[t % TAKERS]) !=
				(uint32_t)pid)
				continue;
			slot->last_signal = code < 0 ? -code : 0;
			slot->signal_of = t;
		}
	}
}

static void
workers_end(struct mp_pool *pool)
{
	for (unsigned i = 0; i < pool->attr.processes; i++)
		if (pool->workers[i] != NULL)
			mp_process_kill(pool->workers[i]);
	for (unsigned i = 0; i < pool->attr.processes; i++) {
		struct mp_process *p = pool->workers[i];

		if (p == NULL)
			continue;
		(void)!mp_process_join(p, -1);
		mp_process_close(p);
		pool->workers[i] = NULL;
	}
}

static void
look_at_worker(struct mp_pool *pool, struct mp_process **worker)
{
	pid_t pid;
	int code = 0;

	if (*worker != NULL) {
		if (mp_process_join(*worker, 0) != 0)
			return;
		pid = mp_process_pid(*worker);
		if (!mp_process_exitcode(*worker, &code))
			code = 0;
		mp_process_close(*worker);
		*worker = NULL;
		if (code != 0)
			note_signal(pool, pid, code);
		/* In order only after its number of tasks. */
		if (code != 0 || pool->attr.maxtasksperchild == 0)
			pool->deaths++;
	}
	if (worker_start(pool, worker) < 0)
		pool->deaths++;
	else
		pool->restarts++;
}

/* Those that ended are buried, and others begin. */
static void
look_for_dead(struct mp_pool *pool)
{
	/* Each task that is under way may kill as many as it has attempts,
	 * before the first of them has come to its end. */
	unsigned most = DEATHS_MORE +
			(2 * pool->attr.processes + pool->under_way) *
			    pool->attr.attempts;

	pool->look = mp_deadline_in(TICK_MS);
	if (pool->state != POOL_RUNNING && pool->state != POOL_CLOSED)
		return;
	for (unsigned i = 0; i < pool->attr.processes; i++)
		look_at_worker(pool, &pool->workers[i]);
	if (pool->deaths > most)
		pool->state = POOL_BROKEN; /* see mp_pool_pump() */
}

int
mp_pool_pump(struct mp_pool *pool, int timeout_ms)
{
	size_t n = 0;
	int r;

	send_some(pool);
	r = fetch(pool, 0, &n);
	if (r == 0 && n == 0 && timeout_ms != 0)
		r = fetch(pool,
		    timeout_ms < 0 || timeout_ms > TICK_MS ? TICK_MS
							   : timeout_ms,
		    &n);
	if (r == 0 && mp_deadline_over(pool->look))
		look_for_dead(pool);
	if (n > 0)
		send_some(pool);
	if (pool->state == POOL_BROKEN) {
		workers_end(pool);
		fail_all(pool, MP_EBROKEN);
	}
	return r;
}

int
mp_pool_is_ours(const struct mp_pool *pool)
{
	return pool->owner == getpid() &&
		       mp_context_seat(pool->ctx) == pool->seat
		   ? 0
		   : MP_EPERM;
}

int
mp_pool_await(struct mp_pool *pool, bool (*ready)(void *), void *arg,
    int timeout_ms)
{
	struct mp_deadline deadline = mp_deadline_in(timeout_ms);
	bool over = false;
	int r = mp_pool_is_ours(pool);

	while (r == 0 && !ready(arg)) {
		if (over)
			return MP_ETIMEDOUT;
		over = mp_deadline_over(deadline);
		r = mp_pool_pump(pool,
		    over ? 0 : mp_deadline_left_ms(deadline));
	}
	return r;
}

/* --- making and ending ---------------------------------------------------- */

static struct mp_pool *
pool_new(struct mp_context *ctx, const struct mp_pool_attr *given,
    const struct mp_task_function *functions)
{
	struct mp_pool_attr attr = { 0 };
	uint32_t n_slots = ctx->shared->shape.cells / 8;
	struct mp_pool *pool;

	if (given != NULL)
		attr = *given;
	if (attr.processes == 0)
		attr.processes = mp_cpu_count();
	if (attr.attempts == 0)
		attr.attempts = ctx->shared->attempts;
	if (attr.processes > MP_SEATS_MAX)
		return NULL;
	if (n_slots > SLOTS_MOST)
		n_slots = SLOTS_MOST;
	if (n_slots < 2)
		n_slots = 2;
	pool = calloc(1,
	    sizeof(*pool) + attr.processes * sizeof(pool->workers[0]));
	if (pool == NULL)
		return NULL;
	pool->ctx = ctx;
	pool->attr = attr;
	pool->functions = functions;
	while (functions[pool->n_functions].name != NULL)
		pool->n_functions++;
	pool->owner = getpid();
	pool->seat = mp_context_seat(ctx);
	pool->n_slots = n_slots;
	pool->slots = calloc(n_slots, sizeof(*pool->slots));
	pool->free = calloc(n_slots, sizeof(*pool->free));
	for (uint32_t i = 0; pool->free != NULL && i < n_slots; i++)
		pool->free[pool->n_free++] = n_slots - 1 - i;
	pool->look = mp_deadline_in(TICK_MS);
	return pool;
}

int
mp_pool_create(struct mp_context *ctx, const struct mp_pool_attr *attr,
    const struct mp_task_function *functions, struct mp_pool **out)
{
	struct mp_pool *pool;
	int r = 0;

	if (mp_view(ctx) == NULL)
		return MP_EPERM;
	if (ctx->shared->start == MP_START_SPAWN ||
	    (attr != NULL && (attr->processes > MP_SEATS_MAX ||
				 attr->attempts > CELL_BLAMES)))
		return MP_EINVAL;
	pool = pool_new(ctx, attr, functions);
	if (pool == NULL || pool->slots == NULL || pool->free == NULL)
		r = -ENOMEM;
	/* The same few messages again and again, whose pages are there. */
	if (r == 0)
		r = mp_queue_open(ctx, NULL,
		    &(struct mp_queue_attr){ .maxsize = pool->n_slots },
		    &pool->tasks);
	if (r == 0)
		r = mp_queue_open(ctx, NULL, NULL, &pool->results);
	if (r == 0)
		mp_queue_give_up_to(pool->tasks, pool->attr.attempts,
		    pool->results);
	for (unsigned i = 0; r == 0 && i < pool->attr.processes; i++)
		r = worker_start(pool, &pool->workers[i]);
	if (r == 0) {
		*out = pool;
		pool = NULL;
	}
	mp_pool_free(pool);
	return r;
}

int
mp_pool_close(struct mp_pool *pool)
{
	int r = mp_pool_is_ours(pool);

	if (r == 0 && pool->state == POOL_RUNNING)
		pool->state = POOL_CLOSED;
	return r;
}

int
mp_pool_terminate(struct mp_pool *pool)
{
	size_t n = 0;
	int r = mp_pool_is_ours(pool);

	if (r < 0 || pool->state == POOL_TERMINATED ||
	    pool->state == POOL_BROKEN)
		return r;
	pool->state = POOL_TERMINATED;
	workers_end(pool);
	/* What was done before it stays done. */
	r = fetch(pool, 0, &n);
	fail_all(pool, MP_ECANCELLED);
	return r;
}

static bool
is_idle(void *arg)
{
	struct mp_pool *pool = arg;

	return pool->under_way == 0 && next_to_send(pool) == NULL;
}

int
mp_pool_join(struct mp_pool *pool, int timeout_ms)
{
	struct mp_deadline deadline = mp_deadline_in(timeout_ms);
	int r = mp_pool_is_ours(pool);

	if (r == 0 && pool->state == POOL_RUNNING)
		r = MP_EINVAL;
	if (r == 0 && pool->state == POOL_CLOSED)
		r = mp_pool_await(pool, is_idle, pool, timeout_ms);
	if (r < 0)
		return r;
	if (pool->state == POOL_CLOSED) {
		/* Not before all is done: who dies with the last task leaves
		 * it to another. */
		pool->state = POOL_ENDING;
		r = mp_queue_shut(pool->tasks);
	}
	for (unsigned i = 0; r == 0 && i < pool->attr.processes; i++) {
		if (pool->workers[i] == NULL)
			continue;
		r = mp_process_join(pool->workers[i],
		    mp_deadline_left_ms(deadline));
		if (r == 0)
			mp_process_close(pool->workers[i]);
		if (r == 0)
			pool->workers[i] = NULL;
	}
	return r == 0 && pool->state == POOL_BROKEN ? MP_EBROKEN : r;
}

void
mp_pool_free(struct mp_pool *pool)
{
	if (pool == NULL)
		return;
	if (mp_pool_is_ours(pool) == 0) {
		if (pool->results != NULL)
			(void)mp_pool_terminate(pool);
		workers_end(pool);
		if (pool->tasks != NULL)
			mp_queue_unlink(pool->tasks);
		if (pool->results != NULL)
			mp_queue_unlink(pool->results);
	}
	mp_queue_close(pool->tasks);
	mp_queue_close(pool->results);
	free(pool->slots);
	free(pool->free);
	free(pool);
}

unsigned
mp_pool_processes(const struct mp_pool *pool)
{
	unsigned n = 0;

	for (unsigned i = 0; i < pool->attr.processes; i++)
		n += pool->workers[i] != NULL;
	return n;
}

pid_t
mp_pool_pid(const struct mp_pool *pool, unsigned i)
{
	return i < pool->attr.processes && pool->workers[i] != NULL
		   ? mp_process_pid(pool->workers[i])
		   : 0;
}

unsigned long
mp_pool_restarts(const struct mp_pool *pool)
{
	return pool->restarts;
}

/* --- submitting ----------------------------------------------------------- */

static int
find_function(const struct mp_pool *pool, mp_task *fn, uint32_t *out)
{
	for (uint32_t i = 0; i < pool->n_functions; i++) {
		if (pool->functions[i].fn != fn)
			continue;
		*out = i;
		return 0;
	}
	return MP_EINVAL;
}

/* In one block, with everything that is known of its size. */
static struct mp_result *
job_new(const struct mp_bytes *items, size_t n, size_t chunk)
{
	size_t chunks = (n + chunk - 1) / chunk, bytes = 0, size;
	struct mp_result *job;

	for (size_t i = 0; i < n; i++)
		bytes += sizeof(struct record) + aligned(items[i].len);
	if (chunks > UINT32_MAX)
		return NULL;
	size = sizeof(*job) + n * sizeof(struct mp_outcome) +
	       chunks * (sizeof(void *) + sizeof(size_t) + sizeof(uint32_t) +
			    sizeof(bool)) +
	       sizeof(size_t) + bytes;
	job = calloc(1, size);
	if (job == NULL)
		return NULL;
	touch(job, size);
	job->n = n;
	job->chunk = chunk;
	job->chunks = chunks;
	job->outcomes = (struct mp_outcome *)(job + 1);
	job->blocks = (void **)(job->outcomes + n);
	job->at = (size_t *)(job->blocks + chunks);
	job->args = (char *)(job->at + chunks + 1);
	job->finished = (uint32_t *)(job->args + bytes);
	job->ready = (bool *)(job->finished + chunks);
	bytes = 0;
	for (size_t i = 0; i < n; i++) {
		if (i % chunk == 0)
			job->at[i / chunk] = bytes;
		bytes = put_record(job->args, bytes, items[i].data,
		    items[i].len);
	}
	job->at[chunks] = bytes;
	return job;
}

/* So many that no chunk is more than a message: 0, MP_EMSGSIZE. */
static int
fit_chunk(const struct mp_pool *pool, const struct mp_bytes *items, size_t n,
    size_t *chunk)
{
	uint64_t most = pool->ctx->shared->shape.body_size;
	size_t longest = 0, packed;

	for (size_t i = 0; i < n; i++)
		if (items[i].len > longest)
			longest = items[i].len;
	if (longest > most)
		return MP_EMSGSIZE;
	if (*chunk == 0)
		*chunk = 1;
	packed = sizeof(struct record) + aligned(longest);
	if (*chunk > 1 && *chunk > most / packed)
		*chunk = most / packed > 1 ? most / packed : 1;
	return 0;
}

int
mp_pool_submit(struct mp_pool *pool, mp_task *fn, const struct mp_bytes *items,
    size_t n, size_t chunksize, struct mp_result **out)
{
	struct mp_result *job;
	uint32_t function = 0;
	int r = mp_pool_is_ours(pool);

	if (r == 0 && pool->state == POOL_BROKEN)
		r = MP_EBROKEN;
	if (r == 0 && pool->state != POOL_RUNNING)
		r = MP_ECLOSED;
	if (r == 0)
		r = find_function(pool, fn, &function);
	if (r == 0)
		r = fit_chunk(pool, items, n, &chunksize);
	if (r < 0)
		return r;
	job = job_new(items, n, chunksize);
	if (job == NULL)
		return -ENOMEM;
	job->pool = pool;
	job->function = function;
	job->pending = true;
	if (pool->last != NULL)
		pool->last->next = job;
	else
		pool->first = job;
	pool->last = job;
	send_some(pool);
	*out = job;
	return 0;
}

/* Python's: four chunks for each worker. */
static size_t
chunk_for(const struct mp_pool *pool, size_t n, size_t chunksize)
{
	size_t shares = (size_t)pool->attr.processes * 4;

	return chunksize != 0 ? chunksize : (n + shares - 1) / shares;
}

int
mp_pool_apply_async(struct mp_pool *pool, mp_task *fn, const void *args,
    size_t len, struct mp_result **out)
{
	const struct mp_bytes item = { args, len };

	return mp_pool_submit(pool, fn, &item, 1, 1, out);
}

int
mp_pool_apply(struct mp_pool *pool, mp_task *fn, const void *args,
    size_t args_len, void *buf, size_t cap, size_t *len)
{
	struct mp_result *job;
	struct mp_bytes reply;
	int r = mp_pool_apply_async(pool, fn, args, args_len, &job);

	if (r < 0)
		return r;
	r = mp_result_get(job, -1, &reply);
	if (r == 0) {
		*len = reply.len;
		if (reply.len > cap)
			r = MP_EMSGSIZE;
		else if (reply.len > 0)
			memcpy(buf, reply.data, reply.len);
	}
	mp_result_free(job);
	return r;
}

int
mp_pool_map_async(struct mp_pool *pool, mp_task *fn,
    const struct mp_bytes *items, size_t n, size_t chunksize,
    struct mp_result **out)
{
	return mp_pool_submit(pool, fn, items, n, chunk_for(pool, n, chunksize),
	    out);
}

static int
and_wait(int r, struct mp_result **out)
{
	if (r < 0)
		*out = NULL;
	return r < 0 ? r : mp_result_get(*out, -1, NULL);
}

int
mp_pool_map(struct mp_pool *pool, mp_task *fn, const struct mp_bytes *items,
    size_t n, size_t chunksize, struct mp_result **out)
{
	return and_wait(mp_pool_map_async(pool, fn, items, n, chunksize, out),
	    out);
}

int
mp_pool_starmap_async(struct mp_pool *pool, mp_task *fn,
    const struct mp_bytes *args, size_t argc, size_t n, size_t chunksize,
    struct mp_result **out)
{
	struct mp_bytes *items = calloc(n + 1, sizeof(*items));
	size_t bytes = 0, at = 0;
	char *packed;
	int r = -ENOMEM;

	for (size_t i = 0; i < n * argc; i++)
		bytes += sizeof(struct record) + aligned(args[i].len);
	packed = calloc(1, bytes + 1);
	for (size_t i = 0; items != NULL && packed != NULL && i < n; i++) {
		size_t from = at;

		for (size_t a = 0; a < argc; a++)
			at = put_record(packed, at, args[i * argc + a].data,
			    args[i * argc + a].len);
		items[i] = (struct mp_bytes){ packed + from, at - from };
	}
	if (items != NULL && packed != NULL)
		r = mp_pool_map_async(pool, fn, items, n, chunksize, out);
	free(items);
	free(packed);
	return r;
}

int
mp_pool_starmap(struct mp_pool *pool, mp_task *fn, const struct mp_bytes *args,
    size_t argc, size_t n, size_t chunksize, struct mp_result **out)
{
	return and_wait(mp_pool_starmap_async(pool, fn, args, argc, n,
			    chunksize, out),
	    out);
}

/* --- cancelling ----------------------------------------------------------- */

/* Only while no worker has begun it. */
static bool
slot_cancel(struct mp_pool *pool, struct slot *slot)
{
	uint32_t waiting = TASK_WAITING;

	if (!slot->used || slot->job == NULL ||
	    !atomic_compare_exchange_strong(&task_of(pool->ctx, slot->cell)
						 ->state,
		&waiting, TASK_CANCELLED))
		return false;
	/* Its message comes back, and is nobody's. */
	slot->job->cancelled = true;
	slot->job->slot = 0;
	return true;
}

bool
mp_job_cancel(struct mp_result *job)
{
	struct slot *slot;

	if (mp_job_is_done(job))
		return false;
	if (job->sent == 0) {
		job->cancelled = true;
		job->sent = 1;
		chunk_failed(job, 0, MP_ECANCELLED);
		return true;
	}
	if (job->slot == 0)
		return false;
	slot = &job->pool->slots[job->slot - 1];
	if (!slot_cancel(job->pool, slot))
		return false;
	slot->job = NULL;
	chunk_failed(job, 0, MP_ECANCELLED);
	return true;
}

void
mp_pool_cancel(struct mp_pool *pool)
{
	struct mp_result *job;

	for (uint32_t i = 0; i < pool->n_slots; i++) {
		struct slot *slot = &pool->slots[i];

		if (!slot_cancel(pool, slot))
			continue;
		job = slot->job;
		slot->job = NULL;
		chunk_failed(job, slot->chunk, MP_ECANCELLED);
	}
	while ((job = next_to_send(pool)) != NULL) {
		job->cancelled = true;
		chunk_failed(job, job->sent++, MP_ECANCELLED);
	}
}

bool
mp_job_is_running(const struct mp_result *job)
{
	const struct mp_pool *pool = job->pool;

	return job->slot != 0 &&
	       atomic_load(&task_of(pool->ctx, pool->slots[job->slot - 1].cell)
				->state) != TASK_WAITING;
}

/* --- results -------------------------------------------------------------- */

static bool
job_ready(void *arg)
{
	return mp_job_is_done(arg);
}

int
mp_result_wait(struct mp_result *job, int timeout_ms)
{
	return mp_pool_await(job->pool, job_ready, job, timeout_ms);
}

int
mp_result_get(struct mp_result *job, int timeout_ms, struct mp_bytes *out)
{
	int r = mp_result_wait(job, timeout_ms);

	for (size_t i = 0; r == 0 && i < job->n; i++)
		r = job->outcomes[i].error;
	if (r == 0 && out != NULL)
		*out = job->n == 0 ? (struct mp_bytes){ 0 }
				   : (struct mp_bytes){ job->outcomes[0].data,
					     job->outcomes[0].len };
	return r;
}

size_t
mp_result_count(const struct mp_result *job)
{
	return job->n;
}

int
mp_result_item(const struct mp_result *job, size_t i, struct mp_bytes *out)
{
	if (!mp_job_is_done(job) || i >= job->n)
		return MP_EINVAL;
	*out = (struct mp_bytes){ job->outcomes[i].data, job->outcomes[i].len };
	return job->outcomes[i].error;
}

bool
mp_result_ready(struct mp_result *job)
{
	return mp_result_wait(job, 0) == 0;
}

bool
mp_result_successful(struct mp_result *job)
{
	return mp_result_get(job, 0, NULL) == 0;
}

void
mp_result_free(struct mp_result *job)
{
	if (job == NULL)
		return;
	job->abandoned = true;
	if (mp_job_is_done(job) && !job->pending)
		job_free(job);
}

/* --- imap ----------------------------------------------------------------- */

struct mp_imap {
	struct mp_result *job;
	bool ordered;
	size_t given; /* items; of an unordered one: chunks, and of the next: */
	size_t within;
};

static int
imap(struct mp_pool *pool, mp_task *fn, const struct mp_bytes *items, size_t n,
    size_t chunksize, bool ordered, struct mp_imap **out)
{
	struct mp_imap *it = calloc(1, sizeof(*it));
	int r = it == NULL
		    ? -ENOMEM
		    : mp_pool_submit(pool, fn, items, n, chunksize, &it->job);

	if (r == 0) {
		it->ordered = ordered;
		*out = it;
		it = NULL;
	}
	free(it);
	return r;
}

int
mp_pool_imap(struct mp_pool *pool, mp_task *fn, const struct mp_bytes *items,
    size_t n, size_t chunksize, struct mp_imap **out)
{
	return imap(pool, fn, items, n, chunksize, true, out);
}

int
mp_pool_imap_unordered(struct mp_pool *pool, mp_task *fn,
    const struct mp_bytes *items, size_t n, size_t chunksize,
    struct mp_imap **out)
{
	return imap(pool, fn, items, n, chunksize, false, out);
}

static bool
imap_ready(void *arg)
{
	const struct mp_imap *it = arg;

	return it->ordered ? it->job->ready[it->given / it->job->chunk]
			   : it->given < it->job->done;
}

int
mp_imap_next(struct mp_imap *it, int timeout_ms, struct mp_bytes *out,
    size_t *index)
{
	const struct mp_result *job = it->job;
	const struct mp_outcome *outcome;
	size_t i;
	int r;

	if (it->given == (it->ordered ? job->n : job->chunks))
		return 0;
	r = mp_pool_await(job->pool, imap_ready, it, timeout_ms);
	if (r < 0)
		return r;
	i = it->given;
	if (it->ordered) {
		it->given++;
	} else {
		size_t chunk = job->finished[it->given];

		i = first_of(job, chunk) + it->within++;
		if (it->within == count_of(job, chunk)) {
			it->given++;
			it->within = 0;
		}
	}
	outcome = &job->outcomes[i];
	if (index != NULL)
		*index = i;
	*out = (struct mp_bytes){ outcome->data, outcome->len };
	return outcome->error < 0 ? outcome->error : 1;
}

void
mp_imap_free(struct mp_imap *it)
{
	if (it == NULL)
		return;
	mp_result_free(it->job);
	free(it);
}
