#include "cmd/supervisor/crash.h"

#include <jansson.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/message/order.h"
#include "tests/harness.h"

enum {
	ORDER_SIZE = 4096,
	CELLS = 256,
	WORKER = 7
};

static struct crawl crawl;
static const char *name; /* of the segment */

/* As the supervisor, with worker 7's events kept. */
static struct conveyor *
fixture(void)
{
	const struct conveyor_shape shape = { .cells = CELLS,
		.queues = QUEUE_ORDERS + 1,
		.bound_slots = 1,
		.order_size = ORDER_SIZE,
		.capture_size = 64,
		.inline_size = 64,
		.body_size = CONVEYOR_STEP,
		.output_size = CONVEYOR_STEP };
	const struct roster_entry entry = { .incarnation = 4 };
	struct conveyor_gates gates = crawl_gates();
	struct conveyor *cv;
	uint64_t need;

	snprintf(crawl.dir, sizeof(crawl.dir), "%s", test_temp_dir());
	name = test_unique_name();
	ck_assert_int_eq(conveyor_create(name, &shape, (uint8_t[16]){ 1 },
			     QUEUE_FREE, &gates, &cv, &need),
	    0);
	ck_assert_int_eq(roster_keep_events(cv, WORKER), 0);
	roster_assign(cv, WORKER, &entry);
	return cv;
}

/* Worker 7 holds a cell from PAGES with this URL. */
static uint32_t
hold(struct conveyor *cv, const char *url)
{
	struct order order = { .url = span_from(url), .lap = 1 };
	uint32_t cell;

	conveyor_become(cv, 1);
	ck_assert_int_eq(conveyor_pop(cv, QUEUE_FREE, &cell), 1);
	ck_assert_int_eq(conveyor_prepare(cv, cell), 0);
	ck_assert_int_eq(order_write(conveyor_order(cv, cell), ORDER_SIZE,
			     &order),
	    0);
	ck_assert_int_eq(conveyor_push(cv, QUEUE_PAGES, cell), 0);
	conveyor_become(cv, WORKER);
	ck_assert_int_eq(conveyor_pop(cv, QUEUE_PAGES, &cell), 1);
	conveyor_become(cv, 0);
	return cell;
}

static void
as_worker(struct conveyor *cv, int64_t current)
{
	conveyor_become(cv, WORKER);
	if (current >= 0)
		roster_set_current(cv, (uint32_t)current);
	flight(cv, FLIGHT_PARSES, current, 13812);
	conveyor_become(cv, 0);
}

START_TEST(crash_names_the_page_that_is_blamed_and_the_stage)
{
	const struct conveyor_fault fault = { .cause = 1 };
	struct conveyor *cv = fixture();
	struct crash crash = { .worker = "parser.0", .full = true };
	uint32_t cell;
	char where[500];

	(void)hold(cv, "http://a.example/first");
	cell = hold(cv, "http://a.example/second");
	as_worker(cv, cell);
	crash_look(cv, WORKER, &crash);
	ck_assert_int_eq(crash.cell, cell);
	ck_assert_uint_eq(crash.incarnation, 4);
	ck_assert_str_eq(crash.url, "http://a.example/second");
	ck_assert(!crash_was_blamed(cv, &crash));
	ck_assert_int_eq(conveyor_recover(cv, WORKER, &crawl_routes, &fault,
			     &crash.recovered),
	    0);
	ck_assert(crash_was_blamed(cv, &crash));
	crash_describe(&crash, where, sizeof(where));
	ck_assert_msg(strstr(where, "/second (parses, cell ") != NULL, "%s",
	    where);
	ck_assert_msg(strstr(where, "13812 bytes), ") != NULL, "%s", where);
	conveyor_detach(cv);
}
END_TEST

START_TEST(crash_of_one_that_held_a_single_page_names_that)
{
	struct conveyor *cv = fixture();
	struct crash crash = { .worker = "parser.0" };
	uint32_t cell = hold(cv, "http://a.example/only");

	crash_look(cv, WORKER, &crash); /* its `current` says nothing */
	ck_assert_int_eq(crash.cell, cell);
	ck_assert_str_eq(crash.url, "http://a.example/only");
	conveyor_detach(cv);
}
END_TEST

START_TEST(crash_url_is_bounded_and_printable)
{
	struct conveyor *cv = fixture();
	struct crash crash = { .worker = "parser.0" };
	char url[3000];

	memset(url, 'x', sizeof(url));
	memcpy(url, "\033[2J\n\xc2\x9b \x7f", 9);
	url[sizeof(url) - 1] = '\0';
	(void)hold(cv, url);
	crash_look(cv, WORKER, &crash);
	ck_assert_uint_eq(strlen(crash.url), CRASH_URL - 1);
	ck_assert_int_eq(memcmp(crash.url, "?[2J?????xxx", 12), 0);
	conveyor_detach(cv);
}
END_TEST

/* Of the segment, allocated. */
static int64_t
blocks(void)
{
	char path[300];
	struct stat st;

	snprintf(path, sizeof(path), "/dev/shm%s", name);
	ck_assert_int_eq(stat(path, &st), 0);
	return st.st_blocks;
}

/* A worker says what it likes, and the supervisor must not touch a page that
 * nobody allocated: on a full tmpfs that is its end. */
START_TEST(crash_touches_no_order_that_was_never_made)
{
	struct conveyor *cv = fixture();
	struct crash crash = { .worker = "parser.0" };
	uint32_t cell = 0;
	int64_t before;

	/* Not prepared, but with a word as if it were in PAGES. */
	conveyor_become(cv, WORKER);
	for (uint32_t i = 0; i < CELLS; i++)
		ck_assert_int_eq(conveyor_pop(cv, QUEUE_FREE, &cell), 1);
	ck_assert_int_eq(conveyor_push(cv, QUEUE_PAGES, cell), 0);
	roster_set_current(cv, cell);
	conveyor_become(cv, 0);
	ck_assert(!conveyor_is_prepared(cv, cell));
	before = blocks();
	crash_look(cv, WORKER, &crash);
	ck_assert_int_eq(crash.cell, cell);
	ck_assert_str_eq(crash.url, "");
	ck_assert_int_eq(blocks(), before);
	ck_assert_int_eq(conveyor_prepare(cv, cell), 0);
	ck_assert(conveyor_is_prepared(cv, cell));
	crash_look(cv, WORKER, &crash); /* zeroes: no order either */
	ck_assert_str_eq(crash.url, "");
	conveyor_detach(cv);
}
END_TEST

/* The only line of the file. */
static json_t *
read_report(void)
{
	char path[PATH_MAX];
	json_error_t error;
	json_t *report;

	ck_assert_int_eq(crawl_path(&crawl, CRASH_FILE, path, NULL), 0);
	report = json_load_file(path, 0, &error);
	ck_assert_msg(report != NULL, "%s", error.text);
	return report;
}

START_TEST(crash_report_has_all_events_and_times_before_death)
{
	struct conveyor *cv = fixture();
	struct crash_book book = { 0 };
	struct crash crash = { .worker = "parser.0",
		.pid = 42,
		.full = true,
		.status = SIGSEGV,
		.end = "died" };
	json_t *report, *events;

	as_worker(cv, hold(cv, "http://a.example/"));
	for (int i = 0; i < 1000; i++)
		as_worker(cv, -1);
	crash_look(cv, WORKER, &crash);
	crash_write(&book, &crawl, &crash);
	report = read_report();
	events = json_object_get(report, "events");
	ck_assert_uint_eq(json_array_size(events), ROSTER_EVENTS);
	for (size_t i = 0; i < ROSTER_EVENTS; i++)
		ck_assert(
		    json_real_value(
			json_object_get(json_array_get(events, i), "ms")) <= 0);
	ck_assert_int_eq(json_integer_value(json_object_get(report, "signal")),
	    SIGSEGV);
	ck_assert_str_eq(json_string_value(json_object_get(report, "url")),
	    "http://a.example/");
	json_decref(report);
	conveyor_detach(cv);
}
END_TEST

START_TEST(crash_report_of_a_spoiled_page_is_json)
{
	struct conveyor *cv = fixture();
	struct crash_book book = { 0 };
	struct crash crash = { .worker = "parser.0",
		.full = true,
		.status = SIGSEGV,
		.end = "died" };
	uint64_t random = test_seed();
	json_t *report;

	crash_look(cv, WORKER, &crash);
	crash.n_events = ROSTER_EVENTS;
	for (size_t i = 0; i < ROSTER_EVENTS; i++)
		crash.events[i] = (struct roster_event){
			.at_us = (int64_t)(test_random(&random) >> 16),
			.kind = (uint8_t)test_random(&random),
			.cell = (int64_t)(test_random(&random) % CELLS),
			.value = test_random(&random) >> 17
		};
	crash_write(&book, &crawl, &crash);
	report = read_report();
	ck_assert_uint_eq(json_array_size(json_object_get(report, "events")),
	    ROSTER_EVENTS);
	json_decref(report);
	conveyor_detach(cv);
}
END_TEST

START_TEST(crash_reports_are_so_many_at_once_and_the_rest_is_counted)
{
	struct conveyor *cv = fixture();
	struct crash_book book = { 0 };
	struct crash crash = { .worker = "parser.0", .status = SIGKILL };
	struct crash fault = { .worker = "parser.1",
		.full = true,
		.status = SIGSEGV };

	for (int i = 0; i < 100; i++)
		crash_write(&book, &crawl, &crash);
	ck_assert_uint_eq(book.skipped, 100 - CRASH_SHORT_MOST);
	/* Kills from outside do not hide what dies by itself. */
	crash_write(&book, &crawl, &fault);
	ck_assert_uint_eq(book.skipped, 0);
	for (int i = 0; i < 100; i++)
		crash_write(&book, &crawl, &fault);
	ck_assert_uint_eq(book.skipped, 101 - CRASH_FULL_MOST);
	crash_close(&book, &crawl);
	ck_assert_uint_eq(book.skipped, 0);
	conveyor_detach(cv);
}
END_TEST

START_TEST(an_event_reads_as_words)
{
	static const struct {
		struct roster_event event;
		const char *words;
	} cases[] = {
		{ { .kind = FLIGHT_PUSHED, .cell = 7, .value = 2 },
		    "passed on, cell 7, queue 2" },
		{ { .kind = FLIGHT_PARSES, .cell = 0, .value = 13812 },
		    "parses, cell 0, 13812 bytes" },
		{ { .kind = FLIGHT_STOPS, .cell = FLIGHT_NO_CELL, .value = 9 },
		    "was asked to stop" },
		{ { .kind = 255, .cell = FLIGHT_NO_CELL, .value = 9 }, "?" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[FLIGHT_TEXT];

		flight_describe(&cases[i].event, text);
		ck_assert_str_eq(text, cases[i].words);
	}
}
END_TEST

TEST_MAIN("crash", crash_names_the_page_that_is_blamed_and_the_stage,
    crash_of_one_that_held_a_single_page_names_that,
    crash_url_is_bounded_and_printable,
    crash_touches_no_order_that_was_never_made,
    crash_report_has_all_events_and_times_before_death,
    crash_report_of_a_spoiled_page_is_json,
    crash_reports_are_so_many_at_once_and_the_rest_is_counted,
    an_event_reads_as_words)
