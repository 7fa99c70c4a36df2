/*
 * SharedMemory, and a large array of a context with a name: killed while they
 * are made, before and behind each system call.  Whatever is left under the
 * name can be had whole or not at all, and be removed.
 */
#include <sys/mman.h>

#include "ipc/mp/context_impl.h"
#include "ipc/mp/shm.h"
#include "ipc/mp/value.h"
#include "tests/kill/stepper.h"

enum {
	STEPS_MAX = 200 * 1000,
	SIZE = 3 * 4096,
	LARGE = 2 << 20
};

static char name[48];
static struct mp_context *ctx;
static long kills, calls_all;

struct subject {
	const char *what;
	void (*prepare)(void);
	void (*run)(struct conveyor *);
	void (*after)(const char *when);
	long calls; /* at the least */
};

static void
prepare_shm(void)
{
	shm_unlink(name);
}

static void
run_create(struct conveyor *none)
{
	struct mp_shm *shm;

	(void)none;
	if (mp_shm_create(name, SIZE, &shm) != 0)
		_exit(1);
}

static void
after_create(const char *when)
{
	struct mp_shm *shm = NULL;
	int r = mp_shm_attach(name, &shm);

	check(r == 0 || r == -ENOENT || r == MP_ECORRUPT, "%s: %d", when, r);
	if (r == 0) {
		check(mp_shm_size(shm) == SIZE, "%s: %zu bytes", when,
		    mp_shm_size(shm));
		memset(mp_shm_data(shm), 1, SIZE);
		check(mp_shm_unlink(shm) == 0, "%s: not removed", when);
		mp_shm_close(shm);
	} else {
		shm_unlink(name);
	}
	check(mp_shm_create(name, SIZE, &shm) == 0, "%s: not made again", when);
	mp_shm_close(shm);
}

/* A context of that name, made anew. */
static void
prepare_context(void)
{
	const struct mp_context_opts opts = { .seats = 4,
		.queues = 1,
		.objects = 4,
		.messages = 4,
		.message_max = CONVEYOR_STEP };

	mp_context_close(ctx);
	ctx = NULL;
	need(mp_context_open(name, &opts, &ctx) == 0, "mp_context_open");
}

static void
run_array(struct conveyor *none)
{
	struct mp_array *array;

	(void)none;
	if (mp_context_join(ctx) != 0 ||
	    mp_array_open(ctx, "field", 1, LARGE, &array) != 0)
		_exit(1);
	mp_array_unlink(array);
}

static void
after_array(const char *when)
{
	struct mp_array *array = NULL;
	char path[80];
	int r = mp_context_tend(ctx);

	check(r >= 0, "%s: tend: %d", when, r);
	r = mp_array_open(ctx, "field", 1, LARGE, &array);
	check(r == 0, "%s: array: %d", when, r);
	if (r == 0)
		memset(mp_array_data(array), 1, LARGE);
	mp_array_close(array);
	mp_context_close(ctx);
	ctx = NULL;
	for (int i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "/dev/shm%s.a%d", name, i);
		check(access(path, F_OK) < 0, "%s: %s is left", when, path);
	}
}

static const struct subject subjects[] = {
	{ "mp_shm_create", prepare_shm, run_create, after_create, 5 },
	{ "mp_array_open, large", prepare_context, run_array, after_array, 10 },
};

static void
step_subject(const struct subject *subject)
{
	static bool kill_here[STEPS_MAX];
	long steps = 0, calls = 0, failed = crew_failed;
	enum child_step r;
	pid_t child;

	memset(kill_here, 0, sizeof(kill_here));
	subject->prepare();
	child = child_start(NULL, subject->run, 0);
	for (;;) {
		bool in_kernel = child_at_syscall(child);

		need(steps + 1 < STEPS_MAX, "steps");
		kill_here[steps] |= in_kernel;
		r = child_step(child);
		if (r != STEP_DONE)
			break;
		kill_here[++steps] |= in_kernel;
		calls += in_kernel;
	}
	check(r == STEP_THROUGH && calls >= subject->calls,
	    "%s: %ld system calls", subject->what, calls);
	child_kill(child);
	for (long i = 0; i <= steps && crew_failed == failed; i++) {
		char when[80];

		if (!kill_here[i])
			continue;
		snprintf(when, sizeof(when), "%s, killed after %ld",
		    subject->what, i);
		subject->prepare();
		child = child_start(NULL, subject->run, 0);
		for (long s = 0; s < i && child_step(child) == STEP_DONE; s++)
			;
		check(child_kill(child), "%s: it was gone", when);
		kills++;
		subject->after(when);
	}
	calls_all += calls;
	printf("%-24s %5ld instructions, %2ld system calls\n", subject->what,
	    steps, calls);
	if (crew_failed == failed)
		crew_passed++;
}

static void
remove_all(void)
{
	if (crew_pid != getpid())
		return;
	mp_context_close(ctx);
	shm_unlink(name);
}

int
main(void)
{
	crew_pid = getpid();
	snprintf(name, sizeof(name), "/mpct.shm.%d", (int)getpid());
	need(atexit(remove_all) == 0, "atexit");
	for (size_t i = 0; i < ARRAY_LEN(subjects); i++)
		step_subject(&subjects[i]);
	check(kills > calls_all, "%ld kills, %ld calls", kills, calls_all);
	figure("blocks: SIGKILLs in earnest", kills);
	return crew_done();
}
