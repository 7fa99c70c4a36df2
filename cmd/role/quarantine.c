#include "cmd/role/quarantine.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
write_file(const char *dir, const char *name, struct span bytes)
{
	char path[PATH_MAX];
	int fd, r = 0;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	while (r == 0 && bytes.len > 0) {
		ssize_t n = write(fd, bytes.ptr, bytes.len);

		if (n < 0)
			r = -errno;
		else
			bytes = span_from_at(bytes, (size_t)n);
	}
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	close(fd);
	return r;
}

static int
about(struct buf *text, const struct order *order,
    const struct capture *capture)
{
	return buf_printf(text,
	    "url: %.*s\nstatus: %u\ncontent-type: %.*s\n"
	    "content-encoding: %.*s\nbody: %llu bytes as received, in `body`\n"
	    "again: mpcrawl start --dir /tmp/again --max-depth 0 '%.*s'\n"
	    "\n%.*s",
	    SPAN_ARG(order->url), capture->status,
	    SPAN_ARG(capture->content_type),
	    SPAN_ARG(capture->content_encoding),
	    (unsigned long long)capture->body_len, SPAN_ARG(order->url),
	    SPAN_ARG(capture->headers));
}

int
quarantine_write(struct worker *worker, uint32_t cell,
    const struct order *order, const struct capture *capture)
{
	struct span body = span_of(conveyor_body(worker->cv, cell),
	    (size_t)capture->body_len);
	char parent[PATH_MAX], temp[PATH_MAX], path[PATH_MAX], name[64];
	struct buf text;
	int r;

	if (capture->body_len > conveyor_body_room(worker->cv, cell))
		return -EBADMSG;
	snprintf(name, sizeof(name), "quarantine/%016llx-%016llx",
	    (unsigned long long)order->site64,
	    (unsigned long long)order->url64);
	r = crawl_path(worker->crawl, "quarantine", parent, NULL);
	if (r == 0)
		r = crawl_path(worker->crawl, "quarantine/.new", temp, NULL);
	if (r == 0)
		r = crawl_path(worker->crawl, name, path, NULL);
	if (r < 0)
		return r;
	if ((mkdir(parent, 0700) < 0 && errno != EEXIST) ||
	    (mkdir(temp, 0700) < 0 && errno != EEXIST))
		return -errno;
	buf_init(&text, 64 << 10);
	r = about(&text, order, capture);
	if (r == 0)
		r = write_file(temp, "about.txt", buf_span(&text));
	if (r == 0)
		r = write_file(temp, "body", body);
	buf_fini(&text);
	if (r < 0)
		return r;
	if (rename(temp, path) < 0 && errno != EEXIST && errno != ENOTEMPTY)
		return -errno;
	return 0;
}
