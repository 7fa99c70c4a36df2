#include <string.h>

#include "cmd/demo/demo.h"
#include "ipc/mp/executor.h"

enum {
	TASKS = 6,
	UNIT_MS = 30
};

/* clang-format off */
static const char about[] =
"Six tasks go to a pool of three processes; each waits as many times 30 ms as is\n"
"said, and answers with its number.  By map; by submit, the results read in the\n"
"order of submission; and by submit, read as they are completed.\n";

static const char answer[] =
"\nAnswer: as you like.  map, and futures read one after another, keep the order of the\n"
"questions, whoever is done first: one that is slow keeps all behind it waiting.\n"
"as_completed gives what is done; which question it answers is for you to know.\n";
/* clang-format on */

struct task {
	int number;
	int units; /* how long it takes */
};

/* The first to be submitted is the last to end. */
static const struct task tasks[TASKS] = { { 0, 9 }, { 1, 1 }, { 2, 3 },
	{ 3, 1 }, { 4, 2 }, { 5, 1 } };

static int
work(const void *args, size_t len, struct mp_reply *reply)
{
	const struct task *task = args;

	if (len != sizeof(*task))
		return MP_EINVAL;
	demo_wait_ms(task->units * UNIT_MS);
	return mp_reply_write(reply, &task->number, sizeof(task->number));
}

static const struct mp_task_function functions[] = { { "work", work },
	{ NULL } };

/* The answers, as they came: "0 1 2 ". */
static char answers[64];

static void
take(struct mp_bytes reply, int64_t start)
{
	const int number = *(const int *)reply.data;
	const size_t len = strlen(answers);

	printf("  %4lld ms  task %d\n",
	    (long long)((demo_now_ns() - start) / 1000000), number);
	snprintf(answers + len, sizeof(answers) - len, "%d ", number);
}

static int
by_map(struct mp_executor *ex)
{
	struct mp_bytes items[TASKS], reply;
	const int64_t start = demo_now_ns();
	struct mp_imap *it = NULL;
	int r;

	answers[0] = '\0';
	demo_heading("map");
	for (int i = 0; i < TASKS; i++)
		items[i] = (struct mp_bytes){ &tasks[i], sizeof(tasks[i]) };
	r = mp_executor_map(ex, work, items, TASKS, 1, &it);
	while (r >= 0 && (r = mp_imap_next(it, -1, &reply, NULL)) == 1)
		take(reply, start);
	demo_claim(strcmp(answers, "0 1 2 3 4 5 ") == 0,
	    "the results are in order: %s", answers);
	mp_imap_free(it);
	return r < 0 ? r : 0;
}

/* Read one after another, or as they get done. */
static int
by_submit(struct mp_executor *ex, bool as_completed)
{
	struct mp_future *futures[TASKS] = { NULL }, *f;
	struct mp_as_completed *it = NULL;
	struct mp_bytes reply;
	const int64_t start = demo_now_ns();
	int r = 0;

	answers[0] = '\0';
	demo_heading(as_completed ? "submit, and as_completed"
				  : "submit, and one result after another");
	for (int i = 0; r == 0 && i < TASKS; i++)
		r = mp_executor_submit(ex, work, &tasks[i], sizeof(tasks[i]),
		    &futures[i]);
	if (r == 0 && as_completed)
		r = mp_as_completed_new(futures, TASKS, &it);
	for (int i = 0; r >= 0 && i < TASKS; i++) {
		f = futures[i];
		if (as_completed)
			r = mp_as_completed_next(it, -1, &f);
		if (r >= 0)
			r = mp_future_result(f, -1, &reply);
		if (r >= 0)
			take(reply, start);
	}
	mp_as_completed_free(it);
	for (int i = 0; i < TASKS; i++)
		mp_future_free(futures[i]);
	if (as_completed)
		demo_measured(strcmp(answers + 10, "0 ") == 0,
		    "task 0 was submitted first, and takes longest: it is "
		    "last");
	else
		demo_claim(strcmp(answers, "0 1 2 3 4 5 ") == 0,
		    "the results are in order of submission: %s", answers);
	return r < 0 ? r : 0;
}

static int
three_ways(struct mp_context *ctx)
{
	const struct mp_pool_attr attr = { .processes = 3 };
	struct mp_executor *ex;
	int r = mp_executor_create(ctx, &attr, functions, &ex);

	if (r < 0)
		return r;
	r = by_map(ex);
	if (r == 0)
		r = by_submit(ex, false);
	if (r == 0)
		r = by_submit(ex, true);
	mp_executor_free(ex);
	return r;
}

const struct demo demo_pool = {
	.name = "pool",
	.question = "In which order do the results of a pool come?",
	.about = about,
	.answer = answer,
	.steps = (demo_step *[]){ three_ways, NULL },
};
