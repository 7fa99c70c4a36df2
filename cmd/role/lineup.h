/*
 * lineup - recorded cells in the order of their seq, gaps and all.
 *
 * Cells may come by in another order than they were vouched for; only the
 * contiguous run from the committed seq on is taken out.
 */
#ifndef CMD_ROLE_LINEUP_H
#define CMD_ROLE_LINEUP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"

struct lineup {
	uint32_t *cells; /* cell + 1 by seq modulo size; 0: not here yet */
	uint64_t size;
	uint64_t next; /* seq that is taken next */
	uint64_t count;
};

MUST_USE int lineup_init(struct lineup *lineup, uint32_t cells);
void lineup_fini(struct lineup *lineup);

/* From which seq on.  The lineup is empty. */
void lineup_start(struct lineup *lineup, uint64_t next);

/* 0; -EBADMSG: a seq that cannot be (twice, or further ahead than there are
 * cells). */
MUST_USE int lineup_put(struct lineup *lineup, uint64_t seq, uint32_t cell);

/* The next of the run, if it is here. */
bool lineup_take(struct lineup *lineup, uint32_t *cell);
bool lineup_ready(const struct lineup *lineup);
uint64_t lineup_count(const struct lineup *lineup);

#endif
