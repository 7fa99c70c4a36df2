/*
 * watchdog - the same time limit for many: as the limit is one, the queue of
 * those who wait is in the order of their deadlines, and every step is O(1).
 */
#ifndef LIB_FETCH_WATCHDOG_H
#define LIB_FETCH_WATCHDOG_H

#include <stdint.h>
#include <sys/queue.h>

#define WATCHDOG_NEVER INT64_MAX

/* Part of what is watched.  Zeroed: not watched. */
struct watched {
	TAILQ_ENTRY(watched) link;
	struct watchdog *by; /* NULL: nobody */
	int64_t deadline_ms;
};

struct watchdog {
	TAILQ_HEAD(, watched) queue;
	int64_t period_ms; /* 0: no limit, watches nobody */
};

void watchdog_init(struct watchdog *dog, int64_t period_ms);

/* Watch from now on; another watchdog forgets it, or this one starts anew. */
void watchdog_watch(struct watchdog *dog, struct watched *who, int64_t now_ms);
void watchdog_forget(struct watched *who);

/* The first deadline; WATCHDOG_NEVER: none. */
int64_t watchdog_due_ms(const struct watchdog *dog);

/* One whose time is over, still watched; NULL: none. */
struct watched *watchdog_late(const struct watchdog *dog, int64_t now_ms);

#endif
