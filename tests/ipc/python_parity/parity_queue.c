#include <stdlib.h>
#include <string.h>

#include "ipc/mp/queue.h"
#include "tests/ipc/python_parity/parity.h"

enum {
	TEXT = 64,
	MILLION = 1000000
};

static struct mp_queue *q, *back;

static struct mp_queue *
queue_new(struct mp_context *ctx, uint32_t maxsize)
{
	struct mp_queue_attr attr = { .maxsize = maxsize };
	struct mp_queue *made;

	must(mp_queue_open(ctx, NULL, &attr, &made));
	return made;
}

static int
puts_in(struct mp_queue *queue, const char *text, int timeout_ms)
{
	return mp_queue_put(queue, text, strlen(text), timeout_ms);
}

static void
put(struct mp_queue *queue, const char *text)
{
	must(puts_in(queue, text, -1));
}

/* The next message, or what is wrong. */
static const char *
gets_in(struct mp_queue *queue, int timeout_ms)
{
	static char text[8][TEXT];
	static int next;
	char *at = text[next++ % 8];
	size_t len = 0;
	int r = mp_queue_get(queue, at, TEXT - 1, &len, timeout_ms);

	if (r < 0)
		return word(r);
	at[len] = '\0';
	return at;
}

static const char *
get(struct mp_queue *queue)
{
	return gets_in(queue, -1);
}

static void
put_number(struct mp_queue *queue, int64_t n)
{
	must(mp_queue_put(queue, &n, sizeof(n), -1));
}

static int64_t
get_number(struct mp_queue *queue)
{
	int64_t n = 0;
	size_t len;

	must(mp_queue_get(queue, &n, sizeof(n), &len, PATIENCE_MS));
	must_be(len == sizeof(n), "a number");
	return n;
}

/* A message for each letter. */
static void
put_letters(struct mp_queue *queue, const char *letters)
{
	for (; *letters != '\0'; letters++)
		must(mp_queue_put(queue, letters, 1, -1));
}

SCENARIO(first_in_first_out)
{
	q = queue_new(ctx, 0);
	put_letters(q, "01234");
	items();
	for (int i = 0; i < 5; i++)
		item("%s", get(q));
}

SCENARIO(an_empty_one_has_nothing)
{
	char text[TEXT];
	size_t len;

	say("%s", word(mp_queue_try_get(queue_new(ctx, 0), text, TEXT, &len)));
}

SCENARIO(an_empty_one_is_waited_for_in_vain)
{
	int64_t begun = now_ms();

	say("%s", gets_in(queue_new(ctx, 0), SHORT_MS));
	say("%s", yes(now_ms() - begun >= SHORT_MS));
}

SCENARIO(a_full_one_refuses)
{
	q = queue_new(ctx, 2);
	put_letters(q, "ab");
	say("%s", word(mp_queue_try_put(q, "c", 1)));
	say("%zu", mp_queue_size(q));
	say("%s", get(q));
	say("%s", get(q));
}

SCENARIO(a_full_one_is_waited_for_in_vain)
{
	int64_t begun;

	q = queue_new(ctx, 1);
	put(q, "a");
	begun = now_ms();
	say("%s", word(puts_in(q, "b", SHORT_MS)));
	say("%s", yes(now_ms() - begun >= SHORT_MS));
}

SCENARIO(get_makes_room)
{
	q = queue_new(ctx, 1);
	put(q, "a");
	say("%s", word(mp_queue_try_put(q, "b", 1)));
	say("%s", get(q));
	say("%s", word(mp_queue_try_put(q, "c", 1)));
	say("%s", get(q));
}

SCENARIO(no_time_is_nowait)
{
	q = queue_new(ctx, 1);
	say("%s", gets_in(q, 0));
	put(q, "a");
	say("%s", word(puts_in(q, "b", 0)));
}

SCENARIO(qsize_goes_up_and_down)
{
	q = queue_new(ctx, 0);
	items();
	item("%zu", mp_queue_size(q));
	for (int i = 0; i < 3; i++) {
		put(q, "a");
		item("%zu", mp_queue_size(q));
	}
	for (int i = 0; i < 3; i++) {
		get(q);
		item("%zu", mp_queue_size(q));
	}
}

SCENARIO(empty_until_something_is_put)
{
	q = queue_new(ctx, 0);
	say("%s", yes(mp_queue_empty(q)));
	put(q, "a");
	say("%s", yes(mp_queue_empty(q)));
	get(q);
	say("%s", yes(mp_queue_empty(q)));
}

SCENARIO(full_is_at_maxsize)
{
	q = queue_new(ctx, 2);
	items();
	item("%s", yes(mp_queue_full(q)));
	for (int i = 0; i < 2; i++) {
		put(q, "a");
		item("%s", yes(mp_queue_full(q)));
	}
	get(q);
	say("%s", yes(mp_queue_full(q)));
}

SCENARIO(without_maxsize_it_takes_500)
{
	bool in_order = true;

	q = queue_new(ctx, 0);
	for (int64_t i = 0; i < 500; i++)
		must(mp_queue_try_put(q, &i, sizeof(i)));
	say("%s", yes(mp_queue_full(q)));
	say("%zu", mp_queue_size(q));
	for (int64_t i = 0; i < 500; i++)
		in_order &= get_number(q) == i;
	say("%s", yes(in_order));
}

CHILD(puts_letters)
{
	put_letters(q, arg);
	return 0;
}

SCENARIO(a_child_puts)
{
	struct mp_process *p;

	q = queue_new(ctx, 0);
	p = go(ctx, puts_letters, "xyz");
	items();
	for (int i = 0; i < 3; i++)
		item("%s", get(q));
	say("%d", ends(p));
}

CHILD(gets_three)
{
	char all[4] = "";

	for (int i = 0; i < 3; i++)
		strcat(all, get(q));
	put(back, all);
	return 0;
}

SCENARIO(a_child_gets)
{
	struct mp_process *p;

	q = queue_new(ctx, 0);
	back = queue_new(ctx, 0);
	p = go(ctx, gets_three, NULL);
	put_letters(q, "xyz");
	say("%s", get(back));
	say("%d", ends(p));
}

CHILD(puts_text)
{
	put(q, arg);
	return 0;
}

CHILD(starts_one_that_puts)
{
	return ends(go(ctx, puts_text, "deep"));
}

SCENARIO(a_grandchild_puts)
{
	struct mp_process *p;

	q = queue_new(ctx, 0);
	p = go(ctx, starts_one_that_puts, NULL);
	say("%s", get(q));
	say("%d", ends(p));
}

CHILD(leaves_two)
{
	put(q, "left");
	put(q, "behind");
	return 0;
}

SCENARIO(what_a_dead_child_put_is_there)
{
	q = queue_new(ctx, 0);
	ends(go(ctx, leaves_two, NULL));
	say("%s", get(q));
	say("%s", get(q));
}

CHILD(numbers)
{
	for (int i = 0; i < 50; i++)
		put_number(q, (intptr_t)arg * 1000 + i);
	return 0;
}

SCENARIO(many_producers_each_in_order)
{
	struct mp_process *ps[4];
	int64_t next[4] = { 0 };
	bool in_order = true;
	int seen = 0;

	q = queue_new(ctx, 0);
	for (int i = 0; i < 4; i++)
		ps[i] = go(ctx, numbers, number(i));
	for (int i = 0; i < 200; i++) {
		int64_t n = get_number(q);

		in_order &= n % 1000 == next[n / 1000]++;
	}
	for (int i = 0; i < 4; i++) {
		ends(ps[i]);
		seen += (int)next[i];
	}
	say("%d", seen);
	say("%s", gets_in(q, 0));
	say("%s", yes(in_order));
}

/* Until it gets a 0, which is no item. */
CHILD(sums_up)
{
	int64_t n;

	while ((n = get_number(q)) != 0)
		count[(intptr_t)arg] += n;
	return 0;
}

SCENARIO(many_consumers_each_item_once)
{
	struct mp_process *ps[3];

	q = queue_new(ctx, 0);
	for (int i = 0; i < 3; i++)
		ps[i] = go(ctx, sums_up, number(i));
	for (int i = 1; i <= 100; i++)
		put_number(q, i);
	for (int i = 0; i < 3; i++)
		put_number(q, 0);
	say_ends(ps, 3);
	say("%d", (int)(count[0] + count[1] + count[2]));
}

CHILD(puts_1_to_50)
{
	for (int i = 1; i <= 50; i++)
		put_number(q, i);
	return 0;
}

SCENARIO(many_of_both_by_a_small_one)
{
	struct mp_process *makers[3], *takers[2];

	q = queue_new(ctx, 3);
	for (int i = 0; i < 3; i++)
		makers[i] = go(ctx, puts_1_to_50, NULL);
	for (int i = 0; i < 2; i++)
		takers[i] = go(ctx, sums_up, number(i));
	say_ends(makers, 3);
	put_number(q, 0);
	put_number(q, 0);
	say_ends(takers, 2);
	say("%d", (int)(count[0] + count[1]));
}

SCENARIO(messages_keep_their_bounds)
{
	static const size_t lens[] = { 1, 0, 3, 1000 };
	unsigned char *bytes = pattern(1000);

	q = queue_new(ctx, 0);
	for (int i = 0; i < 4; i++)
		must(mp_queue_put(q, bytes, lens[i], -1));
	items();
	for (int i = 0; i < 4; i++) {
		size_t len;

		must(mp_queue_get(q, bytes, 1000, &len, -1));
		item("%zu", len);
	}
}

SCENARIO(an_empty_message_is_one)
{
	q = queue_new(ctx, 0);
	must(mp_queue_put(q, NULL, 0, -1));
	say("%zu", mp_queue_size(q));
	say("%zu", strlen(get(q)));
	say("%zu", mp_queue_size(q));
}

SCENARIO(any_byte_comes_through)
{
	unsigned char all[256], got[256];
	size_t len = 0;

	for (int i = 0; i < 256; i++)
		all[i] = (unsigned char)i;
	q = queue_new(ctx, 0);
	must(mp_queue_put(q, all, 256, -1));
	must(mp_queue_get(q, got, 256, &len, -1));
	say("%s", yes(len == 256 && memcmp(all, got, 256) == 0));
}

static void
say_big(struct mp_queue *queue, size_t size)
{
	unsigned char *got = malloc(size);
	size_t len = 0;

	must(mp_queue_get(queue, got, size, &len, PATIENCE_MS));
	say("%zu", len);
	say("%s", yes(memcmp(got, pattern(size), size) == 0));
}

CHILD(puts_big)
{
	return -mp_queue_put(q, pattern(MILLION), MILLION, -1);
}

SCENARIO(a_message_of_a_million_bytes)
{
	struct mp_process *p;

	q = queue_new(ctx, 0);
	p = go(ctx, puts_big, NULL);
	say_big(q, MILLION);
	say("%d", ends(p));
}

CHILD(puts_back)
{
	char *bytes = malloc(8 * MILLION);
	size_t len;

	must(mp_queue_get(q, bytes, 8 * MILLION, &len, PATIENCE_MS));
	return -mp_queue_put(back, bytes, len, -1);
}

SCENARIO(a_message_of_eight_million_bytes_both_ways)
{
	struct mp_process *p;

	q = queue_new(ctx, 0);
	back = queue_new(ctx, 0);
	p = go(ctx, puts_back, NULL);
	must(mp_queue_put(q, pattern(8 * MILLION), 8 * MILLION, -1));
	say_big(back, 8 * MILLION);
	say("%d", ends(p));
}

CHILD(gets_and_tells)
{
	flag_up(BEGUN, 1);
	get(q);
	flag_up(GOT, 1);
	return 0;
}

SCENARIO(get_waits_until_something_is_put)
{
	struct mp_process *p;

	q = queue_new(ctx, 0);
	p = go(ctx, gets_and_tells, NULL);
	flag_wait(BEGUN, 1);
	say("%s", yes(flag_seen(GOT, SHORT_MS)));
	put(q, "a");
	flag_wait(GOT, 1);
	say("%d", ends(p));
}

CHILD(puts_and_tells)
{
	put(q, "a");
	flag_up(GOT, 1);
	put(q, "b");
	flag_up(GOT, 1);
	return 0;
}

SCENARIO(put_waits_until_there_is_room)
{
	struct mp_process *p;

	q = queue_new(ctx, 1);
	p = go(ctx, puts_and_tells, NULL);
	flag_wait(GOT, 1);
	say("%s", yes(flag_seen(GOT, SHORT_MS)));
	say("%s", get(q));
	flag_wait(GOT, 1);
	say("%s", get(q));
	say("%d", ends(p));
}

CHILD(gets_in_time)
{
	flag_up(BEGUN, 1);
	flag_up(GOT, strcmp(gets_in(q, PATIENCE_MS), "a") == 0 ? 1 : 2);
	return 0;
}

SCENARIO(get_with_time_is_woken_in_time)
{
	struct mp_process *p;

	q = queue_new(ctx, 0);
	p = go(ctx, gets_in_time, NULL);
	flag_wait(BEGUN, 1);
	put(q, "a");
	flag_wait(GOT, 1);
	say("%s", yes(flag_seen(GOT, 0)));
	say("%d", ends(p));
}

SCENARIO(maxsize_is_of_all_processes)
{
	struct mp_process *ps[2];

	q = queue_new(ctx, 3);
	ps[0] = go(ctx, puts_text, "a");
	ps[1] = go(ctx, puts_text, "b");
	say_ends(ps, 2);
	put(q, "c");
	say("%s", word(mp_queue_try_put(q, "d", 1)));
	say("%zu", mp_queue_size(q));
}

SCENARIO(a_closed_one_takes_nothing)
{
	q = queue_new(ctx, 0);
	must(mp_queue_shut(q));
	say("%s", word(mp_queue_try_put(q, "a", 1)));
}

SCENARIO(two_queues_do_not_mix)
{
	q = queue_new(ctx, 0);
	back = queue_new(ctx, 0);
	put_letters(q, "ab");
	put_letters(back, "xy");
	say("%s", get(back));
	say("%s", get(q));
	say("%s", get(back));
	say("%s", get(q));
}

CHILD(answers)
{
	for (int i = 0; i < 50; i++) {
		get(q);
		count[0]++;
		put(back, "go");
	}
	return 0;
}

SCENARIO(two_take_turns_by_two_queues)
{
	struct mp_process *p;
	bool in_turn = true;

	q = queue_new(ctx, 0);
	back = queue_new(ctx, 0);
	p = go(ctx, answers, NULL);
	for (int i = 0; i < 50; i++) {
		put(q, "go");
		get(back);
		in_turn &= count[0] == i + 1;
	}
	say("%s", yes(in_turn));
	say("%d", ends(p));
}

SCENARIO(an_item_put_back_goes_to_the_end)
{
	q = queue_new(ctx, 0);
	put_letters(q, "abc");
	put(q, get(q));
	for (int i = 0; i < 3; i++)
		say("%s", get(q));
}
