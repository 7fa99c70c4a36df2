/*
 * sitemap - the URLs that a sitemap lists: sitemaps.org's urlset and index, a
 * list as text, RSS and Atom feeds; each of them as gzip, too.
 *
 * What it is its first bytes tell, never its name or its type.  It is read as
 * it comes: inflated, parsed and handed over piece by piece, so memory does
 * not grow with the file.  A file that is cut or broken gives what could be
 * read, behind the fault too, and says so.  Entities that a file declares are
 * not expanded, and nothing that it names is ever opened.
 */
#ifndef LIB_SITEMAP_SITEMAP_H
#define LIB_SITEMAP_SITEMAP_H

#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/span.h"
#include "lib/url/url.h"

/* What the protocol allows in one file. */
#define SITEMAP_BYTES_MAX (UINT64_C(50) << 20) /* inflated */
#define SITEMAP_URLS_MAX  50000u

/* Numbers travel through shared memory. */
enum sitemap_type {
	SITEMAP_NONE, /* it is none */
	SITEMAP_URLSET,
	SITEMAP_INDEX, /* its entries are sitemaps */
	SITEMAP_TEXT,
	SITEMAP_RSS, /* 2.0, 0.9x and 1.0 (RDF) */
	SITEMAP_ATOM,
	SITEMAP_TYPES
};
/* "urlset", "sitemapindex", …; "" for SITEMAP_NONE. */
const char *sitemap_type_name(unsigned type);

enum sitemap_defect {
	SITEMAP_SOUND,
	SITEMAP_EMPTY,
	SITEMAP_UNKNOWN,   /* text without a URL, or another root element */
	SITEMAP_MALFORMED, /* no well-formed XML */
	SITEMAP_GZIP,      /* the gzip stream is cut, or broken */
	SITEMAP_EXCESSIVE, /* depth, names, size of a tag: no honest file */
	SITEMAP_DEFECTS
};

/* Where reading ended before the file did, though nothing is wrong. */
enum sitemap_cut {
	SITEMAP_WHOLE,
	SITEMAP_CUT_BYTES,
	SITEMAP_CUT_URLS,
	SITEMAP_CUT_ROOM, /* whoever takes the URLs had no room for more */
	SITEMAP_CUTS
};

/* Why an entry is left out. */
enum sitemap_drop {
	SITEMAP_DROP_NONE,
	SITEMAP_DROP_EMPTY,  /* it has no URL at all */
	SITEMAP_DROP_LONG,   /* … a longer one than max_url_length */
	SITEMAP_DROP_ENTITY, /* … one with an entity that stays unknown */
	SITEMAP_DROP_TEXT,   /* … something that is none */
	SITEMAP_DROP_SCHEME, /* … one that is not http or https */
	SITEMAP_DROPS
};
/* "its URL is longer than max_url_length"; "" for SITEMAP_DROP_NONE. */
const char *sitemap_drop_words(unsigned drop);

struct sitemap_report {
	uint8_t type;      /* enum sitemap_type */
	uint8_t defect;    /* enum sitemap_defect, the first that was met */
	uint8_t cut;       /* enum sitemap_cut */
	uint8_t xml_error; /* expat's number, of SITEMAP_MALFORMED */
	uint32_t line;     /* of the first defect in XML; 0: not known */
	uint32_t listed;   /* entries handed over */
	uint32_t dropped;  /* entries without a URL that can be fetched */
	uint8_t drop;      /* enum sitemap_drop, of the first of them */
	uint64_t decoded_len;
};

/* The defect in words, "line 3: mismatched tag"; "" for a sound one.  Any
 * bytes will do for a report. */
void sitemap_describe(const struct sitemap_report *report, char *out,
    size_t size);

/* One entry; all of it is borrowed until the callback returns.  Texts are as
 * in the file after decoding, trimmed, and empty when it has none. */
struct sitemap_entry {
	struct span loc; /* as written, or resolved when it was relative */
	struct span url; /* the same as a URL, without fragment: http(s) */
	struct span lastmod, changefreq, priority;
	bool is_sitemap; /* the entry of an index */
};
/* False: no room for more, reading ends (SITEMAP_CUT_ROOM). */
typedef bool sitemap_entry_fn(void *arg, const struct sitemap_entry *entry);

struct sitemap_limits {
	uint64_t max_bytes; /* inflated */
	uint32_t max_urls;
	uint32_t max_url_length;
};

struct sitemap_input {
	struct span body;
	struct span content_type; /* its charset, where the file tells none */
	const struct url *url;    /* of the sitemap: relative URLs */
};

/* Memory that is used again file after file, some 200 KiB.  NULL: none. */
struct sitemap_reader;
struct sitemap_reader *sitemap_reader_new(const struct sitemap_limits *limits);
void sitemap_reader_free(struct sitemap_reader *reader);

/*
 * Read a file and hand over its entries, in order.  0 always means that *out
 * is usable, with what was wrong in it; -ENOMEM.
 */
MUST_USE int sitemap_read(struct sitemap_reader *reader,
    const struct sitemap_input *input, sitemap_entry_fn *take, void *arg,
    struct sitemap_report *out);

/*
 * The protocol's rule of location: a sitemap speaks for URLs of its own
 * scheme, host and port, in its own folder and below.  Whoever's robots.txt
 * names it lets it speak for more: that is for the caller to know.
 */
bool sitemap_covers(const struct url *sitemap, const struct url *listed);

#endif
