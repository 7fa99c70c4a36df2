#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cmd/demo/demo.h"
#include "cmd/demo/pair.h"
#include "cmd/demo/turns.h"

enum {
	ROUNDS = 26,
	NUMBERS = 0,
	LETTERS = 1,
};

/* clang-format off */
static const char about[] =
"Two workers: one prints 1 to 52, two at a time, the other A to Z, and never the\n"
"same one twice in a row.  As threads and as processes; by two locks, each\n"
"released by the other side, by two semaphores, by a condition, and by a queue to\n"
"each.  Each line is printed by both of them, piece by piece.\n";

static const char answer[] =
"\nAnswer: by handing over a turn: wait for your own, then give the other's.  All four\n"
"ways are that one idea; and the same code does it for threads and for processes,\n"
"since what they wait for is in shared memory.\n";
/* clang-format on */

struct table {
	struct turns *turns;
	size_t len;
	char text[256]; /* all that was printed, by whoever's turn it was */
};

static struct table *table;

static void
say(int me, int round)
{
	char *at = table->text + table->len;
	const size_t room = sizeof(table->text) - table->len;
	int n;

	if (me == NUMBERS)
		n = snprintf(at, room, "%d%d", 2 * round + 1, 2 * round + 2);
	else
		n = snprintf(at, room, "%c%s", 'A' + round,
		    round < ROUNDS - 1 ? " " : "");
	must(write(STDOUT_FILENO, at, (size_t)n) == n);
	table->len += (size_t)n;
}

static void
work(int me)
{
	for (int round = 0; round < ROUNDS; round++) {
		turns_wait(table->turns, me);
		say(me, round);
		turns_give(table->turns, !me);
	}
}

static int
numbers(struct mp_context *ctx, void *arg)
{
	(void)ctx, (void)arg;
	work(NUMBERS);
	return 0;
}

static int
letters(struct mp_context *ctx, void *arg)
{
	(void)ctx, (void)arg;
	work(LETTERS);
	return 0;
}

static int
alternate(struct mp_context *ctx, enum turns_way way, bool threads)
{
	static char expected[256];
	int codes[2], r;
	size_t len = 0;

	for (int i = 0; i < ROUNDS; i++)
		len += (size_t)snprintf(expected + len, sizeof(expected) - len,
		    "%d%d%c ", 2 * i + 1, 2 * i + 2, 'A' + i);
	expected[len - 1] = '\0';
	*table = (struct table){ .len = 0 };
	r = turns_open(ctx, way, &table->turns);
	if (r < 0)
		return r;
	printf("\n%s, %s:\n", threads ? "Two threads" : "Two processes",
	    turns_name(way));
	if (threads)
		r = pair_run_threads(ctx, numbers, letters, NULL);
	else
		r = pair_run(ctx, numbers, letters, NULL, codes);
	putchar('\n');
	demo_claim(strcmp(table->text, expected) == 0, "strictly in turn");
	turns_close(table->turns);
	return r;
}

static int
all_eight(struct mp_context *ctx)
{
	int r = 0;

	table = pair_memory(sizeof(*table));
	if (table == NULL)
		return -ENOMEM;
	for (int i = 0; r == 0 && i < 2 * TURNS_WAYS; i++)
		r = alternate(ctx, (enum turns_way)(i / 2), i % 2 == 0);
	pair_memory_free(table, sizeof(*table));
	return r;
}

const struct demo demo_alternate = {
	.name = "alternate",
	.question = "How do two workers take turns?",
	.about = about,
	.answer = answer,
	.steps = (demo_step *[]){ all_eight, NULL },
};
