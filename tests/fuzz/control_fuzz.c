/*
 * control: what a client of the control socket sends.
 *
 *     bytes of one connection, in pieces: each is ended by a NUL
 *
 * The file itself is taken in, so that the lines go through its own framing
 * and its own table of requests.  What a request sets off (a stop, a kill,
 * a look at shared memory) is not there: below are its stand-ins, and the
 * linker is told that they come first (Makefile).
 */
#include "cmd/supervisor/control.c" /* NOLINT */
#include "tests/fuzz/fuzz.h"

/* --- stand-ins ----------------------------------------------------------- */

json_t *
report_status(struct supervisor *sup)
{
	(void)sup;
	return json_pack("{s:b, s:s}", "ok", 1, "phase", "crawling");
}

void
stop_begin(struct supervisor *sup, bool now)
{
	sup->stop_now = sup->stop_now || now;
}

void
supervisor_event(struct slot *slot, enum child_event event)
{
	fuzz_holds(event == CHILD_KILL || event == CHILD_RESTART);
	slot->starts++;
}

int
loop_watch(struct loop *loop, int fd, uint32_t events, loop_fn *fn, void *arg)
{
	(void)loop, (void)fd, (void)events, (void)fn, (void)arg;
	return 0;
}

void
loop_forget(struct loop *loop, int fd)
{
	(void)loop, (void)fd;
}

/* --- the connection ------------------------------------------------------ */

/* One JSON object with "ok" for each whole line, and nothing else. */
static size_t
answers_hold(struct span text)
{
	size_t n = 0;

	while (text.len > 0) {
		const char *end = memchr(text.ptr, '\n', text.len);
		size_t len;
		json_t *answer;

		fuzz_holds(end != NULL);
		len = (size_t)(end - text.ptr);
		answer = json_loadb(text.ptr, len, 0, NULL);
		fuzz_holds(json_is_object(answer));
		fuzz_holds(json_is_boolean(json_object_get(answer, "ok")));
		fuzz_holds(
		    json_is_true(json_object_get(answer, "ok")) ||
		    json_string_length(json_object_get(answer, "error")) > 0);
		json_decref(answer);
		text = span_from_at(text, len + 1);
		n++;
	}
	return n;
}

/* Only what the scheduler knows is put before it. */
static void
is_for_the_scheduler(const struct client *client)
{
	json_t *request = json_loadb(client->asked, client->asked_len, 0, NULL);
	const char *cmd = json_string_value(json_object_get(request, "cmd"));
	bool writes;

	fuzz_holds(cmd != NULL && inquiry_knows(cmd, &writes));
	json_decref(request);
}

/* What the client reads until the other end has nothing more to say. */
static void
hear(int fd, struct buf *heard)
{
	char chunk[65536];
	ssize_t n;

	while ((n = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT)) > 0)
		fuzz_holds(buf_add(heard, chunk, (size_t)n) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct slot slots[3];
	static struct supervisor sup = {
		.slots = slots,
		.n_slots = ARRAY_LEN(slots),
	};
	static struct crawl crawl;
	static struct control control;
	struct fuzz_input in = fuzz_input(data, size);
	struct client *client = &control.clients[0];
	size_t lines = 0, since = 0;
	struct buf heard;
	bool too_long = false;
	int fds[2];

	log_setup("control_fuzz", LOG_ERROR, false);
	sup.crawl = &crawl;
	sup.control = &control;
	control.sup = &sup;
	for (size_t i = 0; i < ARRAY_LEN(slots); i++) {
		slots[i] = (struct slot){ .sup = &sup, .role = ROLE_PARSER };
		snprintf(slots[i].name, sizeof(slots[i].name), "parser.%zu", i);
	}
	fuzz_holds(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	*client = (struct client){ .control = &control, .fd = fds[0] };
	buf_init(&client->out, ANSWER_MAX);
	buf_init(&heard, 64u << 20);
	while (in.left.len > 0 && client->fd >= 0) {
		struct span piece = fuzz_part(&in);

		/* As much at a time as it has room for. */
		while (piece.len > 0 && client->fd >= 0) {
			size_t room = sizeof(client->line) - client->len;
			size_t n = piece.len < room ? piece.len : room;

			for (size_t i = 0; i < n && !too_long; i++) {
				since = piece.ptr[i] == '\n' ? 0 : since + 1;
				lines += piece.ptr[i] == '\n';
				too_long = since == sizeof(client->line);
			}
			fuzz_holds(send(fds[1], piece.ptr, n, MSG_NOSIGNAL) ==
				   (ssize_t)n);
			on_client(client, fds[0], EPOLLIN);
			/* What is for the scheduler, who is not there. */
			while (client->fd >= 0 && client->number != 0) {
				is_for_the_scheduler(client);
				client->until_ms = 0;
				control_tick(&sup);
			}
			hear(fds[1], &heard);
			piece = span_from_at(piece, n);
		}
	}
	/* A line that is too long is answered, and ends the connection. */
	fuzz_holds(too_long == (client->fd < 0));
	fuzz_holds(answers_hold(buf_span(&heard)) == lines + too_long);
	if (client->fd >= 0)
		drop(client);
	close(fds[1]);
	buf_fini(&heard);
	return 0;
}
