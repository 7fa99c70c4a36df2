#include "lib/config/config.h"

#include <errno.h>

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

/* Refused with this number, and a sentence that holds these words. */
static void
refuses(const char *key, const char *value, int r, const char *words)
{
	err = ERR_NONE;
	ck_assert_int_eq(config_set(&config, key, value, &err), r);
	ck_assert_msg(strstr(err.text, words) != NULL, "\"%s\" lacks \"%s\"",
	    err.text, words);
}

START_TEST(config_begins_with_the_documented_defaults)
{
	fresh();
	ck_assert_ptr_null(config.contact);
	ck_assert_str_eq(config.robots_agent, "mpcrawl");
	ck_assert_str_eq(config.dir, "./crawl");
	ck_assert_int_eq(config.scope, SCOPE_HOST);
	ck_assert_uint_eq(config.max_pages, 0);
	ck_assert_uint_eq(config.host.host_max_pages, 100000);
	ck_assert_uint_eq(config.max_depth, 20);
	ck_assert_int_eq(config.host.robots, CONFIG_ROBOTS_OBEY);
	ck_assert_int_eq(config.host.host_delay_ms, 1000);
	ck_assert_int_eq(config.host.robots_ttl_ms, 24 * 3600 * 1000);
	ck_assert_uint_eq(config.robots_max_bytes, 512 << 10);
	ck_assert_int_eq(config.host.backoff_ms, 60000);
	ck_assert_uint_eq(config.max_inflight, 0);
	ck_assert_uint_eq(config.low_speed_bytes, 1024);
	ck_assert_int_eq(config.low_speed_ms, 20000);
	ck_assert_uint_eq(config.max_body, 10 << 20);
	ck_assert_uint_eq(config.host.retry_delay.n, 3);
	ck_assert_int_eq(config.host.retry_delay.ms[0], 30000);
	ck_assert_int_eq(config.host.retry_delay.ms[1], 300000);
	ck_assert_int_eq(config.host.retry_delay.ms[2], 1800000);
	ck_assert_int_eq(config.tls_verify, CONFIG_TLS_RECORD);
	ck_assert_int_eq(config.http, 2);
	ck_assert(!config.allow_private && !config.detach);
	ck_assert(!config.field_links && !config.field_body);
	ck_assert_uint_eq(config.output_size, UINT64_C(1) << 30);
	ck_assert_int_eq(config.commit_interval_ms, 200);
	ck_assert_uint_eq(config.disk_reserve, UINT64_MAX);
	ck_assert_int_eq(config.log, 2);
	config_fini(&config);
	config_fini(&config);
	config_fini(NULL);
}
END_TEST

START_TEST(config_table_names_each_key_and_letter_once)
{
	for (size_t i = 0; i < config_table_len; i++) {
		const struct config_row *a = &config_table[i];

		ck_assert_uint_gt(strlen(a->help), 10);
		for (size_t j = 0; j < i; j++) {
			const struct config_row *b = &config_table[j];

			ck_assert_str_ne(a->key, b->key);
			ck_assert(a->letter == 0 || a->letter != b->letter);
		}
	}
}
END_TEST

START_TEST(config_reads_times_sizes_and_counts)
{
	fresh();
	sets("host_delay", "250ms");
	ck_assert_int_eq(config.host.host_delay_ms, 250);
	sets("host_delay", " 2 s ");
	ck_assert_int_eq(config.host.host_delay_ms, 2000);
	sets("host_delay", "3m");
	ck_assert_int_eq(config.host.host_delay_ms, 180000);
	sets("host_delay", "1d");
	ck_assert_int_eq(config.host.host_delay_ms, 86400000);
	sets("host_delay", "0");
	ck_assert_int_eq(config.host.host_delay_ms, 0);
	sets("max_body", "3K");
	ck_assert_uint_eq(config.max_body, 3072);
	sets("max_body", "1g");
	ck_assert_uint_eq(config.max_body, 1 << 30);
	sets("max_pages", "5M");
	ck_assert_uint_eq(config.max_pages, 5000000);
	sets("max_links", "2k");
	ck_assert_uint_eq(config.max_links, 2000);
	sets("disk_reserve", "5G");
	ck_assert_uint_eq(config.disk_reserve, UINT64_C(5) << 30);
	sets("disk_reserve", "auto");
	ck_assert_uint_eq(config.disk_reserve, UINT64_MAX);
	sets("parsers", "7");
	sets("parsers", "auto");
	ck_assert_uint_eq(config.parsers, 0);
	config_fini(&config);
}
END_TEST

START_TEST(config_refuses_a_time_without_unit_and_says_which_there_are)
{
	fresh();
	refuses("host_delay", "5", -EINVAL, "host_delay = 5: ");
	refuses("host_delay", "5", -EINVAL, "ms, s, m, h or d");
	refuses("host_delay", "", -EINVAL, "unit");
	refuses("host_delay", "-1s", -EINVAL, "unit");
	refuses("host_delay", "1.5s", -EINVAL, "unit");
	refuses("host_delay", "1S", -EINVAL, "unit");
	refuses("host_delay", "1s 2s", -EINVAL, "unit");
	ck_assert_int_eq(config.host.host_delay_ms, 1000);
	config_fini(&config);
}
END_TEST

START_TEST(config_refuses_out_of_range_with_the_range)
{
	fresh();
	refuses("host_delay", "2d", -ERANGE,
	    "host_delay = 2d: allowed are 0 to 1d");
	refuses("host_delay", "99999999999999999999s", -ERANGE, "0 to 1d");
	refuses("host_delay", "9999999999999999999d", -ERANGE, "0 to 1d");
	refuses("robots_max_bytes", "100K", -ERANGE, "500K to 8M");
	refuses("max_body", "18446744073709551615G", -ERANGE, "1K to 4G");
	refuses("max_links", "1M", -ERANGE, "0 to 100K");
	refuses("max_depth", "65536", -ERANGE, "0 to 65535");
	refuses("crawlers", "49", -ERANGE, "0 to 48, and auto");
	refuses("max_body", "12T", -EINVAL, "powers of 1024");
	refuses("max_pages", "many", -EINVAL, "powers of 1000");
	refuses("max_body", "auto", -EINVAL, "whole number");
	config_fini(&config);
}
END_TEST

START_TEST(config_suggests_the_nearest_key_and_only_a_near_one)
{
	fresh();
	refuses("hostdelay", "1s", -ENOENT, "did you mean host_delay?");
	refuses("host-delay", "1s", -ENOENT, "did you mean host_delay?");
	refuses("dri", "x", -ENOENT, "did you mean dir?");
	refuses("crwal_delay", "x", -ENOENT, "did you mean crawl_delay?");
	refuses("elephant", "1", -ENOENT, "elephant: there is no such setting");
	ck_assert_ptr_null(strstr(err.text, "did you mean"));
	refuses("", "1", -ENOENT, "no such");
	config_fini(&config);
}
END_TEST

START_TEST(config_nearest_counts_a_swap_as_one_mistake)
{
	static const char *const words[] = { "status", "start", "stop", "top" };

	ck_assert_str_eq(config_nearest("satrt", words, 4), "start");
	ck_assert_str_eq(config_nearest("stpo", words, 4), "stop");
	ck_assert_str_eq(config_nearest("statsu", words, 4), "status");
	ck_assert_ptr_null(config_nearest("xyz", words, 4));
	ck_assert_ptr_null(config_nearest("", words, 4));
	ck_assert_ptr_null(config_nearest("start", words, 0));
	/* Longer than any key: not even looked at. */
	ck_assert_ptr_null(config_nearest("startstartstartstartstartstartstarts"
					  "tartstartstartstartstartstart"
					  "start",
	    words, 4));
}
END_TEST

START_TEST(config_takes_a_choice_by_its_word)
{
	fresh();
	sets("scope", "any");
	ck_assert_int_eq(config.scope, SCOPE_ANY);
	sets("tls_verify", "off");
	ck_assert_int_eq(config.tls_verify, CONFIG_TLS_OFF);
	sets("http", "1.1");
	ck_assert_int_eq(config.http, 1);
	sets("log", "debug");
	ck_assert_int_eq(config.log, 3);
	refuses("robots", "obay", -EINVAL, "one of: obey txt_only ignore");
	refuses("robots", "", -EINVAL, "one of");
	refuses("robots", "obey ignore", -EINVAL, "one of");
	sets("allow_private", "on");
	ck_assert(config.allow_private);
	sets("allow_private", "no");
	ck_assert(!config.allow_private);
	refuses("allow_private", "maybe", -EINVAL, "yes and no");
	refuses("allow_private", "", -EINVAL, "yes and no");
	config_fini(&config);
}
END_TEST

START_TEST(config_retry_delays_are_a_list)
{
	fresh();
	sets("retry_delay", "1s,2m , 3h 4d");
	ck_assert_uint_eq(config.host.retry_delay.n, 4);
	ck_assert_int_eq(config.host.retry_delay.ms[3], INT64_C(345600000));
	sets("retry_delay", "0");
	ck_assert_uint_eq(config.host.retry_delay.n, 1);
	refuses("retry_delay", "1s, 2", -EINVAL, "unit");
	refuses("retry_delay", " , ", -EINVAL, "at least one");
	refuses("retry_delay", "1s 1s 1s 1s 1s 1s 1s 1s 1s", -ERANGE, "most 8");
	refuses("retry_delay", "31d", -ERANGE, "0 to 30d");
	ck_assert_uint_eq(config.host.retry_delay.n, 1);
	config_fini(&config);
}
END_TEST

START_TEST(config_low_speed_has_a_rate_and_a_time)
{
	fresh();
	sets("low_speed", "2K/s for 30s");
	ck_assert_uint_eq(config.low_speed_bytes, 2048);
	ck_assert_int_eq(config.low_speed_ms, 30000);
	sets("low_speed", "500/1m");
	ck_assert_uint_eq(config.low_speed_bytes, 500);
	ck_assert_int_eq(config.low_speed_ms, 60000);
	sets("low_speed", "0");
	ck_assert_uint_eq(config.low_speed_bytes, 0);
	ck_assert_int_eq(config.low_speed_ms, 0);
	refuses("low_speed", "1K", -EINVAL, "1K/s for 20s");
	refuses("low_speed", "1K/s", -EINVAL, "1K/s for 20s");
	refuses("low_speed", "1K/s for 20", -EINVAL, "1K/s for 20s");
	refuses("low_speed", "/20s", -EINVAL, "1K/s for 20s");
	refuses("low_speed", "1K/500ms", -ERANGE, "1s to 1h");
	refuses("low_speed", "3G/20s", -ERANGE, "2047M/s");
	config_fini(&config);
}
END_TEST

START_TEST(config_fields_amend_with_signs_and_replace_without)
{
	fresh();
	sets("fields", "+links");
	ck_assert(config.field_links && !config.field_body);
	sets("fields", "+body");
	ck_assert(config.field_links && config.field_body);
	sets("fields", "-links");
	ck_assert(!config.field_links && config.field_body);
	sets("fields", "links");
	ck_assert(config.field_links && !config.field_body);
	sets("fields", "links,body");
	ck_assert(config.field_links && config.field_body);
	sets("fields", "");
	ck_assert(!config.field_links && !config.field_body);
	refuses("fields", "+links,+text", -EINVAL,
	    "it is a list of: links body");
	refuses("fields", "+", -EINVAL, "it is a list of");
	ck_assert(!config.field_links);
	config_fini(&config);
}
END_TEST

START_TEST(config_lists_keep_the_order_in_which_they_came)
{
	fresh();
	sets("include", "*/a/*");
	sets("exclude", "*/a/b/*");
	sets("include", "*c");
	ck_assert_uint_eq(config.n_rules, 3);
	ck_assert(config.rules[0].include && !config.rules[1].include);
	ck_assert_str_eq(config.rules[1].text, "*/a/b/*");
	ck_assert(config.rules[2].include);
	refuses("include", "", -EINVAL, "at least one character");
	sets("ignore_params", "sid, from");
	sets("ignore_params", "ref*");
	ck_assert_uint_eq(config.ignore_params.n, 3);
	ck_assert_str_eq(config.ignore_params.items[1], "from");
	ck_assert_str_eq(config.ignore_params.items[2], "ref*");
	config_fini(&config);
}
END_TEST

START_TEST(config_texts_hold_no_control_characters)
{
	fresh();
	refuses("user_agent", "bot\r\nX-Evil: 1", -EINVAL,
	    "user_agent = bot??X-Evil: 1: control characters");
	refuses("contact", "a@b.c\x1b[2J", -EINVAL, "control characters");
	refuses("include", "a\nb", -EINVAL, "control characters");
	refuses("dir", "", -EINVAL, "empty");
	sets("contact", "a@example.org");
	sets("contact", "");
	ck_assert_ptr_null(config.contact);
	config_fini(&config);
}
END_TEST

START_TEST(config_an_overlong_value_is_refused_in_a_short_message)
{
	char value[10000];

	memset(value, 'x', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	fresh();
	refuses("user_agent", value, -ERANGE, "at most 512 bytes");
	refuses("host_delay", value, -EINVAL, "xxx...: a time is");
	refuses(value, "1", -ENOENT, "xxx...: there is no such");
	config_fini(&config);
}
END_TEST

START_TEST(config_finish_fills_what_is_auto)
{
	static const struct {
		unsigned cores;
		uint64_t fds;
		uint32_t crawlers, parsers, inflight;
	} cases[] = {
		{ 0, 1024, 1, 1, 512 },
		{ 1, 65536, 1, 1, 1000 },
		{ 2, 65536, 1, 2, 1000 },
		{ 4, 256, 1, 4, 128 },
		{ 8, 1 << 20, 2, 8, 2000 },
		{ 96, 1 << 20, 16, 96, 4096 },
		{ 1024, 1 << 20, 16, 128, 4096 },
		{ 2, 1, 1, 2, 1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		fresh();
		ck_assert_int_eq(config_finish(&config, cases[i].cores,
				     cases[i].fds, UINT64_C(4) << 30, &err),
		    0);
		ck_assert_uint_eq(config.crawlers, cases[i].crawlers);
		ck_assert_uint_eq(config.parsers, cases[i].parsers);
		ck_assert_uint_eq(config.max_inflight, cases[i].inflight);
		config_fini(&config);
	}
}
END_TEST

START_TEST(config_finish_names_itself_with_its_contact)
{
	fresh();
	ck_assert_int_eq(config_finish(&config, 2, 1024, 0, &err), 0);
	ck_assert_str_eq(config.user_agent, "mpcrawl/" MPCRAWL_VERSION);
	config_fini(&config);

	fresh();
	sets("contact", "https://example.org/bot");
	ck_assert_int_eq(config_finish(&config, 2, 1024, 0, &err), 0);
	ck_assert_str_eq(config.user_agent,
	    "mpcrawl/" MPCRAWL_VERSION " (+https://example.org/bot)");
	config_fini(&config);

	fresh();
	sets("contact", "bot@example.org");
	sets("user_agent", "mine/1");
	ck_assert_int_eq(config_finish(&config, 2, 1024, 0, &err), 0);
	ck_assert_str_eq(config.user_agent, "mine/1");
	config_fini(&config);
}
END_TEST

START_TEST(config_finish_refuses_a_contact_that_cannot_be_one)
{
	static const char *const bad[] = { "me", "@example.org", "me@", "a@b@c",
		"http://", "https:///x", "ftp://example.org", "a b@c.d",
		"me@.org", "x@y.z)" };
	static const char *const good[] = { "me@example.org", "root@localhost",
		"mailto:me@example.org", "http://example.org",
		"https://example.org/@bot" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		fresh();
		sets("contact", bad[i]);
		ck_assert_msg(config_finish(&config, 2, 1024, 0, &err) ==
				  -EINVAL,
		    "%s", bad[i]);
		ck_assert_ptr_nonnull(strstr(err.text, "contact = "));
		config_fini(&config);
	}
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		fresh();
		sets("contact", good[i]);
		ck_assert_msg(config_finish(&config, 2, 1024, 0, &err) == 0,
		    "%s: %s", good[i], err.text);
		config_fini(&config);
	}
}
END_TEST

START_TEST(config_finish_refuses_settings_that_contradict_each_other)
{
	static const struct {
		const char *key[2], *value[2], *words;
	} cases[] = {
		{ { "backoff", "log" }, { "2h", "info" },
		    "backoff = 2h: above max_backoff = 1h" },
		{ { "parse_cpu", "parse_cpu_hard" }, { "30s", "60s" },
		    "parse_cpu = 30s: a parser is killed before that" },
		{ { "max_body", "log" }, { "1G", "info" },
		    "max_body = 1G: above max_decoded = 64M" },
		{ { "crawlers", "log" }, { "17", "info" },
		    "crawlers = 17: above max_crawlers = 16" },
		{ { "max_inflight", "crawlers" }, { "2K", "2" },
		    "max_inflight = 2000: 1000 for each crawler" },
		{ { "shm_budget", "log" }, { "8G", "info" },
		    "more than the 4096M" },
		{ { "robots_agent", "log" }, { "my bot", "info" },
		    "robots_agent = my bot" },
		{ { "output", "log" }, { "x.jsonl", "info" },
		    "output = x.jsonl: only \"-\"" },
		{ { "output", "detach" }, { "-", "yes" }, "not with detach" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		fresh();
		sets(cases[i].key[0], cases[i].value[0]);
		sets(cases[i].key[1], cases[i].value[1]);
		ck_assert_msg(config_finish(&config, 2, 1024, UINT64_C(4) << 30,
				  &err) == -EINVAL,
		    "%s", cases[i].words);
		ck_assert_msg(strstr(err.text, cases[i].words) != NULL, "%s",
		    err.text);
		config_fini(&config);
	}
}
END_TEST

START_TEST(config_help_fits_a_terminal_and_names_every_option)
{
	struct buf help;
	struct span rest;

	buf_init(&help, 1 << 20);
	ck_assert_int_eq(config_help(&help), 0);
	rest = buf_span(&help);
	while (rest.len > 0) {
		const char *end = memchr(rest.ptr, '\n', rest.len);

		ck_assert_ptr_nonnull(end);
		ck_assert_msg(end - rest.ptr < 80, "%.*s",
		    (int)(end - rest.ptr), rest.ptr);
		rest = span_from_at(rest, (size_t)(end - rest.ptr) + 1);
	}
	ck_assert_int_eq(buf_add_char(&help, '\0'), 0);
	for (size_t i = 0; i < config_table_len; i++) {
		char option[100];

		snprintf(option, sizeof(option), "--%s", config_table[i].key);
		for (char *c = option; *c != '\0'; c++) {
			if (*c == '_')
				*c = '-';
		}
		ck_assert_msg(strstr(help.ptr, option) != NULL, "%s", option);
	}
	ck_assert_ptr_nonnull(strstr(help.ptr, "  -o, --output TEXT"));
	ck_assert_ptr_nonnull(strstr(help.ptr, "[1K/s for 20s]"));
	buf_fini(&help);
}
END_TEST

TEST_MAIN("config", config_begins_with_the_documented_defaults,
    config_table_names_each_key_and_letter_once,
    config_reads_times_sizes_and_counts,
    config_refuses_a_time_without_unit_and_says_which_there_are,
    config_refuses_out_of_range_with_the_range,
    config_suggests_the_nearest_key_and_only_a_near_one,
    config_nearest_counts_a_swap_as_one_mistake,
    config_takes_a_choice_by_its_word, config_retry_delays_are_a_list,
    config_low_speed_has_a_rate_and_a_time,
    config_fields_amend_with_signs_and_replace_without,
    config_lists_keep_the_order_in_which_they_came,
    config_texts_hold_no_control_characters,
    config_an_overlong_value_is_refused_in_a_short_message,
    config_finish_fills_what_is_auto,
    config_finish_names_itself_with_its_contact,
    config_finish_refuses_a_contact_that_cannot_be_one,
    config_finish_refuses_settings_that_contradict_each_other,
    config_help_fits_a_terminal_and_names_every_option)
