#include "lib/url/media.h"

#include "lib/base/attr.h"

/* Extensions that mean one thing wherever they are met.  Those of programs
 * that write pages (php, asp, cgi, jsp, dll …) say nothing. */
/* clang-format off */
static const struct {
	const char *extension, *type;
} table[] = {
	{ "html", "text/html" },           { "htm", "text/html" },
	{ "shtml", "text/html" },          { "xhtml", "application/xhtml+xml" },
	{ "xht", "application/xhtml+xml" },
	{ "txt", "text/plain" },           { "css", "text/css" },
	{ "csv", "text/csv" },             { "tsv", "text/tab-separated-values" },
	{ "md", "text/markdown" },         { "ics", "text/calendar" },
	{ "vcf", "text/vcard" },           { "vtt", "text/vtt" },
	{ "js", "text/javascript" },       { "mjs", "text/javascript" },
	{ "json", "application/json" },    { "map", "application/json" },
	{ "jsonld", "application/ld+json" },
	{ "webmanifest", "application/manifest+json" },
	{ "xml", "application/xml" },      { "xsl", "application/xslt+xml" },
	{ "rss", "application/rss+xml" },  { "atom", "application/atom+xml" },
	{ "rdf", "application/rdf+xml" },  { "kml", "application/vnd.google-earth.kml+xml" },
	{ "wasm", "application/wasm" },

	{ "png", "image/png" },            { "apng", "image/apng" },
	{ "jpg", "image/jpeg" },           { "jpeg", "image/jpeg" },
	{ "jpe", "image/jpeg" },           { "jfif", "image/jpeg" },
	{ "gif", "image/gif" },            { "webp", "image/webp" },
	{ "avif", "image/avif" },          { "heic", "image/heic" },
	{ "svg", "image/svg+xml" },        { "svgz", "image/svg+xml" },
	{ "bmp", "image/bmp" },            { "ico", "image/vnd.microsoft.icon" },
	{ "tif", "image/tiff" },           { "tiff", "image/tiff" },
	{ "jxl", "image/jxl" },            { "jp2", "image/jp2" },
	{ "psd", "image/vnd.adobe.photoshop" },

	{ "mp3", "audio/mpeg" },           { "m4a", "audio/mp4" },
	{ "aac", "audio/aac" },            { "ogg", "audio/ogg" },
	{ "oga", "audio/ogg" },            { "opus", "audio/ogg" },
	{ "flac", "audio/flac" },          { "wav", "audio/wav" },
	{ "wma", "audio/x-ms-wma" },       { "mid", "audio/midi" },
	{ "midi", "audio/midi" },          { "aif", "audio/aiff" },
	{ "aiff", "audio/aiff" },          { "m3u", "audio/mpegurl" },

	{ "mp4", "video/mp4" },            { "m4v", "video/mp4" },
	{ "mpg", "video/mpeg" },           { "mpeg", "video/mpeg" },
	{ "webm", "video/webm" },          { "ogv", "video/ogg" },
	{ "mov", "video/quicktime" },      { "avi", "video/x-msvideo" },
	{ "wmv", "video/x-ms-wmv" },       { "flv", "video/x-flv" },
	{ "mkv", "video/matroska" },       { "3gp", "video/3gpp" },
	{ "m3u8", "application/vnd.apple.mpegurl" },

	{ "woff", "font/woff" },           { "woff2", "font/woff2" },
	{ "ttf", "font/ttf" },             { "otf", "font/otf" },
	{ "eot", "application/vnd.ms-fontobject" },

	{ "pdf", "application/pdf" },      { "ps", "application/postscript" },
	{ "eps", "application/postscript" },
	{ "rtf", "application/rtf" },      { "epub", "application/epub+zip" },
	{ "doc", "application/msword" },   { "dot", "application/msword" },
	{ "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document" },
	{ "xls", "application/vnd.ms-excel" },
	{ "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" },
	{ "ppt", "application/vnd.ms-powerpoint" },
	{ "pps", "application/vnd.ms-powerpoint" },
	{ "pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation" },
	{ "odt", "application/vnd.oasis.opendocument.text" },
	{ "ods", "application/vnd.oasis.opendocument.spreadsheet" },
	{ "odp", "application/vnd.oasis.opendocument.presentation" },
	{ "djvu", "image/vnd.djvu" },      { "swf", "application/x-shockwave-flash" },

	{ "zip", "application/zip" },      { "gz", "application/gzip" },
	{ "tgz", "application/gzip" },     { "bz2", "application/x-bzip2" },
	{ "tbz2", "application/x-bzip2" }, { "xz", "application/x-xz" },
	{ "txz", "application/x-xz" },     { "zst", "application/zstd" },
	{ "7z", "application/x-7z-compressed" },
	{ "rar", "application/vnd.rar" },  { "tar", "application/x-tar" },
	{ "jar", "application/java-archive" },
	{ "war", "application/java-archive" },
	{ "apk", "application/vnd.android.package-archive" },
	{ "exe", "application/vnd.microsoft.portable-executable" },
	{ "msi", "application/x-msi" },
	{ "dmg", "application/x-apple-diskimage" },
	{ "iso", "application/x-iso9660-image" },
	{ "deb", "application/vnd.debian.binary-package" },
	{ "rpm", "application/x-rpm" },    { "torrent", "application/x-bittorrent" },
};
/* clang-format on */

/* Of a type or subtype: RFC 9110's token, as HTML's "HTTP token code point". */
static bool
is_token(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = span_lower(s.ptr[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    memchr("!#$%&'*+-.^_`|~", c, 15) == NULL)
			return false;
	}
	return s.len > 0;
}

/* Cut at the '/'; false: there is none. */
static bool
halves(struct span s, struct span *type, struct span *subtype)
{
	const char *slash = memchr(s.ptr, '/', s.len);

	if (slash == NULL)
		return false;
	*type = span_of(s.ptr, (size_t)(slash - s.ptr));
	*subtype = span_from_at(s, type->len + 1);
	return true;
}

struct span
media_essence(struct span content_type)
{
	const char *end = content_type.len > 0
			      ? memchr(content_type.ptr, ';', content_type.len)
			      : NULL;
	struct span type, subtype;

	if (end != NULL)
		content_type.len = (size_t)(end - content_type.ptr);
	content_type = span_trim(content_type);
	if (content_type.len == 0 || !halves(content_type, &type, &subtype) ||
	    !is_token(type) || !is_token(subtype))
		return SPAN_NONE;
	return content_type;
}

struct span
media_of_path(struct span path)
{
	const char *slash = path.len ? memrchr(path.ptr, '/', path.len) : NULL;
	struct span name, extension;
	const char *dot;

	if (slash == NULL)
		return SPAN_NONE;
	name = span_from_at(path, (size_t)(slash + 1 - path.ptr));
	dot = name.len > 0 ? memrchr(name.ptr, '.', name.len) : NULL;
	if (dot == NULL || memchr(name.ptr, ':', name.len) != NULL)
		return SPAN_NONE;
	extension = span_from_at(name, (size_t)(dot + 1 - name.ptr));
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (span_eq_nocase(extension, span_from(table[i].extension)))
			return span_from(table[i].type);
	}
	return SPAN_NONE;
}

bool
media_is_pattern(struct span text)
{
	struct span type, subtype;

	if (!halves(text, &type, &subtype) || !is_token(type) ||
	    !is_token(subtype))
		return false;
	/* A '*' is all of a half: a part of one would be taken for more. */
	return (type.len == 1 || memchr(type.ptr, '*', type.len) == NULL) &&
	       (subtype.len == 1 ||
		   memchr(subtype.ptr, '*', subtype.len) == NULL) &&
	       (type.ptr[0] != '*' || subtype.ptr[0] == '*');
}

static bool
half_matches(struct span half, struct span pattern)
{
	return span_eq(pattern, SPAN("*")) || span_eq_nocase(half, pattern);
}

bool
media_matches(struct span type, struct span pattern)
{
	struct span one, two, want_one, want_two;

	return halves(type, &one, &two) &&
	       halves(pattern, &want_one, &want_two) &&
	       half_matches(one, want_one) && half_matches(two, want_two);
}
