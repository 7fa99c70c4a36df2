#include "lib/sitemap/sitemap.h"

#include <errno.h>
#include <zlib.h>

#include "lib/base/buf.h"
#include "tests/harness.h"

#define HEAD "<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">"

enum {
	TEXT_MAX = 80 << 20
};

struct reading {
	struct sitemap_reader *reader;
	struct sitemap_report report;
	struct buf locs; /* each with a newline behind it */
	uint32_t room;   /* entries that are taken; 0: all */
	uint32_t taken;
	struct url url;
};

static bool
take(void *arg, const struct sitemap_entry *entry)
{
	struct reading *x = arg;

	if (x->room > 0 && x->taken == x->room)
		return false;
	x->taken++;
	ck_assert_int_eq(buf_add_span(&x->locs, entry->loc), 0);
	ck_assert_int_eq(buf_add_char(&x->locs, '\n'), 0);
	return true;
}

static void
reading_init(struct reading *x, const struct sitemap_limits *limits)
{
	static const struct sitemap_limits usual = { SITEMAP_BYTES_MAX,
		SITEMAP_URLS_MAX, 4096 };

	*x = (struct reading){ .reader = sitemap_reader_new(
				   limits ? limits : &usual) };
	ck_assert_ptr_nonnull(x->reader);
	buf_init(&x->locs, TEXT_MAX);
	url_init(&x->url);
	ck_assert_int_eq(url_parse(SPAN("https://a.test/s/map.xml"), NULL,
			     &x->url),
	    0);
}

static void
reading_fini(struct reading *x)
{
	sitemap_reader_free(x->reader);
	buf_fini(&x->locs);
	url_fini(&x->url);
}

static void
read_typed(struct reading *x, struct span body, const char *content_type)
{
	struct sitemap_input input = { .body = body,
		.content_type = span_from(content_type),
		.url = &x->url };

	buf_clear(&x->locs);
	x->taken = 0;
	ck_assert_int_eq(sitemap_read(x->reader, &input, take, x, &x->report),
	    0);
	ck_assert_uint_eq(x->report.listed, x->taken);
}

static void
read_text(struct reading *x, const char *text)
{
	read_typed(x, span_from(text), "");
}

/* What was read: these locs, this type, this defect. */
static void
expect(const struct reading *x, unsigned type, unsigned defect,
    const char *locs)
{
	ck_assert_msg(span_eq(buf_span(&x->locs), span_from(locs)),
	    "%.*s, not %s", (int)x->locs.len, x->locs.ptr, locs);
	ck_assert_uint_eq(x->report.type, type);
	ck_assert_uint_eq(x->report.defect, defect);
}

static void
add(struct buf *out, const char *text)
{
	ck_assert_int_eq(buf_add_span(out, span_from(text)), 0);
}

static void
repeat(struct buf *out, const char *text, size_t len)
{
	int r = 0;

	/* One ck_assert for all: it is slow. */
	while (r == 0 && out->len < len)
		r = buf_add_span(out, span_from(text));
	ck_assert_int_eq(r, 0);
}

/* One member. */
static void
add_gzip(struct buf *out, struct span bytes)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)bytes.ptr,
		.avail_in = (uInt)bytes.len };
	uLong bound;

	ck_assert_int_eq(deflateInit2(&z, 6, Z_DEFLATED, MAX_WBITS + 16, 8,
			     Z_DEFAULT_STRATEGY),
	    Z_OK);
	bound = deflateBound(&z, bytes.len) + 64;
	z.next_out = (Bytef *)buf_room(out, bound);
	z.avail_out = (uInt)bound;
	ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	out->len += z.total_out;
	deflateEnd(&z);
}

/* --- behind a fault ------------------------------------------------------ */

START_TEST(a_fault_costs_one_url)
{
	struct reading x;

	reading_init(&x, NULL);
	read_text(&x, HEAD "<url><loc>http://a.test/1</loc></url>\n"
			   "<url><loc>http://a.test/2?a&b</loc></url>\n"
			   "<url><loc>http://a.test/3</loc></url>\n"
			   "<url><loc>http://a.test/4</bad></url>"
			   "<url><loc>http://a.test/5</loc></url>"
			   "<url><loc>http://a.test/\xFF</loc></url>"
			   "<url><loc>http://a.test/&nbsp;</loc></url>"
			   "<url ><loc>http://a.test/7</loc></url></urlset>");
	expect(&x, SITEMAP_URLSET, SITEMAP_MALFORMED,
	    "http://a.test/1\nhttp://a.test/3\nhttp://a.test/5\n"
	    "http://a.test/7\n");
	ck_assert_uint_eq(x.report.line, 2);
	reading_fini(&x);
}
END_TEST

START_TEST(what_was_whole_of_an_entry_counts)
{
	struct reading x;

	reading_init(&x, NULL);
	read_text(&x, HEAD "<url><loc>http://a.test/1</loc><lastmod>20");
	expect(&x, SITEMAP_URLSET, SITEMAP_MALFORMED, "http://a.test/1\n");
	read_text(&x, HEAD "<url><loc>http://a.test/1</loc>&</url>");
	expect(&x, SITEMAP_URLSET, SITEMAP_MALFORMED, "http://a.test/1\n");
	/* Half a URL is another one. */
	read_text(&x, HEAD "<url><loc>http://a.test/1");
	expect(&x, SITEMAP_URLSET, SITEMAP_MALFORMED, "");
	reading_fini(&x);
}
END_TEST

START_TEST(faults_are_survived_in_every_kind)
{
	struct reading x;

	reading_init(&x, NULL);
	read_text(&x, "<s:urlset xmlns:s=\"u\"><s:url>&</s:url><url>"
		      "<s:url><s:loc>http://a.test/1</s:loc></s:url>");
	expect(&x, SITEMAP_URLSET, SITEMAP_MALFORMED, "http://a.test/1\n");
	read_text(&x, "<sitemapindex><sitemap><loc>&</loc></sitemap>"
		      "<sitemap><loc>http://a.test/1</loc></sitemap>");
	expect(&x, SITEMAP_INDEX, SITEMAP_MALFORMED, "http://a.test/1\n");
	read_text(&x, "<rss><channel><title>&</title><item>"
		      "<link>http://a.test/1</link></item></channel></rss>");
	expect(&x, SITEMAP_RSS, SITEMAP_MALFORMED, "http://a.test/1\n");
	read_text(&x, "<r:RDF xmlns:r=\"u\"><item>&</item>"
		      "<item><link>http://a.test/1</link></item></r:RDF>");
	expect(&x, SITEMAP_RSS, SITEMAP_MALFORMED, "http://a.test/1\n");
	read_text(&x, "<feed><title>&</title><entry>"
		      "<link href=\"http://a.test/1\"/></entry></feed>");
	expect(&x, SITEMAP_ATOM, SITEMAP_MALFORMED, "http://a.test/1\n");
	reading_fini(&x);
}
END_TEST

/* Wherever the pieces that it is read in may end. */
START_TEST(a_tag_is_found_over_the_end_of_a_piece)
{
	enum {
		PIECE = 64 << 10
	};
	struct reading x;
	struct buf text;

	reading_init(&x, NULL);
	buf_init(&text, TEXT_MAX);
	for (size_t at = PIECE - 12; at <= PIECE + 2; at++) {
		buf_clear(&text);
		add(&text, HEAD "&");
		memset(buf_room(&text, at - text.len), ' ', at - text.len);
		text.len = at;
		add(&text, "<url><loc>http://a.test/1</loc></url></urlset>");
		read_typed(&x, buf_span(&text), "");
		expect(&x, SITEMAP_URLSET, SITEMAP_MALFORMED,
		    "http://a.test/1\n");
	}
	buf_fini(&text);
	reading_fini(&x);
}
END_TEST

START_TEST(a_file_of_faults_ends)
{
	struct reading x;
	struct buf text;

	reading_init(&x, NULL);
	buf_init(&text, TEXT_MAX);
	add(&text, HEAD);
	repeat(&text, "<url>&", 8 << 20);
	read_typed(&x, buf_span(&text), "");
	expect(&x, SITEMAP_URLSET, SITEMAP_MALFORMED, "");
	buf_fini(&text);
	reading_fini(&x);
}
END_TEST

/* --- what no honest file has --------------------------------------------- */

START_TEST(excesses_end_the_reading)
{
	struct reading x;
	struct buf text;
	char name[32];

	reading_init(&x, NULL);
	buf_init(&text, TEXT_MAX);

	repeat(&text, "<urlset><a>", 100 << 10);
	read_typed(&x, buf_span(&text), "");
	expect(&x, SITEMAP_URLSET, SITEMAP_EXCESSIVE, "");

	buf_clear(&text);
	add(&text, HEAD "<url><loc>http://a.test/1</loc></url>");
	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "<a%d b%d=''/>", i, i);
		add(&text, name);
	}
	read_typed(&x, buf_span(&text), "");
	expect(&x, SITEMAP_URLSET, SITEMAP_EXCESSIVE, "http://a.test/1\n");

	buf_clear(&text);
	add(&text, HEAD "<!--");
	repeat(&text, "comment ", 4 << 20);
	read_typed(&x, buf_span(&text), "");
	expect(&x, SITEMAP_URLSET, SITEMAP_EXCESSIVE, "");

	buf_clear(&text);
	add(&text, "<!DOCTYPE urlset [");
	repeat(&text, "<!ENTITY a 'b'>", 1 << 20);
	add(&text, "]><urlset></urlset>");
	read_typed(&x, buf_span(&text), "");
	expect(&x, SITEMAP_NONE, SITEMAP_EXCESSIVE, "");
	buf_fini(&text);
	reading_fini(&x);
}
END_TEST

START_TEST(entities_that_a_file_declares_are_not_expanded)
{
	struct reading x;

	reading_init(&x, NULL);
	read_text(&x, "<!DOCTYPE urlset [<!ENTITY a 'http://a.test/'>]>" HEAD
		      "<url><loc>&a;1</loc></url>"
		      "<url><loc>http://a.test/&a;</loc></url>"
		      "<url><loc>http://a.test/&amp;</loc></url></urlset>");
	expect(&x, SITEMAP_URLSET, SITEMAP_SOUND, "http://a.test/&\n");
	ck_assert_uint_eq(x.report.dropped, 2);
	/* In an attribute expat expands them itself, within its limit. */
	read_text(&x,
	    "<!DOCTYPE feed [<!ENTITY a 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'>"
	    "<!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>"
	    "<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'>"
	    "<!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;'>"
	    "<!ENTITY e '&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;'>]>"
	    "<feed><entry><link href='http://a.test/&e;'/></entry></feed>");
	expect(&x, SITEMAP_ATOM, SITEMAP_MALFORMED, "");
	reading_fini(&x);
}
END_TEST

/* --- gzip ---------------------------------------------------------------- */

START_TEST(gzip_is_undone_as_often_as_it_was_done)
{
	struct span text = SPAN(
	    HEAD "<url><loc>http://a.test/1</loc></url></urlset>");
	struct buf once, twice;
	struct reading x;

	reading_init(&x, NULL);
	buf_init(&once, TEXT_MAX);
	buf_init(&twice, TEXT_MAX);
	add_gzip(&once, text);
	add_gzip(&twice, buf_span(&once));
	read_typed(&x, buf_span(&once), "text/xml");
	expect(&x, SITEMAP_URLSET, SITEMAP_SOUND, "http://a.test/1\n");
	read_typed(&x, buf_span(&twice), "text/xml");
	expect(&x, SITEMAP_URLSET, SITEMAP_SOUND, "http://a.test/1\n");
	/* Padding is no fault. */
	ck_assert_int_eq(buf_add(&once, "\0\0\0\0", 4), 0);
	read_typed(&x, buf_span(&once), "");
	expect(&x, SITEMAP_URLSET, SITEMAP_SOUND, "http://a.test/1\n");
	buf_fini(&once);
	buf_fini(&twice);
	reading_fini(&x);
}
END_TEST

START_TEST(members_are_one_file)
{
	struct buf gz;
	struct reading x;
	size_t whole;

	reading_init(&x, NULL);
	buf_init(&gz, TEXT_MAX);
	add_gzip(&gz, SPAN("http://a.test/1\nhttp://a."));
	whole = gz.len;
	add_gzip(&gz, SPAN("test/2\nhttp://a.test/3\n"));
	read_typed(&x, buf_span(&gz), "");
	expect(&x, SITEMAP_TEXT, SITEMAP_SOUND,
	    "http://a.test/1\nhttp://a.test/2\nhttp://a.test/3\n");
	/* The second one is cut in its head. */
	read_typed(&x, span_of(gz.ptr, whole + 5), "");
	ck_assert_uint_eq(x.report.defect, SITEMAP_GZIP);
	buf_fini(&gz);
	reading_fini(&x);
}
END_TEST

/* A gzip of a gzip of blanks: neither layer is read past the limit. */
START_TEST(a_bomb_in_a_bomb_ends)
{
	struct sitemap_limits limits = { 1 << 20, 10, 4096 };
	char *blanks = calloc(1, 32 << 20);
	struct buf once, twice;
	struct reading x;

	reading_init(&x, &limits);
	buf_init(&once, TEXT_MAX);
	buf_init(&twice, TEXT_MAX);
	memset(blanks, ' ', 32 << 20);
	add_gzip(&once, span_of(blanks, 32 << 20));
	for (int i = 0; i < 5; i++)
		add_gzip(&once, buf_span(&once));
	add_gzip(&twice, buf_span(&once));
	read_typed(&x, buf_span(&twice), "");
	ck_assert_uint_eq(x.report.cut, SITEMAP_CUT_BYTES);
	ck_assert_uint_le(x.report.decoded_len, 1 << 20);
	buf_fini(&once);
	buf_fini(&twice);
	free(blanks);
	reading_fini(&x);
}
END_TEST

/* --- limits -------------------------------------------------------------- */

START_TEST(no_more_is_handed_over_than_is_wanted)
{
	struct sitemap_limits limits = { SITEMAP_BYTES_MAX, 2, 24 };
	struct reading x;

	reading_init(&x, &limits);
	read_text(&x, "http://a.test/1\nhttp://a.test/2\n\nnothing\n");
	expect(&x, SITEMAP_TEXT, SITEMAP_SOUND,
	    "http://a.test/1\nhttp://a.test/2\n");
	ck_assert_uint_eq(x.report.cut, SITEMAP_WHOLE);
	ck_assert_uint_eq(x.report.dropped, 1);
	read_text(&x, "http://a.test/1\nhttp://a.test/2\nhttp://a.test/3");
	expect(&x, SITEMAP_TEXT, SITEMAP_SOUND,
	    "http://a.test/1\nhttp://a.test/2\n");
	ck_assert_uint_eq(x.report.cut, SITEMAP_CUT_URLS);
	read_text(&x, "http://a.test/too/long/1234\nhttp://a.test/2\n");
	expect(&x, SITEMAP_TEXT, SITEMAP_SOUND, "http://a.test/2\n");
	x.room = 1;
	read_text(&x, HEAD "<url><loc>http://a.test/1</loc></url>"
			   "<url><loc>http://a.test/2</loc></url></urlset>");
	expect(&x, SITEMAP_URLSET, SITEMAP_SOUND, "http://a.test/1\n");
	ck_assert_uint_eq(x.report.cut, SITEMAP_CUT_ROOM);
	reading_fini(&x);
}
END_TEST

/* --- encodings ----------------------------------------------------------- */

START_TEST(encodings_are_those_that_the_file_names)
{
	static const struct {
		const char *encoding, *bytes, *text;
	} cases[] = {
		{ "utf-8", "\xC3\xA9", "é" },
		{ "ISO-8859-1", "\xE9", "é" },
		{ "windows-1251", "\xE6", "ж" },
		{ "KOI8-R", "\xD6", "ж" },
		{ "GB2312", "\xD6\xD0", "中" },
		{ "Big5", "\xA4\xA4", "中" },
		{ "Shift_JIS", "\x93\xFA", "日" },
		{ "EUC-JP", "\xC6\xFC", "日" },
		{ "EUC-JP", "\x8F\xB0\xA1", "丂" },
		{ "euc-kr", "\xC7\xD1", "한" },
	};
	struct reading x;
	char text[400], want[100], type[100];

	reading_init(&x, NULL);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(want, sizeof(want), "http://a.test/%s\n",
		    cases[i].text);
		snprintf(text, sizeof(text),
		    "<?xml version=\"1.0\" encoding=\"%s\"?>" HEAD
		    "<url><loc>http://a.test/%s</loc></url></urlset>",
		    cases[i].encoding, cases[i].bytes);
		/* The file knows better than its server. */
		read_typed(&x, span_from(text), "text/xml; charset=utf-8");
		expect(&x, SITEMAP_URLSET, SITEMAP_SOUND, want);
		/* It says nothing: the server is asked. */
		snprintf(text, sizeof(text),
		    HEAD "<url><loc>http://a.test/%s</loc></url></urlset>",
		    cases[i].bytes);
		snprintf(type, sizeof(type), "text/xml; charset=\"%s\"",
		    cases[i].encoding);
		read_typed(&x, span_from(text), type);
		expect(&x, SITEMAP_URLSET, SITEMAP_SOUND, want);
	}
	read_text(&x, "<?xml version=\"1.0\" encoding=\"utf-7\"?>" HEAD
		      "<url><loc>http://a.test/1</loc></url></urlset>");
	expect(&x, SITEMAP_NONE, SITEMAP_MALFORMED, "");
	reading_fini(&x);
}
END_TEST

/* --- words, location ----------------------------------------------------- */

START_TEST(a_defect_is_said_with_its_line)
{
	struct reading x;
	char words[120];

	reading_init(&x, NULL);
	read_text(&x, HEAD "\n\n<url></loc></url>");
	sitemap_describe(&x.report, words, sizeof(words));
	ck_assert_str_eq(words, "line 3: mismatched tag");
	read_text(&x, "");
	sitemap_describe(&x.report, words, sizeof(words));
	ck_assert_str_eq(words, "it is empty");
	read_text(&x, HEAD "</urlset>");
	sitemap_describe(&x.report, words, sizeof(words));
	ck_assert_str_eq(words, "");
	/* Whatever a parser that was taken over wrote. */
	memset(&x.report, 0xFF, sizeof(x.report));
	sitemap_describe(&x.report, words, sizeof(words));
	reading_fini(&x);
}
END_TEST

START_TEST(a_sitemap_covers_its_folder)
{
	static const struct {
		const char *sitemap, *listed;
		bool covers;
	} cases[] = {
		{ "http://a.test/s.xml", "http://a.test/x/y", true },
		{ "http://a.test/s.xml", "http://a.test/", true },
		{ "http://a.test/d/s.xml", "http://a.test/d/x", true },
		{ "http://a.test/d/s.xml?f=/d/e/", "http://a.test/d/x", true },
		{ "http://a.test/d/s.xml", "http://a.test/x", false },
		{ "http://a.test/d/s.xml", "http://a.test/dx/y", false },
		{ "http://a.test/s.xml", "https://a.test/x", false },
		{ "http://a.test/s.xml", "http://a.test:8080/x", false },
		{ "http://a.test:80/s.xml", "http://a.test/x", true },
		{ "http://a.test/s.xml", "http://b.a.test/x", false },
	};
	struct url sitemap, listed;

	url_init(&sitemap);
	url_init(&listed);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		ck_assert_int_eq(url_parse(span_from(cases[i].sitemap), NULL,
				     &sitemap),
		    0);
		ck_assert_int_eq(url_parse(span_from(cases[i].listed), NULL,
				     &listed),
		    0);
		ck_assert_msg(sitemap_covers(&sitemap, &listed) ==
				  cases[i].covers,
		    "%s, %s", cases[i].sitemap, cases[i].listed);
	}
	url_fini(&sitemap);
	url_fini(&listed);
}
END_TEST

/* --- anything ------------------------------------------------------------ */

/* Files with bytes changed, cut out, doubled: read to an end, with what may be
 * true of them. */
START_TEST(anything_is_read_to_its_end)
{
	static const char *const files[] = { "basic.xml", "basic.xml.gz",
		"extensions.xml", "entities.xml", "rss2.xml", "atom.xml",
		"rdf-rss1.xml", "utf16le.xml", "latin1.xml", "xxe.xml",
		"two-members.xml.gz", "billion-laughs.xml", "mixed.txt" };
	uint64_t random = test_seed();
	struct reading x;

	reading_init(&x, NULL);
	for (int i = 0; i < 3000; i++) {
		char path[100];
		size_t len;
		char *body;

		snprintf(path, sizeof(path), "sitemap/files/%s",
		    files[test_random(&random) % ARRAY_LEN(files)]);
		body = test_data(path, &len);
		for (uint64_t n = test_random(&random) % 6; n > 0; n--) {
			size_t at = test_random(&random) % len;

			if (test_random(&random) % 2)
				body[at] = (char)test_random(&random);
			else
				body[at] =
				    "<>&;\"'/ \0\n"[test_random(&random) % 10];
		}
		if (test_random(&random) % 4 == 0)
			len = test_random(&random) % len;
		read_typed(&x, span_of(body, len), "");
		ck_assert_uint_lt(x.report.type, SITEMAP_TYPES);
		ck_assert_uint_lt(x.report.defect, SITEMAP_DEFECTS);
		ck_assert(x.report.type != SITEMAP_NONE ||
			  x.report.defect != SITEMAP_SOUND);
		free(body);
	}
	reading_fini(&x);
}
END_TEST

START_TEST(sitemap_says_why_the_first_entry_is_left_out)
{
	static const struct {
		const char *loc;
		uint8_t drop;
	} bad[] = {
		{ "", SITEMAP_DROP_EMPTY },
		{ "https://a.test/0123456789012345678901234567890123456789",
		    SITEMAP_DROP_LONG },
		{ "https://a.test/&e;", SITEMAP_DROP_ENTITY },
		{ "http://[", SITEMAP_DROP_TEXT },
		{ "ftp://a.test/", SITEMAP_DROP_SCHEME },
	};
	static const struct sitemap_limits limits = { SITEMAP_BYTES_MAX,
		SITEMAP_URLS_MAX, 40 };
	struct reading x;

	reading_init(&x, &limits);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char text[400];

		snprintf(text, sizeof(text),
		    "<!DOCTYPE urlset [<!ENTITY e 'x'>]>" HEAD
		    "<url><loc>%s</loc></url>"
		    "<url><loc>mailto:x</loc></url>"
		    "<url><loc>https://a.test/</loc></url></urlset>",
		    bad[i].loc);
		read_text(&x, text);
		expect(&x, SITEMAP_URLSET, SITEMAP_SOUND, "https://a.test/\n");
		ck_assert_uint_eq(x.report.dropped, 2);
		ck_assert_uint_eq(x.report.drop, bad[i].drop);
		ck_assert_str_ne(sitemap_drop_words(bad[i].drop), "");
	}
	reading_fini(&x);
}
END_TEST

TEST_MAIN("sitemap", sitemap_says_why_the_first_entry_is_left_out,
    a_fault_costs_one_url, what_was_whole_of_an_entry_counts,
    faults_are_survived_in_every_kind, a_tag_is_found_over_the_end_of_a_piece,
    a_file_of_faults_ends, excesses_end_the_reading,
    entities_that_a_file_declares_are_not_expanded,
    gzip_is_undone_as_often_as_it_was_done, members_are_one_file,
    a_bomb_in_a_bomb_ends, no_more_is_handed_over_than_is_wanted,
    encodings_are_those_that_the_file_names, a_defect_is_said_with_its_line,
    a_sitemap_covers_its_folder, anything_is_read_to_its_end)
