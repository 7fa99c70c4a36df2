#include <curl/curl.h>
#include <rocksdb/c.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "cmd/command/command.h"
#include "cmd/crawl.h"

int
command_help(int argc, char **argv)
{
	struct buf text;
	int r;

	if (argc > 1 && strcmp(argv[1], "settings") != 0) {
		fprintf(stderr,
		    "mpcrawl help: %s? There is `mpcrawl help` and "
		    "`mpcrawl help settings`\n",
		    argv[1]);
		return EXIT_USAGE;
	}
	if (argc <= 1) {
		printf("mpcrawl - a polite, fast web crawler that cannot be "
		       "hurt by killing it\n\n");
		for (const struct command *c = command_table; c->name; c++)
			printf("  mpcrawl %s %-*s  %s\n", c->name,
			    (int)(22 - strlen(c->name)), c->words, c->help);
		printf("\n  mpcrawl start https://example.org "
		       "--contact you@example.org\n\n"
		       "A crawl is a directory (--dir, ./crawl): "
		       "mpcrawl.conf, frontier/, out/*.jsonl.\n"
		       "Exit status: 0 finished, 1 internal error, 2 usage, "
		       "3 stopped, 4 limit reached,\n"
		       "5 stopped without room on the disk, 6 finished with "
		       "quarantined pages, 7 no seed\ncould be fetched.\n");
		return EXIT_FINISHED;
	}
	buf_init(&text, 1 << 20);
	r = config_help(&text);
	if (r == 0)
		fwrite(text.ptr, 1, text.len, stdout);
	buf_fini(&text);
	return r == 0 ? EXIT_FINISHED : EXIT_INTERNAL;
}

int
command_version(int argc, char **argv)
{
	(void)argc, (void)argv;
	printf("mpcrawl %s\n%s\nzlib/%s\nrocksdb/%d.%d.%d gumbo-parser/0.10\n",
	    MPCRAWL_VERSION, curl_version(), zlibVersion(), 7, 8, 3);
	return EXIT_FINISHED;
}
