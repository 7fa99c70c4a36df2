#include "cmd/crawl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <xxhash.h>

#include "cmd/log.h"
#include "ipc/channel.h"
#include "ipc/lock.h"
#include "lib/message/capture.h"

enum {
	/* Raised when a struct in a cell's parts changes. */
	CRAWL_LAYOUT = 2,
	CELLS_LEAST = 64,
	CELLS_USUAL = 4096,
	CELLS_MOST = 16384,
	PAGES_A_SECOND = 3000, /* the top rate that cells are counted for */
	/* 50,000 URLs of more than a kilobyte each: none is cut for want of it
	 * unless it means harm. */
	OUTPUT_SITEMAP = 64 << 20,
	INLINE_SIZE = 4096,
	ROOM_LEAST = 4 << 20, /* a commit and a group of records */
	WAITS_MOST = 10, /* 429 and 503 for one URL; each may ask for a day */
	ANSWER_MS = 1000,
	LOCK_WAIT_MS = 5000, /* for the orphans of a killed supervisor … */
	ORPHANS_WAIT_MS = 60 * 1000, /* … that cannot die before their disk */
};

/* clang-format off */
const struct conveyor_routes crawl_routes = {
	.queue = {
		[QUEUE_FREE]    = { QUEUE_FREE, 0 },
		[QUEUE_PAGES]   = { QUEUE_PAGES, 3, QUEUE_DEAD },
		[QUEUE_RECORDS] = { QUEUE_RECORDS, 3, QUEUE_DEAD },
		[QUEUE_SETTLED] = { QUEUE_SETTLED, 0 },
		[QUEUE_DEAD]    = { QUEUE_DEAD, 0 },
		/* A request may have left: only the scheduler orders. */
		[QUEUE_ORDERS ... CONVEYOR_QUEUES - 1] = { QUEUE_SETTLED, 3,
			QUEUE_DEAD },
	},
};

static const char *const role_names[ROLES] = {
	[ROLE_SCHEDULER] = "scheduler",
	[ROLE_RECORDER]  = "recorder",
	[ROLE_STREAMER]  = "streamer",
	[ROLE_CRAWLER]   = "crawler",
	[ROLE_PARSER]    = "parser",
};
/* clang-format on */

struct conveyor_gates
crawl_gates(void)
{
	struct conveyor_gates gates;

	for (unsigned i = 0; i < CONVEYOR_QUEUES; i++)
		gates.at[i] = (uint8_t)i;
	gates.at[QUEUE_DEAD] = QUEUE_RECORDS;
	return gates;
}

const char *
crawl_role_name(enum role_id role)
{
	return role < ROLES ? role_names[role] : "?";
}

uint8_t
crawl_worker_id(const struct crawl *crawl, enum role_id role, uint32_t index)
{
	uint32_t id = 0;

	switch (role) {
	case ROLE_SCHEDULER:
	case ROLE_RECORDER:
	case ROLE_STREAMER:
		id = 1 + (uint32_t)role;
		break;
	case ROLE_CRAWLER:
		id = 1 + ROLE_CRAWLER + index;
		break;
	case ROLE_PARSER:
		id = 1 + ROLE_CRAWLER + crawl->config.max_crawlers + index;
		break;
	case ROLES:
		break;
	}
	must(id > 0 && id < CONVEYOR_WORKERS);
	return (uint8_t)id;
}

int
crawl_path(const struct crawl *crawl, const char *name, char out[PATH_MAX],
    struct err *err)
{
	if (snprintf(out, PATH_MAX, "%s/%s", crawl->dir, name) >= PATH_MAX)
		return err_set(err, -ENAMETOOLONG, "%s/%s: path too long",
		    crawl->dir, name);
	return 0;
}

/* The whole of a small file.  0, -ENOENT, -EBADMSG for another size. */
static int
read_id(const char *path, uint8_t id[16])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, id, 16);
	close(fd);
	if (n < 0)
		return -errno;
	return n == 16 ? 0 : -EBADMSG;
}

/* A name in the crawl's folder is there after a power cut, too. */
static int
sync_dir(const struct crawl *crawl, struct err *err)
{
	int fd = open(crawl->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = 0;

	if (fd < 0 || fsync(fd) < 0)
		r = err_set(err, -errno, "dir: %s: %m", crawl->dir);
	if (fd >= 0)
		close(fd);
	return r;
}

/* Temp, fsync, rename: the id is whole or not there. */
static int
make_id(const struct crawl *crawl, const char *path, uint8_t id[16],
    struct err *err)
{
	char temp[PATH_MAX];
	int fd, r;

	r = crawl_path(crawl, "crawl_id.new", temp, err);
	if (r < 0)
		return r;
	if (getrandom(id, 16, 0) != 16)
		return err_set(err, -EIO, "no random bytes: %m");
	fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(err, -errno, "dir: %s: %m", temp);
	errno = ENOSPC; /* of a write that was not whole */
	if (write(fd, id, 16) != 16 || fsync(fd) < 0 || rename(temp, path) < 0)
		r = err_set(err, -errno, "dir: %s: %m", path);
	close(fd);
	if (r == 0)
		r = sync_dir(crawl, err);
	return r;
}

/* The segment's name, of the folder and the id that is in it. */
static int
name_segment(struct crawl *crawl, struct err *err)
{
	struct {
		uint64_t dev, ino;
		uint8_t id[16];
	} key = { 0 };
	struct stat st;

	if (stat(crawl->dir, &st) < 0)
		return err_set(err, -errno, "%s: %m", crawl->dir);
	key.dev = st.st_dev;
	key.ino = st.st_ino;
	memcpy(key.id, crawl->id, sizeof(key.id));
	snprintf(crawl->segment, sizeof(crawl->segment), "/mpc.%016llx",
	    (unsigned long long)XXH3_64bits(&key, sizeof(key)));
	return 0;
}

static int
identify(struct crawl *crawl, bool may_make, struct err *err)
{
	char path[PATH_MAX];
	int r;

	r = crawl_path(crawl, "crawl_id", path, err);
	if (r < 0)
		return r;
	r = read_id(path, crawl->id);
	if (r == -ENOENT && may_make)
		r = make_id(crawl, path, crawl->id, err);
	else if (r == -EBADMSG)
		return err_set(err, r,
		    "%s: it should hold 16 bytes; restore it, or start a new "
		    "crawl in another --dir",
		    path);
	else if (r < 0)
		return err_set(err, r, "dir: %s: %s", path, strerror(-r));
	return r < 0 ? r : name_segment(crawl, err);
}

/* Does somebody serve this crawl's control socket? */
static bool
answers(const struct crawl *crawl)
{
	char path[PATH_MAX];
	int fd;

	if (crawl_path(crawl, "mpcrawl.sock", path, NULL) < 0 ||
	    channel_connect(path, ANSWER_MS, &fd) < 0)
		return false;
	close(fd);
	return true;
}

static int
find_dir(struct crawl *crawl, struct err *err)
{
	const char *dir = crawl->config.dir;
	struct stat st;

	if (stat(dir, &st) < 0)
		return err_set(err, -errno, "dir: %s: %m", dir);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, -ENOTDIR,
		    "dir: %s is a file; a crawl is a directory (--dir)", dir);
	if (realpath(dir, crawl->dir) == NULL)
		return err_set(err, -errno, "dir: %s: %m", dir);
	if (access(crawl->dir, W_OK | X_OK) < 0)
		return err_set(err, -errno, "dir: %s is not writable: %m", dir);
	return 0;
}

/* A killed process that waits for a disk dies when the disk has answered; until
 * then it holds the lock that it inherited, in the name of its dead parent. */
static bool
is_gone(pid_t pid)
{
	return pid > 0 && kill(pid, 0) < 0 && errno == ESRCH;
}

static int
take_lock(struct crawl *crawl, struct err *err)
{
	const char *dir = crawl->config.dir;
	char path[PATH_MAX];
	pid_t holder;
	int r;

	r = crawl_path(crawl, "lock", path, err);
	if (r < 0)
		return r;
	r = lock_take(path, 0, &crawl->lock_fd, &holder);
	/* One that answers is running; else the workers of one that was
	 * killed may be dying just now. */
	if (r == -EWOULDBLOCK && !answers(crawl))
		r = lock_take(path, LOCK_WAIT_MS, &crawl->lock_fd, &holder);
	if (r == -EWOULDBLOCK && is_gone(holder)) {
		log_warn("the workers of a run that was killed (pid %d) have "
			 "not ended yet, the disk is slow; waiting for them",
		    (int)holder);
		r = lock_take(path, ORPHANS_WAIT_MS, &crawl->lock_fd, &holder);
	}
	if (r == -EWOULDBLOCK && is_gone(holder))
		return err_set(err, r,
		    "dir: %s is held by workers of a run that was killed "
		    "(pid %d), and they do not end: see what %s is on",
		    dir, (int)holder, dir);
	if (r == -EWOULDBLOCK)
		return err_set(err, r,
		    "dir: %s is in use by another mpcrawl (pid %d); stop it "
		    "with `mpcrawl stop --dir %s`, or take another --dir",
		    dir, (int)holder, dir);
	if (r < 0)
		return err_set(err, r, "dir: cannot lock %s: %s", path,
		    strerror(-r));
	return 0;
}

int
crawl_open(struct crawl *crawl, struct err *err)
{
	const char *dir = crawl->config.dir;
	int r;

	crawl->lock_fd = -1;
	crawl->notice_fd = -1;
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_set(err, -errno, "dir: cannot make %s: %m", dir);
	r = find_dir(crawl, err);
	if (r == 0)
		r = take_lock(crawl, err);
	return r < 0 ? r : identify(crawl, true, err);
}

int
crawl_find(struct crawl *crawl, struct err *err)
{
	char path[PATH_MAX];
	int r;

	crawl->lock_fd = -1;
	crawl->notice_fd = -1;
	r = find_dir(crawl, err);
	if (r == 0)
		r = crawl_path(crawl, "crawl_id", path, err);
	if (r < 0)
		return r;
	/* Before the lock is: a folder that is no crawl stays as it is. */
	if (access(path, F_OK) < 0) {
		r = crawl_path(crawl, "frontier", path, NULL);
		if (r == 0 && access(path, F_OK) == 0)
			return err_set(err, -ENOENT,
			    "%s: its crawl_id is gone; restore it from a copy "
			    "of this folder, or keep out/ and crawl into "
			    "another --dir",
			    crawl->dir);
		return err_set(err, -ENOENT, "no crawl in %s (--dir)",
		    crawl->dir);
	}
	r = take_lock(crawl, err);
	return r < 0 ? r : identify(crawl, false, err);
}

void
crawl_close(struct crawl *crawl)
{
	if (crawl == NULL)
		return;
	conveyor_detach(crawl->cv);
	crawl->cv = NULL;
	if (crawl->notice_fd >= 0)
		close(crawl->notice_fd);
	if (crawl->lock_fd >= 0)
		close(crawl->lock_fd);
	crawl->lock_fd = crawl->notice_fd = -1;
}

static uint64_t
round_up(uint64_t n, uint64_t step)
{
	return (n + step - 1) / step * step;
}

int
crawl_shape(const struct crawl *crawl, struct conveyor_shape *out,
    bool *lowered, struct err *err)
{
	const struct config *c = &crawl->config;
	uint64_t wish = (uint64_t)c->max_inflight + 64u * crawl->parsers +
			PAGES_A_SECOND;
	uint64_t space = segment_space();
	uint64_t body = c->max_body;
	bool sitemaps = c->sitemaps || c->sitemap.n > 0;
	struct conveyor_shape shape;
	uint64_t a_cell, cells;

	if (body < c->robots_max_bytes)
		body = c->robots_max_bytes;
	/* Address space only: what is used of it is shm_budget's. */
	if (sitemaps && body < c->sitemap_max_bytes)
		body = c->sitemap_max_bytes;
	shape = (struct conveyor_shape){
		.queues = QUEUE_ORDERS + c->max_crawlers,
		.bound_slots = c->max_crawlers,
		.order_size = (uint32_t)order_slot_size(c->max_url_length),
		.capture_size = (uint32_t)capture_slot_size(c->max_url_length),
		.inline_size = INLINE_SIZE,
		.body_size = round_up(body, CONVEYOR_STEP),
		.output_size = sitemaps ? OUTPUT_SITEMAP : CRAWL_OUTPUT_PAGE,
		.version = CRAWL_LAYOUT,
	};
	cells = wish < CELLS_USUAL ? CELLS_USUAL : wish;
	if (cells > CELLS_MOST)
		cells = CELLS_MOST;
	/* The fixed parts may have a quarter of what /dev/shm has left; the
	 * pages themselves need the rest. */
	a_cell = shape.order_size + shape.capture_size + shape.inline_size +
		 256 /* word, settle, ring slots */;
	*lowered = false;
	if (space > 0 && cells * a_cell > space / 4) {
		cells = space / 4 / a_cell;
		*lowered = true;
	}
	if (cells < CELLS_LEAST)
		return err_set(err, -ENOSPC,
		    "/dev/shm has %llu KiB free; a crawl needs at least %llu "
		    "KiB there: make it larger (mount -o remount,size=64M "
		    "/dev/shm; docker run --shm-size=64m)",
		    (unsigned long long)space >> 10,
		    (unsigned long long)(CELLS_LEAST * a_cell * 4) >> 10);
	shape.cells = (uint32_t)cells;
	*out = shape;
	return 0;
}

enum {
	CAUSE_IS_ONE = 1 << 24,
	CAUSE_HUNG = 1 << 25
};

uint32_t
crawl_pack_cause(struct crawl_cause cause)
{
	return CAUSE_IS_ONE | (cause.hung ? CAUSE_HUNG : 0) |
	       (uint32_t)cause.role << 16 | (uint32_t)cause.signal << 8 |
	       cause.status;
}

struct crawl_cause
crawl_unpack_cause(uint32_t packed)
{
	return (struct crawl_cause){ .role = packed >> 16 & 0xff,
		.hung = packed & CAUSE_HUNG,
		.signal = (uint8_t)(packed >> 8),
		.status = (uint8_t)packed };
}

void
crawl_describe_cause(uint32_t packed, char out[80])
{
	struct crawl_cause cause = crawl_unpack_cause(packed);
	const char *role = crawl_role_name(cause.role);

	if (packed == 0)
		out[0] = '\0';
	else if (cause.hung)
		snprintf(out, 80, "%s hung and was killed", role);
	else if (cause.signal != 0)
		snprintf(out, 80, "%s died of signal %u (%s)", role,
		    cause.signal, strsignal(cause.signal));
	else
		snprintf(out, 80, "%s ended with status %u", role,
		    cause.status);
}

struct verdict_limits
crawl_verdict_limits(const struct crawl *crawl, struct span url)
{
	const struct config_host *host = config_host(&crawl->config, url);

	/* Without memory it is tried as often as any other. */
	if (host == NULL)
		host = &crawl->config.host;
	return (struct verdict_limits){ .retries = host->retries,
		.max_redirects = crawl->config.max_redirects,
		.refuse_downgrade = crawl->config.downgrade ==
				    CONFIG_DOWNGRADE_REFUSE,
		.max_waits = WAITS_MOST };
}

static const char *const limits[] = { "", "max_pages", "max_time",
	"max_bytes" };

uint64_t
crawl_limit_code(const char *name)
{
	for (uint64_t i = 1; i < ARRAY_LEN(limits); i++) {
		if (strcmp(limits[i], name) == 0)
			return i;
	}
	return 0;
}

const char *
crawl_limit_name(uint64_t code)
{
	return code < ARRAY_LEN(limits) ? limits[code] : "";
}

void
crawl_snapshot(const struct crawl *crawl, struct snapshot *out)
{
	static_assert(SNAPSHOT_WORDS <= CONVEYOR_SNAPSHOT, "room");
	uint64_t words[SNAPSHOT_WORDS] = { 0 };

	if (crawl->cv != NULL)
		conveyor_snapshot(crawl->cv, words, SNAPSHOT_WORDS);
	memcpy(out, words, sizeof(*out));
}

uint64_t
crawl_disk_free(const struct crawl *crawl)
{
	struct statvfs fs;

	if (statvfs(crawl->dir, &fs) < 0)
		return UINT64_MAX; /* cannot be told: do not stand still */
	return (uint64_t)fs.f_bavail * fs.f_frsize;
}

int
crawl_try_disk(const struct crawl *crawl, struct err *err)
{
	static const char block[4096];
	const char *what = "make a file";
	int fd, r = 0;

	fd = open(crawl->dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	/* Not every filesystem has files without a name: then nothing is known
	 * beforehand. */
	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR ||
			  errno == ENOENT || errno == EINVAL))
		return 0;
	if (fd >= 0)
		what = "write";
	if (fd < 0 || write(fd, block, sizeof(block)) < 0 || fdatasync(fd) < 0)
		r = err_set(err,
		    errno == ENOSPC || errno == EDQUOT ? -ENOSPC : -EIO,
		    "%s: cannot %s: %s", crawl->dir, what, strerror(errno));
	if (fd >= 0)
		close(fd);
	return r;
}

uint64_t
crawl_reserve(const struct crawl *crawl)
{
	static const uint64_t least = UINT64_C(2) << 30;
	struct statvfs fs;
	uint64_t share;

	/* With a reserve of 0 too everybody must agree on when to wait: pages
	 * ordered while nothing can be recorded are fetched for nothing. */
	if (crawl->config.disk_reserve != UINT64_MAX)
		return crawl->config.disk_reserve > ROOM_LEAST
			   ? crawl->config.disk_reserve
			   : ROOM_LEAST;
	if (statvfs(crawl->dir, &fs) < 0)
		return least;
	share = (uint64_t)fs.f_blocks * fs.f_frsize / 20;
	return share > least ? share : least;
}
