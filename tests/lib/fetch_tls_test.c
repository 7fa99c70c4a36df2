#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fetch/fetch.h"
#include "lib/message/reason.h"
#include "tests/harness.h"
#include "tests/site/proxy.h"
#include "tests/site/visitor.h"

static struct visitor visitor;
static const char *folder;
static pid_t server;
static uint16_t port;
static const char *extra = ""; /* of the server's settings */

static void
write_file(const char *name, const char *fmt, ...)
{
	char path[512];
	va_list args;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	va_start(args, fmt);
	vfprintf(file, fmt, args);
	va_end(args);
	ck_assert_int_eq(fclose(file), 0);
}

static const char *
in_folder(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

/* A certificate for 127.0.0.1, signed by itself: good for who trusts it. */
static void
make_certificate(void)
{
	char command[1024];

	snprintf(command, sizeof(command),
	    "cd %s && openssl req -x509 -newkey ec -pkeyopt "
	    "ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=mpcrawl "
	    "-addext subjectAltName=IP:127.0.0.1 -keyout key.pem "
	    "-out cert.pem 2>/dev/null",
	    folder);
	ck_assert_int_eq(system(command), 0);
}

static struct sockaddr_in
loopback(uint16_t at)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons(at),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static uint16_t
free_port(void)
{
	struct sockaddr_in addr = loopback(0);
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, len), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	close(fd);
	return ntohs(addr.sin_port);
}

static pid_t
run_nginx(void)
{
	pid_t parent = getpid(), pid;

	write_file("nginx.conf",
	    "daemon off; master_process off; pid %s/pid;\n"
	    "events { }\n"
	    "http { access_log off; types { text/html html; }\n"
	    "client_body_temp_path %s/t1; proxy_temp_path %s/t2;\n"
	    "fastcgi_temp_path %s/t3; uwsgi_temp_path %s/t4;\n"
	    "scgi_temp_path %s/t5;\n"
	    "server { listen 127.0.0.1:%u ssl http2; root %s;\n"
	    "ssl_certificate %s/cert.pem; ssl_certificate_key %s/key.pem;\n"
	    "add_header X-Connection $connection;\n"
	    "add_header X-Reused \"$ssl_session_reused\";\n"
	    "add_header X-Auth \"$http_authorization\";\n"
	    "%s}}\n",
	    folder, folder, folder, folder, folder, folder, port, folder,
	    folder, folder, extra);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	execl("/usr/sbin/nginx", "nginx", "-p", folder, "-c",
	    in_folder("nginx.conf"), "-e", "/dev/null", (char *)NULL);
	_exit(127);
}

/* True once it accepts connections, false when it has gone. */
static bool
wait_for_server(void)
{
	for (;;) {
		struct sockaddr_in addr = loopback(port);
		int fd = socket(AF_INET, SOCK_STREAM, 0), r;

		r = connect(fd, (struct sockaddr *)&addr, sizeof(addr));
		close(fd);
		if (r == 0)
			return true;
		if (waitpid(server, NULL, WNOHANG) == server)
			return false;
		usleep(1000);
	}
}

static void
start_server(void)
{
	signal(SIGPIPE, SIG_IGN);
	folder = test_temp_dir();
	make_certificate();
	write_file("page.html", "<title>page</title>");
	/* A port that was free may be somebody's when nginx takes it. */
	for (int i = 0; i < 5; i++) {
		port = free_port();
		server = run_nginx();
		if (wait_for_server())
			return;
	}
	ck_abort_msg("nginx does not start");
}

static void
stop_server(void)
{
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
}

static struct visit
fetch(const struct fetch_options *options, const char *host, int times)
{
	struct visit visit = { 0 };
	char url[64];

	if (visitor.pool == NULL)
		ck_assert_int_eq(visitor_init(&visitor, options), 0);
	snprintf(url, sizeof(url), "https://%s:%u/page.html", host, port);
	for (int i = 0; i < times; i++) {
		visit_fini(&visit);
		visit = (struct visit){ 0 };
		ck_assert_int_eq(visitor_start(&visitor, url, &visit), 0);
		visitor_run(&visitor);
	}
	return visit;
}

static void
leave(struct visit *visit)
{
	visit_fini(visit);
	visitor_fini(&visitor);
	visitor.pool = NULL;
}

static void
ck_assert_page(const struct visit *v, unsigned tls, unsigned protocol)
{
	ck_assert_msg(v->capture.status == 200, "status %u, %s",
	    v->capture.status, reason_name(v->capture.reason));
	ck_assert_uint_eq(v->capture.tls, tls);
	ck_assert_uint_eq(v->capture.protocol, protocol);
	ck_assert(span_eq(buf_span(&v->body), SPAN("<title>page</title>")));
	ck_assert(span_eq(v->capture.content_type, SPAN("text/html")));
}

START_TEST(fetch_over_tls_verifies_and_speaks_http2)
{
	struct fetch_options options = visitor_options;
	struct visit v;

	start_server();
	options.ca_file = in_folder("cert.pem");
	for (int verify = 0; verify < 2; verify++) {
		options.tls_verify = verify;
		v = fetch(&options, "127.0.0.1", 1);
		ck_assert_page(&v, TLS_GOOD, PROTOCOL_HTTP_2);
		ck_assert_int_ge(v.capture.tls_ms, 0);
		ck_assert_int_eq(v.capture.port, port);
		ck_assert(span_starts(v.capture.tls_version, SPAN("TLSv1.")));
		ck_assert_uint_gt(v.capture.tls_cipher.len, 10);
		leave(&v);
	}
	options.http = 1;
	v = fetch(&options, "127.0.0.1", 1);
	ck_assert_page(&v, TLS_GOOD, PROTOCOL_HTTP_1_1);
	leave(&v);
	stop_server();
}
END_TEST

START_TEST(fetch_refuses_a_bad_certificate)
{
	struct fetch_options options = visitor_options;
	struct visit v;

	start_server();
	v = fetch(&options, "127.0.0.1", 1); /* nobody trusts it */
	ck_assert_str_eq(reason_name(v.capture.reason), "tls_fail");
	ck_assert_uint_eq(v.capture.status, 0);
	ck_assert(!v.short_fd);
	leave(&v);
	options.ca_file = in_folder("cert.pem");
	v = fetch(&options, "localhost", 1); /* another name */
	ck_assert_str_eq(reason_name(v.capture.reason), "tls_fail");
	leave(&v);
	stop_server();
}
END_TEST

START_TEST(fetch_records_a_bad_certificate_and_goes_on)
{
	struct fetch_options options = visitor_options;
	struct visit v;

	start_server();
	options.tls_verify = 1;
	v = fetch(&options, "127.0.0.1", 1);
	ck_assert_page(&v, TLS_BAD_CERT, PROTOCOL_HTTP_2);
	leave(&v);

	options.ca_file = in_folder("cert.pem");
	v = fetch(&options, "localhost", 1);
	ck_assert_page(&v, TLS_BAD_CERT, PROTOCOL_HTTP_2);
	visit_fini(&v);
	/* the handle that went unverified verifies again */
	v = fetch(&options, "127.0.0.1", 1);
	ck_assert_page(&v, TLS_GOOD, PROTOCOL_HTTP_2);
	leave(&v);
	stop_server();
}
END_TEST

START_TEST(fetch_shakes_hands_with_a_bad_certificate_once)
{
	struct fetch_options options = visitor_options;
	struct visit v;

	start_server();
	options.tls_verify = 1;
	v = fetch(&options, "127.0.0.1", 5);
	ck_assert_page(&v, TLS_BAD_CERT, PROTOCOL_HTTP_2);
	/* nginx counts: the look whether it is there, the one that failed,
	 * and the one that served all five. */
	ck_assert_msg(memmem(v.capture.headers.ptr, v.capture.headers.len,
			  "x-connection: 3\n", 16) != NULL,
	    "%.*s", SPAN_ARG(v.capture.headers));
	ck_assert_int_eq(v.capture.tls_ms, -1);
	leave(&v);
	stop_server();
}
END_TEST

START_TEST(fetch_with_verification_off_knows_nothing_of_the_certificate)
{
	struct fetch_options options = visitor_options;
	struct visit v;

	start_server();
	options.tls_verify = 2;
	v = fetch(&options, "127.0.0.1", 1);
	ck_assert_page(&v, TLS_NONE, PROTOCOL_HTTP_2);
	leave(&v);
	stop_server();
}
END_TEST

START_TEST(fetch_without_descriptors_doubts_no_certificate)
{
	struct fetch_options options = visitor_options;
	struct rlimit limit = { 64, 64 };
	int fd, last = -1;
	struct visit v;

	start_server();
	options.tls_verify = 1;
	options.ca_file = in_folder("cert.pem");
	ck_assert_int_eq(visitor_init(&visitor, &options), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	while ((fd = dup(1)) >= 0)
		last = fd;
	/* One for the connection, none to read who is trusted. */
	close(last);
	v = fetch(&options, "127.0.0.1", 1);
	ck_assert_str_eq(reason_name(v.capture.reason), "connect_fail");
	ck_assert(v.short_fd);
	visit_fini(&v);
	close(last - 1);
	v = fetch(&options, "127.0.0.1", 1);
	ck_assert_page(&v, TLS_GOOD, PROTOCOL_HTTP_2);
	leave(&v);
	stop_server();
}
END_TEST

static bool
says(const struct visit *v, const char *line)
{
	return memmem(v->capture.headers.ptr, v->capture.headers.len, line,
		   strlen(line)) != NULL;
}

START_TEST(fetch_resumes_the_tls_session_of_a_former_connection)
{
	struct fetch_options options = visitor_options;
	struct visit v, waits = { 0 };
	struct sockaddr_in addr = loopback(0);
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char url[64];

	/* each page its own connection */
	extra = "keepalive_timeout 0;\nssl_session_cache shared:S:1m;\n"
		"ssl_protocols TLSv1.2 TLSv1.3;\n";
	start_server();
	options.ca_file = in_folder("cert.pem");
	options.http = 1; /* nginx ends HTTP/2 so that nothing is resumed */
	v = fetch(&options, "127.0.0.1", 1);
	ck_assert_page(&v, TLS_GOOD, PROTOCOL_HTTP_1_1);
	ck_assert(says(&v, "x-reused: .\n"));
	visit_fini(&v);
	/* The handle that has shaken hands is busy, with nobody: what another
	 * one resumes it was not told by libcurl itself. */
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, len), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	snprintf(url, sizeof(url), "https://127.0.0.1:%u/",
	    ntohs(addr.sin_port));
	ck_assert_int_eq(visitor_start(&visitor, url, &waits), 0);
	for (int i = 0; i < 3; i++) {
		v = (struct visit){ 0 };
		snprintf(url, sizeof(url), "https://127.0.0.1:%u/page.html",
		    port);
		ck_assert_int_eq(visitor_start(&visitor, url, &v), 0);
		while (!v.done)
			visitor_step(&visitor, -1);
		ck_assert_page(&v, TLS_GOOD, PROTOCOL_HTTP_1_1);
		ck_assert_int_ge(v.capture.tls_ms, 0);
		ck_assert(says(&v, "x-reused: r\n"));
		visit_fini(&v);
	}
	fetch_cancel(visitor.pool, &waits);
	visit_fini(&waits);
	close(fd);
	/* By another name the certificate is looked at, as ever. */
	v = fetch(&options, "localhost", 1);
	ck_assert_str_eq(reason_name(v.capture.reason), "tls_fail");
	leave(&v);
	stop_server();
}
END_TEST

START_TEST(fetch_through_a_tunnel_is_tls_to_the_site)
{
	static const char *const schemes[] = { "http://", "socks5h://" };
	struct fetch_options options = visitor_options;
	struct proxy *proxy;
	char url[64], peer[64];

	start_server();
	ck_assert_int_eq(proxy_start(PROXY_HELPS, &proxy), 0);
	options.ca_file = in_folder("cert.pem");
	ck_assert_int_eq(visitor_init(&visitor, &options), 0);
	snprintf(url, sizeof(url), "https://127.0.0.1:%u/page.html", port);
	for (unsigned i = 0; i < 4; i++) {
		struct visit v = { .proxy = peer };

		snprintf(peer, sizeof(peer), "%s127.0.0.1:%u", schemes[i / 2],
		    proxy_port(proxy));
		ck_assert_int_eq(visitor_start(&visitor, url, &v), 0);
		visitor_run(&visitor);
		ck_assert_page(&v, TLS_GOOD, PROTOCOL_HTTP_2);
		/* The proxy's own header is none of the page's … */
		ck_assert(!says(&v, "x-proxy"));
		ck_assert(v.capture.proxied);
		/* … and its tunnel is kept for the next page. */
		ck_assert_uint_eq(proxy_requests(proxy), i / 2 + 1);
		visit_fini(&v);
	}
	visitor_fini(&visitor);
	proxy_stop(proxy);
	stop_server();
}
END_TEST

START_TEST(fetch_tells_a_password_to_nobody_with_a_bad_certificate)
{
	struct fetch_options options = visitor_options;
	struct visit v;
	char url[64];

	start_server();
	options.tls_verify = 1;
	v = fetch(&options, "127.0.0.1", 1); /* recorded, and remembered */
	ck_assert_page(&v, TLS_BAD_CERT, PROTOCOL_HTTP_2);
	visit_fini(&v);
	v = (struct visit){ .auth = "me:secret" };
	snprintf(url, sizeof(url), "https://127.0.0.1:%u/page.html", port);
	ck_assert_int_eq(visitor_start(&visitor, url, &v), 0);
	visitor_run(&visitor);
	ck_assert_str_eq(reason_name(v.capture.reason), "tls_fail");
	leave(&v);
	options.ca_file = in_folder("cert.pem");
	ck_assert_int_eq(visitor_init(&visitor, &options), 0);
	v = (struct visit){ .auth = "me:secret" };
	ck_assert_int_eq(visitor_start(&visitor, url, &v), 0);
	visitor_run(&visitor);
	ck_assert(says(&v, "x-auth: Basic bWU6c2VjcmV0\n"));
	visit_fini(&v);
	/* the next one, on the same connection, without */
	v = fetch(&options, "127.0.0.1", 1);
	ck_assert_int_eq(v.capture.tls_ms, -1);
	ck_assert(!says(&v, "x-auth: Basic"));
	leave(&v);
	stop_server();
}
END_TEST

START_TEST(fetch_shares_an_http2_connection)
{
	struct fetch_options options = visitor_options;
	struct visit visits[40] = { 0 };
	char url[64];

	start_server();
	options.ca_file = in_folder("cert.pem");
	visits[0] = fetch(&options, "127.0.0.1", 1);
	visit_fini(&visits[0]);
	visits[0] = (struct visit){ 0 };
	snprintf(url, sizeof(url), "https://127.0.0.1:%u/page.html", port);
	for (size_t i = 0; i < ARRAY_LEN(visits); i++)
		ck_assert_int_eq(visitor_start(&visitor, url, &visits[i]), 0);
	visitor_run(&visitor);
	for (size_t i = 0; i < ARRAY_LEN(visits); i++) {
		ck_assert_page(&visits[i], TLS_GOOD, PROTOCOL_HTTP_2);
		ck_assert_int_eq(visits[i].capture.connect_ms, -1);
		visit_fini(&visits[i]);
	}
	visitor_fini(&visitor);
	stop_server();
}
END_TEST

START_TEST(fetch_of_plain_http_behind_https_is_a_tls_failure)
{
	struct fetch_options options = visitor_options;
	struct sockaddr_in addr = loopback(0);
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct visit v = { 0 };
	char url[64];
	pid_t pid;

	/* A server that has never heard of TLS. */
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, len), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	pid = fork();
	if (pid == 0) {
		static const char no[] = "HTTP/1.1 400 Bad Request\r\n\r\n";

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			int peer = accept(fd, NULL, NULL);

			if (write(peer, no, sizeof(no) - 1) < 0)
				_exit(1);
			shutdown(peer, SHUT_WR);
		}
	}
	options.tls_verify = 1;
	ck_assert_int_eq(visitor_init(&visitor, &options), 0);
	snprintf(url, sizeof(url), "https://127.0.0.1:%u/",
	    ntohs(addr.sin_port));
	ck_assert_int_eq(visitor_start(&visitor, url, &v), 0);
	visitor_run(&visitor);
	ck_assert_str_eq(reason_name(v.capture.reason), "tls_fail");
	leave(&v);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(fd);
}
END_TEST

TEST_MAIN("fetch_tls", fetch_over_tls_verifies_and_speaks_http2,
    fetch_refuses_a_bad_certificate,
    fetch_records_a_bad_certificate_and_goes_on,
    fetch_shakes_hands_with_a_bad_certificate_once,
    fetch_with_verification_off_knows_nothing_of_the_certificate,
    fetch_without_descriptors_doubts_no_certificate,
    fetch_resumes_the_tls_session_of_a_former_connection,
    fetch_through_a_tunnel_is_tls_to_the_site,
    fetch_tells_a_password_to_nobody_with_a_bad_certificate,
    fetch_shares_an_http2_connection,
    fetch_of_plain_http_behind_https_is_a_tls_failure)
