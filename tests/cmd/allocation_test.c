/*
 * What cmd/ makes for its processes, when there is no memory for it.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "cmd/bundle.h"
#include "cmd/loop.h"
#include "cmd/role/lineup.h"
#include "cmd/role/parser_limits.h"
#include "cmd/supervisor/supervisor_impl.h"
#include "tests/faults.h"
#include "tests/harness.h"

static void
on_event(void *arg, int fd, uint32_t events)
{
	(void)arg, (void)fd, (void)events;
}

static int
init_loop(void)
{
	struct loop loop = { .epoll_fd = -1 };
	sigset_t signals;
	int r;

	sigemptyset(&signals);
	faults_begin();
	r = loop_init(&loop, &signals);
	faults_end();
	loop_fini(&loop);
	return r;
}

/* A table by descriptor, that grows. */
static int
watch_in_loop(void)
{
	struct loop loop = { .epoll_fd = -1 };
	sigset_t signals;
	int fds[2], high, r;

	sigemptyset(&signals);
	ck_assert_int_eq(loop_init(&loop, &signals), 0);
	ck_assert_int_eq(pipe(fds), 0);
	high = dup2(fds[0], 500);
	ck_assert_int_eq(high, 500);
	faults_begin();
	r = loop_watch(&loop, fds[0], EPOLLIN, on_event, NULL);
	if (r == 0)
		r = loop_watch(&loop, high, EPOLLIN, on_event, NULL);
	faults_end();
	if (r < 0)
		ck_assert_int_eq(loop_watch(&loop, high, EPOLLIN, on_event,
				     NULL),
		    0);
	ck_assert_int_eq(write(fds[1], "x", 1), 1);
	ck_assert_int_ge(loop_turn(&loop, 1000), 0);
	loop_fini(&loop);
	close(high);
	close(fds[0]);
	close(fds[1]);
	return r;
}

static int
init_lineup(void)
{
	struct lineup lineup;
	int r;

	faults_begin();
	r = lineup_init(&lineup, 16);
	faults_end();
	if (r < 0)
		ck_assert_int_eq(lineup_init(&lineup, 16), 0);
	lineup_fini(&lineup);
	return r;
}

/* A crawl's folder, lock and name. */
static int
open_crawl(void)
{
	struct crawl crawl = { .lock_fd = -1 };
	struct err err = ERR_NONE;
	int r;

	ck_assert_int_eq(config_init(&crawl.config), 0);
	ck_assert_int_eq(config_set(&crawl.config, "dir", test_temp_dir(),
			     &err),
	    0);
	faults_begin();
	r = crawl_open(&crawl, &err);
	faults_end();
	crawl_close(&crawl);
	config_fini(&crawl.config);
	return r;
}

static int
open_control(void)
{
	static struct crawl crawl;
	static struct supervisor sup;
	struct err err = ERR_NONE;
	sigset_t signals;
	int r;

	sup = (struct supervisor){ .crawl = &crawl, .loop.epoll_fd = -1 };
	snprintf(crawl.dir, sizeof(crawl.dir), "%s", test_temp_dir());
	sigemptyset(&signals);
	ck_assert_int_eq(loop_init(&sup.loop, &signals), 0);
	faults_begin();
	r = control_open(&sup, &err);
	faults_end();
	if (r < 0) {
		ck_assert_str_ne(err.text, "");
		control_close(&sup);
		ck_assert_int_eq(control_open(&sup, &err), 0);
	}
	control_close(&sup);
	loop_fini(&sup.loop);
	return r;
}

static int
init_limits(void)
{
	struct parser_limits limits;
	struct config config;

	ck_assert_int_eq(config_init(&config), 0);
	faults_begin();
	parser_limits_init(&limits, &config);
	faults_end();
	config_fini(&config);
	return 0;
}

static struct bundle
some_bundle(void)
{
	struct bundle bundle = { .headers = SPAN("server: x\n") };

	bundle_name(0xab, 0xcd, bundle.name);
	bundle.field[BUNDLE_URL] = SPAN("http://a.test/");
	bundle.field[BUNDLE_QUARANTINED] = SPAN("2026-01-01T00:00:00Z");
	return bundle;
}

static int
write_bundle(void)
{
	struct bundle bundle = some_bundle();
	const char *dir = test_temp_dir();
	int r;

	faults_begin();
	r = bundle_write(dir, &bundle, SPAN("body"));
	faults_end();
	if (r < 0) {
		ck_assert_int_eq(bundle_read(dir, bundle.name, &bundle),
		    -ENOENT);
		bundle = some_bundle();
		ck_assert_int_eq(bundle_write(dir, &bundle, SPAN("body")), 0);
	}
	return r;
}

static int
list_bundles(void)
{
	struct bundle bundle = some_bundle();
	const char *dir = test_temp_dir();
	char(*names)[BUNDLE_NAME] = NULL;
	size_t n = 99;
	int r;

	ck_assert_int_eq(bundle_write(dir, &bundle, SPAN("body")), 0);
	faults_begin();
	r = bundle_list(dir, &names, &n);
	faults_end();
	if (r < 0) {
		ck_assert_ptr_null(names);
		ck_assert_int_eq(bundle_list(dir, &names, &n), 0);
	}
	ck_assert_uint_eq(n, 1);
	free(names);
	return r;
}

static int
read_bundle(void)
{
	struct bundle bundle = some_bundle(), got;
	const char *dir = test_temp_dir();
	int r;

	ck_assert_int_eq(bundle_write(dir, &bundle, SPAN("body")), 0);
	faults_begin();
	r = bundle_read(dir, bundle.name, &got);
	faults_end();
	if (r < 0)
		ck_assert_int_eq(bundle_read(dir, bundle.name, &got), 0);
	ck_assert_uint_eq(got.bytes, 4);
	bundle_fini(&got);
	return r;
}

static const struct faults_subject subjects[] = {
	{ "loop_init", init_loop, FAULTS_NEEDS_NONE },
	{ "loop_watch", watch_in_loop },
	{ "lineup_init", init_lineup },
	{ "crawl_open", open_crawl, FAULTS_NEEDS_NONE },
	{ "control_open", open_control },
	{ "parser_limits_init", init_limits, FAULTS_NEEDS_NONE },
	{ "bundle_write", write_bundle },
	/* One whose date cannot be read comes first. */
	{ "bundle_list", list_bundles, FAULTS_FORGIVES },
	{ "bundle_read", read_bundle },
};

START_TEST(no_memory_for_cmd_is_an_ordinary_answer)
{
	faults_try("cmd", subjects, sizeof(subjects) / sizeof(subjects[0]));
}
END_TEST

START_TEST(every_constructor_of_cmd_is_tried_without_memory)
{
	static const char *const folders[] = { "cmd", "cmd/command", "cmd/role",
		"cmd/supervisor" };

	faults_cover(folders, sizeof(folders) / sizeof(folders[0]), subjects,
	    sizeof(subjects) / sizeof(subjects[0]));
}
END_TEST

TEST_MAIN("allocation", no_memory_for_cmd_is_an_ordinary_answer,
    every_constructor_of_cmd_is_tried_without_memory)
