/*
 * parser_limits - what a process that reads hostile pages may use.
 *
 * lib/html has limits of its own and ends a page at them in good order.  These
 * are behind those, for what they do not see: a page that is beyond them takes
 * its process along by that process's own fault, and so is blamed.
 *
 *   RLIMIT_DATA  and not RLIMIT_AS, which would count the segment's gigabytes.
 *                Without memory the parser aborts.
 *   RLIMIT_CPU   raised before each page; past it comes SIGXCPU.  Its hard
 *                limit stays as it is: that one's SIGKILL would blame nobody.
 *   RLIMIT_CORE  0 in a parser: a hostile site decides how often it dies, and
 *                is not to fill the disk.  `mpcrawl quarantine reproduce` leaves
 *                it as the shell has it.
 */
#ifndef CMD_ROLE_PARSER_LIMITS_H
#define CMD_ROLE_PARSER_LIMITS_H

#include <sys/resource.h>

#include "lib/config/config.h"
#include "lib/html/page.h"

struct parser_limits {
	struct page_limits page;
	int64_t cpu_ms;    /* of one page, parse_cpu_hard */
	rlim_t cpu_soft_s; /* in force; 0: none yet */
	rlim_t cpu_hard_s;
};

void parser_limits_init(struct parser_limits *limits,
    const struct config *config);

/* Bound this process's memory, for good, by what it has now and what one page
 * may need.  0 or -errno. */
MUST_USE int parser_limits_apply(const struct parser_limits *limits);

/* A page begins. */
void parser_limits_page(struct parser_limits *limits);

#endif
