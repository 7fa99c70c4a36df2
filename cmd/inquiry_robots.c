/*
 * What a site's robots.txt says of a URL, and how it stands with that file
 * itself: as an object, and in words.
 */
#include <stdio.h>

#include "cmd/inquiry_impl.h"
#include "lib/base/plural.h"

static const char *const states[RULEBOOK_STATES] = {
	[RULEBOOK_UNKNOWN] = "unknown",
	[RULEBOOK_ASKED] = "asked",
	[RULEBOOK_RULES] = "rules",
	[RULEBOOK_RENEWING] = "renewing",
	[RULEBOOK_OUTAGE] = "outage",
	[RULEBOOK_STALE] = "stale",
	[RULEBOOK_GIVEN_UP] = "given up",
};

const char *
inquiry_robots_state(const struct why *why)
{
	return why->robots < RULEBOOK_STATES ? states[why->robots] : "?";
}

/* --- of a URL ------------------------------------------------------------ */

/* What decides when no rule does, or NULL: a rule, or the want of one. */
static const char *
say_without_rules(const struct why *why)
{
	if (why->robots_ignored)
		return "not asked (robots = ignore)";
	if (!why->host_known)
		return "not asked for as yet";
	if (why->need == RULEBOOK_REFUSE)
		return "could not be had for so long that nothing is fetched "
		       "(robots_give_up)";
	if (why->has_rules)
		return NULL; /* what was said last is the best there is */
	if (why->need == RULEBOOK_WAIT)
		return "is being asked for";
	if (why->need == RULEBOOK_FETCH)
		return "is asked for before the next page";
	return NULL;
}

static void
say_ruling(const struct why *why, char out[INQUIRY_SENTENCE])
{
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
}

bool
inquiry_say_robots(const struct why *why, int64_t now_ms,
    char out[INQUIRY_SENTENCE])
{
	const char *text = say_without_rules(why);
	char at[INQUIRY_TIME];

	if (text != NULL) {
		snprintf(out, INQUIRY_SENTENCE, "%s", text);
		return !why->robots_ignored && why->need == RULEBOOK_REFUSE;
	}
	if (why->need == RULEBOOK_LATER) {
		snprintf(out, INQUIRY_SENTENCE,
		    "cannot be had, so nothing is fetched; asked for again %s",
		    inquiry_when(why->robots_at_ms, now_ms, at));
		return false;
	}
	if (!why->has_rules) {
		snprintf(out, INQUIRY_SENTENCE,
		    "allows all: there is none, or no rule in it is for us");
		return false;
	}
	say_ruling(why, out);
	return !why->ruling.allowed;
}

json_t *
inquiry_robots_json(const struct why *why, int64_t now_ms)
{
	char text[INQUIRY_SENTENCE];
	bool against = inquiry_say_robots(why, now_ms, text);
	json_t *object = json_pack("{s:b, s:s}", "denied", against, "says",
	    text);
	bool waits = why->robots == RULEBOOK_OUTAGE ||
		     why->robots == RULEBOOK_STALE;

	if (!why->host_known || why->robots_ignored)
		return object;
	inquiry_put(object, "state", span_from(inquiry_robots_state(why)));
	inquiry_put_time(object, "since", why->robots_since_ms);
	inquiry_put_time(object, "asked_at", why->robots_asked_ms);
	if (why->robots_fails > 0)
		inquiry_put_number(object, "fails", why->robots_fails);
	if (waits)
		inquiry_put_time(object, "asked_again_at", why->robots_at_ms);
	if (why->robots == RULEBOOK_RULES)
		inquiry_put_time(object, "until", why->robots_at_ms);
	if (why->has_rules && why->ruling.ground == ROBOTS_RULE) {
		inquiry_put_number(object, "line", why->ruling.line);
		inquiry_put(object, "rule", buf_span(&why->line));
	}
	return object;
}

/* --- of the file itself -------------------------------------------------- */

/* That it is asked for, or will be. */
static void
say_asking(const struct why *why, int64_t now_ms, const char *first,
    char out[INQUIRY_SENTENCE])
{
	char text[INQUIRY_SENTENCE];

	if (why->robots_asked_ms > 0) {
		snprintf(out, INQUIRY_SENTENCE, "%s: under way, for %lld s",
		    first, (long long)(now_ms - why->robots_asked_ms) / 1000);
		return;
	}
	inquiry_say_next(why, now_ms, text);
	snprintf(out, INQUIRY_SENTENCE, "%s; %.800s", first, text);
}

static void
say_failing(const struct why *why, int64_t now_ms, const char *meanwhile,
    char out[INQUIRY_SENTENCE])
{
	char since[INQUIRY_TIME], at[INQUIRY_TIME];
	int64_t at_ms = why->robots_at_ms > why->clock.ready_ms
			    ? why->robots_at_ms
			    : why->clock.ready_ms;

	snprintf(out, INQUIRY_SENTENCE,
	    "the site's robots.txt, which could not be had %u time%s, since "
	    "%s: asked for again %s (retry_delay); %s",
	    why->robots_fails, plural(why->robots_fails),
	    inquiry_time(why->robots_since_ms, since),
	    inquiry_when(at_ms, now_ms, at), meanwhile);
}

static void
say_had(const struct why *why, int64_t now_ms, char out[INQUIRY_SENTENCE])
{
	char asked[INQUIRY_TIME], until[INQUIRY_TIME];
	bool holds = why->robots_at_ms > now_ms;
	bool dated = why->robots_since_ms > 0; /* older stores have no date */

	snprintf(out, INQUIRY_SENTENCE,
	    "the site's robots.txt, %s%s%s; it is asked for again before %s, "
	    "%s %s (robots_ttl)",
	    why->has_rules ? "whose rules hold"
			   : "which is not there or has no rule for us",
	    dated ? ", asked for at " : "",
	    dated ? inquiry_time(why->robots_since_ms, asked) : "",
	    holds ? "a page" : "the next page",
	    holds ? "after" : "having been kept until",
	    inquiry_time(why->robots_at_ms, until));
}

void
inquiry_say_rulebook(const struct why *why, int64_t now_ms,
    char out[INQUIRY_SENTENCE])
{
	if (why->robots_ignored) {
		snprintf(out, INQUIRY_SENTENCE,
		    "the site's robots.txt, which is not asked for (robots = "
		    "ignore)");
		return;
	}
	if (why->host_reason != REASON_NONE) {
		snprintf(out, INQUIRY_SENTENCE,
		    "the site's robots.txt, which is not asked for any more: "
		    "%s (%s)",
		    reason_name(why->host_reason),
		    why->blocked != NULL ? why->blocked
					 : reason_key(why->host_reason));
		return;
	}
	switch (why->robots) {
	case RULEBOOK_UNKNOWN:
		say_asking(why, now_ms,
		    "the site's robots.txt, to be asked for before a page of "
		    "it",
		    out);
		break;
	case RULEBOOK_ASKED:
		say_asking(why, now_ms,
		    "the site's robots.txt, being asked for", out);
		break;
	case RULEBOOK_RENEWING:
		say_asking(why, now_ms,
		    "the site's robots.txt, being asked for again", out);
		break;
	case RULEBOOK_RULES:
		say_had(why, now_ms, out);
		break;
	case RULEBOOK_OUTAGE:
		say_failing(why, now_ms,
		    "nothing of the site is fetched until then", out);
		break;
	case RULEBOOK_STALE:
		say_failing(why, now_ms, "the rules that it had stand", out);
		break;
	case RULEBOOK_GIVEN_UP: /* the host's reason, above */
	case RULEBOOK_STATES:
		snprintf(out, INQUIRY_SENTENCE, "the site's robots.txt");
		break;
	}
}
