/*
 * stop - the order in which a crawl ends (protocol.md 8): crawlers give their
 * orders back, parsers and recorder finish what is on the conveyor, the
 * scheduler makes the last commit.  All of it out of one stop_timeout: being
 * killed is always safe, so nobody is waited for longer.
 */
#include <errno.h>

#include "cmd/log.h"
#include "cmd/now.h"
#include "cmd/supervisor/supervisor_impl.h"

enum {
	MARGIN_MS = 500, /* of stop_timeout, to kill and to report */
	DRAIN_SHARE = 2, /* a queue is waited for up to 1/2 of the time */
};

/* clang-format off */
/* Who ends in a stage, and which queue should be empty before it is asked. */
static const struct {
	enum role_id role;
	int drain; /* -1: none */
} stages[] = {
	[STOP_CRAWLERS]  = { ROLE_CRAWLER,   -1 },
	[STOP_PARSERS]   = { ROLE_PARSER,    QUEUE_PAGES },
	[STOP_RECORDER]  = { ROLE_RECORDER,  QUEUE_RECORDS },
	[STOP_SCHEDULER] = { ROLE_SCHEDULER, -1 },
	[STOP_STREAMER]  = { ROLE_STREAMER,  -1 },
};
/* clang-format on */

static void
unbind_all(struct supervisor *sup)
{
	for (uint32_t k = 0; k < sup->crawl->crawlers; k++)
		conveyor_bind(sup->crawl->cv, k, false);
}

void
stop_begin(struct supervisor *sup, bool now)
{
	if (now && !sup->stop_now) {
		sup->stop_now = true;
		supervisor_kill_all(sup);
	}
	if (sup->stop != STOP_NOT)
		return;
	sup->stop = STOP_CRAWLERS;
	sup->stop_ms = now_mono_ms();
	sup->no_room = crawl_disk_free(sup->crawl) < crawl_reserve(sup->crawl);
	unbind_all(sup);
}

/* Ask all of a role that still run; true when none is left. */
static bool
end_role(struct supervisor *sup, enum role_id role)
{
	bool none = true;

	for (size_t i = 0; i < sup->n_slots; i++) {
		struct slot *slot = &sup->slots[i];

		if (slot->role != role)
			continue;
		if (slot->child.state != CHILD_STOPPING &&
		    slot->child.state != CHILD_DOWN)
			supervisor_event(slot, CHILD_STOP);
		none = none && slot->child.state == CHILD_DOWN;
	}
	return none;
}

/* Is it waiting for something that a stop will not bring: room on the disk? */
static bool
waits(struct supervisor *sup, enum role_id role)
{
	char note[ROSTER_NOTE] = "";

	for (size_t i = 0; i < sup->n_slots && note[0] == '\0'; i++) {
		if (sup->slots[i].role == role)
			roster_read_note(sup->crawl->cv, sup->slots[i].id,
			    note);
	}
	return note[0] != '\0';
}

static bool
drained(struct supervisor *sup, enum stop_stage stage, int64_t passed)
{
	int queue = stages[stage].drain;

	return queue < 0 || waits(sup, stages[stage].role) ||
	       conveyor_length(sup->crawl->cv, (uint8_t)queue) == 0 ||
	       passed > sup->crawl->config.stop_timeout_ms / DRAIN_SHARE;
}

/* Orders that no crawler took any more go back to the scheduler. */
static void
return_orders(struct supervisor *sup)
{
	for (uint32_t k = 0; k < sup->crawl->crawlers; k++) {
		size_t moved;

		if (conveyor_drain(sup->crawl->cv, (uint8_t)(QUEUE_ORDERS + k),
			QUEUE_SETTLED, &moved) < 0)
			sup->corrupt = true;
	}
}

bool
stop_waits_for_reader(const struct supervisor *sup)
{
	return sup->stop == STOP_STREAMER && !sup->interrupted;
}

void
stop_advance(struct supervisor *sup)
{
	int64_t passed = now_mono_ms() - sup->stop_ms;
	int64_t most = sup->crawl->config.stop_timeout_ms - MARGIN_MS;

	if (passed > (most > 0 ? most : 0) && !sup->stop_now &&
	    !stop_waits_for_reader(sup)) {
		log_warn("stop_timeout: the rest is killed");
		sup->stop_now = true;
		supervisor_kill_all(sup);
	}
	while (sup->stop < STOP_DONE) {
		if (!sup->stop_now && !drained(sup, sup->stop, passed))
			return;
		if (!end_role(sup, stages[sup->stop].role))
			return;
		if (sup->stop == STOP_CRAWLERS)
			return_orders(sup);
		sup->stop++;
	}
}
