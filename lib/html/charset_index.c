#include "lib/html/charset_index.h"

#include <errno.h>
#include <iconv.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	BMP = 0x10000,
	/* Code points that the indexes have: planes 0 to 2. */
	LAST_PLANES = 0x30000,
	/* The encoder leaves Hong Kong's additions out. */
	BIG5_ENCODED = (0xA1 - 0x81) * 157,
	/* Characters of users, which are no part of the index. */
	EUDC = 8836,
	EUDC_END = 10716,
	RANGES = 39420,
	/* The one row of the ranges that is not in order. */
	RANGES_E7C7 = 7457,
};

struct charset_index_patch {
	uint16_t pointer;
	uint16_t cp; /* of the first of n rows that follow each other */
	uint16_t n;
};

/* Where glibc's tables (2.36) and the Standard's differ. */
/* clang-format off */
static const struct charset_index_patch patches_big5[] = {
	{ 2082, 0x7BB8, 1 }, { 2088, 0x7C06, 1 }, { 2103, 0x7CCE, 1 },
	{ 2114, 0x7DD2, 1 }, { 2123, 0x7E1D, 1 }, { 2148, 0x8005, 1 },
	{ 2151, 0x8028, 1 }, { 2221, 0x83C1, 1 }, { 2239, 0x84A8, 1 },
	{ 2244, 0x840F, 1 }, { 2303, 0x89A6, 1 }, { 2304, 0x89A9, 1 },
	{ 2354, 0x8D77, 1 }, { 2400, 0x90FD, 1 }, { 2413, 0x92B9, 1 },
	{ 2477, 0x975C, 1 }, { 2498, 0x97FF, 1 }, { 2605, 0x9F16, 1 },
	{ 2673, 0x8503, 1 }, { 2746, 0x5159, 1 }, { 2747, 0x515B, 1 },
	{ 2748, 0x515D, 2 }, { 2771, 0x936E, 1 }, { 2780, 0x7479, 1 },
	{ 2990, 0x6D67, 1 }, { 3087, 0x799B, 1 }, { 3259, 0x9097, 1 },
	{ 3301, 0x975D, 1 }, { 3436, 0x701E, 1 }, { 3451, 0x5B28, 1 },
	{ 4136, 0x7201, 1 }, { 4138, 0x77D7, 1 }, { 4141, 0x7E87, 1 },
	{ 4182, 0x99D6, 1 }, { 4206, 0x91D4, 1 }, { 4220, 0x60DE, 1 },
	{ 4230, 0x6FB6, 1 }, { 4241, 0x8F36, 1 }, { 4258, 0x4FBB, 1 },
	{ 4273, 0x71DF, 1 }, { 4279, 0x9104, 1 }, { 4282, 0x9DF0, 1 },
	{ 4294, 0x83CF, 1 }, { 4329, 0x5C10, 1 }, { 4330, 0x79E3, 1 },
	{ 4349, 0x5A67, 1 }, { 4419, 0x8F0B, 1 }, { 4422, 0x7B51, 1 },
	{ 4494, 0x62D0, 1 }, { 4624, 0x6062, 1 }, { 4694, 0x75F9, 1 },
	{ 4708, 0x6C4A, 1 }, { 4742, 0x9B2E, 1 }, { 4748, 0x9F17, 1 },
	{ 4815, 0x50ED, 1 }, { 4828, 0x5F0C, 1 }, { 4902, 0x880F, 1 },
	{ 4922, 0x62CE, 1 }, { 4982, 0x7468, 1 }, { 4992, 0x7162, 1 },
	{ 4997, 0x7250, 1 }, { 5029, 0x2027, 1 }, { 5038, 0xFE51, 1 },
	{ 5050, 0x2574, 1 }, { 5120, 0x00AF, 1 }, { 5121, 0xFFE3, 1 },
	{ 5123, 0x02CD, 1 }, { 5153, 0xFF5E, 1 }, { 5168, 0x2295, 1 },
	{ 5169, 0x2299, 1 }, { 5180, 0xFF0F, 1 }, { 5181, 0xFF3C, 1 },
	{ 5182, 0x2215, 1 }, { 5183, 0xFE68, 1 }, { 5185, 0xFFE5, 1 },
	{ 5187, 0xFFE0, 2 }, { 5287, 0x5341, 1 }, { 5289, 0x5345, 1 },
	{ 5432, 0x2400, 32 }, { 5464, 0x2421, 1 }, { 5465, 0x20AC, 1 },
	{ 10942, 0x5EF4, 1 }, { 10946, 0x65E0, 1 }, { 10948, 0x7676, 1 },
	{ 10950, 0x96B6, 1 }, { 10957, 0x3003, 1 }, { 10958, 0x4EDD, 1 },
	{ 19028, 0x5029, 1 }, { 19035, 0x507D, 1 }, { 19088, 0x5305, 1 },
	{ 19096, 0x5344, 1 }, { 19112, 0x537F, 1 }, { 19162, 0x5605, 1 },
	{ 19240, 0x5A77, 1 }, { 19299, 0x5E75, 1 }, { 19305, 0x5ED0, 1 },
	{ 19326, 0x5F58, 1 }, { 19355, 0x60A4, 1 }, { 19398, 0x6490, 1 },
	{ 19439, 0x6674, 1 }, { 19454, 0x675E, 1 }, { 19553, 0x6C9C, 1 },
	{ 19554, 0x6E1D, 1 }, { 19557, 0x6E2F, 1 }, { 19611, 0x716E, 1 },
	{ 19643, 0x732A, 1 }, { 19672, 0x745C, 1 }, { 19697, 0x74E9, 1 },
	{ 19748, 0x7809, 1 },
};
static const struct charset_index_patch patches_gb18030[] = {
	{ 6555, 0x3000, 1 }, { 23767, 0xE816, 3 }, { 23794, 0xE831, 1 },
	{ 23804, 0xE83B, 1 }, { 23830, 0xE855, 1 },
};
/* Private characters whose places the edition of 2022 gave to others.  They are
 * still written so. */
static const struct charset_index_patch privates_gb18030[] = {
	{ 7182, 0xE78D, 7 }, { 7201, 0xE794, 2 }, { 7208, 0xE796, 1 },
	{ 23775, 0xE81E, 1 }, { 23783, 0xE826, 1 }, { 23788, 0xE82B, 2 },
	{ 23795, 0xE832, 1 }, { 23812, 0xE843, 1 }, { 23829, 0xE854, 1 },
	{ 23845, 0xE864, 1 },
};
/* clang-format on */

/* The bytes of a pointer. */
typedef size_t charset_index_bytes(uint32_t pointer, unsigned char *bytes);

static size_t
bytes_big5(uint32_t pointer, unsigned char *bytes)
{
	uint32_t trail = pointer % 157;

	bytes[0] = (unsigned char)(pointer / 157 + 0x81);
	bytes[1] = (unsigned char)(trail + (trail < 0x3F ? 0x40 : 0x62));
	return 2;
}

static size_t
bytes_euc_kr(uint32_t pointer, unsigned char *bytes)
{
	bytes[0] = (unsigned char)(pointer / 190 + 0x81);
	bytes[1] = (unsigned char)(pointer % 190 + 0x41);
	return 2;
}

static size_t
bytes_gb18030(uint32_t pointer, unsigned char *bytes)
{
	uint32_t trail = pointer % 190;

	bytes[0] = (unsigned char)(pointer / 190 + 0x81);
	bytes[1] = (unsigned char)(trail + (trail < 0x3F ? 0x40 : 0x41));
	return 2;
}

/* As shift_jis has it, which reaches all of the index. */
static size_t
bytes_jis0208(uint32_t pointer, unsigned char *bytes)
{
	uint32_t lead = pointer / 188, trail = pointer % 188;

	if (pointer >= EUDC && pointer < EUDC_END)
		return 0;
	bytes[0] = (unsigned char)(lead + (lead < 0x1F ? 0x81 : 0xC1));
	bytes[1] = (unsigned char)(trail + (trail < 0x3F ? 0x40 : 0x41));
	return 2;
}

/* As euc-jp has it. */
static size_t
bytes_jis0212(uint32_t pointer, unsigned char *bytes)
{
	bytes[0] = 0x8F;
	bytes[1] = (unsigned char)(pointer / 94 + 0xA1);
	bytes[2] = (unsigned char)(pointer % 94 + 0xA1);
	return 3;
}

struct charset_index_row {
	const char *iconv;
	charset_index_bytes *bytes;
	uint32_t n;
	const struct charset_index_patch *patches;
	size_t n_patches;
};

/* clang-format off */
static const struct charset_index_row rows[CHARSET_INDEXES] = {
	[INDEX_BIG5]    = { "BIG5-HKSCS", bytes_big5,    126 * 157, patches_big5, ARRAY_LEN(patches_big5) },
	[INDEX_EUC_KR]  = { "UHC",        bytes_euc_kr,  126 * 190, NULL, 0 },
	[INDEX_GB18030] = { "GB18030",    bytes_gb18030, 126 * 190, patches_gb18030, ARRAY_LEN(patches_gb18030) },
	[INDEX_JIS0208] = { "CP932",      bytes_jis0208,  60 * 188, NULL, 0 },
	[INDEX_JIS0212] = { "EUC-JP",     bytes_jis0212,  94 *  94, NULL, 0 },
};
/* clang-format on */

/* What iconv makes of one character's bytes; 0: none, or not one. */
static uint32_t
index_ask(iconv_t cd, const unsigned char *bytes, size_t len)
{
	char *in = (char *)(uintptr_t)bytes, *out;
	uint32_t cps[4];
	size_t left = sizeof(cps);

	out = (char *)cps;
	iconv(cd, NULL, NULL, NULL, NULL);
	if (iconv(cd, &in, &len, &out, &left) == (size_t)-1)
		return 0;
	iconv(cd, NULL, NULL, &out, &left); /* what it held back */
	return left == sizeof(cps) - sizeof(cps[0]) ? cps[0] : 0;
}

static int
index_fill(const struct charset_index_row *row, uint32_t *cps)
{
	unsigned char bytes[3];
	iconv_t cd = iconv_open(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
				    ? "UTF-32LE"
				    : "UTF-32BE",
	    row->iconv);

	if (cd == (iconv_t)-1)
		return errno == EINVAL ? 0 : -ENOMEM;
	for (uint32_t i = 0; i < row->n; i++) {
		size_t len = row->bytes(i, bytes);

		if (len > 0)
			cps[i] = index_ask(cd, bytes, len);
	}
	iconv_close(cd);
	for (size_t i = 0; i < row->n_patches; i++) {
		const struct charset_index_patch *patch = &row->patches[i];

		for (uint32_t k = 0; k < patch->n; k++)
			cps[patch->pointer + k] = patch->cp + k;
	}
	return 0;
}

/*
 * The four bytes of gb18030 count through the code points that two bytes did
 * not have in its first edition: the later ones exchanged characters and left
 * the count alone.
 */
static int
index_fill_ranges(const struct charset_index *pairs, uint32_t *cps)
{
	bool *taken = calloc(BMP, sizeof(*taken));
	uint32_t n = 0;

	if (taken == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < pairs->n; i++) {
		if (pairs->cps[i] < BMP)
			taken[pairs->cps[i]] = true;
	}
	/* What took the place of a private character, and what it was. */
	for (uint32_t cp = 0xFE10; cp <= 0xFE19; cp++)
		taken[cp] = false;
	for (uint32_t cp = 0x9FB4; cp <= 0x9FBB; cp++)
		taken[cp] = false;
	for (size_t i = 0; i < ARRAY_LEN(privates_gb18030); i++) {
		const struct charset_index_patch *row = &privates_gb18030[i];

		for (uint32_t k = 0; k < row->n; k++)
			taken[row->cp + k] = true;
	}
	taken[0xE5E5] = true;
	taken[0xE7C7] = true;
	taken[0x1E3F] = false; /* its place is given to U+E7C7 */
	for (uint32_t cp = 0x80; cp < BMP && n < RANGES; cp++) {
		if (!taken[cp] && (cp < 0xD800 || cp > 0xDFFF))
			cps[n++] = cp;
	}
	cps[RANGES_E7C7] = 0xE7C7;
	free(taken);
	return 0;
}

int
charset_index(struct charset_indexes *indexes, enum charset_index_name name,
    const struct charset_index **out)
{
	struct charset_index *index = &indexes->index[name];
	const struct charset_index *pairs = NULL;
	uint32_t n = name == INDEX_GB18030_RANGES ? RANGES : rows[name].n;
	uint32_t *cps;
	int r = 0;

	*out = index;
	if (index->cps != NULL)
		return 0;
	if (name == INDEX_GB18030_RANGES)
		r = charset_index(indexes, INDEX_GB18030, &pairs);
	cps = calloc(n, sizeof(*cps));
	if (r == 0 && cps == NULL)
		r = -ENOMEM;
	if (r == 0)
		r = name == INDEX_GB18030_RANGES ? index_fill_ranges(pairs, cps)
						 : index_fill(&rows[name], cps);
	if (r < 0) {
		free(cps);
		return r;
	}
	index->cps = cps;
	index->n = n;
	return 0;
}

void
charset_indexes_fini(struct charset_indexes *indexes)
{
	for (size_t i = 0; i < CHARSET_INDEXES; i++) {
		free(indexes->index[i].cps);
		free(indexes->index[i].pointers);
	}
	memset(indexes, 0, sizeof(*indexes));
}

/* Of these Big5 writes the last pointer, of all others the first. */
static bool
index_takes_last(enum charset_index_name name, uint32_t cp)
{
	return name == INDEX_BIG5 &&
	       (cp == 0x2550 || cp == 0x255E || cp == 0x2561 || cp == 0x256A ||
		   cp == 0x5341 || cp == 0x5345);
}

/* -1: it is none of these */
static int32_t
index_private(enum charset_index_name name, uint32_t cp)
{
	if (name != INDEX_GB18030)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(privates_gb18030); i++) {
		const struct charset_index_patch *row = &privates_gb18030[i];

		if (cp - row->cp < row->n)
			return (int32_t)(row->pointer + cp - row->cp);
	}
	return -1;
}

int32_t
charset_index_pointer(struct charset_indexes *indexes,
    enum charset_index_name name, uint32_t cp)
{
	struct charset_index *index = &indexes->index[name];
	const struct charset_index *filled;
	int r = charset_index(indexes, name, &filled);

	if (r < 0)
		return r;
	if (cp >= LAST_PLANES)
		return -1;
	if (index->pointers == NULL) {
		index->pointers = calloc(LAST_PLANES, sizeof(uint16_t));
		if (index->pointers == NULL)
			return -ENOMEM;
		for (uint32_t i = name == INDEX_BIG5 ? BIG5_ENCODED : 0;
		     i < index->n; i++) {
			uint32_t of = index->cps[i];

			if (of > 0 && of < LAST_PLANES &&
			    (index->pointers[of] == 0 ||
				index_takes_last(name, of)))
				index->pointers[of] = (uint16_t)(i + 1);
		}
	}
	if (index->pointers[cp] == 0)
		return index_private(name, cp);
	return (int32_t)index->pointers[cp] - 1;
}
