#include "lib/base/utf8.h"

#include <string.h>

/* One row per range of first bytes: what follows it (Unicode table 3-7). */
struct lead {
	uint8_t more;      /* continuation bytes */
	uint8_t low, high; /* limits of the first of them */
	uint8_t bits;      /* of the first byte that count */
};

static struct lead
lead_of(uint8_t b)
{
	if (b >= 0xC2 && b <= 0xDF)
		return (struct lead){ 1, 0x80, 0xBF, 0x1F };
	if (b == 0xE0)
		return (struct lead){ 2, 0xA0, 0xBF, 0x0F };
	if (b == 0xED) /* no surrogates */
		return (struct lead){ 2, 0x80, 0x9F, 0x0F };
	if (b >= 0xE1 && b <= 0xEF)
		return (struct lead){ 2, 0x80, 0xBF, 0x0F };
	if (b == 0xF0)
		return (struct lead){ 3, 0x90, 0xBF, 0x07 };
	if (b >= 0xF1 && b <= 0xF3)
		return (struct lead){ 3, 0x80, 0xBF, 0x07 };
	if (b == 0xF4)
		return (struct lead){ 3, 0x80, 0x8F, 0x07 };
	return (struct lead){ 0, 0, 0, 0 };
}

uint32_t
utf8_decode(struct span s, size_t *len, bool *ok)
{
	const uint8_t *p = (const uint8_t *)s.ptr;
	struct lead lead;
	uint32_t cp;
	size_t i;

	*len = 1;
	if (ok != NULL)
		*ok = true;
	if (p[0] < 0x80)
		return p[0];
	lead = lead_of(p[0]);
	cp = p[0] & lead.bits;
	for (i = 1; i <= lead.more && i < s.len; i++) {
		uint8_t low = i == 1 ? lead.low : 0x80;
		uint8_t high = i == 1 ? lead.high : 0xBF;

		if (p[i] < low || p[i] > high)
			break;
		cp = cp << 6 | (p[i] & 0x3F);
	}
	if (lead.more > 0 && i == (size_t)lead.more + 1) {
		*len = i;
		return cp;
	}
	*len = i;
	if (ok != NULL)
		*ok = false;
	return UTF8_REPLACEMENT;
}

size_t
utf8_encode(uint32_t cp, char *out)
{
	if (cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF))
		cp = UTF8_REPLACEMENT;
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xC0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3F));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (char)(0xE0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3F));
		out[2] = (char)(0x80 | (cp & 0x3F));
		return 3;
	}
	out[0] = (char)(0xF0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3F));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3F));
	out[3] = (char)(0x80 | (cp & 0x3F));
	return 4;
}

size_t
utf8_valid_prefix(struct span s)
{
	size_t at = 0;

	while (at < s.len) {
		uint64_t word;
		size_t len;
		bool ok;

		/* Eight ASCII bytes at a time: most text is that. */
		while (s.len - at >= sizeof(word)) {
			memcpy(&word, s.ptr + at, sizeof(word));
			if (word & 0x8080808080808080u)
				break;
			at += sizeof(word);
		}
		if (at == s.len)
			break;
		utf8_decode(span_from_at(s, at), &len, &ok);
		if (!ok)
			break;
		at += len;
	}
	return at;
}
