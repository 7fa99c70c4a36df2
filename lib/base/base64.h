/*
 * base64 - RFC 4648, section 4, decoded: bytes within JSON.
 */
#ifndef LIB_BASE_BASE64_H
#define LIB_BASE_BASE64_H

#include "lib/base/buf.h"

/*
 * Append what `text` stands for.  Padding may be left out; anything else that
 * is not of the alphabet, white space included, is refused.
 * 0; -EINVAL, -EMSGSIZE, -ENOMEM: nothing is appended.
 */
MUST_USE int base64_decode(struct span text, struct buf *out);

#endif
