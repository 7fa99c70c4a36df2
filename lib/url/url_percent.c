#include "lib/base/utf8.h"
#include "lib/url/url_percent_impl.h"

/* Each set of the Standard holds the one before it; the fragment's alone
 * stands aside. */
#define U   URL_IN_USERINFO
#define P   (URL_IN_PATH | U)
#define Q   (URL_IN_QUERY | URL_IN_SPECIAL_QUERY | P)
#define F   URL_IN_FRAGMENT
#define ALL (URL_IN_C0 | F | Q)
#define D   URL_BAD_DOMAIN
#define H   (URL_BAD_HOST | D)

/* clang-format off */
const uint16_t url_class[256] = {
	[0x00]          = ALL | H,
	[0x01 ... 0x08] = ALL | D,
	['\t']          = ALL | H,
	['\n']          = ALL | H,
	[0x0B ... 0x0C] = ALL | D,
	['\r']          = ALL | H,
	[0x0E ... 0x1F] = ALL | D,
	[' ']           = F | Q | H,
	['"']           = F | Q,
	['#']           = Q | H | URL_STOP,
	['%']           = D,
	['\'']          = URL_IN_SPECIAL_QUERY,
	['+']           = URL_SCHEME,
	['-']           = URL_SCHEME,
	['.']           = URL_SCHEME,
	['/']           = U | H | URL_STOP,
	['0' ... '9']   = URL_SCHEME,
	[':']           = U | H,
	[';']           = U,
	['<']           = F | Q | H,
	['=']           = U,
	['>']           = F | Q | H,
	['?']           = P | H | URL_STOP,
	['@']           = U | H,
	['A' ... 'Z']   = URL_SCHEME,
	['[']           = U | H,
	['\\']          = U | H | URL_BACKSLASH,
	[']']           = U | H,
	['^']           = P | H,
	['`']           = F | P,
	['a' ... 'z']   = URL_SCHEME,
	['{']           = P,
	['|']           = U | H,
	['}']           = P,
	[0x7F]          = ALL | D,
	[0x80 ... 0xFF] = ALL | D | URL_NON_ASCII,
};
/* clang-format on */

/* Append every byte of `s` as %XX. */
static int
add_escaped(struct buf *out, struct span s)
{
	static const char digits[] = "0123456789ABCDEF";
	char text[4 * 3];
	size_t len = 0;

	for (size_t i = 0; i < s.len; i++) {
		uint8_t byte = (uint8_t)s.ptr[i];

		text[len++] = '%';
		text[len++] = digits[byte >> 4];
		text[len++] = digits[byte & 15];
	}
	return buf_add(out, text, len);
}

int
url_percent_encode(struct buf *out, struct span s, unsigned set)
{
	size_t at = 0;
	int r = 0;

	while (r == 0 && at < s.len) {
		size_t clean = at, len;
		bool ok;

		while (at < s.len && !(url_class_of(s.ptr[at]) & set))
			at++;
		r = buf_add(out, s.ptr + clean, at - clean);
		if (r < 0 || at == s.len)
			break;
		utf8_decode(span_from_at(s, at), &len, &ok);
		r = ok ? add_escaped(out, span_of(s.ptr + at, len))
		       : buf_add_span(out, SPAN("%EF%BF%BD"));
		at += len;
	}
	return r;
}

int
url_percent_decode(struct buf *out, struct span s)
{
	size_t at = 0;
	int r = 0;

	while (r == 0 && at < s.len) {
		char c = s.ptr[at++];

		if (c == '%' && s.len - at >= 2 && url_hex(s.ptr[at]) >= 0 &&
		    url_hex(s.ptr[at + 1]) >= 0) {
			c = (char)(url_hex(s.ptr[at]) << 4 |
				   url_hex(s.ptr[at + 1]));
			at += 2;
		}
		r = buf_add_char(out, c);
	}
	return r;
}
