/*
 * inquiry_impl - what the answers to a person's questions share.
 *
 *   inquiry.c        the table of requests
 *   inquiry_json.c   members of an answer: texts, numbers, times
 *   inquiry_why.c    why: all that decides about a URL, as an object
 *   inquiry_say.c    the same for people: what it comes to, in a sentence
 *   inquiry_clock.c  what its host's next request waits for
 *   inquiry_robots.c what robots.txt says, and how it stands with that file
 *   inquiry_map.c    when it is a sitemap
 *   inquiry_block.c  block, unblock, and what is blocked
 *   inquiry_trap.c   trap: the patterns of too many URLs
 */
#ifndef CMD_INQUIRY_IMPL_H
#define CMD_INQUIRY_IMPL_H

#include "cmd/inquiry.h"
#include "lib/base/attr.h"
#include "lib/frontier/why.h"

/* --- the answers: new references ----------------------------------------- */

typedef json_t *inquiry_ask(struct inquiry *inquiry, json_t *request);

inquiry_ask inquiry_why;
inquiry_ask inquiry_block;
inquiry_ask inquiry_unblock;
inquiry_ask inquiry_blocks;
inquiry_ask inquiry_traps;
inquiry_ask inquiry_trap;

/* --- members of an answer (inquiry_json.c) ------------------------------- */

enum {
	INQUIRY_LIST = 40 << 10, /* bytes of one answer's list; what follows is
	                            asked for by another */
	INQUIRY_TIME = 32,
};

/* {"ok": false, "error": …} */
json_t *inquiry_refusal(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Bytes of any kind, cut to what an answer has room for. */
json_t *inquiry_text(struct span bytes);

/* Nothing is put for an empty text, and for a time that is not known. */
void inquiry_put(json_t *object, const char *key, struct span text);
void inquiry_put_number(json_t *object, const char *key, uint64_t n);
void inquiry_put_time(json_t *object, const char *key, int64_t ms);

/* "2026-11-27T05:00:00Z" */
const char *inquiry_time(int64_t ms, char out[INQUIRY_TIME]);
/* "at 2026-11-27T05:00:00Z", or "now" when that is past. */
const char *inquiry_when(int64_t ms, int64_t now_ms, char out[INQUIRY_TIME]);

/* Where a list goes on: a number that the last answer gave. */
size_t inquiry_from(json_t *request);

/* One pattern (inquiry_trap.c). */
json_t *inquiry_trap_json(const struct frontier_trap *trap);

/* --- why, in words ------------------------------------------------------- */

enum {
	INQUIRY_SENTENCE = 1024
};

/* What is true of the URL now, and what it waits for (inquiry_say.c). */
void inquiry_say(const struct why *why, int64_t now_ms,
    char out[INQUIRY_SENTENCE]);

/* What is wrong with a path; "" for TRAP_NO. */
const char *inquiry_shape(enum trap_shape shape);

/* What the next request to its host waits for; not before when, INT64_MAX:
 * that is not known (inquiry_clock.c). */
int64_t inquiry_say_next(const struct why *why, int64_t now_ms,
    char out[INQUIRY_SENTENCE]);

/* What robots.txt says of it.  Is it against it?  (inquiry_robots.c) */
bool inquiry_say_robots(const struct why *why, int64_t now_ms,
    char out[INQUIRY_SENTENCE]);
json_t *inquiry_robots_json(const struct why *why, int64_t now_ms);
/* How it stands with that file: in a sentence, in a word. */
void inquiry_say_rulebook(const struct why *why, int64_t now_ms,
    char out[INQUIRY_SENTENCE]);
const char *inquiry_robots_state(const struct why *why);

/* The same of a sitemap, of which there is a row (inquiry_map.c). */
void inquiry_say_map(const struct why *why, int64_t now_ms,
    char out[INQUIRY_SENTENCE]);
const struct why_map *inquiry_map_of(const struct why *why);
const char *inquiry_map_state(const struct why_map *map);
json_t *inquiry_maps_json(const struct why *why);

/* --- what more than one of them asks ------------------------------------- */

/* Do URLs of its patterns come last? */
static inline bool
why_comes_last(const struct why *why)
{
	for (size_t i = 0; i < why->n_traps; i++) {
		if (!why->traps[i].released)
			return true;
	}
	return false;
}

/* Must its host's next request wait?  In line, it is not known until when: a
 * request must end first. */
static inline bool
why_host_waits(const struct why *why, int64_t now_ms)
{
	return why->clock.ready_ms > now_ms || why->in_line;
}

#endif
