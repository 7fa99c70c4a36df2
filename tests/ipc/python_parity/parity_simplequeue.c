#include <string.h>

#include "ipc/mp/queue.h"
#include "tests/ipc/python_parity/parity.h"

static struct mp_queue *q, *back;

static struct mp_queue *
queue_new(struct mp_context *ctx)
{
	struct mp_queue *made;

	must(mp_queue_open(ctx, NULL, NULL, &made));
	return made;
}

static void
put(struct mp_queue *queue, const char *text)
{
	must(mp_queue_put(queue, text, strlen(text), -1));
}

static const char *
get(struct mp_queue *queue)
{
	static char text[4][64];
	static int next;
	char *at = text[next++ % 4];
	size_t len = 0;

	must(mp_queue_get(queue, at, sizeof(text[0]) - 1, &len, -1));
	at[len] = '\0';
	return at;
}

SCENARIO(first_in_first_out)
{
	static const char *const texts[] = { "0", "1", "2", "3", "4" };

	q = queue_new(ctx);
	for (int i = 0; i < 5; i++)
		put(q, texts[i]);
	items();
	for (int i = 0; i < 5; i++)
		item("%s", get(q));
}

SCENARIO(empty_says_so)
{
	q = queue_new(ctx);
	say("%s", yes(mp_queue_empty(q)));
	put(q, "a");
	say("%s", yes(mp_queue_empty(q)));
	get(q);
	say("%s", yes(mp_queue_empty(q)));
}

CHILD(joins_two)
{
	char both[32];

	strcpy(both, get(q));
	strcat(both, get(q));
	put(back, both);
	return 0;
}

SCENARIO(a_child_answers)
{
	struct mp_process *p;

	q = queue_new(ctx);
	back = queue_new(ctx);
	p = go(ctx, joins_two, NULL);
	put(q, "ask");
	put(q, "ed");
	say("%s", get(back));
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

	q = queue_new(ctx);
	p = go(ctx, gets_and_tells, NULL);
	flag_wait(BEGUN, 1);
	say("%s", yes(flag_seen(GOT, SHORT_MS)));
	put(q, "a");
	flag_wait(GOT, 1);
	say("%d", ends(p));
}

SCENARIO(messages_keep_their_bounds)
{
	q = queue_new(ctx);
	put(q, "a");
	put(q, "");
	put(q, "bcd");
	items();
	for (int i = 0; i < 3; i++)
		item("%zu", strlen(get(q)));
}

CHILD(puts_25)
{
	for (int64_t n = (intptr_t)arg; n < (intptr_t)arg + 25; n++)
		must(mp_queue_put(q, &n, sizeof(n), -1));
	return 0;
}

SCENARIO(many_producers_each_item_once)
{
	struct mp_process *ps[4];
	bool seen[400] = { false };
	int different = 0, sum = 0;

	q = queue_new(ctx);
	for (int i = 0; i < 4; i++)
		ps[i] = go(ctx, puts_25, number(100 * i));
	for (int i = 0; i < 100; i++) {
		int64_t n = 0;
		size_t len;

		must(mp_queue_get(q, &n, sizeof(n), &len, PATIENCE_MS));
		different += !seen[n % 400];
		seen[n % 400] = true;
		sum += (int)n;
	}
	say("%d", different);
	say("%d", sum);
	say_ends(ps, 4);
	say("%s", yes(mp_queue_empty(q)));
}
