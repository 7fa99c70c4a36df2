#include "lib/archive/record_read.h"

#include <jansson.h>

#include "lib/archive/record.h"
#include "tests/harness.h"

#define ID    "00000000000000010000000000000002"
#define START "{\"v\":1,\"id\":\"" ID "\",\"url\":\"http://a/\""

static enum record_fault
fault_of(struct span line, struct record_facts *facts)
{
	static struct buf url;
	char *copy = malloc(line.len); /* so that a step too far is seen */
	enum record_fault fault;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, line.ptr, line.len);
	buf_fini(&url);
	buf_init(&url, 1 << 20);
	fault = record_read(span_of(copy, line.len), &url, facts);
	free(copy);
	return fault;
}

START_TEST(record_read_tells_good_lines_from_bad_ones)
{
	static const struct {
		struct span line;
		enum record_fault fault;
	} cases[] = {
		{ SPAN(START ",\"status\":200}"), RECORD_GOOD },
		{ SPAN(START " , \"status\" : 200 } "), RECORD_GOOD },
		{ SPAN(START ",\"status\":200,\"x\":[{},[],\"\",1.5e-3,-0,"
			     "null,true,false,{\"id\":1}]}"),
		    RECORD_GOOD },
		{ SPAN(START ",\"reason\":\"dns_fail\"}"), RECORD_GOOD },
		{ SPAN(START "}"), RECORD_NOT_OURS },
		{ SPAN(START ",\"status\":0}"), RECORD_NOT_OURS },
		{ SPAN(START ",\"reason\":\"nonsense\"}"), RECORD_NOT_OURS },
		{ SPAN(START ",\"status\":200,\"id\":\"" ID "\"}"),
		    RECORD_NOT_OURS },
		{ SPAN("{}"), RECORD_NOT_OURS },
		{ SPAN("{\"v\":2,\"id\":\"" ID "\",\"url\":\"http://a/\","
		       "\"status\":200}"),
		    RECORD_NOT_OURS },
		{ SPAN("{\"v\":1,\"id\":\"00\",\"url\":\"http://a/\","
		       "\"status\":200}"),
		    RECORD_NOT_OURS },
		{ SPAN("{\"v\":1,\"id\":\"" ID "\",\"url\":\"\","
		       "\"status\":200}"),
		    RECORD_NOT_OURS },
		{ SPAN("{\"v\":1,\"id\":\"" ID "\",\"url\":{},"
		       "\"status\":200}"),
		    RECORD_NOT_OURS },
		{ SPAN(""), RECORD_NOT_JSON },
		{ SPAN("[]"), RECORD_NOT_JSON },
		{ SPAN("{"), RECORD_NOT_JSON },
		{ SPAN("{,}"), RECORD_NOT_JSON },
		{ SPAN("{\"a\"}"), RECORD_NOT_JSON },
		{ SPAN("{\"a\":}"), RECORD_NOT_JSON },
		{ SPAN("{\"a\":1,}"), RECORD_NOT_JSON },
		{ SPAN("{\"a\":[1,]}"), RECORD_NOT_JSON },
		{ SPAN("{\"a\":[1}"), RECORD_NOT_JSON },
		{ SPAN("{\"a\":01}"), RECORD_NOT_JSON },
		{ SPAN("{\"a\":1.}"), RECORD_NOT_JSON },
		{ SPAN("{\"a\":\"\\x\"}"), RECORD_NOT_JSON },
		{ SPAN("{\"a\":\"\\u12g4\"}"), RECORD_NOT_JSON },
		{ SPAN("{\"a\":\"\\u12"), RECORD_NOT_JSON },
		{ SPAN("{\"a\":\"\t\"}"), RECORD_NOT_JSON },
		{ SPAN("{\"a\":nul}"), RECORD_NOT_JSON },
		{ SPAN(START ",\"status\":200}x"), RECORD_NOT_JSON },
		{ SPAN(START ",\"status\":200}{}"), RECORD_NOT_JSON },
		{ SPAN("\0\0\0\0"), RECORD_NOT_JSON },
		{ SPAN(START ",\"status\":200,\"x\":\"\xff\"}"),
		    RECORD_NOT_UTF8 },
	};
	struct record_facts facts;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		ck_assert_msg(fault_of(cases[i].line, &facts) == cases[i].fault,
		    "%.*s", SPAN_ARG(cases[i].line));
}
END_TEST

START_TEST(record_read_bounds_the_depth)
{
	char line[512] = "{\"a\":";
	struct record_facts facts;
	size_t n = strlen(line);

	memset(line + n, '[', 63);
	memset(line + n + 63, ']', 63);
	line[n + 126] = '}';
	ck_assert_int_eq(fault_of(span_of(line, n + 127), &facts),
	    RECORD_NOT_OURS);
	memset(line + n, '[', 64);
	memset(line + n + 64, ']', 64);
	line[n + 128] = '}';
	ck_assert_int_eq(fault_of(span_of(line, n + 129), &facts),
	    RECORD_NOT_JSON);
}
END_TEST

START_TEST(record_read_undoes_every_escape)
{
	struct span line = SPAN("{\"v\":1,\"id\":\"" ID "\",\"status\":200,"
				"\"url\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041"
				"\\u00e9\\u20ac\\ud83d\\ude00\\ud83dx\"}");
	struct record_facts facts;

	ck_assert_int_eq(fault_of(line, &facts), RECORD_GOOD);
	ck_assert(span_eq(facts.url,
	    SPAN("\"\\/\b\f\n\r\tA\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"
		 "\xEF\xBF\xBDx")));
	ck_assert_uint_eq(facts.site64, 1);
	ck_assert_uint_eq(facts.url64, 2);
}
END_TEST

/* Orders and captures as a crawl has them, at random. */
static struct decision
random_record(uint64_t *random, struct order *order, struct capture *capture,
    bool *has_capture)
{
	static const uint16_t statuses[] = { 0, 0, 200, 204, 301, 302, 304, 400,
		404, 408, 410, 429, 500, 503, 999 };
	static const uint8_t excluded[] = { REASON_NONE, REASON_NONE,
		REASON_NONE, REASON_ROBOTS_DENIED, REASON_HOST_DOWN,
		REASON_BUDGET };
	struct verdict_limits limits = { 3, 5, 10 };

	*order = (struct order){ .site64 = test_random(random),
		.url64 = test_random(random),
		.reason = excluded[test_random(random) % ARRAY_LEN(excluded)],
		.found = test_random(random) % LINK_KINDS,
		.depth = (uint16_t)test_random(random),
		.tries = (uint16_t)(test_random(random) % 5),
		.waits = (uint16_t)(test_random(random) % 12),
		.hops = (uint16_t)(test_random(random) % 7),
		.ordered_ms = 1000,
		.url = SPAN("http://example.org/a?b=\xC3\xA9\"\\") };
	*capture = (struct capture){
		.status = statuses[test_random(random) % ARRAY_LEN(statuses)],
		.location = test_random(random) % 2 ? SPAN("/x") : SPAN_NONE,
	};
	if (capture->status == 0)
		capture->reason = 1 + test_random(random) % REASON_BLOCKED_SSRF;
	else if (test_random(random) % 8 == 0)
		capture->reason = REASON_RULE;
	*has_capture = order->reason == REASON_NONE &&
		       test_random(random) % 8 > 0;
	return verdict_decide(&limits, order, *has_capture ? capture : NULL);
}

START_TEST(record_read_tells_what_record_write_was_told)
{
	struct record_options options = { .crawl_id = ID };
	uint64_t random = test_seed();
	struct record_facts facts;
	struct buf line;

	buf_init(&line, 1 << 20);
	for (int i = 0; i < 20000; i++) {
		struct capture capture;
		struct order order;
		bool has_capture, same;
		struct decision decision = random_record(&random, &order,
		    &capture, &has_capture);

		if (decision.verdict == VERDICT_RETRY)
			continue;
		buf_clear(&line);
		ck_assert_int_eq(record_write(&line, &options, &order,
				     has_capture ? &capture : NULL, decision,
				     NULL),
		    0);
		line.len--; /* the newline */
		ck_assert_int_eq(fault_of(buf_span(&line), &facts),
		    RECORD_GOOD);
		same = facts.site64 == order.site64 &&
		       facts.url64 == order.url64 &&
		       facts.depth == order.depth &&
		       facts.status == (has_capture ? capture.status : 0) &&
		       facts.reason == decision.reason &&
		       record_verdict(&facts) == decision.verdict &&
		       span_eq(facts.url, order.url) &&
		       strcmp(facts.crawl_id, ID) == 0;
		ck_assert_msg(same, "%.*s: verdict %u, not %u",
		    SPAN_ARG(buf_span(&line)), record_verdict(&facts),
		    decision.verdict);
	}
	buf_fini(&line);
}
END_TEST

START_TEST(record_read_takes_the_json_that_jansson_takes)
{
	static const char seed[] = START
	    ",\"status\":200,\"a\":[1,-2.5e+3,{\"b\":null},true,\"\\n\"],"
	    "\"c\":{\"d\":[]}}";
	static const char letters[] = "{}[]\",:\\ntrue0123456789.eE+- \t\x01";
	uint64_t random = test_seed(), taken = 0;
	struct record_facts facts;

	for (int i = 0; i < 200000; i++) {
		char line[sizeof(seed)];
		size_t len = sizeof(seed) - 1;
		json_error_t error;
		json_t *json;
		bool ours;

		memcpy(line, seed, len);
		for (int k = (int)(test_random(&random) % 3); k >= 0; k--) {
			size_t at = test_random(&random) % len;

			if (test_random(&random) % 2)
				memmove(line + at, line + at + 1, --len - at);
			else
				line[at] = letters[test_random(&random) %
						   (sizeof(letters) - 1)];
		}
		json = json_loadb(line, len, JSON_ALLOW_NUL, &error);
		ours = fault_of(span_of(line, len), &facts) != RECORD_NOT_JSON;
		/* It has a limit for numbers; the text is right. */
		if (json == NULL &&
		    json_error_code(&error) == json_error_numeric_overflow)
			continue;
		ck_assert_msg(ours == json_is_object(json), "%.*s: %s",
		    (int)len, line, error.text);
		taken += ours;
		json_decref(json);
	}
	ck_assert_uint_gt(taken, 1000);
}
END_TEST

TEST_MAIN("record_read", record_read_tells_good_lines_from_bad_ones,
    record_read_bounds_the_depth, record_read_undoes_every_escape,
    record_read_tells_what_record_write_was_told,
    record_read_takes_the_json_that_jansson_takes)
