#include "cmd/command/filter.h"

#include <errno.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/utf8.h"

enum {
	CHUNK = 64 << 10,
	ANSWERS_MAX = 64 << 20,
};

struct filter {
	filter_answer *answer;
	void *ctx;
	int in, out;
	struct buf input;   /* from the start of a line */
	struct buf answers; /* not written yet */
	bool too_long;      /* the rest of this line is thrown away */
};

json_t *
filter_error(const char *text)
{
	json_t *string = json_string(text);

	/* jansson quotes the input in its messages, broken bytes and all. */
	if (string == NULL)
		string = json_string("the line is not valid JSON");
	return json_pack("{s:o}", "error", string);
}

json_t *
filter_text(struct span bytes)
{
	struct buf text;
	json_t *string = NULL;
	int r = 0;

	buf_init(&text, 3 * bytes.len);
	while (r == 0 && bytes.len > 0) {
		char utf8[4];
		size_t len;
		uint32_t cp = utf8_decode(bytes, &len, NULL);

		r = buf_add(&text, utf8, utf8_encode(cp, utf8));
		bytes = span_from_at(bytes, len);
	}
	if (r == 0)
		string = json_stringn(text.ptr ? text.ptr : "", text.len);
	buf_fini(&text);
	return string;
}

static int
flush_answers(struct filter *filter)
{
	struct span rest = buf_span(&filter->answers);

	while (rest.len > 0) {
		ssize_t n = write(filter->out, rest.ptr, rest.len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			rest = span_from_at(rest, (size_t)n);
	}
	buf_clear(&filter->answers);
	return 0;
}

static int
add_text(const char *text, size_t len, void *data)
{
	struct buf *answers = data;

	return buf_add(answers, text, len) < 0 ? -1 : 0;
}

/* Takes over `answer`. */
static int
add_answer(struct filter *filter, json_t *answer)
{
	int r = 0;

	if (answer == NULL || json_dump_callback(answer, add_text,
				  &filter->answers, JSON_COMPACT) < 0)
		r = -ENOMEM;
	json_decref(answer);
	if (r == 0)
		r = buf_add_char(&filter->answers, '\n');
	if (r == 0 && filter->answers.len >= CHUNK)
		r = flush_answers(filter);
	return r;
}

static int
answer_line(struct filter *filter, struct span line)
{
	json_error_t error;
	json_t *question, *answer;

	if (filter->too_long) {
		filter->too_long = false;
		return add_answer(filter,
		    filter_error("the line is longer than 32 MiB"));
	}
	question = json_loadb(line.ptr, line.len,
	    JSON_ALLOW_NUL | JSON_DECODE_ANY, &error);
	if (question == NULL)
		answer = filter_error(error.text);
	else if (!json_is_object(question))
		answer = filter_error("the line is not a JSON object");
	else
		answer = filter->answer(filter->ctx, question);
	json_decref(question);
	return add_answer(filter, answer);
}

/* Answer the lines that are whole; `fresh` bytes at the end are new. */
static int
answer_lines(struct filter *filter, size_t fresh)
{
	struct buf *input = &filter->input;
	struct span rest = buf_span(input);
	size_t seen = rest.len - fresh;
	const char *end;
	int r = 0;

	while (r == 0 &&
	       (end = memchr(rest.ptr + seen, '\n', rest.len - seen)) != NULL) {
		size_t len = (size_t)(end - rest.ptr);

		r = answer_line(filter, span_of(rest.ptr, len));
		rest = span_from_at(rest, len + 1);
		seen = 0;
	}
	if (filter->too_long || rest.len > FILTER_LINE_MAX) {
		filter->too_long = true;
		rest.len = 0;
	}
	memmove(input->ptr, rest.ptr, rest.len);
	input->len = rest.len;
	return r;
}

int
filter_run(filter_answer *answer, void *ctx, int in, int out)
{
	struct filter filter = { answer, ctx, in, out };
	int r;

	buf_init(&filter.input, FILTER_LINE_MAX + CHUNK);
	buf_init(&filter.answers, ANSWERS_MAX);
	do {
		char *room = buf_room(&filter.input, CHUNK);
		ssize_t n;

		r = room == NULL ? -ENOMEM : flush_answers(&filter);
		if (r < 0)
			break;
		n = read(in, room, CHUNK);
		if (n == 0) {
			/* The last line may lack its newline. */
			if (filter.input.len > 0 || filter.too_long)
				r = answer_line(&filter,
				    buf_span(&filter.input));
			if (r == 0)
				r = flush_answers(&filter);
			break;
		}
		if (n < 0) {
			r = errno == EINTR ? 0 : -errno;
			continue;
		}
		filter.input.len += (size_t)n;
		r = answer_lines(&filter, (size_t)n);
	} while (r == 0);
	buf_fini(&filter.input);
	buf_fini(&filter.answers);
	return r;
}
