#include "ipc/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness.h"

static char *
in_dir(const char *dir, const char *name)
{
	char *path = NULL;

	ck_assert(asprintf(&path, "%s/%s", dir, name) > 0);
	return path;
}

static void
ck_talks(const char *path, int listener)
{
	struct pollfd wait = { .fd = listener, .events = POLLIN };
	int client, server;
	char got[8] = "";

	ck_assert_int_eq(channel_connect(path, 5000, &client), 0);
	ck_assert_int_eq(poll(&wait, 1, 5000), 1);
	ck_assert_int_eq(channel_accept(listener, &server), 0);
	ck_assert(fcntl(server, F_GETFL) & O_NONBLOCK);
	ck_assert_int_eq(write(client, "hello", 5), 5);
	ck_assert_int_eq(read(server, got, sizeof(got)), 5);
	ck_assert_str_eq(got, "hello");
	close(client);
	close(server);
}

START_TEST(channel_connects_two)
{
	char *path = in_dir(test_temp_dir(), "sock");
	int listener, fd;
	struct stat st;

	umask(0);
	ck_assert_int_eq(channel_listen(path, &listener), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(channel_accept(listener, &fd), -EAGAIN);
	ck_talks(path, listener);
	close(listener);
	free(path);
}
END_TEST

START_TEST(channel_with_nobody_there_says_so)
{
	char *path = in_dir(test_temp_dir(), "sock");
	int listener, fd;

	ck_assert_int_eq(channel_connect(path, 100, &fd), -ENOENT);
	ck_assert_int_eq(channel_listen(path, &listener), 0);
	close(listener); /* killed: the file stays */
	ck_assert_int_eq(channel_connect(path, 100, &fd), -ECONNREFUSED);
	ck_assert_int_eq(channel_listen(path, &listener), 0);
	ck_talks(path, listener);
	close(listener);
	free(path);
}
END_TEST

START_TEST(channel_removes_sockets_only)
{
	char *path = in_dir(test_temp_dir(), "file");
	int fd = open(path, O_CREAT | O_WRONLY, 0600), listener;

	close(fd);
	ck_assert_int_eq(channel_listen(path, &listener), -EEXIST);
	ck_assert_int_eq(access(path, F_OK), 0);
	free(path);
}
END_TEST

START_TEST(channel_reaches_a_long_path)
{
	char *dir = strdup(test_temp_dir()), *path, name[101];
	int listener;

	memset(name, 'd', 100);
	name[100] = '\0';
	for (int i = 0; i < 3; i++) {
		char *deeper = in_dir(dir, name);

		ck_assert_int_eq(mkdir(deeper, 0700), 0);
		free(dir);
		dir = deeper;
	}
	path = in_dir(dir, "mpcrawl.sock");
	ck_assert_uint_gt(strlen(path),
	    sizeof(((struct sockaddr_un *)0)->sun_path));
	ck_assert_int_eq(channel_listen(path, &listener), 0);
	ck_talks(path, listener);
	close(listener);
	ck_assert_int_eq(channel_listen(path, &listener), 0); /* stale */
	close(listener);
	free(path);
	/* A name that no trick makes short. */
	path = in_dir(dir, name);
	ck_assert_int_eq(channel_listen(path, &listener), -ENAMETOOLONG);
	free(path);
	free(dir);
}
END_TEST

START_TEST(channel_refuses_another_user)
{
	char *path = in_dir(test_temp_dir(), "sock");
	int listener, fd;
	pid_t child;

	if (getuid() != 0)
		return; /* only root can become somebody else */
	ck_assert_int_eq(channel_listen(path, &listener), 0);
	ck_assert_int_eq(chmod(path, 0666), 0);
	{
		char *dir = strdup(path);

		*strrchr(dir, '/') = '\0';
		ck_assert_int_eq(chmod(dir, 0755), 0);
		*strrchr(dir, '/') = '\0';
		ck_assert_int_eq(chmod(dir, 0755), 0);
		free(dir);
	}
	child = fork();
	if (child == 0) {
		if (setuid(12345) < 0)
			_exit(2);
		_exit(channel_connect(path, 5000, &fd) == 0 ? 0 : 1);
	}
	{
		int status;
		struct pollfd wait = { .fd = listener, .events = POLLIN };

		ck_assert_int_eq(waitpid(child, &status, 0), child);
		ck_assert_int_eq(status, 0);
		ck_assert_int_eq(poll(&wait, 1, 5000), 1);
	}
	ck_assert_int_eq(channel_accept(listener, &fd), -EACCES);
	ck_assert_int_eq(channel_accept(listener, &fd), -EAGAIN);
	close(listener);
	free(path);
}
END_TEST

START_TEST(channel_times_out_rather_than_hang)
{
	char *path = in_dir(test_temp_dir(), "sock"), byte;
	int listener, client;

	ck_assert_int_eq(channel_listen(path, &listener), 0);
	ck_assert_int_eq(channel_connect(path, 50, &client), 0);
	ck_assert_int_eq(read(client, &byte, 1), -1);
	ck_assert_int_eq(errno, EAGAIN);
	close(client);
	close(listener);
	free(path);
}
END_TEST

START_TEST(channel_pair_keeps_packets_apart)
{
	char got[16];
	int fds[2];

	ck_assert_int_eq(channel_pair(fds), 0);
	ck_assert_int_eq(read(fds[0], got, sizeof(got)), -1);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_eq(write(fds[1], "one", 3), 3);
	ck_assert_int_eq(write(fds[1], "three", 5), 5);
	ck_assert_int_eq(read(fds[0], got, sizeof(got)), 3);
	ck_assert_int_eq(read(fds[0], got, sizeof(got)), 5);
	/* A reader that does not read never blocks the writer. */
	while (write(fds[1], "x", 1) == 1)
		;
	ck_assert_int_eq(errno, EAGAIN);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

TEST_MAIN("channel", channel_connects_two, channel_with_nobody_there_says_so,
    channel_removes_sockets_only, channel_reaches_a_long_path,
    channel_refuses_another_user, channel_times_out_rather_than_hang,
    channel_pair_keeps_packets_apart)
