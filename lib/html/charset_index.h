/*
 * charset_index - the Encoding Standard's indexes: from a pointer, which the
 * bytes of a character make, to its code point, and back
 * (https://encoding.spec.whatwg.org/#indexes).
 *
 * They are asked of glibc's iconv when they are first needed, a pointer at a
 * time, because it has the same tables but for a handful of rows; those are
 * listed in the .c.  So what is malformed, and how much of it is one error,
 * is decided by the Standard's rules (charset_multi.c), not by iconv's.
 * tests/data/encoding/decoded.tsv holds what has to come out.
 */
#ifndef LIB_HTML_CHARSET_INDEX_H
#define LIB_HTML_CHARSET_INDEX_H

#include <stdint.h>

#include "lib/base/attr.h"

enum charset_index_name {
	INDEX_BIG5,
	INDEX_EUC_KR,
	INDEX_GB18030,
	INDEX_GB18030_RANGES, /* four bytes, within the first 65,536 */
	INDEX_JIS0208,
	INDEX_JIS0212,
	CHARSET_INDEXES
};

struct charset_index {
	uint32_t n;
	uint32_t *cps;      /* by pointer; 0: none */
	uint16_t *pointers; /* by code point, plus 1; 0: none */
};

struct charset_indexes {
	struct charset_index index[CHARSET_INDEXES];
};

void charset_indexes_fini(struct charset_indexes *indexes);

/*
 * The index, from the first call on ready to decode.  It lives as long as
 * `indexes`.  A charset that iconv lacks leaves it empty.  0 or -ENOMEM, which
 * is not remembered.
 */
MUST_USE int charset_index(struct charset_indexes *indexes,
    enum charset_index_name name, const struct charset_index **out);

/* 0: none */
static inline uint32_t
charset_index_cp(const struct charset_index *index, uint32_t pointer)
{
	return pointer < index->n ? index->cps[pointer] : 0;
}

/*
 * The pointer that an encoder writes for a code point, -1: none, -ENOMEM.
 * That is the first one, but for what the Standard takes from Big5.
 */
MUST_USE int32_t charset_index_pointer(struct charset_indexes *indexes,
    enum charset_index_name name, uint32_t cp);

#endif
