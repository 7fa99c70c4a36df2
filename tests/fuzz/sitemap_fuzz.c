/*
 * sitemap: what a file lists.
 *
 *     a byte of flags
 *     content-type NUL file
 */
#include "lib/sitemap/sitemap.h"
#include "tests/fuzz/fuzz.h"

enum flag {
	TINY = 1, /* limits that an ordinary file passes */
	STOP = 2, /* no room for the third entry */
};

static const struct sitemap_limits limits = { 1 << 20, 1000, 4096 };
static const struct sitemap_limits tiny = { 400, 2, 40 };

static struct url file_url, again;

/* What was handed over, in one number, and how much of it. */
struct taken {
	const struct sitemap_limits *max;
	uint64_t sum;
	uint32_t n, most;
};

static void
add(struct taken *taken, struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		taken->sum = (taken->sum ^ (uint8_t)s.ptr[i]) * 1099511628211u;
	taken->sum = (taken->sum ^ s.len) * 1099511628211u;
}

static bool
take(void *arg, const struct sitemap_entry *entry)
{
	struct taken *taken = arg;

	if (taken->n == taken->most)
		return false;
	taken->n++;
	fuzz_holds(url_parse(entry->url, NULL, &again) == 0);
	fuzz_holds(span_eq(url_href(&again), entry->url));
	fuzz_holds(url_fetchable(&again));
	fuzz_holds(again.fragment_start == UINT32_MAX);
	fuzz_holds(entry->url.len <= taken->max->max_url_length);
	fuzz_holds(entry->loc.len > 0);
	/* The location is as written; in XML all is UTF-8. */
	fuzz_holds(fuzz_is_utf8(entry->lastmod));
	fuzz_holds(
	    fuzz_is_utf8(entry->changefreq) && fuzz_is_utf8(entry->priority));
	sitemap_covers(&file_url, &again);
	add(taken, entry->loc);
	add(taken, entry->url);
	add(taken, entry->lastmod);
	add(taken, entry->changefreq);
	add(taken, entry->priority);
	return true;
}

static void
report_holds(const struct sitemap_report *report, const struct taken *taken)
{
	char words[120];

	fuzz_holds(report->type < SITEMAP_TYPES &&
		   report->defect < SITEMAP_DEFECTS &&
		   report->cut < SITEMAP_CUTS);
	fuzz_holds(report->drop < SITEMAP_DROPS &&
		   (report->dropped > 0) == (report->drop > SITEMAP_DROP_NONE));
	fuzz_holds(report->listed == taken->n);
	fuzz_holds(report->listed <= taken->max->max_urls);
	fuzz_holds(report->decoded_len <= taken->max->max_bytes);
	fuzz_holds(
	    (report->cut == SITEMAP_CUT_ROOM) <= (taken->n == taken->most));
	sitemap_describe(report, words, sizeof(words));
	fuzz_holds((words[0] == '\0') == (report->defect == SITEMAP_SOUND));
}

/* A report that nobody made, as it may lie in a cell. */
static void
describe_anything(struct span bytes)
{
	struct sitemap_report report = { 0 };
	char words[20];

	memcpy(&report, bytes.ptr,
	    bytes.len < sizeof(report) ? bytes.len : sizeof(report));
	sitemap_describe(&report, words, sizeof(words));
	fuzz_holds(strnlen(words, sizeof(words)) < sizeof(words));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sitemap_reader *readers[2];
	struct fuzz_input in = fuzz_input(data, size);
	unsigned flags = fuzz_byte(&in);
	const struct sitemap_limits *max = flags & TINY ? &tiny : &limits;
	struct sitemap_reader **reader = &readers[flags & TINY];
	struct sitemap_input input = { .url = &file_url };
	struct sitemap_report first, second;
	struct taken taken[2];

	if (file_url.href.len == 0) {
		url_init(&file_url);
		url_init(&again);
		fuzz_holds(url_parse(SPAN("https://www.example.com/d/s.xml"),
			       NULL, &file_url) == 0);
	}
	if (*reader == NULL)
		*reader = sitemap_reader_new(max);
	fuzz_holds(*reader != NULL);
	input.content_type = fuzz_part(&in);
	input.body = in.left;
	taken[0] = taken[1] = (struct taken){
		.max = max,
		.most = flags & STOP ? 2 : UINT32_MAX,
	};
	fuzz_holds(sitemap_read(*reader, &input, take, &taken[0], &first) == 0);
	report_holds(&first, &taken[0]);
	/* Another file in between does not show. */
	fuzz_holds(
	    sitemap_read(*reader, &input, take, &taken[1], &second) == 0);
	fuzz_holds(taken[0].sum == taken[1].sum && taken[0].n == taken[1].n);
	fuzz_holds(first.defect == second.defect && first.cut == second.cut &&
		   first.type == second.type && first.line == second.line);
	if (in.left.len > 0)
		describe_anything(in.left);
	return 0;
}
