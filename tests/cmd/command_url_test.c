#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cmd/command/command.h"
#include "cmd/command/filter.h"
#include "lib/base/buf.h"
#include "tests/harness.h"

static void
write_all(int fd, struct span text)
{
	while (text.len > 0) {
		ssize_t n = write(fd, text.ptr, text.len);

		ck_assert_int_gt(n, 0);
		text = span_from_at(text, (size_t)n);
	}
}

/* A file without a name: gone when it is closed. */
static int
scratch_file(void)
{
	int fd = memfd_create("command_url_test", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

/* What the command says to `input`; the caller frees. */
static char *
run(const char *word, struct span input, int expected_status)
{
	char *argv[] = { (char *)(uintptr_t) "url", (char *)(uintptr_t)word,
		NULL };
	int in = scratch_file(), out = scratch_file();
	off_t len;
	char *text;

	write_all(in, input);
	ck_assert_int_eq(lseek(in, 0, SEEK_SET), 0);
	ck_assert_int_eq(dup2(in, STDIN_FILENO), STDIN_FILENO);
	ck_assert_int_eq(dup2(out, STDOUT_FILENO), STDOUT_FILENO);
	ck_assert_int_eq(command_url(2, argv), expected_status);
	len = lseek(out, 0, SEEK_END);
	text = malloc((size_t)len + 1);
	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(pread(out, text, (size_t)len, 0), len);
	text[len] = '\0';
	close(in);
	close(out);
	return text;
}

static void
says(const char *word, struct span input, const char *expected)
{
	char *got = run(word, input, 0);

	ck_assert_str_eq(got, expected);
	free(got);
}

START_TEST(url_resolve_answers_each_line_in_order)
{
	says("resolve",
	    SPAN("{\"input\":\"a\\u0000b\",\"base\":\"http://h/x/y\"}\n"
		 "{\"input\":\"http://h:b/\",\"base\":null,\"x\":[1]}\n"
		 "{\"input\":\"HTTP://H\"}\r\n"
		 "{\"input\":\"a\",\"base\":\"b\"}\n"
		 "{\"input\":\"foo:\\\"\\\\\",\"encoding\":\"koi8-r\"}\n"),
	    "{\"href\":\"http://h/x/a%00b\"}\n"
	    "{\"failure\":true}\n"
	    "{\"href\":\"http://h/\"}\n"
	    "{\"failure\":true}\n"
	    "{\"href\":\"foo:\\\"\\\\\"}\n");
	says("resolve", SPAN(""), "");
	says("resolve", SPAN("{\"input\":\"http://no-newline\"}"),
	    "{\"href\":\"http://no-newline/\"}\n");
}
END_TEST

START_TEST(url_resolve_takes_the_documents_encoding)
{
	says("resolve",
	    SPAN("{\"input\":\"/\u0436?\u0436\",\"base\":\"http://h/\","
		 "\"encoding\":\" KOI8-R \"}\n"
		 "{\"input\":\"ws://h/?\u0436\",\"encoding\":\"koi8-r\"}\n"
		 "{\"input\":\"http://h/?\u0436\",\"encoding\":null}\n"
		 "{\"input\":\"http://h/?\u00e9\",\"encoding\":\"latin1\"}\n"
		 "{\"input\":\"http://h\",\"encoding\":\"klingon\"}\n"
		 "{\"input\":\"http://h\",\"encoding\":7}\n"),
	    "{\"href\":\"http://h/%D0%B6?%D6\"}\n"
	    "{\"href\":\"ws://h/?%D0%B6\"}\n"
	    "{\"href\":\"http://h/?%D0%B6\"}\n"
	    "{\"href\":\"http://h/?%E9\"}\n"
	    "{\"error\":\"\\\"encoding\\\" has to be a label of the "
	    "Encoding Standard or null\"}\n"
	    "{\"error\":\"\\\"encoding\\\" has to be a label of the "
	    "Encoding Standard or null\"}\n");
}
END_TEST

START_TEST(url_canon_answers_with_the_key)
{
	says("canon",
	    SPAN("{\"input\":\"/b?z&utm_source=1&a#f\","
		 "\"base\":\"https://u:p@H:8443/\"}\n"
		 "{\"input\":\"mailto:a@b\"}\n"
		 "{\"input\":\"http://[\"}\n"),
	    "{\"key\":\"https://h:8443/b?a&z\"}\n"
	    "{\"failure\":true}\n"
	    "{\"failure\":true}\n");
	says("canon",
	    SPAN("{\"input\":\"https://www.a.org/b/?z&a\",\"rules\":"
		 "[\"fold_www\",\"fold_slash\",\"fold_scheme\"]}\n"
		 "{\"input\":\"http://h/?b&a\",\"rules\":[]}\n"
		 "{\"input\":\"http://h/?b&a\",\"rules\":null}\n"
		 "{\"input\":\"http://h/\",\"rules\":[\"fold\"]}\n"
		 "{\"input\":\"http://h/\",\"rules\":\"sort_query\"}\n"),
	    "{\"key\":\"http://a.org/b?z&a\"}\n"
	    "{\"key\":\"http://h/?b&a\"}\n"
	    "{\"key\":\"http://h/?a&b\"}\n"
	    "{\"error\":\"\\\"rules\\\" has to be a list of words of the "
	    "setting canon, or null\"}\n"
	    "{\"error\":\"\\\"rules\\\" has to be a list of words of the "
	    "setting canon, or null\"}\n");
}
END_TEST

START_TEST(url_broken_lines_are_answered_as_errors)
{
	static const struct span lines[] = {
		{ "\n", 1 },
		{ "{\n", 2 },
		{ "[]\n", 3 },
		{ "{}\n", 3 },
		{ "{\"input\":1}\n", 12 },
		{ "{\"input\":\"http://h\",\"base\":1}\n", 30 },
		{ "{\"input\":\"\xFF\"}\n", 14 },
		{ "\0\0{\n", 4 },
		{ "{\"input\":\"http://h\"}}\n", 22 },
	};
	struct buf input;
	char *got, *line;
	size_t n = 0;

	buf_init(&input, 1 << 20);
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		ck_assert_int_eq(buf_add_span(&input, lines[i]), 0);
		ck_assert_int_eq(buf_add_span(&input,
				     SPAN("{\"input\":\"http://h\"}\n")),
		    0);
	}
	got = run("resolve", buf_span(&input), 0);
	for (line = strtok(got, "\n"); line; line = strtok(NULL, "\n"), n++) {
		json_t *answer = json_loads(line, 0, NULL);

		ck_assert_msg(answer != NULL, "%s", line);
		ck_assert_ptr_nonnull(
		    json_object_get(answer, n % 2 ? "href" : "error"));
		json_decref(answer);
	}
	ck_assert_uint_eq(n, 2 * ARRAY_LEN(lines));
	free(got);
	buf_fini(&input);
}
END_TEST

START_TEST(url_lines_of_any_length_are_answered)
{
	const char *after = "\n{\"input\":\"http://h\"}\n";
	struct buf input;
	char *got;

	buf_init(&input, 2 * FILTER_LINE_MAX);
	ck_assert_ptr_nonnull(buf_room(&input, FILTER_LINE_MAX + 100000));
	memset(input.ptr, 'a', FILTER_LINE_MAX + 100000);
	input.len = FILTER_LINE_MAX + 100000;
	ck_assert_int_eq(buf_add(&input, after, strlen(after)), 0);
	says("resolve", buf_span(&input),
	    "{\"error\":\"the line is longer than 32 MiB\"}\n"
	    "{\"href\":\"http://h/\"}\n");
	input.len = FILTER_LINE_MAX + 100000;
	says("resolve", buf_span(&input),
	    "{\"error\":\"the line is longer than 32 MiB\"}\n");

	/* A line of 3 MiB is read, and what is in it refused. */
	memcpy(input.ptr, "{\"input\":\"http://h/", 19);
	input.len = 3u << 20;
	ck_assert_int_eq(buf_add_span(&input, SPAN("\"}\n")), 0);
	says("resolve", buf_span(&input),
	    "{\"error\":\"the URL is longer than 2 MiB, or its host than "
	    "1024 bytes\"}\n");

	/* The longest URL comes back whole. */
	input.len = 10 + (2u << 20);
	ck_assert_int_eq(buf_add_span(&input, SPAN("\"}\n")), 0);
	got = run("canon", buf_span(&input), 0);
	ck_assert_uint_eq(strlen(got), sizeof("{\"key\":\"\"}") + (2u << 20));
	free(got);
	buf_fini(&input);
}
END_TEST

START_TEST(url_answers_before_it_waits)
{
	char *argv[] = { (char *)(uintptr_t) "url",
		(char *)(uintptr_t) "resolve", NULL };
	int to[2], from[2], status;
	char answer[100];
	pid_t pid;

	ck_assert_int_eq(pipe2(to, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(from, O_CLOEXEC), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		dup2(to[0], STDIN_FILENO);
		dup2(from[1], STDOUT_FILENO);
		close(to[1]);
		_exit(command_url(2, argv));
	}
	close(from[1]);
	for (int i = 0; i < 3; i++) {
		/* Would hang, and be failed by the time limit. */
		write_all(to[1], SPAN("{\"input\":\"http://h\"}\n"));
		ck_assert_int_eq(read(from[0], answer, sizeof(answer)),
		    (int)strlen("{\"href\":\"http://h/\"}\n"));
	}
	close(to[1]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(url_says_how_it_is_used_and_what_failed)
{
	char *none[] = { (char *)(uintptr_t) "url", NULL };
	char *wrong[] = { (char *)(uintptr_t) "url",
		(char *)(uintptr_t) "resolv", NULL };
	char *more[] = { (char *)(uintptr_t) "url",
		(char *)(uintptr_t) "resolve", (char *)(uintptr_t) "http://h",
		NULL };
	char *fine[] = { (char *)(uintptr_t) "url",
		(char *)(uintptr_t) "resolve", NULL };

	ck_assert_int_eq(command_url(1, none), 2);
	ck_assert_int_eq(command_url(2, wrong), 2);
	ck_assert_int_eq(command_url(3, more), 2);
	/* A folder cannot be read from, and /dev/full is full. */
	ck_assert_int_eq(dup2(open("/", O_RDONLY), STDIN_FILENO), STDIN_FILENO);
	ck_assert_int_eq(command_url(2, fine), 1);
	ck_assert_int_eq(dup2(open("/dev/full", O_WRONLY), STDOUT_FILENO),
	    STDOUT_FILENO);
	ck_assert_int_eq(dup2(open("tests/data/url/resolve.jsonl", O_RDONLY),
			     STDIN_FILENO),
	    STDIN_FILENO);
	ck_assert_int_eq(command_url(2, fine), 1);
}
END_TEST

START_TEST(url_resolves_many_lines_a_second)
{
	const char *line = "{\"input\":\"../img/logo-large.png?v=20261123\","
			   "\"base\":\"https://www.example.org/docs/a/b\"}\n";
	const int n = 50000;
	struct timespec start, end;
	struct buf input;
	char *got;

	buf_init(&input, 1 << 24);
	for (int i = 0; i < n; i++)
		ck_assert_int_eq(buf_add(&input, line, strlen(line)), 0);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	got = run("resolve", buf_span(&input), 0);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	fprintf(stderr, "%.0f lines a second of CPU time\n",
	    n / ((double)(end.tv_sec - start.tv_sec) +
		    (double)(end.tv_nsec - start.tv_nsec) / 1e9));
	/* A disgrace, not a target: sanitizers and busy machines pass. */
	ck_assert_int_lt(end.tv_sec - start.tv_sec, 10);
	free(got);
	buf_fini(&input);
}
END_TEST

TEST_MAIN("command_url", url_resolve_answers_each_line_in_order,
    url_resolve_takes_the_documents_encoding, url_canon_answers_with_the_key,
    url_broken_lines_are_answered_as_errors,
    url_lines_of_any_length_are_answered, url_answers_before_it_waits,
    url_says_how_it_is_used_and_what_failed, url_resolves_many_lines_a_second)
