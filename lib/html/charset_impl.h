/*
 * charset_impl - what the files of charset.h share: the tables
 * (charset_table.c), and the decoders and encoders of each kind.
 */
#ifndef LIB_HTML_CHARSET_IMPL_H
#define LIB_HTML_CHARSET_IMPL_H

#include "lib/html/charset.h"
#include "lib/html/charset_index.h"

enum charset_kind {
	CHARSET_KIND_UTF_8,
	CHARSET_KIND_UTF_16,
	CHARSET_KIND_SINGLE,   /* one byte, one character */
	CHARSET_KIND_MULTI,    /* ASCII, and pairs or more of other bytes */
	CHARSET_KIND_STATEFUL, /* iso-2022-jp: escape sequences */
	CHARSET_KIND_REPLACEMENT,
	CHARSET_KIND_USER, /* bytes become U+F780 to U+F7FF */
};

struct charset_row {
	const char *name;
	const char *iconv; /* its name of a single-byte charset, or NULL */
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

enum {
	CHARSET_STEP = 4096, /* bytes in per check of the limit */
	CHARSET_WIDEST = 3,  /* UTF-8 bytes that one byte in may become */
};

struct charset_decoder {
	struct buf out;
	struct charset_indexes indexes;
	/* bytes 0x80 to 0xFF of the single-byte charsets; 0: no character */
	uint16_t *upper[CHARSETS];
};

/* The upper half of a single-byte charset; NULL: no memory. */
const uint16_t *charset_upper(struct charset_decoder *dec,
    enum charset charset);

/*
 * charset_multi.c: append to dec->out until the bytes end or it has passed
 * `max`; its limit leaves room for the one step that may pass it.
 * 0 or -ENOMEM.
 */
MUST_USE int charset_decode_multi(struct charset_decoder *dec,
    enum charset charset, struct span s, uint64_t max);
MUST_USE int charset_decode_2022(struct charset_decoder *dec, struct span s,
    uint64_t max);

#endif
