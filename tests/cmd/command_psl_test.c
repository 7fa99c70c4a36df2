#include <fcntl.h>
#include <jansson.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cmd/command/command.h"
#include "lib/base/attr.h"
#include "tests/harness.h"

/*
 * Run the command over these lines: a file with its answers.  Check has
 * forked, so standard input and output are ours to change.
 */
static FILE *
answers(const char *lines, size_t len)
{
	static char name[] = "psl";
	char *argv[] = { name, NULL };
	int in = memfd_create("in", MFD_CLOEXEC);
	int out = memfd_create("out", MFD_CLOEXEC);
	FILE *file;

	ck_assert(in >= 0 && out >= 0);
	ck_assert_int_eq(write(in, lines, len), (ssize_t)len);
	ck_assert_int_eq(lseek(in, 0, SEEK_SET), 0);
	ck_assert_int_eq(dup2(in, STDIN_FILENO), STDIN_FILENO);
	ck_assert_int_eq(dup2(out, STDOUT_FILENO), STDOUT_FILENO);
	ck_assert_int_eq(command_psl(1, argv), 0);
	ck_assert_int_eq(lseek(out, 0, SEEK_SET), 0);
	file = fdopen(out, "r");
	ck_assert_ptr_nonnull(file);
	return file;
}

START_TEST(psl_answers_all_cases_in_order)
{
	size_t len, run = 0;
	char *text = test_data("psl/psl.jsonl", &len), *at = text;
	FILE *out = answers(text, len);
	char *line = NULL;
	size_t cap = 0;

	while (getline(&line, &cap, out) > 0) {
		json_t *answer = json_loads(line, 0, NULL);
		json_t *asked = json_loads(at, JSON_DISABLE_EOF_CHECK, NULL);

		ck_assert_msg(json_is_object(answer), "%s", line);
		ck_assert_msg(json_equal(json_object_get(answer, "registrable"),
				  json_object_get(asked, "registrable")),
		    "%.*s: %s", (int)strcspn(at, "\n"), at, line);
		at += strcspn(at, "\n") + 1;
		json_decref(answer);
		json_decref(asked);
		run++;
	}
	ck_assert_uint_eq(run, 78);
	fclose(out);
	free(line);
	free(text);
}
END_TEST

START_TEST(psl_answers_broken_lines_as_errors)
{
	static const char lines[] = "{}\n{\"domain\":1}\n[]\n{\n"
				    "{\"domain\":\"a\\u0000.b.com\"}\n"
				    "{\"domain\":\"A.B.CO.UK.\"}\n";
	static const char *const expected[] = { "error", "error", "error",
		"error", "registrable", "registrable" };
	FILE *out = answers(lines, sizeof(lines) - 1);
	char line[256];
	size_t n = 0;

	for (; fgets(line, sizeof(line), out) != NULL; n++) {
		ck_assert_uint_lt(n, ARRAY_LEN(expected));
		ck_assert_ptr_nonnull(strstr(line, expected[n]));
	}
	ck_assert_uint_eq(n, ARRAY_LEN(expected));
	ck_assert_str_eq(line, "{\"registrable\":\"b.co.uk\"}\n");
	fclose(out);
}
END_TEST

START_TEST(psl_takes_no_words)
{
	static char name[] = "psl", word[] = "example.org";
	char *argv[] = { name, word, NULL };

	ck_assert_int_eq(command_psl(2, argv), 2);
}
END_TEST

TEST_MAIN("command_psl", psl_answers_all_cases_in_order,
    psl_answers_broken_lines_as_errors, psl_takes_no_words)
