/*
 * media - media types ("image/png"): of a response's header, and what the
 * extension of a path lets expect.
 */
#ifndef LIB_URL_MEDIA_H
#define LIB_URL_MEDIA_H

#include <stdbool.h>

#include "lib/base/span.h"

/* "text/html" of "text/html; charset=utf-8"; empty: it is none. */
struct span media_essence(struct span content_type);

/*
 * What is behind a URL's path, by a table of extensions in media.c; empty:
 * nobody can tell.  A last segment with a ':' in it is a page about a file
 * ("/wiki/File:Cat.jpg"), not the file.
 */
struct span media_of_path(struct span path);

/* TYPE/SUBTYPE, either of them '*'. */
bool media_is_pattern(struct span text);
/* Is `type`, in any case, of `pattern`, in lower case? */
bool media_matches(struct span type, struct span pattern);

#endif
