/*
 * cases - conformance data: one JSON object a line.
 */
#ifndef TESTS_LIB_CASES_H
#define TESTS_LIB_CASES_H

#include <jansson.h>

#include "lib/base/buf.h"
#include "tests/harness.h"

/* Call `check` with each object of tests/data/`path`; returns how many. */
static inline size_t
cases_each(const char *path, void (*check)(const json_t *object, void *arg),
    void *arg)
{
	char *text = test_data(path, NULL);
	char *save = NULL;
	size_t n = 0;

	for (char *line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		json_error_t error;
		json_t *object = json_loads(line, JSON_ALLOW_NUL, &error);

		ck_assert_msg(object != NULL, "%s: %s", path, error.text);
		check(object, arg);
		json_decref(object);
		n++;
	}
	free(text);
	return n;
}

/* The text of a key; empty when it is not there. */
static inline struct span
cases_text(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_string(value) ? span_of(json_string_value(value),
					   json_string_length(value))
				     : SPAN_NONE;
}

/* Scored as `must`: so are all that do not say. */
static inline bool
cases_must(const json_t *object)
{
	struct span level = cases_text(object, "level");

	return level.len == 0 || span_eq(level, SPAN("must"));
}

static inline void
cases_base64(struct span text, struct buf *out)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned bits = 0, n = 0;

	buf_clear(out);
	for (size_t i = 0; i < text.len && text.ptr[i] != '='; i++) {
		const char *at = strchr(letters, text.ptr[i]);

		ck_assert_ptr_nonnull(at);
		bits = bits << 6 | (unsigned)(at - letters);
		n += 6;
		if (n >= 8) {
			n -= 8;
			ck_assert_int_eq(buf_add_char(out, (char)(bits >> n)),
			    0);
		}
	}
}

#endif
