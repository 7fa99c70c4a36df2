/*
 * What becomes of the others when one is killed: libmpipc's half of the table
 * that begins in kills.py.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ipc/mp/barrier.h"
#include "ipc/mp/condition.h"
#include "ipc/mp/event.h"
#include "ipc/mp/lock.h"
#include "ipc/mp/pipe.h"
#include "ipc/mp/queue.h"
#include "ipc/mp/semaphore.h"
#include "ipc/mp/value.h"
#include "tests/ipc/python_parity/tasks.h"

enum {
	PACKET = 60000,
	HALF = 4 << 20
};

static void
goes_on(const char *what)
{
	say("goes on: %s", what);
}

static void
killed(struct mp_process *p)
{
	must(mp_process_kill(p));
	must_be(ends(p) == -SIGKILL, "it was killed");
}

/* Asleep in a system call: what it said it would begin it has begun. */
static bool
sleeps_now(struct mp_process *p)
{
	char path[40], state = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)mp_process_pid(p));
	f = fopen(path, "r");
	must_be(f != NULL && fscanf(f, "%*d (%*[^)]) %c", &state) == 1, path);
	fclose(f);
	return state == 'S';
}

/* A child of fn, killed once it has raised GOT. */
static void
killed_with(struct mp_context *ctx, mp_target *fn)
{
	struct mp_process *p = go(ctx, fn, NULL);

	flag_wait(GOT, 1);
	killed(p);
}

/* What the next one is told who takes it, and the one after it. */
static void
say_owner_dead(int first, int consistent, int release, int second)
{
	must_be(first == MP_OWNERDEAD, "OwnerDead");
	must(consistent);
	must(release);
	must_be(second == 0, "whole again");
	goes_on("the next has it, and is told OwnerDead");
}

static struct mp_lock *lock;

CHILD(holds_lock)
{
	must(mp_lock_acquire(lock, -1));
	flag_up(GOT, 1);
	return sleeps(ctx, arg);
}

SCENARIO(lock_holder)
{
	int first, consistent, release;

	must(mp_lock_open(ctx, NULL, &lock));
	killed_with(ctx, holds_lock);
	first = mp_lock_acquire(lock, PATIENCE_MS);
	consistent = mp_lock_consistent(lock);
	release = mp_lock_release(lock);
	say_owner_dead(first, consistent, release,
	    mp_lock_acquire(lock, PATIENCE_MS));
}

static struct mp_rlock *rlock;

CHILD(holds_rlock)
{
	must(mp_rlock_acquire(rlock, -1));
	must(mp_rlock_acquire(rlock, -1));
	flag_up(GOT, 1);
	return sleeps(ctx, arg);
}

SCENARIO(rlock_holder)
{
	int first, consistent, release;

	must(mp_rlock_open(ctx, NULL, &rlock));
	killed_with(ctx, holds_rlock);
	first = mp_rlock_acquire(rlock, PATIENCE_MS);
	consistent = mp_rlock_consistent(rlock);
	release = mp_rlock_release(rlock);
	say_owner_dead(first, consistent, release,
	    mp_rlock_acquire(rlock, PATIENCE_MS));
}

static struct mp_sem *sem;

CHILD(holds_credit)
{
	must(mp_sem_acquire(sem, -1));
	flag_up(GOT, 1);
	return sleeps(ctx, arg);
}

SCENARIO(semaphore_credits)
{
	must(mp_sem_open(ctx, NULL, 2, &sem));
	killed_with(ctx, holds_credit);
	killed_with(ctx, holds_credit);
	must(mp_sem_acquire(sem, PATIENCE_MS));
	must(mp_sem_acquire(sem, PATIENCE_MS));
	goes_on("both credits are back");
}

static struct mp_bsem *bsem;

CHILD(holds_bounded_credit)
{
	must(mp_bsem_acquire(bsem, -1));
	flag_up(GOT, 1);
	return sleeps(ctx, arg);
}

SCENARIO(bounded_semaphore_credit)
{
	must(mp_bsem_open(ctx, NULL, 1, &bsem));
	killed_with(ctx, holds_bounded_credit);
	must(mp_bsem_acquire(bsem, PATIENCE_MS));
	goes_on("the credit is back");
}

static struct mp_value_i64 *value;

CHILD(adds_for_ever)
{
	flag_up(GOT, 1);
	while (mp_value_i64_add(value, 2) > 0)
		continue;
	return 1;
}

SCENARIO(value_lock_holder)
{
	must(mp_value_i64_open(ctx, NULL, 0, &value));
	killed_with(ctx, adds_for_ever);
	must_be(mp_value_i64_get(value) % 2 == 0, "whole additions");
	must_be(mp_value_i64_add(value, 1) % 2 == 1, "one more");
	goes_on("it has no lock, and each addition is whole");
}

static struct mp_array *array;

CHILD(holds_array)
{
	must(mp_array_lock(array, -1));
	flag_up(GOT, 1);
	return sleeps(ctx, arg);
}

SCENARIO(array_lock_holder)
{
	int first, consistent, release;

	must(mp_array_open(ctx, NULL, sizeof(int64_t), 2, &array));
	killed_with(ctx, holds_array);
	first = mp_array_lock(array, PATIENCE_MS);
	consistent = mp_array_consistent(array);
	release = mp_array_unlock(array);
	say_owner_dead(first, consistent, release,
	    mp_array_lock(array, PATIENCE_MS));
}

static struct mp_queue *queue;

static void
queue_new(struct mp_context *ctx, uint32_t maxsize, bool joinable)
{
	struct mp_queue_attr attr = { .maxsize = maxsize,
		.joinable = joinable };

	must(mp_queue_open(ctx, NULL, &attr, &queue));
}

static void
put(const char *text)
{
	must(mp_queue_put(queue, text, strlen(text), PATIENCE_MS));
}

static void
gets(const char *text)
{
	char got[64] = "";
	size_t len;

	must(mp_queue_get(queue, got, sizeof(got) - 1, &len, PATIENCE_MS));
	must_be(strcmp(got, text) == 0, text);
}

CHILD(waits_for_message)
{
	flag_up(GOT, 1);
	gets("never");
	return 0;
}

static void
reader_that_waits(struct mp_context *ctx)
{
	struct mp_process *p = go(ctx, waits_for_message, NULL);

	flag_wait(GOT, 1);
	UNTIL(sleeps_now(p));
	killed(p);
	put("next");
	gets("next");
	goes_on("the next message comes");
}

SCENARIO(queue_reader_that_waits)
{
	queue_new(ctx, 3, false);
	reader_that_waits(ctx);
}

SCENARIO(simplequeue_reader_that_waits)
{
	queue_new(ctx, 0, false);
	reader_that_waits(ctx);
}

static void
dies(int signum)
{
	(void)signum;
	kill(getpid(), SIGKILL);
}

/* Killed while its bytes are copied: the second half is no memory. */
CHILD(puts_half)
{
	char *bytes = mmap(NULL, HALF * 2, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must_be(bytes != MAP_FAILED, "memory");
	memset(bytes, 'x', HALF);
	must(mprotect(bytes + HALF, HALF, PROT_NONE));
	signal(SIGSEGV, dies);
	must(mp_queue_put(queue, bytes, HALF * 2, -1));
	return 0;
}

static void
writer_in_its_put(struct mp_context *ctx)
{
	must_be(ends(go(ctx, puts_half, NULL)) == -SIGKILL, "it was killed");
	put("next");
	gets("next");
	must_be(mp_queue_empty(queue), "no more messages");
}

SCENARIO(queue_writer_in_its_put)
{
	queue_new(ctx, 0, false);
	writer_in_its_put(ctx);
	goes_on("its half is not there, the next message is");
}

CHILD(puts_done)
{
	put("done");
	flag_up(GOT, 1);
	return sleeps(ctx, arg);
}

SCENARIO(queue_writer_after_its_put)
{
	queue_new(ctx, 0, false);
	killed_with(ctx, puts_done);
	gets("done");
	goes_on("what was put is there");
}

SCENARIO(queue_maxsize)
{
	queue_new(ctx, 1, false);
	writer_in_its_put(ctx);
	goes_on("the only place is free again");
}

CHILD(takes_task)
{
	gets("task");
	flag_up(GOT, 1);
	return sleeps(ctx, arg);
}

SCENARIO(joinable_worker_with_a_task)
{
	queue_new(ctx, 0, true);
	put("task");
	killed_with(ctx, takes_task);
	gets("task");
	must(mp_queue_task_done(queue));
	must(mp_queue_join(queue, PATIENCE_MS));
	goes_on("another has the task, and join returns");
}

static struct mp_cond *cond;

CHILD(waits_for_condition)
{
	must(mp_cond_acquire(cond, -1));
	flag_up(GOT, 1);
	must(mp_cond_wait(cond, -1));
	flag_up(ON, 1);
	return -mp_cond_release(cond);
}

SCENARIO(condition_waiter)
{
	struct mp_process *dead, *p;

	must(mp_cond_open(ctx, NULL, NULL, &cond));
	dead = go(ctx, waits_for_condition, NULL);
	flag_wait(GOT, 1);
	must(mp_cond_acquire(cond, PATIENCE_MS)); /* it is in wait() now */
	must(mp_cond_release(cond));
	p = go(ctx, waits_for_condition, NULL);
	flag_wait(GOT, 1);
	killed(dead);
	must(mp_cond_acquire(cond, PATIENCE_MS));
	must(mp_cond_notify(cond, 1));
	must(mp_cond_release(cond));
	flag_wait(ON, 1);
	must_be(ends(p) == 0, "it ends");
	goes_on("notify wakes the one that lives");
}

CHILD(holds_condition)
{
	must(mp_cond_acquire(cond, -1));
	flag_up(GOT, 1);
	return sleeps(ctx, arg);
}

SCENARIO(condition_lock_holder)
{
	int first, consistent, release;

	must(mp_cond_open(ctx, NULL, NULL, &cond));
	killed_with(ctx, holds_condition);
	first = mp_cond_acquire(cond, PATIENCE_MS);
	consistent = mp_cond_consistent(cond);
	release = mp_cond_release(cond);
	say_owner_dead(first, consistent, release,
	    mp_cond_acquire(cond, PATIENCE_MS));
}

static struct mp_event *event;

CHILD(waits_for_event)
{
	flag_up(GOT, 1);
	must(mp_event_wait(event, -1));
	flag_up(ON, 1);
	return 0;
}

SCENARIO(event_waiter)
{
	struct mp_process *dead, *p;

	must(mp_event_open(ctx, NULL, &event));
	dead = go(ctx, waits_for_event, NULL);
	p = go(ctx, waits_for_event, NULL);
	flag_wait(GOT, 2);
	UNTIL(sleeps_now(dead) && sleeps_now(p));
	killed(dead);
	must(mp_event_set(event));
	flag_wait(ON, 1);
	must_be(ends(p) == 0, "it ends");
	goes_on("set wakes the one that lives");
}

static struct mp_barrier *barrier;

CHILD(waits_at_barrier)
{
	flag_up(GOT, 1);
	count[0] = mp_barrier_wait(barrier, -1, NULL);
	flag_up(ON, 1);
	return sleeps(ctx, arg);
}

/* After a death: who comes is told, and after reset() all is well. */
static void
say_broken(struct mp_context *ctx)
{
	must_be(mp_barrier_wait(barrier, PATIENCE_MS, NULL) == MP_EBROKEN,
	    "Broken");
	must(mp_barrier_reset(barrier));
	go(ctx, waits_at_barrier, NULL);
	must(mp_barrier_wait(barrier, PATIENCE_MS, NULL));
	goes_on("wait gives Broken, and reset mends it");
}

SCENARIO(barrier_party_that_waits)
{
	struct mp_process *p;

	must(mp_barrier_open(ctx, NULL, 2, NULL, &barrier));
	p = go(ctx, waits_at_barrier, NULL);
	UNTIL(mp_barrier_n_waiting(barrier) == 1);
	killed(p);
	say_broken(ctx);
}

SCENARIO(barrier_party_between_rounds)
{
	struct mp_process *p;

	must(mp_barrier_open(ctx, NULL, 2, NULL, &barrier));
	p = go(ctx, waits_at_barrier, NULL);
	must(mp_barrier_wait(barrier, PATIENCE_MS, NULL));
	flag_wait(ON, 1);
	killed(p);
	say_broken(ctx);
}

static struct mp_conn *r, *w;

CHILD(sends_for_ever)
{
	const unsigned char *packet = pattern(PACKET);

	flag_up(GOT, 1);
	while (mp_conn_send(w, packet, PACKET, -1) == 0)
		continue;
	return 1;
}

SCENARIO(pipe_sender_in_its_send)
{
	unsigned char *back = malloc(PACKET), *packet = pattern(PACKET);
	struct mp_process *p;
	size_t len;
	int got;

	must(mp_pipe_open(false, &r, &w));
	p = go(ctx, sends_for_ever, NULL);
	flag_wait(GOT, 1);
	UNTIL(sleeps_now(p));
	killed(p);
	while ((got = mp_conn_recv(r, back, PACKET, &len, 0)) == 0)
		must_be(len == PACKET && memcmp(back, packet, PACKET) == 0,
		    "a whole message");
	must_be(got == MP_ETIMEDOUT, "no more messages");
	must(mp_conn_send(w, "next", 4, PATIENCE_MS));
	must(mp_conn_recv(r, back, PACKET, &len, PATIENCE_MS));
	must_be(len == 4, "the next message");
	goes_on("each message is whole, and the next one comes");
}

TASK(die_at_first)
{
	if (mp_reply_attempt(reply) == 1)
		kill(getpid(), SIGKILL);
	return says(reply, argument(args, len));
}

TASK(die_always)
{
	(void)args;
	(void)len;
	kill(getpid(), SIGKILL);
	return 0;
}

TASK(die_if_3)
{
	return argument(args, len) == 3 ? die_at_first(args, len, reply)
					: says(reply, argument(args, len));
}

static const struct mp_task_function functions[] = {
	{ "square", square },
	{ "die_at_first", die_at_first },
	{ "die_always", die_always },
	{ "die_if_3", die_if_3 },
	{ NULL, NULL },
};

static struct mp_pool *pool;

static struct mp_result *
submit(mp_task *fn, int64_t n)
{
	struct mp_result *result;

	must(mp_pool_apply_async(pool, fn, &n, sizeof(n), &result));
	return result;
}

static void
gives(struct mp_result *result, int64_t n)
{
	struct mp_bytes out;

	must(mp_result_get(result, PATIENCE_MS, &out));
	must_be(said(out) == n, "its number");
}

static void
pool_new(struct mp_context *ctx, unsigned processes)
{
	struct mp_pool_attr attr = { .processes = processes };

	must(mp_pool_create(ctx, &attr, functions, &pool));
}

SCENARIO(pool_worker_in_its_task)
{
	struct mp_result *one, *two, *three;

	pool_new(ctx, 2);
	one = submit(die_at_first, 7);
	two = submit(die_always, 0);
	three = submit(square, 7);
	gives(one, 7);
	gives(three, 49);
	must_be(mp_result_get(two, PATIENCE_MS, NULL) == MP_EWORKERDIED,
	    "WorkerDied");
	goes_on("it is done again; one that always kills fails alone");
}

SCENARIO(pool_worker_that_waits_for_one)
{
	pid_t first;

	pool_new(ctx, 1);
	gives(submit(square, 3), 9);
	first = mp_pool_pid(pool, 0);
	must(kill(first, SIGKILL));
	gives(submit(square, 7), 49);
	must_be(mp_pool_pid(pool, 0) != first, "another worker");
	goes_on("another takes its place, and does the next task");
}

SCENARIO(executor_worker_in_its_task)
{
	static const int64_t n[] = { 3, 1, 2 };
	struct mp_pool_attr attr = { .processes = 1 };
	struct mp_executor *ex;
	struct mp_future *futures[4];
	int64_t two = 2;

	must(mp_executor_create(ctx, &attr, functions, &ex));
	for (int i = 0; i < 3; i++)
		must(mp_executor_submit(ex, die_if_3, &n[i], sizeof(n[i]),
		    &futures[i]));
	must(mp_wait_futures(futures, 3, MP_ALL_COMPLETED, PATIENCE_MS));
	must(mp_executor_submit(ex, square, &two, sizeof(two), &futures[3]));
	say("goes on:");
	items();
	for (int i = 0; i < 4; i++) {
		struct mp_bytes out;

		must(mp_future_result(futures[i], PATIENCE_MS, &out));
		item("%lld", (long long)said(out));
	}
}
