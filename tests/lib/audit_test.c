#include "lib/audit/audit.h"

#include <rocksdb/c.h>
#include <sys/stat.h>

#include "lib/archive/record.h"
#include "lib/archive/sink.h"
#include "lib/audit/trios.h"
#include "lib/frontier/rows.h"
#include "lib/frontier/server.h"
#include "lib/frontier/store.h"
#include "tests/lib/frontier_fixture.h"

enum {
	ROUNDS = 8
};

/* --- triples ------------------------------------------------------------- */

static int
by_all(const void *a, const void *b)
{
	const struct trio *x = a, *y = b;

	if (x->a != y->a)
		return x->a < y->a ? -1 : 1;
	if (x->b != y->b)
		return x->b < y->b ? -1 : 1;
	return (x->c > y->c) - (x->c < y->c);
}

/* Up and down again: many a median of three chooses badly here. */
static void
organ_pipes(struct trios *trios, size_t n)
{
	for (size_t i = 0; i < n; i++)
		trios->at[i] = (struct trio){ i < n / 2 ? i : n - i, 0, 0 };
}

START_TEST(trios_are_sorted_as_qsort_sorts_them)
{
	uint64_t random = test_seed();

	for (int round = 0; round < 200; round++) {
		size_t n = test_random(&random) % 3000;
		uint64_t range = round % 3 == 0 ? 4 : UINT64_MAX;
		struct trios trios = TRIOS_NONE;
		struct trio *model;

		for (size_t i = 0; i < n; i++)
			ck_assert_int_eq(trios_add(&trios,
					     test_random(&random) % range,
					     test_random(&random) % range,
					     test_random(&random)),
			    0);
		if (round % 5 == 0)
			organ_pipes(&trios, n);
		model = malloc((n + 1) * sizeof(*model));
		ck_assert_ptr_nonnull(model);
		if (n > 0)
			memcpy(model, trios.at, n * sizeof(*model));
		qsort(model, n, sizeof(*model), by_all);
		trios_sort(&trios);
		ck_assert(
		    n == 0 || memcmp(model, trios.at, n * sizeof(*model)) == 0);
		free(model);
		trios_fini(&trios);
	}
}
END_TEST

/* --- a crawl ------------------------------------------------------------- */

struct crawl {
	struct fixture x;
	const char *dir;
	char frontier[4096], out[4096];
	struct sink *sink;
	struct buf line;
	uint64_t random;
	unsigned pages; /* numbers given to URLs */
	/* What the audit said, kinds one after the other. */
	char problems[4096], said[16384];
};

static void
crawl_init(struct crawl *c)
{
	struct err err = ERR_NONE;

	*c = (struct crawl){ .random = test_seed() };
	fixture_init(&c->x);
	c->dir = c->x.dir;
	snprintf(c->frontier, sizeof(c->frontier), "%s/frontier", c->dir);
	snprintf(c->out, sizeof(c->out), "%s/out", c->dir);
	c->x.dir = c->frontier;
	c->x.config.host.host_delay_ms = 0;
	c->x.config.host.host_concurrency = 8;
	c->x.config.scope = SCOPE_ANY;
	c->x.config.host.host_max_errors = 25;
	c->x.config.host.trap_pattern_max = 15;
	buf_init(&c->line, 1 << 20);
	ck_assert_int_eq(sink_open(c->out, 0, 20000, &c->sink, &err), 0);
}

static void
crawl_fini(struct crawl *c)
{
	sink_close(c->sink);
	buf_fini(&c->line);
	fixture_fini(&c->x);
}

static void
record(struct crawl *c, const struct order *order,
    const struct capture *capture, struct decision decision)
{
	struct record_options options = { .links = false };
	struct err err = ERR_NONE;

	if (order->kind != ORDER_PAGE || decision.verdict == VERDICT_RETRY)
		return;
	for (size_t i = 0; i < 16; i++)
		snprintf(options.crawl_id + 2 * i, 3, "%02x", fixture_id[i]);
	buf_clear(&c->line);
	ck_assert_int_eq(record_write(&c->line, &options, order, capture,
			     decision, NULL),
	    0);
	ck_assert_int_eq(sink_append(c->sink, buf_span(&c->line), &c->x.cut.end,
			     &err),
	    0);
}

static void
commit(struct crawl *c)
{
	c->x.cut.seq++;
	ck_assert_int_eq(frontier_commit(c->x.f, c->x.cut, c->x.now), 0);
}

/* What it lists, be it an index or not. */
static void
settle_sitemap(struct crawl *c, const struct order *order,
    const struct capture *capture)
{
	struct sitemap_outcome outcome = { .broken = false };
	struct listing listed = { .priority = 50 };
	char url[128];
	int r = 0;

	frontier_slot_end(c->x.f, order, capture, c->x.now);
	for (int i = 0; r >= 0 && i < 3 && c->pages < 400; i++) {
		snprintf(url, sizeof(url), "%.*s/s%u",
		    (int)(order->url.len - strlen("/index.xml")),
		    order->url.ptr, c->pages++);
		r = frontier_offer_listed(c->x.f, order, span_from(url),
		    &listed, c->x.now);
	}
	ck_assert_int_ge(r, 0);
	ck_assert_int_eq(frontier_settle_sitemap(c->x.f, order, capture,
			     fixture_decide(&c->x, order, capture),
			     capture->status == 200 ? &outcome : NULL,
			     c->x.now),
	    0);
}

/* One order to its end, with an answer of all kinds, and some links. */
static bool
step(struct crawl *c)
{
	static const int statuses[] = { 200, 200, 200, 404, 301, 500, 503, 0 };
	struct order order;
	int status = statuses[test_random(&c->random) % ARRAY_LEN(statuses)];
	struct capture capture = fixture_capture(&c->x, status);
	const struct capture *got = &capture;
	struct decision decision;
	char url[64];

	if (!fixture_next(&c->x, &order))
		return false;
	if (order.kind == ORDER_ROBOTS) {
		fixture_settle_robots(&c->x, &order, 200,
		    "User-agent: *\nDisallow: /p7\nSitemap: /index.xml\n");
		return true;
	}
	if (order.kind == ORDER_SITEMAP) {
		settle_sitemap(c, &order, &capture);
		return true;
	}
	capture.location = status == 301 ? SPAN("/elsewhere") : SPAN_NONE;
	if (status == 200 && test_random(&c->random) % 8 == 0)
		capture.reason = REASON_RULE;
	if (order.reason != REASON_NONE)
		got = NULL;
	else
		frontier_slot_end(c->x.f, &order, got, c->x.now);
	decision = fixture_decide(&c->x, &order, got);
	if (got != NULL && test_random(&c->random) % 20 == 0)
		decision = (struct decision){ VERDICT_QUARANTINED,
			REASON_QUARANTINED };
	record(c, &order, got, decision);
	for (int i = 0; i < 3 && c->pages < 400; i++) {
		snprintf(url, sizeof(url), "http://host%u.example/p%u",
		    (unsigned)(test_random(&c->random) % 9), c->pages++);
		ck_assert_int_ge(fixture_offer(&c->x, &order, url), 0);
	}
	ck_assert_int_eq(frontier_settle(c->x.f, &order, got, decision,
			     c->x.now),
	    0);
	return true;
}

/* Begun, and ended in the middle by a power cut: what was not committed is
 * not there, but for the tail of the outputs. */
static void
crawl_some(struct crawl *c, int steps)
{
	fixture_open(&c->x);
	if (c->pages == 0)
		fixture_seed(&c->x, "http://host0.example/");
	if (c->pages > 100)
		ck_assert_int_ge(frontier_block(c->x.f, SPAN("host3.example"),
				     c->x.now),
		    0);
	commit(c);
	for (int i = 0; i < steps; i++) {
		if (!step(c))
			c->x.now += 60000;
		if (test_random(&c->random) % 5 == 0)
			commit(c);
	}
	fixture_close(&c->x);
}

static void
say(void *arg, enum audit_level level, const char *what, const char *details)
{
	static const char *const levels[] = { "problem", "repaired", "note" };
	struct crawl *c = arg;
	size_t n = strlen(c->said);

	snprintf(c->said + n, sizeof(c->said) - n, "%s: %s: %s\n",
	    levels[level], what, details);
	n = strlen(c->problems);
	if (level == AUDIT_PROBLEM)
		snprintf(c->problems + n, sizeof(c->problems) - n, "%s ", what);
}

typedef int audit_fn(const struct audit_options *options,
    struct audit_result *out, struct err *err);

static struct audit_result
audit(struct crawl *c, audit_fn *fn)
{
	struct audit_options options = { .dir = c->dir,
		.config = &c->x.config,
		.now_ms = c->x.now,
		.say = say,
		.arg = c };
	struct err err = ERR_NONE;
	struct audit_result result;

	memcpy(options.crawl_id, fixture_id, sizeof(fixture_id));
	memset(c->said, 0, sizeof(c->said));
	memset(c->problems, 0, sizeof(c->problems));
	ck_assert_msg(fn(&options, &result, &err) == 0, "%s", err.text);
	return result;
}

static void
is_sound(struct crawl *c)
{
	struct audit_result result = audit(c, audit_look);

	ck_assert_msg(result.problems == 0, "%s", c->said);
}

/* --- soundness ----------------------------------------------------------- */

START_TEST(audit_finds_any_crawl_sound_whenever_it_ends)
{
	struct audit_result result;
	struct crawl c;

	crawl_init(&c);
	c.x.config.host.robots = CONFIG_ROBOTS_OBEY;
	for (int round = 0; round < 3 * ROUNDS; round++) {
		crawl_some(&c, 25);
		result = audit(&c, audit_look);
		ck_assert_msg(result.problems == 0, "round %d: %s", round,
		    c.said);
		ck_assert_uint_le(result.records, result.urls);
		/* As a start does. */
		sink_close(c.sink);
		fixture_open(&c.x);
		ck_assert_int_eq(sink_open(c.out, c.x.cut.end, 20000, &c.sink,
				     NULL),
		    0);
		fixture_close(&c.x);
	}
	ck_assert_uint_gt(result.urls, 100);
	ck_assert_uint_gt(result.records, 50);
	crawl_fini(&c);
}
END_TEST

START_TEST(audit_of_a_crawl_that_has_not_begun_is_sound)
{
	struct audit_result result;
	struct crawl c;

	crawl_init(&c);
	result = audit(&c, audit_look);
	ck_assert_uint_eq(result.problems, 0);
	ck_assert_ptr_nonnull(strstr(c.said, "note: new: "));
	result = audit(&c, audit_mend);
	ck_assert_uint_eq(result.problems, 0);
	crawl_fini(&c);
}
END_TEST

START_TEST(audit_of_a_store_that_was_killed_in_its_making_is_sound)
{
	rocksdb_options_t *options = rocksdb_options_create();
	char *words = NULL;
	struct crawl c;
	rocksdb_t *db;

	crawl_init(&c);
	rocksdb_options_set_create_if_missing(options, 1);
	db = rocksdb_open(options, c.frontier, &words);
	ck_assert_msg(words == NULL, "%s", words);
	rocksdb_close(db); /* not one of our tables */
	rocksdb_options_destroy(options);
	is_sound(&c);
	ck_assert_ptr_nonnull(strstr(c.said, "note: new: "));
	/* And a start finishes it. */
	crawl_some(&c, 20);
	is_sound(&c);
	crawl_fini(&c);
}
END_TEST

/* --- damages at random --------------------------------------------------- */

/* The n-th row of a table, its key and value copied.  False: none. */
static bool
nth_row(struct store *store, enum store_table table, size_t n, char key[64],
    size_t *key_len, struct buf *value)
{
	struct store_scan *scan;
	struct span k, v;
	bool found = false;

	ck_assert_int_eq(store_scan_open(store, table, SPAN_NONE, SPAN_NONE,
			     false, &scan),
	    0);
	while (!found && store_scan_next(scan, &k, &v) == 1) {
		if (n-- > 0)
			continue;
		memcpy(key, k.ptr, k.len);
		*key_len = k.len;
		buf_clear(value);
		ck_assert_int_eq(buf_add_span(value, v), 0);
		found = true;
	}
	store_scan_close(scan);
	return found;
}

/* A row that goes, changes, or comes twice. */
static void
damage_row(struct crawl *c, struct store *store)
{
	static const enum store_table tables[] = { STORE_URLS, STORE_QUEUE,
		STORE_DUE, STORE_HOSTS, STORE_ROBOTS, STORE_SITEMAPS,
		STORE_NAMES };
	enum store_table table =
	    tables[test_random(&c->random) % ARRAY_LEN(tables)];
	struct buf value;
	size_t len;
	char key[64];

	buf_init(&value, 1 << 20);
	if (nth_row(store, table, test_random(&c->random) % 40, key, &len,
		&value)) {
		switch (test_random(&c->random) % 4) {
		case 0:
			store_delete(store, table, span_of(key, len));
			break;
		case 1:
			key[test_random(&c->random) % len] ^= 1;
			break;
		case 2:
			value.len /= 2;
			break;
		default:
			if (value.len > 0)
				value.ptr[test_random(&c->random) %
					  value.len] ^= 4;
		}
		if (test_random(&c->random) % 4 > 0)
			store_put(store, table, span_of(key, len),
			    buf_span(&value));
	}
	buf_fini(&value);
}

static void
damage_line(struct crawl *c)
{
	char path[8192], name[SINK_NAME];
	FILE *file;

	sink_name(1 + (uint32_t)(test_random(&c->random) % 2), name);
	snprintf(path, sizeof(path), "%s/%s", c->out, name);
	file = fopen(path, "r+");
	if (file == NULL)
		return;
	fseek(file, (long)(test_random(&c->random) % 5000), SEEK_SET);
	putc((int)(test_random(&c->random) % 256), file);
	fclose(file);
}

START_TEST(audit_mends_whatever_it_finds)
{
	int damaged = 0;

	for (int round = 0; round < ROUNDS; round++) {
		struct err err = ERR_NONE;
		struct audit_result result;
		struct store *store;
		struct crawl c;

		crawl_init(&c);
		c.x.config.host.robots = CONFIG_ROBOTS_OBEY;
		c.random += (uint64_t)round;
		crawl_some(&c, 120);
		is_sound(&c);
		ck_assert_int_eq(store_open(c.frontier, 8 << 20, &store, &err),
		    0);
		for (int i = 0; i < 6; i++)
			damage_row(&c, store);
		ck_assert_int_eq(store_commit(store, &err), 0);
		store_close(store);
		for (int i = 0; i < 2; i++)
			damage_line(&c);

		result = audit(&c, audit_look);
		damaged += result.problems > 0;
		result = audit(&c, audit_mend);
		ck_assert_msg(result.problems == 0, "round %d: %s", round,
		    c.said);
		is_sound(&c);

		/* And it can be gone on with, to the last URL but those that
		 * a flipped bit lets wait for ages. */
		sink_close(c.sink);
		fixture_open(&c.x);
		ck_assert_int_eq(sink_open(c.out, c.x.cut.end, 20000, &c.sink,
				     &err),
		    0);
		for (int i = 0; i < 100; i++) {
			if (!step(&c))
				c.x.now += 60000;
		}
		commit(&c);
		fixture_close(&c.x);
		is_sound(&c);
		crawl_fini(&c);
	}
	ck_assert_int_gt(damaged, ROUNDS / 2);
}
END_TEST

/* What host_max_errors goes by, and which budget is used up. */
START_TEST(audit_counts_a_hosts_errors_and_budgets_again)
{
	struct row_key key = { .len = 0 }, name64;
	static const char spent = BUDGET_TIME;
	struct err err = ERR_NONE;
	struct audit_result result;
	struct host_row row;
	struct store *store;
	struct buf value, changed;
	struct crawl c;
	char name[64];
	size_t len, n = 0;

	buf_init(&value, 1 << 16);
	buf_init(&changed, 1 << 16);
	crawl_init(&c);
	crawl_some(&c, 150);
	is_sound(&c);
	ck_assert_int_eq(store_open(c.frontier, 8 << 20, &store, &err), 0);
	/* One that errs still. */
	do {
		ck_assert(nth_row(store, STORE_HOSTS, n++, name, &len, &value));
		ck_assert_int_eq(host_row_read(buf_span(&value), &row), 0);
	} while (row.errors == 0);
	name64 = row_key1(server_name64(row.name));
	memcpy(key.bytes, name, len);
	key.len = len;
	row.errors += 3;
	ck_assert_int_eq(host_row_write(&row, &changed), 0);
	store_put(store, STORE_HOSTS, row_key_span(&key), buf_span(&changed));
	store_put(store, STORE_NAMES, row_key_span(&name64),
	    span_of(&spent, 1));
	ck_assert_int_eq(store_commit(store, &err), 0);
	store_close(store);
	result = audit(&c, audit_look);
	ck_assert_uint_eq(result.problems, 2);
	ck_assert_ptr_nonnull(strstr(c.problems, "host-counters"));
	ck_assert_ptr_nonnull(strstr(c.said, "host_max_time"));
	result = audit(&c, audit_mend);
	ck_assert_uint_eq(result.problems, 0);
	is_sound(&c);
	/* Its budget is not used up: the next opening says so, too. */
	fixture_open(&c.x);
	ck_assert_uint_eq(fixture_totals(&c.x).spent[BUDGET_TIME], 1);
	commit(&c);
	ck_assert_uint_eq(fixture_totals(&c.x).spent[BUDGET_TIME], 0);
	fixture_close(&c.x);
	is_sound(&c);
	buf_fini(&value);
	buf_fini(&changed);
	crawl_fini(&c);
}
END_TEST

START_TEST(audit_removes_blocks_and_traps_that_cannot_be_read)
{
	struct err err = ERR_NONE;
	struct audit_result result;
	struct store *store;
	struct crawl c;

	crawl_init(&c);
	crawl_some(&c, 150);
	sink_close(c.sink);
	fixture_open(&c.x);
	ck_assert_int_eq(sink_open(c.out, c.x.cut.end, 20000, &c.sink, &err),
	    0);
	fixture_close(&c.x);
	crawl_some(&c, 20);
	is_sound(&c);
	ck_assert_int_eq(store_open(c.frontier, 8 << 20, &store, &err), 0);
	store_put(store, STORE_META, SPAN("block.No Host"), SPAN_NONE);
	store_put(store, STORE_META, SPAN("trap.12"), SPAN("?"));
	store_put(store, STORE_META, SPAN("trap.0123456789abcdef"), SPAN("?"));
	ck_assert_int_eq(store_commit(store, &err), 0);
	store_close(store);
	result = audit(&c, audit_look);
	ck_assert_uint_eq(result.problems, 3);
	ck_assert_ptr_nonnull(strstr(c.problems, "block-row"));
	ck_assert_ptr_nonnull(strstr(c.problems, "trap-row"));
	result = audit(&c, audit_mend);
	ck_assert_uint_eq(result.problems, 0);
	is_sound(&c);
	/* What could be read is there still. */
	fixture_open(&c.x);
	ck_assert_str_eq(frontier_blocked(c.x.f, 0), "host3.example");
	ck_assert_ptr_null(frontier_blocked(c.x.f, 1));
	ck_assert_uint_gt(fixture_totals(&c.x).traps, 0);
	crawl_fini(&c);
}
END_TEST

START_TEST(audit_that_only_looks_changes_nothing)
{
	struct err err = ERR_NONE;
	struct store *store;
	struct crawl c;
	struct stat st;
	char path[8192];

	crawl_init(&c);
	crawl_some(&c, 60);
	ck_assert_int_eq(store_open(c.frontier, 8 << 20, &store, &err), 0);
	store_put(store, STORE_QUEUE, SPAN("0123456789abcdef"),
	    SPAN("01234567"));
	ck_assert_int_eq(store_commit(store, &err), 0);
	store_close(store);
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_eq(audit(&c, audit_look).problems, 1);
		ck_assert_str_eq(c.problems, "queue-stray ");
	}
	snprintf(path, sizeof(path), "%s/lost+found", c.dir);
	ck_assert_int_lt(stat(path, &st), 0);
	/* Perhaps the tail, too. */
	ck_assert_uint_ge(audit(&c, audit_mend).repaired, 1);
	ck_assert_int_eq(stat(path, &st), 0);
	is_sound(&c);
	crawl_fini(&c);
}
END_TEST

TEST_MAIN("audit", trios_are_sorted_as_qsort_sorts_them,
    audit_finds_any_crawl_sound_whenever_it_ends,
    audit_of_a_crawl_that_has_not_begun_is_sound,
    audit_of_a_store_that_was_killed_in_its_making_is_sound,
    audit_mends_whatever_it_finds,
    audit_counts_a_hosts_errors_and_budgets_again,
    audit_removes_blocks_and_traps_that_cannot_be_read,
    audit_that_only_looks_changes_nothing)
