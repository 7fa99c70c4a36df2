#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ipc/gate_impl.h"

/* Where glibc keeps named semaphores, and what it puts before the name. */
#define GATE_FOLDER "/dev/shm"
#define GATE_PREFIX "sem."

/* "12.7", and nothing else: another segment's name may begin with ours. */
static bool
queue_and_epoch(const char *text)
{
	for (int number = 0; number < 2; number++) {
		if (!isdigit((unsigned char)*text))
			return false;
		while (isdigit((unsigned char)*text))
			text++;
		if (number == 0 && *text++ != '.')
			return false;
	}
	return *text == '\0';
}

void
gates_unlink(const char *name)
{
	char prefix[NAME_MAX + 1];
	DIR *dir = opendir(GATE_FOLDER);
	struct dirent *entry;
	int len;

	len = snprintf(prefix, sizeof(prefix), GATE_PREFIX "%s.", name + 1);
	while (dir != NULL && len < (int)sizeof(prefix) &&
	       (entry = readdir(dir)) != NULL) {
		struct stat st;

		if (strncmp(entry->d_name, prefix, (size_t)len) != 0 ||
		    !queue_and_epoch(entry->d_name + len))
			continue;
		/* Never another user's, even where we could. */
		if (fstatat(dirfd(dir), entry->d_name, &st,
			AT_SYMLINK_NOFOLLOW) == 0 &&
		    st.st_uid == geteuid())
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
	if (dir != NULL)
		closedir(dir);
}

/* One semaphore, "<name>.<number>.<epoch>". */
static int
gate_open(const char *name, unsigned number, uint64_t epoch, bool create,
    sem_t **out)
{
	char full[NAME_MAX + 1];
	sem_t *sem;
	int len;

	len = snprintf(full, sizeof(full), "%s.%u.%llu", name, number,
	    (unsigned long long)epoch);
	if (len >= (int)sizeof(full) - (int)strlen(GATE_PREFIX))
		return -ENAMETOOLONG;
	sem = sem_open(full, create ? O_CREAT | O_EXCL : 0, 0600, 0);
	if (sem == SEM_FAILED)
		return -errno;
	*out = sem;
	return 0;
}

static int
gates_open_each(struct conveyor *cv, bool create)
{
	uint64_t epoch = atomic_load(&header_of(cv)->epoch);
	int r = 0;

	for (unsigned q = 0; q < cv->shape.queues && r == 0; q++)
		if (cv->gates.at[q] == q)
			r = gate_open(cv->name, q, epoch, create, &cv->sems[q]);
	return r;
}

int
gates_open(struct conveyor *cv)
{
	gates_unlink(cv->name);
	return gates_open_each(cv, true);
}

int
gates_join(struct conveyor *cv)
{
	return gates_open_each(cv, false);
}

void
gates_close(struct conveyor *cv)
{
	for (size_t q = 0; q < CONVEYOR_QUEUES; q++) {
		if (cv->sems[q] != NULL)
			sem_close(cv->sems[q]);
		cv->sems[q] = NULL;
	}
}

static _Atomic uint64_t *
waiters_of(struct conveyor *cv, uint8_t queue)
{
	return ring_of(cv, cv->gates.at[queue])->waiters;
}

void
gate_enter(struct conveyor *cv, uint8_t queue)
{
	/* seq_cst, as the look that follows: pairs with gate_wake(), which
	 * looks for bits after the entry is in.  One of the two sees the
	 * other. */
	atomic_fetch_or(&waiters_of(cv, queue)[cv->me / 64],
	    UINT64_C(1) << cv->me % 64);
}

void
gate_leave(struct conveyor *cv, uint8_t queue)
{
	/* seq_cst: a waker that still saw the bit comes before this, so the
	 * look that follows sees what it put in. */
	atomic_fetch_and(&waiters_of(cv, queue)[cv->me / 64],
	    ~(UINT64_C(1) << cv->me % 64));
}

bool
gate_work(const struct conveyor *cv, uint8_t queue, bool marks)
{
	uint8_t gate = cv->gates.at[queue];

	for (unsigned q = 0; q < cv->shape.queues; q++)
		if (cv->gates.at[q] == gate && ring_has_entry(cv, (uint8_t)q))
			return true;
	/* Pairs with conveyor_mark_fetched(), whose caller wakes after it. */
	for (uint32_t i = 0; marks && i < fetched_words(cv); i++)
		if (atomic_load(&fetched_of(cv)[i]) != 0)
			return true;
	return false;
}

int
gate_sleep(struct conveyor *cv, uint8_t queue, int timeout_ms)
{
	struct timespec until;

	if (timeout_ms < 0 || timeout_ms > cv->belt_ms)
		timeout_ms = cv->belt_ms;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += timeout_ms * INT64_C(1000000);
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	if (sem_clockwait(cv->sems[cv->gates.at[queue]], CLOCK_MONOTONIC,
		&until) < 0)
		return -errno;
	return 0;
}

void
gate_wake(struct conveyor *cv, uint8_t queue, uint32_t k)
{
	const _Atomic uint64_t *waiters = waiters_of(cv, queue);
	sem_t *sem = cv->sems[cv->gates.at[queue]];
	int sleepers = 0, credit = 0, need;

	/* After the entry is in, seq_cst both: pairs with gate_enter(). */
	for (int i = 0; i < RING_WAITER_WORDS; i++)
		sleepers += __builtin_popcountll(atomic_load(&waiters[i]));
	if (sleepers == 0)
		return; /* no system call, and nothing written */
	/*
	 * A credit that is there already will wake one of them.  Not
	 * min(sleepers, k) - credit: a second item that comes before the
	 * first sleeper has run would leave the second sleeper asleep.
	 */
	sem_getvalue(sem, &credit);
	need = sleepers - credit;
	for (uint32_t i = 0; need > 0 && i < k; i++, need--)
		sem_post(sem);
}

void
gates_forget(struct conveyor *cv, uint8_t id)
{
	for (unsigned q = 0; q < cv->shape.queues; q++)
		atomic_fetch_and(&ring_of(cv, (uint8_t)q)->waiters[id / 64],
		    ~(UINT64_C(1) << id % 64));
}

void
gates_wake_all(struct conveyor *cv)
{
	for (unsigned q = 0; q < cv->shape.queues; q++) {
		const _Atomic uint64_t *waiters;

		if (cv->gates.at[q] != q)
			continue;
		waiters = waiters_of(cv, (uint8_t)q);
		/* Whatever the value says: it may be a dead one's doing. */
		for (int i = 0; i < RING_WAITER_WORDS; i++)
			for (int n =
				 __builtin_popcountll(atomic_load(&waiters[i]));
			     n > 0; n--)
				sem_post(cv->sems[q]);
	}
}
