#include "cmd/role/parser_limits.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/attr.h"

enum {
	MALLOC_KEEP = 1 << 20,
	/* Over what a page takes: robots.txt as compiled, the records' fields,
	 * malloc's own, tables that iconv loads. */
	DATA_SLACK = 64 << 20,
};

/* A sanitiser's own memory is many times the program's. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LIMITS_DATA 0
#else
#define LIMITS_DATA 1
#endif

void
parser_limits_init(struct parser_limits *limits, const struct config *config)
{
	struct rlimit cpu = { .rlim_max = RLIM_INFINITY };

	getrlimit(RLIMIT_CPU, &cpu);
	*limits = (struct parser_limits){
		.page = { .max_decoded = config->max_decoded,
		    .max_ratio = config->max_ratio,
		    .max_links = config->max_links,
		    .parse_depth = config->parse_depth,
		    .parse_memory = config->parse_memory,
		    .parse_cpu_ms = config->parse_cpu_ms },
		.cpu_ms = config->parse_cpu_hard_ms,
		.cpu_hard_s = cpu.rlim_max,
	};
	/* A tree of 40 MB goes back to the system with its page.  Left alone,
	 * malloc learns from it to keep such memory for ever. */
	mallopt(M_MMAP_THRESHOLD, MALLOC_KEEP);
	mallopt(M_TRIM_THRESHOLD, MALLOC_KEEP);
}

/* Bytes that count towards RLIMIT_DATA now. */
static uint64_t
data_now(void)
{
	unsigned long long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (file == NULL)
		return 0;
	if (fscanf(file, "%*u %*u %*u %*u %*u %llu", &pages) != 1)
		pages = 0;
	fclose(file);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

int
parser_limits_apply(const struct parser_limits *limits)
{
	struct rlimit data;
	uint64_t most = data_now() + page_limits_memory(&limits->page) +
			DATA_SLACK;

	if (!LIMITS_DATA)
		return 0;
	if (getrlimit(RLIMIT_DATA, &data) < 0)
		return -errno;
	if (data.rlim_max <= most)
		return 0; /* whoever started us wants less */
	data.rlim_cur = data.rlim_max = most;
	return setrlimit(RLIMIT_DATA, &data) < 0 ? -errno : 0;
}

void
parser_limits_page(struct parser_limits *limits)
{
	struct timespec used;
	struct rlimit cpu = { .rlim_max = limits->cpu_hard_s };
	int64_t used_ms;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	used_ms = (int64_t)used.tv_sec * 1000 + used.tv_nsec / 1000000 + 1;
	cpu.rlim_cur = (rlim_t)((used_ms + limits->cpu_ms + 999) / 1000);
	if (cpu.rlim_cur > cpu.rlim_max)
		cpu.rlim_cur = cpu.rlim_max;
	/* In whole seconds: it changes once in a second of work. */
	if (cpu.rlim_cur != limits->cpu_soft_s &&
	    setrlimit(RLIMIT_CPU, &cpu) == 0)
		limits->cpu_soft_s = cpu.rlim_cur;
}
