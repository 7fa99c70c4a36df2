/*
 * mpipc_bench - what libmpipc costs beside the bare thing, for
 * scripts/bench-ipc; its queues are in queue_bench.
 *
 *   mpipc_bench lock         ns an acquire and release that nobody contends
 *   mpipc_bench turns WAY    ns a hand-over between two processes in strict
 *                            turn, by two locks; WAY: mpipc, futex
 *   mpipc_bench pipe WAY     ns a round trip of 64 bytes; mpipc, socketpair
 *   mpipc_bench process WAY  started, ended and joined a second; mpipc, fork
 *   mpipc_bench map CHUNK    tasks a second of a map over 100,000 that do
 *                            nothing, by two workers
 *
 * Medians, where each can be timed.
 */
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ipc/attr.h"
#include "ipc/mp/lock.h"
#include "ipc/mp/pipe.h"
#include "ipc/mp/pool.h"
#include "ipc/mp/process.h"

enum {
	TRIPS = 20000,
	LOCKINGS = 5000000,
	PROCESSES = 1000,
	TASKS = 100000,
	SIZE = 64
};

static struct mp_context *ctx;
static double took[TRIPS];

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
	fprintf(stderr, "mpipc_bench: %s: %s\n", what, mp_strerror((int)r));
	_exit(1);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(void)
{
	qsort(took, TRIPS, sizeof(*took), compare);
	return took[TRIPS / 2];
}

/* `there` and `back` TRIPS times, each in a process of its own. */
static double
trip_ns(void (*there)(void), void (*back)(void))
{
	pid_t child = fork();
	int status;

	need(child < 0 ? -errno : 0, "fork");
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (ctx != NULL)
			need(mp_context_join(ctx), "join");
		for (int i = 0; i < TRIPS; i++)
			back();
		_exit(0);
	}
	for (int i = 0; i < TRIPS; i++) {
		double start = now_ns();

		there();
		took[i] = now_ns() - start;
	}
	need(waitpid(child, &status, 0) < 0 ? -errno : 0, "wait");
	need(status == 0 ? 0 : -ECHILD, "the child");
	return median();
}

/* --- locks ---------------------------------------------------------------- */

static struct mp_lock *locks[2];

static double
lock_alone(void)
{
	double start = now_ns();

	for (int i = 0; i < LOCKINGS; i++) {
		need(mp_lock_acquire(locks[0], -1), "acquire");
		need(mp_lock_release(locks[0]), "release");
	}
	return (now_ns() - start) / LOCKINGS;
}

/* Whose turn it is has its own lock free; it gives the other's back. */
static void
mpipc_turn(int mine)
{
	need(mp_lock_acquire(locks[mine], -1), "acquire");
	need(mp_lock_release(locks[!mine]), "release");
}

static void
mpipc_mine(void)
{
	mpipc_turn(0);
}

static void
mpipc_yours(void)
{
	mpipc_turn(1);
}

/* The least that can be: 0 free, 1 taken, 2 taken and waited for. */
static _Atomic uint32_t *words;

static void
futex_turn(int mine)
{
	_Atomic uint32_t *word = &words[mine * 32], *other = &words[!mine * 32];
	uint32_t was = 0;

	if (!atomic_compare_exchange_strong(word, &was, 1))
		while (atomic_exchange(word, 2) != 0)
			syscall(SYS_futex, word, FUTEX_WAIT, 2, NULL, NULL, 0);
	if (atomic_exchange(other, 0) == 2)
		syscall(SYS_futex, other, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void
futex_mine(void)
{
	futex_turn(0);
}

static void
futex_yours(void)
{
	futex_turn(1);
}

static double
turns(bool ours)
{
	if (ours) {
		need(mp_lock_acquire(locks[1], -1), "acquire");
		return trip_ns(mpipc_mine, mpipc_yours) / 2;
	}
	words = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	need(words == MAP_FAILED ? -errno : 0, "mmap");
	words[32] = 1;
	return trip_ns(futex_mine, futex_yours) / 2;
}

/* --- pipes ---------------------------------------------------------------- */

static struct mp_conn *ends[2];
static int sockets[2];
static char packet[SIZE];

static void
conn_there(void)
{
	size_t len;

	need(mp_conn_send(ends[0], packet, sizeof(packet), -1), "send");
	need(mp_conn_recv(ends[0], packet, sizeof(packet), &len, -1), "recv");
}

static void
conn_back(void)
{
	size_t len;

	need(mp_conn_recv(ends[1], packet, sizeof(packet), &len, -1), "recv");
	need(mp_conn_send(ends[1], packet, sizeof(packet), -1), "send");
}

static void
socket_there(void)
{
	if (send(sockets[0], packet, sizeof(packet), 0) != SIZE ||
	    recv(sockets[0], packet, sizeof(packet), 0) != SIZE)
		need(-errno, "a socket");
}

static void
socket_back(void)
{
	if (recv(sockets[1], packet, sizeof(packet), 0) != SIZE ||
	    send(sockets[1], packet, sizeof(packet), 0) != SIZE)
		need(-errno, "a socket");
}

static double
ping_pong(bool ours)
{
	if (ours) {
		need(mp_pipe_open(true, &ends[0], &ends[1]), "pipe");
		return trip_ns(conn_there, conn_back);
	}
	need(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0
		 ? -errno
		 : 0,
	    "socketpair");
	return trip_ns(socket_there, socket_back);
}

/* --- processes ------------------------------------------------------------ */

static int
nothing(struct mp_context *context, void *arg)
{
	(void)context, (void)arg;
	return 0;
}

static void
ours_once(void)
{
	struct mp_process *p;

	need(mp_process_create(ctx, NULL, nothing, NULL, &p), "create");
	need(mp_process_start(p), "start");
	need(mp_process_join(p, -1), "join");
	need(mp_process_close(p), "close");
}

static void
fork_once(void)
{
	pid_t child = fork();

	need(child < 0 ? -errno : 0, "fork");
	if (child == 0)
		_exit(0);
	need(waitpid(child, NULL, 0) < 0 ? -errno : 0, "wait");
}

static double
processes(bool ours)
{
	double start = now_ns();

	for (int i = 0; i < PROCESSES; i++)
		(ours ? ours_once : fork_once)();
	return PROCESSES / (now_ns() - start) * 1e9;
}

/* --- pools ---------------------------------------------------------------- */

/* As Python's function, which gives its argument back. */
static int
echo(const void *args, size_t len, struct mp_reply *reply)
{
	return mp_reply_write(reply, args, len);
}

static const struct mp_task_function functions[] = {
	{ "echo", echo },
	{ NULL, NULL },
};

static double
map(size_t chunk)
{
	static uint64_t numbers[TASKS];
	static struct mp_bytes items[TASKS];
	const struct mp_pool_attr attr = { .processes = 2 };
	struct mp_pool *pool;
	struct mp_result *result;
	double start, end;

	for (size_t i = 0; i < TASKS; i++) {
		numbers[i] = i;
		items[i] = (struct mp_bytes){ &numbers[i], sizeof(*numbers) };
	}
	need(mp_pool_create(ctx, &attr, functions, &pool), "pool");
	need(mp_pool_map(pool, echo, items, 2, 1, &result), "map");
	mp_result_free(result);
	start = now_ns();
	need(mp_pool_map(pool, echo, items, TASKS, chunk, &result), "map");
	end = now_ns();
	for (size_t i = 0; i < TASKS; i++) {
		struct mp_bytes reply;

		need(mp_result_item(result, i, &reply), "item");
		need(memcmp(reply.data, &numbers[i], reply.len) == 0 ? 0
								     : -EBADMSG,
		    "a reply");
	}
	mp_result_free(result);
	mp_pool_free(pool);
	return TASKS / (end - start) * 1e9;
}

/* --- which ---------------------------------------------------------------- */

static const struct {
	const char *name, *bare;
	double (*run)(bool ours);
} figures[] = {
	{ "turns", "futex", turns },
	{ "pipe", "socketpair", ping_pong },
	{ "process", "fork", processes },
};

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "",
		   *way = argc > 2 ? argv[2] : "";
	bool ours = strcmp(way, "mpipc") == 0;
	bool alone = strcmp(what, "lock") == 0 || strcmp(what, "map") == 0;

	if (ours || alone) {
		need(mp_context_open(NULL, NULL, &ctx), "context");
		for (size_t i = 0; i < ARRAY_LEN(locks); i++)
			need(mp_lock_open(ctx, NULL, &locks[i]), "lock");
	}
	if (strcmp(what, "lock") == 0) {
		printf("%.1f\n", lock_alone());
		return 0;
	}
	if (strcmp(what, "map") == 0) {
		printf("%.0f\n", map(strtoul(way, NULL, 10)));
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(figures); i++) {
		if (strcmp(what, figures[i].name) != 0 ||
		    (!ours && strcmp(way, figures[i].bare) != 0))
			continue;
		printf("%.1f\n", figures[i].run(ours));
		return 0;
	}
	fprintf(stderr, "mpipc_bench lock | map CHUNK | turns mpipc|futex | "
			"pipe mpipc|socketpair | process mpipc|fork\n");
	return 2;
}
