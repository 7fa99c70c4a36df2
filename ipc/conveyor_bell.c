#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "ipc/gate_impl.h"

struct conveyor_bell {
	struct conveyor *cv;
	uint8_t queue;
	bool marks;
	int fd;
	pthread_t thread;
	sem_t ask;         /* private to the process: armed, or stopping */
	atomic_bool armed; /* asked and not rung yet */
	atomic_bool stop;
};

/* Never touches a cell: whatever the role does at the same time is its own. */
static void *
bell_run(void *arg)
{
	struct conveyor_bell *bell = arg;

	for (;;) {
		while (sem_wait(&bell->ask) < 0)
			; /* EINTR; signals are blocked here */
		if (atomic_load(&bell->stop))
			return NULL;
		gate_enter(bell->cv, bell->queue);
		/* Woken, late, or in vain: the role looks again either way. */
		if (!gate_work(bell->cv, bell->queue, bell->marks))
			(void)!gate_sleep(bell->cv, bell->queue, -1);
		gate_leave(bell->cv, bell->queue);
		/* Before the write: armed again from here on means one more
		 * ring; after it, that asking would be lost. */
		atomic_store(&bell->armed, false);
		(void)!write(bell->fd, &(uint64_t){ 1 }, sizeof(uint64_t));
	}
}

int
conveyor_bell_new(struct conveyor *cv, uint8_t queue, bool marks,
    struct conveyor_bell **out)
{
	struct conveyor_bell *bell = calloc(1, sizeof(*bell));
	sigset_t all, before;
	int r;

	must(queue < cv->shape.queues);
	if (bell == NULL)
		return -ENOMEM;
	bell->cv = cv;
	bell->queue = queue;
	bell->marks = marks;
	sem_init(&bell->ask, 0, 0);
	bell->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (bell->fd < 0) {
		r = -errno;
		goto fail;
	}
	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(&bell->thread, NULL, bell_run, bell);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r < 0)
		goto fail;
	*out = bell;
	return 0;
fail:
	if (bell->fd >= 0)
		close(bell->fd);
	sem_destroy(&bell->ask);
	free(bell);
	return r;
}

void
conveyor_bell_free(struct conveyor_bell *bell)
{
	if (bell == NULL)
		return;
	atomic_store(&bell->stop, true);
	sem_post(&bell->ask);
	pthread_join(bell->thread, NULL);
	close(bell->fd);
	sem_destroy(&bell->ask);
	free(bell);
}

int
conveyor_bell_fd(const struct conveyor_bell *bell)
{
	return bell->fd;
}

void
conveyor_bell_arm(struct conveyor_bell *bell)
{
	if (!atomic_exchange(&bell->armed, true))
		sem_post(&bell->ask);
}
