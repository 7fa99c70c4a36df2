#include <errno.h>

#include "lib/frontier/frontier_impl.h"
#include "lib/robots/robots.h"

enum {
	DELAY_TOLD_MS = 300 * 1000, /* a longer Crawl-delay is told of */
};

/* When it may next be asked for anything, by its clock. */
static int64_t
host_ready_ms(const struct host *host, int64_t now_ms)
{
	int64_t ready_ms = polite_ready_ms(&host->polite);

	return ready_ms > now_ms ? ready_ms : now_ms;
}

/* --- requests ------------------------------------------------------------ */

int
frontier_robots_ask(struct frontier *f, struct host *host)
{
	struct errand errand = { .for_site64 = host->site64 };
	int r;

	if (!rulebook_asked(&host->rulebook))
		return 0;
	/* After an adoption it may be on its way without our knowing. */
	if (lease_find(&f->leases, host->site64, host->site64, ORDER_ROBOTS))
		return 0;
	buf_clear(&f->name);
	r = buf_add_span(&f->name, host_name(host));
	if (r == 0)
		r = buf_add_span(&f->name, SPAN("/robots.txt"));
	if (r == 0)
		r = host_errand_add(host, &errand, buf_span(&f->name), false);
	if (r < 0)
		rulebook_lost(&host->rulebook);
	return r;
}

/* The one who asks hears that there is no answer. */
static int
robots_unanswered(struct frontier *f, uint64_t site64, int64_t now_ms)
{
	struct host *host;
	int r = frontier_host_load(f, site64, &host);

	if (r != 1)
		return r;
	rulebook_failed(&host->rulebook, host->config, false, now_ms,
	    host_ready_ms(host, now_ms));
	host_changed(&f->hosts, host);
	frontier_schedule(f, host, now_ms);
	return 0;
}

int
frontier_robots_order(struct frontier *f, struct host *host, int64_t now_ms,
    struct order *out)
{
	struct errand *errand = host->errands;
	uint64_t asker = errand->for_site64;
	struct lease *lease;
	int r;

	if (host->polite.down || host->blocked ||
	    lease_find(&f->leases, host->site64, asker, ORDER_ROBOTS)) {
		host->errands = errand->next;
		free(errand);
		if (host->blocked && asker == host->site64) {
			rulebook_lost(&host->rulebook); /* as if never asked */
			return 0;
		}
		return host->polite.down || host->blocked
			   ? robots_unanswered(f, asker, now_ms)
			   : 0;
	}
	buf_clear(&f->href);
	r = buf_add(&f->href, errand->url, errand->len);
	if (r < 0)
		return r;
	lease = lease_new(&f->leases, host->site64, asker, ORDER_ROBOTS);
	if (lease == NULL)
		return -ENOMEM;
	host->errands = errand->next;
	lease->ordered_ms = now_ms;
	lease->slot = true;
	lease->fetch = true;
	host_lease_link(host, lease);
	frontier_slot_take(f, lease, now_ms);
	*out = (struct order){
		.site64 = host->site64,
		.url64 = asker,
		.kind = ORDER_ROBOTS,
		.is_short = errand->is_short,
		.attempts = errand->attempts,
		.is_probe = lease->probe,
		.hops = errand->hops,
		.delay_ms = (uint32_t)polite_delay_ms(&host->polite,
		    host->config),
		.ordered_ms = now_ms,
		.for_site64 = asker,
		.url = buf_span(&f->href),
	};
	free(errand);
	return 1;
}

/* No memory for the errand: it is lost, and asked for again later. */
void
frontier_robots_come_back(struct frontier *f, struct lease *lease,
    const struct order *order)
{
	struct errand errand = {
		.for_site64 = lease->url64,
		.hops = order->hops,
		.attempts = order->attempts,
		.is_short = order->is_short,
	};
	struct host *host = lease->host, *asker;

	if (host_errand_add(host, &errand, order->url, true) < 0) {
		asker = host_find(&f->hosts, lease->url64);
		if (asker != NULL)
			rulebook_lost(&asker->rulebook);
	}
	host_lease_unlink(lease);
	lease_free(&f->leases, lease);
}

int
frontier_robots_adopt(struct frontier *f, const struct order *order,
    int64_t now_ms)
{
	struct host *host, *asker;
	struct canon_hash hash;
	struct lease *lease;
	int r;

	r = url_parse(order->url, NULL, &f->url);
	if (r == -ENOMEM)
		return r;
	if (frontier_refuses(f, &f->url, r) != REFUSALS ||
	    order->hops > ROBOTS_HOPS_MAX || order->url64 != order->for_site64)
		return -EBADMSG;
	r = frontier_hash(f, &f->url, &hash);
	if (r == 0 && (hash.site64 != order->site64 ||
			  lease_find(&f->leases, order->site64, order->url64,
			      ORDER_ROBOTS)))
		r = -EBADMSG;
	if (r == 0)
		r = frontier_host(f, order->site64, &f->url, &host);
	if (r < 0)
		return r;
	lease = lease_new(&f->leases, order->site64, order->url64,
	    ORDER_ROBOTS);
	if (lease == NULL)
		return -ENOMEM;
	lease->ordered_ms = order->ordered_ms < now_ms ? order->ordered_ms
						       : now_ms;
	lease->slot = true;
	lease->fetch = true;
	host_lease_link(host, lease);
	frontier_slot_adopt(f, lease);
	/*
	 * Who asks may have no row: its first URL was in a batch that is
	 * lost.  Then the answer is for nobody.
	 */
	r = frontier_host_load(f, order->for_site64, &asker);
	if (r == 1) {
		rulebook_asked(&asker->rulebook);
		frontier_schedule(f, asker, now_ms);
	}
	if (r < 0)
		return r;
	frontier_schedule(f, host, now_ms);
	return 0;
}

bool
frontier_robots_settled(const struct frontier *f, uint64_t site64,
    uint64_t asker)
{
	const struct lease *lease = lease_find(&f->leases, site64, asker,
	    ORDER_ROBOTS);

	return lease != NULL && lease->state == LEASE_SETTLED;
}

/* --- answers ------------------------------------------------------------- */

void
frontier_rules_forget(struct frontier *f, uint64_t site64)
{
	size_t i = site64 % RULES;

	if (f->rules[i].ptr == NULL || f->rules[i].site64 != site64)
		return;
	f->rules_bytes -= f->rules[i].len;
	free(f->rules[i].ptr);
	f->rules[i].ptr = NULL;
}

int
frontier_rules_load(struct frontier *f, uint64_t site64, struct span *out)
{
	struct row_key key = row_key1(site64);
	size_t i = site64 % RULES;
	char *copy;
	int r;

	if (f->rules[i].ptr != NULL && f->rules[i].site64 == site64) {
		*out = span_of(f->rules[i].ptr, f->rules[i].len);
		return 1;
	}
	r = store_get(f->store, STORE_ROBOTS, row_key_span(&key), &f->value);
	if (r <= 0 || !robots_valid(buf_span(&f->value)))
		return r < 0 ? r : 0;
	*out = buf_span(&f->value);
	copy = malloc(f->value.len);
	if (copy == NULL)
		return 1;
	if (f->rules[i].ptr != NULL)
		frontier_rules_forget(f, f->rules[i].site64);
	for (size_t j = 0; f->rules_bytes + f->value.len > RULES_BYTES; j++)
		frontier_rules_forget(f, f->rules[j].site64);
	memcpy(copy, f->value.ptr, f->value.len);
	f->rules[i].site64 = site64;
	f->rules[i].ptr = copy;
	f->rules[i].len = f->value.len;
	f->rules_bytes += f->value.len;
	return 1;
}

int
frontier_robots_check(struct frontier *f, struct host *host)
{
	struct span rules;
	int r;

	if (!host->rulebook.block)
		return 0;
	r = frontier_rules_load(f, host->site64, &rules);
	if (r == 0 && rulebook_spoilt(&host->rulebook))
		host_changed(&f->hosts, host);
	return r < 0 ? r : 0;
}

int
frontier_robots_sitemaps(struct frontier *f, struct host *host, int64_t now_ms)
{
	struct span rules;
	int r;

	if (!host->rulebook.block || !f->config->sitemaps)
		return 0;
	r = frontier_rules_load(f, host->site64, &rules);
	/* Not from scratch memory, which is used meanwhile. */
	if (r == 1 && rules.ptr != f->value.ptr)
		r = frontier_sitemaps_of_rules(f, host, rules, now_ms);
	return r < 0 ? r : 0;
}

int
frontier_robots_allow(struct frontier *f, struct host *host, struct span target)
{
	struct span rules;
	int r;

	if (!host->rulebook.block)
		return 1;
	r = frontier_rules_load(f, host->site64, &rules);
	if (r == 1)
		r = robots_allows(rules, target);
	return r; /* without rules not: they are asked for first */
}

/*
 * Kept however long it is, up to a day; but a host from which next to nothing
 * will come is told of, once for each delay that it asks for.
 */
static void
tell_long_delay(struct frontier *f, const struct host *host, int64_t delay_ms)
{
	struct span name = host_name(host);
	const char *end = memmem(name.ptr, name.len, "://", 3);

	if (delay_ms <= DELAY_TOLD_MS ||
	    delay_ms == host->polite.crawl_delay_ms ||
	    delay_ms <= host->config->host_delay_ms ||
	    host->config->crawl_delay != 0)
		return;
	if (end != NULL)
		name = span_from_at(name, (size_t)(end + 3 - name.ptr));
	frontier_tell(f,
	    "%.*s: its robots.txt asks for %lld s between two requests "
	    "(Crawl-delay), and gets them; crawl_delay = ignore below a line "
	    "[host \"%.*s\"] in mpcrawl.conf decides otherwise",
	    SPAN_ARG(host_name(host)), (long long)delay_ms / 1000,
	    SPAN_ARG(name));
}

/* The answer's rules into the batch. */
static void
rules_save(struct frontier *f, struct host *host, struct span rules,
    int64_t now_ms)
{
	struct row_key key = row_key1(host->site64);
	int64_t delay_ms = rules.len > 0 ? robots_crawl_delay_ms(rules) : -1;

	if (rulebook_need(&host->rulebook, now_ms) != RULEBOOK_WAIT)
		return; /* it does not ask */
	tell_long_delay(f, host, delay_ms);
	/* The delay first: it says when the rules will be needed. */
	polite_crawl_delay(&host->polite, host->config, delay_ms);
	server_keep_pace(host->server);
	rulebook_answered(&host->rulebook, host->config, rules.len > 0, now_ms,
	    host_ready_ms(host, now_ms));
	frontier_rules_forget(f, host->site64);
	if (rules.len > 0)
		store_put(f->store, STORE_ROBOTS, row_key_span(&key), rules);
	else
		store_delete(f->store, STORE_ROBOTS, row_key_span(&key));
}

/*
 * Another request, through the clock of the host that it goes to.
 * 1 it is on its way; 0 it leads nowhere.
 */
static int
robots_follow(struct frontier *f, const struct order *order,
    struct span location, int64_t now_ms)
{
	struct errand errand = {
		.for_site64 = order->for_site64,
		.hops = order->hops + 1,
		.attempts = 0,
	};
	struct canon_hash hash;
	struct host *host;
	int r;

	if (order->hops >= ROBOTS_HOPS_MAX)
		return 0;
	r = url_parse(location, NULL, &f->url);
	if (r == -ENOMEM)
		return r;
	if (frontier_refuses(f, &f->url, r) != REFUSALS)
		return 0;
	url_drop_credentials(&f->url);
	r = frontier_hash(f, &f->url, &hash);
	if (r == 0)
		r = frontier_host(f, hash.site64, &f->url, &host);
	if (r == 0)
		r = host_errand_add(host, &errand, url_href_bare(&f->url),
		    false);
	if (r < 0)
		return r;
	frontier_schedule(f, host, now_ms);
	return 1;
}

/* Not all of the file is here, and not because of robots_max_bytes. */
static bool
was_interrupted(const struct capture *capture)
{
	return capture->truncated == TRUNCATED_DISCONNECT ||
	       capture->truncated == TRUNCATED_TIME ||
	       capture->truncated == TRUNCATED_MEMORY;
}

int
frontier_settle_robots(struct frontier *f, const struct order *order,
    const struct capture *capture, struct span rules, int64_t now_ms)
{
	struct lease *lease = lease_find(&f->leases, order->site64,
	    order->url64, ORDER_ROBOTS);
	enum robots_meaning meaning = robots_meaning(
	    capture != NULL ? capture->status : 0);
	bool no_name = capture != NULL && verdict_is_no_name(capture);
	struct host *target, *asker;
	int r;

	f->now_ms = now_ms;
	if (lease == NULL || lease->state != LEASE_OUT)
		return -EBADMSG;
	target = lease->host;
	frontier_slot_free(f, lease, capture, now_ms);
	frontier_lease_settled(f, lease);
	if (capture != NULL)
		count(&f->live.robots_fetched, 1);
	frontier_schedule(f, target, now_ms);

	/* Gone from memory, and not in the store either: nobody waits. */
	r = frontier_host_load(f, order->for_site64, &asker);
	if (r <= 0)
		return r;
	if (meaning == ROBOTS_FOLLOW) {
		r = robots_follow(f, order, capture->location, now_ms);
		if (r != 0)
			return r < 0 ? r : 0;
		/* RFC 9309, 2.3.1.2: as if it were not there. */
		meaning = ROBOTS_ALLOW_ALL;
	}
	/*
	 * The address guard will say to each page what it said to this; there
	 * is nothing to wait for.  In another run the setting may be another.
	 */
	if (capture != NULL && capture->reason == REASON_BLOCKED_SSRF) {
		rules_save(f, asker, SPAN_NONE, now_ms);
		asker->rulebook.local = true;
		host_changed(&f->hosts, asker);
		frontier_schedule(f, asker, now_ms);
		return 0;
	}
	/* A line broke off halfway: who knows what stood in the rest. */
	if (meaning == ROBOTS_USE_BODY && was_interrupted(capture))
		meaning = ROBOTS_UNREACHABLE;
	/* The parser made it, and the parser may have been taken over. */
	if (meaning == ROBOTS_USE_BODY && rules.len > 0 &&
	    (rules.len > RULES_MAX || !robots_valid(rules)))
		meaning = ROBOTS_UNREACHABLE;
	if (meaning == ROBOTS_UNREACHABLE && lease->spared)
		rulebook_lost(&asker->rulebook); /* our network's fault */
	else if (meaning == ROBOTS_UNREACHABLE)
		rulebook_failed(&asker->rulebook, asker->config, no_name,
		    now_ms, host_ready_ms(no_name ? target : asker, now_ms));
	else
		rules_save(f, asker,
		    meaning == ROBOTS_USE_BODY ? rules : SPAN_NONE, now_ms);
	host_changed(&f->hosts, asker);
	frontier_schedule(f, asker, now_ms);
	return meaning == ROBOTS_USE_BODY
		   ? frontier_sitemaps_of_rules(f, asker, rules, now_ms)
		   : 0;
}
