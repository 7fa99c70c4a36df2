/*
 * The decoders of charsets whose characters take several bytes, each as the
 * Encoding Standard has it.  A byte of ASCII behind a broken character is
 * itself: it must not swallow a '<' or '"'.
 */
#include <errno.h>

#include "lib/base/utf8.h"
#include "lib/html/charset_impl.h"

enum {
	EUDC = 8836, /* of shift_jis: characters of users, from U+E000 */
	EUDC_END = 10716,
};

/* The indexes of the charset at hand. */
struct multi {
	const struct charset_index *index;
	const struct charset_index *second; /* jis0212, or gb18030's ranges */
};

/* One character from the front of s, at most `len` bytes, into *at: how many
 * bytes it took.  ASCII is not asked for. */
typedef size_t multi_char(const struct multi *m, const unsigned char *s,
    size_t len, char **at);

static void
multi_put(char **at, uint32_t cp)
{
	*at += utf8_encode(cp, *at);
}

static bool
multi_within(unsigned char c, unsigned char first, unsigned char last)
{
	return c >= first && c <= last;
}

/* A pair without a character: the second byte counts with it, unless it is
 * ASCII. */
static size_t
multi_broken(const unsigned char *s, size_t len, char **at)
{
	multi_put(at, UTF8_REPLACEMENT);
	return len >= 2 && s[1] >= 0x80 ? 2 : 1;
}

static size_t
multi_alone(char **at, uint32_t cp)
{
	multi_put(at, cp);
	return 1;
}

static size_t
multi_big5(const struct multi *m, const unsigned char *s, size_t len, char **at)
{
	uint32_t pointer, cp = 0;

	if (!multi_within(s[0], 0x81, 0xFE))
		return multi_alone(at, UTF8_REPLACEMENT);
	if (len < 2 ||
	    !(multi_within(s[1], 0x40, 0x7E) || multi_within(s[1], 0xA1, 0xFE)))
		return multi_broken(s, len, at);
	pointer = (s[0] - 0x81u) * 157 + s[1] - (s[1] < 0x7F ? 0x40 : 0x62);
	switch (pointer) {
	case 1133:
	case 1135:
		multi_put(at, 0xCA);
		cp = pointer == 1133 ? 0x304 : 0x30C;
		break;
	case 1164:
	case 1166:
		multi_put(at, 0xEA);
		cp = pointer == 1164 ? 0x304 : 0x30C;
		break;
	default:
		cp = charset_index_cp(m->index, pointer);
		break;
	}
	if (cp == 0)
		return multi_broken(s, len, at);
	multi_put(at, cp);
	return 2;
}

static size_t
multi_euc_kr(const struct multi *m, const unsigned char *s, size_t len,
    char **at)
{
	uint32_t cp = 0;

	if (!multi_within(s[0], 0x81, 0xFE))
		return multi_alone(at, UTF8_REPLACEMENT);
	if (len >= 2 && multi_within(s[1], 0x41, 0xFE))
		cp = charset_index_cp(m->index,
		    (s[0] - 0x81u) * 190 + s[1] - 0x41);
	if (cp == 0)
		return multi_broken(s, len, at);
	multi_put(at, cp);
	return 2;
}

static size_t
multi_shift_jis(const struct multi *m, const unsigned char *s, size_t len,
    char **at)
{
	uint32_t pointer, cp;

	if (s[0] == 0x80)
		return multi_alone(at, 0x80);
	if (multi_within(s[0], 0xA1, 0xDF))
		return multi_alone(at, 0xFF61u + s[0] - 0xA1);
	if (s[0] == 0xA0 || s[0] > 0xFC)
		return multi_alone(at, UTF8_REPLACEMENT);
	if (len < 2 ||
	    !(multi_within(s[1], 0x40, 0x7E) || multi_within(s[1], 0x80, 0xFC)))
		return multi_broken(s, len, at);
	pointer = (s[0] - (s[0] < 0xA0 ? 0x81u : 0xC1u)) * 188 + s[1] -
		  (s[1] < 0x7F ? 0x40 : 0x41);
	if (pointer >= EUDC && pointer < EUDC_END)
		cp = 0xE000 + pointer - EUDC;
	else
		cp = charset_index_cp(m->index, pointer);
	if (cp == 0)
		return multi_broken(s, len, at);
	multi_put(at, cp);
	return 2;
}

static size_t
multi_euc_jp(const struct multi *m, const unsigned char *s, size_t len,
    char **at)
{
	uint32_t cp = 0;

	if (s[0] != 0x8E && s[0] != 0x8F && !multi_within(s[0], 0xA1, 0xFE))
		return multi_alone(at, UTF8_REPLACEMENT);
	if (s[0] == 0x8F && len >= 2 && multi_within(s[1], 0xA1, 0xFE)) {
		if (len >= 3 && multi_within(s[2], 0xA1, 0xFE))
			cp = charset_index_cp(m->second,
			    (s[1] - 0xA1u) * 94 + s[2] - 0xA1);
		if (cp != 0) {
			multi_put(at, cp);
			return 3;
		}
		return 1 + multi_broken(s + 1, len - 1, at);
	}
	if (len >= 2 && s[0] == 0x8E && multi_within(s[1], 0xA1, 0xDF))
		cp = 0xFF61u + s[1] - 0xA1;
	else if (len >= 2 && s[0] >= 0xA1 && multi_within(s[1], 0xA1, 0xFE))
		cp = charset_index_cp(m->index,
		    (s[0] - 0xA1u) * 94 + s[1] - 0xA1);
	if (cp == 0)
		return multi_broken(s, len, at);
	multi_put(at, cp);
	return 2;
}

/* Four bytes: a character by its number. */
static uint32_t
multi_gb18030_cp(const struct multi *m, const unsigned char *s)
{
	uint32_t pointer = (((s[0] - 0x81u) * 10 + s[1] - 0x30) * 126 + s[2] -
			       0x81) *
			       10 +
			   s[3] - 0x30;

	if (pointer >= 189000 && pointer <= 1237575)
		return 0x10000 + pointer - 189000;
	return charset_index_cp(m->second, pointer);
}

static size_t
multi_gb18030(const struct multi *m, const unsigned char *s, size_t len,
    char **at)
{
	uint32_t cp = 0;

	if (s[0] == 0x80)
		return multi_alone(at, 0x20AC);
	if (s[0] == 0xFF)
		return multi_alone(at, UTF8_REPLACEMENT);
	if (len >= 2 && multi_within(s[1], 0x30, 0x39)) {
		size_t n = 2;

		if (len > 2 && multi_within(s[2], 0x81, 0xFE))
			n = 3;
		if (n == 3 && len > 3 && multi_within(s[3], 0x30, 0x39)) {
			n = 4;
			cp = multi_gb18030_cp(m, s);
		}
		multi_put(at, cp != 0 ? cp : UTF8_REPLACEMENT);
		/* Broken by what follows: only the first byte was in vain.
		 * Broken by the end: all that was begun. */
		return n == 4 || n == len ? n : 1;
	}
	if (len >= 2 && s[1] != 0x7F && multi_within(s[1], 0x40, 0xFE))
		cp = charset_index_cp(m->index,
		    (s[0] - 0x81u) * 190 + s[1] - (s[1] < 0x7F ? 0x40 : 0x41));
	if (cp == 0)
		return multi_broken(s, len, at);
	multi_put(at, cp);
	return 2;
}

static int
multi_run(struct charset_decoder *dec, const struct multi *m,
    multi_char *decode, struct span bytes, uint64_t max)
{
	const unsigned char *s = (const unsigned char *)bytes.ptr;
	struct buf *out = &dec->out;
	size_t i = 0;

	while (i < bytes.len && out->len <= max) {
		size_t left = bytes.len - i;
		size_t stop = i + (left < CHARSET_STEP ? left : CHARSET_STEP);
		char *at = buf_room(out,
		    (size_t)CHARSET_STEP * CHARSET_WIDEST + 16);

		if (at == NULL)
			return -ENOMEM;
		while (i < stop) {
			if (s[i] < 0x80)
				*at++ = (char)s[i++];
			else
				i += decode(m, s + i, bytes.len - i, &at);
		}
		out->len = (size_t)(at - out->ptr);
	}
	return 0;
}

int
charset_decode_multi(struct charset_decoder *dec, enum charset charset,
    struct span s, uint64_t max)
{
	struct charset_indexes *all = &dec->indexes;
	struct multi m = { 0 };
	multi_char *decode = NULL;
	int r = -EINVAL;

	switch (charset) {
	case CHARSET_BIG5:
		decode = multi_big5;
		r = charset_index(all, INDEX_BIG5, &m.index);
		break;
	case CHARSET_EUC_KR:
		decode = multi_euc_kr;
		r = charset_index(all, INDEX_EUC_KR, &m.index);
		break;
	case CHARSET_SHIFT_JIS:
		decode = multi_shift_jis;
		r = charset_index(all, INDEX_JIS0208, &m.index);
		break;
	case CHARSET_EUC_JP:
		decode = multi_euc_jp;
		r = charset_index(all, INDEX_JIS0208, &m.index);
		if (r == 0)
			r = charset_index(all, INDEX_JIS0212, &m.second);
		break;
	case CHARSET_GBK:
	case CHARSET_GB18030:
		decode = multi_gb18030;
		r = charset_index(all, INDEX_GB18030, &m.index);
		if (r == 0)
			r = charset_index(all, INDEX_GB18030_RANGES, &m.second);
		break;
	default:
		break;
	}
	must(decode != NULL);
	return r < 0 ? r : multi_run(dec, &m, decode, s, max);
}

/* iso-2022-jp: what the last escape sequence chose. */
enum escape {
	ESCAPE_NONE, /* it is none that is known */
	ESCAPE_ASCII,
	ESCAPE_ROMAN,
	ESCAPE_KATAKANA,
	ESCAPE_JIS0208,
};

static enum escape
escape_of(const unsigned char *s, size_t len)
{
	if (len < 3)
		return ESCAPE_NONE;
	if (s[1] == '(')
		return s[2] == 'B'   ? ESCAPE_ASCII
		       : s[2] == 'J' ? ESCAPE_ROMAN
		       : s[2] == 'I' ? ESCAPE_KATAKANA
				     : ESCAPE_NONE;
	return s[1] == '$' && (s[2] == '@' || s[2] == 'B') ? ESCAPE_JIS0208
							   : ESCAPE_NONE;
}

/* One byte in a state that takes one at a time. */
static uint32_t
escape_single(enum escape state, unsigned char c)
{
	if (state == ESCAPE_KATAKANA)
		return multi_within(c, 0x21, 0x5F) ? 0xFF61u + c - 0x21
						   : UTF8_REPLACEMENT;
	if (state == ESCAPE_ROMAN && c == 0x5C)
		return 0xA5;
	if (state == ESCAPE_ROMAN && c == 0x7E)
		return 0x203E;
	return c >= 0x80 || c == 0x0E || c == 0x0F ? UTF8_REPLACEMENT : c;
}

/* What is at s in the state of two-byte characters: how many bytes it took. */
static size_t
escape_pair(const struct charset_index *index, const unsigned char *s,
    size_t len, char **at)
{
	uint32_t cp = 0;

	if (!multi_within(s[0], 0x21, 0x7E))
		return multi_alone(at, UTF8_REPLACEMENT);
	if (len >= 2 && multi_within(s[1], 0x21, 0x7E))
		cp = charset_index_cp(index, (s[0] - 0x21u) * 94 + s[1] - 0x21);
	multi_put(at, cp != 0 ? cp : UTF8_REPLACEMENT);
	/* An escape that comes in between is one still. */
	return len >= 2 && s[1] != 0x1B ? 2 : 1;
}

int
charset_decode_2022(struct charset_decoder *dec, struct span bytes,
    uint64_t max)
{
	const unsigned char *s = (const unsigned char *)bytes.ptr;
	enum escape state = ESCAPE_ASCII;
	const struct charset_index *index;
	struct buf *out = &dec->out;
	bool escaped = false; /* and nothing came since */
	int r = charset_index(&dec->indexes, INDEX_JIS0208, &index);

	for (size_t i = 0; i < bytes.len && out->len <= max && r == 0;) {
		size_t left = bytes.len - i;
		size_t stop = i + (left < CHARSET_STEP ? left : CHARSET_STEP);
		char *at = buf_room(out,
		    (size_t)CHARSET_STEP * CHARSET_WIDEST + 16);

		if (at == NULL)
			return -ENOMEM;
		while (i < stop) {
			enum escape next = ESCAPE_NONE;

			if (s[i] == 0x1B)
				next = escape_of(s + i, bytes.len - i);
			if (next != ESCAPE_NONE) {
				/* Two in a row hide text from who filters. */
				if (escaped)
					multi_put(&at, UTF8_REPLACEMENT);
				escaped = true;
				state = next;
				i += 3;
				continue;
			}
			escaped = false;
			if (s[i] == 0x1B)
				i += multi_alone(&at, UTF8_REPLACEMENT);
			else if (state == ESCAPE_JIS0208)
				i += escape_pair(index, s + i, bytes.len - i,
				    &at);
			else
				i += multi_alone(&at,
				    escape_single(state, s[i]));
		}
		out->len = (size_t)(at - out->ptr);
	}
	return r;
}
