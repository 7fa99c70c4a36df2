/*
 * Messages over a pair of packet sockets.
 *
 * A packet is a head and the bytes, or a head alone and a memory file that has
 * them.  The head makes a message of no bytes another thing than the end, and
 * says how long a file must be: what comes from the other end is checked, for
 * a peer may be broken or hostile.
 */
#include "ipc/mp/pipe.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipc/mp/pipe_impl.h"
#include "ipc/mp/process_impl.h"

/* "mpc" and which of the two. */
#define CONN_PACKET UINT32_C(0x5063706d)
#define CONN_FILE   UINT32_C(0x4663706d)

enum {
	CONN_SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE,
	WAIT_FEW = 16 /* items that need no memory */
};

struct conn_head {
	uint32_t kind;
	uint32_t zero;
	uint64_t len;
};

/* One descriptor, and no room for a second. */
union conn_rights {
	struct cmsghdr head;
	char bytes[CMSG_SPACE(sizeof(int))];
};

struct mp_conn {
	int fd;
	bool receives, sends;
	/* A message that did not fit is held: its bytes, or its file. */
	bool holds;
	size_t held_len;
	int held_file; /* -1: in `spill` */
	char *spill;   /* MP_CONN_PACKET bytes, from the first need on */
};

/* --- ends ----------------------------------------------------------------- */

int
mp_conn_over(int fd, struct mp_conn **out)
{
	struct mp_conn *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		close(fd);
		return MP_ENOMEM;
	}
	c->fd = fd;
	c->receives = c->sends = true;
	c->held_file = -1;
	*out = c;
	return 0;
}

int
mp_pipe_open(bool duplex, struct mp_conn **a, struct mp_conn **b)
{
	struct mp_conn *one = NULL, *two = NULL;
	int fds[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	r = mp_conn_over(fds[0], &one);
	if (r == 0)
		r = mp_conn_over(fds[1], &two);
	else
		close(fds[1]);
	if (r < 0) {
		mp_conn_close(one);
		return r;
	}
	one->sends = two->receives = duplex;
	*a = one;
	*b = two;
	return 0;
}

void
mp_conn_close(struct mp_conn *c)
{
	if (c == NULL)
		return;
	if (c->held_file >= 0)
		close(c->held_file);
	close(c->fd);
	free(c->spill);
	free(c);
}

int
mp_conn_fileno(const struct mp_conn *c)
{
	return c->fd;
}

/* 1: something of `events` or an end, 0: the time is over. */
static int
wait_for(int fd, short events, struct mp_deadline deadline)
{
	struct pollfd one = { .fd = fd, .events = events };
	int r;

	do
		r = poll(&one, 1, mp_deadline_left_ms(deadline));
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

/* With no time limit the call itself waits; else nothing does but poll(). */
static int
flags_of(int timeout_ms)
{
	return timeout_ms < 0 ? 0 : MSG_DONTWAIT;
}

/* --- sending -------------------------------------------------------------- */

static int
send_packet(struct mp_conn *c, const struct msghdr *msg, int timeout_ms)
{
	struct mp_deadline deadline = mp_deadline_in(timeout_ms);

	for (;;) {
		int r;

		if (sendmsg(c->fd, msg, MSG_NOSIGNAL | flags_of(timeout_ms)) >=
		    0)
			return 0;
		if (errno == EPIPE)
			return MP_EBROKEN;
		/* The other end went without having read all of ours: told
		 * once, and the next call says what is so now. */
		if (errno == EINTR || errno == ECONNRESET)
			continue;
		if (errno != EAGAIN)
			return -errno;
		r = wait_for(c->fd, POLLOUT, deadline);
		if (r <= 0)
			return r < 0 ? r : MP_ETIMEDOUT;
	}
}

/* Of these bytes, and of these for ever. */
static int
file_make(const char *bytes, size_t len, int *out)
{
	int fd = memfd_create("mpipc-message", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t at = 0;
	int r = 0;

	if (fd < 0)
		return -errno;
	while (at < len && r == 0) {
		ssize_t n = write(fd, bytes + at, len - at);

		if (n >= 0)
			at += (size_t)n;
		else if (errno != EINTR)
			r = -errno;
	}
	if (r == 0 && fcntl(fd, F_ADD_SEALS, CONN_SEALS | F_SEAL_SEAL) < 0)
		r = -errno;
	if (r < 0)
		close(fd);
	else
		*out = fd;
	return r;
}

static int
send_file(struct mp_conn *c, const void *buf, size_t len, int timeout_ms)
{
	struct conn_head head = { .kind = CONN_FILE, .len = len };
	struct iovec part = { &head, sizeof(head) };
	union conn_rights rights = { .head = {
					 .cmsg_len = CMSG_LEN(sizeof(int)),
					 .cmsg_level = SOL_SOCKET,
					 .cmsg_type = SCM_RIGHTS } };
	struct msghdr msg = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &rights,
		.msg_controllen = sizeof(rights.bytes) };
	int fd = -1, r;

	r = file_make(buf, len, &fd);
	if (r < 0)
		return r;
	memcpy(CMSG_DATA(&rights.head), &fd, sizeof(fd));
	r = send_packet(c, &msg, timeout_ms);
	close(fd);
	return r;
}

int
mp_conn_send(struct mp_conn *c, const void *buf, size_t len, int timeout_ms)
{
	struct conn_head head = { .kind = CONN_PACKET, .len = len };
	struct iovec parts[] = { { &head, sizeof(head) },
		{ (void *)buf, len } };
	struct msghdr msg = { .msg_iov = parts,
		.msg_iovlen = ARRAY_LEN(parts) };
	int r = -EMSGSIZE;

	if (!c->sends)
		return MP_EPERM;
	if (len <= MP_CONN_PACKET)
		r = send_packet(c, &msg, timeout_ms);
	/* Also where the socket's buffer is smaller than that. */
	if (r == -EMSGSIZE)
		r = send_file(c, buf, len, timeout_ms);
	return r;
}

/* --- receiving ------------------------------------------------------------ */

/* The descriptor that came along; -1: none.  Others are closed. */
static int
rights_take(struct msghdr *msg)
{
	int fd = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL;
	     c = CMSG_NXTHDR(msg, c)) {
		size_t len = c->cmsg_len - CMSG_LEN(0);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; at + sizeof(fd) <= len; at += sizeof(fd)) {
			if (fd >= 0)
				close(fd);
			memcpy(&fd, CMSG_DATA(c) + at, sizeof(fd));
		}
	}
	return fd;
}

/* A memory file that can change no more, of that length.  Of another kind of
 * file a read could wait for ever. */
static bool
file_is_whole(int fd, uint64_t len)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	return seals >= 0 && (seals & CONN_SEALS) == CONN_SEALS &&
	       fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       (uint64_t)st.st_size == len;
}

static int
file_read(int fd, char *buf, size_t len)
{
	size_t at = 0;

	while (at < len) {
		ssize_t n = pread(fd, buf + at, len - at, (off_t)at);

		if (n > 0)
			at += (size_t)n;
		else if (n == 0)
			return MP_ECORRUPT;
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

/* What is held, or stays so. */
static int
give_held(struct mp_conn *c, void *buf, size_t cap, size_t *len)
{
	int r = 0;

	*len = c->held_len;
	if (c->held_len > cap)
		return MP_EMSGSIZE;
	if (c->held_file < 0) {
		if (c->held_len > 0)
			memcpy(buf, c->spill, c->held_len);
	} else {
		r = file_read(c->held_file, buf, c->held_len);
		close(c->held_file);
		c->held_file = -1;
	}
	c->holds = false;
	return r;
}

/* A packet of `n` bytes has come, the first `fits` of the message in `buf`, the
 * others behind their place in the spill; and `file`, or -1, which is ours. */
static int
judge(struct mp_conn *c, const struct conn_head *head, size_t n, int file,
    void *buf, size_t fits, size_t cap, size_t *len)
{
	bool headed = n >= sizeof(*head) && head->zero == 0;

	if (headed && head->kind == CONN_FILE && n == sizeof(*head) &&
	    file >= 0 && file_is_whole(file, head->len)) {
		c->holds = true;
		c->held_len = (size_t)head->len;
		c->held_file = file;
		return give_held(c, buf, cap, len);
	}
	if (file >= 0)
		close(file);
	n -= headed ? sizeof(*head) : 0;
	if (!headed || file >= 0 || head->kind != CONN_PACKET || head->len != n)
		return MP_ECORRUPT;
	*len = n;
	if (n <= cap)
		return 0;
	if (fits > 0)
		memcpy(c->spill, buf, fits);
	c->holds = true;
	c->held_len = n;
	return MP_EMSGSIZE;
}

static int
recv_packet(struct mp_conn *c, struct msghdr *msg, int timeout_ms, size_t *n)
{
	struct mp_deadline deadline = mp_deadline_in(timeout_ms);
	size_t room = msg->msg_controllen;

	for (;;) {
		ssize_t got;
		int r;

		msg->msg_controllen = room;
		got = recvmsg(c->fd, msg,
		    MSG_CMSG_CLOEXEC | flags_of(timeout_ms));
		if (got >= 0) {
			*n = (size_t)got;
			return 0;
		}
		/* As in send_packet(): what had come before is still there. */
		if (errno == EINTR || errno == ECONNRESET)
			continue;
		if (errno != EAGAIN)
			return -errno;
		r = wait_for(c->fd, POLLIN, deadline);
		if (r <= 0)
			return r < 0 ? r : MP_ETIMEDOUT;
	}
}

int
mp_conn_recv(struct mp_conn *c, void *buf, size_t cap, size_t *len,
    int timeout_ms)
{
	size_t fits = cap < MP_CONN_PACKET ? cap : MP_CONN_PACKET, n = 0;
	struct conn_head head;
	union conn_rights rights;
	struct iovec parts[3] = { { &head, sizeof(head) }, { buf, fits } };
	struct msghdr msg = { .msg_iov = parts,
		.msg_iovlen = 2,
		.msg_control = &rights,
		.msg_controllen = CMSG_LEN(sizeof(int)) };
	int file, r;

	if (!c->receives)
		return MP_EPERM;
	if (c->holds)
		return give_held(c, buf, cap, len);
	/* One call, whatever comes: what does not fit is not lost. */
	if (fits < MP_CONN_PACKET) {
		if (c->spill == NULL)
			c->spill = malloc(MP_CONN_PACKET);
		if (c->spill == NULL)
			return MP_ENOMEM;
		parts[2] = (struct iovec){ c->spill + fits,
			MP_CONN_PACKET - fits };
		msg.msg_iovlen = 3;
	}
	r = recv_packet(c, &msg, timeout_ms, &n);
	if (r < 0)
		return r;
	file = rights_take(&msg);
	if (n == 0) { /* the end, or an empty packet that nobody of us sends */
		if (file >= 0)
			close(file);
		return MP_EEOF;
	}
	if ((msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
		n = 0; /* more than we send: whatever it says */
	return judge(c, &head, n, file, buf, fits, cap, len);
}

int
mp_conn_poll(struct mp_conn *c, int timeout_ms)
{
	if (!c->receives)
		return MP_EPERM;
	if (c->holds)
		return 1;
	return wait_for(c->fd, POLLIN, mp_deadline_in(timeout_ms));
}

/* --- several at once ------------------------------------------------------ */

/* 1: ready; 0: not, and fds is what to ask; MP_EINVAL, -errno. */
static int
item_look(const struct mp_wait_item *item, struct pollfd *fds, int *look_ms)
{
	int restart_ms, r;

	*fds = (struct pollfd){ .fd = item->fd, .events = POLLIN };
	if (item->conn != NULL) {
		if (!item->conn->receives)
			return MP_EINVAL;
		fds->fd = item->conn->fd;
		return item->conn->holds;
	}
	if (item->process == NULL)
		return item->fd < 0 ? MP_EINVAL : 0;
	restart_ms = mp_children_restart(item->process->ctx);
	r = mp_process_look(item->process, &fds->fd);
	if (r == -EAGAIN && fds->fd < 0 && restart_ms < 0)
		restart_ms = MP_LOOK_MS; /* begun by another thread */
	if (restart_ms >= 0 && (*look_ms < 0 || restart_ms < *look_ms))
		*look_ms = restart_ms;
	return r == 0 ? 1 : r == -EAGAIN ? 0 : r;
}

/* How many are ready now, after at most one sleep. */
static int
items_look(const struct mp_wait_item *items, size_t n, struct pollfd *fds,
    int left_ms, bool *ready)
{
	int look_ms = -1, count = 0;

	for (size_t i = 0; i < n; i++) {
		int r = item_look(&items[i], &fds[i], &look_ms);

		if (r < 0)
			return r;
		ready[i] = r > 0;
		count += r;
	}
	if (count > 0)
		left_ms = 0;
	else if (left_ms < 0 || (look_ms >= 0 && look_ms < left_ms))
		left_ms = look_ms;
	if (poll(fds, n, left_ms) < 0)
		return errno == EINTR ? count : -errno;
	for (size_t i = 0; i < n; i++) {
		if (ready[i] || fds[i].revents == 0)
			continue;
		if ((fds[i].revents & POLLNVAL) != 0)
			return MP_EINVAL;
		/* A child that has ended may be started again. */
		ready[i] = items[i].conn != NULL || items[i].process == NULL;
		count += ready[i];
	}
	return count;
}

int
mp_wait_any(const struct mp_wait_item *items, size_t n, int timeout_ms,
    bool *ready)
{
	struct mp_deadline deadline = mp_deadline_in(timeout_ms);
	struct pollfd few[WAIT_FEW], *fds = few;
	bool over;
	int r;

	if (n > WAIT_FEW)
		fds = calloc(n, sizeof(*fds));
	if (fds == NULL)
		return MP_ENOMEM;
	do {
		int left = mp_deadline_left_ms(deadline);

		over = left == 0;
		r = items_look(items, n, fds, left, ready);
	} while (r == 0 && !over);
	if (fds != few)
		free(fds);
	return r;
}
