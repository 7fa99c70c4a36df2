/*
 * why: all that decides about one URL, as an object.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/inquiry_impl.h"
#include "lib/message/chain.h"

static const char *const scopes[] = {
	[SCOPE_IN] = "in",
	[SCOPE_OUT_KIND] = "outside of what the seeds measure",
	[SCOPE_OUT_RULE] = "excluded by a rule",
};

/* The settings by which it is not followed where that is asked for. */
static json_t *
askings_json(const struct why *why)
{
	json_t *list = json_array();

	for (size_t i = 0; i < why->n_asked; i++)
		json_array_append_new(list,
		    json_string(refusal_key(why->asked[i])));
	return list;
}

static json_t *
link_json(const struct why *why)
{
	json_t *object = json_pack("{s:b, s:s}", "admitted",
	    why->refusal == REFUSALS, "scope", scopes[why->scope]);

	if (why->refusal != REFUSALS) {
		inquiry_put(object, "refusal",
		    span_from(refusal_name(why->refusal)));
		inquiry_put(object, "setting",
		    span_from(refusal_key(why->refusal)));
	}
	if (why->rule.rule > 0) {
		inquiry_put(object, "rule", span_from(why->rule.text));
		inquiry_put(object, "rule_of",
		    span_from(why->rule.include ? "include" : "exclude"));
		inquiry_put_number(object, "rule_number", why->rule.rule);
	}
	inquiry_put(object, "taken_for_host", why->alias);
	inquiry_put(object, "shape", span_from(inquiry_shape(why->shape)));
	if (why->blocked != NULL)
		inquiry_put(object, "blocked_by", span_from(why->blocked));
	if (why_comes_last(why))
		json_object_set_new(object, "last", json_true());
	json_object_set_new(object, "unless_asked", askings_json(why));
	return object;
}

/* What it is to the crawl: a link may lead to a sitemap, which is a page, too,
 * then. */
static const char *
kind_of(const struct why *why)
{
	if (!why->known && why->n_maps > 0)
		return "sitemap";
	if (!why->known && why->is_robots && why->host_known)
		return "robots.txt";
	return "page";
}

static const char *
state_of(const struct why *why)
{
	if (!why->known && why->n_maps > 0)
		return inquiry_map_state(inquiry_map_of(why));
	if (!why->known && why->is_robots && why->host_known)
		return inquiry_robots_state(why);
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

		inquiry_put(one, "url", hop.url);
		inquiry_put_number(one, "status", hop.status);
		json_array_append_new(hops, one);
	}
	json_object_set_new(object, "redirect_chain", hops);
}

static void
put_row(json_t *object, const struct why *why)
{
	const struct url_row *row = &why->row;

	inquiry_put_number(object, "depth", row->depth);
	inquiry_put_number(object, "hops", row->hops);
	inquiry_put_number(object, "tries", row->tries);
	inquiry_put_number(object, "waits", row->waits);
	inquiry_put(object, "found", span_from(link_kind_name(row->found)));
	inquiry_put(object, "via", why->via);
	inquiry_put(object, "redirected_to", row->target);
	put_chain(object, row->chain);
	if (row->late)
		json_object_set_new(object, "last", json_true());
	if (row->status > 0)
		inquiry_put_number(object, "status", row->status);
	inquiry_put_time(object, "fetched_at", row->at_ms);
	if (row->state == URL_ENDED) {
		inquiry_put(object, "verdict",
		    span_from(verdict_name(row->verdict)));
		inquiry_put(object, "reason",
		    span_from(reason_name(row->reason)));
		inquiry_put(object, "setting",
		    span_from(reason_key(row->reason)));
	}
	if (row->state == URL_WAITING)
		inquiry_put_time(object, "retry_at", (int64_t)row->place);
	if (why->leased)
		inquiry_put_time(object, "ordered_at", why->ordered_ms);
	if (row->state == URL_QUEUED && !why->leased) {
		inquiry_put_number(object, "before", why->before);
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
		inquiry_put_number(budget, "used", why->used.of[i]);
		inquiry_put_number(budget, "limit", why->limits.of[i]);
		json_object_set_new(object, budget_key(i), budget);
	}
	return object;
}

static void
put_clock(json_t *object, const struct why *why, int64_t now_ms)
{
	inquiry_put_number(object, "delay_ms", (uint64_t)why->clock.delay_ms);
	inquiry_put(object, "delay_of",
	    span_from(polite_term_name(why->clock.delay_term)));
	if (why->polite.crawl_delay_ms >= 0)
		inquiry_put_number(object, "crawl_delay_ms",
		    (uint64_t)why->polite.crawl_delay_ms);
	inquiry_put_time(object, "next_request_at", why->clock.ready_ms);
	if (why_host_waits(why, now_ms)) {
		inquiry_put(object, "waits_for",
		    span_from(polite_term_name(why->clock.term)));
		inquiry_put_time(object, "waits_since", why->since_ms);
	}
	if (why->pace.blocked_ms > now_ms)
		inquiry_put_time(object, "paused_until", why->pace.blocked_ms);
	if (why->outage_ms > 0)
		inquiry_put_number(object, "outage_ms",
		    (uint64_t)why->outage_ms);
}

static json_t *
host_json(const struct why *why, int64_t now_ms)
{
	json_t *object = json_object();

	inquiry_put(object, "name", why->site);
	inquiry_put_number(object, "admitted", why->admitted);
	inquiry_put_number(object, "queued", why->queued);
	inquiry_put_number(object, "fetched", why->fetched);
	inquiry_put_number(object, "under_way", why->slots);
	put_clock(object, why, now_ms);
	if (why->pace.backoffs > 0)
		inquiry_put_number(object, "backoffs", why->pace.backoffs);
	if (why->polite.fails > 0)
		inquiry_put_number(object, "fails", why->polite.fails);
	if (why->down)
		json_object_set_new(object, "down", json_true());
	if (why->parked != BUDGET_NONE)
		inquiry_put(object, "parked_by",
		    span_from(budget_key(why->parked)));
	if (why->host_reason != REASON_NONE)
		inquiry_put(object, "excluded_as",
		    span_from(reason_name(why->host_reason)));
	json_object_set_new(object, "budgets", budgets_json(why));
	return object;
}

static json_t *
why_json(const struct why *why, int64_t now_ms)
{
	char text[INQUIRY_SENTENCE], id[40];
	json_t *object, *traps = json_array(), *key;

	inquiry_say(why, now_ms, text);
	snprintf(id, sizeof(id), "%016llx-%016llx",
	    (unsigned long long)why->site64, (unsigned long long)why->url64);
	key = json_pack("{s:o, s:o}", "site", inquiry_text(why->site), "page",
	    inquiry_text(why->page));
	for (size_t i = 0; i < why->n_traps; i++)
		json_array_append_new(traps, inquiry_trap_json(&why->traps[i]));
	object = json_pack("{s:b, s:o, s:o, s:s, s:o, s:s, s:b, s:s, s:o, s:o}",
	    "ok", 1, "url", inquiry_text(why->url), "answer",
	    inquiry_text(span_from(text)), "id", id, "key", key, "kind",
	    kind_of(why), "known", why->known, "state", state_of(why), "link",
	    link_json(why), "traps", traps);
	if (object == NULL)
		return NULL;
	if (why->known)
		put_row(object, why);
	if (why->n_maps > 0)
		json_object_set_new(object, "sitemap", inquiry_maps_json(why));
	if (why->host_known)
		json_object_set_new(object, "host", host_json(why, now_ms));
	json_object_set_new(object, "robots", inquiry_robots_json(why, now_ms));
	return object;
}

json_t *
inquiry_why(struct inquiry *q, json_t *request)
{
	json_t *url = json_object_get(request, "url");
	struct span text = span_of(json_string_value(url),
	    json_string_length(url));
	struct err err = ERR_NONE;
	struct why why;
	json_t *answer;
	int r;

	if (!json_is_string(url))
		return inquiry_refusal("why: which URL?");
	r = frontier_why(q->frontier, text, q->now_ms, &why, &err);
	if (r == 0) {
		answer = why_json(&why, q->now_ms);
		json_object_set_new(answer, "runs", json_boolean(!q->at_rest));
	} else {
		answer = inquiry_refusal("%s",
		    err.text[0] ? err.text : strerror(-r));
	}
	why_fini(&why);
	return answer;
}
