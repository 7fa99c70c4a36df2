#include "cmd/demo/gil/gil_processes.h"

#include "cmd/demo/demo.h"
#include "ipc/mp/process.h"
#include "ipc/mp/queue.h"

enum {
	UNDER_WAY = 64, /* pages in the queue, at most */
	BATCH = 8       /* taken at once */
};

struct crew {
	const struct gil_job *job;
	struct mp_queue *todo, *done;
	int id; /* of the one that is started next */
};

/*
 * Some pages, parsed where they lie: in shared memory.  Their places are given
 * back together, or the parent, which waits for one, would be woken for each.
 */
static int
take_some(struct gil_worker *w, struct crew *crew, uint64_t *links)
{
	const size_t most = crew->job->wait_ms > 0 ? 1 : BATCH;
	struct mp_msg *m[BATCH];
	int n, r = 0;

	gil_worker_drop(w, GIL_STATE_WAIT);
	n = mp_queue_pop_many(crew->todo, m, most, -1);
	gil_worker_take(w);
	for (int i = 0; i < n; i++) {
		if (crew->job->wait_ms > 0)
			gil_worker_wait(w, crew->job->wait_ms);
		*links += gil_worker_parse(w,
		    span_of(mp_msg_data(m[i]), mp_msg_len(m[i])));
	}
	for (int i = 0; i < n && r == 0; i++)
		r = mp_msg_ack(m[i]);
	return n < 0 ? n : r;
}

static int
process(struct mp_context *ctx, void *arg)
{
	struct crew *crew = arg;
	struct gil_worker w;
	uint64_t links = 0;
	int r;

	(void)ctx;
	gil_worker_init(&w, NULL, crew->id, crew->job->trace);
	gil_worker_take(&w);
	do
		r = take_some(&w, crew, &links);
	while (r == 0);
	gil_worker_fini(&w);
	if (r == MP_ECLOSED) /* and nothing is left */
		r = mp_queue_put(crew->done, &links, sizeof(links), -1);
	return r < 0;
}

/* All pages into the queue, and a sum from each process out of the other. */
static int
feed(struct crew *crew, uint64_t *links)
{
	const struct gil_job *job = crew->job;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < job->items; i++) {
		const struct span page = job->pages->page[i % job->pages->n];

		r = mp_queue_put(crew->todo, page.ptr, page.len, -1);
	}
	mp_queue_shut(crew->todo);
	for (unsigned i = 0; r == 0 && i < job->workers; i++) {
		uint64_t found;
		size_t len;

		r = mp_queue_get(crew->done, &found, sizeof(found), &len, -1);
		if (r == 0)
			*links += found;
	}
	return r;
}

int
gil_run_processes(const struct gil_job *job, uint64_t *links, int64_t *start_ns)
{
	struct crew crew = { .job = job };
	const struct mp_queue_attr attr = { .maxsize = UNDER_WAY };
	struct mp_process *p;
	struct mp_context *ctx;
	int r = mp_context_open(NULL, NULL, &ctx);

	if (r < 0)
		return r;
	r = mp_queue_open(ctx, NULL, &attr, &crew.todo);
	if (r == 0)
		r = mp_queue_open(ctx, NULL, NULL, &crew.done);
	while (r == 0 && crew.id < (int)job->workers) {
		crew.id++;
		r = mp_process_create(ctx, NULL, process, &crew, &p);
		if (r == 0)
			r = mp_process_start(p);
	}
	*start_ns = demo_now_ns();
	if (r == 0)
		r = feed(&crew, links);
	mp_queue_close(crew.done);
	mp_queue_close(crew.todo);
	/* Waits for the processes; the queue is shut, so they end. */
	mp_context_close(ctx);
	return r;
}
