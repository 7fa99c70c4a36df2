/*
 * Killed at every instruction: the operations of the queues, and recovery.
 *
 * A child is stepped through one operation.  After each step that changed the
 * segment or a semaphore, a copy is recovered in the two ways there are: beside
 * the living, and by a new supervisor.  Then the same in earnest: a child is
 * stepped as far again, and gets SIGKILL; in the long form at every
 * instruction, in the short one behind every change.
 *
 * That everything was stepped is seen from a child that was not: it ends with
 * the same segment, and from the beginning to that it takes so many changes.
 */
#include <ctype.h>

#include "tests/kill/image.h"
#include "tests/kill/stepper.h"

enum {
	STEPS_MAX = 1000000,
	CHANGES_MAX = 1000,
	/* In earnest each begins at the first instruction: a sample of them
	 * where all would take more steps. */
	KILL_STEPS = 40 * 1000,
	KILL_STEPS_LONG = 1000 * 1000
};

/* What stepping through a scenario showed. */
struct trace {
	long steps, least;
	int changes;
	long at[CHANGES_MAX]; /* steps to behind each change */
};

static struct image last;
static long points, steps_all, changes_all, kills, kills_planned;

/* Both ways of coming back from here. */
static bool
check_point(const struct conveyor *live, const struct scenario *scenario,
    long step)
{
	struct conveyor *copy;
	bool ok = true;
	char when[80];

	snprintf(when, sizeof(when), "%s, step %ld", scenario->name, step);
	if (scenario->holds != NULL) {
		copy = image_open(live, &last);
		ok = scenario->holds(copy, when);
		conveyor_detach(copy);
	}
	if (ok && scenario->me != 0) {
		points++;
		copy = image_open(live, &last);
		snprintf(when, sizeof(when), "%s, step %ld, recovered",
		    scenario->name, step);
		ok = check_recovers(copy, scenario, &a_fault, when);
		conveyor_detach(copy);
	}
	points++;
	copy = image_open(live, &last);
	snprintf(when, sizeof(when), "%s, step %ld, rebuilt", scenario->name,
	    step);
	ok = ok && check_rebuilds(copy, scenario, when);
	conveyor_detach(copy);
	return ok;
}

/* The scenario at full speed, in a child that nobody touches: `out` is what
 * the segment is then. */
static void
run_whole(const struct scenario *scenario, struct image *from, struct image *to)
{
	char name[64];
	struct conveyor *cv = stage(scenario, name, false);
	int status;
	pid_t child;

	image_look(cv, from);
	fflush(stdout);
	child = fork();
	need(child >= 0, "fork");
	if (child == 0) {
		conveyor_become(cv, scenario->me);
		scenario->run(cv);
		_exit(0);
	}
	need(waitpid(child, &status, 0) == child, "waitpid");
	check(status == 0, "%s: status %#x", scenario->name, (unsigned)status);
	image_look(cv, to);
	conveyor_detach(cv);
}

static bool
image_same(const struct image *a, const struct image *b)
{
	for (int i = 0; i < IMAGE_PARTS; i++) {
		size_t at = image_parts[i].at;

		if (memcmp(a->base + at, b->base + at, image_parts[i].len) != 0)
			return false;
	}
	return true;
}

/* Every instruction of one operation. */
static bool
sweep(const struct scenario *scenario, struct trace *trace)
{
	struct image from = image_new(), to = image_new();
	char name[64];
	struct conveyor *cv;
	pid_t child;
	enum child_step r;
	bool ok = true;

	run_whole(scenario, &from, &to);
	cv = stage(scenario, name, false);
	trace->least = image_least(cv, &from, &to);
	child = child_start(cv, scenario->run, scenario->me);
	image_look(cv, &last);
	ok = check_point(cv, scenario, 0);
	while (ok && (r = child_step(child)) == STEP_DONE &&
	       ++trace->steps < STEPS_MAX) {
		if (!image_look(cv, &last))
			continue;
		need(trace->changes < CHANGES_MAX, "changes");
		trace->at[trace->changes++] = trace->steps;
		ok = check_point(cv, scenario, trace->steps);
	}
	child_kill(child);
	ok = ok &&
	     check(r == STEP_THROUGH, "%s: the child did not finish",
		 scenario->name) &&
	     check(trace->changes >= trace->least,
		 "%s: %d changes seen, and it takes %ld", scenario->name,
		 trace->changes, trace->least) &&
	     /* The names differ by a number, and nothing else may. */
	     check(image_same(&last, &to), "%s: stepping ends otherwise",
		 scenario->name) &&
	     check_woken(cv, scenario);
	conveyor_detach(cv);
	image_free(&from);
	image_free(&to);
	return ok;
}

/* In earnest: SIGKILL after `at` steps, then the real successors. */
static bool
kill_at(const struct scenario *scenario, long at, bool beside_living)
{
	char name[64], when[80];
	struct conveyor *cv = stage(scenario, name, true), *again = NULL;
	pid_t child = child_start(cv, scenario->run, scenario->me);
	bool ok;

	for (long i = 0; i < at && child_step(child) == STEP_DONE; i++)
		;
	snprintf(when, sizeof(when), "%s, killed after %ld", scenario->name,
	    at);
	ok = check(child_kill(child), "%s: it was gone", when);
	kills++;
	if (ok && beside_living && scenario->me != 0) {
		ok = check_recovers(cv, scenario, NULL, when);
		conveyor_detach(cv);
	} else {
		conveyor_detach(cv);
		ok = ok && check(crew_attach(name, CELLS, &again) == 0,
			       "%s: not attached", when);
		ok = ok && check_recovered(again, scenario, when);
		conveyor_detach(again);
	}
	conveyor_unlink(name);
	return ok;
}

/* Steps after which there is a kill in earnest: the i-th of trace_kills(). */
static long
kill_step(const struct trace *trace, long i)
{
	return crew_long() ? i : trace->at[i];
}

static void
kill_in_earnest(const struct scenario *scenario, const struct trace *trace)
{
	long all = crew_long() ? trace->steps : trace->changes, sample = all;
	long budget = crew_long() ? KILL_STEPS_LONG : KILL_STEPS, cost = 0;
	int failed = crew_failed;

	for (long i = 0; i < all; i++)
		cost += kill_step(trace, i);
	if (cost > budget)
		sample = (long)((double)all * (double)budget / (double)cost);
	kills_planned += sample;
	for (long i = 0; i < sample && crew_failed == failed; i++)
		kill_at(scenario, kill_step(trace, all * i / sample),
		    i % 2 == 0);
}

static void
step_scenario(const struct scenario *scenario)
{
	struct trace trace = { 0 };
	int failed = crew_failed;
	long kills_before = kills;

	if (sweep(scenario, &trace))
		kill_in_earnest(scenario, &trace);
	steps_all += trace.steps;
	changes_all += trace.changes;
	printf("%-16s %6ld instructions, %3d changes (at least %3ld), %ld "
	       "killed\n",
	    scenario->name, trace.steps, trace.changes, trace.least,
	    kills - kills_before);
	if (crew_failed == failed)
		crew_passed++;
}

/* ---- nothing is forgotten -------------------------------------------------- */

/* Every function that a header names, by its prefix, has a row. */
static int
functions_have_rows(const char *readme, const char *header, const char *prefix)
{
	char path[64];
	char *text, *at;
	int found = 0;

	snprintf(path, sizeof(path), "ipc/%s.h", header);
	text = file_text(path);
	for (at = text; (at = strstr(at, prefix)) != NULL;) {
		size_t len = strlen(prefix);
		char row[80];

		while (islower((unsigned char)at[len]) ||
		       isdigit((unsigned char)at[len]) || at[len] == '_')
			len++;
		if (at[len] == '(' &&
		    (at == text || !isalnum((unsigned char)at[-1]))) {
			snprintf(row, sizeof(row), "`%.*s`", (int)len, at);
			found++;
			check(strstr(readme, row) != NULL,
			    "tests/kill/README.md has no row %s", row);
		}
		at += len;
	}
	free(text);
	return found;
}

static void
every_operation_has_a_row(void)
{
	static const char *const headers[] = { "conveyor", "roster", "lock",
		"channel", "segment" };
	static const char *const families[] = { "mp/lock", "mp/semaphore",
		"mp/condition", "mp/event", "mp/barrier", "mp/value",
		"mp/shm" };
	char *readme = file_text("tests/kill/README.md");
	int failed = crew_failed, found = 0;

	for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
		char prefix[32];

		snprintf(prefix, sizeof(prefix), "%s_", headers[i]);
		found += functions_have_rows(readme, headers[i], prefix);
	}
	check(found >= 50, "%d functions only", found);
	found = 0;
	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		found += functions_have_rows(readme, families[i], "mp_");
	check(found >= 80, "%d functions of libmpipc only", found);
	free(readme);
	if (crew_failed == failed)
		crew_passed++;
}

int
main(void)
{
	images_init();
	last = image_new();
	every_operation_has_a_row();
	for (size_t i = 0; i < ARRAY_LEN(scenarios); i++)
		step_scenario(&scenarios[i]);
	/* Each change is a point, and each was killed at in earnest too, but
	 * where a sample had to do. */
	check(points > changes_all, "%ld kill points, %ld changes", points,
	    changes_all);
	check(kills == kills_planned, "%ld kills of %ld", kills, kills_planned);
	figure("queues: instructions stepped", steps_all);
	figure("queues: kill points recovered from a copy", points);
	figure("queues: SIGKILLs in earnest", kills);
	figure("queues: most entries a ring needed", image_ring_most);
	image_free(&last);
	return crew_done();
}
