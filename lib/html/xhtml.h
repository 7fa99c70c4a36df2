/*
 * xhtml - XHTML made ready for a parser of HTML.
 *
 * XML lets any element end where it begins: <title/>, <script src="x"/>.  HTML
 * does not, and of those whose content is raw text it would read all the rest
 * of the page as such.  They are written out: <title></title>.
 */
#ifndef LIB_HTML_XHTML_H
#define LIB_HTML_XHTML_H

#include "lib/base/buf.h"

/*
 * *out is borrowed from `text` when there is nothing to write out, else from
 * `scratch`, which is used for nothing else meanwhile.
 * 0; -EMSGSIZE: more than scratch's limit; -ENOMEM.
 */
MUST_USE int xhtml_write_out(struct span text, struct buf *scratch,
    struct span *out);

#endif
