/*
 * host - the origins that have something to do, each with the head of its
 * queue.
 *
 * One is "https://example.org:8443", known by the hash of that; with the other
 * origins of its host name it shares a server, whose clock it goes by.  Its URLs
 * lie in the store; here are a few of them, in order, and the place behind
 * which the store must be read.  A host with nothing to do is not kept: its
 * row in the store has all of it.
 */
#ifndef LIB_FRONTIER_HOST_H
#define LIB_FRONTIER_HOST_H

#include <stdint.h>

#include "lib/base/span.h"
#include "lib/base/table.h"
#include "lib/frontier/address.h"
#include "lib/frontier/heap.h"
#include "lib/frontier/lease.h"
#include "lib/frontier/maps.h"
#include "lib/frontier/politeness.h"
#include "lib/frontier/rows.h"
#include "lib/frontier/rulebook.h"
#include "lib/frontier/server.h"
#include "lib/message/order.h"

enum {
	HOST_BUFFER = 16,
	/* URLs in all buffers together, 32 MB: full ones for 100,000 hosts that
	 * are busy at once.  Beyond it each order reads the store. */
	HOST_BUFFERED_MAX = 2000000,
	HOST_ORIGIN_MAX = 512, /* https:// + the longest name of DNS + port */
};

struct queued_url {
	uint64_t place;
	uint64_t url64;
};

struct host_buffer {
	uint16_t n;
	uint16_t room; /* up to HOST_BUFFER: most hosts have a URL or two */
	struct queued_url urls[]; /* by place, the first first */
};

/* A request for a robots.txt that waits for this host's clock. */
struct errand {
	struct errand *next;
	uint64_t for_site64;
	uint16_t hops;
	uint8_t attempts, is_short;
	size_t len;
	char url[];
};

struct host {
	struct table_node by_id; /* site64 */
	uint64_t site64;
	/* Of config_host(), for its name; whoever makes a host sets it. */
	const struct config_host *config;
	struct server *server; /* whoever makes a host joins it to that */
	struct host *next_origin, *previous_origin; /* of the server */
	/* When it has something to do it is in hosts->ready until it is due by
	 * itself, and then in its server's line, or its address's.  ip: of the
	 * last fetch; address: its clock, held; NULL: not known, or none. */
	struct heap_node node;
	struct line_spot spot;
	struct address_ip ip;
	struct address *address;
	struct host *next_changed;
	struct lease *leases;
	struct lease *back; /* come back: before all others */
	struct errand *errands;
	struct maps maps;           /* sitemaps that lie here */
	struct host_buffer *buffer; /* NULL: empty */
	/* Every place before it is in the buffer, leased or gone. */
	uint64_t cursor;
	uint64_t admitted, fetched;
	uint64_t queued; /* not ended, leased ones and waiting ones included */
	uint64_t bytes, errors;
	int64_t since_ms;  /* as of the server */
	uint32_t sitemaps; /* found for this site, wherever they lie */
	struct polite polite;
	struct rulebook rulebook;
	uint32_t slots; /* fetches under way, robots.txt included */
	bool changed;   /* its row is to be written by the commit */
	bool listed;    /* its server finds its row (STORE_NAMES) */
	bool blocked;   /* a person has closed it */
	uint16_t name_len;
	char name[];
};

struct hosts {
	struct table all;
	size_t buffered; /* room in all buffers */
	struct heap ready;
	struct host *changed;
};

MUST_USE int hosts_init(struct hosts *hosts);
void hosts_fini(struct hosts *hosts);

struct host *host_find(const struct hosts *hosts, uint64_t site64);
/* Each once, in no order: the one after `host`, from NULL to NULL; the one
 * before may have been freed. */
struct host *hosts_each(const struct hosts *hosts, const struct host *host);
/* With nothing queued, and of no server; must not be there yet.  NULL: no memory. */
struct host *host_new(struct hosts *hosts, uint64_t site64, struct span name);
/* It has no leases and no errands, and has let go of its address and its
 * server. */
void host_free(struct hosts *hosts, struct host *host);

static inline struct host *
host_of_node(struct heap_node *node)
{
	return OWNER_OF(node, struct host, node);
}

static inline struct span
host_name(const struct host *host)
{
	return (struct span){ host->name, host->name_len };
}

static inline struct host *
host_of_spot(struct line_spot *spot)
{
	return OWNER_OF(spot, struct host, spot);
}

static inline bool
host_is_parked(const struct host *host)
{
	return host->server->spent != BUDGET_NONE;
}

/* Its row must be written. */
void host_changed(struct hosts *hosts, struct host *host);

/* Is there, or may there be in the store, a URL to hand out now? */
bool host_has_urls(const struct host *host);
/* Nothing that its row could not bring back. */
bool host_is_idle(const struct host *host);

/* A row was put into the queue. */
void host_queue_add(struct hosts *hosts, struct host *host, uint64_t place,
    uint64_t url64);
/* Read from the store, in order, behind all that is in the buffer.
 * 1; 0 the buffer is full, the cursor is at this place (one URL fills it when
 * hosts_are_many()); -ENOMEM. */
MUST_USE int host_queue_append(struct hosts *hosts, struct host *host,
    uint64_t place, uint64_t url64);
/* The first of the buffer.  False: empty. */
bool host_queue_pop(struct hosts *hosts, struct host *host,
    struct queued_url *out);
static inline bool
hosts_are_many(const struct hosts *hosts)
{
	return hosts->buffered >= HOST_BUFFERED_MAX;
}

/* No row that will be left after the commit lies before this place. */
uint64_t host_queue_head(const struct host *host);

void host_lease_link(struct host *host, struct lease *lease);
void host_lease_unlink(struct lease *lease);

/* At the end, or in front.  0 or -ENOMEM. */
MUST_USE int host_errand_add(struct host *host, const struct errand *like,
    struct span url, bool in_front);

void host_to_row(const struct host *host, struct host_row *row);
void host_from_row(struct host *host, const struct host_row *row);

#endif
