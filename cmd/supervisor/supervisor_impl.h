/*
 * supervisor_impl - the supervisor's state, shared by its files.
 *
 *   supervisor.c  the loop: children, deaths, recovery, the end
 *   stop.c        the order in which a crawl ends
 *   control.c     the control socket
 *   report.c      live line, status, closing report
 *   patrol.c      what hangs is killed: shows each worker to its watchdog
 *   crash.c       what is told of a worker that died
 */
#ifndef CMD_SUPERVISOR_SUPERVISOR_IMPL_H
#define CMD_SUPERVISOR_SUPERVISOR_IMPL_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "cmd/crawl.h"
#include "cmd/loop.h"
#include "cmd/supervisor/child.h"
#include "cmd/supervisor/crash.h"
#include "cmd/supervisor/watchdog.h"

struct supervisor;

struct slot {
	struct supervisor *sup;
	enum role_id role;
	uint32_t index;
	uint8_t id; /* worker id on the conveyor */
	char name[24];
	struct child child;
	pid_t pid;        /* 0: none */
	int pidfd;        /* -1: none */
	int channel;      /* the scheduler's: our end of its pair; -1: none */
	bool asked;       /* its end was ours or a person's wish */
	int64_t timer_ms; /* monotonic; INT64_MAX: none */
	int64_t died_ms;  /* monotonic */
	uint32_t starts;
	uint32_t hopeless; /* early ends with a status of failure, in a row */
	uint64_t jobs;     /* done by its predecessors */
	bool unwatched;    /* no descriptor tells of its death */
	char last[120];    /* how the last one ended, in words */
	struct watchdog dog;
	char hung[WATCHDOG_WHY]; /* why it was killed; "": it was not */
};

struct patrol {
	int64_t look_ms, cells_ms;   /* the last looks, monotonic */
	struct watchdog_cell *cells; /* by cell; NULL: none yet */
	int64_t held_ms[CONVEYOR_WORKERS];
};

/* Stages of an orderly stop (protocol.md 8), in order. */
enum stop_stage {
	STOP_NOT,
	STOP_CRAWLERS,
	STOP_PARSERS,
	STOP_RECORDER,
	STOP_SCHEDULER,
	STOP_STREAMER,
	STOP_DONE,
};

struct rate {
	int64_t at_ms;
	uint64_t pages;
	double per_s;
};

struct control;

struct supervisor {
	struct crawl *crawl;
	struct loop loop;
	int signal_fd;
	struct control *control;
	struct slot *slots;
	size_t n_slots;
	bool corrupt;    /* the segment has to be discarded */
	int corruptions; /* in the window that began at … */
	int64_t corrupt_ms;

	enum stop_stage stop;
	bool stop_now;    /* do not wait for anybody */
	bool interrupted; /* a person or a signal stopped it */
	bool no_room;     /* there was none on the disk when it began */
	int64_t stop_ms;  /* when the stop began, monotonic */
	int fatal;        /* an exit status that overrides */

	int64_t started_ms; /* monotonic */
	int64_t line_ms;    /* the last live line or plain line */
	bool tty;
	struct rate rate;
	struct patrol patrol;
	struct crash_book crashes;
	uint64_t cpu_us[ROLES + 1]; /* of the reaped, by role; [ROLES]: seeds */
};

static inline bool
slot_running(const struct slot *slot)
{
	return slot->pid > 0;
}

/* supervisor.c */
void supervisor_event(struct slot *slot, enum child_event event);
void supervisor_kill_all(struct supervisor *sup);

/* stop.c */
void stop_begin(struct supervisor *sup, bool now);
void stop_advance(struct supervisor *sup);
/* All else has ended, and by itself: what is left is for whoever reads standard
 * output, who is waited for as any filter waits.  A person's stop ends that. */
bool stop_waits_for_reader(const struct supervisor *sup);

/* control.c: 0 or -errno, with `err` filled. */
MUST_USE int control_open(struct supervisor *sup, struct err *err);
void control_close(struct supervisor *sup);
/* Answers that nobody gives in time; at every turn. */
void control_tick(struct supervisor *sup);
/* When the next of them is to be told so, monotonic; INT64_MAX: none. */
int64_t control_due_ms(const struct supervisor *sup);
/* Round the fork of a scheduler: a pair for the two, -1 where there can be
 * none; then ours is watched, and what is unanswered is asked again. */
void control_pair(struct slot *slot, int *theirs);
void control_paired(struct slot *slot);
void control_unpair(struct slot *slot);
/* In a child after fork: its descriptors, not its socket. */
void control_abandon(struct supervisor *sup);

/* patrol.c: at every turn; does nothing but all WATCHDOG_LOOK_MS. */
void patrol_tick(struct supervisor *sup);
/* What it remembers of the segment is of another, or of none. */
void patrol_forget(struct supervisor *sup);

/* report.c */
/* CPU of a running process so far; 0 when it cannot be told. */
uint64_t report_cpu_us(pid_t pid);
void report_tick(struct supervisor *sup);
json_t *report_status(struct supervisor *sup);
/* The closing report: text, and JSON when asked for.  The exit status. */
int report_end(struct supervisor *sup, const struct snapshot *snap);

#endif
