#include "cmd/demo/gil/gil_convoy.h"

#include "cmd/demo/demo.h"

struct computing {
	struct gil gil;
	const struct gil_pages *pages;
	atomic_bool enough;
};

static void *
compute(void *arg)
{
	struct computing *c = arg;
	struct gil_worker w;

	gil_worker_init(&w, &c->gil, 1, NULL);
	gil_worker_take(&w);
	for (size_t i = 0; !c->enough; i++)
		gil_worker_parse(&w, c->pages->page[i % c->pages->n]);
	gil_worker_drop(&w, GIL_STATE_END);
	gil_worker_fini(&w);
	return NULL;
}

static void
request(struct gil_worker *w, struct gil_convoy *out)
{
	int64_t arrived;

	gil_worker_drop(w, GIL_STATE_IO);
	demo_wait_ms(1);
	arrived = demo_now_ns();
	gil_worker_take(w);
	out->ms[out->n++] = (double)(demo_now_ns() - arrived) / 1e6;
}

int
gil_convoy(const struct gil_pages *pages, long interval_us, size_t requests,
    int limit_ms, struct gil_convoy *out)
{
	const int64_t end = demo_now_ns() + (int64_t)limit_ms * 1000000;
	struct computing c = { .pages = pages };
	struct gil_worker w;
	pthread_t thread;
	int r;

	*out = (struct gil_convoy){ .interval_us = interval_us };
	if (requests > GIL_REQUESTS_MAX)
		requests = GIL_REQUESTS_MAX;
	r = gil_init(&c.gil, interval_us);
	if (r < 0)
		return r;
	r = -pthread_create(&thread, NULL, compute, &c);
	if (r == 0) {
		gil_worker_init(&w, &c.gil, 2, NULL);
		gil_worker_take(&w);
		do
			request(&w, out);
		while (out->n < requests && demo_now_ns() < end);
		c.enough = true;
		gil_worker_drop(&w, GIL_STATE_END);
		pthread_join(thread, NULL);
		gil_worker_fini(&w);
		out->median_ms = demo_median(out->ms, out->n);
	}
	gil_fini(&c.gil);
	return r;
}
