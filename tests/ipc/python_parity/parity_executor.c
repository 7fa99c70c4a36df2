#include <stdio.h>

#include "ipc/mp/executor.h"
#include "tests/ipc/python_parity/tasks.h"

static struct mp_executor *ex;
static struct mp_future *futures[16];

TASK(wait_and_refuse)
{
	flag_up(BEGUN, 1);
	flag_wait(FLAG_A + (int)argument(args, len), 1);
	return MP_EINVAL;
}

static const struct mp_task_function functions[] = {
	{ "square", square },
	{ "refuse_3", refuse_3 },
	{ "wait_for", wait_for },
	{ "wait_and_refuse", wait_and_refuse },
	{ "count_up", count_up },
	{ "pid", pid },
	{ NULL, NULL },
};

static void
executor_new(struct mp_context *ctx, unsigned processes)
{
	struct mp_pool_attr attr = { .processes = processes };

	must(mp_executor_create(ctx, &attr, functions, &ex));
}

static int
submitted(mp_task *fn, int64_t n, struct mp_future **out)
{
	return mp_executor_submit(ex, fn, &n, sizeof(n), out);
}

static struct mp_future *
submit(mp_task *fn, int64_t n)
{
	struct mp_future *future;

	must(submitted(fn, n, &future));
	return future;
}

/* Squares of 0 ... n - 1, from futures[first] on. */
static void
submit_squares(int first, int n)
{
	for (int i = 0; i < n; i++)
		futures[first + i] = submit(square, i);
}

static const char *
result(struct mp_future *future, int timeout_ms)
{
	static char text[4][32];
	static int next;
	char *at = text[next++ % 4];
	struct mp_bytes out;
	int r = mp_future_result(future, timeout_ms, &out);

	if (r < 0)
		return word(r);
	snprintf(at, sizeof(text[0]), "%lld", (long long)said(out));
	return at;
}

static void
say_results(int n)
{
	items();
	for (int i = 0; i < n; i++)
		item("%s", result(futures[i], PATIENCE_MS));
}

static int
index_of(const struct mp_future *future)
{
	int i = 0;

	while (futures[i] != future)
		i++;
	return i;
}

/* n tasks, each behind a flag; all of them have begun. */
static void
staged(struct mp_context *ctx, unsigned n)
{
	executor_new(ctx, n);
	for (unsigned i = 0; i < n; i++)
		futures[i] = submit(wait_for, i);
	flag_wait(BEGUN, (int)n);
}

/* One worker that waits for FLAG_A, and five squares behind that. */
static void
one_and_five(struct mp_context *ctx)
{
	executor_new(ctx, 1);
	futures[0] = submit(wait_for, 0);
	submit_squares(1, 5);
	flag_wait(BEGUN, 1);
}

static struct mp_imap *
map(mp_task *fn, size_t n, size_t chunksize)
{
	struct mp_imap *it;

	must(mp_executor_map(ex, fn, range(n), n, chunksize, &it));
	return it;
}

static struct mp_as_completed *
as_completed(size_t n)
{
	struct mp_as_completed *it;

	must(mp_as_completed_new(futures, n, &it));
	return it;
}

/* Which of the futures is done next, or what is wrong. */
static const char *
next_done(struct mp_as_completed *it, int timeout_ms)
{
	static char text[16];
	struct mp_future *future;
	int r = mp_as_completed_next(it, timeout_ms, &future);

	if (r <= 0)
		return r == 0 ? "none" : word(r);
	snprintf(text, sizeof(text), "%d", index_of(future));
	return text;
}

/* How many of n are done, and are not. */
static void
wait_for_futures(int n, enum mp_wait_for what, int timeout_ms, int out[2])
{
	out[0] = must(mp_wait_futures(futures, (size_t)n, what, timeout_ms));
	out[1] = n - out[0];
}

static void
say_done(int n)
{
	items();
	for (int i = 0; i < n; i++)
		if (mp_future_done(futures[i]))
			item("%d", i);
}

SCENARIO(submit_gives_what_the_function_gave)
{
	executor_new(ctx, 1);
	say("%s", result(submit(square, 7), -1));
}

SCENARIO(results_in_order_of_submission)
{
	executor_new(ctx, 3);
	submit_squares(0, 10);
	say_results(10);
}

SCENARIO(map_is_in_order)
{
	executor_new(ctx, 3);
	say_next(map(square, 10, 1), 10);
}

SCENARIO(map_by_chunks_is_in_order)
{
	executor_new(ctx, 2);
	say_next(map(square, 10, 4), 10);
}

SCENARIO(map_of_nothing)
{
	struct mp_bytes out;

	executor_new(ctx, 2);
	must_be(mp_imap_next(map(square, 0, 1), 0, &out, NULL) == 0, "none");
	say("-");
}

SCENARIO(map_gives_up_after_its_timeout)
{
	executor_new(ctx, 1);
	say("%s", next_of(map(wait_for, 1, 1), SHORT_MS));
	flag_up(FLAG_A, 1);
}

SCENARIO(map_gives_what_came_before_an_error)
{
	executor_new(ctx, 2);
	say_next(map(refuse_3, 6, 1), 4);
}

SCENARIO(as_completed_is_in_order_of_finishing)
{
	static const int order[] = { 2, 0, 1 };
	struct mp_as_completed *it;

	staged(ctx, 3);
	it = as_completed(3);
	items();
	for (int i = 0; i < 3; i++) {
		flag_up(FLAG_A + order[i], 1);
		item("%s", next_done(it, PATIENCE_MS));
	}
	must_be(strcmp(next_done(it, 0), "none") == 0, "no more");
	say("0");
}

static int
by_value(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

/* What an iterator gives until its end, as results in order of size. */
static void
say_all_done(struct mp_as_completed *it)
{
	struct mp_future *future;
	int all[16], n = 0;

	while (must(mp_as_completed_next(it, PATIENCE_MS, &future)) == 1)
		all[n++] = atoi(result(future, 0));
	qsort(all, (size_t)n, sizeof(all[0]), by_value);
	items();
	for (int i = 0; i < n; i++)
		item("%d", all[i]);
}

SCENARIO(as_completed_has_all_of_them_once)
{
	executor_new(ctx, 3);
	submit_squares(0, 12);
	say_all_done(as_completed(12));
}

SCENARIO(as_completed_of_those_that_are_done)
{
	executor_new(ctx, 1);
	submit_squares(0, 4);
	must(mp_wait_futures(futures, 4, MP_ALL_COMPLETED, -1));
	say_all_done(as_completed(4));
}

SCENARIO(as_completed_gives_up_after_its_timeout)
{
	struct mp_as_completed *it;

	staged(ctx, 2);
	flag_up(FLAG_A + 1, 1);
	result(futures[1], -1);
	it = as_completed(2);
	items();
	item("%s", next_done(it, SHORT_MS));
	item("%s", next_done(it, SHORT_MS));
	flag_up(FLAG_A, 1);
}

SCENARIO(wait_for_the_first)
{
	int n[2];

	staged(ctx, 3);
	flag_up(FLAG_A + 1, 1);
	wait_for_futures(3, MP_FIRST_COMPLETED, -1, n);
	say_done(3);
	say("%d", n[1]);
	flag_up(FLAG_A, 1);
	flag_up(FLAG_A + 2, 1);
}

SCENARIO(wait_for_all)
{
	int n[2];

	staged(ctx, 2);
	flag_up(FLAG_A + 1, 1);
	result(futures[1], -1);
	wait_for_futures(2, MP_ALL_COMPLETED, SHORT_MS, n);
	say("%d,%d", n[0], n[1]);
	flag_up(FLAG_A, 1);
	wait_for_futures(2, MP_ALL_COMPLETED, -1, n);
	say("%d", n[0]);
	say("%d", n[1]);
}

SCENARIO(wait_for_the_first_error)
{
	int n[2];

	executor_new(ctx, 3);
	futures[0] = submit(wait_for, 0);
	futures[1] = submit(wait_and_refuse, 1);
	futures[2] = submit(wait_for, 2);
	flag_wait(BEGUN, 3);
	flag_up(FLAG_A + 2, 1);
	result(futures[2], -1);
	wait_for_futures(3, MP_FIRST_EXCEPTION, SHORT_MS, n);
	say("%d,%d", n[0], n[1]);
	flag_up(FLAG_A + 1, 1);
	wait_for_futures(3, MP_FIRST_EXCEPTION, PATIENCE_MS, n);
	say_done(3);
	say("%d", n[1]);
	flag_up(FLAG_A, 1);
}

SCENARIO(wait_for_an_error_that_does_not_come)
{
	int n[2];

	executor_new(ctx, 2);
	submit_squares(0, 5);
	wait_for_futures(5, MP_FIRST_EXCEPTION, PATIENCE_MS, n);
	say("%d", n[0]);
	say("%d", n[1]);
}

SCENARIO(wait_gives_up_after_its_timeout)
{
	int n[2];

	staged(ctx, 1);
	wait_for_futures(1, MP_ALL_COMPLETED, SHORT_MS, n);
	say("%d", n[0]);
	say("%d", n[1]);
	flag_up(FLAG_A, 1);
}

SCENARIO(wait_for_those_that_are_done)
{
	int n[2];

	executor_new(ctx, 1);
	submit_squares(0, 3);
	for (int i = 0; i < 3; i++)
		result(futures[i], -1);
	wait_for_futures(3, MP_ALL_COMPLETED, 0, n);
	say("%d,%d", n[0], n[1]);
}

SCENARIO(result_gives_up_after_its_timeout)
{
	staged(ctx, 1);
	say("%s", result(futures[0], SHORT_MS));
	flag_up(FLAG_A, 1);
	say("%s", result(futures[0], PATIENCE_MS));
}

SCENARIO(result_twice)
{
	executor_new(ctx, 1);
	futures[0] = submit(square, 4);
	say("%s", result(futures[0], -1));
	say("%s", result(futures[0], -1));
}

SCENARIO(running_and_done)
{
	staged(ctx, 1);
	UNTIL(mp_future_running(futures[0]));
	items();
	item("%s", yes(mp_future_running(futures[0])));
	item("%s", yes(mp_future_done(futures[0])));
	flag_up(FLAG_A, 1);
	result(futures[0], -1);
	say("%s", yes(mp_future_running(futures[0])));
	say("%s", yes(mp_future_done(futures[0])));
	say("%s", yes(mp_future_cancelled(futures[0])));
}

SCENARIO(an_error_comes_out_of_result)
{
	executor_new(ctx, 1);
	futures[0] = submit(refuse_3, 3);
	say("%s", result(futures[0], -1));
	say("%s", result(futures[0], -1));
	say("%s", yes(mp_future_done(futures[0])));
	say("%s", yes(mp_future_cancelled(futures[0])));
}

/* exception(): "Timeout", "Cancelled"; or "yes" for none, or its word. */
static const char *
exception(struct mp_future *future, int timeout_ms)
{
	int error = 0, r = mp_future_error(future, timeout_ms, &error);

	return r < 0 ? word(r) : error == 0 ? "yes" : word(error);
}

SCENARIO(exception_of_each_kind_of_end)
{
	executor_new(ctx, 1);
	futures[0] = submit(wait_for, 0);
	futures[1] = submit(refuse_3, 3);
	submit_squares(2, 5);
	flag_wait(BEGUN, 1);
	say("%s", exception(futures[0], SHORT_MS));
	mp_future_cancel(futures[6]);
	flag_up(FLAG_A, 1);
	say("%s", exception(futures[0], -1));
	say("%s", exception(futures[1], -1));
	say("%s", exception(futures[6], -1));
}

SCENARIO(an_error_leaves_the_worker_at_work)
{
	executor_new(ctx, 1);
	say("%s", result(submit(refuse_3, 3), -1));
	say("%s", result(submit(refuse_3, 4), -1));
}

SCENARIO(cancel_of_one_that_waits)
{
	one_and_five(ctx);
	items();
	item("%s", yes(mp_future_cancel(futures[5])));
	item("%s", yes(mp_future_cancelled(futures[5])));
	item("%s", yes(mp_future_done(futures[5])));
	item("%s", result(futures[5], -1));
	flag_up(FLAG_A, 1);
	say_results(5);
}

SCENARIO(cancel_of_one_that_runs)
{
	staged(ctx, 1);
	UNTIL(mp_future_running(futures[0]));
	items();
	item("%s", yes(mp_future_cancel(futures[0])));
	item("%s", yes(mp_future_cancelled(futures[0])));
	flag_up(FLAG_A, 1);
	say("%s", result(futures[0], -1));
}

SCENARIO(cancel_of_one_that_is_done)
{
	executor_new(ctx, 1);
	futures[0] = submit(square, 2);
	result(futures[0], -1);
	say("%s", yes(mp_future_cancel(futures[0])));
	say("%s", yes(mp_future_cancelled(futures[0])));
	say("%s", result(futures[0], -1));
}

SCENARIO(cancel_twice)
{
	one_and_five(ctx);
	say("%s", yes(mp_future_cancel(futures[5])));
	say("%s", yes(mp_future_cancel(futures[5])));
	flag_up(FLAG_A, 1);
}

/* What a callback was told; it has room for one. */
static char told[32];

static void
tell(struct mp_future *future, void *arg)
{
	(void)arg;
	snprintf(told, sizeof(told), "%s", result(future, 0));
}

SCENARIO(a_callback_is_told_when_it_is_done)
{
	staged(ctx, 1);
	must(mp_future_on_done(futures[0], tell, NULL));
	say("%s", told[0] == '\0' ? "-" : told);
	flag_up(FLAG_A, 1);
	UNTIL(mp_future_done(futures[0]));
	say("%s", told);
}

SCENARIO(a_callback_of_one_that_is_done)
{
	executor_new(ctx, 1);
	futures[0] = submit(square, 3);
	result(futures[0], -1);
	must(mp_future_on_done(futures[0], tell, NULL));
	say("%s", told);
}

SCENARIO(shut_down_it_takes_no_more)
{
	executor_new(ctx, 1);
	must(mp_executor_shutdown(ex, true, false));
	say("%s", word(submitted(square, 1, &futures[0])));
}

SCENARIO(shutdown_waits_for_what_it_has)
{
	executor_new(ctx, 1);
	submit_squares(0, 6);
	must(mp_executor_shutdown(ex, true, false));
	items();
	for (int i = 0; i < 6; i++)
		item("%s", yes(mp_future_done(futures[i])));
	say_results(6);
}

SCENARIO(shutdown_twice)
{
	executor_new(ctx, 1);
	say("%s", word(mp_executor_shutdown(ex, true, false)));
	say("%s", word(mp_executor_shutdown(ex, true, false)));
}

SCENARIO(shutdown_without_waiting)
{
	executor_new(ctx, 1);
	futures[0] = submit(wait_for, 0);
	flag_wait(BEGUN, 1);
	must(mp_executor_shutdown(ex, false, false));
	items();
	item("%s", yes(mp_future_done(futures[0])));
	item("%s", word(submitted(square, 1, &futures[1])));
	flag_up(FLAG_A, 1);
	say("%s", result(futures[0], -1));
}

SCENARIO(shutdown_cancels_if_asked_to)
{
	one_and_five(ctx);
	must(mp_executor_shutdown(ex, false, true));
	UNTIL(mp_future_cancelled(futures[5]));
	flag_up(FLAG_A, 1);
	say("%s", result(futures[0], -1));
	say("%s", result(futures[5], -1));
}

SCENARIO(two_workers_work_at_the_same_time)
{
	staged(ctx, 2);
	flag_up(FLAG_A, 1);
	flag_up(FLAG_A + 1, 1);
	say_results(2);
}

SCENARIO(one_worker_does_all_in_order)
{
	executor_new(ctx, 1);
	for (int i = 0; i < 5; i++)
		futures[i] = submit(count_up, i);
	say_results(5);
}

SCENARIO(its_workers_are_other_processes)
{
	int64_t pids[16];

	executor_new(ctx, 2);
	for (int i = 0; i < 16; i++)
		futures[i] = submit(pid, i);
	for (int i = 0; i < 16; i++)
		pids[i] = atoll(result(futures[i], PATIENCE_MS));
	say("%s", yes(is_among(getpid(), pids, 16)));
	say("%s", yes(different(pids, 16) <= 2));
}

SCENARIO(initializer_runs_before_the_first_task)
{
	struct mp_pool_attr attr = { .processes = 1,
		.initializer = initialize,
		.arg = number(10) };

	must(mp_executor_create(ctx, &attr, functions, &ex));
	result(submit(square, 1), -1);
	result(submit(square, 1), -1);
	say("%d", (int)count[BY_INITIALIZER]);
}
