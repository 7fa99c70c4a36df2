/*
 * fixture - a conveyor with the queues of a crawl, for the tests of ipc/.
 */
#ifndef TESTS_IPC_FIXTURE_H
#define TESTS_IPC_FIXTURE_H

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ipc/conveyor_impl.h"
#include "ipc/gate_impl.h"
#include "ipc/roster.h"
#include "tests/harness.h"

enum {
	Q_FREE,
	Q_ORDERS,
	Q_PAGES,
	Q_RECORDS,
	Q_SETTLED,
	Q_DEAD,
	Q_COUNT
};

static const uint8_t crawl_id[16] = "a crawl's number";

/* clang-format off */
static const struct conveyor_gates gates = { {
	[Q_FREE] = Q_FREE, [Q_ORDERS] = Q_ORDERS, [Q_PAGES] = Q_PAGES,
	[Q_RECORDS] = Q_RECORDS, [Q_SETTLED] = Q_SETTLED,
	[Q_DEAD] = Q_RECORDS,
} };

static const struct conveyor_routes routes = { .queue = {
	[Q_FREE]    = { Q_FREE,    0 },
	[Q_ORDERS]  = { Q_SETTLED, 3, Q_DEAD },
	[Q_PAGES]   = { Q_PAGES,   3, Q_DEAD },
	[Q_RECORDS] = { Q_RECORDS, 3, Q_DEAD },
	[Q_SETTLED] = { Q_SETTLED, 0 },
	[Q_DEAD]    = { Q_DEAD,    0 },
} };
/* clang-format on */

static inline struct conveyor_shape
fixture_shape(uint32_t cells)
{
	return (struct conveyor_shape){ .cells = cells,
		.queues = Q_COUNT,
		.bound_slots = 4,
		.order_size = 64,
		.capture_size = 128,
		.inline_size = 64,
		.body_size = 4 * CONVEYOR_STEP,
		.output_size = 2 * CONVEYOR_STEP,
		.version = 7 };
}

/* As the supervisor; *name is removed by the harness. */
static inline struct conveyor *
fixture_new(uint32_t cells, const char **name)
{
	struct conveyor_shape shape = fixture_shape(cells);
	const char *unique = test_unique_name();
	struct conveyor *cv = NULL;
	uint64_t need;

	ck_assert_int_eq(conveyor_create(unique, &shape, crawl_id, Q_FREE,
			     &gates, &cv, &need),
	    0);
	if (name != NULL)
		*name = unique;
	return cv;
}

static inline int
fixture_attach(const char *name, uint32_t cells, struct conveyor **out)
{
	struct conveyor_shape shape = fixture_shape(cells);

	return conveyor_attach(name, &shape, crawl_id, &gates, &routes,
	    Q_SETTLED, out);
}

/* The same segment, as worker `me`. */
static inline struct conveyor *
worker(const struct conveyor *cv, uint8_t me)
{
	struct conveyor *view;

	ck_assert_int_eq(conveyor_clone(cv, me, &view), 0);
	return view;
}

static inline uint32_t
pop(struct conveyor *cv, uint8_t queue)
{
	uint32_t cell;

	ck_assert_int_eq(conveyor_pop(cv, queue, &cell), 1);
	return cell;
}

static inline void
push(struct conveyor *cv, uint8_t queue, uint32_t cell)
{
	ck_assert_int_eq(conveyor_push(cv, queue, cell), 0);
}

/* A cell that `cv` holds from `queue`. */
static inline uint32_t
hold_from(struct conveyor *cv, uint8_t queue)
{
	uint32_t cell = pop(cv, Q_FREE);

	if (queue == Q_FREE)
		return cell;
	push(cv, queue, cell);
	ck_assert_uint_eq(pop(cv, queue), cell);
	return cell;
}

static inline void
ck_empty(struct conveyor *cv, uint8_t queue)
{
	uint32_t cell;

	ck_assert_int_eq(conveyor_pop(cv, queue, &cell), 0);
}

/* Whatever a test did: every cell is in exactly one place. */
static inline void
ck_sound(struct conveyor *cv)
{
	char why[128] = "";

	ck_assert_msg(conveyor_check(cv, why, sizeof(why)) == 0, "%s", why);
}

static inline void
ck_word(const struct conveyor *cv, uint32_t cell, int state, int queue,
    int owner)
{
	struct cell_word w = conveyor_word(cv, cell);

	ck_assert_int_eq(w.state, state);
	ck_assert_int_eq(w.queue, queue);
	ck_assert_int_eq(w.owner, owner);
}

static inline int
credit(const struct conveyor *cv, uint8_t queue)
{
	int value;

	ck_assert_int_eq(sem_getvalue(cv->sems[queue], &value), 0);
	return value;
}

static inline int64_t
clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline void
ck_child_ok(pid_t child)
{
	int status;

	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	    "child: status %#x", (unsigned)status);
}

#endif
