#include "lib/base/buf.h"
#include "tests/cmd/answers.h"

static void
add_question(struct buf *lines, const char *url, const char *type,
    struct span body)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz0123456789+/";
	int r = buf_printf(lines,
	    "{\"url\":\"%s\",\"content_type\":\"%s\",\"body_b64\":\"", url,
	    type);

	for (size_t i = 0; r == 0 && i < body.len; i += 3) {
		uint32_t bits = 0;

		for (size_t j = 0; j < 3; j++)
			bits = bits << 8 |
			       (i + j < body.len ? (uint8_t)body.ptr[i + j]
						 : 0);
		for (size_t j = 0; r == 0 && j < 4; j++)
			r = buf_add_char(lines,
			    i + j > body.len
				? '='
				: letters[bits >> (18 - 6 * j) & 63]);
	}
	if (r == 0)
		r = buf_printf(lines, "\"}\n");
	ck_assert_int_eq(r, 0);
}

static const char *
text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

START_TEST(sitemap_answers_every_case_in_order)
{
	char *text = test_data("sitemap/expected.json", NULL);
	json_t *cases = json_loads(text, 0, NULL), *question, *list;
	struct buf lines;
	size_t i;

	buf_init(&lines, 16 << 20);
	json_array_foreach(cases, i, question)
	{
		char path[200];
		size_t len;
		char *body;

		snprintf(path, sizeof(path), "sitemap/%s",
		    text_of(question, "file"));
		body = test_data(path, &len);
		add_question(&lines, text_of(question, "url"),
		    text_of(question, "content_type"), span_of(body, len));
		free(body);
	}
	list = answers(command_sitemap, "sitemap", lines.ptr, lines.len);
	ck_assert_uint_eq(json_array_size(list), 49);
	json_array_foreach(cases, i, question)
	{
		const json_t *expect = json_object_get(question, "expect");
		const json_t *answer = json_array_get(list, i);
		const json_t *want = json_object_get(expect, "type");
		bool error = json_string_length(
				 json_object_get(answer, "error")) > 0;

		ck_assert_msg(json_equal(want, json_object_get(answer, "type")),
		    "%s", text_of(question, "file"));
		ck_assert_msg(json_is_true(
				  json_object_get(expect, "any_error")) ||
				  error == json_is_true(json_object_get(expect,
					       "error")),
		    "%s", text_of(question, "file"));
		ck_assert(json_is_array(json_object_get(answer, "urls")));
		ck_assert(json_is_array(json_object_get(answer, "sitemaps")));
	}
	json_decref(list);
	json_decref(cases);
	buf_fini(&lines);
	free(text);
}
END_TEST

START_TEST(sitemap_tells_all_of_an_entry)
{
	struct buf lines;
	json_t *list, *answer, *want;

	buf_init(&lines, 1 << 20);
	add_question(&lines, "http://a.test/d/s.xml", "text/xml",
	    SPAN("<urlset><url><loc>http://a.test/d/1</loc>"
		 "<lastmod>2024-05-01</lastmod><changefreq>daily</changefreq>"
		 "<priority>0.8</priority></url>"
		 "<url><loc>http://b.test/</loc></url></urlset>"));
	add_question(&lines, "http://a.test/i.xml", "text/xml",
	    SPAN("<sitemapindex><sitemap><loc>http://a.test/s.xml</loc>"
		 "</sitemap></sitemapindex>"));
	add_question(&lines, "http://a.test/i.xml", "text/xml", SPAN("<html>"));
	list = answers(command_sitemap, "sitemap", lines.ptr, lines.len);
	want = json_loads(
	    "[{\"type\":\"urlset\",\"urls\":[{\"loc\":\"http://a.test/d/1\","
	    "\"lastmod\":\"2024-05-01\",\"changefreq\":\"daily\","
	    "\"priority\":\"0.8\",\"in_scope\":true},"
	    "{\"loc\":\"http://b.test/\",\"in_scope\":false}],"
	    "\"sitemaps\":[],\"error\":null},"
	    "{\"type\":\"sitemapindex\",\"urls\":[],\"sitemaps\":"
	    "[{\"loc\":\"http://a.test/"
	    "s.xml\",\"in_scope\":true}],\"error\":null},"
	    "{\"type\":null,\"urls\":[],\"sitemaps\":[],\"error\":"
	    "\"line 1: it is no sitemap, no feed and no list of URLs\"}]",
	    0, NULL);
	ck_assert_ptr_nonnull(want);
	answer = list;
	ck_assert_msg(json_equal(answer, want), "%s",
	    json_dumps(answer, JSON_COMPACT));
	json_decref(list);
	json_decref(want);
	buf_fini(&lines);
}
END_TEST

START_TEST(sitemap_answers_a_bad_line_and_goes_on)
{
	static const char lines[] =
	    "\nnonsense\n[]\n{}\n{\"url\":\"http://h/\"}\n"
	    "{\"url\":\"/x\",\"body_b64\":\"\"}\n"
	    "{\"url\":\"mailto:x\",\"body_b64\":\"\"}\n"
	    "{\"url\":\"http://h/\",\"body_b64\":\"?\"}\n"
	    "{\"url\":\"http://h/\",\"body_b64\":1}\n"
	    "{\"url\":\"http://h/\",\"body_b64\":\"aHR0cDovL2gvMQ==\"}";
	json_t *list = answers(command_sitemap, "sitemap", lines,
		   strlen(lines)),
	       *last;

	ck_assert_uint_eq(json_array_size(list), 10);
	for (size_t i = 0; i < 9; i++) {
		json_t *answer = json_array_get(list, i);

		ck_assert_uint_eq(json_object_size(answer), 1);
		ck_assert_str_ne(text_of(answer, "error"), "");
	}
	last = json_array_get(list, 9);
	ck_assert_str_eq(text_of(last, "type"), "text");
	json_decref(list);
}
END_TEST

START_TEST(sitemap_takes_no_words)
{
	char name[] = "sitemap", word[] = "http://h/";
	char *argv[] = { name, word, NULL };

	ck_assert_int_eq(command_sitemap(2, argv), 2);
}
END_TEST

TEST_MAIN("command_sitemap", sitemap_answers_every_case_in_order,
    sitemap_tells_all_of_an_entry, sitemap_answers_a_bad_line_and_goes_on,
    sitemap_takes_no_words)
