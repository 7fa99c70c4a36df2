#include <errno.h>
#include <iconv.h>

#include "lib/base/utf8.h"
#include "lib/html/charset.h"
#include "lib/html/charset_impl.h"

enum {
	CHARSET_KEEP = 4 << 20, /* memory kept from page to page */
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
	for (size_t i = 0; i < CHARSETS; i++)
		free(dec->upper[i]);
	charset_indexes_fini(&dec->indexes);
	buf_fini(&dec->out);
	free(dec);
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

/* A charset that iconv lacks has no upper half; want of memory is not taken
 * for that. */
static int
charset_ask_upper(const char *iconv_name, uint16_t *upper)
{
	iconv_t cd = iconv_open("UTF-8", iconv_name);

	if (cd == (iconv_t)-1)
		return errno == EINVAL ? 0 : -ENOMEM;
	for (unsigned i = 0; i < 128; i++) {
		upper[i] = charset_byte(cd, (unsigned char)(0x80 + i));
		if (upper[i] == 0 && i < 0x20)
			upper[i] = (uint16_t)(0x80 + i);
	}
	iconv_close(cd);
	return 0;
}

/*
 * The upper half of a single-byte charset.  A table, because iconv stops at
 * each byte that it has no character for, and because the Standard fills the
 * holes of the windows ones from 0x80 to 0x9F with the control of that number.
 */
const uint16_t *
charset_upper(struct charset_decoder *dec, enum charset charset)
{
	const struct charset_row *row = &charset_rows[charset];
	uint16_t *upper = dec->upper[charset];

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
	if (charset_ask_upper(row->iconv, upper) < 0) {
		free(upper);
		return NULL;
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
		} else if (cp >= 0xD800 && cp <= 0xDBFF) {
			s = SPAN_NONE; /* half of what was to follow */
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
			uint32_t cp;

			if (c < 0x80) {
				*at++ = (char)c;
				continue;
			}
			cp = upper[c - 0x80];
			at += utf8_encode(cp ? cp : UTF8_REPLACEMENT, at);
		}
		out->len = (size_t)(at - out->ptr);
		s = span_from_at(s, n);
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
		r = charset_decode_multi(dec, charset, bytes, max);
		break;
	case CHARSET_KIND_STATEFUL:
		r = charset_decode_2022(dec, bytes, max);
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
