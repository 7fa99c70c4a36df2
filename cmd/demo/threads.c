#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cmd/demo/blog.h"
#include "cmd/demo/demo.h"
#include "cmd/demo/ways.h"

static long pages = 12;

/* clang-format off */
static const struct demo_option options[] = {
	{ "--pages", "N", "to fetch (12)", &pages, 1, WAYS_THREADS_MAX },
	{ NULL },
};

static const char about[] =
"A server here takes 20 ms for each page.  Pages are fetched one after another, by a\n"
"thread each, by a pool of 4 processes.  Then: join, and what an exit does to threads.\n";

static const char answer[] =
"\nAnswer: threads and processes both make waits overlap.  Threads are lighter and\n"
"share everything, so they end with their process, whatever they were at; a pool's\n"
"processes have an end of their own.  Who wants a thread's work done joins it.\n";
/* clang-format on */

static int
three_ways(void)
{
	struct blog blog;
	struct ways_done one, threads, pool;
	const struct ways_job job = { blog_task, &blog, (unsigned)pages };
	int r = blog_open(20, &blog);

	if (r < 0)
		return r;
	if ((r = ways_sequence(&job, &one)) == 0 &&
	    (r = ways_threads(&job, job.items, &threads)) == 0)
		r = ways_processes(&job, 4, &pool);
	blog_close(&blog);
	if (r < 0)
		return r;
	demo_heading("%ld pages, 20 ms each", pages);
	printf("  one after another             %8.1f ms\n"
	       "  one thread each, %3ld threads  %8.1f ms\n"
	       "  a pool of 4 processes         %8.1f ms\n\n",
	    one.ms, pages, threads.ms, pool.ms);
	demo_claim(one.sum > 0 && one.sum == threads.sum && one.sum == pool.sum,
	    "all three fetched the same %llu bytes",
	    (unsigned long long)one.sum);
	demo_measured(threads.ms < one.ms && pool.ms < one.ms,
	    "threads and processes wait for all at once, so both are faster");
	return 0;
}

/* A thread that does something only when we let it. */
static void *
echo(void *fd)
{
	char byte;

	if (recv(*(int *)fd, &byte, 1, 0) != 1 ||
	    send(*(int *)fd, &byte, 1, MSG_NOSIGNAL) != 1)
		return NULL;
	return fd;
}

static void
join_waits(void)
{
	struct timespec now;
	pthread_t thread;
	int ends[2], early;
	void *result = NULL;

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 &&
	     pthread_create(&thread, NULL, echo, &ends[1]) == 0);
	clock_gettime(CLOCK_REALTIME, &now);
	early = pthread_timedjoin_np(thread, NULL, &now);
	must(send(ends[0], "!", 1, 0) == 1);
	pthread_join(thread, &result);
	close(ends[0]), close(ends[1]);
	demo_heading("join: a thread waits for a byte that nobody has sent");
	demo_claim(early == ETIMEDOUT,
	    "joined with a timeout: \"%s\", and the thread is still there",
	    strerror(early));
	demo_claim(result == &ends[1],
	    "the byte is sent; joined without one, which waits as long as it "
	    "takes: it ended by itself");
	printf(
	    "  A join without one waits for its end, for ever if it has none."
	    "\n");
}

/* Does the echo of a child's thread come, when the child joins the thread, or
 * exits without? */
static bool
comes(bool joins)
{
	int ends[2];
	char byte = 0;
	pid_t pid;

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 &&
	     (pid = fork()) >= 0);
	if (pid == 0) {
		pthread_t thread;

		must(pthread_create(&thread, NULL, echo, &ends[1]) == 0);
		_exit(joins ? pthread_join(thread, NULL) : 0);
	}
	close(ends[1]);
	if (!joins) /* it has ended before the byte is sent */
		waitpid(pid, NULL, 0);
	send(ends[0], "!", 1, MSG_NOSIGNAL);
	recv(ends[0], &byte, 1, 0);
	if (joins)
		waitpid(pid, NULL, 0);
	close(ends[0]);
	return byte == '!';
}

static int
run(void)
{
	int r = three_ways();

	if (r < 0)
		return r;
	join_waits();
	demo_heading("When the process ends");
	demo_claim(comes(true),
	    "it joined its thread first: that did its work");
	demo_claim(!comes(false),
	    "it exits at once: the thread is gone, half way, nobody is told");
	return 0;
}

const struct demo demo_threads = {
	.name = "threads",
	.question = "Do threads fetch faster, and what becomes of them?",
	.about = about,
	.answer = answer,
	.options = options,
	.run = run,
};
