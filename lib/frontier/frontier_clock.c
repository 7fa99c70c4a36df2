#include <xxhash.h>

#include "lib/frontier/frontier_impl.h"

/*
 * The two tokens of a fetch: the slot and clock of its server, and those of
 * the host's address.
 *
 * A host's address is what its last fetch was connected to.  Before the first
 * one it goes by its own clock alone; an address that changes is followed.
 * host_delay 0 is a host that needs no sparing: its address has no clock for
 * it.
 */

void
frontier_host_address(struct frontier *f, struct host *host)
{
	/* Requests that left before the start may not all be in the store. */
	int64_t next_ms = f->is_new ? 0 : f->opened_ms + f->config->ip_delay_ms;

	if (host->address == NULL && host->config->host_delay_ms > 0 &&
	    host->config->proxy == NULL)
		host->address = address_hold(&f->addresses, &host->ip, next_ms);
}

void
frontier_host_leave(struct host *host)
{
	line_leave(&host->spot);
	address_release(host->address);
	host->address = NULL;
}

/* --- our own network ------------------------------------------------------ */

/* Where a host is, as far as that is known: of hosts that fail together, those
 * of one address count once. */
static uint64_t
place_of_host(const struct host *host)
{
	return address_ip_is_known(&host->ip)
		   ? XXH3_64bits(host->ip.bytes, sizeof(host->ip.bytes))
		   : host->server->name64;
}

static void
tell_outage(struct frontier *f, const struct host *host)
{
	if (outage_is_on(&f->outage)) {
		count(&f->live.outages, 1);
		frontier_tell(f,
		    "our own network seems to be out: host after host cannot "
		    "be reached, the last was %.*s; waiting, with a probe now "
		    "and then (outage_give_up)",
		    SPAN_ARG(host_name(host)));
	} else {
		frontier_tell(f,
		    "the network is back: %.*s has answered, going on",
		    SPAN_ARG(host_name(host)));
	}
}

/* Before the host's own clock hears of it.  True: it could not be reached, and
 * that is not held against anybody. */
static bool
judge_network(struct frontier *f, struct lease *lease,
    const struct capture *capture, int64_t now_ms)
{
	struct host *host = lease->host;
	bool changed = false, was_out = outage_is_on(&f->outage);

	if (capture->status > 0)
		changed = outage_answered(&f->outage);
	else if (!verdict_is_host_trouble(capture))
		return false;
	/* With TLS, or the guard, somebody was there. */
	else if (capture->reason != REASON_TLS_FAIL)
		changed = outage_failed(&f->outage, place_of_host(host),
		    host->server->pace.response_ms >= 0, host->polite.fails > 0,
		    now_ms);
	if (changed)
		tell_outage(f, host);
	if (capture->status > 0)
		return false;
	return was_out || lease->probe || outage_is_on(&f->outage);
}

bool
frontier_may_order(struct frontier *f, int64_t now_ms)
{
	bool changed, may = outage_allows(&f->outage, now_ms, &changed);

	if (changed)
		frontier_tell(f,
		    "the network has been out for outage_give_up: going on "
		    "without it, what cannot be reached is tried and given up "
		    "as usual");
	return may;
}

/* --- slots ---------------------------------------------------------------- */

void
frontier_slot_take(struct frontier *f, struct lease *lease, int64_t now_ms)
{
	struct host *host = lease->host;

	host->slots++;
	line_take(&host->server->line);
	polite_started(&host->polite, host->config, now_ms);
	server_keep_pace(host->server);
	lease->spared = false;
	lease->probe = outage_is_on(&f->outage);
	outage_probed(&f->outage);
	lease->address = host->address;
	address_started(&f->addresses, lease->address, now_ms);
}

void
frontier_slot_adopt(struct frontier *f, struct lease *lease)
{
	struct host *host = lease->host;

	host->slots++;
	line_take(&host->server->line);
	lease->address = host->address;
	address_started(&f->addresses, lease->address, lease->ordered_ms);
}

/* Where it was connected to, at last: the host moves with it. */
static void
learn(struct frontier *f, struct lease *lease, const struct capture *capture,
    int64_t end_ms)
{
	struct address_ip ip = address_ip(capture->ip);
	struct host *host = lease->host;

	/* A proxy's address says nothing of the host's. */
	if (!address_ip_is_known(&ip) || host->config->proxy != NULL)
		return;
	if (!address_ip_eq(&ip, &host->ip)) {
		frontier_host_leave(host);
		host->ip = ip;
		host_changed(&f->hosts, host);
	}
	frontier_host_address(f, host);
	/* It went there without that clock's leave: it counts all the same. */
	if (host->address != lease->address)
		address_met(&f->addresses, host->address, end_ms);
}

void
frontier_slot_free(struct frontier *f, struct lease *lease,
    const struct capture *capture, int64_t now_ms)
{
	struct host *host = lease->host;
	int64_t end_ms = now_ms;

	if (!lease->slot)
		return;
	/* As for the host's clock: the crawler's clock is bounded by ours. */
	if (capture != NULL && capture->fetch_end_ms < now_ms)
		end_ms = capture->fetch_end_ms > lease->ordered_ms
			     ? capture->fetch_end_ms
			     : lease->ordered_ms;
	lease->slot = false;
	host->slots--;
	lease->spared = capture != NULL &&
			judge_network(f, lease, capture, now_ms);
	polite_ended(&host->polite, host->config, lease->ordered_ms,
	    lease->spared ? NULL : capture, now_ms);
	server_keep_pace(host->server);
	line_give(&host->server->line);
	if (capture != NULL)
		learn(f, lease, capture, end_ms);
	address_ended(&f->addresses, lease->address, end_ms);
	lease->address = NULL;
	host_changed(&f->hosts, host);
}

bool
frontier_host_fetches(const struct frontier *f, const struct host *host)
{
	return host->errands != NULL
		   ? !host->polite.down
		   : frontier_host_reason(f, host) == REASON_NONE;
}

bool
frontier_host_waits(struct frontier *f, struct host *host, int64_t now_ms)
{
	struct line *server = &host->server->line;
	uint32_t most = host->config->host_concurrency;

	if (host->spot.line != server) {
		if (line_is_ready(server, most, now_ms))
			return false;
		/* Another origin went while it stood at the address. */
		line_leave(&host->spot);
		line_rejoin(server, &host->spot, most);
		return true;
	}
	/* Who stood there before, and might go, was looked at first. */
	if (address_is_ready(&f->addresses, host->address, now_ms))
		return false;
	line_leave(&host->spot);
	line_join(&host->address->line, &host->spot, f->addresses.concurrency);
	return true;
}

struct polite_why
frontier_host_clock(const struct host *host, int64_t now_ms)
{
	struct polite_why why = polite_explain(&host->polite, host->config);

	if (host->address != NULL &&
	    host->address->line.due_ms > why.ready_ms) {
		why.term = POLITE_IP;
		why.ready_ms = host->address->line.due_ms;
	} else if (host->address != NULL &&
		   host->spot.line == &host->address->line &&
		   why.ready_ms <= now_ms) {
		why.term = POLITE_IP;
	}
	return why;
}
