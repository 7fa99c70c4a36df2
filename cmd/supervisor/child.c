#include "cmd/supervisor/child.h"

struct child_move {
	enum child_state to;
	enum child_action action;
};

/* clang-format off */
static const struct child_move moves[CHILD_STATES][CHILD_EVENTS] = {
	[CHILD_DOWN][CHILD_START]          = { CHILD_UP,       CHILD_SPAWN },
	[CHILD_DOWN][CHILD_STOP]           = { CHILD_DOWN,     CHILD_NOTHING },

	[CHILD_UP][CHILD_DIED]             = { CHILD_UP,       CHILD_SPAWN },
	[CHILD_UP][CHILD_DIED_EARLY]       = { CHILD_RESTING,  CHILD_REST },
	[CHILD_UP][CHILD_LEFT]             = { CHILD_DOWN,     CHILD_NOTHING },
	[CHILD_UP][CHILD_RESTART]          = { CHILD_LEAVING,  CHILD_TERM },
	[CHILD_UP][CHILD_KILL]             = { CHILD_UP,       CHILD_SIGKILL },
	[CHILD_UP][CHILD_STOP]             = { CHILD_STOPPING, CHILD_TERM },

	[CHILD_LEAVING][CHILD_DIED]        = { CHILD_UP,       CHILD_SPAWN },
	[CHILD_LEAVING][CHILD_DIED_EARLY]  = { CHILD_UP,       CHILD_SPAWN },
	[CHILD_LEAVING][CHILD_LEFT]        = { CHILD_UP,       CHILD_SPAWN },
	[CHILD_LEAVING][CHILD_TIMER]       = { CHILD_LEAVING,  CHILD_SIGKILL },
	[CHILD_LEAVING][CHILD_RESTART]     = { CHILD_LEAVING,  CHILD_NOTHING },
	[CHILD_LEAVING][CHILD_KILL]        = { CHILD_LEAVING,  CHILD_SIGKILL },
	[CHILD_LEAVING][CHILD_STOP]        = { CHILD_STOPPING, CHILD_TERM },

	[CHILD_RESTING][CHILD_TIMER]       = { CHILD_UP,       CHILD_SPAWN },
	[CHILD_RESTING][CHILD_RESTART]     = { CHILD_UP,       CHILD_SPAWN },
	[CHILD_RESTING][CHILD_STOP]        = { CHILD_DOWN,     CHILD_NOTHING },

	[CHILD_STOPPING][CHILD_DIED]       = { CHILD_DOWN,     CHILD_NOTHING },
	[CHILD_STOPPING][CHILD_DIED_EARLY] = { CHILD_DOWN,     CHILD_NOTHING },
	[CHILD_STOPPING][CHILD_LEFT]       = { CHILD_DOWN,     CHILD_NOTHING },
	[CHILD_STOPPING][CHILD_TIMER]      = { CHILD_STOPPING, CHILD_SIGKILL },
	[CHILD_STOPPING][CHILD_KILL]       = { CHILD_STOPPING, CHILD_SIGKILL },
	[CHILD_STOPPING][CHILD_STOP]       = { CHILD_STOPPING, CHILD_NOTHING },
}; /* a cell left out is { 0, CHILD_REFUSE } */

static const char *const names[CHILD_STATES] = {
	[CHILD_DOWN]     = "down",
	[CHILD_UP]       = "up",
	[CHILD_LEAVING]  = "restarting",
	[CHILD_RESTING]  = "resting",
	[CHILD_STOPPING] = "stopping",
};
/* clang-format on */

enum {
	REST_FIRST_MS = 100,
	REST_MOST_MS = 10000,
};

enum child_action
child_step(struct child *child, enum child_event event)
{
	struct child_move move = moves[child->state][event];

	if (move.action == CHILD_REFUSE)
		return CHILD_REFUSE;
	if (event == CHILD_DIED_EARLY)
		child->early++;
	else if (event == CHILD_DIED || event == CHILD_RESTART)
		child->early = 0;
	child->state = move.to;
	return move.action;
}

int64_t
child_rest_ms(const struct child *child)
{
	int64_t ms = REST_FIRST_MS;

	for (unsigned i = 1; i < child->early && ms < REST_MOST_MS; i++)
		ms *= 2;
	return ms < REST_MOST_MS ? ms : REST_MOST_MS;
}

const char *
child_state_name(enum child_state state)
{
	return state < CHILD_STATES ? names[state] : "?";
}
