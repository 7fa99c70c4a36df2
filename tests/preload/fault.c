/*
 * fault - a disk that fails: the n-th call of a kind, in one role of mpcrawl,
 * on files of one folder.
 *
 *   MPCRAWL_FAULT_DIR    the folder: absolute, without links
 *   MPCRAWL_FAULT_STATE  a file of FAULT_STATE bytes, zeros at first: counts
 *                        that all processes share, and the switch
 *   MPCRAWL_FAULT        "ROLE KIND N[+] ERROR", or empty: count only
 *
 * ROLE is what the worker calls itself, "mpcrawl" for start, seeds and
 * supervisor.  KIND is a name of kinds[]; calls count per role over all its
 * incarnations.  N+ is every call from the N-th on, until the state's first
 * word is not 0.  ERROR is ENOSPC, EDQUOT, EIO, or SHORT: half of the bytes
 * are written and the call says so.  While an ENOSPC+ lasts statvfs() finds no
 * room either; a quota (EDQUOT+) is not seen there.
 *
 * The call that fails does nothing.
 */
#include <dlfcn.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/statvfs.h>

#include "tests/preload/layer.h"

/* The order is that of KINDS in tests/disaster/disk_faults_test.py. */
enum kind {
	OPEN,
	READ,
	WRITE,
	FSYNC,
	FDATASYNC,
	FTRUNCATE,
	FALLOCATE,
	RENAME,
	UNLINK,
	MKDIR,
	KINDS
};

static const char *const kinds[KINDS] = { "open", "read", "write", "fsync",
	"fdatasync", "ftruncate", "fallocate", "rename", "unlink", "mkdir" };

enum {
	ROLES = 3,
	SHORT = -1,
	FAULT_STATE = 4096
};

static const char *const roles[ROLES] = { "mpcrawl", "scheduler", "recorder" };

static struct {
	_Atomic uint64_t lifted; /* by the test */
	_Atomic uint64_t fired;
	_Atomic uint64_t calls[ROLES][KINDS];
} * state;

static struct {
	int role, kind; /* -1: none */
	uint64_t n;
	bool on; /* from n on */
	int error;
} fault = { -1, -1, 0, false, 0 };

static int
index_of(const char *name, const char *const names[], int n)
{
	for (int i = 0; i < n; i++) {
		if (strcmp(names[i], name) == 0)
			return i;
	}
	return -1;
}

static void
read_fault(const char *text)
{
	static const struct {
		const char *name;
		int error;
	} errors[] = { { "ENOSPC", ENOSPC }, { "EDQUOT", EDQUOT },
		{ "EIO", EIO }, { "SHORT", SHORT } };
	char role[16], kind[16], error[16], plus = '\0';
	unsigned long n;

	if (sscanf(text, "%15s %15s %lu%c %15s", role, kind, &n, &plus,
		error) != 5)
		abort();
	fault.role = index_of(role, roles, ROLES);
	fault.kind = index_of(kind, kinds, KINDS);
	fault.n = n;
	fault.on = plus == '+';
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (strcmp(errors[i].name, error) == 0)
			fault.error = errors[i].error;
	}
	if (fault.role < 0 || fault.kind < 0 || fault.error == 0)
		abort();
}

__attribute__((constructor)) static void
setup(void)
{
	const char *path = getenv("MPCRAWL_FAULT_STATE");
	const char *text = getenv("MPCRAWL_FAULT");
	int fd;

	if (path == NULL)
		return;
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		abort();
	state = mmap(NULL, FAULT_STATE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
	    0);
	if (state == MAP_FAILED)
		abort();
	close(fd);
	if (text != NULL && text[0] != '\0')
		read_fault(text);
	layer_setup(getenv("MPCRAWL_FAULT_DIR"));
}

/* Does this call fail?  0: no; SHORT; else errno is set. */
static int
fails(enum kind kind)
{
	int role = index_of(layer.who, roles, ROLES);
	uint64_t n;

	if (role < 0 || state == NULL)
		return 0;
	n = atomic_fetch_add(&state->calls[role][kind], 1) + 1;
	if (role != fault.role || kind != (enum kind)fault.kind ||
	    n < fault.n || (n > fault.n && !fault.on) ||
	    atomic_load(&state->lifted) != 0)
		return 0;
	atomic_fetch_add(&state->fired, 1);
	if (fault.error != SHORT)
		errno = fault.error;
	return fault.error;
}

static bool
is_ours(int fd)
{
	char path[PATH_MAX];

	return layer_fd(fd, path) != NULL;
}

/* --- the calls ----------------------------------------------------------- */

static int
open_at(int at, const char *path, int flags, mode_t mode)
{
	char whole[PATH_MAX];

	if (layer_at(at, path, whole) != NULL && fails(OPEN))
		return -1;
	return (int)syscall(SYS_openat, at, path, flags, mode);
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

static size_t
half(size_t len)
{
	return len > 1 ? len / 2 : len;
}

TAKEN ssize_t
write(int fd, const void *bytes, size_t len)
{
	ino_t ino;
	int how = layer_file(fd, &ino) ? fails(WRITE) : 0;

	if (how > 0)
		return -1;
	return syscall(SYS_write, fd, bytes, how == SHORT ? half(len) : len);
}

TAKEN ssize_t
pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
	ino_t ino;
	int how = layer_file(fd, &ino) ? fails(WRITE) : 0;

	if (how > 0)
		return -1;
	return syscall(SYS_pwrite64, fd, bytes, how == SHORT ? half(len) : len,
	    offset);
}

TAKEN ssize_t
pwrite64(int fd, const void *bytes, size_t len, off_t offset)
{
	return pwrite(fd, bytes, len, offset);
}

TAKEN ssize_t
read(int fd, void *bytes, size_t len)
{
	ino_t ino;

	if (layer_file(fd, &ino) && fails(READ) > 0)
		return -1;
	return syscall(SYS_read, fd, bytes, len);
}

TAKEN ssize_t
pread(int fd, void *bytes, size_t len, off_t offset)
{
	ino_t ino;

	if (layer_file(fd, &ino) && fails(READ) > 0)
		return -1;
	return syscall(SYS_pread64, fd, bytes, len, offset);
}

TAKEN ssize_t
pread64(int fd, void *bytes, size_t len, off_t offset)
{
	return pread(fd, bytes, len, offset);
}

TAKEN int
fsync(int fd)
{
	return is_ours(fd) && fails(FSYNC) ? -1 : (int)syscall(SYS_fsync, fd);
}

TAKEN int
fdatasync(int fd)
{
	return is_ours(fd) && fails(FDATASYNC)
		   ? -1
		   : (int)syscall(SYS_fdatasync, fd);
}

TAKEN int
ftruncate(int fd, off_t size)
{
	return is_ours(fd) && fails(FTRUNCATE)
		   ? -1
		   : (int)syscall(SYS_ftruncate, fd, size);
}

TAKEN int
ftruncate64(int fd, off_t size)
{
	return ftruncate(fd, size);
}

TAKEN int
fallocate(int fd, int mode, off_t offset, off_t len)
{
	return is_ours(fd) && fails(FALLOCATE)
		   ? -1
		   : (int)syscall(SYS_fallocate, fd, mode, offset, len);
}

TAKEN int
fallocate64(int fd, int mode, off_t offset, off_t len)
{
	return fallocate(fd, mode, offset, len);
}

TAKEN int
rename(const char *from, const char *to)
{
	char whole[PATH_MAX];

	if (layer_at(AT_FDCWD, to, whole) != NULL && fails(RENAME))
		return -1;
	return (int)syscall(SYS_rename, from, to);
}

static int
unlink_at(int at, const char *path, int flags)
{
	char whole[PATH_MAX];

	if (layer_at(at, path, whole) != NULL && fails(UNLINK))
		return -1;
	return (int)syscall(SYS_unlinkat, at, path, flags);
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
mkdir(const char *path, mode_t mode)
{
	char whole[PATH_MAX];

	if (layer_at(AT_FDCWD, path, whole) != NULL && fails(MKDIR))
		return -1;
	return (int)syscall(SYS_mkdir, path, mode);
}

TAKEN int
statvfs(const char *path, struct statvfs *out)
{
	typedef int real_statvfs(const char *, struct statvfs *);
	real_statvfs *real = (real_statvfs *)dlsym(RTLD_NEXT, "statvfs");
	int r = real(path, out);

	if (r == 0 && fault.on && fault.error == ENOSPC && state != NULL &&
	    atomic_load(&state->fired) > 0 && atomic_load(&state->lifted) == 0)
		out->f_bavail = out->f_bfree = 0;
	return r;
}

TAKEN int
statvfs64(const char *path, struct statvfs64 *out)
{
	return statvfs(path, (struct statvfs *)out);
}
