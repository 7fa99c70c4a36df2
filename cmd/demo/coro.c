#include "cmd/demo/coro.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

enum {
	STACK = 256 << 10
};

static struct {
	void (*fn)(void *arg, unsigned i);
	void *arg;
	ucontext_t main, each[CORO_MAX];
	int epoll;
	unsigned now; /* whose turn it is */
	unsigned ended, waiting;
	struct coro_count count;
} loop;

void
coro_wait_readable(int fd)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT,
		.data.u32 = loop.now };

	if (epoll_ctl(loop.epoll, EPOLL_CTL_MOD, fd, &e) < 0)
		must(epoll_ctl(loop.epoll, EPOLL_CTL_ADD, fd, &e) == 0);
	loop.count.switches++;
	if (++loop.waiting > loop.count.most_waiting)
		loop.count.most_waiting = loop.waiting;
	/* Back in coro_run(), as if this call had returned there. */
	swapcontext(&loop.each[loop.now], &loop.main);
	loop.waiting--;
}

static void
begin(void)
{
	loop.fn(loop.arg, loop.now);
	loop.ended++;
}

static void
turn_of(unsigned i)
{
	loop.now = i;
	swapcontext(&loop.main, &loop.each[i]);
}

int
coro_run(void (*fn)(void *arg, unsigned i), void *arg, unsigned n,
    struct coro_count *count)
{
	char *stacks = mmap(NULL, (size_t)n * STACK, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (stacks == MAP_FAILED)
		return -errno;
	loop.fn = fn;
	loop.arg = arg;
	loop.ended = loop.waiting = 0;
	loop.count = (struct coro_count){ 0 };
	loop.epoll = epoll_create1(EPOLL_CLOEXEC);
	must(loop.epoll >= 0);
	for (unsigned i = 0; i < n; i++) {
		getcontext(&loop.each[i]);
		loop.each[i].uc_stack.ss_sp = stacks + (size_t)i * STACK;
		loop.each[i].uc_stack.ss_size = STACK;
		loop.each[i].uc_link = &loop.main;
		makecontext(&loop.each[i], begin, 0);
		turn_of(i);
	}
	while (loop.ended < n) {
		struct epoll_event e;

		if (epoll_wait(loop.epoll, &e, 1, -1) == 1)
			turn_of(e.data.u32);
	}
	close(loop.epoll);
	munmap(stacks, (size_t)n * STACK);
	*count = loop.count;
	return 0;
}
