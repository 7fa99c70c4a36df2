/*
 * fuzz - what the harnesses share.
 *
 * A harness is one function over bytes that anybody may have sent.  It is run
 * in two ways: libFuzzer drives it for `make fuzz`, and driver.c for
 * `make check`, over what is kept and some mutations of it.  No crash is the
 * least of it: a harness states what holds of every input, by fuzz_holds().
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/buf.h"
#include "lib/base/utf8.h"

/* libFuzzer's entry; 0 always. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What has to hold, whatever the input. */
#define fuzz_holds(condition)                                                  \
	do {                                                                   \
		if (UNLIKELY(!(condition))) {                                  \
			fprintf(stderr, "%s:%d: does not hold: %s\n",          \
			    __FILE__, __LINE__, #condition);                   \
			abort();                                               \
		}                                                              \
	} while (0)

/*
 * An input is parts that a NUL ends, and a rest that may hold anything; so a
 * seed is put together by printf, and a mutation in one part leaves the
 * others alone.
 */
struct fuzz_input {
	struct span left;
};

static inline struct fuzz_input
fuzz_input(const uint8_t *data, size_t size)
{
	return (struct fuzz_input){ span_of((const char *)data, size) };
}

/* The bytes up to the next NUL; without one all that is left. */
static inline struct span
fuzz_part(struct fuzz_input *in)
{
	const char *end = in->left.len > 0
			      ? memchr(in->left.ptr, '\0', in->left.len)
			      : NULL;
	size_t len = end ? (size_t)(end - in->left.ptr) : in->left.len;
	struct span part = span_of(in->left.ptr, len);

	in->left = span_from_at(in->left, end ? len + 1 : len);
	return part;
}

/* The next byte; 0 when there is none. */
static inline uint8_t
fuzz_byte(struct fuzz_input *in)
{
	uint8_t byte = in->left.len > 0 ? (uint8_t)in->left.ptr[0] : 0;

	in->left = span_from_at(in->left, 1);
	return byte;
}

/* In memory of its own of exactly its size, so that a read past either end is
 * seen.  The caller frees. */
static inline char *
fuzz_exact(struct span bytes)
{
	char *copy = malloc(bytes.len ? bytes.len : 1);

	fuzz_holds(copy != NULL);
	if (bytes.len > 0)
		memcpy(copy, bytes.ptr, bytes.len);
	return copy;
}

static inline bool
fuzz_is_utf8(struct span bytes)
{
	return utf8_valid_prefix(bytes) == bytes.len;
}

/* Is `part` a slice of `whole`?  Empty ones are. */
static inline bool
fuzz_is_within(struct span part, struct span whole)
{
	return part.len == 0 ||
	       (part.ptr >= whole.ptr && part.len <= whole.len &&
		   part.ptr <= whole.ptr + (whole.len - part.len));
}

#endif
