#include "lib/sitemap/sitemap.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd/command/command.h"
#include "cmd/command/filter.h"
#include "lib/base/base64.h"
#include "lib/base/err.h"
#include "lib/url/url.h"

enum {
	/* Of one answer, as JSON: a filter may write 64 MiB. */
	ANSWER_MAX = 48 << 20,
	ENTRY_SYNTAX = 128,
};

/* Of one run of the filter: used again for each line. */
struct work {
	struct sitemap_reader *reader;
	struct buf body;
	struct url url, listed;
};

/* The answer as it grows. */
struct answer {
	struct work *work;
	json_t *entries;
	size_t len; /* about what is in it, as JSON */
	bool no_memory;
};

/* The text of a member, SPAN_NONE when it is none. */
static struct span
member(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_string(value))
		return SPAN_NONE;
	return span_of(json_string_value(value), json_string_length(value));
}

static void
add_text(struct answer *answer, json_t *to, const char *key, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		answer->len += c < ' ' || c == '"' || c == '\\' ? 6 : 1;
	}
	if (text.len > 0 && json_object_set_new(to, key, filter_text(text)) < 0)
		answer->no_memory = true;
}

static bool
take(void *arg, const struct sitemap_entry *entry)
{
	struct answer *answer = arg;
	struct work *work = answer->work;
	json_t *object;

	if (answer->len > ANSWER_MAX)
		return false;
	answer->len += ENTRY_SYNTAX;
	object = json_object();
	if (object == NULL) {
		answer->no_memory = true;
		return false;
	}
	/* As the file has it, before it is parsed as a URL: with a user and a
	 * password, should it hold one.  A crawl drops those. */
	add_text(answer, object, "loc", entry->loc);
	add_text(answer, object, "lastmod", entry->lastmod);
	add_text(answer, object, "changefreq", entry->changefreq);
	add_text(answer, object, "priority", entry->priority);
	if (url_parse(entry->url, NULL, &work->listed) < 0 ||
	    json_object_set_new(object, "in_scope",
		json_boolean(sitemap_covers(&work->url, &work->listed))) < 0)
		answer->no_memory = true;
	if (json_array_append_new(answer->entries, object) < 0)
		answer->no_memory = true;
	return !answer->no_memory;
}

static json_t *
answer_object(const struct sitemap_report *report, json_t *entries)
{
	static const char *const cuts[SITEMAP_CUTS] = {
		[SITEMAP_CUT_BYTES] = "bytes",
		[SITEMAP_CUT_URLS] = "urls",
		[SITEMAP_CUT_ROOM] = "answer",
	};
	bool index = report->type == SITEMAP_INDEX;
	char words[120];
	json_t *object;

	sitemap_describe(report, words, sizeof(words));
	object = json_pack("{s:s*, s:o, s:o, s:o}", "type",
	    report->type != SITEMAP_NONE ? sitemap_type_name(report->type)
					 : NULL,
	    index ? "sitemaps" : "urls", entries, index ? "urls" : "sitemaps",
	    json_array(), "error",
	    words[0] != '\0' ? json_string(words) : json_null());
	if (object != NULL && report->type == SITEMAP_NONE)
		json_object_set_new(object, "type", json_null());
	if (object != NULL && report->dropped > 0) {
		json_object_set_new(object, "dropped",
		    json_integer(report->dropped));
		json_object_set_new(object, "dropped_first",
		    json_string(sitemap_drop_words(report->drop)));
	}
	if (object != NULL && cuts[report->cut] != NULL)
		json_object_set_new(object, "cut",
		    json_string(cuts[report->cut]));
	return object;
}

/* The spans point into `object`. */
static int
read_question(struct work *work, const json_t *object,
    struct sitemap_input *input, struct err *err)
{
	struct span url = member(object, "url");
	struct span encoded = member(object, "body_b64");
	const json_t *type = json_object_get(object, "content_type");
	int r;

	if (url.ptr == NULL || encoded.ptr == NULL)
		return err_set(err, -EINVAL, "url and body_b64 are needed");
	if (type != NULL && !json_is_null(type) && !json_is_string(type))
		return err_set(err, -EINVAL,
		    "content_type: a string is needed");
	r = url_parse(url, NULL, &work->url);
	if (r == -ENOMEM)
		return r;
	if (r < 0 || !url_fetchable(&work->url))
		return err_set(err, -EINVAL, "url: an http(s) URL is needed");
	buf_clear(&work->body);
	r = base64_decode(encoded, &work->body);
	if (r == -EINVAL)
		err_set(err, r, "body_b64: not base64");
	*input = (struct sitemap_input){ .body = buf_span(&work->body),
		.content_type = member(object, "content_type"),
		.url = &work->url };
	return r;
}

static json_t *
answer(void *ctx, json_t *object)
{
	struct work *work = ctx;
	struct answer found = { .work = work };
	struct sitemap_report report;
	struct sitemap_input input;
	struct err err = ERR_NONE;
	int r = read_question(work, object, &input, &err);

	if (r == -EINVAL)
		return filter_error(err.text);
	found.entries = r == 0 ? json_array() : NULL;
	if (found.entries == NULL)
		return NULL;
	r = sitemap_read(work->reader, &input, take, &found, &report);
	if (r < 0 || found.no_memory) {
		json_decref(found.entries);
		return NULL;
	}
	return answer_object(&report, found.entries);
}

const char command_sitemap_more[] =
    "The answer is {\"type\": KIND, \"urls\": [ENTRY, ...], \"sitemaps\": "
    "[ENTRY,\n"
    "...], \"error\": TEXT}, and of entries that were left out how many and "
    "why\n"
    "the first of them, \"dropped\" and \"dropped_first\".  \"content_type\" "
    "may be\n"
    "given, for its charset.\n\n"
    "  echo '{\"url\": \"http://a.test/map\", \"body_b64\": "
    "\"aHR0cDovL2EudGVzdC94\"}' |\n"
    "      mpcrawl sitemap\n";

int
command_sitemap(int argc, char **argv)
{
	struct sitemap_limits limits = { .max_bytes = SITEMAP_BYTES_MAX,
		.max_urls = SITEMAP_URLS_MAX,
		.max_url_length = 4096 };
	struct work work = { .reader = NULL };
	int r;

	if (argc > 1) {
		fprintf(stderr,
		    "usage: mpcrawl %s < questions\n"
		    "a question is a line {\"url\": URL, \"content_type\": "
		    "TYPE, \"body_b64\": BASE64}; \"content_type\" may be "
		    "left out\n",
		    argv[0]);
		return 2;
	}
	buf_init(&work.body, FILTER_LINE_MAX);
	url_init(&work.url);
	url_init(&work.listed);
	work.reader = sitemap_reader_new(&limits);
	r = work.reader != NULL
		? filter_run(answer, &work, STDIN_FILENO, STDOUT_FILENO)
		: -ENOMEM;
	if (r < 0)
		fprintf(stderr, "mpcrawl sitemap: %s\n", strerror(-r));
	sitemap_reader_free(work.reader);
	url_fini(&work.listed);
	url_fini(&work.url);
	buf_fini(&work.body);
	return r < 0 ? 1 : 0;
}
