#include <errno.h>

#include "lib/frontier/frontier_impl.h"

/* In the store each has a row of `m`: "alias." and the old host, the new host
 * as the value; empty, when it is none and never will be. */
#define ALIAS_KEY "alias."

static int
put(struct frontier *f, struct span from, struct span to)
{
	int r;

	buf_clear(&f->value);
	r = buf_add_span(&f->value, SPAN(ALIAS_KEY));
	if (r == 0)
		r = buf_add_span(&f->value, from);
	if (r < 0)
		return r;
	store_put(f->store, STORE_META, buf_span(&f->value), to);
	/* What became of links as they were written may be otherwise now. */
	memset(f->texts, 0, sizeof(f->texts));
	return 0;
}

int
frontier_alias_restore(struct frontier *f)
{
	const size_t len = strlen(ALIAS_KEY);
	struct store_scan *scan;
	struct span key, value;
	struct canon_hash hash;
	int r;

	r = store_scan_open(f->store, STORE_META, SPAN(ALIAS_KEY),
	    SPAN("alias/"), false, &scan);
	if (r < 0)
		return r;
	while ((r = store_scan_next(scan, &key, &value)) == 1) {
		r = url_parse(span_from_at(key, len), NULL, &f->url);
		if (r == 0)
			r = frontier_hash(f, &f->url, &hash);
		if (r == 0)
			r = alias_restore(&f->aliases, hash.site64, value);
		if (r == -EINVAL || r == -EMSGSIZE)
			r = -EIO;
		if (r < 0)
			break;
	}
	store_scan_close(scan);
	return r;
}

int
frontier_alias_apply(struct frontier *f, uint64_t site64)
{
	struct span to;
	int r;

	if (f->config->aliases != CONFIG_ALIASES_LEARN)
		return 0;
	to = alias_of(&f->aliases, site64);
	if (to.len == 0)
		return 0;
	buf_clear(&f->value);
	r = buf_add_span(&f->value, to);
	if (r == 0)
		r = buf_add_span(&f->value, url_target(&f->url));
	if (r == 0)
		r = url_parse(buf_span(&f->value), NULL, &f->url);
	if (r == 0)
		count(&f->live.aliased, 1);
	return r < 0 ? r : 1;
}

int
frontier_alias_learn(struct frontier *f, const struct order *from,
    const struct capture *capture)
{
	struct canon_hash hash;
	int r;

	if (f->config->aliases != CONFIG_ALIASES_LEARN ||
	    (capture->status != 301 && capture->status != 308))
		return 0;
	r = url_parse(from->url, NULL, &f->other);
	if (r == 0)
		r = url_parse(capture->location, NULL, &f->url);
	if (r < 0 || frontier_refuses(f, &f->url, 0) != REFUSALS ||
	    !url_fetchable(&f->other) ||
	    !span_eq(url_target(&f->other), url_target(&f->url)))
		return r == -ENOMEM ? r : 0;
	r = frontier_hash(f, &f->url, &hash);
	if (r < 0 || hash.site64 == from->site64)
		return r;
	/* The scratch of both origins: the old one, then the new one. */
	buf_clear(&f->name);
	buf_clear(&f->site);
	r = url_origin(&f->other, &f->name);
	if (r == 0)
		r = url_origin(&f->url, &f->site);
	if (r == 0)
		r = alias_proof(&f->aliases, from->site64, hash.site64,
		    buf_span(&f->site));
	if (r <= 0)
		return r;
	return put(f, buf_span(&f->name), buf_span(&f->site));
}

int
frontier_alias_doubt(struct frontier *f, const struct host *host)
{
	if (!alias_doubt(&f->aliases, host->site64))
		return 0;
	return put(f, host_name(host), SPAN_NONE);
}

struct span
frontier_alias(const struct frontier *f, uint64_t site64)
{
	return alias_of(&f->aliases, site64);
}
