/*
 * supervisor - forks the roles, reaps, recovers, restarts, answers the control
 * socket, and ends the crawl.  Owns no URL, parses no page, never blocks.
 */
#ifndef CMD_SUPERVISOR_SUPERVISOR_H
#define CMD_SUPERVISOR_SUPERVISOR_H

#include "cmd/crawl.h"

/*
 * Run an opened, seeded crawl to its end.  Single-threaded, no library
 * initialised.  `ready_fd`, if not negative, gets one byte when the workers
 * are up, and is closed.  Returns the exit status.
 */
MUST_USE int supervisor_run(struct crawl *crawl, int ready_fd);

#endif
