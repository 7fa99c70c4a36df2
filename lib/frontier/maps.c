#include "lib/frontier/maps.h"

#include <errno.h>

static void
list_free(struct map *map)
{
	while (map != NULL) {
		struct map *next = map->next;

		free(map);
		map = next;
	}
}

void
maps_fini(struct maps *maps)
{
	list_free(maps->first);
	list_free(maps->waiting);
	*maps = (struct maps){ .first = NULL };
}

int
maps_add(struct maps *maps, const struct map *like, bool in_front)
{
	struct map *map = malloc(sizeof(*map)), **at = &maps->waiting;

	if (map == NULL)
		return -ENOMEM;
	*map = *like;
	if (in_front || map->due_ms == 0) {
		map->due_ms = 0;
		map->next = in_front ? maps->first : NULL;
		if (in_front || maps->first == NULL)
			maps->first = map;
		else
			maps->last->next = map;
		if (map->next == NULL)
			maps->last = map;
		return 0;
	}
	while (*at != NULL && (*at)->due_ms <= map->due_ms)
		at = &(*at)->next;
	map->next = *at;
	*at = map;
	return 0;
}

int64_t
maps_due_ms(const struct maps *maps)
{
	if (maps->out || maps_are_none(maps))
		return INT64_MAX;
	return maps->first != NULL ? 0 : maps->waiting->due_ms;
}

bool
maps_take(struct maps *maps, int64_t now_ms, struct map *out)
{
	struct map *map = maps->waiting;

	if (map != NULL && map->due_ms <= now_ms) {
		maps->waiting = map->next;
	} else {
		map = maps->first;
		if (map == NULL)
			return false;
		maps->first = map->next;
	}
	*out = *map;
	out->next = NULL;
	free(map);
	return true;
}

static bool
list_remove(struct map **at, uint64_t url64, uint64_t asker64)
{
	for (; *at != NULL; at = &(*at)->next) {
		struct map *map = *at;

		if (map->url64 != url64 || map->asker64 != asker64)
			continue;
		*at = map->next;
		free(map);
		return true;
	}
	return false;
}

bool
maps_remove(struct maps *maps, uint64_t url64, uint64_t asker64)
{
	if (list_remove(&maps->waiting, url64, asker64))
		return true;
	if (!list_remove(&maps->first, url64, asker64))
		return false;
	for (maps->last = maps->first;
	     maps->last != NULL && maps->last->next != NULL;
	     maps->last = maps->last->next)
		;
	return true;
}
