#include <stdio.h>

#include "ipc/mp/pool.h"
#include "tests/ipc/python_parity/tasks.h"

static struct mp_pool *pool;

TASK(add)
{
	struct mp_bytes a, b;

	must_be(mp_unpack(args, len, 0, &a) && mp_unpack(args, len, 1, &b),
	    "two arguments");
	return says(reply, said(a) + said(b));
}

/* In a chain: each lets the one before it go on. */
TASK(raise_next)
{
	int n = (int)argument(args, len);

	flag_wait(FLAG_A + n, 1);
	if (n > 0)
		flag_up(FLAG_A + n - 1, 1);
	return says(reply, n);
}

TASK(reverse)
{
	const unsigned char *bytes = args;
	unsigned char *turned = malloc(len);

	for (size_t i = 0; i < len; i++)
		turned[i] = bytes[len - 1 - i];
	return mp_reply_write(reply, turned, len);
}

TASK(whether_daemon)
{
	(void)args;
	(void)len;
	return says(reply, mp_current_daemon(mp_reply_context(reply)));
}

static const struct mp_task_function functions[] = {
	{ "square", square },
	{ "add", add },
	{ "pid", pid },
	{ "refuse_3", refuse_3 },
	{ "wait_for", wait_for },
	{ "raise_next", raise_next },
	{ "count_up", count_up },
	{ "reverse", reverse },
	{ "whether_daemon", whether_daemon },
	{ NULL, NULL },
};

static void
pool_as(struct mp_context *ctx, const struct mp_pool_attr *attr)
{
	must(mp_pool_create(ctx, attr, functions, &pool));
}

static void
pool_new(struct mp_context *ctx, unsigned processes)
{
	struct mp_pool_attr attr = { .processes = processes };

	pool_as(ctx, &attr);
}

/* What apply() gave: its number, or the error in one word. */
static const char *
applied(mp_task *fn, int64_t n)
{
	static char text[4][32];
	static int next;
	char *at = text[next++ % 4];
	int64_t out = 0;
	size_t len;
	int r = mp_pool_apply(pool, fn, &n, sizeof(n), &out, sizeof(out), &len);

	if (r < 0)
		return word(r);
	snprintf(at, sizeof(text[0]), "%lld", (long long)out);
	return at;
}

static int64_t
pid_of(void)
{
	int64_t none = 0, out = 0;
	size_t len;

	must(mp_pool_apply(pool, pid, &none, sizeof(none), &out, sizeof(out),
	    &len));
	return out;
}

static struct mp_result *
submit(mp_task *fn, int64_t n)
{
	struct mp_result *result;

	must(mp_pool_apply_async(pool, fn, &n, sizeof(n), &result));
	return result;
}

static const char *
got(struct mp_result *result, int timeout_ms)
{
	static char text[4][32];
	static int next;
	char *at = text[next++ % 4];
	struct mp_bytes out;
	int r = mp_result_get(result, timeout_ms, &out);

	if (r < 0)
		return word(r);
	snprintf(at, sizeof(text[0]), "%lld", (long long)said(out));
	return at;
}

static int64_t
number_at(const struct mp_result *result, size_t i)
{
	struct mp_bytes out;

	must(mp_result_item(result, i, &out));
	return said(out);
}

static void
say_results(const struct mp_result *result)
{
	items();
	for (size_t i = 0; i < mp_result_count(result); i++)
		item("%lld", (long long)number_at(result, i));
}

static struct mp_result *
map(mp_task *fn, size_t n, size_t chunksize)
{
	struct mp_result *result;

	must(mp_pool_map(pool, fn, range(n), n, chunksize, &result));
	return result;
}

static struct mp_imap *
imap(mp_task *fn, size_t n, size_t chunksize)
{
	struct mp_imap *it;

	must(mp_pool_imap(pool, fn, range(n), n, chunksize, &it));
	return it;
}

static struct mp_imap *
imap_unordered(mp_task *fn, size_t n)
{
	struct mp_imap *it;

	must(mp_pool_imap_unordered(pool, fn, range(n), n, 1, &it));
	return it;
}

SCENARIO(apply_gives_what_the_function_gave)
{
	pool_new(ctx, 2);
	say("%s", applied(square, 7));
}

SCENARIO(map_is_in_order)
{
	pool_new(ctx, 3);
	say_results(map(square, 10, 0));
}

SCENARIO(map_of_nothing)
{
	pool_new(ctx, 2);
	say("%s", mp_result_count(map(square, 0, 0)) == 0 ? "-" : "some");
}

SCENARIO(map_async_is_in_order)
{
	struct mp_result *result;

	pool_new(ctx, 2);
	must(mp_pool_map_async(pool, square, range(6), 6, 0, &result));
	must(mp_result_get(result, PATIENCE_MS, NULL));
	say_results(result);
}

SCENARIO(map_by_any_chunksize)
{
	static const size_t chunksizes[] = { 1, 3, 7, 20, 100 };

	pool_new(ctx, 2);
	items();
	for (int i = 0; i < 5; i++) {
		struct mp_result *result = map(square, 20, chunksizes[i]);
		int64_t sum = 0;

		for (size_t j = 0; j < mp_result_count(result); j++)
			sum += number_at(result, j);
		item("%lld", (long long)sum);
	}
}

SCENARIO(map_of_five_hundred_one_by_one)
{
	struct mp_result *result;
	bool right = true;

	pool_new(ctx, 2);
	result = map(square, 500, 1);
	for (int64_t i = 0; i < 500; i++)
		right &= number_at(result, (size_t)i) == i * i;
	say("%zu", mp_result_count(result));
	say("%s", yes(right));
}

SCENARIO(starmap_takes_several_arguments)
{
	static const int64_t terms[6] = { 1, 2, 10, 20, 100, 200 };
	struct mp_bytes args[6];
	struct mp_result *result;

	for (int i = 0; i < 6; i++)
		args[i] = (struct mp_bytes){ &terms[i], sizeof(terms[i]) };
	pool_new(ctx, 2);
	must(mp_pool_starmap(pool, add, args, 2, 3, 0, &result));
	say_results(result);
}

SCENARIO(imap_is_in_order)
{
	pool_new(ctx, 3);
	say_next(imap(square, 8, 1), 8);
}

SCENARIO(imap_is_in_order_by_chunks)
{
	pool_new(ctx, 3);
	say_next(imap(square, 8, 3), 8);
}

SCENARIO(imap_waits_for_the_first_though_the_last_is_done)
{
	struct mp_imap *it;

	pool_new(ctx, 3);
	it = imap(raise_next, 3, 1);
	flag_up(FLAG_A + 2, 1);
	say_next(it, 3);
}

SCENARIO(imap_next_gives_up_after_its_timeout)
{
	struct mp_imap *it;

	pool_new(ctx, 1);
	it = imap(wait_for, 1, 1);
	say("%s", next_of(it, SHORT_MS));
	flag_up(FLAG_A, 1);
	say("%s", next_of(it, PATIENCE_MS));
}

static int
by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

SCENARIO(imap_unordered_has_all_of_them)
{
	struct mp_imap *it;
	int64_t all[8];

	pool_new(ctx, 3);
	it = imap_unordered(square, 8);
	for (int i = 0; i < 8; i++)
		all[i] = atoll(next_of(it, PATIENCE_MS));
	qsort(all, 8, sizeof(all[0]), by_value);
	items();
	for (int i = 0; i < 8; i++)
		item("%lld", (long long)all[i]);
}

SCENARIO(imap_unordered_is_in_order_of_finishing)
{
	static const int order[] = { 1, 2, 0 };
	struct mp_imap *it;

	pool_new(ctx, 3);
	it = imap_unordered(wait_for, 3);
	flag_wait(BEGUN, 3);
	items();
	for (int i = 0; i < 3; i++) {
		flag_up(FLAG_A + order[i], 1);
		item("%s", next_of(it, PATIENCE_MS));
	}
}

SCENARIO(apply_async_get_gives_up_after_its_timeout)
{
	struct mp_result *result;

	pool_new(ctx, 1);
	result = submit(wait_for, 0);
	say("%s", got(result, SHORT_MS));
	flag_up(FLAG_A, 1);
	say("%s", got(result, PATIENCE_MS));
}

SCENARIO(apply_async_get_twice)
{
	struct mp_result *result;

	pool_new(ctx, 1);
	result = submit(square, 3);
	say("%s", got(result, -1));
	say("%s", got(result, -1));
}

SCENARIO(ready_and_successful)
{
	struct mp_result *result;

	pool_new(ctx, 1);
	result = submit(wait_for, 0);
	say("%s", yes(mp_result_ready(result)));
	flag_up(FLAG_A, 1);
	must(mp_result_wait(result, -1));
	say("%s", yes(mp_result_ready(result)));
	say("%s", yes(mp_result_successful(result)));
}

SCENARIO(wait_gives_up_after_its_timeout)
{
	struct mp_result *result;

	pool_new(ctx, 1);
	result = submit(wait_for, 0);
	must_be(mp_result_wait(result, SHORT_MS) == MP_ETIMEDOUT, "a timeout");
	say("%s", yes(mp_result_ready(result)));
	flag_up(FLAG_A, 1);
	must(mp_result_wait(result, PATIENCE_MS));
	say("%s", yes(mp_result_ready(result)));
}

SCENARIO(an_error_comes_out_of_get)
{
	struct mp_result *result;

	pool_new(ctx, 1);
	result = submit(refuse_3, 3);
	must(mp_result_wait(result, -1));
	say("%s", yes(mp_result_ready(result)));
	say("%s", yes(mp_result_successful(result)));
	say("%s", got(result, -1));
}

SCENARIO(an_error_leaves_the_worker_at_work)
{
	pool_new(ctx, 1);
	say("%s", applied(refuse_3, 3));
	say("%s", applied(refuse_3, 4));
}

SCENARIO(an_error_in_a_map_is_what_map_gives)
{
	struct mp_result *result;

	pool_new(ctx, 2);
	say("%s", word(mp_pool_map(pool, refuse_3, range(8), 8, 1, &result)));
	items();
	for (int i = 0; i < 8; i++)
		item("%d", (int)count[i]);
}

SCENARIO(an_error_in_an_imap_is_at_its_place)
{
	pool_new(ctx, 2);
	say_next(imap(refuse_3, 6, 1), 6);
}

SCENARIO(closed_it_takes_no_more)
{
	struct mp_result *result;

	pool_new(ctx, 1);
	must(mp_pool_close(pool));
	say("%s", applied(square, 1));
	say("%s", word(mp_pool_map(pool, square, range(1), 1, 0, &result)));
}

SCENARIO(closed_it_does_what_it_has)
{
	struct mp_result *results[10];

	pool_new(ctx, 1);
	for (int i = 0; i < 10; i++)
		results[i] = submit(square, i);
	must(mp_pool_close(pool));
	must(mp_pool_join(pool, PATIENCE_MS));
	items();
	for (int i = 0; i < 10; i++)
		item("%s", got(results[i], 0));
}

SCENARIO(join_of_one_that_is_open)
{
	pool_new(ctx, 1);
	say("%s", word(mp_pool_join(pool, -1)));
}

SCENARIO(terminate_does_not_wait_for_tasks)
{
	pool_new(ctx, 1);
	submit(wait_for, 0);
	flag_wait(BEGUN, 1);
	must(mp_pool_terminate(pool));
	say("%s", word(mp_pool_join(pool, PATIENCE_MS)));
	say("%zu", mp_active_children(ctx, NULL, 0));
}

SCENARIO(its_workers_are_other_processes)
{
	struct mp_result *result;
	int64_t pids[40];

	pool_new(ctx, 2);
	result = map(pid, 40, 1);
	for (size_t i = 0; i < 40; i++)
		pids[i] = number_at(result, i);
	say("%s", yes(is_among(getpid(), pids, 40)));
	say("%s", yes(different(pids, 40) <= 2));
}

SCENARIO(one_worker_does_all_in_order)
{
	struct mp_result *results[5];

	pool_new(ctx, 1);
	for (int i = 0; i < 5; i++)
		results[i] = submit(count_up, i);
	items();
	for (int i = 0; i < 5; i++)
		item("%s", got(results[i], PATIENCE_MS));
}

SCENARIO(two_workers_work_at_the_same_time)
{
	struct mp_result *results[2];

	pool_new(ctx, 2);
	for (int i = 0; i < 2; i++)
		results[i] = submit(wait_for, i);
	flag_wait(BEGUN, 2);
	flag_up(FLAG_A, 1);
	flag_up(FLAG_A + 1, 1);
	items();
	for (int i = 0; i < 2; i++)
		item("%s", got(results[i], PATIENCE_MS));
}

SCENARIO(maxtasksperchild_is_how_many_a_worker_does)
{
	struct mp_pool_attr attr = { .processes = 1, .maxtasksperchild = 2 };
	int64_t pids[6];

	pool_as(ctx, &attr);
	for (int i = 0; i < 6; i++)
		pids[i] = pid_of();
	say("%d", different(pids, 6));
	for (int i = 0; i < 6; i += 2)
		say("%s", yes(pids[i] == pids[i + 1]));
	say("%s", yes(pids[1] != pids[2]));
}

SCENARIO(a_chunk_is_one_task)
{
	struct mp_pool_attr attr = { .processes = 1, .maxtasksperchild = 1 };
	struct mp_result *result;
	int64_t pids[12];

	pool_as(ctx, &attr);
	result = map(pid, 12, 3);
	for (size_t i = 0; i < 12; i++)
		pids[i] = number_at(result, i);
	say("%d", different(pids, 12));
	items();
	for (int i = 0, n = 0; i < 12; i++) {
		n++;
		if (i == 11 || pids[i + 1] != pids[i]) {
			item("%d", n);
			n = 0;
		}
	}
}

SCENARIO(initializer_runs_once_in_each_worker)
{
	struct mp_pool_attr attr = { .processes = 3,
		.initializer = initialize,
		.arg = number(10) };

	pool_as(ctx, &attr);
	UNTIL(count[BY_INITIALIZER] == 30);
	map(square, 20, 0);
	say("%d", (int)count[BY_INITIALIZER]);
}

SCENARIO(initializer_runs_in_those_that_come_later)
{
	struct mp_pool_attr attr = { .processes = 1,
		.initializer = initialize,
		.arg = number(1),
		.maxtasksperchild = 1 };

	pool_as(ctx, &attr);
	for (int i = 0; i < 3; i++)
		applied(square, 1);
	UNTIL(count[BY_INITIALIZER] >= 3);
	say("%s", yes(count[BY_INITIALIZER] >= 3));
}

SCENARIO(a_task_and_a_result_of_a_million_bytes)
{
	unsigned char *bytes = pattern(MILLION), *back = malloc(MILLION);
	bool turned = true;
	size_t len;

	pool_new(ctx, 1);
	must(mp_pool_apply(pool, reverse, bytes, MILLION, back, MILLION, &len));
	for (size_t i = 0; i < MILLION; i++)
		turned &= back[i] == bytes[MILLION - 1 - i];
	say("%zu", len);
	say("%s", yes(turned));
}

SCENARIO(its_workers_are_daemons)
{
	int64_t none = 0, daemon = 0;
	size_t len;

	pool_new(ctx, 1);
	must(mp_pool_apply(pool, whether_daemon, &none, sizeof(none), &daemon,
	    sizeof(daemon), &len));
	say("%s", yes(daemon));
}
