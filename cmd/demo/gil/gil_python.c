#include "cmd/demo/gil/gil_python.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/demo/demo.h"
#include "lib/base/buf.h"

/* clang-format off */
static const char script[] =
"import multiprocessing, resource, sys, threading, time\n"
"from html.parser import HTMLParser\n"
"from time import sleep as wait\n"
"workers, runs, work_ms, wait_ms = map(int, sys.argv[1:5])\n"
"pages = sys.stdin.buffer.read().decode().split('\\0')[:-1]\n"
"fork = multiprocessing.get_context('fork')\n"
"class Links(HTMLParser):\n"
"    n = 0\n"
"    def handle_starttag(self, tag, attrs):\n"
"        self.n += tag == 'a' and any(name == 'href' for name, _ in attrs)\n"
"def parse(page):\n"
"    links = Links()\n"
"    links.feed(page)\n"
"    links.close()\n"
"    return links.n\n"
"def fetch(page):\n"
"    wait(wait_ms / 1000)\n"
"    return parse(page)\n"
"def sequence(do, work):\n"
"    return sum(map(do, work))\n"
"def threads(do, work):\n"
"    todo, done = iter(work), []\n"
"    lock = threading.Lock()\n"
"    def run():\n"
"        n = 0\n"
"        while True:\n"
"            with lock:\n"
"                page = next(todo, None)\n"
"            if page is None:\n"
"                return done.append(n)\n"
"            n += do(page)\n"
"    all = [threading.Thread(target=run) for _ in range(workers)]\n"
"    for one in all: one.start()\n"
"    for one in all: one.join()\n"
"    return sum(done)\n"
"def serve(do, todo, done):\n"
"    n = 0\n"
"    while (page := todo.get()) is not None:\n"
"        n += do(page)\n"
"    done.put(n)\n"
"def processes(do, work):\n"
"    todo, done = fork.Queue(), fork.SimpleQueue()\n"
"    all = [fork.Process(target=serve, args=(do, todo, done))\n"
"           for _ in range(workers)]\n"
"    for one in all: one.start()\n"
"    for page in work: todo.put(page)\n"
"    for _ in all: todo.put(None)\n"
"    n = sum(done.get() for _ in all)\n"
"    for one in all: one.join()\n"
"    return n\n"
"def cpu():\n"
"    both = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN\n"
"    return sum(sum(resource.getrusage(who)[:2]) for who in both)\n"
"parse(pages[0])\n"
"start = time.perf_counter()\n"
"for page in pages[:3]: parse(page)\n"
"each = (time.perf_counter() - start) / 3\n"
"items = max(2 * workers, int(work_ms / 1000 / each))\n"
"gil = getattr(sys, '_is_gil_enabled', lambda: True)()\n"
"print('python', sys.version.split()[0], int(gil), items, 4 * workers)\n"
"for run in range(runs):\n"
"    for kind, do, n in (0, parse, items), (1, fetch, 4 * workers):\n"
"        work = [pages[i % len(pages)] for i in range(n)]\n"
"        ways = (0, sequence), (1 if gil else 2, threads), (3, processes)\n"
"        for way, go in ways:\n"
"            used, start = cpu(), time.perf_counter()\n"
"            links = go(do, work)\n"
"            wall = time.perf_counter() - start\n"
"            print('run', kind, way, wall, cpu() - used, links)\n"
"            sys.stdout.flush()\n";
/* clang-format on */

/* The pages as its standard input: a NUL behind each. */
static int
pages_file(const struct gil_pages *pages)
{
	const int fd = memfd_create("pages", MFD_CLOEXEC);
	bool whole = fd >= 0;

	for (size_t i = 0; whole && i < pages->n; i++) {
		const struct span page = pages->page[i];

		whole = write(fd, page.ptr, page.len) == (ssize_t)page.len &&
			write(fd, "", 1) == 1;
	}
	if (whole && lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	close(fd);
	return -EIO;
}

static _Noreturn void
become(const char *program, int in, int out, char *const words[])
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0)
		execvp(program, words);
	_exit(errno == ENOENT ? 127 : 126);
}

struct samples {
	double wall[2][GIL_WAYS][GIL_PYTHON_RUNS_MAX];
	double cpu[2][GIL_WAYS][GIL_PYTHON_RUNS_MAX];
	unsigned n[2][GIL_WAYS];
};

/* One line of what it says; others (none are expected) count for nothing. */
static void
take_line(const char *line, struct samples *s, struct gil_python *out)
{
	unsigned kind, way;
	int gil;
	unsigned long links;
	double wall, cpu;

	if (sscanf(line, "python %31s %d %u %u", out->version, &gil,
		&out->items, &out->waits) == 4)
		out->has_gil = gil != 0;
	if (sscanf(line, "run %u %u %lf %lf %lu", &kind, &way, &wall, &cpu,
		&links) != 5 ||
	    kind > 1 || way >= GIL_WAYS ||
	    s->n[kind][way] == GIL_PYTHON_RUNS_MAX)
		return;
	s->wall[kind][way][s->n[kind][way]] = wall;
	s->cpu[kind][way][s->n[kind][way]++] = cpu;
	out->links[kind][way] = links;
}

static int
listen_to(pid_t pid, int fd, struct gil_python *out)
{
	struct samples *s = calloc(1, sizeof(*s));
	FILE *in = fdopen(fd, "r");
	char line[256];
	int status = 0;

	if (s == NULL || in == NULL) {
		kill(pid, SIGKILL);
	} else {
		while (fgets(line, sizeof(line), in) != NULL)
			take_line(line, s, out);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	for (int kind = 0; s != NULL && kind < 2; kind++) {
		for (int way = 0; way < GIL_WAYS; way++) {
			const unsigned n = s->n[kind][way];

			if (n == 0)
				continue;
			out->seconds[kind][way] =
			    demo_median(s->wall[kind][way], n);
			out->cpu[kind][way] = demo_median(s->cpu[kind][way], n);
		}
	}
	if (in != NULL)
		fclose(in);
	else
		close(fd);
	free(s);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return -ENOENT;
	return status == 0 && out->seconds[1][GIL_PROCESSES] > 0 ? 0 : -EPROTO;
}

int
gil_python(const char *program, const struct gil_job *job, unsigned runs,
    long work_ms, struct gil_python *out)
{
	char numbers[4][24];
	char *words[] = { (char *)program, (char *)"-c", (char *)script,
		numbers[0], numbers[1], numbers[2], numbers[3], NULL };
	int ends[2], r = 0;
	const int pages = pages_file(job->pages);
	pid_t pid;

	*out = (struct gil_python){ .version = "" };
	if (pages < 0)
		return pages;
	snprintf(numbers[0], sizeof(numbers[0]), "%u", job->workers);
	snprintf(numbers[1], sizeof(numbers[1]), "%u", runs);
	snprintf(numbers[2], sizeof(numbers[2]), "%ld", work_ms);
	snprintf(numbers[3], sizeof(numbers[3]), "%d", job->wait_ms);
	if (pipe2(ends, O_CLOEXEC) < 0) {
		r = -errno;
		goto done;
	}
	pid = fork();
	if (pid == 0)
		become(program, pages, ends[1], words);
	close(ends[1]);
	if (pid > 0)
		r = listen_to(pid, ends[0], out);
	else
		r = -EAGAIN;
done:
	close(pages);
	return r;
}
