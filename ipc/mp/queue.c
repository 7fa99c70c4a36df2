#include "ipc/mp/context_impl.h"

/* What was taken and not finished comes again, with those whom it was taken
 * from; cells that were being filled are free. */
void
mp_queue_routes(const struct mp_context *ctx, struct conveyor_routes *routes)
{
	const uint8_t attempts = (uint8_t)ctx->shared->attempts;

	routes->queue[MP_FREE] = (struct conveyor_route){ .target = MP_FREE };
	routes->queue[MP_DEAD] = (struct conveyor_route){ .target = MP_DEAD };
	for (unsigned q = MP_FIRST_QUEUE; q < CONVEYOR_QUEUES; q += 2) {
		/* The pool of a queue's cells, then the queue. */
		routes->queue[q] = (struct conveyor_route){
			.target = (uint8_t)q
		};
		routes->queue[q + 1] = (struct conveyor_route){
			.target = (uint8_t)(q + 1),
			.blames = attempts,
			.dead = MP_DEAD
		};
	}
}
