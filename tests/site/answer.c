#include "tests/site/answer.h"

#include <stdlib.h>
#include <time.h>

#define ANSWER_MAX (256u << 20)

/* One mark at the start of `text`: its length, its value in *out; 0: none. */
static size_t
answer_mark(struct span text, const struct site_ask *ask, struct buf *out)
{
	const char *end = memchr(text.ptr, '}', text.len);
	struct span name;
	char digits[16] = "";

	if (end == NULL)
		return 0;
	name = span_of(text.ptr + 1, (size_t)(end - text.ptr) - 1);
	if (span_eq(name, SPAN("port"))) {
		must(buf_printf(out, "%u", ask->port) == 0);
	} else if (span_eq(name, SPAN("host"))) {
		must(buf_add_span(out, ask->host) == 0);
	} else if (span_eq(name, SPAN("base"))) {
		must(
		    buf_printf(out, "%s://%.*s:%u", ask->tls ? "https" : "http",
			SPAN_ARG(ask->host), ask->port) == 0);
	} else if (span_eq(name, SPAN("path"))) {
		must(buf_add_span(out, ask->target) == 0);
	} else if (span_eq(name, SPAN("n"))) {
		must(buf_printf(out, "%u", ask->n) == 0);
	} else if (span_starts(name, SPAN("date")) &&
		   name.len - 4 < sizeof(digits)) {
		time_t then;
		struct tm tm;

		memcpy(digits, name.ptr + 4, name.len - 4);
		then = time(NULL) + strtol(digits, NULL, 10);
		gmtime_r(&then, &tm);
		must(buf_room(out, 64) != NULL);
		out->len += strftime(out->ptr + out->len, 64,
		    "%a, %d %b %Y %H:%M:%S GMT", &tm);
	} else {
		return 0;
	}
	return name.len + 2;
}

static void
answer_fill(struct buf *out, struct span text, const struct site_ask *ask)
{
	while (text.len > 0) {
		const char *brace = memchr(text.ptr, '{', text.len);
		size_t before = brace ? (size_t)(brace - text.ptr) : text.len;
		size_t mark = 0;

		must(buf_add(out, text.ptr, before) == 0);
		text = span_from_at(text, before);
		if (text.len > 0) {
			mark = answer_mark(text, ask, out);
			if (mark == 0) {
				must(buf_add_char(out, '{') == 0);
				mark = 1;
			}
		}
		text = span_from_at(text, mark);
	}
}

static void
answer_repeat(struct buf *out, struct span unit, size_t size)
{
	for (size_t at = 0; at < size; at += unit.len) {
		size_t part = size - at < unit.len ? size - at : unit.len;

		must(buf_add(out, unit.ptr, part) == 0);
	}
}

static void
answer_lay_out(struct site_answer *answer, const struct site_page *page,
    const struct site_ask *ask, int status, struct span headers,
    struct span body)
{
	size_t size = body.len ? page->size ? page->size : body.len : 0;
	bool chunked = page->how == SITE_CHUNKED && !ask->h2;
	struct buf *out = &answer->bytes;

	if (page->how == SITE_RAW) {
		answer_repeat(out, body, size);
		return;
	}
	if (page->informs)
		must(buf_printf(out,
			 "HTTP/1.1 100 Continue\r\n\r\n"
			 "HTTP/1.1 103 Early Hints\r\n"
			 "Link: </s.css>; rel=preload\r\n\r\n") == 0);
	answer->status = status;
	answer->head_at = out->len;
	must(buf_printf(out, "HTTP/1.1 %d Site\r\n", status) == 0);
	must(buf_add_span(out, headers) == 0);
	if (chunked)
		must(buf_printf(out, "Transfer-Encoding: chunked\r\n") == 0);
	else if (page->how == SITE_CLOSE)
		must(buf_printf(out, "Connection: close\r\n") == 0);
	else if (page->how != SITE_CHUNKED && status != 204 && status != 304)
		must(buf_printf(out, "Content-Length: %zu\r\n",
			 page->how == SITE_LONGER ? size / 2 : size) == 0);
	must(buf_printf(out, "\r\n") == 0);
	answer->head_len = out->len - answer->head_at;
	answer->drip_from = out->len + page->burst;
	if (chunked && size > 0)
		must(buf_printf(out, "%zx\r\n", size) == 0);
	answer_repeat(out, body, page->how == SITE_HALF ? size / 2 : size);
	if (chunked)
		must(buf_printf(out, "%s0\r\nX-Trailer: late\r\n\r\n",
			 size > 0 ? "\r\n" : "") == 0);
}

bool
site_answer_is_fixed(const struct site_page *page)
{
	return !page->marks && page->maker == SITE_AS_WRITTEN;
}

void
site_answer_make(struct site_answer *answer, const struct site_page *page,
    const struct site_ask *ask)
{
	struct span headers = span_from(page->headers), body;
	int status = page->status ? page->status : 200;
	struct buf filled_headers, filled_body;

	*answer = (struct site_answer){ .drip_from = 0 };
	buf_init(&answer->bytes, ANSWER_MAX);
	buf_init(&filled_headers, ANSWER_MAX);
	buf_init(&filled_body, ANSWER_MAX);
	body = page->body_len ? span_of(page->body, page->body_len)
			      : span_from(page->body);
	answer->resets = page->how == SITE_RESET;
	answer->silent = page->how == SITE_SILENT;
	answer->closes = page->how == SITE_CLOSE || page->how == SITE_HALF ||
			 page->how == SITE_RAW || page->how == SITE_HANG_UP ||
			 answer->resets;
	if (page->how == SITE_HANG_UP || answer->resets || answer->silent)
		return;
	if (page->marks) {
		answer_fill(&filled_headers, headers, ask);
		answer_fill(&filled_body, body, ask);
	} else if (page->maker != SITE_AS_WRITTEN) {
		must(buf_add_span(&filled_headers, headers) == 0);
	}
	if (page->maker != SITE_AS_WRITTEN) {
		status = site_maker_make(page, ask, &filled_headers,
		    &filled_body);
		if (status == 0)
			status = 404;
	}
	if (!site_answer_is_fixed(page)) {
		headers = buf_span(&filled_headers);
		body = buf_span(&filled_body);
	}
	answer_lay_out(answer, page, ask, status, headers, body);
	buf_fini(&filled_headers);
	buf_fini(&filled_body);
}

void
site_answer_fini(struct site_answer *answer)
{
	buf_fini(&answer->bytes);
}
