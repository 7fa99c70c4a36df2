#include "lib/frontier/politeness.h"

#include "lib/frontier/rulebook.h"
#include "lib/message/reason.h"
#include "tests/harness.h"

static struct config config;
static struct pace pace;

static void
start(struct polite *polite)
{
	pace_init(&pace, 1);
	polite_init(polite, &pace);
	ck_assert_int_eq(config_init(&config), 0);
	config.host.delay_jitter = 0;
}

/* Ordered and ended at `at`; returns for how long the host waits. */
static int64_t
fetch(struct polite *polite, int64_t at, int status, int64_t retry_after)
{
	struct capture c = { .status = (uint16_t)status,
		.reason = status ? REASON_NONE : REASON_CONNECT_FAIL,
		.fetch_end_ms = at,
		.retry_after_ms = retry_after };

	polite_started(polite, &config.host, at);
	polite_ended(polite, &config.host, at, &c, at);
	return polite_ready_ms(polite) - at;
}

START_TEST(delay_is_the_longer_of_ours_and_theirs)
{
	struct polite p;

	start(&p);
	ck_assert_int_eq(polite_delay_ms(&p, &config.host), 1000);
	polite_crawl_delay(&p, &config.host, 5000);
	ck_assert_int_eq(polite_delay_ms(&p, &config.host), 5000);
	config.host.host_delay_ms = 9000;
	ck_assert_int_eq(polite_delay_ms(&p, &config.host), 9000);
	config.host.host_delay_ms = 1000;
	config.host.crawl_delay = 1;
	ck_assert_int_eq(polite_delay_ms(&p, &config.host), 1000);
	config_fini(&config);
}
END_TEST

START_TEST(delay_grows_with_the_time_of_the_last_answer)
{
	struct polite p;
	struct capture c = { .status = 200,
		.retry_after_ms = -1,
		.dns_ms = 500,
		.total_ms = 3500 };

	start(&p);
	polite_ended(&p, &config.host, 0, &c, 10000);
	/* The look-up is not the server's. */
	ck_assert_int_eq(polite_delay_ms(&p, &config.host), 3000);
	ck_assert_int_eq(polite_explain(&p, &config.host).delay_term,
	    POLITE_LATENCY);
	config.host.delay_factor = 2500;
	ck_assert_int_eq(polite_delay_ms(&p, &config.host), 7500);
	/* Ours is cut, theirs is not. */
	config.host.max_delay_ms = 5000;
	ck_assert_int_eq(polite_delay_ms(&p, &config.host), 5000);
	polite_crawl_delay(&p, &config.host, 90000);
	ck_assert_int_eq(polite_delay_ms(&p, &config.host), 90000);
	ck_assert_int_eq(polite_explain(&p, &config.host).delay_term,
	    POLITE_CRAWL_DELAY);
	polite_crawl_delay(&p, &config.host, -1);
	/* A quick answer forgives a slow one. */
	c.total_ms = 510;
	polite_ended(&p, &config.host, 0, &c, 20000);
	ck_assert_int_eq(polite_delay_ms(&p, &config.host), 1000);
	ck_assert_int_eq(polite_explain(&p, &config.host).delay_term,
	    POLITE_HOST_DELAY);
	/* What is no answer, and what is no time, change nothing. */
	c.total_ms = 4500;
	c.status = 0;
	c.reason = REASON_CONNECT_FAIL;
	polite_ended(&p, &config.host, 0, &c, 30000);
	c.status = 200;
	c.total_ms = -1;
	polite_ended(&p, &config.host, 0, &c, 40000);
	c.total_ms = INT32_MIN;
	polite_ended(&p, &config.host, 0, &c, 40000);
	ck_assert_int_eq(polite_delay_ms(&p, &config.host), 1000);
	config.host.delay_factor = 0;
	c.total_ms = INT32_MAX;
	polite_ended(&p, &config.host, 0, &c, 50000);
	ck_assert_int_eq(polite_delay_ms(&p, &config.host), 1000);
	config_fini(&config);
}
END_TEST

START_TEST(jitter_is_upwards_alone_and_the_same_for_the_same_seed)
{
	int64_t least = INT64_MAX, most = 0, sum = 0, first[1000];

	for (int round = 0; round < 2; round++) {
		struct polite p;
		int64_t at = 1000000;

		start(&p);
		config.host.delay_jitter = 200;
		for (int i = 0; i < 1000; i++) {
			int64_t wait = fetch(&p, at, 200, -1);

			ck_assert_int_ge(wait, 1000);
			ck_assert_int_le(wait, 1200);
			least = wait < least ? wait : least;
			most = wait > most ? wait : most;
			sum += wait;
			if (round == 0)
				first[i] = wait;
			else
				ck_assert_int_eq(wait, first[i]);
			at += 10000;
		}
		config_fini(&config);
	}
	ck_assert_int_lt(least, 1010);
	ck_assert_int_gt(most, 1190);
	ck_assert_int_gt(sum, 2000 * 1090);
	ck_assert_int_lt(sum, 2000 * 1110);
}
END_TEST

START_TEST(host_delay_0_has_neither_jitter_nor_latency_but_keeps_its_pauses)
{
	struct polite p;
	struct capture c = { .status = 200,
		.retry_after_ms = -1,
		.total_ms = 9000 };

	start(&p);
	config.host.host_delay_ms = 0;
	config.host.delay_jitter = 10000;
	polite_ended(&p, &config.host, 0, &c, 1000);
	ck_assert_int_eq(polite_ready_ms(&p), 0);
	polite_crawl_delay(&p, &config.host, 4000);
	ck_assert_int_eq(fetch(&p, 10000, 200, -1), 4000);
	ck_assert_int_eq(fetch(&p, 20000, 200, 70000), 70000);
	ck_assert_int_eq(fetch(&p, 100000, 503, -1), 60000);
	ck_assert_int_eq(polite_explain(&p, &config.host).term, POLITE_BACKOFF);
	config_fini(&config);
}
END_TEST

START_TEST(a_name_that_is_not_found_is_asked_for_again)
{
	static const int64_t waits[] = { 60, 120, 240, 480, 900, 900 };
	struct polite p;
	struct capture c = { .reason = REASON_DNS_FAIL, .retry_after_ms = -1 };
	int64_t at = 0;

	start(&p);
	for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
		c.fetch_end_ms = at;
		polite_ended(&p, &config.host, at, &c, at);
		ck_assert_int_eq(polite_ready_ms(&p) - at, waits[i] * 1000);
		ck_assert_int_eq(polite_explain(&p, &config.host).term,
		    POLITE_DNS);
		at = polite_ready_ms(&p);
	}
	/* Found again, it is as any other. */
	ck_assert_int_eq(fetch(&p, at, 200, -1), 1000);
	ck_assert(!p.down);
	config_fini(&config);
}
END_TEST

START_TEST(a_retry_after_that_is_over_is_none)
{
	struct polite p;

	start(&p);
	ck_assert_int_eq(fetch(&p, 0, 503, 0), 60000);
	ck_assert_int_eq(fetch(&p, 100000, 429, 0), 120000);
	ck_assert_int_eq(fetch(&p, 1000000, 429, 1), 1000);
	ck_assert_int_eq(fetch(&p, 2000000, 200, 0), 1000);
	config_fini(&config);
}
END_TEST

START_TEST(clock_runs_from_the_end_of_the_fetch)
{
	struct polite p;
	struct capture c = { .status = 200,
		.fetch_end_ms = 50000,
		.retry_after_ms = -1 };

	start(&p);
	polite_started(&p, &config.host, 10000);
	ck_assert_int_eq(polite_ready_ms(&p), 11000);
	/* Told late: the delay is not longer for it. */
	polite_ended(&p, &config.host, 10000, &c, 50700);
	ck_assert_int_eq(polite_ready_ms(&p), 51000);
	/* A clock of the future, or of the past, is not believed. */
	c.fetch_end_ms = INT64_MAX;
	polite_ended(&p, &config.host, 50700, &c, 60000);
	ck_assert_int_eq(polite_ready_ms(&p), 61000);
	c.fetch_end_ms = INT64_MIN;
	polite_ended(&p, &config.host, 65000, &c, 70000);
	ck_assert_int_eq(polite_ready_ms(&p), 66000);
	config_fini(&config);
}
END_TEST

START_TEST(pauses_double_until_a_good_answer)
{
	struct polite p;
	int64_t at = 1000000, pause;

	start(&p);
	for (pause = 60000; pause < 3600000; pause *= 2) {
		ck_assert_int_eq(fetch(&p, at, 503, -1), pause);
		at += pause;
	}
	ck_assert_int_eq(fetch(&p, at, 429, -1), 3600000);
	at += 3600000;
	/* 500 is not good, 404 is. */
	ck_assert_int_eq(fetch(&p, at, 500, -1), 1000);
	at += 1000;
	ck_assert_int_eq(fetch(&p, at, 429, -1), 3600000);
	at += 3600000;
	ck_assert_int_eq(fetch(&p, at, 404, -1), 1000);
	at += 1000;
	ck_assert_int_eq(fetch(&p, at, 429, -1), 60000);
	config_fini(&config);
}
END_TEST

START_TEST(retry_after_is_kept_within_a_day)
{
	struct polite p;

	start(&p);
	ck_assert_int_eq(fetch(&p, 0, 503, 7200000), 7200000);
	ck_assert_int_eq(fetch(&p, 8000000, 200, 90000), 90000);
	ck_assert_int_eq(fetch(&p, 9000000, 429, INT64_MAX), 86400000);
	config_fini(&config);
}
END_TEST

START_TEST(requests_that_fail_together_count_once)
{
	struct polite p;
	struct capture c = { .status = 0,
		.reason = REASON_CONNECT_FAIL,
		.fetch_end_ms = 200,
		.retry_after_ms = -1 };

	start(&p);
	for (int i = 0; i < 32; i++)
		polite_ended(&p, &config.host, 100, &c, 200);
	ck_assert_int_eq(p.fails, 1);
	ck_assert_int_eq(polite_ready_ms(&p), 200 + 30000);
	c.status = 503;
	c.reason = REASON_NONE;
	for (int i = 0; i < 32; i++)
		polite_ended(&p, &config.host, 300, &c, 400);
	ck_assert_int_eq(pace.backoffs, 1);
	config_fini(&config);
}
END_TEST

START_TEST(trouble_grows_to_an_hour_and_then_gives_up)
{
	static const int64_t waits[] = { 30, 60, 120, 240, 480, 960, 1920, 0 };
	struct polite p;
	int64_t at = 0;

	start(&p);
	for (int i = 0; waits[i] != 0; i++) {
		ck_assert_int_eq(fetch(&p, at, 0, -1), waits[i] * 1000);
		ck_assert(!p.down);
		at += waits[i] * 1000;
	}
	ck_assert_int_eq(fetch(&p, at, 0, -1), 3600000);
	ck_assert(p.down);
	polite_forgive(&p);
	ck_assert(!p.down);

	/* An answer in between, be it a refusal, starts anew. */
	pace_init(&pace, 1);
	polite_init(&p, &pace);
	for (int i = 0; i < 20; i++) {
		at += 3600000;
		fetch(&p, at, i % 5 == 4 ? 503 : 0, -1);
		ck_assert(!p.down);
	}
	/* In units of the first retry_delay. */
	pace_init(&pace, 1);
	polite_init(&p, &pace);
	config.host.retry_delay.ms[0] = 10;
	config.host.host_delay_ms = 0;
	ck_assert_int_eq(fetch(&p, at, 0, -1), 10);
	for (int i = 0; i < 20; i++)
		fetch(&p, at += 1200, 0, -1);
	ck_assert_int_eq(fetch(&p, at += 1200, 0, -1), 1200);
	config_fini(&config);
}
END_TEST

START_TEST(a_restart_waits_one_delay_and_no_year)
{
	struct polite p;

	start(&p);
	polite_restarted(&p, &config.host, 5000, 5000);
	ck_assert_int_eq(polite_ready_ms(&p), 6000);
	/* A Crawl-delay that is learned after it counts as well. */
	polite_crawl_delay(&p, &config.host, 4000);
	ck_assert_int_eq(polite_ready_ms(&p), 9000);
	polite_crawl_delay(&p, &config.host, -1);
	pace.next_ms = pace.blocked_ms = p.trouble_ms = INT64_MAX;
	polite_restarted(&p, &config.host, 5000, 7000);
	ck_assert_int_eq(polite_ready_ms(&p), 7000 + 86400000);
	/* What this run wrote itself is left as it is. */
	pace.next_ms = 900000;
	pace.blocked_ms = p.trouble_ms = 0;
	polite_restarted(&p, &config.host, 5000, 890000);
	ck_assert_int_eq(polite_ready_ms(&p), 900000);
	config_fini(&config);
}
END_TEST

START_TEST(rulebook_refuses_what_does_not_fit_its_state)
{
	struct rulebook book = { .at_ms = 0 };
	struct polite p;

	start(&p);
	ck_assert_int_eq(rulebook_need(&book, 0), RULEBOOK_FETCH);
	ck_assert(!rulebook_answered(&book, &config.host, true, 0, 0));
	ck_assert(!rulebook_failed(&book, &config.host, false, 0, 0));
	ck_assert(!rulebook_forgiven(&book));
	ck_assert_int_eq(book.fails, 0);
	ck_assert(rulebook_asked(&book));
	ck_assert(!rulebook_asked(&book));
	ck_assert_int_eq(rulebook_need(&book, 0), RULEBOOK_WAIT);
	ck_assert_int_eq(rulebook_at_rest(&book), RULEBOOK_UNKNOWN);
	ck_assert(rulebook_answered(&book, &config.host, true, 900, 1000));
	ck_assert_int_eq(book.since_ms, 900);
	ck_assert_int_eq(rulebook_need(&book, 1000), RULEBOOK_GO);
	ck_assert_int_eq(rulebook_need(&book, 1000 + config.host.robots_ttl_ms),
	    RULEBOOK_FETCH);
	config_fini(&config);
}
END_TEST

START_TEST(rulebook_keeps_old_rules_through_an_outage)
{
	struct rulebook book = { .state = RULEBOOK_RULES };
	struct polite p;
	int64_t at = 0;

	start(&p);
	for (int i = 0; i < 50; i++) {
		ck_assert_int_eq(rulebook_need(&book, at), RULEBOOK_FETCH);
		ck_assert(rulebook_asked(&book));
		ck_assert(rulebook_failed(&book, &config.host, false, at, at));
		ck_assert_int_eq(book.state, RULEBOOK_STALE);
		ck_assert_int_eq(book.at_ms - at, i == 0   ? 30000
						  : i == 1 ? 300000
							   : 1800000);
		ck_assert_int_eq(rulebook_need(&book, at), RULEBOOK_GO);
		at = book.at_ms;
	}
	config_fini(&config);
}
END_TEST

START_TEST(rulebook_gives_up_after_the_time_and_three_tries)
{
	struct rulebook book = { .at_ms = 0 };
	struct polite p;

	start(&p);
	config.host.robots_give_up_ms = 0;
	for (int i = 0; i < 3; i++) {
		ck_assert_int_ne(rulebook_need(&book, book.at_ms),
		    RULEBOOK_REFUSE);
		ck_assert(rulebook_asked(&book));
		ck_assert(
		    rulebook_failed(&book, &config.host, false, book.at_ms, 0));
	}
	ck_assert_int_eq(rulebook_need(&book, INT64_MAX), RULEBOOK_REFUSE);
	ck_assert(!rulebook_asked(&book));
	ck_assert(rulebook_forgiven(&book));
	ck_assert_int_eq(rulebook_need(&book, 0), RULEBOOK_FETCH);
	config_fini(&config);
}
END_TEST

TEST_MAIN("politeness", delay_is_the_longer_of_ours_and_theirs,
    delay_grows_with_the_time_of_the_last_answer,
    jitter_is_upwards_alone_and_the_same_for_the_same_seed,
    host_delay_0_has_neither_jitter_nor_latency_but_keeps_its_pauses,
    a_name_that_is_not_found_is_asked_for_again,
    a_retry_after_that_is_over_is_none, clock_runs_from_the_end_of_the_fetch,
    pauses_double_until_a_good_answer, retry_after_is_kept_within_a_day,
    requests_that_fail_together_count_once,
    trouble_grows_to_an_hour_and_then_gives_up,
    a_restart_waits_one_delay_and_no_year,
    rulebook_refuses_what_does_not_fit_its_state,
    rulebook_keeps_old_rules_through_an_outage,
    rulebook_gives_up_after_the_time_and_three_tries)
