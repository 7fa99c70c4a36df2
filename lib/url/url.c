#include "lib/url/url.h"

#include <stdio.h>

#include "lib/url/url_impl.h"

/* clang-format off */
static const struct url_scheme_entry specials[] = {
	{ { "https", 5 }, 443 },
	{ { "http", 4 },  80 },
	{ { "file", 4 },  -1 },
	{ { "ftp", 3 },   21 },
	{ { "ws", 2 },    80 },
	{ { "wss", 3 },   443 },
};
/* clang-format on */

const struct url_scheme_entry *
url_special_scheme(struct span name)
{
	for (size_t i = 0; i < ARRAY_LEN(specials); i++) {
		if (span_eq(name, specials[i].name))
			return &specials[i];
	}
	return NULL;
}

void
url_init(struct url *url)
{
	*url = (struct url){ .port = -1 };
	buf_init(&url->href, URL_MAX);
	buf_init(&url->scratch, URL_MAX);
	url->query_start = url->fragment_start = URL_NOWHERE;
}

void
url_fini(struct url *url)
{
	if (url == NULL)
		return;
	buf_fini(&url->href);
	buf_fini(&url->scratch);
}

void
url_reset(struct url *url)
{
	struct buf href = url->href, scratch = url->scratch;

	buf_clear(&href);
	buf_clear(&scratch);
	*url = (struct url){ .href = href, .scratch = scratch, .port = -1 };
	url->query_start = url->fragment_start = URL_NOWHERE;
}

uint32_t
url_bare_end(const struct url *url)
{
	return url->fragment_start != URL_NOWHERE ? url->fragment_start
						  : (uint32_t)url->href.len;
}

uint32_t
url_path_end(const struct url *url)
{
	return url->query_start != URL_NOWHERE ? url->query_start
					       : url_bare_end(url);
}

uint32_t
url_authority_end(const struct url *url)
{
	return url->has_host ? url->path_start : url->host_end;
}

static struct span
part(const struct url *url, uint32_t from, uint32_t to)
{
	return span_of(url->href.ptr + from, to - from);
}

struct span
url_href(const struct url *url)
{
	return buf_span(&url->href);
}

struct span
url_href_bare(const struct url *url)
{
	return part(url, 0, url_bare_end(url));
}

struct span
url_scheme(const struct url *url)
{
	return part(url, 0, url->scheme_end);
}

struct span
url_host(const struct url *url)
{
	uint32_t at = url->host_start + (url_has_credentials(url) ? 1 : 0);

	return part(url, at, url->host_end);
}

struct span
url_path(const struct url *url)
{
	return part(url, url->path_start, url_path_end(url));
}

struct span
url_query(const struct url *url)
{
	if (url->query_start == URL_NOWHERE)
		return SPAN_NONE;
	return part(url, url->query_start + 1, url_bare_end(url));
}

struct span
url_target(const struct url *url)
{
	return part(url, url->path_start, url_bare_end(url));
}

int
url_origin(const struct url *url, struct buf *out)
{
	size_t before = out->len;
	uint32_t at = url->host_start + (url_has_credentials(url) ? 1 : 0);
	int r;

	r = buf_add_span(out, part(url, 0, url->scheme_end + 1));
	if (r == 0 && url->has_host)
		r = buf_add_span(out, SPAN("//"));
	if (r == 0)
		r = buf_add_span(out, part(url, at, url_authority_end(url)));
	if (r < 0)
		out->len = before;
	return r;
}

bool
url_fetchable(const struct url *url)
{
	struct span scheme = url_scheme(url);

	return span_eq(scheme, SPAN("http")) || span_eq(scheme, SPAN("https"));
}

uint16_t
url_port(const struct url *url)
{
	const struct url_scheme_entry *scheme;

	if (url->port >= 0)
		return (uint16_t)url->port;
	scheme = url->special ? url_special_scheme(url_scheme(url)) : NULL;
	return scheme && scheme->port >= 0 ? (uint16_t)scheme->port : 0;
}

bool
url_has_credentials(const struct url *url)
{
	return url->has_host && url->host_start < url->href.len &&
	       url->href.ptr[url->host_start] == '@';
}

void
url_drop_credentials(struct url *url)
{
	uint32_t from = url->scheme_end + 3; /* behind "://" */
	uint32_t to = url->host_start + 1;   /* behind the '@' */
	uint32_t gone = to - from;

	if (!url_has_credentials(url))
		return;
	memmove(url->href.ptr + from, url->href.ptr + to, url->href.len - to);
	url->href.len -= gone;
	url->username_end = url->host_start = from;
	url->host_end -= gone;
	url->path_start -= gone;
	if (url->query_start != URL_NOWHERE)
		url->query_start -= gone;
	if (url->fragment_start != URL_NOWHERE)
		url->fragment_start -= gone;
}

const char *
url_shown(struct span text, char out[URL_SHOWN])
{
	const char *at = text.len > 0 ? memrchr(text.ptr, '@', text.len) : NULL;
	struct span rest = text;

	if (span_starts(text, SPAN("mailto:")))
		at = NULL; /* an address, and nobody's password */
	if (at != NULL)
		rest = span_from_at(text, (size_t)(at - text.ptr));
	snprintf(out, URL_SHOWN, "%s%.*s", at ? "..." : "",
	    (int)(rest.len < 256 ? rest.len : 256),
	    rest.len > 0 ? rest.ptr : "");
	return out;
}
