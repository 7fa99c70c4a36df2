/*
 * The counters of the crawl against what its rows add up to.
 */
#include <stdio.h>

#include "lib/audit/audit_impl.h"

static void
judge_one(struct audit *audit, const char *name, uint64_t *stored,
    struct bounds counted)
{
	uint64_t right = bounds_hold(*stored, counted);

	if (right == *stored)
		return;
	audit_problem(audit, AUDIT_TOTALS, "%s: %llu, and the rows say %llu",
	    name, (unsigned long long)*stored, (unsigned long long)right);
	if (!audit->mends || audit->changes > 0)
		return;
	*stored = right;
	audit->crawl_changed = true;
	audit_repaired(audit, AUDIT_TOTALS, "%s: %llu", name,
	    (unsigned long long)right);
}

static struct bounds
exactly(uint64_t n)
{
	return (struct bounds){ n, n };
}

/* Each URL that ended has one answer, be it none; so what the rows leave open
 * is bounded by the sum, too. */
static void
judge_answers(struct audit *audit)
{
	struct frontier_totals *t = &audit->crawl.totals;
	const struct frontier_totals *c = &audit->totals;
	uint64_t ended = c->done + c->failed + c->excluded + c->quarantined;
	struct bounds *bounds = audit->statuses;
	uint64_t right[ARRAY_LEN(t->statuses)], sum = 0;
	char name[64];

	for (size_t i = 0; i < ARRAY_LEN(right); i++) {
		right[i] = bounds_hold(t->statuses[i], bounds[i]);
		sum += right[i];
	}
	for (size_t i = 0; i < ARRAY_LEN(right); i++) {
		while (sum > ended && right[i] > bounds[i].least) {
			right[i]--;
			sum--;
		}
		while (sum < ended && right[i] < bounds[i].most) {
			right[i]++;
			sum++;
		}
		snprintf(name, sizeof(name), "answers %zuxx", i);
		judge_one(audit, name, &t->statuses[i], exactly(right[i]));
	}
}

void
audit_totals(struct audit *audit)
{
	struct frontier_totals *t = &audit->crawl.totals;
	const struct frontier_totals *c = &audit->totals;
	uint64_t parts = t->done + t->failed + t->excluded + t->quarantined +
			 t->queued;

	if (t->admitted != parts)
		audit_problem(audit, AUDIT_SUM,
		    "%llu admitted, and done + failed + excluded + "
		    "quarantined + queued are %llu",
		    (unsigned long long)t->admitted, (unsigned long long)parts);
	judge_one(audit, "admitted", &t->admitted, exactly(c->admitted));
	judge_one(audit, "done", &t->done, exactly(c->done));
	judge_one(audit, "failed", &t->failed, exactly(c->failed));
	judge_one(audit, "excluded", &t->excluded, exactly(c->excluded));
	judge_one(audit, "quarantined", &t->quarantined,
	    exactly(c->quarantined));
	judge_one(audit, "queued", &t->queued, exactly(c->queued));
	judge_one(audit, "redirected", &t->redirected, exactly(c->redirected));
	judge_one(audit, "gone", &t->gone, exactly(c->gone));
	judge_one(audit, "hosts", &t->hosts, exactly(c->hosts));
	judge_one(audit, "late", &t->late, exactly(c->late));
	for (unsigned i = 1; i < BUDGETS; i++)
		judge_one(audit, budget_key(i), &t->spent[i],
		    exactly(c->spent[i]));
	judge_one(audit, "fetched", &audit->crawl.fetched,
	    exactly(audit->fetched));
	for (unsigned i = 1; i < REASONS; i++)
		judge_one(audit, reason_name(i), &t->reasons[i],
		    exactly(c->reasons[i]));
	judge_answers(audit);
}

/* The next place is behind all that are taken. */
void
audit_next_seq(struct audit *audit)
{
	if (audit->last_seq < audit->crawl.next_seq)
		return;
	audit_problem(audit, AUDIT_PLACE,
	    "the next number in the queues is %llu, and %llu is given out",
	    (unsigned long long)audit->crawl.next_seq,
	    (unsigned long long)audit->last_seq);
	if (!audit->mends)
		return;
	audit->crawl.next_seq = audit->last_seq + 1;
	audit->crawl_changed = true;
	audit_repaired(audit, AUDIT_PLACE, "the next number is %llu",
	    (unsigned long long)audit->crawl.next_seq);
}
