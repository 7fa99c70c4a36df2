/*
 * url: parse, resolve, serialise; the canonical key; the registrable domain.
 *
 *     base NUL input
 */
#include <errno.h>

#include "lib/url/canon.h"
#include "lib/url/site.h"
#include "lib/url/url.h"
#include "tests/fuzz/fuzz.h"

static bool
is_ascii(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < 0x20 || s.ptr[i] > 0x7e)
			return false;
	}
	return true;
}

static bool
same_offsets(const struct url *a, const struct url *b)
{
	return a->scheme_end == b->scheme_end &&
	       a->username_end == b->username_end &&
	       a->host_start == b->host_start && a->host_end == b->host_end &&
	       a->path_start == b->path_start &&
	       a->query_start == b->query_start &&
	       a->fragment_start == b->fragment_start && a->port == b->port &&
	       a->special == b->special && a->opaque_path == b->opaque_path &&
	       a->has_host == b->has_host;
}

/* A URL that is written down is the same when it is read. */
static void
reads_back(const struct url *url, struct url *again)
{
	struct span href = url_href(url);

	fuzz_holds(is_ascii(href));
	fuzz_holds(url_parse(href, NULL, again) == 0);
	fuzz_holds(span_eq(url_href(again), href));
	fuzz_holds(same_offsets(url, again));
	fuzz_holds(span_starts(href, url_href_bare(url)));
	fuzz_holds(url_scheme(url).len > 0);
	fuzz_holds(fuzz_is_within(url_host(url), href));
	fuzz_holds(fuzz_is_within(url_path(url), href));
	fuzz_holds(fuzz_is_within(url_query(url), href));
	fuzz_holds(fuzz_is_within(url_target(url), href));
	if (!url_fetchable(url))
		return;
	fuzz_holds(url_host(url).len > 0);
	fuzz_holds(url_target(url).len > 0 && url_target(url).ptr[0] == '/');
}

/* The key of a URL can be parsed, and is its own key. */
static void
key_is_stable(const struct url *url, struct url *again)
{
	struct canon canon = { .rules = CANON_DEFAULT };
	struct buf key, site, page;

	buf_init(&key, URL_MAX);
	buf_init(&site, URL_MAX);
	buf_init(&page, URL_MAX);
	fuzz_holds(canon_key(&canon, url, &key, &page) == 0);
	fuzz_holds(buf_add_span(&key, buf_span(&page)) == 0);
	fuzz_holds(key.len <= url_href(url).len);
	fuzz_holds(url_parse(buf_span(&key), NULL, again) == 0);
	fuzz_holds(canon_key(&canon, again, &site, &page) == 0);
	fuzz_holds(buf_add_span(&site, buf_span(&page)) == 0);
	fuzz_holds(span_eq(buf_span(&key), buf_span(&site)));
	fuzz_holds(span_eq(url_href(again), buf_span(&key)));
	buf_fini(&key);
	buf_fini(&site);
	buf_fini(&page);
}

static void
registrable_is_a_tail(struct span host)
{
	struct span site;

	if (!site_registrable(host, &site))
		return;
	fuzz_holds(site.len > 0 && fuzz_is_within(site, host));
	/* Whole labels, at the end; and it is its own. */
	fuzz_holds(site.ptr == host.ptr || site.ptr[-1] == '.');
	fuzz_holds(host.ptr + host.len - (site.ptr + site.len) <= 1);
	fuzz_holds(site_registrable(site, &host) && span_eq(site, host));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = fuzz_input(data, size);
	struct span base_text = fuzz_part(&in);
	struct url base, url, again;
	bool based;
	int r;

	url_init(&base);
	url_init(&url);
	url_init(&again);
	based = url_parse(base_text, NULL, &base) == 0;
	if (based)
		reads_back(&base, &again);
	r = url_parse(in.left, based ? &base : NULL, &url);
	fuzz_holds(r == 0 || r == -EINVAL || r == -EMSGSIZE);
	if (r < 0)
		fuzz_holds(url_href(&url).len == 0);
	if (r == 0) {
		reads_back(&url, &again);
		if (url_fetchable(&url))
			key_is_stable(&url, &again);
		registrable_is_a_tail(url_host(&url));
	}
	registrable_is_a_tail(base_text);
	url_fini(&base);
	url_fini(&url);
	url_fini(&again);
	return 0;
}
