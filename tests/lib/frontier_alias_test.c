#include "lib/frontier/alias.h"
#include "lib/frontier/store.h"
#include "lib/url/canon.h"
#include "tests/lib/frontier_fixture.h"

/* Orders that came in front of those that were waited for. */
static struct order kept[64];
static size_t n_kept;

static struct order
take_kept(size_t i)
{
	struct order o = kept[i];

	kept[i] = kept[--n_kept];
	return o;
}

/* The order of this URL, now or later.  Others of its host, which has one slot,
 * are answered with 404. */
static struct order
expect(struct fixture *x, const char *url)
{
	const char *path = strchr(strchr(url, ':') + 3, '/');
	struct span host = span_of(url, (size_t)(path - url));

	for (;;) {
		for (size_t i = n_kept; i-- > 0;) {
			struct order o;

			if (!span_starts(kept[i].url, host))
				continue;
			o = take_kept(i);
			if (span_eq(o.url, span_from(url)))
				return o;
			fixture_settle(x, &o, 404);
		}
		if (n_kept == ARRAY_LEN(kept) ||
		    !fixture_next(x, &kept[n_kept]))
			break;
		n_kept++;
	}
	ck_abort_msg("no order for %s", url);
}

static void
reopen(struct fixture *x)
{
	n_kept = 0;
	fixture_reopen(x);
	x->now += 1000;
}

/* This URL is ordered, and answered so. */
static void
answer(struct fixture *x, const char *url, int status, const char *location)
{
	struct order o = expect(x, url);
	struct capture c = fixture_capture(x, status);
	struct decision decision;

	c.location = span_from(location);
	decision = fixture_decide(x, &o, &c);
	frontier_slot_end(x->f, &o, &c, x->now);
	if (decision.verdict == VERDICT_REDIRECTED)
		ck_assert_int_ge(frontier_redirect(x->f, &o, &c, x->now), 0);
	ck_assert_int_eq(frontier_settle(x->f, &o, &c, decision, x->now), 0);
	fixture_balances(x);
}

static void
open_crawl(struct fixture *x)
{
	n_kept = 0;
	fixture_init(x);
	x->config.scope = SCOPE_ANY;
	x->config.host.host_delay_ms = 0;
	fixture_open(x);
}

/* A page of another host that links to the old one n times. */
static struct order
start(struct fixture *x, unsigned n)
{
	struct order o;
	char url[64];

	fixture_seed(x, "http://hub.test/");
	o = expect(x, "http://hub.test/");
	for (unsigned i = 0; i < n; i++) {
		snprintf(url, sizeof(url), "http://old.test/%u?q", i);
		ck_assert_int_eq(fixture_offer(x, &o, url), 1);
	}
	return o;
}

static void
move(struct fixture *x, unsigned i, int status)
{
	char from[64], to[64];

	snprintf(from, sizeof(from), "http://old.test/%u?q", i);
	snprintf(to, sizeof(to), "https://new.test/%u?q", i);
	answer(x, from, status, to);
}

static bool
is_alias(struct fixture *x)
{
	static const char name[] = "http://old.test";
	struct canon canon = { .rules = CANON_DEFAULT };
	struct canon_hash hash;
	struct buf site, page;
	struct span to;
	struct url url;

	url_init(&url);
	buf_init(&site, 4096);
	buf_init(&page, 4096);
	ck_assert_int_eq(url_parse(span_from(name), NULL, &url), 0);
	ck_assert_int_eq(canon_hash(&canon, &url, &site, &page, &hash), 0);
	buf_fini(&site);
	buf_fini(&page);
	url_fini(&url);
	to = frontier_alias(x->f, hash.site64);
	ck_assert(to.len == 0 || span_eq(to, SPAN("https://new.test")));
	return to.len > 0;
}

/* Is a link to the old host, never seen before, one to the new host now? */
static void
ck_assert_led(struct fixture *x, const struct order *hub, const char *path,
    const char *host)
{
	char link[64], want[64];
	struct order o;

	snprintf(link, sizeof(link), "http://old.test%s", path);
	snprintf(want, sizeof(want), "%s%s", host, path);
	ck_assert_int_eq(fixture_offer(x, hub, link), 1);
	/* a second time both are known */
	ck_assert_int_eq(fixture_offer(x, hub, link), 0);
	o = expect(x, want);
	fixture_settle(x, &o, 404);
}

START_TEST(links_to_a_host_that_has_moved_lead_to_the_new_one)
{
	struct fixture x;
	struct order hub;

	open_crawl(&x);
	hub = start(&x, 3);
	move(&x, 0, 301);
	move(&x, 1, 308);
	ck_assert(!is_alias(&x));
	fixture_settle(&x, &hub, 200);
	move(&x, 2, 301);
	ck_assert(is_alias(&x));
	ck_assert_led(&x, &hub, "/fresh?a=b", "https://new.test");
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).aliased, 1);
	/* and in the next run as well */
	reopen(&x);
	ck_assert(is_alias(&x));
	ck_assert_led(&x, &hub, "/later", "https://new.test");
	fixture_fini(&x);
}
END_TEST

START_TEST(an_alias_is_as_durable_as_the_pages_that_proved_it)
{
	struct fixture x;

	open_crawl(&x);
	(void)start(&x, 3);
	fixture_commit(&x);
	for (unsigned i = 0; i < 3; i++)
		move(&x, i, 301);
	ck_assert(is_alias(&x));
	/* a power cut takes the batch: pages and alias alike */
	reopen(&x);
	ck_assert(!is_alias(&x));
	ck_assert_uint_eq(fixture_totals(&x).done, 0);
	answer(&x, "http://hub.test/", 404, "");
	for (unsigned i = 0; i < 3; i++)
		move(&x, i, 301);
	fixture_commit(&x);
	reopen(&x);
	ck_assert(is_alias(&x));
	fixture_fini(&x);
}
END_TEST

START_TEST(no_alias_is_learned_from_less)
{
	static const struct {
		int status;
		const char *to[3];
	} cases[] = {
		{ 302, { "https://new.test/0?q", "https://new.test/1?q",
			   "https://new.test/2?q" } },
		{ 301, { "https://new.test/0?q", "https://new.test/1?q",
			   "https://new.test/" } },
		{ 301, { "https://new.test/0?q", "https://new.test/1?q",
			   "https://other.test/2?q" } },
		{ 301, { "http://old.test/x", "http://old.test/y",
			   "http://old.test/z" } },
		{ 301, { "https://new.test/0?q", "https://new.test/1?q",
			   "ftp://new.test/2?q" } },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fixture x;
		char url[64];

		open_crawl(&x);
		(void)start(&x, 3);
		for (unsigned k = 0; k < 3; k++) {
			snprintf(url, sizeof(url), "http://old.test/%u?q", k);
			answer(&x, url, cases[i].status, cases[i].to[k]);
		}
		ck_assert_msg(!is_alias(&x), "case %zu", i);
		fixture_fini(&x);
	}
}
END_TEST

START_TEST(a_host_that_serves_a_page_itself_is_no_alias_for_good)
{
	struct fixture x;
	struct order hub;

	open_crawl(&x);
	hub = start(&x, 5);
	for (unsigned i = 0; i < 3; i++)
		move(&x, i, 301);
	ck_assert(is_alias(&x));
	ck_assert_led(&x, &hub, "/one", "https://new.test");
	answer(&x, "http://old.test/4?q", 200, "");
	ck_assert(!is_alias(&x));
	/* what was taken for the other is found after all */
	ck_assert_led(&x, &hub, "/one", "http://old.test");
	fixture_commit(&x);
	reopen(&x);
	hub = expect(&x, "http://hub.test/");
	for (unsigned i = 10; i < 13; i++) {
		char url[64];

		snprintf(url, sizeof(url), "http://old.test/%u?q", i);
		ck_assert_int_eq(fixture_offer(&x, &hub, url), 1);
		x.now += 1000;
		move(&x, i, 301);
	}
	ck_assert(!is_alias(&x));
	fixture_fini(&x);
}
END_TEST

START_TEST(what_a_redirect_names_is_asked_where_it_says)
{
	struct fixture x;
	struct order o;

	open_crawl(&x);
	(void)start(&x, 3);
	for (unsigned i = 0; i < 3; i++)
		move(&x, i, 301);
	ck_assert(is_alias(&x));
	answer(&x, "https://new.test/0?q", 302, "http://old.test/only-here");
	answer(&x, "https://new.test/1?q", 404, "");
	answer(&x, "https://new.test/2?q", 404, "");
	o = expect(&x, "http://old.test/only-here");
	ck_assert_uint_eq(o.hops, 2);
	fixture_fini(&x);
}
END_TEST

START_TEST(an_alias_leads_nowhere_out_of_scope)
{
	struct fixture x;
	struct order hub;
	struct config_rule rules[] = { { false,
	    (char *)"https://new.test/no*" } };

	fixture_init(&x);
	x.config.scope = SCOPE_ANY;
	x.config.host.host_delay_ms = 0;
	x.config.rules = rules;
	x.config.n_rules = 1;
	fixture_open(&x);
	hub = start(&x, 3);
	for (unsigned i = 0; i < 3; i++)
		move(&x, i, 301);
	ck_assert(is_alias(&x));
	ck_assert_int_eq(fixture_offer(&x, &hub, "http://old.test/no"), 0);
	ck_assert_int_eq(fixture_offer(&x, &hub, "http://old.test/no"), 0);
	ck_assert_int_eq(fixture_offer(&x, &hub, "http://old.test/yes"), 1);
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).refused[REFUSED_RULE], 2);
	x.config.rules = NULL;
	x.config.n_rules = 0;
	fixture_fini(&x);
}
END_TEST

START_TEST(aliases_can_be_switched_off)
{
	struct fixture x;
	struct order hub;

	fixture_init(&x);
	x.config.scope = SCOPE_ANY;
	x.config.host.host_delay_ms = 0;
	fixture_open(&x);
	hub = start(&x, 3);
	for (unsigned i = 0; i < 3; i++)
		move(&x, i, 301);
	fixture_commit(&x);
	x.config.aliases = CONFIG_ALIASES_OFF;
	reopen(&x);
	ck_assert_led(&x, &hub, "/x", "http://old.test");
	fixture_fini(&x);

	n_kept = 0;
	fixture_init(&x);
	x.config.scope = SCOPE_ANY;
	x.config.host.host_delay_ms = 0;
	x.config.aliases = CONFIG_ALIASES_OFF;
	fixture_open(&x);
	(void)start(&x, 3);
	for (unsigned i = 0; i < 3; i++)
		move(&x, i, 301);
	ck_assert(!is_alias(&x));
	fixture_fini(&x);
}
END_TEST

START_TEST(aliases_are_bounded)
{
	static struct aliases aliases;
	bool fine = true;

	aliases_init(&aliases);
	ck_assert_uint_eq(alias_of(&aliases, 1).len, 0);
	for (uint64_t i = 1; i <= ALIAS_HOSTS + 100; i++)
		for (int k = 0; k < ALIAS_PROOFS; k++)
			fine = fine &&
			       alias_proof(&aliases, i, 7, SPAN("http://x")) ==
				   (k == ALIAS_PROOFS - 1 && i <= ALIAS_HOSTS);
	ck_assert(fine);
	ck_assert_uint_eq(aliases.n, ALIAS_HOSTS);
	ck_assert(span_eq(alias_of(&aliases, 5), SPAN("http://x")));
	ck_assert(alias_doubt(&aliases, 5));
	ck_assert(!alias_doubt(&aliases, 5));
	ck_assert_uint_eq(alias_of(&aliases, 5).len, 0);
	ck_assert_int_eq(alias_proof(&aliases, 5, 7, SPAN("http://x")), 0);
	aliases_fini(&aliases);
	aliases_fini(&aliases);
}
END_TEST

TEST_MAIN("frontier_alias", links_to_a_host_that_has_moved_lead_to_the_new_one,
    an_alias_is_as_durable_as_the_pages_that_proved_it,
    no_alias_is_learned_from_less,
    a_host_that_serves_a_page_itself_is_no_alias_for_good,
    what_a_redirect_names_is_asked_where_it_says,
    an_alias_leads_nowhere_out_of_scope, aliases_can_be_switched_off,
    aliases_are_bounded)
