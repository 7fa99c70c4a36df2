/*
 * scrape - producers and consumers: craw0 ... fetch pages, parse0 ... take what
 * they name out of them.
 */
#ifndef CMD_DEMO_SCRAPE_H
#define CMD_DEMO_SCRAPE_H

#include "cmd/demo/blog.h"
#include "ipc/mp/process.h"

enum {
	SCRAPE_CRAWLERS = 3,
	SCRAPE_PARSERS = 2
};

/*
 * Fetch `n` pages, from number `first` on, and append the
 * pairs of their titles to `file` (O_APPEND).  Each step is printed, with how
 * much is in the queues.  Returns when all processes have ended.
 */
MUST_USE int scrape(struct mp_context *ctx, const struct blog *blog,
    bool by_fragment, unsigned first, unsigned n, int file);

/* "/?page=7", or "/#p7". */
void scrape_path(char path[static 32], bool by_fragment, unsigned page);

#endif
