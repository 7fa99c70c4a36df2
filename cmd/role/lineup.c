#include "cmd/role/lineup.h"

#include <errno.h>
#include <stdlib.h>

int
lineup_init(struct lineup *lineup, uint32_t cells)
{
	*lineup = (struct lineup){ .size = cells,
		.cells = calloc(cells, sizeof(*lineup->cells)) };
	return lineup->cells ? 0 : -ENOMEM;
}

void
lineup_fini(struct lineup *lineup)
{
	if (lineup == NULL)
		return;
	free(lineup->cells);
	*lineup = (struct lineup){ 0 };
}

void
lineup_start(struct lineup *lineup, uint64_t next)
{
	lineup->next = next;
}

int
lineup_put(struct lineup *lineup, uint64_t seq, uint32_t cell)
{
	uint32_t *at = &lineup->cells[seq % lineup->size];

	if (seq < lineup->next || seq - lineup->next >= lineup->size ||
	    *at != 0)
		return -EBADMSG;
	*at = cell + 1;
	lineup->count++;
	return 0;
}

bool
lineup_take(struct lineup *lineup, uint32_t *cell)
{
	uint32_t *at = &lineup->cells[lineup->next % lineup->size];

	if (*at == 0)
		return false;
	*cell = *at - 1;
	*at = 0;
	lineup->next++;
	lineup->count--;
	return true;
}

bool
lineup_ready(const struct lineup *lineup)
{
	return lineup->cells[lineup->next % lineup->size] != 0;
}

uint64_t
lineup_count(const struct lineup *lineup)
{
	return lineup->count;
}
