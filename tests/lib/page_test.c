#include "lib/html/page.h"

#include <time.h>
#include <zlib.h>

#include "lib/base/utf8.h"
#include "tests/lib/cases.h"

#define MIB (1u << 20)

static const struct page_limits ample = { 64 * MIB, 200, 5000, 512, 512 * MIB,
	20000 };

static int64_t
cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A reader and what it is given; a test changes what it is about. */
struct reading {
	struct page_reader *reader;
	struct page_input input;
	struct page page;
	struct url url;
	struct buf text; /* for a body that is made up */
};

static void
reading_init(struct reading *r, const struct page_limits *limits)
{
	*r = (struct reading){
		.reader = page_reader_new(limits),
		.input = { .content_type = SPAN("text/html"),
		    .robots_agent = SPAN("mpcrawl") },
	};
	ck_assert_ptr_nonnull(r->reader);
	url_init(&r->url);
	ck_assert_int_eq(url_parse(SPAN("http://a.example/d/p"), NULL, &r->url),
	    0);
	r->input.url = &r->url;
	buf_init(&r->text, 256 * MIB);
}

static void
reading_fini(struct reading *r)
{
	page_reader_free(r->reader);
	url_fini(&r->url);
	buf_fini(&r->text);
}

static const struct page *
read_span(struct reading *r, struct span body)
{
	r->input.body = body;
	ck_assert_int_eq(page_read(r->reader, &r->input, &r->page), 0);
	return &r->page;
}

static const struct page *
read_text(struct reading *r, const char *html)
{
	return read_span(r, span_from(html));
}

/* Not by ck_assert, which writes to a file each time that it is passed. */
static void
repeat(struct buf *buf, const char *what, size_t times)
{
	for (size_t i = 0; i < times; i++)
		must(buf_add(buf, what, strlen(what)) == 0);
}

static bool
has_link(const struct page *page, const char *url)
{
	for (size_t i = 0; i < page->n_links; i++) {
		if (span_eq(page->links[i].url, span_from(url)))
			return true;
	}
	return false;
}

#define ck_span(span, literal)                                                 \
	ck_assert_msg(span_eq(span, SPAN(literal)), "\"%.*s\", not \"%s\"",    \
	    SPAN_ARG(span), literal)

START_TEST(page_is_told_in_full)
{
	struct reading r;
	const struct page *p;

	reading_init(&r, &ample);
	r.input.headers = SPAN("server: x\nx-robots-tag: noarchive\n"
			       "link: <http://a.example/c>; rel=canonical\n");
	p = read_text(&r,
	    "<!doctype html><html lang=\" de-CH \"><head>"
	    "<title>\n Gr&uuml;sse,\t\n Welt </title><title>2</title>"
	    "<meta charset=utf-8><meta name=robots content=nofollow>"
	    "<meta http-equiv=refresh content='7; url=r'>"
	    "<base href=/b/></head><body><a href=x#f>1</a>"
	    "<a href='?q'>2</a><svg><title>no</title></svg>");
	ck_assert(p->html);
	ck_assert_str_eq(p->mime, "text/html");
	ck_assert_str_eq(p->charset, "utf-8");
	ck_assert_str_eq(p->charset_source, "meta");
	ck_assert_uint_eq(p->decoded_len, r.input.body.len);
	ck_span(p->title, "Grüsse, Welt");
	ck_span(p->lang, "de-CH");
	ck_span(p->base, "http://a.example/b/");
	ck_span(p->canonical, "http://a.example/c");
	ck_span(p->refresh, "http://a.example/b/r");
	ck_assert_int_eq(p->refresh_delay, 7);
	ck_assert_uint_eq(p->robots, PAGE_NOFOLLOW | PAGE_NOARCHIVE);
	ck_assert_int_eq(p->truncated, TRUNCATED_NO);
	ck_assert_uint_eq(p->text.len, 0);
	ck_assert_uint_eq(p->n_links, 3);
	ck_assert(has_link(p, "http://a.example/b/x"));
	ck_assert(has_link(p, "http://a.example/b/?q"));

	/* Nothing of it is left on the next page. */
	r.input.headers = SPAN_NONE;
	p = read_text(&r, "<p>plain");
	ck_assert_uint_eq(p->title.len, 0);
	ck_assert_uint_eq(p->lang.len, 0);
	ck_assert_uint_eq(p->canonical.len, 0);
	ck_assert_uint_eq(p->refresh.len, 0);
	ck_assert_int_eq(p->refresh_delay, -1);
	ck_assert_uint_eq(p->robots, 0);
	ck_assert_uint_eq(p->n_links, 0);
	ck_span(p->base, "http://a.example/d/p");
	reading_fini(&r);
	page_reader_free(NULL);
}
END_TEST

START_TEST(page_of_another_type_has_no_tree)
{
	static const struct {
		const char *type;
		struct span body;
		const char *mime;
		bool html, text;
	} cases[] = {
		{ "", SPAN("<!DOCTYPE HTML><a href=x>"), "text/html", true,
		    true },
		{ "", SPAN(" \n<a href=x>"), "text/html", true, true },
		{ "", SPAN("<!-- x --><p>"), "text/html", true, true },
		{ "", SPAN("\xEF\xBB\xBF<body>"), "text/html", true, true },
		{ "", SPAN("<abbr>"), "text/plain", false, true },
		{ "", SPAN("<?xml version='1.0'?><x/>"), "text/xml", false,
		    true },
		{ "", SPAN("words"), "text/plain", false, true },
		{ "", SPAN("wo\0rds"), NULL, false, false },
		{ "rubbish", SPAN("<html>"), "text/html", true, true },
		{ "*/*", SPAN("<html>"), "text/html", true, true },
		{ "text/plain", SPAN("<html>"), "text/plain", false, true },
		{ "text/plain", SPAN("\1\2\3"), NULL, false, false },
		{ "text/css", SPAN("a{}"), "text/plain", false, true },
		{ "application/json", SPAN("{}"), "text/plain", false, true },
		{ "image/svg+xml", SPAN("<svg/>"), "text/plain", false, true },
		{ "application/octet-stream", SPAN("<html>"), NULL, false,
		    false },
		{ "image/png", SPAN("\x89PNG\r\n\x1A\n.."), "image/png", false,
		    false },
		{ "text/html", SPAN("%PDF-1.7"), "application/pdf", false,
		    false },
		{ "text/html", SPAN("GIF89a<html>"), "image/gif", false,
		    false },
		{ "text/html", SPAN("RIFF1234WEBPVP8"), "image/webp", false,
		    false },
		{ "text/html", SPAN("RIFF"), "text/html", true, true },
		{ "text/html", SPAN("a\0b"), "text/html", true, true },
		{ "Application/XHTML+XML ; x=y", SPAN("<html/>"),
		    "application/xhtml+xml", true, true },
	};
	struct reading r;

	reading_init(&r, &ample);
	r.input.want_text = true;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct page *p;

		r.input.content_type = span_from(cases[i].type);
		p = read_span(&r, cases[i].body);
		ck_assert_msg(p->html == cases[i].html, "html of %zu", i);
		ck_assert_msg((p->mime == NULL) == (cases[i].mime == NULL),
		    "mime of %zu", i);
		if (p->mime != NULL)
			ck_assert_str_eq(p->mime, cases[i].mime);
		ck_assert_msg((p->charset != NULL) == cases[i].text,
		    "text of %zu", i);
		ck_assert_int_eq(p->truncated, TRUNCATED_NO);
	}
	/* Without a wish for text only pages are decoded. */
	r.input.want_text = false;
	r.input.content_type = SPAN("text/plain");
	ck_assert_ptr_null(read_text(&r, "words")->charset);
	/* Compressed as nobody asked for. */
	r.input.content_type = SPAN("text/html");
	r.input.content_encoding = SPAN("br");
	ck_assert(!read_text(&r, "<html>")->html);
	ck_assert_ptr_null(r.page.mime);
	reading_fini(&r);
}
END_TEST

START_TEST(page_text_is_utf8)
{
	struct reading r;

	reading_init(&r, &ample);
	r.input.want_text = true;
	r.input.content_type = SPAN("text/html; charset=windows-1251");
	ck_span(read_text(&r, "<p>\xCC\xE8\xF0")->text, "<p>Мир");
	r.input.content_type = SPAN("text/plain; charset=shift_jis");
	ck_span(read_text(&r, "\x93\xFA\x96{")->text, "日本");
	/* A meta behind 1,024 bytes is found by the tree; read once more. */
	r.input.content_type = SPAN("text/html");
	repeat(&r.text, "<!-- - -->", 200);
	repeat(&r.text,
	    "<meta charset=koi8-r><title>\xED\xC9\xD2</title>"
	    "<a href=?\xED>",
	    1);
	read_span(&r, buf_span(&r.text));
	ck_assert_str_eq(r.page.charset, "koi8-r");
	ck_assert_str_eq(r.page.charset_source, "meta");
	ck_span(r.page.title, "Мир");
	ck_assert_uint_eq(r.page.n_links, 1);
	ck_assert(has_link(&r.page, "http://a.example/d/p?%ED"));
	ck_assert(span_ends(r.page.text, SPAN("М>")));
	/* What the text grows by counts as well. */
	reading_fini(&r);
	reading_init(&r, &(struct page_limits){ 6, 200, 9, 512, MIB, 2000 });
	r.input.want_text = true;
	ck_span(read_text(&r, "\xE9\xE9\xE9\xE9")->text, "ééé");
	ck_assert_int_eq(r.page.truncated, TRUNCATED_DECODED);
	ck_assert_uint_eq(r.page.decoded_len, 4);
	reading_fini(&r);
}
END_TEST

static void
gzip(struct buf *out, struct span text)
{
	z_stream z = { 0 };

	ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, 31, 8,
			     Z_DEFAULT_STRATEGY),
	    Z_OK);
	buf_clear(out);
	z.next_in = (Bytef *)(uintptr_t)text.ptr;
	z.avail_in = (uInt)text.len;
	z.avail_out = (uInt)deflateBound(&z, text.len);
	z.next_out = (Bytef *)buf_room(out, z.avail_out);
	ck_assert_ptr_nonnull(z.next_out);
	ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	out->len = z.total_out;
	deflateEnd(&z);
}

START_TEST(page_is_inflated_and_a_bomb_is_not)
{
	struct reading r;
	struct buf html, packed;
	struct span out;
	bool cut;

	reading_init(&r, &ample);
	buf_init(&html, 64 * MIB);
	buf_init(&packed, 64 * MIB);
	repeat(&html, "<a href=/first>", 1);
	for (int i = 0; i < 3000; i++)
		must(buf_printf(&html, "<p>%x ", i * 7919) == 0);
	repeat(&html, "<a href=/last>", 1);
	gzip(&packed, buf_span(&html));
	r.input.content_encoding = SPAN("gzip");
	read_span(&r, buf_span(&packed));
	ck_assert_uint_eq(r.page.n_links, 2);
	ck_assert_uint_eq(r.page.decoded_len, html.len);
	ck_assert_int_eq(r.page.truncated, TRUNCATED_NO);

	/* A stream that ends early: what came of it. */
	packed.len /= 2;
	read_span(&r, buf_span(&packed));
	ck_assert_int_eq(r.page.truncated, TRUNCATED_DISCONNECT);
	ck_assert_uint_eq(r.page.n_links, 1);
	ck_assert_uint_lt(r.page.decoded_len, html.len);

	/* 1000:1 stops at 200:1. */
	buf_clear(&html);
	repeat(&html, "<a href=/first>", 1);
	repeat(&html, "          ", MIB);
	gzip(&packed, buf_span(&html));
	read_span(&r, buf_span(&packed));
	ck_assert_int_eq(r.page.truncated, TRUNCATED_DECODED);
	ck_assert_uint_gt(html.len, packed.len * 900);
	ck_assert_uint_eq(r.page.decoded_len, packed.len * 200);
	ck_assert(has_link(&r.page, "http://a.example/first"));

	ck_assert_int_eq(page_inflate(r.reader, buf_span(&packed), SPAN("gzip"),
			     15, &out, &cut),
	    0);
	ck_span(out, "<a href=/first>");
	ck_assert(cut);
	/* Whole, and broken off: the one who asks can tell. */
	buf_clear(&html);
	repeat(&html, "disallow: /x\n", 1);
	gzip(&packed, buf_span(&html));
	ck_assert_int_eq(page_inflate(r.reader, buf_span(&packed), SPAN("gzip"),
			     MIB, &out, &cut),
	    0);
	ck_span(out, "disallow: /x\n");
	ck_assert(!cut);
	ck_assert_int_eq(page_inflate(r.reader,
			     span_of(packed.ptr, packed.len - 10), SPAN("gzip"),
			     MIB, &out, &cut),
	    0);
	ck_assert(cut);
	ck_assert_int_eq(page_inflate(r.reader, SPAN("plain"), SPAN("utf-8"), 5,
			     &out, &cut),
	    0);
	ck_span(out, "plain");
	ck_assert(!cut);
	buf_fini(&html);
	buf_fini(&packed);
	reading_fini(&r);
}
END_TEST

START_TEST(page_of_a_hundred_thousand_levels_is_cut_at_once)
{
	static const char *const tags[] = { "<div>", "<b>", "<span>",
		"<section><p>", "<table><td>", "<svg>", "<ul><li>",
		"<font><nobr>", "<x>" };
	struct reading r;

	reading_init(&r, &ample);
	for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
		int64_t start;

		buf_clear(&r.text);
		repeat(&r.text, "<title>deep</title><a href=/early>x</a>", 1);
		repeat(&r.text, tags[i], 100000);
		repeat(&r.text, "<a href=/late>x</a>", 1);
		start = cpu_ms();
		read_span(&r, buf_span(&r.text));
		ck_assert_msg(r.page.truncated == TRUNCATED_PARSE, "%s",
		    tags[i]);
		ck_assert_msg(cpu_ms() - start < 500, "%s: %d ms", tags[i],
		    (int)(cpu_ms() - start));
		/* What stands in front of it is used. */
		ck_span(r.page.title, "deep");
		ck_assert(has_link(&r.page, "http://a.example/early"));
		ck_assert(!has_link(&r.page, "http://a.example/late"));
	}
	reading_fini(&r);
}
END_TEST

START_TEST(page_depth_is_as_set)
{
	static const struct page_limits limits = { MIB, 200, 100, 20, MIB,
		2000 };
	struct reading r;

	reading_init(&r, &limits);
	/* html, body, then div 3 to 19, and a is the 20th. */
	repeat(&r.text, "<div>", 17);
	repeat(&r.text, "<a href=/in>x</a>", 1);
	read_span(&r, buf_span(&r.text));
	ck_assert_int_eq(r.page.truncated, TRUNCATED_NO);
	ck_assert_uint_eq(r.page.n_links, 1);
	repeat(&r.text, "<div><a href=/out>x</a>", 1);
	read_span(&r, buf_span(&r.text));
	ck_assert_int_eq(r.page.truncated, TRUNCATED_PARSE);
	ck_assert_uint_eq(r.page.n_links, 1);
	ck_assert(has_link(&r.page, "http://a.example/in"));
	reading_fini(&r);
}
END_TEST

START_TEST(page_that_takes_too_long_is_cut_in_time)
{
	/* What is slow in gumbo, whatever its depth. */
	static const struct page_limits limits = { 64 * MIB, 200, 100, 100000,
		512 * MIB, 200 };
	struct reading r;
	int64_t start;

	reading_init(&r, &limits);
	for (int kind = 0; kind < 3; kind++) {
		buf_clear(&r.text);
		repeat(&r.text, "<a href=/early>x</a>", 1);
		repeat(&r.text, kind == 0 ? "<p " : "", 1);
		for (int i = 0; i < 300000; i++)
			must(buf_printf(&r.text,
				 kind == 0   ? "a%x=1 "
				 : kind == 1 ? "<b x=%x><p>"
					     : "<div id=%x>",
				 i) == 0);
		start = cpu_ms();
		read_span(&r, buf_span(&r.text));
		ck_assert_int_eq(r.page.truncated, TRUNCATED_PARSE);
		ck_assert_msg(cpu_ms() - start < 600, "%d: %d ms", kind,
		    (int)(cpu_ms() - start));
		ck_assert(has_link(&r.page, "http://a.example/early"));
	}
	reading_fini(&r);
}
END_TEST

START_TEST(page_whose_tree_is_too_large_is_cut)
{
	static const struct page_limits limits = { 64 * MIB, 200, 100, 512, MIB,
		20000 };
	struct reading r;

	reading_init(&r, &limits);
	repeat(&r.text, "<a href=/early>x</a>", 1);
	repeat(&r.text, "<p>x", 100000);
	read_span(&r, buf_span(&r.text));
	ck_assert_int_eq(r.page.truncated, TRUNCATED_PARSE);
	ck_assert_uint_eq(r.page.n_links, 1);
	/* The next page has all of it again. */
	ck_assert_int_eq(read_text(&r, "<a href=x>")->truncated, TRUNCATED_NO);
	reading_fini(&r);

	/* Not even room for the document: no tree, and no crash. */
	for (uint64_t memory = 0; memory < 2000; memory += 8) {
		struct page_limits tiny = { MIB, 200, 100, 512, memory, 2000 };

		reading_init(&r, &tiny);
		read_text(&r, "<a href=x>");
		ck_assert(r.page.html || r.page.truncated == TRUNCATED_PARSE);
		reading_fini(&r);
	}
}
END_TEST

START_TEST(page_with_large_parts_is_read)
{
	struct reading r;

	reading_init(&r, &ample);
	repeat(&r.text, "<a href=/1>x</a><p title='", 1);
	repeat(&r.text, "0123456789abcdef", MIB / 16);
	repeat(&r.text, "'><a href='/", 1);
	repeat(&r.text, "0123456789abcdef", MIB / 16);
	repeat(&r.text, "'>x</a><a href='data:", 1);
	repeat(&r.text, "0123456789abcdef", MIB / 16);
	repeat(&r.text, "'>x</a><!--", 1);
	repeat(&r.text, "0123456789abcdef", MIB / 16);
	repeat(&r.text, "--><a href=/2>x</a><title>", 1);
	repeat(&r.text, "\xC3\xA9", 10000);
	read_span(&r, buf_span(&r.text));
	ck_assert_int_eq(r.page.truncated, TRUNCATED_NO);
	ck_assert(has_link(&r.page, "http://a.example/1"));
	ck_assert(has_link(&r.page, "http://a.example/2"));
	ck_assert_uint_eq(r.page.n_links, 3);
	/* A title is a line, not a book, and whole characters. */
	ck_assert_uint_eq(r.page.title.len, 4096);
	ck_assert_uint_eq(utf8_valid_prefix(r.page.title), 4096);
	reading_fini(&r);
}
END_TEST

START_TEST(page_links_are_limited_and_none_is_told_twice)
{
	static const struct page_limits limits = { 64 * MIB, 200, 10, 512,
		64 * MIB, 2000 };
	struct reading r;

	reading_init(&r, &limits);
	for (int i = 0; i < 10; i++)
		must(buf_printf(&r.text, "<a href=/%d>", i) == 0);
	read_span(&r, buf_span(&r.text));
	ck_assert_uint_eq(r.page.n_links, 10);
	ck_assert_int_eq(r.page.truncated, TRUNCATED_NO);
	/* Written alike or not: one link. */
	repeat(&r.text, "<a href=/3#x><a href=/x/../4><a href=//A.example/5>",
	    1000);
	read_span(&r, buf_span(&r.text));
	ck_assert_uint_eq(r.page.n_links, 10);
	ck_assert_int_eq(r.page.truncated, TRUNCATED_NO);
	repeat(&r.text, "<a href=/another>", 1);
	read_span(&r, buf_span(&r.text));
	ck_assert_uint_eq(r.page.n_links, 10);
	ck_assert_int_eq(r.page.truncated, TRUNCATED_LINKS);
	/* In the order of the page. */
	for (size_t i = 0; i < 10; i++)
		ck_assert_uint_eq(r.page.links[i].url.ptr[17], '0' + i);
	/* Of two reasons the first is told. */
	repeat(&r.text, "<i>", 2000);
	read_span(&r, buf_span(&r.text));
	ck_assert_uint_eq(r.page.n_links, 10);
	ck_assert_int_eq(r.page.truncated, TRUNCATED_PARSE);

	/* The kinds are apart; a link that is followed once is followed. */
	read_text(&r, "<a rel=nofollow href=/a></a><a rel='nofollow ugc' "
		      "href=/./a></a><area href=/a><a href=/b></a>"
		      "<a rel=nofollow href=/b></a>");
	ck_assert_uint_eq(r.page.n_links, 3);
	ck_assert_uint_eq(r.page.links[0].flags, LINK_NOFOLLOW);
	ck_assert_uint_eq(r.page.links[1].kind, LINK_AREA);
	ck_assert_uint_eq(r.page.links[1].flags, 0);
	ck_assert_uint_eq(r.page.links[2].flags, 0);
	reading_fini(&r);
}
END_TEST

static const struct page_link *
link_to(const struct page *page, const char *url)
{
	for (size_t i = 0; i < page->n_links; i++) {
		if (span_eq(page->links[i].url, span_from(url)))
			return &page->links[i];
	}
	return NULL;
}

/* By the names that a record has, so that those are tried as well. */
static void
stands_at(const struct page *page, const char *url, unsigned kind,
    const char *element, const char *attribute)
{
	const struct page_link *link = link_to(page, url);
	const char *el, *attr;

	ck_assert_msg(link != NULL, "no link to %s", url);
	el = link_place_element(link->place);
	attr = link_place_attribute(link->place);
	ck_assert_msg(link->kind == kind, "%s: kind %u", url, link->kind);
	ck_assert_msg(strcmp(el ? el : "", element) == 0, "%s: element %s", url,
	    el ? el : "none");
	ck_assert_msg(strcmp(attr ? attr : "", attribute) == 0,
	    "%s: attribute %s", url, attr ? attr : "none");
}

START_TEST(page_resources_and_forms_are_links_when_wanted)
{
	static const char html[] =
	    "<link rel='shortcut icon' href=/i.ico><style>@import '/s.css';"
	    "</style><link rel=stylesheet href=/t.css>"
	    "<p style='background:url(/b.png)'><img src=/i.png srcset='/j.png "
	    "2x'><script src=/s.js></script><video src=/v poster=/p><track "
	    "src=/t></video><audio src=/u><source src=/a></audio><object data="
	    "/o></object><embed src=/e><input type=IMAGE src=/in.png><input "
	    "src=/no><picture><source srcset=/k.png></picture>"
	    "<form action=/f></form><form action=/post method=POST></form>"
	    "<form action=/dialog method=dialog></form><form></form><form "
	    "action=''></form><form action=/no rel='nofollow ugc' method=get>"
	    "</form><a href=/page>x</a>";
	/* clang-format off */
	static const struct {
		const char *url;
		unsigned kind;
		const char *element, *attribute;
	} all[] = {
		{ "http://a.example/i.ico",  LINK_ICON,       "link",   "href" },
		{ "http://a.example/s.css",  LINK_CSS,        "style",  "" },
		{ "http://a.example/t.css",  LINK_STYLESHEET, "link",   "href" },
		{ "http://a.example/b.png",  LINK_CSS,        "",       "style" },
		{ "http://a.example/i.png",  LINK_IMAGE,      "img",    "src" },
		{ "http://a.example/j.png",  LINK_SRCSET,     "img",    "srcset" },
		{ "http://a.example/s.js",   LINK_SCRIPT,     "script", "src" },
		{ "http://a.example/v",      LINK_MEDIA,      "video",  "src" },
		{ "http://a.example/p",      LINK_MEDIA,      "video",  "poster" },
		{ "http://a.example/t",      LINK_MEDIA,      "track",  "src" },
		{ "http://a.example/u",      LINK_MEDIA,      "audio",  "src" },
		{ "http://a.example/a",      LINK_MEDIA,      "source", "src" },
		{ "http://a.example/o",      LINK_EMBED,      "object", "data" },
		{ "http://a.example/e",      LINK_EMBED,      "embed",  "src" },
		{ "http://a.example/in.png", LINK_EMBED,      "input",  "src" },
		{ "http://a.example/k.png",  LINK_SRCSET,     "source", "srcset" },
		{ "http://a.example/page",   LINK_A,          "a",      "href" },
	};
	/* clang-format on */
	struct reading r;

	reading_init(&r, &ample);
	read_text(&r, html);
	ck_assert_uint_eq(r.page.n_links, 1);
	r.input.want_resources = true;
	read_text(&r, html);
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		stands_at(&r.page, all[i].url, all[i].kind, all[i].element,
		    all[i].attribute);
	ck_assert_uint_eq(r.page.n_links, ARRAY_LEN(all));
	r.input.want_resources = false;
	r.input.want_forms = true;
	read_text(&r, html);
	ck_assert_uint_eq(r.page.n_links, 3);
	stands_at(&r.page, "http://a.example/f", LINK_FORM, "form", "action");
	ck_assert_uint_eq(link_to(&r.page, "http://a.example/no")->flags,
	    LINK_NOFOLLOW | LINK_UGC);
	reading_fini(&r);
}
END_TEST

START_TEST(page_of_style_leads_to_what_it_shows)
{
	static const char *const shown[] = { "http://a.example/d/i.css",
		"http://a.example/d/j.css", "http://a.example/d/k.png",
		"http://a.example/d/f.woff", "http://a.example/d/cut.png" };
	struct reading r;

	reading_init(&r, &ample);
	r.input.content_type = SPAN("text/css; charset=windows-1252");
	read_text(&r, "a{background:url(x.png?\xE9)}");
	ck_assert_uint_eq(r.page.n_links, 0);
	ck_assert_ptr_null(r.page.charset); /* nor is it decoded for nobody */
	r.input.want_resources = true;
	read_text(&r, "a{background:url(x.png?\xE9)}");
	ck_assert_uint_eq(r.page.n_links, 1);
	ck_assert(has_link(&r.page, "http://a.example/d/x.png?%C3%A9"));
	ck_assert_uint_eq(r.page.links[0].place, PLACE_CSS);
	/* What is in a comment, in a string or a part of a name is none. */
	read_text(&r,
	    "@import 'i.css'; @import url( \"j.css\" ) print; /* url(no1) */\n"
	    "a{content:'url(no2)'; x:my-url(no3); b:URL(k.png\t)} @charset "
	    "'no4'"
	    "; @font-face{src:url('f.woff') format('woff'), url(\"a\\\"no5\")}"
	    "b{c:url(data:image/png;base64,AA==)} c{d:url(cut.png");
	for (size_t i = 0; i < ARRAY_LEN(shown); i++)
		ck_assert_msg(has_link(&r.page, shown[i]), "%s", shown[i]);
	ck_assert_uint_eq(r.page.n_links, ARRAY_LEN(shown));
	r.input.content_type = SPAN("text/plain");
	read_text(&r, "a{background:url(x.png)}");
	ck_assert_uint_eq(r.page.n_links, 0);
	reading_fini(&r);
}
END_TEST

START_TEST(page_links_say_where_they_stand)
{
	struct reading r;
	const struct page_link *link;

	reading_init(&r, &ample);
	r.input.headers = SPAN("link: <h?\xC3\xA9>; rel=\"next nofollow\"\n"
			       "link: <c>; rel=canonical, <i>; rel=icon\n"
			       "refresh: 5; url=r\n");
	r.input.want_rel = true;
	read_text(&r, "<base href=/b/><a rel=' x  Ugc ' href=a></a>"
		      "<a href=n></a><map><area href=m></map>"
		      "<iframe src=i></iframe><link rel=alternate href=l>");
	ck_assert_uint_eq(r.page.n_links, 7);
	stands_at(&r.page, "http://a.example/b/m", LINK_AREA, "area", "href");
	stands_at(&r.page, "http://a.example/b/i", LINK_IFRAME, "iframe",
	    "src");
	stands_at(&r.page, "http://a.example/b/l", LINK_ALTERNATE, "link",
	    "href");
	stands_at(&r.page, "http://a.example/d/h?%C3%A9", LINK_NEXT, "",
	    "link");
	stands_at(&r.page, "http://a.example/b/r", LINK_REFRESH, "", "refresh");
	link = link_to(&r.page, "http://a.example/b/a");
	ck_assert(span_eq(link->rel, SPAN(" x  Ugc ")));
	ck_assert_uint_eq(link->flags, LINK_UGC);
	ck_assert_uint_eq(link->place, PLACE_A_HREF);
	ck_assert_uint_eq(link_to(&r.page, "http://a.example/b/n")->rel.len, 0);
	/* A header's is against the page, whatever its base. */
	link = link_to(&r.page, "http://a.example/d/h?%C3%A9");
	ck_assert_ptr_nonnull(link);
	ck_assert_uint_eq(link->kind, LINK_NEXT);
	ck_assert_uint_eq(link->flags, LINK_NOFOLLOW);
	ck_assert_uint_eq(link->place, PLACE_LINK_HEADER);
	ck_assert(span_eq(r.page.canonical, SPAN("http://a.example/d/c")));
	r.input.headers = SPAN_NONE;
	read_text(&r, "<meta http-equiv=refresh content='1;url=s'><frameset>"
		      "<frame src=g></frameset>");
	ck_assert_uint_eq(r.page.n_links, 2);
	stands_at(&r.page, "http://a.example/d/s", LINK_REFRESH, "meta",
	    "content");
	stands_at(&r.page, "http://a.example/d/g", LINK_FRAME, "frame", "src");
	r.input.want_rel = false;
	read_text(&r, "<a rel=x href=a></a>");
	ck_assert_uint_eq(link_to(&r.page, "http://a.example/d/a")->rel.len, 0);
	reading_fini(&r);
}
END_TEST

/* The manual of a Russian ferry, and nobody says what it is written in. */
START_TEST(page_is_guessed_at_only_when_nobody_says)
{
#define FERRY                                                                  \
	"<p>\xCF\xE0\xF0\xEE\xEC \xE8\xE4\xE5\xF2 \xEF\xEE \xF0\xE5\xEA\xE5 "  \
	"\xEA\xE0\xE6\xE4\xFB\xE9 \xF7\xE0\xF1, \xE8 \xE2\xF1\xE5 "            \
	"\xEB\xFE\xE4\xE8 \xE3\xEE\xF0\xEE\xE4\xE0 \xE7\xED\xE0\xFE\xF2 "      \
	"\xE5\xE3\xEE</p><a href='?q=\xE6'>x</a>"
	struct reading r;
	struct buf *late;

	reading_init(&r, &ample);
	read_text(&r, FERRY);
	ck_assert_str_eq(r.page.charset, "windows-1251");
	ck_assert_str_eq(r.page.charset_source, "guess");
	ck_assert(has_link(&r.page, "http://a.example/d/p?q=%E6"));
	read_text(&r, "<meta charset=koi8-r>" FERRY);
	ck_assert_str_eq(r.page.charset, "koi8-r");
	ck_assert_str_eq(r.page.charset_source, "meta");
	/* A meta behind the prescan is still more than a guess. */
	late = &r.text;
	repeat(late, " ", 1100);
	must(buf_add_span(late, SPAN("<meta charset=koi8-r>" FERRY)) == 0);
	read_span(&r, buf_span(late));
	ck_assert_str_eq(r.page.charset, "koi8-r");
	ck_assert_str_eq(r.page.charset_source, "meta");
	r.input.content_type = SPAN("text/html; charset=koi8-u");
	read_text(&r, FERRY);
	ck_assert_str_eq(r.page.charset, "koi8-u");
	ck_assert_str_eq(r.page.charset_source, "header");
	reading_fini(&r);
}
END_TEST

START_TEST(page_tells_who_asked_for_what)
{
	struct reading r;

	reading_init(&r, &ample);
	r.input.headers = SPAN("x-robots-tag: nofollow, unavailable_after: "
			       "Wed, 3 Jun 2026 15:00:00 GMT\n");
	read_text(&r, "<meta name=robots content='noindex, "
		      "unavailable_after: 2027-01-01'>");
	ck_assert_uint_eq(r.page.header_robots, PAGE_NOFOLLOW);
	ck_assert_uint_eq(r.page.meta_robots, PAGE_NOINDEX);
	ck_assert_uint_eq(r.page.robots, PAGE_NOFOLLOW | PAGE_NOINDEX);
	ck_assert(
	    span_eq(r.page.header_after, SPAN("Wed, 3 Jun 2026 15:00:00 GMT")));
	ck_assert(span_eq(r.page.meta_after, SPAN("2027-01-01")));
	reading_fini(&r);
}
END_TEST

/* The URLs of a page in which "secret" stands. */
static size_t
count_secrets(const struct page *page)
{
	size_t n = 0;

	for (size_t i = 0; i <= page->n_links + 1; i++) {
		struct span url = i == page->n_links       ? page->canonical
				  : i == page->n_links + 1 ? page->refresh
							   : page->links[i].url;

		n += url.len > 0 && memmem(url.ptr, url.len, "secret", 6);
	}
	return n;
}

START_TEST(page_hands_out_links_without_their_passwords)
{
	static const char html[] =
	    "<base href='http://me:secret@b.example/d/'>"
	    "<link rel=canonical href=/c>"
	    "<meta http-equiv=refresh content='0; url=r'>"
	    "<a href=//me:secret@a.example/>x</a><a href=//a.example/>x</a>"
	    "<iframe src=f></iframe><img src=i srcset='j 1x'><form action=k>"
	    "</form><p style='background: url(l)'>";
	struct reading r;
	size_t n;

	reading_init(&r, &ample);
	r.input.want_resources = r.input.want_forms = true;
	r.input.headers = SPAN("link: <//me:secret@h.example/>; rel=next\n");
	read_text(&r, html);
	n = r.page.n_links;
	ck_assert_uint_eq(count_secrets(&r.page), 0);
	ck_assert(has_link(&r.page, "http://a.example/"));
	ck_assert(has_link(&r.page, "http://h.example/"));
	ck_assert(has_link(&r.page, "http://b.example/d/j"));
	ck_span(r.page.canonical, "http://b.example/c");
	ck_span(r.page.refresh, "http://b.example/d/r");
	/* Two that differ by it alone are one link. */
	r.input.want_credentials = true;
	read_text(&r, html);
	ck_assert_uint_eq(r.page.n_links, n + 1);
	ck_assert_uint_eq(count_secrets(&r.page), n + 2);
	ck_assert(has_link(&r.page, "http://me:secret@a.example/"));
	reading_fini(&r);
}
END_TEST

START_TEST(page_cannot_buy_work_with_links)
{
	struct reading r;
	int64_t start;

	reading_init(&r, &ample);
	/* A base of a megabyte, and links that all lead to one place. */
	repeat(&r.text, "<base href='/", 1);
	repeat(&r.text, "0123456789abcdef", MIB / 16);
	repeat(&r.text, "/'>", 1);
	for (int i = 0; i < 20000; i++)
		must(buf_printf(&r.text, "<a href=%d/../>", i) == 0);
	start = cpu_ms();
	read_span(&r, buf_span(&r.text));
	ck_assert_int_eq(r.page.truncated, TRUNCATED_LINKS);
	ck_assert_uint_eq(r.page.n_links, 1);
	ck_assert_int_lt(cpu_ms() - start, 10000);

	/* Links that are none, without end. */
	buf_clear(&r.text);
	repeat(&r.text, "<a href=/first>", 1);
	for (int i = 0; i < 60000; i++)
		must(buf_printf(&r.text, "<a href=http://[%d>", i) == 0);
	repeat(&r.text, "<a href=/last>", 1);
	read_span(&r, buf_span(&r.text));
	ck_assert_int_eq(r.page.truncated, TRUNCATED_LINKS);
	ck_assert_uint_eq(r.page.n_links, 1);
	reading_fini(&r);
}
END_TEST

START_TEST(page_of_any_bytes_is_read)
{
	struct reading r;
	uint64_t state = test_seed();
	char bytes[3000];

	reading_init(&r, &ample);
	r.input.want_text = true;
	read_span(&r, SPAN_NONE);
	ck_assert(r.page.html);
	ck_assert_uint_eq(r.page.n_links, 0);
	for (unsigned c = 0; c < 256; c++) {
		char html[] = "<a href=\"/x\">x</a><t y>";

		for (size_t at = 0; at < sizeof(html); at++) {
			char was = html[at];

			html[at] = (char)c;
			read_span(&r, span_of(html, sizeof(html)));
			html[at] = was;
		}
	}
	for (int round = 0; round < 300; round++) {
		size_t len = test_random(&state) % sizeof(bytes);

		for (size_t i = 0; i < len; i++)
			bytes[i] = round % 2 ? (char)test_random(&state)
					     : "<>/=\"' abdhpt!-&;#\0\n"
						   [test_random(&state) % 20];
		read_span(&r, span_of(bytes, len));
		ck_assert_uint_eq(utf8_valid_prefix(r.page.text),
		    r.page.text.len);
	}
	reading_fini(&r);
}
END_TEST

static void
add_html(const json_t *object, void *arg)
{
	ck_assert_int_eq(buf_add_span(arg, cases_text(object, "html")), 0);
}

/* Everything of the link cases on one page, torn apart at random: what is
 * read of it must be in bounds (ASan) and well-formed. */
START_TEST(page_survives_random_changes)
{
	struct reading r;
	struct buf page;
	uint64_t state = test_seed();

	reading_init(&r, &ample);
	buf_init(&page, 4 * MIB);
	cases_each("links/cases.jsonl", add_html, &page);
	ck_assert_uint_gt(page.len, 10000);
	r.input.want_text = true;
	for (int round = 0; round < 200; round++) {
		size_t changes = 1 + test_random(&state) % 60;

		buf_clear(&r.text);
		ck_assert_int_eq(buf_add_span(&r.text, buf_span(&page)), 0);
		for (size_t i = 0; i < changes; i++) {
			size_t at = test_random(&state) % r.text.len;
			size_t from = test_random(&state) % r.text.len;
			size_t len = test_random(&state) % 300;
			size_t most = r.text.len - (at > from ? at : from);

			if (i % 3 == 0)
				r.text.ptr[at] = (char)test_random(&state);
			else
				memmove(r.text.ptr + at, r.text.ptr + from,
				    len < most ? len : most);
		}
		read_span(&r, buf_span(&r.text));
		for (size_t i = 0; i < r.page.n_links; i++) {
			struct span url = r.page.links[i].url;

			ck_assert(span_starts(url, SPAN("http")));
			ck_assert_uint_eq(utf8_valid_prefix(url), url.len);
		}
		ck_assert_uint_eq(utf8_valid_prefix(r.page.title),
		    r.page.title.len);
	}
	buf_fini(&page);
	reading_fini(&r);
}
END_TEST

TEST_MAIN("page", page_is_told_in_full, page_of_another_type_has_no_tree,
    page_text_is_utf8, page_is_inflated_and_a_bomb_is_not,
    page_of_a_hundred_thousand_levels_is_cut_at_once, page_depth_is_as_set,
    page_that_takes_too_long_is_cut_in_time,
    page_whose_tree_is_too_large_is_cut, page_with_large_parts_is_read,
    page_links_are_limited_and_none_is_told_twice,
    page_resources_and_forms_are_links_when_wanted,
    page_of_style_leads_to_what_it_shows, page_links_say_where_they_stand,
    page_tells_who_asked_for_what, page_hands_out_links_without_their_passwords,
    page_is_guessed_at_only_when_nobody_says, page_cannot_buy_work_with_links,
    page_of_any_bytes_is_read, page_survives_random_changes)
