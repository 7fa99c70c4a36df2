/*
 * streamer - `-o -`: lines of the outputs to standard output, each after its
 * cell was committed.
 *
 * A process of its own because a write to a pipe may block for as long as its
 * reader likes: that holds this process, and nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/log.h"
#include "cmd/now.h"
#include "cmd/role/role.h"
#include "lib/archive/sink.h"

enum {
	STREAMER_CHUNK = 64 << 10,
	STREAMER_NAP_MS = 50,
};

struct streamer {
	struct worker *worker;
	struct conveyor *cv;
	uint64_t at;    /* SINK_END of what has been written out */
	uint64_t lines; /* of the whole lines of it: the roster's counter */
	int fd;         /* of the segment of `at`; -1 */
};

static int
write_out(struct span bytes)
{
	while (bytes.len > 0) {
		ssize_t n = write(STDOUT_FILENO, bytes.ptr, bytes.len);

		if (n < 0 && errno == EINTR)
			continue; /* a stop waits for the line's end */
		if (n < 0)
			return -errno;
		bytes = span_from_at(bytes, (size_t)n);
	}
	return 0;
}

/* A line ends here.  The position lives in the roster line, where a successor
 * finds it: one that began in the middle of a line would tear it in two. */
static void
whole_to(struct streamer *s, uint64_t at)
{
	roster_count(s->cv, COUNTER_STREAMED, at - s->lines);
	s->lines = at;
}

static void
move_to(struct streamer *s, uint64_t at)
{
	s->at = at;
	whole_to(s, at);
}

static int
next_segment(struct streamer *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	move_to(s, SINK_END(SINK_SEGMENT(s->at) + 1, 0));
	return 1;
}

static int
open_segment(struct streamer *s)
{
	char name[64], path[PATH_MAX];
	int r;

	snprintf(name, sizeof(name), "out/pages-%06u.jsonl",
	    SINK_SEGMENT(s->at));
	r = crawl_path(s->worker->crawl, name, path, NULL);
	if (r < 0)
		return r;
	s->fd = open(path, O_RDONLY | O_CLOEXEC);
	return s->fd < 0 ? -errno : 0;
}

/* Copy some of what is committed up to `end`.  1: there is more; 0: caught
 * up. */
static int
copy_some(struct streamer *s, uint64_t end)
{
	static char chunk[STREAMER_CHUNK];
	uint64_t want = sizeof(chunk);
	const char *line_end;
	ssize_t n;
	int r;

	if (s->at >= end)
		return 0;
	if (SINK_SEGMENT(s->at) == 0)
		return next_segment(s); /* positions start at segment 1 */
	if (s->fd < 0) {
		r = open_segment(s);
		if (r < 0)
			return r;
	}
	if (SINK_SEGMENT(s->at) == SINK_SEGMENT(end) &&
	    SINK_BYTE(end) - SINK_BYTE(s->at) < want)
		want = SINK_BYTE(end) - SINK_BYTE(s->at);
	n = pread(s->fd, chunk, want, (off_t)SINK_BYTE(s->at));
	if (n < 0)
		return -errno;
	if (n == 0) /* an earlier segment that is complete */
		return SINK_SEGMENT(s->at) < SINK_SEGMENT(end) ? next_segment(s)
							       : -EIO;
	r = write_out(span_of(chunk, (size_t)n));
	if (r < 0)
		return r;
	line_end = memrchr(chunk, '\n', (size_t)n);
	if (line_end != NULL)
		whole_to(s, s->at + (uint64_t)(line_end + 1 - chunk));
	s->at += (uint64_t)n;
	return 1;
}

int
streamer_main(struct worker *worker)
{
	struct streamer s = { .worker = worker, .cv = worker->cv, .fd = -1 };
	struct timespec nap = { 0, STREAMER_NAP_MS * 1000000L };
	uint64_t seq, end;
	int r;

	s.lines = roster_counter(s.cv, conveyor_me(s.cv), COUNTER_STREAMED);
	s.at = s.lines;
	if (s.at == 0)
		move_to(&s, worker->crawl->seeded->end);
	else if (write(STDOUT_FILENO, "\n", 1) < 0)
		return WORKER_DONE; /* a line may have been torn: end it */
	for (;;) {
		bool stopping = role_stopping();

		roster_beat(s.cv, now_mono_ms());
		r = 0;
		if (conveyor_read_out(s.cv, &seq, &end))
			r = copy_some(&s, end);
		if (r < 0 || (r == 0 && stopping))
			break;
		if (r == 0)
			nanosleep(&nap, NULL);
	}
	if (s.fd >= 0)
		close(s.fd);
	if (r == -EPIPE) {
		log_info("nobody reads standard output any more; the records "
			 "are in %s/out",
		    worker->crawl->dir);
		return WORKER_DONE;
	}
	return r < 0 ? role_failed(r, "standard output") : WORKER_DONE;
}
