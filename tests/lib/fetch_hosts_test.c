/*
 * What one host is given, and nobody else: proxies, headers, passwords,
 * cookies.
 */
#include <errno.h>
#include <stdlib.h>

#include "tests/lib/fetch_rig.h"
#include "tests/site/proxy.h"

static struct proxy *proxy;

static const struct site_page pages[] = {
	{ "/set",
	    .headers = "Set-Cookie: k=v\r\nSet-Cookie: w=x; Path=/p\r\n" },
	{ "/wall", .status = 302,
	    .headers = "Location: /wall\r\nSet-Cookie: seen=1\r\n" },
	{ NULL, .headers = "Content-Type: text/html\r\n", .body = "page" },
};

static void
start_visit(const char *url, struct visit *visit)
{
	ck_assert_int_eq(visitor_start(&visitor, url, visit), 0);
	visitor_run(&visitor);
	ck_assert(visit->done);
}

/* What the site was asked with, after one visit that must have gone well. */
static const char *
asked(const char *url, struct visit visit)
{
	start_visit(url, &visit);
	ck_assert_msg(visit.capture.status != 0, "%s: %s", url,
	    reason_name(visit.capture.reason));
	visit_fini(&visit);
	return site_last_request(site);
}

#define ck_assert_says(text, what)                                             \
	ck_assert_msg(strstr(text, what) != NULL, "no %s in: %s", what, text)
#define ck_assert_silent(text, what)                                           \
	ck_assert_msg(strcasestr(text, what) == NULL, "%s in: %s", what, text)

START_TEST(fetch_sends_what_one_host_is_given_to_no_other)
{
	static const char lines[] =
	    "Accept-Language: de\nAccept: image/png\nX-Key: secret\n";
	struct visit plain = { 0 };
	const char *head;
	char other[64];

	/* One idle handle, one kept connection: what is left is found. */
	open_site(pages, ARRAY_LEN(pages), &visitor_options);
	head = asked(at("/a"),
	    (struct visit){ .headers = lines, .auth = "me:pa:ss" });
	ck_assert_says(head, "Accept-Language: de\r\n");
	ck_assert_says(head, "X-Key: secret\r\n");
	ck_assert_says(head, "Accept: image/png\r\n");
	ck_assert_silent(head, "text/html");
	ck_assert_says(head, "Accept-Encoding: gzip\r\n");
	ck_assert_says(head, "Authorization: Basic bWU6cGE6c3M=\r\n");
	asked(at("/set"), (struct visit){ .cookies = true });
	head = asked(at("/b"), (struct visit){ .cookies = true });
	ck_assert_says(head, "Cookie: k=v\r\n");
	ck_assert_silent(head, "Authorization");

	head = asked(at("/c"), plain);
	ck_assert_uint_eq(site_connections(site), 1);
	for (size_t i = 0; i < 2; i++) {
		ck_assert_silent(head, "X-Key");
		ck_assert_silent(head, "Accept-Language");
		ck_assert_says(head, "Accept: text/html");
		ck_assert_silent(head, "Authorization");
		ck_assert_silent(head, "Cookie");
		ck_assert_silent(head, "Referer");
		/* The same server by another name: cookies are the first's. */
		snprintf(other, sizeof(other), "http://localhost:%u/d",
		    site_port(site));
		head = asked(other, (struct visit){ .cookies = i == 0 });
	}
	close_site();
}
END_TEST

START_TEST(fetch_leaves_nothing_behind_when_it_is_cancelled_or_refused)
{
	struct visit visit = { .auth = "me:secret",
		.headers = "X-Key: secret\n" };
	struct fetch_request bad = { .url = SPAN("ftp://x.test/"),
		.user = &visit,
		.auth = "me:secret" };
	const char *head;

	open_site(pages, ARRAY_LEN(pages), &visitor_options);
	ck_assert_int_eq(fetch_start(visitor.pool, &bad), -EINVAL);
	ck_assert_int_eq(visitor_start(&visitor, at("/a"), &visit), 0);
	fetch_cancel(visitor.pool, &visit);
	visit_fini(&visit);
	head = asked(at("/b"), (struct visit){ 0 });
	ck_assert_silent(head, "Authorization");
	ck_assert_silent(head, "X-Key");
	close_site();
}
END_TEST

START_TEST(fetch_of_a_cookie_wall_is_asked_again)
{
	struct visit v = { .cookies = true };

	open_site(pages, ARRAY_LEN(pages), &visitor_options);
	start_visit(at("/wall"), &v);
	ck_assert_span_eq(v.capture.location, at("/wall"));
	ck_assert_uint_eq(v.capture.redirect, REDIRECT_SAME);
	visit_fini(&v);
	ck_assert_says(asked(at("/x"), (struct visit){ .cookies = true }),
	    "Cookie: seen=1\r\n");
	/* without cookies it is a loop */
	v = (struct visit){ 0 };
	start_visit(at("/wall"), &v);
	ck_assert_uint_eq(v.capture.redirect, REDIRECT_OTHER);
	visit_fini(&v);
	close_site();
}
END_TEST

static const char *
proxy_url(const char *scheme)
{
	static char url[64];

	snprintf(url, sizeof(url), "%s127.0.0.1:%u", scheme, proxy_port(proxy));
	return url;
}

/* A name that only the proxy can look up. */
static const char *
at_name(const char *path)
{
	static char url[128];

	snprintf(url, sizeof(url), "http://far.example:%u%s", site_port(site),
	    path);
	return url;
}

START_TEST(fetch_connects_to_the_address_that_a_host_is_given)
{
	struct fetch_options options = visitor_options;
	struct visit given = { .resolve = "127.0.0.1" }, plain = { 0 };
	struct visit refused = { .resolve = "127.0.0.1" };
	char want[64];

	open_site(pages, ARRAY_LEN(pages), &visitor_options);
	start_visit(at_name("/p"), &given);
	ck_assert_int_eq(given.capture.status, 200);
	ck_assert_span_eq(given.capture.ip, "127.0.0.1");
	snprintf(want, sizeof(want), "Host: far.example:%u\r\n",
	    site_port(site));
	ck_assert_says(site_last_request(site), want);
	/* The connection that was kept is not for who is given none. */
	start_visit(at_name("/q"), &plain);
	ck_assert_reason(plain, REASON_DNS_FAIL);
	ck_assert_says(site_last_request(site), "GET /p ");
	visit_fini(&given);
	visit_fini(&plain);
	visitor_fini(&visitor);

	/* It is no way to a private address. */
	options.allow_private = false;
	ck_assert_int_eq(visitor_init(&visitor, &options), 0);
	start_visit(at_name("/r"), &refused);
	ck_assert_reason(refused, REASON_BLOCKED_SSRF);
	visit_fini(&refused);
	close_site();
}
END_TEST

START_TEST(fetch_asks_through_a_proxy)
{
	static const char *const schemes[] = { "http://", "socks5h://",
		"http://me:secret@", "socks5h://me:secret@" };
	struct fetch_options options = visitor_options;
	char want[128];

	options.allow_private = false; /* the proxy itself may be private */
	open_site(pages, ARRAY_LEN(pages), &options);
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		struct visit v = { 0 };

		ck_assert_int_eq(proxy_start(i < 2 ? PROXY_HELPS
						   : PROXY_ASKS_WHO,
				     &proxy),
		    0);
		v.proxy = proxy_url(schemes[i]);
		start_visit(at_name("/p"), &v);
		ck_assert_msg(v.capture.status == 200, "%s: %s", schemes[i],
		    reason_name(v.capture.reason));
		ck_assert_span_eq(buf_span(&v.body), "page");
		ck_assert(v.capture.proxied);
		ck_assert_uint_eq(v.capture.ip.len, 0);
		ck_assert_uint_eq(v.capture.port, 0);
		ck_assert_says(site_last_request(site), "GET /p HTTP/1.1");
		ck_assert_silent(site_last_request(site), "secret");
		snprintf(want, sizeof(want),
		    i % 2 ? "SOCKS5 far.example %u" : "Host: far.example:%u",
		    site_port(site));
		ck_assert_says(proxy_last(proxy), want);
		if (i >= 2)
			ck_assert_says(proxy_last(proxy),
			    i % 2 ? " me secret"
				  : "Proxy-Authorization: Basic "
				    "bWU6c2VjcmV0\r\n");
		visit_fini(&v);
		proxy_stop(proxy);
	}
	close_site();
}
END_TEST

START_TEST(fetch_through_a_proxy_is_no_way_to_a_private_address)
{
	static const char *const hosts[] = { "127.0.0.1", "10.1.2.3", "[::1]",
		"[::ffff:127.0.0.1]", "169.254.169.254", "localhost",
		"x.localhost" };
	struct fetch_options options = visitor_options;
	char url[128];

	options.allow_private = false;
	open_site(pages, ARRAY_LEN(pages), &options);
	ck_assert_int_eq(proxy_start(PROXY_HELPS, &proxy), 0);
	/* A connection to the proxy is open: it must not be used either. */
	asked(at_name("/p"), (struct visit){ .proxy = proxy_url("http://") });
	for (size_t i = 0; i < 2 * ARRAY_LEN(hosts); i++) {
		struct visit v = { .proxy = proxy_url(
				       i % 2 ? "http://" : "socks5h://") };

		snprintf(url, sizeof(url), "http://%s:%u/", hosts[i / 2],
		    site_port(site));
		start_visit(url, &v);
		ck_assert_reason(v, REASON_BLOCKED_SSRF);
		ck_assert_int_eq(v.capture.dns_ms, -1);
		visit_fini(&v);
	}
	ck_assert_uint_eq(proxy_requests(proxy), 1);
	ck_assert_uint_eq(site_requests(site), 1);
	proxy_stop(proxy);
	close_site();
}
END_TEST

START_TEST(fetch_tells_a_proxy_that_fails_from_a_site_that_does)
{
	static const char *const schemes[] = { "http://", "socks5h://" };
	char https[128];

	open_site(pages, ARRAY_LEN(pages), &visitor_options);
	snprintf(https, sizeof(https), "https://far.example:%u/",
	    site_port(site));
	for (int how = PROXY_ASKS_WHO; how <= PROXY_REFUSES; how++) {
		ck_assert_int_eq(proxy_start((enum proxy_how)how, &proxy), 0);
		for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
			struct visit v = { .proxy = proxy_url(schemes[i]) };
			struct visit w = v;

			start_visit(https, &v);
			ck_assert_reason(v, REASON_PROXY_FAIL);
			visit_fini(&v);
			/* What it answers itself to plain HTTP cannot be told
			 * from the site's own, but for the 407. */
			if (i == 0 && how == PROXY_REFUSES)
				continue;
			start_visit(at_name("/"), &w);
			ck_assert_reason(w, REASON_PROXY_FAIL);
			visit_fini(&w);
		}
		proxy_stop(proxy);
	}
	ck_assert_uint_eq(site_requests(site), 0);
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		struct visit v = { 0 };
		char gone[64];

		snprintf(gone, sizeof(gone), "%s127.0.0.1:1", schemes[i]);
		v.proxy = gone;
		start_visit(at_name("/"), &v);
		ck_assert_reason(v, REASON_PROXY_FAIL);
		ck_assert(!v.short_fd);
		visit_fini(&v);
	}
	close_site();
}
END_TEST

START_TEST(fetch_takes_no_proxy_and_no_exception_from_the_environment)
{
	struct visit v = { 0 };
	const char *head;

	open_site(pages, ARRAY_LEN(pages), &visitor_options);
	ck_assert_int_eq(proxy_start(PROXY_HELPS, &proxy), 0);
	setenv("http_proxy", proxy_url("http://"), 1);
	setenv("all_proxy", proxy_url("http://"), 1);
	setenv("no_proxy", "far.example", 1);
	asked(at("/a"), (struct visit){ 0 });
	ck_assert_uint_eq(proxy_requests(proxy), 0);
	v.proxy = proxy_url("http://");
	start_visit(at_name("/b"), &v);
	ck_assert_uint_eq(v.capture.status, 200);
	ck_assert_uint_eq(proxy_requests(proxy), 1);
	visit_fini(&v);
	/* and the next one goes without again, its open connection or not */
	head = asked(at("/c"), (struct visit){ 0 });
	ck_assert_says(head, "GET /c HTTP/1.1");
	ck_assert_silent(head, "Proxy-");
	ck_assert_uint_eq(proxy_requests(proxy), 1);
	proxy_stop(proxy);
	close_site();
}
END_TEST

START_TEST(fetch_asks_addresses_of_one_ip_version_alone)
{
	struct fetch_options options = visitor_options;
	char url[64];
	struct visit v;

	options.ip_version = 6;
	open_site(pages, ARRAY_LEN(pages), &options);
	v = fetch(at("/"));
	ck_assert_uint_eq(v.capture.status, 0);
	ck_assert_uint_eq(site_requests(site), 0);
	visit_fini(&v);
	/* An IPv4 address written as IPv6 is one of these. */
	snprintf(url, sizeof(url), "http://[::ffff:7f00:1]:%u/mapped",
	    site_port(site));
	v = fetch(url);
	ck_assert_uint_eq(v.capture.status, 200);
	ck_assert_span_eq(v.capture.ip, "::ffff:127.0.0.1");
	ck_assert_says(site_last_request(site), "Host: [::ffff:7f00:1]:");
	visit_fini(&v);
	visitor_fini(&visitor);
	options.ip_version = 4;
	ck_assert_int_eq(visitor_init(&visitor, &options), 0);
	snprintf(url, sizeof(url), "http://localhost:%u/", site_port(site));
	v = fetch(url);
	ck_assert_uint_eq(v.capture.status, 200);
	ck_assert_span_eq(v.capture.ip, "127.0.0.1");
	visit_fini(&v);
	v = fetch("http://[::1]:1/");
	ck_assert_uint_eq(v.capture.status, 0);
	visit_fini(&v);
	close_site();
}
END_TEST

START_TEST(fetch_refuses_private_ipv6_addresses_in_urls)
{
	static const char *const hosts[] = { "[::1]", "[::ffff:127.0.0.1]",
		"[fe80::1]", "[fd00::1]", "[64:ff9b::7f00:1]", "[::]" };
	struct fetch_options options = visitor_options;
	char url[64];

	options.allow_private = false;
	open_site(pages, ARRAY_LEN(pages), &options);
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		struct visit v;

		snprintf(url, sizeof(url), "http://%s:%u/", hosts[i],
		    site_port(site));
		v = fetch(url);
		ck_assert_reason(v, REASON_BLOCKED_SSRF);
		visit_fini(&v);
	}
	ck_assert_uint_eq(site_connections(site), 0);
	close_site();
}
END_TEST

TEST_MAIN("fetch_hosts", fetch_sends_what_one_host_is_given_to_no_other,
    fetch_leaves_nothing_behind_when_it_is_cancelled_or_refused,
    fetch_of_a_cookie_wall_is_asked_again, fetch_asks_through_a_proxy,
    fetch_connects_to_the_address_that_a_host_is_given,
    fetch_through_a_proxy_is_no_way_to_a_private_address,
    fetch_tells_a_proxy_that_fails_from_a_site_that_does,
    fetch_takes_no_proxy_and_no_exception_from_the_environment,
    fetch_asks_addresses_of_one_ip_version_alone,
    fetch_refuses_private_ipv6_addresses_in_urls)
