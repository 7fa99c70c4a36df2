/*
 * filter - a command that answers lines: a JSON object in, one out, in order.
 *
 * An answer is written before the filter waits for more input, so that it can
 * be talked to over a pair of pipes.
 */
#ifndef CMD_COMMAND_FILTER_H
#define CMD_COMMAND_FILTER_H

#include <jansson.h>

#include "lib/base/attr.h"
#include "lib/base/span.h"

/* Longest line; a longer one is answered as an error. */
#define FILTER_LINE_MAX (32u << 20)

/*
 * The answer to `question`, an object, as a new reference; NULL: no memory.
 * Strings may hold NULs: take their lengths from json_string_length().
 */
typedef json_t *filter_answer(void *ctx, json_t *question);

/*
 * Answer each line of the descriptor `in` on `out`, until `in` ends.  A line
 * that is no JSON object is answered by {"error": "..."}.
 * 0, or the negative errno of what failed: reading, writing, memory.
 */
MUST_USE int filter_run(filter_answer *answer, void *ctx, int in, int out);

/* A JSON string of any bytes: malformed ones become U+FFFD.  NULL: no memory. */
json_t *filter_text(struct span bytes);

/* {"error": "..."}, for answers. */
json_t *filter_error(const char *text);

#endif
