#include "lib/frontier/rows.h"
#include "lib/frontier/store.h"
#include "tests/lib/frontier_fixture.h"

#define ROBOTS "http://a.test/robots.txt"

static void
maps_init(struct fixture *x)
{
	fixture_init(x);
	x->config.host.robots = CONFIG_ROBOTS_OBEY;
}

/* The first page's robots.txt, with these lines. */
static void
answer_robots(struct fixture *x, const char *lines)
{
	struct order o = fixture_expect(x, ROBOTS);

	fixture_settle_robots(x, &o, 200, lines);
	x->now += 1000;
}

static int
offer_listed(struct fixture *x, const struct order *from, const char *url)
{
	struct listing listed = { .priority = 101 };
	int r = frontier_offer_listed(x->f, from, span_from(url), &listed,
	    x->now);

	fixture_balances(x);
	return r;
}

static int
offer_nested(struct fixture *x, const struct order *from, const char *url)
{
	return frontier_offer_sitemap(x->f, from, span_from(url), x->now);
}

static void
settle_map(struct fixture *x, const struct order *o, int status,
    const char *location)
{
	struct capture capture = fixture_capture(x, status);
	struct sitemap_outcome outcome = { .broken = false };
	struct decision decision;

	capture.location = span_from(location);
	decision = fixture_decide(x, o, &capture);
	frontier_slot_end(x->f, o, &capture, x->now);
	ck_assert_int_eq(frontier_settle_sitemap(x->f, o, &capture, decision,
			     status == 200 ? &outcome : NULL, x->now),
	    0);
	fixture_balances(x);
	x->now += 1000;
}

static struct order
expect_map(struct fixture *x, const char *url)
{
	struct order o = fixture_expect(x, url);

	ck_assert_int_eq(o.kind, ORDER_SITEMAP);
	return o;
}

/* All that is left, each settled with 200; returns how many pages came. */
static unsigned
drain(struct fixture *x)
{
	unsigned pages = 0;
	struct order o;

	while (!frontier_finished(x->f)) {
		int64_t due;

		fixture_commit(x);
		if (frontier_finished(x->f))
			break;
		due = frontier_due_ms(x->f, x->now);
		ck_assert_int_ne(due, INT64_MAX);
		if (due > x->now)
			x->now = due;
		if (!fixture_next(x, &o))
			continue;
		if (o.kind == ORDER_ROBOTS)
			fixture_settle_robots(x, &o, 404, "");
		else if (o.kind == ORDER_SITEMAP)
			settle_map(x, &o, 200, NULL);
		else
			fixture_settle(x, &o, 200);
		pages += o.kind == ORDER_PAGE;
	}
	fixture_commit(x);
	return pages;
}

/* --- where they come from ------------------------------------------------ */

START_TEST(sitemaps_of_robots_are_read_and_their_urls_queued)
{
	struct frontier_totals t;
	struct fixture x;
	struct order o;

	maps_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	/* A relative one is meant for the same site. */
	answer_robots(&x, "Sitemap: http://a.test/1.xml\nSitemap: /2.xml\n"
			  "Sitemap: mailto:x\n");
	ck_assert_uint_eq(fixture_totals(&x).sitemaps_waiting, 2);
	o = expect_map(&x, "http://a.test/1.xml");
	ck_assert_uint_eq(o.for_site64, o.site64);
	ck_assert_int_eq(offer_listed(&x, &o, "http://a.test/new"), 1);
	ck_assert_int_eq(offer_listed(&x, &o, "http://a.test/"), 0);
	ck_assert_int_eq(offer_listed(&x, &o, "http://out.test/"), 0);
	settle_map(&x, &o, 200, NULL);
	fixture_commit(&x);
	ck_assert_uint_eq(drain(&x), 2);
	t = fixture_totals(&x);
	ck_assert_uint_eq(t.sitemaps, 2);
	ck_assert_uint_eq(t.sitemap_urls, 1);
	ck_assert_uint_eq(t.sitemaps_failed, 0);
	/* Not of the sum. */
	ck_assert_uint_eq(t.admitted, 2);
	ck_assert_uint_eq(t.refused[REFUSED_SCOPE], 1);
	fixture_fini(&x);
}
END_TEST

START_TEST(pages_and_sitemaps_take_turns)
{
	struct fixture x;
	struct order o;

	maps_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/p1");
	fixture_seed(&x, "http://a.test/p2");
	answer_robots(&x, "Sitemap: /1.xml\nSitemap: /2.xml\n");
	for (int i = 1; i <= 2; i++) {
		char map[40], page[40];

		snprintf(map, sizeof(map), "http://a.test/%d.xml", i);
		snprintf(page, sizeof(page), "http://a.test/p%d", i);
		o = expect_map(&x, map);
		/* One request at a time, and its delay. */
		fixture_expect_none(&x);
		settle_map(&x, &o, 200, NULL);
		x.now--;
		fixture_expect_none(&x);
		x.now++;
		o = fixture_expect(&x, page);
		fixture_settle(&x, &o, 200);
		fixture_commit(&x);
		x.now += 1000;
	}
	ck_assert(frontier_finished(x.f));
	fixture_fini(&x);
}
END_TEST

START_TEST(a_setting_leaves_sitemaps_alone)
{
	struct fixture x;

	maps_init(&x);
	x.config.sitemaps = false;
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	answer_robots(&x, "Sitemap: /1.xml\n");
	ck_assert_uint_eq(drain(&x), 1);
	ck_assert_uint_eq(fixture_totals(&x).sitemaps, 0);
	fixture_fini(&x);
}
END_TEST

START_TEST(a_sitemap_asked_for_is_a_list_of_seeds)
{
	struct err err = ERR_NONE;
	struct fixture x;
	struct order o;

	maps_init(&x);
	x.config.max_depth = 0;
	fixture_open(&x);
	ck_assert_int_eq(frontier_sitemap(x.f, SPAN("http://a.test/s/map.xml"),
			     x.now, &err),
	    1);
	ck_assert_int_eq(frontier_sitemap(x.f, SPAN("http://a.test/s/map.xml"),
			     x.now, &err),
	    0);
	ck_assert_int_eq(frontier_sitemap(x.f, SPAN("ftp://a.test/"), x.now,
			     &err),
	    -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "ftp://a.test/"));
	fixture_commit(&x);
	/* It is not yet the end, with nothing admitted. */
	ck_assert(!frontier_finished(x.f));
	answer_robots(&x, "Sitemap: /other.xml\n");
	o = expect_map(&x, "http://a.test/s/map.xml");
	/* Outside of its folder: the scope alone counts, and max_depth is 0. */
	ck_assert_int_eq(offer_listed(&x, &o, "http://a.test/new"), 1);
	settle_map(&x, &o, 200, NULL);
	o = fixture_expect(&x, "http://a.test/new");
	ck_assert_uint_eq(o.depth, 0);
	ck_assert_int_eq(o.found, LINK_SITEMAP);
	ck_assert(span_eq(o.via, SPAN("http://a.test/s/map.xml")));
	ck_assert_uint_eq(o.listed.priority, 101);
	ck_assert_int_eq(fixture_offer(&x, &o, "http://a.test/deeper"), 0);
	fixture_settle(&x, &o, 200);
	fixture_fini(&x);
}
END_TEST

/* A.test's robots.txt was there before a.test had a URL: for a sitemap. */
START_TEST(a_site_that_gets_its_first_url_later_has_its_sitemaps)
{
	struct err err = ERR_NONE;
	struct fixture x;
	struct order o;

	maps_init(&x);
	x.config.scope = SCOPE_ANY;
	fixture_open(&x);
	ck_assert_int_eq(frontier_sitemap(x.f, SPAN("http://a.test/1.xml"),
			     x.now, &err),
	    1);
	answer_robots(&x, "Sitemap: /2.xml\n");
	o = expect_map(&x, "http://a.test/1.xml");
	ck_assert_uint_eq(fixture_totals(&x).sitemaps_waiting, 1);
	ck_assert_int_eq(offer_listed(&x, &o, "http://a.test/p"), 1);
	ck_assert_uint_eq(fixture_totals(&x).sitemaps_waiting, 2);
	fixture_fini(&x);
}
END_TEST

/* --- of whom they may speak ---------------------------------------------- */

START_TEST(a_sitemap_speaks_for_its_asker_and_its_folder)
{
	struct fixture x;
	struct order o;

	maps_init(&x);
	x.config.scope = SCOPE_ANY;
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	answer_robots(&x, "Sitemap: http://cdn.test/a/map.xml\n");
	o = fixture_expect(&x, "http://cdn.test/robots.txt");
	/* Its own sitemaps are none of ours. */
	fixture_settle_robots(&x, &o, 200, "Sitemap: /own.xml\n");
	x.now += 1000;
	o = fixture_expect(&x, "http://a.test/");
	fixture_settle(&x, &o, 200);
	o = expect_map(&x, "http://cdn.test/a/map.xml");
	ck_assert_uint_ne(o.for_site64, o.site64);
	ck_assert_int_eq(offer_listed(&x, &o, "http://a.test/x"), 1);
	ck_assert_int_eq(offer_listed(&x, &o, "http://cdn.test/a/y"), 1);
	ck_assert_int_eq(offer_listed(&x, &o, "http://cdn.test/y"), 0);
	ck_assert_int_eq(offer_listed(&x, &o, "http://b.test/"), 0);
	ck_assert_int_eq(offer_listed(&x, &o, "https://a.test/x"), 0);
	settle_map(&x, &o, 200, NULL);
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).refused[REFUSED_LOCATION], 3);
	fixture_fini(&x);
}
END_TEST

START_TEST(a_sitemap_of_another_host_is_asked_for_in_scope_only)
{
	struct fixture x;

	maps_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	answer_robots(&x, "Sitemap: http://cdn.test/1.xml\nSitemap: /2.xml\n");
	(void)expect_map(&x, "http://a.test/2.xml");
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).refused[REFUSED_SCOPE], 1);
	fixture_fini(&x);
}
END_TEST

START_TEST(a_sitemap_that_moves_out_of_scope_is_not_followed)
{
	struct fixture x;
	struct order o;

	maps_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	answer_robots(&x, "Sitemap: /1.xml\n");
	o = expect_map(&x, "http://a.test/1.xml");
	settle_map(&x, &o, 301, "http://cdn.test/1.xml");
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).refused[REFUSED_SCOPE], 1);
	fixture_fini(&x);
}
END_TEST

START_TEST(an_exclude_rule_keeps_sitemaps_out_but_one_on_types)
{
	struct config_rule rules[] = { { false, (char *)"host:cdn.test" },
		{ false, (char *)"type:*/*" } };
	struct fixture x;

	maps_init(&x);
	x.config.scope = SCOPE_ANY;
	x.config.rules = rules;
	x.config.n_rules = ARRAY_LEN(rules);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	answer_robots(&x, "Sitemap: http://cdn.test/1\nSitemap: /2.xml\n");
	(void)expect_map(&x, "http://a.test/2.xml");
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).refused[REFUSED_RULE], 1);
	x.config.rules = NULL;
	x.config.n_rules = 0;
	fixture_fini(&x);
}
END_TEST

START_TEST(an_index_names_sitemaps_of_its_host_to_a_depth)
{
	struct fixture x;
	struct order o;

	maps_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	answer_robots(&x, "Sitemap: /0.xml\n");
	for (int level = 0; level <= 4; level++) {
		char url[40], next[40];

		snprintf(url, sizeof(url), "http://a.test/%d.xml", level);
		snprintf(next, sizeof(next), "http://a.test/%d.xml", level + 1);
		if (level == 4) {
			/* It was not taken: too deep. */
			ck_assert_uint_eq(drain(&x), 0);
			break;
		}
		o = expect_map(&x, url);
		/* Itself, one on another host, one on its own. */
		ck_assert_int_eq(offer_nested(&x, &o, url), 0);
		ck_assert_int_eq(offer_nested(&x, &o, "http://b.test/m"), 0);
		ck_assert_int_eq(offer_nested(&x, &o, next), level < 3);
		settle_map(&x, &o, 200, NULL);
		fixture_commit(&x);
		if (level == 0) {
			o = fixture_expect(&x, "http://a.test/");
			fixture_settle(&x, &o, 200);
			x.now += 1000;
		}
	}
	ck_assert_uint_eq(fixture_totals(&x).sitemaps, 4);
	ck_assert_uint_eq(fixture_totals(&x).refused[REFUSED_LOCATION], 3);
	ck_assert_uint_eq(fixture_totals(&x).refused[REFUSED_DEPTH], 3);
	fixture_fini(&x);
}
END_TEST

START_TEST(a_site_has_no_more_sitemaps_than_max_sitemaps)
{
	char line[FRONTIER_NEWS];
	struct fixture x;
	struct order o;

	maps_init(&x);
	x.config.max_sitemaps = 3;
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	answer_robots(&x, "Sitemap: /0.xml\n");
	o = expect_map(&x, "http://a.test/0.xml");
	for (int i = 1; i < 9; i++) {
		char url[40];

		snprintf(url, sizeof(url), "http://a.test/%d.xml", i);
		ck_assert_int_eq(offer_nested(&x, &o, url), i < 3);
	}
	settle_map(&x, &o, 200, NULL);
	fixture_commit(&x);
	ck_assert(frontier_news(x.f, line));
	ck_assert_ptr_nonnull(strstr(line, "max_sitemaps"));
	ck_assert(!frontier_news(x.f, line));
	/* Nor after a restart. */
	fixture_reopen(&x);
	x.now += 1000;
	ck_assert_uint_eq(drain(&x), 1);
	ck_assert_uint_eq(fixture_totals(&x).sitemaps, 3);
	fixture_fini(&x);
}
END_TEST

START_TEST(robots_rules_hold_for_sitemaps)
{
	char line[FRONTIER_NEWS];
	struct fixture x;
	struct order o;

	maps_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	answer_robots(&x, "User-agent: *\nDisallow: /no\nSitemap: /no/1.xml\n");
	o = fixture_expect(&x, "http://a.test/");
	fixture_settle(&x, &o, 200);
	fixture_commit(&x);
	ck_assert(frontier_finished(x.f));
	ck_assert_uint_eq(fixture_totals(&x).sitemaps_failed, 1);
	ck_assert(frontier_news(x.f, line));
	ck_assert_ptr_nonnull(strstr(line, "/no/1.xml"));
	ck_assert_ptr_nonnull(strstr(line, "robots.txt"));
	fixture_fini(&x);
}
END_TEST

/* --- what may come of them ----------------------------------------------- */

START_TEST(a_redirect_of_a_sitemap_is_followed_to_its_end)
{
	struct fixture x;
	struct order o;
	unsigned hops = 0;

	maps_init(&x);
	x.config.max_redirects = 3;
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	answer_robots(&x, "Sitemap: /0.xml\n");
	for (;;) {
		char location[60];

		if (!fixture_next(&x, &o)) {
			fixture_commit(&x);
			if (frontier_finished(x.f))
				break;
			x.now += 1000;
			continue;
		}
		if (o.kind == ORDER_PAGE) {
			fixture_settle(&x, &o, 200);
			x.now += 1000;
			continue;
		}
		ck_assert_int_eq(o.kind, ORDER_SITEMAP);
		ck_assert_uint_eq(o.hops, hops);
		snprintf(location, sizeof(location), "http://a.test/%u.xml",
		    ++hops);
		settle_map(&x, &o, 301, location);
	}
	/* The last one was one too many. */
	ck_assert_uint_eq(hops, 4);
	ck_assert_uint_eq(fixture_totals(&x).sitemaps_failed, 1);
	ck_assert_uint_eq(fixture_totals(&x).sitemaps, 0);
	fixture_fini(&x);
}
END_TEST

START_TEST(a_failed_sitemap_is_tried_again_and_given_up)
{
	struct fixture x;
	struct order o;
	int tries = 0;

	maps_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	answer_robots(&x, "Sitemap: /0.xml\n");
	while (!frontier_finished(x.f)) {
		int64_t due = frontier_due_ms(x.f, x.now);

		if (due == INT64_MAX) {
			fixture_commit(&x);
			continue;
		}
		if (due > x.now)
			x.now = due;
		if (!fixture_next(&x, &o))
			continue;
		if (o.kind == ORDER_PAGE) {
			fixture_settle(&x, &o, 200);
			continue;
		}
		ck_assert_int_eq(o.kind, ORDER_SITEMAP);
		ck_assert_uint_eq(o.tries, tries);
		tries++;
		settle_map(&x, &o, 500, NULL);
		fixture_commit(&x);
		/* Its tries are kept over a restart. */
		fixture_reopen(&x);
		x.now += 1000;
	}
	ck_assert_int_eq(tries, 4);
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).sitemaps_failed, 1);
	/* A person may ask for it once more. */
	ck_assert_int_eq(frontier_sitemap(x.f, SPAN("http://a.test/0.xml"),
			     x.now, NULL),
	    1);
	x.now += 86400000;
	fixture_fini(&x);
}
END_TEST

START_TEST(sitemaps_of_a_host_that_is_down_are_not_waited_for)
{
	struct fixture x;
	struct order o;

	maps_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	answer_robots(&x, "Sitemap: /0.xml\nSitemap: /1.xml\n");
	for (int i = 0; i < 100 && !frontier_finished(x.f); i++) {
		int64_t due = frontier_due_ms(x.f, x.now);

		fixture_commit(&x);
		if (due != INT64_MAX && due > x.now)
			x.now = due;
		if (!fixture_next(&x, &o))
			continue;
		if (o.kind == ORDER_PAGE)
			fixture_settle(&x, &o, 0);
		else if (o.kind == ORDER_ROBOTS)
			fixture_settle_robots(&x, &o, 0, "");
		else
			settle_map(&x, &o, 0, NULL);
	}
	fixture_commit(&x);
	ck_assert(frontier_finished(x.f));
	ck_assert_uint_eq(fixture_totals(&x).sitemaps_failed, 2);
	fixture_fini(&x);
}
END_TEST

START_TEST(a_parked_site_reads_no_more_sitemaps)
{
	struct fixture x;
	struct order o;

	maps_init(&x);
	x.config.host.host_max_pages = 1;
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/1");
	fixture_seed(&x, "http://a.test/2");
	answer_robots(&x, "Sitemap: /0.xml\nSitemap: /1.xml\n");
	o = expect_map(&x, "http://a.test/0.xml");
	settle_map(&x, &o, 200, NULL);
	o = fixture_expect(&x, "http://a.test/1");
	fixture_settle(&x, &o, 200);
	fixture_commit(&x);
	x.now += 1000;
	o = fixture_expect(&x, "http://a.test/2");
	ck_assert_int_eq(o.reason, REASON_BUDGET);
	fixture_settle(&x, &o, 0);
	fixture_commit(&x);
	ck_assert(frontier_finished(x.f));
	ck_assert_uint_eq(fixture_totals(&x).sitemaps_failed, 1);
	fixture_fini(&x);
}
END_TEST

/* --- kills --------------------------------------------------------------- */

START_TEST(a_sitemap_that_is_not_committed_is_read_again)
{
	struct fixture x;
	struct order o;

	maps_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	answer_robots(&x, "Sitemap: /0.xml\n");
	fixture_commit(&x);
	o = expect_map(&x, "http://a.test/0.xml");
	ck_assert_int_eq(offer_listed(&x, &o, "http://a.test/1"), 1);
	settle_map(&x, &o, 200, NULL);
	/* A power cut: neither its URL nor its end is there. */
	fixture_reopen(&x);
	x.now += 1000;
	ck_assert_uint_eq(fixture_totals(&x).sitemaps_waiting, 1);
	o = expect_map(&x, "http://a.test/0.xml");
	ck_assert_int_eq(offer_listed(&x, &o, "http://a.test/1"), 1);
	settle_map(&x, &o, 200, NULL);
	fixture_commit(&x);
	/* Now both are, and it is asked for no more. */
	fixture_reopen(&x);
	x.now += 1000;
	ck_assert_uint_eq(fixture_totals(&x).sitemaps_waiting, 0);
	ck_assert_uint_eq(drain(&x), 2);
	ck_assert_uint_eq(fixture_totals(&x).sitemaps, 1);
	fixture_fini(&x);
}
END_TEST

START_TEST(a_sitemap_on_the_conveyor_is_adopted)
{
	struct order o, robots, bad;
	struct fixture x;

	maps_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	fixture_commit(&x);
	robots = fixture_expect(&x, ROBOTS);
	fixture_settle_robots(&x, &robots, 200, "Sitemap: /0.xml\n");
	x.now += 1000;
	o = expect_map(&x, "http://a.test/0.xml");
	/* Found in a batch that is lost, as its robots.txt's settlement is. */
	fixture_reopen(&x);
	ck_assert_int_eq(frontier_adopt(x.f, &robots, x.now), 0);
	bad = o;
	bad.tries = 1;
	ck_assert_int_eq(frontier_adopt(x.f, &bad, x.now), -EBADMSG);
	bad = o;
	bad.url64++;
	ck_assert_int_eq(frontier_adopt(x.f, &bad, x.now), -EBADMSG);
	ck_assert_int_eq(frontier_adopt(x.f, &o, x.now), 0);
	ck_assert_int_eq(frontier_adopt(x.f, &o, x.now), -EBADMSG);
	fixture_settle_robots(&x, &robots, 200, "Sitemap: /0.xml\n");
	ck_assert_uint_eq(fixture_totals(&x).sitemaps_waiting, 1);
	fixture_commit(&x);
	/* Known, and leased still: the same again. */
	fixture_reopen(&x);
	ck_assert_int_eq(frontier_adopt(x.f, &o, x.now), 0);
	x.now += 1000;
	ck_assert_int_eq(offer_listed(&x, &o, "http://a.test/1"), 1);
	settle_map(&x, &o, 200, NULL);
	fixture_commit(&x);
	ck_assert_int_eq(frontier_adopt(x.f, &o, x.now), -EBADMSG);
	ck_assert_uint_eq(drain(&x), 2);
	fixture_fini(&x);
}
END_TEST

/* Its URL was ordered before the commit of both. */
START_TEST(a_listed_url_is_adopted_with_what_was_said_of_it)
{
	struct fixture x;
	struct order map, page;

	maps_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	answer_robots(&x, "Sitemap: /0.xml\n");
	fixture_commit(&x);
	map = expect_map(&x, "http://a.test/0.xml");
	ck_assert_int_eq(offer_listed(&x, &map, "http://a.test/1"), 1);
	settle_map(&x, &map, 200, NULL);
	page = fixture_expect(&x, "http://a.test/");
	fixture_settle(&x, &page, 200);
	x.now += 1000;
	page = fixture_expect(&x, "http://a.test/1");
	fixture_reopen(&x);
	ck_assert_int_eq(frontier_adopt(x.f, &map, x.now), 0);
	ck_assert_int_eq(frontier_adopt(x.f, &page, x.now), 0);
	frontier_come_back(x.f, &page, x.now);
	x.now += 1000;
	ck_assert_int_eq(offer_listed(&x, &map, "http://a.test/1"), 0);
	settle_map(&x, &map, 200, NULL);
	page = fixture_expect(&x, "http://a.test/1");
	ck_assert_uint_eq(page.listed.priority, 101);
	ck_assert_int_eq(page.found, LINK_SITEMAP);
	ck_assert(span_eq(page.via, SPAN("http://a.test/0.xml")));
	fixture_fini(&x);
}
END_TEST

START_TEST(a_sitemap_that_comes_back_is_first_again)
{
	struct fixture x;
	struct order o;

	maps_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	answer_robots(&x, "Sitemap: /0.xml\nSitemap: /1.xml\n");
	o = expect_map(&x, "http://a.test/0.xml");
	o.attempts = 2;
	frontier_come_back(x.f, &o, x.now);
	x.now += 1000;
	o = fixture_expect(&x, "http://a.test/");
	fixture_settle(&x, &o, 200);
	x.now += 1000;
	o = expect_map(&x, "http://a.test/0.xml");
	ck_assert_uint_eq(o.attempts, 2);
	fixture_fini(&x);
}
END_TEST

/* --- order within the host ----------------------------------------------- */

START_TEST(priorities_order_what_a_sitemap_lists)
{
	static const struct {
		const char *url;
		uint8_t priority;
	} listed[] = { { "http://a.test/low", 1 }, { "http://a.test/none", 0 },
		{ "http://a.test/half", 51 }, { "http://a.test/high", 101 } };
	static const char *const order[] = { "http://a.test/high",
		"http://a.test/link", "http://a.test/none",
		"http://a.test/half", "http://a.test/low" };
	struct fixture x;
	struct order o;

	maps_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	answer_robots(&x, "Sitemap: /0.xml\n");
	o = expect_map(&x, "http://a.test/0.xml");
	for (size_t i = 0; i < ARRAY_LEN(listed); i++) {
		struct listing l = { .priority = listed[i].priority };

		ck_assert_int_eq(frontier_offer_listed(x.f, &o,
				     span_from(listed[i].url), &l, x.now),
		    1);
	}
	settle_map(&x, &o, 200, NULL);
	o = fixture_expect(&x, "http://a.test/");
	fixture_offer(&x, &o, "http://a.test/link");
	fixture_settle(&x, &o, 200);
	fixture_commit(&x);
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		x.now += 1000;
		o = fixture_expect(&x, order[i]);
		fixture_settle(&x, &o, 200);
	}
	fixture_fini(&x);
}
END_TEST

START_TEST(fifty_thousand_urls_are_admitted_at_once)
{
	enum {
		URLS = 50000
	};
	struct fixture x;
	struct order o;
	bool all = true;

	maps_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	answer_robots(&x, "Sitemap: /0.xml\n");
	o = expect_map(&x, "http://a.test/0.xml");
	for (int i = 0; all && i < URLS; i++) {
		struct listing l = { .lastmod_s = 1 };
		char url[100];
		int len = snprintf(url, sizeof(url),
		    "http://a.test/a/page/of/usual/length/number-%d.html", i);

		all = frontier_offer_listed(x.f, &o, span_of(url, (size_t)len),
			  &l, x.now) == 1;
	}
	ck_assert(all);
	settle_map(&x, &o, 200, NULL);
	printf("figure: batch of 50,000 URLs: %zu bytes\n",
	    frontier_batch_bytes(x.f));
	fixture_commit(&x);
	fixture_reopen(&x);
	ck_assert_uint_eq(fixture_totals(&x).queued, URLS + 1);
	ck_assert_uint_eq(fixture_totals(&x).sitemap_urls, URLS);
	fixture_fini(&x);
}
END_TEST

TEST_MAIN("frontier_sitemap", sitemaps_of_robots_are_read_and_their_urls_queued,
    pages_and_sitemaps_take_turns, a_setting_leaves_sitemaps_alone,
    a_sitemap_asked_for_is_a_list_of_seeds,
    a_site_that_gets_its_first_url_later_has_its_sitemaps,
    a_sitemap_speaks_for_its_asker_and_its_folder,
    a_sitemap_of_another_host_is_asked_for_in_scope_only,
    a_sitemap_that_moves_out_of_scope_is_not_followed,
    an_exclude_rule_keeps_sitemaps_out_but_one_on_types,
    an_index_names_sitemaps_of_its_host_to_a_depth,
    a_site_has_no_more_sitemaps_than_max_sitemaps,
    robots_rules_hold_for_sitemaps,
    a_redirect_of_a_sitemap_is_followed_to_its_end,
    a_failed_sitemap_is_tried_again_and_given_up,
    sitemaps_of_a_host_that_is_down_are_not_waited_for,
    a_parked_site_reads_no_more_sitemaps,
    a_sitemap_that_is_not_committed_is_read_again,
    a_sitemap_on_the_conveyor_is_adopted,
    a_listed_url_is_adopted_with_what_was_said_of_it,
    a_sitemap_that_comes_back_is_first_again,
    priorities_order_what_a_sitemap_lists,
    fifty_thousand_urls_are_admitted_at_once)
