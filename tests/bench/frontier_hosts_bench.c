/*
 * frontier_hosts_bench - what picking the next URL costs, by how many hosts
 * there are.
 *
 *   frontier_hosts_bench [URLS [PICKS [HOSTS...]]]
 *
 * The same number of URLs, and of picks a second, spread over 1,000, 10,000
 * and 100,000 hosts, each of which has its clock.  In turn, ROUNDS times, so
 * that the machine's mood meets all of them; medians.  A line of JSON for each.
 */
#include <ftw.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "lib/frontier/frontier.h"

enum {
	GROUP = 256, /* pages of a commit */
	ROUNDS = 5,
	SIZES = 8,
	START_MS = 1000000,
	A_SECOND = 2000, /* picks: what 2,000 hosts may give */
};

struct bench {
	uint64_t hosts;
	char dir[64];
	struct config config;
	struct frontier *frontier;
	struct frontier_cut cut;
	uint64_t picks;
	double pick_ns[ROUNDS], page_us[ROUNDS];
};

/* Of this thread's CPU: who else is on the machine does not count. */
static double
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

/* Exits on failure: a bench has nobody to tell. */
static void
want(int r, const char *what)
{
	if (r < 0) {
		fprintf(stderr, "frontier_hosts_bench: %s: %s\n", what,
		    strerror(-r));
		exit(1);
	}
}

/* The time of the n-th pick. */
static int64_t
pick_ms(const struct bench *b)
{
	return START_MS + (int64_t)(b->picks * 1000 / A_SECOND);
}

static void
commit(struct bench *b)
{
	b->cut.seq += GROUP;
	want(frontier_commit(b->frontier, b->cut, pick_ms(b)), "commit");
}

static void
fill(struct bench *b, uint64_t urls)
{
	static const uint8_t id[16] = "bench";
	struct order from = { .kind = ORDER_PAGE };
	struct err err = ERR_NONE;
	char url[128];

	snprintf(b->dir, sizeof(b->dir), "/tmp/mpcrawl-bench.XXXXXX");
	want(mkdtemp(b->dir) ? 0 : -1, "a folder");
	want(config_init(&b->config), "config");
	want(config_set(&b->config, "contact", "me@example.org", NULL), "");
	b->config.scope = SCOPE_ANY;
	b->config.host.robots = CONFIG_ROBOTS_IGNORE;
	b->config.host.host_max_pages = 0;
	b->config.host.delay_jitter = 0; /* one is due at each pick */
	/* As slow as keeps all of them busy: the heap is full at any time. */
	b->config.host.host_delay_ms = (int64_t)(b->hosts * 1000 / A_SECOND);
	want(frontier_open(b->dir, &b->config, id, START_MS, &b->frontier,
		 &err),
	    err.text);
	for (uint64_t i = 0; i < urls; i++) {
		int len = snprintf(url, sizeof(url),
		    "https://www.host-%" PRIu64
		    ".example/an-article-of-usual-length-%" PRIu64,
		    i % b->hosts, i / b->hosts);

		want(frontier_offer(b->frontier, &from,
			 span_of(url, (size_t)len), LINK_A, 0, START_MS),
		    "offer");
		if (i % 65536 == 65535)
			commit(b);
	}
	commit(b);
}

/* Pick and settle `n`, with what is between. */
static void
turn(struct bench *b, uint64_t n, int round)
{
	double start = now_ns(), pick = 0;

	for (uint64_t i = 0; i < n; i++, b->picks++) {
		int64_t ms = pick_ms(b);
		struct capture capture = { .status = 200,
			.fetch_end_ms = ms,
			.retry_after_ms = -1,
			.body_len = 20000 };
		struct order order;
		char text[256];
		double a = now_ns();
		int r = frontier_next(b->frontier, ms, &order);

		pick += now_ns() - a;
		want(r - 1, "next");
		order.via = SPAN_NONE;
		snprintf(text, sizeof(text), "%.*s", SPAN_ARG(order.url));
		order.url = span_from(text);
		frontier_slot_end(b->frontier, &order, &capture, ms);
		want(frontier_settle(b->frontier, &order, &capture,
			 (struct decision){ VERDICT_DONE, 0 }, ms),
		    "settle");
		if (b->picks % GROUP == GROUP - 1)
			commit(b);
	}
	if (round >= 0) {
		b->pick_ns[round] = pick / (double)n;
		b->page_us[round] = (now_ns() - start) / 1e3 / (double)n;
	}
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double
middle(double *values)
{
	qsort(values, ROUNDS, sizeof(*values), compare);
	return values[ROUNDS / 2];
}

int
main(int argc, char **argv)
{
	uint64_t urls = argc > 1 ? strtoull(argv[1], NULL, 10) : 500000;
	uint64_t picks = argc > 2 ? strtoull(argv[2], NULL, 10) : 5000;
	static struct bench benches[SIZES] = { { .hosts = 1000 },
		{ .hosts = 10000 }, { .hosts = 100000 } };
	size_t n = 3;

	if (argc > 3) {
		for (n = 0; n < SIZES && (int)n + 3 < argc; n++)
			benches[n].hosts = strtoull(argv[n + 3], NULL, 10);
	}
	for (size_t i = 0; i < n; i++)
		fill(&benches[i], urls);
	for (size_t i = 0; i < n; i++)
		turn(&benches[i], benches[i].hosts, -1); /* each host once */
	for (int round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < n; i++)
			turn(&benches[i], picks, round);
	}
	for (size_t i = 0; i < n; i++) {
		struct bench *b = &benches[i];

		printf("{\"bench\":\"frontier_hosts\",\"hosts\":%" PRIu64
		       ",\"urls\":%" PRIu64
		       ",\"pick_ns\":%.0f,\"page_us\":%.1f}\n",
		    b->hosts, urls, middle(b->pick_ns), middle(b->page_us));
		frontier_close(b->frontier);
		nftw(b->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
		config_fini(&b->config);
	}
	return 0;
}
