#include "lib/frontier/rulebook.h"

/* clang-format off */
static const struct rulebook_move {
	bool taken;
	uint8_t to;
} moves[RULEBOOK_STATES][RULEBOOK_EVENTS] = {
	[RULEBOOK_UNKNOWN][RULEBOOK_ASK]      = { true, RULEBOOK_ASKED },
	[RULEBOOK_ASKED][RULEBOOK_ANSWER]     = { true, RULEBOOK_RULES },
	[RULEBOOK_ASKED][RULEBOOK_FAIL]       = { true, RULEBOOK_OUTAGE },
	[RULEBOOK_ASKED][RULEBOOK_GIVE_UP]    = { true, RULEBOOK_GIVEN_UP },
	[RULEBOOK_ASKED][RULEBOOK_LOSE]       = { true, RULEBOOK_UNKNOWN },
	[RULEBOOK_RULES][RULEBOOK_ASK]        = { true, RULEBOOK_RENEWING },
	[RULEBOOK_RENEWING][RULEBOOK_ANSWER]  = { true, RULEBOOK_RULES },
	/* However long the outage lasts, old rules are better than none. */
	[RULEBOOK_RENEWING][RULEBOOK_FAIL]    = { true, RULEBOOK_STALE },
	[RULEBOOK_RENEWING][RULEBOOK_GIVE_UP] = { true, RULEBOOK_STALE },
	[RULEBOOK_RENEWING][RULEBOOK_LOSE]    = { true, RULEBOOK_STALE },
	[RULEBOOK_OUTAGE][RULEBOOK_ASK]       = { true, RULEBOOK_ASKED },
	[RULEBOOK_STALE][RULEBOOK_ASK]        = { true, RULEBOOK_RENEWING },
	[RULEBOOK_GIVEN_UP][RULEBOOK_FORGIVE] = { true, RULEBOOK_UNKNOWN },
	[RULEBOOK_RULES][RULEBOOK_SPOIL]      = { true, RULEBOOK_UNKNOWN },
	[RULEBOOK_STALE][RULEBOOK_SPOIL]      = { true, RULEBOOK_UNKNOWN },
}; /* a cell left out is refused */
/* clang-format on */

static bool
rulebook_move(struct rulebook *book, enum rulebook_event event)
{
	const struct rulebook_move *move = &moves[book->state][event];

	if (move->taken)
		book->state = move->to;
	return move->taken;
}

bool
rulebook_asked(struct rulebook *book)
{
	return rulebook_move(book, RULEBOOK_ASK);
}

bool
rulebook_answered(struct rulebook *book, const struct config_host *config,
    bool block, int64_t now_ms, int64_t ready_ms)
{
	if (!rulebook_move(book, RULEBOOK_ANSWER))
		return false;
	book->at_ms = ready_ms + config->robots_ttl_ms;
	book->since_ms = now_ms;
	book->fails = 0;
	book->block = block;
	book->local = false;
	return true;
}

bool
rulebook_failed(struct rulebook *book, const struct config_host *config,
    bool no_name, int64_t now_ms, int64_t ready_ms)
{
	uint32_t last = config->retry_delay.n;
	int64_t since_ms = book->fails > 0 ? book->since_ms : now_ms;
	unsigned fails = book->fails + 1u;
	bool over = fails >= RULEBOOK_FAILS_LEAST &&
		    now_ms - since_ms >= config->robots_give_up_ms;

	if (!rulebook_move(book, over ? RULEBOOK_GIVE_UP : RULEBOOK_FAIL))
		return false;
	book->since_ms = since_ms;
	book->fails = (uint16_t)(fails < UINT16_MAX ? fails : UINT16_MAX);
	/* The last delay of the list repeats. */
	book->at_ms = no_name || book->state == RULEBOOK_STALE ? ready_ms
							       : now_ms;
	if (last > 0 && !no_name)
		book->at_ms +=
		    config->retry_delay.ms[fails < last ? fails - 1 : last - 1];
	return true;
}

bool
rulebook_lost(struct rulebook *book)
{
	return rulebook_move(book, RULEBOOK_LOSE);
}

bool
rulebook_forgiven(struct rulebook *book)
{
	if (!rulebook_move(book, RULEBOOK_FORGIVE))
		return false;
	book->fails = 0;
	return true;
}

bool
rulebook_spoilt(struct rulebook *book)
{
	if (!rulebook_move(book, RULEBOOK_SPOIL))
		return false;
	book->block = false;
	return true;
}

enum rulebook_need
rulebook_need(const struct rulebook *book, int64_t now_ms)
{
	bool due = now_ms >= book->at_ms;

	switch ((enum rulebook_state)book->state) {
	case RULEBOOK_UNKNOWN:
		return RULEBOOK_FETCH;
	case RULEBOOK_ASKED:
	case RULEBOOK_RENEWING:
		return RULEBOOK_WAIT;
	case RULEBOOK_RULES:
	case RULEBOOK_STALE:
		return due ? RULEBOOK_FETCH : RULEBOOK_GO;
	case RULEBOOK_OUTAGE:
		return due ? RULEBOOK_FETCH : RULEBOOK_LATER;
	case RULEBOOK_GIVEN_UP:
	case RULEBOOK_STATES:
		break;
	}
	return RULEBOOK_REFUSE;
}

uint8_t
rulebook_at_rest(const struct rulebook *book)
{
	struct rulebook rest = *book;

	rulebook_lost(&rest);
	return rest.state;
}
