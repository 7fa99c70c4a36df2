#include "lib/html/collector.h"

#include <errno.h>

#include "lib/base/utf8.h"
#include "lib/html/css.h"
#include "lib/html/directives.h"
#include "lib/html/linkheader.h"
#include "lib/html/linkset.h"
#include "lib/html/refresh.h"
#include "lib/html/rel.h"
#include "lib/html/resolve.h"
#include "lib/html/srcset.h"

enum {
	/* Beyond these a page is hostile: what it says there is not heard. */
	COLLECTOR_TITLE = 4096,  /* bytes */
	COLLECTOR_LANG_MAX = 64, /* bytes */
	COLLECTOR_REL_MAX = 256, /* bytes */
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
	unsigned meta_robots, header_robots;
	struct span meta_after, header_after; /* unavailable_after */
	struct refresh refresh;
	enum link_place refresh_place;
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
	c->meta_robots = c->header_robots = 0;
	c->meta_after = c->header_after = SPAN_NONE;
	c->n_canonicals = 0;
	c->work = 0;
}

/*
 * A link as it is written.  Pages repeat their links: two that are written
 * alike are resolved once.  When one of them says nofollow and the other does
 * not, the page leads there.
 */
static void
collector_link(struct collector *c, struct page_link link)
{
	const char *hash = NULL;
	struct page_link *known;

	if (c->full)
		return;
	/* The fragment is dropped anyway; "#a" and "#b" are one link. */
	if (link.url.len > 0)
		hash = memchr(link.url.ptr, '#', link.url.len);
	if (hash != NULL)
		link.url.len = (size_t)(hash - link.url.ptr);
	if (!c->page.want_rel || link.rel.len > COLLECTOR_REL_MAX)
		link.rel = SPAN_NONE;
	known = linkset_find(&c->raw, link.url, link.kind);
	if (known != NULL)
		known->flags &= link.flags;
	else if (c->raw.n / COLLECTOR_TRIES >=
		     (uint64_t)c->max_links + COLLECTOR_TRIES_MORE ||
		 !linkset_add(&c->raw, link))
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
collector_refresh(struct collector *c, struct span text, enum link_place place)
{
	/* The first that is one counts. */
	if (c->refresh_seen)
		return;
	c->refresh_seen = refresh_parse(text, &c->refresh);
	c->refresh_place = place;
}

/* One link for each kind that a rel has named. */
static void
collector_kinds(struct collector *c, struct page_link link, uint32_t kinds)
{
	for (unsigned kind = 0; kind < LINK_KINDS; kind++) {
		link.kind = (uint8_t)kind;
		if (kinds & 1u << kind)
			collector_link(c, link);
	}
}

/* The URL in c->result as it is handed out, good until the next one.  False: it
 * is none that is fetched. */
static bool
collector_result(struct collector *c, struct span *out)
{
	if (!url_fetchable(&c->result))
		return false;
	if (!c->page.want_credentials)
		url_drop_credentials(&c->result);
	*out = url_href_bare(&c->result);
	return true;
}

/* A link of a header: against the page, whatever base it has.  False: it is
 * none that is fetched, or there is no memory for it. */
static bool
collector_header_url(struct collector *c, struct span text, struct span *out)
{
	struct span url;

	return url_parse(text, c->page.url, &c->result) == 0 &&
	       collector_result(c, &url) && arena_copy(c->page.arena, url, out);
}

static void
collector_link_header(struct collector *c, struct span value)
{
	struct span url, text;

	while (linkheader_next(&value, &url, &text)) {
		struct rel rel = rel_parse(text);
		struct page_link link = {
			.rel = text,
			.flags = rel.flags,
			.place = PLACE_LINK_HEADER,
		};
		uint32_t kinds = rel.kinds;

		/* A statement about the page, and no way on from it. */
		if (kinds & 1u << LINK_CANONICAL)
			collector_canonical(c, url, true);
		kinds &= ~(1u << LINK_CANONICAL);
		if (rel.resource)
			kinds = c->page.want_resources ? rel.resources : 0;
		if (kinds != 0 && collector_header_url(c, url, &link.url))
			collector_kinds(c, link, kinds);
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
			c->header_robots |= directives_of_header(value,
			    c->page.agent, &c->header_after);
		else if (span_eq_nocase(name, SPAN("refresh")))
			collector_refresh(c, value, PLACE_REFRESH_HEADER);
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
		c->meta_robots |= directives_of_meta(content, &c->meta_after);
	if (attr[COLLECTOR_CHARSET].ptr != NULL)
		charset = charset_of_label(attr[COLLECTOR_CHARSET]);
	else if (span_eq_nocase(pragma, SPAN("content-type")))
		charset = charset_of_meta_content(content);
	else if (span_eq_nocase(pragma, SPAN("refresh")))
		collector_refresh(c, content, PLACE_META_CONTENT);
	if (c->charset == CHARSET_NONE)
		c->charset = charset_by_meta(charset);
}

/* The attribute of an element, as a link without a rel; when there is one. */
static void
collector_attr_link(struct collector *c, const struct collector_element *el,
    enum collector_attr attr, enum link_kind kind, enum link_place place)
{
	struct page_link link = {
		.url = el->attr[attr],
		.kind = (uint8_t)kind,
		.place = (uint8_t)place,
	};

	if (link.url.ptr != NULL)
		collector_link(c, link);
}

static void
collector_rel_link(struct collector *c, const struct collector_element *el)
{
	struct rel rel = rel_parse(el->attr[COLLECTOR_REL]);
	struct page_link link = {
		.url = el->attr[COLLECTOR_HREF],
		.rel = el->attr[COLLECTOR_REL],
		.flags = rel.flags,
		.place = PLACE_LINK_HREF,
	};

	/* rev=made is how rel=author was written (HTML Standard, 16.2). */
	if (span_eq_nocase(span_trim(el->attr[COLLECTOR_REV]), SPAN("made")))
		rel.kinds |= 1u << LINK_REL;
	if (link.url.ptr == NULL)
		return;
	if (rel.resource) {
		if (c->page.want_resources)
			collector_kinds(c, link, rel.resources);
		return;
	}
	collector_kinds(c, link, rel.kinds);
	/* In the body anybody's comment could stand. */
	if ((rel.kinds & 1u << LINK_CANONICAL) && el->in_head)
		collector_canonical(c, link.url, false);
}

static void
collector_anchor(struct collector *c, const struct collector_element *el,
    enum link_kind kind, enum link_place place)
{
	struct page_link link = {
		.url = el->attr[COLLECTOR_HREF],
		.rel = el->attr[COLLECTOR_REL],
		.kind = (uint8_t)kind,
		.place = (uint8_t)place,
	};

	if (link.url.ptr == NULL)
		return;
	if (link.rel.len > 0)
		link.flags = rel_parse(link.rel).flags;
	collector_link(c, link);
}

static void
collector_srcset(struct collector *c, const struct collector_element *el,
    enum link_place place)
{
	struct span list = el->attr[COLLECTOR_SRCSET];
	struct page_link link = {
		.kind = LINK_SRCSET,
		.place = (uint8_t)place,
	};

	while (!c->full && srcset_next(&list, &link.url))
		collector_link(c, link);
}

void
collector_style(struct collector *c, struct span text, enum link_place place)
{
	struct page_link link = {
		.kind = LINK_CSS,
		.place = (uint8_t)place,
	};

	while (c->page.want_resources && !c->full && css_next(&text, &link.url))
		collector_link(c, link);
}

/* A form that asks by GET leads where its action says, or to the page. */
static void
collector_form(struct collector *c, const struct collector_element *el)
{
	struct span method = el->attr[COLLECTOR_METHOD];
	struct rel rel = rel_parse(el->attr[COLLECTOR_REL]);
	struct page_link link = {
		.url = el->attr[COLLECTOR_ACTION],
		.rel = el->attr[COLLECTOR_REL],
		.kind = LINK_FORM,
		.flags = rel.flags,
		.place = PLACE_FORM_ACTION,
	};

	if (c->page.want_forms && link.url.len > 0 &&
	    !span_eq_nocase(method, SPAN("post")) &&
	    !span_eq_nocase(method, SPAN("dialog")))
		collector_link(c, link);
}

/* What a page is shown with. */
static void
collector_resource(struct collector *c, const struct collector_element *el)
{
	/* clang-format off */
	static const struct {
		enum collector_tag tag;
		enum collector_attr attr;
		enum link_kind kind;
		enum link_place place;
	} rows[] = {
		{ COLLECTOR_AUDIO,  COLLECTOR_SRC,    LINK_MEDIA,  PLACE_AUDIO_SRC },
		{ COLLECTOR_EMBED,  COLLECTOR_SRC,    LINK_EMBED,  PLACE_EMBED_SRC },
		{ COLLECTOR_IMG,    COLLECTOR_SRC,    LINK_IMAGE,  PLACE_IMG_SRC },
		{ COLLECTOR_OBJECT, COLLECTOR_DATA,   LINK_EMBED,  PLACE_OBJECT_DATA },
		{ COLLECTOR_SCRIPT, COLLECTOR_SRC,    LINK_SCRIPT, PLACE_SCRIPT_SRC },
		{ COLLECTOR_SOURCE, COLLECTOR_SRC,    LINK_MEDIA,  PLACE_SOURCE_SRC },
		{ COLLECTOR_TRACK,  COLLECTOR_SRC,    LINK_MEDIA,  PLACE_TRACK_SRC },
		{ COLLECTOR_VIDEO,  COLLECTOR_SRC,    LINK_MEDIA,  PLACE_VIDEO_SRC },
		{ COLLECTOR_VIDEO,  COLLECTOR_POSTER, LINK_MEDIA,  PLACE_VIDEO_POSTER },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].tag == el->tag)
			collector_attr_link(c, el, rows[i].attr, rows[i].kind,
			    rows[i].place);
	}
	if (el->tag == COLLECTOR_INPUT &&
	    span_eq_nocase(el->attr[COLLECTOR_TYPE], SPAN("image")))
		collector_attr_link(c, el, COLLECTOR_SRC, LINK_EMBED,
		    PLACE_INPUT_SRC);
	if (el->tag == COLLECTOR_IMG)
		collector_srcset(c, el, PLACE_IMG_SRCSET);
	else if (el->tag == COLLECTOR_SOURCE)
		collector_srcset(c, el, PLACE_SOURCE_SRCSET);
	collector_style(c, el->attr[COLLECTOR_STYLE], PLACE_STYLE_ATTRIBUTE);
}

bool
collector_wants_all(const struct collector *c)
{
	return c->page.want_resources || c->page.want_forms;
}

void
collector_element(struct collector *c, const struct collector_element *el)
{
	const struct span *attr = el->attr;

	switch (el->tag) {
	case COLLECTOR_A:
		collector_anchor(c, el, LINK_A, PLACE_A_HREF);
		break;
	case COLLECTOR_AREA:
		collector_anchor(c, el, LINK_AREA, PLACE_AREA_HREF);
		break;
	case COLLECTOR_BASE:
		/* The first one counts, even when it is no URL. */
		if (!c->base_seen && attr[COLLECTOR_HREF].ptr != NULL) {
			c->base = attr[COLLECTOR_HREF];
			c->base_seen = true;
		}
		break;
	case COLLECTOR_FRAME:
		collector_attr_link(c, el, COLLECTOR_SRC, LINK_FRAME,
		    PLACE_FRAME_SRC);
		break;
	case COLLECTOR_HTML:
		if (c->lang.ptr == NULL &&
		    attr[COLLECTOR_LANG].len <= COLLECTOR_LANG_MAX)
			c->lang = span_trim(attr[COLLECTOR_LANG]);
		break;
	case COLLECTOR_IFRAME:
		/* A page in srcdoc takes the place of the one in src. */
		if (attr[COLLECTOR_SRCDOC].ptr == NULL)
			collector_attr_link(c, el, COLLECTOR_SRC, LINK_IFRAME,
			    PLACE_IFRAME_SRC);
		break;
	case COLLECTOR_LINK:
		collector_rel_link(c, el);
		break;
	case COLLECTOR_META:
		collector_meta(c, attr);
		break;
	case COLLECTOR_FORM:
		collector_form(c, el);
		break;
	default:
		break;
	}
	if (c->page.want_resources)
		collector_resource(c, el);
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
	return r == 0 && collector_result(c, out);
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
collector_add(struct collector *c, struct page_link link)
{
	struct page_link *known = linkset_find(&c->links, link.url, link.kind);

	if (known != NULL) {
		known->flags &= link.flags;
		return true;
	}
	return c->links.n < c->max_links &&
	       arena_copy(c->page.arena, link.url, &link.url) &&
	       (link.rel.len == 0 ||
		   arena_copy(c->page.arena, link.rel, &link.rel)) &&
	       linkset_add(&c->links, link);
}

static int
collector_finish_links(struct collector *c, const struct url *base)
{
	for (uint32_t i = 0; i < c->raw.n; i++) {
		struct page_link link = c->raw.links[i];
		int r;

		if (c->work > COLLECTOR_WORK) {
			c->full = true;
			break;
		}
		r = collector_resolve(c, link.url, base, &link.url);
		if (r < 0)
			return r;
		if (r > 0 && !collector_add(c, link)) {
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
	struct page_link link = {
		.kind = LINK_REFRESH,
		.place = (uint8_t)c->refresh_place,
	};
	int r;

	if (!c->refresh_seen)
		return 0;
	if (c->refresh.has_url)
		r = collector_resolve(c, c->refresh.url, base, &link.url);
	else
		r = collector_resolve(c, SPAN_NONE, c->page.url, &link.url);
	if (r <= 0)
		return r;
	if (!collector_add(c, link))
		c->full = true;
	if (!arena_copy(c->page.arena, link.url, &out->refresh))
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
	out->meta_robots = c->meta_robots;
	out->header_robots = c->header_robots;
	out->robots = c->meta_robots | c->header_robots;
	if (!arena_copy(c->page.arena, c->meta_after, &out->meta_after))
		out->meta_after = SPAN_NONE;
	if (!arena_copy(c->page.arena, c->header_after, &out->header_after))
		out->header_after = SPAN_NONE;
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
