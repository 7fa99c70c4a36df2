#include "cmd/command/talk.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipc/channel.h"
#include "lib/base/buf.h"

enum {
	ANSWER_MAX = 4 << 20
};

int
talk_dial(const char *dir, int timeout_ms, int *fd)
{
	char path[PATH_MAX];
	int r;

	if (snprintf(path, sizeof(path), "%s/mpcrawl.sock", dir) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	r = channel_connect(path, timeout_ms, fd);
	return r == -ECONNREFUSED || r == -ENOTDIR ? -ENOENT : r;
}

json_t *
talk_ask(int fd, json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	struct buf in;
	json_t *reply = NULL;
	ssize_t n = -1;

	buf_init(&in, ANSWER_MAX);
	if (text != NULL && send(fd, text, strlen(text), MSG_NOSIGNAL) > 0)
		n = send(fd, "\n", 1, MSG_NOSIGNAL);
	while (n > 0 && (in.len == 0 || in.ptr[in.len - 1] != '\n')) {
		char *room = buf_room(&in, 4096);

		if (room == NULL)
			break;
		n = recv(fd, room, 4096, 0);
		if (n > 0)
			in.len += (size_t)n;
	}
	if (in.len > 0)
		reply = json_loadb(in.ptr, in.len, 0, NULL);
	buf_fini(&in);
	free(text);
	return reply;
}

bool
talk_is_over(const char *dir, int timeout_ms)
{
	int fd, r = talk_dial(dir, timeout_ms, &fd);

	if (r == 0)
		close(fd);
	return r == -ENOENT;
}
