#include <errno.h>
#include <unicode/uidna.h>

#include "lib/url/url.h"
#include "lib/url/url_idna_impl.h"

enum {
	OPTIONS = UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ |
		  UIDNA_NONTRANSITIONAL_TO_ASCII,
	/* VerifyDnsLength and CheckHyphens are false in the Standard; ICU
	 * always tells of them. */
	IGNORED = UIDNA_ERROR_EMPTY_LABEL | UIDNA_ERROR_LABEL_TOO_LONG |
		  UIDNA_ERROR_DOMAIN_NAME_TOO_LONG |
		  UIDNA_ERROR_LEADING_HYPHEN | UIDNA_ERROR_TRAILING_HYPHEN |
		  UIDNA_ERROR_HYPHEN_3_4,
};

/* Nearly every answer fits at once; one that does not is asked for again. */
#define ROOM_FIRST 256

static int
errno_of(UErrorCode code)
{
	if (U_SUCCESS(code))
		return 0;
	if (code == U_MEMORY_ALLOCATION_ERROR)
		return -ENOMEM;
	/* A label beyond what its Punycode takes in reasonable time. */
	return code == U_INPUT_TOO_LONG_ERROR ? -EMSGSIZE : -EINVAL;
}

/* Append what `idna` makes of `domain`. */
static int
add_ascii(const UIDNA *idna, struct span domain, struct buf *out)
{
	int32_t room = ROOM_FIRST, len;
	UIDNAInfo info;
	UErrorCode code;

	do {
		char *to = buf_room(out, (size_t)room);

		if (to == NULL)
			return out->limit - out->len < (size_t)room ? -EMSGSIZE
								    : -ENOMEM;
		info = (UIDNAInfo)UIDNA_INFO_INITIALIZER;
		code = U_ZERO_ERROR;
		len = uidna_nameToASCII_UTF8(idna, domain.ptr,
		    (int32_t)domain.len, to, room, &info, &code);
		if (code != U_BUFFER_OVERFLOW_ERROR || len <= room)
			break;
		room = len;
	} while (true);
	if (U_FAILURE(code))
		return errno_of(code);
	if (info.errors & ~(uint32_t)IGNORED)
		return -EINVAL;
	out->len += (size_t)len;
	return 0;
}

/*
 * An ICU object each time: it is a tenth of what the conversion takes, since
 * ICU keeps its tables, and so no parser and no process has one to look after.
 */
int
url_idna_to_ascii(struct buf *out, size_t at)
{
	char domain[URL_IDNA_MAX];
	size_t len = out->len - at;
	UErrorCode code = U_ZERO_ERROR;
	UIDNA *idna;
	int r;

	if (len > sizeof(domain))
		return -EMSGSIZE;
	memcpy(domain, out->ptr + at, len);
	out->len = at;
	idna = uidna_openUTS46(OPTIONS, &code);
	r = errno_of(code);
	if (r == 0)
		r = add_ascii(idna, span_of(domain, len), out);
	uidna_close(idna);
	return r;
}
