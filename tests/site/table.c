#include "tests/site/table.h"

#include <errno.h>
#include <iconv.h>
#include <jansson.h>
#include <stdlib.h>
#include <zlib.h>

#include "lib/base/base64.h"
#include "lib/base/buf.h"

#define BODY_MAX (256u << 20)

static const char *const hows[] = { "plain", "chunked", "close", "half",
	"longer", "raw", "hang-up", "silent", "reset" };
static const char *const makers[] = { "", "tree", "calendar", "facets",
	"countdown" };
static const char *const tls_kinds[] = { "good", "expired", "other-name",
	"self", "none", "silent" };
static_assert(ARRAY_LEN(hows) == SITE_RESET + 1, "hows");
static_assert(ARRAY_LEN(makers) == SITE_MAKERS, "makers");
static_assert(ARRAY_LEN(tls_kinds) == SITE_TLS_KINDS, "tls_kinds");

/* What an object of the table may have. */
struct table_key {
	const char *name;
	json_type type;
};

static const struct table_key row_keys[] = {
	{ "status", JSON_INTEGER },
	{ "type", JSON_STRING },
	{ "headers", JSON_OBJECT },
	{ "body", JSON_STRING },
	{ "base64", JSON_STRING },
	{ "title", JSON_STRING },
	{ "links", JSON_ARRAY },
	{ "more", JSON_STRING },
	{ "encode", JSON_STRING },
	{ "gzip", JSON_TRUE },
	{ "to", JSON_STRING },
	{ "how", JSON_STRING },
	{ "make", JSON_STRING },
	{ "n", JSON_INTEGER },
	{ "size", JSON_INTEGER },
	{ "informs", JSON_TRUE },
	{ "delay_ms", JSON_INTEGER },
	{ "drip_ms", JSON_INTEGER },
	{ "burst", JSON_INTEGER },
	{ NULL },
};

static const struct table_key host_keys[] = {
	{ "pages", JSON_OBJECT },
	{ "robots", JSON_STRING },
	{ "tls", JSON_STRING },
	{ "delay_ms", JSON_INTEGER },
	{ "drip_ms", JSON_INTEGER },
	{ "burst", JSON_INTEGER },
	{ NULL },
};

/* Where a sentence about what is wrong begins. */
struct table_place {
	const char *host, *path;
	struct err *err;
};

static int
wrong(const struct table_place *place, const char *what, const char *which)
{
	return err_set(place->err, -EINVAL, "%s%s: %s \"%s\"",
	    place->host ? place->host : "the table",
	    place->path ? place->path : "", what, which);
}

static int
check_keys(const struct table_place *place, const json_t *object,
    const struct table_key *keys)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)object, name, value)
	{
		const struct table_key *key = keys;

		while (key->name != NULL && strcmp(key->name, name) != 0)
			key++;
		if (key->name == NULL)
			return wrong(place, "there is no key", name);
		if (key->type == JSON_TRUE ? !json_is_boolean(value)
					   : json_typeof(value) != key->type)
			return wrong(place, "of another type is", name);
	}
	return 0;
}

static const char *
text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* An integer that fits into an int and is not negative; `otherwise` when it
 * is not there. */
static int
number_of(const struct table_place *place, const json_t *object,
    const char *key, int otherwise, int *out)
{
	const json_t *value = json_object_get(object, key);
	json_int_t n = json_integer_value(value);

	if (value == NULL)
		n = otherwise;
	if (n < 0 || n > INT32_MAX)
		return wrong(place, "out of range is", key);
	*out = (int)n;
	return 0;
}

static int
choice_of(const struct table_place *place, const json_t *object,
    const char *key, const char *const *words, size_t n, int *out)
{
	const char *word = text_of(object, key);

	if (word == NULL)
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(words[i], word) == 0) {
			*out = (int)i;
			return 0;
		}
	}
	return wrong(place, "unknown is", word);
}

static bool
has_marks(struct span text)
{
	static const char *const marks[] = { "{port}", "{host}", "{base}",
		"{path}", "{n}", "{date" };

	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		if (text.len > 0 &&
		    memmem(text.ptr, text.len, marks[i], strlen(marks[i])))
			return true;
	}
	return false;
}

/* --- bodies --------------------------------------------------------------- */

static void
add_html(const json_t *row, struct buf *out)
{
	const char *title = text_of(row, "title"), *more = text_of(row, "more");
	const json_t *link;
	size_t i;

	must(buf_printf(out, "<!DOCTYPE html><title>%s</title>\n<p>",
		 title ? title : "") == 0);
	json_array_foreach(json_object_get(row, "links"), i, link)
	    must(buf_printf(out, "<a href=\"%s\">x</a>\n",
		     json_string_value(link)) == 0);
	must(buf_printf(out, "%s", more ? more : "") == 0);
}

static int
encode(const struct table_place *place, const char *charset, struct buf *body)
{
	size_t in_left = body->len, out_left = body->len * 4 + 16;
	char *in = body->ptr, *to;
	struct buf out;
	iconv_t cd = iconv_open(charset, "UTF-8");
	size_t r;

	if (cd == (iconv_t)-1)
		return wrong(place, "there is no encoding", charset);
	buf_init(&out, BODY_MAX);
	to = buf_room(&out, out_left);
	must(to != NULL);
	r = iconv(cd, &in, &in_left, &to, &out_left);
	iconv(cd, NULL, NULL, &to, &out_left);
	iconv_close(cd);
	out.len = (size_t)(to - out.ptr);
	buf_fini(body);
	*body = out;
	return r == (size_t)-1
		   ? wrong(place, "it cannot be written in", charset)
		   : 0;
}

static void
compress_body(struct buf *body)
{
	struct buf out;
	z_stream z = { .next_in = (Bytef *)body->ptr,
		.avail_in = (uInt)body->len };

	buf_init(&out, BODY_MAX);
	must(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) ==
	     Z_OK);
	z.avail_out = (uInt)deflateBound(&z, (uLong)body->len);
	z.next_out = (Bytef *)buf_room(&out, z.avail_out);
	must(z.next_out != NULL && deflate(&z, Z_FINISH) == Z_STREAM_END);
	out.len = z.total_out;
	deflateEnd(&z);
	buf_fini(body);
	*body = out;
}

static int
read_body(const struct table_place *place, const json_t *row, struct buf *body)
{
	const char *base64 = text_of(row, "base64"), *plain;
	const char *charset = text_of(row, "encode");
	const json_t *link;
	size_t i;
	int r = 0;

	plain = text_of(row, "body");
	json_array_foreach(json_object_get(row, "links"), i, link)
	{
		if (!json_is_string(link))
			return wrong(place, "texts only are taken in", "links");
	}
	if (base64 != NULL) {
		r = base64_decode(span_from(base64), body);
		if (r < 0)
			return wrong(place, "not readable is", "base64");
	} else if (plain != NULL) {
		must(
		    buf_add(body, plain,
			json_string_length(json_object_get(row, "body"))) == 0);
	} else if (json_object_get(row, "title") ||
		   json_object_get(row, "links") ||
		   json_object_get(row, "more")) {
		add_html(row, body);
	}
	if (charset != NULL)
		r = encode(place, charset, body);
	return r;
}

/* --- rows ----------------------------------------------------------------- */

static int
add_header(const struct table_place *place, struct buf *out, const char *name,
    const json_t *value)
{
	const json_t *one;
	size_t i;

	if (json_is_string(value)) {
		must(buf_printf(out, "%s: %s\r\n", name,
			 json_string_value(value)) == 0);
		return 0;
	}
	if (!json_is_array(value))
		return wrong(place, "neither text nor texts is header", name);
	json_array_foreach(value, i, one)
	{
		if (!json_is_string(one))
			return wrong(place, "not a text is header", name);
		must(buf_printf(out, "%s: %s\r\n", name,
			 json_string_value(one)) == 0);
	}
	return 0;
}

static int
read_headers(const struct table_place *place, const json_t *row, bool robots,
    struct buf *out)
{
	const char *type = text_of(row, "type"), *to = text_of(row, "to");
	json_t *headers = json_object_get(row, "headers"), *value;
	const char *name;
	int r = 0;

	if (type == NULL)
		type = robots ? "text/plain" : "text/html; charset=utf-8";
	if (type[0] != '\0')
		must(buf_printf(out, "Content-Type: %s\r\n", type) == 0);
	if (to != NULL)
		must(buf_printf(out, "Location: %s\r\n", to) == 0);
	if (json_is_true(json_object_get(row, "gzip")))
		must(buf_printf(out, "Content-Encoding: gzip\r\n") == 0);
	json_object_foreach(headers, name, value)
	{
		if (r == 0)
			r = add_header(place, out, name, value);
	}
	must(buf_add_char(out, '\0') == 0);
	return r;
}

static int
read_row(const struct table_place *place, const json_t *host,
    const json_t *value, struct site_page *out)
{
	bool robots = strcmp(place->path, "/robots.txt") == 0;
	json_t *row = json_is_string(value) ? json_pack("{sO}", "body", value)
					    : json_incref((json_t *)value);
	struct site_page page = { .status = 0 };
	struct buf headers, body;
	int r, status = 0, how = 0, maker = 0, delay = 0, drip = 0, burst = 0,
	       size = 0, n = 0;

	buf_init(&headers, BODY_MAX);
	buf_init(&body, BODY_MAX);
	if (!json_is_object(row)) {
		r = wrong(place, "neither a text nor an object is", "a row");
		goto done;
	}
	r = check_keys(place, row, row_keys);
	if (r == 0)
		r = number_of(place, row, "status",
		    json_object_get(row, "to") ? 302 : 0, &status);
	if (r == 0)
		r = number_of(place, host, "delay_ms", 0, &delay);
	if (r == 0)
		r = number_of(place, row, "delay_ms", delay, &delay);
	if (r == 0)
		r = number_of(place, host, "drip_ms", 0, &drip);
	if (r == 0)
		r = number_of(place, row, "drip_ms", drip, &drip);
	if (r == 0)
		r = number_of(place, host, "burst", 0, &burst);
	if (r == 0)
		r = number_of(place, row, "burst", burst, &burst);
	if (r == 0)
		r = number_of(place, row, "size", 0, &size);
	if (r == 0)
		r = number_of(place, row, "n", 0, &n);
	if (r == 0)
		r = choice_of(place, row, "how", hows, ARRAY_LEN(hows), &how);
	if (r == 0)
		r = choice_of(place, row, "make", makers, ARRAY_LEN(makers),
		    &maker);
	if (r == 0)
		r = read_body(place, row, &body);
	if (r == 0)
		r = read_headers(place, row, robots, &headers);
	if (r < 0)
		goto done;
	page.marks = has_marks(buf_span(&headers)) ||
		     has_marks(buf_span(&body));
	if (json_is_true(json_object_get(row, "gzip")))
		compress_body(&body);
	if (page.marks && json_is_true(json_object_get(row, "gzip"))) {
		r = wrong(place, "marks are not replaced in", "gzip");
		goto done;
	}
	page.how = (enum site_how)how;
	page.status = status;
	page.maker = (enum site_maker)maker;
	page.maker_n = (unsigned)n;
	page.delay_ms = delay;
	page.drip_ms = drip;
	page.burst = (size_t)burst;
	page.size = (size_t)size;
	page.informs = json_is_true(json_object_get(row, "informs"));
	page.body_len = body.len;
	must(buf_add_char(&body, '\0') == 0);
	page.path = strcmp(place->path, "*") == 0 ? NULL : strdup(place->path);
	page.headers = headers.ptr;
	page.body = body.ptr;
	*out = page; /* for ever */
	headers.ptr = body.ptr = NULL;
done:
	buf_fini(&headers);
	buf_fini(&body);
	json_decref(row);
	return r;
}

/* --- hosts ---------------------------------------------------------------- */

static size_t
count_rows(const json_t *pages)
{
	size_t n = 1; /* of robots */
	const char *path;
	json_t *value;

	json_object_foreach((json_t *)pages, path, value)
	    n += json_is_array(value) ? json_array_size(value) : 1;
	return n;
}

static int
read_host(struct table_place *place, const json_t *host,
    struct serve_table **out, int *tls)
{
	json_t *pages = json_object_get(host, "pages"), *value;
	json_t *robots = json_object_get(host, "robots"), *one;
	struct site_page *rows;
	size_t n = 0, i;
	const char *path;
	int r;

	if (!json_is_object(host))
		return wrong(place, "not an object is", "a host");
	r = check_keys(place, host, host_keys);
	if (r == 0)
		r = choice_of(place, host, "tls", tls_kinds,
		    ARRAY_LEN(tls_kinds), tls);
	if (r < 0)
		return r;
	rows = calloc(count_rows(pages), sizeof(*rows));
	must(rows != NULL);
	if (robots != NULL) {
		place->path = "/robots.txt";
		r = read_row(place, host, robots, &rows[n++]);
	}
	json_object_foreach(pages, path, value)
	{
		place->path = path;
		if (json_is_array(value)) {
			json_array_foreach(value, i, one)
			{
				if (r == 0)
					r = read_row(place, host, one,
					    &rows[n++]);
			}
		} else if (r == 0) {
			r = read_row(place, host, value, &rows[n++]);
		}
	}
	place->path = NULL;
	if (r < 0) {
		free(rows);
		return r;
	}
	*out = serve_table(rows, n);
	return 0;
}

/* "127.1.{0-7}.{1-250}": each address of it. */
static int
add_hosts(struct serve *serve, const struct table_place *place,
    const char *name, struct serve_table *table, enum site_tls tls)
{
	const char *brace = strchr(name, '{');
	unsigned from, to;
	int end = 0, r = 0;
	char one[256];

	if (brace == NULL) {
		serve_host(serve, name, table, tls);
		return 0;
	}
	if (sscanf(brace, "{%u-%u}%n", &from, &to, &end) != 2 || end == 0 ||
	    from > to || to > 65535)
		return wrong(place, "not a range like {1-250} is", brace);
	for (unsigned i = from; r == 0 && i <= to; i++) {
		snprintf(one, sizeof(one), "%.*s%u%s", (int)(brace - name),
		    name, i, brace + end);
		r = add_hosts(serve, place, one, table, tls);
	}
	return r;
}

int
table_load(struct serve *serve, struct span json, struct err *err)
{
	struct table_place place = { .err = err };
	json_error_t error;
	json_t *root = json_loadb(json.ptr, json.len,
	    JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	json_t *hosts = json_object_get(root, "hosts"), *value;
	struct serve_table **tables = NULL;
	int *tls = NULL, r = 0;
	const char *name;
	size_t i = 0;

	if (root == NULL) {
		r = err_set(err, -EINVAL, "the table: line %d: %s", error.line,
		    error.text);
		goto done;
	}
	if (!json_is_object(hosts) || json_object_size(root) != 1) {
		r = err_set(err, -EINVAL,
		    "the table: an object with \"hosts\", and nothing else");
		goto done;
	}
	tables = calloc(json_object_size(hosts) + 1, sizeof(*tables));
	tls = calloc(json_object_size(hosts) + 1, sizeof(*tls));
	must(tables != NULL && tls != NULL);
	json_object_foreach(hosts, name, value)
	{
		place.host = name;
		if (r == 0)
			r = read_host(&place, value, &tables[i], &tls[i]);
		i++;
	}
	i = 0;
	json_object_foreach(hosts, name, value)
	{
		place.host = name;
		if (r == 0)
			r = add_hosts(serve, &place, name, tables[i],
			    (enum site_tls)tls[i]);
		i++;
	}
done:
	free(tables);
	free(tls);
	json_decref(root);
	return r;
}
