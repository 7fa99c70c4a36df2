/*
 * gil - does Python's global interpreter lock stop threads or processes?
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cmd/demo/blog.h"
#include "cmd/demo/demo.h"
#include "cmd/demo/gil/gil_cost.h"
#include "cmd/demo/gil/gil_python.h"
#include "cmd/demo/gil/gil_svg.h"
#include "ipc/mp/base.h"

enum {
	COMPUTING,
	WAITING,
	KINDS,

	RUNS_MAX = GIL_PYTHON_RUNS_MAX,
	WAIT_MS = 20,
	WAITS_EACH = 8, /* of each worker */
};

static long runs = 3, workers, work_ms = 300;
static const char *svg_path = "gil.svg", *python = "python3";

/* clang-format off */
static const struct demo_option options[] = {
	{ "--runs", "N", "of each way, in turn; the median is shown (3)", &runs, 1, RUNS_MAX },
	{ "--workers", "N", "threads, processes (a core each, two at least)", &workers, 1, GIL_WORKERS_MAX },
	{ "--work-ms", "MS", "how long the computing takes in sequence (300)", &work_ms, 10, 60000 },
	{ "--svg", "FILE", "where the picture goes (gil.svg; - for none)", .text = &svg_path },
	{ "--python", "PROG", "the Python to compare with (python3; - for none)", .text = &python },
	{ NULL },
};

static const char about[] =
"CPython, the usual Python, has one lock for the whole interpreter, the GIL.  A\n"
"thread must hold it to run a line of Python.  Who waits for it asks after 5 ms\n"
"to have it, and is given it at the next chance; who waits for the network or\n"
"the disk gives it up meanwhile.  A process has an interpreter, and so a lock,\n"
"of its own.\n\n"
"Here is that lock again in C, by CPython's own protocol, round two kinds of\n"
"work: computing (pages of HTML are parsed) and waiting (a server that takes\n"
"20 ms for each page).  Both are done in four ways: one after another, by threads\n"
"that share such a lock, by threads without one, and by processes that get the\n"
"pages through a queue.  Then the same by the real Python.\n";

static const char *const way_names[GIL_WAYS] = {
	[GIL_SEQUENCE]  = "one after another",
	[GIL_LOCKED]    = "threads and a GIL",
	[GIL_FREE]      = "threads without it",
	[GIL_PROCESSES] = "processes, a queue",
};

static const char *const says[KINDS][GIL_WAYS] = {
	{ "One worker does it all.",
	  "Only one is green at a time: they take turns, every 5 ms, and together are no faster than one.",
	  "The same threads, nothing shared but the list of pages: all cores work.",
	  "Each has its own memory, so there is nothing to lock: all cores work." },
	{ "Most of the time nobody does anything.",
	  "Blue overlaps with blue: the lock is given up for each wait, so it is in nobody's way.",
	  "No better than with the lock: there was next to nothing to wait for.",
	  "No better than threads either; they only cost more to start." },
};
/* clang-format on */

struct shown {
	struct gil_result median[GIL_WAYS]; /* the run in the middle */
	double seconds[GIL_WAYS], spread[GIL_WAYS], times[GIL_WAYS];
	bool same; /* links, of all runs of all ways */
	uint64_t together;
};

struct lesson {
	struct buf text[GIL_PAGES];
	struct gil_pages pages;
	struct gil_job job[KINDS];
	struct shown shown[KINDS];
	struct gil_trace *traces; /* of each run */
	struct gil_convoy convoys[GIL_CONVOYS];
};

static int
make_pages(struct lesson *l)
{
	int r = 0;

	for (unsigned i = 0; i < GIL_PAGES; i++)
		buf_init(&l->text[i], BLOG_PAGE_MAX);
	for (unsigned i = 0; r == 0 && i < GIL_PAGES; i++) {
		r = blog_page(i + 1, &l->text[i]);
		l->pages.page[i] = buf_span(&l->text[i]);
	}
	l->pages.n = GIL_PAGES;
	return r;
}

/* As many pages as one worker parses in work_ms. */
static int
size_jobs(struct lesson *l)
{
	struct gil_job job = { .pages = &l->pages,
		.items = GIL_PAGES,
		.workers = (unsigned)workers,
		.interval_us = GIL_INTERVAL_US };
	struct gil_result first;
	int r = 0;

	/* The second time: memory is there, code is in the cache. */
	for (int i = 0; r == 0 && i < 2; i++)
		r = gil_run(&job, GIL_SEQUENCE, &first);
	if (r < 0)
		return r;
	job.items = (unsigned)((double)work_ms * 1e6 * GIL_PAGES /
			       (double)first.cpu_ns) +
		    job.workers;
	l->job[COMPUTING] = job;
	job.items = WAITS_EACH * job.workers;
	job.wait_ms = WAIT_MS;
	l->job[WAITING] = job;
	return 0;
}

static int
by_wall(const void *a, const void *b)
{
	const struct gil_result *x = a, *y = b;

	return x->wall_ns < y->wall_ns ? -1 : x->wall_ns > y->wall_ns;
}

static void
sum_up(struct gil_result results[GIL_WAYS][RUNS_MAX], struct shown *shown)
{
	shown->same = true;
	for (int way = 0; way < GIL_WAYS; way++) {
		struct gil_result *all = results[way];

		for (long i = 0; i < runs; i++) {
			if (all[i].links != results[0][0].links)
				shown->same = false;
			shown->together += all[i].gil.together;
		}
		qsort(all, (size_t)runs, sizeof(*all), by_wall);
		shown->median[way] = all[runs / 2];
		shown->seconds[way] = (double)all[runs / 2].wall_ns / 1e9;
		shown->spread[way] = (double)(all[runs - 1].wall_ns -
					      all[0].wall_ns) /
				     1e9;
		shown->times[way] = shown->seconds[0] / shown->seconds[way];
	}
}

/* In turn, so that what else the machine does falls on all of them. */
static int
run_all(struct lesson *l)
{
	static struct gil_result results[KINDS][GIL_WAYS][RUNS_MAX];

	for (long run = 0; run < runs; run++) {
		for (int i = 0; i < KINDS * GIL_WAYS; i++) {
			const int kind = i / GIL_WAYS, way = i % GIL_WAYS;
			struct gil_job job = l->job[kind];
			int r;

			job.trace = &l->traces[run * KINDS * GIL_WAYS + i];
			r = gil_run(&job, (enum gil_way)way,
			    &results[kind][way][run]);
			if (r < 0)
				return r;
		}
	}
	for (int kind = 0; kind < KINDS; kind++)
		sum_up(results[kind], &l->shown[kind]);
	return 0;
}

static void
print_lock(const struct gil_count *g)
{
	const uint64_t drops = g->forced + g->voluntary;

	if (drops == 0)
		return;
	printf("\n  The GIL went from one thread to another %llu times.  It "
	       "was "
	       "given up %llu times:\n  %llu forced, for another had asked; "
	       "%llu voluntarily.  A hold lasted %.2f ms, and a\n  wait "
	       "for it %.2f ms, on average.\n",
	    (unsigned long long)g->switches, (unsigned long long)drops,
	    (unsigned long long)g->forced, (unsigned long long)g->voluntary,
	    (double)g->held_ns / 1e6 / (double)drops,
	    (double)g->waited_ns / 1e6 / (double)drops);
}

static void
print_table(const struct lesson *l, int kind)
{
	const struct gil_job *job = &l->job[kind];
	const struct shown *s = &l->shown[kind];

	demo_heading("%s: %u pages of %zu KB%s, %u workers, median of %ld",
	    kind == COMPUTING ? "Computing" : "Waiting", job->items,
	    l->pages.page[0].len / 1000,
	    kind == COMPUTING ? "" : ", 20 ms for each", job->workers, runs);
	printf("  %-22s %9s %9s %9s %9s\n", "", "time", "spread", "speed",
	    "CPU used");
	for (int way = 0; way < GIL_WAYS; way++)
		printf("  %-22s %7.3f s %7.3f s %7.2f x %7.3f s\n",
		    way_names[way], s->seconds[way], s->spread[way],
		    s->times[way], (double)s->median[way].cpu_ns / 1e9);
	print_lock(&s->median[GIL_LOCKED].gil);
}

/* Speed-ups by the number of workers; one run each. */
static int
print_growth(const struct lesson *l)
{
	static const unsigned counts[] = { 1, 2, 4, 8 };

	demo_heading("More workers, on %u cores (speed against one after "
		     "another; one run each)",
	    mp_cpu_count());
	printf("  %-22s  computing: %-17s waiting:\n  %-22s ", "", "", "");
	for (size_t i = 0; i < 2 * ARRAY_LEN(counts); i++)
		printf("%s%6u", i == ARRAY_LEN(counts) ? "    " : "",
		    counts[i % ARRAY_LEN(counts)]);
	putchar('\n');
	for (int way = GIL_LOCKED; way < GIL_WAYS; way++) {
		printf("  %-22s ", way_names[way]);
		for (size_t i = 0; i < 2 * ARRAY_LEN(counts); i++) {
			const int kind = i >= ARRAY_LEN(counts);
			struct gil_job job = l->job[kind];
			struct gil_result one;
			int r;

			job.workers = counts[i % ARRAY_LEN(counts)];
			r = gil_run(&job, (enum gil_way)way, &one);
			if (r < 0)
				return r;
			printf("%s%6.1f", i == ARRAY_LEN(counts) ? "    " : "",
			    l->shown[kind].seconds[0] /
				((double)one.wall_ns / 1e9));
			fflush(stdout);
		}
		putchar('\n');
	}
	return 0;
}

static int
print_convoy(struct lesson *l)
{
	static const long intervals_us[GIL_CONVOYS] = { 500, 5000, 50000 };

	demo_heading("The convoy: one thread computes; another has an answer "
		     "every millisecond,\nand waits for the lock each time");
	for (size_t i = 0; i < GIL_CONVOYS; i++) {
		struct gil_convoy *c = &l->convoys[i];
		const int r = gil_convoy(&l->pages, intervals_us[i],
		    GIL_REQUESTS_MAX, 900, c);

		if (r < 0)
			return r;
		printf("  switch interval %4.1f ms: waits %6.2f ms (median of "
		       "%3zu; longest %.2f ms)%s\n",
		    (double)intervals_us[i] / 1e3, c->median_ms, c->n,
		    c->ms[c->n - 1],
		    intervals_us[i] == GIL_INTERVAL_US ? ", Python's" : "");
	}
	return 0;
}

static void
print_python_cell(const struct gil_python *p, int kind, int way)
{
	const char *behind = kind == COMPUTING ? "    " : "";

	if (p->seconds[kind][way] > 0)
		printf(" %7.3f s  %6.2f x%s", p->seconds[kind][way],
		    p->seconds[kind][0] / p->seconds[kind][way], behind);
	else
		printf(" %9s  %8s%s", "-", "", behind);
}

static void
print_python(const struct lesson *l)
{
	struct gil_python p;
	int r = strcmp(python, "-") == 0
		    ? -ENOENT
		    : gil_python(python, &l->job[WAITING], (unsigned)runs,
			  work_ms * 2 / 3, &p);

	demo_heading("The same by the real thing");
	if (r < 0) {
		printf("  %s\n", r == -ENOENT
				     ? "There is no python3 here: left out."
				     : "python3 did not do it: left out.");
		return;
	}
	printf("  Python %s, html.parser, time.sleep, threading, "
	       "multiprocessing;\n  computing: %u pages, waiting: %u of them\n"
	       "\n  %-22s %-31s waiting:\n",
	    p.version, p.items, p.waits, "", "computing:");
	for (int way = 0; way < GIL_WAYS; way++) {
		printf("  %-22s", way_names[way]);
		for (int kind = 0; kind < KINDS; kind++)
			print_python_cell(&p, kind, way);
		putchar('\n');
	}
	if (p.has_gil)
		printf("\n  Without its lock Python comes only as a build of "
		       "its own, \"free-threaded\", from\n  3.13 on: "
		       "python3.13t.  If you have one: --python python3.13t\n");
	demo_claim(p.links[0][GIL_SEQUENCE] == p.links[0][GIL_PROCESSES] &&
		       p.links[1][GIL_SEQUENCE] == p.links[1][GIL_PROCESSES],
	    "Python found the same links in every way");
}

static int
print_cost(const struct lesson *l)
{
	struct gil_cost c;
	int r = gil_cost(&l->pages, &c);

	if (r < 0)
		return r;
	demo_heading("Why not always processes?  What they cost here");
	printf("  to start one and wait for its end   %8.0f us   fork alone "
	       "%.0f us; a thread %.0f us\n"
	       "  memory that it has for itself       %8.0f KiB  a thread: "
	       "its stack\n"
	       "  a message of 64 bytes to it         %8.1f us   threads: "
	       "they see the same memory\n"
	       "  a page of %2zu KB to it               %8.1f us\n",
	    c.process_us, c.fork_us, c.thread_us, c.process_kib, c.small_us,
	    l->pages.page[0].len / 1000, c.page_us);
	return 0;
}

static int
draw(const struct lesson *l)
{
	/* clang-format off */
	static const char *const titles[GIL_WAYS] = {
		"(a) One after another", "(b) Threads that share a GIL",
		"(c) Threads without it", "(d) Processes, and a queue",
	};
	/* clang-format on */
	struct gil_picture p = { .workers = (unsigned)workers,
		.wait_ms = WAIT_MS,
		.convoys = l->convoys };

	for (int i = 0; i < KINDS * GIL_WAYS; i++) {
		const int kind = i / GIL_WAYS, way = i % GIL_WAYS;

		(kind == COMPUTING ? p.computing : p.waiting)[way] =
		    (struct gil_panel){ .title = titles[way],
			    .says = says[kind][way],
			    .trace = l->shown[kind].median[way].trace,
			    .lanes = way == GIL_SEQUENCE ? 1 : p.workers,
			    .seconds = l->shown[kind].seconds[way],
			    .times = l->shown[kind].times[way] };
	}
	return gil_svg(svg_path, &p);
}

static void
conclude(const struct lesson *l)
{
	const struct shown *c = &l->shown[COMPUTING], *w = &l->shown[WAITING];
	const struct gil_count *g = &c->median[GIL_LOCKED].gil;
	const double n = (double)workers;
	const double share = (double)c->median[GIL_SEQUENCE].cpu_ns /
			     (double)c->median[GIL_SEQUENCE].wall_ns;
	const double cores = n < mp_cpu_count() ? n : mp_cpu_count();

	demo_heading("What came of it");
	if (share < 0.85)
		printf("  (One worker alone got %.0f %% of a core: this "
		       "machine "
		       "does other work, too.)\n",
		    share * 100);
	demo_claim(c->same && w->same,
	    "all four ways found the same links, in every run");
	demo_claim(c->together + w->together == 0,
	    "no two threads ever held the lock at once");
	demo_measured(workers < 2 || g->forced > 0,
	    "computing threads gave it up because they were made to: %llu "
	    "times",
	    (unsigned long long)g->forced);
	demo_claim(w->median[GIL_LOCKED].gil.voluntary >= l->job[WAITING].items,
	    "waiting threads gave it up by themselves, once a wait: %llu times",
	    (unsigned long long)w->median[GIL_LOCKED].gil.voluntary);
	demo_measured(c->times[GIL_LOCKED] < 1.25,
	    "computing with a GIL: %.0f threads are as fast as one, %.2f x", n,
	    c->times[GIL_LOCKED]);
	demo_measured(c->times[GIL_FREE] > 0.7 * cores &&
			  c->times[GIL_PROCESSES] > 0.7 * cores,
	    "without it: %.2f x by threads, %.2f x by processes, on %.0f "
	    "cores",
	    c->times[GIL_FREE], c->times[GIL_PROCESSES], cores);
	demo_measured(w->times[GIL_LOCKED] > 0.75 * n &&
			  w->times[GIL_FREE] > 0.75 * n &&
			  w->times[GIL_PROCESSES] > 0.75 * n,
	    "waiting: %.2f x with the lock, %.2f x without, %.2f x by "
	    "processes",
	    w->times[GIL_LOCKED], w->times[GIL_FREE], w->times[GIL_PROCESSES]);
}

/* clang-format off */
static const char answer[] =
"\nAnswer: it stops threads, not processes, and only while they compute.  All\n"
"threads of a Python process share one lock, so of those that want to run Python\n"
"just one does.  A wait for the network needs no lock, so waits overlap.  A\n"
"process has a lock of its own and nobody to share it with; that is all the magic\n"
"there is.  Threads in Python wait well but do not compute together; processes\n"
"compute together, and must be told how to share: by queues, for instance, at the\n"
"price above.  C has no such lock, so its threads do both (row three); its\n"
"processes are for something else: any of them may be killed, and the rest go on.\n";
/* clang-format on */

static int
show(struct lesson *l)
{
	int r = run_all(l);

	if (r < 0)
		return r;
	print_table(l, COMPUTING);
	print_table(l, WAITING);
	r = print_growth(l);
	if (r == 0)
		r = print_convoy(l);
	if (r == 0)
		r = print_cost(l);
	if (r < 0)
		return r;
	print_python(l);
	if (strcmp(svg_path, "-") != 0) {
		r = draw(l);
		if (r < 0)
			return r;
		printf("\nThe picture of it is in %s\n", svg_path);
	}
	conclude(l);
	return 0;
}

static int
run(void)
{
	const size_t size = sizeof(struct gil_trace) * KINDS * GIL_WAYS *
			    (size_t)runs;
	struct lesson *l = calloc(1, sizeof(*l));
	int r = -ENOMEM;

	if (l == NULL)
		return -ENOMEM;
	if (workers == 0) {
		workers = mp_cpu_count() < 2 ? 2 : (long)mp_cpu_count();
		if (workers > 8) /* lanes that can be told apart */
			workers = 8;
	}
	l->traces = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (l->traces == MAP_FAILED)
		goto done;
	r = make_pages(l);
	if (r == 0)
		r = size_jobs(l);
	if (r == 0)
		r = show(l);
	munmap(l->traces, size);
	for (unsigned i = 0; i < GIL_PAGES; i++)
		buf_fini(&l->text[i]);
done:
	free(l);
	return r;
}

const struct demo demo_gil = {
	.name = "gil",
	.question = "Does the GIL stop threads or processes, and why?",
	.about = about,
	.answer = answer,
	.options = options,
	.run = run,
};
