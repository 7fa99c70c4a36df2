#include "lib/frontier/host.h"

#include <errno.h>

int
hosts_init(struct hosts *hosts)
{
	*hosts = (struct hosts){ .buffered = 0 };
	heap_init(&hosts->ready);
	return table_init(&hosts->all);
}

static void
host_release(struct host *host)
{
	while (host->errands != NULL) {
		struct errand *errand = host->errands;

		host->errands = errand->next;
		free(errand);
	}
	maps_fini(&host->maps);
	free(host->buffer);
	free(host);
}

static struct host *
host_of_id(const struct table_node *node)
{
	return node != NULL ? OWNER_OF(node, struct host, by_id) : NULL;
}

struct host *
hosts_each(const struct hosts *hosts, const struct host *host)
{
	return host_of_id(
	    table_each(&hosts->all, host != NULL ? &host->by_id : NULL));
}

void
hosts_fini(struct hosts *hosts)
{
	struct host *host = hosts_each(hosts, NULL), *next;

	for (; host != NULL; host = next) {
		next = hosts_each(hosts, host);
		host_release(host);
	}
	heap_fini(&hosts->ready);
	table_fini(&hosts->all);
}

struct host *
host_find(const struct hosts *hosts, uint64_t site64)
{
	return host_of_id(table_find(&hosts->all, site64));
}

struct host *
host_new(struct hosts *hosts, uint64_t site64, struct span name)
{
	struct host *host;

	if (name.len > HOST_ORIGIN_MAX ||
	    heap_reserve(&hosts->ready, hosts->all.n + 1) < 0)
		return NULL;
	host = calloc(1, sizeof(*host) + name.len);
	if (host == NULL)
		return NULL;
	host->site64 = site64;
	host->cursor = PLACE_NONE;
	host->since_ms = -1;
	host->name_len = (uint16_t)name.len;
	if (name.len > 0)
		memcpy(host->name, name.ptr, name.len);
	polite_init(&host->polite, NULL);
	table_add(&hosts->all, &host->by_id, site64);
	return host;
}

static void
host_drop_buffer(struct hosts *hosts, struct host *host)
{
	if (host->buffer == NULL)
		return;
	hosts->buffered -= host->buffer->room;
	free(host->buffer);
	host->buffer = NULL;
}

void
host_free(struct hosts *hosts, struct host *host)
{
	must(host->leases == NULL && host->errands == NULL && !host->changed);
	must(host->address == NULL && host->spot.line == NULL &&
	     host->server == NULL);
	table_remove(&hosts->all, &host->by_id);
	heap_drop(&hosts->ready, &host->node);
	host_drop_buffer(hosts, host);
	host_release(host);
}

void
host_changed(struct hosts *hosts, struct host *host)
{
	if (host->changed)
		return;
	host->changed = true;
	host->next_changed = hosts->changed;
	hosts->changed = host;
}

bool
host_has_urls(const struct host *host)
{
	return host->back != NULL || host->buffer != NULL ||
	       host->cursor != PLACE_NONE;
}

bool
host_is_idle(const struct host *host)
{
	return !host_has_urls(host) && host->leases == NULL &&
	       host->errands == NULL && maps_are_none(&host->maps) &&
	       !(host_is_parked(host) && host->queued > 0) &&
	       host->rulebook.state != RULEBOOK_ASKED &&
	       host->rulebook.state != RULEBOOK_RENEWING;
}

/* --- the head of its queue ----------------------------------------------- */

/* Room for one more URL in the buffer; false: there is none. */
static bool
host_buffer_room(struct hosts *hosts, struct host *host)
{
	struct host_buffer *buffer = host->buffer;
	size_t had = buffer ? buffer->room : 0, room = had ? had * 2 : 2;

	if (buffer != NULL && buffer->n < had)
		return true;
	if (had == HOST_BUFFER)
		return false;
	buffer = realloc(buffer,
	    sizeof(*buffer) + room * sizeof(buffer->urls[0]));
	if (buffer == NULL)
		return false;
	if (had == 0)
		buffer->n = 0;
	buffer->room = (uint16_t)room;
	host->buffer = buffer;
	hosts->buffered += room - had;
	return true;
}

void
host_queue_add(struct hosts *hosts, struct host *host, uint64_t place,
    uint64_t url64)
{
	struct host_buffer *buffer;
	bool room;
	size_t i;

	if (place >= host->cursor)
		return; /* the refill will come to it */
	room = !hosts_are_many(hosts) && host_buffer_room(hosts, host);
	buffer = host->buffer;
	if (buffer == NULL) {
		host->cursor = place;
		return;
	}
	for (i = buffer->n; i > 0 && buffer->urls[i - 1].place > place; i--)
		;
	if (!room && buffer->n == buffer->room) {
		/* The last one is left to the store. */
		if (i == buffer->n) {
			host->cursor = place;
			return;
		}
		host->cursor = buffer->urls[--buffer->n].place;
	}
	memmove(&buffer->urls[i + 1], &buffer->urls[i],
	    (buffer->n - i) * sizeof(buffer->urls[0]));
	buffer->urls[i] = (struct queued_url){ place, url64 };
	buffer->n++;
}

int
host_queue_append(struct hosts *hosts, struct host *host, uint64_t place,
    uint64_t url64)
{
	bool first = host->buffer == NULL;
	struct host_buffer *buffer;

	if ((!first && hosts_are_many(hosts)) ||
	    !host_buffer_room(hosts, host)) {
		if (first)
			return -ENOMEM;
		host->cursor = place;
		return 0;
	}
	buffer = host->buffer;
	buffer->urls[buffer->n++] = (struct queued_url){ place, url64 };
	return 1;
}

bool
host_queue_pop(struct hosts *hosts, struct host *host, struct queued_url *out)
{
	struct host_buffer *buffer = host->buffer;

	if (buffer == NULL)
		return false;
	*out = buffer->urls[0];
	if (--buffer->n == 0)
		host_drop_buffer(hosts, host);
	else
		memmove(&buffer->urls[0], &buffer->urls[1],
		    buffer->n * sizeof(buffer->urls[0]));
	return true;
}

uint64_t
host_queue_head(const struct host *host)
{
	uint64_t head = host->cursor;

	if (host->buffer != NULL && host->buffer->urls[0].place < head)
		head = host->buffer->urls[0].place;
	for (const struct lease *l = host->leases; l != NULL; l = l->next) {
		if (l->kind == ORDER_PAGE && l->state != LEASE_SETTLED &&
		    l->place < head)
			head = l->place;
	}
	return head;
}

/* --- leases and errands -------------------------------------------------- */

void
host_lease_link(struct host *host, struct lease *lease)
{
	lease->host = host;
	lease->previous = NULL;
	lease->next = host->leases;
	if (lease->next != NULL)
		lease->next->previous = lease;
	host->leases = lease;
}

void
host_lease_unlink(struct lease *lease)
{
	if (lease->previous != NULL)
		lease->previous->next = lease->next;
	else
		lease->host->leases = lease->next;
	if (lease->next != NULL)
		lease->next->previous = lease->previous;
}

int
host_errand_add(struct host *host, const struct errand *like, struct span url,
    bool in_front)
{
	struct errand *errand = malloc(sizeof(*errand) + url.len);
	struct errand **at = &host->errands;

	if (errand == NULL)
		return -ENOMEM;
	*errand = *like;
	errand->len = url.len;
	memcpy(errand->url, url.ptr, url.len);
	while (!in_front && *at != NULL)
		at = &(*at)->next;
	errand->next = *at;
	*at = errand;
	return 0;
}

/* --- its row ------------------------------------------------------------- */

void
host_to_row(const struct host *host, struct host_row *row)
{
	const struct pace *pace = host->polite.pace;

	*row = (struct host_row){
		.admitted = host->admitted,
		.queued = host->queued,
		.fetched = host->fetched,
		.head = host_queue_head(host),
		.bytes = host->bytes,
		.errors = host->errors,
		.since_ms = host->since_ms,
		.sitemaps = host->sitemaps,
		.next_ms = pace->next_ms,
		.blocked_ms = pace->blocked_ms,
		.trouble_ms = host->polite.trouble_ms,
		.first_fail_ms = host->polite.first_fail_ms,
		.fails = host->polite.fails,
		.backoffs = pace->backoffs,
		.down = host->polite.down,
		.crawl_delay_ms = host->polite.crawl_delay_ms,
		.response_ms = pace->response_ms,
		.blocked_by = pace->blocked_by,
		.trouble_by = host->polite.trouble_by,
		.ip = host->ip,
		.robots = rulebook_at_rest(&host->rulebook),
		.robots_block = host->rulebook.block,
		.robots_fails = host->rulebook.fails,
		.robots_since_ms = host->rulebook.since_ms,
		.robots_at_ms = host->rulebook.local ? 0 : host->rulebook.at_ms,
		.name = host_name(host),
	};
}

void
host_from_row(struct host *host, const struct host_row *row)
{
	host->admitted = row->admitted;
	host->queued = row->queued;
	host->fetched = row->fetched;
	host->cursor = row->head;
	host->bytes = row->bytes;
	host->errors = row->errors;
	host->since_ms = row->since_ms;
	host->sitemaps = row->sitemaps;
	host->polite.trouble_ms = row->trouble_ms;
	host->polite.first_fail_ms = row->first_fail_ms;
	host->polite.fails = row->fails;
	host->polite.down = row->down;
	host->polite.crawl_delay_ms = row->crawl_delay_ms;
	host->polite.trouble_by = row->trouble_by;
	host->ip = row->ip;
	/* A state that there is not was written by a disk: ask again. */
	if (row->robots < RULEBOOK_STATES) {
		host->rulebook.state = row->robots;
		host->rulebook.block = row->robots_block;
	}
	host->rulebook.fails = row->robots_fails;
	host->rulebook.since_ms = row->robots_since_ms;
	host->rulebook.at_ms = row->robots_at_ms;
}
