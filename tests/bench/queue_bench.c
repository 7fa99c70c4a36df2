/*
 * queue_bench - messages a second between processes, for scripts/bench-ipc.
 *
 *   queue_bench WAY rate SIZE BATCH PRODUCERS CONSUMERS   messages a second
 *   queue_bench WAY trip     median round trip in ns; both sleep in between
 *
 * WAY: conveyor, or pipe (a pair of descriptors and nothing else).  Each
 * message is copied in by who sends it and copied out by who takes it, and
 * looked at: its number and its last byte.  PRODUCERS 0: one process does both.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ipc/conveyor.h"

enum {
	FREE,
	WORK,
	BACK,
	QUEUES,
	SIZE_MOST = 64 << 10,
	BATCH_MOST = 64,
	INLINE_MOST = 4096,
	BYTES_UNDER_WAY = 4 << 20, /* a cache's worth: cells times size */
	CELLS_MOST = 1024,
	TRIPS = 20000,
};

/* About a second of each. */
static const struct {
	size_t size;
	unsigned messages;
} amounts[] = { { 64, 2000000 }, { 4096, 500000 }, { SIZE_MOST, 60000 } };

struct work {
	size_t size, batch;
	unsigned producers, consumers;
	unsigned messages; /* of all */
	_Atomic unsigned *taken;
	struct conveyor *cv;
	int pipe[2];
};

struct message {
	uint64_t number;
	char bytes[SIZE_MOST];
};

static struct message outgoing, incoming;

static double
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void
need(long r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "queue_bench: %s: %s\n", what, strerror((int)-r));
	exit(1);
}

static void
compose(const struct work *work, uint64_t number)
{
	outgoing.number = number;
	((char *)&outgoing)[work->size - 1] = (char)number;
}

static void
look(const struct work *work)
{
	const char *bytes = (const char *)&incoming;

	if (work->size > sizeof(uint64_t) &&
	    bytes[work->size - 1] != (char)incoming.number)
		need(-EBADMSG, "a message");
}

/* --- the conveyor -------------------------------------------------------- */

static void *
payload(const struct work *work, uint32_t cell)
{
	if (work->size <= INLINE_MOST)
		return conveyor_inline(work->cv, cell);
	if (conveyor_body_room(work->cv, cell) < work->size)
		need(conveyor_grow_body(work->cv, cell, work->size, UINT64_MAX),
		    "a body");
	return conveyor_body(work->cv, cell);
}

static size_t
take(struct conveyor *cv, uint8_t from, uint32_t *cells, size_t max)
{
	int n;

	while ((n = conveyor_pop_many(cv, from, cells, max)) == 0)
		conveyor_wait(cv, from, -1);
	need(n, "pop");
	return (size_t)n;
}

static void
conveyor_send(struct work *work, unsigned messages)
{
	for (unsigned sent = 0; sent < messages;) {
		uint32_t cells[BATCH_MOST];
		size_t left = messages - sent;
		size_t n = take(work->cv, FREE, cells,
		    left < work->batch ? left : work->batch);

		for (size_t i = 0; i < n; i++) {
			compose(work, sent + i);
			memcpy(payload(work, cells[i]), &outgoing, work->size);
		}
		need(conveyor_push_many(work->cv, WORK, cells, n), "push");
		sent += (unsigned)n;
	}
}

/* Until all messages of all have been taken. */
static void
conveyor_take(struct work *work)
{
	while (atomic_load(work->taken) < work->messages) {
		uint32_t cells[BATCH_MOST];
		int n = conveyor_pop_many(work->cv, WORK, cells, work->batch);

		need(n, "pop");
		if (n == 0) {
			conveyor_wait(work->cv, WORK, 10);
			continue;
		}
		for (int i = 0; i < n; i++) {
			memcpy(&incoming, payload(work, cells[i]), work->size);
			look(work);
		}
		need(conveyor_push_many(work->cv, FREE, cells, (size_t)n),
		    "push");
		atomic_fetch_add(work->taken, (unsigned)n);
	}
}

static void
conveyor_alone(struct work *work)
{
	for (unsigned done = 0; done < work->messages;) {
		uint32_t cells[BATCH_MOST];
		size_t n = take(work->cv, FREE, cells, work->batch);

		for (size_t i = 0; i < n; i++) {
			compose(work, done + i);
			memcpy(payload(work, cells[i]), &outgoing, work->size);
		}
		need(conveyor_push_many(work->cv, WORK, cells, n), "push");
		n = take(work->cv, WORK, cells, work->batch);
		for (size_t i = 0; i < n; i++) {
			memcpy(&incoming, payload(work, cells[i]), work->size);
			look(work);
		}
		need(conveyor_push_many(work->cv, FREE, cells, n), "push");
		done += (unsigned)n;
	}
}

static void
conveyor_trips(struct work *work, double *took)
{
	uint32_t cell;

	take(work->cv, FREE, &cell, 1);

	for (unsigned i = 0; i < TRIPS; i++) {
		double start = now_ns();

		compose(work, i);
		memcpy(payload(work, cell), &outgoing, work->size);
		need(conveyor_push(work->cv, WORK, cell), "push");
		take(work->cv, BACK, &cell, 1);
		memcpy(&incoming, payload(work, cell), work->size);
		took[i] = now_ns() - start;
	}
}

static void
conveyor_answer(struct work *work)
{
	for (unsigned i = 0; i < TRIPS; i++) {
		uint32_t cell;

		take(work->cv, WORK, &cell, 1);
		memcpy(&incoming, payload(work, cell), work->size);
		memcpy(payload(work, cell), &incoming, work->size);
		need(conveyor_push(work->cv, BACK, cell), "push");
	}
}

static void
conveyor_setup(struct work *work)
{
	struct conveyor_shape shape = { .queues = QUEUES,
		.bound_slots = 1,
		.order_size = 64,
		.capture_size = 64,
		.inline_size = INLINE_MOST,
		.body_size = SIZE_MOST,
		.output_size = CONVEYOR_STEP };
	const struct conveyor_gates gates = { { FREE, WORK, BACK } };
	const uint8_t id[16] = { 0 };
	char name[64];
	uint64_t room;

	shape.cells = BYTES_UNDER_WAY / (uint32_t)work->size;
	if (shape.cells > CELLS_MOST)
		shape.cells = CELLS_MOST;
	snprintf(name, sizeof(name), "/mpc.bench.%d", (int)getpid());
	need(conveyor_create(name, &shape, id, FREE, &gates, &work->cv, &room),
	    "conveyor_create");
	conveyor_unlink(name); /* the mapping stays, nothing is left behind */
	for (uint32_t cell = 0; cell < shape.cells; cell++)
		need(conveyor_prepare(work->cv, cell), "conveyor_prepare");
}

static void
conveyor_become_worker(struct work *work, unsigned me)
{
	conveyor_become(work->cv, (uint8_t)me);
}

/* --- a pipe -------------------------------------------------------------- */

static void
write_all(int fd, const void *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		need(n < 0 ? -errno : n, "write");
		bytes = (const char *)bytes + n;
		len -= (size_t)n;
	}
}

static void
read_all(int fd, void *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = read(fd, bytes, len);

		need(n < 0 ? -errno : n == 0 ? -EPIPE : n, "read");
		bytes = (char *)bytes + n;
		len -= (size_t)n;
	}
}

static void
pipe_send(struct work *work, unsigned messages)
{
	for (unsigned i = 0; i < messages; i++) {
		compose(work, i);
		write_all(work->pipe[1], &outgoing, work->size);
	}
}

static void
pipe_take(struct work *work)
{
	/* Its share: what is read by two is torn, but for whole messages of
	 * less than a page that divides evenly. */
	for (unsigned i = 0; i < work->messages / work->consumers; i++) {
		read_all(work->pipe[0], &incoming, work->size);
		look(work);
	}
}

static void
pipe_alone(struct work *work)
{
	for (unsigned i = 0; i < work->messages; i++) {
		compose(work, i);
		write_all(work->pipe[1], &outgoing, work->size);
		read_all(work->pipe[0], &incoming, work->size);
		look(work);
	}
}

static int pipe_back[2];

static void
pipe_trips(struct work *work, double *took)
{
	for (unsigned i = 0; i < TRIPS; i++) {
		double start = now_ns();

		compose(work, i);
		write_all(work->pipe[1], &outgoing, work->size);
		read_all(pipe_back[0], &incoming, work->size);
		took[i] = now_ns() - start;
	}
}

static void
pipe_answer(struct work *work)
{
	for (unsigned i = 0; i < TRIPS; i++) {
		read_all(work->pipe[0], &incoming, work->size);
		write_all(pipe_back[1], &incoming, work->size);
	}
}

static void
pipe_setup(struct work *work)
{
	need(pipe(work->pipe) < 0 ? -errno : 0, "pipe");
	need(pipe(pipe_back) < 0 ? -errno : 0, "pipe");
}

static void
pipe_become_worker(struct work *work, unsigned me)
{
	(void)work, (void)me;
}

/* --- both ---------------------------------------------------------------- */

static const struct way {
	const char *name;
	void (*setup)(struct work *);
	void (*become)(struct work *, unsigned me);
	void (*alone)(struct work *);
	void (*send)(struct work *, unsigned messages);
	void (*take)(struct work *);
	void (*trips)(struct work *, double *took);
	void (*answer)(struct work *);
} ways[] = {
	{ "conveyor", conveyor_setup, conveyor_become_worker, conveyor_alone,
	    conveyor_send, conveyor_take, conveyor_trips, conveyor_answer },
	{ "pipe", pipe_setup, pipe_become_worker, pipe_alone, pipe_send,
	    pipe_take, pipe_trips, pipe_answer },
};

static pid_t
start(const struct way *way, struct work *work, unsigned me)
{
	pid_t child;

	fflush(stdout);
	child = fork();
	need(child < 0 ? -errno : 0, "fork");
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		way->become(work, me);
	}
	return child;
}

static void
await_all(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		int status;

		need(wait(&status) < 0 ? -errno : 0, "wait");
		need(status == 0 ? 0 : -ECHILD, "a worker");
	}
}

static void
rate(const struct way *way, struct work *work)
{
	unsigned me = 1;
	double began;

	way->setup(work);
	began = now_ns();
	if (work->producers == 0) {
		way->become(work, me);
		way->alone(work);
	}
	for (unsigned i = 0; i < work->producers; i++) {
		if (start(way, work, me++) == 0) {
			way->send(work, work->messages / work->producers);
			_exit(0);
		}
	}
	for (unsigned i = 0; i < work->consumers; i++) {
		if (start(way, work, me++) == 0) {
			way->take(work);
			_exit(0);
		}
	}
	await_all(me - 1);
	printf("%.0f\n", work->messages / (now_ns() - began) * 1e9);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
trip(const struct way *way, struct work *work)
{
	static double took[TRIPS];

	way->setup(work);
	if (start(way, work, 1) == 0) {
		way->answer(work);
		_exit(0);
	}
	way->become(work, 2);
	way->trips(work, took);
	await_all(1);
	qsort(took, TRIPS, sizeof(*took), compare);
	printf("%.0f\n", took[TRIPS / 2]);
}

static void
usage(void)
{
	fprintf(stderr, "queue_bench conveyor|pipe rate SIZE BATCH PRODUCERS "
			"CONSUMERS\nqueue_bench conveyor|pipe trip\n");
	exit(2);
}

int
main(int argc, char **argv)
{
	struct work work = { .size = 64, .batch = 1, .messages = TRIPS };
	const struct way *way = NULL;

	for (size_t i = 0; argc > 2 && i < ARRAY_LEN(ways); i++)
		if (strcmp(argv[1], ways[i].name) == 0)
			way = &ways[i];
	if (way == NULL)
		usage();
	work.taken = mmap(NULL, sizeof(*work.taken), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	need(work.taken == MAP_FAILED ? -errno : 0, "mmap");
	if (strcmp(argv[2], "trip") == 0) {
		trip(way, &work);
		return 0;
	}
	if (argc != 7)
		usage();
	work.size = strtoul(argv[3], NULL, 10);
	work.batch = strtoul(argv[4], NULL, 10);
	work.producers = (unsigned)strtoul(argv[5], NULL, 10);
	work.consumers = (unsigned)strtoul(argv[6], NULL, 10);
	work.messages = 0;
	for (size_t i = 0; i < ARRAY_LEN(amounts); i++)
		if (amounts[i].size == work.size)
			work.messages = amounts[i].messages;
	if (work.messages == 0 || work.batch == 0 || work.batch > BATCH_MOST ||
	    (work.producers == 0) != (work.consumers == 0))
		usage();
	rate(way, &work);
	return 0;
}
