#include "ipc/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	CHANNEL_BACKLOG = 16
};

/*
 * The address of `path`.  Where it does not fit, *folder is a descriptor that
 * the address goes through: keep it open until the address was used.
 */
static int
channel_address(const char *path, struct sockaddr_un *out, int *folder)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *slash = strrchr(path, '/');
	char *parent;
	int fd, len;

	*folder = -1;
	if (strlen(path) < sizeof(address.sun_path)) {
		memcpy(address.sun_path, path, strlen(path) + 1);
		*out = address;
		return 0;
	}
	if (slash == NULL)
		return -ENAMETOOLONG;
	parent = strndup(path, (size_t)(slash - path) + 1);
	if (parent == NULL)
		return -ENOMEM;
	fd = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	free(parent);
	if (fd < 0)
		return -errno;
	len = snprintf(address.sun_path, sizeof(address.sun_path),
	    "/proc/self/fd/%d/%s", fd, slash + 1);
	if (len >= (int)sizeof(address.sun_path)) {
		close(fd);
		return -ENAMETOOLONG;
	}
	*folder = fd;
	*out = address;
	return 0;
}

/* A socket that nobody answers at; anything else in its place is not ours to
 * remove. */
static int
remove_stale(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

int
channel_listen(const char *path, int *fd)
{
	struct sockaddr_un address;
	int folder, s = -1, r;

	r = channel_address(path, &address, &folder);
	if (r < 0)
		return r;
	r = remove_stale(path);
	if (r < 0)
		goto done;
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* The mode of a socket is that of its file, masked: set before bind,
	 * there is no moment at which others could connect. */
	if (s < 0 || fchmod(s, 0600) < 0 ||
	    bind(s, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(s, CHANNEL_BACKLOG) < 0)
		r = -errno;
	if (r == 0) {
		*fd = s;
		s = -1;
	}
done:
	if (s >= 0)
		close(s);
	if (folder >= 0)
		close(folder);
	return r;
}

int
channel_connect(const char *path, int timeout_ms, int *fd)
{
	struct timeval limit = { .tv_sec = timeout_ms / 1000,
		.tv_usec = timeout_ms % 1000 * 1000 };
	struct sockaddr_un address;
	int folder, s, r;

	r = channel_address(path, &address, &folder);
	if (r < 0)
		return r;
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s < 0 ||
	    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
	    setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ||
	    connect(s, (struct sockaddr *)&address, sizeof(address)) < 0)
		r = -errno;
	if (r == 0) {
		*fd = s;
		s = -1;
	}
	if (s >= 0)
		close(s);
	if (folder >= 0)
		close(folder);
	return r;
}

int
channel_accept(int listener, int *fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	int r = 0, s;

	do
		s = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	while (s < 0 && (errno == EINTR || errno == ECONNABORTED));
	if (s < 0)
		return -errno;
	if (getsockopt(s, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		r = -errno;
	else if (peer.uid != geteuid() && peer.uid != 0)
		r = -EACCES;
	if (r < 0)
		close(s);
	else
		*fd = s;
	return r;
}

int
channel_pair(int fds[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
		0, fds) < 0)
		return -errno;
	return 0;
}
