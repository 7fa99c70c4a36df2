/*
 * site - the registrable domain of a host, by the Public Suffix List: what
 * one owner holds ("bbc.co.uk" of "news.bbc.co.uk").
 */
#ifndef LIB_URL_SITE_H
#define LIB_URL_SITE_H

#include "lib/base/attr.h"
#include "lib/base/span.h"

/*
 * Sets *out to the registrable domain at the end of `host`, a slice of it;
 * a dot at the very end is left out.  Letters may be of either case, labels
 * A-labels or U-labels.
 *
 * False, and *out is left alone: an address, a public suffix itself
 * ("co.uk", "localhost"), a name with an empty label or longer than DNS
 * allows, or no list is at hand.
 */
MUST_USE bool site_registrable(struct span host, struct span *out);

#endif
