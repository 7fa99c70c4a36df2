#include "ipc/roster.h"

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

TEST_MAIN("roster", roster_keeps_what_the_supervisor_assigned,
    roster_lines_are_pages_of_their_own,
    roster_tells_when_a_worker_first_took_work,
    roster_note_is_bounded_and_printable,
    roster_current_that_names_no_cell_is_none)
