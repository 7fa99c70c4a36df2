/*
 * The encoders of the Encoding Standard, for the queries of URLs: a page that
 * is not in UTF-8 expects them in its own charset.
 */
#include <errno.h>

#include "lib/base/utf8.h"
#include "lib/html/charset_impl.h"

enum {
	/* Doubles of JIS X 0208 that shift_jis does not write. */
	NEC_SELECTED = 8272,
	NEC_SELECTED_END = 8836,
	IBM_EXTENSIONS = 10716,
	JIS0208_ROWS = 94 * 94, /* what two bytes of 94 values reach */
	BMP = 0x10000,
};

bool
charset_in_queries(enum charset charset)
{
	switch (charset_rows[charset].kind) {
	case CHARSET_KIND_SINGLE:
	case CHARSET_KIND_USER:
	case CHARSET_KIND_MULTI:
	case CHARSET_KIND_STATEFUL:
		return true;
	default:
		return false;
	}
}

/* Bytes of an encoded character: most percent-encoded, but the second one of
 * a pair may be a letter.  The URL Standard's "special-query" set. */
static int
encode_put(struct buf *out, const unsigned char *bytes, size_t len)
{
	int r = 0;

	for (size_t i = 0; i < len && r == 0; i++) {
		unsigned char c = bytes[i];

		if (c <= ' ' || c >= 0x7F || c == '"' || c == '#' || c == '<' ||
		    c == '>' || c == '\'')
			r = buf_printf(out, "%%%02X", c);
		else
			r = buf_add_char(out, (char)c);
	}
	return r;
}

/* What the charset lacks: "&#N;", percent-encoded. */
static int
encode_lack(struct buf *out, uint32_t cp)
{
	return buf_printf(out, "%%26%%23%u%%3B", cp);
}

/*
 * The encoders of one character that is not ASCII write its bytes and return
 * how many; 0: the charset lacks it; -ENOMEM.
 */
static int
encode_single(struct charset_decoder *dec, enum charset charset, uint32_t cp,
    unsigned char *bytes)
{
	const uint16_t *upper = charset_upper(dec, charset);

	if (upper == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < 128; i++) {
		if (upper[i] == cp) {
			bytes[0] = (unsigned char)(0x80 + i);
			return 1;
		}
	}
	return 0;
}

/* What -1, no pointer, and -ENOMEM are to an encoder. */
static int
encode_lacks(int32_t pointer)
{
	return pointer == -1 ? 0 : pointer;
}

static int
encode_big5(struct charset_decoder *dec, uint32_t cp, unsigned char *bytes)
{
	int32_t p = charset_index_pointer(&dec->indexes, INDEX_BIG5, cp);

	if (p < 0)
		return encode_lacks(p);
	bytes[0] = (unsigned char)(p / 157 + 0x81);
	bytes[1] = (unsigned char)(p % 157 + (p % 157 < 0x3F ? 0x40 : 0x62));
	return 2;
}

static int
encode_euc_kr(struct charset_decoder *dec, uint32_t cp, unsigned char *bytes)
{
	int32_t p = charset_index_pointer(&dec->indexes, INDEX_EUC_KR, cp);

	if (p < 0)
		return encode_lacks(p);
	bytes[0] = (unsigned char)(p / 190 + 0x81);
	bytes[1] = (unsigned char)(p % 190 + 0x41);
	return 2;
}

static int
encode_gb18030(struct charset_decoder *dec, uint32_t cp, unsigned char *bytes,
    bool gbk)
{
	int32_t p;

	if (cp == 0xE5E5)
		return 0;
	if (gbk && cp == 0x20AC) {
		bytes[0] = 0x80;
		return 1;
	}
	p = charset_index_pointer(&dec->indexes, INDEX_GB18030, cp);
	if (p >= 0) {
		bytes[0] = (unsigned char)(p / 190 + 0x81);
		bytes[1] = (unsigned char)(p % 190 +
					   (p % 190 < 0x3F ? 0x40 : 0x41));
		return 2;
	}
	if (p != -1 || gbk)
		return encode_lacks(p);
	p = (int32_t)(189000 + cp - BMP);
	if (cp < BMP)
		p = charset_index_pointer(&dec->indexes, INDEX_GB18030_RANGES,
		    cp);
	if (p < 0)
		return encode_lacks(p);
	bytes[0] = (unsigned char)(p / 12600 + 0x81);
	bytes[1] = (unsigned char)(p / 1260 % 10 + 0x30);
	bytes[2] = (unsigned char)(p / 10 % 126 + 0x81);
	bytes[3] = (unsigned char)(p % 10 + 0x30);
	return 4;
}

/* The pointer into JIS X 0208 that a charset of two bytes of 94 values has. */
static int32_t
encode_jis0208(struct charset_decoder *dec, uint32_t cp)
{
	int32_t p = charset_index_pointer(&dec->indexes, INDEX_JIS0208, cp);

	return p < JIS0208_ROWS ? p : -1;
}

static int
encode_euc_jp(struct charset_decoder *dec, uint32_t cp, unsigned char *bytes)
{
	int32_t p;

	if (cp == 0xA5 || cp == 0x203E) {
		bytes[0] = cp == 0xA5 ? 0x5C : 0x7E;
		return 1;
	}
	if (cp >= 0xFF61 && cp <= 0xFF9F) {
		bytes[0] = 0x8E;
		bytes[1] = (unsigned char)(cp - 0xFF61 + 0xA1);
		return 2;
	}
	p = encode_jis0208(dec, cp == 0x2212 ? 0xFF0D : cp);
	if (p < 0)
		return encode_lacks(p);
	bytes[0] = (unsigned char)(p / 94 + 0xA1);
	bytes[1] = (unsigned char)(p % 94 + 0xA1);
	return 2;
}

static int
encode_shift_jis(struct charset_decoder *dec, uint32_t cp, unsigned char *bytes)
{
	const struct charset_index *index;
	int32_t p;
	int r;

	if (cp == 0x80 || cp == 0xA5 || cp == 0x203E) {
		bytes[0] = cp == 0x80 ? 0x80 : cp == 0xA5 ? 0x5C : 0x7E;
		return 1;
	}
	if (cp >= 0xFF61 && cp <= 0xFF9F) {
		bytes[0] = (unsigned char)(cp - 0xFF61 + 0xA1);
		return 1;
	}
	if (cp == 0x2212)
		cp = 0xFF0D;
	p = charset_index_pointer(&dec->indexes, INDEX_JIS0208, cp);
	if (p >= NEC_SELECTED && p < NEC_SELECTED_END) {
		/* Written as one of IBM's extensions, where it is one. */
		r = charset_index(&dec->indexes, INDEX_JIS0208, &index);
		if (r < 0)
			return r;
		p = IBM_EXTENSIONS;
		while (charset_index_cp(index, (uint32_t)p) != cp &&
		       (uint32_t)p < index->n)
			p++;
		if ((uint32_t)p == index->n)
			p = -1;
	}
	if (p < 0)
		return encode_lacks(p);
	bytes[0] = (unsigned char)(p / 188 + (p / 188 < 0x1F ? 0x81 : 0xC1));
	bytes[1] = (unsigned char)(p % 188 + (p % 188 < 0x3F ? 0x40 : 0x41));
	return 2;
}

static int
encode_char(struct charset_decoder *dec, enum charset charset, uint32_t cp,
    unsigned char *bytes)
{
	switch (charset) {
	case CHARSET_BIG5:
		return encode_big5(dec, cp, bytes);
	case CHARSET_EUC_KR:
		return encode_euc_kr(dec, cp, bytes);
	case CHARSET_EUC_JP:
		return encode_euc_jp(dec, cp, bytes);
	case CHARSET_SHIFT_JIS:
		return encode_shift_jis(dec, cp, bytes);
	case CHARSET_GBK:
	case CHARSET_GB18030:
		return encode_gb18030(dec, cp, bytes, charset == CHARSET_GBK);
	default:
		return encode_single(dec, charset, cp, bytes);
	}
}

static int
encode_query(struct charset_decoder *dec, enum charset charset,
    struct span utf8, struct buf *out)
{
	int r = 0;

	while (utf8.len > 0 && r == 0) {
		unsigned char bytes[4];
		size_t n = 0, len;
		uint32_t cp;
		int found;

		while (n < utf8.len && !(utf8.ptr[n] & 0x80))
			n++;
		r = buf_add(out, utf8.ptr, n);
		utf8 = span_from_at(utf8, n);
		if (r < 0 || utf8.len == 0)
			break;
		cp = utf8_decode(utf8, &len, NULL);
		utf8 = span_from_at(utf8, len);
		found = encode_char(dec, charset, cp, bytes);
		if (found > 0)
			r = encode_put(out, bytes, (size_t)found);
		else
			r = found < 0 ? found : encode_lack(out, cp);
	}
	return r;
}

/* iso-2022-jp knows no half-width katakana: the full ones are written. */
static uint32_t
encode_wide_katakana(uint32_t cp)
{
	static const uint16_t wide[] = { 0x3002, 0x300C, 0x300D, 0x3001, 0x30FB,
		0x30F2, 0x30A1, 0x30A3, 0x30A5, 0x30A7, 0x30A9, 0x30E3, 0x30E5,
		0x30E7, 0x30C3, 0x30FC, 0x30A2, 0x30A4, 0x30A6, 0x30A8, 0x30AA,
		0x30AB, 0x30AD, 0x30AF, 0x30B1, 0x30B3, 0x30B5, 0x30B7, 0x30B9,
		0x30BB, 0x30BD, 0x30BF, 0x30C1, 0x30C4, 0x30C6, 0x30C8, 0x30CA,
		0x30CB, 0x30CC, 0x30CD, 0x30CE, 0x30CF, 0x30D2, 0x30D5, 0x30D8,
		0x30DB, 0x30DE, 0x30DF, 0x30E0, 0x30E1, 0x30E2, 0x30E4, 0x30E6,
		0x30E8, 0x30E9, 0x30EA, 0x30EB, 0x30EC, 0x30ED, 0x30EF, 0x30F3,
		0x309B, 0x309C };
	static_assert(ARRAY_LEN(wide) == 0xFF9F - 0xFF61 + 1, "all of them");

	return cp >= 0xFF61 && cp <= 0xFF9F ? wide[cp - 0xFF61] : cp;
}

/* The states of iso-2022-jp's encoder. */
enum escaped {
	ESCAPED_ASCII,
	ESCAPED_ROMAN,
	ESCAPED_JIS0208,
};

static int
encode_escape(struct buf *out, enum escaped *state, enum escaped next)
{
	static const char *const sequences[] = {
		[ESCAPED_ASCII] = "\x1B(B",
		[ESCAPED_ROMAN] = "\x1B(J",
		[ESCAPED_JIS0208] = "\x1B$B",
	};

	if (*state == next)
		return 0;
	*state = next;
	return encode_put(out, (const unsigned char *)sequences[next], 3);
}

/* ASCII is written as it is, as the URL's parser is to find it; but for what
 * would be an escape sequence. */
static int
encode_2022_ascii(struct buf *out, enum escaped *state, char c)
{
	int r = 0;

	if (*state == ESCAPED_JIS0208 ||
	    (*state == ESCAPED_ROMAN && (c == 0x5C || c == 0x7E)))
		r = encode_escape(out, state, ESCAPED_ASCII);
	if (r < 0)
		return r;
	if (c == 0x0E || c == 0x0F || c == 0x1B)
		return encode_lack(out, UTF8_REPLACEMENT);
	return buf_add_char(out, c);
}

static int
encode_2022_char(struct charset_decoder *dec, uint32_t cp, struct buf *out,
    enum escaped *state)
{
	unsigned char bytes[2];
	int32_t p;
	int r;

	if (cp == 0xA5 || cp == 0x203E) {
		bytes[0] = cp == 0xA5 ? 0x5C : 0x7E;
		r = encode_escape(out, state, ESCAPED_ROMAN);
		return r < 0 ? r : encode_put(out, bytes, 1);
	}
	p = encode_jis0208(dec,
	    cp == 0x2212 ? 0xFF0D : encode_wide_katakana(cp));
	if (p == -1) {
		r = 0;
		if (*state == ESCAPED_JIS0208)
			r = encode_escape(out, state, ESCAPED_ASCII);
		return r < 0 ? r : encode_lack(out, cp);
	}
	if (p < 0)
		return p;
	bytes[0] = (unsigned char)(p / 94 + 0x21);
	bytes[1] = (unsigned char)(p % 94 + 0x21);
	r = encode_escape(out, state, ESCAPED_JIS0208);
	return r < 0 ? r : encode_put(out, bytes, 2);
}

static int
encode_2022_query(struct charset_decoder *dec, struct span utf8,
    struct buf *out)
{
	enum escaped state = ESCAPED_ASCII;
	int r = 0;

	while (utf8.len > 0 && r == 0) {
		size_t len = 1;

		if (!(utf8.ptr[0] & 0x80))
			r = encode_2022_ascii(out, &state, utf8.ptr[0]);
		else
			r = encode_2022_char(dec, utf8_decode(utf8, &len, NULL),
			    out, &state);
		utf8 = span_from_at(utf8, len);
	}
	return r < 0 ? r : encode_escape(out, &state, ESCAPED_ASCII);
}

int
charset_encode_query(struct charset_decoder *dec, enum charset charset,
    struct span utf8, struct buf *out)
{
	must(charset_in_queries(charset));
	if (charset_rows[charset].kind == CHARSET_KIND_STATEFUL)
		return encode_2022_query(dec, utf8, out);
	return encode_query(dec, charset, utf8, out);
}
