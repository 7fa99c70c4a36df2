/*
 * Every byte, every pair of bytes and more, in every encoding, beside the
 * digests of tests/data/encoding: what the Standard makes of them, as
 * standard.mjs wrote it down.
 */
#include "lib/base/digest.h"
#include "lib/base/utf8.h"
#include "lib/html/charset.h"
#include "tests/lib/cases.h"

enum {
	DECODED_MAX = 1 << 20, /* of one sequence */
	DIGEST_LETTERS = 8,
	RANDOM_SEQUENCES = 20000,
	BLOCK = 4096, /* code points of a row of encoded.tsv */
};

struct decoding {
	struct charset_decoder *dec;
	enum charset charset;
	struct buf text; /* of a whole row */
	bool valid;      /* all of it was UTF-8 */
};

/* ck_assert is slow: what has to hold is gathered. */
static void
decode_one(struct decoding *d, const void *bytes, size_t len)
{
	struct span out;
	bool cut;

	if (charset_decode(d->dec, d->charset, span_of(bytes, len), DECODED_MAX,
		&out, &cut) < 0 ||
	    cut || utf8_valid_prefix(out) != out.len)
		d->valid = false;
	else if (buf_add_span(&d->text, out) < 0 ||
		 buf_add_char(&d->text, '\xFF') < 0)
		d->valid = false;
}

static unsigned
nibble(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* The prefix, followed by each byte; an odd digit stands for 16 bytes. */
static void
decode_prefixed(struct decoding *d, const char *prefix)
{
	unsigned char bytes[16];
	size_t len = 0, digits = strlen(prefix);
	unsigned tails = digits % 2 ? 16 : 1;

	for (size_t i = 0; i + 1 < digits; i += 2)
		bytes[len++] = (unsigned char)(nibble(prefix[i]) << 4 |
					       nibble(prefix[i + 1]));
	for (unsigned t = 0; t < tails; t++) {
		size_t n = len;

		if (tails > 1)
			bytes[n++] = (unsigned char)(nibble(prefix[digits - 1])
							 << 4 |
						     t);
		for (unsigned c = 0; c < 256; c++) {
			bytes[n] = (unsigned char)c;
			decode_one(d, bytes, n + 1);
		}
	}
}

static void
decode_four(struct decoding *d, uint32_t p)
{
	unsigned char bytes[] = { (unsigned char)(0x81 + p / 12600),
		(unsigned char)(0x30 + p / 1260 % 10),
		(unsigned char)(0x81 + p / 10 % 126),
		(unsigned char)(0x30 + p % 10) };

	decode_one(d, bytes, sizeof(bytes));
}

static void
decode_ranges(struct decoding *d)
{
	for (uint32_t p = 0; p < 39500; p++)
		decode_four(d, p);
	for (uint32_t p = 188000; p < 190000; p++)
		decode_four(d, p);
	for (uint32_t p = 190000; p < 1237000; p += 97)
		decode_four(d, p);
	for (uint32_t p = 1237000; p < 1238000; p++)
		decode_four(d, p);
}

/* The generator of standard.mjs: the same sequences each time. */
static uint32_t
next(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	*x ^= *x << 5;
	return *x;
}

static void
decode_random(struct decoding *d)
{
	static const char likely[] = "\x1b$(BJI@09<\"a\x0e\x5c\x7e~";
	unsigned char bytes[12];
	uint32_t x = 20240229;

	for (int i = 0; i < RANDOM_SEQUENCES; i++) {
		size_t len = 1 + next(&x) % 12;

		for (size_t k = 0; k < len; k++) {
			uint32_t how = next(&x) % 4, n = next(&x) >> 8;

			if (how == 0)
				bytes[k] = (unsigned char)n;
			else if (how == 1)
				bytes[k] = (unsigned char)(0x80 | n);
			else if (how == 2)
				bytes[k] = (unsigned char)
				    likely[n % (sizeof(likely) - 1)];
			else
				bytes[k] = (unsigned char)(0xA1 + n % 94);
		}
		decode_one(d, bytes, len);
	}
}

static bool
is_digest_of(const struct buf *text, const char *want)
{
	char digest[DIGEST_SHA1_TEXT];

	ck_assert_int_eq(digest_sha1(buf_span(text), digest), 0);
	return strncmp(digest + strlen("sha1:"), want, DIGEST_LETTERS) == 0;
}

START_TEST(charset_decodes_every_sequence_as_the_standard_does)
{
	char *data = test_data("encoding/decoded.tsv", NULL), *save = NULL;
	struct decoding d = { .dec = charset_decoder_new(), .valid = true };
	size_t rows = 0, wrong = 0;
	bool seen[CHARSETS] = { false };

	buf_init(&d.text, 64u << 20);
	for (char *line = strtok_r(data, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		char *tab = strchr(line, '\t'), *want;

		ck_assert_ptr_nonnull(tab);
		*tab++ = '\0';
		want = strchr(tab, '\t');
		ck_assert_ptr_nonnull(want);
		*want++ = '\0';
		d.charset = charset_of_label(span_from(line));
		ck_assert_msg(d.charset != CHARSET_NONE, "%s", line);
		seen[d.charset] = true;
		buf_clear(&d.text);
		if (strcmp(tab, "ranges") == 0)
			decode_ranges(&d);
		else if (strcmp(tab, "random") == 0)
			decode_random(&d);
		else
			decode_prefixed(&d, strcmp(tab, "-") == 0 ? "" : tab);
		if (!is_digest_of(&d.text, want)) {
			printf("%s: what begins with %s is not as in the "
			       "Standard\n",
			    line, tab);
			wrong++;
		}
		rows++;
	}
	printf("decoded: %zu of %zu rows\n", rows - wrong, rows);
	ck_assert(d.valid);
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_eq(rows, 252);
	for (int c = CHARSET_NONE + 1; c < CHARSETS; c++)
		ck_assert_msg(seen[c] || c == CHARSET_REPLACEMENT, "%s",
		    charset_name((enum charset)c));
	buf_fini(&d.text);
	charset_decoder_free(d.dec);
	free(data);
}
END_TEST

START_TEST(charset_encodes_every_character_as_the_standard_does)
{
	char *data = test_data("encoding/encoded.tsv", NULL), *save = NULL;
	struct charset_decoder *dec = charset_decoder_new();
	size_t rows = 0, wrong = 0;
	struct buf text;
	bool ok = true;

	buf_init(&text, 64u << 20);
	for (char *line = strtok_r(data, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		char name[32], want[32], utf8[4];
		enum charset charset;
		uint32_t first;

		ck_assert_int_eq(sscanf(line, "%31s %x %31s", name, &first,
				     want),
		    3);
		charset = charset_of_label(span_from(name));
		ck_assert(charset_in_queries(charset));
		buf_clear(&text);
		for (uint32_t cp = first < 0x80 ? 0x80 : first;
		     cp < first + BLOCK; cp++) {
			if (cp >= 0xD800 && cp <= 0xDFFF)
				continue;
			if (charset_encode_query(dec, charset,
				span_of(utf8, utf8_encode(cp, utf8)),
				&text) < 0 ||
			    buf_add_char(&text, '\xFF') < 0)
				ok = false;
		}
		if (!is_digest_of(&text, want)) {
			printf("%s: U+%04X and so on are not as in the "
			       "Standard\n",
			    name, first);
			wrong++;
		}
		rows++;
	}
	printf("encoded: %zu of %zu rows\n", rows - wrong, rows);
	ck_assert(ok);
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_eq(rows, 430);
	buf_fini(&text);
	charset_decoder_free(dec);
	free(data);
}
END_TEST

TEST_MAIN("charset_standard",
    charset_decodes_every_sequence_as_the_standard_does,
    charset_encodes_every_character_as_the_standard_does)
