#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipc/mp/queue.h"
#include "ipc/mp/queue_impl.h"
#include "tests/ipc/fixture.h"

static struct mp_context *
context_new(void)
{
	const struct mp_context_opts opts = { .messages = 16,
		.queues = 4,
		.message_max = 4 * CONVEYOR_STEP,
		.memory = 8 * CONVEYOR_STEP };
	struct mp_context *ctx = NULL;

	ck_assert_int_eq(mp_context_open(NULL, &opts, &ctx), 0);
	return ctx;
}

/* Of this test, closed by finish(). */
static struct mp_queue *opened[8];
static size_t n_opened;

static struct mp_queue *
queue_new(struct mp_context *ctx, uint32_t maxsize, bool joinable)
{
	const struct mp_queue_attr attr = { maxsize, joinable };
	struct mp_queue *q = NULL;

	ck_assert_int_eq(mp_queue_open(ctx, NULL, &attr, &q), 0);
	opened[n_opened++] = q;
	return q;
}

static void
finish(struct mp_context *ctx)
{
	while (n_opened > 0)
		mp_queue_close(opened[--n_opened]);
	mp_queue_close(NULL);
	mp_context_close(ctx);
}

static void
put(struct mp_queue *q, const char *text)
{
	ck_assert_int_eq(mp_queue_try_put(q, text, strlen(text)), 0);
}

static void
ck_get(struct mp_queue *q, const char *text)
{
	char bytes[64] = "";
	size_t len;

	ck_assert_int_eq(mp_queue_get(q, bytes, sizeof(bytes) - 1, &len, 5000),
	    0);
	bytes[len] = '\0';
	ck_assert_str_eq(bytes, text);
}

static void
ck_nothing(struct mp_queue *q)
{
	char byte;
	size_t len;

	ck_assert_int_eq(mp_queue_try_get(q, &byte, 1, &len), MP_EEMPTY);
}

/* Whatever a test did: every cell is in exactly one place. */
static void
ck_whole(struct mp_context *ctx)
{
	char why[128] = "";

	ck_assert_msg(conveyor_check(ctx->cv, why, sizeof(why)) == 0, "%s",
	    why);
}

/* A child with a seat that runs `work`, and is killed if that comes back. */
static void
die_after(struct mp_context *ctx, void (*work)(struct mp_queue *),
    struct mp_queue *q)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		if (mp_context_join(ctx) != 0)
			_exit(1);
		work(q);
		raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(WIFSIGNALED(status) ? WTERMSIG(status) : -1, SIGKILL);
	ck_assert_int_eq(mp_context_tend(ctx), 1);
	ck_whole(ctx);
}

START_TEST(messages_come_in_order_with_their_boundaries)
{
	struct mp_context *ctx = context_new();
	struct mp_queue *q = queue_new(ctx, 0, false);

	ck_assert(mp_queue_empty(q));
	put(q, "one");
	put(q, "");
	put(q, "three");
	ck_assert_uint_eq(mp_queue_size(q), 3);
	ck_assert(!mp_queue_empty(q) && !mp_queue_full(q));
	ck_get(q, "one");
	ck_get(q, "");
	ck_get(q, "three");
	ck_nothing(q);
	finish(ctx);
}
END_TEST

START_TEST(a_full_queue_takes_no_more_until_one_was_taken)
{
	struct mp_context *ctx = context_new();
	struct mp_queue *q = queue_new(ctx, 2, false);

	put(q, "a");
	put(q, "b");
	ck_assert(mp_queue_full(q));
	ck_assert_int_eq(mp_queue_try_put(q, "c", 1), MP_EFULL);
	ck_assert_int_eq(mp_queue_put(q, "c", 1, 20), MP_EFULL);
	ck_get(q, "a");
	put(q, "c");
	ck_get(q, "b");
	ck_get(q, "c");
	/* One without a maximum has what is left of the context's. */
	q = queue_new(ctx, 0, false);
	for (int i = 0; i < 14; i++)
		put(q, "x");
	ck_assert_int_eq(mp_queue_try_put(q, "x", 1), MP_EFULL);
	finish(ctx);
}
END_TEST

START_TEST(a_long_message_comes_whole_and_a_longer_one_is_refused)
{
	struct mp_context *ctx = context_new();
	struct mp_queue *q = queue_new(ctx, 0, false);
	static char sent[4 * CONVEYOR_STEP], got[sizeof(sent)];
	size_t len = 0;

	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (char)(i * 7 + i / 4096);
	for (size_t n = 4095; n <= sizeof(sent); n = n * 2 + 1) {
		ck_assert_int_eq(mp_queue_try_put(q, sent, n), 0);
		ck_assert_int_eq(mp_queue_try_get(q, got, n - 1, &len),
		    MP_EMSGSIZE);
		ck_assert_uint_eq(len, n);
		ck_assert_int_eq(mp_queue_try_get(q, got, n, &len), 0);
		ck_assert_uint_eq(len, n);
		ck_assert_mem_eq(sent, got, n);
	}
	ck_assert_int_eq(mp_queue_try_put(q, sent, sizeof(sent) + 1),
	    MP_EMSGSIZE);
	ck_whole(ctx);
	finish(ctx);
}
END_TEST

START_TEST(memory_that_is_in_use_is_refused_and_comes_back)
{
	struct mp_context *ctx = context_new();
	struct mp_queue *q = queue_new(ctx, 0, false);
	static char bytes[4 * CONVEYOR_STEP];
	size_t len;

	ck_assert_int_eq(mp_queue_try_put(q, bytes, sizeof(bytes)), 0);
	ck_assert_int_eq(mp_queue_try_put(q, bytes, sizeof(bytes)), 0);
	ck_assert_int_eq(mp_queue_try_put(q, bytes, sizeof(bytes)), MP_ENOSPC);
	for (int i = 0; i < 64; i++) {
		ck_assert_int_eq(mp_queue_try_get(q, bytes, sizeof(bytes),
				     &len),
		    0);
		ck_assert_int_eq(mp_queue_try_put(q, bytes, sizeof(bytes)), 0);
	}
	finish(ctx);
}
END_TEST

static void
put_one_and_more(struct mp_queue *q)
{
	struct mp_msg *m;

	if (mp_queue_try_put(q, "whole", 5) != 0 || mp_msg_alloc(q, &m, 0) != 0)
		_exit(1);
	memcpy(mp_msg_data(m), "half", 4);
}

static void
take_one(struct mp_queue *q)
{
	struct mp_msg *m;

	if (mp_queue_pop(q, &m, 0) != 0)
		_exit(1);
}

START_TEST(a_bound_is_the_same_after_any_number_of_deaths)
{
	struct mp_context *ctx = context_new();
	struct mp_queue *q = queue_new(ctx, 3, false);

	for (int i = 0; i < 10; i++) {
		die_after(ctx, put_one_and_more, q);
		ck_assert_uint_eq(mp_queue_size(q), 1);
		die_after(ctx, take_one, q);
		ck_get(q, "whole");
		ck_nothing(q);
	}
	put(q, "1");
	put(q, "2");
	put(q, "3");
	ck_assert_int_eq(mp_queue_try_put(q, "4", 1), MP_EFULL);
	finish(ctx);
}
END_TEST

START_TEST(what_kills_everybody_is_put_aside)
{
	struct mp_context *ctx = context_new();
	struct mp_queue *q = queue_new(ctx, 1, false);
	struct mp_msg *m = NULL;

	put(q, "poison");
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(mp_dead_pop(ctx, &m), MP_EEMPTY);
		die_after(ctx, take_one, q);
	}
	ck_nothing(q);
	ck_assert_int_eq(mp_dead_pop(ctx, &m), 0);
	ck_assert_uint_eq(mp_msg_attempts(m), 3);
	ck_assert_uint_eq(mp_msg_len(m), 6);
	ck_assert_mem_eq(mp_msg_data(m), "poison", 6);
	ck_assert_int_eq(mp_msg_ack(m), 0);
	/* Its place is free, and its blames are not the next one's. */
	put(q, "next");
	ck_assert_int_eq(mp_queue_pop(q, &m, 0), 0);
	ck_assert_uint_eq(mp_msg_attempts(m), 0);
	finish(ctx);
}
END_TEST

START_TEST(a_shut_queue_is_emptied_and_then_closed)
{
	struct mp_context *ctx = context_new();
	struct mp_queue *q = queue_new(ctx, 2, false), *gone;
	char byte;
	size_t len;

	put(q, "a");
	ck_assert_int_eq(mp_queue_shut(q), 0);
	ck_assert_int_eq(mp_queue_put(q, "b", 1, -1), MP_ECLOSED);
	ck_get(q, "a");
	ck_assert_int_eq(mp_queue_get(q, &byte, 1, &len, -1), MP_ECLOSED);

	gone = queue_new(ctx, 0, false);
	put(gone, "a");
	mp_queue_unlink(gone);
	ck_assert_int_eq(mp_queue_put(gone, "b", 1, -1), MP_ECLOSED);
	ck_whole(ctx);
	finish(ctx);
}
END_TEST

struct sleeper {
	struct mp_context *ctx;
	struct mp_queue *q;
	_Atomic int ready;
	int r;
};

static void *
sleep_in_get(void *arg)
{
	struct sleeper *s = arg;
	char byte;
	size_t len;

	if (mp_thread_attach(s->ctx) == 0) {
		s->ready = 1;
		s->r = mp_queue_get(s->q, &byte, 1, &len, -1);
		mp_thread_detach(s->ctx);
	}
	return NULL;
}

START_TEST(who_sleeps_is_woken_by_a_message_and_by_the_end)
{
	struct mp_context *ctx = context_new();
	struct sleeper s = { .ctx = ctx, .q = queue_new(ctx, 1, false) };
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, sleep_in_get, &s), 0);
	ck_assert_int_eq(mp_queue_put(s.q, "a", 1, -1), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(s.r, 0);

	s.ready = 0;
	ck_assert_int_eq(pthread_create(&thread, NULL, sleep_in_get, &s), 0);
	while (!s.ready)
		sched_yield();
	ck_assert_int_eq(mp_queue_shut(s.q), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(s.r, MP_ECLOSED);
	finish(ctx);
}
END_TEST

static void
get_and_forget(struct mp_queue *q)
{
	char bytes[8];
	size_t len;

	if (mp_queue_try_get(q, bytes, sizeof(bytes), &len) != 0)
		_exit(1);
}

START_TEST(a_joinable_queue_is_done_when_each_task_is)
{
	struct mp_context *ctx = context_new();
	struct mp_queue *q = queue_new(ctx, 0, true);

	ck_assert_int_eq(mp_queue_join(q, 0), 0);
	ck_assert_int_eq(mp_queue_task_done(q), MP_EINVAL);
	put(q, "a");
	put(q, "b");
	ck_get(q, "a");
	ck_assert_int_eq(mp_queue_join(q, 10), MP_ETIMEDOUT);
	ck_assert_int_eq(mp_queue_task_done(q), 0);
	ck_assert_int_eq(mp_queue_task_done(q), MP_EINVAL);
	/* One that is killed with a task: it comes again. */
	die_after(ctx, get_and_forget, q);
	ck_assert_uint_eq(mp_queue_unfinished(q), 1);
	ck_get(q, "b");
	ck_nothing(q);
	ck_assert_int_eq(mp_queue_join(q, 10), MP_ETIMEDOUT);
	ck_assert_int_eq(mp_queue_task_done(q), 0);
	ck_assert_int_eq(mp_queue_join(q, -1), 0);
	finish(ctx);
}
END_TEST

START_TEST(a_message_goes_from_hand_to_hand_without_a_copy)
{
	struct mp_context *ctx = context_new();
	struct mp_queue *a = queue_new(ctx, 1, false);
	struct mp_queue *b = queue_new(ctx, 1, false);
	struct mp_msg *m, *other;
	void *data;

	ck_assert_int_eq(mp_msg_alloc(a, &m, 0), 0);
	ck_assert_uint_eq(mp_msg_len(m), 0);
	ck_assert_uint_ge(mp_msg_room(m), 4096);
	memcpy(mp_msg_data(m), "abc", 3);
	ck_assert_int_eq(mp_msg_set_len(m, 3), 0);
	ck_assert_int_eq(mp_msg_set_len(m, mp_msg_room(m) + 1), MP_EINVAL);
	ck_assert_int_eq(mp_msg_reserve(m, 5000), 0);
	ck_assert_mem_eq(mp_msg_data(m), "abc", 3);
	data = mp_msg_data(m);
	ck_assert_int_eq(mp_queue_push(a, m), 0);
	/* Not ours any more. */
	ck_assert_int_eq(mp_queue_push(a, m), MP_EINVAL);
	ck_assert_int_eq(mp_msg_ack(m), MP_EINVAL);
	ck_assert_int_eq(mp_queue_pop(a, &m, 0), 0);
	ck_assert_int_eq(mp_msg_nack(m), 0);
	ck_assert_int_eq(mp_queue_pop(a, &m, 0), 0);
	ck_assert_int_eq(mp_msg_forward(m, b), 0);
	ck_assert_int_eq(mp_queue_pop(b, &m, 0), 0);
	ck_assert_ptr_eq(mp_msg_data(m), data);
	/* Its place is of `a`: there none is free until it is done. */
	ck_assert_int_eq(mp_msg_alloc(a, &other, 0), MP_EFULL);
	ck_assert_int_eq(mp_msg_ack(m), 0);
	ck_assert_int_eq(mp_msg_alloc(a, &other, 0), 0);
	ck_assert_int_eq(mp_msg_ack(other), 0);
	ck_whole(ctx);
	finish(ctx);
}
END_TEST

START_TEST(batches_keep_their_order)
{
	struct mp_context *ctx = context_new();
	struct mp_queue *q = queue_new(ctx, 0, false);
	struct mp_msg *m[16];

	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(mp_msg_alloc(q, &m[i], 0), 0);
		*(int *)mp_msg_data(m[i]) = i;
		ck_assert_int_eq(mp_msg_set_len(m[i], sizeof(int)), 0);
	}
	ck_assert_int_eq(mp_queue_push_many(q, m, 10), 0);
	ck_assert_int_eq(mp_queue_pop_many(q, m, 4, 0), 4);
	ck_assert_int_eq(mp_queue_pop_many(q, m + 4, 12, 0), 6);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(*(int *)mp_msg_data(m[i]), i);
	ck_assert_int_eq(mp_queue_pop_many(q, m, 4, 0), MP_EEMPTY);
	finish(ctx);
}
END_TEST

START_TEST(a_queue_is_found_by_its_name_and_its_numbers)
{
	const struct mp_queue_attr attr = { .maxsize = 2 }, other = { 0 };
	struct mp_context *ctx = context_new();
	struct mp_queue *a = NULL, *b = NULL;

	ck_assert_int_eq(mp_queue_open(ctx, "jobs", &attr, &a), 0);
	ck_assert_int_eq(mp_queue_open(ctx, "jobs", &attr, &b), 0);
	put(a, "x");
	ck_get(b, "x");
	ck_assert_int_eq(mp_queue_open(ctx, "jobs", &other, &b), MP_EINVAL);
	ck_whole(ctx);
	mp_queue_close(a);
	mp_queue_close(b);
	finish(ctx);
}
END_TEST

START_TEST(queues_and_messages_that_there_are_not_are_refused)
{
	const struct mp_queue_attr large = { .maxsize = 17 },
				   most = { .maxsize = 16 };
	struct mp_context *ctx = context_new();
	struct mp_queue *q[5] = { NULL };

	ck_assert_int_eq(mp_queue_open(ctx, NULL, &large, &q[0]), MP_ENOSPC);
	q[0] = queue_new(ctx, 1, false);
	/* One cell is taken: all of them are not to be had, and none is lost. */
	ck_assert_int_eq(mp_queue_open(ctx, NULL, &most, &q[1]), MP_ENOSPC);
	for (int i = 1; i < 4; i++)
		q[i] = queue_new(ctx, 5, false);
	ck_assert_int_eq(mp_queue_open(ctx, NULL, NULL, &q[4]), MP_ENOSPC);
	/* What goes makes room. */
	mp_queue_unlink(q[3]);
	q[4] = queue_new(ctx, 5, false);
	ck_whole(ctx);
	finish(ctx);
}
END_TEST

static int
without_a_seat(struct mp_queue *q)
{
	char byte;
	size_t len;
	struct mp_msg *m;

	return mp_queue_try_put(q, "x", 1) == MP_EPERM &&
		       mp_queue_try_get(q, &byte, 1, &len) == MP_EPERM &&
		       mp_msg_alloc(q, &m, 0) == MP_EPERM &&
		       mp_queue_shut(q) == MP_EPERM &&
		       mp_queue_join(q, 0) == MP_EPERM
		   ? 0
		   : 1;
}

START_TEST(nothing_is_done_for_who_has_no_seat)
{
	struct mp_context *ctx = context_new();
	struct mp_queue *q = queue_new(ctx, 0, false);
	pid_t child = fork();

	if (child == 0)
		_exit(without_a_seat(q));
	ck_child_ok(child);
	finish(ctx);
}
END_TEST

START_TEST(what_is_put_aside_takes_no_place_of_a_bound)
{
	struct mp_context *ctx = context_new();
	struct mp_queue *q = queue_new(ctx, 1, false);
	struct mp_msg *m = NULL;

	put(q, "poison");
	for (unsigned i = 0; i < 3; i++)
		die_after(ctx, take_one, q);
	/* With nobody who looks after the dead. */
	put(q, "next");
	ck_assert_int_eq(mp_queue_try_put(q, "full", 4), MP_EFULL);
	/* Tried anew, it may kill as often again, and is nobody's place. */
	ck_assert_int_eq(mp_dead_pop(ctx, &m), 0);
	ck_assert_int_eq(mp_msg_forward(m, q), 0);
	ck_get(q, "next");
	die_after(ctx, take_one, q);
	ck_get(q, "poison");
	put(q, "1");
	ck_assert_int_eq(mp_queue_try_put(q, "2", 1), MP_EFULL);
	finish(ctx);
}
END_TEST

/* Takes three, and dies of the second. */
static void
die_of_the_second(struct mp_queue *q)
{
	struct mp_msg *m[3];

	if (mp_queue_pop_many(q, m, 3, 0) != 3 ||
	    memcmp(mp_msg_data(m[0]), "a", 1) != 0 || mp_msg_data(m[1]) == NULL)
		_exit(1);
}

START_TEST(a_death_is_held_against_what_was_looked_at)
{
	struct mp_context *ctx = context_new();
	struct mp_queue *q = queue_new(ctx, 0, false);
	struct mp_msg *m = NULL;
	char byte = 0;
	size_t len;

	put(q, "a");
	put(q, "b");
	put(q, "c");
	die_after(ctx, die_of_the_second, q);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(mp_queue_pop(q, &m, 0), 0);
		byte = *(char *)mp_msg_data(m);
		ck_assert_uint_eq(mp_msg_attempts(m), byte == 'b');
		ck_assert_int_eq(mp_msg_ack(m), 0);
	}
	ck_assert_int_eq(mp_queue_try_get(q, &byte, 1, &len), MP_EEMPTY);
	finish(ctx);
}
END_TEST

START_TEST(what_was_of_a_queue_that_went_comes_into_no_other)
{
	struct mp_context *ctx = context_new();
	struct mp_queue *gone = queue_new(ctx, 4, false), *q;
	struct mp_msg *m = NULL;
	char byte;
	size_t len;

	put(gone, "old");
	ck_assert_int_eq(mp_queue_pop(gone, &m, 0), 0);
	mp_queue_unlink(gone);
	ck_assert_int_eq(mp_queue_try_put(gone, "x", 1), MP_ECLOSED);
	ck_assert_int_eq(mp_queue_try_get(gone, &byte, 1, &len), MP_ECLOSED);
	q = queue_new(ctx, 4, false); /* on the same page */
	ck_assert_int_eq(mp_msg_nack(m), 0);
	ck_nothing(q);
	for (int i = 0; i < 4; i++)
		put(q, "new");
	ck_assert_int_eq(mp_queue_try_put(q, "5", 1), MP_EFULL);
	mp_queue_unlink(q);
	/* All are there again. */
	q = queue_new(ctx, 16, false);
	ck_whole(ctx);
	finish(ctx);
}
END_TEST

START_TEST(memory_that_idle_messages_keep_is_had_by_who_needs_it)
{
	struct mp_context *ctx = context_new();
	struct mp_queue *q = queue_new(ctx, 0, false);
	struct mp_msg *m[4];

	/* Half of it may lie about. */
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(mp_msg_alloc(q, &m[i], 0), 0);
		ck_assert_int_eq(mp_msg_reserve(m[i], CONVEYOR_STEP), 0);
	}
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(mp_msg_ack(m[i]), 0);
	ck_assert_uint_eq(conveyor_committed(ctx->cv), 4 * CONVEYOR_STEP);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(mp_msg_alloc(q, &m[i], 0), 0);
		ck_assert_int_eq(mp_msg_reserve(m[i], 4 * CONVEYOR_STEP), 0);
	}
	ck_whole(ctx);
	finish(ctx);
}
END_TEST

START_TEST(a_fork_has_not_taken_what_its_parent_has)
{
	struct mp_context *ctx = context_new();
	struct mp_queue *q = queue_new(ctx, 0, true);
	pid_t child;

	put(q, "mine");
	ck_get(q, "mine");
	child = fork();
	if (child == 0)
		_exit(mp_context_join(ctx) == 0 &&
			      mp_queue_task_done(q) == MP_EINVAL
			  ? 0
			  : 1);
	ck_child_ok(child);
	ck_assert_uint_eq(mp_queue_unfinished(q), 1);
	ck_assert_int_eq(mp_queue_task_done(q), 0);
	ck_assert_int_eq(mp_queue_join(q, 0), 0);
	finish(ctx);
}
END_TEST

/* One piece of work after another, each put before the one it follows from is
 * done: there is always something left, until the last. */
static void *
follow_up(void *arg)
{
	struct sleeper *s = arg;
	struct mp_msg *m, *next;

	if (mp_thread_attach(s->ctx) != 0)
		return NULL;
	s->ready = 1;
	for (int i = 0; i < 200000; i++) {
		if (mp_queue_pop(s->q, &m, -1) != 0 ||
		    mp_msg_alloc(s->q, &next, -1) != 0 ||
		    mp_queue_push(s->q, next) != 0 || mp_msg_ack(m) != 0)
			break;
	}
	s->ready = 2;
	s->r = mp_queue_pop(s->q, &m, -1) == 0 ? mp_msg_ack(m) : 1;
	mp_thread_detach(s->ctx);
	return NULL;
}

START_TEST(join_waits_for_the_work_that_work_brings_joinable_or_not)
{
	for (int joinable = 0; joinable < 2; joinable++) {
		struct mp_context *ctx = context_new();
		struct sleeper s = { .ctx = ctx,
			.q = queue_new(ctx, 0, joinable) };
		pthread_t thread;
		int r;

		put(s.q, "first");
		ck_assert_int_eq(pthread_create(&thread, NULL, follow_up, &s),
		    0);
		/* Awake, to be looking at every moment. */
		do
			r = mp_queue_join(s.q, 0);
		while (r == MP_ETIMEDOUT);
		ck_assert_int_eq(r, 0);
		ck_assert_int_eq(s.ready, 2);
		ck_assert_int_eq(pthread_join(thread, NULL), 0);
		ck_assert_int_eq(s.r, 0);
		finish(ctx);
	}
}
END_TEST

TEST_MAIN("mp_queue", messages_come_in_order_with_their_boundaries,
    a_full_queue_takes_no_more_until_one_was_taken,
    a_long_message_comes_whole_and_a_longer_one_is_refused,
    memory_that_is_in_use_is_refused_and_comes_back,
    a_bound_is_the_same_after_any_number_of_deaths,
    what_kills_everybody_is_put_aside, a_shut_queue_is_emptied_and_then_closed,
    who_sleeps_is_woken_by_a_message_and_by_the_end,
    a_joinable_queue_is_done_when_each_task_is,
    a_message_goes_from_hand_to_hand_without_a_copy, batches_keep_their_order,
    a_queue_is_found_by_its_name_and_its_numbers,
    queues_and_messages_that_there_are_not_are_refused,
    nothing_is_done_for_who_has_no_seat,
    what_is_put_aside_takes_no_place_of_a_bound,
    a_death_is_held_against_what_was_looked_at,
    what_was_of_a_queue_that_went_comes_into_no_other,
    memory_that_idle_messages_keep_is_had_by_who_needs_it,
    a_fork_has_not_taken_what_its_parent_has,
    join_waits_for_the_work_that_work_brings_joinable_or_not)
