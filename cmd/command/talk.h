/*
 * talk - a command's side of the control socket: a JSON object a line, one
 * back.
 */
#ifndef CMD_COMMAND_TALK_H
#define CMD_COMMAND_TALK_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/attr.h"

/*
 * Connect to the crawl that runs in `dir`; it has `timeout_ms` for each
 * answer.  0; -ENOENT none runs there; -ENAMETOOLONG; or another -errno.
 */
MUST_USE int talk_dial(const char *dir, int timeout_ms, int *fd);

/* Send one line, read one.  NULL: the connection broke, or it was no JSON. */
json_t *talk_ask(int fd, json_t *request);

/* After a question without an answer: has the crawl in `dir` ended over it? */
bool talk_is_over(const char *dir, int timeout_ms);

#endif
