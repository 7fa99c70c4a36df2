#include "cmd/demo/scrape.h"

#include <unistd.h>

#include "cmd/demo/demo.h"
#include "cmd/demo/titles.h"
#include "ipc/mp/queue.h"

struct job {
	const struct blog *blog;
	struct mp_queue *urls, *htmls;
	int file;
};

void
scrape_path(char path[static 32], bool by_fragment, unsigned page)
{
	snprintf(path, 32, by_fragment ? "/#p%u" : "/?page=%u", page);
}

/* One line, and one write of it: lines of five processes do not mix. */
static void
say(struct mp_context *ctx, const struct job *job, const char *what)
{
	printf("  %-6s  %-18s urls %2zu  htmls %2zu\n", mp_current_process(ctx),
	    what, mp_queue_size(job->urls), mp_queue_size(job->htmls));
}

static int
craw(struct mp_context *ctx, void *arg)
{
	const struct job *job = arg;
	struct buf html;
	char path[32], what[64];
	size_t len;
	int r;

	buf_init(&html, 2 * BLOG_PAGE_MAX);
	while (
	    (r = mp_queue_get(job->urls, path, sizeof(path), &len, -1)) == 0) {
		/* What is behind a # is for the browser, and not sent. */
		snprintf(what, sizeof(what), "fetched %s", path);
		path[strcspn(path, "#")] = '\0';
		must(blog_fetch(job->blog, path, &html) == 0);
		must(mp_queue_put(job->htmls, html.ptr, html.len, -1) == 0);
		say(ctx, job, what);
	}
	buf_fini(&html);
	return r != MP_ECLOSED;
}

static int
parse(struct mp_context *ctx, void *arg)
{
	static char html[2 * BLOG_PAGE_MAX];
	const struct job *job = arg;
	struct buf lines;
	char what[64];
	size_t len;
	int r;

	buf_init(&lines, BLOG_PAGE_MAX);
	while (
	    (r = mp_queue_get(job->htmls, html, sizeof(html), &len, -1)) == 0) {
		snprintf(what, sizeof(what), "found %u titles",
		    titles_of(blog_body(span_of(html, len)), &lines));
		/* Appended by one write: whole, between those of others. */
		must(write(job->file, lines.ptr, lines.len) ==
		     (ssize_t)lines.len);
		buf_clear(&lines);
		say(ctx, job, what);
	}
	buf_fini(&lines);
	return r != MP_ECLOSED;
}

static int
start(struct mp_context *ctx, const char *kind, mp_target *fn, struct job *job,
    unsigned n, struct mp_process **all)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < n; i++) {
		char name[16];
		const struct mp_process_attr attr = { .name = name };

		snprintf(name, sizeof(name), "%s%u", kind, i);
		r = mp_process_create(ctx, &attr, fn, job, &all[i]);
		if (r == 0)
			r = mp_process_start(all[i]);
	}
	return r;
}

/* No more will come: whoever takes from it ends, once it is empty. */
static int
finish(struct mp_queue *q, struct mp_process **all, unsigned n)
{
	int code, r = mp_queue_shut(q);

	for (unsigned i = 0; r == 0 && i < n; i++) {
		r = mp_process_join(all[i], -1);
		if (r == 0 && (!mp_process_exitcode(all[i], &code) || code))
			r = MP_EBROKEN;
	}
	return r;
}

int
scrape(struct mp_context *ctx, const struct blog *blog, bool by_fragment,
    unsigned first, unsigned n, int file)
{
	struct job job = { .blog = blog, .file = file };
	struct mp_process *crawlers[SCRAPE_CRAWLERS], *parsers[SCRAPE_PARSERS];
	int r;

	if ((r = mp_queue_open(ctx, NULL, NULL, &job.urls)) < 0 ||
	    (r = mp_queue_open(ctx, NULL, NULL, &job.htmls)) < 0)
		goto done;
	for (unsigned i = 0; r == 0 && i < n; i++) {
		char path[32];

		scrape_path(path, by_fragment, first + i);
		r = mp_queue_put(job.urls, path, sizeof(path), -1);
	}
	printf("  parent  put %2u URLs        urls %2zu  htmls %2zu\n", n,
	    mp_queue_size(job.urls), mp_queue_size(job.htmls));
	if (r == 0)
		r = start(ctx, "craw", craw, &job, SCRAPE_CRAWLERS, crawlers);
	if (r == 0)
		r = start(ctx, "parse", parse, &job, SCRAPE_PARSERS, parsers);
	if (r == 0)
		r = finish(job.urls, crawlers, SCRAPE_CRAWLERS);
	if (r == 0)
		r = finish(job.htmls, parsers, SCRAPE_PARSERS);
	if (r < 0) { /* those that run are to end, too */
		mp_queue_shut(job.urls);
		mp_queue_shut(job.htmls);
	}
done:
	mp_queue_close(job.htmls);
	mp_queue_close(job.urls);
	return r;
}
