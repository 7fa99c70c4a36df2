/*
 * The cases of tests/data/sitemap, as a crawl reads them.  Those of level
 * "optional" are counted and told, and fail nothing.
 */
#include <jansson.h>
#include <sys/resource.h>

#include "lib/base/buf.h"
#include "lib/sitemap/sitemap.h"
#include "tests/harness.h"

struct found {
	json_t *entries; /* as in the cases, one each */
	json_t *in_scope;
	const struct url *url;
};

static void
put(json_t *object, const char *key, struct span text)
{
	if (text.len > 0)
		json_object_set_new(object, key,
		    json_stringn(text.ptr, text.len));
}

static bool
take(void *arg, const struct sitemap_entry *entry)
{
	struct found *found = arg;
	json_t *object = json_object();
	struct url listed;

	put(object, "loc", entry->loc);
	put(object, "lastmod", entry->lastmod);
	put(object, "changefreq", entry->changefreq);
	put(object, "priority", entry->priority);
	json_array_append_new(found->entries, object);
	url_init(&listed);
	ck_assert_int_eq(url_parse(entry->url, NULL, &listed), 0);
	if (sitemap_covers(found->url, &listed))
		json_array_append_new(found->in_scope,
		    json_stringn(entry->loc.ptr, entry->loc.len));
	url_fini(&listed);
	return true;
}

static bool
has(const json_t *list, const json_t *value)
{
	json_t *item;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)list, i, item)
	{
		if (json_equal(item, value))
			return true;
	}
	return false;
}

static bool
has_all(const json_t *list, const json_t *of)
{
	json_t *item;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)of, i, item)
	{
		if (!has(list, item))
			return false;
	}
	return true;
}

/* All that is expected, and nothing else but what may be. */
static bool
lists(const struct found *found, const json_t *expect, const char *key)
{
	const json_t *want = json_object_get(expect, key);
	const json_t *may = json_object_get(expect, "optional_urls");
	json_t *entry;
	size_t i;

	if (json_object_get(expect, "count") != NULL) {
		size_t n = json_array_size(found->entries);
		json_int_t least = json_integer_value(
		    json_object_get(expect, "count"));
		json_int_t most = json_integer_value(
		    json_object_get(expect, "count_max"));

		return (json_int_t)n >= least && (json_int_t)n <= most &&
		       json_equal(json_object_get(json_array_get(found->entries,
						      0),
				      "loc"),
			   json_object_get(expect, "first")) &&
		       json_equal(json_object_get(json_array_get(found->entries,
						      (size_t)least - 1),
				      "loc"),
			   json_object_get(expect, "last"));
	}
	if (!has_all(found->entries, want))
		return false;
	json_array_foreach(found->entries, i, entry)
	{
		if (!has(want, entry) &&
		    !has(may, json_object_get(entry, "loc")) &&
		    !json_is_true(json_object_get(expect, "at_least")))
			return false;
	}
	return true;
}

static bool
is_right(const json_t *expect, const struct found *found,
    const struct sitemap_report *report)
{
	const json_t *type = json_object_get(expect, "type");
	const json_t *in_scope = json_object_get(expect, "in_scope");
	bool error = json_is_true(json_object_get(expect, "error"));
	const char *name = sitemap_type_name(report->type);

	if (json_is_null(type) ? report->type != SITEMAP_NONE
			       : strcmp(json_string_value(type), name) != 0)
		return false;
	if (!json_is_true(json_object_get(expect, "any_error")) &&
	    error != (report->defect != SITEMAP_SOUND))
		return false;
	if (in_scope != NULL && !(has_all(found->in_scope, in_scope) &&
				    has_all(in_scope, found->in_scope)))
		return false;
	return lists(found, expect,
	    report->type == SITEMAP_INDEX ? "sitemaps" : "urls");
}

/* Read the case's file; true when all of it is as expected. */
static bool
check(struct sitemap_reader *reader, const json_t *question)
{
	const char *file = json_string_value(json_object_get(question, "file"));
	const char *href = json_string_value(json_object_get(question, "url"));
	struct sitemap_report report;
	struct found found = { json_array(), json_array(), NULL };
	struct sitemap_input input;
	struct url url;
	char path[256], words[120];
	size_t len;
	char *body;
	bool right;

	snprintf(path, sizeof(path), "sitemap/%s", file);
	body = test_data(path, &len);
	url_init(&url);
	ck_assert_int_eq(url_parse(span_from(href), NULL, &url), 0);
	found.url = &url;
	input = (struct sitemap_input){ .body = span_of(body, len),
		.content_type = span_from(json_string_value(
		    json_object_get(question, "content_type"))),
		.url = &url };
	ck_assert_int_eq(sitemap_read(reader, &input, take, &found, &report),
	    0);
	right = is_right(json_object_get(question, "expect"), &found, &report);
	if (!right) {
		char *got = json_dumps(found.entries, JSON_COMPACT);

		sitemap_describe(&report, words, sizeof(words));
		printf("%s (%s): %s, \"%s\", cut %u, %.2000s\n", file,
		    json_string_value(json_object_get(question, "level")),
		    sitemap_type_name(report.type), words, report.cut, got);
		free(got);
	}
	json_decref(found.entries);
	json_decref(found.in_scope);
	url_fini(&url);
	free(body);
	return right;
}

START_TEST(every_case_is_read_as_it_should_be)
{
	struct sitemap_limits limits = { SITEMAP_BYTES_MAX, SITEMAP_URLS_MAX,
		4096 };
	struct sitemap_reader *reader = sitemap_reader_new(&limits);
	char *text = test_data("sitemap/expected.json", NULL);
	json_t *cases = json_loads(text, 0, NULL), *question;
	size_t i, right = 0, must_fail = 0;

	ck_assert_uint_eq(json_array_size(cases), 49);
	json_array_foreach(cases, i, question)
	{
		const char *level = json_string_value(
		    json_object_get(question, "level"));

		if (check(reader, question))
			right++;
		else if (strcmp(level, "must") == 0)
			must_fail++;
	}
	printf("sitemap: %zu of %zu cases, %zu of level must are wrong\n",
	    right, json_array_size(cases), must_fail);
	ck_assert_uint_eq(must_fail, 0);
	/* The optional ones are all right, too; so let them stay. */
	ck_assert_uint_eq(right, 49);
	sitemap_reader_free(reader);
	json_decref(cases);
	free(text);
}
END_TEST

static bool
take_any(void *arg, const struct sitemap_entry *entry)
{
	(void)arg, (void)entry;
	return true;
}

START_TEST(a_bomb_is_read_in_little_memory)
{
	static const char *const bombs[] = { "sitemap/files/bomb.xml.gz",
		"sitemap/files/billion-laughs.xml" };
	struct sitemap_limits limits = { SITEMAP_BYTES_MAX, SITEMAP_URLS_MAX,
		4096 };
	struct sitemap_reader *reader = sitemap_reader_new(&limits);
	struct sitemap_report report;
	struct rusage before, after;
	struct url url;
	long grown;

	url_init(&url);
	ck_assert_int_eq(url_parse(SPAN("https://a.test/b"), NULL, &url), 0);
	getrusage(RUSAGE_SELF, &before);
	for (size_t i = 0; i < ARRAY_LEN(bombs); i++) {
		size_t len;
		char *body = test_data(bombs[i], &len);
		struct sitemap_input input = { .body = span_of(body, len),
			.url = &url };

		ck_assert_int_eq(sitemap_read(reader, &input, take_any, NULL,
				     &report),
		    0);
		ck_assert_uint_eq(report.listed, 1);
		ck_assert_uint_le(report.decoded_len, SITEMAP_BYTES_MAX);
		free(body);
	}
	getrusage(RUSAGE_SELF, &after);
	grown = after.ru_maxrss - before.ru_maxrss;
	printf("bombs: %ld KiB more\n", grown);
	/* One of them is 120 MiB. */
	ck_assert_int_lt(grown, 16 << 10);
	url_fini(&url);
	sitemap_reader_free(reader);
}
END_TEST

TEST_MAIN("sitemap_conformance", every_case_is_read_as_it_should_be,
    a_bomb_is_read_in_little_memory)
