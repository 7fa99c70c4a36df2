#include "lib/html/page.h"

#include <errno.h>

#include "lib/base/inflate.h"
#include "lib/html/charset.h"
#include "lib/html/charset_guess.h"
#include "lib/html/collector.h"
#include "lib/html/doc.h"
#include "lib/html/type.h"
#include "lib/html/walk.h"
#include "lib/html/xhtml.h"

enum {
	/* What a page's links and fields may take: so much, and so much for
	 * each link there may be. */
	PAGE_OUT = 4 << 20,
	PAGE_OUT_LINK = 4 << 10,
	PAGE_KEEP = 4 << 20, /* memory kept from page to page */
};

struct page_reader {
	struct page_limits limits;
	struct inflate *inflate;
	struct charset_decoder *charset;
	struct doc *doc;
	struct walk *walk;
	struct collector *collector;
	struct arena out; /* what struct page points to */
	struct buf xhtml;
};

uint64_t
page_limits_memory(const struct page_limits *limits)
{
	/* A tree; the text as inflated, as decoded, and as HTML; what is taken
	 * from it, and once more while the collector sorts it. */
	return limits->parse_memory + 3 * limits->max_decoded +
	       2 * (PAGE_OUT + (uint64_t)limits->max_links * PAGE_OUT_LINK);
}

struct page_reader *
page_reader_new(const struct page_limits *limits)
{
	struct page_reader *reader = calloc(1, sizeof(*reader));
	struct doc_limits doc = { limits->parse_depth, limits->parse_memory,
		limits->parse_cpu_ms };

	if (reader == NULL)
		return NULL;
	reader->limits = *limits;
	arena_init(&reader->out,
	    PAGE_OUT + (size_t)limits->max_links * PAGE_OUT_LINK);
	buf_init(&reader->xhtml, (size_t)limits->max_decoded);
	reader->inflate = inflate_new();
	reader->charset = charset_decoder_new();
	reader->doc = doc_new(&doc);
	reader->walk = walk_new(limits->parse_depth);
	reader->collector = collector_new(limits->max_links);
	if (reader->inflate == NULL || reader->charset == NULL ||
	    reader->doc == NULL || reader->walk == NULL ||
	    reader->collector == NULL) {
		page_reader_free(reader);
		return NULL;
	}
	return reader;
}

void
page_reader_free(struct page_reader *reader)
{
	if (reader == NULL)
		return;
	collector_free(reader->collector);
	walk_free(reader->walk);
	doc_free(reader->doc);
	charset_decoder_free(reader->charset);
	inflate_free(reader->inflate);
	arena_fini(&reader->out);
	buf_fini(&reader->xhtml);
	free(reader);
}

/* The first that applies stays. */
static void
page_truncated(struct page *page, enum truncated truncated)
{
	if (page->truncated == TRUNCATED_NO)
		page->truncated = truncated;
}

static void
page_inflated(struct page *page, enum inflate_end end)
{
	if (end == INFLATE_LIMIT)
		page_truncated(page, TRUNCATED_DECODED);
	else if (end == INFLATE_BROKEN)
		page_truncated(page, TRUNCATED_DISCONNECT);
}

/* The text of `body` in an encoding. */
static int
page_decode(struct page_reader *reader, struct span body,
    struct charset_sniffed sniffed, struct page *page)
{
	bool cut;
	int r;

	r = charset_decode(reader->charset, sniffed.charset,
	    span_from_at(body, sniffed.bom), reader->limits.max_decoded,
	    &page->text, &cut);
	if (r < 0)
		return r;
	if (cut)
		page_truncated(page, TRUNCATED_DECODED);
	page->charset = charset_name(sniffed.charset);
	page->charset_source = charset_from_name(sniffed.from);
	return 0;
}

/* The encoding: by who says it, else by the bytes. */
static int
page_sniff(struct page_reader *reader, struct span body, struct span label,
    bool html, struct charset_sniffed *out)
{
	struct charset_sniffed sniffed = charset_sniff(body, label, html);
	enum charset guess = CHARSET_NONE;
	int r = 0;

	if (sniffed.from == CHARSET_FROM_DEFAULT)
		r = charset_guess(reader->charset, body, &guess);
	if (r < 0)
		return r;
	if (guess != CHARSET_NONE)
		sniffed = (struct charset_sniffed){ guess, CHARSET_FROM_GUESS,
			0 };
	*out = sniffed;
	return 0;
}

static void
page_collect_from(struct page_reader *reader, const struct page_input *input,
    enum charset charset)
{
	struct collector_page page = {
		.arena = &reader->out,
		.url = input->url,
		.agent = input->robots_agent,
		.charset = charset,
		.dec = reader->charset,
		.want_rel = input->want_rel,
		.want_resources = input->want_resources,
		.want_forms = input->want_forms,
		.want_credentials = input->want_credentials,
	};

	collector_begin(reader->collector, &page);
	collector_headers(reader->collector, input->headers);
}

/* The tree of page->text, walked into the collector.  *whole: nothing was cut.
 * 0 or -ENOMEM. */
static int
page_tree(struct page_reader *reader, struct page *page, bool *whole)
{
	struct span text = page->text;
	const GumboNode *root;

	if (span_eq(span_from(page->mime), SPAN("application/xhtml+xml"))) {
		int r = xhtml_write_out(page->text, &reader->xhtml, &text);

		if (r == -ENOMEM)
			return r;
	}
	*whole = doc_parse(reader->doc, text, &root) == DOC_WHOLE;
	page->html = root != NULL;
	if (root != NULL && !walk_run(reader->walk, root, reader->collector))
		*whole = false;
	return 0;
}

/*
 * A meta that stands too far behind for the prescan counts when nobody else
 * said anything (the HTML Standard, "changing the encoding while parsing").
 * Then the page is read once more, which few need; its time is not renewed.
 */
static int
page_late_charset(struct page_reader *reader, const struct page_input *input,
    struct span body, struct charset_sniffed *sniffed, struct page *page,
    bool *whole)
{
	enum charset late = collector_meta_charset(reader->collector);
	int r;

	if (sniffed->from != CHARSET_FROM_GUESS &&
	    sniffed->from != CHARSET_FROM_DEFAULT)
		return 0;
	if (late == CHARSET_NONE)
		return 0;
	sniffed->from = CHARSET_FROM_META;
	page->charset_source = charset_from_name(sniffed->from);
	if (late == sniffed->charset)
		return 0;
	sniffed->charset = late;
	r = page_decode(reader, body, *sniffed, page);
	if (r < 0)
		return r;
	page_collect_from(reader, input, late);
	return page_tree(reader, page, whole);
}

static int
page_html(struct page_reader *reader, const struct page_input *input,
    struct span body, struct charset_sniffed sniffed, struct page *page)
{
	bool whole;
	int r;

	doc_begin(reader->doc);
	page_collect_from(reader, input, sniffed.charset);
	r = page_tree(reader, page, &whole);
	if (r == 0)
		r = page_late_charset(reader, input, body, &sniffed, page,
		    &whole);
	if (r == 0 && !whole)
		page_truncated(page, TRUNCATED_PARSE);
	return r;
}

int
page_read(struct page_reader *reader, const struct page_input *input,
    struct page *out)
{
	enum inflate_coding coding = inflate_coding(input->content_encoding);
	struct page page = { .refresh_delay = -1 };
	struct charset_sniffed sniffed = { .charset = CHARSET_NONE };
	struct type type = { TYPE_BINARY, NULL };
	enum inflate_end end;
	struct span body;
	bool cut, style;
	int r;

	arena_reset(&reader->out);
	if (reader->xhtml.cap > PAGE_KEEP)
		buf_fini(&reader->xhtml);
	r = inflate_body(reader->inflate, coding, input->body,
	    reader->limits.max_decoded, reader->limits.max_ratio, &body, &end);
	if (r < 0)
		return r;
	page_inflated(&page, end);
	page.decoded_len = body.len;

	/* Compressed in a way that we did not ask for: no telling what. */
	if (coding != INFLATE_UNKNOWN)
		type = type_decide(input->content_type, body);
	page.mime = type.mime;
	style = type.kind == TYPE_TEXT && input->want_resources &&
		span_eq_nocase(type_essence(input->content_type),
		    SPAN("text/css"));
	if (type.kind == TYPE_HTML || style ||
	    (type.kind == TYPE_TEXT && input->want_text)) {
		r = page_sniff(reader, body,
		    type_parameter(input->content_type, SPAN("charset")),
		    type.kind == TYPE_HTML, &sniffed);
		if (r == 0)
			r = page_decode(reader, body, sniffed, &page);
	}
	if (r == 0 && type.kind == TYPE_HTML)
		r = page_html(reader, input, body, sniffed, &page);
	else if (r == 0)
		page_collect_from(reader, input, CHARSET_NONE);
	if (r == 0 && style)
		collector_style(reader->collector, page.text, PLACE_CSS);
	if (r == 0)
		r = collector_finish(reader->collector, &page, &cut);
	if (r < 0)
		return r;
	if (cut)
		page_truncated(&page, TRUNCATED_LINKS);
	if (!input->want_text)
		page.text = SPAN_NONE;
	*out = page;
	return 0;
}

int
page_inflate(struct page_reader *reader, struct span body,
    struct span content_encoding, uint64_t max, struct span *out, bool *cut)
{
	enum inflate_end end;
	int r;

	r = inflate_body(reader->inflate, inflate_coding(content_encoding),
	    body, max, reader->limits.max_ratio, out, &end);
	if (r == 0)
		*cut = end != INFLATE_WHOLE;
	return r;
}
