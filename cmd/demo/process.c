#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "cmd/demo/demo.h"
#include "cmd/demo/pair.h"
#include "ipc/mp/queue.h"

enum {
	TASKS = 100
};

/* clang-format off */
static const char about[] =
"A parent starts children: what do they share, what do they leave behind, how does\n"
"a message get from one to another?  Then small tasks are done by a process for\n"
"each, and by one process for all of them.\n";

static const char answer[] =
"\nAnswer: a process is a program with memory of its own.  A child begins with a copy\n"
"of its parent's; what both are to see must be in memory that was made to be shared,\n"
"or be sent.  The kernel keeps how it ended until its parent asks.  To start one\n"
"costs far more than to send it work: so pools keep theirs.\n";
/* clang-format on */

static int plain = 7;      /* each process has its own, after the fork */
static atomic_int *shared; /* one for all */

static int
child(struct mp_context *ctx, void *arg)
{
	(void)arg;
	plain = 8;
	*shared = 8;
	printf("  child %d of %d, %s: sets plain = %d, shared = %d\n", getpid(),
	    mp_parent_process(ctx), mp_current_process(ctx), plain, *shared);
	return 3;
}

static int
is_killed(struct mp_context *ctx, void *arg)
{
	(void)ctx, (void)arg;
	return kill(getpid(), SIGKILL);
}

static int
family(struct mp_context *ctx)
{
	int codes[2] = { 0, 0 }, r;

	demo_heading("Parent and children");
	*shared = 7;
	printf("  parent %d: plain = 7, shared = 7\n", getpid());
	r = pair_run(ctx, child, is_killed, NULL, codes);
	printf("  parent %d: plain = %d, shared = %d\n\n", getpid(), plain,
	    *shared);
	demo_claim(plain == 7 && *shared == 8,
	    "the parent's own variable is still 7, the shared one is 8");
	demo_claim(codes[0] == 3, "the first child returned 3: exit code %d",
	    codes[0]);
	demo_claim(codes[1] == -SIGKILL,
	    "the second was killed by signal 9: exit code %d", codes[1]);
	return r;
}

static struct mp_queue *queue;

static int
do_one(struct mp_context *ctx, void *arg)
{
	(void)ctx, (void)arg;
	++*shared;
	return 0;
}

/* One for each message, until there are no more and never will be. */
static int
do_all(struct mp_context *ctx, void *arg)
{
	char task[8];
	size_t len;

	while (mp_queue_get(queue, task, sizeof(task), &len, -1) == 0)
		do_one(ctx, arg);
	return 0;
}

static int
tasks(struct mp_context *ctx)
{
	int codes[2], r = mp_queue_open(ctx, NULL, NULL, &queue);
	int64_t start = demo_now_ns();
	double each, all;

	*shared = 0;
	for (int i = 0; r == 0 && i < TASKS; i++)
		r = pair_run(ctx, do_one, NULL, NULL, codes);
	each = (double)(demo_now_ns() - start) / 1e3 / TASKS;
	start = demo_now_ns();
	for (int i = 0; r == 0 && i < TASKS; i++)
		r = mp_queue_put(queue, "a task", 7, -1);
	if (r == 0)
		r = mp_queue_shut(queue); /* no more will come */
	if (r == 0)
		r = pair_run(ctx, do_all, NULL, NULL, codes);
	all = (double)(demo_now_ns() - start) / 1e3 / TASKS;
	mp_queue_close(queue);
	demo_heading("A process for a task, or a message for a task");
	printf("  A message is copied into memory that both share, and out of "
	       "it again; the kernel\n  is asked only when somebody has to be "
	       "woken.\n\n"
	       "  a process for each task  %8.1f us\n"
	       "  one process for all      %8.1f us a task, with its start\n\n",
	    each, all);
	demo_claim(*shared == 2 * TASKS, "%d tasks were done in each way",
	    TASKS);
	demo_measured(all < each, "to re-use one is %.0f x as fast",
	    each / all);
	return r;
}

static int
run(void)
{
	int r;

	shared = pair_memory(sizeof(*shared));
	if (shared == NULL)
		return -ENOMEM;
	r = pair_steps((demo_step *[]){ family, tasks, NULL });
	pair_memory_free(shared, sizeof(*shared));
	return r;
}

const struct demo demo_process = {
	.name = "process",
	.question = "What is a process, and what does one cost?",
	.about = about,
	.answer = answer,
	.run = run,
};
