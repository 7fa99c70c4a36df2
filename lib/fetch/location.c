#include <errno.h>

#include "lib/base/utf8.h"
#include "lib/fetch/fetch_impl.h"

static bool
is_redirect(uint16_t status)
{
	return status == 301 || status == 302 || status == 303 ||
	       status == 307 || status == 308;
}

/*
 * What Location says; nothing when it says several things.  A browser takes
 * that for an attack by who could add a line to the header, and stays.
 */
static struct span
location_line(struct span lines)
{
	struct span name, value, found = SPAN_NONE;

	while (header_next(&lines, &name, &value)) {
		if (!span_eq(name, SPAN("location")))
			continue;
		if (found.len > 0 && !span_eq(found, value))
			return SPAN_NONE;
		found = value;
	}
	return found;
}

/*
 * Bytes that are no UTF-8 are meant as they are, in whatever encoding the
 * site's URLs have: percent-encoded they reach it so again.
 */
static int
location_bytes(struct span written, struct buf *out)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < written.len; i++) {
		unsigned char c = (unsigned char)written.ptr[i];

		if (c < 0x80)
			r = buf_add_char(out, (char)c);
		else
			r = buf_printf(out, "%%%02X", c);
	}
	return r;
}

/* Are the URLs in `base` and `target` one page by its key? */
static bool
location_is_same(struct fetch_pool *pool)
{
	struct canon_hash from, to;
	const struct canon *canon = &pool->options.canon;

	return canon_hash(canon, &pool->base, &pool->site, &pool->page,
		   &from) == 0 &&
	       canon_hash(canon, &pool->target, &pool->site, &pool->page,
		   &to) == 0 &&
	       from.site64 == to.site64 && from.url64 == to.url64;
}

/*
 * The cookies of the answer.  One that sends us back to where we are, and
 * gives a cookie along, wants to see it: that is no loop.
 */
static unsigned
location_cookies(struct fetch_pool *pool, const struct transfer *t,
    struct span lines)
{
	struct span url = span_of(t->url.ptr, t->url.len - 1);

	if (!t->run.cookies || url_parse(url, NULL, &pool->base) < 0)
		return 0;
	return cookies_take(pool->cookies, &pool->base, lines,
	    t->run.end_unix_ms);
}

void
transfer_location(struct transfer *t, struct capture *out)
{
	struct fetch_pool *pool = t->pool;
	struct span url = span_of(t->url.ptr, t->url.len - 1);
	struct span written = location_line(out->headers);
	unsigned cookies = location_cookies(pool, t, out->headers);
	int r = 0;

	if (!is_redirect(out->status) || written.len == 0)
		return;
	buf_clear(&pool->text);
	if (utf8_valid_prefix(written) < written.len) {
		r = location_bytes(written, &pool->text);
		written = buf_span(&pool->text);
	}
	if (r == 0)
		r = url_parse(url, NULL, &pool->base);
	if (r == 0)
		r = url_parse(written, &pool->base, &pool->target);
	if (r < 0)
		return; /* it leads nowhere */
	/* A name and a password for all the world are none of ours. */
	url_drop_credentials(&pool->target);
	out->location = url_href_bare(&pool->target);
	if (!url_fetchable(&pool->target))
		return;
	if (span_eq(out->location, url) ? cookies > 0 : location_is_same(pool))
		out->redirect = REDIRECT_SAME;
}
