#include "lib/archive/tape.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/archive/sink.h"

enum {
	CHUNK = 1 << 20
};

struct tape_file {
	uint32_t segment;
	uint64_t size;
};

struct tape {
	int dirfd; /* -1: there is no folder */
	uint64_t end;
	struct tape_file *files; /* by segment */
	size_t n;
	char stranger[SINK_NAME];

	size_t file;     /* being read */
	int fd;          /* -1: not open */
	uint64_t at;     /* of the next line */
	struct buf text; /* bytes of this file; those from .head on are next */
	size_t head;
	char dir[];
};

static int
tape_fail(const struct tape *tape, const char *name, int number,
    struct err *err)
{
	return err_set(err, number == ENOMEM ? -ENOMEM : -EIO,
	    "%s/%s: cannot be read: %s", tape->dir, name, strerror(number));
}

static int
add_file(struct tape *tape, uint32_t segment, uint64_t size)
{
	struct tape_file *more;

	/* Room is doubled whenever the number is a power of two. */
	if ((tape->n & (tape->n - 1)) == 0) {
		more = realloc(tape->files,
		    (tape->n > 0 ? tape->n * 2 : 1) * sizeof(*more));
		if (more == NULL)
			return -ENOMEM;
		tape->files = more;
	}
	tape->files[tape->n++] = (struct tape_file){ segment, size };
	return 0;
}

static int
by_segment(const void *a, const void *b)
{
	const struct tape_file *x = a, *y = b;

	return (x->segment > y->segment) - (x->segment < y->segment);
}

static int
list_files(struct tape *tape, struct err *err)
{
	int fd = openat(tape->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	int r = 0;

	if (folder == NULL) {
		r = tape_fail(tape, "", errno, err);
		if (fd >= 0)
			close(fd);
		return r;
	}
	while (r == 0 && (errno = 0, entry = readdir(folder)) != NULL) {
		uint32_t segment = sink_number(entry->d_name);
		struct stat st;

		if (segment == 0)
			continue;
		if (fstatat(tape->dirfd, entry->d_name, &st,
			AT_SYMLINK_NOFOLLOW) < 0)
			r = tape_fail(tape, entry->d_name, errno, err);
		else if (!S_ISREG(st.st_mode))
			sink_name(segment, tape->stranger);
		else
			r = add_file(tape, segment, (uint64_t)st.st_size);
		if (r == -ENOMEM)
			r = tape_fail(tape, entry->d_name, ENOMEM, err);
	}
	if (r == 0 && errno != 0)
		r = tape_fail(tape, "", errno, err);
	closedir(folder);
	if (tape->n > 0)
		qsort(tape->files, tape->n, sizeof(*tape->files), by_segment);
	return r;
}

int
tape_open(const char *dir, uint64_t end, struct tape **out, struct err *err)
{
	struct tape *tape = calloc(1, sizeof(*tape) + strlen(dir) + 1);
	int r = 0;

	if (tape == NULL)
		return err_set(err, -ENOMEM, "%s: out of memory", dir);
	memcpy(tape->dir, dir, strlen(dir));
	tape->end = end;
	tape->fd = -1;
	buf_init(&tape->text, TAPE_LINE_MAX + 2 * CHUNK);
	tape->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (tape->dirfd >= 0)
		r = list_files(tape, err);
	else if (errno != ENOENT)
		r = tape_fail(tape, "", errno, err);
	if (r == 0) {
		*out = tape;
		tape = NULL;
	}
	tape_close(tape);
	return r;
}

void
tape_close(struct tape *tape)
{
	if (tape == NULL)
		return;
	if (tape->fd >= 0)
		close(tape->fd);
	if (tape->dirfd >= 0)
		close(tape->dirfd);
	buf_fini(&tape->text);
	free(tape->files);
	free(tape);
}

/* --- reading ------------------------------------------------------------- */

static int
open_segment(const struct tape *tape, uint32_t segment, int *fd,
    struct err *err)
{
	char name[SINK_NAME];

	sink_name(segment, name);
	*fd = openat(tape->dirfd, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return *fd < 0 ? tape_fail(tape, name, errno, err) : 0;
}

/* At most `len` bytes from `at`, appended.  How many, or -EIO, -ENOMEM. */
static ssize_t
read_at(const struct tape *tape, int fd, uint32_t segment, uint64_t at,
    size_t len, struct buf *out, struct err *err)
{
	char *room = buf_room(out, len), name[SINK_NAME];
	ssize_t n;

	sink_name(segment, name);
	if (room == NULL)
		return tape_fail(tape, name, ENOMEM, err);
	do
		n = pread(fd, room, len, (off_t)at);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return tape_fail(tape, name, errno, err);
	out->len += (size_t)n;
	return n;
}

/* How far this file is to be read. */
static uint64_t
file_end(const struct tape *tape, const struct tape_file *file)
{
	if (file->segment > SINK_SEGMENT(tape->end))
		return 0;
	if (file->segment < SINK_SEGMENT(tape->end) ||
	    file->size < SINK_BYTE(tape->end))
		return file->size;
	return SINK_BYTE(tape->end);
}

/* What was read and not given out. */
static struct span
unread(const struct tape *tape)
{
	return span_from_at(buf_span(&tape->text), tape->head);
}

/* More of the file behind what is unread.  1, 0 there is no more. */
static int
fill(struct tape *tape, struct err *err)
{
	const struct tape_file *file = &tape->files[tape->file];
	struct span rest = unread(tape);
	uint64_t from = tape->at + rest.len;
	uint64_t left = file_end(tape, file);
	ssize_t n;

	left = left > from ? left - from : 0;
	if (left == 0)
		return 0;
	if (tape->head > 0 && rest.len > 0)
		memmove(tape->text.ptr, rest.ptr, rest.len);
	tape->text.len = rest.len;
	tape->head = 0;
	n = read_at(tape, tape->fd, file->segment, from,
	    left < CHUNK ? (size_t)left : CHUNK, &tape->text, err);
	/* Shorter than it was: what is gone is gone. */
	return n <= 0 ? (int)n : 1;
}

static void
take(struct tape *tape, size_t len)
{
	tape->head += len;
	tape->at += len;
}

/* A line that no buffer holds: only its length is told. */
static int
skip_long(struct tape *tape, struct tape_line *line, struct err *err)
{
	const char *newline;
	int r = 1;

	line->too_long = true;
	line->torn = true;
	do {
		struct span rest = unread(tape);
		size_t len = rest.len;

		newline = len > 0 ? memchr(rest.ptr, '\n', len) : NULL;
		if (newline != NULL) {
			len = (size_t)(newline - rest.ptr) + 1;
			line->torn = false;
		}
		line->len += len;
		take(tape, len);
		if (line->torn)
			r = fill(tape, err);
	} while (line->torn && r == 1);
	return r < 0 ? r : 1;
}

/* The next line of the file that is open.  1, 0 its end. */
static int
next_here(struct tape *tape, struct tape_line *line, struct err *err)
{
	const char *newline = NULL;
	size_t looked = 0;
	struct span rest;
	int r = 1;

	*line = (struct tape_line){
		.segment = tape->files[tape->file].segment,
		.at = tape->at,
	};
	for (;;) {
		rest = unread(tape);
		if (rest.len > looked)
			newline = memchr(rest.ptr + looked, '\n',
			    rest.len - looked);
		looked = rest.len;
		if (newline != NULL)
			break;
		if (looked > TAPE_LINE_MAX)
			return skip_long(tape, line, err);
		r = fill(tape, err);
		if (r < 0)
			return r;
		if (r == 0)
			break;
	}
	if (rest.len == 0)
		return 0;
	line->torn = newline == NULL;
	line->text = line->torn
			 ? rest
			 : span_of(rest.ptr, (size_t)(newline - rest.ptr));
	line->len = line->text.len + !line->torn;
	take(tape, (size_t)line->len);
	return 1;
}

int
tape_next(struct tape *tape, struct tape_line *line, struct err *err)
{
	int r;

	while (tape->file < tape->n) {
		const struct tape_file *file = &tape->files[tape->file];

		if (tape->fd < 0 && file_end(tape, file) > 0) {
			r = open_segment(tape, file->segment, &tape->fd, err);
			if (r < 0)
				return r;
		}
		r = tape->fd < 0 ? 0 : next_here(tape, line, err);
		if (r != 0)
			return r;
		if (tape->fd >= 0)
			close(tape->fd);
		tape->fd = -1;
		tape->at = 0;
		tape->head = 0;
		buf_clear(&tape->text);
		tape->file++;
	}
	return 0;
}

int
tape_read(struct tape *tape, uint32_t segment, uint64_t at, struct buf *out,
    struct err *err)
{
	const char *newline = NULL;
	size_t looked = 0;
	ssize_t n = 1;
	int fd, r;

	r = open_segment(tape, segment, &fd, err);
	if (r < 0)
		return r;
	buf_clear(out);
	/* Small steps first: most lines are. */
	while (newline == NULL && n > 0 && out->len <= TAPE_LINE_MAX) {
		n = read_at(tape, fd, segment, at + out->len,
		    out->len > 0 ? out->len : 4096, out, err);
		if (n > 0)
			newline = memchr(out->ptr + looked, '\n', (size_t)n);
		looked = out->len;
	}
	close(fd);
	if (n < 0 || newline == NULL)
		return n < 0 ? (int)n : 0;
	out->len = (size_t)(newline - out->ptr);
	return 1;
}

/* --- the files ----------------------------------------------------------- */

uint32_t
tape_segment(const struct tape *tape, size_t i)
{
	return i < tape->n ? tape->files[i].segment : 0;
}

uint64_t
tape_size(const struct tape *tape, uint32_t segment)
{
	for (size_t i = 0; i < tape->n; i++) {
		if (tape->files[i].segment == segment)
			return tape->files[i].size;
	}
	return 0;
}

const char *
tape_stranger(const struct tape *tape)
{
	return tape->stranger[0] != '\0' ? tape->stranger : NULL;
}

/* Newlines of one file from `at` on. */
static int
count_lines(struct tape *tape, uint32_t segment, uint64_t at, uint64_t *lines,
    struct err *err)
{
	struct buf chunk;
	ssize_t n = 1;
	int fd, r;

	r = open_segment(tape, segment, &fd, err);
	if (r < 0)
		return r;
	buf_init(&chunk, CHUNK);
	while (n > 0) {
		buf_clear(&chunk);
		n = read_at(tape, fd, segment, at, CHUNK, &chunk, err);
		for (ssize_t i = 0; i < n; i++)
			*lines += chunk.ptr[i] == '\n';
		at += n > 0 ? (uint64_t)n : 0;
	}
	buf_fini(&chunk);
	close(fd);
	return n < 0 ? (int)n : 0;
}

int
tape_tail(struct tape *tape, struct tape_tail *out, struct err *err)
{
	struct tape_tail tail = { .bytes = 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < tape->n; i++) {
		const struct tape_file *file = &tape->files[i];
		uint64_t from = file_end(tape, file);

		/* An empty file behind the cut is one, too. */
		if (file->size <= from &&
		    file->segment <= SINK_SEGMENT(tape->end))
			continue;
		tail.files++;
		tail.bytes += file->size - from;
		r = count_lines(tape, file->segment, from, &tail.lines, err);
	}
	if (r == 0)
		*out = tail;
	return r;
}
