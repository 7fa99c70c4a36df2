#include <netinet/in.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/lib/fetch_rig.h"

START_TEST(fetch_cuts_a_body_at_max_body)
{
	static const struct site_page pages[] = {
		{ "/plain", .body = "0123456789", .size = 200000 },
		{ "/chunked", SITE_CHUNKED, .body = "0123456789",
		    .size = 200000 },
		{ "/exact", .body = "0123456789", .size = 100000 },
		{ "/close", SITE_CLOSE, .body = "0123456789", .size = 200000 },
	};

	open_site(pages, ARRAY_LEN(pages), &visitor_options);
	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		struct visit v = { .max_body = 100000 };

		ck_assert_int_eq(visitor_start(&visitor, at(pages[i].path), &v),
		    0);
		visitor_run(&visitor);
		ck_assert_uint_eq(v.capture.status, 200);
		ck_assert_truncated(v,
		    pages[i].size > 100000 ? TRUNCATED_LENGTH : TRUNCATED_NO);
		ck_assert_uint_eq(v.body.len, 100000);
		ck_assert_uint_eq(v.capture.body_len, 100000);
		visit_fini(&v);
	}
	close_site();
}
END_TEST

START_TEST(fetch_ends_where_there_is_no_room)
{
	static const struct site_page pages[] = {
		{ "/", .body = "0123456789", .size = 200000 },
	};
	struct visit v = { .room = 50000 };

	open_site(pages, 1, &visitor_options);
	ck_assert_int_eq(visitor_start(&visitor, at("/"), &v), 0);
	visitor_run(&visitor);
	ck_assert_uint_eq(v.capture.status, 200);
	ck_assert_truncated(v, TRUNCATED_MEMORY);
	ck_assert_uint_eq(v.refusals, 1);
	ck_assert_uint_eq(v.capture.body_len, v.body.len);
	ck_assert_uint_le(v.body.len, 50000);
	ck_assert_uint_gt(v.body.len, 0);
	visit_fini(&v);
	close_site();
}
END_TEST

START_TEST(fetch_ends_at_headers_that_are_not_wanted)
{
	static const struct site_page pages[] = {
		{ "/plain", .headers = "Content-Type: image/png\r\n",
		    .body = "0123456789", .size = 200000 },
		{ "/chunked", SITE_CHUNKED,
		    .headers = "Content-Type: image/png\r\n",
		    .body = "0123456789", .size = 200000 },
		{ "/informed", .headers = "Content-Type: image/png\r\n",
		    .body = "x", .informs = true },
		{ "/empty", .status = 404,
		    .headers = "Content-Type: image/png\r\n" },
		{ "/slow", .headers = "Content-Type: image/png\r\n",
		    .body = "0123456789", .drip_ms = 60000 },
		{ "/wanted", SITE_CHUNKED,
		    .headers = "Content-Type: image/gif\r\n", .body = "xy" },
	};

	open_site(pages, ARRAY_LEN(pages), &visitor_options);
	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		struct visit v = { .unwanted = "image/png" };
		bool wanted = i + 1 == ARRAY_LEN(pages);

		ck_assert_int_eq(visitor_start(&visitor, at(pages[i].path), &v),
		    0);
		visitor_run(&visitor);
		ck_assert_uint_eq(v.asked, 1);
		ck_assert_uint_eq(v.capture.status,
		    pages[i].status ? pages[i].status : 200);
		ck_assert_int_eq(v.capture.reason,
		    wanted ? REASON_NONE : REASON_RULE);
		ck_assert_truncated(v, TRUNCATED_NO);
		ck_assert_uint_eq(v.body.len, wanted ? 2 : 0);
		ck_assert_uint_eq(v.capture.body_len, v.body.len);
		ck_assert_span_eq(v.capture.content_type,
		    wanted ? "image/gif" : "image/png");
		ck_assert(!v.short_fd);
		visit_fini(&v);
	}
	close_site();
}
END_TEST

START_TEST(fetch_keeps_a_large_header_to_its_limit)
{
	static char cookies[30000];
	const struct site_page pages[] = {
		{ "/", .headers = cookies, .body = "x" },
	};
	struct visit v;

	memset(cookies, 'x', sizeof(cookies) - 1);
	for (size_t i = 0; i + 1000 < sizeof(cookies); i += 1000) {
		memcpy(cookies + i, "Set-Cookie: ", 12);
		memcpy(cookies + i + 998, "\r\n", 2);
	}
	memcpy(cookies + 29000, "Content-Type: a/b\r\n", 20);
	open_site(pages, 1, &visitor_options);
	v = fetch(at("/"));
	ck_assert_uint_eq(v.capture.status, 200);
	ck_assert_span_eq(v.capture.content_type, "a/b");
	ck_assert_uint_le(v.capture.headers.len, 16384);
	ck_assert_uint_gt(v.capture.headers.len, 8192);
	visit_fini(&v);
	close_site();
}
END_TEST

START_TEST(fetch_waits_for_the_first_byte_only_so_long)
{
	static const struct site_page pages[] = {
		{ "/silent", SITE_SILENT },
		{ "/late", .delay_ms = 100, .body = "x" },
	};
	struct fetch_options options = visitor_options;
	int64_t from;
	struct visit v;

	options.first_byte_timeout_ms = 300;
	open_site(pages, ARRAY_LEN(pages), &options);
	v = fetch(at("/late"));
	ck_assert_uint_eq(v.capture.status, 200);
	ck_assert_int_ge(v.capture.ttfb_ms, 99);
	visit_fini(&v);
	from = now_ms();
	v = fetch(at("/silent"));
	ck_assert_reason(v, REASON_TIMEOUT_FIRST_BYTE);
	ck_assert_int_ge(now_ms() - from, 299);
	ck_assert_int_lt(now_ms() - from, 5000);
	ck_assert_int_eq(v.capture.ttfb_ms, -1);
	ck_assert_span_eq(v.capture.ip, "127.0.0.1");
	visit_fini(&v);
	close_site();
}
END_TEST

START_TEST(fetch_limits_do_not_depend_on_a_clock_that_jumps)
{
	static const struct site_page pages[] = {
		{ "/late", .delay_ms = 300, .body = "x" },
		{ "/silent", SITE_SILENT },
	};
	struct fetch_options options = visitor_options;
	struct visit late[2] = { { 0 } }, silent = { 0 };

	/* Ahead: nobody is given up for it. */
	options.first_byte_timeout_ms = 1000;
	open_site(pages, ARRAY_LEN(pages), &options);
	for (size_t i = 0; i < ARRAY_LEN(late); i++)
		ck_assert_int_eq(visitor_start(&visitor, at("/late"), &late[i]),
		    0);
	while (site_requests(site) < 2)
		visitor_step(&visitor, 10);
	visitor.skew_ms = 3600 * 1000;
	visitor_run(&visitor);
	for (size_t i = 0; i < ARRAY_LEN(late); i++) {
		ck_assert_uint_eq(late[i].capture.status, 200);
		visit_fini(&late[i]);
	}

	/* And back: nobody is waited for an hour longer. */
	ck_assert_int_eq(visitor_start(&visitor, at("/silent"), &silent), 0);
	while (site_requests(site) < 3)
		visitor_step(&visitor, 10);
	visitor.skew_ms = 0;
	visitor_run(&visitor);
	ck_assert_reason(silent, REASON_TIMEOUT_FIRST_BYTE);
	visit_fini(&silent);
	close_site();
}
END_TEST

START_TEST(fetch_gives_a_trickle_up)
{
	static const struct site_page pages[] = {
		{ "/drip", .body = "x", .size = 10000, .drip_ms = 20 },
		{ "/stop", .body = "x", .size = 10000, .drip_ms = 60000 },
		{ "/stall", .body = "x", .size = 10000, .drip_ms = 60000,
		    .burst = 5000 },
		{ "/fair", .body = "x", .size = 40, .drip_ms = 20 },
	};
	struct fetch_options options = visitor_options;
	struct visit v;

	options.low_speed_bytes = 1000;
	options.low_speed_ms = 300;
	open_site(pages, ARRAY_LEN(pages), &options);
	for (size_t i = 0; i < 3; i++) {
		v = fetch(at(pages[i].path));
		ck_assert_uint_eq(v.capture.status, 200);
		ck_assert_truncated(v, TRUNCATED_TIME);
		ck_assert_int_eq(v.body.len > 0, i != 1);
		ck_assert_uint_le(v.body.len, i == 2 ? 5000 : 100);
		ck_assert_int_lt(v.capture.total_ms, 10000);
		visit_fini(&v);
	}
	visitor_fini(&visitor);

	/* The same drip is fast enough for a lower limit, looked at twice. */
	options.low_speed_bytes = 20;
	ck_assert_int_eq(visitor_init(&visitor, &options), 0);
	v = fetch(at("/fair"));
	ck_assert_truncated(v, TRUNCATED_NO);
	ck_assert_uint_eq(v.body.len, 40);
	ck_assert_int_ge(v.capture.total_ms, 600);
	visit_fini(&v);
	close_site();
}
END_TEST

START_TEST(fetch_as_a_whole_takes_only_so_long)
{
	static const struct site_page pages[] = {
		{ "/drip", .body = "x", .size = 10000, .drip_ms = 20 },
		{ "/silent", SITE_SILENT },
	};
	struct fetch_options options = visitor_options;
	struct visit v;

	options.total_timeout_ms = 300;
	open_site(pages, ARRAY_LEN(pages), &options);
	v = fetch(at("/drip"));
	ck_assert_uint_eq(v.capture.status, 200);
	ck_assert_truncated(v, TRUNCATED_TIME);
	ck_assert_uint_gt(v.body.len, 0);
	visit_fini(&v);
	v = fetch(at("/silent"));
	ck_assert_reason(v, REASON_TIMEOUT_TOTAL);
	ck_assert_int_ge(v.capture.total_ms, 299);
	visit_fini(&v);
	close_site();
}
END_TEST

START_TEST(fetch_connects_only_so_long)
{
	struct fetch_options options = visitor_options;
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM, 0), first, second;
	struct visit v;
	char url[64];

	/* A listener whose queue is full lets SYNs drop. */
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, len), 0);
	ck_assert_int_eq(listen(fd, 0), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	first = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(first, (struct sockaddr *)&addr, len), 0);
	second = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	(void)!connect(second, (struct sockaddr *)&addr, len);

	options.connect_timeout_ms = 300;
	ck_assert_int_eq(visitor_init(&visitor, &options), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/",
	    ntohs(addr.sin_port));
	v = fetch(url);
	ck_assert_reason(v, REASON_TIMEOUT_CONNECT);
	ck_assert_int_ge(v.capture.total_ms, 299);
	visit_fini(&v);
	visitor_fini(&visitor);
	close(first);
	close(second);
	close(fd);
}
END_TEST

START_TEST(fetch_without_descriptors_blames_this_process)
{
	static const struct site_page pages[] = { { "/", .body = "x" } };
	static const char *const hosts[] = { "127.0.0.1", "localhost",
		"no-such-host.invalid" };
	struct rlimit limit = { 64, 64 };
	int last = -1, fd;

	open_site(pages, 1, &visitor_options);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	while ((fd = dup(1)) >= 0)
		last = fd;
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		struct visit v;
		char url[128];

		snprintf(url, sizeof(url), "http://%s:%u/", hosts[i],
		    site_port(site));
		v = fetch(url);
		ck_assert_reason(v, REASON_CONNECT_FAIL);
		ck_assert(v.short_fd);
		visit_fini(&v);
	}
	/* One is enough to connect, not to look a name up. */
	close(last);
	struct visit v = fetch("http://no-such-host.invalid/");

	ck_assert(v.short_fd);
	visit_fini(&v);
	v = fetch(at("/"));
	ck_assert_uint_eq(v.capture.status, 200);
	ck_assert(!v.short_fd);
	visit_fini(&v);
	close_site();
}
END_TEST

START_TEST(fetch_runs_five_hundred_at_once)
{
	static const struct site_page pages[] = {
		{ "/slow", .body = "0123456789", .size = 30000,
		    .delay_ms = 200 },
	};
	static struct visit visits[500];

	open_site(pages, 1, &visitor_options);
	for (size_t i = 0; i < ARRAY_LEN(visits); i++)
		ck_assert_int_eq(visitor_start(&visitor, at("/slow"),
				     &visits[i]),
		    0);
	ck_assert_uint_eq(fetch_inflight(visitor.pool), ARRAY_LEN(visits));
	visitor_run(&visitor);
	ck_assert_uint_eq(visitor.done, ARRAY_LEN(visits));
	for (size_t i = 0; i < ARRAY_LEN(visits); i++) {
		ck_assert_uint_eq(visits[i].capture.status, 200);
		ck_assert_uint_eq(visits[i].body.len, 30000);
		visit_fini(&visits[i]);
	}
	ck_assert_uint_eq(site_connections(site), 500);
	close_site();
}
END_TEST

TEST_MAIN("fetch_limits", fetch_cuts_a_body_at_max_body,
    fetch_ends_where_there_is_no_room,
    fetch_ends_at_headers_that_are_not_wanted,
    fetch_keeps_a_large_header_to_its_limit,
    fetch_waits_for_the_first_byte_only_so_long,
    fetch_limits_do_not_depend_on_a_clock_that_jumps, fetch_gives_a_trickle_up,
    fetch_as_a_whole_takes_only_so_long, fetch_connects_only_so_long,
    fetch_without_descriptors_blames_this_process,
    fetch_runs_five_hundred_at_once)
