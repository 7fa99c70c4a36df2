#include <errno.h>

#include "lib/config/config.h"
#include "tests/harness.h"

static struct config config;
static struct err err;

/* Read a file of this text into fresh settings. */
static int
reads(const char *text)
{
	static const char *dir;
	char *path = NULL;
	FILE *file;
	int r;

	if (dir == NULL)
		dir = test_temp_dir();
	ck_assert(asprintf(&path, "%s/mpcrawl.conf", dir) > 0);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert(fputs(text, file) >= 0);
	ck_assert_int_eq(fclose(file), 0);
	err = ERR_NONE;
	ck_assert_int_eq(config_init(&config), 0);
	r = config_read(&config, path, &err);
	free(path);
	return r;
}

static void
takes(const char *text)
{
	ck_assert_msg(reads(text) == 0, "%s", err.text);
}

static void
refuses(const char *text, const char *words)
{
	ck_assert_int_lt(reads(text), 0);
	ck_assert_msg(strstr(err.text, words) != NULL, "\"%s\" lacks \"%s\"",
	    err.text, words);
	config_fini(&config);
}

static int64_t
delay(const char *url)
{
	const struct config_host *host = config_host(&config, span_from(url));

	ck_assert_ptr_nonnull(host);
	return host->host_delay_ms;
}

START_TEST(config_host_sections_apply_in_order_and_the_later_wins)
{
	const struct config_host *host;

	takes("host_delay = 3s\n"
	      "[host \"*.example.org\"]\n"
	      "host_delay = 5s\n"
	      "host_concurrency = 2\n"
	      "[host \"www.example.org\"]\n"
	      "host_delay = 7s\n"
	      "robots = ignore\n"
	      "retry_delay = 1s, 2s\n");
	host = config_host(&config, SPAN("https://www.example.org/a?b#c"));
	ck_assert_int_eq(host->host_delay_ms, 7000);
	ck_assert_uint_eq(host->host_concurrency, 2);
	ck_assert_int_eq(host->robots, CONFIG_ROBOTS_IGNORE);
	ck_assert_uint_eq(host->retry_delay.n, 2);
	ck_assert_int_eq(host->retry_delay.ms[1], 2000);
	/* What no section says is as everywhere. */
	ck_assert_uint_eq(host->host_max_pages, 100000);
	ck_assert_int_eq(delay("http://a.example.org"), 5000);
	ck_assert_int_eq(delay("http://example.org"), 3000);
	ck_assert_ptr_eq(config_host(&config, SPAN("http://other.org/")),
	    &config.host);
	ck_assert_int_eq(config.host.robots, CONFIG_ROBOTS_OBEY);
	config_fini(&config);
}
END_TEST

START_TEST(config_host_is_the_same_object_for_hosts_of_the_same_sections)
{
	const struct config_host *a;

	takes("[host \"*.example.org\"]\nhost_delay = 5s\n");
	a = config_host(&config, SPAN("http://a.example.org"));
	ck_assert_ptr_ne(a, &config.host);
	ck_assert_ptr_eq(a, config_host(&config, SPAN("http://b.example.org")));
	config_fini(&config);
}
END_TEST

START_TEST(config_host_an_option_does_not_win_over_a_section)
{
	takes("[host \"slow.example\"]\nhost_delay = 9s\n");
	ck_assert_int_eq(config_set(&config, "host_delay", "0", NULL), 0);
	ck_assert_int_eq(delay("http://slow.example/"), 9000);
	ck_assert_int_eq(delay("http://fast.example/"), 0);
	config_fini(&config);
}
END_TEST

START_TEST(config_host_patterns_name_hosts_as_urls_do)
{
	/* clang-format off */
	static const struct {
		const char *pattern, *url;
		bool is_named;
	} cases[] = {
		{ "example.org", "http://example.org/", true },
		{ "example.org", "https://example.org:8443", true },
		{ "example.org", "http://example.org.", true },
		{ "example.org.", "http://example.org", true },
		{ "EXAMPLE.org", "http://example.org/", true },
		{ "example.org", "http://example.org.evil/", false },
		{ "example.org", "http://www.example.org/", false },
		{ "example.org", "http://example.com/?example.org", false },
		{ "example.org", "http://example.org@evil/", false },
		{ "example.org", "http://u:p@example.org/", true },
		{ "example.org", "http://evil/@example.org", false },
		{ "*.example.org", "http://a.b.example.org/", true },
		{ "*.example.org", "http://example.org/", false },
		{ "*.example.org", "http://badexample.org/", false },
		{ "*example.org", "http://badexample.org/", true },
		{ "*", "http://anything/", true },
		{ "w*w.*.org", "http://ww.a.org/", true },
		{ "w*w.*.org", "http://w.a.org/", false },
		{ "a*b*c", "http://axbxbxd/", false },
		{ "a*b*c", "http://axbxbxc/", true },
		{ "127.0.0.*", "http://127.0.0.9:80/", true },
		{ "0x7f.1", "http://127.0.0.1/", true },
		{ "example.org:80", "http://example.org/", true },
		{ "example.org:80", "https://example.org/", false },
		{ "example.org:443", "https://example.org/", true },
		{ "example.org:8080", "http://example.org:8080/", true },
		{ "example.org:8080", "http://example.org/", false },
		{ "*:8080", "http://127.0.0.1:8080", true },
		{ "[::1]", "http://[::1]/", true },
		{ "[0:0::1]", "http://[::1]:8080/", true },
		{ "[::1]:8080", "http://[::1]:8080/x:1", true },
		{ "[::1]:8080", "http://[::1]/", false },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[200];

		snprintf(text, sizeof(text),
		    "  [host \"%s\"]  \nhost_delay = 5s\n", cases[i].pattern);
		takes(text);
		ck_assert_msg((delay(cases[i].url) == 5000) ==
				  cases[i].is_named,
		    "%s and %s", cases[i].pattern, cases[i].url);
		config_fini(&config);
	}
}
END_TEST

START_TEST(config_host_errors_name_line_pattern_and_key)
{
	refuses("\n[host \"a.org\"]\nmax_pages = 3\n",
	    "/mpcrawl.conf:3: [host \"a.org\"]: max_pages is not a setting of "
	    "a host; did you mean host_max_pages?");
	refuses("[host \"a.org\"]\nhost_dealy = 3s\n",
	    ":2: [host \"a.org\"]: host_dealy: there is no such setting; did "
	    "you mean host_delay?");
	refuses("[host \"a.org\"]\ncontact = me@example.org\n",
	    ":2: [host \"a.org\"]: contact is not a setting of a host");
	refuses("[host \"a.org\"]\nfields = +links\n",
	    "fields is not a setting of a host");
	refuses("[host \"a.org\"]\nhost = b.org: host_delay = 1s\n",
	    "host is not a setting of a host");
	refuses("[host \"a.org\"]\nhost_delay = soon\n",
	    ":2: [host \"a.org\"]: host_delay = soon: a time is");
	refuses("[host \"a.org\"]\nhost_delay = 2d\n", "allowed are 0 to 1d");
	refuses("host = a.org: host_delay = 1s\n",
	    ":1: host is not a setting of a file");
	refuses("log = info\n[crawl]\n",
	    ":2: [crawl]: there is no such section; there is [host");
	refuses("[host]\n", "[host]: there is no such section");
	refuses("[host a.org]\n", "there is no such section");
	refuses("[hosts \"a.org\"]\n", "there is no such section");
	refuses("[host \"a.org\"\n", ":1: a section, and no ]");
	refuses("[host \"a.org\"] # twice as slow\n", "a section, and no ]");
}
END_TEST

START_TEST(config_host_refuses_a_pattern_that_no_host_has)
{
	static const char *const bad[] = { "", "http://a.org", "a.org/x", "a b",
		"a.org:", "a.org:0", "a.org:65536", "u@a.org", "a.org?", "::1",
		"[::1", "a.org#b", "256.1.1.1", "a.org:http" };
	static const char *const options[] = { "*.a\nb.org: host_delay = 2s",
		"a.org\n: host_delay = 2s", "\ra.org: host_delay = 2s",
		"a\t.org: host_delay = 2s", "a.org\x7f: host_delay = 2s" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char text[200];

		snprintf(text, sizeof(text), "[host \"%s\"]\n", bad[i]);
		refuses(text, "a pattern is the name or the address of a host");
	}
	/* An option may have what a line of a file cannot: each of these would
	 * be two lines where the sections are shown. */
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		err = ERR_NONE;
		ck_assert_int_eq(config_init(&config), 0);
		ck_assert_int_eq(config_set(&config, "host", options[i], &err),
		    -EINVAL);
		ck_assert_ptr_nonnull(strstr(err.text, "a pattern is"));
		config_fini(&config);
	}
}
END_TEST

START_TEST(config_host_what_holds_between_settings_holds_in_a_section)
{
	takes("[host \"a.org\"]\n\n\nbackoff = 2h\n");
	ck_assert_int_eq(config_finish(&config, 2, 1024, 0, &err), -EINVAL);
	ck_assert_msg(strstr(err.text,
			  "mpcrawl.conf:1: [host \"a.org\"]: "
			  "backoff = 2h: above max_backoff") != NULL,
	    "%s", err.text);
	config_fini(&config);
	takes("[host \"a.org\"]\nbackoff = 2h\nmax_backoff = 3h\n");
	ck_assert_int_eq(config_finish(&config, 2, 1024, 0, &err), 0);
	config_fini(&config);
}
END_TEST

START_TEST(config_host_the_option_adds_a_section_behind_those_of_the_file)
{
	takes("[host \"*.org\"]\nhost_delay = 5s\nretries = 9\n");
	ck_assert_int_eq(config_set(&config, "host", "a.org: host_delay = 6s",
			     &err),
	    0);
	ck_assert_int_eq(config_set(&config, "host", "[::1]:80: host_delay=0",
			     &err),
	    0);
	ck_assert_int_eq(delay("http://a.org/"), 6000);
	ck_assert_int_eq(delay("http://b.org/"), 5000);
	ck_assert_int_eq(delay("http://[::1]/"), 0);
	ck_assert_uint_eq(config_host(&config, SPAN("http://a.org"))->retries,
	    9);
	ck_assert_int_eq(config_set(&config, "host", "a.org", &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "it is PATTERN: KEY = VALUE"));
	ck_assert_int_eq(config_set(&config, "host", "a.org: x = 1", &err),
	    -ENOENT);
	ck_assert_ptr_nonnull(
	    strstr(err.text, "[host \"a.org\"]: x: there is no such setting"));
	config_fini(&config);
}
END_TEST

START_TEST(config_host_sections_are_shown_as_they_could_stand_in_a_file)
{
	static const char text[] = "[host \"*.Example.org\"]\n"
				   "host_delay = 5s\n"
				   "\n"
				   "[host \"a:80\"]\n"
				   "retry_delay = 1s, 2s\n";
	static const char last[] = "\n[host \"b.org\"]\nheader = X: y\n";
	struct buf out;

	takes(text);
	buf_init(&out, 1 << 20);
	ck_assert_int_eq(config_show_sections(&config, &out), 0);
	ck_assert(span_eq(buf_span(&out), span_from(text)));
	/* One of an option, too, with as many blanks as it had. */
	ck_assert_int_eq(config_set(&config, "host",
			     "b.org: \t header  =\t X: y \t", &err),
	    0);
	buf_clear(&out);
	ck_assert_int_eq(config_show_sections(&config, &out), 0);
	ck_assert(span_ends(buf_span(&out), span_from(last)));
	buf_fini(&out);
	config_fini(&config);
}
END_TEST

START_TEST(config_host_help_marks_what_a_section_may_have)
{
	struct buf out;

	buf_init(&out, 1 << 20);
	ck_assert_int_eq(config_help(&out), 0);
	ck_assert_int_eq(buf_add_char(&out, '\0'), 0);
	ck_assert_ptr_nonnull(strstr(out.ptr,
	    "--host-concurrency N      requests to one host at the same time "
	    "(host)\n"));
	ck_assert_ptr_nonnull(
	    strstr(out.ptr, "stop after so many pages; 0: no limit [0]"));
	buf_fini(&out);
}
END_TEST

TEST_MAIN("config_host", config_host_sections_apply_in_order_and_the_later_wins,
    config_host_is_the_same_object_for_hosts_of_the_same_sections,
    config_host_an_option_does_not_win_over_a_section,
    config_host_patterns_name_hosts_as_urls_do,
    config_host_errors_name_line_pattern_and_key,
    config_host_refuses_a_pattern_that_no_host_has,
    config_host_what_holds_between_settings_holds_in_a_section,
    config_host_the_option_adds_a_section_behind_those_of_the_file,
    config_host_sections_are_shown_as_they_could_stand_in_a_file,
    config_host_help_marks_what_a_section_may_have)
