/*
 * answers - what a line filter says, for the tests of filters.
 */
#ifndef TESTS_CMD_ANSWERS_H
#define TESTS_CMD_ANSWERS_H

#include <jansson.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cmd/command/command.h"
#include "tests/harness.h"

/*
 * Run a filter over these lines: one JSON object for each, in a list that the
 * caller releases.  Check has forked, so standard input and output are ours
 * to change.
 */
static json_t *
answers(command_fn *command, const char *name, const void *lines, size_t len)
{
	char *argv[] = { strdup(name), NULL };
	int in = memfd_create("in", MFD_CLOEXEC);
	int out = memfd_create("out", MFD_CLOEXEC);
	json_t *list = json_array();
	char *line = NULL;
	size_t cap = 0;
	FILE *file;

	ck_assert(in >= 0 && out >= 0);
	ck_assert_int_eq(write(in, lines, len), (ssize_t)len);
	ck_assert_int_eq(lseek(in, 0, SEEK_SET), 0);
	ck_assert_int_eq(dup2(in, STDIN_FILENO), STDIN_FILENO);
	ck_assert_int_eq(dup2(out, STDOUT_FILENO), STDOUT_FILENO);
	ck_assert_int_eq(command(1, argv), 0);

	ck_assert_int_eq(lseek(out, 0, SEEK_SET), 0);
	file = fdopen(out, "r");
	ck_assert_ptr_nonnull(file);
	while (getline(&line, &cap, file) > 0) {
		json_t *answer = json_loads(line, JSON_ALLOW_NUL, NULL);

		ck_assert_msg(json_is_object(answer), "%.300s", line);
		json_array_append_new(list, answer);
	}
	fclose(file);
	close(in);
	free(line);
	free(argv[0]);
	return list;
}

#endif
