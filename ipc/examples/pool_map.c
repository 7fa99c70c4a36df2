/*
 * pool_map - words counted by a pool of processes, line by line; a worker is
 * killed by one of the lines, and the map is complete nevertheless.
 */
#include <ctype.h>
#include <mpipc/mpipc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const lines[] = {
	"It is a truth universally acknowledged,",
	"that a single process in possession of a good fortune,",
	"must be in want of a pool.",
	"However little known the feelings or views of such a process may be",
	"on its first entering a neighbourhood,",
	"this truth is so well fixed in the minds of the surrounding families",
	"that it is considered as the rightful property",
	"of some one or other of their workers.",
};
enum {
	LINES = sizeof(lines) / sizeof(*lines)
};

static void
need(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, mp_strerror(r));
	_exit(1);
}

/* A task: bytes in, bytes out, by a worker. */
static int
count_words(const void *args, size_t len, struct mp_reply *reply)
{
	const char *line = args;
	bool inside = false;
	int words = 0;

	if (memcmp(line, "However", 7) == 0 && mp_reply_attempt(reply) == 1)
		kill(getpid(), SIGKILL);
	for (size_t i = 0; i < len; i++) {
		words += !inside && !isspace((unsigned char)line[i]);
		inside = !isspace((unsigned char)line[i]);
	}
	return mp_reply_write(reply, &words, sizeof(words));
}

static const struct mp_task_function functions[] = {
	{ "count_words", count_words },
	{ NULL, NULL },
};

int
main(void)
{
	const struct mp_pool_attr attr = { .processes = 4 };
	struct mp_context *ctx;
	struct mp_pool *pool;
	struct mp_result *result;
	struct mp_bytes items[LINES], reply;
	int words, total = 0;

	for (size_t i = 0; i < LINES; i++)
		items[i] = (struct mp_bytes){ lines[i], strlen(lines[i]) };
	need(mp_context_open(NULL, NULL, &ctx), "context");
	need(mp_pool_create(ctx, &attr, functions, &pool), "pool");

	/* pool.map(count_words, lines, chunksize=1) */
	need(mp_pool_map(pool, count_words, items, LINES, 1, &result), "map");
	for (size_t i = 0; i < LINES; i++) {
		need(mp_result_item(result, i, &reply), "a line");
		memcpy(&words, reply.data, sizeof(words));
		printf("%2d %s\n", words, lines[i]);
		total += words;
	}
	printf("%d words, %lu worker replaced\n", total,
	    mp_pool_restarts(pool));

	mp_result_free(result);
	need(mp_pool_close(pool), "close");
	need(mp_pool_join(pool, -1), "join");
	mp_pool_free(pool);
	mp_context_close(ctx);
	return 0;
}
