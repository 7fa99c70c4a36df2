/*
 * role - what every worker process shares, and the table of roles.
 */
#ifndef CMD_ROLE_ROLE_H
#define CMD_ROLE_ROLE_H

#include <signal.h>

#include "cmd/crawl.h"

/* One running worker: this process. */
struct worker {
	struct crawl *crawl;
	struct conveyor *cv;
	enum role_id role;
	uint32_t index;
};

/*
 * A role's whole life, from after the fork to its exit status: 0 when it was
 * asked to end, one of enum worker_exit, 1 for anything else.
 */
typedef int role_main(struct worker *worker);

role_main scheduler_main;
role_main recorder_main;
role_main streamer_main;
role_main crawler_main;
role_main parser_main;

/*
 * In the child, right after fork: tie its life to the supervisor's, take the
 * signals over, become the worker, run, leave.  Never returns.
 */
_Noreturn void role_run(struct crawl *crawl, enum role_id role, uint32_t index);

/* Set by WORKER_END: end after the step at hand. */
bool role_stopping(void);

/* The signals that a role's loop takes while it waits, and only then. */
sigset_t role_signals(void);

/*
 * Wait until the disk under the crawl has room again, saying so in the
 * roster; returns at once when it has.  0, -EINTR when asked to end, -EIO with
 * `err`: the disk fails.
 */
MUST_USE int role_wait_for_room(struct worker *worker, struct err *err);

/*
 * The exit status for an error: logs it once, in words.  -EBADMSG: the
 * segment holds an impossible value.
 */
int role_failed(int error, const char *what);

/*
 * The same for an error of outputs or store: `err` has the sentence that names
 * the file, or is empty and `what` has to do.  A full disk and one that fails
 * have an exit status each, and blame no page.
 */
int role_failed_on_disk(int error, const struct err *err, const char *what);

#endif
