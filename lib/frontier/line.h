/*
 * line - what several hosts share, and those who stand in line for it.
 *
 * A line has a clock and slots: a request may leave when the clock has come to
 * .due_ms and a slot is free.  Who must wait for that joins the line, first
 * come, first served, and is looked at no more until its turn: of ten thousand
 * hosts in one line only the line is in its owner's heap.
 *
 * Pure: time is passed in, hosts are known by the spot that they stand on.
 */
#ifndef LIB_FRONTIER_LINE_H
#define LIB_FRONTIER_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/frontier/heap.h"

struct line_spot {
	struct line_spot *previous, *next;
	struct line *line; /* NULL: it is in none */
	uint32_t most;     /* slots of the line that it may be one of */
};

struct line {
	struct heap *heap; /* its owner's, which has room for it */
	/* In the heap when somebody's turn may come, or nobody is left. */
	struct heap_node node;
	struct line_spot *first, *last;
	int64_t due_ms;
	uint32_t slots;   /* requests under way */
	uint32_t holders; /* hosts that point here; requests do by .slots */
};

/* 0 of `most`: no limit. */
bool line_is_ready(const struct line *line, uint32_t most, int64_t now_ms);

/* Its clock: never back. */
void line_not_before(struct line *line, int64_t due_ms);
/* A request leaves; one has ended. */
void line_take(struct line *line);
void line_give(struct line *line);

void line_hold(struct line *line);
void line_release(struct line *line);

/* Last in the line; first, for who had its turn there and could not use it;
 * out of the one where it is, if it is in any. */
void line_join(struct line *line, struct line_spot *spot, uint32_t most);
void line_rejoin(struct line *line, struct line_spot *spot, uint32_t most);
void line_leave(struct line_spot *spot);

/* The first line of a heap whose time has come: with somebody whose turn it is,
 * or with nobody at all and to be forgotten.  NULL: none. */
struct line *lines_first(const struct heap *heap, int64_t now_ms);
/* When there may be one; INT64_MAX: a request must end first. */
int64_t lines_due_ms(const struct heap *heap);

#endif
