/*
 * collector - what a crawl wants of a page: links, title, directives, base.
 *
 * It is fed by a reader it does not know: elements in the order of the
 * document, each with the attributes that matter here.  Nothing is resolved
 * before collector_finish(), because a base counts for the links before it,
 * too.  Spans that it is given must stay until then.
 */
#ifndef LIB_HTML_COLLECTOR_H
#define LIB_HTML_COLLECTOR_H

#include "lib/base/arena.h"
#include "lib/html/charset.h"
#include "lib/html/page.h"

enum collector_tag {
	COLLECTOR_A,
	COLLECTOR_AREA,
	COLLECTOR_BASE,
	COLLECTOR_FRAME,
	COLLECTOR_HTML,
	COLLECTOR_IFRAME,
	COLLECTOR_LINK,
	COLLECTOR_META,
	/* Only when collector_wants_all(): */
	COLLECTOR_AUDIO,
	COLLECTOR_EMBED,
	COLLECTOR_FORM,
	COLLECTOR_IMG,
	COLLECTOR_INPUT,
	COLLECTOR_OBJECT,
	COLLECTOR_SCRIPT,
	COLLECTOR_SOURCE,
	COLLECTOR_TRACK,
	COLLECTOR_VIDEO,
	COLLECTOR_OTHER, /* for its style attribute */
};

/* In the order of their names. */
enum collector_attr {
	COLLECTOR_ACTION,
	COLLECTOR_CHARSET,
	COLLECTOR_CONTENT,
	COLLECTOR_DATA,
	COLLECTOR_HREF,
	COLLECTOR_HTTP_EQUIV,
	COLLECTOR_LANG,
	COLLECTOR_METHOD,
	COLLECTOR_NAME,
	COLLECTOR_POSTER,
	COLLECTOR_REL,
	COLLECTOR_REV,
	COLLECTOR_SRC,
	COLLECTOR_SRCDOC,
	COLLECTOR_SRCSET,
	COLLECTOR_STYLE,
	COLLECTOR_TYPE,
	COLLECTOR_ATTRS
};

struct collector_element {
	enum collector_tag tag;
	bool in_head; /* in front of the body */
	/* UTF-8, decoded; ptr NULL: not there (empty is another thing) */
	struct span attr[COLLECTOR_ATTRS];
};

struct collector;
/* NULL: no memory. */
struct collector *collector_new(uint32_t max_links);
void collector_free(struct collector *c);

/*
 * A new page.  `arena` takes what collector_finish() hands out; `url` is the
 * page's, `agent` the crawler's name in directives; `charset` is what queries
 * are written in, by `dec`.  All are borrowed until collector_finish().
 */
struct collector_page {
	struct arena *arena;
	const struct url *url;
	struct span agent;
	enum charset charset;
	struct charset_decoder *dec;
	/* As of struct page_input. */
	bool want_rel, want_resources, want_forms, want_credentials;
};
void collector_begin(struct collector *c, const struct collector_page *page);

/* The response's headers: "name: value\n", names in lower case. */
void collector_headers(struct collector *c, struct span headers);
void collector_element(struct collector *c, const struct collector_element *el);
/* Does this page's reader have to tell of images, forms and the like? */
bool collector_wants_all(const struct collector *c);
/* The text of a <style>, or of a style sheet of its own. */
void collector_style(struct collector *c, struct span text,
    enum link_place place);
/* The text of the first <title>. */
void collector_title(struct collector *c, struct span text);

/* The charset that a meta names, wherever it stands; CHARSET_NONE: none. */
enum charset collector_meta_charset(const struct collector *c);

/*
 * Resolve everything; sets title, lang, base, canonical, refresh, the
 * directives and links of *out.  *cut: there are more links than max_links, or than there is
 * room or time for.  The spans live in the arena.
 * 0, -ENOMEM.
 */
MUST_USE int collector_finish(struct collector *c, struct page *out, bool *cut);

#endif
