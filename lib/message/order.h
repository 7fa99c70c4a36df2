/*
 * order - what the scheduler writes into a cell: fetch this, or record that
 * it is excluded.
 *
 * The order part of a cell is written by the scheduler alone, before its
 * first push, and holds the lease: with the scheduler dead its successor
 * reads its leases back from here.
 */
#ifndef LIB_MESSAGE_ORDER_H
#define LIB_MESSAGE_ORDER_H

#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/span.h"
#include "lib/message/listing.h"

enum order_kind {
	ORDER_PAGE,
	ORDER_ROBOTS,
	ORDER_SITEMAP,
	ORDER_KINDS
};

/* How a URL was found; the letters are those of Heritrix' hop path. */
enum link_kind {
	LINK_SEED,
	LINK_A,
	LINK_AREA,
	LINK_IFRAME,
	LINK_FRAME,
	LINK_NEXT,
	LINK_PREV,
	LINK_ALTERNATE,
	LINK_CANONICAL,
	LINK_REL, /* another rel that names a page: contents, index, up … */
	LINK_REFRESH, /* meta refresh, or the header */
	LINK_REDIRECT,
	LINK_SITEMAP, /* listed by a sitemap */
	/* What a page is shown with (setting `resources`). */
	LINK_IMAGE,
	LINK_SRCSET, /* one of several images to choose from */
	LINK_SCRIPT,
	LINK_STYLESHEET,
	LINK_MEDIA, /* video, audio, their tracks and posters */
	LINK_ICON,
	LINK_EMBED, /* embed, object, a picture to press */
	LINK_CSS,   /* url() or @import in a style */
	LINK_FORM,  /* a form that asks by GET (setting `forms`) */
	LINK_KINDS
};
const char *link_kind_name(unsigned kind);

struct order {
	uint64_t lap; /* +1 each time the cell leaves FREE */
	/* the lease: where the URL stands in the store */
	uint64_t site64;
	uint64_t url64;
	uint64_t qseq;
	uint8_t prio;

	uint8_t kind;   /* enum order_kind */
	uint8_t reason; /* enum reason; not NONE: excluded without a fetch */
	uint8_t found;  /* enum link_kind */
	uint8_t
	    is_short; /* times come back for want of memory or descriptors */
	uint8_t attempts; /* blame that the URL carries (protocol.md 7) */
	/* Sent to see whether our own network works again: that it does not
	 * is not the URL's fault. */
	uint8_t is_probe;
	uint16_t depth;
	uint16_t hops;      /* redirects that led here */
	uint16_t tries;     /* retries used up before this order */
	uint16_t waits;     /* times that 429 or 503 sent it back */
	uint32_t delay_ms;  /* the host's effective delay */
	int64_t ordered_ms; /* unix */

	/* A robots.txt that was redirected answers for this site; a sitemap is
	 * read for this one. */
	uint64_t for_site64;

	struct listing listed; /* of a page that a sitemap lists */

	struct span url;
	struct span via;   /* the page that linked here, or empty */
	struct span chain; /* the redirects that led here (chain.h) */
};

/* Bytes of a slot that takes any order whose URL is at most `max_url` long;
 * a via that does not fit is left out, and the oldest hops of a chain. */
size_t order_slot_size(size_t max_url);

/*
 * Encode into `slot`, lap last (release).  0; -EMSGSIZE: the URL does not
 * fit, nothing was written.
 */
MUST_USE int order_write(void *slot, size_t size, const struct order *order);

/* The lap in force; 0 in a slot never written. */
uint64_t order_lap(const void *slot);

/*
 * Decode; the spans point into `slot`.  Each length is read once and bounded.
 * 0; -EBADMSG: this is no order (the segment is corrupt).
 */
MUST_USE int order_read(const void *slot, size_t size, struct order *out);

#endif
