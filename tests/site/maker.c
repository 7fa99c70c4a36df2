/*
 * maker - pages that are made when they are asked for: generated sites, and
 * the traps that catch a crawler which only follows links.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/site/answer.h"

/* The number at the end of a path ("…/page12.html", "…/12"), and where it
 * begins; false: there is none. */
static bool
maker_number(struct span path, struct span suffix, size_t *at, unsigned *out)
{
	size_t begin;

	if (!span_ends(path, suffix))
		return false;
	path.len -= suffix.len;
	begin = path.len;
	while (begin > 0 && path.ptr[begin - 1] >= '0' &&
	       path.ptr[begin - 1] <= '9')
		begin--;
	if (path.len - begin == 0 || path.len - begin > 9)
		return false;
	*at = begin;
	*out = 0;
	for (size_t i = begin; i < path.len; i++)
		*out = *out * 10 + (unsigned)(path.ptr[i] - '0');
	return true;
}

static void
maker_link(struct buf *body, unsigned to)
{
	if (to == 0)
		must(buf_printf(body, "<a href=\"./\">0</a>\n") == 0);
	else
		must(buf_printf(body, "<a href=\"page%u.html\">%u</a>\n", to,
			 to) == 0);
}

/* Page 0 is the folder, the others are pageN.html in it; most links lead to
 * what is known. */
static int
maker_tree(const struct site_page *page, const struct site_ask *ask,
    struct buf *headers, struct buf *body)
{
	unsigned i = 0, n = page->maker_n ? page->maker_n : 1;
	size_t at;

	(void)headers;
	if (!span_ends(ask->target, SPAN("/")) &&
	    (!maker_number(ask->target, SPAN(".html"), &at, &i) || i >= n))
		return 0;
	must(buf_printf(body, "<!DOCTYPE html><title>Page %u</title>\n", i) ==
	     0);
	maker_link(body, 0);
	maker_link(body, i / 10);
	maker_link(body, (i * 7 + 3) % n);
	for (unsigned k = 10 * i + 1; k <= 10 * i + 10 && k < n; k++)
		maker_link(body, k);
	return 200;
}

/* …/YYYY/M: a month. */
static int
maker_calendar(const struct site_page *page, const struct site_ask *ask,
    struct buf *headers, struct buf *body)
{
	struct span path = ask->target;
	const char *mark = memchr(path.ptr, '?', path.len);
	unsigned month, year;
	size_t at;

	(void)page, (void)headers;
	if (mark != NULL)
		path.len = (size_t)(mark - path.ptr);
	if (!maker_number(path, SPAN(""), &at, &month) || at < 2 ||
	    !maker_number(span_of(path.ptr, at - 1), SPAN(""), &at, &year) ||
	    month < 1 || month > 12)
		return 0;
	path.len = at;
	must(
	    buf_printf(body,
		"<!DOCTYPE html><title>%u/%u</title>\n"
		"<a href=\"%.*s%u/%u\">before</a>\n"
		"<a href=\"%.*s%u/%u\">after</a>\n",
		month, year, SPAN_ARG(path), month > 1 ? year : year - 1,
		month > 1 ? month - 1 : 12, SPAN_ARG(path),
		month < 12 ? year : year + 1, month < 12 ? month + 1 : 1) == 0);
	for (unsigned day = 1; day <= 28; day++)
		must(buf_printf(body, "<a href=\"?day=%u\">%u</a>\n", day,
			 day) == 0);
	return 200;
}

/* Each filter is offered behind those that are in the query already. */
static int
maker_facets(const struct site_page *page, const struct site_ask *ask,
    struct buf *headers, struct buf *body)
{
	const char *mark = memchr(ask->target.ptr, '?', ask->target.len);
	struct span query = SPAN_NONE;
	char name[16];

	(void)headers;
	if (mark != NULL)
		query = span_from_at(ask->target,
		    (size_t)(mark - ask->target.ptr) + 1);
	must(buf_printf(body, "<!DOCTYPE html><title>%.*s</title>\n",
		 SPAN_ARG(query)) == 0);
	for (unsigned i = 0; i < page->maker_n; i++) {
		int len = snprintf(name, sizeof(name), "f%u=1", i);

		if (query.len > 0 &&
		    memmem(query.ptr, query.len, name, (size_t)len) != NULL)
			continue;
		must(buf_printf(body, "<a href=\"?%.*s%s%s\">%s</a>\n",
			 SPAN_ARG(query), query.len > 0 ? "&amp;" : "", name,
			 name) == 0);
	}
	return 200;
}

static int
maker_countdown(const struct site_page *page, const struct site_ask *ask,
    struct buf *headers, struct buf *body)
{
	unsigned left;
	size_t at;

	if (!maker_number(ask->target, SPAN(""), &at, &left))
		return 0;
	if (left == 0) {
		must(
		    buf_printf(body, "<!DOCTYPE html><title>0</title>\n") == 0);
		return 200;
	}
	must(buf_printf(headers, "Location: %.*s%u\r\n", (int)at,
		 ask->target.ptr, left - 1) == 0);
	return page->status ? page->status : 302;
}

int
site_maker_make(const struct site_page *page, const struct site_ask *ask,
    struct buf *headers, struct buf *body)
{
	static int (*const make[SITE_MAKERS])(const struct site_page *,
	    const struct site_ask *, struct buf *, struct buf *) = {
		[SITE_TREE] = maker_tree,
		[SITE_CALENDAR] = maker_calendar,
		[SITE_FACETS] = maker_facets,
		[SITE_COUNTDOWN] = maker_countdown,
	};
	int status = make[page->maker](page, ask, headers, body);

	if (memmem(headers->ptr ? headers->ptr : "", headers->len,
		"Content-Type:", 13) == NULL)
		must(buf_printf(headers,
			 "Content-Type: text/html; charset=utf-8\r\n") == 0);
	return status;
}
