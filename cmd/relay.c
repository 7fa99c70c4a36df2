#include "cmd/relay.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

int
relay_send(int fd, uint64_t number, const char *text, size_t len)
{
	struct iovec parts[2] = { { &number, sizeof(number) },
		{ (char *)text, len } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	ssize_t n;

	if (len > RELAY_TEXT)
		return -EMSGSIZE;
	do
		n = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return 0;
	/* A packet that finds no memory may find it later. */
	if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)
		return -EAGAIN;
	return errno == EMSGSIZE ? -EMSGSIZE : -EPIPE;
}

int
relay_receive(int fd, struct relay_packet *out, size_t *len)
{
	ssize_t n;

	do
		n = recv(fd, out, sizeof(*out), MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0)
		return -EPIPE;
	if ((size_t)n < sizeof(out->number))
		return -EBADMSG;
	*len = (size_t)n - sizeof(out->number);
	return 1;
}
