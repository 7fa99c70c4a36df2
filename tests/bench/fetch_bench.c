/*
 * What a fetch costs this process, in CPU time.
 *
 *   fetch_bench                     pages of 14 and 26 KB of a site of our own,
 *                                   and with many hosts known to libcurl
 *   fetch_bench FILE [N [AT_ONCE]]  N fetches of the URLs in FILE, in turn
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "tests/site/site.h"
#include "tests/site/visitor.h"

#define BENCH_URLS_MAX 1000000

static double
cpu_ms(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3;
}

static double
wall_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static long
resident_kb(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

/* Make libcurl know this many names; nobody listens at any of them. */
static void
know_hosts(struct visitor *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct visit visit = { .discards = true };
		char url[64];

		snprintf(url, sizeof(url), "http://127.1.%zu.%zu:1/",
		    i / 250 + 1, i % 250 + 1);
		must(visitor_start(v, url, &visit) == 0);
		visitor_run(v);
	}
	v->done = 0;
	v->timers = 0;
}

static void
bench(const char *name, char **urls, size_t n_urls, size_t n, size_t at_once,
    size_t hosts)
{
	struct visit *visits = calloc(at_once, sizeof(*visits));
	struct fetch_options options = visitor_options;
	struct visitor v;
	size_t next = 0, good = 0;
	double cpu, wall;

	/* With fewer, connections are closed to make room for others. */
	options.max_connections = (uint32_t)at_once;
	must(visits != NULL && visitor_init(&v, &options) == 0);
	know_hosts(&v, hosts);
	cpu = cpu_ms();
	wall = wall_s();
	while (v.done < n) {
		for (size_t i = 0; i < at_once && next < n; i++) {
			struct visit *visit = &visits[i];

			if (next >= at_once && !visit->done)
				continue;
			good += visit->capture.status == 200;
			*visit = (struct visit){ .max_body = 10u << 20,
				.discards = true };
			must(visitor_start(&v, urls[next++ % n_urls], visit) ==
			     0);
		}
		visitor_step(&v, -1);
	}
	for (size_t i = 0; i < at_once; i++)
		good += visits[i].done && visits[i].capture.status == 200;
	cpu = cpu_ms() - cpu;
	wall = wall_s() - wall;
	printf("fetch %-18s %7.4f ms CPU each, %6.0f a second, %zu at once, "
	       "%zu of %zu good, %.2f timers each, %ld KB resident\n",
	    name, cpu / (double)n, (double)n / wall, at_once, good, n,
	    (double)v.timers / (double)n, resident_kb());
	visitor_fini(&v);
	free(visits);
}

static void
bench_own_site(const char *name, size_t size, size_t hosts)
{
	const struct site_page pages[] = {
		{ NULL,
		    .headers = "Content-Type: text/html\r\n"
			       "Server: site\r\n"
			       "Last-Modified: Sun, 06 Nov 1994 "
			       "08:00:00 GMT\r\n",
		    .body = "<p>sixteen bytes", .size = size },
	};
	struct site *site;
	char *urls[64];

	must(site_start(pages, 1, &site) == 0);
	for (size_t i = 0; i < ARRAY_LEN(urls); i++)
		must(asprintf(&urls[i], "http://127.0.0.1:%u/page%zu",
			 site_port(site), i) > 0);
	bench(name, urls, ARRAY_LEN(urls), 50000, 32, hosts);
	for (size_t i = 0; i < ARRAY_LEN(urls); i++)
		free(urls[i]);
	site_stop(site);
}

static void
bench_file(const char *path, size_t n, size_t at_once)
{
	char **urls = calloc(BENCH_URLS_MAX, sizeof(*urls)), *line = NULL;
	FILE *file = fopen(path, "r");
	size_t n_urls = 0, room = 0;

	if (file == NULL || urls == NULL) {
		perror(path);
		exit(1);
	}
	while (n_urls < BENCH_URLS_MAX && getline(&line, &room, file) > 0) {
		line[strcspn(line, "\r\n")] = '\0';
		if (line[0] != '\0')
			must((urls[n_urls++] = strdup(line)) != NULL);
	}
	free(line);
	fclose(file);
	if (n_urls > 0)
		bench(path, urls, n_urls, n, at_once, 0);
	for (size_t i = 0; i < n_urls; i++)
		free(urls[i]);
	free(urls);
}

int
main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc > 1) {
		bench_file(argv[1],
		    argc > 2 ? strtoul(argv[2], NULL, 10) : 50000,
		    argc > 3 ? strtoul(argv[3], NULL, 10) : 32);
		return 0;
	}
	bench_own_site("14 KB", 13800, 0);
	bench_own_site("26 KB", 26000, 0);
	bench_own_site("20,000 hosts known", 13800, 20000);
	return 0;
}
