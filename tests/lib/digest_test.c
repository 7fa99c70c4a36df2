#include "lib/base/digest.h"

#include "tests/harness.h"

START_TEST(digest_is_the_one_of_the_archives)
{
	/* FIPS 180-4 vectors, and the empty body every CDX file knows. */
	static const struct {
		const char *bytes, *text;
	} cases[] = {
		{ "", "sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ" },
		{ "abc", "sha1:VGMT4NSHA2AWVOR6EVYXQUGCNSONBWE5" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		    "sha1:QSMD4RA4HPJG5OVOJKQ7SUJJ4XSUM4HR" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[DIGEST_SHA1_TEXT];

		memset(text, 'x', sizeof(text));
		ck_assert_int_eq(digest_sha1(span_from(cases[i].bytes), text),
		    0);
		ck_assert_str_eq(text, cases[i].text);
	}
}
END_TEST

START_TEST(digest_of_no_memory_is_that_of_no_bytes)
{
	char text[DIGEST_SHA1_TEXT];

	ck_assert_int_eq(digest_sha1(SPAN_NONE, text), 0);
	ck_assert_str_eq(text, "sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ");
}
END_TEST

TEST_MAIN("digest", digest_is_the_one_of_the_archives,
    digest_of_no_memory_is_that_of_no_bytes)
