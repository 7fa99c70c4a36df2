/*
 * html: from a response to text, links and directives.
 *
 *     a byte of flags
 *     content-type NUL content-encoding NUL headers NUL body
 */
#include "lib/html/page.h"
#include "tests/fuzz/fuzz.h"

#define DECODED_MAX (256u << 10)
#define LINKS_MAX   100

enum flag {
	WANT_TEXT = 1,
	TINY = 2, /* limits that an ordinary page passes */
	WANT_REL = 4,
	WANT_RESOURCES = 8,
	WANT_FORMS = 16,
	WANT_CREDENTIALS = 32,
};

static const struct page_limits limits = {
	.max_decoded = DECODED_MAX,
	.max_ratio = 200,
	.max_links = LINKS_MAX,
	.parse_depth = 512,
	.parse_memory = 32 << 20,
	.parse_cpu_ms = 10000, /* a cut by time would not come twice alike */
};
static const struct page_limits tiny = {
	.max_decoded = 300,
	.max_ratio = 2,
	.max_links = 3,
	.parse_depth = 4,
	.parse_memory = 64 << 10,
	.parse_cpu_ms = 10000,
};

static struct page_reader *readers[2];
static struct url base_url, again;

static void
link_holds(const struct page_link *link, bool credentials)
{
	fuzz_holds(link->kind < LINK_KINDS && link->place < LINK_PLACES);
	fuzz_holds(fuzz_is_utf8(link->rel));
	/* As it is serialised, without a fragment. */
	fuzz_holds(url_parse(link->url, NULL, &again) == 0);
	fuzz_holds(span_eq(url_href(&again), link->url));
	fuzz_holds(again.fragment_start == UINT32_MAX);
	fuzz_holds(url_fetchable(&again));
	fuzz_holds(credentials || !url_has_credentials(&again));
}

static void
url_or_nothing(struct span url)
{
	if (url.len > 0)
		fuzz_holds(url_parse(url, NULL, &again) == 0 &&
			   span_eq(url_href(&again), url));
}

/* All of it in one number, to be compared. */
static uint64_t
add(uint64_t sum, struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		sum = (sum ^ (uint8_t)s.ptr[i]) * 1099511628211u;
	return (sum ^ s.len) * 1099511628211u;
}

static uint64_t
sum_of(const struct page *page)
{
	uint64_t sum = 1469598103934665603u;

	sum = add(sum, span_from(page->mime));
	sum = add(sum, span_from(page->charset));
	sum = add(sum, page->text);
	sum = add(sum, page->title);
	sum = add(sum, page->lang);
	sum = add(sum, page->base);
	sum = add(sum, page->canonical);
	sum = add(sum, page->refresh);
	for (size_t i = 0; i < page->n_links; i++) {
		sum = add(sum, page->links[i].url);
		sum = add(sum, page->links[i].rel);
		sum ^= page->links[i].kind | page->links[i].flags << 8 |
		       page->links[i].place << 16;
	}
	return sum ^ page->robots ^ (uint64_t)page->truncated << 32;
}

static void
page_holds(const struct page *page, const struct page_input *input,
    const struct page_limits *max)
{
	fuzz_holds(fuzz_is_utf8(page->text));
	fuzz_holds(fuzz_is_utf8(page->title) && fuzz_is_utf8(page->lang));
	fuzz_holds(page->text.len <= max->max_decoded);
	fuzz_holds(page->decoded_len <= max->max_decoded);
	fuzz_holds(page->n_links <= max->max_links);
	fuzz_holds(page->robots == (page->meta_robots | page->header_robots));
	fuzz_holds(page->robots <= 255 && page->truncated < TRUNCATEDS);
	fuzz_holds(fuzz_is_utf8(page->meta_after));
	fuzz_holds(fuzz_is_utf8(page->header_after));
	fuzz_holds(page->refresh_delay >= -1);
	fuzz_holds(input->want_text || page->text.len == 0);
	url_or_nothing(page->base);
	url_or_nothing(page->canonical);
	for (size_t i = 0; i < page->n_links; i++) {
		link_holds(&page->links[i], input->want_credentials);
		for (size_t j = 0; j < i; j++)
			fuzz_holds(
			    page->links[i].kind != page->links[j].kind ||
			    !span_eq(page->links[i].url, page->links[j].url));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = fuzz_input(data, size);
	unsigned flags = fuzz_byte(&in);
	const struct page_limits *max = flags & TINY ? &tiny : &limits;
	struct page_reader **reader = &readers[flags & TINY ? 1 : 0];
	struct page_input input = {
		.url = &base_url,
		.robots_agent = SPAN("mpcrawl"),
		.want_text = flags & WANT_TEXT,
		.want_rel = flags & WANT_REL,
		.want_resources = flags & WANT_RESOURCES,
		.want_forms = flags & WANT_FORMS,
		.want_credentials = flags & WANT_CREDENTIALS,
	};
	struct page page;
	struct span text;
	uint64_t sum;
	bool cut;

	if (base_url.href.len == 0) {
		url_init(&base_url);
		url_init(&again);
		fuzz_holds(url_parse(SPAN("https://example.org/d/p"), NULL,
			       &base_url) == 0);
	}
	if (*reader == NULL)
		*reader = page_reader_new(max);
	fuzz_holds(*reader != NULL);
	input.content_type = fuzz_part(&in);
	input.content_encoding = fuzz_part(&in);
	input.headers = fuzz_part(&in);
	input.body = in.left;
	fuzz_holds(page_read(*reader, &input, &page) == 0);
	page_holds(&page, &input, max);
	sum = sum_of(&page);
	/* A reader that has read something else reads this one the same. */
	fuzz_holds(page_inflate(*reader, input.body, input.content_encoding,
		       1000, &text, &cut) == 0);
	fuzz_holds(!cut || text.len <= 1000);
	fuzz_holds(text.len <= 1000 || text.len <= input.body.len);
	fuzz_holds(page_read(*reader, &input, &page) == 0);
	fuzz_holds(sum_of(&page) == sum);
	return 0;
}
