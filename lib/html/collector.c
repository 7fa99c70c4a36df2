#include "lib/html/collector.h"

#include <errno.h>

#include "lib/base/utf8.h"
#include "lib/html/directives.h"
#include "lib/html/linkheader.h"
#include "lib/html/linkset.h"
#include "lib/html/refresh.h"
#include "lib/html/rel.h"
#include "lib/html/resolve.h"

enum {
	/* Beyond these a page is hostile: what it says there is not heard. */
	COLLECTOR_TITLE = 4096,  /* bytes */
	COLLECTOR_LANG_MAX = 64, /* bytes */
	COLLECTOR_CANONICALS = 8,
	/*
	 * The work that a page may ask for, in links that lead to URLs which
	 * others led to, or to none: so many more than max_links, and so many
	 * bytes of URLs to resolve, for a base may be as long as a page.
	 */
	COLLECTOR_TRIES = 4,
	COLLECTOR_TRIES_MORE = 1024,
	COLLECTOR_WORK = 256 << 20,
};

struct collector_canonical {
	struct span url;
	bool header; /* resolved against the page, not its base */
};

struct collector {
	uint32_t max_links;
	uint64_t seed;
	struct collector_page page;
	struct linkset raw; /* as written, without fragment */
	struct linkset links;
	bool full; /* a link was left out */
	struct span title, lang, base;
	bool base_seen, title_seen, refresh_seen;
	enum charset charset; /* by a meta */
	unsigned robots;
	struct refresh refresh;
	struct collector_canonical canonicals[COLLECTOR_CANONICALS];
	size_t n_canonicals; /* may be one more than there is room for */
	uint64_t work;
	/* Memory that is used again. */
	struct url base_url, result;
	struct buf query;
};

struct collector *
collector_new(uint32_t max_links)
{
	struct collector *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->max_links = max_links;
	/* Where memory lies is chosen at random, and told to nobody. */
	c->seed = (uintptr_t)c;
	url_init(&c->base_url);
	url_init(&c->result);
	buf_init(&c->query, URL_MAX);
	return c;
}

void
collector_free(struct collector *c)
{
	if (c == NULL)
		return;
	url_fini(&c->base_url);
	url_fini(&c->result);
	buf_fini(&c->query);
	free(c);
}

void
collector_begin(struct collector *c, const struct collector_page *page)
{
	c->page = *page;
	linkset_begin(&c->raw, page->arena, c->seed);
	linkset_begin(&c->links, page->arena, c->seed);
	c->full = false;
	c->title = c->lang = c->base = SPAN_NONE;
	c->base_seen = c->title_seen = c->refresh_seen = false;
	c->charset = CHARSET_NONE;
	c->robots = 0;
	c->n_canonicals = 0;
	c->work = 0;
}

/*
 * A link as it is written.  Pages repeat their links: two that are written
 * alike are resolved once.  When one of them says nofollow and the other does
 * not, the page leads there.
 */
static void
collector_link(struct collector *c, struct span url, unsigned kind,
    unsigned flags)
{
	const char *hash = NULL;
	struct page_link *known;

	if (c->full)
		return;
	/* The fragment is dropped anyway; "#a" and "#b" are one link. */
	if (url.len > 0)
		hash = memchr(url.ptr, '#', url.len);
	if (hash != NULL)
		url.len = (size_t)(hash - url.ptr);
	known = linkset_find(&c->raw, url, kind);
	if (known != NULL)
		known->flags &= (uint8_t)flags;
	else if (c->raw.n / COLLECTOR_TRIES >=
		     (uint64_t)c->max_links + COLLECTOR_TRIES_MORE ||
		 !linkset_add(&c->raw, url, kind, flags))
		c->full = true;
}

static void
collector_canonical(struct collector *c, struct span url, bool header)
{
	for (size_t i = 0; i < c->n_canonicals; i++) {
		if (i < COLLECTOR_CANONICALS &&
		    c->canonicals[i].header == header &&
		    span_eq(c->canonicals[i].url, url))
			return;
	}
	if (c->n_canonicals < COLLECTOR_CANONICALS)
		c->canonicals[c->n_canonicals] = (struct collector_canonical){
			url, header
		};
	if (c->n_canonicals <= COLLECTOR_CANONICALS)
		c->n_canonicals++;
}

static void
collector_refresh(struct collector *c, struct span text)
{
	/* The first that is one counts. */
	if (!c->refresh_seen)
		c->refresh_seen = refresh_parse(text, &c->refresh);
}

static void
collector_kinds(struct collector *c, struct span url, const struct rel *rel,
    uint32_t kinds)
{
	for (unsigned kind = 0; kind < LINK_KINDS; kind++) {
		if (kinds & 1u << kind)
			collector_link(c, url, kind, rel->flags);
	}
}

static void
collector_link_header(struct collector *c, struct span value)
{
	struct span url, text;

	while (linkheader_next(&value, &url, &text)) {
		struct rel rel = rel_parse(text);

		/*
		 * Its URLs are the page's, not its base's; links are resolved
		 * against the base.  So only the canonical is taken, which is
		 * a statement about the page, and no way on from it.
		 */
		if (rel.kinds & 1u << LINK_CANONICAL)
			collector_canonical(c, url, true);
	}
}

void
collector_headers(struct collector *c, struct span headers)
{
	while (headers.len > 0) {
		const char *end = memchr(headers.ptr, '\n', headers.len);
		size_t len = end ? (size_t)(end - headers.ptr) : headers.len;
		struct span line = span_of(headers.ptr, len), name, value;
		const char *colon = len ? memchr(line.ptr, ':', len) : NULL;

		headers = span_from_at(headers, len + 1);
		if (colon == NULL)
			continue;
		name = span_of(line.ptr, (size_t)(colon - line.ptr));
		value = span_trim(span_from_at(line, name.len + 1));
		if (span_eq_nocase(name, SPAN("x-robots-tag")))
			c->robots |= directives_of_header(value, c->page.agent);
		else if (span_eq_nocase(name, SPAN("refresh")))
			collector_refresh(c, value);
		else if (span_eq_nocase(name, SPAN("link")))
			collector_link_header(c, value);
	}
}

static void
collector_meta(struct collector *c, const struct span *attr)
{
	struct span name = attr[COLLECTOR_NAME];
	struct span content = attr[COLLECTOR_CONTENT];
	struct span pragma = attr[COLLECTOR_HTTP_EQUIV];
	enum charset charset = CHARSET_NONE;

	if (name.ptr != NULL && directives_meet(name, c->page.agent))
		c->robots |= directives_of_meta(content);
	if (attr[COLLECTOR_CHARSET].ptr != NULL)
		charset = charset_of_label(attr[COLLECTOR_CHARSET]);
	else if (span_eq_nocase(pragma, SPAN("content-type")))
		charset = charset_of_meta_content(content);
	else if (span_eq_nocase(pragma, SPAN("refresh")))
		collector_refresh(c, content);
	if (c->charset == CHARSET_NONE)
		c->charset = charset_by_meta(charset);
}

static void
collector_rel_link(struct collector *c, const struct collector_element *el)
{
	struct span href = el->attr[COLLECTOR_HREF];
	struct rel rel = rel_parse(el->attr[COLLECTOR_REL]);

	/* rev=made is how rel=author was written (HTML Standard, 16.2). */
	if (span_eq_nocase(span_trim(el->attr[COLLECTOR_REV]), SPAN("made")))
		rel.kinds |= 1u << LINK_REL;
	if (href.ptr == NULL || rel.resource)
		return;
	collector_kinds(c, href, &rel, rel.kinds);
	/* In the body anybody's comment could stand. */
	if ((rel.kinds & 1u << LINK_CANONICAL) && el->in_head)
		collector_canonical(c, href, false);
}

static void
collector_anchor(struct collector *c, const struct collector_element *el,
    unsigned kind)
{
	unsigned flags = 0;

	if (el->attr[COLLECTOR_HREF].ptr == NULL)
		return;
	if (el->attr[COLLECTOR_REL].len > 0)
		flags = rel_parse(el->attr[COLLECTOR_REL]).flags;
	collector_link(c, el->attr[COLLECTOR_HREF], kind, flags);
}

void
collector_element(struct collector *c, const struct collector_element *el)
{
	const struct span *attr = el->attr;

	switch (el->tag) {
	case COLLECTOR_A:
		collector_anchor(c, el, LINK_A);
		break;
	case COLLECTOR_AREA:
		collector_anchor(c, el, LINK_AREA);
		break;
	case COLLECTOR_BASE:
		/* The first one counts, even when it is no URL. */
		if (!c->base_seen && attr[COLLECTOR_HREF].ptr != NULL) {
			c->base = attr[COLLECTOR_HREF];
			c->base_seen = true;
		}
		break;
	case COLLECTOR_FRAME:
		if (attr[COLLECTOR_SRC].ptr != NULL)
			collector_link(c, attr[COLLECTOR_SRC], LINK_FRAME, 0);
		break;
	case COLLECTOR_HTML:
		if (c->lang.ptr == NULL &&
		    attr[COLLECTOR_LANG].len <= COLLECTOR_LANG_MAX)
			c->lang = span_trim(attr[COLLECTOR_LANG]);
		break;
	case COLLECTOR_IFRAME:
		/* A page in srcdoc takes the place of the one in src. */
		if (attr[COLLECTOR_SRC].ptr != NULL &&
		    attr[COLLECTOR_SRCDOC].ptr == NULL)
			collector_link(c, attr[COLLECTOR_SRC], LINK_IFRAME, 0);
		break;
	case COLLECTOR_LINK:
		collector_rel_link(c, el);
		break;
	case COLLECTOR_META:
		collector_meta(c, attr);
		break;
	}
}

void
collector_title(struct collector *c, struct span text)
{
	if (!c->title_seen)
		c->title = text;
	c->title_seen = true;
}

enum charset
collector_meta_charset(const struct collector *c)
{
	return c->charset;
}

/* White space at the ends goes, and runs of it become one blank, as
 * document.title has it. */
static struct span
collector_tidy(struct collector *c, struct span text)
{
	struct span tidy;
	size_t len = 0;

	text = span_trim(text);
	if (text.len > COLLECTOR_TITLE) {
		text.len = COLLECTOR_TITLE;
		while (text.len > 0 && (text.ptr[text.len] & 0xC0) == 0x80)
			text.len--;
	}
	tidy.ptr = arena_alloc(c->page.arena, text.len);
	if (tidy.ptr == NULL)
		return SPAN_NONE;
	for (size_t i = 0; i < text.len; i++) {
		char ch = text.ptr[i];
		char *to = (char *)(uintptr_t)tidy.ptr;

		if (memchr(" \t\n\f\r", ch, 5) == NULL)
			to[len++] = ch;
		else if (len > 0 && to[len - 1] != ' ')
			to[len++] = ' ';
	}
	tidy.len = len;
	return tidy;
}

/*
 * Resolve into c->result.  1: a URL that is fetched, without its fragment in
 * *out, which is good until the next one; 0: another; -ENOMEM.
 */
static int
collector_resolve(struct collector *c, struct span text, const struct url *base,
    struct span *out)
{
	int r;

	c->work += text.len + url_href(base).len;
	r = resolve_link(c->page.dec, c->page.charset, text, base, &c->query,
	    &c->result);
	if (r == -ENOMEM)
		return r;
	if (r < 0 || !url_fetchable(&c->result))
		return 0;
	*out = url_href_bare(&c->result);
	return 1;
}

/* The page's base, in c->base_url or the page's own. */
static int
collector_base(struct collector *c, const struct url **base)
{
	struct span scheme;
	int r;

	*base = c->page.url;
	if (!c->base_seen)
		return 0;
	r = url_parse(c->base, c->page.url, &c->base_url);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return 0;
	scheme = url_scheme(&c->base_url);
	if (!span_eq(scheme, SPAN("data")) &&
	    !span_eq(scheme, SPAN("javascript")))
		*base = &c->base_url;
	return 0;
}

/* Add a resolved link.  False: no room, or one too many. */
static bool
collector_add(struct collector *c, struct span url, unsigned kind,
    unsigned flags)
{
	struct page_link *known = linkset_find(&c->links, url, kind);
	struct span copy;

	if (known != NULL) {
		known->flags &= (uint8_t)flags;
		return true;
	}
	return c->links.n < c->max_links &&
	       arena_copy(c->page.arena, url, &copy) &&
	       linkset_add(&c->links, copy, kind, flags);
}

static int
collector_finish_links(struct collector *c, const struct url *base)
{
	for (uint32_t i = 0; i < c->raw.n; i++) {
		const struct page_link *raw = &c->raw.links[i];
		struct span url;
		int r;

		if (c->work > COLLECTOR_WORK) {
			c->full = true;
			break;
		}
		r = collector_resolve(c, raw->url, base, &url);
		if (r < 0)
			return r;
		if (r > 0 && !collector_add(c, url, raw->kind, raw->flags)) {
			c->full = true;
			break;
		}
	}
	return 0;
}

static int
collector_finish_refresh(struct collector *c, const struct url *base,
    struct page *out)
{
	struct span url;
	int r;

	if (!c->refresh_seen)
		return 0;
	if (c->refresh.has_url)
		r = collector_resolve(c, c->refresh.url, base, &url);
	else
		r = collector_resolve(c, SPAN_NONE, c->page.url, &url);
	if (r <= 0)
		return r;
	if (!collector_add(c, url, LINK_REFRESH, 0))
		c->full = true;
	if (!arena_copy(c->page.arena, url, &out->refresh))
		return 0;
	out->refresh_delay = c->refresh.delay_s;
	return 0;
}

/* Of two that differ none is believed. */
static int
collector_finish_canonical(struct collector *c, const struct url *base,
    struct page *out)
{
	struct span first = SPAN_NONE, url;

	for (size_t i = 0; i < c->n_canonicals; i++) {
		int r;

		if (i == COLLECTOR_CANONICALS)
			return 0;
		r = collector_resolve(c, c->canonicals[i].url,
		    c->canonicals[i].header ? c->page.url : base, &url);
		if (r < 0)
			return r;
		if (r == 0)
			continue;
		if (first.ptr == NULL) {
			if (!arena_copy(c->page.arena, url, &first))
				return 0;
		} else if (!span_eq(first, url)) {
			return 0;
		}
	}
	out->canonical = first;
	return 0;
}

int
collector_finish(struct collector *c, struct page *out, bool *cut)
{
	const struct url *base;
	int r;

	r = collector_base(c, &base);
	if (r < 0)
		return r;
	out->title = collector_tidy(c, c->title);
	out->robots = c->robots;
	if (!arena_copy(c->page.arena, c->lang, &out->lang))
		out->lang = SPAN_NONE;
	if (!arena_copy(c->page.arena, url_href_bare(base), &out->base))
		out->base = SPAN_NONE;
	r = collector_finish_canonical(c, base, out);
	if (r == 0)
		r = collector_finish_refresh(c, base, out);
	if (r == 0)
		r = collector_finish_links(c, base);
	if (r < 0)
		return r;
	out->links = c->links.links;
	out->n_links = c->links.n;
	*cut = c->full;
	return 0;
}
