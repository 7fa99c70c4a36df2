/*
 * channel - sockets between processes of one machine: the control socket's
 * listener and its clients, and the packet pair to each role.
 */
#ifndef IPC_CHANNEL_H
#define IPC_CHANNEL_H

#include <stddef.h>

#include "ipc/attr.h"

/* A listening Unix stream socket at `path`, 0600, non-blocking,
 * close-on-exec; a stale one is removed first (the caller holds the crawl's
 * lock).  A path longer than sun_path is reached through its folder's
 * /proc/self/fd.  0 and *fd, or -errno. */
MUST_USE int channel_listen(const char *path, int *fd);

/* Connect, blocking, with a receive and send timeout.  -ECONNREFUSED and
 * -ENOENT: nobody there. */
MUST_USE int channel_connect(const char *path, int timeout_ms, int *fd);

/* Accept one: non-blocking; refuses peers of another uid (root apart) with
 * -EACCES, -EAGAIN when there is none. */
MUST_USE int channel_accept(int listener, int *fd);

/* A SEQPACKET pair, non-blocking at both ends. */
MUST_USE int channel_pair(int fds[2]);

#endif
