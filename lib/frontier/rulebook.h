/*
 * rulebook - what we know of a site's robots.txt, and what to do next.
 *
 * RFC 9309: rules are kept robots_ttl; a file that is not there allows all; a
 * file that cannot be reached denies all until it can, or until we give the
 * site up; old rules stand while a site is out.  Pure: time is passed in.
 */
#ifndef LIB_FRONTIER_RULEBOOK_H
#define LIB_FRONTIER_RULEBOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/config/config.h"

/* Numbers are stored. */
enum rulebook_state {
	RULEBOOK_UNKNOWN,  /* never asked */
	RULEBOOK_ASKED,    /* asked, no rules yet */
	RULEBOOK_RULES,    /* rules, until .at_ms */
	RULEBOOK_RENEWING, /* asked again, the old rules are there */
	RULEBOOK_OUTAGE,   /* no rules: ask again at .at_ms */
	RULEBOOK_STALE,    /* old rules stand; ask again at .at_ms */
	RULEBOOK_GIVEN_UP, /* nothing is fetched from this site */
	RULEBOOK_STATES
};

enum rulebook_event {
	RULEBOOK_ASK,     /* a request for it is on its way */
	RULEBOOK_ANSWER,  /* rules, or that there are none */
	RULEBOOK_FAIL,    /* unreachable, to be tried again */
	RULEBOOK_GIVE_UP, /* unreachable for too long */
	RULEBOOK_LOSE,    /* the request was lost: as if never asked */
	RULEBOOK_FORGIVE, /* a person asks for the site again */
	RULEBOOK_SPOIL,   /* the rules that were kept cannot be read */
	RULEBOOK_EVENTS
};

struct rulebook {
	int64_t at_ms;
	int64_t
	    since_ms; /* of the last answer, or the first failure after it */
	uint16_t fails;
	uint8_t state;
	bool block; /* the rules are not empty: there is a row in `r` */
	bool local; /* an answer of our own settings: for this run only */
};

enum {
	RULEBOOK_FAILS_LEAST = 3 /* before a site is given up */
};

/*
 * Each returns false, and nothing changes, when the state does not take it.
 *
 * Rules hold from `ready_ms` on, when the host may next be asked for anything:
 * were it from now, and the host's delay longer than that, they would be over
 * before the first page, each time.
 */
bool rulebook_asked(struct rulebook *book);
bool rulebook_answered(struct rulebook *book, const struct config_host *config,
    bool block, int64_t now_ms, int64_t ready_ms);
/* `no_name`: the host's name was not found.  When that is over its clock knows
 * (dns_negative_ttl), which is `ready_ms`; retry_delay has no say in it. */
bool rulebook_failed(struct rulebook *book, const struct config_host *config,
    bool no_name, int64_t now_ms, int64_t ready_ms);
bool rulebook_lost(struct rulebook *book);
bool rulebook_forgiven(struct rulebook *book);
bool rulebook_spoilt(struct rulebook *book);

/* What a site's next URL must wait for. */
enum rulebook_need {
	RULEBOOK_GO,    /* match against the rules */
	RULEBOOK_FETCH, /* robots.txt first */
	RULEBOOK_WAIT,  /* an answer is on its way */
	RULEBOOK_LATER, /* until .at_ms */
	RULEBOOK_REFUSE /* given up */
};
enum rulebook_need rulebook_need(const struct rulebook *book, int64_t now_ms);

/* The state to store: without the request that is on its way. */
uint8_t rulebook_at_rest(const struct rulebook *book);

#endif
