#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd/command/command.h"
#include "cmd/command/filter.h"
#include "lib/base/base64.h"
#include "lib/base/err.h"
#include "lib/robots/robots.h"
#include "lib/url/url.h"

enum {
	/* As much of a robots.txt as a crawl reads (robots_max_bytes). */
	TEXT_MAX = 512 << 10,
	REPEATS_MAX = 1000 * 1000
};

/* What one line asks.  `text` is owned. */
struct question {
	struct buf text;
	struct span agent, url;
	int status;
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

/* Add, but no more than a crawl would read: the rest is cut off. */
static int
add_text(struct buf *text, struct span more)
{
	size_t room = text->limit - text->len;

	return buf_add(text, more.ptr, more.len < room ? more.len : room);
}

static int
add_repeated(struct buf *text, const json_t *repeats, struct err *err)
{
	const json_t *repeat;
	size_t i;
	int r = 0;

	json_array_foreach((json_t *)(uintptr_t)repeats, i, repeat)
	{
		struct span more = member(repeat, "text");
		const json_t *count = json_object_get(repeat, "times");
		json_int_t times = json_integer_value(count);

		if (more.ptr == NULL || !json_is_integer(count) || times < 0 ||
		    times > REPEATS_MAX)
			return err_set(err, -EINVAL,
			    "repeat_before: each has a text and times, 0 to %d",
			    REPEATS_MAX);
		while (r == 0 && times-- > 0 && text->len < text->limit)
			r = add_text(text, more);
	}
	return r;
}

static int
add_base64(struct buf *text, struct span encoded, struct err *err)
{
	struct buf bytes;
	int r;

	buf_init(&bytes, FILTER_LINE_MAX);
	r = base64_decode(encoded, &bytes);
	if (r == -EINVAL)
		err_set(err, r, "robots_b64: not base64");
	if (r == 0)
		r = add_text(text, buf_span(&bytes));
	buf_fini(&bytes);
	return r;
}

/* The spans point into `object`. */
static int
read_question(const json_t *object, struct question *q, struct err *err)
{
	const json_t *status = json_object_get(object, "status");
	struct span robots = member(object, "robots");
	struct span encoded = member(object, "robots_b64");
	int r;

	q->agent = member(object, "agent");
	q->url = member(object, "url");
	q->status = 200;
	if (q->agent.ptr == NULL || q->url.ptr == NULL)
		return err_set(err, -EINVAL, "agent and url are needed");
	if (json_is_integer(status)) {
		json_int_t value = json_integer_value(status);

		/* Whatever it is, it is none that has a meaning. */
		q->status = value > 0 && value < 1000 ? (int)value : 0;
	} else if (status != NULL && !json_is_null(status)) {
		return err_set(err, -EINVAL, "status: a number is needed");
	}
	if (robots_meaning(q->status) == ROBOTS_USE_BODY &&
	    robots.ptr == NULL && encoded.ptr == NULL)
		return err_set(err, -EINVAL, "robots or robots_b64 is needed");

	buf_clear(&q->text);
	r = add_repeated(&q->text, json_object_get(object, "repeat_before"),
	    err);
	if (r == 0 && encoded.ptr != NULL)
		r = add_base64(&q->text, encoded, err);
	else if (r == 0)
		r = add_text(&q->text, robots);
	return r;
}

static json_t *
answer_object(bool allowed, struct span block)
{
	int64_t delay_ms = robots_crawl_delay_ms(block);
	json_t *sitemaps = json_array();
	struct span sitemap;

	for (size_t i = 0; robots_sitemap(block, i, &sitemap); i++)
		json_array_append_new(sitemaps, filter_text(sitemap));
	return json_pack("{s:b, s:o, s:o}", "allowed", (int)allowed, "sitemaps",
	    sitemaps, "crawl_delay",
	    delay_ms < 0 ? json_null() : json_real((double)delay_ms / 1000));
}

/* Compile and ask, as the parser and the scheduler of a crawl do. */
static int
ask(const struct question *q, struct url *url, json_t **out, struct err *err)
{
	struct span text = buf_span(&q->text);
	struct buf block;
	bool allowed = true;
	int r;

	r = url_parse(q->url, NULL, url);
	if (r == -ENOMEM)
		return r;
	if (r < 0 || !url_fetchable(url))
		return err_set(err, -EINVAL, "url: an http(s) URL is needed");
	if (text.len > TEXT_MAX)
		text = robots_whole_lines(span_of(text.ptr, TEXT_MAX));
	buf_init(&block, TEXT_MAX + ROBOTS_BLOCK_OVERHEAD);
	switch (robots_meaning(q->status)) {
	case ROBOTS_USE_BODY:
		r = robots_compile(text, q->agent, &block);
		if (r == 0)
			allowed = robots_allows(buf_span(&block),
			    url_target(url));
		break;
	case ROBOTS_FOLLOW: /* it has led nowhere, else this were not asked */
	case ROBOTS_ALLOW_ALL:
		break;
	case ROBOTS_UNREACHABLE:
		allowed = false;
		break;
	}
	if (r == 0) {
		*out = answer_object(allowed, buf_span(&block));
		r = *out != NULL ? 0 : -ENOMEM;
	}
	buf_fini(&block);
	return r;
}

/* Of one run of the filter: used again for each line. */
struct work {
	struct question question;
	struct url url;
};

static json_t *
answer(void *ctx, json_t *object)
{
	struct work *work = ctx;
	struct err err = ERR_NONE;
	json_t *out = NULL;
	int r;

	r = read_question(object, &work->question, &err);
	if (r == 0)
		r = ask(&work->question, &work->url, &out, &err);
	if (r == -EINVAL)
		return filter_error(err.text);
	return out;
}

const char command_robots_check_more[] =
    "The answer is {\"allowed\": BOOLEAN, \"sitemaps\": [URL, ...],\n"
    "\"crawl_delay\": SECONDS}.  \"robots_b64\", in base64, may stand for "
    "\"robots\";\n"
    "\"status\", that of the answer with the file, may be left out: 200.\n\n"
    "  printf '%s %s\\n' '{\"robots\": \"User-agent: *\\nDisallow: /x\",' \\\n"
    "      '\"agent\": \"me\", \"url\": \"http://a.test/x\"}' | mpcrawl "
    "robots-check\n";

int
command_robots_check(int argc, char **argv)
{
	struct work work = { 0 };
	int r;

	if (argc > 1) {
		fprintf(stderr,
		    "usage: mpcrawl %s < questions\n"
		    "a question is a line {\"robots\": TEXT, \"agent\": "
		    "NAME, \"url\": URL, \"status\": N}; \"status\" may be "
		    "left out\n",
		    argv[0]);
		return 2;
	}
	buf_init(&work.question.text, TEXT_MAX + 1); /* tells it was cut */
	url_init(&work.url);
	r = filter_run(answer, &work, STDIN_FILENO, STDOUT_FILENO);
	if (r < 0)
		fprintf(stderr, "mpcrawl robots-check: %s\n", strerror(-r));
	url_fini(&work.url);
	buf_fini(&work.question.text);
	return r < 0 ? 1 : 0;
}
