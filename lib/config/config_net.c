/*
 * What is said to servers and to proxies: headers, passwords, and by whom.
 */
#include <arpa/inet.h>
#include <errno.h>

#include "lib/config/config_impl.h"
#include "lib/url/url.h"

enum {
	HEADERS_MAX = 8 << 10, /* bytes of all of them; servers take no more */
	AUTHS_MAX = 1000,
	AUTH_MAX = 2048,
};

bool
config_has_control(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c < 0x20 || c == 0x7f)
			return true;
	}
	return false;
}

bool
config_is_secret(const struct config_row *row, const char *value)
{
	return row->type == CONFIG_AUTH ||
	       (row->type == CONFIG_PROXY && strchr(value, '@') != NULL);
}

int
config_refuse_secret(const struct config_row *row, struct err *err)
{
	return err_set(err, -EINVAL,
	    "%s: a password stands in the file mpcrawl.conf, not in an option, "
	    "which everybody here can see (ps)",
	    row->key);
}

struct config_text
config_show_public(const struct config_row *row, const char *value)
{
	const char *at = strrchr(value, '@'), *slashes = strstr(value, "://");
	struct config_text shown = config_show_text(value);

	if (row->type == CONFIG_AUTH)
		snprintf(shown.text, sizeof(shown.text), "***");
	else if (row->type == CONFIG_PROXY && at != NULL)
		snprintf(shown.text, sizeof(shown.text), "%.*s***%.50s",
		    slashes && slashes - value < 10 ? (int)(slashes - value) + 3
						    : 0,
		    value, at);
	return shown;
}

/* --- proxy --------------------------------------------------------------- */

/* With a scheme of no meaning: then a port is kept, whichever it is. */
static int
parse_peer(struct span peer, struct url *url)
{
	struct buf text;
	int r;

	buf_init(&text, 4096);
	r = buf_add_span(&text, SPAN("proxy://"));
	if (r == 0)
		r = buf_add_span(&text, peer);
	if (r == 0)
		r = url_parse(buf_span(&text), NULL, url);
	buf_fini(&text);
	if (r == 0 && (url_host(url).len == 0 || url->port < 0 ||
			  (url_target(url).len > 0 &&
			      !span_eq(url_target(url), SPAN("/"))) ||
			  url_href(url).len != url_href_bare(url).len))
		r = -EINVAL;
	return r;
}

int
config_set_proxy(char **member, const struct config_row *row, const char *value,
    struct err *err)
{
	/* clang-format off */
	static const struct {
		struct span written;
		const char *meant;
	} schemes[] = {
		{ { "http://", 7 },     "http://" },
		{ { "https://", 8 },    "https://" },
		/* Names are the proxy's to look up, or nobody would know what
		 * they lead to. */
		{ { "socks5://", 9 },   "socks5h://" },
		{ { "socks5h://", 10 }, "socks5h://" },
	};
	/* clang-format on */
	struct span text = span_from(value), peer = SPAN_NONE;
	const char *meant = NULL;
	char *copy = NULL;
	struct url url;
	int r = 0;

	if (text.len > 0 && strcmp(value, "none") != 0) {
		for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
			if (!span_starts(text, schemes[i].written))
				continue;
			meant = schemes[i].meant;
			peer = span_from_at(text, schemes[i].written.len);
		}
		if (span_ends(peer, SPAN("/")))
			peer.len--;
		url_init(&url);
		r = meant ? parse_peer(peer, &url) : -EINVAL;
		url_fini(&url);
		if (r == -ENOMEM)
			return r;
		if (r < 0 || config_has_control(text))
			return err_set(err, -EINVAL,
			    "%s = %s: it is none, or scheme, host and port, as "
			    "in http://127.0.0.1:3128; the schemes are http, "
			    "https and socks5",
			    row->key, config_show_public(row, value).text);
		if (asprintf(&copy, "%s%.*s", meant, SPAN_ARG(peer)) < 0)
			return -ENOMEM;
	}
	free(*member);
	*member = copy;
	return 0;
}

/* --- header -------------------------------------------------------------- */

/* Why not, or NULL. */
static const char *
header_refused(struct span name)
{
	/* clang-format off */
	static const struct {
		struct span name;
		const char *why;
	} refused[] = {
		{ { "accept-encoding", 15 },     "it says what can be decoded" },
		{ { "authorization", 13 },       "see auth" },
		{ { "connection", 10 },          "it is of the connection" },
		{ { "content-encoding", 16 },    "there is no body" },
		{ { "content-length", 14 },      "there is no body" },
		{ { "content-type", 12 },        "there is no body" },
		{ { "cookie", 6 },               "see cookies" },
		{ { "expect", 6 },               "there is no body" },
		{ { "host", 4 },                 "it is that of the URL" },
		{ { "http2-settings", 14 },      "it is of the connection" },
		{ { "keep-alive", 10 },          "it is of the connection" },
		{ { "proxy-authorization", 19 }, "see proxy" },
		{ { "proxy-connection", 16 },    "it is of the connection" },
		{ { "range", 5 },                "half a page is another page" },
		{ { "te", 2 },                   "it is of the connection" },
		{ { "trailer", 7 },              "there is no body" },
		{ { "transfer-encoding", 17 },   "there is no body" },
		{ { "upgrade", 7 },              "it is of the connection" },
		{ { "user-agent", 10 },          "see user_agent" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		if (span_eq_nocase(name, refused[i].name))
			return refused[i].why;
	}
	return NULL;
}

/* RFC 9110, 5.6.2 */
static bool
is_token(struct span name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i], lower = span_lower(c);

		if ((c < '0' || c > '9') && (lower < 'a' || lower > 'z') &&
		    (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL))
			return false;
	}
	return name.len > 0;
}

/* The lines whose name is another. */
static int
add_others(const char *lines, struct span name, struct buf *out)
{
	struct span left = span_from(lines);
	int r = 0;

	while (r == 0 && left.len > 0) {
		const char *end = memchr(left.ptr, '\n', left.len);
		size_t len = (size_t)(end - left.ptr) + 1;
		struct span line = span_of(left.ptr, len);

		if (len <= name.len || line.ptr[name.len] != ':' ||
		    !span_eq_nocase(span_of(line.ptr, name.len), name))
			r = buf_add_span(out, line);
		left = span_from_at(left, len);
	}
	return r;
}

int
config_set_header(char **member, const struct config_row *row,
    const char *value, struct err *err)
{
	const char *colon = strchr(value, ':');
	struct span name, text;
	const char *why;
	struct buf lines;
	int r;

	if (colon == NULL)
		return err_set(err, -EINVAL,
		    "%s = %s: it is a name, a colon and a value, as in "
		    "Accept-Language: en",
		    row->key, config_show_text(value).text);
	name = span_of(value, (size_t)(colon - value));
	text = span_trim(span_from(colon + 1));
	why = !is_token(name)            ? "that is no name of a header"
	      : config_has_control(text) ? "control characters are not allowed"
	      : name.len >= CONFIG_KEY_MAX ? "the name is too long"
					   : header_refused(name);
	if (why != NULL)
		return err_set(err, -EINVAL, "%s = %s: %s", row->key,
		    config_show_text(value).text, why);
	buf_init(&lines, HEADERS_MAX);
	r = *member ? add_others(*member, name, &lines) : 0;
	/* Without a value it takes the one away that was given before. */
	if (r == 0 && text.len > 0)
		r = buf_printf(&lines, "%.*s: %.*s\n", SPAN_ARG(name),
		    SPAN_ARG(text));
	if (r == 0)
		r = buf_add_char(&lines, '\0');
	if (r == 0) {
		free(*member);
		*member = lines.len > 1 ? lines.ptr : NULL;
		if (lines.len > 1)
			buf_init(&lines, 0); /* it was given away */
	} else if (r == -EMSGSIZE) {
		r = err_set(err, -ERANGE, "%s = %s: more than %dK of headers",
		    row->key, config_show_text(value).text, HEADERS_MAX >> 10);
	}
	buf_fini(&lines);
	return r;
}

/* --- resolve ------------------------------------------------------------- */

int
config_set_address(char **member, const struct config_row *row,
    const char *value, struct err *err)
{
	struct span inside = span_from(value);
	struct in6_addr address;
	char text[INET6_ADDRSTRLEN] = "";
	char *copy = NULL;
	int r = 0;

	if (span_starts(inside, SPAN("[")) && span_ends(inside, SPAN("]")))
		inside = span_of(inside.ptr + 1, inside.len - 2);
	if (inside.len < sizeof(text))
		snprintf(text, sizeof(text), "%.*s", SPAN_ARG(inside));
	if (inet_pton(AF_INET, value, &address) == 1)
		r = (copy = strdup(value)) ? 0 : -ENOMEM;
	else if (inet_pton(AF_INET6, text, &address) == 1)
		r = asprintf(&copy, "[%s]", text) < 0 ? -ENOMEM : 0;
	else if (value[0] != '\0' && strcmp(value, "none") != 0)
		return err_set(err, -EINVAL,
		    "%s = %s: it is none, or an IP address, as in 192.0.2.7 or "
		    "2001:db8::7",
		    row->key, config_show_text(value).text);
	if (r < 0)
		return r;
	free(*member);
	*member = copy;
	return 0;
}

/* --- auth ---------------------------------------------------------------- */

/* "ORIGIN\nUSER:PASSWORD" of "ORIGIN USER:PASSWORD", into `out`. */
static int
read_auth(const char *value, struct buf *out)
{
	const char *blank = strpbrk(value, " \t");
	struct span secret;
	struct url url;
	int r;

	if (blank == NULL)
		return -EINVAL;
	secret = span_trim(span_from(blank));
	if (secret.len == 0 || config_has_control(secret) ||
	    memchr(secret.ptr, ':', secret.len) == NULL)
		return -EINVAL;
	url_init(&url);
	r = url_parse(span_of(value, (size_t)(blank - value)), NULL, &url);
	/* An origin: what lies below is not kept apart by any server. */
	if (r == 0 && (!url_fetchable(&url) || url_has_credentials(&url) ||
			  !span_eq(url_target(&url), SPAN("/")) ||
			  url_href(&url).len != url_href_bare(&url).len))
		r = -EINVAL;
	if (r == 0)
		r = url_origin(&url, out);
	if (r == 0)
		r = buf_add_char(out, '\n');
	if (r == 0)
		r = buf_add_span(out, secret);
	if (r == 0)
		r = buf_add_char(out, '\0');
	url_fini(&url);
	return r;
}

int
config_add_auth(struct config_list *list, const struct config_row *row,
    const char *value, struct err *err)
{
	struct buf item;
	char **items;
	int r;

	if (list->n == AUTHS_MAX)
		return err_set(err, -ERANGE, "%s: at most %d are allowed",
		    row->key, AUTHS_MAX);
	buf_init(&item, AUTH_MAX);
	r = read_auth(value, &item);
	if (r == 0) {
		items = reallocarray(list->items, list->n + 1, sizeof(*items));
		r = items ? 0 : -ENOMEM;
	}
	if (r == 0) {
		list->items = items;
		items[list->n++] = item.ptr;
		buf_init(&item, 0); /* it was given away */
	} else if (r != -ENOMEM) {
		/* The value is shown to nobody. */
		r = err_set(err, -EINVAL,
		    "%s: it is an origin, a blank, a name, a colon and a "
		    "password, %d bytes at the most, as in "
		    "https://example.org NAME:PASSWORD",
		    row->key, AUTH_MAX);
	}
	buf_fini(&item);
	return r;
}

const char *
config_auth(const struct config *config, struct span url)
{
	for (size_t i = config->auth.n; i-- > 0;) {
		const char *item = config->auth.items[i];
		const char *end = strchr(item, '\n');
		size_t len = (size_t)(end - item);

		if (span_starts(url, span_of(item, len)) &&
		    (url.len == len || strchr("/?#", url.ptr[len]) != NULL))
			return end + 1;
	}
	return NULL;
}
