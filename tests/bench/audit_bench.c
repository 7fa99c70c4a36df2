/*
 * audit_bench - what `mpcrawl fsck` costs: a crawl of that many URLs is made,
 * of which one in ten is still queued, then looked at.
 *
 *   audit_bench [URLS [HOSTS]]
 *
 * One line of JSON.  The memory is the peak of a process that only looks.
 */
#include <ftw.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/archive/record.h"
#include "lib/archive/sink.h"
#include "lib/audit/audit.h"
#include "lib/frontier/frontier.h"

enum {
	GROUP = 8192 /* pages of a commit */
};

static const uint8_t id[16] = "bench";

static double
now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
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
		fprintf(stderr, "audit_bench: %s: %s\n", what, strerror(-r));
		exit(1);
	}
}

static void
add_seeds(struct frontier *f, uint64_t urls, uint64_t hosts)
{
	struct frontier_cut cut = { 0, 0 };
	struct err err = ERR_NONE;
	char url[128];

	for (uint64_t i = 0; i < urls; i++) {
		snprintf(url, sizeof(url),
		    "https://www.host-%" PRIu64 ".example/an-article-of-usual-"
		    "length-%" PRIu64,
		    i % hosts, i);
		want(frontier_seed(f, span_from(url), 1000000, &err), url);
		if (i % GROUP == GROUP - 1)
			want(frontier_commit(f, cut, 1000000), "commit");
	}
	want(frontier_commit(f, cut, 1000000), "commit");
}

static void
crawl(struct frontier *f, const char *dir, uint64_t pages)
{
	struct record_options options = { .links = false };
	struct frontier_cut cut = { 0, 0 };
	struct capture capture = { .status = 200,
		.started_ms = 1000000,
		.fetch_end_ms = 1000000,
		.retry_after_ms = -1,
		.body_len = 20000,
		.content_type = SPAN("text/html; charset=utf-8"),
		.ip = SPAN("127.0.0.1"),
		.port = 443 };
	struct decision done = { VERDICT_DONE, 0 };
	struct err err = ERR_NONE;
	struct sink *sink;
	struct buf line;

	for (size_t i = 0; i < sizeof(id); i++)
		snprintf(options.crawl_id + 2 * i, 3, "%02x", id[i]);
	buf_init(&line, 1 << 20);
	want(sink_open(dir, 0, 1 << 30, &sink, &err), err.text);
	for (uint64_t i = 0; i < pages; i++) {
		struct order order;

		want(frontier_next(f, 1000000, &order) - 1, "next");
		buf_clear(&line);
		want(record_write(&line, &options, &order, &capture, done,
			 NULL),
		    "record");
		want(sink_append(sink, buf_span(&line), &cut.end, &err),
		    "append");
		frontier_slot_end(f, &order, &capture, 1000000);
		want(frontier_settle(f, &order, &capture, done, 1000000),
		    "settle");
		if (i % GROUP == GROUP - 1 || i == pages - 1) {
			cut.seq += GROUP;
			want(sink_sync(sink, &err), "sync");
			want(frontier_commit(f, cut, 1000000), "commit");
		}
	}
	sink_close(sink);
	buf_fini(&line);
}

static void
say(void *arg, enum audit_level level, const char *what, const char *details)
{
	(void)arg, (void)level;
	fprintf(stderr, "audit_bench: %s: %s\n", what, details);
	exit(1);
}

/* In a process of its own: its memory shall not be counted. */
static void
make(const char *dir, const struct config *config, uint64_t urls,
    uint64_t hosts)
{
	struct err err = ERR_NONE;
	struct frontier *f;
	char path[64];
	int status;
	pid_t child = fork();

	if (child > 0) {
		if (waitpid(child, &status, 0) < 0 || status != 0)
			exit(1);
		return;
	}
	snprintf(path, sizeof(path), "%s/frontier", dir);
	want(frontier_open(path, config, id, 1000000, &f, &err), err.text);
	add_seeds(f, urls, hosts);
	snprintf(path, sizeof(path), "%s/out", dir);
	crawl(f, path, urls / 10 * 9);
	frontier_close(f);
	_exit(0);
}

struct cost {
	double wall_s, cpu_s, peak_mb;
};

static struct cost
look(const char *dir, const struct config *config, uint64_t *bytes)
{
	struct audit_options options = { .dir = dir,
		.config = config,
		.say = say };
	struct audit_result result;
	struct rusage usage;
	struct cost cost;
	int fds[2], status;
	pid_t child;

	memcpy(options.crawl_id, id, sizeof(id));
	if (pipe(fds) < 0 || (child = fork()) < 0)
		exit(1);
	if (child == 0) {
		struct err err = ERR_NONE;

		want(audit_look(&options, &result, &err), err.text);
		want((int)write(fds[1], &result, sizeof(result)), "write");
		_exit(result.problems > 0);
	}
	cost.wall_s = now_s();
	if (read(fds[0], &result, sizeof(result)) != sizeof(result) ||
	    wait4(child, &status, 0, &usage) < 0 || status != 0)
		exit(1);
	cost.wall_s = now_s() - cost.wall_s;
	cost.cpu_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		     (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) /
			 1e6;
	cost.peak_mb = (double)usage.ru_maxrss / 1024;
	*bytes = result.bytes;
	return cost;
}

int
main(int argc, char **argv)
{
	uint64_t urls = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
	uint64_t hosts = argc > 2 ? strtoull(argv[2], NULL, 10) : 100;
	char dir[] = "/tmp/mpcrawl-bench.XXXXXX";
	struct config config;
	struct cost cost;
	uint64_t bytes;

	if (hosts == 0 || mkdtemp(dir) == NULL)
		return 1;
	want(config_init(&config), "config");
	want(config_set(&config, "contact", "me@example.org", NULL), "contact");
	config.host.robots = CONFIG_ROBOTS_IGNORE;
	config.host.host_delay_ms = 0;
	config.host.host_concurrency = GROUP;
	config.host.host_max_pages = 0;
	make(dir, &config, urls, hosts);
	cost = look(dir, &config, &bytes);
	printf("{\"bench\":\"audit\",\"urls\":%" PRIu64 ",\"hosts\":%" PRIu64
	       ",\"records\":%" PRIu64 ",\"output_mb\":%.0f,\"seconds\":%.2f,"
	       "\"cpu_us_per_url\":%.2f,\"peak_mb\":%.0f}\n",
	    urls, hosts, urls / 10 * 9, (double)bytes / 1e6, cost.wall_s,
	    cost.cpu_s * 1e6 / (double)urls, cost.peak_mb);
	nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	config_fini(&config);
	return 0;
}
