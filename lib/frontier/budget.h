/*
 * budget - how much of one host is crawled: pages, bytes, errors, time.
 *
 * A host that has used one of them up is parked: its URLs stay queued until
 * nothing else is left, or until a run with a larger budget.  Pure.
 */
#ifndef LIB_FRONTIER_BUDGET_H
#define LIB_FRONTIER_BUDGET_H

#include <stdint.h>

#include "lib/base/attr.h"

/* Numbers are stored: more are added at the end. */
enum budget {
	BUDGET_NONE,
	BUDGET_PAGES,
	BUDGET_BYTES,
	BUDGET_ERRORS,
	BUDGET_TIME,
	BUDGETS
};

/* The setting: "host_max_pages"; "" for BUDGET_NONE, "?" past the list. */
const char *budget_key(unsigned budget);

/* By enum budget: of the limits 0 is none; time in ms. */
struct budgets {
	uint64_t of[BUDGETS];
};

/* Of two that bind one host the smaller counts. */
void budgets_bind(struct budgets *limits, const struct budgets *more);

/* The first that is used up, or BUDGET_NONE. */
enum budget budget_spent(const struct budgets *limits,
    const struct budgets *used);

#endif
