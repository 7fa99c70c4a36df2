/*
 * What decides about a URL, for people: one sentence, that of robots.txt within
 * it where it is what decides.
 */
#include <stdio.h>

#include "cmd/inquiry_impl.h"
#include "lib/base/plural.h"

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

/* --- one that is not known ----------------------------------------------- */

/* By its shape, or by one of its patterns. */
static void
say_trap(const struct why *why, char out[INQUIRY_SENTENCE])
{
	const struct frontier_trap *trap = why->traps;

	if (why->shape != TRAP_NO) {
		snprintf(out, INQUIRY_SENTENCE, "a trap: %s",
		    inquiry_shape(why->shape));
		return;
	}
	while (trap < why->traps + why->n_traps && trap->closed == TRAP_OPEN)
		trap++;
	if (trap == why->traps + why->n_traps)
		snprintf(out, INQUIRY_SENTENCE, "a trap");
	else if (trap->closed == TRAP_CLOSED_CAP)
		snprintf(out, INQUIRY_SENTENCE,
		    "its host has %llu URL%s of the pattern %.*s, which is "
		    "closed (trap_pattern_cap); `mpcrawl trap --release "
		    "%016llx` opens it",
		    (unsigned long long)trap->urls, plural(trap->urls),
		    SPAN_ARG(trap->pattern), (unsigned long long)trap->id);
	else
		snprintf(out, INQUIRY_SENTENCE,
		    "of %llu page%s of the pattern %.*s %llu are the same as "
		    "another, so it is closed (trap_pattern_same); `mpcrawl "
		    "trap --release %016llx` opens it",
		    (unsigned long long)trap->fetched, plural(trap->fetched),
		    SPAN_ARG(trap->pattern), (unsigned long long)trap->same,
		    (unsigned long long)trap->id);
}

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
		say_trap(why, out);
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

/* --- what is to come ------------------------------------------------------ */

/* The scope has been narrowed since it was found. */
static bool
say_out_of_scope(const struct why *why, char out[INQUIRY_SENTENCE])
{
	if (why->scope == SCOPE_IN)
		return false;
	if (why->scope == SCOPE_OUT_RULE)
		snprintf(out, INQUIRY_SENTENCE,
		    "and to be excluded when its turn comes: by rule %zu, %s "
		    "= %.500s",
		    why->rule.rule, why->rule.include ? "include" : "exclude",
		    why->rule.text ? why->rule.text : "");
	else
		snprintf(out, INQUIRY_SENTENCE,
		    "and to be excluded when its turn comes: no seed measures "
		    "it (scope)");
	return true;
}

/* Why it will not be fetched when its turn comes, "and to be ...": false, it will
 * be. */
static bool
say_fate(const struct why *why, int64_t now_ms, char out[INQUIRY_SENTENCE])
{
	char text[INQUIRY_SENTENCE];

	if (why->host_reason != REASON_NONE) {
		snprintf(out, INQUIRY_SENTENCE,
		    "and to be recorded without a fetch: %s (%s)",
		    reason_name(why->host_reason),
		    why->blocked != NULL ? why->blocked
					 : reason_key(why->host_reason));
		return true;
	}
	if (why->parked != BUDGET_NONE) {
		snprintf(out, INQUIRY_SENTENCE,
		    "but its host is parked: it has used up %s; when nothing "
		    "else is left it is excluded, a start with a larger budget "
		    "fetches it",
		    budget_key(why->parked));
		return true;
	}
	if (why->known && say_out_of_scope(why, out))
		return true;
	if (inquiry_say_robots(why, now_ms, text)) {
		snprintf(out, INQUIRY_SENTENCE,
		    "and to be excluded when its turn comes: robots.txt %.800s",
		    text);
		return true;
	}
	return false;
}

static void
say_queued(const struct why *why, int64_t now_ms, char out[INQUIRY_SENTENCE])
{
	char text[INQUIRY_SENTENCE];

	if (say_fate(why, now_ms, text)) {
		snprintf(out, INQUIRY_SENTENCE, "queued, %.900s", text);
		return;
	}
	inquiry_say_next(why, now_ms, text);
	snprintf(out, INQUIRY_SENTENCE,
	    "queued, with %llu%s URL%s of its host before it; %.800s",
	    (unsigned long long)why->before,
	    why->before == WHY_COUNT ? " or more" : "", plural(why->before),
	    text);
}

/* It is queued again at its time, but its host may have a later one. */
static void
say_waiting(const struct why *why, int64_t now_ms, char out[INQUIRY_SENTENCE])
{
	int64_t due_ms = (int64_t)why->row.place;
	char text[INQUIRY_SENTENCE], at[INQUIRY_TIME];
	bool ends = say_fate(why, now_ms, text);
	bool later = !ends && inquiry_say_next(why, now_ms, text) > due_ms;

	snprintf(out, INQUIRY_SENTENCE,
	    "waits for another try, after %u failure%s and %u pause%s that its "
	    "host wanted; queued again %s%s%.800s",
	    why->row.tries, plural(why->row.tries), why->row.waits,
	    plural(why->row.waits), inquiry_when(due_ms, now_ms, at),
	    ends    ? ", "
	    : later ? "; "
		    : "",
	    ends || later ? text : "");
}

/* --- the sentence -------------------------------------------------------- */

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
	if (!why->known && why->n_maps > 0)
		inquiry_say_map(why, now_ms, out);
	else if (!why->known && why->is_robots && why->host_known)
		inquiry_say_rulebook(why, now_ms, out);
	else if (!why->known)
		say_unknown(why, now_ms, out);
	else if (why->leased && why->lease == LEASE_OUT)
		snprintf(out, INQUIRY_SENTENCE, "under way, for %lld s",
		    (long long)(now_ms - why->ordered_ms) / 1000);
	else if (why->leased && why->lease == LEASE_SETTLED)
		snprintf(out, INQUIRY_SENTENCE,
		    "has just ended; its result is being made durable");
	else if (why->row.state == URL_WAITING)
		say_waiting(why, now_ms, out);
	else if (why->row.state == URL_ENDED)
		say_ended(why, out);
	else
		say_queued(why, now_ms, out);
}
