/*
 * Regions and parts, looked at after every instruction of their writer, in the
 * living segment: what holds at each of them holds after a kill.  And killed in
 * earnest: whoever gets the cell next can touch all that it is told it may, and
 * when it is given back nothing is left, counted or allocated.
 */
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "tests/kill/crew.h"
#include "tests/kill/stepper.h"

enum {
	CELLS = 8,
	WORKER = 1,
	NEXT = 2,
	CELL = 1,
	SHM_SIZE = 32 << 20,
	STEPS_MAX = 20000
};

struct subject {
	const char *name;
	void (*run)(struct conveyor *);
	bool (*holds)(const struct conveyor *);
	uint64_t budget;
	long
	    shm_left; /* steps of 64 KiB that the folder has room for; 0: all */
	/* Allocations and punches that it takes, each a system call. */
	long syscalls;
};

static const struct subject *subject; /* the one that is stepped */
static bool own_shm;
static long kills, kills_planned, steps_all, prepared;

/* ---- what is stepped ------------------------------------------------------ */

static void
expect(int r, int wanted)
{
	if (r != wanted)
		_exit(1);
}

static void
run_grow(struct conveyor *cv)
{
	expect(conveyor_grow_body(cv, CELL, 1, UINT64_MAX), 0);
	expect(conveyor_grow_body(cv, CELL, 2 * CONVEYOR_STEP, UINT64_MAX), 0);
	expect(conveyor_grow_output(cv, CELL, 9, UINT64_MAX), 0);
	conveyor_shrink(cv, CELL, CONVEYOR_STEP);
	conveyor_recount(cv);
	conveyor_shrink(cv, CELL, 0);
}

/* Room for the first step alone. */
static void
run_no_room(struct conveyor *cv)
{
	expect(conveyor_grow_body(cv, CELL, 1, subject->budget), 0);
	expect(conveyor_grow_body(cv, CELL, 2 * CONVEYOR_STEP, subject->budget),
	    -ENOSPC);
	expect(conveyor_grow_output(cv, CELL, 1, subject->budget), -ENOSPC);
	conveyor_shrink(cv, CELL, 0);
	expect(conveyor_grow_output(cv, CELL, 1, subject->budget), 0);
}

static void
run_prepare(struct conveyor *cv)
{
	expect(conveyor_prepare(cv, CELL), 0);
	expect(conveyor_prepare(cv, CELL), 0);
}

/* The order parts take a page, and no more is to be had. */
static void
run_prepare_no_room(struct conveyor *cv)
{
	expect(conveyor_prepare(cv, CELL), -ENOSPC);
}

/* ---- what must hold ------------------------------------------------------- */

/* Behind what conveyor_create() allocates. */
static uint64_t
allocated(const struct conveyor *cv)
{
	struct stat st;

	need(fstat(cv->segment.fd, &st) == 0, "fstat");
	return (uint64_t)st.st_blocks * 512 - cv->layout.parts;
}

static bool
is_prepared(const struct conveyor *cv)
{
	return ledger_of(cv)->prepared[CELL / CONVEYOR_CHUNK] != 0;
}

/* Usable <= allocated <= counted, at every instruction. */
static bool
check_region(const struct conveyor *cv)
{
	const struct conveyor_use *use = &committed_of(cv)->use[CELL];
	uint64_t total = conveyor_committed(cv), there = allocated(cv);

	return check(use->body.ready + use->output.ready <= there,
		   "%s: usable and not there", subject->name) &&
	       check(there <= use->body.claimed + use->output.claimed,
		   "%s: there and not counted", subject->name) &&
	       check(use->body.claimed + use->output.claimed <= total,
		   "%s: counted and not in the sum", subject->name);
}

/* Order, capture and inline parts: a page each, for so few cells. */
static bool
check_parts(const struct conveyor *cv)
{
	uint64_t there = allocated(cv), all = 3 * cv->layout.page;

	prepared += is_prepared(cv);
	return check(there <= all, "%s: more than the parts", subject->name) &&
	       check(!is_prepared(cv) || there == all,
		   "%s: prepared and not there", subject->name);
}

/*
 * The next holder of the cell: gets what there is, touches all of it.  What the
 * dead had claimed and not got counts until the scheduler gives the cell back;
 * then (`all_back`) nothing is missing that was there at first.
 */
static void
touch_all(struct conveyor *cv, bool all_back)
{
	int body = conveyor_grow_body(cv, CELL, 2 * CONVEYOR_STEP,
	    subject->budget);
	int output = conveyor_grow_output(cv, CELL, 1, subject->budget);
	uint64_t body_room = conveyor_body_room(cv, CELL);
	uint64_t output_room = conveyor_output_room(cv, CELL);

	if ((body != 0 && body != -ENOSPC) ||
	    (output != 0 && output != -ENOSPC) ||
	    (subject->budget == UINT64_MAX && subject->shm_left == 0 &&
		(body != 0 || output != 0)))
		_exit(2);
	if (all_back && subject->shm_left >= 0 && body_room + output_room == 0)
		_exit(3);
	memset(conveyor_body(cv, CELL), 1, body_room);
	memset(conveyor_output(cv, CELL), 1, output_room);
	if (conveyor_prepare(cv, CELL) == 0)
		message_write(conveyor_order(cv, CELL), 1);
	_exit(0);
}

static void
check_next(struct conveyor *cv, const char *when)
{
	for (int all_back = 0; all_back <= 1; all_back++) {
		int status;
		pid_t next;

		fflush(stdout);
		next = fork();
		need(next >= 0, "fork");
		if (next == 0) {
			conveyor_become(cv, NEXT);
			touch_all(cv, all_back != 0);
		}
		need(waitpid(next, &status, 0) == next, "waitpid");
		check(status == 0, "%s: the next one: status %#x", when,
		    (unsigned)status);
		conveyor_shrink(cv, CELL, 0);
		conveyor_recount(cv);
	}
	check(conveyor_committed(cv) == 0, "%s: %llu bytes counted", when,
	    (unsigned long long)conveyor_committed(cv));
	check_parts(cv);
}

/* clang-format off */
static const struct subject subjects[] = {
	{ "grow, shrink", run_grow, check_region,
	    UINT64_MAX, 0, 6 },
	{ "grow, full budget", run_no_room, check_region,
	    CONVEYOR_STEP, 0, 3 },
	{ "grow, full tmpfs", run_no_room, check_region,
	    UINT64_MAX, 1, 4 },
	{ "prepare", run_prepare, check_parts,
	    UINT64_MAX, 0, 3 },
	{ "prepare, full tmpfs", run_prepare_no_room, check_parts,
	    UINT64_MAX, -1, 2 },
};
/* clang-format on */

/* ---- stepping --------------------------------------------------------------- */

static int filler = -1;

/* A file that leaves so many steps, or just the page that `prepare` begins
 * with, of the folder. */
static void
shm_fill(long left)
{
	size_t keep = left > 0 ? (size_t)left * CONVEYOR_STEP + 4096 : 4096;
	struct statvfs fs;

	if (filler >= 0)
		close(filler);
	filler = -1;
	if (left == 0)
		return;
	filler = open("/dev/shm", O_TMPFILE | O_RDWR, 0600);
	need(filler >= 0 && fstatvfs(filler, &fs) == 0, "filler");
	need(posix_fallocate(filler, 0,
		 (off_t)(fs.f_bavail * fs.f_bsize - keep)) == 0,
	    "filler");
}

static struct conveyor *
stage_region(char name[64])
{
	struct conveyor *cv = crew_new(CELLS, name, true);

	shm_fill(subject->shm_left);
	return cv;
}

static void
unstage(struct conveyor *cv, const char *name)
{
	conveyor_detach(cv);
	conveyor_unlink(name);
	shm_fill(0);
}

static void
kill_at(long at, bool beside_living)
{
	char name[64], when[80];
	struct conveyor *cv = stage_region(name);
	pid_t child = child_start(cv, subject->run, WORKER);
	size_t n;

	for (long i = 0; i < at && child_step(child) == STEP_DONE; i++)
		;
	snprintf(when, sizeof(when), "%s, killed after %ld", subject->name, at);
	check(child_kill(child), "%s: it was gone", when);
	kills++;
	if (beside_living) {
		check(conveyor_recover(cv, WORKER, &routes, NULL, &n) == 0,
		    "%s: refused", when);
	} else {
		/* Room for the semaphores that attaching makes. */
		shm_fill(0);
		conveyor_detach(cv);
		cv = NULL;
		if (!check(crew_attach(name, CELLS, &cv) == 0,
			"%s: not attached", when))
			return;
		shm_fill(subject->shm_left);
	}
	check_next(cv, when);
	unstage(cv, name);
}

static void
step_subject(void)
{
	static bool kill_here[STEPS_MAX];
	char name[64];
	struct conveyor *cv = stage_region(name);
	struct conveyor_committed was = *committed_of(cv);
	long steps = 0, syscalls = 0, changes = 0, before = kills;
	int failed = crew_failed;
	enum child_step r;
	pid_t child;

	memset(kill_here, 0, sizeof(kill_here));
	child = child_start(cv, subject->run, WORKER);
	for (;;) {
		const struct conveyor_use *use = &committed_of(cv)->use[CELL];
		static struct conveyor_use last;
		bool in_kernel = child_at_syscall(child);

		need(steps + 1 < STEPS_MAX, "steps");
		kill_here[steps] |= in_kernel || crew_long();
		r = child_step(child);
		if (r != STEP_DONE || !subject->holds(cv))
			break;
		steps++;
		syscalls += in_kernel;
		kill_here[steps] |= in_kernel;
		if (memcmp(use, &last, sizeof(last)) != 0 ||
		    committed_of(cv)->total != was.total) {
			kill_here[steps] = true;
			changes++;
			last = *use;
			was.total = committed_of(cv)->total;
		}
	}
	child_kill(child);
	unstage(cv, name);
	check(r == STEP_THROUGH, "%s: did not finish", subject->name);
	/* Where system calls are not seen there are none to count. */
	check(syscalls == 0 || syscalls >= subject->syscalls,
	    "%s: %ld system calls, and it takes %ld", subject->name, syscalls,
	    subject->syscalls);
	for (long i = 0; i <= steps; i++)
		kills_planned += kill_here[i];
	for (long i = 0; i <= steps && crew_failed == failed; i++)
		if (kill_here[i])
			kill_at(i, (kills - before) % 2 == 0);
	check(kills - before >= changes, "%s: %ld kills, %ld changes",
	    subject->name, kills - before, changes);
	steps_all += steps;
	printf("%-20s %5ld instructions, %2ld system calls, %2ld changes, %ld "
	       "killed\n",
	    subject->name, steps, syscalls, changes, kills - before);
	if (crew_failed == failed)
		crew_passed++;
}

int
main(void)
{
	own_shm = crew_own_shm(SHM_SIZE);
	for (size_t i = 0; i < ARRAY_LEN(subjects); i++) {
		subject = &subjects[i];
		/* Not the folder of the whole machine. */
		if (subject->shm_left == 0 || own_shm)
			step_subject();
		else
			printf("%-20s skipped\n", subject->name);
	}
	check(prepared > 0, "nothing was prepared");
	check(kills == kills_planned, "%ld kills of %ld", kills, kills_planned);
	figure("regions: instructions stepped", steps_all);
	figure("regions: SIGKILLs in earnest", kills);
	return crew_done();
}
