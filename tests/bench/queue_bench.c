/*
 * queue_bench - messages a second between processes, for scripts/bench-ipc.
 *
 *   queue_bench WAY rate SIZE BATCH PRODUCERS CONSUMERS   messages a second
 *   queue_bench WAY trip     median round trip in ns; both sleep in between
 *   queue_bench mpipc hop    median way there in ns; nobody sleeps, both look
 *   queue_bench WAY copy     ns for 1 MiB in and out again, in one process
 *
 * WAY: mpipc (the library's put and get; batches without a copy of its own),
 * conveyor, pipe (a pair of descriptors and nothing else), or, for copy,
 * memcpy (twice, through as much memory as mpipc has messages).  Each message is copied in by who sends it and copied out by who takes it, and
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
#include "ipc/mp/queue.h"

enum {
	FREE,
	WORK,
	BACK,
	QUEUES,
	SIZE_MOST = 1 << 20,
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
} amounts[] = { { 64, 2000000 }, { 4096, 500000 }, { 64 << 10, 60000 },
	{ SIZE_MOST, 4000 } };

struct work {
	size_t size, batch;
	unsigned producers, consumers;
	unsigned messages; /* of all */
	_Atomic unsigned *taken;
	struct conveyor *cv;
	struct mp_context *ctx;
	struct mp_queue *work_queue, *back_queue;
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

static uint32_t
under_way(const struct work *work)
{
	uint32_t cells = BYTES_UNDER_WAY / (uint32_t)work->size;

	return cells < CELLS_MOST ? cells : CELLS_MOST;
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

	shape.cells = under_way(work);
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

/* --- libmpipc ------------------------------------------------------------- */

static void
mpipc_setup(struct work *work)
{
	struct mp_context_opts opts = { .messages = 2 * under_way(work),
		.message_max = SIZE_MOST };
	const struct mp_queue_attr attr = { .maxsize = under_way(work) };

	need(mp_context_open(NULL, &opts, &work->ctx), "context");
	need(mp_queue_open(work->ctx, NULL, &attr, &work->work_queue), "queue");
	need(mp_queue_open(work->ctx, NULL, &attr, &work->back_queue), "queue");
}

static void
mpipc_become_worker(struct work *work, unsigned me)
{
	(void)me;
	/* One process that does both is who opened it. */
	if (mp_context_seat(work->ctx) < 0)
		need(mp_context_join(work->ctx), "join");
}

static void
mpipc_put_batch(struct work *work, unsigned first, size_t n)
{
	struct mp_msg *m[BATCH_MOST];

	for (size_t i = 0; i < n; i++) {
		need(mp_msg_alloc(work->work_queue, &m[i], -1), "alloc");
		need(mp_msg_reserve(m[i], work->size), "reserve");
		compose(work, first + i);
		memcpy(mp_msg_data(m[i]), &outgoing, work->size);
		need(mp_msg_set_len(m[i], work->size), "set_len");
	}
	need(mp_queue_push_many(work->work_queue, m, n), "push_many");
}

static void
mpipc_put(struct work *work, unsigned number)
{
	compose(work, number);
	need(mp_queue_put(work->work_queue, &outgoing, work->size, -1), "put");
}

static void
mpipc_send(struct work *work, unsigned messages)
{
	for (unsigned sent = 0; sent < messages;) {
		size_t left = messages - sent;
		size_t n = left < work->batch ? left : work->batch;

		if (work->batch == 1)
			mpipc_put(work, sent);
		else
			mpipc_put_batch(work, sent, n);
		sent += (unsigned)n;
	}
}

static int
mpipc_get(struct work *work, int timeout_ms)
{
	size_t len;
	int r = mp_queue_get(work->work_queue, &incoming, sizeof(incoming),
	    &len, timeout_ms);

	if (r == 0)
		look(work);
	return r < 0 ? r : 1;
}

static int
mpipc_get_batch(struct work *work, int timeout_ms)
{
	struct mp_msg *m[BATCH_MOST];
	int n = mp_queue_pop_many(work->work_queue, m, work->batch, timeout_ms);

	for (int i = 0; i < n; i++) {
		memcpy(&incoming, mp_msg_data(m[i]), mp_msg_len(m[i]));
		look(work);
		need(mp_msg_ack(m[i]), "ack");
	}
	return n;
}

static void
mpipc_take(struct work *work)
{
	while (atomic_load(work->taken) < work->messages) {
		int n = work->batch == 1 ? mpipc_get(work, 10)
					 : mpipc_get_batch(work, 10);

		if (n == MP_EEMPTY)
			continue;
		need(n, "get");
		atomic_fetch_add(work->taken, (unsigned)n);
	}
}

static void
mpipc_alone(struct work *work)
{
	for (unsigned i = 0; i < work->messages; i++) {
		mpipc_put(work, i);
		need(mpipc_get(work, 0), "get");
	}
}

static void
mpipc_trips(struct work *work, double *took)
{
	size_t len;

	for (unsigned i = 0; i < TRIPS; i++) {
		double start = now_ns();

		mpipc_put(work, i);
		need(mp_queue_get(work->back_queue, &incoming, sizeof(incoming),
			 &len, -1),
		    "get");
		took[i] = now_ns() - start;
	}
}

static void
mpipc_answer(struct work *work)
{
	for (unsigned i = 0; i < TRIPS; i++) {
		need(mpipc_get(work, -1), "get");
		need(mp_queue_put(work->back_queue, &incoming, work->size, -1),
		    "put");
	}
}

/* As trips and answer, but awake all the time. */
static void
look_until_got(struct mp_queue *q)
{
	size_t len;
	int r;

	do
		r = mp_queue_try_get(q, &incoming, sizeof(incoming), &len);
	while (r == MP_EEMPTY);
	need(r, "try_get");
}

static void
hop_trips(struct work *work, double *took)
{
	for (unsigned i = 0; i < TRIPS; i++) {
		double start = now_ns();

		mpipc_put(work, i);
		look_until_got(work->back_queue);
		took[i] = (now_ns() - start) / 2;
	}
}

static void
hop_answer(struct work *work)
{
	for (unsigned i = 0; i < TRIPS; i++) {
		look_until_got(work->work_queue);
		need(mp_queue_put(work->back_queue, &incoming, work->size, -1),
		    "put");
	}
}

/* --- two memcpy ----------------------------------------------------------- */

static char *through;

static void
memcpy_setup(struct work *work)
{
	through = malloc(under_way(work) * (size_t)SIZE_MOST);
	need(through == NULL ? -ENOMEM : 0, "malloc");
	memset(through, 1, under_way(work) * (size_t)SIZE_MOST);
}

static void
memcpy_become_worker(struct work *work, unsigned me)
{
	(void)work, (void)me;
}

static void
memcpy_alone(struct work *work)
{
	for (unsigned i = 0; i < work->messages; i++) {
		char *at = through + i % under_way(work) * (size_t)SIZE_MOST;

		compose(work, i);
		memcpy(at, &outgoing, work->size);
		memcpy(&incoming, at, work->size);
		look(work);
	}
}

/* --- all ---------------------------------------------------------------- */

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
	{ "mpipc", mpipc_setup, mpipc_become_worker, mpipc_alone, mpipc_send,
	    mpipc_take, mpipc_trips, mpipc_answer },
	{ .name = "memcpy", memcpy_setup, memcpy_become_worker, memcpy_alone },
}, hop = {
	.setup = mpipc_setup,
	.become = mpipc_become_worker,
	.trips = hop_trips,
	.answer = hop_answer,
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

/* Medians of rounds, for what else the machine does. */
static void
copy(const struct way *way, struct work *work)
{
	static double took[64];

	work->size = SIZE_MOST;
	work->messages = 16;
	way->setup(work);
	way->become(work, 1);
	for (size_t i = 0; i < ARRAY_LEN(took); i++) {
		double start = now_ns();

		way->alone(work);
		took[i] = (now_ns() - start) / work->messages;
	}
	qsort(took, ARRAY_LEN(took), sizeof(*took), compare);
	printf("%.0f\n", took[ARRAY_LEN(took) / 2]);
}

static void
usage(void)
{
	fprintf(stderr, "queue_bench mpipc|conveyor|pipe rate SIZE BATCH "
			"PRODUCERS CONSUMERS\n"
			"queue_bench mpipc|conveyor|pipe trip\n"
			"queue_bench mpipc hop\n"
			"queue_bench mpipc|conveyor|memcpy copy\n");
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
	if (strcmp(argv[2], "trip") == 0 && way->trips != NULL) {
		trip(way, &work);
		return 0;
	}
	if (strcmp(argv[2], "hop") == 0 && way->send == mpipc_send) {
		trip(&hop, &work);
		return 0;
	}
	if (strcmp(argv[2], "copy") == 0 && way->send != pipe_send) {
		copy(way, &work);
		return 0;
	}
	if (argc != 7 || way->send == NULL)
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
