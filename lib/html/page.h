/*
 * page - from the bytes of a response to what the crawl wants of them:
 * charset, title, links, directives.
 *
 * The one entry of lib/html for the parser process.  Everything it is given
 * is hostile; everything it makes is limited.
 */
#ifndef LIB_HTML_PAGE_H
#define LIB_HTML_PAGE_H

#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/message/order.h"
#include "lib/message/output.h"
#include "lib/message/reason.h"
#include "lib/url/url.h"

struct page_limits {
	uint64_t max_decoded; /* bytes after inflation, and after charset */
	uint32_t max_ratio;   /* decoded bytes per wire byte */
	uint32_t max_links;
	uint32_t parse_depth;
	uint64_t parse_memory;
	int64_t parse_cpu_ms; /* of this thread, for one page */
};

struct page_input {
	struct span body; /* as received */
	struct span content_type;
	struct span content_encoding;
	/* "name: value\n", names in lower case: X-Robots-Tag, Refresh, Link */
	struct span headers;
	const struct url *url;
	struct span robots_agent; /* for <meta name="mpcrawl"> */
	bool want_text;           /* keep the decoded text */
	bool want_rel;            /* of each link, as written */
	bool want_resources;      /* links to what the page is shown with */
	bool want_forms;          /* links to the targets of forms */
	/* Links and canonical with the user and the password that the page
	 * wrote there.  A crawl has no use for them, and keeps none. */
	bool want_credentials;
};

struct page_link {
	struct span url; /* serialised, without fragment */
	struct span rel; /* as written, if wanted; of the first of its like */
	uint8_t kind;    /* enum link_kind */
	uint8_t flags;   /* enum link_flag, of the link itself */
	uint8_t place;   /* enum link_place */
};

enum page_robots {
	PAGE_NOINDEX = 1,
	PAGE_NOFOLLOW = 2,
	PAGE_NOARCHIVE = 4,
};

/* All spans are borrowed from the reader until its next page. */
struct page {
	const char *mime;    /* detected: "text/html", …; NULL unknown */
	bool html;           /* a tree was made */
	const char *charset; /* WHATWG name in lower case; NULL: not text */
	const char *charset_source; /* bom header meta guess default */
	struct span text;           /* UTF-8; empty unless want_text and text */
	uint64_t decoded_len;       /* bytes after inflation */
	struct span title;
	struct span lang;
	struct span base; /* the base that links were resolved against */
	struct span canonical;
	struct span refresh;    /* target of a meta refresh */
	int32_t refresh_delay;  /* seconds; -1: none */
	unsigned robots;        /* enum page_robots: both of these */
	unsigned meta_robots;   /* by <meta name=robots> */
	unsigned header_robots; /* by X-Robots-Tag */
	/* unavailable_after of either: a date, as written; empty: none */
	struct span meta_after, header_after;
	const struct page_link *links; /* no URL twice with one kind */
	size_t n_links;
	enum truncated truncated; /* the first that applies */
};

/* The most memory that a reader of these limits has at any moment, but for
 * what malloc adds: for who limits a process. */
uint64_t page_limits_memory(const struct page_limits *limits);

/* Memory that is used again page after page.  NULL: no memory. */
struct page_reader;
struct page_reader *page_reader_new(const struct page_limits *limits);
void page_reader_free(struct page_reader *reader);

/*
 * Read a page.  0 always means *out is usable, with out->truncated telling
 * what was cut; -ENOMEM.
 */
MUST_USE int page_read(struct page_reader *reader,
    const struct page_input *input, struct page *out);

/* Inflate alone, for robots.txt and its like: gzip, x-gzip or deflate by
 * `content_encoding`, at most `max` bytes.  Anything else is passed through.
 * *cut: there was more, or the stream broke off.  The bytes are borrowed from
 * the reader. */
MUST_USE int page_inflate(struct page_reader *reader, struct span body,
    struct span content_encoding, uint64_t max, struct span *out, bool *cut);

#endif
