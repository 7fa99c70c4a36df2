#include "lib/sitemap/sitemap.h"

#include <errno.h>
#include <stdio.h>

#include "lib/sitemap/sitemap_impl.h"

enum {
	FIELD_MAX = 128, /* of a field that is no URL */
};

/* clang-format off */
static const char *const types[SITEMAP_TYPES] = {
	[SITEMAP_NONE]   = "",
	[SITEMAP_URLSET] = "urlset",
	[SITEMAP_INDEX]  = "sitemapindex",
	[SITEMAP_TEXT]   = "text",
	[SITEMAP_RSS]    = "rss",
	[SITEMAP_ATOM]   = "atom",
};

static const char *const defects[SITEMAP_DEFECTS] = {
	[SITEMAP_SOUND]     = "",
	[SITEMAP_EMPTY]     = "it is empty",
	[SITEMAP_UNKNOWN]   = "it is no sitemap, no feed and no list of URLs",
	[SITEMAP_MALFORMED] = "it is no well-formed XML",
	[SITEMAP_GZIP]      = "its gzip stream is cut or broken",
	[SITEMAP_EXCESSIVE] = "its nesting, its names or its tags are beyond "
			      "any honest sitemap's",
};
static const char *const drops[SITEMAP_DROPS] = {
	[SITEMAP_DROP_NONE]   = "",
	[SITEMAP_DROP_EMPTY]  = "there is no URL in it",
	[SITEMAP_DROP_LONG]   = "its URL is longer than max_url_length",
	[SITEMAP_DROP_ENTITY] = "its URL has an entity that is not known",
	[SITEMAP_DROP_TEXT]   = "what it has is no URL",
	[SITEMAP_DROP_SCHEME] = "its URL is neither http nor https",
};
/* clang-format on */

const char *
sitemap_type_name(unsigned type)
{
	return type < SITEMAP_TYPES ? types[type] : "";
}

const char *
sitemap_drop_words(unsigned drop)
{
	return drop < SITEMAP_DROPS ? drops[drop] : "?";
}

void
sitemap_describe(const struct sitemap_report *report, char *out, size_t size)
{
	const char *words = report->defect < SITEMAP_DEFECTS
				? defects[report->defect]
				: "?";

	if (report->defect == SITEMAP_MALFORMED &&
	    XML_ErrorString(report->xml_error) != NULL)
		words = XML_ErrorString(report->xml_error);
	if (report->line > 0 && words[0] != '\0')
		snprintf(out, size, "line %u: %s", report->line, words);
	else
		snprintf(out, size, "%s", words);
}

void
sitemap_defect(struct sitemap_reader *rd, enum sitemap_defect defect)
{
	if (rd->report.defect == SITEMAP_SOUND)
		rd->report.defect = (uint8_t)defect;
}

/* --- the reader ---------------------------------------------------------- */

struct sitemap_reader *
sitemap_reader_new(const struct sitemap_limits *limits)
{
	struct sitemap_reader *rd = calloc(1, sizeof(*rd));
	bool whole = true;

	if (rd == NULL)
		return NULL;
	rd->limits = *limits;
	for (size_t i = 0; i < SITEMAP_STAGES; i++) {
		rd->stages[i].inflate = inflate_new();
		rd->stages[i].room = malloc(SITEMAP_PIECE);
		whole = whole && rd->stages[i].inflate != NULL &&
			rd->stages[i].room != NULL;
	}
	for (size_t i = 0; i < FIELDS; i++)
		buf_init(&rd->fields[i],
		    i == FIELD_LOC || i == FIELD_GUID
			? (size_t)limits->max_url_length + FIELD_MAX
			: FIELD_MAX);
	buf_init(&rd->line, (size_t)limits->max_url_length + FIELD_MAX);
	url_init(&rd->url);
	rd->xml = XML_ParserCreate(NULL);
	if (rd->xml == NULL || !whole) {
		sitemap_reader_free(rd);
		return NULL;
	}
	return rd;
}

void
sitemap_reader_free(struct sitemap_reader *rd)
{
	if (rd == NULL)
		return;
	if (rd->xml != NULL)
		XML_ParserFree(rd->xml);
	for (size_t i = 0; i < SITEMAP_STAGES; i++) {
		inflate_free(rd->stages[i].inflate);
		free(rd->stages[i].room);
	}
	for (size_t i = 0; i < FIELDS; i++)
		buf_fini(&rd->fields[i]);
	buf_fini(&rd->line);
	url_fini(&rd->url);
	free(rd);
}

/* --- entries ------------------------------------------------------------- */

void
sitemap_drop(struct sitemap_reader *rd, enum sitemap_drop drop)
{
	if (rd->report.dropped++ == 0)
		rd->report.drop = (uint8_t)drop;
}

/* A URL that can be fetched, into rd->url; *loc is what is shown of it.  Why it
 * is none, or SITEMAP_DROP_NONE. */
static enum sitemap_drop
resolve(struct sitemap_reader *rd, struct span *loc)
{
	int r;

	if (loc->len == 0)
		return SITEMAP_DROP_EMPTY;
	r = url_parse(*loc, NULL, &rd->url);
	/* The protocol wants whole URLs.  A text of anything else is no list
	 * of them; in XML it is clear what was meant. */
	if (r == -EINVAL && rd->reads == READS_XML) {
		r = url_parse(*loc, rd->input->url, &rd->url);
		if (r == 0)
			*loc = url_href(&rd->url);
	}
	rd->no_memory |= r == -ENOMEM;
	if (r == -EMSGSIZE)
		return SITEMAP_DROP_LONG;
	if (r < 0)
		return SITEMAP_DROP_TEXT;
	if (!url_fetchable(&rd->url))
		return SITEMAP_DROP_SCHEME;
	return url_href_bare(&rd->url).len <= rd->limits.max_url_length
		   ? SITEMAP_DROP_NONE
		   : SITEMAP_DROP_LONG;
}

/* White space, and the no-break spaces of those who copied it from a page. */
static struct span
trim(struct span text)
{
	size_t before;

	do {
		before = text.len;
		text = span_trim(text);
		if (span_starts(text, SPAN("\xC2\xA0")))
			text = span_from_at(text, 2);
		if (span_ends(text, SPAN("\xC2\xA0")))
			text.len -= 2;
	} while (text.len != before);
	return text;
}

void
sitemap_emit(struct sitemap_reader *rd, struct span loc)
{
	struct sitemap_entry entry = { .loc = trim(loc) };
	enum sitemap_drop drop = resolve(rd, &entry.loc);

	if (drop != SITEMAP_DROP_NONE) {
		sitemap_drop(rd, drop);
		return;
	}
	if (rd->report.listed >= rd->limits.max_urls) {
		rd->report.cut = SITEMAP_CUT_URLS;
		rd->done = true;
		return;
	}
	entry.url = url_href_bare(&rd->url);
	entry.is_sitemap = rd->report.type == SITEMAP_INDEX;
	if (rd->reads == READS_XML) {
		entry.lastmod = span_trim(buf_span(&rd->fields[FIELD_LASTMOD]));
		entry.changefreq = span_trim(
		    buf_span(&rd->fields[FIELD_CHANGEFREQ]));
		entry.priority = span_trim(
		    buf_span(&rd->fields[FIELD_PRIORITY]));
	}
	if (!rd->take(rd->arg, &entry)) {
		rd->report.cut = SITEMAP_CUT_ROOM;
		rd->done = true;
		return;
	}
	rd->report.listed++;
}

/* --- text ---------------------------------------------------------------- */

static void
text_line(struct sitemap_reader *rd)
{
	struct span line = span_trim(buf_span(&rd->line));

	if (rd->too_long)
		sitemap_drop(rd, SITEMAP_DROP_LONG);
	else if (line.len > 0)
		sitemap_emit(rd, line);
	buf_clear(&rd->line);
	rd->too_long = false;
}

static int
text_feed(struct sitemap_reader *rd, struct span bytes)
{
	while (bytes.len > 0 && !rd->done) {
		const char *end = memchr(bytes.ptr, '\n', bytes.len);
		size_t len = end ? (size_t)(end - bytes.ptr) : bytes.len;
		int r = 0;

		/* A text has none; this is something else. */
		if (memchr(bytes.ptr, '\0', len) != NULL) {
			sitemap_defect(rd, SITEMAP_UNKNOWN);
			rd->done = true;
			return 0;
		}
		if (!rd->too_long)
			r = buf_add(&rd->line, bytes.ptr, len);
		if (r == -ENOMEM)
			return r;
		rd->too_long |= r < 0;
		if (end != NULL)
			text_line(rd);
		bytes = span_from_at(bytes, end != NULL ? len + 1 : len);
	}
	return 0;
}

static void
text_end(struct sitemap_reader *rd)
{
	if (!rd->done)
		text_line(rd);
	if (rd->report.listed > 0)
		rd->report.type = SITEMAP_TEXT;
	else
		sitemap_defect(rd, SITEMAP_UNKNOWN);
}

/* --- what it is ---------------------------------------------------------- */

static bool
is_wide(struct span first)
{
	return span_starts(first, SPAN("\xFF\xFE")) ||
	       span_starts(first, SPAN("\xFE\xFF")) ||
	       span_starts(first, SPAN("<\0")) ||
	       span_starts(first, SPAN("\0<"));
}

/* The first bytes that are neither a mark nor white space, which often
 * stands in front of an XML declaration, decide. */
static int
begin(struct sitemap_reader *rd, struct span *bytes)
{
	rd->is_wide = is_wide(*bytes);
	if (rd->is_wide) {
		rd->reads = READS_XML;
		return sitemap_xml_begin(rd, *bytes);
	}
	if (span_starts(*bytes, SPAN("\xEF\xBB\xBF")))
		*bytes = span_from_at(*bytes, 3);
	while (bytes->len > 0 && memchr(" \t\r\n", bytes->ptr[0], 4) != NULL)
		*bytes = span_from_at(*bytes, 1);
	if (bytes->len == 0)
		return 0;
	rd->reads = bytes->ptr[0] == '<' ? READS_XML : READS_TEXT;
	return rd->reads == READS_XML ? sitemap_xml_begin(rd, *bytes) : 0;
}

/* Plain bytes, inflated as often as they had to be. */
static int
feed_plain(struct sitemap_reader *rd, struct span bytes)
{
	uint64_t room = rd->limits.max_bytes - rd->report.decoded_len;
	bool cut = bytes.len > room;
	int r = 0;

	if (cut)
		bytes.len = (size_t)room;
	rd->report.decoded_len += bytes.len;
	while (r == 0 && bytes.len > 0 && !rd->done) {
		struct span piece = bytes;

		if (piece.len > SITEMAP_PIECE)
			piece.len = SITEMAP_PIECE;
		bytes = span_from_at(bytes, piece.len);
		if (rd->reads == READS_NOTHING_YET)
			r = begin(rd, &piece);
		if (r == 0 && rd->reads == READS_XML)
			r = sitemap_xml_feed(rd, piece);
		else if (r == 0 && rd->reads == READS_TEXT)
			r = text_feed(rd, piece);
	}
	if (cut && !rd->done) {
		rd->report.cut = SITEMAP_CUT_BYTES;
		rd->done = true;
	}
	return r;
}

/* Into a stage: what begins as gzip is inflated into the next. */
static int
feed(struct sitemap_reader *rd, size_t at, struct span bytes)
{
	struct inflate *inflate = rd->stages[at].inflate;
	struct span out = span_of(rd->stages[at].room, 0);
	int r = 0;

	rd->stages[at].bytes += bytes.len;
	if (bytes.len == 0 || rd->done || rd->stages[at].ended)
		return 0;
	if (!rd->stages[at].seen) {
		rd->stages[at].seen = true;
		rd->stages[at].gzip = at < SITEMAP_STAGES &&
				      span_starts(bytes, SPAN("\x1F\x8B"));
		if (rd->stages[at].gzip)
			r = inflate_begin(inflate);
	}
	if (!rd->stages[at].gzip)
		return feed_plain(rd, bytes);
	do {
		int step;

		if (r < 0)
			return r;
		step = inflate_step(inflate, &bytes, rd->stages[at].room,
		    SITEMAP_PIECE, &out.len);
		if (step == -ENOMEM)
			return step;
		r = feed(rd, at + 1, out);
		/* Of gzip in gzip neither layer is the larger bomb. */
		if (rd->stages[at + 1].bytes > rd->limits.max_bytes &&
		    !rd->done) {
			rd->report.cut = SITEMAP_CUT_BYTES;
			rd->done = true;
		}
		if (step == -EBADMSG)
			sitemap_defect(rd, SITEMAP_GZIP);
		rd->stages[at].ended = step <= 0;
	} while (!rd->done && !rd->stages[at].ended &&
		 (bytes.len > 0 || out.len > 0));
	return r;
}

/* A stream whose end was not met, unless nobody wanted to meet it. */
static void
judge_gzip(struct sitemap_reader *rd)
{
	for (size_t i = 0; i < SITEMAP_STAGES && !rd->done; i++) {
		if (rd->stages[i].gzip && !rd->stages[i].ended &&
		    !inflate_is_whole(rd->stages[i].inflate))
			sitemap_defect(rd, SITEMAP_GZIP);
	}
}

static void
reset(struct sitemap_reader *rd, const struct sitemap_input *input,
    sitemap_entry_fn *take, void *arg)
{
	for (size_t i = 0; i <= SITEMAP_STAGES; i++) {
		rd->stages[i].seen = rd->stages[i].gzip = false;
		rd->stages[i].ended = false;
		rd->stages[i].bytes = 0;
	}
	for (size_t i = 0; i < FIELDS; i++)
		buf_clear(&rd->fields[i]);
	buf_clear(&rd->line);
	rd->input = input;
	rd->take = take;
	rd->arg = arg;
	rd->report = (struct sitemap_report){ .type = SITEMAP_NONE };
	rd->reads = READS_NOTHING_YET;
	rd->done = rd->too_long = rd->no_memory = false;
	rd->format = NULL;
}

int
sitemap_read(struct sitemap_reader *rd, const struct sitemap_input *input,
    sitemap_entry_fn *take, void *arg, struct sitemap_report *out)
{
	int r;

	reset(rd, input, take, arg);
	r = feed(rd, 0, input->body);
	if (r < 0)
		return r;
	judge_gzip(rd);
	if (rd->reads == READS_NOTHING_YET)
		sitemap_defect(rd, SITEMAP_EMPTY);
	else if (rd->reads == READS_TEXT)
		text_end(rd);
	else
		r = sitemap_xml_end(rd);
	if (r == 0 && rd->no_memory)
		r = -ENOMEM;
	if (r == 0)
		*out = rd->report;
	return r;
}

/* --- location ------------------------------------------------------------ */

bool
sitemap_covers(const struct url *sitemap, const struct url *listed)
{
	struct span folder = url_path(sitemap);

	while (folder.len > 0 && folder.ptr[folder.len - 1] != '/')
		folder.len--;
	return span_eq(url_scheme(sitemap), url_scheme(listed)) &&
	       span_eq(url_host(sitemap), url_host(listed)) &&
	       url_port(sitemap) == url_port(listed) &&
	       span_starts(url_path(listed), folder);
}
