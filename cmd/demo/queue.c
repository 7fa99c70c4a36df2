
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "cmd/demo/careless.h"
#include "cmd/demo/demo.h"
#include "cmd/demo/scrape.h"
#include "lib/url/url.h"

enum {
	CRAWLERS = 3,
	PARSERS = 2,
	FIRST = 2,
	LAST = 19,
	PAGES = LAST - FIRST + 1
};

static struct blog blog;
static const char *path = "queue_data.txt";
static bool keep_fragments;

/* clang-format off */
static const struct demo_option options[] = {
	{ "--out", "FILE", "where the pairs go (queue_data.txt)", .text = &path },
	{ "--keep-fragments", NULL, "fetch /#p2 ... /#p19, as if they were 18 pages", .flag = &keep_fragments },
	{ NULL },
};

static const char about[] =
"A blog's list pages 2 to 19, from a server here.  Three crawlers take URLs from a\n"
"queue, fetch them, and put the HTML into another; two parsers take it from there\n"
"and write (href, text) of each a.post-item-title into a file.\n";

static const char answer[] =
"\nAnswer: not because it is ordered, but because one claim is one atomic step: whoever\n"
"takes an item changes one word, from 'in the queue' to 'mine', if it still says so,\n"
"and of two who try one sees that it does not.  (Killed with an item in hand: that\n"
"word says whose it was, and it comes again.)\n"
"The classic program starts its consumers with while True: get().  An empty queue\n"
"does not say whether more will come, so they wait for ever, the parent joins them\n"
"for ever, and the file is never closed: its last lines may never be written.  Here\n"
"the queue of URLs is shut when all are in it: a get() of a queue that is shut and\n"
"empty says so, the crawlers end, then the HTML queue is shut, and the parsers end.\n";
/* clang-format on */

/* As many URLs as pages, to a person; by the standard (lib/url) just one. */
static void
fragments(void)
{
	struct url url;
	char text[64], first[64] = "";
	unsigned same = 0;

	url_init(&url);
	for (unsigned i = FIRST; i <= LAST; i++) {
		struct span bare;

		snprintf(text, sizeof(text), "http://127.0.0.1/#p%u", i);
		must(url_parse(span_from(text), NULL, &url) == 0);
		bare = url_href_bare(&url);
		if (first[0] == '\0')
			snprintf(first, sizeof(first), "%.*s", SPAN_ARG(bare));
		same += span_eq(bare, span_from(first));
	}
	url_fini(&url);
	demo_heading("/#p2 ... /#p19");
	printf("  What stands behind a # is for the browser; it is never sent "
	       "to a server.\n");
	demo_claim(same == PAGES, "%u addresses, and one page: %s", same,
	    first);
	printf("  So %s\n",
	    keep_fragments ? "the server gives page 1 for each of them, as "
			     "--keep-fragments asks."
			   : "the pages are asked for as /?page=2 ... "
			     "/?page=19.");
}

static unsigned
lines_in(int file)
{
	unsigned n = 0;
	char byte;

	for (off_t at = 0; pread(file, &byte, 1, at) == 1; at++)
		n += byte == '\n';
	return n;
}

static int
crawl(struct mp_context *ctx)
{
	const int file = open(path,
	    O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
	int r;

	if (file < 0)
		return -errno;
	demo_heading("3 crawlers, 2 parsers; how much is in the queues after "
		     "each step");
	r = scrape(ctx, &blog, keep_fragments, FIRST, PAGES, file);
	putchar('\n');
	demo_claim(r == 0, "all five processes ended by themselves");
	demo_claim(lines_in(file) == PAGES * BLOG_POSTS,
	    "%s has %u pairs, %d of each page", path, lines_in(file),
	    BLOG_POSTS);
	close(file);
	return r;
}

static int
unguarded(struct mp_context *ctx)
{
	int r = careless_queue(ctx);

	demo_heading("A queue that is in order, too: look where its end is, "
		     "write there, move the end");
	demo_claim(r >= 0 && r < 2 * CARELESS_PUTS,
	    "two processes put %d items into it, and %d are lost",
	    2 * CARELESS_PUTS, 2 * CARELESS_PUTS - r);
	return r < 0 ? r : 0;
}

static int
run(void)
{
	int r = blog_open(20, &blog);

	if (r < 0)
		return r;
	fragments();
	r = pair_steps((demo_step *[]){ crawl, unguarded, NULL });
	blog_close(&blog);
	return r;
}

const struct demo demo_queue = {
	.name = "queue",
	.question = "Is a queue safe because it is ordered?",
	.about = about,
	.options = options,
	.answer = answer,
	.run = run,
};
