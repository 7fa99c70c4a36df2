/*
 * A manager's clients: one request, one answer, over a connection that each
 * process makes for itself when it first asks.
 */
#include "ipc/mp/manager.h"

#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "ipc/mp/manager_impl.h"

enum {
	/* A manager with more clients than places drops some now and then. */
	MANAGER_TRIES = 8,
	MANAGER_MEMORY = 256 << 20
};

struct mp_manager {
	struct mp_context *ctx;
	/* '=' and the name, or '#' and numbers. */
	char address[MP_NAME_MAX + 2];
	uint64_t memory;
	struct mp_process *process; /* NULL: attached to */
	struct mp_conn *ready;      /* while it starts */
	pid_t pid;                  /* whose are conn, client and number */
	struct mp_conn *conn;
	uint64_t client, number;
	char *buf; /* a request, then its answer: a head and `got` bytes */
	size_t cap, got;
};

struct mp_dict {
	struct mp_manager *m;
	uint32_t object;
};

struct mp_list {
	struct mp_manager *m;
	uint32_t object;
};

struct mp_items {
	char *bytes;
	size_t n;
	size_t at[]; /* n + 1: where each begins, behind its length */
};

/* --- the connection ------------------------------------------------------- */

static int
connect_to(struct mp_manager *m)
{
	struct sockaddr_un address;
	socklen_t len = mp_manager_address(m->ctx, m->address, &address);
	struct ucred peer;
	socklen_t peer_len = sizeof(peer);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return -errno;
	do
		r = connect(fd, (struct sockaddr *)&address, len);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		r = errno == ECONNREFUSED ? MP_EEOF : -errno;
	/* Whoever it is that has this address: it is one of us. */
	else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_len) < 0)
		r = -errno;
	else if (peer.uid != geteuid())
		r = -EACCES;
	if (r < 0) {
		close(fd);
		return r;
	}
	return mp_conn_over(fd, &m->conn);
}

static void
disconnect(struct mp_manager *m)
{
	mp_conn_close(m->conn);
	m->conn = NULL;
}

/* The child of a fork is another client than its parent. */
static int
be_ourselves(struct mp_manager *m)
{
	pid_t pid = getpid();

	if (m->pid == pid)
		return 0;
	disconnect(m);
	if (getrandom(&m->client, sizeof(m->client), 0) != sizeof(m->client))
		return -errno;
	m->number = 0;
	m->pid = pid;
	return 0;
}

static int
buf_room(struct mp_manager *m, size_t len)
{
	char *more;

	if (len <= m->cap)
		return 0;
	more = realloc(m->buf, len);
	if (more == NULL)
		return MP_ENOMEM;
	m->buf = more;
	m->cap = len;
	return 0;
}

/* --- one request ---------------------------------------------------------- */

static int
request_write(struct mp_manager *m, const struct mp_ask *ask, size_t *len)
{
	struct mp_request_head head = { .magic = MP_MANAGER_MAGIC,
		.client = m->client,
		.number = m->number,
		.op = ask->op,
		.object = ask->object,
		.index = ask->index,
		.cap = ask->cap,
		.key_len = ask->key.len,
		.value_len = ask->value.len };
	char *at;
	int r;

	*len = sizeof(head) + ask->key.len + ask->value.len;
	r = buf_room(m, *len);
	if (r < 0)
		return r;
	at = m->buf;
	memcpy(at, &head, sizeof(head));
	at += sizeof(head);
	if (ask->key.len > 0)
		memcpy(at, ask->key.bytes, ask->key.len);
	at += ask->key.len;
	if (ask->value.len > 0)
		memcpy(at, ask->value.bytes, ask->value.len);
	return 0;
}

static int
answer_read(struct mp_manager *m, struct mp_answer_head *head)
{
	size_t len;
	int r = mp_conn_recv(m->conn, m->buf, m->cap, &len, -1);

	if (r == MP_EMSGSIZE) {
		r = buf_room(m, len);
		if (r == 0)
			r = mp_conn_recv(m->conn, m->buf, m->cap, &len, -1);
	}
	if (r < 0)
		return r;
	if (len < sizeof(*head))
		return MP_ECORRUPT;
	memcpy(head, m->buf, sizeof(*head));
	if (head->magic != MP_MANAGER_MAGIC || head->number != m->number ||
	    head->result > INT32_MAX || head->result < INT32_MIN ||
	    (len != sizeof(*head) && head->len != len - sizeof(*head)))
		return MP_ECORRUPT;
	m->got = len - sizeof(*head);
	return 0;
}

static int
try_once(struct mp_manager *m, const struct mp_ask *ask,
    struct mp_answer_head *head)
{
	size_t len;
	int r = m->conn == NULL ? connect_to(m) : 0;

	if (r == 0)
		r = request_write(m, ask, &len);
	if (r == 0)
		r = mp_conn_send(m->conn, m->buf, len, -1);
	if (r == 0)
		r = answer_read(m, head);
	return r == MP_EBROKEN ? MP_EEOF : r;
}

/*
 * The answer's result, its bytes behind a head in m->buf.  A connection that is
 * lost is made again and the same request sent, with its number: done or not,
 * it is done once.
 */
static int
call(struct mp_manager *m, const struct mp_ask *ask,
    struct mp_answer_head *head)
{
	int r;

	if (ask->key.len > MP_KEY_MAX || ask->value.len > MP_ITEM_MAX)
		return MP_EMSGSIZE;
	r = be_ourselves(m);
	if (r < 0)
		return r;
	m->number++;
	for (int i = 0; i < MANAGER_TRIES; i++) {
		r = try_once(m, ask, head);
		if (r == 0)
			return (int)head->result;
		/* Also when an answer may still come: not to the next one. */
		disconnect(m);
		if (r != MP_EEOF)
			break;
	}
	return r;
}

/* The same for those that want bytes. */
static int
call_into(struct mp_manager *m, struct mp_ask *ask, void *buf, size_t cap,
    size_t *len)
{
	struct mp_answer_head head;
	int r;

	ask->cap = cap;
	r = call(m, ask, &head);
	if (r >= 0) {
		if (head.len > cap || head.len != m->got)
			return MP_ECORRUPT;
		if (head.len > 0)
			memcpy(buf, m->buf + sizeof(head), (size_t)head.len);
	}
	if (r >= 0 || r == MP_EMSGSIZE)
		*len = (size_t)head.len;
	return r;
}

static int
call_plain(struct mp_manager *m, const struct mp_ask *ask)
{
	struct mp_answer_head head;

	return call(m, ask, &head);
}

/* --- managers ------------------------------------------------------------- */

static int
serve(struct mp_context *ctx, void *arg)
{
	struct mp_manager *m = arg;

	return mp_manager_serve(ctx, m->address, m->memory, m->ready);
}

static int
manager_new(struct mp_context *ctx, const char *name, struct mp_manager **out)
{
	static _Atomic unsigned unnamed;
	struct mp_manager *m;

	if (name != NULL && (name[0] == '\0' || strlen(name) > MP_NAME_MAX))
		return MP_EINVAL;
	m = calloc(1, sizeof(*m));
	if (m == NULL)
		return MP_ENOMEM;
	m->ctx = ctx;
	m->cap = MP_CONN_PACKET;
	m->buf = malloc(m->cap);
	if (m->buf == NULL) {
		free(m);
		return MP_ENOMEM;
	}
	if (name != NULL)
		snprintf(m->address, sizeof(m->address), "=%s", name);
	else
		snprintf(m->address, sizeof(m->address), "#%d.%u",
		    (int)getpid(), ++unnamed);
	*out = m;
	return 0;
}

/* Started, and it listens: or what kept it from that. */
static int
start_it(struct mp_manager *m)
{
	const struct mp_process_attr attr = { .name = "Manager",
		.daemon = true };
	struct mp_conn *said = NULL;
	size_t len;
	int r, its;

	r = mp_pipe_open(false, &said, &m->ready);
	if (r < 0)
		return r;
	r = mp_process_create(m->ctx, &attr, serve, m, &m->process);
	if (r == 0)
		r = mp_process_start(m->process);
	mp_conn_close(m->ready);
	m->ready = NULL;
	if (r == 0)
		r = mp_conn_recv(said, &its, sizeof(its), &len, -1);
	if (r == 0)
		r = len == sizeof(its) ? its : MP_ECORRUPT;
	mp_conn_close(said);
	return r;
}

int
mp_manager_start(struct mp_context *ctx, const char *name, uint64_t memory,
    struct mp_manager **out)
{
	struct mp_manager *m = NULL;
	int r = manager_new(ctx, name, &m);

	if (r < 0)
		return r;
	m->memory = memory != 0 ? memory : MANAGER_MEMORY;
	r = start_it(m);
	if (r == 0)
		*out = m;
	else
		mp_manager_close(m);
	return r;
}

int
mp_manager_attach(struct mp_context *ctx, const char *name,
    struct mp_manager **out)
{
	struct mp_manager *m = NULL;
	int r;

	if (name == NULL)
		return MP_EINVAL;
	r = manager_new(ctx, name, &m);
	if (r == 0)
		r = be_ourselves(m);
	if (r == 0)
		r = connect_to(m);
	if (r == 0)
		*out = m;
	else
		mp_manager_close(m);
	return r;
}

void
mp_manager_close(struct mp_manager *m)
{
	if (m == NULL)
		return;
	disconnect(m);
	/* In a child of the one that started it these say no, and it stays. */
	if (m->process != NULL && mp_process_kill(m->process) == 0)
		(void)!mp_process_join(m->process, -1);
	(void)mp_process_close(m->process);
	free(m->buf);
	free(m);
}

pid_t
mp_manager_pid(const struct mp_manager *m)
{
	return m->process != NULL ? mp_process_pid(m->process) : 0;
}

/* The number of a dict or list of that name. */
static int
open_in(struct mp_manager *m, enum mp_manager_op op, const char *name)
{
	struct mp_ask ask = { .op = op };

	if (name != NULL && (name[0] == '\0' || strlen(name) > MP_NAME_MAX))
		return MP_EINVAL;
	if (name != NULL)
		ask.key = (struct mp_span){ name, strlen(name) };
	return call_plain(m, &ask);
}

/* --- dicts ---------------------------------------------------------------- */

int
mp_manager_dict(struct mp_manager *m, const char *name, struct mp_dict **out)
{
	struct mp_dict *d;
	int object = open_in(m, MP_DICT_OPEN, name);

	if (object < 0)
		return object;
	d = malloc(sizeof(*d));
	if (d == NULL)
		return MP_ENOMEM;
	*d = (struct mp_dict){ .m = m, .object = (uint32_t)object };
	*out = d;
	return 0;
}

void
mp_dict_close(struct mp_dict *d)
{
	free(d);
}

static struct mp_ask
ask_dict(const struct mp_dict *d, enum mp_manager_op op, const void *key,
    size_t key_len)
{
	return (struct mp_ask){ .op = op,
		.object = d->object,
		.key = { key, key_len } };
}

int
mp_dict_set(struct mp_dict *d, const void *key, size_t key_len,
    const void *value, size_t len)
{
	struct mp_ask ask = ask_dict(d, MP_DICT_SET, key, key_len);

	ask.value = (struct mp_span){ value, len };
	return call_plain(d->m, &ask);
}

int
mp_dict_get(struct mp_dict *d, const void *key, size_t key_len, void *buf,
    size_t cap, size_t *len)
{
	struct mp_ask ask = ask_dict(d, MP_DICT_GET, key, key_len);

	return call_into(d->m, &ask, buf, cap, len);
}

int
mp_dict_delete(struct mp_dict *d, const void *key, size_t key_len)
{
	struct mp_ask ask = ask_dict(d, MP_DICT_DELETE, key, key_len);

	return call_plain(d->m, &ask);
}

int
mp_dict_pop(struct mp_dict *d, const void *key, size_t key_len, void *buf,
    size_t cap, size_t *len)
{
	struct mp_ask ask = ask_dict(d, MP_DICT_POP, key, key_len);

	return call_into(d->m, &ask, buf, cap, len);
}

int
mp_dict_setdefault(struct mp_dict *d, const void *key, size_t key_len,
    const void *value, size_t value_len, void *buf, size_t cap, size_t *len)
{
	struct mp_ask ask = ask_dict(d, MP_DICT_SETDEFAULT, key, key_len);

	ask.value = (struct mp_span){ value, value_len };
	return call_into(d->m, &ask, buf, cap, len);
}

int
mp_dict_contains(struct mp_dict *d, const void *key, size_t key_len)
{
	struct mp_ask ask = ask_dict(d, MP_DICT_CONTAINS, key, key_len);
	int r = call_plain(d->m, &ask);

	return r == -ENOENT ? 0 : r;
}

static int
call_size(struct mp_manager *m, const struct mp_ask *ask, size_t *out)
{
	struct mp_answer_head head;
	int r = call(m, ask, &head);

	if (r == 0)
		*out = (size_t)head.len;
	return r;
}

/* What list_all() of the store wrote, checked. */
static int
call_items(struct mp_manager *m, const struct mp_ask *ask,
    struct mp_items **out)
{
	struct mp_answer_head head;
	struct mp_items *items;
	const char *bytes;
	size_t n = 0, at = 0;
	uint64_t len;
	int r = call(m, ask, &head);

	if (r < 0)
		return r;
	if (head.len != m->got)
		return MP_ECORRUPT;
	bytes = m->buf + sizeof(head);
	for (; at < head.len; n++) {
		if (head.len - at < sizeof(len))
			return MP_ECORRUPT;
		memcpy(&len, bytes + at, sizeof(len));
		at += sizeof(len);
		if (len > head.len - at)
			return MP_ECORRUPT;
		at += (size_t)len;
	}
	items = malloc(sizeof(*items) + (n + 1) * sizeof(items->at[0]));
	if (items == NULL)
		return MP_ENOMEM;
	items->n = n;
	items->bytes = malloc((size_t)head.len + 1);
	if (items->bytes == NULL) {
		free(items);
		return MP_ENOMEM;
	}
	memcpy(items->bytes, bytes, (size_t)head.len);
	at = 0;
	for (size_t i = 0; i < n; i++) {
		items->at[i] = at + sizeof(len);
		memcpy(&len, bytes + at, sizeof(len));
		at += sizeof(len) + (size_t)len;
	}
	items->at[n] = at + sizeof(len);
	*out = items;
	return 0;
}

int
mp_dict_size(struct mp_dict *d, size_t *out)
{
	struct mp_ask ask = ask_dict(d, MP_DICT_SIZE, NULL, 0);

	return call_size(d->m, &ask, out);
}

int
mp_dict_clear(struct mp_dict *d)
{
	struct mp_ask ask = ask_dict(d, MP_DICT_CLEAR, NULL, 0);

	return call_plain(d->m, &ask);
}

int
mp_dict_keys(struct mp_dict *d, struct mp_items **out)
{
	struct mp_ask ask = ask_dict(d, MP_DICT_KEYS, NULL, 0);

	return call_items(d->m, &ask, out);
}

size_t
mp_items_count(const struct mp_items *items)
{
	return items->n;
}

const void *
mp_items_at(const struct mp_items *items, size_t i, size_t *len)
{
	if (i >= items->n)
		return NULL;
	*len = items->at[i + 1] - sizeof(uint64_t) - items->at[i];
	return items->bytes + items->at[i];
}

void
mp_items_free(struct mp_items *items)
{
	if (items == NULL)
		return;
	free(items->bytes);
	free(items);
}

/* --- lists ---------------------------------------------------------------- */

int
mp_manager_list(struct mp_manager *m, const char *name, struct mp_list **out)
{
	struct mp_list *l;
	int object = open_in(m, MP_LIST_OPEN, name);

	if (object < 0)
		return object;
	l = malloc(sizeof(*l));
	if (l == NULL)
		return MP_ENOMEM;
	*l = (struct mp_list){ .m = m, .object = (uint32_t)object };
	*out = l;
	return 0;
}

void
mp_list_close(struct mp_list *l)
{
	free(l);
}

static struct mp_ask
ask_list(const struct mp_list *l, enum mp_manager_op op, int64_t index,
    const void *value, size_t len)
{
	return (struct mp_ask){ .op = op,
		.object = l->object,
		.index = index,
		.value = { value, len } };
}

int
mp_list_append(struct mp_list *l, const void *value, size_t len)
{
	struct mp_ask ask = ask_list(l, MP_LIST_APPEND, 0, value, len);

	return call_plain(l->m, &ask);
}

int
mp_list_get(struct mp_list *l, int64_t index, void *buf, size_t cap,
    size_t *len)
{
	struct mp_ask ask = ask_list(l, MP_LIST_GET, index, NULL, 0);

	return call_into(l->m, &ask, buf, cap, len);
}

int
mp_list_set(struct mp_list *l, int64_t index, const void *value, size_t len)
{
	struct mp_ask ask = ask_list(l, MP_LIST_SET, index, value, len);

	return call_plain(l->m, &ask);
}

int
mp_list_insert(struct mp_list *l, int64_t index, const void *value, size_t len)
{
	struct mp_ask ask = ask_list(l, MP_LIST_INSERT, index, value, len);

	return call_plain(l->m, &ask);
}

int
mp_list_pop(struct mp_list *l, int64_t index, void *buf, size_t cap,
    size_t *len)
{
	struct mp_ask ask = ask_list(l, MP_LIST_POP, index, NULL, 0);

	return call_into(l->m, &ask, buf, cap, len);
}

int
mp_list_size(struct mp_list *l, size_t *out)
{
	struct mp_ask ask = ask_list(l, MP_LIST_SIZE, 0, NULL, 0);

	return call_size(l->m, &ask, out);
}

int
mp_list_clear(struct mp_list *l)
{
	struct mp_ask ask = ask_list(l, MP_LIST_CLEAR, 0, NULL, 0);

	return call_plain(l->m, &ask);
}

int
mp_list_items(struct mp_list *l, struct mp_items **out)
{
	struct mp_ask ask = ask_list(l, MP_LIST_ITEMS, 0, NULL, 0);

	return call_items(l->m, &ask, out);
}
