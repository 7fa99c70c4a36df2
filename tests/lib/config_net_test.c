#include <errno.h>

#include "lib/config/config.h"
#include "tests/harness.h"

static struct config config;
static struct err err;

static void
fresh(void)
{
	err = ERR_NONE;
	ck_assert_int_eq(config_init(&config), 0);
}

static void
sets(const char *key, const char *value)
{
	int r = config_set(&config, key, value, &err);

	ck_assert_msg(r == 0, "%s = %s: %d, %s", key, value, r, err.text);
}

static void
refuses(const char *key, const char *value, const char *words)
{
	err = ERR_NONE;
	ck_assert_int_lt(config_set(&config, key, value, &err), 0);
	ck_assert_msg(strstr(err.text, words) != NULL, "\"%s\" lacks \"%s\"",
	    err.text, words);
	ck_assert_msg(strstr(err.text, "secret") == NULL, "told: %s", err.text);
}

START_TEST(config_proxy_is_scheme_host_and_port)
{
	/* clang-format off */
	static const char *const good[][2] = {
		{ "http://127.0.0.1:3128", "http://127.0.0.1:3128" },
		{ "http://proxy.example:80/", "http://proxy.example:80" },
		{ "https://[::1]:443", "https://[::1]:443" },
		{ "socks5h://127.0.0.1:9050", "socks5h://127.0.0.1:9050" },
		/* names are looked up by the proxy, however it is written */
		{ "socks5://127.0.0.1:9050", "socks5h://127.0.0.1:9050" },
		{ "http://me:secret@127.0.0.1:1", "http://me:secret@127.0.0.1:1" },
	};
	static const char *const bad[] = { "127.0.0.1:3128", "http://x", "http://",
		"http://:80", "ftp://x:21", "socks4://x:1080", "http://x:99999",
		"http://x:80/path", "http://x:80?q", "http://x:80#f", "http://x y:80",
		"http://x:80\n", "http://me:secret@x", "me:secret@x:80",
		"ftp://me:secret@x:21" };
	/* clang-format on */

	fresh();
	ck_assert_ptr_null(config.host.proxy);
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		sets("proxy", good[i][0]);
		ck_assert_str_eq(config.host.proxy, good[i][1]);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		refuses("proxy", bad[i], "http://127.0.0.1:3128");
	ck_assert_str_eq(config.host.proxy, good[ARRAY_LEN(good) - 1][1]);
	sets("proxy", "none");
	ck_assert_ptr_null(config.host.proxy);
	config_fini(&config);
}
END_TEST

START_TEST(config_resolve_is_an_address_of_one_host)
{
	static const char *const bad[] = { "localhost", "127.1", "1.2.3",
		"[127.0.0.1]", "::1%lo", "[::1", "127.0.0.1:80", "1.2.3.4 ",
		"[]", "2001:db8::7:" };

	fresh();
	ck_assert_ptr_null(config.host.resolve);
	sets("resolve", "192.0.2.7");
	ck_assert_str_eq(config.host.resolve, "192.0.2.7");
	sets("resolve", "2001:db8::7");
	ck_assert_str_eq(config.host.resolve, "[2001:db8::7]");
	sets("resolve", "[2001:db8::8]");
	ck_assert_str_eq(config.host.resolve, "[2001:db8::8]");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		refuses("resolve", bad[i], "192.0.2.7 or 2001:db8::7");
	sets("resolve", "none");
	ck_assert_ptr_null(config.host.resolve);
	sets("host", "www.example.org: resolve = 192.0.2.9");
	ck_assert_ptr_null(config.host.resolve);
	ck_assert_str_eq(config_host(&config, SPAN("https://www.example.org/"))
			     ->resolve,
	    "192.0.2.9");
	config_fini(&config);
}
END_TEST

START_TEST(config_headers_are_lines_of_which_the_later_wins)
{
	char full[256];

	fresh();
	sets("header", "Accept-Language: en, de;q=0.5");
	sets("header", "X-Key:  : a colon ");
	ck_assert_str_eq(config.host.headers,
	    "Accept-Language: en, de;q=0.5\nX-Key: : a colon\n");
	sets("header", "accept-language: fr");
	ck_assert_str_eq(config.host.headers,
	    "X-Key: : a colon\naccept-language: fr\n");
	sets("header", "X-Key:");
	ck_assert_str_eq(config.host.headers, "accept-language: fr\n");
	sets("header", "Accept-Language: ");
	ck_assert_ptr_null(config.host.headers);
	/* The lines fill their memory; a long name looks for none behind it. */
	snprintf(full, sizeof(full), "X: %0*d", 256 - 4 - 5 - 1, 0);
	sets("header", full);
	sets("header", "Y: b");
	sets("header",
	    "Sixty-characters-of-a-name-that-is-longer-than-any-line-here: c");
	ck_assert_uint_eq(strcspn(config.host.headers, "\n"), strlen(full));
	config_fini(&config);
}
END_TEST

START_TEST(config_headers_that_are_ours_to_write_are_refused)
{
	/* clang-format off */
	static const struct {
		const char *line, *why;
	} bad[] = {
		{ "Host: x",                       "that of the URL" },
		{ "Cookie: k=v",                   "see cookies" },
		{ "cookie:",                       "see cookies" },
		{ "Authorization: x",              "see auth" },
		{ "Proxy-Authorization: x",        "see proxy" },
		{ "User-Agent: x",                 "see user_agent" },
		{ "Accept-Encoding: br",           "can be decoded" },
		{ "Range: bytes=1-",               "half a page" },
		{ "content-length: 1",             "no body" },
		{ "Content-Type: text/html",       "no body" },
		{ "Content-Encoding: gzip",        "no body" },
		{ "Expect: 100-continue",          "no body" },
		{ "Trailer: X",                    "no body" },
		{ "Transfer-Encoding: chunked",    "no body" },
		{ "CONNECTION: close",             "of the connection" },
		{ "Keep-Alive: 5",                 "of the connection" },
		{ "Proxy-Connection: keep-alive",  "of the connection" },
		{ "HTTP2-Settings: AAMAAABk",      "of the connection" },
		{ "Upgrade: h2c",                  "of the connection" },
		{ "TE: trailers",                  "of the connection" },
		/* No names: an empty one, one of HTTP/2, blanks, controls. */
		{ ": x",                           "no name" },
		{ ":authority: x",                 "no name" },
		{ "Host : x",                      "no name" },
		{ " Host: x",                      "no name" },
		{ "a b: x",                        "no name" },
		{ "X\r\nHost: x",                  "no name" },
		{ "X\tY: x",                       "no name" },
		{ "X\x7f: x",                      "no name" },
		{ "\xC3\xA9: x",                   "no name" },
		{ "no colon",                      "Accept-Language: en" },
		{ "",                              "Accept-Language: en" },
		/* Values that would begin another header. */
		{ "X: a\r\nHost: b",               "control" },
		{ "X: a\nHost: b",                 "control" },
		{ "X: a\rHost: b",                 "control" },
		{ "X: a\x01",                      "control" },
		{ "X: a\tb",                       "control" },
		{ "X: a\x7f",                      "control" },
	};
	/* clang-format on */
	static char long_one[9000] = "X: ", long_name[200];

	fresh();
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		refuses("header", bad[i].line, bad[i].why);
	/* In the section of a host, too. */
	refuses("host", "a.test: header = Host: b", "that of the URL");
	memset(long_name, 'n', sizeof(long_name) - 4);
	memcpy(long_name + sizeof(long_name) - 4, ": x", 4);
	refuses("header", long_name, "too long");
	memset(long_one + 3, 'x', sizeof(long_one) - 4);
	refuses("header", long_one, "8K");
	ck_assert_ptr_null(config.host.headers);
	config_fini(&config);
}
END_TEST

static const char *
auth(const char *url)
{
	return config_auth(&config, span_from(url));
}

START_TEST(config_auth_is_for_one_origin_and_no_other)
{
	fresh();
	ck_assert_ptr_null(auth("https://a.test/"));
	sets("auth", "HTTPS://A.test:443/ me:pass word:x");
	sets("auth", "http://a.test:8080\tyou:");
	ck_assert_str_eq(auth("https://a.test/x?y"), "me:pass word:x");
	ck_assert_str_eq(auth("https://a.test"), "me:pass word:x");
	ck_assert_str_eq(auth("http://a.test:8080/"), "you:");
	ck_assert_ptr_null(auth("http://a.test/"));
	ck_assert_ptr_null(auth("https://a.test:8443/"));
	ck_assert_ptr_null(auth("https://a.test.evil.test/"));
	ck_assert_ptr_null(auth("https://x.a.test/"));
	ck_assert_ptr_null(auth("http://a.test:80801/"));
	/* the later one counts */
	sets("auth", "https://a.test other:x");
	ck_assert_str_eq(auth("https://a.test/"), "other:x");
	config_fini(&config);
}
END_TEST

START_TEST(config_auth_that_is_wrong_is_not_shown)
{
	static const char *const bad[] = { "me:secret", "https://a.test secret",
		"https://a.test", "ftp://a.test me:secret",
		"https://a.test/path me:secret", "https://a.test?q me:secret",
		"https://u:secret@a.test me:secret",
		"https://a.test me:secret\x01", "" };
	static char longer[4000];

	fresh();
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		refuses("auth", bad[i], "https://example.org NAME");
	memset(longer, 's', sizeof(longer) - 1);
	memcpy(longer, "https://a.test me:", 18);
	refuses("auth", longer, "2048 bytes");
	ck_assert_uint_eq(config.auth.n, 0);
	config_fini(&config);
}
END_TEST

/* As a program would be started; its words are in argv. */
static void
args_refuse(const char *option, const char *value, const char *words)
{
	char *argv[] = { (char *)(uintptr_t)option, (char *)(uintptr_t)value };
	int n;

	fresh();
	ck_assert_int_eq(config_load(&config, 2, argv, &n, &err), -EINVAL);
	ck_assert_msg(strstr(err.text, words) != NULL, "%s", err.text);
	ck_assert_msg(strstr(err.text, "secret") == NULL, "%s", err.text);
	config_fini(&config);
}

START_TEST(config_passwords_are_no_options)
{
	args_refuse("--auth", "https://a.test me:secret", "mpcrawl.conf");
	args_refuse("--proxy", "http://me:secret@127.0.0.1:1", "mpcrawl.conf");
	args_refuse("--host", "a.test: proxy = http://me:secret@127.0.0.1:1",
	    "mpcrawl.conf");
}
END_TEST

static void
read_file(const char *text)
{
	char path[512];
	FILE *file;
	int r;

	snprintf(path, sizeof(path), "%s/mpcrawl.conf", test_temp_dir());
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert(fputs(text, file) >= 0);
	ck_assert_int_eq(fclose(file), 0);
	fresh();
	r = config_read(&config, path, &err);
	ck_assert_msg(r == 0, "%s", err.text);
}

START_TEST(config_host_sections_have_their_proxies_headers_and_cookies)
{
	const struct config_host *host;
	struct buf shown;

	read_file("proxy = socks5://127.0.0.1:9050\n"
		  "header = Accept-Language: en\n"
		  "auth = https://b.test me:secret\n"
		  "[host \"a.test\"]\n"
		  "proxy = none\n"
		  "cookies = host\n"
		  "header = Accept-Language: de\n"
		  "header = X-Key: 1\n"
		  "[host \"b.test\"]\n"
		  "proxy = http://me:secret@127.0.0.1:3128\n");
	host = config_host(&config, SPAN("http://a.test/"));
	ck_assert_ptr_null(host->proxy);
	ck_assert_int_eq(host->cookies, 1);
	ck_assert_str_eq(host->headers, "Accept-Language: de\nX-Key: 1\n");
	host = config_host(&config, SPAN("http://b.test/"));
	ck_assert_str_eq(host->proxy, "http://me:secret@127.0.0.1:3128");
	ck_assert_str_eq(host->headers, "Accept-Language: en\n");
	ck_assert_int_eq(host->cookies, 0);
	host = config_host(&config, SPAN("http://c.test/"));
	ck_assert_str_eq(host->proxy, "socks5h://127.0.0.1:9050");
	ck_assert_str_eq(host->headers, "Accept-Language: en\n");

	buf_init(&shown, 1 << 16);
	ck_assert_int_eq(config_show_sections(&config, &shown), 0);
	ck_assert_int_eq(buf_add_char(&shown, '\0'), 0);
	ck_assert_ptr_nonnull(
	    strstr(shown.ptr, "proxy = http://***@127.0.0.1:3128\n"));
	ck_assert_ptr_null(strstr(shown.ptr, "secret"));
	buf_fini(&shown);
	config_fini(&config);
}
END_TEST

TEST_MAIN("config_net", config_resolve_is_an_address_of_one_host,
    config_proxy_is_scheme_host_and_port,
    config_headers_are_lines_of_which_the_later_wins,
    config_headers_that_are_ours_to_write_are_refused,
    config_auth_is_for_one_origin_and_no_other,
    config_auth_that_is_wrong_is_not_shown, config_passwords_are_no_options,
    config_host_sections_have_their_proxies_headers_and_cookies)
