#include "lib/base/inflate.h"

#include <errno.h>
#include <zlib.h>

#include "tests/harness.h"

#define MIB (1u << 20)

/* zlib's names of the formats. */
enum {
	ZLIB = 15,
	RAW = -15,
	GZIP = 31,
};

/* Compress; the caller frees. */
static struct span
pack(int window, struct span text)
{
	z_stream z = { 0 };
	size_t size;
	char *out;

	ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, window, 8,
			     Z_DEFAULT_STRATEGY),
	    Z_OK);
	size = deflateBound(&z, text.len) + 32;
	out = malloc(size);
	ck_assert_ptr_nonnull(out);
	z.next_in = (Bytef *)(uintptr_t)text.ptr;
	z.avail_in = (uInt)text.len;
	z.next_out = (Bytef *)out;
	z.avail_out = (uInt)size;
	ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	size = z.total_out;
	deflateEnd(&z);
	return span_of(out, size);
}

static void
unpack(struct span s)
{
	free((void *)(uintptr_t)s.ptr);
}

/* Text that does not shrink to nothing. */
static char *
words(size_t len)
{
	uint64_t state = test_seed();
	char *text = malloc(len + 1);

	ck_assert_ptr_nonnull(text);
	for (size_t i = 0; i < len; i++)
		text[i] = (char)('a' + test_random(&state) % 20);
	return text;
}

static struct span
run(struct inflate *inf, enum inflate_coding coding, struct span body,
    uint64_t max, uint32_t ratio, enum inflate_end expected)
{
	struct span out = SPAN("untouched");
	enum inflate_end end = 77;

	ck_assert_int_eq(inflate_body(inf, coding, body, max, ratio, &out,
			     &end),
	    0);
	ck_assert_int_eq(end, expected);
	return out;
}

START_TEST(inflate_reads_the_name_of_the_coding)
{
	static const struct {
		const char *name;
		enum inflate_coding coding;
	} cases[] = {
		{ "", INFLATE_NONE },
		{ "identity", INFLATE_NONE },
		{ " , ,", INFLATE_NONE },
		{ "gzip", INFLATE_GZIP },
		{ " GZip ", INFLATE_GZIP },
		{ "x-gzip", INFLATE_GZIP },
		{ "identity, gzip", INFLATE_GZIP },
		{ "deflate", INFLATE_DEFLATE },
		{ "br", INFLATE_UNKNOWN },
		{ "gzipped", INFLATE_UNKNOWN },
		{ "gzip, gzip", INFLATE_UNKNOWN },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		ck_assert_int_eq(inflate_coding(span_from(cases[i].name)),
		    cases[i].coding);
}
END_TEST

START_TEST(inflate_undoes_every_format_at_every_size)
{
	static const struct {
		int window;
		enum inflate_coding coding;
	} formats[] = {
		{ GZIP, INFLATE_GZIP },
		{ ZLIB, INFLATE_DEFLATE },
		{ RAW, INFLATE_DEFLATE },
	};
	static const size_t sizes[] = { 0, 1, 1000, 65535, 65536, 65537, 300000,
		3000000 };
	struct inflate *inf = inflate_new();

	for (size_t f = 0; f < ARRAY_LEN(formats); f++) {
		for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
			char *text = words(sizes[i]);
			struct span all = span_of(text, sizes[i]);
			struct span packed = pack(formats[f].window, all);

			ck_assert(span_eq(run(inf, formats[f].coding, packed,
					      64 * MIB, 200, INFLATE_WHOLE),
			    all));
			/* Exactly the cap is whole, one less is not. */
			ck_assert(span_eq(run(inf, formats[f].coding, packed,
					      all.len, 200, INFLATE_WHOLE),
			    all));
			if (all.len > 0)
				ck_assert_uint_eq(run(inf, formats[f].coding,
						      packed, all.len - 1, 200,
						      INFLATE_LIMIT)
						      .len,
				    all.len - 1);
			unpack(packed);
			free(text);
		}
	}
	inflate_free(inf);
	inflate_free(NULL);
}
END_TEST

START_TEST(inflate_joins_gzip_members_and_drops_padding)
{
	struct inflate *inf = inflate_new();
	struct span a = pack(GZIP, SPAN("first,")), b = pack(GZIP, SPAN("two"));
	char both[200];
	size_t len = a.len + b.len;

	memcpy(both, a.ptr, a.len);
	memcpy(both + a.len, b.ptr, b.len);
	ck_assert(span_eq(run(inf, INFLATE_GZIP, span_of(both, len), MIB, 200,
			      INFLATE_WHOLE),
	    SPAN("first,two")));
	memset(both + len, 0, 20);
	ck_assert(span_eq(run(inf, INFLATE_GZIP, span_of(both, len + 20), MIB,
			      200, INFLATE_WHOLE),
	    SPAN("first,two")));
	/* The second one is cut. */
	ck_assert(span_starts(run(inf, INFLATE_GZIP, span_of(both, len - 9),
				  MIB, 200, INFLATE_BROKEN),
	    SPAN("first,")));
	unpack(a);
	unpack(b);
	inflate_free(inf);
}
END_TEST

START_TEST(inflate_stops_a_bomb_by_its_ratio)
{
	struct inflate *inf = inflate_new();
	char *zeros = calloc(1, 50 * MIB);
	struct span bomb = pack(GZIP, span_of(zeros, 50 * MIB)), out;

	ck_assert_uint_gt(50 * MIB / bomb.len, 900); /* it is one */
	out = run(inf, INFLATE_GZIP, bomb, 64 * MIB, 200, INFLATE_LIMIT);
	ck_assert_uint_eq(out.len, bomb.len * 200);
	out = run(inf, INFLATE_GZIP, bomb, 10 * MIB, 2000, INFLATE_LIMIT);
	ck_assert_uint_eq(out.len, 10 * MIB);
	unpack(bomb);
	/* What is small may be blank: no ratio up to 1 MiB. */
	bomb = pack(GZIP, span_of(zeros, MIB));
	out = run(inf, INFLATE_GZIP, bomb, 64 * MIB, 200, INFLATE_WHOLE);
	ck_assert_uint_eq(out.len, MIB);
	unpack(bomb);
	free(zeros);
	inflate_free(inf);
}
END_TEST

START_TEST(inflate_gives_what_a_cut_stream_holds)
{
	struct inflate *inf = inflate_new();
	char *text = words(20000);
	struct span packed = pack(GZIP, span_of(text, 20000));

	for (size_t cut = 2; cut < packed.len; cut += 97) {
		struct span out = run(inf, INFLATE_GZIP,
		    span_of(packed.ptr, cut), MIB, 200, INFLATE_BROKEN);

		ck_assert(span_starts(span_of(text, 20000), out));
		if (cut > packed.len / 2)
			ck_assert_uint_gt(out.len, 5000);
	}
	unpack(packed);
	free(text);
	inflate_free(inf);
}
END_TEST

START_TEST(inflate_survives_a_broken_stream)
{
	struct inflate *inf = inflate_new();
	uint64_t state = test_seed();
	char *text = words(5000);
	struct span packed = pack(GZIP, span_of(text, 5000));
	char *bytes = (char *)(uintptr_t)packed.ptr;

	for (int round = 0; round < 3000; round++) {
		size_t at = test_random(&state) % packed.len;
		char was = bytes[at];
		enum inflate_end end;
		struct span out;

		bytes[at] ^= (char)(1 << test_random(&state) % 8);
		ck_assert_int_eq(inflate_body(inf,
				     round % 2 ? INFLATE_GZIP : INFLATE_DEFLATE,
				     packed, MIB, 200, &out, &end),
		    0);
		ck_assert_uint_le(out.len, MIB);
		bytes[at] = was;
	}
	unpack(packed);
	free(text);
	inflate_free(inf);
}
END_TEST

START_TEST(inflate_passes_on_what_is_not_compressed)
{
	struct inflate *inf = inflate_new();
	struct span html = SPAN("<!doctype html>");

	ck_assert(span_eq(run(inf, INFLATE_GZIP, html, MIB, 200, INFLATE_WHOLE),
	    html));
	ck_assert(span_eq(run(inf, INFLATE_NONE, html, MIB, 200, INFLATE_WHOLE),
	    html));
	ck_assert(
	    span_eq(run(inf, INFLATE_UNKNOWN, html, MIB, 200, INFLATE_WHOLE),
		html));
	ck_assert(span_eq(run(inf, INFLATE_NONE, html, 5, 200, INFLATE_LIMIT),
	    SPAN("<!doc")));
	ck_assert_uint_eq(run(inf, INFLATE_GZIP, SPAN_NONE, MIB, 200,
			      INFLATE_WHOLE)
			      .len,
	    0);
	inflate_free(inf);
}
END_TEST

TEST_MAIN("inflate", inflate_reads_the_name_of_the_coding,
    inflate_undoes_every_format_at_every_size,
    inflate_joins_gzip_members_and_drops_padding,
    inflate_stops_a_bomb_by_its_ratio, inflate_gives_what_a_cut_stream_holds,
    inflate_survives_a_broken_stream, inflate_passes_on_what_is_not_compressed)
