/*
 * crashes - `mpcrawl status --crashes`: what the supervisor wrote of workers
 * that died, read from the crawl's directory.  It needs no crawl that runs.
 */
#include "cmd/command/crashes.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/crawl.h"
#include "cmd/supervisor/crash.h"
#include "lib/base/buf.h"
#include "lib/base/plural.h"

enum {
	TAIL_BYTES = 2 * CRASH_BYTES, /* of each file, at the most */
	SHOWN = 10,                   /* reports, to people … */
	SHOWN_EVENTS = 16,            /* … and events of each */
	TEXT_MOST = 600               /* bytes of a text in a report */
};

struct reports {
	json_t *all; /* array, oldest first */
	size_t damaged;
};

/* --- reading -------------------------------------------------------------- */

/* The end of a file; `cut`: it does not begin with a line's beginning. */
static int
read_tail(const char *path, struct buf *out, bool *cut)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	ssize_t n = 0;
	off_t from;
	int r = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return -EINVAL;
	}
	from = st.st_size > TAIL_BYTES ? st.st_size - TAIL_BYTES : 0;
	*cut = from > 0;
	do {
		char *room = buf_room(out, 65536);

		if (room == NULL)
			break; /* it grew while we read: enough */
		n = pread(fd, room, 65536, from + (off_t)out->len);
		if (n > 0)
			out->len += (size_t)n;
		else if (n < 0)
			r = -errno;
	} while (n > 0);
	close(fd);
	return r;
}

static void
take_lines(struct reports *reports, struct span text, bool cut)
{
	while (text.len > 0) {
		const char *end = memchr(text.ptr, '\n', text.len);
		size_t len = end ? (size_t)(end - text.ptr) : text.len;
		json_t *report = json_loadb(text.ptr, len, 0, NULL);

		if (json_is_object(report)) {
			json_array_append(reports->all, report);
		} else if (len > 0 && !cut && end != NULL) {
			reports->damaged++;
		}
		/* A last line without an end is being written, or was torn:
		 * the next one says how it ended. */
		json_decref(report);
		cut = false;
		text = span_from_at(text, len + 1);
	}
}

static int
read_file(const char *dir, const char *name, struct reports *reports)
{
	char path[PATH_MAX];
	struct buf text;
	bool cut = false;
	int r;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	buf_init(&text, TAIL_BYTES + 65536);
	r = read_tail(path, &text, &cut);
	if (r == 0)
		take_lines(reports, buf_span(&text), cut);
	else
		fprintf(stderr, "mpcrawl: %s: %s\n", path, strerror(-r));
	buf_fini(&text);
	return r;
}

/* --- showing -------------------------------------------------------------- */

/* It goes to a terminal, and the file is anybody's who can write there. */
static void
print_text(const char *text)
{
	for (size_t i = 0; text[i] != '\0' && i < TEXT_MOST; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= ' ' && c < 0x7f)
			putchar(c);
		else
			printf("\\x%02x", c);
	}
}

static const char *
text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static long long
number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static double
ms_of(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static void
print_event(json_t *event)
{
	const char *key;
	json_t *value;

	printf("  %12.3f ms  ", ms_of(event, "ms"));
	print_text(text_of(event, "what"));
	json_object_foreach(event, key, value)
	{
		if (!json_is_integer(value))
			continue;
		if (strcmp(key, "cell") == 0) {
			printf(", cell %lld",
			    (long long)json_integer_value(value));
		} else {
			printf(", %lld ", (long long)json_integer_value(value));
			print_text(key);
		}
	}
	putchar('\n');
}

static void
print_report(const json_t *report)
{
	json_t *events = json_object_get(report, "events");
	size_t n = json_array_size(events);

	print_text(text_of(report, "ts"));
	if (text_of(report, "worker")[0] == '\0') {
		printf("  %lld more %s not written down, so many at once\n",
		    number(report, "skipped"),
		    plural_of((uint64_t)number(report, "skipped"), "was",
			"were"));
		return;
	}
	printf("  ");
	print_text(text_of(report, "worker"));
	printf(" (pid %lld, start %lld) ", number(report, "pid"),
	    number(report, "incarnation"));
	print_text(text_of(report, "end"));
	putchar('\n');
	if (text_of(report, "url")[0] != '\0') {
		printf("  on ");
		print_text(text_of(report, "url"));
		putchar('\n');
	}
	if (text_of(report, "stage")[0] != '\0') {
		printf("  at: ");
		print_text(text_of(report, "stage"));
		printf(", %.3f ms before\n", -ms_of(report, "stage_ms"));
	}
	printf("  %lld of its cells recovered%s", number(report, "recovered"),
	    json_is_true(json_object_get(report, "blamed"))
		? ", the page blamed"
		: "");
	if (number(report, "skipped") > 0)
		printf("; reports left out before this one: %lld",
		    number(report, "skipped"));
	putchar('\n');
	for (size_t i = n > SHOWN_EVENTS ? n - SHOWN_EVENTS : 0; i < n; i++)
		print_event(json_array_get(events, i));
	if (n > SHOWN_EVENTS)
		printf("  the last %d of %zu events; --json has them all\n",
		    SHOWN_EVENTS, n);
}

static void
print_all(const struct reports *reports, const char *dir)
{
	size_t n = json_array_size(reports->all);

	if (n == 0)
		printf("no worker of the crawl in %s has crashed\n", dir);
	if (n > SHOWN)
		printf("the last %d of %zu reports; --json has them all\n\n",
		    SHOWN, n);
	for (size_t i = n > SHOWN ? n - SHOWN : 0; i < n; i++) {
		print_report(json_array_get(reports->all, i));
		if (i + 1 < n)
			putchar('\n');
	}
}

int
crashes_show(const char *dir, bool json)
{
	struct reports reports = { .all = json_array() };
	struct stat st;
	int status = EXIT_FINISHED;
	json_t *report;
	size_t i;

	if (stat(dir, &st) < 0 || !S_ISDIR(st.st_mode)) {
		fprintf(stderr, "mpcrawl: dir: there is no crawl in %s\n", dir);
		json_decref(reports.all);
		return EXIT_USAGE;
	}
	if (read_file(dir, CRASH_OLD, &reports) < 0 ||
	    read_file(dir, CRASH_FILE, &reports) < 0)
		status = EXIT_INTERNAL;
	if (!json) {
		print_all(&reports, dir);
	} else {
		json_array_foreach(reports.all, i, report)
		{
			json_dumpf(report, stdout,
			    JSON_COMPACT | JSON_ENSURE_ASCII);
			putchar('\n');
		}
	}
	if (reports.damaged > 0)
		fprintf(stderr,
		    "mpcrawl: %zu damaged line%s of %s/%s left out\n",
		    reports.damaged, plural(reports.damaged), dir, CRASH_FILE);
	json_decref(reports.all);
	return status;
}
