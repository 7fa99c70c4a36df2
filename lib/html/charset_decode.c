#include <errno.h>
#include <iconv.h>

#include "lib/base/utf8.h"
#include "lib/html/charset.h"
#include "lib/html/charset_impl.h"

enum {
	CHARSET_STEP = 4096,    /* bytes in per check of the limit */
	CHARSET_WIDEST = 3,     /* UTF-8 bytes that one byte in may become */
	CHARSET_KEEP = 4 << 20, /* memory kept from page to page */
};

struct charset_decoder {
	struct buf out;
	/* iconv's descriptors, or (iconv_t)-1 where it has none */
	iconv_t decode[CHARSETS];
	iconv_t encode[CHARSETS];
	bool decode_open[CHARSETS];
	bool encode_open[CHARSETS];
	/* bytes 0x80 to 0xFF of the single-byte charsets; 0: no character */
	uint16_t *upper[CHARSETS];
};

struct charset_decoder *
charset_decoder_new(void)
{
	struct charset_decoder *dec = calloc(1, sizeof(*dec));

	if (dec != NULL)
		buf_init(&dec->out, 0);
	return dec;
}

void
charset_decoder_free(struct charset_decoder *dec)
{
	if (dec == NULL)
		return;
	for (size_t i = 0; i < CHARSETS; i++) {
		if (dec->decode_open[i] && dec->decode[i] != (iconv_t)-1)
			iconv_close(dec->decode[i]);
		if (dec->encode_open[i] && dec->encode[i] != (iconv_t)-1)
			iconv_close(dec->encode[i]);
		free(dec->upper[i]);
	}
	buf_fini(&dec->out);
	free(dec);
}

/*
 * A descriptor in its first state; (iconv_t)-1: iconv has none.  That is
 * remembered, want of memory is not: a later page shall be read right.
 */
static int
charset_cd(iconv_t *cd, bool *is_open, const char *to, const char *from)
{
	if (*is_open) {
		if (*cd != (iconv_t)-1)
			iconv(*cd, NULL, NULL, NULL, NULL);
		return 0;
	}
	*cd = iconv_open(to, from);
	if (*cd == (iconv_t)-1 && errno != EINVAL)
		return -ENOMEM;
	*is_open = true;
	return 0;
}

static int
charset_decode_cd(struct charset_decoder *dec, enum charset charset,
    iconv_t *out)
{
	int r = charset_cd(&dec->decode[charset], &dec->decode_open[charset],
	    "UTF-8", charset_rows[charset].decode);

	*out = dec->decode[charset];
	return r;
}

static int
charset_encode_cd(struct charset_decoder *dec, enum charset charset,
    iconv_t *out)
{
	const struct charset_row *row = &charset_rows[charset];
	int r = charset_cd(&dec->encode[charset], &dec->encode_open[charset],
	    row->encode ? row->encode : row->decode, "UTF-8");

	*out = dec->encode[charset];
	return r;
}

/* One byte by iconv; 0: it has no character for it. */
static uint16_t
charset_byte(iconv_t cd, unsigned char byte)
{
	char in = (char)byte, out[8];
	char *inp = &in, *outp = out;
	size_t inleft = 1, outleft = sizeof(out), len;
	uint32_t cp;

	if (iconv(cd, &inp, &inleft, &outp, &outleft) == (size_t)-1) {
		iconv(cd, NULL, NULL, NULL, NULL);
		return 0;
	}
	/* The Hebrew and Vietnamese ones wait for an accent to come. */
	iconv(cd, NULL, NULL, &outp, &outleft);
	if (outp == out)
		return 0;
	cp = utf8_decode(span_of(out, (size_t)(outp - out)), &len, NULL);
	return cp <= UINT16_MAX ? (uint16_t)cp : 0;
}

/*
 * The upper half of a single-byte charset.  A table, because iconv stops at
 * each byte that it has no character for, and because the Standard fills the
 * holes of the windows ones from 0x80 to 0x9F with the control of that number.
 */
static const uint16_t *
charset_upper(struct charset_decoder *dec, enum charset charset)
{
	const struct charset_row *row = &charset_rows[charset];
	uint16_t *upper = dec->upper[charset];
	iconv_t cd;

	if (upper != NULL)
		return upper;
	upper = calloc(128, sizeof(*upper));
	if (upper == NULL)
		return NULL;
	if (row->kind == CHARSET_KIND_USER) {
		for (unsigned i = 0; i < 128; i++)
			upper[i] = (uint16_t)(0xF780 + i);
		return dec->upper[charset] = upper;
	}
	if (charset_decode_cd(dec, charset, &cd) < 0) {
		free(upper);
		return NULL;
	}
	for (unsigned i = 0; i < 128 && cd != (iconv_t)-1; i++) {
		upper[i] = charset_byte(cd, (unsigned char)(0x80 + i));
		if (upper[i] == 0 && i < 0x20)
			upper[i] = (uint16_t)(0x80 + i);
	}
	for (size_t i = 0; i < charset_n_patches; i++) {
		const struct charset_patch *patch = &charset_patches[i];

		if (patch->charset == charset)
			upper[patch->byte - 0x80] = patch->cp;
	}
	return dec->upper[charset] = upper;
}

static int
charset_put(struct buf *out, uint32_t cp)
{
	char *at = buf_room(out, 4);

	if (at == NULL)
		return -ENOMEM;
	out->len += utf8_encode(cp, at);
	return 0;
}

/*
 * The decoders append to `out` until the bytes end or `out` has passed `max`;
 * its limit leaves room for the one step that may pass it.
 */
static int
charset_decode_utf8(struct span s, uint64_t max, struct buf *out)
{
	while (s.len > 0 && out->len <= max) {
		size_t len = utf8_valid_prefix(s);
		uint64_t left = max + 1 - out->len;

		/* Past the limit nothing counts, cut or not. */
		if (len > left)
			len = (size_t)left;
		if (buf_add(out, s.ptr, len) < 0)
			return -ENOMEM;
		s = span_from_at(s, len);
		if (s.len == 0 || out->len > max)
			break;
		utf8_decode(s, &len, NULL);
		if (charset_put(out, UTF8_REPLACEMENT) < 0)
			return -ENOMEM;
		s = span_from_at(s, len);
	}
	return 0;
}

static uint32_t
charset_unit(struct span s, bool big)
{
	const unsigned char *p = (const unsigned char *)s.ptr;

	return big ? (uint32_t)(p[0] << 8 | p[1])
		   : (uint32_t)(p[1] << 8 | p[0]);
}

static int
charset_decode_utf16(struct span s, bool big, uint64_t max, struct buf *out)
{
	int r = 0;

	while (s.len >= 2 && out->len <= max && r == 0) {
		uint32_t cp = charset_unit(s, big);

		s = span_from_at(s, 2);
		if (cp >= 0xD800 && cp <= 0xDBFF && s.len >= 2) {
			uint32_t low = charset_unit(s, big);

			if (low >= 0xDC00 && low <= 0xDFFF) {
				cp = 0x10000 + ((cp - 0xD800) << 10) +
				     (low - 0xDC00);
				s = span_from_at(s, 2);
			}
		}
		r = charset_put(out, cp); /* a lone surrogate: U+FFFD */
	}
	if (s.len == 1 && out->len <= max && r == 0)
		r = charset_put(out, UTF8_REPLACEMENT);
	return r;
}

static int
charset_decode_single(struct charset_decoder *dec, enum charset charset,
    struct span s, uint64_t max)
{
	const uint16_t *upper = charset_upper(dec, charset);
	struct buf *out = &dec->out;

	if (upper == NULL)
		return -ENOMEM;
	while (s.len > 0 && out->len <= max) {
		size_t n = s.len < CHARSET_STEP ? s.len : CHARSET_STEP;
		char *at = buf_room(out, n * CHARSET_WIDEST);

		if (at == NULL)
			return -ENOMEM;
		for (size_t i = 0; i < n; i++) {
			unsigned char c = (unsigned char)s.ptr[i];
			uint32_t cp = c;

			if (c >= 0x80 && (cp = upper[c - 0x80]) == 0)
				cp = UTF8_REPLACEMENT;
			at += utf8_encode(cp, at);
		}
		out->len = (size_t)(at - out->ptr);
		s = span_from_at(s, n);
	}
	return 0;
}

/*
 * How many bytes the error at `s` takes.  Of a pair whose second byte is
 * ASCII only the first: a broken character must not swallow a '<' or '"'.
 */
static size_t
charset_error_len(enum charset_kind kind, struct span s)
{
	unsigned char lead = (unsigned char)s.ptr[0];

	if (kind == CHARSET_KIND_MULTI && s.len >= 2 && lead > 0x80 &&
	    lead < 0xFF && (s.ptr[1] & 0x80))
		return 2;
	return 1;
}

static int
charset_decode_iconv(struct charset_decoder *dec, enum charset charset,
    struct span s, uint64_t max)
{
	const struct charset_row *row = &charset_rows[charset];
	struct buf *out = &dec->out;
	iconv_t cd;
	int r = charset_decode_cd(dec, charset, &cd);

	if (r < 0)
		return r;
	while (s.len > 0 && out->len <= max) {
		size_t n = s.len < CHARSET_STEP ? s.len : CHARSET_STEP;
		size_t room = n * CHARSET_WIDEST + 16, left = room;
		char *in = (char *)(uintptr_t)s.ptr;
		char *at = buf_room(out, room);
		uint32_t cp = UTF8_REPLACEMENT;
		size_t inleft = n, len, done;
		int e = EILSEQ;

		if (at == NULL)
			return -ENOMEM;
		if (cd != (iconv_t)-1) {
			len = iconv(cd, &in, &inleft, &at, &left);
			e = len == (size_t)-1 ? errno : 0;
		}
		out->len += room - left;
		done = n - inleft;
		s = span_from_at(s, done);
		if (e == 0 || e == E2BIG || (e == EINVAL && done > 0))
			continue; /* EINVAL: the step cut a character */
		/* Malformed, or cut by the end of the page. */
		if (e == EINVAL) {
			len = s.len;
		} else if ((charset == CHARSET_GBK ||
			       charset == CHARSET_GB18030) &&
			   (unsigned char)s.ptr[0] == 0x80) {
			cp = 0x20AC; /* the Standard's, not iconv's */
			len = 1;
		} else {
			len = charset_error_len(row->kind, s);
		}
		if (charset_put(out, cp) < 0)
			return -ENOMEM;
		s = span_from_at(s, len);
	}
	/* What a composing decoder still holds. */
	if (cd != (iconv_t)-1 && out->len <= max) {
		size_t left = 16;
		char *at = buf_room(out, left);

		if (at == NULL)
			return -ENOMEM;
		iconv(cd, NULL, NULL, &at, &left);
		out->len += 16 - left;
	}
	return 0;
}

int
charset_decode(struct charset_decoder *dec, enum charset charset,
    struct span bytes, uint64_t max, struct span *out, bool *cut)
{
	struct buf *buf = &dec->out;
	int r = 0;

	must(charset > CHARSET_NONE && charset < CHARSETS);
	if (buf->cap > CHARSET_KEEP)
		buf_fini(buf);
	buf_clear(buf);
	buf->limit = (size_t)max + CHARSET_STEP * CHARSET_WIDEST + 64;
	if (buf->limit < buf->cap)
		buf->limit = buf->cap;
	switch (charset_rows[charset].kind) {
	case CHARSET_KIND_UTF_8:
		if (bytes.len <= max && utf8_valid_prefix(bytes) == bytes.len) {
			*out = bytes;
			*cut = false;
			return 0;
		}
		r = charset_decode_utf8(bytes, max, buf);
		break;
	case CHARSET_KIND_UTF_16:
		r = charset_decode_utf16(bytes, charset == CHARSET_UTF_16BE,
		    max, buf);
		break;
	case CHARSET_KIND_SINGLE:
	case CHARSET_KIND_USER:
		r = charset_decode_single(dec, charset, bytes, max);
		break;
	case CHARSET_KIND_MULTI:
	case CHARSET_KIND_STATEFUL:
		r = charset_decode_iconv(dec, charset, bytes, max);
		break;
	case CHARSET_KIND_REPLACEMENT:
		if (bytes.len > 0)
			r = charset_put(buf, UTF8_REPLACEMENT);
		break;
	}
	if (r < 0)
		return r;
	*cut = buf->len > max;
	if (*cut) {
		buf->len = (size_t)max;
		while (buf->len > 0 && (buf->ptr[buf->len] & 0xC0) == 0x80)
			buf->len--;
	}
	*out = buf_span(buf);
	return 0;
}

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
charset_put_query(struct buf *out, struct span bytes)
{
	int r = 0;

	for (size_t i = 0; i < bytes.len && r == 0; i++) {
		unsigned char c = (unsigned char)bytes.ptr[i];

		if (c <= ' ' || c >= 0x7F || c == '"' || c == '#' || c == '<' ||
		    c == '>' || c == '\'')
			r = buf_printf(out, "%%%02X", c);
		else
			r = buf_add_char(out, (char)c);
	}
	return r;
}

/* One character by table.  False: the charset lacks it. */
static bool
charset_encode_single(const uint16_t *upper, uint32_t cp, char *out)
{
	for (unsigned i = 0; i < 128; i++) {
		if (upper[i] == cp) {
			*out = (char)(0x80 + i);
			return true;
		}
	}
	return false;
}

/* A run of characters that are not ASCII. */
static int
charset_encode_run(struct charset_decoder *dec, enum charset charset,
    struct span run, struct buf *out)
{
	enum charset_kind kind = charset_rows[charset].kind;
	bool single = kind == CHARSET_KIND_SINGLE || kind == CHARSET_KIND_USER;
	const uint16_t *upper = NULL;
	iconv_t cd = (iconv_t)-1;
	char bytes[32];
	int r = 0;

	if (single)
		upper = charset_upper(dec, charset);
	else
		r = charset_encode_cd(dec, charset, &cd);
	if (r < 0 || (single && upper == NULL))
		return -ENOMEM;
	while (run.len > 0 && r == 0) {
		char *in = (char *)(uintptr_t)run.ptr, *at = bytes;
		size_t len, left = sizeof(bytes);
		uint32_t cp = utf8_decode(run, &len, NULL);
		size_t inleft = len;
		bool found = false;

		if (single)
			found = charset_encode_single(upper, cp, at++);
		else if (cd != (iconv_t)-1)
			found = iconv(cd, &in, &inleft, &at, &left) !=
				(size_t)-1;
		if (found)
			r = charset_put_query(out,
			    span_of(bytes, (size_t)(at - bytes)));
		else
			r = buf_printf(out, "%%26%%23%u%%3B", cp);
		run = span_from_at(run, len);
	}
	/* Back to ASCII, where that takes an escape sequence. */
	if (cd != (iconv_t)-1 && r == 0) {
		char *at = bytes;
		size_t left = sizeof(bytes);

		iconv(cd, NULL, NULL, &at, &left);
		r = charset_put_query(out,
		    span_of(bytes, (size_t)(at - bytes)));
	}
	return r;
}

int
charset_encode_query(struct charset_decoder *dec, enum charset charset,
    struct span utf8, struct buf *out)
{
	int r = 0;

	must(charset_in_queries(charset));
	while (utf8.len > 0 && r == 0) {
		size_t n = 0;

		while (n < utf8.len && !(utf8.ptr[n] & 0x80))
			n++;
		r = buf_add(out, utf8.ptr, n);
		utf8 = span_from_at(utf8, n);
		for (n = 0; n < utf8.len && (utf8.ptr[n] & 0x80); n++)
			continue;
		if (n > 0 && r == 0)
			r = charset_encode_run(dec, charset,
			    span_of(utf8.ptr, n), out);
		utf8 = span_from_at(utf8, n);
	}
	return r;
}
