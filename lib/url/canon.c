#include "lib/url/canon.h"

#include <errno.h>
#include <xxhash.h>

#include "lib/url/site.h"
#include "lib/url/url_impl.h"

/* clang-format off */
static const char *const rules[] = {
	"sort_query",
	"drop_empty",
	"drop_tracking",
	"drop_session",
	"drop_index",
	"fold_slash",
	"fold_www",
	"fold_scheme",
};
static_assert(CANON_FOLD_SCHEME == 1 << (ARRAY_LEN(rules) - 1),
    "a name for each rule, in the order of the bits");

static const struct dropped_param {
	struct span name;
	unsigned rule;
	bool in_path; /* ";name=" in a path, too */
} dropped_params[] = {
	{ { "utm_*", 5 },       CANON_DROP_TRACKING, false }, /* Google Analytics' campaigns */
	{ { "_ga", 3 },         CANON_DROP_TRACKING, false },
	{ { "_gl", 3 },         CANON_DROP_TRACKING, false },
	{ { "gclid", 5 },       CANON_DROP_TRACKING, false }, /* clicks on Google's advertisements */
	{ { "gclsrc", 6 },      CANON_DROP_TRACKING, false },
	{ { "gbraid", 6 },      CANON_DROP_TRACKING, false },
	{ { "wbraid", 6 },      CANON_DROP_TRACKING, false },
	{ { "dclid", 5 },       CANON_DROP_TRACKING, false },
	{ { "fbclid", 6 },      CANON_DROP_TRACKING, false }, /* Facebook */
	{ { "igshid", 6 },      CANON_DROP_TRACKING, false }, /* Instagram */
	{ { "msclkid", 7 },     CANON_DROP_TRACKING, false }, /* Microsoft */
	{ { "twclid", 6 },      CANON_DROP_TRACKING, false }, /* Twitter */
	{ { "ttclid", 6 },      CANON_DROP_TRACKING, false }, /* TikTok */
	{ { "yclid", 5 },       CANON_DROP_TRACKING, false }, /* Yandex */
	{ { "mc_cid", 6 },      CANON_DROP_TRACKING, false }, /* Mailchimp: campaign, reader */
	{ { "mc_eid", 6 },      CANON_DROP_TRACKING, false },
	{ { "_hsenc", 6 },      CANON_DROP_TRACKING, false }, /* HubSpot */
	{ { "_hsmi", 5 },       CANON_DROP_TRACKING, false },
	{ { "jsessionid", 10 }, CANON_DROP_SESSION, true },   /* Java's */
	{ { "phpsessid", 9 },   CANON_DROP_SESSION, false },  /* PHP's */
	{ { "aspsessionid*", 13 }, CANON_DROP_SESSION, false },
	{ { "cfid", 4 },        CANON_DROP_SESSION, false },  /* ColdFusion's two */
	{ { "cftoken", 7 },     CANON_DROP_SESSION, false },
};

/* What a server hands out for a folder. */
static const struct span indexes[] = {
	{ "index.html", 10 }, { "index.htm", 9 },    { "index.shtml", 11 },
	{ "index.xhtml", 11 }, { "index.php", 9 },   { "index.asp", 9 },
	{ "index.aspx", 10 }, { "index.jsp", 9 },    { "index.cgi", 9 },
	{ "default.html", 12 }, { "default.htm", 11 }, { "default.asp", 11 },
	{ "default.aspx", 12 },
};
/* clang-format on */

const char *
canon_rule_name(unsigned i)
{
	return i < ARRAY_LEN(rules) ? rules[i] : NULL;
}

unsigned
canon_rule_of(struct span name)
{
	for (unsigned i = 0; i < ARRAY_LEN(rules); i++) {
		if (span_eq(name, span_from(rules[i])))
			return 1u << i;
	}
	return 0;
}

struct param {
	struct span text; /* "name=value" */
	size_t name_len;
	size_t serial; /* its place, which decides between equal names */
};

static bool
name_matches(struct span name, struct span pattern)
{
	if (pattern.len == 0 || pattern.ptr[pattern.len - 1] != '*')
		return span_eq_nocase(name, pattern);
	pattern.len--;
	if (name.len < pattern.len)
		return false;
	return span_eq_nocase(span_of(name.ptr, pattern.len), pattern);
}

static bool
name_is_dropped(const struct canon *canon, struct span name)
{
	for (size_t i = 0; i < ARRAY_LEN(dropped_params); i++) {
		if (canon->rules & dropped_params[i].rule &&
		    name_matches(name, dropped_params[i].name))
			return true;
	}
	for (size_t i = 0; i < canon->n_extra; i++) {
		if (canon->rules & CANON_DROP_TRACKING &&
		    name_matches(name, canon->extra[i]))
			return true;
	}
	return false;
}

/* --- the path ------------------------------------------------------------ */

/* The length of the path parameter that `s` begins with, if it is one that
 * names the visitor; else 0. */
static size_t
path_param(struct span s)
{
	struct span name = span_from_at(s, 1);
	size_t end = 1;

	if (s.ptr[0] != ';')
		return 0;
	while (end < s.len && s.ptr[end] != '/' && s.ptr[end] != ';')
		end++;
	for (size_t i = 0; i < ARRAY_LEN(dropped_params); i++) {
		size_t len = dropped_params[i].name.len;

		if (dropped_params[i].in_path && end > len + 1 &&
		    name.ptr[len] == '=' &&
		    span_eq_nocase(span_of(name.ptr, len),
			dropped_params[i].name))
			return end;
	}
	return 0;
}

/* The length of "/(S(...))" that `s` begins with, if a '/' follows: how ASP.NET
 * writes a session; else 0. */
static size_t
path_session(struct span s)
{
	const char *end;
	size_t len;

	if (s.len < 5 || s.ptr[0] != '/' || s.ptr[1] != '(' || s.ptr[3] != '(')
		return 0;
	end = memchr(s.ptr + 1, '/', s.len - 1);
	len = end ? (size_t)(end - s.ptr) : 0;
	return len > 6 && s.ptr[len - 1] == ')' && s.ptr[len - 2] == ')' ? len
									 : 0;
}

/* Take out each piece of the path that `piece` finds the length of. */
static void
cut(struct buf *path, size_t (*piece)(struct span s))
{
	size_t from = 0, to = 0;

	while (from < path->len) {
		size_t len = piece(span_of(path->ptr + from, path->len - from));

		if (len > 0)
			from += len;
		else
			path->ptr[to++] = path->ptr[from++];
	}
	path->len = to;
}

/* "/a/./b" and "/x/../a/b" are "/a/b", as they are in a parsed URL. */
static void
cut_dots(struct buf *path)
{
	size_t to = 0, end;

	for (size_t from = 0; from < path->len; from = end) {
		struct span rest = span_of(path->ptr + from + 1,
		    path->len - from - 1);
		const char *slash = memchr(rest.ptr, '/', rest.len);
		int dots;

		if (slash != NULL)
			rest.len = (size_t)(slash - rest.ptr);
		end = from + 1 + rest.len;
		dots = url_dots(rest);
		if (dots == 2) {
			while (to > 0 && path->ptr[--to] != '/')
				;
		}
		if (dots == 0) {
			memmove(path->ptr + to, path->ptr + from, end - from);
			to += end - from;
		} else if (end == path->len) {
			path->ptr[to++] = '/';
		}
	}
	path->len = to;
}

/*
 * Without parameters first: what is left of a segment may be a session, or
 * dots, "/.;jsessionid=1/p".
 */
static int
add_without_sessions(struct span path, struct buf *page)
{
	int r = buf_add_span(page, path);

	if (r < 0 || path.len == 0 ||
	    (memchr(path.ptr, ';', path.len) == NULL &&
		memmem(path.ptr, path.len, "/(", 2) == NULL))
		return r;
	cut(page, path_param);
	cut(page, path_session);
	if (page->len < path.len)
		cut_dots(page);
	return 0;
}

static int
add_path(const struct canon *canon, struct span path, struct buf *page)
{
	int r = canon->rules & CANON_DROP_SESSION
		    ? add_without_sessions(path, page)
		    : buf_add_span(page, path);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_LEN(indexes); i++) {
		size_t len = indexes[i].len;

		if (canon->rules & CANON_DROP_INDEX && page->len > len &&
		    page->ptr[page->len - len - 1] == '/' &&
		    span_eq_nocase(span_of(page->ptr + page->len - len, len),
			indexes[i])) {
			page->len -= len;
			break;
		}
	}
	if (canon->rules & CANON_FOLD_SLASH && page->len > 1 &&
	    page->ptr[page->len - 1] == '/')
		page->len--;
	return 0;
}

/* --- the query ----------------------------------------------------------- */

static int
param_compare(const void *one, const void *two)
{
	const struct param *a = one, *b = two;
	size_t len = a->name_len < b->name_len ? a->name_len : b->name_len;
	int order = memcmp(a->text.ptr, b->text.ptr, len);

	if (order != 0)
		return order;
	if (a->name_len != b->name_len)
		return a->name_len < b->name_len ? -1 : 1;
	return a->serial < b->serial ? -1 : 1;
}

/* Takes the next parameter off *rest; false: it was the last. */
static bool
next_param(struct span *rest, struct param *out)
{
	const char *and = memchr(rest->ptr, '&', rest->len);
	size_t len = and? (size_t)(and-rest->ptr) : rest->len;
	const char *equals = memchr(rest->ptr, '=', len);

	out->text = span_of(rest->ptr, len);
	out->name_len = equals ? (size_t)(equals - rest->ptr) : len;
	*rest = span_from_at(*rest, len + 1);
	return and != NULL;
}

static bool
dropped(const struct canon *canon, const struct param *param)
{
	if (param->text.len == 0)
		return canon->rules & CANON_DROP_EMPTY;
	return name_is_dropped(canon,
	    span_of(param->text.ptr, param->name_len));
}

/* `first`: the '?' comes in front of it. */
static int
add_param(struct span text, bool first, struct buf *page)
{
	int r = buf_add_char(page, first ? '?' : '&');

	return r < 0 ? r : buf_add_span(page, text);
}

static int
add_query(const struct canon *canon, struct span query, struct buf *page)
{
	struct param params[CANON_PARAMS_MAX];
	struct param param;
	bool more, sorted = true;
	struct span rest = query;
	size_t n = 0;
	int r = 0;

	do {
		more = next_param(&rest, &param);
		if (dropped(canon, &param))
			continue;
		param.serial = n;
		if (n < CANON_PARAMS_MAX) {
			params[n] = param;
			sorted = sorted &&
				 (n == 0 ||
				     param_compare(&params[n - 1], &param) < 0);
		}
		n++;
	} while (more);
	if (n <= CANON_PARAMS_MAX) {
		if (canon->rules & CANON_SORT_QUERY && !sorted)
			qsort(params, n, sizeof(params[0]), param_compare);
		for (size_t i = 0; r == 0 && i < n; i++)
			r = add_param(params[i].text, i == 0, page);
		return r;
	}
	rest = query;
	n = 0;
	do {
		more = next_param(&rest, &param);
		if (!dropped(canon, &param))
			r = add_param(param.text, n++ == 0, page);
	} while (r == 0 && more);
	return r;
}

/* --- the site ------------------------------------------------------------ */

/* The host without its "www.", where a domain is left that one can own; else
 * the host. */
static struct span
bare_host(const struct url *url)
{
	struct span host = url_host(url), ignored;

	if (span_starts(host, SPAN("www.")) &&
	    site_registrable(span_from_at(host, 4), &ignored))
		return span_from_at(host, 4);
	return host;
}

static int
add_site(struct span scheme, bool www, struct span host, int32_t port,
    struct buf *out)
{
	int r = buf_add_span(out, scheme);

	if (r == 0)
		r = buf_add_span(out, www ? SPAN("://www.") : SPAN("://"));
	if (r == 0)
		r = buf_add_span(out, host);
	if (r == 0 && port >= 0)
		r = buf_printf(out, ":%d", (int)port);
	return r;
}

int
canon_key(const struct canon *canon, const struct url *url, struct buf *site,
    struct buf *page)
{
	int r;

	buf_clear(site);
	buf_clear(page);
	if (canon->rules & CANON_OF_SITE)
		r = add_site(canon->rules & CANON_FOLD_SCHEME && url->port < 0
				 ? SPAN("http")
				 : url_scheme(url),
		    false,
		    canon->rules & CANON_FOLD_WWW ? bare_host(url)
						  : url_host(url),
		    url->port, site);
	else
		r = url_origin(url, site);
	if (r == 0)
		r = add_path(canon, url_path(url), page);
	if (r == 0 && url->query_start != UINT32_MAX)
		r = add_query(canon, url_query(url), page);
	return r;
}

/* The store takes 0 to mean "none". */
static uint64_t
hash_of(const struct buf *buf)
{
	uint64_t hash = XXH3_64bits(buf->ptr, buf->len);

	return hash ? hash : 1;
}

int
canon_hash(const struct canon *canon, const struct url *url,
    struct buf *scratch_site, struct buf *scratch_page, struct canon_hash *out)
{
	struct canon own = *canon;
	int r;

	own.rules &= ~(unsigned)CANON_OF_SITE;
	r = canon_key(&own, url, scratch_site, scratch_page);
	if (r == 0)
		*out = (struct canon_hash){ hash_of(scratch_site),
			hash_of(scratch_page) };
	return r;
}

int
canon_siblings(const struct canon *canon, const struct url *url,
    struct buf *scratch, uint64_t out[CANON_SIBLINGS])
{
	static const struct span schemes[] = { { "http", 4 }, { "https", 5 } };
	struct span scheme = url_scheme(url), bare = bare_host(url), ignored;
	bool has_www = bare.len < url_host(url).len;
	int n = 0;

	if (!(canon->rules & CANON_OF_SITE))
		return 0;
	for (unsigned i = 0; i < 4; i++) {
		bool www = i & 1, same;
		int r;

		same = span_eq(schemes[i >> 1], scheme);
		if (!same &&
		    (!(canon->rules & CANON_FOLD_SCHEME) || url->port >= 0))
			continue;
		if (www != has_www && (!(canon->rules & CANON_FOLD_WWW) ||
					  !site_registrable(bare, &ignored)))
			continue;
		if (same && www == has_www)
			continue; /* its own */
		buf_clear(scratch);
		r = add_site(schemes[i >> 1], www, bare, url->port, scratch);
		if (r < 0)
			return r;
		out[n++] = hash_of(scratch);
	}
	return n;
}

static int
span_compare(const void *one, const void *two)
{
	const struct span *a = one, *b = two;
	size_t len = a->len < b->len ? a->len : b->len;
	int order = memcmp(a->ptr, b->ptr, len);

	if (order == 0 && a->len != b->len)
		order = a->len < b->len ? -1 : 1;
	return order;
}

static int
describe_extra(const struct canon *canon, struct buf *out)
{
	struct span *sorted = reallocarray(NULL, canon->n_extra,
	    sizeof(*sorted));
	int r = 0;

	if (sorted == NULL)
		return -ENOMEM;
	memcpy(sorted, canon->extra, canon->n_extra * sizeof(*sorted));
	qsort(sorted, canon->n_extra, sizeof(*sorted), span_compare);
	for (size_t i = 0; r == 0 && i < canon->n_extra; i++) {
		if (i > 0 && span_eq(sorted[i], sorted[i - 1]))
			continue;
		r = buf_add_char(out, i == 0 ? ';' : ' ');
		if (r == 0)
			r = buf_add_span(out, sorted[i]);
	}
	free(sorted);
	return r;
}

int
canon_describe(const struct canon *canon, struct buf *out)
{
	const char *between = "";
	int r = 0;

	for (unsigned i = 0; r == 0 && i < ARRAY_LEN(rules); i++) {
		if (!(canon->rules & ~(unsigned)CANON_OF_SITE & 1u << i))
			continue;
		r = buf_printf(out, "%s%s", between, rules[i]);
		between = " ";
	}
	if (r == 0 && canon->rules & CANON_DROP_TRACKING && canon->n_extra > 0)
		r = describe_extra(canon, out);
	return r;
}

/* Take the next of the words between blanks off *text. */
static struct span
take_word(struct span *text)
{
	const char *blank = memchr(text->ptr, ' ', text->len);
	size_t len = blank ? (size_t)(blank - text->ptr) : text->len;
	struct span word = span_of(text->ptr, len);

	*text = span_from_at(*text, len + 1);
	return word;
}

int
canon_read(struct span text, struct span *extra, size_t max, struct canon *out)
{
	struct canon canon = { .extra = extra };
	const char *semicolon = text.len > 0 ? memchr(text.ptr, ';', text.len)
					     : NULL;
	struct span names = SPAN_NONE;

	if (semicolon != NULL) {
		size_t len = (size_t)(semicolon - text.ptr);

		names = span_from_at(text, len + 1);
		text.len = len;
	}
	while (text.len > 0) {
		unsigned rule = canon_rule_of(take_word(&text));

		if (rule == 0)
			return -EINVAL;
		canon.rules |= rule;
	}
	while (names.len > 0) {
		if (canon.n_extra == max)
			return -EINVAL;
		extra[canon.n_extra++] = take_word(&names);
	}
	*out = canon;
	return 0;
}
