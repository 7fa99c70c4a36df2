#include "ipc/mp/executor.h"
#include "tests/ipc/mp_fixture.h"

enum {
	MANY = 300
};

/* Seen by all processes of a test: a worker that takes number i waits until
 * go[i]. */
struct board {
	_Atomic int begun, go[8];
};

static struct board *board;

static int
take_number(const void *args, size_t len, int *out)
{
	if (len != sizeof(*out))
		return -EBADMSG;
	memcpy(out, args, sizeof(*out));
	return 0;
}

static int
doubled(const void *args, size_t len, struct mp_reply *reply)
{
	int x = 0, r = take_number(args, len, &x);

	x *= 2;
	return r < 0 ? r : mp_reply_write(reply, &x, sizeof(x));
}

static int
when_told(const void *args, size_t len, struct mp_reply *reply)
{
	int x = 0, r = take_number(args, len, &x);

	if (r < 0)
		return r;
	board->begun++;
	AWAIT(board->go[x]);
	return mp_reply_write(reply, &x, sizeof(x));
}

static int
refuse(const void *args, size_t len, struct mp_reply *reply)
{
	(void)args;
	(void)len;
	return mp_reply_write(reply, "why", 3) == 0 ? -EDOM : -EIO;
}

/* The first so many who take it die of it. */
static int
kill_some(const void *args, size_t len, struct mp_reply *reply)
{
	int n = 0, r = take_number(args, len, &n);

	if ((int)mp_reply_attempt(reply) <= n)
		raise(mp_reply_attempt(reply) == 1 ? SIGKILL : SIGTERM);
	return r;
}

static const struct mp_task_function functions[] = { { "doubled", doubled },
	{ "when_told", when_told }, { "refuse", refuse },
	{ "kill_some", kill_some }, { NULL, NULL } };

static struct mp_executor *
executor_new(struct mp_context *ctx, unsigned processes)
{
	const struct mp_pool_attr attr = { .processes = processes };
	struct mp_executor *ex = NULL;

	board = shared_new(sizeof(*board));
	ck_assert_int_eq(mp_executor_create(ctx, &attr, functions, &ex), 0);
	return ex;
}

static struct mp_future *
submit(struct mp_executor *ex, mp_task *fn, int x)
{
	struct mp_future *f = NULL;

	ck_assert_int_eq(mp_executor_submit(ex, fn, &x, sizeof(x), &f), 0);
	return f;
}

static int
number_of(struct mp_future *f)
{
	struct mp_bytes out = { 0 };
	int x = 0;

	ck_assert_int_eq(mp_future_result(f, -1, &out), 0);
	ck_assert_int_eq(take_number(out.data, out.len, &x), 0);
	return x;
}

static void
free_all(struct mp_future **f, size_t n)
{
	for (size_t i = 0; i < n; i++)
		mp_future_free(f[i]);
}

static void
finish(struct mp_context *ctx, struct mp_executor *ex)
{
	char why[128] = "";

	mp_executor_free(ex);
	mp_context_tend(ctx);
	ck_assert_msg(conveyor_check(ctx->cv, why, sizeof(why)) == 0, "%s",
	    why);
	mp_context_close(ctx);
}

START_TEST(a_future_has_its_result_or_its_error)
{
	struct mp_context *ctx = context_new();
	struct mp_executor *ex = executor_new(ctx, 2);
	struct mp_future *f[2] = { submit(ex, doubled, 21),
		submit(ex, refuse, 0) };
	struct mp_bytes out;
	int error = 1;

	ck_assert_int_eq(number_of(f[0]), 42);
	ck_assert_int_eq(mp_future_error(f[0], 0, &error), 0);
	ck_assert_int_eq(error, 0);
	ck_assert(mp_future_done(f[0]));
	ck_assert(!mp_future_running(f[0]));
	ck_assert_uint_eq(mp_future_attempts(f[0]), 1);
	ck_assert_int_eq(mp_future_last_signal(f[0]), 0);
	ck_assert_int_eq(mp_future_result(f[1], -1, &out), -EDOM);
	ck_assert_int_eq(mp_future_error(f[1], -1, &error), 0);
	ck_assert_int_eq(error, -EDOM);
	free_all(f, 2);
	mp_future_free(NULL);
	finish(ctx, ex);
}
END_TEST

START_TEST(what_no_worker_has_begun_can_be_cancelled)
{
	struct mp_context *ctx = context_new();
	struct mp_executor *ex = executor_new(ctx, 1);
	struct mp_future *running = submit(ex, when_told, 0);
	struct mp_future *waiting[MANY], *last;
	int error;

	AWAIT(board->begun == 1);
	ck_assert(mp_future_running(running));
	ck_assert(!mp_future_done(running));
	ck_assert(!mp_future_cancel(running));
	for (int i = 0; i < MANY; i++)
		waiting[i] = submit(ex, when_told, 1);
	last = submit(ex, doubled, 2);
	for (int i = 0; i < MANY; i++) {
		ck_assert(!mp_future_running(waiting[i]));
		ck_assert(mp_future_cancel(waiting[i]));
		ck_assert(mp_future_cancel(waiting[i])); /* as in Python */
		ck_assert(mp_future_cancelled(waiting[i]));
		ck_assert(mp_future_done(waiting[i]));
		ck_assert_int_eq(mp_future_result(waiting[i], 0, NULL),
		    MP_ECANCELLED);
		ck_assert_int_eq(mp_future_error(waiting[i], 0, &error),
		    MP_ECANCELLED);
	}
	ck_assert_int_eq(mp_future_result(running, 1, NULL), MP_ETIMEDOUT);
	board->go[0] = 1;
	ck_assert_int_eq(number_of(running), 0);
	ck_assert_int_eq(number_of(last), 4);
	ck_assert(!mp_future_cancel(last));
	/* None of them was begun. */
	ck_assert_int_eq(board->begun, 1);
	mp_future_free(running);
	mp_future_free(last);
	free_all(waiting, MANY);
	finish(ctx, ex);
}
END_TEST

START_TEST(as_completed_gives_each_once_in_order_of_finishing)
{
	const int order[] = { 2, 0, 3, 1 };
	struct mp_context *ctx = context_new();
	struct mp_executor *ex = executor_new(ctx, 4);
	struct mp_as_completed *it = NULL, *again = NULL;
	struct mp_future *f[4], *next = NULL;

	for (int i = 0; i < 4; i++)
		f[i] = submit(ex, when_told, i);
	ck_assert_int_eq(mp_as_completed_new(f, 4, &it), 0);
	ck_assert_int_eq(mp_as_completed_next(it, 1, &next), MP_ETIMEDOUT);
	for (int i = 0; i < 4; i++) {
		board->go[order[i]] = 1;
		ck_assert_int_eq(mp_as_completed_next(it, -1, &next), 1);
		ck_assert_ptr_eq(next, f[order[i]]);
		ck_assert_int_eq(number_of(next), order[i]);
	}
	ck_assert_int_eq(mp_as_completed_next(it, -1, &next), 0);
	/* Of those that are done already. */
	ck_assert_int_eq(mp_as_completed_new(f, 3, &again), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(mp_as_completed_next(again, 0, &next), 1);
	ck_assert_int_eq(mp_as_completed_next(again, 0, &next), 0);
	mp_as_completed_free(it);
	mp_as_completed_free(again);
	mp_as_completed_free(NULL);
	free_all(f, 4);
	finish(ctx, ex);
}
END_TEST

START_TEST(wait_ends_at_the_first_the_first_error_or_all)
{
	struct mp_context *ctx = context_new();
	struct mp_executor *ex = executor_new(ctx, 4);
	struct mp_future *f[3], *bad;

	for (int i = 0; i < 3; i++)
		f[i] = submit(ex, when_told, i);
	ck_assert_int_eq(mp_wait_futures(f, 3, MP_ALL_COMPLETED, 0), 0);
	board->go[1] = 1;
	ck_assert_int_eq(mp_wait_futures(f, 3, MP_FIRST_COMPLETED, -1), 1);
	ck_assert(mp_future_done(f[1]));
	ck_assert_int_eq(mp_wait_futures(f, 3, MP_ALL_COMPLETED, 5), 1);
	bad = submit(ex, refuse, 0);
	ck_assert_int_eq(mp_wait_futures((struct mp_future *[]){ f[0], bad,
					     f[2] },
			     3, MP_FIRST_EXCEPTION, -1),
	    1);
	ck_assert_int_eq(mp_wait_futures(f, 3, MP_FIRST_EXCEPTION, 5), 1);
	board->go[0] = board->go[2] = 1;
	ck_assert_int_eq(mp_wait_futures(f, 3, MP_ALL_COMPLETED, -1), 3);
	ck_assert_int_eq(mp_wait_futures(f, 0, MP_ALL_COMPLETED, -1), 0);
	free_all(f, 3);
	mp_future_free(bad);
	finish(ctx, ex);
}
END_TEST

struct note {
	struct mp_executor *ex;
	char order[8];
	size_t n;
	struct mp_future *more;
};

static void
note_a(struct mp_future *f, void *arg)
{
	struct note *note = arg;

	ck_assert(mp_future_done(f));
	note->order[note->n++] = 'a';
	if (note->more == NULL)
		note->more = submit(note->ex, doubled, 50);
}

static void
note_b(struct mp_future *f, void *arg)
{
	struct note *note = arg;

	(void)f;
	note->order[note->n++] = 'b';
}

START_TEST(callbacks_come_in_order_once_and_may_submit_more)
{
	struct mp_context *ctx = context_new();
	struct mp_executor *ex = executor_new(ctx, 1);
	struct note note = { .ex = ex };
	struct mp_future *f = submit(ex, when_told, 0),
			 *cancelled = submit(ex, when_told, 1);

	ck_assert_int_eq(mp_future_on_done(f, note_a, &note), 0);
	ck_assert_int_eq(mp_future_on_done(f, note_b, &note), 0);
	ck_assert_int_eq(mp_future_on_done(cancelled, note_b, &note), 0);
	ck_assert_uint_eq(note.n, 0);
	ck_assert(mp_future_cancel(cancelled));
	ck_assert_str_eq(note.order, "b");
	board->go[0] = 1;
	ck_assert_int_eq(number_of(f), 0);
	ck_assert_str_eq(note.order, "bab");
	ck_assert_int_eq(mp_future_on_done(f, note_b, &note), 0);
	ck_assert_str_eq(note.order, "babb");
	ck_assert_int_eq(number_of(note.more), 100);
	mp_future_free(f);
	mp_future_free(cancelled);
	mp_future_free(note.more);
	finish(ctx, ex);
}
END_TEST

START_TEST(a_killed_worker_costs_its_own_future_at_most)
{
	struct mp_context *ctx = context_new();
	struct mp_executor *ex = executor_new(ctx, 2);
	struct mp_future *once = submit(ex, kill_some, 1),
			 *always = submit(ex, kill_some, 100), *f[MANY];
	int error = 0;

	for (int i = 0; i < MANY; i++)
		f[i] = submit(ex, doubled, i);
	ck_assert_int_eq(mp_future_error(always, -1, &error), 0);
	ck_assert_int_eq(error, MP_EWORKERDIED);
	ck_assert_uint_eq(mp_future_attempts(always), 3);
	ck_assert_int_eq(mp_future_last_signal(always), SIGTERM);
	ck_assert_int_eq(mp_future_result(once, -1, NULL), 0);
	ck_assert_uint_eq(mp_future_attempts(once), 2);
	ck_assert_int_eq(mp_future_last_signal(once), SIGKILL);
	for (int i = 0; i < MANY; i++)
		ck_assert_int_eq(number_of(f[i]), 2 * i);
	ck_assert_uint_eq(mp_executor_processes(ex), 2);
	ck_assert_int_gt(mp_executor_pid(ex, 1), 0);
	ck_assert_int_eq(mp_executor_pid(ex, 2), 0);
	free_all(f, MANY);
	mp_future_free(once);
	mp_future_free(always);
	finish(ctx, ex);
}
END_TEST

START_TEST(map_gives_results_in_order)
{
	struct mp_context *ctx = context_new();
	struct mp_executor *ex = executor_new(ctx, 2);
	static int numbers[MANY];
	struct mp_bytes items[MANY], out;
	struct mp_imap *it = NULL;
	int x = 0;

	for (int i = 0; i < MANY; i++) {
		numbers[i] = i;
		items[i] = (struct mp_bytes){ &numbers[i], sizeof(int) };
	}
	ck_assert_int_eq(mp_executor_map(ex, doubled, items, MANY, 7, &it), 0);
	for (int i = 0; i < MANY; i++) {
		ck_assert_int_eq(mp_imap_next(it, -1, &out, NULL), 1);
		ck_assert_int_eq(take_number(out.data, out.len, &x), 0);
		ck_assert_int_eq(x, 2 * i);
	}
	ck_assert_int_eq(mp_imap_next(it, -1, &out, NULL), 0);
	mp_imap_free(it);
	finish(ctx, ex);
}
END_TEST

START_TEST(shutdown_does_what_there_is_or_cancels_it)
{
	struct mp_context *ctx = context_new();
	struct mp_executor *ex = executor_new(ctx, 1);
	struct mp_future *f[MANY], *running, *none = NULL;
	int x = 1;

	for (int i = 0; i < MANY; i++)
		f[i] = submit(ex, doubled, i);
	ck_assert_int_eq(mp_executor_shutdown(ex, true, false), 0);
	ck_assert_int_eq(mp_executor_submit(ex, doubled, &x, sizeof(x), &none),
	    MP_ECLOSED);
	ck_assert_int_eq(mp_executor_shutdown(ex, true, false), 0);
	for (int i = 0; i < MANY; i++)
		ck_assert_int_eq(number_of(f[i]), 2 * i);
	free_all(f, MANY);
	mp_executor_free(ex);

	ex = executor_new(ctx, 1);
	running = submit(ex, when_told, 0);
	for (int i = 0; i < MANY; i++)
		f[i] = submit(ex, doubled, i);
	AWAIT(board->begun == 1);
	ck_assert_int_eq(mp_executor_shutdown(ex, false, true), 0);
	for (int i = 0; i < MANY; i++)
		ck_assert(mp_future_cancelled(f[i]));
	ck_assert(!mp_future_done(running));
	board->go[0] = 1;
	ck_assert_int_eq(number_of(running), 0);
	free_all(f, MANY);
	mp_future_free(running);
	finish(ctx, ex);
}
END_TEST

START_TEST(futures_that_nobody_wants_are_not_missed)
{
	struct mp_context *ctx = context_new();
	struct mp_executor *ex = executor_new(ctx, 2);
	struct note note = { .ex = ex };
	struct mp_future *f;

	for (int i = 0; i < MANY; i++) {
		f = submit(ex, doubled, i);
		ck_assert_int_eq(mp_future_on_done(f, note_b, &note), 0);
		mp_future_free(f);
	}
	f = submit(ex, doubled, 3);
	ck_assert_int_eq(number_of(f), 6);
	mp_future_free(f);
	ck_assert_uint_eq(note.n, 0);
	finish(ctx, ex);
}
END_TEST

TEST_MAIN("mp_executor", a_future_has_its_result_or_its_error,
    what_no_worker_has_begun_can_be_cancelled,
    as_completed_gives_each_once_in_order_of_finishing,
    wait_ends_at_the_first_the_first_error_or_all,
    callbacks_come_in_order_once_and_may_submit_more,
    a_killed_worker_costs_its_own_future_at_most, map_gives_results_in_order,
    shutdown_does_what_there_is_or_cancels_it,
    futures_that_nobody_wants_are_not_missed)
