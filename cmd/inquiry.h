/*
 * inquiry - what a person asks of the frontier: why, block, unblock, trap.
 *
 * JSON in and out.  The scheduler answers these of a crawl that runs, the
 * command itself of one at rest, both by this.
 */
#ifndef CMD_INQUIRY_H
#define CMD_INQUIRY_H

#include <jansson.h>

#include "lib/config/config.h"
#include "lib/frontier/frontier.h"

struct inquiry {
	struct frontier *frontier;
	const struct config *config;
	int64_t now_ms;
	bool at_rest; /* nobody runs it: what is to come waits for a start */
	bool changed; /* out: to be committed before the answer is given */
};

/* Is it one of these, by its name?  *writes: does it change anything? */
bool inquiry_knows(const char *cmd, bool *writes);

/*
 * The answer, {"ok": …}: a new reference, of less than INQUIRY_MAX bytes as
 * text; NULL: no memory.
 */
enum {
	INQUIRY_MAX = 60 << 10
};
json_t *inquiry_answer(struct inquiry *inquiry, json_t *request);

#endif
