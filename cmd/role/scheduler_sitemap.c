/*
 * scheduler_sitemap - a sitemap that was fetched and parsed: what it lists is
 * offered, and it is settled, in one batch.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cmd/role/poison.h"
#include "cmd/role/scheduler_impl.h"
#include "lib/base/plural.h"
#include "lib/message/output.h"
#include "lib/sitemap/sitemap.h"

/* What the parser made of it, bounded once more. */
struct found {
	struct sitemap_report report;
	bool is_whole; /* there is a report: the parser got to its end */
	uint32_t listed;
};

static int
offer_item(struct scheduler *s, const struct order *order,
    const struct output_item *item, int64_t now)
{
	struct listing listed;

	if (item->tag == OUTPUT_NESTED)
		return frontier_offer_sitemap(s->frontier, order, item->bytes,
		    now);
	if (item->bytes.len < sizeof(listed))
		return 0;
	memcpy(&listed, item->bytes.ptr, sizeof(listed));
	return frontier_offer_listed(s->frontier, order,
	    span_from_at(item->bytes, sizeof(listed)), &listed, now);
}

static int
offer(struct scheduler *s, const struct order *order, uint32_t cell,
    int64_t now, struct found *found)
{
	struct output_reader output;
	struct output_item item;
	int r = 0;

	*found = (struct found){ .is_whole = false };
	poison_look(ROLE_SCHEDULER,
	    conveyor_word(s->cv, cell).attempts & CELL_BLAMES, order->url);
	if (output_open(&output, conveyor_output(s->cv, cell),
		conveyor_output_room(s->cv, cell), order->lap) != 1)
		return 0;
	while (r >= 0 && output_next(&output, &item) == 1) {
		if (item.tag == OUTPUT_SITEMAP &&
		    item.bytes.len == sizeof(found->report)) {
			memcpy(&found->report, item.bytes.ptr,
			    sizeof(found->report));
			found->is_whole = true;
			continue;
		}
		if (item.tag != OUTPUT_LISTED && item.tag != OUTPUT_NESTED)
			continue;
		if (found->listed >= SITEMAP_URLS_MAX)
			continue;
		found->listed++;
		r = offer_item(s, order, &item, now);
	}
	return r < 0 ? r : 0;
}

static void add_words(struct sitemap_outcome *out, const char *fmt, ...)
    PRINTF_LIKE(2, 3);

static void
add_words(struct sitemap_outcome *out, const char *fmt, ...)
{
	size_t at = strlen(out->words);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(out->words + at, sizeof(out->words) - at, fmt, ap);
	va_end(ap);
}

/* Why not all of it was read, though nothing is wrong with it. */
static void
describe_cut(const struct config *config, unsigned cut,
    struct sitemap_outcome *out)
{
	if (cut == SITEMAP_CUT_URLS)
		add_words(out,
		    "it lists more than %u, the others are left out; ",
		    SITEMAP_URLS_MAX);
	else if (cut == SITEMAP_CUT_BYTES)
		add_words(out,
		    "it is longer than sitemap_max_bytes (%llu), the rest is "
		    "left out; ",
		    (unsigned long long)config->sitemap_max_bytes);
	else if (cut == SITEMAP_CUT_ROOM)
		add_words(out,
		    "there was no room for all of it (shm_budget), the rest "
		    "is left out; ");
}

/* What a person should know of it; empty when all is well. */
static void
describe(const struct config *config, const struct capture *capture,
    const struct found *found, struct sitemap_outcome *out)
{
	const struct sitemap_report *report = &found->report;
	char defect[120];

	sitemap_describe(report, defect, sizeof(defect));
	out->words[0] = '\0';
	if (capture->truncated != TRUNCATED_NO)
		add_words(out, "only a part of it was received (%s); ",
		    truncated_name(capture->truncated));
	if (defect[0] != '\0')
		add_words(out, "%s; ", defect);
	if (report->dropped > 0)
		add_words(out, "%u %s left out (%s%s); ", report->dropped,
		    plural_of(report->dropped, "entry was", "entries were"),
		    report->dropped > 1 ? "of the first: " : "",
		    sitemap_drop_words(report->drop));
	describe_cut(config, report->cut, out);
	if (out->words[0] != '\0')
		add_words(out, "%u %s read", found->listed,
		    plural_of(found->listed, "entry was", "entries were"));
}

int
scheduler_settle_sitemap(struct scheduler *s, const struct order *order,
    const struct capture *capture, struct decision decision, bool blamed,
    uint32_t cell, int64_t now)
{
	struct sitemap_outcome outcome = { .broken = false };
	struct found found;
	bool answered = capture != NULL && capture->status / 100 == 2 &&
			decision.verdict == VERDICT_DONE;
	bool read;
	int r;

	if (!answered || blamed)
		return frontier_settle_sitemap(s->frontier, order, capture,
		    decision, NULL, now);
	r = offer(s, order, cell, now, &found);
	if (r < 0)
		return r;
	/* Memory was short.  What could be read is offered, which does no harm
	 * twice; the rest another time, with less under way. */
	if ((!found.is_whole || found.report.cut == SITEMAP_CUT_ROOM) &&
	    order->tries < s->config->host.retries) {
		decision = (struct decision){ VERDICT_RETRY, REASON_TOO_LARGE };
		scheduler_narrow(s);
	} else if (!found.is_whole) {
		decision = (struct decision){ VERDICT_FAILED,
			REASON_TOO_LARGE };
	}
	read = found.is_whole && decision.verdict == VERDICT_DONE;
	if (read) {
		outcome.broken = found.report.defect != SITEMAP_SOUND ||
				 found.report.cut != SITEMAP_WHOLE ||
				 capture->truncated != TRUNCATED_NO;
		outcome.dropped = found.report.dropped;
		describe(s->config, capture, &found, &outcome);
	}
	return frontier_settle_sitemap(s->frontier, order, capture, decision,
	    read ? &outcome : NULL, now);
}
