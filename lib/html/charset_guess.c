#include "lib/html/charset_guess.h"

#include <errno.h>
#include <uchardet/uchardet.h>

#include "lib/base/utf8.h"

enum {
	GUESS_READ = 16 << 10, /* bytes; some milliseconds of work */
	GUESS_LEAST = 32,      /* bytes that are not ASCII */
	GUESS_TEXT = 4 * GUESS_READ,
};

/* From the first byte that is not ASCII, to one that is: it is a character of
 * its own, or the last byte of one. */
static struct span
guess_sample(struct span bytes)
{
	size_t from = 0;

	while (from < bytes.len && !(bytes.ptr[from] & 0x80))
		from++;
	bytes = span_from_at(bytes, from);
	if (bytes.len <= GUESS_READ)
		return bytes;
	bytes.len = GUESS_READ;
	while (bytes.len > 0 && (bytes.ptr[bytes.len - 1] & 0x80))
		bytes.len--;
	return bytes;
}

static bool
guess_has_enough(struct span sample)
{
	size_t n = 0;

	for (size_t i = 0; i < sample.len && n < GUESS_LEAST; i++)
		n += (unsigned char)sample.ptr[i] >> 7;
	return n >= GUESS_LEAST;
}

/* By its name.  Encodings that would be told by a mark, or by escapes, or that
 * are none, are not guessed. */
static enum charset
guess_of_name(const char *name)
{
	enum charset charset;

	if (strcmp(name, "UHC") == 0)
		return CHARSET_EUC_KR;
	/* The same small letters, and a charset that the web does not have. */
	if (strcmp(name, "MAC-CYRILLIC") == 0)
		return CHARSET_WINDOWS_1251;
	charset = charset_of_label(span_from(name));
	switch (charset) {
	case CHARSET_UTF_8:
	case CHARSET_UTF_16BE:
	case CHARSET_UTF_16LE:
	case CHARSET_ISO_2022_JP:
	case CHARSET_REPLACEMENT:
	case CHARSET_X_USER_DEFINED:
		return CHARSET_NONE;
	default:
		return charset;
	}
}

static int
guess_ask(struct span sample, enum charset *out)
{
	uchardet_t asked = uchardet_new();
	int r = 0;

	if (asked == NULL)
		return -ENOMEM;
	if (uchardet_handle_data(asked, sample.ptr, sample.len) != 0) {
		r = -ENOMEM;
	} else {
		uchardet_data_end(asked);
		*out = guess_of_name(uchardet_get_charset(asked));
	}
	uchardet_delete(asked);
	return r;
}

/* No character that stands for broken bytes, and none of the controls that
 * text does not have. */
static bool
guess_is_text(struct span text)
{
	while (text.len > 0) {
		size_t len;
		uint32_t cp = utf8_decode(text, &len, NULL);

		if (cp == UTF8_REPLACEMENT || (cp >= 0x7F && cp < 0xA0) ||
		    (cp < 0x20 && cp != '\t' && cp != '\n' && cp != '\r' &&
			cp != '\f'))
			return false;
		text = span_from_at(text, len);
	}
	return true;
}

int
charset_guess(struct charset_decoder *dec, struct span bytes, enum charset *out)
{
	struct span sample = guess_sample(bytes), text;
	enum charset charset = CHARSET_NONE;
	bool cut;
	int r = 0;

	if (guess_has_enough(sample))
		r = guess_ask(sample, &charset);
	if (r == 0 && charset != CHARSET_NONE) {
		r = charset_decode(dec, charset, sample, GUESS_TEXT, &text,
		    &cut);
		if (r == 0 && (cut || !guess_is_text(text)))
			charset = CHARSET_NONE;
	}
	if (r < 0)
		return r;
	*out = charset;
	return 0;
}
