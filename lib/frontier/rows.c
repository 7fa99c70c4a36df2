#include "lib/frontier/rows.h"

#include <endian.h>
#include <errno.h>

#include "lib/message/chain.h"

/* --- keys ---------------------------------------------------------------- */

static void
key_add(struct row_key *key, uint64_t n)
{
	n = htobe64(n);
	memcpy(key->bytes + key->len, &n, sizeof(n));
	key->len += sizeof(n);
}

struct row_key
row_key1(uint64_t a)
{
	struct row_key key = { .len = 0 };

	key_add(&key, a);
	return key;
}

struct row_key
row_key2(uint64_t a, uint64_t b)
{
	struct row_key key = row_key1(a);

	key_add(&key, b);
	return key;
}

struct row_key
row_key3(uint64_t a, uint64_t b, uint64_t c)
{
	struct row_key key = row_key2(a, b);

	key_add(&key, c);
	return key;
}

int
row_key_read(struct span key, size_t n, uint64_t *out)
{
	if (key.len != n * sizeof(*out))
		return -EBADMSG;
	for (size_t i = 0; i < n; i++) {
		uint64_t v;

		memcpy(&v, key.ptr + i * sizeof(v), sizeof(v));
		out[i] = be64toh(v);
	}
	return 0;
}

/* --- values: numbers one after the other --------------------------------- */

/* A refused add is remembered, so that a writer is a list of its fields. */
struct writer {
	struct buf *out;
	int r;
};

static void
put(struct writer *w, uint64_t value, size_t bytes)
{
	uint64_t le = htole64(value);

	if (w->r == 0)
		w->r = buf_add(w->out, &le, bytes);
}

static void
put_span(struct writer *w, struct span s)
{
	if (w->r == 0)
		w->r = buf_add_span(w->out, s);
}

struct reader {
	struct span left;
	bool bad;
};

static uint64_t
get(struct reader *r, size_t bytes)
{
	uint64_t le = 0;

	if (r->left.len < bytes) {
		r->bad = true;
		return 0;
	}
	memcpy(&le, r->left.ptr, bytes);
	r->left = span_from_at(r->left, bytes);
	return le64toh(le);
}

/* --- a URL --------------------------------------------------------------- */

/* What is rare has a bit, and no bytes where it is not. */
enum url_flag {
	FLAG_WHOLE = 1,
	FLAG_LATE = 2,
	FLAG_CHAIN = 4,  /* its length, and the chain, in front of the text */
	FLAG_TARGET = 8, /* the same of the target, behind the chain */
	FLAGS = FLAG_WHOLE | FLAG_LATE | FLAG_CHAIN | FLAG_TARGET,
};

bool
row_is_error(const struct url_row *row)
{
	switch ((enum verdict)row->verdict) {
	case VERDICT_FAILED:
		/* Of a host that was given up: no request was made. */
		return row->reason != REASON_HOST_DOWN;
	case VERDICT_DONE:
	case VERDICT_GONE:
		return row->status >= 400;
	default:
		return false;
	}
}

static void
put_sized(struct writer *w, struct span s)
{
	if (s.len == 0)
		return;
	put(w, s.len, 4);
	put_span(w, s);
}

static struct span
get_sized(struct reader *r, bool there)
{
	size_t len = there ? get(r, 4) : 0;
	struct span s = span_of(r->left.ptr, len);

	if (len > r->left.len || (there && len == 0))
		r->bad = true;
	if (!there || r->bad)
		return SPAN_NONE;
	r->left = span_from_at(r->left, len);
	return s;
}

int
url_row_write(const struct url_row *row, struct buf *out)
{
	struct writer w = { .out = out };

	put(&w, row->state, 1);
	put(&w, row->verdict, 1);
	put(&w, row->reason, 1);
	put(&w, row->found, 1);
	put(&w,
	    (row->whole ? FLAG_WHOLE : 0) | (row->late ? FLAG_LATE : 0) |
		(row->chain.len > 0 ? FLAG_CHAIN : 0) |
		(row->target.len > 0 ? FLAG_TARGET : 0),
	    1);
	put(&w, row->depth, 2);
	put(&w, row->hops, 2);
	put(&w, row->tries, 2);
	put(&w, row->waits, 2);
	put(&w, row->status, 2);
	put(&w, row->place, 8);
	put(&w, row->via_site64, 8);
	put(&w, row->via_url64, 8);
	put(&w, (uint64_t)row->at_ms, 8);
	if (row->found == LINK_SITEMAP) {
		put(&w, row->listed.lastmod_s, 4);
		put(&w, row->listed.priority, 1);
		put(&w, row->listed.changefreq, 1);
	}
	put_sized(&w, row->chain);
	put_sized(&w, row->target);
	put_span(&w, row->text);
	return w.r;
}

int
url_row_read(struct span bytes, struct url_row *out)
{
	struct reader r = { .left = bytes };
	struct url_row row;
	unsigned flags;

	row.state = (uint8_t)get(&r, 1);
	row.verdict = (uint8_t)get(&r, 1);
	row.reason = (uint8_t)get(&r, 1);
	row.found = (uint8_t)get(&r, 1);
	flags = (unsigned)get(&r, 1);
	row.whole = flags & FLAG_WHOLE;
	row.late = flags & FLAG_LATE;
	row.depth = (uint16_t)get(&r, 2);
	row.hops = (uint16_t)get(&r, 2);
	row.tries = (uint16_t)get(&r, 2);
	row.waits = (uint16_t)get(&r, 2);
	row.status = (uint16_t)get(&r, 2);
	row.place = get(&r, 8);
	row.via_site64 = get(&r, 8);
	row.via_url64 = get(&r, 8);
	row.at_ms = (int64_t)get(&r, 8);
	row.listed = (struct listing){ .lastmod_s = 0 };
	if (row.found == LINK_SITEMAP) {
		row.listed.lastmod_s = (uint32_t)get(&r, 4);
		row.listed.priority = (uint8_t)get(&r, 1);
		row.listed.changefreq = (uint8_t)get(&r, 1);
	}
	row.chain = get_sized(&r, flags & FLAG_CHAIN);
	row.target = get_sized(&r, flags & FLAG_TARGET);
	row.text = r.left;
	if (r.bad || !listing_valid(&row.listed) || flags & ~(unsigned)FLAGS ||
	    !chain_is_whole(row.chain) || row.state == 0 ||
	    row.state >= URL_STATES || row.verdict >= VERDICTS ||
	    row.reason >= REASONS || row.found >= LINK_KINDS ||
	    row.text.len == 0)
		return -EBADMSG;
	*out = row;
	return 0;
}

/* --- a sitemap ----------------------------------------------------------- */

int
map_row_write(const struct map_row *row, struct buf *out)
{
	struct writer w = { .out = out };

	put(&w, row->state, 1);
	put(&w, row->asked, 1);
	put(&w, row->level, 1);
	put(&w, row->hops, 2);
	put(&w, row->tries, 2);
	put(&w, row->waits, 2);
	put(&w, (uint64_t)row->due_ms, 8);
	put_span(&w, row->text);
	return w.r;
}

int
map_row_read(struct span bytes, struct map_row *out)
{
	struct reader r = { .left = bytes };
	struct map_row row;

	row.state = (uint8_t)get(&r, 1);
	row.asked = get(&r, 1) != 0;
	row.level = (uint8_t)get(&r, 1);
	row.hops = (uint16_t)get(&r, 2);
	row.tries = (uint16_t)get(&r, 2);
	row.waits = (uint16_t)get(&r, 2);
	row.due_ms = (int64_t)get(&r, 8);
	row.text = r.left;
	if (r.bad || row.state == 0 || row.state >= MAP_STATES ||
	    row.due_ms < 0 || row.text.len == 0)
		return -EBADMSG;
	*out = row;
	return 0;
}

static void
get_bytes(struct reader *r, void *out, size_t len)
{
	memset(out, 0, len);
	if (r->left.len < len) {
		r->bad = true;
		return;
	}
	memcpy(out, r->left.ptr, len);
	r->left = span_from_at(r->left, len);
}

/* --- a host -------------------------------------------------------------- */

int
host_row_write(const struct host_row *row, struct buf *out)
{
	struct writer w = { .out = out };

	put(&w, row->admitted, 8);
	put(&w, row->queued, 8);
	put(&w, row->fetched, 8);
	put(&w, row->head, 8);
	put(&w, row->bytes, 8);
	put(&w, row->errors, 8);
	put(&w, (uint64_t)row->since_ms, 8);
	put(&w, row->sitemaps, 4);
	put(&w, (uint64_t)row->next_ms, 8);
	put(&w, (uint64_t)row->blocked_ms, 8);
	put(&w, row->backoffs, 1);
	put(&w, row->blocked_by, 1);
	put(&w, (uint32_t)row->response_ms, 4);
	put(&w, (uint64_t)row->trouble_ms, 8);
	put(&w, (uint64_t)row->first_fail_ms, 8);
	put(&w, row->fails, 2);
	put(&w, row->trouble_by, 1);
	put(&w, row->down, 1);
	put_span(&w, span_of((const char *)row->ip.bytes, ADDRESS_BYTES));
	put(&w, row->robots, 1);
	put(&w, row->robots_block, 1);
	put(&w, row->robots_fails, 2);
	put(&w, (uint64_t)row->robots_since_ms, 8);
	put(&w, (uint64_t)row->robots_at_ms, 8);
	put(&w, (uint64_t)row->crawl_delay_ms, 8);
	put_span(&w, row->name);
	return w.r;
}

int
host_row_read(struct span bytes, struct host_row *out)
{
	struct reader r = { .left = bytes };
	struct host_row row;

	row.admitted = get(&r, 8);
	row.queued = get(&r, 8);
	row.fetched = get(&r, 8);
	row.head = get(&r, 8);
	row.bytes = get(&r, 8);
	row.errors = get(&r, 8);
	row.since_ms = (int64_t)get(&r, 8);
	row.sitemaps = (uint32_t)get(&r, 4);
	row.next_ms = (int64_t)get(&r, 8);
	row.blocked_ms = (int64_t)get(&r, 8);
	row.backoffs = (uint8_t)get(&r, 1);
	row.blocked_by = (uint8_t)get(&r, 1);
	row.response_ms = (int32_t)get(&r, 4);
	row.trouble_ms = (int64_t)get(&r, 8);
	row.first_fail_ms = (int64_t)get(&r, 8);
	row.fails = (uint16_t)get(&r, 2);
	row.trouble_by = (uint8_t)get(&r, 1);
	row.down = get(&r, 1) != 0;
	get_bytes(&r, row.ip.bytes, ADDRESS_BYTES);
	row.robots = (uint8_t)get(&r, 1);
	row.robots_block = get(&r, 1) != 0;
	row.robots_fails = (uint16_t)get(&r, 2);
	row.robots_since_ms = (int64_t)get(&r, 8);
	row.robots_at_ms = (int64_t)get(&r, 8);
	row.crawl_delay_ms = (int64_t)get(&r, 8);
	row.name = r.left;
	if (r.bad || row.name.len == 0)
		return -EBADMSG;
	*out = row;
	return 0;
}

/* --- a pattern of too many URLs ------------------------------------------ */

int
trap_row_write(const struct trap_row *row, struct buf *out)
{
	struct writer w = { .out = out };

	put(&w, row->site64, 8);
	put(&w, row->urls, 8);
	put(&w, row->refused, 8);
	put(&w, row->fetched, 8);
	put(&w, row->same, 8);
	put(&w, row->released, 1);
	put(&w, row->host.len, 2);
	put(&w, row->pattern.len, 2);
	put_span(&w, row->host);
	put_span(&w, row->pattern);
	put_span(&w, row->example);
	return w.r;
}

int
trap_row_read(struct span bytes, struct trap_row *out)
{
	struct reader r = { .left = bytes };
	struct trap_row row;
	size_t host, pattern;

	row.site64 = get(&r, 8);
	row.urls = get(&r, 8);
	row.refused = get(&r, 8);
	row.fetched = get(&r, 8);
	row.same = get(&r, 8);
	row.released = get(&r, 1) != 0;
	host = get(&r, 2);
	pattern = get(&r, 2);
	if (r.bad || host + pattern > r.left.len || pattern == 0)
		return -EBADMSG;
	row.host = span_of(r.left.ptr, host);
	row.pattern = span_of(r.left.ptr + host, pattern);
	row.example = span_from_at(r.left, host + pattern);
	*out = row;
	return 0;
}

/* --- the crawl ----------------------------------------------------------- */

/*
 * Lists are preceded by their length: reasons are added at the end, and a
 * store that was written before that has fewer.
 */
static void
put_list(struct writer *w, const uint64_t *list, size_t n)
{
	put(w, n, 2);
	for (size_t i = 0; i < n; i++)
		put(w, list[i], 8);
}

static void
get_list(struct reader *r, uint64_t *list, size_t n)
{
	size_t there = get(r, 2);

	if (there > n)
		r->bad = true;
	for (size_t i = 0; i < n; i++)
		list[i] = i < there && !r->bad ? get(r, 8) : 0;
}

int
crawl_row_write(const struct crawl_row *row, struct buf *out)
{
	const struct frontier_totals *t = &row->totals;
	struct writer w = { .out = out };

	put(&w, row->cut.seq, 8);
	put(&w, row->cut.end, 8);
	put(&w, row->next_seq, 8);
	put(&w, (uint64_t)row->elapsed_ms, 8);
	put(&w, row->fetched, 8);
	put(&w, t->admitted, 8);
	put(&w, t->done, 8);
	put(&w, t->failed, 8);
	put(&w, t->excluded, 8);
	put(&w, t->quarantined, 8);
	put(&w, t->queued, 8);
	put(&w, t->redirected, 8);
	put(&w, t->gone, 8);
	put(&w, t->retried, 8);
	put(&w, t->bytes, 8);
	put(&w, t->hosts, 8);
	put(&w, t->robots_fetched, 8);
	put(&w, t->outages, 8);
	put(&w, t->sitemaps, 8);
	put(&w, t->sitemap_urls, 8);
	put(&w, t->sitemaps_broken, 8);
	put(&w, t->sitemaps_failed, 8);
	put_list(&w, t->reasons, ARRAY_LEN(t->reasons));
	put_list(&w, t->statuses, ARRAY_LEN(t->statuses));
	put_list(&w, t->refused, ARRAY_LEN(t->refused));
	put_list(&w, t->spent, ARRAY_LEN(t->spent));
	put(&w, t->late, 8);
	put(&w, t->aliased, 8);
	return w.r;
}

int
crawl_row_read(struct span bytes, struct crawl_row *out)
{
	struct reader r = { .left = bytes };
	struct crawl_row row = { .next_seq = 0 };
	struct frontier_totals *t = &row.totals;

	row.cut.seq = get(&r, 8);
	row.cut.end = get(&r, 8);
	row.next_seq = get(&r, 8);
	row.elapsed_ms = (int64_t)get(&r, 8);
	row.fetched = get(&r, 8);
	t->admitted = get(&r, 8);
	t->done = get(&r, 8);
	t->failed = get(&r, 8);
	t->excluded = get(&r, 8);
	t->quarantined = get(&r, 8);
	t->queued = get(&r, 8);
	t->redirected = get(&r, 8);
	t->gone = get(&r, 8);
	t->retried = get(&r, 8);
	t->bytes = get(&r, 8);
	t->hosts = get(&r, 8);
	t->robots_fetched = get(&r, 8);
	t->outages = get(&r, 8);
	t->sitemaps = get(&r, 8);
	t->sitemap_urls = get(&r, 8);
	t->sitemaps_broken = get(&r, 8);
	t->sitemaps_failed = get(&r, 8);
	get_list(&r, t->reasons, ARRAY_LEN(t->reasons));
	get_list(&r, t->statuses, ARRAY_LEN(t->statuses));
	get_list(&r, t->refused, ARRAY_LEN(t->refused));
	get_list(&r, t->spent, ARRAY_LEN(t->spent));
	t->late = get(&r, 8);
	t->aliased = get(&r, 8);
	if (r.bad || r.left.len != 0)
		return -EBADMSG;
	*out = row;
	return 0;
}
