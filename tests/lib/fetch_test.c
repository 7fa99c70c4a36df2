#include "lib/fetch/fetch.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/lib/fetch_rig.h"

START_TEST(fetch_reports_an_answer_in_full)
{
	static const struct site_page pages[] = {
		{ "/a/../b?c=%41",
		    .headers = "Content-Type: text/html\r\n"
			       "Content-Encoding: gzip\r\n"
			       "X-A: b\r\n",
		    .body = "hello" },
	};
	int64_t before = (int64_t)time(NULL) * 1000;
	struct visit v;
	struct capture *c = &v.capture;

	open_site(pages, ARRAY_LEN(pages), &visitor_options);
	v = fetch(at("/a/../b?c=%41"));
	ck_assert_uint_eq(c->status, 200);
	ck_assert_uint_eq(c->reason, REASON_NONE);
	ck_assert_truncated(v, TRUNCATED_NO);
	ck_assert_uint_eq(c->protocol, PROTOCOL_HTTP_1_1);
	ck_assert_uint_eq(c->tls, TLS_NONE);
	ck_assert_uint_eq(c->port, site_port(site));
	ck_assert_uint_eq(c->lap, 0);
	ck_assert_span_eq(c->ip, "127.0.0.1");
	ck_assert_span_eq(c->content_type, "text/html");
	/* not decoded: the digest is over what came */
	ck_assert_span_eq(c->content_encoding, "gzip");
	ck_assert_span_eq(buf_span(&v.body), "hello");
	ck_assert_uint_eq(c->body_len, 5);
	ck_assert_uint_eq(c->location.len, 0);
	ck_assert_int_eq(c->retry_after_ms, -1);
	ck_assert_span_eq(c->headers,
	    "content-type: text/html\ncontent-encoding: gzip\nx-a: b\n"
	    "content-length: 5\n");
	ck_assert_int_ge(c->started_ms, before - 1000);
	ck_assert_int_eq(c->fetch_end_ms, c->started_ms + c->total_ms);
	ck_assert_int_ge(c->dns_ms, 0);
	ck_assert_int_ge(c->connect_ms, 0);
	ck_assert_int_eq(c->tls_ms, -1);
	ck_assert_int_ge(c->ttfb_ms, 0);
	ck_assert_int_ge(c->total_ms, c->ttfb_ms);
	ck_assert(!v.short_fd);
	visit_fini(&v);
	close_site();
}
END_TEST

START_TEST(fetch_asks_as_itself_and_nothing_more)
{
	static const struct site_page pages[] = { { NULL, .body = "x" } };
	struct visit v;
	char want[512];

	setenv("http_proxy", "http://127.0.0.1:1/", 1);
	open_site(pages, 1, &visitor_options);
	v = fetch(at("/a/./b/../c?d"));
	snprintf(want, sizeof(want),
	    "GET /a/./b/../c?d HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
	    "User-Agent: visitor/1\r\n"
	    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,"
	    "*/*;q=0.8\r\nAccept-Encoding: gzip\r\n\r",
	    site_port(site));
	ck_assert_str_eq(site_last_request(site), want);
	visit_fini(&v);
	close_site();
}
END_TEST

START_TEST(fetch_sends_no_cookie_back)
{
	static const struct site_page pages[] = { { NULL,
	    .headers = "Set-Cookie: a=b\r\n" } };
	struct visit v;

	open_site(pages, 1, &visitor_options);
	for (int i = 0; i < 2; i++) {
		v = fetch(at("/"));
		visit_fini(&v);
	}
	ck_assert_ptr_null(strstr(site_last_request(site), "ookie"));
	close_site();
}
END_TEST

START_TEST(fetch_uses_a_connection_again)
{
	static const struct site_page pages[] = {
		{ "/plain", .body = "one" },
		{ "/chunked", SITE_CHUNKED, .body = "two", .size = 50000 },
		{ "/none", .status = 204 },
		{ "/informed", .body = "three", .informs = true },
	};
	struct visit v;

	open_site(pages, ARRAY_LEN(pages), &visitor_options);
	for (int i = 0; i < 20; i++) {
		const struct site_page *page = &pages[i % ARRAY_LEN(pages)];

		v = fetch(at(page->path));
		ck_assert_uint_eq(v.capture.status,
		    page->status ? page->status : 200);
		ck_assert_truncated(v, TRUNCATED_NO);
		ck_assert_uint_eq(v.body.len, page->size   ? page->size
					      : page->body ? strlen(page->body)
							   : 0);
		/* nothing was looked up or connected to */
		if (i > 0) {
			ck_assert_int_eq(v.capture.dns_ms, -1);
			ck_assert_int_eq(v.capture.connect_ms, -1);
		}
		ck_assert_span_eq(v.capture.ip, "127.0.0.1");
		visit_fini(&v);
	}
	ck_assert_uint_eq(site_connections(site), 1);
	ck_assert_uint_eq(site_requests(site), 20);
	close_site();
}
END_TEST

START_TEST(fetch_leaves_trailers_and_informational_headers_out)
{
	static const struct site_page pages[] = {
		{ "/", SITE_CHUNKED, .body = "x", .informs = true },
	};
	struct visit v;

	open_site(pages, 1, &visitor_options);
	v = fetch(at("/"));
	ck_assert_uint_eq(v.capture.status, 200);
	ck_assert_span_eq(v.capture.headers, "transfer-encoding: chunked\n");
	visit_fini(&v);
	close_site();
}
END_TEST

START_TEST(fetch_hands_error_pages_on)
{
	static const struct site_page pages[] = {
		{ "/500", .status = 500, .body = "sorry" },
		{ "/503s", .status = 503, .headers = "Retry-After: 7\r\n" },
		{ "/503d", .status = 503,
		    .headers = "Date: Sun, 06 Nov 1994 08:00:00 GMT\r\n"
			       "Retry-After: Sun, 06 Nov 1994 08:01:00 "
			       "GMT\r\n" },
		{ "/429", .status = 429,
		    .headers = "Retry-After: 9999999\r\n" },
	};
	static const struct {
		const char *path;
		int status;
		int64_t retry_after_ms;
	} want[] = { { "/500", 500, -1 }, { "/503s", 503, 7000 },
		{ "/503d", 503, 60000 }, { "/429", 429, 86400000 },
		{ "/404", 404, -1 } };

	open_site(pages, ARRAY_LEN(pages), &visitor_options);
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		struct visit v = fetch(at(want[i].path));

		ck_assert_int_eq(v.capture.status, want[i].status);
		ck_assert_int_eq(v.capture.reason, REASON_NONE);
		ck_assert_int_eq(v.capture.retry_after_ms,
		    want[i].retry_after_ms);
		visit_fini(&v);
	}
	close_site();
}
END_TEST

START_TEST(fetch_resolves_a_redirect_and_does_not_follow_it)
{
	/* clang-format off */
	static const struct site_page pages[] = {
		{ "/a/rel",   .status = 301, .headers = "Location: ../b?x#frag\r\n" },
		{ "/a/abs",   .status = 302, .headers = "Location: HTTPS://Example.ORG\r\n" },
		{ "/a/proto", .status = 307, .headers = "Location: //example.org/c d\r\n" },
		{ "/a/bad",   .status = 308, .headers = "Location: http://[::\r\n" },
		{ "/a/none",  .status = 303 },
		{ "/a/201",   .status = 201, .headers = "Location: /b\r\n" },
	};
	/* clang-format on */
	char rel[64];
	struct {
		const char *path, *location;
	} want[] = { { "/a/rel", rel }, { "/a/abs", "https://example.org/" },
		{ "/a/proto", "http://example.org/c%20d" }, { "/a/bad", "" },
		{ "/a/none", "" }, { "/a/201", "" } };

	open_site(pages, ARRAY_LEN(pages), &visitor_options);
	snprintf(rel, sizeof(rel), "http://127.0.0.1:%u/b?x", site_port(site));
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		struct visit v = fetch(at(want[i].path));

		ck_assert_uint_eq(v.capture.status, pages[i].status);
		ck_assert_span_eq(v.capture.location, want[i].location);
		visit_fini(&v);
	}
	ck_assert_uint_eq(site_requests(site), ARRAY_LEN(want));
	close_site();
}
END_TEST

START_TEST(fetch_reads_a_location_as_browsers_do)
{
	/* clang-format off */
	static const struct site_page pages[] = {
		{ "/two",   .status = 302, .headers = "Location: /a\r\nLocation: /b\r\n" },
		{ "/twice", .status = 302, .headers = "Location: /a\r\nLocation: /a\r\n" },
		{ "/empty", .status = 302, .headers = "Location: \r\n" },
		{ "/utf8",  .status = 302, .headers = "Location: /\xc3\xa4?\xc3\xa4\r\n" },
		{ "/bytes", .status = 302, .headers = "Location: /\xe4?\xe4 \xe4\r\n" },
		{ "/blank", .status = 302, .headers = "Location:   /a b?c d  \r\n" },
		{ "/js",    .status = 302, .headers = "Location: javascript:alert(1)\r\n" },
		{ "/data",  .status = 302, .headers = "Location: data:text/html,x\r\n" },
		{ "/user",  .status = 302, .headers = "Location: http://me:secret@x.test/#top\r\n" },
		{ "/300",   .status = 300, .headers = "Location: /a\r\n" },
		{ "/304",   .status = 304, .headers = "Location: /a\r\n" },
		{ "/305",   .status = 305, .headers = "Location: /a\r\n" },
	};
	static const char *const want[] = { "", "/a", "", "/%C3%A4?%C3%A4",
		"/%E4?%E4%20%E4", "/a%20b?c%20d", "javascript:alert(1)",
		"data:text/html,x", "http://x.test/", "", "", "" };
	/* clang-format on */

	open_site(pages, ARRAY_LEN(pages), &visitor_options);
	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		struct visit v = fetch(at(pages[i].path));

		ck_assert_uint_eq(v.capture.status, pages[i].status);
		ck_assert_msg(span_eq(v.capture.location,
				  span_from(want[i][0] == '/' ? at(want[i])
							      : want[i])),
		    "%s: \"%.*s\"", pages[i].path,
		    SPAN_ARG(v.capture.location));
		visit_fini(&v);
	}
	close_site();
}
END_TEST

START_TEST(fetch_says_when_a_redirect_leads_to_the_same_page)
{
	/* clang-format off */
	static const struct site_page pages[] = {
		{ "/p?b=1&a=2", .status = 302, .headers = "Location: /p?a=2&b=1\r\n" },
		{ "/p?utm_source=x", .status = 301, .headers = "Location: /p\r\n" },
		{ "/p", .status = 301, .headers = "Location: /p;jsessionid=7\r\n" },
		{ "/q?sid=1", .status = 301, .headers = "Location: /q\r\n" },
		{ "/s", .status = 301, .headers = "Location: /s/\r\n" },
		{ "/self", .status = 301, .headers = "Location: /self\r\n" },
		{ "/script", .status = 301, .headers = "Location: javascript:x\r\n" },
	};
	static const uint8_t want[] = { REDIRECT_SAME, REDIRECT_SAME,
		REDIRECT_SAME, REDIRECT_SAME, REDIRECT_OTHER, REDIRECT_OTHER,
		REDIRECT_OTHER };
	/* clang-format on */
	struct fetch_options options = visitor_options;
	const struct span extra = SPAN("sid");

	options.canon = (struct canon){ CANON_DEFAULT, &extra, 1 };
	open_site(pages, ARRAY_LEN(pages), &options);
	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		struct visit v = fetch(at(pages[i].path));

		ck_assert_msg(v.capture.redirect == want[i], "%s: %d",
		    pages[i].path, v.capture.redirect);
		visit_fini(&v);
	}
	close_site();
}
END_TEST

START_TEST(fetch_of_a_refused_connection_fails_to_connect)
{
	struct visit v;
	char url[64];

	open_site(NULL, 0, &visitor_options);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", site_port(site));
	site_stop(site);
	v = fetch(url);
	ck_assert_reason(v, REASON_CONNECT_FAIL);
	ck_assert(!v.short_fd);
	ck_assert_int_eq(v.capture.ttfb_ms, -1);
	ck_assert_int_eq(v.capture.connect_ms, -1);
	visit_fini(&v);
	visitor_fini(&visitor);
}
END_TEST

START_TEST(fetch_of_an_unknown_name_is_a_dns_failure)
{
	static const struct site_page pages[] = { { "/", .body = "x" } };
	struct visit v;

	open_site(pages, 1, &visitor_options);
	v = fetch(at("/")); /* nothing of it may show in the next one */
	visit_fini(&v);
	v = fetch("http://no-such-host.invalid/");
	ck_assert_reason(v, REASON_DNS_FAIL);
	ck_assert(!v.short_fd);
	ck_assert_uint_eq(v.capture.ip.len, 0);
	ck_assert_uint_eq(v.capture.port, 0);
	ck_assert_uint_eq(v.capture.headers.len, 0);
	ck_assert_int_eq(v.capture.dns_ms, -1);
	ck_assert_int_eq(v.capture.protocol, PROTOCOL_NONE);
	visit_fini(&v);
	close_site();
}
END_TEST

START_TEST(fetch_does_not_connect_to_private_addresses)
{
	static const struct site_page pages[] = { { "/", .body = "secret" } };
	static const char *const hosts[] = { "127.0.0.1", "[::ffff:127.0.0.1]",
		"localhost", "0.0.0.0", "2130706433", "[::1]", "10.0.0.1",
		"169.254.169.254" };
	struct fetch_options options = visitor_options;

	options.allow_private = false;
	open_site(pages, 1, &options);
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		struct visit v;
		char url[128];

		snprintf(url, sizeof(url), "http://%s:%u/", hosts[i],
		    site_port(site));
		v = fetch(url);
		ck_assert_reason(v, REASON_BLOCKED_SSRF);
		ck_assert_uint_gt(v.capture.ip.len, 0);
		visit_fini(&v);
	}
	ck_assert_uint_eq(site_connections(site), 0);
	close_site();

	/* The mapped form does reach the site when it is allowed. */
	open_site(pages, 1, &visitor_options);
	struct visit v = { 0 };
	char url[128];

	snprintf(url, sizeof(url), "http://[::ffff:127.0.0.1]:%u/",
	    site_port(site));
	v = fetch(url);
	ck_assert_uint_eq(v.capture.status, 200);
	visit_fini(&v);
	close_site();
}
END_TEST

START_TEST(fetch_refuses_what_is_no_http_url)
{
	static const char *const bad[] = { "", "ftp://127.0.0.1/",
		"file:///etc/passwd", "127.0.0.1", "http://", "http://a b/",
		"http://127.0.0.1:99999/", "HTTP//x" };
	struct fetch_request request = { SPAN("http://127.0.0.1/\0x"), 1,
		&visitor };
	struct visit v = { 0 };

	open_site(NULL, 0, &visitor_options);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(visitor_start(&visitor, bad[i], &v) == -EINVAL,
		    "%s", bad[i]);
	ck_assert_int_eq(fetch_start(visitor.pool, &request), -EINVAL);
	ck_assert_uint_eq(fetch_inflight(visitor.pool), 0);
	close_site();
}
END_TEST

START_TEST(fetch_keeps_what_came_before_the_peer_closed)
{
	static const struct site_page pages[] = {
		{ "/half", SITE_HALF, .body = "x", .size = 1000 },
		{ "/chunk", SITE_RAW,
		    .body = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
			    "\r\n400\r\nabc" },
		{ "/badchunk", SITE_RAW,
		    .body = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
			    "\r\n3\r\nabc\r\nzz\r\n" },
	};
	static const size_t len[] = { 500, 3, 3 };

	open_site(pages, ARRAY_LEN(pages), &visitor_options);
	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		struct visit v = fetch(at(pages[i].path));

		ck_assert_uint_eq(v.capture.status, 200);
		ck_assert_truncated(v, TRUNCATED_DISCONNECT);
		ck_assert_uint_eq(v.body.len, len[i]);
		visit_fini(&v);
	}
	close_site();
}
END_TEST

START_TEST(fetch_believes_a_length_that_is_too_short)
{
	static const struct site_page pages[] = {
		{ "/", SITE_LONGER, .body = "x", .size = 1000 },
	};
	struct visit v;

	open_site(pages, 1, &visitor_options);
	/* What is left over must not be taken for the next answer. */
	for (int i = 0; i < 2; i++) {
		v = fetch(at("/"));
		ck_assert_uint_eq(v.capture.status, 200);
		ck_assert_uint_eq(v.body.len, 500);
		visit_fini(&v);
	}
	close_site();
}
END_TEST

START_TEST(fetch_of_no_answer_fails_to_read)
{
	static char flood[8 + 400000], endless[8 + 400000];
	const struct site_page pages[] = {
		{ "/hangup", SITE_HANG_UP },
		{ "/garbage", SITE_RAW, .body = "\x01\x02garbage\r\n\r\n" },
		{ "/09", SITE_RAW, .body = "<html>HTTP/0.9</html>" },
		{ "/zero", SITE_RAW, .body = "HTTP/1.1 000 No\r\n\r\nbody" },
		{ "/inform", SITE_RAW,
		    .body = "HTTP/1.1 100 Continue\r\n\r\n" },
		{ "/cut", SITE_RAW, .body = "HTTP/1.1 200 OK\r\nA: b\r\nC" },
		{ "/line", SITE_RAW, .body = "HTTP/1.1 200 OK\r\n" },
		{ "/flood", .headers = flood },
		{ "/endless", SITE_RAW, .body = endless },
		{ "/bomb", SITE_RAW, .body = "HTTP/1.1 103 Hints\r\n\r\n",
		    .size = 2000000 },
	};

	memset(endless, 'x', 400000);
	memcpy(endless, "HTTP/1.1 200 OK\r\nA: ", 20);
	/* many lines, none of them long */
	for (size_t i = 0; i < 400000; i += 100) {
		memset(flood + i, 'x', 100);
		memcpy(flood + i, "A: ", 3);
		memcpy(flood + i + 98, "\r\n", 2);
	}
	open_site(pages, ARRAY_LEN(pages), &visitor_options);
	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		struct visit v = fetch(at(pages[i].path));

		ck_assert_msg(v.capture.reason == REASON_READ_FAIL &&
				  v.capture.status == 0,
		    "%s: %s, status %u", pages[i].path,
		    reason_name(v.capture.reason), v.capture.status);
		ck_assert_uint_eq(v.body.len, 0);
		visit_fini(&v);
	}
	close_site();
}
END_TEST

START_TEST(fetch_cancelled_reports_nothing)
{
	static const struct site_page pages[] = {
		{ "/silent", SITE_SILENT },
		{ "/ok", .body = "x" },
		{ "/stall", .body = "x", .size = 10000, .drip_ms = 60000,
		    .burst = 5000 },
	};
	struct visit silent = { 0 }, ok = { 0 }, early = { 0 };
	struct visit stall = { 0 };
	int64_t from = now_ms();

	open_site(pages, ARRAY_LEN(pages), &visitor_options);
	ck_assert_int_eq(visitor_start(&visitor, at("/silent"), &silent), 0);
	ck_assert_int_eq(visitor_start(&visitor, at("/ok"), &ok), 0);
	ck_assert_int_eq(visitor_start(&visitor, at("/stall"), &stall), 0);
	while (!ok.done || site_requests(site) < 3 || stall.body.len < 5000)
		visitor_step(&visitor, 10);
	/* one that has hardly begun, one that waits, one unknown, one in the
	 * middle of its body */
	ck_assert_int_eq(visitor_start(&visitor, "http://no-such-host.invalid/",
			     &early),
	    0);
	fetch_cancel(visitor.pool, &early);
	fetch_cancel(visitor.pool, &silent);
	fetch_cancel(visitor.pool, &from);
	fetch_cancel(visitor.pool, &stall);
	ck_assert_uint_eq(fetch_inflight(visitor.pool), 0);
	ck_assert(!silent.done && !early.done && !stall.done);
	ck_assert_uint_eq(ok.capture.status, 200);
	ck_assert_int_lt(now_ms() - from, 5000);
	visit_fini(&silent);
	visit_fini(&ok);
	visit_fini(&early);
	visit_fini(&stall);

	/* The handles are as good as new. */
	ok = fetch(at("/ok"));
	ck_assert_uint_eq(ok.capture.status, 200);
	ck_assert_uint_eq(ok.capture.body_len, 1);
	ck_assert_span_eq(ok.capture.headers, "content-length: 1\n");
	visit_fini(&ok);
	close_site();
}
END_TEST

START_TEST(fetch_pool_ends_with_transfers_in_flight)
{
	static const struct site_page pages[] = { { "/", SITE_SILENT } };
	struct visit a = { 0 }, b = { 0 };

	open_site(pages, 1, &visitor_options);
	ck_assert_int_eq(visitor_start(&visitor, at("/"), &a), 0);
	while (site_requests(site) < 1)
		visitor_step(&visitor, 10);
	ck_assert_int_eq(visitor_start(&visitor, "http://x.invalid/", &b), 0);
	visitor_step(&visitor, 0);
	close_site();
	visit_fini(&a);
	visit_fini(&b);
	fetch_pool_free(NULL);
}
END_TEST

START_TEST(fetch_pool_of_an_unreadable_ca_file_says_so)
{
	struct fetch_options options = visitor_options;
	const struct fetch_hooks hooks = { 0 };
	struct fetch_pool *pool = NULL;
	struct err err = ERR_NONE;

	options.ca_file = "/no/such/file";
	ck_assert_int_eq(fetch_pool_new(&options, &hooks, &pool, &err),
	    -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "/no/such/file"));
	ck_assert_ptr_null(pool);
}
END_TEST

TEST_MAIN("fetch", fetch_reports_an_answer_in_full,
    fetch_asks_as_itself_and_nothing_more, fetch_sends_no_cookie_back,
    fetch_uses_a_connection_again,
    fetch_leaves_trailers_and_informational_headers_out,
    fetch_hands_error_pages_on,
    fetch_resolves_a_redirect_and_does_not_follow_it,
    fetch_reads_a_location_as_browsers_do,
    fetch_says_when_a_redirect_leads_to_the_same_page,
    fetch_of_a_refused_connection_fails_to_connect,
    fetch_of_an_unknown_name_is_a_dns_failure,
    fetch_does_not_connect_to_private_addresses,
    fetch_refuses_what_is_no_http_url,
    fetch_keeps_what_came_before_the_peer_closed,
    fetch_believes_a_length_that_is_too_short, fetch_of_no_answer_fails_to_read,
    fetch_cancelled_reports_nothing, fetch_pool_ends_with_transfers_in_flight,
    fetch_pool_of_an_unreadable_ca_file_says_so)
