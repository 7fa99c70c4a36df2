#include "cmd/role/role.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "cmd/flight.h"
#include "cmd/log.h"
#include "cmd/now.h"
#include "cmd/role/poison.h"

enum {
	ROOM_LOOK_MS = 250
};

static role_main *const mains[ROLES] = {
	[ROLE_SCHEDULER] = scheduler_main,
	[ROLE_RECORDER] = recorder_main,
	[ROLE_STREAMER] = streamer_main,
	[ROLE_CRAWLER] = crawler_main,
	[ROLE_PARSER] = parser_main,
};

/* Which parts of a cell a role writes; a stray store elsewhere is SIGSEGV. */
static const unsigned writes[ROLES] = {
	[ROLE_SCHEDULER] = CONVEYOR_ORDER | CONVEYOR_SETTLE | CONVEYOR_LEDGER |
			   CONVEYOR_FETCHED,
	[ROLE_RECORDER] = CONVEYOR_SETTLE,
	[ROLE_STREAMER] = 0,
	[ROLE_CRAWLER] = CONVEYOR_CAPTURE | CONVEYOR_FETCHED,
	[ROLE_PARSER] = CONVEYOR_INLINE,
};

static volatile sig_atomic_t stopping;
static struct conveyor *view; /* this process' */

static void
on_end(int signal_number)
{
	(void)signal_number;
	stopping = 1;
}

bool
role_stopping(void)
{
	return stopping != 0;
}

sigset_t
role_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, WORKER_END);
	return set;
}

/* What comes to the whole group is for the supervisor alone: it decides in
 * which order a crawl ends. */
static void
take_signals(void)
{
	struct sigaction end = { .sa_handler = on_end };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t none;

	sigaction(WORKER_END, &end, NULL); /* no SA_RESTART: sleeps end */
	sigaction(SIGTERM, &ignore, NULL);
	sigaction(SIGINT, &ignore, NULL);
	sigaction(SIGHUP, &ignore, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

void
role_run(struct crawl *crawl, enum role_id role, uint32_t index)
{
	struct worker worker = { crawl, crawl->cv, role, index };
	struct roster_entry entry;
	char name[32];

	/* The order matters: a supervisor that died before the prctl is
	 * noticed by the look at getppid() after it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ||
	    getppid() != crawl->supervisor)
		_exit(1);
	if (role == ROLE_CRAWLER || role == ROLE_PARSER)
		snprintf(name, sizeof(name), "%s.%u", crawl_role_name(role),
		    index);
	else
		snprintf(name, sizeof(name), "%s", crawl_role_name(role));
	prctl(PR_SET_NAME, name);
	log_setup(name, crawl->config.log, crawl->live);
	take_signals();
	poison_setup();
	view = crawl->cv;
	conveyor_become(crawl->cv, crawl_worker_id(crawl, role, index));
	if (conveyor_protect(crawl->cv, writes[role]) < 0)
		_exit(1);
	roster_beat(crawl->cv, now_mono_ms());
	roster_read(crawl->cv, conveyor_me(crawl->cv), &entry);
	flight(crawl->cv, FLIGHT_STARTED, FLIGHT_NO_CELL, entry.incarnation);
	_exit(mains[role](&worker));
}

/* Why nothing can be written now: into `note`, and true. */
static bool
lacks_room(struct crawl *crawl, char note[ROSTER_NOTE], struct err *err,
    int *error)
{
	uint64_t need = crawl_reserve(crawl), free = crawl_disk_free(crawl);

	if (free < need) {
		snprintf(note, ROSTER_NOTE,
		    "paused: %llu MiB free under the crawl directory, %llu MiB "
		    "wanted (disk_reserve)",
		    (unsigned long long)free >> 20,
		    (unsigned long long)need >> 20);
		return true;
	}
	/* A quota is seen by trying alone. */
	*error = crawl_try_disk(crawl, err);
	if (*error != -ENOSPC)
		return false;
	snprintf(note, ROSTER_NOTE, "paused, no room: %.120s", err->text);
	return true;
}

int
role_wait_for_room(struct worker *worker, struct err *err)
{
	char note[ROSTER_NOTE];
	bool said = false;
	int error = 0;

	while (lacks_room(worker->crawl, note, err, &error)) {
		struct timespec pause = { 0, ROOM_LOOK_MS * 1000000L };

		if (role_stopping())
			return -EINTR;
		if (!said) {
			log_warn("%s; it goes on by itself", note);
			roster_note(worker->cv, note);
			flight(worker->cv, FLIGHT_WAITS_ROOM, FLIGHT_NO_CELL,
			    crawl_reserve(worker->crawl));
			said = true;
		}
		roster_beat(worker->cv, now_mono_ms());
		nanosleep(&pause, NULL);
	}
	if (error < 0)
		return error;
	err->text[0] = '\0';
	if (said) {
		log_info("there is room again, going on");
		roster_note(worker->cv, "");
	}
	return 0;
}

int
role_failed(int error, const char *what)
{
	flight(view, FLIGHT_FAILED, FLIGHT_NO_CELL, (uint64_t)-error);
	if (error == -EBADMSG) {
		log_error("%s: the shared segment holds an impossible value",
		    what);
		return WORKER_CORRUPT;
	}
	if (error == -ENOSPC || error == -EDQUOT) {
		log_warn("%s: no room left on the disk", what);
		return WORKER_NO_ROOM;
	}
	log_error("%s: %s", what, strerror(-error));
	return 1;
}

int
role_failed_on_disk(int error, const struct err *err, const char *what)
{
	if (err->text[0] == '\0')
		return role_failed(error, what);
	flight(view, FLIGHT_FAILED, FLIGHT_NO_CELL, (uint64_t)-error);
	if (error == -ENOSPC) {
		log_warn("%s; it goes on when there is room (key dir: where "
			 "the crawl's files are)",
		    err->text);
		return WORKER_NO_ROOM;
	}
	if (error == -EIO) {
		log_error("%s (key dir: where the crawl's files are)",
		    err->text);
		return WORKER_DISK;
	}
	return role_failed(error, err->text);
}
