/*
 * message: what lies in a cell, when somebody has written over it; and the
 * record that is made of it.
 *
 *     a byte of flags
 *     url NUL via NUL content-type NUL location NUL headers NUL title NUL
 *     link NUL chain NUL lastmod NUL priority NUL changefreq NUL
 *     then patches of three bytes: a place in order, capture and output as
 *     they lie one behind the other, and the byte that is put there
 */
#include <errno.h>

#include "lib/archive/record.h"
#include "lib/archive/record_read.h"
#include "lib/message/chain.h"
#include "lib/message/listing.h"
#include "lib/message/verdict.h"
#include "tests/fuzz/fuzz.h"

enum flag {
	NO_CAPTURE = 1,
	NO_OUTPUT = 2,
	RAW = 4, /* no patches: the rest is the bytes themselves */
};

enum {
	OUTPUT_SIZE = 2048,
	URL_BYTES = 512,
};

struct cell {
	char *order, *capture, *output;
	size_t order_size, capture_size;
};

/* A chain of any bytes: it ends, and what is taken off it was in it. */
static void
chain_holds(struct span chain)
{
	struct span rest = chain, tail;
	struct chain_hop hop;
	size_t hops = 0;
	int r;

	while ((r = chain_next(&rest, &hop)) == 1) {
		fuzz_holds(hop.url.len > 0 && fuzz_is_within(hop.url, chain));
		fuzz_holds(chain_has(chain, hop.url));
		hops++;
	}
	fuzz_holds(r == 0 || r == -EBADMSG);
	fuzz_holds(chain_is_whole(chain) == (r == 0));
	for (size_t room = 0; room <= chain.len + 1; room += 7) {
		tail = chain_tail(chain, room);
		fuzz_holds(tail.len <= room && span_ends(chain, tail));
		fuzz_holds(r != 0 || chain_is_whole(tail));
	}
}

/* What is added can be taken off again, however much there was before. */
static void
chain_grows(struct span before, struct span url)
{
	struct span rest;
	struct chain_hop hop, last = { 0 };
	struct buf chain;

	buf_init(&chain, CHAIN_MAX);
	if (chain_is_whole(before) && before.len <= CHAIN_MAX)
		fuzz_holds(buf_add_span(&chain, before) == 0);
	fuzz_holds(chain_add(&chain, 301, url) == 0);
	fuzz_holds(chain.len <= CHAIN_MAX && chain_is_whole(buf_span(&chain)));
	rest = buf_span(&chain);
	while (chain_next(&rest, &hop) == 1)
		last = hop;
	if (chain_has(buf_span(&chain), url) && !chain_has(before, url))
		fuzz_holds(last.status == 301 && span_eq(last.url, url));
	buf_fini(&chain);
}

static void
cell_write(struct cell *cell, struct fuzz_input *in, unsigned flags)
{
	struct order order = { .lap = 7, .site64 = 1, .url64 = 2, .qseq = 3 };
	struct capture capture = { .lap = 7, .status = 200 };
	struct output_writer writer;
	struct span title, link, lastmod, priority, changefreq;

	order.url = fuzz_part(in);
	order.via = fuzz_part(in);
	capture.content_type = fuzz_part(in);
	capture.location = fuzz_part(in);
	capture.headers = fuzz_part(in);
	title = fuzz_part(in);
	link = fuzz_part(in);
	order.chain = fuzz_part(in);
	lastmod = fuzz_part(in);
	priority = fuzz_part(in);
	changefreq = fuzz_part(in);
	order.listed = listing_of(lastmod, priority, changefreq);
	fuzz_holds(listing_valid(&order.listed));
	order.found = LINK_SITEMAP;
	chain_holds(order.chain);
	chain_grows(order.chain, link);
	order.reason = flags & NO_CAPTURE ? REASON_ROBOTS_DENIED : REASON_NONE;
	capture.ip = SPAN("127.0.0.1");
	if (order_write(cell->order, cell->order_size, &order) < 0) {
		order.url = SPAN("http://a.test/");
		fuzz_holds(
		    order_write(cell->order, cell->order_size, &order) == 0);
	}
	if (!(flags & NO_CAPTURE))
		capture_write(cell->capture, cell->capture_size, &capture);
	output_begin(&writer, cell->output, OUTPUT_SIZE);
	/* What does not fit is left out. */
	if (output_add(&writer, OUTPUT_TITLE, title) < 0 ||
	    output_add(&writer, OUTPUT_BODY_RAW, title) < 0 ||
	    output_add(&writer, OUTPUT_ROBOTS, SPAN("noindex")) < 0 ||
	    output_add(&writer, OUTPUT_ROBOTS_HEADER, SPAN("none")) < 0 ||
	    output_add(&writer, OUTPUT_TRUNCATED, SPAN("\1")) < 0)
		fuzz_holds(title.len > OUTPUT_SIZE / 4);
	if (output_add_link(&writer, LINK_A, LINK_UGC, link) < 0)
		fuzz_holds(link.len + title.len > OUTPUT_SIZE / 4);
	output_end(&writer, flags & NO_OUTPUT ? 6 : 7);
}

static void
put_byte(struct cell *cell, size_t at, char byte)
{
	at %= cell->order_size + cell->capture_size + OUTPUT_SIZE;
	if (at < cell->order_size)
		cell->order[at] = byte;
	else if ((at -= cell->order_size) < cell->capture_size)
		cell->capture[at] = byte;
	else
		cell->output[at - cell->capture_size] = byte;
}

static struct span
order_bytes(const struct cell *cell)
{
	return span_of(cell->order, cell->order_size);
}

static void
capture_holds(const struct cell *cell, const struct capture *capture)
{
	struct span whole = span_of(cell->capture, cell->capture_size);

	fuzz_holds(capture->reason < REASONS);
	fuzz_holds(capture->status != 0 || capture->reason != REASON_NONE);
	fuzz_holds(fuzz_is_within(capture->ip, whole));
	fuzz_holds(fuzz_is_within(capture->content_type, whole));
	fuzz_holds(fuzz_is_within(capture->content_encoding, whole));
	fuzz_holds(fuzz_is_within(capture->location, whole));
	fuzz_holds(fuzz_is_within(capture->headers, whole));
}

static void
output_holds(struct output_reader reader, const struct cell *cell)
{
	struct span whole = span_of(cell->output, OUTPUT_SIZE);
	struct output_item item;
	size_t left = reader.left + 1;
	int r;

	while ((r = output_next(&reader, &item)) == 1) {
		fuzz_holds(item.tag < OUTPUT_TAGS);
		fuzz_holds(fuzz_is_within(item.bytes, whole));
		fuzz_holds(reader.left < left); /* it gets somewhere */
		left = reader.left;
	}
	fuzz_holds(r == 0 || r == -EBADMSG);
}

/* One line, whatever it is made of, that reads back as what it was. */
static void
record_holds(const struct order *order, const struct capture *capture,
    struct decision decision, struct output_reader *output)
{
	struct record_options options = {
		.crawl_id = "00112233445566778899aabbccddeeff",
		.links = true,
		.body = true,
	};
	struct record_facts facts;
	enum record_fault fault;
	struct buf line, url;

	buf_init(&line, 1 << 20);
	buf_init(&url, 1 << 20);
	fuzz_holds(record_write(&line, &options, order, capture, decision,
		       output) == 0);
	fuzz_holds(line.len > 0 && line.ptr[line.len - 1] == '\n');
	fuzz_holds(memchr(line.ptr, '\n', line.len) == line.ptr + line.len - 1);
	fault = record_read(span_of(line.ptr, line.len - 1), &url, &facts);
	fuzz_holds(fault == RECORD_GOOD || fault == RECORD_NOT_OURS);
	if (fault == RECORD_GOOD)
		fuzz_holds(facts.site64 == order->site64 &&
			   facts.url64 == order->url64);
	buf_fini(&line);
	buf_fini(&url);
}

static void
cell_read(const struct cell *cell)
{
	static const struct verdict_limits limits = { 3, 10, 10 };
	struct order order;
	struct capture capture;
	struct output_reader output;
	struct decision decision;
	int has_capture, has_output, r;

	r = order_read(cell->order, cell->order_size, &order);
	fuzz_holds(r == 0 || r == -EBADMSG);
	if (r < 0)
		return;
	fuzz_holds(order.kind < ORDER_KINDS && order.reason < REASONS &&
		   order.found < LINK_KINDS);
	fuzz_holds(fuzz_is_within(order.url, order_bytes(cell)));
	fuzz_holds(fuzz_is_within(order.via, order_bytes(cell)));
	fuzz_holds(fuzz_is_within(order.chain, order_bytes(cell)));
	fuzz_holds(listing_valid(&order.listed));
	chain_holds(order.chain);
	has_capture = capture_read(cell->capture, cell->capture_size, order.lap,
	    &capture);
	fuzz_holds(
	    has_capture == 1 || has_capture == 0 || has_capture == -EBADMSG);
	if (has_capture == 1)
		capture_holds(cell, &capture);
	has_output = output_open(&output, cell->output, OUTPUT_SIZE, order.lap);
	if (has_output == 1)
		output_holds(output, cell);
	decision = verdict_decide(&limits, &order,
	    has_capture == 1 ? &capture : NULL);
	fuzz_holds(decision.verdict > VERDICT_NONE &&
		   decision.verdict < VERDICTS && decision.reason < REASONS);
	if (decision.verdict != VERDICT_RETRY)
		record_holds(&order, has_capture == 1 ? &capture : NULL,
		    decision, has_output == 1 ? &output : NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = fuzz_input(data, size);
	unsigned flags = fuzz_byte(&in);
	struct cell cell = {
		.order_size = order_slot_size(URL_BYTES),
		.capture_size = capture_slot_size(URL_BYTES),
	};

	cell.order = calloc(1, cell.order_size);
	cell.capture = calloc(1, cell.capture_size);
	cell.output = calloc(1, OUTPUT_SIZE);
	fuzz_holds(cell.order && cell.capture && cell.output);
	if (!(flags & RAW)) {
		cell_write(&cell, &in, flags);
		while (in.left.len > 0) {
			size_t at = (size_t)fuzz_byte(&in) << 8;

			at |= fuzz_byte(&in);
			put_byte(&cell, at, (char)fuzz_byte(&in));
		}
	}
	for (size_t at = 0; in.left.len > 0; at++)
		put_byte(&cell, at, (char)fuzz_byte(&in));
	cell_read(&cell);
	free(cell.order);
	free(cell.capture);
	free(cell.output);
	return 0;
}
