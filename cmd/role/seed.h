/*
 * seed - put the seeds into the store before the crawl starts.
 *
 * A process of its own that ends before the first worker starts: the
 * supervisor opens no library, and the seeds are durable before the first
 * fetch.
 */
#ifndef CMD_ROLE_SEED_H
#define CMD_ROLE_SEED_H

#include "cmd/crawl.h"

/*
 * Add `words` and the lines of config.input to the store, in a child; wait for
 * it.  What it found is in crawl->seeded.  EXIT_FINISHED, or the status to
 * exit with: the child has said why.
 */
MUST_USE int seed_run(struct crawl *crawl, char **words, int n_words);

#endif
