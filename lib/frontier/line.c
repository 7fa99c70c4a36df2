#include "lib/frontier/line.h"

#include "lib/base/span.h"

static bool
has_room(const struct line *line, uint32_t most)
{
	return most == 0 || line->slots < most;
}

/* Into the heap when something is to happen at its next moment. */
static void
place(struct line *line)
{
	bool is_waited_for = line->first != NULL &&
			     has_room(line, line->first->most);

	if (is_waited_for || (line->holders == 0 && line->slots == 0))
		heap_set(line->heap, &line->node, line->due_ms);
	else
		heap_drop(line->heap, &line->node);
}

bool
line_is_ready(const struct line *line, uint32_t most, int64_t now_ms)
{
	return line->due_ms <= now_ms && has_room(line, most);
}

void
line_not_before(struct line *line, int64_t due_ms)
{
	if (due_ms > line->due_ms)
		line->due_ms = due_ms;
	place(line);
}

void
line_take(struct line *line)
{
	line->slots++;
	place(line);
}

void
line_give(struct line *line)
{
	must(line->slots > 0);
	line->slots--;
	place(line);
}

void
line_hold(struct line *line)
{
	line->holders++;
	place(line);
}

void
line_release(struct line *line)
{
	must(line->holders > 0);
	line->holders--;
	place(line);
}

void
line_join(struct line *line, struct line_spot *spot, uint32_t most)
{
	must(spot->line == NULL);
	*spot = (struct line_spot){
		.line = line,
		.previous = line->last,
		.most = most,
	};
	if (line->last != NULL)
		line->last->next = spot;
	else
		line->first = spot;
	line->last = spot;
	place(line);
}

void
line_rejoin(struct line *line, struct line_spot *spot, uint32_t most)
{
	must(spot->line == NULL);
	*spot = (struct line_spot){
		.line = line,
		.next = line->first,
		.most = most,
	};
	if (line->first != NULL)
		line->first->previous = spot;
	else
		line->last = spot;
	line->first = spot;
	place(line);
}

void
line_leave(struct line_spot *spot)
{
	struct line *line = spot->line;

	if (line == NULL)
		return;
	if (spot->previous != NULL)
		spot->previous->next = spot->next;
	else
		line->first = spot->next;
	if (spot->next != NULL)
		spot->next->previous = spot->previous;
	else
		line->last = spot->previous;
	*spot = (struct line_spot){ .line = NULL };
	place(line);
}

struct line *
lines_first(const struct heap *heap, int64_t now_ms)
{
	struct heap_node *node = heap_first(heap);

	if (node == NULL || node->due_ms > now_ms)
		return NULL;
	return OWNER_OF(node, struct line, node);
}

int64_t
lines_due_ms(const struct heap *heap)
{
	const struct heap_node *node = heap_first(heap);

	return node != NULL ? node->due_ms : INT64_MAX;
}
