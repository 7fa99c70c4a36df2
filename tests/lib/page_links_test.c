/* The conformance data of tests/data/links and encoding, read as pages. */
#include "lib/html/page.h"
#include "tests/lib/cases.h"

struct scored {
	struct page_reader *reader;
	struct buf bytes, headers;
	size_t must, passed, optional, optional_passed;
};

static void
scored_init(struct scored *s)
{
	static const struct page_limits limits = { 1 << 20, 200, 1000, 1024,
		64 << 20, 10000 };

	*s = (struct scored){ .reader = page_reader_new(&limits) };
	ck_assert_ptr_nonnull(s->reader);
	buf_init(&s->bytes, 1 << 20);
	buf_init(&s->headers, 1 << 20);
}

static void
scored_fini(struct scored *s)
{
	page_reader_free(s->reader);
	buf_fini(&s->bytes);
	buf_fini(&s->headers);
}

/* Both cut fragments, so "#g" and "" are one. */
static struct span
bare(struct span url)
{
	const char *hash = url.len ? memchr(url.ptr, '#', url.len) : NULL;

	return hash ? span_of(url.ptr, (size_t)(hash - url.ptr)) : url;
}

static unsigned
flags_of(const json_t *link)
{
	unsigned flags = 0;

	if (json_is_true(json_object_get(link, "nofollow")))
		flags |= LINK_NOFOLLOW;
	if (json_is_true(json_object_get(link, "ugc")))
		flags |= LINK_UGC;
	if (json_is_true(json_object_get(link, "sponsored")))
		flags |= LINK_SPONSORED;
	return flags;
}

static struct span
kind_of(unsigned kind)
{
	/* clang-format off */
	static const char *const names[LINK_KINDS] = {
		[LINK_A] = "a", [LINK_AREA] = "area", [LINK_IFRAME] = "iframe",
		[LINK_FRAME] = "frame", [LINK_NEXT] = "next",
		[LINK_PREV] = "prev", [LINK_ALTERNATE] = "alternate",
		[LINK_CANONICAL] = "canonical", [LINK_REFRESH] = "refresh",
		[LINK_IMAGE] = "img", [LINK_SRCSET] = "srcset",
		[LINK_SCRIPT] = "script", [LINK_STYLESHEET] = "stylesheet",
		[LINK_MEDIA] = "media",
	};
	/* clang-format on */

	return span_from(names[kind]);
}

/* Of what a page is shown with the cases grade these kinds. */
static bool
is_graded(unsigned kind, bool resources)
{
	if (!resources)
		return kind < LINK_IMAGE;
	return kind >= LINK_IMAGE && kind <= LINK_MEDIA;
}

/* As sets: each is in the other. */
static bool
same_links(const json_t *want, const struct page *page, bool resources)
{
	size_t i, found = 0, graded = 0;
	const json_t *link;

	json_array_foreach(want, i, link)
	{
		struct span url = bare(cases_text(link, "url"));
		bool there = false;

		for (size_t j = 0; j < page->n_links; j++)
			there |= span_eq(page->links[j].url, url) &&
				 span_eq(kind_of(page->links[j].kind),
				     cases_text(link, "kind")) &&
				 page->links[j].flags == flags_of(link);
		if (!there)
			return false;
	}
	for (size_t j = 0; j < page->n_links; j++) {
		bool there = false;

		if (!is_graded(page->links[j].kind, resources))
			continue;
		graded++;
		json_array_foreach(want, i, link)
		    there |= span_eq(page->links[j].url,
			bare(cases_text(link, "url")));
		found += there;
	}
	return found == graded;
}

static bool
same_robots(const json_t *want, unsigned robots)
{
	static const struct {
		const char *name;
		unsigned bit;
	} names[] = { { "noindex", PAGE_NOINDEX },
		{ "nofollow", PAGE_NOFOLLOW },
		{ "noarchive", PAGE_NOARCHIVE } };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const json_t *value = json_object_get(want, names[i].name);

		if (value != NULL &&
		    json_is_true(value) != ((robots & names[i].bit) != 0))
			return false;
	}
	return true;
}

/* What differs first; NULL: all is as expected. */
static const char *
compare(const json_t *expect, const struct page *page)
{
	const json_t *value;

	value = json_object_get(expect, "encoding");
	if (value != NULL &&
	    !span_eq(cases_text(expect, "encoding"), span_from(page->charset)))
		return "encoding";
	value = json_object_get(expect, "base");
	if (value != NULL &&
	    !span_eq(bare(cases_text(expect, "base")), page->base))
		return "base";
	value = json_object_get(expect, "links");
	if (value != NULL && !same_links(value, page, false))
		return "links";
	value = json_object_get(expect, "resources");
	if (value != NULL && !same_links(value, page, true))
		return "resources";
	value = json_object_get(expect, "canonical");
	if (value != NULL &&
	    !span_eq(bare(cases_text(expect, "canonical")), page->canonical))
		return "canonical";
	value = json_object_get(expect, "refresh");
	if (json_is_null(value) && page->refresh_delay != -1)
		return "refresh";
	if (json_is_object(value) &&
	    (page->refresh_delay !=
		    json_integer_value(json_object_get(value, "delay")) ||
		!span_eq(bare(cases_text(value, "url")), page->refresh)))
		return "refresh";
	value = json_object_get(expect, "robots");
	if (value != NULL && !same_robots(value, page->robots))
		return "robots";
	return NULL;
}

static void
header_lines(const json_t *headers, struct buf *out)
{
	const json_t *pair;
	size_t i;

	buf_clear(out);
	json_array_foreach(headers, i, pair)
	{
		const char *name = json_string_value(json_array_get(pair, 0));
		const char *value = json_string_value(json_array_get(pair, 1));

		for (; *name != '\0'; name++)
			ck_assert_int_eq(buf_add_char(out, span_lower(*name)),
			    0);
		ck_assert_int_eq(buf_printf(out, ": %s\n", value), 0);
	}
}

static void
links_case(const json_t *object, void *arg)
{
	struct scored *s = arg;
	struct page_input input = {
		.content_type = cases_text(object, "content_type"),
		.robots_agent = SPAN("mpcrawl"),
		.want_resources = true,
		.want_credentials = true,
	};
	struct page page;
	struct url url;
	const char *wrong;

	url_init(&url);
	ck_assert_int_eq(url_parse(cases_text(object, "base_url"), NULL, &url),
	    0);
	header_lines(json_object_get(object, "headers"), &s->headers);
	cases_base64(cases_text(object, "html_b64"), &s->bytes);
	input.url = &url;
	input.headers = buf_span(&s->headers);
	input.body = cases_text(object, "html");
	if (input.body.ptr == NULL)
		input.body = buf_span(&s->bytes);
	ck_assert_int_eq(page_read(s->reader, &input, &page), 0);

	wrong = compare(json_object_get(object, "expect"), &page);
	if (wrong != NULL) {
		printf("%s (%s): %s\n",
		    json_string_value(json_object_get(object, "id")),
		    cases_must(object) ? "must" : "optional", wrong);
		for (size_t i = 0; i < page.n_links; i++)
			printf("    %.*s\n", SPAN_ARG(page.links[i].url));
	}
	if (cases_must(object)) {
		s->must++;
		s->passed += wrong == NULL;
	} else {
		s->optional++;
		s->optional_passed += wrong == NULL;
	}
	url_fini(&url);
}

START_TEST(page_finds_the_links_and_directives_of_the_cases)
{
	struct scored s;

	scored_init(&s);
	cases_each("links/cases.jsonl", links_case, &s);
	printf("links: %zu of %zu, optional %zu of %zu\n", s.passed, s.must,
	    s.optional_passed, s.optional);
	ck_assert_uint_eq(s.must, 133);
	ck_assert_uint_eq(s.passed, 133);
	/* All but one that lists a header's target as we do. */
	ck_assert_uint_eq(s.optional, 17);
	ck_assert_uint_eq(s.optional_passed, 16);
	scored_fini(&s);
}
END_TEST

static void
sniff_case(const json_t *object, void *arg)
{
	struct scored *s = arg;
	struct page_input input = {
		.content_type = cases_text(object, "content_type"),
	};
	struct page page;
	struct url url;
	bool ok;

	url_init(&url);
	ck_assert_int_eq(url_parse(SPAN("http://x.example/"), NULL, &url), 0);
	cases_base64(cases_text(object, "body_b64"), &s->bytes);
	input.url = &url;
	input.body = buf_span(&s->bytes);
	ck_assert_int_eq(page_read(s->reader, &input, &page), 0);
	ck_assert_ptr_nonnull(page.charset);
	ok = span_eq(span_from(page.charset), cases_text(object, "encoding"));
	if (!ok)
		printf("%s: %s\n",
		    json_string_value(json_object_get(object, "id")),
		    page.charset);
	if (cases_must(object)) {
		s->must++;
		s->passed += ok;
	} else {
		s->optional++;
		s->optional_passed += ok;
	}
	url_fini(&url);
}

START_TEST(page_is_in_the_charset_that_its_tree_says)
{
	struct scored s;

	scored_init(&s);
	cases_each("encoding/sniff-html5lib.jsonl", sniff_case, &s);
	printf("html5lib: %zu of %zu\n", s.passed, s.must);
	ck_assert_uint_eq(s.must, 82);
	ck_assert_uint_eq(s.passed, 82);
	s.must = s.passed = 0;
	cases_each("encoding/sniff.jsonl", sniff_case, &s);
	printf("sniff: %zu of %zu, optional %zu of %zu\n", s.passed, s.must,
	    s.optional_passed, s.optional);
	ck_assert_uint_eq(s.must, 34);
	ck_assert_uint_eq(s.passed, 34);
	ck_assert_uint_eq(s.optional_passed, 6);
	scored_fini(&s);
}
END_TEST

TEST_MAIN("page_links", page_finds_the_links_and_directives_of_the_cases,
    page_is_in_the_charset_that_its_tree_says)
