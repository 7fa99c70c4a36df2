#include "cmd/supervisor/watchdog.h"

#include "tests/harness.h"

enum {
	STALL_MS = 60000,
	WALL_MS = 30000,
	CPU_MS = 15000,
	TOTAL_MS = 120000,
	COMMIT_MS = 200,
	LOOK_MS = WATCHDOG_LOOK_MS
};

static const struct config settings = { .parse_cpu_hard_ms = CPU_MS - 5000,
	.parse_wall_ms = WALL_MS,
	.stall_timeout_ms = STALL_MS,
	.total_timeout_ms = TOTAL_MS,
	.commit_interval_ms = COMMIT_MS };

/* What changes in a worker with each look. */
enum habit {
	BEATS = 1 << 0,
	ACTS = 1 << 1, /* events */
	HAS_PAGE = 1 << 2,
	TURNS = 1 << 3, /* a page after the other */
	COMPUTES = 1 << 4,
	SAYS_WAITS = 1 << 5,
	HAS_QUEUE = 1 << 6,
	IN_DISK = 1 << 7, /* uninterrupted */
	HOLDS = 1 << 8,   /* one cell, all the time */
	LIVES = BEATS | ACTS
};

struct rig {
	struct watchdog dog;
	struct watchdog_deadlines deadlines;
	struct watchdog_facts facts;
	int64_t now_ms, held_ms;
};

static struct rig
rig_of(enum role_id role)
{
	return (struct rig){ .deadlines = watchdog_deadlines(role, &settings),
		.now_ms = 1000000 };
}

/* One look after another `every` ms; the time that passed until the verdict,
 * which is *verdict, or `most`. */
static int64_t
watch(struct rig *rig, unsigned habits, int64_t every, int64_t most,
    enum watchdog_verdict *verdict)
{
	int64_t start = rig->now_ms;

	do {
		struct watchdog_facts *f = &rig->facts;

		f->beat_ms += (habits & BEATS) != 0;
		f->events += (habits & ACTS) != 0;
		f->has_page = (habits & HAS_PAGE) != 0;
		f->turn += (habits & TURNS) != 0;
		f->cpu_ms += habits & COMPUTES ? every : 0;
		f->waits = (habits & SAYS_WAITS) != 0;
		f->queue_waits = (habits & HAS_QUEUE) != 0;
		f->uninterrupted = (habits & IN_DISK) != 0;
		rig->held_ms = habits & HOLDS ? rig->held_ms + every : 0;
		f->cell_ms = rig->held_ms;
		*verdict = watchdog_step(&rig->dog, &rig->deadlines, f,
		    rig->now_ms);
		if (*verdict != WATCHDOG_FINE)
			break;
		rig->now_ms += every;
	} while (rig->now_ms - start < most);
	return rig->now_ms - start;
}

#define DAY_MS (24 * 3600 * 1000LL)

START_TEST(watchdog_deadlines_are_those_of_the_table)
{
	/* clang-format off */
	static const struct {
		enum role_id role;
		unsigned habits;
		enum watchdog_verdict verdict; /* FINE: not in a day */
		int64_t after_ms;
	} cases[] = {
	/* Silence, whatever the reason. */
	{ ROLE_SCHEDULER, 0,                 WATCHDOG_SILENT, STALL_MS },
	{ ROLE_RECORDER,  0,                 WATCHDOG_SILENT, STALL_MS },
	{ ROLE_CRAWLER,   0,                 WATCHDOG_SILENT, STALL_MS },
	{ ROLE_PARSER,    0,                 WATCHDOG_SILENT, WALL_MS },
	{ ROLE_STREAMER,  0,                 WATCHDOG_FINE,   0 },
	/* Idle, and busy. */
	{ ROLE_SCHEDULER, BEATS,             WATCHDOG_FINE,   0 },
	{ ROLE_RECORDER,  BEATS,             WATCHDOG_FINE,   0 },
	{ ROLE_CRAWLER,   BEATS,             WATCHDOG_FINE,   0 },
	{ ROLE_PARSER,    BEATS,             WATCHDOG_FINE,   0 },
	{ ROLE_SCHEDULER, LIVES | HAS_QUEUE, WATCHDOG_FINE,   0 },
	{ ROLE_RECORDER,  LIVES | HAS_QUEUE, WATCHDOG_FINE,   0 },
	{ ROLE_RECORDER,  ACTS | HAS_QUEUE,  WATCHDOG_FINE,   0 },
	{ ROLE_PARSER,    ACTS | HAS_PAGE | TURNS | COMPUTES, WATCHDOG_FINE, 0 },
	/* One page. */
	{ ROLE_PARSER,    HAS_PAGE,          WATCHDOG_PAGE_WALL, WALL_MS },
	{ ROLE_PARSER,    LIVES | HAS_PAGE,  WATCHDOG_PAGE_WALL, WALL_MS },
	{ ROLE_PARSER,    HAS_PAGE | IN_DISK | SAYS_WAITS, WATCHDOG_PAGE_WALL, WALL_MS },
	{ ROLE_PARSER,    HAS_PAGE | COMPUTES, WATCHDOG_PAGE_CPU, CPU_MS },
	{ ROLE_CRAWLER,   BEATS | HAS_PAGE | COMPUTES, WATCHDOG_FINE, 0 },
	/* One cell. */
	{ ROLE_CRAWLER,   LIVES | HOLDS,     WATCHDOG_CELL, TOTAL_MS + STALL_MS / 2 },
	{ ROLE_RECORDER,  LIVES | HOLDS,     WATCHDOG_CELL, STALL_MS + 2 * COMMIT_MS },
	{ ROLE_SCHEDULER, LIVES | HOLDS,     WATCHDOG_CELL, STALL_MS + 2 * COMMIT_MS },
	{ ROLE_PARSER,    LIVES | HOLDS,     WATCHDOG_FINE,   0 },
	/* It beats, and takes nothing. */
	{ ROLE_RECORDER,  BEATS | HAS_QUEUE, WATCHDOG_QUEUE,  STALL_MS },
	{ ROLE_SCHEDULER, BEATS | HAS_QUEUE, WATCHDOG_QUEUE,  STALL_MS },
	{ ROLE_CRAWLER,   BEATS | HAS_QUEUE, WATCHDOG_FINE,   0 },
	/* It waits, and says so: for room, for the scheduler's cut. */
	{ ROLE_RECORDER,  BEATS | HAS_QUEUE | SAYS_WAITS, WATCHDOG_FINE, 0 },
	{ ROLE_SCHEDULER, BEATS | HAS_QUEUE | SAYS_WAITS, WATCHDOG_FINE, 0 },
	{ ROLE_SCHEDULER, LIVES | HOLDS | SAYS_WAITS, WATCHDOG_FINE, 0 },
	/* The store is opened or tidied: silent, and at work.  Not for ever. */
	{ ROLE_SCHEDULER, SAYS_WAITS,        WATCHDOG_SILENT, WATCHDOG_PATIENCE * STALL_MS },
	{ ROLE_SCHEDULER, COMPUTES,          WATCHDOG_SILENT, WATCHDOG_PATIENCE * STALL_MS },
	{ ROLE_RECORDER,  IN_DISK,           WATCHDOG_SILENT, WATCHDOG_PATIENCE * STALL_MS },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rig rig = rig_of(cases[i].role);
		enum watchdog_verdict verdict;
		int64_t took = watch(&rig, cases[i].habits, LOOK_MS, DAY_MS,
		    &verdict);

		ck_assert_msg(verdict == cases[i].verdict,
		    "case %zu: verdict %d after %lld ms", i, verdict,
		    (long long)took);
		if (verdict == WATCHDOG_FINE)
			continue;
		ck_assert_msg(took >= cases[i].after_ms &&
				  took <= cases[i].after_ms + 2 * LOOK_MS,
		    "case %zu: after %lld ms", i, (long long)took);
	}
}
END_TEST

START_TEST(watchdog_counts_anew_when_something_changes)
{
	struct rig rig = rig_of(ROLE_PARSER);
	enum watchdog_verdict verdict;

	for (int i = 0; i < 5; i++) {
		watch(&rig, HAS_PAGE, LOOK_MS, WALL_MS - 2 * LOOK_MS, &verdict);
		ck_assert_int_eq(verdict, WATCHDOG_FINE);
		/* The same cell once more, and another page in it. */
		watch(&rig, HAS_PAGE | TURNS | ACTS, LOOK_MS, LOOK_MS,
		    &verdict);
	}
	watch(&rig, HAS_PAGE, LOOK_MS, DAY_MS, &verdict);
	ck_assert_int_eq(verdict, WATCHDOG_PAGE_WALL);
}
END_TEST

START_TEST(watchdog_counts_the_processor_time_of_one_page)
{
	struct rig rig = rig_of(ROLE_PARSER);
	enum watchdog_verdict verdict;

	/* Hours of it, on many pages. */
	watch(&rig, ACTS | HAS_PAGE | TURNS | COMPUTES, LOOK_MS, DAY_MS / 8,
	    &verdict);
	ck_assert_int_eq(verdict, WATCHDOG_FINE);
	ck_assert_int_ge(watch(&rig, ACTS | HAS_PAGE | COMPUTES, LOOK_MS,
			     DAY_MS, &verdict),
	    CPU_MS - LOOK_MS);
	ck_assert_int_eq(verdict, WATCHDOG_PAGE_CPU);
}
END_TEST

START_TEST(watchdog_forgives_what_nobody_saw)
{
	struct rig rig = rig_of(ROLE_RECORDER);
	enum watchdog_verdict verdict;

	watch(&rig, HAS_QUEUE, LOOK_MS, STALL_MS - 2 * LOOK_MS, &verdict);
	ck_assert_int_eq(verdict, WATCHDOG_FINE);
	/* The machine slept for an hour. */
	watchdog_forgive(&rig.dog);
	rig.now_ms += 3600 * 1000;
	ck_assert_int_ge(watch(&rig, HAS_QUEUE, LOOK_MS, DAY_MS, &verdict),
	    STALL_MS);
	ck_assert_int_ne(verdict, WATCHDOG_FINE);
}
END_TEST

START_TEST(watchdog_is_patient_again_when_a_wait_has_ended)
{
	struct rig rig = rig_of(ROLE_SCHEDULER);
	enum watchdog_verdict verdict;

	/* It held cells behind a gap, while the recorder waited for room. */
	watch(&rig, LIVES | HOLDS | SAYS_WAITS, LOOK_MS, DAY_MS / 24, &verdict);
	ck_assert_int_eq(verdict, WATCHDOG_FINE);
	ck_assert_int_ge(watch(&rig, LIVES | HOLDS, LOOK_MS, DAY_MS, &verdict),
	    STALL_MS);
	ck_assert_int_eq(verdict, WATCHDOG_CELL);
}
END_TEST

START_TEST(watchdog_does_not_believe_a_clock_that_a_worker_wrote)
{
	struct rig rig = rig_of(ROLE_RECORDER);
	enum watchdog_verdict verdict;

	rig.facts.beat_ms = INT64_MAX - 1;
	rig.facts.events = UINT64_MAX;
	ck_assert_int_ge(watch(&rig, 0, LOOK_MS, DAY_MS, &verdict), STALL_MS);
	ck_assert_int_eq(verdict, WATCHDOG_SILENT);
	rig = rig_of(ROLE_RECORDER);
	rig.facts.beat_ms = INT64_MIN;
	ck_assert_int_ge(watch(&rig, 0, LOOK_MS, DAY_MS, &verdict), STALL_MS);
	ck_assert_int_eq(verdict, WATCHDOG_SILENT);
}
END_TEST

START_TEST(watchdog_says_which_deadline_it_was)
{
	struct watchdog_deadlines parser = watchdog_deadlines(ROLE_PARSER,
	    &settings);
	char why[WATCHDOG_WHY];

	watchdog_describe(WATCHDOG_PAGE_WALL, &parser, why);
	ck_assert_str_eq(why, "one page for 30 s (parse_wall)");
	watchdog_describe(WATCHDOG_SILENT, &parser, why);
	ck_assert_str_eq(why, "no sign of life for 30 s (parse_wall)");
	watchdog_describe(WATCHDOG_FINE, &parser, why);
	ck_assert_str_eq(why, "");
	parser = watchdog_deadlines(ROLE_CRAWLER, &settings);
	watchdog_describe(WATCHDOG_CELL, &parser, why);
	ck_assert_str_eq(why, "held one page for 150 s (total_timeout)");
}
END_TEST

/* --- cells ---------------------------------------------------------------- */

START_TEST(watchdog_knows_how_long_a_cell_is_held)
{
	const struct conveyor_shape shape = { .cells = 8,
		.queues = QUEUE_ORDERS + 1,
		.bound_slots = 1,
		.order_size = 64,
		.capture_size = 64,
		.inline_size = 64,
		.body_size = CONVEYOR_STEP,
		.output_size = CONVEYOR_STEP };
	struct conveyor_gates gates = crawl_gates();
	struct watchdog_cell cells[8] = { { 0 } };
	int64_t held_ms[CONVEYOR_WORKERS];
	const char *name = test_unique_name();
	struct conveyor *cv;
	uint32_t cell;
	uint64_t need;

	ck_assert_int_eq(conveyor_create(name, &shape, (uint8_t[16]){ 1 },
			     QUEUE_FREE, &gates, &cv, &need),
	    0);
	conveyor_become(cv, 3);
	/* Free cells are kept for good. */
	ck_assert_int_eq(conveyor_pop(cv, QUEUE_FREE, &cell), 1);
	watchdog_look_at_cells(cv, cells, 1000, held_ms);
	watchdog_look_at_cells(cv, cells, 9000, held_ms);
	ck_assert_int_eq(held_ms[3], 0);

	ck_assert_int_eq(conveyor_push(cv, QUEUE_PAGES, cell), 0);
	ck_assert_int_eq(conveyor_pop(cv, QUEUE_PAGES, &cell), 1);
	watchdog_look_at_cells(cv, cells, 10000, held_ms);
	ck_assert_int_eq(held_ms[3], 0);
	watchdog_look_at_cells(cv, cells, 17000, held_ms);
	ck_assert_int_eq(held_ms[3], 7000);
	ck_assert_int_eq(held_ms[2], 0);
	/* Round the conveyor and back: held anew. */
	ck_assert_int_eq(conveyor_push(cv, QUEUE_PAGES, cell), 0);
	ck_assert_int_eq(conveyor_pop(cv, QUEUE_PAGES, &cell), 1);
	watchdog_look_at_cells(cv, cells, 18000, held_ms);
	ck_assert_int_eq(held_ms[3], 0);
	ck_assert_int_eq(conveyor_push(cv, QUEUE_PAGES, cell), 0);
	watchdog_look_at_cells(cv, cells, 30000, held_ms);
	ck_assert_int_eq(held_ms[3], 0);
	conveyor_detach(cv);
}
END_TEST

TEST_MAIN("watchdog", watchdog_deadlines_are_those_of_the_table,
    watchdog_counts_anew_when_something_changes,
    watchdog_counts_the_processor_time_of_one_page,
    watchdog_forgives_what_nobody_saw,
    watchdog_is_patient_again_when_a_wait_has_ended,
    watchdog_does_not_believe_a_clock_that_a_worker_wrote,
    watchdog_says_which_deadline_it_was, watchdog_knows_how_long_a_cell_is_held)
