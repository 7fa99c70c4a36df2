/* event_bench - what an event in the roster costs, its time included: ns of
 * CPU, as a machine with other work tells it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ipc/roster.h"

enum {
	ROUNDS = 10000000
};

static const struct conveyor_shape shape = { .cells = 64,
	.queues = 1,
	.bound_slots = 1,
	.order_size = 64,
	.capture_size = 64,
	.inline_size = 64,
	.body_size = CONVEYOR_STEP,
	.output_size = CONVEYOR_STEP };

static int64_t
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t
cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * 1000000000 + now.tv_nsec;
}

static void
need(int ok)
{
	if (ok < 0) {
		fprintf(stderr, "event_bench: %s\n", strerror(-ok));
		exit(1);
	}
}

int
main(void)
{
	const struct conveyor_gates gates = { { 0 } };
	const uint8_t id[16] = { 0 };
	struct conveyor *cv;
	char name[64];
	int64_t start;
	uint64_t room;

	snprintf(name, sizeof(name), "/mpc.bench.%d", (int)getpid());
	need(conveyor_create(name, &shape, id, 0, &gates, &cv, &room));
	conveyor_unlink(name); /* the mapping stays, nothing is left behind */
	need(roster_keep_events(cv, 1));
	conveyor_become(cv, 1);
	start = cpu_ns();
	for (uint64_t i = 0; i < ROUNDS; i++)
		roster_event(cv, now_us(), 1, (int64_t)(i % 64), i);
	printf("ipc event: %.1f ns\n", (double)(cpu_ns() - start) / ROUNDS);
	conveyor_detach(cv);
	return 0;
}
