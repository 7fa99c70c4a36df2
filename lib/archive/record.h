/*
 * record - the line of a URL in the outputs, schema v1.
 *
 * Identity and status come from the order and the capture, which no parser
 * can write; the parser's items fill in the rest.  Absent means unknown: what
 * is empty is not written.  Every line has a status, a reason, or both (an
 * answer of which more is to be said: too_many_redirects, quarantined,
 * too_large).
 *
 *   hops      the end of the hop path, in Heritrix' letters: one R for each
 *             redirect that led here, else the letter of the link
 *   robots_meta, robots_header  what the page asks of robots: by its own
 *             meta robots, and by the header X-Robots-Tag
 *   attempt   the how manieth request this was
 *   location  where a redirect points
 *   proxied   a proxy was asked: ip and port of the host are not known
 *   redirect_chain  the redirects that led here, oldest first, url and status;
 *             of a long one the last hops (hops has a letter for each)
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
 * The decision is a final one: of a retry there is no record.
 *
 * A line over the limit of `out` is written again without body and links,
 * truncated "links"; the parser's texts have limits of their own, so a few
 * 100 KiB and the longest URL are always enough for that.
 * 0; -EMSGSIZE not even so, -ENOMEM: then `out` is as it was.
 */
MUST_USE int record_write(struct buf *out, const struct record_options *options,
    const struct order *order, const struct capture *capture,
    struct decision decision, struct output_reader *output);

#endif
