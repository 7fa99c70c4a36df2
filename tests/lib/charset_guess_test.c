#include "lib/html/charset_guess.h"

#include <time.h>

#include "lib/base/utf8.h"
#include "tests/harness.h"

#define MIB (1u << 20)

/* Sentences as pages have them, long enough to be told by. */
static const char russian[] =
    "Все люди рождаются свободными и равными в своем достоинстве и правах. "
    "Они наделены разумом и совестью и должны поступать в отношении друг "
    "друга в духе братства. Каждый человек должен обладать всеми правами.";
static const char japanese[] =
    "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて"
    "平等である。人間は、理性と良心とを授けられており、互いに同胞の精神をもって"
    "行動しなければならない。";
static const char chinese[] =
    "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的"
    "精神相对待。人人有资格享有本宣言所载的一切权利和自由，不分种族、肤色。";
static const char taiwanese[] =
    "人人生而自由，在尊嚴和權利上一律平等。他們賦有理性和良心，並應以兄弟關係的"
    "精神互相對待。人人有資格享有本宣言所載的一切權利和自由，不分種族、膚色。";
static const char korean[] =
    "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. "
    "인간은 천부적으로 이성과 양심을 부여받았으며 서로 형제애의 정신으로 "
    "행동하여야 한다.";
static const char greek[] =
    "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα "
    "δικαιώματα. Είναι προικισμένοι με λογική και συνείδηση, και οφείλουν να "
    "συμπεριφέρονται μεταξύ τους με πνεύμα αδελφοσύνης.";

/* `utf8` in a charset, by the encoder for queries: what it percent-encodes is
 * made bytes again. */
static void
write_in(struct charset_decoder *dec, enum charset charset, const char *utf8,
    struct buf *out)
{
	struct buf query;

	buf_init(&query, MIB);
	ck_assert_int_eq(charset_encode_query(dec, charset, span_from(utf8),
			     &query),
	    0);
	for (size_t i = 0; i < query.len; i++) {
		unsigned byte = (unsigned char)query.ptr[i];

		if (byte == '%' && sscanf(query.ptr + i + 1, "%2x", &byte) == 1)
			i += 2;
		must(buf_add_char(out, (char)byte) == 0);
	}
	buf_fini(&query);
}

static enum charset
guess(struct charset_decoder *dec, struct span bytes)
{
	enum charset charset = CHARSETS;

	ck_assert_int_eq(charset_guess(dec, bytes, &charset), 0);
	return charset;
}

START_TEST(charset_is_guessed_from_what_is_written)
{
	static const struct {
		enum charset charset;
		const char *text;
	} cases[] = {
		{ CHARSET_WINDOWS_1251, russian },
		{ CHARSET_KOI8_R, russian },
		{ CHARSET_SHIFT_JIS, japanese },
		{ CHARSET_EUC_JP, japanese },
		{ CHARSET_GB18030, chinese },
		{ CHARSET_BIG5, taiwanese },
		{ CHARSET_EUC_KR, korean },
		{ CHARSET_WINDOWS_1253, greek },
	};
	struct charset_decoder *dec = charset_decoder_new();

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf page;
		struct span text;
		enum charset got;
		bool cut;

		buf_init(&page, MIB);
		/* A long head says nothing, and hides nothing. */
		for (int k = 0; k < 2000; k++)
			must(buf_add_span(&page, SPAN("<p class=x>")) == 0);
		write_in(dec, cases[i].charset, cases[i].text, &page);
		must(buf_add_span(&page, SPAN("</p>")) == 0);
		got = guess(dec, buf_span(&page));
		ck_assert_msg(got != CHARSET_NONE, "%s: none",
		    charset_name(cases[i].charset));
		/* It may be another that has these letters in these places. */
		ck_assert_int_eq(charset_decode(dec, got, buf_span(&page), MIB,
				     &text, &cut),
		    0);
		ck_assert_msg(memmem(text.ptr, text.len, cases[i].text,
				  strlen(cases[i].text)) != NULL,
		    "%s: %s", charset_name(cases[i].charset),
		    charset_name(got));
		buf_fini(&page);
	}
	charset_decoder_free(dec);
}
END_TEST

START_TEST(charset_is_not_guessed_from_too_little_or_from_no_text)
{
	struct charset_decoder *dec = charset_decoder_new();
	struct buf page;

	buf_init(&page, MIB);
	ck_assert_int_eq(guess(dec, SPAN_NONE), CHARSET_NONE);
	ck_assert_int_eq(guess(dec, SPAN("plain")), CHARSET_NONE);
	write_in(dec, CHARSET_WINDOWS_1251, russian, &page);
	page.len = 32; /* 27 letters of it */
	ck_assert_int_eq(guess(dec, buf_span(&page)), CHARSET_NONE);
	/* Broken in what is read: believed by nobody. */
	buf_clear(&page);
	write_in(dec, CHARSET_EUC_KR, korean, &page);
	ck_assert_int_eq(guess(dec, buf_span(&page)), CHARSET_EUC_KR);
	page.ptr[page.len / 2] = '\xFF';
	page.ptr[page.len / 2 + 1] = '\x01';
	ck_assert_int_eq(guess(dec, buf_span(&page)), CHARSET_NONE);
	buf_fini(&page);
	charset_decoder_free(dec);
}
END_TEST

START_TEST(charset_guess_reads_no_more_than_it_says)
{
	struct charset_decoder *dec = charset_decoder_new();
	struct buf page;
	struct timespec from, to;

	/* Behind 16 KiB of one there is another, and megabytes of it. */
	buf_init(&page, 64 * MIB);
	while (page.len < 20000)
		write_in(dec, CHARSET_KOI8_R, russian, &page);
	while (page.len < 8 * MIB)
		must(buf_add_span(&page, SPAN("\xFF\x01\x80\x81 ")) == 0);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	ck_assert_int_eq(guess(dec, buf_span(&page)), CHARSET_KOI8_R);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
	printf("a guess: %.2f ms\n",
	    (double)(to.tv_sec - from.tv_sec) * 1e3 +
		(double)(to.tv_nsec - from.tv_nsec) / 1e6);
	buf_fini(&page);
	charset_decoder_free(dec);
}
END_TEST

START_TEST(charset_guess_takes_any_bytes)
{
	struct charset_decoder *dec = charset_decoder_new();
	uint64_t state = test_seed();
	char bytes[3000];

	for (int round = 0; round < 300; round++) {
		size_t len = test_random(&state) % sizeof(bytes);
		unsigned mask = test_random(&state) % 2 ? 0xFF : 0x9F;
		enum charset got;

		for (size_t i = 0; i < len; i++)
			bytes[i] = (char)(test_random(&state) & mask);
		got = guess(dec, span_of(bytes, len));
		ck_assert(got < CHARSETS && got != CHARSET_REPLACEMENT);
	}
	charset_decoder_free(dec);
}
END_TEST

TEST_MAIN("charset_guess", charset_is_guessed_from_what_is_written,
    charset_is_not_guessed_from_too_little_or_from_no_text,
    charset_guess_reads_no_more_than_it_says, charset_guess_takes_any_bytes)
