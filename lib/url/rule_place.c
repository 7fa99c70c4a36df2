/*
 * Rules on where a URL is: its host, a domain, or its SURT.
 */
#include <errno.h>

#include "lib/url/rule_impl.h"

/* With and without a dot at its end a name is the same. */
static struct span
name_of(const struct url *url)
{
	struct span host = url_host(url);

	if (host.len > 1 && host.ptr[host.len - 1] == '.')
		host.len--;
	return host;
}

static bool
is_address(struct span host)
{
	for (size_t i = 0; i < host.len; i++) {
		if (host.ptr[0] != '[' && host.ptr[i] != '.' &&
		    (host.ptr[i] < '0' || host.ptr[i] > '9'))
			return false;
	}
	return host.len > 0;
}

/* --- host, domain -------------------------------------------------------- */

struct place {
	uint16_t port; /* 0: any */
	size_t len;
	char name[];
};

/* Where the port begins, at its ':'; the length when there is none. */
static size_t
port_at(struct span text)
{
	const char *colon = memrchr(text.ptr, ':', text.len);
	size_t at = colon ? (size_t)(colon - text.ptr) : text.len;

	return memchr(text.ptr + at, ']', text.len - at) ? text.len : at;
}

static int
place_new(const struct url *url, bool with_port, struct place **out)
{
	struct span name = name_of(url);
	struct place *place = malloc(sizeof(*place) + name.len);

	if (place == NULL)
		return -ENOMEM;
	place->port = with_port ? url_port(url) : 0;
	place->len = name.len;
	memcpy(place->name, name.ptr, name.len);
	*out = place;
	return 0;
}

/*
 * Read as the host of a URL is: upper case, Unicode and odd addresses come
 * out as they do there.
 */
static int
place_compile(struct span text, struct place **out, struct err *err)
{
	bool with_port = port_at(text) < text.len;
	struct buf full;
	struct url url;
	int r = 0;

	url_init(&url);
	buf_init(&full, SCOPE_RULE_MAX + 16);
	for (size_t i = 0; i < text.len; i++) {
		if (memchr("/\\?#@*", text.ptr[i], 6) != NULL)
			r = -EINVAL;
	}
	if (text.ptr[text.len - 1] == ':')
		r = -EINVAL;
	if (r == 0)
		r = buf_add_span(&full, SPAN("http://"));
	if (r == 0)
		r = buf_add_span(&full, text);
	if (r == 0)
		r = url_parse(buf_span(&full), NULL, &url);
	if (r == 0)
		r = place_new(&url, with_port, out);
	else if (r != -ENOMEM)
		r = err_set(err, -EINVAL,
		    "it is a name or an address, and nothing else of a URL; "
		    "all names below one are domain:NAME");
	buf_fini(&full);
	url_fini(&url);
	return r;
}

static int
host_compile(struct span text, void **out, struct err *err)
{
	struct place *place = NULL;
	int r = place_compile(text, &place, err);

	*out = place;
	return r;
}

static enum rule_match
host_match(const void *compiled, const struct scope_subject *subject)
{
	const struct place *place = compiled;

	if (place->port != 0 && place->port != url_port(subject->url))
		return RULE_MISSES;
	return span_eq(name_of(subject->url), span_of(place->name, place->len))
		   ? RULE_MATCHES
		   : RULE_MISSES;
}

const struct rule_kind rule_host = { "host", host_compile, host_match, NULL };

static int
domain_compile(struct span text, void **out, struct err *err)
{
	if (port_at(text) < text.len)
		return err_set(err, -EINVAL,
		    "a domain has no port; host:NAME:PORT has one");
	return host_compile(text, out, err);
}

static enum rule_match
domain_match(const void *compiled, const struct scope_subject *subject)
{
	const struct place *place = compiled;
	struct span name = name_of(subject->url);
	struct span domain = span_of(place->name, place->len);

	if (span_eq(name, domain))
		return RULE_MATCHES;
	if (!span_ends(name, domain) || is_address(name) ||
	    name.ptr[name.len - domain.len - 1] != '.')
		return RULE_MISSES;
	return RULE_MATCHES;
}

const struct rule_kind rule_domain = { "domain", domain_compile, domain_match,
	NULL };

/* --- SURT ---------------------------------------------------------------- */

/*
 * Sort-friendly URI Reordering Transform: "http://(org,example,www,)/path".
 * A port is behind the names: "(org,example,:8080)/"; an address is not
 * turned: "(127.0.0.1)/".  User and password are left out.
 */
struct surt {
	size_t scheme_len; /* of "http://(", 0: of either scheme */
	size_t len;
	char prefix[];
};

static int
surt_compile(struct span text, void **out, struct err *err)
{
	struct span rest = text, host;
	const char *end;
	struct surt *surt;
	size_t scheme_len = 0;

	if (span_starts(text, SPAN("http://(")))
		scheme_len = sizeof("http://(") - 1;
	else if (span_starts(text, SPAN("https://(")))
		scheme_len = sizeof("https://(") - 1;
	rest = span_from_at(text, scheme_len);
	end = memchr(rest.ptr, ')', rest.len);
	host = rest;
	if (end != NULL)
		host.len = (size_t)(end - rest.ptr);
	/* The usual mistakes: a host from the left, a URL as it is. */
	if (host.len == 0 || memchr(host.ptr, '/', host.len) != NULL ||
	    memchr(host.ptr, '(', host.len) != NULL ||
	    (memchr(host.ptr, '.', host.len) != NULL && host.ptr[0] != '[' &&
		(host.ptr[0] < '0' || host.ptr[0] > '9')))
		return err_set(err, -EINVAL,
		    "a SURT names the host from the right, with commas: "
		    "org,example, for all of a domain, org,example,)/path "
		    "for one host's");
	surt = malloc(sizeof(*surt) + text.len);
	if (surt == NULL)
		return -ENOMEM;
	surt->scheme_len = scheme_len;
	surt->len = text.len;
	memcpy(surt->prefix, text.ptr, text.len);
	for (size_t i = 0; i < scheme_len + host.len; i++)
		surt->prefix[i] = span_lower(surt->prefix[i]);
	*out = surt;
	return 0;
}

/* Take `part` off *prefix; false: they differ, or *prefix ended: *matches. */
static bool
goes_on(struct span *prefix, struct span part, bool *matches)
{
	size_t len = part.len < prefix->len ? part.len : prefix->len;

	if (memcmp(prefix->ptr, part.ptr, len) != 0)
		return false;
	*prefix = span_from_at(*prefix, len);
	*matches = prefix->len == 0;
	return !*matches;
}

static bool
names_go_on(struct span *prefix, struct span host, bool *matches)
{
	if (is_address(host))
		return goes_on(prefix, host, matches);
	while (host.len > 0) {
		const char *dot = memrchr(host.ptr, '.', host.len);
		size_t at = dot ? (size_t)(dot + 1 - host.ptr) : 0;

		if (!goes_on(prefix, span_from_at(host, at), matches) ||
		    !goes_on(prefix, SPAN(","), matches))
			return false;
		host.len = at > 0 ? at - 1 : 0;
	}
	return true;
}

static enum rule_match
surt_match(const void *compiled, const struct scope_subject *subject)
{
	const struct surt *surt = compiled;
	const struct url *url = subject->url;
	struct span prefix = span_of(surt->prefix, surt->len);
	bool matches = false, more = true;
	char port[16];

	if (surt->scheme_len > 0)
		more = goes_on(&prefix, url_scheme(url), &matches) &&
		       goes_on(&prefix, SPAN("://("), &matches);
	if (more)
		more = names_go_on(&prefix, name_of(url), &matches);
	if (more && url->port >= 0) {
		snprintf(port, sizeof(port), ":%d", (int)url->port);
		more = goes_on(&prefix, span_from(port), &matches);
	}
	if (more && goes_on(&prefix, SPAN(")"), &matches))
		goes_on(&prefix, url_target(url), &matches);
	return matches ? RULE_MATCHES : RULE_MISSES;
}

const struct rule_kind rule_surt = { "surt", surt_compile, surt_match, NULL };
