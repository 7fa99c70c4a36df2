/*
 * web - a web of thousands of hosts on 127.0.0.0/8, and its log.
 *
 *   web [--port N] [--log FILE] [--ca FILE] [--control] [TABLE.json...]
 *
 * Prints "port N" once it listens.  With --control each line of standard input
 * is a table more (tests/site/table.h), answered by "ok" or "error: ..."; its
 * end is the end of the program.  That of the parent is as well, and an hour.
 *
 * The log has a JSON object a line; `us` is CLOCK_MONOTONIC:
 *   {"t":"connect","us","conn","ip"}
 *   {"t":"arrive","n","us","unix_us","conn","ip","host","method","path",
 *    "scheme","h2","resumed","headers":{name in lower case: text}}
 *   {"t":"end","n","us","status","sent","whole"}
 * A line is written before the answer is, so who has the answer finds it.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "tests/site/table.h"

#define TABLE_MAX (256u << 20)

enum {
	LIFE_S = 3600
};

struct web {
	struct serve *serve;
	int log; /* -1: none */
	struct buf line;
	struct buf control;
};

static int64_t
clock_us(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * INT64_C(1000000) + ts.tv_nsec / 1000;
}

/* Bytes above ASCII as the characters of these numbers: always JSON. */
static void
add_text(struct buf *out, struct span text, bool lower)
{
	must(buf_add_char(out, '"') == 0);
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c == '"' || c == '\\')
			must(buf_printf(out, "\\%c", c) == 0);
		else if (c < 0x20 || c >= 0x7f)
			must(buf_printf(out, "\\u%04x", c) == 0);
		else
			must(buf_add_char(out,
				 lower ? span_lower((char)c) : (char)c) == 0);
	}
	must(buf_add_char(out, '"') == 0);
}

/* {"name": text, …}; the first of two of one name stays behind, as a reader of
 * JSON has it: the last one wins. */
static void
add_headers(struct buf *out, struct span headers)
{
	const char *comma = "";

	must(buf_add_char(out, '{') == 0);
	while (headers.len > 2) {
		const char *end = memmem(headers.ptr, headers.len, "\r\n", 2);
		size_t len = end ? (size_t)(end - headers.ptr) : headers.len;
		const char *colon = memchr(headers.ptr, ':', len);

		if (colon != NULL) {
			size_t name = (size_t)(colon - headers.ptr);

			must(buf_printf(out, "%s", comma) == 0);
			add_text(out, span_of(headers.ptr, name), true);
			must(buf_add_char(out, ':') == 0);
			add_text(out,
			    span_trim(span_of(colon + 1, len - name - 1)),
			    false);
			comma = ",";
		}
		headers = span_from_at(headers, len + 2);
	}
	must(buf_add_char(out, '}') == 0);
}

/* One write a line: readers see whole ones. */
static void
write_line(struct web *web)
{
	must(buf_add_char(&web->line, '\n') == 0);
	must(write(web->log, web->line.ptr, web->line.len) ==
	     (ssize_t)web->line.len);
	buf_clear(&web->line);
}

static void
on_connect(void *arg, const struct serve_connection *c)
{
	struct web *web = arg;

	if (web->log < 0)
		return;
	must(buf_printf(&web->line,
		 "{\"t\":\"connect\",\"us\":%" PRId64 ",\"conn\":%" PRIu64
		 ",\"ip\":\"%s\"}",
		 clock_us(CLOCK_MONOTONIC), c->number, c->ip) == 0);
	write_line(web);
}

static void
on_arrival(void *arg, const struct serve_arrival *a)
{
	struct web *web = arg;

	if (web->log < 0)
		return;
	must(buf_printf(&web->line,
		 "{\"t\":\"arrive\",\"n\":%" PRIu64 ",\"us\":%" PRId64
		 ",\"unix_us\":%" PRId64 ",\"conn\":%" PRIu64
		 ",\"ip\":\"%s\",\"scheme\":\"%s\",\"h2\":%s,\"resumed\":%s"
		 ",\"host\":",
		 a->number, clock_us(CLOCK_MONOTONIC), clock_us(CLOCK_REALTIME),
		 a->connection, a->ip, a->tls ? "https" : "http",
		 a->h2 ? "true" : "false", a->resumed ? "true" : "false") == 0);
	add_text(&web->line, a->host, false);
	must(buf_printf(&web->line, ",\"method\":") == 0);
	add_text(&web->line, a->method, false);
	must(buf_printf(&web->line, ",\"path\":") == 0);
	add_text(&web->line, a->target, false);
	must(buf_printf(&web->line, ",\"headers\":") == 0);
	add_headers(&web->line, a->headers);
	must(buf_add_char(&web->line, '}') == 0);
	write_line(web);
}

static void
on_end(void *arg, uint64_t number, int64_t us, int status, uint64_t sent,
    bool whole)
{
	struct web *web = arg;

	if (web->log < 0)
		return;
	must(buf_printf(&web->line,
		 "{\"t\":\"end\",\"n\":%" PRIu64 ",\"us\":%" PRId64
		 ",\"status\":%d,\"sent\":%" PRIu64 ",\"whole\":%s}",
		 number, us, status, sent, whole ? "true" : "false") == 0);
	write_line(web);
}

static bool
on_control(void *arg, int fd)
{
	struct web *web = arg;
	char *room = buf_room(&web->control, 65536), *end;
	ssize_t n;

	if (room == NULL)
		return false;
	n = read(fd, room, 65536);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	web->control.len += (size_t)n;
	while (
	    (end = memchr(web->control.ptr, '\n', web->control.len)) != NULL) {
		size_t len = (size_t)(end - web->control.ptr);
		struct err err = ERR_NONE;

		if (table_load(web->serve, span_of(web->control.ptr, len),
			&err) < 0)
			printf("error: %s\n", err.text);
		else
			printf("ok\n");
		fflush(stdout);
		web->control.len -= len + 1;
		memmove(web->control.ptr, end + 1, web->control.len);
	}
	return true;
}

static int
load_file(struct web *web, const char *path)
{
	FILE *file = fopen(path, "re");
	struct err err = ERR_NONE;
	struct buf text;
	size_t n = 1;
	int r;

	buf_init(&text, TABLE_MAX);
	if (file == NULL) {
		fprintf(stderr, "web: %s: %s\n", path, strerror(errno));
		return -1;
	}
	while (n > 0) {
		char *room = buf_room(&text, 65536);

		must(room != NULL);
		n = fread(room, 1, 65536, file);
		text.len += n;
	}
	fclose(file);
	r = table_load(web->serve, buf_span(&text), &err);
	if (r < 0)
		fprintf(stderr, "web: %s: %s\n", path, err.text);
	buf_fini(&text);
	return r;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "port", required_argument, NULL, 'p' },
		{ "log", required_argument, NULL, 'l' },
		{ "ca", required_argument, NULL, 'c' },
		{ "control", no_argument, NULL, 'i' },
		{ NULL },
	};
	struct web web = { .log = -1 };
	const struct serve_hooks hooks = { on_connect, on_arrival, on_end,
		&web };
	const char *ca = NULL;
	bool control = false;
	uint16_t port = 0;
	int option, r;

	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(LIFE_S);
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'p':
			port = (uint16_t)atoi(optarg);
			break;
		case 'l':
			web.log = open(optarg,
			    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
			if (web.log < 0) {
				fprintf(stderr, "web: %s: %s\n", optarg,
				    strerror(errno));
				return 1;
			}
			break;
		case 'c':
			ca = optarg;
			break;
		case 'i':
			control = true;
			break;
		default:
			return 2;
		}
	}
	buf_init(&web.line, TABLE_MAX);
	buf_init(&web.control, TABLE_MAX);
	web.serve = serve_new(&hooks);
	for (int i = optind; i < argc; i++) {
		if (load_file(&web, argv[i]) < 0)
			return 1;
	}
	r = serve_tls(web.serve, ca);
	if (r == 0)
		r = serve_listen(web.serve, "127.0.0.0", &port);
	if (r < 0) {
		fprintf(stderr, "web: %s\n", strerror(-r));
		return 1;
	}
	if (control)
		serve_also(web.serve, STDIN_FILENO, on_control, &web);
	printf("port %u\n", port);
	fflush(stdout);
	serve_run(web.serve);
	return 0;
}
