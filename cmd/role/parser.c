/*
 * parser - hostile bytes in, links and fields out.  No network, no files.
 */
#include <errno.h>
#include <string.h>

#include "cmd/flight.h"
#include "cmd/log.h"
#include "cmd/now.h"
#include "cmd/role/parser_limits.h"
#include "cmd/role/poison.h"
#include "cmd/role/role.h"
#include "lib/base/digest.h"
#include "lib/base/inflate.h"
#include "lib/base/utf8.h"
#include "lib/html/page.h"
#include "lib/robots/robots.h"
#include "lib/sitemap/sitemap.h"

enum {
	PARSER_NAP_MS = 250,
	/* Pages taken at once at the most; fewer when colleagues could work. */
	PARSER_BATCH = 8,
};

struct parser {
	struct worker *worker;
	struct conveyor *cv;
	const struct config *config;
	struct page_reader *reader;
	struct parser_limits limits;
	struct url url;
	struct buf rules;
	struct sitemap_reader *sitemaps; /* made when one comes */
	struct buf entry;
	struct output_writer out;
	uint32_t cell; /* whose output is being written */
	uint64_t most; /* bytes that it may have */
	bool cut;      /* something did not fit */
	bool idle;     /* and has said so */
};

/*
 * Add an item, growing the output as long as there is room.  What does not
 * fit is left out and marked; nothing else is lost with it.
 */
static void
put_item(struct parser *p, const struct output_item *item)
{
	uint64_t want;

	for (;;) {
		int r = output_add_item(&p->out, item);

		if (r == 0)
			return;
		/* Room for the mark itself is kept by put_truncated(). */
		want = p->out.used + item->bytes.len + OUTPUT_ITEM +
		       CONVEYOR_STEP / 2;
		r = want > p->most ? -EMSGSIZE
				   : conveyor_grow_output(p->cv, p->cell, want,
					 p->config->shm_budget);
		if (r < 0) {
			p->cut = true;
			flight(p->cv, FLIGHT_LIMIT, p->cell, p->out.used);
			return;
		}
		p->out.size = conveyor_output_room(p->cv, p->cell);
	}
}

static void
put(struct parser *p, uint8_t tag, struct span bytes)
{
	put_item(p, &(struct output_item){ .tag = tag, .bytes = bytes });
}

static void
put_text(struct parser *p, uint8_t tag, const char *text)
{
	if (text != NULL && text[0] != '\0')
		put(p, tag, span_from(text));
}

static void
put_span(struct parser *p, uint8_t tag, struct span bytes)
{
	if (bytes.len > 0)
		put(p, tag, bytes);
}

static void
put_truncated(struct parser *p, enum truncated truncated)
{
	char byte = (char)truncated;

	put(p, OUTPUT_TRUNCATED, span_of(&byte, 1));
}

static void
put_links(struct parser *p, const struct page *page)
{
	unsigned of_page = 0;

	/* What the page asks for speaks for each of its links. */
	if (page->meta_robots & PAGE_NOFOLLOW)
		of_page |= LINK_META_NOFOLLOW;
	if (page->header_robots & PAGE_NOFOLLOW)
		of_page |= LINK_HEADER_NOFOLLOW;
	for (size_t i = 0; i < page->n_links && !p->cut; i++) {
		const struct page_link *link = &page->links[i];

		put_item(p, &(struct output_item){ .tag = OUTPUT_LINK,
				.link_kind = link->kind,
				.link_flags = (uint8_t)(link->flags | of_page),
				.link_place = link->place,
				.bytes = link->url });
		put_span(p, OUTPUT_REL, link->rel);
	}
}

/* What one source asks of robots: an item for each directive. */
static void
put_directives(struct parser *p, uint8_t tag, unsigned robots,
    struct span after)
{
	static const struct {
		unsigned bit;
		const char *name;
	} directives[] = { { PAGE_NOINDEX, "noindex" },
		{ PAGE_NOFOLLOW, "nofollow" },
		{ PAGE_NOARCHIVE, "noarchive" } };
	char text[128];

	for (size_t i = 0; i < ARRAY_LEN(directives); i++) {
		if (robots & directives[i].bit)
			put_text(p, tag, directives[i].name);
	}
	if (after.len == 0)
		return;
	snprintf(text, sizeof(text), "unavailable_after: %.*s",
	    SPAN_ARG(after));
	put_text(p, tag, text);
}

static void
put_page(struct parser *p, const struct page *page, bool redirect)
{
	char number[24];

	put_text(p, OUTPUT_MIME, page->mime);
	put_text(p, OUTPUT_CHARSET, page->charset);
	if (page->charset != NULL)
		put_text(p, OUTPUT_CHARSET_SOURCE, page->charset_source);
	snprintf(number, sizeof(number), "%llu",
	    (unsigned long long)page->decoded_len);
	put_text(p, OUTPUT_LENGTH, number);
	put_span(p, OUTPUT_TITLE, page->title);
	put_span(p, OUTPUT_LANG, page->lang);
	put_span(p, OUTPUT_CANONICAL, page->canonical);
	put_directives(p, OUTPUT_ROBOTS, page->meta_robots, page->meta_after);
	put_directives(p, OUTPUT_ROBOTS_HEADER, page->header_robots,
	    page->header_after);
	if (!redirect)
		put_links(p, page);
}

static int
parse_page(struct parser *p, const struct order *order,
    const struct capture *capture)
{
	struct page_input input = {
		.body = span_of(conveyor_body(p->cv, p->cell),
		    (size_t)capture->body_len),
		.content_type = capture->content_type,
		.content_encoding = capture->content_encoding,
		.headers = capture->headers,
		.url = &p->url,
		.robots_agent = span_from(p->config->robots_agent),
		.want_text = p->config->field_body,
		.want_rel = p->config->field_links,
		.want_resources = p->config->resources,
		.want_forms = p->config->forms,
	};
	char digest[DIGEST_SHA1_TEXT];
	struct page page;
	int r;

	/* Of a page that a rule on media types excludes, nothing is taken. */
	if (capture->reason == REASON_RULE)
		return 0;
	if (url_parse(order->url, NULL, &p->url) < 0)
		return -EBADMSG; /* the scheduler wrote it: it parsed there */
	r = page_read(p->reader, &input, &page);
	if (r < 0)
		return r;
	put_page(p, &page, capture->location.len > 0);
	if (input.body.len > 0 && digest_sha1(input.body, digest) == 0)
		put_text(p, OUTPUT_DIGEST, digest);
	if (p->config->field_body && input.body.len > 0) {
		if (page.charset != NULL)
			put_span(p, OUTPUT_BODY, page.text);
		else
			put_span(p, OUTPUT_BODY_RAW, input.body);
	}
	if (p->cut)
		put_truncated(p, TRUNCATED_LINKS);
	else if (page.truncated != TRUNCATED_NO)
		put_truncated(p, page.truncated);
	return 0;
}

static int
parse_robots(struct parser *p, const struct capture *capture)
{
	struct span body = span_of(conveyor_body(p->cv, p->cell),
	    (size_t)capture->body_len);
	struct span text;
	bool cut;
	int r;

	if (robots_meaning(capture->status) != ROBOTS_USE_BODY)
		return 0;
	r = page_inflate(p->reader, body, capture->content_encoding,
	    p->config->robots_max_bytes, &text, &cut);
	if (r < 0)
		return r;
	/* Packed in a way that we did not ask for: nobody can read it, and
	 * what nobody can read allows nothing.  Many name a coding and mean
	 * the charset; their text is text. */
	if (inflate_coding(capture->content_encoding) == INFLATE_UNKNOWN &&
	    utf8_valid_prefix(text) != text.len)
		return 0;
	/* Half a line is another rule: "Allow: /public" cut to "Allow: /". */
	if (cut || capture->truncated != TRUNCATED_NO)
		text = robots_whole_lines(text);
	buf_clear(&p->rules);
	r = robots_compile(text, span_from(p->config->robots_agent), &p->rules);
	if (r == -EMSGSIZE) {
		/* More rules than the store keeps, and none are not all:
		 * as if it had not been answered. */
		return 0;
	}
	if (r < 0)
		return r;
	put(p, OUTPUT_RULES, buf_span(&p->rules));
	return 0;
}

static bool
take_entry(void *arg, const struct sitemap_entry *entry)
{
	struct listing listed = listing_of(entry->lastmod, entry->priority,
	    entry->changefreq);
	struct parser *p = arg;

	if (entry->is_sitemap) {
		put(p, OUTPUT_NESTED, entry->url);
		return !p->cut;
	}
	buf_clear(&p->entry);
	if (buf_add(&p->entry, &listed, sizeof(listed)) < 0 ||
	    buf_add_span(&p->entry, entry->url) < 0)
		return false;
	put(p, OUTPUT_LISTED, buf_span(&p->entry));
	return !p->cut;
}

/* gzip is found by its first bytes; of deflate nothing but the header tells. */
static int
sitemap_body(struct parser *p, const struct capture *capture, uint64_t most,
    struct span *body, bool *cut)
{
	*cut = false;
	*body = span_of(conveyor_body(p->cv, p->cell),
	    (size_t)capture->body_len);
	if (inflate_coding(capture->content_encoding) != INFLATE_DEFLATE)
		return 0;
	return page_inflate(p->reader, *body, capture->content_encoding, most,
	    body, cut);
}

static int
parse_sitemap(struct parser *p, const struct order *order,
    const struct capture *capture)
{
	const struct config *config = p->config;
	struct sitemap_limits limits = { .max_bytes = config->sitemap_max_bytes,
		.max_urls = SITEMAP_URLS_MAX,
		.max_url_length = config->max_url_length };
	struct sitemap_input input = { .content_type = capture->content_type,
		.url = &p->url };
	struct sitemap_report report;
	bool cut;
	int r;

	if (capture->status / 100 != 2)
		return 0;
	if (p->sitemaps == NULL)
		p->sitemaps = sitemap_reader_new(&limits);
	if (p->sitemaps == NULL)
		return -ENOMEM;
	if (url_parse(order->url, NULL, &p->url) < 0)
		return -EBADMSG; /* the scheduler wrote it: it parsed there */
	r = sitemap_body(p, capture, limits.max_bytes, &input.body, &cut);
	if (r == 0)
		r = sitemap_read(p->sitemaps, &input, take_entry, p, &report);
	if (r < 0)
		return r;
	if (cut && report.defect == SITEMAP_SOUND)
		report.defect = SITEMAP_GZIP;
	/* Where its output may not grow, another try will not help. */
	if (report.cut == SITEMAP_CUT_ROOM &&
	    p->most - p->out.used <
		CONVEYOR_STEP + (uint64_t)config->max_url_length)
		report.cut = SITEMAP_CUT_BYTES;
	p->cut = false;
	put(p, OUTPUT_SITEMAP, span_of((const char *)&report, sizeof(report)));
	return 0;
}

/*
 * The step: one page, from PAGES to RECORDS.  Killed anywhere in it, the next
 * parser does it again: the output's lap is stored last.
 */
static int
step(struct parser *p, uint32_t cell)
{
	const struct conveyor_shape *shape = conveyor_shape(p->cv);
	struct capture capture;
	struct order order;
	void *at;
	size_t size;
	int r;

	p->cell = cell;
	p->cut = false;
	roster_set_current(p->cv, cell);
	parser_limits_page(&p->limits);
	flight(p->cv, FLIGHT_READS, cell, 0);
	r = order_read(conveyor_order(p->cv, cell), shape->order_size, &order);
	if (r < 0)
		return r;
	r = capture_read(conveyor_capture(p->cv, cell), shape->capture_size,
	    order.lap, &capture);
	if (r < 0)
		return r;
	if (r == 1 && capture.body_len > conveyor_body_room(p->cv, cell))
		return -EBADMSG;
	if (r == 1)
		poison_look(ROLE_PARSER,
		    conveyor_word(p->cv, cell).attempts & CELL_BLAMES,
		    span_of(conveyor_body(p->cv, cell),
			(size_t)capture.body_len));

	at = conveyor_output(p->cv, cell);
	size = conveyor_output_room(p->cv, cell);
	if (size < OUTPUT_HEAD &&
	    conveyor_grow_output(p->cv, cell, CONVEYOR_STEP,
		p->config->shm_budget) == 0)
		size = conveyor_output_room(p->cv, cell);
	if (size < OUTPUT_HEAD) {
		/* No room at all: the record is written without us. */
		char reason = REASON_TOO_LARGE;

		at = conveyor_inline(p->cv, cell);
		output_begin(&p->out, at, shape->inline_size);
		r = output_add(&p->out, OUTPUT_REASON, span_of(&reason, 1));
		must(r == 0);
	} else {
		output_begin(&p->out, at, size);
		flight(p->cv, FLIGHT_PARSES, cell,
		    r == 1 ? capture.body_len : 0);
		p->most = order.kind == ORDER_SITEMAP ? shape->output_size
						      : CRAWL_OUTPUT_PAGE;
		if (r == 1 && order.kind == ORDER_PAGE)
			r = parse_page(p, &order, &capture);
		else if (r == 1 && order.kind == ORDER_SITEMAP)
			r = parse_sitemap(p, &order, &capture);
		else if (r == 1)
			r = parse_robots(p, &capture);
		if (r < 0)
			return r;
	}
	output_end(&p->out, order.lap);
	flight(p->cv, FLIGHT_PARSED, cell, p->out.used);
	roster_clear_current(p->cv);
	r = conveyor_push(p->cv, QUEUE_RECORDS, cell);
	if (r == 0)
		roster_count(p->cv, COUNTER_JOBS, 1);
	flight(p->cv, FLIGHT_PUSHED, cell, QUEUE_RECORDS);
	return r;
}

/* Take several only when there are plenty: work that one holds, a colleague
 * cannot do. */
static size_t
fair_share(const struct parser *p)
{
	uint32_t waiting = conveyor_length(p->cv, QUEUE_PAGES);
	uint32_t share = waiting / p->worker->crawl->parsers;

	return share < 1 ? 1 : share > PARSER_BATCH ? PARSER_BATCH : share;
}

static int
turn(struct parser *p)
{
	uint32_t cells[PARSER_BATCH];
	int n = conveyor_pop_many(p->cv, QUEUE_PAGES, cells, fair_share(p));

	roster_beat(p->cv, now_mono_ms());
	/* Waiting for days takes processor time, too. */
	if (n == 0)
		parser_limits_page(&p->limits);
	if (n == 0 && !p->idle)
		flight(p->cv, FLIGHT_WAITS_WORK, FLIGHT_NO_CELL, 0);
	p->idle = n == 0;
	if (n == 0)
		return conveyor_wait(p->cv, QUEUE_PAGES, PARSER_NAP_MS) ==
			       -EBADMSG
			   ? -EBADMSG
			   : 0;
	if (n > 0) {
		roster_took_work(p->cv);
		flight(p->cv, FLIGHT_TOOK, FLIGHT_NO_CELL, (uint64_t)n);
	}
	for (int i = 0; i < n; i++) {
		int r = step(p, cells[i]);

		if (r < 0)
			return r;
	}
	return n < 0 ? n : 0;
}

int
parser_main(struct worker *worker)
{
	const struct config *config = &worker->crawl->config;
	struct parser p = { .worker = worker,
		.cv = worker->cv,
		.config = config };
	struct rlimit no_core = { 0, 0 };
	int r;

	parser_limits_init(&p.limits, config);
	p.reader = page_reader_new(&p.limits.page);
	if (p.reader == NULL)
		return role_failed(-ENOMEM, "a page reader");
	r = parser_limits_apply(&p.limits);
	if (r == 0 && setrlimit(RLIMIT_CORE, &no_core) < 0)
		r = -errno;
	if (r < 0)
		return role_failed(r, "limits of a parser");
	url_init(&p.url);
	buf_init(&p.rules, config->robots_max_bytes + ROBOTS_BLOCK_OVERHEAD);
	buf_init(&p.entry, sizeof(struct listing) + config->max_url_length);
	while (r == 0 && !role_stopping())
		r = turn(&p);
	buf_fini(&p.rules);
	buf_fini(&p.entry);
	sitemap_reader_free(p.sitemaps);
	url_fini(&p.url);
	page_reader_free(p.reader);
	if (r == 0)
		flight(p.cv, FLIGHT_STOPS, FLIGHT_NO_CELL, 0);
	if (r == -ENOMEM)
		abort(); /* so that blame finds the page (protocol.md 11) */
	return r < 0 ? role_failed(r, "parsing") : WORKER_DONE;
}
