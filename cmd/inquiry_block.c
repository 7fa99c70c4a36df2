/*
 * block, unblock, and what is blocked.
 */
#include <errno.h>
#include <string.h>

#include "cmd/inquiry_impl.h"
#include "lib/frontier/block.h"

/* The pattern of a request, into `out`; NULL, or why not. */
static json_t *
read_pattern(json_t *request, struct buf *out)
{
	json_t *host = json_object_get(request, "host");
	struct err err = ERR_NONE;
	int r;

	if (!json_is_string(host))
		return inquiry_refusal(
		    "which host? example.org, *.example.org, "
		    ".example.org");
	r = block_read(span_of(json_string_value(host),
			   json_string_length(host)),
	    out, &err);
	if (r == 0)
		return NULL;
	return inquiry_refusal("%s", err.text[0] ? err.text : strerror(-r));
}

json_t *
inquiry_block(struct inquiry *q, json_t *request)
{
	struct frontier_blocking now;
	struct buf pattern;
	json_t *answer;
	int r;

	buf_init(&pattern, BLOCK_LONGEST);
	answer = read_pattern(request, &pattern);
	if (answer == NULL) {
		now = frontier_blocking(q->frontier, buf_span(&pattern));
		r = frontier_block(q->frontier, buf_span(&pattern), q->now_ms);
		q->changed = r == 1;
		if (r == -ENOSPC)
			answer = inquiry_refusal(
			    "%d hosts are blocked, which is the "
			    "most; *.example.org blocks many at "
			    "once",
			    BLOCKS_MAX);
		else if (r < 0)
			answer = inquiry_refusal("%s", strerror(-r));
		else
			answer = json_pack("{s:b, s:o, s:b, s:I, s:I, s:I}",
			    "ok", 1, "pattern",
			    inquiry_text(buf_span(&pattern)), "new", r == 1,
			    "hosts", (json_int_t)now.hosts, "queued",
			    (json_int_t)now.queued, "under_way",
			    (json_int_t)now.under_way);
	}
	buf_fini(&pattern);
	return answer;
}

json_t *
inquiry_unblock(struct inquiry *q, json_t *request)
{
	struct buf pattern;
	const char *wider = NULL;
	json_t *answer;
	int r;

	buf_init(&pattern, BLOCK_LONGEST);
	answer = read_pattern(request, &pattern);
	if (answer == NULL) {
		r = frontier_unblock(q->frontier, buf_span(&pattern),
		    q->now_ms);
		q->changed = r == 1;
		wider = frontier_blocks_host(q->frontier, buf_span(&pattern));
		if (r == 0)
			answer = inquiry_refusal("%.*s is not blocked%s%s%s",
			    SPAN_ARG(buf_span(&pattern)),
			    wider ? " by that name, but by " : "",
			    wider ? wider : "",
			    wider ? ""
				  : "; `mpcrawl block --list` names what is");
		else if (r < 0)
			answer = inquiry_refusal("%s", strerror(-r));
		else
			answer = json_pack("{s:b, s:o, s:o}", "ok", 1,
			    "pattern", inquiry_text(buf_span(&pattern)),
			    "still_blocked_by",
			    wider ? json_string(wider) : json_null());
	}
	buf_fini(&pattern);
	return answer;
}

json_t *
inquiry_blocks(struct inquiry *q, json_t *request)
{
	json_t *list = json_array(), *answer;
	size_t i = inquiry_from(request), bytes = 0;
	const char *pattern;

	while (bytes < INQUIRY_LIST &&
	       (pattern = frontier_blocked(q->frontier, i)) != NULL) {
		json_array_append_new(list, json_string(pattern));
		bytes += strlen(pattern) + 8;
		i++;
	}
	answer = json_pack("{s:b, s:o}", "ok", 1, "blocks", list);
	if (frontier_blocked(q->frontier, i) != NULL)
		inquiry_put_number(answer, "next", i);
	return answer;
}
