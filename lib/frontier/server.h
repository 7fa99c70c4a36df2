/*
 * server - what the origins of one host name share.
 *
 * http://h, https://h and http://h:8080 are one machine, as far as anybody can
 * tell from outside: they have one pace, one set of slots and one budget.  Of
 * their own are their queues, their robots.txt and whether they can be
 * reached (host.h).
 *
 * One is in memory while one of its origins is.  What it knows lies in their
 * rows, and is put together from them (frontier_server.c).
 */
#ifndef LIB_FRONTIER_SERVER_H
#define LIB_FRONTIER_SERVER_H

#include <stdint.h>

#include "lib/base/span.h"
#include "lib/base/table.h"
#include "lib/frontier/budget.h"
#include "lib/frontier/line.h"
#include "lib/frontier/politeness.h"

struct host;

struct server {
	struct table_node by_name; /* name64 */
	uint64_t name64;
	struct host *origins; /* in memory, by .next_origin */
	struct pace pace;
	/* Its origins that are due by themselves; the clock is the pace's. */
	struct line line;
	/* Of all its origins, in memory or not. */
	uint64_t fetched, bytes, errors;
	int64_t since_ms; /* the crawl's open time at its first page; -1 */
	uint32_t fetches; /* leases of pages that are to be fetched */
	/* Of all its origins, too: a section may name a port, and of budgets
	 * that differ the smallest counts. */
	struct budgets limits;
	enum budget spent; /* it used that up: it is parked */
};

struct servers {
	struct table all;
	struct heap due;
};

/* The host name of an origin, and its hash. */
struct span server_name(struct span origin);
uint64_t server_name64(struct span origin);

/* 0 or -ENOMEM. */
MUST_USE int servers_init(struct servers *servers);
void servers_fini(struct servers *servers);

/* NULL: it is not in memory. */
struct server *server_find(const struct servers *servers, uint64_t name64);
/* Without origins; must not be there yet.  NULL: no memory. */
struct server *server_new(struct servers *servers, uint64_t name64);
/* It has no origins. */
void server_free(struct servers *servers, struct server *server);

/* An origin comes into memory, and goes; with the last one it is freed. */
void server_join(struct server *server, struct host *origin);
void server_part(struct servers *servers, struct host *origin);

/* The pace has changed: its line goes by it. */
void server_keep_pace(struct server *server);

#endif
