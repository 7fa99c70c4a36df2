/*
 * sitemap_impl - the reader's insides, shared by sitemap*.c.
 *
 *   sitemap.c          gzip by content, kind by content, text, limits
 *   sitemap_xml.c      expat: elements to entries, and going on behind a fault
 *   sitemap_charset.c  encodings that expat does not know
 */
#ifndef LIB_SITEMAP_SITEMAP_IMPL_H
#define LIB_SITEMAP_SITEMAP_IMPL_H

/* Debian builds expat so; its header shows the limits of entities only to
 * those that say it too. */
#define XML_DTD 1
#include <expat.h>

#include "lib/base/buf.h"
#include "lib/base/inflate.h"
#include "lib/sitemap/sitemap.h"

enum {
	SITEMAP_STAGES = 2, /* gzip in gzip: by the server, and by the author */
	SITEMAP_PIECE = 64 << 10,
	SITEMAP_ENCODING = 64, /* bytes of a name */
	SITEMAP_PREFIX = 32,
	SITEMAP_PREFIXES = 4,
	SITEMAP_NAME_BITS = 1 << 16,
};

enum sitemap_field {
	FIELD_NONE,
	FIELD_LOC,
	FIELD_LASTMOD,
	FIELD_CHANGEFREQ,
	FIELD_PRIORITY,
	FIELD_GUID, /* RSS: stands in for a link */
	FIELDS
};

/* A kind of file, by its root element. */
struct sitemap_format {
	uint8_t type;
	const char *root;
	const char *entry;
	uint8_t depth; /* of an entry; a root has 1 */
	bool plain;    /* its entries have no prefix, whatever its root has */
};

struct sitemap_reader {
	struct sitemap_limits limits;
	struct {
		struct inflate *inflate;
		char *room;     /* SITEMAP_PIECE bytes: what comes of it */
		bool seen;      /* something has come in */
		bool gzip;      /* it began as gzip */
		bool ended;     /* nothing more is read of it */
		uint64_t bytes; /* that have come in */
	} stages[SITEMAP_STAGES + 1];
	XML_Parser xml;
	struct buf fields[FIELDS];
	struct buf line; /* of text; it may have come in part only */
	struct url url;

	/* --- of one reading */
	const struct sitemap_input *input;
	sitemap_entry_fn *take;
	void *arg;
	struct sitemap_report report;
	enum {
		READS_NOTHING_YET,
		READS_XML,
		READS_TEXT
	} reads;
	bool done;      /* nothing more is wanted */
	bool too_long;  /* the line is, so far */
	bool no_memory; /* found where it cannot be returned */

	/* --- of its XML (sitemap_xml.c) */
	const struct sitemap_format *format; /* NULL: no root yet */
	char root[2 * SITEMAP_PREFIX];       /* its name, with its prefix */
	char prefixes[SITEMAP_PREFIXES][SITEMAP_PREFIX]; /* of our elements */
	size_t n_prefixes;
	char encoding[SITEMAP_ENCODING];
	bool is_wide;   /* UTF-16 */
	bool restarted; /* the root is one that we wrote */
	bool in_doctype;
	unsigned depth, entry_depth; /* entry_depth 0: not in an entry */
	enum sitemap_field field;    /* that characters belong to */
	bool whole[FIELDS];          /* its end tag was there */
	uint8_t bad_loc;             /* enum sitemap_drop: why it is none */
	bool is_permalink;
	unsigned restarts;
	uint64_t fed;        /* bytes that this parser was given */
	uint64_t doctype_at; /* … when the doctype began */
	const char *wanted;  /* "<url": looked for behind a fault */
	char pattern[2 * SITEMAP_PREFIX + 16];
	size_t matched;
	uint8_t names[SITEMAP_NAME_BITS / 8];
	unsigned n_names;
};

/* The first defect stays. */
void sitemap_defect(struct sitemap_reader *rd, enum sitemap_defect defect);

/* An entry is left out. */
void sitemap_drop(struct sitemap_reader *rd, enum sitemap_drop drop);

/* From rd->fields, when there is a URL in it; it may end the reading. */
void sitemap_emit(struct sitemap_reader *rd, struct span loc);

/* sitemap_xml.c: 0 or -ENOMEM. */
MUST_USE int sitemap_xml_begin(struct sitemap_reader *rd, struct span first);
MUST_USE int sitemap_xml_feed(struct sitemap_reader *rd, struct span bytes);
MUST_USE int sitemap_xml_end(struct sitemap_reader *rd);

/* sitemap_charset.c: for XML_SetUnknownEncodingHandler(); its argument is a bool
 * that becomes true when there was no memory. */
int sitemap_charset(void *no_memory, const XML_Char *name, XML_Encoding *out);

#endif
