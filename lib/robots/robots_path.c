#include "lib/robots/robots_impl.h"

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = span_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * Does this byte mean the same whether encoded or not?  Not so what RFC 3986
 * reserves: "/a%2Fb" is another path than "/a/b".  Of that set three are
 * taken out: '*' and '$', because %2A and %24 are how a pattern names the
 * characters themselves, and the apostrophe, which a URL parser encodes in a
 * query and leaves alone in a path.
 */
static bool
same_when_encoded(unsigned char c)
{
	return c != 0 && strchr(":/?#[]@!&()+,;=%", c) == NULL;
}

/* Must a URL encode it? */
static bool
is_encoded_in_urls(unsigned char c)
{
	return c <= 0x20 || c >= 0x7f || strchr("\"<>\\^`{|}", c) != NULL;
}

size_t
robots_path_next(struct span *rest, char out[3], unsigned *octets)
{
	unsigned char c = (unsigned char)rest->ptr[0];
	int high, low;

	if (c == '%' && rest->len >= 3) {
		high = hex(rest->ptr[1]);
		low = hex(rest->ptr[2]);
		if (high >= 0 && low >= 0) {
			c = (unsigned char)(high << 4 | low);
			*rest = span_from_at(*rest, 3);
			if (same_when_encoded(c)) {
				out[0] = (char)c;
				*octets = is_encoded_in_urls(c) ? 3 : 1;
				return 1;
			}
			out[0] = '%';
			out[1] = "0123456789ABCDEF"[high];
			out[2] = "0123456789ABCDEF"[low];
			*octets = 3;
			return 3;
		}
	}
	*rest = span_from_at(*rest, 1);
	out[0] = (char)c;
	*octets = is_encoded_in_urls(c) ? 3 : 1;
	return 1;
}
