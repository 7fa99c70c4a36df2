/*
 * titles - the posts that a list page of a blog names.
 */
#ifndef CMD_DEMO_TITLES_H
#define CMD_DEMO_TITLES_H

#include "lib/base/buf.h"

/* Append "href<tab>text\n" of each a.post-item-title of `page`.  How many. */
unsigned titles_of(struct span page, struct buf *out);

#endif
