#include "lib/frontier/frontier.h"

#include "lib/frontier/store.h"
#include "lib/frontier/why.h"
#include "lib/message/chain.h"
#include "lib/message/output.h"
#include "tests/lib/frontier_fixture.h"

START_TEST(a_seed_is_ordered_once_and_settled)
{
	struct fixture x;
	struct order o;

	fixture_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/x?b=1#top");
	o = fixture_expect(&x, "http://a.test/x?b=1");
	ck_assert_int_eq(o.kind, ORDER_PAGE);
	ck_assert_int_eq(o.reason, REASON_NONE);
	ck_assert_int_eq(o.depth, 0);
	ck_assert_int_eq(o.found, LINK_SEED);
	ck_assert_uint_eq(o.delay_ms, 1000);
	fixture_expect_none(&x);
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).in_flight, 1);
	fixture_settle(&x, &o, 200);
	ck_assert_uint_eq(fixture_totals(&x).in_flight, 1);
	ck_assert_uint_eq(fixture_totals(&x).done, 0);
	ck_assert(!frontier_finished(x.f));
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).done, 1);
	ck_assert_uint_eq(fixture_totals(&x).bytes, 10);
	ck_assert(frontier_finished(x.f));
	ck_assert_int_eq(frontier_due_ms(x.f, x.now), INT64_MAX);
	fixture_reopen(&x);
	ck_assert(frontier_finished(x.f));
	ck_assert_uint_eq(frontier_cut(x.f).seq, 2);
	ck_assert_uint_eq(frontier_cut(x.f).end, 200);
	ck_assert_uint_eq(fixture_totals(&x).done, 1);
	fixture_fini(&x);
}
END_TEST

START_TEST(a_seed_that_cannot_be_fetched_is_named)
{
	static const char *const bad[] = { "ftp://a.test/", "a.test", "http://",
		"mailto:x@y" };
	struct fixture x;
	char longer[5000];

	fixture_init(&x);
	fixture_open(&x);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = ERR_NONE;

		ck_assert_int_eq(frontier_seed(x.f, span_from(bad[i]), x.now,
				     &err),
		    -EINVAL);
		ck_assert_ptr_nonnull(strstr(err.text, bad[i]));
	}
	memset(longer, 'a', sizeof(longer));
	memcpy(longer, "http://a.test/", 14);
	ck_assert_int_eq(frontier_seed(x.f, span_of(longer, sizeof(longer)),
			     x.now, NULL),
	    -EINVAL);
	memcpy(longer, "http://aaaaaaa", 14);
	ck_assert_int_eq(frontier_seed(x.f, span_of(longer, 400), x.now, NULL),
	    -EINVAL);
	fixture_seed(&x, "http://a.test/");
	ck_assert_int_eq(frontier_seed(x.f, SPAN("http://A.test:80/#x"), x.now,
			     NULL),
	    0);
	fixture_fini(&x);
}
END_TEST

START_TEST(links_are_measured_and_counted_by_reason)
{
	struct fixture x;
	struct order o, deep;
	struct frontier_totals t;
	struct capture capture;
	char longer[5000];
	struct config_rule rules[] = { { false, (char *)"*.exe" } };

	fixture_init(&x);
	x.config.rules = rules;
	x.config.n_rules = 1;
	x.config.host.robots = CONFIG_ROBOTS_OBEY;
	x.config.max_depth = 2;
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	o = fixture_expect(&x, "http://a.test/robots.txt");
	fixture_settle_robots(&x, &o, 404, "");
	x.now += 1000;
	o = fixture_expect(&x, "http://a.test/");
	memset(longer, 'a', sizeof(longer));
	memcpy(longer, "http://a.test/", 14);
	longer[4999] = '\0';

	/* Twice each: what is remembered of a text is counted as well. */
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(fixture_offer(&x, &o, "http://b.test/"), 0);
		ck_assert_int_eq(fixture_offer(&x, &o, "http://a.test/v.exe"),
		    0);
		ck_assert_int_eq(fixture_offer(&x, &o, "data:,x"), 0);
		ck_assert_int_eq(fixture_offer(&x, &o, "\xff\xfe"), 0);
		ck_assert_int_eq(fixture_offer(&x, &o, longer), 0);
		ck_assert_int_eq(frontier_offer(x.f, &o,
				     SPAN("http://a.test/nofollow"), LINK_A,
				     LINK_NOFOLLOW, x.now),
		    0);
		deep = o;
		deep.depth = 2;
		ck_assert_int_eq(fixture_offer(&x, &deep, "http://a.test/deep"),
		    0);
		deep.hops = (uint16_t)x.config.max_redirects;
		capture = fixture_capture(&x, 302);
		capture.location = SPAN("http://a.test/hop");
		ck_assert_int_eq(frontier_redirect(x.f, &deep, &capture, x.now),
		    0);
		ck_assert_int_eq(fixture_offer(&x, &o, "http://a.test/in"),
		    i == 0);
	}
	fixture_commit(&x);
	t = fixture_totals(&x);
	ck_assert_uint_eq(t.refused[REFUSED_SCOPE], 2);
	ck_assert_uint_eq(t.refused[REFUSED_RULE], 2);
	ck_assert_uint_eq(t.refused[REFUSED_SCHEME], 4);
	ck_assert_uint_eq(t.refused[REFUSED_LENGTH], 2);
	ck_assert_uint_eq(t.refused[REFUSED_NOFOLLOW], 2);
	ck_assert_uint_eq(t.refused[REFUSED_DEPTH], 4);
	ck_assert_uint_eq(t.admitted, 2);
	x.config.rules = NULL;
	x.config.n_rules = 0;
	fixture_fini(&x);
}
END_TEST

/* With these rules from the next open on. */
static void
set_rules(struct fixture *x, struct config_rule *rules, size_t n)
{
	x->config.rules = rules;
	x->config.n_rules = n;
}

START_TEST(rules_on_depth_are_asked_for_each_link)
{
	struct config_rule rules[] = { { false, (char *)"depth:>=2" },
		{ true, (char *)"*/always" } };
	struct frontier_totals t;
	struct order o, deep;
	struct capture capture;
	struct fixture x;

	fixture_init(&x);
	set_rules(&x, rules, ARRAY_LEN(rules));
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	o = deep = fixture_expect(&x, "http://a.test/");
	deep.depth = 1;
	/* The same text: refused where it is deep, taken where it is not. */
	ck_assert_int_eq(fixture_offer(&x, &deep, "http://a.test/x"), 0);
	ck_assert_int_eq(fixture_offer(&x, &deep, "http://a.test/x"), 0);
	ck_assert_int_eq(fixture_offer(&x, &o, "http://a.test/x"), 1);
	ck_assert_int_eq(fixture_offer(&x, &deep, "http://a.test/always"), 1);
	/* A redirect's target is as deep as what redirects. */
	capture = fixture_capture(&x, 302);
	capture.location = SPAN("http://a.test/y");
	deep.depth = 2;
	ck_assert_int_eq(frontier_redirect(x.f, &deep, &capture, x.now), 0);
	deep.depth = 1;
	ck_assert_int_eq(frontier_redirect(x.f, &deep, &capture, x.now), 1);
	fixture_commit(&x);
	t = fixture_totals(&x);
	ck_assert_uint_eq(t.refused[REFUSED_RULE], 3);
	set_rules(&x, NULL, 0);
	fixture_fini(&x);
}
END_TEST

START_TEST(a_regex_that_gives_up_is_counted_apart)
{
	struct config_rule rules[] = { { false,
	    (char *)"regex:^(.*)(.*)(.*)(.*)(.*)[!?]$" } };
	struct frontier_totals t;
	struct fixture x;
	char text[300];
	struct order o;

	fixture_init(&x);
	set_rules(&x, rules, 1);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	o = fixture_expect(&x, "http://a.test/");
	memset(text, 'a', sizeof(text));
	memcpy(text, "http://a.test/", 14);
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(fixture_offer(&x, &o, text), 0);
	ck_assert_int_eq(fixture_offer(&x, &o, "http://a.test/!"), 0);
	fixture_commit(&x);
	t = fixture_totals(&x);
	ck_assert_uint_eq(t.refused[REFUSED_GAVE_UP], 2);
	ck_assert_uint_eq(t.refused[REFUSED_RULE], 1);
	set_rules(&x, NULL, 0);
	fixture_fini(&x);
}
END_TEST

/*
 * Do all there is to do.  Each order's reason and URL are written into `told`,
 * a word and a blank each, "-" for a fetch.
 */
static void
run_out(struct fixture *x, char *told, size_t size)
{
	size_t len = 0;

	for (int idle = 0; idle < 3; x->now += 1000) {
		struct order o;

		for (idle++; fixture_next(x, &o); idle = 0) {
			len += (size_t)snprintf(told + len, size - len,
			    "%s %.*s\n", o.reason ? reason_name(o.reason) : "-",
			    SPAN_ARG(o.url));
			ck_assert_uint_lt(len, size);
			if (o.kind == ORDER_ROBOTS)
				fixture_settle_robots(x, &o, 404, "");
			else
				fixture_settle(x, &o, 200);
		}
		fixture_commit(x);
	}
	ck_assert(frontier_finished(x->f));
}

START_TEST(a_new_rule_holds_for_what_is_queued)
{
	struct config_rule rules[] = { { false, (char *)"host:b.test" },
		{ false, (char *)"*/x" }, { false, (char *)"depth:>1" } };
	struct frontier_totals t;
	struct fixture x;
	struct order o, deep;
	char told[2000];

	fixture_init(&x);
	x.config.host.robots = CONFIG_ROBOTS_OBEY;
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	o = fixture_expect(&x, "http://a.test/robots.txt");
	fixture_settle_robots(&x, &o, 404, "");
	x.now += 1000;
	o = deep = fixture_expect(&x, "http://a.test/");
	deep.depth = 1;
	fixture_seed(&x, "http://b.test/");
	fixture_seed(&x, "http://c.test/");
	ck_assert_int_eq(fixture_offer(&x, &o, "http://a.test/x"), 1);
	ck_assert_int_eq(fixture_offer(&x, &o, "http://a.test/y"), 1);
	ck_assert_int_eq(fixture_offer(&x, &deep, "http://a.test/z"), 1);
	ck_assert_int_eq(fixture_offer(&x, &o, "http://b.test/b"), 1);
	fixture_settle(&x, &o, 200);
	fixture_commit(&x);

	set_rules(&x, rules, ARRAY_LEN(rules));
	fixture_reopen(&x);
	run_out(&x, told, sizeof(told));
	ck_assert_ptr_nonnull(strstr(told, "- http://a.test/y\n"));
	ck_assert_ptr_nonnull(strstr(told, "- http://c.test/\n"));
	ck_assert_ptr_nonnull(
	    strstr(told, "excluded_by_rule http://a.test/x\n"));
	ck_assert_ptr_nonnull(
	    strstr(told, "excluded_by_rule http://a.test/z\n"));
	ck_assert_ptr_nonnull(
	    strstr(told, "excluded_by_rule http://b.test/\n"));
	ck_assert_ptr_nonnull(
	    strstr(told, "excluded_by_rule http://b.test/b\n"));
	/* Nor is a host asked for its robots.txt that has nothing else. */
	ck_assert_ptr_null(strstr(told, "- http://b.test"));
	t = fixture_totals(&x);
	ck_assert_uint_eq(t.excluded, 4);
	ck_assert_uint_eq(t.reasons[REASON_RULE], 4);
	set_rules(&x, NULL, 0);
	fixture_fini(&x);
}
END_TEST

START_TEST(a_narrower_scope_holds_for_what_is_queued)
{
	struct fixture x;
	struct order o;
	char told[2000];

	fixture_init(&x);
	x.config.scope = SCOPE_ANY;
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/dir/");
	o = fixture_expect(&x, "http://a.test/dir/");
	ck_assert_int_eq(fixture_offer(&x, &o, "http://a.test/dir/in"), 1);
	ck_assert_int_eq(fixture_offer(&x, &o, "http://a.test/out"), 1);
	ck_assert_int_eq(fixture_offer(&x, &o, "http://b.test/"), 1);
	fixture_settle(&x, &o, 200);
	fixture_commit(&x);
	x.config.scope = SCOPE_PREFIX;
	fixture_reopen(&x);
	run_out(&x, told, sizeof(told));
	ck_assert_ptr_nonnull(strstr(told, "- http://a.test/dir/in\n"));
	ck_assert_ptr_nonnull(strstr(told, "out_of_scope http://a.test/out\n"));
	ck_assert_ptr_nonnull(strstr(told, "out_of_scope http://b.test/\n"));
	ck_assert_uint_eq(fixture_totals(&x).excluded, 2);
	fixture_fini(&x);
}
END_TEST

/* The store is not opened, and the message says this. */
static void
refuses_to_open(struct fixture *x, const char *says)
{
	struct err err = ERR_NONE;
	struct frontier *f;

	ck_assert_int_eq(frontier_open(x->dir, &x->config, fixture_id, x->now,
			     &f, &err),
	    -EINVAL);
	ck_assert_msg(strstr(err.text, says) != NULL, "%s", err.text);
}

START_TEST(keys_of_other_rules_are_refused_by_name)
{
	struct fixture x;

	fixture_init(&x);
	ck_assert_int_eq(config_set(&x.config, "ignore_params", "ref, x", NULL),
	    0);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	fixture_commit(&x);
	fixture_close(&x);
	ck_assert_int_eq(config_set(&x.config, "canon", "+fold_slash", NULL),
	    0);
	refuses_to_open(&x, "canon and ignore_params: this crawl knows its "
			    "URLs by \"sort_query drop_empty drop_tracking "
			    "drop_session;ref x\", not by \"sort_query "
			    "drop_empty drop_tracking drop_session "
			    "fold_slash;ref x\"");
	ck_assert_int_eq(config_set(&x.config, "canon", "-fold_slash", NULL),
	    0);
	ck_assert_int_eq(config_set(&x.config, "ignore_params", "y", NULL), 0);
	refuses_to_open(&x, "not by \"sort_query drop_empty drop_tracking "
			    "drop_session;ref x y\"");
	config_fini(&x.config);
	ck_assert_int_eq(config_init(&x.config), 0);
	/* In another order, and with rules that no key depends on. */
	ck_assert_int_eq(config_set(&x.config, "ignore_params", "x ref", NULL),
	    0);
	ck_assert_int_eq(config_set(&x.config, "canon",
			     "+fold_www,+fold_scheme", NULL),
	    0);
	fixture_open(&x);
	fixture_fini(&x);
}
END_TEST

START_TEST(a_page_of_two_sites_that_are_one_is_fetched_once)
{
	struct capture redirect = { .status = 301,
		.location = SPAN("https://www.a.test/") };
	struct fixture x;
	struct order o;

	fixture_init(&x);
	x.config.scope = SCOPE_ANY;
	ck_assert_int_eq(config_set(&x.config, "canon",
			     "+fold_www,+fold_scheme", NULL),
	    0);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	o = fixture_expect(&x, "http://a.test/");
	ck_assert_int_eq(fixture_offer(&x, &o, "https://a.test/"), 0);
	ck_assert_int_eq(fixture_offer(&x, &o, "http://www.a.test/"), 0);
	ck_assert_int_eq(fixture_offer(&x, &o, "https://www.a.test/"), 0);
	ck_assert_int_eq(fixture_offer(&x, &o, "https://www.a.test/x"), 1);
	ck_assert_int_eq(fixture_offer(&x, &o, "http://a.test/x"), 0);
	ck_assert_int_eq(fixture_offer(&x, &o, "http://www2.a.test/x"), 1);
	ck_assert_int_eq(fixture_offer(&x, &o, "http://a.test:81/x"), 1);
	/* From http to https it leads to the same page, which is none yet. */
	ck_assert_int_eq(frontier_redirect(x.f, &o, &redirect, x.now), 1);
	fixture_commit(&x);
	fixture_reopen(&x);
	ck_assert_int_eq(fixture_offer(&x, &o, "https://a.test/x"), 0);
	fixture_fini(&x);
}
END_TEST

START_TEST(without_a_contact_no_link_leaves_this_machine)
{
	struct frontier_totals t;
	struct fixture x;
	struct order o;

	fixture_init(&x);
	free(x.config.contact);
	x.config.contact = NULL;
	x.config.scope = SCOPE_ANY;
	fixture_open(&x);
	fixture_seed(&x, "http://127.0.0.1:8080/");
	ck_assert(fixture_next(&x, &o));
	/* Twice: the second time from the memory of links. */
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(fixture_offer(&x, &o, "https://a.test/"), 0);
		ck_assert_int_eq(fixture_offer(&x, &o, "http://10.0.0.1/"), 0);
		ck_assert_int_eq(fixture_offer(&x, &o, "http://[::1]/"),
		    i == 0);
		ck_assert_int_eq(fixture_offer(&x, &o, "http://localhost/"),
		    i == 0);
	}
	fixture_commit(&x);
	t = fixture_totals(&x);
	ck_assert_uint_eq(t.refused[REFUSED_CONTACT], 4);
	ck_assert_uint_eq(t.admitted, 3);
	fixture_fini(&x);
}
END_TEST

START_TEST(scope_is_that_of_all_runs)
{
	struct fixture x;
	struct order o;

	fixture_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/dir/page");
	fixture_commit(&x);
	fixture_reopen(&x);
	/* A seed that comes later adds to it, also to what was refused. */
	x.now += 2000;
	o = fixture_expect(&x, "http://a.test/dir/page");
	ck_assert_int_eq(fixture_offer(&x, &o, "http://a.test/other"), 1);
	ck_assert_int_eq(fixture_offer(&x, &o, "http://b.test/x"), 0);
	fixture_seed(&x, "http://b.test/");
	ck_assert_int_eq(fixture_offer(&x, &o, "http://b.test/x"), 1);
	fixture_commit(&x);
	fixture_reopen(&x);
	ck_assert_int_eq(fixture_offer(&x, &o, "http://b.test/y"), 1);
	ck_assert_int_eq(fixture_offer(&x, &o, "http://c.test/"), 0);
	fixture_fini(&x);
}
END_TEST

START_TEST(a_host_is_waited_for_only_after_orders_may_have_left)
{
	struct fixture x;
	struct order order;
	struct err err = ERR_NONE;

	fixture_init(&x);
	x.config.host.host_delay_ms = 3600 * 1000;
	x.config.host.robots = CONFIG_ROBOTS_IGNORE;
	/* Seeded, as by a process that orders nothing. */
	ck_assert_int_eq(frontier_open(x.dir, &x.config, fixture_id, x.now,
			     &x.f, &err),
	    0);
	ck_assert_int_eq(frontier_seed(x.f, SPAN("http://a.example/"), x.now,
			     &err),
	    1);
	ck_assert_int_eq(frontier_commit(x.f, frontier_cut(x.f), x.now), 0);
	fixture_close(&x);
	fixture_open(&x);
	ck_assert_int_eq(frontier_next(x.f, x.now, &order), 1);
	/* Killed: the order may have left, so the host is given its delay. */
	fixture_reopen(&x);
	ck_assert_int_eq(frontier_next(x.f, x.now, &order), 0);
	ck_assert_int_eq(frontier_next(x.f, x.now + 3600 * 1000, &order), 1);
	fixture_fini(&x);
}
END_TEST

START_TEST(a_store_of_another_crawl_or_layout_is_refused)
{
	static const uint8_t other[16] = "another crawl...";
	struct fixture x;
	struct store *store;
	struct frontier *f;
	struct err err = ERR_NONE;

	fixture_init(&x);
	fixture_open(&x);
	fixture_close(&x);
	ck_assert_int_eq(frontier_open(x.dir, &x.config, other, x.now, &f,
			     &err),
	    -EEXIST);
	ck_assert_ptr_nonnull(strstr(err.text, x.dir));

	ck_assert_int_eq(store_open(x.dir, 8 << 20, &store, &err), 0);
	store_put(store, STORE_META, SPAN("layout"), SPAN("\xfe\0\0\0"));
	ck_assert_int_eq(store_commit(store, &err), 0);
	store_close(store);
	ck_assert_int_eq(frontier_open(x.dir, &x.config, fixture_id, x.now, &f,
			     &err),
	    -EPROTO);
	ck_assert_ptr_nonnull(strstr(err.text, "layout 254"));
	fixture_fini(&x);
}
END_TEST

START_TEST(new_urls_are_ordered_before_their_commit)
{
	struct fixture x;
	struct order o, first;
	char url[64];
	int n = 0;

	fixture_init(&x);
	x.config.host.host_concurrency = 32;
	x.config.host.host_delay_ms = 0;
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	first = fixture_expect(&x, "http://a.test/");
	for (int i = 0; i < 100; i++) {
		snprintf(url, sizeof(url), "http://a.test/%d", i);
		ck_assert_int_eq(fixture_offer(&x, &first, url), 1);
	}
	fixture_settle(&x, &first, 200);
	while (fixture_next(&x, &o)) {
		/* First come, first served; and with what led there. */
		snprintf(url, sizeof(url), "http://a.test/%d", n++);
		ck_assert(span_eq(o.url, span_from(url)));
		ck_assert(span_eq(o.via, SPAN("http://a.test/")));
		ck_assert_int_eq(o.depth, 1);
	}
	ck_assert_int_eq(n, 32);
	ck_assert_uint_eq(fixture_totals(&x).in_flight, 0);
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).in_flight, 32);
	ck_assert_uint_eq(fixture_totals(&x).queued, 68);
	ck_assert_uint_eq(fixture_totals(&x).done, 1);
	fixture_fini(&x);
}
END_TEST

START_TEST(a_queue_that_fills_the_buffer_exactly_has_an_end)
{
	struct fixture x;
	struct order o;
	char url[64];
	int n = 0;

	fixture_init(&x);
	x.config.host.host_concurrency = 64;
	x.config.host.host_delay_ms = 0;
	fixture_open(&x);
	for (int i = 0; i < 32; i++) {
		snprintf(url, sizeof(url), "http://a.test/%d", i);
		fixture_seed(&x, url);
	}
	fixture_commit(&x);
	fixture_reopen(&x);
	while (fixture_next(&x, &o))
		n++;
	ck_assert_int_eq(n, 32);
	ck_assert_int_eq(frontier_due_ms(x.f, x.now), INT64_MAX);
	fixture_fini(&x);
}
END_TEST

START_TEST(an_order_that_comes_back_is_first_and_keeps_its_marks)
{
	struct fixture x;
	struct order o;

	fixture_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/1");
	fixture_seed(&x, "http://a.test/2");
	fixture_commit(&x);
	o = fixture_expect(&x, "http://a.test/1");
	ck_assert_uint_eq(fixture_totals(&x).in_flight, 1);
	o.attempts = 0x81;
	o.is_short = 1;
	x.now += 500;
	frontier_come_back(x.f, &o, x.now);
	fixture_balances(&x);
	ck_assert_uint_eq(fixture_totals(&x).in_flight, 0);
	/* A request may have left: the clock restarts. */
	ck_assert_int_eq(frontier_due_ms(x.f, x.now), x.now + 1000);
	x.now += 999;
	fixture_expect_none(&x);
	x.now += 1;
	o = fixture_expect(&x, "http://a.test/1");
	ck_assert_int_eq(o.attempts, 0x81);
	ck_assert_int_eq(o.is_short, 1);
	fixture_settle(&x, &o, 200);
	fixture_commit(&x);
	x.now += 1000;
	o = fixture_expect(&x, "http://a.test/2");
	ck_assert_int_eq(o.attempts, 0);
	fixture_fini(&x);
}
END_TEST

START_TEST(retries_wait_their_delays_and_are_bounded)
{
	static const int64_t delays[] = { 30000, 300000, 1800000 };
	struct fixture x;
	struct order o;

	fixture_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	for (int i = 0; i < 3; i++) {
		o = fixture_expect(&x, "http://a.test/");
		ck_assert_int_eq(o.tries, i);
		fixture_settle(&x, &o, 500);
		fixture_expect_none(&x);
		fixture_commit(&x);
		ck_assert_uint_eq(fixture_totals(&x).queued, 1);
		ck_assert_int_eq(frontier_due_ms(x.f, x.now),
		    x.now + delays[i]);
		/* Also known to another run. */
		if (i == 1)
			fixture_reopen(&x);
		x.now += delays[i] - 1;
		fixture_expect_none(&x);
		x.now++;
	}
	o = fixture_expect(&x, "http://a.test/");
	fixture_settle(&x, &o, 500);
	fixture_commit(&x);
	ck_assert(frontier_finished(x.f));
	ck_assert_uint_eq(fixture_totals(&x).failed, 1);
	ck_assert_uint_eq(fixture_totals(&x).retried, 3);
	ck_assert_uint_eq(fixture_totals(&x).statuses[5], 1);
	fixture_fini(&x);
}
END_TEST

START_TEST(a_retry_of_this_batch_is_not_swept_before_its_commit)
{
	struct fixture x;
	struct order a, b;

	fixture_init(&x);
	x.config.host.host_delay_ms = 0;
	x.config.host.host_concurrency = 2;
	x.config.host.retry_delay.ms[0] = 5000;
	x.config.host.retry_delay.ms[1] = 1000;
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/a");
	a = fixture_expect(&x, "http://a.test/a");
	fixture_settle(&x, &a, 500);
	fixture_commit(&x);
	x.now += 5000;
	a = fixture_expect(&x, "http://a.test/a");
	fixture_seed(&x, "http://a.test/b");
	b = fixture_expect(&x, "http://a.test/b");
	fixture_settle(&x, &b, 500);
	fixture_commit(&x);
	/* b waits till 5 s from now, a till 4.5 s, but is not committed. */
	x.now += 3500;
	fixture_settle(&x, &a, 500);
	x.now += 1500;
	b = fixture_expect(&x, "http://a.test/b");
	fixture_expect_none(&x);
	fixture_commit(&x);
	a = fixture_expect(&x, "http://a.test/a");
	ck_assert_int_eq(a.tries, 2);
	fixture_settle(&x, &a, 200);
	fixture_settle(&x, &b, 200);
	fixture_commit(&x);
	ck_assert(frontier_finished(x.f));
	fixture_fini(&x);
}
END_TEST

START_TEST(retry_after_blocks_the_host)
{
	struct fixture x;
	struct order o;
	struct capture c;

	fixture_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/1");
	fixture_seed(&x, "http://a.test/2");
	o = fixture_expect(&x, "http://a.test/1");
	c = fixture_capture(&x, 503);
	c.retry_after_ms = 120000;
	frontier_slot_end(x.f, &o, &c, x.now);
	frontier_slot_end(x.f, &o, &c, x.now + 50000); /* a second time */
	ck_assert_int_eq(frontier_due_ms(x.f, x.now), x.now + 120000);
	ck_assert_int_eq(frontier_settle(x.f, &o, &c,
			     fixture_decide(&x, &o, &c), x.now),
	    0);
	fixture_commit(&x);
	fixture_reopen(&x);
	x.now += 119999;
	fixture_expect_none(&x);
	x.now++;
	o = fixture_expect(&x, "http://a.test/2");
	fixture_settle(&x, &o, 200);
	x.now += 1000;
	o = fixture_expect(&x, "http://a.test/1");
	ck_assert_int_eq(o.waits, 1);
	ck_assert_int_eq(o.tries, 0);
	fixture_fini(&x);
}
END_TEST

START_TEST(a_host_that_stays_down_is_given_up)
{
	struct fixture x;
	struct order o;
	char url[64];
	int tried = 0, down = 0;

	fixture_init(&x);
	fixture_open(&x);
	for (int i = 0; i < 20; i++) {
		snprintf(url, sizeof(url), "http://a.test/%d", i);
		fixture_seed(&x, url);
	}
	while (!frontier_finished(x.f)) {
		if (!fixture_next(&x, &o)) {
			int64_t due = frontier_due_ms(x.f, x.now);

			ck_assert_int_gt(due, x.now);
			ck_assert_int_ne(due, INT64_MAX);
			x.now = due;
			continue;
		}
		if (o.reason == REASON_NONE)
			tried++;
		else
			down += o.reason == REASON_HOST_DOWN;
		fixture_settle(&x, &o, 0);
		fixture_commit(&x);
	}
	/* 0, 30 s, 1.5 min, … 31.5 min; then each 32 min, an hour. */
	ck_assert_int_eq(tried, 8);
	ck_assert_int_ge(down, 17);
	ck_assert_uint_eq(fixture_totals(&x).reasons[REASON_HOST_DOWN],
	    (uint64_t)down);
	ck_assert_uint_eq(fixture_totals(&x).failed, 20);
	/* A person may ask for it again, a link may not. */
	ck_assert_int_eq(fixture_offer(&x, &o, "http://a.test/link"), 1);
	o = fixture_expect(&x, "http://a.test/link");
	ck_assert_int_eq(o.reason, REASON_HOST_DOWN);
	fixture_seed(&x, "http://a.test/again");
	x.now += 3600000;
	o = fixture_expect(&x, "http://a.test/again");
	ck_assert_int_eq(o.reason, REASON_NONE);
	fixture_fini(&x);
}
END_TEST

START_TEST(a_host_goes_by_the_settings_of_its_own_section)
{
	struct fixture x;
	struct order slow, o;

	fixture_init(&x);
	ck_assert_int_eq(config_set(&x.config, "host",
			     "slow.test: host_delay = 10s", NULL),
	    0);
	ck_assert_int_eq(config_set(&x.config, "host",
			     "slow.test: retry_delay = 5s", NULL),
	    0);
	ck_assert_int_eq(config_set(&x.config, "host",
			     "slow.test: host_max_pages = 1", NULL),
	    0);
	fixture_open(&x);
	fixture_seed(&x, "http://slow.test/1");
	fixture_seed(&x, "http://slow.test/2");
	fixture_seed(&x, "http://fast.test/1");
	fixture_seed(&x, "http://fast.test/2");
	slow = fixture_expect(&x, "http://slow.test/1");
	ck_assert_uint_eq(slow.delay_ms, 10000);
	o = fixture_expect(&x, "http://fast.test/1");
	ck_assert_uint_eq(o.delay_ms, 1000);
	fixture_settle(&x, &slow, 500);
	fixture_settle(&x, &o, 200);
	fixture_commit(&x);
	x.now += 1000;
	o = fixture_expect(&x, "http://fast.test/2");
	fixture_settle(&x, &o, 200);
	fixture_commit(&x);
	x.now += 8999;
	fixture_expect_none(&x);
	/* Also after a restart. */
	fixture_reopen(&x);
	x.now += 9999;
	fixture_expect_none(&x);
	x.now++;
	slow = fixture_expect(&x, "http://slow.test/2");
	fixture_settle(&x, &slow, 200);
	fixture_commit(&x);
	/* Its budget is its own; the retry was due long ago. */
	slow = fixture_expect(&x, "http://slow.test/1");
	ck_assert_int_eq(slow.reason, REASON_BUDGET);
	fixture_settle(&x, &slow, 0);
	fixture_commit(&x);
	ck_assert(frontier_finished(x.f));
	fixture_fini(&x);
}
END_TEST

START_TEST(robots_and_nofollow_can_be_ignored_for_one_host)
{
	struct fixture x;
	struct order o;

	fixture_init(&x);
	x.config.host.robots = CONFIG_ROBOTS_OBEY;
	x.config.scope = SCOPE_ANY;
	ck_assert_int_eq(config_set(&x.config, "host",
			     "mine.test: robots = ignore", NULL),
	    0);
	fixture_open(&x);
	fixture_seed(&x, "http://mine.test/");
	fixture_seed(&x, "http://other.test/");
	o = fixture_expect(&x, "http://mine.test/");
	ck_assert_int_eq(frontier_offer(x.f, &o, SPAN("http://mine.test/a"),
			     LINK_A, LINK_NOFOLLOW, x.now),
	    1);
	fixture_settle(&x, &o, 200);
	o = fixture_expect(&x, "http://other.test/robots.txt");
	fixture_settle_robots(&x, &o, 404, "");
	fixture_commit(&x);
	x.now += 1000;
	/* In either order. */
	for (int i = 0; i < 2; i++) {
		ck_assert(fixture_next(&x, &o));
		ck_assert_int_eq(o.kind, ORDER_PAGE);
		if (span_eq(o.url, SPAN("http://other.test/")))
			ck_assert_int_eq(frontier_offer(x.f, &o,
					     SPAN("http://other.test/a"),
					     LINK_A, LINK_NOFOLLOW, x.now),
			    0);
		fixture_settle(&x, &o, 200);
	}
	ck_assert_uint_eq(fixture_totals(&x).refused[REFUSED_NOFOLLOW], 0);
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).refused[REFUSED_NOFOLLOW], 1);
	fixture_fini(&x);
}
END_TEST

START_TEST(a_host_over_its_budget_is_parked_then_excluded)
{
	struct fixture x;
	struct order o;
	char url[64];

	fixture_init(&x);
	x.config.host.host_max_pages = 2;
	x.config.host.host_concurrency = 8;
	x.config.host.host_delay_ms = 0;
	fixture_open(&x);
	for (int i = 0; i < 5; i++) {
		snprintf(url, sizeof(url), "http://a.test/%d", i);
		fixture_seed(&x, url);
	}
	fixture_seed(&x, "http://b.test/");
	for (int i = 0; i < 3; i++) {
		ck_assert(fixture_next(&x, &o));
		ck_assert_int_eq(o.reason, REASON_NONE);
		if (span_eq(o.url, SPAN("http://b.test/")))
			continue;
		fixture_settle(&x, &o, 200);
	}
	fixture_commit(&x);
	/* One of b is under way: it may lead to more. */
	fixture_expect_none(&x);
	fixture_reopen(&x);
	x.now += 1000;
	o = fixture_expect(&x, "http://b.test/");
	fixture_expect_none(&x);
	fixture_settle(&x, &o, 200);
	fixture_expect_none(&x);
	fixture_commit(&x);
	ck_assert_int_eq(frontier_due_ms(x.f, x.now), x.now);
	for (int i = 0; i < 3; i++) {
		ck_assert(fixture_next(&x, &o));
		ck_assert_int_eq(o.reason, REASON_BUDGET);
		fixture_settle(&x, &o, 0);
	}
	fixture_commit(&x);
	ck_assert(frontier_finished(x.f));
	ck_assert_uint_eq(fixture_totals(&x).excluded, 3);
	fixture_fini(&x);
}
END_TEST

START_TEST(max_pages_is_never_exceeded)
{
	struct fixture x;
	struct order o, kept[3];
	char url[64];
	int n = 0;

	fixture_init(&x);
	x.config.max_pages = 3;
	x.config.host.host_delay_ms = 0;
	x.config.host.host_concurrency = 16;
	fixture_open(&x);
	for (int i = 0; i < 10; i++) {
		snprintf(url, sizeof(url), "http://a.test/%d", i);
		fixture_seed(&x, url);
	}
	while (fixture_next(&x, &o))
		kept[n++ % 3] = o;
	ck_assert_int_eq(n, 3);
	/* One is to be tried again: another may take its place. */
	fixture_settle(&x, &kept[0], 500);
	ck_assert(fixture_next(&x, &o));
	fixture_expect_none(&x);
	fixture_settle(&x, &kept[1], 200);
	fixture_settle(&x, &kept[2], 200);
	fixture_commit(&x);
	ck_assert_ptr_null(frontier_limit(x.f, x.now));
	fixture_settle(&x, &o, 200);
	fixture_commit(&x);
	ck_assert_str_eq(frontier_limit(x.f, x.now), "max_pages");
	fixture_expect_none(&x);
	ck_assert_int_eq(frontier_due_ms(x.f, x.now), INT64_MAX);
	fixture_reopen(&x);
	ck_assert_str_eq(frontier_limit(x.f, x.now), "max_pages");
	fixture_fini(&x);
}
END_TEST

START_TEST(bytes_and_time_are_limits_over_all_runs)
{
	struct fixture x;
	struct order o;

	fixture_init(&x);
	x.config.max_bytes = 20;
	x.config.max_time_ms = 10000;
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/1");
	fixture_seed(&x, "http://a.test/2");
	o = fixture_expect(&x, "http://a.test/1");
	fixture_settle(&x, &o, 200);
	x.now += 6000;
	fixture_commit(&x);
	ck_assert_ptr_null(frontier_limit(x.f, x.now));
	fixture_close(&x);
	x.now += 3600000; /* not open: it does not count */
	fixture_open(&x);
	x.now += 3999;
	ck_assert_ptr_null(frontier_limit(x.f, x.now));
	ck_assert_str_eq(frontier_limit(x.f, x.now + 1), "max_time");
	o = fixture_expect(&x, "http://a.test/2");
	fixture_settle(&x, &o, 200);
	fixture_commit(&x);
	ck_assert_str_eq(frontier_limit(x.f, x.now), "max_bytes");
	fixture_fini(&x);
}
END_TEST

START_TEST(a_redirect_is_done_and_its_target_a_link)
{
	struct fixture x;
	struct order o;
	struct capture c;

	fixture_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/old");
	o = fixture_expect(&x, "http://a.test/old");
	c = fixture_capture(&x, 301);
	c.location = SPAN("http://a.test/new");
	ck_assert_int_eq(frontier_redirect(x.f, &o, &c, x.now), 1);
	ck_assert_int_eq(frontier_settle(x.f, &o, &c,
			     fixture_decide(&x, &o, &c), x.now),
	    0);
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).redirected, 1);
	ck_assert_uint_eq(fixture_totals(&x).done, 1);
	x.now += 1000;
	o = fixture_expect(&x, "http://a.test/new");
	ck_assert_int_eq(o.hops, 1);
	ck_assert_int_eq(o.depth, 0);
	ck_assert_int_eq(o.found, LINK_REDIRECT);
	ck_assert(span_eq(o.via, SPAN("http://a.test/old")));
	ck_assert(span_eq(o.chain, SPAN("301 http://a.test/old\n")));
	fixture_fini(&x);
}
END_TEST

static void
redirect_to(struct fixture *x, const struct order *o, int status,
    const char *target, enum redirect kind)
{
	struct capture c = fixture_capture(x, status);
	struct decision decision;

	c.location = span_from(target);
	c.redirect = (uint8_t)kind;
	decision = fixture_decide(x, o, &c);
	frontier_slot_end(x->f, o, &c, x->now);
	if (decision.verdict == VERDICT_REDIRECTED)
		ck_assert_int_ge(frontier_redirect(x->f, o, &c, x->now), 0);
	ck_assert_int_eq(frontier_settle(x->f, o, &c, decision, x->now), 0);
	fixture_balances(x);
}

START_TEST(a_chain_of_redirects_outlives_a_restart)
{
	static const char two[] = "302 http://a.test/1\n308 http://a.test/2\n";
	struct fixture x;
	struct order o;

	fixture_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/1");
	fixture_commit(&x);
	o = fixture_expect(&x, "http://a.test/1");
	redirect_to(&x, &o, 302, "http://a.test/2", REDIRECT_OTHER);
	x.now += 1000;
	/* ordered before the commit, and then adopted by a successor */
	o = fixture_expect(&x, "http://a.test/2");
	ck_assert(span_eq(o.chain, SPAN("302 http://a.test/1\n")));
	fixture_reopen(&x);
	ck_assert_int_eq(frontier_adopt(x.f, &o, x.now), 0);
	/* and come back to it, so that it is read from its row */
	frontier_come_back(x.f, &o, x.now);
	x.now += 1000;
	o = fixture_expect(&x, "http://a.test/2");
	ck_assert(span_eq(o.chain, SPAN("302 http://a.test/1\n")));
	redirect_to(&x, &o, 308, "http://a.test/3", REDIRECT_OTHER);
	fixture_commit(&x);
	fixture_reopen(&x);
	x.now += 1000;
	o = fixture_expect(&x, "http://a.test/1");
	fixture_settle(&x, &o, 404);
	x.now += 1000;
	o = fixture_expect(&x, "http://a.test/3");
	ck_assert_msg(span_eq(o.chain, span_from(two)), "%.*s",
	    SPAN_ARG(o.chain));
	ck_assert_uint_eq(o.hops, 2);
	fixture_fini(&x);
}
END_TEST

START_TEST(a_redirect_to_another_form_of_the_page_is_asked_for_in_that_form)
{
	static const char from[] = "http://a.test/p?utm_source=x&b=1&a=2";
	static const char to[] = "http://a.test/p?a=2&b=1";
	struct fixture x;
	struct order o, again;

	fixture_init(&x);
	fixture_open(&x);
	fixture_seed(&x, from);
	o = fixture_expect(&x, from);
	redirect_to(&x, &o, 301, to, REDIRECT_SAME);
	fixture_expect_none(&x); /* not before the commit: it is a retry */
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).done, 0);
	ck_assert_uint_eq(fixture_totals(&x).retried, 0);
	fixture_reopen(&x);
	x.now += 1000;
	again = fixture_expect(&x, to);
	ck_assert_uint_eq(again.site64, o.site64);
	ck_assert_uint_eq(again.url64, o.url64);
	ck_assert_uint_eq(again.tries, 0);
	ck_assert_uint_eq(again.hops, 1);
	ck_assert_uint_eq(again.found, LINK_SEED);
	ck_assert(chain_has(again.chain, span_from(from)));
	/* the order of before is not this URL's any more */
	fixture_reopen(&x);
	ck_assert_int_eq(frontier_adopt(x.f, &o, x.now), -EBADMSG);
	ck_assert_int_eq(frontier_adopt(x.f, &again, x.now), 0);
	fixture_settle(&x, &again, 200);
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).done, 1);
	ck_assert_uint_eq(fixture_totals(&x).admitted, 1);
	ck_assert(frontier_finished(x.f));
	fixture_fini(&x);
}
END_TEST

START_TEST(a_capture_that_lies_about_another_form_costs_tries)
{
	struct fixture x;
	struct order o;
	unsigned n = 0;

	fixture_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/p");
	for (; !frontier_finished(x.f); n++) {
		ck_assert_uint_lt(n, 10);
		x.now += 24 * 3600 * 1000;
		o = fixture_expect(&x, "http://a.test/p");
		redirect_to(&x, &o, 301, "http://a.test/other", REDIRECT_SAME);
		fixture_commit(&x);
	}
	ck_assert_uint_eq(fixture_totals(&x).reasons[REASON_TOO_MANY_REDIRECTS],
	    1);
	fixture_fini(&x);
}
END_TEST

START_TEST(a_url_is_kept_as_it_was_written)
{
	struct fixture x;
	struct order o;

	fixture_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/x?b=2&a=1&utm_source=z");
	o = fixture_expect(&x, "http://a.test/x?b=2&a=1&utm_source=z");
	/* The same page, and its visitors' names do not matter. */
	ck_assert_int_eq(fixture_offer(&x, &o, "http://a.test/x?a=1&b=2"), 0);
	fixture_commit(&x);
	fixture_reopen(&x);
	x.now += 1000;
	fixture_expect(&x, "http://a.test/x?b=2&a=1&utm_source=z");
	fixture_fini(&x);
}
END_TEST

START_TEST(a_password_in_a_url_is_never_kept)
{
	struct err err = ERR_NONE;
	struct fixture x;
	struct order o;
	struct why why;

	fixture_init(&x);
	fixture_open(&x);
	ck_assert_int_eq(frontier_seed(x.f, SPAN("http://me:secret@a.test/x"),
			     x.now, &err),
	    -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "auth"));
	ck_assert_ptr_nonnull(strstr(err.text, "http://a.test/x"));
	ck_assert_ptr_null(strstr(err.text, "secret"));
	fixture_seed(&x, "http://a.test/");
	o = fixture_expect(&x, "http://a.test/");
	ck_assert_int_eq(fixture_offer(&x, &o, "http://me:secret@a.test/y"), 1);
	ck_assert_int_eq(fixture_offer(&x, &o, "http://a.test/y"), 0);
	x.now += 1000;
	fixture_settle(&x, &o, 200);
	x.now += 1000;
	fixture_expect(&x, "http://a.test/y");
	/* Who asks about such a link is told of the page. */
	ck_assert_int_eq(frontier_why(x.f, SPAN("http://me:secret@a.test/y"),
			     x.now, &why, &err),
	    0);
	ck_assert(span_eq(why.url, SPAN("http://a.test/y")));
	ck_assert(why.known);
	why_fini(&why);
	fixture_fini(&x);
}
END_TEST

START_TEST(what_is_not_a_lease_is_refused)
{
	struct fixture x;
	struct order o, other;
	struct capture c;
	struct decision done = { VERDICT_DONE, 0 };

	fixture_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	o = fixture_expect(&x, "http://a.test/");
	c = fixture_capture(&x, 200);
	other = o;
	other.url64++;
	ck_assert_int_eq(frontier_settle(x.f, &other, &c, done, x.now),
	    -EBADMSG);
	ck_assert_int_eq(frontier_settle(x.f, &o, &c,
			     (struct decision){ VERDICTS, 0 }, x.now),
	    -EBADMSG);
	ck_assert_int_eq(frontier_settle(x.f, &o, &c,
			     (struct decision){ VERDICT_DONE, REASONS }, x.now),
	    -EBADMSG);
	ck_assert_int_eq(frontier_settle_robots(x.f, &o, &c, SPAN_NONE, x.now),
	    -EBADMSG);
	ck_assert_int_eq(frontier_settle(x.f, &o, &c, done, x.now), 0);
	ck_assert_int_eq(frontier_settle(x.f, &o, &c, done, x.now), -EBADMSG);
	frontier_come_back(x.f, &o, x.now);
	frontier_slot_end(x.f, &o, &c, x.now);
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).done, 1);
	ck_assert(frontier_finished(x.f));
	fixture_fini(&x);
}
END_TEST

/* Which askings are heard is a setting each; txt_only hears none.  Each has a
 * counter, so that who misses a page knows what to change. */
START_TEST(links_are_refused_as_the_settings_of_nofollow_say)
{
	static const enum refusal counters[] = { REFUSED_NOFOLLOW, REFUSED_UGC,
		REFUSED_SPONSORED, REFUSED_META_NOFOLLOW,
		REFUSED_HEADER_NOFOLLOW };
	static const struct {
		int robots, rel, ugc, sponsored, meta, header;
		unsigned refused; /* of the five flags, as bits */
	} cases[] = {
		{ CONFIG_ROBOTS_OBEY, 0, 1, 1, 0, 0,
		    LINK_NOFOLLOW | LINK_META_NOFOLLOW | LINK_HEADER_NOFOLLOW },
		{ CONFIG_ROBOTS_OBEY, 1, 1, 1, 1, 1, 0 },
		{ CONFIG_ROBOTS_OBEY, 0, 1, 1, 1, 1, LINK_NOFOLLOW },
		{ CONFIG_ROBOTS_OBEY, 1, 0, 1, 1, 1, LINK_UGC },
		{ CONFIG_ROBOTS_OBEY, 1, 1, 0, 1, 1, LINK_SPONSORED },
		{ CONFIG_ROBOTS_OBEY, 1, 1, 1, 0, 1, LINK_META_NOFOLLOW },
		{ CONFIG_ROBOTS_OBEY, 1, 1, 1, 1, 0, LINK_HEADER_NOFOLLOW },
		{ CONFIG_ROBOTS_TXT_ONLY, 0, 0, 0, 0, 0, 0 },
		{ CONFIG_ROBOTS_IGNORE, 0, 0, 0, 0, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fixture x;
		struct order o;
		struct frontier_totals t;
		unsigned refused = 0, counted = 0;

		fixture_init(&x);
		fixture_open(&x);
		fixture_seed(&x, "http://a.test/");
		o = fixture_expect(&x, "http://a.test/");
		x.config.host.robots = cases[i].robots;
		x.config.host.rel_nofollow = cases[i].rel;
		x.config.host.rel_ugc = cases[i].ugc;
		x.config.host.rel_sponsored = cases[i].sponsored;
		x.config.host.meta_robots = cases[i].meta;
		x.config.host.x_robots_tag = cases[i].header;
		for (unsigned flag = 1; flag <= LINK_HEADER_NOFOLLOW;
		     flag <<= 1) {
			char url[64];
			int r;

			snprintf(url, sizeof(url), "http://a.test/%u", flag);
			r = frontier_offer(x.f, &o, span_from(url), LINK_A,
			    (uint8_t)flag, x.now);
			ck_assert_int_ge(r, 0);
			if (r == 0)
				refused |= flag;
		}
		ck_assert_msg(refused == cases[i].refused, "case %zu: %u", i,
		    refused);
		fixture_commit(&x);
		t = fixture_totals(&x);
		for (size_t k = 0; k < ARRAY_LEN(counters); k++) {
			ck_assert_uint_le(t.refused[counters[k]], 1);
			counted |= (unsigned)t.refused[counters[k]] << k;
		}
		ck_assert_msg(counted == refused, "case %zu: counted %u", i,
		    counted);
		fixture_fini(&x);
	}
}
END_TEST

TEST_MAIN("frontier", a_seed_is_ordered_once_and_settled,
    a_seed_that_cannot_be_fetched_is_named,
    links_are_measured_and_counted_by_reason,
    links_are_refused_as_the_settings_of_nofollow_say,
    rules_on_depth_are_asked_for_each_link,
    a_regex_that_gives_up_is_counted_apart, a_new_rule_holds_for_what_is_queued,
    a_narrower_scope_holds_for_what_is_queued,
    keys_of_other_rules_are_refused_by_name,
    a_page_of_two_sites_that_are_one_is_fetched_once, scope_is_that_of_all_runs,
    without_a_contact_no_link_leaves_this_machine,
    a_host_is_waited_for_only_after_orders_may_have_left,
    a_store_of_another_crawl_or_layout_is_refused,
    new_urls_are_ordered_before_their_commit,
    a_queue_that_fills_the_buffer_exactly_has_an_end,
    an_order_that_comes_back_is_first_and_keeps_its_marks,
    retries_wait_their_delays_and_are_bounded,
    a_retry_of_this_batch_is_not_swept_before_its_commit,
    retry_after_blocks_the_host, a_host_that_stays_down_is_given_up,
    a_host_goes_by_the_settings_of_its_own_section,
    robots_and_nofollow_can_be_ignored_for_one_host,
    a_host_over_its_budget_is_parked_then_excluded, max_pages_is_never_exceeded,
    bytes_and_time_are_limits_over_all_runs,
    a_redirect_is_done_and_its_target_a_link,
    a_chain_of_redirects_outlives_a_restart,
    a_redirect_to_another_form_of_the_page_is_asked_for_in_that_form,
    a_capture_that_lies_about_another_form_costs_tries,
    a_url_is_kept_as_it_was_written, a_password_in_a_url_is_never_kept,
    what_is_not_a_lease_is_refused)
