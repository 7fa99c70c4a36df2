/*
 * What ipc/ makes, when there is no memory for it: an ordinary answer, nothing
 * given out, nothing left behind, and the next call succeeds.
 */
#include <sys/stat.h>

#include "ipc/channel.h"
#include "tests/faults.h"
#include "tests/ipc/fixture.h"

enum {
	CELLS = 16
};

static int
create_conveyor(void)
{
	struct conveyor_shape shape = fixture_shape(CELLS);
	const char *name = test_unique_name();
	struct conveyor *cv = NULL;
	uint64_t need;
	int r;

	faults_begin();
	r = conveyor_create(name, &shape, crawl_id, Q_FREE, &gates, &cv, &need);
	faults_end();
	if (r < 0) {
		ck_assert_ptr_null(cv);
		ck_assert_int_eq(conveyor_watch(name, &cv), -ENOENT);
		/* The name is free again. */
		ck_assert_int_eq(conveyor_create(name, &shape, crawl_id, Q_FREE,
				     &gates, &cv, &need),
		    0);
	}
	ck_sound(cv);
	conveyor_detach(cv);
	conveyor_unlink(name);
	return r;
}

static int
attach_conveyor(void)
{
	struct conveyor *cv, *out = NULL;
	const char *name;
	uint32_t cell;
	int r;

	cv = fixture_new(CELLS, &name);
	cell = pop(cv, Q_FREE);
	push(cv, Q_RECORDS, cell);
	conveyor_detach(cv);
	faults_begin();
	r = fixture_attach(name, CELLS, &out);
	faults_end();
	if (r < 0) {
		ck_assert_ptr_null(out);
		ck_assert_int_eq(fixture_attach(name, CELLS, &out), 0);
	}
	ck_sound(out);
	ck_assert_uint_eq(pop(out, Q_RECORDS), cell);
	conveyor_detach(out);
	conveyor_unlink(name);
	return r;
}

static int
watch_conveyor(void)
{
	struct conveyor *cv, *out = NULL;
	const char *name;
	int r;

	cv = fixture_new(CELLS, &name);
	faults_begin();
	r = conveyor_watch(name, &out);
	faults_end();
	if (r < 0) {
		ck_assert_ptr_null(out);
		ck_assert_int_eq(conveyor_watch(name, &out), 0);
	}
	conveyor_detach(out);
	conveyor_detach(cv);
	conveyor_unlink(name);
	return r;
}

static int
clone_conveyor(void)
{
	struct conveyor *cv = fixture_new(CELLS, NULL), *out = NULL;
	int r;

	faults_begin();
	r = conveyor_clone(cv, 3, &out);
	faults_end();
	if (r < 0) {
		ck_assert_ptr_null(out);
		ck_assert_int_eq(conveyor_clone(cv, 3, &out), 0);
	}
	conveyor_detach(out);
	conveyor_detach(cv);
	return r;
}

static int
lay_conveyor_over(void)
{
	struct conveyor *cv = fixture_new(CELLS, NULL), *out = NULL;
	int r;

	faults_begin();
	r = conveyor_over(cv, cv->segment.base, cv->sems, &out);
	faults_end();
	if (r < 0)
		ck_assert_ptr_null(out);
	conveyor_detach(out);
	conveyor_detach(cv);
	return r;
}

static int
check_conveyor(void)
{
	struct conveyor *cv = fixture_new(CELLS, NULL);
	char why[128] = "";
	int r;

	faults_begin();
	r = conveyor_check(cv, why, sizeof(why));
	faults_end();
	ck_assert_str_eq(why, "");
	ck_sound(cv);
	conveyor_detach(cv);
	return r;
}

/* A cell in each state: without memory they stay as they are. */
static int
rebuild_conveyor(void)
{
	struct conveyor *cv = fixture_new(CELLS, NULL);
	uint32_t cell = pop(cv, Q_FREE);
	struct cell_word before = conveyor_word(cv, cell);
	int r;

	faults_begin();
	r = conveyor_rebuild(cv, &routes, Q_SETTLED);
	faults_end();
	if (r < 0) {
		ck_assert_uint_eq(cell_pack(conveyor_word(cv, cell)),
		    cell_pack(before));
		ck_assert_int_eq(conveyor_rebuild(cv, &routes, Q_SETTLED), 0);
	}
	ck_sound(cv);
	conveyor_detach(cv);
	return r;
}

static int
new_bell(void)
{
	struct conveyor *cv = fixture_new(CELLS, NULL);
	struct conveyor_bell *bell = NULL;
	int r;

	faults_begin();
	r = conveyor_bell_new(cv, Q_SETTLED, true, &bell);
	faults_end();
	if (r < 0) {
		ck_assert_ptr_null(bell);
		ck_assert_int_eq(conveyor_bell_new(cv, Q_SETTLED, true, &bell),
		    0);
	}
	conveyor_bell_free(bell);
	conveyor_detach(cv);
	return r;
}

static int
create_segment(void)
{
	struct segment segment = SEGMENT_NONE;
	const char *name = test_unique_name();
	int r;

	faults_begin();
	r = segment_create(name, 8192, &segment);
	faults_end();
	if (r < 0) {
		ck_assert_int_eq(segment.fd, -1);
		ck_assert_int_eq(segment_create(name, 8192, &segment), 0);
	}
	segment_detach(&segment);
	ck_assert_int_eq(segment_unlink(name), 0);
	return r;
}

static int
map_segment(int (*map)(const char *, struct segment *))
{
	struct segment segment = SEGMENT_NONE, again = SEGMENT_NONE;
	const char *name = test_unique_name();
	int r;

	ck_assert_int_eq(segment_create(name, 8192, &segment), 0);
	faults_begin();
	r = map(name, &again);
	faults_end();
	if (r < 0) {
		ck_assert_int_eq(again.fd, -1);
		ck_assert_int_eq(map(name, &again), 0);
	}
	segment_detach(&again);
	segment_detach(&segment);
	ck_assert_int_eq(segment_unlink(name), 0);
	return r;
}

static int
attach_segment(void)
{
	return map_segment(segment_attach);
}

static int
watch_segment(void)
{
	return map_segment(segment_watch);
}

/* The name of a socket too long for its address: by way of its folder. */
static int
reach_channel(bool connect)
{
	char path[400];
	int listener = -1, fd = -1, n, r;

	n = snprintf(path, sizeof(path), "%s/%0120d", test_temp_dir(), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	snprintf(path + n, sizeof(path) - (size_t)n, "/sock");
	if (!connect)
		faults_begin();
	r = channel_listen(path, &listener);
	faults_end();
	if (r < 0) {
		ck_assert_int_eq(listener, -1);
		ck_assert_int_eq(channel_listen(path, &listener), 0);
	}
	if (connect) {
		faults_begin();
		r = channel_connect(path, 1000, &fd);
		faults_end();
		if (r < 0) {
			ck_assert_int_eq(fd, -1);
			ck_assert_int_eq(channel_connect(path, 1000, &fd), 0);
		}
		close(fd);
	}
	close(listener);
	return r;
}

static int
listen_at_channel(void)
{
	return reach_channel(false);
}

static int
connect_to_channel(void)
{
	return reach_channel(true);
}

static const struct faults_subject subjects[] = {
	/* Gates that a dead one left: without memory to list them they stay. */
	{ "conveyor_create gates_open", create_conveyor, FAULTS_FORGIVES },
	{ "conveyor_attach", attach_conveyor, FAULTS_FORGIVES },
	{ "conveyor_watch", watch_conveyor },
	{ "conveyor_clone", clone_conveyor },
	{ "conveyor_over", lay_conveyor_over },
	{ "conveyor_check", check_conveyor },
	{ "conveyor_rebuild", rebuild_conveyor },
	{ "conveyor_bell_new", new_bell },
	{ "segment_create", create_segment },
	{ "segment_attach", attach_segment },
	{ "segment_watch", watch_segment },
	{ "channel_listen", listen_at_channel },
	{ "channel_connect", connect_to_channel },
};

START_TEST(no_memory_for_ipc_is_an_ordinary_answer)
{
	faults_try("ipc", subjects, ARRAY_LEN(subjects));
}
END_TEST

START_TEST(every_constructor_of_ipc_is_tried_without_memory)
{
	static const char *const folders[] = { "ipc" };

	faults_cover(folders, ARRAY_LEN(folders), subjects,
	    ARRAY_LEN(subjects));
}
END_TEST

TEST_MAIN("allocation", no_memory_for_ipc_is_an_ordinary_answer,
    every_constructor_of_ipc_is_tried_without_memory)
