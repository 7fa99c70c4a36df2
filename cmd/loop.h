/*
 * loop - an epoll loop: descriptors with handlers, one timer, signals.
 *
 * Signals are blocked but for the wait itself, so none is lost between a
 * look at a flag and the sleep.
 */
#ifndef CMD_LOOP_H
#define CMD_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "lib/base/attr.h"

typedef void loop_fn(void *arg, int fd, uint32_t events);

struct loop_slot {
	loop_fn *fn; /* NULL: free */
	void *arg;
	uint32_t serial; /* tells an event of an earlier owner of the fd */
};

struct loop {
	int epoll_fd;
	struct loop_slot *slots; /* by descriptor */
	size_t n_slots;
	uint32_t serial;
	sigset_t unblocked; /* during the wait */
};

/* Block `signals` (NULL: none) from now on, but for the waits.  0 or -errno. */
MUST_USE int loop_init(struct loop *loop, const sigset_t *signals);
void loop_fini(struct loop *loop);

/* Watch `fd`; a second call for the same fd changes events, fn and arg.
 * 0 or -errno. */
MUST_USE int loop_watch(struct loop *loop, int fd, uint32_t events, loop_fn *fn,
    void *arg);
/* Before the descriptor is closed.  Events of it that are already fetched are
 * dropped. */
void loop_forget(struct loop *loop, int fd);

/* Wait up to `timeout_ms` (-1: for ever) and run the handlers of what is
 * ready.  Returns at once after a signal.  The number of events, or -errno. */
MUST_USE int loop_turn(struct loop *loop, int timeout_ms);

#endif
