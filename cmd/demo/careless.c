#include "cmd/demo/careless.h"

#include <errno.h>

struct careless {
	atomic_uint tail;
	atomic_int items[2 * CARELESS_PUTS];
	struct pair_meeting meetings[CARELESS_PUTS];
};

static int
put_all(struct mp_context *ctx, void *arg)
{
	struct careless *q = arg;

	(void)ctx;
	for (int i = 0; i < CARELESS_PUTS; i++) {
		const unsigned at = q->tail;

		/* The other looks now, too: both see the same end. */
		pair_meet(&q->meetings[i], 10000);
		q->items[at] = i + 1;
		q->tail = at + 1;
	}
	return 0;
}

int
careless_queue(struct mp_context *ctx)
{
	struct careless *q = pair_memory(sizeof(*q));
	int codes[2], r;

	if (q == NULL)
		return -ENOMEM;
	r = pair_run(ctx, put_all, put_all, q, codes);
	if (r == 0)
		r = (int)q->tail;
	pair_memory_free(q, sizeof(*q));
	return r;
}
