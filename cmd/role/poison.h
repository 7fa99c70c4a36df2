/*
 * poison - workers that die on purpose, for tests.
 *
 * MPCRAWL_TEST_POISON=MARK in the environment: a worker whose page (or whose
 * URL, for those that read no page) says
 *
 *     MARK:ROLE:HOW      or      MARK:ROLE:HOW:N
 *
 * ends HOW when it is of that ROLE; with N only while fewer than N deaths are
 * held against the page, so that a later try succeeds.
 *
 *     segv abort exit    a signal, a signal, the exit status 3
 *     memory             takes memory until there is none, and aborts
 *     spin hang          runs, or sleeps, without end
 *
 * Without the variable it is one test of a pointer per page.
 */
#ifndef CMD_ROLE_POISON_H
#define CMD_ROLE_POISON_H

#include "cmd/crawl.h"
#include "lib/base/span.h"

extern const char *poison_mark; /* NULL: off */

/* Once in a process, before its first page. */
void poison_setup(void);

void poison_search(enum role_id role, unsigned blames, struct span text);

/* Before `text` is worked on, of which so many deaths are known. */
static inline void
poison_look(enum role_id role, unsigned blames, struct span text)
{
	if (UNLIKELY(poison_mark != NULL))
		poison_search(role, blames, text);
}

#endif
