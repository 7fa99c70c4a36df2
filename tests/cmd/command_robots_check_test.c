#include "lib/base/buf.h"
#include "tests/cmd/answers.h"

static json_t *
answer_to(const char *line)
{
	json_t *list = answers(command_robots_check, "robots-check", line,
	    strlen(line));
	json_t *answer;

	ck_assert_uint_eq(json_array_size(list), 1);
	answer = json_incref(json_array_get(list, 0));
	json_decref(list);
	return answer;
}

static bool
is_optional(const json_t *question)
{
	const char *level = json_string_value(
	    json_object_get(question, "level"));

	return level != NULL && strcmp(level, "optional") == 0;
}

START_TEST(robots_check_answers_every_case_in_order)
{
	size_t len, at = 0;
	char *data = test_data("robots/cases.jsonl", &len);
	json_t *list = answers(command_robots_check, "robots-check", data, len);
	char *rest = data, *line;

	while ((line = strsep(&rest, "\n")) != NULL && *line != '\0') {
		static const char *const keys[] = { "allowed", "sitemaps",
			"crawl_delay" };
		json_t *question = json_loads(line, JSON_ALLOW_NUL, NULL);
		json_t *answer = json_array_get(list, at++);

		for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
			json_t *want = json_object_get(question, keys[i]);

			ck_assert_ptr_nonnull(json_object_get(answer, keys[i]));
			ck_assert_msg(want == NULL || is_optional(question) ||
					  json_equal(want,
					      json_object_get(answer, keys[i])),
			    "%s", line);
		}
		json_decref(question);
	}
	ck_assert_uint_eq(at, 198);
	ck_assert_uint_eq(json_array_size(list), 198);
	json_decref(list);
	free(data);
}
END_TEST

START_TEST(robots_check_answers_a_bad_line_and_goes_on)
{
	static const char *const bad[] = { "", "nonsense", "[]", "{}", "null",
		"{\"agent\":\"a\",\"url\":\"http://h/\"}",
		"{\"robots\":\"\",\"agent\":\"a\",\"url\":\"mailto:x\"}",
		"{\"robots\":\"\",\"agent\":\"a\",\"url\":\"/x\"}",
		"{\"robots\":\"\",\"agent\":1,\"url\":\"http://h/\"}",
		"{\"robots_b64\":\"?\",\"agent\":\"a\",\"url\":\"http://h/\"}",
		"{\"robots\":\"\",\"agent\":\"a\",\"url\":\"http://h/\","
		"\"status\":\"200\"}",
		"{\"robots\":\"\",\"agent\":\"a\",\"url\":\"http://h/\","
		"\"repeat_before\":[{\"text\":\"x\"}]}",
		"{\"robots\":\"\",\"agent\":\"a\",\"url\":\"http://h/\","
		"\"repeat_before\":[{\"text\":\"x\",\"times\":-1}]}" };
	static const char good[] = "{\"robots\":\"\",\"agent\":\"a\","
				   "\"url\":\"http://h/\"}";

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct buf lines;
		json_t *list;

		buf_init(&lines, 1000);
		ck_assert_int_eq(buf_printf(&lines, "%s\n%s\n", bad[i], good),
		    0);
		list = answers(command_robots_check, "robots-check", lines.ptr,
		    lines.len);
		ck_assert_msg(json_array_size(list) == 2, "%s", bad[i]);
		ck_assert_msg(json_object_get(json_array_get(list, 0),
				  "error") != NULL,
		    "%s", bad[i]);
		ck_assert(json_is_true(
		    json_object_get(json_array_get(list, 1), "allowed")));
		json_decref(list);
		buf_fini(&lines);
	}
}
END_TEST

START_TEST(robots_check_reads_as_much_as_a_crawl_would)
{
	/* What stands in front of the rule leaves 13 bytes of 512 KiB: enough
	 * for the first, not for the second, of which nothing may count. */
	static const struct {
		const char *rule;
		bool allowed;
	} cases[] = {
		{ "disallow: /x", false },
		{ "disallow: /xy", true },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char line[400];
		json_t *answer;

		snprintf(line, sizeof(line),
		    "{\"robots\":\"%s\\n\",\"agent\":\"a\","
		    "\"url\":\"http://h/xy\",\"repeat_before\":["
		    "{\"text\":\"user-agent:  *\\r\\n\",\"times\":1},"
		    "{\"text\":\"# sixteen bytes\\n\",\"times\":32766},"
		    "{\"text\":\"#\\n\",\"times\":1},"
		    "{\"text\":\"\\n\",\"times\":1}]}",
		    cases[i].rule);
		answer = answer_to(line);
		ck_assert_msg(json_is_boolean(
				  json_object_get(answer, "allowed")) &&
				  json_is_true(json_object_get(answer,
				      "allowed")) == cases[i].allowed,
		    "%s", cases[i].rule);
		json_decref(answer);
	}
}
END_TEST

START_TEST(robots_check_repairs_what_json_cannot_carry)
{
	/* "sitemap: http://h/\xFF\n" */
	json_t *answer = answer_to(
	    "{\"robots_b64\":\"c2l0ZW1hcDogaHR0cDovL2gv/wo=\","
	    "\"agent\":\"a\",\"url\":\"http://h/\"}");
	json_t *sitemaps = json_object_get(answer, "sitemaps");

	ck_assert_str_eq(json_string_value(json_array_get(sitemaps, 0)),
	    "http://h/\xEF\xBF\xBD");
	json_decref(answer);
}
END_TEST

START_TEST(robots_check_takes_no_words)
{
	char name[] = "robots-check", word[] = "http://h/";
	char *argv[] = { name, word, NULL };

	ck_assert_int_eq(command_robots_check(2, argv), 2);
}
END_TEST

TEST_MAIN("robots_check", robots_check_answers_every_case_in_order,
    robots_check_answers_a_bad_line_and_goes_on,
    robots_check_reads_as_much_as_a_crawl_would,
    robots_check_repairs_what_json_cannot_carry, robots_check_takes_no_words)
