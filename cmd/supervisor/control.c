/*
 * control - the control socket: a JSON object a line in, one a line out.
 *
 * It is answered from the supervisor's own state and from shared memory, so it
 * answers while every worker hangs.  What only the frontier knows is passed on
 * to the scheduler over a pair of sockets (protocol.md 2), and answered when
 * that answers: one request of a client at a time.  A scheduler that dies over
 * it has a successor that is asked the same; one that says nothing in time is
 * answered for.
 */
#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cmd/inquiry.h"
#include "cmd/log.h"
#include "cmd/now.h"
#include "cmd/relay.h"
#include "cmd/supervisor/supervisor_impl.h"
#include "ipc/channel.h"
#include "lib/base/buf.h"
#include "lib/base/utf8.h"

enum {
	CLIENTS = 64,         /* at once; one more takes the place of another */
	REQUEST_MAX = 4096,   /* bytes of one line */
	ANSWER_MAX = 1 << 20, /* bytes of answers that a client did not read */
	SCHEDULER_MS = 5000,  /* that the scheduler has to answer */
};

struct client {
	struct control *control;
	int fd;          /* -1: free */
	uint64_t turn;   /* order of coming */
	bool has_spoken; /* a whole request */
	char line[REQUEST_MAX];
	size_t len;
	struct buf out;
	/* What the scheduler is asked for it; 0: nothing. */
	uint64_t number;
	int64_t until_ms; /* monotonic */
	char asked[REQUEST_MAX];
	size_t asked_len;
};

struct control {
	struct supervisor *sup;
	int listener;
	uint64_t turn;
	uint64_t number; /* of the last request for the scheduler */
	struct relay_packet packet;
	char path[PATH_MAX];
	struct client clients[CLIENTS];
};

/* --- requests ------------------------------------------------------------ */

typedef json_t *request_fn(struct supervisor *sup, json_t *request);

static json_t *refusal(const char *fmt, ...) PRINTF_LIKE(1, 2);

static json_t *
refusal(const char *fmt, ...)
{
	char text[256];
	struct span rest;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	rest = span_from(text);
	/* It quotes the request, and cuts it where it likes: what is left of
	 * a character would make it no JSON, and no answer. */
	while (rest.len > 0) {
		size_t len;
		bool ok;

		utf8_decode(rest, &len, &ok);
		if (!ok)
			memset(text + (rest.ptr - text), '?', len);
		rest = span_from_at(rest, len);
	}
	return json_pack("{s:b, s:s}", "ok", 0, "error", text);
}

static json_t *
request_status(struct supervisor *sup, json_t *request)
{
	(void)request;
	return report_status(sup);
}

static json_t *
request_stop(struct supervisor *sup, json_t *request)
{
	bool now = json_is_true(json_object_get(request, "now"));

	log_info("asked to stop%s", now ? " at once" : "");
	sup->interrupted = true;
	stop_begin(sup, now);
	return json_pack("{s:b}", "ok", 1);
}

/* "parser.1", "parser" for all of them, "all". */
static bool
slot_is(const struct slot *slot, const char *name)
{
	return strcmp(name, "all") == 0 || strcmp(name, slot->name) == 0 ||
	       strcmp(name, crawl_role_name(slot->role)) == 0;
}

static json_t *
signal_workers(struct supervisor *sup, json_t *request, enum child_event event)
{
	const char *name = json_string_value(
	    json_object_get(request, "worker"));
	json_t *done = json_array();

	if (name == NULL || name[0] == '\0') {
		json_decref(done);
		return refusal("%s: which worker? parser.1, crawler, all",
		    event == CHILD_KILL ? "kill" : "restart");
	}
	for (size_t i = 0; i < sup->n_slots; i++) {
		if (!slot_is(&sup->slots[i], name))
			continue;
		supervisor_event(&sup->slots[i], event);
		json_array_append_new(done, json_string(sup->slots[i].name));
	}
	if (json_array_size(done) == 0) {
		json_decref(done);
		return refusal("no worker is called %.64s; `mpcrawl status` "
			       "names them",
		    name);
	}
	return json_pack("{s:b, s:o}", "ok", 1, "workers", done);
}

static json_t *
request_restart(struct supervisor *sup, json_t *request)
{
	return signal_workers(sup, request, CHILD_RESTART);
}

static json_t *
request_kill(struct supervisor *sup, json_t *request)
{
	return signal_workers(sup, request, CHILD_KILL);
}

static const struct {
	const char *name;
	request_fn *fn;
} requests[] = {
	{ "status", request_status },
	{ "stop", request_stop },
	{ "restart", request_restart },
	{ "kill", request_kill },
};

/* The answer; NULL: it is for the scheduler to give. */
static json_t *
answer(struct supervisor *sup, const char *line, size_t len)
{
	json_error_t error;
	json_t *request = json_loadb(line, len, 0, &error);
	const char *name = json_string_value(json_object_get(request, "cmd"));
	bool is_inquiry = false, writes;
	json_t *reply = NULL;

	if (!json_is_object(request))
		reply = refusal("not a JSON object: %s", error.text);
	else if (name == NULL)
		reply = refusal("the key cmd is missing");
	else
		is_inquiry = inquiry_knows(name, &writes);
	for (size_t i = 0;
	     reply == NULL && !is_inquiry && i < ARRAY_LEN(requests); i++) {
		if (strcmp(requests[i].name, name) == 0)
			reply = requests[i].fn(sup, request);
	}
	if (reply == NULL && !is_inquiry)
		reply = refusal("no such request: %.64s", name);
	json_decref(request);
	return reply;
}

/* --- clients ------------------------------------------------------------- */

static void
drop(struct client *client)
{
	loop_forget(&client->control->sup->loop, client->fd);
	close(client->fd);
	buf_fini(&client->out);
	client->fd = -1;
	client->number = 0;
}

static void on_client(void *arg, int fd, uint32_t events);
static void take_lines(struct client *client);

/* Send what the socket takes; the rest when it takes more. */
static void
flush(struct client *client)
{
	struct buf *out = &client->out;
	/* While it waits for the scheduler nothing more is read of it. */
	uint32_t events = client->number == 0 ? EPOLLIN : 0;
	ssize_t n = 0;

	if (out->len > 0)
		n = send(client->fd, out->ptr, out->len,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		drop(client);
		return;
	}
	if (n > 0) {
		memmove(out->ptr, out->ptr + n, out->len - (size_t)n);
		out->len -= (size_t)n;
	}
	if (loop_watch(&client->control->sup->loop, client->fd,
		out->len > 0 ? events | EPOLLOUT : events, on_client,
		client) < 0)
		drop(client);
}

static int
add_reply(struct client *client, json_t *reply)
{
	char *text = json_dumps(reply, JSON_COMPACT);
	int r = -ENOMEM;

	if (text != NULL)
		r = buf_printf(&client->out, "%s\n", text);
	free(text);
	json_decref(reply);
	return r;
}

/* --- the scheduler ------------------------------------------------------- */

static struct slot *
scheduler_of(struct supervisor *sup)
{
	for (size_t i = 0; i < sup->n_slots; i++) {
		if (sup->slots[i].role == ROLE_SCHEDULER)
			return &sup->slots[i];
	}
	return NULL;
}

/* Why it does not answer: what is seen of it from here. */
static json_t *
silence(struct supervisor *sup, const struct slot *slot)
{
	char note[ROSTER_NOTE] = "";
	int64_t quiet_ms;

	if (slot == NULL || !slot_running(slot))
		return refusal("the scheduler did not answer within %d s: it "
			       "does not run%s%s; it is started again by "
			       "itself",
		    SCHEDULER_MS / 1000, slot && slot->last[0] ? ", it " : "",
		    slot ? slot->last : "");
	if (sup->crawl->cv == NULL)
		return refusal("the scheduler did not answer within %d s",
		    SCHEDULER_MS / 1000);
	roster_read_note(sup->crawl->cv, slot->id, note);
	quiet_ms = now_mono_ms() - roster_last_beat(sup->crawl->cv, slot->id);
	if (note[0] != '\0')
		return refusal("the scheduler did not answer within %d s: it "
			       "waits (%.120s)",
		    SCHEDULER_MS / 1000, note);
	return refusal("the scheduler (pid %d) did not answer within %d s: its "
		       "last sign of life was %lld ms ago; `mpcrawl restart "
		       "scheduler` replaces it, and loses nothing",
	    (int)slot->pid, SCHEDULER_MS / 1000, (long long)quiet_ms);
}

/* One that is down, or has no pair as yet, is asked when it has.  0 or an
 * error of the client's connection. */
static int
ask_scheduler(struct client *client)
{
	struct slot *slot = scheduler_of(client->control->sup);
	int r;

	if (slot == NULL || slot->channel < 0)
		return 0;
	r = relay_send(slot->channel, client->number, client->asked,
	    client->asked_len);
	if (r != -EAGAIN)
		return 0; /* or it has died: the next one is asked */
	client->number = 0;
	log_warn("a request was dropped: the scheduler does not read");
	return add_reply(client,
	    refusal("the scheduler does not read what it is asked; the "
		    "request was dropped"));
}

static int
add_answer(struct client *client, const char *line, size_t len)
{
	json_t *reply = answer(client->control->sup, line, len);

	if (reply != NULL)
		return add_reply(client, reply);
	memcpy(client->asked, line, len);
	client->asked_len = len;
	client->number = ++client->control->number;
	client->until_ms = now_mono_ms() + SCHEDULER_MS;
	return ask_scheduler(client);
}

static void
take_lines(struct client *client)
{
	char *end;

	while (client->number == 0 &&
	       (end = memchr(client->line, '\n', client->len)) != NULL) {
		size_t len = (size_t)(end - client->line);

		client->has_spoken = true;
		if (add_answer(client, client->line, len) < 0) {
			drop(client);
			return;
		}
		client->len -= len + 1;
		memmove(client->line, end + 1, client->len);
	}
	if (client->number == 0 && client->len == sizeof(client->line)) {
		json_t *reply = refusal("a request is at most %d bytes",
		    REQUEST_MAX);
		char *text = json_dumps(reply, JSON_COMPACT);

		/* There is no telling where the next line starts. */
		if (text != NULL && buf_printf(&client->out, "%s\n", text) == 0)
			flush(client);
		free(text);
		json_decref(reply);
		if (client->fd >= 0)
			drop(client);
		return;
	}
	flush(client);
}

/* Its answer is there: on with what it has sent since. */
static void
go_on(struct client *client, int r)
{
	client->number = 0;
	if (r < 0)
		drop(client);
	else
		take_lines(client);
}

static void
pass_on(struct control *control, size_t len)
{
	char *text = control->packet.text;

	/* A line is what ends with the only newline. */
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n')
			text[i] = ' ';
	}
	for (size_t i = 0; i < CLIENTS; i++) {
		struct client *client = &control->clients[i];
		int r;

		if (client->fd < 0 || client->number == 0 ||
		    client->number != control->packet.number)
			continue;
		r = buf_add(&client->out, text, len);
		if (r == 0)
			r = buf_add_char(&client->out, '\n');
		go_on(client, r);
		return;
	}
}

static void
on_channel(void *arg, int fd, uint32_t events)
{
	struct slot *slot = arg;
	struct control *control = slot->sup->control;
	size_t len;
	int r = 0;

	(void)events;
	for (size_t i = 0; i < CLIENTS && slot->channel == fd; i++) {
		r = relay_receive(fd, &control->packet, &len);
		if (r <= 0)
			break;
		pass_on(control, len);
	}
	/* Dying; its end is told by other means. */
	if (r < 0)
		control_unpair(slot);
}

void
control_pair(struct slot *slot, int *theirs)
{
	int fds[2];

	*theirs = -1;
	if (slot->role != ROLE_SCHEDULER || channel_pair(fds) < 0)
		return;
	slot->channel = fds[0];
	*theirs = fds[1];
}

void
control_paired(struct slot *slot)
{
	struct control *control = slot->sup->control;

	if (slot->channel < 0)
		return;
	if (loop_watch(&slot->sup->loop, slot->channel, EPOLLIN, on_channel,
		slot) < 0) {
		control_unpair(slot);
		return;
	}
	for (size_t i = 0; control != NULL && i < CLIENTS; i++) {
		struct client *client = &control->clients[i];

		int r;

		if (client->fd < 0 || client->number == 0)
			continue;
		r = ask_scheduler(client);
		if (r < 0 || client->number == 0)
			go_on(client, r);
	}
}

void
control_unpair(struct slot *slot)
{
	if (slot->channel < 0)
		return;
	loop_forget(&slot->sup->loop, slot->channel);
	close(slot->channel);
	slot->channel = -1;
}

int64_t
control_due_ms(const struct supervisor *sup)
{
	const struct control *control = sup->control;
	int64_t due_ms = INT64_MAX;

	for (size_t i = 0; control != NULL && i < CLIENTS; i++) {
		const struct client *client = &control->clients[i];

		if (client->fd >= 0 && client->number != 0 &&
		    client->until_ms < due_ms)
			due_ms = client->until_ms;
	}
	return due_ms;
}

void
control_tick(struct supervisor *sup)
{
	struct control *control = sup->control;
	int64_t now = now_mono_ms();

	for (size_t i = 0; control != NULL && i < CLIENTS; i++) {
		struct client *client = &control->clients[i];

		if (client->fd >= 0 && client->number != 0 &&
		    now >= client->until_ms)
			go_on(client,
			    add_reply(client, silence(sup, scheduler_of(sup))));
	}
}

/* The crawl ends before they have their answers. */
static void
dismiss(struct control *control)
{
	for (size_t i = 0; i < CLIENTS; i++) {
		struct client *client = &control->clients[i];

		if (client->fd < 0 || client->number == 0)
			continue;
		if (add_reply(client,
			refusal("the crawl has ended; ask again, of the crawl "
				"at rest")) == 0)
			flush(client);
	}
}

static void
on_client(void *arg, int fd, uint32_t events)
{
	struct client *client = arg;
	ssize_t n;

	if (events & EPOLLOUT)
		flush(client);
	if (client->fd != fd || !(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	/* Gone, or it sent more before it has its answer: which waits. */
	if (client->number != 0) {
		if (events & (EPOLLHUP | EPOLLERR))
			drop(client);
		return;
	}
	n = recv(fd, client->line + client->len,
	    sizeof(client->line) - client->len, MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		drop(client);
		return;
	}
	if (n > 0) {
		client->len += (size_t)n;
		take_lines(client);
	}
}

/*
 * A free place; or else that of the client that was here first, of those that
 * have not said anything before those that may wait for something.  So
 * connections that somebody forgot never shut a person out.
 */
static struct client *
place_for(struct control *control)
{
	struct client *worst = NULL;

	for (size_t i = 0; i < CLIENTS; i++) {
		struct client *client = &control->clients[i];

		if (client->fd < 0)
			return client;
		if (worst == NULL || client->has_spoken < worst->has_spoken ||
		    (client->has_spoken == worst->has_spoken &&
			client->turn < worst->turn))
			worst = client;
	}
	drop(worst);
	return worst;
}

static void
on_listener(void *arg, int fd, uint32_t events)
{
	struct control *control = arg;
	int conn, r;

	(void)events;
	while ((r = channel_accept(fd, &conn)) != -EAGAIN) {
		struct client *client;

		if (r == -EACCES || r == -ECONNABORTED || r == -EINTR)
			continue; /* it was not for us to serve */
		if (r < 0)
			return;
		client = place_for(control);
		client->fd = conn;
		client->len = 0;
		client->turn = ++control->turn;
		client->has_spoken = false;
		buf_init(&client->out, ANSWER_MAX);
		if (loop_watch(&control->sup->loop, conn, EPOLLIN, on_client,
			client) < 0)
			drop(client);
	}
}

int
control_open(struct supervisor *sup, struct err *err)
{
	struct control *control = calloc(1, sizeof(*control));
	int r;

	if (control == NULL)
		return err_set(err, -ENOMEM, "no memory");
	control->sup = sup;
	control->listener = -1;
	for (size_t i = 0; i < CLIENTS; i++)
		control->clients[i] = (struct client){ .control = control,
			.fd = -1 };
	sup->control = control;
	r = crawl_path(sup->crawl, "mpcrawl.sock", control->path, err);
	if (r < 0)
		return r;
	r = channel_listen(control->path, &control->listener);
	if (r == 0)
		r = loop_watch(&sup->loop, control->listener, EPOLLIN,
		    on_listener, control);
	return r < 0 ? err_set(err, r, "%s: %s", control->path, strerror(-r))
		     : 0;
}

void
control_abandon(struct supervisor *sup)
{
	struct control *control = sup->control;

	if (control == NULL)
		return;
	if (control->listener >= 0)
		close(control->listener);
	for (size_t i = 0; i < CLIENTS; i++) {
		if (control->clients[i].fd >= 0)
			close(control->clients[i].fd);
	}
}

void
control_close(struct supervisor *sup)
{
	struct control *control = sup->control;

	if (control == NULL)
		return;
	/* What stands there when it could not be opened is somebody else's. */
	if (control->listener >= 0)
		unlink(control->path);
	dismiss(control);
	control_abandon(sup);
	for (size_t i = 0; i < CLIENTS; i++)
		buf_fini(&control->clients[i].out);
	free(control);
	sup->control = NULL;
}
