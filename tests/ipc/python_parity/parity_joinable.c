#include "ipc/mp/queue.h"
#include "tests/ipc/python_parity/parity.h"

static struct mp_queue *q;

static void
queue_new(struct mp_context *ctx, uint32_t maxsize)
{
	struct mp_queue_attr attr = { .maxsize = maxsize, .joinable = true };

	must(mp_queue_open(ctx, NULL, &attr, &q));
}

static void
put(int64_t n)
{
	must(mp_queue_put(q, &n, sizeof(n), -1));
}

static int64_t
get(void)
{
	int64_t n = 0;
	size_t len;

	must(mp_queue_get(q, &n, sizeof(n), &len, PATIENCE_MS));
	return n;
}

static void
done(void)
{
	must(mp_queue_task_done(q));
}

CHILD(joins_and_tells)
{
	flag_up(BEGUN, 1);
	must(mp_queue_join(q, -1));
	flag_up(GOT, 1);
	return 0;
}

static struct mp_process *
joiner(struct mp_context *ctx)
{
	struct mp_process *p = go(ctx, joins_and_tells, NULL);

	flag_wait(BEGUN, 1);
	return p;
}

SCENARIO(a_new_one_is_joined_at_once)
{
	queue_new(ctx, 0);
	say("%s", word(mp_queue_join(q, -1)));
}

SCENARIO(join_waits_for_task_done)
{
	struct mp_process *p;

	queue_new(ctx, 0);
	put(1);
	p = joiner(ctx);
	say("%s", yes(flag_seen(GOT, SHORT_MS)));
	get();
	say("%s", yes(flag_seen(GOT, SHORT_MS)));
	done();
	flag_wait(GOT, 1);
	say("%d", ends(p));
}

SCENARIO(join_waits_for_all_of_them)
{
	struct mp_process *p;

	queue_new(ctx, 0);
	for (int i = 0; i < 3; i++)
		put(i);
	p = joiner(ctx);
	items();
	for (int i = 0; i < 3; i++) {
		item("%s", yes(flag_seen(GOT, SHORT_MS)));
		get();
		done();
	}
	flag_wait(GOT, 1);
	say("%d", ends(p));
}

SCENARIO(task_done_once_too_often)
{
	queue_new(ctx, 0);
	put(1);
	get();
	say("%s", word(mp_queue_task_done(q)));
	say("%s", word(mp_queue_task_done(q)));
}

SCENARIO(task_done_of_nothing)
{
	queue_new(ctx, 0);
	say("%s", word(mp_queue_task_done(q)));
}

SCENARIO(task_done_is_counted_not_named)
{
	queue_new(ctx, 0);
	put(1);
	put(2);
	get();
	get();
	say("%s", word(mp_queue_task_done(q)));
	say("%s", word(mp_queue_task_done(q)));
	say("%s", word(mp_queue_join(q, -1)));
}

CHILD(works)
{
	int64_t n;

	while ((n = get()) >= 0) {
		count[n]++;
		done();
	}
	done();
	return 0;
}

SCENARIO(workers_are_done_with_all_when_join_returns)
{
	struct mp_process *ps[3];
	bool each_once = true;

	queue_new(ctx, 0);
	for (int i = 0; i < 3; i++)
		ps[i] = go(ctx, works, NULL);
	for (int i = 0; i < 30; i++)
		put(i);
	must(mp_queue_join(q, PATIENCE_MS));
	for (int i = 0; i < 30; i++)
		each_once &= count[i] == 1;
	say("%s", yes(each_once));
	for (int i = 0; i < 3; i++)
		put(-1);
	must(mp_queue_join(q, PATIENCE_MS));
	say_ends(ps, 3);
}

SCENARIO(it_is_joined_again_after_more)
{
	struct mp_process *p;

	queue_new(ctx, 0);
	put(1);
	get();
	done();
	must(mp_queue_join(q, PATIENCE_MS));
	put(2);
	p = joiner(ctx);
	say("%s", yes(flag_seen(GOT, SHORT_MS)));
	get();
	done();
	flag_wait(GOT, 1);
	say("%d", ends(p));
}

SCENARIO(two_that_join_both_go_on)
{
	struct mp_process *ps[2];

	queue_new(ctx, 0);
	put(1);
	for (int i = 0; i < 2; i++)
		ps[i] = joiner(ctx);
	get();
	done();
	flag_wait(GOT, 2);
	say_ends(ps, 2);
}

CHILD(puts_three)
{
	for (int i = 0; i < 3; i++)
		put(i);
	return 0;
}

SCENARIO(puts_of_a_child_count)
{
	queue_new(ctx, 0);
	ends(go(ctx, puts_three, NULL));
	items();
	for (int i = 0; i < 3; i++) {
		item("%d", (int)get());
		done();
	}
	say("%s", word(mp_queue_join(q, -1)));
	say("%s", word(mp_queue_task_done(q)));
}

SCENARIO(it_has_a_maxsize_too)
{
	queue_new(ctx, 1);
	put(1);
	say("%s", word(mp_queue_try_put(q, "b", 1)));
	get();
	done();
	say("%s", word(mp_queue_try_put(q, "b", 1)));
	say("%zu", mp_queue_size(q));
}

CHILD(puts_what_is_left)
{
	for (int i = 0; i < 4; i++) {
		int64_t left = get();

		if (left > 0)
			put(left - 1);
		count[0]++;
		done();
	}
	return 0;
}

SCENARIO(task_put_by_a_task_is_waited_for)
{
	struct mp_process *p;

	queue_new(ctx, 0);
	p = go(ctx, puts_what_is_left, NULL);
	put(3);
	must(mp_queue_join(q, PATIENCE_MS));
	say("%d", (int)count[0]);
	say("%d", ends(p));
}
