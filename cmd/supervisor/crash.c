#include "cmd/supervisor/crash.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cmd/log.h"
#include "cmd/now.h"
#include "lib/message/order.h"

/* --- looking -------------------------------------------------------------- */

/* The one that recovery would blame (protocol.md 7). */
static int64_t
cell_at_hand(const struct conveyor *cv, uint8_t id)
{
	uint32_t n = conveyor_shape(cv)->cells;
	size_t held = 0;
	int64_t only = -1;

	for (uint32_t c = 0; c < n; c++) {
		struct cell_word w = conveyor_word(cv, c);

		if (w.state != CELL_HELD || w.owner != id)
			continue;
		held++;
		only = c;
	}
	return held == 1 ? only : roster_current(cv, id);
}

/* Of a cell that is no order's, the part may not even be there. */
static void
read_url(struct conveyor *cv, int64_t cell, char out[CRASH_URL])
{
	struct order order;
	size_t n;

	out[0] = '\0';
	if (cell < 0 || conveyor_word(cv, (uint32_t)cell).queue == QUEUE_FREE ||
	    !conveyor_is_prepared(cv, (uint32_t)cell) ||
	    order_read(conveyor_order(cv, (uint32_t)cell),
		conveyor_shape(cv)->order_size, &order) < 0)
		return;
	n = order.url.len < CRASH_URL - 1 ? order.url.len : CRASH_URL - 1;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)order.url.ptr[i];

		out[i] = c > ' ' && c < 0x7f ? (char)c : '?';
	}
	out[n] = '\0';
}

static uint8_t
blames_of(const struct conveyor *cv, int64_t cell)
{
	return cell < 0
		   ? 0
		   : conveyor_word(cv, (uint32_t)cell).attempts & CELL_BLAMES;
}

void
crash_look(struct conveyor *cv, uint8_t id, struct crash *out)
{
	struct roster_entry entry;

	roster_read(cv, id, &entry);
	out->id = id;
	out->incarnation = entry.incarnation;
	out->died_us = now_mono_us();
	out->cell = cell_at_hand(cv, id);
	out->blames = blames_of(cv, out->cell);
	read_url(cv, out->cell, out->url);
	out->n_events = roster_events(cv, id, out->events);
}

bool
crash_was_blamed(const struct conveyor *cv, const struct crash *crash)
{
	return blames_of(cv, crash->cell) > crash->blames;
}

static double
ms_before(const struct crash *crash, const struct roster_event *event)
{
	return (double)(event->at_us - crash->died_us) / 1000;
}

static const struct roster_event *
last_event(const struct crash *crash)
{
	return crash->n_events > 0 ? &crash->events[crash->n_events - 1] : NULL;
}

void
crash_describe(const struct crash *crash, char *out, size_t size)
{
	const struct roster_event *last = last_event(crash);
	char stage[FLIGHT_TEXT] = "";

	if (last != NULL)
		flight_describe(last, stage);
	snprintf(out, size, "%.300s%s%s%s", crash->url,
	    crash->url[0] ? " (" : "", stage, crash->url[0] ? ")" : "");
	if (last != NULL)
		snprintf(out + strlen(out), size - strlen(out),
		    ", %.0f ms before", -ms_before(crash, last));
}

/* --- as JSON -------------------------------------------------------------- */

static json_t *
event_json(const struct crash *crash, const struct roster_event *event)
{
	const char *unit = flight_unit(event->kind);
	json_t *object = json_pack("{s:f, s:s}", "ms", ms_before(crash, event),
	    "what", flight_name(event->kind));

	if (object == NULL)
		return NULL;
	if (event->cell >= 0)
		json_object_set_new(object, "cell", json_integer(event->cell));
	if (unit[0] != '\0')
		json_object_set_new(object, unit,
		    json_integer((json_int_t)event->value));
	return object;
}

static void
put_stamp(json_t *object)
{
	int64_t now = now_unix_ms();
	time_t s = (time_t)(now / 1000);
	char day[32], stamp[48];
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(stamp, sizeof(stamp), "%s.%03dZ", day, (int)(now % 1000));
	json_object_set_new(object, "v", json_integer(1));
	json_object_set_new(object, "ts", json_string(stamp));
}

static json_t *
report_json(const struct crash_book *book, const struct crash *crash)
{
	const struct roster_event *last = last_event(crash);
	json_t *object = json_object(), *events;
	char stage[FLIGHT_TEXT];

	put_stamp(object);
	json_object_set_new(object, "worker", json_string(crash->worker));
	json_object_set_new(object, "incarnation",
	    json_integer(crash->incarnation));
	json_object_set_new(object, "pid", json_integer(crash->pid));
	json_object_set_new(object, "end", json_string(crash->end));
	if (WIFSIGNALED(crash->status))
		json_object_set_new(object, "signal",
		    json_integer(WTERMSIG(crash->status)));
	else
		json_object_set_new(object, "status",
		    json_integer(WEXITSTATUS(crash->status)));
	json_object_set_new(object, "hung", json_boolean(crash->hung));
	if (crash->url[0] != '\0')
		json_object_set_new(object, "url", json_string(crash->url));
	if (crash->cell >= 0)
		json_object_set_new(object, "cell", json_integer(crash->cell));
	if (last != NULL) {
		flight_describe(last, stage);
		json_object_set_new(object, "stage", json_string(stage));
		json_object_set_new(object, "stage_ms",
		    json_real(ms_before(crash, last)));
	}
	json_object_set_new(object, "recovered",
	    json_integer((json_int_t)crash->recovered));
	json_object_set_new(object, "blamed", json_boolean(crash->blamed));
	json_object_set_new(object, "skipped",
	    json_integer((json_int_t)book->skipped));
	if (!crash->full)
		return object;
	events = json_array();
	for (size_t i = 0; i < crash->n_events; i++)
		json_array_append_new(events,
		    event_json(crash, &crash->events[i]));
	json_object_set_new(object, "events", events);
	return object;
}

/* --- the file ------------------------------------------------------------- */

/* What stands under the name may be anything: a FIFO would hold us. */
static int
open_file(const char *path, struct stat *st)
{
	int fd = open(path,
	    O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW,
	    0600);

	if (fd < 0)
		return -errno;
	if (fstat(fd, st) == 0 && S_ISREG(st->st_mode))
		return fd;
	close(fd);
	return -EINVAL;
}

/* Opened for one more line, the full one put aside. */
static int
open_for_append(const struct crawl *crawl, bool *torn)
{
	char path[PATH_MAX], old[PATH_MAX], last = '\n';
	struct stat st;
	int fd;

	if (crawl_path(crawl, CRASH_FILE, path, NULL) < 0 ||
	    crawl_path(crawl, CRASH_OLD, old, NULL) < 0)
		return -ENAMETOOLONG;
	fd = open_file(path, &st);
	if (fd >= 0 && st.st_size >= CRASH_BYTES) {
		close(fd);
		if (rename(path, old) < 0)
			return -errno;
		fd = open_file(path, &st);
	}
	/* A line that was cut off by a full disk or a cut of power ends here,
	 * and takes no other along. */
	if (fd >= 0 && st.st_size > 0)
		*torn = pread(fd, &last, 1, st.st_size - 1) == 1 &&
			last != '\n';
	return fd;
}

/* One write. */
static int
append(const struct crawl *crawl, const json_t *object)
{
	char *text = json_dumps(object,
	    JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(9));
	size_t len = text ? strlen(text) : 0;
	char *line = text ? malloc(len + 2) : NULL;
	bool torn = false;
	int fd = -1, r = 0;

	if (line == NULL) {
		free(text);
		return -ENOMEM;
	}
	fd = open_for_append(crawl, &torn);
	if (fd < 0) {
		r = fd;
	} else {
		ssize_t n;

		line[0] = '\n';
		memcpy(line + torn, text, len);
		line[torn + len] = '\n';
		n = write(fd, line, torn + len + 1);
		if (n < 0)
			r = -errno;
		else if ((size_t)n < torn + len + 1)
			r = -ENOSPC;
		close(fd);
	}
	free(line);
	free(text);
	return r;
}

static void
put(struct crash_book *book, const struct crawl *crawl, json_t *object)
{
	int r = append(crawl, object);

	json_decref(object);
	if (r == 0)
		book->skipped = 0;
	else
		book->skipped++;
	if (r < 0 && !book->failed)
		log_warn("%s/%s: %s; what workers die of is only told here",
		    crawl->dir, CRASH_FILE, strerror(-r));
	book->failed = r < 0;
}

/* Of each kind so many in a window. */
static bool
may_write(struct crash_window *window, unsigned most)
{
	int64_t now = now_mono_ms();

	if (now - window->began_ms >= CRASH_WINDOW_MS || window->n == 0)
		*window = (struct crash_window){ .began_ms = now };
	return window->n < most && ++window->n > 0;
}

void
crash_write(struct crash_book *book, const struct crawl *crawl,
    const struct crash *crash)
{
	if (!may_write(&book->windows[crash->full],
		crash->full ? CRASH_FULL_MOST : CRASH_SHORT_MOST)) {
		book->skipped++;
		return;
	}
	put(book, crawl, report_json(book, crash));
}

void
crash_close(struct crash_book *book, const struct crawl *crawl)
{
	json_t *object;

	if (book->skipped == 0 || book->failed)
		return;
	object = json_object();
	put_stamp(object);
	json_object_set_new(object, "skipped",
	    json_integer((json_int_t)book->skipped));
	put(book, crawl, object);
}
