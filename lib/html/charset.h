/*
 * charset - which encoding a page is in, and its text as UTF-8.
 *
 * Names, labels and their order of precedence are those of the WHATWG
 * Encoding and HTML Standards (https://encoding.spec.whatwg.org/,
 * html.spec.whatwg.org 13.2.3): what a browser would show is what we read.
 */
#ifndef LIB_HTML_CHARSET_H
#define LIB_HTML_CHARSET_H

#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"

enum charset {
	CHARSET_NONE,
	CHARSET_BIG5,
	CHARSET_EUC_JP,
	CHARSET_EUC_KR,
	CHARSET_GB18030,
	CHARSET_GBK,
	CHARSET_IBM866,
	CHARSET_ISO_2022_JP,
	CHARSET_ISO_8859_10,
	CHARSET_ISO_8859_13,
	CHARSET_ISO_8859_14,
	CHARSET_ISO_8859_15,
	CHARSET_ISO_8859_16,
	CHARSET_ISO_8859_2,
	CHARSET_ISO_8859_3,
	CHARSET_ISO_8859_4,
	CHARSET_ISO_8859_5,
	CHARSET_ISO_8859_6,
	CHARSET_ISO_8859_7,
	CHARSET_ISO_8859_8,
	CHARSET_ISO_8859_8_I,
	CHARSET_KOI8_R,
	CHARSET_KOI8_U,
	CHARSET_MACINTOSH,
	CHARSET_REPLACEMENT, /* not to be decoded: an attack on readers */
	CHARSET_SHIFT_JIS,
	CHARSET_UTF_16BE,
	CHARSET_UTF_16LE,
	CHARSET_UTF_8,
	CHARSET_WINDOWS_1250,
	CHARSET_WINDOWS_1251,
	CHARSET_WINDOWS_1252,
	CHARSET_WINDOWS_1253,
	CHARSET_WINDOWS_1254,
	CHARSET_WINDOWS_1255,
	CHARSET_WINDOWS_1256,
	CHARSET_WINDOWS_1257,
	CHARSET_WINDOWS_1258,
	CHARSET_WINDOWS_874,
	CHARSET_X_MAC_CYRILLIC,
	CHARSET_X_USER_DEFINED,
	CHARSETS
};
/* The Standard's name in lower case; NULL for CHARSET_NONE. */
const char *charset_name(enum charset charset);

/* By one of the Standard's 228 labels, without case and white space around;
 * CHARSET_NONE: no such label. */
enum charset charset_of_label(struct span label);

/* In order of precedence. */
enum charset_from {
	CHARSET_FROM_BOM,
	CHARSET_FROM_HEADER,
	CHARSET_FROM_META,
	CHARSET_FROM_GUESS,   /* nobody says; by the bytes (charset_guess.h) */
	CHARSET_FROM_DEFAULT, /* nobody says: windows-1252 */
};
/* "bom" "header" "meta" "guess" "default" */
const char *charset_from_name(enum charset_from from);

struct charset_sniffed {
	enum charset charset;
	enum charset_from from;
	size_t bom; /* bytes of it at the front, not to be decoded */
};

/*
 * Decide the encoding of `bytes`, which UTF-8 alone is guessed by here.
 * `label` is the charset of the Content-Type, or empty.  `html`: look for a
 * meta in the first 1024 bytes.
 */
struct charset_sniffed charset_sniff(struct span bytes, struct span label,
    bool html);

/* The charset that the content of a <meta http-equiv=content-type> names. */
enum charset charset_of_meta_content(struct span content);
/* What a meta means when it names `charset`: it cannot be UTF-16, or we could
 * not have read it. */
enum charset charset_by_meta(enum charset charset);

/* The Standard's tables, each made when it is first needed: some milliseconds
 * and 100 KB of an encoding of East Asia.  NULL: no memory. */
struct charset_decoder;
struct charset_decoder *charset_decoder_new(void);
void charset_decoder_free(struct charset_decoder *dec);

/*
 * `bytes` as valid UTF-8, each malformed part as U+FFFD, at most `max` bytes
 * of it (*cut: there was more).  *out is borrowed: from `bytes` when these are
 * UTF-8 already, else until the next call.
 * 0, -ENOMEM.
 */
MUST_USE int charset_decode(struct charset_decoder *dec, enum charset charset,
    struct span bytes, uint64_t max, struct span *out, bool *cut);

/* Is a URL's query written in this encoding by pages that are in it? */
bool charset_in_queries(enum charset charset);

/*
 * Append `utf8` to `out`, what is not ASCII in the bytes of `charset`,
 * percent-encoded as a URL's query; a character that it lacks as %26%23N%3B.
 * 0, -EMSGSIZE, -ENOMEM.
 */
MUST_USE int charset_encode_query(struct charset_decoder *dec,
    enum charset charset, struct span utf8, struct buf *out);

#endif
