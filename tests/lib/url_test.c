#include "lib/url/url.h"

#include <errno.h>
#include <jansson.h>

#include "tests/harness.h"

/* Cases of tests/data/url. */
enum {
	RESOLVE_CASES = 283,
	FAILURE_CASES = 199,
};

static struct span
member(json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name);

	if (!json_is_string(value))
		return SPAN_NONE;
	return span_of(json_string_value(value), json_string_length(value));
}

/* Each line of a file of JSON objects; returns how many there were. */
static size_t
each_case(const char *path, void (*check)(json_t *, struct url *, struct url *))
{
	size_t run = 0, len;
	char *text = test_data(path, &len);
	struct span rest = { text, len };
	struct url base, url;

	url_init(&base);
	url_init(&url);
	while (rest.len > 0) {
		const char *end = memchr(rest.ptr, '\n', rest.len);
		size_t line = end ? (size_t)(end - rest.ptr) : rest.len;
		json_t *object = json_loadb(rest.ptr, line, JSON_ALLOW_NUL,
		    NULL);

		ck_assert_ptr_nonnull(object);
		check(object, &base, &url);
		run++;
		json_decref(object);
		rest = span_from_at(rest, line + 1);
	}
	url_fini(&base);
	url_fini(&url);
	free(text);
	return run;
}

static void
parse_case(json_t *object, struct url *base, struct url *url, int expected)
{
	struct span input = member(object, "input");
	struct span base_text = member(object, "base");
	int r;

	if (base_text.ptr != NULL)
		ck_assert_int_eq(url_parse(base_text, NULL, base), 0);
	r = url_parse(input, base_text.ptr ? base : NULL, url);
	ck_assert_msg(r == expected, "%.*s: %d, not %d", SPAN_ARG(input), r,
	    expected);
}

static void
same(json_t *object, const char *name, struct span got)
{
	struct span expected = member(object, name);

	ck_assert_msg(span_eq(expected, got), "%.*s: %s is %.*s, not %.*s",
	    SPAN_ARG(member(object, "input")), name, SPAN_ARG(got),
	    SPAN_ARG(expected));
}

/* What lies between two offsets, with the delimiter that starts it, is what
 * the Standard's API calls search and hash: empty when it is that alone. */
static struct span
with_mark(const struct url *url, uint32_t from, size_t to)
{
	if (from == UINT32_MAX || to - from < 2)
		return SPAN("");
	return span_of(url->href.ptr + from, to - from);
}

static struct span
password_of(const struct url *url)
{
	if (url->host_start <= url->username_end)
		return SPAN("");
	return span_of(url->href.ptr + url->username_end + 1,
	    url->host_start - url->username_end - 1);
}

static struct span
username_of(const struct url *url)
{
	uint32_t start = url->scheme_end + 3;

	if (!url->has_host || url->username_end <= start)
		return SPAN("");
	return span_of(url->href.ptr + start, url->username_end - start);
}

/* What was written is read back as what it is. */
static void
reads_back(const struct url *url)
{
	struct url again;

	url_init(&again);
	ck_assert_msg(url_parse(url_href(url), NULL, &again) == 0 &&
			  span_eq(url_href(url), url_href(&again)),
	    "%.*s -> %.*s", SPAN_ARG(url_href(url)),
	    SPAN_ARG(url_href(&again)));
	ck_assert_uint_eq(again.scheme_end, url->scheme_end);
	ck_assert_uint_eq(again.username_end, url->username_end);
	ck_assert_uint_eq(again.host_start, url->host_start);
	ck_assert_uint_eq(again.host_end, url->host_end);
	ck_assert_uint_eq(again.path_start, url->path_start);
	ck_assert_uint_eq(again.query_start, url->query_start);
	ck_assert_uint_eq(again.fragment_start, url->fragment_start);
	ck_assert_int_eq(again.port, url->port);
	ck_assert_int_eq(again.special, url->special);
	ck_assert_int_eq(again.opaque_path, url->opaque_path);
	ck_assert_int_eq(again.has_host, url->has_host);
	url_fini(&again);
}

static void
check_resolve(json_t *object, struct url *base, struct url *url)
{
	char port[16] = "", host[300];
	struct span bare;

	parse_case(object, base, url, 0);
	same(object, "href", url_href(url));
	same(object, "protocol",
	    span_of(url_scheme(url).ptr, url_scheme(url).len + 1));
	same(object, "username", username_of(url));
	same(object, "password", password_of(url));
	same(object, "hostname", url_host(url));
	if (url->port >= 0)
		snprintf(port, sizeof(port), "%d", url->port);
	same(object, "port", span_from(port));
	snprintf(host, sizeof(host), "%.*s%s%s", SPAN_ARG(url_host(url)),
	    *port ? ":" : "", port);
	same(object, "host", span_from(host));
	same(object, "pathname", url_path(url));
	bare = url_href_bare(url);
	same(object, "search", with_mark(url, url->query_start, bare.len));
	same(object, "hash",
	    with_mark(url, url->fragment_start, url_href(url).len));
	if (url_fetchable(url)) {
		struct buf origin;

		buf_init(&origin, URL_MAX);
		ck_assert_int_eq(url_origin(url, &origin), 0);
		if (json_object_get(object, "origin") != NULL)
			same(object, "origin", buf_span(&origin));
		buf_fini(&origin);
	}
	reads_back(url);
}

static void
check_failure(json_t *object, struct url *base, struct url *url)
{
	parse_case(object, base, url, -EINVAL);
	ck_assert_uint_eq(url_href(url).len, 0);
}

START_TEST(url_resolves_as_the_standard_says)
{
	size_t run = each_case("url/resolve.jsonl", check_resolve);

	printf("url/resolve.jsonl: %zu run\n", run);
	ck_assert_uint_eq(run, RESOLVE_CASES);
}
END_TEST

START_TEST(url_refuses_what_the_standard_refuses)
{
	size_t run = each_case("url/failure.jsonl", check_failure);

	printf("url/failure.jsonl: %zu run\n", run);
	ck_assert_uint_eq(run, FAILURE_CASES);
}
END_TEST

/* clang-format off */
static const struct {
	const char *input, *base, *href; /* href NULL: refused */
} others[] = {
	/* Schemes that the data files leave out. */
	{ "mailto:a@b?c d#e f",  NULL, "mailto:a@b?c%20d#e%20f" },
	{ "javascript:'\"<>`{}\\", NULL, "javascript:'\"<>`{}\\" },
	{ "data:a b  #c",        NULL, "data:a b %20#c" },
	{ "data:a b  ",          NULL, "data:a b" },
	{ "data:\x01\xC3\xA9",   NULL, "data:%01%C3%A9" },
	{ "#x",          "mailto:a?b#c", "mailto:a?b#x" },
	{ "x",           "mailto:a?b#c", NULL },
	{ "",            "mailto:a",   NULL },
	{ "ftp://H:21/a/../b",   NULL, "ftp://h/b" },
	{ "WSS:\\\\h:443\\x",    NULL, "wss://h/x" },
	{ "ws://h:443",          NULL, "ws://h:443/" },
	/* Not special: opaque hosts, and paths that need a guard. */
	{ "foo://A%41 b/",       NULL, NULL },
	{ "foo://A%41\xC3\xA9/\\", NULL, "foo://A%41%C3%A9/\\" },
	{ "foo://",              NULL, "foo://" },
	{ "foo:///p",            NULL, "foo:///p" },
	{ "foo://:80/",          NULL, NULL },
	{ "foo://u@/",           NULL, NULL },
	{ "foo://u:p@h:080?q'",  NULL, "foo://u:p@h:80?q'" },
	{ "foo://[1:0::0]:0/",   NULL, "foo://[1::]:0/" },
	{ "foo:/..//p",          NULL, "foo:/.//p" },
	{ "foo:/.//p",           NULL, "foo:/.//p" },
	{ "?q",    "foo:/.//p",        "foo:/.//p?q" },
	{ "x",     "foo:/.//p",        "foo:/.//x" },
	{ "../x",  "foo:/.//p",        "foo:/x" },
	{ "/..//x", "foo:/.//p",       "foo:/.//x" },
	{ "//h/x", "foo:/.//p?q#f",    "foo://h/x" },
	{ "..",    "foo://h",          "foo://h/" },
	{ "\\x",   "foo://h/a/b",      "foo://h/a/\\x" },
	{ "foo:x", "foo://h/a/b",      "foo:x" },
	/* File: drives, slashes, localhost. */
	{ "file:",               NULL, "file:///" },
	{ "file:c:\\x\\..\\..",  NULL, "file:///c:/" },
	{ "file:///C|/x",        NULL, "file:///C:/x" },
	{ "file://C|/x",         NULL, "file:///C:/x" },
	{ "file:///./C|",        NULL, "file:///C:" },
	{ "file:///x/C|",        NULL, "file:///x/C|" },
	{ "file://LOCALhost//p", NULL, "file:////p" },
	{ "file://h/p",          NULL, "file://h/p" },
	{ "file://h:1/p",        NULL, NULL },
	{ "file://u@h/p",        NULL, NULL },
	{ "/y",   "file:///C:/x/z",    "file:///C:/y" },
	{ "/D:/y", "file:///C:/x/z",   "file:///D:/y" },
	{ "D|/y", "file://h/C:/x/z",   "file://h/D:/y" },
	{ "D|y",  "file:///C:/x/z",    "file:///C:/x/D|y" },
	{ "D|?y", "file:///C:/x/z",    "file:///D:?y" },
	{ "D|#y", "file:///C:/x/z",    "file:///D:#y" },
	{ "D|",   "file:///C:/x/z",    "file:///D:" },
	{ "D|\\y", "file:///C:/x/z",  "file:///D:/y" },
	{ "..",   "file:///C:/x",      "file:///C:/" },
	{ "..",   "file:///C:",        "file:///C:/" },
	{ "?q",   "file://h/x?y#z",    "file://h/x?q" },
	{ "",     "file://h/x?y#z",    "file://h/x?y" },
	{ "//h/p", "file:///C:/x",     "file://h/p" },
	{ "\\\\h\\p", "file:///x",     "file://h/p" },
	{ "file:y", "file:///x/z",     "file:///x/y" },
	{ "file:y", "http://h/z",      "file:///y" },
	/* Special: what is between the data files' cases. */
	{ "//u:p@h2:8/",  "http://a:b@h:99/x?y", "http://u:p@h2:8/" },
	{ "//h2",         "http://a:b@h:99/x?y", "http://h2/" },
	{ "http:///////h",       NULL, "http://h/" },
	{ "/%2E%2e/./.%2e/x/%2E", "http://h/a/b", "http://h/x/" },
	{ "a/%2e%2e%2e/...",     "http://h", "http://h/a/%2e%2e%2e/..." },
	{ "x^`{}?'^`\"#'^`",     "http://h/",
	                         "http://h/x%5E%60%7B%7D?%27^`%22#'^%60" },
	{ "http://u;=[]^|@@h",   NULL, "http://u%3B%3D%5B%5D%5E%7C%40@h/" },
	{ "http://h:0/",         NULL, "http://h:0/" },
	{ "http://h:65535/",     NULL, "http://h:65535/" },
	{ "http://h:65536/",     NULL, NULL },
	{ "http://h:00000000080/", NULL, "http://h/" },
	{ "http://h:/",          NULL, "http://h/" },
	{ "http://%30%78%37f.1/", NULL, "http://127.0.0.1/" },
	{ "http://0x.0x.0",      NULL, "http://0.0.0.0/" },
	{ "http://4294967295./", NULL, "http://255.255.255.255/" },
	{ "http://1.16777216/",  NULL, NULL },
	{ "http://1..2/",        NULL, NULL },
	{ "http://a.0x/",        NULL, NULL },
	{ "http://a.0xg/",       NULL, "http://a.0xg/" },
	{ "http://a.5f/",        NULL, "http://a.5f/" },
	{ "http://1.2.3.4../",   NULL, "http://1.2.3.4../" },
	{ "http://[::1.2.3.4]/", NULL, "http://[::102:304]/" },
	{ "http://[::1.2.3.256]/", NULL, NULL },
	{ "http://[::01.2.3.4]/", NULL, NULL },
	{ "http://[1:2:3:4:5:6:1.2.3.4]/", NULL,
	                         "http://[1:2:3:4:5:6:102:304]/" },
	{ "http://[1:2:3:4:5:6:7:1.2.3.4]/", NULL, NULL },
	{ "http://[1:0:0:2:0:0:0:3]/", NULL, "http://[1:0:0:2::3]/" },
	{ "http://[1:0:0:2:3:0:0:4]/", NULL, "http://[1::2:3:0:0:4]/" },
	{ "http://[1:0:3:4:5:6:7::]/", NULL, "http://[1:0:3:4:5:6:7:0]/" },
	{ "http://[1::2::3]/",   NULL, NULL },
	{ "http://[12345::]/",   NULL, NULL },
	{ "http://[::1",         NULL, NULL },
	{ "http://[::1]x/",      NULL, NULL },
	{ "http://xn--/",        NULL, "http://xn--/" },
	/* Host names by UTS #46: what the data files do not ask. */
	{ "http://B\xC3\xBC" "CHER.EXAMPLE/", NULL,
	                         "http://xn--bcher-kva.example/" },
	{ "http://b%C3%BC" "cher/", NULL, "http://xn--bcher-kva/" },
	{ "http://b%c3%bc" "cher.xn--/", NULL, NULL }, /* bad, and not all ASCII */
	{ "http://xn--a.com/",   NULL, "http://xn--a.com/" },
	{ "http://xn--a.\xC3\xA9/", NULL, NULL },
	{ "http://xn--9ca.\xC3\xA9/", NULL, "http://xn--9ca.xn--9ca/" },
	{ "http://XN--8I7CAA.jp/", NULL, "http://xn--8i7caa.jp/" },
	{ "http://\xEF\xBC\x91.\xEF\xBC\x92/", NULL, "http://1.0.0.2/" },
	{ "http://1.2.3.\xEF\xBC\x94\xE3\x80\x82/", NULL, "http://1.2.3.4/" },
	{ "http://\xEF\xBC\x91.\xEF\xBC\x92.\xEF\xBC\x93.256/", NULL, NULL },
	{ "http://a\xE3\x80\x82\xE3\x80\x82" "b/", NULL, "http://a..b/" },
	{ "http://-\xC3\xA9-/",  NULL, "http://xn-----bja/" },
	{ "http://ab--\xC3\xA9/", NULL, "http://xn--ab---epa/" },
	{ "http://fa\xC3\x9F.de/", NULL, "http://xn--fa-hia.de/" },
	{ "http://\xC2\xAD/",    NULL, NULL }, /* soft hyphens alone: empty */
	{ "http://a\xC2\xAD" "b/", NULL, "http://ab/" },
	{ "http://a\xE2\x80\x8D" "b/", NULL, NULL }, /* CONTEXTJ */
	{ "http://\xE0\xA4\x95\xE0\xA5\x8D\xE2\x80\x8D\xE0\xA4\xB7/", NULL,
	                         "http://xn--11b2ezcw70k/" },
	{ "http://\xD7\x90" "a/", NULL, NULL },   /* BIDI */
	{ "http://a\xD7\x90/",   NULL, NULL },
	{ "http://\xD7\x90.com/", NULL, "http://xn--4db.com/" },
	{ "http://a_b.\xC3\xA9/", NULL, "http://a_b.xn--9ca/" }, /* no STD3 */
	{ "http://\xEF\xBC\x85" "41/", NULL, NULL }, /* '%', full width */
	{ "http://a\xEF\xBC\x8F" "b/", NULL, NULL }, /* '/' */
	{ "http://\xEF\xBC\xA0h/", NULL, NULL },    /* '@' */
	{ "http://\xC3\xA9 /",   NULL, NULL },
	{ "http://\xC3\xA9\xFF/", NULL, NULL },
	{ "http://\xED\xA0\x80/", NULL, NULL },
	{ "http://\xF4\x8F\xBF\xBF/", NULL, NULL }, /* no character */
	{ "file://\xC3\xA9/p",   NULL, "file://xn--9ca/p" },
	{ "ws://\xC3\x89/",      NULL, "ws://xn--9ca/" },
	{ "foo://\xC3\xA9/",     NULL, "foo://%C3%A9/" },
	{ "file://\xE2\x93\x9Bocalhost/p", NULL, "file:///p" },
	{ "http://h/\xED\xA0\x80\xFFz", NULL,
	       "http://h/%EF%BF%BD%EF%BF%BD%EF%BF%BD%EF%BF%BDz" },
	{ "",                    NULL, NULL },
	{ "//h",                 NULL, NULL },
	{ "1http://h",           NULL, NULL },
	{ "http",                NULL, NULL },
	{ " \t\n h\nt\tt\rp\n:/\n/h/.\t.%2\te ", NULL, "http://h/..%2e" },
};
/* clang-format on */

START_TEST(url_knows_all_schemes_and_corners)
{
	struct url base, url;

	url_init(&base);
	url_init(&url);
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		int r;

		if (others[i].base != NULL)
			ck_assert_int_eq(url_parse(span_from(others[i].base),
					     NULL, &base),
			    0);
		r = url_parse(span_from(others[i].input),
		    others[i].base ? &base : NULL, &url);
		ck_assert_msg(r == (others[i].href ? 0 : -EINVAL), "%s: %d",
		    others[i].input, r);
		ck_assert_msg(span_eq(url_href(&url),
				  others[i].href ? span_from(others[i].href)
						 : SPAN("")),
		    "%s: %.*s, not %s", others[i].input,
		    SPAN_ARG(url_href(&url)), others[i].href);
		if (r == 0)
			reads_back(&url);
	}
	url_fini(&base);
	url_fini(&url);
}
END_TEST

static void
part_is(const char *expected, struct span got)
{
	ck_assert_msg(span_eq(got, span_from(expected)), "%.*s, not %s",
	    SPAN_ARG(got), expected);
}

START_TEST(url_parts_are_slices_of_it)
{
	struct url url;
	struct buf origin;

	url_init(&url);
	buf_init(&origin, 100);
	ck_assert_int_eq(url_parse(SPAN("HTTPS://u:p@H:8443/a/b?c#d"), NULL,
			     &url),
	    0);
	part_is("https", url_scheme(&url));
	part_is("h", url_host(&url));
	part_is("/a/b", url_path(&url));
	part_is("c", url_query(&url));
	part_is("/a/b?c", url_target(&url));
	part_is("https://u:p@h:8443/a/b?c", url_href_bare(&url));
	part_is("https://u:p@h:8443/a/b?c#d", url_href(&url));
	ck_assert_int_eq(url_origin(&url, &origin), 0);
	ck_assert_int_eq(url_origin(&url, &origin), 0);
	part_is("https://h:8443https://h:8443", buf_span(&origin));
	ck_assert_uint_eq(url_port(&url), 8443);
	ck_assert(url_fetchable(&url));
	ck_assert(url_has_credentials(&url));

	ck_assert_int_eq(url_parse(SPAN("http://:p@[::1]"), NULL, &url), 0);
	part_is("[::1]", url_host(&url));
	part_is("/", url_target(&url));
	part_is("", url_query(&url));
	ck_assert_uint_eq(url_port(&url), 80);
	ck_assert(url_has_credentials(&url));

	/* Without them it is as if it had been written so. */
	url_drop_credentials(&url);
	part_is("http://[::1]/", url_href(&url));
	ck_assert_int_eq(url_parse(SPAN("https://u:p@h:8443/a/b?c#d"), NULL,
			     &url),
	    0);
	url_drop_credentials(&url);
	url_drop_credentials(&url);
	part_is("https://h:8443/a/b?c#d", url_href(&url));
	part_is("https", url_scheme(&url));
	part_is("h", url_host(&url));
	part_is("/a/b", url_path(&url));
	part_is("c", url_query(&url));
	part_is("https://h:8443/a/b?c", url_href_bare(&url));
	ck_assert(!url_has_credentials(&url));

	ck_assert_int_eq(url_parse(SPAN("foo:/..//@x?#"), NULL, &url), 0);
	url_drop_credentials(&url);
	part_is("foo:/.//@x?#", url_href(&url));
	part_is("foo:/.//@x?", url_href_bare(&url));
	part_is("", url_host(&url));
	part_is("//@x", url_path(&url));
	ck_assert_uint_eq(url_port(&url), 0);
	ck_assert(!url_fetchable(&url));
	ck_assert(!url_has_credentials(&url));
	buf_clear(&origin);
	ck_assert_int_eq(url_origin(&url, &origin), 0);
	part_is("foo:", buf_span(&origin));

	buf_fini(&origin);
	buf_init(&origin, 8);
	ck_assert_int_eq(url_parse(SPAN("http://host/"), NULL, &url), 0);
	ck_assert_int_eq(url_origin(&url, &origin), -EMSGSIZE);
	ck_assert_uint_eq(origin.len, 0);
	buf_fini(&origin);
	url_fini(&url);
	url_fini(NULL);
}
END_TEST

START_TEST(url_bytes_of_zero_are_bytes)
{
	struct url base, url;

	url_init(&base);
	url_init(&url);
	ck_assert_int_eq(url_parse(SPAN("http://h/a\0b?c\0d#e\0f"), NULL, &url),
	    0);
	part_is("http://h/a%00b?c%00d#e%00f", url_href(&url));
	ck_assert_int_eq(url_parse(SPAN("http://h\0/"), NULL, &url), -EINVAL);
	ck_assert_int_eq(url_parse(SPAN("ht\0tp://h/"), NULL, &url), -EINVAL);
	ck_assert_int_eq(url_parse(SPAN("\0\0http://h/\0\0"), NULL, &url), 0);
	part_is("http://h/", url_href(&url));
	ck_assert_int_eq(url_parse(SPAN("file:c|\0/"), NULL, &url), 0);
	part_is("file:///c|%00/", url_href(&url));
	ck_assert_int_eq(url_parse(SPAN_NONE, NULL, &url), -EINVAL);
	ck_assert_int_eq(url_parse(SPAN("file:///C:/x"), NULL, &base), 0);
	ck_assert_int_eq(url_parse(SPAN("D|\0y"), &base, &url), 0);
	part_is("file:///C:/D|%00y", url_href(&url));
	url_fini(&base);
	url_fini(&url);
}
END_TEST

START_TEST(url_refuses_the_next_byte_past_its_limit)
{
	static char text[URL_MAX + 1];
	struct url base, url;
	/* Each makes the parser do something over and over. */
	static const char *const fills[] = { "a", "/", "../", "a/../", "\xFF",
		"@", ":", "[", "\t", " ", "%2e/", "%41", "0.", "\\", "?" };
	static const char *const starts[] = { "", "http://", "http://h/",
		"http://[", "foo://", "foo:", "foo:/", "file:", "http://h?",
		"http://0x", "http://h:", "x" };

	url_init(&base);
	url_init(&url);
	memset(text, 'a', sizeof(text));
	memcpy(text, "http://h/", 9);
	ck_assert_int_eq(url_parse(span_of(text, URL_MAX), NULL, &url), 0);
	ck_assert_uint_eq(url_href(&url).len, URL_MAX);
	ck_assert_int_eq(url_parse(span_of(text, URL_MAX + 1), NULL, &url),
	    -EMSGSIZE);
	ck_assert_uint_eq(url_href(&url).len, 0);
	text[URL_MAX - 1] = '"'; /* becomes three bytes */
	ck_assert_int_eq(url_parse(span_of(text, URL_MAX), NULL, &url),
	    -EMSGSIZE);
	ck_assert_uint_eq(url_href(&url).len, 0);

	ck_assert_int_eq(url_parse(SPAN("http://h/b/c?d"), NULL, &base), 0);
	for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
		for (size_t k = 0; k < ARRAY_LEN(fills); k++) {
			size_t len = strlen(starts[i]);
			size_t step = strlen(fills[k]);
			int r;

			memcpy(text, starts[i], len);
			for (; len + step <= URL_MAX / 16; len += step)
				memcpy(text + len, fills[k], step);
			r = url_parse(span_of(text, len), &base, &url);
			ck_assert(r == 0 || r == -EINVAL || r == -EMSGSIZE);
		}
	}
	url_fini(&base);
	url_fini(&url);
}
END_TEST

START_TEST(url_used_again_takes_no_memory)
{
	struct url base, url;
	const char *href, *scratch;

	url_init(&base);
	url_init(&url);
	ck_assert_int_eq(url_parse(SPAN("http://h/a?b#c"), NULL, &base), 0);
	ck_assert_int_eq(url_parse(SPAN("http://h/\nx"), NULL, &url), 0);
	href = url.href.ptr;
	scratch = url.scratch.ptr;
	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(url_parse(SPAN("y\nz"), &base, &url), 0);
		part_is("http://h/yz", url_href(&url));
		ck_assert_int_eq(url_parse(SPAN("http://["), &base, &url),
		    -EINVAL);
		ck_assert_ptr_eq(url.href.ptr, href);
		ck_assert_ptr_eq(url.scratch.ptr, scratch);
	}
	url_fini(&base);
	url_fini(&url);
}
END_TEST

START_TEST(url_hosts_of_any_length_end_soon)
{
	/* What Unicode sorts, or Punycode counts, in time that grows with the
	 * square: without a limit these take minutes. */
	static const char *const fills[] = { "\xCC\x81\xCC\x96", "\xEF\xB7\xBA",
		"\xF0\x9F\x87\xA6", "\xC3\xA9.", "\xE4\xB8\x80\xE5\x80\x80",
		"%CC%81%CC%96" };
	static char text[URL_MAX];
	struct url url;

	url_init(&url);
	memcpy(text, "http://", 7);
	for (size_t i = 0; i < ARRAY_LEN(fills); i++) {
		size_t len = 7, step = strlen(fills[i]);
		int r;

		for (; len + step <= sizeof(text); len += step)
			memcpy(text + len, fills[i], step);
		ck_assert_int_eq(url_parse(span_of(text, len), NULL, &url),
		    -EMSGSIZE);
		ck_assert_uint_eq(url_href(&url).len, 0);
		r = url_parse(span_of(text, 7 + URL_IDNA_MAX / step * step),
		    NULL, &url);
		ck_assert(r == 0 || r == -EINVAL || r == -EMSGSIZE);
	}
	/* The limit is of the name, decoded; and no limit of ASCII names. */
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 60 ? 'a' : '.';
	memcpy(text, "http://%C3%A9", 13);
	ck_assert_int_eq(url_parse(span_of(text, 13 + URL_IDNA_MAX - 2), NULL,
			     &url),
	    0);
	ck_assert_int_eq(url_parse(span_of(text, 13 + URL_IDNA_MAX - 1), NULL,
			     &url),
	    -EMSGSIZE);
	memset(text, 'a', 13);
	memcpy(text, "http://", 7);
	ck_assert_int_eq(url_parse(span_of(text, URL_MAX - 1), NULL, &url), 0);
	url_fini(&url);
}
END_TEST

/* Every byte of a result is printable ASCII, and its parts lie in order. */
static void
well_formed(const struct url *url)
{
	struct span href = url_href(url);

	for (size_t i = 0; i < href.len; i++)
		ck_assert(href.ptr[i] >= ' ' && href.ptr[i] < 0x7F);
	ck_assert_uint_lt(url->scheme_end, url->username_end);
	ck_assert_uint_le(url->username_end, url->host_start);
	ck_assert_uint_le(url->host_start, url->host_end);
	ck_assert_uint_le(url->host_end, url->path_start);
	ck_assert_uint_le(url->path_start, url_href_bare(url).len);
	ck_assert_uint_le(url_href_bare(url).len, href.len);
}

START_TEST(url_reads_back_whatever_it_writes)
{
	static const char *const pieces[] = { "http:", "https:", "file:",
		"foo:", "ws:", "/", "/", "//", "\\", ".", "..", "%2e", "%2E.",
		"?", "#", "@", ":", "C|", "c:", "h", "localhost", "[::1]", "[",
		"1.2", "0x7", "%", "%4", "%41", "%00", " ", "\t", "\n", "80",
		":80", "\xC3\xA9", "\xFF", "\xE2\x82", "'", "\"", "a", "b", "|",
		"^", "<", "%c3%a9", "xn--a", ";", "xn--9ca", "\xC3\x9F",
		"\xD7\x90", "\xE3\x80\x82", "\xEF\xBC\x91", "\xE2\x80\x8D", "-",
		"\xCC\x81" };
	uint64_t state = test_seed();
	struct url base, url;
	size_t parsed = 0;

	url_init(&base);
	url_init(&url);
	for (int i = 0; i < 60000; i++) {
		char text[256];
		size_t len = 0, n = 1 + test_random(&state) % 12;
		bool relative = url_href(&base).len > 0 &&
				test_random(&state) % 2;

		for (size_t k = 0; k < n; k++) {
			const char *piece =
			    pieces[test_random(&state) % ARRAY_LEN(pieces)];

			memcpy(text + len, piece, strlen(piece));
			len += strlen(piece);
		}
		if (url_parse(span_of(text, len), relative ? &base : NULL,
			&url) < 0)
			continue;
		parsed++;
		well_formed(&url);
		reads_back(&url);
		ck_assert_int_eq(url_parse(url_href(&url), NULL, &base), 0);
	}
	ck_assert_uint_gt(parsed, 6000);
	url_fini(&base);
	url_fini(&url);
}
END_TEST

START_TEST(url_shown_to_a_person_has_no_password)
{
	static const char *const texts[][2] = { { "", "" }, { "x", "x" },
		{ "http://h/", "http://h/" }, { "http://me:pw@h/", "...@h/" },
		{ "me:pw@", "...@" }, { "@", "...@" },
		{ "http://me:p@w@h:99999/", "...@h:99999/" },
		{ "mailto:me@h", "mailto:me@h" } };
	char shown[URL_SHOWN], text[300];

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		ck_assert_str_eq(url_shown(span_from(texts[i][0]), shown),
		    texts[i][1]);
	memset(text, 'x', sizeof(text));
	text[0] = '@';
	ck_assert_uint_eq(strlen(url_shown(span_of(text, sizeof(text)), shown)),
	    3 + 256);
}
END_TEST

TEST_MAIN("url", url_resolves_as_the_standard_says,
    url_refuses_what_the_standard_refuses, url_knows_all_schemes_and_corners,
    url_parts_are_slices_of_it, url_bytes_of_zero_are_bytes,
    url_refuses_the_next_byte_past_its_limit, url_used_again_takes_no_memory,
    url_hosts_of_any_length_end_soon, url_reads_back_whatever_it_writes,
    url_shown_to_a_person_has_no_password)
