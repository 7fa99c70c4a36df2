#include "ipc/mp/pool.h"
#include "ipc/mp/queue.h"
#include "tests/ipc/mp_fixture.h"

enum {
	MANY = 500
};

/* Seen by all processes of a test. */
struct board {
	_Atomic int begun, go, initialized;
	_Atomic pid_t pid;
};

static struct board *board;

/* --- what the workers do -------------------------------------------------- */

static int
square(const void *args, size_t len, struct mp_reply *reply)
{
	int64_t x;

	if (len != sizeof(x))
		return -EBADMSG;
	memcpy(&x, args, sizeof(x));
	if (x < 0)
		return -EDOM;
	x *= x;
	return mp_reply_write(reply, &x, sizeof(x));
}

/* The arguments twice, in pieces. */
static int
twice(const void *args, size_t len, struct mp_reply *reply)
{
	if (mp_reply_write(reply, args, len / 3) != 0 ||
	    mp_reply_write(reply, (const char *)args + len / 3,
		len - len / 3) != 0)
		return -EIO;
	return mp_reply_write(reply, args, len);
}

static int
join_words(const void *args, size_t len, struct mp_reply *reply)
{
	struct mp_bytes word;

	for (size_t i = 0; mp_unpack(args, len, i, &word); i++)
		if (mp_reply_write(reply, word.data, word.len) != 0)
			return -EIO;
	return 0;
}

static int
say_pid(const void *args, size_t len, struct mp_reply *reply)
{
	pid_t pid = getpid();

	(void)args;
	(void)len;
	return mp_reply_write(reply, &pid, sizeof(pid));
}

/* The first `n` who take it die of it, n being the argument. */
static int
kill_some(const void *args, size_t len, struct mp_reply *reply)
{
	unsigned n, attempt = mp_reply_attempt(reply);

	if (len != sizeof(n) ||
	    mp_reply_write(reply, &attempt, sizeof(attempt)) != 0)
		return -EINVAL;
	memcpy(&n, args, sizeof(n));
	if (attempt <= n)
		raise(SIGKILL);
	return 0;
}

static int
wait_for_go(const void *args, size_t len, struct mp_reply *reply)
{
	(void)args;
	(void)len;
	(void)reply;
	board->pid = getpid();
	board->begun++;
	AWAIT(board->go);
	return 0;
}

static const struct mp_task_function functions[] = { { "square", square },
	{ "twice", twice }, { "join_words", join_words },
	{ "say_pid", say_pid }, { "kill_some", kill_some },
	{ "wait_for_go", wait_for_go }, { NULL, NULL } };

/* --- the tests ------------------------------------------------------------ */

static struct mp_context *
small_context(void)
{
	const struct mp_context_opts opts = { .messages = 8,
		.queues = 3,
		.message_max = 2 * CONVEYOR_STEP,
		.memory = 16 * CONVEYOR_STEP };
	struct mp_context *ctx = NULL;

	ck_assert_int_eq(mp_context_open(NULL, &opts, &ctx), 0);
	return ctx;
}

static struct mp_pool *
pool_new(struct mp_context *ctx, const struct mp_pool_attr *attr)
{
	const struct mp_pool_attr two = { .processes = 2 };
	struct mp_pool *pool = NULL;

	board = shared_new(sizeof(*board));
	ck_assert_int_eq(mp_pool_create(ctx, attr != NULL ? attr : &two,
			     functions, &pool),
	    0);
	return pool;
}

static void
finish(struct mp_context *ctx, struct mp_pool *pool)
{
	char why[128] = "";

	mp_pool_free(pool);
	mp_context_tend(ctx);
	ck_assert_msg(conveyor_check(ctx->cv, why, sizeof(why)) == 0, "%s",
	    why);
	ck_assert_uint_eq(mp_context_seats(ctx), 1);
	mp_context_close(ctx);
}

static int64_t numbers[MANY];
static struct mp_bytes items[MANY];

static void
number_items(void)
{
	for (int i = 0; i < MANY; i++) {
		numbers[i] = i;
		items[i] = (struct mp_bytes){ &numbers[i], sizeof(int64_t) };
	}
}

static int64_t
number_in(const struct mp_bytes *bytes)
{
	int64_t x;

	ck_assert_uint_eq(bytes->len, sizeof(x));
	memcpy(&x, bytes->data, sizeof(x));
	return x;
}

static int64_t
apply_square(struct mp_pool *pool, int64_t x)
{
	size_t len = 0;
	int64_t y = -1;

	ck_assert_int_eq(mp_pool_apply(pool, square, &x, sizeof(x), &y,
			     sizeof(y), &len),
	    0);
	ck_assert_uint_eq(len, sizeof(y));
	return y;
}

START_TEST(apply_gives_the_reply_or_the_error)
{
	struct mp_context *ctx = context_new();
	struct mp_pool *pool = pool_new(ctx, NULL);
	int64_t x = -1, y;
	size_t len = 0;

	ck_assert_int_eq(apply_square(pool, 12), 144);
	ck_assert_int_eq(mp_pool_apply(pool, square, &x, sizeof(x), &y,
			     sizeof(y), &len),
	    -EDOM);
	ck_assert_int_eq(mp_pool_apply(pool, twice, "ab", 2, &y, 3, &len),
	    MP_EMSGSIZE);
	ck_assert_uint_eq(len, 4);
	ck_assert_int_eq(mp_pool_apply(pool, (mp_task *)NULL, "", 0, &y, 1,
			     &len),
	    MP_EINVAL);
	finish(ctx, pool);
}
END_TEST

START_TEST(a_map_keeps_the_order_by_chunks_of_any_size)
{
	const size_t chunks[] = { 0, 1, 3, 7, MANY, MANY + 1 };
	struct mp_context *ctx = small_context();
	struct mp_pool *pool = pool_new(ctx, NULL);
	struct mp_result *r = NULL;
	struct mp_bytes out;

	number_items();
	for (size_t c = 0; c < ARRAY_LEN(chunks); c++) {
		ck_assert_int_eq(mp_pool_map(pool, square, items, MANY,
				     chunks[c], &r),
		    0);
		ck_assert_uint_eq(mp_result_count(r), MANY);
		for (int64_t i = 0; i < MANY; i++) {
			ck_assert_int_eq(mp_result_item(r, (size_t)i, &out), 0);
			ck_assert_int_eq(number_in(&out), i * i);
		}
		mp_result_free(r);
	}
	ck_assert_int_eq(mp_pool_map(pool, square, items, 0, 0, &r), 0);
	ck_assert_uint_eq(mp_result_count(r), 0);
	mp_result_free(r);
	finish(ctx, pool);
}
END_TEST

START_TEST(a_map_gives_the_first_error_and_each_item_has_its_own)
{
	struct mp_context *ctx = context_new();
	struct mp_pool *pool = pool_new(ctx, NULL);
	struct mp_result *r = NULL;
	struct mp_bytes out;

	number_items();
	numbers[3] = -1;
	items[7].len = 1;
	ck_assert_int_eq(mp_pool_map(pool, square, items, 10, 2, &r), -EDOM);
	for (int64_t i = 0; i < 10; i++)
		ck_assert_int_eq(mp_result_item(r, (size_t)i, &out),
		    i == 3   ? -EDOM
		    : i == 7 ? -EBADMSG
			     : 0);
	ck_assert(mp_result_ready(r));
	ck_assert(!mp_result_successful(r));
	ck_assert_int_eq(mp_result_item(r, 10, &out), MP_EINVAL);
	mp_result_free(r);
	finish(ctx, pool);
}
END_TEST

START_TEST(a_starmap_passes_several_arguments)
{
	const struct mp_bytes words[] = { { "a", 1 }, { "", 0 }, { "bcd", 3 },
		{ "ef", 2 }, { "ghijklmnopq", 11 }, { "r", 1 } };
	struct mp_context *ctx = context_new();
	struct mp_pool *pool = pool_new(ctx, NULL);
	struct mp_result *r = NULL;
	struct mp_bytes out;

	for (size_t chunk = 0; chunk < 3; chunk++) {
		ck_assert_int_eq(mp_pool_starmap(pool, join_words, words, 3, 2,
				     chunk, &r),
		    0);
		ck_assert_int_eq(mp_result_item(r, 0, &out), 0);
		ck_assert_uint_eq(out.len, 4);
		ck_assert_mem_eq(out.data, "abcd", 4);
		ck_assert_int_eq(mp_result_item(r, 1, &out), 0);
		ck_assert_uint_eq(out.len, 14);
		ck_assert_mem_eq(out.data, "efghijklmnopqr", 14);
		mp_result_free(r);
	}
	finish(ctx, pool);
}
END_TEST

START_TEST(imap_gives_results_in_order_one_after_another)
{
	struct mp_context *ctx = small_context();
	struct mp_pool *pool = pool_new(ctx, NULL);
	struct mp_imap *it = NULL;
	struct mp_bytes out;
	size_t index;

	number_items();
	numbers[5] = -5;
	ck_assert_int_eq(mp_pool_imap(pool, square, items, MANY, 3, &it), 0);
	for (int64_t i = 0; i < MANY; i++) {
		ck_assert_int_eq(mp_imap_next(it, -1, &out, &index),
		    i == 5 ? -EDOM : 1);
		ck_assert_uint_eq(index, (size_t)i);
		if (i != 5)
			ck_assert_int_eq(number_in(&out), i * i);
	}
	ck_assert_int_eq(mp_imap_next(it, -1, &out, NULL), 0);
	mp_imap_free(it);
	finish(ctx, pool);
}
END_TEST

START_TEST(imap_unordered_gives_each_once_and_does_not_wait_for_the_slow)
{
	struct mp_context *ctx = context_new();
	struct mp_pool *pool = pool_new(ctx, NULL);
	struct mp_imap *slow = NULL, *it = NULL;
	bool seen[MANY] = { false };
	struct mp_bytes out;
	size_t index;

	number_items();
	ck_assert_int_eq(mp_pool_imap_unordered(pool, wait_for_go, items, 1, 0,
			     &slow),
	    0);
	ck_assert_int_eq(mp_pool_imap_unordered(pool, square, items, MANY, 7,
			     &it),
	    0);
	for (int i = 0; i < MANY; i++) {
		ck_assert_int_eq(mp_imap_next(it, -1, &out, &index), 1);
		ck_assert(!seen[index]);
		seen[index] = true;
		ck_assert_int_eq(number_in(&out), (int64_t)(index * index));
	}
	ck_assert_int_eq(mp_imap_next(it, 0, &out, NULL), 0);
	ck_assert_int_eq(mp_imap_next(slow, 1, &out, NULL), MP_ETIMEDOUT);
	board->go = 1;
	ck_assert_int_eq(mp_imap_next(slow, -1, &out, NULL), 1);
	mp_imap_free(it);
	mp_imap_free(slow);
	mp_imap_free(NULL);
	finish(ctx, pool);
}
END_TEST

START_TEST(long_arguments_and_replies_come_whole)
{
	const size_t lens[] = { 0, 1, 1365, 1366, 2000, 4096, 4097, 40000,
		CONVEYOR_STEP };
	static char bytes[CONVEYOR_STEP], reply[2 * CONVEYOR_STEP];
	struct mp_context *ctx = context_new();
	struct mp_pool *pool = pool_new(ctx, NULL);

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 31 + i / 253);
	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		size_t len = 0, n = lens[i];

		ck_assert_int_eq(mp_pool_apply(pool, twice, bytes, n, reply,
				     sizeof(reply), &len),
		    0);
		ck_assert_uint_eq(len, 2 * n);
		ck_assert(n == 0 || (memcmp(reply, bytes, n) == 0 &&
					memcmp(reply + n, bytes, n) == 0));
	}
	finish(ctx, pool);
}
END_TEST

/* Far more than the context's memory, all at once. */
START_TEST(what_does_not_fit_into_shared_memory_waits_its_turn)
{
	static char bytes[CONVEYOR_STEP];
	struct mp_context *ctx = small_context();
	struct mp_pool *pool = pool_new(ctx, NULL);
	struct mp_result *r[50];
	struct mp_bytes out;

	for (int i = 0; i < 50; i++)
		ck_assert_int_eq(mp_pool_apply_async(pool, twice, bytes,
				     sizeof(bytes) - 8, &r[i]),
		    0);
	for (int i = 0; i < 50; i++) {
		ck_assert_int_eq(mp_result_get(r[i], -1, &out), 0);
		ck_assert_uint_eq(out.len, 2 * (sizeof(bytes) - 8));
		mp_result_free(r[i]);
	}
	/* A reply that is longer than a message may be, and arguments. */
	ck_assert_int_eq(mp_pool_apply_async(pool, twice, bytes, sizeof(bytes),
			     &r[0]),
	    0);
	ck_assert_int_eq(mp_result_get(r[0], -1, NULL), MP_EMSGSIZE);
	mp_result_free(r[0]);
	ck_assert_int_eq(mp_pool_apply_async(pool, twice, bytes,
			     3 * sizeof(bytes), &r[0]),
	    MP_EMSGSIZE);
	finish(ctx, pool);
}
END_TEST

START_TEST(arguments_leave_memory_for_replies)
{
	const struct mp_context_opts opts = { .messages = 64,
		.message_max = 8 * CONVEYOR_STEP,
		.memory = 24 * CONVEYOR_STEP };
	static char bytes[3 * CONVEYOR_STEP / 2];
	struct mp_context *ctx = NULL;
	struct mp_pool *pool;
	struct mp_result *r[40];
	struct mp_bytes out;

	ck_assert_int_eq(mp_context_open(NULL, &opts, &ctx), 0);
	pool = pool_new(ctx, NULL);
	for (int i = 0; i < 40; i++)
		ck_assert_int_eq(mp_pool_apply_async(pool, twice, bytes,
				     sizeof(bytes), &r[i]),
		    0);
	for (int i = 0; i < 40; i++) {
		ck_assert_int_eq(mp_result_get(r[i], -1, &out), 0);
		ck_assert_uint_eq(out.len, 2 * sizeof(bytes));
		mp_result_free(r[i]);
	}
	finish(ctx, pool);
}
END_TEST

START_TEST(a_killed_workers_task_comes_again)
{
	struct mp_context *ctx = context_new();
	struct mp_pool *pool = pool_new(ctx, NULL);
	unsigned n, attempt;
	size_t len;

	for (n = 0; n < 3; n++) {
		ck_assert_int_eq(mp_pool_apply(pool, kill_some, &n, sizeof(n),
				     &attempt, sizeof(attempt), &len),
		    0);
		ck_assert_uint_eq(attempt, n + 1);
	}
	ck_assert_uint_eq(mp_pool_restarts(pool), 3);
	finish(ctx, pool);
}
END_TEST

START_TEST(what_kills_each_worker_fails_alone)
{
	/* More than any worker may die in a row when nothing is under way. */
	enum {
		POISONED = 60
	};
	const unsigned n = 100;
	struct mp_context *ctx = context_new();
	struct mp_pool *pool = pool_new(ctx,
	    &(struct mp_pool_attr){ .processes = 3, .attempts = 2 });
	struct mp_result *poison[POISONED], *r = NULL;

	number_items();
	for (int i = 0; i < POISONED; i++)
		ck_assert_int_eq(mp_pool_apply_async(pool, kill_some, &n,
				     sizeof(n), &poison[i]),
		    0);
	ck_assert_int_eq(mp_pool_map(pool, square, items, MANY, 1, &r), 0);
	mp_result_free(r);
	for (int i = 0; i < POISONED; i++) {
		ck_assert_int_eq(mp_result_get(poison[i], -1, NULL),
		    MP_EWORKERDIED);
		mp_result_free(poison[i]);
	}
	ck_assert_int_eq(apply_square(pool, 3), 9);
	finish(ctx, pool);
}
END_TEST

START_TEST(workers_killed_while_idle_are_replaced)
{
	struct mp_context *ctx = context_new();
	struct mp_pool *pool = pool_new(ctx, NULL);

	for (int round = 0; round < 5; round++) {
		ck_assert_int_eq(apply_square(pool, round), round * round);
		for (unsigned i = 0; i < 2; i++)
			ck_assert_int_eq(kill(mp_pool_pid(pool, i), SIGKILL),
			    0);
	}
	ck_assert_int_eq(apply_square(pool, 9), 81);
	ck_assert_uint_eq(mp_pool_processes(pool), 2);
	finish(ctx, pool);
}
END_TEST

/* In the middle of work, again and again, from outside. */
START_TEST(a_map_is_whole_however_many_workers_are_killed)
{
	struct mp_context *ctx = context_new();
	struct mp_pool *pool = pool_new(ctx,
	    &(struct mp_pool_attr){ .processes = 2, .attempts = 100 });
	struct mp_imap *it = NULL;
	struct mp_bytes out;
	size_t index;

	number_items();
	ck_assert_int_eq(mp_pool_imap(pool, square, items, MANY, 1, &it), 0);
	for (int64_t i = 0; i < MANY; i++) {
		ck_assert_int_eq(mp_imap_next(it, -1, &out, &index), 1);
		ck_assert_int_eq(number_in(&out), i * i);
		if (i % 25 == 0)
			kill(mp_pool_pid(pool, (unsigned)i / 25 % 2), SIGKILL);
	}
	mp_imap_free(it);
	finish(ctx, pool);
}
END_TEST

static int
count_me(struct mp_context *ctx, void *arg)
{
	(void)ctx;
	(void)arg;
	board->initialized++;
	return 0;
}

static int
refuse(struct mp_context *ctx, void *arg)
{
	(void)ctx;
	board->initialized++;
	return *(int *)arg;
}

START_TEST(each_worker_is_initialized_and_ends_after_its_number_of_tasks)
{
	struct mp_context *ctx = context_new();
	struct mp_pool *pool = pool_new(ctx,
	    &(struct mp_pool_attr){ .processes = 2,
		.initializer = count_me,
		.maxtasksperchild = 5 });
	struct mp_result *r = NULL;

	number_items();
	ck_assert_int_eq(mp_pool_map(pool, square, items, MANY, 1, &r), 0);
	/* The last of them may be on their way. */
	ck_assert_int_ge(board->initialized, MANY / 5);
	ck_assert_int_ge(mp_pool_restarts(pool), MANY / 5 - 2);
	mp_result_free(r);
	finish(ctx, pool);
}
END_TEST

START_TEST(a_pool_that_no_worker_can_begin_in_is_broken)
{
	int one = 1;
	struct mp_context *ctx = context_new();
	struct mp_pool *pool = pool_new(ctx,
	    &(struct mp_pool_attr){ .processes = 2,
		.initializer = refuse,
		.arg = &one });
	struct mp_result *r = NULL, *more = NULL;

	number_items();
	ck_assert_int_eq(mp_pool_map(pool, square, items, MANY, 1, &r),
	    MP_EBROKEN);
	ck_assert_int_eq(mp_pool_map_async(pool, square, items, MANY, 1, &more),
	    MP_EBROKEN);
	ck_assert_int_eq(mp_pool_join(pool, -1), MP_EBROKEN);
	mp_result_free(r);
	finish(ctx, pool);
}
END_TEST

START_TEST(a_closed_pool_does_what_it_has_and_ends)
{
	const unsigned once = 1;
	struct mp_context *ctx = context_new();
	struct mp_pool *pool = pool_new(ctx, NULL);
	struct mp_result *r = NULL, *last = NULL;
	struct mp_bytes out;

	number_items();
	ck_assert_int_eq(mp_pool_join(pool, 0), MP_EINVAL);
	ck_assert_int_eq(mp_pool_map_async(pool, square, items, MANY, 1, &r),
	    0);
	ck_assert_int_eq(mp_pool_apply_async(pool, kill_some, &once,
			     sizeof(once), &last),
	    0);
	ck_assert_int_eq(mp_pool_close(pool), 0);
	ck_assert_int_eq(mp_pool_apply_async(pool, square, "", 0, &r),
	    MP_ECLOSED);
	ck_assert_int_eq(mp_pool_join(pool, -1), 0);
	ck_assert_uint_eq(mp_pool_processes(pool), 0);
	ck_assert_int_eq(mp_result_get(r, 0, &out), 0);
	ck_assert_int_eq(mp_result_get(last, 0, &out), 0);
	mp_result_free(r);
	mp_result_free(last);
	finish(ctx, pool);
}
END_TEST

START_TEST(terminate_ends_workers_and_cancels_what_is_not_done)
{
	struct mp_context *ctx = context_new();
	struct mp_pool *pool = pool_new(ctx, NULL);
	struct mp_result *slow = NULL, *done = NULL, *later = NULL;
	struct mp_bytes out;
	pid_t pid;

	number_items();
	ck_assert_int_eq(mp_pool_apply_async(pool, square, &numbers[2], 8,
			     &done),
	    0);
	ck_assert_int_eq(mp_result_wait(done, -1), 0);
	ck_assert_int_eq(mp_pool_map_async(pool, wait_for_go, items, MANY, 1,
			     &slow),
	    0);
	ck_assert_int_eq(mp_pool_apply_async(pool, square, &numbers[2], 8,
			     &later),
	    0);
	AWAIT(board->begun == 2);
	pid = board->pid;
	ck_assert_int_eq(mp_result_wait(slow, 1), MP_ETIMEDOUT);
	ck_assert(!mp_result_ready(slow));
	ck_assert_int_eq(mp_pool_terminate(pool), 0);
	ck_assert_int_eq(mp_pool_join(pool, 0), 0);
	ck_assert_int_eq(kill(pid, 0), -1);
	ck_assert_int_eq(mp_result_get(slow, 0, NULL), MP_ECANCELLED);
	ck_assert_int_eq(mp_result_get(later, 0, NULL), MP_ECANCELLED);
	ck_assert_int_eq(mp_result_get(done, 0, &out), 0);
	ck_assert_int_eq(number_in(&out), 4);
	ck_assert_int_eq(mp_pool_apply_async(pool, square, "", 0, &later),
	    MP_ECLOSED);
	mp_result_free(slow);
	mp_result_free(later);
	mp_result_free(done);
	mp_result_free(NULL);
	finish(ctx, pool);
}
END_TEST

START_TEST(results_that_nobody_wants_are_not_missed)
{
	struct mp_context *ctx = small_context();
	struct mp_pool *pool = pool_new(ctx, NULL);
	struct mp_result *r = NULL;

	number_items();
	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(mp_pool_map_async(pool, square, items, MANY, 1,
				     &r),
		    0);
		mp_result_free(r);
	}
	ck_assert_int_eq(apply_square(pool, 4), 16);
	ck_assert_int_eq(mp_pool_map_async(pool, square, items, MANY, 1, &r),
	    0);
	mp_result_free(r);
	finish(ctx, pool);
}
END_TEST

static void
use_pool_of_another(struct mp_context *ctx, void *arg)
{
	struct mp_pool *pool = arg;
	struct mp_result *r;

	(void)ctx;
	EXPECT(mp_pool_apply_async(pool, square, "", 0, &r) == MP_EPERM);
	EXPECT(mp_pool_close(pool) == MP_EPERM);
	EXPECT(mp_pool_join(pool, 0) == MP_EPERM);
	mp_pool_free(pool); /* its memory */
}

START_TEST(a_pool_is_of_who_made_it)
{
	struct mp_context *ctx = context_new();
	struct mp_pool *pool = pool_new(ctx, NULL);
	struct mp_context *spawning = NULL;
	const struct mp_context_opts opts = { .start = MP_START_SPAWN };
	struct mp_pool *none = NULL;

	child_ok(child_start(ctx, use_pool_of_another, pool));
	ck_assert_int_eq(apply_square(pool, 5), 25);
	mp_context_tend(ctx);
	finish(ctx, pool);
	ck_assert_int_eq(mp_context_open(NULL, &opts, &spawning), 0);
	ck_assert_int_eq(mp_pool_create(spawning, NULL, functions, &none),
	    MP_EINVAL);
	mp_context_close(spawning);
}
END_TEST

TEST_MAIN("mp_pool", apply_gives_the_reply_or_the_error,
    a_map_keeps_the_order_by_chunks_of_any_size,
    a_map_gives_the_first_error_and_each_item_has_its_own,
    a_starmap_passes_several_arguments,
    imap_gives_results_in_order_one_after_another,
    imap_unordered_gives_each_once_and_does_not_wait_for_the_slow,
    long_arguments_and_replies_come_whole,
    what_does_not_fit_into_shared_memory_waits_its_turn,
    arguments_leave_memory_for_replies, a_killed_workers_task_comes_again,
    what_kills_each_worker_fails_alone, workers_killed_while_idle_are_replaced,
    a_map_is_whole_however_many_workers_are_killed,
    each_worker_is_initialized_and_ends_after_its_number_of_tasks,
    a_pool_that_no_worker_can_begin_in_is_broken,
    a_closed_pool_does_what_it_has_and_ends,
    terminate_ends_workers_and_cancels_what_is_not_done,
    results_that_nobody_wants_are_not_missed, a_pool_is_of_who_made_it)
