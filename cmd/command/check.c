#include <stdio.h>
#include <string.h>

#include "cmd/command/command.h"
#include "cmd/command/settings.h"
#include "cmd/crawl.h"

/* What each host gets: the sections, as they stand in the file. */
static int
show_sections(const struct config *config)
{
	struct buf text;
	int r;

	buf_init(&text, 4 << 20);
	r = config_show_sections(config, &text);
	if (r == 0 && text.len > 0)
		printf("\n%.*s", (int)text.len, text.ptr);
	buf_fini(&text);
	return r == 0 ? EXIT_FINISHED : EXIT_INTERNAL;
}

int
command_check(int argc, char **argv)
{
	struct config config;
	struct err err = ERR_NONE;
	int n_words, r, status = EXIT_FINISHED;

	r = settings_load(&config, argc - 1, argv + 1, &n_words, &err);
	if (r == 0 && n_words > 0)
		r = err_set(&err, -1, "check takes options only, not %s",
		    argv[1]);
	if (r < 0) {
		fprintf(stderr, "mpcrawl: %s\n",
		    err.text[0] ? err.text : strerror(-r));
		status = EXIT_USAGE;
	} else {
		printf("settings are right; crawlers: %u, parsers: %u, "
		       "fetches at once: %u, user agent: %s\n",
		    config.crawlers, config.parsers, config.max_inflight,
		    config.user_agent);
		status = show_sections(&config);
	}
	config_fini(&config);
	return status;
}
