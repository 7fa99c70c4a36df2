/*
 * Killed asleep, just before, and just woken: a real sleeper at a real
 * semaphore, without the belt, so that a wake-up that gets lost stays lost.
 *
 * From copies first, as in conveyor_step_test; not of the bell, whose thread
 * runs while the rest stands.  Then in earnest, each time with a second sleeper
 * at the same gate that nobody steps: whatever the first one took along, the
 * second must come back with the page.
 */
#include <poll.h>
#include <sys/syscall.h>

#include "tests/kill/image.h"
#include "tests/kill/stepper.h"

enum {
	OTHER = 3, /* the second sleeper */
	BELT_OFF_MS = 60 * 60 * 1000,
	STALL_MS = 20000,
	STEPS_MAX = 100000,
	KILLS = 40, /* in earnest, each; in the long form: every instruction */
	KILL_STEPS_LONG = 1000 * 1000,
	TORN = 9
};

struct sleeper {
	const char *name;
	void (*run)(struct conveyor *); /* stepped */
	bool sleeps;                    /* and gets its page while it does */
};

/* Steps until it sleeps, 0: it does not; and until it is through. */
struct trace {
	long asleep, steps;
};

static struct image last;
static long points, kills, kills_planned, steps_all;

/* ---- who sleeps ----------------------------------------------------------- */

static void
prepare_settled(struct conveyor *cv)
{
	for (uint64_t i = 1; i <= OLD; i++) {
		uint32_t cell = take(cv, Q_FREE);

		message_write(conveyor_order(cv, cell), i);
		give(cv, Q_SETTLED, cell);
	}
}

static void
pass_on(struct conveyor *cv, uint32_t cell)
{
	const struct message *order = conveyor_order(cv, cell);

	if (!message_whole(order))
		_exit(TORN);
	message_write(conveyor_capture(cv, cell), order->id);
	give(cv, Q_RECORDS, cell);
}

/* A parser: sleeps until there is a page, and passes it on. */
static void
run_parser(struct conveyor *cv)
{
	uint32_t cell;
	int r;

	while ((r = conveyor_pop(cv, Q_PAGES, &cell)) == 0)
		conveyor_wait(cv, Q_PAGES, -1);
	if (r < 0)
		_exit(1);
	pass_on(cv, cell);
}

/* A role that lives in poll(2), and whose thread sleeps for it. */
static void
run_bell(struct conveyor *cv)
{
	struct conveyor_bell *bell;
	uint32_t cell;
	uint64_t rung;
	int r;

	if (conveyor_bell_new(cv, Q_PAGES, false, &bell) != 0)
		_exit(1);
	while ((r = conveyor_pop(cv, Q_PAGES, &cell)) == 0) {
		struct pollfd wait = { .fd = conveyor_bell_fd(bell),
			.events = POLLIN };

		conveyor_bell_arm(bell);
		if (poll(&wait, 1, -1) == 1)
			(void)!read(wait.fd, &rung, sizeof(rung));
	}
	if (r < 0)
		_exit(1);
	pass_on(cv, cell);
	conveyor_bell_free(bell);
}

/* A crawler: it is the one who wakes. */
static void
run_crawler(struct conveyor *cv)
{
	uint32_t cell = take(cv, Q_FREE);

	message_write(conveyor_order(cv, cell), NEW);
	give(cv, Q_PAGES, cell);
}

/* clang-format off */
static const struct sleeper sleepers[] = {
	{ "sleeper", run_parser, .sleeps = true },
	{ "bell", run_bell, .sleeps = true },
	{ "waker", run_crawler },
};
/* clang-format on */

static void
push_page(struct conveyor *cv, uint64_t id)
{
	uint32_t cell = take(cv, Q_FREE);

	message_write(conveyor_order(cv, cell), id);
	give(cv, Q_PAGES, cell);
}

static bool
flagged(const struct conveyor *cv, uint8_t queue, uint8_t id)
{
	return (ring_of(cv, queue)->waiters[id / 64] >> id % 64 & 1) != 0;
}

/* ---- copies ---------------------------------------------------------------- */

static bool
check_point(const struct conveyor *live, const struct scenario *as, long step)
{
	char when[80];
	struct conveyor *copy;
	bool ok;

	points += 2;
	snprintf(when, sizeof(when), "%s, step %ld", as->name, step);
	copy = image_open(live, &last);
	ok = check_recovers(copy, as, NULL, when);
	conveyor_detach(copy);
	copy = image_open(live, &last);
	ok = ok && check_rebuilds(copy, as, when);
	conveyor_detach(copy);
	return ok;
}

/*
 * Every instruction of a parser that falls asleep, is woken and passes the
 * page on; the moments that there are in a sleep, each seen once or more.
 */
static void
sweep_sleep(void)
{
	const struct scenario as = { .name = "sleep",
		.prepare = prepare_settled,
		.me = WORKER,
		.places = AT(Q_FREE) | AT(Q_PAGES) | AT(Q_RECORDS) };
	char name[64];
	struct conveyor *cv = stage(&as, name, false);
	struct image from = image_new();
	long in = 0, asleep = 0, woken = 0, taken = 0, left = 0;
	long steps = 0, changes = 0, least;
	int failed = crew_failed;
	enum child_step r = STEP_DONE;
	bool ok = true;
	pid_t child;

	cv->belt_ms = BELT_OFF_MS;
	child = child_start(cv, run_parser, WORKER);
	image_look(cv, &last);
	while (ok && r != STEP_THROUGH && r != STEP_ENDED) {
		bool bit, credit;

		if (r == STEP_ASLEEP) {
			asleep++;
			ok = check_point(cv, &as, steps);
			push_page(cv, NEW);
			image_look(cv, &last);
			image_look(cv, &from);
			ok = ok && check_point(cv, &as, steps);
			r = child_step_or_sleep(child, true);
		} else {
			r = child_at_syscall(child)
				? child_step_or_sleep(child, false)
				: child_step(child);
		}
		if (r != STEP_DONE)
			continue;
		steps++;
		bit = flagged(cv, Q_PAGES, WORKER);
		credit = sem_credit(cv->sems[Q_PAGES]) > 0;
		in += bit && asleep == 0;
		woken += bit && asleep > 0 && credit;
		taken += bit && asleep > 0 && !credit;
		left += !bit && asleep > 0;
		if (!image_look(cv, &last))
			continue;
		changes++;
		ok = check_point(cv, &as, steps);
	}
	child_kill(child);
	check(!ok || r == STEP_THROUGH, "sleep: did not finish");
	check(!ok ||
		  (in > 0 && asleep == 1 && woken > 0 && taken > 0 && left > 0),
	    "sleep: before %ld, asleep %ld, woken %ld, credit taken %ld, "
	    "after %ld",
	    in, asleep, woken, taken, left);
	/* Bit set, a waiter more, credit and waiter less, bit cleared; and
	 * what it then did with the page. */
	least = 4 + image_least(cv, &from, &last);
	check(!ok || changes >= least, "sleep: %ld changes, and it takes %ld",
	    changes, least);
	printf("%-8s %6ld instructions, %3ld changes (at least %3ld)\n",
	    "sleep", steps, changes, least);
	steps_all += steps;
	image_free(&from);
	conveyor_detach(cv);
	if (crew_failed == failed)
		crew_passed++;
}

/* ---- in earnest ------------------------------------------------------------ */

/* Another parser, that nobody steps; asleep when this returns. */
static pid_t
other_start(struct conveyor *cv)
{
	struct timespec begun, now;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	need(pid >= 0, "fork");
	if (pid == 0) {
		conveyor_become(cv, OTHER);
		run_parser(cv);
		_exit(0);
	}
	clock_gettime(CLOCK_MONOTONIC, &begun);
	while (!flagged(cv, Q_PAGES, OTHER) || process_state(pid) != 'S') {
		sched_yield();
		clock_gettime(CLOCK_MONOTONIC, &now);
		need((now.tv_sec - begun.tv_sec) * 1000 < STALL_MS,
		    "the other one does not fall asleep");
	}
	return pid;
}

static void
other_must_return(pid_t pid, const char *when)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0), status = 0;
	struct pollfd ended = { .fd = fd, .events = POLLIN };

	need(fd >= 0, "pidfd_open");
	check(poll(&ended, 1, STALL_MS) == 1, "%s: the other one sleeps on",
	    when);
	close(fd);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	check(status == 0, "%s: the other one: status %#x", when,
	    (unsigned)status);
}

/* Whether the page stands where the other sleeper must find it. */
static bool
page_waits(struct conveyor *cv)
{
	for (uint32_t c = 0; c < CELLS; c++) {
		const struct message *message = conveyor_order(cv, c);

		if (message->id == NEW && conveyor_word(cv, c).queue == Q_PAGES)
			return true;
	}
	return false;
}

/* To `at` steps, with the page at the moment of sleep, or, `at` being that
 * moment, just before it or just behind. */
static enum child_step
go_to(struct conveyor *cv, const struct sleeper *sleeper, pid_t child,
    pid_t *other, long at, bool pushed)
{
	enum child_step r = STEP_DONE;
	long steps = 0;

	while (r == STEP_DONE && steps < at) {
		r = child_at_syscall(child) ? child_step_or_sleep(child, false)
					    : child_step(child);
		if (r == STEP_ASLEEP && *other == 0 && sleeper->sleeps) {
			if (steps == at - 1 && !pushed)
				break;
			/* Behind it in the row of those who sleep. */
			*other = other_start(cv);
			push_page(cv, NEW);
			if (steps == at - 1)
				break;
			r = child_step_or_sleep(child, true);
		}
		while (r == STEP_ASLEEP) /* for its own thread */
			r = child_step_or_sleep(child, true);
		steps++;
	}
	return r;
}

/* SIGKILL after `at` steps; the page comes to the other one all the same. */
static void
kill_at(const struct sleeper *sleeper, long at, bool pushed)
{
	const struct scenario as = { .name = sleeper->name,
		.places = AT(Q_FREE) | AT(Q_PAGES) | AT(Q_RECORDS) };
	char name[64], when[80];
	struct conveyor *cv = crew_new(CELLS, name, false);
	pid_t child, other = 0;
	bool came;
	size_t n;

	prepare_settled(cv);
	note_before(cv);
	cv->belt_ms = BELT_OFF_MS;
	snprintf(when, sizeof(when), "%s, killed after %ld", sleeper->name, at);
	if (!sleeper->sleeps)
		other = other_start(cv);
	child = child_start(cv, sleeper->run, WORKER);
	go_to(cv, sleeper, child, &other, at, pushed);
	check(child_kill(child), "%s: it was gone", when);
	kills++;
	came = page_waits(cv);
	check(conveyor_recover(cv, WORKER, &routes, NULL, &n) == 0,
	    "%s: refused", when);
	if (other == 0)
		other = other_start(cv);
	if (!came)
		push_page(cv, NEW + 1);
	other_must_return(other, when);
	check(conveyor_recover(cv, OTHER, &routes, NULL, &n) == 0 && n == 0,
	    "%s: the other one left something", when);
	check_recovered(cv, &as, when);
	conveyor_detach(cv);
}

/* How far it is, and to where it sleeps. */
static struct trace
measure(const struct sleeper *sleeper)
{
	char name[64];
	struct conveyor *cv = crew_new(CELLS, name, false);
	pid_t child, other = 0;
	struct trace trace = { 0 };
	enum child_step r = STEP_DONE;

	prepare_settled(cv);
	cv->belt_ms = BELT_OFF_MS;
	if (!sleeper->sleeps)
		other = other_start(cv);
	child = child_start(cv, sleeper->run, WORKER);
	while (
	    (r == STEP_DONE || r == STEP_ASLEEP) && trace.steps < STEPS_MAX) {
		bool asleep = r == STEP_ASLEEP;

		if (asleep && sleeper->sleeps && trace.asleep == 0) {
			trace.asleep = trace.steps + 1;
			push_page(cv, NEW);
		}
		r = !asleep && !child_at_syscall(child)
			? child_step(child)
			: child_step_or_sleep(child, asleep);
		trace.steps += r == STEP_DONE;
	}
	child_kill(child);
	check(r == STEP_THROUGH, "%s: did not finish", sleeper->name);
	check((trace.asleep != 0) == sleeper->sleeps, "%s: asleep at %ld",
	    sleeper->name, trace.asleep);
	if (other != 0)
		other_must_return(other, sleeper->name);
	conveyor_detach(cv);
	return trace;
}

static void
kill_sleeper(const struct sleeper *sleeper)
{
	int failed = crew_failed;
	struct trace trace = measure(sleeper);
	long sample = trace.steps;

	if (!crew_long() && sample > KILLS)
		sample = KILLS;
	if (sample * trace.steps / 2 > KILL_STEPS_LONG)
		sample = 2 * KILL_STEPS_LONG / trace.steps;
	kills_planned += sample;
	for (long i = 0; i < sample && crew_failed == failed; i++)
		kill_at(sleeper, trace.steps * i / sample, true);
	/* The instructions round the sleep, all of them; in it, on both sides
	 * of the push. */
	for (long at = trace.asleep - 8;
	     sleeper->sleeps && at < trace.asleep + 24 && crew_failed == failed;
	     at++, kills_planned++)
		kill_at(sleeper, at, true);
	for (int i = 0; sleeper->sleeps && i < 4 && crew_failed == failed;
	     i++, kills_planned++)
		kill_at(sleeper, trace.asleep, i % 2 == 0);
	steps_all += trace.steps;
	printf("%-8s %6ld instructions, asleep at %ld\n", sleeper->name,
	    trace.steps, trace.asleep);
	if (crew_failed == failed)
		crew_passed++;
}

int
main(void)
{
	images_init();
	last = image_new();
	sweep_sleep();
	for (size_t i = 0; i < ARRAY_LEN(sleepers); i++)
		kill_sleeper(&sleepers[i]);
	check(kills == kills_planned, "%ld kills of %ld", kills, kills_planned);
	figure("sleep: instructions stepped", steps_all);
	figure("sleep: kill points recovered from a copy", points);
	figure("sleep: SIGKILLs in earnest, a real sleeper beside", kills);
	image_free(&last);
	return crew_done();
}
