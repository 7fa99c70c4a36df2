#include <curl/curl.h>
#include <expat.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "cmd/command/command.h"
#include "cmd/crawl.h"

static int
help_on(const char *name)
{
	for (const struct command *c = command_table; c->name; c++) {
		if (strcmp(c->name, name) != 0)
			continue;
		printf("  mpcrawl %s%s%s\n\n%s\n", c->name,
		    c->words[0] ? " " : "", c->words, c->help);
		if (c->more != NULL)
			printf("\n%s", c->more);
		/* The filters read lines, not a crawl. */
		if (c->takes_settings)
			printf("\nAny setting is an option of it, --dir most "
			       "of all: `mpcrawl help settings`\n");
		return EXIT_FINISHED;
	}
	fprintf(stderr,
	    "mpcrawl: no help on %s; `mpcrawl help` names the commands, "
	    "`mpcrawl help settings` the options\n",
	    name);
	return EXIT_USAGE;
}

int
command_help(int argc, char **argv)
{
	struct buf text;
	int r;

	if (argc > 1 && strcmp(argv[1], "settings") != 0)
		return help_on(argv[1]);
	if (argc <= 1) {
		printf("mpcrawl - a polite, fast web crawler that cannot be "
		       "hurt by killing it\n\n");
		for (const struct command *c = command_table; c->name; c++)
			printf("  mpcrawl %s %-*s  %s\n", c->name,
			    (int)(28 - strlen(c->name)), c->words, c->help);
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
	printf("mpcrawl %s\n%s\nzlib/%s rocksdb/%s gumbo-parser/%s expat/%s\n",
	    MPCRAWL_VERSION, curl_version(), zlibVersion(), ROCKSDB_VERSION,
	    GUMBO_VERSION, strchr(XML_ExpatVersion(), '_') + 1);
	return EXIT_FINISHED;
}
