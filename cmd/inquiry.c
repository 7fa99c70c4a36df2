#include "cmd/inquiry.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/frontier/block.h"
#include "lib/frontier/why.h"
#include "lib/message/chain.h"

enum {
	LIST_BYTES = 40 << 10, /* of one answer's list; the rest by another */
	WHEN = 32,
	SENTENCE = 1024,
};

/* --- JSON ---------------------------------------------------------------- */

/* Bytes of any kind, cut to what an answer has room for. */
static json_t *
text_of(struct span bytes)
{
	size_t len = bytes.len < 5000 ? bytes.len : 5000;
	json_t *json = json_stringn(bytes.ptr ? bytes.ptr : "", len);
	char copy[5000];

	if (json != NULL)
		return json;
	for (size_t i = 0; i < len; i++)
		copy[i] = (unsigned char)bytes.ptr[i] < 0x80 ? bytes.ptr[i]
							     : '?';
	return json_stringn(copy, len);
}

static void
put(json_t *object, const char *key, struct span text)
{
	if (text.len > 0)
		json_object_set_new(object, key, text_of(text));
}

static void
put_number(json_t *object, const char *key, uint64_t n)
{
	json_object_set_new(object, key,
	    json_integer(n < INT64_MAX ? (json_int_t)n : INT64_MAX));
}

static json_t *refusal(const char *fmt, ...) PRINTF_LIKE(1, 2);

static json_t *
refusal(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return json_pack("{s:b, s:o}", "ok", 0, "error",
	    text_of(span_from(text)));
}

/* "2026-11-27T05:00:00Z", or "now" when that is past. */
static const char *
when(int64_t ms, int64_t now_ms, char out[WHEN])
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;

	if (ms <= now_ms)
		snprintf(out, WHEN, "now");
	else if (gmtime_r(&s, &tm) == NULL ||
		 strftime(out, WHEN, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(out, WHEN, "?");
	return out;
}

static void
put_time(json_t *object, const char *key, int64_t ms)
{
	char text[WHEN];

	if (ms > 0 && ms < INT64_MAX)
		json_object_set_new(object, key,
		    json_string(when(ms, 0, text)));
}

/* --- why ----------------------------------------------------------------- */

static const char *const shapes[] = {
	[TRAP_NO] = "",
	[TRAP_DEEP] = "its path has more segments than max_path_depth",
	[TRAP_REPEATS] = "the same segments come again and again in its path "
			 "(max_path_repeat)",
};

static const char *const scopes[] = {
	[SCOPE_IN] = "in",
	[SCOPE_OUT_KIND] = "outside of what the seeds measure",
	[SCOPE_OUT_RULE] = "excluded by a rule",
};

static json_t *
trap_json(const struct frontier_trap *trap)
{
	char id[20];
	json_t *object;

	snprintf(id, sizeof(id), "%016llx", (unsigned long long)trap->id);
	object = json_pack("{s:s, s:b}", "id", id, "released", trap->released);
	put_number(object, "urls", trap->urls);
	put_number(object, "refused", trap->refused);
	put_number(object, "fetched", trap->fetched);
	put_number(object, "same", trap->same);
	put(object, "host", trap->host);
	put(object, "pattern", trap->pattern);
	put(object, "example", trap->example);
	return object;
}

/* Would its URLs come last? */
static bool
comes_last(const struct why *why)
{
	for (size_t i = 0; i < why->n_traps; i++) {
		if (!why->traps[i].released)
			return true;
	}
	return false;
}

static json_t *
link_json(const struct why *why)
{
	json_t *object = json_pack("{s:b, s:s}", "admitted",
	    why->refusal == REFUSALS, "scope", scopes[why->scope]);

	if (why->refusal != REFUSALS) {
		put(object, "refusal", span_from(refusal_name(why->refusal)));
		put(object, "setting", span_from(refusal_key(why->refusal)));
	}
	if (why->rule.rule > 0) {
		put(object, "rule", span_from(why->rule.text));
		put(object, "rule_of",
		    span_from(why->rule.include ? "include" : "exclude"));
		put_number(object, "rule_number", why->rule.rule);
	}
	put(object, "taken_for_host", why->alias);
	put(object, "shape", span_from(shapes[why->shape]));
	if (why->blocked != NULL)
		put(object, "blocked_by", span_from(why->blocked));
	if (comes_last(why))
		json_object_set_new(object, "last", json_true());
	return object;
}

static const char *
state_of(const struct why *why)
{
	if (!why->known)
		return "unknown";
	if (why->leased && why->lease == LEASE_SETTLED)
		return "settled";
	if (why->leased && why->lease == LEASE_OUT)
		return "in flight";
	switch ((enum url_state)why->row.state) {
	case URL_QUEUED:
		return "queued";
	case URL_WAITING:
		return "waiting";
	case URL_ENDED:
		return "ended";
	case URL_STATES:
		break;
	}
	return "?";
}

static void
put_chain(json_t *object, struct span chain)
{
	struct chain_hop hop;
	json_t *hops;

	if (chain.len == 0 || !chain_is_whole(chain))
		return;
	hops = json_array();
	while (chain_next(&chain, &hop) == 1) {
		json_t *one = json_object();

		put(one, "url", hop.url);
		put_number(one, "status", hop.status);
		json_array_append_new(hops, one);
	}
	json_object_set_new(object, "redirect_chain", hops);
}

static void
put_row(json_t *object, const struct why *why)
{
	const struct url_row *row = &why->row;

	put_number(object, "depth", row->depth);
	put_number(object, "hops", row->hops);
	put_number(object, "tries", row->tries);
	put_number(object, "waits", row->waits);
	put(object, "found", span_from(link_kind_name(row->found)));
	put(object, "via", why->via);
	put(object, "redirected_to", row->target);
	put_chain(object, row->chain);
	if (row->late)
		json_object_set_new(object, "last", json_true());
	if (row->status > 0)
		put_number(object, "status", row->status);
	put_time(object, "fetched_at", row->at_ms);
	if (row->state == URL_ENDED) {
		put(object, "verdict", span_from(verdict_name(row->verdict)));
		put(object, "reason", span_from(reason_name(row->reason)));
		put(object, "setting", span_from(reason_key(row->reason)));
	}
	if (row->state == URL_WAITING)
		put_time(object, "retry_at", (int64_t)row->place);
	if (why->leased)
		put_time(object, "ordered_at", why->ordered_ms);
	if (row->state == URL_QUEUED && !why->leased) {
		put_number(object, "before", why->before);
		if (why->before == WHY_COUNT)
			json_object_set_new(object, "or_more", json_true());
	}
}

static json_t *
budgets_json(const struct why *why)
{
	json_t *object = json_object();

	for (unsigned i = 1; i < BUDGETS; i++) {
		json_t *budget;

		if (why->limits.of[i] == 0)
			continue;
		budget = json_object();
		put_number(budget, "used", why->used.of[i]);
		put_number(budget, "limit", why->limits.of[i]);
		json_object_set_new(object, budget_key(i), budget);
	}
	return object;
}

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

/* In line, it is not known until when: a request must end first. */
static bool
is_waited_for(const struct why *why, int64_t now_ms)
{
	return why->clock.ready_ms > now_ms || why->in_line;
}

static void
put_clock(json_t *object, const struct why *why, int64_t now_ms)
{
	put_number(object, "delay_ms", (uint64_t)why->clock.delay_ms);
	put(object, "delay_of",
	    span_from(polite_term_name(why->clock.delay_term)));
	if (why->polite.crawl_delay_ms >= 0)
		put_number(object, "crawl_delay_ms",
		    (uint64_t)why->polite.crawl_delay_ms);
	put_time(object, "next_request_at", why->clock.ready_ms);
	if (is_waited_for(why, now_ms)) {
		put(object, "waits_for",
		    span_from(polite_term_name(why->clock.term)));
		put_time(object, "waits_since", why->since_ms);
	}
	if (why->polite.blocked_ms > now_ms)
		put_time(object, "paused_until", why->polite.blocked_ms);
	if (why->outage_ms > 0)
		put_number(object, "outage_ms", (uint64_t)why->outage_ms);
}

static json_t *
host_json(const struct why *why, int64_t now_ms)
{
	json_t *object = json_object();

	put(object, "name", why->site);
	put_number(object, "admitted", why->admitted);
	put_number(object, "queued", why->queued);
	put_number(object, "fetched", why->fetched);
	put_number(object, "under_way", why->slots);
	put_clock(object, why, now_ms);
	if (why->polite.backoffs > 0)
		put_number(object, "backoffs", why->polite.backoffs);
	if (why->polite.fails > 0)
		put_number(object, "fails", why->polite.fails);
	if (why->down)
		json_object_set_new(object, "down", json_true());
	if (why->parked != BUDGET_NONE)
		put(object, "parked_by", span_from(budget_key(why->parked)));
	if (why->host_reason != REASON_NONE)
		put(object, "excluded_as",
		    span_from(reason_name(why->host_reason)));
	json_object_set_new(object, "budgets", budgets_json(why));
	return object;
}

/* What robots.txt says, in words.  Is it against it? */
static bool
say_robots(const struct why *why, int64_t now_ms, char out[SENTENCE])
{
	char at[WHEN];

	if (why->robots_ignored) {
		snprintf(out, SENTENCE, "not asked (robots = ignore)");
		return false;
	}
	if (!why->host_known) {
		snprintf(out, SENTENCE, "not asked for as yet");
		return false;
	}
	switch (why->need) {
	case RULEBOOK_REFUSE:
		snprintf(out, SENTENCE,
		    "could not be had for so long that nothing is fetched "
		    "(robots_give_up)");
		return true;
	case RULEBOOK_LATER:
		snprintf(out, SENTENCE,
		    "cannot be had, so nothing is fetched; asked for again %s",
		    when(why->robots_at_ms, now_ms, at));
		return false;
	case RULEBOOK_WAIT:
	case RULEBOOK_FETCH:
		if (!why->has_rules) {
			snprintf(out, SENTENCE, "%s",
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
		snprintf(out, SENTENCE,
		    "allows all: there is none, or no rule in it is for us");
		return false;
	}
	switch (why->ruling.ground) {
	case ROBOTS_NO_RULE:
		snprintf(out, SENTENCE, "allows it: no rule matches");
		break;
	case ROBOTS_ITSELF:
		snprintf(out, SENTENCE, "allows it: it is robots.txt itself");
		break;
	case ROBOTS_TOO_COSTLY:
		snprintf(out, SENTENCE,
		    "denies it: its rules are too costly to be asked");
		break;
	case ROBOTS_RULE:
		snprintf(out, SENTENCE, "%s it: line %u, %.*s",
		    why->ruling.allowed ? "allows" : "denies", why->ruling.line,
		    (int)(why->line.len < 500 ? why->line.len : 500),
		    why->line.len > 0 ? why->line.ptr : "");
		break;
	}
	return !why->ruling.allowed;
}

static json_t *
robots_json(const struct why *why, int64_t now_ms)
{
	char text[SENTENCE];
	bool against = say_robots(why, now_ms, text);
	json_t *object = json_pack("{s:b, s:s}", "denied", against, "says",
	    text);

	if (!why->has_rules)
		return object;
	if (why->ruling.ground == ROBOTS_RULE) {
		put_number(object, "line", why->ruling.line);
		put(object, "rule", buf_span(&why->line));
	}
	if (why->robots == RULEBOOK_RULES)
		put_time(object, "until", why->robots_at_ms);
	return object;
}

/* --- the one sentence ---------------------------------------------------- */

static void
say_refusal(const struct why *why, char out[SENTENCE])
{
	const char *what = refusal_name(why->refusal);
	const char *key = refusal_key(why->refusal);

	switch (why->refusal) {
	case REFUSED_BLOCKED:
		snprintf(out, SENTENCE,
		    "its host is blocked (%s); `mpcrawl unblock %s` lets it in "
		    "again",
		    why->blocked, why->blocked);
		return;
	case REFUSED_TRAP:
		if (why->shape != TRAP_NO)
			snprintf(out, SENTENCE, "a trap: %s",
			    shapes[why->shape]);
		else
			snprintf(out, SENTENCE,
			    "of its pattern its host has too many already "
			    "(trap_pattern_cap), or its pages are the same "
			    "again and again (trap_pattern_same)");
		return;
	case REFUSED_SCOPE:
		snprintf(out, SENTENCE,
		    "it is out of scope: no seed measures it (scope)");
		return;
	case REFUSED_RULE:
	case REFUSED_GAVE_UP:
		snprintf(out, SENTENCE,
		    "it is out of scope: rule %zu, %s = %.500s, %s",
		    why->rule.rule, why->rule.include ? "include" : "exclude",
		    why->rule.text ? why->rule.text : "",
		    why->refusal == REFUSED_RULE
			? "is the last that matches"
			: "could not be asked within its limits");
		return;
	default:
		snprintf(out, SENTENCE, "%s%s%s%s", what, key[0] ? " (" : "",
		    key, key[0] ? ")" : "");
	}
}

static void
say_unknown(const struct why *why, int64_t now_ms, char out[SENTENCE])
{
	char text[SENTENCE - 200];
	char long_text[SENTENCE];

	if (why->refusal != REFUSALS) {
		say_refusal(why, long_text);
		snprintf(text, sizeof(text), "%.800s", long_text);
		snprintf(out, SENTENCE,
		    "not known to this crawl; a link to it is not followed: %s",
		    text);
	} else if (say_robots(why, now_ms, long_text)) {
		snprintf(text, sizeof(text), "%.800s", long_text);
		snprintf(out, SENTENCE,
		    "not known to this crawl; a link to it would be followed, "
		    "and then not fetched: robots.txt %s",
		    text);
	} else {
		snprintf(out, SENTENCE,
		    "not known to this crawl: no page that was read has linked "
		    "to it; such a link would be followed%s",
		    comes_last(why) ? ", after all else of its host, being of "
				      "a pattern of very many URLs"
				    : "");
	}
}

/* When its host is asked next, and what decides that. */
static void
say_clock(const struct why *why, int64_t now_ms, char out[SENTENCE])
{
	bool waits_now = is_waited_for(why, now_ms);
	bool has_since = waits_now && why->since_ms > 0;
	char at[WHEN], since[WHEN];

	if (why->outage_ms > 0)
		snprintf(out, SENTENCE,
		    "our own network has been out for %lld s: nothing but a "
		    "probe now and then leaves (outage_give_up)",
		    (long long)why->outage_ms / 1000);
	else if (why->clock.ready_ms <= now_ms && waits_now)
		snprintf(out, SENTENCE,
		    "the next request to that host waits for %s",
		    waits[POLITE_IP]);
	else
		snprintf(out, SENTENCE,
		    "the next request to that host may leave %s%s%s%s%s%s",
		    waits_now ? "at " : "",
		    when(why->clock.ready_ms, now_ms, at),
		    waits_now ? ": it waits for " : "",
		    waits_now ? waits[why->clock.term] : "",
		    has_since ? ", since " : "",
		    has_since ? when(why->since_ms, 0, since) : "");
}

static void
say_queued(const struct why *why, int64_t now_ms, char out[SENTENCE])
{
	char text[SENTENCE];

	if (why->host_reason != REASON_NONE) {
		snprintf(out, SENTENCE,
		    "queued, and to be recorded without a fetch: %s (%s)",
		    reason_name(why->host_reason),
		    why->blocked != NULL ? why->blocked
					 : reason_key(why->host_reason));
	} else if (why->parked != BUDGET_NONE) {
		snprintf(out, SENTENCE,
		    "queued, but its host is parked: it has used up %s; when "
		    "nothing else is left it is excluded, a start with a "
		    "larger budget fetches it",
		    budget_key(why->parked));
	} else if (say_robots(why, now_ms, text)) {
		snprintf(out, SENTENCE,
		    "queued, and to be excluded when its turn comes: "
		    "robots.txt %.800s",
		    text);
	} else {
		say_clock(why, now_ms, text);
		snprintf(out, SENTENCE,
		    "queued, with %llu%s URLs of its host before it; %.800s",
		    (unsigned long long)why->before,
		    why->before == WHY_COUNT ? " or more" : "", text);
	}
}

static void
say_ended(const struct why *why, char out[SENTENCE])
{
	const struct url_row *row = &why->row;
	const char *key = reason_key(row->reason);

	if (row->reason != REASON_NONE)
		snprintf(out, SENTENCE, "%s: %s%s%s%s",
		    verdict_name(row->verdict), reason_name(row->reason),
		    key[0] ? " (" : "", key, key[0] ? ")" : "");
	else
		snprintf(out, SENTENCE, "%s: answered with %u",
		    verdict_name(row->verdict), row->status);
}

static void
say(const struct why *why, int64_t now_ms, char out[SENTENCE])
{
	char at[WHEN];

	if (!why->known) {
		say_unknown(why, now_ms, out);
	} else if (why->leased && why->lease == LEASE_OUT) {
		snprintf(out, SENTENCE, "under way, for %lld s",
		    (long long)(now_ms - why->ordered_ms) / 1000);
	} else if (why->leased && why->lease == LEASE_SETTLED) {
		snprintf(out, SENTENCE,
		    "has just ended; its result is being made durable");
	} else if (why->row.state == URL_WAITING) {
		snprintf(out, SENTENCE,
		    "waits for another try, after %u that failed and %u times "
		    "that the host wanted a pause; queued again %s%s",
		    why->row.tries, why->row.waits,
		    (int64_t)why->row.place > now_ms ? "at " : "",
		    when((int64_t)why->row.place, now_ms, at));
	} else if (why->row.state == URL_ENDED) {
		say_ended(why, out);
	} else {
		say_queued(why, now_ms, out);
	}
}

static json_t *
why_json(const struct why *why, int64_t now_ms)
{
	char text[SENTENCE], id[40];
	json_t *object, *traps = json_array(), *key;

	say(why, now_ms, text);
	snprintf(id, sizeof(id), "%016llx-%016llx",
	    (unsigned long long)why->site64, (unsigned long long)why->url64);
	key = json_pack("{s:o, s:o}", "site", text_of(why->site), "page",
	    text_of(why->page));
	for (size_t i = 0; i < why->n_traps; i++)
		json_array_append_new(traps, trap_json(&why->traps[i]));
	object = json_pack("{s:b, s:o, s:o, s:s, s:o, s:b, s:s, s:o, s:o}",
	    "ok", 1, "url", text_of(why->url), "answer",
	    text_of(span_from(text)), "id", id, "key", key, "known", why->known,
	    "state", state_of(why), "link", link_json(why), "traps", traps);
	if (object == NULL)
		return NULL;
	if (why->known)
		put_row(object, why);
	if (why->host_known)
		json_object_set_new(object, "host", host_json(why, now_ms));
	json_object_set_new(object, "robots", robots_json(why, now_ms));
	return object;
}

static json_t *
ask_why(struct inquiry *q, json_t *request)
{
	json_t *url = json_object_get(request, "url");
	struct span text = span_of(json_string_value(url),
	    json_string_length(url));
	struct err err = ERR_NONE;
	struct why why;
	json_t *answer;
	int r;

	if (!json_is_string(url))
		return refusal("why: which URL?");
	r = frontier_why(q->frontier, text, q->now_ms, &why, &err);
	if (r == 0)
		answer = why_json(&why, q->now_ms);
	else
		answer = refusal("%s", err.text[0] ? err.text : strerror(-r));
	why_fini(&why);
	return answer;
}

/* --- block, unblock ------------------------------------------------------ */

/* The pattern of a request, into `out`; NULL, or why not. */
static json_t *
read_pattern(json_t *request, struct buf *out)
{
	json_t *host = json_object_get(request, "host");
	struct err err = ERR_NONE;
	int r;

	if (!json_is_string(host))
		return refusal("which host? example.org, *.example.org, "
			       ".example.org");
	r = block_read(span_of(json_string_value(host),
			   json_string_length(host)),
	    out, &err);
	if (r == 0)
		return NULL;
	return refusal("%s", err.text[0] ? err.text : strerror(-r));
}

static json_t *
ask_block(struct inquiry *q, json_t *request)
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
			answer = refusal("%d hosts are blocked, which is the "
					 "most; *.example.org blocks many at "
					 "once",
			    BLOCKS_MAX);
		else if (r < 0)
			answer = refusal("%s", strerror(-r));
		else
			answer = json_pack("{s:b, s:o, s:b, s:I, s:I, s:I}",
			    "ok", 1, "pattern", text_of(buf_span(&pattern)),
			    "new", r == 1, "hosts", (json_int_t)now.hosts,
			    "queued", (json_int_t)now.queued, "under_way",
			    (json_int_t)now.under_way);
	}
	buf_fini(&pattern);
	return answer;
}

static json_t *
ask_unblock(struct inquiry *q, json_t *request)
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
			answer = refusal("%.*s is not blocked%s%s%s",
			    SPAN_ARG(buf_span(&pattern)),
			    wider ? " by that name, but by " : "",
			    wider ? wider : "",
			    wider ? ""
				  : "; `mpcrawl block --list` names what is");
		else if (r < 0)
			answer = refusal("%s", strerror(-r));
		else
			answer = json_pack("{s:b, s:o, s:o}", "ok", 1,
			    "pattern", text_of(buf_span(&pattern)),
			    "still_blocked_by",
			    wider ? json_string(wider) : json_null());
	}
	buf_fini(&pattern);
	return answer;
}

/* Where a list goes on: a number that the last answer gave. */
static size_t
from_of(json_t *request)
{
	json_int_t from = json_integer_value(json_object_get(request, "from"));

	return from > 0 && from < INT32_MAX ? (size_t)from : 0;
}

static json_t *
ask_blocks(struct inquiry *q, json_t *request)
{
	json_t *list = json_array(), *answer;
	size_t i = from_of(request), bytes = 0;
	const char *pattern;

	while (bytes < LIST_BYTES &&
	       (pattern = frontier_blocked(q->frontier, i)) != NULL) {
		json_array_append_new(list, json_string(pattern));
		bytes += strlen(pattern) + 8;
		i++;
	}
	answer = json_pack("{s:b, s:o}", "ok", 1, "blocks", list);
	if (frontier_blocked(q->frontier, i) != NULL)
		put_number(answer, "next", i);
	return answer;
}

/* --- traps --------------------------------------------------------------- */

static json_t *
ask_traps(struct inquiry *q, json_t *request)
{
	json_t *list = json_array(), *answer;
	size_t i = from_of(request), next, bytes = 0;
	struct frontier_trap trap;

	while (bytes < LIST_BYTES &&
	       (next = frontier_traps(q->frontier, i, &trap)) > 0) {
		json_array_append_new(list, trap_json(&trap));
		bytes += trap.host.len + trap.pattern.len + trap.example.len;
		bytes += 200;
		i = next;
	}
	answer = json_pack("{s:b, s:o}", "ok", 1, "traps", list);
	if (bytes >= LIST_BYTES)
		put_number(answer, "next", i);
	return answer;
}

static json_t *
ask_trap(struct inquiry *q, json_t *request)
{
	const char *id = json_string_value(json_object_get(request, "id"));
	bool released = json_is_true(json_object_get(request, "released"));
	struct frontier_trap trap;
	unsigned long long n;
	json_t *answer;
	int end = 0, r;

	if (id == NULL || sscanf(id, "%16llx%n", &n, &end) != 1 ||
	    id[end] != '\0')
		return refusal("%.64s is not the id of a pattern: 16 digits of "
			       "hex, as `mpcrawl trap` lists them",
		    id ? id : "");
	r = frontier_trap_set(q->frontier, n, released, &trap);
	if (r < 0)
		return refusal("no pattern has the id %s; `mpcrawl trap` lists "
			       "them",
		    id);
	q->changed = r == 1;
	answer = json_pack("{s:b, s:o}", "ok", 1, "trap", trap_json(&trap));
	return answer;
}

/* --- the table ----------------------------------------------------------- */

static const struct {
	const char *cmd;
	json_t *(*ask)(struct inquiry *q, json_t *request);
	bool writes;
} table[] = {
	{ "why", ask_why, false },
	{ "block", ask_block, true },
	{ "unblock", ask_unblock, true },
	{ "blocks", ask_blocks, false },
	{ "traps", ask_traps, false },
	{ "trap", ask_trap, true },
};

bool
inquiry_knows(const char *cmd, bool *writes)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (strcmp(table[i].cmd, cmd) != 0)
			continue;
		*writes = table[i].writes;
		return true;
	}
	return false;
}

json_t *
inquiry_answer(struct inquiry *q, json_t *request)
{
	const char *cmd = json_string_value(json_object_get(request, "cmd"));

	q->changed = false;
	for (size_t i = 0; cmd != NULL && i < ARRAY_LEN(table); i++) {
		if (strcmp(table[i].cmd, cmd) == 0)
			return table[i].ask(q, request);
	}
	return refusal("no such request");
}
