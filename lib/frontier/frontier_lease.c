#include <errno.h>

#include "lib/frontier/frontier_impl.h"
#include "lib/message/chain.h"

/* --- the host's slot ----------------------------------------------------- */

/* The lease of this order, while it is out. */
static struct lease *
lease_of(struct frontier *f, const struct order *order)
{
	struct lease *lease = lease_find(&f->leases, order->site64,
	    order->url64, order->kind);

	return lease != NULL && lease->state == LEASE_OUT ? lease : NULL;
}

void
frontier_slot_end(struct frontier *f, const struct order *order,
    const struct capture *capture, int64_t now_ms)
{
	struct lease *lease = lease_of(f, order);

	f->now_ms = now_ms;
	if (lease == NULL || !lease->slot)
		return;
	frontier_slot_free(f, lease, capture, now_ms);
	frontier_schedule(f, lease->host, now_ms);
}

/* --- back, unfetched ----------------------------------------------------- */

/* A page's lease is out no longer. */
static void
lease_is_in(struct frontier *f, struct lease *lease)
{
	struct server *server = lease->host->server;
	bool was_taken;

	if (!lease->fetch)
		return;
	was_taken = frontier_budget_is_taken(server);
	server->fetches--;
	f->fetching--;
	/* It was one of the last that the budget allows, and others may go. */
	if (was_taken && !frontier_budget_is_taken(server))
		frontier_server_wake(f, server, f->now_ms);
}

void
frontier_come_back(struct frontier *f, const struct order *order,
    int64_t now_ms)
{
	struct lease *lease = lease_of(f, order), **last;
	struct host *host;

	f->now_ms = now_ms;
	if (lease == NULL)
		return;
	host = lease->host;
	frontier_slot_free(f, lease, NULL, now_ms);
	/* Also when the slot had ended: something may have been sent since. */
	if (lease->fetch)
		polite_ended(&host->polite, host->config, lease->ordered_ms,
		    NULL, now_ms);
	server_keep_pace(host->server);
	if (lease->kind == ORDER_ROBOTS) {
		frontier_robots_come_back(f, lease, order);
	} else if (lease->kind == ORDER_SITEMAP) {
		frontier_sitemap_come_back(f, lease, order);
	} else {
		lease_is_in(f, lease);
		f->unsettled -= lease->fetch;
		f->live.in_flight--;
		f->live.queued++;
		f->young_in_flight -= lease_is_young(f, lease);
		lease->state = LEASE_BACK;
		lease->attempts = order->attempts;
		lease->is_short = order->is_short;
		lease->after = NULL;
		for (last = &host->back; *last != NULL; last = &(*last)->after)
			;
		*last = lease;
	}
	frontier_schedule(f, host, now_ms);
}

/* --- adoption ------------------------------------------------------------ */

/* The page that led here, from its text; none when it is none.  0, -ENOMEM. */
static int
adopt_via(struct frontier *f, struct span via, struct admission *a)
{
	struct canon_hash hash;
	int r;

	if (via.len == 0)
		return 0;
	r = url_parse(via, NULL, &f->other);
	if (r == 0 && url_fetchable(&f->other)) {
		r = frontier_hash(f, &f->other, &hash);
		if (r == 0) {
			a->via_site64 = hash.site64;
			a->via_url64 = hash.url64;
		}
	}
	return r == -ENOMEM ? r : 0;
}

/*
 * An order from before the last commit may name a place that the store has
 * given to another URL since, if it is forged: one of the two would be lost.
 * 1 free, 0 taken, or -errno.
 */
static int
place_is_free(struct frontier *f, uint64_t site64, uint64_t place)
{
	struct row_key key = row_key2(site64, place);
	int r = store_get(f->store, STORE_QUEUE, row_key_span(&key), NULL);

	return r < 0 ? r : r == 0;
}

/*
 * The order is of a URL that the store does not know: it was new in a batch
 * that is lost, and ordered before its commit.  What led to it was in the
 * same batch and will be settled again; it is admitted here and now, so that
 * it is known by then.
 */
static int
adopt_unknown(struct frontier *f, const struct order *order, int64_t now_ms,
    struct host **out)
{
	struct admission a = {
		.hash = { order->site64, order->url64 },
		.url = &f->url,
		.place = place_of(order->prio, order->qseq),
		.depth = order->depth,
		.hops = order->hops,
		.found = order->found,
		.listed = order->listed,
	};
	struct canon_hash hash;
	int r;

	if (chain_is_whole(order->chain))
		a.chain = order->chain;
	if (order->tries != 0 || order->waits != 0 ||
	    order->found >= LINK_KINDS)
		return -EBADMSG;
	r = place_is_free(f, order->site64, a.place);
	if (r <= 0)
		return r < 0 ? r : -EBADMSG;
	r = url_parse(order->url, NULL, &f->url);
	if (r == -ENOMEM)
		return r;
	if (frontier_refuses(f, &f->url, r) != REFUSALS)
		return -EBADMSG;
	r = frontier_hash(f, &f->url, &hash);
	if (r == 0 &&
	    (hash.site64 != order->site64 || hash.url64 != order->url64))
		r = -EBADMSG;
	if (r == 0 && order->found == LINK_SEED)
		r = frontier_add_scope(f, &f->url, NULL);
	if (r == 0)
		r = adopt_via(f, order->via, &a);
	if (r < 0)
		return r;
	return frontier_admit(f, &a, true, now_ms, out);
}

/* The order is of a URL that the store knows. */
static int
adopt_known(struct frontier *f, const struct order *order, struct url_row *row)
{
	uint64_t place = place_of(order->prio, order->qseq);
	int r;

	if (row->tries != order->tries || row->waits != order->waits ||
	    row->hops != order->hops)
		return -EBADMSG;
	if (row->state == URL_QUEUED && row->place == place)
		return 0;
	r = place_is_free(f, order->site64, place);
	if (r <= 0)
		return r < 0 ? r : -EBADMSG;
	/* New in a batch that is lost, and then a seed: its row says where. */
	if (row->state == URL_QUEUED)
		return row->found == LINK_SEED ? 0 : -EBADMSG;
	/* Its way from `d` to `q` was in a batch that is lost. */
	if (row->state == URL_WAITING)
		return frontier_requeue(f, order->site64, order->url64, row,
		    place);
	return -EBADMSG;
}

static int
adopt_page(struct frontier *f, const struct order *order, int64_t now_ms)
{
	struct host *host = NULL;
	struct lease *lease;
	struct url_row row = { .place = place_of(order->prio, order->qseq) };
	bool young = false;
	int r;

	if (lease_find(&f->leases, order->site64, order->url64, ORDER_PAGE))
		return -EBADMSG;
	r = frontier_url_row(f, order->site64, order->url64, &row);
	if (r == 1) {
		r = adopt_known(f, order, &row);
		if (r == 0)
			r = frontier_host_load(f, order->site64, &host);
		if (r == 0)
			r = -EIO; /* a URL without its host */
	} else if (r == 0) {
		r = adopt_unknown(f, order, now_ms, &host);
		young = true;
	}
	if (r < 0)
		return r;
	lease = lease_new(&f->leases, order->site64, order->url64, ORDER_PAGE);
	if (lease == NULL)
		return -ENOMEM;
	lease->place = row.place;
	lease->ordered_ms = order->ordered_ms < now_ms ? order->ordered_ms
						       : now_ms;
	lease->tries = order->tries;
	lease->waits = order->waits;
	lease->attempts = order->attempts;
	lease->is_short = order->is_short;
	lease->probe = order->is_probe;
	lease->slot = lease->fetch = order->reason == REASON_NONE;
	if (young)
		lease->young = f->batch;
	host_lease_link(host, lease);
	host_changed(&f->hosts, host);
	f->live.queued--;
	f->live.in_flight++;
	f->young_in_flight += lease_is_young(f, lease);
	if (lease->fetch) {
		frontier_slot_adopt(f, lease);
		host->server->fetches++;
		f->fetching++;
		f->unsettled++;
	}
	if (order->qseq >= f->next_seq)
		f->next_seq = order->qseq + 1;
	frontier_schedule(f, host, now_ms);
	return 0;
}

int
frontier_adopt(struct frontier *f, const struct order *order, int64_t now_ms)
{
	f->now_ms = now_ms;
	/* Shared memory is not believed: a number near its end would be the
	 * end of all queues. */
	if (order->qseq > PLACE_SEQ_MAX / 2 || order->reason >= REASONS ||
	    order->kind >= ORDER_KINDS)
		return -EBADMSG;
	if (order->kind == ORDER_ROBOTS)
		return frontier_robots_adopt(f, order, now_ms);
	if (order->kind == ORDER_SITEMAP)
		return frontier_sitemap_adopt(f, order, now_ms);
	return adopt_page(f, order, now_ms);
}

/* --- settlements --------------------------------------------------------- */

/* A list's n-th, of which the last repeats. */
int64_t
frontier_retry_delay_ms(const struct config_host *config, unsigned n)
{
	unsigned last = config->retry_delay.n;

	if (last == 0)
		return 0;
	return config->retry_delay.ms[n < last ? n : last - 1];
}

/*
 * It was redirected to another form of the same page: the row takes that form,
 * and what it was becomes a hop of its chain.
 * 1 so it is, 0 it is another page, or no redirect at all; -ENOMEM.
 */
static int
settle_elsewhere(struct frontier *f, const struct lease *lease,
    const struct order *order, const struct capture *capture,
    struct url_row *row)
{
	struct canon_hash hash;
	int r;

	if (capture == NULL || capture->status < 300 || capture->status > 399 ||
	    capture->redirect != REDIRECT_SAME)
		return 0;
	r = url_parse(capture->location, NULL, &f->url);
	if (r == -ENOMEM)
		return r;
	if (frontier_refuses(f, &f->url, r) != REFUSALS)
		return 0;
	r = frontier_hash(f, &f->url, &hash);
	if (r < 0)
		return r;
	if (hash.site64 != lease->site64 || hash.url64 != lease->url64)
		return 0;
	r = frontier_chain(f, row->chain, capture->status, order->url);
	if (r < 0)
		return r;
	row->chain = buf_span(&f->chain);
	if (row->hops < UINT16_MAX)
		row->hops++;
	frontier_row_text(lease->host, &f->url, row);
	return 1;
}

/* Not ended: it waits in `d` and is queued again.  `moved`: in another form,
 * for which nobody has to wait. */
static void
settle_again(struct frontier *f, struct lease *lease, struct url_row *row,
    const struct capture *capture, bool moved, int64_t now_ms)
{
	int64_t due_ms = now_ms;
	struct row_key key;

	if (moved || lease->spared) {
		; /* it asks for the host's clock alone */
	} else if (capture != NULL && verdict_is_wait(capture)) {
		/* The host has its pause; nobody else waits longer. */
		if (row->waits < UINT16_MAX)
			row->waits++;
		if (polite_ready_ms(&lease->host->polite) > due_ms)
			due_ms = polite_ready_ms(&lease->host->polite);
	} else {
		due_ms += frontier_retry_delay_ms(lease->host->config,
		    row->tries);
		if (row->tries < UINT16_MAX)
			row->tries++;
	}
	if (lease->host->blocked)
		due_ms = now_ms; /* there will be no other try */
	row->state = URL_WAITING;
	row->place = (uint64_t)due_ms;
	key = row_key3((uint64_t)due_ms, lease->site64, lease->url64);
	store_put(f->store, STORE_DUE, row_key_span(&key), SPAN_NONE);
	lease->again = true;
	lease->place = (uint64_t)due_ms;
	count(&f->live.retried, !moved && !lease->spared);
}

void
frontier_lease_settled(struct frontier *f, struct lease *lease)
{
	lease->state = LEASE_SETTLED;
	lease->after = f->settled;
	f->settled = lease;
	host_changed(&f->hosts, lease->host);
}

static void
settle_ended(struct frontier *f, struct lease *lease, struct url_row *row,
    const struct capture *capture, struct decision decision)
{
	struct frontier_totals *t = &f->live;
	struct host *host = lease->host;
	unsigned status = capture != NULL ? capture->status : 0;

	row->state = URL_ENDED;
	row->place = 0;
	row->verdict = decision.verdict;
	row->reason = decision.reason;
	row->status = (uint16_t)status; /* what is counted, not an older try */
	switch ((enum verdict)decision.verdict) {
	case VERDICT_REDIRECTED:
		count(&t->redirected, 1);
		count(&t->done, 1);
		if (capture != NULL)
			row->target = capture->location;
		break;
	case VERDICT_GONE:
		count(&t->gone, 1);
		count(&t->done, 1);
		break;
	case VERDICT_DONE:
		count(&t->done, 1);
		break;
	case VERDICT_FAILED:
		count(&t->failed, 1);
		break;
	case VERDICT_EXCLUDED:
		count(&t->excluded, 1);
		break;
	case VERDICT_QUARANTINED:
		count(&t->quarantined, 1);
		break;
	case VERDICT_NONE:
	case VERDICT_RETRY:
	case VERDICTS:
		must(!"a verdict that ends");
	}
	count(&t->reasons[decision.reason], decision.reason != REASON_NONE);
	count(&t->statuses[status < 600 ? status / 100 : 0], 1);
	if (capture != NULL) {
		count(&t->bytes, capture->body_len);
		count(&host->bytes, capture->body_len);
		count(&host->server->bytes, capture->body_len);
	}
	count(&host->errors, row_is_error(row));
	count(&host->server->errors, row_is_error(row));
	host->queued--;
	if (host_is_parked(host))
		f->parked--;
	if (lease->fetch) {
		host->fetched++;
		host->server->fetched++;
		count(&f->fetched, 1);
		if (!host_is_parked(host))
			frontier_judge_budgets(f, host->server);
	}
}

int
frontier_settle(struct frontier *f, const struct order *order,
    const struct capture *capture, struct decision decision, int64_t now_ms)
{
	struct lease *lease = lease_of(f, order);
	struct row_key key;
	struct url_row row;
	bool moved = false;
	int r;

	f->now_ms = now_ms;
	if (lease == NULL || lease->kind != ORDER_PAGE ||
	    decision.verdict == VERDICT_NONE || decision.verdict >= VERDICTS ||
	    decision.reason >= REASONS)
		return -EBADMSG;
	r = frontier_url_row(f, lease->site64, lease->url64, &row);
	if (r < 0)
		return r;
	if (r == 0 || row.state != URL_QUEUED || row.place != lease->place)
		return -EBADMSG;

	if (decision.verdict == VERDICT_RETRY) {
		r = settle_elsewhere(f, lease, order, capture, &row);
		if (r < 0)
			return r;
		moved = r == 1;
	}
	frontier_slot_free(f, lease, capture, now_ms);
	key = row_key2(lease->site64, lease->place);
	store_delete(f->store, STORE_QUEUE, row_key_span(&key));
	if (capture != NULL) {
		row.status = capture->status;
		row.at_ms = capture->fetch_end_ms;
	}
	if (decision.verdict == VERDICT_RETRY)
		settle_again(f, lease, &row, capture, moved, now_ms);
	else
		settle_ended(f, lease, &row, capture, decision);
	lease_is_in(f, lease);
	frontier_lease_settled(f, lease);
	r = frontier_put_url(f, lease->site64, lease->url64, &row);
	if (r == 0 && decision.verdict == VERDICT_DONE && row.status >= 200 &&
	    row.status < 300)
		r = frontier_alias_doubt(f, lease->host);
	if (r < 0)
		return r;
	frontier_schedule(f, lease->host, now_ms);
	return 0;
}
