/*
 * log - lines for whoever runs the crawl, on standard error.
 *
 * One line, one write: lines of several processes do not mix.  Each names its
 * worker.  An error is logged once, by the code that decides what is next.
 */
#ifndef CMD_LOG_H
#define CMD_LOG_H

#include <stdbool.h>

#include "lib/base/attr.h"

enum log_level {
	LOG_ERROR,
	LOG_WARN,
	LOG_INFO,
	LOG_DEBUG
};

/* Who speaks ("parser.1"), up to which level; `live`: a live line is on this
 * terminal and has to be wiped first. */
void log_setup(const char *who, int level, bool live);

void log_line(int level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

#endif
