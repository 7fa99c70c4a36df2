#include "lib/frontier/frontier_impl.h"

/*
 * The two tokens of a fetch: the slot and clock of its host, and those of the
 * host's address.
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
frontier_host_leave(struct frontier *f, struct host *host)
{
	address_unwait(&f->addresses, &host->wait);
	address_release(&f->addresses, host->address);
	host->address = NULL;
}

void
frontier_slot_take(struct frontier *f, struct lease *lease, int64_t now_ms)
{
	struct host *host = lease->host;

	host->slots++;
	polite_started(&host->polite, host->config, now_ms);
	lease->address = host->address;
	address_started(&f->addresses, lease->address, now_ms);
}

void
frontier_slot_adopt(struct frontier *f, struct lease *lease)
{
	struct host *host = lease->host;

	host->slots++;
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
		frontier_host_leave(f, host);
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
	polite_ended(&host->polite, host->config, lease->ordered_ms, capture,
	    now_ms);
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
frontier_host_waits(struct frontier *f, struct host *host, bool is_its_turn,
    int64_t now_ms)
{
	if (host->address == NULL || !frontier_host_fetches(f, host))
		return false;
	/* Others came before. */
	if (is_its_turn || host->address->first == NULL) {
		if (address_is_ready(&f->addresses, host->address, now_ms))
			return false;
	}
	heap_drop(&f->hosts.ready, &host->node);
	address_wait(&f->addresses, host->address, &host->wait);
	return true;
}

struct polite_why
frontier_host_clock(const struct host *host, int64_t now_ms)
{
	struct polite_why why = polite_explain(&host->polite, host->config);

	if (host->address != NULL && host->address->next_ms > why.ready_ms) {
		why.term = POLITE_IP;
		why.ready_ms = host->address->next_ms;
	} else if (host->wait.on != NULL && why.ready_ms <= now_ms) {
		why.term = POLITE_IP;
	}
	return why;
}
