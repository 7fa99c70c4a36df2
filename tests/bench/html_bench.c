/*
 * What a page costs: (a) gumbo's tree in an arena, (b) page_read() whole,
 * charset, tree, walk and links.  Files are arguments; one line a number.
 */
#include <gumbo.h>
#include <stdio.h>
#include <time.h>

#include "lib/base/arena.h"
#include "lib/html/page.h"

enum {
	ROUNDS = 5, /* the fastest counts: the machine may be shared */
};

struct file {
	char *text;
	size_t len;
};

static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static struct file
slurp(const char *path)
{
	struct file file = { NULL, 0 };
	FILE *in = fopen(path, "rb");
	long size;

	if (in == NULL || fseek(in, 0, SEEK_END) != 0 ||
	    (size = ftell(in)) < 0) {
		perror(path);
		exit(2);
	}
	rewind(in);
	file.text = malloc((size_t)size + 1);
	must(file.text != NULL);
	file.len = fread(file.text, 1, (size_t)size, in);
	fclose(in);
	return file;
}

static void *
take(void *arg, size_t size)
{
	void *block = arena_alloc(arg, size);

	must(block != NULL);
	return block;
}

static void
give(void *arg, void *block)
{
	(void)arg, (void)block;
}

static double
run_tree(const struct file *files, size_t n)
{
	struct arena arena;
	GumboOptions options = kGumboDefaultOptions;
	double start;

	arena_init(&arena, SIZE_MAX / 2);
	options.allocator = take;
	options.deallocator = give;
	options.userdata = &arena;
	options.max_errors = 0;
	start = now_ms();
	for (size_t i = 0; i < n; i++) {
		arena_reset(&arena);
		gumbo_parse_with_options(&options, files[i].text, files[i].len);
	}
	start = now_ms() - start;
	arena_fini(&arena);
	return start;
}

static double
run_page(const struct file *files, size_t n, size_t *links)
{
	static const struct page_limits limits = { 64 << 20, 200, 5000, 512,
		256 << 20, 2000 };
	struct page_reader *reader = page_reader_new(&limits);
	struct url url;
	double start;

	url_init(&url);
	must(reader != NULL &&
	     url_parse(SPAN("http://127.0.0.1:8080/docs/15/index.html"), NULL,
		 &url) == 0);
	*links = 0;
	start = now_ms();
	for (size_t i = 0; i < n; i++) {
		struct page_input input = {
			.body = { files[i].text, files[i].len },
			.content_type = SPAN("text/html"),
			.url = &url,
			.robots_agent = SPAN("mpcrawl"),
		};
		struct page page;

		must(page_read(reader, &input, &page) == 0);
		*links += page.n_links;
	}
	start = now_ms() - start;
	page_reader_free(reader);
	url_fini(&url);
	return start;
}

int
main(int argc, char **argv)
{
	size_t n = (size_t)argc - 1, bytes = 0, links = 0;
	struct file *files = calloc((size_t)argc, sizeof(*files));
	double tree = 1e30, page = 1e30;

	must(files != NULL);
	if (n == 0) {
		fprintf(stderr, "usage: html_bench FILE...\n");
		return 2;
	}
	for (size_t i = 0; i < n; i++) {
		files[i] = slurp(argv[i + 1]);
		bytes += files[i].len;
	}
	/* In turns, so that neither has the quieter machine. */
	for (int round = 0; round < ROUNDS; round++) {
		double t = run_tree(files, n), p = run_page(files, n, &links);

		tree = t < tree ? t : tree;
		page = p < page ? p : page;
	}
	printf("%zu pages, %.1f KB and %.1f links a page\n", n,
	    (double)bytes / (double)n / 1e3, (double)links / (double)n);
	printf("gumbo's tree in an arena     %7.3f ms a page\n",
	    tree / (double)n);
	printf("page_read, whole             %7.3f ms a page, %+.1f %%\n",
	    page / (double)n, (page / tree - 1) * 100);
	for (size_t i = 0; i < n; i++)
		free(files[i].text);
	free(files);
	return 0;
}
