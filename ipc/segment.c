#include "ipc/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
	/* One call of posix_fallocate() at most this much: it starts again
	 * from nothing after a signal, so a large one could be starved. */
	SEGMENT_BITE = 1 << 20
};

static int
segment_map(struct segment *segment, size_t size, int protection)
{
	void *base = mmap(NULL, size, protection, MAP_SHARED | MAP_NORESERVE,
	    segment->fd, 0);

	if (base == MAP_FAILED)
		return -errno;
	segment->base = base;
	segment->size = size;
	return 0;
}

int
segment_create(const char *name, size_t size, struct segment *out)
{
	struct segment seg = SEGMENT_NONE;
	int r = 0;

	seg.fd = name != NULL ? shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600)
			      : memfd_create("segment", MFD_CLOEXEC);
	if (seg.fd < 0)
		return -errno; /* not ours: another may be using that name */
	/* Whatever the umask says: segment_attach() insists on the mode. */
	if (fchmod(seg.fd, 0600) < 0 || ftruncate(seg.fd, (off_t)size) < 0)
		r = -errno;
	if (r == 0)
		r = segment_map(&seg, size, PROT_READ | PROT_WRITE);
	if (r < 0)
		goto done;
	*out = seg; /* the caller owns it from here on */
	seg = SEGMENT_NONE;
done:
	if (r < 0 && name != NULL)
		shm_unlink(name);
	segment_detach(&seg);
	return r;
}

static int
segment_open(const char *name, int flags, int protection, struct segment *out)
{
	struct segment seg = SEGMENT_NONE;
	struct stat st;
	int r = 0;

	seg.fd = shm_open(name, flags, 0);
	if (seg.fd < 0)
		return -errno;
	if (fstat(seg.fd, &st) < 0)
		r = -errno;
	else if (st.st_uid != geteuid() || (st.st_mode & 077) != 0)
		r = -EACCES;
	else if (st.st_size == 0)
		r = -EBADMSG; /* its creator died before ftruncate() */
	if (r == 0)
		r = segment_map(&seg, (size_t)st.st_size, protection);
	if (r < 0)
		goto done;
	*out = seg;
	seg = SEGMENT_NONE;
done:
	segment_detach(&seg);
	return r;
}

int
segment_attach(const char *name, struct segment *out)
{
	return segment_open(name, O_RDWR, PROT_READ | PROT_WRITE, out);
}

int
segment_watch(const char *name, struct segment *out)
{
	return segment_open(name, O_RDONLY, PROT_READ, out);
}

void
segment_detach(struct segment *segment)
{
	if (segment == NULL)
		return;
	if (segment->base != NULL)
		munmap(segment->base, segment->size);
	if (segment->fd >= 0)
		close(segment->fd);
	*segment = SEGMENT_NONE;
}

int
segment_unlink(const char *name)
{
	return shm_unlink(name) < 0 ? -errno : 0;
}

int
segment_grow(struct segment *segment, size_t at, size_t len)
{
	if (at > segment->size || len > segment->size - at)
		return -EINVAL;
	while (len > 0) {
		size_t bite = len < SEGMENT_BITE ? len : SEGMENT_BITE;
		int r;

		do
			r = posix_fallocate(segment->fd, (off_t)at,
			    (off_t)bite);
		while (r == EINTR);
		if (r != 0)
			return -r;
		at += bite;
		len -= bite;
	}
	return 0;
}

int
segment_punch(struct segment *segment, size_t at, size_t len)
{
	int r;

	if (at > segment->size || len > segment->size - at)
		return -EINVAL;
	if (len == 0)
		return 0;
	do
		r = fallocate(segment->fd,
		    FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)at,
		    (off_t)len);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

uint64_t
segment_space(void)
{
	struct statvfs fs;

	if (statvfs("/dev/shm", &fs) < 0)
		return 0;
	return (uint64_t)fs.f_bavail * fs.f_frsize;
}
