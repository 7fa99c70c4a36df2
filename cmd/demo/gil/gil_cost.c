#include "cmd/demo/gil/gil_cost.h"

#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/demo/demo.h"
#include "ipc/mp/process.h"
#include "ipc/mp/queue.h"

enum {
	STARTS = 31,
	TRIPS = 1001,
	PAGE_MAX = 1 << 16,
};

static double
us_since(int64_t start)
{
	return (double)(demo_now_ns() - start) / 1e3;
}

static void *
nothing(void *arg)
{
	return arg;
}

static int
ends_at_once(struct mp_context *ctx, void *arg)
{
	(void)ctx, (void)arg;
	return 0;
}

static int
start_thread(struct mp_context *ctx)
{
	pthread_t thread;
	int r = -pthread_create(&thread, NULL, nothing, NULL);

	(void)ctx;
	if (r == 0)
		pthread_join(thread, NULL);
	return r;
}

static int
start_fork(struct mp_context *ctx)
{
	const pid_t pid = fork();

	(void)ctx;
	if (pid == 0)
		_exit(0);
	return pid < 0 || waitpid(pid, NULL, 0) < 0 ? -errno : 0;
}

static int
start_process(struct mp_context *ctx)
{
	struct mp_process *p;
	int r = mp_process_create(ctx, NULL, ends_at_once, NULL, &p);

	if (r < 0)
		return r;
	r = mp_process_start(p);
	if (r == 0)
		r = mp_process_join(p, -1);
	mp_process_close(p);
	return r;
}

static int
time_starts(int (*one)(struct mp_context *ctx), struct mp_context *ctx,
    double *us)
{
	double each[STARTS];
	int r = 0;

	for (size_t i = 0; r == 0 && i < STARTS; i++) {
		const int64_t start = demo_now_ns();

		r = one(ctx);
		each[i] = us_since(start);
	}
	if (r == 0)
		*us = demo_median(each, STARTS);
	return r;
}

/* Of this process alone: what would come free if it ended. */
static double
private_kib(void)
{
	FILE *in = fopen("/proc/self/smaps_rollup", "r");
	char line[128];
	double sum = 0, kib;

	if (in == NULL)
		return 0;
	while (fgets(line, sizeof(line), in) != NULL) {
		if (sscanf(line, "Private_Clean: %lf", &kib) == 1 ||
		    sscanf(line, "Private_Dirty: %lf", &kib) == 1)
			sum += kib;
	}
	fclose(in);
	return sum;
}

struct echo {
	const struct gil_pages *pages;
	struct mp_queue *there, *back;
};

/* Parses a page, as a worker, tells its memory, then sends back what comes. */
static int
echo(struct mp_context *ctx, void *arg)
{
	static char bytes[PAGE_MAX];
	struct echo *e = arg;
	struct gil_worker w;
	double kib;
	size_t len;
	int r;

	(void)ctx;
	gil_worker_init(&w, NULL, 1, NULL);
	gil_worker_parse(&w, e->pages->page[0]);
	kib = private_kib();
	gil_worker_fini(&w);
	r = mp_queue_put(e->back, &kib, sizeof(kib), -1);
	while (r == 0) {
		r = mp_queue_get(e->there, bytes, sizeof(bytes), &len, -1);
		if (r == 0)
			r = mp_queue_put(e->back, bytes, len, -1);
	}
	return r != MP_ECLOSED;
}

static int
time_trips(struct echo *e, const char *what, size_t len, double *us)
{
	static double each[TRIPS];
	static char bytes[PAGE_MAX];
	size_t got;
	int r = 0;

	for (size_t i = 0; r == 0 && i < TRIPS; i++) {
		const int64_t start = demo_now_ns();

		r = mp_queue_put(e->there, what, len, -1);
		if (r == 0)
			r = mp_queue_get(e->back, bytes, sizeof(bytes), &got,
			    -1);
		each[i] = us_since(start) / 2;
	}
	if (r == 0)
		*us = demo_median(each, TRIPS);
	return r;
}

static int
cost_of_messages(struct mp_context *ctx, struct echo *e, struct gil_cost *out)
{
	const struct span page = e->pages->page[0];
	struct mp_process *p;
	size_t len;
	int r = mp_process_create(ctx, NULL, echo, e, &p);

	if (r == 0)
		r = mp_process_start(p);
	if (r == 0)
		r = mp_queue_get(e->back, &out->process_kib,
		    sizeof(out->process_kib), &len, -1);
	if (r == 0)
		r = time_trips(e, page.ptr, 64, &out->small_us);
	if (r == 0)
		r = time_trips(e, page.ptr, page.len, &out->page_us);
	mp_queue_shut(e->there); /* so that it ends */
	return r;
}

int
gil_cost(const struct gil_pages *pages, struct gil_cost *out)
{
	struct echo e = { .pages = pages };
	struct mp_context *ctx;
	int r = mp_context_open(NULL, NULL, &ctx);

	if (r < 0)
		return r;
	r = time_starts(start_thread, ctx, &out->thread_us);
	if (r == 0)
		r = time_starts(start_fork, ctx, &out->fork_us);
	if (r == 0)
		r = time_starts(start_process, ctx, &out->process_us);
	if (r == 0)
		r = mp_queue_open(ctx, NULL, NULL, &e.there);
	if (r == 0)
		r = mp_queue_open(ctx, NULL, NULL, &e.back);
	if (r == 0)
		r = cost_of_messages(ctx, &e, out);
	mp_queue_close(e.back);
	mp_queue_close(e.there);
	mp_context_close(ctx);
	return r;
}
