#include "cmd/log.h"

#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	LOG_WAIT_MS = 100 /* for a reader, then the line is lost */
};

/* Of this process: set once after the fork. */
static struct {
	char who[32];
	int level;
	bool live;
} state = { "mpcrawl", LOG_INFO, false };

void
log_setup(const char *who, int level, bool live)
{
	snprintf(state.who, sizeof(state.who), "%s", who);
	state.level = level;
	state.live = live;
}

/* URLs and names in messages come from the net: a terminal gets no control
 * bytes of theirs. */
static void
wash(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			text[i] = '?';
	}
}

void
log_line(int level, const char *fmt, ...)
{
	static const char *const marks[] = { "error: ", "warning: ", "", "" };
	struct pollfd pfd = { .fd = STDERR_FILENO, .events = POLLOUT };
	char line[1200];
	char stamp[16];
	struct timespec ts;
	struct tm tm;
	va_list ap;
	int head, body;
	size_t len;
	ssize_t n;

	if (level > state.level)
		return;
	clock_gettime(CLOCK_REALTIME, &ts);
	localtime_r(&ts.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%H:%M:%S", &tm);
	head = snprintf(line, sizeof(line), "%s%s %s: %s",
	    state.live ? "\r\033[K" : "", stamp, state.who,
	    marks[level <= LOG_DEBUG ? level : LOG_DEBUG]);
	va_start(ap, fmt);
	body = vsnprintf(line + head, sizeof(line) - (size_t)head - 1, fmt, ap);
	va_end(ap);
	if (body < 0)
		return;
	len = (size_t)head + (size_t)body;
	if (len > sizeof(line) - 2)
		len = sizeof(line) - 2;
	wash(line + head, len - (size_t)head);
	line[len++] = '\n';
	/* A reader that has stopped reading must not stop the supervisor. */
	if (poll(&pfd, 1, LOG_WAIT_MS) != 1 || !(pfd.revents & POLLOUT))
		return;
	n = write(STDERR_FILENO, line, len);
	(void)n; /* nobody to tell that nobody listens */
}
