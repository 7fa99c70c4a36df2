#include "ipc/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness.h"

static const char *
lock_path(void)
{
	static char path[256]; /* a test has one, and a process of its own */

	snprintf(path, sizeof(path), "%s/lock", test_temp_dir());
	return path;
}

/* A child that takes the lock, says so, and waits to be killed. */
static pid_t
holder_start(const char *path)
{
	int said[2];
	pid_t child, none;
	char byte;

	ck_assert_int_eq(pipe(said), 0);
	child = fork();
	if (child == 0) {
		int fd;

		byte = lock_take(path, 0, &fd, &none) == 0 ? 'y' : 'n';
		(void)!write(said[1], &byte, 1);
		pause();
		_exit(1);
	}
	ck_assert_int_eq(read(said[0], &byte, 1), 1);
	ck_assert_int_eq(byte, 'y');
	close(said[0]);
	close(said[1]);
	return child;
}

static void
kill_and_reap(pid_t pid)
{
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(lock_names_its_holder)
{
	const char *path = lock_path();
	pid_t pid = -1, child;
	struct stat st;
	int fd = -1;

	ck_assert_int_eq(lock_holder(path, &pid), 0);
	ck_assert_int_eq(pid, 0);
	child = holder_start(path);
	ck_assert_int_eq(lock_take(path, 0, &fd, &pid), -EWOULDBLOCK);
	ck_assert_int_eq(pid, child);
	ck_assert_int_eq(fd, -1);
	pid = 0;
	ck_assert_int_eq(lock_holder(path, &pid), 0);
	ck_assert_int_eq(pid, child);
	kill_and_reap(child);
	/* Its name is still in the file; it holds nothing. */
	ck_assert_int_eq(lock_holder(path, &pid), 0);
	ck_assert_int_eq(pid, 0);
	ck_assert_int_eq(lock_take(path, 0, &fd, &pid), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	close(fd);
}
END_TEST

START_TEST(lock_is_held_as_long_as_any_child_lives)
{
	const char *path = lock_path();
	int fd, gate[2], other;
	pid_t child, pid;

	ck_assert_int_eq(pipe(gate), 0);
	ck_assert_int_eq(lock_take(path, 0, &fd, &pid), 0);
	child = fork();
	if (child == 0) {
		char byte;

		close(gate[1]);
		(void)!read(gate[0], &byte, 1);
		_exit(0);
	}
	close(fd);
	ck_assert_int_eq(lock_take(path, 0, &other, &pid), -EWOULDBLOCK);
	ck_assert_int_eq(pid, getpid());
	/* And those who wait for a dying orphan get it when it is gone. */
	close(gate[1]);
	ck_assert_int_eq(lock_take(path, 20000, &other, &pid), 0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	close(other);
}
END_TEST

START_TEST(lock_of_a_removed_file_is_not_enough)
{
	const char *path = lock_path();
	int first, second;
	pid_t pid;

	ck_assert_int_eq(lock_take(path, 0, &first, &pid), 0);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(lock_take(path, 0, &second, &pid), 0);
	ck_assert_int_eq(lock_holder(path, &pid), 0);
	ck_assert_int_eq(pid, getpid());
	close(first);
	close(second);
}
END_TEST

/* Takes the lock, removes the file, lets go; and again. */
static void
take_and_remove(const char *path, int times)
{
	for (int i = 0; i < times; i++) {
		struct stat st;
		pid_t pid;
		int fd;

		if (lock_take(path, 20000, &fd, &pid) != 0 ||
		    fstat(fd, &st) != 0 || st.st_nlink != 1)
			_exit(1);
		unlink(path);
		close(fd);
	}
}

/* Only the holder removes it, so who holds it holds the file of that name. */
START_TEST(lock_taken_is_that_of_the_file_there_now)
{
	const char *path = lock_path();
	pid_t child = fork();
	int status;

	take_and_remove(path, 2000);
	if (child == 0)
		_exit(0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(lock_held_without_a_name_is_busy)
{
	const char *path = lock_path();
	pid_t child = holder_start(path), pid = 1;
	int fd;

	ck_assert_int_eq(truncate(path, 0), 0);
	ck_assert_int_eq(lock_holder(path, &pid), -EBUSY);
	ck_assert_int_eq(lock_take(path, 0, &fd, &pid), -EWOULDBLOCK);
	ck_assert_int_eq(pid, 0);
	/* Never a number that would make kill(2) dangerous. */
	fd = open(path, O_WRONLY);
	ck_assert_int_eq(write(fd, "-1 2\n", 5), 5);
	ck_assert_int_eq(lock_holder(path, &pid), -EBUSY);
	close(fd);
	kill_and_reap(child);
}
END_TEST

START_TEST(lock_says_why_it_cannot_be)
{
	pid_t pid;
	int fd;

	ck_assert_int_eq(lock_take("/nowhere/at/all", 0, &fd, &pid), -ENOENT);
	ck_assert_int_eq(lock_take("/tmp", 0, &fd, &pid), -EISDIR);
}
END_TEST

TEST_MAIN("lock", lock_names_its_holder,
    lock_is_held_as_long_as_any_child_lives,
    lock_of_a_removed_file_is_not_enough,
    lock_taken_is_that_of_the_file_there_now, lock_held_without_a_name_is_busy,
    lock_says_why_it_cannot_be)
