#include "ipc/roster.h"

#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipc/roster_impl.h"
#include "tests/ipc/fixture.h"

START_TEST(roster_keeps_what_the_supervisor_assigned)
{
	struct conveyor *cv = fixture_new(4, NULL);
	struct roster_entry entry = { .pid = 42,
		.role = 3,
		.index = 7,
		.incarnation = 9,
		.started_ms = INT64_MAX },
			    got;
	size_t n;

	roster_read(cv, 254, &got);
	ck_assert_int_eq(got.pid, 0);
	roster_assign(cv, 254, &entry);
	roster_read(cv, 254, &got);
	ck_assert_int_eq(got.pid, 42);
	ck_assert_uint_eq(got.role, 3);
	ck_assert_uint_eq(got.index, 7);
	ck_assert_uint_eq(got.incarnation, 9);
	ck_assert_int_eq(got.started_ms, INT64_MAX);
	roster_read(cv, 253, &got);
	ck_assert_int_eq(got.pid, 0);
	/* Recovered: the id is free. */
	ck_assert_int_eq(conveyor_recover(cv, 254, &routes, NULL, &n), 0);
	roster_read(cv, 254, &got);
	ck_assert_int_eq(got.pid, 0);
	conveyor_detach(cv);
}
END_TEST

START_TEST(roster_lines_are_pages_of_their_own)
{
	struct conveyor *cv = fixture_new(4, NULL);
	struct conveyor *a = worker(cv, 1), *b = worker(cv, 2);
	struct roster_entry entry = { .pid = 1 };
	char note[ROSTER_NOTE];

	ck_assert_uint_eq(cv->layout.roster % cv->layout.page, 0);
	roster_set_current(a, 3);
	roster_beat(a, 1000);
	roster_took_work(a);
	roster_count(a, 5, 2);
	roster_count(a, 5, 3);
	roster_note(a, "waits for room");
	ck_assert_int_eq(roster_current(b, 1), 3);
	ck_assert_int_eq(roster_current(b, 2), -1);
	ck_assert_int_eq(roster_last_beat(b, 1), 1000);
	ck_assert(roster_has_worked(b, 1) && !roster_has_worked(b, 2));
	ck_assert_uint_eq(roster_counter(b, 1, 5), 5);
	ck_assert_uint_eq(roster_counter(b, 2, 5), 0);
	roster_read_note(b, 1, note);
	ck_assert_str_eq(note, "waits for room");
	roster_read_note(b, 2, note);
	ck_assert_str_eq(note, "");
	roster_clear_current(a);
	ck_assert_int_eq(roster_current(b, 1), -1);
	/* The next one with this id: nothing of the last but its counters. */
	roster_assign(cv, 1, &entry);
	ck_assert(!roster_has_worked(cv, 1));
	ck_assert_int_eq(roster_last_beat(cv, 1), 0);
	roster_read_note(cv, 1, note);
	ck_assert_str_eq(note, "");
	ck_assert_uint_eq(roster_counter(cv, 1, 5), 5);
	entry.index = 1; /* another worker */
	roster_assign(cv, 1, &entry);
	ck_assert_uint_eq(roster_counter(cv, 1, 5), 0);
	conveyor_detach(a);
	conveyor_detach(b);
	conveyor_detach(cv);
}
END_TEST

START_TEST(roster_tells_when_a_worker_first_took_work)
{
	struct conveyor *cv = fixture_new(4, NULL);
	struct conveyor *a = worker(cv, 1);
	struct roster_entry entry = { .pid = 1 };
	int64_t first_us;

	ck_assert_int_eq(roster_worked_us(cv, 1), 0);
	roster_took_work(a);
	first_us = roster_worked_us(cv, 1);
	ck_assert_int_gt(first_us, 0);
	usleep(100);
	roster_took_work(a);
	ck_assert_int_eq(roster_worked_us(cv, 1), first_us);
	/* Its successor begins anew. */
	roster_assign(cv, 1, &entry);
	ck_assert_int_eq(roster_worked_us(cv, 1), 0);
	roster_took_work(a);
	ck_assert_int_gt(roster_worked_us(cv, 1), first_us);
	conveyor_detach(a);
	conveyor_detach(cv);
}
END_TEST

START_TEST(roster_note_is_bounded_and_printable)
{
	struct conveyor *cv = fixture_new(4, NULL);
	char text[1000], note[ROSTER_NOTE];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	roster_note(cv, text);
	roster_read_note(cv, 0, note);
	ck_assert_uint_eq(strlen(note), ROSTER_NOTE - 1);
	roster_note(cv, "a\033[2Jb\nc\x7f\xc3\xa9");
	roster_read_note(cv, 0, note);
	ck_assert_str_eq(note, "a?[2Jb?c?\xc3\xa9");
	conveyor_detach(cv);
}
END_TEST

START_TEST(roster_current_that_names_no_cell_is_none)
{
	struct conveyor *cv = fixture_new(4, NULL);
	struct roster_page *page = conveyor_at(cv, cv->layout.roster);

	page->current = 4;
	ck_assert_int_eq(roster_current(cv, 0), 3);
	page->current = 5;
	ck_assert_int_eq(roster_current(cv, 0), -1);
	page->current = UINT64_MAX;
	ck_assert_int_eq(roster_current(cv, 0), -1);
	conveyor_detach(cv);
}
END_TEST

/* --- events --------------------------------------------------------------- */

/* As worker 1, whose events are kept. */
static struct conveyor *
recording(struct conveyor *cv)
{
	ck_assert_int_eq(roster_keep_events(cv, 1), 0);
	return worker(cv, 1);
}

static size_t
events_of_1(const struct conveyor *cv, struct roster_event out[ROSTER_EVENTS])
{
	return roster_events(cv, 1, out);
}

static struct roster_mark *
mark(const struct conveyor *cv, uint8_t id, size_t i)
{
	struct roster_mark *marks = conveyor_at(cv,
	    cv->layout.events + id * cv->layout.page);

	return &marks[i];
}

START_TEST(roster_events_are_the_last_in_order_and_whole)
{
	struct conveyor *cv = fixture_new(4, NULL);
	struct conveyor *a = recording(cv);
	struct roster_event got[ROSTER_EVENTS];

	ck_assert_uint_eq(events_of_1(cv, got), 0);
	roster_event(a, INT64_C(1) << 47, 255, 3, UINT64_MAX);
	roster_event(a, 5, 1, -1, 7);
	ck_assert_uint_eq(events_of_1(cv, got), 2);
	ck_assert_int_eq(got[0].at_us, INT64_C(1) << 47);
	ck_assert_uint_eq(got[0].kind, 255);
	ck_assert_int_eq(got[0].cell, 3);
	ck_assert_uint_eq(got[0].value, (UINT64_C(1) << 47) - 1);
	ck_assert_int_eq(got[1].at_us, 5);
	ck_assert_uint_eq(got[1].kind, 1);
	ck_assert_int_eq(got[1].cell, -1);
	ck_assert_uint_eq(got[1].value, 7);
	/* Round the ring, many times, and not to its beginning. */
	for (uint64_t n = 2; n < 70000; n++)
		roster_event(a, (int64_t)n, 9, 1, n);
	ck_assert_uint_eq(events_of_1(cv, got), ROSTER_EVENTS);
	ck_assert_uint_eq(roster_events_seen(cv, 1), 70000);
	for (uint64_t i = 0; i < ROSTER_EVENTS; i++)
		ck_assert_uint_eq(got[i].value, 70000 - ROSTER_EVENTS + i);
	conveyor_detach(a);
	conveyor_detach(cv);
}
END_TEST

START_TEST(roster_events_outlive_recovery_and_end_with_the_next_assignment)
{
	struct conveyor *cv = fixture_new(4, NULL);
	struct conveyor *a = recording(cv);
	struct roster_entry entry = { .pid = 1 };
	struct roster_event got[ROSTER_EVENTS];
	size_t moved;

	roster_assign(cv, 1, &entry);
	for (int i = 0; i < 300; i++)
		roster_event(a, i, 2, 0, 0);
	ck_assert_int_eq(conveyor_recover(cv, 1, &routes, NULL, &moved), 0);
	ck_assert_uint_eq(events_of_1(cv, got), ROSTER_EVENTS);
	roster_assign(cv, 1, &entry);
	ck_assert_uint_eq(events_of_1(cv, got), 0);
	/* None of the predecessor's, whose slots are there still. */
	roster_event(a, 1000, 3, 0, 0);
	ck_assert_uint_eq(events_of_1(cv, got), 1);
	ck_assert_uint_eq(got[0].kind, 3);
	conveyor_detach(a);
	conveyor_detach(cv);
}
END_TEST

START_TEST(roster_event_that_was_cut_off_is_left_out_and_no_other)
{
	struct conveyor *cv = fixture_new(4, NULL);
	struct conveyor *a = recording(cv);
	struct roster_event got[ROSTER_EVENTS];

	/* Killed behind each store of the 301st, as roster_event() makes
	 * them: head 0, body, head; the number not yet. */
	for (int i = 0; i < 300; i++)
		roster_event(a, i, 2, 0, (uint64_t)i);
	for (int stores = 1; stores <= 3; stores++) {
		struct roster_mark *torn = mark(cv, 1, 300 % ROSTER_EVENTS);

		if (stores == 1)
			torn->head = 0;
		else if (stores == 2)
			torn->body = 12345;
		else
			torn->head = 300 << 16 | 2 << 8 | 1;
		ck_assert_uint_eq(events_of_1(cv, got), ROSTER_EVENTS - 1);
		for (uint64_t i = 0; i < ROSTER_EVENTS - 1; i++)
			ck_assert_uint_eq(got[i].value, 45 + i);
	}
	/* Its successor of the same life, had there been one, is whole. */
	roster_event(a, 300, 2, 0, 300);
	ck_assert_uint_eq(events_of_1(cv, got), ROSTER_EVENTS);
	ck_assert_uint_eq(got[ROSTER_EVENTS - 1].value, 300);
	conveyor_detach(a);
	conveyor_detach(cv);
}
END_TEST

START_TEST(roster_events_of_a_killed_writer_are_whole)
{
	struct conveyor *cv = fixture_new(4, NULL);
	struct roster_event got[ROSTER_EVENTS];
	uint64_t random = test_seed();

	ck_assert_int_eq(roster_keep_events(cv, 1), 0);
	for (int round = 0; round < 50; round++) {
		struct roster_entry entry = { .pid = 1 };
		struct timespec nap = { 0,
			(long)(test_random(&random) % 300000) };
		bool sound = true;
		size_t n;
		int status;
		pid_t child;

		roster_assign(cv, 1, &entry);
		child = fork();
		if (child == 0) {
			conveyor_become(cv, 1);
			for (uint64_t i = 1;; i++)
				roster_event(cv, (int64_t)i, 1 + i % 255,
				    (int64_t)(i % 4), i);
		}
		while (roster_events_seen(cv, 1) == 0)
			sched_yield();
		nanosleep(&nap, NULL);
		/* Beside the living one, and at last of the dead one. */
		for (int look = 0; look < 200; look++) {
			if (look == 199) {
				kill(child, SIGKILL);
				waitpid(child, &status, 0);
			}
			n = events_of_1(cv, got);
			for (size_t i = 0; i < n; i++) {
				uint64_t v = got[i].value;

				sound = sound && (uint64_t)got[i].at_us == v &&
					got[i].kind == 1 + v % 255 &&
					(uint64_t)got[i].cell == v % 4 &&
					(i == 0 || v > got[i - 1].value);
			}
		}
		ck_assert_msg(sound, "a torn event");
		ck_assert_uint_ge(n, roster_events_seen(cv, 1) >= ROSTER_EVENTS
					 ? ROSTER_EVENTS - 1
					 : roster_events_seen(cv, 1));
	}
	conveyor_detach(cv);
}
END_TEST

START_TEST(roster_events_of_a_spoiled_page_are_bounded)
{
	struct conveyor *cv = fixture_new(4, NULL);
	struct conveyor *a = recording(cv);
	struct roster_page *page = conveyor_at(cv,
	    cv->layout.roster + cv->layout.page);
	struct roster_event got[ROSTER_EVENTS];
	uint64_t random = test_seed();

	for (int round = 0; round < 2000; round++) {
		size_t n;
		bool sound = true;

		for (size_t i = 0; i < ROSTER_EVENTS; i++) {
			mark(cv, 1, i)->head = test_random(&random);
			mark(cv, 1, i)->body = test_random(&random);
		}
		page->events = round % 3 == 0   ? UINT64_MAX
			       : round % 3 == 1 ? test_random(&random)
						: (uint64_t)round;
		n = events_of_1(cv, got);
		ck_assert_uint_le(n, ROSTER_EVENTS);
		for (size_t i = 0; i < n; i++)
			sound = sound && got[i].kind != 0 &&
				got[i].cell >= -1 && got[i].cell < 4 &&
				got[i].at_us >= 0;
		ck_assert(sound);
		roster_event(a, 1, 1, 0, 0);
	}
	conveyor_detach(a);
	conveyor_detach(cv);
}
END_TEST

/* Of the whole object, allocated. */
static int64_t
blocks(const struct conveyor *cv)
{
	struct stat st;

	ck_assert_int_eq(fstat(cv->segment.fd, &st), 0);
	return st.st_blocks;
}

START_TEST(roster_events_without_a_page_are_not_kept)
{
	struct conveyor *cv = fixture_new(4, NULL);
	struct conveyor *a = worker(cv, 1);
	struct roster_event got[ROSTER_EVENTS];
	struct roster_page *page = conveyor_at(cv,
	    cv->layout.roster + cv->layout.page);
	int64_t before = blocks(cv);

	roster_event(a, 1, 1, 0, 0);
	ck_assert_uint_eq(events_of_1(cv, got), 0);
	/* Nor is a page touched because a worker says that it wrote there. */
	page->events = 1000;
	ck_assert_uint_eq(events_of_1(cv, got), 0);
	ck_assert_int_eq(blocks(cv), before);
	ck_assert_int_eq(roster_keep_events(cv, 1), 0);
	ck_assert_int_gt(blocks(cv), before);
	conveyor_detach(a);
	conveyor_detach(cv);
}
END_TEST

START_TEST(roster_turns_tell_one_piece_of_work_from_the_next)
{
	struct conveyor *cv = fixture_new(4, NULL);
	struct conveyor *a = worker(cv, 1);
	uint64_t first;

	roster_set_current(a, 3);
	first = roster_turns(cv, 1);
	roster_clear_current(a);
	ck_assert_uint_eq(roster_turns(cv, 1), first);
	roster_set_current(a, 3); /* the same cell, with another page in it */
	ck_assert_uint_ne(roster_turns(cv, 1), first);
	conveyor_detach(a);
	conveyor_detach(cv);
}
END_TEST

TEST_MAIN("roster", roster_keeps_what_the_supervisor_assigned,
    roster_lines_are_pages_of_their_own,
    roster_tells_when_a_worker_first_took_work,
    roster_note_is_bounded_and_printable,
    roster_current_that_names_no_cell_is_none,
    roster_events_are_the_last_in_order_and_whole,
    roster_events_outlive_recovery_and_end_with_the_next_assignment,
    roster_event_that_was_cut_off_is_left_out_and_no_other,
    roster_events_of_a_killed_writer_are_whole,
    roster_events_of_a_spoiled_page_are_bounded,
    roster_events_without_a_page_are_not_kept,
    roster_turns_tell_one_piece_of_work_from_the_next)
