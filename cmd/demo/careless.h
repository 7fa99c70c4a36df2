/*
 * careless - a queue that is in order, and loses items all the same.
 */
#ifndef CMD_DEMO_CARELESS_H
#define CMD_DEMO_CARELESS_H

#include "cmd/demo/pair.h"

enum {
	CARELESS_PUTS = 10 /* by each of two processes */
};

/* Two processes put; each looks where the end is, and then writes there.  How
 * many items are in it afterwards, or a negative errno. */
MUST_USE int careless_queue(struct mp_context *ctx);

#endif
