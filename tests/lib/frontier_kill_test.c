/*
 * A small web of six sites, crawled by a crawler whose every step may be
 * followed by a kill, with the conveyor left (its orders are adopted) or by a
 * power cut (nothing is left).  What comes of each URL must be what comes of
 * it when nobody is killed, and be committed once.
 */
#include "lib/frontier/host.h"
#include "lib/frontier/rows.h"
#include "lib/frontier/store.h"
#include "tests/lib/frontier_fixture.h"

enum {
	SITES = 6,
	LINKED = 40, /* pages that others link to … */
	PAGES = 48,  /* … and those that only sitemaps list */
	JOBS = 64,
	DELAY = 1000,
};

enum job_state {
	JOB_NONE,
	JOB_OUT,     /* its fetch is under way */
	JOB_ENDED,   /* … is over, the scheduler was told */
	JOB_SETTLED, /* in the batch */
};

struct job {
	enum job_state state;
	struct order order;
	struct capture capture;
	char location[64]; /* of the capture */
	bool fetched;
	uint64_t seq; /* given once: settled again in this order */
	unsigned site, page;
};

struct crawl {
	struct fixture x;
	uint64_t random;
	struct job jobs[JOBS];
	uint64_t next_seq;
	uint8_t verdicts[SITES][PAGES]; /* committed; 0: not yet */
	int64_t ended[SITES];           /* the last fetch of it */
	bool answered[SITES];           /* its robots.txt, once */
	unsigned kills, cuts;
};

static unsigned
dice(struct crawl *c, unsigned sides)
{
	return (unsigned)(test_random(&c->random) % sides);
}

/* --- the web ------------------------------------------------------------- */

static const char *
page_url(unsigned site, unsigned page)
{
	static char url[64];

	snprintf(url, sizeof(url), "http://h%u.test/p%u", site, page);
	return url;
}

/* What a request brings: a rule of the page and of what was tried before, so
 * that it is the same in every run. */
static void
answer(struct crawl *c, struct job *job)
{
	struct capture *capture = &job->capture;
	unsigned p = job->page;

	*capture = fixture_capture(&c->x, 200);
	if (job->order.kind == ORDER_ROBOTS) {
		bool moved = span_ends(job->order.url, SPAN("r2.txt"));

		if (job->site == 4)
			capture->status = 503;
		else if (job->site == 3 || job->site == 5)
			capture->status = 404;
		else if (job->site == 2) {
			capture->status = 301;
			capture->location = SPAN("http://h0.test/r2.txt");
		} else if (!moved && job->site == 0)
			capture->status = 410;
	} else if (job->order.kind == ORDER_SITEMAP) {
		if (span_ends(job->order.url, SPAN("m2.xml")) &&
		    job->order.tries == 0)
			capture->status = 500;
		if (span_ends(job->order.url, SPAN("moved.xml"))) {
			capture->status = 301;
			snprintf(job->location, sizeof(job->location),
			    "http://h%u.test/m1.xml", job->site);
			capture->location = span_from(job->location);
		}
	} else if (job->site == 5) {
		*capture = fixture_capture(&c->x, 0);
	} else if (p % 13 == 5 && job->order.waits == 0) {
		capture->status = 503;
		if (p % 2)
			capture->retry_after_ms = 3000;
	} else if (p % 17 == 3 && job->order.tries == 0) {
		*capture = fixture_capture(&c->x, 0);
		capture->reason = REASON_READ_FAIL;
	} else if (p == 23) {
		capture->status = 500;
	} else if (p % 19 == 7) {
		capture->status = 404;
	} else if (p % 11 == 4) {
		capture->status = 302;
		memcpy(job->location, page_url(job->site, (p + 5) % LINKED),
		    sizeof(job->location));
		capture->location = span_from(job->location);
	}
}

static void
offer(struct crawl *c, const struct job *job, unsigned site, unsigned page)
{
	if (page < LINKED)
		ck_assert_int_ge(fixture_offer(&c->x, &job->order,
				     page_url(site, page)),
		    0);
}

static void
offer_links(struct crawl *c, const struct job *job)
{
	unsigned s = job->site, p = job->page;

	if (job->capture.status == 302) {
		struct capture capture = job->capture;

		capture.location = span_from(page_url(s, (p + 5) % LINKED));
		ck_assert_int_ge(frontier_redirect(c->x.f, &job->order,
				     &capture, c->x.now),
		    0);
	} else if (job->capture.status == 200) {
		offer(c, job, s, 0);
		offer(c, job, s, p * 2 + 1);
		offer(c, job, s, p * 2 + 2);
		offer(c, job, (s + 1 + p % 3) % SITES, (p * 7 + 3) % LINKED);
	}
}

static struct span
robots_text(const struct job *job)
{
	if (job->capture.status != 200)
		return SPAN_NONE;
	if (job->site == 1)
		return SPAN("User-agent: *\nDisallow: /p9\nDisallow: /p3$\n"
			    "Sitemap: /index.xml\n");
	return SPAN("User-agent: *\nCrawl-delay: 2\nDisallow: /p12\n"
		    "Sitemap: http://h2.test/index.xml\n");
}

/* An index that lists itself, two sitemaps, and one that has moved to one of
 * them; each of the two lists half of the pages that nothing links to. */
static void
offer_listed(struct crawl *c, const struct job *job)
{
	static const char *const maps[] = { "index", "m1", "m2", "moved" };
	struct listing listed = { .lastmod_s = 1 };
	unsigned half = span_ends(job->order.url, SPAN("m1.xml")) ? 0 : 1;
	char url[64];
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_LEN(maps); i++) {
		snprintf(url, sizeof(url), "http://h%u.test/%s.xml", job->site,
		    maps[i]);
		if (span_ends(job->order.url, SPAN("index.xml")))
			r = frontier_offer_sitemap(c->x.f, &job->order,
			    span_from(url), c->x.now);
	}
	for (unsigned p = LINKED + half * 4;
	     r >= 0 && p < LINKED + half * 4 + 4; p++) {
		if (!span_ends(job->order.url, SPAN("index.xml")))
			r = frontier_offer_listed(c->x.f, &job->order,
			    span_from(page_url(job->site, p)), &listed,
			    c->x.now);
	}
	ck_assert_int_ge(r, 0);
}

static void
settle_sitemap(struct crawl *c, const struct job *job)
{
	struct sitemap_outcome outcome = { .broken = false };
	bool read = job->capture.status == 200;

	if (read)
		offer_listed(c, job);
	ck_assert_int_eq(frontier_settle_sitemap(c->x.f, &job->order,
			     &job->capture,
			     fixture_decide(&c->x, &job->order, &job->capture),
			     read ? &outcome : NULL, c->x.now),
	    0);
}

/* --- steps --------------------------------------------------------------- */

static struct job *
pick(struct crawl *c, enum job_state state)
{
	unsigned at = dice(c, JOBS);

	for (unsigned i = 0; i < JOBS; i++) {
		struct job *job = &c->jobs[(at + i) % JOBS];

		if (job->state == state)
			return job;
	}
	return NULL;
}

static void
forget(struct job *job)
{
	*job = (struct job){ .state = JOB_NONE };
}

static unsigned
fetches_of(const struct crawl *c, uint64_t site64)
{
	unsigned n = 0;

	for (unsigned i = 0; i < JOBS; i++)
		n += c->jobs[i].state == JOB_OUT &&
		     c->jobs[i].order.reason == REASON_NONE &&
		     c->jobs[i].order.site64 == site64;
	return n;
}

static bool
step_next(struct crawl *c)
{
	struct job *job = pick(c, JOB_NONE);
	struct order o;

	if (job == NULL || !fixture_next(&c->x, &o))
		return false;
	for (unsigned i = 0; i < JOBS; i++) {
		const struct job *other = &c->jobs[i];

		ck_assert_msg(other->state == JOB_NONE ||
				  !span_eq(other->order.url, o.url),
		    "%.*s is ordered twice", SPAN_ARG(o.url));
	}
	job->state = JOB_OUT;
	job->order = o;
	ck_assert_int_eq(sscanf(o.url.ptr, "http://h%u.test/p%u", &job->site,
			     &job->page),
	    o.kind == ORDER_PAGE ? 2 : 1);
	ck_assert_uint_lt(job->site, SITES);
	if (o.kind == ORDER_PAGE)
		ck_assert_uint_eq(c->verdicts[job->site][job->page], 0);
	if (o.reason != REASON_NONE)
		return true;
	ck_assert_uint_le(fetches_of(c, o.site64),
	    c->x.config.host.host_concurrency);
	ck_assert_uint_ge(o.delay_ms, DELAY);
	ck_assert_int_ge(c->x.now, c->ended[job->site] + o.delay_ms);
	if (o.kind != ORDER_ROBOTS)
		ck_assert(c->answered[job->site]);
	return true;
}

static bool
step_end(struct crawl *c)
{
	struct job *job = pick(c, JOB_OUT);

	if (job == NULL)
		return false;
	job->state = JOB_ENDED;
	if (job->order.reason != REASON_NONE)
		return true;
	answer(c, job);
	job->fetched = true;
	c->ended[job->site] = c->x.now;
	frontier_slot_end(c->x.f, &job->order, &job->capture, c->x.now);
	fixture_balances(&c->x);
	return true;
}

/* What was settled before a kill comes first, in its order. */
static struct job *
pick_ended(struct crawl *c)
{
	struct job *first = NULL;

	for (unsigned i = 0; i < JOBS; i++) {
		struct job *job = &c->jobs[i];

		if (job->state == JOB_ENDED && job->seq > 0 &&
		    (first == NULL || job->seq < first->seq))
			first = job;
	}
	return first != NULL ? first : pick(c, JOB_ENDED);
}

static bool
step_settle(struct crawl *c)
{
	struct job *job = pick_ended(c);
	const struct capture *capture;

	if (job == NULL)
		return false;
	capture = job->fetched ? &job->capture : NULL;
	if (job->seq == 0)
		job->seq = ++c->next_seq;
	job->state = JOB_SETTLED;
	if (job->order.kind == ORDER_ROBOTS) {
		struct buf rules;

		buf_init(&rules, 1 << 16);
		ck_assert_int_eq(robots_compile(robots_text(job),
				     SPAN("mpcrawl"), &rules),
		    0);
		ck_assert_int_eq(frontier_settle_robots(c->x.f, &job->order,
				     capture, buf_span(&rules), c->x.now),
		    0);
		buf_fini(&rules);
		c->answered[job->site] = true;
		if (span_ends(job->order.url, SPAN("r2.txt")))
			c->answered[2] = true;
	} else if (job->order.kind == ORDER_SITEMAP) {
		settle_sitemap(c, job);
	} else {
		bool before = dice(c, 2);

		if (before && capture != NULL)
			offer_links(c, job);
		ck_assert_int_eq(frontier_settle(c->x.f, &job->order, capture,
				     fixture_decide(&c->x, &job->order,
					 capture),
				     c->x.now),
		    0);
		if (!before && capture != NULL)
			offer_links(c, job);
	}
	fixture_balances(&c->x);
	return true;
}

static void
step_commit(struct crawl *c)
{
	fixture_commit(&c->x);
	for (unsigned i = 0; i < JOBS; i++) {
		struct job *job = &c->jobs[i];
		struct decision d;

		if (job->state != JOB_SETTLED)
			continue;
		d = fixture_decide(&c->x, &job->order,
		    job->fetched ? &job->capture : NULL);
		if (job->order.kind == ORDER_PAGE &&
		    d.verdict != VERDICT_RETRY) {
			uint8_t *was = &c->verdicts[job->site][job->page];

			ck_assert_uint_eq(*was, 0);
			*was = d.verdict;
		}
		forget(job);
	}
}

static bool
step_come_back(struct crawl *c)
{
	struct job *job = pick(c, JOB_OUT);

	if (job == NULL)
		return false;
	if (job->order.reason == REASON_NONE)
		c->ended[job->site] = c->x.now;
	frontier_come_back(c->x.f, &job->order, c->x.now);
	fixture_balances(&c->x);
	forget(job);
	return true;
}

/* A person's seeds are given at each start. */
static void
seed(struct crawl *c)
{
	ck_assert_int_ge(frontier_seed(c->x.f, SPAN("http://h0.test/p0"),
			     c->x.now, NULL),
	    0);
	fixture_balances(&c->x);
}

/* A new scheduler, and the conveyor is there. */
static void
step_kill(struct crawl *c)
{
	struct job *job;

	c->kills++;
	fixture_reopen(&c->x);
	fixture_balances(&c->x);
	for (unsigned i = 0; i < JOBS; i++) {
		job = &c->jobs[(i + c->kills) % JOBS];
		if (job->state == JOB_NONE)
			continue;
		if (job->state == JOB_SETTLED)
			job->state = JOB_ENDED;
		ck_assert_int_eq(frontier_adopt(c->x.f, &job->order, c->x.now),
		    0);
		fixture_balances(&c->x);
	}
	seed(c);
	/* The look at all leases finds those that were fetched. */
	for (unsigned i = 0; i < JOBS; i++) {
		job = &c->jobs[i];
		if (job->state == JOB_ENDED && job->fetched)
			frontier_slot_end(c->x.f, &job->order, &job->capture,
			    c->x.now);
	}
}

/* Nothing is there but the store. */
static void
step_cut(struct crawl *c)
{
	c->cuts++;
	for (unsigned i = 0; i < JOBS; i++) {
		struct job *job = &c->jobs[i];

		if (job->state == JOB_OUT && job->order.reason == REASON_NONE)
			c->ended[job->site] = c->x.now;
		if (job->state != JOB_NONE)
			forget(job);
	}
	fixture_reopen(&c->x);
	fixture_balances(&c->x);
	seed(c);
}

static void
step_wait(struct crawl *c)
{
	int64_t due = frontier_due_ms(c->x.f, c->x.now);

	if (pick(c, JOB_OUT) || pick(c, JOB_ENDED) || pick(c, JOB_SETTLED))
		c->x.now += dice(c, 700);
	else if (due > c->x.now && due != INT64_MAX)
		c->x.now = due;
}

static void
crawl(struct crawl *c, unsigned kills)
{
	unsigned steps = 0;

	fixture_init(&c->x);
	c->x.config.host.robots = CONFIG_ROBOTS_OBEY;
	c->x.config.scope = SCOPE_ANY;
	c->x.config.host.host_concurrency = 3;
	c->x.config.host.host_delay_ms = DELAY;
	c->x.config.max_depth = 1000;
	/* So small that the store must be asked what is known. */
	if (kills > 0)
		c->x.config.seen_cache = 512;
	fixture_open(&c->x);
	fixture_seed(&c->x, "http://h0.test/p0");
	while (!frontier_finished(c->x.f)) {
		unsigned what = dice(c, 1000);

		ck_assert_uint_lt(++steps, 200000);
		if (what < kills)
			step_kill(c);
		else if (what < kills * 3 / 2)
			step_cut(c);
		else if (what < 400)
			step_next(c);
		else if (what < 600)
			step_end(c);
		else if (what < 800)
			step_settle(c);
		else if (what < 860)
			step_commit(c);
		else if (what < 870)
			step_come_back(c);
		else
			step_wait(c);
	}
	step_commit(c);
	fixture_close(&c->x);
}

/* Rows and counters agree: nothing is left over. */
static void
check_store(struct crawl *c)
{
	struct store *store;
	struct store_scan *scan;
	struct span key, value;
	uint64_t n[STORE_TABLES] = { 0 }, hosts = 0;
	struct url_row row;
	struct host_row host;
	struct map_row map;
	struct frontier_totals t;

	fixture_open(&c->x);
	t = fixture_totals(&c->x);
	fixture_close(&c->x);
	ck_assert_int_eq(store_open(c->x.dir, 8 << 20, &store, NULL), 0);
	for (int table = 0; table < STORE_TABLES; table++) {
		ck_assert_int_eq(store_scan_open(store, table, SPAN_NONE,
				     SPAN_NONE, false, &scan),
		    0);
		while (store_scan_next(scan, &key, &value) == 1) {
			n[table]++;
			if (table == STORE_URLS) {
				ck_assert_int_eq(url_row_read(value, &row), 0);
				ck_assert_int_eq(row.state, URL_ENDED);
			}
			if (table == STORE_SITEMAPS) {
				ck_assert_int_eq(map_row_read(value, &map), 0);
				ck_assert_int_eq(map.state, MAP_READ);
			}
			if (table == STORE_HOSTS) {
				ck_assert_int_eq(host_row_read(value, &host),
				    0);
				ck_assert_uint_eq(host.queued, 0);
				hosts += host.admitted > 0;
			}
		}
		store_scan_close(scan);
	}
	store_close(store);
	ck_assert_uint_eq(n[STORE_URLS], t.admitted);
	ck_assert_uint_eq(n[STORE_QUEUE], 0);
	ck_assert_uint_eq(n[STORE_DUE], 0);
	ck_assert_uint_eq(hosts, t.hosts);
	ck_assert_uint_eq(t.queued, 0);
	/* Of two sites, each once: whoever was killed while it was read. */
	ck_assert_uint_eq(n[STORE_SITEMAPS], 8);
	ck_assert_uint_eq(t.sitemaps, 6);
	ck_assert_uint_eq(t.sitemap_urls, 16);
	ck_assert_uint_eq(t.sitemaps_failed, 0);
}

START_TEST(every_url_ends_once_however_often_we_are_killed)
{
	static struct crawl quiet, killed;
	unsigned ended = 0;

	quiet.random = killed.random = test_seed();
	crawl(&quiet, 0);
	check_store(&quiet);
	crawl(&killed, 20);
	check_store(&killed);
	ck_assert_uint_gt(killed.kills, 5);
	for (unsigned s = 0; s < SITES; s++) {
		for (unsigned p = 0; p < PAGES; p++) {
			ck_assert_msg(quiet.verdicts[s][p] ==
					  killed.verdicts[s][p],
			    "%s: %s, but killed %s", page_url(s, p),
			    verdict_name(quiet.verdicts[s][p]),
			    verdict_name(killed.verdicts[s][p]));
			ended += quiet.verdicts[s][p] != 0;
		}
	}
	ck_assert_uint_gt(ended, 150);
	fixture_fini(&quiet.x);
	fixture_fini(&killed.x);
}
END_TEST

START_TEST(a_store_says_which_orders_are_not_its_own)
{
	struct fixture x;
	struct order o, first, again;

	fixture_init(&x);
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/1");
	fixture_seed(&x, "http://a.test/2");
	fixture_commit(&x);
	first = fixture_expect(&x, "http://a.test/1");
	fixture_reopen(&x);
	o = first;
	o.tries = 1;
	ck_assert_int_eq(frontier_adopt(x.f, &o, x.now), -EBADMSG);
	o = first;
	o.qseq += 1;
	ck_assert_int_eq(frontier_adopt(x.f, &o, x.now), -EBADMSG);
	o = first;
	o.qseq = PLACE_SEQ_MAX;
	ck_assert_int_eq(frontier_adopt(x.f, &o, x.now), -EBADMSG);
	o = first;
	o.reason = REASONS;
	ck_assert_int_eq(frontier_adopt(x.f, &o, x.now), -EBADMSG);
	/* One that the store does not have, and whose text is another's. */
	o = first;
	o.url64 += 1;
	o.qseq = 1000;
	ck_assert_int_eq(frontier_adopt(x.f, &o, x.now), -EBADMSG);
	ck_assert_int_eq(frontier_adopt(x.f, &first, x.now), 0);
	ck_assert_int_eq(frontier_adopt(x.f, &first, x.now), -EBADMSG);
	ck_assert_uint_eq(fixture_totals(&x).in_flight, 1);
	/* It holds the host's slot, whatever the time. */
	x.now += 100000;
	fixture_expect_none(&x);

	/* A retry that was on its way back into the queue. */
	fixture_settle(&x, &first, 500);
	fixture_commit(&x);
	x.now += 1000;
	o = fixture_expect(&x, "http://a.test/2");
	fixture_settle(&x, &o, 200);
	fixture_commit(&x);
	x.now += 30000;
	again = fixture_expect(&x, "http://a.test/1");
	fixture_reopen(&x);
	ck_assert_int_eq(frontier_adopt(x.f, &again, x.now), 0);
	x.now += 1000000;
	fixture_expect_none(&x);
	fixture_settle(&x, &again, 200);
	fixture_commit(&x);
	ck_assert(frontier_finished(x.f));
	/* It is done: no order of it can be. */
	fixture_reopen(&x);
	ck_assert_int_eq(frontier_adopt(x.f, &again, x.now), -EBADMSG);
	fixture_fini(&x);
}
END_TEST

START_TEST(an_adopted_url_keeps_its_place_to_itself)
{
	struct fixture x;
	struct order first, young, o;

	fixture_init(&x);
	x.config.host.host_concurrency = 4;
	x.config.host.host_delay_ms = 0;
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	fixture_commit(&x);
	first = fixture_expect(&x, "http://a.test/");
	ck_assert_int_eq(fixture_offer(&x, &first, "http://a.test/young"), 1);
	young = fixture_expect(&x, "http://a.test/young");
	fixture_reopen(&x);
	ck_assert_int_eq(frontier_adopt(x.f, &first, x.now), 0);
	ck_assert_int_eq(frontier_adopt(x.f, &young, x.now), 0);
	fixture_balances(&x);
	/* This time another link comes first. */
	ck_assert_int_eq(fixture_offer(&x, &first, "http://a.test/other"), 1);
	ck_assert_int_eq(fixture_offer(&x, &first, "http://a.test/young"), 0);
	fixture_settle(&x, &first, 200);
	fixture_settle(&x, &young, 200);
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).admitted, 3);
	fixture_reopen(&x);
	o = fixture_expect(&x, "http://a.test/other");
	fixture_settle(&x, &o, 200);
	fixture_commit(&x);
	ck_assert(frontier_finished(x.f));
	fixture_fini(&x);
}
END_TEST

START_TEST(seeds_between_a_kill_and_the_next_run_take_no_place_of_its_orders)
{
	struct fixture x;
	struct order first, young, other;

	fixture_init(&x);
	x.config.host.host_concurrency = 4;
	x.config.host.host_delay_ms = 0;
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	fixture_commit(&x);
	first = fixture_expect(&x, "http://a.test/");
	ck_assert_int_eq(fixture_offer(&x, &first, "http://a.test/young"), 1);
	ck_assert_int_eq(fixture_offer(&x, &first, "http://a.test/other"), 1);
	young = fixture_expect(&x, "http://a.test/young");
	other = fixture_expect(&x, "http://a.test/other");

	/* Killed; one of the two is given as a seed, and another URL. */
	fixture_reopen(&x);
	fixture_seed(&x, "http://a.test/new");
	fixture_seed(&x, "http://a.test/young");
	fixture_commit(&x);
	fixture_reopen(&x);
	ck_assert_int_eq(frontier_adopt(x.f, &first, x.now), 0);
	ck_assert_int_eq(frontier_adopt(x.f, &young, x.now), 0);
	ck_assert_int_eq(frontier_adopt(x.f, &other, x.now), 0);
	fixture_balances(&x);
	fixture_settle(&x, &first, 200);
	fixture_settle(&x, &young, 200);
	fixture_settle(&x, &other, 200);
	fixture_commit(&x);
	fixture_balances(&x);
	fixture_reopen(&x);
	first = fixture_expect(&x, "http://a.test/new");
	fixture_settle(&x, &first, 200);
	fixture_commit(&x);
	ck_assert(frontier_finished(x.f));
	ck_assert_uint_eq(fixture_totals(&x).admitted, 4);
	fixture_fini(&x);
}
END_TEST

TEST_MAIN("frontier_kill", every_url_ends_once_however_often_we_are_killed,
    a_store_says_which_orders_are_not_its_own,
    an_adopted_url_keeps_its_place_to_itself,
    seeds_between_a_kill_and_the_next_run_take_no_place_of_its_orders)
