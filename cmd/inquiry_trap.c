/*
 * trap: the patterns of which a host has too many URLs.
 */
#include <stdio.h>

#include "cmd/inquiry_impl.h"

static const char *
state_of(const struct frontier_trap *trap)
{
	return trap->released              ? "released"
	       : trap->closed != TRAP_OPEN ? "closed"
					   : "throttled";
}

json_t *
inquiry_trap_json(const struct frontier_trap *trap)
{
	char id[20];
	json_t *object;

	snprintf(id, sizeof(id), "%016llx", (unsigned long long)trap->id);
	object = json_pack("{s:s, s:s, s:b}", "id", id, "state", state_of(trap),
	    "released", trap->released);
	inquiry_put(object, "closed_by",
	    span_from(frontier_trap_closed_key(trap->closed)));
	inquiry_put_number(object, "urls", trap->urls);
	inquiry_put_number(object, "refused", trap->refused);
	inquiry_put_number(object, "fetched", trap->fetched);
	inquiry_put_number(object, "same", trap->same);
	inquiry_put(object, "host", trap->host);
	inquiry_put(object, "pattern", trap->pattern);
	inquiry_put(object, "example", trap->example);
	return object;
}

json_t *
inquiry_traps(struct inquiry *q, json_t *request)
{
	json_t *list = json_array(), *answer;
	size_t i = inquiry_from(request), next, bytes = 0;
	struct frontier_trap trap;

	while (bytes < INQUIRY_LIST &&
	       (next = frontier_traps(q->frontier, i, &trap)) > 0) {
		json_array_append_new(list, inquiry_trap_json(&trap));
		bytes += trap.host.len + trap.pattern.len + trap.example.len;
		bytes += 200;
		i = next;
	}
	answer = json_pack("{s:b, s:o}", "ok", 1, "traps", list);
	if (bytes >= INQUIRY_LIST)
		inquiry_put_number(answer, "next", i);
	return answer;
}

json_t *
inquiry_trap(struct inquiry *q, json_t *request)
{
	const char *id = json_string_value(json_object_get(request, "id"));
	bool released = json_is_true(json_object_get(request, "released"));
	struct frontier_trap trap;
	unsigned long long n;
	json_t *answer;
	int end = 0, r;

	if (id == NULL || sscanf(id, "%16llx%n", &n, &end) != 1 ||
	    id[end] != '\0')
		return inquiry_refusal("%.64s is not the id of a pattern: 16 "
				       "digits of "
				       "hex, as `mpcrawl trap` lists them",
		    id ? id : "");
	r = frontier_trap_set(q->frontier, n, released, &trap);
	if (r < 0)
		return inquiry_refusal("no pattern has the id %s; `mpcrawl "
				       "trap` lists "
				       "them",
		    id);
	q->changed = r == 1;
	answer = json_pack("{s:b, s:o}", "ok", 1, "trap",
	    inquiry_trap_json(&trap));
	return answer;
}
