/*
 * Killed while it recovers from a kill.
 *
 * A worker dies behind each change that its operation makes, and then the
 * supervisor behind each of those that its recovery makes; a new supervisor
 * finds both, and is killed as well; the next one finds all three.
 */
#include "tests/kill/image.h"
#include "tests/kill/stepper.h"

enum {
	/* Of the third death, which is 24,000 instructions long: for one
	 * scenario of so many, and in the long form so many for each. */
	THIRDS_EVERY = 4,
	THIRDS_LONG = 12,
	/* In the short form every other death of the worker, behind so many. */
	DEATHS_ALL = 12,
	TWICE = 4, /* in earnest, a scenario */
	TWICE_LONG = 300
};

/* Two deaths: behind so many steps of the operation, and of the recovery. */
struct deaths {
	long worker, supervisor;
};

struct pairs {
	struct deaths *at;
	size_t n, room;
};

static struct image last, died;
static long points, deaths_all, earnest, thirds;

static void
pairs_add(struct pairs *pairs, struct deaths deaths)
{
	if (pairs->n == pairs->room) {
		pairs->room = pairs->room * 2 + 64;
		pairs->at = realloc(pairs->at,
		    pairs->room * sizeof(*pairs->at));
		need(pairs->at != NULL, "memory");
	}
	pairs->at[pairs->n++] = deaths;
}

static void
run_recover_worker(struct conveyor *cv)
{
	size_t n;

	if (conveyor_recover(cv, WORKER, &routes, &a_fault, &n) != 0)
		_exit(1);
}

/*
 * While the supervisor is dead too, the living go on: what they can take comes
 * once, and all but the one cell that was in the supervisor's hand; that one
 * the next supervisor brings.
 */
static bool
check_living(struct conveyor *cv, const struct scenario *scenario,
    const char *when)
{
	uint8_t seen[CELLS] = { 0 };
	size_t n, missing = 0;

	if (!check(conveyor_recover(cv, WORKER, &routes, NULL, &n) == 0,
		"%s: refused", when) ||
	    !check_sleepers(cv, when))
		return false;
	conveyor_become(cv, VICTIM);
	if (!check_pops(cv, when, seen))
		return false;
	for (uint32_t c = 0; c < CELLS; c++)
		missing += seen[c] == 0;
	conveyor_become(cv, 0);
	return check(missing <= 1, "%s: %zu cells out of reach", when,
		   missing) &&
	       check(conveyor_rebuild(cv, &routes, Q_SETTLED) == 0,
		   "%s: refused then", when) &&
	       check_recovered(cv, scenario, when);
}

/* Both ways on from here. */
static bool
check_point(const struct conveyor *live, const struct scenario *scenario,
    const struct deaths *at, bool with_living)
{
	struct conveyor *copy;
	char when[96];
	bool ok;

	snprintf(when, sizeof(when), "%s, step %ld, recovery %ld",
	    scenario->name, at->worker, at->supervisor);
	copy = image_open(live, &last);
	points++;
	ok = check_rebuilds(copy, scenario, when);
	conveyor_detach(copy);
	if (ok && with_living) {
		copy = image_open(live, &last);
		points++;
		ok = check_living(copy, scenario, when);
		conveyor_detach(copy);
	}
	return ok;
}

/* The fewest changes that recovery makes here: from one at full speed. */
static long
recovery_least(const struct conveyor *cv)
{
	struct image to = image_new();
	struct conveyor *copy = image_open(cv, &died);
	size_t n;
	long least;

	need(conveyor_recover(copy, WORKER, &routes, &a_fault, &n) == 0,
	    "recover");
	image_look(copy, &to);
	least = image_least(cv, &died, &to);
	image_free(&to);
	conveyor_detach(copy);
	return least;
}

/* The second death at each change of the recovery; the segment afterwards is
 * as it was after the first. */
static bool
second_deaths(struct conveyor *cv, const struct scenario *scenario,
    long worker_step, struct pairs *pairs)
{
	struct deaths at = { .worker = worker_step };
	long changes = 0, least;
	enum child_step r;
	bool ok = true;
	pid_t child;

	image_look(cv, &died);
	least = recovery_least(cv);
	child = child_start(cv, run_recover_worker, 0);
	while (ok && (r = child_step(child)) == STEP_DONE) {
		at.supervisor++;
		if (!image_look(cv, &last))
			continue;
		changes++;
		pairs_add(pairs, at);
		ok = check_point(cv, scenario, &at, true);
	}
	child_kill(child);
	ok = ok &&
	     check(r == STEP_THROUGH, "%s: recovery did not finish",
		 scenario->name) &&
	     check(changes >= least,
		 "%s: %ld changes of recovery, and it takes %ld",
		 scenario->name, changes, least);
	deaths_all += changes;
	image_restore(cv, &died);
	image_look(cv, &last);
	return ok;
}

/* A worker, and the supervisor while it recovers it; both dead, by name. */
static struct conveyor *
die_twice(const struct scenario *scenario, const struct deaths *at,
    char name[64], bool keep_name)
{
	struct conveyor *cv = stage(scenario, name, keep_name);
	pid_t child = child_start(cv, scenario->run, scenario->me);

	for (long i = 0; i < at->worker && child_step(child) == STEP_DONE; i++)
		;
	check(child_kill(child), "%s: the worker was gone", scenario->name);
	child = child_start(cv, run_recover_worker, 0);
	for (long i = 0; i < at->supervisor && child_step(child) == STEP_DONE;
	     i++)
		;
	check(child_kill(child), "%s: recovery was gone", scenario->name);
	return cv;
}

static void
twice_in_earnest(const struct scenario *scenario, const struct deaths *at)
{
	struct conveyor *again = NULL;
	char name[64], when[96];

	conveyor_detach(die_twice(scenario, at, name, true));
	earnest++;
	snprintf(when, sizeof(when), "%s, killed after %ld, recovery after %ld",
	    scenario->name, at->worker, at->supervisor);
	if (check(crew_attach(name, CELLS, &again) == 0, "%s: not attached",
		when))
		check_recovered(again, scenario, when);
	conveyor_detach(again);
	conveyor_unlink(name);
}

/* And the third: who rebuilds after both. */
static void
third_death(const struct scenario *scenario, struct deaths at)
{
	char name[64];
	struct conveyor *cv = die_twice(scenario, &at, name, false);
	pid_t child = child_start(cv, run_rebuild, 0);
	bool ok = true;
	int changes = 0;

	image_look(cv, &last);
	while (ok && child_step(child) == STEP_DONE) {
		at.supervisor++;
		if (!image_look(cv, &last))
			continue;
		changes++;
		thirds++;
		ok = check_point(cv, scenario, &at, false);
	}
	child_kill(child);
	/* Each cell is inserted, and that is an entry and the tail. */
	check(!ok || changes >= 2 * CELLS, "%s: %d third deaths",
	    scenario->name, changes);
	conveyor_detach(cv);
}

static void
double_kill(const struct scenario *scenario)
{
	long n_twice = crew_long() ? TWICE_LONG : TWICE;
	long n_third = (scenario - scenarios) % THIRDS_EVERY == 0;
	struct pairs pairs = { 0 };
	char name[64];
	struct conveyor *cv = stage(scenario, name, false);
	pid_t child = child_start(cv, scenario->run, scenario->me);
	int failed = crew_failed;
	enum child_step r;
	long step = 0, deaths = 0;
	bool ok = true;

	if (crew_long())
		n_third = THIRDS_LONG;
	image_look(cv, &last);
	while (ok && (r = child_step(child)) == STEP_DONE) {
		step++;
		if (!image_look(cv, &last))
			continue;
		deaths++;
		if (!crew_long() && deaths > DEATHS_ALL && deaths % 2 != 0)
			continue;
		ok = second_deaths(cv, scenario, step, &pairs);
	}
	child_kill(child);
	check(!ok || r == STEP_THROUGH, "%s: did not finish", scenario->name);
	conveyor_detach(cv);
	if (n_twice > (long)pairs.n)
		n_twice = (long)pairs.n;
	for (long i = 0; i < n_twice && crew_failed == failed; i++)
		twice_in_earnest(scenario,
		    &pairs.at[pairs.n * (size_t)i / (size_t)n_twice]);
	for (long i = 0; i < n_third && crew_failed == failed; i++)
		third_death(scenario, pairs.at[pairs.n * (size_t)(2 * i + 1) /
					       (size_t)(2 * n_third)]);
	printf("%-16s %3ld deaths of the worker, %4zu with the supervisor's\n",
	    scenario->name, deaths, pairs.n);
	free(pairs.at);
	if (crew_failed == failed)
		crew_passed++;
}

int
main(void)
{
	images_init();
	last = image_new();
	died = image_new();
	for (size_t i = 0; i < ARRAY_LEN(scenarios); i++)
		if (scenarios[i].me != 0 && scenarios[i].holds == NULL)
			double_kill(&scenarios[i]);
	/* A recovery posts at five gates, whatever it finds. */
	check(points >= 2 * deaths_all + thirds, "%ld kill points of %ld",
	    points, 2 * deaths_all + thirds);
	figure("two deaths: kill points recovered from a copy", points);
	figure("two deaths: pairs of deaths", deaths_all);
	figure("two deaths: pairs of SIGKILLs in earnest", earnest);
	figure("two deaths: third deaths", thirds);
	image_free(&last);
	image_free(&died);
	return crew_done();
}
