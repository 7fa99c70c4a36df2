#include "lib/archive/record.h"

#include <errno.h>

#include "lib/message/chain.h"

enum {
	RECORD_VERSION = 1,
	/* However long the parser's texts are, the line without links and body
	 * stays small enough for any sensible limit. */
	MAX_TITLE = 16 * 1024,
	MAX_CANONICAL = 32 * 1024,
	MAX_NAME = 256,
	MAX_REL = 256,
	MAX_DIRECTIVES = 32,
	MAX_HOPS = 32
};

struct record {
	const struct record_options *options;
	const struct order *order;
	const struct capture *capture; /* NULL: none */
	struct output_reader items;    /* at the first; copied to be read */
	struct span first[OUTPUT_TAGS];
	unsigned reason;
	bool fetch;   /* a request was to be made */
	bool trimmed; /* without links and body */
};

/* Text that came from outside: nothing when empty, cut between characters
 * when longer than `max`. */
static void
text_cut(struct jsonl *json, const char *key, struct span text, size_t max)
{
	if (text.len > max) {
		text.len = max;
		/* The byte behind the cut tells whether it is inside one. */
		while (text.len > 0 && (text.ptr[text.len] & 0xC0) == 0x80)
			text.len--;
	}
	if (text.len > 0)
		jsonl_text(json, key, text);
}

static void
text_name(struct jsonl *json, const char *key, const char *name)
{
	if (name[0] != '\0' && name[0] != '?')
		jsonl_text(json, key, span_from(name));
}

static void
time_spent(struct jsonl *json, const char *key, int32_t ms)
{
	if (ms >= 0)
		jsonl_int(json, key, ms);
}

/* The byte of an item that holds an enum; 0 when there is none. */
static unsigned
item_byte(const struct record *rec, unsigned tag)
{
	return rec->first[tag].len == 1 ? (uint8_t)rec->first[tag].ptr[0] : 0;
}

static void
record_collect(struct record *rec)
{
	struct output_reader items = rec->items;
	struct output_item item;

	while (output_next(&items, &item) == 1) {
		if (rec->first[item.tag].len == 0)
			rec->first[item.tag] = item.bytes;
	}
}

/*
 * The decision's, but for two things.  That a page was too large for the
 * conveyor only its parser knows; no other reason is taken from a parser.  And
 * no line is without status and reason, however broken its capture was.
 */
static unsigned
record_reason(const struct record *rec, struct decision decision)
{
	bool answered = rec->capture != NULL && rec->capture->status != 0;

	if (decision.reason != REASON_NONE && decision.reason < REASONS)
		return decision.reason;
	if (!answered)
		return REASON_READ_FAIL;
	return item_byte(rec, OUTPUT_REASON) == REASON_TOO_LARGE
		   ? REASON_TOO_LARGE
		   : REASON_NONE;
}

static void
write_identity(struct jsonl *json, const struct record *rec)
{
	const struct order *order = rec->order;
	const char *crawl_id = rec->options->crawl_id;
	int64_t ts = order->ordered_ms;
	char id[33];

	snprintf(id, sizeof(id), "%016llx%016llx",
	    (unsigned long long)order->site64,
	    (unsigned long long)order->url64);
	if (rec->capture != NULL && rec->capture->started_ms > 0)
		ts = rec->capture->started_ms;
	jsonl_uint(json, "v", RECORD_VERSION);
	text_cut(json, "crawl_id",
	    span_of(crawl_id,
		strnlen(crawl_id, sizeof(rec->options->crawl_id))),
	    MAX_NAME);
	jsonl_text(json, "id", span_from(id));
	jsonl_time(json, "ts", ts);
	jsonl_text(json, "url", order->url);
	if (rec->fetch)
		jsonl_text(json, "method", SPAN("GET"));
}

static void
write_answer(struct jsonl *json, const struct record *rec)
{
	const struct capture *capture = rec->capture;

	if (capture != NULL && capture->status != 0)
		jsonl_uint(json, "status", capture->status);
	text_name(json, "reason", reason_name(rec->reason));
	if (capture == NULL)
		return;
	text_cut(json, "location", capture->location, SIZE_MAX);
	text_cut(json, "content_type", capture->content_type, MAX_NAME);
}

/* The decoded length comes as text: digits, or it is not one. */
static void
write_length(struct jsonl *json, const char *key, struct span text)
{
	uint64_t value = 0;

	if (text.len == 0 || text.len > 18)
		return;
	for (size_t i = 0; i < text.len; i++) {
		unsigned digit = (unsigned)(uint8_t)text.ptr[i] - '0';

		if (digit > 9)
			return;
		value = value * 10 + digit;
	}
	jsonl_uint(json, key, value);
}

/* The directives of one source, whose items have this tag. */
static void
write_directives(struct jsonl *json, const struct record *rec, const char *key,
    enum output_tag tag)
{
	struct output_reader items = rec->items;
	struct output_item item;
	unsigned n = 0;

	if (rec->first[tag].len == 0)
		return;
	jsonl_open(json, key, '[');
	while (n < MAX_DIRECTIVES && output_next(&items, &item) == 1) {
		if (item.tag != tag)
			continue;
		text_cut(json, NULL, item.bytes, MAX_NAME);
		n++;
	}
	jsonl_close(json, ']');
}

static void
write_page(struct jsonl *json, const struct record *rec)
{
	const struct capture *capture = rec->capture;
	const struct span *first = rec->first;
	unsigned truncated = TRUNCATED_NO;

	text_cut(json, "mime_detected", first[OUTPUT_MIME], MAX_NAME);
	text_cut(json, "charset", first[OUTPUT_CHARSET], MAX_NAME);
	text_cut(json, "charset_source", first[OUTPUT_CHARSET_SOURCE],
	    MAX_NAME);
	text_cut(json, "lang", first[OUTPUT_LANG], MAX_NAME);
	/* More is garbage, and a number that many readers refuse. */
	if (capture != NULL && capture->status != 0 &&
	    capture->body_len <= INT64_MAX)
		jsonl_uint(json, "length_wire", capture->body_len);
	write_length(json, "length_decoded", first[OUTPUT_LENGTH]);
	if (capture != NULL)
		truncated = capture->truncated;
	if (truncated == TRUNCATED_NO)
		truncated = item_byte(rec, OUTPUT_TRUNCATED);
	if (rec->trimmed)
		truncated = TRUNCATED_LINKS;
	text_name(json, "truncated", truncated_name(truncated));
	text_cut(json, "digest", first[OUTPUT_DIGEST], MAX_NAME);
	text_cut(json, "title", first[OUTPUT_TITLE], MAX_TITLE);
	if (first[OUTPUT_CANONICAL].len <= MAX_CANONICAL) /* half is another */
		text_cut(json, "canonical", first[OUTPUT_CANONICAL], SIZE_MAX);
	write_directives(json, rec, "robots_meta", OUTPUT_ROBOTS);
	write_directives(json, rec, "robots_header", OUTPUT_ROBOTS_HEADER);
}

/* The end of Heritrix' hop path, as far as an order tells it: its redirects,
 * or how its page was linked. */
static void
write_hops(struct jsonl *json, const struct order *order)
{
	/* clang-format off */
	static const char letters[LINK_KINDS] = {
		[LINK_A] = 'L', [LINK_AREA] = 'L', [LINK_NEXT] = 'L',
		[LINK_PREV] = 'L', [LINK_ALTERNATE] = 'L',
		[LINK_CANONICAL] = 'L', [LINK_REL] = 'L',
		[LINK_IFRAME] = 'E', [LINK_FRAME] = 'E',
		[LINK_REFRESH] = 'R', [LINK_REDIRECT] = 'R',
		[LINK_SITEMAP] = 'M',
		[LINK_IMAGE] = 'E', [LINK_SRCSET] = 'E', [LINK_SCRIPT] = 'E',
		[LINK_STYLESHEET] = 'E', [LINK_MEDIA] = 'E',
		[LINK_ICON] = 'E', [LINK_EMBED] = 'E', [LINK_CSS] = 'E',
		[LINK_FORM] = 'L',
	};
	/* clang-format on */
	char path[MAX_HOPS];
	size_t n = order->hops;

	if (n > sizeof(path))
		n = sizeof(path);
	memset(path, 'R', n);
	if (n == 0 && order->found < LINK_KINDS && letters[order->found])
		path[n++] = letters[order->found];
	text_cut(json, "hops", span_of(path, n), sizeof(path));
}

/* As the sitemap said it of this URL, before it was fetched. */
static void
write_listing(struct jsonl *json, const struct listing *listed)
{
	if (listed->lastmod_s > 0)
		jsonl_time(json, "sitemap_lastmod",
		    (int64_t)listed->lastmod_s * 1000);
	if (listed->priority > 0)
		jsonl_hundredths(json, "sitemap_priority",
		    listed->priority - 1u);
	text_name(json, "sitemap_changefreq",
	    changefreq_name(listed->changefreq));
}

/* The redirects that led here, the first first. */
static void
write_chain(struct jsonl *json, struct span chain)
{
	struct chain_hop hop;

	if (chain.len == 0 || !chain_is_whole(chain))
		return;
	jsonl_open(json, "redirect_chain", '[');
	while (chain_next(&chain, &hop) == 1) {
		jsonl_open(json, NULL, '{');
		jsonl_text(json, "url", hop.url);
		jsonl_uint(json, "status", hop.status);
		jsonl_close(json, '}');
	}
	jsonl_close(json, ']');
}

static void
write_journey(struct jsonl *json, const struct record *rec)
{
	const struct order *order = rec->order;

	jsonl_uint(json, "depth", order->depth);
	write_hops(json, order);
	text_cut(json, "via", order->via, SIZE_MAX);
	write_chain(json, order->chain);
	if (order->found == LINK_SEED)
		jsonl_bool(json, "seed", true);
	if (order->found == LINK_SITEMAP)
		write_listing(json, &order->listed);
	if (rec->fetch) {
		jsonl_uint(json, "attempt",
		    UINT64_C(1) + order->tries + order->waits);
		jsonl_uint(json, "host_delay_ms", order->delay_ms);
	}
}

static void
write_connection(struct jsonl *json, const struct record *rec)
{
	const struct capture *capture = rec->capture;

	if (capture == NULL)
		return;
	text_cut(json, "ip", capture->ip, MAX_NAME);
	if (capture->port != 0)
		jsonl_uint(json, "port", capture->port);
	if (capture->proxied)
		jsonl_bool(json, "proxied", true);
	text_name(json, "protocol", protocol_name(capture->protocol));
	if (capture->tls_version.len > 0 || capture->tls != TLS_NONE) {
		jsonl_open(json, "tls", '{');
		text_cut(json, "version", capture->tls_version, MAX_NAME);
		text_cut(json, "cipher", capture->tls_cipher, MAX_NAME);
		/* With tls_verify = off nobody has looked. */
		if (capture->tls == TLS_GOOD || capture->tls == TLS_BAD_CERT)
			jsonl_bool(json, "cert_ok", capture->tls == TLS_GOOD);
		jsonl_close(json, '}');
	}
	time_spent(json, "dns_ms", capture->dns_ms);
	time_spent(json, "connect_ms", capture->connect_ms);
	time_spent(json, "tls_ms", capture->tls_ms);
	time_spent(json, "ttfb_ms", capture->ttfb_ms);
	time_spent(json, "total_ms", capture->total_ms);
}

/* `rel` is as the page wrote it; else the kind says what it was. */
static void
write_link(struct jsonl *json, const struct output_item *link, struct span rel)
{
	static const char *const rels[LINK_KINDS] = {
		[LINK_NEXT] = "next",
		[LINK_PREV] = "prev",
		[LINK_ALTERNATE] = "alternate",
		[LINK_CANONICAL] = "canonical",
		[LINK_STYLESHEET] = "stylesheet",
		[LINK_ICON] = "icon",
	};
	const char *el = link_place_element(link->link_place);
	const char *attr = link_place_attribute(link->link_place);

	jsonl_open(json, NULL, '{');
	jsonl_text(json, "url", link->bytes);
	if (el != NULL)
		text_name(json, "el", el);
	if (attr != NULL)
		text_name(json, "attr", attr);
	if (rel.len > 0)
		text_cut(json, "rel", rel, MAX_REL);
	else if (link->link_kind < LINK_KINDS && rels[link->link_kind] != NULL)
		text_name(json, "rel", rels[link->link_kind]);
	if (link->link_flags &
	    (LINK_NOFOLLOW | LINK_META_NOFOLLOW | LINK_HEADER_NOFOLLOW))
		jsonl_bool(json, "nofollow", true);
	if (link->link_flags & LINK_UGC)
		jsonl_bool(json, "ugc", true);
	if (link->link_flags & LINK_SPONSORED)
		jsonl_bool(json, "sponsored", true);
	jsonl_close(json, '}');
}

static void
write_links(struct jsonl *json, const struct record *rec)
{
	struct output_reader items = rec->items;
	struct output_item item, link = { .tag = OUTPUT_END };
	int r;

	if (rec->first[OUTPUT_LINK].len == 0)
		return;
	jsonl_open(json, "links", '[');
	do {
		struct span rel = SPAN_NONE;

		r = output_next(&items, &item);
		if (r == 1 && item.tag == OUTPUT_REL)
			rel = item.bytes;
		/* A link is written when it is known what follows it. */
		if (link.tag == OUTPUT_LINK && link.bytes.len > 0)
			write_link(json, &link, rel);
		link = item;
	} while (r == 1);
	jsonl_close(json, ']');
}

static void
write_body(struct jsonl *json, const struct record *rec)
{
	if (rec->first[OUTPUT_BODY].len > 0)
		jsonl_text(json, "body", rec->first[OUTPUT_BODY]);
	else if (rec->first[OUTPUT_BODY_RAW].len > 0)
		jsonl_base64(json, "body_base64", rec->first[OUTPUT_BODY_RAW]);
}

static int
record_line(struct buf *out, const struct record *rec)
{
	struct jsonl json;

	jsonl_begin(&json, out);
	write_identity(&json, rec);
	write_answer(&json, rec);
	write_page(&json, rec);
	write_journey(&json, rec);
	write_connection(&json, rec);
	if (rec->options->links && !rec->trimmed)
		write_links(&json, rec);
	if (rec->options->body && !rec->trimmed)
		write_body(&json, rec);
	return jsonl_end(&json);
}

int
record_write(struct buf *out, const struct record_options *options,
    const struct order *order, const struct capture *capture,
    struct decision decision, struct output_reader *output)
{
	struct record rec = {
		.options = options,
		.order = order,
		.capture = capture,
		.fetch = order->reason == REASON_NONE,
	};
	int r;

	must(decision.verdict != VERDICT_RETRY);
	if (output != NULL)
		rec.items = *output;
	record_collect(&rec);
	rec.reason = record_reason(&rec, decision);
	r = record_line(out, &rec);
	if (r == -EMSGSIZE && (options->links || options->body)) {
		rec.trimmed = true;
		r = record_line(out, &rec);
	}
	return r;
}
