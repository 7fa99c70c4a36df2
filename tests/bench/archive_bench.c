/*
 * archive_bench - what a record costs: bytes of text a second through the
 * JSON writer, and records a second of a page with a hundred links.
 *
 * One line of JSON.  It reads a clock, so it says how this machine was just
 * now; compare runs side by side.
 */
#include <time.h>

#include "lib/archive/record.h"

enum {
	TEXT = 64 * 1024,
	LINKS = 100
};

static double
now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* MB of input a second, for half a second. */
static double
text_rate(struct buf *out, const char *pattern, bool base64)
{
	static char text[TEXT];
	size_t len = strlen(pattern), used = 0;
	double start = now_s(), done = 0;

	while (used + len <= sizeof(text)) {
		memcpy(text + used, pattern, len);
		used += len;
	}
	do {
		struct jsonl json;

		for (int i = 0; i < 16; i++) {
			buf_clear(out);
			jsonl_begin(&json, out);
			if (base64)
				jsonl_base64(&json, "t", span_of(text, used));
			else
				jsonl_text(&json, "t", span_of(text, used));
			must(jsonl_end(&json) == 0);
			done += (double)used;
		}
	} while (now_s() - start < 0.5);
	return done / (now_s() - start) / 1e6;
}

/* Microseconds a record. */
static double
record_cost(struct buf *out, bool links)
{
	static _Alignas(8) char bytes[64 * 1024];
	const struct record_options options = { .crawl_id = "00c0ffee",
		.links = links };
	const struct order order = { .lap = 1,
		.found = LINK_A,
		.depth = 3,
		.ordered_ms = 1795401682000,
		.url = SPAN("https://www.example.org/docs/15/sql-select.html"),
		.via = SPAN("https://www.example.org/docs/15/index.html") };
	const struct capture capture = { .lap = 1,
		.status = 200,
		.protocol = PROTOCOL_HTTP_1_1,
		.port = 443,
		.started_ms = 1795401682123,
		.body_len = 13800,
		.ip = SPAN("127.0.0.1"),
		.content_type = SPAN("text/html; charset=utf-8") };
	struct output_writer writer;
	struct output_reader reader;
	double start;
	int n = 0;

	output_begin(&writer, bytes, sizeof(bytes));
	must(output_add(&writer, OUTPUT_TITLE, SPAN("SELECT")) == 0);
	must(output_add(&writer, OUTPUT_CHARSET, SPAN("utf-8")) == 0);
	must(output_add(&writer, OUTPUT_DIGEST,
		 SPAN("sha1:2FD4E1C67A2D28FCED849EE1BB76E7391B93EB12")) == 0);
	for (int i = 0; i < LINKS; i++)
		must(output_add_link(&writer, LINK_A, 0, order.url) == 0);
	output_end(&writer, 1);
	start = now_s();
	do {
		for (int i = 0; i < 100; i++, n++) {
			buf_clear(out);
			must(output_open(&reader, bytes, writer.used, 1) == 1);
			must(record_write(out, &options, &order, &capture,
				 (struct decision){ VERDICT_DONE, 0 },
				 &reader) == 0);
		}
	} while (now_s() - start < 0.5);
	return (now_s() - start) * 1e6 / n;
}

int
main(void)
{
	struct buf out;

	buf_init(&out, 16 << 20);
	printf("{\"bench\":\"archive\",\"ascii_mb_s\":%.0f",
	    text_rate(&out, "plain words of English text ", false));
	printf(",\"html_mb_s\":%.0f",
	    text_rate(&out, "<a href=\"x/y.html\" class=\"link\">text</a>\n",
		false));
	printf(",\"cyrillic_mb_s\":%.0f",
	    text_rate(&out, "\xD1\x82\xD0\xB5\xD0\xBA\xD1\x81\xD1\x82 ",
		false));
	printf(",\"chinese_mb_s\":%.0f",
	    text_rate(&out, "\xE6\x96\x87\xE6\x9C\xAC\xE4\xB8\xAD", false));
	printf(",\"binary_mb_s\":%.0f",
	    text_rate(&out, "\xFF\xFE\x80\x81", false));
	printf(",\"base64_mb_s\":%.0f", text_rate(&out, "abc", true));
	printf(",\"record_us\":%.2f", record_cost(&out, false));
	printf(",\"record_100_links_us\":%.2f}\n", record_cost(&out, true));
	buf_fini(&out);
	return 0;
}
