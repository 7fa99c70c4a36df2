/*
 * Two producers, two consumers, and a supervisor that kills one of them every
 * few milliseconds, recovers it and starts another; now and then everybody,
 * itself in effect too: then the next one attaches.  At the end every cell is
 * where it belongs and no message was ever torn.
 *
 * Half of the rounds without the belt: a wake-up that gets lost stays lost.
 */
#include <sys/prctl.h>

#include "tests/kill/crew.h"

enum {
	CELLS = 64,
	WORKERS = 4, /* ids 1, 2 produce; 3, 4 consume */
	ROUNDS = 6,
	ROUND_MS = 500,
	ROUND_MS_LONG = 10000,
	STALL_MS = 10000,
	DONE = 0 /* counter: messages handed on */
};

struct soak {
	struct conveyor *cv;
	char name[64];
	pid_t pids[WORKERS + 1];
	uint64_t random;
	uint64_t messages;
	long deaths, attached;
	uint32_t
	    ring_most; /* entries that a ring needed, with all of them dead */
};

static uint64_t
soak_random(struct soak *soak)
{
	/* xorshift64*: never 0. */
	soak->random ^= soak->random >> 12;
	soak->random ^= soak->random << 25;
	soak->random ^= soak->random >> 27;
	return soak->random * UINT64_C(0x2545f4914f6cdd1d);
}

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* One worker for ever: takes from `from`, gives to `to`. */
static void
work(struct conveyor *cv, uint8_t from, uint8_t to)
{
	uint64_t serial = (uint64_t)getpid() << 32;

	for (;;) {
		uint32_t cells[3];
		int n = conveyor_pop_many(cv, from, cells, 1 + serial % 3);

		if (n < 0)
			_exit(76);
		if (n == 0)
			conveyor_wait(cv, from, -1);
		for (int i = 0; i < n; i++) {
			struct message *message = conveyor_order(cv, cells[i]);

			if (to == Q_PAGES)
				message_write(message, ++serial);
			else if (!message_whole(message))
				_exit(9);
		}
		if (n == 1 && conveyor_push(cv, to, cells[0]) < 0)
			_exit(76);
		if (n > 1 && conveyor_push_many(cv, to, cells, (size_t)n) < 0)
			_exit(76);
		roster_count(cv, DONE, (uint64_t)n);
		serial++;
	}
}

static void
soak_fork(struct soak *soak, uint8_t id)
{
	bool produces = id <= WORKERS / 2;
	pid_t pid = fork();

	need(pid >= 0, "fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		conveyor_become(soak->cv, id);
		work(soak->cv, produces ? Q_FREE : Q_PAGES,
		    produces ? Q_PAGES : Q_FREE);
	}
	soak->pids[id] = pid;
}

/* SIGKILL and reap; whatever else it may have ended of is a failure. */
static void
soak_kill(struct soak *soak, uint8_t id)
{
	int status;

	kill(soak->pids[id], SIGKILL);
	need(waitpid(soak->pids[id], &status, 0) == soak->pids[id], "waitpid");
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
	    "worker %u ended by itself: status %#x (9: torn, 76: corrupt)", id,
	    (unsigned)status);
	soak->deaths++;
}

static uint64_t
soak_messages(const struct soak *soak)
{
	uint64_t sum = 0;

	for (uint8_t id = 1; id <= WORKERS; id++)
		sum += roster_counter(soak->cv, id, DONE);
	return sum;
}

/* Nobody alive, nothing recovered: what was needed to this moment. */
static void
soak_measure(struct soak *soak)
{
	uint32_t most = ring_need_most(soak->cv);

	check(most <= 2 * CELLS + WORKERS, "a ring of %u entries", most);
	if (most > soak->ring_most)
		soak->ring_most = most;
}

/* All at once, and start again from the segment. */
static void
soak_restart(struct soak *soak)
{
	char why[128];

	for (uint8_t id = 1; id <= WORKERS; id++)
		soak_kill(soak, id);
	soak->messages = soak_messages(soak);
	soak_measure(soak);
	conveyor_detach(soak->cv);
	soak->cv = NULL;
	need(crew_attach(soak->name, CELLS, &soak->cv) == 0, "attach");
	soak->attached++;
	check(conveyor_check(soak->cv, why, sizeof(why)) == 0, "attached: %s",
	    why);
}

static void
soak_round(struct soak *soak, bool belt)
{
	int64_t until = now_ms() + (crew_long() ? ROUND_MS_LONG : ROUND_MS);
	int64_t moved;
	uint64_t before;

	if (!belt)
		soak->cv->belt_ms = 60 * 60 * 1000;
	for (uint8_t id = 1; id <= WORKERS; id++)
		soak_fork(soak, id);
	while (now_ms() < until && crew_failed == 0) {
		uint8_t id = (uint8_t)(1 + soak_random(soak) % WORKERS);
		struct timespec pause = { .tv_nsec = (long)(soak_random(soak) %
							    3000000) };
		size_t n;

		nanosleep(&pause, NULL);
		soak_kill(soak, id);
		check(conveyor_recover(soak->cv, id, &routes, NULL, &n) == 0 &&
			  n <= CELLS,
		    "recover: refused");
		soak_fork(soak, id);
	}
	/* A quiet end: it must still be moving, with nobody there to post. */
	before = soak_messages(soak);
	for (moved = now_ms(); soak_messages(soak) < before + 10000;) {
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
		if (!check(now_ms() - moved < STALL_MS, "it stands still"))
			break;
	}
}

int
main(void)
{
	const char *given = getenv("TEST_SEED");
	struct soak soak = { 0 };
	char why[128];
	size_t n;

	soak.random = given
			  ? strtoull(given, NULL, 0)
			  : (uint64_t)time(NULL) * 1000003 + (uint64_t)getpid();
	soak.random |= 1;
	printf("conveyor_soak: TEST_SEED=%llu\n",
	    (unsigned long long)soak.random);
	fflush(stdout);
	soak.cv = crew_new(CELLS, soak.name, true);
	for (int round = 0; round < ROUNDS && crew_failed == 0; round++) {
		soak_round(&soak, round % 2 == 0);
		if (round + 1 < ROUNDS)
			soak_restart(&soak);
	}
	/* The last ones are recovered one by one, and all is accounted for. */
	for (uint8_t id = 1; id <= WORKERS; id++)
		soak_kill(&soak, id);
	soak_measure(&soak);
	for (uint8_t id = 1; id <= WORKERS; id++)
		check(conveyor_recover(soak.cv, id, &routes, NULL, &n) == 0,
		    "recover: refused");
	check(conveyor_check(soak.cv, why, sizeof(why)) == 0, "end: %s", why);
	check(conveyor_length(soak.cv, Q_PAGES) <= 2 * CELLS, "PAGES: length");
	for (uint32_t c = 0; c < CELLS; c++) {
		struct cell_word w = conveyor_word(soak.cv, c);

		check(w.state == CELL_QUEUED &&
			  (w.queue == Q_FREE || w.queue == Q_PAGES),
		    "cell %u is not where it belongs", c);
		check(w.queue != Q_PAGES ||
			  message_whole(conveyor_order(soak.cv, c)),
		    "cell %u is torn", c);
	}
	check(soak.deaths > 50, "%ld deaths only", soak.deaths);
	figure("soak: SIGKILLs", soak.deaths);
	figure("soak: all of them at once", soak.attached);
	figure("soak: messages", (long)soak_messages(&soak));
	figure("soak: most entries a ring of 64 cells needed", soak.ring_most);
	conveyor_detach(soak.cv);
	conveyor_unlink(soak.name);
	if (crew_failed == 0)
		crew_passed++;
	return crew_done();
}
