/*
 * record - the line of a URL in the outputs, schema v1.
 *
 * Identity and status come from the order and the capture, which no parser
 * can write; the parser's items fill in the rest.
 */
#ifndef LIB_ARCHIVE_RECORD_H
#define LIB_ARCHIVE_RECORD_H

#include "lib/archive/jsonl.h"
#include "lib/message/capture.h"
#include "lib/message/order.h"
#include "lib/message/output.h"
#include "lib/message/verdict.h"

struct record_options {
	char crawl_id[33]; /* hex */
	bool links, body;  /* --fields */
};

/*
 * Append the line.  `capture` and `output` may be NULL.  `id` of the record is
 * made of site64 and url64, so a record that is written again has the same.
 * 0; -EMSGSIZE over the limit of `out`: the line is written again without
 * body and links, truncated "links"; -ENOMEM.
 */
MUST_USE int record_write(struct buf *out, const struct record_options *options,
    const struct order *order, const struct capture *capture,
    struct decision decision, struct output_reader *output);

#endif
