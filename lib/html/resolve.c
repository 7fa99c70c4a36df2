#include "lib/html/resolve.h"

static bool
is_ascii(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] & 0x80)
			return false;
	}
	return true;
}

/* What follows the first '?' in front of a '#': where a URL's query is. */
static struct span
query_of(struct span text)
{
	const char *hash = memchr(text.ptr, '#', text.len);
	const char *mark;

	if (hash != NULL)
		text.len = (size_t)(hash - text.ptr);
	mark = memchr(text.ptr, '?', text.len);
	return mark ? span_from_at(text, (size_t)(mark + 1 - text.ptr))
		    : SPAN_NONE;
}

static bool
takes_charset(const struct url *url)
{
	struct span scheme = url_scheme(url);

	return url->special && !span_eq(scheme, SPAN("ws")) &&
	       !span_eq(scheme, SPAN("wss"));
}

int
resolve_link(struct charset_decoder *dec, enum charset charset,
    struct span text, const struct url *base, struct buf *scratch,
    struct url *out)
{
	struct span query;
	int r = url_parse(text, base, out);

	if (r < 0 || text.len == 0 || !charset_in_queries(charset))
		return r;
	query = query_of(text);
	if (is_ascii(query) || !takes_charset(out))
		return r;
	/* Again with that query ready-made: what is percent-encoded is left
	 * alone.  The fragment is UTF-8 in any case. */
	buf_clear(scratch);
	r = buf_add(scratch, text.ptr, (size_t)(query.ptr - text.ptr));
	if (r == 0)
		r = charset_encode_query(dec, charset, query, scratch);
	if (r == 0)
		r = buf_add(scratch, query.ptr + query.len,
		    (size_t)(text.ptr + text.len - query.ptr - query.len));
	if (r == 0)
		return url_parse(buf_span(scratch), base, out);
	url_fini(out);
	url_init(out);
	return r;
}
