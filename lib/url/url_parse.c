#include <errno.h>

#include "lib/url/url_host_impl.h"
#include "lib/url/url_impl.h"
#include "lib/url/url_percent_impl.h"

/*
 * The Standard's state machine steps per code point; here each state is a
 * function that takes the whole of its part from `p`, writes it behind what
 * `out` holds already and ends by calling the state that follows it.
 */
struct parse {
	const char *p;
	const char *end;
	const struct url *base;
	struct url *url;
	struct buf *out;                       /* &url->href */
	const struct url_scheme_entry *scheme; /* NULL: not special */
	bool file;
};

static uint32_t
here(const struct parse *ps)
{
	return (uint32_t)ps->out->len;
}

/* The character at `p`, or 0 at the end: no NUL is looked for. */
static char
peek(const struct parse *ps)
{
	return ps->p < ps->end ? *ps->p : '\0';
}

static bool
at_slash(const struct parse *ps)
{
	return peek(ps) == '/' || (ps->scheme && peek(ps) == '\\');
}

static bool
at_path_end(const struct parse *ps)
{
	return ps->p == ps->end || *ps->p == '?' || *ps->p == '#';
}

/* The rest of the input up to where a path segment or an authority ends. */
static struct span
until_stop(const struct parse *ps)
{
	unsigned stop = URL_STOP | (ps->scheme ? URL_BACKSLASH : 0);
	const char *p = ps->p;

	while (p < ps->end && !(url_class_of(*p) & stop))
		p++;
	return span_of(ps->p, (size_t)(p - ps->p));
}

static bool
letter(char c)
{
	c |= 0x20;
	return c >= 'a' && c <= 'z';
}

static bool
drive_letter(struct span s)
{
	return s.len == 2 && letter(s.ptr[0]) &&
	       (s.ptr[1] == ':' || s.ptr[1] == '|');
}

static bool
starts_with_drive(const struct parse *ps)
{
	return ps->end - ps->p >= 2 && drive_letter(span_of(ps->p, 2)) &&
	       (ps->end - ps->p == 2 || memchr("/\\?#", ps->p[2], 4) != NULL);
}

/* "/C:", and nothing or a '/' behind it. */
static bool
path_has_drive(struct span path)
{
	return path.len >= 3 && drive_letter(span_of(path.ptr + 1, 2)) &&
	       path.ptr[2] == ':' && (path.len == 3 || path.ptr[3] == '/');
}

/* Query and fragment: the end of every URL. */
static int
parse_tail(struct parse *ps)
{
	struct span rest = { ps->p, (size_t)(ps->end - ps->p) };
	int r = 0;

	if (rest.len > 0 && rest.ptr[0] == '?') {
		const char *hash = memchr(rest.ptr, '#', rest.len);
		size_t len = hash ? (size_t)(hash - rest.ptr) : rest.len;

		ps->url->query_start = here(ps);
		r = buf_add_char(ps->out, '?');
		if (r == 0)
			r = url_percent_encode(ps->out,
			    span_of(rest.ptr + 1, len - 1),
			    ps->scheme ? URL_IN_SPECIAL_QUERY : URL_IN_QUERY);
		rest = span_from_at(rest, len);
	}
	if (r == 0 && rest.len > 0) {
		ps->url->fragment_start = here(ps);
		r = buf_add_char(ps->out, '#');
		if (r == 0)
			r = url_percent_encode(ps->out, span_from_at(rest, 1),
			    URL_IN_FRAGMENT);
	}
	return r;
}

int
url_dots(struct span s)
{
	int dots = 0;

	if (s.len == 0 || s.len > 6 || (s.ptr[0] != '.' && s.ptr[0] != '%'))
		return 0;
	while (s.len > 0) {
		if (s.ptr[0] == '.')
			s = span_from_at(s, 1);
		else if (s.len >= 3 &&
			 span_eq_nocase(span_of(s.ptr, 3), SPAN("%2e")))
			s = span_from_at(s, 3);
		else
			return 0;
		dots++;
	}
	return dots <= 2 ? dots : 0;
}

/* Take the last segment off the path; a drive stays. */
static void
shorten_path(struct parse *ps)
{
	struct span path = span_from_at(buf_span(ps->out), ps->url->path_start);
	const char *slash;

	if (path.len == 0 ||
	    (ps->file && path.len == 3 && path_has_drive(path)))
		return;
	slash = memrchr(path.ptr, '/', path.len);
	ps->out->len = (size_t)(slash - ps->out->ptr);
}

static int
add_segment(struct parse *ps, struct span segment)
{
	struct buf *out = ps->out;
	bool first = out->len == ps->url->path_start;
	int r = buf_add_char(out, '/');

	if (r == 0)
		r = url_percent_encode(out, segment, URL_IN_PATH);
	if (r == 0 && first && ps->file && drive_letter(segment)) {
		/* '|' is not encoded in a path. */
		out->ptr[out->len - 1] = ':';
	}
	return r;
}

/*
 * A URL without a host whose path starts with "//" would be read back as one
 * with a host: the Standard's serialiser puts "/." in front of such a path.
 */
static int
guard_path(struct parse *ps)
{
	size_t at = ps->url->path_start;
	struct buf *out = ps->out;
	int r;

	if (ps->url->has_host ||
	    !span_starts(span_from_at(buf_span(out), at), SPAN("//")))
		return 0;
	r = buf_add_span(out, SPAN("/."));
	if (r < 0)
		return r;
	memmove(out->ptr + at + 2, out->ptr + at, out->len - at - 2);
	memcpy(out->ptr + at, "/.", 2);
	ps->url->path_start += 2;
	return 0;
}

/* Segments from `p`, which is behind the slash of the first of them. */
static int
parse_path(struct parse *ps)
{
	bool more;
	int r;

	do {
		struct span segment = until_stop(ps);
		int dots = url_dots(segment);

		ps->p += segment.len;
		more = !at_path_end(ps);
		if (more)
			ps->p++;
		r = 0;
		if (dots == 2)
			shorten_path(ps);
		if (dots == 0)
			r = add_segment(ps, segment);
		else if (!more) /* what names a folder ends with a slash */
			r = buf_add_char(ps->out, '/');
	} while (r == 0 && more);
	if (r == 0)
		r = guard_path(ps);
	return r < 0 ? r : parse_tail(ps);
}

/* The scheme is written; the path is a text of its own ("mailto:a@b"). */
static int
parse_opaque_path(struct parse *ps)
{
	struct url *url = ps->url;
	const char *start = ps->p;
	bool space;
	int r;

	url->opaque_path = true;
	url->username_end = url->host_start = here(ps);
	url->host_end = url->path_start = here(ps);
	while (!at_path_end(ps))
		ps->p++;
	/* A space at the end would be lost when read back without the rest. */
	space = ps->p > start && ps->p < ps->end && ps->p[-1] == ' ';
	r = url_percent_encode(ps->out,
	    span_of(start, (size_t)(ps->p - start) - space), URL_IN_C0);
	if (r == 0 && space)
		r = buf_add_span(ps->out, SPAN("%20"));
	return r < 0 ? r : parse_tail(ps);
}

/* The path begins, or there is none; a special URL always has one. */
static int
parse_path_start(struct parse *ps)
{
	ps->url->path_start = here(ps);
	if (at_slash(ps))
		ps->p++;
	else if (ps->scheme == NULL)
		return parse_tail(ps);
	return parse_path(ps);
}

static int
parse_credentials(struct parse *ps, struct span given)
{
	const char *colon = memchr(given.ptr, ':', given.len);
	size_t user_len = colon ? (size_t)(colon - given.ptr) : given.len;
	struct span password = span_from_at(given, user_len + 1);
	int r;

	r = url_percent_encode(ps->out, span_of(given.ptr, user_len),
	    URL_IN_USERINFO);
	ps->url->username_end = here(ps);
	if (r == 0 && password.len > 0) {
		r = buf_add_char(ps->out, ':');
		if (r == 0)
			r = url_percent_encode(ps->out, password,
			    URL_IN_USERINFO);
	}
	ps->url->host_start = here(ps);
	if (r == 0 && (user_len > 0 || password.len > 0))
		r = buf_add_char(ps->out, '@');
	return r;
}

/* `text` is what stands behind the colon; it may be empty. */
static int
parse_port(struct parse *ps, struct span text)
{
	int32_t port = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return -EINVAL;
		port = port * 10 + (text.ptr[i] - '0');
		if (port > UINT16_MAX)
			return -EINVAL;
	}
	if (text.len == 0 || (ps->scheme && ps->scheme->port == port))
		return 0;
	ps->url->port = port;
	return buf_printf(ps->out, ":%d", (int)port);
}

/* How much of `s` is the host; the colons in brackets belong to it. */
static size_t
host_length(struct span s)
{
	bool brackets = false;
	size_t i;

	for (i = 0; i < s.len; i++) {
		if (s.ptr[i] == '[')
			brackets = true;
		else if (s.ptr[i] == ']')
			brackets = false;
		else if (s.ptr[i] == ':' && !brackets)
			break;
	}
	return i;
}

/* The scheme and its colon are written; `p` is behind the two slashes. */
static int
parse_authority(struct parse *ps)
{
	struct span all = until_stop(ps), host = all;
	const char *at = memrchr(all.ptr, '@', all.len);
	struct url *url = ps->url;
	int r;

	ps->p += all.len;
	url->has_host = true;
	r = buf_add_span(ps->out, SPAN("//"));
	url->username_end = url->host_start = here(ps);
	if (r == 0 && at != NULL) {
		size_t len = (size_t)(at - all.ptr);

		host = span_from_at(all, len + 1);
		r = parse_credentials(ps, span_of(all.ptr, len));
	}
	if (r < 0)
		return r;
	all = host;
	host.len = host_length(all);
	if (host.len > 0)
		r = url_host_parse(host, ps->scheme != NULL, ps->out);
	else if (ps->scheme || at || host.len < all.len)
		r = -EINVAL; /* only "x://" may do without */
	url->host_end = here(ps);
	if (r == 0)
		r = parse_port(ps, span_from_at(all, host.len + 1));
	return r < 0 ? r : parse_path_start(ps);
}

/* In special URLs any number of slashes, of both kinds, comes first. */
static int
parse_special_authority(struct parse *ps)
{
	while (at_slash(ps))
		ps->p++;
	return parse_authority(ps);
}

/* Begin with the first `len` bytes of the base, and what is known of them. */
static int
copy_base(struct parse *ps, uint32_t len)
{
	const struct url *base = ps->base;
	struct buf href = ps->url->href, scratch = ps->url->scratch;

	*ps->url = *base;
	ps->url->href = href;
	ps->url->scratch = scratch;
	ps->url->fragment_start = URL_NOWHERE;
	if (base->query_start != URL_NOWHERE && len <= base->query_start)
		ps->url->query_start = URL_NOWHERE;
	buf_clear(ps->out);
	return buf_add(ps->out, base->href.ptr, len);
}

static int
copy_base_authority(struct parse *ps)
{
	int r = copy_base(ps, url_authority_end(ps->base));

	ps->url->path_start = here(ps);
	return r;
}

/* Nothing but a query, a fragment or nothing is given. */
static int
parse_same_path(struct parse *ps)
{
	uint32_t len = peek(ps) == '?' ? url_path_end(ps->base)
				       : url_bare_end(ps->base);
	int r = copy_base(ps, len);

	return r < 0 ? r : parse_tail(ps);
}

/* A path that continues the base's. */
static int
parse_relative_path(struct parse *ps)
{
	int r = copy_base_authority(ps);

	if (r == 0)
		r = buf_add_span(ps->out, url_path(ps->base));
	if (r < 0)
		return r;
	shorten_path(ps);
	return parse_path(ps);
}

static int
parse_relative(struct parse *ps)
{
	int r;

	if (at_path_end(ps))
		return parse_same_path(ps);
	if (!at_slash(ps))
		return parse_relative_path(ps);
	ps->p++;
	if (at_slash(ps)) {
		r = copy_base(ps, ps->base->scheme_end + 1);
		ps->url->port = -1;
		if (r < 0)
			return r;
		if (ps->scheme)
			return parse_special_authority(ps);
		ps->p++;
		return parse_authority(ps);
	}
	r = copy_base_authority(ps);
	return r < 0 ? r : parse_path(ps);
}

static int
begin_file(struct parse *ps)
{
	struct url *url = ps->url;
	int r;

	buf_clear(ps->out);
	r = buf_add_span(ps->out, SPAN("file://"));
	url->scheme_end = sizeof("file") - 1;
	url->username_end = url->host_start = url->host_end = here(ps);
	url->path_start = here(ps);
	url->special = url->has_host = true;
	return r;
}

/* `p` is behind "file://". */
static int
parse_file_host(struct parse *ps)
{
	struct span host = until_stop(ps);
	int r = begin_file(ps);

	if (r < 0)
		return r;
	/* "file://c:/x": no host, but the path's first segment. */
	if (drive_letter(host))
		return parse_path(ps);
	if (host.len > 0)
		r = url_host_parse(host, true, ps->out);
	ps->p += host.len;
	if (r < 0)
		return r;
	if (span_eq(span_from_at(buf_span(ps->out), ps->url->host_start),
		SPAN("localhost")))
		ps->out->len = ps->url->host_start;
	ps->url->host_end = here(ps);
	return parse_path_start(ps);
}

/* `p` is behind the one slash of "file:/". */
static int
parse_file_slash(struct parse *ps, const struct url *base)
{
	int r;

	if (base == NULL) {
		r = begin_file(ps);
		return r < 0 ? r : parse_path(ps);
	}
	r = copy_base_authority(ps);
	if (r == 0 && !starts_with_drive(ps) && path_has_drive(url_path(base)))
		r = buf_add(ps->out, url_path(base).ptr, 3);
	return r < 0 ? r : parse_path(ps);
}

static int
parse_file(struct parse *ps)
{
	const struct url *base = ps->base;
	int r;

	if (base != NULL && !span_eq(url_scheme(base), SPAN("file")))
		base = NULL;
	if (at_slash(ps)) {
		ps->p++;
		if (!at_slash(ps))
			return parse_file_slash(ps, base);
		ps->p++;
		return parse_file_host(ps);
	}
	if (base == NULL) {
		r = begin_file(ps);
		return r < 0 ? r : parse_path(ps);
	}
	if (at_path_end(ps))
		return parse_same_path(ps);
	if (!starts_with_drive(ps))
		return parse_relative_path(ps);
	r = copy_base_authority(ps);
	return r < 0 ? r : parse_path(ps);
}

static int
parse_no_scheme(struct parse *ps)
{
	const struct url *base = ps->base;

	if (base == NULL || (base->opaque_path && peek(ps) != '#'))
		return -EINVAL;
	ps->scheme = base->special ? url_special_scheme(url_scheme(base))
				   : NULL;
	ps->file = ps->scheme && span_eq(ps->scheme->name, SPAN("file"));
	if (base->opaque_path)
		return parse_same_path(ps);
	return ps->file ? parse_file(ps) : parse_relative(ps);
}

/* The scheme is written, and `p` is behind its colon. */
static int
parse_after_scheme(struct parse *ps)
{
	struct url *url = ps->url;

	if (ps->file)
		return parse_file(ps);
	if (ps->scheme) {
		/* "http:x" continues a base of that scheme, "http://x" not. */
		if (ps->base != NULL &&
		    span_eq(url_scheme(ps->base), ps->scheme->name) &&
		    !(ps->end - ps->p >= 2 && memcmp(ps->p, "//", 2) == 0))
			return parse_relative(ps);
		return parse_special_authority(ps);
	}
	if (!at_slash(ps))
		return parse_opaque_path(ps);
	ps->p++;
	if (at_slash(ps)) {
		ps->p++;
		return parse_authority(ps);
	}
	url->username_end = url->host_start = here(ps);
	url->host_end = url->path_start = here(ps);
	return parse_path(ps);
}

/* Length of a scheme that a colon follows; 0: there is none. */
static size_t
scheme_length(struct span s)
{
	size_t len = 0;

	if (s.len == 0 || !letter(s.ptr[0]))
		return 0;
	while (len < s.len && url_class_of(s.ptr[len]) & URL_SCHEME)
		len++;
	return len < s.len && s.ptr[len] == ':' ? len : 0;
}

static int
parse_start(struct parse *ps)
{
	struct span rest = { ps->p, (size_t)(ps->end - ps->p) };
	size_t len = scheme_length(rest);
	struct buf *out = ps->out;
	int r;

	if (len == 0)
		return parse_no_scheme(ps);
	r = buf_add(out, rest.ptr, len + 1);
	if (r < 0)
		return r;
	for (size_t i = 0; i < len; i++)
		out->ptr[i] = span_lower(out->ptr[i]);
	ps->p += len + 1;
	ps->url->scheme_end = (uint32_t)len;
	ps->scheme = url_special_scheme(span_of(out->ptr, len));
	ps->file = ps->scheme && span_eq(ps->scheme->name, SPAN("file"));
	ps->url->special = ps->scheme != NULL;
	return parse_after_scheme(ps);
}

static bool
removed(char c)
{
	return c == '\t' || c == '\n' || c == '\r';
}

/* Controls and spaces off both ends, tabs and newlines out of the middle. */
static int
clean_input(struct span *input, struct buf *scratch)
{
	struct span s = *input;
	size_t i = 0;

	while (s.len > 0 && (uint8_t)s.ptr[0] <= ' ')
		s = span_from_at(s, 1);
	while (s.len > 0 && (uint8_t)s.ptr[s.len - 1] <= ' ')
		s.len--;
	*input = s;
	while (i < s.len && !removed(s.ptr[i]))
		i++;
	if (i == s.len)
		return 0;
	if (buf_room(scratch, s.len) == NULL)
		return -ENOMEM;
	for (i = 0; i < s.len; i++) {
		if (!removed(s.ptr[i]))
			scratch->ptr[scratch->len++] = s.ptr[i];
	}
	*input = buf_span(scratch);
	return 0;
}

int
url_parse(struct span input, const struct url *base, struct url *out)
{
	struct parse ps = { .base = base, .url = out, .out = &out->href };
	int r = -EMSGSIZE;

	url_reset(out);
	if (input.len <= URL_MAX)
		r = clean_input(&input, &out->scratch);
	if (r == 0) {
		ps.p = input.ptr;
		ps.end = input.ptr + input.len;
		r = parse_start(&ps);
	}
	if (r < 0)
		url_reset(out);
	return r;
}
