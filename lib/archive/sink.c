#include "lib/archive/sink.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Half of what a position can say: room for the append that goes past it. */
#define SEGMENT_BYTES (UINT64_C(1) << 39)

struct sink {
	int dirfd;
	int fd;           /* the last segment, or -1: none was made yet */
	uint32_t segment; /* its number, from 1; 0: none */
	uint64_t at;      /* its length: all that was appended */
	uint64_t rotate;
	bool bytes_dirty;  /* the segment has what no sync has covered */
	bool folder_dirty; /* the folder has a change that no fsync covered */
	bool broken;       /* what is on disk is not known any more */
	char dir[];        /* for messages */
};

void
sink_name(uint32_t segment, char name[SINK_NAME])
{
	snprintf(name, SINK_NAME, "pages-%06u.jsonl", segment);
}

uint32_t
sink_number(const char *name)
{
	struct span digits = span_from(name);
	char again[SINK_NAME];
	uint32_t number = 0;

	if (!span_starts(digits, SPAN("pages-")))
		return 0;
	digits = span_from_at(digits, 6);
	for (size_t i = 0; i < digits.len; i++) {
		unsigned digit = (unsigned)(uint8_t)digits.ptr[i] - '0';

		if (digit > 9)
			break;
		number = number * 10 + digit;
	}
	if (number == 0 || number > SINK_SEGMENT_MAX)
		return 0;
	/* One number, one name: "pages-0000001.jsonl" is somebody else's, and
	 * so is one so long that its number came round. */
	sink_name(number, again);
	return strcmp(again, name) == 0 ? number : 0;
}

/* The callers know three kinds of trouble; the sentence knows them all. */
static int
sink_fail(const char *dir, const char *name, const char *what, int number,
    struct err *err)
{
	int r = -EIO;

	if (number == ENOSPC || number == EDQUOT)
		r = -ENOSPC;
	else if (number == ENOMEM)
		r = -ENOMEM;
	return err_set(err, r, "%s/%s: cannot %s: %s", dir, name, what,
	    strerror(number));
}

/* --- opening ------------------------------------------------------------- */

/*
 * Made when it is missing and nothing is expected in it.  A folder is durable
 * when the one that it is in is: synced at each open, for whoever made it may
 * have been killed before it could.
 */
static int
folder_open(const char *dir, bool expected, struct sink *sink, struct err *err)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
	int parent, r = 0;

	sink->dirfd = open(dir, flags);
	if (sink->dirfd < 0 && errno != ENOENT)
		return sink_fail(dir, "", "open the folder", errno, err);
	if (sink->dirfd < 0 && expected)
		return err_set(err, -ENODATA,
		    "%s: the folder is gone, with records that were written",
		    dir);
	if (sink->dirfd < 0 &&
	    (mkdir(dir, 0755) < 0 || (sink->dirfd = open(dir, flags)) < 0))
		return sink_fail(dir, "", "make the folder", errno, err);
	parent = openat(sink->dirfd, "..", flags);
	if (parent < 0 || fsync(parent) < 0)
		r = sink_fail(dir, "..", "sync the folder", errno, err);
	if (parent >= 0)
		close(parent);
	return r;
}

/*
 * Open the segment of the cut, change nothing: it must have every byte that
 * was vouched for.  One of which none was may be missing.
 */
static int
segment_open(struct sink *sink, uint64_t end, struct err *err)
{
	char name[SINK_NAME];
	struct stat st;

	sink_name(SINK_SEGMENT(end), name);
	sink->fd = openat(sink->dirfd, name,
	    O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (sink->fd < 0 && errno == ENOENT) {
		if (SINK_BYTE(end) == 0)
			return 0;
		return err_set(err, -ENODATA,
		    "%s/%s: missing, and %llu bytes of it are known to have "
		    "been written",
		    sink->dir, name, (unsigned long long)SINK_BYTE(end));
	}
	if (sink->fd < 0 && errno == ELOOP)
		return err_set(err, -EIO,
		    "%s/%s: a symbolic link is in the place of an output file; "
		    "move it away",
		    sink->dir, name);
	if (sink->fd < 0 || fstat(sink->fd, &st) < 0)
		return sink_fail(sink->dir, name, "open", errno, err);
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EIO, "%s/%s: not a regular file",
		    sink->dir, name);
	if ((uint64_t)st.st_size < SINK_BYTE(end))
		return err_set(err, -ENODATA,
		    "%s/%s: %lld bytes long, and %llu are known to have been "
		    "written",
		    sink->dir, name, (long long)st.st_size,
		    (unsigned long long)SINK_BYTE(end));
	return 0;
}

/* What to do with each segment behind the cut. */
typedef int segment_visit(struct sink *sink, const char *name, struct err *err);

static int
refuse_irregular(struct sink *sink, const char *name, struct err *err)
{
	struct stat st;

	if (fstatat(sink->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return sink_fail(sink->dir, name, "look at", errno, err);
	if (S_ISREG(st.st_mode))
		return 0;
	return err_set(err, -EIO,
	    "%s/%s: in the place of an output file, and is none; move it away",
	    sink->dir, name);
}

static int
remove_segment(struct sink *sink, const char *name, struct err *err)
{
	if (unlinkat(sink->dirfd, name, 0) < 0)
		return sink_fail(sink->dir, name, "remove", errno, err);
	sink->folder_dirty = true;
	return 0;
}

static int
visit_later(struct sink *sink, uint32_t last, segment_visit *visit,
    struct err *err)
{
	/* A descriptor of its own: closedir() takes it along. */
	int fd = openat(sink->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	int r = 0;

	if (folder == NULL) {
		r = sink_fail(sink->dir, "", "list the folder", errno, err);
		if (fd >= 0)
			close(fd);
		return r;
	}
	while (r == 0) {
		struct dirent *entry;

		errno = 0;
		entry = readdir(folder);
		if (entry == NULL) {
			if (errno != 0)
				r = sink_fail(sink->dir, "", "list the folder",
				    errno, err);
			break;
		}
		if (sink_number(entry->d_name) > last)
			r = visit(sink, entry->d_name, err);
	}
	closedir(folder);
	return r;
}

static int
sink_cut(struct sink *sink, uint64_t end, struct err *err)
{
	char name[SINK_NAME];
	struct stat st;

	if (end == 0)
		return 0; /* the first append makes the first segment */
	sink_name(SINK_SEGMENT(end), name);
	if (sink->fd < 0) {
		sink->fd = openat(sink->dirfd, name,
		    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		sink->folder_dirty = true;
	}
	if (sink->fd < 0 || fstat(sink->fd, &st) < 0)
		return sink_fail(sink->dir, name, "open", errno, err);
	if ((uint64_t)st.st_size > SINK_BYTE(end)) {
		if (ftruncate(sink->fd, (off_t)SINK_BYTE(end)) < 0)
			return sink_fail(sink->dir, name, "cut", errno, err);
		sink->bytes_dirty = true;
	}
	sink->segment = SINK_SEGMENT(end);
	sink->at = SINK_BYTE(end);
	return 0;
}

int
sink_open(const char *dir, uint64_t end, uint64_t rotate_bytes,
    struct sink **out, struct err *err)
{
	uint32_t last = SINK_SEGMENT(end);
	struct sink *sink;
	int r;

	if (last == 0 && end != 0)
		return err_set(err, -ENODATA,
		    "%s: no output file can have the position %llu", dir,
		    (unsigned long long)end);
	sink = calloc(1, sizeof(*sink) + strlen(dir) + 1);
	if (sink == NULL)
		return err_set(err, -ENOMEM, "%s: out of memory", dir);
	sink->dirfd = -1;
	sink->fd = -1;
	sink->rotate = rotate_bytes;
	if (rotate_bytes == 0 || rotate_bytes > SEGMENT_BYTES)
		sink->rotate = SEGMENT_BYTES;
	memcpy(sink->dir, dir, strlen(dir));

	/* All that can be refused comes before the first change. */
	r = folder_open(dir, SINK_BYTE(end) > 0, sink, err);
	if (r == 0 && last > 0)
		r = segment_open(sink, end, err);
	if (r == 0)
		r = visit_later(sink, last, refuse_irregular, err);
	/* A cut that was itself cut short is done again by the next start:
	 * whoever vouched for `end` has not changed its mind. */
	if (r == 0)
		r = visit_later(sink, last, remove_segment, err);
	if (r == 0)
		r = sink_cut(sink, end, err);
	if (r == 0) {
		*out = sink;
		sink = NULL;
	}
	sink_close(sink);
	return r;
}

void
sink_close(struct sink *sink)
{
	if (sink == NULL)
		return;
	if (sink->fd >= 0)
		close(sink->fd);
	if (sink->dirfd >= 0)
		close(sink->dirfd);
	free(sink);
}

/* --- appending ----------------------------------------------------------- */

/* All of `bytes` at `at`.  0 or a positive errno. */
static int
write_all(int fd, struct span bytes, uint64_t at)
{
	while (bytes.len > 0) {
		ssize_t n = pwrite(fd, bytes.ptr, bytes.len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? errno : EIO;
		bytes = span_from_at(bytes, (size_t)n);
		at += (size_t)n;
	}
	return 0;
}

static int
sync_bytes(struct sink *sink, struct err *err)
{
	char name[SINK_NAME];

	if (!sink->bytes_dirty)
		return 0;
	if (fdatasync(sink->fd) < 0) {
		int number = errno;

		sink->broken = true;
		sink_name(sink->segment, name);
		return sink_fail(sink->dir, name, "sync", number, err);
	}
	sink->bytes_dirty = false;
	return 0;
}

/*
 * Go on in a new segment that begins with `lines`.  The old one stays the
 * current one until they are in: after an error nothing has happened.
 */
static int
append_new(struct sink *sink, struct span lines, struct err *err)
{
	uint32_t segment = sink->segment + 1;
	char name[SINK_NAME];
	int fd, number, r;

	if (segment > SINK_SEGMENT_MAX)
		return err_set(err, -EIO, "%s: no more output file numbers",
		    sink->dir);
	/* Nobody will sync the old one again. */
	r = sync_bytes(sink, err);
	if (r < 0)
		return r;
	sink_name(segment, name);
	/* O_EXCL: what came to lie there since the start is not ours. */
	fd = openat(sink->dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
	    0644);
	if (fd < 0)
		return sink_fail(sink->dir, name, "make", errno, err);
	number = write_all(fd, lines, 0);
	if (number != 0) {
		close(fd);
		if (unlinkat(sink->dirfd, name, 0) < 0)
			sink->broken = true;
		return sink_fail(sink->dir, name, "write", number, err);
	}
	if (sink->fd >= 0)
		close(sink->fd);
	sink->fd = fd;
	sink->segment = segment;
	sink->at = lines.len;
	sink->bytes_dirty = true;
	sink->folder_dirty = true;
	return 0;
}

static int
append_here(struct sink *sink, struct span lines, struct err *err)
{
	int number = write_all(sink->fd, lines, sink->at);
	char name[SINK_NAME];

	sink->bytes_dirty = true;
	if (number != 0) {
		/* Readers that follow the file shall not meet half a line. */
		if (ftruncate(sink->fd, (off_t)sink->at) < 0)
			sink->broken = true;
		sink_name(sink->segment, name);
		return sink_fail(sink->dir, name, "write", number, err);
	}
	sink->at += lines.len;
	return 0;
}

static int
refuse_broken(const struct sink *sink, struct err *err)
{
	return err_set(err, -EIO,
	    "%s: an earlier error left the outputs in doubt: cut them anew",
	    sink->dir);
}

int
sink_append(struct sink *sink, struct span lines, uint64_t *end,
    struct err *err)
{
	int r = 0;

	if (sink->broken)
		return refuse_broken(sink, err);
	if (lines.len > SEGMENT_BYTES)
		return err_set(err, -EIO, "%s: %zu bytes in one piece",
		    sink->dir, lines.len);
	if (lines.len > 0 && (sink->fd < 0 || sink->at >= sink->rotate))
		r = append_new(sink, lines, err);
	else if (lines.len > 0)
		r = append_here(sink, lines, err);
	if (r == 0)
		*end = sink_end(sink);
	return r;
}

int
sink_sync(struct sink *sink, struct err *err)
{
	int r;

	if (sink->broken)
		return refuse_broken(sink, err);
	r = sync_bytes(sink, err);
	if (r < 0)
		return r;
	if (sink->folder_dirty && fsync(sink->dirfd) < 0) {
		int number = errno;

		sink->broken = true;
		return sink_fail(sink->dir, "", "sync the folder", number, err);
	}
	sink->folder_dirty = false;
	return 0;
}

uint64_t
sink_end(const struct sink *sink)
{
	return SINK_END(sink->segment, sink->at);
}
