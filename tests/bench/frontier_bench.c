/*
 * frontier_bench - what a page costs the scheduler: an order, a settlement, 50
 * links of which 80 % are known, and its share of a commit.
 *
 *   frontier_bench [PAGES [HOSTS]]
 *
 * One line of JSON.  CPU time, of the one thread and of RocksDB's beside it;
 * it says how this machine was just now; compare runs side by side.
 */
#include <ftw.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "lib/frontier/frontier.h"

enum {
	GROUP = 64, /* pages of a commit */
	LINKS = 50,
	NEW = 10,
	NAV = 20 /* links that are on each page of a host */
};

static double
clock_s(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static uint64_t
random_next(void)
{
	static uint64_t state = 1;
	uint64_t z = (state += 0x9E3779B97F4A7C15u);

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
	return z ^ z >> 27;
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
		fprintf(stderr, "frontier_bench: %s: %s\n", what, strerror(-r));
		exit(1);
	}
}

static uint64_t pages_of[1 << 20]; /* admitted so far, by host */

static int
offer(struct frontier *f, const struct order *from, uint64_t host,
    uint64_t page)
{
	char url[128];
	int len = snprintf(url, sizeof(url),
	    "https://www.host-%" PRIu64 ".example/section/%" PRIu64
	    "/an-article-of-usual-length-%" PRIu64,
	    host, page % 17, page);
	int r = frontier_offer(f, from, span_of(url, (size_t)len), LINK_A, 0,
	    1000000);

	want(r, "offer");
	return r;
}

static void
links(struct frontier *f, const struct order *from, uint64_t hosts)
{
	uint64_t host = 0;

	sscanf(from->url.ptr, "https://www.host-%" SCNu64, &host);
	for (int i = 0; i < LINKS; i++) {
		/* Four of five stay on the host. */
		uint64_t to = i % 5 == 4 ? random_next() % hosts : host;
		uint64_t *n = &pages_of[to];

		if (i < NEW)
			offer(f, from, to, (*n)++);
		else if (i < NEW + NAV || *n == 0)
			offer(f, from, host,
			    (uint64_t)i % (pages_of[host] + 1));
		else
			offer(f, from, to, random_next() % *n);
	}
}

int
main(int argc, char **argv)
{
	static const uint8_t id[16] = "bench";
	uint64_t pages = argc > 1 ? strtoull(argv[1], NULL, 10) : 3000;
	uint64_t hosts = argc > 2 ? strtoull(argv[2], NULL, 10) : 300;
	char dir[] = "/tmp/mpcrawl-bench.XXXXXX", url[64];
	struct frontier_cut cut = { 0, 0 };
	struct frontier_totals t;
	struct frontier *f;
	struct config config;
	struct err err = ERR_NONE;
	double cpu, thread, wall, next_s = 0, offer_s = 0, commit_s = 0, open_s;

	if (hosts == 0 || hosts > ARRAY_LEN(pages_of) || mkdtemp(dir) == NULL)
		return 1;
	want(config_init(&config), "config");
	want(config_set(&config, "contact", "me@example.org", NULL), "contact");
	config.scope = SCOPE_ANY;
	config.host.robots = CONFIG_ROBOTS_IGNORE;
	config.host.host_delay_ms = 0;
	config.host.host_concurrency = GROUP;
	config.host.host_max_pages = 0;
	config.max_depth = 65535;
	want(frontier_open(dir, &config, id, 1000000, &f, &err), err.text);
	for (uint64_t i = 0; i < hosts; i++) {
		snprintf(url, sizeof(url),
		    "https://www.host-%" PRIu64 ".example/", i);
		want(frontier_seed(f, span_from(url), 1000000, &err), url);
	}
	want(frontier_commit(f, cut, 1000000), "commit");

	cpu = clock_s(CLOCK_PROCESS_CPUTIME_ID);
	thread = clock_s(CLOCK_THREAD_CPUTIME_ID);
	wall = clock_s(CLOCK_MONOTONIC);
	for (uint64_t done = 0; done < pages; done++) {
		struct capture capture = { .status = 200,
			.fetch_end_ms = 1000000,
			.retry_after_ms = -1,
			.body_len = 20000 };
		struct order order;
		char text[256];
		double a = clock_s(CLOCK_THREAD_CPUTIME_ID), b;

		want(frontier_next(f, 1000000, &order) - 1, "next");
		b = clock_s(CLOCK_THREAD_CPUTIME_ID);
		next_s += b - a;
		/* The spans live until the next call: a cell has copies. */
		order.via = SPAN_NONE;
		snprintf(text, sizeof(text), "%.*s", SPAN_ARG(order.url));
		order.url = span_from(text);
		frontier_slot_end(f, &order, &capture, 1000000);
		links(f, &order, hosts);
		want(frontier_settle(f, &order, &capture,
			 (struct decision){ VERDICT_DONE, 0 }, 1000000),
		    "settle");
		a = clock_s(CLOCK_THREAD_CPUTIME_ID);
		offer_s += a - b;
		if (done % GROUP == GROUP - 1) {
			cut.seq += GROUP;
			want(frontier_commit(f, cut, 1000000), "commit");
			commit_s += clock_s(CLOCK_THREAD_CPUTIME_ID) - a;
		}
	}
	cpu = clock_s(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	thread = clock_s(CLOCK_THREAD_CPUTIME_ID) - thread;
	wall = clock_s(CLOCK_MONOTONIC) - wall;
	frontier_totals(f, &t);
	frontier_close(f);

	open_s = clock_s(CLOCK_MONOTONIC);
	want(frontier_open(dir, &config, id, 1000000, &f, &err), err.text);
	open_s = clock_s(CLOCK_MONOTONIC) - open_s;
	frontier_close(f);
	printf("{\"bench\":\"frontier\",\"pages\":%" PRIu64 ",\"urls\":%" PRIu64
	       ",\"cpu_ms_per_page\":%.4f,\"thread_ms_per_page\":%.4f,"
	       "\"wall_ms_per_page\":%.4f,\"next_us\":%.2f,"
	       "\"links_and_settle_us\":%.1f,\"commit_us_per_page\":%.1f,"
	       "\"open_ms\":%.1f}\n",
	    pages, t.admitted, cpu * 1e3 / (double)pages,
	    thread * 1e3 / (double)pages, wall * 1e3 / (double)pages,
	    next_s * 1e6 / (double)pages, offer_s * 1e6 / (double)pages,
	    commit_s * 1e6 / (double)pages, open_s * 1e3);
	nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	config_fini(&config);
	return 0;
}
