#include <errno.h>

#include "lib/frontier/frontier_impl.h"

static void
uncount(uint64_t *counter)
{
	if (*counter > 0)
		(*counter)--;
}

/* What settle_ended() counted, but for the bytes: they were received. */
static void
uncount_ended(struct frontier *f, struct host *host, const struct url_row *row)
{
	struct frontier_totals *t = &f->live;

	uncount(&t->quarantined);
	uncount(&t->reasons[row->reason]);
	uncount(&t->statuses[row->status < 600 ? row->status / 100 : 0]);
	uncount(&host->fetched);
	uncount(&host->server->fetched);
	uncount(&f->fetched);
}

/* Its budget is used less, its queue is longer. */
static void
lengthen(struct frontier *f, struct host *host, uint64_t place, uint64_t url64)
{
	host->queued++;
	if (host_is_parked(host))
		count(&f->parked, 1);
	frontier_judge_budgets(f, host->server);
	host_changed(&f->hosts, host);
	host_queue_add(&f->hosts, host, place, url64);
	polite_forgive(&host->polite);
	rulebook_forgiven(&host->rulebook);
}

/* 1 and its row, 0 not quarantined, -ENOENT, -EIO. */
static int
quarantined_row(struct frontier *f, uint64_t site64, uint64_t url64,
    struct url_row *row)
{
	int r = frontier_url_row(f, site64, url64, row);

	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	/* Its end is not committed yet. */
	if (lease_find(&f->leases, site64, url64, ORDER_PAGE))
		return 0;
	return row->state == URL_ENDED && row->verdict == VERDICT_QUARANTINED;
}

int
frontier_is_quarantined(struct frontier *f, uint64_t site64, uint64_t url64)
{
	struct url_row row;

	return quarantined_row(f, site64, url64, &row);
}

int
frontier_release(struct frontier *f, uint64_t site64, uint64_t url64,
    int64_t now_ms)
{
	struct row_key url_key = row_key1(url64);
	struct row_key key;
	struct url_row row;
	struct host *host;
	int r = quarantined_row(f, site64, url64, &row);

	f->now_ms = now_ms;
	if (r <= 0)
		return r;
	r = frontier_host_load(f, site64, &host);
	if (r <= 0)
		return r < 0 ? r : -EIO; /* a URL without its host */
	uncount_ended(f, host, &row);
	row.state = URL_QUEUED;
	row.verdict = VERDICT_NONE;
	row.reason = REASON_NONE;
	row.tries = row.waits = 0;
	row.place = place_of(frontier_row_prio(&row), f->next_seq++);
	key = row_key2(site64, row.place);
	store_put(f->store, STORE_QUEUE, row_key_span(&key),
	    row_key_span(&url_key));
	r = frontier_put_url(f, site64, url64, &row);
	if (r < 0)
		return r;
	count(&f->live.queued, 1);
	f->young++; /* not to be seen before the commit */
	lengthen(f, host, row.place, url64);
	frontier_schedule(f, host, now_ms);
	return 1;
}
