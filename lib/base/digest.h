/*
 * digest - the name of bytes: "sha1:" and base32 in upper case (RFC 4648,
 * section 6), as WARC and CDX files write it.
 */
#ifndef LIB_BASE_DIGEST_H
#define LIB_BASE_DIGEST_H

#include "lib/base/attr.h"
#include "lib/base/span.h"

/* "sha1:", 160 bits at 5 a letter, and a NUL. */
#define DIGEST_SHA1_TEXT (5 + 32 + 1)

/*
 * Write the NUL-terminated name of `bytes` into `out`.
 * 0; -ENOMEM; -ENOTSUP: this libcrypto is configured without SHA-1.
 */
MUST_USE int digest_sha1(struct span bytes, char out[DIGEST_SHA1_TEXT]);

#endif
