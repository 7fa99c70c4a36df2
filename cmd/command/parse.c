/*
 * parse, sniff - what a page says, and what it is written in: by page_read(),
 * as the parser of a crawl with these settings does.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd/command/command.h"
#include "cmd/command/filter.h"
#include "cmd/command/settings.h"
#include "cmd/crawl.h"
#include "cmd/role/parser_limits.h"
#include "lib/base/base64.h"
#include "lib/html/page.h"

/* Of one run of the filter: used again for each line. */
struct work {
	const struct config *config;
	struct page_reader *reader;
	struct url url;
	struct buf body;    /* decoded from base64 */
	struct buf headers; /* "name: value\n" */
};

/* The text of a member.  0, -ENOENT: it is not there; -EINVAL with `err`. */
static int
member(const json_t *object, const char *key, struct span *out, struct err *err)
{
	const json_t *value = json_object_get(object, key);

	if (value == NULL || json_is_null(value))
		return -ENOENT;
	if (!json_is_string(value))
		return err_set(err, -EINVAL, "%s: a string is needed", key);
	*out = span_of(json_string_value(value), json_string_length(value));
	return 0;
}

/* The body: octets in base64, or text, which is sent as UTF-8. */
static int
read_body(struct work *work, const json_t *object, const char *text_key,
    const char *base64_key, struct span *body, struct err *err)
{
	struct span encoded;
	int r = member(object, base64_key, &encoded, err);

	if (r == -ENOENT && text_key != NULL)
		r = member(object, text_key, body, err);
	else if (r == 0) {
		buf_clear(&work->body);
		r = base64_decode(encoded, &work->body);
		*body = buf_span(&work->body);
		if (r == -EINVAL)
			return err_set(err, r, "%s: not base64", base64_key);
	}
	if (r == -ENOENT)
		return err_set(err, -EINVAL, "%s%s%s is needed",
		    text_key ? text_key : "", text_key ? " or " : "",
		    base64_key);
	return r;
}

/* A header's part; a line end in it would begin another header. */
static int
add_header_text(struct buf *out, const json_t *text, bool lower)
{
	const char *s = json_string_value(text);
	size_t len = json_string_length(text);
	int r = 0;

	for (size_t i = 0; i < len && r == 0; i++) {
		char c = s[i];

		if (c == '\n' || c == '\r' || c == '\0')
			c = ' ';
		r = buf_add_char(out, lower ? span_lower(c) : c);
	}
	return r;
}

static int
read_headers(struct work *work, const json_t *object, struct err *err)
{
	const json_t *headers = json_object_get(object, "headers");
	const json_t *pair;
	size_t i;
	int r = 0;

	buf_clear(&work->headers);
	if (headers != NULL && !json_is_array(headers) &&
	    !json_is_null(headers))
		return err_set(err, -EINVAL, "headers: a list is needed");
	json_array_foreach((json_t *)(uintptr_t)headers, i, pair)
	{
		const json_t *name = json_array_get(pair, 0);
		const json_t *value = json_array_get(pair, 1);

		if (!json_is_string(name) || !json_is_string(value))
			return err_set(err, -EINVAL,
			    "headers: each is [NAME, VALUE]");
		r = add_header_text(&work->headers, name, true);
		if (r == 0)
			r = buf_add_span(&work->headers, SPAN(": "));
		if (r == 0)
			r = add_header_text(&work->headers, value, false);
		if (r == 0)
			r = buf_add_char(&work->headers, '\n');
		if (r < 0)
			return r;
	}
	return 0;
}

static json_t *
text_or_null(struct span text)
{
	return text.ptr != NULL ? filter_text(text) : json_null();
}

static json_t *
name_or_null(const char *name)
{
	return name != NULL ? json_string(name) : json_null();
}

static int
add_link(json_t *list, const struct page_link *link)
{
	static const struct {
		unsigned flag;
		const char *name;
	} flags[] = { { LINK_NOFOLLOW, "nofollow" }, { LINK_UGC, "ugc" },
		{ LINK_SPONSORED, "sponsored" } };
	json_t *object = json_pack("{s:o, s:s}", "url", filter_text(link->url),
	    "kind", link_kind_name(link->kind));
	int r = object != NULL ? 0 : -1;

	for (size_t i = 0; i < ARRAY_LEN(flags) && r == 0; i++) {
		if (link->flags & flags[i].flag)
			r = json_object_set_new(object, flags[i].name,
			    json_true());
	}
	/* Takes the object over, and refuses none. */
	if (json_array_append_new(list, object) < 0)
		r = -1;
	return r;
}

/* Of what a page is shown with, the kinds that the answer knows. */
static bool
is_resource(unsigned kind)
{
	return kind == LINK_IMAGE || kind == LINK_SRCSET ||
	       kind == LINK_SCRIPT || kind == LINK_STYLESHEET ||
	       kind == LINK_MEDIA;
}

static bool
is_link(unsigned kind)
{
	return kind < LINK_IMAGE;
}

static json_t *
links_of(const struct page *page, bool (*takes)(unsigned kind))
{
	json_t *list = json_array();

	for (size_t i = 0; i < page->n_links && list != NULL; i++) {
		if (takes(page->links[i].kind) &&
		    add_link(list, &page->links[i]) < 0) {
			json_decref(list);
			list = NULL;
		}
	}
	return list;
}

static json_t *
refresh_of(const struct page *page)
{
	if (page->refresh_delay < 0)
		return json_null();
	return json_pack("{s:i, s:o}", "delay", (int)page->refresh_delay, "url",
	    filter_text(page->refresh));
}

static json_t *
parsed(const struct page *page)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:{s:b, s:b, s:b}}",
	    "encoding", name_or_null(page->charset), "base",
	    text_or_null(page->base), "links", links_of(page, is_link),
	    "resources", links_of(page, is_resource), "canonical",
	    text_or_null(page->canonical), "refresh", refresh_of(page),
	    "robots", "noindex", (page->robots & PAGE_NOINDEX) != 0, "nofollow",
	    (page->robots & PAGE_NOFOLLOW) != 0, "noarchive",
	    (page->robots & PAGE_NOARCHIVE) != 0);
}

static json_t *
refusal(int r, const struct err *err)
{
	return r == -EINVAL ? filter_error(err->text) : NULL;
}

static json_t *
answer_parse(void *ctx, json_t *object)
{
	struct work *work = ctx;
	struct page_input input = {
		.url = &work->url,
		.robots_agent = span_from(work->config->robots_agent),
		.want_resources = true,
		/* The question is what the page says: URLs as they resolve, the
		 * whole of them.  A crawl's records do without. */
		.want_credentials = true,
	};
	struct err err = ERR_NONE;
	struct span base = SPAN_NONE;
	struct page page;
	int r;

	r = member(object, "base_url", &base, &err);
	if (r == 0)
		r = url_parse(base, NULL, &work->url);
	if (r == 0 && !url_fetchable(&work->url))
		r = -EINVAL;
	if (r == -ENOENT || r == -EMSGSIZE ||
	    (r == -EINVAL && err.text[0] == '\0'))
		r = err_set(&err, -EINVAL,
		    "base_url: an http(s) URL is "
		    "needed");
	if (r == 0)
		r = member(object, "content_type", &input.content_type, &err);
	if (r == 0 || r == -ENOENT)
		r = read_headers(work, object, &err);
	if (r == 0)
		r = read_body(work, object, "html", "html_b64", &input.body,
		    &err);
	if (r < 0)
		return refusal(r, &err);
	input.headers = buf_span(&work->headers);
	r = page_read(work->reader, &input, &page);
	return r < 0 ? NULL : parsed(&page);
}

static json_t *
answer_sniff(void *ctx, json_t *object)
{
	struct work *work = ctx;
	struct page_input input = {
		.url = &work->url,
		.want_text = true, /* of plain text, too */
	};
	struct err err = ERR_NONE;
	struct page page;
	int r;

	r = member(object, "content_type", &input.content_type, &err);
	if (r == 0 || r == -ENOENT)
		r = read_body(work, object, NULL, "body_b64", &input.body,
		    &err);
	if (r == 0)
		r = url_parse(SPAN("http://localhost/"), NULL, &work->url);
	if (r < 0)
		return refusal(r, &err);
	r = page_read(work->reader, &input, &page);
	if (r < 0)
		return NULL;
	return json_pack("{s:o}", "encoding", name_or_null(page.charset));
}

static int
run(filter_answer *answer, int argc, char **argv, const char *question)
{
	const char *name = argv[0];
	struct parser_limits limits;
	struct config config;
	struct work work = { &config };
	struct err err = ERR_NONE;
	int n_words, r;

	r = settings_load(&config, argc - 1, argv + 1, &n_words, &err);
	if (r < 0 || n_words > 0) {
		if (r < 0)
			fprintf(stderr, "mpcrawl %s: %s\n", name, err.text);
		else
			fprintf(stderr,
			    "usage: mpcrawl %s [settings] < questions\n"
			    "a question is a line %s\n",
			    name, question);
		config_fini(&config);
		return EXIT_USAGE;
	}
	parser_limits_init(&limits, &config);
	work.reader = page_reader_new(&limits.page);
	url_init(&work.url);
	buf_init(&work.body, FILTER_LINE_MAX);
	buf_init(&work.headers, FILTER_LINE_MAX);
	r = work.reader != NULL
		? filter_run(answer, &work, STDIN_FILENO, STDOUT_FILENO)
		: -ENOMEM;
	if (r < 0)
		fprintf(stderr, "mpcrawl %s: %s\n", name, strerror(-r));
	buf_fini(&work.headers);
	buf_fini(&work.body);
	url_fini(&work.url);
	page_reader_free(work.reader);
	config_fini(&config);
	return r < 0 ? EXIT_INTERNAL : EXIT_FINISHED;
}

const char command_parse_more[] =
    "The answer is what a crawl with these settings reads in the page: "
    "encoding,\n"
    "base, links with their kinds, resources, canonical, refresh and what it "
    "asks\n"
    "of robots.  \"headers\" may be given, a list of [NAME, VALUE], and "
    "\"html_b64\",\n"
    "in base64, for \"html\".\n\n"
    "  echo '{\"base_url\": \"http://a.test/\", \"html\": \"<a href=x>\"}' |\n"
    "      mpcrawl parse\n";

const char command_sniff_more[] =
    "The answer is {\"encoding\": NAME}, in which a crawl reads such a body;\n"
    "\"content_type\" may be left out.\n\n"
    "  echo '{\"body_b64\": \"77u/aGk=\", \"content_type\": \"text/html\"}' |\n"
    "      mpcrawl sniff\n";

int
command_parse(int argc, char **argv)
{
	return run(answer_parse, argc, argv,
	    "{\"base_url\": URL, \"content_type\": TYPE, \"headers\": "
	    "[[NAME, VALUE], ...], \"html\": TEXT}; \"headers\" may be left "
	    "out, \"html_b64\" stand for \"html\"");
}

int
command_sniff(int argc, char **argv)
{
	return run(answer_sniff, argc, argv,
	    "{\"body_b64\": BASE64, \"content_type\": TYPE}");
}
