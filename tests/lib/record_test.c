#include "lib/archive/record.h"

#include <errno.h>
#include <jansson.h>

#include "tests/harness.h"

static const struct record_options plain = { .crawl_id = "00c0ffee" };
static const struct record_options all = { .crawl_id = "00c0ffee",
	.links = true,
	.body = true };
static const struct decision done = { VERDICT_DONE, REASON_NONE };

static struct order
some_order(void)
{
	return (struct order){ .lap = 7,
		.site64 = 0x1111222233334444,
		.url64 = 0xA,
		.found = LINK_A,
		.tries = 1,
		.waits = 2,
		.depth = 4,
		.delay_ms = 1000,
		.ordered_ms = 1795401682000,
		.url = SPAN("https://example.org/a"),
		.via = SPAN("https://example.org/") };
}

static struct capture
some_capture(void)
{
	return (struct capture){ .lap = 7,
		.status = 200,
		.protocol = PROTOCOL_HTTP_2,
		.tls = TLS_GOOD,
		.port = 443,
		.started_ms = 1795401682123,
		.dns_ms = 0,
		.connect_ms = 2,
		.tls_ms = 3,
		.ttfb_ms = 4,
		.total_ms = 5,
		.body_len = 99,
		.ip = SPAN("127.0.0.1"),
		.content_type = SPAN("text/html; charset=utf-8") };
}

/* A capture of nothing: no answer. */
static struct capture
failed_capture(unsigned reason)
{
	return (struct capture){ .lap = 7,
		.reason = (uint8_t)reason,
		.dns_ms = -1,
		.connect_ms = -1,
		.tls_ms = -1,
		.ttfb_ms = -1,
		.total_ms = 30000,
		.started_ms = 1795401682123 };
}

/* What a parser leaves: memory for it, and a reader at the first item. */
struct output {
	_Alignas(8) char bytes[1 << 16];
	struct output_writer writer;
	struct output_reader reader;
};

static struct output *
output_new(void)
{
	struct output *output = malloc(sizeof(*output));

	ck_assert_ptr_nonnull(output);
	output_begin(&output->writer, output->bytes, sizeof(output->bytes));
	return output;
}

static void
add(struct output *output, uint8_t tag, const char *text)
{
	ck_assert_int_eq(output_add(&output->writer, tag, span_from(text)), 0);
}

static void
add_byte(struct output *output, uint8_t tag, unsigned byte)
{
	char c = (char)byte;

	ck_assert_int_eq(output_add(&output->writer, tag, span_of(&c, 1)), 0);
}

static void
add_link(struct output *output, uint8_t kind, uint8_t flags, uint8_t place,
    const char *url)
{
	ck_assert_int_eq(output_add_item(&output->writer,
			     &(struct output_item){ .tag = OUTPUT_LINK,
				 .link_kind = kind,
				 .link_flags = flags,
				 .link_place = place,
				 .bytes = span_from(url) }),
	    0);
}

static struct output_reader *
output_done(struct output *output)
{
	output_end(&output->writer, 7);
	ck_assert_int_eq(output_open(&output->reader, output->bytes,
			     output->writer.used, 7),
	    1);
	return &output->reader;
}

/* The line as text; the caller frees. */
static char *
line_of(const struct record_options *options, const struct order *order,
    const struct capture *capture, struct decision decision,
    struct output_reader *output)
{
	struct buf out;

	buf_init(&out, 1 << 20);
	ck_assert_int_eq(record_write(&out, options, order, capture, decision,
			     output),
	    0);
	ck_assert_int_eq(buf_add_char(&out, '\0'), 0);
	return out.ptr;
}

/* The same, as another program reads it. */
static json_t *
read_line(const struct record_options *options, const struct order *order,
    const struct capture *capture, struct decision decision,
    struct output_reader *output)
{
	char *line = line_of(options, order, capture, decision, output);
	json_t *json = json_loads(line, 0, NULL);

	ck_assert_msg(json != NULL, "%s", line);
	free(line);
	return json;
}

static const char *
text_of(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	return text != NULL ? text : "";
}

/* A whole line is more than Check has room for in a message. */
static void
same_line(const char *line, const char *expected)
{
	size_t at = 0;

	while (line[at] != '\0' && line[at] == expected[at])
		at++;
	ck_assert_msg(line[at] == expected[at],
	    "at %zu: \"%.60s\", not \"%.60s\"", at, line + at, expected + at);
}

START_TEST(record_of_a_page_has_its_fields_in_order)
{
	struct order order = some_order();
	struct capture capture = some_capture();
	struct output *output = output_new();
	char *line;

	add(output, OUTPUT_LENGTH, "1234");
	add(output, OUTPUT_ROBOTS, "noindex");
	add_link(output, LINK_A, LINK_NOFOLLOW | LINK_UGC, PLACE_A_HREF,
	    "https://a.test/");
	add(output, OUTPUT_REL, "UGC nofollow");
	add(output, OUTPUT_TITLE, "A \"title\"\xE2\x80\xA8\xFF");
	add(output, OUTPUT_TITLE, "another");
	add(output, OUTPUT_CHARSET, "utf-8");
	add(output, OUTPUT_CHARSET_SOURCE, "header");
	add(output, OUTPUT_MIME, "text/html");
	add(output, OUTPUT_LANG, "en");
	add(output, OUTPUT_ROBOTS_HEADER, "noarchive");
	add(output, OUTPUT_ROBOTS, "nofollow");
	add(output, OUTPUT_ROBOTS_HEADER, "unavailable_after: 2027-01-01");
	add(output, OUTPUT_CANONICAL, "https://example.org/b");
	add(output, OUTPUT_DIGEST, "sha1:2FD4");
	add_byte(output, OUTPUT_TRUNCATED, TRUNCATED_PARSE);
	add_link(output, LINK_NEXT, LINK_SPONSORED, PLACE_LINK_HEADER,
	    "https://b.test/");
	add_link(output, LINK_IMAGE, LINK_HEADER_NOFOLLOW, PLACE_IMG_SRC,
	    "https://c.test/");
	add_link(output, LINK_A, LINK_META_NOFOLLOW, 255, "https://d.test/");
	add(output, OUTPUT_BODY, "<p>\n");
	line = line_of(&all, &order, &capture, done, output_done(output));
	same_line(line,
	    "{\"v\":1,\"crawl_id\":\"00c0ffee\","
	    "\"id\":\"1111222233334444000000000000000a\","
	    "\"ts\":\"2026-11-23T02:41:22.123Z\","
	    "\"url\":\"https://example.org/a\",\"method\":\"GET\","
	    "\"status\":200,\"content_type\":\"text/html; charset=utf-8\","
	    "\"mime_detected\":\"text/html\",\"charset\":\"utf-8\","
	    "\"charset_source\":\"header\",\"lang\":\"en\","
	    "\"length_wire\":99,\"length_decoded\":1234,"
	    "\"truncated\":\"parse\",\"digest\":\"sha1:2FD4\","
	    "\"title\":\"A \\\"title\\\"\\u2028\xEF\xBF\xBD\","
	    "\"canonical\":\"https://example.org/b\","
	    "\"robots_meta\":[\"noindex\",\"nofollow\"],"
	    "\"robots_header\":[\"noarchive\","
	    "\"unavailable_after: 2027-01-01\"],"
	    "\"depth\":4,\"hops\":\"L\",\"via\":\"https://example.org/\","
	    "\"attempt\":4,\"host_delay_ms\":1000,"
	    "\"ip\":\"127.0.0.1\",\"port\":443,\"protocol\":\"h2\","
	    "\"tls\":{\"cert_ok\":true},\"dns_ms\":0,\"connect_ms\":2,"
	    "\"tls_ms\":3,\"ttfb_ms\":4,\"total_ms\":5,"
	    "\"links\":[{\"url\":\"https://a.test/\",\"el\":\"a\","
	    "\"attr\":\"href\",\"rel\":\"UGC nofollow\","
	    "\"nofollow\":true,\"ugc\":true},"
	    "{\"url\":\"https://b.test/\",\"attr\":\"link\","
	    "\"rel\":\"next\",\"sponsored\":true},"
	    "{\"url\":\"https://c.test/\",\"el\":\"img\","
	    "\"attr\":\"src\",\"nofollow\":true},"
	    "{\"url\":\"https://d.test/\",\"nofollow\":true}],"
	    "\"body\":\"<p>\\n\"}\n");
	free(line);
	free(output);
}
END_TEST

START_TEST(record_leaves_out_what_is_unknown)
{
	struct order order = { .url = SPAN("http://a.test/"),
		.reason = REASON_ROBOTS_DENIED,
		.found = LINK_SEED,
		.ordered_ms = 1000 };
	struct record_options none = { .links = true, .body = true };
	struct output *output = output_new();
	char *line = line_of(&none, &order, NULL,
	    (struct decision){ VERDICT_EXCLUDED, REASON_ROBOTS_DENIED }, NULL);

	same_line(line,
	    "{\"v\":1,\"id\":\"00000000000000000000000000000000\","
	    "\"ts\":\"1970-01-01T00:00:01.000Z\",\"url\":\"http://a.test/\","
	    "\"reason\":\"robots_denied\",\"depth\":0,\"seed\":true}\n");
	free(line);
	/* Items that are there and empty are as good as none. */
	for (unsigned tag = OUTPUT_TITLE; tag < OUTPUT_TAGS; tag++)
		add(output, (uint8_t)tag, "");
	line = line_of(&none, &order, NULL,
	    (struct decision){ VERDICT_EXCLUDED, REASON_ROBOTS_DENIED },
	    output_done(output));
	ck_assert(span_ends(span_from(line),
	    SPAN("\"reason\":\"robots_denied\",\"depth\":0,\"seed\":true}\n")));
	free(line);
	free(output);
}
END_TEST

START_TEST(record_says_how_each_journey_ended)
{
	/* clang-format off */
	static const struct {
		const char *name;
		unsigned ordered_reason; /* of the order */
		int status;              /* -1: no capture */
		unsigned fetch_reason;
		struct decision decision;
		const char *reason;
		bool attempt;
	} cases[] = {
		{ "not found", 0, 404, 0, { VERDICT_GONE, 0 }, "", true },
		{ "down for good", 0, 503, 0, { VERDICT_FAILED, 0 }, "", true },
		{ "no answer", 0, 0, REASON_DNS_FAIL,
		    { VERDICT_FAILED, REASON_DNS_FAIL }, "dns_fail", true },
		{ "in circles", 0, 302, 0,
		    { VERDICT_FAILED, REASON_TOO_MANY_REDIRECTS },
		    "too_many_redirects", true },
		{ "killed its crawler", 0, -1, 0,
		    { VERDICT_QUARANTINED, REASON_QUARANTINED },
		    "quarantined", true },
		{ "killed its parser", 0, 200, 0,
		    { VERDICT_QUARANTINED, REASON_QUARANTINED },
		    "quarantined", true },
		{ "host down", REASON_HOST_DOWN, -1, 0,
		    { VERDICT_FAILED, REASON_HOST_DOWN }, "host_down", false },
		{ "a capture of nothing", 0, 0, 0, { VERDICT_FAILED, 0 },
		    "read_fail", true },
		{ "a reason that is none", 0, 0, 200, { VERDICT_FAILED, 200 },
		    "read_fail", true },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct order order = some_order();
		struct capture capture = failed_capture(cases[i].fetch_reason);
		json_t *json;

		order.reason = (uint8_t)cases[i].ordered_reason;
		if (cases[i].status > 0)
			capture.status = (uint16_t)cases[i].status;
		json = read_line(&plain, &order,
		    cases[i].status < 0 ? NULL : &capture, cases[i].decision,
		    NULL);
		ck_assert_msg(strcmp(text_of(json, "reason"),
				  cases[i].reason) == 0,
		    "%s", cases[i].name);
		ck_assert_int_eq(json_integer_value(
				     json_object_get(json, "status")),
		    cases[i].status > 0 ? cases[i].status : 0);
		ck_assert_msg((json_object_get(json, "attempt") != NULL) ==
				  cases[i].attempt,
		    "%s", cases[i].name);
		/* Of an answer its length is known, else it is not. */
		ck_assert_int_eq(json_object_get(json, "length_wire") != NULL,
		    cases[i].status > 0);
		ck_assert_int_eq(json_object_get(json, "dns_ms") != NULL, 0);
		json_decref(json);
	}
}
END_TEST

START_TEST(record_of_a_redirect_says_where_to)
{
	struct order order = some_order();
	struct capture capture = some_capture();
	json_t *json, *chain;

	capture.status = 301;
	capture.tls = TLS_BAD_CERT;
	capture.tls_version = SPAN("TLSv1.3");
	capture.tls_cipher = SPAN("TLS_AES_256_GCM_SHA384");
	capture.location = SPAN("https://example.org/next");
	order.found = LINK_REDIRECT;
	order.hops = 3;
	order.chain = SPAN("301 http://example.org/\n302 https://x/?\"\n");
	json = read_line(&plain, &order, &capture,
	    (struct decision){ VERDICT_REDIRECTED, 0 }, NULL);
	chain = json_object_get(json, "redirect_chain");
	ck_assert_uint_eq(json_array_size(chain), 2);
	ck_assert_str_eq(text_of(json_array_get(chain, 0), "url"),
	    "http://example.org/");
	ck_assert_str_eq(text_of(json_array_get(chain, 1), "url"),
	    "https://x/?\"");
	ck_assert_int_eq(json_integer_value(
			     json_object_get(json_array_get(chain, 1),
				 "status")),
	    302);
	ck_assert_str_eq(text_of(json, "location"), "https://example.org/next");
	ck_assert_str_eq(text_of(json, "hops"), "RRR");
	ck_assert(json_is_false(
	    json_object_get(json_object_get(json, "tls"), "cert_ok")));
	ck_assert_str_eq(text_of(json_object_get(json, "tls"), "version"),
	    "TLSv1.3");
	ck_assert_str_eq(text_of(json_object_get(json, "tls"), "cipher"),
	    "TLS_AES_256_GCM_SHA384");
	json_decref(json);
	/* However many: a path has an end.  What is no chain is none. */
	order.hops = UINT16_MAX;
	order.chain = SPAN("301 http://example.org/\n302");
	json = read_line(&plain, &order, &capture,
	    (struct decision){ VERDICT_REDIRECTED, 0 }, NULL);
	ck_assert_uint_eq(strlen(text_of(json, "hops")), 32);
	ck_assert_ptr_null(json_object_get(json, "redirect_chain"));
	json_decref(json);
}
END_TEST

START_TEST(record_takes_one_reason_only_from_a_parser)
{
	for (unsigned reason = 0; reason < 256; reason++) {
		struct order order = some_order();
		struct capture capture = some_capture();
		struct output *output = output_new();
		json_t *json;

		add_byte(output, OUTPUT_REASON, reason);
		json = read_line(&plain, &order, &capture, done,
		    output_done(output));
		ck_assert_str_eq(text_of(json, "reason"),
		    reason == REASON_TOO_LARGE ? "too_large" : "");
		ck_assert_ptr_nonnull(json_object_get(json, "status"));
		json_decref(json);
		free(output);
	}
}
END_TEST

START_TEST(record_holds_links_and_body_only_when_asked)
{
	struct order order = some_order();
	struct capture capture = some_capture();

	for (int ask = 0; ask < 4; ask++) {
		struct output *output = output_new();
		struct record_options options = { .links = ask & 1,
			.body = ask & 2 };
		json_t *json;

		add_link(output, LINK_A, 0, PLACE_A_HREF, "https://a.test/");
		add(output, OUTPUT_BODY_RAW, "\xFF\xD8");
		json = read_line(&options, &order, &capture, done,
		    output_done(output));
		ck_assert_uint_eq(json_array_size(
				      json_object_get(json, "links")),
		    ask & 1);
		ck_assert_str_eq(text_of(json, "body_base64"),
		    ask & 2 ? "/9g=" : "");
		json_decref(json);
		free(output);
	}
}
END_TEST

START_TEST(record_over_the_limit_comes_without_links_and_body)
{
	struct order order = some_order();
	struct capture capture = some_capture();
	struct output *output = output_new();
	char *light, *whole;
	struct buf out;
	json_t *json;

	capture.truncated = TRUNCATED_LENGTH;
	add(output, OUTPUT_TITLE, "title");
	add_link(output, LINK_A, 0, PLACE_A_HREF, "https://a.test/");
	add(output, OUTPUT_BODY, "body");
	output_done(output);
	light = line_of(&plain, &order, &capture, done, &output->reader);
	whole = line_of(&all, &order, &capture, done, &output->reader);
	for (size_t limit = 0; limit < strlen(whole) + 10; limit++) {
		int r;

		buf_init(&out, limit + 4);
		ck_assert_int_eq(buf_add(&out, "one\n", 4), 0);
		r = record_write(&out, &all, &order, &capture, done,
		    &output->reader);
		if (r < 0) {
			ck_assert_int_eq(r, -EMSGSIZE);
			/* "links" is one byte shorter than "length" */
			ck_assert_uint_lt(limit, strlen(light) - 1);
			ck_assert_uint_eq(out.len, 4);
		} else if (limit < strlen(whole)) {
			json = json_loadb(out.ptr + 4, out.len - 4, 0, NULL);
			ck_assert_ptr_nonnull(json);
			ck_assert_str_eq(text_of(json, "truncated"), "links");
			ck_assert_str_eq(text_of(json, "title"), "title");
			ck_assert_str_eq(text_of(json, "body"), "");
			json_decref(json);
		} else {
			ck_assert_uint_eq(out.len - 4, strlen(whole));
		}
		buf_fini(&out);
	}
	free(light);
	free(whole);
	free(output);
}
END_TEST

START_TEST(record_limits_what_a_parser_may_say)
{
	static char text[60000];
	struct order order = some_order();
	struct capture capture = some_capture();
	struct output *output = output_new();
	json_t *json;
	const char *title;

	/* Cut at 16 KiB, which is in the middle of one of these. */
	for (size_t i = 0; i + 3 < sizeof(text); i += 3)
		memcpy(text + i, "\xE2\x82\xAC", 4);
	add(output, OUTPUT_TITLE, text);
	json = read_line(&plain, &order, &capture, done, output_done(output));
	title = text_of(json, "title");
	ck_assert_uint_eq(strlen(title), 16 * 1024 / 3 * 3);
	ck_assert_ptr_null(strstr(title, "\xEF\xBF\xBD"));
	json_decref(json);

	/* Every text as long and as costly as can be: still a line. */
	memset(text, 1, sizeof(text) - 1);
	for (unsigned tag = OUTPUT_TITLE; tag < OUTPUT_TAGS; tag++) {
		struct buf out;

		buf_init(&out, 256 * 1024);
		output_begin(&output->writer, output->bytes,
		    sizeof(output->bytes));
		add(output, (uint8_t)tag, text);
		ck_assert_int_eq(record_write(&out, &all, &order, &capture,
				     done, output_done(output)),
		    0);
		buf_fini(&out);
	}

	output_begin(&output->writer, output->bytes, sizeof(output->bytes));
	for (int i = 0; i < 1000; i++)
		add(output, OUTPUT_ROBOTS, "noindex");
	json = read_line(&plain, &order, &capture, done, output_done(output));
	ck_assert_uint_eq(json_array_size(json_object_get(json, "robots_meta")),
	    32);
	json_decref(json);
	free(output);
}
END_TEST

START_TEST(record_believes_a_length_of_digits_only)
{
	static const struct {
		const char *text;
		json_int_t value; /* -1: none */
	} cases[] = {
		{ "0", 0 },
		{ "999999999999999999", 999999999999999999 },
		{ "1000000000000000000", -1 },
		{ "12a", -1 },
		{ "-1", -1 },
		{ "1}", -1 },
		{ " 1", -1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct order order = some_order();
		struct capture capture = some_capture();
		struct output *output = output_new();
		json_t *json, *length;

		add(output, OUTPUT_LENGTH, cases[i].text);
		json = read_line(&plain, &order, &capture, done,
		    output_done(output));
		length = json_object_get(json, "length_decoded");
		ck_assert_int_eq(length ? json_integer_value(length) : -1,
		    cases[i].value);
		json_decref(json);
		free(output);
	}
}
END_TEST

/* No text, list or object of a record is empty. */
static bool
nothing_empty(json_t *value)
{
	const char *key;
	json_t *member;
	size_t i;

	switch (json_typeof(value)) {
	case JSON_STRING:
		return json_string_length(value) > 0;
	case JSON_ARRAY:
		json_array_foreach(value, i, member)
		{
			if (!nothing_empty(member))
				return false;
		}
		return json_array_size(value) > 0;
	case JSON_OBJECT:
		json_object_foreach(value, key, member)
		{
			if (!nothing_empty(member))
				return false;
		}
		return json_object_size(value) > 0;
	default:
		return true;
	}
}

static void
fill_random(void *bytes, size_t len, uint64_t *state)
{
	for (size_t i = 0; i < len; i++)
		((char *)bytes)[i] = (char)test_random(state);
}

START_TEST(record_of_garbage_is_still_a_record)
{
	static char junk[4096];
	uint64_t state = test_seed();
	struct output *output = output_new();

	for (int run = 0; run < 3000; run++) {
		struct decision decision = { (uint8_t)(test_random(&state) %
						       VERDICT_RETRY),
			(uint8_t)test_random(&state) };
		struct order order;
		struct capture capture;
		struct span *texts[] = { &order.url, &order.via, &order.chain,
			&capture.ip, &capture.tls_version, &capture.tls_cipher,
			&capture.content_type, &capture.location };
		struct output_reader reader;
		struct buf out;
		json_t *json;
		json_error_t error;
		char id[40];

		fill_random(&order, sizeof(order), &state);
		fill_random(&capture, sizeof(capture), &state);
		capture.proxied = run % 3 == 0; /* no byte but 0 and 1 is one */
		fill_random(junk, sizeof(junk), &state);
		for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
			size_t at = test_random(&state) % sizeof(junk);

			*texts[i] = span_of(junk + at,
			    test_random(&state) % (sizeof(junk) - at) + 1);
		}
		/* Items that are well-formed, of any tag, kind and content;
		 * the end of every second stream is scribbled over. */
		output_begin(&output->writer, output->bytes,
		    sizeof(output->bytes));
		for (int i = 0; i < 12; i++) {
			uint64_t pick = test_random(&state);
			struct span bytes = span_of(junk + pick % 2048,
			    (pick >> 12) % (pick & 1 ? 4 : 2048));
			uint8_t tag = (uint8_t)(1 + (pick >> 24) %
							(OUTPUT_TAGS - 1));

			must((tag == OUTPUT_LINK
				     ? output_add_link(&output->writer,
					   (uint8_t)(pick >> 32),
					   (uint8_t)(pick >> 40), bytes)
				     : output_add(&output->writer, tag,
					   bytes)) == 0);
		}
		reader = *output_done(output);
		if (run % 2)
			fill_random(output->bytes + output->writer.used / 2,
			    output->writer.used / 2, &state);
		buf_init(&out, 1 << 20);
		ck_assert_int_eq(record_write(&out, &all, &order, &capture,
				     decision, &reader),
		    0);
		ck_assert_ptr_eq(memchr(out.ptr, '\n', out.len),
		    out.ptr + out.len - 1);
		json = json_loadb(out.ptr, out.len, JSON_ALLOW_NUL, &error);
		ck_assert_msg(json != NULL, "%s at %d", error.text,
		    error.position);
		ck_assert(nothing_empty(json));
		/* What stands for a number of no list is no word of ours. */
		ck_assert_str_ne(text_of(json, "truncated"), "?");
		ck_assert_str_ne(text_of(json, "protocol"), "?");
		snprintf(id, sizeof(id), "%016llx%016llx",
		    (unsigned long long)order.site64,
		    (unsigned long long)order.url64);
		ck_assert_str_eq(text_of(json, "id"), id);
		ck_assert(json_object_get(json, "status") != NULL ||
			  json_object_get(json, "reason") != NULL);
		json_decref(json);
		buf_fini(&out);
	}
	free(output);
}
END_TEST

TEST_MAIN("record", record_of_a_page_has_its_fields_in_order,
    record_leaves_out_what_is_unknown, record_says_how_each_journey_ended,
    record_of_a_redirect_says_where_to,
    record_takes_one_reason_only_from_a_parser,
    record_holds_links_and_body_only_when_asked,
    record_over_the_limit_comes_without_links_and_body,
    record_limits_what_a_parser_may_say,
    record_believes_a_length_of_digits_only,
    record_of_garbage_is_still_a_record)
