/*
 * child - the life of one worker, as seen by the supervisor: a table of states
 * and events, and a pure step.
 */
#ifndef CMD_SUPERVISOR_CHILD_H
#define CMD_SUPERVISOR_CHILD_H

#include <stdint.h>

#include "lib/base/attr.h"

enum child_state {
	CHILD_DOWN,     /* not started, or ended for good */
	CHILD_UP,       /* running */
	CHILD_LEAVING,  /* asked to end, will be started again */
	CHILD_RESTING,  /* died before its first job: wait, then start */
	CHILD_STOPPING, /* asked to end for good */
	CHILD_STATES
};

enum child_event {
	CHILD_START,
	CHILD_DIED,       /* and had taken work */
	CHILD_DIED_EARLY, /* before its first job */
	CHILD_LEFT,       /* ended by itself, its work done */
	CHILD_TIMER,      /* the rest is over, or our patience */
	CHILD_RESTART,    /* a person asks */
	CHILD_KILL,       /* a person asks */
	CHILD_STOP,
	CHILD_EVENTS
};

enum child_action {
	CHILD_REFUSE, /* nothing happens by accident */
	CHILD_NOTHING,
	CHILD_SPAWN,
	CHILD_REST, /* set the timer to child_rest_ms() */
	CHILD_TERM, /* WORKER_END; set the timer to the patience */
	CHILD_SIGKILL,
};

struct child {
	enum child_state state;
	unsigned early; /* deaths before a first job, in a row */
};

/* Move, and what to do now. */
enum child_action child_step(struct child *child, enum child_event event);

/* How long a child that died early rests: 100 ms doubling to 10 s. */
int64_t child_rest_ms(const struct child *child);

const char *child_state_name(enum child_state state);

#endif
