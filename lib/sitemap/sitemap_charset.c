/*
 * Encodings that expat does not know itself (it knows UTF-8, UTF-16, Latin-1
 * and ASCII), by iconv: those of one byte, and those whose first byte tells
 * the length.
 */
#include <errno.h>
#include <iconv.h>
#include <strings.h>

#include "lib/sitemap/sitemap_impl.h"

enum {
	SEQUENCE_MAX = 3
};

struct sequences {
	iconv_t iconv;
	uint8_t lengths[256];
};

/* Names as files write them, and as iconv does; the superset where the
 * Encoding Standard takes it.  An encoding with states is not of the list. */
static const struct {
	const char *name, *iconv;
} encodings[] = {
	{ "windows-1250", "CP1250" },
	{ "windows-1251", "CP1251" },
	{ "windows-1252", "CP1252" },
	{ "windows-1253", "CP1253" },
	{ "windows-1254", "CP1254" },
	{ "windows-1255", "CP1255" },
	{ "windows-1256", "CP1256" },
	{ "windows-1257", "CP1257" },
	{ "windows-1258", "CP1258" },
	{ "cp1250", "CP1250" },
	{ "cp1251", "CP1251" },
	{ "cp1252", "CP1252" },
	{ "iso-8859-2", "ISO-8859-2" },
	{ "iso-8859-3", "ISO-8859-3" },
	{ "iso-8859-4", "ISO-8859-4" },
	{ "iso-8859-5", "ISO-8859-5" },
	{ "iso-8859-6", "ISO-8859-6" },
	{ "iso-8859-7", "ISO-8859-7" },
	{ "iso-8859-8", "ISO-8859-8" },
	{ "iso-8859-9", "CP1254" },
	{ "iso-8859-10", "ISO-8859-10" },
	{ "iso-8859-13", "ISO-8859-13" },
	{ "iso-8859-14", "ISO-8859-14" },
	{ "iso-8859-15", "ISO-8859-15" },
	{ "iso-8859-16", "ISO-8859-16" },
	{ "latin1", "CP1252" },
	{ "koi8-r", "KOI8-R" },
	{ "koi8-u", "KOI8-U" },
	{ "tis-620", "CP874" },
	{ "windows-874", "CP874" },
	{ "gb2312", "GBK" },
	{ "gbk", "GBK" },
	{ "gb18030", "GBK" }, /* but for its sequences of four bytes */
	{ "big5", "BIG5-HKSCS" },
	{ "euc-kr", "CP949" },
	{ "ks_c_5601-1987", "CP949" },
	{ "shift_jis", "CP932" },
	{ "sjis", "CP932" },
	{ "euc-jp", "EUC-JP" },
	{ "utf8", "UTF-8" },
};

/* The code point of a sequence; -1 none, -2 more bytes are needed. */
static int
code_point(iconv_t iconv_to, const char *bytes, size_t len)
{
	char *in = (char *)(uintptr_t)bytes;
	uint32_t out[2];
	char *to = (char *)out;
	size_t room = sizeof(out);

	iconv(iconv_to, NULL, NULL, NULL, NULL);
	if (iconv(iconv_to, &in, &len, &to, &room) == (size_t)-1)
		return errno == EINVAL ? -2 : -1;
	/* A base and a mark, of Big5: what expat asks for is one. */
	return room == sizeof(out) - sizeof(out[0]) ? (int)out[0] : -1;
}

static int
convert(void *data, const char *bytes)
{
	struct sequences *s = data;
	int cp = code_point(s->iconv, bytes, s->lengths[(uint8_t)bytes[0]]);

	return cp >= 0 ? cp : -1;
}

static void
release(void *data)
{
	struct sequences *s = data;

	iconv_close(s->iconv);
	free(s);
}

/* How long is a sequence that begins with this byte?  In expat's map: a code
 * point, or -2, -3; -1 none begins so. */
static int
begins(iconv_t iconv_to, uint8_t byte)
{
	char bytes[SEQUENCE_MAX] = { (char)byte, (char)0xB0, (char)0xB0 };
	int cp = code_point(iconv_to, bytes, 1);

	if (cp != -2)
		return cp;
	return code_point(iconv_to, bytes, 2) == -2 ? -3 : -2;
}

int
sitemap_charset(void *no_memory, const XML_Char *name, XML_Encoding *out)
{
	const char *known = NULL;
	struct sequences *s;

	for (size_t i = 0; i < ARRAY_LEN(encodings); i++) {
		if (strcasecmp(encodings[i].name, name) == 0)
			known = encodings[i].iconv;
	}
	if (known == NULL)
		return XML_STATUS_ERROR;
	s = calloc(1, sizeof(*s));
	if (s != NULL)
		s->iconv = iconv_open("UTF-32LE", known);
	if (s == NULL || s->iconv == (iconv_t)-1) {
		/* The table names none that iconv has not. */
		*(bool *)no_memory = true;
		free(s);
		return XML_STATUS_ERROR;
	}
	for (int i = 0; i < 256; i++) {
		int map = begins(s->iconv, (uint8_t)i);

		/* expat wants ASCII to be that. */
		out->map[i] = i < 128 ? i : map;
		s->lengths[i] = (uint8_t)(map < -1 ? -map : 1);
	}
	out->data = s;
	out->convert = convert;
	out->release = release;
	return XML_STATUS_OK;
}
