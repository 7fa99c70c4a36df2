#include "cmd/demo/gil/gil_run.h"

#include <errno.h>
#include <sys/resource.h>

#include "cmd/demo/demo.h"
#include "cmd/demo/gil/gil_processes.h"

/* Threads share all memory: the next item is a number, the sum another. */
struct threads {
	const struct gil_job *job;
	struct gil *gil; /* NULL: without */
	atomic_uint next, links;
	atomic_int ids;
};

static void *
work(void *arg)
{
	struct threads *t = arg;
	const struct gil_job *job = t->job;
	struct gil_worker w;

	gil_worker_init(&w, t->gil, ++t->ids, job->trace);
	gil_worker_take(&w);
	for (unsigned i; (i = t->next++) < job->items;) {
		if (job->wait_ms > 0)
			gil_worker_wait(&w, job->wait_ms);
		t->links += gil_worker_parse(&w,
		    job->pages->page[i % job->pages->n]);
	}
	gil_worker_drop(&w, GIL_STATE_END);
	gil_worker_fini(&w);
	return NULL;
}

static int
run_threads(const struct gil_job *job, bool locked, struct gil_result *out)
{
	struct gil gil;
	struct threads t = { .job = job, .gil = locked ? &gil : NULL };
	pthread_t threads[GIL_WORKERS_MAX];
	unsigned n = 0;
	int r = gil_init(&gil, job->interval_us);

	if (r < 0)
		return r;
	for (; r == 0 && n < job->workers; n += r == 0)
		r = -pthread_create(&threads[n], NULL, work, &t);
	for (unsigned i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	out->links = t.links;
	out->gil = gil.count;
	gil_fini(&gil);
	return r;
}

static int64_t
cpu_ns_of(int who)
{
	struct rusage u;

	getrusage(who, &u);
	return ((int64_t)u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000 +
	       ((int64_t)u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000;
}

static int64_t
cpu_ns(void)
{
	return cpu_ns_of(RUSAGE_SELF) + cpu_ns_of(RUSAGE_CHILDREN);
}

int
gil_run(const struct gil_job *job, enum gil_way way, struct gil_result *out)
{
	struct gil_result result = { .trace = job->trace };
	struct gil_job alone = *job;
	const int64_t cpu = cpu_ns();
	int64_t start = demo_now_ns();
	int r;

	alone.workers = 1;
	if (way == GIL_PROCESSES)
		r = gil_run_processes(job, &result.links, &start);
	else
		r = run_threads(way == GIL_SEQUENCE ? &alone : job,
		    way == GIL_LOCKED, &result);
	result.wall_ns = demo_now_ns() - start;
	if (job->trace != NULL)
		job->trace->start_ns = start;
	result.cpu_ns = cpu_ns() - cpu;
	if (r == 0)
		*out = result;
	return r;
}
