/*
 * span - bytes that somebody else owns: pointer and length, no NUL assumed.
 */
#ifndef LIB_BASE_SPAN_H
#define LIB_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct span {
	const char *ptr;
	size_t len;
};

#define SPAN_NONE     ((struct span){ NULL, 0 })
#define SPAN(literal) ((struct span){ (literal), sizeof(literal) - 1 })
/* For "%.*s": lengths of ours are far below INT_MAX. */
#define SPAN_ARG(s) (int)(s).len, (s).ptr

static inline struct span
span_of(const char *ptr, size_t len)
{
	return (struct span){ ptr, len };
}

static inline struct span
span_from(const char *text)
{
	return (struct span){ text, text ? strlen(text) : 0 };
}

static inline bool
span_eq(struct span a, struct span b)
{
	return a.len == b.len &&
	       (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline char
span_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Equal but for the case of ASCII letters; no locale. */
static inline bool
span_eq_nocase(struct span a, struct span b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++) {
		if (span_lower(a.ptr[i]) != span_lower(b.ptr[i]))
			return false;
	}
	return true;
}

static inline bool
span_starts(struct span s, struct span prefix)
{
	return s.len >= prefix.len &&
	       (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

static inline bool
span_ends(struct span s, struct span suffix)
{
	return s.len >= suffix.len &&
	       (suffix.len == 0 || memcmp(s.ptr + s.len - suffix.len,
				       suffix.ptr, suffix.len) == 0);
}

/* The bytes from `at` to the end; empty when `at` is past it. */
static inline struct span
span_from_at(struct span s, size_t at)
{
	if (at > s.len)
		at = s.len;
	return (struct span){ s.ptr + at, s.len - at };
}

/* Without the white space of HTML and HTTP at both ends. */
static inline struct span
span_trim(struct span s)
{
	while (s.len > 0 && memchr(" \t\n\f\r", s.ptr[0], 5) != NULL) {
		s.ptr++;
		s.len--;
	}
	while (s.len > 0 && memchr(" \t\n\f\r", s.ptr[s.len - 1], 5) != NULL)
		s.len--;
	return s;
}

#endif
