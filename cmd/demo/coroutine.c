#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cmd/demo/blog.h"
#include "cmd/demo/coro.h"
#include "cmd/demo/demo.h"
#include "cmd/demo/ways.h"

static long items = 12;

/* clang-format off */
static const struct demo_option options[] = {
	{ "--items", "N", "pages to fetch, and sums to do (12)", &items, 2, CORO_MAX },
	{ NULL },
};

static const char about[] =
"One thread, many functions under way: where one would wait for its socket, it\n"
"says so to epoll, and the thread goes on with another (swapcontext).  Pages are\n"
"fetched so, from a server here that takes 20 ms for each, and by threads and\n"
"processes; then sums are done in the same ways, where nothing is waited for.\n";

static const char answer[] =
"\nAnswer: waits overlap, computing does not.  A coroutine costs a stack, and a switch\n"
"that no kernel knows of, so thousands can wait in one thread; but it is one thread,\n"
"on one core.  That is Python's asyncio, and why a GIL is in nobody's way there.\n";
/* clang-format on */

struct turns {
	const struct ways_job *job;
	uint64_t sum;
};

/* As blog_fetch(), but where that waits the thread does something else. */
static void
fetch(void *arg, unsigned i)
{
	struct turns *turns = arg;
	const int fd = blog_connect(turns->job->arg, 0);
	struct buf received;
	char path[32], *room;
	ssize_t got = 1;

	buf_init(&received, 2 * BLOG_PAGE_MAX);
	snprintf(path, sizeof(path), "/?page=%u", i + 1);
	must(fd >= 0 && blog_ask(fd, path) == 0);
	while (got != 0 && (room = buf_room(&received, 4096)) != NULL) {
		got = recv(fd, room, 4096, MSG_DONTWAIT);
		if (got > 0)
			received.len += (size_t)got;
		else if (got < 0 && errno == EAGAIN)
			coro_wait_readable(fd);
		else
			break;
	}
	turns->sum += blog_body(buf_span(&received)).len;
	buf_fini(&received);
	close(fd);
}

static void
compute(void *arg, unsigned i)
{
	struct turns *turns = arg;

	turns->sum += turns->job->task(turns->job->arg, i);
}

/* The four ways; done[1] is that of coroutines. */
static int
compare(const struct ways_job *job, void (*fn)(void *arg, unsigned i),
    struct ways_done done[4], struct coro_count *count)
{
	/* clang-format off */
	static const char *const names[] = { "one after another",
		"coroutines, one thread", "threads", "processes" };
	/* clang-format on */
	struct turns turns = { .job = job };
	int r = ways_sequence(job, &done[0]);
	int64_t start = demo_now_ns();

	if (r == 0)
		r = coro_run(fn, &turns, job->items, count);
	done[1] = (struct ways_done){ turns.sum,
		(double)(demo_now_ns() - start) / 1e6 };
	if (r == 0)
		r = ways_threads(job, job->items, &done[2]);
	if (r == 0)
		r = ways_processes(job, job->items, &done[3]);
	for (int i = 0; r == 0 && i < 4; i++)
		printf("  %-24s %8.1f ms  %5.1f x\n", names[i], done[i].ms,
		    done[0].ms / done[i].ms);
	demo_claim(r == 0 && done[0].sum == done[1].sum &&
		       done[0].sum == done[2].sum && done[0].sum == done[3].sum,
	    "all four came to the same result");
	return r;
}

static int
run(void)
{
	struct blog blog;
	struct ways_done done[4];
	struct coro_count count;
	int r = blog_open(20, &blog);

	if (r < 0)
		return r;
	demo_heading("Waiting: %ld pages, 20 ms each", items);
	r = compare(&(struct ways_job){ blog_task, &blog, (unsigned)items },
	    fetch, done, &count);
	blog_close(&blog);
	demo_measured(count.most_waiting > 1,
	    "%u waits were under way at once, in one thread, which changed "
	    "%u times",
	    count.most_waiting, count.switches);
	demo_measured(done[1].ms < done[0].ms / 2,
	    "coroutines: waits overlap, %.1f x", done[0].ms / done[1].ms);
	if (r < 0)
		return r;
	demo_heading("Computing: %ld sums", items);
	r = compare(&(struct ways_job){ ways_sum, NULL, (unsigned)items },
	    compute, done, &count);
	demo_claim(count.switches == 0,
	    "who computes waits for nothing, so nobody else had a turn");
	demo_measured(done[1].ms > 0.8 * done[0].ms &&
			  done[2].ms < 0.7 * done[0].ms,
	    "coroutines: computing does not overlap, %.1f x; threads: %.1f x",
	    done[0].ms / done[1].ms, done[0].ms / done[2].ms);
	return r;
}

const struct demo demo_coroutine = {
	.name = "coroutine",
	.question = "Can one thread do what many do?",
	.about = about,
	.answer = answer,
	.options = options,
	.run = run,
};
