#include "cmd/supervisor/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/log.h"
#include "cmd/now.h"
#include "cmd/role/role.h"
#include "cmd/supervisor/supervisor_impl.h"

enum {
	TICK_MS = 200, /* live line, stages of a stop */
	TICK_STOP_MS = 10,
	UNBIND_REST_MS = 2000, /* a crawler in back-off longer than this */
	PATIENCE_SHARE = 2,    /* SIGKILL after 1/2 of stop_timeout */
	HOPELESS_MOST = 6, /* early ends with a status of failure, in a row */
	CORRUPT_MOST = 3,  /* discarded segments … */
	CORRUPT_WINDOW_MS = 10 * 60 * 1000, /* … in ten minutes */
};

/* --- starting ------------------------------------------------------------ */

static int
pidfd_of(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* What the child must not keep: the supervisor's epoll set, signals, pidfds
 * and sockets.  The crawl's lock stays. */
static void
abandon(struct supervisor *sup)
{
	loop_fini(&sup->loop);
	close(sup->signal_fd);
	control_abandon(sup);
	for (size_t i = 0; i < sup->n_slots; i++) {
		if (sup->slots[i].pidfd >= 0)
			close(sup->slots[i].pidfd);
		if (sup->slots[i].channel >= 0)
			close(sup->slots[i].channel);
	}
}

static void on_death(void *arg, int fd, uint32_t events);

static void
rest(struct slot *slot, const char *why)
{
	int64_t ms = child_rest_ms(&slot->child);

	if (slot->hopeless >= HOPELESS_MOST) {
		/* What it says will not change by itself: a damaged store. */
		log_error("%s %s %u times in a row before its first job; the "
			  "crawl ends, see what it said",
		    slot->name, why, slot->hopeless);
		slot->sup->fatal = EXIT_INTERNAL;
		stop_begin(slot->sup, true);
		return;
	}
	slot->timer_ms = now_mono_ms() + ms;
	log_warn("%s %s; it starts again in %lld ms", slot->name, why,
	    (long long)ms);
	if (slot->role == ROLE_CRAWLER && ms > UNBIND_REST_MS) {
		size_t moved;

		/* Its orders would wait too long: they go back. */
		conveyor_bind(slot->sup->crawl->cv, slot->index, false);
		if (conveyor_drain(slot->sup->crawl->cv,
			(uint8_t)(QUEUE_ORDERS + slot->index), QUEUE_SETTLED,
			&moved) < 0)
			slot->sup->corrupt = true;
	}
}

static void
spawn(struct slot *slot)
{
	struct supervisor *sup = slot->sup;
	struct crawl *crawl = sup->crawl;
	struct roster_entry entry = { .role = (uint8_t)slot->role,
		.index = (uint8_t)slot->index,
		.incarnation = ++slot->starts,
		.started_ms = now_unix_ms() };
	pid_t pid;

	slot->asked = false;
	slot->hung[0] = '\0';
	watchdog_forgive(&slot->dog);
	slot->timer_ms = INT64_MAX;
	/* Without room for them it works as well, and tells less. */
	if (roster_keep_events(crawl->cv, slot->id) < 0)
		log_debug("%s: no room for its events", slot->name);
	/* Before the fork: from there on the page is the worker's. */
	roster_assign(crawl->cv, slot->id, &entry);
	slot->jobs = roster_counter(crawl->cv, slot->id, COUNTER_JOBS);
	control_pair(slot, &crawl->channel_fd);
	pid = fork();
	if (pid == 0) {
		abandon(sup);
		role_run(crawl, slot->role, slot->index);
	}
	if (crawl->channel_fd >= 0)
		close(crawl->channel_fd);
	crawl->channel_fd = -1;
	if (pid < 0) {
		log_error("%s: fork: %m", slot->name);
		control_unpair(slot);
		slot->child.state = CHILD_RESTING;
		slot->child.early++;
		rest(slot, "could not be forked");
		return;
	}
	slot->pid = pid;
	slot->pidfd = pidfd_of(pid);
	control_paired(slot);
	/* Not one that was down when a stop began: it gets no orders. */
	if (slot->role == ROLE_CRAWLER && sup->stop == STOP_NOT)
		conveyor_bind(crawl->cv, slot->index, true);
	slot->unwatched = slot->pidfd < 0 || loop_watch(&sup->loop, slot->pidfd,
						 EPOLLIN, on_death, slot) < 0;
	if (slot->unwatched)
		log_error("%s: cannot watch pid %d, looking now and then: %m",
		    slot->name, (int)pid);
	if (slot->died_ms > 0)
		log_info("%s started again as pid %d, %lld ms after",
		    slot->name, (int)pid,
		    (long long)(now_mono_ms() - slot->died_ms));
	else
		log_debug("%s is pid %d", slot->name, (int)pid);
}

/* --- events -------------------------------------------------------------- */

void
supervisor_event(struct slot *slot, enum child_event event)
{
	const struct config *config = &slot->sup->crawl->config;

	switch (child_step(&slot->child, event)) {
	case CHILD_REFUSE:
	case CHILD_NOTHING:
		return;
	case CHILD_SPAWN:
		spawn(slot);
		return;
	case CHILD_REST:
		rest(slot, slot->last);
		return;
	case CHILD_TERM:
		slot->asked = true;
		slot->timer_ms = slot->role == ROLE_STREAMER &&
					 stop_waits_for_reader(slot->sup)
				     ? INT64_MAX
				     : now_mono_ms() + config->stop_timeout_ms /
							   PATIENCE_SHARE;
		kill(slot->pid, WORKER_END);
		return;
	case CHILD_SIGKILL:
		slot->asked = true;
		slot->timer_ms = INT64_MAX;
		kill(slot->pid, SIGKILL);
		return;
	}
}

void
supervisor_kill_all(struct supervisor *sup)
{
	for (size_t i = 0; i < sup->n_slots; i++) {
		struct slot *slot = &sup->slots[i];

		slot->asked = true;
		slot->timer_ms = INT64_MAX;
		if (slot_running(slot)) {
			slot->child.state = CHILD_STOPPING;
			kill(slot->pid, SIGKILL);
		} else {
			slot->child.state = CHILD_DOWN;
		}
	}
}

/* Killed because it hung?  It may have died otherwise a moment before. */
static bool
was_hung(const struct slot *slot, int status)
{
	return slot->hung[0] != '\0' && WIFSIGNALED(status) &&
	       WTERMSIG(status) == SIGKILL;
}

/* By its own fault (protocol.md 7)?  A SIGKILL from outside, the OOM killer's
 * included, blames nobody. */
static bool
is_guilty(const struct slot *slot, int status)
{
	if (WIFSIGNALED(status))
		return was_hung(slot, status) ||
		       (WTERMSIG(status) != SIGKILL &&
			   WTERMSIG(status) != SIGTERM);
	return WEXITSTATUS(status) != WORKER_DONE &&
	       WEXITSTATUS(status) != WORKER_DISK &&
	       WEXITSTATUS(status) != WORKER_NO_ROOM &&
	       WEXITSTATUS(status) != WORKER_CORRUPT;
}

/* For the cell that is blamed; read by crawl_describe_cause(). */
static uint32_t
cause_of(const struct slot *slot, int status)
{
	struct crawl_cause cause = { .role = slot->role,
		.hung = was_hung(slot, status) };

	if (WIFSIGNALED(status))
		cause.signal = (uint8_t)WTERMSIG(status);
	else
		cause.status = (uint8_t)WEXITSTATUS(status);
	return crawl_pack_cause(cause);
}

static void
describe(struct slot *slot, int status)
{
	if (was_hung(slot, status))
		snprintf(slot->last, sizeof(slot->last),
		    "hung and was killed: %s", slot->hung);
	else if (WIFSIGNALED(status))
		snprintf(slot->last, sizeof(slot->last),
		    "died of signal %d (%s)", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == WORKER_DISK)
		snprintf(slot->last, sizeof(slot->last),
		    "could not use the disk");
	else if (WEXITSTATUS(status) == WORKER_NO_ROOM)
		snprintf(slot->last, sizeof(slot->last),
		    "found no room on the disk");
	else if (WEXITSTATUS(status) == WORKER_CORRUPT)
		snprintf(slot->last, sizeof(slot->last),
		    "found the segment corrupt");
	else
		snprintf(slot->last, sizeof(slot->last), "ended with status %d",
		    WEXITSTATUS(status));
}

static uint64_t
cpu_of(const struct rusage *usage)
{
	return (uint64_t)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) *
		   1000000 +
	       (uint64_t)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec);
}

/*
 * An end that the next start would only repeat?  One that has taken work may
 * have met a page that kills it; not so when the disk fails, for then it has
 * to have finished some to be worth another try.
 */
static bool
is_hopeless(const struct slot *slot, int status, bool worked, bool finished)
{
	if (!WIFEXITED(status))
		return false;
	if (WEXITSTATUS(status) == WORKER_DISK)
		return !finished;
	return is_guilty(slot, status) && !worked;
}

/* What a death was, as an event. */
static enum child_event
event_of(const struct slot *slot, int status, bool worked)
{
	bool done = WIFEXITED(status) && WEXITSTATUS(status) == WORKER_DONE;

	if (done && slot->role == ROLE_STREAMER)
		return CHILD_LEFT; /* nobody reads standard output any more */
	if (WIFEXITED(status) && (WEXITSTATUS(status) == WORKER_NO_ROOM ||
				     WEXITSTATUS(status) == WORKER_DISK))
		return CHILD_DIED_EARLY;
	return worked || done ? CHILD_DIED : CHILD_DIED_EARLY;
}

/* One line: what happened, where, and what became of it. */
static void
tell(const struct slot *slot, const struct crash *crash)
{
	char where[500];

	if (!crash->full) {
		log_warn("%s %s; %zu of its cells recovered", slot->name,
		    slot->last, crash->recovered);
		return;
	}
	crash_describe(crash, where, sizeof(where));
	log_warn("%s %s; %s; %zu of its cells recovered%s; more by `mpcrawl "
		 "status --crashes`",
	    slot->name, slot->last, where, crash->recovered,
	    crash->blamed ? ", the page blamed" : "");
}

/* Not what was asked for, nor a disk without room. */
static bool
is_crash(const struct slot *slot, int status)
{
	return is_guilty(slot, status) ||
	       (WIFEXITED(status) && WEXITSTATUS(status) == WORKER_CORRUPT) ||
	       (WIFSIGNALED(status) && !slot->asked);
}

static void
bury(struct slot *slot, int status, const struct rusage *usage)
{
	struct supervisor *sup = slot->sup;
	struct conveyor *cv = sup->crawl->cv;
	bool worked = roster_has_worked(cv, slot->id);
	bool finished = roster_counter(cv, slot->id, COUNTER_JOBS) !=
			slot->jobs;
	bool guilty = is_guilty(slot, status);
	bool corrupt = WIFEXITED(status) &&
		       WEXITSTATUS(status) == WORKER_CORRUPT;
	bool tells = is_crash(slot, status);
	struct conveyor_fault fault = { .suspects = slot->role == ROLE_CRAWLER,
		.cause = cause_of(slot, status) };
	struct crash crash = { .worker = slot->name,
		.pid = slot->pid,
		.full = guilty || corrupt,
		.status = status,
		.hung = was_hung(slot, status) };

	describe(slot, status);
	sup->cpu_us[slot->role] += cpu_of(usage);
	loop_forget(&sup->loop, slot->pidfd);
	if (slot->pidfd >= 0)
		close(slot->pidfd);
	slot->pidfd = -1;
	control_unpair(slot);
	slot->pid = 0;
	slot->died_ms = now_mono_ms();
	if (corrupt)
		sup->corrupt = true;
	if (is_hopeless(slot, status, worked, finished))
		slot->hopeless++;
	else
		slot->hopeless = 0;
	/* Before the recovery, which lets go of all, and before the id's next
	 * assignment, with which its events end. */
	if (tells)
		crash_look(cv, slot->id, &crash);
	/* After every exit, orderly ones too: it should find nothing then. */
	if (!sup->corrupt && conveyor_recover(cv, slot->id, &crawl_routes,
				 guilty ? &fault : NULL, &crash.recovered) < 0)
		sup->corrupt = true;
	crash.blamed = tells && crash_was_blamed(cv, &crash);
	snprintf(crash.end, sizeof(crash.end), "%s", slot->last);
	if (guilty || !slot->asked)
		tell(slot, &crash);
	supervisor_event(slot, event_of(slot, status, worked));
	/* The successor is at work: now there is time for a file. */
	if (tells)
		crash_write(&sup->crashes, sup->crawl, &crash);
}

static void
on_death(void *arg, int fd, uint32_t events)
{
	struct slot *slot = arg;
	struct rusage usage;
	int status;

	(void)fd, (void)events;
	if (slot_running(slot) &&
	    wait4(slot->pid, &status, WNOHANG, &usage) == slot->pid)
		bury(slot, status, &usage);
}

static void
on_signal(void *arg, int fd, uint32_t events)
{
	struct supervisor *sup = arg;
	struct signalfd_siginfo info;

	(void)events;
	while (read(fd, &info, sizeof(info)) == sizeof(info)) {
		bool again = sup->stop != STOP_NOT && sup->interrupted;

		sup->interrupted = true;
		if (!again)
			log_info("%s: stopping; once more stops at once",
			    strsignal((int)info.ssi_signo));
		stop_begin(sup, again);
	}
}

/* The scheduler's phase changed: what it is says the snapshot. */
static void
on_notice(void *arg, int fd, uint32_t events)
{
	uint64_t count;
	ssize_t n = read(fd, &count, sizeof(count));

	(void)arg, (void)events, (void)n; /* look_at_phase() follows */
}

/* At every turn, for the scheduler may die between the two. */
static void
look_at_phase(struct supervisor *sup)
{
	struct snapshot snap;

	crawl_snapshot(sup->crawl, &snap);
	if (snap.phase == PHASE_FINISHED || snap.phase == PHASE_LIMIT)
		stop_begin(sup, false);
}

/* --- the segment --------------------------------------------------------- */

static int
make_segment(struct supervisor *sup, struct err *err)
{
	struct crawl *crawl = sup->crawl;
	struct conveyor_gates gates = crawl_gates();
	struct conveyor_shape shape;
	uint64_t need = 0;
	bool lowered;
	int r;

	r = crawl_shape(crawl, &shape, &lowered, err);
	if (r < 0)
		return r;
	if (lowered)
		log_warn("/dev/shm is small: %u cells instead of more; a "
			 "larger one lets more pages be under way at once",
		    shape.cells);
	r = conveyor_create(crawl->segment, &shape, crawl->id, QUEUE_FREE,
	    &gates, &crawl->cv, &need);
	if (r == -ENOSPC)
		return err_set(err, r,
		    "/dev/shm has no room for the crawl's segment (%llu KiB)",
		    (unsigned long long)need >> 10);
	if (r < 0)
		return err_set(err, r, "the crawl's segment: %s", strerror(-r));
	return 0;
}

/* The last run's end is not this one's: there may be new seeds, and another
 * limit.  No scheduler runs yet, so the snapshot is ours to write. */
static void
forget_phase(struct crawl *crawl)
{
	struct snapshot snap;

	crawl_snapshot(crawl, &snap);
	snap.phase = PHASE_STARTING;
	snap.limit = 0;
	conveyor_publish_snapshot(crawl->cv, (const uint64_t *)&snap,
	    SNAPSHOT_WORDS);
}

/*
 * What a killed run left is taken over; what is not usable is discarded, and
 * the store alone decides.  Nobody else is alive: the lock is ours.
 */
static int
take_segment(struct supervisor *sup, struct err *err)
{
	struct crawl *crawl = sup->crawl;
	struct conveyor_gates gates = crawl_gates();
	struct conveyor_shape shape;
	struct conveyor *left = NULL;
	bool lowered;
	int r;

	/* The shape was decided by whoever made it: number of cells and all. */
	r = conveyor_watch(crawl->segment, &left);
	if (r == 0) {
		uint32_t cells = conveyor_shape(left)->cells;

		conveyor_detach(left);
		r = crawl_shape(crawl, &shape, &lowered, NULL);
		shape.cells = cells;
	}
	if (r == 0)
		r = conveyor_attach(crawl->segment, &shape, crawl->id, &gates,
		    &crawl_routes, QUEUE_SETTLED, &crawl->cv);
	if (r == 0) {
		forget_phase(crawl);
		log_info("going on where the last run was killed");
		return 0;
	}
	if (r != -ENOENT)
		log_warn("the last run's segment is not usable; starting from "
			 "the store");
	conveyor_unlink(crawl->segment);
	return make_segment(sup, err);
}

/* The budget of pages is what /dev/shm can give, where that is less: workers
 * refuse to grow in time, and a share of it is always left for parsers. */
static void
fit_budget(struct supervisor *sup)
{
	struct config *config = &sup->crawl->config;
	uint64_t room = segment_space() + conveyor_committed(sup->crawl->cv);

	if (room < config->shm_budget)
		config->shm_budget = room;
}

static void
start_all(struct supervisor *sup)
{
	for (size_t i = 0; i < sup->n_slots; i++) {
		sup->slots[i].child = (struct child){ .state = CHILD_DOWN };
		supervisor_event(&sup->slots[i], CHILD_START);
	}
}

static bool
all_dead(const struct supervisor *sup)
{
	for (size_t i = 0; i < sup->n_slots; i++) {
		if (slot_running(&sup->slots[i]))
			return false;
	}
	return true;
}

/*
 * An impossible value in the segment: everybody is killed, the segment is
 * discarded, and the store decides.  Costs fetches, never correctness.
 */
static void
discard_segment(struct supervisor *sup)
{
	struct err err = ERR_NONE;
	int64_t now = now_mono_ms();

	supervisor_kill_all(sup);
	if (!all_dead(sup))
		return; /* on_death() brings us back */
	sup->corrupt = false;
	if (now - sup->corrupt_ms > CORRUPT_WINDOW_MS) {
		sup->corruptions = 0;
		sup->corrupt_ms = now;
	}
	log_error("the shared segment was corrupt and is discarded; what was "
		  "under way is fetched again");
	patrol_forget(sup);
	conveyor_detach(sup->crawl->cv);
	sup->crawl->cv = NULL;
	conveyor_unlink(sup->crawl->segment);
	if (++sup->corruptions > CORRUPT_MOST || make_segment(sup, &err) < 0) {
		log_error("%s", err.text[0]
				    ? err.text
				    : "too often: memory or mpcrawl is broken");
		sup->fatal = EXIT_INTERNAL;
		sup->stop = STOP_DONE;
		return;
	}
	if (sup->stop == STOP_NOT)
		start_all(sup);
	else
		sup->stop = STOP_DONE;
}

/* --- the loop ------------------------------------------------------------ */

static void
add_slot(struct supervisor *sup, enum role_id role, uint32_t index, bool many)
{
	struct slot *slot = &sup->slots[sup->n_slots++];

	*slot = (struct slot){ .sup = sup,
		.role = role,
		.index = index,
		.id = crawl_worker_id(sup->crawl, role, index),
		.pidfd = -1,
		.channel = -1,
		.timer_ms = INT64_MAX };
	if (many)
		snprintf(slot->name, sizeof(slot->name), "%s.%u",
		    crawl_role_name(role), index);
	else
		snprintf(slot->name, sizeof(slot->name), "%s",
		    crawl_role_name(role));
}

static int
make_slots(struct supervisor *sup)
{
	struct crawl *crawl = sup->crawl;

	sup->slots = calloc(3 + crawl->crawlers + crawl->parsers,
	    sizeof(*sup->slots));
	if (sup->slots == NULL)
		return -ENOMEM;
	add_slot(sup, ROLE_SCHEDULER, 0, false);
	add_slot(sup, ROLE_RECORDER, 0, false);
	for (uint32_t k = 0; k < crawl->crawlers; k++)
		add_slot(sup, ROLE_CRAWLER, k, true);
	for (uint32_t k = 0; k < crawl->parsers; k++)
		add_slot(sup, ROLE_PARSER, k, true);
	if (crawl->config.output != NULL)
		add_slot(sup, ROLE_STREAMER, 0, false);
	return 0;
}

static int
open_all(struct supervisor *sup)
{
	sigset_t signals, end;
	int r;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	/* Pending in a child until it has its handler, never lost or fatal. */
	sigemptyset(&end);
	sigaddset(&end, WORKER_END);
	sigprocmask(SIG_BLOCK, &end, NULL);
	r = loop_init(&sup->loop, NULL);
	if (r < 0)
		return r;
	sup->signal_fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
	if (sup->signal_fd < 0)
		return -errno;
	r = loop_watch(&sup->loop, sup->signal_fd, EPOLLIN, on_signal, sup);
	if (r == 0)
		r = loop_watch(&sup->loop, sup->crawl->notice_fd, EPOLLIN,
		    on_notice, sup);
	if (r == 0)
		r = make_slots(sup);
	return r;
}

static void
run_timers(struct supervisor *sup)
{
	int64_t now = now_mono_ms();

	/* A death that no descriptor tells of, as none could be had. */
	for (size_t i = 0; i < sup->n_slots; i++) {
		if (sup->slots[i].unwatched)
			on_death(&sup->slots[i], -1, 0);
	}

	for (size_t i = 0; i < sup->n_slots; i++) {
		struct slot *slot = &sup->slots[i];

		if (slot->timer_ms > now)
			continue;
		slot->timer_ms = INT64_MAX;
		supervisor_event(slot, CHILD_TIMER);
	}
}

static int
nap(const struct supervisor *sup)
{
	int64_t now = now_mono_ms();
	bool hurry = sup->stop != STOP_NOT && !stop_waits_for_reader(sup);
	int64_t ms = hurry      ? TICK_STOP_MS
		     : sup->tty ? TICK_MS
				: WATCHDOG_LOOK_MS;

	for (size_t i = 0; i < sup->n_slots; i++) {
		if (sup->slots[i].timer_ms - now < ms)
			ms = sup->slots[i].timer_ms - now;
	}
	if (control_due_ms(sup) - now < ms)
		ms = control_due_ms(sup) - now;
	return ms < 0 ? 0 : (int)ms;
}

static void
loop_until_done(struct supervisor *sup)
{
	while (sup->stop != STOP_DONE) {
		if (loop_turn(&sup->loop, nap(sup)) < 0) {
			log_error("epoll: %m");
			sup->fatal = EXIT_INTERNAL;
			return;
		}
		run_timers(sup);
		control_tick(sup);
		look_at_phase(sup);
		patrol_tick(sup);
		if (sup->corrupt)
			discard_segment(sup);
		else if (sup->stop != STOP_NOT)
			stop_advance(sup);
		report_tick(sup);
	}
}

static void
serve(struct supervisor *sup, int ready_fd)
{
	struct crawl *crawl = sup->crawl;

	log_info("crawling into %s; seeds added: %llu, crawlers: %u, "
		 "parsers: %u",
	    crawl->dir, (unsigned long long)crawl->seeded->fresh,
	    crawl->crawlers, crawl->parsers);
	start_all(sup);
	if (ready_fd >= 0) {
		ssize_t n = write(ready_fd, "", 1);

		(void)n;
		close(ready_fd);
	}
	loop_until_done(sup);
	supervisor_kill_all(sup);
	while (wait4(-1, NULL, 0, NULL) > 0 || errno == EINTR)
		; /* whoever is left was killed just now */
	crash_close(&sup->crashes, crawl);
	patrol_forget(sup);
}

int
supervisor_run(struct crawl *crawl, int ready_fd)
{
	struct supervisor sup = { .crawl = crawl,
		.signal_fd = -1,
		.loop.epoll_fd = -1,
		.started_ms = now_mono_ms(),
		.tty = crawl->live };
	struct err err = ERR_NONE;
	struct snapshot snap;
	struct rusage seeds;
	int r, status;

	getrusage(RUSAGE_CHILDREN, &seeds);
	sup.cpu_us[ROLES] = cpu_of(&seeds);
	crawl->supervisor = getpid();
	r = open_all(&sup);
	if (r == 0)
		r = take_segment(&sup, &err);
	if (r == 0)
		fit_budget(&sup);
	if (r == 0)
		r = control_open(&sup, &err);
	if (r == 0) {
		serve(&sup, ready_fd);
		crawl_snapshot(crawl, &snap);
		status = report_end(&sup, &snap);
	} else {
		log_error("%s", err.text[0] ? err.text : strerror(-r));
		status = r == -ENOSPC ? EXIT_USAGE : EXIT_INTERNAL;
	}
	/* The store is the truth: what is still on the conveyor is queued. */
	conveyor_detach(crawl->cv);
	crawl->cv = NULL;
	conveyor_unlink(crawl->segment);
	/* Last: `mpcrawl stop` returns when its connection ends. */
	control_close(&sup);
	loop_fini(&sup.loop);
	if (sup.signal_fd >= 0)
		close(sup.signal_fd);
	free(sup.slots);
	return status;
}
