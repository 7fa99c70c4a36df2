#include "ipc/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	LOCK_PAUSE_MS = 10,
	/* Even one who does not wait tries this long: lock_holder() of another
	 * process has the lock for a moment. */
	LOCK_LEAST_MS = 30,
	LOCK_TEXT_MAX = 64
};

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
pause_ms(int ms)
{
	nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000L }, NULL);
}

/* Whether `path` still names what we have open: a lock on a file that was
 * removed keeps nobody out. */
static bool
lock_is_the_file(int fd, const char *path)
{
	struct stat ours, named;

	return fstat(fd, &ours) == 0 && stat(path, &named) == 0 &&
	       ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

/* The pid that the file names; 0: none. */
static pid_t
lock_read(int fd)
{
	char text[LOCK_TEXT_MAX + 1];
	ssize_t len = pread(fd, text, LOCK_TEXT_MAX, 0);
	char *end;
	long pid;

	if (len <= 0)
		return 0;
	text[len] = '\0';
	pid = strtol(text, &end, 10);
	/* The whole number is there only with what follows it. */
	return pid > 0 && pid <= INT32_MAX && *end == ' ' ? (pid_t)pid : 0;
}

/* For the message of those who come later; a full disk is no reason not to
 * hold the lock. */
void
lock_sign(int fd)
{
	char text[LOCK_TEXT_MAX];
	int len = snprintf(text, sizeof(text), "%d %lld\n", (int)getpid(),
	    (long long)time(NULL));

	if (ftruncate(fd, 0) == 0)
		(void)!pwrite(fd, text, (size_t)len, 0);
}

static int
lock_try(const char *path, int *fd, pid_t *holder)
{
	int r = 0, got;

	got = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (got < 0)
		return -errno;
	if (flock(got, LOCK_EX | LOCK_NB) < 0) {
		r = -errno;
		*holder = lock_read(got);
	} else if (!lock_is_the_file(got, path)) {
		r = -EAGAIN;
	}
	if (r < 0)
		close(got);
	else
		*fd = got;
	return r;
}

int
lock_take(const char *path, int wait_ms, int *fd, pid_t *holder)
{
	int64_t until = now_ms() +
			(wait_ms > LOCK_LEAST_MS ? wait_ms : LOCK_LEAST_MS);
	int r;

	static_assert(EWOULDBLOCK == EAGAIN, "either is: try again");
	*holder = 0;
	for (;;) {
		r = lock_try(path, fd, holder);
		if ((r != -EAGAIN && r != -EINTR) || now_ms() >= until)
			break;
		pause_ms(LOCK_PAUSE_MS);
	}
	if (r == 0)
		lock_sign(*fd);
	return r;
}

int
lock_holder(const char *path, pid_t *holder)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), r = 0;

	if (fd < 0) {
		if (errno != ENOENT)
			return -errno;
		*holder = 0;
		return 0;
	}
	/* Shared, and for a moment: two who ask do not see each other, and
	 * lock_take() tries for longer than this lasts. */
	if (flock(fd, LOCK_SH | LOCK_NB) == 0) {
		*holder = 0;
	} else if (errno == EWOULDBLOCK) {
		*holder = lock_read(fd);
		/* Held, and its name not written yet, or never. */
		if (*holder == 0)
			r = -EBUSY;
	} else {
		r = -errno;
	}
	close(fd);
	return r;
}
