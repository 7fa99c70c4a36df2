/*
 * What the next request to a URL's host waits for, in words, and until when.
 */
#include <stdio.h>

#include "cmd/inquiry_impl.h"
#include "lib/base/plural.h"

/* As a part of a sentence. */
static const char *const waits[POLITE_TERMS] = {
	[POLITE_NOTHING] = "nothing",
	[POLITE_HOST_DELAY] = "the delay between two requests (host_delay)",
	[POLITE_CRAWL_DELAY] = "the Crawl-delay of its robots.txt",
	[POLITE_LATENCY] = "its last answer, which took long (delay_factor)",
	[POLITE_RETRY_AFTER] = "the end of its Retry-After",
	[POLITE_BACKOFF] = "the back-off after its 429 or 503 (backoff)",
	[POLITE_TROUBLE] = "another try, for it could not be reached "
			   "(retry_delay)",
	[POLITE_DNS] = "another try, for its name was not found "
		       "(dns_negative_ttl)",
	[POLITE_RESTART] = "one delay after the start of the crawl",
	[POLITE_IP] = "its address, to which other requests go (ip_delay, "
		      "ip_concurrency)",
};

/* By the clocks of host and address alone. */
static void
say_clock(const struct why *why, int64_t now_ms, char out[INQUIRY_SENTENCE])
{
	bool waits_now = why_host_waits(why, now_ms);
	bool has_since = waits_now && why->since_ms > 0;
	char at[INQUIRY_TIME], since[INQUIRY_TIME];

	if (why->clock.ready_ms <= now_ms && why->is_busy)
		snprintf(out, INQUIRY_SENTENCE,
		    "the next request to that host may leave when one that is "
		    "under way has ended (host_concurrency)");
	else if (why->clock.ready_ms <= now_ms && waits_now)
		snprintf(out, INQUIRY_SENTENCE,
		    "the next request to that host waits for %s",
		    waits[POLITE_IP]);
	else
		snprintf(out, INQUIRY_SENTENCE,
		    "the next request to that host may leave %s%s%s%s%s",
		    inquiry_when(why->clock.ready_ms, now_ms, at),
		    waits_now ? ": it waits for " : "",
		    waits_now ? waits[why->clock.term] : "",
		    has_since ? ", since " : "",
		    has_since ? inquiry_time(why->since_ms, since) : "");
}

/* Its robots.txt comes first.  When it is asked for, as far as is known. */
static int64_t
say_robots_first(const struct why *why, int64_t now_ms,
    char out[INQUIRY_SENTENCE])
{
	int64_t ready_ms = why->clock.ready_ms;
	char at[INQUIRY_TIME], since[INQUIRY_TIME], text[INQUIRY_SENTENCE];

	if (why->need == RULEBOOK_LATER) {
		if (why->robots_at_ms > ready_ms)
			ready_ms = why->robots_at_ms;
		snprintf(out, INQUIRY_SENTENCE,
		    "nothing of that host is fetched without its robots.txt, "
		    "which could not be had %u time%s, since %s: it is asked "
		    "for again %s (retry_delay)",
		    why->robots_fails, plural(why->robots_fails),
		    inquiry_time(why->robots_since_ms, since),
		    inquiry_when(ready_ms, now_ms, at));
		return ready_ms;
	}
	if (why->need == RULEBOOK_WAIT && why->robots_asked_ms > 0) {
		snprintf(out, INQUIRY_SENTENCE,
		    "its robots.txt comes first, and has been under way for "
		    "%lld s",
		    (long long)(now_ms - why->robots_asked_ms) / 1000);
		return ready_ms;
	}
	say_clock(why, now_ms, text);
	snprintf(out, INQUIRY_SENTENCE, "its robots.txt comes first; %.800s",
	    text);
	return ready_ms;
}

int64_t
inquiry_say_next(const struct why *why, int64_t now_ms,
    char out[INQUIRY_SENTENCE])
{
	if (why->outage_ms > 0) {
		snprintf(out, INQUIRY_SENTENCE,
		    "our own network has been out for %lld s: nothing but a "
		    "probe now and then leaves (outage_give_up)",
		    (long long)why->outage_ms / 1000);
		return INT64_MAX;
	}
	if (why->limit != NULL) {
		snprintf(out, INQUIRY_SENTENCE,
		    "the crawl has reached %s, so that nothing more is "
		    "fetched: a start with a larger one goes on",
		    why->limit);
		return INT64_MAX;
	}
	if (why->host_known && !why->robots_ignored && !why->is_robots &&
	    why->need != RULEBOOK_GO)
		return say_robots_first(why, now_ms, out);
	say_clock(why, now_ms, out);
	return why->clock.ready_ms;
}
