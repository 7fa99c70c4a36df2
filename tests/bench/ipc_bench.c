/* ipc_bench - what a hand-over costs: ns per message, one line a number. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ipc/conveyor.h"

enum {
	FREE,
	WORK,
	QUEUES,
	ROUNDS = 2000000,
	BATCH = 8
};

static const struct conveyor_shape shape = { .cells = 64,
	.queues = QUEUES,
	.bound_slots = 1,
	.order_size = 64,
	.capture_size = 64,
	.inline_size = 64,
	.body_size = CONVEYOR_STEP,
	.output_size = CONVEYOR_STEP };

static double
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void
need(int ok)
{
	if (ok < 0) {
		fprintf(stderr, "ipc_bench: %s\n", strerror(-ok));
		exit(1);
	}
}

/* alloc, push, pop, free. */
static void
same_process(struct conveyor *cv)
{
	double start = now_ns();

	for (int i = 0; i < ROUNDS; i++) {
		uint32_t cell;

		need(conveyor_pop(cv, FREE, &cell));
		need(conveyor_push(cv, WORK, cell));
		need(conveyor_pop(cv, WORK, &cell));
		need(conveyor_push(cv, FREE, cell));
	}
	printf("ipc same process: %.0f ns a message\n",
	    (now_ns() - start) / ROUNDS);
}

/* Take up to `max` from `from`, sleeping while there is nothing. */
static size_t
take(struct conveyor *cv, uint8_t from, uint32_t *cells, size_t max)
{
	int n;

	while ((n = conveyor_pop_many(cv, from, cells, max)) == 0)
		conveyor_wait(cv, from, -1);
	need(n);
	return (size_t)n;
}

static void
carry(struct conveyor *cv, uint8_t from, uint8_t to, size_t batch)
{
	for (size_t done = 0; done < ROUNDS;) {
		uint32_t cells[BATCH];
		size_t left = ROUNDS - done;
		size_t n = take(cv, from, cells, left < batch ? left : batch);

		need(conveyor_push_many(cv, to, cells, n));
		done += n;
	}
}

static void
two_processes(struct conveyor *cv, size_t batch)
{
	double start = now_ns();
	pid_t child;

	fflush(stdout);
	child = fork();
	need(child);
	if (child == 0) {
		conveyor_become(cv, 1);
		carry(cv, WORK, FREE, batch);
		_exit(0);
	}
	conveyor_become(cv, 2);
	carry(cv, FREE, WORK, batch);
	waitpid(child, NULL, 0);
	printf("ipc two processes, sleeping, %zu at a time: %.0f ns a "
	       "message\n",
	    batch, (now_ns() - start) / ROUNDS);
}

int
main(void)
{
	const struct conveyor_gates gates = { { FREE, WORK } };
	const uint8_t id[16] = { 0 };
	struct conveyor *cv;
	char name[64];
	uint64_t room;

	snprintf(name, sizeof(name), "/mpc.bench.%d", (int)getpid());
	need(conveyor_create(name, &shape, id, FREE, &gates, &cv, &room));
	conveyor_unlink(name); /* the mapping stays, nothing is left behind */
	conveyor_become(cv, 1);
	same_process(cv);
	two_processes(cv, 1);
	two_processes(cv, BATCH);
	conveyor_detach(cv);
	return 0;
}
