/*
 * charset_impl - the tables behind charset.h (charset_table.c).
 */
#ifndef LIB_HTML_CHARSET_IMPL_H
#define LIB_HTML_CHARSET_IMPL_H

#include "lib/html/charset.h"

enum charset_kind {
	CHARSET_KIND_UTF_8,
	CHARSET_KIND_UTF_16,
	CHARSET_KIND_SINGLE,   /* one byte, one character */
	CHARSET_KIND_MULTI,    /* ASCII, and pairs or more of other bytes */
	CHARSET_KIND_STATEFUL, /* escape sequences */
	CHARSET_KIND_REPLACEMENT,
	CHARSET_KIND_USER, /* bytes become U+F780 to U+F7FF */
};

struct charset_row {
	const char *name;
	const char *decode; /* iconv's name; NULL: decoded here */
	const char *encode; /* likewise, where it is another; NULL: as decode */
	enum charset_kind kind;
};
extern const struct charset_row charset_rows[CHARSETS];

/* Where the Standard's single-byte indexes and iconv's differ. */
struct charset_patch {
	enum charset charset;
	uint8_t byte;
	uint16_t cp;
};
extern const struct charset_patch charset_patches[];
extern const size_t charset_n_patches;

struct charset_label {
	const char *label;
	enum charset charset;
};
/* In the order of strcmp(). */
extern const struct charset_label charset_labels[];
extern const size_t charset_n_labels;

#endif
