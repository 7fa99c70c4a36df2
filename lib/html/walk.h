/*
 * walk - the reader that feeds a collector from gumbo's tree.
 *
 * It walks on a stack of its own, not on the processor's: how deep a page is
 * decides nothing but what is read of it.
 */
#ifndef LIB_HTML_WALK_H
#define LIB_HTML_WALK_H

#include <gumbo.h>

#include "lib/html/collector.h"

struct walk;
/* `depth`: elements nested deeper are left out.  NULL: no memory. */
struct walk *walk_new(uint32_t depth);
void walk_free(struct walk *walk);

/*
 * Feed everything below `root` that is in the document: what is in a
 * <template> is not; what is in <noscript> is, because we run no scripts.
 * False: something was deeper than the limit.
 */
bool walk_run(struct walk *walk, const GumboNode *root, struct collector *c);

#endif
