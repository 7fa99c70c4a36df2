/*
 * lock - "already running", by a lock that the kernel releases.
 *
 * flock(LOCK_EX) on a file: held as long as any process has the descriptor
 * open, so forked children keep it; gone with the last of them, kill -9
 * included.  The file says who holds it, for the message only.
 */
#ifndef IPC_LOCK_H
#define IPC_LOCK_H

#include <sys/types.h>

#include "ipc/attr.h"

/*
 * Take the lock on `path` (made 0600 when missing), waiting at most `wait_ms`
 * for dying orphans.  0: *fd is the lock, keep it open; it is not
 * close-on-exec's business, as nobody execs.  -EWOULDBLOCK: held, *holder is
 * the pid it names (0: unknown).  Other errors of open(2) and flock(2).
 */
MUST_USE int lock_take(const char *path, int wait_ms, int *fd, pid_t *holder);

/* This process has the lock now, by inheritance: put its pid into the file. */
void lock_sign(int fd);

/* 0 and the pid that holds it now, or 0 when nobody does; -EBUSY: held, and
 * the file does not say by whom; -errno.  Keeps nothing. */
MUST_USE int lock_holder(const char *path, pid_t *holder);

#endif
