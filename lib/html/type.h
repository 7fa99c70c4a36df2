/*
 * type - what a body is: by its Content-Type, and by its first bytes where
 * that is missing or plainly wrong.
 *
 * After the WHATWG MIME Sniffing Standard (https://mimesniff.spec.whatwg.org/)
 * for what has no type.  Unlike it, a body that begins as a picture, a PDF or
 * an archive is that whatever its type says: there are no links in it, and a
 * tree of it would be large.
 */
#ifndef LIB_HTML_TYPE_H
#define LIB_HTML_TYPE_H

#include "lib/base/attr.h"
#include "lib/base/span.h"

enum type_kind {
	TYPE_BINARY,
	TYPE_TEXT,
	TYPE_HTML,
};

struct type {
	enum type_kind kind;
	const char *mime; /* as detected; NULL: unknown */
};

struct type type_decide(struct span content_type, struct span body);

/* "text/html" of `text/html; charset=utf-8`. */
struct span type_essence(struct span content_type);
/* The value of its parameter, without quotes; empty: none. */
struct span type_parameter(struct span content_type, struct span name);

#endif
