/*
 * mp_crew - a participant of a context that is killed at every change it makes.
 *
 * A child with a seat of its own runs one operation, an instruction at a time.
 * Behind each instruction that changed shared memory or a semaphore it is
 * killed in earnest, in a context made anew; with LONG=1 behind each
 * instruction.  Then whoever is left looks for the dead, and must find what
 * the scenario promises.  And once more with an undertaker that is killed
 * while it buries: a second one comes.
 */
#ifndef TESTS_KILL_MP_CREW_H
#define TESTS_KILL_MP_CREW_H

#include "ipc/mp/context_impl.h"
#include "tests/kill/stepper.h"

enum {
	MP_STEPS_MAX = 200 * 1000,
	MP_CHANGES_MAX = 2000,
	/* In the short form so many deaths of the undertaker, behind each
	 * EVERYth death of the worker; stepping it is what takes time. */
	MP_UNDERTAKERS = 2,
	MP_EVERY = 8
};

struct mp_scenario {
	const char *name;
	/* In the parent, before the child is forked; may be NULL.  What it
	 * opens is found again in globals, by child and parent. */
	void (*stage)(struct mp_context *ctx);
	/* In the child, stepped. */
	void (*run)(struct mp_context *ctx);
	/* In the parent, when the dead are buried; uses check(). */
	bool (*holds)(struct mp_context *ctx, const char *when);
	/* At the least so many changes: that stepping saw what it is for. */
	int changes;
};

/* What one step may have changed. */
struct mp_picture {
	char *cells, *objects;
	size_t cells_len, objects_len;
	sem_t sems[MP_SEAT_IDS];
	sem_t gates[CONVEYOR_QUEUES];
};

static long mp_kills, mp_points, mp_steps;

static inline struct mp_context *
mp_crew_new(const struct mp_scenario *scenario)
{
	const struct mp_context_opts opts = { .seats = 6,
		.queues = 3,
		.objects = 24,
		.messages = 16,
		.message_max = CONVEYOR_STEP };
	struct mp_context *ctx = NULL;
	int r = mp_context_open(NULL, &opts, &ctx);

	need(r == 0, "mp_context_open");
	if (scenario->stage != NULL)
		scenario->stage(ctx);
	return ctx;
}

/* Stands before the first instruction of `run`. */
static inline pid_t
mp_child_start(struct mp_context *ctx, void (*run)(struct mp_context *))
{
	pid_t child;
	int status;

	stepper_pin();
	fflush(stdout);
	child = fork();
	need(child >= 0, "fork");
	if (child == 0) {
		if (mp_context_join(ctx) != 0)
			_exit(2);
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		run(ctx);
		raise(SIGSTOP);
		_exit(0);
	}
	need(waitpid(child, &status, 0) == child && WIFSTOPPED(status),
	    "the child does not stop");
	need(ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_EXITKILL) == 0,
	    "ptrace");
	return child;
}

static inline void
mp_picture_init(struct mp_picture *p, const struct mp_context *ctx)
{
	*p = (struct mp_picture){ .cells_len = ctx->cv->layout.parts,
		.objects_len = (size_t)((char *)mp_object_at(ctx, 0) -
					ctx->segment.base) };
	p->cells = calloc(1, p->cells_len);
	p->objects = calloc(1,
	    p->objects_len + (size_t)ctx->shared->objects * MP_PAGE);
	need(p->cells != NULL && p->objects != NULL, "memory");
}

static inline void
mp_picture_fini(struct mp_picture *p)
{
	free(p->cells);
	free(p->objects);
}

static inline bool
mp_look_at(char *seen, const char *now, size_t len)
{
	if (memcmp(seen, now, len) == 0)
		return false;
	memcpy(seen, now, len);
	return true;
}

/* Words, rings and objects.  Not: the parts of a cell, which nobody reads
 * before a word says so. */
static inline bool
mp_picture_look(struct mp_picture *p, const struct mp_context *ctx)
{
	const char *words = ctx->cv->segment.base + ctx->cv->layout.words;
	size_t len = ctx->cv->layout.parts - ctx->cv->layout.words;
	bool changed = mp_look_at(p->cells, words, len);

	changed |= mp_look_at(p->objects, ctx->segment.base,
	    p->objects_len + (size_t)ctx->shared->used * MP_PAGE);
	for (int i = 0; i < MP_SEAT_IDS; i++)
		if (ctx->sems[i] != NULL)
			changed |= mp_look_at((char *)&p->sems[i],
			    (char *)ctx->sems[i], sizeof(sem_t));
	for (int i = 0; i < CONVEYOR_QUEUES; i++)
		if (ctx->cv->sems[i] != NULL)
			changed |= mp_look_at((char *)&p->gates[i],
			    (char *)ctx->cv->sems[i], sizeof(sem_t));
	return changed;
}

/* The steps behind which something had changed; how many of them, -1: the
 * child came to no end. */
static inline int
mp_trace(struct mp_context *ctx, pid_t child, long at[MP_CHANGES_MAX])
{
	struct mp_picture picture;
	enum child_step r = STEP_DONE;
	long steps = 0;
	int n = 0;

	mp_picture_init(&picture, ctx);
	mp_picture_look(&picture, ctx);
	while (steps < MP_STEPS_MAX && n < MP_CHANGES_MAX &&
	       (r = child_step(child)) == STEP_DONE) {
		steps++;
		if (crew_long() || mp_picture_look(&picture, ctx))
			at[n++] = steps;
	}
	mp_steps += steps;
	mp_picture_fini(&picture);
	child_kill(child);
	return r == STEP_THROUGH ? n : -1;
}

/* Stepped so far, and killed. */
static inline bool
mp_die_at(struct mp_context *ctx, void (*run)(struct mp_context *), long steps)
{
	pid_t child = mp_child_start(ctx, run);

	for (long i = 0; i < steps && child_step(child) == STEP_DONE; i++)
		;
	mp_kills++;
	return child_kill(child);
}

static inline void
mp_tend_once(struct mp_context *ctx)
{
	(void)!mp_context_tend(ctx);
}

static inline bool
mp_holds(struct mp_context *ctx, const struct mp_scenario *scenario,
    const char *when)
{
	char why[128] = "";
	int r = mp_context_tend(ctx);

	mp_points++;
	return check(r >= 0, "%s: tend: %d", when, r) &&
	       check(mp_context_seats(ctx) == 1, "%s: %u seats are taken", when,
		   mp_context_seats(ctx)) &&
	       check(conveyor_check(ctx->cv, why, sizeof(why)) == 0, "%s: %s",
		   when, why) &&
	       scenario->holds(ctx, when);
}

/* The worker died `steps` in; whoever buries it dies as well, here and there,
 * and the next one finds both. */
static inline bool
mp_undertakers(const struct mp_scenario *scenario, long steps)
{
	static long at[MP_CHANGES_MAX];
	struct mp_context *ctx = mp_crew_new(scenario);
	bool ok = true;
	char when[120];
	int n;

	mp_die_at(ctx, scenario->run, steps);
	n = mp_trace(ctx, mp_child_start(ctx, mp_tend_once), at);
	ok = check(n >= 0, "%s: burying comes to no end", scenario->name);
	mp_context_close(ctx);
	for (int i = 0; ok && n > 0 && i < (crew_long() ? n : MP_UNDERTAKERS);
	     i++) {
		int which = crew_long() ? i : (int)((steps * 7 + i * 13) % n);

		ctx = mp_crew_new(scenario);
		mp_die_at(ctx, scenario->run, steps);
		mp_die_at(ctx, mp_tend_once, at[which]);
		snprintf(when, sizeof(when),
		    "%s, killed after %ld, its undertaker after %ld",
		    scenario->name, steps, at[which]);
		ok = mp_holds(ctx, scenario, when);
		mp_context_close(ctx);
	}
	return ok;
}

/* One scenario, whole: passed or failed. */
static inline void
mp_step_scenario(const struct mp_scenario *scenario)
{
	static long at[MP_CHANGES_MAX];
	struct mp_context *ctx = mp_crew_new(scenario);
	int failed = crew_failed, n;
	char when[120];
	bool ok;

	n = mp_trace(ctx, mp_child_start(ctx, scenario->run), at);
	ok = check(n >= scenario->changes,
	    "%s: %d changes seen, and it takes %d", scenario->name, n,
	    scenario->changes);
	mp_context_close(ctx);
	for (int i = -1; ok && i < n; i++) {
		long steps = i < 0 ? 0 : at[i];

		ctx = mp_crew_new(scenario);
		snprintf(when, sizeof(when), "%s, killed after %ld",
		    scenario->name, steps);
		ok = check(mp_die_at(ctx, scenario->run, steps),
			 "%s: it was gone", when) &&
		     mp_holds(ctx, scenario, when);
		mp_context_close(ctx);
		if (ok && i >= 0 && (i % MP_EVERY == 0 || crew_long()))
			ok = mp_undertakers(scenario, steps);
	}
	printf("%-28s %3d changes\n", scenario->name, n);
	if (crew_failed == failed)
		crew_passed++;
}

/* The end of main(). */
static inline int
mp_crew_done(const char *what)
{
	char name[64];

	snprintf(name, sizeof(name), "%s: instructions stepped", what);
	figure(name, mp_steps);
	snprintf(name, sizeof(name), "%s: SIGKILLs in earnest", what);
	figure(name, mp_kills);
	return crew_done();
}

#endif
