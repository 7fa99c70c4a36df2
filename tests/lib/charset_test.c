#include "lib/html/charset.h"

#include "lib/base/utf8.h"
#include "lib/html/type.h"
#include "tests/lib/cases.h"

#define MIB (1u << 20)

START_TEST(charset_knows_every_label_of_the_standard)
{
	char *text = test_data("encoding/labels.tsv", NULL);
	char *save = NULL;
	size_t n = 0;

	for (char *line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		char *tab = strchr(line, '\t');
		enum charset charset;

		ck_assert_ptr_nonnull(tab);
		*tab = '\0';
		charset = charset_of_label(span_from(line));
		ck_assert_msg(charset != CHARSET_NONE, "no %s", line);
		ck_assert_str_eq(charset_name(charset), tab + 1);
		for (char *p = line; *p != '\0'; p++) {
			if (*p >= 'a' && *p <= 'z')
				*p ^= 0x20;
		}
		ck_assert_int_eq(charset_of_label(span_from(line)), charset);
		n++;
	}
	ck_assert_uint_eq(n, 215);
	free(text);

	ck_assert_int_eq(charset_of_label(SPAN(" \tUTF-8\r\n")), CHARSET_UTF_8);
	ck_assert_int_eq(charset_of_label(SPAN("hz-gb-2312")),
	    CHARSET_REPLACEMENT);
	ck_assert_int_eq(charset_of_label(SPAN("iso-2022-jp")),
	    CHARSET_ISO_2022_JP);
	ck_assert_int_eq(charset_of_label(SPAN("logical")),
	    CHARSET_ISO_8859_8_I);
	ck_assert_int_eq(charset_of_label(SPAN("")), CHARSET_NONE);
	ck_assert_int_eq(charset_of_label(SPAN("utf-8\0")), CHARSET_NONE);
	ck_assert_int_eq(charset_of_label(SPAN("utf-88")), CHARSET_NONE);
	ck_assert_int_eq(charset_of_label(
			     SPAN("utf-8-and-a-great-deal-more-than-fits")),
	    CHARSET_NONE);
}
END_TEST

struct score {
	size_t must, passed, optional, optional_passed;
	struct buf body;
};

static void
sniff_case(const json_t *object, void *arg)
{
	struct score *score = arg;
	struct span want = cases_text(object, "encoding");
	struct charset_sniffed sniffed;
	bool ok;

	cases_base64(cases_text(object, "body_b64"), &score->body);
	sniffed = charset_sniff(buf_span(&score->body),
	    type_parameter(cases_text(object, "content_type"), SPAN("charset")),
	    true);
	ok = span_eq(want, span_from(charset_name(sniffed.charset)));
	if (!ok)
		printf("%s: %s, not %.*s\n",
		    json_string_value(json_object_get(object, "id")),
		    charset_name(sniffed.charset), SPAN_ARG(want));
	if (cases_must(object)) {
		score->must++;
		score->passed += ok;
	} else {
		score->optional++;
		score->optional_passed += ok;
	}
}

START_TEST(charset_is_found_where_the_standard_looks)
{
	struct score own = { 0 }, html5lib = { 0 };

	buf_init(&own.body, MIB);
	buf_init(&html5lib.body, MIB);
	cases_each("encoding/sniff.jsonl", sniff_case, &own);
	cases_each("encoding/sniff-html5lib.jsonl", sniff_case, &html5lib);
	printf("sniff: %zu of %zu, optional %zu of %zu; html5lib %zu of %zu\n",
	    own.passed, own.must, own.optional_passed, own.optional,
	    html5lib.passed, html5lib.must);
	ck_assert_uint_eq(own.must, 34);
	ck_assert_uint_eq(own.passed, 34);
	ck_assert_uint_eq(own.optional_passed, 7);
	/* The other seven need the tree: page_test. */
	ck_assert_uint_eq(html5lib.must, 82);
	ck_assert_uint_eq(html5lib.passed, 75);
	buf_fini(&own.body);
	buf_fini(&html5lib.body);
}
END_TEST

START_TEST(charset_tells_who_said_it)
{
	static const struct {
		const char *bytes, *label, *name, *from;
	} cases[] = {
		{ "\xEF\xBB\xBFx", "koi8-r", "utf-8", "bom" },
		{ "x", "koi8-r", "koi8-r", "header" },
		{ "<meta charset=koi8-r>", "", "koi8-r", "meta" },
		{ "</ <meta charset=koi8-r>", "", "windows-1252", "default" },
		{ "caf\xC3\xA9", "", "utf-8", "guess" },
		{ "\xC3\xA9\xE2\x82", "", "utf-8", "guess" }, /* cut */
		{ "x\xE2\x82 y", "", "windows-1252", "default" },
		{ "caf\xE9", "", "windows-1252", "default" },
		{ "caf", "", "windows-1252", "default" },
		{ "", "", "windows-1252", "default" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct charset_sniffed s = charset_sniff(span_from(
							     cases[i].bytes),
		    span_from(cases[i].label), true);

		ck_assert_str_eq(charset_name(s.charset), cases[i].name);
		ck_assert_str_eq(charset_from_name(s.from), cases[i].from);
		ck_assert_uint_eq(s.bom, i == 0 ? 3 : 0);
	}
	ck_assert_int_eq(charset_sniff(SPAN("<meta charset=koi8-r>"), SPAN_NONE,
			     false)
			     .from,
	    CHARSET_FROM_DEFAULT);
}
END_TEST

static struct span
decode(struct charset_decoder *dec, enum charset charset, struct span bytes,
    uint64_t max, bool expect_cut)
{
	struct span out = SPAN_NONE;
	bool cut = !expect_cut;

	ck_assert_int_eq(charset_decode(dec, charset, bytes, max, &out, &cut),
	    0);
	ck_assert_int_eq(cut, expect_cut);
	ck_assert_uint_eq(utf8_valid_prefix(out), out.len);
	ck_assert_uint_le(out.len, max);
	return out;
}

START_TEST(charset_decodes_as_the_standard_does)
{
	static const struct {
		const char *label, *bytes, *text;
	} cases[] = {
		{ "latin1", "\x80\x81\x9F\xE9", "€\xC2\x81Ÿé" },
		{ "windows-1253", "\x81\xAA\xD2\xE1", "\xC2\x81��α" },
		{ "windows-1255", "\xCA\xD9\xE0", "\xD6\xBA�א" },
		{ "windows-1258", "\xE2\xCC", "â\xCC\x80" },
		{ "windows-874", "\xDB\xA1", "�ก" },
		{ "koi8-u", "\xAE\xBE\xC1", "ўЎа" },
		{ "macintosh", "\xC6\xDB\xF0", "∆€\xEF\xA3\xBF" },
		{ "x-mac-cyrillic", "\xFF\xE0", "€а" },
		{ "iso-8859-3", "\xA5\xA1", "�Ħ" },
		{ "x-user-defined", "A\x80\xFF", "A\xEF\x9E\x80\xEF\x9F\xBF" },
		{ "shift_jis", "\x93\xFA\x96{\\~\xB1\x87\x40", "日本\\~ｱ①" },
		{ "shift_jis", "\x81<", "�<" }, /* not swallowed */
		{ "euc-jp", "\xC6\xFC\xCB\xDC\x8E\xB1", "日本ｱ" },
		{ "euc-jp", "\xC6\"", "�\"" },
		{ "iso-2022-jp", "\x1B$BF|K\\\x1B(Bx", "日本x" },
		{ "iso-2022-jp", "\x1B(B\x1B(Bx", "�x" }, /* hides nothing */
		{ "iso-2022-jp", "\x1B(J\\~\x1B(I1\x1B(B\\", "¥‾ｱ\\" },
		{ "gbk", "\xD6\xD0\xCE\xC4\x80", "中文€" },
		{ "gb18030", "\x81\x30<", "�0<" },
		{ "gb18030", "\x81\x30\x81\x30\x94\x39\xDA\x33", "\xC2\x80💩" },
		{ "big5", "\xA4\xA4\xA4\xE5", "中文" },
		{ "big5", "\xA4", "�" },
		{ "euc-kr", "\xC7\xD1\x81\x41", "한갂" },
		{ "euc-kr", "\xFF\xC7\xD1", "�한" },
		{ "utf-8", "a\xFF\xE2\x82z\xED\xA0\x80", "a��z���" },
		{ "replacement", "anything", "�" },
	};
	struct charset_decoder *dec = charset_decoder_new();

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct span text = span_from(cases[i].text);
		struct span got = decode(dec,
		    charset_of_label(span_from(cases[i].label)),
		    span_from(cases[i].bytes), MIB, false);

		ck_assert_msg(span_eq(got, text), "%s: \"%.*s\", not \"%.*s\"",
		    cases[i].label, SPAN_ARG(got), SPAN_ARG(text));
	}
	ck_assert(span_eq(decode(dec, CHARSET_UTF_16LE,
			      span_of("a\0=\xD8\x00\xDE\x00\xD8z\0x", 11), MIB,
			      false),
	    SPAN("a😀�z�")));
	ck_assert(span_eq(decode(dec, CHARSET_UTF_16BE,
			      span_of("\0a\xD8=\xDE\0\xDE\0", 8), MIB, false),
	    SPAN("a😀�")));
	ck_assert(span_eq(decode(dec, CHARSET_REPLACEMENT, SPAN_NONE, 0, false),
	    SPAN_NONE));
	charset_decoder_free(dec);
	charset_decoder_free(NULL);
}
END_TEST

START_TEST(charset_copies_no_utf8_that_is_good)
{
	struct charset_decoder *dec = charset_decoder_new();
	struct span text = SPAN("gr\xC3\xBC\xC3\x9F"), got;

	got = decode(dec, CHARSET_UTF_8, text, MIB, false);
	ck_assert_ptr_eq(got.ptr, text.ptr);
	charset_decoder_free(dec);
}
END_TEST

START_TEST(charset_cuts_at_a_whole_character)
{
	struct charset_decoder *dec = charset_decoder_new();
	char bytes[20000];

	memset(bytes, 0xE9, sizeof(bytes));
	for (uint64_t max = 0; max < 9; max++)
		ck_assert_uint_eq(decode(dec, CHARSET_WINDOWS_1252,
				      span_of(bytes, sizeof(bytes)), max, true)
				      .len,
		    max / 2 * 2);
	ck_assert_uint_eq(decode(dec, CHARSET_WINDOWS_1252,
			      span_of(bytes, sizeof(bytes)), 40000, false)
			      .len,
	    40000);
	ck_assert(
	    span_eq(decode(dec, CHARSET_UTF_8, SPAN("ab\xE2\x82\xAC"), 4, true),
		SPAN("ab")));
	for (size_t i = 0; i + 1 < sizeof(bytes); i += 2)
		memcpy(bytes + i, "\xD6\xD0", 2);
	ck_assert_uint_eq(decode(dec, CHARSET_GBK,
			      span_of(bytes, sizeof(bytes)), 10000, true)
			      .len,
	    9999);
	/* The step of the decoder cuts a character in two; nothing is lost. */
	ck_assert_uint_eq(decode(dec, CHARSET_GBK,
			      span_of(bytes, sizeof(bytes)), 40000, false)
			      .len,
	    30000);
	memmove(bytes + 1, bytes, sizeof(bytes) - 1);
	bytes[0] = 'x';
	ck_assert_uint_eq(decode(dec, CHARSET_GBK,
			      span_of(bytes, sizeof(bytes) - 1), 40000, false)
			      .len,
	    1 + 9999 * 3);
	charset_decoder_free(dec);
}
END_TEST

START_TEST(charset_takes_any_bytes_in_any_encoding)
{
	struct charset_decoder *dec = charset_decoder_new();
	uint64_t state = test_seed();
	char bytes[5000];

	for (int c = CHARSET_NONE + 1; c < CHARSETS; c++) {
		for (int i = 0; i < 256; i++)
			bytes[i] = (char)i;
		decode(dec, (enum charset)c, span_of(bytes, 256), MIB, false);
		for (int round = 0; round < 40; round++) {
			size_t len = test_random(&state) % sizeof(bytes);

			for (size_t i = 0; i < len; i++)
				bytes[i] = (char)test_random(&state);
			decode(dec, (enum charset)c, span_of(bytes, len), MIB,
			    false);
		}
	}
	charset_decoder_free(dec);
}
END_TEST

START_TEST(charset_writes_queries_as_the_page_would)
{
	static const struct {
		enum charset charset;
		const char *utf8, *query;
	} cases[] = {
		{ CHARSET_WINDOWS_1252, "q=é&%e9", "q=%E9&%e9" },
		{ CHARSET_WINDOWS_1251, "ж", "%E6" },
		{ CHARSET_ISO_8859_2, "ü€ж", "%FC%26%238364%3B%26%231078%3B" },
		{ CHARSET_SHIFT_JIS, "日本", "%93%FA%96{" },
		{ CHARSET_EUC_JP, "日本", "%C6%FC%CB%DC" },
		{ CHARSET_GBK, "中文", "%D6%D0%CE%C4" },
		{ CHARSET_BIG5, "中文", "%A4%A4%A4%E5" },
		{ CHARSET_EUC_KR, "한", "%C7%D1" },
		{ CHARSET_ISO_2022_JP, "a日本b", "a%1B$BF|K\\%1B(Bb" },
		{ CHARSET_ISO_2022_JP, "日💩x", "%1B$BF|%1B(B%26%23128169%3Bx" },
		{ CHARSET_ISO_2022_JP, "¥a\\ｱ",
		    "%1B(J\\a%1B(B\\%1B$B%%22%1B(B" },
		{ CHARSET_ISO_2022_JP, "\x0E", "%26%2365533%3B" },
		{ CHARSET_GB18030, "💩", "%949%DA3" },
		{ CHARSET_SHIFT_JIS, "¥‾−纊", "\\~%81|%FA\\" },
	};
	struct charset_decoder *dec = charset_decoder_new();
	struct buf out;

	buf_init(&out, MIB);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		buf_clear(&out);
		ck_assert(charset_in_queries(cases[i].charset));
		ck_assert_int_eq(charset_encode_query(dec, cases[i].charset,
				     span_from(cases[i].utf8), &out),
		    0);
		ck_assert_msg(span_eq(buf_span(&out),
				  span_from(cases[i].query)),
		    "%.*s, not %s", SPAN_ARG(buf_span(&out)), cases[i].query);
	}
	buf_fini(&out);
	ck_assert(!charset_in_queries(CHARSET_NONE));
	ck_assert(!charset_in_queries(CHARSET_UTF_8));
	ck_assert(!charset_in_queries(CHARSET_UTF_16LE));
	ck_assert(!charset_in_queries(CHARSET_REPLACEMENT));
	charset_decoder_free(dec);
}
END_TEST

START_TEST(charset_prescan_survives_every_cut)
{
	static const char page[] =
	    "<?xml version='1.0' encoding='koi8-r'?><!doctype html><!-- - -->"
	    "<html lang=\"x\" a = b c='d'><meta http-equiv='content-type' "
	    "content=\"text/html; charset = 'koi8-r'\"><p>x";

	for (size_t len = 0; len < sizeof(page); len++) {
		char *copy = malloc(len ? len : 1); /* so ASan sees its end */
		struct charset_sniffed s;

		ck_assert_ptr_nonnull(copy);
		memcpy(copy, page, len);
		s = charset_sniff(span_of(copy, len), SPAN_NONE, true);
		ck_assert_int_eq(s.charset,
		    len < 39 ? CHARSET_WINDOWS_1252 : CHARSET_KOI8_R);
		free(copy);
	}
}
END_TEST

TEST_MAIN("charset", charset_knows_every_label_of_the_standard,
    charset_is_found_where_the_standard_looks, charset_tells_who_said_it,
    charset_decodes_as_the_standard_does, charset_copies_no_utf8_that_is_good,
    charset_cuts_at_a_whole_character, charset_takes_any_bytes_in_any_encoding,
    charset_writes_queries_as_the_page_would,
    charset_prescan_survives_every_cut)
