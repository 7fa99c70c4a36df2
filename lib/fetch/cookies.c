#include "lib/fetch/cookies.h"

#include <errno.h>
#include <sys/queue.h>
#include <xxhash.h>

#include "lib/fetch/cookie_date.h"
#include "lib/fetch/header.h"

enum {
	COOKIES_SLOTS = 1024,
	COOKIES_ATTRIBUTE_MAX = 1024 /* RFC 6265bis, 5.6 */
};

struct cookie {
	TAILQ_ENTRY(cookie) link; /* of its host, the oldest first */
	int64_t until_ms;         /* INT64_MAX: as long as this process */
	bool secure;
	size_t name_len, value_len, path_len;
	char text[]; /* name, value, path */
};

struct cookie_host {
	struct cookie_host *chain;
	TAILQ_ENTRY(cookie_host) link; /* of the jar, the last used first */
	TAILQ_HEAD(, cookie) cookies;
	unsigned n;
	size_t name_len;
	char name[];
};

struct cookies {
	TAILQ_HEAD(cookie_hosts, cookie_host) used;
	struct cookie_host *slots[COOKIES_SLOTS];
	size_t bytes, limit;
};

/* What a line says. */
struct offered {
	struct span name, value, path;
	int64_t until_ms;
	bool secure, has_domain, misplaced;
};

static struct span
name_of(const struct cookie *c)
{
	return span_of(c->text, c->name_len);
}

static struct span
value_of(const struct cookie *c)
{
	return span_of(c->text + c->name_len, c->value_len);
}

static struct span
path_of(const struct cookie *c)
{
	return span_of(c->text + c->name_len + c->value_len, c->path_len);
}

static size_t
size_of(const struct cookie *c)
{
	return sizeof(*c) + c->name_len + c->value_len + c->path_len;
}

/* --- hosts --------------------------------------------------------------- */

static struct cookie_host **
slot_of(struct cookies *jar, struct span name)
{
	return &jar->slots[XXH3_64bits(name.ptr, name.len) % COOKIES_SLOTS];
}

static struct cookie_host *
find_host(struct cookies *jar, struct span name)
{
	struct cookie_host *host = *slot_of(jar, name);

	while (
	    host != NULL && !span_eq(span_of(host->name, host->name_len), name))
		host = host->chain;
	if (host != NULL) {
		TAILQ_REMOVE(&jar->used, host, link);
		TAILQ_INSERT_HEAD(&jar->used, host, link);
	}
	return host;
}

static struct cookie_host *
make_host(struct cookies *jar, struct span name)
{
	struct cookie_host **slot = slot_of(jar, name);
	struct cookie_host *host = calloc(1, sizeof(*host) + name.len);

	if (host == NULL)
		return NULL;
	TAILQ_INIT(&host->cookies);
	host->name_len = name.len;
	memcpy(host->name, name.ptr, name.len);
	host->chain = *slot;
	*slot = host;
	TAILQ_INSERT_HEAD(&jar->used, host, link);
	jar->bytes += sizeof(*host) + name.len;
	return host;
}

static void
drop_cookie(struct cookies *jar, struct cookie_host *host, struct cookie *c)
{
	TAILQ_REMOVE(&host->cookies, c, link);
	host->n--;
	jar->bytes -= size_of(c);
	free(c);
}

static void
drop_host(struct cookies *jar, struct cookie_host *host)
{
	struct cookie_host **at = slot_of(jar,
	    span_of(host->name, host->name_len));

	while (*at != host)
		at = &(*at)->chain;
	*at = host->chain;
	while (!TAILQ_EMPTY(&host->cookies))
		drop_cookie(jar, host, TAILQ_FIRST(&host->cookies));
	TAILQ_REMOVE(&jar->used, host, link);
	jar->bytes -= sizeof(*host) + host->name_len;
	free(host);
}

static void
drop_old(struct cookies *jar, struct cookie_host *host, int64_t now_ms)
{
	struct cookie *c = TAILQ_FIRST(&host->cookies);

	while (c != NULL) {
		struct cookie *next = TAILQ_NEXT(c, link);

		if (c->until_ms <= now_ms)
			drop_cookie(jar, host, c);
		c = next;
	}
}

/* --- a line (RFC 6265bis, 5.6 and 5.7) ----------------------------------- */

/* What is in front of the next `end`, or all; *rest is moved behind it. */
static struct span
cut(struct span *rest, char end)
{
	const char *at = memchr(rest->ptr, end, rest->len);
	size_t len = at ? (size_t)(at - rest->ptr) : rest->len;
	struct span part = span_of(rest->ptr, len);

	*rest = span_from_at(*rest, len + 1);
	return part;
}

/* Seconds from now; false: not a number. */
static bool
read_age(struct span text, int64_t *out_ms)
{
	bool minus = text.len > 0 && text.ptr[0] == '-';
	int64_t s = 0;

	if (text.len == (size_t)minus)
		return false;
	for (size_t i = minus; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
		if (s <= COOKIES_AGE_MAX_MS / 1000)
			s = s * 10 + (text.ptr[i] - '0');
	}
	*out_ms = minus ? 0 : s * 1000;
	return true;
}

/* Is `host` this domain, or below it?  An address is below nothing. */
static bool
host_is_in(struct span host, struct span domain)
{
	char last = host.ptr[host.len - 1];

	if (span_eq_nocase(host, domain))
		return true;
	if (last == ']' || (last >= '0' && last <= '9') ||
	    host.len <= domain.len)
		return false;
	return host.ptr[host.len - domain.len - 1] == '.' &&
	       span_eq_nocase(span_from_at(host, host.len - domain.len),
		   domain);
}

static void
read_domain(struct span value, struct span host, struct offered *out)
{
	if (span_starts(value, SPAN(".")))
		value = span_from_at(value, 1);
	if (value.len == 0)
		return;
	out->has_domain = true;
	out->misplaced = !host_is_in(host, value);
}

/* "/a/b" of "/a/b/c", "/" of "/a" (RFC 6265bis, 5.1.4). */
static struct span
default_path(const struct url *url)
{
	struct span path = url_path(url);
	const char *slash = path.len > 0 ? memrchr(path.ptr, '/', path.len)
					 : NULL;

	if (slash == NULL || slash == path.ptr)
		return SPAN("/");
	return span_of(path.ptr, (size_t)(slash - path.ptr));
}

static void
read_attributes(struct span rest, const struct url *url, int64_t now_ms,
    struct offered *out)
{
	bool has_age = false;
	int64_t ms;

	while (rest.len > 0) {
		struct span value = cut(&rest, ';');
		struct span name = span_trim(cut(&value, '='));

		value = span_trim(value);
		if (value.len > COOKIES_ATTRIBUTE_MAX)
			continue;
		if (span_eq_nocase(name, SPAN("secure"))) {
			out->secure = true;
		} else if (span_eq_nocase(name, SPAN("domain"))) {
			read_domain(value, url_host(url), out);
		} else if (span_eq_nocase(name, SPAN("path"))) {
			out->path = span_starts(value, SPAN("/"))
					? value
					: default_path(url);
		} else if (span_eq_nocase(name, SPAN("max-age")) &&
			   read_age(value, &ms)) {
			out->until_ms = now_ms + ms;
			has_age = true;
		} else if (span_eq_nocase(name, SPAN("expires")) && !has_age &&
			   cookie_date(value, &ms) == 0) {
			out->until_ms = ms;
		}
	}
	if (out->until_ms != INT64_MAX &&
	    out->until_ms > now_ms + COOKIES_AGE_MAX_MS)
		out->until_ms = now_ms + COOKIES_AGE_MAX_MS;
}

static bool
starts_nocase(struct span s, struct span prefix)
{
	return s.len >= prefix.len &&
	       span_eq_nocase(span_of(s.ptr, prefix.len), prefix);
}

/* False: it is none, or none for this host. */
static bool
read_line(struct span line, const struct url *url, int64_t now_ms,
    struct offered *out)
{
	bool is_https = span_eq(url_scheme(url), SPAN("https"));
	struct span pair = cut(&line, ';');

	*out = (struct offered){ .path = default_path(url),
		.until_ms = INT64_MAX };
	if (pair.len > 0 && memchr(pair.ptr, '=', pair.len) != NULL)
		out->name = span_trim(cut(&pair, '='));
	out->value = span_trim(pair);
	if (out->name.len + out->value.len == 0 ||
	    out->name.len + out->value.len > COOKIES_PAIR_MAX)
		return false;
	read_attributes(line, url, now_ms, out);
	if (out->misplaced || (out->secure && !is_https))
		return false;
	/* Without a name it would be told as if it had one of these. */
	if (out->name.len == 0 &&
	    (starts_nocase(out->value, SPAN("__secure-")) ||
		starts_nocase(out->value, SPAN("__host-"))))
		return false;
	if (starts_nocase(out->name, SPAN("__secure-")))
		return out->secure;
	if (starts_nocase(out->name, SPAN("__host-")))
		return out->secure && !out->has_domain &&
		       span_eq(out->path, SPAN("/"));
	return true;
}

/* --- the jar ------------------------------------------------------------- */

/* Does the path of a cookie hold for that of a request (5.1.4)? */
static bool
path_holds(struct span cookie, struct span path)
{
	if (!span_starts(path, cookie))
		return false;
	return path.len == cookie.len || cookie.ptr[cookie.len - 1] == '/' ||
	       path.ptr[cookie.len] == '/';
}

/* The one that it takes the place of; *locked: it must not (5.7, 12). */
static struct cookie *
find_old(struct cookie_host *host, const struct offered *new, bool is_https,
    bool *locked)
{
	struct cookie *c, *old = NULL;

	*locked = false;
	TAILQ_FOREACH(c, &host->cookies, link)
	{
		if (!span_eq(name_of(c), new->name))
			continue;
		if (c->secure && !is_https && path_holds(path_of(c), new->path))
			*locked = true;
		if (span_eq(path_of(c), new->path))
			old = c;
	}
	return old;
}

static struct cookie *
make_cookie(const struct offered *from)
{
	struct cookie *c = calloc(1,
	    sizeof(*c) + from->name.len + from->value.len + from->path.len);
	char *to;

	if (c == NULL)
		return NULL;
	c->until_ms = from->until_ms;
	c->secure = from->secure;
	c->name_len = from->name.len;
	c->value_len = from->value.len;
	c->path_len = from->path.len;
	to = c->text;
	if (from->name.len > 0)
		memcpy(to, from->name.ptr, from->name.len);
	if (from->value.len > 0)
		memcpy(to + c->name_len, from->value.ptr, from->value.len);
	memcpy(to + c->name_len + c->value_len, from->path.ptr, c->path_len);
	return c;
}

static bool
take_one(struct cookies *jar, const struct url *url, const struct offered *new,
    int64_t now_ms)
{
	bool is_https = span_eq(url_scheme(url), SPAN("https"));
	struct cookie_host *host = find_host(jar, url_host(url));
	struct cookie *old = NULL, *c;
	bool locked = false;

	if (host != NULL)
		old = find_old(host, new, is_https, &locked);
	if (locked)
		return false;
	if (new->until_ms <= now_ms) {
		if (old != NULL)
			drop_cookie(jar, host, old);
		return old != NULL;
	}
	if (host == NULL)
		host = make_host(jar, url_host(url));
	c = host != NULL ? make_cookie(new) : NULL;
	if (c == NULL)
		return false;
	/* It keeps its place, which decides the order. */
	if (old != NULL)
		TAILQ_INSERT_BEFORE(old, c, link);
	else
		TAILQ_INSERT_TAIL(&host->cookies, c, link);
	host->n++;
	jar->bytes += size_of(c);
	if (old != NULL)
		drop_cookie(jar, host, old);
	drop_old(jar, host, now_ms);
	while (host->n > COOKIES_PER_HOST)
		drop_cookie(jar, host, TAILQ_FIRST(&host->cookies));
	while (jar->bytes > jar->limit && !TAILQ_EMPTY(&jar->used))
		drop_host(jar, TAILQ_LAST(&jar->used, cookie_hosts));
	return true;
}

unsigned
cookies_take(struct cookies *jar, const struct url *url, struct span lines,
    int64_t now_ms)
{
	struct span name, value;
	struct offered offered;
	unsigned n = 0;

	if (url_host(url).len == 0)
		return 0;
	while (header_next(&lines, &name, &value)) {
		if (span_eq(name, SPAN("set-cookie")) &&
		    read_line(value, url, now_ms, &offered))
			n += take_one(jar, url, &offered, now_ms);
	}
	return n;
}

static int
give_one(const struct cookie *c, struct buf *out, size_t before)
{
	int r = 0;

	if (out->len > before)
		r = buf_add_span(out, SPAN("; "));
	if (r == 0 && c->name_len > 0) {
		r = buf_add_span(out, name_of(c));
		if (r == 0)
			r = buf_add_char(out, '=');
	}
	return r < 0 ? r : buf_add_span(out, value_of(c));
}

/* The longer path first; of two that are as long the older cookie. */
static void
insert(struct cookie **fit, size_t n, struct cookie *c)
{
	while (n > 0 && fit[n - 1]->path_len < c->path_len) {
		fit[n] = fit[n - 1];
		n--;
	}
	fit[n] = c;
}

int
cookies_give(struct cookies *jar, const struct url *url, int64_t now_ms,
    struct buf *out)
{
	struct cookie_host *host = find_host(jar, url_host(url));
	bool is_https = span_eq(url_scheme(url), SPAN("https"));
	struct cookie *fit[COOKIES_PER_HOST], *c;
	size_t n = 0, before = out->len, room = COOKIES_HEADER_MAX;
	int r = 0;

	if (host == NULL)
		return 0;
	drop_old(jar, host, now_ms);
	TAILQ_FOREACH(c, &host->cookies, link)
	{
		if ((c->secure && !is_https) ||
		    !path_holds(path_of(c), url_path(url)))
			continue;
		insert(fit, n++, c);
	}
	for (size_t i = 0; r == 0 && i < n; i++) {
		size_t len = fit[i]->name_len + fit[i]->value_len + 3;

		if (len > room)
			continue;
		room -= len;
		r = give_one(fit[i], out, before);
	}
	return r;
}

size_t
cookies_bytes(const struct cookies *jar)
{
	return jar->bytes;
}

int
cookies_new(size_t limit, struct cookies **out)
{
	struct cookies *jar = calloc(1, sizeof(*jar));

	if (jar == NULL)
		return -ENOMEM;
	TAILQ_INIT(&jar->used);
	jar->limit = limit;
	*out = jar;
	return 0;
}

void
cookies_free(struct cookies *jar)
{
	if (jar == NULL)
		return;
	while (!TAILQ_EMPTY(&jar->used))
		drop_host(jar, TAILQ_FIRST(&jar->used));
	free(jar);
}
