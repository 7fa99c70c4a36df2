/*
 * output - what the parser made of a page: fields of the record, and links.
 *
 * A stream of tagged, length-prefixed items behind a small head, in the cell's
 * region, or (when there is no room) in its inline part.  The lap is stored
 * last, with release.  Readers bound every length and trust nothing: a parser
 * may have been taken over by its page.
 */
#ifndef LIB_MESSAGE_OUTPUT_H
#define LIB_MESSAGE_OUTPUT_H

#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/span.h"

enum output_tag {
	OUTPUT_END,
	OUTPUT_TITLE,
	OUTPUT_CHARSET,
	OUTPUT_CHARSET_SOURCE,
	OUTPUT_MIME, /* detected */
	OUTPUT_LANG,
	OUTPUT_CANONICAL,
	OUTPUT_DIGEST,        /* "sha1:…" */
	OUTPUT_LENGTH,        /* decoded, as decimal text */
	OUTPUT_ROBOTS,        /* "noindex", one item each: by meta robots */
	OUTPUT_TRUNCATED,     /* one byte: enum truncated */
	OUTPUT_BODY,          /* UTF-8 text */
	OUTPUT_BODY_RAW,      /* bytes, for base64 */
	OUTPUT_RULES,         /* robots.txt: the compiled block */
	OUTPUT_LINK,          /* kind, flags, URL */
	OUTPUT_REASON,        /* one byte: enum reason (too_large) */
	OUTPUT_LISTED,        /* sitemap: struct output_listed, URL */
	OUTPUT_NESTED,        /* sitemap index: the URL of a sitemap */
	OUTPUT_SITEMAP,       /* struct sitemap_note: what it was */
	OUTPUT_REL,           /* rel of the link in front of it, as written */
	OUTPUT_ROBOTS_HEADER, /* as OUTPUT_ROBOTS: by X-Robots-Tag */
	OUTPUT_TAGS
};

/* What is asked of who would follow a link.  Which of it is obeyed, settings
 * decide where links are admitted. */
enum link_flag {
	LINK_NOFOLLOW = 1, /* these three: rel of the link itself */
	LINK_UGC = 2,
	LINK_SPONSORED = 4,
	LINK_META_NOFOLLOW = 8,    /* meta robots of its page */
	LINK_HEADER_NOFOLLOW = 16, /* X-Robots-Tag of its page */
};

/* Where a link stands: an element and an attribute. */
enum link_place {
	PLACE_UNKNOWN,
	PLACE_A_HREF,
	PLACE_AREA_HREF,
	PLACE_IFRAME_SRC,
	PLACE_FRAME_SRC,
	PLACE_LINK_HREF,
	PLACE_META_CONTENT,
	PLACE_LINK_HEADER,
	PLACE_REFRESH_HEADER,
	PLACE_IMG_SRC,
	PLACE_IMG_SRCSET,
	PLACE_SOURCE_SRC,
	PLACE_SOURCE_SRCSET,
	PLACE_SCRIPT_SRC,
	PLACE_VIDEO_SRC,
	PLACE_VIDEO_POSTER,
	PLACE_AUDIO_SRC,
	PLACE_TRACK_SRC,
	PLACE_EMBED_SRC,
	PLACE_OBJECT_DATA,
	PLACE_INPUT_SRC,
	PLACE_FORM_ACTION,
	PLACE_STYLE,
	PLACE_STYLE_ATTRIBUTE,
	PLACE_CSS,
	LINK_PLACES
};
/* "img", "srcset"; NULL: there is none, or it is not known.  A header's name
 * is its attribute. */
const char *link_place_element(unsigned place);
const char *link_place_attribute(unsigned place);

struct output_item {
	uint8_t tag;
	uint8_t link_kind;
	uint8_t link_flags;
	uint8_t link_place; /* enum link_place */
	struct span bytes;  /* of a link: its URL */
};

/* Writing: into memory that the caller grew; *used counts. */
struct output_writer {
	char *ptr;
	size_t size; /* room that is there now */
	size_t used;
};

enum {
	OUTPUT_HEAD = 16, /* lap, length */
	OUTPUT_ITEM = 8   /* in front of each item's bytes */
};

void output_begin(struct output_writer *writer, void *ptr, size_t size);
/* 0; -ENOSPC: no room, the writer is as it was (grow and try again, or go
 * without). */
MUST_USE int output_add(struct output_writer *writer, uint8_t tag,
    struct span bytes);
MUST_USE int output_add_item(struct output_writer *writer,
    const struct output_item *item);
MUST_USE int output_add_link(struct output_writer *writer, uint8_t kind,
    uint8_t flags, struct span url);
/* The lap last (release): from here on the output is there. */
void output_end(struct output_writer *writer, uint64_t lap);

struct output_reader {
	const char *ptr;
	size_t left;
};

/* 1 an output of this lap; 0 none; `size` is what is readable at `ptr`. */
int output_open(struct output_reader *reader, const void *ptr, size_t size,
    uint64_t lap);
/* 1 an item; 0 the end; -EBADMSG broken from here on. */
int output_next(struct output_reader *reader, struct output_item *out);

#endif
