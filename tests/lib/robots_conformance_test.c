/*
 * The cases of tests/data/robots, as a crawl would decide them.  Those of
 * level "optional" are counted and told, and fail nothing.
 */
#include <errno.h>
#include <jansson.h>

#include "lib/base/base64.h"
#include "lib/robots/robots.h"
#include "lib/url/url.h"
#include "tests/harness.h"

#define TEXT_LIMIT (512 << 10)

static struct span
member(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_string(value) ? span_of(json_string_value(value),
					   json_string_length(value))
				     : SPAN_NONE;
}

/* The text of a case, with what is to be put before it. */
static void
text_of(const json_t *question, struct buf *text)
{
	json_t *repeat;
	size_t i;

	json_array_foreach(json_object_get(question, "repeat_before"), i,
	    repeat)
	{
		json_int_t times = json_integer_value(
		    json_object_get(repeat, "times"));

		while (times-- > 0)
			ck_assert_int_eq(buf_add_span(text,
					     member(repeat, "text")),
			    0);
	}
	ck_assert_int_eq(buf_add_span(text, member(question, "robots")), 0);
	ck_assert_int_eq(base64_decode(member(question, "robots_b64"), text),
	    0);
}

static bool
allowed(const json_t *question, struct span block)
{
	const json_t *status = json_object_get(question, "status");
	enum robots_meaning meaning = status
					  ? robots_meaning(
						(int)json_integer_value(status))
					  : ROBOTS_USE_BODY;
	struct url url;
	bool answer;

	if (meaning != ROBOTS_USE_BODY)
		return meaning != ROBOTS_UNREACHABLE;
	url_init(&url);
	ck_assert_int_eq(url_parse(member(question, "url"), NULL, &url), 0);
	answer = robots_allows(block, url_target(&url));
	url_fini(&url);
	return answer;
}

static bool
same_sitemaps(const json_t *want, struct span block)
{
	struct span sitemap;
	const json_t *item;
	size_t i;

	if (want == NULL)
		return true;
	json_array_foreach((json_t *)(uintptr_t)want, i, item)
	{
		if (!robots_sitemap(block, i, &sitemap) ||
		    !span_eq(sitemap, span_of(json_string_value(item),
					  json_string_length(item))))
			return false;
	}
	return !robots_sitemap(block, i, &sitemap);
}

static bool
same_delay(const json_t *want, struct span block)
{
	int64_t ms = robots_crawl_delay_ms(block);

	if (want == NULL)
		return true;
	if (json_is_null(want))
		return ms == -1;
	return ms == (int64_t)(json_number_value(want) * 1000);
}

/* Did the case come out as it should? */
static bool
holds(const json_t *question)
{
	struct buf text, block;
	bool held;

	buf_init(&text, TEXT_LIMIT);
	buf_init(&block, TEXT_LIMIT + ROBOTS_BLOCK_OVERHEAD);
	text_of(question, &text);
	ck_assert_int_eq(robots_compile(buf_span(&text),
			     member(question, "agent"), &block),
	    0);
	ck_assert(robots_valid(buf_span(&block)));
	held = allowed(question, buf_span(&block)) ==
		   json_is_true(json_object_get(question, "allowed")) &&
	       same_sitemaps(json_object_get(question, "sitemaps"),
		   buf_span(&block)) &&
	       same_delay(json_object_get(question, "crawl_delay"),
		   buf_span(&block));
	buf_fini(&text);
	buf_fini(&block);
	return held;
}

START_TEST(robots_conformance_every_must_holds)
{
	size_t len, must[2] = { 0 }, optional[2] = { 0 };
	char *data = test_data("robots/cases.jsonl", &len);
	struct span rest = span_of(data, len);

	while (rest.len > 0) {
		const char *end = memchr(rest.ptr, '\n', rest.len);
		size_t n = end ? (size_t)(end - rest.ptr) : rest.len;
		json_error_t where;
		json_t *question = json_loadb(rest.ptr, n, JSON_ALLOW_NUL,
		    &where);
		bool is_optional, held;

		ck_assert_msg(question != NULL, "%s", where.text);
		is_optional = span_eq(member(question, "level"),
		    SPAN("optional"));
		held = holds(question);
		(is_optional ? optional : must)[held]++;
		if (!held)
			printf("robots_conformance: %s %.*s: not so: %.*s\n",
			    is_optional ? "optional" : "MUST",
			    SPAN_ARG(member(question, "id")),
			    SPAN_ARG(member(question, "note")));
		json_decref(question);
		rest = span_from_at(rest, n + 1);
	}
	printf("robots_conformance: must %zu of %zu, optional %zu of %zu\n",
	    must[1], must[0] + must[1], optional[1], optional[0] + optional[1]);
	fflush(stdout);
	ck_assert_uint_eq(must[0], 0);
	ck_assert_uint_eq(must[1] + optional[0] + optional[1], 198);
	free(data);
}
END_TEST

TEST_MAIN("robots_conformance", robots_conformance_every_must_holds)
