#include "lib/base/digest.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdint.h>

enum {
	SHA1_BYTES = 20
};
static_assert(SHA1_BYTES % 5 == 0, "base32 without padding");

/* Five bytes are eight letters. */
static void
base32(const unsigned char *bytes, size_t len, char *out)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

	for (size_t i = 0; i < len; i += 5) {
		uint64_t bits = 0;

		for (size_t j = 0; j < 5; j++)
			bits = bits << 8 | bytes[i + j];
		for (int shift = 35; shift >= 0; shift -= 5)
			*out++ = letters[bits >> shift & 31];
	}
}

int
digest_sha1(struct span bytes, char out[DIGEST_SHA1_TEXT])
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (EVP_Digest(bytes.ptr, bytes.len, md, &len, EVP_sha1(), NULL) != 1) {
		unsigned long code = ERR_peek_error();

		ERR_clear_error();
		return ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE ? -ENOMEM
								    : -ENOTSUP;
	}
	must(len == SHA1_BYTES);
	memcpy(out, "sha1:", 5);
	base32(md, SHA1_BYTES, out + 5);
	out[DIGEST_SHA1_TEXT - 1] = '\0';
	return 0;
}
