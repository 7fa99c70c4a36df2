/*
 * charset_guess - what a page is written in of which nobody says it: no byte
 * order mark, no header, no meta, and its bytes are not UTF-8.
 *
 * Where the HTML Standard lets a browser guess from the bytes (13.2.3.2, the
 * step before the default), uchardet is asked.  Its answer is believed when
 * the bytes are enough to tell, and turn into text without one that is broken
 * or a control character.
 */
#ifndef LIB_HTML_CHARSET_GUESS_H
#define LIB_HTML_CHARSET_GUESS_H

#include "lib/html/charset.h"

/*
 * At most 16 KiB are read, from the first byte on that is not ASCII; of these
 * at least 32 have to be none.  *out is CHARSET_NONE when nothing is believed.
 * 0 or -ENOMEM.
 */
MUST_USE int charset_guess(struct charset_decoder *dec, struct span bytes,
    enum charset *out);

#endif
