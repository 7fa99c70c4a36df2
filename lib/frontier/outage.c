#include "lib/frontier/outage.h"

#include "lib/base/attr.h"

/* clang-format off */
static const struct outage_move {
	bool taken;
	uint8_t to;
} moves[OUTAGE_STATES][OUTAGE_EVENTS] = {
	[OUTAGE_NONE][OUTAGE_FAILURE]   = { true, OUTAGE_DOUBT },
	[OUTAGE_DOUBT][OUTAGE_FAILURE]  = { true, OUTAGE_DOUBT },
	[OUTAGE_DOUBT][OUTAGE_ENOUGH]   = { true, OUTAGE_ON },
	[OUTAGE_DOUBT][OUTAGE_ANSWER]   = { true, OUTAGE_NONE },
	[OUTAGE_DOUBT][OUTAGE_OLD]      = { true, OUTAGE_NONE },
	[OUTAGE_ON][OUTAGE_ANSWER]      = { true, OUTAGE_NONE },
	[OUTAGE_ON][OUTAGE_GIVE_UP]     = { true, OUTAGE_ENDURED },
	[OUTAGE_ENDURED][OUTAGE_ANSWER] = { true, OUTAGE_NONE },
}; /* a cell left out is refused */
/* clang-format on */

static bool
move(struct outage *outage, enum outage_event event)
{
	const struct outage_move *to = &moves[outage->state][event];

	if (!to->taken)
		return false;
	outage->state = to->to;
	if (outage->state == OUTAGE_NONE)
		outage->n = outage->weight = 0;
	return true;
}

void
outage_init(struct outage *outage, int64_t give_up_ms)
{
	*outage = (struct outage){ .give_up_ms = give_up_ms };
}

static bool
has_place(const struct outage *outage, uint64_t place)
{
	for (unsigned i = 0; i < outage->n; i++) {
		if (outage->places[i] == place)
			return true;
	}
	return false;
}

bool
outage_failed(struct outage *outage, uint64_t place, bool is_known,
    bool was_in_trouble, int64_t now_ms)
{
	if (outage->give_up_ms == 0 || was_in_trouble)
		return false;
	if (outage->n > 0 && now_ms - outage->since_ms > OUTAGE_WINDOW_MS)
		move(outage, OUTAGE_OLD);
	if (outage->n == OUTAGE_PLACES || has_place(outage, place) ||
	    !move(outage, OUTAGE_FAILURE))
		return false;
	if (outage->n == 0)
		outage->since_ms = now_ms;
	outage->places[outage->n++] = place;
	outage->weight += is_known ? OUTAGE_WEIGHT_KNOWN : OUTAGE_WEIGHT_NEW;
	if (outage->weight < OUTAGE_WEIGHT || !move(outage, OUTAGE_ENOUGH))
		return false;
	outage->probes = 0;
	outage->between_ms = OUTAGE_PROBE_MS;
	outage->probe_ms = now_ms + OUTAGE_PROBE_MS;
	return true;
}

bool
outage_answered(struct outage *outage)
{
	bool was_on = outage_is_on(outage);

	return move(outage, OUTAGE_ANSWER) && was_on;
}

bool
outage_allows(struct outage *outage, int64_t now_ms, bool *changed)
{
	*changed = false;
	if (!outage_is_on(outage))
		return true;
	if (now_ms - outage->since_ms >= outage->give_up_ms) {
		*changed = move(outage, OUTAGE_GIVE_UP);
		return true;
	}
	/* A round begins: its probes leave as hosts are due. */
	if (now_ms >= outage->probe_ms) {
		outage->probes = OUTAGE_PROBES;
		outage->probe_ms = now_ms + outage->between_ms;
		outage->between_ms *= 2;
		if (outage->between_ms > OUTAGE_PROBE_MAX_MS)
			outage->between_ms = OUTAGE_PROBE_MAX_MS;
	}
	return outage->probes > 0;
}

void
outage_probed(struct outage *outage)
{
	if (outage_is_on(outage) && outage->probes > 0)
		outage->probes--;
}

int64_t
outage_due_ms(const struct outage *outage, int64_t now_ms)
{
	int64_t end_ms = outage->since_ms + outage->give_up_ms;

	if (!outage_is_on(outage) || outage->probes > 0)
		return now_ms;
	return outage->probe_ms < end_ms ? outage->probe_ms : end_ms;
}
