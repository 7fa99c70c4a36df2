#include "lib/frontier/budget.h"

/* clang-format off */
static const char *const keys[BUDGETS] = {
	[BUDGET_NONE]   = "",
	[BUDGET_PAGES]  = "host_max_pages",
	[BUDGET_BYTES]  = "host_max_bytes",
	[BUDGET_ERRORS] = "host_max_errors",
	[BUDGET_TIME]   = "host_max_time",
};
/* clang-format on */

const char *
budget_key(unsigned budget)
{
	return budget < BUDGETS ? keys[budget] : "?";
}

void
budgets_bind(struct budgets *limits, const struct budgets *more)
{
	for (unsigned i = 0; i < BUDGETS; i++) {
		if (more->of[i] > 0 &&
		    (limits->of[i] == 0 || more->of[i] < limits->of[i]))
			limits->of[i] = more->of[i];
	}
}

enum budget
budget_spent(const struct budgets *limits, const struct budgets *used)
{
	for (unsigned i = BUDGET_NONE + 1; i < BUDGETS; i++) {
		if (limits->of[i] > 0 && used->of[i] >= limits->of[i])
			return (enum budget)i;
	}
	return BUDGET_NONE;
}
