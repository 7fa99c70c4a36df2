/*
 * A URL that is a sitemap: how it stands, as objects and in words.
 */
#include <stdio.h>

#include "cmd/inquiry_impl.h"
#include "lib/base/plural.h"

const char *
inquiry_map_state(const struct why_map *map)
{
	static const char *const states[MAP_STATES] = {
		[MAP_PENDING] = "pending",
		[MAP_READ] = "read",
		[MAP_FAILED] = "failed",
	};

	if (map->leased && map->lease == LEASE_SETTLED)
		return "settled";
	if (map->leased && map->lease == LEASE_OUT)
		return "in flight";
	return states[map->row.state];
}

/* Of several sites that it is read for, the one with something to do. */
const struct why_map *
inquiry_map_of(const struct why *why)
{
	for (size_t i = 0; i < why->n_maps; i++) {
		if (why->maps[i].row.state == MAP_PENDING)
			return &why->maps[i];
	}
	return &why->maps[0];
}

static json_t *
map_json(const struct why_map *map)
{
	const struct map_row *row = &map->row;
	json_t *object = json_pack("{s:s, s:b}", "state",
	    inquiry_map_state(map), "given", row->asked);

	inquiry_put(object, "for", span_from(map->asker));
	inquiry_put_number(object, "level", row->level);
	inquiry_put_number(object, "hops", row->hops);
	inquiry_put_number(object, "tries", row->tries);
	inquiry_put_number(object, "waits", row->waits);
	inquiry_put_time(object, "retry_at", row->due_ms);
	if (map->leased)
		inquiry_put_time(object, "ordered_at", map->ordered_ms);
	return object;
}

json_t *
inquiry_maps_json(const struct why *why)
{
	json_t *list = json_array();

	for (size_t i = 0; i < why->n_maps; i++)
		json_array_append_new(list, map_json(&why->maps[i]));
	return list;
}

/* Why it will never be read; false: it will be. */
static bool
say_never(const struct why *why, int64_t now_ms, char out[INQUIRY_SENTENCE])
{
	char text[INQUIRY_SENTENCE];

	if (why->host_reason != REASON_NONE)
		snprintf(out, INQUIRY_SENTENCE, "%s (%s)",
		    reason_name(why->host_reason),
		    why->blocked != NULL ? why->blocked
					 : reason_key(why->host_reason));
	else if (why->parked != BUDGET_NONE)
		snprintf(out, INQUIRY_SENTENCE, "its host has used up %s",
		    budget_key(why->parked));
	else if (inquiry_say_robots(why, now_ms, text))
		snprintf(out, INQUIRY_SENTENCE, "robots.txt %.800s", text);
	else
		return false;
	return true;
}

/* It is to be read: when, or why not after all. */
static void
say_pending(const struct why *why, const struct map_row *row, int64_t now_ms,
    char out[INQUIRY_SENTENCE])
{
	char text[INQUIRY_SENTENCE], at[INQUIRY_TIME];
	char tries[160] = "to be read in turns with its host's pages";
	bool later;

	if (say_never(why, now_ms, text)) {
		snprintf(out, INQUIRY_SENTENCE,
		    "not to be read when its turn comes: %.800s", text);
		return;
	}
	if (row->due_ms > 0)
		snprintf(tries, sizeof(tries),
		    "to be asked for again %s, after %u failure%s and %u "
		    "pause%s that its host wanted",
		    inquiry_when(row->due_ms, now_ms, at), row->tries,
		    plural(row->tries), row->waits, plural(row->waits));
	later = inquiry_say_next(why, now_ms, text) > row->due_ms ||
		row->due_ms <= now_ms;
	snprintf(out, INQUIRY_SENTENCE, "%s%s%.800s", tries, later ? "; " : "",
	    later ? text : "");
}

static void
say_state(const struct why *why, const struct why_map *map, int64_t now_ms,
    char out[INQUIRY_SENTENCE])
{
	if (map->leased && map->lease == LEASE_OUT)
		snprintf(out, INQUIRY_SENTENCE, "under way, for %lld s",
		    (long long)(now_ms - map->ordered_ms) / 1000);
	else if (map->leased && map->lease == LEASE_SETTLED)
		snprintf(out, INQUIRY_SENTENCE,
		    "just read; what it lists is being made durable");
	else if (map->row.state == MAP_PENDING)
		say_pending(why, &map->row, now_ms, out);
	else if (map->row.state == MAP_READ)
		snprintf(out, INQUIRY_SENTENCE,
		    "which was read, or led on to another one");
	else
		snprintf(out, INQUIRY_SENTENCE,
		    "which could not be read, or may not be: a message said "
		    "why; %s",
		    map->row.asked ? "given again with --sitemap, it is tried "
				     "again"
				   : "given with --sitemap, it is tried again");
}

void
inquiry_say_map(const struct why *why, int64_t now_ms,
    char out[INQUIRY_SENTENCE])
{
	const struct why_map *map = inquiry_map_of(why);
	char text[INQUIRY_SENTENCE];

	say_state(why, map, now_ms, text);
	snprintf(out, INQUIRY_SENTENCE, "a sitemap%s%.160s%s, %.800s",
	    map->asker[0] ? " for " : "", map->asker,
	    map->row.asked ? " (--sitemap)" : "", text);
}
