#include "tests/ipc/python_parity/parity.h"

#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	SCENARIOS_MAX = 128,
	LINE = 4096,
	NUMBERS = 64,
	LIMIT_MS = 20000
};

static struct {
	const char *name;
	void (*run)(struct mp_context *ctx);
} scenarios[SCENARIOS_MAX];
static size_t scenarios_n;

static char line[LINE];
static size_t line_len, list_at;
static int answer = -1; /* where the line goes; of the scenario alone */
static pid_t scenario_pid;
static int flags[FLAGS];
int64_t *count;

void
parity_add(const char *name, void (*run)(struct mp_context *ctx))
{
	if (scenarios_n == SCENARIOS_MAX)
		abort();
	scenarios[scenarios_n].name = name;
	scenarios[scenarios_n++].run = run;
}

/* --- what is seen --------------------------------------------------------- */

static void
append(const char *format, va_list args)
{
	int n = vsnprintf(line + line_len, LINE - line_len, format, args);

	if (n < 0 || (size_t)n >= LINE - line_len)
		abort();
	line_len += (size_t)n;
}

void
items(void)
{
	if (line_len > 0)
		line[line_len++] = ' ';
	list_at = line_len;
}

void
say(const char *format, ...)
{
	va_list args;

	items();
	va_start(args, format);
	append(format, args);
	va_end(args);
}

void
item(const char *format, ...)
{
	va_list args;

	if (line_len > list_at)
		line[line_len++] = ',';
	va_start(args, format);
	append(format, args);
	va_end(args);
}

static const struct {
	int r;
	const char *word;
} words[] = {
	{ 0, "ok" },
	{ MP_OWNERDEAD, "OwnerDead" },
	{ MP_EFULL, "Full" },
	{ MP_EEMPTY, "Empty" },
	{ MP_EBROKEN, "Broken" },
	{ MP_ECANCELLED, "Cancelled" },
	{ MP_ETIMEDOUT, "Timeout" },
	{ MP_EEOF, "EOF" },
	{ MP_EMSGSIZE, "TooLong" },
	{ MP_ECLOSED, "Closed" },
	{ MP_EPERM, "NotAllowed" },
	{ MP_EINVAL, "Invalid" },
	{ MP_EWORKERDIED, "WorkerDied" },
	{ -EEXIST, "Exists" },
	{ -ENOENT, "NotFound" },
	{ -ERANGE, "OutOfRange" },
};

const char *
word(int r)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i].r == r)
			return words[i].word;
	return mp_strerror(r);
}

const char *
yes(bool truth)
{
	return truth ? "yes" : "no";
}

const char *
taken(int r)
{
	return r == 0 ? "yes" : r == MP_ETIMEDOUT ? "no" : word(r);
}

static _Noreturn void
give_up(const char *what)
{
	if (getpid() != scenario_pid)
		_exit(99);
	say("Stuck: %s", what);
	(void)!write(answer, line, line_len);
	_exit(0);
}

int
must(int r)
{
	if (r < 0)
		give_up(mp_strerror(r));
	return r;
}

void
must_be(bool truth, const char *what)
{
	if (!truth)
		give_up(what);
}

/* --- what scenarios are made of ------------------------------------------- */

int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

void
flag_up(int flag, int times)
{
	uint64_t n = (uint64_t)times;

	must_be(write(flags[flag], &n, sizeof(n)) == sizeof(n), "flag");
}

bool
flag_seen(int flag, int timeout_ms)
{
	struct pollfd fd = { .fd = flags[flag], .events = POLLIN };
	uint64_t one;

	return poll(&fd, 1, timeout_ms) == 1 &&
	       read(flags[flag], &one, sizeof(one)) == sizeof(one);
}

void
flag_wait(int flag, int times)
{
	while (times-- > 0)
		must_be(flag_seen(flag, PATIENCE_MS), "nobody raised a flag");
}

struct mp_process *
make(struct mp_context *ctx, mp_target *fn, const void *arg)
{
	struct mp_process *p;

	must(mp_process_create(ctx, NULL, fn, (void *)(uintptr_t)arg, &p));
	return p;
}

struct mp_process *
go(struct mp_context *ctx, mp_target *fn, const void *arg)
{
	struct mp_process *p = make(ctx, fn, arg);

	must(mp_process_start(p));
	return p;
}

int
waits_for(struct mp_process *p)
{
	int code;

	must(mp_process_join(p, PATIENCE_MS));
	must_be(mp_process_exitcode(p, &code), "an exit code");
	return code;
}

int
ends(struct mp_process *p)
{
	int code = waits_for(p);

	must(mp_process_close(p));
	return code;
}

void
say_ends(struct mp_process **ps, size_t n)
{
	items();
	for (size_t i = 0; i < n; i++)
		item("%d", ends(ps[i]));
}

unsigned char *
pattern(size_t n)
{
	unsigned char *bytes = malloc(n);

	must_be(bytes != NULL, "memory");
	for (size_t i = 0; i < n; i++)
		bytes[i] = (unsigned char)(i * 7 % 251);
	return bytes;
}

void *
number(intptr_t i)
{
	return (void *)i;
}

int
sleeps(struct mp_context *ctx, void *arg)
{
	(void)ctx;
	(void)arg;
	while (pause() < 0)
		continue;
	return 0;
}

/* --- running them --------------------------------------------------------- */

static void
run_one(size_t i)
{
	struct mp_context *ctx;

	scenario_pid = getpid();
	count = mmap(NULL, NUMBERS * sizeof(*count), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must_be(count != MAP_FAILED, "memory");
	for (int f = 0; f < FLAGS; f++)
		flags[f] = eventfd(0, EFD_SEMAPHORE);
	must(mp_context_open(NULL, NULL, &ctx));
	scenarios[i].run(ctx);
	(void)!write(answer, line, line_len);
}

/* What the process has said; NULL: nothing, and it has died, or the time is
 * over.  Its children have the other end, too, so its death is looked for. */
static const char *
answer_of(pid_t pid, int fd, char text[LINE + 1])
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	int64_t end = now_ms() + LIMIT_MS;
	siginfo_t info = { .si_pid = 0 };
	ssize_t n;

	while (poll(&ready, 1, 50) == 0 && info.si_pid != pid)
		if (now_ms() >= end || waitid(P_PID, (id_t)pid, &info,
					   WEXITED | WNOHANG | WNOWAIT) < 0)
			return "hangs";
	if (poll(&ready, 1, 0) == 0)
		return "dies";
	n = read(fd, text, LINE);
	if (n <= 0)
		return "dies";
	text[n] = '\0';
	return text;
}

/* In a process group of its own; all that is in it is gone afterwards. */
static void
run_group(size_t i, const char *family)
{
	char text[LINE + 1];
	int both[2];
	pid_t pid;

	if (pipe(both) < 0)
		abort();
	pid = fork();
	if (pid < 0)
		abort();
	if (pid == 0) {
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(both[0]);
		answer = both[1];
		run_one(i);
		_exit(0);
	}
	setpgid(pid, pid);
	close(both[1]);
	printf("%s/%s: %s\n", family, scenarios[i].name,
	    answer_of(pid, both[0], text));
	fflush(stdout);
	close(both[0]);
	/* Its number is the group's until it is reaped; nobody else has it. */
	kill(-pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int
main(int argc, char **argv)
{
	const char *family = strrchr(argv[0], '/');

	family = family == NULL ? argv[0] : family + 1;
	if (strncmp(family, "parity_", 7) == 0)
		family += 7;
	for (size_t i = 0; i < scenarios_n; i++)
		if (argc < 2 || strstr(scenarios[i].name, argv[1]) != NULL)
			run_group(i, family);
	return 0;
}
