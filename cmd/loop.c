#include "cmd/loop.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
	LOOP_EVENTS = 256
};

int
loop_init(struct loop *loop, const sigset_t *signals)
{
	*loop = (struct loop){ .epoll_fd = epoll_create1(EPOLL_CLOEXEC) };
	if (loop->epoll_fd < 0)
		return -errno;
	sigprocmask(SIG_BLOCK, signals, &loop->unblocked);
	return 0;
}

void
loop_fini(struct loop *loop)
{
	if (loop == NULL || loop->epoll_fd < 0)
		return;
	close(loop->epoll_fd);
	free(loop->slots);
	*loop = (struct loop){ .epoll_fd = -1 };
}

static int
loop_reach(struct loop *loop, int fd)
{
	size_t n = loop->n_slots ? loop->n_slots : 64;
	struct loop_slot *slots;

	if ((size_t)fd < loop->n_slots)
		return 0;
	while (n <= (size_t)fd)
		n *= 2;
	slots = realloc(loop->slots, n * sizeof(*slots));
	if (slots == NULL)
		return -ENOMEM;
	memset(slots + loop->n_slots, 0, (n - loop->n_slots) * sizeof(*slots));
	loop->slots = slots;
	loop->n_slots = n;
	return 0;
}

int
loop_watch(struct loop *loop, int fd, uint32_t events, loop_fn *fn, void *arg)
{
	struct epoll_event ev = { .events = events };
	struct loop_slot *slot;
	int op, r;

	r = loop_reach(loop, fd);
	if (r < 0)
		return r;
	slot = &loop->slots[fd];
	op = slot->fn ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	if (op == EPOLL_CTL_ADD)
		slot->serial = ++loop->serial;
	ev.data.u64 = (uint64_t)slot->serial << 32 | (uint32_t)fd;
	r = epoll_ctl(loop->epoll_fd, op, fd, &ev);
	/* Closed and opened again behind our back: then it has left the set. */
	if (r < 0 && op == EPOLL_CTL_MOD && errno == ENOENT)
		r = epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &ev);
	if (r < 0)
		return -errno;
	slot->fn = fn;
	slot->arg = arg;
	return 0;
}

void
loop_forget(struct loop *loop, int fd)
{
	if (fd < 0 || (size_t)fd >= loop->n_slots || !loop->slots[fd].fn)
		return;
	loop->slots[fd].fn = NULL;
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

int
loop_turn(struct loop *loop, int timeout_ms)
{
	struct epoll_event events[LOOP_EVENTS];
	int n = epoll_pwait(loop->epoll_fd, events, LOOP_EVENTS, timeout_ms,
	    &loop->unblocked);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n; i++) {
		int fd = (int)(uint32_t)events[i].data.u64;
		uint32_t serial = (uint32_t)(events[i].data.u64 >> 32);
		struct loop_slot slot = loop->slots[fd];

		if (slot.fn != NULL && slot.serial == serial)
			slot.fn(slot.arg, fd, events[i].events);
	}
	return n;
}
