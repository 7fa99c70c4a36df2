/*
 * layer - what the libraries of this folder share: they stand between
 * mpcrawl and libc, loaded by LD_PRELOAD, and look at every call that changes
 * a file under one folder.
 *
 * The real thing is always syscall(2), never libc's function of the same
 * name: nothing to look up, so a call may come at any time, from any thread,
 * after any fork.
 */
#ifndef TESTS_PRELOAD_LAYER_H
#define TESTS_PRELOAD_LAYER_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* The functions of libc that a library takes the place of. */
#define TAKEN __attribute__((visibility("default")))

/* The mode that open() was given: it is there only with O_CREAT. */
#define LAYER_MODE(flags)                                                      \
	({                                                                     \
		mode_t mode_ = 0;                                              \
		if ((flags) & (O_CREAT | __O_TMPFILE)) {                       \
			va_list ap_;                                           \
			va_start(ap_, flags);                                  \
			mode_ = va_arg(ap_, mode_t);                           \
			va_end(ap_);                                           \
		}                                                              \
		mode_;                                                         \
	})

struct layer {
	char dir[PATH_MAX]; /* the folder; "": none, look at nothing */
	size_t dir_len;
	/* What the process called itself by prctl(PR_SET_NAME), which is how a
	 * worker of mpcrawl says its role.  Threads that others name keep their
	 * process's. */
	char who[16];
};

static struct layer layer;

/* `dir` is absolute and without links. */
static inline void
layer_setup(const char *dir)
{
	if (dir == NULL || strlen(dir) >= sizeof(layer.dir))
		return;
	snprintf(layer.who, sizeof(layer.who), "mpcrawl");
	layer.dir_len = strlen(dir);
	memcpy(layer.dir, dir, layer.dir_len + 1);
}

/* An absolute path that is in the folder, relative to it ("" is the folder
 * itself); NULL: it is somewhere else. */
static inline const char *
layer_inside(const char *path)
{
	if (layer.dir_len == 0 || strncmp(path, layer.dir, layer.dir_len) != 0)
		return NULL;
	path += layer.dir_len;
	if (path[0] != '/' && path[0] != '\0')
		return NULL;
	while (path[0] == '/')
		path++;
	return path;
}

static inline bool
layer_path_of(int fd, char out[PATH_MAX])
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = syscall(SYS_readlink, link, out, PATH_MAX - 1);
	if (n < 0)
		return false;
	out[n] = '\0';
	return true;
}

/* Where is what `fd` is open on?  As layer_inside(); of a file that was
 * unlinked the name ends in " (deleted)". */
static inline const char *
layer_fd(int fd, char out[PATH_MAX])
{
	if (layer.dir_len == 0 || fd < 0 || !layer_path_of(fd, out))
		return NULL;
	return layer_inside(out);
}

/* A descriptor of a regular file in the folder, and its inode. */
static inline bool
layer_file(int fd, ino_t *ino)
{
	char path[PATH_MAX];
	struct stat st;

	if (layer.dir_len == 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    layer_fd(fd, path) == NULL)
		return false;
	*ino = st.st_ino;
	return true;
}

/* As layer_inside(), of what the call names: relative to `at` like openat().
 * mpcrawl's paths have no links and no "..". */
static inline const char *
layer_at(int at, const char *path, char out[PATH_MAX])
{
	size_t len = 0;

	if (layer.dir_len == 0)
		return NULL;
	if (path[0] != '/') {
		if (at == AT_FDCWD ? getcwd(out, PATH_MAX) == NULL
				   : !layer_path_of(at, out))
			return NULL;
		len = strlen(out);
	}
	if (snprintf(out + len, PATH_MAX - len, "%s%s", len > 0 ? "/" : "",
		path) >= (int)(PATH_MAX - len))
		return NULL;
	return layer_inside(out);
}

static inline void
layer_name(const char *name)
{
	snprintf(layer.who, sizeof(layer.who), "%.15s", name);
}

TAKEN int
prctl(int option, ...)
{
	unsigned long a[4];
	va_list ap;

	va_start(ap, option);
	for (int i = 0; i < 4; i++)
		a[i] = va_arg(ap, unsigned long);
	va_end(ap);
	if (option == PR_SET_NAME)
		layer_name((const char *)a[0]);
	return (int)syscall(SYS_prctl, option, a[0], a[1], a[2], a[3]);
}

#endif
