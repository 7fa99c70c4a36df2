/*
 * utf8 - decode and encode; a malformed byte is told, never passed on.
 */
#ifndef LIB_BASE_UTF8_H
#define LIB_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/span.h"

#define UTF8_REPLACEMENT 0xFFFDu

/*
 * The code point at `s` (s.len > 0) and in *len how many bytes it took.
 * Malformed: UTF8_REPLACEMENT, and *len is the "maximal subpart" that the
 * WHATWG decoder would replace by one U+FFFD (Unicode 15, 3.9, table 3-8).
 * *ok tells a real U+FFFD in the input from a made one; it may be NULL.
 */
uint32_t utf8_decode(struct span s, size_t *len, bool *ok);

/* Write `cp` at `out` (room for 4); returns the length.  A surrogate or a
 * value past U+10FFFF is written as U+FFFD. */
size_t utf8_encode(uint32_t cp, char *out);

/* How many leading bytes of `s` are well-formed UTF-8; s.len when all are. */
size_t utf8_valid_prefix(struct span s);

#endif
