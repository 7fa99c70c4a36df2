/*
 * crawl - one crawl as its processes share it: directory, identity, settings,
 * and the wiring of the conveyor as data.
 */
#ifndef CMD_CRAWL_H
#define CMD_CRAWL_H

#include <limits.h>
#include <signal.h>
#include <stdint.h>

#include "ipc/conveyor.h"
#include "ipc/roster.h"
#include "lib/base/err.h"
#include "lib/config/config.h"
#include "lib/frontier/frontier.h"

/* Exit statuses of mpcrawl (the manual lists them). */
enum exit_status {
	EXIT_FINISHED = 0,
	EXIT_INTERNAL = 1,
	EXIT_USAGE = 2,
	EXIT_STOPPED = 3,
	EXIT_LIMIT = 4,
	EXIT_DISK = 5,
	EXIT_WITH_QUARANTINE = 6,
	EXIT_NO_SEED = 7,
};

/*
 * The supervisor's word to a worker: end after the step at hand.  A signal of
 * its own, since SIGTERM and SIGINT come to the whole group at once (a
 * terminal, timeout(1), systemd), and who ends when is the supervisor's to say.
 */
#define WORKER_END SIGUSR1

/* Exit statuses of a worker that are no fault of its own (protocol.md 7). */
enum worker_exit {
	WORKER_DONE = 0,
	WORKER_DISK = 74,    /* the disk fails: EIO */
	WORKER_NO_ROOM = 75, /* no room on the disk */
	WORKER_CORRUPT = 76, /* an impossible value in the segment */
};

/* The queues (protocol.md 1). */
enum queue {
	QUEUE_FREE,
	QUEUE_PAGES,
	QUEUE_RECORDS,
	QUEUE_SETTLED,
	QUEUE_DEAD,
	QUEUE_ORDERS, /* + k, one per crawler that there may ever be */
};

enum role_id {
	ROLE_SCHEDULER,
	ROLE_RECORDER,
	ROLE_STREAMER,
	ROLE_CRAWLER,
	ROLE_PARSER,
	ROLES
};

/* Counters a worker keeps in its roster line; they outlive it. */
enum worker_counter {
	COUNTER_JOBS,     /* cells forwarded */
	COUNTER_BYTES,    /* crawler: bodies; recorder: records */
	COUNTER_STREAMED, /* streamer: position, as SINK_END */
	COUNTER_SYNCS,    /* recorder and scheduler: durable groups */
};

enum crawl_phase {
	PHASE_STARTING,
	PHASE_CRAWLING,
	PHASE_WAITING_ROOM, /* no room on the disk */
	PHASE_LIMIT,        /* a limit of the whole crawl is reached */
	PHASE_FINISHED,
};

enum {
	CRAWL_OUTPUT_PAGE = 2 << 20, /* a parser's output of a page, at the most
					(protocol.md 3); a sitemap's may be more */
};

/* What the scheduler publishes, as a whole, for everybody to read. */
struct snapshot {
	uint64_t phase;
	uint64_t limit; /* PHASE_LIMIT: which, see crawl_limit_name() */
	uint64_t free_cells;
	uint64_t fetching;   /* host slots in use */
	uint64_t busy_us;    /* time with work to hand out or under way */
	uint64_t starved_us; /* of it: slots idle for want of a commit */
	uint64_t commits;
	uint64_t sync_us; /* the last commit's */
	struct frontier_totals totals;
};
#define SNAPSHOT_WORDS (sizeof(struct snapshot) / sizeof(uint64_t))

/* What seeding found, in memory shared by the processes of one run. */
struct seeded {
	uint64_t end;          /* of the outputs, before this run */
	uint64_t pages;        /* of former runs */
	uint64_t fresh, known; /* seeds */
	uint64_t refused;      /* lines of the input that are no URL */
};

struct crawl {
	struct config config;
	char dir[PATH_MAX]; /* absolute */
	uint8_t id[16];
	char segment[24]; /* "/mpc.<16 hex>" */
	int lock_fd;
	struct conveyor *cv;
	uint32_t crawlers, parsers, max_parsers;
	int64_t started_ms;    /* of this run */
	bool live;             /* a live line on the terminal */
	struct seeded *seeded; /* MAP_SHARED */
	int notice_fd;         /* eventfd: the scheduler's phase changed */
	pid_t supervisor;
	int channel_fd; /* the scheduler's end of its pair (relay.h); -1 */
};

/* D/name.  Refused with -ENAMETOOLONG past PATH_MAX. */
MUST_USE int crawl_path(const struct crawl *crawl, const char *name,
    char out[PATH_MAX], struct err *err);

/*
 * Make the directory when it is missing, take its lock, read or make its
 * crawl_id, and name the segment.  0, or -errno with `err` filled: not
 * writable, a file, in use by another mpcrawl (its pid).
 */
MUST_USE int crawl_open(struct crawl *crawl, struct err *err);
/*
 * The same of a crawl that is there already: makes nothing but the lock.
 * -ENOENT there is none, -EWOULDBLOCK it is running (its pid in `err`).
 */
MUST_USE int crawl_find(struct crawl *crawl, struct err *err);
void crawl_close(struct crawl *crawl);

/* The wiring. */
extern const struct conveyor_routes crawl_routes;
struct conveyor_gates crawl_gates(void);
/* From the settings and the room in /dev/shm; says in *lowered when the
 * number of cells had to be. */
MUST_USE int crawl_shape(const struct crawl *crawl, struct conveyor_shape *out,
    bool *lowered, struct err *err);

/* Worker ids: fixed for each role and index. */
uint8_t crawl_worker_id(const struct crawl *crawl, enum role_id role,
    uint32_t index);
const char *crawl_role_name(enum role_id role);

/*
 * How a worker ended that a page is blamed for, as it lies at the page's cell
 * (conveyor_cause()).  Unpacking takes any number: shared memory is hostile.
 */
struct crawl_cause {
	enum role_id role;
	bool hung;      /* it was ended by us: past its deadline */
	uint8_t signal; /* 0: it ended by itself, with … */
	uint8_t status;
};
uint32_t crawl_pack_cause(struct crawl_cause cause);
struct crawl_cause crawl_unpack_cause(uint32_t packed);
/* "parser died of signal 11 (Segmentation fault)"; "" when packed is 0. */
void crawl_describe_cause(uint32_t packed, char out[80]);

struct verdict_limits crawl_verdict_limits(const struct crawl *crawl,
    struct span url);

/* The limits of a whole crawl as numbers for the snapshot, and back to their
 * keys ("max_pages"); 0 and "" for anything else. */
uint64_t crawl_limit_code(const char *name);
const char *crawl_limit_name(uint64_t code);

void crawl_snapshot(const struct crawl *crawl, struct snapshot *out);

/* Bytes that must stay free under the directory: disk_reserve, or what auto
 * means there, and never less than a commit needs; and what is free now. */
uint64_t crawl_reserve(const struct crawl *crawl);
uint64_t crawl_disk_free(const struct crawl *crawl);
/*
 * Write something to a file without a name in the crawl's folder, and sync it.
 * 0, or -ENOSPC (a quota's end, too), -EIO with `err`.
 */
MUST_USE int crawl_try_disk(const struct crawl *crawl, struct err *err);

#endif
