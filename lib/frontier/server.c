#include "lib/frontier/server.h"

#include <errno.h>
#include <xxhash.h>

#include "lib/frontier/host.h"

enum {
	SERVERS_START = 256
};

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

int
servers_init(struct servers *servers)
{
	*servers = (struct servers){ .mask = SERVERS_START - 1 };
	heap_init(&servers->due);
	servers->slots = calloc(SERVERS_START, sizeof(struct server *));
	return servers->slots == NULL ? -ENOMEM : 0;
}

void
servers_fini(struct servers *servers)
{
	if (servers == NULL || servers->slots == NULL)
		return;
	for (size_t i = 0; i <= servers->mask; i++) {
		struct server *server = servers->slots[i], *chain;

		for (; server != NULL; server = chain) {
			chain = server->chain;
			free(server);
		}
	}
	heap_fini(&servers->due);
	free(servers->slots);
	servers->slots = NULL;
}

static struct server **
slot_of(const struct servers *servers, uint64_t name64)
{
	return &servers->slots[name64 & servers->mask];
}

struct server *
server_find(const struct servers *servers, uint64_t name64)
{
	struct server *server = *slot_of(servers, name64);

	while (server != NULL && server->name64 != name64)
		server = server->chain;
	return server;
}

/* Longer chains are slow, not wrong: no memory is no error. */
static void
grow(struct servers *servers)
{
	struct servers larger = { .mask = servers->mask * 2 + 1 };

	larger.slots = calloc(larger.mask + 1, sizeof(struct server *));
	if (larger.slots == NULL)
		return;
	for (size_t i = 0; i <= servers->mask; i++) {
		struct server *server = servers->slots[i], *chain;

		for (; server != NULL; server = chain) {
			struct server **slot = slot_of(&larger, server->name64);

			chain = server->chain;
			server->chain = *slot;
			*slot = server;
		}
	}
	free(servers->slots);
	servers->slots = larger.slots;
	servers->mask = larger.mask;
}

struct server *
server_new(struct servers *servers, uint64_t name64)
{
	struct server *server, **slot;

	if (heap_reserve(&servers->due, servers->n + 1) < 0)
		return NULL;
	server = calloc(1, sizeof(*server));
	if (server == NULL)
		return NULL;
	if (servers->n > servers->mask)
		grow(servers);
	server->name64 = name64;
	server->since_ms = -1;
	server->line.heap = &servers->due;
	pace_init(&server->pace, name64);
	slot = slot_of(servers, name64);
	server->chain = *slot;
	*slot = server;
	servers->n++;
	return server;
}

void
server_free(struct servers *servers, struct server *server)
{
	struct server **slot = slot_of(servers, server->name64);

	must(server->origins == NULL && server->line.first == NULL &&
	     server->line.slots == 0);
	while (*slot != server)
		slot = &(*slot)->chain;
	*slot = server->chain;
	servers->n--;
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
