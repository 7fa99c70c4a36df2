/*
 * Regions and published words, looked at after every instruction of their
 * writer, in the living segment: what holds at each of them holds after a kill.
 */
#include <sys/stat.h>

#include "tests/kill/crew.h"
#include "tests/kill/stepper.h"

enum {
	CELLS = 8,
	WORKER = 1
};

static void
run_region(struct conveyor *cv)
{
	if (conveyor_grow_body(cv, 1, 1, UINT64_MAX) != 0 ||
	    conveyor_grow_body(cv, 1, 2 * CONVEYOR_STEP, UINT64_MAX) != 0 ||
	    conveyor_grow_output(cv, 1, 9, UINT64_MAX) != 0)
		_exit(1);
	conveyor_shrink(cv, 1, CONVEYOR_STEP);
	conveyor_shrink(cv, 1, 0);
}

/* Usable <= allocated <= counted, at every instruction. */
static bool
check_region(struct conveyor *cv)
{
	const struct conveyor_use *use = &committed_of(cv)->use[1];
	uint64_t total = conveyor_committed(cv), there;
	struct stat st;

	need(fstat(cv->segment.fd, &st) == 0, "fstat");
	there = (uint64_t)st.st_blocks * 512 - cv->layout.parts;
	return check(use->body.ready + use->output.ready <= there,
		   "region: usable and not there") &&
	       check(there <= use->body.claimed + use->output.claimed,
		   "region: there and not counted") &&
	       check(use->body.claimed + use->output.claimed <= total,
		   "region: counted and not in the sum");
}

static void
run_publish(struct conveyor *cv)
{
	uint64_t values[CONVEYOR_SNAPSHOT];

	for (uint64_t n = 1; n <= 3; n++) {
		for (int i = 0; i < CONVEYOR_SNAPSHOT; i++)
			values[i] = n;
		conveyor_publish_snapshot(cv, values, CONVEYOR_SNAPSHOT);
		conveyor_publish_out(cv, n, ~n);
	}
}

static bool
check_publish(struct conveyor *cv)
{
	static uint64_t newest;
	uint64_t values[CONVEYOR_SNAPSHOT], seq, end;
	bool ok = true;

	conveyor_snapshot(cv, values, CONVEYOR_SNAPSHOT);
	for (int i = 1; i < CONVEYOR_SNAPSHOT; i++)
		ok &= values[i] == values[0];
	ok &= values[0] >= newest;
	newest = values[0];
	if (conveyor_read_out(cv, &seq, &end))
		ok &= end == ~seq && seq + 1 >= newest;
	return check(ok, "publish: torn at %llu", (unsigned long long)newest);
}

static void
step_live(const char *title, void (*run)(struct conveyor *),
    bool (*holds)(struct conveyor *), long least)
{
	char name[64];
	struct conveyor *cv = crew_new(CELLS, name, false);
	pid_t child = child_start(cv, run, WORKER);
	int failed = crew_failed, r;
	long steps = 0;

	while ((r = child_step(child)) > 0 && holds(cv))
		steps++;
	child_kill(child);
	check(r == 0, "%s: did not finish", title);
	check(steps >= least, "%s: %ld steps, fewer than %ld", title, steps,
	    least);
	conveyor_detach(cv);
	printf("%-14s %6ld instructions\n", title, steps);
	if (crew_failed == failed)
		crew_passed++;
}

int
main(void)
{
	step_live("region", run_region, check_region, 100);
	/* Each word of each snapshot is a store of its own. */
	step_live("publish", run_publish, check_publish, 3 * CONVEYOR_SNAPSHOT);
	return crew_done();
}
