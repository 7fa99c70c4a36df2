#include "lib/url/canon.h"

#include <xxhash.h>

/* clang-format off */
static const struct tracking {
	struct span name;
	bool in_path; /* ";name=" in a path, too */
} tracking[] = {
	{ { "utm_*", 5 },       false }, /* Google Analytics' campaigns */
	{ { "_ga", 3 },         false },
	{ { "_gl", 3 },         false },
	{ { "gclid", 5 },       false }, /* clicks on Google's advertisements */
	{ { "gclsrc", 6 },      false },
	{ { "gbraid", 6 },      false },
	{ { "wbraid", 6 },      false },
	{ { "dclid", 5 },       false },
	{ { "fbclid", 6 },      false }, /* Facebook */
	{ { "igshid", 6 },      false }, /* Instagram */
	{ { "msclkid", 7 },     false }, /* Microsoft */
	{ { "twclid", 6 },      false }, /* Twitter */
	{ { "ttclid", 6 },      false }, /* TikTok */
	{ { "yclid", 5 },       false }, /* Yandex */
	{ { "mc_cid", 6 },      false }, /* Mailchimp: campaign, reader */
	{ { "mc_eid", 6 },      false },
	{ { "_hsenc", 6 },      false }, /* HubSpot */
	{ { "_hsmi", 5 },       false },
	{ { "jsessionid", 10 }, true },  /* Java's sessions */
	{ { "phpsessid", 9 },   false }, /* PHP's */
};
/* clang-format on */

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
is_tracking(const struct canon *canon, struct span name)
{
	for (size_t i = 0; i < ARRAY_LEN(tracking); i++) {
		if (name_matches(name, tracking[i].name))
			return true;
	}
	for (size_t i = 0; i < canon->n_extra; i++) {
		if (name_matches(name, canon->extra[i]))
			return true;
	}
	return false;
}

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
	for (size_t i = 0; i < ARRAY_LEN(tracking); i++) {
		size_t len = tracking[i].name.len;

		if (tracking[i].in_path && end > len + 1 &&
		    name.ptr[len] == '=' &&
		    span_eq_nocase(span_of(name.ptr, len), tracking[i].name))
			return end;
	}
	return 0;
}

static int
add_path(const struct canon *canon, struct span path, struct buf *page)
{
	int r = 0;

	while (r == 0 && path.len > 0) {
		const char *semicolon = NULL;
		size_t len = path.len;

		if (canon->rules & CANON_DROP_TRACKING)
			semicolon = memchr(path.ptr + 1, ';', path.len - 1);
		if (semicolon != NULL)
			len = (size_t)(semicolon - path.ptr);
		r = buf_add(page, path.ptr, len);
		path = span_from_at(path, len);
		while (path.len > 0 && (len = path_param(path)) > 0)
			path = span_from_at(path, len);
	}
	return r;
}

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
		return canon->rules & CANON_SORT_QUERY;
	return canon->rules & CANON_DROP_TRACKING &&
	       is_tracking(canon, span_of(param->text.ptr, param->name_len));
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

int
canon_key(const struct canon *canon, const struct url *url, struct buf *site,
    struct buf *page)
{
	int r;

	buf_clear(site);
	buf_clear(page);
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
	int r = canon_key(canon, url, scratch_site, scratch_page);

	if (r == 0)
		*out = (struct canon_hash){ hash_of(scratch_site),
			hash_of(scratch_page) };
	return r;
}
