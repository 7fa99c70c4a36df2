#include <errno.h>

#include "lib/message/capture.h"
#include "lib/message/chain.h"
#include "lib/message/order.h"
#include "lib/message/output.h"
#include "lib/message/verdict.h"
#include "tests/harness.h"

static struct order
some_order(void)
{
	return (struct order){ .lap = 7,
		.site64 = 1,
		.url64 = 2,
		.qseq = 3,
		.depth = 4,
		.found = LINK_A,
		.tries = 1,
		.delay_ms = 1000,
		.url = SPAN("https://example.org/a"),
		.via = SPAN("https://example.org/"),
		.chain = SPAN("301 http://example.org/\n302 http://x/\n") };
}

START_TEST(order_reads_as_it_was_written)
{
	_Alignas(64) char slot[8192];
	struct order in = some_order(), out;

	ck_assert_uint_le(order_slot_size(4096), sizeof(slot));
	ck_assert_int_eq(order_write(slot, order_slot_size(4096), &in), 0);
	ck_assert_int_eq(order_read(slot, order_slot_size(4096), &out), 0);
	ck_assert_uint_eq(out.lap, 7);
	ck_assert_uint_eq(out.qseq, 3);
	ck_assert_uint_eq(out.delay_ms, 1000);
	ck_assert(span_eq(out.url, in.url));
	ck_assert(span_eq(out.via, in.via));
	ck_assert(span_eq(out.chain, in.chain));
}
END_TEST

START_TEST(order_leaves_out_a_via_that_does_not_fit)
{
	_Alignas(64) char slot[8192];
	static char url[4096], via[4096];
	size_t size = order_slot_size(sizeof(url));
	struct order in = some_order(), out;

	memset(url, 'u', sizeof(url));
	memset(via, 'v', sizeof(via));
	in.url = span_of(url, sizeof(url));
	in.via = span_of(via, sizeof(via));
	ck_assert_int_eq(order_write(slot, size, &in), 0);
	ck_assert_int_eq(order_read(slot, size, &out), 0);
	ck_assert_uint_eq(out.url.len, sizeof(url));
	ck_assert_uint_eq(out.via.len, 0);
	ck_assert(span_eq(out.chain, in.chain));
	in.url.len = size;
	ck_assert_int_eq(order_write(slot, size, &in), -EMSGSIZE);
}
END_TEST

START_TEST(order_past_the_lists_is_refused)
{
	_Alignas(64) char slot[8192];
	size_t size = order_slot_size(4096);
	struct order in = some_order(), out;

	in.reason = REASONS - 1;
	ck_assert_int_eq(order_write(slot, size, &in), 0);
	ck_assert_int_eq(order_read(slot, size, &out), 0);
	in.reason = REASONS;
	ck_assert_int_eq(order_write(slot, size, &in), 0);
	ck_assert_int_eq(order_read(slot, size, &out), -EBADMSG);
	in = some_order();
	in.found = LINK_KINDS;
	ck_assert_int_eq(order_write(slot, size, &in), 0);
	ck_assert_int_eq(order_read(slot, size, &out), -EBADMSG);
	in = some_order();
	in.kind = ORDER_KINDS;
	ck_assert_int_eq(order_write(slot, size, &in), 0);
	ck_assert_int_eq(order_read(slot, size, &out), -EBADMSG);
}
END_TEST

START_TEST(order_leaves_out_the_oldest_hops_that_do_not_fit)
{
	_Alignas(64) char slot[8192];
	static char url[4096], hops[2000];
	size_t size = order_slot_size(sizeof(url));
	struct order in = some_order(), out;
	struct chain_hop hop;
	unsigned n = 0;

	memset(url, 'u', sizeof(url));
	in.url = span_of(url, sizeof(url));
	for (size_t at = 0; at < sizeof(hops); at += 20)
		memcpy(hops + at, "301 http://a/bcdef/\n", 20);
	memcpy(hops + sizeof(hops) - 3, "z/\n", 3);
	in.chain = span_of(hops, sizeof(hops));
	ck_assert_int_eq(order_write(slot, size, &in), 0);
	ck_assert_int_eq(order_read(slot, size, &out), 0);
	ck_assert(span_eq(out.via, in.via));
	while (chain_next(&out.chain, &hop) == 1)
		n++;
	ck_assert_uint_eq(out.chain.len, 0);
	ck_assert_uint_gt(n, 40);
	ck_assert_uint_lt(n, 60);
	ck_assert(span_eq(hop.url, SPAN("http://a/bcdez/")));
}
END_TEST

START_TEST(chain_drops_its_oldest_hops)
{
	struct buf chain;
	char url[64];
	unsigned n = 2000;
	struct span left;
	struct chain_hop hop;
	static char longest[CHAIN_MAX - 5];

	buf_init(&chain, CHAIN_MAX);
	for (unsigned i = 0; i < n; i++) {
		snprintf(url, sizeof(url), "http://a.test/%u", i);
		ck_assert_int_eq(chain_add(&chain, 302, span_from(url)), 0);
		ck_assert_uint_le(chain.len, CHAIN_MAX);
		ck_assert(chain_has(buf_span(&chain), span_from(url)));
	}
	ck_assert(chain_is_whole(buf_span(&chain)));
	left = buf_span(&chain);
	while (chain_next(&left, &hop) == 1)
		;
	ck_assert(span_eq(hop.url, SPAN("http://a.test/1999")));
	ck_assert_uint_eq(hop.status, 302);
	ck_assert(!chain_has(buf_span(&chain), SPAN("http://a.test/1")));
	/* not of a serialised URL, nor of one that never fits */
	n = (unsigned)chain.len;
	ck_assert_int_eq(chain_add(&chain, 302, SPAN("http://a b")), 0);
	ck_assert_int_eq(chain_add(&chain, 302, SPAN("http://a\n")), 0);
	ck_assert_int_eq(chain_add(&chain, 302,
			     span_of(longest, sizeof(longest) + 1)),
	    0);
	ck_assert_uint_eq(chain.len, n);
	memset(longest, 'l', sizeof(longest));
	ck_assert_int_eq(chain_add(&chain, 302,
			     span_of(longest, sizeof(longest))),
	    0);
	ck_assert_uint_eq(chain.len, CHAIN_MAX);
	buf_fini(&chain);
}
END_TEST

START_TEST(chain_of_garbage_is_refused)
{
	static const char *const bad[] = { "x", "301", "301 ", "301 \n",
		"301 a", "30x a\n", "301-a\n", "301 a\n\n", "\n" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(!chain_is_whole(span_from(bad[i])), "%zu", i);
	ck_assert(chain_is_whole(SPAN_NONE));
}
END_TEST

START_TEST(order_of_garbage_is_refused)
{
	_Alignas(64) char slot[512];
	uint64_t state = test_seed();
	struct order out;

	for (int i = 0; i < 100000; i++) {
		for (size_t at = 0; at < sizeof(slot); at += 8) {
			uint64_t word = test_random(&state);

			memcpy(slot + at, &word, 8);
		}
		/* Lengths small enough to pass now and then. */
		if (i % 2) {
			memset(slot + 52, 0, 12);
			slot[52] = slot[60] = 9;
		}
		if (order_read(slot, sizeof(slot), &out) == 0)
			ck_assert(
			    out.url.ptr + out.url.len <= slot + sizeof(slot) &&
			    out.via.ptr + out.via.len <= slot + sizeof(slot) &&
			    out.chain.ptr + out.chain.len <=
				slot + sizeof(slot));
	}
}
END_TEST

START_TEST(capture_of_another_lap_is_not_there)
{
	_Alignas(64) char slot[8192];
	size_t size = capture_slot_size(4096);
	struct capture in = { .lap = 9,
		.status = 200,
		.body_len = 5,
		.content_type = SPAN("text/html"),
		.headers = SPAN("server: x\n") };
	struct capture out;

	memset(slot, 0, sizeof(slot));
	capture_write(slot, size, &in);
	ck_assert_int_eq(capture_read(slot, size, 8, &out), 0);
	ck_assert_int_eq(capture_read(slot, size, 9, &out), 1);
	ck_assert_uint_eq(out.status, 200);
	ck_assert(span_eq(out.content_type, in.content_type));
	ck_assert(span_eq(out.headers, in.headers));
}
END_TEST

START_TEST(capture_without_answer_and_reason_is_refused)
{
	static const struct capture broken[] = { { .lap = 1 },
		{ .lap = 1, .reason = REASONS },
		{ .lap = 1, .status = 200, .reason = 255 } };
	_Alignas(64) char slot[8192];
	struct capture out;

	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		capture_write(slot, capture_slot_size(4096), &broken[i]);
		ck_assert_int_eq(capture_read(slot, capture_slot_size(4096), 1,
				     &out),
		    -EBADMSG);
	}
}
END_TEST

START_TEST(capture_cuts_headers_at_a_line)
{
	_Alignas(64) char slot[8192];
	size_t size = capture_slot_size(16);
	static char lines[8192];
	struct capture in = { .lap = 1, .status = 200 }, out;

	for (size_t at = 0; at + 8 <= sizeof(lines); at += 8)
		memcpy(lines + at, "a: bcde\n", 8);
	in.headers = span_of(lines, sizeof(lines));
	capture_write(slot, size, &in);
	ck_assert_int_eq(capture_read(slot, size, 1, &out), 1);
	ck_assert_uint_gt(out.headers.len, 1000);
	ck_assert_uint_lt(out.headers.len, size);
	ck_assert(span_ends(out.headers, SPAN("\n")));
}
END_TEST

START_TEST(output_reads_as_it_was_written)
{
	_Alignas(8) char mem[256];
	struct output_writer writer;
	struct output_reader reader;
	struct output_item item;

	output_begin(&writer, mem, sizeof(mem));
	ck_assert_int_eq(output_add(&writer, OUTPUT_TITLE, SPAN("T")), 0);
	ck_assert_int_eq(output_add_link(&writer, LINK_A, LINK_UGC,
			     SPAN("http://x/")),
	    0);
	ck_assert_int_eq(output_add_item(&writer,
			     &(struct output_item){ .tag = OUTPUT_LINK,
				 .link_kind = LINK_IMAGE,
				 .link_flags = LINK_META_NOFOLLOW,
				 .link_place = PLACE_IMG_SRC,
				 .bytes = SPAN("http://y/") }),
	    0);
	ck_assert_int_eq(output_add(&writer, OUTPUT_REL, SPAN("Next ugc")), 0);
	output_end(&writer, 5);
	ck_assert_int_eq(output_open(&reader, mem, sizeof(mem), 4), 0);
	ck_assert_int_eq(output_open(&reader, mem, sizeof(mem), 5), 1);
	ck_assert_int_eq(output_next(&reader, &item), 1);
	ck_assert_int_eq(item.tag, OUTPUT_TITLE);
	ck_assert_int_eq(output_next(&reader, &item), 1);
	ck_assert_int_eq(item.link_flags, LINK_UGC);
	ck_assert_int_eq(item.link_place, PLACE_UNKNOWN);
	ck_assert(span_eq(item.bytes, SPAN("http://x/")));
	ck_assert_int_eq(output_next(&reader, &item), 1);
	ck_assert_int_eq(item.link_kind, LINK_IMAGE);
	ck_assert_int_eq(item.link_flags, LINK_META_NOFOLLOW);
	ck_assert_int_eq(item.link_place, PLACE_IMG_SRC);
	ck_assert(span_eq(item.bytes, SPAN("http://y/")));
	ck_assert_int_eq(output_next(&reader, &item), 1);
	ck_assert_int_eq(item.tag, OUTPUT_REL);
	ck_assert(span_eq(item.bytes, SPAN("Next ugc")));
	ck_assert_int_eq(output_next(&reader, &item), 0);
}
END_TEST

START_TEST(output_without_room_is_as_it_was)
{
	_Alignas(8) char mem[40];
	struct output_writer writer;
	size_t used;

	output_begin(&writer, mem, sizeof(mem));
	ck_assert_int_eq(output_add(&writer, OUTPUT_TITLE, SPAN("12345")), 0);
	used = writer.used;
	ck_assert_int_eq(output_add(&writer, OUTPUT_TITLE, SPAN("12345")),
	    -ENOSPC);
	ck_assert_uint_eq(writer.used, used);
}
END_TEST

START_TEST(output_of_garbage_ends)
{
	_Alignas(8) char mem[512];
	uint64_t state = test_seed();

	for (int i = 0; i < 20000; i++) {
		struct output_reader reader;
		struct output_item item;
		uint64_t head[2] = { 1, 256 + test_random(&state) % 300 };

		for (size_t at = 0; at < sizeof(mem); at += 8) {
			uint64_t word = test_random(&state) & 0x3ff0000000fu;

			memcpy(mem + at, &word, 8);
		}
		memcpy(mem, head, sizeof(head));
		if (output_open(&reader, mem, sizeof(mem), 1) == 0)
			continue;
		while (output_next(&reader, &item) == 1)
			ck_assert(item.bytes.ptr + item.bytes.len <=
				  mem + sizeof(mem));
	}
}
END_TEST

START_TEST(verdict_follows_its_table)
{
	static const struct verdict_limits limits = { 2, 3, 4, true };
	static const struct {
		struct order order;
		struct capture capture;
		uint8_t verdict, reason;
	} cases[] = {
		{ { 0 }, { .status = 200 }, VERDICT_DONE, 0 },
		{ { 0 }, { .status = 403 }, VERDICT_DONE, 0 },
		{ { 0 }, { .status = 200, .reason = REASON_RULE },
		    VERDICT_EXCLUDED, REASON_RULE },
		{ { 0 }, { .status = 404 }, VERDICT_GONE, 0 },
		{ { 0 }, { .status = 301, .location = SPAN("http://x/") },
		    VERDICT_REDIRECTED, 0 },
		{ { 0 }, { .status = 301 }, VERDICT_DONE, 0 },
		{ { .hops = 3 },
		    { .status = 302, .location = SPAN("http://x/") },
		    VERDICT_FAILED, REASON_TOO_MANY_REDIRECTS },
		{ { .url = SPAN("http://x/") },
		    { .status = 302, .location = SPAN("http://x/") },
		    VERDICT_FAILED, REASON_REDIRECT_LOOP },
		{ { .hops = 3,
		      .url = SPAN("http://x/c"),
		      .chain = SPAN("301 http://x/a\n301 http://x/b\n") },
		    { .status = 302, .location = SPAN("http://x/a") },
		    VERDICT_FAILED, REASON_REDIRECT_LOOP },
		{ { .url = SPAN("https://x/") },
		    { .status = 302, .location = SPAN("http://x/") },
		    VERDICT_FAILED, REASON_REDIRECT_DOWNGRADE },
		{ { .url = SPAN("http://x/") },
		    { .status = 302, .location = SPAN("https://x/") },
		    VERDICT_REDIRECTED, 0 },
		{ { .url = SPAN("http://x/?b&a") },
		    { .status = 302,
			.redirect = REDIRECT_SAME,
			.location = SPAN("http://x/?a&b") },
		    VERDICT_RETRY, 0 },
		{ { .url = SPAN("http://x/") },
		    { .status = 302,
			.redirect = REDIRECT_SAME,
			.location = SPAN("http://x/") },
		    VERDICT_RETRY, 0 },
		{ { .url = SPAN("http://x/"),
		      .chain = SPAN("302 http://x/\n") },
		    { .status = 302,
			.redirect = REDIRECT_SAME,
			.location = SPAN("http://x/") },
		    VERDICT_FAILED, REASON_REDIRECT_LOOP },
		{ { .url = SPAN("http://x/?b&a"), .hops = 3 },
		    { .status = 302,
			.redirect = REDIRECT_SAME,
			.location = SPAN("http://x/?a&b") },
		    VERDICT_FAILED, REASON_TOO_MANY_REDIRECTS },
		{ { .url = SPAN("http://x/?b&a"), .tries = 3 },
		    { .status = 302,
			.redirect = REDIRECT_SAME,
			.location = SPAN("http://x/?a&b") },
		    VERDICT_FAILED, REASON_TOO_MANY_REDIRECTS },
		{ { .tries = 1 }, { .status = 500 }, VERDICT_RETRY, 0 },
		{ { .tries = 2 }, { .status = 500 }, VERDICT_FAILED, 0 },
		{ { .tries = 9 }, { .status = 503 }, VERDICT_RETRY, 0 },
		{ { .waits = 4 }, { .status = 429 }, VERDICT_FAILED, 0 },
		{ { .tries = 9 }, { .reason = REASON_DNS_FAIL }, VERDICT_RETRY,
		    REASON_DNS_FAIL },
		{ { .waits = 4 }, { .reason = REASON_DNS_FAIL }, VERDICT_FAILED,
		    REASON_DNS_FAIL },
		{ { .tries = 2 }, { .reason = REASON_LOW_SPEED },
		    VERDICT_FAILED, REASON_LOW_SPEED },
		{ { 0 }, { .reason = REASON_BLOCKED_SSRF }, VERDICT_FAILED,
		    REASON_BLOCKED_SSRF },
		{ { .reason = REASON_ROBOTS_DENIED }, { .status = 200 },
		    VERDICT_EXCLUDED, REASON_ROBOTS_DENIED },
		{ { .reason = REASON_HOST_DOWN }, { .status = 200 },
		    VERDICT_FAILED, REASON_HOST_DOWN },
	};
	struct order order = { 0 };
	struct decision d;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		d = verdict_decide(&limits, &cases[i].order, &cases[i].capture);
		ck_assert_msg(d.verdict == cases[i].verdict &&
				  d.reason == cases[i].reason,
		    "case %zu: %s %s", i, verdict_name(d.verdict),
		    reason_name(d.reason));
	}
	d = verdict_decide(&limits, &order, NULL);
	ck_assert_int_eq(d.verdict, VERDICT_QUARANTINED);
}
END_TEST

START_TEST(names_are_there_for_every_value)
{
	for (unsigned i = 0; i < REASONS; i++)
		ck_assert_str_ne(reason_name(i), "?");
	for (unsigned i = 0; i < REFUSALS; i++)
		ck_assert_str_ne(refusal_name(i), "?");
	for (unsigned i = 0; i < TRUNCATEDS; i++)
		ck_assert_str_ne(truncated_name(i), "?");
	for (unsigned i = 0; i < VERDICTS; i++)
		ck_assert_str_ne(verdict_name(i), "?");
	for (unsigned i = 0; i < LINK_KINDS; i++)
		ck_assert_ptr_nonnull(link_kind_name(i));
	/* All but two: the unknown place, and a style sheet by itself. */
	for (unsigned i = 0; i < LINK_PLACES; i++)
		ck_assert_int_eq(link_place_element(i) == NULL &&
				     link_place_attribute(i) == NULL,
		    i == PLACE_UNKNOWN || i == PLACE_CSS);
	ck_assert_ptr_null(link_place_element(LINK_PLACES));
	ck_assert_ptr_null(link_place_attribute(255));
	ck_assert_str_eq(reason_name(REASONS), "?");
}
END_TEST

TEST_MAIN("message", order_reads_as_it_was_written,
    order_past_the_lists_is_refused, order_leaves_out_a_via_that_does_not_fit,
    order_leaves_out_the_oldest_hops_that_do_not_fit,
    chain_drops_its_oldest_hops, chain_of_garbage_is_refused,
    order_of_garbage_is_refused, capture_of_another_lap_is_not_there,
    capture_without_answer_and_reason_is_refused,
    capture_cuts_headers_at_a_line, output_reads_as_it_was_written,
    output_without_room_is_as_it_was, output_of_garbage_ends,
    verdict_follows_its_table, names_are_there_for_every_value)
