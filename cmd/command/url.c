#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd/command/command.h"
#include "cmd/command/filter.h"
#include "lib/html/resolve.h"
#include "lib/url/canon.h"

/* Of one run of the filter: used again for each line. */
struct work {
	struct charset_decoder *dec;
	struct buf query;
	struct url base;
	struct url url;
	struct buf site;
	struct buf page;
};

static struct span
text_of(const json_t *string)
{
	return span_of(json_string_value(string), json_string_length(string));
}

/*
 * Parse what `question` asks for into work->url.  0, -EINVAL: not a URL, or
 * another negative errno; *wrong is set when the question itself is.
 */
static int
resolve(struct work *work, json_t *question, const char **wrong)
{
	json_t *input = json_object_get(question, "input");
	json_t *base = json_object_get(question, "base");
	json_t *encoding = json_object_get(question, "encoding");
	bool based = base != NULL && !json_is_null(base);
	bool encoded = encoding != NULL && !json_is_null(encoding);
	enum charset charset = CHARSET_NONE;
	int r = 0;

	if (json_is_string(encoding))
		charset = charset_of_label(text_of(encoding));
	if (!json_is_string(input))
		*wrong = "\"input\" has to be a string";
	else if (based && !json_is_string(base))
		*wrong = "\"base\" has to be a string or null";
	else if (encoded && charset == CHARSET_NONE)
		*wrong = "\"encoding\" has to be a label of the Encoding "
			 "Standard or null";
	if (*wrong != NULL)
		return -EINVAL;
	if (based)
		r = url_parse(text_of(base), NULL, &work->base);
	if (r == 0)
		r = resolve_link(work->dec, charset, text_of(input),
		    based ? &work->base : NULL, &work->query, &work->url);
	return r;
}

static json_t *
refusal(int r, const char *wrong)
{
	if (wrong != NULL)
		return filter_error(wrong);
	if (r == -EMSGSIZE)
		return filter_error("the URL is longer than 2 MiB, or its "
				    "host than 1024 bytes");
	if (r == -EINVAL)
		return json_pack("{s:b}", "failure", 1);
	return NULL;
}

static json_t *
answer_resolve(void *ctx, json_t *question)
{
	struct work *work = ctx;
	const char *wrong = NULL;
	struct span href;
	int r = resolve(work, question, &wrong);

	if (r < 0)
		return refusal(r, wrong);
	href = url_href(&work->url);
	return json_pack("{s:s%}", "href", href.ptr, href.len);
}

/* The rules that a question names, or a crawl's own.  False: no such rule. */
static bool
read_rules(json_t *question, unsigned *out)
{
	json_t *list = json_object_get(question, "rules"), *name;
	size_t i;

	*out = CANON_DEFAULT;
	if (list == NULL || json_is_null(list))
		return true;
	if (!json_is_array(list))
		return false;
	*out = 0;
	json_array_foreach(list, i, name)
	{
		unsigned rule = json_is_string(name)
				    ? canon_rule_of(text_of(name))
				    : 0;

		if (rule == 0)
			return false;
		*out |= rule;
	}
	return true;
}

static json_t *
answer_canon(void *ctx, json_t *question)
{
	struct canon canon = { 0 };
	struct work *work = ctx;
	const char *wrong = NULL;
	int r;

	if (!read_rules(question, &canon.rules))
		return filter_error("\"rules\" has to be a list of words of "
				    "the setting canon, or null");
	r = resolve(work, question, &wrong);
	if (r == 0 && !url_fetchable(&work->url))
		r = -EINVAL;
	if (r == 0)
		r = canon_key(&canon, &work->url, &work->site, &work->page);
	if (r == 0)
		r = buf_add_span(&work->site, buf_span(&work->page));
	if (r < 0)
		return refusal(r, wrong);
	return json_pack("{s:s%}", "key", work->site.ptr, work->site.len);
}

const char command_url_more[] =
    "resolve answers {\"href\": URL}, canon {\"key\": URL}, by which two URLs "
    "are\n"
    "one page; what is no URL is {\"failure\": true}.  \"base\" and "
    "\"encoding\", the\n"
    "page's own, may be left out.  canon takes \"rules\", too, a list of words "
    "of\n"
    "the setting canon.\n\n"
    "  echo '{\"input\": \"../b?x=1\", \"base\": \"http://a.test/c/d\"}' |\n"
    "      mpcrawl url resolve\n";

int
command_url(int argc, char **argv)
{
	filter_answer *answer = NULL;
	struct work work;
	int r;

	if (argc == 2 && strcmp(argv[1], "resolve") == 0)
		answer = answer_resolve;
	else if (argc == 2 && strcmp(argv[1], "canon") == 0)
		answer = answer_canon;
	if (answer == NULL) {
		fprintf(stderr,
		    "usage: mpcrawl url resolve|canon < questions\n"
		    "a question is a line {\"input\": URL, \"base\": URL, "
		    "\"encoding\": LABEL}; \"base\" and \"encoding\", the "
		    "page's own, may be left out; canon "
		    "takes \"rules\" too, a list of words of the setting "
		    "canon\n");
		return 2;
	}
	work.dec = charset_decoder_new();
	buf_init(&work.query, URL_MAX);
	url_init(&work.base);
	url_init(&work.url);
	/* The key of a URL is no longer than the URL. */
	buf_init(&work.site, URL_MAX);
	buf_init(&work.page, URL_MAX);
	r = -ENOMEM;
	if (work.dec != NULL)
		r = filter_run(answer, &work, STDIN_FILENO, STDOUT_FILENO);
	if (r < 0)
		fprintf(stderr, "mpcrawl url %s: %s\n", argv[1], strerror(-r));
	charset_decoder_free(work.dec);
	buf_fini(&work.query);
	url_fini(&work.base);
	url_fini(&work.url);
	buf_fini(&work.site);
	buf_fini(&work.page);
	return r < 0 ? 1 : 0;
}
