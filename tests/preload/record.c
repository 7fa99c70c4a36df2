/*
 * record - what a process does to the files of a folder, in order, as a log
 * from which tests/disaster/disk.py makes what a power cut would have left.
 *
 *   MPCRAWL_RECORD      the log; it is appended to
 *   MPCRAWL_RECORD_DIR  the folder: absolute, without links, and there
 *
 * Each change is made and logged under one lock, so the log's order is the
 * order in which it happened, whichever process did it.  The lock is
 * fcntl's: the kernel takes it from a dead process, and a test that holds it
 * while it kills, kills between two changes, never between one and its line.
 * Syncs run outside of it: a line says where the log ended when the sync
 * began, for that is what it covers.
 *
 * What cannot be logged (a shared writable mapping, a stream) ends the
 * process: better no test than one that judges half of what happened.
 */
#include <pthread.h>
#include <sys/mman.h>

#include "tests/preload/layer.h"

/* One line of the log: this, then two names and the bytes. */
struct entry {
	char kind[8]; /* "write", "rename", …: disk.py */
	char who[16];
	uint64_t ino;  /* of the file or the new folder */
	uint64_t a, b; /* offset, size, the log's end at the start of a sync */
	uint32_t pid;
	uint16_t names[2]; /* lengths */
	uint64_t data;     /* length */
};

static int log_fd = -1;
static pthread_mutex_t threads = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void
setup(void)
{
	const char *log = getenv("MPCRAWL_RECORD");

	if (log == NULL)
		return;
	log_fd = (int)syscall(SYS_openat, AT_FDCWD, log,
	    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log_fd < 0)
		abort();
	layer_setup(getenv("MPCRAWL_RECORD_DIR"));
}

static void
refuse(const char *what, const char *path)
{
	dprintf(STDERR_FILENO, "record: %s of %s cannot be recorded\n", what,
	    path);
	abort();
}

/* --- the log ------------------------------------------------------------- */

static void
lock(short type)
{
	struct flock all = { .l_type = type, .l_whence = SEEK_SET };
	long r;

	if (type == F_WRLCK)
		pthread_mutex_lock(&threads);
	do
		r = syscall(SYS_fcntl, log_fd, F_SETLKW, &all);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		abort();
	if (type == F_UNLCK)
		pthread_mutex_unlock(&threads);
}

static uint64_t
log_end(void)
{
	struct stat st;

	if (fstat(log_fd, &st) < 0)
		abort();
	return (uint64_t)st.st_size;
}

static void
append(const char *kind, struct entry e, const char *name, const char *name2,
    const void *data)
{
	struct iovec parts[] = {
		{ &e, sizeof(e) },
		{ (void *)name, name ? strlen(name) : 0 },
		{ (void *)name2, name2 ? strlen(name2) : 0 },
		{ (void *)data, e.data },
	};
	size_t whole = 0;

	memcpy(e.kind, kind, strnlen(kind, sizeof(e.kind)));
	memcpy(e.who, layer.who, sizeof(e.who));
	e.pid = (uint32_t)getpid();
	e.names[0] = (uint16_t)parts[1].iov_len;
	e.names[1] = (uint16_t)parts[2].iov_len;
	for (int i = 0; i < 4; i++)
		whole += parts[i].iov_len;
	if (syscall(SYS_writev, log_fd, parts, 4) != (long)whole)
		abort();
}

/* --- files --------------------------------------------------------------- */

static int
open_at(int at, const char *path, int flags, mode_t mode)
{
	char whole[PATH_MAX];
	const char *name = NULL;
	struct stat before, after;
	bool existed;
	int fd, saved;

	if (flags & (O_CREAT | O_TRUNC | __O_TMPFILE))
		name = layer_at(at, path, whole);
	if (name == NULL)
		return (int)syscall(SYS_openat, at, path, flags, mode);
	lock(F_WRLCK);
	existed = !(flags & __O_TMPFILE) && stat(whole, &before) == 0;
	fd = (int)syscall(SYS_openat, at, path, flags, mode);
	saved = errno;
	if (fd >= 0 && fstat(fd, &after) == 0 && S_ISREG(after.st_mode)) {
		struct entry e = { .ino = after.st_ino };

		if (!existed)
			append("create", e, flags & __O_TMPFILE ? "" : name,
			    NULL, NULL);
		else if ((flags & O_TRUNC) && before.st_size > 0)
			append("trunc", e, NULL, NULL, NULL);
	}
	lock(F_UNLCK);
	errno = saved;
	return fd;
}

TAKEN int
open(const char *path, int flags, ...)
{
	return open_at(AT_FDCWD, path, flags, LAYER_MODE(flags));
}

TAKEN int
open64(const char *path, int flags, ...)
{
	return open_at(AT_FDCWD, path, flags, LAYER_MODE(flags));
}

TAKEN int
openat(int at, const char *path, int flags, ...)
{
	return open_at(at, path, flags, LAYER_MODE(flags));
}

TAKEN int
openat64(int at, const char *path, int flags, ...)
{
	return open_at(at, path, flags, LAYER_MODE(flags));
}

TAKEN int
creat(const char *path, mode_t mode)
{
	return open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

TAKEN FILE *
fopen(const char *path, const char *mode)
{
	bool writes = strpbrk(mode, "wa+") != NULL;
	int flags = writes ? O_RDWR | O_CREAT | O_CLOEXEC : O_RDONLY;
	char whole[PATH_MAX];
	int fd;

	if (writes && layer_at(AT_FDCWD, path, whole) != NULL)
		refuse("a stream", path);
	if (strchr(mode, 'w') != NULL)
		flags |= O_TRUNC;
	if (strchr(mode, 'a') != NULL)
		flags |= O_APPEND;
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0666);
	return fd < 0 ? NULL : fdopen(fd, mode);
}

/* One write, and what of it was taken: at `offset`, or where the file
 * stands. */
static ssize_t
write_file(int fd, const struct iovec *parts, int count, off_t offset,
    bool at_offset)
{
	struct entry e = { .ino = 0 };
	ssize_t n;
	ino_t ino;
	int saved;

	if (log_fd < 0 || !layer_file(fd, &ino)) {
		if (at_offset)
			return syscall(SYS_pwritev, fd, parts, count, offset,
			    0);
		n = syscall(SYS_writev, fd, parts, count);
		saved = errno;
		/* What was said to the world is a promise. */
		if (n > 0 && fd == STDOUT_FILENO && count == 1 &&
		    strcmp(layer.who, "streamer") == 0) {
			e.data = (uint64_t)n;
			lock(F_WRLCK);
			append("told", e, NULL, NULL, parts[0].iov_base);
			lock(F_UNLCK);
		}
		errno = saved;
		return n;
	}
	e.ino = ino;
	lock(F_WRLCK);
	n = at_offset ? syscall(SYS_pwritev, fd, parts, count, offset, 0)
		      : syscall(SYS_writev, fd, parts, count);
	saved = errno;
	if (n > 0) {
		ssize_t left = n;

		/* Of O_APPEND too the position is behind what was written. */
		if (!at_offset)
			offset = lseek(fd, 0, SEEK_CUR) - n;
		for (int i = 0; i < count && left > 0; i++) {
			size_t len = parts[i].iov_len;

			e.a = (uint64_t)offset;
			e.data = len < (size_t)left ? len : (size_t)left;
			append("write", e, NULL, NULL, parts[i].iov_base);
			offset += (off_t)e.data;
			left -= (ssize_t)e.data;
		}
	}
	lock(F_UNLCK);
	errno = saved;
	return n;
}

TAKEN ssize_t
write(int fd, const void *bytes, size_t len)
{
	struct iovec part = { (void *)bytes, len };

	return write_file(fd, &part, 1, 0, false);
}

TAKEN ssize_t
writev(int fd, const struct iovec *parts, int count)
{
	return write_file(fd, parts, count, 0, false);
}

TAKEN ssize_t
pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
	struct iovec part = { (void *)bytes, len };

	return write_file(fd, &part, 1, offset, true);
}

TAKEN ssize_t
pwrite64(int fd, const void *bytes, size_t len, off_t offset)
{
	return pwrite(fd, bytes, len, offset);
}

TAKEN ssize_t
pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
	return write_file(fd, parts, count, offset, true);
}

TAKEN ssize_t
pwritev64(int fd, const struct iovec *parts, int count, off_t offset)
{
	return write_file(fd, parts, count, offset, true);
}

/* A change of size; `ino` 0: of none of ours. */
static long
resize(const char *kind, ino_t ino, uint64_t size, long number, long a, long b,
    long c, long d)
{
	struct entry e = { .ino = ino, .a = size };
	int saved;
	long r;

	if (ino == 0)
		return syscall(number, a, b, c, d);
	lock(F_WRLCK);
	r = syscall(number, a, b, c, d);
	saved = errno;
	if (r == 0)
		append(kind, e, NULL, NULL, NULL);
	lock(F_UNLCK);
	errno = saved;
	return r;
}

TAKEN int
ftruncate(int fd, off_t size)
{
	ino_t ino;

	if (!layer_file(fd, &ino))
		ino = 0;
	return (int)resize("trunc", ino, (uint64_t)size, SYS_ftruncate, fd,
	    size, 0, 0);
}

TAKEN int
ftruncate64(int fd, off_t size)
{
	return ftruncate(fd, size);
}

TAKEN int
truncate(const char *path, off_t size)
{
	char whole[PATH_MAX];
	struct stat st;
	ino_t ino = 0;

	if (layer_at(AT_FDCWD, path, whole) != NULL && stat(whole, &st) == 0)
		ino = st.st_ino;
	return (int)resize("trunc", ino, (uint64_t)size, SYS_truncate,
	    (long)path, size, 0, 0);
}

TAKEN int
truncate64(const char *path, off_t size)
{
	return truncate(path, size);
}

TAKEN int
fallocate(int fd, int mode, off_t offset, off_t len)
{
	char path[PATH_MAX];
	ino_t ino;

	if (!layer_file(fd, &ino))
		ino = 0;
	else if (mode & ~FALLOC_FL_KEEP_SIZE)
		refuse("fallocate", layer_fd(fd, path));
	else if (mode & FALLOC_FL_KEEP_SIZE)
		ino = 0; /* nothing that anybody could read */
	return (int)resize("grow", ino, (uint64_t)(offset + len), SYS_fallocate,
	    fd, mode, offset, len);
}

TAKEN int
fallocate64(int fd, int mode, off_t offset, off_t len)
{
	return fallocate(fd, mode, offset, len);
}

TAKEN int
posix_fallocate(int fd, off_t offset, off_t len)
{
	return fallocate(fd, 0, offset, len) < 0 ? errno : 0;
}

TAKEN int
posix_fallocate64(int fd, off_t offset, off_t len)
{
	return posix_fallocate(fd, offset, len);
}

TAKEN void *
mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	char path[PATH_MAX];

	if ((flags & MAP_SHARED) && (prot & PROT_WRITE) && fd >= 0 &&
	    layer_fd(fd, path) != NULL)
		refuse("a mapping", path);
	return (void *)syscall(SYS_mmap, at, len, prot, flags, fd, offset);
}

TAKEN void *
mmap64(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	return mmap(at, len, prot, flags, fd, offset);
}

/* --- folders ------------------------------------------------------------- */

static int
rename_at(int from_at, const char *from, int to_at, const char *to,
    unsigned flags)
{
	char a[PATH_MAX], b[PATH_MAX];
	const char *name = layer_at(from_at, from, a);
	const char *name2 = layer_at(to_at, to, b);
	struct entry e = { .ino = 0 };
	int r, saved;

	if (name == NULL && name2 == NULL)
		return (
		    int)syscall(SYS_renameat2, from_at, from, to_at, to, flags);
	if (name == NULL || name2 == NULL || flags != 0)
		refuse("a rename", from);
	lock(F_WRLCK);
	r = (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags);
	saved = errno;
	if (r == 0)
		append("rename", e, name, name2, NULL);
	lock(F_UNLCK);
	errno = saved;
	return r;
}

TAKEN int
rename(const char *from, const char *to)
{
	return rename_at(AT_FDCWD, from, AT_FDCWD, to, 0);
}

TAKEN int
renameat(int from_at, const char *from, int to_at, const char *to)
{
	return rename_at(from_at, from, to_at, to, 0);
}

TAKEN int
renameat2(int from_at, const char *from, int to_at, const char *to,
    unsigned flags)
{
	return rename_at(from_at, from, to_at, to, flags);
}

static int
unlink_at(int at, const char *path, int flags)
{
	char whole[PATH_MAX];
	const char *name = layer_at(at, path, whole);
	struct entry e = { .ino = 0 };
	struct stat st;
	bool ours;
	int r, saved;

	if (name == NULL)
		return (int)syscall(SYS_unlinkat, at, path, flags);
	lock(F_WRLCK);
	ours = lstat(whole, &st) == 0 &&
	       (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
	r = (int)syscall(SYS_unlinkat, at, path, flags);
	saved = errno;
	if (r == 0 && ours)
		append("unlink", e, name, NULL, NULL);
	lock(F_UNLCK);
	errno = saved;
	return r;
}

TAKEN int
unlink(const char *path)
{
	return unlink_at(AT_FDCWD, path, 0);
}

TAKEN int
unlinkat(int at, const char *path, int flags)
{
	return unlink_at(at, path, flags);
}

TAKEN int
rmdir(const char *path)
{
	return unlink_at(AT_FDCWD, path, AT_REMOVEDIR);
}

TAKEN int
remove(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return -1;
	return unlink_at(AT_FDCWD, path,
	    S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0);
}

TAKEN int
link(const char *from, const char *to)
{
	char a[PATH_MAX], b[PATH_MAX];
	const char *name = layer_at(AT_FDCWD, from, a);
	const char *name2 = layer_at(AT_FDCWD, to, b);
	struct entry e = { .ino = 0 };
	int r, saved;

	if (name == NULL && name2 == NULL)
		return (
		    int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
	if (name == NULL || name2 == NULL)
		refuse("a link", from);
	lock(F_WRLCK);
	r = (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
	saved = errno;
	if (r == 0)
		append("link", e, name, name2, NULL);
	lock(F_UNLCK);
	errno = saved;
	return r;
}

static int
make_dir(int at, const char *path, mode_t mode)
{
	char whole[PATH_MAX];
	const char *name = layer_at(at, path, whole);
	struct entry e = { .ino = 0 };
	struct stat st;
	int r, saved;

	if (name == NULL || name[0] == '\0')
		return (int)syscall(SYS_mkdirat, at, path, mode);
	lock(F_WRLCK);
	r = (int)syscall(SYS_mkdirat, at, path, mode);
	saved = errno;
	if (r == 0 && stat(whole, &st) == 0) {
		e.ino = st.st_ino;
		append("mkdir", e, name, NULL, NULL);
	}
	lock(F_UNLCK);
	errno = saved;
	return r;
}

TAKEN int
mkdir(const char *path, mode_t mode)
{
	return make_dir(AT_FDCWD, path, mode);
}

TAKEN int
mkdirat(int at, const char *path, mode_t mode)
{
	return make_dir(at, path, mode);
}

/* --- syncs --------------------------------------------------------------- */

/* sync_file_range() promises nothing after a power cut, and is not taken. */
static int
sync_file(int fd, long number)
{
	char path[PATH_MAX];
	struct entry e = { .ino = 0 };
	struct stat st;
	int r, saved;

	if (layer_fd(fd, path) == NULL || fstat(fd, &st) < 0)
		return (int)syscall(number, fd);
	e.ino = st.st_ino;
	lock(F_WRLCK);
	e.a = log_end();
	lock(F_UNLCK);
	r = (int)syscall(number, fd);
	saved = errno;
	if (r == 0) {
		lock(F_WRLCK);
		append("sync", e, NULL, NULL, NULL);
		lock(F_UNLCK);
	}
	errno = saved;
	return r;
}

TAKEN int
fsync(int fd)
{
	return sync_file(fd, SYS_fsync);
}

TAKEN int
fdatasync(int fd)
{
	return sync_file(fd, SYS_fdatasync);
}
