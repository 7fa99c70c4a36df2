/*
 * charset: which encoding, its text as UTF-8, and back in queries.
 *
 *     a byte: the encoding, or 255: the one that is sniffed
 *     label NUL bytes
 */
#include "lib/html/charset.h"
#include "lib/html/charset_guess.h"
#include "tests/fuzz/fuzz.h"

static struct charset_decoder *dec;

static bool
is_of_a_query(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if ((unsigned char)s.ptr[i] >= 0x80)
			return false;
	}
	return true;
}

static void
decodes(enum charset charset, struct span bytes)
{
	struct span text;
	struct buf whole, query;
	bool cut = true;

	/* No encoding makes more than three bytes of one, but for U+FFFD at
	 * the end of what is malformed. */
	fuzz_holds(charset_decode(dec, charset, bytes, 4 * bytes.len + 16,
		       &text, &cut) == 0);
	fuzz_holds(fuzz_is_utf8(text));
	fuzz_holds(!cut);
	fuzz_holds(text.len <= 4 * bytes.len + 16);
	buf_init(&whole, 4 * bytes.len + 16);
	fuzz_holds(buf_add_span(&whole, text) == 0);

	/* With less room the same, as far as it goes. */
	for (size_t max = 0; max <= whole.len + 1; max += 1 + whole.len / 4) {
		fuzz_holds(
		    charset_decode(dec, charset, bytes, max, &text, &cut) == 0);
		fuzz_holds(text.len <= max && fuzz_is_utf8(text));
		fuzz_holds(span_starts(buf_span(&whole), text));
		fuzz_holds(cut == (text.len < whole.len));
		/* No more than a character is missing from what fits. */
		fuzz_holds(!cut || max - text.len < 16);
	}

	if (charset_in_queries(charset)) {
		buf_init(&query, 16 * whole.len + 16);
		fuzz_holds(charset_encode_query(dec, charset, buf_span(&whole),
			       &query) == 0);
		fuzz_holds(is_of_a_query(buf_span(&query)));
		buf_fini(&query);
	}
	buf_fini(&whole);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = fuzz_input(data, size);
	unsigned which = fuzz_byte(&in);
	struct span label = fuzz_part(&in);
	struct charset_sniffed sniffed;
	enum charset charset;

	if (dec == NULL)
		dec = charset_decoder_new();
	fuzz_holds(dec != NULL);
	charset = charset_of_label(label);
	fuzz_holds(charset < CHARSETS);
	sniffed = charset_sniff(in.left, label, which % 2 == 1);
	fuzz_holds(
	    sniffed.charset > CHARSET_NONE && sniffed.charset < CHARSETS);
	fuzz_holds(sniffed.bom <= in.left.len && sniffed.bom <= 3);
	fuzz_holds((sniffed.bom > 0) == (sniffed.from == CHARSET_FROM_BOM));
	fuzz_holds(charset_of_label(span_from(charset_name(sniffed.charset))) ==
		       sniffed.charset ||
		   sniffed.charset == CHARSET_REPLACEMENT);
	fuzz_holds(charset_of_meta_content(label) < CHARSETS);
	charset = CHARSETS;
	fuzz_holds(charset_guess(dec, in.left, &charset) == 0);
	fuzz_holds(charset < CHARSETS && charset != CHARSET_REPLACEMENT &&
		   charset != CHARSET_ISO_2022_JP);
	if (which < CHARSETS && which != CHARSET_NONE)
		decodes((enum charset)which, in.left);
	else
		decodes(sniffed.charset, span_from_at(in.left, sniffed.bom));
	return 0;
}
