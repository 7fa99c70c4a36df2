#include "cmd/supervisor/child.h"

#include "tests/harness.h"

static struct child
child_in(enum child_state state)
{
	return (struct child){ .state = state };
}

START_TEST(child_that_had_worked_starts_again_at_once)
{
	struct child child = child_in(CHILD_UP);

	ck_assert_int_eq(child_step(&child, CHILD_DIED), CHILD_SPAWN);
	ck_assert_int_eq(child.state, CHILD_UP);
	ck_assert_uint_eq(child.early, 0);
}
END_TEST

START_TEST(child_that_dies_before_its_first_job_rests_longer_each_time)
{
	struct child child = child_in(CHILD_UP);
	int64_t before = 0;

	for (int i = 0; i < 20; i++) {
		int64_t rest;

		ck_assert_int_eq(child_step(&child, CHILD_DIED_EARLY),
		    CHILD_REST);
		ck_assert_int_eq(child.state, CHILD_RESTING);
		rest = child_rest_ms(&child);
		ck_assert_int_ge(rest, before);
		ck_assert_int_le(rest, 10000);
		before = rest;
		ck_assert_int_eq(child_step(&child, CHILD_TIMER), CHILD_SPAWN);
	}
	ck_assert_int_eq(before, 10000);
	ck_assert_int_eq(child_step(&child, CHILD_DIED), CHILD_SPAWN);
	ck_assert_uint_eq(child.early, 0);
}
END_TEST

START_TEST(child_asked_to_restart_is_killed_when_patience_ends)
{
	struct child child = child_in(CHILD_UP);

	ck_assert_int_eq(child_step(&child, CHILD_RESTART), CHILD_TERM);
	ck_assert_int_eq(child_step(&child, CHILD_RESTART), CHILD_NOTHING);
	ck_assert_int_eq(child_step(&child, CHILD_TIMER), CHILD_SIGKILL);
	ck_assert_int_eq(child_step(&child, CHILD_DIED), CHILD_SPAWN);
	ck_assert_int_eq(child.state, CHILD_UP);
}
END_TEST

START_TEST(child_that_is_stopped_stays_down)
{
	static const enum child_event ends[] = { CHILD_DIED, CHILD_DIED_EARLY,
		CHILD_LEFT };

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		struct child child = child_in(CHILD_UP);

		ck_assert_int_eq(child_step(&child, CHILD_STOP), CHILD_TERM);
		ck_assert_int_eq(child_step(&child, ends[i]), CHILD_NOTHING);
		ck_assert_int_eq(child.state, CHILD_DOWN);
		ck_assert_int_eq(child_step(&child, CHILD_RESTART),
		    CHILD_REFUSE);
		ck_assert_int_eq(child.state, CHILD_DOWN);
	}
}
END_TEST

START_TEST(child_at_rest_is_stopped_without_a_signal)
{
	struct child child = child_in(CHILD_RESTING);

	ck_assert_int_eq(child_step(&child, CHILD_STOP), CHILD_NOTHING);
	ck_assert_int_eq(child.state, CHILD_DOWN);
}
END_TEST

START_TEST(child_is_never_signalled_when_there_is_no_process)
{
	static const enum child_state without[] = { CHILD_DOWN, CHILD_RESTING };

	for (size_t i = 0; i < ARRAY_LEN(without); i++) {
		for (int event = 0; event < CHILD_EVENTS; event++) {
			struct child child = child_in(without[i]);
			enum child_action action = child_step(&child,
			    (enum child_event)event);

			ck_assert_int_ne(action, CHILD_TERM);
			ck_assert_int_ne(action, CHILD_SIGKILL);
		}
	}
}
END_TEST

TEST_MAIN("child", child_that_had_worked_starts_again_at_once,
    child_that_dies_before_its_first_job_rests_longer_each_time,
    child_asked_to_restart_is_killed_when_patience_ends,
    child_that_is_stopped_stays_down, child_at_rest_is_stopped_without_a_signal,
    child_is_never_signalled_when_there_is_no_process)
