/*
 * What decides about a URL, for people: one sentence, that of robots.txt within
 * it where it is what decides.
 */
#include <stdio.h>

#include "cmd/inquiry_impl.h"

static const char *const shapes[] = {
	[TRAP_NO] = "",
	[TRAP_DEEP] = "its path has more segments than max_path_depth",
	[TRAP_REPEATS] = "the same segments come again and again in its path "
			 "(max_path_repeat)",
};

const char *
inquiry_shape(enum trap_shape shape)
{
	return shapes[shape];
}

/* --- robots.txt ---------------------------------------------------------- */

bool
inquiry_say_robots(const struct why *why, int64_t now_ms,
    char out[INQUIRY_SENTENCE])
{
	char at[INQUIRY_TIME];

	if (why->robots_ignored) {
		snprintf(out, INQUIRY_SENTENCE, "not asked (robots = ignore)");
		return false;
	}
	if (!why->host_known) {
		snprintf(out, INQUIRY_SENTENCE, "not asked for as yet");
		return false;
	}
	switch (why->need) {
	case RULEBOOK_REFUSE:
		snprintf(out, INQUIRY_SENTENCE,
		    "could not be had for so long that nothing is fetched "
		    "(robots_give_up)");
		return true;
	case RULEBOOK_LATER:
		snprintf(out, INQUIRY_SENTENCE,
		    "cannot be had, so nothing is fetched; asked for again %s",
		    inquiry_when(why->robots_at_ms, now_ms, at));
		return false;
	case RULEBOOK_WAIT:
	case RULEBOOK_FETCH:
		if (!why->has_rules) {
			snprintf(out, INQUIRY_SENTENCE, "%s",
			    why->need == RULEBOOK_WAIT
				? "is being asked for"
				: "is asked for before the next page");
			return false;
		}
		break; /* what was said last is the best there is */
	case RULEBOOK_GO:
		break;
	}
	if (!why->has_rules) {
		snprintf(out, INQUIRY_SENTENCE,
		    "allows all: there is none, or no rule in it is for us");
		return false;
	}
	switch (why->ruling.ground) {
	case ROBOTS_NO_RULE:
		snprintf(out, INQUIRY_SENTENCE, "allows it: no rule matches");
		break;
	case ROBOTS_ITSELF:
		snprintf(out, INQUIRY_SENTENCE,
		    "allows it: it is robots.txt itself");
		break;
	case ROBOTS_TOO_COSTLY:
		snprintf(out, INQUIRY_SENTENCE,
		    "denies it: its rules are too costly to be asked");
		break;
	case ROBOTS_RULE:
		snprintf(out, INQUIRY_SENTENCE, "%s it: line %u, %.*s",
		    why->ruling.allowed ? "allows" : "denies", why->ruling.line,
		    (int)(why->line.len < 500 ? why->line.len : 500),
		    why->line.len > 0 ? why->line.ptr : "");
		break;
	}
	return !why->ruling.allowed;
}

/* --- one that is not known ----------------------------------------------- */

static void
say_refusal(const struct why *why, char out[INQUIRY_SENTENCE])
{
	const char *what = refusal_name(why->refusal);
	const char *key = refusal_key(why->refusal);

	switch (why->refusal) {
	case REFUSED_BLOCKED:
		snprintf(out, INQUIRY_SENTENCE,
		    "its host is blocked (%s); `mpcrawl unblock %s` lets it in "
		    "again",
		    why->blocked, why->blocked);
		return;
	case REFUSED_TRAP:
		if (why->shape != TRAP_NO)
			snprintf(out, INQUIRY_SENTENCE, "a trap: %s",
			    inquiry_shape(why->shape));
		else
			snprintf(out, INQUIRY_SENTENCE,
			    "of its pattern its host has too many already "
			    "(trap_pattern_cap), or its pages are the same "
			    "again and again (trap_pattern_same)");
		return;
	case REFUSED_SCOPE:
		snprintf(out, INQUIRY_SENTENCE,
		    "it is out of scope: no seed measures it (scope)");
		return;
	case REFUSED_RULE:
	case REFUSED_GAVE_UP:
		snprintf(out, INQUIRY_SENTENCE,
		    "it is out of scope: rule %zu, %s = %.500s, %s",
		    why->rule.rule, why->rule.include ? "include" : "exclude",
		    why->rule.text ? why->rule.text : "",
		    why->refusal == REFUSED_RULE
			? "is the last that matches"
			: "could not be asked within its limits");
		return;
	default:
		snprintf(out, INQUIRY_SENTENCE, "%s%s%s%s", what,
		    key[0] ? " (" : "", key, key[0] ? ")" : "");
	}
}

/* ", unless it or its page asks …": only who obeys such askings says it. */
static void
say_askings(const struct why *why, char out[INQUIRY_SENTENCE])
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < why->n_asked; i++)
		at += (size_t)snprintf(out + at, INQUIRY_SENTENCE - at, "%s%s",
		    i == 0 ? ", unless it or its page asks not to (" : ", ",
		    refusal_key(why->asked[i]));
	if (at > 0)
		snprintf(out + at, INQUIRY_SENTENCE - at, ")");
}

static void
say_unknown(const struct why *why, int64_t now_ms, char out[INQUIRY_SENTENCE])
{
	char text[INQUIRY_SENTENCE - 200];
	char long_text[INQUIRY_SENTENCE];

	if (why->refusal != REFUSALS) {
		say_refusal(why, long_text);
		snprintf(text, sizeof(text), "%.800s", long_text);
		snprintf(out, INQUIRY_SENTENCE,
		    "not known to this crawl; a link to it is not followed: %s",
		    text);
	} else if (inquiry_say_robots(why, now_ms, long_text)) {
		snprintf(text, sizeof(text), "%.800s", long_text);
		snprintf(out, INQUIRY_SENTENCE,
		    "not known to this crawl; a link to it would be followed, "
		    "and then not fetched: robots.txt %s",
		    text);
	} else {
		say_askings(why, long_text);
		snprintf(out, INQUIRY_SENTENCE,
		    "not known to this crawl: nothing that was read led to it; "
		    "a link to it would be followed%s%.300s",
		    why_comes_last(why)
			? ", after all else of its host, being of "
			  "a pattern of very many URLs"
			: "",
		    long_text);
	}
}

/* --- its host's clock ---------------------------------------------------- */

/* What the host's next request waits for, as a part of a sentence. */
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

/* When its host is asked next, and what decides that. */
static void
say_clock(const struct why *why, int64_t now_ms, char out[INQUIRY_SENTENCE])
{
	bool waits_now = why_host_waits(why, now_ms);
	bool has_since = waits_now && why->since_ms > 0;
	char at[INQUIRY_TIME], since[INQUIRY_TIME];

	if (why->outage_ms > 0)
		snprintf(out, INQUIRY_SENTENCE,
		    "our own network has been out for %lld s: nothing but a "
		    "probe now and then leaves (outage_give_up)",
		    (long long)why->outage_ms / 1000);
	else if (why->clock.ready_ms <= now_ms && waits_now)
		snprintf(out, INQUIRY_SENTENCE,
		    "the next request to that host waits for %s",
		    waits[POLITE_IP]);
	else
		snprintf(out, INQUIRY_SENTENCE,
		    "the next request to that host may leave %s%s%s%s%s%s",
		    waits_now ? "at " : "",
		    inquiry_when(why->clock.ready_ms, now_ms, at),
		    waits_now ? ": it waits for " : "",
		    waits_now ? waits[why->clock.term] : "",
		    has_since ? ", since " : "",
		    has_since ? inquiry_when(why->since_ms, 0, since) : "");
}

/* --- the sentence -------------------------------------------------------- */

static void
say_queued(const struct why *why, int64_t now_ms, char out[INQUIRY_SENTENCE])
{
	char text[INQUIRY_SENTENCE];

	if (why->host_reason != REASON_NONE) {
		snprintf(out, INQUIRY_SENTENCE,
		    "queued, and to be recorded without a fetch: %s (%s)",
		    reason_name(why->host_reason),
		    why->blocked != NULL ? why->blocked
					 : reason_key(why->host_reason));
	} else if (why->parked != BUDGET_NONE) {
		snprintf(out, INQUIRY_SENTENCE,
		    "queued, but its host is parked: it has used up %s; when "
		    "nothing else is left it is excluded, a start with a "
		    "larger budget fetches it",
		    budget_key(why->parked));
	} else if (inquiry_say_robots(why, now_ms, text)) {
		snprintf(out, INQUIRY_SENTENCE,
		    "queued, and to be excluded when its turn comes: "
		    "robots.txt %.800s",
		    text);
	} else {
		say_clock(why, now_ms, text);
		snprintf(out, INQUIRY_SENTENCE,
		    "queued, with %llu%s URLs of its host before it; %.800s",
		    (unsigned long long)why->before,
		    why->before == WHY_COUNT ? " or more" : "", text);
	}
}

static void
say_ended(const struct why *why, char out[INQUIRY_SENTENCE])
{
	const struct url_row *row = &why->row;
	const char *key = reason_key(row->reason);

	if (row->reason != REASON_NONE)
		snprintf(out, INQUIRY_SENTENCE, "%s: %s%s%s%s",
		    verdict_name(row->verdict), reason_name(row->reason),
		    key[0] ? " (" : "", key, key[0] ? ")" : "");
	else
		snprintf(out, INQUIRY_SENTENCE, "%s: answered with %u",
		    verdict_name(row->verdict), row->status);
}

void
inquiry_say(const struct why *why, int64_t now_ms, char out[INQUIRY_SENTENCE])
{
	char at[INQUIRY_TIME];

	if (!why->known) {
		say_unknown(why, now_ms, out);
	} else if (why->leased && why->lease == LEASE_OUT) {
		snprintf(out, INQUIRY_SENTENCE, "under way, for %lld s",
		    (long long)(now_ms - why->ordered_ms) / 1000);
	} else if (why->leased && why->lease == LEASE_SETTLED) {
		snprintf(out, INQUIRY_SENTENCE,
		    "has just ended; its result is being made durable");
	} else if (why->row.state == URL_WAITING) {
		snprintf(out, INQUIRY_SENTENCE,
		    "waits for another try, after %u that failed and %u times "
		    "that the host wanted a pause; queued again %s%s",
		    why->row.tries, why->row.waits,
		    (int64_t)why->row.place > now_ms ? "at " : "",
		    inquiry_when((int64_t)why->row.place, now_ms, at));
	} else if (why->row.state == URL_ENDED) {
		say_ended(why, out);
	} else {
		say_queued(why, now_ms, out);
	}
}
