#include "lib/frontier/server.h"

#include <xxhash.h>

#include "lib/frontier/host.h"

struct span
server_name(struct span origin)
{
	uint16_t port;

	return config_host_name(origin, &port);
}

uint64_t
server_name64(struct span origin)
{
	struct span name = server_name(origin);

	return XXH3_64bits(name.ptr, name.len);
}

/* --- the table ----------------------------------------------------------- */

static struct server *
server_of(const struct table_node *node)
{
	return node != NULL ? OWNER_OF(node, struct server, by_name) : NULL;
}

int
servers_init(struct servers *servers)
{
	heap_init(&servers->due);
	return table_init(&servers->all);
}

void
servers_fini(struct servers *servers)
{
	struct table_node *node = table_each(&servers->all, NULL), *next;

	for (; node != NULL; node = next) {
		next = table_each(&servers->all, node);
		free(server_of(node));
	}
	heap_fini(&servers->due);
	table_fini(&servers->all);
}

struct server *
server_find(const struct servers *servers, uint64_t name64)
{
	return server_of(table_find(&servers->all, name64));
}

struct server *
server_new(struct servers *servers, uint64_t name64)
{
	struct server *server;

	if (heap_reserve(&servers->due, servers->all.n + 1) < 0)
		return NULL;
	server = calloc(1, sizeof(*server));
	if (server == NULL)
		return NULL;
	server->name64 = name64;
	server->since_ms = -1;
	server->line.heap = &servers->due;
	pace_init(&server->pace, name64);
	table_add(&servers->all, &server->by_name, name64);
	return server;
}

void
server_free(struct servers *servers, struct server *server)
{
	must(server->origins == NULL && server->line.first == NULL &&
	     server->line.slots == 0);
	table_remove(&servers->all, &server->by_name);
	heap_drop(&servers->due, &server->line.node);
	free(server);
}

/* --- its origins --------------------------------------------------------- */

void
server_join(struct server *server, struct host *origin)
{
	origin->server = server;
	origin->polite.pace = &server->pace;
	origin->previous_origin = NULL;
	origin->next_origin = server->origins;
	if (server->origins != NULL)
		server->origins->previous_origin = origin;
	server->origins = origin;
	line_hold(&server->line);
}

void
server_part(struct servers *servers, struct host *origin)
{
	struct server *server = origin->server;

	if (origin->previous_origin != NULL)
		origin->previous_origin->next_origin = origin->next_origin;
	else
		server->origins = origin->next_origin;
	if (origin->next_origin != NULL)
		origin->next_origin->previous_origin = origin->previous_origin;
	origin->server = NULL;
	origin->polite.pace = NULL;
	line_release(&server->line);
	if (server->origins == NULL)
		server_free(servers, server);
}

void
server_keep_pace(struct server *server)
{
	line_not_before(&server->line, pace_ready_ms(&server->pace));
}
