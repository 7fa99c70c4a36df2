#include "cmd/demo/ways.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cmd/demo/demo.h"
#include "ipc/mp/process.h"

/* Threads share it because they share everything; processes because it is in
 * memory that was made to be shared. */
struct crew {
	const struct ways_job *job;
	atomic_uint next;
	atomic_ullong sum;
	int start[2]; /* closed: off we go */
};

static void *
work(void *arg)
{
	struct crew *crew = arg;

	for (unsigned i; (i = crew->next++) < crew->job->items;)
		crew->sum += crew->job->task(crew->job->arg, i);
	return NULL;
}

static struct ways_done
done_since(const struct crew *crew, int64_t start)
{
	return (struct ways_done){ .sum = crew->sum,
		.ms = (double)(demo_now_ns() - start) / 1e6 };
}

int
ways_sequence(const struct ways_job *job, struct ways_done *out)
{
	struct crew crew = { .job = job };
	const int64_t start = demo_now_ns();

	work(&crew);
	*out = done_since(&crew, start);
	return 0;
}

int
ways_threads(const struct ways_job *job, unsigned n, struct ways_done *out)
{
	struct crew crew = { .job = job };
	pthread_t threads[WAYS_THREADS_MAX];
	const int64_t start = demo_now_ns();
	unsigned made = 0;
	int r = 0;

	for (; r == 0 && made < n && made < WAYS_THREADS_MAX; made += r == 0)
		r = -pthread_create(&threads[made], NULL, work, &crew);
	for (unsigned i = 0; i < made; i++)
		pthread_join(threads[i], NULL);
	*out = done_since(&crew, start);
	return r;
}

static int
process(struct mp_context *ctx, void *arg)
{
	struct crew *crew = arg;
	char end;

	(void)ctx;
	close(crew->start[1]);
	if (read(crew->start[0], &end, 1) == 0)
		work(crew);
	return 0;
}

int
ways_processes(const struct ways_job *job, unsigned n, struct ways_done *out)
{
	struct mp_process *all[WAYS_THREADS_MAX];
	struct mp_context *ctx;
	struct crew *crew = mmap(NULL, sizeof(*crew), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned made = 0;
	int64_t start;
	int r;

	if (crew == MAP_FAILED)
		return -errno;
	*crew = (struct crew){ .job = job };
	r = pipe(crew->start) < 0 ? -errno : mp_context_open(NULL, NULL, &ctx);
	if (r < 0)
		goto unmap;
	while (r == 0 && made < n && made < WAYS_THREADS_MAX) {
		r = mp_process_create(ctx, NULL, process, crew, &all[made]);
		if (r == 0)
			r = mp_process_start(all[made++]);
	}
	start = demo_now_ns();
	close(crew->start[0]);
	close(crew->start[1]);
	for (unsigned i = 0; i < made; i++) {
		if (r == 0)
			r = mp_process_join(all[i], -1);
	}
	*out = done_since(crew, start);
	mp_context_close(ctx);
unmap:
	munmap(crew, sizeof(*crew));
	return r;
}

uint64_t
ways_sum(const void *arg, unsigned i)
{
	uint64_t x = i + 1;

	(void)arg;
	for (long n = 0; n < 10000000; n++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
	}
	return x;
}
