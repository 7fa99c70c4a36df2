/*
 * The manager's process: one thread, one request at a time.
 *
 * It waits for no client: a request is there whole or not at all, and who does
 * not read its answer is cut off.  A client that lost its connection repeats
 * its last request; what changed something then is not done again, but
 * answered as it was.
 */
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ipc/mp/manager_impl.h"

enum {
	SERVER_BACKLOG = 128,
	SERVER_EVENTS = 64,
	SERVER_SESSIONS = 2 * MP_MANAGER_CLIENTS,
	SERVER_FILES = 64 /* beside those of clients */
};

/* A client as its requests tell it, with a connection or between two. */
struct session {
	uint64_t client;
	uint64_t number; /* of the last request that changed something */
	uint64_t used;   /* server's turn; 0: nobody */
	struct mp_answer_head answer;
	char *bytes; /* of that answer */
	bool connected;
};

struct client {
	struct mp_conn *conn; /* NULL: none */
	struct session *session;
	uint64_t used;
};

struct server {
	struct mp_store *store;
	int listener, epoll;
	uint64_t turn;
	char *buf; /* requests and answers */
	size_t cap;
	struct client clients[MP_MANAGER_CLIENTS];
	struct session sessions[SERVER_SESSIONS];
};

socklen_t
mp_manager_address(const struct mp_context *ctx, const char *name,
    struct sockaddr_un *out)
{
	static const char digits[] = "0123456789abcdef";
	char id[2 * sizeof(ctx->shared->id) + 1];
	int len;

	for (size_t i = 0; i < sizeof(ctx->shared->id); i++) {
		id[2 * i] = digits[ctx->shared->id[i] >> 4];
		id[2 * i + 1] = digits[ctx->shared->id[i] & 15];
	}
	id[sizeof(id) - 1] = '\0';
	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	/* Abstract: gone with its process, whatever ends that. */
	len = snprintf(out->sun_path + 1, sizeof(out->sun_path) - 1,
	    "mpipc/%s/%.*s", id, MP_NAME_MAX + 1, name);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			   (size_t)len);
}

/* --- who is there --------------------------------------------------------- */

static void
client_drop(struct client *c)
{
	mp_conn_close(c->conn); /* and it leaves the epoll with it */
	c->conn = NULL;
	if (c->session != NULL)
		c->session->connected = false;
	c->session = NULL;
}

/* A place for one more; of the one that said nothing for longest, when there
 * is none: it will come back. */
static struct client *
client_place(struct server *s)
{
	struct client *oldest = &s->clients[0];

	for (size_t i = 0; i < MP_MANAGER_CLIENTS; i++) {
		if (s->clients[i].conn == NULL)
			return &s->clients[i];
		if (s->clients[i].used < oldest->used)
			oldest = &s->clients[i];
	}
	client_drop(oldest);
	return oldest;
}

static int
client_add(struct server *s, int fd)
{
	struct client *c = client_place(s);
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
	int r = mp_conn_over(fd, &c->conn);

	if (r < 0)
		return r;
	c->used = ++s->turn;
	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		client_drop(c);
	return 0;
}

static void
accept_one(struct server *s)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE)
			client_drop(client_place(s));
		return;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 ||
	    (peer.uid != geteuid() && peer.uid != 0))
		close(fd);
	else
		(void)!client_add(s, fd);
}

/* That of the client; else a new one, if need be in place of the one that has
 * been away for longest.  NULL: all are here. */
static struct session *
session_of(struct server *s, struct client *c, uint64_t client)
{
	struct session *at = NULL;

	if (c->session != NULL && c->session->client == client)
		return c->session;
	for (size_t i = 0; i < SERVER_SESSIONS; i++) {
		struct session *one = &s->sessions[i];

		if (one->used != 0 && one->client == client) {
			at = one;
			break;
		}
		if (!one->connected && (at == NULL || one->used < at->used))
			at = one;
	}
	if (at == NULL)
		return NULL;
	if (at->used == 0 || at->client != client) {
		free(at->bytes);
		*at = (struct session){ .client = client };
	}
	if (c->session != NULL)
		c->session->connected = false;
	at->connected = true;
	c->session = at;
	return at;
}

/* --- requests ------------------------------------------------------------- */

/* Refused, or the parts of it. */
static bool
request_read(const struct mp_request_head *head, const char *bytes, size_t len,
    struct mp_ask *ask)
{
	if (head->magic != MP_MANAGER_MAGIC || head->op >= MP_MANAGER_OPS ||
	    head->key_len > MP_KEY_MAX || head->value_len > MP_ITEM_MAX ||
	    head->key_len + head->value_len != len || head->number == 0)
		return false;
	*ask = (struct mp_ask){ .op = (enum mp_manager_op)head->op,
		.object = head->object,
		.index = head->index,
		.cap = head->cap,
		.key = { bytes, (size_t)head->key_len },
		.value = { bytes + head->key_len, (size_t)head->value_len } };
	return true;
}

static bool
buf_room(struct server *s, size_t len)
{
	char *more;

	if (len <= s->cap)
		return true;
	more = realloc(s->buf, len);
	if (more == NULL)
		return false;
	s->buf = more;
	s->cap = len;
	return true;
}

/* In one message, that is never waited for. */
static bool
answer(struct server *s, struct client *c, const struct mp_answer_head *head,
    const void *bytes)
{
	size_t len = bytes == NULL ? 0 : (size_t)head->len;

	/* `bytes` may be a part of the request, which is in the buffer: it is
	 * moved, and the head goes before it. */
	if (bytes != NULL && bytes >= (void *)s->buf &&
	    bytes < (void *)(s->buf + s->cap)) {
		memmove(s->buf + sizeof(*head), bytes, len);
	} else {
		if (!buf_room(s, sizeof(*head) + len))
			return false;
		if (len > 0)
			memcpy(s->buf + sizeof(*head), bytes, len);
	}
	memcpy(s->buf, head, sizeof(*head));
	return mp_conn_send(c->conn, s->buf, sizeof(*head) + len, 0) == 0;
}

/* What it must be told again, should it ask again. */
static bool
keep(struct session *at, const struct mp_answer_head *head, const void *bytes)
{
	char *copy = NULL;

	if (bytes != NULL) {
		copy = malloc((size_t)head->len + 1);
		if (copy == NULL)
			return false;
		if (head->len > 0)
			memcpy(copy, bytes, (size_t)head->len);
	}
	free(at->bytes);
	at->bytes = copy;
	at->answer = *head;
	at->number = head->number;
	return true;
}

/* false: it is to be cut off. */
static bool
request_do(struct server *s, struct client *c, size_t len)
{
	struct mp_request_head head;
	struct mp_answer_head said = { .magic = MP_MANAGER_MAGIC };
	struct mp_reply reply;
	struct mp_ask ask;
	struct session *at;
	const void *bytes;

	if (len < sizeof(head))
		return false;
	memcpy(&head, s->buf, sizeof(head));
	if (!request_read(&head, s->buf + sizeof(head), len - sizeof(head),
		&ask))
		return false;
	at = session_of(s, c, head.client);
	if (at == NULL || head.number < at->number)
		return false; /* of another time */
	c->used = at->used = ++s->turn;
	if (head.number == at->number)
		return answer(s, c, &at->answer, at->bytes);

	mp_store_do(s->store, &ask, &reply);
	said.number = head.number;
	said.result = reply.result;
	said.len = reply.bytes.len;
	bytes = reply.result < 0 ? NULL : reply.bytes.bytes;
	if (mp_store_changes(ask.op) && !keep(at, &said, bytes))
		return false;
	return answer(s, c, &said, bytes);
}

static void
client_serve(struct server *s, struct client *c)
{
	size_t len;
	int r;

	if (c->conn == NULL)
		return; /* dropped for another, in the same round */
	r = mp_conn_recv(c->conn, s->buf, s->cap, &len, 0);
	if (r == MP_EMSGSIZE && len <= MP_REQUEST_MAX && buf_room(s, len))
		r = mp_conn_recv(c->conn, s->buf, s->cap, &len, 0);
	if (r == MP_ETIMEDOUT)
		return;
	if (r < 0 || !request_do(s, c, len))
		client_drop(c);
}

/* --- life ----------------------------------------------------------------- */

/* Our parent's files are not ours: an end of a pipe that stayed open here would
 * never be seen closed. */
static int
close_others(struct mp_conn *ready)
{
	unsigned keep_fd = (unsigned)mp_conn_fileno(ready);

	if (keep_fd > 3 && close_range(3, keep_fd - 1, 0) < 0)
		return -errno;
	return close_range(keep_fd + 1, ~0U, 0) < 0 ? -errno : 0;
}

static int
listen_at(const struct mp_context *ctx, const char *name)
{
	struct sockaddr_un address;
	socklen_t len = mp_manager_address(ctx, name, &address);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	int r = fd;

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, len) < 0)
		r = errno == EADDRINUSE ? -EEXIST : -errno;
	else if (listen(fd, SERVER_BACKLOG) < 0)
		r = -errno;
	if (r < 0)
		close(fd);
	return r;
}

static int
server_open(struct server *s, const struct mp_context *ctx, const char *name,
    uint64_t memory, struct mp_conn *ready)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct rlimit files;
	int r = close_others(ready);

	if (r == 0)
		r = mp_store_new(memory, &s->store);
	if (r < 0)
		return r;
	/* As many clients as there may be, if we are allowed to. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 &&
	    files.rlim_cur < MP_MANAGER_CLIENTS + SERVER_FILES) {
		files.rlim_cur = MP_MANAGER_CLIENTS + SERVER_FILES;
		if (files.rlim_cur > files.rlim_max)
			files.rlim_cur = files.rlim_max;
		(void)!setrlimit(RLIMIT_NOFILE, &files);
	}
	s->cap = MP_CONN_PACKET;
	s->buf = malloc(s->cap);
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->buf == NULL || s->epoll < 0)
		return MP_ENOMEM;
	s->listener = listen_at(ctx, name);
	if (s->listener < 0)
		return s->listener;
	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->listener, &event) < 0)
		return -errno;
	return 0;
}

int
mp_manager_serve(struct mp_context *ctx, const char *name, uint64_t memory,
    struct mp_conn *ready)
{
	struct server *s = calloc(1, sizeof(*s));
	struct epoll_event events[SERVER_EVENTS];
	int r = s == NULL ? MP_ENOMEM
			  : server_open(s, ctx, name, memory, ready);

	if (mp_conn_send(ready, &r, sizeof(r), -1) < 0 || r < 0)
		return 1;
	mp_conn_close(ready);
	for (;;) {
		int n = epoll_wait(s->epoll, events, SERVER_EVENTS, -1);

		if (n < 0 && errno != EINTR)
			return 1;
		for (int i = 0; i < n; i++)
			if (events[i].data.ptr == NULL)
				accept_one(s);
			else
				client_serve(s, events[i].data.ptr);
	}
}
