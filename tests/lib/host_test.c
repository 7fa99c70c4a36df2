#include "lib/frontier/host.h"

#include <errno.h>

#include "tests/harness.h"

enum {
	ROWS = 300
};

/* What the store would hold: places that are queued and not yet handed out. */
static bool rows[ROWS];

static void
refill(struct hosts *hosts, struct host *host)
{
	uint64_t from = host->cursor;

	host->cursor = PLACE_NONE;
	for (uint64_t place = from; place < ROWS; place++) {
		if (rows[place] &&
		    host_queue_append(hosts, host, place, place + 1) != 1)
			break;
	}
}

static uint64_t
first_row(void)
{
	uint64_t place = 0;

	while (place < ROWS && !rows[place])
		place++;
	return place;
}

START_TEST(host_hands_out_by_place_whatever_comes_between)
{
	struct hosts hosts;
	struct host *host;
	struct queued_url url;
	uint64_t random = test_seed();
	unsigned left = 0;
	bool full = false;

	ck_assert_int_eq(hosts_init(&hosts), 0);
	host = host_new(&hosts, 7, SPAN("http://a.test"));
	for (int step = 0; step < 20000; step++) {
		uint64_t place = test_random(&random) % ROWS;

		if (test_random(&random) % 2 && !rows[place]) {
			rows[place] = true;
			left++;
			host_queue_add(&hosts, host, place, place + 1);
		} else if (left > 0) {
			if (!host_queue_pop(&hosts, host, &url)) {
				refill(&hosts, host);
				ck_assert(host_queue_pop(&hosts, host, &url));
			}
			ck_assert_uint_eq(url.place, first_row());
			ck_assert_uint_eq(url.url64, url.place + 1);
			rows[url.place] = false;
			left--;
		}
		/* As if others had filled all buffers, or had emptied theirs. */
		if (test_random(&random) % 50 == 0) {
			full = !full;
			hosts.buffered += full ? HOST_BUFFERED_MAX
					       : -(size_t)HOST_BUFFERED_MAX;
		}
		ck_assert_uint_le(host_queue_head(host),
		    left ? first_row() : PLACE_NONE);
		ck_assert(left == 0 || host_has_urls(host));
		ck_assert_uint_eq(hosts.buffered % HOST_BUFFERED_MAX,
		    host->buffer ? host->buffer->room : 0);
	}
	hosts_fini(&hosts);
}
END_TEST

START_TEST(hosts_by_the_hundred_thousand_keep_urls_in_memory)
{
	struct hosts hosts;
	struct queued_url url;
	bool good = true;

	/* Without them each order would read the store. */
	ck_assert_int_eq(hosts_init(&hosts), 0);
	for (uint64_t id = 1; id <= 100000; id++) {
		struct host *host = host_new(&hosts, id << 7, SPAN("x"));

		good &= host != NULL;
		for (uint64_t place = 0; good && place < HOST_BUFFER; place++)
			good &= host_queue_append(&hosts, host, place, 1) == 1;
		good &= host_queue_append(&hosts, host, HOST_BUFFER, 1) == 0;
		good &= host->cursor == HOST_BUFFER;
	}
	ck_assert(good);
	ck_assert(!hosts_are_many(&hosts));
	ck_assert(host_queue_pop(&hosts, host_find(&hosts, 1 << 7), &url));
	hosts_fini(&hosts);
}
END_TEST

START_TEST(hosts_beyond_all_buffers_read_one_url_at_a_time)
{
	struct hosts hosts;
	struct host *host;
	struct queued_url url;

	ck_assert_int_eq(hosts_init(&hosts), 0);
	host = host_new(&hosts, 7, SPAN("http://a.test"));
	hosts.buffered = HOST_BUFFERED_MAX;
	host_queue_add(&hosts, host, 5, 1);
	ck_assert_ptr_null(host->buffer);
	ck_assert_uint_eq(host->cursor, 5);
	host->cursor = PLACE_NONE; /* as a refill begins */
	ck_assert_int_eq(host_queue_append(&hosts, host, 5, 1), 1);
	ck_assert_int_eq(host_queue_append(&hosts, host, 6, 1), 0);
	ck_assert_uint_eq(host->cursor, 6);
	ck_assert(host_queue_pop(&hosts, host, &url));
	ck_assert_uint_eq(url.place, 5);
	ck_assert_uint_eq(hosts.buffered, HOST_BUFFERED_MAX);
	hosts_fini(&hosts);
}
END_TEST

START_TEST(host_head_is_not_behind_what_is_leased)
{
	struct server server = { .spent = BUDGET_NONE };
	struct hosts hosts;
	struct leases leases;
	struct host *host;
	struct lease *lease;

	ck_assert_int_eq(hosts_init(&hosts), 0);
	ck_assert_int_eq(leases_init(&leases), 0);
	host = host_new(&hosts, 7, SPAN("http://a.test"));
	host->server = &server;
	ck_assert(host_is_idle(host));
	lease = lease_new(&leases, 7, 1, ORDER_PAGE);
	lease->place = 5;
	host_lease_link(host, lease);
	ck_assert(!host_is_idle(host));
	host_queue_add(&hosts, host, 9, 1);
	ck_assert_uint_eq(host_queue_head(host), 5);
	lease->state = LEASE_SETTLED;
	ck_assert_uint_eq(host_queue_head(host), 9);
	host_lease_unlink(lease);
	lease_free(&leases, lease);
	leases_fini(&leases);
	hosts_fini(&hosts);
}
END_TEST

START_TEST(hosts_and_leases_are_found_among_many)
{
	struct hosts hosts;
	struct leases leases;
	uint64_t random = test_seed(), again = random;

	ck_assert_int_eq(hosts_init(&hosts), 0);
	ck_assert_int_eq(leases_init(&leases), 0);
	for (int i = 0; i < 5000; i++) {
		uint64_t id = test_random(&random);

		ck_assert_ptr_nonnull(host_new(&hosts, id, SPAN("x")));
		ck_assert_ptr_nonnull(lease_new(&leases, id, 1, ORDER_PAGE));
		ck_assert_ptr_nonnull(lease_new(&leases, id, 1, ORDER_ROBOTS));
	}
	ck_assert_uint_eq(hosts.all.n, 5000);
	for (int i = 0; i < 5000; i++) {
		uint64_t id = test_random(&again);
		struct host *host = host_find(&hosts, id);
		struct lease *lease = lease_find(&leases, id, 1, ORDER_ROBOTS);

		ck_assert_ptr_nonnull(host);
		ck_assert_uint_eq(host->site64, id);
		ck_assert_int_eq(lease->kind, ORDER_ROBOTS);
		ck_assert_ptr_null(lease_find(&leases, id, 2, ORDER_PAGE));
		lease_free(&leases, lease);
		host_free(&hosts, host);
		ck_assert_ptr_null(host_find(&hosts, id));
	}
	ck_assert_uint_eq(leases.all.n, 5000);
	leases_fini(&leases);
	hosts_fini(&hosts);
}
END_TEST

START_TEST(host_rows_bring_all_of_it_back)
{
	struct hosts hosts;
	struct host *host, *back;
	struct host_row row, again;
	struct pace pace;
	struct buf buf;

	buf_init(&buf, 1000);
	ck_assert_int_eq(hosts_init(&hosts), 0);
	host = host_new(&hosts, 7, SPAN("http://a.test:81"));
	host->admitted = 9;
	host->queued = 8;
	host->fetched = 1;
	pace = (struct pace){ .next_ms = 1, .blocked_ms = -2, .backoffs = 5 };
	host->polite = (struct polite){ .pace = &pace,
		.trouble_ms = -9,
		.first_fail_ms = 3,
		.fails = 4,
		.down = true,
		.crawl_delay_ms = -1 };
	host->rulebook = (struct rulebook){ .state = RULEBOOK_RENEWING,
		.block = true,
		.at_ms = 6,
		.since_ms = 7,
		.fails = 8 };
	host_queue_add(&hosts, host, 77, 1);
	host_to_row(host, &row);
	ck_assert_int_eq(host_row_write(&row, &buf), 0);
	ck_assert_int_eq(host_row_read(buf_span(&buf), &again), 0);
	/* A request that is on its way is not stored. */
	ck_assert_int_eq(again.robots, RULEBOOK_STALE);
	back = host_new(&hosts, 8, again.name);
	host_from_row(back, &again);
	ck_assert(span_eq(host_name(back), SPAN("http://a.test:81")));
	ck_assert_uint_eq(back->cursor, 77);
	ck_assert_uint_eq(back->queued, 8);
	ck_assert_int_eq(back->polite.trouble_ms, -9);
	ck_assert_int_eq(again.next_ms, 1);
	ck_assert_int_eq(again.blocked_ms, -2);
	ck_assert_int_eq(again.backoffs, 5);
	ck_assert_int_eq(back->polite.fails, 4);
	ck_assert(back->polite.down && back->rulebook.block);
	ck_assert_int_eq(back->rulebook.since_ms, 7);
	/* What is cut is no row. */
	for (size_t len = 0; len < buf.len - again.name.len + 1; len++)
		ck_assert_int_eq(host_row_read(span_of(buf.ptr, len), &row),
		    -EBADMSG);
	buf_fini(&buf);
	hosts_fini(&hosts);
}
END_TEST

START_TEST(host_of_a_row_in_no_state_asks_for_robots_anew)
{
	struct host_row row = { .robots = RULEBOOK_STATES,
		.robots_block = true,
		.name = SPAN("http://a.test") };
	struct host host = { .site64 = 1 };

	/* A disk made it: there is no move from there. */
	host_from_row(&host, &row);
	ck_assert_int_eq(rulebook_need(&host.rulebook, 0), RULEBOOK_FETCH);
	ck_assert(!host.rulebook.block);
}
END_TEST

TEST_MAIN("host", host_of_a_row_in_no_state_asks_for_robots_anew,
    host_hands_out_by_place_whatever_comes_between,
    hosts_by_the_hundred_thousand_keep_urls_in_memory,
    hosts_beyond_all_buffers_read_one_url_at_a_time,
    host_head_is_not_behind_what_is_leased,
    hosts_and_leases_are_found_among_many, host_rows_bring_all_of_it_back)
