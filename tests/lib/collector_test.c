/* The collector without a tree, and the small parsers that it asks. */
#include "lib/html/collector.h"

#include <errno.h>

#include "lib/html/css.h"
#include "lib/html/directives.h"
#include "lib/html/linkheader.h"
#include "lib/html/linkset.h"
#include "lib/html/refresh.h"
#include "lib/html/rel.h"
#include "lib/html/srcset.h"
#include "lib/html/xhtml.h"
#include "tests/harness.h"

START_TEST(rel_knows_pages_from_resources)
{
	static const struct {
		const char *text;
		uint32_t kinds;
		unsigned flags;
		bool resource;
	} cases[] = {
		{ "", 0, 0, false },
		{ "next", 1u << LINK_NEXT, 0, false },
		{ " NEXT\tnofollow\n", 1u << LINK_NEXT, LINK_NOFOLLOW, false },
		{ "previous", 1u << LINK_PREV, 0, false },
		{ "up contents", 1u << LINK_REL, 0, false },
		{ "first prev", 1u << LINK_REL | 1u << LINK_PREV, 0, false },
		{ "ugc sponsored", 0, LINK_UGC | LINK_SPONSORED, false },
		{ "alternate stylesheet", 1u << LINK_ALTERNATE, 0, true },
		{ "shortcut icon", 0, 0, true },
		{ "dns-prefetch", 0, 0, true },
		{ "preload", 0, 0, true },
		{ "nofollow,next", 0, 0, false },
		{ "nextt xnext", 0, 0, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rel rel = rel_parse(span_from(cases[i].text));

		ck_assert_msg(rel.kinds == cases[i].kinds, "%s", cases[i].text);
		ck_assert_uint_eq(rel.flags, cases[i].flags);
		ck_assert_int_eq(rel.resource, cases[i].resource);
	}
}
END_TEST

START_TEST(refresh_is_read_as_browsers_do)
{
	static const struct {
		const char *text;
		int delay; /* -1: none */
		const char *url;
	} cases[] = {
		{ "5; url=/n", 5, "/n" },
		{ "0;URL=\"/q\"x", 0, "/q" },
		{ "0;'/q'x", 0, "/q" },
		{ "0;url='/q", 0, "/q" },
		{ "3", 3, NULL },
		{ " 3 ", 3, NULL },
		{ "3;", 3, NULL },
		{ "3 /x", 3, "/x" },
		{ ".5;/x", 0, "/x" },
		{ "1.5.5;/x", 1, "/x" },
		{ "2,  URL = ../up", 2, "../up" },
		{ "0;url=", 0, "" },
		{ "0;url", 0, "url" },
		{ "0;urlx=y", 0, "urlx=y" },
		{ "0;ur=x", 0, "ur=x" },
		{ "99999999999999999999;x", INT32_MAX, "x" },
		{ "", -1, NULL },
		{ "x;url=/n", -1, NULL },
		{ "-1;url=/n", -1, NULL },
		{ "5x", -1, NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct refresh got = { .delay_s = -1 };
		bool ok = refresh_parse(span_from(cases[i].text), &got);

		ck_assert_msg(ok == (cases[i].delay >= 0) &&
				  got.delay_s == cases[i].delay &&
				  got.has_url == (cases[i].url != NULL) &&
				  span_eq(got.url, span_from(cases[i].url)),
		    "\"%s\": %d \"%.*s\"", cases[i].text, got.delay_s,
		    SPAN_ARG(got.url));
	}
}
END_TEST

START_TEST(directives_are_for_whom_they_name)
{
	static const struct {
		const char *value;
		unsigned robots;
	} cases[] = {
		{ "", 0 },
		{ "noindex", PAGE_NOINDEX },
		{ "NoIndex , NOFOLLOW", PAGE_NOINDEX | PAGE_NOFOLLOW },
		{ "none", PAGE_NOINDEX | PAGE_NOFOLLOW },
		{ "all, noarchive", PAGE_NOARCHIVE },
		{ "otherbot: noindex", 0 },
		{ "otherbot: noindex, nofollow", 0 },
		{ "mpcrawl: noindex, nofollow", PAGE_NOINDEX | PAGE_NOFOLLOW },
		{ "otherbot: noindex, MPCrawl: noarchive", PAGE_NOARCHIVE },
		{ "noarchive, otherbot: noindex", PAGE_NOARCHIVE },
		{ "*: noindex", PAGE_NOINDEX },
		{ "max-snippet: 0, noindex", PAGE_NOINDEX },
		{ "unavailable_after: Wed, 3 Jun 2026 15:00:00 GMT, noindex",
		    PAGE_NOINDEX },
		{ "noindexx, xnoindex", 0 },
		{ ":noindex", 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		ck_assert_msg(directives_of_header(span_from(cases[i].value),
				  SPAN("mpcrawl"), NULL) == cases[i].robots,
		    "%s", cases[i].value);
	ck_assert_uint_eq(directives_of_meta(SPAN("noindex nofollow,,none"),
			      NULL),
	    PAGE_NOINDEX | PAGE_NOFOLLOW);
	ck_assert(directives_meet(SPAN(" Robots "), SPAN_NONE));
	ck_assert(directives_meet(SPAN("mpcrawl"), SPAN("MPCrawl")));
	ck_assert(!directives_meet(SPAN(""), SPAN_NONE));
	ck_assert(!directives_meet(SPAN("googlebot"), SPAN("mpcrawl")));
}
END_TEST

START_TEST(directives_keep_the_date_when_a_page_goes)
{
	static const struct {
		const char *text, *date;
	} cases[] = {
		{ "unavailable_after: 25 Jun 2010 15:00:00 PST",
		    "25 Jun 2010 15:00:00 PST" },
		{ "noindex, UNAVAILABLE_AFTER : Wed, 3 Jun 2026 15:00 GMT , x",
		    "Wed, 3 Jun 2026 15:00 GMT" },
		{ "unavailable_after: 2026-06-03, noindex", "2026-06-03" },
		{ "unavailable_after:", "" },
		{ "unavailable_after", "" },
		{ "unavailable_after: , 7", "" },
		{ "xunavailable_after: 7", "" },
		{ "unavailable_after: 789012345678901234567890123456789012345"
		  "678901234567890123456789012345678901234567890",
		    "" },
	};
	struct span date = SPAN_NONE;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct span text = span_from(cases[i].text);

		for (int header = 0; header < 2; header++) {
			date = SPAN_NONE;
			if (header)
				directives_of_header(text, SPAN("m"), &date);
			else
				directives_of_meta(text, &date);
			ck_assert_msg(span_eq(date, span_from(cases[i].date)),
			    "%s: %.*s", cases[i].text, SPAN_ARG(date));
		}
	}
	/* What is said to another is not said to us. */
	date = SPAN_NONE;
	directives_of_header(SPAN("otherbot: noindex, unavailable_after: 7"),
	    SPAN("m"), &date);
	ck_assert_uint_eq(date.len, 0);
}
END_TEST

/* The URLs that `next` finds, a blank behind each. */
static void
finds_urls(bool (*next)(struct span *, struct span *), const char *text,
    const char *urls)
{
	struct span rest = span_from(text), url;
	char got[256] = "";
	size_t n = 0;

	while (next(&rest, &url))
		n += (size_t)snprintf(got + n, sizeof(got) - n, "%.*s ",
		    SPAN_ARG(url));
	ck_assert_msg(strcmp(got, urls) == 0, "%s: %s", text, got);
}

START_TEST(srcset_is_read_as_browsers_do)
{
	static const struct {
		const char *text, *urls;
	} cases[] = {
		{ "", "" },
		{ " , ", "" },
		{ "/a", "/a " },
		{ "/a 1x, /b 2x", "/a /b " },
		{ "/a 1x,/b 2x", "/a /b " },
		{ "/a,/b", "/a,/b " },
		{ "/a, /b", "/a /b " },
		{ "/a,,,, /b", "/a /b " },
		{ "data:,x 1x, /b 100w 50h", "data:,x /b " },
		{ "/a (1,2)x, /b", "/a /b " },
		{ "/a (1x, /b", "/a " },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		finds_urls(srcset_next, cases[i].text, cases[i].urls);
}
END_TEST

START_TEST(css_urls_are_found_and_nothing_else_is)
{
	static const struct {
		const char *text, *urls;
	} cases[] = {
		{ "", "" },
		{ "a{background:url(/a.png)}", "/a.png " },
		{ "a{background:URL( '/a b.png' ) x}b{c:url(\"d\")}",
		    "/a b.png d " },
		{ "@import \"/i.css\" print;@import url(/j.css);",
		    "/i.css /j.css " },
		{ "@import; a{content:\"x\"}", "" },
		{ "a{content:\"url(/no)\"} /* url(/no) */", "" },
		{ "/* url(/no)", "" },
		{ "curl(/no) -url(/no)", "" },
		{ "url()url('')", "" },
		{ "url(/a", "/a " },
		{ "url('/a", "/a " },
		{ "a{b:'\\'url(/no)'}", "" },
		{ "url(/a\\62)url(/c)", "/c " },
		{ "'broken\nurl(/a)", "/a " },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		finds_urls(css_next, cases[i].text, cases[i].urls);
}
END_TEST

START_TEST(xhtml_writes_out_what_html_would_read_on_in)
{
	static const struct {
		const char *text, *html;
	} cases[] = {
		{ "", "" },
		{ "<title/><a>", "<title></title><a>" },
		{ "<script src='a>b' /><p/>",
		    "<script src='a>b' ></script><p/>" },
		{ "<TITLE /><titles/>", "<TITLE ></title><titles/>" },
		{ "<title>/</title><style\n/>",
		    "<title>/</title><style\n></style>" },
		{ "<!-- <title/> --><title/>",
		    "<!-- <title/> --><title></title>" },
		{ "<![CDATA[<title/>]]><xmp/>",
		    "<![CDATA[<title/>]]><xmp></xmp>" },
		{ "<p title=\"<x/>\"><title a='/>",
		    "<p title=\"<x/>\"><title a='/>" },
		{ "<title", "<title" },
		{ "<!-- <title/>", "<!-- <title/>" },
		{ "< title/>", "< title/>" },
	};
	struct buf scratch;
	struct span out;

	buf_init(&scratch, 64);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct span text = span_from(cases[i].text);

		ck_assert_int_eq(xhtml_write_out(text, &scratch, &out), 0);
		ck_assert_msg(span_eq(out, span_from(cases[i].html)),
		    "%s: %.*s", cases[i].text, SPAN_ARG(out));
		/* Not copied without need. */
		if (span_eq(out, text))
			ck_assert_ptr_eq(out.ptr, text.ptr);
	}
	ck_assert_int_eq(xhtml_write_out(SPAN("<xmp/><xmp/><xmp/><xmp/><xmp/>"
					      "<xmp/>"),
			     &scratch, &out),
	    -EMSGSIZE);
	buf_fini(&scratch);
}
END_TEST

START_TEST(linkheader_takes_links_apart)
{
	static const struct {
		const char *value, *links; /* "url rel;" each */
	} cases[] = {
		{ "", "" },
		{ "</a>; rel=next", "/a next;" },
		{ " < /a >;rel = \"next  prev\" , </b>",
		    " /a  next  prev;/b ;" },
		{ "</a>; title=\"x, <y>; \\\"z\"; REL=up; rel=no", "/a up;" },
		{ "</a>; rel=x; anchor=\"#f\", </b>; rel=y", "/b y;" },
		{ "</a,b;c>; rel=z", "/a,b;c z;" },
		{ "</a>; rel=\"open", "/a open;" },
		{ "</a>; rel=\"open\\", "/a open\\;" },
		{ "</a>;;; rel", "/a ;" },
		{ "</a", "" },
		{ "rel=next", "" },
		{ "</a>x=y, </b>;rel=n", "/a ;/b n;" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct span value = span_from(cases[i].value), url, rel;
		char got[100] = "";
		size_t n = 0;

		while (linkheader_next(&value, &url, &rel))
			n += (size_t)snprintf(got + n, sizeof(got) - n,
			    "%.*s %.*s;", SPAN_ARG(url), SPAN_ARG(rel));
		ck_assert_str_eq(got, cases[i].links);
	}
}
END_TEST

START_TEST(linkset_finds_all_that_it_holds_and_nothing_else)
{
	struct arena arena;
	struct linkset set;
	static char names[3000][8];

	arena_init(&arena, 16 << 20);
	linkset_begin(&set, &arena, test_seed());
	ck_assert_ptr_null(linkset_find(&set, SPAN("x"), 0));
	for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
		struct span name;

		snprintf(names[i], sizeof(names[i]), "%u", i);
		name = span_from(names[i]);
		must(linkset_find(&set, name, LINK_A) == NULL);
		must(linkset_add(&set, (struct page_link){ .url = name,
					   .kind = LINK_A,
					   .flags = i & 7 }));
		must(linkset_find(&set, name, LINK_AREA) == NULL);
	}
	ck_assert_uint_eq(set.n, ARRAY_LEN(names));
	for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
		struct page_link *link = linkset_find(&set, span_from(names[i]),
		    LINK_A);

		must(link == &set.links[i] && link->flags == (i & 7));
	}
	arena_fini(&arena);
	/* No room: refused, and what is there stays. */
	arena_init(&arena, 4000);
	linkset_begin(&set, &arena, 1);
	for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
		if (!linkset_add(&set,
			(struct page_link){ .url = span_from(names[i]) }))
			break;
	}
	ck_assert_uint_eq(set.n, 64);
	ck_assert_ptr_nonnull(linkset_find(&set, SPAN("63"), 0));
	arena_fini(&arena);
}
END_TEST

/* The manuals of PostgreSQL name their makers so. */
START_TEST(collector_takes_rev_made_for_an_author)
{
	static const struct collector_element elements[] = {
		{ COLLECTOR_LINK, true,
		    { [COLLECTOR_HREF] = SPAN("maker"),
			[COLLECTOR_REV] = SPAN(" Made ") } },
		{ COLLECTOR_LINK, true,
		    { [COLLECTOR_HREF] = SPAN("other"),
			[COLLECTOR_REV] = SPAN("next") } },
	};
	struct collector *c = collector_new(100);
	struct page page = { 0 };
	struct arena arena;
	struct url url;
	bool cut;

	arena_init(&arena, 1 << 20);
	url_init(&url);
	ck_assert_int_eq(url_parse(SPAN("http://a.example/"), NULL, &url), 0);
	collector_begin(c,
	    &(struct collector_page){ .arena = &arena, .url = &url });
	for (size_t i = 0; i < ARRAY_LEN(elements); i++)
		collector_element(c, &elements[i]);
	ck_assert_int_eq(collector_finish(c, &page, &cut), 0);
	ck_assert_uint_eq(page.n_links, 1);
	ck_assert_int_eq(page.links[0].kind, LINK_REL);
	ck_assert(span_eq(page.links[0].url, SPAN("http://a.example/maker")));
	url_fini(&url);
	arena_fini(&arena);
	collector_free(c);
}
END_TEST

/* Another reader than the tree: one that knows the page by heart. */
START_TEST(collector_is_fed_by_any_reader)
{
	static const struct collector_element elements[] = {
		{ COLLECTOR_A, false, { [COLLECTOR_HREF] = SPAN("early") } },
		{ COLLECTOR_A, false, { [COLLECTOR_NAME] = SPAN("no href") } },
		{ COLLECTOR_BASE, true, { [COLLECTOR_LANG] = SPAN("none") } },
		{ COLLECTOR_BASE, true, { [COLLECTOR_HREF] = SPAN("/b/") } },
		{ COLLECTOR_BASE, true, { [COLLECTOR_HREF] = SPAN("/c/") } },
		{ COLLECTOR_A, false, { [COLLECTOR_HREF] = SPAN("late") } },
		{ COLLECTOR_LINK, true,
		    { [COLLECTOR_HREF] = SPAN("c"),
			[COLLECTOR_REL] = SPAN("canonical") } },
		{ COLLECTOR_META, true,
		    { [COLLECTOR_HTTP_EQUIV] = SPAN("Content-Type"),
			[COLLECTOR_CONTENT] = SPAN("x; charset=koi8-r") } },
	};
	struct collector *c = collector_new(100);
	struct page page = { 0 };
	struct arena arena;
	struct url url;
	bool cut = true;

	arena_init(&arena, 1 << 20);
	url_init(&url);
	ck_assert_int_eq(url_parse(SPAN("http://a.example/d/p"), NULL, &url),
	    0);
	for (int round = 0; round < 2; round++) {
		arena_reset(&arena);
		collector_begin(c,
		    &(struct collector_page){ .arena = &arena, .url = &url });
		collector_title(c, SPAN(" one "));
		collector_title(c, SPAN("two"));
		for (size_t i = 0; i < ARRAY_LEN(elements); i++)
			collector_element(c, &elements[i]);
		ck_assert_int_eq(collector_meta_charset(c), CHARSET_KOI8_R);
		ck_assert_int_eq(collector_finish(c, &page, &cut), 0);
		ck_assert(!cut);
		ck_assert(span_eq(page.title, SPAN("one")));
		ck_assert(span_eq(page.base, SPAN("http://a.example/b/")));
		ck_assert(
		    span_eq(page.canonical, SPAN("http://a.example/b/c")));
		ck_assert_uint_eq(page.n_links, 3);
		ck_assert(span_eq(page.links[0].url,
		    SPAN("http://a.example/b/early")));
		ck_assert(span_eq(page.links[1].url,
		    SPAN("http://a.example/b/late")));
	}
	collector_free(c);
	collector_free(NULL);
	url_fini(&url);
	arena_fini(&arena);
}
END_TEST

START_TEST(collector_without_memory_for_links_says_so)
{
	struct collector *c = collector_new(1000);
	struct page page = { 0 };
	struct arena arena;
	struct url url;
	char href[8];
	bool cut = false;

	arena_init(&arena, 5000);
	url_init(&url);
	ck_assert_int_eq(url_parse(SPAN("http://a.example/"), NULL, &url), 0);
	collector_begin(c,
	    &(struct collector_page){ .arena = &arena, .url = &url });
	for (int i = 0; i < 200; i++) {
		struct collector_element el = { .tag = COLLECTOR_A };

		snprintf(href, sizeof(href), "%d", i % 10);
		el.attr[COLLECTOR_HREF] = span_from("same");
		collector_element(c, &el);
		el.attr[COLLECTOR_HREF] = span_of("0123456789"
						  "0123456789" +
						      i % 10,
		    (size_t)i % 11);
		collector_element(c, &el);
	}
	ck_assert_int_eq(collector_finish(c, &page, &cut), 0);
	ck_assert(cut);
	collector_free(c);
	url_fini(&url);
	arena_fini(&arena);
}
END_TEST

TEST_MAIN("collector", rel_knows_pages_from_resources,
    refresh_is_read_as_browsers_do, directives_are_for_whom_they_name,
    directives_keep_the_date_when_a_page_goes, srcset_is_read_as_browsers_do,
    css_urls_are_found_and_nothing_else_is,
    xhtml_writes_out_what_html_would_read_on_in, linkheader_takes_links_apart,
    linkset_finds_all_that_it_holds_and_nothing_else,
    collector_takes_rev_made_for_an_author, collector_is_fed_by_any_reader,
    collector_without_memory_for_links_says_so)
